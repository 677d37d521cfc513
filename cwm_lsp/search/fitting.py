"""Made-up calls: whether their arguments may not fit, and others that fit better."""

from __future__ import annotations

import ast
import builtins
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from cwm_lsp.evaluate import FAILS_BEFORE, Called
from cwm_lsp.search.crashes import is_deliberate, raising_lines
from cwm_lsp.search.loop import Attempt
from cwm_lsp.search.shapes import is_vouched
from cwm_lsp.search.space import NoCalls, space_of
from cwm_lsp.source.functions import Function, Parameter, by_qualname, function_at
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.recovery import parse
from cwm_lsp.source.samples import sample_call
from cwm_lsp.trace.events import Outcome, Trace

_SECONDS = 1.5
"""What looking for arguments that fit may take of the processor."""
_ROUNDS = 3
_MOST = 48
"""Calls of a round."""
_WRONG_KIND = frozenset({"TypeError", "AttributeError"})
_WRONG_VALUE = (ValueError, LookupError, AssertionError, StopIteration, OverflowError)
_OTHERS = (
    "'abc'", "3", "[3, 1, 2]", "['abc', 'b']", "{'abc': 3, 'b': 1}", "'3'", "1.5", "b'abc'", "[('a', 1), ('b', 2)]",
    "[[3, 1], [2, 4]]", "[{'abc': 3}]", "{'abc': {'b': 1}}", "(3, 1)", "{3, 1}", "True", "lambda *values: 3",
    "lambda *values: 'abc'", "None",
)  # fmt: skip
"""What is passed in place of what did not fit, in this order."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def may_not_fit(source: str, function: Function, trace: Trace) -> bool:
    """Whether a made-up call ends by its arguments' own fault, as far as one can tell."""
    lines = frozenset(event.line for event in trace.events if event.path is None)
    return _is_misfit(source, trace.outcome, lines, vouched=_is_vouched(source, function))


def fitting(source: str, function: Function, call: str, attempt: Attempt, place: Where = nowhere) -> str:
    """A made-up call of a function, or one with other arguments where these may not fit and those do better.

    `attempt` evaluates calls; `place` is where the file is.
    """
    if not any(one.default is None for one in function.parameters) or sample_call(function, source, place) != call:
        return call
    return _Fitting(source, function, attempt, place).best(call)


@dataclass(slots=True)
class _Fitting:
    source: str
    function: Function
    attempt: Attempt
    place: Where

    def best(self, call: str) -> str:
        vouched = _is_vouched(self.source, self.function)
        given: dict[tuple[str, str], str] = {}
        for called in self.attempt([call]):
            best = self.rank(called, vouched=vouched)
        until = time.thread_time() + _SECONDS
        for _ in range(_ROUNDS):
            if best[0] or time.thread_time() > until:
                break
            found = None
            tried = dict(self.others(called, given))
            for other, result in zip(tried, self.attempt(list(tried)), strict=False):
                until -= result.seconds
                rank = self.rank(result, vouched=vouched)
                if rank > best:
                    best, called, found = rank, result, other
                if time.thread_time() > until:
                    break
            if found is None:
                break
            call, given = found, tried[found]
        return call

    def rank(self, called: Called, *, vouched: bool) -> tuple[int, int]:
        """How well a call fits, 0 if it does not, and how far it comes."""
        outcome = called.outcome
        if outcome is None:
            fits = 0 if (called.gave_up or "").startswith(FAILS_BEFORE) or called.exhausted else 1
        elif outcome.kind == "return":
            fits = 2
        else:
            fits = 0 if _is_misfit(self.source, outcome, called.lines, vouched=vouched) else 1
        return fits, len(called.lines)

    def others(
        self, called: Called, given: dict[tuple[str, str], str]
    ) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
        """Calls with one other argument each, and what they are given."""
        columns = [
            [
                (changed, call)
                for text in _OTHERS
                if (changed := {**given, (owner.qualname, parameter.name): text})
                and (call := sample_call(self.function, self.source, self.place, changed)) is not None
            ]
            for owner, parameter in self.blamed(called)
        ]
        rows = [pair for row in zip_longest(*columns) for pair in row if pair is not None]
        for changed, call in rows[:_MOST]:
            yield call, changed

    def blamed(self, called: Called) -> list[tuple[Function, Parameter]]:
        """The parameters that may have been given what does not fit."""
        owner = self.function
        if called.outcome is None:
            owner = by_qualname(self.source).get(f"{owner.parent}.__init__", owner)
        passed = [one for one in owner.parameters if one.default is None and one.name not in ("self", "cls")]
        error = called.outcome and called.outcome.exception
        if error and error.line is not None and owner.first_line <= error.line <= owner.last_line:
            read = _reading(self.source, error.line, called.lines)[1]
            passed = [one for one in passed if one.name in read] or passed
        return [(owner, one) for one in passed]


def _is_vouched(source: str, function: Function) -> bool:
    """Whether somebody has said of every argument that is passed what kind it may be of."""
    try:
        return all(is_vouched(slot.shape) for slot in space_of(source, function).slots if not slot.optional)
    except NoCalls:
        return False


def _is_misfit(source: str, outcome: Outcome, lines: frozenset[int], *, vouched: bool) -> bool:
    error = outcome.exception
    if outcome.kind != "exception" or error is None:
        return False
    if error.type in _WRONG_KIND:
        return not vouched
    if error.line is None:
        return False
    if is_deliberate(raising_lines(source).get(error.line), error.type):
        return True
    kind = getattr(builtins, error.type, None)
    is_of_value = kind is None or (isinstance(kind, type) and issubclass(kind, _WRONG_VALUE))
    return is_of_value and bool(_reading(source, error.line, lines)[0])


def _reading(source: str, line: int, executed: frozenset[int]) -> tuple[frozenset[str], frozenset[str]]:
    """The parameters of the function at a line that are used first in its statement there, and all that are read in
    it; also by what was made of them. `executed` are the lines that were come to."""
    function = function_at(source, line)
    found = None if function is None else _definition(source, function)
    if function is None or found is None:
        return frozenset(), frozenset()
    node, offset = found
    made_of = {parameter.name: {parameter.name} for parameter in function.parameters}
    fresh = made_of.keys() - {"self", "cls"}
    inner = [one for statement in node.body for one in ast.walk(statement) if isinstance(one, ast.stmt)]
    for statement in sorted(inner, key=lambda one: one.lineno):
        parts = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, _BLOCKS)]
        names = [one for part in parts for one in ast.walk(part) if isinstance(one, ast.Name)]
        read = {name.id for name in names if isinstance(name.ctx, ast.Load) and name.id in made_of}
        origins = {name: made_of[name] for name in read}
        first = statement.lineno + offset
        if first <= line <= _last_of_head(statement) + offset:
            at_first = frozenset(origin for name in read & fresh for origin in origins[name])
            return at_first, frozenset(origin for one in origins.values() for origin in one)
        if first not in executed:
            continue
        if not _only_passes_on(statement):
            fresh = fresh - read
        bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        if read:
            made_of |= dict.fromkeys(bound, set().union(*origins.values()))
            fresh = fresh | bound if _gives_part(statement) else fresh - bound
        else:
            made_of = {name: origin for name, origin in made_of.items() if name not in bound}
    return frozenset(), frozenset()


def _last_of_head(statement: ast.stmt) -> int:
    """The last line that a statement has but for the blocks in it."""
    inside = [part.lineno for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt)]
    cases = [case.pattern.lineno for case in statement.cases] if isinstance(statement, ast.Match) else []
    return max(statement.lineno, min([*inside, *cases], default=(statement.end_lineno or 0) + 1) - 1)


def _only_passes_on(statement: ast.stmt) -> bool:
    """Whether a statement asks nothing of what it reads: it gives it another name, or asks whether it is None."""
    match statement:
        case ast.Assign(value=ast.Name()):
            return True
        case ast.If(test=ast.Compare(ops=[ast.Is() | ast.IsNot()]) | ast.Name() | ast.UnaryOp(op=ast.Not())):
            return True
    return False


def _gives_part(statement: ast.stmt) -> bool:
    """Whether a statement binds what it reads, or a part of it, and nothing that is worked out."""
    match statement:
        case ast.For():
            return True
        case ast.Assign(value=ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call(func=ast.Attribute())):
            return True
    return False


def _definition(source: str, function: Function) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, int] | None:
    """The definition of a function, and what its lines are counted from."""
    for fragment in parse(source).fragments:
        for node in (inner for statement in fragment.body for inner in ast.walk(statement)):
            if isinstance(node, _DEFINITIONS) and node.lineno + fragment.offset == function.def_line:
                return node, fragment.offset
    return None
