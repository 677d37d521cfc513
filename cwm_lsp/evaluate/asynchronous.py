"""What a program does with asyncio: event loops made and run, and what is driven to its end by one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import sys
import types
from types import GeneratorType, MethodType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.async_generators import AsyncGenerator
from cwm_lsp.evaluate.coroutines import Coroutine, LibraryCoroutine
from cwm_lsp.evaluate.event_loop import PLAIN, Loop
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.values import GaveUp, defines, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context


class Asynchronous:
    """The event loops of one evaluation."""

    def __init__(self, interpreter: Context) -> None:
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
        return Loop(self.interpreter.suspension, self.names)

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
        while is_a(value, functools.partial | MethodType):
            value = value.func if is_a(value, functools.partial) else value.__func__
        body = body_of(value)
        if body is None:
            return bool(asyncio.iscoroutinefunction(value))
        return body.code.is_async and not body.code.is_generator

    def drive(self, value: Any) -> None:
        """Run what a call has given to its end, the way that the recorder does."""
        if type(value) is GeneratorType:
            for _ in value:
                pass
        elif is_a(value, contextlib.AbstractContextManager) and made_by_contextlib(value):
            with value:
                pass
        elif is_a(value, Coroutine | LibraryCoroutine):
            self.run(value)
        elif is_a(value, AsyncGenerator):
            self.run(drained(value))
        elif is_a(value, contextlib.AbstractAsyncContextManager) and made_by_contextlib(value):
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
