"""Requests that give variables other values: the prediction forks there."""

from __future__ import annotations

import ast

from cwm_lsp.dap.evaluating import value_at
from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import Body, Refused, needed, optional
from cwm_lsp.dap.state import Handler, State
from cwm_lsp.dap.variables import Shown


def change(state: State, program: Program, frame: int, target: str, value: str) -> Shown:
    """Give a variable, or a part of one, of a frame on the stack another value; what it is then.

    Raises:
        Refused: that cannot be done.
    """
    _check(target, value)
    if frame not in program.walk.stack(program.at):
        raise Refused("values are set in the frames of the stack that it is stopped at")
    depth = program.walk.events[frame].depth
    with state.waiting("Predicting what comes of it") as waiting:
        program.fork(depth, target, value, waiting)
    state.stops = None
    if state.has_invalidated:
        state.tell("invalidated", {"areas": ["all"]})
    shown = value_at(program, frame, target)
    if shown is None:
        raise Refused(f"{target} is set, and what it is now is not known")
    return shown


def assignment(text: str) -> tuple[str, str] | None:
    """The target and the value of a statement that gives one target a value; None for anything else."""
    try:
        match ast.parse(text.strip()).body:
            case [ast.Assign(targets=[target], value=value)]:
                return ast.unparse(target), ast.unparse(value)
            case [ast.AugAssign(target=target, op=op, value=value)]:
                return ast.unparse(target), ast.unparse(ast.BinOp(_loaded(target), op, value))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None


def _loaded(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body


def _check(target: str, value: str) -> None:
    for text in (target, value):
        try:
            parsed = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise Refused(f"{text!r} is no expression that can be read") from None
        if text is target and not isinstance(parsed, ast.Name | ast.Attribute | ast.Subscript):
            raise Refused(f"{target} is no variable, attribute or item")


def _set_variable(state: State, arguments: Body, program: Program) -> Body:
    reference, name = needed(arguments, "variablesReference", int), needed(arguments, "name", str)
    value = needed(arguments, "value", str)
    frame = state.variables.group(reference).frame
    member = state.variables.member(reference, name)
    if member is None:
        raise Refused(f"there is no {name} there")
    if member.expression is None:
        raise Refused(f"{name} cannot be set: no expression gets at it")
    shown = change(state, program, frame, member.expression, value)
    return {"value": shown.value.text, **state.variables.described(frame, shown)}


def _set_expression(state: State, arguments: Body, program: Program) -> Body:
    target, value = needed(arguments, "expression", str).strip(), needed(arguments, "value", str)
    number = optional(arguments, "frameId", int)
    frame = program.at if number is None else program.index_of(number)
    shown = change(state, program, frame, target, value)
    return {"value": shown.value.text, **state.variables.described(frame, shown)}


REQUESTS: dict[str, Handler] = {"setVariable": _set_variable, "setExpression": _set_expression}
