"""What those know who compile the code of a module."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Protocol

from cwm_lsp.evaluate.context import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CellType

    from cwm_lsp.evaluate.attributes import Attributes
    from cwm_lsp.evaluate.awaiting import Awaiting
    from cwm_lsp.evaluate.calls import Calls
    from cwm_lsp.evaluate.code import Code, Run
    from cwm_lsp.evaluate.delegation import Delegation
    from cwm_lsp.evaluate.exceptions import Managing, Raising
    from cwm_lsp.evaluate.formats import Formats
    from cwm_lsp.evaluate.groups import Grouping
    from cwm_lsp.evaluate.imports import Imports
    from cwm_lsp.evaluate.layout.positions import Positions
    from cwm_lsp.evaluate.scopes import Scope


class Module(Context, Protocol):
    """The module whose code is compiled: what carries it out, and what makes the functions and classes inside."""

    path: str | None
    """The file, where its steps are events and it is not the one of the call."""
    raising: Raising
    grouping: Grouping
    managing: Managing

    @property
    def attributes(self) -> Attributes: ...

    @property
    def awaiting(self) -> Awaiting: ...

    @property
    def calls(self) -> Calls: ...

    @property
    def formats(self) -> Formats: ...

    @property
    def imports(self) -> Imports: ...

    @property
    def suspension(self) -> Delegation: ...

    @property
    def scopes(self) -> Mapping[ast.AST, Scope]: ...

    def positions(self, node: ast.AST, scope: Scope) -> Positions | None:
        """The instructions of a code object of the file; None where its steps are not traced."""

    def function_maker(self, compiler: Any, node: Any) -> Run:
        """Compile a `def` or `lambda`."""

    def comprehension_maker(self, compiler: Any, node: Any) -> Run:
        """Compile a comprehension."""

    def class_maker(self, compiler: Any, node: ast.ClassDef) -> Run:
        """Compile a class definition."""

    postponed: bool
    """Annotations are kept as text."""
    enter: CellType
    """What runs a function that library code calls."""

    def code_of(self, node: Any) -> Code:
        """The code of a function, lambda or comprehension."""

    def annotation(self, compiler: Any, node: ast.expr) -> Run:
        """What an annotation evaluates to: unknown, at most, where it names something that is not known."""
