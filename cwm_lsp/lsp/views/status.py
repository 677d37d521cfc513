"""How far a call is known, in one line: for a status bar, and for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cwm_lsp.lsp.views.document import ending
from cwm_lsp.lsp.views.shorten import shorten_call
from cwm_lsp.trace.facts import facts, is_fact, is_remembered, run_of

if TYPE_CHECKING:
    from cwm_lsp.lsp.documents import KnownCall
    from cwm_lsp.lsp.outline import Entry
    from cwm_lsp.source.calls import Call
    from cwm_lsp.trace.events import Trace

_CALL = 60


def status(entry: Entry, call: Call | None, known: KnownCall | None) -> dict[str, Any]:
    """Of the function at hand: its name, the call that is shown, in a word how it is known, in a sentence why so."""
    answer = {"function": entry.qualname, "call": call.expression if call is not None else None}
    if known is None:
        why = "no call of it was found: give one" if call is None else "it has not been predicted yet"
        return {**answer, "state": "unknown", "detail": why}
    answer["call"] = known.call.expression
    if known.problem is not None or known.reading is None:
        return {**answer, "state": "unknown", "detail": known.problem or "nothing is known of it"}
    if known.partial:
        return {**answer, "state": "predicting", "detail": "it is being predicted"}
    state, detail = knowledge(known.reading.trace)
    return {**answer, "state": state, "detail": detail}


def knowledge(trace: Trace) -> tuple[str, str]:
    """How a trace is known: a word, and a sentence."""
    if trace.origin == "recorded":
        return "ran", ending(trace)
    if is_fact(trace):
        return "computed", ending(trace)
    if is_remembered(trace):
        return "remembered", f"as in {run_of(trace)}: {ending(trace)}"
    known = facts(trace)
    if trace.outcome.kind not in ("return", "exception"):
        return "partly", ending(trace)
    line = trace.events[known].line if known < len(trace.events) else 0
    return "guessed", f"guessed from line {line} on; {ending(trace)}" if known else f"guessed; {ending(trace)}"


def summary(trace: Trace, seconds: float) -> str:
    """`predicted f(1): 12 events, 75 % computed, 0.21 s: returns 3`."""
    count = len(trace.events)
    share = facts(trace) / count if count else 0.0
    call = shorten_call(trace.call, _CALL)
    return f"predicted {call}: {count} events, {share:.0%} computed, {seconds:.2f} s: {ending(trace)}".replace(
        "%", " %"
    )
