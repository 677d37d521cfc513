"""Constructs in the places where compilers put their lines, compared event by event with what a run reports."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference

LINES = [
    """
class C:
    def __init__(self, v): self.v = v
    def __enter__(self): return self
    def __exit__(self, *a): return self.v
def f():
    with C(1) as c: raise ValueError
    with C(1) as c: x = [][1]
    with C(1) as c:
        with C(0) as d, 5 as e:
            x = 1
    for i in range(2):
        with C(1) as c: x = [][1]
    try:
        with C(0): x = int('a')
    except ValueError: y = 1
    return c
""",
    """
def f(d=(1,)):
    with open('x') if not d else C() as c:
        def local(p, q=(
            (d is {1, 2}),
            len(d)
        )):
            return q
    return local
class C:
    def __enter__(self): return self
    def __exit__(self, *a): return 0
""",
    """
def f(d=(1,)):
    try:
        def local(p, q=not (
            True,
            {1, 2}
        )):
            return q
    except KeyError:
        pass
    g = lambda x=(
        d,
        d): (
            x
        )
    return g(
    )
""",
    """
def f(d=(1,)):
    @dec(
        d,
    )
    def g(a, b=[
        d,
    ], *, c={
        1: d,
        2: d
    }):
        return c
    return g(
        1,
        c=2,
    )
def dec(*a):
    def deco(f):
        return f
    return deco
""",
    """
def f():
    a = {
        1: len('a'),
        2: len('b'),
        3: len('a'),
        4: len('b'),
        5: len('a'),
        6: len('b'),
        7: len('a'),
        8: len('b'),
        9: len('a'),
        10: len('b'),
        11: len('a'),
        12: len('b'),
        13: len('a'),
        14: len('b'),
        15: len('a'),
        16: len('b'),
        17: len('a'),
        18: len('b'),
        **{19: len('a'),
           20: 2},
        21: len('b'),
        22: len('a'),
    }
    b = {
        'k': a,
        **a,
    }
    c = {
        **b,
        'k': a,
        **a,
        'u': 1,
        'v': 2,
    }
    e = [
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
    ]
    return c
""",
]


@pytest.mark.parametrize("source", LINES)
def test_lines_of_managers_defaults_and_large_displays(source: str) -> None:
    found = compare(source, "f()", "f")
    assert not found.wrong, found.wrong[0]
    assert found.complete


@pytest.mark.parametrize("context", ["{}", "x = {}", "return {}", "x = [{}]", "if {}: x = 1", "h({})"])
@pytest.mark.parametrize("body", ["a or c", "b and c", "{1, 2} or c", "(a or b) and c"])
def test_conditional_expressions_with_short_circuits(context: str, body: str) -> None:
    statement = context.replace("{}", f"(({body}) if a else c)")
    source = f"def h(x): return x\ndef f(a=1, b=0, c=3):\n    {statement}\n    y = 1\n"
    assert not compare(source, "f()", "f").wrong
