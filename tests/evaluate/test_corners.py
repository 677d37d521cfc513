"""Corners of the language that need more than a program and its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.evaluate import Evaluation
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.trace.events import Event
from tests.evaluate.probed import probed
from tests.evaluate.recording import only_on_the_reference

pytestmark = only_on_the_reference


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
