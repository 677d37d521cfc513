"""`Event` and `Trace`: what predicting and recording both speak.

Events have the semantics of `sys.settrace` on CPython 3.10/3.11: a `line` event comes *before* its line runs, so the
effect of a line shows in the next event of the same scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Final, Literal

EventKind = Literal["call", "line", "return", "exception"]
Origin = Literal["predicted", "recorded"]
OutcomeKind = Literal["return", "exception", "endless", "timeout", "truncated", "error"]
Provenance = Literal["given", "computed", "remembered", "predicted", "recorded", "unknown"]
"""`remembered`: as an earlier run had it, or computed from that. `unknown`: the text is the value's type at most; it
says nothing of the value, and is compared with nothing."""

NOTHING: Mapping[str, Any] = {}
"""The empty mapping, shared, never changed: `Event` has several and most are empty."""


@dataclass(slots=True, init=False)
class Event:
    """One step of a call. It never changes, but to be frozen would make it three times as dear to make, and a trace may
    have hundreds of thousands."""

    kind: Final[EventKind]
    line: Final[int]
    """1-based line in the user's file; 0 where a model wrote a line that the file does not have (see `mark`)."""
    depth: Final[int]
    """Scopes between this one and the traced call's, whose own depth is 0."""
    function: Final[str]
    """The code object's name: `f`, `__init__`, `<lambda>`, `<listcomp>`."""
    locals: Final[Mapping[str, str]]
    """Name → repr of every live local, in `f_locals` order. Always complete; empty for `return` and `exception`."""
    value: Final[str | None]
    """`return`: repr of the value. `exception`: repr of settrace's triple. Otherwise None."""
    confidence: Final[float | None]
    """Probability, 0 to 1, that the model gave the tokens of this event; None where no model was asked."""
    confidences: Final[Mapping[str, float]]
    """The same for each predicted local; `"value"` for the value of a `return` or `exception`."""
    provenance: Final[Mapping[str, Provenance]]
    """Where each local's repr comes from; `"value"` for the value of a `return` or `exception`."""
    mark: Final[str | None]
    """What is wrong with the event, in a few words (a model's malformed output, a repr that was cut); else None."""
    path: Final[str | None]
    """The file that the line is in (absolute), where that is another one than the trace's; else None."""
    held: Mapping[str, str] = field(compare=False)
    """Of locals (`"value"`: of the value) whose reprs do not tell what their objects hold, what a run saw of that, as
    `record/insides.py` writes it."""
    suggested: Mapping[str, str] = field(compare=False)
    """Of locals (`"value"`: of the value) that are guessed or not known, what the same statement had in a run where it
    read something else: it says little, and is not shown beside lines. At the last event of a trace: what its line
    had."""

    def __init__(
        self,
        kind: EventKind,
        line: int,
        depth: int,
        function: str,
        locals: Mapping[str, str] = NOTHING,  # noqa: A002  the attribute's name
        value: str | None = None,
        confidence: float | None = None,
        confidences: Mapping[str, float] = NOTHING,
        provenance: Mapping[str, Provenance] = NOTHING,
        mark: str | None = None,
        path: str | None = None,
        held: Mapping[str, str] = NOTHING,
        suggested: Mapping[str, str] = NOTHING,
    ) -> None:
        self.kind = kind
        self.line = line
        self.depth = depth
        self.function = function
        self.locals = locals
        self.value = value
        self.confidence = confidence
        self.confidences = confidences
        self.provenance = provenance
        self.mark = mark
        self.path = path
        self.held = held
        self.suggested = suggested

    def at(self, depth: int) -> Event:
        """The same at another depth."""
        return self if depth == self.depth else replace(self, depth=depth)

    def to_json(self) -> dict[str, Any]:
        """The event as the command line's JSON has it: what is not known is predicted there, with a chance of 0."""
        unknown = [name for name, source in self.provenance.items() if source == "unknown"]
        return {
            "event": self.kind,
            "line": self.line,
            "depth": self.depth,
            "function": self.function,
            "locals": dict(self.locals),
            "value": self.value,
            "confidence": self.confidence,
            "confidences": {**self.confidences, **dict.fromkeys(unknown, 0.0)},
            "provenance": {**self.provenance, **dict.fromkeys(unknown, "predicted")},
            "mark": self.mark,
            "path": self.path,
            **({"held": dict(self.held)} if self.held else {}),
            **({"suggested": dict(self.suggested)} if self.suggested else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """The inverse of `to_json`; keys that may be absent take their defaults."""
        confidences, provenance = data.get("confidences") or NOTHING, data.get("provenance") or NOTHING
        unknown = [name for name, chance in confidences.items() if chance == 0]
        if unknown:
            provenance = {**provenance, **dict.fromkeys(unknown, "unknown")}
            confidences = {name: chance for name, chance in confidences.items() if chance}
        return cls(
            kind=data["event"],
            line=data["line"],
            depth=data["depth"],
            function=data["function"],
            locals=data.get("locals") or NOTHING,
            value=data.get("value"),
            confidence=data.get("confidence"),
            confidences=confidences,
            provenance=provenance,
            mark=data.get("mark"),
            path=data.get("path"),
            held=data.get("held") or NOTHING,
            suggested=data.get("suggested") or NOTHING,
        )


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """The exception that left the traced call."""

    type: str
    message: str
    line: int | None
    """The line of the traced function's file at which it was raised."""

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "message": self.message, "line": self.line}


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that never ends."""

    line: int
    """Of its head."""
    rounds: int | None
    """After how many the whole state at its head is as it was; None where it only moves further away from its end."""
    path: str | None = None
    """The file that it is in, as events have it."""

    def __str__(self) -> str:
        line = f"line {self.line}" if self.path is None else f"line {self.line} of {PurePath(self.path).name}"
        if self.rounds is None:
            return f"never ends: the values of {line} only move further away from its end"
        rounds = "1 round" if self.rounds == 1 else f"{self.rounds:,} rounds"
        return f"never ends: the state of {line} returns after {rounds}"

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "rounds": self.rounds, "path": self.path}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the call ended."""

    kind: OutcomeKind
    value: str | None = None
    """Repr of the return value, for `return`."""
    exception: ExceptionInfo | None = None
    detail: str | None = None
    """One sentence for a person: what ended a `timeout`, `truncated` or `error` trace."""
    loop: Loop | None = None
    """Why the call never ends, for `endless`."""
    cut: str | None = None
    """Why the steps end before the call does, where it is known all the same how it ends."""

    @property
    def is_cut(self) -> bool:
        """Whether the steps end before the call does."""
        return self.kind not in ("return", "exception") or self.cut is not None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "value": self.value,
            "exception": self.exception and self.exception.to_json(),
            "detail": self.detail,
            "loop": self.loop and self.loop.to_json(),
            "cut": self.cut,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        exception, loop = data.get("exception"), data.get("loop")
        return cls(
            data["kind"],
            data.get("value"),
            exception and ExceptionInfo(**exception),
            data.get("detail"),
            loop and Loop(**loop),
            data.get("cut"),
        )


@dataclass(frozen=True, slots=True)
class Stats:
    """What the trace cost."""

    events: int = 0
    tokens: int = 0
    """Tokens of the trace in the model's vocabulary, the prompt not counted."""
    forward_passes: int = 0
    seconds: float = 0.0
    """Wall time."""
    interventions: int = 0
    """How often the grammar ruled out the token that the model liked best. Not part of the JSON."""

    def to_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "tokens": self.tokens,
            "forward_passes": self.forward_passes,
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """The events of one call, in order."""

    function: str
    """Qualified name in its file: `f`, `Stack.push`, `outer.inner`."""
    call: str
    """The call as source: `f([1, 2], key=3)`."""
    path: str
    """The file, as the user named it."""
    origin: Origin
    source: str
    """The whole text of the file that the events' lines point into."""
    events: tuple[Event, ...]
    outcome: Outcome
    stats: Stats = Stats()
    reads: tuple[str, ...] = ()
    """Other files (absolute paths) that a prediction was made from: when one of them changes, it is stale."""
    runs: tuple[str, ...] = ()
    """When the runs were recorded (ISO 8601, UTC) that a prediction remembers values from."""

    def to_json(self) -> dict[str, Any]:
        """The trace as the command line's JSON has it (the source itself is left out)."""
        return {
            "function": self.function,
            "call": self.call,
            "path": self.path,
            "origin": self.origin,
            "events": [event.to_json() for event in self.events],
            "outcome": self.outcome.to_json(),
            "reads": list(self.reads),
            "runs": list(self.runs),
            "stats": self.stats.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str) -> Trace:
        """The inverse of `to_json`, given the file's text."""
        return cls(
            function=data["function"],
            call=data["call"],
            path=data["path"],
            origin=data["origin"],
            source=source,
            events=tuple(Event.from_json(event) for event in data["events"]),
            outcome=Outcome.from_json(data["outcome"]),
            stats=Stats(**data["stats"]),
            reads=tuple(data.get("reads") or ()),
            runs=tuple(data.get("runs") or ()),
        )
