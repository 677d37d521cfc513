"""What a debug session is handed in tests that need no process: one trace, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_lsp.dap.backend import Control
from cwm_lsp.errors import UnavailableError
from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.interventions import Change, Look, Looked


class Recorded:
    """Has a trace; cannot evaluate."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def predict(self, program: str, function: str | None, call: str | None, control: Control) -> Trace:
        return self._trace

    def recorded(self, program: str, function: str | None, call: str | None) -> Trace:
        return self._trace

    def fork(self, trace: Trace, changes: Sequence[Change], control: Control) -> Trace:
        raise UnavailableError("nothing is evaluated here")

    def look(self, trace: Trace, changes: Sequence[Change], looks: Sequence[Look]) -> Sequence[Looked]:
        raise UnavailableError("nothing is evaluated here")
