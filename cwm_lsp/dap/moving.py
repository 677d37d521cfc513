"""Requests that move a session to another event of its trace."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from cwm_lsp.dap.breakpoints import Line
from cwm_lsp.dap.program import Program, normal
from cwm_lsp.dap.protocol import Body, Reason, Refused, needed, optional, thread
from cwm_lsp.dap.state import Going, Handler, Over, State
from cwm_lsp.dap.values import shortened
from cwm_lsp.dap.walk import Walk
from cwm_lsp.source.functions import functions

TARGETS = 1000
"""Visits of a line that one may go to."""
PATIENCE = 0.5
"""Seconds that a step over a call waits for the call's own steps."""
MODEL = 200
"""Events a second that come from a model at most: what is computed comes faster."""


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


def hurry(state: State, program: Program) -> bool:
    """Where a step over a line has waited for the steps of a call that a model writes, have the model say what the call
    returns in their place, unless something might stop in there; whether that was done.

    Raises:
        Refused, UserError, UnavailableError: it cannot.
    """
    over = state.going.over if state.going is not None else None
    if over is None or time.monotonic() - over.since < PATIENCE:
        return False
    come = len(program.walk.events) - over.known
    over.since, over.known = time.monotonic(), len(program.walk.events)
    call = program.guessing(over.line)
    if come > PATIENCE * MODEL or call is None or _may_stop_within(state, program, call, over.line):
        return False
    with state.waiting("Asking what the call returns") as waiting:
        program.leave_out(call, waiting)
    state.stops = None
    return True


def _may_stop_within(state: State, program: Program, call: int, line: int) -> bool:
    """Whether there may be a reason to stop in the call of a line, other than a breakpoint in that line's function."""
    events, filters = program.walk.events, state.filters
    here = events[line]
    if events[call].function == here.function and list(state.breakpoints):
        return True
    around = [range(one.first_line, one.last_line + 1) for one in functions(program.trace.source)]
    own = min((one for one in around if here.line in one), key=len, default=range(0))
    places = (one.place for one in state.breakpoints)
    is_elsewhere = any(
        not (isinstance(place, Line) and program.is_own(place.path) and place.number in own) for place in places
    )
    return is_elsewhere or filters.raised or filters.guess or filters.unsure is not None


def _next(state: State, arguments: Body, program: Program) -> None:
    _step(Walk.over, state, arguments, program)
    if state.going is not None:
        state.going.over = Over(program.at, time.monotonic(), len(program.walk.events))


def _step(way: Callable[[Walk, int], int], state: State, arguments: Body, program: Program) -> None:
    """Go a way's next step, unless there is a reason to stop before it."""
    thread(arguments)
    at = program.at
    direction = 1 if way(program.walk, at) >= at else -1
    _go(state, program, lambda walk: way(walk, at), at + direction, direction)


def _step_in(state: State, arguments: Body, program: Program) -> None:
    thread(arguments)
    number = optional(arguments, "targetId", int)
    calls, left_out = program.walk.calls(program.at), program.left_out_by(program.at)
    if number is not None and number - 1 not in (*calls, *left_out):
        raise Refused(f"there is no call {number} on this line")
    target = program.at + 1 if number is None else number - 1
    if target in left_out:
        with state.waiting("Predicting the steps of the call") as waiting:
            program.take_in(target, waiting)
        state.stops = None
        target = program.walk.into(target)
    elif number is None:
        return _step(Walk.into, state, arguments, program)
    return _go(state, program, lambda _walk: target, program.at + 1, 1)


def _step_in_targets(state: State, arguments: Body, program: Program) -> Body:
    index = program.index_of(needed(arguments, "frameId", int))
    calls = sorted([*program.walk.calls(index), *program.left_out_by(index)]) if index == program.at else []
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
    "next": _next,
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
