"""Weights in fewer bits, on the bundled model, which has been trained: what random weights say can not be compared."""

import pytest

from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, Pass, Prefix, bundled_folder, plan
from cwm_lsp.predict.engines.loading import device_map
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.predictor import Predictor
from tests.predict.tasks import tasks
from tests.trace.programs import PROGRAMS

pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")

NAME = sorted(PROGRAMS)[0]


@pytest.fixture(scope="module")
def exact():
    return LocalEngine.load(Options(str(bundled_folder()), device="cpu"))


@pytest.fixture(scope="module", params=["int8", "nf4"])
def quantised(request):
    return LocalEngine.load(Options(str(bundled_folder()), quantization=request.param, device="cpu"))


def logprobs(engine, count=64):
    """The model's reading of a program, as log-probabilities [tokens, vocabulary]."""
    import torch

    ids = engine.tokenizer.encode(PROGRAMS[NAME][0])[:count]
    [(_, distributions)] = engine.forward([Pass(Prefix(), ids, len(ids))])
    vocabulary = range(engine.tokenizer.vocabulary_size)
    return torch.tensor([[one.logprob(token) for token in vocabulary] for one in distributions[::4]]).double()


def divergence(one, other):
    """Mean Kullback-Leibler divergence in nats."""
    return float((one.exp() * (one - other)).sum(-1).mean())


def test_log_probabilities_stay_close(exact, quantised, request):
    """Bounds are about three times what was measured; a wrong scale or layer gives whole nats."""
    method = request.node.callspec.params["quantised"]
    assert divergence(logprobs(exact), logprobs(quantised)) < {"int8": 0.03, "nf4": 0.3}[method]
    weights = quantised.model.get_memory_footprint()
    assert weights < 0.7 * exact.model.get_memory_footprint()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_drafts_change_nothing(quantised):
    fresh = LocalEngine(quantised.model, quantised.tokenizer, "quantised")
    budget = Budget(tokens=30, seconds=500)
    plain = Predictor.of(fresh).predict(tasks()[NAME], assist="off", budget=budget, drafts=False)
    drafted = Predictor.of(quantised).predict(tasks()[NAME], assist="off", budget=budget)
    assert [(event.kind, event.line, event.locals, event.value) for event in plain.events] == [
        (event.kind, event.line, event.locals, event.value) for event in drafted.events
    ]
    assert plain.events
    assert drafted.stats.forward_passes < plain.stats.forward_passes


def test_offloaded_layers_say_the_same(exact):
    """The last two layers on the disk, which plays main memory here, the processor being the device. (Quantised layers
    cannot be tried so: bitsandbytes leaves unquantised what is on the processor.)"""
    import torch
    from transformers import AutoModelForCausalLM

    shape = plan.Shape(layers=4, layer=0, others=0, key_value=0, vocabulary=0, context=0)
    model = AutoModelForCausalLM.from_pretrained(
        bundled_folder(), dtype=torch.float32, device_map=device_map(shape, "cpu", 2, elsewhere="disk")
    )
    assert {weight.device.type for weight in model.model.layers[-1].parameters()} == {"meta"}
    engine = LocalEngine(model.eval(), exact.tokenizer, "offloaded")
    assert abs(divergence(logprobs(exact), logprobs(engine))) < 1e-9
