"""What can be known is computed; the model fills in what cannot."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from cwm_lsp.errors import Cancelled
from cwm_lsp.evaluate import Answer as Reply
from cwm_lsp.evaluate import Limits, Question
from cwm_lsp.evaluate.evaluator import Evaluating
from cwm_lsp.evaluate.questions import answer
from cwm_lsp.predict.decode import Answer, Ended, NoRoom
from cwm_lsp.predict.engines.interface import Pass
from cwm_lsp.predict.foresight import evaluation_of
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Known
from cwm_lsp.predict.memory import Memory, Nothing, remembered
from cwm_lsp.predict.prediction import Prediction
from cwm_lsp.predict.prompt import is_entry, seeded
from cwm_lsp.predict.statements import call_on
from cwm_lsp.source.functions import namesakes
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace.events import NOTHING, Event, Outcome
from cwm_lsp.trace.facts import NOT_ENTERED, NOT_IMPORTED

_SECONDS = 4.0
"""That an evaluation may take; waiting for the model's answers does not count."""


class LockedPrediction(Prediction):
    """Events that the evaluator computes are taken as they are and cost no forward pass. Its questions are answered by
    earlier runs, else by the model, which writes the frame that comes next with all that is known of it forced. Where
    the evaluator gives up, the model goes on alone."""

    _tentative: tuple[Frame, Event, int] | None = None
    """The frame that answered the last question, as an event, and where it begins in the text."""
    _settled: Mapping[str, float] = NOTHING
    """Values of the next event that were known but for the order of a set."""
    _suggested: Mapping[str, str] = NOTHING
    """What a run had of the next event, in which the statement read something else."""
    _evaluation: Evaluating | None = None
    _asked_for = 0
    """What the model has been asked."""
    _is_guess = False
    """Something has been guessed: what is taken from runs from then on hangs on it."""

    @cached_property
    def _memory(self) -> Memory:
        return Memory(self._control.runs, self._task.call, self._task.source)

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(sorted(self._memory.used, reverse=True))

    @property
    def reads(self) -> tuple[str, ...]:
        return self._evaluation.reads if self._evaluation is not None else ()

    def _predict(self) -> Generator[Pass, Answer, Outcome]:
        budget, cancel = self._control.budget, self._control.cancel
        limits = Limits(events=budget.events + 1, seconds=min(_SECONDS, budget.seconds))
        with evaluation_of(self._task, limits, self._control.evaluator, cancel) as evaluation:
            self._evaluation = evaluation
            steps = iter(evaluation)
            for step in steps:
                if cancel is not None and cancel.is_set():
                    raise Cancelled
                if isinstance(step, Event):
                    try:
                        self._computed(step)
                    except Ended as end:
                        return ending(evaluation, steps, end, cancel)
                elif step.unknown and set(step.unknown) == step.suggestions.keys():
                    self._settled = dict.fromkeys(step.suggestions, 1.0)
                    self._is_guess = True
                    evaluation.answer(step.suggestions)
                elif (question := self._own(step)) is None:
                    self._take_back()
                    self._is_guess = True
                    evaluation.answer({} if step.kind in ("values", "result") else None)
                elif not isinstance(known := self._memory.answer(question), Nothing):
                    self._take_back()
                    evaluation.answer(known)
                elif (outcome := self._as_it_went()) is not None:
                    return outcome
                elif question.kind == "values":
                    self._suggested = self._memory.suggestions(question.depth)
                    evaluation.answer((yield from self._asked(question)))
                elif question.either_way:  # what comes of it is asked for
                    evaluation.answer(None)
                else:
                    evaluation.answer((yield from self._asked(question)))
        spent = f"the limit of {budget.guesses} guesses was reached" if self._asked_for > budget.guesses else None
        if evaluation.outcome is not None:
            detail = evaluation.outcome.detail or (spent and f"{spent}: what hangs on others is not known")
            return replace(evaluation.outcome, detail=detail)
        if spent is not None:
            raise Ended(f"{spent}: {evaluation.gave_up}" if evaluation.gave_up else spent)
        if evaluation.exhausted and evaluation.gave_up is not None:
            raise Ended(evaluation.gave_up)
        if len(self.events) <= self._task.last_change:
            raise Ended(f"the value cannot be set: {evaluation.gave_up}")
        if (evaluation.gave_up or "").startswith((NOT_ENTERED, NOT_IMPORTED)) and not self._is_guess:
            raise Ended(evaluation.gave_up or "")
        self._take_back()
        outcome = self._as_it_went()
        return outcome if outcome is not None else (yield from super()._predict())

    def _as_it_went(self) -> Outcome | None:
        """Go on as the run of this very call and text went, if there is one that began so."""
        if self._is_guess or self._task.interventions:
            return None
        rest = self._memory.rest(self.events)
        if rest is None:
            return None
        events, outcome = rest
        for event in events:
            depth = event.depth
            own = self._scopes.follow(event)
            if event.path is None:
                self.happened(event.at(own), depth)
            else:
                self._tell(event)
        return outcome

    def _computed(self, event: Event) -> None:
        """The evaluator has the next event, which may be of another file."""
        depth = event.depth
        own = self._scopes.follow(event)
        if not self._memory.used and "predicted" in event.provenance.values():
            self._is_guess = True  # by the evaluator itself: of a Python whose steps it does not follow
        if not self._is_guess:
            event = remembered(event)
        if self._suggested:
            doubted = {name for name, origin in event.provenance.items() if origin in ("predicted", "unknown")}
            suggested = {name: text for name, text in self._suggested.items() if name in doubted}
            event, self._suggested = replace(event, suggested=suggested), NOTHING
        if event.path is not None:
            self._tell(self._trust.computed(event))
            return
        if not self.frames:
            entered = next(one for one in namesakes(self._task.source, self._task.function) if is_entry(event, one))
            self._task = replace(self._task, function=entered)
            self._prompt = seeded(self._task, event)
            self._base = 0
        self._memory.follow(event.at(own))
        if self._tentative is None:
            self.happened(self._trust.computed(event, self._settled).at(own), depth)
            self._settled = NOTHING
            return
        frame, written, _ = self._tentative
        answered = {
            name: chance
            for name, chance in written.confidences.items()
            if _place(event.at(own)) == _place(written) and _text(event, name) == _text(written, name)
        }
        event = self._trust.computed(event, answered).at(own)
        if _same(event, written):
            self._tentative = None
            self._wrote(frame, replace(event, mark=written.mark), depth)
        else:
            self._take_back()
            self.happened(event, depth)

    def _take_back(self) -> None:
        """What was written in answer to a question is not what came."""
        if self._tentative is not None and self.writer is not None:
            self.writer.cut(self._tentative[2])
        self._tentative = None

    def _own(self, question: Question) -> Question | None:
        """A question as if other files were stepped over; None for one about another file, which nobody has read."""
        event = question.event
        if event.path is not None if event is not None else not self._scopes.is_own(question.depth):
            return None
        return replace(question, depth=self._scopes.within(question.depth))

    def _asked(self, question: Question) -> Generator[Pass, Answer, Reply]:
        """Have the model answer a question. What it has no room for it is not asked."""
        self._take_back()
        self._is_guess = True
        nothing: Reply = {} if question.kind in ("values", "result") else None
        self._asked_for += 1
        if self._asked_for > self._control.budget.guesses:
            return nothing
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
                    self._goes(frame, question)
                    writer.cut(start)
                    return None
            yield from writer.frame(frame)
        except NoRoom:
            writer.cut(start)
            return nothing
        self._goes(frame, question)
        event = frame.event()
        self._tentative = frame, event, start
        reply = answer(question, event)
        if isinstance(reply, Mapping):
            least = self._control.budget.sure / self._trust.whole
            sure = {name: text for name, text in reply.items() if event.confidences.get(name, -1.0) >= least}
            return sure | {"line": reply["line"]} if question.kind == "result" and reply else sure
        return reply

    def _place(self, question: Question) -> str:
        """The call that is not known, where it is the only one on its line, else the line."""
        is_here = not self.events or self.events[-1].path is None
        lines = (
            split_lines(self._task.source)
            if is_here and (question.at or ("", question.line))[1] == question.line
            else ()
        )
        call = call_on(lines[question.line - 1]) if 0 < question.line <= len(lines) else None
        return call or f"line {question.line}"

    def _goes(self, frame: Frame, question: Question) -> None:
        """Control goes as the model has answered.

        Raises:
            Ended: that is not sure enough.
        """
        self._trust.goes(frame.chance(None))
        if self._trust.whole < self._control.budget.sure:
            if self.events and self.events[-1].line == question.line:
                self.events[-1] = replace(self.events[-1], suggested=self._memory.suggestions(question.depth))
            raise Ended(f"what {self._place(question)} does is not known")


def ending(
    evaluation: Evaluating, steps: Iterator[Event | Question], cut: Ended, cancel: threading.Event | None
) -> Outcome:
    """How a call ends whose further `steps` are not wanted. What it cannot be known without is asked of nobody.

    Raises:
        Cancelled: while it was found out.
        Ended: that is not known.
    """
    for step in steps:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        if isinstance(step, Question):
            if set(step.unknown) != step.suggestions.keys():
                raise cut
            evaluation.answer(step.suggestions)
    if evaluation.outcome is None:
        raise Ended(f"{cut}; {evaluation.gave_up}" if evaluation.gave_up else str(cut)) from cut
    return replace(evaluation.outcome, cut=str(cut))


def _known(question: Question) -> Known:
    """What a question tells of the next frame."""
    event = question.event
    if event is not None:
        return Known(event.kind, frozenset((event.line,)), event.function, question.names or None, event.locals)
    if question.kind == "result":
        return Known("return")
    if question.kind == "branch" and None not in question.lines:
        return Known("line", frozenset(line for line in question.lines if line is not None), question.function)
    return NOTHING_KNOWN


def _same(one: Event, other: Event) -> bool:
    return (*_place(one), one.value) == (*_place(other), other.value) and (
        list(one.locals.items()) == list(other.locals.items())
    )


def _place(event: Event) -> tuple[str, int, int]:
    return event.kind, event.line, event.depth


def _text(event: Event, name: str) -> str | None:
    return event.locals.get(name, event.value)
