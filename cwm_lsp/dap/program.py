"""A call being debugged: its trace, where in it the session is, and what has been changed on the way.

A trace that is still being made is looked at through one that is as long as it was a moment ago; `grow` takes what has
come since. An index stands for the same event in all of them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from os.path import normcase, normpath
from pathlib import Path

from cwm_lsp.dap.backend import Backend
from cwm_lsp.dap.growing import Growing
from cwm_lsp.dap.protocol import Refused, Source
from cwm_lsp.dap.variables import NOT_KNOWN
from cwm_lsp.dap.walk import Walk
from cwm_lsp.source.flow import Flow
from cwm_lsp.source.functions import functions
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Event, Outcome, Provenance, Trace
from cwm_lsp.trace.interventions import NOT_SEEN, Change, Intervention, Look, Looked, Skip

Waiting = Callable[[Growing, Callable[[], bool]], None]
"""Waits until enough of a prediction is there; raises `Cancelled` and what the prediction does."""
_QUICK = 0.1
"""Seconds in which a prediction may come to its end before it is looked at."""


def absolute(path: str) -> str:
    """A path that does not depend on the working folder."""
    return normpath(Path(path).absolute())


def normal(path: str) -> str:
    """A path in the one form in which paths are compared."""
    return normcase(absolute(path))


class Program:
    """A predicted or recorded call."""

    def __init__(self, trace: Trace, backend: Backend, growing: Growing | None = None) -> None:
        """`trace` is what there is of the one that is `growing`, or the whole one."""
        self._backend = backend
        self.path = absolute(trace.path)
        self._place = normal(self.path)
        self._places: dict[str, str] = {}
        self.changes: tuple[Change, ...] = ()
        """Made on the way so far, in the order of steps; the latest fork has them all."""
        self.left_out: tuple[int, ...] = ()
        """The `call` events of calls whose result alone was asked for."""
        self.parted: Trace | None = None
        """What was there before the latest change."""
        self._parted_by: tuple[Intervention, ...] | None = None
        """The interventions of that one, where it was given up before it had come to its end."""
        self.left: int | None = None
        """The event at which a run leaves its prediction, as far as that has been found out (`compare`)."""
        self.how_left: str | None = None
        self._seen: dict[Look, Looked] = {}
        self._changed: dict[int, Event] = {}
        """States of callers that a fork has changed, by their index."""
        self._take(trace, growing)
        self.at = self.walk.start
        """The event that it is stopped at."""

    @classmethod
    def predicted(cls, begun: Trace, backend: Backend, waiting: Waiting) -> Program:
        """The prediction of a call, as soon as the first line of it is there; one that is quick is there as a whole.

        Raises:
            Cancelled, UserError, UnavailableError: as `Backend.predict`.
        """
        growing, began = Growing(begun, partial(backend.predict, begun, ())), time.monotonic()
        waiting(growing, lambda: growing.line >= 0 and time.monotonic() - began > _QUICK)
        trace, is_whole = growing.trace()
        if not trace.events:
            raise Refused(f"no step of {trace.call} is known: {trace.outcome.detail or 'the prediction is empty'}")
        return cls(trace, backend, None if is_whole else growing)

    @classmethod
    def ran(cls, begun: Trace, backend: Backend, waiting: Waiting) -> Program:
        """A run of a call, once it is over; raises what `predicted` does."""
        growing = Growing(begun, partial(backend.run, begun))
        waiting(growing, lambda: False)
        trace = growing.trace()[0]
        if not trace.events:
            raise Refused(f"{trace.call} did not get into {trace.function}: {trace.outcome.detail or 'it was not run'}")
        return cls(trace, backend)

    @property
    def begun(self) -> Trace:
        """The trace before its first event."""
        return replace(self.trace, events=(), outcome=Outcome("truncated"))

    @property
    def is_growing(self) -> bool:
        """Whether more of it may come."""
        return self._growing is not None

    def grow(self) -> bool:
        """Take what has come since, if that is worth it; whether it was."""
        if self._growing is None or not self._growing.is_worth_a_look:
            return False
        trace, is_whole = self._growing.trace()
        self._take(trace, None if is_whole else self._growing)
        return True

    def compare(self, waiting: Waiting) -> None:
        """Find out where a run has left the prediction of its call.

        Raises:
            Cancelled, UserError, UnavailableError: as `Backend.predict`.
        """
        begun = self._backend.asked(self.trace.path, self.trace.function, self.trace.call)
        growing = Growing(begun, partial(self._backend.predict, begun, ()))
        waiting(growing, lambda: False)
        divergences = compare(growing.trace()[0], self.trace)
        if divergences:
            first = min(divergences, key=lambda one: one.event_index)
            self.left = next((at for at in range(first.event_index, self.walk.end) if self._is_stop(at)), self.walk.end)
            name = f"{first.variable} = " if first.variable else ""
            self.how_left = f"predicted: {name}{first.predicted or 'nothing'}; it was {first.actual or 'nothing'}"

    def _is_stop(self, index: int) -> bool:
        return self.walk.events[index].kind in ("line", "exception")

    def whole(self, waiting: Waiting) -> None:
        """Wait until all of the trace is there; raises what `predicted` does."""
        if self._growing is not None:
            waiting(self._growing, lambda: False)
            self.grow()

    def visits_of(self, path: str, line: int) -> list[int]:
        """The `line` events at a line of a file."""
        return self.visits.get((normal(path), line), [])

    def close(self) -> None:
        """Nothing more of it is wanted."""
        if self._growing is not None:
            self._growing.cancel()

    def is_end(self, index: int) -> bool:
        """Whether nothing comes after an event."""
        return index == self.walk.end and not self.is_growing

    def _take(self, trace: Trace, growing: Growing | None) -> None:
        self.trace = trace
        self.walk = Walk(trace, is_whole=growing is None)
        self._growing = growing
        self.visits: dict[tuple[str, int], list[int]] = defaultdict(list)
        """The `line` events at each line of each file."""
        for index, event in enumerate(trace.events):
            if event.kind == "line":
                self.visits[self.place_of(event), event.line].append(index)

    @property
    def event(self) -> Event:
        """The event that it is stopped at."""
        return self.walk.events[self.at]

    @property
    def is_recorded(self) -> bool:
        """Whether it has really happened."""
        return self.trace.origin == "recorded"

    def path_of(self, event: Event) -> str:
        """The file that an event is in."""
        return event.path or self.path

    def source(self, event: Event) -> Source:
        """The same as the protocol has it."""
        path = self.path_of(event)
        return {"name": Path(path).name, "path": path}

    def place_of(self, event: Event) -> str:
        """The same in the form in which paths are compared."""
        if event.path is None:
            return self._place
        place = self._places.get(event.path)
        if place is None:
            place = self._places[event.path] = normal(event.path)
        return place

    @cached_property
    def _own_lines(self) -> set[int]:
        return {line for scope in Flow.of(self.trace.source).scopes for line in scope.lines}

    def is_own(self, path: str) -> bool:
        """Whether a path, as paths are compared, is that of the file whose function is called."""
        return path == self._place

    def lines_of(self, path: str) -> set[int]:
        """The lines of a file that can be stopped at: those with code, or in another file those that are come to."""
        return {line for place, line in self.visits if place == path} | (
            self._own_lines if self.is_own(path) else set()
        )

    def state(self, index: int) -> Event:
        """The event that has the locals as they are known at an event."""
        shown = self.walk.shown(index)
        if self.changes and shown in self._changed and self.at >= self.changes[-1].step:
            return self._changed[shown]
        return self.walk.events[shown]

    def index_of(self, frame: int) -> int:
        """The event that a frame of the stack is at.

        Raises:
            Refused: there is no such frame.
        """
        if not 1 <= frame <= len(self.walk.events):
            raise Refused(f"there is no frame {frame}")
        return frame - 1

    def ending(self) -> str:
        """How the call ends, or why the steps do."""
        outcome = self.trace.outcome
        if outcome.cut is not None:
            return outcome.cut
        if outcome.kind == "return":
            return f"{self.trace.call} returns {NOT_KNOWN if outcome.value is None else outcome.value}"
        if outcome.exception is not None:
            return f"{outcome.exception.type}: {outcome.exception.message}"
        return outcome.detail or (f"the call {outcome.loop}" if outcome.loop else "the steps end here")

    def look(self, looks: Sequence[Look]) -> list[Looked]:
        """What comes of looks; each is done once."""
        new = sorted({look for look in looks if look not in self._seen}, key=lambda look: look.step)
        if new:
            found = self._backend.look(self.trace, self.interventions, new)
            self._seen.update(zip(new, found, strict=True))
        return [self._seen.get(look, NOT_SEEN) for look in looks]

    def fork(self, depth: int, target: str, value: str, waiting: Waiting) -> None:
        """Give a variable, or a part of one, of a scope on the stack another value here; what comes after is anew.

        Changes that were made further on are given up.

        Raises:
            Refused: that cannot be done.
            Cancelled, UserError, UnavailableError: as `Backend.predict`.
        """
        if self.is_recorded:
            raise Refused("this run has happened: nothing of it can be changed")
        if self.event.kind != "line":
            raise Refused("nothing comes after this, so there is nothing to be changed")
        change = Change(self.at, depth, target, value)
        changes = (*(one for one in self.changes if one.step <= self.at), change)
        left_out = tuple(one for one in self.left_out if one < self.at)
        parted, by = self.trace, self.interventions if self.is_growing else None
        self._predict_anew(changes, left_out, self.at, waiting)
        self.parted, self._parted_by = parted, by
        self._look_at_callers()

    def leave_out(self, call: int, waiting: Waiting) -> None:
        """Have the result of a call asked for in place of its steps, which are still on their way; what comes after it
        is anew. Raises what `fork` does."""
        self._predict_anew(self.changes, (*(one for one in self.left_out if one < call), call), call, waiting)

    def take_in(self, call: int, waiting: Waiting) -> None:
        """Have the steps of a call that was left out; what comes after it is anew. Raises what `fork` does."""
        changes = tuple(one for one in self.changes if one.step <= call)
        self._predict_anew(changes, tuple(one for one in self.left_out if one < call), call, waiting)

    def left_out_by(self, index: int) -> list[int]:
        """The `call` events of the calls of a line that were left out."""
        return [one for one in self.left_out if self.walk.stack(one)[1:2] == [index]]

    def guessing(self, index: int) -> int | None:
        """The `call` event of the call of a line whose steps are being predicted with guesses among them; None where
        that is not so, or nothing can be asked for in place of its steps."""
        events = self.walk.events
        within = [self.walk.scope(one) for one in self.walk.stack(self.walk.end)]
        call = next((one for one in within if one > index and self.walk.stack(one)[1:2] == [index]), None)
        if call is None or not self.is_growing or events[call].path is not None:
            return None
        its = next((one for one in functions(self.trace.source) if one.first_line == events[call].line), None)
        is_plain = its is not None and its.name == events[call].function and not (its.is_generator or its.is_async)
        return call if is_plain and any(one.confidence is not None for one in events[call:]) else None

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """All that was done on the way, in the order of steps."""
        return _in_order(self.changes, self.left_out)

    def _predict_anew(
        self, changes: tuple[Change, ...], left_out: tuple[int, ...], after: int, waiting: Waiting
    ) -> None:
        """Have the call predicted with other interventions, which are all before what comes after an event."""
        was_growing = self.is_growing
        self.close()  # one prediction is made at a time
        try:
            trace, growing = self._made(_in_order(changes, left_out), after, waiting)
        except Exception:
            if was_growing:  # it goes on as if nothing had been
                self._take(*self._made(self.interventions, self.walk.end - 1, waiting))
            raise
        self.changes, self.left_out, self._seen, self._changed = changes, left_out, {}, {}
        self._take(trace, growing)

    def futures(self, waiting: Waiting) -> tuple[Trace, Trace] | None:
        """What was to come before the latest fork, and what comes now, each to its end; None where there is no fork.

        Raises what `fork` does.
        """
        self.whole(waiting)
        if self.parted is not None and self._parted_by is not None:
            before = Growing(self.begun, partial(self._backend.predict, self.parted, self._parted_by))
            waiting(before, lambda: False)
            self.parted, self._parted_by = before.trace()[0], None
        return None if self.parted is None else (self.parted, self.trace)

    def _made(
        self, interventions: tuple[Intervention, ...], after: int, waiting: Waiting
    ) -> tuple[Trace, Growing | None]:
        """The call with interventions, as soon as there is more of it than what comes up to an event."""
        growing = Growing(self.begun, partial(self._backend.predict, self.trace, interventions))
        waiting(growing, lambda: growing.line > after)
        trace, is_whole = growing.trace()
        if len(trace.events) <= after:
            raise Refused(trace.outcome.detail or "how the call would go on is not known")
        return trace, None if is_whole else growing

    def _look_at_callers(self) -> None:
        """Their states were shown before the change, which they may have seen nevertheless."""
        callers = self.walk.stack(self.at)[1:]
        for caller in callers:
            state = self.walk.events[self.walk.shown(caller)]
            names = [name for name in state.locals if name.isidentifier()]
            found = self.look([Look(self.at, state.depth, name) for name in names])
            texts = {name: one.text for name, one in zip(names, found, strict=True)}
            anew = {name: text for name, text in texts.items() if text is not None and text != state.locals[name]}
            if anew:
                origins = {name: self._origin(state, name) for name in anew}
                self._changed[self.walk.shown(caller)] = replace(
                    state, locals={**state.locals, **anew}, provenance={**state.provenance, **origins}
                )

    def _origin(self, state: Event, name: str) -> Provenance:
        latest = self.changes[-1]
        return "given" if (latest.depth, latest.target) == (state.depth, name) else "computed"


def _in_order(changes: Sequence[Change], left_out: Sequence[int]) -> tuple[Intervention, ...]:
    """Interventions in the order of steps."""
    return tuple(sorted([*changes, *map(Skip, left_out)], key=lambda one: one.step))
