"""The benchmarks of the world model: results that need no guess."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.recording import contradictions, evaluate, only_on_the_reference, record

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    only_on_the_reference,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the data for measuring is not here"),
]
MARK = "# << START_OF_TRACE"


def rows(name: str) -> list[dict[str, Any]]:
    with (DATA / name).open() as lines:
        return [json.loads(line) for line in lines]


def test_outputs_of_cruxeval_are_computed_and_none_is_contradicted() -> None:
    right = 0
    every = rows("cruxeval.jsonl")
    for row in every:
        call = f"f({row['input']})"
        evaluated = evaluate(row["code"], call, "f")
        assert not contradictions(record(row["code"], call, "f"), evaluated), row["id"]
        outcome = evaluated.evaluation.outcome
        right += outcome is not None and outcome.value == repr(eval(row["output"]))
    assert right >= 0.99 * len(every)


def test_calls_that_the_model_gets_wrong_are_computed() -> None:
    right = 0
    every = rows("cwm32b_mispredictions.jsonl")
    for row in every:
        source = row["context"].replace(" " + MARK, "").replace(MARK, "")
        evaluated = evaluate(source, "main()", "main")
        recorded = record(source, "main()", "main")
        assert not contradictions(recorded, evaluated, whole=not recorded.cut), row["id"]
        outcome = evaluated.evaluation.outcome
        module: dict[str, Any] = {}
        exec(compile(source, "<row>", "exec"), module)
        right += outcome is not None and outcome.value == repr(module["main"]())
    assert right >= 0.95 * len(every)
