"""`try` and `with`: blocks whose end is not left to chance."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Sequence
from typing import Any

from cwm_lsp.evaluate.blocks import Blocks
from cwm_lsp.evaluate.carried import steps_of
from cwm_lsp.evaluate.code import Do, Frame, Run, Steps
from cwm_lsp.evaluate.groups import Ending, Part, run_through
from cwm_lsp.evaluate.layout.positions import no_branch, nothing
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.values import INTERNAL, MISSING

Clause = tuple[Callable[[Frame, BaseException], bool], Callable[[Frame, BaseException], None], Run]


class Protected(Blocks):
    """Compiles `try` and `with` statements."""

    marks: bool

    def do_Try(self, node: ast.Try, after: int | None) -> Do:  # noqa: N802
        start = self.mark(node, "own")
        finish = self.block(node.finalbody, after) if node.finalbody else None
        inner_after = node.finalbody[0].lineno if node.finalbody else after
        run = self.guarded_block(node, inner_after) if node.handlers else self.block(node.body, inner_after)
        if finish is not None:
            run = self.finally_block(node, run, finish)

        def do(frame: Frame) -> Any:
            start(frame)
            return run(frame)

        return do

    do_TryStar = do_Try  # noqa: N815

    def guarded_block(self, node: ast.Try, after: int | None) -> Do:
        """The body, handlers and `else` of a `try` statement."""
        body = self.block(node.body, node.orelse[0].lineno if node.orelse else after)
        orelse = self.block(node.orelse, after) if node.orelse else None
        handle = (self.handling if type(node) is ast.Try else self.grouping)(node, after)
        caught, runtime = self.caught, self.runtime

        def run(frame: Frame) -> Any:
            guarded = runtime.guarded
            runtime.guarded += 1
            try:
                signal = body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                runtime.guarded = guarded
                caught(frame, error)
                return handle(frame, error)
            finally:
                runtime.guarded = guarded
            return orelse(frame) if signal is None and orelse is not None else signal

        return run

    def caught(self, frame: Frame, error: BaseException) -> None:
        """An exception surfaces in a frame that handles it: the frame goes on at the handler."""
        self.surfaced(frame, error)
        if self.positions is not None:
            self.positions.catch(frame)

    def overtaken(self, frame: Frame, error: BaseException) -> None:
        """An exception leaves the `finally` block that another one has led to."""
        self.surfaced(frame, error)
        if self.positions is not None:
            self.positions.unwind(frame)

    def surfaced(self, frame: Frame, error: BaseException) -> None:
        self.runtime.handles(error)
        self.runtime.frame = frame
        self.runtime.raised(frame, error)

    def handling(self, node: ast.Try, after: int | None) -> Callable[[Frame, BaseException], Any]:
        """The `except` clauses: run the one that matches, or raise the exception on."""
        clauses = []
        for handler in node.handlers:
            matching, store, forget = self.clause(handler)
            ending = self.mark(handler, "forget")
            clauses.append((matching, store, forget, ending, self.block(handler.body, after)))
        reraise = self.mark(node, "reraise")

        def handle(frame: Frame, error: BaseException) -> Any:
            frame.handling.append(error)
            try:
                for matching, store, forget, ending, block in clauses:
                    if not matching(frame, error):
                        continue
                    store(frame, error)
                    try:
                        signal = block(frame)
                        ending(frame)
                    finally:
                        forget(frame)
                    frame.seen = None
                    return signal
                reraise(frame)
                frame.seen = error
                raise error
            finally:
                frame.handling.pop()

        return handle

    def grouping(self, node: ast.Try, after: int | None) -> Callable[[Frame, BaseException], Any]:
        """The `except*` clauses."""
        blocks = [steps_of(self.block(handler.body, after)) for handler in node.handlers]
        steps = self.steps_grouping(node, blocks)
        return lambda frame, error: run_through(steps(frame, error))

    def steps_grouping(
        self, node: ast.Try, blocks: Sequence[Steps]
    ) -> Callable[[Frame, BaseException], Generator[Any, Any, None]]:
        """The same, whose blocks may suspend."""
        clauses = [self.part_of(handler, block) for handler, block in zip(node.handlers, blocks, strict=True)]
        take = self.positions.decide(node, "left") if self.positions is not None else no_branch
        ending = Ending(self.mark(node, "rest"), take, self.mark(node, "reraise"))
        handle, caught = self.interpreter.grouping.handle, self.caught
        return lambda frame, error: handle(frame, error, clauses, ending, caught)

    def part_of(self, node: ast.ExceptHandler, block: Steps) -> Part:
        """One `except*` clause."""
        start = self.begin(node)
        assert node.type is not None
        kind = self.expr(node.type)
        take = self.positions.decide(node) if self.positions is not None else no_branch
        forget = self.forget(node.name) if node.name else nothing
        match, bind, raised = self.mark(node, "match"), self.mark(node, "bind"), self.mark(node, "raised")
        self.marks = False
        store = self.store_name(node.name) if node.name else None

        def binding(frame: Frame, error: BaseException) -> None:
            bind(frame)
            if store is not None:
                store(frame, error)

        return Part(start, kind, match, take, binding, forget, raised, block)

    def clause(self, node: ast.ExceptHandler) -> Clause:
        """Whether an `except` clause matches, what binds its name, and what unbinds that again."""
        matches = self.interpreter.raising.matches
        start = self.begin(node)
        kind_of = self.expr(node.type) if node.type is not None else None
        mark, bind = self.mark(node, "match"), self.mark(node, "bind")
        take = self.positions.decide(node) if self.positions is not None else no_branch
        self.marks = False
        store = self.store_name(node.name) if node.name else None
        line = node.lineno

        def matching(frame: Frame, error: BaseException) -> bool:
            if kind_of is None:
                return True
            start(frame)
            kind = kind_of(frame)
            mark(frame)
            matched: bool = matches(error, kind, line)
            take(frame, matched)
            return matched

        def binding(frame: Frame, error: BaseException) -> None:
            bind(frame)
            if store is not None:
                store(frame, error)

        return matching, binding, self.forget(node.name) if node.name else nothing

    def forget(self, name: str) -> Run:
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

    def finally_block(self, node: ast.Try, run: Do, finish: Do) -> Do:
        """`run`, and then `finish` in any case."""
        caught, overtaken, finished = self.caught, self.overtaken, self.finished(node)

        def do(frame: Frame) -> Any:
            try:
                signal = run(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(frame, error)
                return rising(frame, error)
            result, leave = frame.result, frame.leave
            override = finish(frame)
            if override is not None:
                return override
            frame.result, frame.leave = result, leave
            return signal

        def rising(frame: Frame, problem: BaseException) -> Any:
            frame.handling.append(problem)
            try:
                override = finish(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                overtaken(frame, error)
                raise
            finally:
                frame.handling.pop()
            return finished(frame, problem, override)

        return do

    def finished(self, node: ast.Try) -> Callable[[Frame, BaseException, Any], Any]:
        """A `finally` block is through that an exception has led to: it goes on, unless the block leaves by itself."""
        reraise = self.mark(node, "reraise finally")

        def finished(frame: Frame, problem: BaseException, override: Any) -> Any:
            if override is not None:
                frame.seen = None
                return override
            reraise(frame)
            frame.seen = problem
            raise problem

        return finished

    def do_With(self, node: ast.With, after: int | None) -> Do:  # noqa: N802
        do = self.block(node.body, node.lineno)
        for item in reversed(node.items):
            do = self.managed(item, do)
        return do

    def managed(self, item: ast.withitem, body: Do) -> Do:
        """One context manager around a block; what it gives is bound within."""
        self.marks = True
        manager_of = self.after(self.expr(item.context_expr), item, "enter")
        store = self.store(item.optional_vars) if item.optional_vars is not None else drop
        rising, leaving = self.leaving(item), self.mark(item, "exit")
        caught, runtime, enter = self.caught, self.runtime, self.interpreter.managing.enter

        def do(frame: Frame) -> Any:
            value, leave = enter(manager_of(frame))
            guarded = runtime.guarded
            runtime.guarded += 1
            try:
                store(frame, value)
                del value
                signal = body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                runtime.guarded = guarded
                where = frame.line
                caught(frame, error)
                return rising(frame, error, leave, where)
            finally:
                runtime.guarded = guarded
            result, after = frame.result, frame.leave
            leaving(frame)
            leave(None, None, None)
            frame.result, frame.leave = result, after
            return signal

        return do

    def leaving(self, item: ast.withitem) -> Callable[[Frame, BaseException, Any, int], None]:
        """Leaves a context manager by an exception, which goes on unless the manager swallows it."""
        mark, reraise = self.mark(item, "leave"), self.mark(item, "reraise")
        take = self.positions.decide(item) if self.positions is not None else no_branch

        def leave_rising(frame: Frame, problem: BaseException, leave: Any, where: int) -> None:
            mark(frame)
            frame.handling.append(problem)
            try:
                swallowed = leave(type(problem), problem, problem.__traceback__)
            finally:
                frame.handling.pop()
            take(frame, bool(swallowed))
            if swallowed:
                frame.seen = None
                return
            reraise(frame)
            frame.line = where
            frame.seen = problem
            raise problem

        return leave_rising


def drop(frame: Frame, value: Any) -> None:
    """Binds nothing."""
