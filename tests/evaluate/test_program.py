"""Many calls of one file, without events: each comes to what an evaluation of its own comes to."""

import random
from pathlib import Path

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Comparison, Evaluation, Evaluator, Limits, Program, Question
from tests.evaluate import class_programs, programs, wider
from tests.evaluate.test_generated import CALLS, WIDER_CALLS

pytestmark = pytest.mark.slow

STATEFUL = """\
import functools
import itertools
from dataclasses import dataclass, field

SEEN = {}
COUNT = 0
ROWS = [[1], [2]]
NUMBERS = itertools.count()


@dataclass
class Shared:
    items: list = field(default_factory=list)
    total = 0


SHARED = Shared()


@functools.lru_cache
def kept(x):
    return [x]


def key(x):
    SEEN[x] = len(SEEN)
    return SEEN


def count(x):
    global COUNT
    COUNT += x
    return COUNT


def row(x):
    ROWS[1].append(x)
    return ROWS


def item(x):
    SHARED.items.append(x)
    return len(SHARED.items)


def of_class(x):
    Shared.total += x
    return Shared.total


def cached(x):
    kept(x).append(x)
    return kept(x)


def default(x, seen=[]):
    seen.append(x)
    return seen


def attribute(x):
    attribute.calls = getattr(attribute, "calls", 0) + 1
    return attribute.calls


def number(x):
    return next(NUMBERS)


def pure(x):
    return sum(y for y in range(x)), [one for one in ROWS]


def closure():
    made = []

    def add(x):
        made.append(x)
        return made

    return add


added = closure()


def enclosed(x):
    return added(x)
"""
FUNCTIONS = ["key", "count", "row", "item", "of_class", "cached", "default", "attribute", "number", "pure", "enclosed"]
FEW = Limits(operations=5000)
BRANCHES = """\
def f(x, word="", kind=None):
    if x == 57 and word in ("a", "b"):
        raise ValueError(x)
    match kind:
        case "big":
            return 1
    return 10 < x < 20
"""

UNKNOWN = """\
import time


def f(x):
    if time.time() > x:
        return 1
    return 2


def g():
    while True:
        pass
"""


def alone(source, call, function, limits=None):
    """How an evaluation of its own ends, asked nothing."""
    evaluation = Evaluation(source, call, function, limits=limits)
    for step in evaluation:
        if isinstance(step, Question):
            if not step.suggestions:
                return None
            evaluation.answer(dict(step.suggestions))
    return evaluation.outcome


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_call_finds_the_modules_as_they_are_loaded(function):
    program = Program(STATEFUL)
    found = [program.call(f"{function}({x})", function).outcome for x in (3, 3, 4)]
    assert found == [alone(STATEFUL, f"{function}({x})", function) for x in (3, 3, 4)]
    assert found[0] is not None


WIDE = """\
import contextvars
import functools
import inspect
import io
import itertools
import json
import operator
import random
import struct
import sys
import traceback
import unicodedata
from collections import namedtuple
from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal, getcontext
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
FIRST = operator.itemgetter(0)
LOWER = operator.methodcaller("lower")
NUMBERS = itertools.count()
LEVEL = contextvars.ContextVar("LEVEL", default=0)
Handler = Callable[[int], str]
Pair = namedtuple("Pair", "a b")


class Row(NamedTuple):
    x: int
    y: int = 0


class Named(property):
    pass


class Base:
    @functools.cached_property
    def size(self):
        return 1

    @Named
    def name(self):
        return "x"


class Inner(Base):
    def __init__(self):
        super().__init__()


class Zone(tzinfo):
    pass


ZONE = Zone()


def plain(x):
    return list(map(str, x))


SIGNATURE = inspect.signature(plain)


def level(x):
    before = LEVEL.get()
    LEVEL.set(x)
    return before


def precise(x):
    before = getcontext().prec
    getcontext().prec = x
    return before, Decimal(1) / 3


def failing(x):
    return x[0][1]


def number(x):
    return next(NUMBERS)
"""


CHANGING = ("level(3)", "level(4)", "precise(5)", "precise(6)")


def test_modules_are_not_loaded_again_after_calls_that_leave_them_alone(monkeypatch):
    loaded = []
    monkeypatch.setattr(Evaluation, "_load", lambda self, load=Evaluation._load: (loaded.append(1), load(self))[1])
    around = Around(str(Path(__file__).with_name("wide.py")))
    program = Program(WIDE, around=around)
    for call in ("plain([1])", "failing([1])", "plain([2, 3])", "number(0)", "number(0)", *CHANGING):
        one = program.call(call)
        alone = Program(WIDE, around=around).call(call)
        assert (one.outcome, one.lines) == (alone.outcome, alone.lines)
    assert len(loaded) == 9 + 5  # by themselves; at first, and after each that took a number or set a variable


def test_calls_of_one_program_in_any_order():
    program, order = Program(STATEFUL), random.Random(1)
    for _ in range(60):
        function, x = order.choice(FUNCTIONS), order.randrange(5)
        call = f"{function}({x})"
        assert program.call(call, function).outcome == alone(STATEFUL, call, function)


@pytest.mark.parametrize(
    ("make", "calls"), [(programs.program, CALLS), (wider.program, WIDER_CALLS), (class_programs.program, ("f()",))]
)
def test_random_programs_end_as_with_events(make, calls):
    known = 0
    for seed in range(8):
        source = make(seed)
        try:
            program = Program(source)
        except SyntaxError:
            continue
        first = [program.call(call, "f", limits=FEW) for call in calls]
        assert [program.call(call, "f", limits=FEW) for call in calls] == first
        for call, called in zip(calls, first, strict=True):
            expected = alone(source, call, "f", FEW)
            if called.outcome is not None and expected is not None and not expected.is_cut:
                known += 1
                assert called.outcome == expected, f"{source}\n{call}"
    assert known > 5


def test_it_tells_what_was_reached_and_compared():
    program = Program(BRANCHES)
    called = program.call("f(57, 'a')", "f")
    assert called.outcome.exception.type == "ValueError"
    assert called.lines == {2, 3}
    assert called.comparisons == (Comparison(2, "==", 57, 57), Comparison(2, "in", "a", ("a", "b")))
    called = program.call("f(12, kind='small')", "f")
    assert called.outcome.value == "True"
    assert called.lines == {2, 4, 5, 7}
    assert called.comparisons == (
        Comparison(2, "==", 12, 57), Comparison(5, "==", "small", "big"),
        Comparison(7, "<", 10, 12), Comparison(7, "<", 12, 20),
    )  # fmt: skip


def test_a_loop_does_not_tell_the_same_for_ever():
    program = Program("def f(n):\n    for i in range(n):\n        if i == n:\n            return 1\n")
    assert 5 < len(program.call("f(1000)", "f").comparisons) < 100


def test_what_is_not_known():
    program = Program(UNKNOWN)
    called = program.call("f(3)", "f")
    assert called.outcome is None
    assert "cannot be known" in called.gave_up
    assert program.call("g()", "g").outcome.kind == "endless"
    assert program.call("f()", "f").outcome is None
    assert "TypeError" in program.call("f()", "f").gave_up
    with pytest.raises(UserError):
        program.call("f(3)", "h")
    with pytest.raises(SyntaxError):
        program.call("f(", "f")
    with pytest.raises(SyntaxError, match=r"the file has a syntax error to Python .*\(line 2: .*newer Python"):
        Program("def f():\n    return ?\n")


def test_limits_are_those_of_each_call():
    program = Program("def f(n):\n    while n:\n        n -= 1\n    return n\n")
    assert program.call("f(100000)", "f", limits=Limits(operations=1000)).exhausted
    assert program.call("f(1000)", "f").outcome.value == "0"


def test_in_the_other_process():
    evaluator = Evaluator()
    try:
        calls = [f"{function}({x})" for function in FUNCTIONS for x in (1, 2)]
        here = Program(STATEFUL)
        assert list(evaluator.call_each(STATEFUL, calls)) == [here.call(call) for call in calls]
        here = Program(BRANCHES)
        calls = ["f(57, 'a')", "f(", "f(1)"]
        found = list(evaluator.call_each(BRANCHES, calls, "f"))
        assert [found[0], found[2]] == [here.call(calls[0], "f"), here.call(calls[2], "f")]
        assert found[1].outcome is None
        assert found[1].gave_up
        assert [called.outcome for called in evaluator.call_each("def", calls, "f")] == [None] * 3
    finally:
        evaluator.close()


def test_a_call_that_ends_the_process_is_told_and_the_next_goes_on():
    evaluator = Evaluator()
    source = (
        "KEYS = list(zip(range(0, 60_000 * (2**61 - 1), 2**61 - 1)))\n\n"
        "def f(x):\n    return len(set(KEYS)) if x == 2 else x\n"
    )
    try:
        found = list(evaluator.call_each(source, ["f(1)", "f(2)", "f(3)"], "f", limits=Limits(seconds=1)))
    finally:
        evaluator.close()
    assert [called.outcome and called.outcome.value for called in found] == ["1", None, "3"]
    assert found[1].exhausted
