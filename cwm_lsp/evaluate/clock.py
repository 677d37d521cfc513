"""Time as evaluations are limited in it: that of the processor, which does not pass while something else runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

Clock = Callable[[], float]
"""Seconds that have been worked since some moment; any thread may ask."""


def not_begun() -> float:
    """The clock of a thread that does not work yet."""
    return 0.0


if hasattr(time, "pthread_getcpuclockid"):

    def of_this_thread() -> Clock:
        """The clock of the thread that calls this, as long as it lives."""
        return partial(time.clock_gettime, time.pthread_getcpuclockid(threading.get_ident()))

else:  # macOS, Windows: others cannot ask for one thread's time

    def of_this_thread() -> Clock:
        """The clock of all threads of this process."""
        return time.process_time
