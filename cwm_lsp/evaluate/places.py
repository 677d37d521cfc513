"""Names, constants, and where an expression says that execution has come to it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.layout.positions import Mark, Positions, nothing
from cwm_lsp.evaluate.scopes import Scope, mangled
from cwm_lsp.evaluate.telling import ATOMIC
from cwm_lsp.evaluate.values import MISSING, GaveUp

if TYPE_CHECKING:
    from cwm_lsp.evaluate.compiling import Module

OUTER_CLASS = "__class__ of the method around"
"""In a class body that has a `__class__` of its own to give: the cell of the one that it reads."""


class Places:
    """What all that compile expressions have."""

    marks: bool
    """Whether the instructions of the statement being compiled are on several lines."""

    def __init__(self, interpreter: Module, scope: Scope, positions: Positions | None = None) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.operations = interpreter.operations
        self.scope = scope
        self.positions = positions
        """None for code that is not traced."""
        self.marks = False
        self.replaced: dict[int, Run] = {}
        """Stand-ins for expressions whose value is already there, by the identity of the node."""

    def expr(self, node: ast.expr) -> Run:
        """Compile one expression."""
        if id(node) in self.replaced:
            return self.replaced[id(node)]
        method = getattr(self, type(node).__name__, None)
        if method is None:
            return self.unsupported(node)
        run: Run = method(node)
        return run

    def exprs(self, nodes: Sequence[ast.expr]) -> list[Run]:
        return [self.expr(node) for node in nodes]

    def unsupported(self, node: ast.AST) -> Run:
        what = type(node).__name__
        line = getattr(node, "lineno", 0)

        def run(frame: Frame) -> Any:
            raise GaveUp(f"line {line}: {what} is not interpreted")

        return run

    def mark(self, node: ast.AST, part: str = "") -> Mark:
        """What moves a frame to an instruction of `node`, with the line events on the way."""
        if self.positions is not None:
            return self.positions.mark(node, part)
        return self.place(node.lineno) if part != "return" and isinstance(node, ast.stmt) else nothing

    def place(self, line: int) -> Mark:
        """What notes where a frame is whose steps are not followed: of the library's, nobody asks."""
        if self.interpreter.of_library:
            return nothing

        def note(frame: Frame) -> None:
            frame.line = line

        return note

    def within(self, node: ast.AST, part: str = "") -> Mark:
        """The same, where it matters within a statement: if its instructions are on several lines."""
        return self.mark(node, part) if self.marks else nothing

    def before(self, run: Run, node: ast.AST, part: str = "") -> Run:
        """`run`, once the frame is at an instruction of `node`."""
        mark = self.within(node, part)
        if mark is nothing:
            return run

        def marked(frame: Frame) -> Any:
            mark(frame)
            return run(frame)

        return marked

    def after(self, run: Run, node: ast.AST, part: str = "") -> Run:
        """`run`, after which the frame is at an instruction of `node`."""
        mark = self.within(node, part)
        if mark is nothing:
            return run

        def marked(frame: Frame) -> Any:
            value = run(frame)
            mark(frame)
            return value

        return marked

    def all_after(self, runs: list[Run], node: ast.AST, part: str = "") -> list[Run]:
        """`runs` in order, after the last of which the frame is at an instruction of `node`."""
        return [*runs[:-1], self.after(runs[-1], node, part)] if runs else []

    def Name(self, node: ast.Name) -> Run:  # noqa: N802
        return self.before(self.load(node.id), node)

    def load(self, name: str) -> Run:
        """Read a variable."""
        name = mangled(name, self.scope.private)
        place = self.scope.place(name)
        if place == "local":

            def local(frame: Frame) -> Any:
                try:
                    return frame.vars[name]
                except KeyError:
                    raise UnboundLocalError(
                        f"cannot access local variable '{name}' where it is not associated with a value"
                    ) from None

            return local
        unbound = f"cannot access free variable '{name}' where it is not associated with a value in enclosing scope"
        if place == "cell" or (place == "free" and self.scope.kind != "class"):
            message = (
                f"cannot access local variable '{name}' where it is not associated with a value"
                if place == "cell"
                else unbound
            )
            error = UnboundLocalError if place == "cell" else NameError

            def shared(frame: Frame) -> Any:
                value = frame.cells[name].value
                if value is MISSING:
                    raise error(message)
                return value

            return shared
        find = self.interpreter.global_value
        if place == "global" or self.scope.kind not in ("class", "module"):
            return lambda frame: find(name)
        if place == "free":
            cell = OUTER_CLASS if name in self.scope.cells else name

            def class_free(frame: Frame) -> Any:
                if name in frame.vars:
                    return frame.vars[name]
                value = frame.cells[cell].value
                if value is MISSING:
                    raise NameError(unbound)
                return value

            return class_free

        def by_namespace(frame: Frame) -> Any:
            try:
                return frame.vars[name]
            except KeyError:
                return find(name)

        return by_namespace

    def Constant(self, node: ast.Constant) -> Run:  # noqa: N802
        value = node.value
        return lambda frame: value

    def NamedExpr(self, node: ast.NamedExpr) -> Run:  # noqa: N802
        value_of = self.after(self.expr(node.value), node.target)
        store = self.store_name(node.target.id)

        def run(frame: Frame) -> Any:
            value = value_of(frame)
            store(frame, value)
            return value

        return run

    def store_name(self, name: str) -> Callable[[Frame, Any], None]:
        """Bind a variable."""
        name = mangled(name, self.scope.private)
        place = self.scope.place(name)
        runtime = self.runtime
        if place == "global":
            namespace = self.interpreter.namespace

            def into_globals(frame: Frame, value: Any) -> None:
                namespace[name] = value

            return into_globals
        if place in ("cell", "free"):

            def into_cell(frame: Frame, value: Any) -> None:
                frame.cells[name].value = value
                runtime.acts += 1
                if runtime.tainted:
                    frame.values.pop(name, None)

            return into_cell

        def into_locals(frame: Frame, value: Any) -> None:
            frame.vars[name] = value
            frame.bound.add(name)
            if type(value) not in ATOMIC:
                runtime.acts += 1
            if runtime.tainted:
                frame.values.pop(name, None)

        return into_locals
