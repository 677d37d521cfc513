"""A document's text under edits, in the line and position terms of the protocol.

pygls has such a class, but it splits lines as `str.splitlines` does (a form feed, legal in Python files, would start a
new line for the server and not for the editor) and rebuilds the whole text at every keystroke.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lsprotocol import types as lsp

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


@dataclass(frozen=True, slots=True)
class Edit:
    """What one change did to the lines, 0-based: `first` to `last` (included) became `count` lines.

    Lines that stayed as they are at either side are left out, so `last` is `first - 1` where lines were only inserted.
    """

    first: int
    last: int
    count: int

    @property
    def delta(self) -> int:
        """By how many lines all that follows has moved."""
        return self.count - (self.last - self.first + 1)

    @property
    def changes_nothing(self) -> bool:
        return self.count == 0 and self.last < self.first


class Text:
    """The text of one open document.

    A line ends with `\\n`, `\\r\\n` or `\\r`, nothing else. Positions out of range are clipped, as the protocol says.
    """

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self._lines = _split(text)
        self._encoding = encoding

    def __len__(self) -> int:
        """Lines, of which there is always one."""
        return len(self._lines)

    @property
    def whole(self) -> str:
        """The text with all line ends as `\\n`, which is how Python and traces count lines."""
        return "".join(self._lines).replace("\r\n", "\n").replace("\r", "\n")

    def line(self, number: int) -> str:
        """A line, 0-based, without its end; empty where there is none."""
        return self._lines[number].rstrip("\r\n") if 0 <= number < len(self._lines) else ""

    def apply(self, change: lsp.TextDocumentContentChangeEvent) -> Edit:
        """Apply one change of a `didChange` notification."""
        if isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
            return self._replace(0, len(self._lines) - 1, _split(change.text))
        first, start = self._locate(change.range.start)
        last, end = self._locate(change.range.end)
        joined = self._lines[first][:start] + change.text + self._lines[last][end:]
        if first and joined.startswith("\n") and self._lines[first - 1].endswith("\r"):
            first -= 1  # the two are one line end now
            joined = self._lines[first] + joined
        replaced = _split(joined)
        if last + 1 < len(self._lines):
            replaced.pop()  # the empty line behind the last line's end, in whose place the next line stands
        return self._replace(first, last, replaced)

    def end_of(self, number: int) -> lsp.Position:
        """The position behind the last character of a 0-based line that is not blank."""
        return lsp.Position(number, self.units(self.line(number).rstrip()))

    def range_of(self, number: int) -> lsp.Range:
        """The 0-based line's code, without indentation and trailing blanks."""
        line = self.line(number)
        start = len(line) - len(line.lstrip())
        return lsp.Range(lsp.Position(number, self.units(line[:start])), self.end_of(number))

    def word_at(self, position: lsp.Position) -> str | None:
        """The identifier under a position."""
        number, character = self._locate(position)
        for match in re.finditer(r"[^\W\d]\w*", self.line(number)):
            if match.start() <= character <= match.end():
                return match.group()
        return None

    def units(self, text: str) -> int:
        """A text's length in the units that were agreed on with the client."""
        return len(text) if text.isascii() else len(self._encode(text)) // _UNIT_BYTES[self._encoding]

    def _replace(self, first: int, last: int, new: list[str]) -> Edit:
        old = self._lines[first : last + 1]
        self._lines[first : last + 1] = new
        most = min(len(old), len(new))
        head = next((index for index in range(most) if old[index] != new[index]), most)
        most -= head
        tail = next((index for index in range(most) if old[-1 - index] != new[-1 - index]), most)
        return Edit(first + head, last - tail, len(new) - head - tail)

    def _locate(self, position: lsp.Position) -> tuple[int, int]:
        """Line and index in it, clipped to the text and to whole characters."""
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        line = self.line(position.line)
        if line.isascii():
            return position.line, min(position.character, len(line))
        cut = self._encode(line)[: position.character * _UNIT_BYTES[self._encoding]]
        return position.line, len(cut.decode(_CODECS[self._encoding], "ignore"))

    def _encode(self, text: str) -> bytes:
        return text.encode(_CODECS[self._encoding], "surrogatepass")


def _split(text: str) -> list[str]:
    """Lines with their ends; a last one, perhaps empty, that has none."""
    lines = _LINE.findall(text)
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines
