"""What can be known is computed; the model fills in what cannot."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from cwm_lsp.errors import Cancelled
from cwm_lsp.predict.decode import Answer
from cwm_lsp.predict.engines.interface import Pass
from cwm_lsp.predict.evaluate import Answer as Reply
from cwm_lsp.predict.evaluate import Limits, Question
from cwm_lsp.predict.foresight import answer, evaluation_of
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Known
from cwm_lsp.predict.prediction import Prediction
from cwm_lsp.predict.prompt import seeded
from cwm_lsp.trace.events import Event, Outcome


class LockedPrediction(Prediction):
    """Events that the evaluator computes are taken as they are and cost no forward pass; to its questions the model
    answers by writing the frame that comes next, with all that is known of it forced. Where the evaluator gives up, the
    model goes on alone."""

    _tentative: tuple[Frame, Event, int] | None = None
    """The frame that answered the last question, as an event, and where it begins in the text."""

    def _predict(self) -> Generator[Pass, Answer, Outcome]:
        budget, cancel = self._control.budget, self._control.cancel
        evaluation = evaluation_of(self._task, Limits(events=budget.events + 1, seconds=min(10.0, budget.seconds)))
        if evaluation is not None:
            with evaluation:
                for step in evaluation:
                    if cancel is not None and cancel.is_set():
                        raise Cancelled
                    if isinstance(step, Event):
                        self._computed(step)
                    elif not self.frames:
                        break  # the arguments are unknown: the model begins outside
                    else:
                        evaluation.answer((yield from self._asked(step)))
            if evaluation.outcome is not None:
                return evaluation.outcome
        self._take_back()
        return (yield from super()._predict())

    def _computed(self, event: Event) -> None:
        """The evaluator has the next event."""
        if not self.frames:
            self._prompt = seeded(self._task, event)
            self._base = 0
        if self._tentative is not None:
            frame, written, _ = self._tentative
            if _same(event, written):
                self._tentative = None
                names = [name for name, origin in event.provenance.items() if origin == "predicted"]
                confidences = {name: written.confidences[name] for name in names if name in written.confidences}
                confidence = written.confidence if confidences else None
                self._wrote(frame, replace(event, confidence=confidence, confidences=confidences, mark=written.mark))
                return
            self._take_back()
        self.happened(event)

    def _take_back(self) -> None:
        """What was written in answer to a question is not what came."""
        if self._tentative is not None and self.writer is not None:
            self.writer.cut(self._tentative[2])
        self._tentative = None

    def _asked(self, question: Question) -> Generator[Pass, Answer, Reply]:
        """Have the model answer a question."""
        self._take_back()
        writer, transcript = self._begun()
        start = len(writer.tokens)
        frame = Frame(transcript.grammar, self.state, _known(question))
        if not frame.possible:
            return None if question.kind != "values" else {}
        if question.kind == "raises":
            yield from writer.kind(frame)
            if frame.kind != "exception":
                writer.cut(start)
                return None
        yield from writer.frame(frame)
        event = frame.event()
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
