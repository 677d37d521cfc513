"""What cannot be known is asked, and the evaluation goes on from the answer."""

from __future__ import annotations

import time

import pytest

from cwm_lsp.evaluate import Answer, Evaluation, Question
from cwm_lsp.trace.events import Event
from tests.evaluate.recording import MODULE, clean, describe, only_on_the_reference, record

PROGRAM = """
import time
import platform
def helper(x):
    return x * 2
def clock(n):
    started = time.time()
    total = 0
    for i in range(n):
        total += i
    if started > 0:
        total = helper(total)
    else:
        total = -1
    name = platform.python_implementation()
    upper = name.upper()
    return total, upper
def fails(path):
    try:
        handle = open(path)
    except OSError as error:
        kind = type(error).__name__
        return kind
    return handle
def changes(items):
    import random
    first = len(items)
    random.shuffle(items)
    last = sorted(items)
    return first, last
def loops():
    found = []
    for name in platform.architecture():
        found.append(name)
    return found
def unordered(words):
    seen = set(words)
    count = len(seen)
    ordered = sorted(seen)
    text = ''
    for word in seen:
        text += word
    return count, ordered, len(text)
"""


def answer_from(recorded: list[Event], done: list[Event], question: Question) -> Answer:
    """What a perfect model would say, given what really happens."""
    real = recorded[len(done)]
    if question.kind == "values":
        if real.kind == "return":
            return {"value": real.value or ""}
        return {name: real.locals[name] for name in question.unknown if name in real.locals}
    if question.kind == "raises":
        return real.value if real.kind == "exception" else None
    return real.line == question.lines[0]


def replay(call: str, function: str) -> tuple[list[Event], list[Event], list[Question], Evaluation]:
    recorded = record(PROGRAM, call, function)
    evaluation = Evaluation(PROGRAM, call, function, module=MODULE)
    done: list[Event] = []
    questions: list[Question] = []
    for step in evaluation:
        if isinstance(step, Question):
            questions.append(step)
            evaluation.answer(answer_from(recorded, done, step))
        else:
            done.append(step)
    return recorded, done, questions, evaluation


@only_on_the_reference
@pytest.mark.parametrize(
    ("call", "function"),
    [
        ("clock(3)", "clock"),
        ("fails('/nothing/there')", "fails"),
        ("changes([3, 1, 2])", "changes"),
        ("loops()", "loops"),
    ],
)
def test_with_the_right_answers_the_trace_is_the_real_one(call: str, function: str) -> None:
    recorded, done, questions, evaluation = replay(call, function)
    assert questions
    for real, event in zip(recorded, done, strict=False):
        if real.kind in ("call", "line"):
            shown = {
                name: "?" if "module '" in text or event.provenance[name] == "unknown" else clean(text)
                for name, text in event.locals.items()
            }
            expected = {name: "?" if "module '" in text else text for name, text in real.locals.items()}
            # the clock of a second run is not that of the first: only the question's answer is compared
            assert (real.kind, real.line, real.depth, expected) == (event.kind, event.line, event.depth, shown)
        else:
            assert describe(real) == clean(describe(event))
    assert len(recorded) == len(done)
    assert evaluation.outcome is not None


@only_on_the_reference
def test_provenance_says_what_depends_on_an_answer() -> None:
    _, done, _, _ = replay("clock(3)", "clock")
    first, last = done[0], [event for event in done if event.kind == "line" and event.depth == 0][-1]
    assert dict(first.provenance) == {"n": "given"}
    assert last.provenance["n"] == "given"
    assert last.provenance["started"] == "predicted"
    assert last.provenance["total"] == "predicted"
    assert done[-1].provenance["value"] == "predicted"


def test_known_calls_ask_nothing_and_are_computed() -> None:
    evaluation = Evaluation("def f(x, y):\n    z = x + y\n    x = 0\n    return z\n", "f(1, y=2)", "f")
    steps = list(evaluation)
    assert not [step for step in steps if isinstance(step, Question)]
    assert [dict(step.provenance) for step in steps if isinstance(step, Event)] == [
        {"x": "given", "y": "given"},
        {"x": "given", "y": "given"},
        {"x": "given", "y": "given", "z": "computed"},
        {"x": "computed", "y": "given", "z": "computed"},
        {"value": "computed"},
    ]


def test_an_answer_that_is_no_literal_makes_an_opaque_object() -> None:
    source = "import socket\ndef f():\n    s = socket.socket()\n    t = [s]\n    return t\n"
    evaluation = Evaluation(source, "f()", "f")
    events = []
    for step in evaluation:
        if isinstance(step, Question):
            evaluation.answer(dict.fromkeys(step.unknown, "<socket.socket fd=3>") if step.kind == "values" else None)
        else:
            events.append(step)
    assert events[-1].value == "[<socket.socket fd=3>]"
    assert events[-1].provenance["value"] == "predicted"


def test_the_order_of_a_set_of_strings_is_suggested_not_computed() -> None:
    evaluation = Evaluation(PROGRAM, "unordered(['b', 'a', 'b'])", "unordered")
    events = []
    for step in evaluation:
        if isinstance(step, Question):
            assert set(step.unknown) == set(step.suggestions)
            evaluation.answer(dict.fromkeys(step.unknown, "{'b', 'a'}"))
        else:
            events.append(step)
    by_line = {event.line: event for event in events if event.kind == "line"}
    with_count = by_line[min(line for line, event in by_line.items() if "count" in event.locals)]
    assert with_count.locals["seen"] == "{'b', 'a'}"
    assert with_count.provenance["seen"] == "predicted"
    assert with_count.provenance["count"] == "computed"
    assert events[-1].value == "(2, ['a', 'b'], 2)"
    assert events[-1].provenance["value"] == "predicted"


def test_an_unknown_argument_stays_unknown_until_something_depends_on_it() -> None:
    source = "from elsewhere import load\ndef f(x, y=load):\n    z = [3]\n    z.append(4)\n    return x + 1\n"
    evaluation = Evaluation(source, "f(load('x'))", "f")
    events, questions = [], []
    for step in evaluation:
        if isinstance(step, Question):
            questions.append(step)
            evaluation.answer({"value": "42"} if step.kind == "values" else None)
        else:
            events.append(step)
    assert [event.line for event in events[:-1]] == [2, 3, 4, 5]
    assert dict(events[3].locals) == {"x": "...", "y": "...", "z": "[3, 4]"}
    assert dict(events[3].provenance) == {"x": "unknown", "y": "unknown", "z": "computed"}
    assert [(question.kind, question.line) for question in questions] == [("raises", 5), ("values", 5)]
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "42"


def test_waiting_for_an_answer_does_not_count_as_time() -> None:
    from cwm_lsp.evaluate import Limits

    source = "import time\ndef f():\n    t = time.time()\n    return t + 1\n"
    evaluation = Evaluation(source, "f()", "f", limits=Limits(seconds=0.3))
    for step in evaluation:
        if isinstance(step, Question):
            time.sleep(0.5)
            evaluation.answer({"t": "1.5"} if step.kind == "values" else None)
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "2.5"
