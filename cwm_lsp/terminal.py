"""Consoles that show a text and never obey it: what comes from a program, its source or a model may hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, what turns the direction of text (https://trojansource.codes), and lone
surrogates, which cannot be written."""


def visible(text: str) -> str:
    r"""A text as a terminal may have it: what it would obey stands as its escape, `\x1b`."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)


def console(stderr: bool = False) -> Console:
    """Standard output or error; colours only where they are a terminal."""
    return _Console(stderr=stderr, highlight=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """The reader has seen enough: whoever prints goes on with that."""
        raise  # what rich handles as it calls this

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of text, made visible; those that rich itself means as controls stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
