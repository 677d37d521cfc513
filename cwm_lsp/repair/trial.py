"""Edits tried on what is known of a function, many in one program.

A program has the file's other code once, and the function (with what leads to it) as often as there are edits, each
inside a function of ours that makes it: modules are loaded once for all of them, and no edit can see another one.
"""

from __future__ import annotations

import ast
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from cwm_lsp.evaluate import Called, Limits
from cwm_lsp.evaluate.observed import not_known
from cwm_lsp.repair.text import Definition
from cwm_lsp.source.checks import Check, dependents
from cwm_lsp.source.functions import Function
from cwm_lsp.source.names import is_main_guard
from cwm_lsp.source.trees import tree_of

Attempt = Callable[[str, str, Sequence[str]], Iterator[Called]]
"""What comes of calls of a function, by its name, in a text that stands in the file's place."""
Within = Callable[[Limits], Attempt]
"""What attempts calls within limits."""
AMPLE = Limits(operations=300_000, seconds=1.5)
"""Of one check."""
SCANTY = tuple(Limits(operations=operations, seconds=0.5, depth=150) for operations in (1_000, 4_000, 16_000))
"""The same, of an edit that is tried for the first time: many of them never end."""
LEAST = 0.1
"""Seconds that an evaluation has, however little time is left."""
MORE = 4
"""So many times what the function takes as it is, an edit of it may take."""
CHECK = "_cwm_check"
MAKE = "_cwm_make"
_WORD = re.compile(r"\w+")


def holds(check: Check, called: Called) -> bool | None:
    """Whether what came of a check is what is expected; None where that is not known. What takes too long does not."""
    outcome = called.outcome
    if outcome is None:
        return False if called.exhausted else None
    if outcome.kind == "endless":
        return False
    if outcome.kind == "exception" and outcome.exception is not None:
        if check.expectation is None:
            return False
        return check.expectation.holds(None, (outcome.exception.type, outcome.exception.message))
    if check.expectation is None:
        return outcome.kind == "return"
    return check.expectation.holds(outcome.value, None)


def indented(code: str, by: str = "    ", tree: ast.Module | None = None) -> str:
    """Statements one level in; lines inside of strings stay as they are. `tree`: what they parse to, if it is known.

    Raises SyntaxError where they do not parse.
    """
    inside: set[int] = set()
    for node in ast.walk(tree or tree_of(code)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
            inside |= set(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    lines = code.split("\n")
    return "\n".join(
        line if number in inside or not line.strip() else by + line for number, line in enumerate(lines, 1)
    )


@dataclass
class Trial:
    """A function, what is known of it, and what evaluates it.

    Raises SyntaxError where the file does not parse.
    """

    source: str
    function: Function
    checks: Sequence[Check]
    within: Within
    more: Sequence[str] = ()
    """Further calls, of which nothing is expected: they are numbered after the checks."""
    names: tuple[str, ...] = field(init=False)
    """What is made anew for each edit."""
    limits: Limits = AMPLE
    """Of checks apart from the file."""
    until: float = math.inf
    """When what is known has to be known (`time.monotonic`): of what comes later nothing is."""
    _tree: ast.Module = field(init=False)
    _rest: str = field(init=False)
    _starts: list[int] = field(init=False)
    is_apart: bool = field(init=False)
    """Whether the function can be tried apart from the rest of its file."""

    def __post_init__(self) -> None:
        self._tree = tree_of(self.source)
        defined = [node.name for node in self._tree.body if isinstance(node, Definition | ast.ClassDef)]
        through = dependents(self.source, self.function)
        reached = self._reached(through)
        self.names = tuple(dict.fromkeys(name for name in defined if name in through and name in reached))
        others = [node for node in self._tree.body if not isinstance(node, Definition | ast.ClassDef)]
        mentioned = {name for node in others if not _is_aside(node) for name in _mentioned(node)}
        self.is_apart = (
            mentioned.isdisjoint(self.names)
            and len(defined) == len(set(defined))
            and self.function.qualname.split(".")[0] in defined
        )
        self._starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.source))]
        self._rest = self._without(reached)

    def _reached(self, through: frozenset[str]) -> set[str]:
        """The top-level definitions that checks and the function need."""
        bodies = {
            node.name: _mentioned(node) for node in self._tree.body if isinstance(node, Definition | ast.ClassDef)
        }
        pending = [self.function.qualname.split(".")[0]]
        pending += [name for check in self.checks for name in _WORD.findall(check.before + check.expression)]
        pending += [name for call in self.more for name in _WORD.findall(call)]
        for node in self._tree.body:
            if not isinstance(node, Definition | ast.ClassDef) and not _is_aside(node):
                pending += _mentioned(node)
        reached: set[str] = set()
        while pending:
            name = pending.pop()
            if name in bodies and name not in reached:
                reached.add(name)
                pending += bodies[name]
        return reached

    def _without(self, reached: set[str]) -> str:
        """The file without what is made anew, and without what nothing needs."""
        kept: list[str] = []
        for node in self._tree.body:
            if isinstance(node, Definition | ast.ClassDef) and (node.name in self.names or node.name not in reached):
                continue
            if not _is_aside(node):
                kept.append(self.source[self._whole(node)])
        return "\n".join([*kept, ""])

    def _whole(self, node: ast.stmt) -> slice:
        return slice(*_extent(node, self._starts, self.source))

    # programs

    def _checks(self) -> str:
        named = ", ".join(self.names)
        parts = []
        for number, check in enumerate(self.checks):
            before = indented(ast.unparse(tree_of(check.before))) + "\n" if check.before.strip() else ""
            parts.append(f"def {CHECK}_{number}({named}):\n{before}    return ({check.expression})\n")
        for number, call in enumerate(self.more, len(self.checks)):
            parts.append(f"def {CHECK}_{number}({named}):\n    return ({call})\n")
        every = ", ".join(f"{CHECK}_{number}" for number in range(len(self.checks) + len(self.more)))
        return "\n".join([*parts, f"def {CHECK}(number, made):\n    return ({every},)[number](*made)\n"])

    def whole(self, source: str, numbers: Sequence[int] | None = None) -> list[Called]:
        """What comes of checks, by number, in a whole file."""
        wanted = range(len(self.checks) + len(self.more)) if numbers is None else numbers
        program = source.rstrip("\n") + "\n\n" + self._checks()
        calls = [f"{CHECK}({number}, ({''.join(f'{name}, ' for name in self.names)}))" for number in wanted]
        told = list(self._in_time(self.within(self._left(AMPLE))(program, CHECK, calls)))
        return told + [not_known("there was no time left")] * (len(calls) - len(told))

    def _left(self, limits: Limits) -> Limits:
        """Limits that hold the time."""
        return replace(limits, seconds=max(min(limits.seconds, self.until - time.monotonic()), LEAST))

    def _in_time(self, told: Iterator[Called]) -> Iterator[Called]:
        for called in told:
            yield called
            if not self.has_time:
                return

    @property
    def has_time(self) -> bool:
        return time.monotonic() <= self.until

    def unit(self, source: str) -> str:
        """What is made anew, in a text of the whole file that may differ in the function.

        Raises SyntaxError where it does not parse.
        """
        own = self.function.qualname.split(".")[0]
        before, _, after = self._own
        if not (source.startswith(before) and source.endswith(after) and len(source) >= len(before) + len(after)):
            return self._unit_of(source)
        text = source[len(before) : len(source) - len(after)].rstrip("\n")
        tree = tree_of(text)
        if [getattr(node, "name", None) for node in tree.body] != [own]:
            return self._unit_of(source)
        made = indented(text, tree=tree)
        return "\n".join(made if name == own else part for name, part in self._parts)

    def _unit_of(self, source: str) -> str:
        """The same, where other parts of the file may differ too."""
        tree = tree_of(source)
        return "\n".join(part for _, part in self._parts_of(source, tree))

    def _parts_of(self, source: str, tree: ast.Module) -> list[tuple[str, str]]:
        """The name and the text, one level in, of each definition that is made anew."""
        starts = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", source))]
        parts = []
        for node in tree.body:
            if isinstance(node, Definition | ast.ClassDef) and node.name in self.names:
                start, stop = _extent(node, starts, source)
                parts.append((node.name, indented(source[start:stop].rstrip("\n"))))
        return parts

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        return self._parts_of(self.source, self._tree)

    @cached_property
    def _own(self) -> tuple[str, str, str]:
        """The file before, in and after the definition that the function is of."""
        name = self.function.qualname.split(".")[0]
        nodes = [node for node in self._tree.body if getattr(node, "name", None) == name]
        if not nodes:
            return self.source, "", self.source
        start, stop = _extent(nodes[-1], self._starts, self.source)
        return self.source[:start], self.source[start:stop], self.source[stop:]

    def each(
        self, units: Sequence[str], asked: Sequence[tuple[int, int]], within: Within | None = None
    ) -> Iterator[Called]:
        """What comes of checks with units (see `unit`), for each pair of the numbers of a unit and a check; of the
        first ones, where there is no time for all."""
        made = ", ".join(self.names)
        makers = [f"def {MAKE}_{number}():\n{unit}\n    return ({made},)\n" for number, unit in enumerate(units)]
        program = "\n".join([self._rest, self._checks(), *makers])
        calls = [f"{CHECK}({check}, {MAKE}_{unit}())" for unit, check in asked]
        return self._in_time((within or self.within)(self._left(self.limits))(program, CHECK, calls))


def _extent(node: ast.stmt, starts: Sequence[int], source: str) -> tuple[int, int]:
    """The first character of a statement's lines, decorators too, and the one after its last line."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    last = node.end_lineno or node.lineno
    return starts[first - 1], starts[last] if last < len(starts) else len(source)


def _is_aside(node: ast.stmt) -> bool:
    """Whether a statement of a module is of no matter to its functions: what only happens if it is run, what `import *`
    gives of it."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AugAssign(target=ast.Name(id="__all__")):
            return True
        case _:
            return is_main_guard(node)


def _mentioned(node: ast.AST) -> set[str]:
    """The words in a statement."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    found |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return found | {word for text in texts if len(text) < 80 for word in _WORD.findall(text)}
