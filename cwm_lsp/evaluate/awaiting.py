"""The asynchronous protocols: what `await`, `async for` and `async with` do with the objects that they are given."""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.async_generators import AsyncGenerator
from cwm_lsp.evaluate.coroutines import Coroutine, LibraryCoroutine
from cwm_lsp.evaluate.values import MISSING, GaveUp, Unknown, defines, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.suspension import Suspension

COROUTINES = (Coroutine, LibraryCoroutine, CoroutineType)


class Awaiting:
    """The asynchronous protocols in one evaluation."""

    def __init__(self, suspension: Suspension) -> None:
        self.suspension = suspension

    def iterator(self, value: Any, otherwise: str = "object {} can't be used in 'await' expression") -> Any:
        """What to wait for: the instruction `GET_AWAITABLE`."""
        value = known(value)
        found = self.awaitable(value, otherwise)
        if is_a(found, Coroutine) and found.frame.delegate is not MISSING:
            raise RuntimeError("coroutine is being awaited already")
        return found

    def awaitable(self, value: Any, otherwise: str) -> Any:
        kind: Any = type(value)
        if is_a(value, COROUTINES) or self.is_marked(value):
            return value
        if kind in (GeneratorType,) or not defines(kind, "__await__"):
            raise TypeError(otherwise.format(kind.__name__))
        found = known(kind.__await__(value))
        if is_a(found, COROUTINES) or self.is_marked(found):
            raise TypeError("__await__() returned a coroutine")
        if not defines(type(found), "__next__"):
            raise TypeError(f"__await__() returned non-iterator of type '{type(found).__name__}'")
        return found

    def is_marked(self, value: Any) -> bool:
        """Whether a value is a generator of a function that `types.coroutine` has marked."""
        frame = self.suspension.frames.get(value) if type(value) is GeneratorType else None
        return frame is not None and frame.code.awaitable

    def delegate(self, value: Any) -> Any:
        """What `yield from` iterates over."""
        value = known(value)
        if is_a(value, COROUTINES):
            frame = self.suspension.runtime.frame
            if frame is not None and frame.code.awaitable:
                return self.iterator(value)
            raise TypeError("cannot 'yield from' a coroutine object in a non-coroutine generator")
        return value if type(value) is GeneratorType else self.suspension.interpreter.operations.iterator(value)

    def aiter(self, value: Any) -> Any:
        """What `async for` iterates over."""
        value = known(value)
        kind: Any = type(value)
        if not defines(kind, "__aiter__"):
            raise TypeError(f"'async for' requires an object with __aiter__ method, got {kind.__name__}")
        items = known(kind.__aiter__(value))
        if not defines(type(items), "__anext__"):
            raise TypeError(
                "'async for' received an object from __aiter__ that does not implement __anext__: "
                + type(items).__name__
            )
        return items

    def anext(self, items: Any) -> Any:
        """What to wait for to get the next element."""
        kind: Any = type(items)
        if kind is AsyncGenerator:
            return items.__anext__()
        following = known(kind.__anext__(items))
        try:
            return self.awaitable(following, "{}")
        except Exception as error:
            message = f"'async for' received an invalid object from __anext__: {type(following).__name__}"
            raise TypeError(message) from error

    def enter(self, manager: Any) -> tuple[Any, Callable[..., Any]]:
        """What to wait for on entering an asynchronous context manager, and what gives that on leaving it."""
        manager = known(manager)
        kind: Any = type(manager)
        protocol = f"'{kind.__name__}' object does not support the asynchronous context manager protocol"
        if not defines(kind, "__aenter__"):
            raise TypeError(protocol)
        if not defines(kind, "__aexit__"):
            raise TypeError(f"{protocol} (missed __aexit__ method)")
        leave = kind.__aexit__
        from_enter = "'async with' received an object from __aenter__ that does not implement __await__: {}"
        from_exit = "'async with' received an object from __aexit__ that does not implement __await__: {}"
        entered = self.iterator(kind.__aenter__(manager), from_enter)
        return entered, lambda *exception: self.iterator(leave(manager, *exception), from_exit)


def known(value: Any) -> Any:
    """A value that is to be waited for, which has to be known."""
    if type(value) is Unknown:
        if value.value is MISSING:
            raise GaveUp("what is waited for is not known")
        return value.value
    return value
