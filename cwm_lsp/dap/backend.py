"""What a debug session is handed: who predicts, who keeps recorded runs, who evaluates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.interventions import Intervention, Look, Looked, Visit


@dataclass(frozen=True, slots=True)
class Control:
    """Who hears of what some work has come to, and who may end it."""

    heard: Callable[[Event], None] = lambda _event: None
    """Called with each event as soon as it is there."""
    cancel: threading.Event = field(default_factory=threading.Event)


class Backend(Protocol):
    """Each raises `UserError`, `UnavailableError` or `Cancelled`."""

    def asked(self, program: str, function: str | None, call: str | None) -> Trace:
        """The trace of a call before its first event; None: the only function, the best call that is known."""
        ...

    def predict(self, trace: Trace, interventions: Sequence[Intervention], control: Control) -> Trace:
        """The prediction of a trace's call, with interventions made on its way. Where a change cannot be made it
        ends there, and says why."""
        ...

    def sample(self, trace: Trace, interventions: Sequence[Intervention], seed: int, control: Control) -> Trace:
        """The same, where the model draws by chance from what it finds likely."""
        ...

    def run(self, trace: Trace, control: Control, until: Visit | None = None) -> Trace:
        """What really happens at a trace's call: it is run, and ends before the visit of a line that is named. Only on
        the user's command."""
        ...

    def runs(self, program: str) -> Sequence[tuple[str, str, str]]:
        """The recorded runs of a file: function, call and time (ISO 8601, UTC), the latest first."""
        ...

    def recorded(self, program: str, function: str | None, call: str | None) -> Trace:
        """The latest recorded run of a call; None: of whatever was recorded last."""
        ...

    def look(self, trace: Trace, interventions: Sequence[Intervention], looks: Sequence[Look]) -> Sequence[Looked]:
        """Expressions evaluated on the way of a trace, which came of those interventions. The looks are in the
        order of steps.

        Nothing of the user's runs.
        """
        ...
