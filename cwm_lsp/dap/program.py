"""A call being debugged: its trace, where in it the session is, and what has been changed on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from os.path import normcase, normpath
from pathlib import Path

from cwm_lsp.dap.backend import Backend, Control
from cwm_lsp.dap.protocol import Refused, Source
from cwm_lsp.dap.variables import NOT_KNOWN
from cwm_lsp.dap.walk import Walk
from cwm_lsp.source.flow import Flow
from cwm_lsp.trace.events import Event, Provenance, Trace
from cwm_lsp.trace.interventions import NOT_SEEN, Change, Look, Looked


def absolute(path: str) -> str:
    """A path that does not depend on the working folder."""
    return normpath(Path(path).absolute())


def normal(path: str) -> str:
    """A path in the one form in which paths are compared."""
    return normcase(absolute(path))


class Program:
    """A predicted or recorded call."""

    def __init__(self, trace: Trace, backend: Backend) -> None:
        self._backend = backend
        self._original = trace
        self.path = absolute(trace.path)
        self._place = normal(self.path)
        self.changes: tuple[Change, ...] = ()
        """Made on the way so far, in the order of steps; the latest fork has them all."""
        self._take(trace)
        self.at = self.walk.start
        """The event that it is stopped at."""

    def _take(self, trace: Trace) -> None:
        self.trace = trace
        self.walk = Walk(trace)
        self._seen: dict[Look, Looked] = {}
        self._changed: dict[int, Event] = {}
        """States of callers that a fork has changed, by their index."""
        self.visits: dict[tuple[str, int], list[int]] = defaultdict(list)
        """The `line` events at each line of each file."""
        for index, event in enumerate(trace.events):
            if event.kind == "line":
                self.visits[self.place_of(event), event.line].append(index)

    @property
    def event(self) -> Event:
        """The event that it is stopped at."""
        return self.walk.events[self.at]

    @property
    def is_recorded(self) -> bool:
        """Whether it has really happened."""
        return self.trace.origin == "recorded"

    def path_of(self, event: Event) -> str:
        """The file that an event is in."""
        return event.path or self.path

    def source(self, event: Event) -> Source:
        """The same as the protocol has it."""
        path = self.path_of(event)
        return {"name": Path(path).name, "path": path}

    def place_of(self, event: Event) -> str:
        """The same in the form in which paths are compared."""
        return self._place if event.path is None else normal(event.path)

    @cached_property
    def _own_lines(self) -> set[int]:
        return {line for scope in Flow.of(self._original.source).scopes for line in scope.lines}

    def lines_of(self, path: str) -> set[int]:
        """The lines of a file that can be stopped at: those with code, or in another file those that are come to."""
        return {line for place, line in self.visits if place == path} | (
            self._own_lines if path == self._place else set()
        )

    def state(self, index: int) -> Event:
        """The event that has the locals as they are known at an event."""
        shown = self.walk.shown(index)
        if self.changes and shown in self._changed and self.at >= self.changes[-1].step:
            return self._changed[shown]
        return self.walk.events[shown]

    def index_of(self, frame: int) -> int:
        """The event that a frame of the stack is at.

        Raises:
            Refused: there is no such frame.
        """
        if not 1 <= frame <= len(self.walk.events):
            raise Refused(f"there is no frame {frame}")
        return frame - 1

    def ending(self) -> str:
        """How the call ends, or why the steps do."""
        outcome = self.trace.outcome
        if outcome.cut is not None:
            return outcome.cut
        if outcome.kind == "return":
            return f"{self.trace.call} returns {NOT_KNOWN if outcome.value is None else outcome.value}"
        if outcome.exception is not None:
            return f"{outcome.exception.type}: {outcome.exception.message}"
        return outcome.detail or (f"the call {outcome.loop}" if outcome.loop else "the steps end here")

    def look(self, looks: Sequence[Look]) -> list[Looked]:
        """What comes of looks; each is done once."""
        new = sorted({look for look in looks if look not in self._seen}, key=lambda look: look.step)
        if new:
            found = self._backend.look(self.trace, self.changes, new)
            self._seen.update(zip(new, found, strict=True))
        return [self._seen.get(look, NOT_SEEN) for look in looks]

    def fork(self, depth: int, target: str, value: str, control: Control) -> None:
        """Give a variable, or a part of one, of a scope on the stack another value here; what comes after is anew.

        Changes that were made further on are given up.

        Raises:
            Refused: that cannot be done.
        """
        if self.is_recorded:
            raise Refused("this run has happened: nothing of it can be changed")
        if self.event.kind != "line":
            raise Refused("nothing comes after this, so there is nothing to be changed")
        change = Change(self.at, depth, target, value)
        changes = (*(one for one in self.changes if one.step <= self.at), change)
        trace = self._backend.fork(self._original, changes, control)
        if len(trace.events) <= self.at:
            raise Refused(trace.outcome.detail or f"{target} cannot be set here")
        self.changes = changes
        self._take(trace)
        self._look_at_callers()

    def _look_at_callers(self) -> None:
        """Their states were shown before the change, which they may have seen nevertheless."""
        callers = self.walk.stack(self.at)[1:]
        for caller in callers:
            state = self.walk.events[self.walk.shown(caller)]
            names = [name for name in state.locals if name.isidentifier()]
            found = self.look([Look(self.at, state.depth, name) for name in names])
            texts = {name: one.text for name, one in zip(names, found, strict=True)}
            anew = {name: text for name, text in texts.items() if text is not None and text != state.locals[name]}
            if anew:
                origins = {name: self._origin(state, name) for name in anew}
                self._changed[self.walk.shown(caller)] = replace(
                    state, locals={**state.locals, **anew}, provenance={**state.provenance, **origins}
                )

    def _origin(self, state: Event, name: str) -> Provenance:
        latest = self.changes[-1]
        return "given" if (latest.depth, latest.target) == (state.depth, name) else "computed"
