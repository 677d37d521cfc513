"""Confidence fitted on what a model says of recorded calls of real packages, each call counting alike."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from cwm_lsp.predict.confidence import Calibration, log_odds
from cwm_lsp.predict.reprs import Kind

RIDGE = 1.0
"""The weight with which coefficients are held near those that change nothing, in calls."""


class Guess(NamedTuple):
    """One guess of a call, made with the true history before it."""

    kind: str
    """That of its value, or `step`."""
    returned: bool
    chance: float
    """By the model alone."""
    right: bool
    weight: float
    """One call's guesses have 1 in all."""


def guesses(path: Path) -> Iterator[Guess]:
    """Those in the file that `benchmarks/packages.py --readings` writes."""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)["guesses"]
        for what in (True, False):  # steps and values are fitted apart
            some = [one for one in found if (one["kind"] == "step") == what]
            for one in some:
                yield Guess(one["kind"], one["returned"], one["chance"], one["right"], 1 / len(some))


def calibrate(found: Sequence[Guess]) -> Calibration:
    """The calibration under which they fit best (Platt 1999)."""
    values = [one for one in found if one.kind != "step" and one.chance > 0]
    steps = [one for one in found if one.kind == "step" and one.chance > 0]
    kinds: tuple[Kind, ...] = get_args(Kind)
    features = [[log_odds(math.log(one.chance)), one.returned, *(one.kind == kind for kind in kinds)] for one in values]
    offset, slope, returned, *by_kind = _fitted(values, features, 2 + len(kinds))
    step_offset, step_slope = _fitted(steps, [[log_odds(math.log(one.chance))] for one in steps], 1)
    return Calibration(
        offset, slope, returned, dict(zip(kinds, by_kind, strict=True)), step_offset=step_offset, step_slope=step_slope
    )


def _fitted(found: Sequence[Guess], features: Sequence[Sequence[float]], width: int) -> list[float]:
    """Offset and coefficients of the logistic regression, the first of which is a slope that is 1 by itself."""
    rows = np.array([[1.0, *row] for row in features], dtype=float).reshape(len(found), width + 1)
    right = np.array([one.right for one in found], dtype=float)
    weight = np.array([one.weight for one in found], dtype=float)
    plain = np.zeros(width + 1)
    plain[1] = 1.0
    fitted = plain.copy()
    for _ in range(50):  # of Newton's method, which needs a few; long steps may lead away
        chance = 1 / (1 + np.exp(-np.clip(rows @ fitted, -500, 500)))
        curvature = (rows.T * (weight * chance * (1 - chance))) @ rows + RIDGE * np.eye(width + 1)
        step = np.linalg.solve(curvature, rows.T @ (weight * (right - chance)) - RIDGE * (fitted - plain))
        fitted += step / max(1.0, float(np.linalg.norm(step)))
    return [round(float(value), 4) for value in fitted]
