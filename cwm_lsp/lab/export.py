"""From a training run to a checkpoint that transformers loads."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from cwm_lsp.errors import UserError
from cwm_lsp.lab import tokenizer as lab_tokenizer
from cwm_lsp.lab.model import Shape, WorldModel
from cwm_lsp.lab.tokenizer import identifier
from cwm_lsp.lab.train import Run
from cwm_lsp.predict.confidence import UNCALIBRATED, Calibration
from cwm_lsp.predict.engines.portable import PortableEngine
from cwm_lsp.trace import wire


def restore(folder: Path) -> tuple[WorldModel, Tokenizer]:
    """The model and tokenizer of a training run's last checkpoint, or of what `export` wrote."""
    words = lab_tokenizer.load(folder)
    if (folder / "state.pt").exists():
        return Run.resume(folder, words, []).model, words
    if not (folder / "model.safetensors").exists():
        raise UserError(f"{folder} holds neither a training run (state.pt) nor an exported model (model.safetensors)")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = WorldModel(Shape.of(config))
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return model, words


def round_to_int8(model: WorldModel) -> WorldModel:
    """The model with every matrix rounded to 8 bits, symmetrically with a scale a row, in place."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
                weight.copy_((weight / scale).round() * scale)
    return model


def engine(model: WorldModel, words: Tokenizer) -> PortableEngine:
    """The model as the product runs it."""
    with tempfile.TemporaryDirectory() as folder:
        export(model, words, Path(folder), torch.float32)
        return PortableEngine(Path(folder), "lab")


def export(
    model: WorldModel,
    words: Tokenizer,
    folder: Path,
    dtype: torch.dtype = torch.float16,
    calibration: Calibration = UNCALIBRATED,
) -> None:
    """Write what `AutoModelForCausalLM.from_pretrained(folder)` and the calibration need to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    bos, eos = identifier(words, wire.BEGIN_OF_TEXT), identifier(words, wire.END_OF_TEXT)
    config = model.shape.config(bos=bos, eos=eos) | {"dtype": str(dtype).removeprefix("torch.")}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": eos, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    calibration.save(folder)
    lab_tokenizer.save(words, folder, model.shape.context)
