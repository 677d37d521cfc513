"""A debug session on a predicted trace: requests in, responses and events out. No I/O, and nothing of the user's runs.

The call has been predicted as a whole when it is debugged, so it is always stopped: at an event of its trace, and to
step is to be at another one. At either end it stays.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from os.path import normcase, normpath
from pathlib import Path
from typing import Any

from cwm_lsp.dap.breakpoints import Breakpoints
from cwm_lsp.dap.protocol import (
    Body,
    Breakpoint,
    Message,
    Reason,
    Refused,
    Scope,
    Source,
    StackFrame,
    Stopped,
    needed,
    optional,
)
from cwm_lsp.dap.values import evaluated
from cwm_lsp.dap.variables import NOT_KNOWN, Shown, Variables, local, result
from cwm_lsp.dap.walk import Walk
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.source.flow import Flow
from cwm_lsp.trace.events import Event, Trace
from cwm_lsp.trace.exceptions import described

Predict = Callable[[str, str | None, str | None], Trace]
"""File, function, call (None: the best that is known) → the trace. Raises `UserError` or `UnavailableError`."""

_THREAD = 1
_FILTERS = {"raised": "Raised exceptions", "uncaught": "Uncaught exceptions"}
_CAPABILITIES = {
    "supportsConfigurationDoneRequest": True,
    "supportsStepBack": True,
    "supportsEvaluateForHovers": True,
    "supportsExceptionInfoRequest": True,
    "supportsRestartRequest": True,
    "supportsTerminateRequest": True,
    "supportsDelayedStackTraceLoading": True,
    "exceptionBreakpointFilters": [
        {"filter": name, "label": label, "default": name == "uncaught"} for name, label in _FILTERS.items()
    ],
}


class Program:
    """A predicted call being debugged."""

    def __init__(self, trace: Trace, stop_on_entry: bool) -> None:
        self.trace = trace
        self.path = absolute(trace.path)
        self._place = normal(self.path)
        self.stop_on_entry = stop_on_entry
        self.walk = Walk(trace)
        self.at = self.walk.start
        """The event that it is stopped at."""
        self._lines: dict[str, set[int]] = defaultdict(set)
        for event in trace.events:
            if event.kind == "line":
                self._lines[self.place_of(event)].add(event.line)
        self._lines[self._place].update(line for scope in Flow.of(trace.source).scopes for line in scope.lines)

    @property
    def event(self) -> Event:
        """The event that it is stopped at."""
        return self.walk.events[self.at]

    def path_of(self, event: Event) -> str:
        """The file that an event is in."""
        return event.path or self.path

    def place_of(self, event: Event) -> str:
        """The same in the form in which paths are compared."""
        return self._place if event.path is None else normal(event.path)

    def lines_of(self, path: str) -> set[int]:
        """The lines of a file that can be stopped at: those with code, or in another file those that are come to."""
        return self._lines.get(path, set())

    def ending(self) -> str:
        """How the call ends, or why the steps do."""
        outcome = self.trace.outcome
        if outcome.cut is not None:
            return outcome.cut
        if outcome.kind == "return":
            return f"{self.trace.call} returns {NOT_KNOWN if outcome.value is None else outcome.value}"
        if outcome.exception is not None:
            return f"{outcome.exception.type}: {outcome.exception.message}"
        return outcome.detail or (f"the call {outcome.loop}" if outcome.loop else "the steps end here")


class Session:
    """The session of one client."""

    def __init__(self, predict: Predict, fault: Callable[[], str]) -> None:
        self.is_over = False
        """The client has said goodbye."""
        self._predict = predict
        self._fault = fault
        """Logs the fault of ours that is being handled, and says where."""
        self._sequence = 0
        self._following: list[tuple[str, Body | None]] = []
        """Events that follow the response that is being made."""
        self._is_initialized = False
        self._is_configured = False
        self._first_line = 1
        self._first_column = 1
        self._launched: Body = {}
        """The latest arguments of `launch`."""
        self._program: Program | None = None
        self._breakpoints = Breakpoints()
        self._filters: frozenset[str] = frozenset()
        self._variables = Variables()
        self._before: dict[str, Callable[[Body], Body | None]] = {
            "initialize": self._initialize,
            "disconnect": self._disconnect,
        }
        self._ready: dict[str, Callable[[Body], Body | None]] = {"launch": self._launch}
        self._debugging: dict[str, Callable[[Body, Program], Body | None]] = {
            "setBreakpoints": self._set_breakpoints,
            "setExceptionBreakpoints": self._set_exception_breakpoints,
            "configurationDone": self._configuration_done,
            "threads": self._threads,
            "restart": self._restart,
            "terminate": self._terminate,
        }
        self._stopped: dict[str, Callable[[Body, Program], Body | None]] = {
            "stackTrace": self._stack_trace,
            "scopes": self._scopes,
            "variables": self._variables_behind,
            "evaluate": self._evaluate,
            "exceptionInfo": self._exception_info,
            "next": partial(self._step, Walk.over),
            "stepIn": partial(self._step, Walk.into),
            "stepOut": partial(self._step, Walk.out),
            "stepBack": partial(self._step, Walk.back),
            "continue": self._continue,
            "reverseContinue": self._reverse_continue,
            "pause": self._pause,
        }

    def handle(self, message: object) -> list[Message]:
        """The response to a request, and the events that follow it. What is no request is answered with an error."""
        request: Body = message if isinstance(message, dict) else {}
        number, command = request.get("seq"), request.get("command")
        body: Body | None
        try:
            if not isinstance(number, int) or isinstance(number, bool):
                raise Refused('a request has a "seq", a whole number')
            if request.get("type") != "request" or not isinstance(command, str):
                raise Refused('a request has the "type" "request" and a "command"')
            body = self._answer(command, optional(request, "arguments", dict) or {})
            reason = None
        except Exception as error:  # one request never ends a session
            self._following.clear()
            reason = str(error) if isinstance(error, Refused | UserError | UnavailableError) else self._fault()
            body = {"error": {"id": 1, "format": "{reason}", "variables": {"reason": reason}, "showUser": True}}
        response = {
            "type": "response",
            "request_seq": number if isinstance(number, int) else 0,
            "success": reason is None,
            "command": command if isinstance(command, str) else "",
        }
        if reason is not None:
            response["message"] = reason
        if body is not None:
            response["body"] = body
        sent = [self._numbered(response)]
        for name, event_body in self._following:
            event: Message = {"type": "event", "event": name}
            sent.append(self._numbered(event if event_body is None else {**event, "body": event_body}))
        self._following.clear()
        return sent

    def _numbered(self, message: Message) -> Message:
        self._sequence += 1
        return {"seq": self._sequence, **message}

    def _answer(self, command: str, arguments: Body) -> Body | None:
        if command in self._before:
            return self._before[command](arguments)
        known = command in self._ready or command in self._debugging or command in self._stopped
        if not known:
            raise Refused(f"{command} is not among the requests that are answered")
        if not self._is_initialized:
            raise Refused(f"{command} came before initialize")
        if command in self._ready:
            return self._ready[command](arguments)
        if self._program is None:
            raise Refused(f"{command} came while nothing is debugged: launch comes first")
        if command in self._debugging:
            return self._debugging[command](arguments, self._program)
        if not self._is_configured:
            raise Refused(f"{command} came before configurationDone")
        return self._stopped[command](arguments, self._program)

    # The session's beginning and end

    def _initialize(self, arguments: Body) -> Body:
        if self._is_initialized:
            raise Refused("initialize came a second time")
        at_1 = optional(arguments, "linesStartAt1", bool), optional(arguments, "columnsStartAt1", bool)
        if optional(arguments, "pathFormat", str) == "uri":
            raise Refused('files are named by paths: "pathFormat" must be "path"')
        self._first_line, self._first_column = (0 if one is False else 1 for one in at_1)
        self._is_initialized = True
        return _CAPABILITIES

    def _launch(self, arguments: Body) -> None:
        if self._program is not None:
            raise Refused("launch came a second time: restart begins another call")
        self._program = self._predicted(arguments)
        self._launched = arguments
        self._following.append(("initialized", None))

    def _restart(self, arguments: Body, _program: Program) -> None:
        launched = optional(arguments, "arguments", dict) or self._launched
        self._program = self._predicted(launched)
        self._launched = launched
        for placed in self._breakpoints.place(self._program.lines_of):
            self._following.append(("breakpoint", {"reason": "changed", "breakpoint": self._told(placed)}))
        if self._is_configured:
            self._begin(self._program)

    def _predicted(self, arguments: Body) -> Program:
        mode = optional(arguments, "mode", str) or "predict"
        if mode != "predict":
            raise Refused(f'the mode "{mode}" is not there: "predict" is')
        program = absolute(needed(arguments, "program", str))
        stop_on_entry = optional(arguments, "stopOnEntry", bool) or False
        trace = self._predict(program, optional(arguments, "function", str), optional(arguments, "call", str))
        if not trace.events:
            raise Refused(f"no step of {trace.call} is known: {trace.outcome.detail or 'the prediction is empty'}")
        return Program(trace, stop_on_entry)

    def _configuration_done(self, _arguments: Body, program: Program) -> None:
        if self._is_configured:
            raise Refused("configurationDone came a second time")
        self._is_configured = True
        self._begin(program)

    def _begin(self, program: Program) -> None:
        if program.stop_on_entry:
            self._stop(program, program.walk.start, "entry")
        else:
            self._go(program, range(program.walk.start, program.walk.end + 1), program.walk.end)

    def _terminate(self, _arguments: Body, _program: Program) -> None:
        self._program = None
        self._is_configured = False
        self._breakpoints, self._filters = Breakpoints(), frozenset()
        self._following.append(("terminated", None))

    def _disconnect(self, _arguments: Body) -> None:
        self.is_over = True

    # Breakpoints

    def _set_breakpoints(self, arguments: Body, program: Program) -> Body:
        path = needed(needed(arguments, "source", dict), "path", str)
        lines: list[tuple[int, bool]] = []
        for wanted in optional(arguments, "breakpoints", list) or []:
            if not isinstance(wanted, dict):
                raise Refused("a breakpoint is an object with a line")
            conditions = [optional(wanted, name, str) for name in ("condition", "hitCondition", "logMessage")]
            lines.append((needed(wanted, "line", int) + 1 - self._first_line, any(conditions)))
        placed = self._breakpoints.set(normal(path), lines, program.lines_of)
        return {"breakpoints": [self._told(one) for one in placed]}

    def _told(self, placed: Breakpoint) -> Breakpoint:
        return {**placed, "line": self._line(placed["line"])}

    def _set_exception_breakpoints(self, arguments: Body, _program: Program) -> Body:
        wanted = needed(arguments, "filters", list)
        if not all(isinstance(name, str) for name in wanted):
            raise Refused('"filters" must be a list of strings')
        self._filters = frozenset(wanted)
        placed: list[Breakpoint] = [
            {"verified": True} if name in _FILTERS else {"verified": False, "message": f"there is no filter {name}"}
            for name in wanted
        ]
        return {"breakpoints": placed}

    # Moving

    def _step(self, way: Callable[[Walk, int], int], arguments: Body, program: Program) -> None:
        """Go a way's next step, unless there is a reason to stop before it."""
        _thread(arguments)
        target = way(program.walk, program.at)
        direction = 1 if target >= program.at else -1
        self._go(program, range(program.at + direction, target, direction), target)

    def _continue(self, arguments: Body, program: Program) -> Body:
        _thread(arguments)
        self._go(program, range(program.at + 1, program.walk.end + 1), program.walk.end)
        return {"allThreadsContinued": True}

    def _reverse_continue(self, arguments: Body, program: Program) -> None:
        _thread(arguments)
        self._go(program, range(program.at - 1, program.walk.start - 1, -1), program.walk.start)

    def _pause(self, arguments: Body, program: Program) -> None:
        _thread(arguments)
        self._stop(program, program.at, "pause")

    def _go(self, program: Program, way: Iterable[int], target: int) -> None:
        """Stop at the first event on the way that there is a reason for, else at the target."""
        for index in way:
            event = program.walk.events[index]
            if event.kind == "line":
                numbers = self._breakpoints.at(program.place_of(event), event.line)
                if numbers:
                    return self._stop(program, index, "breakpoint", numbers)
            elif event.kind == "exception" and self._breaks(program.walk, index):
                return self._stop(program, index, "exception")
        walk = program.walk
        is_exception = walk.events[target].kind == "exception" or (target == walk.end and walk.leaving is not None)
        return self._stop(program, target, "exception" if is_exception else "entry" if target == walk.start else "step")

    def _breaks(self, walk: Walk, index: int) -> bool:
        """Whether a filter wants to stop at an exception, which is where it comes from."""
        return ("raised" in self._filters and index in walk.raised) or (
            "uncaught" in self._filters and index == walk.uncaught
        )

    def _stop(self, program: Program, index: int, reason: Reason, numbers: list[int] | None = None) -> None:
        program.at = index
        self._variables = Variables()
        stopped: Stopped = {"reason": reason, "threadId": _THREAD, "allThreadsStopped": True}
        if index == program.walk.end:
            stopped["description"] = "The end of the prediction"
            stopped["text"] = program.ending()
        elif reason == "exception":
            stopped["text"] = ": ".join(described(program.event.value or ""))
        if numbers:
            stopped["hitBreakpointIds"] = numbers
        self._following.append(("stopped", stopped))

    # What is there at a stop

    def _threads(self, _arguments: Body, program: Program) -> Body:
        return {"threads": [{"id": _THREAD, "name": program.trace.call}]}

    def _stack_trace(self, arguments: Body, program: Program) -> Body:
        _thread(arguments)
        stack = program.walk.stack(program.at)
        start, levels = _natural(arguments, "startFrame"), _natural(arguments, "levels")
        wanted = stack[start : start + levels if levels else None]
        return {"stackFrames": [self._frame(program, index) for index in wanted], "totalFrames": len(stack)}

    def _frame(self, program: Program, index: int) -> StackFrame:
        event = program.walk.events[index]
        path = program.path_of(event)
        source: Source = {"name": Path(path).name, "path": path}
        return {
            "id": index + 1,  # the state at an event is the same whenever it is asked for
            "name": event.function,
            "source": source,
            "line": self._line(event.line),
            "column": self._first_column,
        }

    def _line(self, line: int) -> int:
        return max(0, line - 1 + self._first_line)

    def _scopes(self, arguments: Body, program: Program) -> Body:
        index = _index(needed(arguments, "frameId", int), program)
        state, event = program.walk.state(index), program.walk.events[index]
        groups: list[tuple[str, str, tuple[tuple[str, Shown], ...]]] = [
            ("Locals", "locals", tuple((name, local(state, name)) for name in state.locals))
        ]
        is_returned = event.kind == "return" and not (index == program.walk.end and program.walk.leaving is not None)
        value = result(event) if is_returned else None
        if value is not None:
            groups.append(("Returned", "returnValue", (("return", value),)))
        scopes: list[Scope] = [
            {
                "name": name,
                "presentationHint": hint,
                "variablesReference": self._variables.refer(group),
                "namedVariables": len(group),
                "expensive": False,
            }
            for name, hint, group in groups
        ]
        return {"scopes": scopes}

    def _variables_behind(self, arguments: Body, _program: Program) -> Body:
        reference, kind = needed(arguments, "variablesReference", int), optional(arguments, "filter", str)
        start, count = _natural(arguments, "start"), _natural(arguments, "count")
        return {"variables": self._variables.behind(reference, kind, start, count)}

    def _evaluate(self, arguments: Body, program: Program) -> Body:
        text, frame = needed(arguments, "expression", str), optional(arguments, "frameId", int)
        state = program.walk.state(program.at if frame is None else _index(frame, program))
        shown = {name: local(state, name) for name in state.locals}
        try:
            expression = ast.parse(text.strip(), mode="eval").body
            found = evaluated(expression, {name: one.value for name, one in shown.items()})
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Refused(f"{text!r} is no expression that can be read") from None
        if found is None or shown[found[0]].provenance == "unknown":
            return {"result": NOT_KNOWN, "variablesReference": 0, "presentationHint": {"attributes": ["unknown"]}}
        value = replace(shown[found[0]], value=found[1], expression=text.strip())
        return {"result": value.value.text, **self._variables.described(value)}

    def _exception_info(self, arguments: Body, program: Program) -> Body:
        _thread(arguments)
        walk = program.walk
        at = walk.leaving if program.at == walk.end and walk.leaving is not None else program.at
        event = walk.events[at]
        if event.kind != "exception":
            raise Refused("no exception is raised here")
        name, message = described(event.value or "")
        info: dict[str, Any] = {
            "exceptionId": name or "exception",
            "description": message,
            "breakMode": "unhandled" if at in (walk.uncaught, walk.leaving) else "always",
            "details": {"typeName": name, "message": message},
        }
        return info


def absolute(path: str) -> str:
    """A path that does not depend on the working folder."""
    return normpath(Path(path).absolute())


def normal(path: str) -> str:
    """A path in the one form in which paths are compared."""
    return normcase(absolute(path))


def _thread(arguments: Body) -> None:
    number = needed(arguments, "threadId", int)
    if number != _THREAD:
        raise Refused(f"there is no thread {number}")


def _natural(arguments: Body, name: str) -> int:
    number = optional(arguments, name, int) or 0
    if number < 0:
        raise Refused(f'"{name}" must not be negative')
    return number


def _index(frame: int, program: Program) -> int:
    if not 1 <= frame <= len(program.walk.events):
        raise Refused(f"there is no frame {frame}")
    return frame - 1
