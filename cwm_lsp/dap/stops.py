"""Reasons to stop on the way through a program, in whatever direction."""

from __future__ import annotations

import ast
import operator
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cwm_lsp.dap.breakpoints import Placed, Wanted, Watched, hits_of, placed
from cwm_lsp.dap.evaluating import MOST
from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Reason
from cwm_lsp.dap.variables import NOT_KNOWN
from cwm_lsp.trace.events import Event
from cwm_lsp.trace.exceptions import described
from cwm_lsp.trace.facts import facts
from cwm_lsp.trace.interventions import Look

UNSURE = 80
"""Per cent: what is less sure, without a condition that says another number."""
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
    "%": lambda visit, number: visit % number == 0,
}  # fmt: skip
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


@dataclass(slots=True)
class Stop:
    """Why it stops at an event."""

    reason: Reason
    numbers: list[int] = field(default_factory=list)
    """Of breakpoints."""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which exceptions and doubts stop."""

    raised: bool = False
    uncaught: bool = False
    guess: bool = False
    unsure: float | None = None
    """Chance below which a value stops."""
    left: bool = False
    """Where a run has left its prediction."""


class Stops:
    """Where breakpoints and filters stop in a program, and what is told on the way."""

    def __init__(self, program: Program, wanted: Sequence[Wanted], filters: Filters) -> None:
        self._program = program
        self._filters = filters
        self._stops: dict[int, Stop] = {}
        self._messages: defaultdict[int, list[str]] = defaultdict(list)
        for one in wanted:
            self._add(placed(one, program))
        for index in self._filtered(filters):
            event = program.walk.events[index]
            if filters.left and index == program.left:
                text = program.how_left
            elif event.kind == "exception":
                text = ": ".join(described(event.value or ""))
            else:
                text = _doubt(event)
            self._stops.setdefault(index, Stop("exception", text=text))

    @cached_property
    def _places(self) -> list[int]:
        """The events at which there is something to be done, in order."""
        return sorted(self._stops.keys() | self._messages.keys() | self._awaited)

    @cached_property
    def _awaited(self) -> frozenset[int]:
        is_open = self._program.is_growing and self._filters.uncaught
        return self._program.walk.raised if is_open else frozenset()

    def between(self, first: int, last: int, direction: int) -> Sequence[int]:
        """The events on the way from one to another, both included, at which there is something to be done."""
        low, high = min(first, last), max(first, last)
        if (last - first) * direction < 0:
            return ()
        found = self._places[bisect_left(self._places, low) : bisect_right(self._places, high)]
        return found if direction > 0 else found[::-1]

    def at(self, index: int) -> Stop | None:
        """The reason to stop at an event."""
        return self._stops.get(index)

    def awaits(self, index: int) -> bool:
        """Whether it is not known yet if an event is a reason to stop: an exception may still be caught."""
        return index in self._awaited

    def messages(self, index: int) -> Sequence[str]:
        """What is to be told when an event is passed."""
        return self._messages.get(index, ())

    def _add(self, its: Placed) -> None:
        if isinstance(its.wanted.place, Watched):
            visits = self._changes(its.wanted.place, its.visits)
            reason: Reason = "data breakpoint"
        else:
            visits = dict.fromkeys(its.visits)
            reason = "breakpoint" if its.line is not None else "function breakpoint"
        held = self._holding(its.wanted, visits)
        if its.wanted.when.message is not None:
            for index, message in zip(held, self._told(its.wanted.when.message, list(held)), strict=True):
                self._messages[index].append(message)
            return
        for index, text in held.items():
            stop = self._stops.setdefault(index, Stop(reason))
            stop.numbers.append(its.wanted.number)
            stop.text = stop.text or text

    def _holding(self, wanted: Wanted, visits: Mapping[int, str | None]) -> dict[int, str | None]:
        """The visits at which a breakpoint holds, each with what is to be said of it."""
        held = dict(visits)
        condition = wanted.when.condition
        if condition is not None:
            held = {}
            for index, text in zip(visits, self._look(f"not not ({condition.strip()})", list(visits)), strict=True):
                if text == "True":
                    held[index] = visits[index]
                elif text != "False":
                    held[index] = f"whether {condition} is {text}" if text == NOT_KNOWN else f"{condition}: {text}"
        hits = hits_of(wanted.when.hits) if wanted.when.hits is not None else None
        if hits is None:
            return held
        compare = _COMPARE[hits[0]]
        return {index: text for visit, (index, text) in enumerate(held.items(), 1) if compare(visit, hits[1])}

    def _look(self, expression: str, indices: Sequence[int]) -> list[str]:
        """What an expression is at events: a repr, what it raises, or that it is not known."""
        events = self._program.walk.events
        looks = [Look(index, events[index].depth, expression) for index in indices]
        return [one.text or one.error or NOT_KNOWN for one in self._program.look(looks)]

    def _told(self, message: str, indices: Sequence[int]) -> Iterator[str]:
        """A log message at events."""
        expressions = {found[1].strip() for found in _BRACES.finditer(message) if found[1]}
        texts = {one: self._look(f"str(({one}))", indices) for one in expressions}
        for number in range(len(indices)):
            yield _filled(message, {one: _unquoted(its[number]) for one, its in texts.items()})

    def _changes(self, watched: Watched, scopes: Sequence[int]) -> dict[int, str | None]:
        """Where what is watched is another than at the line before, and what it was and is."""
        walk = self._program.walk
        found: dict[int, str | None] = {}
        ways = {scope: self._way(scope) for scope in scopes}
        looks = [Look(at, walk.events[scope].depth, watched.expression) for scope, way in ways.items() for at in way]
        seen = iter(self._program.look(looks[:MOST]))
        for way in ways.values():
            before: str | None = None
            is_first = True
            for at, one in zip(way, seen, strict=False):
                if one.text is None and one.error is None:
                    is_first = True
                    continue
                now = one.text
                if not is_first and now != before:
                    was, becomes = before or "not there", now or "not there"
                    found[at] = f"{watched.expression}: {was} → {becomes}"
                before, is_first = now, False
        return dict(sorted(found.items()))

    def _way(self, scope: int) -> list[int]:
        """Where it can be stopped at while a scope is on the stack."""
        events, end = self._program.walk.events, self._program.walk.end
        depth, found = events[scope].depth, []
        for at in range(scope + 1, end + 1):
            event = events[at]
            if event.depth < depth or (event.depth == depth and event.kind == "call"):
                break
            if event.kind == "line" or at == end:
                found.append(at)
        return found

    def _filtered(self, filters: Filters) -> set[int]:
        """The events at which the filters stop."""
        walk = self._program.walk
        found: set[int] = set()
        if filters.raised:
            found |= walk.raised
        if filters.uncaught and walk.uncaught is not None:
            found.add(walk.uncaught)
        if filters.guess:
            first = first_guess(self._program)
            if first is not None:
                found.add(first)
        if filters.left and self._program.left is not None:
            found.add(self._program.left)
        if filters.unsure is not None:
            found |= {index for index in range(walk.start, walk.end + 1) if self._is_unsure(index, filters.unsure)}
        return found

    def _is_unsure(self, index: int, chance: float) -> bool:
        """Whether a value is new at an event that is less sure."""
        walk = self._program.walk
        event = walk.events[index]
        if event.kind == "call" or not event.confidences:
            return False
        before = walk.before(index)
        known = walk.events[before].locals if before is not None else {}
        return any(
            its < chance and event.locals.get(name) != known.get(name) for name, its in event.confidences.items()
        )


def first_guess(program: Program) -> int | None:
    """Where it can be stopped at first with something that is not known for sure."""
    events = program.walk.events
    first = facts(program.trace)
    unknown = (index for index, event in enumerate(events) if "unknown" in event.provenance.values())
    first = min(first, next(unknown, len(events)))
    return next((at for at in range(first, program.walk.end + 1) if events[at].kind != "call"), None)


def _doubt(event: Event) -> str:
    """What is not known for sure at an event."""
    guessed = [
        f"{name} ({int(100 * event.confidences[name])} %)" if name in event.confidences else name
        for name, source in event.provenance.items()
        if source in ("predicted", "unknown")
    ]
    return "guessed: " + ", ".join(guessed) if guessed else "what comes from here is a guess"


def _filled(message: str, texts: Mapping[str, str]) -> str:
    """A log message with its expressions replaced."""
    return _BRACES.sub(lambda found: texts[found[1].strip()] if found[1] else found[0][0], message)


def _unquoted(text: str) -> str:
    """The text that a repr is of; what is none stays."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, str) else text
