"""The instructions of statements."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cwm_lsp.evaluate.layout.blocks import REFERENCE
from cwm_lsp.evaluate.layout.leaving import Around
from cwm_lsp.evaluate.layout.protected import Protected


class Statements(Protected):
    """Generates statements."""

    # simple statements

    def do_Expr(self, node: ast.Expr) -> None:  # noqa: N802
        if isinstance(node.value, ast.Constant):
            self.op("NOP")
            return
        self.visit(node.value)
        self.line = -1
        self.op("POP_TOP")

    def do_Pass(self, node: ast.Pass) -> None:  # noqa: N802
        self.op("NOP")

    def do_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        self.visit(node.value)
        for target in node.targets[:-1]:
            self.op("COPY", 1)
            self.visit(target)
        self.visit(node.targets[-1])

    def do_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        target = node.target
        before, self.line = self.line, target.lineno
        if isinstance(target, ast.Name):
            self.name(target.id, "LOAD", (target, "load"))
        elif isinstance(target, ast.Attribute):
            self.visit(target.value)
            self.op("COPY", 1)
            self.line = target.end_lineno or target.lineno
            self.op("LOAD_ATTR", target.attr, (target, "load"))
        else:
            self.visit(target.value)
            self.visit(target.slice)
            self.op("COPY", 2)
            self.op("COPY", 2)
            self.op("BINARY_SUBSCR", None, (target, "load"))
        self.line = before
        self.visit(node.value)
        self.op("BINARY_OP", None, (node, "apply"))
        self.line = target.lineno
        if isinstance(target, ast.Name):
            self.name(target.id, "STORE", (target, ""))
        elif isinstance(target, ast.Attribute):
            self.line = target.end_lineno or target.lineno
            self.op("SWAP", 2)
            self.op("STORE_ATTR", target.attr, (target, ""))
        else:
            self.op("SWAP", 3)
            self.op("SWAP", 2)
            self.op("STORE_SUBSCR", None, (target, ""))

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        target = node.target
        evaluated = self.scope.kind in ("module", "class")
        if node.value is not None:
            self.visit(node.value)
            self.visit(target)
        if isinstance(target, ast.Name):
            if node.simple and evaluated:
                if self.postponed:
                    self.op("LOAD_CONST", ast.unparse(node.annotation))
                else:
                    self.visit(node.annotation)
                self.op("LOAD_NAME", "__annotations__", (node, "annotations"))
                self.op("LOAD_CONST", target.id)
                self.op("STORE_SUBSCR", None, (node, "annotate"))
        elif node.value is None:
            self.drop(target.value)
            if isinstance(target, ast.Subscript):
                self.drop_index(target.slice)
        if not node.simple and evaluated and not self.postponed:
            self.drop(node.annotation)

    def drop(self, node: ast.expr) -> None:
        self.visit(node)
        self.op("POP_TOP")

    def drop_index(self, node: ast.expr) -> None:
        if isinstance(node, ast.Slice):
            for part in (node.lower, node.upper, node.step):
                if part is not None:
                    self.drop(part)
        elif isinstance(node, ast.Tuple):
            for item in node.elts:
                self.drop_index(item)
        else:
            self.drop(node)

    def do_Delete(self, node: ast.Delete) -> None:  # noqa: N802
        self.visit_all(node.targets)

    def do_Raise(self, node: ast.Raise) -> None:  # noqa: N802
        parts = [part for part in (node.exc, node.cause) if part is not None]
        self.visit_all(parts)
        self.op("RAISE_VARARGS", len(parts), (node, ""))

    def do_Assert(self, node: ast.Assert) -> None:  # noqa: N802
        end = self.block()
        self.jump_if(node.test, end, when=True)
        self.op("LOAD_ASSERTION_ERROR", None, (node, "fail"))
        if node.msg is not None:
            self.visit(node.msg)
            self.call(0, node, "call")
        self.op("RAISE_VARARGS", 1, (node, ""))
        self.use(end)

    def do_Import(self, node: ast.Import) -> None:  # noqa: N802
        for item in node.names:
            self.op("LOAD_CONST", 0)
            self.op("LOAD_CONST", None)
            self.op("IMPORT_NAME", item.name)
            _, *more = item.name.split(".")
            if item.asname is None:
                self.name(item.name.split(".")[0], "STORE")
                continue
            for position, part in enumerate(more):
                self.op("IMPORT_FROM", part)
                if position + 1 < len(more):
                    self.op("SWAP", 2)
                    self.op("POP_TOP")
            self.name(item.asname, "STORE")
            if more:
                self.op("POP_TOP")

    def do_ImportFrom(self, node: ast.ImportFrom) -> None:  # noqa: N802
        self.op("LOAD_CONST", node.level)
        self.op("LOAD_CONST", tuple(item.name for item in node.names))
        self.op("IMPORT_NAME", node.module or "")
        if node.names[0].name == "*":
            self.op("IMPORT_STAR")
            return
        for item in node.names:
            self.op("IMPORT_FROM", item.name)
            self.name(item.asname or item.name, "STORE")
        self.op("POP_TOP")

    def do_Return(self, node: ast.Return) -> None:  # noqa: N802
        value = node.value
        kept = value is not None and not isinstance(value, ast.Constant)
        if value is not None:
            if kept:
                self.visit(value)
            else:
                self.line = value.lineno
                self.op("NOP")
        if value is None or value.lineno != node.lineno:
            self.line = node.lineno
            self.op("NOP")
        with self.owned(None):
            self.unwind(loop=False, kept=kept)
            if not kept:
                self.op("LOAD_CONST", value.value if isinstance(value, ast.Constant) else None)
            self.op("RETURN_VALUE", None, (node, "return"))

    def do_Break(self, node: ast.Break) -> None:  # noqa: N802
        self.op("NOP")
        with self.leaving_loop(node):
            loop = self.unwind(loop=True)
            if loop is not None and loop.exit is not None:
                self.undo(loop, kept=False)
                self.jump("JUMP", loop.exit)

    def do_Continue(self, node: ast.Continue) -> None:  # noqa: N802
        self.op("NOP")
        with self.leaving_loop(node):
            loop = self.unwind(loop=True)
            if loop is not None and loop.block is not None:
                self.jump("JUMP", loop.block)

    # leaving blocks

    # branches and loops

    def do_If(self, node: ast.If) -> None:  # noqa: N802
        end = self.block()
        following = self.block() if node.orelse else end
        self.jump_if(node.test, following, when=False)
        self.inner(node.body)
        if node.orelse:
            with self.owned(None):
                self.without_line("JUMP", end)
            self.use(following)
            self.inner(node.orelse)
        self.use(end)

    def do_For(self, node: ast.For) -> None:  # noqa: N802
        start, body, cleanup, end = self.block(), self.block(), self.block(), self.block()
        self.around.append(Around("loop", start, end, node))
        self.visit(node.iter)
        self.op("GET_ITER", None, (node, "iter"))
        self.use(start)
        self.jump("FOR_ITER", cleanup, (node, "next"))
        self.use(body)
        self.visit(node.target)
        self.inner(node.body)
        self.line = -1
        with self.owned(None):
            self.jump("JUMP", start)
        self.use(cleanup)
        self.around.pop()
        self.inner(node.orelse)
        self.use(end)

    def do_AsyncFor(self, node: ast.AsyncFor) -> None:  # noqa: N802
        start, over, end = self.block(), self.block(), self.block()
        self.visit(node.iter)
        self.op("GET_AITER", None, (node, "iter"))
        self.use(start)
        self.around.append(Around("loop", start, end, node))
        self.jump("SETUP_FINALLY", over)
        self.op("GET_ANEXT", None, (node, "next"))
        self.op("LOAD_CONST", None)
        self.yield_from(node)
        self.op("POP_BLOCK")
        self.visit(node.target)
        self.inner(node.body)
        self.line = -1
        with self.owned(None):
            self.jump("JUMP", start)
        self.around.pop()
        self.use(over)
        self.line = node.iter.lineno
        self.op("END_ASYNC_FOR", None, (node, "end"))
        self.inner(node.orelse)
        self.use(end)

    def do_While(self, node: ast.While) -> None:  # noqa: N802
        loop, body, anchor, end = self.block(), self.block(), self.block(), self.block()
        self.use(loop)
        self.around.append(Around("loop", loop, end))
        self.jump_if(node.test, anchor, when=False)
        self.use(body)
        self.inner(node.body)
        self.line = node.lineno
        self.jump_if(node.test, body, when=True)
        self.around.pop()
        self.use(anchor)
        self.inner(node.orelse)
        self.use(end)

    # definitions

    def do_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # noqa: N802
        self.visit_all(node.decorator_list)
        self.defaults(node.args)
        self.annotations(node)
        self.closure(node)
        self.decorate(node.decorator_list)
        self.name(node.name, "STORE", (node, "bind"))

    do_AsyncFunctionDef = do_FunctionDef  # noqa: N815

    def decorate(self, decorators: Sequence[ast.expr]) -> None:
        before = self.line
        for item in reversed(decorators):
            self.line = item.lineno if self.target >= REFERENCE else before
            self.call(0, item, "decorate")
        self.line = before

    def annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        items = node.args
        every = [*items.args, *items.posonlyargs, items.vararg, *items.kwonlyargs, items.kwarg]
        found = [(item.arg, item.annotation) for item in every if item is not None and item.annotation is not None]
        if node.returns is not None:
            found.append(("return", node.returns))
        for name, annotation in found:
            self.op("LOAD_CONST", name)
            if self.postponed:
                self.op("LOAD_CONST", ast.unparse(annotation))
            elif isinstance(annotation, ast.Starred):
                self.visit(annotation.value)
                self.op("UNPACK_SEQUENCE", 1)
            else:
                self.visit(annotation)
        if found:
            self.op("BUILD_TUPLE", 2 * len(found))

    def do_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        self.visit_all(node.decorator_list)
        self.op("PUSH_NULL")
        self.op("LOAD_BUILD_CLASS")
        self.closure(node)
        self.op("LOAD_CONST", node.name)
        self.arguments(node, node.bases, node.keywords, pushed=2, part="call")
        self.decorate(node.decorator_list)
        self.name(node.name, "STORE", (node, "bind"))
