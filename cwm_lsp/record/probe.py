"""The recorder inside the debuggee: every event of one call, with `sys.settrace` or `sys.monitoring`.

Standard library only, Python 3.8 and newer. Events mean what `sys.settrace` on CPython 3.11 means by them.

A record is a list that JSON can hold, one per event, locals as differences within an activation of a scope:

    ["c", depth, line, name, {local: text}]     a scope is entered or resumed: all its locals
    ["l", depth, line, {local: text}]           a line is about to run: the locals that are new or changed
    ["r", depth, line, text]                    the scope is left or suspended
    ["e", depth, line, text]                    an exception is raised in, or passes through, the scope
    ["end", {...}]                              the last one; see `Recording.end`

An "l" has two more items where names went away (a list of them) or a value has a mark (`{local: mark}`); "c", "r" and
"e" have the marks as their last item. A "c" in another file than the traced one has marks and the file's path.
"""

# ruff: noqa: PTH117, PTH118, PTH120, PTH206  `os` is what is loaded already
from __future__ import annotations

import ast
import contextlib
import dis
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn

if "." in __name__:
    from .values import ATOMS, COMPARABLE, Values, fingerprint
else:  # run by path, inside a debuggee that need not have the package
    from values import ATOMS, COMPARABLE, Values, fingerprint  # type: ignore[no-redef, import-not-found]

if TYPE_CHECKING:
    Record = list[Any]
    Marks = dict[str, str]

_MISSING = object()
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_OPTIMIZED = inspect.CO_OPTIMIZED
_RETURNS = frozenset(code for name, code in dis.opmap.items() if name.startswith("RETURN_") and "GENERATOR" not in name)
_YIELD_FROM = bytes([dis.opmap["YIELD_FROM"]]) if "YIELD_FROM" in dis.opmap else b"none"
_YIELDS = frozenset(code for name, code in dis.opmap.items() if name in ("YIELD_VALUE", "YIELD_FROM"))
_CLASS_EXTRAS = frozenset({"__firstlineno__", "__static_attributes__", "__classdict__", "__annotate_func__"})
"""What newer Pythons put into a class body's namespace and 3.11 does not."""


@dataclass(frozen=True)
class Limits:
    """Where a recording ends, and how much of a value is kept."""

    events: int = 20_000
    """Most events of one trace."""
    size: int = 64 << 20
    """Most bytes of one trace."""
    value: int = 4_096
    """Most characters of one value, about."""
    repr_seconds: float = 0.5
    """Most time for one `__repr__` of the program's own."""
    memory: int = 4 << 30
    """Most bytes of memory that the program and the processes it starts may hold."""
    output: int = 4 << 20
    """Most bytes that the program may print."""


class Files(dict):  # type: ignore[type-arg]  # in Python 3.8 it takes no parameters
    """`co_filename` → what is recorded of that code: None nothing; "" the traced file; else the path of another file.

    Other files are recorded where there is a `workspace` (a folder) and they are the user's own in it: no library, no
    hidden folder's.
    """

    def __init__(self, filename: str, workspace: str | None = None) -> None:
        super().__init__({filename: ""})
        self._workspace = os.path.join(os.path.realpath(workspace), "") if workspace else None
        self._library = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")

    def __missing__(self, filename: str) -> str | None:
        found = self[filename] = filename if self._is_in_workspace(filename) else None
        return found

    def _is_in_workspace(self, filename: str) -> bool:
        if self._workspace is None or not os.path.isabs(filename):
            return False
        path = os.path.realpath(filename)
        if not path.startswith(self._workspace) or path.startswith(self._library):
            return False
        folders = path[len(self._workspace) :].split(os.sep)
        return not any(folder.startswith(".") or folder in _INSTALLED for folder in folders)


class Stopped(BaseException):
    """Raised inside the recorded program when a limit is reached."""


class Scope:
    """One activation of a code object: from its entry or resumption to its return or suspension."""

    __slots__ = ("code", "depth", "kept", "line", "marks", "prints", "raised_at", "texts")

    def __init__(self, code: types.CodeType, depth: int, texts: dict[str, str]) -> None:
        self.code = code
        self.depth = depth
        self.texts = texts
        self.kept: dict[str, Any] = {}
        self.prints: dict[str, bytes] = {}
        self.marks: Marks = {}
        self.raised_at = -1
        self.line = 0


class Recording:
    """Turns what a tracer sees into records.

    The trace starts where one of `targets` (name and first line of a code object in the traced one of `files`) is first
    entered in the thread that made the recording, and ends where that activation is left for good. `emit` takes each
    record, or raises `OverflowError` where there is no room; `stop` is called when a limit is reached, and must not
    return.
    """

    def __init__(
        self,
        files: Files,
        targets: Collection[tuple[str, int]],
        limits: Limits,
        emit: Callable[[Record], None],
        stop: Callable[[dict[str, Any]], None],
    ) -> None:
        self.files = files
        self.targets = targets
        self.emit = emit
        self.stop = stop
        self.values = Values(limits.value, limits.repr_seconds)
        self.thread = get_ident()
        self.end: dict[str, Any] | None = None
        self._others: set[str] = set()
        self._limit = limits.events
        self._size = limits.size
        self._left = limits.events
        self._stack: list[Scope] = []
        self._entry = 0
        self._orders: dict[int, dict[str, str]] = {}
        self._error: BaseException | None = None
        self._error_line: int | None = None

    def enter(self, frame: types.FrameType, *, resumed: bool = False) -> bool:
        """A scope of one of the files is entered; whether it is part of the trace."""
        code = frame.f_code
        path = self.files[code.co_filename]
        if self.end is not None:
            return False
        if self._stack:
            depth = self._stack[-1].depth + 1
        elif self._entry:
            depth = 0 if self._entry == id(frame) else 1
        elif (code.co_name, code.co_firstlineno) in self.targets and not path:
            self._entry = id(frame)
            depth = 0
        else:
            return False
        texts = self._orders.pop(id(frame), {}) if resumed and code.co_flags & _GENERATOR else {}
        scope = Scope(code, depth, texts)
        local = frame.f_locals
        if texts:
            self._changes(scope, local)
            self._gone(scope, local)
        else:
            if code.co_cellvars and code.co_argcount:
                local = _arguments_first(code, local)
            self._changes(scope, local)
        record = ["c", depth, frame.f_lineno, code.co_name, scope.texts.copy()]
        if scope.marks or path:
            record.append(dict(scope.marks))
        if path:
            record.append(path)
        self._emit(record)
        self._stack.append(scope)
        return True

    def line(self, frame: types.FrameType, line: int) -> None:
        if self._stack and self._stack[-1].code is frame.f_code:
            scope = self._stack[-1]
            scope.line = line
            scope.raised_at = -1
            local = frame.f_locals
            record = ["l", scope.depth, line, self._changes(scope, local)]
            gone = self._gone(scope, local) if len(scope.texts) != len(local) else []
            if gone or scope.marks:
                record.append(gone)
                record.append(dict(scope.marks))
            self._emit(record)

    def leave(self, frame: types.FrameType, line: int, value: Any, how: str) -> None:
        """The scope is left: `how` is "return", "yield" or "unwind"."""
        if not (self._stack and self._stack[-1].code is frame.f_code):
            return
        scope = self._stack.pop()
        line = line or scope.line  # cleaning up may have no line
        text = "None" if how == "unwind" else self.values.text(value)
        mark = None if how == "unwind" else self.values.mark
        if how == "yield":
            self._orders[id(frame)] = scope.texts
        self._emit(["r", scope.depth, line, text, {"value": mark}] if mark else ["r", scope.depth, line, text])
        if scope.depth == 0 and how != "yield":
            self._finish(how, text)

    def exception(self, frame: types.FrameType, line: int, error: BaseException, mark: str | None = None) -> None:
        if not (self._stack and self._stack[-1].code is frame.f_code):
            return
        scope = self._stack[-1]
        scope.raised_at = frame.f_lasti
        scope.line = line
        if error is not self._error and not self.files[frame.f_code.co_filename]:
            self._error, self._error_line = error, line
        text = self.values.triple(error)
        mark = mark or self.values.mark
        self._emit(["e", scope.depth, line, text, {"value": mark}] if mark else ["e", scope.depth, line, text])

    def raised_on(self, line: int) -> bool:
        """Whether the last event of the innermost scope is an exception on this line."""
        return bool(self._stack) and self._stack[-1].raised_at >= 0 and self._stack[-1].line == line

    def how_left(self, frame: types.FrameType, value: Any) -> str:
        """What a settrace `return` event is: it tells neither a yield nor an unwinding apart from a return."""
        code = frame.f_code.co_code
        operation = code[frame.f_lasti]
        if operation not in _RETURNS and code[frame.f_lasti + 2 : frame.f_lasti + 3] == _YIELD_FROM:
            return "yield"  # up to 3.10 `yield from` and `await` are left at the instruction before theirs
        if value is not None or operation in _RETURNS:
            return "yield" if operation in _YIELDS else "return"
        raised_here = self._stack and self._stack[-1].raised_at == frame.f_lasti
        return "yield" if operation in _YIELDS and not raised_here else "unwind"

    def name(self, thread: threading.Thread) -> None:
        """A thread runs while the call does; the recorded one and the debugger's own do not count."""
        if thread.ident != self.thread and not getattr(thread, "pydev_do_not_trace", False):
            self._others.add(thread.name)

    def close(self, error: BaseException | None = None) -> dict[str, Any]:
        """The end of the trace, where the call has returned or raised `error`."""
        if self.end is not None:
            return self.end
        if not self._entry:
            end: dict[str, Any] = {"kind": "error", "entered": False}
            if error is not None:
                end["detail"] = f"{type(error).__name__}: {self.values.message(error)}"
        elif self._stack:
            end = {"kind": "error", "detail": "the program took the trace function away: the rest is not recorded"}
        else:
            end = {"kind": "return", "value": None, "detail": "the call was left suspended at a yield"}
        return self._conclude(end)

    def detach(self) -> None:
        """Nothing is recorded from here on: this process is a fork of the recorded one."""
        self.end = {"kind": "error", "threads": []}
        self._stack.clear()

    def limit(self, detail: str) -> None:
        """Ends the trace because a limit was reached."""
        self.stop(self._conclude({"kind": "truncated", "detail": detail}))

    def _finish(self, how: str, text: str) -> None:
        if how == "return":
            self._conclude({"kind": "return", "value": text})
            return
        assert self._error is not None
        self._conclude(self._raised(self._error, self._error_line))

    def _raised(self, error: BaseException, line: int | None) -> dict[str, Any]:
        message = self.values.message(error)
        return {"kind": "exception", "type": type(error).__name__, "message": message, "line": line}

    def _conclude(self, end: dict[str, Any]) -> dict[str, Any]:
        end["threads"] = sorted(self._others)
        self.end = end
        self._stack.clear()
        self._error = None
        self.emit(["end", end])
        return end

    def _emit(self, record: Record) -> None:
        if not self._left:
            self.limit(f"the limit of {self._limit:,} events was reached")
        self._left -= 1
        try:
            self.emit(record)
        except OverflowError:
            self.limit(f"the trace would be larger than {self._size:,} bytes")

    def _changes(self, scope: Scope, local: Any) -> dict[str, str]:
        """The texts that are not as they were; `scope` is brought up to date."""
        texts, kept, prints, values = scope.texts, scope.kept, scope.prints, self.values
        changed = {}
        skip = not scope.code.co_flags & _OPTIMIZED
        for name, value in local.items():
            if kept.get(name, _MISSING) is value:
                continue
            if skip and name in _CLASS_EXTRAS:
                continue
            kind = type(value)
            before = prints.pop(name, None)
            now = fingerprint(value) if before is not None and kind in COMPARABLE else None
            if now is not None and now == before:
                prints[name] = now
                continue
            text = values.text(value)
            if values.plain and kind in COMPARABLE:
                now = now or fingerprint(value)
                if now is not None:
                    prints[name] = now
            if values.mark is not None:
                scope.marks[name] = values.mark
            elif scope.marks:
                scope.marks.pop(name, None)
            if kind in ATOMS:
                kept[name] = value
            else:
                kept.pop(name, None)
            if texts.get(name) != text:
                changed[name] = texts[name] = text
        return changed

    def _gone(self, scope: Scope, local: Any) -> list[str]:
        gone = [name for name in scope.texts if name not in local]
        for name in gone:
            del scope.texts[name]
            scope.kept.pop(name, None)
            scope.prints.pop(name, None)
            scope.marks.pop(name, None)
        return gone


def _arguments_first(code: types.CodeType, local: Any) -> dict[str, Any]:
    """Locals at entry as 3.11 has them: up to 3.10 arguments that a closure uses come last."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    ordered = {name: local[name] for name in code.co_varnames[:count] if name in local}
    ordered.update((name, value) for name, value in local.items() if name not in ordered)
    return ordered


class SetTrace:
    """Feeds a recording from `sys.settrace`, which it leaves as it was."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._files = recording.files
        self._settrace = _original_settrace()

    def __enter__(self) -> None:
        self._old = sys.gettrace()
        self._settrace(self._call)

    def __exit__(self, *_: object) -> None:
        self._settrace(self._old)

    def _call(self, frame: types.FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        try:
            if self._files[frame.f_code.co_filename] is not None and self._recording.enter(frame, resumed=True):
                return self._local
        except RecursionError as error:
            # Up to 3.10 a scope whose entry fails has no `return` for a profile function: its caller's comes first.
            self._outlive(error, frame.f_back if sys.version_info < (3, 11) else None)
        return None

    def _local(self, frame: types.FrameType, event: str, arg: Any) -> Callable[..., Any]:
        try:
            if event == "line":
                self._recording.line(frame, frame.f_lineno)
            elif event == "return":
                self._recording.leave(frame, frame.f_lineno, arg, self._recording.how_left(frame, arg))
            elif event == "exception":
                self._recording.exception(frame, frame.f_lineno, arg[1])
        except RecursionError as error:
            self._outlive(error, frame)
        return self._local

    def _outlive(self, error: RecursionError, broken: types.FrameType | None) -> NoReturn:
        """The program is at its recursion limit: the error is passed on to it, and the tracer survives that.

        The interpreter drops a trace function that raises. A profile function stays: at its first call, when the frame
        is left, it puts the trace function back and tells the two events that were missed.
        """
        settrace, call, recording = self._settrace, self._call, self._recording

        def profile(frame: types.FrameType, event: str, arg: Any) -> None:
            sys.setprofile(old)
            settrace(call)
            if event == "return" and frame is broken:
                limit = sys.getrecursionlimit()
                sys.setrecursionlimit(limit + _DEEP)
                how = recording.how_left(frame, arg)
                recording.exception(frame, frame.f_lineno, error, None if how == "unwind" else "caught unseen")
                recording.leave(frame, frame.f_lineno, arg, how)
                with contextlib.suppress(RecursionError):  # 3.8 does not lower it this deep
                    sys.setrecursionlimit(limit)

        old = sys.getprofile()
        sys.setprofile(profile)
        raise error


def _original_settrace() -> Callable[[Any], None]:
    """`sys.settrace` itself: pydevd replaces it by one that warns."""
    holder = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
    return getattr(holder, "_original_tracing", None) or sys.settrace


class Monitoring:
    """Feeds a recording from `sys.monitoring` (3.12 and newer), beside a debugger that uses it too."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._files = recording.files
        self._thread = recording.thread
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self._known: set[types.CodeType] = set()
        self._jumps: dict[types.CodeType, dict[int, int]] = {}

    def __enter__(self) -> None:
        monitoring = self._monitoring
        events = monitoring.events
        # 0, 1, 2 and 5 are spoken for: debugger, coverage, profiler, optimizer.
        self._tool = next((tool for tool in (3, 4) if monitoring.get_tool(tool) is None), None)
        if self._tool is None:
            raise RuntimeError("both free tool ids of sys.monitoring are taken")
        monitoring.use_tool_id(self._tool, "cwm-lsp recorder")
        for event, callback in (
            (events.PY_START, self._start),
            (events.PY_RESUME, self._resume),
            (events.PY_THROW, self._throw),
            (events.PY_UNWIND, self._unwind),
            (events.RAISE, self._raise),
            (events.PY_RETURN, self._return),
            (events.PY_YIELD, self._yield),
            (events.LINE, self._line),
            (events.JUMP, self._jump),
            (events.STOP_ITERATION, self._stop_iteration),
        ):
            monitoring.register_callback(self._tool, event, callback)
        everywhere = events.PY_START | events.PY_RESUME | events.PY_THROW | events.PY_UNWIND | events.RAISE
        self._local_events = events.PY_RETURN | events.PY_YIELD | events.LINE | events.JUMP | events.STOP_ITERATION
        self._disable = monitoring.DISABLE
        monitoring.restart_events()
        monitoring.set_events(self._tool, everywhere)

    def __exit__(self, *_: object) -> None:
        monitoring = self._monitoring
        monitoring.set_events(self._tool, 0)
        for code in self._known:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)

    def _mine(self, code: types.CodeType) -> bool:
        """Whether the code is of the files and runs in the recorded thread."""
        return self._files[code.co_filename] is not None and get_ident() == self._thread

    def _start(self, code: types.CodeType, offset: int) -> Any:
        return self._enter(code, resumed=False)

    def _resume(self, code: types.CodeType, offset: int) -> Any:
        return self._enter(code, resumed=True)

    def _throw(self, code: types.CodeType, offset: int, error: BaseException) -> None:
        if self._mine(code):
            self._recording.enter(sys._getframe(1), resumed=True)

    def _enter(self, code: types.CodeType, *, resumed: bool) -> Any:
        if self._files[code.co_filename] is None:
            return self._disable
        if code not in self._known:
            self._known.add(code)
            self._monitoring.set_local_events(self._tool, code, self._local_events)
        if get_ident() == self._thread:
            self._recording.enter(sys._getframe(2), resumed=resumed)
        return None

    def _line(self, code: types.CodeType, line: int) -> None:
        # Handlers that the compiler adds, on the line that raised, are no events to settrace.
        if get_ident() == self._thread and not self._recording.raised_on(line):
            self._recording.line(sys._getframe(1), line)

    def _jump(self, code: types.CodeType, offset: int, destination: int) -> Any:
        """settrace has a `line` event for each jump back within a line; monitoring has none."""
        if destination > offset:
            return self._disable
        lines = self._jumps.get(code)
        if lines is None:
            lines = self._jumps[code] = {
                at: line for start, end, line in code.co_lines() if line for at in range(start, end, 2)
            }
        line = lines.get(destination)
        if line is None or line != lines.get(offset):
            return self._disable
        if get_ident() == self._thread:
            self._recording.line(sys._getframe(1), line)
        return None

    def _return(self, code: types.CodeType, offset: int, value: Any) -> None:
        if get_ident() == self._thread:
            frame = sys._getframe(1)
            self._recording.leave(frame, frame.f_lineno, value, "return")

    def _yield(self, code: types.CodeType, offset: int, value: Any) -> None:
        if get_ident() == self._thread:
            frame = sys._getframe(1)
            self._recording.leave(frame, frame.f_lineno, value, "yield")

    def _unwind(self, code: types.CodeType, offset: int, error: BaseException) -> None:
        if self._mine(code):
            frame = sys._getframe(1)
            self._recording.leave(frame, frame.f_lineno, None, "unwind")

    def _raise(self, code: types.CodeType, offset: int, error: BaseException) -> None:
        if self._mine(code):
            frame = sys._getframe(1)
            self._recording.exception(frame, frame.f_lineno, error)

    def _stop_iteration(self, code: types.CodeType, offset: int, error: StopIteration) -> None:
        """An awaited coroutine, or a generator that returns a value, has ended: an exception to settrace on 3.11."""
        if get_ident() != self._thread or (error.value is None and not code.co_flags & _COROUTINE):
            return
        frame = sys._getframe(1)
        shown = error if error.value is not None else StopIteration()
        self._recording.exception(frame, frame.f_lineno, shown)


def tracer(recording: Recording) -> Any:
    """The context manager that feeds the recording while it is entered."""
    return Monitoring(recording) if sys.version_info >= (3, 12) else SetTrace(recording)


@contextlib.contextmanager
def naming_threads(recording: Recording) -> Iterator[None]:
    """Tells the recording of every other thread that runs meanwhile."""
    settrace = _original_settrace()

    def started(frame: types.FrameType, event: str, arg: Any) -> None:
        recording.name(threading.current_thread())
        settrace(None)  # of that thread

    for thread in threading.enumerate():
        recording.name(thread)
    old = getattr(threading, "_trace_hook", None)
    threading.settrace(started)
    try:
        yield
    finally:
        threading.settrace(old)


def evaluate(call: str, namespace: dict[str, Any]) -> Any:
    """Compiles a call; the result runs it, to the end where it is a coroutine, generator or `await` expression."""
    code = compile(call.strip(), "<call>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)

    def run() -> None:
        result = eval(code, namespace)  # noqa: S307  running the user's call is what a recorder is for
        if inspect.iscoroutine(result):
            result = _run(result)
        if inspect.isasyncgen(result):
            _run(_drain(result))
        elif inspect.isgenerator(result):
            for _ in result:
                pass

    return run


def _run(main: Any) -> Any:
    import asyncio  # late: it would take a good part of the debuggee's start

    return asyncio.run(main)


async def _drain(results: Any) -> None:
    async for _ in results:
        pass


def trace_call(
    call: str,
    namespace: dict[str, Any],
    filename: str,
    targets: Collection[tuple[str, int]],
    *,
    workspace: str | None = None,
    limits: Limits = Limits(),
    emit: Callable[[Record], None],
    stop: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Records one call in this process and gives the end of the trace.

    `call` is an expression evaluated in `namespace`; `filename` is the `co_filename` of the code to be traced;
    `targets` has `(co_name, co_firstlineno)` of the function whose activation is the trace, for each definition that it
    may have; `workspace` is the folder whose other
    files are to be traced as well. Without `stop`, a limit is enforced by an exception inside the program.
    """

    def raise_stopped(end: dict[str, Any]) -> None:
        raise Stopped

    recording = Recording(Files(filename, workspace), targets, limits, emit, stop or raise_stopped)
    run = evaluate(call, namespace)
    error: BaseException | None = None
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _headroom())
    _running.append(recording)
    try:
        with naming_threads(recording), tracer(recording):
            run()
    except BaseException as raised:
        error = raised
    finally:
        sys.setrecursionlimit(limit)
        _running.pop()
    return recording.close(error)


_CALLBACK_FRAMES = 20
_DEEP = 100
"""Frames that 3.8 must have above the present ones before it takes a limit."""
_running: list[Recording] = []


def _forked() -> None:
    for recording in _running:
        recording.detach()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _headroom() -> int:
    """Frames under the call, and those that a callback needs: the program shall have as many as without a recorder."""
    depth = 0
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        depth += 1
        frame = frame.f_back
    return depth + _CALLBACK_FRAMES
