"""Raising, matching, and context managers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from cwm_lsp.evaluate import everyday, library, lifetimes
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.event_loop import MANAGERS
from cwm_lsp.evaluate.groups import check_kinds
from cwm_lsp.evaluate.values import MISSING, GaveUp, Unknown, defines, is_a, mro_of, names_of

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context


class Raising:
    """`raise` and `except`."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def throw(self, frame: Frame, error: Any, cause: Any = MISSING) -> NoReturn:
        """`raise error from cause`."""
        error = self.instance(error, "exceptions must derive from BaseException")
        if cause is not MISSING:
            error.__cause__ = (
                None if cause is None else self.instance(cause, "exception causes must derive from BaseException")
            )
        frame.seen = None
        if is_a(error, RecursionError | MemoryError):
            error.of_user = True  # not of the interpreter's own limits
        self.runtime.thrown = id(error)
        if error.__traceback__ is not None and id(error) == self.runtime.risen:
            self.runtime.rising = id(error)
        raise error

    def instance(self, value: Any, message: str) -> BaseException:
        if type(value) is Unknown and value.value is MISSING:
            raise GaveUp("what is raised is not known")
        if is_a(value, type) and issubclass(value, BaseException):
            kind, value = value, self.interpreter.calls.call(value, [], {})
            if type(value) is not Unknown and not is_a(value, BaseException):
                raise TypeError(
                    f"calling {kind!r} should have returned an instance of BaseException, not {type(value)!r}"
                )
        if not is_a(value, BaseException):
            raise TypeError(message)
        error: BaseException = value
        return error

    def again(self, frame: Frame) -> NoReturn:
        """A bare `raise`."""
        error = frame.handled
        if error is None:
            raise RuntimeError("No active exception to reraise")
        frame.seen = error
        raise error

    def matches(self, error: BaseException, kind: Any, line: int) -> bool:
        """Whether an `except` clause for `kind` catches `error`."""
        if type(kind) is Unknown or (is_a(kind, tuple) and any(type(item) is Unknown for item in kind)):
            kinds = kind if is_a(kind, tuple) else (kind,)
            if any(is_a(item, type) and item in mro_of(type(error)) for item in kinds):
                return True
            return self.runtime.branch((line, None))
        kinds = kind if is_a(kind, tuple) else (kind,)
        check_kinds(kinds)
        return is_a(error, tuple(kinds))


lifetimes.RAISING.add(Raising.throw.__code__)


class Managing:
    """`with`."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def enter(self, manager: Any) -> tuple[Any, Callable[[Any, Any, Any], Any]]:
        """Enter a context manager; gives the value for `as`, and how to leave."""
        kind = type(manager)
        if kind is Unknown:
            return self.runtime.unknown((manager,)), self.leave_unknown
        known = kind in self.runtime.classes or kind in KNOWN
        if self.runtime.dialect is not None and self.runtime.dialect.target < (3, 11):
            for name in ("__enter__", "__exit__"):
                if not defines(kind, name):
                    raise AttributeError(name)
        if not defines(kind, "__enter__"):
            raise TypeError(f"'{kind.__name__}' object does not support the context manager protocol")
        if not defines(kind, "__exit__"):
            raise TypeError(
                f"'{kind.__name__}' object does not support the context manager protocol (missed __exit__ method)"
            )
        if not known:
            return self.runtime.unknown((manager,)), self.leave_unknown
        if kind is everyday.Lock and manager.locked():
            raise GaveUp("the program waits for a lock that only another thread could release")
        leave = special(manager, "__exit__")
        value = special(manager, "__enter__")()

        def left(*exception: Any) -> Any:
            swallowed = leave(*exception)
            if type(swallowed) is Unknown and exception[0] is not None:
                return self.runtime.branch((None, None))
            return exception[0] is not None and bool(swallowed)

        return value, left

    def leave_unknown(self, *exception: Any) -> Any:
        self.runtime.unknown()
        return exception[0] is not None and self.runtime.branch((None, None))


def special(value: Any, name: str) -> Any:
    """A special method that a value's class defines, bound as CPython binds it."""
    kind = type(value)
    found = next(names[name] for names in map(names_of, mro_of(kind)) if name in names)
    get = getattr(type(found), "__get__", None)
    return found if get is None else get(found, value, kind)


KNOWN: frozenset[type] = frozenset(library.MANAGERS) | MANAGERS | everyday.MANAGERS
