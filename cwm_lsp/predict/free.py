"""Prediction without the grammar: what a model writes of its own accord, read as well as it can be."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace

from cwm_lsp.predict.decode import Answer
from cwm_lsp.predict.engines.interface import Pass
from cwm_lsp.predict.grammar import Grammar
from cwm_lsp.predict.prediction import Prediction
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import EventKind, Outcome


class FreeFrame:
    """A frame of which any token is legal, up to the separator or the end of the text."""

    def __init__(self, grammar: Grammar) -> None:
        special = grammar.tokenizer.special
        self.end = special[wire.END_OF_TEXT]
        self.kind: EventKind | None = None
        self.piece, self.text = "free", ""
        self.tokens: list[int] = []
        self.logprob = 0.0
        self._ends = {self.end, grammar.frame_sep}
        self._vocabulary = range(grammar.tokenizer.vocabulary_size)

    @property
    def done(self) -> bool:
        return bool(self.tokens) and self.tokens[-1] in self._ends

    def forced(self) -> tuple[int, ...]:
        return ()

    def candidates(self) -> list[int] | None:
        return None

    def legal(self) -> list[int]:
        return list(self._vocabulary)

    def take(self, token_id: int, logprob: float | None = None) -> bool:
        self.tokens.append(token_id)
        self.logprob += logprob or 0.0
        return True


class FreePrediction(Prediction):
    """Events may be malformed or impossible; their marks say so. The trace ends where the model ends it, or where the
    traced call, or the wrapper around it, has returned."""

    def _predict(self) -> Generator[Pass, Answer, Outcome]:
        decoder = wire.Decoder(self._prompt.source, function=None)
        first = self._prompt.first
        decoder.feed("".join(wire.encode_events([first], split_lines(self._prompt.source))))
        self.happened(first)
        while True:
            writer, transcript = self._begun()
            writer.drafter = None
            frame = FreeFrame(transcript.grammar)
            yield from writer.frame(frame)
            if frame.tokens[-1] == frame.end:
                break
            for event in decoder.feed(transcript.grammar.tokenizer.decode(frame.tokens)):
                transcript.wrote()
                self.happened(replace(event, confidence=math.exp(frame.logprob)))
            last = self.frames[-1]
            if last.kind == "return" and last.depth == 0 and not self._task.function.is_generator:
                break
        outcome = decoder.finish().outcome
        if self._base and outcome.kind != "exception":  # of the wrapper, which returns what the call returned
            return Outcome(outcome.kind, self.events[-1].value, detail=outcome.detail)
        return outcome
