"""From a call that was found to the smallest one that does the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from cwm_lsp.search.shapes import Fixed, Guess, OneOf, Shape, fits
from cwm_lsp.search.space import ABSENT, Arguments, Space
from cwm_lsp.search.values import Made, size, sorted_if_set

MOST = 300
"""Calls that are tried for it."""
_SHORT = 8
"""Letters of a text of which every part is left out in turn."""


def shrunk(space: Space, arguments: Arguments, does: Callable[[Arguments], bool], most: int = MOST) -> Arguments:
    """The smallest arguments found that still do it (`does`), starting from some that do; `most` calls are tried."""
    left = most
    seen = {space.call(arguments)}
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller_calls(space, arguments):
            call = space.call(smaller)
            if call in seen:
                continue
            seen.add(call)
            left -= 1
            if does(smaller):
                arguments, progress = smaller, True
                break
            if left <= 0:
                break
    return arguments


def _smaller_calls(space: Space, arguments: Arguments) -> Iterator[Arguments]:
    for index, slot in enumerate(space.slots):
        value = arguments[index]
        if value is ABSENT:
            continue
        rest = (arguments[:index], arguments[index + 1 :])
        if slot.optional:
            yield (*rest[0], ABSENT, *rest[1])
        now = size(value)
        for one in smaller(slot.shape, list(value) if slot.kind == "rest" else value):
            made = tuple(one) if slot.kind == "rest" else one
            given = list(one) if slot.kind == "rest" else one
            if size(made) < now and (slot.kind in ("receiver", "keywords") or fits(slot.shape, given)):
                yield (*rest[0], made, *rest[1])


def smaller(shape: Shape, value: Any) -> Iterator[Any]:
    """Simpler values of a shape, the simplest first."""
    match shape:
        case Guess(inner):
            yield from smaller(inner, value)
            return
        case OneOf(shapes):
            for one in shapes:
                if fits(one, value):
                    yield from smaller(one, value)
            simplest: tuple[Any, ...] = (None, 0, "", [])
            yield from (simple for simple in simplest if fits(shape, simple))
            return
        case Fixed(values):
            yield from values
            return
    yield from _smaller(value)


def _smaller(value: Any) -> Iterator[Any]:
    match value:
        case bool():
            yield False
        case int():
            yield from (0, 1, -1, 2)
            yield from (abs(value), value // 2, value - 1 if value > 0 else value + 1)
        case float():
            yield from (0.0, 1.0)
            if math.isfinite(value):
                yield from (abs(value), float(round(value)), value / 2)
            else:
                yield from (-1.0, 0.5)
        case str():
            yield from ("", "a", "0")
            yield from _without_a_part(value)
            for index, letter in enumerate(value[:12]):
                if letter not in "a0":
                    yield value[:index] + ("0" if letter.isdigit() else "a") + value[index + 1 :]
        case bytes():
            yield b""
            for index in range(min(len(value), 12)):
                yield value[:index] + value[index + 1 :]
        case list() | tuple() | set() | frozenset():
            parts, make = sorted_if_set(value), type(value)
            yield make()
            length = len(parts) // 2
            while length:
                for at in range(0, min(len(parts), 16 * length), length):
                    yield make([*parts[:at], *parts[at + length :]])
                length //= 2
            for index, part in enumerate(parts[:8]):
                for one in _smaller(part):
                    yield from _made(make, [*parts[:index], one, *parts[index + 1 :]])
        case dict():
            yield {}
            for key in list(value)[:12]:
                yield {other: one for other, one in value.items() if other != key}
            for key, part in list(value.items())[:8]:
                for one in _smaller(part):
                    yield {**value, key: one}
                for other in _smaller(key):
                    if other not in value:
                        yield {(other if old == key else old): one for old, one in value.items()}
        case Made(callee, arguments, keywords):
            for index in range(len(keywords)):
                yield Made(callee, arguments, (*keywords[:index], *keywords[index + 1 :]))
            for index, part in enumerate(arguments):
                for one in _smaller(part):
                    yield Made(callee, (*arguments[:index], one, *arguments[index + 1 :]), keywords)
            for index, (name, part) in enumerate(keywords):
                for one in _smaller(part):
                    yield Made(callee, arguments, (*keywords[:index], (name, one), *keywords[index + 1 :]))


def _without_a_part(text: str) -> Iterator[str]:
    """A text without each of its parts if it is short, else without halves, quarters and so on."""
    if len(text) <= _SHORT:
        for length in range(len(text) - 1, 0, -1):
            yield from (text[:at] + text[at + length :] for at in range(len(text) - length + 1))
        return
    length = len(text) // 2
    while length:
        yield from (text[:at] + text[at + length :] for at in range(0, min(len(text), 16 * length), length))
        length //= 2


def _made(make: Any, parts: list[Any]) -> Iterator[Any]:
    try:
        yield make(parts)
    except TypeError:
        return
