"""Expressions at the steps of a trace that is there: the call is evaluated once more, and looked at on its way.

What the evaluator had to ask then, the trace answers now. Where the call does not go as the trace does, because a model
has written that without the evaluator, nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cwm_lsp.evaluate.evaluator import Evaluating
from cwm_lsp.evaluate.questions import Question, answer
from cwm_lsp.trace.events import Event
from cwm_lsp.trace.interventions import NOT_SEEN, Look, Looked

SECONDS = 3.0
"""That looks may take in all, where each needs an evaluation of its own."""


def look(begin: Callable[[Sequence[Look]], Evaluating], events: Sequence[Event], looks: Sequence[Look]) -> list[Looked]:
    """What comes of looks, in the order of steps, at a trace of these events. `begin` begins to evaluate its call.

    Raises:
        UnavailableError: the evaluator cannot be started.
        Cancelled: it was.
    """
    found: list[Looked] = []
    until = time.monotonic() + SECONDS
    while len(found) < len(looks) and time.monotonic() < until:
        left = looks[len(found) :]
        evaluation = begin(left)
        steps = _replayed(evaluation, events)
        seen = [looked for one, looked in zip(left, evaluation.looked, strict=False) if one.step <= steps]
        if not seen:
            break
        found += seen
    return found + [NOT_SEEN] * (len(looks) - len(found))


def _replayed(evaluation: Evaluating, events: Sequence[Event]) -> int:
    """Evaluate to the end; gives how many steps went as the trace's did."""
    agreed, agrees = 0, True
    for step in evaluation:
        if isinstance(step, Question):
            reply = answer(step, _known(events[agreed])) if agrees and agreed < len(events) else None
            evaluation.answer({} if step.kind == "values" and reply is None else reply)
        elif agrees and agreed < len(events) and _agree(step, events[agreed]):
            agreed += 1
        else:
            agrees = False
    return agreed


def _known(event: Event) -> Event:
    """Only what is known of an event answers questions."""
    if "unknown" not in event.provenance.values():
        return event
    texts = {name: text for name, text in event.locals.items() if event.provenance.get(name) != "unknown"}
    return Event(event.kind, event.line, event.depth, event.function, texts, event.value, path=event.path)


def _agree(one: Event, other: Event) -> bool:
    return (one.kind, one.line, one.depth) == (other.kind, other.line, other.depth) and all(
        other.provenance.get(name) == "unknown" or one.locals.get(name) == text for name, text in other.locals.items()
    )
