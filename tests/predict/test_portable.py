"""The numpy engine against transformers, on the bundled model and on a checkpoint of another shape."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.interface import Engine, Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.portable import PortableEngine


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with several query heads to a key head, untied embeddings and odd sizes."""
    import torch
    from transformers import CwmConfig, CwmForCausalLM

    folder = tmp_path_factory.mktemp("grouped")
    shutil.copy(bundled_folder() / "tokenizer.json", folder)
    config = CwmConfig(
        vocab_size=777,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=10,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        layer_types=["full_attention"] * 3,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(3)
    model = CwmForCausalLM(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    return folder


def readings(engine: Engine, ids: list[int], vocabulary: range) -> list[float]:
    """Log-probabilities along a sequence read in uneven pieces, with branches off it that are read and forgotten."""
    result = []
    prefix = Prefix()
    for start, end in ((0, 60), (60, 61), (61, 125), (125, len(ids))):
        before = prefix
        [(prefix, distributions)] = engine.forward([Pass(prefix, ids[start:end], end - start)])
        [(_, branch)] = engine.forward([Pass(before, [5, 6, 7], 1)])
        [(_, cut)] = engine.forward([Pass(engine.cut(prefix, start + 1), [8], 1)])
        for distribution in [*distributions, *branch, *cut]:
            result += [distribution.logprob(token_id) for token_id in vocabulary]
    return result


@pytest.mark.parametrize("which", ["bundled", "grouped"])
def test_same_numbers_as_transformers(which: str, grouped: Path) -> None:
    folder = bundled_folder() if which == "bundled" else grouped
    portable, local = PortableEngine(folder, which), LocalEngine.load(folder)
    ids = [Random(1).randrange(700) for _ in range(150)]
    vocabulary = range(0, 700, 13)
    assert readings(portable, ids, vocabulary) == pytest.approx(readings(local, ids, vocabulary), abs=1e-4)


def test_ranked_is_the_order_of_logprobs() -> None:
    engine = PortableEngine(bundled_folder(), "bundled")
    [(_, [distribution])] = engine.forward([Pass(Prefix(), [1, 2, 3], 1)])
    ranked = list(distribution.ranked())
    assert len(ranked) == len({token_id for token_id, _ in ranked})
    assert ranked == sorted(ranked, key=lambda item: (-item[1], item[0]))
    assert all(logprob == distribution.logprob(token_id) for token_id, logprob in ranked)


def test_what_it_cannot_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no model could be loaded"):
        PortableEngine(tmp_path, "empty")
    shutil.copytree(bundled_folder(), tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"\x08")
    with pytest.raises(UnavailableError, match="no model could be loaded"):
        PortableEngine(tmp_path / "cut", "cut")


def test_memory_is_used_again_unless_somebody_needs_it() -> None:
    engine = PortableEngine(bundled_folder(), "bundled")
    ids = [Random(2).randrange(700) for _ in range(40)]
    [(start, _)] = engine.forward([Pass(Prefix(), ids, 1)])
    [(rejected, _)] = engine.forward([Pass(start, [5, 6, 7], 1)])
    room = rejected.state.held
    rejected = engine.cut(rejected, 41)  # the draft was wrong after its first token
    [(one, _)] = engine.forward([Pass(rejected, [8, 9], 1)])
    assert one.state.held is room
    [(other, [distribution])] = engine.forward([Pass(start, [10, 11], 1)])
    assert other.state.held is not room  # `one` is still there
    [(_, [again])] = engine.forward([Pass(one, [12], 1)])
    [(_, [fresh])] = engine.forward([Pass(Prefix(), [*ids, 5, 8, 9, 12], 1)])
    assert again.logprob(20) == pytest.approx(fresh.logprob(20), abs=1e-4)
    [(_, [alone])] = engine.forward([Pass(Prefix(), [*ids, 10, 11], 1)])
    assert distribution.logprob(20) == pytest.approx(alone.logprob(20), abs=1e-4)
