"""What runs a world model, as everything above sees it: tokens in, distributions of the next token out."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.predict.confidence import UNCALIBRATED, Calibration
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    from cwm_lsp.predict.continuation import Continuation


class Distribution(ABC):
    """The model's distribution of the token after one position."""

    @abstractmethod
    def ranked(self) -> Iterator[tuple[int, float]]:
        """(id, natural log-probability), best first, the lower id first where two are equal.

        The first few are at hand, the others may cost a transfer: stop as soon as you can. A server tells only a few;
        of those that are left, `best` finds the one wanted.
        """

    @abstractmethod
    def logprob(self, token_id: int) -> float:
        """Natural log-probability of one token."""

    def best(self, allowed: Collection[int]) -> tuple[int, float]:
        """The likeliest of some tokens, the lowest id of equals, with its natural log-probability."""
        token_id = max(sorted(allowed), key=self.logprob)
        return token_id, self.logprob(token_id)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Tokens that a model has read, with what it keeps of them. Immutable: extending one makes another."""

    tokens: tuple[int, ...] = ()
    state: Any = None
    """The engine's own: a key-value cache, or nothing where a server keeps it."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Pass:
    """One sequence's share of a forward pass: read `tokens` after `prefix`."""

    prefix: Prefix
    tokens: Sequence[int]
    keep: int
    """Distributions wanted: those after the last `keep` of the tokens."""
    onward: Continuation | None = None
    """How the text is to go on after that, for an engine that writes by itself. The prefix that it gives has what it
    wrote, and the distributions, one for each token written, are those of which they were chosen."""


@dataclass(frozen=True, slots=True)
class PassTimes:
    """Seconds of passes."""

    measured: tuple[tuple[int, float], ...]
    """Tokens and seconds, by tokens; at least one."""

    def seconds(self, tokens: int) -> float:
        """Of a pass over so many tokens: on the line between the two nearest that were measured, and in proportion
        beyond the last."""
        at = bisect_left(self.measured, (tokens, 0.0))
        if at == len(self.measured):
            most, seconds = self.measured[-1]
            return seconds * tokens / most
        after, longer = self.measured[at]
        if at == 0 or after == tokens:
            return longer
        before, shorter = self.measured[at - 1]
        return shorter + (longer - shorter) * (tokens - before) / (after - before)


class Engine(ABC):
    """A world model, loaded. Not to be used from several threads at once."""

    name: str
    description: str
    """What runs the model, in one line for a person."""
    tokenizer: Tokenizer
    context_length: int
    """Tokens that a sequence may have."""
    pass_tokens: int
    """Tokens that one forward pass should carry at most."""
    draft_tokens: int
    """Drafted tokens that are worth verifying in one pass; 0 where drafts do not pay."""
    pass_times: PassTimes | None = None
    """How long passes take, where that was measured."""
    calibration: Calibration = UNCALIBRATED
    writes: bool = False
    """It goes on by itself with what it is told of; drafts are then its own affair."""
    cancel: threading.Event | None = None
    """Ends the work at hand: an engine that waits for others stops waiting, and raises Cancelled."""

    @abstractmethod
    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        """One forward pass over all of the batch: for each, the longer prefix and the distributions asked for."""

    @abstractmethod
    def cut(self, prefix: Prefix, length: int) -> Prefix:
        """The first `length` tokens of a prefix."""

    @abstractmethod
    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        """What is still known of the beginning of `tokens` from earlier passes, its last token excepted."""

    @abstractmethod
    def remember(self, prefix: Prefix) -> None:
        """Keep a prefix for `longest_prefix`, for as long as there is room."""
