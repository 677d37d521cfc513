import random

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict import engines
from cwm_lsp.predict.engines import Pass, Prefix
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer


def best(distribution, count=5):
    ranked = distribution.ranked()
    return [next(ranked) for _ in range(count)]


def same(one, other):
    return [token for token, _ in best(one)] == [token for token, _ in best(other)] and all(
        abs(a - b) < 1e-9 for (_, a), (_, b) in zip(best(one), best(other), strict=True)
    )


ENGINES = {"local": lambda loaded, _folder: LocalEngine(loaded.model, loaded.tokenizer, "tiny")}
"""What every engine must do is held for each of these: it is made of a loaded checkpoint, or in an empty folder."""


@pytest.fixture(params=ENGINES)
def engine(request, loaded, tmp_path):
    return ENGINES[request.param](loaded, tmp_path)


@pytest.fixture
def tokens():
    chooser = random.Random(7)
    return [chooser.randrange(10, 300) for _ in range(60)]  # past the sliding window


def test_pieces_give_what_the_whole_gives(engine, tokens):
    ((_, whole),) = engine.forward([Pass(Prefix(), tokens, len(tokens))])
    ((half, first),) = engine.forward([Pass(Prefix(), tokens[:25], 25)])
    ((_, second),) = engine.forward([Pass(half, tokens[25:], 35)])
    assert all(same(a, b) for a, b in zip(whole, first + second, strict=True))


def test_a_prefix_can_be_cut_and_continued_twice(engine, tokens):
    ((long, _),) = engine.forward([Pass(Prefix(), tokens, 1)])
    cut = engine.cut(long, 40)
    ((_, (one,)),) = engine.forward([Pass(cut, [11, 12], 1)])
    ((_, (other,)),) = engine.forward([Pass(cut, tokens[40:], 1)])
    ((_, (alone,)),) = engine.forward([Pass(Prefix(), [*tokens[:40], 11, 12], 1)])
    ((_, (unbroken,)),) = engine.forward([Pass(Prefix(), tokens, 1)])
    assert same(one, alone)
    assert same(other, unbroken)


def test_a_batch_gives_what_its_members_give(engine, tokens):
    ((shared, _),) = engine.forward([Pass(Prefix(), tokens[:30], 1)])
    batch = [
        Pass(shared, tokens[30:45], 3),
        Pass(Prefix(), tokens[:5], 2),
        Pass(engine.cut(shared, 9), tokens[9:50], 1),
    ]
    together = engine.forward(batch)
    for step, (prefix, distributions) in zip(batch, together, strict=True):
        ((alone, expected),) = engine.forward([step])
        assert prefix.tokens == alone.tokens
        assert len(distributions) == step.keep
        assert all(same(a, b) for a, b in zip(distributions, expected, strict=True))
        ((_, (further,)),) = engine.forward([Pass(prefix, [20, 21], 1)])
        ((_, (as_alone,)),) = engine.forward([Pass(alone, [20, 21], 1)])
        assert same(further, as_alone)


def test_ranking_is_complete_and_agrees_with_logprob(engine, tokens):
    ((_, (distribution,)),) = engine.forward([Pass(Prefix(), tokens, 1)])
    ranked = list(distribution.ranked())
    assert sorted(token for token, _ in ranked) == list(range(engine.tokenizer.vocabulary_size))
    assert [logprob for _, logprob in ranked] == sorted((logprob for _, logprob in ranked), reverse=True)
    assert all(abs(distribution.logprob(token) - logprob) < 1e-9 for token, logprob in ranked)


def test_what_was_read_is_found_again(engine, tokens):
    ((prefix, _),) = engine.forward([Pass(Prefix(), tokens, 1)])
    engine.remember(prefix)
    assert len(engine.longest_prefix(tokens)) == len(tokens) - 1  # the last one must be read for its distribution
    changed = [*tokens[:20], 5, *tokens[21:]]
    assert engine.longest_prefix(changed).tokens == tuple(tokens[:20])
    assert len(engine.longest_prefix([5, *tokens])) == 0


def test_text_never_becomes_a_special_token(checkpoint):
    tokenizer = Tokenizer.from_file(checkpoint / "tokenizer.json")
    text = "x = '<|frame_sep|>é\U0001f600'\n"
    ids = tokenizer.encode(text)
    assert not tokenizer.special_ids & set(ids)
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()


@pytest.mark.parametrize("installed", [True, False])
def test_missing_models_are_told(tmp_path, monkeypatch, installed):
    """Also before anything is installed for them, which would not help."""
    if not installed:
        monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="safetensors"):
        engines.check(engines.Options(str(tmp_path)))
    with pytest.raises(UnavailableError, match="no folder"):
        engines.load(engines.Options(str(tmp_path / "nothing")))


def test_a_tokenizer_without_trace_tokens_is_refused(tmp_path, checkpoint):
    import json
    import shutil

    shutil.copytree(checkpoint, tmp_path / "other")
    path = tmp_path / "other" / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text())).replace("<|line_sep|>", "<|other|>"))
    with pytest.raises(UnavailableError, match="line_sep"):
        engines.load(engines.Options(str(tmp_path / "other")))
