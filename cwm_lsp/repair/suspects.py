"""Where to look: lines that failing calls come to and right ones do not (https://doi.org/10.1109/TAICPART.2007.13)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cwm_lsp.evaluate import Called

_CRASH = 0.5
"""What the line of a crash counts more."""


def suspicion(failing: Sequence[Called], passing: Sequence[Called]) -> Mapping[int, float]:
    """How suspicious each line is that a failing call came to: Ochiai's coefficient, from 0 to 1, and more where it
    crashed."""
    lines = {line for called in failing for line in called.lines}
    found: dict[int, float] = {}
    for line in lines:
        bad = sum(line in called.lines for called in failing)
        good = sum(line in called.lines for called in passing)
        found[line] = bad / math.sqrt(len(failing) * (bad + good))
    for called in failing:
        outcome = called.outcome
        raised = outcome.exception.line if outcome is not None and outcome.exception is not None else None
        if raised in found:
            found[raised] += _CRASH / len(failing)
    return found
