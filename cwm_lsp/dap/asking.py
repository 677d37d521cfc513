"""Requests beyond the protocol, for clients that know them; the console has them as commands, `:watch total`.

Each answers with a `text` for a person, whose lines count from 1 as editors show them, and with the same as data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from cwm_lsp.dap.changing import assignment, change
from cwm_lsp.dap.evaluating import throughout
from cwm_lsp.dap.growing import Growing
from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Body, Refused, natural, needed, optional
from cwm_lsp.dap.state import Handler, State
from cwm_lsp.dap.stops import first_guess
from cwm_lsp.dap.values import shortened
from cwm_lsp.dap.variables import NOT_KNOWN
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.facts import is_fact
from cwm_lsp.trace.interventions import Visit
from cwm_lsp.trace.side_by_side import side_by_side
from cwm_lsp.trace.values import same_value

SAMPLES = 8
"""Other outcomes that are asked for, if no number is given."""
MOST = 100
"""Of these, at most."""
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60


def _frame(arguments: Body, program: Program) -> int:
    number = optional(arguments, "frameId", int)
    return program.at if number is None else program.index_of(number)


def _watch(state: State, arguments: Body, program: Program) -> Body:
    """The values of an expression at every line of a function's calls."""
    expression = needed(arguments, "expression", str).strip()
    frame = _frame(arguments, program)
    rows: list[dict[str, object]] = []
    told: list[str] = []
    before = None
    for index, looked in throughout(program, frame, expression):
        value = looked.text if looked.error is None else None
        line = program.walk.events[index].line
        is_first, is_changed = not rows, bool(rows) and value != before
        rows.append({"frameId": index + 1, "line": state.line(line), "value": value, "error": looked.error,
                     "provenance": looked.provenance, "isChanged": is_changed})  # fmt: skip
        if is_first or is_changed:
            told.append(f"line {line}: {(looked.error or NOT_KNOWN) if value is None else value}")
        before = value
    head = f"{expression}, where it changes ({len(rows)} steps)"
    plot = plotted([row["value"] for row in rows])
    return {"rows": rows, "text": "\n".join([head, *([plot] if plot else []), *told])}


def plotted(values: Sequence[object]) -> str | None:
    """Values as a line of bars, where there are several and those that are known are numbers; None where they are not.

    At most `WIDTH` bars, each the last of as many values; a space stands for one that is not known.
    """
    found = [_number(value) for value in values]
    known = {value for value in found if value is not None}
    if len(known) < 2 or any(value is None and text is not None for value, text in zip(found, values, strict=True)):
        return None
    size = -(-len(found) // WIDTH)
    shown = [found[min(at + size, len(found)) - 1] for at in range(0, len(found), size)]
    low, high = min(known), max(known)
    return "".join(" " if one is None else BARS[round((one - low) / (high - low) * (len(BARS) - 1))] for one in shown)


def _number(text: object) -> float | None:
    """A repr as a finite number."""
    try:
        number = float(str(text)) if isinstance(text, str) and not text.startswith(("'", '"')) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _first(state: State, arguments: Body, program: Program) -> Body:
    """Go to the first line of a function's calls at which an expression is true."""
    expression = needed(arguments, "expression", str).strip()
    for index, looked in throughout(program, _frame(arguments, program), f"not not ({expression})"):
        if looked.text == "True":
            state.stop(program, index, "goto", [], None)
            line = program.walk.events[index].line
            return {"frameId": index + 1, "text": f"{expression} is true for the first time at line {line}"}
    raise Refused(f"{expression} is true at no step of this function that is known")


def _go_to(state: State, arguments: Body, program: Program) -> Body:
    """Go to an event of the trace, if it is a visit of that line."""
    index, line = natural(arguments, "event"), needed(arguments, "line", int)
    events = program.walk.events
    if index >= len(events) or events[index].kind != "line" or state.line(events[index].line) != line:
        raise Refused(f"event {index} is no visit of line {line}")
    state.stop(program, index, "goto", [], None)
    return {"text": f"line {line}"}


def _parted(state: State, _arguments: Body, program: Program) -> Body:
    """What was to come before the latest fork, and what comes now."""
    with state.waiting("Predicting") as waiting:
        futures = program.futures(waiting)
    if futures is None:
        raise Refused("no value has been set: there is one future")
    before, after = futures
    divergences = compare(before, after)
    its = program.changes[-1]
    where = program.walk.events[its.step].line
    shown = [f"{_side(one.variable, one.predicted)} → {_side(one.variable, one.actual)}" for one in divergences]
    told = [f"line {one.line}: {text}" for one, text in zip(divergences, shown, strict=True)]
    head = f"{its.target} = {its.value} at line {where}"
    ends = f"{_ending(before.outcome)} → {_ending(after.outcome)}"
    sides = side_by_side(before, after, lambda one: _ending(one.outcome))
    return {
        "before": sides["predicted"],
        "after": sides["recorded"],
        "pairs": sides["pairs"],
        "from": its.step,
        "source": after.source,
        "divergences": [one.to_json() | {"message": text} for one, text in zip(divergences, shown, strict=True)],
        "text": "\n".join([head, *(told or ["the rest is the same"]), ends]),
    }


def come_to(state: State, program: Program, line: int) -> None:
    """Go to the first visit of a line of the program's own file.

    Raises:
        Refused: the call does not come there.
    """
    with state.waiting("Predicting") as waiting:
        program.whole(waiting)
    visits = program.visits_of(program.path, line)
    if not visits:
        raise Refused(f"the call does not come to line {line}")
    state.stop(program, visits[0], "goto", [], None)


def what_if(state: State, program: Program, text: str) -> None:
    """Set a value where it is stopped, as an assignment says, and tell what comes of it.

    Raises:
        Refused: it cannot be set.
    """
    assigned = assignment(text)
    if assigned is None:
        raise Refused(f"{text!r} is no assignment to one variable, attribute or item")
    change(state, program, program.at, *assigned)
    with state.waiting("Predicting what comes of it") as waiting:
        program.whole(waiting)
    state.stops = None
    state.tell("output", {"category": "console", "output": f"{_parted(state, {}, program)['text']}\n"})


def _side(name: str | None, text: str | None) -> str:
    shown = "nothing" if text is None else shortened(text)
    return shown if name is None or text is None else f"{name} = {shown}"


def _ending(outcome: Outcome) -> str:
    if outcome.exception is not None:
        return f"raises {outcome.exception.type}: {outcome.exception.message}".removesuffix(": ")
    if outcome.kind == "return":
        return f"returns {NOT_KNOWN if outcome.value is None else shortened(outcome.value)}"
    return outcome.detail or outcome.kind


def _outcomes(state: State, arguments: Body, program: Program) -> Body:
    """How the call ends where the model draws what it guesses by chance, with shares of samples."""
    count = natural(arguments, "count") or SAMPLES
    if count > MOST:
        raise Refused(f'"count" is at most {MOST}')
    at = first_guess(program)
    if program.is_recorded or is_fact(program.trace):
        raise Refused("nothing of this is a guess of the model's: there are no other outcomes")
    samples: list[Trace] = []
    with state.waiting("Asking for other outcomes") as waiting:
        for seed in range(count):
            growing = Growing(program.begun, partial(state.backend.sample, program.trace, program.interventions, seed))
            waiting(growing, lambda: False)
            samples.append(growing.trace()[0])
    found = Counter(_ending(one.outcome) for one in samples)
    example = {_ending(one.outcome): one for one in reversed(samples)}
    outcomes = [{"ending": ending, "share": number / count, "parts": _parts(program.trace, example[ending])}
                for ending, number in found.most_common()]  # fmt: skip
    told = [f"{number / count:.0%}: {ending}" for ending, number in found.most_common()]
    line = program.walk.events[program.walk.end if at is None else at].line
    head = f"of {count} samples of the model, guessed from line {line} on"
    return {"outcomes": outcomes, "line": state.line(line), "text": "\n".join([head, *told])}


def _parts(one: Trace, other: Trace) -> int | None:
    """The first event at which two traces differ."""
    for index, (ours, theirs) in enumerate(zip(one.events, other.events, strict=False)):
        if _shown(ours) != _shown(theirs):
            return index
    return None if len(one.events) == len(other.events) else min(len(one.events), len(other.events))


def _shown(event: Event) -> tuple[object, ...]:
    return event.kind, event.line, event.depth, dict(event.locals), event.value


def _check(state: State, _arguments: Body, program: Program) -> Body:
    """Run the call for real up to this visit of this line, and hold the two states against each other."""
    if program.is_recorded:
        raise Refused("this is what has really happened")
    if program.changes:
        raise Refused("values have been set, which a real run does not have: restart first")
    event, walk = program.state(program.at), program.walk
    here = walk.events[program.at]
    if here.kind != "line":
        raise Refused("a run can be stopped at a line only: step back first")
    visit = _visits(walk.events[: program.at + 1], here)
    come: list[Event] = []

    with state.waiting("Running to here") as waiting:
        until = Visit(here.line, here.function, here.path, visit)
        growing = Growing(program.begun, partial(state.backend.run, program.begun, until=until), come.append)
        waiting(growing, lambda: False)
    line = here.line
    if _visits(come, here) < visit:
        ending = _ending(growing.trace()[0].outcome)
        return {"isReached": False, "differences": [],
                "text": f"the run does not come to visit {visit} of line {line}: {ending}"}  # fmt: skip
    real = _nth(come, here, visit)
    names = [*event.locals, *(name for name in real.locals if name not in event.locals)]
    unknown = {name for name in names if event.provenance.get(name) == "unknown"}
    differences = [
        {"name": name, "predicted": event.locals.get(name), "real": real.locals.get(name)}
        for name in names
        if name not in unknown and not _same(event.locals.get(name), real.locals.get(name))
    ]
    told = [f"{one['name']}: {one['predicted'] or 'not there'} → {one['real'] or 'not there'}" for one in differences]
    told += [f"{name}: {NOT_KNOWN} → {real.locals.get(name, 'not there')}" for name in sorted(unknown)]
    head = f"the run at line {line}, visit {visit}: " + ("as predicted" if not differences else "not as predicted")
    return {
        "isReached": True,
        "differences": differences,
        "locals": dict(real.locals),
        "text": "\n".join([head, *told]),
    }


def _is_there(event: Event, here: Event) -> bool:
    return (event.kind, event.line, event.function, event.path) == ("line", here.line, here.function, here.path)


def _visits(events: Sequence[Event], here: Event) -> int:
    return sum(_is_there(event, here) for event in events)


def _nth(events: Sequence[Event], here: Event, visit: int) -> Event:
    return [event for event in events if _is_there(event, here)][visit - 1]


def _same(predicted: str | None, real: str | None) -> bool:
    return predicted == real if predicted is None or real is None else same_value(predicted, real)


REQUESTS: dict[str, Handler] = {
    "cwm/watch": _watch,
    "cwm/first": _first,
    "cwm/goTo": _go_to,
    "cwm/parted": _parted,
    "cwm/outcomes": _outcomes,
    "cwm/check": _check,
}
_COMMANDS: Mapping[str, tuple[str, str | None]] = {
    "watch": ("cwm/watch", "expression"),
    "first": ("cwm/first", "expression"),
    "parted": ("cwm/parted", None),
    "outcomes": ("cwm/outcomes", None),
    "real": ("cwm/check", None),
}
"""Requests by their names in the console, with the argument that is written behind."""


def command(state: State, text: str, frame: int | None, program: Program) -> str:
    """Carry out what was typed behind a colon in the console; what it tells.

    Raises:
        Refused: there is no such command, or it cannot be done.
    """
    name, _, rest = text.partition(" ")
    if name not in _COMMANDS:
        raise Refused(f"there is no command :{name}: {', '.join(f':{one}' for one in _COMMANDS)} are")
    request, argument = _COMMANDS[name]
    arguments: dict[str, object] = {} if frame is None else {"frameId": frame}
    if argument is not None:
        if not rest.strip():
            raise Refused(f":{name} takes an expression: :{name} total")
        arguments[argument] = rest.strip()
    answer = REQUESTS[request](state, arguments, program)
    return str((answer or {})["text"])
