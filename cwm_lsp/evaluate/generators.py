"""Statements with a `yield` or `await` inside, compiled to generators that suspend where they do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Sequence
from typing import Any

from cwm_lsp.evaluate.code import BREAK, CONTINUE, Do, Frame, Steps
from cwm_lsp.evaluate.folding import iterated
from cwm_lsp.evaluate.protected import after_finally, caught, leave_rising, line_left, overtaken
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.statements import Store
from cwm_lsp.evaluate.suspending import Entry, Suspending, in_order, steps_of
from cwm_lsp.evaluate.suspension import carry, carrying, original
from cwm_lsp.evaluate.values import INTERNAL, MISSING


class Generators(Suspending):
    """Compiles the body of a generator or coroutine function."""

    def steps_block(self, nodes: Sequence[ast.stmt], after: int | None = None) -> Steps:
        """Compile statements that follow each other."""
        items: list[tuple[bool, Callable[[Frame], Any]]] = []
        for position, node in enumerate(nodes):
            following = nodes[position + 1].lineno if position + 1 < len(nodes) else after
            if self.suspends(node):
                items.append((True, self.steps(node, following)))
            else:
                do = self.statement(node, following)
                if do is not None:
                    items.append((False, do))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            for suspends, item in items:
                signal = (yield from item(frame)) if suspends else carrying(item, frame)
                if signal is not None:
                    return signal
            return None

        return run

    def block(self, nodes: Sequence[ast.stmt], after: int | None = None) -> Do:
        """Compile statements inside a plain one; if something suspends there, all that is done is to say so."""
        if not any(map(self.suspends, nodes)):
            return super().block(nodes, after)
        entry = Entry(self.steps_block(nodes, after))
        return lambda frame: entry

    def steps(self, node: ast.stmt, after: int | None) -> Steps:
        """Compile one statement in which something suspends."""
        method = getattr(self, "steps_" + type(node).__name__, None)
        if method is None:
            return self.cannot(node)
        steps: Steps = method(node, after)
        return steps

    # statements whose expressions are evaluated in order

    def simple(self, node: ast.stmt, after: int | None, operands: Sequence[ast.expr | None], *more: ast.expr) -> Steps:
        """A statement that does something with operands; `more` is what else has an influence on its lines."""
        found = [item for item in operands if item is not None]
        line, mark = self.begin(node, *found, *more), self.runtime.line
        if not line and len(found) > 1:
            return self.cannot(node)
        prepare = self.prepare(found)
        do = self.statement(node, after)
        assert do is not None

        def start(frame: Frame) -> Generator[Any, Any, None]:
            if line and frame.line != line:
                mark(frame, line)
            yield from prepare(frame)

        return in_order(start, steps_of(do))

    def steps_Expr(self, node: ast.Expr, after: int | None) -> Steps:  # noqa: N802
        self.dropped = node.value
        return self.simple(node, after, [node.value])

    def steps_Return(self, node: ast.Return, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [node.value])

    def steps_Raise(self, node: ast.Raise, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [node.exc, node.cause])

    def steps_FunctionDef(self, node: ast.FunctionDef, after: int | None) -> Steps:  # noqa: N802
        defaults = [*node.args.defaults, *node.args.kw_defaults]
        if any(item.lineno != node.lineno for item in node.decorator_list):
            return self.cannot(node)
        return self.simple(node, after, [*node.decorator_list, *defaults])

    def steps_ClassDef(self, node: ast.ClassDef, after: int | None) -> Steps:  # noqa: N802
        if node.decorator_list:
            return self.cannot(node)
        return self.simple(node, after, [*node.bases, *(item.value for item in node.keywords)])

    def steps_Assign(self, node: ast.Assign, after: int | None) -> Steps:  # noqa: N802
        if any(map(self.suspends, node.targets)):
            return self.assigning(node, node.value, node.targets)
        return self.simple(node, after, [node.value], *node.targets)

    def steps_AnnAssign(self, node: ast.AnnAssign, after: int | None) -> Steps:  # noqa: N802
        if node.value is None or self.suspends(node.target):
            return self.cannot(node)
        return self.simple(node, after, [node.value], node.target)

    def assigning(self, node: ast.stmt, value: ast.expr, targets: Sequence[ast.expr]) -> Steps:
        """An assignment in whose targets something suspends."""
        line, mark = self.begin(node, value, *targets), self.runtime.line
        if not line:
            return self.cannot(node)
        value_of = self.either(value)
        stores = [self.storing(target) for target in targets]

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if frame.line != line:
                mark(frame, line)
            value = yield from value_of(frame)
            for prepare, store in stores:
                yield from prepare(frame)
                carrying(store, frame, value)
            return None

        return run

    def storing(self, target: ast.expr) -> tuple[Steps, Store]:
        """A target of an assignment: what is evaluated first, and how to store."""
        if not isinstance(target, ast.Attribute | ast.Subscript) and self.suspends(target):
            return self.cannot(target), lambda frame, value: None
        return self.prepare(own_expressions(target)), self.store(target)

    def steps_AugAssign(self, node: ast.AugAssign, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.target, node.value), self.runtime.line
        if not line:
            return self.cannot(node)
        target, apply = node.target, self.operations.binary(type(node.op).__name__, in_place=True)
        value_of = self.either(node.value)
        load: Callable[[Frame, list[Any]], Any]
        store: Callable[[Frame, list[Any], Any], None]
        if isinstance(target, ast.Name):
            holders: list[Steps] = []
            load_name, store_name = self.load(target.id), self.store(target)
            load, store = lambda frame, held: load_name(frame), lambda frame, held, value: store_name(frame, value)
        elif isinstance(target, ast.Attribute):
            holders = [self.either(target.value)]
            attributes, name = self.interpreter.attributes, mangled(target.attr, self.scope.private)
            load = lambda frame, held: attributes.get(held[0], name)  # noqa: E731
            store = lambda frame, held, value: attributes.set(held[0], name, value)  # noqa: E731
        else:
            operations = self.operations
            holders = [self.either(target.value), self.either(target.slice)]
            load = lambda frame, held: operations.subscript(held[0], held[1])  # noqa: E731
            store = lambda frame, held, value: operations.set_item(held[0], held[1], value)  # noqa: E731

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if frame.line != line:
                mark(frame, line)
            held: list[Any] = []
            for holder in holders:
                held += [(yield from holder(frame))]
            before = carrying(load, frame, held)
            value = yield from value_of(frame)
            carrying(store, frame, held, carrying(apply, before, value))
            return None

        return run

    def steps_Delete(self, node: ast.Delete, after: int | None) -> Steps:  # noqa: N802
        if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            return self.cannot(node)
        return self.simple(node, after, own_expressions(node.targets[0]))

    def steps_Assert(self, node: ast.Assert, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.test, node.msg), self.runtime.line
        if not line:
            return self.cannot(node)
        test = self.deciding(node.test, node.lineno, (after, None))
        message_of = self.either(node.msg) if node.msg is not None else None

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if frame.line != line:
                mark(frame, line)
            if (yield from test(frame)):
                return None
            if message_of is None:
                raise AssertionError
            raise AssertionError((yield from message_of(frame)))

        return run

    # compound statements

    def entering(self, node: ast.stmt, operands: Sequence[ast.expr], after: int | None) -> Steps:
        """A statement that evaluates its operands, decides on one of its blocks, and is through when that is."""
        do = self.simple(node, after, operands)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            signal = yield from do(frame)
            return (yield from signal.steps(frame)) if type(signal) is Entry else signal

        return run

    def steps_Match(self, node: ast.Match, after: int | None) -> Steps:  # noqa: N802
        if any(self.suspends(case.guard) for case in node.cases if case.guard is not None):
            return self.cannot(node)
        return self.entering(node, [node.subject], after)

    def steps_If(self, node: ast.If, after: int | None) -> Steps:  # noqa: N802
        if not self.suspends(node.test):
            return self.entering(node, [], after)
        line, mark = self.begin(node, node.test), self.runtime.line
        otherwise = node.orelse[0].lineno if node.orelse else after
        test = self.deciding(node.test, node.lineno, (node.body[0].lineno, otherwise))
        body, orelse = self.steps_block(node.body, after), self.steps_block(node.orelse, after)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            return (yield from (body if (yield from test(frame)) else orelse)(frame))

        return run

    def steps_While(self, node: ast.While, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.test), self.runtime.line
        beyond = node.orelse[0].lineno if node.orelse else after
        test = self.deciding(node.test, node.lineno, (node.body[0].lineno, beyond))
        body, orelse = self.steps_block(node.body, node.lineno), self.steps_block(node.orelse, after)
        tick = self.runtime.tick

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            going = yield from test(frame)
            while going:
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                    frame.line = 0
                tick()
                if line and frame.line != line:
                    mark(frame, line)
                going = yield from test(frame)
                if going and signal is not CONTINUE:
                    frame.line = 0
            return (yield from orelse(frame))

        return run

    def steps_For(self, node: ast.For, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.iter, node.target), self.runtime.line
        own = node.lineno
        values_of, store = self.either_at(iterated(node.iter), own), self.store(node.target)
        body, orelse = self.steps_block(node.body, own), self.steps_block(node.orelse, after)
        beyond = node.orelse[0].lineno if node.orelse else after
        iterator, following = self.operations.iterator, self.following(node.body[0].lineno, beyond)

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            taken = [(yield from values_of(frame))]
            items = carrying(iterator, taken.pop())
            while True:
                value = following(frame, items)
                if value is MISSING:
                    break
                carrying(store, frame, value)
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                mark(frame, own)
            return (yield from orelse(frame))

        return iterating

    def steps_AsyncFor(self, node: ast.AsyncFor, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.iter, node.target), self.runtime.line
        own = node.lineno
        values_of, store = self.either_at(node.iter, own), self.store(node.target)
        body, orelse = self.steps_block(node.body, own), self.steps_block(node.orelse, after)
        start, following = self.interpreter.awaiting.aiter, self.next_awaited

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            taken = [(yield from values_of(frame))]
            items = carrying(start, taken.pop())
            while True:
                taken.append((yield from following(frame, items)))
                if taken[0] is MISSING:
                    break
                carrying(store, frame, taken.pop())
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                mark(frame, own)
            del items
            return (yield from orelse(frame))

        return iterating

    def steps_Try(self, node: ast.Try, after: int | None) -> Steps:  # noqa: N802
        line, mark = node.lineno, self.runtime.line
        finish = self.steps_block(node.finalbody, after) if node.finalbody else None
        body = self.steps_block(node.body, node.orelse[0].lineno if node.orelse else after)
        orelse = self.steps_block(node.orelse, after)
        handle = self.steps_handling(node, after) if node.handlers else None
        end = line_left(node.finalbody) if node.finalbody else None
        runtime = self.runtime

        def guarded(frame: Frame) -> Generator[Any, Any, Any]:
            try:
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, original(error))
                if handle is None:
                    raise
                return (yield from handle(frame, original(error)))
            return signal if signal is not None else (yield from orelse(frame))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if frame.line != line:
                mark(frame, line)
            if finish is None:
                return (yield from guarded(frame))
            try:
                signal = yield from guarded(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, original(error))
                return (yield from rising(frame, original(error), finish))
            result = frame.result
            override = yield from finish(frame)
            if override is not None:
                return override
            frame.result = result
            return signal

        def rising(frame: Frame, problem: BaseException, finish: Steps) -> Generator[Any, Any, Any]:
            frame.line = 0
            frame.handling.append(problem)
            try:
                override = yield from finish(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                overtaken(runtime, frame, original(error), end)
                raise
            finally:
                frame.handling.pop()
            return carrying(after_finally, runtime, frame, problem, override, end)

        return run

    def steps_handling(
        self, node: ast.Try, after: int | None
    ) -> Callable[[Frame, BaseException], Generator[Any, Any, Any]]:
        clauses = []
        for handler in node.handlers:
            self.marks = False
            kind_of = self.expr(handler.type) if handler.type is not None else None
            store = self.store_name(handler.name) if handler.name else None
            forget = self.forget(handler.name) if handler.name else None
            clauses.append((handler.lineno, kind_of, store, forget, self.steps_block(handler.body, after)))
        mark, matches = self.runtime.line, self.interpreter.raising.matches

        def handle(frame: Frame, error: BaseException) -> Generator[Any, Any, Any]:
            frame.handling.append(error)
            try:
                for line, kind_of, store, forget, block in clauses:
                    mark(frame, line)
                    if kind_of is not None and not matches(error, kind_of(frame), line):
                        continue
                    if store is not None:
                        store(frame, error)
                    try:
                        signal = yield from block(frame)
                    finally:
                        if forget is not None:
                            forget(frame)
                    frame.seen = None
                    return signal
                frame.seen = error
                raise carry(error)
            finally:
                frame.handling.pop()

        return handle

    def steps_With(self, node: ast.With | ast.AsyncWith, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, *(item.context_expr for item in node.items)), self.runtime.line
        steps = self.steps_block(node.body, node.lineno)
        for item in reversed(node.items):
            self.marks = not line
            managed = self.awaited_manager if isinstance(node, ast.AsyncWith) else self.plain_manager
            steps = managed(node, item, steps)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            return (yield from steps(frame))

        return run

    steps_AsyncWith = steps_With  # noqa: N815

    def plain_manager(self, node: ast.With | ast.AsyncWith, item: ast.withitem, body: Steps) -> Steps:
        """One context manager around a block."""
        manager_of = self.either_at(item.context_expr, node.lineno)
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        line, mark, managing, runtime = node.lineno, self.runtime.line, self.interpreter.managing, self.runtime

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from manager_of(frame))]
            value, leave = carrying(managing.enter, taken.pop())
            if store is not None:
                carrying(store, frame, value)
            del value
            try:
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, original(error))
                problem = original(error)
                return carrying(leave_rising, runtime, frame, problem, leave, line)
            result = frame.result
            if frame.line != line:
                mark(frame, line)
            carrying(leave, None, None, None)
            frame.result = result
            return signal

        return run

    def awaited_manager(self, node: ast.With | ast.AsyncWith, item: ast.withitem, body: Steps) -> Steps:
        """One asynchronous context manager around a block."""
        manager_of = self.either_at(item.context_expr, node.lineno)
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        line, mark, runtime = node.lineno, self.runtime.line, self.runtime
        enter, delegating = self.interpreter.awaiting.enter, self.interpreter.suspension.delegating
        truth = self.decide((None, None))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from manager_of(frame))]
            entered, leave = carrying(enter, taken.pop())
            taken.append(entered)
            del entered
            taken.append((yield from delegating(frame, taken.pop())))
            if store is not None:
                carrying(store, frame, taken[0])
            taken.clear()
            try:
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, original(error))
                problem = original(error)
            else:
                result = frame.result
                if frame.line != line:
                    mark(frame, line)
                yield from delegating(frame, carrying(leave, None, None, None))
                frame.result = result
                return signal
            return (yield from rising(frame, problem, leave))

        def rising(frame: Frame, problem: BaseException, leave: Any) -> Generator[Any, Any, None]:
            where = frame.line
            if where != line:
                mark(frame, line)
            frame.handling.append(problem)
            try:
                awaited = carrying(leave, type(problem), problem, problem.__traceback__)
                swallowed = carrying(truth, (yield from delegating(frame, awaited)))
            finally:
                frame.handling.pop()
            if swallowed:
                frame.seen = None
                return
            frame.line = where
            frame.seen = problem
            raise carry(problem)

        return run


def own_expressions(node: ast.expr) -> list[ast.expr]:
    return [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)]
