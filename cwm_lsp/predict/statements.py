"""The statements of a text, and what has become of them in another one."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

_LOOKING = frozenset({"len", "bool", "isinstance", "type", "id", "callable"})
"""Builtins that change nothing of what they are given."""

_LONGEST = 40
"""Characters of the name of a call in a sentence."""


class Statement(NamedTuple):
    """A simple statement, or what a compound one evaluates on its own lines."""

    scope: str
    """Names of the functions and classes around it, each with a dot before it, a class also with a colon after it."""
    first: int
    last: int
    syntax: str
    """With local names by their order of appearance."""
    names: tuple[str, ...]
    """Those names."""
    reads: frozenset[str]
    mentions: frozenset[str]
    """Names and attributes."""
    binds: frozenset[str]
    """Names that are not local to a function."""
    stores: frozenset[str]
    """Names that it binds, wherever they are."""
    hands: frozenset[str]
    """Names whose values it may change: parts of them are bound, or they take part in a call."""

    def owned(self, name: str) -> str:
        """A name with what it is local to: the outermost function or class."""
        return f"{self.scope.split('.')[1]}.{name}" if name in self.names else name


class Table(NamedTuple):
    """The statements of a text."""

    all: tuple[Statement, ...]
    at: Mapping[int, int]
    """Line → the number of the innermost statement on it."""


@lru_cache(maxsize=16)
def statements(source: str) -> Table:
    """The statements of a text, in their order; none where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Table((), {})
    found = tuple(_within(tree.body, "", frozenset()))
    return Table(found, {line: n for n, one in enumerate(found) for line in range(one.first, one.last + 1)})


@lru_cache(maxsize=16)
def aligned(old: str, new: str) -> Mapping[int, int]:
    """Number of a statement of the old text → that of the new one which it is, in its place or moved from it."""
    before, after = statements(old), statements(new)
    others = _by_scope(after)
    pairs: dict[int, int] = {}
    for scope, numbers in _by_scope(before).items():
        theirs = others.get(scope, [])
        one, other = [before.all[n].syntax for n in numbers], [after.all[n].syntax for n in theirs]
        for start, place, size in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
            pairs.update(zip(numbers[start : start + size], theirs[place : place + size], strict=True))
        taken = {pairs[number] for number in numbers if number in pairs}
        moved = [number for number in theirs if number not in taken]
        for number in numbers:
            if number not in pairs:
                same = next((n for n in moved if after.all[n].syntax == before.all[number].syntax), None)
                if same is not None:
                    pairs[number] = same
                    moved.remove(same)
    return pairs


@lru_cache(maxsize=16)
def changed_names(old: str, new: str) -> frozenset[str]:
    """The names of a file, of its functions, methods, classes and globals, that do not mean what they meant: they are
    bound by other statements, or mention such a name."""
    before, after = _bound(old), _bound(new)
    changed = {name for name in before.keys() | after.keys() if before.get(name, ())[:1] != after.get(name, ())[:1]}
    while grown := {name for name, (_, mentions) in after.items() if name not in changed and mentions & changed}:
        changed |= grown
    return frozenset(changed)


@lru_cache(maxsize=16)
def touched_names(old: str, new: str) -> frozenset[str]:
    """The names that edited statements bind, or whose values they may change, and those of values that may have come
    from these: where such a name's repr tells little, its value may be another one all the same."""
    before, after = statements(old), statements(new)
    pairs = aligned(old, new)
    kept = {*pairs.values()}
    edited = [one for n, one in enumerate(before.all) if n not in pairs]
    edited += [one for n, one in enumerate(after.all) if n not in kept]
    touched = {one.owned(name) for one in edited for name in (*one.stores, *one.hands)}
    changed = {one.owned(name) for one in edited for name in one.hands}
    touched |= {  # by another name
        one.owned(name) for one in edited if changed & {*map(one.owned, one.stores)} for name in one.names
    }
    while grown := {
        one.owned(name)
        for one in after.all
        if not touched.isdisjoint(map(one.owned, (*one.names, *one.mentions)))
        for name in one.stores
        if one.owned(name) not in touched
    }:
        touched |= grown
    return frozenset(touched)


def call_on(line: str) -> str | None:
    """The call on a line, as a person would name it (`randrange(…)`); None where there is not one alone."""
    text = line.strip()
    try:
        tree = ast.parse(f"{text} pass" if text.endswith(":") else text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # it begins or goes on elsewhere
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if len(calls) != 1:
        return None
    name = ast.unparse(calls[0].func)
    return f"{name}({'…' if calls[0].args or calls[0].keywords else ''})" if len(name) <= _LONGEST else None


def _bound(source: str) -> Mapping[str, tuple[str, frozenset[str]]]:
    """Name → how it is bound, and what that mentions."""
    found: dict[str, tuple[str, frozenset[str]]] = {}

    def bind(name: str, syntax: str, mentions: frozenset[str]) -> None:
        known, others = found.get(name, ("", frozenset()))
        found[name] = f"{known}\n{syntax}", others | mentions

    for statement in statements(source).all:
        binds = set(statement.binds)
        is_special = True  # what a class does when it is called or used by an operator is the class's
        for holder in reversed(statement.scope.split(".")[1:]):
            if not holder.endswith(":") or is_special:
                binds.add(holder.rstrip(":"))
            is_special = is_special and (holder.endswith(":") or (holder[:2], holder[-2:]) == ("__", "__"))
        for name in binds:
            bind(name, f"{statement.scope} {statement.syntax}", statement.mentions - {name})
    return found


def _by_scope(table: Table) -> Mapping[str, list[int]]:
    scopes: dict[str, list[int]] = defaultdict(list)
    for number, statement in enumerate(table.all):
        scopes[statement.scope].append(number)
    return scopes


def _within(body: Iterable[ast.AST], scope: str, own: frozenset[str]) -> Iterator[Statement]:
    """The statements of a block, and of the blocks in it. `own`: the local names of its function."""
    for node in body:
        inner = [child for block in _blocks(node) for child in block]
        if not isinstance(node, ast.Try):
            yield _statement(node, scope, own, inner)
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _within(inner, f"{scope}.{name}", own | _locals(node))
            case ast.ClassDef(name=name):
                yield from _within(inner, f"{scope}.{name}:", frozenset())
            case _:
                yield from _within(inner, scope, own)


def _blocks(node: ast.AST) -> Iterator[list[ast.AST]]:
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _statement(node: ast.AST, scope: str, own: frozenset[str], inner: Sequence[ast.AST]) -> Statement:
    parts = [part for part in ast.iter_child_nodes(node) if part not in inner] if inner else [node]
    names: dict[str, int] = {}
    reads: set[str] = set()
    mentions: set[str] = set()
    stores: set[str] = set()
    hands: set[str] = set()
    binds = {
        alias.asname or alias.name.split(".")[0] for alias in getattr(node, "names", ()) if hasattr(alias, "asname")
    }
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        binds.add(node.name)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        reads.add(node.target.id)
        hands.add(node.target.id)
    for child in (child for part in parts for child in ast.walk(part)):
        if isinstance(child, ast.Call) and not (isinstance(child.func, ast.Name) and child.func.id in _LOOKING - own):
            hands.update(name.id for name in ast.walk(child) if isinstance(name, ast.Name) and name is not child.func)
        elif isinstance(child, ast.Attribute | ast.Subscript) and not isinstance(child.ctx, ast.Load):
            hands.update(name.id for name in ast.walk(child.value) if isinstance(name, ast.Name))
        if isinstance(child, ast.Attribute):
            mentions.add(child.attr)
        elif isinstance(child, ast.Name):
            mentions.add(child.id)
            (stores if isinstance(child.ctx, ast.Store) else reads).add(child.id)
            if child.id in own:
                names.setdefault(child.id, len(names))
    syntax = [type(node).__name__, str(getattr(node, "name", "")), *(_dumped(part, names) for part in parts)]
    lines = [line for part in (node, *parts) if (line := getattr(part, "lineno", None))]
    first = min(lines, default=0)
    ends = [getattr(part, "end_lineno", None) or first for part in parts]
    return Statement(
        scope, first, max(ends, default=first), "\n".join(syntax), tuple(names), frozenset(reads),
        frozenset(mentions - own), frozenset((binds | stores) - own), frozenset(stores), frozenset(hands),
    )  # fmt: skip


def _dumped(node: ast.AST, names: Mapping[str, int]) -> str:
    """The syntax of a node, `names` by their numbers."""
    held = [(child, child.id) for child in ast.walk(node) if isinstance(child, ast.Name) and child.id in names]
    for child, name in held:
        child.id = f"\0{names[name]}"
    try:
        return ast.dump(node)
    finally:
        for child, name in held:
            child.id = name


def _locals(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """The names that a function binds, its parameters first."""
    arguments = node.args
    found = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    found |= {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            found.add(child.id)
        elif isinstance(child, ast.Global | ast.Nonlocal):
            found -= set(child.names)
    return frozenset(found)
