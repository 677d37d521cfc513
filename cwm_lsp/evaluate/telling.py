"""Code that tells what it changes, so that what it has left alone need not be looked at.

The text of a mutable value is made again only where something may have changed inside. What changes a list, dict or
instance is an operation, and each operation that is not named here counts as one that may have changed anything
(`Machine.acts`); those that change just one object tell which (`Machine.touch`).
"""

from __future__ import annotations

import ast
from collections.abc import Container
from functools import lru_cache
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    NoneType,
    WrapperDescriptorType,
)
from typing import Any

from cwm_lsp.evaluate.values import mro_of, names_of

STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Pass, ast.Break, ast.Continue, ast.If, ast.While,
              ast.For)  # fmt: skip
"""Statements that do nothing but what their expressions and targets do."""
PARTS = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Attribute,
         ast.Subscript, ast.Slice, ast.Call, ast.keyword, ast.Tuple, ast.List, ast.JoinedStr, ast.FormattedValue,
         ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)  # fmt: skip
"""Parts of expressions whose every operation tells."""
BLOCKS = ("body", "orelse")

STILL_CALLS: frozenset[object] = frozenset(
    {len, str, int, float, bool, abs, range, repr, isinstance, ord, chr, round, min, max, sum, sorted, list, tuple,
     dict, set, frozenset, enumerate, zip, any, all, divmod}
)  # fmt: skip
"""Builtins that change nothing themselves but iterators."""
ATOMIC: frozenset[type] = frozenset({int, str, float, bool, NoneType, bytes, complex})
CONTAINERS: frozenset[type] = frozenset({list, tuple, dict, set, frozenset})
STILL_OPERANDS = ATOMIC | CONTAINERS
"""Types whose operators, but for those in place, change nothing."""
STILL_METHODS = STILL_OPERANDS
"""Types whose methods change nothing but those that are known to change their object."""
TOUCHING = frozenset(
    ["append", "appendleft", "pop", "popleft", "insert", "clear", "add", "discard", "reverse", "setdefault"]
)
"""Methods of builtin containers that change their object and nothing else, at once."""

DESCRIPTORS: frozenset[type] = frozenset(
    {FunctionType, property, staticmethod, classmethod, MemberDescriptorType, GetSetDescriptorType,
     WrapperDescriptorType, MethodDescriptorType, ClassMethodDescriptorType, BuiltinFunctionType,
     type(lru_cache(id))}
)  # fmt: skip
"""Types of what is in a class and changes nothing when it is read, or has the program's own code do it."""
PLAIN_MODULES = frozenset({"builtins", "typing", "abc", "enum"})


def is_descriptor(value: Any, classes: Container[type]) -> bool:
    """Whether a member of a class may change something when it is read or set as an attribute."""
    kind = type(value)
    return hasattr(kind, "__get__") and kind not in DESCRIPTORS and kind not in classes


def reaches(made: Any, classes: Container[type]) -> bool:
    """Whether attributes of the instances of a class may change something when they are read or set."""
    return any(
        any(is_descriptor(value, classes) for value in names_of(base).values())
        if base in classes
        else base.__module__ not in PLAIN_MODULES
        for base in mro_of(made)
    )


def tells(node: ast.stmt | ast.expr) -> bool:
    """Whether whatever a statement does, but for those inside of it, or an expression is told."""
    if isinstance(node, ast.stmt):
        if not isinstance(node, STATEMENTS):
            return False
        parts = [
            child
            for name, value in ast.iter_fields(node)
            if name not in BLOCKS or not isinstance(value, list)
            for child in (value if isinstance(value, list) else [value])
            if isinstance(child, ast.AST)
        ]
    else:
        parts = [node]
    return all(isinstance(inner, PARTS) for part in parts for inner in ast.walk(part))
