"""How a call ended, read off its events."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome
from cwm_lsp.trace.exceptions import described


def outcome_of(events: Sequence[Event]) -> Outcome:
    """The outcome of a trace whose last event leaves the traced call: by a value, or by the exception before it."""
    last = events[-1]
    raised = events[-2] if len(events) > 1 else last
    if raised.kind != "exception" or raised.depth != last.depth or last.value != "None":
        return Outcome("return", value=last.value)
    name, message = described(raised.value or "")
    if name.startswith("StopI") and not message:  # it ended a loop, which ended the function
        return Outcome("return", value=last.value)
    return Outcome("exception", exception=ExceptionInfo(name, message, _raised_at(events)))


def _raised_at(events: Sequence[Event]) -> int:
    """Line of the first of the `exception` events that report the same exception on its way out."""
    line, value = events[-2].line, events[-2].value
    for event in reversed(events):
        if event.kind == "exception" and event.value == value:
            line = event.line
        elif event.kind != "return" or event.value != "None":
            break
    return line
