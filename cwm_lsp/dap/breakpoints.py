"""Breakpoints as the client sets them, and where they are in a program: by line, by function, by what changes."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Breakpoint
from cwm_lsp.source.functions import functions

FUNCTIONS, DATA = "function", "data"
"""Groups of breakpoints beside those of the files, which are named by absolute paths."""


@dataclass(frozen=True, slots=True)
class When:
    """At which visits a breakpoint holds, and what it does there."""

    condition: str | None = None
    hits: str | None = None
    """`3`, `>= 3`, `% 2`: which of the visits at which the condition holds, counted from the beginning of the trace."""
    message: str | None = None
    """To be told in place of stopping."""


ALWAYS = When()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file."""

    path: str
    number: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A variable of a function, or a part of one, whose changes stop."""

    path: str
    line: int
    """Of the function's `call` events."""
    function: str
    expression: str

    @property
    def id(self) -> str:
        """What the client knows it by."""
        return json.dumps([self.path, self.line, self.function, self.expression])

    @classmethod
    def of(cls, text: str) -> Watched | None:
        """The inverse of `id`; None for what is none."""
        try:
            match json.loads(text):
                case [str(path), int(line), str(function), str(expression)]:
                    return cls(path, line, function, expression)
        except (ValueError, RecursionError):
            pass
        return None


Place = Line | Watched | str | None
"""A string is the name of a function; None is no place."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A breakpoint."""

    number: int
    place: Place
    when: When = ALWAYS


@dataclass(frozen=True, slots=True)
class Placed:
    """A breakpoint in a program."""

    wanted: Wanted
    visits: Sequence[int] = ()
    """The events that it is at, whatever its conditions; of what is watched the first events of the scopes."""
    line: int | None = None
    problem: str | None = None

    def told(self) -> Breakpoint:
        """As the client is told of it."""
        told: Breakpoint = {"id": self.wanted.number, "verified": self.problem is None}
        if self.line is not None:
            told["line"] = self.line
        if self.problem is not None:
            told["message"] = self.problem
        return told


class Breakpoints:
    """Those of a session."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._groups: dict[str, list[Wanted]] = {}

    def set(self, group: str, wanted: Iterable[tuple[Place, When]]) -> list[Wanted]:
        """Replace those of a group by others."""
        self._groups[group] = [Wanted(next(self._numbers), place, when) for place, when in wanted]
        return self._groups[group]

    def __iter__(self) -> Iterator[Wanted]:
        return (wanted for group in self._groups.values() for wanted in group)


def placed(wanted: Wanted, program: Program) -> Placed:
    """Where a breakpoint is."""
    problem = _problem(wanted.when)
    if problem is not None:
        return Placed(wanted, problem=problem)
    match wanted.place:
        case Line():
            return _at_line(wanted, wanted.place, program)
        case str(name):
            visits = _entries(name, program)
            return Placed(wanted, visits) if visits else Placed(wanted, problem=_missed(program, name))
        case Watched():
            scopes = _activations(wanted.place, program)
            return Placed(wanted, scopes) if scopes else Placed(wanted, problem=_missed(program, "its function"))
    return Placed(wanted, problem="there is nothing to be watched")


def _problem(when: When) -> str | None:
    if when.hits is not None and hits_of(when.hits) is None:
        return f'"{when.hits}" is no hit count: "3", ">= 3" and "% 2" are'
    if when.condition is not None:
        try:
            compile(when.condition.strip(), "<condition>", "eval", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return f'"{when.condition}" is no expression'
    return None


def _missed(program: Program, what: str) -> str:
    return f"the call has not come to {what} yet" if program.is_growing else f"the call does not come to {what}"


def _at_line(wanted: Wanted, place: Line, program: Program) -> Placed:
    lines = sorted(program.lines_of(place.path))
    if not lines:
        return Placed(wanted, line=place.number, problem=_missed(program, "this file"))
    if program.is_growing and not program.is_own(place.path) and place.number not in lines:
        return Placed(wanted, line=place.number, problem=_missed(program, "this line"))
    if place.number > lines[-1]:
        return Placed(wanted, line=place.number, problem="no function has code at this line or after it")
    line = lines[bisect_left(lines, place.number)]
    return Placed(wanted, program.visits.get((place.path, line), ()), line)


def _entries(name: str, program: Program) -> list[int]:
    """The first lines of the calls of a function, which is named as in a stack or with its class."""
    last = name.rpartition(".")[2].strip().removesuffix("()")
    own = {one.first_line for one in functions(program.trace.source) if one.qualname == name}
    found = []
    for index, event in enumerate(program.walk.events):
        if event.kind == "call" and event.function == last and (not own or event.path or event.line in own):
            first = program.walk.into(index)
            is_known = first <= program.walk.end
            if is_known and program.walk.scope(first) == index and program.walk.events[first].kind == "line":
                found.append(first)
    return found


def _activations(watched: Watched, program: Program) -> list[int]:
    """The first events of the scopes of the function."""
    return [
        index
        for index, event in enumerate(program.walk.events)
        if event.kind == "call"
        and (event.line, event.function) == (watched.line, watched.function)
        and program.place_of(event) == watched.path
    ]


def hits_of(text: str) -> tuple[str, int] | None:
    """A hit count as an operator and a number; None if it is none."""
    text = text.strip()
    operator = next((one for one in (">=", "<=", "==", ">", "<", "%") if text.startswith(one)), "")
    number = text[len(operator) :].strip()
    if not number.isdecimal() or len(number) > 9 or (operator == "%" and not int(number)):
        return None
    return operator or "==", int(number)
