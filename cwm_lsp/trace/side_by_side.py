"""Two traces of a call, step by step beside each other: what a trace viewer draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cwm_lsp.trace.compare import align
from cwm_lsp.trace.effects import steps
from cwm_lsp.trace.events import Trace

_MOST = 20_000
"""Events of a trace that are drawn."""


def side_by_side(predicted: Trace | None, recorded: Trace | None, ending: Callable[[Trace], str]) -> dict[str, Any]:
    """Either trace with its events, its steps and how it ended, which `ending` tells; and which of their events belong
    together.

    `pairs` has the indices of events, predicted and recorded, in order; None where one side has no counterpart.
    """
    pairs = _pairs(predicted, recorded)
    return {
        "predicted": predicted and _side(predicted, ending),
        "recorded": recorded and _side(recorded, ending),
        "pairs": [pair for pair in pairs if all(index is None or index < _MOST for index in pair)],
    }


def _pairs(predicted: Trace | None, recorded: Trace | None) -> list[tuple[int | None, int | None]]:
    if predicted is not None and recorded is not None:
        return align(predicted, recorded)
    if predicted is not None:
        return [(index, None) for index in range(len(predicted.events))]
    return [(None, index) for index in range(len(recorded.events))] if recorded is not None else []


def _side(trace: Trace, ending: Callable[[Trace], str]) -> dict[str, Any]:
    events = len(trace.events)
    how = ending(trace)
    if events > _MOST:
        trace = replace(trace, events=trace.events[:_MOST])
        how = f"{how} (the first {_MOST:,} of {events:,} steps are shown)"
    told = [
        {
            "index": step.index,
            "iteration": step.iteration,
            "iterations": step.iterations,
            "produced": list(step.produced),
            "effect": step.effect,
            "end": step.end,
        }
        for step in steps(trace.events)
    ]
    return {**trace.to_json(), "steps": told, "ending": how}
