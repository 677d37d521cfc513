"""A short pass of the fuzzing, and what it has found before. The long one: `python -m tests.fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from .cases import FOLDER, found
from .targets import TARGETS

pytestmark = pytest.mark.slow

EXAMPLES = {"evaluator": 15, "outlines": 15, "modules": 40}


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    for value in found(name):
        target.check(value)

    @settings(
        max_examples=EXAMPLES.get(name, 60), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(target.strategy)
    def some(value: object) -> None:
        target.check(value)

    some()


def test_every_case_is_of_a_target() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} <= set(TARGETS)
