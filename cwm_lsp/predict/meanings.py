"""What the names of a file stand for, wherever it is defined: in the file, another one, or a stub of typeshed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cwm_lsp.source.imported import Place, Where, nowhere
from cwm_lsp.source.recovery import module_statements

if TYPE_CHECKING:
    from typeshed_client import Resolver

Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
_FARTHEST = 8
"""Bases above a class that are looked at."""


class Home(Protocol):
    """A module."""

    @property
    def name(self) -> str: ...

    def find(self, name: str) -> tuple[Meaning, ...]:
        """What a dotted name stands for there: several where it is overloaded, nothing where that is not known."""


@dataclass(frozen=True)
class Meaning:
    """A definition."""

    node: Node
    home: Home
    qualname: str

    @property
    def name(self) -> str:
        """As reprs show it: that of a builtin class is bare."""
        module = self.home.name
        return self.qualname if module == "builtins" else f"{module}.{self.qualname}"

    def member(self, name: str, farthest: int = _FARTHEST) -> tuple[Meaning, ...]:
        """What an attribute of the class's instances is, where the class or one above it defines it."""
        if not isinstance(self.node, ast.ClassDef) or not farthest:
            return ()
        found = _within(self.node.body, name) or _set_by_itself(self.node, name)
        if found:
            return tuple(Meaning(node, self.home, f"{self.qualname}.{name}") for node in found)
        for base in self.bases() or ():
            if its := base.member(name, farthest - 1):
                return its
        return ()

    def bases(self) -> tuple[Meaning, ...] | None:
        """The classes that it is made of; None where not all are known."""
        assert isinstance(self.node, ast.ClassDef)
        found: list[Meaning] = []
        for base in self.node.bases:
            name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
            if name.rpartition(".")[2] == "Generic":
                continue
            its = self.home.find(name)
            if len(its) != 1 or not isinstance(its[0].node, ast.ClassDef):
                return None
            found += its
        return tuple(found)

    def above(self) -> list[Meaning] | None:
        """The class and all that it is made of; None where that is not known."""
        found: dict[str, Meaning] = {self.name: self}
        todo = [self]
        while todo:
            bases = todo.pop().bases()
            if bases is None or len(found) > _FARTHEST:
                return None
            todo += [base for base in bases if base.name not in found]
            found.update((base.name, base) for base in bases)
        return list(found.values())


class Module:
    """A module whose source is there."""

    def __init__(self, source: str, where: Where = nowhere) -> None:
        self._source = source
        self._where = where

    @cached_property
    def _place(self) -> Place | None:
        return self._where()

    @property
    def name(self) -> str:
        return self._place.module if self._place is not None else "__main__"

    def find(self, name: str) -> tuple[Meaning, ...]:
        first, _, rest = name.partition(".")
        nodes = _within(module_statements(self._source), first)
        if nodes:
            return _inside(tuple(Meaning(node, self, first) for node in nodes), rest)
        if self._place is None:
            return stub(f"builtins.{name}")
        full = self._place.absolute(name)
        if full is None:
            return stub(f"builtins.{name}")
        found = self._place.origin(name)
        if found is not None and not found.place.is_installed:
            place = found.place
            return Module(place.source, lambda: place).find(found.name)
        return stub(full, _folders(self._place)) if found is not None or "." in full else ()


class Stub:
    """A module of which a stub tells."""

    def __init__(self, name: str, folders: tuple[str, ...]) -> None:
        self.name = name
        self._folders = folders

    def find(self, name: str) -> tuple[Meaning, ...]:
        return stub(f"{self.name}.{name}", self._folders) or stub(f"builtins.{name}", self._folders)


@lru_cache(maxsize=512)
def stub(name: str, folders: tuple[str, ...] = ()) -> tuple[Meaning, ...]:
    """What stubs say of a dotted name: those of the library, of packages in `folders`, and what these have of their
    own."""
    parts = name.split(".")
    for at in range(len(parts) - 1, 0, -1):
        module, inner = ".".join(parts[:at]), parts[at:]
        if _resolver(folders).get_module(tuple(parts[:at])).exists:  # type: ignore[arg-type]
            found = _resolver(folders).get_name(tuple(parts[:at]), inner[0])  # type: ignore[arg-type]
            return _inside(tuple(_meanings(found, module, folders)), ".".join(inner[1:]))
    return ()


def _meanings(found: Any, module: str, folders: tuple[str, ...]) -> Iterator[Meaning]:
    if hasattr(found, "source_module"):  # imported there from another
        module, found = ".".join(found.source_module), found.info
    node = getattr(found, "ast", None)
    home = Stub(module, folders)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):  # `randint = _inst.randint`
        for owner in home.find(ast.unparse(node.value.value)):
            if isinstance(owner.node, ast.AnnAssign):
                for kind in owner.home.find(ast.unparse(owner.node.annotation)):
                    yield from kind.member(node.value.attr)
        return
    for one in getattr(node, "definitions", [node]):
        if isinstance(one, Node):
            yield Meaning(one, home, found.name)


@cache
def _resolver(folders: tuple[str, ...]) -> Resolver:
    from typeshed_client import Resolver, get_search_context

    return Resolver(get_search_context(search_path=[Path(one) for one in folders]))


def _folders(place: Place) -> tuple[str, ...]:
    return tuple(str(one) for one in place.finder.own.site)


def _inside(found: tuple[Meaning, ...], rest: str) -> tuple[Meaning, ...]:
    """What is reached from definitions by attributes."""
    for name in filter(None, rest.split(".")):
        found = found[0].member(name) if len(found) == 1 else ()
    return found


def _within(body: Iterable[ast.stmt], name: str) -> list[Node]:
    """The definitions of a name among statements, the last one, but for overloads all; also those for type checkers
    alone."""
    found: list[Node] = []
    for node in _flat(body):
        match node:
            case ast.FunctionDef(name=its) | ast.AsyncFunctionDef(name=its) | ast.ClassDef(name=its) if its == name:
                found = [*(found if _is_overload(node) else ()), node]
            case ast.AnnAssign(target=ast.Name(id=its)) if its == name:
                found = [node]
            case ast.Assign(targets=[ast.Name(id=its)]) if its == name:
                found = [node]
    return found


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            yield from _flat([*node.body, *node.orelse])
        else:
            yield node


def _is_overload(node: ast.stmt) -> bool:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return any(ast.unparse(one).rpartition(".")[2] == "overload" for one in decorators)


def _set_by_itself(kind: ast.ClassDef, name: str) -> list[Node]:
    """Where `__init__` says of what type an attribute is."""
    methods = (node for node in kind.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return [
        node
        for method in methods
        for node in ast.walk(method)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute) and node.target.attr == name
    ]


def decorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Mapping[str, None]:
    """The last names of what a function is decorated with."""
    return dict.fromkeys(ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list)
