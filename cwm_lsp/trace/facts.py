"""How far a trace is fact: what was computed or recorded, with no guess before it that it could depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cwm_lsp.trace.events import Event, Outcome, Trace

NOT_ENTERED = "the call does not enter the function"
"""The detail of the outcome of a call that cannot be traced."""
NOT_IMPORTED = "the file cannot be imported"
"""How the detail of an outcome begins where the file fails before any call of it is made."""
MAY_NOT_FIT = "the arguments are made up, and may not fit"
"""The detail of an outcome that says nothing about the function."""


def facts(trace: Trace) -> int:
    """How many events, from the first on, are facts. After the first guess everything may depend on it."""
    if trace.origin == "recorded":
        return len(trace.events)
    return next((index for index, event in enumerate(trace.events) if _is_guess(event)), len(trace.events))


def is_fact(trace: Trace) -> bool:
    """Whether a trace is one from beginning to end, and tells how the call ends or that it never does."""
    return trace.outcome.kind in ("return", "exception", "endless") and facts(trace) == len(trace.events)


def sure_part(trace: Trace, sure: float) -> Trace:
    """A prediction up to the first event that depends on a guess less likely than `sure`: how it ends from there on is
    not known."""
    doubtful = (n for n, event in enumerate(trace.events) if event.confidence is not None and event.confidence < sure)
    end = next(doubtful, None)
    if end is None:
        return trace
    known = trace.outcome.kind not in ("return", "exception")
    outcome = trace.outcome if known else Outcome("truncated", detail="how the call ends is not known")
    return replace(trace, events=trace.events[:end], outcome=outcome)


def is_doubted(trace: Trace) -> bool:
    """Whether a call ends by the fault of its made-up arguments, as far as one can tell: that is no finding."""
    return trace.outcome.kind == "exception" and trace.outcome.detail == MAY_NOT_FIT


def is_remembered(trace: Trace) -> bool:
    """Whether a prediction tells how the call ends, without a guess, but not without what earlier runs saw."""
    is_guess = any(event.confidence is not None or "predicted" in event.provenance.values() for event in trace.events)
    return bool(trace.runs) and trace.outcome.kind in ("return", "exception", "endless") and not is_guess


def run_of(trace: Trace) -> str:
    """The latest run that a prediction remembers, for a person: `the run of 14:02`, with its date unless of today."""
    when = datetime.fromisoformat(trace.runs[0]).astimezone()
    is_today = when.date() == datetime.now().astimezone().date()
    return f"the run of {when:%H:%M}" if is_today else f"the run of {when:%Y-%m-%d %H:%M}"


def open_calls(events: Sequence[Event]) -> list[int]:
    """Indices of the `call` events whose scopes have not been left by the end, the outermost first."""
    opened: list[int] = []
    for index, event in enumerate(events):
        if event.kind == "call":
            del opened[event.depth :]
            opened.append(index)
        elif event.kind == "return":
            del opened[event.depth :]
    return opened


def _is_guess(event: Event) -> bool:
    return event.confidence is not None or not {"predicted", "remembered"}.isdisjoint(event.provenance.values())
