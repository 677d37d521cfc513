"""How an evaluation's steps go from one process to another: as plain values, many at once.

What comes from the process that evaluates is read by `marshal`: it makes no objects but plain ones, and writes a text
or a mapping that several events share only once.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import IO, Any

from cwm_lsp.evaluate.observed import Called, Comparison
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.trace.events import Event, Outcome

OUT_OF_MEMORY = 75
"""Exit status of the process that evaluates: there was no memory left even to tell so."""
_LENGTH = struct.Struct("<Q")
_event = attrgetter(*(one.name for one in fields(Event)))
_comparison = attrgetter(*(one.name for one in fields(Comparison)))
_question = attrgetter(*(one.name for one in fields(Question)))
_EVENT_IN_QUESTION = [one.name for one in fields(Question)].index("event")


def write(out: IO[bytes], message: Any) -> None:
    """Write one message of plain values."""
    data = marshal.dumps(message)
    out.write(_LENGTH.pack(len(data)) + data)
    out.flush()


def read(source: IO[bytes]) -> Any:
    """The next message.

    Raises:
        EOFError: there is none, or it is not whole.
    """
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = source.read(length)
    if len(data) < length:
        raise EOFError
    return marshal.loads(data)  # noqa: S302 # makes plain values only


def encoded(step: Event | Question) -> tuple[Any, ...]:
    """A step as plain values."""
    if isinstance(step, Event):
        return ("event", *map(_plain, _event(step)))
    values = list(map(_plain, _question(step)))
    event = values[_EVENT_IN_QUESTION]
    values[_EVENT_IN_QUESTION] = None if event is None else encoded(event)
    return ("question", *values)


def decoded(values: tuple[Any, ...]) -> Event | Question:
    """The inverse of `encoded`."""
    kind, *rest = values
    if kind == "event":
        return Event(*rest)
    event = rest[_EVENT_IN_QUESTION]
    rest[_EVENT_IN_QUESTION] = None if event is None else decoded(event)
    return Question(*rest)


def encoded_call(called: Called) -> tuple[Any, ...]:
    """What came of a call as plain values."""
    comparisons = tuple(map(_comparison, called.comparisons))
    outcome = called.outcome and called.outcome.to_json()
    return outcome, called.gave_up, called.exhausted, called.lines, comparisons, called.seconds


def decoded_call(values: tuple[Any, ...]) -> Called:
    """The inverse of `encoded_call`."""
    outcome, gave_up, exhausted, lines, comparisons, seconds = values
    told = tuple(Comparison(*one) for one in comparisons)
    return Called(outcome and Outcome.from_json(outcome), gave_up, exhausted, lines, told, seconds)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping) and type(value) is not dict:
        return dict(value)
    return value
