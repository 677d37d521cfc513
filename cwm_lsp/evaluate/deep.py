"""Threads with a deep stack, one of which is kept for the next evaluation: to make one takes as long as a small call,
and the memory of one that has ended is given back only a moment later."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from cwm_lsp.evaluate.values import Overdue

STACK = 256 * 2**20
"""Bytes of stack; only what is touched is ever used."""
_lock = threading.Lock()
_idle: list[_Worker] = []
"""At most one."""


def run(work: Callable[[], None], then: Callable[[], None]) -> None:
    """Have a thread do something, `then` tell of it once the thread is free again. Neither raises, nor minds to be done
    again: what interrupts an evaluation may arrive when it has just ended."""
    with _lock:
        worker = _idle.pop() if _idle else None
        if worker is None:
            worker = _Worker()
            before = threading.stack_size(STACK)
            try:
                threading.Thread(target=worker.work, name="evaluation", daemon=True).start()
            finally:
                threading.stack_size(before)
        worker.steps += [work, worker.rest, then]
    worker.signal.release()


class _Worker:
    """What one thread does."""

    def __init__(self) -> None:
        self.steps: deque[Callable[[], None]] = deque()
        self.signal = threading.Semaphore(0)
        self._over = False

    def work(self) -> None:
        while self.steps or not self._over:
            with suppress(Overdue):
                while not self.steps:
                    self.signal.acquire()
                self.steps[0]()
                self.steps.popleft()

    def rest(self) -> None:
        """Be free for the next evaluation, or end if another thread is."""
        with _lock:
            if self not in _idle:
                self._over = bool(_idle)
                if not self._over:
                    _idle.append(self)
