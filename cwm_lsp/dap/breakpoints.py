"""Breakpoints by line."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import count

from cwm_lsp.dap.protocol import Breakpoint

LinesOf = Callable[[str], Collection[int]]
"""The lines of a file that can be stopped at."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A breakpoint as the client asks for it."""

    number: int
    line: int
    condition: bool
    """It is to hold only sometimes, or to stop nowhere, which is not there."""


class Breakpoints:
    """Those of a session."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._wanted: dict[str, list[Wanted]] = {}
        self._at: dict[tuple[str, int], list[int]] = {}

    def set(self, path: str, lines: list[tuple[int, bool]], lines_of: LinesOf) -> list[Breakpoint]:
        """Replace those of a file by others: lines, and whether each has a condition of whatever kind."""
        self._wanted[path] = [Wanted(next(self._numbers), line, condition) for line, condition in lines]
        return self._place(path, lines_of)

    def place(self, lines_of: LinesOf) -> list[Breakpoint]:
        """All of them anew, in what may be another program."""
        return [placed for path in self._wanted for placed in self._place(path, lines_of)]

    def at(self, path: str, line: int) -> list[int]:
        """The numbers of those at a line."""
        return self._at.get((path, line), [])

    def _place(self, path: str, lines_of: LinesOf) -> list[Breakpoint]:
        self._at = {place: numbers for place, numbers in self._at.items() if place[0] != path}
        lines = sorted(lines_of(path))
        return [self._placed(path, wanted, lines) for wanted in self._wanted[path]]

    def _placed(self, path: str, wanted: Wanted, lines: list[int]) -> Breakpoint:
        problem = None
        if wanted.condition:
            problem = "conditions, hit counts and log messages are not there yet"
        elif not lines:
            problem = "the call does not come to this file"
        elif wanted.line > lines[-1]:
            problem = "no function has code at this line or after it"
        if problem:
            return {"id": wanted.number, "verified": False, "line": wanted.line, "message": problem}
        line = lines[bisect_left(lines, wanted.line)]
        self._at.setdefault((path, line), []).append(wanted.number)
        return {"id": wanted.number, "verified": True, "line": line}
