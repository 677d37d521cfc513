"""Blocks of statements compiled to closures, and what statements bind."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_lsp.evaluate.code import RETURN, Do, Frame, Run
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.layout.positions import Mark, nothing
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.telling import tells
from cwm_lsp.evaluate.values import MISSING, Undetermined, Unknown, defines

Store = Callable[[Frame, Any], None]


class Blocks(Expressions):
    """Compiles statements that follow each other, and targets."""

    begun: ast.AST | None = None
    """A statement whose beginning has been compiled already."""

    def block(self, nodes: Sequence[ast.stmt], after: int | None = None) -> Do:
        """Compile statements that follow each other; `after` is the line that comes next."""
        dos = []
        for position, node in enumerate(nodes):
            following = nodes[position + 1].lineno if position + 1 < len(nodes) else after
            do = self.statement(node, following)
            if do is not None:
                dos.append(do)
        if not dos:
            return lambda frame: None
        if len(dos) == 1:
            return dos[0]

        def run(frame: Frame) -> Any:
            for do in dos:
                signal = do(frame)
                if signal is not None:
                    return signal
            return None

        return run

    def to_the_end(self, run: Do, node: ast.AST) -> Do:
        """The body of a function, with its instructions up to the one that leaves it."""
        fall_off = self.mark(node, "return")

        def whole(frame: Frame) -> Any:
            signal = run(frame)
            (frame.leave if signal is RETURN and frame.leave is not None else fall_off)(frame)
            return signal

        return whole

    def statement(self, node: ast.stmt, after: int | None) -> Do | None:
        """Compile one statement; None for one without instructions."""
        if isinstance(node, ast.Global | ast.Nonlocal):
            return None
        method = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            return self.starting(node, self.unsupported(node))
        do: Do | None = method(node, after)
        return do if do is None or tells(node) else self.acting(do)

    def acting(self, run: Run) -> Run:
        """`run`, of which it is not told what it changes."""
        runtime = self.runtime

        def act(frame: Frame) -> Any:
            runtime.acting += 1
            try:
                return run(frame)
            finally:
                runtime.acting -= 1
                runtime.acts += 1

        return act

    def starting(self, node: ast.stmt, run: Run) -> Do:
        """`run` at the start of a statement."""
        mark = self.mark(node, "own")

        def do(frame: Frame) -> Any:
            mark(frame)
            return run(frame)

        return do

    def begin(self, node: ast.AST, part: str = "own") -> Mark:
        """Prepare for compiling a statement's own expressions; gives what begins the statement.

        If all of its instructions are on one line, that is all there is to do. Otherwise its parts say where they are.
        """
        lines = self.positions.lines(node, part) if self.positions is not None else set()
        self.marks = len(lines) > 1 or -1 in lines
        return nothing if self.marks or node is self.begun else self.mark(node, part)

    def begin_comprehension(self, node: ast.expr) -> None:
        """Prepare for compiling a comprehension's expressions, in its own scope: its loops say where they are."""
        self.marks = self.positions is not None and len(self.positions.lines(node, "own")) > 1

    # targets

    def store(self, node: ast.expr) -> Store:
        """Compile an assignment target."""
        mark = self.within(node)
        if isinstance(node, ast.Name):
            store = self.store_name(node.id)
            if mark is nothing:
                return store

            def marked(frame: Frame, value: Any) -> None:
                mark(frame)
                store(frame, value)

            return marked
        if isinstance(node, ast.Tuple | ast.List):
            return self.unpacking(node)
        if isinstance(node, ast.Attribute):
            holder_of = self.after(self.expr(node.value), node)
            name, attributes = mangled(node.attr, self.scope.private), self.interpreter.attributes

            def set_attribute(frame: Frame, value: Any) -> None:
                attributes.set(holder_of(frame), name, value)

            return set_attribute
        if isinstance(node, ast.Subscript):
            container_of = self.expr(node.value)
            key_of, set_item = self.after(self.expr(node.slice), node), self.operations.set_item

            def set_element(frame: Frame, value: Any) -> None:
                container = container_of(frame)
                set_item(container, key_of(frame), value)

            return set_element
        if isinstance(node, ast.Starred):
            return self.store(node.value)
        return lambda frame, value: self.unsupported(node)(frame)

    def unpacking(self, node: ast.Tuple | ast.List) -> Store:
        """A tuple or list of targets."""
        mark = self.within(node)
        stores = [self.store(item) for item in node.elts]
        star = next((position for position, item in enumerate(node.elts) if isinstance(item, ast.Starred)), None)
        unpack = self.unpacker(len(stores), star)

        def store_all(frame: Frame, value: Any) -> None:
            mark(frame)
            for store, item in zip(stores, unpack(value), strict=True):
                store(frame, item)

        return store_all

    def unpacker(self, count: int, star: int | None) -> Callable[[Any], Sequence[Any]]:
        """What takes `count` values out of an iterable, that at `star` a list of what is left."""
        operations, runtime = self.operations, self.runtime

        def start(value: Any) -> Any:
            if type(value) is Unknown and value.value is not MISSING:
                value = value.value
            if not defines(type(value), "__iter__") and not defines(type(value), "__getitem__"):
                if type(value) is Unknown:
                    raise Undetermined
                raise TypeError(f"cannot unpack non-iterable {type(value).__name__} object")
            runtime.touchable((value,))
            return iter(operations.iterable(value))

        def first(iterator: Any, wanted: int, expected: str) -> list[Any]:
            items: list[Any] = []
            for _ in range(wanted):
                try:
                    items.append(next(iterator))
                except StopIteration:
                    raise ValueError(f"not enough values to unpack (expected {expected}, got {len(items)})") from None
            return items

        def exactly(value: Any) -> Sequence[Any]:
            iterator = start(value)
            items = first(iterator, count, str(count))
            try:
                next(iterator)
            except StopIteration:
                return items
            raise ValueError(f"too many values to unpack (expected {count})")

        def spread(value: Any) -> Sequence[Any]:
            assert star is not None
            iterator = start(value)
            expected, behind = f"at least {count - 1}", count - star - 1
            items = first(iterator, star, expected)
            rest = operations.unpack(iterator)
            if len(rest) < behind:
                raise ValueError(f"not enough values to unpack (expected {expected}, got {star + len(rest)})")
            end = len(rest) - behind
            return [*items, rest[:end], *rest[end:]]

        def unpack(value: Any) -> Sequence[Any]:
            if star is None and type(value) is tuple and len(value) == count:
                return value
            try:
                return exactly(value) if star is None else spread(value)
            except Undetermined:
                runtime.unknown()
                return [Unknown(askable=True) for _ in range(count)]

        return unpack
