"""From a training run to a checkpoint that transformers loads."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from cwm_lsp.lab import tokenizer as lab_tokenizer
from cwm_lsp.lab.model import WorldModel
from cwm_lsp.lab.tokenizer import identifier
from cwm_lsp.trace import wire


def export(model: WorldModel, words: Tokenizer, folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write weights, configs and tokenizer to `folder`, for `AutoModelForCausalLM.from_pretrained(folder)`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    bos, eos = identifier(words, wire.BEGIN_OF_TEXT), identifier(words, wire.END_OF_TEXT)
    config = model.shape.config(bos=bos, eos=eos) | {"dtype": str(dtype).removeprefix("torch.")}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": eos, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    lab_tokenizer.save(words, folder, model.shape.context)
