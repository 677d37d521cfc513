"""The marks of a document: what comes of the tests, examples and assertions that are written in it, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.views.hints import Part
from cwm_lsp.lsp.views.verdicts import Verdict, of_tests

if TYPE_CHECKING:
    from cwm_lsp.lsp.checked import Step
    from cwm_lsp.lsp.state import State


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands at a 0-based line."""

    line: int
    part: Part
    data: dict[str, Any]
    """What it is about, for those who ask more."""
    tooltip: str | None = None
    code: str = "expectation"
    message: str | None = None
    """For a diagnostic, where what is expected does not come."""
    steps: Sequence[Step] = ()
    is_run: bool = False


def marks(state: State, document: Document) -> list[Mark]:
    """All marks of a document. At one line that of a test that was run, else of the call at hand, else of a test."""
    tests = list(_of_tests(document))
    found = {mark.line: mark for mark in tests}
    found |= {mark.line: mark for mark in _of_calls(state, document)}
    found |= {mark.line: mark for mark in tests if mark.is_run}
    return [found[line] for line in sorted(found)]


def _of_tests(document: Document) -> Iterator[Mark]:
    for mark in of_tests(document.checked.tests.values()):
        test = mark.test
        data = {"uri": document.uri, "function": None, "test": test.verdict.test}
        is_run = test.verdict.predicted is not None
        yield Mark(mark.line, mark.part, data, mark.tooltip, "test", mark.message, mark.steps, is_run)


def _of_calls(state: State, document: Document) -> Iterator[Mark]:
    for known, found, line in _verdicts(state, document):
        raises = known.reading is not None and known.reading.trace.outcome.kind == "exception"
        message = found.message if not found.holds and not raises else None
        about = {"uri": document.uri, "function": known.entry.qualname}
        yield Mark(line, found.mark, about, message=message)


def _verdicts(state: State, document: Document) -> Iterator[tuple[KnownCall, Verdict, int]]:
    """What has come of the calls at hand that are written in a document, and the 0-based lines where they are."""
    for about in state.documents.values():
        for known in about.known.values():
            found = known.verdict if known.call.path == document.path else None
            if found is None:
                continue
            line = found.expectation.line
            at = (
                document.written_at(known, line)
                if about is document
                else document.line_that_names(known.entry.name, line)
            )
            if at is not None:
                yield known, found, at
