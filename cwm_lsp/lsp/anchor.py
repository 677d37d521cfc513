"""Where lines of an earlier text are now, after edits; and whether what they say still holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cwm_lsp.lsp.text import Edit


@dataclass(slots=True)
class Span:
    """The lines of one function, 1-based and included, as they were; and how far they have moved since."""

    first: int
    last: int
    delta: int = 0
    alive: bool = True
    """No edit has touched it."""

    @property
    def now(self) -> range:
        """The lines where it is now, 0-based."""
        return range(self.first - 1 + self.delta, self.last + self.delta)


class TrackedSpans:
    """Functions of a text, followed through the edits after it.

    An edit inside a function ends its life; one elsewhere only moves it.
    """

    def __init__(self, extents: Iterable[tuple[int, int]]) -> None:
        """`extents`: first and last line of each function, 1-based."""
        self._spans = sorted((Span(first, last) for first, last in extents), key=lambda span: span.last - span.first)

    @property
    def alive(self) -> bool:
        """Nothing of it has been touched."""
        return all(span.alive for span in self._spans)

    @property
    def spans(self) -> list[Span]:
        """Inner functions before those around them."""
        return self._spans

    def follow(self, edit: Edit) -> None:
        """Take note of an edit, in the order in which they are made."""
        if edit.changes_nothing:
            return
        for span in self._spans:
            if edit.last < span.first - 1 + span.delta:
                span.delta += edit.delta
            elif edit.first < span.last + span.delta:
                span.alive = False

    def span_of(self, line: int) -> Span | None:
        """The innermost function that was around a 1-based line of the earlier text."""
        return next((span for span in self._spans if span.first <= line <= span.last), None)

    def span_at(self, line: int) -> Span | None:
        """The innermost function that is now around a 0-based line."""
        return next((span for span in self._spans if line in span.now), None)

    def at(self, line: int) -> int | None:
        """The 0-based line where a 1-based line of the earlier text is now; None outside all functions."""
        span = self.span_of(line)
        return None if span is None else line - 1 + span.delta

    def back(self, line: int) -> int | None:
        """The 1-based line of the earlier text that is now the 0-based `line`; None outside all functions."""
        span = self.span_at(line)
        return None if span is None else line + 1 - span.delta

    def around(self, lines: Iterable[int]) -> TrackedSpans:
        """The functions that were around some 1-based lines of the earlier text, to be followed by themselves."""
        chosen = {id(span) for line in set(lines) if (span := self.span_of(line)) is not None}
        part = TrackedSpans(())
        part._spans = [replace(span) for span in self._spans if id(span) in chosen]
        return part
