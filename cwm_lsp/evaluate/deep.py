"""Threads with a deep stack, one of which is kept for the next evaluation: to make one takes as long as a small call,
and the memory of one that has ended is given back only a moment later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

STACK = 256 * 2**20
"""Bytes of stack; only what is touched is ever used."""
_lock = threading.Lock()
_idle: list[_Worker] = []
"""At most one."""


def run(work: Callable[[], None], then: Callable[[], None]) -> None:
    """Have a thread do something that raises nothing, and tell of it once the thread is free again."""
    with _lock:
        worker = _idle.pop() if _idle else None
        if worker is None:
            worker = _Worker()
            before = threading.stack_size(STACK)
            try:
                threading.Thread(target=worker.work, name="evaluation", daemon=True).start()
            finally:
                threading.stack_size(before)
    worker.todo.put((work, then))


class _Worker:
    """What one thread does."""

    def __init__(self) -> None:
        self.todo: SimpleQueue[tuple[Callable[[], None], Callable[[], None]]] = SimpleQueue()

    def work(self) -> None:
        while True:
            work, then = self.todo.get()
            work()
            with _lock:
                stays = not _idle
                if stays:
                    _idle.append(self)
            then()
            if not stays:
                return
            del work, then  # and what they hold on to
