"""The lines that a call passes by: branches not taken."""

from __future__ import annotations

from cwm_lsp.source.flow import Flow
from cwm_lsp.trace.events import Trace


def unreached(trace: Trace) -> list[int]:
    """1-based lines that never run, of the functions that the trace enters. None of a trace that was cut off, as it may
    have reached them yet."""
    if trace.outcome.kind not in ("return", "exception"):
        return []
    flow = Flow.of(trace.source)
    entered = {(event.line, event.function) for event in trace.events if event.kind == "call"}
    lines = {
        line
        for first, name in entered
        for scope in flow.starting_at(first)
        if scope.name == name
        for line in scope.lines
    }
    return sorted(lines - {event.line for event in trace.events})
