"""How far the guesses of a prediction can be relied on: what a guess has brought about is never surer than it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cwm_lsp.trace.events import NOTHING, Event, Provenance

UNSETTLED = 0.5
"""The chance given to a value that no model was asked for and that still need not come so: by the order of a set."""


class _Belief(NamedTuple):
    """A value as it was last shown."""

    text: str | None
    provenance: Provenance | None
    confidence: float | None
    steps: float
    """The chance that control had gone that way by then."""


@dataclass(slots=True)
class Trust:
    """The chance that the guesses so far are right: a product along the path."""

    whole: float = 1.0
    """That all are, of values and of steps."""
    steps: float = 1.0
    """That those are which say where control goes."""
    _shown: dict[int, Mapping[str, _Belief]] = field(default_factory=dict)
    """By depth: what was last shown there."""

    def goes(self, chance: float) -> None:
        """Control goes a way that has been chosen with that chance of being right."""
        self.whole *= chance
        self.steps *= chance

    def computed(self, event: Event, answered: Mapping[str, float] = NOTHING) -> Event:
        """The evaluator's next event with the confidence of what is predicted in it. `answered`: names that it had
        asked for, with the chances of the answers."""
        return self._weighed(event, answered, {})

    def written(self, event: Event) -> Event:
        """The model's next event, its confidences being the chances of its own guesses, with the confidence of all that
        is told of it. As long as nothing has been guessed, what is kept as it was comes from where it came from."""
        values = _values(event)
        before = self._before(event) if self.whole == 1 else {}
        kept: dict[str, Provenance] = {
            name: last.provenance
            for name, last in before.items()
            if name not in event.confidences and last.provenance and values.get(name) == last.text
        }
        guessed = dict.fromkeys(values, 1.0) | dict(event.confidences)
        return self._weighed(event, guessed, kept)

    def _before(self, event: Event) -> Mapping[str, _Belief]:
        return self._shown.get(event.depth, {}) if event.kind != "call" else {}

    def _weighed(self, event: Event, guessed: Mapping[str, float], kept: Mapping[str, Provenance]) -> Event:
        before, here = self._before(event), self.whole
        provenance = {**event.provenance, **kept}
        beliefs: dict[str, _Belief] = {}
        for name, text in _values(event).items():
            confidence: float | None = None
            if provenance.get(name) == "predicted":
                last = before.get(name)
                if name in guessed:
                    confidence = here * guessed[name]
                    self.whole *= guessed[name] or 1.0  # what can be no value brings nothing about
                elif last is not None and last.text == text:
                    confidence = last.confidence
                    if self.steps < last.steps:
                        confidence = (1.0 if confidence is None else confidence) * self.steps / last.steps
                else:
                    confidence = here if here < 1 else UNSETTLED
            beliefs[name] = _Belief(text, provenance.get(name), confidence, self.steps)
        self._shown[event.depth] = beliefs
        confidences = {name: one.confidence for name, one in beliefs.items() if one.confidence is not None}
        sure = self.whole if self.whole < 1 or confidences else None
        return replace(event, confidence=sure, confidences=confidences, provenance=provenance)


def _values(event: Event) -> Mapping[str, str | None]:
    return event.locals if event.kind in ("call", "line") else {"value": event.value}
