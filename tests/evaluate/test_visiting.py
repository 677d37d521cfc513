"""Looks at the states of a call, and changes of them."""

from __future__ import annotations

import random
import warnings

import pytest

from cwm_lsp.evaluate import Evaluation, Evaluator, Limits
from cwm_lsp.evaluate.replaying import look
from cwm_lsp.trace.events import Event
from cwm_lsp.trace.interventions import NOT_SEEN, Change, Look, Skip
from tests.evaluate import class_programs, suspended, wider
from tests.trace import generated

pytestmark = pytest.mark.slow

SHOP = """\
LIMIT = 3

class Cart:
    def __init__(self):
        self.items = [1, 2]
        self.__seen = 0

    def total(self, by):
        total = 0
        for item in self.items:
            total += item * by
            self.__seen += 1
        return total

def f(a):
    cart = Cart()
    t = cart.total(a)
    rest = iter([1, 2, 3])
    def inner():
        return a + t
    return inner() + next(rest) + LIMIT
"""


def events_of(source: str, call: str = "f(3)", **more: object) -> list[Event]:
    evaluation = Evaluation(source, call, "f", limits=Limits(events=400, seconds=5), **more)
    found = []
    for step in evaluation:
        if not isinstance(step, Event):
            break
        found.append(step)
    return found


def step_of(source: str, text: str, visit: int = 0) -> int:
    line = next(number for number, one in enumerate(source.splitlines(), 1) if one.strip() == text)
    return [n for n, event in enumerate(events_of(source)) if event.kind == "line" and event.line == line][visit]


def looked(source: str, *looks: Look, changes: tuple[Change, ...] = ()) -> list[str | None]:
    evaluation = Evaluation(source, "f(3)", "f", looks=looks, interventions=changes)
    for _ in evaluation:
        pass
    return [one.error or one.text for one in evaluation.looked]


def test_an_expression_is_evaluated_in_its_scope():
    inside = step_of(SHOP, "total += item * by", 1)
    expected = {
        "item": "2", "self.items": "[1, 2]", "self.items[item - 1] + by": "5", "self.__seen": "1", "LIMIT": "3",
        "[k * by for k in self.items if k < by]": "[3, 6]", "sorted(self.items, key=lambda k: -k)": "[2, 1]",
        "f'{total:>4}'": "'   3'", "(y := by) + y": "6", "1 / 0": "ZeroDivisionError: division by zero",
        "cart": "NameError: name 'cart' is not defined", "type(self).__name__": "'Cart'",
    }  # fmt: skip
    assert looked(SHOP, *(Look(inside, 1, text) for text in expected)) == list(expected.values())
    assert looked(SHOP, Look(inside, 0, "a"), Look(inside, 0, "cart.items")) == ["3", "[1, 2]"]
    assert looked(SHOP, Look(inside, 2, "a"), Look(inside, 1, "open('x')")) == [None]
    assert looked(SHOP, Look(len(events_of(SHOP)) - 1, 0, "a + t")) == ["12"]
    shared = step_of(SHOP, "return a + t")
    assert looked(SHOP, Look(shared, 1, "a * t"), Look(shared, 0, "a * t")) == ["27", "27"]


def test_what_may_have_changed_something_is_the_last_look():
    at = step_of(SHOP, "return inner() + next(rest) + LIMIT")
    for text, value in [
        ("next(rest)", "1"),
        ("sum(rest)", "6"),
        ("cart.items.append(5)", "None"),
        ("cart.total(1)", "3"),
    ]:
        assert looked(SHOP, Look(at, 0, text), Look(at, 0, "cart.items")) == [value]
    evaluator, events = Evaluator(), events_of(SHOP)
    looks = [Look(at, 0, "next(rest)"), Look(at, 0, "cart.items.pop()"), Look(at, 0, "cart.items"), Look(at, 0, "nix")]
    try:
        found = look(lambda left: evaluator.evaluate(SHOP, "f(3)", "f", looks=tuple(left)), events, looks)
        assert [one.text for one in found] == ["1", "2", "[1, 2]", None]
        other = [*events[:5], Event("line", 1, 0, "f"), *events[6:]]  # a trace that the evaluator does not agree with
        assert look(lambda left: evaluator.evaluate(SHOP, "f(3)", "f", looks=tuple(left)), other, looks)[0] == NOT_SEEN
    finally:
        evaluator.close()


def test_a_change_is_where_the_call_goes_on_from():
    inside = step_of(SHOP, "total += item * by")
    changes = (Change(inside, 1, "self.items[1]", "by * 100"), Change(inside, 0, "a", "len('four')"))
    changed, before = events_of(SHOP, interventions=changes), events_of(SHOP)
    assert changed[:inside] == before[:inside]
    assert changed[-1].value == str(3 + 900 + 4 + 1 + 3)
    after = next(event for event in changed[inside:] if event.depth == 0)
    assert (after.locals["a"], after.provenance["a"]) == ("4", "given")
    first = events_of(SHOP, interventions=(Change(inside, 1, "total", "'x'"),))
    assert first[inside].locals["total"] == "'x'" and first[inside].provenance["total"] == "given"
    assert first[-2].value.startswith("(<class 'TypeError'>")
    assert events_of(SHOP, interventions=(Change(inside, 1, "LIMIT", "0"),))[-1].value == "13"


@pytest.mark.parametrize(
    ("target", "value", "why"),
    [
        ("nowhere", "1", "no variable nowhere"),
        ("total", "1 / 0", "ZeroDivisionError"),
        ("total", "open('x')", "not known"),
        ("self.items[7]", "1", "IndexError"),
        ("total + 1", "1", "no variable, attribute or item"),
    ],
)
def test_a_change_that_cannot_be_made_ends_the_call_and_says_why(target, value, why):
    inside = step_of(SHOP, "total += item * by")
    evaluation = Evaluation(SHOP, "f(3)", "f", interventions=(Change(inside, 1, target, value),))
    assert len(list(evaluation)) == inside
    assert evaluation.exhausted and why in evaluation.gave_up


def test_a_loop_that_would_never_end_can_be_left():
    source = "def f(a):\n    while a:\n        a = a + 0\n    return 'out'\n"
    last = len(events_of(source)) - 1
    evaluation = Evaluation(source, "f(3)", "f", interventions=(Change(last, 0, "a", "0"),))
    steps = list(evaluation)
    assert evaluation.outcome.value == "'out'" and len(steps) > last
    evaluation = Evaluation(source, "f(3)", "f", interventions=(Change(7, 0, "a", "4"),))
    list(evaluation)
    assert evaluation.outcome.kind == "endless"


@pytest.mark.parametrize("seed", range(6))
def test_looking_at_every_step_changes_nothing_and_sees_what_the_trace_has(seed):
    for source, call in [
        (generated.program(seed), "f(2)"),
        (wider.program(seed), "f(3, 'x,y', 4, k=5)"),
        (class_programs.program(seed), "f()"),
        (suspended.generators(seed), "f()"),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            events = events_of(source, call)
            looks, expected = [], []
            for step, event in enumerate(events):
                for name, text in event.locals.items():
                    if name.isidentifier() and event.provenance[name] in ("given", "computed"):
                        looks.append(Look(step, event.depth, name))
                        expected.append(text)
            evaluation = Evaluation(source, call, "f", looks=looks)
            again = []
            for step in evaluation:
                if not isinstance(step, Event):
                    break
                again.append(step)
        assert [one.text for one in evaluation.looked] == expected[: len(evaluation.looked)]
        assert again == events[: len(again)]
        if looks:
            assert len(evaluation.looked) == len(looks)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_set_to_what_it_is_changes_nothing(seed):
    chance = random.Random(seed)
    source = generated.program(seed)
    events = events_of(source, "f(2)")
    lines = [n for n, event in enumerate(events) if event.kind == "line" and "n" in event.locals]
    for step in sorted(chance.sample(lines, min(5, len(lines)))):
        name = chance.choice([name for name in events[step].locals if name.isidentifier()] or ["n"])
        changes = (Change(step, events[step].depth, name, name),)
        anew = events_of(source, "f(2)", interventions=changes)
        assert [(e.kind, e.line, e.depth, e.locals, e.value) for e in anew] == [
            (e.kind, e.line, e.depth, e.locals, e.value) for e in events
        ]


def test_a_call_that_is_left_out_is_asked_for():
    called = "def g(a):\n    a.append(1)\n    return len(a)\n\n\n"
    evaluation = Evaluation(
        f"{called}def f(n):\n    a = []\n    b = g(a)\n    return a, b\n", "f(3)", "f", interventions=(Skip(3),)
    )
    told = []
    for step in evaluation:
        if isinstance(step, Event):
            told.append((step.kind, step.line, dict(step.locals), step.value, set(step.provenance.values())))
        elif step.kind == "result":
            assert (step.function, step.depth) == ("g", 1)
            evaluation.answer({"line": "3", "value": "7"})
        else:  # what the call may have changed
            assert step.unknown == ("a",)
            evaluation.answer({"a": "[1, 2]"})
    assert told[3:] == [
        ("call", 1, {"a": "[]"}, None, {"computed"}),
        ("return", 3, {}, "7", {"predicted"}),
        ("line", 9, {"n": "3", "a": "[1, 2]", "b": "7"}, None, {"given", "predicted"}),
        ("return", 9, {}, "([1, 2], 7)", {"predicted"}),
    ]


def test_without_an_answer_a_call_that_is_left_out_is_where_it_ends():
    source = "def g():\n    return 1\n\n\ndef f():\n    return g()\n"
    evaluation = Evaluation(source, "f()", "f", interventions=(Skip(2),))
    for step in evaluation:
        if not isinstance(step, Event):
            evaluation.answer({})
    assert evaluation.gave_up == "what g returns is not known"
