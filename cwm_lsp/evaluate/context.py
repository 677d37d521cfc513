"""What the parts of an evaluation know of each other.

They need one another: a call reads attributes, and reading one may call. So each is made with a `Context`, which has
them all, and knows of the others what stands here. The interpreter of a module is one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cwm_lsp.evaluate.coroutines import Suspender
from cwm_lsp.evaluate.home import Home, Imported

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame
    from cwm_lsp.evaluate.operations import Operations
    from cwm_lsp.evaluate.reading import Files
    from cwm_lsp.evaluate.runtime import Runtime
    from cwm_lsp.evaluate.scopes import Scope
    from cwm_lsp.source.modules import Finder, Found


class Attributes(Protocol):
    def get(self, value: Any, name: str) -> Any:
        """`value.name`; an `Unknown` where it cannot be known."""

    def known(self, value: Any, name: str) -> Any:
        """`value.name`, or `Undetermined`."""

    def set(self, value: Any, name: str, item: Any) -> None:
        """`value.name = item`."""

    def delete(self, value: Any, name: str) -> None:
        """`del value.name`."""

    def is_doubtful(self, value: Any, name: str) -> bool:
        """Whether a value may have an attribute here and not in the Python that would run the program, or otherwise."""

    def is_otherwise(self, kind: Any) -> bool:
        """Whether a class of the program may have other names in its namespace in the Python that would run it."""

    def changed(self, value: type) -> None:
        """A program sets or deletes an attribute of a class of the library."""


class Rules(Protocol):
    def may_write(self, form: str) -> bool:
        """Whether the directives of a time's format mean the same in every run."""


class Calls(Protocol):
    @property
    def interpreter(self) -> Context: ...

    @property
    def runtime(self) -> Runtime: ...

    @property
    def operations(self) -> Operations: ...

    @property
    def rules(self) -> Rules: ...

    made: dict[int, Any]
    """Callables that functions of the library have made of the program's, by identity."""

    def adopt(self, made: type) -> None:
        """A class is of the program from now on."""

    def named_here(self, made: Any) -> Any:
        """A class that was made for the program says that it is of the module that asked for it."""

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call anything."""

    def listed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function or class that is on the allow-list, by its rule."""

    def native(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], touched: Sequence[Any] = ()) -> Any:
        """Carry out a call of builtin code, its arguments made safe."""

    def raw(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Carry out a call of code that hands its arguments on to functions of the file, or keeps them, as they are."""

    def foreign(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call something that is not known at all."""

    def safe(self, function: Any, value: Any) -> Any:
        """An argument as builtin code may have it: iterators that end, callbacks within bounds."""

    def callee(self, value: Any) -> Any:
        """What builtin code will call, again and again."""

    def new_class(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`type.__new__(metaclass, name, bases, namespace)`, or that of another metaclass."""

    def make_class(self, metaclass: Any, args: list[Any], kwargs: dict[str, Any], module: str | None = None) -> Any:
        """Call a metaclass, in the library module of that name."""


class Formats(Protocol):
    def shown(self, value: Any, convert: Callable[[Any], str]) -> str:
        """`str(value)`, `repr(value)` or `ascii(value)` for a program's own use."""

    def formatted(self, value: Any, spec: str, convert: Callable[[Any], str] | None = None) -> str:
        """`format(value, spec)` after an optional conversion."""

    def format_string(self, template: str, /, *args: Any, **kwargs: Any) -> str:
        """`template.format(*args, **kwargs)`."""

    def format_mapped(self, template: str, mapping: Any) -> str:
        """`template.format_map(mapping)`."""


class World(Protocol):
    @property
    def finder(self) -> Finder: ...


class Imports(Imported, Protocol):
    modules: dict[str, Any]
    """Those that were imported, by name: a `library.Module`, or an unknown."""

    @property
    def files(self) -> Files: ...

    @property
    def world(self) -> World: ...

    def find(self, name: str) -> Any:
        """The module of a dotted name, imported."""

    def of_program(self, name: str) -> bool:
        """Whether a module is not of the library."""

    def changed(self, module: Any, name: str, item: Any) -> None:
        """The program sets a member of a module."""

    def called(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`__import__` and `importlib.import_module`."""


class Suspension(Suspender, Protocol):
    def make(self, frame: Frame) -> Any:
        """What calling a generator or coroutine function gives."""

    def about(self, body: Any, name: str) -> Any:
        """An attribute of a generator."""


class Awaiting(Protocol):
    def is_marked(self, value: Any) -> bool:
        """Whether a value is a generator of a function that `types.coroutine` has marked."""


class Asynchronous(Protocol):
    @property
    def rules(self) -> dict[Any, Any]: ...


class Context(Home, Protocol):
    """One module, and what the modules of an evaluation share."""

    runtime: Runtime
    operations: Operations
    foreign: frozenset[ast.AST]
    """Nodes with a scope that are part of the call and not of the file."""

    @property
    def attributes(self) -> Attributes: ...

    @property
    def calls(self) -> Calls: ...

    @property
    def formats(self) -> Formats: ...

    @property
    def imports(self) -> Imports: ...

    @property
    def suspension(self) -> Suspension: ...

    @property
    def awaiting(self) -> Awaiting: ...

    @property
    def asynchronous(self) -> Asynchronous: ...

    @property
    def here(self) -> Home:
        """The module whose code is running."""

    def beside(self, tree: ast.Module, scopes: Mapping[ast.AST, Scope], found: Found, traced: bool) -> Home:
        """Another module of the same program."""
