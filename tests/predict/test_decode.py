import threading
import time

import pytest

from cwm_lsp.errors import Cancelled
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import Event
from tests.predict.checkpoints import make_checkpoint

pytestmark = pytest.mark.slow

LOOP = """
def f(n):
    while True:
        n = 1
"""


@pytest.fixture
def endless():
    return Task("loop.py", LOOP, find(LOOP, "f", "loop.py"), "f(1)")


def test_events_stream_as_they_are_complete(engine, endless):
    seen: list[Event] = []
    trace = Predictor.of(engine).predict(endless, assist="off", budget=Budget(events=9), on_event=seen.append)
    assert tuple(seen) == trace.events
    assert len(seen) == 9
    assert trace.outcome.kind == "truncated" and "9 events" in (trace.outcome.detail or "")


@pytest.mark.parametrize(
    ("budget", "told"),
    [(Budget(tokens=50), "50 tokens"), (Budget(seconds=0.05), "seconds"), (Budget(events=3), "3 eve")],
)
def test_a_spent_budget_truncates_and_says_so(engine, endless, budget, told):
    trace = Predictor.of(engine).predict(endless, assist="off", budget=budget)
    assert trace.outcome.kind == "truncated"
    assert told in (trace.outcome.detail or "")


def test_cancelling_takes_at_most_one_pass(engine, endless):
    cancel, passes = threading.Event(), []
    forward = engine.forward

    def counted(batch):
        passes.append(cancel.is_set())
        if len(passes) == 5:
            cancel.set()
        return forward(batch)

    engine.forward = counted
    with pytest.raises(Cancelled):
        Predictor.of(engine).predict(endless, assist="off", cancel=cancel)
    assert len(passes) == 5


@pytest.mark.parametrize(
    "work",
    [
        lambda predictor, task, cancel: predictor.predict(task, assist="draft", cancel=cancel),
        lambda predictor, task, cancel: predictor.predict(task, grammar=False, cancel=cancel),
        lambda predictor, task, cancel: predictor.predict_all([task, task], assist="off", cancel=cancel),
        lambda predictor, task, cancel: predictor.read(predictor.predict(task, budget=Budget(events=9)), cancel=cancel),
    ],
    ids=["draft", "no grammar", "batch", "reading"],
)
def test_whatever_is_cancelled_ends_within_a_pass(work, engine, endless):
    engine.pass_tokens = 16  # so that reading takes several
    cancel, passes = threading.Event(), []
    forward = engine.forward

    def counted(batch):
        passes.append(len(batch))
        if len(passes) == 3:
            cancel.set()
        return forward(batch)

    engine.forward = counted
    with pytest.raises(Cancelled):
        work(Predictor.of(engine), endless, cancel)
    assert len(passes) == 3


def test_cancelling_from_another_thread_ends_it(engine, endless):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        Predictor.of(engine).predict(endless, assist="off", budget=Budget(events=10**6, tokens=10**9), cancel=cancel)
    assert time.monotonic() - started < 30


def test_more_events_than_the_context_holds(engine, endless):
    """The oldest frames are left out, and the grammar holds on."""
    engine.context_length = 400
    trace = Predictor.of(engine).predict(endless, assist="off", budget=Budget(events=30, tokens=10**6))
    assert trace.stats.tokens > engine.context_length
    assert {event.line for event in trace.events if event.kind == "line"} <= {3, 4}
    assert "30 events" in (trace.outcome.detail or "")


def test_the_second_prediction_of_a_program_reads_only_what_is_new(engine, endless):
    read = []
    forward = engine.forward

    def counted(batch):
        read.extend(len(step.tokens) for step in batch)
        return forward(batch)

    engine.forward = counted
    predictor = Predictor.of(engine)
    predictor.predict(endless, assist="off", budget=Budget(events=4))
    first = read[0]
    read.clear()
    other = Task("loop.py", LOOP, endless.function, "f(2)")
    predictor.predict(other, assist="off", budget=Budget(events=4))
    assert read[0] <= first - len(engine.tokenizer.encode(LOOP)) + 2


def test_a_function_too_long_for_the_context_is_told(tmp_path):
    engine = LocalEngine.load(make_checkpoint(tmp_path, context=256), dtype="float64")
    source = "def f(x):\n" + "    x = x + 1\n" * 100 + "    return x\n"
    trace = Predictor.of(engine).predict(Task("x.py", source, find(source, "f", "x.py"), "f(1)"), assist="off")
    assert trace.outcome.kind == "truncated"
    assert "too many for the model's context of 256" in (trace.outcome.detail or "")
