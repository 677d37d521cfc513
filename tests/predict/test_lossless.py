"""Drafts change how many forward passes a text costs, and nothing else."""

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.predict.batch import drive
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.foresight import Foresight
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.predictor import Budget
from cwm_lsp.predict.prompt import prepare
from tests.predict.checkpoints import make_checkpoint
from tests.predict.generated import task
from tests.predict.tasks import tasks
from tests.trace.programs import PROGRAMS

pytestmark = pytest.mark.slow

EVALUATOR = Evaluator()


def written(engine, task, budget, *, drafts=True, evaluator=False):
    """The tokens of a prediction by an engine that remembers nothing, its trace, and its passes."""
    engine = LocalEngine(engine.model, engine.tokenizer, engine.name)
    foresight = Foresight(task, EVALUATOR) if evaluator else None
    prediction = Prediction(task, prepare(task), lambda: engine, Control(budget), drafts=drafts, foresight=foresight)
    [trace] = drive(lambda: engine, [prediction.run()])
    return prediction.writer.tokens, trace, prediction.writer.passes


def assert_lossless(engine, task, budget):
    """Without drafts, with them, and with those of the evaluator: the same tokens. Gives the passes of each."""
    plain, told, passes = written(engine, task, budget, drafts=False)
    counts = [passes]
    for evaluator in (False, True):
        tokens, trace, passes = written(engine, task, budget, evaluator=evaluator)
        assert engine.tokenizer.decode(tokens) == engine.tokenizer.decode(plain)
        assert tokens == plain
        assert [(e.kind, e.line, e.depth, dict(e.locals), e.value, e.mark) for e in trace.events] == [
            (e.kind, e.line, e.depth, dict(e.locals), e.value, e.mark) for e in told.events
        ]
        assert trace.outcome == told.outcome
        assert trace.stats.interventions == told.stats.interventions
        counts.append(passes)
    return counts


@pytest.fixture(scope="module")
def bundled():
    try:
        return LocalEngine.load(bundled_folder(), dtype="float64")
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def terse(tmp_path_factory):
    """Random weights that like to end a value: so traces have many events."""
    return LocalEngine.load(make_checkpoint(tmp_path_factory.mktemp("terse"), seed=1, terse=True), dtype="float64")


@pytest.mark.parametrize("seed", range(8))
def test_drafts_change_nothing_with_random_weights(seed, terse):
    assert_lossless(terse, task(seed), Budget(tokens=100))


@pytest.mark.parametrize("name", sorted(PROGRAMS)[::8])
def test_drafts_change_nothing_with_other_random_weights(name, engine):
    assert_lossless(engine, tasks()[name], Budget(tokens=80))


def test_drafts_change_nothing_with_the_bundled_model(bundled):
    counts = [assert_lossless(bundled, tasks()[name], Budget(tokens=60)) for name in sorted(PROGRAMS)[::20]]
    plain, drafted, foreseen = map(sum, zip(*counts, strict=True))
    assert max(drafted, foreseen) < plain


HUNDREDS = 100


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", ["bundled", "terse", "wordy"])
def test_drafts_change_nothing_for_hundreds_of_programs(model, request, tmp_path):
    """Generated programs, and those with every statement."""
    if model == "wordy":
        engine = LocalEngine.load(make_checkpoint(tmp_path, seed=2), dtype="float64")
    else:
        engine = request.getfixturevalue(model)
    for work in (*map(task, range(HUNDREDS)), *tasks().values()):
        assert_lossless(engine, work, Budget(tokens=60))
