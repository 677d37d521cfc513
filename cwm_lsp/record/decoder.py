"""The probe's records become events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cwm_lsp.trace.events import NOTHING, Event, EventKind, ExceptionInfo, Outcome

_KINDS: dict[str, EventKind] = {"c": "call", "l": "line", "r": "return", "e": "exception"}


class RecordDecoder:
    """Undoes the differences between records; one decoder reads one trace, in order."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._locals: list[dict[str, str]] = []
        self._paths: list[str | None] = []

    def events(self, records: Iterable[list[Any]]) -> Iterator[Event]:
        """The events of records, of which some have none."""
        for record in records:
            event = self.event(record) if record[0] != "end" else None
            if event is not None:
                yield event

    def event(self, record: list[Any]) -> Event | None:
        """The event of a record (see `cwm_lsp.record.probe`); None for an `s`, which has none."""
        kind, depth, line = record[0], record[1], record[2]
        marks: Mapping[str, str]
        if kind in ("c", "s"):
            del self._names[depth:], self._locals[depth:], self._paths[depth:]
            # A generator's scope may be entered while no scope around it is active.
            while len(self._names) < depth:
                self._names.append("")
                self._locals.append({})
                self._paths.append(None)
            self._names.append(record[3])
            local = record[4]
            self._locals.append(local)
            marks = record[5] if len(record) > 5 else NOTHING
            self._paths.append(record[6] if len(record) > 6 else None)
            if kind == "s":
                return None
        elif kind == "l":
            local = {**self._locals[depth], **record[3]} if record[3] else self._locals[depth]
            marks = NOTHING
            if len(record) > 4:
                gone, marks = record[4], record[5]
                local = {name: text for name, text in local.items() if name not in gone}
                local.update(record[3])
            self._locals[depth] = local
        else:
            marks = record[4] if len(record) > 4 else NOTHING
            return Event(
                _KINDS[kind],
                line,
                depth,
                self._names[depth],
                value=record[3],
                mark=_mark(marks) if marks else None,
                path=self._paths[depth],
            )
        return Event(
            _KINDS[kind],
            line,
            depth,
            self._names[depth],
            MappingProxyType(local),
            mark=_mark(marks) if marks else None,
            path=self._paths[depth],
        )


def _mark(marks: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {mark}" for name, mark in marks.items())


def outcome(end: Mapping[str, Any]) -> Outcome:
    """The outcome that an `end` record tells."""
    detail = end.get("detail")
    if end["threads"]:
        others = "other threads ran meanwhile, not recorded: " + ", ".join(end["threads"])
        detail = f"{detail}; {others}" if detail else others
    if end["kind"] == "exception":
        raised = ExceptionInfo(end["type"], end["message"], end["line"])
        return Outcome("exception", exception=raised, detail=detail)
    return Outcome(end["kind"], end.get("value"), detail=detail)
