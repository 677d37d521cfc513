"""Recursion without end is a RecursionError where CPython has it: depth, line and message, also when caught."""

from __future__ import annotations

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.record.probe import Limits as Most
from cwm_lsp.trace.events import Event, Outcome
from tests.evaluate.probed import probed
from tests.evaluate.recording import only_on_the_reference

pytestmark = pytest.mark.slow

PROGRAM = """
class C:
    n = 0
    def __init__(self, n=0, again=False):
        self.n = n
        if again:
            self.below = C(n + 1, True)
    @property
    def size(self):
        return self.size
    @size.setter
    def size(self, value):
        self.size = value
    def __getattr__(self, name):
        return self.missing
    def __eq__(self, other):
        return self == other
    def __add__(self, other):
        return self + other
    def __getitem__(self, key):
        return self[key]
    def __call__(self):
        return self()
    def deep(self):
        self.n += 1
        return self.deep()
def direct(n):
    return direct(n + 1)
def compares(n):
    if n == -1:
        return 0
    return compares(n + 1)
def measures(xs):
    k = len(xs)
    return measures(xs)
def even(n):
    return odd(n + 1)
def odd(n):
    m = n * 2
    return even(n + 1)
def comprehended(n):
    return [comprehended(x + 1) for x in [n]]
def down(n):
    return n and 1 + down(n - 1)
def caught(n):
    try:
        return direct(n)
    except RecursionError as error:
        return str(error)
def caught_further_in(n):
    return [caught(n), caught(n + 1)] if n > 3 else caught_further_in(n + 1)
def counted(n):
    c = C()
    try:
        c.deep()
    except RecursionError:
        return c.n
def cleaned(n):
    try:
        direct(n)
    finally:
        n = 0
def gets():
    c = C()
    return c.size
def sets():
    c = C()
    c.size = 1
def looks():
    c = C()
    return c.missing
def equals():
    return C() == C()
def adds():
    return C() + 1
def items():
    return C()[0]
def calls():
    return C()()
def makes():
    return C(0, True)
"""
EXACT = [
    "direct(0)", "compares(0)", "measures([])", "even(0)", "odd(3)", "comprehended(0)", "down(900)", "down(998)",
    "down(999)", "down(1500)", "caught(0)", "caught_further_in(0)", "counted(0)", "cleaned(0)", "gets()", "sets()",
    "looks()", "equals()", "adds()", "items()", "calls()", "makes()",
]  # fmt: skip


def evaluated(call: str) -> tuple[list[Event], Evaluation]:
    evaluation = Evaluation(
        PROGRAM, call, call.split("(")[0], module="__recorded__", limits=Limits(events=20_000, seconds=60)
    )
    events: list[Event] = []
    for step in evaluation:
        assert not isinstance(step, Question)
        events.append(step)
    return events, evaluation


def where(events: list[Event]) -> list[tuple[str, int, int]]:
    return [(event.kind, event.line, event.depth) for event in events]


@only_on_the_reference
@pytest.mark.parametrize("call", EXACT)
def test_recursion_ends_where_it_really_ends(call: str) -> None:
    recorded, outcome = probed(PROGRAM, call, call.split("(")[0], limits=Most(events=50_000))
    events, evaluation = evaluated(call)
    assert evaluation.outcome is not None, evaluation.gave_up
    assert evaluation.outcome == outcome
    assert where(events) == where(recorded)
    if call.startswith("caught"):
        assert outcome.kind == "return"
    elif call not in ("down(900)", "down(998)", "counted(0)"):
        assert outcome.exception is not None
        assert (outcome.exception.type, outcome.exception.message) == (
            "RecursionError",
            "maximum recursion depth exceeded",
        )


IN_C = """
import functools
class Chain:
    def __init__(self, inner):
        self.inner = inner
    def __repr__(self):
        return f"Chain({self.inner!r})"
def chained(n):
    chain = None
    for _ in range(n):
        chain = Chain(chain)
    return chain
def shown(chain):
    return len(repr(chain))
@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
def f(n):
    return fibonacci(n)
"""


@only_on_the_reference
@pytest.mark.parametrize("call", ["f(320)", "shown(chained(25))"])
def test_calls_by_way_of_c_that_are_not_too_deep(call: str) -> None:
    evaluation = Evaluation(IN_C, call, call.split("(")[0], limits=Limits(events=20_000, seconds=60))
    events = [step for step in evaluation if isinstance(step, Event)]
    recorded, outcome = probed(IN_C, call, call.split("(")[0], limits=Most(events=20_000))
    assert evaluation.outcome == outcome
    assert where(events) == where(recorded)


UNCERTAIN = """
class C:
    def __repr__(self):
        return repr(self)
def f():
    return repr(C())
def ordered(xs):
    return sorted(xs, key=lambda x: ordered([x]))
def generated(n):
    yield from generated(n + 1)
def drained():
    return list(generated(0))
def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return n
import functools
@functools.lru_cache(maxsize=None)
def cached(n):
    return n and cached(n - 1)
"""


@pytest.mark.parametrize("call", ["f()", "ordered([1])", "drained()", "deep(0)", "cached(700)"])
def test_where_the_depth_is_not_certain_nothing_is_told_that_depends_on_it(call: str) -> None:
    evaluation = Evaluation(UNCERTAIN, call, call.split("(")[0], limits=Limits(events=20_000, seconds=60))
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome is None
    assert evaluation.gave_up is not None
    assert "deep" in evaluation.gave_up or "depth" in evaluation.gave_up


@only_on_the_reference
def test_a_recursion_error_of_the_program_is_one_like_others() -> None:
    source = "def f():\n    raise RecursionError('no more')\n"
    evaluation = Evaluation(source, "f()", "f")
    assert len(list(evaluation)) == 4
    assert evaluation.outcome == probed(source, "f()", "f")[1]
    assert isinstance(evaluation.outcome, Outcome)


def test_a_function_that_only_calls_itself() -> None:
    evaluation = Evaluation("def f():\n    return (lambda g: g(g))(lambda g: g(g))\n", "f()", "f")
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome is not None
    assert evaluation.outcome.exception is not None
    assert evaluation.outcome.exception.type == "RecursionError"
