"""What a session knows, whatever request is being answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cwm_lsp.dap.backend import Backend
from cwm_lsp.dap.breakpoints import Breakpoints
from cwm_lsp.dap.growing import Growing
from cwm_lsp.dap.program import Program, Waiting
from cwm_lsp.dap.protocol import THREAD, Body, Breakpoint, Reason, Refused, Stopped
from cwm_lsp.dap.stops import Filters, Stops
from cwm_lsp.dap.variables import Variables
from cwm_lsp.dap.walk import Walk
from cwm_lsp.errors import Cancelled

_MOMENT, _OFTEN = 0.5, 0.2
"""Seconds before it is told how far some work is, and between two times."""


class Progress:
    """How far some work is, as the client shows it."""

    def __init__(self, state: State, title: str, number: str) -> None:
        self._state = state
        self._title = title
        self._number = number
        self._began = time.monotonic()
        self._shown = 0.0

    def tell(self, steps: int) -> None:
        """So many steps are known."""
        now = time.monotonic()
        if not self._state.has_progress or now - self._began < _MOMENT or now - self._shown < _OFTEN:
            return
        message = f"{steps:,} steps"
        if self._shown:
            self._state.tell_now("progressUpdate", {"progressId": self._number, "message": message})
        else:
            start = {"progressId": self._number, "title": self._title, "cancellable": True, "message": message}
            self._state.tell_now("progressStart", start)
        self._shown = now

    def end(self) -> None:
        """It is done."""
        if self._shown:
            self._state.tell_now("progressEnd", {"progressId": self._number})


@dataclass(slots=True)
class Over:
    """A step over the calls of a line that waits for their steps."""

    line: int
    """The event that is the visit of the line."""
    since: float
    """When it began to wait, by the clock that only goes forward."""
    known: int
    """How many events were known then."""


@dataclass(slots=True)
class Going:
    """A way through a program: as far as it is known it is gone at once, the rest as it comes."""

    target: Callable[[Walk], int]
    """Where it leads."""
    at: int
    """The event that comes next on it."""
    direction: int
    """1 forward, -1 back."""
    progress: Progress
    over: Over | None = None
    """Where it is a step over the calls of a line."""


@dataclass(slots=True)
class State:
    """That of one client's session. A message that is told follows the response that is being made."""

    backend: Backend
    tell: Callable[[str, Body | None], None]
    """Sends an event once the response has gone."""
    tell_now: Callable[[str, Body], None]
    """Sends an event at once."""
    cancel: threading.Event = field(default_factory=threading.Event)
    """What is under way is not wanted any more."""
    first_line: int = 1
    first_column: int = 1
    has_progress: bool = False
    """The client shows how far some work is."""
    has_invalidated: bool = False
    """The client asks anew when it is told so."""
    progress: int = 0
    """How many works there have been."""
    program: Program | None = None
    launched: Body = field(default_factory=dict)
    """The latest arguments of `launch`."""
    is_configured: bool = False
    breakpoints: Breakpoints = field(default_factory=Breakpoints)
    told: dict[int, Breakpoint] = field(default_factory=dict)
    """Breakpoints as the client knows them, by number."""
    filters: Filters = field(default_factory=Filters)
    variables: Variables = field(default_factory=Variables)
    """What has been shown since the last stop."""
    stops: Stops | None = None
    """Where the program stops; None: to be found out."""
    going: Going | None = None
    """The way that is gone; None: it is stopped."""

    def line(self, line: int) -> int:
        """A line as the client counts."""
        return max(0, line - 1 + self.first_line)

    def stops_of(self, program: Program) -> Stops:
        """Where a program stops."""
        if self.stops is None:
            self.stops = Stops(program, list(self.breakpoints), self.filters)
        return self.stops

    def stop(self, program: Program, index: int, reason: Reason, numbers: list[int], text: str | None) -> None:
        """It has stopped at an event."""
        program.at = index
        self.variables = Variables(self.variables.latest)
        stopped: Stopped = {"reason": reason, "threadId": THREAD, "allThreadsStopped": True}
        if program.is_end(index):
            stopped["description"] = "The end of the run" if program.is_recorded else "The end of the prediction"
            stopped["text"] = program.ending()
        elif text is not None:
            stopped["text"] = text
        if numbers:
            stopped["hitBreakpointIds"] = numbers
        self.tell("stopped", stopped)

    def begun(self, title: str) -> Progress:
        """Some work that the client is told of, if it takes more than a moment."""
        self.progress += 1
        return Progress(self, title, str(self.progress))

    @contextmanager
    def waiting(self, title: str) -> Iterator[Waiting]:
        """Some work that the session waits for: the client is told how far it is, and may cancel it.

        Raises:
            Refused: it was cancelled.
        """
        progress = self.begun(title)

        def wait(growing: Growing, is_enough: Callable[[], bool]) -> None:
            growing.wait(is_enough, self.cancel, progress.tell)

        self.cancel.clear()
        try:
            yield wait
        except Cancelled:
            raise Refused(f"{title.lower()} was cancelled") from None
        finally:
            progress.end()


Handler = Callable[[State, Body, Program], Body | None]
"""Answers a request about a program."""
