"""The instructions of statements."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from cwm_lsp.evaluate.layout.blocks import CARRIED, REFERENCE, Block, Tag
from cwm_lsp.evaluate.layout.doubts import OWN_LINES, is_doubtful
from cwm_lsp.evaluate.layout.patterns import Patterns
from cwm_lsp.evaluate.scopes import TRY, Scope

PARTED = (*TRY, ast.With, ast.AsyncWith)
"""Statements whose instructions belong to their parts."""


@dataclass(frozen=True)
class Around:
    """What has to be undone where a statement leaves the block around it."""

    kind: str
    block: Block | None = None
    """Where `continue` goes."""
    exit: Block | None = None
    """Where `break` goes."""
    node: Any = None


class Statements(Patterns):
    """Generates statements."""

    def __init__(self, scope: Scope, imported: frozenset[str], *, postponed: bool, target: tuple[int, int]) -> None:
        super().__init__(scope, imported, postponed=postponed, target=target)
        self.around: list[Around] = []

    def body(self, nodes: Sequence[ast.stmt]) -> None:
        for node in nodes:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        self.line = node.lineno
        if not isinstance(node, ast.Global | ast.Nonlocal):
            with self.owned(None if isinstance(node, PARTED) else node), self.doubting(is_doubtful(node, self.target)):
                self.generator(node, f"do_{type(node).__name__}")(node)

    def inner(self, nodes: Sequence[ast.stmt]) -> None:
        """The statements inside of a statement."""
        before, self.doubtful = self.doubtful, False
        with self.owned(None):
            self.body(nodes)
        self.doubtful = before

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

    def leaving_loop(self, node: ast.stmt) -> AbstractContextManager[None]:
        """What leaves a loop belongs to the statement if nothing else is left before."""
        return self.owned(node if self.around[-1].kind == "loop" else None)

    # leaving blocks

    def unwind(self, *, loop: bool, kept: bool = False) -> Around | None:
        """Undo the blocks around, up to the innermost loop if that is what is left, and give that."""
        if not self.around:
            return None
        top = self.around[-1]
        if loop and top.kind == "loop":
            return top
        self.around.pop()
        self.undo(top, kept=kept)
        found = self.unwind(loop=loop, kept=kept)
        self.around.append(top)
        return found

    def undo(self, around: Around, *, kept: bool) -> None:
        if around.kind == "loop" and around.node is not None:
            self.keep(kept)
            self.op("POP_TOP")
        elif around.kind == "try":
            self.op("POP_BLOCK")
        elif around.kind == "finally":
            self.op("POP_BLOCK")
            if kept:
                self.around.append(Around("value"))
            self.inner(around.node)
            if kept:
                self.around.pop()
            self.line = -1
        elif around.kind == "finally end":
            self.keep(kept)
            self.op("POP_TOP")
            self.keep(kept)
            self.op("POP_BLOCK")
            self.op("POP_EXCEPT")
        elif around.kind == "with":
            node, item = around.node
            self.line = node.lineno
            self.op("POP_BLOCK")
            self.keep(kept)
            self.leave(node, item)
            self.line = -1
        elif around.kind == "handler":
            node = around.node
            if node.name:
                self.op("POP_BLOCK")
            self.keep(kept)
            self.op("POP_BLOCK")
            self.op("POP_EXCEPT")
            if node.name:
                self.forget(node.name, (node, "forget"))
        elif around.kind == "value":
            self.keep(kept)
            self.op("POP_TOP")

    def keep(self, kept: bool) -> None:
        if kept:
            self.op("SWAP", 2)

    def forget(self, name: str, tag: Tag | None = None) -> None:
        """Unbind the name of a handled exception."""
        self.op("LOAD_CONST", None)
        self.name(name, "STORE", tag)
        self.name(name, "DELETE")

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

    # try

    def do_Try(self, node: ast.Try) -> None:  # noqa: N802
        star = type(node).__name__ == "TryStar"
        guarded = self.try_star if star else self.try_except
        if not node.finalbody:
            guarded(node)
            return
        body, end, after, cleanup = self.block(), self.block(), self.block(), self.block(cleanup=True)
        self.jump("SETUP_FINALLY", end, (node, "own"))
        self.use(body)
        self.around.append(Around("finally", node=node.finalbody))
        if node.handlers:
            guarded(node)
        else:
            self.inner(node.body)
        self.without_line("POP_BLOCK")
        self.around.pop()
        self.inner(node.finalbody)
        self.without_line("JUMP", after)
        self.use(end)
        self.line = -1
        self.jump("SETUP_CLEANUP", cleanup)
        self.op("PUSH_EXC_INFO", None, (node, "finally"))
        self.around.append(Around("finally end"))
        self.inner(node.finalbody)
        self.around.pop()
        with self.on(self.line if self.target < CARRIED else -1):
            self.op("RERAISE", 0, (node, "reraise finally"))
        self.pass_on(cleanup)
        self.use(after)

    do_TryStar = do_Try  # noqa: N815

    def pass_on(self, cleanup: Block) -> None:
        """What is left to do where handling an exception has raised another one."""
        self.use(cleanup)
        self.op("COPY", 3)
        self.op("POP_EXCEPT")
        self.op("RERAISE", 1)

    def try_except(self, node: ast.Try) -> None:
        body, handling, end, cleanup = self.block(), self.block(), self.block(), self.block(cleanup=True)
        self.jump("SETUP_FINALLY", handling, (node, "own"))
        self.use(body)
        self.around.append(Around("try"))
        self.inner(node.body)
        self.around.pop()
        self.without_line("POP_BLOCK")
        self.inner(node.orelse)
        self.without_line("JUMP", end)
        self.use(handling)
        self.line = -1
        self.jump("SETUP_CLEANUP", cleanup)
        self.op("PUSH_EXC_INFO", None, (node, "except"))
        self.around.append(Around("exception"))
        for handler in node.handlers:
            self.line = handler.lineno
            following = self.block()
            if handler.type is not None:
                with self.owned(handler):
                    self.visit(handler.type)
                    self.op("CHECK_EXC_MATCH", None, (handler, "match"))
                    self.jump("POP_JUMP_IF_FALSE", following, (handler, "test"))
            self.handler(handler, end)
            self.use(following)
        self.line = -1
        self.around.pop()
        self.op("RERAISE", 0, (node, "reraise"))
        self.pass_on(cleanup)
        self.use(end)

    def handler(self, node: ast.ExceptHandler, end: Block) -> None:
        """The block of an `except` that matches."""
        name = node.name
        body = self.block()
        with self.owned(node):
            if name:
                ending = self.block(cleanup=True)
                self.name(name, "STORE", (node, "bind"))
                self.jump("SETUP_CLEANUP", ending)
            else:
                self.op("POP_TOP", None, (node, "bind"))
        self.use(body)
        self.around.append(Around("handler", node=node))
        self.inner(node.body)
        self.around.pop()
        self.line = -1
        with self.owned(None):
            if name:
                self.op("POP_BLOCK")
            self.op("POP_BLOCK")
            self.op("POP_EXCEPT")
            if name:
                self.forget(name, (node, "forget"))
            self.jump("JUMP", end)
            if name:
                self.use(ending)
                self.line = -1
                self.forget(name)
                self.op("RERAISE", 1)

    def try_star(self, node: ast.Try) -> None:
        body, handling, orelse, end = self.block(), self.block(), self.block(), self.block()
        cleanup, reraise_star = self.block(cleanup=True), self.block()
        self.jump("SETUP_FINALLY", handling, (node, "own"))
        self.use(body)
        self.around.append(Around("try"))
        self.inner(node.body)
        self.around.pop()
        self.without_line("POP_BLOCK")
        self.without_line("JUMP", orelse)
        self.use(handling)
        self.line = -1
        self.jump("SETUP_CLEANUP", cleanup)
        self.op("PUSH_EXC_INFO", None, (node, "except"))
        self.around.append(Around("exception"))
        for position, handler in enumerate(node.handlers):
            self.line = handler.lineno
            following, missed, done = self.block(), self.block(), self.block()
            with self.owned(handler):
                if position == 0:
                    self.op("COPY", 1)
                    self.op("BUILD_LIST", 0)
                    self.op("SWAP", 2)
                if handler.type is not None:
                    self.visit(handler.type)
                    self.op("CHECK_EG_MATCH", None, (handler, "match"))
                    self.op("COPY", 1)
                    made = self.current.instructions
                    self.jump("POP_JUMP_IF_NONE", missed, (handler, "test"))
                    made[-1].when = False  # it jumps where nothing matches
                ending, inside = self.block(), self.block()
                if handler.name:
                    self.name(handler.name, "STORE", (handler, "bind"))
                else:
                    self.op("POP_TOP", None, (handler, "bind"))
                self.jump("SETUP_CLEANUP", ending)
            self.use(inside)
            self.around.append(Around("handler", node=handler))
            self.inner(handler.body)
            self.around.pop()
            self.line = -1
            with self.owned(None):
                self.op("POP_BLOCK")
                if handler.name:
                    self.forget(handler.name)
                self.jump("JUMP", done)
                self.use(ending)
                self.line = -1
                if handler.name:
                    self.forget(handler.name)
                self.op("LIST_APPEND", 3, (handler, "raised"))
                self.op("POP_TOP")
                self.jump("JUMP", following)
                self.use(done)
                self.op("NOP")
                self.jump("JUMP", following)
                self.use(missed)
                self.line = handler.lineno
                self.op("POP_TOP")
                self.line = -1
                self.use(following)
                if position == len(node.handlers) - 1:
                    self.op("LIST_APPEND", 1)
                    self.jump("JUMP", reraise_star)
        self.line = -1
        self.around.pop()
        reraise = self.block()
        self.use(reraise_star)
        self.op("PREP_RERAISE_STAR", None, (node, "rest"))
        self.op("COPY", 1)
        self.jump("POP_JUMP_IF_NOT_NONE", reraise, (node, "left"))
        self.op("POP_TOP")
        self.op("POP_BLOCK")
        self.op("POP_EXCEPT")
        self.jump("JUMP", end)
        self.use(reraise)
        self.op("POP_BLOCK")
        self.op("SWAP", 2)
        self.op("POP_EXCEPT")
        self.op("RERAISE", 0, (node, "reraise"))
        self.pass_on(cleanup)
        self.use(orelse)
        self.inner(node.orelse)
        self.use(end)

    # with

    def do_With(self, node: ast.With | ast.AsyncWith, position: int = 0) -> None:  # noqa: N802
        item = node.items[position]
        waits = isinstance(node, ast.AsyncWith)
        block, final, after, cleanup = self.block(), self.block(), self.block(), self.block(cleanup=True)
        self.visit(item.context_expr)
        if waits:
            self.op("BEFORE_ASYNC_WITH", None, (item, "enter"))
            self.op("GET_AWAITABLE", 1, (item, "enter await"))
            self.op("LOAD_CONST", None)
            self.yield_from(item, "enter ")
        else:
            self.op("BEFORE_WITH", None, (item, "enter"))
        self.jump("SETUP_WITH", final)
        self.use(block)
        self.around.append(Around("with", node=(node, item)))
        if item.optional_vars is not None:
            self.visit(item.optional_vars)
        else:
            self.op("POP_TOP")
        if position + 1 == len(node.items):
            self.inner(node.body)
        else:
            self.do_With(node, position + 1)
        if waits:
            self.around.pop()
            self.op("POP_BLOCK")
        else:
            self.line = -1
            self.op("POP_BLOCK")
            self.around.pop()
        self.line = node.lineno
        with self.doubting(self.target < OWN_LINES):
            self.leave(node, item)
            self.jump("JUMP", after)
            self.use(final)
            self.jump("SETUP_CLEANUP", cleanup)
            self.op("PUSH_EXC_INFO")
            self.op("WITH_EXCEPT_START", None, (item, "leave"))
        if waits:
            self.op("GET_AWAITABLE", 2, (item, "leave await"))
            self.op("LOAD_CONST", None)
            self.yield_from(item, "leave ")
        self.line = -1
        swallowed = self.block()
        self.jump("POP_JUMP_IF_TRUE", swallowed, (item, "test"))
        self.op("RERAISE", 2, (item, "reraise"))
        self.pass_on(cleanup)
        self.use(swallowed)
        self.op("POP_TOP")
        self.op("POP_BLOCK")
        self.op("POP_EXCEPT")
        self.op("POP_TOP")
        self.op("POP_TOP")
        self.use(after)

    do_AsyncWith = do_With  # noqa: N815

    def leave(self, node: ast.With | ast.AsyncWith, item: ast.withitem) -> None:
        """Call `__exit__` where no exception has been raised."""
        for _ in range(3):
            self.op("LOAD_CONST", None)
        self.op("PRECALL", 2)
        self.op("CALL", 2, (item, "exit"))
        if isinstance(node, ast.AsyncWith):
            self.op("GET_AWAITABLE", 2, (item, "exit await"))
            self.op("LOAD_CONST", None)
            self.yield_from(item, "exit ")
        self.op("POP_TOP")

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
