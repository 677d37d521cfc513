"""Fine-tuning, on a tiny checkpoint and traces that were really recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from cwm_lsp.errors import UserError
from cwm_lsp.lab import export, finetune
from cwm_lsp.lab.model import Shape, WorldModel, initialise
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.record.recorder import record

SOURCE = (
    "def total(prices):\n    amount = 0\n    for price in prices:\n        amount += price\n    return amount\n\n\n"
    "def fails(n):\n    return n // 0\n"
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, words: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    model = WorldModel(Shape(vocab=words.get_vocab_size(), hidden=48, layers=2, heads=6, mlp=64))
    initialise(model, 0)
    export.export(model, words, folder, torch.float32)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `record --batch --json` prints: a JSON document a line."""
    folder = tmp_path_factory.mktemp("recorded")
    program = folder / "shop.py"
    program.write_text(SOURCE)
    calls = {"total([3, 4])": "total", "total([5])": "total", "total([])": "total", "fails(1)": "fails"}
    rows = [record(program, function, call).to_json() for call, function in calls.items()]
    path = folder / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_traces_are_learnt_and_the_result_is_a_model(checkpoint: Path, recorded: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cwm_lsp.lab", "finetune", checkpoint, recorded, tmp_path / "tuned"]
    options = ["--epochs", "20", "--batch", "2", "--rank", "8", "--rate", "2e-2"]
    before = (checkpoint / "model.safetensors").read_bytes()
    out = subprocess.run([*map(str, command), *options], check=True, capture_output=True, text=True, timeout=300).stdout
    assert "fine-tuned on 4 traces" in out
    assert (checkpoint / "model.safetensors").read_bytes() == before
    assert (tmp_path / "tuned" / "adapter" / "adapter_model.safetensors").exists()
    [trace, *_] = finetune.traces(recorded)

    def bits(folder: Path) -> float:
        surprises = Predictor.of(LocalEngine.load(folder)).score(trace)
        return sum(surprise.bits for surprise in surprises)

    assert bits(tmp_path / "tuned") < 0.5 * bits(checkpoint)


def test_what_is_learnt_is_what_the_product_gives_a_model_to_read(checkpoint: Path, recorded: Path) -> None:
    engine = LocalEngine.load(checkpoint)
    trace = next(finetune.traces(recorded))
    document = finetune.document(engine, trace, 2048)
    assert document is not None
    text = engine.tokenizer.decode(document.ids)
    assert text.startswith("<|begin_of_text|><|trace_context_start|>def total(prices):  # << START_OF_TRACE\n")
    assert text.endswith('<|return_sep|><|action_sep|>    return amount\n<|arg_sep|>"7"<|frame_sep|><|end_of_text|>')
    given = engine.tokenizer.decode(document.ids[: document.given])
    assert given.endswith('<|call_sep|>{"prices": "[3, 4]"}<|action_sep|>def total(prices):\n<|frame_sep|>')


def test_a_trace_of_a_changed_file_is_left_out_and_what_is_no_trace_is_told(recorded: Path, tmp_path: Path) -> None:
    row = json.loads(recorded.read_text().splitlines()[0])
    moved = tmp_path / "shop.py"
    moved.write_text("# a new first line\n" + SOURCE)
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(row | {"path": str(moved)}) + "\n" + json.dumps(row | {"path": "gone.py"}) + "\n")
    assert list(finetune.traces(path)) == []
    path.write_text("not JSON\n")
    with pytest.raises(UserError, match=r"traces.jsonl:1"):
        list(finetune.traces(path))
