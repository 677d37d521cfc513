"""Weights in fewer bits, on the bundled model, which has been trained: what random weights say can not be compared."""

import json
from dataclasses import replace
from functools import cache

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, Pass, Prefix, bundled_folder, load, plan
from cwm_lsp.predict.engines.loading import device_map, planned
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.predictor import Predictor
from tests.predict.tasks import tasks
from tests.trace.programs import PROGRAMS

pytestmark = pytest.mark.slow

pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
pytest.importorskip("compressed_tensors", reason="compressed-tensors is not installed")

NAME = sorted(PROGRAMS)[0]


@pytest.fixture(scope="module")
def exact():
    return LocalEngine.load(Options(str(bundled_folder()), device="cpu"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Gives the folder of the bundled model, quantised beforehand by some method."""

    @cache
    def folder(method):
        made = tmp_path_factory.mktemp(method)
        make_fp8(made) if method == "fp8" else make_compressed(made, method)
        (made / "tokenizer.json").write_bytes((bundled_folder() / "tokenizer.json").read_bytes())
        return made

    return folder


def make_compressed(folder, method):
    """By compressed-tensors: W4A16 as the 4-bit CWM has it, or W8A8."""
    import torch
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationArgs,
        QuantizationConfig,
        QuantizationScheme,
        apply_quantization_config,
    )
    from compressed_tensors.quantization.utils import calculate_qparams, is_module_quantized
    from transformers import AutoModelForCausalLM

    if method == "w8a8":
        weights = QuantizationArgs(num_bits=8, strategy="channel")
        inputs = QuantizationArgs(num_bits=8, strategy="token", dynamic=True)
    else:
        weights, inputs = QuantizationArgs(num_bits=4, strategy="group", group_size=64), None
    scheme = QuantizationScheme(targets=["Linear"], weights=weights, input_activations=inputs)
    model = AutoModelForCausalLM.from_pretrained(bundled_folder(), dtype=torch.float32)
    apply_quantization_config(model, QuantizationConfig(config_groups={"all": scheme}, ignore=["lm_head"]))
    for module in filter(is_module_quantized, model.modules()):
        groups = module.weight.reshape(module.out_features, -1, weights.group_size or module.in_features)
        scale, _ = calculate_qparams(groups.amin(-1), groups.amax(-1), weights)
        module.weight_scale.data.copy_(scale)
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)


def make_fp8(folder, block=64):
    """As 8-bit floating-point numbers, with a scale for each block."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = {}
    for name, weight in load_file(bundled_folder() / "model.safetensors").items():
        weights[name] = weight
        if ".layers." in name and weight.ndim == 2:
            blocks = weight.float().unflatten(1, (-1, block)).unflatten(0, (-1, block))
            scale = blocks.abs().amax((1, 3), keepdim=True) / torch.finfo(torch.float8_e4m3fn).max
            weights[name] = (blocks / scale).flatten(2).flatten(0, 1).to(torch.float8_e4m3fn)
            weights[f"{name}_scale_inv"] = scale[:, 0, :, 0].contiguous()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((bundled_folder() / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [block, block]}
    (folder / "config.json").write_text(json.dumps(config))


MOST = {"int8": 0.03, "nf4": 0.3, "w4a16": 0.3, "w8a8": 0.03, "fp8": 0.03}
"""Method → nats. About three times what was measured; a wrong scale or layer gives whole ones."""


@pytest.fixture(scope="module", params=list(MOST))
def quantised(request, stored):
    method = request.param
    if method in ("int8", "nf4"):
        return LocalEngine.load(Options(str(bundled_folder()), quantization=method, device="cpu"))
    return LocalEngine.load(Options(str(stored(method)), device="cpu"))


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
    method = request.node.callspec.params["quantised"]
    apart = divergence(logprobs(exact), logprobs(quantised))
    assert 0 < apart < MOST[method]
    if method in ("int8", "nf4"):
        assert quantised.model.get_memory_footprint() < 0.7 * exact.model.get_memory_footprint()


@pytest.mark.parametrize("method", ["w4a16", "w8a8"])
def test_weights_stay_packed_where_memory_is_short(method, stored):
    import torch

    unpacked = LocalEngine.load(Options(str(stored(method)), device="cpu"))
    few = least_unpacked(planned(Options(str(stored(method)), device="cpu"))) - 1
    engine = LocalEngine.load(Options(str(stored(method)), device="cpu", memory=few / plan.GB))
    assert "as stored takes" in engine.description
    size = engine.model.get_memory_footprint()
    assert size < 0.7 * exact_size(unpacked)
    for _ in range(2):
        assert torch.equal(logprobs(engine), logprobs(unpacked))
    assert engine.model.get_memory_footprint() == size
    assert {weight.dtype for weight in engine.model.model.layers[0].mlp.parameters()} & {torch.int8, torch.int32}


def least_unpacked(planned):
    """Bytes that the model takes without having stayed packed, at least."""
    few, enough = 0, 10 * plan.GB
    while few + 1 < enough:
        middle = (few + enough) // 2
        machine = replace(planned.machine, free=middle)
        fits = plan.fitting(planned.shape, machine, plan.UNQUANTISED, plan.WISHED)
        few, enough = (few, middle) if fits else (middle, enough)
    return enough


def exact_size(engine):
    """Bytes of a model once it is unpacked, which it is in its first pass."""
    logprobs(engine, 1)
    return engine.model.get_memory_footprint()


def test_a_checkpoint_without_some_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(bundled_folder() / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((bundled_folder() / name).read_bytes())
    with pytest.raises(UnavailableError, match=r"lacks 1 weights, model\.layers\.1\.mlp\.up_proj\.weight"):
        load(Options(str(tmp_path)))


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

    layers = exact.model.config.num_hidden_layers
    shape = plan.Shape(layers, layer=0, others=0, full=0, sliding=0, window=None, vocabulary=0, context=0)
    model = AutoModelForCausalLM.from_pretrained(
        bundled_folder(), dtype=torch.float32, device_map=device_map(shape, "cpu", 2, elsewhere="disk")
    )
    assert {weight.device.type for weight in model.model.layers[-1].parameters()} == {"meta"}
    engine = LocalEngine(model.eval(), exact.tokenizer, "offloaded")
    assert abs(divergence(logprobs(exact), logprobs(engine))) < 1e-9
