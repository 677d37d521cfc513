"""What each step did."""

from __future__ import annotations

from cwm_lsp.trace.effects import Step, steps
from cwm_lsp.trace.events import Event


def line(number: int, depth: int = 0, **values: str) -> Event:
    return Event("line", number, depth, "f", values)


def told(step: Step) -> tuple[int, dict[str, str], int, int]:
    return step.event.line, dict(step.produced), step.iteration, step.iterations


def test_the_effect_of_a_line_is_in_the_next_event_of_its_scope() -> None:
    events = [
        Event("call", 1, 0, "f", {"items": "[4]"}),
        line(2, items="[4]"),
        line(3, items="[4]", total="0"),
        line(4, items="[4]", total="0", item="4"),
        line(3, items="[4]", total="4", item="4"),
        line(5, items="[4]", total="4", item="4"),
        Event("return", 5, 0, "f", value="4"),
    ]
    assert [told(step) for step in steps(events)] == [
        (1, {"items": "[4]"}, 1, 1),
        (2, {"total": "0"}, 1, 1),
        (3, {"item": "4"}, 1, 2),
        (4, {"total": "4"}, 1, 1),
        (3, {}, 2, 2),
        (5, {}, 1, 1),
    ]
    last = steps(events)[-1]
    assert last.end is not None
    assert events[last.end].value == "4"


def test_a_callee_between_a_line_and_its_effect_is_looked_past() -> None:
    events = [
        Event("call", 1, 0, "f"),
        line(2),
        Event("call", 9, 1, "g", {"n": "1"}),
        line(10, depth=1, n="1"),
        Event("return", 10, 1, "g", value="2"),
        line(3, x="2"),
    ]
    by_line = {step.event.line: step for step in steps(events)}
    assert dict(by_line[2].produced) == {"x": "2"}
    assert by_line[2].end is None
    assert by_line[10].end == 4
    assert dict(by_line[3].produced) == {}  # the trace ends before its effect


def test_an_exception_is_the_end_of_its_step() -> None:
    events = [Event("call", 1, 0, "f"), line(2), Event("exception", 2, 0, "f", value="(…)"), line(3)]
    raising = steps(events)[1]
    assert raising.end == 2
    assert raising.effect is None


def test_each_call_of_a_function_counts_its_own_iterations() -> None:
    events = [
        Event("call", 1, 0, "f"),
        line(2),
        Event("call", 1, 1, "f"),
        line(2, depth=1),
        Event("return", 2, 1, "f", value="1"),
        line(2, x="1"),
    ]
    assert [(step.scope, step.iteration, step.iterations) for step in steps(events) if step.event.line == 2] == [
        (0, 1, 2),
        (2, 1, 1),
        (0, 2, 2),
    ]
