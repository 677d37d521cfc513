"""The one loop of all searches: candidates → evaluate → what was compared and reached → next candidates.

Candidates come from the known calls and the boundaries first; then from what has led somewhere new, changed. Where an
operand of a comparison can be found again in the arguments it is replaced by what it was compared with ("input to state
correspondence", https://doi.org/10.14722/ndss.2019.23371), and numbers that come nearer to each other count as new. The
same space, evaluator and seed give the same calls in the same order.
"""

from __future__ import annotations

import math
import operator
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from cwm_lsp.evaluate import ASKING, Called, Comparison
from cwm_lsp.search.drawing import changed, drawn
from cwm_lsp.search.shapes import fits
from cwm_lsp.search.space import ABSENT, Arguments, Slot, Space
from cwm_lsp.search.substituting import atoms, is_number, substituted
from cwm_lsp.search.values import Made

Attempt = Callable[[Sequence[str]], Iterable[Called]]
"""What comes of each of some calls, in order."""
BATCH = 8
"""Calls that are evaluated before what they show is looked at."""
CORPUS = 200
"""Calls that are changed, the latest that led to something new."""
LATEST = 8
"""Those of them that are changed as often as all others."""
NEARER = "nearer"
"""Marks what is new only in that operands are nearer to each other."""
SUGGESTED = 32
"""Those of one call."""
AGAIN = 3
"""Calls in which the same comparison of texts suggests others: what is beside its operands may matter."""
LARGE = 1_000
"""A number that may be why a call takes too long."""
NUMBERS = 12
"""Numbers in the arguments along each of which a call goes on."""
QUEUED = 400
"""Calls that comparisons suggest."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may take."""

    calls: int = 600
    seconds: float = 5.0
    """Of the processor, for the calls and for what is made of them."""
    stale: int = 200
    """Calls in a row that lead to nothing new before it is given up."""


@dataclass(frozen=True, slots=True)
class Try:
    """A call that was evaluated."""

    arguments: Arguments
    call: str
    called: Called


@dataclass(slots=True)
class Search:
    """One search; iterate over it once. `tried` and `unknown` count the calls, and those of which nothing is known."""

    space: Space
    attempt: Attempt
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    guided: bool = True
    """Go on after the boundaries."""
    tried: int = 0
    unknown: int = 0
    why: str | None = None
    """Why nothing was known of the last such call."""
    late: bool = False
    """It ended for want of time."""
    _too_large: float = math.inf
    """Numbers from there on are not tried any more: a call with such a one took too long."""
    _seen: set[str] = field(default_factory=set)
    _features: set[Any] = field(default_factory=set)
    _differences: dict[tuple[int, str], deque[tuple[Arguments, float]]] = field(default_factory=dict)
    _compared: Counter[Any] = field(default_factory=Counter)
    _corpus: deque[tuple[int, Arguments]] = field(default_factory=lambda: deque(maxlen=CORPUS))
    """With the length of each call."""
    _queues: tuple[deque[Arguments], ...] = field(default_factory=lambda: tuple(deque(maxlen=QUEUED) for _ in range(3)))
    """Calls that comparisons suggest: after a new line or result, otherwise, and those that only may come nearer."""

    def __iter__(self) -> Iterator[Try]:
        dice = random.Random(self.seed)  # noqa: S311 # to be repeatable
        until = time.thread_time() + self.budget.seconds
        fresh = 0
        candidates = self._candidates(dice)
        while batch := self._batch(candidates):
            for (call, arguments), called in zip(batch.items(), self.attempt(list(batch)), strict=False):
                self.tried += 1
                until -= called.seconds
                if called.outcome is None:
                    self.unknown += 1
                    self.why = called.gave_up
                    if called.exhausted and (largest := _largest(arguments)) > LARGE:
                        self._too_large = min(self._too_large, largest)
                fresh = 0 if self._learn(arguments, called, len(call)) else fresh + 1
                yield Try(arguments, call, called)
            self.late = time.thread_time() > until
            if self.late or self.tried >= self.budget.calls or fresh > self.budget.stale:
                return

    def _batch(self, candidates: Iterator[Arguments]) -> dict[str, Arguments]:
        """The next calls, each of which is a new one; none where there seem to be no more."""
        batch: dict[str, Arguments] = {}
        for arguments in islice(candidates, 100 * BATCH):
            call = self.space.call(arguments)
            if call not in self._seen and _largest(arguments) < self._too_large:
                self._seen.add(call)
                batch[call] = arguments
                if len(batch) == BATCH:
                    break
        return batch

    def _candidates(self, dice: random.Random) -> Iterator[Arguments]:
        for number, arguments in enumerate(self.space.starts()):
            yield arguments
            if number % 2:
                yield from self._suggested()
        if not self.space.slots or not self.guided:
            return
        while True:
            yield from self._suggested()
            roll = dice.random()
            if self._corpus and roll < 0.75:
                latest = dice.random() < 0.5
                first = max(len(self._corpus) - LATEST, 0) if latest else 0
                some = [self._corpus[dice.randrange(first, len(self._corpus))] for _ in range(2)]
                _, arguments = min(some, key=operator.itemgetter(0))
                yield self._changed(arguments, dice)
            else:
                yield tuple(self._drawn(slot, dice) for slot in self.space.slots)

    def _suggested(self) -> Iterator[Arguments]:
        """The next call that comparisons suggest, if there is one."""
        queue = next((queue for queue in self._queues if queue), None)
        if queue is not None:
            yield queue.popleft()

    def _drawn(self, slot: Slot, dice: random.Random) -> Any:
        if slot.optional and dice.random() < 0.4:
            return ABSENT
        value = drawn(slot.shape, dice, self.space.pool)
        return tuple(value) if slot.kind == "rest" else value

    def _changed(self, arguments: Arguments, dice: random.Random) -> Arguments:
        made = list(arguments)
        pool = self.space.pool
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            index = dice.randrange(len(made))
            slot, value = self.space.slots[index], made[index]
            roll = dice.random()
            if value is ABSENT or (slot.optional and roll < 0.1):
                made[index] = self._drawn(slot, dice)
            elif roll < 0.2 and len(made) > 1 and fits(slot.shape, other := dice.choice(made)) and other is not ABSENT:
                made[index] = other  # two arguments that are the same
            else:
                given = list(value) if slot.kind == "rest" else value
                new = changed(slot.shape, given, dice, pool)
                made[index] = tuple(new) if slot.kind == "rest" else new
        return tuple(made)

    def _learn(self, arguments: Arguments, called: Called, length: int) -> bool:
        """Take up what a call has shown; whether anything was new."""
        new: set[Any] = set(called.lines)
        outcome = called.outcome
        if outcome is not None and outcome.exception is not None:
            new.add((outcome.exception.type, outcome.exception.line))
        for comparison in called.comparisons:
            new |= set(_features(comparison))
        new -= self._features
        self._features |= new
        if new and self.space.slots:
            self._corpus.append((length, arguments))
        fresh = any(not (isinstance(one, tuple) and one[0] == NEARER) for one in new)
        ranked = [(2, one) for one in self._approach(arguments, called.comparisons)]
        separators = self.space.pool.separators
        for comparison in reversed(called.comparisons):
            key = (comparison.line, comparison.operator, repr(comparison.left)[:80], repr(comparison.right)[:80])
            again = 1 if is_number(comparison.left) and is_number(comparison.right) else AGAIN
            if self._compared[key] >= again or len(ranked) >= SUGGESTED:
                continue
            self._compared[key] += 1
            for one in (comparison.left, comparison.right):
                for atom in atoms(one):
                    self.space.pool.add(atom)
            for index, slot in enumerate(self.space.slots):
                for exact, value in substituted(arguments[index], comparison, separators):
                    given = list(value) if slot.kind == "rest" and isinstance(value, tuple) else value
                    if fits(slot.shape, given):
                        rank = 2 if not exact else 0 if fresh else 1
                        ranked.append((rank, (*arguments[:index], value, *arguments[index + 1 :])))
        for rank, one in ranked:
            self._queues[rank].append(one)
        return bool(new)

    def _approach(self, arguments: Arguments, comparisons: Sequence[Comparison]) -> Iterator[Arguments]:
        """Where numbers are compared, go on along the line through two calls to where they would be equal."""
        first: dict[tuple[int, str], float] = {}
        for comparison in comparisons:
            if is_number(comparison.left) and is_number(comparison.right):
                first.setdefault((comparison.line, comparison.operator), comparison.left - comparison.right)
        for place, difference in first.items():
            before = self._differences.setdefault(place, deque(maxlen=4))
            if abs(difference) > 8:  # from there neighbours are tried anyway
                for others, other in before:
                    yield from self._between(arguments, difference, others, other)
            before.append((arguments, difference))

    def _between(self, arguments: Arguments, difference: float, others: Arguments, other: float) -> Iterator[Arguments]:
        if difference == other:
            return
        earlier = dict(_numbers(others, ()))
        for path, value in islice(_numbers(arguments, ()), NUMBERS):
            was = earlier.get(path, value)
            if value == was or not (is_number(value) and is_number(was)):
                continue
            with suppress(OverflowError, ValueError):
                exact = value - difference * (value - was) / (difference - other)
                number = type(value)(round(exact) if isinstance(value, int) else exact)
                if number != value and abs(number) < 1 << 62:
                    yield _with(arguments, path, number)


Path = tuple[Any, ...]
"""The way to a part: a position in a row, a key, or the name of a keyword."""


def _numbers(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The numbers in arguments, with the way to each."""
    match value:
        case list() | tuple():
            for index, part in enumerate(value):
                yield from _numbers(part, (*path, index))
        case dict():
            for key, part in value.items():
                yield from _numbers(part, (*path, key))
        case Made(_, arguments, keywords):
            yield from _numbers(arguments, (*path, 0))
            yield from _numbers(dict(keywords), (*path, 1))
        case int() | float() if not isinstance(value, bool):
            yield path, value


def _largest(arguments: Arguments) -> float:
    """The largest whole number in some arguments, whatever its sign."""
    return max((abs(number) for _, number in _numbers(arguments, ()) if isinstance(number, int)), default=0)


def _with(value: Any, path: Path, number: Any) -> Any:
    """A value with another number at the end of a path."""
    if not path:
        return number
    first, *rest = path
    match value:
        case list() | tuple():
            return type(value)([*value[:first], _with(value[first], tuple(rest), number), *value[first + 1 :]])
        case dict():
            return {**value, first: _with(value[first], tuple(rest), number)}
        case Made(callee, arguments, keywords) if first == 0:
            return Made(callee, _with(arguments, tuple(rest), number), keywords)
        case Made(callee, arguments, keywords):
            return Made(callee, arguments, tuple(_with(dict(keywords), tuple(rest), number).items()))
    return value


def _features(comparison: Comparison) -> Iterator[Any]:
    """What is new about a comparison: its result, and how near numbers and texts are to each other."""
    left, right, operator = comparison.left, comparison.right, comparison.operator
    place = (comparison.line, operator)
    if isinstance(left, int | float) and isinstance(right, int | float):
        distance = abs(left - right)
        sign = (left > right) - (left < right)
        yield (*place, sign)
        yield (NEARER, *place, sign, _nearness(distance))
    elif operator in ("==", "!="):
        if isinstance(left, str) and isinstance(right, str):
            yield (NEARER, *place, _common(left, right))
        yield (*place, left == right)
    elif operator in ("in", "not in"):
        with suppress(TypeError):
            yield (*place, left in right)
    elif operator in ("is", "is not"):
        yield (*place, left is right)
    elif operator in ASKING:
        yield (*place, asked(comparison))


def asked(comparison: Comparison) -> Any:
    """What a method gives that asks something; None where it does not."""
    with suppress(TypeError, AttributeError, ValueError):
        method = getattr(comparison.left, comparison.operator)
        return method() if comparison.right is None else method(comparison.right)
    return None


def _nearness(distance: float) -> int:
    """Steps that get larger with the distance."""
    if not distance < 1e18:
        return 100
    return int(distance) if distance <= 8 else 8 + int(distance).bit_length()


def _common(left: str, right: str) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return min(count, 16)
