"""Coroutines as objects of the program, as `Objects/genobject.c` of CPython 3.11 has them.

Their classes bear the names of CPython's own, so that reprs and messages are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cwm_lsp.evaluate.values import INTERNAL, MISSING, Undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame
    from cwm_lsp.evaluate.machine import Machine

REUSED_COROUTINE = "cannot reuse already awaited coroutine"


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


KNOWN: dict[type, tuple[str, str]] = {
    Coroutine: (
        "send throw close __await__",
        "__name__ __qualname__ cr_await cr_running cr_suspended cr_frame cr_code cr_origin",
    ),
    Wrapper: ("send throw close __iter__ __next__", ""),
    LibraryCoroutine: ("send throw close __await__", "__name__ __qualname__"),
    CodeView: ("", "co_name co_qualname co_firstlineno"),
    FrameView: ("", "f_lineno"),
}
"""Methods and other attributes that a program may use."""
