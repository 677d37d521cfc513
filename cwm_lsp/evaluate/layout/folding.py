"""What CPython 3.11's compiler makes of a syntax tree before it generates code: constants are folded.

`folded` brings a tree of any Python to the form that 3.11 compiles: f-strings have the positions that they have there,
operations on constants are carried out, `"%s" % (x,)` is an f-string.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
import sys
import tokenize
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from cwm_lsp.evaluate.scopes import postpones
from cwm_lsp.evaluate.values import MISSING, is_a

Node = TypeVar("Node", bound=ast.AST)

INTEGER_BITS = 128
COLLECTION_ITEMS = 256
TEXT_CHARACTERS = 4096
TOTAL_ITEMS = 1024

UNARY: dict[type, Callable[[Any], Any]] = {ast.Not: operator.not_, ast.UAdd: operator.pos, ast.USub: operator.neg}
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
INVERTED: dict[type, type[ast.cmpop]] = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
FORMAT = re.compile(r"(?P<flags>[-+ #0z]*)(?P<width>\d{0,2})(?P<dot>\.)?(?(dot)(?P<precision>\d{0,2}))(?P<kind>[sra])")
"""A conversion of `%` that becomes one of an f-string: with more digits it does not."""


def folded(tree: Node, source: str = "") -> Node:
    """`tree`, that of `source`, as CPython 3.11 compiles it; changed in place."""
    result: Node = _Folder(postpones(tree), source).visit(tree)
    return result


@functools.lru_cache(maxsize=64)
def imported_names(tree: ast.AST) -> frozenset[str]:
    """The names that a module imports at its top level."""
    names: set[str] = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.alias):
                names.add((child.asname or child.name).split(".")[0])
            elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
                pending.append(child)
    return frozenset(names)


class _Folder(ast.NodeTransformer):
    """Folds from the inside out."""

    def __init__(self, postponed: bool, source: str) -> None:
        self.postponed = postponed
        self.texts = Texts(source)
        self.sets: dict[Any, frozenset[Any]] = {}
        """Sets of constants, of which the compiler keeps one, that which it comes to first."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        postponed = {"annotation", "returns"} if self.postponed else set()
        for name, value in ast.iter_fields(node):
            if name in postponed:
                continue
            if isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                value[:] = [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return node

    def visit_Module(self, node: Any) -> Any:
        had = ast.get_docstring(node, clean=False) is not None
        self.generic_visit(node)
        if not had and ast.get_docstring(node, clean=False) is not None:  # folded: no docstring
            first = node.body[0]
            first.value = ast.copy_location(ast.JoinedStr(values=[first.value]), first)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Module  # noqa: N815

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == "__debug__" and isinstance(node.ctx, ast.Load):
            return _constant(node, True)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(inner, ast.Constant):
            if isinstance(node.op, ast.Invert):
                return _constant(node, ~int(inner.value) if isinstance(inner.value, int) else MISSING)
            return _carried_out(node, UNARY[type(node.op)], inner.value)
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            inverted = INVERTED.get(type(inner.ops[0]))
            if inverted is not None:
                inner.ops = [inverted()]
                return inner
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left, right = node.left, node.right
        if not isinstance(left, ast.Constant):
            return node
        if isinstance(node.op, ast.Mod) and isinstance(right, ast.Tuple) and isinstance(left.value, str):
            return _format(node, left.value, right.elts)
        if not isinstance(right, ast.Constant):
            return node
        if isinstance(node.op, ast.Mult):
            return _carried_out(node, _multiply, left.value, right.value)
        if isinstance(node.op, ast.Pow):
            return _carried_out(node, _power, left.value, right.value)
        if isinstance(node.op, ast.LShift):
            return _carried_out(node, _shift, left.value, right.value)
        if isinstance(node.op, ast.Mod) and not isinstance(left.value, str | bytes):
            return _carried_out(node, operator.mod, left.value, right.value)
        if type(node.op) in BINARY:
            return _carried_out(node, BINARY[type(node.op)], left.value, right.value)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        self.generic_visit(node)
        return _constant(node, _constants(node.elts)) if isinstance(node.ctx, ast.Load) else node

    def visit_Set(self, node: ast.Set) -> ast.AST:
        """One of more than two constants is compiled like `{*frozenset}`, and has its elements in that order."""
        self.generic_visit(node)
        values = _constants(node.elts)
        if values is not MISSING and len(values) > 2:
            constant = _constant(node, self.set_of(values))
            node.elts = [ast.copy_location(ast.Starred(value=constant, ctx=ast.Load()), node)]
        return node

    def set_of(self, values: tuple[Any, ...]) -> frozenset[Any]:
        """The constant that the compiler makes of elements: it makes a set of them, and another of that one's."""
        made = frozenset(tuple(frozenset(values)))
        return self.sets.setdefault(frozenset(map(_told_apart, made)), made)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        value, index = node.value, node.slice
        if isinstance(node.ctx, ast.Load) and isinstance(value, ast.Constant) and isinstance(index, ast.Constant):
            return _carried_out(node, operator.getitem, value.value, index.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.ops[-1], ast.In | ast.NotIn):
            node.comparators[-1] = self.iterated(node.comparators[-1])
        return node

    def visit_For(self, node: Any) -> Any:
        self.generic_visit(node)
        node.iter = self.iterated(node.iter)
        return node

    def iterated(self, node: ast.expr) -> ast.expr:
        """What is iterated over or searched: a list display becomes a tuple, a set of constants a constant."""
        if isinstance(node, ast.List) and not any(isinstance(item, ast.Starred) for item in node.elts):
            return _constant(ast.copy_location(ast.Tuple(elts=node.elts, ctx=node.ctx), node), _constants(node.elts))
        if isinstance(node, ast.Set):
            first = node.elts[0]
            if (
                isinstance(first, ast.Starred)
                and isinstance(first.value, ast.Constant)
                and is_a(first.value.value, frozenset)
            ):
                return first.value
            values = _constants(node.elts)
            return _constant(node, values if values is MISSING else self.set_of(values))
        return node

    visit_comprehension = visit_For

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        if sys.version_info >= (3, 12):
            self.place(node, node)
        return self.generic_visit(node)

    def place(self, node: ast.JoinedStr, whole: ast.JoinedStr) -> None:
        """The parts of an f-string are where the whole string is, but for the ends of formats: their own literal is."""
        node.values[:] = [item for item in node.values if not (isinstance(item, ast.Constant) and item.value == "")]
        for part in node.values:
            spec = part.format_spec if isinstance(part, ast.FormattedValue) else None
            ast.copy_location(part, whole)
            if isinstance(spec, ast.JoinedStr):
                line = whole.lineno
                if whole.end_lineno != line:
                    line = self.texts.line_of(spec.lineno, spec.col_offset)
                self.place(spec, whole)
                ends = [spec, *(item for item in spec.values[-1:] if isinstance(item, ast.Constant))]
                for item in ends:
                    item.lineno = item.end_lineno = line


class Texts:
    """The literals of f-strings in a file, as tokens; of Python 3.12 and later."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._literals: list[tuple[tuple[int, int], tuple[int, int]]] | None = None

    def line_of(self, line: int, column: int) -> int:
        """The line on which the innermost literal around a place, given in bytes, begins."""
        found = [start for start, end in self.literals() if start <= (line, column) <= end]
        return max(found)[0] if found else line

    def literals(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        if self._literals is None:
            lines = self.source.splitlines(keepends=True)
            open_ones: list[tuple[int, int]] = []
            self._literals = []
            for token in tokenize.generate_tokens(iter(lines).__next__):
                kind = tokenize.tok_name[token.type]
                if kind == "FSTRING_START":
                    open_ones.append(_in_bytes(lines, token.start))
                elif kind == "FSTRING_END":
                    self._literals.append((open_ones.pop(), _in_bytes(lines, token.end)))
        return self._literals


def _in_bytes(lines: list[str], place: tuple[int, int]) -> tuple[int, int]:
    line, column = place
    return line, len(lines[line - 1][:column].encode())


def _constant(node: ast.expr, value: Any) -> ast.expr:
    return node if value is MISSING else ast.copy_location(ast.Constant(value=value), node)


def _carried_out(node: ast.expr, operation: Callable[..., Any], *operands: Any) -> ast.expr:
    value = MISSING
    with suppress(Exception):
        value = operation(*operands)
    return _constant(node, value)


def _constants(nodes: Sequence[ast.expr]) -> Any:
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return tuple(values) if len(values) == len(nodes) else MISSING


def _told_apart(value: Any) -> Any:
    """What the compiler tells constants apart by: also by their types, and the signs of zeros."""
    if isinstance(value, tuple):
        return tuple, *map(_told_apart, value)
    return type(value), value if isinstance(value, int) else repr(value)


def _multiply(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        if left and right and left.bit_length() + right.bit_length() > INTEGER_BITS:
            return MISSING
    elif isinstance(left, int) and isinstance(right, tuple | frozenset):
        if right and not 0 <= left <= COLLECTION_ITEMS // len(right):
            return MISSING
        if right and left and _room(right, TOTAL_ITEMS // left) < 0:
            return MISSING
    elif isinstance(left, int) and isinstance(right, str | bytes):
        if right and not 0 <= left <= TEXT_CHARACTERS // len(right):
            return MISSING
    elif isinstance(right, int) and isinstance(left, tuple | frozenset | str | bytes):
        return _multiply(right, left)
    return left * right


def _room(value: Any, limit: int) -> int:
    """`limit` less the items of a collection and of those in it."""
    if isinstance(value, tuple | frozenset):
        limit -= len(value)
        for item in value:
            if limit < 0:
                break
            limit = _room(item, limit)
    return limit


def _power(left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and left and right > 0 and left.bit_length() > INTEGER_BITS // right:
        return MISSING
    return left**right


def _shift(left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and left and right and left.bit_length() > INTEGER_BITS - right:
        return MISSING
    return left << right


def _format(node: ast.BinOp, template: str, operands: Sequence[ast.expr]) -> ast.expr:
    """`template % operands` as an f-string, if it is as simple as that; its texts have no line."""
    if any(isinstance(item, ast.Starred) for item in operands):
        return node
    parts: list[ast.expr] = []
    left = list(operands)
    position = 0
    while True:
        start = position
        while position < len(template) and (template[position] != "%" or template[position + 1 : position + 2] == "%"):
            position += 1 if template[position] != "%" else 2
        if position > start:
            parts.append(_nowhere(template[start:position].replace("%%", "%")))
        if position >= len(template):
            break
        match = FORMAT.match(template, position + 1)
        if not left or match is None:
            return node
        operand = left.pop(0)
        width, precision = match["width"], match["precision"]
        spec = f"{int(width)}" if width else ""
        if spec and "-" not in match["flags"] and int(width) > 0:
            spec = ">" + spec
        if match["dot"]:
            spec += f".{int(precision or 0)}"
        value = ast.FormattedValue(
            value=operand, conversion=ord(match["kind"]), format_spec=_nowhere(spec) if spec else None
        )
        parts.append(ast.copy_location(value, operand))
        position = match.end()
    if left:
        return node
    return ast.copy_location(ast.JoinedStr(values=parts), node)


def _nowhere(text: str) -> ast.Constant:
    return ast.Constant(value=text, lineno=-1, col_offset=-1, end_lineno=-1, end_col_offset=-1)
