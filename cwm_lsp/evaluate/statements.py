"""Statements compiled to closures, with the lines that CPython 3.11 reports; `try` and `with` are in `protected`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from cwm_lsp.evaluate.blocks import Store
from cwm_lsp.evaluate.code import BREAK, CONTINUE, Do, Frame, Run
from cwm_lsp.evaluate.endless import FINITE, Rounds
from cwm_lsp.evaluate.layout.positions import Mark, no_branch
from cwm_lsp.evaluate.lifetimes import raised_deeper
from cwm_lsp.evaluate.patterns import Patterns
from cwm_lsp.evaluate.protected import Protected
from cwm_lsp.evaluate.simple import Simple
from cwm_lsp.evaluate.values import MISSING, GaveUp, Undetermined, Unknown, defines

STILL_ITERATORS = FINITE | {enumerate, zip}
"""Iterators that change nothing but themselves, and what they iterate over."""


class Statements(Protected, Patterns, Simple):
    """Compiles the statements of one scope."""

    def do_If(self, node: ast.If, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        otherwise = node.orelse[0].lineno if node.orelse else after
        test = self.condition(node.test, (node.body[0].lineno, otherwise))
        body = self.block(node.body, after)
        orelse = self.block(node.orelse, after) if node.orelse else None

        def do(frame: Frame) -> Any:
            start(frame)
            if test(frame):
                return body(frame)
            return orelse(frame) if orelse is not None else None

        return do

    def do_While(self, node: ast.While, after: int | None) -> Do:  # noqa: N802
        start, test = self.while_test(node, after)
        body = self.block(node.body, node.test.lineno)
        orelse = self.block(node.orelse, after) if node.orelse else None
        runtime, tick = self.runtime, self.runtime.tick

        def do(frame: Frame) -> Any:
            start(frame)
            rounds = Rounds(runtime, node)
            while test(frame):
                signal = body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                tick()
                start(frame)
                rounds.another(frame)
            return orelse(frame) if orelse is not None else None

        return do

    def while_test(self, node: ast.While, after: int | None) -> tuple[Mark, Callable[[Frame], bool]]:
        """What begins a round of a `while` loop, and its test."""
        start = self.begin(node)
        beyond = node.orelse[0].lineno if node.orelse else after
        return start, self.condition(node.test, (node.body[0].lineno, beyond))

    def do_For(self, node: ast.For, after: int | None) -> Do:  # noqa: N802
        start, values_of, next_of, store = self.for_parts(node, after)
        head = self.mark(node, "next")
        body = self.block(node.body, node.lineno)
        orelse = self.block(node.orelse, after) if node.orelse else None
        runtime = self.runtime

        def iterating(frame: Frame) -> Any:
            start(frame)
            items = values_of(frame)
            rounds = None if type(items) in FINITE else Rounds(runtime, node)
            head(frame)
            while True:
                value = next_of(frame, items)
                if value is MISSING:
                    break
                store(frame, value)
                signal = body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                head(frame)
                if rounds is not None:
                    rounds.another(frame, items)
            return orelse(frame) if orelse is not None else None

        return iterating

    def for_parts(self, node: ast.For, after: int | None) -> tuple[Mark, Run, Callable[[Frame, Any], Any], Store]:
        """What begins a `for` statement, its iterator, what gives its next element, and what binds that."""
        start = self.begin(node)
        values_of, iterator = self.after(self.expr(node.iter), node, "iter"), self.operations.iterator
        beyond = node.orelse[0].lineno if node.orelse else after
        next_of = self.next_of(node, node.body[0].lineno, beyond)
        return start, lambda frame: iterator(values_of(frame)), next_of, self.store(node.target)

    def following(
        self, node: ast.AST, inside: int | None, beyond: int | None, *, leaves: bool = False
    ) -> Callable[[Frame, Any], Any]:
        """Comes to the head of a loop, and gives the next element of its iterator, `MISSING` at its end, where its
        scope is left if it `leaves`."""
        mark, next_of = self.mark(node, "next"), self.next_of(node, inside, beyond, leaves=leaves)

        def following(frame: Frame, items: Any) -> Any:
            mark(frame)
            return next_of(frame, items)

        return following

    def next_of(
        self, node: ast.AST, inside: int | None, beyond: int | None, *, leaves: bool = False
    ) -> Callable[[Frame, Any], Any]:
        """The next element of the iterator of a loop, `MISSING` at its end."""
        runtime = self.runtime
        take = self.positions.decide(node, "next") if self.positions is not None else no_branch

        def next_of(frame: Frame, items: Any) -> Any:
            try:
                if type(items) is Unknown:
                    raise Undetermined
                value = next(items)
            except StopIteration as end:
                if runtime.mortal and runtime.tracing:
                    raise GaveUp("a loop may keep an object with __del__ alive") from None
                if end.value is not None or raised_deeper(end, 1):
                    runtime.raised(frame, end)
                    frame.seen = None
                value = MISSING
            except TypeError:
                if not defines(type(items), "__next__"):  # it was deleted
                    raise TypeError(f"'{type(items).__name__}' object is not iterable") from None
                raise
            except Undetermined:
                value = Unknown(askable=True) if runtime.branch((inside, beyond), leaves=leaves) else MISSING
            if type(items) not in STILL_ITERATORS:
                runtime.acts += 1
            take(frame, value is not MISSING)
            return value

        return next_of
