"""A recorded trace read by the model: how likely was what happened, and what had the model expected instead?

The whole trace goes through the model in a few passes of many tokens, since all of it is known. Only where the token
that the model likes best is another than the one that came is anything written: the value, line or kind that the model
would have gone on with, given the true history before it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cwm_lsp.errors import Cancelled
from cwm_lsp.evaluate import Around
from cwm_lsp.predict.decode import Answer, Budget, Ended, Writer
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.grammar import Frame
from cwm_lsp.predict.prompt import Task, seeded
from cwm_lsp.predict.states import State, entered
from cwm_lsp.predict.transcript import Transcript
from cwm_lsp.source.functions import find
from cwm_lsp.trace import wire
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
    """The reprs that the model would have written instead, where they differ and it was sure enough of them; by local,
    or `value`."""
    expected_kind: EventKind | None = None
    """The kind of event that the model would have written instead, if another."""
    expected_line: int | None = None
    """The line that the model would have gone to instead, if another."""
    expected_confidences: Mapping[str, float] = field(default_factory=dict)
    """The model's probability of each expectation; `step`: of the kind and line."""

    @property
    def probability(self) -> float:
        return math.pow(2.0, -self.bits)

    @property
    def as_expected(self) -> bool:
        """The model had nothing else in mind."""
        return not self.expected and self.expected_kind is None and self.expected_line is None

    def to_json(self) -> dict[str, object]:
        return {
            "event_index": self.event_index,
            "probability": self.probability,
            "bits": round(self.bits, 4),
            "parts": {name: round(bits, 4) for name, bits in self.parts.items()},
            "expected": dict(self.expected),
            "expected_kind": self.expected_kind,
            "expected_line": self.expected_line,
            "expected_confidences": {name: round(value, 4) for name, value in self.expected_confidences.items()},
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """A recorded trace as the model sees it, and what that cost."""

    surprises: tuple[Surprise, ...] = ()
    """Of the events that could be read; the first one is given, and is not among them."""
    tokens: int = 0
    """Read, the program included."""
    passes: int = 0
    """To read them."""
    expecting_passes: int = 0
    """To write what was expected, besides."""
    seconds: float = 0.0
    detail: str | None = None
    """Why events are missing, where some are."""

    def at(self, indices: Sequence[int]) -> Reading:
        """The same of a trace that has the events at other indices."""
        return replace(
            self, surprises=tuple(replace(one, event_index=indices[one.event_index]) for one in self.surprises)
        )

    def to_json(self) -> dict[str, object]:
        """As `compare --json` prints it."""
        return {
            "events": [surprise.to_json() for surprise in self.surprises],
            "tokens": self.tokens,
            "passes": self.passes,
            "expecting_passes": self.expecting_passes,
            "seconds": round(self.seconds, 6),
            "detail": self.detail,
        }


EXPECTING = 256
"""Tokens of what was expected that are written at most, in all; the least surprising events are told without."""
SECONDS = 20.0
"""That a reading takes at most; what it has not come to by then is left out."""
AT_LEAST = 0.05
"""The probability below which a value is no expectation, and is not written to its end."""

_LEARNT_FROM = 200
"""Events before one that drafts of what was expected there are guessed from."""


class _Difference(NamedTuple):
    """A place at which the model would have gone on otherwise."""

    at: int
    """Index of the token in the text."""
    token: int
    logprob: float
    frame: Frame
    """The frame up to there."""


class _Judgement:
    """One event, held against what the model expects of it, token by token."""

    def __init__(self, index: int, frame: Frame | None) -> None:
        """`frame`: what is legal there, None where that is not known."""
        self._index = index
        self._frame = frame
        self._forced: list[int] = []
        self._logprobs = 0.0
        self.differences: dict[str, _Difference] = {}
        """By what they are about: a value, or the step."""

    def take(self, at: int, token: int, distribution: Distribution) -> None:
        """The event goes on with a token of the text, before which the model expected what `distribution` says."""
        frame = self._frame
        self._forced = self._forced or list(frame.forced() if frame else ())
        if frame and self._forced and self._forced.pop(0) == token and frame.take(token):
            return
        self._forced = []
        logprob = distribution.logprob(token)
        self._logprobs += logprob
        if frame is None:
            return
        before = frame.copy()
        if not frame.take(token, logprob):
            self._frame = None  # not as the program goes; only the bits can be told
            return
        likeliest, its_logprob = _likeliest(distribution, before, token)
        if likeliest != token:
            difference = _Difference(at, likeliest, its_logprob, before)
            self.differences.setdefault(_about(before, likeliest), difference)

    def surprise(self) -> Surprise:
        """Of the whole event."""
        parts = self._frame.logprobs if self._frame else {None: self._logprobs}
        bits = {name or STEP: -logprob / math.log(2) for name, logprob in parts.items()}
        return Surprise(self._index, sum(bits.values()), bits)


@dataclass(slots=True)
class _Window:
    """Some events in their text, which the model reads part by part."""

    text: Sequence[int]
    ends: Sequence[int]
    """Where in the text the first event begins, and where each of them ends."""
    judge: Callable[[], _Judgement]
    """Begins the next event."""
    prefix: Prefix
    """What has been read."""
    at: int
    """The token that is expected next."""
    judged: list[_Judgement] = field(default_factory=list)

    @property
    def complete(self) -> int:
        """How many events have been read to their end."""
        return len(self.judged) - (self.at < self.ends[len(self.judged)])

    def take(self, prefix: Prefix, distributions: Sequence[Distribution]) -> None:
        """Judge what a pass has read. Nothing is kept of the distributions, which are large."""
        self.prefix = prefix
        for distribution in distributions[: len(self.text) - self.at]:
            if self.at == self.ends[len(self.judged)]:
                self.judged.append(self.judge())
            self.judged[-1].take(self.at, self.text[self.at], distribution)
            self.at += 1


class Scorer:
    """Reads one recorded trace. `run` asks for forward passes.

    Raises:
        UserError: the function is not in the trace's source.
        Ended: the function is too long for the model's context.
        Cancelled: `cancel` was set; at most one forward pass later.
    """

    def __init__(
        self,
        engine: Engine,
        trace: Trace,
        cancel: threading.Event | None = None,
        *,
        expecting: int = EXPECTING,
        at_least: float = AT_LEAST,
        seconds: float = SECONDS,
        on_read: Callable[[int], None] = lambda _events: None,
    ) -> None:
        """`on_read` is told after each pass how many events have been read."""
        function = find(trace.source, trace.function, trace.path)
        file = Path(trace.path).absolute()
        around = Around(str(file)) if file.is_file() else None
        prompt = seeded(Task(trace.path, trace.source, function, trace.call, around=around), trace.events[0])
        self._engine = engine
        self._cancel = cancel
        self._expecting = expecting
        self._at_least = at_least
        self._events = trace.events
        self._seconds = seconds
        self._deadline = math.inf
        self._on_read = on_read
        self._writer = Writer(engine, Budget(tokens=expecting), cancel)
        self._transcript = Transcript(engine, self._writer, prompt, trace.events)
        self._state: State | None = entered(prompt.source, trace.events[0])
        self._tokens = self._passes = 0

    def run(self) -> Generator[Pass, Answer, Reading]:
        started = time.monotonic()
        self._deadline = started + self._seconds
        surprises: list[Surprise] = []
        index = 1
        while index < len(self._events) and not self._late:
            index = yield from self._read_from(index, surprises)
        missing = index - 1 - len(surprises)
        details = []
        if missing:
            details.append(f"{missing} events do not fit the model's context of {self._engine.context_length} tokens")
        if index < len(self._events):
            details.append(f"the first {index:,} of {len(self._events):,} events were read in {self._seconds:g} s")
        return Reading(
            tuple(surprises),
            self._tokens,
            self._passes,
            self._writer.passes,
            time.monotonic() - started,
            "; ".join(details) or None,
        )

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _read_from(self, first: int, surprises: list[Surprise]) -> Generator[Pass, Answer, int]:
        """Read as many events as the context has room for, and tell the next one. An event that does not fit alone is
        left out."""
        text = self._transcript.beginning(first)
        ends = [len(text)]
        for index in range(first, len(self._events)):
            tokens = self._transcript.tokens(index, index + 1)
            if len(text) + len(tokens) > self._engine.context_length:
                break
            text += tokens
            ends.append(len(text))
        indices = range(first, first + len(ends) - 1)
        if not indices:
            self._judgement(first)
            return first + 1
        window = _Window(
            text,
            ends,
            partial(next, map(self._judgement, indices)),
            self._engine.longest_prefix(text[: ends[0]]),
            ends[0],
        )
        while len(window.prefix) < len(text) and not self._late:
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            read = len(window.prefix)
            part = text[read : read + self._engine.pass_tokens]
            keep = min(len(part), read + len(part) - ends[0] + 1)
            self._passes += 1
            self._tokens += len(part)
            window.take(*(yield Pass(window.prefix, part, max(0, keep))))
            self._on_read(first + window.complete)
        self._engine.remember(window.prefix)
        del window.judged[window.complete :]  # time may have run out amid an event
        # What is kept of a window is large, and given up with it: so each has its share of what may be written.
        share = (self._expecting - self._writer.written) * len(indices) // (len(self._events) - first)
        self._writer.budget = replace(self._writer.budget, tokens=self._writer.written + share)
        surprises += yield from self._expectations(window)
        self._writer.resume((), Prefix())
        return first + len(window.judged)

    def _judgement(self, index: int) -> _Judgement:
        """What an event will be held against; the state goes on to the next."""
        state, event = self._state, self._events[index]
        self._state = state.follow(event) if state and not state.over else None
        return _Judgement(index, Frame(self._transcript.grammar, state) if state and not state.over else None)

    def _expectations(self, window: _Window) -> Generator[Pass, Answer, list[Surprise]]:
        """The surprises of a window, with what the model had expected: that of the largest is written first."""
        surprises = [judgement.surprise() for judgement in window.judged]
        for n in sorted(range(len(surprises)), key=lambda n: -surprises[n].bits):
            if self._late:
                break
            surprises[n] = yield from self._told(surprises[n], window.judged[n], window)
        return surprises

    def _told(self, surprise: Surprise, judgement: _Judgement, window: _Window) -> Generator[Pass, Answer, Surprise]:
        """The surprise with what the model had expected."""
        event = self._events[surprise.event_index]
        expected: dict[str, str] = {}
        confidences: dict[str, float] = {}
        kind: EventKind | None = None
        line: int | None = None
        steps_first = sorted(judgement.differences.items(), key=lambda item: item[0] != STEP)  # they are cheap
        for name, difference in steps_first:
            self._writer.drafter = self._drafter(surprise.event_index)
            written = yield from self._expected(name, difference, window)
            if written is None:
                continue
            if name != STEP:
                repeats = written.may_repeat
                value = written.values[name]
                expected[name] = repeats.get(name, value) if value == wire.SAME else value
            elif difference.frame.kind is None:
                kind = written.kind
            elif written.options and written.options[0].line != event.line:
                line = written.options[0].line
            else:
                continue
            confidences[name] = _probability(written, name)
        return replace(
            surprise,
            expected=expected,
            expected_kind=kind,
            expected_line=line,
            expected_confidences=confidences,
        )

    def _drafter(self, index: int) -> Drafter:
        """Guesses at how the events before one go on."""
        before = self._events[max(0, index - _LEARNT_FROM) : index]
        return Drafter(self._transcript.grammar, self._transcript.source, before)

    def _expected(self, name: str, difference: _Difference, window: _Window) -> Generator[Pass, Answer, Frame | None]:
        """The frame as the model would have gone on with, as far as it tells `name`; None if that takes too long, or is
        a value that the model itself would not bet on."""
        frame, writer = difference.frame, self._writer
        writer.resume(window.text[: difference.at], self._engine.cut(window.prefix, difference.at))
        frame.take(difference.token, difference.logprob)
        writer.append(difference.token)
        try:
            if frame.piece == "source" or (name == STEP and frame.kind is not None):
                while frame.piece in ("source", "locals"):
                    yield from writer.go_on(frame)
            else:
                while name != STEP and name not in frame.values:
                    if _probability(frame, name) < self._at_least:
                        return None
                    yield from writer.go_on(frame)
        except Ended:
            return None
        return frame


def _probability(frame: Frame, name: str) -> float:
    """The chance of what the frame tells of `name`, or has begun to."""
    return frame.chance(None if name == STEP else name)


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
