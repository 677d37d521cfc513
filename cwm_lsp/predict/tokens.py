"""Texts of tokens, and what sequences of them have in common."""

from __future__ import annotations

from collections.abc import Iterable

from cwm_lsp.predict.engines.tokenizer import Tokenizer


def json_text(tokenizer: Tokenizer, token_id: int) -> str | None:
    """The text of a token that may be part of JSON, None for any other."""
    text = tokenizer.token_bytes(token_id).decode("latin-1")
    usable = text and text.isascii() and text.isprintable() and token_id not in tokenizer.special_ids
    return text if usable else None


def common_beginning(sequences: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """What all sequences begin with."""
    first, *others = sequences
    length = len(first)
    for other in others:
        pairs = enumerate(zip(first, other, strict=False))
        length = next((n for n, (one, two) in pairs if one != two), min(length, len(other)))
        first = first[:length]
    return first
