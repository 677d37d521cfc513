"""The instructions of `match`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cwm_lsp.evaluate.layout.blocks import Block
from cwm_lsp.evaluate.layout.doubts import is_doubtful
from cwm_lsp.evaluate.layout.expressions import Expressions


def is_wildcard(node: ast.pattern) -> bool:
    """`_` or `*_`."""
    return (isinstance(node, ast.MatchAs) and node.name is None and node.pattern is None) or (
        isinstance(node, ast.MatchStar) and node.name is None
    )


class Context:
    """What is on the stack while a pattern is matched."""

    def __init__(self) -> None:
        self.stores: list[str] = []
        """Names captured so far."""
        self.failing: list[Block] = []
        """Where to go if the pattern fails, by how much is to be popped."""
        self.on_top = 0


class Patterns(Expressions):
    """Generates `match` statements."""

    context: Context
    inner: Callable[[Sequence[ast.stmt]], None]

    def do_Match(self, node: ast.Match) -> None:  # noqa: N802
        outer = getattr(self, "context", None)
        self.context = Context()
        self.visit(node.subject)
        end = self.block()
        *cases, last = node.cases
        default = bool(cases) and is_wildcard(last.pattern)
        if not default:
            cases.append(last)
        for case in cases:
            self.line = case.pattern.lineno
            self.case(case, end, final=case is cases[-1])
        if default:
            self.line = last.pattern.lineno
            with self.owned(last):
                self.op("NOP", None, (last, "default"))
                if last.guard is not None:
                    self.jump_if(last.guard, end, when=False)
            self.inner(last.body)
            self.line = -1
        self.use(end)
        if outer is not None:
            self.context = outer

    def case(self, case: ast.match_case, end: Block, *, final: bool) -> None:
        with self.owned(case):
            if not final:
                self.op("COPY", 1)
            context = self.context = Context()
            self.pattern(case.pattern)
            for name in context.stores:
                self.name(name, "STORE", (case, "bind"))
            if case.guard is not None:
                self.failure(0)
                self.jump_if(case.guard, context.failing[0], when=False)
            if not final:
                self.op("POP_TOP")
        self.inner(case.body)
        with self.owned(None):
            self.without_line("JUMP", end)
            self.line = case.pattern.lineno
            self.context = context
            self.emit_failures()

    def failure(self, pops: int) -> Block:
        context = self.context
        while len(context.failing) <= pops:
            context.failing.append(self.block())
        return context.failing[pops]

    def fail(self, node: ast.AST | None, op: str = "POP_JUMP_IF_FALSE", part: str = "test") -> None:
        """Leave the pattern if what is on the stack says so."""
        target = self.failure(self.context.on_top + len(self.context.stores))
        self.jump(op, target, None if node is None else (node, part))

    def emit_failures(self) -> None:
        context = self.context
        if not context.failing:
            return
        while len(context.failing) > 1:
            self.use(context.failing.pop())
            self.op("POP_TOP")
        self.use(context.failing.pop())

    def rotate(self, count: int) -> None:
        while count > 1:
            self.op("SWAP", count)
            count -= 1

    def capture(self, name: str | None) -> None:
        if name is None:
            self.op("POP_TOP")
            return
        self.rotate(self.context.on_top + len(self.context.stores) + 1)
        self.context.stores.append(name)

    def pattern(self, node: ast.pattern) -> None:
        self.line = node.lineno
        generate: Callable[[Any], None] = getattr(self, type(node).__name__)
        with self.doubting(is_doubtful(node, self.target)):
            generate(node)

    def MatchValue(self, node: ast.MatchValue) -> None:  # noqa: N802
        self.visit(node.value)
        self.op("COMPARE_OP", None, (node, "compare"))
        self.fail(node)

    def MatchSingleton(self, node: ast.MatchSingleton) -> None:  # noqa: N802
        self.op("LOAD_CONST", node.value)
        self.op("IS_OP", 0)
        self.fail(node)

    def MatchStar(self, node: ast.MatchStar) -> None:  # noqa: N802
        self.capture(node.name)

    def MatchAs(self, node: ast.MatchAs) -> None:  # noqa: N802
        if node.pattern is None:
            self.capture(node.name)
            return
        self.context.on_top += 1
        self.op("COPY", 1)
        self.pattern(node.pattern)
        self.context.on_top -= 1
        self.capture(node.name)

    def MatchSequence(self, node: ast.MatchSequence) -> None:  # noqa: N802
        context, patterns = self.context, node.patterns
        size = len(patterns)
        star = next((i for i, item in enumerate(patterns) if isinstance(item, ast.MatchStar)), -1)
        context.on_top += 1
        self.op("MATCH_SEQUENCE", None, (node, "sequence"))
        self.fail(node)
        if star < 0 or size > 1:
            self.op("GET_LEN", None, (node, "len"))
            self.op("LOAD_CONST", size if star < 0 else size - 1)
            self.op("COMPARE_OP")
            self.fail(node, part="size")
        context.on_top -= 1
        if all(is_wildcard(item) for item in patterns):
            self.op("POP_TOP")
        elif star >= 0 and is_wildcard(patterns[star]):
            self.picked(node, star)
        else:
            self.op("UNPACK_EX" if star >= 0 else "UNPACK_SEQUENCE", size, (node, "unpack"))
            self.each(patterns)

    def each(self, patterns: Sequence[ast.pattern], *, skip: bool = False) -> None:
        """Match what was just unpacked, one by one."""
        self.context.on_top += len(patterns)
        for item in patterns:
            self.context.on_top -= 1
            if skip and is_wildcard(item):
                self.op("POP_TOP")
            else:
                self.pattern(item)

    def picked(self, node: ast.MatchSequence, star: int) -> None:
        """Match single elements of a sequence, by their index."""
        self.context.on_top += 1
        for position, item in enumerate(node.patterns):
            if is_wildcard(item):
                continue
            self.op("COPY", 1)
            if position < star:
                self.op("LOAD_CONST", position)
            else:
                self.op("GET_LEN", None, (item, "len"))
                self.op("LOAD_CONST", len(node.patterns) - position)
                self.op("BINARY_OP")
            self.op("BINARY_SUBSCR", None, (item, "item"))
            self.pattern(item)
        self.context.on_top -= 1
        self.op("POP_TOP")

    def MatchClass(self, node: ast.MatchClass) -> None:  # noqa: N802
        context = self.context
        self.visit(node.cls)
        self.op("LOAD_CONST", tuple(node.kwd_attrs))
        self.op("MATCH_CLASS", len(node.patterns), (node, "class"))
        self.op("COPY", 1)
        self.op("LOAD_CONST", None)
        self.op("IS_OP", 1)
        context.on_top += 1
        self.fail(node)
        patterns = [*node.patterns, *node.kwd_patterns]
        self.op("UNPACK_SEQUENCE", len(patterns))
        context.on_top -= 1
        self.each(patterns, skip=True)

    def MatchMapping(self, node: ast.MatchMapping) -> None:  # noqa: N802
        context, size = self.context, len(node.keys)
        context.on_top += 1
        self.op("MATCH_MAPPING", None, (node, "mapping"))
        self.fail(node)
        if not size and node.rest is None:
            context.on_top -= 1
            self.op("POP_TOP")
            return
        if size:
            self.op("GET_LEN", None, (node, "len"))
            self.op("LOAD_CONST", size)
            self.op("COMPARE_OP")
            self.fail(node, part="size")
        for key in node.keys:
            self.visit(key)
        self.op("BUILD_TUPLE", size)
        self.op("MATCH_KEYS", None, (node, "keys"))
        context.on_top += 2
        self.op("COPY", 1)
        self.op("LOAD_CONST", None)
        self.op("IS_OP", 1)
        self.fail(node, part="found")
        self.op("UNPACK_SEQUENCE", size)
        context.on_top -= 1
        self.each(node.patterns)
        context.on_top -= 2
        if node.rest is None:
            self.op("POP_TOP")
            self.op("POP_TOP")
            return
        self.op("BUILD_MAP", 0)
        self.op("SWAP", 3)
        self.op("DICT_UPDATE", 2, (node, "rest"))
        self.op("UNPACK_SEQUENCE", size)
        while size:
            self.op("COPY", 1 + size)
            size -= 1
            self.op("SWAP", 2)
            self.op("DELETE_SUBSCR")
        self.capture(node.rest)

    def MatchOr(self, node: ast.MatchOr) -> None:  # noqa: N802
        outer, end = self.context, self.block()
        control: list[str] = []
        for position, alternative in enumerate(node.patterns):
            self.line = alternative.lineno
            context = self.context = Context()
            self.op("COPY", 1)
            self.pattern(alternative)
            if not position:
                control = context.stores
            else:
                self.reorder(control, context.stores)
            self.jump("JUMP", end)
            self.emit_failures()
        self.context = outer
        self.op("POP_TOP")
        self.fail(None, "JUMP")
        self.use(end)
        rotations = len(control) + 1 + outer.on_top + len(outer.stores)
        for name in control:
            self.rotate(rotations)
            outer.stores.append(name)
        self.op("POP_TOP")

    def reorder(self, control: list[str], stores: list[str]) -> None:
        """Bring captured names into the order in which the first alternative has them."""
        for wanted in reversed(range(len(control))):
            found = stores.index(control[wanted])
            if found == wanted:
                continue
            rotated = stores[: found + 1]
            del stores[: found + 1]
            stores[wanted - found : wanted - found] = rotated
            for _ in range(found + 1):
                self.rotate(wanted + 1)
