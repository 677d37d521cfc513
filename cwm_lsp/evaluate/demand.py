"""Which statements of a module's top level make which of its names, so that only what is asked for is interpreted.

Statements that have to do with each other, by the names that they bind or by data that they look at, form a group; the
statements of a group are interpreted together, in order, when one of its names is first asked for. So what a name is
does not depend on which name is asked for first, as long as importing the module has no effect beyond its own names:
which is taken for granted of the standard library alone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cwm_lsp.evaluate.scopes import COMPREHENSIONS

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

_WHOLE = frozenset({"globals", "locals", "vars", "dir", "exec", "eval"})
"""What may look at all names of a module, in their order."""


@dataclass(frozen=True)
class Plan:
    """The groups of a module's statements."""

    groups: tuple[tuple[ast.stmt, ...], ...]
    of_name: Mapping[str, int]
    """Name → the index of its group."""


def plan(tree: ast.Module) -> Plan | None:
    """The groups of a module; None where its names cannot be told from its text."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    statements: list[tuple[ast.stmt, set[str], set[str]]] = []
    data: set[str] = set()
    everything: set[str] = set()
    steady: set[str] = set()
    often: Counter[str] = Counter()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        binds, mentions = set(bound(node)), set(mentioned(node))
        if "*" in binds or mentions & _WHOLE:
            return None
        statements.append((node, binds, mentions))
        everything |= binds
        if not isinstance(node, _DEFINITIONS):
            data |= binds
        for name in binds:
            often[name] += 1
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            steady |= binds
    data -= {name for name in steady if often[name] == 1}  # nothing can change what they are
    owners: list[str | None] = []
    for node, binds, mentions in statements:
        joined = set(binds)
        if not isinstance(node, _DEFINITIONS):
            joined |= mentions & (data if binds else everything)
        names = sorted(joined)
        for name in names[1:]:
            parents[root(name)] = root(names[0])
        owners.append(names[0] if names else None)
    groups: dict[str, list[ast.stmt]] = {}
    for (node, _, _), owner in zip(statements, owners, strict=True):
        if owner is not None:
            groups.setdefault(root(owner), []).append(node)
    numbers = {key: number for number, key in enumerate(groups)}
    return Plan(
        tuple(map(tuple, groups.values())), {name: numbers[root(name)] for name in everything if root(name) in numbers}
    )


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds or deletes in its own scope; `*` for those of a star import."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        for inner in ast.walk(node):  # what it binds in the module when it is called
            if isinstance(inner, ast.Global):
                yield from inner.names
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif (isinstance(node, ast.ExceptHandler) and node.name) or (
        isinstance(node, ast.MatchAs | ast.MatchStar) and node.name
    ):
        yield node.name
    for child in ast.iter_child_nodes(node):
        if isinstance(node, COMPREHENSIONS) and isinstance(child, ast.comprehension):
            yield from bound(child.iter)
        else:
            yield from bound(child)


def mentioned(node: ast.AST) -> Iterator[str]:
    """The names that a statement reads as it runs: not those that its functions will read when they are called."""
    if isinstance(node, _FUNCTIONS):
        for part in (*getattr(node, "decorator_list", ()), *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                yield from mentioned(part)
        return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from mentioned(child)
