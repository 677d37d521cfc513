"""What the text of some code says of what it may change, without following it."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass

from cwm_lsp.evaluate.demand import bound
from cwm_lsp.evaluate.scopes import TRY
from cwm_lsp.evaluate.states import WORDS
from cwm_lsp.evaluate.values import TooMuch

WILD = frozenset(
    [
        "setattr",
        "delattr",
        "exec",
        "eval",
        "globals",
        "locals",
        "vars",
        "__dict__",
        "__setattr__",
        "__delattr__",
        "update_wrapper",
        "wraps",
    ]
)
"""Names by which code may set attributes that its text does not name."""


MODULES = frozenset({"modules", "import_module", "__import__", "getmodule"})
"""Names by which code gets at modules without naming them."""
LOOKS = frozenset(["hasattr", "isinstance", "callable", "type", "id", "repr", "str", "dir", "print"])
"""Builtins that do nothing to a module."""
Chain = tuple[str, ...]
"""A name, and attributes after it."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the text of some code says of what it may change."""

    mentioned: frozenset[str]
    """Names that it reads."""
    words: frozenset[str]
    """Names that it has anywhere, as far as they tell of a state of the process that it may set."""
    whole: frozenset[Chain]
    """What it may hand on, and so anything may be done with: `os.path` in `g(os.path)`, not in `os.path.sep`."""
    stored: frozenset[Chain]
    """Attributes that it sets or deletes, with what they are of."""
    globals_bound: frozenset[str]
    shared_bound: frozenset[str]
    """Names of functions around it that it binds."""
    deleted: frozenset[str]
    attributes: frozenset[str]
    """Attributes that it sets or deletes."""
    imports: frozenset[tuple[str, int, tuple[str, ...]]]
    """What it imports: a module, its level, and the names taken from it."""
    wild: bool
    """It may set others."""
    opens: bool
    """It may bind any global name of its module."""
    unbinds: bool
    """It may delete them."""


@functools.lru_cache(maxsize=4096)
def effects(node: ast.AST) -> Effects:
    """What code may change, by its syntax tree."""
    mentioned, declared, shared, deleted, attributes = set(), set(), set(), set(), set()
    read: set[str] = set()
    named: set[str] = set()
    special: set[str] = set()
    unbinds = False
    imports: set[tuple[str, int, tuple[str, ...]]] = set()
    whole: set[Chain] = set()
    stored: set[Chain] = set()
    wild = spaces = False
    parts: set[int] = set()
    asked: set[int] = set()
    for inner in ast.walk(node):  # what is inside of another comes after it
        asked.update(map(id, _only_asked(inner)))
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in LOOKS:
            parts.update(map(id, inner.args))
        spaces = spaces or _takes_namespace(inner)
        unbinds = unbinds or _unbinds(inner)
        if isinstance(inner, ast.Constant) and type(inner.value) is str and is_special(inner.value):
            special.add(inner.value)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            mentioned.add(inner.target.id)
        if isinstance(inner, ast.Name):
            if not isinstance(inner.ctx, ast.Store):
                mentioned.add(inner.id)
                if id(inner) not in asked:
                    read.add(inner.id)
            wild = wild or inner.id in WILD
            if isinstance(inner.ctx, ast.Del):
                deleted.add(inner.id)
            if id(inner) not in parts:
                whole.add((inner.id,))
        elif isinstance(inner, ast.Attribute):
            parts.add(id(inner.value))
            named.add(inner.attr)
            if id(inner) not in asked:
                read.add(inner.attr)
            wild = wild or inner.attr in WILD
            if not isinstance(inner.ctx, ast.Load):
                attributes.add(inner.attr)
                stored.add(chain(inner))
            elif inner.attr in WILD:
                whole.add(chain(inner.value))
            elif id(inner) not in parts:
                whole.add(chain(inner))
        elif isinstance(inner, ast.Global):
            declared.update(inner.names)
        elif isinstance(inner, ast.Nonlocal):
            shared.update(inner.names)
        elif isinstance(inner, ast.Import):
            imports.update((item.name, 0, ()) for item in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            imports.add((inner.module or "", inner.level, tuple(item.name for item in inner.names)))
    finds_module = not MODULES.isdisjoint(mentioned | named) and (wild or attributes)
    return Effects(
        frozenset(mentioned), WORDS & read, frozenset(whole), frozenset(stored), frozenset(declared),
        frozenset(shared), frozenset(deleted), frozenset(attributes | (special if wild else set())), frozenset(imports),
        wild, spaces or bool(finds_module), unbinds,
    )  # fmt: skip


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__": …`."""
    match node:
        case ast.If(ast.Compare(ast.Name("__name__"), _, [ast.Constant("__main__")])):
            return True
    return False


def may_never_end(node: ast.AST, problem: BaseException) -> bool:
    """Whether code that a problem has cut short, by what it would take, may go on for ever: it has a `while`, or goes
    through an iterator without an end."""
    if isinstance(problem, TooMuch) and not problem.unbounded:
        problem.unbounded = _has_while(node)
    return isinstance(problem, TooMuch) and problem.unbounded


@functools.lru_cache(maxsize=4096)
def _has_while(node: ast.AST) -> bool:
    pending = [node]
    while pending:
        inner = pending.pop()
        if isinstance(inner, ast.While):
            return True
        if inner is node or not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(inner)
    return False


def _takes_namespace(node: ast.AST) -> bool:
    """Whether a part of some code gets at the names of its module other than by naming them."""
    match node:
        case ast.Call(ast.Name("vars" | "locals"), args=[]) | ast.Call(ast.Name("exec" | "eval"), args=[_]):
            return True
        case ast.Name("globals") | ast.Attribute(attr="__globals__" | "f_globals" | "f_locals"):
            return True
    return False


def _only_asked(node: ast.AST) -> list[ast.expr]:
    """The parts of some code that it asks for what is in them, and does no more with."""
    match node:
        case ast.Attribute(value, attr="get" | "keys" | "items" | "values" | "copy"):
            return [value]
        case ast.Subscript(value, ctx=ast.Load()):
            return [value]
        case ast.Compare(comparators=others):
            return others
    return []


def _unbinds(node: ast.AST) -> bool:
    """Whether a part of some code may take something out of a namespace."""
    match node:
        case ast.Subscript(ctx=ast.Del()) | ast.Attribute(attr="pop" | "popitem" | "clear" | "__delitem__"):
            return True
        case ast.Attribute(attr="__delattr__") | ast.Name("delattr" | "exec"):
            return True
    return False


def is_special(name: str) -> bool:
    """Whether a name has two underscores on both sides."""
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def chain(node: ast.expr) -> Chain:
    """The name and attributes that an expression is; empty for another."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


@functools.lru_cache(maxsize=4096)
def bound_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement binds; `*` for those of a star import."""
    return frozenset(bound(node))


@functools.lru_cache(maxsize=4096)
def surely_bound_by(node: ast.stmt) -> frozenset[str]:
    """Those of the names that a statement binds that are bound after it, whichever way it goes."""
    match node:
        case ast.If():
            return _in_all([node.body, node.orelse])
        case _ if isinstance(node, TRY):
            ways = [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)]  # type: ignore[attr-defined]
            return _in_all(ways) | _in_all([node.finalbody])  # type: ignore[attr-defined]
        case ast.For() | ast.AsyncFor() | ast.While() | ast.Match() | ast.Delete():
            return frozenset()
        case ast.With() | ast.AsyncWith():  # what raises may be caught
            return frozenset().union(*(bound(item.optional_vars) for item in node.items if item.optional_vars))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return frozenset({node.name})
    walrus = {inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)}
    return bound_by(node) - walrus


@functools.lru_cache(maxsize=4096)
def unbound_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement may unbind: by `del`, or as `except … as name` is left."""
    handlers = {inner.name for inner in ast.walk(node) if isinstance(inner, ast.ExceptHandler) and inner.name}
    return effects(node).deleted | handlers


def _in_all(ways: list[list[ast.stmt]]) -> frozenset[str]:
    """The names that are bound after each of some blocks that is not left."""
    found = [
        frozenset[str]().union(*map(surely_bound_by, way))
        for way in ways
        if not (way and isinstance(way[-1], ast.Raise))
    ]
    return frozenset.intersection(*found) if found else frozenset()


@functools.lru_cache(maxsize=4096)
def catches(node: ast.AST) -> bool:
    """Whether code may catch an exception."""
    return any(isinstance(inner, (*TRY, ast.With, ast.AsyncWith)) for inner in ast.walk(node))


def imports_of(node: ast.AST, package: str) -> bool:
    """Whether a statement imports something of the package around it."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").partition(".")[0] == package
    return isinstance(node, ast.Import) and any(item.name.partition(".")[0] == package for item in node.names)
