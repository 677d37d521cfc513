"""Whether a call does what is expected of it where it is written: a mark there, and a diagnostic where it does not."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_lsp.lsp.views.hints import CRASH, Part
from cwm_lsp.lsp.views.reading import Reading
from cwm_lsp.lsp.views.shorten import shorten, shorten_call
from cwm_lsp.source.expectations import Expectation
from cwm_lsp.trace.facts import is_fact

_TICK = "✓"
_VALUE = 60
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has come of an expectation."""

    expectation: Expectation
    holds: bool
    mark: Part
    """For a hint."""
    message: str
    """For a diagnostic: both values."""


def verdict(reading: Reading, expectation: Expectation) -> Verdict | None:
    """What a trace tells of an expectation; None where that is a guess, or the reprs do not tell."""
    trace = reading.trace
    raised = trace.outcome.exception
    if not is_fact(trace) or (raised is None and trace.outcome.value is None):
        return None
    holds = expectation.holds(trace.outcome.value, (raised.type, raised.message) if raised else None)
    if holds is None:
        return None
    wanted = {"true": "something true", "false": "something false"}.get(expectation.kind, expectation.text)
    if raised is not None:
        found = f"raises {raised.type}: {raised.message}".removesuffix(": ")
    else:
        found = shorten(trace.outcome.value or "None", _VALUE, wanted)
    if expectation.kind == "raises":
        wanted = f"an exception, {wanted}"
    how = "the run gave" if trace.origin == "recorded" else "computed"
    message = (
        f"{how} {found}, expected {shorten(wanted, _VALUE, trace.outcome.value)} · {shorten_call(trace.call, _VALUE)}"
    )
    mark = Part(_TICK, "pass") if holds else Part(f"{CRASH} {found}", "fail")
    return Verdict(expectation, holds, mark, message)
