"""Going through syntax trees, quickly: a file with its tests has hundreds of thousands of nodes."""

from __future__ import annotations

import ast
import operator
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

FILENAME = "<cwm-lsp source>"
"""The file name that parsed text carries, so that its warnings can be told from everybody else's."""

# Warnings about the user's text (invalid escapes and the like) are not ours to print. `catch_warnings` is not
# thread-safe, a filter is.
warnings.filterwarnings("ignore", module=re.escape(FILENAME))
_TRIES = 20
_parsing = threading.RLock()
"""Of one thread: what is collected as garbage meanwhile may parse as well."""

_Node = TypeVar("_Node", bound=ast.AST)

_ATOMS = frozenset(
    {"id", "attr", "arg", "kind", "type_comment", "level", "module", "conversion", "simple", "is_async", "asname"}
)
"""Fields that hold no node, whatever they are of."""


class _Inside(dict[type[ast.AST], tuple[str, ...]]):
    """The fields in which a kind of node may have others."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        fields = () if kind is ast.Constant else tuple(name for name in kind._fields if name not in _ATOMS)
        self[kind] = fields
        return fields


_INSIDE = _Inside()


def tree_of(text: str) -> ast.Module:
    """The syntax tree of a file, or of statements.

    Raises SyntaxError, and whatever else `ast.parse` does.
    """
    tree: ast.Module = _parsed(text, "exec")
    return tree


def expression_of(text: str) -> ast.expr:
    """The syntax tree of an expression.

    Raises SyntaxError, and whatever else `ast.parse` does.
    """
    tree: ast.Expression = _parsed(text, "eval")
    return tree.body


def _parsed(text: str, mode: str) -> Any:
    """What Python's parser makes of a text. Up to 3.12 it counts how deep it is for all threads at once, and where two
    of them get into each other's way it says that the count is wrong: so one parses after the other, and where somebody
    else has parsed meanwhile it is asked again."""
    with _parsing:
        for _ in range(_TRIES):
            try:
                return ast.parse(text, FILENAME, mode=mode)
            except SystemError:
                continue
        return ast.parse(text, FILENAME, mode=mode)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right inside of a node, in the order of `ast.iter_child_nodes`."""
    found: list[ast.AST] = []
    for name in _INSIDE[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def changed(node: _Node, visit: Callable[[ast.AST], ast.AST]) -> _Node:
    """A node with what `visit` makes of each that is right inside of it: itself, where all stay what they are."""
    fields: dict[str, Any] | None = None
    for name in _INSIDE[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            made: Any = [visit(item) if isinstance(item, ast.AST) else item for item in value]
            if all(map(operator.is_, made, value)):
                continue
        elif isinstance(value, ast.AST) and _INSIDE[value.__class__]:
            made = visit(value)
            if made is value:
                continue
        else:
            continue
        fields = dict(vars(node)) if fields is None else fields
        fields[name] = made
    return node if fields is None else node.__class__(**fields)


def walk(node: ast.AST) -> list[ast.AST]:
    """A node and all that is inside of it, in the order of `ast.walk`."""
    nodes = [node]
    inside = _INSIDE
    for one in nodes:
        for name in inside[one.__class__]:
            value = getattr(one, name, None)
            if value.__class__ is list:
                nodes += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                nodes.append(value)
    return nodes
