"""Which function is meant, and how its first activation ends: as the recorder tells it."""

from __future__ import annotations

import random

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluation, Question
from cwm_lsp.trace.events import Event
from tests.evaluate import wider
from tests.evaluate.probed import probed
from tests.evaluate.recording import evaluate, only_on_the_reference

pytestmark = pytest.mark.slow

FORMS = {
    "def": ("def f(x):\n    return x + {k}\n", "f", "f(1)"),
    "twice": ("def f(x):\n    return x\ndef f(x):\n    return x + {k}\n", "f", "f(1)"),
    "if": ("if {k} > 4:\n    def f(x):\n        return x\nelse:\n    def f(x):\n        return -x\n", "f", "f(1)"),
    "elif": ("if {k} > 6:\n    f = lambda x: x\nelif {k} > 3:\n    def f(x):\n        return -x\nelse:\n"
             "    f = lambda x: {k}\n", "f", "f(1)"),
    "try": ("try:\n    1 / ({k} % 2)\n    def f(x):\n        return x\nexcept ZeroDivisionError:\n    def f(x):\n"
            "        return -x\n", "f", "f(1)"),
    "loop": ("for i in range({k}):\n    def f(x, i=i):\n        return x + i\n", "f", "f(1)"),
    "overload": ("from typing import overload\n@overload\ndef f(x: int) -> int: ...\n@overload\n"
                 "def f(x: str) -> str: ...\n"
                 "def f(x):\n    return x * {k}\n", "f", "f('a')"),
    "lambda": ("f = lambda x: x + {k}\n", "f", "f(1)"),
    "lambda over lines": ("f = (\n    lambda x:\n        x + {k}\n)\n", "f", "f(1)"),
    "typed lambda": ("from typing import Any\nf: Any = lambda x: x + {k}\n", "f", "f(1)"),
    "chained lambda": ("g = f = lambda x: x + {k}\n", "f", "g(1)"),
    "lambda of lambda": ("f = lambda x: lambda y: x + y + {k}\n", "f", "f(1)(2)"),
    "lambda method": ("class C:\n    f = lambda self, x: x + {k}\n", "C.f", "C().f(1)"),
    "assigned method": ("class C:\n    pass\ndef f(self, x):\n    return x + {k}\nC.m = f\n", "f", "C().m(1).f"),
    "assigned under its name": ("class C:\n    pass\ndef f(self, x):\n    return x + {k}\nC.f = f\n", "f", "C().f(1)"),
    "nested": ("def g(x):\n    def f(y):\n        return x + y + {k}\n    return f(1) + f(2)\n", "g.f", "g(1)"),
    "nested in a branch": ("def g(x):\n    if x > {k}:\n        def f(y):\n            return y\n    else:\n"
                           "        def f(y):\n            return -y\n    return f(1)\n", "g.f", "g(5)"),
    "in a class in a function": ("def g(x):\n    class C:\n        def f(self):\n            return x + {k}\n"
                                 "    return C().f()\n", "g.C.f", "g(1)"),
    "getter": ("class C:\n    n = {k}\n    @property\n    def f(self):\n        return self.n\n    @f.setter\n"
               "    def f(self, n):\n        self.n = n\n", "C.f", "C().f"),
    "setter": ("class C:\n    n = {k}\n    @property\n    def f(self):\n        return self.n\n    @f.setter\n"
               "    def f(self, n):\n        self.n = n + {k}\n", "C.f.setter", "setattr(C(), 'f', 2)"),
    "deleter": ("class C:\n    n = {k}\n    @property\n    def f(self):\n        return self.n\n    @f.deleter\n"
                "    def f(self):\n        self.n = 'gone'\n", "C.f.deleter", "delattr(C(), 'f')"),
    "decorated": ("def d(g):\n    def inner(*a):\n        return g(*a) + {k}\n    return inner\n@d\n@d\ndef f(x):\n"
                  "    return x\n", "f", "f(1)"),
    "decorator with arguments": ("import functools\ndef d(k):\n    def wrap(g):\n        @functools.wraps(g)\n"
                                 "        def inner(*a):\n            return g(*a) + k\n        return inner\n"
                                 "    return wrap\n@d({k})\n@d(\n    1\n)\ndef f(x):\n    return x\n", "f", "f(1)"),
    "the decorator's own": ("def d(g):\n    def inner(*a):\n        return g(*a) + {k}\n    return inner\n@d\n"
                            "def f(x):\n    return x\n", "d.inner", "d(f)(1)"),
    "inherited": ("class B:\n    def __init__(self, **n):\n        self.n = n\nclass C(B):\n    pass\n",
                  "B.__init__", "C(k=3)"),
    "class and static": ("class C:\n    @classmethod\n    def f(cls, x):\n        return cls.g(x) + {k}\n"
                         "    @staticmethod\n    def g(x):\n        return x\n", "C.g", "C.f(1).g"),
}  # fmt: skip


@only_on_the_reference
@pytest.mark.parametrize("start", range(0, 45, 15))
def test_random_programs_end_as_the_recorder_tells_it(start: int) -> None:
    for seed in range(start, start + 15):
        source = wider.program(seed)
        _, real = probed(source, "f()", "f")
        evaluated = evaluate(source, "f()", "f")
        said = evaluated.evaluation.outcome
        if said is not None and evaluated.asked_at is None and "__recorded__" not in str(real):
            assert (said.kind, said.value, said.exception) == (real.kind, real.value, real.exception), source


def ended(source: str, function: str, call: str) -> tuple[list[Event], Evaluation]:
    evaluation = Evaluation(source, call, function, module="__recorded__")
    events: list[Event] = []
    for step in evaluation:
        assert not isinstance(step, Question)
        events.append(step)
    return events, evaluation


def agree(source: str, function: str, call: str) -> None:
    """The evaluation has the steps and the outcome that the recorder has."""
    recorded, outcome = probed(source, call, function)
    events, evaluation = ended(source, function, call)
    assert evaluation.outcome is not None, evaluation.gave_up
    assert evaluation.outcome == outcome, source
    assert [(event.kind, event.line, event.depth, event.function) for event in events] == [
        (event.kind, event.line, event.depth, event.function) for event in recorded
    ]


@only_on_the_reference
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("k", [3, 5, 8])
def test_the_same_function_is_meant_as_by_the_recorder(form: str, k: int) -> None:
    source, function, call = FORMS[form]
    # a call that goes on with an attribute is one whose expression fails after the function has been left
    agree(source.replace("{k}", str(k)), function, call)


WAITING = """
import asyncio
async def boom(n):
    await asyncio.sleep(0)
    raise ValueError(n)
class Guard:
    async def __aenter__(self):
        return self
    async def __aexit__(self, *error):
        await asyncio.sleep(0)
        try:
            await boom(2)
        except ValueError:
            pass
async def kept():
    task = asyncio.create_task(boom(1))
    async with Guard():
        await asyncio.wait([task])
        try:
            await task
        except ValueError as e:
            error = e
        raise error
async def raised():
    async with Guard():
        raise KeyError(1)
async def late():
    await asyncio.wait_for(asyncio.gather(boom(1), boom(2)), 5)
"""
RESUMED = """
def numbers(n):
    for i in range(n):
        yield i
def twice(n):
    return add(n, n)
def add(a, b):
    return a + b
def deeper(items):
    return next(items)
def total(n):
    out = []
    items = numbers(n)
    for n in items:
        out.append(twice(n))
    return out
def by_turns(n):
    items = numbers(n)
    return next(items), twice(1), deeper(items), twice(2), list(items)
"""


@only_on_the_reference
@pytest.mark.parametrize("function", ["kept", "raised", "late"])
def test_the_line_of_an_exception_is_where_it_was_raised_first(function: str) -> None:
    agree(WAITING, function, f"asyncio.run({function}())")


@only_on_the_reference
@pytest.mark.parametrize("call", ["total(3)", "by_turns(4)"])
def test_depths_are_counted_from_the_trace_while_its_activation_is_suspended(call: str) -> None:
    agree(RESUMED, "numbers", call)


def test_a_function_that_is_not_in_the_file_is_told() -> None:
    with pytest.raises(UserError, match="no function 'g'"):
        Evaluation("def f():\n    pass\n", "g()", "g")


STEPS = [
    "x = x + 1",
    "x = 10 // (x - {n})",
    "x = int('7' if x != {n} else 'seven')",
    "try:\n        x = 10 // (x - {n})\n    except ZeroDivisionError:\n        x = {n}",
    "try:\n        x = helper(x)\n    except ValueError:\n        if x > {n}:\n            raise\n        x = 1",
    "try:\n        x = helper(x)\n    except ValueError as error:\n        raise error",
    "try:\n        x = helper(x)\n    finally:\n        x = {n}",
    "for i in range(3):\n        try:\n            helper(i + {n})\n        except ValueError:\n            x += 1",
    "kept = None\n    try:\n        helper({n} * 2 + 1)\n    except ValueError as error:\n        kept = error\n"
    "    if x > {n} and kept is not None:\n        raise kept",
    "x = helper(x)",
    "if x > {n}:\n        return x",
]
AROUND = ["f(1)", "f(0) + f(5)", "[f(n) for n in (2, 7)]", "f(f(1))", "f(3).missing", "f(1) / 0", "D(2) + 3", "D(1).v"]


def program(seed: int) -> str:
    pick = random.Random(seed)

    def body() -> str:
        return "\n".join(f"    {pick.choice(STEPS).replace('{n}', str(pick.randint(0, 4)))}" for _ in range(3))

    return (
        "def helper(x):\n    if x % 2:\n        raise ValueError(x)\n    return x // 2\n"
        f"def f(x):\n{body()}\n    return x\n"
        "class D:\n    def __init__(self, v):\n        self.v = f(v)\n"
        "    def __add__(self, other):\n        return f(self.v + other)\n"
    )


@only_on_the_reference
def test_the_outcome_is_that_of_the_first_activation() -> None:
    kinds = set()
    for seed in range(150):
        source, call = program(seed), AROUND[seed % len(AROUND)]
        agree(source, "f", call)
        kinds.add(ended(source, "f", call)[1].outcome.kind)  # type: ignore[union-attr]
    assert kinds == {"return", "exception"}


@only_on_the_reference
def test_the_line_of_an_exception_is_known_also_where_the_trace_is_too_long() -> None:
    from cwm_lsp.evaluate import Limits

    source = "def f(n):\n    for i in range(n):\n        x = i\n    return 1 // (x - n + 1)\n"
    evaluation = Evaluation(source, "f(300)", "f", limits=Limits(events=50))
    assert len(list(evaluation)) == 50
    assert evaluation.outcome is not None
    assert evaluation.outcome.exception is not None
    assert evaluation.outcome.exception.line == 4


@only_on_the_reference
def test_recorded_doors_are_many_but_the_first_counts() -> None:
    source = "def f(n):\n    return n if n < 1 else f(n - 1)\n"
    agree(source, "f", "[f(3), f(2)]")
