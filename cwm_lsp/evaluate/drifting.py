"""Loops over integers that never end although no state comes back: `while i != 10: i += 3`, once `i` is past 10.

The proof is an induction over intervals. Each integer of the loop is taken to be where it is or beyond, in the way that
it moves. If, for all such values, the loop's test holds and its body neither leaves nor fails, and gives such values
again, the loop goes on for ever. Bodies that do anything else than reckon with integers prove nothing.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

Bound = float
"""An integer, or an infinity."""
Interval = tuple[Bound, Bound]
Values = dict[str, Interval]


class Undecided(Exception):
    """Nothing is proved."""


def drifts(loop: ast.While, before: Mapping[str, Any], now: Mapping[str, Any], adding: frozenset[str]) -> bool:
    """Whether a loop whose head has been come to with the integers `before`, then `now`, will never be left. Names in
    `adding` decide nothing in it."""
    values = {
        name: (value if before[name] <= value else -inf, value if before[name] >= value else inf)
        for name, value in now.items()
        if type(value) is int and type(before.get(name)) is int and name not in adding
    }
    try:
        if truth(loop.test, values) is not True:
            return False
        for after in block(loop.body, [values], adding):
            for name, (low, high) in after.items():
                if name not in values or low < values[name][0] or high > values[name][1]:
                    return False
    except (Undecided, OverflowError):
        return False
    return True


def block(statements: Sequence[ast.stmt], ways: list[Values], adding: frozenset[str]) -> list[Values]:
    """The values after some statements, for each way through them."""
    ended: list[Values] = []
    for statement in statements:
        going: list[Values] = []
        for values in ways:
            match statement:
                case ast.Pass():
                    going.append(values)
                case ast.Continue():
                    ended.append(values)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    going.append({**values, name: number(value, values)})
                case ast.AugAssign(target=ast.Name(id=name), op=operation, value=value):
                    if name in adding:
                        number(value, values)
                        going.append(values)
                    else:
                        going.append({**values, name: reckoned(operation, known(name, values), number(value, values))})
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=[value])) if (
                    name in adding
                ):
                    number(value, values)
                    going.append(values)
                case ast.If(test=test, body=body, orelse=orelse):
                    holds = truth(test, values)
                    for way, taken in ((body, holds is not False), (orelse, holds is not True)):
                        if taken and any(isinstance(node, ast.Continue) for part in way for node in ast.walk(part)):
                            raise Undecided
                        if taken:
                            going += block(way, [values], adding)
                case _:
                    raise Undecided
        ways = going
        if len(ways) > 64:
            raise Undecided
    return ended + ways


def known(name: str, values: Values) -> Interval:
    try:
        return values[name]
    except KeyError:
        raise Undecided from None


def number(node: ast.expr, values: Values) -> Interval:
    """Where the value of an expression is."""
    match node:
        case ast.Constant(value=int() as value) if type(value) is int:
            return value, value
        case ast.Name(id=name):
            return known(name, values)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            low, high = number(operand, values)
            return -high, -low
        case ast.BinOp(left=left, op=operation, right=right):
            return reckoned(operation, number(left, values), number(right, values))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            holds = truth(test, values)
            ways = [number(body, values)] if holds is not False else []
            ways += [number(orelse, values)] if holds is not True else []
            return min(low for low, _ in ways), max(high for _, high in ways)
    raise Undecided


def reckoned(operation: ast.operator, one: Interval, other: Interval) -> Interval:
    (a, b), (c, d) = one, other
    match operation:
        case ast.Add():
            return a + c, b + d
        case ast.Sub():
            return a - d, b - c
        case ast.Mult():
            corners = [times(x, y) for x in one for y in other]
            return min(corners), max(corners)
        case ast.FloorDiv() if c > 0 or d < 0:
            if inf in (abs(a), abs(b), abs(c), abs(d)):
                same_sign = (a >= 0 and c > 0) or (b <= 0 and d < 0)
                return (0, inf) if same_sign else (-inf, inf)
            corners = [x // y for x in one for y in other]
            return min(corners), max(corners)
        case ast.Mod() if c > 0:
            return 0, d - 1
    raise Undecided


def times(a: Bound, b: Bound) -> Bound:
    return 0 if 0 in (a, b) else a * b


COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def truth(node: ast.expr, values: Values) -> bool | None:
    """Whether an expression is true for all values; None if that differs."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            holds = truth(operand, values)
            return None if holds is None else not holds
        case ast.BoolOp(op=operation, values=parts):
            decided = isinstance(operation, ast.Or)
            found = [truth(part, values) for part in parts]
            return decided if decided in found else None if None in found else not decided
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as operation], comparators=[right]):
            (a, b), (c, d) = number(left, values), number(right, values)
            equal = True if a == b == c == d else False if b < c or d < a else None
            return equal if equal is None or isinstance(operation, ast.Eq) else not equal
        case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in COMPARED:
            compared = COMPARED[type(operation)]
            results = {compared(x, y) for x in number(left, values) for y in number(right, values)}
            return results.pop() if len(results) == 1 else None
    low, high = number(node, values)
    return True if low > 0 or high < 0 else False if low == high == 0 else None
