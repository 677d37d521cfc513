"""Where an evaluation is in the instructions of its code, and the line events on the way from one to the next.

The evaluator says which instruction it comes to (`mark`) and how branches go (`decide`); the ways between them follow
from the code. A way that is not certain ends the evaluation.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.layout.blocks import (
    CONDITIONAL,
    EXITS,
    JUMPS,
    UNCONDITIONAL,
    Block,
    Instruction,
    Tag,
    first_index,
)
from cwm_lsp.evaluate.values import GaveUp

Mark = Callable[[Frame], None]
"""Moves a frame to an instruction, with the line events on the way."""
Decide = Callable[[Frame, bool], None]
"""Moves a frame over a branch whose outcome is known."""
Way = tuple[tuple[int, ...], int, int]
"""Lines of the events on a way, the position at its end, and the line of that."""

OTHERWISE = "the Python that would run this may take its steps otherwise"
STEPS = 2_000
"""Instructions looked at for one way."""


def nothing(frame: Frame) -> None:
    """The mark of what has no instruction."""


def no_branch(frame: Frame, outcome: bool) -> None:
    """The decision of what is no branch."""


class Positions:
    """The instructions of one code object.

    A position is the index of an instruction. For a conditional jump whose outcome is known it has the number of
    instructions added once if it jumps, twice if it does not.
    """

    def __init__(self, items: list[Instruction], show: Callable[[Frame, int], None], *, tells: bool = True) -> None:
        self.items = items
        self.tells = tells
        """What only passes an exception on may be on a line of its own."""
        self.size = len(items)
        self.show = show
        self.places: dict[Tag, list[int]] = {}
        for item in items:
            for tag in item.tags:
                self.places.setdefault(tag, []).append(item.index)
        self.quiet = frozenset(item.index for item in items if item.quiet)
        """Instructions without a line: a frame there is still on the line that it was on before."""
        self.marked: set[int] = set()
        """Instructions that the evaluator says it comes to: no way leads past them."""

    def lines(self, node: ast.AST, part: str) -> set[int]:
        """The lines of a node's instructions."""
        return {self.items[index].line for index in self.places.get((node, part), ())}

    def mark(self, node: ast.AST, part: str) -> Mark:
        """What moves a frame to an instruction of `node`."""
        tag = (node, part)
        if not self._register(tag):
            return nothing
        ways: dict[Any, Way] = {}
        show, find = self.show, self.find

        def reach(frame: Frame) -> None:
            way = ways.get(frame.at)
            if way is None:
                way = find(ways, frame, tag, None)
            lines, at, line = way
            for passed in lines:
                show(frame, passed)
            frame.at, frame.line = at, line if line > 0 else frame.line

        return reach

    def decide(self, node: ast.AST, part: str = "test") -> Decide:
        """What moves a frame over a branch on `node`."""
        tag = (node, part)
        if not self._register(tag):
            return no_branch
        ways: dict[Any, Way] = {}
        show, find = self.show, self.find

        def take(frame: Frame, outcome: bool) -> None:
            way = ways.get((frame.at, outcome))
            if way is None:
                way = find(ways, frame, tag, outcome)
            lines, at, line = way
            for passed in lines:
                show(frame, passed)
            frame.at, frame.line = at, line if line > 0 else frame.line

        return take

    def _register(self, tag: Tag) -> bool:
        found = self.places.get(tag, ())
        for index in found:
            first = not index or tag not in self.items[index - 1].tags
            if first and not isinstance(tag[0], ast.Constant):  # whose branches are folded into others
                self.marked.add(index)
        return bool(found) or any(tag in item.passed for item in self.items)

    def catch(self, frame: Frame) -> None:
        """Move a frame to the handler of an exception that has been raised where it is."""
        handler = self.unwind(frame)
        if handler is None:
            raise GaveUp(f"line {frame.line}: an exception is handled in a way that is not followed")
        index = first_index(handler)
        if self.items[index].doubtful:
            raise GaveUp(f"line {frame.line}: {OTHERWISE}")
        line = self.items[index].line
        if line > 0 and line != frame.line and index not in self.quiet:
            self.show(frame, line)
        frame.at = index

    def unwind(self, frame: Frame) -> Block | None:
        """Take an exception through what only passes it on; gives the block that handles it."""
        raised = frame.line
        handler = self.items[frame.at % self.size].handler
        while handler is not None and handler.cleanup:
            index = first_index(handler)
            line = self.items[index].line
            if line > 0 and line != raised and self.tells:
                self.show(frame, line)
                frame.line = raised
            while self.items[index].op != "RERAISE":
                index += 1
            frame.at = index
            handler = self.items[index].handler
        return handler

    def leave_loop(self, frame: Frame) -> None:
        """Take an exception out of an `async for`, whose end passes on all but the one which says that it is over."""
        handler = self.items[frame.at % self.size].handler
        index = first_index(handler) if handler is not None else 0
        if handler is None or self.items[index].op != "END_ASYNC_FOR":
            return
        line = self.items[index].line
        if line > 0 and line != frame.line and self.tells:
            self.show(frame, line)
        frame.at = index

    def find(self, ways: dict[Any, Way], frame: Frame, tag: Tag, outcome: bool | None) -> Way:
        """The way from where a frame is; `ways` keeps those that were found."""
        key: Any = frame.at if outcome is None else (frame.at, outcome)
        if frame.at % self.size in self.quiet:
            key = (key, frame.line)
        found = ways.get(key)
        if found is None:
            found = ways[key] = self.way(frame.at, tag, outcome, frame.line)
        return found

    def way(self, at: int, tag: Tag, outcome: bool | None, line: int) -> Way:
        """The way from a position to an instruction, and over the branch there; `line` is the one before."""
        goals = set(self.places.get(tag, ()))
        ends: set[tuple[tuple[int, ...], int, int, bool]] = set()
        kind, here = divmod(at, self.size)
        line = self._line(here, line)
        if outcome is not None and kind == 0 and here in goals:
            return (), self._after(here, outcome), line
        pending: list[tuple[int, tuple[int, ...], int, bool, frozenset[int]]] = [(at, (), line, False, frozenset())]
        steps = 0
        while pending:
            place, lines, before, doubted, passed = pending.pop()
            steps += 1
            if steps > STEPS:
                raise self._uncertain(tag)
            index = place % self.size
            for following, jumps in self._next(place):
                if jumps and tag in self.items[index].passed:
                    end = self.size + index if self.items[index].op in CONDITIONAL else index
                    ends.add((lines, end, before, doubted))
                    continue
                doubt = doubted or self.items[following].doubtful
                event = self._event(index, following, before)
                more = lines if event is None else (*lines, event)
                now = self._line(following, before)
                if following in goals:
                    ends.add((more, following if outcome is None else self._after(following, outcome), now, doubt))
                elif following not in self.marked and following not in passed:
                    pending.append((following, more, now, doubt, passed | {following}))
        if not ends and kind == 0 and here in goals:  # which is also something else, that it has come for
            return (), at, line
        if not ends and isinstance(tag[0], ast.Constant):  # folded away here, and left elsewhere
            return (), at, line
        if len(ends) != 1:
            raise self._uncertain(tag)
        ((lines, end, line, doubted),) = ends
        if doubted:
            raise GaveUp(f"line {getattr(tag[0], 'lineno', 0)}: {OTHERWISE}")
        return lines, end, line

    def _line(self, index: int, before: int) -> int:
        """The line of an instruction that is come to from a line before."""
        return before if index in self.quiet else self.items[index].line

    def _uncertain(self, tag: Tag) -> GaveUp:
        return GaveUp(f"line {getattr(tag[0], 'lineno', 0)}: the order of lines is not certain")

    def _after(self, index: int, outcome: bool) -> int:
        item = self.items[index]
        if item.op not in CONDITIONAL:
            return index
        return index + self.size * (1 if item.when is outcome else 2)

    def _next(self, place: int) -> Iterator[tuple[int, bool]]:
        """Which instructions may come next, and whether by a jump."""
        kind, index = divmod(place, self.size)
        item = self.items[index]
        if item.op in JUMPS and kind != 2:
            yield first_index(item.target), True
        if item.op not in UNCONDITIONAL and item.op not in EXITS and kind != 1:
            yield index + 1, False

    def _event(self, index: int, following: int, before: int) -> int | None:
        """The line of the event as `following` comes after `index`, on the line `before`, if there is one."""
        line = self.items[following].line
        if line <= 0 or (following in self.quiet and index):
            return None
        if not index or line != before or (following < index and self.items[following].op != "SEND"):
            return line
        return None
