"""What is being done for the user: one registry of predicting, running and the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

log = logging.getLogger(__name__)
Result = TypeVar("Result")

_VERBS = {
    "predict": "predicting", "run": "running", "surprise": "reading the run of", "sweep": "looking at",
    "repair": "mending",
}  # fmt: skip


class Jobs:
    """Running jobs by key, at most one each: a new job of the same key cancels the old one."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    def start(self, key: Hashable, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Start work at once."""
        self.cancel(lambda other: other == key)
        task = asyncio.ensure_future(work)
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))
        return task

    @property
    def keys(self) -> list[Any]:
        """Of the jobs that are running."""
        return list(self._tasks)

    @property
    def doing(self) -> list[str]:
        """What is being done, for a person to read."""
        keys = [key for key in self._tasks if isinstance(key, tuple) and key[0] in _VERBS]
        return [f"{_VERBS[key[0]]} {key[2] if len(key) > 2 else 'the file'}" for key in keys]

    def has(self, key: Hashable) -> bool:
        """Whether a job of that key is running."""
        return key in self._tasks

    def cancel(self, which: Callable[[Any], bool] = lambda _key: True) -> int:
        """Cancel the jobs whose key is chosen; gives how many."""
        chosen = [key for key in self._tasks if which(key)]
        for key in chosen:
            self._tasks.pop(key).cancel()
        return len(chosen)

    def cancel_for(self, uri: str | None = None, name: str | None = None) -> int:
        """Cancel what is being done in a document, or for one function of it, or everywhere; gives how many jobs."""
        return self.cancel(
            lambda key: uri is None or (key[1] == uri and (name is None or key[0] == "sweep" or key[-1] == name))
        )

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]


def log_fault(task: asyncio.Task[Any]) -> None:
    """What a job that nobody waits for ends with."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a job failed", exc_info=error)
