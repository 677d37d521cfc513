"""Comprehensions that suspend: generator expressions, and those with an `await` or `async for` inside."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import RETURN, Frame, Steps
from cwm_lsp.evaluate.coroutines import Wrapped
from cwm_lsp.evaluate.folding import iterated, line_after
from cwm_lsp.evaluate.generators import Generators
from cwm_lsp.evaluate.statements import Store
from cwm_lsp.evaluate.suspending import Decision, steps_of
from cwm_lsp.evaluate.suspension import carrying
from cwm_lsp.evaluate.values import MISSING

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Level:
    """One `for` of a comprehension."""

    values_of: Steps
    store: Store
    tests: list[Decision]
    line: int
    is_async: bool


def comprehension_steps(interpreter: Interpreter, node: Comprehension) -> Steps:
    """The body of a comprehension that suspends."""
    scope, runtime = interpreter.scopes[node], interpreter.runtime
    compiler = Generators(interpreter, scope)
    line = now = node.lineno
    compiler.marks = node.end_lineno != line
    levels: list[Level] = []
    for position, generator in enumerate(node.generators):
        first = steps_of(compiler.load(".0"))
        values_of = compiler.either_at(iterated(generator.iter), now) if position else first
        level = Level(values_of, compiler.store(generator.target), [], now, bool(generator.is_async))
        for test in generator.ifs:
            level.tests.append(compiler.deciding(test, now))
            now = line_after(test, now)
        levels.append(level)
    start, add = adding(compiler, node, now)
    mark, following, next_awaited = runtime.line, compiler.following(line, None), compiler.next_awaited
    awaiting, operations = interpreter.awaiting, interpreter.operations

    def iterating(frame: Frame, made: Any, depth: int) -> Generator[Any, Any, None]:
        level = levels[depth]
        taken = [(yield from level.values_of(frame))]
        if depth:
            taken.append(carrying(awaiting.aiter if level.is_async else operations.iterator, taken.pop()))
        items = taken.pop()
        last = depth + 1 == len(levels)
        while True:
            taken.append((yield from next_awaited(frame, items)) if level.is_async else following(frame, items))
            if taken[0] is MISSING:
                return
            carrying(level.store, frame, taken.pop())
            for test in level.tests:
                if not (yield from test(frame)):
                    break
            else:
                yield from add(frame, made) if last else iterating(frame, made, depth + 1)
                if frame.line != now:
                    mark(frame, now)
            mark(frame, level.line)

    def steps(frame: Frame) -> Generator[Any, Any, str]:
        mark(frame, line)
        made = start()
        yield from iterating(frame, made, 0)
        if frame.line != now:
            mark(frame, now)
        frame.result = made
        return RETURN

    return steps


def adding(
    compiler: Generators, node: Comprehension, line: int
) -> tuple[Callable[[], Any], Callable[[Frame, Any], Generator[Any, Any, Any]]]:
    """What a comprehension starts with, and how an element is added to it."""
    operations = compiler.operations
    if isinstance(node, ast.DictComp):
        key_of, value_of = compiler.either(node.key), compiler.either_at(node.value, line)

        def add_pair(frame: Frame, made: Any) -> Generator[Any, Any, None]:
            key = yield from key_of(frame)
            value = yield from value_of(frame)
            carrying(operations.set_item, made, key, value)

        return dict, add_pair
    element_of = compiler.either_at(node.elt, line)
    if isinstance(node, ast.GeneratorExp):
        yielding, wrap = compiler.interpreter.suspension.yielding, compiler.scope.is_async

        def give(frame: Frame, made: Any) -> Generator[Any, Any, None]:
            taken = [(yield from element_of(frame))]
            yield from yielding(frame, Wrapped(taken.pop()) if wrap else taken.pop())

        return lambda: None, give

    def add_element(frame: Frame, made: Any) -> Generator[Any, Any, None]:
        element = yield from element_of(frame)
        if isinstance(node, ast.SetComp):
            carrying(operations.attempt, made.add, (element,), (made,))
        else:
            made.append(element)

    return (set if isinstance(node, ast.SetComp) else list), add_element
