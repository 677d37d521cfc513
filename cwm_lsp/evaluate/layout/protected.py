"""The instructions of `try` and `with`."""

from __future__ import annotations

import ast

from cwm_lsp.evaluate.layout.blocks import CARRIED, Block
from cwm_lsp.evaluate.layout.doubts import OWN_LINES
from cwm_lsp.evaluate.layout.leaving import Around, Blocks


class Protected(Blocks):
    """Generates statements that protect others."""

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

    do_TryStar = do_Try  # noqa: N815
    do_AsyncWith = do_With  # noqa: N815
