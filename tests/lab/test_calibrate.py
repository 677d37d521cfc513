"""Confidence is fitted so that each call counts alike, by kind of value."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from cwm_lsp.lab.calibrate import Guess, calibrate, guesses
from cwm_lsp.predict.confidence import Calibration

KNOWN = Calibration(-0.5, 0.8, -0.4, {"text": -0.7, "constant": 0.6}, -1.0, 0.5)


def made(count: int) -> list[Guess]:
    """Guesses that are right as often as a known calibration says."""
    draw = random.Random(1)
    found = []
    for _ in range(count):
        kind = draw.choice(["text", "constant", "number", "step"])
        odds, returned = draw.uniform(-3, 8), draw.random() < 0.3 and kind != "step"
        logprob = -math.log1p(math.exp(-odds))
        chance = KNOWN.step(logprob) if kind == "step" else KNOWN.chance(logprob, kind, returned=returned)
        found.append(Guess(kind, returned, math.exp(logprob), draw.random() < chance, 1.0))
    return found


def test_calibration_by_kind_finds_what_was_put_in() -> None:
    fitted = calibrate(made(20_000))
    for logprob in map(math.log, (0.5, 0.9, 0.99)):
        assert fitted.step(logprob) == pytest.approx(KNOWN.step(logprob), abs=0.03)
        for kind in ("text", "constant", "number"):
            for returned in (False, True):
                chance = KNOWN.chance(logprob, kind, returned=returned)
                assert fitted.chance(logprob, kind, returned=returned) == pytest.approx(chance, abs=0.04)


def test_without_guesses_nothing_is_changed() -> None:
    assert calibrate([]).chance(math.log(0.7), "text") == pytest.approx(0.7)
    assert calibrate([]).step(math.log(0.7)) == pytest.approx(0.7)


def test_a_long_call_weighs_no_more_than_a_short_one(tmp_path: Path) -> None:
    def row(kind: str, right: bool, times: int) -> str:
        return json.dumps({"guesses": [{"kind": kind, "returned": False, "chance": 0.9, "right": right}] * times})

    path = tmp_path / "readings.jsonl"
    path.write_text("\n".join([row("number", False, 500), *[row("number", True, 1)] * 9]))
    found = list(guesses(path))
    assert sum(one.weight for one in found) == pytest.approx(10)
    assert calibrate(found).chance(math.log(0.9), "number") == pytest.approx(0.9, abs=0.05)
