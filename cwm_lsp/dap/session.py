"""A debug session on a trace: requests in, responses and events out. No I/O, and nothing of the user's runs.

To step is to be at another event of a trace. Where the trace is still being made and the way leads further than it has
come, the session goes on when more is there (`grow`). At either end it stays.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cwm_lsp.dap import asking, changing, inspecting, moving, setting
from cwm_lsp.dap.backend import Backend
from cwm_lsp.dap.breakpoints import Breakpoints
from cwm_lsp.dap.program import Program, absolute
from cwm_lsp.dap.protocol import Body, Message, Refused, Stale, needed, optional
from cwm_lsp.dap.state import Handler, State
from cwm_lsp.dap.stops import Filters
from cwm_lsp.errors import UnavailableError, UserError

_CAPABILITIES = {
    "supportsConfigurationDoneRequest": True,
    "supportsStepBack": True,
    "supportsEvaluateForHovers": True,
    "supportsClipboardContext": True,
    "supportsExceptionInfoRequest": True,
    "supportsRestartRequest": True,
    "supportsRestartFrame": True,
    "supportsGotoTargetsRequest": True,
    "supportsStepInTargetsRequest": True,
    "supportsTerminateRequest": True,
    "supportsCancelRequest": True,
    "supportsDelayedStackTraceLoading": True,
    "supportsFunctionBreakpoints": True,
    "supportsConditionalBreakpoints": True,
    "supportsHitConditionalBreakpoints": True,
    "supportsLogPoints": True,
    "supportsDataBreakpoints": True,
    "supportsBreakpointLocationsRequest": True,
    "supportsExceptionFilterOptions": True,
    "supportsSetVariable": True,
    "supportsSetExpression": True,
    "supportsCompletionsRequest": True,
    "completionTriggerCharacters": ["."],
    "exceptionBreakpointFilters": setting.FILTERS,
}
_TURN = 0.02
"""Seconds between two looks at what has come of a trace that is waited for."""
_INTERRUPTING = frozenset({"cancel", "terminate", "disconnect"})


class Session:
    """The session of one client."""

    def __init__(
        self,
        backend: Backend,
        fault: Callable[[], str],
        send: Callable[[Message], None],
        token: str | None = None,
    ) -> None:
        """`fault` logs the fault of ours that is being handled, and says where. `token`: what `launch` must have."""
        self.is_over = False
        """The client has said goodbye."""
        self._fault = fault
        self._send = send
        self._token = token
        self._sequence = 0
        self._following: list[tuple[str, Body | None]] = []
        """Events that follow the response that is being made."""
        self._is_initialized = False
        self._state = State(backend, lambda name, body: self._following.append((name, body)), self._tell)
        self._before: dict[str, Callable[[Body], Body | None]] = {
            "initialize": self._initialize,
            "disconnect": self._disconnect,
            "cancel": self._cancel,
            "cwm/runs": self._runs,
        }
        self._debugging: dict[str, Handler] = {
            "configurationDone": self._configuration_done,
            "restart": self._restart,
            "terminate": self._terminate,
            "pause": self._pause,
            **inspecting.THREADS,
            **setting.REQUESTS,
        }
        self._stopped: dict[str, Handler] = {
            **moving.REQUESTS,
            **inspecting.REQUESTS,
            **changing.REQUESTS,
            **asking.REQUESTS,
        }

    def interrupt(self, message: object) -> None:
        """A message has come in, and will be handled. What is under way is not wanted if it says so. For any thread."""
        command = message.get("command") if isinstance(message, dict) else None
        if isinstance(command, str) and command in _INTERRUPTING:
            self._state.cancel.set()

    @property
    def patience(self) -> float | None:
        """Seconds after which `grow` is to be called if no request comes; None: never."""
        return _TURN if self._state.going is not None else None

    def grow(self) -> None:
        """Go on with what is waited for, as far as it has come."""
        state, program = self._state, self._state.program
        if state.going is None or program is None:
            return
        try:
            if self._take_more(program) or moving.hurry(state, program):
                moving.go_on(state, program)
            if state.going is not None:
                state.going.progress.tell(len(program.walk.events))
        except Exception as error:  # nothing ends a session
            moving.arrive(state)
            reason = str(error) if isinstance(error, Refused | UserError | UnavailableError) else self._fault()
            state.stop(program, program.at, "pause", [], reason)
        self._flush()

    def _take_more(self, program: Program) -> bool:
        """Take what has come of a trace; whether it was worth it."""
        if not program.grow():
            return False
        self._state.stops = None
        for one in self._state.breakpoints:
            setting.tell(self._state, program, one)
        return True

    def handle(self, message: object) -> None:
        """Answer a request, and send the events that follow. What is no request is answered with an error."""
        request: Body = message if isinstance(message, dict) else {}
        number, command = request.get("seq"), request.get("command")
        is_number = isinstance(number, int) and not isinstance(number, bool)
        body: Body | None
        try:
            if not is_number:
                raise Refused('a request has a "seq", a whole number')
            if request.get("type") != "request" or not isinstance(command, str):
                raise Refused('a request has the "type" "request" and a "command"')
            body = self._answer(command, optional(request, "arguments", dict) or {})
            reason = None
        except Exception as error:  # one request never ends a session
            self._following.clear()
            reason = str(error) if isinstance(error, Refused | UserError | UnavailableError) else self._fault()
            is_own = isinstance(command, str) and command.startswith("cwm/")  # whoever asks shows what comes of it
            is_told = not (is_own or isinstance(error, Stale))
            body = {"error": {"id": 1, "format": "{reason}", "variables": {"reason": reason}, "showUser": is_told}}
        response: Message = {
            "type": "response",
            "request_seq": number if is_number else 0,
            "success": reason is None,
            "command": command if isinstance(command, str) else "",
        }
        if reason is not None:
            response["message"] = reason
        if body is not None:
            response["body"] = body
        self._numbered(response)
        self._flush()

    def _flush(self) -> None:
        """Send the events that follow."""
        following, self._following[:] = list(self._following), ()
        for name, event_body in following:
            self._tell(name, event_body)

    def _tell(self, name: str, body: Body | None) -> None:
        event: Message = {"type": "event", "event": name}
        self._numbered(event if body is None else {**event, "body": body})

    def _numbered(self, message: Message) -> None:
        self._sequence += 1
        self._send({"seq": self._sequence, **message})

    def _answer(self, command: str, arguments: Body) -> Body | None:
        if command in self._before:
            return self._before[command](arguments)
        if command != "launch" and command not in self._debugging and command not in self._stopped:
            raise Refused(f"{command} is not among the requests that are answered")
        if not self._is_initialized:
            raise Refused(f"{command} came before initialize")
        if command == "launch":
            self._launch(arguments)
            return None
        program = self._state.program
        if program is None:
            why = Stale if self._state.launched else Refused  # it was asked before it was known that all is over
            raise why(f"{command} came while nothing is debugged: launch comes first")
        if command in self._debugging:
            return self._debugging[command](self._state, arguments, program)
        if not self._state.is_configured:
            raise Refused(f"{command} came before configurationDone")
        if self._state.going is not None:
            raise Refused(f"{command} came while it is on its way: pause it first")
        self._take_more(program)
        return self._stopped[command](self._state, arguments, program)

    def _cancel(self, _arguments: Body) -> None:
        """What the session waited for has been ended (`interrupt`); what goes on beside it ends with what it has."""
        if self._state.going is not None and self._state.program is not None:
            self._state.program.close()

    def _initialize(self, arguments: Body) -> Body:
        if self._is_initialized:
            raise Refused("initialize came a second time")
        at_1 = optional(arguments, "linesStartAt1", bool), optional(arguments, "columnsStartAt1", bool)
        if optional(arguments, "pathFormat", str) == "uri":
            raise Refused('files are named by paths: "pathFormat" must be "path"')
        state = self._state
        state.first_line, state.first_column = (0 if one is False else 1 for one in at_1)
        state.has_progress = optional(arguments, "supportsProgressReporting", bool) or False
        state.has_invalidated = optional(arguments, "supportsInvalidatedEvent", bool) or False
        self._is_initialized = True
        return _CAPABILITIES

    def _launch(self, arguments: Body) -> None:
        if self._state.program is not None:
            raise Refused("launch came a second time: restart begins another call")
        self._check(arguments)
        self._state.program = self._opened(arguments)
        self._state.launched = arguments
        self._following.append(("initialized", None))

    def _restart(self, state: State, arguments: Body, _program: Program) -> None:
        launched = optional(arguments, "arguments", dict) or state.launched
        state.program = program = self._opened(launched)
        state.launched, state.stops, state.told = launched, None, {}
        for one in state.breakpoints:
            setting.tell(state, program, one)
        setting.compared(state, program)
        if state.is_configured:
            self._begin(state, program)

    def _opened(self, arguments: Body) -> Program:
        """What a launch asks for."""
        mode = optional(arguments, "mode", str) or "predict"
        if mode not in ("predict", "replay", "run"):
            raise Refused(f'the mode "{mode}" is not there: "predict", "replay" and "run" are')
        path = absolute(needed(arguments, "program", str))
        optional(arguments, "stopOnEntry", bool)
        function, call = optional(arguments, "function", str), optional(arguments, "call", str)
        backend = self._state.backend
        if mode == "replay":
            trace = backend.recorded(path, function, call)
            self._close()
            return Program(trace, backend)
        begun = backend.asked(path, function, call)
        self._close()
        with self._state.waiting("Running" if mode == "run" else "Predicting") as waiting:
            return (Program.ran if mode == "run" else Program.predicted)(begun, backend, waiting)

    def _runs(self, arguments: Body) -> Body:
        self._check(arguments)
        found = self._state.backend.runs(absolute(needed(arguments, "program", str)))
        return {"runs": [{"function": function, "call": call, "when": when} for function, call, when in found]}

    def _check(self, arguments: Body) -> None:
        """Whoever connects to a port has to know the token before anything is told or done."""
        token = optional(arguments, "token", str)
        if self._token is not None and not hmac.compare_digest(
            self._token.encode(), (token or "").encode("utf-8", "replace")
        ):
            raise Refused('"token" is missing or another one')

    def _close(self) -> None:
        """What has been debugged is so no more."""
        moving.arrive(self._state)
        if self._state.program is not None:
            self._state.program.close()

    def _configuration_done(self, state: State, _arguments: Body, program: Program) -> None:
        if state.is_configured:
            raise Refused("configurationDone came a second time")
        state.is_configured = True
        self._begin(state, program)

    def _begin(self, state: State, program: Program) -> None:
        """Go to the first stop: where the launch says that a value is to be set, or as breakpoints have it."""
        line = optional(state.launched, "line", int)
        if line is None:
            return moving.begin(state, program, optional(state.launched, "stopOnEntry", bool) or False)
        text, is_there = optional(state.launched, "set", str), False
        try:
            asking.come_to(state, program, line + 1 - state.first_line)
            is_there = True
            if text is not None:
                asking.what_if(state, program, text)
        except (Refused, UserError, UnavailableError) as error:
            state.tell("output", {"category": "important", "output": f"{error}\n"})
            if not is_there:
                moving.begin(state, program, True)
        return None

    def _pause(self, state: State, arguments: Body, program: Program) -> None:
        if not state.is_configured:
            raise Refused("pause came before configurationDone")
        moving.pause(state, arguments, program)

    def _terminate(self, state: State, _arguments: Body, _program: Program) -> None:
        self._close()
        state.program, state.is_configured, state.stops = None, False, None
        state.breakpoints, state.filters = Breakpoints(), Filters()
        self._following.append(("terminated", None))

    def _disconnect(self, _arguments: Body) -> None:
        self.close()

    def close(self) -> None:
        """The client has gone."""
        self.is_over = True
        self._close()
