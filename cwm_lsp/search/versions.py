"""Calls on which two functions differ, or two versions of one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cwm_lsp.evaluate import Called
from cwm_lsp.search.goals import ending
from cwm_lsp.search.loop import Budget, Search
from cwm_lsp.search.shrink import shrunk
from cwm_lsp.search.space import Arguments, NoCalls, Space, space_of
from cwm_lsp.source.bind import class_names, find_target
from cwm_lsp.source.functions import Function
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.trees import expression_of
from cwm_lsp.trace.events import Outcome

ALL = "_cwm_all"
"""A function that is appended to the text of a file: it tells also what a call made of its arguments."""
_WRAPPER = f"""

def {ALL}(of, function, /, *arguments, **named):
    return of(function(*arguments, **named)), arguments, named
"""
AttemptIn = Callable[[str, str, Sequence[str]], Iterator[Called]]
"""Evaluates calls of a function, by its qualified name, in a text."""


@dataclass(frozen=True, slots=True)
class Version:
    """A function, in the text of its file."""

    source: str
    function: Function
    attempt: AttemptIn

    @property
    def watched(self) -> str:
        """The text with what tells of the arguments."""
        return self.source.rstrip("\n") + "\n" + _WRAPPER

    def direct(self, calls: Sequence[str]) -> Iterator[Called]:
        """What comes of each call."""
        return self.attempt(self.source, self.function.qualname, calls)

    def whole(self, calls: Sequence[str]) -> Iterator[Called]:
        """The same, where a generator's value is the list of all that it yields."""
        for call, called in zip(calls, self.called(calls), strict=True):
            outcome = called.outcome
            yield called if outcome is None else replace(called, outcome=self.parts(call, outcome)[0])

    def called(self, calls: Sequence[str]) -> list[Called]:
        """What comes of each call: of those with nothing but literals, also what they make of them."""
        plain = {index: text for index, call in enumerate(calls) if (text := self._with_arguments(call)) is not None}
        others = [call for index, call in enumerate(calls) if index not in plain]
        told = iter(self.attempt(self.watched, ALL, list(plain.values())) if plain else ())
        direct = iter(self.attempt(self.source, self.function.qualname, others) if others else ())
        return [next(told if index in plain else direct) for index in range(len(calls))]

    def parts(self, call: str, outcome: Outcome) -> Parts:
        """How a call ended that `called` has told of."""
        if self._with_arguments(call) is None or outcome.kind != "return" or outcome.value is None:
            return outcome, None
        value, left = _parts(outcome.value)
        return replace(outcome, value=value), left

    def _with_arguments(self, call: str) -> str | None:
        node = expression_of(call)
        of = "list" if self.function.is_generator and not self.function.is_async else ""
        if of:
            assert isinstance(node, ast.Call)
            node = node.args[0]
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or self.function.is_async:
            return None
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if node.func.id != self.function.qualname or not all(map(_is_literal, arguments)):
            return None
        shown = [ast.unparse(one) for one in node.args] + [ast.unparse(one) for one in node.keywords]
        return f"{ALL}({', '.join([of or '(lambda value: value)', node.func.id, *shown])})"


@dataclass(frozen=True, slots=True)
class Difference:
    """A call on which two versions differ, and how it ends in each."""

    call: str
    one: Outcome
    other: Outcome


@dataclass(slots=True)
class Compared:
    """What a search for differences gave."""

    function: Function
    found: Difference | None = None
    tried: int = 0
    gave_up: str | None = None
    """Why nothing can be said."""


def differences(
    one: Version,
    other: Version,
    known: Sequence[str] = (),
    budget: Budget | None = None,
    seed: int = 0,
    where: Where = nowhere,
) -> Compared:
    """The smallest call found on which two versions differ: in value, exception, or what they make of arguments.

    It is one that the other's hints allow; `where` its file is, for what that imports.
    """
    result = Compared(one.function)
    try:
        space = space_of(other.source, other.function, known, where)
    except NoCalls as error:
        result.gave_up = str(error)
        return result
    for value in _constants_of(one):
        space.pool.add(value)
    pair = _Pair(one, other, space)
    search = Search(space, pair.attempt, budget or Budget(), seed)
    for tried in search:
        if pair.differs(tried.call):
            best = shrunk(space, tried.arguments, pair.differ)
            result.found = pair.difference(space.call(best))
            break
    result.tried = search.tried
    if result.found is None and search.tried and pair.unknown == search.tried:
        result.gave_up = pair.why or "how its calls end is not known"
    return result


def _constants_of(version: Version) -> list[Any]:
    try:
        return [value for values in space_of(version.source, version.function).pool.values.values() for value in values]
    except NoCalls:
        return []


class _Pair:
    """Both versions at work."""

    def __init__(self, one: Version, other: Version, space: Space) -> None:
        self._one = one
        self._other = other
        self._space = space
        self._classes = class_names(other.source)
        self._ends: dict[str, tuple[Outcome, Outcome]] = {}
        self.unknown = 0
        self.why: str | None = None

    def attempt(self, calls: Sequence[str]) -> Iterator[Called]:
        """What the first makes of calls, with what both of them compare."""
        ones, others = self._one.called([self._renamed(call) for call in calls]), self._other.called(calls)
        for call, first, second in zip(calls, ones, others, strict=True):
            if first.outcome is not None and second.outcome is not None:
                self._ends[call] = first.outcome, second.outcome
            else:
                self.unknown += 1
                self.why = first.gave_up or second.gave_up
            yield replace(second, comparisons=(*first.comparisons, *second.comparisons))

    def differs(self, call: str) -> bool:
        """Whether a call that has been attempted ends differently."""
        if call not in self._ends:
            return False
        ends = [ending(outcome) for outcome in self._ends[call]]
        return None not in ends and ends[0] != ends[1] and not self._does_not_take(call)

    def differ(self, arguments: Arguments) -> bool:
        call = self._space.call(arguments)
        list(self.attempt([call]))
        return self.differs(call)

    def difference(self, call: str) -> Difference:
        if call not in self._ends:
            list(self.attempt([call]))
        first, second = self._ends[call]
        return Difference(call, *_told(self._one.parts(self._renamed(call), first), self._other.parts(call, second)))

    def _does_not_take(self, call: str) -> bool:
        """Whether one of the two cannot be called so at all: that is seen without running them."""
        return any(
            outcome.exception is not None
            and outcome.exception.type == "TypeError"
            and outcome.exception.message.startswith((f"{version.function.name}()", f"{version.function.qualname}()"))
            for version, outcome in zip((self._one, self._other), self._ends[call], strict=True)
        )

    def _renamed(self, call: str) -> str:
        """A call of the other function as one of the first."""
        mine, theirs = self._other.function, self._one.function
        if mine.qualname == theirs.qualname:
            return call
        expression = expression_of(call)
        target = find_target(expression, mine.face, self._classes)
        if target is None or not isinstance(target.node, ast.Call):
            return call
        function = target.node.func
        if isinstance(function, ast.Attribute) and mine.kind == theirs.kind != "function":
            function.attr = theirs.name
        else:
            target.node.func = expression_of(theirs.qualname)
        return ast.unparse(expression)


Parts = tuple[Outcome, str | None]
"""How a call ended, and what it made of its arguments, if that was looked at."""


def _told(first: Parts, second: Parts) -> tuple[Outcome, Outcome]:
    """Two ends, with what is left of the arguments only where nothing else tells them apart."""
    (one, mine), (other, theirs) = first, second
    if mine is None or theirs is None or ending(one) != ending(other):
        return one, other
    return replace(one, value=f"{one.value}, and leaves {mine}"), replace(
        other, value=f"{other.value}, and leaves {theirs}"
    )


def _parts(value: str) -> tuple[str, str]:
    """What a call returned and what it made of its arguments, of the text of what `ALL` returns."""
    try:
        node = expression_of(value)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return value, ""
    if not (isinstance(node, ast.Tuple) and len(node.elts) == 3):
        return value, ""
    result, arguments, named = node.elts
    assert isinstance(arguments, ast.Tuple)
    assert isinstance(named, ast.Dict)
    pairs = zip(named.keys, named.values, strict=True)
    names = [f"{ast.literal_eval(key)}={ast.unparse(one)}" for key, one in pairs if key is not None]
    return ast.unparse(result), f"({', '.join([*map(ast.unparse, arguments.elts), *names])})"


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True
