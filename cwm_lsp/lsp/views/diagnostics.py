"""Diagnostics: what is known to go wrong. What a model guesses is no problem of the code, and told elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.hints import percent
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shorten import shorten, shorten_call
from cwm_lsp.settings import Diagnostics
from cwm_lsp.trace.exceptions import exception_repr, unwinding
from cwm_lsp.trace.facts import is_doubted, is_fact

if TYPE_CHECKING:
    from cwm_lsp.trace.compare import Divergence
    from cwm_lsp.trace.events import Trace

SOURCE = "cwm-lsp"
_VALUE = 60
"""Characters of a value in a message."""
_CALL = 60
"""Characters of a call in a message, after the news."""
_MOST = 20
"""Divergences told of one run: the first ones, as the others mostly follow from them."""
SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "information": lsp.DiagnosticSeverity.Information,
    "hint": lsp.DiagnosticSeverity.Hint,
}
_Where = Callable[[int], int | None]
_Locate = Callable[[str | None, int], lsp.Location | None]
"""File, as events have it, and 1-based line of a trace → where that is now."""


@dataclass(frozen=True, slots=True)
class Told:
    """A trace, and one of the files that it steps into, whose diagnostics are wanted."""

    trace: Trace
    """The whole of it."""
    reading: ShownTrace
    """What it tells of the file."""
    path: str | None
    """The file, as events have it."""
    entry: int
    """Line of the function that was called."""

    @classmethod
    def of(cls, reading: ShownTrace, path: str | None = None) -> Told:
        """What is told of a call in its own file, or in the one of that `path`, into which it steps."""
        part = reading if path is None or reading.whole is None else reading.whole.elsewhere[path]
        return cls(reading.all[0], part, path, reading.entry)


def diagnostics(
    told: Told,
    text: Text,
    where: _Where,
    locate: _Locate,
    settings: Diagnostics,
    data: dict[str, Any],
    *,
    tells_crash: bool = True,
) -> list[lsp.Diagnostic]:
    """What is worth telling of a trace in one file. `where` gives the 0-based line of the document that a line of the
    trace is now; `data` is what code actions need to find the trace again. Without `tells_crash` a predicted crash is
    not told: nobody means to make that call, or it is meant to raise."""

    def at(line: int, code: str, message: str, related: Sequence[_Related] = ()) -> Iterator[lsp.Diagnostic]:
        now = where(line)
        if now is None:
            return
        links = [
            lsp.DiagnosticRelatedInformation(there, told)
            for path, line, told in related
            if (there := locate(path, line)) is not None
        ]
        severity = "hint" if code == _GUESSED else settings.severity
        yield lsp.Diagnostic(
            range=text.range_of(now),
            message=message,
            severity=SEVERITIES[severity],
            code=code,
            source=SOURCE,
            related_information=links or None,
            data=data,
        )

    rows = [*_crash(told, settings, tells_crash=tells_crash), *_endless(told, settings, tells_crash=tells_crash)]
    rows += [*_divergences(told.reading.divergences, told.path)]
    return [diagnostic for row in rows for diagnostic in at(*row)]


_Related = tuple[str | None, int, str]
"""File and line that have to do with something, and what they have to do with it."""
_Row = tuple[int, str, str, Sequence[_Related]]
"""Line, code, message, and what has to do with it."""
_GUESSED = "divergence-guess"


def _divergences(divergences: Sequence[Divergence], path: str | None) -> Iterator[_Row]:
    """What contradicts a computed value each by itself. Where guesses begin to differ one mark, with all that follows
    from there folded under it."""
    told: set[tuple[int, str, str | None]] = set()
    guessed: list[tuple[int, str]] = []
    for divergence in divergences:
        key = (divergence.line, divergence.kind, divergence.variable)
        if divergence.kind == "length" or key in told or len(told) == _MOST:
            continue
        told.add(key)
        message = message_of(divergence)
        if divergence.computed:
            yield divergence.line, f"divergence-{divergence.kind}", message, ()
        else:
            guessed.append((divergence.line, message))
    if guessed:
        (line, message), *rest = guessed
        more = f" (and {len(rest)} more that differ after it)" if rest else ""
        follows = [(path, line, message) for line, message in rest]
        yield line, _GUESSED, f"the guesses differ from here: {message}{more}", follows


def stopped(text: Text, line: int, message: str, settings: Diagnostics) -> lsp.Diagnostic:
    """A debug session stopped at the 0-based `line`, and that was not as predicted."""
    return lsp.Diagnostic(
        text.range_of(line), message, severity=SEVERITIES[settings.severity], code="divergence-live", source=SOURCE
    )


def refused(text: Text, line: int, message: str, settings: Diagnostics) -> lsp.Diagnostic:
    """What the 0-based `line` has keeps the file from being run."""
    return lsp.Diagnostic(
        text.range_of(line), message, severity=SEVERITIES[settings.severity], code="not-run", source=SOURCE
    )


def unexpected(
    text: Text,
    line: int,
    code: str,
    message: str,
    settings: Diagnostics,
    data: dict[str, Any],
    related: list[lsp.DiagnosticRelatedInformation],
) -> lsp.Diagnostic:
    """What is expected at the 0-based `line` is not what comes of it, or will likely not be."""
    severity = SEVERITIES[settings.severity]
    return lsp.Diagnostic(
        text.range_of(line), message, severity, code, source=SOURCE, related_information=related or None, data=data
    )


def message_of(divergence: Divergence) -> str:
    """One line that says what came and what was expected."""
    actual, predicted = (
        _short(one, other)
        for one, other in ((divergence.actual, divergence.predicted), (divergence.predicted, divergence.actual))
    )
    when = f" in iteration {divergence.iteration}" if divergence.iteration is not None else ""
    known = "computed" if divergence.computed else "guessed"
    match divergence.kind:
        case "value":
            if actual is None:
                return f"{divergence.variable} was {known} as {predicted}{when}, and was not there"
            if predicted is None:
                return f"{divergence.variable} was {actual}{when}, and had not been predicted"
            return f"{divergence.variable} was {actual}{when}, {known} {predicted}"
        case "return":
            return f"returned {actual}, {known} {predicted or 'something else'}"
        case "exception":
            return f"raised {actual or 'nothing'}{when}, {known} {predicted or 'no exception'}"
        case "control-flow":
            return f"the run went {_way(actual) or 'another way'}{when}, {known} {_way(predicted) or 'otherwise'}"
        case "length":
            return f"the run was {actual or 'longer'} here, predicted {predicted or 'otherwise'}"


def _way(where: str | None) -> str | None:
    return f"to {where}" if where is not None and where.startswith("line ") else where


def _short(value: str | None, other: str | None) -> str | None:
    return None if value is None else shorten(exception_repr(value), _VALUE, other and exception_repr(other))


def _crash(told: Told, settings: Diagnostics, *, tells_crash: bool) -> Iterator[_Row]:
    """The exception that leaves the call, where it is raised, with the calls that led there; in the call's own file
    also the line that it comes to, where it is raised in another."""
    trace = told.trace
    if trace.outcome.kind != "exception" or trace.outcome.exception is None or is_doubted(trace):
        return
    chain = unwinding(trace.events)
    message = f"{trace.outcome.exception.type}: {trace.outcome.exception.message}".removesuffix(": ")
    call = shorten_call(trace.call, _CALL)
    entered = (None, told.entry, f"in {call}")
    if not chain:
        line = trace.outcome.exception.line
        if trace.outcome.cut is not None and line is not None and tells_crash and is_fact(trace) and told.path is None:
            yield line, "computed-exception", f"raises {message} · in {call}", [entered]
        return
    at = next((index for index, event in enumerate(chain) if event.path == told.path), None)
    if at is None or (at and told.path is not None):
        return
    links = [(event.path, event.line, f"raised in {event.function}") for event in chain[: min(at, 1)]]
    links += [
        (event.path, event.line, f"called from {event.function}") for event in chain[1:] if event is not chain[at]
    ]
    links.append(entered)
    if trace.origin == "recorded":
        if not any(divergence.kind == "exception" for divergence in told.reading.divergences if divergence.computed):
            yield chain[at].line, "exception", f"raises {message} · in {call}", links
    elif not tells_crash:
        return
    elif is_fact(trace):
        yield chain[at].line, "computed-exception", f"raises {message} · in {call}", links
    elif settings.guesses:
        confidence = chain[0].confidences.get("value", chain[0].confidence)
        if confidence is None or confidence >= settings.min_confidence:
            sure = "" if confidence is None else f" ({percent(confidence)})"
            yield chain[at].line, "likely-exception", f"likely raises {message}{sure} · in {call}", links


def _endless(told: Told, settings: Diagnostics, *, tells_crash: bool) -> Iterator[_Row]:
    """The loop that the call never leaves; in the call's own file also the line that leads into one of another."""
    trace, loop = told.trace, told.trace.outcome.loop
    if loop is None or not tells_crash or not (settings.guesses or is_fact(trace)):
        return
    call = shorten_call(trace.call, _CALL)
    likely = "" if is_fact(trace) else "likely "
    entered = (None, told.entry, f"in {call}")
    if loop.path == told.path:
        yield loop.line, "endless-loop", f"{likely}{loop} · in {call}", [entered]
    elif told.path is None and told.reading.end is not None:
        yield (
            told.reading.end.line,
            "endless-loop",
            f"{likely}{loop} · in {call}",
            [(loop.path, loop.line, "here"), entered],
        )
