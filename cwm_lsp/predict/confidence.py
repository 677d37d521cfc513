"""From the probability that a model gives a value to the chance that the value is right."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from cwm_lsp.errors import UnavailableError

FILE = "calibration.json"
"""In the folder of a model that has been calibrated."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic function of the log-odds (Platt 1999). As it stands by itself, it changes nothing."""

    offset: float = 0.0
    slope: float = 1.0
    returned: float = 0.0
    """Added to the offset where the value is what a call returns."""

    def chance(self, logprob: float, *, returned: bool = False) -> float:
        """That a value is right, given the natural log-probability of all its tokens."""
        if self == UNCALIBRATED or logprob == -math.inf:
            return math.exp(logprob)
        odds = self.offset + self.slope * log_odds(logprob) + returned * self.returned
        return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0

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
            found = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: float(value) for name, value in found.items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UnavailableError(f"{path} cannot be read: {error}") from error

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


UNCALIBRATED = Calibration()


def log_odds(logprob: float) -> float:
    """ln(p / (1 - p)) of a probability, which counts as 1 - 1e-12 at most."""
    logprob = min(logprob, -1e-12)
    return logprob - math.log(-math.expm1(logprob))
