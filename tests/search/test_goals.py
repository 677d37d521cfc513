"""Calls that reach a line, raise, return a value, make a condition true, and on which functions differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Any

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Called
from cwm_lsp.search.conditions import watched
from cwm_lsp.search.goals import Met, constants, find, raises, reaches, reaches_any, returns, towards
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.versions import Compared, Version, differences
from cwm_lsp.source.functions import find as function_of
from tests.search.kinds import KINDS
from tests.search.objects import OBJECTS
from tests.search.trying import attempt_in

pytestmark = pytest.mark.slow

BUDGET = Budget(calls=3_000, seconds=120, stale=3_000)
SOURCE = dedent("""
    def f(a: int, b: int, s: str) -> int:
        if a * 3 + 7 == 3709:
            if b == a + 11 and len(s) == 9 and s[3] == "x":
                return 1
        total = a + b
        return total // b


    def parse(s: str) -> dict[str, str]:
        out = {}
        for part in s.split(";"):
            if "=" in part:
                key, value = part.split("=", 1)
                if key.strip() == "mode" and value == "fast":
                    out["fast"] = "yes"
                out[key] = value
        return out


    def squares(n: int):
        for i in range(n):
            yield i * i
""")


def version(source: str, name: str) -> Version:
    return Version(source, function_of(source, name, ""), lambda text, its, calls: attempt_in(text, its)(calls))


def found(met: Met, name: str = "f") -> str | None:
    """The call of a function of the file for which it holds."""
    function = function_of(SOURCE, name, "")
    sought = find(SOURCE, function, attempt_in(SOURCE, name), met, budget=BUDGET)
    return sought.found and sought.found.call


def test_a_line_behind_several_comparisons_is_reached() -> None:
    call = found(reaches(5))
    assert call is not None
    space: dict[str, object] = {}
    exec(SOURCE, space)
    assert eval(call, space) == 1


def test_a_line_that_a_loop_comes_to() -> None:
    assert found(reaches(16), "parse") == "parse('mode=fast')"


def test_an_exception() -> None:
    assert found(raises(None)) == "f(0, 0, '')"
    assert found(raises("ZeroDivisionError")) == "f(0, 0, '')"
    assert found(raises("KeyError")) is None


def test_a_value() -> None:
    wanted = "{'a': '0'}"
    function = function_of(SOURCE, "parse", "")
    attempt = towards(wanted, attempt_in(SOURCE, "parse"))
    sought = find(SOURCE, function, attempt, returns(wanted), hints=constants(wanted), budget=BUDGET)
    assert sought.found is not None
    assert sought.found.call == "parse('a=0')"
    assert found(returns("{ }"), "parse") == "parse('')"


def test_what_a_generator_yields_is_its_value() -> None:
    function = function_of(SOURCE, "squares", "")
    whole = version(SOURCE, "squares").whole
    sought = find(SOURCE, function, whole, returns("[0, 1, 4]"), budget=BUDGET)
    assert sought.found is not None
    assert sought.found.call == "list(squares(3))"


@pytest.mark.parametrize(
    ("name", "condition", "line", "expected"),
    [
        ("parse", "len(out) == 2", None, "parse('mode=fast')"),
        ("f", "total == 0", 7, "f(0, 0, '')"),
        ("f", "result == 2", None, "f(1, 1, '')"),
    ],
)
def test_a_condition(name: str, condition: str, line: int | None, expected: str) -> None:
    function = function_of(SOURCE, name, "")
    text, lines = watched(SOURCE, function, condition, line)
    met = reaches_any(lines)
    sought = find(SOURCE, function, attempt_in(text, name), met, hints=constants(condition), budget=BUDGET)
    assert sought.found is not None
    assert len(sought.found.call) <= len(expected)


def test_what_is_no_condition_is_told() -> None:
    function = function_of(SOURCE, "f", "")
    with pytest.raises(UserError, match="no Python expression"):
        watched(SOURCE, function, "total >", None)
    with pytest.raises(UserError, match="no statement of f"):
        watched(SOURCE, function, "total > 1", 12)
    with pytest.raises(UserError, match="no Python expression"):
        returns("[1,")


def test_nothing_can_be_made_up() -> None:
    source = "import somewhere\ndef f(c: somewhere.Connection) -> int:\n    return c.send(1)\n"
    with pytest.raises(UserError, match=r"no somewhere\.Connection can be made up"):
        find(source, function_of(source, "f", ""), attempt_in(source, "f"), reaches(3))


def compared(one: str, other: str, name: str = "f") -> Compared:
    return differences(version(dedent(one), name), version(dedent(other), name), budget=BUDGET)


def test_a_boundary_tells_two_versions_apart() -> None:
    old = "def f(points: int) -> str:\n    return 'A' if points > 90 else 'B'\n"
    result = compared(old, old.replace("> 90", ">= 90"))
    assert result.found is not None
    assert (result.found.call, result.found.one.value, result.found.other.value) == ("f(90)", "'B'", "'A'")


def test_what_is_left_of_the_arguments_tells_versions_apart() -> None:
    old = "def f(xs: list[int]) -> list[int]:\n    return sorted(xs)\n"
    new = "def f(xs: list[int]) -> list[int]:\n    xs.sort()\n    return xs\n"
    found = compared(old, new).found
    assert found is not None
    assert found.call == "f([1, 0])"
    assert found.one.value == "[0, 1], and leaves ([1, 0])"
    assert found.other.value == "[0, 1], and leaves ([0, 1])"


def test_versions_that_do_the_same() -> None:
    old = "def f(xs: list[int]) -> int:\n    return sum(xs)\n"
    new = "def f(xs: list[int]) -> int:\n    total = 0\n    for x in xs:\n        total += x\n    return total\n"
    result = compared(old, new)
    assert result.found is None
    assert result.gave_up is None
    assert result.tried > 100


def test_generators_are_gone_through() -> None:
    old = "def f(n: int):\n    for i in range(n):\n        yield i\n"
    result = compared(old, old.replace("yield i", "yield i if i < 2 else 0"))
    assert result.found is not None
    assert result.found.call == "list(f(3))"


def test_a_parameter_that_is_new_is_no_difference() -> None:
    old = "def f(a: int) -> int:\n    return a\n"
    new = "def f(a: int, b: int) -> int:\n    return a\n"
    assert compared(old, new).found is None


def test_functions_of_other_names() -> None:
    source = dedent("""
        def double(n: int) -> int:
            return n * 2

        def twice(n: int) -> int:
            return n + n if n != 7 else 0
    """)
    result = differences(version(source, "double"), version(source, "twice"), budget=BUDGET)
    assert result.found is not None
    assert result.found.call == "twice(7)"
    assert (result.found.one.value, result.found.other.value) == ("14", "0")


@pytest.mark.parametrize("kind", KINDS | OBJECTS)
def test_a_line_is_reached_by(kind: str) -> None:
    source = (KINDS | OBJECTS)[kind].lstrip("\n")
    line = next(number for number, text in enumerate(source.split("\n"), 1) if "# here" in text)
    function = function_of(source, "f", "")
    sought = find(source, function, attempt_in(source, "f"), reaches(line), budget=Budget(2_000, 120, 1_500))
    assert sought.found is not None
    reached: set[int] = set()

    def follow(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename == "<kind>":
            reached.add(frame.f_lineno)
        return follow

    space: dict[str, Any] = {"__name__": "kind"}
    exec(compile(source, "<kind>", "exec", dont_inherit=True), space)
    sys.settrace(follow)
    try:
        eval(sought.found.call, space)
    finally:
        sys.settrace(None)
    assert line in reached


def test_numbers_that_make_calls_too_long_are_tried_no_more() -> None:
    source = "def f(n: int) -> list[int]:\n    return [x for x in range(n) if x % 7 == 3 or n == 12_345]\n"
    asked: list[str] = []
    evaluated = attempt_in(source, "f")

    def attempt(calls: Sequence[str]) -> Iterator[Called]:
        asked.extend(calls)
        return iter(evaluated(calls))

    find(source, function_of(source, "f", ""), attempt, raises("KeyError"), budget=Budget(200, 60, 200))
    large = [call for call in asked if abs(int(call[2:-1])) >= 2**31]
    assert len(large) < 12
