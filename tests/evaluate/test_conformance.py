"""A sample of Python's own tests, each method a program: what the evaluator is sure of is what the run shows."""

from __future__ import annotations

import pytest

from benchmarks import conformance
from tests.evaluate.recording import only_on_the_reference

SAMPLE = 150


@only_on_the_reference
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not conformance.installed("grammar"), reason="this Python has no `test` package")
def test_no_step_of_python_s_own_tests_is_told_wrongly() -> None:
    rows = conformance.sample(conformance.MODULES.split(), limit=SAMPLE)
    found = [(row, verdict) for row, verdict in conformance.check(rows) if verdict is not None]
    wrong = {row.name: verdict.wrong for row, verdict in found if verdict.wrong}
    total = sum(conformance.counted(found).values(), conformance.Counter())
    assert wrong == {}
    assert total["rows"] > SAMPLE / 2
    assert total["whole"] > total["rows"] / 4
