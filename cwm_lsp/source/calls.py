"""Candidate calls of a function, each with where it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .bind import Binding, bind
from .functions import Function

__all__ = ["Binding", "Call", "CallOrigin", "bind", "candidates"]

CallOrigin = Literal["typed", "recorded", "doctest", "test", "main", "assertion", "defaults"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the function could be predicted or run with."""

    expression: str
    """Source of the call: `f([1, 2], key=3)`, `Stack([1]).push(3)`."""
    origin: CallOrigin
    line: int | None = None
    """1-based line of `path` where it was found."""
    path: str | None = None


def candidates(
    source: str, function: Function, *, path: str, tests: Mapping[str, str] = {}, known: Sequence[Call] = ()
) -> list[Call]:
    return list(known)
