"""How good predictions are, against real runs.

The metrics are those of the CWM paper's table of trace prediction, free running: the prediction is made from the call
alone, and its events are held against the recorded ones position by position, so one wrong turn costs all that follows.
The seeded `call` event is given, and so is not counted.
"""

from __future__ import annotations

import ast
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.jobs import Advance
from cwm_lsp.target import Target, read_lines, resolve
from cwm_lsp.trace.compare import same_value
from cwm_lsp.trace.events import Event, Outcome, Trace

METRICS = ("output_exact", "state_exact", "action_exact", "valid_format", "key_match", "value_match")


@dataclass(frozen=True, slots=True)
class Row:
    """One call and what is known of its end."""

    number: int
    target: Target
    expected: str | None
    """Source of the value that the call returns."""
    raises: str | None
    """Name of the exception type that it raises."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Metrics of one model over one data set."""

    data: str
    rows: int
    """Rows measured; those with an error are not among them."""
    events: int
    """Recorded events that predictions were held against."""
    metrics: Mapping[str, float | None]
    """Fractions, at the level asked for; None where the data has nothing to count."""
    levels: Mapping[str, Mapping[str, float | None]]
    """The same for every level of assistance that was measured."""
    provenance: Mapping[str, Mapping[str, float]]
    """For each level, what share of new values was `computed` or `predicted`, and what share of each was right."""
    errors: Sequence[Mapping[str, Any]]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As `evaluate --json` prints it."""
        return {
            "data": self.data,
            "rows": self.rows,
            "events": self.events,
            "metrics": dict(self.metrics),
            "levels": {level: dict(metrics) for level, metrics in self.levels.items()},
            "provenance": {level: dict(shares) for level, shares in self.provenance.items()},
            "errors": list(self.errors),
            "seconds": round(self.seconds, 3),
        }


def read_rows(data: Path, folder: Path, limit: int | None = None) -> Iterator[Row | Mapping[str, Any]]:
    """The rows of a data set; one that cannot be used is a mapping with its number and its error.

    `folder` takes the files that the rows' code is written to; paths in rows are relative to the data file.

    Raises:
        UserError: the data file cannot be read.
    """
    lines = [(number, line) for number, line in enumerate(read_lines(data), 1) if line.strip()]
    for number, line in lines[:limit]:
        try:
            yield _row(number, line, data.parent, folder)
        except UserError as error:
            yield {"row": number, "error": str(error)}


def _row(number: int, line: str, base: Path, folder: Path) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise UserError("is not an object")
    if "path" in row:
        path = base / _text(row, "path")
    else:
        path = folder / f"row_{number}.py"
        path.write_text(_text(row, "code"), encoding="utf-8")
    if "input" in row:
        function, call, expected = "f", f"f({_text(row, 'input')})", "output"
    else:
        function, call, expected = _text(row, "function"), _text(row, "call"), "expected"
    ends = {name: _text(row, name) if row.get(name) is not None else None for name in (expected, "raises")}
    return Row(number, resolve(str(path), function, call), ends[expected], ends["raises"])


def _text(row: Mapping[str, Any], name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str):
        raise UserError(f'needs "{name}" as a string')
    return text


def measure(
    data: Path,
    limit: int | None,
    predictors: Mapping[str, Callable[[Target, Advance], Trace]],
    record: Callable[[Target, Advance], Trace],
    advance: Advance,
) -> Measurement:
    """Predict and record every row of a data set.

    `predictors`: for each level of assistance the function that predicts; `metrics` are those of the last one.
    `advance` is called once a row.

    Raises:
        UserError: the data file cannot be read.
    """
    started = time.perf_counter()
    tallies = {level: Tally() for level in predictors}
    errors: list[Mapping[str, Any]] = []
    rows = events = 0
    with tempfile.TemporaryDirectory(prefix="cwm-lsp-") as folder:
        for row in read_rows(data, Path(folder), limit):
            advance()
            if not isinstance(row, Row):
                errors.append(row)
                continue
            try:
                recorded = record(row.target, _ignore)
                predicted = {level: predict(row.target, _ignore) for level, predict in predictors.items()}
            except UnavailableError:
                raise
            except UserError as error:
                errors.append({"row": row.number, "error": str(error)})
                continue
            rows += 1
            events += max(len(recorded.events) - 1, 0)
            for level, trace in predicted.items():
                tallies[level].add(trace, recorded, row)
    levels = {level: tally.metrics() for level, tally in tallies.items()}
    return Measurement(
        data=data.name,
        rows=rows,
        events=events,
        metrics=levels[list(levels)[-1]],
        levels=levels,
        provenance={level: tally.provenance() for level, tally in tallies.items()},
        errors=errors,
        seconds=time.perf_counter() - started,
    )


class Tally:
    """Counts of what was right and of what was counted, by metric."""

    def __init__(self) -> None:
        self._right: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._new_right: Counter[str] = Counter()
        self._new: Counter[str] = Counter()

    def add(self, predicted: Trace, recorded: Trace, row: Row) -> None:
        """Count one row."""
        if row.expected is not None or row.raises is not None:
            self._count("output_exact", _ends_as(predicted.outcome, row))
        for event in predicted.events[1:]:
            self._count("valid_format", event.mark is None)
        for index, actual in enumerate(recorded.events[1:], 1):
            guess = predicted.events[index] if index < len(predicted.events) else None
            self._count_event(guess, actual)
            if guess is not None:
                self._count_new(guess, actual, recorded.events[index - 1])

    def metrics(self) -> dict[str, float | None]:
        """Each metric as a fraction."""
        return {name: self._right[name] / self._counted[name] if self._counted[name] else None for name in METRICS}

    def provenance(self) -> dict[str, float]:
        """Share of new values by where they came from, and how many of each were right."""
        total = sum(self._new.values())
        return {
            key: share
            for origin in sorted(self._new)
            for key, share in (
                (f"{origin}_share", self._new[origin] / total),
                (f"{origin}_right", self._new_right[origin] / self._new[origin]),
            )
        }

    def _count(self, metric: str, right: bool) -> None:
        self._counted[metric] += 1
        self._right[metric] += right

    def _count_event(self, guess: Event | None, actual: Event) -> None:
        same_step = guess is not None and (guess.kind, guess.line) == (actual.kind, actual.line)
        self._count("action_exact", same_step)
        if actual.kind in ("return", "exception"):
            same = guess is not None and guess.value is not None and same_value(guess.value, actual.value or "None")
            self._count("state_exact", same_step and same)
            return
        names = guess.locals if guess is not None else {}
        values = {name: name in names and same_value(names[name], value) for name, value in actual.locals.items()}
        self._count("key_match", list(names) == list(actual.locals))
        for right in values.values():
            self._count("value_match", right)
        self._count("state_exact", list(names) == list(actual.locals) and all(values.values()))

    def _count_new(self, guess: Event, actual: Event, before: Event) -> None:
        for name, value in guess.locals.items():
            origin = guess.provenance.get(name, "unknown")
            if before.locals.get(name) != value and origin != "unknown":
                self._new[origin] += 1
                self._new_right[origin] += name in actual.locals and same_value(value, actual.locals[name])


def _ends_as(outcome: Outcome, row: Row) -> bool:
    if row.raises is not None:
        return outcome.exception is not None and outcome.exception.type.rpartition(".")[2] == row.raises
    if outcome.kind != "return" or outcome.value is None or row.expected is None:
        return False
    return same_value(outcome.value, _repr_of(row.expected))


def _repr_of(source: str) -> str:
    """The repr of a literal written in any way; the text itself where it is no literal."""
    try:
        return repr(ast.literal_eval(source))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return source


def _ignore() -> None:
    return None
