"""asyncio on a virtual clock: the event loop, and what of asyncio a program may use.

Futures, tasks, locks and queues are the library's own, and so is the order in which its event loop runs what is ready.
Only time is ours: where nothing is ready, the clock jumps to the next timer. What hangs on how fast a program runs, on
threads, sockets or processes is not known.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.values import INTERNAL, GaveUp

if TYPE_CHECKING:
    from cwm_lsp.evaluate.coroutines import Suspender
    from cwm_lsp.evaluate.versions import Dialect

TOGETHER = 1e-4
"""Seconds between timers of one turn that a real loop finds due at the same time."""
NEAR = 5e-3
"""Seconds between timers below which their order, or whether they are due together, hangs on how fast a program is."""
TURN = 5e-4
"""Seconds that one turn of a real loop may take."""


class Selector:
    """What the event loop waits with."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self.loop.wait(timeout)
        return []


class Loop(asyncio.BaseEventLoop):
    """The library's event loop, whose clock is not that of the real world."""

    def __init__(self, suspension: Suspender, names: Iterator[int]) -> None:
        self._selector = Selector(self)
        self.now = 0.0
        super().__init__()
        self.runtime = suspension.runtime
        self.suspension = suspension
        self.names = names
        self.turn = 0
        self.jumped = 0
        """The turn at which the clock jumped last."""
        self.turns: dict[int, int] = {}
        """At which turn each timer was set, by identity."""

    def time(self) -> float:
        self.now += 1e-9
        return self.now

    def wait(self, timeout: float | None) -> None:
        """A turn of the loop: wait for the next timer where nothing is ready."""
        runtime = self.runtime
        if runtime.doomed is not None or runtime.left is not None:
            raise GaveUp(runtime.doomed or "the call is over")
        runtime.tick()
        self.turn += 1
        timers = sorted(timer.when() for timer in self._scheduled if not timer.cancelled())  # type: ignore[attr-defined]
        if timeout is None:
            self.suspension.give_up("nothing is left that the event loop could go on with")
            raise GaveUp(runtime.doomed)
        if not timers:
            return
        if timeout > 0:
            self.check_order()
            self.now = max(self.now, self.now + math.ceil(timeout * 1e3) * 1e-3)
            self.jumped = self.turn
        elif timers[0] - self.now < (self.turn - self.jumped) * TURN:
            runtime.taint()

    def check_order(self) -> None:
        """Whether the timers that are due next are so in every run."""
        timers = [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        first = min(timers)
        for timer in timers:
            apart = timer.when() - first.when()
            same_turn = self.turns[id(timer)] == self.turns[id(first)]
            if apart < NEAR and not (same_turn and apart < TOGETHER):
                self.runtime.taint()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self.turns[id(timer)] = self.turn
        return timer

    def create_task(self, coro: Any, *, name: Any = None, **options: Any) -> asyncio.Task[Any]:
        return super().create_task(coro, name=name or f"Task-{next(self.names)}", **options)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, INTERNAL):
            if "handle" in context:
                raise error
            return  # what is left of a task goes
        if self.get_exception_handler() is not None:
            super().call_exception_handler(context)

    def _write_to_self(self) -> None:
        """There is no other thread to be woken."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def __del__(self) -> None:
        """A loop that was not closed holds nothing."""


Loop.__name__ = Loop.__qualname__ = "_UnixSelectorEventLoop" if os.name == "posix" else "ProactorEventLoop"


if sys.version_info >= (3, 11):

    class TaskGroup(asyncio.TaskGroup):
        """The library's group of tasks, which it cancels in an order that differs from run to run."""

        def _abort(self) -> None:
            loop = self._loop  # type: ignore[attr-defined]
            dialect = loop.runtime.dialect
            if dialect is not None and any(map(dialect.is_between, ((3, 12), (3, 13)))):
                loop.runtime.taint()
            if sum(not task.done() for task in self._tasks) > 1:  # type: ignore[attr-defined]
                loop.runtime.taint()
            super()._abort()  # type: ignore[misc]

    TaskGroup.__module__, TaskGroup.__qualname__ = asyncio.TaskGroup.__module__, "TaskGroup"


def _type_of(name: str) -> Any:
    return getattr(asyncio, name, None)


NAMES = """
ALL_COMPLETED Barrier BoundedSemaphore BrokenBarrierError CancelledError Condition Event FIRST_COMPLETED FIRST_EXCEPTION
Future InvalidStateError LifoQueue Lock PriorityQueue Queue QueueEmpty QueueFull Runner Semaphore Task TaskGroup
TimeoutError all_tasks as_completed create_task current_task ensure_future gather get_event_loop get_running_loop
iscoroutine iscoroutinefunction isfuture new_event_loop run set_event_loop shield sleep timeout timeout_at wait wait_for
"""
"""What a program may use of asyncio."""
MEMBERS: dict[str, Any] = {name: getattr(asyncio, name) for name in NAMES.split() if hasattr(asyncio, name)}
if sys.version_info >= (3, 11):
    MEMBERS["TaskGroup"] = TaskGroup
CLASSES = "Future Lock Event Condition Semaphore BoundedSemaphore Barrier Queue LifoQueue PriorityQueue TaskGroup"
PLAIN: tuple[Any, ...] = tuple(
    value
    for name, value in MEMBERS.items()
    if callable(value) and (name in CLASSES.split() or not isinstance(value, type))
)
FUTURE = (
    "add_done_callback cancel cancelled done exception get_loop remove_done_callback result set_exception set_result"
)
TASK = f"{FUTURE} cancelling get_coro get_name set_name uncancel"
QUEUE = "empty full get get_nowait join put put_nowait qsize task_done"
LOCK = "acquire locked release"
HANDLE = "cancel cancelled"
METHODS: dict[Any, str] = {
    asyncio.Future: FUTURE,
    asyncio.Task: TASK,
    asyncio.Lock: LOCK,
    asyncio.Semaphore: LOCK,
    asyncio.BoundedSemaphore: LOCK,
    asyncio.Event: "clear is_set set wait",
    asyncio.Condition: f"{LOCK} notify notify_all wait wait_for",
    asyncio.Queue: QUEUE,
    asyncio.LifoQueue: QUEUE,
    asyncio.PriorityQueue: QUEUE,
    asyncio.Handle: HANDLE,
    asyncio.TimerHandle: HANDLE,
    Loop: "call_at call_later call_soon close create_future create_task get_debug get_exception_handler is_closed "
    "is_running run_forever run_until_complete set_exception_handler shutdown_asyncgens stop",
    contextvars.ContextVar: "get reset set",
    contextvars.Context: "copy get items keys run values",
    contextvars.Token: "",
}
METHODS |= {
    kind: names
    for kind, names in (
        (getattr(asyncio.tasks, "_GatheringFuture", None), FUTURE),
        (_type_of("Barrier"), "abort reset wait"),
        (MEMBERS.get("TaskGroup"), "create_task"),
        (_type_of("Timeout"), "expired"),
        (_type_of("Runner"), "close get_loop run"),
    )
    if kind is not None
}
"""Methods of its classes that a program may call."""
ATTRIBUTES: dict[Any, str] = {
    asyncio.Queue: "maxsize",
    asyncio.LifoQueue: "maxsize",
    asyncio.PriorityQueue: "maxsize",
    contextvars.ContextVar: "name",
    contextvars.Token: "MISSING old_value var",
}
if sys.version_info >= (3, 11):
    ATTRIBUTES[asyncio.Barrier] = "broken n_waiting parties"
CLOCKED: frozenset[Any] = frozenset({asyncio.TimerHandle, _type_of("Timeout")} - {None})
"""Types whose repr tells the time of the clock."""

MANAGERS: frozenset[Any] = frozenset({_type_of("Runner")} - {None})
"""Context managers that a program may enter."""


def shows_otherwise(value: Any, text: str, dialect: Dialect) -> bool:
    """Whether the repr of a future is another one there: from 3.13 on it tells no arguments of its callbacks."""
    return isinstance(value, asyncio.Future) and ")()" in text and dialect.is_between((3, 13))
