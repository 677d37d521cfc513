"""Values in which what was compared is replaced by what it was compared with ("input to state correspondence")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from cwm_lsp.evaluate import Comparison
from cwm_lsp.search.values import Made, sorted_if_set

_SAMPLES = {
    "isdigit": "1", "isdecimal": "1", "isnumeric": "1", "isalpha": "a", "isalnum": "a1", "isupper": "A", "islower": "a",
    "istitle": "Ab", "isspace": " ", "isidentifier": "a_1", "isprintable": "\x00", "isascii": "é",
}  # fmt: skip
"""By a method that asks something of a text, one of which it mostly is otherwise than of the texts that are tried."""
Replaced = Iterator[tuple[bool, Any]]
"""Values, and whether in each the very operand was found and replaced, and not only something that moves with it."""


def substituted(value: Any, comparison: Comparison, separators: Sequence[str] = ()) -> Replaced:
    """A value in which what was compared is replaced by what it was compared with, or a neighbour of it. Texts may be
    taken apart at `separators`."""
    left, right = comparison.left, comparison.right
    if comparison.operator in ("in", "not in"):
        for one in list(atoms(right))[:4] if not isinstance(right, str | bytes) else [right]:
            yield from _replaced(value, left, one)
        yield from ((True, one) for one in _put_in(value, right, left))
        return
    if comparison.operator in ("startswith", "endswith"):
        for one in [right] if isinstance(right, str) else list(atoms(right))[:4]:
            if isinstance(left, str) and isinstance(one, str):
                joined = (one + left, one) if comparison.operator == "startswith" else (left + one, one)
                for new in joined:
                    yield from _replaced(value, left, new)
        return
    if comparison.operator in _SAMPLES:
        yield from _replaced(value, left, _SAMPLES[comparison.operator], separators)
        return
    for old, new in ((left, right), (right, left)):
        yield from _replaced(value, old, new, separators)
        if isinstance(new, int | float) and not isinstance(new, bool):
            for near in (new + 1, new - 1):
                yield from _replaced(value, old, near, separators)


def _replaced(value: Any, old: Any, new: Any, separators: Sequence[str] = ()) -> Replaced:
    """A value with one occurrence of `old` replaced; a length by as many elements, a number of parts by as many."""
    if type(value) is type(old) and value == old:
        yield True, new
        return
    if is_number(value) and is_number(old) and is_number(new) and (isinstance(value, float) or type(new - old) is int):
        yield False, value + (new - old)
    if isinstance(value, str) and value[:1] in ("{", "["):
        yield from _in_json(value, old, new)
    match value:
        case str() if type(old) is int and type(new) is int:
            yield from _renumbered(value, old, new)
            for separator in separators:
                parts = value.split(separator)
                if len(parts) == old and 0 < new <= 16:
                    more = [next((part for part in parts if part), "1")] * (new - old)
                    yield True, separator.join([*(part or "1" for part in parts), *more][:new])
            if len(value) == old and 0 <= new <= 64:
                yield True, value[:new] + (value[-1:] or "a") * (new - len(value))
        case str() if isinstance(old, str) and isinstance(new, str):
            if old and old in value:
                for found in islice(re.finditer(re.escape(old), value), 12):
                    yield True, value[: found.start()] + new + value[found.end() :]
            elif not old:
                yield False, new + value
                yield False, value + new
                for separator in separators:
                    at = value.find(separator) + len(separator)
                    if at >= len(separator):
                        yield True, value[:at] + new + value[at:]
            if old.lower() == value.lower() or old == value.strip():
                yield True, new
        case bytes() if isinstance(old, bytes) and isinstance(new, bytes):
            if old and (at := value.find(old)) >= 0:
                yield True, value[:at] + new + value[at + len(old) :]
            elif not old:
                yield False, new + value
                yield False, value + new
                yield False, value + b"a" * len(new) + new
        case bytes() if type(old) is int and type(new) is int:
            yield from _reencoded(value, old, new)
            if _is_length(value, old) and 0 <= new <= 64:
                yield True, value[:new] + (value[-1:] or b"a") * (new - len(value))
        case list() | tuple():
            if _is_length(value, old) and isinstance(new, int) and 0 <= new <= 64 and value:
                yield True, type(value)([*value, *(list(value) * new)][:new])
            for index, part in enumerate(value[:8]):
                for exact, one in _replaced(part, old, new, separators):
                    yield exact, type(value)([*value[:index], one, *value[index + 1 :]])
        case dict():
            for key, part in list(value.items())[:8]:
                for exact, one in _replaced(part, old, new, separators):
                    yield exact, {**value, key: one}
                if type(key) is type(old) and key == old:
                    with suppress(TypeError):
                        yield True, {(new if other is key else other): one for other, one in value.items()}
        case Made(callee, arguments, keywords):
            for index, part in enumerate(arguments):
                for exact, one in _replaced(part, old, new, separators):
                    yield exact, Made(callee, (*arguments[:index], one, *arguments[index + 1 :]), keywords)
            for index, (name, part) in enumerate(keywords):
                for exact, one in _replaced(part, old, new, separators):
                    yield exact, Made(callee, arguments, (*keywords[:index], (name, one), *keywords[index + 1 :]))


def _renumbered(value: str, old: int, new: int) -> Replaced:
    """A text with a number in it replaced, or a character by its code."""
    for found in islice(re.finditer(r"[0-9]+", value), 8):
        if len(found[0]) < 20 and int(found[0]) == old:
            yield True, value[: found.start()] + f"{new:x}".zfill(len(found[0])) + value[found.end() :]
            yield True, value[: found.start()] + str(new).zfill(len(found[0])) + value[found.end() :]
    shown = f"{old:x}"
    if old > 9 and new >= 0 and (start := value.lower().find(shown)) >= 0:
        yield True, value[:start] + f"{new:x}".zfill(len(shown)) + value[start + len(shown) :]
    if 0 <= new < 0x110000 and not 0xD800 <= new < 0xE000:
        at = next((at for at, letter in enumerate(value) if ord(letter) == old), None)
        if at is not None:
            yield True, value[:at] + chr(new) + value[at + 1 :]


def _reencoded(value: bytes, old: int, new: int) -> Replaced:
    """Bytes with a number in them replaced: of one byte, or of several, in either order."""
    for size in (1, 2, 4, 8):
        for order in ("big", "little")[: 1 if size == 1 else 2]:
            with suppress(OverflowError):
                was, will = (one.to_bytes(size, order) for one in (old, new))  # type: ignore[arg-type]
                for found in islice(re.finditer(re.escape(was), value), 4):
                    yield True, value[: found.start()] + will + value[found.end() :]


def _in_json(value: str, old: Any, new: Any) -> Replaced:
    """A text that is JSON with a value in it replaced."""
    try:
        read = json.loads(value)
    except ValueError:
        return
    for exact, one in _replaced(read, old, new):
        with suppress(TypeError, ValueError):
            yield exact, json.dumps(one)


def _is_length(value: Any, number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and len(value) == number


def _put_in(value: Any, container: Any, element: Any) -> Iterator[Any]:
    """A value with `element` added to the container in it that was looked into."""
    if type(value) is type(container) and value == container:
        match value:
            case list():
                yield [*value, element]
            case tuple():
                yield (*value, element)
            case set() | frozenset():
                yield value | {element}
            case dict():
                for one in list(value.values())[:1] or [0, ""]:
                    yield {**value, element: one}
            case str() if isinstance(element, str):
                yield value + element
        return
    match value:
        case list() | tuple():
            for index, part in enumerate(value[:8]):
                for one in _put_in(part, container, element):
                    yield type(value)([*value[:index], one, *value[index + 1 :]])
        case dict():
            for key, part in list(value.items())[:8]:
                yield from ({**value, key: one} for one in _put_in(part, container, element))
        case Made(callee, arguments, keywords):
            for made in _put_in(list(arguments), container, element):
                yield Made(callee, tuple(made), keywords)
            for named in _put_in(dict(keywords), container, element):
                yield Made(callee, arguments, tuple(named.items()))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18


def atoms(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple | set | frozenset | dict):
        yield from sorted_if_set(value)[:8]
    else:
        yield value
