"""A class in which methods have changed: only these are parsed, where all else stays at its line."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .trees import tree_of

FEWEST = 200
"""Lines of a class for which it pays."""
_MOST = 8
"""Changed methods for which it does."""
_METHODS = (ast.FunctionDef, ast.AsyncFunctionDef)


def patched(before: str, class_: ast.ClassDef, after: str) -> ast.ClassDef | None:
    """The class of the text `after`, given the one of the text `before`, which has as many lines; None where it takes
    more than to parse a few methods."""
    old, new = before.split("\n"), after.split("\n")
    if len(old) != len(new):
        return None
    changed = [line for line, (one, other) in enumerate(zip(old, new, strict=True), 1) if one != other]
    body = list(class_.body)
    extents = [(0, class_.lineno), *map(_extent, body)]
    methods = 0
    # The class ends where its last statement does: that is left as it is.
    for at, node in enumerate(body[:-1]):
        start, stop = extents[at + 1]
        if not changed or not start <= changed[0] <= stop:
            continue
        is_alone = extents[at][1] < start and stop < extents[at + 2][0]
        methods += 1
        if not (is_alone and isinstance(node, _METHODS)) or methods > _MOST:
            return None
        method = _parsed(new[start - 1 : stop])
        if method is None or new[start - 1][: method.col_offset] != old[start - 1][: node.col_offset]:
            return None
        ast.increment_lineno(method, start - 2)
        if _extent(method) != (start, stop):
            return None
        body[at] = method
        changed = [line for line in changed if line > stop]
    return None if changed else ast.ClassDef(**{**vars(class_), "body": body})


def _extent(node: ast.stmt) -> tuple[int, int]:
    """The first and last line, with decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)]), node.end_lineno or node.lineno


def _parsed(lines: Sequence[str]) -> ast.stmt | None:
    """The only statement of indented lines; None if they are anything else."""
    try:
        body = tree_of("if 1:\n" + "\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    match body:
        case [ast.If(body=[ast.FunctionDef() | ast.AsyncFunctionDef() as method], orelse=[])]:
            return method
    return None
