"""A model's folder is data: no code of its runs, and no pickle is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines.local import LocalEngine


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def test_code_beside_a_model_does_not_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (folder / "modeling_evil.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    evil = "modeling_evil.Evil"
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": evil, "AutoModelForCausalLM": evil}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnavailableError):
        LocalEngine.load(str(folder))
    assert not mark.exists()


def test_weights_in_a_pickle_are_refused(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnavailableError, match="safetensors"):
        LocalEngine.load(str(folder))
