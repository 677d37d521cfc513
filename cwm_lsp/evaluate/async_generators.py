"""Asynchronous generators as objects of the program, and operations on them: `Objects/genobject.c` of CPython 3.11."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.coroutines import CodeView, Suspendable, Suspender, named
from cwm_lsp.evaluate.values import GaveUp

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame

IGNORED_EXIT = "async generator ignored GeneratorExit"
FORGETS = (3, 10), (3, 12)
"""The versions, from and to, in which closing an operation on an asynchronous generator does nothing to that one."""


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
    AsyncGenerator: (
        "__aiter__ __anext__ asend athrow aclose",
        "__name__ __qualname__ ag_await ag_running ag_frame ag_code",
    ),
    Asend: ("send throw close __await__ __iter__ __next__", ""),
    Athrow: ("send throw close __await__ __iter__ __next__", ""),
}
"""Methods and other attributes that a program may use."""
