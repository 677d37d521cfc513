"""A recorded trace read by the model: how likely was what happened, and what had the model expected instead?

The whole trace goes through the model in a few passes of many tokens, since all of it is known. Only where the token
that the model likes best is another than the one that came is anything written: the value, line or kind that the model
would have gone on with, given the true history before it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from cwm_lsp.errors import Cancelled
from cwm_lsp.predict.decode import Answer, Budget, Ended, Writer
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.grammar import Frame
from cwm_lsp.predict.prompt import Task, seeded
from cwm_lsp.predict.states import State, entered
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import EventKind, Trace

STEP = "step"
"""The name under which the bits for kind and line of an event are kept, beside those of its values."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """How one event of a recorded trace looked to the model, given all events before it."""

    event_index: int
    bits: float
    """-log2 of the probability of what the event tells: 0 where the model was sure of it."""
    parts: Mapping[str, float]
    """The same for each local; `value`: that of a `return` or `exception`; `step`: kind and line."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """The reprs that the model would have written instead, where they differ; by local, or `value`."""
    expected_kind: EventKind | None = None
    """The kind of event that the model would have written instead, if another."""
    expected_line: int | None = None
    """The line that the model would have gone to instead, if another."""

    @property
    def probability(self) -> float:
        return math.pow(2.0, -self.bits)

    def to_json(self) -> dict[str, object]:
        return {
            "event_index": self.event_index,
            "bits": round(self.bits, 4),
            "parts": {name: round(bits, 4) for name, bits in self.parts.items()},
            "expected": dict(self.expected),
            "expected_kind": self.expected_kind,
            "expected_line": self.expected_line,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """A recorded trace as the model sees it, and what that cost."""

    surprises: tuple[Surprise, ...]
    """Of all events but the first, which is given."""
    tokens: int
    """Read, the program included."""
    passes: int
    """To read them."""
    expecting_passes: int
    """To write what was expected, besides."""
    seconds: float


EXPECTING = 2_000
"""Tokens of what was expected that are written at most, in all; later events are told without."""


class _Difference(NamedTuple):
    """A place at which the model would have gone on otherwise."""

    at: int
    """Index of the token in the text."""
    token: int
    logprob: float
    frame: Frame
    """The frame up to there."""


class Scorer:
    """Reads one recorded trace. `run` asks for forward passes.

    Raises:
        UserError: the function is not in the trace's source.
        Ended: the function is too long for the model's context.
        Cancelled: `cancel` was set; at most one forward pass later.
    """

    def __init__(
        self, engine: Engine, trace: Trace, cancel: threading.Event | None = None, *, expecting: int = EXPECTING
    ) -> None:
        function = find(trace.source, trace.function, trace.path)
        prompt = seeded(Task(trace.path, trace.source, function, trace.call), trace.events[0])
        self._engine = engine
        self._cancel = cancel
        self._events = trace.events
        self._writer = Writer(engine, Budget(tokens=expecting), cancel)
        self._transcript = Transcript(engine, self._writer, prompt, trace.events)
        self._state: State | None = entered(prompt.source, trace.events[0])
        self._surprises: list[Surprise] = []
        self._tokens = self._passes = 0

    def run(self) -> Generator[Pass, Answer, Reading]:
        started = time.monotonic()
        index = 1
        while index < len(self._events):
            index = yield from self._read_from(index)
        return Reading(
            tuple(self._surprises), self._tokens, self._passes, self._writer.passes, time.monotonic() - started
        )

    def _read_from(self, first: int) -> Generator[Pass, Answer, int]:
        """Read as many events as the context has room for, and tell the next one."""
        text = self._transcript.beginning(first)
        ends = [len(text)]
        for index in range(first, len(self._events)):
            tokens = self._transcript.tokens(index, index + 1)
            if len(text) + len(tokens) > self._engine.context_length and len(ends) > 1:
                break
            text += tokens
            ends.append(len(text))
        prefix, distributions = yield from self._distributions(text, ends[0])
        for index, (start, end) in enumerate(pairwise(ends), first):
            here = distributions[start - ends[0] : end - ends[0]]
            yield from self._judge(index, text, start, here, prefix)
        self._engine.remember(prefix)
        return first + len(ends) - 1

    def _distributions(self, text: list[int], start: int) -> Generator[Pass, Answer, tuple[Prefix, list[Distribution]]]:
        """The text as read, and the distribution before each of its tokens from `start` on."""
        prefix = self._engine.longest_prefix(text[:start])
        distributions: list[Distribution] = []
        while len(prefix) < len(text):
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            part = text[len(prefix) : len(prefix) + self._engine.pass_tokens]
            keep = min(len(part), len(prefix) + len(part) - start + 1)
            self._passes += 1
            self._tokens += len(part)
            prefix, read = yield Pass(prefix, part, max(0, keep))
            distributions += read
        return prefix, distributions

    def _judge(
        self, index: int, text: Sequence[int], start: int, distributions: Sequence[Distribution], prefix: Prefix
    ) -> Generator[Pass, Answer, None]:
        """Hold one event against what the model expected."""
        state, event = self._state, self._events[index]
        tokens = text[start : start + len(distributions)]
        frame = Frame(self._transcript.grammar, state) if state and not state.over else None
        differences: dict[str, _Difference] = {}
        forced: list[int] = []
        logprobs = 0.0
        for at, (token, distribution) in enumerate(zip(tokens, distributions, strict=True), start):
            forced = forced or list(frame.forced() if frame else ())
            if frame and forced and forced.pop(0) == token and frame.take(token):
                continue
            forced = []
            logprob = distribution.logprob(token)
            logprobs += logprob
            if frame is None:
                continue
            before = frame.copy()
            if not frame.take(token, logprob):
                frame = None  # not as the program goes; only the bits can be told
                continue
            likeliest, its_logprob = _likeliest(distribution, before, token)
            if likeliest != token:
                differences.setdefault(_about(before, likeliest), _Difference(at, likeliest, its_logprob, before))
        parts = frame.logprobs if frame else {None: logprobs}
        bits = {name or STEP: -logprob / math.log(2) for name, logprob in parts.items()}
        expected: dict[str, str] = {}
        kind: EventKind | None = None
        line: int | None = None
        for name, difference in sorted(differences.items(), key=lambda item: item[0] != STEP):  # steps are cheap
            written = yield from self._expected(name, difference, text, prefix)
            if written is None:
                continue
            if name != STEP:
                repeats = written.may_repeat
                value = written.values[name]
                expected[name] = repeats.get(name, value) if value == ".." else value
            elif difference.frame.kind is None:
                kind = written.kind
            elif written.options and written.options[0].line != event.line:
                line = written.options[0].line
        self._surprises.append(Surprise(index, sum(bits.values()), bits, expected, kind, line))
        self._state = state.follow(event) if state and not state.over else None

    def _expected(
        self, name: str, difference: _Difference, text: Sequence[int], prefix: Prefix
    ) -> Generator[Pass, Answer, Frame | None]:
        """The frame as the model would have gone on with, as far as it tells `name`; None if that takes too long."""
        frame, writer = difference.frame, self._writer
        writer.resume(text[: difference.at], self._engine.cut(prefix, difference.at))
        frame.take(difference.token, difference.logprob)
        writer.append(difference.token)
        try:
            if frame.piece == "source" or (name == STEP and frame.kind is not None):
                while frame.piece in ("source", "locals"):
                    yield from writer.go_on(frame)
            else:
                while name != STEP and name not in frame.values:
                    yield from writer.go_on(frame)
        except Ended:
            return None
        return frame


def _likeliest(distribution: Distribution, frame: Frame, token: int) -> tuple[int, float]:
    """The token that the grammar allows and the model likes best; `token` is known to be legal."""
    for candidate, logprob in distribution.ranked():
        if candidate == token or frame.copy().take(candidate):
            return candidate, logprob
    return distribution.best(frame.legal())


def _about(frame: Frame, token: int) -> str:
    """What a token tells: the value that it is part of or begins, else the step."""
    if frame.name is not None:
        return frame.name
    after = frame.copy()
    after.take(token)
    return after.name or next((name for name in after.values if name not in frame.values), None) or STEP
