"""Simple statements and definitions compiled to closures."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from cwm_lsp.evaluate.blocks import Blocks
from cwm_lsp.evaluate.code import BREAK, CONTINUE, RETURN, Do, Frame, Run
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.telling import ATOMIC
from cwm_lsp.evaluate.values import MISSING, Unknown


class Simple(Blocks):
    """Compiles statements that have no others inside, and definitions."""

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
        if self.scope.kind == "module" and node.simple and not self.interpreter.postponed:
            return self.annotated_in_module(node)
        if node.value is None:
            return None if isinstance(node.target, ast.Name) else self.do_Pass(node, after)
        start = self.begin(node)
        value_of, store = self.expr(node.value), self.store(node.target)

        def do(frame: Frame) -> None:
            start(frame)
            store(frame, value_of(frame))

        return do

    def annotated_in_module(self, node: ast.AnnAssign) -> Do:
        """A global variable with an annotation, which is evaluated for what it does."""
        start = self.begin(node)
        value_of = self.expr(node.value) if node.value is not None else None
        store, annotation_of = self.store(node.target), self.interpreter.annotation(self, node.annotation)

        def do(frame: Frame) -> None:
            start(frame)
            if value_of is not None:
                store(frame, value_of(frame))
            annotation_of(frame)

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
