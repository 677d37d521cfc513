"""Lenses: the call that is shown above each function, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.documents import KnownCall
from cwm_lsp.lsp.outline import Entry
from cwm_lsp.lsp.views.hints import END
from cwm_lsp.lsp.views.shorten import shorten_call
from cwm_lsp.source.calls import ORIGINS, Call

_CALL = 40
"""Characters of a call in a lens."""
_TITLE = 100
"""The same where the user chooses among calls."""
MORE = "cwm.more"
"""The command of a client that offers all that can be done with a function."""


@dataclass(frozen=True, slots=True)
class Shows:
    """The call whose values stand beside a function's lines."""

    known: KnownCall
    file: str | None
    """The name of the file of the function that was called, where it is another one."""


def lenses(
    entries: Iterable[Entry],
    where: Callable[[int], int | None],
    in_use: Callable[[Entry], Call | None],
    shown: Callable[[Entry], Shows | None],
    can: Callable[[str], bool],
    argument: Callable[[Entry], dict[str, Any]],
    now: datetime,
    summaries: Mapping[str, str] = {},
) -> list[lsp.CodeLens]:
    """The lenses of some functions, but for those whose command cannot be carried out, which `can` tells. `shown` gives
    the call whose values stand beside a function's lines, `summaries` what has come of doctests, by function."""
    result = []
    for entry in entries:
        line = where(entry.def_line)
        if line is None or not entry.is_callable:
            continue
        call = in_use(entry)
        # One after the other: Neovim sorts those of a line by their columns, in no order where these are the same.
        choices = list(_commands(_title(entry, call, shown(entry), now), call, can))
        if entry.qualname in summaries:
            choices.append((summaries[entry.qualname], "cwm.verdicts"))
        for column, (title, command) in enumerate(choices):
            spot = lsp.Position(line, column)
            what = lsp.Command(title, command, arguments=[argument(entry)])
            result.append(lsp.CodeLens(lsp.Range(spot, spot), what))
    return result


def title_of(call: Call) -> str:
    """`f([1, 2]) · from its doctest`."""
    return f"{shorten_call(call.expression, _TITLE)} · {ORIGINS[call.origin].words}"


def _title(entry: Entry, call: Call | None, shows: Shows | None, now: datetime) -> str:
    """`f([1, 2]) · doctest · run 3 min ago · as now`: the call whose values are shown, else the one that would be."""
    known = shows.known if shows is not None else None
    if shows is not None and shows.file is not None:
        return f"as called in {shorten_call(shows.known.call.expression, _CALL)} · {shows.file}"
    if known is not None and known.entry.qualname != entry.qualname:
        return f"as called in {shorten_call(known.call.expression, _CALL)}"
    if known is not None:
        call = known.call
    if call is None:
        return ""
    if call.indirect:
        return f"as called in {shorten_call(call.expression, _CALL)}"
    title = f"{shorten_call(call.expression, _CALL)} · {ORIGINS[call.origin].short}{_run(entry, call, known, now)}"
    end = known.reading.end if known is not None and known.reading is not None and not known.partial else None
    if end is None:
        return title
    return f"{title} {END} {'never ends' if end.never else f'known to line {end.line}'}"


def _run(entry: Entry, call: Call, known: KnownCall | None, now: datetime) -> str:
    """` · run 3 min ago · as now`, where the call has been run."""
    ran = entry.runs.get(call.expression)
    if known is not None and known.ran is not None:
        when, is_as_now = known.ran, True  # else nothing of it would be known any more
    elif ran is not None:
        when, is_as_now = datetime.fromisoformat(ran.when), ran.is_as_now
    else:
        return ""
    return f" · run {ago((now - when).total_seconds())} · {'as now' if is_as_now else 'code changed'}"


def ago(seconds: float) -> str:
    """`3 min ago`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def _commands(title: str, call: Call | None, can: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    choices = [(title, "cwm.selectCall")] if title else []
    if call is not None and can(MORE):
        choices += [("Run", "cwm.predictThenRun"), ("More…", MORE)]
    elif call is not None:
        choices += [("Predict", "cwm.predict"), ("Predict then run", "cwm.predictThenRun")]
        choices += [("Predict then debug", "cwm.predictThenDebug"), ("Change call…", "cwm.changeCall")]
    else:
        choices.append(("Give a call…", "cwm.changeCall"))
    for choice in choices:
        if can(choice[1]):
            yield choice
