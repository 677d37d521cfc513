"""Traces, comparisons and metrics as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cwm_lsp.target import Target, described
from cwm_lsp.trace.compare import Divergence, align
from cwm_lsp.trace.effects import Step, steps
from cwm_lsp.trace.events import Event, Outcome, Trace

MAX_STEPS = 200
"""Steps shown of one trace; the JSON output has them all."""
MAX_VALUE = 60
"""Characters shown of one value."""

_STYLES = {"predicted": "cyan", "computed": "blue", "given": "dim", "recorded": "green"}


def heading(target: Target, verb: str) -> Text:
    """What is being worked on: `predicting  orders.py:total  total([2, 3]) · from its doctest`."""
    return Text.assemble(
        (f"{verb} ", "bold"),
        (f"{target.path}:{target.function.qualname}", "bold magenta"),
        "  ",
        target.call.expression,
        (f"  · {described(target.call.origin)}", "dim"),
    )


def trace_table(trace: Trace) -> Table:
    """One row a step: the line, its code and what it did."""
    table = _table("line", "code", trace.origin)
    lines = trace.source.splitlines()
    shown = steps(trace.events)
    for step in shown[:MAX_STEPS]:
        table.add_row(str(step.event.line), _code(step.event, lines), _effect(step, trace))
    _cut(table, len(shown))
    return table


def comparison_table(predicted: Trace, recorded: Trace, divergences: Sequence[Divergence]) -> Table:
    """Predicted and recorded side by side, one row a step; what only one of them has leaves the other side empty."""
    table = _table("", "line", "code", "predicted", "recorded")
    lines = recorded.source.splitlines()
    left = {step.index: step for step in steps(predicted.events)}
    right = {step.index: step for step in steps(recorded.events)}
    diverging = {_step_of(right, divergence.event_index) for divergence in divergences}
    rows = [
        (left.get(a) if a is not None else None, right.get(b) if b is not None else None)
        for a, b in align(predicted, recorded)
    ]
    rows = [row for row in rows if row != (None, None)]
    for a, b in rows[:MAX_STEPS]:
        step = b or a
        assert step is not None
        differs = b is not None and b.index in diverging
        table.add_row(
            Text("≠", "bold red") if differs or b is None or a is None else "",
            str(step.event.line),
            _code(step.event, lines),
            _effect(a, predicted) if a else Text("–", "dim"),
            _effect(b, recorded, "bold red" if differs else None) if b else Text("–", "dim"),
        )
    _cut(table, len(rows))
    return table


def outcome_line(trace: Trace) -> Text:
    """How the call ended, in one line."""
    outcome = trace.outcome
    hedge = "likely " if trace.origin == "predicted" else ""
    style = _STYLES[trace.origin]
    match outcome.kind:
        case "return":
            text = Text.assemble((f"{hedge}returns ", style), _short(outcome.value or "None"))
        case "exception" if outcome.exception is not None:
            error = outcome.exception
            where = f" at line {error.line}" if error.line else ""
            text = Text.assemble((f"{hedge}raises ", "bold red"), f"{error.type}: {error.message}{where}")
        case kind:
            text = Text.assemble((f"{kind} ", "yellow"), outcome.detail or "")
    if outcome.detail and outcome.kind in ("return", "exception"):
        text.append(f"  ({outcome.detail})", "dim")
    return Text.assemble((f"{trace.origin}: ", "bold"), text)


def cost_line(trace: Trace) -> Text:
    """What a prediction cost."""
    stats = trace.stats
    return Text(
        f"{stats.events} events, {stats.tokens} tokens, {stats.forward_passes} forward passes, {stats.seconds:.2f} s",
        "dim",
    )


def divergence_lines(divergences: Iterable[Divergence]) -> list[Text]:
    """One line a divergence."""
    result = []
    for found in divergences:
        times = f" (iteration {found.iteration})" if found.iteration else ""
        name = f" {found.variable}" if found.variable else ""
        result.append(
            Text.assemble(
                ("≠ ", "bold red"),
                (f"line {found.line}{times} ", "bold"),
                f"{found.kind}{name}: predicted ",
                (_short(found.predicted or "nothing"), _STYLES["predicted"]),
                ", got ",
                (_short(found.actual or "nothing"), _STYLES["recorded"]),
            )
        )
    return result


def metrics_table(levels: Mapping[str, Mapping[str, float | None]]) -> Table:
    """Level of assistance by metric, as percentages."""
    table = _table("assist", *next(iter(levels.values())))
    for level, metrics in levels.items():
        table.add_row(level, *("–" if value is None else f"{value:.1%}" for value in metrics.values()))
    return table


def outcome_word(outcome: Outcome) -> str:
    """The outcome in a few words, for one row of a batch."""
    if outcome.kind == "return":
        return f"returns {_short(outcome.value or 'None')}"
    if outcome.exception is not None:
        return f"raises {outcome.exception.type}"
    return f"{outcome.kind}: {outcome.detail}"


def print_error(console: Console, message: str) -> None:
    """`error: …` in one line."""
    console.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name == "line" else "left", overflow="fold")
    return table


def _cut(table: Table, total: int) -> None:
    if total > MAX_STEPS:
        cells = [""] * (len(table.columns) - 1)
        table.add_row(*cells, Text(f"… {total - MAX_STEPS} more steps; --json has them all", "dim"))


def _step_of(by_index: Mapping[int, Step], event_index: int) -> int | None:
    """The step whose effect an event shows: the last step of the event's scope up to it."""
    for index in range(event_index, -1, -1):
        step = by_index.get(index)
        if step is not None and event_index in (step.index, step.effect, step.end):
            return index
    return None


def _code(event: Event, lines: Sequence[str]) -> Text:
    code = lines[event.line - 1].rstrip() if 0 < event.line <= len(lines) else f"<{event.function}>"
    return Text("│ " * event.depth, "dim") + Text(code)


def _effect(step: Step, trace: Trace, style: str | None = None) -> Text:
    text = Text()
    shows = trace.events[step.effect] if step.effect is not None else step.event
    for name, value in step.produced.items():
        origin = shows.provenance.get(name, trace.origin)
        _append(text, f"{name} ", _glyph(origin), value, style or _STYLES[origin], shows.confidences.get(name))
    end = trace.events[step.end] if step.end is not None else None
    if end is not None:
        origin = end.provenance.get("value", trace.origin)
        word = "raise " if end.kind == "exception" else "return "
        style = "bold red" if end.kind == "exception" else style or _STYLES[origin]
        _append(text, word, _glyph(origin), end.value or "?", style, end.confidences.get("value"))
    for mark in dict.fromkeys(event.mark for event in (step.event, end) if event is not None and event.mark):
        text.append(f"  ⚠ {mark}", "yellow")
    return text


def _glyph(origin: str) -> str:
    return "≈ " if origin == "predicted" else "= "


def _append(text: Text, name: str, glyph: str, value: str, style: str, confidence: float | None) -> None:
    if text:
        text.append(", ")
    text.append(name).append(glyph + _short(value), style)
    if confidence is not None:
        text.append(f" {confidence:.0%}", "dim")


def _short(value: str) -> str:
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
