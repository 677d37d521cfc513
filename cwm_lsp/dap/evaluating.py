"""Expressions in the frames of a stack: read off the reprs of variables, else evaluated by the backend."""

from __future__ import annotations

import ast
from dataclasses import replace

from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Refused
from cwm_lsp.dap.values import part_of, value_of
from cwm_lsp.dap.variables import Shown, evaluated, local
from cwm_lsp.trace.interventions import Look, Looked

MOST = 20_000
"""Looks at one expression."""


def value_at(program: Program, frame: int, text: str) -> Shown | None:
    """What an expression is in a frame; None where that is not known.

    Raises:
        Refused: it is no expression, or it raises.
    """
    try:
        expression = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused(f"{text!r} is no expression that can be read") from None
    state = program.state(frame)
    values = {name: value_of(its) for name, its in state.locals.items() if state.provenance.get(name) != "unknown"}
    part = part_of(expression, values)
    if part is not None:
        return replace(local(state, part[0], program.trace.origin), value=part[1], expression=text)
    found = looked(program, frame, text)
    if found.error is not None:
        raise Refused(found.error)
    return evaluated(found, text)


def throughout(program: Program, frame: int, text: str) -> list[tuple[int, Looked]]:
    """What an expression is at each line of all calls of the function that a frame is of, by event.

    Raises:
        Refused: it is no expression.
    """
    try:
        expression = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused(f"{text!r} is no expression that can be read") from None
    walk = program.walk
    of = walk.events[walk.scope(frame)]
    its = (of.function, of.path)
    indices = [at for at, one in enumerate(walk.events) if one.kind == "line" and (one.function, one.path) == its]
    found: dict[int, Looked] = {}
    for index in indices:
        event = program.state(index)
        known = {name: value_of(one) for name, one in event.locals.items() if event.provenance.get(name) != "unknown"}
        part = part_of(expression, known)
        if part is not None:
            provenance = event.provenance.get(part[0], program.trace.origin)
            found[index] = Looked(part[1].text, provenance)
    left = [index for index in indices if index not in found][:MOST]
    looks = [Look(index, walk.events[index].depth, text) for index in left]
    found.update(zip(left, program.look(looks), strict=True))
    return sorted(found.items())


def looked(program: Program, frame: int, text: str) -> Looked:
    """What an expression evaluates to in a frame: of the stack it is at, now; of any other, as it was there."""
    at = program.at if frame in program.walk.stack(program.at) else frame
    return program.look([Look(at, program.walk.events[frame].depth, text)])[0]
