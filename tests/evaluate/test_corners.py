"""Ordinary programs (`ordinary.txt`) and corners of the language (`corners.txt`) are computed as they run. What cannot
be known (`unsure.txt`) is not told, nor what code that cannot be followed may set of its process, its module or its
objects (`states.txt`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Evaluation
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.trace.events import Event
from tests.evaluate.probed import probed
from tests.evaluate.recording import Comparison, compare, only_on_the_reference


def programs(name: str) -> dict[str, str]:
    return dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", (Path(__file__).parent / name).read_text("utf-8"), re.M))


ORDINARY, KNOWN, UNSURE, STATES = map(programs, ("ordinary.txt", "corners.txt", "unsure.txt", "states.txt"))
pytestmark = only_on_the_reference


@pytest.mark.parametrize("name", KNOWN)
def test_a_corner_is_computed_as_it_runs(name: str) -> None:
    comparison = compare(KNOWN[name], "f()", "f", apart=True)
    assert not comparison.wrong, comparison.wrong[0]
    assert comparison.complete, (comparison.gave_up, comparison.asked, comparison.got[-1:])


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_program_is_computed_as_it_runs(name: str) -> None:
    comparison = compare(ORDINARY[name], "f()", "f", apart=True)
    assert not comparison.wrong, comparison.wrong[0]
    assert comparison.complete, (comparison.gave_up, comparison.asked, comparison.got[-1:])


@pytest.mark.parametrize("name", UNSURE)
def test_what_is_not_known_is_not_told(name: str) -> None:
    is_not_told(compare(UNSURE[name], "f()", "f", apart=True))


@pytest.mark.parametrize("name", STATES)
def test_what_code_may_have_set_is_not_told(name: str) -> None:
    is_not_told(compare(STATES[name], "f()", "f", apart=True))


def is_not_told(comparison: Comparison) -> None:
    assert not comparison.wrong, comparison.wrong[0]
    ends = [event for event in comparison.got if event.kind == "return" and not event.depth]
    assert comparison.asked or comparison.gave_up or all(one.provenance["value"] != "computed" for one in ends)


def test_what_locals_gave_is_recorded_as_it_was(tmp_path: Path) -> None:
    source = """
def f():
    x = 1
    seen = locals()
    y = 2
    del seen["x"]
    return seen
"""
    path = tmp_path / "app.py"
    path.write_text(source)
    with RecorderPool() as pool:
        recorded = pool.record(path, "f", "f()")
    evaluation = Evaluation(source, "f()", "f")
    assert [event.locals for event in evaluation if isinstance(event, Event)] == [
        event.locals for event in recorded.events
    ]
    assert evaluation.outcome == recorded.outcome
    assert recorded.outcome.value == "{}"


@pytest.mark.parametrize("length", [1, 2_000])
def test_writing_a_value_down_looks_nothing_up(length: int) -> None:
    source = f"""
class Key:
    fails = False
    def __hash__(self):
        if self.fails:
            raise KeyError(5)
        return 1
def f():
    key = Key()
    made = {{key: 1, **dict.fromkeys(range({length}))}}
    key.fails = True
    x = len(made)
    return x
"""
    _, outcome = probed(source, "f()", "f")
    assert outcome.value == str(length + 1)
