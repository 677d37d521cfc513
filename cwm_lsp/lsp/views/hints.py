"""Inlay hints: at the end of a line, the values that it produced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.reading import Place, Value, Visit
from cwm_lsp.lsp.views.shorten import ELLIPSIS, share, shorten
from cwm_lsp.settings import Hints

PREDICTED, CERTAIN, DIFFERENT = "≈", "=", "≠"
"""A likely value; one that was computed or recorded; one where the run differed from what was likely."""
_SEPARATOR = ", "
_LEAST = 6
"""Characters below which a value is not worth a place on a line."""


def hints(
    visits: Iterable[Visit],
    text: Text,
    where: Callable[[int], int | None],
    settings: Hints,
    data: dict[str, Any],
) -> list[lsp.InlayHint]:
    """One hint for each line that produced something. `where` gives the 0-based line of the document that a line of the
    trace is now, `data` goes back and forth with the hint until it is resolved."""
    result = []
    for visit in visits:
        line = where(visit.line)
        label = label_of(visit, settings)
        if line is not None and label:
            result.append(
                lsp.InlayHint(
                    position=text.end_of(line),
                    label=label,
                    padding_left=True,
                    data={**data, "line": visit.line},
                )
            )
    return result


def label_of(visit: Visit, settings: Hints) -> str:
    """`total ≈ 6 · 3/9`; empty where there is nothing to say."""
    values = [value for value in visit.values if _is_shown(value, settings)]
    if not values:
        return ""
    suffix = "" if visit.place is None or visit.place.count < 2 else f" · {count_of(visit.place)}"
    width = settings.max_length - len(suffix)
    kept = len(values)
    while kept > 1 and _bare(values[:kept]) + _LEAST * kept + _omitted(len(values) - kept) > width:
        kept -= 1
    rest = len(values) - kept
    room = width - _bare(values[:kept]) - _omitted(rest)
    shares = share([_room(value) for value in values[:kept]], max(room, kept))
    parts = [_value(value, given, settings) for value, given in zip(values[:kept], shares, strict=True)]
    if rest:
        parts.append(f"{ELLIPSIS}+{rest}")
    return _SEPARATOR.join(parts) + suffix


def count_of(place: Place) -> str:
    """`3/9`."""
    return f"{place.number}/{place.count}"


def glyph(value: Value) -> str:
    """What stands between a name and its value."""
    return PREDICTED if value.provenance == "predicted" else CERTAIN


def percent(confidence: float) -> str:
    """`87 %`."""
    return f"{confidence:.0%}".replace("%", " %")


def _is_shown(value: Value, settings: Hints) -> bool:
    if value.is_plumbing or (value.is_opaque and value.predicted is None and value.name not in ("return", "raise")):
        return False
    unsure = value.confidence is not None and value.confidence < settings.min_confidence
    return not (unsure and value.provenance == "predicted")


def _name(value: Value) -> str:
    if value.name in ("return", "yield"):
        return ""
    return "raises" if value.name == "raise" else value.name


def _confidence(value: Value, settings: Hints) -> str:
    if settings.show_confidence and value.confidence is not None and value.provenance == "predicted":
        return f" {percent(value.confidence)}"
    return ""


def _bare(values: Sequence[Value]) -> int:
    """What the values take without their reprs."""
    between = len(_SEPARATOR) * (len(values) - 1)
    return between + sum(len(_name(value)) + 3 + (3 if value.predicted is not None else 0) for value in values)


def _omitted(count: int) -> int:
    return len(f"{_SEPARATOR}{ELLIPSIS}+{count}") if count else 0


def _room(value: Value) -> int:
    return len(value.value) + len(value.predicted or "")


def _value(value: Value, width: int, settings: Hints) -> str:
    if value.predicted is not None:
        expected, actual = share([len(value.predicted), len(value.value)], max(width, 2))
        likely = shorten(value.predicted, max(expected, 1))
        shown = f"{PREDICTED} {likely} {DIFFERENT} {shorten(value.value, max(actual, 1))}"
    else:
        shown = f"{glyph(value)} {shorten(value.value, max(width, 1))}"
    name = _name(value)
    if value.name == "raise":
        head, _, rest = shown.partition(" ")
        shown, name = f"{head} {name} {rest}", ""
    return f"{name} {shown}".lstrip() + _confidence(value, settings)
