"""What requests are answered: from what is known of a document, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lsprotocol import types as lsp

from cwm_lsp.lsp.documents import Document, Known
from cwm_lsp.lsp.marks import marks
from cwm_lsp.lsp.views import crashes as crashes_view
from cwm_lsp.lsp.views import diagnostics as diagnostics_view
from cwm_lsp.lsp.views import hints as hints_view
from cwm_lsp.lsp.views import hover as hover_view
from cwm_lsp.lsp.views import inline_values as inline_values_view
from cwm_lsp.lsp.views import lenses as lenses_view
from cwm_lsp.lsp.views.crashes import related_to
from cwm_lsp.lsp.views.hover import Link
from cwm_lsp.lsp.views.reading import Reading, Selection, Visit
from cwm_lsp.lsp.views.verdicts import summaries

if TYPE_CHECKING:
    from cwm_lsp.lsp.outline import Entry
    from cwm_lsp.lsp.session import Session


def inlay_hints(session: Session, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    """The hints of the lines that the editor shows."""
    document = _document(session, params)
    if document is None:
        return []
    return [
        hints_view.inlay_hint(hint, document.text, data)
        for data, hint in hints_of(session, document, range(params.range.start.line, params.range.end.line + 1))
    ]


def hints_of(session: Session, document: Document, lines: range) -> Iterator[tuple[dict[str, Any], hints_view.Hint]]:
    """The hints of some lines of a document, 0-based, each with the function whose call it tells of."""

    def about(known: Known, uri: str = document.uri, path: str | None = None) -> dict[str, Any]:
        return {"uri": uri, "function": known.entry.qualname, "path": path}

    settings = document.settings.hints
    if not settings.enable:
        return
    for known, where in document.shown():
        if known.reading is not None and not known.is_other_call:

            def visible(line: int, where: Callable[[int], int | None] = where) -> int | None:
                now = where(line)
                return now if now in lines else None

            for hint in hints_view.hints(known.reading, known.visits.values(), visible, settings):
                yield about(known), hint
    for other in elsewhere(session, document):

        def seen(line: int, where: Callable[[int], int | None] = other.where) -> int | None:
            now = where(line)
            return now if now in lines else None

        for hint in hints_view.hints(other.reading, other.visits.values(), seen, settings):
            yield about(other.known, other.uri, document.path), hint
    for mark in marks(session, document):
        if mark.line in lines:
            yield {**mark.data, "path": None}, hints_view.Hint(mark.line, (mark.part,), tooltip=mark.tooltip)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a call of a function in another file tells of a document."""

    uri: str
    """Of the other file."""
    known: Known
    reading: Reading
    where: Callable[[int], int | None]
    """1-based line of the trace → 0-based line of the document, if it is this call that is shown there."""

    @property
    def selection(self) -> Selection:
        return self.known.elsewhere.get(self.reading.trace.path, {})

    @property
    def visits(self) -> dict[int, Visit]:
        return self.reading.visits(self.selection)


def elsewhere(session: Session, document: Document) -> Iterator[Elsewhere]:
    """What calls of functions in other files tell of a document: in its functions that have nothing to show of their
    own, the latest call that has come there."""
    taken = set(document.owners())
    others = [(one, known) for one in session.documents.values() if one is not document for known in one.known.values()]
    for other, known in reversed(others):
        whole = known.reading.whole if known.reading is not None and not known.is_other_call else None
        reading = whole.elsewhere.get(document.path) if whole is not None else None
        if reading is None or reading.trace.source != document.text.whole:
            continue

        def where(line: int, taken: frozenset[int] = frozenset(taken)) -> int | None:
            span = document.anchor.span_at(line - 1)
            return line - 1 if span is not None and span.now.start not in taken else None

        yield Elsewhere(other.uri, known, reading, where)
        spans = (document.anchor.span_at(event.line - 1) for event in reading.trace.events)
        taken |= {span.now.start for span in spans if span is not None}


def resolve_inlay_hint(session: Session, hint: lsp.InlayHint) -> lsp.InlayHint:
    """The same hint with the whole of its values."""
    data: Any = hint.data
    document = session.documents.get(data["uri"])
    known = document.known.get(data.get("function")) if document is not None else None
    if known is not None and known.reading is not None and data["line"] is not None:
        markdown = session.client.reads_markdown
        whole, path = known.reading.whole, data.get("path")
        if path is not None and whole is not None and path in whole.elsewhere:
            other = Elsewhere(data["uri"], known, whole.elsewhere[path], lambda line: line)
            text = _hover(other.reading, other.visits, other.selection, data["line"], None, (), markdown=markdown)
        else:
            text = _hover(known.reading, known.visits, known.selection, data["line"], None, (), markdown=markdown)
        hint.tooltip = lsp.MarkupContent(lsp.MarkupKind.Markdown, text) if markdown else text
    return hint


def hover(session: Session, params: lsp.HoverParams) -> lsp.Hover | None:
    """The variables of a line."""
    document, client = _document(session, params), session.client
    if document is None or not document.settings.hover.enable:
        return None
    found = document.known_at(params.position.line)
    word = document.text.word_at(params.position)
    text, line, markdown = "", params.position.line + 1, client.reads_markdown
    if found is not None and found[0].reading is not None:
        known, line = found
        links = _links(session, document, known, line, params.position) if client.follows_links else []
        text = _hover(found[0].reading, known.visits, known.selection, line, word, links, markdown=markdown)
    elif other := next((one for one in elsewhere(session, document) if one.where(line) and line in one.visits), None):
        text = _hover(other.reading, other.visits, other.selection, line, word, (), markdown=markdown)
    if not text:
        return None
    kind = lsp.MarkupKind.Markdown if client.reads_markdown else lsp.MarkupKind.PlainText
    return lsp.Hover(lsp.MarkupContent(kind, text), document.text.range_of(params.position.line))


def diagnostics(session: Session, params: lsp.DocumentDiagnosticParams) -> lsp.RelatedFullDocumentDiagnosticReport:
    """Likely crashes and divergences, for clients that ask for them."""
    document = _document(session, params)
    return lsp.RelatedFullDocumentDiagnosticReport(diagnostics_of(session, document) if document else [])


def diagnostics_of(session: Session, document: Document) -> list[lsp.Diagnostic]:
    """Likely crashes and divergences of a whole document, those that a debug session has come upon included."""
    settings = document.settings
    result: list[lsp.Diagnostic] = []
    if settings.enable and settings.diagnostics.enable:
        for known in document.known.values():
            if known.reading is not None:
                # A crash is told where it is raised, also if that function has a prediction of its own to show.
                data = {"uri": document.uri, "function": known.entry.qualname}
                where = known.anchor.at
                result += diagnostics_view.diagnostics(
                    known.reading,
                    document.text,
                    where,
                    document.uri,
                    settings.diagnostics,
                    data,
                    tells_crash=known.call.origin != "defaults" and not _is_expected(known),
                )
        for mark in marks(session, document):
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
        for finding in session.debugging.findings(document):
            result.append(diagnostics_view.stopped(document.text, finding.line, finding.message, settings.diagnostics))
    return result


def _is_expected(known: Known) -> bool:
    """Whether a call is meant to raise what it raises."""
    expectation = known.entry.expected.get(known.call.expression)
    return expectation is not None and expectation.kind == "raises" and (known.verdict is None or known.verdict.holds)


def code_lenses(session: Session, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    """The call in use above each function, and what can be done with it."""
    document, client = _document(session, params), session.client
    if document is None or not document.settings.lenses.enable:
        return []
    commands = {"cwm.predict", "cwm.predictThenRun"}
    if client.can_choose:
        commands.add("cwm.selectCall")
    commands |= {
        name for name in (lenses_view.MORE, "cwm.changeCall", "cwm.predictThenDebug") if client.knows_command(name)
    }
    if not session.configuration.trusted:
        commands -= {"cwm.predictThenRun", "cwm.predictThenDebug"}

    def where(line: int) -> int | None:
        # A function that is being edited is where it was until the next outline, as far as there is such a line.
        now = document.anchor.at(line)
        return now if now is not None and now < len(document.text) else None

    owners, at_cursor = document.owners(), document.entry_at_cursor

    def shown(entry: Entry) -> Known | None:
        now = document.anchor.at(entry.first_line)
        known = owners.get(now) if now is not None else None
        return known if known is not None and known.reading is not None else None

    def has_lens(entry: Entry) -> bool:
        call = document.call_of(entry)
        is_found = (call is not None and call.is_own) or shown(entry) is not None
        show = document.settings.lenses.show
        return entry is at_cursor or show == "all" or (show == "found" and is_found)

    return lenses_view.lenses(
        filter(has_lens, document.entries),
        where,
        document.call_of,
        shown,
        commands,
        lambda entry: {"uri": document.uri, "function": entry.qualname},
        summaries(document.checked.tests.values()),
    )


def inline_values(session: Session, params: lsp.InlineValueParams) -> list[lsp.InlineValue]:
    """What is known of the function in which a debug session is stopped, and how the stop compares."""
    document = _document(session, params)
    stopped = params.context.stopped_location.end.line
    found = document and document.known_at(stopped)
    if document is None or not found or not document.settings.inline_values.enable:
        return []
    visits = [] if found[0].is_other_call else found[0].visits.values()
    result = inline_values_view.inline_values(
        visits, document.text, found[0].anchor.at, params.range, stopped, document.settings.hints
    )
    told = session.debugging.at(document.uri, stopped)
    if told is not None:
        result.append(lsp.InlineValueText(document.text.range_of(stopped), told))
    return result


class _AboutDocument(Protocol):
    @property
    def text_document(self) -> lsp.TextDocumentIdentifier: ...


def _document(session: Session, params: _AboutDocument) -> Document | None:
    """The open Python file that a request is about; None for all others, and where everything is switched off."""
    document = session.documents.get(params.text_document.uri)
    return document if document is not None and document.settings.enable else None


def _hover(
    reading: Reading,
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


def _links(session: Session, document: Document, known: Known, line: int, position: lsp.Position) -> list[Link]:
    target = {"uri": document.uri, "function": known.entry.qualname}
    here = {"uri": document.uri, "position": {"line": position.line, "character": position.character}}
    result = []
    if known.place_at(line) is not None:
        result += [Link("◀ previous", "cwm.previousIteration", here), Link("next ▶", "cwm.nextIteration", here)]
    result.append(Link("Predict", "cwm.predict", target))
    if session.configuration.trusted:
        result.append(Link("Run", "cwm.predictThenRun", target))
    return [*result, Link("Change call…", "cwm.changeCall", target), Link("Show trace", "cwm.showTrace", target)]
