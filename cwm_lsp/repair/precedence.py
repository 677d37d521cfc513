"""How tightly expressions bind: where one needs parentheses in the place of another."""

from __future__ import annotations

import ast

from cwm_lsp.source.trees import expression_of

_OPERATORS: dict[type[ast.AST], int] = {
    ast.Or: 3, ast.And: 4, ast.Not: 5, ast.BitOr: 7, ast.BitXor: 8, ast.BitAnd: 9, ast.LShift: 10, ast.RShift: 10,
    ast.Add: 11, ast.Sub: 11, ast.Mult: 12, ast.Div: 12, ast.FloorDiv: 12, ast.Mod: 12, ast.MatMult: 12, ast.UAdd: 13,
    ast.USub: 13, ast.Invert: 13, ast.Pow: 14,
}  # fmt: skip
_NODES: dict[type[ast.AST], int] = {
    ast.NamedExpr: 0, ast.Yield: 0, ast.YieldFrom: 0, ast.Starred: 0, ast.Lambda: 1, ast.IfExp: 2, ast.Compare: 6,
    ast.Await: 15,
}  # fmt: skip
_ATOM = 16


def binding(node: ast.AST) -> int:
    """How tightly an expression holds together: the more, the tighter."""
    match node:
        case ast.BoolOp(op=op) | ast.UnaryOp(op=op) | ast.BinOp(op=op):
            return _OPERATORS[type(op)]
        case ast.Tuple():
            return 0
    return _NODES.get(type(node), _ATOM)


def wanted(parent: ast.AST, node: ast.AST) -> int:
    """How tightly what stands in the place of `node`, a child of `parent`, has to bind."""
    match parent:
        case ast.BinOp(op=ast.Pow(), left=left):
            return _OPERATORS[ast.Pow] + 1 if left is node else _OPERATORS[ast.USub]
        case ast.BinOp(left=left):
            return binding(parent) + (left is not node)
        case ast.UnaryOp():
            return binding(parent)
        case ast.BoolOp() | ast.Compare():
            return binding(parent) + 1
        case ast.Attribute() | ast.Await():
            return _ATOM
        case ast.Subscript(value=value):
            return _ATOM if value is node else 0
        case ast.Starred():
            return _OPERATORS[ast.BitOr]
    return 0


def is_loose(text: str, parent: ast.AST, node: ast.AST) -> bool:
    """Whether a text needs parentheses in the place of a node; one that is no expression of its own does."""
    try:
        new = expression_of(text)
    except (SyntaxError, ValueError):
        return True
    is_number = isinstance(new, ast.Constant) and isinstance(new.value, int | float | complex)
    return binding(new) < wanted(parent, node) or (isinstance(parent, ast.Attribute) and is_number)
