"""An engine that says what a given text says: how many passes would a model need that writes just this?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.tokenizer import Tokenizer


class OffScript(Exception):
    """The grammar does not allow the token that the text has."""


class ReplayEngine(Engine):
    """After the first n tokens, whatever they are, the likeliest token is the one at n of `script`.

    Exact for a decoder that keeps to the script; `OffScript` is raised where it must leave it.
    """

    def __init__(self, tokenizer: Tokenizer, script: Sequence[int] = (), *, draft_tokens: int = 256) -> None:
        self.name = "replay"
        self.description = "a given text, by no model"
        self.tokenizer = tokenizer
        self.script = script
        self.context_length = 1 << 20
        self.pass_tokens = self.context_length
        self.draft_tokens = draft_tokens

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        results: list[tuple[Prefix, list[Distribution]]] = []
        for step in batch:
            prefix = Prefix(step.prefix.tokens + tuple(step.tokens))
            script = [*self.script[len(prefix) - step.keep + 1 : len(prefix) + 1]]
            script += [-1] * (step.keep - len(script))
            results.append((prefix, [_Certain(token) for token in script]))
        return results

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        return Prefix(prefix.tokens[:length])

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        return Prefix()

    def remember(self, prefix: Prefix) -> None:
        pass


class _Certain(Distribution):
    def __init__(self, token: int) -> None:
        self._token = token

    def ranked(self) -> Iterator[tuple[int, float]]:
        if self._token >= 0:  # the script is not at its end
            yield self._token, 0.0
        raise OffScript

    def logprob(self, token_id: int) -> float:
        if token_id == self._token:
            return 0.0
        raise OffScript
