"""`try` and `with`: blocks whose end is not left to chance."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Do, Frame, Run
from cwm_lsp.evaluate.folding import line_after
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.values import INTERNAL, MISSING, GaveUp

if TYPE_CHECKING:
    from cwm_lsp.evaluate.runtime import Runtime
    from cwm_lsp.evaluate.statements import Statements


class Protected:
    """Compiles `try` and `with` statements."""

    marks: bool

    def do_Try(self: Statements, node: ast.Try, after: int | None) -> Do:  # type: ignore[misc]  # noqa: N802
        line, mark = node.lineno, self.runtime.line
        finish = self.block(node.finalbody, after) if node.finalbody else None
        inner_after = node.finalbody[0].lineno if node.finalbody else after
        run = self.guarded_block(node, inner_after) if node.handlers else self.block(node.body, inner_after)
        if finish is not None:
            run = self.finally_block(run, finish, line_left(node.finalbody))

        def do(frame: Frame) -> Any:
            if frame.line != line:
                mark(frame, line)
            return run(frame)

        return do

    def guarded_block(self: Statements, node: ast.Try, after: int | None) -> Do:  # type: ignore[misc]
        """The body, handlers and `else` of a `try` statement."""
        body = self.block(node.body, node.orelse[0].lineno if node.orelse else after)
        orelse = self.block(node.orelse, after) if node.orelse else None
        handle = self.handling(node, after)
        runtime = self.runtime

        def run(frame: Frame) -> Any:
            guarded = runtime.guarded
            runtime.guarded += 1
            try:
                signal = body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                runtime.guarded = guarded
                caught(runtime, frame, error)
                return handle(frame, error)
            finally:
                runtime.guarded = guarded
            return orelse(frame) if signal is None and orelse is not None else signal

        return run

    def handling(self: Statements, node: ast.Try, after: int | None) -> Callable[[Frame, BaseException], Any]:  # type: ignore[misc]
        """The `except` clauses: run the one that matches, or raise the exception on."""
        clauses = []
        for handler in node.handlers:
            self.marks = handler.type is not None and (
                handler.type.end_lineno != handler.lineno or handler.type.lineno != handler.lineno
            )
            kind_of = self.expr(handler.type) if handler.type is not None else None
            marked = self.marks
            self.marks = False
            store = self.store_name(handler.name) if handler.name else None
            forget = self.forget(handler.name) if handler.name else None
            clauses.append((handler.lineno, marked, kind_of, store, forget, self.block(handler.body, after)))
        mark, matches = self.runtime.line, self.interpreter.raising.matches

        def handle(frame: Frame, error: BaseException) -> Any:
            frame.handling.append(error)
            try:
                for line, marked, kind_of, store, forget, block in clauses:
                    if marked:
                        frame.line = 0
                    else:
                        mark(frame, line)
                    if kind_of is not None and not matches(error, kind_of(frame), line):
                        continue
                    if frame.line != line:
                        mark(frame, line)
                    if store is None:
                        signal = block(frame)
                    else:
                        store(frame, error)
                        try:
                            signal = block(frame)
                        finally:
                            assert forget is not None
                            forget(frame)
                    frame.seen = None
                    return signal
                frame.seen = error
                raise error
            finally:
                frame.handling.pop()

        return handle

    def forget(self: Statements, name: str) -> Run:  # type: ignore[misc]
        """Unbind the name of an `except` clause, if it is still bound."""
        name = mangled(name, self.scope.private)
        place, namespace = self.scope.place(name), self.interpreter.namespace

        def run(frame: Frame) -> None:
            if place in ("cell", "free"):
                frame.cells[name].value = MISSING
            elif place == "global":
                namespace.pop(name, None)
            else:
                frame.vars.pop(name, None)

        return run

    def finally_block(self: Statements, run: Do, finish: Do, end: int | None) -> Do:  # type: ignore[misc]
        """`run`, and then `finish` in any case; what raises the exception on is on line `end`."""
        runtime = self.runtime

        def do(frame: Frame) -> Any:
            try:
                signal = run(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, error)
                return rising(frame, error)
            result = frame.result
            override = finish(frame)
            if override is not None:
                return override
            frame.result = result
            return signal

        def rising(frame: Frame, problem: BaseException) -> Any:
            frame.line = 0
            frame.handling.append(problem)
            try:
                override = finish(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                overtaken(runtime, frame, error, end)
                raise
            finally:
                frame.handling.pop()
            return after_finally(runtime, frame, problem, override, end)

        return do

    def do_With(self: Statements, node: ast.With, after: int | None) -> Do:  # type: ignore[misc]  # noqa: N802
        line, mark = self.begin(node, *(item.context_expr for item in node.items)), self.runtime.line
        do = self.block(node.body, node.lineno)
        for item in reversed(node.items):
            self.marks = not line
            do = self.managed(node, item, do)

        def run(frame: Frame) -> Any:
            if line and frame.line != line:
                mark(frame, line)
            return do(frame)

        return run

    def managed(self: Statements, node: ast.With, item: ast.withitem, body: Do) -> Do:  # type: ignore[misc]
        """One context manager around a block."""
        manager_of = self.then_at(self.expr(item.context_expr), node.lineno)
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        line, mark = node.lineno, self.runtime.line
        managing = self.interpreter.managing
        runtime = self.runtime

        def do(frame: Frame) -> Any:
            value, leave = managing.enter(manager_of(frame))
            if store is not None:
                store(frame, value)
            guarded = runtime.guarded
            runtime.guarded += 1
            try:
                signal = body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                runtime.guarded = guarded
                caught(runtime, frame, error)
                return leave_rising(runtime, frame, error, leave, line)
            finally:
                runtime.guarded = guarded
            result = frame.result
            if frame.line != line:
                mark(frame, line)
            leave(None, None, None)
            frame.result = result
            return signal

        return do


NOT_KNOWN = -1


def line_left(statements: Sequence[ast.stmt]) -> int | None:
    """The compiler's line after it has compiled statements; None where it has none, or `NOT_KNOWN`."""
    last = statements[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant):
        return None
    if isinstance(last, ast.If):
        return line_left(last.orelse or last.body)
    if isinstance(last, ast.For):
        return line_left(last.orelse) if last.orelse else None
    if isinstance(last, ast.While):
        return line_left(last.orelse) if last.orelse else line_after(last.test, last.lineno)
    if isinstance(
        last, ast.Try | ast.With | ast.AsyncWith | ast.AsyncFor | ast.Match | ast.Return | ast.Break | ast.Continue
    ):
        return NOT_KNOWN
    return last.lineno


def caught(runtime: Runtime, frame: Frame, error: BaseException) -> None:
    """An exception surfaces in a frame that may handle it."""
    runtime.handles(error)
    runtime.frame = frame
    runtime.raised(frame, error)


def overtaken(runtime: Runtime, frame: Frame, error: BaseException, end: int | None) -> None:
    """An exception leaves the `finally` block that another one has led to."""
    caught(runtime, frame, error)
    if end == NOT_KNOWN:
        raise GaveUp("an exception leaves a finally block in a way that is not followed") from None
    line = frame.line
    if end and line != end:
        runtime.line(frame, end)
    frame.line = line


def after_finally(runtime: Runtime, frame: Frame, problem: BaseException, override: Any, end: int | None) -> Any:
    """A `finally` block is through that an exception has led to: it goes on, unless the block has left by itself."""
    if override is not None:
        frame.seen = None
        return override
    if end == NOT_KNOWN:
        raise GaveUp("an exception leaves a finally block in a way that is not followed")
    if end and frame.line != end:
        runtime.line(frame, end)
    frame.seen = problem
    raise problem


def leave_rising(runtime: Runtime, frame: Frame, problem: BaseException, leave: Any, line: int) -> None:
    """Leave a context manager at `line` by an exception, which goes on unless the manager swallows it."""
    where = frame.line
    if where != line:
        runtime.line(frame, line)
    frame.handling.append(problem)
    try:
        swallowed = leave(type(problem), problem, problem.__traceback__)
    finally:
        frame.handling.pop()
    if swallowed:
        frame.seen = None
        return
    frame.line = where
    frame.seen = problem
    raise problem
