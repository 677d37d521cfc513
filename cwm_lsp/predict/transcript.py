"""The text that a model reads: the program, the first frame, and as many of the latest frames as there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cwm_lsp.predict.decode import NoRoom, Writer
from cwm_lsp.predict.engines.interface import Engine
from cwm_lsp.predict.grammar import Grammar
from cwm_lsp.predict.prompt import Prompt
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event

LONGEST_PROGRAM = 8192
"""Tokens of a program that are shown at most: what one sliding window of CWM sees."""


class Transcript:
    """Keeps a writer's text in step with a growing list of events, the first of which is the seeded call."""

    def __init__(self, engine: Engine, writer: Writer, prompt: Prompt, frames: Sequence[Event]) -> None:
        self.source = prompt.source
        self.grammar = grammar_of(engine, prompt.source, prompt.where)
        self.frames = frames
        self._writer = writer
        self.header = header(engine, prompt)
        self._shown = 0
        self._full = engine.context_length * 3 // 4
        """Tokens past which the text begins anew."""
        self._kept = engine.context_length // 2
        """Tokens that it then has at most."""

    def catch_up(self) -> None:
        """Bring the text up to the latest event."""
        tokens = self.tokens(self._shown) if self._shown else []
        if self._shown == 0 or len(self._writer.tokens) + len(tokens) > self._full:
            self._writer.restart(self.beginning(len(self.frames)))
        else:
            self._writer.extend(tokens)
        self._shown = len(self.frames)

    def wrote(self) -> None:
        """The writer has written the frame of the event that comes next."""
        self._shown += 1

    def tokens(self, start: int, end: int | None = None) -> list[int]:
        """The tokens of some frames, after those before them."""
        return self._encoded(self.frames[start:end], listed_last(self.frames[:start]))

    def beginning(self, end: int) -> list[int]:
        """The text up to a frame, without the earlier ones if it would be too long. Where some are left out, the first
        that is kept lists all in full, as after a return."""
        first = self.header + self.tokens(0, 1)
        start = end
        latest: list[int] = []
        while start > 1:
            longer = self._encoded(self.frames[start - 1 : end], NOTHING)
            if latest and len(first) + len(longer) > self._kept:
                return first + latest
            start, latest = start - 1, longer
        return self.header + self.tokens(0, end)

    def _encoded(self, events: Sequence[Event], previous: Mapping[str, str]) -> list[int]:
        tokens: list[int] = []
        for event in events:
            tokens += self.grammar.frame_tokens(event, previous if event.kind == "line" else NOTHING)
            if event.kind != "exception":
                previous = event.locals
        return tokens


def grammar_of(engine: Engine, source: str, where: Where = nowhere) -> Grammar:
    """The grammar of a program's traces, in an engine's tokens."""
    value_tokens = max(16, min(1024, engine.context_length // 8))
    return Grammar(engine.tokenizer, source, where, value_tokens=value_tokens, calibration=engine.calibration)


def header(engine: Engine, prompt: Prompt) -> list[int]:
    """The tokens before the first frame: of the program, as much as there is reasonable room for.

    Raises:
        NoRoom: there is too little room for the function alone.
    """
    special = engine.tokenizer.special
    room = min(engine.context_length // 3, LONGEST_PROGRAM)
    tokens: tuple[int, ...] = ()
    for context in prompt.contexts():
        tokens = engine.tokenizer.encode(context)
        if len(tokens) <= room:
            break
    else:
        if len(tokens) > engine.context_length // 2:
            name, length = prompt.function.qualname, engine.context_length
            raise NoRoom(f"{name} has {len(tokens)} tokens, too many for the model's context of {length}")
    return [special[wire.BEGIN_OF_TEXT], special[wire.TRACE_CONTEXT_START], *tokens, special[wire.FRAME_SEP]]


def listed_last(frames: Sequence[Event]) -> Mapping[str, str]:
    """The locals that `..` may stand for after some frames."""
    for event in reversed(frames):
        if event.kind != "exception":
            return event.locals
    return NOTHING
