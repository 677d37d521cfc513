"""What is known of a module by those that run its code, or give some of it up."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from cwm_lsp.evaluate.demand import Plan


class Written(Protocol):
    """The files that a program may have written."""

    def given_up(self, node: ast.AST | None) -> None:
        """Code was given up half-way."""


class Imported(Protocol):
    """The modules of a program; those given are `library.Module`."""

    modules: dict[str, Any]
    """Those that were imported, by name: a `library.Module`, or an unknown."""
    bodies: dict[str, Home]
    """Those of other files."""

    @property
    def files(self) -> Written: ...

    def touched_by(self, clauses: Iterable[tuple[str, int, tuple[str, ...]]], package: str | None) -> list[Any]:
        """What imports may change that may have been carried out or not."""

    def may_change(self, module: Any, name: str) -> None:
        """A member of a module may have been set or deleted."""

    def patched(self, module: Any, name: str) -> None:
        """A member of a module was set or deleted, or may have been."""

    def disturb(self, module: Any) -> None:
        """Anything may have been done to a module."""

    def is_of_library(self, module: Any) -> bool:
        """Whether code of the library may have the same module, or its original."""


class Home(Protocol):
    """The module that code is of."""

    module_name: str
    namespace: dict[str, Any]
    package: str | None
    """What relative imports start from; None if that is not known."""
    perhaps: set[str]
    """Global names that may be bound or not."""
    open: bool
    """The namespace may have names that are not known."""
    plan: Plan | None
    """Of a module of which no more is interpreted than is asked for."""
    begun: set[int]
    """The groups of its statements that were asked for."""
    stepped_over: bool
    """Its frames are not traced."""
    of_library: bool
    """It comes with Python."""

    @property
    def imports(self) -> Imported: ...

    @property
    def scopes(self) -> Mapping[ast.AST, Any]: ...

    def global_value(self, name: str) -> Any:
        """The value of a global or builtin name."""

    def demand(self, name: str) -> bool:
        """Interpret what makes a global name, if that has been put off; whether there is one now."""

    def demand_all(self) -> None:
        """Interpret all that has been put off."""

    def load(self) -> None:
        """Interpret the module's top level."""

    def forget_name(self, name: str, *, bound: bool) -> None:
        """A global name is unknown, and whether there is one, if it is not `bound`."""

    def forget_all(self, *, unbound: bool = False) -> None:
        """Any name may have been bound, or `unbound`."""

    def evaluate(self, expression: ast.expr, variables: dict[str, Any] | None = None) -> Any:
        """The value of an expression that is not of the file, whose own scopes are not traced."""


def become_package(namespace: dict[str, Any], folders: Any) -> None:
    """Give a module the `__path__` of a package, where an import puts it."""
    names = list(namespace)
    after = {name: namespace.pop(name) for name in names[names.index("__spec__") + 1 :]}
    namespace["__path__"] = folders
    namespace.update(after)
