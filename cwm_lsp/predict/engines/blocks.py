"""Where the keys and values of texts lie: in blocks of slots, which texts share as far as they are the same.

Bookkeeping alone; `attention` has the numbers. A text that grows is written where it ends, if nobody needs what lies
there, else in a new block; nothing that is there is ever moved or copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from typing import NamedTuple
from weakref import WeakSet, finalize

BLOCK = 128
"""Slots that are taken and given back together."""


class NoSpace(Exception):
    """All blocks are needed."""


class Run(NamedTuple):
    """Slots side by side."""

    slot: int
    """The first one."""
    length: int
    position: int
    """Of the token in the first one, in its text."""


class Extent:
    """Where the tokens of one text lie in a pool, those before `start` excepted, which nobody will look at. Immutable;
    its slots are its own as long as it lives."""

    __slots__ = ("__weakref__", "end", "pieces", "start")

    def __init__(self, start: int, pieces: Sequence[tuple[int, int]]) -> None:
        """`pieces`: blocks, and how many tokens are in the first slots of each."""
        self.start = start
        self.pieces = tuple(pieces)
        self.end = start + sum(held for _, held in pieces)


class Pool:
    """The slots of some layers, in blocks, and which of them are free."""

    def __init__(self, blocks: int, size: int = BLOCK, *, window: int | None = None, slack: int = 0) -> None:
        """`window`: tokens that one sees, itself included, where that is not all before it; `slack`: tokens that a text
        may be cut back by, at least."""
        self.blocks = blocks
        self.size = size
        self.window = window
        self._slack = slack
        self._free = set(range(blocks))
        self._filled: list[Counter[int]] = [Counter() for _ in range(blocks)]
        """Of each block, how far the extents that have it fill it."""

    def extended(self, extent: Extent | None, more: int) -> Extent:
        """`more` tokens after those of an extent, without those that nothing after them sees, cut back or not. The
        tokens themselves may see some of these: they are still where the old extent has them.

        Raises:
            NoSpace: too few blocks are free.
        """
        extent = extent or Extent(0, ())
        pieces, left = list(extent.pieces), more
        if pieces:
            block, held = pieces[-1]
            if held < self.size and max(self._filled[block]) == held:
                taken = min(left, self.size - held)
                pieces[-1] = block, held + taken
                left -= taken
        if left > len(self._free) * self.size:
            raise NoSpace
        free = self._free.copy()
        while left:
            block = pieces[-1][0] + 1 if pieces and pieces[-1][1] == self.size else -1
            if block not in free:
                block = _roomiest(free)
            free.remove(block)
            taken = min(left, self.size)
            pieces.append((block, taken))
            left -= taken
        start = extent.start
        if self.window is not None:
            needed = extent.end + more + 1 - self.window - self._slack
            while pieces and start + pieces[0][1] <= needed:
                start += pieces.pop(0)[1]
        return self._held(Extent(start, pieces))

    def cut(self, extent: Extent, end: int) -> Extent:
        """An extent without the tokens from `end` on."""
        pieces, at = [], extent.start
        for block, held in extent.pieces:
            if at >= end:
                break
            pieces.append((block, min(held, end - at)))
            at += held
        return self._held(Extent(extent.start, pieces))

    def reaches(self, extent: Extent, end: int) -> bool:
        """Whether the text can go on after its first `end` tokens: all that the next one sees is there."""
        return extent.start <= (0 if self.window is None else max(0, end + 1 - self.window))

    def runs(self, extent: Extent, first: int, last: int) -> list[Run]:
        """Where the tokens at positions from `first` up to `last` lie."""
        runs: list[Run] = []
        at = extent.start
        for block, held in extent.pieces:
            begin, end = max(first, at), min(last, at + held)
            if begin < end:
                slot = block * self.size + begin - at
                if runs and runs[-1].slot + runs[-1].length == slot:
                    runs[-1] = runs[-1]._replace(length=runs[-1].length + end - begin)
                else:
                    runs.append(Run(slot, end - begin, begin))
            at += held
            if at >= last:
                break
        return runs

    @property
    def free(self) -> int:
        """How many blocks are."""
        return len(self._free)

    def _held(self, extent: Extent) -> Extent:
        for block, held in extent.pieces:
            self._filled[block][held] += 1
            self._free.discard(block)
        finalize(extent, self._release, extent.pieces).atexit = False
        return extent

    def _release(self, pieces: Iterable[tuple[int, int]]) -> None:
        for block, held in pieces:
            filled = self._filled[block]
            filled[held] -= 1
            if not filled[held]:
                del filled[held]
            if not filled:
                self._free.add(block)


def _roomiest(free: Collection[int]) -> int:
    """The first block of the longest stretch of free ones: what begins there can go on there."""
    best, length, begun = -1, 0, -1
    previous = -2
    for block in sorted(free):
        if block != previous + 1:
            begun = block
        if block - begun + 1 > length:
            best, length = begun, block - begun + 1
        previous = block
    return best


class State:
    """What is kept of a text: an extent in each pool; or nothing, once others needed the room."""

    __slots__ = ("__weakref__", "extents", "used")

    def __init__(self, extents: tuple[Extent, ...], used: int) -> None:
        self.extents: tuple[Extent, ...] | None = extents
        self.used = used


class Store:
    """Texts in some pools. Where room is short, those go that were used longest ago."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self.pools = tuple(pools)
        self._states: WeakSet[State] = WeakSet()
        self._clock = count()

    def extended(self, state: State | None, more: int, needed: Collection[State] = ()) -> State:
        """A text that goes on with `more` tokens. The `needed` ones, and this one, are not given up for it.

        Raises:
            NoSpace: there is too little room beside them.
        """
        before = state.extents if state and state.extents else (None,) * len(self.pools)
        while True:
            try:
                extents = [pool.extended(old, more) for pool, old in zip(self.pools, before, strict=True)]
            except NoSpace:
                if not self._make_room([*needed, *([state] if state else [])]):
                    raise
            else:
                return self._state(extents)

    def cut(self, state: State, end: int) -> State:
        """The first `end` tokens of a text; ask `reaches` before."""
        assert state.extents
        return self._state([pool.cut(extent, end) for pool, extent in zip(self.pools, state.extents, strict=True)])

    def reaches(self, state: State | None, end: int) -> bool:
        """Whether a text can go on after its first `end` tokens."""
        if state is None or state.extents is None:
            return False
        return all(pool.reaches(extent, end) for pool, extent in zip(self.pools, state.extents, strict=True))

    def touch(self, state: State) -> None:
        """A text is used."""
        state.used = next(self._clock)

    def _state(self, extents: Sequence[Extent]) -> State:
        state = State(tuple(extents), next(self._clock))
        self._states.add(state)
        return state

    def _make_room(self, needed: Collection[State]) -> bool:
        """Give up the text that was used longest ago; tells whether there was one."""
        there = [state for state in self._states if state.extents and not any(state is one for one in needed)]
        if there:
            min(there, key=lambda state: state.used).extents = None
        return bool(there)
