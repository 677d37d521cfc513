"""Generator functions: statements with a `yield` inside compile to Python generators that suspend where they do."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Generator, Sequence
from types import GeneratorType
from typing import Any

from cwm_lsp.evaluate.code import BREAK, CONTINUE, RETURN, Frame, Run, Steps
from cwm_lsp.evaluate.folding import iterated
from cwm_lsp.evaluate.protected import after_finally, caught, leave_rising, line_left, overtaken
from cwm_lsp.evaluate.scopes import COMPREHENSIONS
from cwm_lsp.evaluate.statements import Statements, raised_deeper
from cwm_lsp.evaluate.values import INTERNAL, MISSING, GaveUp, Undetermined, Unknown


class Carried(BaseException):
    """A `StopIteration` of the program on its way through Python's own generators, which would replace it."""

    def __init__(self, error: StopIteration) -> None:
        super().__init__(error)
        self.error = error


def original(error: BaseException) -> BaseException:
    return error.error if type(error) is Carried else error


def carry(error: BaseException) -> BaseException:
    return Carried(error) if isinstance(error, StopIteration) else error


def yields(node: ast.AST) -> bool:
    """Whether a `yield` of the same scope is inside."""
    if isinstance(node, ast.Yield | ast.YieldFrom):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)):
        return False
    return any(yields(child) for child in ast.iter_child_nodes(node))


class Generators(Statements):
    """Compiles the body of a generator function."""

    slots = 0
    """Operands that have been set aside while another one suspends."""

    def steps_block(self, nodes: Sequence[ast.stmt], after: int | None = None) -> Steps:
        """Compile statements that follow each other."""
        items: list[tuple[bool, Callable[[Frame], Any]]] = []
        for position, node in enumerate(nodes):
            following = nodes[position + 1].lineno if position + 1 < len(nodes) else after
            if yields(node):
                items.append((True, self.steps(node, following)))
            else:
                do = self.statement(node, following)
                if do is not None:
                    items.append((False, do))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            for suspends, item in items:
                if suspends:
                    signal = yield from item(frame)
                else:
                    try:
                        signal = item(frame)
                    except StopIteration as error:
                        raise Carried(error) from None
                if signal is not None:
                    return signal
            return None

        return run

    def steps(self, node: ast.stmt, after: int | None) -> Steps:
        """Compile one statement with a `yield` inside."""
        method = getattr(self, "steps_" + type(node).__name__, None)
        if method is None:
            return self.cannot(node)
        steps: Steps = method(node, after)
        return steps

    def cannot(self, node: ast.AST) -> Steps:
        line = getattr(node, "lineno", 0)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            raise GaveUp(f"line {line}: yield is not interpreted here")
            yield

        return run

    # expressions

    def suspending(self, node: ast.expr) -> Steps:
        """Compile an expression that is a `yield`, or a simple operation on one."""
        if isinstance(node, ast.Yield):
            return self.yielding(node)
        if isinstance(node, ast.YieldFrom):
            return self.delegating(node)
        if isinstance(node, ast.NamedExpr):
            inner, store_named = self.suspending(node.value), self.store_name(node.target.id)

            def named(frame: Frame) -> Generator[Any, Any, Any]:
                value = yield from inner(frame)
                store_named(frame, value)
                return value

            return named
        operands = _operands(node)
        if operands is None:
            return self.cannot(node)
        slots: list[tuple[str, Callable[[Frame], Any], bool]] = []
        for operand in operands:
            self.slots += 1
            name = f".{self.slots}"
            slots.append((name, self.suspending(operand) if yields(operand) else self.expr(operand), yields(operand)))
        for (name, _, _), operand in zip(slots, operands, strict=True):
            self.replaced[id(operand)] = self.slot(name)
        combined = self.expr(node)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            for name, item, suspends in slots:
                if suspends:
                    value = yield from item(frame)
                else:
                    value = carrying(item, frame)
                frame.cells[name] = value
            return carrying(combined, frame)

        return run

    @staticmethod
    def slot(name: str) -> Run:
        return lambda frame: frame.cells.pop(name)

    def yielding(self, node: ast.Yield) -> Steps:
        inner: Any = None
        if node.value is not None and yields(node.value):
            inner = self.suspending(node.value)
        value_of = None if node.value is None or inner is not None else self.then_at(self.expr(node.value), node.lineno)
        suspend, resume = self.interpreter.suspend, self.interpreter.resume
        line = node.lineno if self.marks else 0
        mark = self.runtime.line

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if inner is not None:
                value = yield from inner(frame)
            else:
                try:
                    value = value_of(frame) if value_of is not None else None
                except StopIteration as error:
                    raise Carried(error) from None
            if line and frame.line != line:
                mark(frame, line)
            value = suspend(frame, value)
            try:
                sent = yield value
            except BaseException as error:
                resume(frame, error)
                raise carry(error) from None
            resume(frame, None)
            return sent

        return run

    def delegating(self, node: ast.YieldFrom) -> Steps:
        assert node.value is not None
        value_of = self.then_at(self.expr(node.value), node.lineno)
        iterator = self.operations.iterator
        interpreter, runtime = self.interpreter, self.runtime

        def close_inner(frame: Frame, items: Any) -> None:
            try:
                if type(items) is GeneratorType:
                    interpreter.close_generator(items)
                elif hasattr(items, "close"):
                    raise GaveUp("what is yielded from is closed, and is no generator")
            except INTERNAL:
                raise
            except BaseException as problem:
                interpreter.resume(frame, problem)
                raise carry(problem) from None

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            try:
                items = iterator(value_of(frame))
            except StopIteration as error:
                raise Carried(error) from None
            if type(items) is Unknown:
                raise GaveUp(f"line {frame.line}: what is yielded from is not known")
            sent: Any = None
            step: Callable[[], Any] = functools.partial(next, items)
            while True:
                try:
                    value = step()
                except StopIteration as end:
                    if end.value is not None or raised_deeper(end, 1):
                        runtime.raised(frame, end)
                        frame.seen = None
                    return end.value
                except Undetermined:
                    raise GaveUp(f"line {frame.line}: what is yielded from is not known") from None
                value = interpreter.suspend(frame, value)
                while True:
                    try:
                        sent = yield value
                        break
                    except GeneratorExit as error:
                        close_inner(frame, items)
                        interpreter.resume(frame, error)
                        raise
                    except BaseException as error:
                        if type(items) is not GeneratorType:
                            if hasattr(items, "throw"):
                                raise GaveUp("an exception is thrown into what is no generator") from None
                            interpreter.resume(frame, error)
                            raise carry(error) from None
                        try:
                            value = interpreter.throw_inner(frame, items, error)
                        except INTERNAL:
                            raise
                        except StopIteration as end:
                            interpreter.resume(frame, None)
                            return end.value
                        except BaseException as problem:
                            interpreter.resume(frame, problem)
                            raise
                interpreter.resume(frame, None)
                step = functools.partial(next, items) if sent is None else functools.partial(items.send, sent)

        return iterating

    # statements

    def starting_steps(self, line: int, steps: Steps, then: Callable[[Frame, Any], Any]) -> Steps:
        """A statement that evaluates one suspending expression and then does something with its value."""
        mark = self.runtime.line

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            value = yield from steps(frame)
            try:
                return then(frame, value)
            except StopIteration as error:
                raise Carried(error) from None

        return run

    def steps_Expr(self, node: ast.Expr, after: int | None) -> Steps:  # noqa: N802
        line = self.begin(node, node.value)
        return self.starting_steps(line, self.suspending(node.value), lambda frame, value: None)

    def steps_Assign(self, node: ast.Assign, after: int | None) -> Steps:  # noqa: N802
        line = self.begin(node, node.value, *node.targets)
        stores = [self.store(target) for target in node.targets]

        def then(frame: Frame, value: Any) -> None:
            for store in stores:
                store(frame, value)

        return self.starting_steps(line, self.suspending(node.value), then)

    def steps_AnnAssign(self, node: ast.AnnAssign, after: int | None) -> Steps:  # noqa: N802
        assert node.value is not None
        line, store = self.begin(node, node.value), self.store(node.target)
        return self.starting_steps(line, self.suspending(node.value), store)

    def steps_AugAssign(self, node: ast.AugAssign, after: int | None) -> Steps:  # noqa: N802
        if not isinstance(node.target, ast.Name):
            return self.cannot(node)
        line = self.begin(node, node.value)
        load, store = self.load(node.target.id), self.store(node.target)
        apply = self.operations.binary(type(node.op).__name__, in_place=True)
        value_of, mark = self.suspending(node.value), self.runtime.line

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            before = load(frame)
            value = yield from value_of(frame)
            store(frame, apply(before, value))
            return None

        return run

    def steps_Return(self, node: ast.Return, after: int | None) -> Steps:  # noqa: N802
        assert node.value is not None
        line = self.begin(node, node.value)

        def then(frame: Frame, value: Any) -> str:
            frame.result = value
            return RETURN

        return self.starting_steps(line, self.suspending(node.value), then)

    def steps_If(self, node: ast.If, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, node.test), self.runtime.line
        otherwise = node.orelse[0].lineno if node.orelse else after
        suspending = self.suspending(node.test) if yields(node.test) else None
        test = None if suspending else self.condition(node.test, node.lineno, (node.body[0].lineno, otherwise))
        decide = self.decide((node.body[0].lineno, otherwise))
        body, orelse = self.steps_block(node.body, after), self.steps_block(node.orelse, after)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            if suspending is not None:
                truth = decide((yield from suspending(frame)))
            else:
                assert test is not None
                truth = carrying(test, frame)
            return (yield from (body if truth else orelse)(frame))

        return run

    def steps_While(self, node: ast.While, after: int | None) -> Steps:  # noqa: N802
        if yields(node.test):
            return self.cannot(node)
        line, mark = self.begin(node, node.test), self.runtime.line
        beyond = node.orelse[0].lineno if node.orelse else after
        test = self.condition(node.test, node.lineno, (node.body[0].lineno, beyond))
        body, orelse = self.steps_block(node.body, node.lineno), self.steps_block(node.orelse, after)
        tick = self.runtime.tick

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            going = carrying(test, frame)
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
                going = carrying(test, frame)
                if going and signal is not CONTINUE:
                    frame.line = 0
            return (yield from orelse(frame))

        return run

    def steps_For(self, node: ast.For, after: int | None) -> Steps:  # noqa: N802
        if yields(node.iter):
            return self.cannot(node)
        line, mark = self.begin(node, node.iter, node.target), self.runtime.line
        own = node.lineno
        values_of, store = self.then_at(self.expr(iterated(node.iter)), own), self.store(node.target)
        body, orelse = self.steps_block(node.body, own), self.steps_block(node.orelse, after)
        beyond = node.orelse[0].lineno if node.orelse else after
        iterator, following = self.operations.iterator, self.following(node.body[0].lineno, beyond)

        def iterating(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            items = iterator(carrying(values_of, frame))
            while True:
                value = following(frame, items)
                if value is MISSING:
                    break
                store(frame, value)
                signal = yield from body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                mark(frame, own)
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
            return carrying(lambda _: after_finally(runtime, frame, problem, override, end), frame)

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

    def steps_With(self, node: ast.With, after: int | None) -> Steps:  # noqa: N802
        line, mark = self.begin(node, *(item.context_expr for item in node.items)), self.runtime.line
        steps = self.steps_block(node.body, node.lineno)
        for item in reversed(node.items):
            self.marks = not line
            steps = self.steps_managed(node, item, steps)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if line and frame.line != line:
                mark(frame, line)
            return (yield from steps(frame))

        return run

    def steps_managed(self, node: ast.With, item: ast.withitem, body: Steps) -> Steps:
        if yields(item.context_expr):
            return self.cannot(node)
        manager_of = self.then_at(self.expr(item.context_expr), node.lineno)
        store = self.store(item.optional_vars) if item.optional_vars is not None else None
        line, mark, managing, runtime = node.lineno, self.runtime.line, self.interpreter.managing, self.runtime

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            value, leave = managing.enter(manager_of(frame))
            if store is not None:
                store(frame, value)
            try:
                signal = yield from body(frame)
            except INTERNAL:
                raise
            except BaseException as error:
                caught(runtime, frame, original(error))
                problem = original(error)
                return carrying(lambda _: leave_rising(runtime, frame, problem, leave, line), frame)
            result = frame.result
            if frame.line != line:
                mark(frame, line)
            carrying(lambda _: leave(None, None, None), frame)
            frame.result = result
            return signal

        return run


def carrying(run: Run, frame: Frame) -> Any:
    """`run(frame)` inside a generator."""
    try:
        return run(frame)
    except StopIteration as error:
        raise Carried(error) from None


def _operands(node: ast.expr) -> list[ast.expr] | None:
    """The operands of an expression in the order of evaluation, where they can be taken apart."""
    if isinstance(node, ast.Call) and not any(isinstance(item, ast.Starred) for item in node.args):
        if all(keyword.arg is not None for keyword in node.keywords) and not isinstance(node.func, ast.Attribute):
            return [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute) and not yields(node.func) and isinstance(node.func.value, ast.Name):
            return [*node.args, *(keyword.value for keyword in node.keywords)]
        return None
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return [node.left, *node.comparators]
    if isinstance(node, ast.Tuple | ast.List) and not any(isinstance(item, ast.Starred) for item in node.elts):
        return list(node.elts)
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.Subscript):
        return [node.value, node.slice]
    return None
