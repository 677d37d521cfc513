"""Requests that set breakpoints and filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cwm_lsp.dap.breakpoints import DATA, FUNCTIONS, Line, Place, Placed, Wanted, Watched, When, placed
from cwm_lsp.dap.program import Program, normal
from cwm_lsp.dap.protocol import Body, Breakpoint, Refused, needed, optional
from cwm_lsp.dap.state import Handler, State
from cwm_lsp.dap.stops import UNSURE, Filters

FILTERS: list[dict[str, Any]] = [
    {"filter": "raised", "label": "Likely raised", "default": False},
    {"filter": "uncaught", "label": "Raised and not caught", "default": True},
    {"filter": "guess", "label": "Where a guess begins", "default": False},
    {
        "filter": "unsure",
        "label": "Less sure than N %",
        "default": False,
        "supportsCondition": True,
        "conditionDescription": f"N, a number of per cent ({UNSURE} without one)",
    },
    {"filter": "left", "label": "Where the run left the prediction", "default": False},
]
"""Exception filters, as the client is told of them."""
_NAMES = frozenset(one["filter"] for one in FILTERS)


def _objects(arguments: Body, name: str, *, is_needed: bool = False) -> list[Body]:
    found = needed(arguments, name, list) if is_needed else optional(arguments, name, list) or []
    if not all(isinstance(one, dict) for one in found):
        raise Refused(f'"{name}" must be a list of objects')
    return found


def _set(state: State, program: Program, group: str, wanted: Iterable[tuple[Place, When]]) -> Body:
    state.stops = None
    found = state.breakpoints.set(group, wanted)
    state.told |= {one.number: _told(state, placed(one, program)) for one in found}
    state.told = {one.number: state.told[one.number] for one in state.breakpoints if one.number in state.told}
    return {"breakpoints": [state.told[one.number] for one in found]}


def tell(state: State, program: Program, wanted: Wanted) -> None:
    """Tell the client where a breakpoint is in a program, if that is not what it knows."""
    now = _told(state, placed(wanted, program))
    if state.told.get(wanted.number) != now:
        state.told[wanted.number] = now
        state.tell("breakpoint", {"reason": "changed", "breakpoint": now})


def _told(state: State, its: Placed) -> Breakpoint:
    """A breakpoint as the client is told of it."""
    found = its.told()
    return {**found, "line": state.line(found["line"])} if "line" in found else found


def _when(wanted: Body) -> When:
    condition, hits, message = (optional(wanted, one, str) for one in ("condition", "hitCondition", "logMessage"))
    return When(condition or None, hits or None, message or None)


def _set_breakpoints(state: State, arguments: Body, program: Program) -> Body:
    path = normal(needed(needed(arguments, "source", dict), "path", str))
    wanted = [
        (Line(path, needed(one, "line", int) + 1 - state.first_line), _when(one))
        for one in _objects(arguments, "breakpoints")
    ]
    return _set(state, program, path, wanted)


def _set_function_breakpoints(state: State, arguments: Body, program: Program) -> Body:
    wanted = [
        (needed(one, "name", str).strip(), _when(one)) for one in _objects(arguments, "breakpoints", is_needed=True)
    ]
    return _set(state, program, FUNCTIONS, wanted)


def _set_data_breakpoints(state: State, arguments: Body, program: Program) -> Body:
    wanted = [
        (Watched.of(needed(one, "dataId", str)), _when(one))
        for one in _objects(arguments, "breakpoints", is_needed=True)
    ]
    return _set(state, program, DATA, wanted)


def _data_breakpoint_info(state: State, arguments: Body, program: Program) -> Body:
    name, reference = needed(arguments, "name", str), optional(arguments, "variablesReference", int)
    if reference:
        member = state.variables.member(reference, name)
        expression, frame = member.expression if member else None, state.variables.group(reference).frame
    else:
        number = optional(arguments, "frameId", int)
        expression, frame = name, program.at if number is None else program.index_of(number)
    if not expression:
        return {"dataId": None, "description": f"{name} cannot be watched: no expression gets at it"}
    walk = program.walk
    call = walk.events[walk.scope(frame)]
    watched = Watched(program.place_of(call), call.line, call.function, expression)
    description = f"{expression} of {call.function} changes"
    return {"dataId": watched.id, "description": description, "accessTypes": ["write"], "canPersist": True}


def _set_exception_breakpoints(state: State, arguments: Body, program: Program) -> Body:
    named = needed(arguments, "filters", list)
    if not all(isinstance(name, str) for name in named):
        raise Refused('"filters" must be a list of strings')
    options = _objects(arguments, "filterOptions")
    wanted: list[tuple[str, str | None]] = [(name, None) for name in named]
    wanted += [(needed(one, "filterId", str), optional(one, "condition", str)) for one in options]
    problems = [_problem(*one) for one in wanted]
    conditions = dict(one for one, why in zip(wanted, problems, strict=True) if why is None)
    state.stops = None
    state.filters = Filters(
        "raised" in conditions,
        "uncaught" in conditions,
        "guess" in conditions,
        _chance(conditions["unsure"]) if "unsure" in conditions else None,
        "left" in conditions,
    )
    compared(state, program)
    return {"breakpoints": [{"verified": False, "message": why} if why else {"verified": True} for why in problems]}


def compared(state: State, program: Program) -> None:
    """See to it that it is known where a run left its prediction, if that is asked for."""
    if state.filters.left and program.is_recorded and program.how_left is None:
        with state.waiting("Predicting what was run") as waiting:
            program.compare(waiting)


def _chance(condition: str | None) -> float:
    return int((condition or "").strip().removesuffix("%").strip() or UNSURE) / 100


def _problem(name: str, condition: str | None) -> str | None:
    if name not in _NAMES:
        return f"there is no filter {name}"
    if condition is None or not condition.strip():
        return None
    if name != "unsure":
        return f"{name} takes no condition"
    number = condition.strip().removesuffix("%").strip()
    return None if number.isdecimal() and int(number) <= 100 else f"{condition!r} is no number of per cent"


def _breakpoint_locations(state: State, arguments: Body, program: Program) -> Body:
    path = normal(needed(needed(arguments, "source", dict), "path", str))
    first = needed(arguments, "line", int) + 1 - state.first_line
    last = optional(arguments, "endLine", int)
    stop = first if last is None else last + 1 - state.first_line
    lines = sorted(line for line in program.lines_of(path) if first <= line <= stop)
    return {"breakpoints": [{"line": state.line(line)} for line in lines]}


REQUESTS: dict[str, Handler] = {
    "setBreakpoints": _set_breakpoints,
    "setFunctionBreakpoints": _set_function_breakpoints,
    "setDataBreakpoints": _set_data_breakpoints,
    "dataBreakpointInfo": _data_breakpoint_info,
    "setExceptionBreakpoints": _set_exception_breakpoints,
    "breakpointLocations": _breakpoint_locations,
}
