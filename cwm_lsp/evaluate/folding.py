"""What CPython's compiler makes of expressions by looking at them: constants, lines, jumps."""

from __future__ import annotations

import ast
from typing import Any

from cwm_lsp.evaluate.values import MISSING


def short_circuits(node: ast.BoolOp) -> bool:
    """Whether the compiler leaves a conditional jump in an `and` or `or`."""
    for value in node.values[:-1]:
        known = constant(value)
        if known is MISSING:
            return True
        if bool(known) is isinstance(node.op, ast.Or):
            return False
    return False


def rejoins(node: ast.IfExp) -> bool:
    """Whether the paths through the first branch of a conditional expression come together in a jump of its own."""
    return isinstance(node.body, ast.BoolOp) and constant(node.test) is MISSING and short_circuits(node.body)


def iterated(node: ast.expr) -> ast.expr:
    """What CPython's compiler makes of an iterable: a list display becomes a tuple."""
    if isinstance(node, ast.List) and not any(isinstance(item, ast.Starred) for item in node.elts):
        return ast.copy_location(ast.Tuple(elts=node.elts, ctx=node.ctx), node)
    return node


def line_after(test: ast.expr, line: int) -> int:
    """The compiler's line after a branch on `test` at `line`: a comparison there leaves its own behind."""
    if isinstance(test, ast.Compare):
        return test.lineno
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return line_after(test.operand, line)
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            line = line_after(value, line)
    if isinstance(test, ast.IfExp):
        for value in (test.test, test.body, test.orelse):
            line = line_after(value, line)
    return line


def has_stars(node: ast.Call) -> bool:
    """Whether a call unpacks arguments."""
    return any(isinstance(item, ast.Starred) for item in node.args) or any(item.arg is None for item in node.keywords)


def constant(node: ast.expr) -> Any:
    """The value to which CPython's compiler folds an expression, or `MISSING`."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp):
        value = constant(node.operand)
        if isinstance(node.op, ast.Not):
            return MISSING if value is MISSING else not value
        if isinstance(value, int | float | complex) and not isinstance(node.op, ast.Invert):
            return -value if isinstance(node.op, ast.USub) else +value
        return MISSING
    if isinstance(node, ast.BinOp):
        left, right = constant(node.left), constant(node.right)
        if isinstance(left, int | float) and isinstance(right, int | float) and not isinstance(left, bool):
            if isinstance(node.op, ast.Add):
                return left + right
            if isinstance(node.op, ast.Sub):
                return left - right
            if isinstance(node.op, ast.Mult) and abs(left) < 2**64 and abs(right) < 2**64:
                return left * right
        return MISSING
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        values = [constant(item) for item in node.elts if not isinstance(item, ast.Starred)]
        if len(values) == len(node.elts) and all(value is not MISSING for value in values):
            return tuple(values)
    return MISSING
