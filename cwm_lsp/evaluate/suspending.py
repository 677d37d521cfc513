"""Expressions with a `yield` or `await` inside, compiled to generators that suspend where they do.

Most are evaluated operand by operand, each set aside while the next may suspend, and then combined by what the plain
expression compiles to. Those that decide which operands to evaluate have generators of their own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.async_generators import Wrapped
from cwm_lsp.evaluate.carried import carrying, original, steps_of
from cwm_lsp.evaluate.code import Frame, Run, Steps
from cwm_lsp.evaluate.layout.positions import Positions, nothing
from cwm_lsp.evaluate.scopes import COMPREHENSIONS, Scope, mangled
from cwm_lsp.evaluate.statements import Statements
from cwm_lsp.evaluate.values import INTERNAL, MISSING, GaveUp

if TYPE_CHECKING:
    from cwm_lsp.evaluate.compiling import Module

Decision = Callable[[Frame], Generator[Any, Any, bool]]


class Entry:
    """What a block with a `yield` inside gives as its signal: the statements that are still to be run."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps


class Suspending(Statements):
    """Compiles expressions that suspend."""

    def __init__(self, interpreter: Module, scope: Scope, positions: Positions | None = None) -> None:
        super().__init__(interpreter, scope, positions)
        self.slots = 0
        """Names for operands that are set aside while another one suspends."""
        self.stand_ins: list[ast.expr] = []
        """Nodes made here, kept so that their identity stays theirs."""

    def suspends(self, node: ast.AST) -> bool:
        """Whether a `yield` or `await` of the same scope is inside."""
        if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, COMPREHENSIONS):
            waited_for = self.interpreter.scopes[node].is_async and not isinstance(node, ast.GeneratorExp)
            return waited_for or self.suspends(node.generators[0].iter)
        return any(map(self.suspends, own_children(node)))

    def cannot(self, node: ast.AST) -> Steps:
        line = getattr(node, "lineno", 0)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            raise GaveUp(f"line {line}: a yield or await is not interpreted here")
            yield

        return run

    def suspending(self, node: ast.expr) -> Steps:
        """Compile an expression in which something suspends."""
        method = getattr(self, "suspending_" + type(node).__name__, None)
        if method is not None:
            steps: Steps = method(node)
            return steps
        operands = list(ast.iter_child_nodes(node))
        if not all(isinstance(item, ast.expr | ast.expr_context | ast.operator | ast.unaryop) for item in operands):
            return self.cannot(node)
        return self.combining(node, [item for item in operands if isinstance(item, ast.expr)])

    def either(self, node: ast.expr) -> Steps:
        """Compile an expression in which something may suspend."""
        return self.suspending(node) if self.suspends(node) else steps_of(self.expr(node))

    def either_then(self, expression: ast.expr, node: ast.AST, part: str = "") -> Steps:
        """The same, after which the frame is at an instruction of `node`."""
        steps, mark = self.either(expression), self.within(node, part)
        if mark is nothing:
            return steps

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            value = yield from steps(frame)
            mark(frame)
            return value

        return run

    # operands that are evaluated one after the other

    def combining(self, node: ast.expr, operands: Sequence[ast.expr], mappings: Sequence[ast.expr] = ()) -> Steps:
        """Evaluate the operands, and then what the expression makes of them."""
        return in_order(self.prepare(operands, mappings), steps_of(self.expr(node)))

    def prepare(self, operands: Sequence[ast.expr], mappings: Sequence[ast.expr] = ()) -> Steps:
        """Set operands aside, up to the last one that suspends; `mappings` are those that are unpacked by `**`."""
        last = max((position for position, item in enumerate(operands) if self.suspends(item)), default=-1)
        slots: list[tuple[str, Steps, Callable[[Any], Any] | None]] = []
        for position, operand in enumerate(operands[: last + 1]):
            node = operand.value if isinstance(operand, ast.Starred) else operand
            finish: Callable[[Any], Any] | None = None
            if position < last and operand is not node:
                finish = self.operations.unpack
            elif position < last and any(operand is item for item in mappings):
                finish = lambda value: dict(self.unpack_mapping(value))  # noqa: E731
            elif isinstance(node, ast.Constant):
                continue
            self.slots += 1
            name = f".{self.slots}"
            slots.append((name, self.either(node), finish))
            self.replaced[id(node)] = self.slot(name)

        def prepare(frame: Frame) -> Generator[Any, Any, None]:
            try:
                for name, steps, finish in slots:
                    frame.operands[name] = yield from steps(frame)
                    if finish is not None:
                        frame.operands[name] = carrying(finish, frame.operands[name])
            except BaseException:
                for name, _, _ in slots:
                    frame.operands.pop(name, None)
                raise

        return prepare

    @staticmethod
    def slot(name: str) -> Run:
        return lambda frame: frame.operands.pop(name)

    def suspending_FormattedValue(self, node: ast.FormattedValue) -> Steps:  # noqa: N802
        return self.combining(node, [node.value, *([node.format_spec] if node.format_spec is not None else [])])

    def suspending_Dict(self, node: ast.Dict) -> Steps:  # noqa: N802
        operands, mappings = [], []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                mappings.append(value)
            else:
                operands.append(key)
            operands.append(value)
        return self.combining(node, operands, mappings)

    def suspending_Call(self, node: ast.Call) -> Steps:  # noqa: N802
        given = [*node.args, *(item.value for item in node.keywords)]
        mappings = [item.value for item in node.keywords if item.arg is None]
        if not any(map(self.suspends, given)):
            inner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            return self.combining(node, [inner])
        if isinstance(node.func, ast.Attribute):
            return self.suspending_method(node, node.func, given, mappings)
        return self.combining(node, [node.func, *given], mappings)

    def suspending_method(
        self, node: ast.Call, func: ast.Attribute, given: Sequence[ast.expr], mappings: Sequence[ast.expr]
    ) -> Steps:
        """A call of a method, which is looked up before its arguments are evaluated."""
        value_of = self.either_then(func.value, func)
        name, get = mangled(func.attr, self.scope.private), self.interpreter.attributes.get
        self.slots += 1
        slot = f".{self.slots}"
        prepare = self.prepare(given, mappings)
        arguments, mark = self.arguments(node.args, node.keywords), self.within(node)
        call = self.interpreter.calls.call

        def call_method(frame: Frame) -> Any:
            args, kwargs = arguments(frame)
            mark(frame)
            return call(frame.operands.pop(slot), args, kwargs)

        calling = self.undetermined_display(node, call_method)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from value_of(frame))]
            frame.operands[slot] = carrying(get, taken.pop(), name)
            yield from prepare(frame)
            return carrying(calling, frame)

        return run

    def suspending_Lambda(self, node: ast.Lambda) -> Steps:  # noqa: N802
        return self.combining(node, [item for item in own_children(node) if isinstance(item, ast.expr)])

    def suspending_NamedExpr(self, node: ast.NamedExpr) -> Steps:  # noqa: N802
        inner, store = self.suspending(node.value), self.store(node.target)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            value = yield from inner(frame)
            store(frame, value)
            return value

        return run

    # operands that may be left out

    def suspending_BoolOp(self, node: ast.BoolOp) -> Steps:  # noqa: N802
        *first, last = node.values
        firsts, otherwise = [(self.either(item), self.joint(item)) for item in first], self.either(last)
        stop_on = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            for item, decide in firsts:
                value = yield from item(frame)
                if carrying(decide, frame, value) is stop_on:
                    return value
                del value
            return (yield from otherwise(frame))

        return run

    def suspending_Compare(self, node: ast.Compare) -> Steps:  # noqa: N802
        if len(node.ops) == 1:
            return self.combining(node, [node.left, *node.comparators])
        left = self.either(node.left)
        applies = [
            self.compare(type(operator).__name__, item)
            for operator, item in zip(node.ops, node.comparators, strict=True)
        ]
        rights = [self.either_then(item, node, str(position)) for position, item in enumerate(node.comparators)]
        links = [self.joint(node, f"test{position}") for position in range(len(rights) - 1)]
        first = list(zip(applies, rights, links, strict=False))

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            value = yield from left(frame)
            for apply, right, decide in first:
                following = yield from right(frame)
                result = carrying(apply, value, following)
                if not carrying(decide, frame, result):
                    return result
                value = following
            return carrying(applies[-1], value, (yield from rights[-1](frame)))

        return run

    def suspending_IfExp(self, node: ast.IfExp) -> Steps:  # noqa: N802
        test, body, orelse = self.deciding(node.test), self.either(node.body), self.either(node.orelse)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            return (yield from (body if (yield from test(frame)) else orelse)(frame))

        return run

    def deciding(self, node: ast.expr, lines: tuple[int | None, int | None] = (None, None)) -> Decision:
        """An expression as the test of a branch."""
        if not self.suspends(node):
            plain = self.condition(node, lines)
            return steps_of(plain)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.deciding(node.operand, (lines[1], lines[0]))

            def negated(frame: Frame) -> Generator[Any, Any, bool]:
                return not (yield from inner(frame))

            return negated
        if isinstance(node, ast.BoolOp):
            tests, stop_on = [self.deciding(value) for value in node.values], isinstance(node.op, ast.Or)

            def joined(frame: Frame) -> Generator[Any, Any, bool]:
                for test in tests:
                    if (yield from test(frame)) is stop_on:
                        return stop_on
                return not stop_on

            return joined
        if isinstance(node, ast.IfExp):
            first, then, otherwise = (self.deciding(part) for part in (node.test, node.body, node.orelse))

            def chosen(frame: Frame) -> Generator[Any, Any, bool]:
                return (yield from (then if (yield from first(frame)) else otherwise)(frame))

            return chosen
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            return self.cannot(node)
        value_of, decide = self.either(node), self.decide(lines, node)

        def decided(frame: Frame) -> Generator[Any, Any, bool]:
            return bool(carrying(decide, frame, (yield from value_of(frame))))

        return decided

    # what suspends

    def suspending_Yield(self, node: ast.Yield) -> Steps:  # noqa: N802
        given = steps_of(lambda frame: None) if node.value is None else self.either(node.value)
        leave, enter = self.within(node, "yield"), self.within(node, "resume")
        yielding, wrap = self.interpreter.suspension.yielding, self.scope.is_async

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from given(frame))]
            leave(frame)
            sent = yield from yielding(frame, Wrapped(taken.pop()) if wrap else taken.pop())
            enter(frame)
            return sent

        return run

    def suspending_YieldFrom(self, node: ast.YieldFrom) -> Steps:  # noqa: N802
        return self.waiting(node, node.value, self.interpreter.awaiting.delegate)

    def suspending_Await(self, node: ast.Await) -> Steps:  # noqa: N802
        return self.waiting(node, node.value, self.interpreter.awaiting.iterator)

    def waiting(self, node: ast.expr, value: ast.expr, iterator: Callable[[Any], Any]) -> Steps:
        """Wait for what `iterator` makes of an expression's value."""
        value_of, wait = self.either_then(value, node, "iter"), self.waited_for(node)

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            taken = [(yield from value_of(frame))]
            return (yield from wait(frame, carrying(iterator, taken.pop())))

        return run

    def waited_for(self, node: ast.AST, part: str = "") -> Callable[[Frame, Any], Generator[Any, Any, Any]]:
        """Waits for what is given."""
        delegating, send = self.interpreter.suspension.delegating, self.within(node, part + "send")

        def wait(frame: Frame, awaited: Any) -> Generator[Any, Any, Any]:
            send(frame)
            taken = [awaited]
            del awaited
            return (yield from delegating(frame, taken.pop()))

        return wait

    def next_awaited(self, node: ast.AsyncFor | ast.comprehension) -> Callable[[Frame, Any], Generator[Any, Any, Any]]:
        """Gives the next element of an asynchronous iterator, `MISSING` at its end."""
        marks, self.marks = self.marks, True
        start, wait, anext_of = self.within(node, "next"), self.waited_for(node), self.interpreter.awaiting.anext
        self.marks = marks

        def following(frame: Frame, items: Any) -> Generator[Any, Any, Any]:
            start(frame)
            try:
                taken = [carrying(anext_of, items)]
                del items  # the loop alone has its iterator: this frame may be in a traceback
                return (yield from wait(frame, taken.pop()))
            except StopAsyncIteration as end:
                self.caught(frame, end)
                frame.seen = None
                return MISSING
            except INTERNAL:
                raise
            except BaseException as error:
                self.surfaced(frame, original(error))
                if self.positions is not None:
                    self.positions.leave_loop(frame)
                raise

        return following

    def suspending_comprehension(self, node: Any) -> Steps:
        """A comprehension that is waited for, or whose first iterable suspends."""
        first, waited_for = node.generators[0].iter, not isinstance(node, ast.GeneratorExp)
        elements = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
        prepare = self.prepare(elements) if self.suspends(first) else None
        make, wait = self.expr(node), self.waited_for(node, "await")
        if not (self.interpreter.scopes[node].is_async and waited_for):
            assert prepare is not None
            return in_order(prepare, steps_of(make))
        iterator = self.interpreter.awaiting.iterator

        def run(frame: Frame) -> Generator[Any, Any, Any]:
            if prepare is not None:
                yield from prepare(frame)
            return (yield from wait(frame, carrying(iterator, carrying(make, frame))))

        return run

    suspending_ListComp = suspending_SetComp = suspending_comprehension  # noqa: N815
    suspending_DictComp = suspending_GeneratorExp = suspending_comprehension  # noqa: N815


def in_order(first: Steps, second: Steps) -> Steps:
    """Two parts of an expression, of which the second gives the value."""

    def steps(frame: Frame) -> Generator[Any, Any, Any]:
        yield from first(frame)
        return (yield from second(frame))

    return steps


def own_children(node: ast.AST) -> Iterator[ast.AST]:
    """What is evaluated in the scope of a node itself, in the order of evaluation as far as that matters."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        yield from getattr(node, "decorator_list", ())
        yield from node.args.defaults
        yield from (item for item in node.args.kw_defaults if item is not None)
    elif isinstance(node, ast.ClassDef):
        yield from node.decorator_list
        yield from node.bases
        yield from (item.value for item in node.keywords)
    elif not isinstance(node, COMPREHENSIONS):
        yield from ast.iter_child_nodes(node)
