"""Statements with a `yield` or `await` inside, compiled to generators that suspend where they do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Sequence
from typing import Any

from cwm_lsp.evaluate.blocks import Store
from cwm_lsp.evaluate.carried import carry, carrying, original, steps_of
from cwm_lsp.evaluate.code import BREAK, CONTINUE, RETURN, Do, Frame, Steps
from cwm_lsp.evaluate.suspending import Entry, Suspending, in_order
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

    def simple(self, node: ast.stmt, after: int | None, operands: Sequence[ast.expr | None]) -> Steps:
        """A statement that does something with operands, which are evaluated first."""
        found = [item for item in operands if item is not None]
        start = self.begin(node)
        prepare = self.prepare(found)
        self.begun = node
        do = self.statement(node, after)
        assert do is not None

        def prepared(frame: Frame) -> Generator[Any, Any, None]:
            start(frame)
            yield from prepare(frame)

        return in_order(prepared, steps_of(do))

    def steps_Expr(self, node: ast.Expr, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [node.value])

    def steps_Return(self, node: ast.Return, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [node.value])

    def steps_Raise(self, node: ast.Raise, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [node.exc, node.cause])

    def steps_FunctionDef(self, node: ast.FunctionDef, after: int | None) -> Steps:  # noqa: N802
        return self.simple(node, after, [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])

    def steps_ClassDef(self, node: ast.ClassDef, after: int | None) -> Steps:  # noqa: N802
        if node.decorator_list:
            return self.cannot(node)
        return self.simple(node, after, [*node.bases, *(item.value for item in node.keywords)])

    def steps_Assign(self, node: ast.Assign, after: int | None) -> Steps:  # noqa: N802
        if any(map(self.suspends, node.targets)):
            return self.assigning(node, node.value, node.targets)
        return self.simple(node, after, [node.value])

    def steps_AnnAssign(self, node: ast.AnnAssign, after: int | None) -> Steps:  # noqa: N802
        if node.value is None or self.suspends(node.target):
            return self.cannot(node)
        return self.simple(node, after, [node.value])

    def assigning(self, node: ast.stmt, value: ast.expr, targets: Sequence[ast.expr]) -> Steps:
        """An assignment in whose targets something suspends."""
        start = self.begin(node)
        if self.marks:
            return self.cannot(node)
        value_of = self.either(value)
        stores = [self.storing(target) for target in targets]

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
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
        start = self.begin(node)
        if self.marks:
            return self.cannot(node)
        target, apply = node.target, self.operations.binary(type(node.op).__name__, in_place=True)
        prepare = self.prepare(own_expressions(target))
        load, store = self.augmented(target)
        value_of = self.either(node.value)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            yield from prepare(frame)
            place, before = carrying(load, frame)
            value = yield from value_of(frame)
            carrying(store, frame, place, carrying(apply, before, value))
            return None

        return run

    def steps_Delete(self, node: ast.Delete, after: int | None) -> Steps:  # noqa: N802
        if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            return self.cannot(node)
        return self.simple(node, after, own_expressions(node.targets[0]))

    def steps_Assert(self, node: ast.Assert, after: int | None) -> Steps:  # noqa: N802
        start = self.begin(node)
        test = self.deciding(node.test, (after, None))
        message_of = self.either(node.msg) if node.msg is not None else None
        mark = self.within(node, "fail" if node.msg is None else "call")

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            if (yield from test(frame)):
                return None
            message = (yield from message_of(frame)) if message_of is not None else None
            mark(frame)
            raise AssertionError if message_of is None else AssertionError(message)

        return run

    # compound statements

    def choosing(self, node: ast.stmt, operands: Sequence[ast.expr], after: int | None) -> Steps:
        """A statement that evaluates its operands, decides on one of its blocks, and is through when that is."""
        do = self.simple(node, after, operands)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            signal = yield from do(frame)
            return (yield from signal.steps(frame)) if type(signal) is Entry else signal

        return run

    def steps_Match(self, node: ast.Match, after: int | None) -> Steps:  # noqa: N802
        if any(self.suspends(case.guard) for case in node.cases if case.guard is not None):
            return self.cannot(node)
        return self.choosing(node, [node.subject], after)

    def steps_If(self, node: ast.If, after: int | None) -> Steps:  # noqa: N802
        if not self.suspends(node.test):
            return self.choosing(node, [], after)
        start = self.begin(node)
        otherwise = node.orelse[0].lineno if node.orelse else after
        test = self.deciding(node.test, (node.body[0].lineno, otherwise))
        body, orelse = self.steps_block(node.body, after), self.steps_block(node.orelse, after)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            return (yield from (body if (yield from test(frame)) else orelse)(frame))

        return run

    def steps_While(self, node: ast.While, after: int | None) -> Steps:  # noqa: N802
        start = self.begin(node)
        beyond = node.orelse[0].lineno if node.orelse else after
        test = self.deciding(node.test, (node.body[0].lineno, beyond))
        body, orelse = self.steps_block(node.body, node.lineno), self.steps_block(node.orelse, after)
        tick = self.runtime.tick

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            while (yield from test(frame)):
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                tick()
                start(frame)
            return (yield from orelse(frame))

        return run

    def steps_For(self, node: ast.For, after: int | None) -> Steps:  # noqa: N802
        start = self.begin(node)
        beyond = node.orelse[0].lineno if node.orelse else after
        values_of, iterator = self.either_then(node.iter, node, "iter"), self.operations.iterator
        next_of, store = self.following(node, node.body[0].lineno, beyond), self.store(node.target)
        body, orelse = self.steps_block(node.body, node.lineno), self.steps_block(node.orelse, after)

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            taken = [(yield from values_of(frame))]
            items = carrying(iterator, taken.pop())
            while True:
                value = next_of(frame, items)
                if value is MISSING:
                    break
                carrying(store, frame, value)
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
            return (yield from orelse(frame))

        return iterating

    def steps_AsyncFor(self, node: ast.AsyncFor, after: int | None) -> Steps:  # noqa: N802
        start = self.begin(node)
        values_of, aiter_of = self.either_then(node.iter, node, "iter"), self.interpreter.awaiting.aiter
        next_of, store = self.next_awaited(node), self.store(node.target)
        body, orelse = self.steps_block(node.body, node.lineno), self.steps_block(node.orelse, after)

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            taken = [(yield from values_of(frame))]
            items = carrying(aiter_of, taken.pop())
            while True:
                taken.append((yield from next_of(frame, items)))
                if taken[0] is MISSING:
                    break
                carrying(store, frame, taken.pop())
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
            del items
            return (yield from orelse(frame))

        return iterating

    def steps_Try(self, node: ast.Try, after: int | None) -> Steps:  # noqa: N802
        start = self.mark(node, "own")
        finish = self.steps_block(node.finalbody, after) if node.finalbody else None
        body = self.steps_block(node.body, node.orelse[0].lineno if node.orelse else after)
        orelse = self.steps_block(node.orelse, after)
        handling = self.steps_handling if type(node) is ast.Try else self.suspending_grouping
        handle = handling(node, after) if node.handlers else None
        caught, overtaken, finished = self.caught, self.overtaken, self.finished(node)

        def guarded(frame: Frame) -> Generator[Any, Any, Any]:
            if handle is None:
                return (yield from body(frame))
            try:
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(frame, original(error))
                return (yield from handle(frame, original(error)))
            return signal if signal is not None else (yield from orelse(frame))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            start(frame)
            if finish is None:
                return (yield from guarded(frame))
            try:
                signal = yield from guarded(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(frame, original(error))
                return (yield from rising(frame, original(error), finish))
            result, leave = frame.result, frame.leave
            override = yield from finish(frame)
            if override is not None:
                return override
            frame.result, frame.leave = result, leave
            return signal

        def rising(frame: Frame, problem: BaseException, finish: Steps) -> Generator[Any, Any, Any]:
            frame.handling.append(problem)
            try:
                override = yield from finish(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                overtaken(frame, original(error))
                raise
            finally:
                frame.handling.pop()
            return carrying(finished, frame, problem, override)

        return run

    steps_TryStar = steps_Try  # noqa: N815

    def suspending_grouping(
        self, node: ast.Try, after: int | None
    ) -> Callable[[Frame, BaseException], Generator[Any, Any, Any]]:
        return self.steps_grouping(node, [self.steps_block(handler.body, after) for handler in node.handlers])

    def steps_handling(
        self, node: ast.Try, after: int | None
    ) -> Callable[[Frame, BaseException], Generator[Any, Any, Any]]:
        clauses = []
        for handler in node.handlers:
            matching, store, forget = self.clause(handler)
            ending = self.mark(handler, "forget")
            clauses.append((matching, store, forget, ending, self.steps_block(handler.body, after)))
        reraise = self.mark(node, "reraise")

        def handle(frame: Frame, error: BaseException) -> Generator[Any, Any, Any]:
            frame.handling.append(error)
            try:
                for matching, store, forget, ending, block in clauses:
                    if not matching(frame, error):
                        continue
                    store(frame, error)
                    try:
                        signal = yield from block(frame)
                        ending(frame)
                    finally:
                        forget(frame)
                    frame.seen = None
                    return signal
                reraise(frame)
                frame.seen = error
                raise carry(error)
            finally:
                frame.handling.pop()

        return handle

    def steps_With(self, node: ast.With | ast.AsyncWith, after: int | None) -> Steps:  # noqa: N802
        steps = self.steps_block(node.body, node.lineno)
        for item in reversed(node.items):
            managed = self.awaited_manager if isinstance(node, ast.AsyncWith) else self.plain_manager
            steps = managed(item, steps)
        return steps

    steps_AsyncWith = steps_With  # noqa: N815

    def plain_manager(self, item: ast.withitem, body: Steps) -> Steps:
        """One context manager around a block."""
        self.marks = True
        manager_of = self.either_then(item.context_expr, item, "enter")
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        managing, rising, leaving = self.interpreter.managing, self.leaving(item), self.mark(item, "exit")
        caught = self.caught

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from manager_of(frame))]
            value, leave = carrying(managing.enter, taken.pop())
            try:
                if store is not None:
                    carrying(store, frame, value)
                del value
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                where, problem = frame.line, original(error)
                caught(frame, problem)
                return carrying(rising, frame, problem, leave, where)
            result, after = frame.result, frame.leave
            leaving(frame)
            carrying(leave, None, None, None)
            frame.result, frame.leave = result, after
            return signal

        return run

    def awaited_manager(self, item: ast.withitem, body: Steps) -> Steps:
        """One asynchronous context manager around a block."""
        self.marks = True
        manager_of = self.either_then(item.context_expr, item, "enter")
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        enter = self.interpreter.awaiting.enter
        entering, exiting, leaving = (self.waited_for(item, part) for part in ("enter ", "exit ", "leave "))
        calling_exit, calling_leave = self.mark(item, "exit"), self.mark(item, "leave")
        truth, reraise, caught = self.decide((None, None), item), self.mark(item, "reraise"), self.caught

        def managing(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from manager_of(frame))]
            entered, leave = carrying(enter, taken.pop())
            taken.append(entered)
            exits = [leave]  # let go of when it is called to leave as planned: what it awaits holds the manager alone
            del entered, leave
            taken.append((yield from entering(frame, taken.pop())))
            try:
                if store is not None:
                    carrying(store, frame, taken[0])
                taken.clear()
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                where, problem = frame.line, original(error)
                caught(frame, problem)
            else:
                result, after = frame.result, frame.leave
                calling_exit(frame)
                yield from exiting(frame, carrying(exits.pop(), None, None, None))
                frame.result, frame.leave = result, after
                return signal
            return (yield from rising(frame, problem, exits[0], where))

        def rising(frame: Frame, problem: BaseException, leave: Any, where: int) -> Generator[Any, Any, None]:
            calling_leave(frame)
            frame.handling.append(problem)
            try:
                awaited = carrying(leave, type(problem), problem, problem.__traceback__)
                swallowed = carrying(truth, frame, (yield from leaving(frame, awaited)))
            finally:
                frame.handling.pop()
            if swallowed:
                frame.seen = None
                return
            reraise(frame)
            frame.line = where
            frame.seen = problem
            raise carry(problem)

        return managing

    def to_the_end_of_steps(self, run: Steps, node: ast.AST) -> Steps:
        """The body of a generator, with its instructions up to the one that leaves it."""
        fall_off = self.mark(node, "return")

        def whole(frame: Frame) -> Generator[Any, Any, Any]:
            signal = yield from run(frame)
            (frame.leave if signal is RETURN and frame.leave is not None else fall_off)(frame)
            return signal

        return whole


def own_expressions(node: ast.expr) -> list[ast.expr]:
    return [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.expr)]
