"""Edits that mend a function: found, tried on all that is known, and right on what is not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Evaluator
from cwm_lsp.repair.expressions import expression_edits
from cwm_lsp.repair.loop import Repair
from cwm_lsp.repair.statements import statement_edits
from cwm_lsp.repair.text import FunctionText
from cwm_lsp.search.workspace import File, attempt_in
from cwm_lsp.source.checks import given, known_checks
from cwm_lsp.source.functions import find
from tests.repair.classics import CLASSICS, Classic

pytestmark = pytest.mark.slow

NOWHERE = Path("nowhere") / "program.py"
QUICK = ("greatest", "quick", "pascal", "primes_to", "collect")


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    one = Evaluator()
    yield one
    one.close()


def within(evaluator: Evaluator, text: str) -> partial[object]:
    return partial(attempt_in, evaluator, File("program.py", NOWHERE, text), None)


def repaired(evaluator: Evaluator, text: str, name: str, checks: list[tuple[str, str | None]], **tests: str) -> Repair:
    function = find(text, name, "program.py")
    known = [given(*pair, function, text) for pair in checks]
    known += known_checks(text, function, path="program.py", tests=tests)
    repair = Repair(text, function, known, within(evaluator, text), seconds=60)
    for fix in repair:
        if fix.is_whole and len(repair.fixes) > 2:
            break
    return repair


@pytest.mark.parametrize("classic", [one for one in CLASSICS if one.name in QUICK], ids=lambda one: one.name)
def test_classics_are_mended(evaluator: Evaluator, classic: Classic) -> None:
    def value(source: str, call: str) -> object:
        namespace: dict[str, object] = {}  # each call finds its module as importing it leaves it, in whichever order
        exec(source, namespace)
        return eval(call, namespace)

    wanted = {call: value(classic.source, call) for call in classic.calls}
    repair = repaired(
        evaluator, classic.faulty, classic.name, [(call, repr(wanted[call])) for call in classic.calls[:3]]
    )
    right = 0
    for fix in repair.ranked():
        assert not fix.broken
        assert all(value(fix.text, call) == wanted[call] for call in classic.calls[:3])
        right += all(value(fix.text, call) == wanted[call] for call in classic.calls)
    assert right


SHOP = '''\
def total(prices):  # of all
    """The sum.

    >>> total([1, 2])
    3
    >>> total([])
    0
    """
    result = 1  # so far
    for price in prices:
        result += price
    return result
'''


def test_comments_and_layout_stay(evaluator: Evaluator) -> None:
    first = repaired(evaluator, SHOP, "total", []).ranked()[0]
    assert first.text == SHOP.replace("result = 1", "result = 0")
    assert first.title() == "line 9: 1 → 0 (2 of 2 known calls as expected, computed)"
    assert "-    result = 1  # so far\n+    result = 0  # so far\n" in first.diff(SHOP, "shop.py")


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("counts[word] += 1", "counts[word] = counts.get(word, 0) + 1"),
        ("counts[word].append(word)", "counts.setdefault(word, []).append(word)"),
        ("counts[word].add(word)", "counts.setdefault(word, set()).add(word)"),
    ],
)
def test_the_first_of_a_key(evaluator: Evaluator, line: str, new: str) -> None:
    text = (
        f"def count(words):\n    counts = {{}}\n    for word in words:\n        {line}  # one more\n    return counts\n"
    )
    namespace: dict[str, object] = {}
    exec(text.replace(line, new), namespace)
    calls = ["count(['a', 'b', 'a'])", "count(['x'])"]
    repair = repaired(evaluator, text, "count", [(call, repr(eval(call, namespace))) for call in calls])
    assert repair.ranked()[0].text == text.replace(line, new)


@pytest.mark.parametrize(
    ("place", "text", "new"),
    [
        ("a > 10", "0", "a > 0"),
        ("a > 10", "-1", "a > -1"),
        ("a == 10", "b + 1", "a == b + 1"),
        ("a > 10", "not b", "a > (not b)"),
        ("a > 10", "b < 1", "a > (b < 1)"),
        ("a - 10", "b - 1", "a - (b - 1)"),
        ("10 - a", "b - 1", "b - 1 - a"),
        ("a * 10", "b + 1", "a * (b + 1)"),
        ("a * 10", "-b", "a * -b"),
        ("10 ** a", "-b", "(-b) ** a"),
        ("not 10", "a and b", "not (a and b)"),
        ("not 10", "a == b", "not a == b"),
        ("a or 10", "b and a", "a or b and a"),
        ("a and 10", "b or a", "a and (b or a)"),
        ("-10", "a * b", "-(a * b)"),
        ("b[10]", "a + 1", "b[a + 1]"),
        ("(10)", "a if b else 1", "(a if b else 1)"),
    ],
)
def test_parentheses_stand_where_they_are_needed(place: str, text: str, new: str) -> None:
    source = f"def f(a, b):\n    return {place}\n"
    function = FunctionText(source, find(source, "f", "program.py"))
    node = next(one for one in function.each(ast.Constant) if one.value == 10)
    start, stop, put = function.replace(node, text, loose=True)
    assert source[:start] + put + source[stop:] == f"def f(a, b):\n    return {new}\n"


def test_what_held_is_not_broken(evaluator: Evaluator) -> None:
    """Of two ways to mend the failing call, the one that changes a right one is no fix."""
    text = "def sign(n):\n    return 1 if n > 0 else -1\n"
    fixes = repaired(evaluator, text, "sign", [("sign(0)", "1"), ("sign(-1)", "-1"), ("sign(2)", "1")]).ranked()
    assert fixes[0].text == text.replace(">", ">=")
    for fix in fixes:
        assert not fix.broken
        assert len(fix.kept) == 3


def test_a_crash_without_expectation_is_guarded_and_named_so(evaluator: Evaluator) -> None:
    text = "def mean(xs):\n    return sum(xs) / len(xs)\n"
    fixes = repaired(evaluator, text, "mean", [("mean([])", None), ("mean([2, 4])", "3.0")]).ranked()
    guards = [fix for fix in fixes if fix.edit.guards]
    assert all("only guards" in fix.title() for fix in guards)
    assert [fix.edit.guards for fix in fixes] == sorted(fix.edit.guards for fix in fixes)


def test_what_is_right_needs_no_edit(evaluator: Evaluator) -> None:
    repair = repaired(evaluator, SHOP.replace("= 1", "= 0"), "total", [])
    assert repair.tried == 0
    assert repair.ranked() == []


def test_through_others_of_the_file(evaluator: Evaluator) -> None:
    """Both call each other, and only the other one is tested."""
    text = (
        "def is_even(n):\n    return n == 0 or is_odd(n - 1)\n\n\n"
        "def is_odd(n):\n    return n == 0 and is_even(n - 1)\n"
    )
    rows = "[(0, True), (3, False), (2, True), (7, False)]"
    test = f"""\
from program import is_even


def test_even():
    for n, even in {rows}:
        assert is_even(n) == even
"""
    repair = repaired(evaluator, text, "is_odd", [], **{"test_program.py": test})
    assert len(repair.known) == 4
    assert any(fix.text == text.replace("n == 0 and", "n != 0 and") for fix in repair.ranked())


@pytest.mark.parametrize("classic", CLASSICS[::7], ids=lambda one: one.name)
def test_edits_are_of_the_function_alone(classic: Classic) -> None:
    """Every edit stays within the function's lines, most of them parse, and none is there to no end."""
    text = FunctionText(classic.faulty, find(classic.faulty, classic.name, "program.py"))
    edits = [*expression_edits(text), *statement_edits(text)]
    start, stop = text.span(text.node)
    for edit in edits:
        assert all(start <= one <= other <= stop + 1 for one, other, _ in edit.changes), edit
    parsed = 0
    for edit in edits[::7]:
        try:
            compile(edit.applied(classic.faulty), "program.py", "exec")
        except SyntaxError:
            continue
        parsed += 1
    assert parsed > 0.8 * len(edits[::7])


UNWRITTEN = '''\
def area(width, height):
    """
    >>> area(2, 3)
    6
    >>> area(4, 5)
    20
    """
    ...  # soon


def evens(xs):
    """
    >>> evens([1, 2, 3, 4])
    [2, 4]
    >>> evens([6, 8, 7])
    [6, 8]
    """
    raise NotImplementedError("evens")


def factorial(n):
    """
    >>> factorial(5)
    120
    >>> factorial(0)
    1
    """
'''


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("area", {"area(7, 8)": 56}),
        ("evens", {"evens([])": [], "evens([3, 10])": [10]}),
        ("factorial", {"factorial(6)": 720}),
    ],
)
def test_a_body_that_is_not_written(evaluator: Evaluator, name: str, calls: dict[str, object]) -> None:
    first = repaired(evaluator, UNWRITTEN, name, []).ranked()[0]
    assert first.is_whole
    namespace: dict[str, object] = {}
    exec(first.text, namespace)
    assert {call: eval(call, namespace) for call in calls} == calls


def test_what_was_done_is_taken_off_what_is_left_to_do(evaluator: Evaluator) -> None:
    text = (
        "def page(books, place):\n"
        "    first, *rest = books\n"
        "    if place < first:\n"
        "        return first, place\n"
        "    return page(rest, place)\n"
    )
    rows = [("page([3, 9], 2)", "(3, 2)"), ("page([3, 9], 7)", "(9, 4)"), ("page([3, 5, 9], 10)", "(9, 2)")]
    first, *_ = repaired(evaluator, text, "page", [*rows, ("page([2, 4, 8], 5)", "(4, 3)")]).ranked()
    assert first.text == text.replace("page(rest, place)", "page(rest, place - first)")
