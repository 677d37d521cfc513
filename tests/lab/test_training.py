from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from tokenizers import Tokenizer

from cwm_lsp.lab import batches, documents, evaluate, export, tokenizer
from cwm_lsp.lab.corpus import stream
from cwm_lsp.lab.documents import CHANGED, GIVEN
from cwm_lsp.lab.model import Shape, WorldModel, initialise, seed_copying
from cwm_lsp.lab.train import Recipe, Run
from cwm_lsp.predict.confidence import Calibration
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.trace import wire

pytestmark = pytest.mark.slow

RECIPE = Recipe(batch=1024, pool=16, warmup=5, stages=((0, "copies"), (4_000, "mix")))


def tiny(words: Tokenizer) -> Shape:
    return Shape(vocab=words.get_vocab_size(), hidden=48, layers=2, heads=6, mlp=64)


def run(folder: Path, words: Tokenizer) -> Run:
    folder.mkdir()
    tokenizer.save(words, folder, 1024)
    return Run(folder, tiny(words), RECIPE, words, [])


def test_a_stopped_run_goes_on_to_the_bit(tmp_path: Path, words: Tokenizer) -> None:
    whole = run(tmp_path / "whole", words)
    whole.train(tokens=12_000, minutes=5, measured=2)
    assert whole.progress.step >= 12
    run(tmp_path / "parts", words).train(tokens=5_000, minutes=5, measured=2)
    rest = Run.resume(tmp_path / "parts", words, [])
    assert 0 < rest.progress.step < whole.progress.step
    rest.train(tokens=12_000, minutes=5, measured=2)
    assert rest.progress.step == whole.progress.step
    for (name, a), b in zip(whole.model.state_dict().items(), rest.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_a_slice_of_the_bundled_model_is_small(tmp_path: Path, words: Tokenizer) -> None:
    """What has to be carried from one slice of training to the next: weights and what the optimisers keep of them."""
    config = json.loads((bundled_folder() / "config.json").read_text())
    shape = Shape(
        vocab=config["vocab_size"],
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        mlp=config["intermediate_size"],
    )
    recipe = Recipe(batch=256, pool=2, stages=((0, "copies"),))
    slice_ = Run(tmp_path, shape, recipe, words, [])
    slice_.train(tokens=1, minutes=5, measured=0)
    assert slice_.progress.step == 1
    state = tmp_path / "state.pt"
    assert 2 * 4 * 2_000_000 < state.stat().st_size <= 60e6  # both are there


def test_the_rate_falls_to_zero_over_the_decay_also_when_resumed(tmp_path: Path, words: Tokenizer) -> None:
    first = run(tmp_path / "run", words)
    first.train(tokens=3_000, minutes=5, measured=2)
    start = first.progress.tokens
    first.train(tokens=start + 1_000, minutes=5, decay=4_000, measured=2)
    second = Run.resume(tmp_path / "run", words, [])
    second.train(tokens=10**9, minutes=5, measured=2)
    assert second.progress.tokens >= start + 4_000
    assert second.rate() == 0.0
    second.train(tokens=second.progress.tokens + 500, minutes=5, measured=2)
    assert second.rate() == RECIPE.rate


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_few_documents_are_learnt_by_heart(tmp_path: Path, words: Tokenizer) -> None:
    few = run(tmp_path / "run", words)
    encoded = few.documents("few", "copies", 2)
    for _ in range(120):
        few.progress.step += 1
        for optimizer in few.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 5e-3
        few.update(encoded)
    found = evaluate.summary(list(evaluate.answers(few.model, encoded)))
    assert found["value"] >= 0.9
    assert found["step"] >= 0.9


def test_copying_is_there_from_the_start(words: Tokenizer) -> None:
    """Where a sequence repeats, an untrained model with the circuit foretells far better than one without."""

    def loss(seeded: bool) -> float:
        model = WorldModel(Shape(vocab=words.get_vocab_size(), hidden=192, layers=2, heads=6, mlp=64))
        initialise(model, 0)
        if seeded:
            seed_copying(model, 0)
        half = torch.randint(300, words.get_vocab_size(), (4, 60), generator=torch.Generator().manual_seed(0))
        ids = torch.cat([half, half], dim=1)
        with torch.inference_mode():
            logits = model.logits(model(ids))[:, 60:-1]
        return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 61:].flatten()))

    assert loss(seeded=True) < loss(seeded=False) - 2


def test_a_grown_model_is_the_same_until_it_is_trained(tmp_path: Path, words: Tokenizer) -> None:
    model = WorldModel(tiny(words))
    initialise(model, 0)
    tokenizer.save(words, tmp_path, 1024)
    taller = Run.grow(tmp_path, model, 3, RECIPE, words, [])
    ids = torch.randint(0, words.get_vocab_size(), (2, 60), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(taller.model.logits(taller.model(ids)), model.logits(model(ids)))
    taller.train(tokens=3_000, minutes=5, measured=2)
    resumed = Run.resume(tmp_path, words, [])
    added = resumed.model.model.layers[1]
    assert added.self_attn.o_proj.weight.abs().amax() > 0
    assert added.mlp.down_proj.weight.abs().amax() > 0


def test_padding_changes_nothing(words: Tokenizer) -> None:
    model = WorldModel(tiny(words))
    initialise(model, 0)
    encoded = [documents.encode(stream.document(f"pad/{i}", "copies"), words) for i in range(3)]
    ids, _ = batches.padded(encoded)
    with torch.inference_mode():
        together = model(ids)
        for row, one in enumerate(encoded):
            alone = model(torch.from_numpy(one.ids)[None])[0]
            assert torch.allclose(together[row, : len(one.ids)], alone, atol=1e-5)


def test_weight_goes_to_what_changes(words: Tokenizer) -> None:
    source = "def f(a):\n    b = a\n    return b\n"
    frames = (
        f'{wire.CALL_SEP}{{"a": "71"}}{wire.ACTION_SEP}def f(a):\n{wire.FRAME_SEP}'
        f'{wire.LINE_SEP}{{"a": ".."}}{wire.ACTION_SEP}    b = a\n{wire.FRAME_SEP}'
        f'{wire.LINE_SEP}{{"a": "..", "b": "71"}}{wire.ACTION_SEP}    return b\n{wire.FRAME_SEP}'
        f'{wire.RETURN_SEP}{wire.ACTION_SEP}    return b\n{wire.ARG_SEP}"71"{wire.FRAME_SEP}'
    )
    text = wire.prompt(source, 1) + frames + wire.END_OF_TEXT
    encoded = documents.encode(text, words)
    assert words.decode(encoded.ids.tolist(), skip_special_tokens=False) == text
    changed = [words.decode([int(i)]) for i, c in zip(encoded.ids, encoded.classes, strict=True) if c == CHANGED]
    assert changed == ['": "', "7", "1", '"}', '"', "7", "1", '"']
    given = words.decode(encoded.ids[encoded.classes == GIVEN].tolist(), skip_special_tokens=False)
    assert given == wire.prompt(source, 1) + frames[: frames.index(wire.LINE_SEP)]
    assert [answer.what for answer in encoded.answers] == ["step", "value", "step", "step", "return"]


def test_an_export_is_the_same_model_in_transformers(tmp_path: Path, words: Tokenizer) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = WorldModel(tiny(words))
    initialise(model, 3)
    export.export(model, words, tmp_path, torch.float32)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded).__name__ == "CwmForCausalLM"
    ids = torch.randint(0, words.get_vocab_size(), (2, 90), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = model.logits(model(ids))
        theirs = loaded(ids).logits
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert AutoTokenizer.from_pretrained(tmp_path).get_vocab() == words.get_vocab()
    again, _ = export.restore(tmp_path)
    with torch.inference_mode():
        assert torch.equal(again.logits(again(ids)), ours)


def test_calibration_finds_what_was_put_in() -> None:
    """Answers whose chances are a known function of their confidence: that function is found, each set counts alike."""
    known = Calibration(offset=-0.4, slope=0.8, returned=-0.6)
    r = Random(0)

    def answers(count: int, calibration: Calibration) -> list[evaluate.Answer]:
        found = []
        for _ in range(count):
            what, sure = r.choice(["value", "return"]), r.uniform(0.02, 0.999)
            chance = calibration.chance(math.log(sure), returned=what == "return")
            found.append(evaluate.Answer(0, what, wire.LINE_SEP, r.random() < chance, sure, (), ()))
        return found

    first, second = answers(6_000, known), answers(3_000, known)
    ignored = [evaluate.Answer(0, "step", wire.LINE_SEP, False, 0.9, (), ())] * 500
    found = evaluate.calibrate(first + ignored, second)
    assert found.offset == pytest.approx(known.offset, abs=0.12)
    assert found.slope == pytest.approx(known.slope, abs=0.12)
    assert found.returned == pytest.approx(known.returned, abs=0.15)
    values = evaluate.shown_values(first)
    assert evaluate.calibration_error(evaluate.calibrated(values, found)) < evaluate.calibration_error(values) / 2


def test_calibration_and_coverage_by_hand() -> None:
    def answer(confidence: float, right: bool) -> evaluate.Answer:
        return evaluate.Answer(0, "value", wire.LINE_SEP, right, confidence, (), ())

    perfect = [answer(1.0, True)] * 3 + [answer(0.0, False)]
    assert evaluate.calibration_error(perfect) == 0
    assert evaluate.coverage(perfect, 0.95) == (0.75, 1.0)
    assert evaluate.calibration_error([answer(0.9, False), answer(0.9, True)]) == pytest.approx(0.4)


def test_what_is_shown_and_whether_that_is_right() -> None:
    found = [
        evaluate.Answer(0, "value", wire.LINE_SEP, right, confidence, (), ())
        for confidence, right in ((0.99, True), (0.97, True), (0.96, False), (0.2, False))
    ]
    found += [
        evaluate.Answer(0, "step", wire.LINE_SEP, True, 1.0, (), ()),
        evaluate.Answer(0, "crash", wire.EXCEPTION_SEP, False, 1.0, (), ()),
    ]
    told = evaluate.summary(found, 0.9)
    assert (told["shown"], told["shown_right"]) == (0.75, 0.6667)
    assert (told["step"], told["steps"], told["crash"]) == (0.5, 2, 0.0)
    assert (told["step to line"], told["step to exception"]) == (1.0, 0.0)


def test_eight_bits_change_weights_little(words: Tokenizer) -> None:
    model = WorldModel(tiny(words))
    initialise(model, 0)
    before = [weight.clone() for weight in model.parameters()]
    export.round_to_int8(model)
    for old, new in zip(before, model.parameters(), strict=True):
        if old.dim() > 1:
            assert len(new[0].unique()) <= 255
            assert (old - new).abs().amax() <= old.abs().amax() / 254 + 1e-6
        else:
            assert torch.equal(old, new)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_commands_work_one_after_the_other(tmp_path: Path) -> None:
    folder, exported = tmp_path / "run", tmp_path / "model"
    library = tmp_path / "library"
    library.mkdir()
    library.joinpath("a.py").write_text("def alpha(beta):\n    return beta\n")

    def lab(*arguments: str) -> str:
        command = [sys.executable, "-m", "cwm_lsp.lab", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout

    lab("tokenizer", str(folder), "--size", "700", "--library", str(library))
    sizes = ("--hidden", "48", "--layers", "2", "--heads", "6", "--mlp", "64")
    lab("train", str(folder), "--tokens", "3000", "--batch", "1024", *sizes)
    lab("export", str(folder), str(exported))
    picture = tmp_path / "reliability.svg"
    results = json.loads(lab("evaluate", str(exported), "--documents", "5", "--json", "--reliability", str(picture)))
    assert results["synthetic"]["documents"] == 5
    assert 0 <= results["synthetic"]["value"] <= 1
    assert results["all"]["calibration_error"] == results["synthetic"]["calibration_error"]
    assert "confidence" in picture.read_text()
