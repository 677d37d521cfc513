"""Expressions in the frames of a stack: read off the reprs of variables, else evaluated by the backend."""

from __future__ import annotations

import ast
from dataclasses import replace

from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Refused
from cwm_lsp.dap.values import part_of, value_of
from cwm_lsp.dap.variables import Shown, evaluated, local
from cwm_lsp.trace.interventions import Look, Looked


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


def looked(program: Program, frame: int, text: str) -> Looked:
    """What an expression evaluates to in a frame: of the stack it is at, now; of any other, as it was there."""
    at = program.at if frame in program.walk.stack(program.at) else frame
    return program.look([Look(at, program.walk.events[frame].depth, text)])[0]
