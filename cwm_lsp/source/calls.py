"""Candidate calls of a function, each with where it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import PurePath
from typing import Literal, NamedTuple

from ..errors import UserError
from . import harvest
from .bind import Binding, bind, calls_result, is_returned, outer_function
from .functions import Function
from .home import Home
from .imported import Place, Where
from .reaching import reaching
from .reader import Found
from .samples import sample_call, sample_call_of_result

__all__ = ["ORIGINS", "Binding", "Call", "CallOrigin", "Origin", "bind", "candidates"]

CallOrigin = Literal["typed", "recorded", "doctest", "test", "main", "assertion", "caller", "defaults"]


class Origin(NamedTuple):
    """How a person is told where a call comes from."""

    short: str
    """Where there is little room: `doctest`."""
    words: str


ORIGINS: Mapping[CallOrigin, Origin] = {
    "typed": Origin("given", "as given"),
    "recorded": Origin("recorded", "last recorded"),
    "doctest": Origin("doctest", "from its doctest"),
    "test": Origin("test", "from a test"),
    "main": Origin("__main__", 'from the file\'s "__main__" block'),
    "assertion": Origin("assertion", "from an assertion"),
    "caller": Origin("call", "from code that calls it"),
    "defaults": Origin("made up", "made up from defaults and type hints"),
}

_MOST = 50
_LONGEST = 2_000  # characters
_MOST_INDIRECT = 10
_CONFTEST = "conftest.py"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the function could be predicted or run with."""

    expression: str
    """Source of the call: `f([1, 2], key=3)`, `Stack([1]).push(3)`."""
    origin: CallOrigin
    line: int | None = None
    """1-based line of `path` where it was found."""
    path: str | None = None
    indirect: bool = False
    """It calls another function of the file, which may get into this one."""

    @property
    def is_own(self) -> bool:
        """Whether somebody has written it down for this very function."""
        return self.origin != "defaults" and not self.indirect


def candidates(
    source: str,
    function: Function,
    *,
    path: str,
    tests: Mapping[str, str] = {},
    callers: Mapping[str, str] = {},
    known: Sequence[Call] = (),
) -> list[Call]:
    """At most 50 calls of the function, best first, each expression once.

    `path` is the file of `source`; `tests` and `callers` map the paths of the workspace's test files, and of others
    that import the file, to their texts; `known` are calls that were typed in or last recorded: they come first, as
    they are. Then doctests, tests, the main guard, module-level statements of the same file, calls in other files, and
    last a call made up from defaults, type hints and names. Of the same origin, calls with known arguments come first.
    A function inside another has the calls of the outer one, and those of what these return; one of which no call is
    found, those of the functions of its file that it may be reached through.
    """
    return candidates_of([function], source, path=path, tests=tests, callers=callers, known=[known])[0]


def candidates_of(
    wanted: Sequence[Function],
    source: str,
    *,
    path: str,
    tests: Mapping[str, str] = {},
    callers: Mapping[str, str] = {},
    known: Sequence[Sequence[Call]] = (),
    most: int = _MOST,
) -> list[list[Call]]:
    """The candidates of several functions of a file, in their order, with what is known of each: it is read once, and
    no further than to the first `most` of each.

    Of a function that the one around it only returns, they are calls of what that one returns.
    """
    asked = max(most, _MOST_INDIRECT + 1)  # one of them may be made up
    found = _found(wanted, source, path, tests, callers, known, asked)
    unknown = {at: reaching(wanted[at], source) for at, calls in enumerate(found) if _has_none(calls)}
    theirs = {one.qualname: calls for one, calls in zip(wanted, found, strict=True)}
    others = {one.qualname: one for some in unknown.values() for one in some if one.qualname not in theirs}
    if others:
        more = _found(list(others.values()), source, path, tests, callers, (), asked)
        theirs.update(zip(others, more, strict=True))
    for at, some in unknown.items():
        calls = [call for one in some for call in theirs[one.qualname] if call.origin != "defaults"][:_MOST_INDIRECT]
        indirect = [replace(call, indirect=True) for call in calls if _fits(call, wanted[at], source)]
        found[at] = [*indirect, *found[at]]
    return [calls[:most] for calls in found] if most < _MOST else found


def _has_none(calls: Sequence[Call]) -> bool:
    return all(call.origin == "defaults" for call in calls)


def _fits(call: Call, function: Function, source: str) -> bool:
    try:
        bind(call.expression, function, source)
    except UserError:
        return False
    return True


def _found(
    wanted: Sequence[Function],
    source: str,
    path: str,
    tests: Mapping[str, str],
    callers: Mapping[str, str],
    known: Sequence[Sequence[Call]],
    most: int,
) -> list[list[Call]]:
    """The calls of each function that call it, and the made-up one: at most so many."""
    asked_for = wanted
    wanted = [outer_function(function, source) or function for function in wanted]
    home = Home.of(source, wanted)
    around = cache(partial(Place.of, path, source))
    found: list[dict[str, Call]] = [{} for _ in wanted]
    for at, calls in enumerate(known):
        _take(found[at], calls)
    inside = [function is not outer for function, outer in zip(asked_for, wanted, strict=True)]
    for origin, place, read in _places(path, source, tests, callers, _importable(around)):
        # Of a function inside another, only what is found tells which calls are of what the other returns.
        sought = [at for at, calls in enumerate(found) if inside[at] or len(calls) < most]
        if not sought:
            break
        some = (
            home if len(sought) == len(wanted) else replace(home, functions=tuple(home.functions[at] for at in sought))
        )
        for at, theirs in zip(sought, read(some), strict=True):
            its = [one for one in theirs if inside[at] or not one.of_result]
            if its:
                _take(found[at], _best(its, origin, place, wanted[at], source))
    result: list[list[Call]] = []
    for at, function in enumerate(wanted):
        calls = list(found[at].values())
        made_up = sample_call(function, source, around)
        if inside[at] and is_returned(asked_for[at], function, source):
            makers = [call.expression for call in calls if not calls_result(call.expression)]
            made_up = sample_call_of_result(makers[0] if makers else made_up, asked_for[at], source, around)
            calls = [call for call in calls if calls_result(call.expression)]
        last = _best([Found(made_up, function.def_line)], "defaults", path, function, source) if made_up else []
        once = {call.expression for call in calls}
        result.append(calls[: most - len(last)] + [call for call in last if call.expression not in once])
    return result


def _take(known: dict[str, Call], calls: Iterable[Call]) -> None:
    """Add calls whose expressions are not there yet."""
    for call in calls:
        known.setdefault(call.expression, call)


_Place = tuple[CallOrigin, str, Callable[[Home], harvest.Calls]]
"""Where calls may be: of which origin they are, the file, and what reads it."""


def _places(
    path: str,
    source: str,
    tests: Mapping[str, str],
    callers: Mapping[str, str],
    importable: Callable[[str], bool],
) -> Iterator[_Place]:
    """The best first."""
    stem = PurePath(path).stem
    near_first = sorted(tests, key=lambda one: stem not in PurePath(one).stem)
    yield "doctest", path, partial(harvest.in_doctests, source=source, importable=importable)
    for one in near_first:
        if one != path and PurePath(one).name != _CONFTEST:
            yield "test", one, _reading(path, one, tests[one], importable, _above(one, tests))
    yield "test", path, partial(harvest.in_own_tests, source=source, importable=importable)
    yield "main", path, partial(harvest.in_main, source=source)
    yield "assertion", path, partial(harvest.at_module_level, source=source)
    for one, text in callers.items():
        if one != path:
            yield "caller", one, _reading(path, one, text, importable)


def _reading(
    path: str, place: str, text: str, importable: Callable[[str], bool], around: Sequence[tuple[str, str]] = ()
) -> Callable[[Home], harvest.Calls]:
    return partial(harvest.in_tests, path=path, text=text, importable=importable, place=place, around=around)


def _above(path: str, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """The paths and texts of the `conftest.py` of a test file's folder and those above, outermost first."""
    if not any(one.endswith(_CONFTEST) for one in texts):
        return []
    folders = reversed(PurePath(path).parents)
    return [(one, texts[one]) for folder in folders if (one := str(folder / _CONFTEST)) in texts]


def _importable(where: Where) -> Callable[[str], bool]:
    """Whether a file could import a module."""

    def is_found(module: str) -> bool:
        place = where()
        return place is not None and place.finder.find(module) is not None

    return is_found


def _best(found: Iterable[Found], origin: CallOrigin, path: str, function: Function, source: str) -> list[Call]:
    """The calls that bind, those with fewest unknown arguments first."""
    ranked: list[tuple[int, Call]] = []
    for one in found:
        try:
            binding = bind(one.expression, function, source)
        except UserError:
            continue
        if len(binding.expression) <= _LONGEST:
            unknown = sum(value is None for value in binding.arguments.values())
            ranked.append((unknown, Call(binding.expression, origin, one.line, path)))
    return [call for _, call in sorted(ranked, key=lambda pair: pair[0])]
