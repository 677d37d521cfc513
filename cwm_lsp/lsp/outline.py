"""What a document's text holds: its functions, and calls of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cwm_lsp.callers import Callers, callers
from cwm_lsp.errors import UserError
from cwm_lsp.source.calls import Call, bind, candidates_of
from cwm_lsp.source.expectations import Expectation, expected
from cwm_lsp.source.functions import Function, functions

_CALLS = 8
"""Candidate calls that are kept of a function."""


@dataclass(frozen=True, slots=True)
class Ran:
    """When a call was run last (ISO 8601, UTC), and whether its function has the same text now."""

    when: str
    is_as_now: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One function of a document. Lines are 1-based."""

    name: str
    qualname: str
    first_line: int
    def_line: int
    last_line: int
    is_callable: bool
    """From outside: not one inside another function."""
    calls: tuple[Call, ...]
    """The best first."""
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    """By call, as source: what those who wrote it down expect of it."""
    runs: Mapping[str, Ran] = field(default_factory=dict)
    """By call, as source: the last run."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        calls = tuple(Call(**call) for call in data["calls"])
        expected = {call: Expectation(**told) for call, told in data["expected"].items()}
        runs = {call: Ran(**told) for call, told in data["runs"].items()}
        return cls(**{**data, "calls": calls, "expected": expected, "runs": runs})


def outline(
    source: str,
    path: str,
    roots: Sequence[Path] = (),
    recorded: Mapping[str, Sequence[str]] = {},
    runs: Mapping[str, Mapping[str, tuple[str, str]]] = {},
) -> Iterator[Entry]:
    """The functions of a text, in order, with calls found in it and in others of the workspace folders `roots`, and
    those `recorded` before (qualified name → calls), as far as they still fit. `runs` are the last ones: qualified name
    → call → when, and the file's text then."""
    found = functions(source)
    names = {function.qualname for function in found}
    outer = [function for function in found if function.parent not in names]
    known = [
        [Call(call, "recorded") for call in recorded.get(function.qualname, ()) if _fits(call, function, source)]
        for function in outer
    ]
    around = callers(path, roots) if found else Callers()
    calls = candidates_of(outer, source, path=path, tests=around.tests, callers=around.others, known=known, most=_CALLS)
    told = _expected(outer, calls, {**around.tests, path: source})
    each = iter(zip(calls, told, strict=True))
    for function in found:
        is_callable = function.parent not in names
        its_calls, its_told = next(each) if is_callable else ((), {})
        yield Entry(
            function.name,
            function.qualname,
            function.first_line,
            function.def_line,
            function.last_line,
            is_callable,
            tuple(its_calls),
            its_told,
            {
                call: Ran(when, _text_of(function.qualname, then) == _text_of(function.qualname, source))
                for call, (when, then) in runs.get(function.qualname, {}).items()
            },
        )


@lru_cache(maxsize=8)
def _texts(source: str) -> Mapping[str, str]:
    lines = source.splitlines()
    return {one.qualname: "\n".join(lines[one.first_line - 1 : one.last_line]) for one in functions(source)}


def _text_of(qualname: str, source: str) -> str | None:
    """The text of a function; None where there is none of that name."""
    return _texts(source).get(qualname)


def _expected(
    functions: Sequence[Function], calls: Sequence[Sequence[Call]], texts: Mapping[str, str]
) -> list[dict[str, Expectation]]:
    """What is expected of each function's calls where they were found; one text after the other."""
    told: list[dict[str, Expectation]] = [{} for _ in functions]
    for path, text in texts.items():
        for function, its_calls, its_told in zip(functions, calls, told, strict=True):
            for call in its_calls:
                if call.path == path and call.line is not None and call.origin != "defaults":
                    found = expected(text, call.line, function.name)
                    if found is not None:
                        its_told[call.expression] = found
    return told


def _fits(call: str, function: Function, source: str) -> bool:
    try:
        bind(call, function, source)
    except UserError:
        return False
    return True
