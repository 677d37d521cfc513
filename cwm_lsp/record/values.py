"""The text of a value: its `repr`, bounded in size and time and without side effects where that can be helped.

Runs inside the debuggee: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import re
import signal
import sys
import threading
import types
import weakref
from _signal import signal as set_handler  # type: ignore[import-not-found]  # without what `signal` puts around it
from collections.abc import Callable
from gc import disable, enable, get_referents, isenabled  # by themselves: the program may replace what modules have
from marshal import dumps
from time import perf_counter
from typing import Any

if "." in __name__:
    from .atoms import ATOMS, BIG, COMPARABLE, DEEPEST, OPAQUE, SEQUENCES, SHORT, fingerprint, room_left
    from .reprs import (
        Fields,
        attributes_of,
        changes_something,
        fields_of,
        flags_of,
        module_of,
        name_of,
        qualname_of,
        static,
    )
    from .stack import hide
else:  # run by path, inside a debuggee that need not have the package
    from atoms import ATOMS, BIG, COMPARABLE, DEEPEST, OPAQUE, SEQUENCES, SHORT, fingerprint, room_left  # type: ignore[no-redef, import-not-found]  # fmt: skip
    from reprs import (  # type: ignore[no-redef, import-not-found]
        Fields,
        attributes_of,
        changes_something,
        fields_of,
        flags_of,
        module_of,
        name_of,
        qualname_of,
        static,
    )  # fmt: skip
    from stack import hide  # type: ignore[no-redef, import-not-found]

_MOST_DIGITS = 4_300
_SLOW_SECONDS = 0.002
"""A `__repr__` that takes longer than this each time is given up when the sum is too much."""
_CHANGES = "__repr__ changes the object"
_HELD_DEPTH = 4
_MOST_HELD = 500
_ADDRESS = re.compile(r" (?:at|@) 0x[0-9a-fA-F]{4,16}\b")
_PLACE = re.compile(r"(running|defined|\)) at [^'\"]+?:\d+(?=[>,\]])")
"""Where the code of a task or callback is, as the reprs of asyncio have it: a path of this machine."""
_EXACT = (list, tuple, set, frozenset, dict, str, bytes, bytearray, int, collections.deque)
_LONGEST_PRINT = 8
"""The text of a value with a fingerprint is at most so many times as long as that."""


class _TooSlow(BaseException):
    """Raised by the timer inside a `__repr__`; no `except Exception` of the user's stops it."""


class _Sink:
    """Takes what a `__repr__` prints."""

    def __init__(self) -> None:
        self.used = False

    def write(self, text: str) -> int:
        self.used = True
        return len(text)

    def flush(self) -> None:
        pass


def _raise_too_slow(_number: int, _frame: Any) -> None:
    raise _TooSlow


def _summarises(kind: type) -> bool:
    """Whether the `repr` of large values leaves most of them out by itself."""
    return module_of(kind) == "numpy" and name_of(kind) == "ndarray"


def plain_name(value: object) -> str:
    """`<module.Class object>`: what `object.__repr__` gives, without the address."""
    return _ADDRESS.sub("", object.__repr__(value))


class _Kind:
    """What is known of a class whose objects have been shown."""

    __slots__ = ("attributes", "calls", "fields", "name", "refused", "seconds", "text", "weak")

    def __init__(self, kind: type) -> None:
        self.weak = weakref.ref(kind)
        self.fields = fields_of(kind)
        self.refused: str | None = None
        """Why its `__repr__` is not called."""
        if self.fields is None and changes_something(static(kind, "__repr__"), kind):
            self.refused = _CHANGES
        self.attributes: tuple[str, ...] | None = None
        self.seconds = 0.0
        self.calls = 0
        self.name: tuple[str, str] | None = None
        self.text = ""
        """Of an object without a `__repr__` of its own, as long as the class has this name."""
        hide(self)


class Values:
    """Texts of values, at most about `size` characters each.

    `text` is `repr(value)` wherever that fits, runs no code of the user's and has no address in it. Where a value had
    to be cut, or its `__repr__` raised, took longer than `seconds` or printed, `mark` says so after the call, and the
    text is the best that can be had. A class whose `__repr__` is too slow is not asked again, and one whose `__repr__`
    changes something not at all.
    """

    def __init__(self, size: int = 4_096, seconds: float = 0.5) -> None:
        self.size = size
        self.seconds = seconds
        self.mark: str | None = None
        self.opaque = False
        """The latest text is of an object, or has one in it, that may hold what the text does not tell."""
        self._small = size // _LONGEST_PRINT
        self._left = 0
        self._active: list[int] = []
        self._containers: list[Any] = []
        """Those among them that `repr` would know to be inside of again."""
        self._kinds: dict[int, _Kind] = {}
        self._timer = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def again(self, value: Any, kind: type, before: bytes | None) -> tuple[str | None, bytes | None]:
        """The text and fingerprint of a value of a type that may change; no text where the fingerprint is `before`."""
        self.mark, self.opaque = None, False
        now = None
        if kind in COMPARABLE:
            now = fingerprint(value)
        elif flags_of(kind) & HEAP_TYPE:
            known = self._known(kind)
            if known.fields is not None and known.refused is None:
                try:
                    items = known.fields.values(value)
                except AttributeError:
                    items = (self,)
                if ATOMS.issuperset(map(type, items)):
                    with contextlib.suppress(ValueError):  # `NotImplemented`
                        now = dumps((known.fields.name(kind), items), 2)
        if now is not None:
            if now == before:
                return None, now
            if len(now) <= self._small and kind in COMPARABLE:
                with contextlib.suppress(ValueError):  # more digits than the program allows
                    return repr(value), now
        text = self.text(value)
        return text, now if self.mark is None else None

    def text(self, value: Any) -> str:
        self.mark, self.opaque = None, False
        kind = type(value)
        if kind is int:
            if -BIG < value < BIG:
                return repr(value)
        elif kind is str:
            if len(value) <= self.size:
                return repr(value)
        elif kind in SHORT or ((kind in SEQUENCES or kind is dict) and room_left(value, self.size, 0) >= 0):
            return repr(value)
        self._left = self.size
        self._active = []
        self._containers = []
        try:
            return self._write(value)
        except RecursionError:
            self.mark = "cut"
            return plain_name(value)

    def _known(self, kind: type) -> _Kind:
        known = self._kinds.get(id(kind))
        if known is None or known.weak() is not kind:
            known = self._kinds[id(kind)] = _Kind(kind)
        return known

    def attributes(self, kind: type) -> tuple[str, ...]:
        """Those that a description of its objects tells."""
        known = self._known(kind)
        if known.attributes is None:
            known.attributes = attributes_of(kind)
        return known.attributes

    def triple(self, error: BaseException) -> str:
        """The text of settrace's `(type, value, traceback)`."""
        value = self.text(error)
        mark = self.mark
        kind = self.text(type(error))
        self.mark = mark or self.mark
        return f"({kind}, {value}, <traceback object>)"

    def message(self, error: BaseException) -> str:
        """`str(error)`, guarded as a `__repr__` is."""
        if (
            static(type(error), "__str__") is BaseException.__str__
            and len(error.args) == 1
            and type(error.args[0]) is str
        ):
            return error.args[0][: self.size]
        return self._guarded(error, str)[: self.size]

    def _cut(self, head: str) -> str:
        self.mark = self.mark or "cut"
        self._left = 0
        return head + "..."

    def _write(self, value: Any) -> str:
        kind = type(value)
        if kind in SHORT:
            text = repr(value)
        elif kind is int:
            text = self._integer(value)
        elif kind is str or kind is bytes or kind is bytearray:
            room = max(self._left, 8)
            text = repr(value) if len(value) <= room else self._cut(repr(value[:room]))
        elif kind in OPAQUE:
            text = _without_address(repr(value))
        else:
            return self._composite(value, kind)
        self._left -= len(text)
        return text

    def _integer(self, value: int) -> str:
        # Converting is quadratic in the digits, and refused beyond 4,300 of them, or what the program says.
        if value.bit_length() <= _MOST_DIGITS * 3:
            with contextlib.suppress(ValueError):
                return repr(value)
        return self._cut(f"<int of {value.bit_length()} bits>")

    def _composite(self, value: Any, kind: type) -> str:
        how = static(kind, "__repr__")
        if how in _CONTAINERS:
            self._containers.append(value)
            try:
                return self._container(value, kind, how)
            finally:
                self._containers.pop()
        if how is BaseException.__repr__:
            return self._exception(value, kind)
        if kind is types.MethodType:
            name = getattr(value.__func__, "__qualname__", "?")
            return f"<bound method {name} of {self._write(value.__self__)}>"
        if how is object.__repr__:
            self.opaque = True
            text = self._named(value, kind)
        elif how in (str.__repr__, bytes.__repr__, int.__repr__):
            return self._write(_without_class(value))
        elif not flags_of(kind) & HEAP_TYPE and not _summarises(kind) and _length(value, kind) > self.size // 3:
            text = self._cut(f"<{name_of(kind)} of {_length(value, kind)} items>")
        else:
            known = self._known(kind)
            if known.fields is not None:
                with contextlib.suppress(AttributeError):
                    return self._generated(value, kind, known.fields)
            self.opaque = True
            text = self._guarded(value, repr)
            if len(text) > max(self._left, 80):
                text = self._cut(text[: max(self._left, 80)])
        self._left -= len(text)
        return text

    def _container(self, value: Any, kind: type, how: Any) -> str:
        if how is list.__repr__:
            return self._items(value, "[", list.__getitem__, list.__len__(value), "]")
        if how is tuple.__repr__:
            length = tuple.__len__(value)
            return self._items(value, "(", tuple.__getitem__, length, ",)" if length == 1 else ")")
        return self._mapping(value) if how is dict.__repr__ else self._set(value, kind)

    def _items(self, value: Any, opening: str, get: Callable[..., Any], length: int, closing: str) -> str:
        if id(value) in self._active:
            return opening + "..." + closing[-1]
        if len(self._active) >= DEEPEST:
            return self._cut(opening) + closing
        self._active.append(id(value))
        parts = []
        try:
            for index in range(length):
                if self._left <= 0:
                    parts.append(self._cut(""))
                    break
                self._left -= 2
                try:
                    item = get(value, index)
                except IndexError:  # a `__repr__` inside made it shorter
                    break
                parts.append(self._write(item))
        finally:
            self._active.pop()
        return opening + ", ".join(parts) + closing

    def _mapping(self, value: Any) -> str:
        if id(value) in self._active:
            return "{...}"
        if len(self._active) >= DEEPEST:
            return self._cut("{") + "}"
        self._active.append(id(value))
        parts = []
        try:
            for key, item in _first(value, self.size, dict.items):  # a look-up would run `__hash__` of the key
                if self._left <= 0:
                    parts.append(self._cut(""))
                    break
                self._left -= 4
                parts.append(f"{self._write(key)}: {self._write(item)}")
        finally:
            self._active.pop()
        return "{" + ", ".join(parts) + "}"

    def _set(self, value: Any, kind: type) -> str:
        how = static(kind, "__repr__")
        base: Any = set if how is set.__repr__ else frozenset
        if not base.__len__(value):
            return f"{name_of(kind)}()"
        members = _first(value, self.size, base.__iter__)
        body = self._items(members, "{", list.__getitem__, len(members), "}")
        return body if kind is set else f"{name_of(kind)}({body})"

    def _exception(self, value: BaseException, kind: type) -> str:
        arguments = value.args
        if len(arguments) == 1:
            return f"{name_of(kind)}({self._write(arguments[0])})"
        return name_of(kind) + self._items(arguments, "(", tuple.__getitem__, len(arguments), ")")

    def _named(self, value: Any, kind: type) -> str:
        """`plain_name(value)`, from what is known of the class."""
        known = self._known(kind)
        if known.name is None or known.name != (module_of(kind), qualname_of(kind)):
            known.name, known.text = (module_of(kind), qualname_of(kind)), plain_name(value)
        return known.text

    def _generated(self, value: Any, kind: type, fields: Fields) -> str:
        """What the class's generated `__repr__` says. Raises `AttributeError` where a field is missing."""
        if id(value) in self._active:
            return "..."
        items = fields.values(value)
        name = fields.name(kind)
        self._left -= len(name) + 2
        self._active.append(id(value))
        try:
            parts = []
            for field, item in zip(fields.names, items):  # noqa: B905  also for Pythons without `strict`
                self._left -= len(field) + 3
                parts.append(f"{field}={self._write(item)}")
                if self._left <= 0:
                    parts[-1:] = [self._cut("")]
                    break
        finally:
            self._active.pop()
        return f"{name}({', '.join(parts)})"

    def _refusal(self, value: Any) -> str | None:
        """Why the value's `__repr__` is not to be called: it, or that of what it holds, changes something."""
        seen: set[int] = set()
        values = [value]
        for _ in range(_HELD_DEPTH):
            held = []
            for item in values:
                kind = type(item)
                if kind in ATOMS or id(item) in seen or kind in OPAQUE or issubclass(kind, types.ModuleType):
                    continue
                seen.add(id(item))
                if len(seen) > _MOST_HELD:
                    return None
                if flags_of(kind) & HEAP_TYPE:
                    refused = self._known(kind).refused
                    if refused is not None:
                        return refused
                if not issubclass(kind, type):  # of a class only its own text shows
                    held += [one for one in get_referents(item) if one is not kind]
            values = held
        return None

    def _guarded(self, value: Any, how: Callable[[Any], str]) -> str:
        """`how(value)`, which may run the user's code; as far as can be had, the program does not notice."""
        kind = type(value)
        refused = self._refusal(value)
        if refused is None and how is str and changes_something(static(kind, "__str__"), kind):
            refused = _CHANGES
        if refused is not None:
            self.mark = refused
            return plain_name(value)
        sink = _Sink()
        streams = sys.stdout, sys.stderr
        collects = isenabled()
        started = perf_counter()
        fault: str | None = None
        text = ""
        pending = (0.0, 0.0)
        handler: Any = None
        try:
            try:
                disable()  # a finalizer of the program's would print to the sink
                sys.stdout = sys.stderr = sink
                if self._timer:
                    handler = set_handler(signal.SIGALRM, _raise_too_slow)
                    pending = signal.setitimer(signal.ITIMER_REAL, self.seconds)
                text = _within(self._containers, how, value)
            finally:
                if self._timer:
                    signal.setitimer(signal.ITIMER_REAL, 0)
        except _TooSlow:
            fault = "too slow"
        except BaseException as error:
            fault = f"raised {name_of(type(error))}"
        if self._timer:
            signal.setitimer(signal.ITIMER_REAL, *pending)
            set_handler(signal.SIGALRM, handler)
        sys.stdout, sys.stderr = streams
        if collects:
            enable()
        if fault is None and sink.used:
            fault = "prints"
        known = self._known(kind)
        known.calls += 1
        known.seconds += perf_counter() - started
        if fault == "too slow" or (
            fault is None and known.seconds > 4 * self.seconds and known.seconds > known.calls * _SLOW_SECONDS
        ):
            known.refused = "__repr__ too slow"
        if fault is None:
            return _without_address(text)
        self.mark = f"__repr__ {fault}"
        return text if fault == "prints" else plain_name(value)


def _without_address(text: str) -> str:
    """A repr without addresses, and without paths of this machine."""
    if " 0x" in text:
        text = _ADDRESS.sub("", text)
    return _PLACE.sub(r"\1", text) if "coro=<" in text or "cb=[" in text else text


def _within(containers: list[Any], how: Callable[[Any], str], value: Any) -> str:
    """`how(value)`, where the `repr` of a container around it is `[...]` or the like, as inside of its own `repr`."""
    if not containers:
        return how(value)
    entered = [one for one in containers if not _repr_enter(ctypes.py_object(one))]
    try:
        return how(value)
    finally:
        for one in entered:
            _repr_leave(ctypes.py_object(one))


_repr_enter, _repr_leave = ctypes.pythonapi.Py_ReprEnter, ctypes.pythonapi.Py_ReprLeave
_CONTAINERS = (list.__repr__, tuple.__repr__, dict.__repr__, set.__repr__, frozenset.__repr__)
HEAP_TYPE = 1 << 9


def _without_class(value: Any) -> Any:
    """The plain str, bytes or int of an instance of a subclass."""
    if isinstance(value, int):
        return int.__index__(value)
    base: Any = str if isinstance(value, str) else bytes
    return base.__getitem__(value, slice(None))


def _length(value: Any, kind: type) -> int:
    """Items of a C container; 0 where it has none. Never runs the user's code: only for types made in C."""
    measure = getattr(kind, "__len__", None)
    try:
        return int(measure(value)) if measure is not None else 0
    except Exception:
        return 0


def _first(value: Any, count: int, walk: Callable[[Any], Any]) -> list[Any]:
    found = []
    for item in walk(value):
        found.append(item)
        if len(found) > count:
            break
    return found
