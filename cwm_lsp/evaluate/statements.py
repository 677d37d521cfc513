"""Statements compiled to closures, with the lines that CPython 3.11 reports; `try` and `with` are in `protected`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from cwm_lsp.evaluate.code import BREAK, CONTINUE, RETURN, Do, Frame, Run
from cwm_lsp.evaluate.endless import FINITE, Rounds
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.folding import constant, iterated
from cwm_lsp.evaluate.patterns import Patterns
from cwm_lsp.evaluate.protected import Protected
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.values import MISSING, Ticker, Undetermined, Unknown, defines

Store = Callable[[Frame, Any], None]


class Statements(Protected, Patterns, Expressions):
    """Compiles the statements of one scope."""

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

    def statement(self, node: ast.stmt, after: int | None) -> Do | None:
        """Compile one statement; None for one without instructions."""
        if isinstance(node, ast.Global | ast.Nonlocal):
            return None
        method = getattr(self, "do_" + type(node).__name__, None)
        if method is None:
            return self.starting(node, self.unsupported(node))
        do: Do = method(node, after)
        return do

    def starting(self, node: ast.stmt, run: Run) -> Do:
        """`run` at the start of a statement's line."""
        line, mark = node.lineno, self.runtime.line

        def do(frame: Frame) -> Any:
            if frame.line != line:
                mark(frame, line)
            return run(frame)

        return do

    def begin(self, node: ast.stmt, *parts: ast.AST | None) -> int:
        """Prepare for compiling a statement's own expressions; gives the line to mark first, 0 if they do it."""
        line = node.lineno
        self.marks = any(
            part is not None and (part.end_lineno != line or part.lineno != line)  # type: ignore[attr-defined]
            for part in parts
        )
        return 0 if self.marks else line

    # simple statements

    def do_Expr(self, node: ast.Expr, after: int | None) -> Do:  # noqa: N802
        if isinstance(node.value, ast.Constant):
            return self.do_Pass(node, after)
        line, mark = self.begin(node, node.value), self.runtime.line
        self.dropped = node.value
        run = self.expr(node.value)

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            run(frame)

        return do

    def do_Pass(self, node: ast.stmt, after: int | None) -> Do:  # noqa: N802
        line, mark = node.lineno, self.runtime.line

        def do(frame: Frame) -> None:
            if frame.line != line:
                mark(frame, line)

        return do

    def do_Break(self, node: ast.Break, after: int | None) -> Do:  # noqa: N802
        return self.starting(node, lambda frame: BREAK)

    def do_Continue(self, node: ast.Continue, after: int | None) -> Do:  # noqa: N802
        return self.starting(node, lambda frame: CONTINUE)

    def do_Assign(self, node: ast.Assign, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.value, *node.targets), self.runtime.line
        value_of = self.expr(node.value)
        stores = [self.store(target) for target in node.targets]
        if len(stores) == 1:
            store = stores[0]
            target = node.targets[0]
            if (
                isinstance(target, ast.Name)
                and self.scope.place(mangled(target.id, self.scope.private)) == "local"
                and line
            ):
                name, runtime = mangled(target.id, self.scope.private), self.runtime

                def assign_local(frame: Frame) -> None:
                    if frame.line != line:
                        mark(frame, line)
                    frame.vars[name] = value_of(frame)
                    if runtime.tainted:
                        frame.values.pop(name, None)

                return assign_local

            def assign(frame: Frame) -> None:
                if line and frame.line != line:
                    mark(frame, line)
                store(frame, value_of(frame))

            return assign

        def assign_all(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            value = value_of(frame)
            for store in stores:
                store(frame, value)

        return assign_all

    def do_AnnAssign(self, node: ast.AnnAssign, after: int | None) -> Do | None:  # noqa: N802
        if self.scope.kind == "class":
            return self.annotated_in_class(node)
        if node.value is None:
            return None if isinstance(node.target, ast.Name) else self.do_Pass(node, after)
        line, mark = self.begin(node, node.value, node.target), self.runtime.line
        value_of, store = self.expr(node.value), self.store(node.target)

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            store(frame, value_of(frame))

        return do

    def annotated_in_class(self, node: ast.AnnAssign) -> Do:
        """A class variable with an annotation, which dataclasses and named tuples read."""
        shown = None if self.interpreter.postponed else node.annotation
        line, mark = self.begin(node, node.value, shown), self.runtime.line
        value_of = self.expr(node.value) if node.value is not None else None
        store, set_item = self.store(node.target), self.operations.set_item
        own = node.lineno
        annotation_of = self.at(own, self.then_at(self.interpreter.annotation(self, node.annotation), own))
        name = mangled(node.target.id, self.scope.private) if isinstance(node.target, ast.Name) else None
        annotations_of = self.load("__annotations__")

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            if value_of is not None:
                store(frame, value_of(frame))
            annotation = annotation_of(frame)
            if name is not None and node.simple:
                set_item(annotations_of(frame), name, annotation)

        return do

    def do_AugAssign(self, node: ast.AugAssign, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.target, node.value), self.runtime.line
        apply = self.operations.binary(type(node.op).__name__, in_place=True)
        target = node.target
        own = node.lineno
        if isinstance(target, ast.Name):
            load, value_of = self.at(target.lineno, self.load(target.id)), self.then_at(self.expr(node.value), own)
            store = self.store(target)

            def do_name(frame: Frame) -> None:
                if line and frame.line != line:
                    mark(frame, line)
                store(frame, apply(load(frame), value_of(frame)))

            return do_name
        holder_of = self.expr(target.value)
        value_of = self.then_at(self.expr(node.value), own)
        if isinstance(target, ast.Attribute):
            attributes, name = self.interpreter.attributes, mangled(target.attr, self.scope.private)

            def do_attribute(frame: Frame) -> None:
                if line and frame.line != line:
                    mark(frame, line)
                holder = holder_of(frame)
                before = attributes.get(holder, name)
                attributes.set(holder, name, apply(before, value_of(frame)))

            return do_attribute
        self.marks = not line
        key_of, operations = self.expr(target.slice), self.operations

        def do_item(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            holder = holder_of(frame)
            key = key_of(frame)
            before = operations.subscript(holder, key)
            operations.set_item(holder, key, apply(before, value_of(frame)))

        return do_item

    def do_Delete(self, node: ast.Delete, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, *node.targets), self.runtime.line
        deletes = [self.delete(target) for target in node.targets]

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
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

            return delete_name
        if isinstance(node, ast.Tuple | ast.List):
            deletes = [self.delete(item) for item in node.elts]

            def delete_all(frame: Frame) -> None:
                for delete in deletes:
                    delete(frame)

            return delete_all
        if isinstance(node, ast.Attribute):
            holder_of, name = self.expr(node.value), mangled(node.attr, self.scope.private)
            attributes = self.interpreter.attributes
            return lambda frame: attributes.delete(holder_of(frame), name)
        if isinstance(node, ast.Subscript):
            holder_of, key_of, operations = self.expr(node.value), self.expr(node.slice), self.operations
            return lambda frame: operations.delete_item(holder_of(frame), key_of(frame))
        return self.unsupported(node)

    def do_Return(self, node: ast.Return, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.value), self.runtime.line
        if node.value is None:
            return self.starting(node, self.return_none)
        value_of = self.expr(node.value)
        own = node.lineno

        def do(frame: Frame) -> str:
            if line and frame.line != line:
                mark(frame, line)
            frame.result = value_of(frame)
            if frame.line != own:
                mark(frame, own)
            return RETURN

        def do_plain(frame: Frame) -> str:
            if frame.line != line:
                mark(frame, line)
            frame.result = value_of(frame)
            return RETURN

        return do_plain if line else do

    @staticmethod
    def return_none(frame: Frame) -> str:
        frame.result = None
        return RETURN

    def do_Raise(self, node: ast.Raise, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.exc, node.cause), self.runtime.line
        own = node.lineno
        raising = self.interpreter.raising
        if node.exc is None:
            return self.starting(node, raising.again)
        error_of = self.expr(node.exc)
        cause_of = self.expr(node.cause) if node.cause is not None else None

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            error = error_of(frame)
            cause = cause_of(frame) if cause_of is not None else MISSING
            if frame.line != own:
                mark(frame, own)
            raising.throw(frame, error, cause)

        return do

    def do_Assert(self, node: ast.Assert, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.test, node.msg), self.runtime.line
        test = self.condition(node.test, node.lineno, (after, None))
        message_of = self.expr(node.msg) if node.msg is not None else None
        own = node.lineno

        def do(frame: Frame) -> None:
            if line and frame.line != line:
                mark(frame, line)
            if test(frame):
                return
            if frame.line != own:
                mark(frame, own)
            if message_of is None:
                raise AssertionError
            message = message_of(frame)
            if frame.line != own:
                mark(frame, own)
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
        line, mark = node.lineno, self.runtime.line
        self.marks = True
        decorators = [(item.lineno, self.expr(item)) for item in node.decorator_list]
        make = maker(self, node)
        store = self.store_name(node.name)
        call = self.interpreter.calls.call
        first = isinstance(node, ast.ClassDef)

        def do(frame: Frame) -> None:
            found = [run(frame) for _, run in decorators]
            if first and frame.line != line:
                mark(frame, line)
            value = make(frame)
            if frame.line != line:
                mark(frame, line)
            for position in range(len(found) - 1, -1, -1):
                if frame.line != decorators[position][0]:
                    mark(frame, decorators[position][0])
                value = call(found[position], [value], {})
            if frame.line != line:
                mark(frame, line)
            store(frame, value)

        return do

    # targets

    def store(self, node: ast.expr) -> Store:
        """Compile an assignment target."""
        mark = self.runtime.line
        if isinstance(node, ast.Name):
            store = self.store_name(node.id)
            if not self.marks:
                return store
            line = node.lineno

            def marked(frame: Frame, value: Any) -> None:
                if frame.line != line:
                    mark(frame, line)
                store(frame, value)

            return marked
        if isinstance(node, ast.Tuple | ast.List):
            return self.unpacking(node)
        if isinstance(node, ast.Attribute):
            holder_of = self.then_at(self.expr(node.value), node.end_lineno or node.lineno)
            name, attributes = mangled(node.attr, self.scope.private), self.interpreter.attributes

            def set_attribute(frame: Frame, value: Any) -> None:
                attributes.set(holder_of(frame), name, value)

            return set_attribute
        if isinstance(node, ast.Subscript):
            container_of = self.expr(node.value)
            key_of, set_item = self.then_at(self.expr(node.slice), node.lineno), self.operations.set_item

            def set_element(frame: Frame, value: Any) -> None:
                container = container_of(frame)
                set_item(container, key_of(frame), value)

            return set_element
        if isinstance(node, ast.Starred):
            return self.store(node.value)
        return lambda frame, value: self.unsupported(node)(frame)

    def unpacking(self, node: ast.Tuple | ast.List) -> Store:
        """A tuple or list of targets."""
        stores = [self.store(item) for item in node.elts]
        starred = [position for position, item in enumerate(node.elts) if isinstance(item, ast.Starred)]
        count = len(stores)
        operations, runtime = self.operations, self.runtime
        line, mark = (node.lineno if self.marks else 0), self.runtime.line

        def store_all(frame: Frame, value: Any) -> None:
            if line and frame.line != line:
                mark(frame, line)
            if starred:
                values = spread(value, count, starred[0])
            elif type(value) is tuple and len(value) == count:
                values = value
            else:
                values = exactly(value, count)
            for store, item in zip(stores, values, strict=True):
                store(frame, item)

        def start(value: Any) -> Any:
            if not defines(type(value), "__iter__") and not defines(type(value), "__getitem__"):
                if type(value) is Unknown:
                    raise Undetermined
                raise TypeError(f"cannot unpack non-iterable {type(value).__name__} object")
            runtime.touchable((value,))
            return iter(operations.iterable(value))

        def known(value: Any) -> Any:
            return value.value if type(value) is Unknown and value.value is not MISSING else value

        def exactly(value: Any, count: int) -> Sequence[Any]:
            try:
                iterator = start(known(value))
                items: list[Any] = []
                for _ in range(count):
                    try:
                        items.append(next(iterator))
                    except StopIteration:
                        raise ValueError(f"not enough values to unpack (expected {count}, got {len(items)})") from None
                try:
                    next(iterator)
                except StopIteration:
                    return items
                raise ValueError(f"too many values to unpack (expected {count})")
            except Undetermined:
                runtime.unknown()
                return [Unknown(askable=True) for _ in range(count)]

        def spread(value: Any, count: int, star: int) -> Sequence[Any]:
            try:
                iterator = start(known(value))
                ahead: list[Any] = []
                with suppress(StopIteration):
                    while len(ahead) < star:
                        ahead.append(next(iterator))
                rest = list(iterator) if len(ahead) == star else []  # which asks it for an iterator once more
            except Undetermined:
                runtime.unknown()
                return [Unknown(askable=True) for _ in range(count)]
            behind = count - star - 1
            if len(ahead) < star or len(rest) < behind:
                got = len(ahead) + len(rest)
                raise ValueError(f"not enough values to unpack (expected at least {count - 1}, got {got})")
            end = len(rest) - behind
            return [*ahead, rest[:end], *rest[end:]]

        return store_all

    # compound statements

    def do_If(self, node: ast.If, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.test), self.runtime.line
        otherwise = node.orelse[0].lineno if node.orelse else after
        test = self.condition(node.test, node.lineno, (node.body[0].lineno, otherwise))
        always = constant(node.test)
        if always is not MISSING and not always and not node.orelse:
            return self.do_Pass(node, after)
        body = self.block(node.body, after)
        orelse = self.block(node.orelse, after) if node.orelse else None

        def do(frame: Frame) -> Any:
            if line and frame.line != line:
                mark(frame, line)
            if test(frame):
                return body(frame)
            return orelse(frame) if orelse is not None else None

        return do

    def do_While(self, node: ast.While, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.test), self.runtime.line
        own = node.test.lineno
        beyond = node.orelse[0].lineno if node.orelse else after
        test = self.condition(node.test, node.lineno, (node.body[0].lineno, beyond))
        body = self.block(node.body, own)
        orelse = self.block(node.orelse, after) if node.orelse else None
        runtime, tick = self.runtime, self.runtime.tick

        def do(frame: Frame) -> Any:
            if line and frame.line != line:
                mark(frame, line)
            rounds = Rounds(runtime, node)
            going = test(frame)
            while going:
                signal = body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                    frame.line = 0
                tick()
                if line and frame.line != line:
                    mark(frame, line)
                rounds.another(frame)
                going = test(frame)
                if going and signal is not CONTINUE:
                    frame.line = 0
            return orelse(frame) if orelse is not None else None

        return do

    def do_For(self, node: ast.For, after: int | None) -> Do:  # noqa: N802
        line, mark = self.begin(node, node.iter, node.target), self.runtime.line
        own = node.lineno
        values_of = self.then_at(self.expr(iterated(node.iter)), own)
        store = self.store(node.target)
        body = self.block(node.body, own)
        orelse = self.block(node.orelse, after) if node.orelse else None
        beyond = node.orelse[0].lineno if node.orelse else after
        iterator, following = self.operations.iterator, self.following(node.body[0].lineno, beyond)
        runtime = self.runtime

        def iterating(frame: Frame) -> Any:
            if line and frame.line != line:
                mark(frame, line)
            items = iterator(values_of(frame))
            rounds = None if type(items) in FINITE else Rounds(runtime, node)
            while True:
                value = following(frame, items)
                if value is MISSING:
                    break
                store(frame, value)
                signal = body(frame)
                if signal is not None:
                    if signal is BREAK:
                        return None
                    if signal is not CONTINUE:
                        return signal
                mark(frame, own)
                if rounds is not None:
                    rounds.another(frame, items)
            return orelse(frame) if orelse is not None else None

        return iterating

    def following(self, inside: int | None, beyond: int | None) -> Callable[[Frame, Any], Any]:
        """The next element of an iterator, `MISSING` at its end."""
        runtime = self.runtime

        def following(frame: Frame, items: Any) -> Any:
            if type(items) is Unknown:
                return Unknown(askable=True) if runtime.branch((inside, beyond)) else MISSING
            try:
                return next(items)
            except StopIteration as end:
                if end.value is not None or raised_deeper(end, 1):
                    runtime.raised(frame, end)
                    frame.seen = None
                return MISSING
            except Undetermined:
                return Unknown(askable=True) if runtime.branch((inside, beyond)) else MISSING

        return following


def raised_deeper(error: BaseException, levels: int) -> bool:
    """Whether an exception comes from the program's code, further in than `levels` frames of the interpreter."""
    trace = error.__traceback__
    for _ in range(levels):
        trace = trace.tb_next if trace is not None else None
    while trace is not None and trace.tb_frame.f_code is Ticker.__next__.__code__:
        trace = trace.tb_next
    return trace is not None
