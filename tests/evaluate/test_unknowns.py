"""One unknown stays one unknown: it shows as its type, asks nothing, is compared with nothing, and all else goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwm_lsp.evaluate import Evaluation, Question
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Event, Outcome, Trace
from tests.evaluate.probed import probed
from tests.evaluate.recording import only_on_the_reference

CLASSES = """
import array
import collections
import copy
class A:
    def __deepcopy__(self, memo):
        again = A()
        memo[id(self)] = again
        return again
class B:
    pass
class S(set):
    pass
class L(list):
    pass
class D(dict):
    pass
class E(Exception):
    pass
class Raises:
    def __repr__(self):
        return self.missing
class Draws:
    def __init__(self, rows):
        self.rows, self.drawn = rows, 0
    def __repr__(self):
        self.drawn += 1
        return f"rows {self.rows}"
class Tells:
    def __repr__(self):
        return f"<Tells {id(self):x}>"
"""


def known(source: str, call: str, function: str) -> tuple[list[Event], Outcome]:
    """The steps and the outcome of a call about which nothing is asked."""
    evaluation = Evaluation(source, call, function, module="__recorded__")
    events: list[Event] = []
    for step in evaluation:
        assert not isinstance(step, Question), step
        events.append(step)
    assert evaluation.outcome is not None, evaluation.gave_up
    return events, evaluation.outcome


def trace(events: list[Event], outcome: Outcome, source: str, origin: str) -> Trace:
    return Trace("f", "f()", "f.py", origin, source, tuple(events), outcome)  # type: ignore[arg-type]


@only_on_the_reference
@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ('"%r" % (B(),)', True),
        ('"%s and %s" % (1, B())', True),
        ('f"{B()}"', True),
        ('f"{B()!r:>40}"', None),
        ('"{}".format(B())', None),
        ("str(B())", True),
        ("repr([B()])", True),
        ("repr(len) + repr(B())", None),
        ('", ".join(map(str, [1, B()]))', None),
        ("str(KeyError(B()))", True),
        ("repr(f)", True),
        ("id(B())", True),
        ("[id(B()), 1]", True),
        ("copy.deepcopy([A()])", False),
        ("copy.deepcopy({'a': A(), 'b': [A()]})", False),
        ('array.array("i", [1]).buffer_info()', None),
        ("Tells()", True),
        ("[Tells(), 1]", True),
        ("Raises()", False),
        ("[Raises(), {1: Raises()}]", False),
        ("Draws([1])", False),
        ("(Draws([1]), Draws([2]))", False),
        ("S([Raises()])", False),
        ("L([Raises(), L()])", False),
        ("D(a=Raises(), b=D())", False),
        ("collections.deque([Raises()])", False),
        ("E(Raises(), 1)", False),
        ("[].append", False),
        ("B().__init__", False),
        ('"look at 0x10 and at 0x7f12ab"', False),
        ('["look at 0x7f12ab", B()]', False),
        ('"%s!" % "at 0x7f12ab"', False),
    ],
)
def test_an_address_and_a_repr_of_its_own(expression: str, unknown: bool | None) -> None:
    """`unknown`: None where the operation itself is asked about."""
    source = f"{CLASSES}\ndef f():\n    x = 1\n    y = {expression}\n    z = x + 1\n    return z\n"
    if unknown is None:
        steps = Evaluation(source, "f()", "f")
        assert any(isinstance(step, Question) and step.kind == "raises" for step in _answered(steps))
        return
    recorded, outcome = probed(source, "f()", "f")
    events, ended = known(source, "f()", "f")
    assert ended == outcome
    shown = [event for event in events if "y" in event.locals]
    assert {event.provenance["y"] for event in shown} == {"unknown" if unknown else "computed"}
    assert all(event.provenance["x"] == "computed" for event in shown)
    assert not compare(trace(events, ended, source, "predicted"), trace(recorded, outcome, source, "recorded"))
    if not unknown:
        real = {event.locals["y"] for event in recorded if "y" in event.locals}
        assert {event.locals["y"] for event in shown} == real


def _answered(evaluation: Evaluation) -> list[Event | Question]:
    steps = []
    for step in evaluation:
        steps.append(step)
        if isinstance(step, Question):
            evaluation.answer({} if step.kind == "values" else None)
    return steps


@pytest.mark.parametrize(
    ("before", "signature", "call"),
    [
        ("import sys", "x, stream=sys.stderr", "f(1)"),
        ("from elsewhere import load", "x, y=load", "f(1)"),
        ("from elsewhere import load", "x, y", "f(1, load())"),
        ("from elsewhere import load", "x, *rest", "f(1, 2, load())"),
        ("from elsewhere import load\nLIMIT = load()", "x, y=LIMIT", "f(1)"),
        ("from elsewhere import mark\n@mark\ndef other():\n    pass", "x", "f(1)"),
        ("from elsewhere import Base\nclass C(Base):\n    pass", "x, y=C", "f(1)"),
        ("import time\nstarted = time.time()", "x", "f(1)"),
    ],
)
def test_what_is_not_known_around_a_call_is_no_reason_for_not_knowing_it(
    before: str, signature: str, call: str
) -> None:
    source = f"{before}\ndef f({signature}):\n    z = [x, 2]\n    z.append(3)\n    return sum(z)\n"
    events, outcome = known(source, call, "f")
    assert outcome == Outcome("return", value="6")
    assert events[-1].provenance["value"] == "computed"
    first = dict(events[0].provenance)
    assert first.pop("x") == "given"
    assert set(first.values()) <= {"unknown"}


def test_a_return_value_that_is_not_known_is_no_value() -> None:
    events, outcome = known("import sys\ndef f(x=sys.stderr):\n    return x\n", "f()", "f")
    assert (events[-1].value, events[-1].provenance["value"]) == ("<_io.TextIOWrapper object>", "unknown")
    assert (outcome.kind, outcome.value) == ("return", None)


def test_what_is_not_known_is_compared_with_nothing() -> None:
    source = "def f(x):\n    return x\n"
    place = {"depth": 0, "function": "f"}
    real = [
        Event("call", 1, locals={"x": "3"}, **place),  # type: ignore[arg-type]
        Event("line", 2, locals={"x": "3"}, **place),  # type: ignore[arg-type]
        Event("return", 2, value="3", **place),  # type: ignore[arg-type]
    ]
    for source_of in ("unknown", "computed"):
        expected = [
            replace(
                event,
                locals={"x": "<a.B object>"} if event.locals else event.locals,
                value=event.value and "<a.B object>",
                provenance={"x": source_of, "value": source_of},
            )
            for event in real
        ]
        found = compare(
            trace(expected, Outcome("return"), source, "predicted"),
            trace(real, Outcome("return", "3"), source, "recorded"),
        )
        assert bool(found) == (source_of == "computed")
