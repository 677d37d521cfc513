"""Lenses: the call in use above each function, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.views.shorten import shorten
from cwm_lsp.source.calls import Call
from cwm_lsp.target import described

_CALL = 60
"""Characters of a call in a lens."""


def lenses(
    entries: Iterable[Entry],
    where: Callable[[int], int | None],
    in_use: Callable[[Entry], Call | None],
    commands: Collection[str],
    argument: Callable[[Entry], dict[str, Any]],
) -> list[lsp.CodeLens]:
    """The lenses of a document, those left out whose command is not one of `commands`: what can be carried out."""
    result = []
    for entry in entries:
        line = where(entry.def_line)
        if line is None or not entry.is_callable:
            continue
        # One after the other: Neovim sorts those of a line by their columns, in no order where these are the same.
        for column, (title, command) in enumerate(_commands(in_use(entry))):
            if command in commands:
                spot = lsp.Position(line, column)
                what = lsp.Command(title, command, arguments=[argument(entry)])
                result.append(lsp.CodeLens(lsp.Range(spot, spot), what))
    return result


def title_of(call: Call) -> str:
    """`f([1, 2]) · from its doctest`."""
    return f"{shorten(call.expression, _CALL)} · {described(call.origin)}"


def _commands(call: Call | None) -> Iterator[tuple[str, str]]:
    if call is not None:
        yield title_of(call), "cwm.selectCall"
        yield "Predict", "cwm.predict"
        yield "Predict then run", "cwm.predictThenRun"
        yield "Predict then debug", "cwm.predictThenDebug"
    yield "Change call…" if call else "Give a call…", "cwm.changeCall"
