"""What a debug session is handed in tests that need no process: one recorded trace, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cwm_lsp.dap.backend import Control
from cwm_lsp.errors import UnavailableError
from cwm_lsp.trace.events import Outcome, Trace
from cwm_lsp.trace.interventions import Intervention, Look, Looked, Visit


class Recorded:
    """Has a trace; cannot evaluate."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def asked(self, program: str, function: str | None, call: str | None) -> Trace:
        return replace(self._trace, events=(), outcome=Outcome("truncated"))

    def predict(self, trace: Trace, interventions: Sequence[Intervention], control: Control) -> Trace:
        if interventions:
            raise UnavailableError("nothing is evaluated here")
        return self._trace

    def sample(self, trace: Trace, interventions: Sequence[Intervention], seed: int, control: Control) -> Trace:
        raise UnavailableError("nothing is predicted here")

    def run(self, trace: Trace, control: Control, until: Visit | None = None) -> Trace:
        raise UnavailableError("nothing is run here")

    def runs(self, program: str) -> Sequence[tuple[str, str, str]]:
        return ()

    def recorded(self, program: str, function: str | None, call: str | None) -> Trace:
        return self._trace

    def look(self, trace: Trace, interventions: Sequence[Intervention], looks: Sequence[Look]) -> Sequence[Looked]:
        raise UnavailableError("nothing is evaluated here")
