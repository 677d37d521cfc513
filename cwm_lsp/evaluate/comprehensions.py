"""Comprehensions compiled to closures: plain ones, and those that suspend (generator expressions, and those with an
`await` or `async for` inside)."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.async_generators import Wrapped
from cwm_lsp.evaluate.blocks import Store
from cwm_lsp.evaluate.carried import carrying, steps_of
from cwm_lsp.evaluate.code import RETURN, Frame, Run, Steps
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.generators import Generators
from cwm_lsp.evaluate.layout.code import inline
from cwm_lsp.evaluate.statements import Statements
from cwm_lsp.evaluate.suspending import Decision
from cwm_lsp.evaluate.values import MISSING, Cell

if TYPE_CHECKING:
    from cwm_lsp.evaluate.compiling import Module

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


SILENT = (
    ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.BinOp, ast.UnaryOp,
    ast.BoolOp, ast.Compare, ast.Call, ast.JoinedStr, ast.FormattedValue, ast.keyword,
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
MAKING = frozenset(["abs", "bool", "bytes", "float", "int", "len", "list", "repr", "round", "set", "str", "tuple"])
PLAIN = frozenset(name for kind in (str, bytes, int, float, tuple, frozenset) for name in dir(kind))
"""Names of methods that change nothing."""
Following = Callable[[Frame, Any], Generator[Any, Any, Any]]


def comprehension_maker(module: Module, compiler: Expressions, node: Any) -> Run:
    """Compile a comprehension: its first iterable here, the rest in a scope of its own."""
    first = node.generators[0]
    values_of, calling = compiler.after(compiler.expr(first.iter), first, "iter"), compiler.within(node)
    code = module.code_of(node)
    if code.body is None:
        code.body = comprehension_body(module, node)
    begin = module.awaiting.aiter if first.is_async else module.operations.iterator
    suspension, runtime, free = module.suspension, module.runtime, code.free

    def make(frame: Frame) -> Any:
        items = begin(values_of(frame))
        calling(frame)
        cells = {name: frame.cells[name] for name in free}
        for name in code.own_cells:
            cells[name] = Cell()
        inner = Frame(code, {".0": items}, cells)
        return suspension.make(inner) if code.suspends else runtime.run(inner)

    return make


def comprehension_body(module: Module, node: Any) -> Any:
    scope = module.scopes[node]
    if scope.is_async or isinstance(node, ast.GeneratorExp):
        return comprehension_steps(module, node)
    compiler = Statements(module, scope, module.positions(node, scope))
    compiler.begin_comprehension(node)
    levels = [clause(module, compiler, part, position) for position, part in enumerate(node.generators)]
    leave = compiler.mark(node, "return")
    add: Callable[[Frame, Any], None]
    start: Callable[[], Any]
    operations = module.operations
    if isinstance(node, ast.DictComp):
        key_of, value_of = compiler.expr(node.key), compiler.after(compiler.expr(node.value), node, "add")

        def add_pair(frame: Frame, made: Any) -> None:
            key = key_of(frame)
            operations.set_item(made, key, value_of(frame))

        add, start = add_pair, dict
    else:
        element_of = compiler.after(compiler.expr(node.elt), node, "add")
        if isinstance(node, ast.SetComp):

            def add_unique(frame: Frame, made: Any) -> None:
                operations.attempt(made.add, (element_of(frame),), (made,))

            add, start = add_unique, set
        else:

            def add_last(frame: Frame, made: Any) -> None:
                made.append(element_of(frame))

            add, start = add_last, list

    runtime = module.runtime
    if adds_silently(node):
        levels[-1] = (*levels[-1][:3], [compiler.filtering(node.generators[-1].ifs[0])])

    def iterating(frame: Frame, made: Any, depth: int) -> bool:
        """Fill in what is made; whether it is known what that has."""
        values_of, next_of, store, tests = levels[depth]
        items = values_of(frame)
        last = depth + 1 == len(levels)
        known = True
        while True:
            value = next_of(frame, items)
            if value is MISSING:
                return known
            store(frame, value)
            for test in tests:
                passes = test(frame)
                if not passes:
                    known = known and passes is not None
                    break
            else:
                if last:
                    add(frame, made)
                else:
                    known = iterating(frame, made, depth + 1) and known

    def run(frame: Frame) -> str:
        made: Any = start()
        known = iterating(frame, made, 0)
        leave(frame)
        frame.result = made if known else runtime.unknown()
        return RETURN

    return run


def adds_silently(node: ast.ListComp | ast.SetComp | ast.DictComp) -> bool:
    """Whether a comprehension ends with one condition, and all that adding an element does is in what is made."""
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    conditions = node.generators[-1].ifs
    return (
        len(conditions) == 1
        and node.lineno == node.end_lineno
        and all(is_silent(inner) for part in (*parts, *conditions) for inner in ast.walk(part))
    )


def is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func
        return (isinstance(name, ast.Name) and name.id in MAKING) or (
            isinstance(name, ast.Attribute) and name.attr in PLAIN
        )
    return isinstance(node, SILENT)


def clause(module: Module, compiler: Statements, node: ast.comprehension, position: int) -> Any:
    """One `for` of a comprehension: its iterator, what gives the next element, what binds that, its conditions."""
    store = compiler.store(node.target)
    tests = [compiler.condition(test) for test in node.ifs]
    element = inline(node) if position else None
    if element is not None:  # assigned, not iterated over
        value_of = compiler.expr(element)
        return (lambda frame: iter([value_of(frame)])), (lambda frame, items: next(items, MISSING)), store, tests
    next_of = compiler.following(node, None, None, leaves=not position)
    if not position:
        return compiler.load(".0"), next_of, store, tests
    values_of, iterator = compiler.after(compiler.expr(node.iter), node, "iter"), module.operations.iterator
    return (lambda frame: iterator(values_of(frame))), next_of, store, tests


@dataclass
class Level:
    """One `for` of a comprehension."""

    values_of: Steps
    """What it iterates over."""
    next_of: Following
    store: Store
    tests: list[Decision]


def comprehension_steps(interpreter: Module, node: Comprehension) -> Steps:
    """The body of a comprehension that suspends."""
    scope = interpreter.scopes[node]
    compiler = Generators(interpreter, scope, interpreter.positions(node, scope))
    compiler.begin_comprehension(node)
    levels = [level(compiler, part, position) for position, part in enumerate(node.generators)]
    start, add = adding(compiler, node)
    leave = compiler.mark(node, "return")

    def iterating(frame: Frame, made: Any, depth: int) -> Generator[Any, Any, None]:
        level = levels[depth]
        taken = [(yield from level.values_of(frame))]
        items = taken.pop()
        last = depth + 1 == len(levels)
        while True:
            taken.append((yield from level.next_of(frame, items)))
            if taken[0] is MISSING:
                return
            carrying(level.store, frame, taken.pop())
            for test in level.tests:
                if not (yield from test(frame)):
                    break
            else:
                yield from add(frame, made) if last else iterating(frame, made, depth + 1)

    def steps(frame: Frame) -> Generator[Any, Any, str]:
        made = start()
        yield from iterating(frame, made, 0)
        leave(frame)
        frame.result = made
        return RETURN

    return steps


def level(compiler: Generators, clause: ast.comprehension, position: int) -> Level:
    """Compile one `for` of a comprehension."""
    store, tests = compiler.store(clause.target), [compiler.deciding(test) for test in clause.ifs]
    element = inline(clause) if position and not clause.is_async else None
    if element is not None:  # assigned, not iterated over
        value_of = compiler.either(element)
        return Level(
            then(value_of, lambda value: iter([value])), step(lambda frame, items: next(items, MISSING)), store, tests
        )
    if clause.is_async:
        begin, next_of = compiler.interpreter.awaiting.aiter, compiler.next_awaited(clause)
    else:
        begin, next_of = compiler.operations.iterator, step(compiler.following(clause, None, None, leaves=not position))
    if not position:
        return Level(steps_of(compiler.load(".0")), next_of, store, tests)
    return Level(then(compiler.either_then(clause.iter, clause, "iter"), begin), next_of, store, tests)


def then(steps: Steps, apply: Callable[[Any], Any]) -> Steps:
    """`steps`, and what `apply` makes of their value."""

    def run(frame: Frame) -> Generator[Any, Any, Any]:
        taken = [(yield from steps(frame))]
        return carrying(apply, taken.pop())

    return run


def step(next_of: Callable[[Frame, Any], Any]) -> Following:
    """What gives the next element without suspending, as if it did."""

    def following(frame: Frame, items: Any) -> Generator[Any, Any, Any]:
        return next_of(frame, items)
        yield

    return following


def adding(
    compiler: Generators, node: Comprehension
) -> tuple[Callable[[], Any], Callable[[Frame, Any], Generator[Any, Any, Any]]]:
    """What a comprehension starts with, and how an element is added to it."""
    operations = compiler.operations
    if isinstance(node, ast.DictComp):
        key_of, value_of = compiler.either(node.key), compiler.either_then(node.value, node, "add")

        def add_pair(frame: Frame, made: Any) -> Generator[Any, Any, None]:
            key = yield from key_of(frame)
            value = yield from value_of(frame)
            carrying(operations.set_item, made, key, value)

        return dict, add_pair
    if isinstance(node, ast.GeneratorExp):
        given_of, resume = compiler.either_then(node.elt, node, "yield"), compiler.within(node, "resume")
        yielding, wrap = compiler.interpreter.suspension.yielding, compiler.scope.is_async

        def give(frame: Frame, made: Any) -> Generator[Any, Any, None]:
            taken = [(yield from given_of(frame))]
            yield from yielding(frame, Wrapped(taken.pop()) if wrap else taken.pop())
            resume(frame)

        return lambda: None, give
    element_of = compiler.either_then(node.elt, node, "add")

    def add_element(frame: Frame, made: Any) -> Generator[Any, Any, None]:
        element = yield from element_of(frame)
        if isinstance(node, ast.SetComp):
            carrying(operations.attempt, made.add, (element,), (made,))
        else:
            made.append(element)

    return (set if isinstance(node, ast.SetComp) else list), add_element
