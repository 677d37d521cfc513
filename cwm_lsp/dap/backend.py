"""What a debug session is handed: who predicts, who keeps recorded runs, who evaluates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.interventions import Change, Look, Looked


@dataclass(frozen=True, slots=True)
class Control:
    """Who hears of how far some work is, and who may end it."""

    advance: Callable[[], None] = lambda: None
    """Called for each event."""
    cancel: threading.Event = field(default_factory=threading.Event)


class Backend(Protocol):
    """Each raises `UserError`, `UnavailableError` or `Cancelled`."""

    def predict(self, program: str, function: str | None, call: str | None, control: Control) -> Trace:
        """The prediction of a call; None: the only function, the best call that is known."""
        ...

    def recorded(self, program: str, function: str | None, call: str | None) -> Trace:
        """The latest recorded run of a call; None: of whatever was recorded last."""
        ...

    def fork(self, trace: Trace, changes: Sequence[Change], control: Control) -> Trace:
        """A prediction with changes made on its way. Where one cannot be made it ends there, and says why."""
        ...

    def look(self, trace: Trace, changes: Sequence[Change], looks: Sequence[Look]) -> Sequence[Looked]:
        """Expressions evaluated on the way of a trace, which came of those changes. The looks are in order of steps.

        Nothing of the user's runs.
        """
        ...
