"""What a call is looked for that does it: reach a line, raise, return a value, make a condition true, differ."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Called, Comparison
from cwm_lsp.search.loop import Attempt, Budget, Search
from cwm_lsp.search.shrink import shrunk
from cwm_lsp.search.space import Arguments, NoCalls, space_of
from cwm_lsp.source.functions import Function
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.trees import expression_of
from cwm_lsp.trace.events import Outcome

Met = Callable[[str, Called], bool]
"""Whether a call, given what came of it, is one that is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call that was looked for, and how it ends."""

    call: str
    outcome: Outcome


@dataclass(slots=True)
class Sought:
    """What a search for a call gave."""

    found: Found | None
    tried: int
    unknown: int
    """Calls of which it is not known whether they do it."""
    why: str | None = None
    """Why that is so of the last of them."""


def find(
    source: str,
    function: Function,
    attempt: Attempt,
    met: Met,
    *,
    known: Sequence[str] = (),
    where: Where = nowhere,
    hints: Sequence[Any] = (),
    budget: Budget | None = None,
    seed: int = 0,
) -> Sought:
    """The smallest call found for which `met` holds; `hints` are values that may matter, and `where` the file is, for
    what it imports.

    Raises:
        UserError: no call of the function can be made up.
    """
    try:
        space = space_of(source, function, known, where)
    except NoCalls as error:
        raise UserError(f"no call of {function.qualname} can be made up: {error}") from None
    for value in hints:
        space.pool.add(value)
    search = Search(space, attempt, budget or Budget(calls=5_000, seconds=30, stale=1_500), seed)

    def does(arguments: Arguments) -> bool:
        call = space.call(arguments)
        return any(met(call, called) for called in attempt([call]))

    for one in search:
        if met(one.call, one.called):
            best = space.call(shrunk(space, one.arguments, does))
            outcome = next((called.outcome for called in attempt([best])), None) or one.called.outcome
            assert outcome is not None
            return Sought(Found(best, outcome), search.tried, search.unknown)
    return Sought(None, search.tried, search.unknown, search.why)


def reaches(line: int) -> Met:
    """The call comes to a line of the file, and it is known how it ends."""
    return lambda _call, called: line in called.lines and called.outcome is not None


def reaches_any(lines: frozenset[int]) -> Met:
    """The call comes to one of some lines of the text that is evaluated."""
    return lambda _call, called: not lines.isdisjoint(called.lines) and called.outcome is not None


def raises(kind: str | None) -> Met:
    """The call ends by an exception, of that type if one is given."""

    def met(_call: str, called: Called) -> bool:
        raised = called.outcome.exception if called.outcome is not None else None
        return raised is not None and (kind is None or raised.type == kind.rpartition(".")[2])

    return met


def returns(expression: str) -> Met:
    """The call returns the value of an expression of literals, or what shows as the expression does.

    Raises:
        UserError: it is no expression.
    """
    wanted = literal(_shown(expression))
    text = _shown(expression)

    def met(_call: str, called: Called) -> bool:
        if called.outcome is None or called.outcome.kind != "return" or called.outcome.value is None:
            return False
        value = called.outcome.value
        return value == text or (wanted is not None and _same(literal(value), wanted))

    return met


def towards(expression: str, attempt: Attempt) -> Attempt:
    """Attempts that tell what a call returned as if it had been compared with the value of an expression."""
    wanted = literal(_shown(expression))

    def told(calls: Sequence[str]) -> Iterator[Called]:
        for called in attempt(calls):
            value = literal(called.outcome.value) if called.outcome is not None and called.outcome.value else None
            if value is None or wanted is None:
                yield called
            else:
                yield replace(called, comparisons=(*called.comparisons, *_compared(value[0], wanted[0], 0)))

    return told


def _compared(value: Any, wanted: Any, depth: int) -> Iterator[Comparison]:
    """Two values, and their parts, as comparisons on lines that no file has."""
    yield Comparison(-depth, "==", value, wanted)
    if type(value) is not type(wanted) or depth > 2 or not isinstance(value, list | tuple | dict | str):
        return
    yield Comparison(-10 - depth, "==", len(value), len(wanted))
    if isinstance(value, dict):
        value, wanted = [*value, *value.values()], [*wanted, *wanted.values()]
    if not isinstance(value, str):
        for one, other in zip(value[:8], wanted, strict=False):
            yield from _compared(one, other, depth + 1)


def _same(found: tuple[Any] | None, wanted: tuple[Any]) -> bool:
    return found is not None and type(found[0]) is type(wanted[0]) and bool(found[0] == wanted[0])


def _shown(expression: str) -> str:
    try:
        return ast.unparse(expression_of(expression.strip()))
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"'{expression}' is no Python expression ({why}); give one, as in \"[1, 2]\"") from None


def literal(text: str) -> tuple[Any] | None:
    """The value of a literal, in a tuple; None where it is none."""
    try:
        return (ast.literal_eval(text),)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def constants(expression: str) -> list[Any]:
    """The constants in an expression."""
    tree = expression_of(expression.strip())
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def ending(outcome: Outcome) -> tuple[str, ...] | None:
    """How a call ends, to be compared with another end; None where that is not known."""
    if outcome.kind == "return":
        return None if outcome.value is None else ("return", outcome.value)
    if outcome.kind == "exception" and outcome.exception is not None:
        return ("exception", outcome.exception.type, outcome.exception.message)
    return ("endless",) if outcome.kind == "endless" else None
