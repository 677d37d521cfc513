"""A call that crashes, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cwm_lsp.trace.events import Outcome

NEVER_ENDS = "never ends"
"""Stands for the type of the exception of a call that does not."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A call that crashes, and how."""

    function: str
    """Qualified name of the function that is called."""
    call: str
    line: int
    """Where it crashes: the innermost line of the file; of an endless loop its head."""
    type: str
    """The exception's, or `NEVER_ENDS`."""
    message: str
    deliberate: bool = False
    """The file itself raises it, or asserts what does not hold."""
    vouched: bool = True
    """All arguments are of kinds that hints, defaults or known calls say."""
    readable: str = ""
    """The call with what it imports before it, where that is not as it is evaluated."""

    def __str__(self) -> str:
        if self.type == NEVER_ENDS:
            return f"{self.readable or self.call} {self.message}"
        told = f": {self.message}" if self.message else ""
        return f"{self.type} when called as {self.readable or self.call}{told}"

    def is_shown_by(self, recorded: Outcome) -> bool | None:
        """Whether a run of the call that ended so shows the crash; None where it does not tell."""
        if self.type == NEVER_ENDS:
            return recorded.kind in ("timeout", "truncated")
        if recorded.kind == "exception" and recorded.exception is not None:
            return recorded.exception.type == self.type and recorded.exception.line in (self.line, None)
        return False if recorded.kind == "return" else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Crash:
        return cls(**data)
