"""A prediction is stepped through while it is being made."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cwm_lsp.dap.backend import Control
from cwm_lsp.dap.moving import PATIENCE
from cwm_lsp.dap.session import Session
from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.interventions import NOT_SEEN, Look, Looked
from tests.dap.client import TIMEOUT, validate
from tests.trace import generated

pytestmark = pytest.mark.slow

SOURCE = """\
def low(n):
    if n > 1:
        raise KeyError(n)
    return n

def g(n):
    for i in range(n):
        yield low(i)

def f(n):
    total = 0
    try:
        for x in g(n):
            total += x
    except KeyError:
        total = -1
    return low(total) + low(9)
"""
PATH = "/here/one.py"


def trace_of(source: str, call: str) -> Trace:
    evaluation = Evaluation(source, call, "f", limits=Limits(events=400, seconds=20))
    events = tuple(step for step in evaluation if isinstance(step, Event))
    outcome = evaluation.outcome or Outcome("truncated", detail="cut")
    return Trace("f", call, PATH, "predicted", source, events, outcome)


class Slow:
    """A backend whose prediction comes as far as it is let."""

    def __init__(self, trace: Trace, count: int, problem: Exception | None = None) -> None:
        self.trace = trace
        self.problem = problem
        self._come = 0
        self._gate = threading.Semaphore(count)
        self.is_over = threading.Event()

    def more(self, count: int) -> None:
        """Let more events come; they are there when it returns."""
        until = min(self._come + count, len(self.trace.events))
        self._gate.release(count)
        while self._come < until:
            time.sleep(0.001)
        if until == len(self.trace.events):
            self._gate.release()
            assert self.is_over.wait(TIMEOUT)

    def asked(self, *_: Any) -> Trace:
        return replace(self.trace, events=(), outcome=Outcome("truncated"))

    def predict(self, _trace: Trace, _changes: Any, control: Control) -> Trace:
        try:
            for event in self.trace.events:
                self._pass(control)
                control.heard(event)
                self._come += 1
            self._pass(control)
            return self.trace
        finally:
            self.is_over.set()

    def _pass(self, control: Control) -> None:
        while not self._gate.acquire(timeout=0.01):
            if control.cancel.is_set():
                raise Cancelled
            if self.problem is not None:
                raise self.problem

    def look(self, _trace: Trace, _changes: Any, looks: list[Look]) -> list[Looked]:
        return [NOT_SEEN] * len(looks)


class Talk:
    """A session that is talked to without a process."""

    def __init__(self, backend: Slow, **more: Any) -> None:
        self.backend = backend
        self.count = 0
        self.sent: list[dict[str, Any]] = []
        self.session = Session(backend, lambda: pytest.fail("a fault"), self.sent.append)
        self.ask("initialize", adapterID="cwm-lsp", supportsProgressReporting=True)
        self.ask("launch", program=PATH, stopOnEntry=True, **more)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The response."""
        self.count += 1
        self.session.handle({"seq": self.count, "type": "request", "command": command, "arguments": arguments})
        return next(one for one in reversed(self.sent) if one["type"] == "response")

    def stopped(self, chunk: int = 10**6) -> tuple[str, int, str | None]:
        """Where it stops, with so much more coming each time that it is waited for."""
        for _ in range(10_000):
            for message in self.sent:
                validate(message)
            found = next((one["body"] for one in self.sent if one.get("event") == "stopped"), None)
            if found is not None:
                self.sent.clear()
                frame = self.ask("stackTrace", threadId=1)["body"]["stackFrames"][0]
                return found["reason"], frame["id"], found.get("text")
            if chunk and not self.backend.is_over.is_set():
                self.backend.more(chunk)
            else:
                time.sleep(0.001)
            self.session.grow()
        pytest.fail("it never stops")


def way(
    trace: Trace, first: int, chance: random.Random, chunk: int, commands: list[str], lines: list[int]
) -> list[Any]:
    """The stops of a session whose trace comes in chunks."""
    talk = Talk(Slow(trace, first))
    talk.ask("setExceptionBreakpoints", filters=["uncaught"])
    talk.ask("setBreakpoints", source={"path": PATH}, breakpoints=[{"line": line} for line in lines])
    talk.ask("configurationDone")
    found = []
    for command in ["", *commands]:
        if command:
            talk.ask(command, threadId=1)
        found.append(talk.stopped(chance.randrange(1, chunk + 1)))
    talk.session.close()
    return found


def sources() -> list[tuple[str, str]]:
    return [(SOURCE, "f(3)"), (SOURCE, "f(1)"), *((generated.program(seed), "f(2)") for seed in range(6))]


@pytest.mark.parametrize("number", range(len(sources())))
def test_it_stops_where_it_would_if_all_were_there(number):
    trace = trace_of(*sources()[number])
    chance = random.Random(number)
    whole = len(trace.events) + 1
    first = next(n for n, event in enumerate(trace.events) if event.kind == "line") + 1
    for _ in range(2):
        commands = chance.choices(["next", "stepIn", "stepOut", "continue", "stepBack"], [5, 4, 1, 1, 1], k=25)
        lines = chance.sample(range(1, trace.source.count("\n") + 1), 2)
        expected = way(trace, whole, chance, 1, commands, lines)
        assert way(trace, first, chance, 3, commands, lines) == expected
        assert way(trace, first, chance, 40, commands, lines) == expected


def test_what_is_on_its_way_can_be_paused_and_breakpoints_set():
    trace = trace_of(SOURCE, "f(2)")
    talk = Talk(Slow(trace, 3))
    talk.ask("configurationDone")
    assert talk.stopped() == ("entry", 2, None)
    functions = talk.ask("setFunctionBreakpoints", breakpoints=[{"name": "low"}])["body"]["breakpoints"]
    assert functions[0]["message"] == "the call has not come to low yet"
    assert talk.ask("continue", threadId=1)["success"]
    assert "on its way" in talk.ask("next", threadId=1)["message"]
    assert talk.ask("threads")["success"]
    talk.sent.clear()
    assert talk.ask("pause", threadId=1)["success"]
    assert talk.sent[1]["body"]["reason"] == "pause"
    talk.ask("continue", threadId=1)
    talk.sent.clear()
    reason, at, _ = talk.stopped(1)
    assert (reason, trace.events[at - 1].line) == ("function breakpoint", 2)
    talk.ask("continue", threadId=1)
    told = [one["body"]["breakpoint"] for one in talk.sent if one.get("event") == "breakpoint"]
    assert not told  # it was told before that stop
    assert talk.ask("terminate")["success"]
    assert talk.backend.is_over.wait(TIMEOUT)


def test_how_far_it_is_shows_and_it_can_be_ended_there():
    trace = trace_of(SOURCE, "f(2)")
    talk = Talk(Slow(trace, 4))
    talk.ask("configurationDone")
    talk.stopped()
    talk.ask("continue", threadId=1)
    until = time.monotonic() + TIMEOUT
    while not any(one.get("event") == "progressStart" for one in talk.sent) and time.monotonic() < until:
        talk.session.grow()
        time.sleep(0.01)
    talk.ask("cancel", progressId="2")
    assert talk.backend.is_over.wait(TIMEOUT)
    reason, at, text = talk.stopped(1)
    assert (reason, at, text) == ("step", 4, "the prediction was cancelled")


def test_a_prediction_that_fails_on_its_way_ends_there():
    talk = Talk(Slow(trace_of(SOURCE, "f(2)"), 3, UnavailableError("there is no such model")))
    talk.ask("configurationDone")
    talk.stopped()
    assert talk.backend.is_over.wait(TIMEOUT)
    talk.ask("continue", threadId=1)
    assert talk.stopped(0) == ("step", 3, "there is no such model")


GUESSED = """\
def look(n):
    found = ask(n)
    more = found + n
    return more

def f(n):
    first = look(n)
    return first
"""


class Written(Slow):
    """A backend whose model writes the steps of `look` slowly, and its result at once."""

    asked_for: Sequence[int] = ()
    """The calls that were left out of the latest prediction."""

    def predict(self, trace: Trace, interventions: Any, control: Control) -> Trace:
        left_out = [one.step for one in interventions]
        events = [
            event
            for event in self.trace.events
            if not (left_out and event.depth == 1 and event.kind == "line")  # the only call that there is
        ]
        if self.asked_for and not left_out:
            self._gate.release(len(events) + 1)
        self.asked_for = left_out
        if left_out:
            for event in events:
                control.heard(event)
            return replace(self.trace, events=tuple(events))
        return super().predict(trace, interventions, control)


def guessed() -> Trace:
    """The trace of `f(1)` where a model says that `ask` gives 5."""
    trace = trace_of(GUESSED.replace("ask(n)", "5"), "f(1)")
    first = next(n for n, event in enumerate(trace.events) if "found" in event.locals)
    events = (replace(event, confidence=0.9) if n >= first else event for n, event in enumerate(trace.events))
    return replace(trace, events=tuple(events), source=GUESSED)


def test_a_step_over_what_a_model_writes_asks_for_its_result_and_a_step_in_has_its_steps():
    trace = guessed()
    talk = Talk(Written(trace, 5))  # up to `more = found + n`
    talk.ask("configurationDone")
    assert talk.stopped() == ("entry", 2, None)
    talk.ask("next", threadId=1)
    assert talk.stopped(0) == ("step", 5, None)  # of call, line, call, return, line
    assert talk.backend.asked_for == [2]
    talk.ask("stepBack", threadId=1)
    assert talk.stopped(0)[:2] == ("entry", 2)
    targets = talk.ask("stepInTargets", frameId=2)["body"]["targets"]
    assert targets == [{"id": 3, "label": "look(n=1)"}]
    talk.ask("stepIn", threadId=1)
    assert talk.stopped() == ("step", 4, None)
    assert talk.backend.asked_for == []
    talk.ask("stepIn", threadId=1)
    assert talk.stopped() == ("step", 5, None)


def test_what_might_stop_on_its_way_is_waited_for():
    trace = guessed()
    talk = Talk(Written(trace, 5))
    talk.ask("setBreakpoints", source={"path": PATH}, breakpoints=[{"line": 4}])
    talk.ask("configurationDone")
    talk.stopped()
    talk.ask("next", threadId=1)
    time.sleep(2 * PATIENCE)
    assert talk.stopped(1) == ("breakpoint", 6, None)
    assert talk.backend.asked_for == []
