"""CWM's own vocabulary, that of Llama 3 with the trace tokens in their places, which the package `llama-models` has."""

import json
from pathlib import Path

import pytest

from cwm_lsp.trace import wire

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


def make_real_checkpoint(folder):
    """A small checkpoint of random weights with that vocabulary, mixed layers and several files of weights. The test is
    skipped where the package is absent."""
    import torch
    from transformers import CwmConfig, CwmForCausalLM
    from transformers.convert_slow_tokenizer import TikTokenConverter

    llama_models = pytest.importorskip(
        "llama_models", reason="llama-models, which has the vocabulary, is not installed"
    )
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
