"""What is a crash, what is none, and the smallest call that shows it."""

from __future__ import annotations

import random
from textwrap import dedent

import pytest

from cwm_lsp.search.crashes import NEVER_ENDS, Crash, each, own_exceptions
from cwm_lsp.search.crashes import Searched as Found
from cwm_lsp.search.shapes import Atom
from cwm_lsp.search.shrink import smaller
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import ExceptionInfo, Outcome
from tests.search.trying import crashes_of, told

pytestmark = pytest.mark.slow

SMALLEST = {
    "def f(xs: list[float]) -> float:\n    return sum(xs) / len(xs)\n": (2, "ZeroDivisionError", "f([])"),
    "def f(xs: list[int]) -> int:\n    return xs[2]\n": (2, "IndexError", "f([])"),
    "def f(n: int, s: str) -> int:\n    return 1 // 0 if n == 1234567 and s.startswith('abc') else n\n": (
        2, "ZeroDivisionError", "f(1234567, 'abc')",
    ),
    "def f(xs: list[int]) -> int:\n    return xs[10] if sum(xs) == 57 else 0\n": (2, "IndexError", "f([57])"),
    "def f(n: int) -> int:\n    return 1 if n == 0 else n * f(n - 1)\n": (2, "RecursionError", "f(-1)"),
    "def f(n: int) -> int:\n    while n != 1:\n        n = n // 2 if n % 2 == 0 else 3 * n + 1\n    return n\n": (
        2, NEVER_ENDS, "f(0)",
    ),
    "def f(d: dict[str, int]) -> int:\n    return d['total']\n": (2, "KeyError", "f({})"),
    "def f(x: int | None) -> int:\n    return x + 1\n": (2, "TypeError", "f(None)"),
    "def f(xs: list[str]) -> str:\n    for x in xs:\n        a = x\n    return a\n": (4, "UnboundLocalError", "f([])"),
    "def f(n: int):\n    for i in range(n):\n        yield 10 // (i - 3)\n": (3, "ZeroDivisionError", "list(f(4))"),
    "def f(mode: str = 'r') -> int:\n    return {'r': 1, 'w': 2}[mode]\n": (2, "KeyError", "f('')"),
    "async def f(n: int) -> int:\n    return 1 // n\n": (2, "ZeroDivisionError", "f(0)"),
    "def f(a, b):\n    return a / b\n": (2, "ZeroDivisionError", "f(0, 0)"),
}  # fmt: skip


def test_any_part_of_a_short_text_is_left_out() -> None:
    assert ",," in smaller(Atom("str"), ",1 6,")


@pytest.mark.parametrize("source", SMALLEST, ids=[crash[2] for crash in SMALLEST.values()])
def test_the_smallest_call_that_crashes(source: str) -> None:
    assert told(crashes_of(source)) == [SMALLEST[source]]


def test_objects_of_the_file_are_made() -> None:
    source = """
        from dataclasses import dataclass
        from enum import Enum

        class Colour(Enum):
            RED = 1
            BLUE = 2

        @dataclass
        class Item:
            price: float
            colour: Colour
            count: int = 1

        def f(items: list[Item]) -> float:
            return {Colour.RED: 1.0}[items[0].colour] / items[0].count
    """
    assert told(crashes_of(source)) == [
        (16, "IndexError", "f([])"),
        (16, "KeyError", "f([Item(price=0.0, colour=Colour.BLUE)])"),
        (16, "ZeroDivisionError", "f([Item(price=0.0, colour=Colour.RED, count=0)])"),
    ]


def test_methods_are_called_on_what_the_constructor_takes() -> None:
    source = """
        class Stack:
            def __init__(self, items: list[int] | None = None) -> None:
                self.items = items or []

            def pop(self) -> int:
                return self.items.pop()
    """
    assert told(crashes_of(source, "Stack.pop")) == [(7, "IndexError", "Stack().pop()")]


DELIBERATE = """
    def f(n: int) -> int:
        if n < 0:
            raise ValueError(f"{n} is negative")
        assert n < 100, "too large"
        return n
"""


def test_what_is_raised_on_purpose_is_no_crash() -> None:
    assert crashes_of(DELIBERATE) == []
    assert told(crashes_of(DELIBERATE, deliberate=True)) == [
        (4, "ValueError", "f(-1)"),
        (5, "AssertionError", "f(100)"),
    ]


def test_exceptions_that_somebody_has_defined_are_raised_on_purpose() -> None:
    source = """
        import json
        from .errors import Refused

        class Wrong(ValueError):
            pass

        def f(text: str) -> int:
            return json.loads(text)
    """
    assert own_exceptions(dedent(source)) == {"Wrong", "Refused"}
    assert told(crashes_of(source)) == [(9, "JSONDecodeError", "f('')")]


def test_what_fails_while_it_is_raised_is_a_crash() -> None:
    source = "def f(xs: list[int]) -> None:\n    raise ValueError(xs[0])\n"
    assert told(crashes_of(source)) == [(2, "IndexError", "f([])")]


def test_what_a_doctest_expects_is_no_crash() -> None:
    source = '''
        def f(xs: list[int]) -> int:
            """
            >>> f([])
            Traceback (most recent call last):
            IndexError: list index out of range
            """
            return xs[0]
    '''
    assert crashes_of(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(text):\n    return text.strip()\n",
        "def f(xs):\n    return [x + 1 for x in xs]\n",
        "def f(a, b):\n    return a + b\n",
        "def f(row):\n    return row['a'] + row['b']\n",
    ],
)
def test_a_kind_that_nobody_has_promised_is_no_finding(source: str) -> None:
    assert [crash for crash in crashes_of(source) if crash.type in ("TypeError", "AttributeError")] == []


def test_a_default_is_a_promise() -> None:
    source = "def f(text=None):\n    return text.strip()\n"
    assert told(crashes_of(source)) == [(2, "AttributeError", "f()")]


def test_a_line_can_be_silenced() -> None:
    assert crashes_of("def f(xs: list[int]) -> int:\n    return xs[0]  # cwm: ignore\n") == []


def test_what_is_not_installed_is_no_crash() -> None:
    assert crashes_of("def f(n: int) -> None:\n    import surely_not_installed_anywhere\n") == []


def test_the_same_seed_gives_the_same_calls() -> None:
    source = "def f(a: list[int], b: str) -> int:\n    return len(b) // (sum(a) - 13) + a[7]\n"
    assert told(crashes_of(source, seed=3)) == told(crashes_of(source, seed=3))


def test_every_crash_is_one_when_it_is_run() -> None:
    """Of generated arithmetic, against CPython itself."""
    dice = random.Random(5)
    works = ["return b[a]", "a = a // (len(b) - 1)", "b = b[1:]", "a = max(b)", "a -= 7", "return 1 % a"]
    seen = 0
    for _ in range(12):
        lines = ["def f(a: int, b: list[int]) -> int:"]
        for _ in range(4):
            test = dice.choice(["a > 3", "len(b) == 2", "a in b", "a % 5 == 2"])
            lines += [f"    if {test}:", f"        {dice.choice(works)}"]
        source = "\n".join([*lines, "    return a", ""])
        space: dict[str, object] = {}
        exec(source, space)
        for crash in crashes_of(source, calls=150):
            seen += 1
            with pytest.raises((LookupError, ArithmeticError, ValueError)) as raised:
                eval(crash.call, space)
            assert type(raised.value).__name__ == crash.type, (source, crash)
            assert raised.traceback[-1].lineno + 1 == crash.line
    assert seen > 10


def test_a_line_that_two_functions_come_to_is_told_once() -> None:
    source = dedent("""
        def first(xs: list[int]) -> int:
            return xs[0]

        def f(xs: list[int]) -> int:
            return first(xs)
    """)
    found = [Found(find(source, name, ""), crashes_of(source, name)) for name in ("f", "first")]
    assert [one.function for one in each(found)] == ["first"]


def test_what_a_run_shows() -> None:
    crash = Crash("f", "f([])", 2, "IndexError", "list index out of range")
    assert crash.is_shown_by(Outcome("exception", exception=ExceptionInfo("IndexError", "other words", 2))) is True
    assert crash.is_shown_by(Outcome("exception", exception=ExceptionInfo("IndexError", "", 3))) is False
    assert crash.is_shown_by(Outcome("return", "1")) is False
    assert crash.is_shown_by(Outcome("timeout")) is None
    endless = Crash("f", "f(0)", 2, NEVER_ENDS, "")
    assert endless.is_shown_by(Outcome("timeout")) is True
    assert endless.is_shown_by(Outcome("return", "1")) is False


@pytest.mark.parametrize(
    ("hint", "body", "kind"),
    [
        ("re.Pattern", "1 // len(x.findall(''))", "ZeroDivisionError"),
        ("typing.Pattern[str]", "1 // len(x.pattern)", "ZeroDivisionError"),
        ("type", "1 // len(x.__name__[5:])", "ZeroDivisionError"),
        ("typing.Type[T]", "1 // len(x.__name__[5:])", "ZeroDivisionError"),
        ("re.Match[str]", "int(x.group(0))", "ValueError"),
    ],
)
def test_patterns_matches_and_classes_are_made_up(hint: str, body: str, kind: str) -> None:
    source = f"import re\nimport typing\nT = typing.TypeVar('T')\n\n\ndef f(x: {hint}) -> int:\n    return {body}\n"
    assert kind in {found for _, found, _ in told(crashes_of(source))}


def test_to_exit_is_no_crash() -> None:
    source = (
        "import sys\n\n\ndef f(code: int) -> float:\n    if code > 3:\n        sys.exit(code)\n    return 1 / code\n"
    )
    assert {kind for _, kind, _ in told(crashes_of(source))} == {"ZeroDivisionError"}
    assert "SystemExit" in {kind for _, kind, _ in told(crashes_of(source, deliberate=True))}
