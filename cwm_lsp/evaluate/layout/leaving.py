"""The instructions of blocks of statements, and of leaving the blocks around."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from cwm_lsp.evaluate.layout.blocks import Block, Tag
from cwm_lsp.evaluate.layout.doubts import is_doubtful
from cwm_lsp.evaluate.layout.patterns import Patterns
from cwm_lsp.evaluate.scopes import TRY, Scope

PARTED = (*TRY, ast.With, ast.AsyncWith)
"""Statements whose instructions belong to their parts."""


class Blocks(Patterns):
    """Generates statements in order, and undoes blocks."""

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

    def leaving_loop(self, node: ast.stmt) -> AbstractContextManager[None]:
        """What leaves a loop belongs to the statement if nothing else is left before."""
        return self.owned(node if self.around[-1].kind == "loop" else None)

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


@dataclass(frozen=True)
class Around:
    """What has to be undone where a statement leaves the block around it."""

    kind: str
    block: Block | None = None
    """Where `continue` goes."""
    exit: Block | None = None
    """Where `break` goes."""
    node: Any = None
