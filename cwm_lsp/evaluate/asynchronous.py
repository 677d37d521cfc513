"""asyncio on a virtual clock.

Futures, tasks, locks and queues are the library's own, and so is the order in which its event loop runs what is ready.
Only time is ours: where nothing is ready, the clock jumps to the next timer. What hangs on how fast a program runs, on
threads, sockets or processes is not known.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import itertools
import math
import os
import sys
import types
from types import GeneratorType, MethodType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.coroutines import AsyncGenerator, Coroutine, LibraryCoroutine
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.values import INTERNAL, GaveUp, defines

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter
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

    def __init__(self, interpreter: Interpreter) -> None:
        self._selector = Selector(self)
        self.now = 0.0
        super().__init__()
        self.runtime = interpreter.runtime
        self.suspension = interpreter.suspension
        self.names = interpreter.asynchronous.names
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


class Asynchronous:
    """The event loops of one evaluation."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.names = itertools.count(1)
        self.current: Any = None
        """What `asyncio.set_event_loop` has set."""
        self.rules: dict[Any, Any] = dict.fromkeys(PLAIN, self.plain) | {
            asyncio.run: lambda function, args, kwargs: self.run(*args, **kwargs),
            asyncio.new_event_loop: lambda function, args, kwargs: self.new_loop(*args, **kwargs),
            asyncio.get_event_loop: lambda function, args, kwargs: self.loop(*args, **kwargs),
            asyncio.set_event_loop: lambda function, args, kwargs: self.set_loop(*args, **kwargs),
            asyncio.iscoroutinefunction: lambda function, args, kwargs: self.is_coroutine_function(*args, **kwargs),
            asyncio.as_completed: self.as_completed,
            asyncio.gather: self.gather,
            asyncio.wait_for: self.wait_for,
            types.coroutine: self.marked,
            anext: self.following,
        }
        if sys.version_info >= (3, 11):
            self.rules[asyncio.Runner] = self.runner

    def plain(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What the library does by itself, where all that it is given is known."""
        calls = self.interpreter.calls
        if self.interpreter.operations.has_unknown([*args, *kwargs.values()]):
            return calls.foreign(args, kwargs)
        return calls.native(function, args, kwargs)

    def marked(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`types.coroutine`."""
        body = body_of(args[0]) if len(args) == 1 and not kwargs else None
        if body is None or not body.code.suspends:
            return self.interpreter.calls.foreign(args, kwargs)
        body.code.awaitable = body.code.awaitable or not body.code.is_async
        return args[0]

    def following(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`anext`, which looks for the mark of `types.coroutine` by itself where it has a default."""
        body = body_of(getattr(type(args[0]), "__anext__", None)) if len(args) == 2 else None
        if body is not None and body.code.awaitable:
            raise GaveUp("anext with a default is not followed for what types.coroutine has marked")
        return self.interpreter.calls.native(function, args, kwargs)

    def as_completed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`asyncio.as_completed`, which begins with coroutines in an order that differs from run to run."""
        waited_for = list(args[0]) if args else []
        if self.is_between((3, 13)):
            self.interpreter.runtime.taint()
        if len(waited_for) > 1 and not all(map(asyncio.isfuture, waited_for)):
            self.interpreter.runtime.taint()
        return self.plain(function, [waited_for, *args[1:]] if args else args, kwargs)

    def new_loop(self) -> Loop:
        return Loop(self.interpreter)

    def loop(self) -> Any:
        """`asyncio.get_event_loop()`."""
        running = asyncio._get_running_loop()
        if running is not None:
            return running
        if self.current is None:
            self.current = self.new_loop()
        return self.current

    def set_loop(self, loop: Any) -> None:
        self.current = loop

    def run(self, main: Any, *, debug: bool | None = None, **options: Any) -> Any:
        """`asyncio.run`."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("asyncio.run() cannot be called from a running event loop")
        if options or debug:
            raise GaveUp("asyncio.run is called in a way that is not followed")
        self.check_version()
        if sys.version_info < (3, 11):
            return self.run_without_runner(main)
        runner = asyncio.Runner(loop_factory=self.new_loop)
        try:
            return runner.run(main)
        finally:
            if self.interpreter.runtime.lively:
                if len(asyncio.all_tasks(runner.get_loop())) > 1:
                    self.interpreter.runtime.taint()  # they are cancelled in an order that differs from run to run
                runner.close()

    def run_without_runner(self, main: Any) -> Any:
        """`asyncio.run` up to 3.10."""
        if not asyncio.iscoroutine(main):
            raise ValueError(f"a coroutine was expected, got {main!r}")
        loop = self.current = self.new_loop()
        try:
            return loop.run_until_complete(main)
        finally:
            self.current = None
            if self.interpreter.runtime.lively:
                left = asyncio.all_tasks(loop)
                if len(left) > 1:
                    self.interpreter.runtime.taint()
                for task in left:
                    task.cancel()
                if left:
                    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()

    def runner(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`asyncio.Runner`."""
        if args or kwargs:
            raise GaveUp("asyncio.Runner is called in a way that is not followed")
        self.check_version()
        return function(loop_factory=self.new_loop)

    def check_version(self) -> None:
        """Tasks, futures and the loop itself are the same in all of these versions."""
        runtime = self.interpreter.runtime
        if runtime.dialect is not None and any(map(runtime.dialect.is_between, ((3, 9), (3, 10), (3, 11), (3, 14)))):
            runtime.taint()

    def is_between(self, version: tuple[int, int]) -> bool:
        """Whether either our library or that of the program is that of this version or a newer one, the other not."""
        dialect = self.interpreter.runtime.dialect
        return dialect is not None and dialect.is_between(version)

    def wait_for(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`asyncio.wait_for`, which has waited in a task of its own before 3.12."""
        if self.is_between((3, 12)):
            function = timed_in_place if sys.version_info < (3, 12) else timed_in_task
        return self.plain(function, args, kwargs)

    def gather(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`asyncio.gather`, which looks at what is done already at once from 3.12 on."""
        if self.is_between((3, 12)) and any(asyncio.isfuture(one) and one.done() for one in args):
            self.interpreter.runtime.taint()
        return self.plain(function, args, kwargs)

    def is_coroutine_function(self, value: Any) -> bool:
        """`asyncio.iscoroutinefunction`."""
        while isinstance(value, functools.partial | MethodType):
            value = value.func if isinstance(value, functools.partial) else value.__func__
        body = body_of(value)
        if body is None:
            return bool(asyncio.iscoroutinefunction(value))
        return body.code.is_async and not body.code.is_generator

    def drive(self, value: Any) -> None:
        """Run what a call has given to its end, the way that the recorder does."""
        if type(value) is GeneratorType:
            for _ in value:
                pass
        elif isinstance(value, contextlib.AbstractContextManager) and made_by_contextlib(value):
            with value:
                pass
        elif isinstance(value, Coroutine | LibraryCoroutine):
            self.run(value)
        elif isinstance(value, AsyncGenerator):
            self.run(drained(value))
        elif isinstance(value, contextlib.AbstractAsyncContextManager) and made_by_contextlib(value):
            self.run(entered(value))
        elif type(value) in self.interpreter.runtime.classes and defines(type(value), "__await__"):
            self.run(waited_for(value))


def made_by_contextlib(manager: Any) -> bool:
    return type(manager).__module__ == "contextlib" and hasattr(manager, "gen")


async def waited_for(value: Any) -> Any:
    return await value


async def drained(values: Any) -> None:
    async for _ in values:
        pass


async def entered(manager: Any) -> None:
    async with manager:
        pass


async def timed_in_place(fut: Any, timeout: float | None) -> Any:
    """`asyncio.wait_for` from 3.12 on."""
    if timeout is not None and timeout <= 0:
        fut = asyncio.ensure_future(fut)
        if fut.done():
            return fut.result()
        await tasks._cancel_and_wait(fut, loop=asyncio.get_running_loop())
        try:
            return fut.result()
        except asyncio.CancelledError as error:
            raise asyncio.TimeoutError from error
    async with library.timeout(timeout):
        return await fut


async def timed_in_task(fut: Any, timeout: float | None) -> Any:
    """`asyncio.wait_for` up to 3.11."""
    if timeout is None:
        return await fut
    loop = asyncio.get_running_loop()
    if timeout <= 0:
        fut = asyncio.ensure_future(fut, loop=loop)
        if fut.done():
            return fut.result()
        return await _cancelled(fut)
    waiter = loop.create_future()
    handle = loop.call_later(timeout, tasks._release_waiter, waiter)
    release = functools.partial(tasks._release_waiter, waiter)
    fut = asyncio.ensure_future(fut, loop=loop)
    fut.add_done_callback(release)
    try:
        try:
            await waiter
        except asyncio.CancelledError:
            if fut.done():
                return fut.result()
            fut.remove_done_callback(release)
            await tasks._cancel_and_wait(fut)
            raise
        if fut.done():
            return fut.result()
        fut.remove_done_callback(release)
        return await _cancelled(fut)
    finally:
        handle.cancel()


async def _cancelled(fut: Any) -> Any:
    """What a future gives that is cancelled for want of time."""
    await tasks._cancel_and_wait(fut)
    try:
        return fut.result()
    except asyncio.CancelledError as error:
        raise asyncio.TimeoutError from error


timed_in_place.__name__ = timed_in_task.__name__ = "wait_for"
timed_in_place.__qualname__ = timed_in_task.__qualname__ = "wait_for"
tasks: Any = asyncio.tasks
"""With what it keeps to itself."""
library: Any = asyncio
"""With what its newer versions have."""


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
