"""Open documents, and what is known of the functions in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from lsprotocol import types as lsp

from cwm_lsp.lsp.anchor import Span, TrackedSpans
from cwm_lsp.lsp.checked import Checked
from cwm_lsp.lsp.outline import Entry, Ran
from cwm_lsp.lsp.text import Encoding, Text
from cwm_lsp.lsp.views.reading import LATEST, Place, Selection, ShownTrace, Visit
from cwm_lsp.lsp.views.verdicts import Verdict, verdict
from cwm_lsp.settings import Settings
from cwm_lsp.source.calls import Call
from cwm_lsp.trace.events import Trace

Pin = tuple[str, int]
"""The header of a loop or function: its text, and how many with the same text come before it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """How a debug session stands in a known call."""

    index: int
    """Of the event at which it has stopped, in the whole trace that is shown: what comes after has not run yet."""
    path: str | None
    """The file that it has stopped in, where it is another than the call's."""
    differences: Mapping[str, tuple[str, str]]
    """Name → what was predicted, and what it is."""


@dataclass(slots=True)
class KnownCall:
    """What is known of one call of one function."""

    entry: Entry
    call: Call
    anchor: TrackedSpans
    """The functions that its traces enter. When one of them is edited, nothing of this holds any more."""
    predicted: ShownTrace | None = None
    recorded: ShownTrace | None = None
    """A run of the call, held against the prediction."""
    ran: datetime | None = None
    """When it was run, in UTC."""
    selection: Selection = field(default_factory=dict)
    elsewhere: dict[str, Selection] = field(default_factory=dict)
    """The same in other files that it steps into, by path."""
    stopped: Stopped | None = None
    """Where a debug session stands in it."""
    partial: bool = False
    """It is still being predicted."""
    asked: Call | None = None
    """What was asked about, where other arguments than its made-up ones fit better."""
    is_made_up: bool = False
    """Nobody has asked for the call or written it down: it gives way to any other that comes to the function."""
    problem: str | None = None
    """Why nothing is known, where that is so."""
    visits: dict[int, Visit] = field(default_factory=dict)
    """`reading.visits(selection)`: a view's first question."""
    verdict: Verdict | None = None
    """Whether the call does what is expected of it, where that is known."""
    pins: dict[Pin, int] = field(default_factory=dict)
    """Iterations that the user has gone to, which stay through edits; shared by all that is known of the function."""
    is_other_call: bool = False
    """A debug session is in another call of the function: what is known of this one is not shown."""

    @property
    def reading(self) -> ShownTrace | None:
        """What is shown: how it was, if that is known, else how it will likely be."""
        return self.recorded or self.predicted

    def depends_on(self, path: str) -> bool:
        """Whether another file, or what its folder holds, counts in the prediction."""
        reads = self.predicted.trace.reads if self.predicted is not None else ()
        return path in reads or str(PurePath(path).parent) in reads

    def show_pinned(self) -> None:
        """Look at the iterations that are pinned, and else at the latest."""
        pins = self._pin_of_line() if self.pins else {}
        self.show({line: self.pins[pin] for line, pin in pins.items() if pin in self.pins})

    def reading_in(self, path: str | None) -> ShownTrace | None:
        """What is shown of it in another file; with None in its own."""
        if path is None or self.reading is None:
            return self.reading
        return self.reading.whole.elsewhere.get(path) if self.reading.whole is not None else None

    def selection_in(self, path: str | None) -> Selection:
        """The iterations that are looked at in another file; with None in its own."""
        return self.selection if path is None else self.elsewhere.get(path, LATEST)

    def visits_in(self, path: str | None) -> Mapping[int, Visit]:
        """`visits` in another file; with None in its own."""
        if path is None:
            return self.visits
        reading = self.reading_in(path)
        return self._corrected(reading.visits(self.selection_in(path)), path) if reading is not None else {}

    def go(self, place: Place, number: int, path: str | None = None) -> None:
        """Look at another iteration of a loop or call, and stay with it; the last one is shown by itself. In another
        file, of that `path`, it is stayed with until something else is looked at."""
        if path is not None:
            self.elsewhere[path] = {**self.selection_in(path), place.line: number}
            return
        pin = self._pin_of_line().get(place.line)
        if pin is not None and number < place.count:
            self.pins[pin] = number
        elif pin is not None:
            self.pins.pop(pin, None)
        self.show({**self.selection, place.line: number})

    def _pin_of_line(self) -> dict[int, Pin]:
        """By line, how the headers of loops and functions are known again in a newer text."""
        if self.reading is None:
            return {}
        trace, loops = self.reading.trace, self.reading.shape.loops
        lines = trace.source.split("\n")
        headers = {loop.header for loop in loops} | {event.line for event in trace.events if event.kind == "call"}
        result: dict[int, Pin] = {}
        seen: Counter[str] = Counter()
        for line in sorted(headers):
            text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
            result[line] = text, seen[text]
            seen[text] += 1
        return result

    def show(self, selection: Selection) -> None:
        """Look at other iterations."""
        self.selection = selection
        self.elsewhere = {}
        self.stopped = None
        self.visits = self.reading.visits(selection) if self.reading else {}
        expectation = self.entry.expected.get(self.call.expression)
        self.verdict = None
        if self.reading is not None and expectation is not None and not self.partial:
            self.verdict = verdict(self.reading, expectation)

    def look(self, index: int) -> bool:
        """Look at it as of an event of its whole trace: in that iteration, in that call. Gives whether this has changed
        anything."""
        assert self.reading is not None
        whole = self.reading.whole
        selection = self.reading.as_of(index if whole is None else whole.within(index))
        others: dict[str, Selection] = {}
        path = None if whole is None else whole.trace.events[index].path
        if whole is not None and path is not None and path in whole.elsewhere:
            others = {path: whole.elsewhere[path].as_of(whole.within(index, path))}
        if (selection, others) == (self.selection, self.elsewhere):
            return False
        self.show(selection)
        self.elsewhere = others
        return True

    def stop(self, stopped: Stopped) -> None:
        """A debug session has stopped in the call: it is looked at as of there, with what the debugger has seen."""
        assert self.reading is not None
        self.look(stopped.index)
        self.stopped = stopped
        self.visits = self._corrected(self.reading.visits(self.selection), None)

    def _corrected(self, visits: dict[int, Visit], path: str | None) -> dict[int, Visit]:
        """Of the file where a debug session stands, what has run with the values that it has seen."""
        stopped = self.stopped
        if stopped is None or stopped.path != path:
            return visits
        whole = self.reading.whole if self.reading is not None else None
        index = stopped.index if whole is None else whole.within(stopped.index, path)
        return {
            line: visit.corrected(stopped.differences) if visit.index < index else visit
            for line, visit in visits.items()
        }


class Document:
    """One open Python file."""

    def __init__(
        self, uri: str, path: str, text: str, version: int | None, encoding: Encoding, settings: Settings
    ) -> None:
        self.uri = uri
        self.path = path
        self.text = Text(text, encoding)
        self.version = version
        self.settings = settings
        self.revision = 0
        """How often the text has changed."""
        self.entries: list[Entry] = []
        """The functions, as of `outlined`."""
        self.error: str | None = None
        """Why the text does not parse as a whole: `line 3: '(' was never closed`."""
        self.broken: Mapping[str, str] = {}
        """Functions that do not parse, and why."""
        self.refused: tuple[int, int, str] | None = None
        """A run was refused: the revision, the 0-based line that is to blame, and what to say there."""
        self.outlined = -1
        """The revision that `entries` were made of."""
        self.anchor = TrackedSpans(())
        """Where those functions are now."""
        self.known: dict[str, KnownCall] = {}
        """By qualified name; the latest last."""
        self.checked = Checked()
        """How its tests will end, and which calls crash its functions."""
        self.repairs: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        """By qualified name, the text of which edits were found, and the edits: `title`, `text`, `preferred`."""
        self.chosen: dict[str, Call] = {}
        """Calls that the user has chosen, by qualified name."""
        self.pins: dict[str, dict[Pin, int]] = {}
        """By qualified name, the iterations that the user has gone to."""
        self.pinned: dict[str, list[str]] = {}
        """By qualified name, the expressions that the user wants to see beside the lines."""
        self.cursor: int | None = None
        """The 0-based line that the user is at, where the editor tells it (`cwm/cursor`)."""
        self.view = range(0)
        """The lines that the editor shows."""
        self.pending: dict[str, TrackedSpans] = {}
        """By qualified name, what is being worked at: all functions, as it is not known yet which the trace enters."""

    def edit(self, changes: list[lsp.TextDocumentContentChangeEvent], version: int | None) -> bool:
        """Apply edits; what they touch is no longer known. True if anything has changed."""
        self.version = version
        before = self.revision
        for change in changes:
            edit = self.text.apply(change)
            if edit.changes_nothing:
                continue
            self.revision += 1
            for anchor in (self.anchor, *self.pending.values(), *(known.anchor for known in self.known.values())):
                anchor.follow(edit)
            self.checked.follow(edit)
        self.known = {name: known for name, known in self.known.items() if known.anchor.alive}
        return self.revision != before

    def outline(self, entries: list[Entry], error: str | None, broken: Mapping[str, str]) -> None:
        """Take note of the functions in the text as it is now, and of what does not parse in it."""
        self.entries = entries
        self.error, self.broken = error, broken
        self.outlined = self.revision
        self.anchor = self.new_anchor()

    def refuse(self, message: str) -> None:
        """A run is refused for what does not parse; that is told where it is, until the text changes."""
        match = re.match(r"line (\d+)", self.error or "")
        self.refused = self.revision, int(match[1]) - 1 if match else 0, message

    def new_anchor(self) -> TrackedSpans:
        """All functions, followed from now on. The outline must be up to date."""
        return TrackedSpans((entry.first_line, entry.last_line) for entry in self.entries)

    def entry_at(self, line: int) -> Entry | None:
        """The function around a 0-based line; of one inside another function, the outer one, which can be called."""
        around = [
            entry
            for entry in self.entries
            if entry.is_callable and (span := self._span(entry)) is not None and line in span.now
        ]
        return min(around, key=lambda entry: entry.last_line - entry.first_line, default=None)

    @property
    def entry_at_cursor(self) -> Entry | None:
        """The function that the user is in, where the editor tells that."""
        return None if self.cursor is None else self.entry_at(self.cursor)

    def is_in_view(self, entry: Entry) -> bool:
        """Whether the editor shows some of a function."""
        span = self._span(entry)
        return span is not None and span.now.start < self.view.stop and self.view.start < span.now.stop

    def entry_named(self, qualname: str) -> Entry | None:
        """The function of that name; the last one, as a later definition hides an earlier one."""
        return next((entry for entry in reversed(self.entries) if entry.qualname == qualname), None)

    def call_of(self, entry: Entry) -> Call | None:
        """The call in use."""
        return self.chosen.get(entry.qualname) or next(iter(entry.calls), None)

    def ran(self, function: Entry, call: Call, when: datetime) -> None:
        """A call of a function, as its text is now, has been run: the next outline finds that among what is kept."""
        run = Ran(when.isoformat(timespec="seconds"), True)
        self.entries = [
            replace(one, runs={**one.runs, call.expression: run}) if one.qualname == function.qualname else one
            for one in self.entries
        ]

    def set_aside(self, qualname: str, call: Call) -> bool:
        """Offer a call no more; gives whether the function has another one."""
        for number, entry in enumerate(self.entries):
            if entry.qualname == qualname and call in entry.calls:
                self.entries[number] = replace(entry, calls=tuple(one for one in entry.calls if one != call))
                return self.call_of(self.entries[number]) not in (None, call)
        return False

    def written_at(self, known: KnownCall, line: int) -> int | None:
        """The 0-based line where a 1-based line is now that `known.entry` names; None if that is not sure."""
        inside = known.anchor.at(line)
        if inside is not None:
            return inside
        entry = self.entry_named(known.entry.qualname)
        is_current = self.outlined == self.revision and entry is not None and entry.expected == known.entry.expected
        return line - 1 if is_current else None

    def line_that_names(self, name: str, line: int) -> int | None:
        """The 0-based line of a 1-based line of the file as it was on disk, if it is still about that name."""
        return line - 1 if name in self.text.line(line - 1) else None

    def _span(self, entry: Entry) -> Span | None:
        extent = (entry.first_line, entry.last_line)
        return next((span for span in self.anchor.spans if (span.first, span.last) == extent), None)


def moved(trace: Trace, anchor: TrackedSpans, source: str) -> Trace:
    """A trace with its lines where they are in a newer text, which has changed elsewhere only."""
    events = [
        event if event.path is not None else replace(event, line=(anchor.at(event.line) or 0) + 1)
        for event in trace.events
    ]
    return replace(trace, source=source, events=tuple(events))
