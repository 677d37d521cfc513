"""What the syntax of a file says about how to show a trace of it: its loops, and the names that each line binds."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_lsp.source.functions import functions
from cwm_lsp.source.recovery import parse

_WATCH = re.compile(r"#\s*cwm:\s*watch\s+([\w*]+(?:[\s,]+[\w*]+)*)\s*$")
"""A comment in a function: the variables whose values are wanted there."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` or `while` statement. Lines are 1-based and included."""

    header: int
    body: int
    """First line of the body; the header's own in `for x in xs: f(x)`."""
    last: int
    """Last line of the body; an `else` is no part of it."""

    def __contains__(self, line: int) -> bool:
        return self.header <= line <= self.last


@dataclass(frozen=True, slots=True)
class Shape:
    """Loops and bound names of the functions that a trace enters."""

    loops: tuple[Loop, ...] = ()
    """Outer ones before inner ones."""
    bound: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Line → names that a statement which begins there assigns, whether or not their values change."""
    watched: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Line → the only names whose values are wanted there (see `_WATCH`); lines where all are, are absent."""

    @classmethod
    def of(cls, source: str, lines: Collection[int]) -> Shape:
        """The shape of those lines of a file, which need not parse as a whole."""
        loops: list[Loop] = []
        bound: dict[int, set[str]] = {}
        for fragment in parse(source).fragments:
            for node in _nodes(_around(fragment.body, {line - fragment.offset for line in lines})):
                line = getattr(node, "lineno", 0) + fragment.offset
                if line not in lines:
                    continue
                if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                    body, end = node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno
                    loops.append(Loop(line, body + fragment.offset, end + fragment.offset))
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    bound.setdefault(line, set()).add(node.id)
                elif isinstance(node, ast.ExceptHandler) and node.name:
                    bound.setdefault(line, set()).add(node.name)
        loops.sort(key=lambda loop: (loop.header, -loop.last))
        names_bound = {line: frozenset(names) for line, names in bound.items()}
        return cls(tuple(loops), names_bound, _watched(source, lines))

    def to_json(self) -> dict[str, Any]:
        return {
            "loops": [[loop.header, loop.body, loop.last] for loop in self.loops],
            "bound": [[line, *sorted(names)] for line, names in self.bound.items()],
            "watched": [[line, *names] for line, names in self.watched.items()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        return cls(
            tuple(Loop(*loop) for loop in data["loops"]),
            {line: frozenset(names) for line, *names in data["bound"]},
            {line: tuple(names) for line, *names in data["watched"]},
        )


def _watched(source: str, lines: Collection[int]) -> dict[int, tuple[str, ...]]:
    """By line, what the comments of its innermost function say that has one."""
    texts = enumerate(source.split("\n"), 1)
    comments = [(number, match[1]) for number, text in texts if (match := _WATCH.search(text))]
    extents = [range(found.first_line, found.last_line + 1) for found in functions(source)] if comments else []
    wanted: dict[range, list[str]] = {}
    for number, names in comments:
        around = [extent for extent in extents if number in extent]
        if around:  # the innermost comes last
            wanted.setdefault(around[-1], []).extend(re.split(r"[\s,]+", names))
    return {
        line: tuple(wanted[extent])
        for extent in sorted(wanted, key=len, reverse=True)
        for line in lines
        if line in extent
    }


def _around(body: Sequence[ast.stmt], lines: Collection[int]) -> list[ast.stmt]:
    """The statements that some of the lines are in: files are large, and traces are of a few of their functions."""
    return [node for node in body if any(node.lineno <= line <= (node.end_lineno or line) for line in lines)]


_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _nodes(body: list[ast.stmt] | Any) -> Iterator[ast.AST]:
    """All nodes of some statements, those of comprehensions and lambdas left out, whose names are their own."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, _SCOPES))
