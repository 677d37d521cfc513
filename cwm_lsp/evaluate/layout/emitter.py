"""The code generator's state: where the next instruction goes, and on which line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cwm_lsp.evaluate.layout.blocks import EXITS, JUMPS, REFERENCE, Block, Instruction, Tag
from cwm_lsp.evaluate.layout.doubts import is_doubtful
from cwm_lsp.evaluate.scopes import Scope, mangled

GUIDELINE = 30
"""Operands on the stack beyond which the compiler builds things one by one (`STACK_USE_GUIDELINE`)."""


class Emitter:
    """Generates the instructions of one code object."""

    def __init__(self, scope: Scope, imported: frozenset[str], *, postponed: bool, target: tuple[int, int]) -> None:
        self.scope = scope
        self.imported = imported
        """Names that the file imports at its top level: an attribute of one is not called as a method."""
        self.postponed = postponed
        """Annotations are kept as text."""
        self.target = target
        """The version of Python that would run it."""
        self.blocks: list[Block] = []
        self.current = self.block()
        self.line = -1
        self.owner: tuple[Tag, ...] = ()
        """The statement that instructions belong to."""
        self.doubtful = False
        """What is being generated may be on other lines in the version that would run it."""
        self.ended = False
        """The current block is complete: the next instruction begins another."""

    def block(self, *, cleanup: bool = False) -> Block:
        """A new block, which is not in use yet."""
        block = Block(cleanup=cleanup)
        self.blocks.append(block)
        return block

    def use(self, block: Block) -> None:
        """Go on in `block`."""
        self.current.next = block
        self.current = block
        self.ended = False

    def op(self, op: str, arg: Any = None, tag: Tag | None = None, target: Block | None = None) -> None:
        """Add an instruction on the current line."""
        if self.ended:
            self.use(self.block())
        tags = self.owner if tag is None else (*self.owner, tag)
        made = Instruction(op, arg, self.line, tags, target)
        made.doubtful = self.doubtful
        self.current.instructions.append(made)
        if op == "RETURN_VALUE":
            self.current.returns = True
        if op in EXITS or op in JUMPS:
            self.ended = True

    def jump(self, op: str, target: Block, tag: Tag | None = None) -> None:
        self.op(op, None, tag, target)

    def without_line(self, op: str, target: Block | None = None) -> None:
        """Add an instruction that has no line."""
        with self.on(-1):
            self.op(op, None, None, target)

    @contextmanager
    def on(self, line: int) -> Iterator[None]:
        """Instructions on `line`, and then on the one before again."""
        before, self.line = self.line, line
        yield
        self.line = before

    @contextmanager
    def owned(self, node: ast.AST | None, part: str = "own") -> Iterator[None]:
        """Instructions that belong to a statement, or to none."""
        before = self.owner
        self.owner = () if node is None else ((node, part),)
        yield
        self.owner = before

    def visit(self, node: ast.expr) -> None:
        """Generate an expression on its own line, and be on the line before again."""
        before = self.line
        if node.lineno > 0 or self.target >= REFERENCE:  # before, a text is not taken apart to be formatted
            self.line = node.lineno
        with self.doubting(is_doubtful(node, self.target)):
            self.generator(node, type(node).__name__)(node)
        self.line = before

    @contextmanager
    def doubting(self, doubtful: bool) -> Iterator[None]:
        """Instructions that may be on other lines in the version that would run them, if `doubtful`."""
        before = self.doubtful
        self.doubtful = before or doubtful
        yield
        self.doubtful = before

    def generator(self, node: ast.AST, name: str) -> Callable[[Any], None]:
        """What generates a node; raises NotImplementedError if it is none that CPython 3.11 has."""
        found: Callable[[Any], None] | None = getattr(self, name, None)
        if found is None or getattr(node, "type_params", None):
            raise NotImplementedError(type(node).__name__)
        return found

    def visit_all(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            self.visit(node)

    # names

    def name(self, name: str, how: str, tag: Tag | None = None) -> None:
        """`LOAD`, `STORE` or `DELETE` a variable."""
        name = mangled(name, self.scope.private)
        place = self.scope.place(name)
        kind = "NAME" if self.scope.kind in ("class", "module") else "GLOBAL"
        if place == "local":
            kind = "FAST"
        elif place in ("cell", "free"):
            kind = "DEREF"
        elif place == "global" and name in self.scope.declared_global:
            kind = "GLOBAL"
        self.op(f"{how}_{kind}", name, tag)

    def yield_from(self, node: ast.AST, part: str = "") -> None:
        """Go through what another one yields."""
        start, resume, over = self.block(), self.block(), self.block()
        self.use(start)
        self.jump("SEND", over, (node, part + "send"))
        self.use(resume)
        self.op("YIELD_VALUE", None, (node, part + "yield"))
        self.op("RESUME", 1, (node, part + "resume"))
        self.jump("JUMP_NO_INTERRUPT", start)
        self.use(over)
