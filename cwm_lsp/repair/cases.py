"""Tests made of what a function does: the fewest calls found that reach every line and every way of each comparison."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from cwm_lsp.evaluate import ASKING, Called
from cwm_lsp.search.goals import literal
from cwm_lsp.search.loop import Attempt, Budget, Search, Try, asked
from cwm_lsp.search.space import NoCalls, space_of
from cwm_lsp.source.functions import Function
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.names import global_names
from cwm_lsp.source.prepared import imports_apart
from cwm_lsp.source.trees import tree_of
from cwm_lsp.trace.events import Outcome

_WRONG_KIND = frozenset({"TypeError", "AttributeError"})
"""What a call raises whose arguments are hardly meant."""
_LONGEST = 200
"""Characters of a call, and of what it gives."""


@dataclass(frozen=True, slots=True)
class Case:
    """A call, and what it does today."""

    call: str
    outcome: Outcome


class NoCases(Exception):
    """No test can be made; the message says why."""


def cases(
    source: str,
    function: Function,
    attempt: Attempt,
    known: Sequence[str] = (),
    budget: Budget | None = None,
    seed: int = 0,
    where: Where = nowhere,
) -> list[Case]:
    """The fewest calls found that reach what all of them reach, with what they do; `where` the file is, for what it
    imports.

    Raises:
        NoCases: no call can be made up, or nothing is known of what comes of them.
    """
    try:
        space = space_of(source, function, known, where)
    except NoCalls as error:
        raise NoCases(str(error)) from None
    search = Search(space, attempt, budget or Budget(), seed)
    tries = [
        one for one in search if _can_be_told(one.called) and (one.arguments in space.known or _is_meant(one.called))
    ]
    if not tries:
        raise NoCases(search.why or "what comes of its calls cannot be written down")
    inside = range(function.def_line, function.last_line + 1)
    chosen = covering(tries, lambda one: _reached(one.called, inside), lambda one: len(one.call) + len(_shown(one)))
    return [Case(one.call, one.called.outcome) for one in chosen if one.called.outcome is not None]


def covering(
    tries: Sequence[Try], reached: Callable[[Try], frozenset[Hashable]], size: Callable[[Try], int]
) -> list[Try]:
    """Few of them that reach all that any reaches: always the one that adds most, of those the shortest."""
    left = {number: reached(one) for number, one in enumerate(tries)}
    missing = frozenset[Hashable]().union(*left.values())
    chosen: list[int] = []
    while missing:
        best = min(left, key=lambda number: (-len(left[number] & missing), size(tries[number])))
        missing -= left.pop(best)
        chosen.append(best)
    return [tries[number] for number in sorted(chosen)]


def _can_be_told(called: Called) -> bool:
    """Whether a row of a test can say what comes of it."""
    outcome = called.outcome
    if outcome is None or outcome.kind == "endless":
        return False
    if outcome.kind == "exception":
        return outcome.exception is not None and outcome.exception.type.isidentifier()
    return outcome.value is not None and len(outcome.value) <= _LONGEST and outcome.cut is None


def _is_meant(called: Called) -> bool:
    raised = called.outcome.exception if called.outcome is not None else None
    return raised is None or raised.type not in _WRONG_KIND


def _reached(called: Called, inside: range) -> frozenset[Hashable]:
    """The lines and ways of comparisons in the function, those next to a boundary apart, and how it ends."""
    found: set[Hashable] = {line for line in called.lines if line in inside}
    for one in called.comparisons:
        if one.line not in inside:
            continue
        place = (one.line, one.operator)
        try:
            if one.operator in ("in", "not in"):
                found.add((*place, one.left in one.right))
            elif one.operator in ASKING:
                found.add((*place, asked(one)))
            elif isinstance(one.left, int | float) and isinstance(one.right, int | float):
                apart = one.left - one.right
                found.add((*place, (apart > 0) - (apart < 0)))
                if abs(apart) == 1:
                    found.add((*place, "next", apart))
            else:
                found.add((*place, one.left == one.right))
        except (TypeError, OverflowError):
            continue
    outcome = called.outcome
    assert outcome is not None
    value = literal(outcome.value or "")
    found.add(outcome.exception.type if outcome.exception is not None else ("returns", bool(value and value[0])))
    return frozenset(found)


def _shown(one: Try) -> str:
    outcome = one.called.outcome
    return (outcome.value or "") if outcome is not None else ""


def as_pytest(module: str, function: Function, found: Sequence[Case], source: str) -> str:
    """The cases of a function of a file with that text, as the text of a test file, a row each. What a function does
    today is not what it should do: that is said in it."""
    bound = global_names(source) or frozenset()
    kinds = {one.outcome.exception.type for one in found if one.outcome.exception is not None}
    read = {node.id for one in found for node in ast.walk(tree_of(one.call)) if isinstance(node, ast.Name)}
    needed = sorted({function.qualname.split(".")[0], *(read - vars(builtins).keys()), *(kinds & bound)})
    apart = {one.call: imports_apart(one.call, needed) for one in found}
    imports = sorted({statement for statements, _ in apart.values() for statement in statements})
    lines = [
        f'"""What {function.qualname} does, as it was computed. Confirm each row: it may not be what it should do."""',
        "", "import pytest", "", f"from {module} import {', '.join(needed)}", *imports, "",
    ]  # fmt: skip
    rows: dict[str, list[str]] = {told: [] for told in _TESTS}
    for one in found:
        call, raised, value = apart[one.call][1], one.outcome.exception, one.outcome.value or ""
        if raised is not None:
            kind = raised.type if raised.type in bound or raised.type in vars(builtins) else "Exception"
            rows["raises"].append(f"(lambda: {call}, {kind})")
        elif literal(value) is not None:
            rows[""].append(f"(lambda: {call}, {value})")
        elif _is_opaque(value):
            rows["returns"].append(f"lambda: {call}")
        else:
            rows["shows"].append(f"(lambda: {call}, {value!r})")
    test = function.qualname.replace(".", "_")
    for told, some in rows.items():
        parameters, body = _TESTS[told]
        quoted = f'"{parameters}"' if "," not in parameters else str(tuple(parameters.split(", "))).replace("'", '"')
        if some:
            lines += [
                "", "@pytest.mark.parametrize(", f"    {quoted},", "    [", *(f"        {one}," for one in some),
                "    ],", ")", f"def test_{test}{'_' * bool(told)}{told}({parameters}):", *body, "",
            ]  # fmt: skip
    return "\n".join(lines)


_TESTS = {
    "": ("call, expected", ("    assert call() == expected",)),
    "shows": ("call, shown", ("    assert repr(call()) == shown",)),
    "returns": ("call", ("    call()",)),
    "raises": ("call, error", ("    with pytest.raises(error):", "        call()")),
}
"""By what a row tells (the value, what it shows as, that there is one, the exception): parameters, and the test."""


def _is_opaque(shown: str) -> bool:
    """Whether what a value shows as does not tell what it is: `<shop.Cart object>`."""
    return re.search(r"<\w", shown) is not None
