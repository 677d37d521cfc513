"""Where the Python that would run a program may step otherwise than 3.11's instructions say.

Its own compiler, and what the recorder makes of newer ones, come to the same lines nearly everywhere. What is listed
here is left unknown for the versions that it is listed for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_lsp.evaluate.layout.blocks import CARRIED, REFERENCE
from cwm_lsp.evaluate.scopes import COLLECTING, COMPREHENSIONS

OWN_LINES = (3, 10)
"""From here on the compiler knows which line each jump belongs to."""
ABRUPT = (ast.While, ast.Match)
"""Statements whose ends are on other lines before that, as are those of `finally` and `with` blocks."""

SCOPED = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "super"})
"""What tells a comprehension that is a function from one that is inlined: the recorder leaves it so."""


def is_doubtful(node: ast.AST, target: tuple[int, int]) -> bool:
    """Whether `target` may come to the instructions of a node, but for those inside of it, on other lines."""
    if target == REFERENCE:
        return False
    if target >= CARRIED:
        return _is_newly_done(node)
    if isinstance(node, ast.stmt) and target < OWN_LINES and (_is_abrupt(node) or _spans(node)):
        return True
    return _was_done_otherwise(node)


def _is_abrupt(node: ast.stmt) -> bool:
    return isinstance(node, ABRUPT) or bool(isinstance(node, ast.Try) and node.finalbody)


def _is_newly_done(node: ast.AST) -> bool:
    """Alternatives of a pattern, and some conditions, on several lines; an assertion of a constant; a comprehension
    that sees that it is no scope of its own."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant)
    if isinstance(node, ast.BoolOp):
        return _spans(node) and any(isinstance(value, ast.Constant) for value in node.values)
    if isinstance(node, COLLECTING) and _looks_around(node):
        return True
    if isinstance(node, COMPREHENSIONS):
        tests = [test for clause in node.generators for test in clause.ifs]
        return _spans(node) and any(isinstance(test, ast.IfExp | ast.BoolOp) for test in tests)
    return isinstance(node, ast.MatchOr) and _spans(node)


def _looks_around(node: ast.AST) -> bool:
    """Whether there is something in a node that depends on the scope it is in."""
    names = {part.attr if isinstance(part, ast.Attribute) else part.id for part in ast.walk(node)
             if isinstance(part, ast.Name | ast.Attribute)}  # fmt: skip
    return not SCOPED.isdisjoint(names)


def _was_done_otherwise(node: ast.AST) -> bool:
    """Up to 3.10, in statements of several lines: texts to be formatted, methods, conditions with two outcomes."""
    if isinstance(node, ast.stmt):
        return _spans(node) and any(isinstance(part, ast.IfExp | ast.BoolOp) for part in _own(node))
    if isinstance(node, ast.IfExp):  # where a branch within one outcome leads past the other
        return isinstance(node.body, ast.BoolOp | ast.IfExp)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.end_lineno != node.lineno
    # From 3.11 on a text that is formatted by `%` becomes an f-string.
    return isinstance(node, ast.JoinedStr | ast.Lambda) and _spans(node)


def _spans(node: ast.AST) -> bool:
    """Whether a node, but for a statement's own blocks, is on several lines."""
    if isinstance(node, ast.stmt):
        return any(part.end_lineno != node.lineno for part in _own(node) if isinstance(part, ast.expr))
    return getattr(node, "end_lineno", None) != getattr(node, "lineno", None)


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """What a statement consists of, but for the statements inside of it, decorators and annotations."""
    pending = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        pending = [child for child in pending if child not in node.decorator_list]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.ExceptHandler | ast.match_case):
            continue
        yield part
        pending += [child for child in ast.iter_child_nodes(part) if not isinstance(child, ast.stmt)]
