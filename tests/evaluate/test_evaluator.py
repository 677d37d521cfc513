"""The process that evaluates: the same steps as in this process, and an end to what has none."""

import os
import signal
import threading
import time

import psutil
import pytest

from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.evaluate import Evaluation, Evaluator, Limits, Question
from cwm_lsp.evaluate import evaluator as module
from tests.evaluate import programs

pytestmark = pytest.mark.slow

LOOP = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
ASKS = "import random\n\ndef f(n):\n    x = random.random()\n    if x > n:\n        return [x]\n    return x\n"
STUCK = "KEYS = list(zip(range(0, 60_000 * (2**61 - 1), 2**61 - 1)))\n\ndef f():\n    return len(set(KEYS))\n"
"""Keys of one hash, each compared with all others: a minute within one call that nothing can interrupt."""


@pytest.fixture(scope="module")
def evaluator():
    evaluator = Evaluator()
    yield evaluator
    evaluator.close()


def reply(question):
    if question.kind == "values":
        return dict.fromkeys(question.unknown, "0.25")
    return False if question.kind == "branch" else None


def steps(evaluation):
    """All steps, its questions answered, and how it ended."""
    found = []
    for step in evaluation:
        found.append(step)
        if isinstance(step, Question):
            evaluation.answer(reply(step))
    return found, evaluation.outcome, evaluation.gave_up, evaluation.exhausted


def gone(pid):
    """Whether a process ends within some seconds."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("source", "call"),
    [
        (LOOP, "f(3)"),
        (LOOP, "f(300)"),
        (LOOP, "f(2_000_000)"),
        (LOOP, "f('a')"),
        (LOOP, "f(unknown)"),
        (LOOP, "f("),
        ("def f(:", "f()"),
        (LOOP, "print(f)"),
        (ASKS, "f(0.5)"),
        ("def g():\n    pass\n", "g()"),
        ("def f(x):\n    '\\ud800'\n    return x\n", "f('\\udfff')"),
    ],
)
def test_the_steps_are_those_of_an_evaluation_in_this_process(evaluator, source, call):
    limits = Limits(events=1_000, seconds=60, operations=50_000)
    try:
        here = steps(Evaluation(source, call, "f", limits=limits, module="m"))
    except Exception as error:
        here = [], None, str(error), False
    assert steps(evaluator.evaluate(source, call, "f", limits=limits, module="m")) == here


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_are_the_same(evaluator, seed):
    source = programs.program(seed)
    limits = Limits(seconds=60)
    try:
        here = steps(Evaluation(source, "f(3)", "f", limits=limits))
    except SyntaxError as error:
        here = [], None, str(error), False
    assert steps(evaluator.evaluate(source, "f(3)", "f", limits=limits)) == here


def test_several_go_on_at_once(evaluator):
    both = [evaluator.evaluate(ASKS, f"f({n})", "f") for n in (1, 2, 3)]
    iterators = [iter(evaluation) for evaluation in both]
    found = [[], [], []]
    going = [0, 1, 2]
    while going:
        for at in list(going):
            step = next(iterators[at], None)
            if step is None:
                going.remove(at)
                continue
            found[at].append(step)
            if isinstance(step, Question):
                both[at].answer(reply(step))
    for at, n in enumerate((1, 2, 3)):
        assert found[at] == steps(Evaluation(ASKS, f"f({n})", "f"))[0]


def test_the_time_that_an_answer_takes_does_not_count(evaluator):
    evaluation = evaluator.evaluate(ASKS, "f(1)", "f", limits=Limits(seconds=0.2))
    for step in evaluation:
        if isinstance(step, Question):
            time.sleep(1.5 if step.kind == "values" else 0)
            evaluation.answer(reply(step))
    assert (evaluation.outcome.value, evaluation.gave_up) == ("0.25", None)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped there")
def test_the_time_that_others_have_the_processor_does_not_count(evaluator):
    limits = Limits(events=1_000, operations=10**7, seconds=2)
    evaluation = evaluator.evaluate(LOOP, "f(150_000)", "f", limits=limits)
    found = iter(evaluation)
    next(found)
    process = psutil.Process(evaluator.pid)
    process.suspend()
    threading.Timer(4, process.resume).start()
    list(found)
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == str(sum(range(150_000)))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped there")
def test_a_process_that_does_nothing_is_ended(monkeypatch):
    monkeypatch.setattr(module, "_STILL", 0.5)
    evaluator = Evaluator()
    evaluation = evaluator.evaluate(LOOP, "f(100_000)", "f", limits=Limits(operations=10**8, seconds=60))
    found = iter(evaluation)
    next(found)
    psutil.Process(evaluator.pid).suspend()
    list(found)
    assert (evaluation.gave_up, evaluation.exhausted) == ("evaluating f did nothing for 0.5 s and was ended", True)
    assert steps(evaluator.evaluate(LOOP, "f(3)", "f"))[1].value == "3"
    evaluator.close()


def test_what_cannot_be_interrupted_is_ended_and_not_tried_again():
    evaluator = Evaluator()
    limits = Limits(seconds=0.5)
    _, outcome, gave_up, exhausted = steps(evaluator.evaluate(STUCK, "f()", "f", limits=limits))
    assert (outcome, exhausted) == (None, True)
    assert gave_up in (
        "evaluating f took more than 0.5 s and was ended",
        "evaluating f took more than 200 MB and was ended",
    )
    assert evaluator.pid is not None and gone(evaluator.pid)
    pid = evaluator.pid
    assert steps(evaluator.evaluate(STUCK, "f()", "f", limits=limits)) == ([], None, gave_up, True)
    assert evaluator.pid == pid  # no other one was started for it
    assert steps(evaluator.evaluate(LOOP, "f(3)", "f"))[1].value == "3"
    assert evaluator.pid != pid
    evaluator.close()


def test_memory_has_a_hard_limit():
    evaluator = Evaluator(memory=30 * 2**20)
    source = "KEPT = []\nfor i in range(50_000):\n    KEPT.append('%09d' % i * 15_000)\n\ndef f():\n    return 1\n"
    limits = Limits(allocated=10**12, seconds=60)
    _, outcome, gave_up, exhausted = steps(evaluator.evaluate(source, "f()", "f", limits=limits))
    assert outcome is None and exhausted
    assert gave_up is not None and ("more than 30 MB" in gave_up or "more memory" in gave_up)
    assert steps(evaluator.evaluate(LOOP, "f(3)", "f"))[1].value == "3"
    evaluator.close()


def test_a_process_that_is_killed_is_renewed():
    evaluator = Evaluator()
    evaluation = evaluator.evaluate(ASKS, "f(1)", "f")
    for step in evaluation:
        if isinstance(step, Question):
            os.kill(evaluator.pid, signal.SIGKILL)
            evaluation.answer(reply(step))
    assert evaluation.outcome is None
    assert "ended by the system" in evaluation.gave_up
    assert steps(evaluator.evaluate(ASKS, "f(2)", "f"))[1].kind == "return"
    evaluator.close()


def test_one_that_has_grown_takes_nothing_down_with_it():
    evaluator = Evaluator(memory=2**20)  # as it grows in any evaluation
    pids = set()
    for n in range(12):
        assert steps(evaluator.evaluate(LOOP, f"f({n})", "f"))[2:] == (None, False)
        pids.add(evaluator.pid)
        time.sleep(0.01 * (n % 3))  # the next begins before it is told, while it ends, and after
    assert len(pids) > 1
    assert all(gone(pid) for pid in pids - {evaluator.pid})
    evaluator.close()


def test_one_that_is_left_early_keeps_nobody_waiting():
    evaluator = Evaluator()
    source = "import random\n" + STUCK.replace("    return", "    x = random.random()\n    return")
    left = evaluator.evaluate(source, "f()", "f", limits=Limits(seconds=1000))
    steps_of_it = iter(left)  # kept: it is closed when it goes
    for step in steps_of_it:
        if isinstance(step, Question):
            left.answer(reply(step))
            if step.kind == "values":
                break  # on its way into what cannot be interrupted
    first = evaluator.pid
    time.sleep(0.3)
    left.close()
    assert steps(evaluator.evaluate(LOOP, "f(5)", "f"))[1].value == "10"
    assert evaluator.pid != first and gone(first)
    evaluator.close()


def test_cancelling_ends_the_waiting_for_what_cannot_be_interrupted(evaluator):
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        steps(evaluator.evaluate(STUCK, "f()", "f", limits=Limits(seconds=1000), cancel=cancel))
    assert time.monotonic() - began < 30
    assert steps(evaluator.evaluate(LOOP, "f(5)", "f"))[1].value == "10"


def test_closing_and_forgetting_leave_no_process():
    evaluator = Evaluator()
    evaluator.start()
    pid = evaluator.pid
    evaluator.close()
    assert gone(pid)
    other = Evaluator()
    steps(other.evaluate(LOOP, "f(3)", "f"))
    pid = other.pid
    del other
    assert gone(pid)


def test_a_process_that_cannot_start_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(UnavailableError, match="cannot be started"):
        steps(Evaluator().evaluate(LOOP, "f(3)", "f"))
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    with pytest.raises(UnavailableError, match="exit status"):
        steps(Evaluator().evaluate(LOOP, "f(3)", "f"))
