"""A trace that the server writes by itself: the same as by our own loop, in few requests, by a stand-in's small model.

With vLLM itself: `test_vllm.py`.
"""

import random

import numpy as np
import pytest

from cwm_lsp.predict.author import Author, Disagreement
from cwm_lsp.predict.continuation import Continuation
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.portable import PortableEngine
from cwm_lsp.predict.engines.served import ServedEngine
from cwm_lsp.predict.grammar import Frame, Grammar, Known
from cwm_lsp.predict.masks import Masks
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.predict.prompt import prepare
from cwm_lsp.predict.states import entered
from cwm_lsp.trace.events import Event
from tests.engines.serving import serving
from tests.predict.tasks import task_of, tasks
from tests.trace.programs import PROGRAMS

pytestmark = pytest.mark.slow

SOME = sorted(PROGRAMS)[::24]


def told(trace):
    """All of a prediction, chances in all digits that two ways of computing have in common."""
    events = [
        (event.kind, event.line, event.depth, event.locals, event.value, dict(event.provenance), event.mark,
         pytest.approx(event.confidence or 0.0, rel=1e-3))
        for event in trace.events
    ]  # fmt: skip
    return events, trace.outcome, trace.stats.tokens, trace.stats.interventions


ASKING = task_of(
    """\
import os

def f(n):
    x = os.getpid()
    y = [x, n]
    for i in range(2):
        y.append(x + i)
    return y
""",
    "f(3)",
)
"""A call of which the evaluator does not know all."""


@pytest.mark.parametrize("assist", ["off", "draft", "lock"])
def test_what_the_server_writes_is_what_our_loop_writes(assist, local, server):
    server.writes = True
    served = ServedEngine(server.url)
    assert served.writes
    budget, before, passes = Budget(tokens=60), served.requests, 0
    for task in [*(tasks()[name] for name in SOME), ASKING]:
        ours = Predictor.of(served).predict(task, assist=assist, budget=budget)
        theirs = Predictor.of(local).predict(task, assist=assist, budget=budget)
        assert told(ours) == told(theirs), task.call
        passes += theirs.stats.forward_passes
    assert served.requests - before <= passes / 2


PROGRAM = """\
def total(items):
    result = 0
    for item in items:
        result += item
        if result > 20:
            result = 0
    return result
"""


@pytest.fixture(scope="module")
def bundled():
    return PortableEngine(bundled_folder(), "bundled")


@pytest.mark.parametrize(("assist", "wrapped"), [("off", False), ("draft", False), ("off", True)])
def test_a_whole_trace_takes_few_requests_and_few_tokens(assist, wrapped, bundled):
    """By a model that knows its trade: the bundled one."""
    call = "total([*range(9)])" if wrapped else "total([3, 8, 9, 4, 1, 7])"
    task = task_of(PROGRAM, call)
    with serving(PortableEngine(bundled_folder(), "bundled"), bundled_folder()) as server:
        server.writes = True
        served = ServedEngine(server.url)
        before, server.computed = served.requests, 0
        served.calibration = bundled.calibration
        ours = Predictor.of(served).predict(task, assist=assist)
        theirs = Predictor.of(bundled).predict(task, assist=assist)
        assert told(ours) == told(theirs)
        assert len(ours.events) >= 8
        assert served.requests - before <= 0.1 * len(ours.events) + 1
        assert server.computed <= 2 * ours.stats.tokens


def test_a_server_without_it_is_asked_as_ever(local, server):
    served = ServedEngine(server.url)
    assert not served.writes
    name = SOME[0]
    ours = Predictor.of(served).predict(tasks()[name], assist="off", budget=Budget(tokens=40))
    theirs = Predictor.of(local).predict(tasks()[name], assist="off", budget=Budget(tokens=40))
    assert told(ours) == told(theirs)
    assert not any("vllm_xargs" in body for body in server.requests[2:])


def test_what_the_server_should_not_have_written_is_not_taken(local, server, monkeypatch):
    """A plugin of another version, say, that lets anything come."""
    server.writes = True
    served = ServedEngine(server.url)
    monkeypatch.setattr(Author, "legal", lambda self: np.ones(400, dtype=bool))
    monkeypatch.setattr(Author, "take", lambda self, token: True)
    monkeypatch.setattr(Author, "take_back", lambda self, count: None)
    monkeypatch.setattr(Author, "draft", lambda self, most: [])
    name = SOME[1]
    ours = Predictor.of(served).predict(tasks()[name], assist="off", budget=Budget(tokens=30))
    theirs = Predictor.of(local).predict(tasks()[name], assist="off", budget=Budget(tokens=30))
    assert told(ours) == told(theirs)


def authors(tokenizer, draw):
    """Authors of calls of the programs with every statement."""
    for name in draw.sample(sorted(PROGRAMS), 8):
        task = tasks()[name]
        prompt = prepare(task)
        yield Author(Continuation(prompt.source, [prompt.first], 24, prompt.arguments, most=6), tokenizer)


@pytest.mark.parametrize("seed", range(3))
def test_masks_are_what_frames_take(seed, loaded):
    """At every token of frames that are written at random."""
    draw, seen = random.Random(seed), 0
    for author in authors(loaded.tokenizer, draw):
        for _ in range(60):
            if author.done:
                break
            legal = np.flatnonzero(author.legal()).tolist()
            frame = author.frame
            assert legal == ([author.forced[0]] if author.forced else sorted(frame.legal())), (frame.piece, frame.text)
            seen += not author.forced
            texts = [token for token in legal if (frame.grammar.text(token) or " ")[0] in '\\".,}u0']
            assert author.take(draw.choice(texts if texts and draw.random() < 0.7 else legal))
    assert seen > 30


def test_masks_in_a_vocabulary_as_large_as_cwms(real):
    """Of 128,256 tokens, at the edges: a value's first characters, escapes, its end."""
    from cwm_lsp.predict.engines.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_file(real / "tokenizer.json")
    grammar = Grammar(tokenizer, PROGRAM, value_tokens=200)
    masks = Masks(grammar)
    call = Event("call", 1, 0, "total", {"items": "[1]"})
    state = entered(PROGRAM, call)
    state = state.follow(Event("line", 2, 0, "total", {"items": "[1]"}))
    state = state.follow(Event("line", 3, 0, "total", {"items": "[1]", "result": "0"}))
    draw, vocabulary = random.Random(5), range(tokenizer.vocabulary_size)
    for begun in ("", ".", "..", "a", "a\\\\", "a\\\\u00", "' \\\\\\\\"):
        frame = Frame(grammar, state, Known("line", frozenset({4})))
        text = '{"items": "[1], 2", "result": "' + begun.replace("\\\\", "\\")
        assert frame.take(grammar.kind_ids["line"])
        for character in text:
            if frame.name == "result" and not begun:
                break
            frame.take(next(token for token in vocabulary if grammar.text(token) == character))
        flags = masks.legal(frame)
        edges = [token for token in vocabulary if (grammar.text(token) or "x")[0] in '".\\,' and draw.random() < 0.1]
        for token in [*edges, *draw.sample(vocabulary, 3000)]:
            assert flags[token] == frame.copy().take(token), (begun, grammar.text(token))


def test_an_author_takes_back_what_it_took(loaded):
    draw = random.Random(1)
    for author in authors(loaded.tokenizer, draw):
        for _ in range(12):
            if author.done:
                break
            before = author.legal()
            walked = 0
            while walked < 90 and not author.done:
                author.take(draw.choice(np.flatnonzero(author.legal()).tolist()))
                walked += 1
            author.take_back(walked)
            assert (author.legal() == before).all()
            drafted = author.draft(30)
            assert author.fitting(drafted) == len(drafted)
            for token in drafted or np.flatnonzero(before)[:1].tolist():
                assert author.take(token)


def test_a_continuation_survives_the_wire():
    task = task_of(PROGRAM, "total([*range(9)])")
    prompt = prepare(task)
    whole = Continuation(
        prompt.source, [prompt.first], 24, prompt.arguments, [5, 6],
        Known("line", frozenset({3}), None, ("a",), {"a": "1"}), "frame", 3, entries=[(1, "total")], base=1,
    )  # fmt: skip
    text = whole.to_json()
    assert Continuation.from_json(text).to_json() == text
    assert Continuation.from_json(text).known == whole.known


def test_what_does_not_fit_its_program_is_refused(loaded):
    call, line = Event("call", 1, 0, "total", {"items": "[1]"}), Event("line", 7, 0, "total", {"items": "[1]"})
    with pytest.raises(Disagreement, match="line 7"):
        Author(Continuation(PROGRAM, [call, line], 24), loaded.tokenizer)
    with pytest.raises(Disagreement, match="illegal"):
        Author(Continuation(PROGRAM, [call], 24, begun=[3]), loaded.tokenizer)
