"""Random programs do what the evaluator says."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.evaluate import Limits
from tests.evaluate import class_programs, programs, wider
from tests.evaluate.recording import contradictions, evaluate, only_on_the_reference, record

pytestmark = [only_on_the_reference, pytest.mark.slow]
CALLS = ("f(1)", "f([1, 2], 'x')", "f('ab', {'k': 1}, 5)")
WIDER_CALLS = ("f()", "f(3, 'x,y', 4, k=5)")
EVENTS = 1500


def check(source: str, calls: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in calls:
            try:
                recorded = record(source, call, "f", events=EVENTS)
            except SyntaxError:
                return
            evaluated = evaluate(source, call, "f", limits=Limits(events=EVENTS + 500))
            wrong = contradictions(recorded, evaluated, whole=not recorded.cut)
            assert not wrong, f"{source}\n{call}\n{wrong[0]}"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**9))
def test_a_random_program_is_never_called_computed_wrongly(seed: int) -> None:
    check(programs.program(seed), CALLS)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**9))
def test_a_wider_random_program_is_never_called_computed_wrongly(seed: int) -> None:
    check(wider.program(seed), WIDER_CALLS)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**9))
def test_a_random_program_with_classes_is_never_called_computed_wrongly(seed: int) -> None:
    check(class_programs.program(seed), ("f()",))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("start", range(0, 2000, 200))
def test_many_random_programs_are_never_called_computed_wrongly(start: int) -> None:
    for seed in range(start, start + 200):
        check(programs.program(seed), CALLS)
        check(wider.program(seed), WIDER_CALLS)
        check(class_programs.program(seed), ("f()",))
