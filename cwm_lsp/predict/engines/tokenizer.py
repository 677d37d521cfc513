"""Text ⇄ token ids of a byte-level BPE, special tokens kept strictly apart from text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_lsp.errors import UnavailableError
from cwm_lsp.trace import wire

if TYPE_CHECKING:
    import tokenizers

SPECIAL_TOKENS = (
    wire.BEGIN_OF_TEXT,
    wire.END_OF_TEXT,
    wire.TRACE_CONTEXT_START,
    wire.FRAME_SEP,
    wire.ACTION_SEP,
    wire.ARG_SEP,
    wire.CALL_SEP,
    wire.LINE_SEP,
    wire.RETURN_SEP,
    wire.EXCEPTION_SEP,
)

_REMEMBERED = 50_000
"""Encoded texts kept: pieces of frames repeat all the time."""


class Tokenizer:
    """The vocabulary of a model, given as a `tokenizers.Tokenizer`.

    Raises UnavailableError where the vocabulary lacks the tokens of the trace format.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        backend.encode_special_tokens = True  # "<|frame_sep|>" in a program is text
        self._backend = backend
        self._encoded: dict[str, tuple[int, ...]] = {}
        self._bytes: dict[int, bytes] = {}
        self.vocabulary_size: int = backend.get_vocab_size()
        self.special: dict[str, int] = {}
        """Ids of the special tokens of the trace format, by name."""
        for name in SPECIAL_TOKENS:
            token_id = backend.token_to_id(name)
            if token_id is None:
                raise UnavailableError(
                    f"the model's tokenizer has no {name} token: it is not a code world model (expected the CWM format)"
                )
            self.special[name] = token_id
        self.special_ids = frozenset(self.special.values())

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """From a `tokenizer.json`."""
        import tokenizers

        return cls(tokenizers.Tokenizer.from_file(str(path)))

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a piece of ordinary text, which is never read as special tokens."""
        ids = self._encoded.get(text)
        if ids is None:
            if len(self._encoded) >= _REMEMBERED:
                self._encoded.clear()
            ids = self._encoded[text] = tuple(self._backend.encode(text, add_special_tokens=False).ids)
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token of ordinary text stands for; those of its name for a special token."""
        known = self._bytes.get(token_id)
        if known is None:
            token = self._backend.id_to_token(token_id) or ""
            table = _bytes_of_characters()
            try:
                known = bytes(table[character] for character in token)
            except KeyError:  # an added token, which is written as it is
                known = token.encode()
            self._bytes[token_id] = known
        return known

    def decode(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of ids, special tokens by their names."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")


@cache
def _bytes_of_characters() -> dict[str, int]:
    """Byte-level BPE writes each byte as a printable character (Radford et al. 2019, GPT-2's `bytes_to_unicode`)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
