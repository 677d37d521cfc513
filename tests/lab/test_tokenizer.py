from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from cwm_lsp.lab import tokenizer
from cwm_lsp.trace import wire

BUNDLED = Path(tokenizer.__file__).parents[1] / "bundled"


@pytest.fixture(scope="module")
def bundled() -> Tokenizer:
    return tokenizer.load(BUNDLED)


def ids(words: Tokenizer, text: str) -> list[int]:
    return words.encode(text, add_special_tokens=False).ids


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text("ab_ 'A\"[]{}():,.0\n\\é🙂"))
def test_any_text_is_given_back(text: str) -> None:
    words = tokenizer.load(BUNDLED)
    assert words.decode(ids(words, text), skip_special_tokens=False) == text


def inside(whole: list[int], part: list[int]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole)))


@settings(max_examples=200, deadline=None)
@given(
    st.integers()
    | st.lists(st.integers(-999, 999), max_size=4)
    | st.lists(st.text("abcxyz", max_size=6), max_size=3)
    | st.text("abcdefgh ", max_size=12)
    | st.dictionaries(st.text("abc", max_size=4), st.integers(0, 99), max_size=3)
)
def test_a_value_has_the_same_tokens_wherever_it_stands(value: object) -> None:
    words = tokenizer.load(BUNDLED)
    text = repr(value)
    own = ids(words, text)
    frame = ids(words, json.dumps({"x": text, "name": ".."}))
    assert inside(frame, own)
    assert inside(ids(words, f"    total = {text}\n"), own[:-1])  # the last piece may have the line's end in it
    assert inside(ids(words, json.dumps(text)), own)


def test_structure_and_digits_are_single_tokens(bundled: Tokenizer) -> None:
    pieces = [bundled.decode([i]) for i in ids(bundled, '{"count": "..", "x": "120"}')]
    assert pieces == ['{"', "count", '": "..", "', "x", '": "', "1", "2", "0", '"}']


def test_special_tokens_are_the_formats_own(bundled: Tokenizer) -> None:
    for token in (*wire.KIND_TOKENS.values(), wire.FRAME_SEP, wire.ACTION_SEP, wire.ARG_SEP, wire.TRACE_CONTEXT_START):
        assert ids(bundled, token) == [tokenizer.identifier(bundled, token)]


def test_words_that_are_not_in_the_vocabulary_are_spelled(bundled: Tokenizer) -> None:
    assert len(ids(bundled, "result")) == 1
    assert len(ids(bundled, "qzxv")) == 4


def test_transformers_reads_the_same_tokens(bundled: Tokenizer) -> None:
    from transformers import AutoTokenizer

    text = 'def f(items):\n    return items["é"] + [1, -20]  # ok\n'
    loaded = AutoTokenizer.from_pretrained(BUNDLED)
    assert loaded.encode(text, add_special_tokens=False) == ids(bundled, text)
    assert loaded.decode(loaded.encode(text, add_special_tokens=False)) == text
    assert loaded.eos_token == wire.END_OF_TEXT
