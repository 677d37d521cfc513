"""Statements compiled to closures, with the lines that CPython 3.11 reports; `try` and `with` are in `protected`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_lsp.evaluate.code import BREAK, CONTINUE, RETURN, Do, Frame, Run
from cwm_lsp.evaluate.endless import FINITE, Rounds
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.layout.positions import Mark, no_branch, nothing
from cwm_lsp.evaluate.patterns import Patterns
from cwm_lsp.evaluate.protected import Protected
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.telling import ATOMIC, tells
from cwm_lsp.evaluate.values import MISSING, GaveUp, Ticker, Undetermined, Unknown, defines

Store = Callable[[Frame, Any], None]

STILL_ITERATORS = FINITE | {enumerate, zip}
"""Iterators that change nothing but themselves, and what they iterate over."""


class Statements(Protected, Patterns, Expressions):
    """Compiles the statements of one scope."""

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

    # simple statements

    def do_Expr(self, node: ast.Expr, after: int | None) -> Do:  # noqa: N802
        if isinstance(node.value, ast.Constant):
            return self.do_Pass(node, after)
        start = self.begin(node)
        run = self.expr(node.value)

        def do(frame: Frame) -> None:
            start(frame)
            run(frame)

        return do

    def do_Pass(self, node: ast.stmt, after: int | None) -> Do:  # noqa: N802
        return self.mark(node, "own")

    def do_Break(self, node: ast.Break, after: int | None) -> Do:  # noqa: N802
        return self.starting(node, lambda frame: BREAK)

    def do_Continue(self, node: ast.Continue, after: int | None) -> Do:  # noqa: N802
        return self.starting(node, lambda frame: CONTINUE)

    def do_Assign(self, node: ast.Assign, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        value_of = self.expr(node.value)
        stores = [self.store(target) for target in node.targets]
        if len(stores) > 1:

            def assign_all(frame: Frame) -> None:
                start(frame)
                value = value_of(frame)
                for store in stores:
                    store(frame, value)

            return assign_all
        store, target = stores[0], node.targets[0]
        name = mangled(target.id, self.scope.private) if isinstance(target, ast.Name) else None
        if name is not None and not self.marks and self.scope.place(name) == "local":
            runtime = self.runtime

            def assign_local(frame: Frame) -> None:
                start(frame)
                value = frame.vars[name] = value_of(frame)
                frame.bound.add(name)
                if type(value) not in ATOMIC:
                    runtime.acts += 1
                if runtime.tainted:
                    frame.values.pop(name, None)

            return assign_local

        def assign(frame: Frame) -> None:
            start(frame)
            store(frame, value_of(frame))

        return assign

    def do_AnnAssign(self, node: ast.AnnAssign, after: int | None) -> Do | None:  # noqa: N802
        if self.scope.kind == "class":
            return self.annotated_in_class(node)
        if node.value is None:
            return None if isinstance(node.target, ast.Name) else self.do_Pass(node, after)
        start = self.begin(node)
        value_of, store = self.expr(node.value), self.store(node.target)

        def do(frame: Frame) -> None:
            start(frame)
            store(frame, value_of(frame))

        return do

    def annotated_in_class(self, node: ast.AnnAssign) -> Do:
        """A class variable with an annotation, which dataclasses and named tuples read."""
        start = self.begin(node)
        value_of = self.expr(node.value) if node.value is not None else None
        store, set_item = self.store(node.target), self.operations.set_item
        annotation_of = self.interpreter.annotation(self, node.annotation)
        name = mangled(node.target.id, self.scope.private) if isinstance(node.target, ast.Name) else None
        annotations_of = self.before(self.load("__annotations__"), node, "annotations")
        annotate = self.within(node, "annotate")

        def do(frame: Frame) -> None:
            start(frame)
            if value_of is not None:
                store(frame, value_of(frame))
            annotation = annotation_of(frame)
            if name is not None and node.simple:
                annotations = annotations_of(frame)
                annotate(frame)
                set_item(annotations, name, annotation)

        return do

    def do_AugAssign(self, node: ast.AugAssign, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        load, store = self.augmented(node.target)
        apply = self.operations.binary(type(node.op).__name__, in_place=True)
        value_of = self.after(self.expr(node.value), node, "apply")
        storing = self.within(node.target)

        def do(frame: Frame) -> None:
            start(frame)
            place, before = load(frame)
            value = apply(before, value_of(frame))
            storing(frame)
            store(frame, place, value)

        return do

    def augmented(
        self, target: ast.expr
    ) -> tuple[Callable[[Frame], tuple[Any, Any]], Callable[[Frame, Any, Any], None]]:
        """What reads the target of an augmented assignment, giving its place and its value, and what writes to it."""
        loading = self.within(target, "load")
        if isinstance(target, ast.Attribute):
            holder_of = self.expr(target.value)
            attributes, name = self.interpreter.attributes, mangled(target.attr, self.scope.private)

            def load_attribute(frame: Frame) -> tuple[Any, Any]:
                holder = holder_of(frame)
                loading(frame)
                return holder, attributes.get(holder, name)

            return load_attribute, lambda frame, holder, value: attributes.set(holder, name, value)
        if isinstance(target, ast.Subscript):
            container_of, key_of, operations = self.expr(target.value), self.expr(target.slice), self.operations

            def load_item(frame: Frame) -> tuple[Any, Any]:
                container = container_of(frame)
                key = key_of(frame)
                loading(frame)
                return (container, key), operations.subscript(container, key)

            return load_item, lambda frame, place, value: operations.set_item(place[0], place[1], value)
        assert isinstance(target, ast.Name)
        load, store = self.load(target.id), self.store_name(target.id)

        def load_name(frame: Frame) -> tuple[Any, Any]:
            loading(frame)
            return None, load(frame)

        return load_name, lambda frame, place, value: store(frame, value)

    def do_Delete(self, node: ast.Delete, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        deletes = [self.delete(target) for target in node.targets]

        def do(frame: Frame) -> None:
            start(frame)
            for delete in deletes:
                delete(frame)

        return do

    def delete(self, node: ast.expr) -> Run:
        if isinstance(node, ast.Name):
            name = mangled(node.id, self.scope.private)
            load, place = self.load(node.id), self.scope.place(name)
            namespace = self.interpreter.namespace

            def delete_name(frame: Frame) -> None:
                if place in ("cell", "free"):
                    load(frame)
                    frame.cells[name].value = MISSING
                elif place == "global":
                    if name not in namespace:
                        raise NameError(f"name '{name}' is not defined")
                    del namespace[name]
                elif place == "name":
                    if name not in frame.vars:
                        raise NameError(f"name '{name}' is not defined")
                    del frame.vars[name]
                else:
                    load(frame)
                    del frame.vars[name]

            return self.before(delete_name, node)
        if isinstance(node, ast.Tuple | ast.List):
            deletes = [self.delete(item) for item in node.elts]

            def delete_all(frame: Frame) -> None:
                for delete in deletes:
                    delete(frame)

            return delete_all
        if isinstance(node, ast.Attribute):
            holder_of, name = self.after(self.expr(node.value), node), mangled(node.attr, self.scope.private)
            attributes = self.interpreter.attributes
            return lambda frame: attributes.delete(holder_of(frame), name)
        if isinstance(node, ast.Subscript):
            holder_of, key_of = self.expr(node.value), self.after(self.expr(node.slice), node)
            operations = self.operations
            return lambda frame: operations.delete_item(holder_of(frame), key_of(frame))
        return self.unsupported(node)

    def do_Return(self, node: ast.Return, after: int | None) -> Do:  # noqa: N802
        start, leave = self.begin(node), self.mark(node, "return")
        value_of: Run = self.expr(node.value) if node.value is not None else lambda frame: None

        def do(frame: Frame) -> str:
            start(frame)
            frame.result = value_of(frame)
            frame.leave = leave
            return RETURN

        return do

    def do_Raise(self, node: ast.Raise, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        raising = self.interpreter.raising
        if node.exc is None:
            return self.starting(node, raising.again)
        error_of = self.expr(node.exc)
        cause_of = self.expr(node.cause) if node.cause is not None else None
        mark = self.within(node)

        def do(frame: Frame) -> None:
            start(frame)
            error = error_of(frame)
            cause = cause_of(frame) if cause_of is not None else MISSING
            mark(frame)
            raising.throw(frame, error, cause)

        return do

    def do_Assert(self, node: ast.Assert, after: int | None) -> Do:  # noqa: N802
        start = self.begin(node)
        test = self.condition(node.test, (after, None))
        message_of = self.expr(node.msg) if node.msg is not None else None
        mark = self.within(node, "fail" if node.msg is None else "call")

        def do(frame: Frame) -> None:
            start(frame)
            if test(frame):
                return
            if message_of is None:
                mark(frame)
                raise AssertionError
            message = message_of(frame)
            mark(frame)
            raise AssertionError(message)

        return do

    def do_Import(self, node: ast.Import, after: int | None) -> Do:  # noqa: N802
        importing = self.interpreter.imports
        stores = [
            (item.name, item.asname is not None, self.store_name(item.asname or item.name.split(".")[0]))
            for item in node.names
        ]

        def run(frame: Frame) -> None:
            for name, renamed, store in stores:
                store(frame, importing.module(name, whole=not renamed))

        return self.starting(node, run)

    def do_ImportFrom(self, node: ast.ImportFrom, after: int | None) -> Do:  # noqa: N802
        importing = self.interpreter.imports
        module, level, package = node.module or "", node.level, self.interpreter.package
        if any(item.name == "*" for item in node.names):
            return self.starting(node, lambda frame: importing.star(frame, module, level, package))
        stores = [(item.name, self.store_name(item.asname or item.name)) for item in node.names]

        def run(frame: Frame) -> None:
            for name, store in stores:
                store(frame, importing.member(module, level, name, package))

        return self.starting(node, run)

    def do_FunctionDef(self, node: ast.FunctionDef, after: int | None) -> Do:  # noqa: N802
        return self.defining(node, self.interpreter.function_maker)

    do_AsyncFunctionDef = do_FunctionDef  # noqa: N815

    def do_ClassDef(self, node: ast.ClassDef, after: int | None) -> Do:  # noqa: N802
        return self.defining(node, self.interpreter.class_maker)

    def defining(self, node: Any, maker: Callable[..., Run]) -> Do:
        """A definition and its decorators."""
        start = self.begin(node)
        decorators = [(self.expr(item), self.within(item, "decorate")) for item in node.decorator_list]
        make = maker(self, node)
        store, bind = self.store_name(node.name), self.within(node, "bind")
        call = self.interpreter.calls.call

        def do(frame: Frame) -> None:
            start(frame)
            found = [(run(frame), mark) for run, mark in decorators]
            value = make(frame)
            for decorator, mark in reversed(found):
                mark(frame)
                value = call(decorator, [value], {})
                if type(value) is Unknown:
                    value.decorated = True
            bind(frame)
            store(frame, value)

        return do

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

    # compound statements

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


def raised_deeper(error: BaseException, levels: int) -> bool:
    """Whether an exception comes from the program's code, further in than `levels` frames of the interpreter."""
    trace = error.__traceback__
    for _ in range(levels):
        trace = trace.tb_next if trace is not None else None
    while trace is not None and trace.tb_frame.f_code is Ticker.__next__.__code__:
        trace = trace.tb_next
    return trace is not None
