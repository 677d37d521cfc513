"""Records calls as they come by in a process that runs anyway: of each function of a workspace the first few.

Standard library only, Python 3.8 and newer. The program's own course is left as it is: a limit ends a recording and
nothing else. Until a function is called that is still wanted, only the calls of Python functions are looked at (with
`sys.monitoring`, from 3.12 on, only those of functions that are wanted); what is recorded is bounded by events, by time
and by bytes, and all recordings together by their share of the time.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Collection
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from json import JSONEncoder
from threading import get_ident
from time import perf_counter, process_time  # by themselves: a test may replace what `time` has
from typing import TYPE_CHECKING, Any

if "." in __name__:
    from .probe import naming_threads
    from .recording import HELD, Recording
    from .scope import Files, Limits
    from .tracers import Monitoring, Tracing, original_settrace
    from .values import Values
else:  # run by path, in a process that need not have the package
    from probe import naming_threads  # type: ignore[no-redef, import-not-found]
    from recording import HELD, Recording  # type: ignore[no-redef, import-not-found]
    from scope import Files, Limits  # type: ignore[no-redef, import-not-found]
    from tracers import Monitoring, Tracing, original_settrace  # type: ignore[no-redef, import-not-found]
    from values import Values  # type: ignore[no-redef, import-not-found]

if TYPE_CHECKING:
    Row = dict[str, Any]

LIMITS = Limits(events=2_000, size=1 << 20, value=1_000, insides=1, repr_seconds=0.05)
_SECONDS = 0.5
"""What one recording may take."""
_SHARE = 0.4
"""Of the processor time that has passed, what all recordings may have taken."""
_HEAD_START = 0.5
"""Seconds that they may take in any case."""
_BYTES = 64 << 20
"""What all of them may take together."""
_IDLE = 20_000
"""Calls without one that is wanted, after which no more are looked at until `begin`."""
_MAKING = 50
"""Calls of an `__init__`, beyond those that are kept, which are looked at: they tell how objects are made."""
_SUSPENDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_MONITORS = sys.version_info >= (3, 12)


class Sampler:
    """Records the first `most` calls of each function of the `workspace` (a folder), but for the files of `others`.

    Between `begin` and `pause` calls of this thread are looked at. A recording is a row: `path`, `name` and `line`
    (that of the code object), and its `records` (see `probe`), of which the last is its end; of a method also, where
    the object is as it was made, how that was `made`: `class`, and `path`, `line` and `locals` of its `__init__`; where
    it is not, its `state`: `class`, and `attributes`, a dictionary's text.
    `take` gives the rows as JSON, one a line. A function that can be left before it has ended (a generator, a
    coroutine) is recorded only within others.
    """

    def __init__(self, workspace: str, others: Collection[str] = (), most: int = 3) -> None:
        self.others = set(others)
        self._files = Files("", workspace)
        self._workspace = workspace
        self._most = most
        self._left: dict[int, int] = {}
        """Code objects by their addresses, and how many of their calls are wanted."""
        self._codes: list[types.CodeType] = []
        """They stay: another one at the same address would be taken for it."""
        self._encode = JSONEncoder().encode
        self._rows: list[str] = []
        self._size = 0
        self._began = process_time()
        self._spent = 0.0
        self._since = 0.0
        self._idle = 0
        self._thread = get_ident()
        self._feed: Any = None
        """What feeds the present recording, or has fed the one before: it may be in the middle of an event still."""
        self._names: Any = None
        self._records: list[list[Any]] | None = None
        self._making: Any = None
        """The object whose `__init__` is recorded."""
        self._made: dict[int, Any] = {}
        """Objects by their addresses: their class, their state when they had been made, and how they were made."""
        self._trigger = _Monitored(self._is_wanted, self._record) if _MONITORS else _Traced(self._called)

    def begin(self) -> bool:
        """Look at calls from here on; False where something else in this process does, and only one can."""
        self._idle = 0
        return self._trigger.begin()

    def pause(self) -> None:
        """Look at none until `begin`."""
        if self._records is not None:
            self._recording.close()
            if self._records is not None:
                self._ended()
        self._trigger.end()

    def take(self) -> str:
        """The rows that there are by now, a JSON object a line; they are taken away."""
        rows, self._rows = self._rows, []
        return "".join(rows)

    def _called(self, frame: types.FrameType, event: str, arg: Any) -> None:
        """A trace function, for calls alone."""
        left = self._left.get(id(frame.f_code))
        if left is None:
            left = self._look_at(frame.f_code)
        if left:
            self._idle = 0
            self._record(frame)
        else:
            self._idle += 1
            if self._idle > _IDLE:
                self._trigger.end()

    def _is_wanted(self, code: types.CodeType) -> bool:
        left = self._left.get(id(code))
        return bool(self._look_at(code) if left is None else left)

    def _look_at(self, code: types.CodeType) -> int:
        """How many calls of a code object's function are wanted."""
        is_wanted = (
            not code.co_flags & _SUSPENDS
            and code.co_name[:1] != "<"
            and code.co_filename not in self.others
            and self._files[code.co_filename] is not None
        )
        self._codes.append(code)
        more = _MAKING if code.co_name == "__init__" else 0
        self._left[id(code)] = self._most + more if is_wanted else 0
        return self._left[id(code)]

    def _record(self, frame: types.FrameType) -> None:
        """A wanted call begins."""
        now = process_time()
        if self._records is not None or get_ident() != self._thread or self._size > _BYTES:
            return
        if self._spent > _HEAD_START + _SHARE * (now - self._began):
            return
        code = frame.f_code
        self._left[id(code)] -= 1
        self._code = code
        self._spare = _MAKING if code.co_name == "__init__" else 0
        self._since = now
        self._records = []
        files = Files(code.co_filename, self._workspace)
        files.update({path: found for path, found in self._files.items() if path != code.co_filename})
        recording = Recording(files, [(code.co_name, code.co_firstlineno)], LIMITS, self._take, _go_on)
        self._recording = recording
        self._names = naming_threads(recording)
        self._names.__enter__()
        until = perf_counter() + _SECONDS
        self._feed = (_MonitoringWithin if _MONITORS else _TracingWithin)(recording, until, self._ended)
        self._row = {"path": code.co_filename, "name": code.co_name, "line": code.co_firstlineno}
        self._note_receiver(frame, recording.values)
        self._feed.begin(frame)

    def _note_receiver(self, frame: types.FrameType, values: Values) -> None:
        """How the object was made that a method is called on, if it is now as it was then; else what it holds."""
        code = frame.f_code
        if not code.co_argcount or code.co_varnames[0] != "self":
            return
        receiver = frame.f_locals.get("self")
        if code.co_name == "__init__":
            if getattr(type(receiver), "__repr__", None) is object.__repr__:
                self._making = receiver
        elif _is_plain(type(receiver)):
            state = _state(receiver, values)
            kind, then, made = self._made.get(id(receiver), (None, None, None))
            if kind is type(receiver) and state == then:
                self._row["made"] = made
            elif state is not None:
                self._row["state"] = {"class": type(receiver).__qualname__, "attributes": state}

    def _note_made(self, entry: list[Any], values: Values) -> None:
        """An object has been made."""
        made, self._making = self._making, None
        state = _state(made, values)
        if state is not None:
            row = {
                "path": self._row["path"],
                "line": self._row["line"],
                "locals": {name: text for name, text in entry[4].items() if name[-1:] != HELD},
                "class": type(made).__name__,
            }
            self._made[id(made)] = type(made), state, row

    def _take(self, record: list[Any]) -> None:
        if self._records is None or (self._records and self._records[-1][0] == "end"):
            return
        self._records.append(record)
        if record[0] == "end" and _MONITORS:  # a trace function can only be changed when it has done its work
            self._ended()

    def _ended(self) -> None:
        """The recording has come to its end."""
        records, self._records = self._records, None
        self._feed.finish()
        self._names.__exit__(None, None, None)
        self._trigger.again()
        if records and self._making is not None and records[-1][1]["kind"] == "return":
            self._note_made(records[0], self._recording.values)
        self._making = None
        if records and self._left[id(self._code)] >= self._spare:
            row = self._encode({**self._row, "records": records}) + "\n"
            self._size += len(row)
            self._rows.append(row)
        self._spent += process_time() - self._since


def _is_plain(kind: type) -> bool:
    """Whether the attributes of a class's objects are all that there is to them."""
    has_slots = any("__slots__" in vars(one) for one in kind.__mro__)
    return getattr(kind, "__new__", None) is object.__new__ and not has_slots


def _state(made: object, values: Values) -> str | None:
    """The text of an object's attributes, None where that does not tell all of them."""
    try:
        text = values.text(object.__getattribute__(made, "__dict__"))
    except AttributeError:
        return None
    return None if values.mark is not None or text == "None" or " object>" in text else text


def _go_on(_end: dict[str, Any]) -> None:
    """A limit ends the recording, and not the program."""


class _Traced:
    """Calls by `sys.settrace`, up to 3.11, unless that is in use: by a debugger, or what measures coverage."""

    def __init__(self, called: Callable[[types.FrameType, str, Any], None]) -> None:
        self._called = called
        self._settrace = original_settrace()

    def begin(self) -> bool:
        if sys.gettrace() not in (None, self._called):
            return False
        self._settrace(self._called)
        return True

    again = begin

    def end(self) -> None:
        if sys.gettrace() == self._called:
            self._settrace(None)


class _TracingWithin(Tracing):
    """Feeds a recording that begins in the middle of a program, with the frame of its own call."""

    def __init__(self, recording: Recording, deadline: float, ended: Callable[[], None]) -> None:
        super().__init__(recording)
        self._deadline = deadline
        self._ended = ended  # type: ignore[method-assign]

    def begin(self, frame: types.FrameType) -> None:
        self._old_hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable
        self._stack.begin_within()
        self._trace(self._event_address)
        self._recording.shares_locals = True  # until the trace function that this is called by returns
        self._entered(frame, self._stack.left())
        self._recording.shares_locals = False

    def finish(self) -> None:
        self._trace(None)
        self._edge = self._exceeded = None
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = self._old_hook
        self._stack.end()

    def _entered(self, frame: types.FrameType, left: int) -> None:
        if self._recording.end is None and perf_counter() > self._deadline:
            self._recording.limit(_TOO_LONG)
        super()._entered(frame, left)


_TOO_LONG = f"the call took longer than {_SECONDS:g} s"


class _Monitored:
    """Calls by `sys.monitoring`, from 3.12 on, beside whatever uses that or `sys.settrace`."""

    def __init__(self, is_wanted: Callable[[types.CodeType], bool], record: Callable[[types.FrameType], None]) -> None:
        self._is_wanted = is_wanted
        self._record = record
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self._tool: int | None = None

    def begin(self) -> bool:
        monitoring = self._monitoring
        if self._tool is None:
            self._tool = next((tool for tool in (4, 3) if monitoring.get_tool(tool) is None), None)
            if self._tool is None:
                return False
            monitoring.use_tool_id(self._tool, "cwm-lsp sampler")
            monitoring.register_callback(self._tool, monitoring.events.PY_START, self._start)
        monitoring.set_events(self._tool, monitoring.events.PY_START)
        return True

    def again(self) -> bool:
        return True

    def end(self) -> None:
        if self._tool is not None:
            self._monitoring.set_events(self._tool, 0)

    def _start(self, code: types.CodeType, offset: int) -> Any:
        if not self._is_wanted(code):
            return self._monitoring.DISABLE
        self._record(sys._getframe(1))
        return None


class _MonitoringWithin(Monitoring):
    """Feeds a recording that begins in the middle of a program, with the frame of its own call."""

    def __init__(self, recording: Recording, deadline: float, ended: Callable[[], None]) -> None:
        super().__init__(recording)
        self._deadline = deadline

    def begin(self, frame: types.FrameType) -> None:
        self._attach()
        self._stack.begin_within()
        self._entered(frame.f_code, frame, self._stack.left(), resumed=False)

    def finish(self) -> None:
        self.__exit__()

    def _entered(self, code: types.CodeType, frame: types.FrameType, left: int, *, resumed: bool) -> None:
        if self._recording.end is None and perf_counter() > self._deadline:
            self._recording.limit(_TOO_LONG)
        else:
            super()._entered(code, frame, left, resumed=resumed)
