"""What requests are answered: from what is known of a document, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from lsprotocol import types as lsp
from pygls.uris import from_fs_path

from cwm_lsp.lsp import problems
from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.handshake import COMMANDS, RUNNING
from cwm_lsp.lsp.marks import marks
from cwm_lsp.lsp.shown import Shown, owners, shown, shown_at
from cwm_lsp.lsp.views import crashes as crashes_view
from cwm_lsp.lsp.views import diagnostics as diagnostics_view
from cwm_lsp.lsp.views import hints as hints_view
from cwm_lsp.lsp.views import hover as hover_view
from cwm_lsp.lsp.views import inline_values as inline_values_view
from cwm_lsp.lsp.views import lenses as lenses_view
from cwm_lsp.lsp.views.crashes import related_to
from cwm_lsp.lsp.views.hover import Link
from cwm_lsp.lsp.views.reading import Selection, ShownTrace, Visit
from cwm_lsp.lsp.views.verdicts import summaries

if TYPE_CHECKING:
    from cwm_lsp.lsp.outline import Entry
    from cwm_lsp.lsp.state import State


def inlay_hints(state: State, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    """The hints of the lines that the editor shows."""
    document = _document(state, params)
    if document is None:
        return []
    return [
        hints_view.inlay_hint(hint, document.text, data)
        for data, hint in hints_of(state, document, range(params.range.start.line, params.range.end.line + 1))
    ]


def hints_of(state: State, document: Document, lines: range) -> Iterator[tuple[dict[str, Any], hints_view.Hint]]:
    """The hints of some lines of a document, 0-based, each with the function whose call it tells of."""

    settings = document.settings.hints
    if not settings.enable:
        return
    for one in shown(state.documents, document):
        if one.known.is_other_call:
            continue

        def visible(line: int, where: Callable[[int], int | None] = one.where) -> int | None:
            now = where(line)
            return now if now in lines else None

        about = {"uri": one.uri, "function": one.known.entry.qualname, "path": one.path}
        for hint in hints_view.hints(one.reading, one.visits.values(), visible, settings):
            yield about, hint
    for mark in marks(state, document):
        if mark.line in lines:
            yield {**mark.data, "path": None}, hints_view.Hint(mark.line, (mark.part,), tooltip=mark.tooltip)


def resolve_inlay_hint(state: State, hint: lsp.InlayHint) -> lsp.InlayHint:
    """The same hint with the whole of its values."""
    data: Any = hint.data
    document = state.documents.get(data["uri"])
    known = document.known.get(data.get("function")) if document is not None else None
    path = data.get("path")
    reading = known.reading_in(path) if known is not None else None
    if known is not None and reading is not None and data["line"] is not None:
        markdown = state.client.reads_markdown
        selection, visits = known.selection_in(path), known.visits_in(path)
        text = _hover(reading, visits, selection, data["line"], None, (), markdown=markdown)
        hint.tooltip = lsp.MarkupContent(lsp.MarkupKind.Markdown, text) if markdown else text
    return hint


def hover(state: State, params: lsp.HoverParams) -> lsp.Hover | None:
    """The variables of a line."""
    document, client = _document(state, params), state.client
    if document is None or not document.settings.hover.enable:
        return None
    found = shown_at(state.documents, document, params.position.line)
    text = ""
    if found is not None:
        one, line = found
        links = _links(state, document, one, line, params.position) if client.follows_links else []
        word = document.text.word_at(params.position)
        text = _hover(one.reading, one.visits, one.selection, line, word, links, markdown=client.reads_markdown)
    if not text:
        return None
    kind = lsp.MarkupKind.Markdown if client.reads_markdown else lsp.MarkupKind.PlainText
    return lsp.Hover(lsp.MarkupContent(kind, text), document.text.range_of(params.position.line))


def diagnostics(state: State, params: lsp.DocumentDiagnosticParams) -> lsp.RelatedFullDocumentDiagnosticReport:
    """Likely crashes and divergences, for clients that ask for them."""
    document = _document(state, params)
    return lsp.RelatedFullDocumentDiagnosticReport(diagnostics_of(state, document) if document else [])


def diagnostics_of(state: State, document: Document) -> list[lsp.Diagnostic]:
    """Likely crashes and divergences of a whole document, those that a debug session has come upon included."""
    settings = document.settings
    result: list[lsp.Diagnostic] = []
    if settings.enable and settings.diagnostics.enable:
        result += list(_of_calls(state, document))
        for mark in marks(state, document):
            if mark.message is not None:
                related = related_to(document, mark.steps)
                result.append(
                    diagnostics_view.unexpected(
                        document.text, mark.line, mark.code, mark.message, settings.diagnostics, mark.data, related
                    )
                )
        result += crashes_view.diagnostics(document)
        if document.refused is not None and document.refused[0] == document.revision:
            _, line, message = document.refused
            result.append(diagnostics_view.refused(document.text, line, message, settings.diagnostics))
        for finding in state.debugging.findings(document):
            result.append(diagnostics_view.stopped(document.text, finding.line, finding.message, settings.diagnostics))
    if state.client.links_codes:
        for diagnostic in result:
            diagnostic.code_description = problems.description(str(diagnostic.code))
    return result


def _of_calls(state: State, document: Document) -> Iterator[lsp.Diagnostic]:
    """What is told of the calls that are known, also of those of other files' functions that step into a document.

    A crash is told where it is raised, also if that function has a call of its own to show.
    """
    for other in state.documents.values():
        path = None if other is document else document.path
        for known in other.known.values():
            reading = known.reading_in(path)
            if known.reading is None or reading is None or (path and reading.trace.source != document.text.whole):
                continue

            def locate(
                path: str | None, line: int, other: Document = other, known: KnownCall = known
            ) -> lsp.Location | None:
                if path is None:
                    now = known.anchor.at(line)
                    return None if now is None else lsp.Location(other.uri, other.text.range_of(now))
                spot = lsp.Position(line - 1, 0)
                return lsp.Location(from_fs_path(path) or path, lsp.Range(spot, spot))

            yield from diagnostics_view.diagnostics(
                diagnostics_view.Told.of(known.reading, path),
                document.text,
                known.anchor.at if path is None else lambda line: line - 1,
                locate,
                document.settings.diagnostics,
                {"uri": other.uri, "function": known.entry.qualname},
                tells_crash=known.call.origin != "defaults" and not _is_expected(known),
            )


def _is_expected(known: KnownCall) -> bool:
    """Whether a call is meant to raise what it raises."""
    expectation = known.entry.expected.get(known.call.expression)
    return expectation is not None and expectation.kind == "raises" and (known.verdict is None or known.verdict.holds)


def code_lenses(state: State, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    """The call in use above each function, and what can be done with it."""
    document, client = _document(state, params), state.client
    if document is None or not document.settings.lenses.enable:
        return []

    def can(command: str) -> bool:
        if command in RUNNING and not state.configuration.trusted:
            return False
        if command == "cwm.selectCall":
            return client.can_choose
        return command in COMMANDS or client.knows_command(command)

    def where(line: int) -> int | None:
        # A function that is being edited is where it was until the next outline, as far as there is such a line.
        now = document.anchor.at(line)
        return now if now is not None and now < len(document.text) else None

    owned, at_cursor = owners(state.documents, document), document.entry_at_cursor
    own = {id(known) for known in document.known.values()}

    def shows(entry: Entry) -> lenses_view.Shows | None:
        now = document.anchor.at(entry.first_line)
        known = owned.get(now) if now is not None else None
        if known is None or known.reading is None:
            return None
        return lenses_view.Shows(known, None if id(known) in own else PurePath(known.reading.trace.path).name)

    def has_lens(entry: Entry) -> bool:
        call = document.call_of(entry)
        is_found = (call is not None and call.is_own) or shows(entry) is not None
        show = document.settings.lenses.show
        return entry is at_cursor or show == "all" or (show == "found" and is_found)

    return lenses_view.lenses(
        filter(has_lens, document.entries),
        where,
        document.call_of,
        shows,
        can,
        lambda entry: {"uri": document.uri, "function": entry.qualname},
        datetime.now(timezone.utc),
        summaries(document.checked.tests.values()),
    )


def inline_values(state: State, params: lsp.InlineValueParams) -> list[lsp.InlineValue]:
    """What is known of the function in which a debug session is stopped, and how the stop compares."""
    document = _document(state, params)
    stopped = params.context.stopped_location.end.line
    found = document and shown_at(state.documents, document, stopped)
    if document is None or not found or not document.settings.inline_values.enable:
        return []
    one, _ = found
    visits = [] if one.known.is_other_call else one.visits.values()
    result = inline_values_view.inline_values(
        visits, document.text, one.anchor.at, params.range, stopped, document.settings.hints
    )
    told = state.debugging.at(document.uri, stopped)
    if told is not None:
        result.append(lsp.InlineValueText(document.text.range_of(stopped), told))
    return result


class _AboutDocument(Protocol):
    @property
    def text_document(self) -> lsp.TextDocumentIdentifier: ...


def _document(state: State, params: _AboutDocument) -> Document | None:
    """The open Python file that a request is about; None for all others, and where everything is switched off."""
    document = state.documents.get(params.text_document.uri)
    return document if document is not None and document.settings.enable else None


def _hover(
    reading: ShownTrace,
    visits: Mapping[int, Visit],
    selection: Selection,
    line: int,
    word: str | None,
    links: Sequence[Link],
    *,
    markdown: bool,
) -> str:
    visit = visits.get(line)
    if visit is None:
        return hover_view.bare(reading, line, links, markdown=markdown)
    path = reading.path_of(selection, line)
    return hover_view.hover(reading, visit, path, word, links, markdown=markdown)


def _links(state: State, document: Document, one: Shown, line: int, position: lsp.Position) -> list[Link]:
    target = {"uri": one.uri, "function": one.known.entry.qualname}
    here = {"uri": document.uri, "position": {"line": position.line, "character": position.character}}
    result = []
    if one.place_at(line) is not None:
        result += [Link("◀ previous", "cwm.previousIteration", here), Link("next ▶", "cwm.nextIteration", here)]
    result.append(Link("Predict", "cwm.predict", target))
    if state.configuration.trusted:
        result.append(Link("Run", "cwm.predictThenRun", target))
    return [*result, Link("Change call…", "cwm.changeCall", target), Link("Show trace", "cwm.showTrace", target)]
