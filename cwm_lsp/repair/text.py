"""The text of one function in its file, by its nodes: what edits are made of, so that comments and layout stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from cwm_lsp.repair.precedence import is_loose
from cwm_lsp.source.functions import Function
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.source.trees import tree_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)
TOKEN = re.compile(r"\w+|\*\*|//|<<|>>|[<>=!+\-*/%&|^@:]=|\S")
_TIGHT = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Attribute, ast.Subscript, ast.Await, ast.Starred)
"""Nodes inside of which an operator may bind otherwise than alone."""
_LOOSE = (ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Await, ast.Starred)
"""Nodes that may come apart when something stands beside them."""

Change = tuple[int, int, str]
"""First character, the one after the last, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file's text."""

    changes: tuple[Change, ...]
    title: str
    line: int
    """Of the statement that it changes, 1-based."""
    cost: float
    """How unlikely such a fault is: edits that cost less are tried first."""
    guards: bool = False
    """It keeps a crash or a case away and computes nothing new."""
    ends: bool = False
    """It gives a recursion an end."""

    def applied(self, source: str) -> str:
        """The file after it."""
        for start, stop, text in sorted(self.changes, reverse=True):
            source = source[:start] + text + source[stop:]
        return source

    def tokens(self, source: str) -> int:
        """How many tokens go or come."""
        return sum(_apart(TOKEN.findall(source[start:stop]), TOKEN.findall(text)) for start, stop, text in self.changes)


def _apart(old: list[str], new: list[str]) -> int:
    """Tokens in which two texts differ, those at their ends that are the same left out."""
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return max(len(old), len(new))


@dataclass
class FunctionText:
    """A function's definition, where each of its nodes stands in the file. Lines are those of the file.

    Raises SyntaxError where the file does not parse.
    """

    source: str
    function: Function
    tree: ast.Module = field(init=False)
    node: Definition = field(init=False)

    def __post_init__(self) -> None:
        self.tree = tree_of(self.source)
        self.node = next(
            node
            for node in ast.walk(self.tree)
            if isinstance(node, Definition) and (node.lineno, node.name) == (self.function.def_line, self.function.name)
        )

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return split_lines(self.source)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.source))]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node inside the function → the one around it."""
        return {child: node for node in ast.walk(self.node) for child in ast.iter_child_nodes(node)}

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements inside the function, its docstring left out."""
        first = self.node.body[0]
        told = (
            isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        )
        skipped = first if told else None
        inside = [node for node in ast.walk(self.node) if isinstance(node, ast.stmt)]
        return [node for node in inside if node is not self.node and node is not skipped]

    @cached_property
    def expressions(self) -> list[ast.expr]:
        """All expressions inside its statements and defaults, annotations and docstring left out."""
        found: list[ast.expr] = []
        pending: list[ast.AST] = [*self.statements_of(self.node.body)]
        pending += [one for one in (*self.node.args.defaults, *self.node.args.kw_defaults) if one is not None]
        while pending:
            node = pending.pop(0)
            if isinstance(node, ast.expr) and not isinstance(node, ast.JoinedStr):
                found.append(node)
            if isinstance(node, ast.JoinedStr):
                continue
            skipped = {getattr(node, "annotation", None), getattr(node, "returns", None)}
            pending += [child for child in ast.iter_child_nodes(node) if child not in skipped]
        return found

    def statements_of(self, body: list[ast.stmt]) -> list[ast.stmt]:
        kept = set(self.statements)
        return [node for node in body if node in kept]

    def each(self, kind: type[Node]) -> Iterator[Node]:
        """Its expressions of a kind."""
        return (node for node in self.expressions if isinstance(node, kind))

    def offset(self, line: int, column: int) -> int:
        """Where a place is that `ast` tells: it counts bytes."""
        text = self.lines[line - 1]
        return self._starts[line - 1] + (
            column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))
        )

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.ExceptHandler) -> tuple[int, int]:
        """First character and the one after the last."""
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno or 0, node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> str:
        start, stop = self.span(node)
        return self.source[start:stop]

    def operand(self, node: ast.expr) -> str:
        """The text of an expression, in parentheses where it would come apart."""
        text = self.text(node)
        return f"({text})" if isinstance(node, _LOOSE) else text

    def replace(self, node: ast.expr | ast.stmt | ast.keyword, text: str, *, loose: bool = False) -> Change:
        """A node by a text, in parentheses where it may be `loose` and the place is tighter."""
        start, stop = self.span(node)
        parent = self.parents.get(node)
        if loose and isinstance(parent, _TIGHT) and is_loose(text, parent, node) and not self.is_bracketed(node):
            text = f"({text})"
        return start, stop, text

    def is_bracketed(self, node: ast.expr | ast.stmt | ast.keyword) -> bool:
        """Whether a node stands in parentheses or brackets of its own."""
        start, stop = self.span(node)
        before, after = self.source[:start].rstrip(), self.source[stop:].lstrip()
        return (before[-1:] + after[:1]) in ("()", "[]")

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The statement that an expression is in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, int]:
        """From the end of one expression to the start of the next."""
        return self.span(left)[1], self.span(right)[0]

    def indent(self, node: ast.stmt) -> str:
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    def is_alone(self, node: ast.stmt) -> bool:
        """Whether a statement has its lines for itself."""
        start, stop = self.span(node)
        first = self.source[self._starts[node.lineno - 1] : start]
        rest = self.source[stop:].split("\n", 1)[0]
        return not first.strip() and (not rest.strip() or rest.lstrip().startswith("#"))

    def line_start(self, line: int) -> int:
        """The first character of a line; one line after the last is the end of the file."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.source)

    def whole(self, node: ast.stmt) -> tuple[int, int]:
        """All the lines of a statement, decorators and the last newline too."""
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        return self.line_start(first), self.line_start((node.end_lineno or node.lineno) + 1)

    # names

    @cached_property
    def parameters(self) -> list[str]:
        return [parameter.name for parameter in self.function.parameters]

    @cached_property
    def variables(self) -> list[str]:
        """Parameters and what the function binds, in order; not what comprehensions bind."""
        inner = {
            name.id
            for node in ast.walk(self.node)
            if isinstance(node, ast.comprehension)
            for name in ast.walk(node.target)
            if isinstance(name, ast.Name)
        }
        bound = [
            node.id for node in ast.walk(self.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        return list(dict.fromkeys([*self.parameters, *(name for name in bound if name not in inner)]))

    def comprehended(self, node: ast.AST) -> list[str]:
        """What the comprehensions and lambdas around a node bind."""
        found: list[str] = []
        while node is not self.node:
            for generator in getattr(node, "generators", ()):
                found += [name.id for name in ast.walk(generator.target) if isinstance(name, ast.Name)]
            if isinstance(node, ast.Lambda):
                found += [argument.arg for argument in node.args.args]
            node = self.parents[node]
        return found
