"""Going through syntax trees, quickly: a file with its tests has hundreds of thousands of nodes."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, TypeVar

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
