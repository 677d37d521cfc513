"""How far a trace is fact: what was computed or recorded, with no guess before it that it could depend on."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_lsp.trace.events import Event, Trace


def facts(trace: Trace) -> int:
    """How many events, from the first on, are facts. After the first guess everything may depend on it."""
    if trace.origin == "recorded":
        return len(trace.events)
    return next((index for index, event in enumerate(trace.events) if _is_guess(event)), len(trace.events))


def is_fact(trace: Trace) -> bool:
    """Whether a trace is one from beginning to end, and tells how the call ends or that it never does."""
    return trace.outcome.kind in ("return", "exception", "endless") and facts(trace) == len(trace.events)


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
    return event.confidence is not None or "predicted" in event.provenance.values()
