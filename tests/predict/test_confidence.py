"""The confidence that is told of a value."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.confidence import FILE, UNCALIBRATED, Calibration
from cwm_lsp.predict.engines import bundled_folder
from cwm_lsp.predict.engines.interface import Engine
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.portable import PortableEngine
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.predict.reprs import is_immutable, is_repr
from cwm_lsp.predict.trust import UNSETTLED, Trust
from cwm_lsp.trace.events import Event, EventKind, Trace
from tests.predict.tasks import task_of

pytestmark = pytest.mark.slow


def test_uncalibrated_confidence_is_the_probability() -> None:
    assert Calibration().chance(math.log(0.37)) == pytest.approx(0.37)
    assert Calibration().chance(0.0, returned=True) == 1.0


def test_calibrated_confidence_by_hand() -> None:
    calibration = Calibration(offset=-1.0, slope=0.5, returned=-1.0)
    # Odds of 9 to 1: ln 9 / 2 - 1 = 0.0986, and 1 / (1 + e^-0.0986) = 0.5246.
    assert calibration.chance(math.log(0.9)) == pytest.approx(0.5246, abs=1e-4)
    assert calibration.chance(math.log(0.9), returned=True) == pytest.approx(0.2888, abs=1e-4)
    # A kind's own offset: 0.0986 + 2, and 1 / (1 + e^-2.0986) = 0.8908. Steps have their own function.
    by_kind = replace(calibration, kinds={"constant": 2.0}, step_offset=1.0, step_slope=0.0)
    assert by_kind.chance(math.log(0.9), "constant") == pytest.approx(0.8908, abs=1e-4)
    assert by_kind.chance(math.log(0.9), "text") == pytest.approx(0.5246, abs=1e-4)
    assert by_kind.step(math.log(0.1)) == pytest.approx(0.7311, abs=1e-4)


@pytest.mark.parametrize("logprob", [0.0, -1e-20, -1e-9, -5000.0, -math.inf])
def test_extreme_probabilities_keep_their_order(logprob: float) -> None:
    calibration = Calibration(-0.5, 0.9, -0.5)
    assert 0.0 <= calibration.chance(logprob - 1) <= calibration.chance(logprob) <= 1.0


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) == UNCALIBRATED
    calibration = Calibration(-0.5, 0.9, -0.25, {"text": -0.5, "same": 1.5}, -0.1, 0.8)
    calibration.save(tmp_path)
    assert Calibration.load(tmp_path) == calibration


@pytest.mark.parametrize("text", ["{", "[1]", '{"kinds": 1}', '{"offset": "much"}', '{"slant": 1}'])
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
    told, path = 0, 1.0
    surprises = Predictor.of(load(tmp_path / "plain")).score(plain)
    for surprise, before, after in zip(surprises, plain.events[1:], changed.events[1:], strict=True):
        assert (before.kind, before.line, before.locals, before.value) == (
            after.kind,
            after.line,
            after.locals,
            after.value,
        )
        path *= calibration.step(-surprise.parts.get("step", 0.0) * math.log(2))
        for name, bits in surprise.parts.items():
            if after.confidences.get(name):
                chance = calibration.chance(-bits * math.log(2), returned=before.kind == "return")
                assert after.confidences[name] == pytest.approx(path * chance, rel=1e-4)
                told += 1
        assert after.confidence is None or after.confidence <= path * (1 + 1e-6)
        path = after.confidence or path
    assert told


def guess(kind: EventKind, values: dict[str, str], **chances: float) -> Event:
    """An event as a model writes it."""
    locals_, value = (values, None) if kind in ("call", "line") else ({}, values["value"])
    return Event(kind, 1, 0, "f", locals_, value, confidences=chances, provenance=dict.fromkeys(values, "predicted"))


def test_what_a_guess_has_brought_about_is_no_surer_than_it() -> None:
    trust = Trust()
    trust.computed(Event("call", 1, 0, "f", {"x": "1"}, provenance={"x": "given"}))
    first = trust.written(guess("line", {"x": "1"}))
    assert (first.provenance, first.confidence) == ({"x": "given"}, None)  # nothing has been guessed
    second = trust.written(guess("line", {"x": "1", "y": "2"}, y=0.9))
    assert second.confidences == {"y": 0.9}
    trust.goes(0.5)
    third = trust.written(guess("line", {"x": "1", "y": "2", "z": "3"}, z=0.8))
    assert third.confidences == pytest.approx({"x": 0.45, "y": 0.45, "z": 0.36})
    last = trust.written(guess("return", {"value": "4"}, value=1.0))
    assert last.confidences == pytest.approx({"value": 0.36})
    assert last.confidence == pytest.approx(0.36)


def test_what_the_evaluator_makes_of_guesses_is_no_surer_than_they_are() -> None:
    trust = Trust()
    assert trust.computed(guess("line", {"x": "1"}), {"x": 0.9}).confidences == {"x": 0.9}
    trust.goes(0.5)
    later = trust.computed(guess("line", {"x": "1", "z": "2"}))
    assert later.confidences == pytest.approx({"x": 0.45, "z": 0.45})


def test_what_no_model_was_asked_for_and_may_come_otherwise_is_not_sure() -> None:
    assert Trust().computed(guess("line", {"first": "'a'"})).confidences == {"first": UNSETTLED}


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-1.5",
        "'a'",
        '"a\'b"',
        "[1, 'a']",
        "(1,)",
        "{1: [2]}",
        "set()",
        "{1, 2}",
        "b'a'",
        "<class 'int'>",
        "[<class 'int'>, <A object>]",
        "datetime.date(2024, 1, 2)",
        "OrderedDict({'a': 1})",
        "defaultdict(<class 'list'>, {'a': [1]})",
        "nan",
        "'a<b'",
        "(<class 'ValueError'>, ValueError('x'), <traceback object>)",
        "<generator object f>",
    ],
)
def test_texts_that_can_be_reprs(text: str) -> None:
    assert is_repr(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        '"a"',
        "[1,2]",
        "1, 2",
        "<a",
        "x > 3",
        "'abc",
        "[1, 2",
        "--1",
        "{1: 2, 1: 3}",
        "f(x)",
        "1 2",
        "...",
        "lambda: 1",
        "[x for x in y]",
    ],
)
def test_texts_that_can_not(text: str) -> None:
    assert not is_repr(text)


@pytest.mark.parametrize("text", ["1", "-1.5e+20", "'[1]'", "b'a'", "None", "(1, ('a', None))", "range(0, 3)"])
def test_what_is_immutable(text: str) -> None:
    assert is_immutable(text)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "(1, [2])", "('a', <A object>)", "<A object>", "A(1)", "(1, A(2))", "{1}"]
)
def test_what_may_change(text: str) -> None:
    assert not is_immutable(text)
