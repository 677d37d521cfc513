"""What each step of a trace did.

A `line` event comes before its line runs, so what the line did shows in the next event of the same scope. Everything
that shows a trace to a person starts from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cwm_lsp.trace.events import NOTHING, Event


@dataclass(frozen=True, slots=True)
class Step:
    """A `call` or `line` event together with its effect."""

    index: int
    """Of the event in the trace."""
    event: Event
    scope: int
    """Index of the `call` event that opened the event's scope; -1 if the trace does not have it."""
    iteration: int
    """How many times the scope has come to this line, this time included."""
    iterations: int
    """How many times it does in all."""
    produced: Mapping[str, str]
    """Name → repr of the locals that the step bound or changed; for a `call`, its arguments."""
    effect: int | None
    """Index of the event whose locals show what was produced; that event has their provenance and confidence."""
    end: int | None
    """Index of the `return` or `exception` event that the step led to right away, if it did."""


def steps(events: Sequence[Event]) -> list[Step]:
    """The `call` and `line` events of a trace, in order, each with what it did.

    An event whose effect the trace does not show (it was cut there) has produced nothing.
    """
    scopes = _scopes(events)
    following: list[int | None] = [None] * len(events)
    last: dict[int, int] = {}
    for index, scope in enumerate(scopes):
        if scope in last:
            following[last[scope]] = index
        last[scope] = index

    seen: Counter[tuple[int, int]] = Counter()
    result: list[Step] = []
    for index, event in enumerate(events):
        if event.kind not in ("call", "line"):
            continue
        scope = scopes[index]
        iteration = 1
        if event.kind == "line":
            seen[scope, event.line] += 1
            iteration = seen[scope, event.line]
        effect = following[index]
        end = effect if effect is not None and events[effect].kind in ("return", "exception") else None
        if event.kind == "call":
            effect, produced = index, event.locals
        elif effect is None or end is not None:
            effect, produced = None, NOTHING
        else:
            after = events[effect].locals
            produced = {name: value for name, value in after.items() if event.locals.get(name) != value}
        result.append(Step(index, event, scope, iteration, 0, produced, effect, end))
    return [replace(step, iterations=max(seen[step.scope, step.event.line], 1)) for step in result]


def _scopes(events: Sequence[Event]) -> list[int]:
    """For each event the index of the `call` that opened its scope. A scope is followed by its depth, which also holds
    where a trace is cut or malformed; a generator's resumption is a `call` and so a scope of its own."""
    opened: dict[int, int] = {}
    scopes: list[int] = []
    for index, event in enumerate(events):
        if event.kind == "call":
            opened[event.depth] = index
        scopes.append(opened.get(event.depth, -1))
    return scopes
