"""The one loop that everything a model writes goes through: draft, verify, constrain, cancel, stream.

Each token is either forced by the grammar or the likeliest one that the grammar allows, whatever was drafted: drafts
only decide how many of these choices one forward pass serves. The loop is a generator that yields the forward passes it
needs, so that a caller may run several in step.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cwm_lsp.errors import Cancelled
from cwm_lsp.predict.continuation import Continuation
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.grammar import Frame
from cwm_lsp.predict.lengths import DraftLength
from cwm_lsp.trace.events import EventKind

Answer = tuple[Prefix, list[Distribution]]
Onward = Callable[[Frame, Sequence[int], bool], Continuation]
"""Of a frame, the tokens that there are of it, and whether its kind alone is wanted: how its text is to go on."""

Passes = Generator[Pass, Answer, None]
"""Work that asks for forward passes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a prediction may cost; past any of these it ends as a truncated trace."""

    events: int = 2_000
    tokens: int = 50_000
    """Tokens that the model writes."""
    seconds: float = 120.0
    sure: float = 0.0
    """The chance of being right below which nothing is told: a value is unknown, and where control goes so, it ends."""
    text: int = 20_000_000
    """Characters of all events, each with all its locals, as they are written out."""
    seed: int | None = None
    """Tokens are drawn by chance, as likely as the model finds them; None: the likeliest is taken."""
    guesses: int = 200
    """Of what the evaluator asks, what the model is asked; further answers stay unknown."""


class Ended(Exception):
    """The prediction ends before its time; the message says why."""


class NoRoom(Ended):
    """What is to be read does not fit the model's context."""


class Writable(Protocol):
    """A frame that is being written; see `grammar.Frame`."""

    kind: EventKind | None
    piece: str
    text: str

    @property
    def done(self) -> bool: ...
    def forced(self) -> tuple[int, ...]: ...
    def candidates(self) -> list[int] | None: ...
    def legal(self) -> list[int]: ...
    def take(self, token_id: int, logprob: float | None = None) -> bool: ...


class Writer:
    """A text of tokens that grows by forced and chosen ones, and the engine's reading of it."""

    def __init__(self, engine: Engine, budget: Budget, cancel: threading.Event | None) -> None:
        self.engine = engine
        self.drafter: Drafter | None = None
        self.onward: Onward | None = None
        """What an engine that writes by itself is told."""
        self.tokens: list[int] = []
        self.passes = 0
        self.written = 0
        """Tokens of frames."""
        self.interventions = 0
        """How often the likeliest token was illegal."""
        self.budget = budget
        self._chance = None if budget.seed is None else random.Random(budget.seed)  # noqa: S311
        self._deadline = time.monotonic() + budget.seconds
        self._cancel = cancel
        self._prefix = Prefix()
        self._drafted: list[int] = []
        """Tokens that the engine has read beyond `tokens`."""
        self._proposed: tuple[int, bool] | None = None
        """How long the last draft was, and whether it was foreseen, until it is known how much of it was right."""
        self._distributions: list[Distribution] = []
        """Those after the last of `tokens`, and after each of the drafted ones."""
        self._length = DraftLength(engine)
        self._begun: tuple[Writable, int] | None = None
        """The frame being written, and where it begins."""

    def restart(self, tokens: Sequence[int]) -> None:
        """Go on from another text."""
        self.finish()
        self.resume(tokens, self.engine.longest_prefix(tokens))

    def resume(self, tokens: Sequence[int], prefix: Prefix) -> None:
        """Go on from another text, of which `prefix` has been read."""
        self.tokens = list(tokens)
        self._prefix = prefix
        self._drafted, self._distributions, self._proposed = [], [], None

    def extend(self, tokens: Iterable[int]) -> None:
        """The text goes on with tokens that need no model."""
        for token in tokens:
            self.append(token)

    def cut(self, length: int) -> None:
        """Take back the text after its first `length` tokens."""
        if length < len(self.tokens):
            # The last token is left to be read, for what comes after it.
            self._prefix = self.engine.cut(self._prefix, max(0, min(length - 1, len(self._prefix))))
            self._drafted, self._distributions, self._proposed = [], [], None
            del self.tokens[length:]

    def finish(self) -> None:
        """Leave what was read to later predictions."""
        if self._prefix.tokens:
            self.engine.remember(self.engine.cut(self._prefix, len(self._prefix) - len(self._drafted)))

    def append(self, token: int) -> None:
        """The text goes on with a token."""
        self.tokens.append(token)
        if self._drafted and self._drafted[0] == token:
            del self._drafted[0], self._distributions[0]
            return
        if self._drafted:  # the rest of the draft is of no use
            self._learn()
            self._prefix = self.engine.cut(self._prefix, len(self._prefix) - len(self._drafted))
        self._drafted, self._distributions = [], []

    def _learn(self) -> None:
        """It is known how much of the last draft was right."""
        if self._proposed is not None:
            drafted, foreseen = self._proposed
            self._length.learn(drafted, drafted - len(self._drafted), foreseen=foreseen)
            self._proposed = None

    def frame(self, frame: Writable) -> Passes:
        """Write a frame to its end.

        Raises:
            Cancelled, Ended: it was not finished.
        """
        self._begins(frame)
        while not frame.done:
            yield from self.go_on(frame)

    def kind(self, frame: Writable) -> Passes:
        """Write only as much of a frame as tells its kind; raises what `frame` does."""
        self._begins(frame)
        while frame.kind is None:
            yield from self.go_on(frame, kind_only=True)

    def _begins(self, frame: Writable) -> None:
        if self._begun is None or self._begun[0] is not frame:
            self._begun = frame, len(self.tokens)

    def go_on(self, frame: Writable, *, kind_only: bool = False) -> Passes:
        """Write the tokens that are forced, or else one that is chosen. `kind_only`: more is not wanted for now."""
        forced = frame.forced()
        if forced:
            for token in forced:
                legal = frame.take(token)
                assert legal, (token, frame.piece, frame.text)
                self.append(token)
            self.written += len(forced)
            return
        if self.written >= self.budget.tokens:
            raise Ended(f"the limit of {self.budget.tokens} tokens was reached")
        if len(self.tokens) > self.engine.context_length:
            raise NoRoom(f"the model's context of {self.engine.context_length} tokens is full")
        if not self._distributions:
            yield from self._pass(frame, kind_only=kind_only)
        self.append(self._choose(frame))
        self.written += 1

    def _choose(self, frame: Writable) -> int:
        """The likeliest legal token, which the frame takes."""
        distribution = self._distributions[0]
        for rank, (token, logprob) in enumerate(self._ranked(distribution, frame)):
            if frame.take(token, logprob):
                return token
            if rank == 0:
                self.interventions += 1
                if frame.candidates() is not None:
                    break
        legal = frame.legal()
        assert legal, f"no token of the vocabulary is legal in {frame.piece} after {frame.text!r}"
        token, logprob = distribution.best(legal)
        taken = frame.take(token, logprob)
        assert taken, (token, frame.piece, frame.text)
        return token

    def _ranked(self, distribution: Distribution, frame: Writable) -> Iterable[tuple[int, float]]:
        """Tokens with the logarithms of their chances, in the order in which they are tried."""
        if self._chance is None:
            return distribution.ranked()
        allowed = frame.candidates()
        among = None if allowed is None else set(allowed)
        ranked = [one for one in distribution.ranked() if among is None or one[0] in among]
        # The first legal one of this order is drawn as likely as it is among those that are legal.
        races = {token: self._chance.expovariate(1.0) / math.exp(max(logprob, -700.0)) for token, logprob in ranked}
        return sorted(ranked, key=lambda one: races[one[0]])

    def _pass(self, frame: Writable, *, kind_only: bool) -> Passes:
        """One forward pass over what the engine has not read, and over a draft; more if that is too much for one."""
        engine = self.engine
        room = engine.context_length - len(self.tokens)
        self._learn()  # all of the last draft was right
        foreseen = self.drafter is not None and self.drafter.foresees
        unread_at_first = min(len(self.tokens) - len(self._prefix), engine.pass_tokens)
        length = max(0, min(self._length.next(unread_at_first, foreseen=foreseen), room))
        draft: list[int] = []
        onward: Continuation | None = None
        if engine.writes and self.onward is not None and self._begun is not None and isinstance(frame, Frame):
            if self._chance is None and room > 0:
                onward = replace(
                    self.onward(frame, self.tokens[self._begun[1] :], kind_only),
                    tokens=self.budget.tokens - self.written,
                )
        elif self.drafter is not None and isinstance(frame, Frame) and length > 0:
            draft = self.drafter.draft(frame, length)[:length]
        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            if time.monotonic() > self._deadline:
                raise Ended(f"the limit of {self.budget.seconds:g} seconds was reached")
            unread = self.tokens[len(self._prefix) :]
            self.passes += 1
            if len(unread) + len(draft) <= engine.pass_tokens or len(unread) <= 1:
                break
            part = unread[: engine.pass_tokens]
            if len(part) == len(unread):
                part = part[:-1]
            self._prefix, _ = yield Pass(self._prefix, part, 0)
        self._prefix, self._distributions = yield Pass(self._prefix, [*unread, *draft], 1 + len(draft), onward)
        self._drafted = list(self._prefix.tokens[len(self.tokens) :])
        self._proposed = (len(draft), foreseen) if draft else None
