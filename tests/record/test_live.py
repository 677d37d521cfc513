"""Following the editor's own debug session: as a state machine, and with real stops of a real debugpy session."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.stepping import EditorSession
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.record.live import Difference, Live, Stop
from cwm_lsp.trace.events import Outcome

pytestmark = pytest.mark.slow

SOURCE = textwrap.dedent("""
    def g(x):
        y = x + 1
        return y

    def f(n):
        total = 0
        for i in range(n):
            total += g(i)
        if total > 100:
            raise ValueError(total)
        return total

    print(f(3))
""").lstrip()
PATH = "/project/program.py"


def predicted(source: str = SOURCE, call: str = "f(3)", path: str = PATH):
    return record_in_process(source, "f", call, target=("f", 5), path=path)


def stop_at(event, frame: int | None = None, reason: str = "step", **changes: str) -> Stop:
    frame_id = 100 + event.depth if frame is None else frame
    return Stop("s", frame_id, PATH, event.line, event.function, {**event.locals, **changes}, reason)


@pytest.fixture
def live() -> Live:
    return Live(lambda path, function: predicted())


def line_events(trace, depth: int | None = None):
    return [event for event in trace.events if event.kind == "line" and depth in (None, event.depth)]


def test_stepping_over_follows_the_prediction(live):
    trace = predicted()
    lines = line_events(trace, 0)
    for event, following in zip(lines, [*lines[1:], None], strict=True):
        step = live.stopped(stop_at(event))
        assert step.as_predicted
        assert trace.events[step.event_index] is not None
        assert trace.events[step.event_index].locals == event.locals
        assert step.next_line == following
        assert live.current("s") is step
        live.continued("s")
        assert live.current("s") is None
    assert step.next.kind == "return"
    assert step.next.value == "6"


def test_stepping_in_follows_calls_and_counts_hits(live):
    trace = predicted()
    frames = 200
    hits = []
    for event in line_events(trace):
        frames += event.depth and event.line == 2
        step = live.stopped(stop_at(event, frame=frames if event.depth else 1))
        assert step.as_predicted
        if event.line == 8:
            hits.append(step.hit)
    assert hits == [1, 2, 3]


def test_stepping_out_stops_in_the_callers_line_once_more(live):
    trace = predicted()
    inside = next(event for event in trace.events if event.kind == "line" and event.depth == 1)
    at = trace.events.index(inside)
    for event in [event for event in trace.events[:at] if event.kind == "line"]:
        live.stopped(stop_at(event))
    live.stopped(stop_at(inside))
    caller = next(event for event in reversed(trace.events[:at]) if event.kind == "line" and event.depth == 0)
    step = live.stopped(stop_at(caller))
    assert step.as_predicted
    assert step.next.line == 7
    assert live.stopped(stop_at(step.next)).as_predicted


def test_breakpoints_come_to_later_turns(live):
    trace = predicted()
    turns = [event for event in trace.events if event.kind == "line" and event.line == 8]
    assert [live.stopped(stop_at(event, reason="breakpoint")).hit for event in turns] == [1, 2, 3]
    late = Live(lambda path, function: trace)
    assert late.stopped(stop_at(turns[2], reason="breakpoint")).hit == 3


def test_value_that_is_not_the_predicted_one(live):
    lines = line_events(predicted(), 0)
    live.stopped(stop_at(lines[0]))
    live.stopped(stop_at(lines[1]))
    step = live.stopped(stop_at(lines[2], total="9"))
    assert step.kind == "value"
    assert step.differences == (Difference("total", "0", "9"),)


def test_line_that_is_not_the_predicted_one(live):
    trace = predicted()
    lines = line_events(trace, 0)
    live.stopped(stop_at(lines[0]))
    live.stopped(stop_at(lines[1]))
    step = live.stopped(replace(stop_at(lines[1]), line=10))
    assert step.kind == "control-flow"
    assert step.event_index is None
    assert step.expected == lines[2]
    again = live.stopped(stop_at(lines[2]))
    assert again.event_index is not None


def test_exception_that_was_not_predicted(live):
    lines = line_events(predicted(), 0)
    live.stopped(stop_at(lines[0]))
    live.stopped(stop_at(lines[1]))
    assert live.stopped(replace(stop_at(lines[1]), reason="exception")).kind == "exception"


def test_exception_that_was_predicted():
    trace = predicted(call="f(20)")
    live = Live(lambda path, function: trace)
    raising = next(event for event in line_events(trace, 0) if event.line == 10)
    live.stopped(stop_at(raising, reason="breakpoint"))
    step = live.stopped(stop_at(raising, reason="exception"))
    assert step.as_predicted
    assert step.next.kind == "return"


def test_another_call_and_a_call_anew(live):
    lines = line_events(predicted(), 0)
    assert live.stopped(stop_at(lines[0], n="7")).kind == "other-call"
    assert live.stopped(stop_at(lines[0], frame=900)).as_predicted
    assert live.stopped(stop_at(lines[1], frame=900)).as_predicted
    assert live.stopped(stop_at(lines[0], frame=901)).hit == 1


def test_places_without_a_prediction_are_not_spoken_of(live):
    lines = line_events(predicted(), 0)
    assert live.stopped(replace(stop_at(lines[0]), path="/elsewhere.py")) is None
    assert Live(lambda path, function: None).stopped(stop_at(lines[0])) is None
    assert live.stopped(replace(stop_at(lines[0]), function="unknown")) is None


def test_values_that_the_debugger_cuts_are_no_differences():
    source = "\n\n\n\ndef f(n):\n    xs = list(range(n))\n    return xs\n"
    trace = predicted(source, "f(500)")
    live = Live(lambda path, function: trace)
    cut = "[" + ", ".join(map(str, range(60))) + ", ...]"
    assert live.stopped(stop_at(line_events(trace)[1], reason="breakpoint", xs=cut)).as_predicted


def test_notification_is_read():
    params = {"session": "a", "frameId": 3, "path": PATH, "line": 6, "function": "f", "locals": {"n": "3"}}
    assert Stop.from_json(params).reason == "step"
    with pytest.raises(KeyError):
        Stop.from_json({})


async def follow(program: Path, breakpoints: list[int], commands: str, live: Live):
    steps = []
    async with EditorSession(program, breakpoints) as session:
        for command in [*commands.split(), None]:
            stop = await session.stop()
            if stop is None:
                break
            steps.append((stop, live.stopped(Stop.from_json({"session": "real", **stop}))))
            if command is not None:
                live.continued("real")
                await session.go(command, stop["threadId"])
    return steps


async def test_real_session_stepping_in_goes_as_predicted(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SOURCE)
    live = Live(lambda path, function: predicted(path=str(program)))
    steps = await follow(program, [6], "stepIn " * 8 + "next next continue", live)
    spoken = [step for stop, step in steps if stop["function"] in ("f", "g")]
    assert len(spoken) >= 10
    assert all(step.as_predicted for step in spoken), [(s.kind, s.stop.line, s.differences) for s in spoken]
    assert {step.stop.function for step in spoken} == {"f", "g"}


async def test_real_session_leaves_a_wrong_prediction_where_it_is_wrong(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SOURCE)
    wrong = predicted(SOURCE.replace("x + 1", "x + 2"), path=str(program))
    steps = await follow(program, [6], "next next next next", Live(lambda path, function: wrong))
    kinds = [step.kind for _, step in steps]
    assert kinds[:3] == ["as-predicted"] * 3
    assert kinds[4] == "value"
    assert steps[4][1].differences == (Difference("total", "2", "1"),)


def test_nothing_is_compared_past_the_end_of_a_prediction_that_was_cut(live):
    whole = predicted()
    known = [event for event in whole.events if event.line < 9]
    cut = replace(whole, events=tuple(known), outcome=Outcome("truncated"))
    later = next(event for event in whole.events if event.kind == "line" and event.line == 11)
    for start in (0, 1, 2):
        live = Live(lambda path, function: cut)
        for event in line_events(whole, 0)[:start]:
            assert live.stopped(stop_at(event)).as_predicted
        assert live.stopped(stop_at(later, reason="breakpoint")).kind == "beyond"
        assert live.stopped(stop_at(later)).kind == "beyond"
    # A step that comes elsewhere than where a step leads has left the prediction.
    live = Live(lambda path, function: cut)
    live.stopped(stop_at(line_events(whole, 0)[0]))
    assert live.stopped(stop_at(later)).kind == "control-flow"
