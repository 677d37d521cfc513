"""Every evaluation ends soon and in little memory, whatever the program does."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.trace.events import Event

pytestmark = pytest.mark.slow

PROGRAM = """
import bisect, collections, copy, decimal, difflib, fractions, functools, heapq, itertools, json, math, operator, re
import statistics, string, struct, textwrap
def forever():
    while True: pass
def grow():
    x = 'ab'
    while True: x += x
def tuples():
    t = ()
    while True: t = (t, t)
def generator():
    def g():
        while True: yield 1
    return sum(g())
def recursive(n):
    return recursive(n + 1)
def deep():
    x = []
    for i in range(100000): x = [x]
    return x == x
def sorting():
    numbers = list(range(1500))
    while True: numbers.sort(key=lambda v: -v)
def f():
    return EXPRESSION
"""
EXPRESSIONS = [
    "10**10**10",
    "'a' * 10**12",
    "[0] * 10**10",
    "2 << 10**10",
    "'%1000000000d' % 1",
    "'{:1000000000}'.format(1)",
    "f'{1:1000000000}'",
    "'a'.center(10**10)",
    "'a\\t'.expandtabs(10**10)",
    "''.join(['a' * 1000] * 10**6)",
    "'a'.replace('', 'b' * 10**5) * 10**5",
    "'ab'.translate({97: 'x' * 10**7})",
    "list(range(10**10))",
    "sum(range(10**10))",
    "sorted(range(10**9))",
    "'x' in range(10**10)",
    "dict.fromkeys(range(10**10))",
    "all(range(1, 10**10))",
    "math.factorial(10**6)",
    "math.comb(10**7, 10**6)",
    "math.prod(range(1, 10**6))",
    "pow(10, 10**8)",
    "round(10**300, -10**10)",
    "int('9' * 4000) ** 5000",
    "(1).to_bytes(10**10, 'big')",
    "bytes(10**11)",
    "re.match('(a+)+$', 'a' * 40 + 'b')",
    "re.match('(a|a)*$', 'a' * 40 + 'b')",
    "re.sub('a*a*a*a*b', '', 'a' * 3000)",
    "[x for x in itertools.count()]",
    "next(x for x in itertools.count() if x < 0)",
    "list(itertools.repeat(1))",
    "next(filter(None, itertools.repeat(0)))",
    "next(itertools.islice(itertools.count(), 10**10, None))",
    "list(itertools.product(range(100), repeat=10))",
    "itertools.tee(itertools.count(), 10**8)",
    "collections.deque(itertools.count(), maxlen=3)",
    "list(collections.Counter(a=10**10).elements())",
    "collections.deque([1]) * 10**10",
    "functools.reduce(operator.pow, [10] * 6)",
    "functools.reduce(operator.mul, range(1, 100000))",
    "functools.reduce(lambda t, _: (t, t), range(60), ())",
    "hash(functools.reduce(lambda t, _: (t, t), range(60), ()))",
    "list(map(pow, [10] * 3, [10**9] * 3))",
    "sum([[1] * 100] * 100000, [])",
    "fractions.Fraction(10) ** 10**9",
    "fractions.Fraction('1e999999999')",
    "int(decimal.Decimal('1e999999999'))",
    "format(decimal.Decimal('1e999999'), 'f')",
    "statistics.mean(range(10**9))",
    "heapq.nlargest(3, range(10**10))",
    "json.dumps(1, indent=10**10)",
    "struct.pack('1000000000s', b'a')",
    "list(difflib.ndiff(['a' * 3000] * 10, ['b' * 3000] * 10))",
    "' '.join(str(i) for i in range(10**9))",
    "grow()",
    "tuples()",
    "generator()",
    "deep()",
    "sorting()",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_without_measure_ends_unknown_and_soon(expression: str) -> None:
    source = PROGRAM.replace("EXPRESSION", expression)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    evaluation = Evaluation(source, "f()", "f", limits=Limits(seconds=1))
    with evaluation:
        for step in evaluation:
            if isinstance(step, Question):
                break
    assert evaluation.outcome is None or evaluation.outcome.kind == "endless"
    assert time.process_time() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("x.append(x) or x if (x := []) is not None else 0", "[[...]]"),
        ("bisect.bisect(range(10**18), 5)", "6"),
        ("range(10**20)[5]", "5"),
        ("next(itertools.count(7))", "7"),
        ("list(itertools.islice(itertools.cycle('ab'), 5))", "['a', 'b', 'a', 'b', 'a']"),
        ("re.match('(a|b)*c', 'abac').group()", "'abac'"),
    ],
)
def test_what_only_looks_boundless_is_computed(expression: str, shown: str) -> None:
    evaluation = Evaluation(PROGRAM.replace("EXPRESSION", expression), "f()", "f")
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == shown


def test_the_outcome_is_known_where_the_trace_is_too_long() -> None:
    source = "def f(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
    evaluation = Evaluation(source, "f(3000)", "f", limits=Limits(events=50))
    events = list(evaluation)
    assert len(events) == 50
    assert evaluation.gave_up is not None
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == str(sum(range(3000)))


def wait_for(test: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not test() and time.monotonic() < until:
        time.sleep(0.01)
    return test()


def test_a_thread_is_used_again() -> None:
    threads = set()
    for _ in range(5):
        evaluation = Evaluation("def f(n):\n    return n + 1\n", "f(1)", "f")
        list(evaluation)
        threads.add(evaluation.runtime.thread)
    assert len(threads) == 1


def test_closing_ends_the_work() -> None:
    evaluation = Evaluation(
        "def f():\n    while True:\n        pass\n", "f()", "f", limits=Limits(events=10**9, seconds=60)
    )
    steps = iter(evaluation)
    next(steps)
    evaluation.close()
    assert wait_for(lambda: evaluation._ended, seconds=20)


def test_what_many_locals_take_at_each_step_is_counted() -> None:
    source = "def f():\n" + "".join(f"    a{n} = {n}\n" for n in range(400)) + "    return 1\n"
    evaluation = Evaluation(source, "f()", "f", limits=Limits(texts=500_000))
    shown = sum(len(step.locals) for step in evaluation if not isinstance(step, Question))
    assert 20_000 < shown < 50_000
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "1"
    assert evaluation.outcome.cut == "the values of the trace are too long to show"


@pytest.mark.parametrize(
    "body",
    [
        "x = 'a'\nwhile True:\n    x = x + x",
        "class A:\n    x = [i for i in iter(int, 1)]",
        "def build():\n    x = 'a'\n    while True:\n        x = x + x\nbuild()",
        "class A:\n    x = [0]\n    while x:\n        x = x + x",
    ],
)
def test_a_file_that_may_never_be_imported_has_no_results(body: str) -> None:
    evaluation = Evaluation(f"{body}\ndef f():\n    return 1\n", "f()", "f")
    assert list(evaluation) == []
    assert "goes on and on" in (evaluation.gave_up or "")


def test_a_file_with_large_tables_has_results() -> None:
    source = "TABLE = [0] * 10**6\ndef build():\n    return [n for one in range(30) for n in TABLE]\nbuild()\n"
    evaluation = Evaluation(f"{source}def f():\n    return 1\n", "f()", "f")
    assert [event.value for event in evaluation if isinstance(event, Event)][-1] == "1"
