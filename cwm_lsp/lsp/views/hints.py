"""Hints: at the end of a line, the values that it produced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.changes import changes
from cwm_lsp.lsp.views.container import Container
from cwm_lsp.lsp.views.kinds import Kind
from cwm_lsp.lsp.views.reading import End, Place, ShownTrace, Value, Visit
from cwm_lsp.lsp.views.shorten import ELLIPSIS, share, shorten
from cwm_lsp.settings import Hints

PREDICTED, CERTAIN, DIFFERENT = "≈", "=", "≠"
"""A likely value; one that was computed or recorded; one where the run differed from what was likely."""
RECORDED, REMEMBERED, CRASH, END, TO = "●", "↺", "✗", "⋯", "→"
"""Before what a run has shown; what an earlier one saw; a certain exception; where a prediction ends; from a part's old
value to its new one."""
_SEPARATOR = ", "
_LEAST = 6
"""Characters below which a value is not worth a place on a line."""
_REASON = 90
"""Characters, at least, for where and why a prediction ends: it is said once."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a hint that has one colour."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Hint:
    """What stands at the end of a line of the document, 0-based."""

    line: int
    parts: tuple[Part, ...]
    of: int | None = None
    """The line of the trace that it is about."""
    tooltip: str | None = None
    """Where that is known without a trace."""

    @property
    def label(self) -> str:
        return "".join(part.text for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "parts": [{"text": part.text, "kind": part.kind} for part in self.parts]}


def hints(
    reading: ShownTrace, visits: Iterable[Visit], where: Callable[[int], int | None], settings: Hints
) -> Iterator[Hint]:
    """One hint for each line that produced something, and one where the prediction ends. `where` gives the 0-based line
    of the document that a line of the trace is now."""
    end = reading.end
    for visit in visits:
        line = where(visit.line)
        parts = parts_of(visit, settings) if line is not None else ()
        if end is not None and end.line == visit.line and not visit.is_call:
            parts, end = (*parts, *_end(end, settings, after=bool(parts))), None
        if line is not None and parts:
            yield Hint(line, parts, visit.line)
    if end is not None and (line := where(end.line)) is not None:
        yield Hint(line, _end(end, settings, after=False), end.line)


def inlay_hint(hint: Hint, text: Text, data: dict[str, Any]) -> lsp.InlayHint:
    """The hint as the protocol has it; `data` goes back and forth with it until it is resolved."""
    return lsp.InlayHint(
        position=text.end_of(hint.line),
        label=hint.label,
        padding_left=True,
        tooltip=hint.tooltip,
        data={**data, "line": hint.of},
    )


def label_of(visit: Visit, settings: Hints) -> str:
    """`total ≈ 6 · 3/9`; empty where there is nothing to say."""
    return "".join(part.text for part in parts_of(visit, settings))


def parts_of(visit: Visit, settings: Hints) -> tuple[Part, ...]:
    """The parts of a line's hint; none where there is nothing to say."""
    pieces = _once(
        [
            piece
            for value in visit.values
            if _is_shown(value, visit.watched, settings)
            for piece in _pieces(value, settings)
        ]
    )
    if not pieces:
        return ()
    suffix = "" if visit.place is None or visit.place.count < 2 else f" · {count_of(visit.place)}"
    is_run = all(piece.is_run for piece in pieces)
    prefix = f"{RECORDED} " if is_run else ""
    width = settings.max_length - len(suffix) - len(prefix)
    kept = len(pieces)
    while kept > 1 and _bare(pieces[:kept]) + _least(pieces[:kept]) + _omitted(len(pieces) - kept) > width:
        kept -= 1
    rest = len(pieces) - kept
    room = max(width - _bare(pieces[:kept]) - _omitted(rest), kept)
    shares = share([sum(map(len, piece.values)) for piece in pieces[:kept]], room)
    parts = [Part(prefix, "recorded")] if is_run else []
    for number, (piece, given) in enumerate(zip(pieces, shares, strict=False)):
        parts.append(Part((_SEPARATOR if number else "") + piece.fit(given), piece.kind))
    if rest:
        parts.append(Part(f"{_SEPARATOR}{ELLIPSIS}+{rest}", "count"))
    if suffix:
        parts.append(Part(suffix, "count"))
    return tuple(parts)


def count_of(place: Place) -> str:
    """`3/9`."""
    return f"{place.number}/{place.count}"


def glyph(value: Value) -> str:
    """What stands between a name and its value."""
    return {"predicted": PREDICTED, "remembered": REMEMBERED}.get(value.provenance, CERTAIN)


def percent(confidence: float) -> str:
    """`87 %`."""
    return f"{confidence:.0%}".replace("%", " %")


@dataclass(frozen=True, slots=True)
class _Piece:
    """One value, or one part of a value, before it is known how much room it gets."""

    head: str
    values: tuple[str, ...]
    """One, or two with `between` between them."""
    kind: Kind
    is_run: bool
    between: str = ""
    tail: str = ""
    other: str | None = None
    """What a single value is not, where that is known."""

    @property
    def bare(self) -> int:
        return len(self.head) + len(self.tail) + len(self.between) * (len(self.values) - 1)

    def fit(self, width: int) -> str:
        widths = share([len(value) for value in self.values], max(width, len(self.values)))
        against = (self.other,) if len(self.values) == 1 else self.values[::-1]
        fitted = (
            shorten(value, max(room, 1), other) for value, room, other in zip(self.values, widths, against, strict=True)
        )
        return self.head + self.between.join(fitted) + self.tail


def _pieces(value: Value, settings: Hints) -> Iterator[_Piece]:
    name = "" if value.name in ("return", "yield") else value.name
    kind: Kind = "recorded" if value.provenance == "recorded" else "computed"
    is_run = value.provenance == "recorded"
    if value.provenance == "predicted":
        kind = "guessed"
    elif value.provenance == "remembered":
        kind = "remembered"
    if value.predicted is not None:
        likely = REMEMBERED if value.was_remembered else PREDICTED
        head = f"{likely} raises " if name == "raise" else f"{name} {likely} ".lstrip()
        yield _Piece(head, (value.predicted, value.value), "different", is_run, f" {DIFFERENT} ")
    elif name == "raise":
        sure = kind not in ("guessed", "remembered")
        head = f"{CRASH if sure else glyph(value)} raises "
        yield _Piece(head, (value.value,), "crash" if sure else kind, is_run, "", _confidence(value, settings))
    else:
        tail = _confidence(value, settings)
        parts = changes(value.before, value.value) if value.is_mutated and value.before is not None else []
        for part in parts:
            if part.before is None or Container.of(part.after) is not None:
                head = f"{name}{part.path} {glyph(value)} "
                yield _Piece(head, (part.after,), kind, is_run, "", tail, part.before)
            else:
                likely = f"{glyph(value)} " if kind in ("guessed", "remembered") else ""
                both = (part.before, part.after)
                yield _Piece(f"{name}{part.path} {likely}", both, kind, is_run, f" {TO} ", tail)
        if not parts:
            head = f"{name} {glyph(value)} ".lstrip()
            other = value.before if value.is_mutated else None
            yield _Piece(head, (value.value,), kind, is_run, "", tail, other)


def _once(pieces: list[_Piece]) -> list[_Piece]:
    """The same part of the same object, changed under several names, under the shortest of them."""
    best: dict[tuple[str, tuple[str, ...]], _Piece] = {}
    for piece in pieces:
        if piece.between == f" {TO} ":
            key = re.split(r"[.\[]", piece.head)[-1], piece.values
            if key not in best or len(piece.head) < len(best[key].head):
                best[key] = piece
    return [piece for piece in pieces if piece.between != f" {TO} " or piece in best.values()]


def _is_wanted(name: str, watched: Sequence[str], settings: Hints) -> bool:
    """Whether the user wants to see a variable's values; what leaves the function everybody wants to see."""
    if name in ("return", "yield", "raise"):
        return True
    only = (*watched, *settings.only)
    return not (only and not _is_among(name, only)) and not _is_among(name, settings.hide)


def _is_among(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_shown(value: Value, watched: Sequence[str], settings: Hints) -> bool:
    if not value.is_pinned and not _is_wanted(value.name, watched, settings):
        return False
    if value.predicted is not None:
        return True
    if value.provenance == "unknown":
        return False
    if value.is_plumbing or value.is_echo or (value.is_opaque and value.name not in ("return", "raise")):
        return False
    unsure = value.confidence is not None and value.confidence < settings.min_confidence
    return not (unsure and value.provenance == "predicted")


def _confidence(value: Value, settings: Hints) -> str:
    if settings.show_confidence and value.confidence is not None and value.provenance == "predicted":
        return f" {percent(value.confidence)}"
    return ""


def _bare(pieces: Sequence[_Piece]) -> int:
    """What the pieces take without their values."""
    return len(_SEPARATOR) * (len(pieces) - 1) + sum(piece.bare for piece in pieces)


def _least(pieces: Sequence[_Piece]) -> int:
    """What their values take at least."""
    return sum(min(len(value), _LEAST) for piece in pieces for value in piece.values)


def _omitted(count: int) -> int:
    return len(f"{_SEPARATOR}{ELLIPSIS}+{count}") if count else 0


def _end(end: End, settings: Hints, *, after: bool) -> tuple[Part, ...]:
    """`⋯ known up to here: …`."""
    text = end.why if end.never else f"known up to here: {end.why}"
    room = max(settings.max_length, _REASON)
    if len(text) > room:
        text = text[: room - 1] + ELLIPSIS
    return (Part(f"{'  ' if after else ''}{END} {text}", "end"),)
