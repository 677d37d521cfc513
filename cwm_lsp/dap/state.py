"""What a session knows, whatever request is being answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cwm_lsp.dap.backend import Backend, Control
from cwm_lsp.dap.breakpoints import Breakpoints
from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import THREAD, Body, Reason, Refused, Stopped
from cwm_lsp.dap.stops import Filters, Stops
from cwm_lsp.dap.variables import Variables
from cwm_lsp.errors import Cancelled

_MOMENT, _OFTEN = 0.5, 0.2
"""Seconds before it is told how far some work is, and between two times."""


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
    filters: Filters = field(default_factory=Filters)
    variables: Variables = field(default_factory=Variables)
    """What has been shown since the last stop."""
    stops: Stops | None = None
    """Where the program stops; None: to be found out."""

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
        self.variables = Variables()
        stopped: Stopped = {"reason": reason, "threadId": THREAD, "allThreadsStopped": True}
        if index == program.walk.end:
            stopped["description"] = "The end of the run" if program.is_recorded else "The end of the prediction"
            stopped["text"] = program.ending()
        elif text is not None:
            stopped["text"] = text
        if numbers:
            stopped["hitBreakpointIds"] = numbers
        self.tell("stopped", stopped)

    @contextmanager
    def working(self, title: str) -> Iterator[Control]:
        """Some work: if it takes more than a moment, the client is told how far it is, and may cancel it."""
        self.progress += 1
        number, began, shown, events = str(self.progress), time.monotonic(), 0.0, 0

        def advance() -> None:
            nonlocal shown, events
            events += 1
            now = time.monotonic()
            if not self.has_progress or now - began < _MOMENT or now - shown < _OFTEN:
                return
            message = f"{events:,} steps"
            if shown:
                self.tell_now("progressUpdate", {"progressId": number, "message": message})
            else:
                start = {"progressId": number, "title": title, "cancellable": True, "message": message}
                self.tell_now("progressStart", start)
            shown = now

        self.cancel.clear()
        try:
            yield Control(advance, self.cancel)
        except Cancelled:
            raise Refused(f"{title.lower()} was cancelled") from None
        finally:
            if shown:
                self.tell_now("progressEnd", {"progressId": number})


Handler = Callable[[State, Body, Program], Body | None]
"""Answers a request about a program."""
