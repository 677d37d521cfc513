"""What feeds a recording: the interpreter's own trace function up to 3.11, `sys.monitoring` from 3.12 on.

Runs inside the debuggee: standard library only, Python 3.8 and newer. Both call the recorder in the program's thread
and on its stack; what they do about that is here, so that the program is what it is without them:

- The recorder has stack of its own (see `stack`). A call beyond the program's limit is told from within it, as the
  interpreter tells it: the same error from the same place, without a trace of the callee.
- `sys.settrace` would copy the locals to a dictionary at every event, which `locals()` shares and which keeps values
  alive. So up to 3.11 the function below it in the C interface is used, which does not; `sys.gettrace()` is None there.
"""

from __future__ import annotations

import ctypes
import dis
import sys
import types
from collections.abc import Callable, Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from threading import get_ident
from typing import TYPE_CHECKING, Any

if "." in __name__:
    from .stack import SHORT, SPARE, Stack
else:  # run by path, inside a debuggee that need not have the package
    from stack import SHORT, SPARE, Stack  # type: ignore[no-redef, import-not-found]

if TYPE_CHECKING:
    from .recording import Recording
    from .scope import Scope

CALL_FILE = "<call>"
"""The file of the recorded call itself, whose frame is the first of the program's."""
_CALL, _EXCEPTION, _LINE, _RETURN = range(4)
_WHAT = {"call": _CALL, "exception": _EXCEPTION, "line": _LINE, "return": _RETURN}
_FUNCTION = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)
_EDGE = SPARE // 2
"""So many calls before the limit of the stack the recorder is to be able to raise its error."""
_EXCEEDED = "maximum recursion depth exceeded"
_YIELDS = frozenset(code for name, code in dis.opmap.items() if name in ("YIELD_VALUE", "YIELD_FROM"))
_YIELD_FROM = bytes([dis.opmap["YIELD_FROM"]]) if "YIELD_FROM" in dis.opmap else b"none"
_RESUME = dis.opmap.get("RESUME")
_SUSPENDED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
_COROUTINE = CO_COROUTINE | CO_ASYNC_GENERATOR
_RETURNS = frozenset(code for name, code in dis.opmap.items() if name.startswith("RETURN_") and "GENERATOR" not in name)


def original_settrace() -> Callable[[Any], None]:
    """`sys.settrace` itself: pydevd replaces it by one that warns."""
    holder = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
    return getattr(holder, "_original_tracing", None) or sys.settrace


class Tracing:
    """Feeds a recording by a trace function, up to 3.11; `sys.settrace` is left as it was."""

    def __init__(self, recording: Recording) -> None:
        from _ctypes import PyObj_FromPtr

        self._recording = recording
        self._files = recording.files
        self._object: Callable[[int], Any] = PyObj_FromPtr
        self._settrace = original_settrace()
        self._stack = Stack()
        self._edge: types.FrameType | None = None
        """The frame, close to the limit of the stack, since which `sys.settrace` is used."""
        self._exceeded: types.FrameType | None = None
        """The frame that was one too many."""
        self._functions = _FUNCTION(self._event), _FUNCTION(self._profiled)
        self._event_address, self._profiled_address = (
            ctypes.cast(function, ctypes.c_void_p) for function in self._functions
        )
        self._old_profile: Any = None

    def __enter__(self) -> None:
        """Called by a function that the program's first frame calls."""
        self._old = sys.gettrace()
        self._old_hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable
        self._stack.begin()
        self._trace(self._event_address)

    def __exit__(self, *_: object) -> None:
        self._trace(None)
        self._edge = self._exceeded = None
        self._settrace(self._old)
        if sys.unraisablehook == self._unraisable:
            sys.unraisablehook = self._old_hook
        self._stack.end()

    @staticmethod
    def _trace(address: ctypes.c_void_p | None) -> None:
        ctypes.pythonapi.PyEval_SetTrace(address, None)

    @staticmethod
    def _profile(address: ctypes.c_void_p | None) -> None:
        ctypes.pythonapi.PyEval_SetProfile(address, None)

    def _event(self, _: None, frame: types.FrameType, what: int, arg: int | None) -> int:
        """Takes an event from the interpreter. An error raised here would be lost."""
        stack, recording = self._stack, self._recording
        left = stack.count.value if stack.goes_down else sys.getrecursionlimit() - stack.count.value
        if left < SHORT:
            stack.lift()
        try:
            if what == _LINE:
                scope = recording.top
                if scope is None or scope.frame is not frame:
                    scope = recording.scope_of(frame)
                if scope is not None:
                    recording.line(scope, frame.f_lineno)
            elif what == _CALL:
                self._entered(frame, left)
            elif what == _RETURN:
                scope = recording.top
                if scope is None or scope.frame is not frame:
                    scope = recording.scope_of(frame)
                if scope is not None:
                    self._left(scope, frame, arg)
            elif what == _EXCEPTION and arg is not None:
                self._raised(frame, self._object(arg))
            if recording.end is not None and self._edge is None:
                self._ended()
        except BaseException as error:  # a limit, or what the program's own handler of a signal raises
            self._raise_later(frame, error)
        finally:
            if left < SHORT:
                stack.lower()
        return 0

    def _ended(self) -> None:
        """There is nothing more to record, and the stack is not at its edge."""
        self._trace(None)

    def _unraisable(self, unraisable: Any) -> None:
        """A signal may come before `_event` has come to its `try`."""
        if unraisable.object == self._event:
            self._raise_later(sys._getframe(1), unraisable.exc_value)
        else:
            self._old_hook(unraisable)

    def _entered(self, frame: types.FrameType, left: int) -> None:
        """`left` are the calls that the event's handler could make."""
        self._recording.calls += 1
        if left + 1 - SPARE <= _EDGE and self._edge is None:
            self._edge = frame
            self._settrace(self._edge_call)
            frame.f_trace = self._edge_event
            self._recording.shares_locals = True
        recorded = self._files[frame.f_code.co_filename] is not None and self._recording.enter(
            frame, resumed=_is_resumed(frame)
        )
        if frame.f_trace_lines is not recorded and self._edge is None:
            frame.f_trace_lines = recorded

    def _left(self, scope: Scope, frame: types.FrameType, arg: int | None) -> None:
        if arg is None:
            self._recording.leave(scope, frame.f_lineno, None, "unwind")
        else:
            yields = scope.reach.is_suspended and _yields(scope.reach.operations, frame)
            self._recording.leave(scope, frame.f_lineno, self._object(arg), "yield" if yields else "return")

    def _raised(self, frame: types.FrameType, triple: tuple[Any, BaseException, types.TracebackType]) -> None:
        if self._exceeded is not None:
            if self._exceeded is frame:
                return
            self._cut(triple[2])
        self._recording.exception(frame, frame.f_lineno, triple[1], triple[2])

    def _cut(self, trace: types.TracebackType | None) -> None:
        """Makes a traceback what it is where the last frame is not entered."""
        while trace is not None:
            if trace.tb_next is not None and trace.tb_next.tb_frame is self._exceeded:
                trace.tb_next = self._exceeded = None
            trace = trace.tb_next

    def _edge_call(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        stack = self._stack
        left = stack.count.value if stack.goes_down else sys.getrecursionlimit() - stack.count.value
        stack.lift()
        try:
            if left + 1 < SPARE:
                self._exceeded = frame
                self._old_profile = sys.getprofile()
                self._profile(self._profiled_address)
                raise RecursionError(_EXCEEDED)
            self._entered(frame, left)
            return self._edge_event
        finally:
            stack.lower()

    def _edge_event(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        stack, recording = self._stack, self._recording
        stack.lift()
        try:
            scope = recording.top
            if scope is None or scope.frame is not frame:
                scope = recording.scope_of(frame) if event != "exception" else None
            if event == "exception":
                self._raised(frame, arg)
            elif scope is not None:
                if event == "line":
                    recording.line(scope, frame.f_lineno)
                elif event == "return":
                    recording.leave(scope, frame.f_lineno, arg, _how_left(scope, frame, arg))
            if event == "return" and frame is self._edge:
                self._edge = None
                recording.shares_locals = False
                if recording.end is None:
                    self._trace(self._event_address)
                else:
                    self._ended()
        finally:
            stack.lower()
        return self._edge_event

    def _profiled(self, _: None, frame: types.FrameType, what: int, arg: int | None) -> int:
        """The interpreter has dropped the trace function, as it raised an error: it is put back."""
        self._stack.lift()
        self._profile(None)
        sys.setprofile(self._old_profile)
        if self._edge is not None:
            self._settrace(self._edge_call)
        else:
            self._trace(self._event_address)
        recording = self._recording
        scope = recording.top
        if self._exceeded is not frame and scope is not None and scope.frame is frame:
            # Up to 3.10 the frame that was one too many has no event of its own.
            self._cut(sys.exc_info()[2])
            unwinds = what == _RETURN and arg is None
            mark = None if unwinds else "caught unseen"
            recording.exception(frame, frame.f_lineno, RecursionError(_EXCEEDED), None, mark)
            if what == _RETURN:
                self._left(scope, frame, arg)
            if not unwinds:
                self._exceeded = None
        self._stack.lower()
        return 0

    def _raise_later(self, frame: types.FrameType, error: BaseException) -> None:
        """Raises the error in the program, at its next event."""

        def raiser(frame: types.FrameType, event: str, arg: Any) -> None:
            self._old_profile = sys.getprofile()
            self._profile(self._profiled_address)
            raise error

        self._settrace(raiser)
        frame.f_trace = raiser
        frame.f_trace_lines = True


def _is_resumed(frame: types.FrameType) -> bool:
    """Whether a frame that is entered was left before."""
    if frame.f_lasti < 0 or not frame.f_code.co_flags & _SUSPENDED:
        return False
    code = frame.f_code.co_code
    return code[frame.f_lasti] != _RESUME or code[frame.f_lasti + 1] != 0


def _yields(operations: bytes, frame: types.FrameType) -> bool:
    at = frame.f_lasti
    # Up to 3.10 `yield from` and `await` are left at the instruction before theirs.
    return operations[at] in _YIELDS or (operations[at] not in _RETURNS and operations[at + 2 : at + 3] == _YIELD_FROM)


def _how_left(scope: Any, frame: types.FrameType, value: Any) -> str:
    """What a `return` event of `sys.settrace` is: it tells neither a yield nor an unwinding apart from a return."""
    operations = scope.reach.operations
    if operations[frame.f_lasti] in _RETURNS:
        return "return"
    raised_here = scope.raised_at == frame.f_lasti
    if value is not None or not raised_here:
        return "yield" if _yields(operations, frame) else "return" if value is not None else "unwind"
    return "unwind"


class Monitoring:
    """Feeds a recording from `sys.monitoring` (3.12 and newer), beside a debugger that uses it too."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._files = recording.files
        self._thread = recording.thread
        self._stack = Stack()
        self._exceeded: types.FrameType | None = None
        """The frame that was one too many."""
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self._known: set[int] = set()
        self._codes: list[types.CodeType] = []
        self._jumps: dict[int, dict[int, int]] = {}
        self._targets: dict[int, frozenset[int]] = {}

    def __enter__(self) -> None:
        """Called by a function that the program's first frame calls."""
        self._stack.begin()
        self._attach()

    def _attach(self) -> None:
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
            (events.PY_THROW, self._resume),
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
        for code in self._codes:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)
        self._stack.end()

    def _start(self, code: types.CodeType, offset: int) -> None:
        if get_ident() == self._thread:
            self._entered(code, sys._getframe(1), self._stack.count.value, resumed=False)

    def _resume(self, code: types.CodeType, offset: int, error: BaseException | None = None) -> None:
        if get_ident() == self._thread:
            self._entered(code, sys._getframe(1), self._stack.count.value, resumed=True)

    def _entered(self, code: types.CodeType, frame: types.FrameType, left: int, *, resumed: bool) -> None:
        """`left` are the calls that the event's handler could make."""
        self._recording.calls += 1
        recorded = self._files[code.co_filename] is not None
        if recorded and id(code) not in self._known:
            self._known.add(id(code))
            self._codes.append(code)
            self._monitoring.set_local_events(self._tool, code, self._local_events)
        if left + 1 < SPARE and self._recording.end is None:
            self._exceeded = frame
            raise RecursionError(_EXCEEDED)
        if not recorded:
            return
        if left < SHORT:
            self._stack.lift()
        try:
            self._recording.enter(frame, resumed=resumed)
        finally:
            if left < SHORT:
                self._stack.lower()

    def _line(self, code: types.CodeType, line: int) -> None:
        if get_ident() != self._thread:
            return
        frame = sys._getframe(1)
        targets = self._targets.get(id(code))
        if targets is None:
            targets = self._targets[id(code)] = _targets_within_lines(code)
        if frame.f_lasti in targets:  # branches meet there: after a call, monitoring has another event for their line
            return
        self._at_line(frame, line, again=False)

    def _at_line(self, frame: types.FrameType, line: int, *, again: bool) -> None:
        short = self._stack.count.value < SHORT
        if short:
            self._stack.lift()
        try:
            scope = self._recording.top
            if scope is None or scope.frame is not frame:
                scope = self._recording.scope_of(frame)
            # Handlers that the compiler adds, on the line that raised, are no events to settrace.
            if scope is not None and (again or scope.raised_on != line):
                passed = scope.reach.passes and scope.reach.passes.get(frame.f_lasti)
                if passed and passed != scope.line:
                    self._recording.line(scope, passed)
                self._recording.line(scope, line)
        finally:
            if short:
                self._stack.lower()

    def _jump(self, code: types.CodeType, offset: int, destination: int) -> Any:
        """settrace has a `line` event for each jump back within a line; monitoring has none."""
        lines = self._jumps.get(id(code))
        if lines is None:
            lines = self._jumps[id(code)] = dict(_jumps_within_lines(code))
        line = lines.get(offset)
        if line is None:
            return self._disable
        if get_ident() == self._thread:
            self._at_line(sys._getframe(1), line, again=True)
        return None

    def _return(self, code: types.CodeType, offset: int, value: Any) -> None:
        if get_ident() == self._thread:
            self._left(sys._getframe(1), value, "return")

    def _yield(self, code: types.CodeType, offset: int, value: Any) -> None:
        if get_ident() == self._thread:
            self._left(sys._getframe(1), value, "yield")

    def _unwind(self, code: types.CodeType, offset: int, error: BaseException) -> None:
        if self._files[code.co_filename] is not None and get_ident() == self._thread:
            self._left(sys._getframe(1), error, "unwind")

    def _left(self, frame: types.FrameType, value: Any, how: str) -> None:
        short = self._stack.count.value < SHORT
        if short:
            self._stack.lift()
        try:
            scope = self._recording.top
            if scope is None or scope.frame is not frame:
                scope = self._recording.scope_of(frame)
            if scope is not None:
                self._recording.leave(scope, frame.f_lineno, value, how)
        finally:
            if short:
                self._stack.lower()

    def _raise(self, code: types.CodeType, offset: int, error: BaseException) -> None:
        if get_ident() != self._thread:
            return
        frame = sys._getframe(1)
        if self._exceeded is not None:
            if self._exceeded is frame:
                return
            self._exceeded = None
            if error.__traceback__ is not None:
                error.__traceback__.tb_next = None  # as if the last frame had not been entered
        if self._files[code.co_filename] is not None:
            self._failed(frame, error)

    def _stop_iteration(self, code: types.CodeType, offset: int, error: StopIteration) -> None:
        """An awaited coroutine, or a generator that returns a value, has ended: an exception to settrace on 3.11."""
        if get_ident() == self._thread and (error.value is not None or code.co_flags & _COROUTINE):
            if len(error.args) > 1:  # a tuple, which has become its arguments
                error = StopIteration(error.args)
            self._failed(sys._getframe(1), error if error.value is not None else StopIteration())

    def _failed(self, frame: types.FrameType, error: BaseException) -> None:
        short = self._stack.count.value < SHORT
        if short:
            self._stack.lift()
        try:
            self._recording.exception(frame, frame.f_lineno, error, error.__traceback__)
        finally:
            if short:
                self._stack.lower()


def _targets_within_lines(code: types.CodeType) -> frozenset[int]:
    """Offsets of what is come to on one line alone, and never backwards: no line begins there."""
    lines = {at: line for start, end, line in code.co_lines() for at in range(start, end, 2)}
    found: set[int] = set()
    others: set[int] = set()
    before: int | None = None
    for instruction in dis.get_instructions(code):
        at, to = instruction.offset, instruction.argval
        if instruction.is_jump_target and lines.get(at) == before:
            found.add(at)
        before = lines.get(at) or before  # what has no line is on the one before
        if instruction.opcode in dis.hasjrel and (to < at or lines.get(to) != before):
            others.add(to)
    return frozenset(found - others)


def _jumps_within_lines(code: types.CodeType) -> Iterator[tuple[int, int]]:
    """Offsets and lines of the jumps that 3.11 makes backwards too: there handlers are not behind everything else."""
    lines = {at: line for start, end, line in code.co_lines() if line for at in range(start, end, 2)}
    instructions = list(dis.get_instructions(code))
    handlers = next((i.offset for i in instructions if i.opname == "PUSH_EXC_INFO"), len(code.co_code))
    for instruction in instructions:
        at, to = instruction.offset, instruction.argval
        if instruction.opname == "JUMP_BACKWARD" and lines.get(at) == lines.get(to) and not to < handlers <= at:
            line = lines.get(at)
            if line is not None:
                yield at, line


def tracer(recording: Recording) -> Tracing | Monitoring:
    """The context manager that feeds the recording while it is entered."""
    return Monitoring(recording) if sys.version_info >= (3, 12) else Tracing(recording)
