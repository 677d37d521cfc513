"""CWM's own vocabulary, that of Llama 3 with the trace tokens in their places, on a small checkpoint of random weights.

The package `llama-models` has the vocabulary; it is not needed for anything else.
"""

import ast
import inspect
import json
from pathlib import Path

import pytest

from cwm_lsp.predict.decode import Budget
from cwm_lsp.predict.engines import Options, Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.trace import wire
from tests.predict.tasks import tasks
from tests.predict.test_grammar import (  # noqa: F401  # here with this vocabulary
    test_every_real_trace_is_legal,
    test_whatever_the_model_is_frames_are_well_formed,
)
from tests.trace.programs import PROGRAMS

llama_models = pytest.importorskip(
    "llama_models", reason="the package llama-models, which has the vocabulary, is absent"
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IDS = {
    wire.BEGIN_OF_TEXT: 128000,
    wire.END_OF_TEXT: 128001,
    wire.FRAME_SEP: 128100,
    wire.ACTION_SEP: 128101,
    wire.RETURN_SEP: 128102,
    wire.CALL_SEP: 128103,
    wire.LINE_SEP: 128104,
    wire.EXCEPTION_SEP: 128105,
    wire.ARG_SEP: 128106,
    wire.TRACE_CONTEXT_START: 128107,
}
"""As the model's authors publish them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with the real vocabulary, mixed layers and several files of weights."""

    import torch
    from transformers import CwmConfig, CwmForCausalLM
    from transformers.convert_slow_tokenizer import TikTokenConverter

    folder = tmp_path_factory.mktemp("real")
    ranks = Path(next(iter(llama_models.__path__))) / "llama3" / "tokenizer.model"
    names = {token_id: name for name, token_id in IDS.items()}
    special = [names.get(token_id, f"<|reserved_{token_id}|>") for token_id in range(128_000, 128_256)]
    converter = TikTokenConverter(str(ranks))
    converter.extra_special_tokens = special
    converter.converted().save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = CwmConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        sliding_window=32,
        layer_types=["full_attention", "sliding_attention", "sliding_attention", "sliding_attention"],
        initializer_range=0.3,
    )
    assert (config.vocab_size, config.max_position_embeddings) == (128_256, 131_072)
    CwmForCausalLM(config).bfloat16().save_pretrained(folder, max_shard_size="10MB")
    assert len(json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]) > 30
    assert len(list(folder.glob("*.safetensors"))) > 2
    return folder


@pytest.fixture(scope="module")
def tokenizer(folder):
    return Tokenizer.from_file(folder / "tokenizer.json")


@pytest.fixture(scope="module")
def engine(folder):
    return LocalEngine.load(Options(str(folder), device="cpu"), dtype="float64")


def test_the_trace_tokens_have_their_ids(tokenizer):
    assert tokenizer.special == IDS
    assert tokenizer.vocabulary_size == 128_256


def test_text_is_tokenised_as_tiktoken_does(tokenizer):
    """Sources of the standard library, in the pieces that the format cuts them into: lines."""
    from llama_models.llama3.tokenizer import Tokenizer as Reference

    reference = Reference.get_instance().model
    for line in [*inspect.getsource(ast).splitlines(keepends=True), "é = '日本' # \U0001f600\n", "\t \t x\r\n"]:
        ids = tokenizer.encode(line)
        assert list(ids) == reference.encode_ordinary(line)
        assert b"".join(map(tokenizer.token_bytes, ids)) == line.encode()
    text = f"print('{wire.FRAME_SEP}')"
    assert not set(tokenizer.encode(text)) & set(IDS.values())


@pytest.mark.parametrize("name", sorted(PROGRAMS)[::12])
def test_drafts_change_nothing(name, engine):
    fresh = LocalEngine(engine.model, engine.tokenizer, "real")
    budget = Budget(tokens=50, seconds=600)
    plain = Predictor.of(fresh).predict(tasks()[name], assist="off", budget=budget, drafts=False)
    drafted = Predictor.of(engine).predict(tasks()[name], assist="off", budget=budget)
    assert [(event.kind, event.line, event.locals, event.value) for event in plain.events] == [
        (event.kind, event.line, event.locals, event.value) for event in drafted.events
    ]
    assert plain.stats.tokens == drafted.stats.tokens


@pytest.mark.parametrize("method", ["int8", "nf4"])
def test_quantised_weights_say_about_the_same(method, folder, engine):
    import torch

    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    quantised = LocalEngine.load(Options(str(folder), quantization=method, device="cpu"))
    ids = engine.tokenizer.encode(PROGRAMS[sorted(PROGRAMS)[0]][0])[:40]
    rows = []
    for one in (engine, quantised):
        [(_, [distribution])] = one.forward([Pass(Prefix(), ids, 1)])
        few = range(0, 128_256, 501)
        rows.append(torch.tensor([distribution.logprob(token) for token in few]))
    apart = float((rows[0] - rows[1]).abs().mean())
    spread = float(rows[0].std())
    assert apart < {"int8": 0.1, "nf4": 0.5}[method] * spread
    trace = Predictor.of(quantised).predict(tasks()[sorted(PROGRAMS)[0]], assist="off", budget=Budget(tokens=25))
    assert trace.stats.tokens >= 25
