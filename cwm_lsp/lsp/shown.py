"""What is shown of the calls that are known in a document: those of its own functions, and those of functions in other
files that step into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cwm_lsp.lsp.anchor import TrackedSpans
from cwm_lsp.lsp.documents import Document, KnownCall
from cwm_lsp.lsp.views.reading import Place, Selection, ShownTrace, Visit

Documents = Mapping[str, Document]
"""The open ones, by URI."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a call tells of a document."""

    uri: str
    """Of the document with the function that was called."""
    known: KnownCall
    path: str | None
    """The file that this tells of, where it is another one."""
    reading: ShownTrace
    anchor: TrackedSpans
    owners: Mapping[int, KnownCall]

    def where(self, line: int) -> int | None:
        """The 0-based line of the document that a 1-based line of the reading is now, if it is this call that is shown
        there."""
        span = self.anchor.span_of(line)
        return line - 1 + span.delta if span is not None and self.owners.get(span.now.start) is self.known else None

    def back(self, line: int) -> int | None:
        """The 1-based line of the reading that is now the 0-based `line`, if it is this call that is shown there."""
        original = self.anchor.back(line)
        return original if original is not None and self.where(original) == line else None

    @property
    def selection(self) -> Selection:
        return self.known.selection_in(self.path)

    @property
    def visits(self) -> Mapping[int, Visit]:
        return self.known.visits_in(self.path)

    def place_at(self, line: int) -> Place | None:
        """The innermost loop, or else the call, around a line of the reading that there is more than one iteration
        of."""
        return next((place for place in self.reading.path_of(self.selection, line) if place.count > 1), None)


def shown(documents: Documents, document: Document) -> Iterator[Shown]:
    """All that is shown in a document. A line belongs to one of them at most (see `Shown.where`)."""
    owned = owners(documents, document)
    for known in document.known.values():
        if known.reading is not None:
            yield Shown(document.uri, known, None, known.reading, known.anchor, owned)
    for uri, known, reading in _from_elsewhere(documents, document):
        yield Shown(uri, known, document.path, reading, document.anchor, owned)


def shown_at(documents: Documents, document: Document, line: int) -> tuple[Shown, int] | None:
    """What is shown at a 0-based line, and the line of its reading that this is."""
    for one in shown(documents, document):
        original = one.back(line)
        if original is not None:
            return one, original
    return None


def owners(documents: Documents, document: Document) -> dict[int, KnownCall]:
    """By the 0-based line where a function is now, what is shown in it: of several calls that come to it the one that
    was asked about it, else the latest of its own file, else of another. What is made up gives way to all of them."""
    found: dict[int, KnownCall] = {}
    own = document.known.values()
    for known in own:
        if known.is_made_up:
            found |= {span.now.start: known for span in known.anchor.spans}
    for _, known, reading in _from_elsewhere(documents, document):
        for line in {event.line for event in reading.trace.events}:
            span = document.anchor.span_of(line)
            if span is not None:
                found[span.now.start] = known
    for known in own:
        if not known.is_made_up:
            found |= {span.now.start: known for span in known.anchor.spans}
    for known in own:
        start = known.anchor.at(known.entry.first_line)
        if start is not None and not known.is_made_up:
            found[start] = known
    return found


def _from_elsewhere(documents: Documents, document: Document) -> Iterator[tuple[str, KnownCall, ShownTrace]]:
    """The calls of functions in other files that step into a document, and what they tell of its text as it is."""
    for other in documents.values():
        for known in other.known.values() if other is not document else ():
            reading = known.reading_in(document.path)
            if reading is not None and not known.is_other_call and reading.trace.source == document.text.whole:
                yield other.uri, known, reading
