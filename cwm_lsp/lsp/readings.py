"""What the worker tells of a trace → the readings that the views draw from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cwm_lsp.lsp.views.reading import ShownTrace, Whole
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.trace.compare import Divergence
from cwm_lsp.trace.events import Outcome, Trace
from cwm_lsp.trace.scopes import within_file


def read(answer: Mapping[str, Any], source: str) -> ShownTrace:
    """The reading of a trace in a file with that text. The `trace` of the answer may step into others."""
    trace = Trace.from_json(answer["trace"], source)
    divergences = [Divergence(**divergence) for divergence in answer.get("divergences", ())]
    own, indices = within_file(trace)
    if own is trace:
        return _drawn(trace, answer, divergences)
    elsewhere = {}
    for other in answer["others"]:
        path, text = other["path"], other["source"]
        part, theirs = within_file(trace, path)
        ends_here = path == (trace.outcome.loop.path if trace.outcome.loop is not None else trace.events[-1].path)
        part = replace(
            part, function="", path=path, source=text, outcome=trace.outcome if ends_here else Outcome("return")
        )
        elsewhere[path] = _drawn(part, other, _at(divergences, path, {index: at for at, index in enumerate(theirs)}))
    mine = _at(divergences, None, {index: at for at, index in enumerate(indices)})
    return replace(_drawn(own, answer, mine), whole=Whole(trace, tuple(divergences), indices, elsewhere))


def with_trace(reading: ShownTrace, trace: Trace) -> ShownTrace:
    """The same of a trace whose lines have moved."""
    whole = reading.whole and replace(reading.whole, trace=trace)
    return replace(reading, trace=within_file(trace)[0], whole=whole)


def _drawn(trace: Trace, told: Mapping[str, Any], divergences: list[Divergence]) -> ShownTrace:
    reading = ShownTrace.of(trace, Shape.from_json(told["shape"]), divergences)
    return replace(reading, unreached=tuple(told["unreached"]))


def _at(divergences: list[Divergence], path: str | None, places: Mapping[int, int]) -> list[Divergence]:
    """Those in one file, by the indices that its events have alone."""
    return [replace(one, event_index=places[one.event_index]) for one in divergences if one.path == path]
