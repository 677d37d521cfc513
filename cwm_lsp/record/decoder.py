"""The probe's records become events."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cwm_lsp.trace.events import NOTHING, Event, EventKind, ExceptionInfo, Outcome

_HELD = "."
_KINDS: dict[str, EventKind] = {"r": "return", "e": "exception"}


@contextlib.contextmanager
def many_made() -> Iterator[None]:
    """While many records and events are made, none of which is garbage: to look for it would take as long again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class RecordDecoder:
    """Undoes the differences between records; one decoder reads one trace, in order."""

    def __init__(self) -> None:
        self._scopes: list[_Scope] = []

    def events(self, records: Iterable[list[Any]]) -> Iterator[Event]:
        """The events of records, of which some have none."""
        for record in records:
            event = self.event(record) if record[0] != "end" else None
            if event is not None:
                yield event

    def event(self, record: list[Any]) -> Event | None:
        """The event of a record (see `cwm_lsp.record.probe`); None for an `s`, which has none."""
        kind, depth, line = record[0], record[1], record[2]
        if kind == "l":
            scope = self._scopes[depth]
            if len(record) > 4:
                marks = record[5]
                scope.change(record[3], record[4])
                mark = _mark(marks) if marks else None
                return Event("line", line, depth, scope.name, scope.shown, mark=mark, path=scope.path, held=scope.held)
            if record[3]:
                scope.change(record[3], ())
            return Event("line", line, depth, scope.name, scope.shown, path=scope.path, held=scope.held)
        if kind in ("c", "s"):
            marks = record[5] if len(record) > 5 else NOTHING
            scope = _Scope(record[3], record[4], record[6] if len(record) > 6 else None)
            del self._scopes[depth:]
            # A generator's scope may be entered while no scope around it is active.
            while len(self._scopes) < depth:
                self._scopes.append(_Scope("", {}, None))
            self._scopes.append(scope)
            if kind == "s":
                return None
            mark = _mark(marks) if marks else None
            return Event("call", line, depth, scope.name, scope.shown, mark=mark, path=scope.path, held=scope.held)
        scope = self._scopes[depth]
        mark = (_mark(record[4]) or None) if len(record) > 4 else None
        held = {"value": record[5]} if len(record) > 5 else NOTHING
        return Event(_KINDS[kind], line, depth, scope.name, value=record[3], mark=mark, path=scope.path, held=held)


class _Scope:
    """An activation, and its locals as they were last seen."""

    __slots__ = ("held", "name", "path", "shown")

    def __init__(self, name: str, local: Mapping[str, str], path: str | None) -> None:
        self.name = name
        self.path = path
        self.shown: Mapping[str, str] = NOTHING
        self.held: Mapping[str, str] = NOTHING
        """What is in their values that does not show."""
        self.change(local, ())

    def change(self, changed: Mapping[str, str], gone: Collection[str]) -> None:
        held = {name[:-1]: text for name, text in changed.items() if name.endswith(_HELD)}
        gone_from = {name[:-1] for name in gone if name.endswith(_HELD)}
        if held or gone_from:
            kept = {name: text for name, text in self.held.items() if name not in gone_from}
            self.held = MappingProxyType({**kept, **held})
            changed = {name: text for name, text in changed.items() if not name.endswith(_HELD)}
            gone = [name for name in gone if not name.endswith(_HELD)]
            if not changed and not gone:
                return
        local = {**self.shown, **changed}
        if gone:
            local = {name: text for name, text in self.shown.items() if name not in gone}
            local.update(changed)
        self.shown = MappingProxyType(local)


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
