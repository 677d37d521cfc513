"""The text of a value: its `repr`, bounded in size and time and without side effects where that can be helped.

Runs inside the debuggee: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import collections
import re
import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from marshal import dumps
from typing import Any

_NONE = type(None)
ATOMS = frozenset({_NONE, bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented)})
"""Types whose values never change, so that the same object has the same text."""
_SHORT = ATOMS - {int, str, bytes}
COMPARABLE = frozenset({list, tuple, dict})
"""Types that may have a fingerprint."""
_FLAT = frozenset({list, tuple})
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_BIG = 10**18
_DEEPEST = 60
_MOST_DIGITS = 4_300
_SLOW_SECONDS = 0.002
"""A `__repr__` that takes longer than this each time is given up when the sum is too much."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{4,16}\b")
_EXACT = (list, tuple, set, frozenset, dict, str, bytes, bytearray, int, collections.deque)
_OPAQUE = frozenset(
    {
        type,
        types.FunctionType,
        types.BuiltinFunctionType,
        types.GeneratorType,
        types.CoroutineType,
        types.AsyncGeneratorType,
        types.CodeType,
        types.FrameType,
        types.TracebackType,
        type(iter([])),
        type(iter(())),
        type(iter({})),
        type(iter({}.values())),
        type(iter({}.items())),
        type(iter(set())),
        type(iter("")),
        type(iter(range(0))),
        range,
    }
)
"""Types whose C `repr` runs no code of the user's; an address in it is left out."""


_MOST_ITEMS = 4_096


def fingerprint(value: Any) -> bytes | None:
    """What tells quickly whether a list, tuple or dict still has the same text; None where only the text itself does.

    There is one for atoms, and lists and tuples of atoms, in it: marshalling tells exact builtin types apart, and so
    flat a value costs no more than its items.
    """
    items = (*value, *value.values()) if type(value) is dict else value
    if len(items) > _MOST_ITEMS:
        return None
    if not ATOMS.issuperset(map(type, items)):
        inner = [item for item in items if type(item) not in ATOMS]
        if not _FLAT.issuperset(map(type, inner)) or sum(map(len, inner)) > _MOST_ITEMS:
            return None
        if not all(ATOMS.issuperset(map(type, item)) for item in inner):
            return None
    try:
        return dumps(value, 2)
    except ValueError:  # `NotImplemented`
        return None


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


def plain_name(value: object) -> str:
    """`<module.Class object>`: what `object.__repr__` gives, without the address."""
    return _ADDRESS.sub("", object.__repr__(value))


class Values:
    """Texts of values, at most about `size` characters each.

    `text` is `repr(value)` wherever that fits, runs no code of the user's and has no address in it. Where a value had
    to be cut, or its `__repr__` raised, took longer than `seconds`, printed or changed the object, `mark` says so after
    the call, and the text is the best that can be had; a class whose `__repr__` misbehaved is not asked again.
    """

    def __init__(self, size: int = 4_096, seconds: float = 0.5) -> None:
        self.size = size
        self.seconds = seconds
        self.mark: str | None = None
        self.plain = True
        """Whether the last text came straight from C's `repr` of exact builtins."""
        self._left = 0
        self._active: list[int] = []
        self._refused: dict[type, str] = {}
        self._spent: dict[type, tuple[float, int]] = {}
        self._timer = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def text(self, value: Any) -> str:
        self.mark = None
        self.plain = True
        kind = type(value)
        if kind in _SHORT:
            return repr(value)
        if kind is int:
            if -_BIG < value < _BIG:
                return repr(value)
        elif kind is str:
            if len(value) <= self.size:
                return repr(value)
        elif (kind in _SEQUENCES or kind is dict) and _room(value, self.size, 0) >= 0:
            return repr(value)
        self.plain = False
        self._left = self.size
        self._active = []
        try:
            return self._write(value)
        except RecursionError:
            if sys.version_info < (3, 9):  # noqa: UP036  debuggees may be older than we are
                raise  # 3.8 aborts a program that goes on so deep
            self.mark = "cut"
            return plain_name(value)

    def triple(self, error: BaseException) -> str:
        """The text of settrace's `(type, value, traceback)`."""
        value = self.text(error)
        mark = self.mark
        kind = self.text(type(error))
        self.mark = mark or self.mark
        return f"({kind}, {value}, <traceback object>)"

    def message(self, error: BaseException) -> str:
        """`str(error)`, guarded as a `__repr__` is."""
        if type(error).__str__ is BaseException.__str__ and len(error.args) == 1 and type(error.args[0]) is str:
            return error.args[0][: self.size]
        return self._guarded(error, str)[: self.size]

    def _cut(self, head: str) -> str:
        self.mark = self.mark or "cut"
        self._left = 0
        return head + "..."

    def _write(self, value: Any) -> str:
        kind = type(value)
        if kind in _SHORT:
            text = repr(value)
        elif kind is int:
            text = self._integer(value)
        elif kind is str or kind is bytes or kind is bytearray:
            room = max(self._left, 8)
            text = repr(value) if len(value) <= room else self._cut(repr(value[:room]))
        elif kind in _OPAQUE:
            text = _ADDRESS.sub("", repr(value))
        else:
            return self._composite(value, kind)
        self._left -= len(text)
        return text

    def _integer(self, value: int) -> str:
        # Converting is quadratic in the digits, and refused beyond 4,300 of them on newer Pythons.
        if value.bit_length() > _MOST_DIGITS * 3:
            return self._cut(f"<int of {value.bit_length()} bits>")
        return repr(value)

    def _composite(self, value: Any, kind: type) -> str:
        how: Any = kind.__repr__
        if how is list.__repr__:
            return self._items(value, "[", list.__getitem__, list.__len__(value), "]")
        if how is tuple.__repr__:
            length = tuple.__len__(value)
            return self._items(value, "(", tuple.__getitem__, length, ",)" if length == 1 else ")")
        if how is dict.__repr__:
            return self._mapping(value)
        if how is set.__repr__ or how is frozenset.__repr__:
            return self._set(value, kind)
        if how is BaseException.__repr__:
            return self._exception(value, kind)
        if kind is types.MethodType:
            name = getattr(value.__func__, "__qualname__", "?")
            return f"<bound method {name} of {self._write(value.__self__)}>"
        if how is object.__repr__:
            text = plain_name(value)
        elif how in (str.__repr__, bytes.__repr__, int.__repr__):
            return self._write(_without_class(value))
        elif not kind.__flags__ & _HEAP_TYPE and _length(value, kind) > self.size // 3:
            text = self._cut(f"<{kind.__name__} of {_length(value, kind)} items>")
        else:
            text = self._guarded(value, repr)
            if len(text) > max(self._left, 80):
                text = self._cut(text[: max(self._left, 80)])
        self._left -= len(text)
        return text

    def _items(self, value: Any, opening: str, get: Callable[..., Any], length: int, closing: str) -> str:
        if id(value) in self._active:
            return opening + "..." + closing[-1]
        if len(self._active) >= _DEEPEST:
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
        if len(self._active) >= _DEEPEST:
            return self._cut("{") + "}"
        self._active.append(id(value))
        parts = []
        try:
            for key in list(dict.__iter__(value)) if dict.__len__(value) <= self.size else _first(value, self.size):
                if self._left <= 0:
                    parts.append(self._cut(""))
                    break
                self._left -= 4
                parts.append(f"{self._write(key)}: {self._write(dict.__getitem__(value, key))}")
        finally:
            self._active.pop()
        return "{" + ", ".join(parts) + "}"

    def _set(self, value: Any, kind: type) -> str:
        how: Any = kind.__repr__
        base: Any = set if how is set.__repr__ else frozenset
        if not base.__len__(value):
            return f"{kind.__name__}()"
        members = _first(value, self.size, base.__iter__)
        body = self._items(members, "{", list.__getitem__, len(members), "}")
        return body if kind is set else f"{kind.__name__}({body})"

    def _exception(self, value: BaseException, kind: type) -> str:
        arguments = value.args
        if len(arguments) == 1:
            return f"{kind.__name__}({self._write(arguments[0])})"
        return kind.__name__ + self._items(arguments, "(", tuple.__getitem__, len(arguments), ")")

    def _guarded(self, value: Any, how: Callable[[Any], str]) -> str:
        """`how(value)`, which may run the user's code; as far as can be had, the program does not notice."""
        kind = type(value)
        if kind in self._refused:
            self.mark = self._refused[kind]
            return plain_name(value)
        before = _state(value)
        sink = _Sink()
        streams = sys.stdout, sys.stderr
        started = time.perf_counter()
        fault: str | None = None
        text = ""
        pending = (0.0, 0.0)
        handler: Any = None
        try:
            try:
                sys.stdout = sys.stderr = sink
                if self._timer:
                    handler = signal.signal(signal.SIGALRM, _raise_too_slow)
                    pending = signal.setitimer(signal.ITIMER_REAL, self.seconds)
                text = how(value)
            finally:
                if self._timer:
                    signal.setitimer(signal.ITIMER_REAL, 0)
        except _TooSlow:
            fault = "too slow"
        except BaseException as error:
            fault = f"raised {type(error).__name__}"
        if self._timer:
            signal.setitimer(signal.ITIMER_REAL, *pending)
            signal.signal(signal.SIGALRM, handler)
        sys.stdout, sys.stderr = streams
        if fault is None and sink.used:
            fault = "prints"
        if before is not None and _state(value) != before:
            _restore(value, before)
            fault = "changes the object"
        seconds, calls = self._spent.get(kind, (0.0, 0))
        seconds, calls = self._spent[kind] = seconds + time.perf_counter() - started, calls + 1
        if fault is None and seconds > 4 * self.seconds and seconds > calls * _SLOW_SECONDS:
            self._refused[kind] = "__repr__ too slow"
        if fault is None:
            return _ADDRESS.sub("", text) if " at 0x" in text else text
        self.mark = f"__repr__ {fault}"
        if fault not in ("prints",) and not fault.startswith("raised"):
            self._refused[kind] = self.mark
        return text if fault == "prints" else plain_name(value)


_HEAP_TYPE = 1 << 9


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


def _first(value: Any, count: int, walk: Callable[[Any], Any] = dict.__iter__) -> list[Any]:
    found = []
    for item in walk(value):
        found.append(item)
        if len(found) > count:
            break
    return found


class _State:
    """What a `__repr__` could change of an object: its attributes, and the sizes of those that are containers."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = dict(attributes)
        self.sizes = [len(item) for item in attributes.values() if type(item) in (list, dict, set)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _State) or self.attributes.keys() != other.attributes.keys():
            return False
        same = all(item is other.attributes[name] for name, item in self.attributes.items())
        return same and self.sizes == other.sizes

    __hash__ = None  # type: ignore[assignment]


def _state(value: Any) -> _State | None:
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except Exception:
        return None
    return _State(attributes) if type(attributes) is dict else None


def _restore(value: Any, before: _State) -> None:
    attributes = object.__getattribute__(value, "__dict__")
    attributes.clear()
    attributes.update(before.attributes)


def _room(value: Any, room: int, depth: int) -> int:
    """Characters of `room` left after the text of a container of exact builtins; negative where it is not one.

    An upper estimate, so that what fits here may be given to C's `repr` at once.
    """
    kind = type(value)
    length = len(value)
    room -= 2 * length + 2
    if room < 0 or depth > _DEEPEST:
        return -1
    if kind is dict:
        room = _room_of(value, room, depth)
        return room if room < 0 else _room_of(value.values(), room, depth)
    return _room_of(value, room, depth)


def _room_of(items: Any, room: int, depth: int) -> int:
    for item in items:
        kind = type(item)
        if kind is int:
            if not -_BIG < item < _BIG:
                return -1
            room -= 20 if item > 999_999 or item < -99_999 else 6
        elif kind is str or kind is bytes:
            room -= len(item) + 2
        elif kind in _SHORT:
            room -= 25
        elif kind in _SEQUENCES or kind is dict:
            room = _room(item, room, depth + 1)
        else:
            return -1
        if room < 0:
            return -1
    return room
