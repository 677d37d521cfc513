"""What tracers see, as records: every event of one call.

Standard library only, Python 3.8 and newer. Events mean what `sys.settrace` on CPython 3.11 means by them.

A record is a list that JSON can hold, one per event, locals as differences within an activation of a scope:

    ["c", depth, line, name, {local: text}]     a scope is entered or resumed: all its locals
    ["l", depth, line, {local: text}]           a line is about to run: the locals that are new or changed
    ["r", depth, line, text]                    the scope is left or suspended
    ["e", depth, line, text]                    an exception is raised in, or passes through, the scope
    ["s", depth, line, name, {local: text}, {}] a scope goes on without an event of its own
    ["end", {...}]                              the last one; see `Recording.end`

Beside the text of a local that is an object, or has one in it, there may be what it holds (see `insides`): under the
local's name with a dot behind it, `"cart."`. So an "r" has a description as its last item, after its marks.

An "l" has two more items where names went away (a list of them) or a value has a mark (`{local: mark}`); "c", "r" and
"e" have the marks as their last item. A "c" in another file than the traced one has marks and the file's path.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Collection
from threading import get_ident
from typing import TYPE_CHECKING, Any

if "." in __name__:
    from .atoms import ATOMS, BIG, NESTED, STABLE
    from .insides import described
    from .reach import SUSPENDS, Reach, arguments_first
    from .reprs import name_of
    from .scope import Files, Limits, Scope, Until
    from .values import Values
else:  # run by path, inside a debuggee that need not have the package
    from atoms import ATOMS, BIG, NESTED, STABLE  # type: ignore[no-redef, import-not-found]
    from insides import described  # type: ignore[no-redef, import-not-found]
    from reach import SUSPENDS, Reach, arguments_first  # type: ignore[no-redef, import-not-found]
    from reprs import name_of  # type: ignore[no-redef, import-not-found]
    from scope import Files, Limits, Scope, Until  # type: ignore[no-redef, import-not-found]
    from values import Values  # type: ignore[no-redef, import-not-found]

__all__ = ["Recording"]

if TYPE_CHECKING:
    Record = list[Any]
    Marks = dict[str, str]

_NO_CHANGES: dict[str, str] = {}
_ABSENT = object()
HELD = "."
"""Behind the name of a local whose value holds what is told there."""
_SNAPSHOTS = sys.version_info < (3, 13)
"""Whether `f_locals` of a function's frame is a dictionary that the frame keeps, and `locals()` gives."""
_AWAITING = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""Flags of code that no StopIteration leaves: it tells that what is waited for has ended."""


class Recording:
    """Turns what a tracer sees into records.

    The trace starts where one of `targets` (name and first line of a code object in the traced one of `files`) is first
    entered in the thread that made the recording, and ends where that activation is left for good. `emit` takes each
    record, or raises `OverflowError` where there is no room; `stop` is called when a limit is reached. Where it
    returns, nothing after the end counts, which `emit` may get more than once.
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
        self.emit = emit if limits.until is None else Until(limits.until, emit, self.limit).emit
        self.stop = stop
        self.values = Values(limits.value, limits.repr_seconds)
        self.thread = get_ident()
        self.end: dict[str, Any] | None = None
        self.top: Scope | None = None
        """The innermost scope."""
        self.calls = 0
        """Python functions entered by now, recorded or not."""
        self.shares_locals = False
        """Whether the interpreter itself copies from `f_locals` to the frame: it must be left as it is."""
        self._others: set[str] = set()
        self._limit = limits.events
        self._size = limits.size
        self._insides = limits.insides
        self._left = limits.events
        self._stack: list[Scope] = []
        self._reaches: dict[int, Reach] = {}
        self._entry = 0
        self._suspended: dict[int, tuple[dict[str, str], dict[str, Any] | None]] = {}
        self._raised: dict[str, Any] | None = None
        """How the call ends if what was last raised in its own scope leaves it."""
        self._caller: types.FrameType | None = None
        """The call has been left by an exception, and this frame will show which."""

    def enter(self, frame: types.FrameType, *, resumed: bool = False) -> bool:
        """A scope of one of the files is entered; whether it is part of the trace."""
        if self.end is not None or self._caller is not None:
            return False
        code = frame.f_code
        path = self.files[code.co_filename]
        top = self.top
        if top is not None:
            if top.frame is not frame.f_back and self._is_imported(frame, top.frame):
                return False
            depth = (top.depth if top.frame is frame.f_back else self._surround(frame)) + 1
        elif self._entry:
            depth = 0 if self._entry == id(frame) else 1
        elif (code.co_name, code.co_firstlineno) in self.targets and not path:
            self._entry = id(frame)
            depth = 0
        else:
            return False
        scope = self._push(frame, depth, resumed=resumed)
        record = ["c", depth, scope.line, code.co_name, scope.texts.copy()]
        if scope.marks or path:
            record.append(dict(scope.marks))
        if path:
            record.append(path)
        self._emit(record)
        return True

    def _is_imported(self, frame: types.FrameType, until: types.FrameType) -> bool:
        """Whether a frame is of a module's top level, or called there: importing one of the files is a single step."""
        above: types.FrameType | None = frame
        while above is not None and above is not until:
            if above.f_code.co_name == "<module>" and self.files[above.f_code.co_filename]:
                return True
            above = above.f_back
        return False

    def _push(self, frame: types.FrameType, depth: int, *, resumed: bool) -> Scope:
        code = frame.f_code
        reach = self._reaches.get(id(code))
        if reach is None:
            reach = self._reaches[id(code)] = Reach(code, frame.f_globals)
        kept = self._suspended.pop(id(frame), None) if reach.is_suspended else None
        texts, namespace = kept if kept is not None and resumed else ({}, None)
        scope = Scope(frame, reach, depth, texts)
        scope.namespace = namespace
        order = bool(code.co_cellvars and code.co_argcount and not texts)
        if texts or order or self._atoms(scope, None) is None:
            self._look(scope, None, [], order=order)
        scope.line = frame.f_lineno
        scope.calls = self.calls
        self._stack.append(scope)
        self.top = scope
        return scope

    def _pop(self) -> None:
        self._stack.pop().frame = None  # type: ignore[assignment]  # a frame keeps its locals
        self.top = self._stack[-1] if self._stack else None

    def _drop(self) -> None:
        """Takes away the innermost scope, which was left unseen; it may only wait."""
        scope = self._stack[-1]
        if scope.reach.is_suspended:
            self._suspended[id(scope.frame)] = scope.texts, scope.namespace
        self._pop()

    def _surround(self, frame: types.FrameType) -> int:
        """Makes the innermost recorded scope the one that is around a frame; gives its depth, or -1.

        `throw` goes straight to the innermost of the generators that wait for one another: those between are told of
        without an event. A scope that is not around the frame was left unseen.
        """
        around = []
        above = frame.f_back
        while above is not None:
            around.append(above)
            above = above.f_back
        identities = {id(above) for above in around}
        while self.top is not None and id(self.top.frame) not in identities:
            self._drop()
        if self.top is None:
            return 0 if self._entry != id(frame) else -1
        between = around[: next(n for n, above in enumerate(around) if above is self.top.frame)]
        for above in reversed(between):
            path = self.files[above.f_code.co_filename]
            if path is not None:
                self._tell(above, path)
        return self.top.depth if self.top is not None else 0

    def _tell(self, frame: types.FrameType, path: str) -> None:
        if self.top is None:
            return
        scope = self._push(frame, self.top.depth + 1, resumed=True)
        record = ["s", scope.depth, scope.line, frame.f_code.co_name, scope.texts.copy(), dict(scope.marks)]
        self._emit([*record, path] if path else record, counts=False)

    def scope_of(self, frame: types.FrameType) -> Scope | None:
        """The recorded scope that a frame is, other than the innermost; those within it were left unseen."""
        if frame is self._caller:
            self._conclude(self._raised or {"kind": "error"})
            return None
        path = self.files[frame.f_code.co_filename]
        if path is None:
            return None
        if any(scope.frame is frame for scope in self._stack):
            while self.top is not None and self.top.frame is not frame:
                self._drop()
            return self.top
        if frame.f_code.co_flags & SUSPENDS and self._is_around(frame.f_back):
            self._surround(frame)  # it waited, and goes on without having been entered
            self._tell(frame, path)
            return self.top
        return None

    def _is_around(self, frame: types.FrameType | None) -> bool:
        """Whether a frame is a recorded scope, or within one."""
        while frame is not None and not any(scope.frame is frame for scope in self._stack):
            frame = frame.f_back
        return frame is not None

    def line(self, scope: Scope, line: int) -> None:
        """The innermost scope is about to run a line."""
        reach = scope.reach
        names = reach.bound.get(scope.line, reach.otherwise)
        loose = scope.loose
        touched = None
        if loose and scope.calls == self.calls and not self._others:  # another thread may do anything
            touched = reach.quiet.get(scope.line or 0)
        scope.calls = self.calls
        scope.line = line
        scope.raised_at, scope.raised_on = -1, 0
        if names is None or names or (loose and (touched is None or touched or scope.is_vague)):
            few = None if loose or names is None else self._atoms(scope, names)
            if few is not None:
                record = ["l", scope.depth, line, few]
            else:
                gone: list[str] = []
                record = ["l", scope.depth, line, self._look(scope, names, gone, touched)]
                if gone or scope.marks:
                    record += gone, dict(scope.marks)
        else:
            record = ["l", scope.depth, line, _NO_CHANGES]
        if not self._left:
            self._emit(record)
        self._left -= 1  # what `_emit` does, for the event that most are
        try:
            self.emit(record)
        except OverflowError:
            self._overflow()

    def leave(self, scope: Scope, line: int, value: Any, how: str) -> None:
        """The innermost scope is left: `how` is "return", "yield" or "unwind"; then the value may be the error."""
        frame = scope.frame
        self._pop()
        line = line or scope.line or 0  # cleaning up may have no line
        text = "None" if how == "unwind" else self.values.text(value)
        mark = None if how == "unwind" else self.values.mark
        is_opaque = how != "unwind" and self.values.opaque
        held = self._described(scope.reach, line, "", value, text) if is_opaque else None
        if how == "yield":
            self._suspended[id(frame)] = scope.texts, scope.namespace
        more = [{"value": mark} if mark else {}, held] if held else [{"value": mark}] if mark else []
        self._emit(["r", scope.depth, line, text, *more])
        if scope.depth or how == "yield":
            return
        if how == "return":
            self._conclude({"kind": "return", "value": text})
        elif value is not None:
            self._conclude(self._exception(value, value.__traceback__))
        elif frame.f_back is None:
            self._conclude(self._raised or {"kind": "error"})
        else:  # what arrives there may be another: what is left of a group, or a generator's StopIteration
            self._caller = frame.f_back
            self._caller.f_trace_lines = True

    def exception(
        self,
        frame: types.FrameType,
        line: int,
        error: BaseException,
        trace: types.TracebackType | None,
        mark: str | None = None,
    ) -> None:
        """An exception is raised in a frame, or passes through it."""
        if frame is self._caller:
            self._conclude(self._exception(error, trace))
            return
        scope = self.top
        if scope is None or scope.frame is not frame:
            scope = self.scope_of(frame)
        if scope is None:
            return
        scope.raised_at, scope.raised_on = frame.f_lasti, line
        if scope.line != line:
            scope.line = None
        if not scope.depth and not (frame.f_code.co_flags & _AWAITING and type(error) is StopIteration):
            self._raised = self._exception(error, trace)
        text = self.values.triple(error)
        mark = mark or self.values.mark
        self._emit(["e", scope.depth, line, text, {"value": mark}] if mark else ["e", scope.depth, line, text])

    def _exception(self, error: BaseException, trace: types.TracebackType | None) -> dict[str, Any]:
        """The end that an exception makes, at the line of the file where it was raised."""
        line = None
        while trace is not None:
            if self.files.get(trace.tb_frame.f_code.co_filename) == "":
                line = trace.tb_lineno
            trace = trace.tb_next
        message = self.values.message(error)
        return {"kind": "exception", "type": name_of(type(error)), "message": message, "line": line}

    def name(self, thread: str) -> None:
        """Another thread runs while the call does."""
        self._others.add(thread)

    def close(self, error: BaseException | None = None) -> dict[str, Any]:
        """The end of the trace, where the call has returned or raised `error`."""
        if self.end is not None:
            return self.end
        if not self._entry:
            end: dict[str, Any] = {"kind": "error", "entered": False}
            if error is not None:
                end["detail"] = f"{name_of(type(error))}: {self.values.message(error)}"
        elif self._caller is not None and self._raised is not None:
            end = self._raised
        elif self._stack:
            end = {"kind": "error", "detail": "the program took the trace function away: the rest is not recorded"}
        else:
            end = {"kind": "return", "value": None, "detail": "the call was left suspended at a yield"}
        return self._conclude(end)

    def detach(self) -> None:
        """Nothing is recorded from here on: this process is a fork of the recorded one."""
        self.end = {"kind": "error", "threads": []}
        self._stack.clear()
        self.top = None

    def limit(self, detail: str) -> None:
        """Ends the trace because a limit was reached."""
        self.stop(self._conclude({"kind": "truncated", "detail": detail}))

    def _conclude(self, end: dict[str, Any]) -> dict[str, Any]:
        end["threads"] = sorted(self._others)
        self.end = end
        self._stack.clear()
        self.top = self._caller = None
        self.emit(["end", end])
        return end

    def _emit(self, record: Record, *, counts: bool = True) -> None:
        if not self._left:
            self.limit(f"the limit of {self._limit:,} events was reached")
        self._left -= counts
        try:
            self.emit(record)
        except OverflowError:
            self._overflow()

    def _overflow(self) -> None:
        self.limit(f"the trace would be larger than {self._size:,} bytes")

    def _atoms(self, scope: Scope, names: tuple[str, ...] | None) -> dict[str, str] | None:
        """What `_look` gives where none of the values may change by itself, as most events have it, and quicker; None
        where it takes more, and nothing is done then."""
        if scope.namespace or scope.marks or self.shares_locals or not (_SNAPSHOTS and scope.reach.is_function):
            return None
        local = scope.frame.f_locals
        texts, values = scope.texts, self.values
        changed: dict[str, str] = {}
        for name in local if names is None else names:
            value = local.get(name, _ABSENT)
            kind = type(value)
            if kind is int and -BIG < value < BIG:
                text = repr(value)
            elif kind in ATOMS:
                text = values.text(value)
                if values.mark is not None:
                    break
            elif value is _ABSENT and name not in texts:
                continue
            else:
                break
            if texts.get(name) != text:
                changed[name] = text
        else:
            scope.namespace = local
            local.clear()
            texts.update(changed)
            return changed
        local.clear()
        return None

    def _look(
        self,
        scope: Scope,
        names: tuple[str, ...] | None,
        gone: list[str],
        touched: tuple[str, ...] | None = None,
        *,
        order: bool = False,
    ) -> dict[str, str]:
        """The texts that are not as they were, of values that may change and of `names` (None: of all).

        Of values with a fingerprint only those that the names `touched` have may have changed, unless that is None.

        `scope` is brought up to date; `gone` gets the names that went away. The frame is left as it was: it keeps a
        dictionary of its locals that `locals()` may have given to the program, and the values in it.
        """
        reach = scope.reach
        namespace = scope.namespace
        scope.is_given = scope.is_given or bool(namespace)
        shown = namespace.copy() if namespace is not None and scope.is_given else None
        local = scope.frame.f_locals
        if shown is not None and _SNAPSHOTS and reach.is_function and not self.shares_locals:
            fresh = local.copy()
            _restore(scope, local, shown)  # before it is looked at: it may be one of the values
            local = fresh
        texts, loose, values = scope.texts, scope.loose, self.values
        changed: dict[str, str] = {}
        if names is None:
            names = tuple(arguments_first(reach.code, local) if order else local)
            if reach.hidden:
                names = tuple(name for name in names if name not in reach.hidden)
            if texts:
                names += tuple(name for name in texts if name not in local and name[-1:] != HELD)
        elif loose and touched is None:
            names += tuple([name for name in loose if name not in names])
        elif loose:
            objects = [local[name] for name in touched or () if name in local]
            for name, before in loose.items():
                if (
                    before is None
                    or before[:1] == NESTED
                    or (objects and any(local.get(name) is one for one in objects))
                ):
                    names += (name,) if name not in names else ()
        text: str | None
        for name in names:
            if name in local:
                value = local[name]
            else:
                if name in texts:
                    del texts[name]
                    loose.pop(name, None)
                    scope.marks.pop(name, None)
                    gone.append(name)
                    _hold(texts, name, None, changed, gone)
                continue
            kind = type(value)
            if kind in ATOMS:
                text = values.text(value)
                if name in loose:
                    del loose[name]
            else:
                text, now = values.again(value, kind, loose.get(name))
                if kind not in STABLE:
                    loose[name] = now
                    if now is None or now[:1] == NESTED:
                        scope.is_vague = True
                if text is None:
                    continue
            if values.mark is not None:
                scope.marks[name] = values.mark
            elif scope.marks:
                scope.marks.pop(name, None)
            if texts.get(name) != text:
                changed[name] = texts[name] = text
            if values.opaque or name + HELD in texts:
                held = self._described(reach, scope.line, name, value, text) if values.opaque else None
                _hold(texts, name, held, changed, gone)
        if shown is None and _SNAPSHOTS and reach.is_function and not self.shares_locals:
            _restore(scope, local, {})
        return changed

    def _described(self, reach: Reach, line: int | None, name: str, value: Any, text: str) -> str | None:
        """What a value holds that its text does not tell, where that has not been told of the line often enough."""
        times = reach.told[line, name] = reach.told.get((line, name), 0) + 1
        return described(value, text, self.values) if times <= self._insides else None


def _hold(texts: dict[str, str], name: str, held: str | None, changed: dict[str, str], gone: list[str]) -> None:
    """Note what the value of a local holds."""
    name += HELD
    if held is None:
        if texts.pop(name, None) is not None:
            gone.append(name)
    elif texts.get(name) != held:
        changed[name] = texts[name] = held


def _restore(scope: Scope, local: dict[str, Any], shown: dict[str, Any]) -> None:
    scope.namespace = local
    local.clear()
    local.update(shown)
