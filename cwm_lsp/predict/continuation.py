"""What a server is told so that it writes a trace on by itself: where the call stands, and what is to come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cwm_lsp.predict.foresight import Foreseen
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Known
from cwm_lsp.predict.states import NO_ARGUMENTS, Arguments, Receiver
from cwm_lsp.trace.events import NOTHING, Event

FIELD = "cwm_lsp"
"""The extra argument of a request that holds a continuation."""

SIGN = "cwm-lsp 1"
"""What a server says stopped it where it wrote as it was told. The number changes with what is told."""

Until = Literal["kind", "frame", "end"]


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where a prediction stands, and how far it is to go."""

    source: str
    """The program, wrapper included."""
    frames: Sequence[Event]
    """All before the one being written, the first of which is given."""
    value_tokens: int
    """As of the grammar."""
    arguments: Arguments = NO_ARGUMENTS
    """Of the first frame's call."""
    begun: Sequence[int] = ()
    """Tokens of the frame being written."""
    known: Known = NOTHING_KNOWN
    """Of the frame being written."""
    until: Until = "end"
    """What is complete when it is done: the kind of the frame being written, the frame, or the traced call."""
    most: int = 1
    """Frames to write at most, where it is to go to the end."""
    tokens: int = 512
    """To write at most; a request may end earlier, and another go on from there."""
    entries: Sequence[tuple[int, str]] = ()
    """Line and name of what enters the traced call; the first is expected wherever the wrapper has made its call."""
    base: int | None = None
    """The depth of the traced call among the frames, once it has been entered."""
    foreseen: Sequence[Foreseen] = ()
    """Events that should come, from the one being written on, as deep as frames are."""

    def to_json(self) -> str:
        """As one text, without what may differ between two processes of the same versions."""
        given, known = self.arguments, self.known
        return json.dumps(
            {
                "source": self.source,
                "frames": [_row(event) for event in self.frames],
                "value_tokens": self.value_tokens,
                "arguments": [given.line, dict(given.given), list(given.receivers.items()), given.wrapper],
                "begun": list(self.begun),
                "known": None
                if known is NOTHING_KNOWN
                else [known.kind, known.lines and sorted(known.lines), known.function, known.names, dict(known.values)],
                "until": self.until,
                "most": self.most,
                "entries": list(self.entries),
                "base": self.base,
                "foreseen": [
                    [*_row(event), [name for name, text in event.locals.items() if before.get(name) == text]]
                    for event, before in self.foreseen
                ],
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Continuation:
        """The inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is none.
        """
        told = json.loads(text)
        line, given, receivers, wrapper = told["arguments"]
        return cls(
            told["source"],
            [_event(row) for row in told["frames"]],
            told["value_tokens"],
            Arguments(line, given, {first: Receiver(*one) for first, one in receivers}, wrapper),
            told["begun"],
            NOTHING_KNOWN if told["known"] is None else _known(*told["known"]),
            told["until"],
            told["most"],
            entries=[(line, name) for line, name in told["entries"]],
            base=told["base"],
            foreseen=[
                Foreseen(event := _event(row), {name: event.locals[name] for name in same})
                for *row, same in told["foreseen"]
            ],
        )


def _row(event: Event) -> list[Any]:
    return [event.kind, event.line, event.depth, event.function, dict(event.locals), event.value]


def _event(row: Sequence[Any]) -> Event:
    kind, line, depth, function, values, value = row
    return Event(kind, line, depth, function, values or NOTHING, value)


def _known(kind: Any, lines: Any, function: Any, names: Any, values: Any) -> Known:
    return Known(
        kind,
        None if lines is None else frozenset(lines),
        function,
        None if names is None else tuple(names),
        values,
    )
