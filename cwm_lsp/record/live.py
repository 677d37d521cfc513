"""Follows the debug session that the user's own editor is running, and compares it with a prediction at every stop.

A pure state machine: notifications in, verdicts out; nothing is asked of the debugger. debugpy lets no second client
into a session, so the editor forwards where it has stopped (`cwm/debugStopped`), that it goes on (`cwm/debugContinued`)
and that it is over (`cwm/debugTerminated`).

A stop shows the state *before* its line runs, as a `line` event does, so a stop is compared with the `line` event that
it is the counterpart of. Which one that is, among the many that a loop or a recursion has, follows from where the
session was and how it went on: a step comes to the next event, a breakpoint to a later one of its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.values import same_but_cut

StepKind = Literal["as-predicted", "value", "control-flow", "exception", "other-call", "beyond"]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a debug session has stopped: the innermost frame."""

    session: str
    frame_id: int
    """The debugger's: the same for the same frame."""
    path: str
    line: int
    function: str
    locals: Mapping[str, str]
    """Name → text of the value as the debugger shows it, cut where it cuts."""
    reason: str
    """As in the protocol's `stopped` event: `breakpoint`, `step`, `exception`, `pause`, `entry`, `goto`."""

    @classmethod
    def from_json(cls, params: Mapping[str, Any]) -> Stop:
        """The stop that a `cwm/debugStopped` notification tells. Raises `KeyError` or `ValueError` for what is none."""
        return cls(
            session=str(params["session"]),
            frame_id=int(params["frameId"]),
            path=str(params["path"]),
            line=int(params["line"]),
            function=str(params["function"]),
            locals={str(name): str(text) for name, text in dict(params["locals"]).items()},
            reason=str(params.get("reason", "step")),
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A local whose value is not the predicted one; None where one side does not have it."""

    name: str
    predicted: str | None
    actual: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What a stop tells about the prediction."""

    stop: Stop
    kind: StepKind
    """How the way to here went: `as-predicted`, or the first thing that did not: the line (`control-flow`), a value, an
    exception that was not predicted; `other-call` where the arguments are not those of the predicted call; `beyond`
    where the prediction had ended, so that nothing is compared."""
    event_index: int | None
    """The predicted event that this stop is the counterpart of; None where there is none."""
    hit: int
    """How many times the predicted call has come to this line of this function by then, this time included."""
    expected: Event | None
    """The event that was predicted to come next, where another came."""
    differences: tuple[Difference, ...]
    next: Event | None
    """The predicted event after this one; None at the end, or where the prediction has nothing to say."""
    next_line: Event | None
    """The predicted `line` event that stepping over leads to; None where the frame is left."""

    @property
    def as_predicted(self) -> bool:
        return self.kind == "as-predicted"

    def to_json(self) -> dict[str, Any]:
        return {
            "session": self.stop.session,
            "line": self.stop.line,
            "kind": self.kind,
            "eventIndex": self.event_index,
            "hit": self.hit,
            "expected": self.expected and self.expected.to_json(),
            "differences": [
                {"name": item.name, "predicted": item.predicted, "actual": item.actual} for item in self.differences
            ],
            "next": self.next and self.next.to_json(),
            "nextLine": self.next_line and self.next_line.to_json(),
        }


class Live:
    """All debug sessions of the editor.

    `prediction` gives the predicted trace for a stop's file and function where there is one; it is asked when a session
    first stops in a function, and again when that function is called anew.
    """

    def __init__(self, prediction: Callable[[str, str], Trace | None]) -> None:
        self._prediction = prediction
        self._followers: dict[str, Follower] = {}

    def stopped(self, stop: Stop) -> Step | None:
        """What the stop tells; None where no prediction speaks of it."""
        follower = self._followers.get(stop.session)
        if follower is None or not follower.speaks_of(stop) or follower.over:
            trace = self._prediction(stop.path, stop.function)
            if trace is None or not trace.events:
                return None
            fresh = Follower(trace)
            if not fresh.speaks_of(stop):
                return None
            follower = self._followers[stop.session] = fresh
        return follower.stopped(stop)

    def continued(self, session: str) -> None:
        """The session runs: what was said of its last stop is no longer of now."""
        follower = self._followers.get(session)
        if follower is not None:
            follower.continued()

    def current(self, session: str) -> Step | None:
        """What was said of the stop at which the session stands; None while it runs."""
        follower = self._followers.get(session)
        return follower.current if follower is not None else None

    def terminated(self, session: str) -> None:
        self._followers.pop(session, None)


class Follower:
    """One predicted call, followed through one session."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.current: Step | None = None
        self._events = trace.events
        self._functions = {(event.path, event.function) for event in trace.events}
        self._entry = trace.events[0]
        self._is_cut = trace.outcome.is_cut
        self._is_beyond = False
        """The session has passed the end of a prediction that was cut off."""
        self._frames: dict[int, int] = {}
        self._at: int | None = None
        self._depth = 0

    @property
    def over(self) -> bool:
        """Whether the predicted call has come to its end."""
        return not self._is_cut and self._at is not None and self._at >= len(self._events) - 1

    def speaks_of(self, stop: Stop) -> bool:
        return any(name == stop.function and self._is_in(path, stop) for path, name in self._functions)

    def _is_in(self, path: str | None, stop: Stop) -> bool:
        """Whether a stop is in a file, as events have it."""
        return _same_file(stop.path, self.trace.path if path is None else path)

    def continued(self) -> None:
        self.current = None

    def stopped(self, stop: Stop) -> Step:
        """Moves to the stop's counterpart and says how the way there went."""
        if self._begins_anew(stop):
            self._at, self._is_beyond = None, False
            self._frames.clear()
        if self._is_beyond:
            step = self._step(stop, "beyond", None)
        elif stop.reason == "exception":
            step = self._raised(stop)
        elif self._at is None:
            step = self._begun(stop)
        else:
            step = self._moved(stop, self._at)
        if step.event_index is not None:
            self._at = step.event_index
            self._depth = self._frames.setdefault(stop.frame_id, self._events[step.event_index].depth)
        self.current = step
        return step

    def _begins_anew(self, stop: Stop) -> bool:
        """Whether the stop is in another activation of the predicted function than the one followed."""
        if self._at is None or stop.frame_id in self._frames or stop.function != self._entry.function:
            return False
        if stop.line != self._first_line() or not self._is_in(None, stop):
            return False
        deeper = self._find(self._at, stop, (self._next_event(self._at, "line"),))
        return deeper is None or self._events[deeper].depth == 0

    def _first_line(self) -> int | None:
        first = self._next_event(0, "line")
        return None if first is None else self._events[first].line

    def _begun(self, stop: Stop) -> Step:
        candidates = self._candidates(0, stop)
        if not candidates and self._is_cut:
            return self._passed(stop)
        if not candidates:
            return self._step(stop, "control-flow", None, expected=self._event(self._next_event(0, "line")))
        index = self._best(candidates, stop)
        differences = self._differences(index, stop)
        at_start = index == self._next_event(0, "line")
        kind: StepKind = "as-predicted" if not differences else "other-call" if at_start else "value"
        return self._step(stop, kind, index, differences=differences)

    def _moved(self, stop: Stop, at: int) -> Step:
        if self._frames.get(stop.frame_id, self._depth) < self._depth:
            # Stepping out: the debugger stops in the caller once more, in the midst of the line that called.
            caller = self._caller(at, self._frames[stop.frame_id])
            if caller is not None and self._is_on(self._events[caller], stop):
                resumed = self._before_next(at, self._events[caller].depth)
                return self._step(stop, "as-predicted", resumed if resumed is not None else caller, shown=caller)
        expected = (
            self._next_event(at, "line"),
            self._next_line(at, self._depth),
            self._next_outside(at, self._depth),
        )
        index = self._find(at, stop, expected)
        if index is None and stop.reason != "step":
            candidates = self._candidates(at + 1, stop)
            index = self._best(candidates, stop) if candidates else None
        if index is not None:
            differences = self._differences(index, stop)
            return self._step(stop, "value" if differences else "as-predicted", index, differences=differences)
        # After a breakpoint the steps on the way here are not known, so it may well have passed the end.
        may_be_beyond = stop.reason != "step" or self._next_line(at, self._depth) is None
        if self._is_cut and may_be_beyond and not self._candidates(at + 1, stop):
            return self._passed(stop)
        candidates = self._candidates(at + 1, stop) or self._candidates(0, stop)
        index = self._best(candidates, stop) if candidates else None
        wanted = self._event(self._next_line(at, self._depth)) or self._event(at + 1)
        differences = self._differences(index, stop) if index is not None else ()
        return self._step(stop, "control-flow", index, expected=wanted, differences=differences)

    def _raised(self, stop: Stop) -> Step:
        """An exception at the stop's line: predicted where the prediction has one there before anything else."""
        start = -1 if self._at is None else self._at
        for index in range(start + 1, len(self._events)):
            event = self._events[index]
            if event.kind == "exception" and self._is_on(event, stop):
                return self._step(stop, "as-predicted", index)
            if event.kind == "line" and self._at is not None and event.depth <= self._depth:
                break
        else:
            if self._is_cut:
                return self._passed(stop)
        return self._step(stop, "exception", self._at, expected=self._event(start + 1))

    def _passed(self, stop: Stop) -> Step:
        """The session is past the end of the prediction."""
        self._is_beyond = True
        return self._step(stop, "beyond", None)

    def _step(
        self,
        stop: Stop,
        kind: StepKind,
        index: int | None,
        *,
        shown: int | None = None,
        expected: Event | None = None,
        differences: tuple[Difference, ...] = (),
    ) -> Step:
        """`shown` is the event whose line is the stop's, where that is an earlier one than `index`."""
        hit = 0
        counted = shown if shown is not None else index
        if counted is not None:
            event = self._events[counted]
            place = (event.kind, event.function, event.line, event.path)
            hit = sum((e.kind, e.function, e.line, e.path) == place for e in self._events[: counted + 1])
        following = self._event(index + 1) if index is not None else None
        next_line = None
        if index is not None:
            depth = self._frames.get(stop.frame_id, self._events[index].depth)
            next_line = self._event(self._next_line(index, depth))
        return Step(stop, kind, index, hit, expected, differences, following, next_line)

    def _event(self, index: int | None) -> Event | None:
        return self._events[index] if index is not None and index < len(self._events) else None

    def _find(self, at: int, stop: Stop, indices: tuple[int | None, ...]) -> int | None:
        """The first of the events that is the stop's counterpart by its place."""
        for index in indices:
            if index is not None and self._is_at(index, stop):
                return index
        return None

    def _is_at(self, index: int, stop: Stop) -> bool:
        event = self._events[index]
        depth = self._frames.get(stop.frame_id)
        same_frame = depth is None or depth == event.depth
        return event.kind == "line" and same_frame and self._is_on(event, stop)

    def _is_on(self, event: Event, stop: Stop) -> bool:
        """Whether an event is on the stop's line."""
        return (event.function, event.line) == (stop.function, stop.line) and self._is_in(event.path, stop)

    def _candidates(self, start: int, stop: Stop) -> list[int]:
        return [index for index in range(start, len(self._events)) if self._is_at(index, stop)]

    def _best(self, candidates: list[int], stop: Stop) -> int:
        """The first whose locals agree; else the first."""
        return next((index for index in candidates if not self._differences(index, stop)), candidates[0])

    def _next_event(self, at: int, kind: str) -> int | None:
        """The next event of a kind, in whatever scope: where stepping in leads."""
        return next((i for i in range(at + 1, len(self._events)) if self._events[i].kind == kind), None)

    def _next_line(self, at: int, depth: int) -> int | None:
        """The next line of the activation at `depth`: where stepping over leads. None where it is left before."""
        for index in range(at + 1, len(self._events)):
            event = self._events[index]
            if event.depth < depth or (event.depth == depth and event.kind == "return"):
                return None
            if event.depth == depth and event.kind == "line":
                return index
        return None

    def _next_outside(self, at: int, depth: int) -> int | None:
        """The next line of a scope around: where stepping leads once the frame is left."""
        return next(
            (
                index
                for index in range(at + 1, len(self._events))
                if self._events[index].kind == "line" and self._events[index].depth < depth
            ),
            None,
        )

    def _caller(self, at: int, depth: int) -> int | None:
        """The line at which the scope at `depth` stands while the event at `at` happens."""
        return next(
            (i for i in range(at, -1, -1) if self._events[i].kind == "line" and self._events[i].depth == depth), None
        )

    def _before_next(self, at: int, depth: int) -> int | None:
        """The last event before the scope at `depth` goes on after the one at `at`: the callee's return."""
        for index in range(at + 1, len(self._events)):
            event = self._events[index]
            if event.kind == "return" and event.depth == depth + 1:
                return index
            if event.depth <= depth:
                return index - 1
        return None

    def _differences(self, index: int, stop: Stop) -> tuple[Difference, ...]:
        """Values that differ. A debugger shows neither a comprehension's iterator nor values that it cuts in full."""
        predicted = self._events[index].locals
        differences = []
        for name, text in predicted.items():
            actual = stop.locals.get(name)
            if name.startswith("."):
                continue
            if actual is None:
                differences.append(Difference(name, text, None))
            elif not same_but_cut(text, actual):
                differences.append(Difference(name, text, actual))
        for name, actual in stop.locals.items():
            if name not in predicted and name.isidentifier():
                differences.append(Difference(name, None, actual))
        return tuple(differences)


@lru_cache(maxsize=256)
def _same_file(left: str, right: str) -> bool:
    return left == right or Path(left).resolve() == Path(right).resolve()
