"""How much is drafted: by what it costs and by what was right."""

import json
import random
from itertools import count

import pytest

from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import timing
from cwm_lsp.predict.engines.interface import PassTimes
from cwm_lsp.predict.lengths import DraftLength, History
from cwm_lsp.predict.predictor import Predictor
from tests.predict.tasks import tasks

pytestmark = pytest.mark.slow

FLAT = PassTimes(((1, 1.0), (256, 1.01)))
STEEP = PassTimes(((1, 1.0), (2, 2.0), (256, 256.0)))
STEP = PassTimes(((1, 1.0), (16, 1.0), (17, 5.0), (256, 40.0)))


class Timed:
    """What a length is chosen for."""

    draft_tokens = 256

    def __init__(self, times):
        self.pass_times = times


def chosen(times, share, *, foreseen=False, drafts=200):
    """The length after many drafts, `share` of whose tokens are right."""
    length, chooser = DraftLength(Timed(times)), random.Random(5)
    for _ in range(drafts):
        drafted = max(1, length.next(1, foreseen=foreseen))
        right = next((n for n in range(drafted) if chooser.random() > share), drafted)
        length.learn(drafted, right, foreseen=foreseen)
    return length.next(1, foreseen=foreseen)


def test_what_costs_nothing_is_drafted_and_what_costs_as_much_as_a_pass_is_not():
    assert chosen(FLAT, 0.99) > 128
    assert chosen(STEEP, 0.9) == 0
    assert chosen(STEP, 0.97) == 15  # with the token that is read anyhow, just what the quick passes take


@pytest.mark.parametrize("times", [PassTimes(((1, 1.0), (16, 1.1), (256, 4.0))), PassTimes(((1, 1.0), (256, 8.0)))])
def test_the_more_is_right_the_more_is_drafted(times):
    lengths = [chosen(times, share) for share in (0.3, 0.8, 0.999)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_the_chosen_length_is_the_best_one():
    times, share = PassTimes(((1, 1.0), (8, 1.2), (32, 2.0), (256, 9.0))), 0.9
    history = History((1.0, share))
    for _ in range(300):
        history.learn(256, 256)  # as if all were right, at every place
    rates = [(1 + sum(share**n for n in range(1, k + 1))) / times.seconds(1 + k) for k in range(257)]
    best = max(range(257), key=rates.__getitem__)
    assert rates[chosen(times, share, drafts=600)] > 0.9 * rates[best]
    assert history.chance(3) > 0.99


def test_times_between_and_beyond_what_was_measured():
    times = PassTimes(((1, 1.0), (4, 4.0), (8, 16.0)))
    assert [times.seconds(tokens) for tokens in (1, 2, 4, 6, 8, 16)] == [1, 2, 4, 10, 16, 32]


@pytest.mark.parametrize("times", [FLAT, STEEP, STEP])
def test_no_table_changes_what_is_written(times, engine):
    task = tasks()[sorted(tasks())[2]]
    budget = Budget(tokens=80, seconds=500)
    plain = Predictor.of(engine).predict(task, assist="off", budget=budget, drafts=False)
    engine.pass_times = times
    drafted = Predictor.of(engine).predict(task, assist="off", budget=budget)
    assert plain.events == drafted.events
    assert plain.outcome == drafted.outcome


def test_passes_are_timed_once_and_kept(engine, tmp_path):
    made = timing.kept(engine, ["a GPU", "nf4"], tmp_path)
    assert [tokens for tokens, _ in made.measured] == [1, 2, 4, 8, 16, 32, 64]
    assert all(seconds > 0 for _, seconds in made.measured)
    assert timing.kept(engine, ["a GPU", "nf4"], tmp_path) == made
    timing.kept(engine, ["another GPU", "nf4"], tmp_path)
    assert set(json.loads((tmp_path / "passes.json").read_text())) == {"a GPU | nf4", "another GPU | nf4"}
    (tmp_path / "passes.json").write_text("{")  # whatever others left there
    timing.kept(engine, ["a GPU", "nf4"], tmp_path)
    assert set(json.loads((tmp_path / "passes.json").read_text())) == {"a GPU | nf4"}


def test_measuring_ends_in_time(engine):
    ticks = count()
    measured = timing.measure(engine, limit=20, clock=lambda: float(next(ticks)))
    assert len(measured.measured) == 7
    assert next(ticks) < 40
