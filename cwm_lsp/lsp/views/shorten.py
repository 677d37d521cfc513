"""Values made short by their structure: `[1, 2, … 98 more]`, not `[1, 2, 3, 4, 5, 6, 7, 8, 9, 1`."""

from __future__ import annotations

import re
from collections.abc import Sequence

ELLIPSIS = "…"

_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\[({})\]]|[,:]\ |[^'"\[({})\],:]+|.""", re.DOTALL)
_PAIRS = {"[": "]", "(": ")", "{": "}"}
_SCANNED = 20_000
"""Characters of a value beyond which it is cut as plain text: no editor shows that much beside a line."""


def shorten(value: str, width: int) -> str:
    """A repr in at most `width` characters (at least 1)."""
    if len(value) <= width:
        return value
    if width <= 1:
        return ELLIPSIS
    if len(value) > _SCANNED:
        return value[: width - 1] + ELLIPSIS
    if value[:1] in "'\"" or value[:2] in ("b'", 'b"'):
        return _quoted(value, width)
    prefix, items, close = _items(value)
    if items is None:
        return value[: width - 1] + ELLIPSIS
    return _container(prefix, items, close, width)


def share(lengths: Sequence[int], width: int) -> list[int]:
    """How many of `width` characters each of several texts gets: short ones what they need, the rest in equal parts."""
    result = [0] * len(lengths)
    for done, index in enumerate(sorted(range(len(lengths)), key=lambda index: lengths[index])):
        result[index] = min(lengths[index], width // (len(lengths) - done))
        width -= result[index]
    return result


def _quoted(value: str, width: int) -> str:
    """`'abc…'`: the quotes stay, so that it still reads as a string."""
    if width < 4:
        return value[: width - 1] + ELLIPSIS
    return value[: width - 2] + ELLIPSIS + value[-1]


def _container(prefix: str, items: list[str], close: str, width: int) -> str:
    shown: list[str] = []
    for index, item in enumerate(items):
        rest = len(items) - index - 1
        left = width - len(prefix) - len(close) - sum(len(done) + 2 for done in shown)
        room = left - (len(_more(rest)) + 2 if rest else 0)
        if len(item) > room:
            # One item may be shortened, if that leaves something of it to see.
            if room >= 6 and (not shown or item[:1] in "[({'\""):
                shown.append(_entry(item, room))
                index += 1
            if index < len(items):
                shown.append(_more(len(items) - index))
            break
        shown.append(item)
    text = prefix + ", ".join(shown) + close
    if len(text) <= width:
        return text
    bare = prefix + ELLIPSIS + close
    return bare if len(bare) <= width else (prefix + ELLIPSIS)[: width - 1] + ELLIPSIS


def _more(count: int) -> str:
    return f"{ELLIPSIS} {count} more"


def _entry(item: str, width: int) -> str:
    """An item of a container; of a dictionary's entry it is the value that gives way."""
    key, colon, value = _split_entry(item)
    if colon and width - len(key) - 2 >= 3:
        return f"{key}: {shorten(value, width - len(key) - 2)}"
    return shorten(item, width)


def _split_entry(item: str) -> tuple[str, str, str]:
    depth = position = 0
    for match in _TOKEN.finditer(item):
        piece = match.group()
        depth += (piece in _PAIRS) - (piece in _PAIRS.values())
        position = match.end()
        if depth == 0 and piece == ": ":
            return item[: match.start()], piece, item[position:]
    return item, "", ""


def _items(value: str) -> tuple[str, list[str] | None, str]:
    """`Point(x=1, y=2)` → `Point(`, its items, `)`. None for items if the value is not one bracket with a prefix."""
    prefix = re.match(r"[\w.<> ]*[\[({]", value)
    if prefix is None or value[-1:] != _PAIRS[prefix.group()[-1]]:
        return "", None, ""
    items: list[str] = []
    depth, start = 1, prefix.end()
    for match in _TOKEN.finditer(value, prefix.end()):
        piece = match.group()
        depth += (piece in _PAIRS) - (piece in _PAIRS.values())
        if depth == 0:
            if match.end() != len(value):
                return "", None, ""
            if start < match.start():
                items.append(value[start : match.start()].removesuffix(","))
        elif depth == 1 and piece == ", ":
            items.append(value[start : match.start()])
            start = match.end()
    return (prefix.group(), items, value[-1]) if depth == 0 else ("", None, "")
