"""A prediction that is being made, in a thread of its own: its trace as far as it has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from cwm_lsp.dap.backend import Control
from cwm_lsp.errors import Cancelled, UnavailableError, UserError
from cwm_lsp.trace.events import Event, Outcome, Trace

log = logging.getLogger(__name__)

_OFTEN = 0.2
"""Seconds after which it is worth looking at what has come, however little it is."""
_MORE = 1.25
"""How many times as many events are worth looking at sooner."""
_TURN = 0.05
"""Seconds between two looks at whether what is waited for is still wanted."""


class Growing:
    """Makes a trace. What it has of it only ever gets longer."""

    def __init__(
        self, begun: Trace, make: Callable[[Control], Trace], heard: Callable[[Event], object] = lambda _event: None
    ) -> None:
        """`begun` has no events; `make` gives the whole trace, and raises what `Backend.predict` does. `heard` is told
        each event, in the thread that makes it."""
        self._begun = begun
        self._hear = heard
        self._make = make
        self._events: list[Event] = []
        self._last = -1
        """Index of the latest `line` event."""
        self._made: Trace | None = None
        self._problem: Exception | None = None
        self._news = threading.Event()
        self._cancel = threading.Event()
        self._looked, self._known = time.monotonic(), 0
        self._thread = threading.Thread(target=self._run, name="prediction", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._made = self._make(Control(self._heard, self._cancel))
        except Exception as error:  # told by `trace` and `wait`
            if not isinstance(error, Cancelled | UserError | UnavailableError):
                log.error("A prediction failed", exc_info=True)
            self._problem = error
        finally:
            self._news.set()

    def _heard(self, event: Event) -> None:
        self._events.append(event)
        if event.kind == "line":
            self._last = len(self._events) - 1
        self._hear(event)
        self._news.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self._made is not None or self._problem is not None

    @property
    def line(self) -> int:
        """Index of the latest `line` event; -1 if none has come."""
        return self._last

    def cancel(self) -> None:
        """Let nothing more come."""
        self._cancel.set()

    def wait(self, is_enough: Callable[[], bool], cancel: threading.Event, tell: Callable[[int], None]) -> None:
        """Wait until enough has come, or all; `tell` is told now and then how many events there are.

        Raises:
            Cancelled: `cancel` was set; so is the prediction.
            UserError, UnavailableError: nothing has come, and this is why.
        """
        while not (self.is_over or is_enough()):
            self._news.wait(_TURN)
            self._news.clear()
            tell(len(self._events))
            if cancel.is_set():
                self.cancel()
                self._thread.join()
                raise Cancelled
        if self._problem is not None and self._last < 0:
            raise self._problem

    @property
    def is_worth_a_look(self) -> bool:
        """Whether so much has come since it was last asked for that it is worth asking again."""
        if self._last < self._known and not self.is_over:
            return False
        is_much = self._last >= self._known * _MORE
        return self.is_over or is_much or time.monotonic() - self._looked >= _OFTEN

    def trace(self) -> tuple[Trace, bool]:
        """What there is of the trace, and whether that is all. What is not all ends with a `line` event."""
        is_over = self.is_over  # before anything is looked at
        if self._made is not None:
            return self._made, True
        events = tuple(self._events if is_over else self._events[: self._last + 1])
        self._looked, self._known = time.monotonic(), len(events)
        return replace(self._begun, events=events, outcome=Outcome("truncated", detail=self._why())), is_over

    def _why(self) -> str:
        if self._problem is None:
            return "the prediction has come so far"
        if isinstance(self._problem, Cancelled):
            return "the prediction was cancelled"
        if isinstance(self._problem, UserError | UnavailableError):
            return str(self._problem)
        return "the prediction failed, as the log tells"
