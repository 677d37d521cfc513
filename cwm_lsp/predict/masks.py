"""Which tokens of the whole vocabulary may come next, at once: for what cannot try them one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.grammar import ESCAPE_BEGUN, INSIDE_STRING, Frame, Grammar
from cwm_lsp.predict.tokens import json_text
from cwm_lsp.trace import wire

if TYPE_CHECKING:
    from numpy.typing import NDArray

Flags: TypeAlias = "NDArray[np.bool_]"
"""One for each token of the vocabulary."""

_ESCAPES = '"\\bfnrt'
"""What makes an escape complete after its backslash."""


class Masks:
    """The masks of one program's frames.

    In the middle of a value most tokens are legal whatever the value is; those that end it are so by what comes after
    its quote, which is the same for all of the value. Only what is left is tried.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._vocabulary = Vocabulary.of(grammar.tokenizer)
        self._value: tuple[Any, ...] = ()
        """The value that `_endings` are of."""
        self._endings: frozenset[str] = frozenset()

    def legal(self, frame: Frame) -> Flags:
        """The tokens that the frame takes, where none is forced: those that `Frame.legal` lists."""
        few = frame.candidates()
        if few is not None:
            return self.only(few)
        if frame.name is None:
            return self.only(self._tried(frame, self._vocabulary.beginning))
        inside = INSIDE_STRING.match(frame.value)
        pending = frame.value[inside.end() if inside else 0 :]
        if pending not in ("", "\\"):
            return self.only(self._tried(frame, self._vocabulary.beginning))
        kinds = self._vocabulary.escaped if pending else self._vocabulary.plain
        mask: Flags = kinds.inside.copy()
        for rest in self._endings_of(frame) & kinds.ending.keys():
            mask[kinds.ending[rest]] = True
        if pending:
            mask[self._tried(frame, ["u"])] = True
        elif wire.SAME.startswith(frame.value):  # which stands for an unchanged value, and begins no other
            character = f'{wire.SAME}"'[len(frame.value)]
            doubtful = self._vocabulary.beginning.get(character, [])
            mask[doubtful] = False
            mask[self._tried(frame, [character])] = True
        return mask

    def only(self, tokens: Iterable[int]) -> Flags:
        """Nothing but some tokens."""
        return self._vocabulary.flags(tokens)

    def _tried(self, frame: Frame, characters: Iterable[str]) -> list[int]:
        """The legal ones of the tokens that begin with some characters."""
        vocabulary = self._vocabulary
        return [
            token
            for character in characters
            if _takes(frame, [vocabulary.characters[character]])
            for token in vocabulary.beginning[character]
            if _takes(frame, [token])
        ]

    def _endings_of(self, frame: Frame) -> frozenset[str]:
        """What may come, in the same token, after the quote that ends the value. It does not depend on the value."""
        value = (frame.state, frame.known, frame.kind, frame.name, *frame.values)
        if value != self._value:
            within, characters = frame.inside(), self._vocabulary.characters
            legal = []
            for first, rests in self._vocabulary.rests.items():
                if _takes(within, [characters[one] for one in f'"{first}']):
                    legal += [rest for rest in rests if _takes(within, [characters[one] for one in f'"{rest}'])]
            self._value, self._endings = value, frozenset(legal)
        return self._endings


def _takes(frame: Frame, tokens: Iterable[int]) -> bool:
    trial = frame.copy()
    return all(trial.take(token) for token in tokens)


class Kinds:
    """Tokens by what they do in the middle of a value, given as the texts that count."""

    def __init__(self, texts: dict[int, str], size: int) -> None:
        self.inside = np.zeros(size, dtype=bool)
        """They leave the value unfinished."""
        ending: dict[str, list[int]] = {}
        for token, text in texts.items():
            inside = INSIDE_STRING.match(text)
            rest = text[inside.end() if inside else 0 :]
            if not rest or ESCAPE_BEGUN.fullmatch(rest):
                self.inside[token] = True
            elif rest[0] == '"':
                ending.setdefault(rest[1:], []).append(token)
        self.ending = {rest: np.array(tokens) for rest, tokens in ending.items()}
        """By what they have after the quote that ends it."""


class Vocabulary:
    """The tokens that may be part of JSON, by their texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.size = tokenizer.vocabulary_size
        texts = {token: text for token in range(self.size) if (text := json_text(tokenizer, token)) is not None}
        self.characters = {text: token for token, text in reversed(texts.items()) if len(text) == 1}
        """Those of one character: a byte-level vocabulary has them all."""
        self.beginning: dict[str, list[int]] = {}
        """By their first character."""
        for token, text in texts.items():
            self.beginning.setdefault(text[0], []).append(token)
        self.plain = Kinds(texts, self.size)
        self.escaped = Kinds({token: text[1:] for token, text in texts.items() if text[0] in _ESCAPES}, self.size)
        """After a backslash."""
        self.rests: dict[str, list[str]] = {}
        """What may come after a quote, by its first character."""
        for rest in self.plain.ending.keys() | self.escaped.ending.keys():
            self.rests.setdefault(rest[:1], []).append(rest)

    @staticmethod
    @lru_cache(maxsize=2)
    def of(tokenizer: Tokenizer) -> Vocabulary:
        """That of a model, remembered: it takes a second for a large one."""
        return Vocabulary(tokenizer)

    def flags(self, tokens: Iterable[int]) -> Flags:
        """Those of some tokens."""
        mask = np.zeros(self.size, dtype=bool)
        mask[list(tokens)] = True
        return mask
