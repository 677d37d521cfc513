"""What a call without events tells besides its outcome: the lines it came to, and what it compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Protocol

from cwm_lsp.trace.events import Outcome

EACH = 16
"""Comparisons told of one place: a loop makes the same ones again and again."""
LONG = 1000
"""Characters of a text that is told."""
MANY = 64
"""Elements of a container that is told."""
SYMBOLS = {
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
    "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in",
}  # fmt: skip

ASKING = frozenset({
    "startswith", "endswith", "get", "isdigit", "isdecimal", "isnumeric", "isalpha", "isalnum", "isupper", "islower",
    "istitle", "isspace", "isidentifier", "isprintable", "isascii",
})  # fmt: skip
"""Methods that ask something of a value, as comparisons do."""
FAILS_BEFORE = "the call fails before it enters the function"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands that were about to be compared."""

    line: int
    operator: str
    """As it is written: `==`, `not in`; `==` for a value in a `case`, `in` for `get`; the name of a method that asks
    (`startswith`), with its argument on the right, None if it has none."""
    left: Any
    right: Any
    """Plain values: numbers, texts, None, or a list, tuple, set, frozenset or dict of those."""


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call."""

    outcome: Outcome | None
    """How it ended, as every run shows it; None if that is not known."""
    gave_up: str | None
    """Why that is not known."""
    exhausted: bool
    """For want of time or memory."""
    lines: frozenset[int]
    """Those of the file that the call came to, once in the function."""
    comparisons: tuple[Comparison, ...]
    """What it compared there, in order; of each place the first few."""
    seconds: float = field(default=0.0, compare=False)
    """That the processor has worked for it, and for the modules where they had to be loaded."""


def not_known(why: str, *, exhausted: bool = False) -> Called:
    """What is told of a call of which nothing is known."""
    return Called(None, why, exhausted, frozenset(), ())


class Tracing(Protocol):
    """Who knows whether the traced call is under way."""

    tracing: bool


class Observed:
    """What has been seen of one call."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self.comparisons: list[Comparison] = []
        self._counts: Counter[tuple[int, int]] = Counter()

    def clear(self) -> None:
        self.lines, self.comparisons = set(), []
        self._counts.clear()

    def compared(self, place: tuple[int, int], symbol: str, left: Any, right: Any) -> None:
        counts = self._counts
        if counts[place] < EACH and is_plain(left) and is_plain(right):
            counts[place] += 1
            self.comparisons.append(Comparison(place[0], symbol, copied(left), copied(right)))

    def asking(
        self, runtime: Tracing, place: tuple[int, int], method: Callable[..., Any]
    ) -> Callable[[Any, str, Any, list[Any], dict[str, Any]], Any]:
        """The `method` that asks, at a line and column, which tells what it asks of what."""

        def asked(value: Any, name: str, rule: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            if runtime.tracing:
                if name != "get":
                    self.compared(place, name, value, args[0] if args else None)
                elif args and type(value) is dict:
                    self.compared(place, "in", args[0], value)
            return method(value, name, rule, args, kwargs)

        return asked

    def watching(
        self, runtime: Tracing, place: tuple[int, int], operator: str, apply: Callable[[Any, Any], Any]
    ) -> Callable[[Any, Any], Any]:
        """The comparison `apply`, at a line and column, that tells of its operands."""
        symbol = SYMBOLS[operator]

        def watched(left: Any, right: Any) -> Any:
            if runtime.tracing:
                self.compared(place, symbol, left, right)
            return apply(left, right)

        return watched


_ATOMS: frozenset[type] = frozenset({int, float, bool, NoneType})
_TEXTS: frozenset[type] = frozenset({str, bytes})
_ROWS: frozenset[type] = frozenset({list, tuple, set, frozenset})


def is_plain(value: Any, *, inside: bool = False) -> bool:
    """Whether a value is told."""
    kind = type(value)
    if kind in _ATOMS:
        return kind is not int or value.bit_length() <= 4 * LONG
    if kind in _TEXTS:
        return len(value) <= LONG
    if inside or not (kind in _ROWS or kind is dict) or len(value) > MANY:
        return False
    parts = [*value, *value.values()] if kind is dict else value
    return all(is_plain(part, inside=True) for part in parts)


def copied(value: Any) -> Any:
    """A plain value, as it is now."""
    return value.copy() if type(value) in (list, set, dict) else value
