"""Diagnostics: likely crashes and, after a run, where it left its prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.hints import percent
from cwm_lsp.lsp.views.reading import Reading
from cwm_lsp.lsp.views.shorten import shorten
from cwm_lsp.settings import Diagnostics
from cwm_lsp.trace.events import Event
from cwm_lsp.trace.exceptions import exception_repr

if TYPE_CHECKING:
    from cwm_lsp.trace.compare import Divergence

SOURCE = "cwm-lsp"
_VALUE = 60
"""Characters of a value in a message."""
_MOST = 20
"""Divergences told of one run: the first ones, as the others mostly follow from them."""
_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "information": lsp.DiagnosticSeverity.Information,
    "hint": lsp.DiagnosticSeverity.Hint,
}


def diagnostics(
    reading: Reading,
    text: Text,
    where: Callable[[int], int | None],
    uri: str,
    settings: Diagnostics,
    data: dict[str, Any],
) -> list[lsp.Diagnostic]:
    """What is worth telling of a trace. `where` gives the 0-based line of the document that a line of the trace is
    now; `data` is what code actions need to find the trace again."""

    def at(
        line: int, code: str, message: str, related: list[lsp.DiagnosticRelatedInformation]
    ) -> lsp.Diagnostic | None:
        now = where(line)
        if now is None:
            return None
        return lsp.Diagnostic(
            range=text.range_of(now),
            message=message,
            severity=_SEVERITIES[settings.severity],
            code=code,
            source=SOURCE,
            related_information=related or None,
            data=data,
        )

    def related(line: int, message: str) -> Iterator[lsp.DiagnosticRelatedInformation]:
        now = where(line)
        if now is not None:
            yield lsp.DiagnosticRelatedInformation(lsp.Location(uri, text.range_of(now)), message)

    found = [at(*row) for row in _crash(reading, settings, related)]
    told: set[tuple[int, str, str | None]] = set()
    for divergence in reading.divergences:
        key = (divergence.line, divergence.kind, divergence.variable)
        if key not in told and len(told) < _MOST:
            told.add(key)
            found.append(at(divergence.line, f"divergence-{divergence.kind}", message_of(divergence), []))
    return [diagnostic for diagnostic in found if diagnostic is not None]


def stopped(text: Text, line: int, message: str, settings: Diagnostics) -> lsp.Diagnostic:
    """A debug session stopped at the 0-based `line`, and that was not as predicted."""
    return lsp.Diagnostic(
        text.range_of(line), message, severity=_SEVERITIES[settings.severity], code="divergence-live", source=SOURCE
    )


def message_of(divergence: Divergence) -> str:
    """One line that says what was expected and what came."""
    predicted = _short(divergence.predicted)
    actual = _short(divergence.actual)
    when = f" in iteration {divergence.iteration}" if divergence.iteration is not None else ""
    match divergence.kind:
        case "value":
            if actual is None:
                return f"{divergence.variable} was predicted as {predicted}{when}, and was not there"
            if predicted is None:
                return f"{divergence.variable} was {actual}{when}, and had not been predicted"
            return f"{divergence.variable} was {actual}{when}, predicted {predicted}"
        case "return":
            return f"returned {actual}, predicted {predicted or 'something else'}"
        case "exception":
            return f"raised {actual or 'nothing'}{when}, predicted {predicted or 'no exception'}"
        case "control-flow":
            return f"the run went {actual or 'another way'}{when}, predicted {predicted or 'otherwise'}"
        case "length":
            return f"the run was {actual or 'longer'} here, predicted {predicted or 'otherwise'}"


def _short(value: str | None) -> str | None:
    return None if value is None else shorten(exception_repr(value), _VALUE)


def _crash(
    reading: Reading, settings: Diagnostics, related: Callable[[int, str], Iterator[lsp.DiagnosticRelatedInformation]]
) -> Iterator[tuple[int, str, str, list[lsp.DiagnosticRelatedInformation]]]:
    """The exception that leaves the call, where it is raised, with the calls that led there."""
    trace = reading.trace
    if trace.outcome.kind != "exception" or trace.outcome.exception is None:
        return
    chain = _unwinding(trace.events)
    if not chain:
        return
    raised, *callers = chain
    told = f"{trace.outcome.exception.type}: {trace.outcome.exception.message}".removesuffix(": ")
    links = [link for event in callers for link in related(event.line, f"called from {event.function}")]
    links += list(related(reading.entry, f"in {trace.call}"))
    if trace.origin == "recorded":
        if not any(divergence.kind == "exception" for divergence in reading.divergences):
            yield raised.line, "exception", f"raised {told}", links
        return
    confidence = raised.confidences.get("value", raised.confidence)
    certain = raised.provenance.get("value") == "computed"
    if certain or confidence is None or confidence >= settings.min_confidence:
        sure = "" if certain or confidence is None else f" ({percent(confidence)})"
        yield raised.line, "likely-exception", f"{trace.call} likely raises {told}{sure}", links


def _unwinding(events: tuple[Event, ...]) -> list[Event]:
    """The `exception` events of the exception that ends a trace: where it is raised first, then its callers."""
    chain: list[Event] = []
    for event in reversed(events):
        if event.kind == "exception" and (not chain or event.depth == chain[-1].depth + 1):
            chain.append(event)
        elif event.kind != "return":
            break
    return chain[::-1]
