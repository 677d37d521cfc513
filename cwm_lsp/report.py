"""Traces, comparisons and metrics as a person reads them in a terminal."""

from __future__ import annotations

import json
import linecache
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cwm_lsp.doctor import Finding, Findings
from cwm_lsp.jobs import Comparison
from cwm_lsp.lab.measure import Measurement
from cwm_lsp.lsp.views.shorten import apart
from cwm_lsp.settings import Hints
from cwm_lsp.source.calls import ORIGINS
from cwm_lsp.source.prepared import one_line
from cwm_lsp.target import Case, Target
from cwm_lsp.terminal import console
from cwm_lsp.trace.compare import Divergence, align
from cwm_lsp.trace.effects import Step, steps
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.facts import is_fact, is_remembered, run_of

if TYPE_CHECKING:
    from cwm_lsp.predict.score import Reading, Surprise

Result = Trace | Comparison | Measurement | Findings

LATE = 1.0
"""Seconds after which a person is told what is under way."""
MAX_STEPS = 200
"""Steps shown of one trace; the JSON output has them all."""
MAX_VALUE = 48
"""Characters shown of one value."""
MAX_SURPRISES = 5
"""Surprising steps shown; the JSON output has them all."""
MAX_ERRORS = 5
"""Rows that could not be measured of which the reason is shown; the JSON output has them all."""

_SURPRISING = 1.0
"""Bits: what happened was as likely as not."""
WORTH_READING = Hints().min_confidence
"""The confidence below which a guess is shown as `?`; the JSON output has it."""

_STYLES = {
    "predicted": "cyan",
    "computed": "blue",
    "given": "dim",
    "recorded": "green",
    "remembered": "magenta",
    "unknown": "dim",
}


def announce(verb: str, target: Target) -> None:
    """Say on stderr what is being worked on: `predicting orders.py:total  total([2, 3]) · from its doctest`."""
    console(stderr=True).print(
        Text.assemble(
            (f"{verb} ", "bold"),
            (f"{target.path}:{target.function.qualname}", "magenta"),
            f"  {one_line(target.call.expression)}",
            (f"  · {ORIGINS[target.call.origin].words}", "dim"),
        ),
        soft_wrap=True,
    )


@contextmanager
def progress(verb: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show on stderr, if it is a terminal, how far the work is; gives the function to call at each step."""
    terminal = console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def patience(told: str) -> Iterator[None]:
    """Say on stderr, where that is no terminal that shows the progress, what takes more than a second."""
    terminal = console(stderr=True)
    late = threading.Timer(LATE, lambda: terminal.print(Text(told), soft_wrap=True))
    late.daemon = True
    if not terminal.is_terminal:
        late.start()
    try:
        yield
    finally:
        late.cancel()


def show(result: Result, as_json: bool) -> None:
    """Print a result on stdout."""
    if as_json:
        _print_json(result.to_json())
        return
    terminal = console()
    for part in _parts(result):
        terminal.print(part)


def show_case(case: Case, result: Trace | Comparison, as_json: bool) -> None:
    """Print one result of a batch on one line."""
    if as_json:
        _print_json(result.to_json())
        return
    trace = result.recorded if isinstance(result, Comparison) else result
    found = f", {len(result.divergences)} divergences" if isinstance(result, Comparison) else ""
    console().print(f"{case.number}: {trace.call} {_ending(trace.outcome)}{found}", markup=False)


def show_case_error(case: Case, message: str, as_json: bool) -> None:
    """Print what kept one row of a batch from a result, on one line."""
    if as_json:
        _print_json(
            {"error": message, "row": case.number, **{k: case.row.get(k) for k in ("path", "function", "call")}}
        )
    else:
        console().print(f"{case.number}: [bold red]error:[/] {escape(message)}", soft_wrap=True)


def _print_json(data: Mapping[str, Any]) -> None:
    print(json.dumps(data), flush=True)  # noqa: T201


def _parts(result: Result) -> Iterator[RenderableType]:
    match result:
        case Trace():
            yield trace_table(result)
            yield ""
            yield outcome_line(result)
            if result.origin == "predicted":
                yield cost_line(result)
        case Comparison():
            yield comparison_table(result.predicted, result.recorded, result.divergences)
            yield ""
            yield outcome_line(result.predicted)
            yield outcome_line(result.recorded)
            yield cost_line(result.predicted)
            yield ""
            yield from divergence_lines(result.divergences)
            count = len(result.divergences)
            as_predicted = "as predicted" if result.predicted.outcome.kind != "truncated" else "as far as it was known"
            yield Text(
                f"{count} divergence{'s' * (count != 1)}" if count else f"the run went {as_predicted}",
                "bold red" if count else "bold green",
            )
            yield ""
            yield from surprise_lines(result.recorded, result.reading)
        case Measurement():
            if result.rows:
                yield metrics_table(result)
            yield from error_lines(result.errors)
        case Findings():
            yield findings_table(result.findings)
            yield Text(f"\n{result.conclusion}", "bold red" if result.broken else "bold green")


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
    """Predicted and recorded side by side, one row a step; what only one of them has leaves the other side empty. Where
    one of them was cut, nothing differs from there on."""
    table = _table("", "line", "code", "predicted", "recorded")
    lines = recorded.source.splitlines()
    left = {step.index: step for step in steps(predicted.events)}
    right = {step.index: step for step in steps(recorded.events)}
    diverging = {_step_of(right, divergence) for divergence in divergences}
    rows = [
        (left.get(a) if a is not None else None, right.get(b) if b is not None else None)
        for a, b in align(predicted, recorded)
    ]
    rows = [row for row in rows if row != (None, None)]
    ends = [
        max((n for n, row in enumerate(rows, 1) if row[side] is not None), default=0)
        if trace.outcome.is_cut
        else len(rows)
        for side, trace in enumerate((predicted, recorded))
    ]
    for number, (a, b) in enumerate(rows[:MAX_STEPS]):
        step = b or a
        assert step is not None
        known = number < min(ends)
        differs = known and b is not None and b.index in diverging
        none = Text("–" if known else "", "dim")
        table.add_row(
            Text("≠", "bold red") if known and (differs or b is None or a is None) else "",
            str(step.event.line),
            _code(step.event, lines),
            _effect(a, predicted) if a else none,
            _effect(b, recorded, "bold red" if differs else None) if b else none,
        )
    _cut(table, len(rows))
    return table


def outcome_line(trace: Trace) -> Text:
    """How the call ended, in one line."""
    outcome = trace.outcome
    end = trace.events[-1] if trace.events and not outcome.is_cut else None
    if end is not None:
        origin: str = end.provenance.get("value", trace.origin)
    else:
        known = "computed" if is_fact(trace) else "remembered" if is_remembered(trace) else trace.origin
        origin = known if trace.origin == "predicted" else trace.origin
    sure = end.confidences.get("value") if end and origin == "predicted" else None
    hedge = "" if origin != "predicted" else "likely " if sure is None or sure >= 0.5 else "perhaps "
    match outcome.kind:
        case "return":
            hedge = hedge if outcome.value is not None else ""
            text = Text.assemble((f"{hedge}returns ", _STYLES[origin]), _guess(outcome.value or "…", sure))
        case "exception" if outcome.exception is not None:
            error = outcome.exception
            where = f" at line {error.line}" if error.line else ""
            text = Text.assemble((f"{hedge}raises ", "bold red"), f"{error.type}: {error.message}{where}")
            _add_confidence(text, sure)
        case "endless":
            text = Text(f"{hedge}{outcome.loop}", "bold red")
        case kind:
            ended = "not known" if (kind, trace.origin) == ("truncated", "predicted") else kind
            text = Text.assemble((f"{ended}: " if outcome.detail else ended, "yellow"), outcome.detail or "")
    if origin == "computed":
        text.append("  (computed)", "dim")
    elif origin == "remembered":
        text.append(f"  (as in {run_of(trace)})", "dim")
    if outcome.detail and outcome.kind in ("return", "exception"):
        text.append(f"  ({outcome.detail})", "dim")
    if outcome.cut:
        text.append(f"  (not every step is shown: {outcome.cut})", "dim")
    return Text.assemble((f"{trace.origin}: ", "bold"), text)


def cost_line(trace: Trace) -> Text:
    """What a prediction cost."""
    stats = trace.stats
    return Text(
        f"{_of(stats.events, 'event')}, {_of(stats.tokens, 'token')}, {_of(stats.forward_passes, 'forward pass')}, "
        f"{stats.seconds:.2f} s",
        "dim",
    )


def _of(count: int, noun: str) -> str:
    """`1 token`, `2 passes`."""
    return f"{count} {noun}{'' if count == 1 else 'es' if noun.endswith('s') else 's'}"


def divergence_lines(divergences: Iterable[Divergence]) -> list[Text]:
    """One line a divergence."""
    result = []
    for found in divergences:
        times = f" (iteration {found.iteration})" if found.iteration else ""
        name = f" {found.variable}" if found.variable else ""
        predicted, actual = apart(found.predicted or "nothing", found.actual or "nothing", MAX_VALUE)
        result.append(
            Text.assemble(
                ("≠ ", "bold red"),
                (f"line {found.line}{times} ", "bold"),
                f"{found.kind}{name}: predicted ",
                (predicted, _STYLES["predicted"]),
                ", got ",
                (actual, _STYLES["recorded"]),
            )
        )
    return result


def surprise_lines(recorded: Trace, reading: Reading) -> Iterator[Text]:
    """The steps of a run that the model alone found least likely, with the true history before each, and what it had
    expected where it was rather sure of that."""
    by_index = {
        index: step for step in steps(recorded.events) for index in (step.effect, step.end) if index is not None
    }
    lines = recorded.source.splitlines()
    odd = [surprise for surprise in reading.surprises if surprise.bits >= _SURPRISING]
    if odd:
        yield Text("what the model alone would not have expected of the run:", "bold")
    for surprise in sorted(odd, key=lambda surprise: -surprise.bits)[:MAX_SURPRISES]:
        event = recorded.events[surprise.event_index]
        step = by_index.get(surprise.event_index)
        line = step.event.line if step else event.line
        text = Text.assemble((f"{surprise.bits:5.1f} bits ", "bold magenta"), (f"line {line} ", "bold"))
        if step and step.iterations > 1:
            text.append(f"(iteration {step.iteration}) ")
        values = event.locals if event.value is None else {**event.locals, "value": event.value}
        odd_values = [*surprise.expected] or [max(surprise.parts, key=lambda name: surprise.parts[name])]
        happened = [f"{name} = {_short(values[name])}" for name in odd_values if name in values]
        text.append(", ".join(happened) or f"{event.kind} {_code(event, lines).plain.strip()}")
        if not surprise.as_expected and _sure(surprise) >= 0.5:
            text.append("; the model had expected ", "dim")
            text.append(_expectation(surprise, lines), _STYLES["predicted"])
            _add_confidence(text, _sure(surprise))
        yield text
    if reading.surprises:
        total = sum(surprise.bits for surprise in reading.surprises)
        passes = reading.passes + reading.expecting_passes
        yield Text(
            f"read by the model alone: {total:.1f} bits of surprise in {_of(len(reading.surprises), 'event')}, "
            f"{_of(reading.tokens, 'token')}, {_of(passes, 'forward pass')}, {reading.seconds:.2f} s",
            "dim",
        )
    if reading.detail:
        yield Text(f"surprise is not told everywhere: {reading.detail}", "yellow")


def _sure(surprise: Surprise) -> float:
    """How sure the model was of what it had expected."""
    return math.prod(surprise.expected_confidences.values()) if surprise.expected_confidences else 0.0


def _expectation(surprise: Surprise, lines: Sequence[str]) -> str:
    """What would have come instead."""
    if surprise.expected_line is not None and 0 < surprise.expected_line <= len(lines):
        return f"line {surprise.expected_line}: {lines[surprise.expected_line - 1].strip()}"
    if surprise.expected_kind is not None:
        return {"line": "another line", "call": "a call"}.get(surprise.expected_kind, f"a {surprise.expected_kind}")
    return ", ".join(f"{name} = {_short(value)}" for name, value in surprise.expected.items())


def metrics_table(measured: Measurement) -> Table:
    """Level of assistance by metric."""
    table = _table("assist", *(name.replace("_", " ") for name in measured.metrics))
    for level, metrics in measured.levels.items():
        table.add_row(level, *("–" if value is None else f"{value:.1%}" for value in metrics.values()))
    counts = ((measured.rows, "row"), (measured.events, "event"), (len(measured.errors), "error"))
    table.caption = f"{measured.data}: {', '.join(_of(count, noun) for count, noun in counts)}"
    return table


def error_lines(errors: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """One line a row that could not be measured."""
    for found in errors[:MAX_ERRORS]:
        yield Text.assemble((f"row {found['row']}: ", "bold red"), found["error"])
    if len(errors) > MAX_ERRORS:
        yield Text(f"… {len(errors) - MAX_ERRORS} more; --json has them all", "dim")


def findings_table(findings: Iterable[Finding]) -> Table:
    """One row a finding, with what to do where something is wrong; what is not needed comes last, apart."""
    glyphs = {"ok": Text("✓", "green"), "note": Text("·", "yellow"), "broken": Text("✗", "bold red")}
    table = _table("", "what", "found")
    needed, optional = ([one for one in findings if (one.status == "note") is apart] for apart in (False, True))
    for found in (*needed, *optional):
        if optional and found is optional[0]:
            table.add_row("", "", Text("\nNot needed for what you use:", "dim"))
        detail = Text(found.detail)
        if found.fix:
            detail.append(f"\n→ {found.fix}", "bold")
        table.add_row(glyphs[found.status], found.name, detail)
    return table


def _ending(outcome: Outcome) -> str:
    if outcome.kind == "return":
        return f"returns {_short(outcome.value or '…')}"
    if outcome.exception is not None:
        return f"raises {outcome.exception.type}"
    return str(outcome.loop or f"{outcome.kind}: {outcome.detail}")


def _table(*columns: str) -> Table:
    """A table without lines. Code stays on one line, and leaves most of the width to the values."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        if name == "code":
            table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=2, max_width=48)
            table.expand = True
        elif name in ("predicted", "recorded"):
            table.add_column(name, overflow="fold", ratio=2)
        else:
            table.add_column(name, justify="right" if name == "line" else "left", overflow="fold")
    return table


def _cut(table: Table, total: int) -> None:
    if total > MAX_STEPS:
        cells = [""] * (len(table.columns) - 1)
        table.add_row(*cells, Text(f"… {total - MAX_STEPS} more steps; --json has them all", "dim"))


def _step_of(by_index: Mapping[int, Step], divergence: Divergence) -> int | None:
    """The step that a divergence is about: the one whose effect the event shows, else the one that it is."""
    shown = [step for step in by_index.values() if divergence.event_index in (step.effect, step.end)]
    if shown and divergence.kind in ("value", "return", "exception"):
        return shown[-1].index
    return divergence.event_index if divergence.event_index in by_index else shown[-1].index if shown else None


def _code(event: Event, lines: Sequence[str]) -> Text:
    where = Text()
    if event.path is not None:
        lines = linecache.getlines(event.path)
    code = lines[event.line - 1].rstrip() if 0 < event.line <= len(lines) else f"<{event.function}>"
    if event.path is not None and event.kind == "call":
        where, code = Text(PurePath(event.path).name + ": ", "magenta"), code.strip()
    return Text("│ " * event.depth, "dim") + where + Text(code)


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
    return {"predicted": "≈ ", "remembered": "↺ ", "unknown": ": "}.get(origin, "= ")


def _append(text: Text, name: str, glyph: str, value: str, style: str, confidence: float | None) -> None:
    if text:
        text.append(", ")
    text.append(name).append(glyph, style).append_text(_guess(value, confidence, style))


def _guess(value: str, confidence: float | None, style: str = "") -> Text:
    """A value, with its confidence if it has one."""
    text = Text(_short(value) if confidence is None or confidence >= WORTH_READING else "?", style)
    _add_confidence(text, confidence)
    return text


def _add_confidence(text: Text, confidence: float | None) -> None:
    if confidence is not None:
        text.append(f" {confidence:.0%}", "dim")


def _short(value: str) -> str:
    return value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
