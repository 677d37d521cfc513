"""Inline values: what is known of the lines up to the one where a debug session is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.hints import label_of
from cwm_lsp.lsp.views.reading import Visit
from cwm_lsp.settings import Hints


def inline_values(
    visits: Iterable[Visit],
    text: Text,
    where: Callable[[int], int | None],
    shown: lsp.Range,
    stopped: int,
    settings: Hints,
) -> list[lsp.InlineValue]:
    """The values of the lines above the 0-based line `stopped`, which has not run yet, as far as `shown` reaches."""
    result: list[lsp.InlineValue] = []
    for visit in visits:
        line = where(visit.line)
        label = label_of(visit, settings)
        if line is not None and label and shown.start.line <= line <= shown.end.line and line < stopped:
            result.append(lsp.InlineValueText(text.range_of(line), label))
    return result
