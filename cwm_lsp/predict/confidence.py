"""From the probability that a model gives a guess to the chance that the guess is right."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.reprs import Kind

FILE = "calibration.json"
"""In the folder of a model that has been calibrated."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic functions of the log-odds (Platt 1999). As it stands by itself, it changes nothing."""

    offset: float = 0.0
    slope: float = 1.0
    returned: float = 0.0
    """Added to the offset where the value is what a call returns."""
    kinds: Mapping[Kind, float] = field(default_factory=dict)
    """Added to it by the kind of value."""
    step_offset: float = 0.0
    step_slope: float = 1.0
    """Those of steps: the kind and line of an event."""

    def chance(self, logprob: float, kind: Kind = "object", *, returned: bool = False) -> float:
        """That a value is right, given the natural log-probability of all its tokens."""
        offset = self.offset + self.kinds.get(kind, 0.0) + returned * self.returned
        return _chance(logprob, offset, self.slope)

    def step(self, logprob: float) -> float:
        """That a step is right."""
        return _chance(logprob, self.step_offset, self.step_slope)

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """That of a model's folder; one that changes nothing where there is none.

        Raises:
            UnavailableError: the file cannot be read.
        """
        path = folder / FILE
        if not path.is_file():
            return UNCALIBRATED
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            kinds = {kind: float(offset) for kind, offset in found.pop("kinds", {}).items()}
            return cls(**{name: float(value) for name, value in found.items()}, kinds=kinds)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UnavailableError(f"{path} cannot be read: {error}") from error

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


UNCALIBRATED = Calibration()


def log_odds(logprob: float) -> float:
    """ln(p / (1 - p)) of a probability, which counts as 1 - 1e-12 at most."""
    logprob = min(logprob, -1e-12)
    return logprob - math.log(-math.expm1(logprob))


def _chance(logprob: float, offset: float, slope: float) -> float:
    if (offset, slope) == (0.0, 1.0) or logprob == -math.inf:
        return math.exp(logprob)
    odds = offset + slope * log_odds(logprob)
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
