import math
import sys
import time
import weakref
from dataclasses import replace

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import Distribution, bundled_folder
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.portable import PortableEngine
from cwm_lsp.predict.engines.replay import ReplayEngine
from cwm_lsp.predict.predictor import Budget, Predictor
from tests.predict.checkpoints import make_checkpoint
from tests.predict.tasks import recorded, replayed, tasks
from tests.trace.tracer import record

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the traces are what CPython 3.11 reports"),
    pytest.mark.slow,
]

PATIENT = 600.0
"""Seconds for a reading: how far one comes in the usual time hangs on the machine."""


@pytest.fixture(scope="module")
def of_bytes(tmp_path_factory):
    """A random model whose tokens are bytes: what it writes is read as the same tokens."""
    folder = make_checkpoint(tmp_path_factory.mktemp("bytes"), seed=1, merges=False)
    return LocalEngine.load(folder, dtype="float64")


@pytest.fixture
def predictor(engine):
    return Predictor.of(engine)


class Unsure(Distribution):
    """A distribution that gives each token a little less."""

    def __init__(self, other):
        self.other = other

    def ranked(self):
        return ((token, logprob - 0.1) for token, logprob in self.other.ranked())

    def logprob(self, token_id):
        return self.other.logprob(token_id) - 0.1

    def best(self, allowed):
        token, logprob = self.other.best(allowed)
        return token, logprob - 0.1


class UnsureEngine(ReplayEngine):
    """A model that is rather sure of one trace."""

    def forward(self, batch):
        return [(prefix, [Unsure(one) for one in distributions]) for prefix, distributions in super().forward(batch)]


@pytest.mark.parametrize("name", ["branches-0", "branches-2", "loops-1"])
def test_what_the_model_itself_predicts_does_not_surprise_it(loaded, name):
    """Reading a prediction gives the probabilities that it was written with, and nothing else is expected."""
    script, _ = replayed(loaded.tokenizer, tasks()[name], recorded(name).events)
    predictor, path = Predictor.of(UnsureEngine(loaded.tokenizer, script.script)), 0.0
    trace = predictor.predict(tasks()[name], assist="off", budget=Budget(events=8))
    surprises = predictor.score(trace)
    assert [surprise.event_index for surprise in surprises] == list(range(1, len(trace.events)))
    for surprise, event in zip(surprises, trace.events[1:], strict=True):
        path += surprise.bits  # a prediction is as sure as all that it has guessed
        assert math.isclose(path, -math.log2(event.confidence or 1.0), abs_tol=1e-6)
        assert (surprise.expected, surprise.expected_kind, surprise.expected_line) == ({}, None, None)
    assert path > 1


def test_a_changed_value_surprises_and_the_expected_one_is_told():
    predictor = Predictor.load()
    trace = recorded("branches-0")
    index, event = next((n, e) for n, e in enumerate(trace.events) if e.kind == "return")
    altered = replace(trace, events=(*trace.events[:index], replace(event, value="[7, 7]")))
    surprise = predictor.read(altered, seconds=PATIENT).surprises[index - 1]
    told = predictor.read(trace, seconds=PATIENT).surprises[index - 1]
    assert "value" in surprise.expected
    assert 0 < surprise.expected_confidences["value"] < 1
    assert surprise.parts["value"] > told.parts["value"]
    assert predictor.score(altered)[: index - 1] == predictor.score(trace)[: index - 1]


def test_another_step_is_expected(predictor):
    trace = recorded("loops-1")
    others = set()
    for surprise in predictor.read(trace, seconds=PATIENT, expecting=200).surprises:
        event = trace.events[surprise.event_index]
        assert surprise.expected_line != event.line
        assert surprise.expected_kind != event.kind
        others |= {surprise.expected_line, surprise.expected_kind}
    assert others - {None}  # random weights do not know where it goes


def counted(engine):
    """The tokens of each forward pass that the engine is going to make."""
    passes = []
    forward = engine.forward

    def count(batch):
        passes.append(sum(len(step.tokens) for step in batch))
        return forward(batch)

    engine.forward = count
    return passes


def test_reading_takes_a_pass_for_many_tokens(engine):
    assert engine.pass_tokens >= 512
    passes = counted(engine)
    reading = Predictor.of(engine).read(recorded("loops-1"), seconds=PATIENT, expecting=0)
    assert (len(passes), sum(passes)) == (reading.passes, reading.tokens)
    assert reading.passes <= -(-reading.tokens // 512)
    assert reading.tokens > 512


def same_reading(one, other):
    for ours, theirs in zip(one.surprises, other.surprises, strict=True):
        assert math.isclose(ours.bits, theirs.bits, rel_tol=1e-9, abs_tol=1e-9)
        assert (ours.expected, ours.expected_kind, ours.expected_line) == (
            theirs.expected, theirs.expected_kind, theirs.expected_line,
        )  # fmt: skip


class Watched(Distribution):
    """One of the engine's own, known for as long as it is there."""

    def __init__(self, distribution, there):
        self.ranked, self.logprob, self.best = distribution.ranked, distribution.logprob, distribution.best
        there.add(self)

    ranked = logprob = None  # those of the other


@pytest.mark.parametrize("name", ["branches-0", "exceptions-1"])
def test_parts_read_one_after_the_other_are_judged_as_the_whole(name, engine):
    """What the engine says of a part is gone before it reads the next: with 128,256 tokens that is 66 MB for 128."""
    trace = recorded(name)
    whole = Predictor.of(engine).read(trace, seconds=PATIENT, expecting=60)
    fresh, there, kept = LocalEngine(engine.model, engine.tokenizer, "tiny"), weakref.WeakSet(), []
    fresh.pass_tokens = 13
    forward = fresh.forward

    def watched(batch):
        kept.append(len(there))
        return [(prefix, [Watched(one, there) for one in given]) for prefix, given in forward(batch)]

    fresh.forward = watched
    parts = Predictor.of(fresh).read(trace, seconds=PATIENT, expecting=60)
    same_reading(parts, whole)
    assert parts.passes >= parts.tokens // 13 > 5
    assert set(kept[: parts.passes]) == {0}


TURNED = """
def f(rows):
    table = []
    for row in rows:
        table.append(row[::-1])
    return table
"""


def test_what_was_expected_is_written_with_drafts():
    engine = PortableEngine(bundled_folder(), "bundled")
    passes = counted(engine)
    predictor, trace = Predictor.of(engine), record(TURNED, "f([[3, 1, 4], [1, 5, 9], [2, 6, 5]])")
    drafted = predictor.read(trace, seconds=PATIENT, expecting=1_000, at_least=0.0)
    assert len(passes) == drafted.passes + drafted.expecting_passes
    engine.draft_tokens = 0
    plain = predictor.read(trace, seconds=PATIENT, expecting=1_000, at_least=0.0)
    for one, other in zip(drafted.surprises, plain.surprises, strict=True):
        assert (one.expected, one.expected_line) == (other.expected, other.expected_line)
    assert any(surprise.expected for surprise in plain.surprises)
    assert drafted.expecting_passes < plain.expecting_passes
    likely = predictor.read(trace, seconds=PATIENT, expecting=1_000, at_least=0.3)
    assert likely.expecting_passes < plain.expecting_passes  # it is not written to its end
    for one, all_told in zip(likely.surprises, plain.surprises, strict=True):
        assert one.bits == all_told.bits
        for name, value in all_told.expected.items():
            assert (name in one.expected) == (all_told.expected_confidences[name] >= 0.3)
            assert one.expected.get(name, value) == value


HUGE = """
def f(n):
    row = list(range(n))
    size = len(row)
    row = None
    return size
"""


def test_an_event_too_long_for_the_context_is_left_out_and_told(engine):
    trace = record(HUGE, "f(150)")
    read = Predictor.of(engine).read(trace, seconds=PATIENT).surprises
    assert [surprise.event_index for surprise in read] == list(range(1, len(trace.events)))
    engine.context_length = 600
    reading = Predictor.of(engine).read(trace, seconds=PATIENT)
    assert [surprise.event_index for surprise in reading.surprises] == [1, 5]
    assert "3 events do not fit the model's context of 600 tokens" in (reading.detail or "")


def test_a_call_too_long_for_the_context_is_told(engine):
    engine.context_length = 600
    trace = record("def f(row):\n    return len(row)\n", f"f({list(range(400))})")
    reading = Predictor.of(engine).read_if_possible(trace)
    assert reading.surprises == ()
    assert "context of 600" in (reading.detail or "")


def test_where_there_is_no_model_that_is_told():
    trace = recorded("branches-0")

    def load():
        raise UnavailableError("no model here")

    assert Predictor(load, "none").read_if_possible(trace).detail == "no model here"


def test_a_trace_longer_than_the_context_is_read_in_windows(engine):
    trace = recorded("loops-1")
    whole = Predictor.of(engine).read(trace, seconds=PATIENT, expecting=0).surprises
    engine.context_length = 900
    parts = Predictor.of(engine).read(trace, seconds=PATIENT, expecting=0).surprises
    assert [surprise.event_index for surprise in parts] == [surprise.event_index for surprise in whole]
    assert parts[3] == whole[3]  # still in the first window


def test_a_reading_tells_how_far_it_is_and_ends_in_time(engine):
    trace = recorded("loops-1")
    engine.pass_tokens = 40
    whole = Predictor.of(engine).read(trace, seconds=PATIENT, expecting=0)
    told = []

    def slow(events):
        told.append(events)
        if len(told) == 8:
            time.sleep(1.1)

    part = Predictor.of(LocalEngine(engine.model, engine.tokenizer, "tiny"))
    part.engine.pass_tokens = 40
    late = part.read(trace, expecting=0, seconds=1.0, on_read=slow)
    count = len(late.surprises)
    assert told == sorted(told) and told[-1] == count + 1
    assert 0 < count < len(whole.surprises)
    for ours, theirs in zip(late.surprises, whole.surprises, strict=False):
        assert ours.event_index == theirs.event_index
        assert math.isclose(ours.bits, theirs.bits, rel_tol=1e-9, abs_tol=1e-9)
    assert late.detail == f"the first {count + 1} of {len(trace.events)} events were read in 1 s"


def test_every_window_has_its_share_of_expectations(engine):
    trace = recorded("loops-1")
    engine.context_length = 900
    surprises = Predictor.of(engine).read(trace, seconds=PATIENT, expecting=60, at_least=0.0).surprises
    told = [n for n, surprise in enumerate(surprises) if not surprise.as_expected]
    assert told[0] < len(surprises) // 3 < 2 * len(surprises) // 3 < told[-1]


@pytest.mark.parametrize("name", ["exceptions-1", "generators-0", "comprehensions-0", "closures-0"])
def test_all_kinds_of_traces_are_read(name, predictor):
    names = {key for key in tasks() if key.startswith(name.partition("-")[0])}
    for key in sorted(names)[:1]:
        trace = recorded(key)
        reading = predictor.read(trace, seconds=PATIENT, expecting=50)
        assert len(reading.surprises) == len(trace.events) - 1
        assert all(math.isfinite(surprise.bits) and surprise.bits >= -1e-6 for surprise in reading.surprises)


def test_a_trace_that_is_not_as_the_program_goes_is_read_all_the_same(predictor):
    trace = recorded("branches-0")
    odd = replace(trace.events[2], line=1)
    reading = predictor.read(replace(trace, events=(*trace.events[:2], odd, *trace.events[3:])), expecting=50)
    assert len(reading.surprises) == len(trace.events) - 1
    assert all(surprise.bits >= 0 for surprise in reading.surprises)
