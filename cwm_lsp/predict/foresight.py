"""What the evaluator knows of the next events, as drafts for a model that need not agree."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from cwm_lsp.evaluate import Evaluating, Evaluator, Limits, Question
from cwm_lsp.evaluate.questions import answer
from cwm_lsp.predict.prompt import Task
from cwm_lsp.trace.events import NOTHING, Event

LIMITS = Limits(events=2_000, operations=500_000, seconds=1.0)
"""Of an evaluation that only saves time."""


def evaluation_of(
    task: Task, limits: Limits, evaluator: Evaluator, cancel: threading.Event | None = None
) -> Evaluating:
    """The evaluation of a call."""
    return evaluator.evaluate(
        task.source,
        task.call,
        task.function.qualname,
        module=task.module,
        limits=limits,
        around=task.around,
        interventions=task.interventions,
        cancel=cancel,
    )


class Foreseen(NamedTuple):
    """An event that is to come."""

    event: Event
    before: Mapping[str, str]
    """The locals of its scope when they were last listed, as foreseen."""


class Foreseeing(Protocol):
    """What tells the events to come."""

    def events(self, frames: Sequence[Event], count: int) -> Sequence[Foreseen]: ...


class Foresight:
    """The events of an evaluation that goes on from what the model writes where it knows no more itself."""

    def __init__(self, task: Task, evaluator: Evaluator) -> None:
        around = task.around and replace(task.around, workspace=None)  # the model steps over other files
        self._evaluation = evaluation_of(replace(task, around=around), LIMITS, evaluator)
        self._steps: Iterator[Event | Question] = iter(self._evaluation)
        self._foreseen: list[Foreseen] = []
        self._listed: list[Mapping[str, str]] = []
        """What each scope on the stack last listed."""
        self._question: Question | None = None
        self._first: int | None = None
        """Index of the frame that enters the traced call."""
        self._checked = 0
        """Events that came as foreseen."""

    def close(self) -> None:
        """No more is asked."""
        self._evaluation.close()
        self._foreseen.clear()
        self._steps = iter(())

    def events(self, frames: Sequence[Event], count: int) -> Sequence[Foreseen]:
        """Up to `count` events after all frames; none once control has gone another way."""
        if self._first is None:
            self._advance(1, ())
            if not self._foreseen:
                return ()
            entry = self._foreseen[0].event
            entries = (n for n, event in enumerate(frames) if _place(event) == _place(entry))
            self._first = next(entries, None)
            if self._first is None:
                return ()
        happened = frames[self._first :]
        depth = happened[0].depth
        while self._checked < len(happened):
            event = happened[self._checked]
            self._advance(self._checked + 1, happened)
            foreseen = self._foreseen[self._checked].event if self._checked < len(self._foreseen) else None
            if foreseen is None or (*_place(event), event.depth - depth) != (*_place(foreseen), foreseen.depth):
                self.close()
                return ()
            self._checked += 1
        self._advance(len(happened) + count, happened)
        return self._foreseen[len(happened) : len(happened) + count]

    def ahead(self, frames: Sequence[Event], count: int) -> list[Foreseen]:
        """What `events` gives, with the events as deep as frames are."""
        found = self.events(frames, count)
        if not found or self._first is None:
            return []
        deeper = frames[self._first].depth
        return [Foreseen(event.at(event.depth + deeper), before) for event, before in found]

    def _advance(self, count: int, happened: Sequence[Event]) -> None:
        """Foresee until there are `count` events, or a question that only the model can answer."""
        while len(self._foreseen) < count:
            if self._question is not None:
                index = len(self._foreseen)
                if index >= len(happened):
                    return
                self._evaluation.answer(answer(self._question, happened[index]))
                self._question = None
            step = next(self._steps, None)
            if step is None:
                return
            if isinstance(step, Question):
                self._question = step
            else:
                self._add(step)

    def _add(self, event: Event) -> None:
        del self._listed[event.depth + (event.kind != "call") :]
        if event.kind == "call":
            self._listed.append(NOTHING)
        self._foreseen.append(Foreseen(event, self._listed[event.depth]))
        if event.kind in ("call", "line"):
            self._listed[event.depth] = event.locals


def _place(event: Event) -> tuple[str, int, str]:
    return event.kind, event.line, event.function
