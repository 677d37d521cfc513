"""Requests that move a session to another event of its trace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cwm_lsp.dap.program import Program, normal
from cwm_lsp.dap.protocol import Body, Reason, Refused, needed, optional, thread
from cwm_lsp.dap.state import Going, Handler, State
from cwm_lsp.dap.values import shortened
from cwm_lsp.dap.walk import Walk

TARGETS = 1000
"""Visits of a line that one may go to."""


def begin(state: State, program: Program, stop_on_entry: bool) -> None:
    """Go to the first stop."""
    if stop_on_entry:
        state.stop(program, program.walk.start, "entry", [], None)
    else:
        _go(state, program, lambda walk: walk.last, program.walk.start, 1)


def _go(state: State, program: Program, target: Callable[[Walk], int], first: int, direction: int) -> None:
    """Stop at the first event on the way to the target that there is a reason for, else there. `first` is the first on
    the way."""
    state.going = Going(target, first, direction, state.begun("Predicting"))
    go_on(state, program)


def go_on(state: State, program: Program) -> None:
    """Go on the way that is gone, as far as it is known."""
    going, walk = state.going, program.walk
    if going is None:
        return None
    stops, target = state.stops_of(program), going.target(walk)
    until = min(target, walk.end)
    for index in stops.between(going.at, until, going.direction):
        going.at = index
        if stops.awaits(index):
            return None
        for message in stops.messages(index):
            event = walk.events[index]
            said = {"category": "console", "output": f"{message}\n", "source": program.source(event)}
            state.tell("output", {**said, "line": state.line(event.line)})
        stop = stops.at(index)
        if stop is not None:
            arrive(state)
            return state.stop(program, index, stop.reason, stop.numbers, stop.text)
    going.at = until + going.direction
    if target > walk.end:  # it goes further than what is known
        return None
    arrive(state)
    is_exception = walk.events[target].kind == "exception" or (target == walk.end and walk.leaving is not None)
    reason: Reason = "exception" if is_exception else "entry" if target == walk.start else "step"
    return state.stop(program, target, reason, [], None)


def arrive(state: State) -> None:
    """The way that was gone is at its end, or given up."""
    if state.going is not None:
        state.going.progress.end()
        state.going = None


def _step(way: Callable[[Walk, int], int], state: State, arguments: Body, program: Program) -> None:
    """Go a way's next step, unless there is a reason to stop before it."""
    thread(arguments)
    at = program.at
    direction = 1 if way(program.walk, at) >= at else -1
    _go(state, program, lambda walk: way(walk, at), at + direction, direction)


def _step_in(state: State, arguments: Body, program: Program) -> None:
    target = optional(arguments, "targetId", int)
    if target is None:
        return _step(Walk.into, state, arguments, program)
    thread(arguments)
    if target - 1 not in program.walk.calls(program.at):
        raise Refused(f"there is no call {target} on this line")
    return _go(state, program, lambda _walk: target - 1, program.at + 1, 1)


def _step_in_targets(state: State, arguments: Body, program: Program) -> Body:
    index = program.index_of(needed(arguments, "frameId", int))
    calls = program.walk.calls(index) if index == program.at else []
    return {"targets": [{"id": at + 1, "label": _called(program, at)} for at in calls]}


def _called(program: Program, first: int) -> str:
    event = program.walk.events[program.walk.scope(first)]
    given = (f"{name}={shortened(text)}" for name, text in event.locals.items() if name.isidentifier())
    return f"{event.function}({', '.join(given)})"


def _continue(state: State, arguments: Body, program: Program) -> Body:
    thread(arguments)
    _go(state, program, lambda walk: walk.last, program.at + 1, 1)
    return {"allThreadsContinued": True}


def _reverse_continue(state: State, arguments: Body, program: Program) -> None:
    thread(arguments)
    _go(state, program, lambda walk: walk.start, program.at - 1, -1)


def pause(state: State, arguments: Body, program: Program) -> None:
    """Stop at the latest line that has been passed."""
    thread(arguments)
    at = program.at
    if state.going is not None:
        lines = (one for one in range(state.going.at - 1, at, -1) if program.walk.events[one].kind == "line")
        at = next(lines, at)
    arrive(state)
    state.stop(program, at, "pause", [], None)


def _goto_targets(state: State, arguments: Body, program: Program) -> Body:
    """Every visit of a line is one that can be gone to."""
    path = normal(needed(needed(arguments, "source", dict), "path", str))
    line = needed(arguments, "line", int) + 1 - state.first_line
    code = sorted(one for one in program.lines_of(path) if one >= line)
    visits = program.visits.get((path, code[0]), []) if code else []
    targets = []
    for number, index in enumerate(visits[:TARGETS], 1):
        event, before = program.walk.events[index], program.walk.before(index)
        known = program.walk.events[before].locals if before is not None else {}
        anew = [f"{name} = {shortened(text)}" for name, text in event.locals.items() if known.get(name) != text]
        label = f"{event.function}, visit {number} of {len(visits)}"
        shown = f"{label}: {', '.join(anew[:3])}" if anew else label
        targets.append({"id": index + 1, "label": shown, "line": state.line(event.line)})
    return {"targets": targets}


def _goto(state: State, arguments: Body, program: Program) -> None:
    thread(arguments)
    target = needed(arguments, "targetId", int) - 1
    if not 0 <= target < len(program.walk.events) or program.walk.events[target].kind != "line":
        raise Refused(f"there is no place {target + 1} to go to")
    state.stop(program, target, "goto", [], None)


def _restart_frame(state: State, arguments: Body, program: Program) -> None:
    """Go back to where the scope of a frame began."""
    walk = program.walk
    first = walk.into(walk.scope(program.index_of(needed(arguments, "frameId", int))))
    state.stop(program, first, "entry" if first == walk.start else "step", [], None)


REQUESTS: dict[str, Handler] = {
    "next": partial(_step, Walk.over),
    "stepIn": _step_in,
    "stepOut": partial(_step, Walk.out),
    "stepBack": partial(_step, Walk.back),
    "stepInTargets": _step_in_targets,
    "continue": _continue,
    "reverseContinue": _reverse_continue,
    "gotoTargets": _goto_targets,
    "goto": _goto,
    "restartFrame": _restart_frame,
}
