"""Hover: the variables of a line in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cwm_lsp.lsp.views.document import told_as
from cwm_lsp.lsp.views.hints import count_of, percent
from cwm_lsp.lsp.views.reading import Place, ShownTrace, Value, Visit
from cwm_lsp.lsp.views.shorten import shorten, shorten_call
from cwm_lsp.trace.facts import run_of

_CELL = 60
"""Characters of a value in the table."""
_WHOLE = 4_000
"""Characters of the one value that the cursor is on."""
_ROWS = 30
_SURPRISING = 1.0
"""Bits: as likely as not."""


@dataclass(frozen=True, slots=True)
class Link:
    """A command that the hover offers."""

    title: str
    command: str
    argument: Mapping[str, Any]


def hover(
    reading: ShownTrace, visit: Visit, path: Sequence[Place], word: str | None, links: Sequence[Link], *, markdown: bool
) -> str:
    """The line's variables, with their values before and after it, what is known of them, and what can be done.

    `word` is the identifier under the cursor: its value is told whole. `links` need a client that follows `command:`
    links; without them nothing is offered.
    """
    raised = next((value.value for value in visit.values if value.name == "raise"), None)
    parts = [f"**raises** {_code(raised, markdown)}" if markdown else f"raises {raised}"] if raised is not None else []
    parts.append(_title(reading, path, markdown))
    rows = list(_rows(reading, visit))
    if rows:
        parts.append(_table(rows, markdown, run_of(reading.trace) if reading.trace.runs else "a run"))
    whole = next((value for value in _all(reading, visit) if value.name == word), None)
    if whole is not None and len(whole.value) > _CELL:
        parts.append(_block(f"{whole.name} = {whole.value[:_WHOLE]}", markdown))
    parts += [_suggested(reading, visit, markdown), _surprise(reading, visit, markdown)]
    if reading.end is not None and visit.line == (reading.loop.line if reading.loop is not None else reading.end.line):
        parts.append(_end(reading, markdown))
    return _joined(parts, links, markdown)


def bare(reading: ShownTrace, line: int, links: Sequence[Link], *, markdown: bool) -> str:
    """Why a line of the function has nothing to show; empty where there is nothing to say about that either."""
    if line in reading.unreached:
        told = f"{_call(reading, markdown)} does not come here"
    elif reading.end is not None and line > reading.entry:
        told = _end(reading, markdown)
    else:
        return ""
    return _joined([told], links, markdown)


def _joined(parts: Sequence[str], links: Sequence[Link], markdown: bool) -> str:
    shown = [*parts, " · ".join(_link(link) for link in links)] if links and markdown else parts
    return "\n\n".join(part for part in shown if part)


def _end(reading: ShownTrace, markdown: bool) -> str:
    """Where a prediction ends early, why, and what then."""
    end = reading.end
    assert end is not None
    loop = reading.trace.outcome.loop
    if loop is not None:
        return f"{_call(reading, markdown)} {loop}."
    known = f"{_call(reading, markdown)} is known up to line {end.line}: {end.why}."
    return f"{known} Run it, or change the call, to know more."


def _call(reading: ShownTrace, markdown: bool) -> str:
    return _code(shorten_call(reading.trace.call, _CELL), markdown)


def _title(reading: ShownTrace, path: Sequence[Place], markdown: bool) -> str:
    head = f"{_call(reading, markdown)} {told_as(reading.trace)}"
    counts = [f"iteration {count_of(place)} of line {place.line}" for place in path if place.count > 1]
    return " · ".join([head, *counts])


def _all(reading: ShownTrace, visit: Visit) -> Iterator[Value]:
    """What the line produced, then the variables that it left alone."""
    yield from visit.values
    produced = {value.name for value in visit.values}
    recorded = reading.trace.origin == "recorded"
    event = reading.trace.events[visit.index]
    for name, value in visit.before.items():
        if name not in produced:
            yield Value(
                name,
                value,
                value,
                event.provenance.get(name, "recorded" if recorded else "predicted"),
                event.confidences.get(name),
            )


def _rows(reading: ShownTrace, visit: Visit) -> Iterator[Value]:
    shown = [value for value in _all(reading, visit) if not value.is_plumbing]
    yield from shown[:_ROWS]


def _table(values: Sequence[Value], markdown: bool, run: str = "a run") -> str:
    differs = any(value.predicted is not None for value in values)
    header = ["", "before", "after", "known as", *(["predicted"] if differs else [])]
    rows = []
    for value in values:
        changed = value.name in ("return", "yield", "raise") or value.before != value.value
        row = [
            f"**{value.name}**" if markdown else value.name,
            _cell(value.before, markdown) if value.before is not None else "",
            _cell(value.value, markdown, value.predicted or value.before) if changed else "unchanged",
            _knowledge(value, run),
        ]
        if differs:
            row.append(f"≠ {_cell(value.predicted, markdown, value.value)}" if value.predicted is not None else "")
        rows.append(row)
    # Editors that show Markdown as it is written have columns too.
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [header, *rows]]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    lines.insert(1, ["-" * max(width, 3) for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _suggested(reading: ShownTrace, visit: Visit, markdown: bool) -> str:
    """What the line had in a run in which it read something else, where nothing better is known."""
    told = reading.trace.events[visit.index if visit.told_by is None else visit.told_by].suggested
    shown = [f"{'return' if name == 'value' else name} = {_cell(text, markdown)}" for name, text in told.items()]
    return f"in a run in which this line read something else: {', '.join(shown)}" if shown else ""


def _surprise(reading: ShownTrace, visit: Visit, markdown: bool) -> str:
    """How odd what the line did looked to the model, all before it being known; nothing where it was likely."""
    events = reading.surprise["events"] if reading.surprise else ()
    found = next((event for event in events if event["event_index"] == visit.told_by), None)
    if found is None or found["bits"] < _SURPRISING:
        return ""
    sure = found["expected_confidences"]
    expected = [
        f"{name} = {_cell(value, markdown)}, {percent(sure[name])}" for name, value in found["expected"].items()
    ]
    if found["expected_line"] is not None:
        expected.append(f"line {found['expected_line']}")
    return f"surprise: {found['bits']:.1f} bits" + (f"; expected {', '.join(expected)}" if expected else "")


def _knowledge(value: Value, run: str) -> str:
    """`guessed, 87 %`, `computed`, `as in the run of 14:02`: never a prediction worded as a fact."""
    if value.provenance == "remembered":
        return f"as in {run}"
    word = "guessed" if value.provenance == "predicted" else value.provenance
    if value.provenance == "predicted" and value.confidence is not None:
        return f"{word}, {percent(value.confidence)}"
    return word


def _cell(value: str, markdown: bool, other: str | None = None) -> str:
    return _code(shorten(value, _CELL, other), markdown)


def _code(text: str, markdown: bool) -> str:
    """Inline code that survives a table: the fence is longer than any run of backticks in the text."""
    text = text.replace("\n", "⏎").replace("\r", "⏎")
    if not markdown:
        return text
    run = longest = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def _block(text: str, markdown: bool) -> str:
    return f"```python\n{text.replace('```', '` ` `')}\n```" if markdown else text


def _link(link: Link) -> str:
    return f"[{link.title}](command:{link.command}?{quote(json.dumps([link.argument]))})"
