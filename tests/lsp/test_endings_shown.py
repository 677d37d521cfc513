"""How calls end, in the editor and in a terminal: loops that never end, steps that are too many, values not known."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from cwm_lsp import report
from cwm_lsp.jobs import verdict
from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.diagnostics import Told, diagnostics
from cwm_lsp.lsp.views.document import ending
from cwm_lsp.lsp.views.hints import label_of
from cwm_lsp.lsp.views.hover import hover
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.lsp.views.unreached import unreached
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.settings import Diagnostics, Hints
from cwm_lsp.source.functions import find
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import ExceptionInfo, Outcome, Trace

pytestmark = pytest.mark.slow

ENDLESS = "def f(n):\n    while n != 0:\n        n = -n\n    return n\n"
DEEP = "def f(n):\n    return f(n + 1)\n"
LONG = "def f(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\n"
UNKNOWN = "import sys\ndef f(n, out=sys.stderr):\n    m = [out, n]\n    n += 1\n    return n\n"


def predicted(source: str, call: str, *, events: int = 300) -> Trace:
    """What is predicted of a call that needs no model."""

    def load():
        raise AssertionError("the model is not needed")

    task = Task("f.py", source, find(source, "f", "f.py"), call)
    return Predictor(load, "none").predict(task, budget=Budget(events=events))


def reading(trace: Trace) -> ShownTrace:
    found = ShownTrace.of(trace, Shape.of(trace.source, {event.line for event in trace.events}))
    return replace(found, unreached=tuple(unreached(trace)))


def problems(trace: Trace) -> list[tuple[int, str, str]]:
    found = diagnostics(
        Told.of(reading(trace)), Text(trace.source), lambda n: n - 1, lambda *_: None, Diagnostics(), {}
    )
    return [(one.range.start.line + 1, str(one.code), one.message) for one in found]


def in_terminal(trace: Trace) -> str:
    console = Console(file=StringIO(), width=300)
    console.print(report.outcome_line(trace))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_loop_that_never_ends_is_told_everywhere() -> None:
    trace = predicted(ENDLESS, "f(5)")
    told = "never ends: the state of line 2 returns after 2 rounds"
    assert trace.outcome.to_json()["kind"] == "endless"
    assert trace.outcome.to_json()["loop"] == {"line": 2, "rounds": 2, "path": None}
    assert told in in_terminal(trace)
    assert ending(trace) == told
    assert [(line, code) for line, code, _ in problems(trace)] == [(2, "endless-loop")]
    assert told in problems(trace)[0][2]
    visit = reading(trace).visits()[2]
    assert told in hover(reading(trace), visit, [], None, [], markdown=False)
    assert unreached(trace) == [4]
    assert verdict(trace) == "found"


@pytest.mark.parametrize("kind", ["timeout", "truncated"])
def test_a_run_that_was_ended_agrees_with_a_loop_that_never_ends(kind: str) -> None:
    trace = predicted(ENDLESS, "f(5)")
    longer = trace.events * 1 + tuple(replace(event) for event in trace.events[1:3] * 10)
    run = replace(trace, origin="recorded", events=longer, outcome=Outcome(kind, detail="no end"))  # type: ignore[arg-type]
    assert not compare(trace, run)
    over = replace(run, outcome=Outcome("return", "0"))
    assert [one.kind for one in compare(trace, over)] == ["length"]


def test_how_a_call_ends_is_told_also_where_its_steps_are_too_many() -> None:
    trace = predicted(LONG, "f(1000)", events=50)
    assert len(trace.events) == 50
    assert (trace.outcome.kind, trace.outcome.value) == ("return", "499500")
    assert trace.outcome.cut == "the limit of 50 events was reached"
    assert trace.outcome.is_cut
    assert "499500" in in_terminal(trace)
    assert "50 events" in in_terminal(trace)
    assert unreached(trace) == []
    assert reading(trace).end is not None
    whole = predicted(LONG, "f(1000)", events=5000)
    assert not whole.outcome.is_cut
    run = replace(whole, origin="recorded")
    assert not compare(trace, run)
    other = replace(run, outcome=Outcome("exception", exception=ExceptionInfo("KeyError", "1", 4)))
    assert [(one.kind, one.predicted, one.actual) for one in compare(trace, other)] == [
        ("exception", "499500", "KeyError")
    ]


def test_recursion_without_end_is_a_problem_at_its_line() -> None:
    trace = predicted(DEEP, "f(0)")
    assert trace.outcome.exception == ExceptionInfo("RecursionError", "maximum recursion depth exceeded", 2)
    assert [(line, code) for line, code, _ in problems(trace)] == [(2, "computed-exception")]
    assert "RecursionError: maximum recursion depth exceeded" in problems(trace)[0][2]


def test_a_call_that_takes_long_says_how_far_it_came() -> None:
    trace = predicted("def f(n):\n    while n % 7919 != 7:\n        n = n * n % 10**9 + n % 3\n", "f(1)", events=20)
    if trace.outcome.kind == "truncated":
        assert "the limit of 20 events was reached; the call takes more than" in (trace.outcome.detail or "")
        assert "it was at line" in (trace.outcome.detail or "")


def test_what_is_not_known_is_shown_as_nothing_and_all_else_is_told() -> None:
    trace = predicted(UNKNOWN, "f(1)")
    assert (trace.outcome.kind, trace.outcome.value) == ("return", "2")
    visits = reading(trace).visits()
    assert label_of(visits[3], Hints()) == ""
    assert "2" in label_of(visits[4], Hints())
    assert "unknown" in hover(reading(trace), visits[3], [], None, [], markdown=False)
