"""Random programs of generators, coroutines and tasks do what the evaluator says."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

import pytest

from cwm_lsp.evaluate import Limits
from cwm_lsp.trace.events import Event
from tests.evaluate import suspended
from tests.evaluate.recording import contradictions, evaluate, only_on_the_reference, record
from tests.evaluate.virtual import virtual_time

pytestmark = [
    pytest.mark.slow,
    only_on_the_reference,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
]
EVENTS = 1500
PROGRAMS = [suspended.generators, suspended.coroutines, suspended.loops]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Nothing that earlier programs have left is ended while one is recorded, nor told of."""
    logger = logging.getLogger("asyncio")
    logger.disabled = True
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    logger.disabled = False


def is_sure(event: Event) -> bool:
    return "predicted" not in event.provenance.values()


def check(source: str) -> None:
    try:
        with warnings.catch_warnings(), virtual_time():
            warnings.simplefilter("ignore")
            recorded = record(source, "f()", "f", events=EVENTS)
    except SyntaxError:
        return
    evaluated = evaluate(source, "f()", "f", limits=Limits(events=EVENTS + 500))
    whole = not recorded.cut
    if not all(map(is_sure, evaluated.events)):  # what comes after may be another order of the same
        evaluated.events = list(takewhile(is_sure, evaluated.events))
        recorded, whole = type(recorded)(recorded[: len(evaluated.events)]), False
    wrong = contradictions(recorded, evaluated, whole=whole)
    assert not wrong, f"{source}\n{wrong[0]}"


def check_all(programs: Iterable[str]) -> None:
    """Check programs, each without the garbage of those before it, which would be ended at any moment."""
    gc.disable()
    try:
        for program in programs:
            check(program)
            gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("write", PROGRAMS)
def test_a_random_program_is_never_called_computed_wrongly(write: Callable[[int], str]) -> None:
    check_all(map(write, range(40)))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("write", PROGRAMS)
@pytest.mark.parametrize("start", range(40, 2040, 200))
def test_many_random_programs_are_never_called_computed_wrongly(write: Callable[[int], str], start: int) -> None:
    check_all(map(write, range(start, start + 200)))
