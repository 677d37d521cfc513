"""`threading` as a program of one thread has it: whoever would wait for another thread is not followed further.

Follows the documented behaviour of CPython 3.11's `threading`. Threads that the program starts are not known.
"""

from __future__ import annotations

import _thread
from typing import Any

Lock = _thread.allocate_lock
RLock = _thread.RLock
TIMEOUT_MAX = _thread.TIMEOUT_MAX
_not_known: Any = input
"""Something that is not known."""
Thread: Any = input
Timer: Any = input
ThreadError = RuntimeError


class Condition:
    def __init__(self, lock: Any = None) -> None:
        if lock is None:
            lock = RLock()
        self._lock = lock
        self._waiters: list[Any] = []
        self.acquire = lock.acquire
        self.release = lock.release

    def __enter__(self) -> Any:
        self._lock.acquire()
        return True

    def __exit__(self, *args: object) -> None:
        self._lock.release()

    def __repr__(self) -> str:
        return str(_not_known())

    def _is_owned(self) -> bool:
        return self._lock.locked() if type(self._lock) is _thread.LockType else self._lock._is_owned()

    def wait(self, timeout: float | None = None) -> bool:
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        return _not_known()  # type: ignore[no-any-return]

    def wait_for(self, predicate: Any, timeout: float | None = None) -> Any:
        result = predicate()
        if not result:
            return _not_known()
        return result

    def notify(self, n: int = 1) -> None:
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")

    def notify_all(self) -> None:
        self.notify()

    notifyAll = notify_all  # noqa: N815


class Semaphore:
    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._value = value

    def __repr__(self) -> str:
        return str(_not_known())

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        if self._value == 0:
            if blocking:
                return _not_known()  # type: ignore[no-any-return]
            return False
        self._value -= 1
        return True

    __enter__ = acquire

    def release(self, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        self._value += n

    def __exit__(self, *args: object) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._initial_value = value

    def release(self, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        if self._value + n > self._initial_value:
            raise ValueError("Semaphore released too many times")
        self._value += n


class Event:
    def __init__(self) -> None:
        self._flag = False

    def __repr__(self) -> str:
        return str(_not_known())

    def is_set(self) -> bool:
        return self._flag

    isSet = is_set  # noqa: N815

    def set(self) -> None:
        self._flag = True

    def clear(self) -> None:
        self._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        if self._flag:
            return True
        return _not_known()  # type: ignore[no-any-return]


class local:  # noqa: N801
    def __new__(cls, /, *args: object, **kwargs: object) -> local:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError("Initialization arguments are not supported")
        return object.__new__(cls)

    def __getattr__(self, name: str) -> object:
        kind = "_thread._local" if type(self) is local else type(self).__name__
        raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)


local.__module__ = "_thread"
local.__name__ = local.__qualname__ = "_local"
