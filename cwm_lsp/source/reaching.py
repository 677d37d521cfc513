"""Through which other functions of its file a function is reached, as far as their texts tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from .functions import Function, functions
from .recovery import split_lines

_WORD = re.compile(r"\w+")
_FARTHEST = 3
"""Functions on the way."""
_MOST = 8
"""Functions that are told."""


def reaching(function: Function, source: str) -> Sequence[Function]:
    """Functions of the file that mention a function, or one that does, the nearest first. They need not enter it."""
    found = _reaching(source)
    if function.qualname not in found:
        found[function.qualname] = _nearest(function, source)
    return found[function.qualname]


@lru_cache(maxsize=16)
def _reaching(source: str) -> dict[str, Sequence[Function]]:
    """What has been found of the functions of a file."""
    return {}


def _nearest(function: Function, source: str) -> Sequence[Function]:
    mentioning = _mentioning(source)
    found: dict[str, Function] = {}
    near = [function]
    for _ in range(_FARTHEST):
        names = dict.fromkeys(_called(one) for one in near)
        more = {one.qualname: one for name in names for one in mentioning.get(name, ())}
        near = [one for name, one in more.items() if name not in found and name != function.qualname]
        found.update((one.qualname, one) for one in near)
    return list(found.values())[:_MOST]


@lru_cache(maxsize=16)
def _mentioning(source: str) -> dict[str, list[Function]]:
    """Name of a function → those that mention it, can be called from outside, and are no tests."""
    lines = split_lines(source)
    every = functions(source)
    names = {one.qualname for one in every}
    wanted = {_called(one) for one in every}
    found: dict[str, list[Function]] = {}
    for one in every:
        if one.parent not in names and not one.name.startswith("test"):
            text = "\n".join(lines[one.body_line - 1 : one.last_line])
            for word in wanted.intersection(_WORD.findall(text)):
                found.setdefault(word, []).append(one)
    return found


def _called(function: Function) -> str:
    """The word by which a call mentions a function."""
    is_made = function.name in ("__init__", "__new__", "__post_init__") and function.parent
    return function.parent.split(".")[-1] if is_made and function.parent else function.name
