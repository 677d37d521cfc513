"""Loops that never end are told so, and loops that end never are."""

from __future__ import annotations

import random
import sys
from types import FrameType

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.trace.events import Loop, Outcome

pytestmark = pytest.mark.slow

LONG = 20_000
"""Lines after which a loop of so small a state has come to its end, or never will."""


class TooLong(BaseException):
    """The program runs on."""


def ends(source: str, call: str, lines: int = LONG) -> bool:
    """Whether a call really ends within so many lines."""
    namespace: dict[str, object] = {}
    exec(compile(source, "<endless>", "exec"), namespace)
    left = lines

    def tracer(frame: FrameType, kind: str, arg: object):
        nonlocal left
        left -= 1
        if left < 0:
            raise TooLong
        return tracer

    sys.settrace(tracer)
    try:
        eval(call, namespace)
    except TooLong:
        return False
    except Exception:
        return True
    finally:
        sys.settrace(None)
    return True


def outcome_of(source: str, call: str, limits: Limits | None = None) -> tuple[Outcome | None, int]:
    """How a call ends, and after how many events; None where that is not known."""
    evaluation = Evaluation(source, call, "f", limits=limits or Limits(operations=100_000))
    events = 0
    for step in evaluation:
        if isinstance(step, Question):
            return None, events
        events += 1
    return evaluation.outcome, events


ENDLESS = {
    "nothing": ("    while True:\n        pass\n", 1),
    "one variable": ("    while n:\n        n = n ^ 1 or 1\n", None),
    "two rounds": ("    while n != 0:\n        n = -n\n", 2),
    "three rounds": ("    n = 0\n    while n < 3:\n        n = (n + 1) % 3\n", 3),
    "a counter beside": ("    count = 0\n    while n:\n        n = 5\n        count += 1\n    return count\n", 1),
    "a list beside": ("    seen = []\n    while n:\n        n = 7 - n\n        seen.append(n)\n    return seen\n", 2),
    "a list": ("    xs = [1, 2, 3]\n    while xs:\n        xs.append(xs.pop(0))\n", 3),
    "a dict": ("    d = {'a': 1}\n    while d['a']:\n        d['a'] = -d['a']\n", 2),
    "a set": ("    s = {1, 2}\n    while 1 in s:\n        s.add(2)\n", 1),
    "an object": ("    c = C(n)\n    while c.n:\n        c.flip()\n", 2),
    "a new object a round": ("    c = C(n)\n    while c.n:\n        c = C(-c.n)\n", 2),
    "a class": ("    C.level = 1\n    while C.level < 3:\n        C.level = 3 - C.level\n", 2),
    "a global": ("    global G\n    while G:\n        G = -G\n", 2),
    "a shared variable": ("    def turn():\n        nonlocal n\n        n = -n\n    while n:\n        turn()\n", 2),
    "two loops": ("    while n:\n        for i in range(3):\n            n = -n\n", 2),
    "an inner one": ("    for i in range(3):\n        while i > 1:\n            i = 5 - i\n", 2),
    "an exception": (
        "    while True:\n        try:\n            int('x')\n        except ValueError:\n            n = -n\n",
        2,
    ),
    "its own iterator": ("    for x in C(n):\n        n = -n\n", 2),
    "a cycle": ("    for x in itertools.cycle([1, 2]):\n        n = x\n", 2),
    "repeated": ("    for x in itertools.repeat(1):\n        n = x\n", 1),
    "called for": ("    for x in iter(lambda: n, 0):\n        pass\n", 1),
    "past its end": ("    while n != 10:\n        n += 3\n", None),
    "the wrong way": ("    while n > 0:\n        n += 1\n", None),
    "by a branch": ("    while n != 0:\n        n = n - n // n if n < 0 else -n\n", None),
    "two that move": ("    m = 0\n    while n >= m:\n        n += 1\n        m -= 2\n", None),
    "behind a continue": (
        "    while n:\n        if n > 3:\n            n = 2\n            continue\n        n = 4\n",
        2,
    ),
}
CLASS = """
import itertools
G = 1
class C:
    level = 0
    def __init__(self, n):
        self.n = n
    def flip(self):
        self.n = -self.n
    def __iter__(self):
        return self
    def __next__(self):
        return self.n
"""


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_loop_that_never_ends_is_told(kind: str) -> None:
    body, rounds = ENDLESS[kind]
    source = f"{CLASS}def f(n):\n{body}"
    assert not ends(source, "f(5)")
    outcome, events = outcome_of(source, "f(5)")
    assert outcome is not None
    assert outcome.kind == "endless"
    assert outcome.loop is not None
    head = next(
        at for at, line in enumerate(source.split("\n"), 1) if at > 14 and ("while " in line or "for x" in line)
    )
    assert outcome.loop.line == head
    if rounds is not None:
        assert outcome.loop.rounds == rounds
        times = "1 round" if rounds == 1 else f"{rounds} rounds"
        assert outcome.detail == f"never ends: the state of line {head} returns after {times}"
    assert events < 600


@pytest.mark.parametrize(
    "body",
    [
        "    while n:\n        n -= 1\n",
        "    while n < 10**5:\n        n += 1\n",
        "    it = iter(range(100))\n    while True:\n        n = 1\n        if next(it, None) is None:\n"
        "            break\n",
        "    xs = [0] * 100\n    while xs:\n        n = 1\n        xs.pop()\n",
        "    calls = []\n    while len(calls) < 100:\n        calls.append(1)\n",
        "    calls, same = [], None\n    same = calls\n    while len(same) < 100:\n        calls.append(1)\n",
        "    c = C(0)\n    c.seen = seen = []\n    while len(c.seen) < 100:\n        seen.append(1)\n",
        "    def gen():\n        yield from range(100)\n    g = gen()\n    while True:\n"
        "        if next(g, None) is None:\n            return\n",
        "    s = set(range(60))\n    while s:\n        x = s.pop()\n        x = 0\n",
        "    x = 0.0\n    while 1 / (x + 1) > 1e-2:\n        x += 1\n",
        "    n = 1\n    while n < 10**100:\n        n *= 3\n",
        "    k = 0\n    while True:\n        try:\n            return range(9)[-101 + k]\n"
        "        except IndexError:\n            k += 1\n",
        "    xs = [1]\n    for x in xs:\n        if len(xs) < 100:\n            xs.append(x)\n",
        "    z = itertools.count()\n    while True:\n        n = 1\n        if next(z) > 100:\n            break\n",
        "    while n > -50:\n        n -= 1 if n % 2 else 3\n",
        "    m = 500\n    while n != m:\n        n += 3\n        m += 1\n        if n > m:\n            n = m\n",
    ],
)
def test_a_loop_that_ends_is_followed_to_its_end(body: str) -> None:
    source = f"{CLASS}def f(n):\n{body}"
    assert ends(source, "f(5)", 10**6)
    outcome, _ = outcome_of(source, "f(5)", Limits(operations=10**7))
    assert outcome is not None
    assert outcome.kind == "return"


def test_what_differs_between_runs_proves_nothing() -> None:
    for body in ("x = time.time()", "x = random.random()", "x = input()", "x = id(C(1))"):
        source = f"import time, random\n{CLASS}def f(n):\n    while n:\n        {body}\n        x = 1\n"
        outcome, _ = outcome_of(source, "f(1)")
        assert outcome is None or outcome.kind != "endless" or "id" in body


def test_what_merely_takes_long_says_how_far_it_came() -> None:
    source = "def f(n):\n    while n < 10**9:\n        n += 1\n"
    evaluation = Evaluation(source, "f(1)", "f", limits=Limits(operations=5_000, events=100))
    assert len(list(evaluation)) == 100
    assert evaluation.outcome is None
    assert evaluation.gave_up is not None
    assert evaluation.gave_up.startswith("the call takes more than 5,000 steps; it was at line ")


def random_program(seed: int) -> str:
    """A loop over a small state."""
    pick = random.Random(seed)
    names = ["a", "b", "c"]

    def atom() -> str:
        return pick.choice([*names, str(pick.randint(0, 5)), "len(xs)", "xs[0]", "d['k']"])

    def expression() -> str:
        return pick.choice(
            [
                f"({atom()} + {atom()}) % {pick.randint(2, 7)}",
                f"({atom()} * {pick.randint(1, 3)} - {atom()}) % {pick.randint(2, 5)}",
                f"{atom()} - {pick.randint(0, 2)}",
                f"{atom()} + {pick.randint(0, 2)}",
                f"-{atom()}",
                f"{atom()} if {test()} else {atom()}",
            ]
        )

    def test() -> str:
        return f"{atom()} {pick.choice(['<', '>', '==', '!=', '<='])} {pick.choice([atom(), str(pick.randint(0, 30))])}"

    def statement(depth: int) -> list[str]:
        kind = pick.randint(0, 12 if depth < 2 else 8)
        if kind < 4:
            return [f"{pick.choice(names)} = {expression()}"]
        if kind == 4:
            return [f"{pick.choice(names)} += {pick.choice([atom(), '1', '2'])}"]
        if kind == 5:
            return [f"xs[0] = {expression()}"]
        if kind == 6:
            return [f"d['k'] = {expression()}"]
        if kind == 7:
            return ["xs.append(xs.pop(0))"]
        if kind == 8:
            return [
                f"if {test()}:",
                f"    {pick.choice(['break', 'return a', 'continue', 'xs.append(1)', 's.add(a)'])}",
            ]
        inner = [f"    {line}" for _ in range(pick.randint(1, 2)) for line in statement(depth + 1)]
        return [f"if {test()}:", *inner]

    lines = [line for _ in range(pick.randint(2, 5)) for line in statement(0)]
    head = pick.choice([f"while {test()}:", "while True:", f"while {test()} or {test()}:"])
    body = "\n".join(f"        {line}" for line in lines)
    return (
        f"def f(a, b):\n    c, xs, d, s = 1, [1, 2], {{'k': 0}}, set()\n    total = 0\n    {head}\n{body}\n"
        f"        total += 1\n    return total, a, b, c\n"
    )


def agreement(seeds: range) -> tuple[int, int, int]:
    """Loops that are told to be endless, that end, and that are not decided; none is told wrongly."""
    endless = ended = open_ = 0
    for seed in seeds:
        source = random_program(seed)
        outcome, _ = outcome_of(source, "f(2, 3)", Limits(operations=60_000, events=300))
        if outcome is not None and outcome.kind == "endless":
            assert not ends(source, "f(2, 3)"), f"seed {seed}: {outcome.detail}\n{source}"
            endless += 1
        elif outcome is not None:
            assert ends(source, "f(2, 3)", 10**6), f"seed {seed}\n{source}"
            ended += 1
        else:
            open_ += 1
    return endless, ended, open_


def test_random_loops_are_never_told_wrongly() -> None:
    endless, ended, open_ = agreement(range(80))
    assert endless > 10
    assert ended > 15
    assert open_ < endless


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_random_loops_are_never_told_wrongly() -> None:
    endless, _, open_ = agreement(range(1000, 3000))
    assert endless > 300
    assert open_ < endless


def test_the_loop_of_an_outcome_is_part_of_its_json() -> None:
    told = Outcome("endless", detail="never ends", loop=Loop(12, 2))
    assert told.to_json()["loop"] == {"line": 12, "rounds": 2, "path": None}
    assert Outcome.from_json(told.to_json()) == told
    assert str(Loop(12, 2)) == "never ends: the state of line 12 returns after 2 rounds"


def test_a_state_that_does_not_show_is_not_taken_to_return() -> None:
    source = (
        "import random\ndef f():\n    rng = random.Random(7)\n    while True:\n"
        "        if rng.random() > 0.99:\n            return 'done'\n"
    )
    evaluation = Evaluation(source, "f()", "f")
    for step in evaluation:
        assert not isinstance(step, Question)
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "'done'"
