"""The confidence that is told of a value."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.confidence import FILE, UNCALIBRATED, Calibration
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.interface import Engine
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.portable import PortableEngine
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.trace.events import Trace
from tests.predict.tasks import task_of


def test_uncalibrated_confidence_is_the_probability() -> None:
    assert Calibration().chance(math.log(0.37)) == pytest.approx(0.37)
    assert Calibration().chance(0.0, returned=True) == 1.0


def test_calibrated_confidence_by_hand() -> None:
    calibration = Calibration(offset=-1.0, slope=0.5, returned=-1.0)
    # Odds of 9 to 1: ln 9 / 2 - 1 = 0.0986, and 1 / (1 + e^-0.0986) = 0.5246.
    assert calibration.chance(math.log(0.9)) == pytest.approx(0.5246, abs=1e-4)
    assert calibration.chance(math.log(0.9), returned=True) == pytest.approx(0.2888, abs=1e-4)


@pytest.mark.parametrize("logprob", [0.0, -1e-20, -1e-9, -5000.0, -math.inf])
def test_extreme_probabilities_keep_their_order(logprob: float) -> None:
    calibration = Calibration(-0.5, 0.9, -0.5)
    assert 0.0 <= calibration.chance(logprob - 1) <= calibration.chance(logprob) <= 1.0


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) == UNCALIBRATED
    calibration = Calibration(-0.5, 0.9, -0.25)
    calibration.save(tmp_path)
    assert Calibration.load(tmp_path) == calibration


@pytest.mark.parametrize("text", ["{", "[1]", '{"offset": "much"}', '{"slant": 1}'])
def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UnavailableError, match=FILE):
        Calibration.load(tmp_path)


@pytest.mark.parametrize("load", [lambda folder: PortableEngine(folder, "copy"), LocalEngine.load])
def test_predictions_tell_calibrated_confidences(tmp_path: Path, load: Callable[[Path], Engine]) -> None:
    """The same model, calibrated in two ways: the same prediction, other confidences."""
    calibration = Calibration(offset=-1.0, slope=0.5, returned=-1.0)

    def predicted(name: str, calibration: Calibration) -> Trace:
        folder = tmp_path / name
        shutil.copytree(bundled_folder(), folder)
        calibration.save(folder)
        source = "def f(a, b):\n    c = a + b\n    d = c.strip()\n    return d\n"
        return Predictor.of(load(folder)).predict(task_of(source, "f('ab ', 'cd')"), assist="off")

    plain, changed = predicted("plain", UNCALIBRATED), predicted("changed", calibration)
    told = 0
    for before, after in zip(plain.events, changed.events, strict=True):
        assert (before.kind, before.line, before.locals, before.value) == (
            after.kind,
            after.line,
            after.locals,
            after.value,
        )
        chances = {
            name: calibration.chance(math.log(sure), returned=before.kind == "return")
            for name, sure in before.confidences.items()
        }
        assert after.confidences == pytest.approx(chances, rel=1e-6)
        if before.confidence and chances:
            step = before.confidence / math.prod(before.confidences.values())
            assert after.confidence == pytest.approx(step * math.prod(chances.values()), rel=1e-6)
        told += len(chances)
    assert told >= 3
