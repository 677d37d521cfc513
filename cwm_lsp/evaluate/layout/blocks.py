"""Instructions in basic blocks, and what CPython 3.11 does to them before they become byte code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Tag = tuple[ast.AST, str]
"""Whose instruction it is, and which one of that node's."""

UNCONDITIONAL = frozenset({"JUMP", "JUMP_NO_INTERRUPT"})
CONDITIONAL = frozenset(
    {
        "POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE",
        "JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP", "FOR_ITER", "SEND",
    }
)  # fmt: skip
JUMPS = UNCONDITIONAL | CONDITIONAL
SETUPS = frozenset({"SETUP_FINALLY", "SETUP_WITH", "SETUP_CLEANUP"})
EXITS = frozenset({"RETURN_VALUE", "RAISE_VARARGS", "RERAISE"})
REFERENCE = (3, 11)
"""The version whose compiler this is."""
CARRIED = (3, 12)
"""From here on, what the compiler adds is on the line of what comes before it, whichever way that is."""
SMALL = 4
"""Instructions of an exit block that is copied rather than jumped to."""


class Instruction:
    """One instruction."""

    __slots__ = ("arg", "doubtful", "handler", "index", "line", "op", "passed", "quiet", "tags", "target", "when")

    def __init__(self, op: str, arg: Any, line: int, tags: tuple[Tag, ...], target: Block | None = None) -> None:
        self.op = op
        self.arg = arg
        self.line = line
        """-1 if it has none."""
        self.tags = tags
        self.target = target
        self.passed: tuple[Tag, ...] = ()
        """Of jumps that it passes over when it jumps, as their outcome is certain."""
        self.handler: Block | None = None
        self.when = not op.endswith(("IF_FALSE", "IF_FALSE_OR_POP", "FOR_ITER"))
        """Of a conditional jump: which outcome makes it jump."""
        self.index = -1
        self.quiet = line < 0
        """It has no line of its own, so that coming to it is no event."""
        self.doubtful = False
        """It may be on another line in the version that would run it."""

    def copy(self) -> Instruction:
        other = Instruction(self.op, self.arg, self.line, self.tags, self.target)
        other.passed, other.when, other.quiet = self.passed, self.when, self.quiet
        other.doubtful = self.doubtful
        return other


class Block:
    """A basic block."""

    __slots__ = ("cleanup", "exits", "handlers", "instructions", "next", "predecessors", "returns", "stops")

    def __init__(self, *, cleanup: bool = False) -> None:
        self.instructions: list[Instruction] = []
        self.next: Block | None = None
        self.exits = False
        """It ends by leaving the scope."""
        self.stops = False
        """Nothing falls through to the next block."""
        self.returns = False
        self.predecessors = 0
        self.handlers: tuple[Block, ...] | None = None
        self.cleanup = cleanup
        """It handles an exception by passing it on, and nothing else."""

    @property
    def last(self) -> Instruction | None:
        return self.instructions[-1] if self.instructions else None


def chain(entry: Block) -> Iterator[Block]:
    """The blocks in the order of the code."""
    block: Block | None = entry
    while block is not None:
        yield block
        block = block.next


def assemble(blocks: list[Block], first_line: int, target: tuple[int, int] = REFERENCE) -> list[Instruction]:
    """The instructions of a code object, given its blocks in the order of their making, as `target` steps through."""
    entry = blocks[0]
    newest_first = blocks[::-1]
    for block in newest_first:
        _normalize(block)
    for block in newest_first:
        _extend(block)
    _optimize_graph(entry, newest_first)
    _duplicate_exits(blocks)
    _propagate_lines(entry)
    _give_exits_lines(entry, first_line)
    _label_handlers(entry)
    for block in chain(entry):
        for item in block.instructions:
            if item.op in SETUPS or (item.op == "POP_BLOCK" and target >= REFERENCE):
                item.op = "NOP"
        _clean(block)
    result = [item for block in chain(entry) for item in block.instructions]
    for index, item in enumerate(result):
        item.index = index
        item.quiet = item.quiet and target >= CARRIED
    return result


def first_index(block: Block | None) -> int:
    """The index of a block's first instruction, once assembled."""
    while block is not None and not block.instructions:
        block = block.next
    assert block is not None
    return block.instructions[0].index


def _normalize(block: Block) -> None:
    for item in block.instructions:
        if item.op in EXITS:
            block.exits = block.stops = True
        elif item.op in JUMPS and item.op != "SEND":
            block.stops = block.stops or item.op in UNCONDITIONAL
            _skip_empty(item)


def _skip_empty(item: Instruction) -> None:
    while item.target is not None and not item.target.instructions:
        item.target = item.target.next


def _extend(block: Block) -> None:
    """End a block that jumps to a small exit without lines by a copy of that exit."""
    last = block.last
    if last is None or last.op != "JUMP":
        return
    target = last.target
    assert target is not None
    if target.exits and len(target.instructions) <= SMALL:
        if any(item.line > 0 for item in target.instructions):
            return
        last.op = "NOP"
        block.instructions.extend(item.copy() for item in target.instructions)
        block.exits = True


def _clean(block: Block) -> None:
    """Remove what does nothing, not even having a line of its own."""
    kept: list[Instruction] = []
    before = -1
    items = block.instructions
    for position, item in enumerate(items):
        if item.op == "NOP":
            if position + 1 < len(items):
                items[position + 1].doubtful |= item.doubtful
            if item.line < 0 or item.line == before:
                continue
            if position + 1 < len(items):
                following = items[position + 1]
                if following.line in (item.line, -1):
                    following.line = item.line
                    following.quiet = following.quiet and item.quiet
                    following.tags += item.tags
                    continue
            else:
                after = block.next
                while after is not None and not after.instructions:
                    after = after.next
                if after is not None and after.instructions[0].line == item.line:
                    after.instructions[0].tags += item.tags
                    after.instructions[0].quiet &= item.quiet
                    continue
        kept.append(item)
        before = item.line
    block.instructions = kept


def _optimize_graph(entry: Block, newest_first: Iterable[Block]) -> None:
    for block in chain(entry):
        _optimize(block)
        _clean(block)
    for block in newest_first:
        _extend(block)
    _count_predecessors(entry)
    for block in chain(entry):
        if not block.predecessors:
            block.instructions = []
            block.stops = False
    _unlink_empty(entry)
    for block in chain(entry):
        _clean(block)
    for block in chain(entry):
        last = block.last
        if last is not None and last.op in UNCONDITIONAL and last.target is block.next:
            block.stops = False
            last.op = "NOP"
    _unlink_empty(entry)


def _count_predecessors(entry: Block) -> None:
    entry.predecessors = 1
    pending = [entry]
    while pending:
        block = pending.pop()
        targets = [item.target for item in block.instructions if item.op in JUMPS or item.op in SETUPS]
        if block.next is not None and not block.stops:
            targets.append(block.next)
        for target in targets:
            assert target is not None
            if not target.predecessors:
                pending.append(target)
            target.predecessors += 1


def _unlink_empty(entry: Block) -> None:
    for block in chain(entry):
        following = block.next
        if following is not None:
            while not following.instructions and following.next is not None:
                following = following.next
            block.next = following
    for block in chain(entry):
        last = block.last
        if last is not None and last.op in JUMPS:
            _skip_empty(last)


def _optimize(block: Block) -> None:
    """What the compiler simplifies within one block."""
    items = block.instructions
    position = 0
    while position < len(items):
        item = items[position]
        following = items[position + 1] if position + 1 < len(items) else None
        if item.op in JUMPS or item.op in SETUPS:
            _skip_empty(item)
        if item.op == "LOAD_CONST" and following is not None:
            _branch_on_constant(block, position)
        elif item.op == "BUILD_TUPLE":
            unpacked = following is not None and following.op == "UNPACK_SEQUENCE" and following.arg == item.arg
            if following is not None and unpacked and 1 <= item.arg <= 3:
                item.op = "NOP"
                following.op = "NOP" if item.arg == 1 else "SWAP"
            elif position >= item.arg:
                _fold_tuple(items, position)
        elif item.op == "SWAP":
            if item.arg == 1:
                item.op = "NOP"
            else:
                position = _swaptimize(items, position)
                _apply_swaps(items, position)
        elif item.op == "PUSH_NULL":
            if following is not None and following.op == "LOAD_GLOBAL":
                item.op = "NOP"
        elif item.op in JUMPS and _thread(item):
            continue
        position += 1


def _branch_on_constant(block: Block, position: int) -> None:
    item, following = block.instructions[position : position + 2]
    if following.op in ("POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE"):
        item.op = "NOP"
        if bool(item.arg) is (following.op == "POP_JUMP_IF_TRUE"):
            following.op = "JUMP"
            block.stops = True
        else:
            following.op = "NOP"
    elif following.op in ("JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP"):
        if bool(item.arg) is (following.op == "JUMP_IF_TRUE_OR_POP"):
            following.op = "JUMP"
            block.stops = True
        else:
            item.op = following.op = "NOP"
    elif following.op == "IS_OP" and item.arg is None and position + 2 < len(block.instructions):
        jump = block.instructions[position + 2]
        if jump.op in ("POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE"):
            item.op = following.op = "NOP"
            negative = bool(following.arg) ^ (jump.op == "POP_JUMP_IF_FALSE")
            jump.op = "POP_JUMP_IF_NOT_NONE" if negative else "POP_JUMP_IF_NONE"


def _fold_tuple(items: list[Instruction], position: int) -> None:
    size = items[position].arg
    elements = items[position - size : position]
    if all(item.op == "LOAD_CONST" for item in elements):
        items[position].op, items[position].arg = "LOAD_CONST", tuple(item.arg for item in elements)
        for item in elements:
            item.op = "NOP"


def _thread(item: Instruction) -> bool:
    """Let a jump to a jump go where that one goes, if it is certain to jump and on the same line."""
    assert item.target is not None
    target = item.target.instructions[0]
    op = item.op
    if op in ("JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP"):
        same, other = ("FALSE", "TRUE") if op == "JUMP_IF_FALSE_OR_POP" else ("TRUE", "FALSE")
        if target.op in (f"POP_JUMP_IF_{same}", op):
            return _jump_on(item, target, target.op)
        if target.op == "JUMP":
            return _jump_on(item, target, op)
        if target.op in (f"POP_JUMP_IF_{other}", f"JUMP_IF_{other}_OR_POP") and item.line == target.line:
            item.op = f"POP_JUMP_IF_{same}"
            item.passed += target.tags
            item.target = item.target.next
            return True
        return False
    if target.op == "JUMP" and op not in ("FOR_ITER", "SEND", "JUMP_NO_INTERRUPT"):
        return _jump_on(item, target, op)
    return False


def _jump_on(item: Instruction, target: Instruction, op: str) -> bool:
    if item.line != target.line or item.target is target.target:
        return False
    item.passed += target.tags + target.passed
    item.target, item.op = target.target, op
    return True


def _swaptimize(items: list[Instruction], start: int) -> int:
    """Put a run of swaps by the shortest one of the same effect; gives the position of its end."""
    end = start + 1
    while end < len(items) and items[end].op in ("SWAP", "NOP"):
        end += 1
    run = items[start:end]
    if sum(item.op == "SWAP" for item in run) == 1:
        return start
    stack = list(range(max(item.arg for item in run if item.op == "SWAP")))
    for item in run:
        if item.op == "SWAP":
            stack[0], stack[item.arg - 1] = stack[item.arg - 1], stack[0]
    current = end - 1
    for first in range(len(stack)):
        if stack[first] in (-1, first):
            continue
        place = first
        while True:
            if place:
                items[current].op, items[current].arg = "SWAP", place + 1
                current -= 1
            if stack[place] == -1:
                break
            stack[place], place = -1, stack[place]
    while current >= start:
        items[current].op = "NOP"
        current -= 1
    return end - 1


def _is_bound_between(items: Sequence[Instruction]) -> bool:
    """Whether the last of these binds the same variable as the first, or any between them one of both."""
    outer = [item.arg for item in (items[0], items[-1]) if item.op == "STORE_FAST"]
    between = [item.arg for item in items[1:-1] if item.op == "STORE_FAST"]
    return len(set(outer)) < len(outer) or not set(outer).isdisjoint(between)


def _apply_swaps(items: list[Instruction], position: int) -> None:
    """Exchange what follows a swap instead of swapping, where that cannot be seen."""
    while position >= 0:
        swap = items[position]
        if swap.op == "SWAP":
            first = last = _next_swappable(items, position, -1)
            if first < 0:
                return
            for _ in range(swap.arg - 1):
                last = _next_swappable(items, last, items[first].line)
                if last < 0:
                    return
            if _is_bound_between(items[first : last + 1]):
                return
            swap.op = "NOP"
            one, other = items[first], items[last]
            one.op, one.arg, other.op, other.arg = other.op, other.arg, one.op, one.arg
            one.line, other.line = other.line, one.line
        elif swap.op not in ("NOP", "STORE_FAST", "POP_TOP"):
            return
        position -= 1


def _next_swappable(items: list[Instruction], position: int, line: int) -> int:
    for following in range(position + 1, len(items)):
        item = items[following]
        if 0 <= line != item.line:
            return -1
        if item.op != "NOP":
            return following if item.op in ("STORE_FAST", "POP_TOP") else -1
    return -1


def _duplicate_exits(blocks: list[Block]) -> None:
    """Give each jump to an exit without lines an exit of its own, with the line of the jump."""
    for block in blocks[::-1]:
        last = block.last
        if last is None or last.op not in JUMPS:
            continue
        target = last.target
        assert target is not None
        if _exits_without_line(target) and target.predecessors > 1:
            copy = Block()
            copy.instructions = [item.copy() for item in target.instructions]
            copy.exits, copy.stops = target.exits, True
            copy.instructions[0].line = last.line
            last.target = copy
            target.predecessors -= 1
            copy.predecessors = 1
            copy.next, target.next = target.next, copy
            blocks.append(copy)
    for block in blocks[::-1]:
        while block.next is not None and not block.next.instructions:
            block.next = block.next.next
    for block in blocks[::-1]:
        if not block.stops and block.next is not None and block.last is not None and _exits_without_line(block.next):
            block.next.instructions[0].line = block.last.line


def _exits_without_line(block: Block) -> bool:
    return block.exits and all(item.line < 0 for item in block.instructions)


def _propagate_lines(entry: Block) -> None:
    for block in chain(entry):
        if not block.instructions:
            continue
        line = -1
        for item in block.instructions:
            if item.line < 0:
                item.line = line
            else:
                line = item.line
        targets = [block.next] if not block.stops else []
        last = block.instructions[-1]
        if last.op in JUMPS:
            targets.append(last.target)
        for target in targets:
            if target is not None and target.predecessors == 1 and target.instructions[0].line < 0:
                target.instructions[0].line = line


def _give_exits_lines(entry: Block, line: int) -> None:
    for block in chain(entry):
        last = block.last
        if last is None:
            continue
        if last.line >= 0:
            line = last.line
        elif last.op == "RETURN_VALUE":
            for item in block.instructions:
                item.line = line


def _label_handlers(entry: Block) -> None:
    """Note which block handles an exception that an instruction raises."""
    entry.handlers = ()
    pending = [entry]
    while pending:
        block = pending.pop()
        handlers = block.handlers
        assert handlers is not None
        targets: list[tuple[Block | None, tuple[Block, ...]]] = []
        for item in block.instructions:
            if item.op in SETUPS:
                assert item.target is not None
                targets.append((item.target, handlers))
                handlers = (*handlers, item.target)
            elif item.op == "POP_BLOCK":
                handlers = handlers[:-1]
            else:
                item.handler = handlers[-1] if handlers else None
                if item.op in JUMPS:
                    targets.append((item.target, handlers))
        if not block.stops:
            targets.append((block.next, handlers))
        for target, around in targets:
            if target is not None and target.handlers is None:
                target.handlers = around
                pending.append(target)
