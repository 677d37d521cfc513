"""Calls that crash a function, as diagnostics: one for each line and kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from cwm_lsp.lsp.views.diagnostics import SEVERITIES, SOURCE
from cwm_lsp.search.crash import NEVER_ENDS

if TYPE_CHECKING:
    from cwm_lsp.lsp.checked import Crashing, Step
    from cwm_lsp.lsp.documents import Document

CODE = "crash"


def diagnostics(document: Document) -> list[lsp.Diagnostic]:
    """Those of a document. What a run has shown is told louder than what was computed, and that louder than what hangs
    on a guess at what a parameter is meant to be. What the call at hand raises is told already."""
    told = {
        (known.anchor.at(known.reading.trace.outcome.exception.line), known.reading.trace.outcome.exception.type)
        for known in document.known.values()
        if known.reading is not None
        and known.reading.trace.outcome.exception is not None
        and known.reading.trace.outcome.exception.line is not None
    }
    return [
        lsp.Diagnostic(
            document.text.range_of(one.line),
            message_of(one),
            SEVERITIES[_severity(one, document.settings.diagnostics.severity)],
            CODE,
            source=SOURCE,
            related_information=related_to(document, one.steps, one.anchor.at) or None,
            data={"uri": document.uri, "function": one.crash.function, "call": one.crash.call},
        )
        for one in document.checked.crashes
        if one.key not in told
    ]


def message_of(one: Crashing) -> str:
    """`Likely IndexError when called as f([]): list index out of range`."""
    if one.confirmed:
        return str(one.crash)
    return str(one.crash) if one.crash.type == NEVER_ENDS else f"Likely {one.crash}"


def _severity(one: Crashing, usual: str) -> str:
    if one.confirmed:
        return usual if usual == "error" else "warning"
    return usual if one.crash.vouched else "hint"


def related_to(
    document: Document, steps: Sequence[Step], where: Callable[[int], int | None] = lambda line: line - 1
) -> list[lsp.DiagnosticRelatedInformation]:
    """The steps on the way to something. `where` gives the 0-based lines where those in the document are now."""
    result = []
    for step in steps:
        line = step.line - 1 if step.uri is not None else where(step.line)
        if line is None:
            continue
        if step.uri is None:
            place = lsp.Location(document.uri, document.text.range_of(line))
        else:
            spot = lsp.Position(line, 0)
            place = lsp.Location(step.uri, lsp.Range(spot, spot))
        result.append(lsp.DiagnosticRelatedInformation(place, step.told))
    return result
