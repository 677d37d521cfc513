"""What can be known is computed; the model fills in what cannot."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from cwm_lsp.errors import Cancelled
from cwm_lsp.evaluate import Answer as Reply
from cwm_lsp.evaluate import Limits, Question
from cwm_lsp.predict.decode import Answer, Ended, NoRoom
from cwm_lsp.predict.engines.interface import Pass
from cwm_lsp.predict.foresight import answer, evaluation_of
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Known
from cwm_lsp.predict.prediction import Prediction
from cwm_lsp.predict.prompt import is_entry, seeded
from cwm_lsp.source.functions import namesakes
from cwm_lsp.trace.events import NOTHING, Event, Outcome

Beliefs = Mapping[str, tuple[str | None, float | None]]
"""Values by name, each with its confidence if the model gave one."""


_SECONDS = 4.0
"""That an evaluation may take; waiting for the model's answers does not count."""


class LockedPrediction(Prediction):
    """Events that the evaluator computes are taken as they are and cost no forward pass; to its questions the model
    answers by writing the frame that comes next, with all that is known of it forced. Where the evaluator gives up, the
    model goes on alone."""

    _tentative: tuple[Frame, Event, int] | None = None
    """The frame that answered the last question, as an event, and where it begins in the text."""
    _trust = 1.0
    """The probability, by the model, that all its answers so far are right, and so what is computed from them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._beliefs: dict[int, Beliefs] = {}
        """By depth: what was last shown there."""

    def _predict(self) -> Generator[Pass, Answer, Outcome]:
        budget, cancel = self._control.budget, self._control.cancel
        limits = Limits(events=budget.events + 1, seconds=min(_SECONDS, budget.seconds))
        with evaluation_of(self._task, limits, self._control.evaluator) as evaluation:
            for step in evaluation:
                if cancel is not None and cancel.is_set():
                    raise Cancelled
                if isinstance(step, Event):
                    self._computed(step)
                elif step.unknown and set(step.unknown) == step.suggestions.keys():
                    evaluation.answer(step.suggestions)
                else:
                    evaluation.answer((yield from self._asked(step)))
        if evaluation.outcome is not None:
            return evaluation.outcome
        if evaluation.exhausted and evaluation.gave_up is not None:
            raise Ended(evaluation.gave_up)
        self._take_back()
        return (yield from super()._predict())

    def _computed(self, event: Event) -> None:
        """The evaluator has the next event."""
        if not self.frames:
            entered = next(one for one in namesakes(self._task.source, self._task.function) if is_entry(event, one))
            self._task = replace(self._task, function=entered)
            self._prompt = seeded(self._task, event)
            self._base = 0
        if self._tentative is not None:
            frame, written, _ = self._tentative
            if _same(event, written):
                self._tentative = None
                self._wrote(frame, replace(self._weighed(event, written.confidences), mark=written.mark))
                return
            self._take_back()
        self.happened(self._weighed(event, NOTHING))

    def _weighed(self, event: Event, written: Mapping[str, float]) -> Event:
        """The event with the confidence of what is predicted in it: as the model wrote it, as before where it has not
        changed, else that of all answers together."""
        before = self._beliefs.get(event.depth, {}) if event.kind != "call" else {}
        values = event.locals if event.kind in ("call", "line") else {"value": event.value}
        confidences: dict[str, float] = {}
        for name, value in values.items():
            same, confidence = before.get(name, (None, None))
            if event.provenance.get(name) == "predicted":
                confidence = written.get(name, confidence if same == value else self._trust)
                if confidence is not None:
                    confidences[name] = confidence
        self._beliefs[event.depth] = {name: (value, confidences.get(name)) for name, value in values.items()}
        confidence = min((self._trust, *confidences.values())) if confidences or self._trust < 1 else None
        return replace(event, confidence=confidence, confidences=confidences)

    def _take_back(self) -> None:
        """What was written in answer to a question is not what came."""
        if self._tentative is not None and self.writer is not None:
            self.writer.cut(self._tentative[2])
        self._tentative = None

    def _asked(self, question: Question) -> Generator[Pass, Answer, Reply]:
        """Have the model answer a question. What it has no room for it is not asked."""
        self._take_back()
        nothing: Reply = {} if question.kind == "values" else None
        try:
            writer, transcript = self._begun()
        except NoRoom:
            return nothing
        start = len(writer.tokens)
        frame = Frame(transcript.grammar, self.state, _known(question))
        if not frame.possible:
            return nothing
        try:
            if question.kind == "raises":
                yield from writer.kind(frame)
                if frame.kind != "exception":
                    writer.cut(start)
                    return None
            yield from writer.frame(frame)
        except NoRoom:
            writer.cut(start)
            return nothing
        event = frame.event()
        self._trust *= event.confidence if event.confidence is not None else 1.0
        self._tentative = frame, event, start
        return answer(question, event)


def _known(question: Question) -> Known:
    """What a question tells of the next frame."""
    event = question.event
    if event is not None:
        return Known(event.kind, frozenset((event.line,)), event.function, question.names or None, event.locals)
    if question.kind == "branch" and None not in question.lines:
        return Known("line", frozenset(line for line in question.lines if line is not None), question.function)
    return NOTHING_KNOWN


def _same(one: Event, other: Event) -> bool:
    return (one.kind, one.line, one.depth, one.value) == (other.kind, other.line, other.depth, other.value) and (
        list(one.locals.items()) == list(other.locals.items())
    )
