"""What stops of the user's own debug session show is remembered: never a value that the run did not have there."""

from __future__ import annotations

import random
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.stepping import EditorSession
from cwm_lsp.predict.memory import Run
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.record.live import Stop
from cwm_lsp.record.seen import Seen
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import find

pytestmark = pytest.mark.slow

SOURCE = textwrap.dedent('''
    import random

    def draw(low):
        """A number."""
        number = random.randint(low, 10**9)
        return number

    def f(n):
        first = draw(1)
        total = 0
        for i in range(n):
            got = random.randint(1, 10**9)
            total += got
        last = random.randint(1, 10**9)
        return first, total, last

    if __name__ == "__main__":
        f(3)
''').lstrip()
PATH = "/project/program.py"
WHEN = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load()


def recorded(source=SOURCE, call="f(3)"):
    line = next(n for n, text in enumerate(source.splitlines(), 1) if text.startswith("def f("))
    return record_in_process(source, "f", call, target=("f", line), path=PATH)


def lines(trace):
    return [event for event in trace.events if event.kind == "line"]


def stop(event, reason="step", frame=None):
    return Stop("s", event.depth if frame is None else frame, PATH, event.line, event.function, event.locals, reason)


def seen(stops, source=SOURCE):
    found = Seen(lambda _path: source)
    for one in stops:
        found.stopped(one)
    found.terminated("s")
    return found.take()


def predicted(predictor, traces, source=SOURCE, path=PATH, call="f(3)"):
    task = Task(path, source, find(source, "f", path), call, Path(path).stem)
    runs = [Run(trace, WHEN) for trace in traces if trace.function == "f"]
    return predictor.predict(task, budget=Budget(tokens=0), runs=runs)


def told(trace):
    """What is known of the variables at each line."""
    return [
        (event.line, event.depth, {n: t for n, t in event.locals.items() if event.provenance.get(n) != "unknown"})
        for event in lines(trace)
    ]


def wrong(trace, real):
    """The values that a prediction has remembered and the run did not have."""
    pairs = zip(lines(trace), lines(real), strict=False)
    return [(event.line, name) for event, other in pairs if event.line == other.line
            for name, source in event.provenance.items()
            if source == "remembered" and other.locals.get(name) != event.locals[name]]  # fmt: skip


def test_a_call_that_was_stepped_through_is_known_as_it_went(predictor):
    real = recorded()
    found = seen(map(stop, lines(real)))
    assert {trace.function for trace in found} == {"f", "draw"} and {trace.call for trace in found} == {""}
    assert told(predicted(predictor, found)) == told(real)
    renamed = SOURCE.replace("total", "sum_").replace("        got", "        print(i)\n        got")
    again = predicted(predictor, found, renamed)
    assert again.events[-1].kind == "return" and not again.outcome.is_cut
    assert again.outcome.value is None or again.events[-1].provenance["value"] == "remembered"
    assert {event.locals.get("last") for event in lines(again)} >= {lines(real)[-1].locals["last"]}


def test_stepping_over_leaves_calls_to_be_guessed(predictor):
    real = recorded()
    found = seen(stop(event) for event in lines(real) if event.depth == 0)
    trace = predicted(predictor, found)
    assert not wrong(trace, real)


@pytest.mark.parametrize("first", range(12))
def test_passes_of_a_loop_that_were_not_seen_are_not_counted(predictor, first):
    real = recorded()
    own = [event for event in lines(real) if event.depth == 0]
    found = seen([stop(event, "step" if n else "breakpoint") for n, event in enumerate(own[first:])])
    assert not wrong(predicted(predictor, found), real)


def test_whatever_is_done_nothing_is_remembered_wrongly(predictor):
    for seed in range(25):
        chance = random.Random(seed)
        real = recorded(call=f"f({chance.randrange(4)})")
        stops, reason = [], "breakpoint"
        for event in lines(real):
            if chance.random() < 0.8:
                stops.append(stop(event, reason))
                reason = "step"
            else:  # passed without a stop
                reason = "breakpoint"
        trace = predicted(predictor, seen(stops), call=real.call)
        assert not wrong(trace, real), (seed, wrong(trace, real))


def test_the_line_that_called_is_no_second_visit_of_it():
    real = lines(recorded())
    inside = next(n for n, event in enumerate(real) if event.depth)
    (trace,) = [
        one for one in seen(map(stop, [*real[: inside + 2], real[0], *real[inside + 2 :]])) if one.function == "f"
    ]
    assert [(event.line, event.depth) for event in lines(trace)] == [(event.line, event.depth) for event in real]


def test_a_call_anew_is_another_trace_although_its_frame_has_the_same_number():
    one, other = lines(recorded()), lines(recorded())
    module = Stop("s", 7, PATH, 20, "<module>", {}, "step")
    found = [trace for trace in seen([*map(stop, one), module, *map(stop, other)]) if trace.function == "f"]
    assert [lines(trace)[-1].locals for trace in found] == [one[-1].locals, other[-1].locals]


def test_what_the_debugger_has_cut_or_addressed():
    first, second, *_ = lines(recorded())
    names = {"n": "[1, 2, ...]", "first": "<__main__.Shop object at 0x7f00aa11bb22>"}
    (trace,) = seen([stop(first), replace(stop(second), frame_id=first.depth, function="f", line=11, locals=names)])
    assert dict(trace.events[-1].locals) == {"n": "[1, 2, ...]", "first": "<program.Shop object>"}
    assert trace.events[-1].provenance["n"] == "unknown"


def test_it_is_taken_once_and_as_it_grows():
    found = Seen(lambda _path: SOURCE)
    own = [event for event in lines(recorded()) if event.depth == 0]
    found.stopped(stop(own[0]))
    assert found.take() == [], "no line has come to its end"
    found.stopped(stop(own[1]))
    (trace,) = found.take()
    assert len(lines(trace)) == 2 and found.take() == []
    found.stopped(stop(own[2]))
    assert [len(lines(trace)) for trace in found.take()] == [3]
    assert seen([stop(own[0]), stop(own[1])], None) == seen([stop(own[0])], "def f(:\n") == []


async def test_a_real_session(predictor, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SOURCE)
    found = Seen(lambda path: read_source(Path(path)))
    stops = []
    async with EditorSession(program, [9]) as session:
        while (at := await session.stop()) is not None and at["function"] != "<module>":
            stops.append(Stop.from_json({"session": "real", **at}))
            found.stopped(stops[-1])
            await session.go("stepIn", at["threadId"])
    trace = predicted(predictor, found.take(), path=str(program))
    told_last = told(trace)[-1][2]
    assert told_last == {n: t for n, t in stops[-1].locals.items() if n in told_last} and "last" in told_last
