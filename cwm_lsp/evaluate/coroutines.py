"""Coroutines and asynchronous generators as objects of the program, as `Objects/genobject.c` of CPython 3.11 has them.

Their classes bear the names of CPython's own, so that reprs and messages are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cwm_lsp.evaluate.values import INTERNAL, MISSING, GaveUp, Undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame
    from cwm_lsp.evaluate.machine import Machine

REUSED_COROUTINE = "cannot reuse already awaited coroutine"
IGNORED_EXIT = "async generator ignored GeneratorExit"


class Suspender(Protocol):
    """What drives the bodies of suspended frames."""

    @property
    def runtime(self) -> Machine: ...

    @property
    def hooks(self) -> tuple[Any, Any]:
        """What the event loop wants to be told of asynchronous generators: their first use, and their end."""

    def broken(self, reason: BaseException) -> None:
        """A step of a task gives up, which the task itself takes for an exception of the program's."""

    def give_up(self, reason: str) -> None:
        """Where nothing can be raised: the evaluation ends before the next event."""

    def throw(self, body: Any, arguments: tuple[Any, ...], *, closes: bool = True) -> Any:
        """Throw into a body: `gen.throw(*arguments)`."""

    def close(self, body: Any, kind: str = "generator") -> None:
        """End a body, of the program's own accord: `gen.close()`."""


def named(name: str) -> Callable[[type], type]:
    """Give a class the name that a type of CPython's has, of which there are no copies."""

    def reduce(self: Any, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot pickle '{name}' object")

    def rename(made: Any) -> type:
        made.__name__ = made.__qualname__ = name
        made.__module__ = "builtins"
        made.__reduce_ex__ = reduce
        return made  # type: ignore[no-any-return]

    return rename


class CodeView:
    """What a program may know of a code object."""

    def __init__(self, frame: Frame) -> None:
        self.co_name = frame.code.name
        self.co_qualname = frame.code.qualname
        self.co_firstlineno = frame.code.first_line
        self.co_filename = "file"

    def __getattr__(self, name: str) -> Any:
        raise Undetermined

    def __repr__(self) -> str:
        raise Undetermined


class FrameView:
    """What a program may know of a suspended frame."""

    def __init__(self, frame: Frame) -> None:
        self.f_lineno = frame.line

    def __getattr__(self, name: str) -> Any:
        raise Undetermined

    def __repr__(self) -> str:
        raise Undetermined


class Suspendable:
    """What coroutines and asynchronous generators have in common."""

    __slots__ = ("__name__", "__qualname__", "__weakref__", "body", "frame", "suspension")
    kind: str
    __name__: str
    __qualname__: str

    def __init__(self, suspension: Suspender, frame: Frame, body: Any) -> None:
        self.suspension = suspension
        self.frame = frame
        self.body = body

    def send_in(self, value: Any) -> Any:
        """Resume the body: `gen_send_ex2`."""
        if self.body.gi_running:
            raise ValueError(f"{self.kind} already executing")
        if self.body.gi_frame is not None and not self.frame.started and value is not None:
            raise TypeError(f"can't send non-None value to a just-started {self.kind}")
        try:
            return self.body.send(value)
        except INTERNAL as reason:
            self.suspension.broken(reason)
            raise

    def throw_in(self, arguments: tuple[Any, ...], *, closes: bool = True) -> Any:
        if self.body.gi_running:
            raise ValueError(f"{self.kind} already executing")
        try:
            return self.suspension.throw(self.body, arguments, closes=closes)
        except INTERNAL as reason:
            self.suspension.broken(reason)
            raise

    @property
    def waits_for(self) -> Any:
        return None if self.frame.delegate is MISSING else self.frame.delegate

    @property
    def frame_view(self) -> FrameView | None:
        return None if self.body.gi_frame is None else FrameView(self.frame)


@named("coroutine")
class Coroutine(Suspendable):
    """A coroutine of the program."""

    __slots__ = ()
    kind = "coroutine"

    def send(self, value: Any, /) -> Any:
        if self.body.gi_frame is None:
            raise RuntimeError(REUSED_COROUTINE)
        return self.send_in(value)

    def throw(self, *arguments: Any) -> Any:
        if self.body.gi_frame is None:
            raise RuntimeError(REUSED_COROUTINE)
        return self.throw_in(arguments)

    def close(self) -> None:
        if self.body.gi_running:
            raise ValueError("coroutine already executing")
        self.suspension.close(self.body, self.kind)

    def __await__(self) -> Wrapper:
        return Wrapper(self)

    def __repr__(self) -> str:
        return f"<coroutine object {self.__qualname__} at {id(self):#x}>"

    @property
    def cr_await(self) -> Any:
        return self.waits_for

    @property
    def cr_running(self) -> bool:
        return bool(self.body.gi_running)

    @property
    def cr_suspended(self) -> bool:
        return bool(self.frame.started and self.body.gi_frame is not None and not self.body.gi_running)

    @property
    def cr_frame(self) -> Any:
        return self.frame_view

    @property
    def cr_code(self) -> Any:
        return CodeView(self.frame)

    @property
    def cr_origin(self) -> None:
        return None


@named("coroutine_wrapper")
class Wrapper:
    """What `__await__` of a coroutine gives."""

    __slots__ = ("__weakref__", "coroutine")

    def __init__(self, coroutine: Coroutine) -> None:
        self.coroutine = coroutine

    def __iter__(self) -> Wrapper:
        return self

    def __next__(self) -> Any:
        return self.coroutine.send(None)

    def send(self, value: Any, /) -> Any:
        return self.coroutine.send(value)

    def throw(self, *arguments: Any) -> Any:
        return self.coroutine.throw(*arguments)

    def close(self) -> None:
        self.coroutine.close()


@named("coroutine")
class LibraryCoroutine:
    """A coroutine of library code. One that is never waited for goes without a warning on our standard error."""

    __slots__ = ("__name__", "__qualname__", "__weakref__", "coroutine")
    __name__: str
    __qualname__: str

    def __init__(self, coroutine: CoroutineType[Any, Any, Any]) -> None:
        self.coroutine = coroutine
        self.__name__, self.__qualname__ = coroutine.__name__, coroutine.__qualname__

    def send(self, value: Any, /) -> Any:
        return self.coroutine.send(value)

    def throw(self, *arguments: Any) -> Any:
        return self.coroutine.throw(*arguments)

    def close(self) -> None:
        self.coroutine.close()

    def __await__(self) -> Any:
        return self.coroutine.__await__()

    @property
    def cr_code(self) -> Any:
        return self.coroutine.cr_code

    @property
    def cr_frame(self) -> Any:
        return self.coroutine.cr_frame

    @property
    def cr_running(self) -> bool:
        return self.coroutine.cr_running

    def __del__(self) -> None:
        if getcoroutinestate(self.coroutine) == CORO_CREATED:
            self.coroutine.close()

    def __repr__(self) -> str:
        return f"<coroutine object {self.__qualname__} at {id(self):#x}>"


@named("async_generator_wrapped_value")
class Wrapped:
    """What the body of an asynchronous generator yields for a `yield` of the program."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<async_generator_wrapped_value object at {id(self):#x}>"


@named("async_generator")
class AsyncGenerator(Suspendable):
    """An asynchronous generator of the program."""

    __slots__ = ("closed", "finalizer", "hooked", "running")
    kind = "async generator"

    def __init__(self, suspension: Suspender, frame: Frame, body: Any) -> None:
        super().__init__(suspension, frame, body)
        self.closed = False
        self.running = False
        """An operation on it is under way."""
        self.hooked = False
        self.finalizer: Callable[[AsyncGenerator], None] | None = None

    def __aiter__(self) -> AsyncGenerator:
        return self

    def __anext__(self) -> Asend:
        return self.asend(None)

    def asend(self, value: Any, /) -> Asend:
        self.hook()
        return Asend(self, value)

    def athrow(self, *arguments: Any) -> Athrow:
        self.hook()
        return Athrow(self, arguments)

    def aclose(self) -> Athrow:
        self.hook()
        return Athrow(self, None)

    def hook(self) -> None:
        """Tell the event loop at the first use."""
        if self.hooked:
            return
        self.hooked = True
        first, self.finalizer = self.suspension.hooks
        if first is not None:
            first(self)

    def resume(self, value: Any) -> Any:
        """`gen_send` on an asynchronous generator."""
        try:
            return self.send_in(value)
        except StopIteration:
            raise StopAsyncIteration from None

    def unwrapped(self, step: Callable[[], Any]) -> Any:
        """What a step of the body means for whoever waits: a value that it has yielded ends the waiting."""
        try:
            result = step()
        except (StopAsyncIteration, GeneratorExit):
            self.closed, self.running = True, False
            raise
        except BaseException:
            self.running = False
            raise
        if type(result) is not Wrapped:
            return result
        self.running = False
        raise StopIteration(result.value) if result.value is not None else StopIteration

    def throw(self, arguments: tuple[Any, ...], *, closes: bool = True) -> Any:
        """Throw into the body."""
        try:
            return self.throw_in(arguments, closes=closes)
        except StopIteration:
            raise StopAsyncIteration from None

    def __del__(self) -> None:
        suspension = self.suspension
        if self.finalizer is None or self.closed or self.body.gi_frame is None or not suspension.runtime.lively:
            return
        try:
            self.finalizer(self)
        except GaveUp as reason:
            suspension.give_up(str(reason))

    def __repr__(self) -> str:
        return f"<async_generator object {self.__qualname__} at {id(self):#x}>"

    @property
    def ag_await(self) -> Any:
        return self.waits_for

    @property
    def ag_running(self) -> bool:
        return self.running

    @property
    def ag_frame(self) -> Any:
        return self.frame_view

    @property
    def ag_code(self) -> Any:
        return CodeView(self.frame)


FORGETS = (3, 10), (3, 12)
"""The versions, from and to, in which closing an operation on an asynchronous generator does nothing to that one."""


class Step:
    """One operation on an asynchronous generator, which is waited for."""

    __slots__ = ("__weakref__", "closed", "generator", "started")
    reused: str

    def __init__(self, generator: AsyncGenerator) -> None:
        self.generator = generator
        self.started = False
        self.closed = False

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any, /) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        target = self.generator.suspension.runtime.target
        if self.started and not self.closed and not FORGETS[0] <= target <= FORGETS[1]:
            raise GaveUp("what an asynchronous generator is doing is closed in another way by other Pythons")
        self.closed = True

    def check(self) -> None:
        if self.closed:
            raise RuntimeError(f"cannot reuse already awaited {self.reused}")


@named("async_generator_asend")
class Asend(Step):
    """`asend(value)` and `__anext__()`."""

    __slots__ = ("value",)
    reused = "__anext__()/asend()"

    def __init__(self, generator: AsyncGenerator, value: Any) -> None:
        super().__init__(generator)
        self.value = value

    def send(self, value: Any, /) -> Any:
        self.check()
        generator = self.generator
        if not self.started:
            if generator.running:
                raise RuntimeError("anext(): asynchronous generator is already running")
            value = self.value if value is None else value
            self.started = True
        generator.running = True
        return self.ending(lambda: generator.resume(value))

    def throw(self, *arguments: Any) -> Any:
        self.check()
        return self.ending(lambda: self.generator.throw(arguments))

    def ending(self, step: Callable[[], Any]) -> Any:
        try:
            return self.generator.unwrapped(step)
        except BaseException:
            self.closed = True
            raise


@named("async_generator_athrow")
class Athrow(Step):
    """`athrow(...)`, and `aclose()` where there are no arguments."""

    __slots__ = ("arguments",)
    reused = "aclose()/athrow()"

    def __init__(self, generator: AsyncGenerator, arguments: tuple[Any, ...] | None) -> None:
        super().__init__(generator)
        self.arguments = arguments

    def send(self, value: Any, /) -> Any:
        self.check()
        generator = self.generator
        if generator.body.gi_frame is None:
            self.closed = True
            raise StopIteration
        if self.started:
            return self.advance(lambda: generator.resume(value))
        if generator.running:
            self.closed = True
            operation = "aclose" if self.arguments is None else "athrow"
            raise RuntimeError(f"{operation}(): asynchronous generator is already running")
        if generator.closed:
            self.closed = True
            raise StopAsyncIteration
        if value is not None:
            raise RuntimeError("can't send non-None value to a just-started coroutine")
        self.started = generator.running = True
        if self.arguments is None:
            generator.closed = True
        arguments = (GeneratorExit,) if self.arguments is None else self.arguments
        return self.advance(lambda: generator.throw(arguments, closes=False), first=True)

    def throw(self, *arguments: Any) -> Any:
        self.check()
        return self.advance(lambda: self.generator.throw(arguments))

    def advance(self, step: Callable[[], Any], *, first: bool = False) -> Any:
        """Let the body go on by a step."""
        generator = self.generator
        if self.arguments is not None:
            try:
                return generator.unwrapped(step)
            except BaseException:
                self.closed = self.closed or first
                raise
        try:
            result = step()
        except (StopAsyncIteration, GeneratorExit):
            self.closed, generator.running = True, False
            raise StopIteration from None
        except BaseException:
            self.closed, generator.running = True, False
            raise
        if type(result) is Wrapped:
            self.closed, generator.running = True, False
            raise RuntimeError(IGNORED_EXIT)
        return result


KNOWN: dict[type, tuple[str, str]] = {
    Coroutine: (
        "send throw close __await__",
        "__name__ __qualname__ cr_await cr_running cr_suspended cr_frame cr_code cr_origin",
    ),
    Wrapper: ("send throw close __iter__ __next__", ""),
    LibraryCoroutine: ("send throw close __await__", "__name__ __qualname__"),
    AsyncGenerator: (
        "__aiter__ __anext__ asend athrow aclose",
        "__name__ __qualname__ ag_await ag_running ag_frame ag_code",
    ),
    Asend: ("send throw close __await__ __iter__ __next__", ""),
    Athrow: ("send throw close __await__ __iter__ __next__", ""),
    CodeView: ("", "co_name co_qualname co_firstlineno"),
    FrameView: ("", "f_lineno"),
}
"""Methods and other attributes that a program may use."""
