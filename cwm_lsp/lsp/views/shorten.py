"""Values made short by their structure: `[1, 2, … 98 more]`, not `[1, 2, 3, 4, 5, 6, 7, 8, 9, 1`.

Where a value is shown because it differs from another one, what differs is what stays. Brackets and quotes are closed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cwm_lsp.lsp.views.container import PAIRS, SCANNED, TOKEN, Container, split_entry
from cwm_lsp.lsp.views.tables import Table
from cwm_lsp.source.prepared import lines_of_call

ELLIPSIS = "…"
_BEFORE_CALL = f"{ELLIPSIS}; "
_BREAK = re.compile(r"\s*\n\s*")
_BEFORE = 3
"""Characters left before the first one that differs, where those before them are cut."""


def shorten(value: str, width: int, other: str | None = None) -> str:
    """A repr in at most `width` characters (at least 1), on one line. What it has unlike `other` is not cut out."""
    if len(value) <= width and "\n" not in value:
        return value
    if width <= 1:
        return ELLIPSIS
    table = Table.of(value) if len(value) <= SCANNED else None
    if table is not None:
        return _table(table, width, Table.of(other) if other is not None else None)
    value = _BREAK.sub(" ", value)
    if len(value) <= width:
        return value
    if len(value) > SCANNED:
        return value[: width - 1] + ELLIPSIS
    if value[:1] in "'\"" or value[:2] in ("b'", 'b"'):
        return _quoted(value, width, other)
    container = Container.of(value)
    if container is None:
        return _plain(value, width, other)
    return _container(container, width, Container.of(other) if other is not None else None)


def apart(one: str, other: str, width: int) -> tuple[str, str]:
    """Two values made short beside each other, so that one sees how they differ: as they are quoted, where else they
    would look alike (as by the blanks at the ends of their lines)."""
    shown = shorten(one, width, other), shorten(other, width, one)
    if shown[0] != shown[1] or one == other:
        return shown
    return shorten(repr(one), width, repr(other)), shorten(repr(other), width, repr(one))


def shorten_call(call: str, width: int) -> str:
    """A call on one line of at most `width` characters: `SortedList(…).update([3, 1, 2])`. Statements that prepare it
    are shown where there is room for all of them."""
    *before, call = lines_of_call(call)
    if before:
        whole = "; ".join([*before, call])
        rest = width - len(_BEFORE_CALL)
        return whole if len(whole) <= width else f"{_BEFORE_CALL}{shorten_call(call, rest)}" if rest > 0 else ELLIPSIS
    pieces = _top_level(call)
    groups = [index for index, piece in enumerate(pieces) if piece[:1] in PAIRS and len(piece) > 2]
    if len(call) <= width or not groups:
        return shorten(call, width)
    *earlier, last = groups
    for index in earlier:
        if sum(map(len, pieces)) > width:
            pieces[index] = pieces[index][0] + ELLIPSIS + pieces[index][-1]
    room = width - sum(map(len, pieces)) + len(pieces[last])
    if room >= len("(…)"):
        pieces[last] = shorten(pieces[last], room)
    text = "".join(pieces)
    return text if len(text) <= width else text[: width - 1] + ELLIPSIS


def share(lengths: Sequence[int], width: int) -> list[int]:
    """How many of `width` characters each of several texts gets: short ones what they need, the rest in equal parts."""
    result = [0] * len(lengths)
    for done, index in enumerate(sorted(range(len(lengths)), key=lambda index: lengths[index])):
        result[index] = min(lengths[index], width // (len(lengths) - done))
        width -= result[index]
    return result


def _table(table: Table, width: int, other: Table | None) -> str:
    """`float64 (2, 3) [[1., 2., 3.], … 1 more]`."""
    room = width - len(table.head) - 1
    if room < len("[…]"):
        return _plain(table.head, width, None)
    return f"{table.head} {shorten(table.body, room, other.body if other is not None else None)}"


def _top_level(text: str) -> list[str]:
    """A text cut into what is in brackets and what is between them."""
    pieces: list[str] = [""]
    depth = 0
    for match in TOKEN.finditer(text):
        piece = match.group()
        if piece in PAIRS:
            depth += 1
            if depth == 1:
                pieces.append("")
        pieces[-1] += piece
        if piece in PAIRS.values():
            depth -= 1
            if depth == 0:
                pieces.append("")
    return pieces


def _quoted(value: str, width: int, other: str | None) -> str:
    """`'abc…'`: the quotes stay, so that it still reads as a string."""
    if width < 4:
        return value[: width - 1] + ELLIPSIS
    quote, end = value[: value.index(value[-1]) + 1], value[-1]
    return quote + _plain(value[len(quote) : -1], width - len(quote) - 1, other and other[len(quote) : -1]) + end


def _plain(text: str, width: int, other: str | None) -> str:
    """A text without structure: its beginning, unless it differs only after that."""
    if len(text) <= width:
        return text
    pairs = zip(text, other or "", strict=False)
    same = next((index for index, (one, theirs) in enumerate(pairs) if one != theirs), min(len(text), len(other or "")))
    if same < width - 1 or width < 4:
        return text[: width - 1] + ELLIPSIS
    start = max(0, min(same - _BEFORE, len(text) - width + 1))
    end = start + width - 1
    return ELLIPSIS + (text[start:] if end >= len(text) else text[start : end - 1] + ELLIPSIS)


def _container(container: Container, width: int, other: Container | None) -> str:
    prefix, items, close = container.prefix, container.items, container.close
    room = width - len(prefix) - len(close)
    focus = 0 if other is None or other.prefix != prefix else _first_difference(items, other.items)
    counterpart = other.items[focus] if other is not None and focus < len(other.items) else None
    inner = _window(items, 0, focus, room, counterpart) or _window(items, focus, focus, room, counterpart)
    if inner is not None:
        return prefix + inner + close
    bare = prefix + ELLIPSIS + close
    if len(bare) <= width:
        return bare
    name = prefix[:-1]
    return name[: width - 1] + ELLIPSIS


def _first_difference(items: Sequence[str], others: Sequence[str]) -> int:
    """Which item has to be seen; where only some are gone from the end, the last one."""
    for index, item in enumerate(items):
        if index >= len(others) or item != others[index]:
            return index
    return max(len(items) - 1, 0)


def _window(items: Sequence[str], start: int, focus: int, room: int, counterpart: str | None) -> str | None:
    """As many items as there is room for, from `start` on, `focus` being one of them; None where it cannot be."""
    shown: list[str] = [_more(start)] if start else []
    taken = start
    for index in range(start, len(items)):
        rest = len(items) - index - 1
        left = room - sum(len(done) + 2 for done in shown) - (len(_more(rest)) + 2 if rest else 0)
        item = items[index]
        if len(item) > left:
            # One item may be shortened, if that leaves something of it to see.
            if left >= 6 and (index == start or item[:1] in "[({'\""):
                shown.append(_entry(item, left, counterpart if index == focus else None))
                taken = index + 1
            break
        shown.append(item)
        taken = index + 1
    if taken <= focus:
        return None
    if taken < len(items):
        shown.append(_more(len(items) - taken))
    text = ", ".join(shown)
    return text if len(text) <= room else None


def _more(count: int) -> str:
    return f"{ELLIPSIS} {count} more"


def _entry(item: str, width: int, other: str | None) -> str:
    """An item of a container; of a dictionary's entry or a named one it is the value that gives way."""
    for split in (split_entry, _split_named):
        key, mark, value = split(item)
        if mark and width - len(key) - len(mark) >= 3:
            theirs = split(other) if other is not None else None
            against = theirs[2] if theirs is not None and theirs[0] == key else None
            return f"{key}{mark}{shorten(value, width - len(key) - len(mark), against)}"
    return shorten(item, width, other)


def _split_named(item: str) -> tuple[str, str, str]:
    name, mark, value = item.partition("=")
    return (name, mark, value) if name.isidentifier() else (item, "", "")
