"""The values of literal expressions, without running any code.

What `ast.literal_eval` takes, and arithmetic of literals (`[0] * 5`, `2 ** 16 - 1`, `-1.5`), in bounds.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

_LONGEST = 20_000  # characters of a repr
_LARGEST = 10**100  # of an integer's magnitude, in arithmetic
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_EMPTY: dict[str, type] = {kind.__name__: kind for kind in (set, frozenset, list, dict, tuple, str, bytes, int, float)}


class _WrittenSet(set[Any]):
    """A set whose repr has the order of the literal: the real order of strings depends on the process's hash seed."""

    def __init__(self, elements: list[Any]) -> None:
        super().__init__(elements)
        self._written = list(dict.fromkeys(elements))

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self._written)) + "}"


class _NotLiteral(Exception):
    """The value is not known without running code, or out of bounds."""


def literal_repr(node: ast.expr) -> str | None:
    """The repr of the value of a literal expression, None where it is not one (or a huge one)."""
    try:
        text = repr(_value(node))
    except (_NotLiteral, ArithmeticError, TypeError, ValueError, RecursionError, MemoryError):
        return None
    return text if len(text) <= _LONGEST else None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=elements):
            return tuple(_values(elements))
        case ast.List(elts=elements):
            return _values(elements)
        case ast.Set(elts=elements):
            values = _values(elements)
            numbers = all(isinstance(value, int | float) for value in values)
            return set(values) if numbers else _WrittenSet(values)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return dict(zip(_values([key for key in keys if key is not None]), _values(values), strict=True))
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in _EMPTY:
            return _EMPTY[name]()
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGNS[type(sign)](_bounded(_value(operand)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _arithmetic(op, _bounded(_value(left)), _bounded(_value(right)))
    raise _NotLiteral


def _values(nodes: list[ast.expr]) -> list[Any]:
    return [_value(node) for node in nodes]


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise _NotLiteral
    return value


def _arithmetic(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow) and not (isinstance(right, int | float) and abs(right) <= 100):
        raise _NotLiteral
    if isinstance(op, ast.Mod) and not isinstance(left, int | float):
        raise _NotLiteral  # string formatting has widths of its own to bound
    if isinstance(op, ast.Mult):
        for sequence, times in ((left, right), (right, left)):
            if not isinstance(sequence, int | float | complex) and len(repr(sequence)) * int(times) > _LONGEST:
                raise _NotLiteral
    return _OPERATORS[type(op)](left, right)
