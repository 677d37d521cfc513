"""Requests about what is there at a stop: the stack, its scopes, values of variables and expressions."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import symtable
from collections.abc import Iterator
from functools import lru_cache, partial

from cwm_lsp.dap.asking import command
from cwm_lsp.dap.changing import assignment, change
from cwm_lsp.dap.evaluating import looked, value_at
from cwm_lsp.dap.program import Program
from cwm_lsp.dap.protocol import THREAD, Body, Refused, Scope, StackFrame, natural, needed, optional, thread
from cwm_lsp.dap.state import Handler, State
from cwm_lsp.dap.values import value_of
from cwm_lsp.dap.variables import DEFINITIONS, NOT_KNOWN, Named, Shown, Variables, evaluated, local, result
from cwm_lsp.trace.exceptions import described
from cwm_lsp.trace.interventions import Look

_TYPES = {kind.__name__: kind for kind in (str, bytes, int, float, bool, list, tuple, dict, set, frozenset)}
_TYPED = re.compile(r"(?P<whole>(?:[^\W\d]\w*|\.[^\W\d]\w*|\[[^\[\]]*\])*)(?P<dot>\.)(?P<start>\w*)$|(?P<name>\w*)$")


def _threads(_state: State, _arguments: Body, program: Program) -> Body:
    return {"threads": [{"id": THREAD, "name": program.trace.call}]}


def _stack_trace(state: State, arguments: Body, program: Program) -> Body:
    thread(arguments)
    frames = [*program.walk.stack(program.at), *_notes(program)]
    start, levels = natural(arguments, "startFrame"), natural(arguments, "levels")
    wanted = frames[start : start + levels if levels else None]
    told = [_frame(state, program, one) if isinstance(one, int) else one for one in wanted]
    return {"stackFrames": told, "totalFrames": len(frames)}


def _frame(state: State, program: Program, index: int) -> StackFrame:
    event = program.walk.events[index]
    return {
        "id": index + 1,  # the state at an event is the same whenever it is asked for
        "name": event.function,
        "source": program.source(event),
        "line": state.line(event.line),
        "column": state.first_column,
        "canRestart": True,
    }


def _notes(program: Program) -> Iterator[StackFrame]:
    """Below the stack: what has been changed on the way."""
    for number, one in enumerate(program.changes, 1):
        if one.step <= program.at:
            line = program.walk.events[one.step].line
            name = f"fork {number}: {one.target} = {one.value} at line {line}"
            yield {
                "id": len(program.walk.events) + number,
                "name": name,
                "line": 0,
                "column": 0,
                "presentationHint": "label",
            }


def _scopes(state: State, arguments: Body, program: Program) -> Body:
    index = program.index_of(needed(arguments, "frameId", int))
    walk, shown = program.walk, program.state(index)
    event = walk.events[index]
    variables = _variables(state, program)
    locals_: Named = tuple((name, local(shown, name, program.trace.origin)) for name in shown.locals)
    groups: list[tuple[str, str, Named]] = [("Locals", "locals", locals_)]
    is_returned = event.kind == "return" and not (index == walk.end and walk.leaving is not None)
    value = result(event, program.trace.origin) if is_returned else None
    if value is not None:
        groups.append(("Returned", "returnValue", (("return", value),)))
    before = walk.before(index)
    if before is not None and walk.events[before].kind == "line" and walk.shown(index) == index:
        known = walk.events[before].locals
        anew = tuple((name, one) for name, one in locals_ if known.get(name) != one.value.text)
        if anew:
            groups.append((f"Changed by line {walk.events[before].line}", "locals", anew))
    scopes: list[Scope] = [
        {
            "name": name,
            "presentationHint": hint,
            "variablesReference": variables.refer(index, lambda group=group: group),  # type: ignore[misc]
            "namedVariables": len(group),
            "expensive": False,
        }
        for name, hint, group in groups
    ]
    call = walk.events[walk.scope(index)]
    names = _globals_of(program.trace.source, call.function, call.line) if event.path is None else ()
    if names:
        reference = variables.refer(index, partial(_globals, program, index, names))
        scopes.append({"name": "Globals", "presentationHint": "globals", "variablesReference": reference,
                       "namedVariables": len(names), "expensive": True})  # fmt: skip
    return {"scopes": scopes}


def _variables(state: State, program: Program) -> Variables:
    """What is shown at this stop."""
    state.variables.attributes = partial(_attributes, program)
    state.variables.is_fixed = program.is_recorded
    return state.variables


def _attributes(program: Program, frame: int, shown: Shown) -> Named:
    """The attributes of an object that its repr does not tell."""
    found = looked(program, frame, f"({shown.expression}).__dict__")
    if found.text is None:
        return ()
    named = []
    for name, _, value in value_of(found.text).parts():
        attribute = ast.literal_eval(name) if name[:1] in "'\"" else ""
        if isinstance(attribute, str) and attribute.isidentifier():
            named.append((attribute, Shown(value, found.provenance, None, f"{shown.expression}.{attribute}")))
    return named


@lru_cache(maxsize=64)
def _globals_of(source: str, function: str, line: int) -> tuple[str, ...]:
    """The names that a function reads from its module, but for those of functions, classes and modules there."""
    try:
        tables = [symtable.symtable(source, "<file>", "exec")]
    except (SyntaxError, ValueError, RecursionError):
        return ()
    defined = {one.get_name() for one in tables[0].get_symbols() if one.is_namespace() or one.is_imported()}
    best: symtable.SymbolTable | None = None
    while tables:
        table = tables.pop()
        tables += table.get_children()
        if table.get_type() == "function" and table.get_name() in (function, function.strip("<>")):
            later = table.get_lineno() >= line
            if later and (best is None or table.get_lineno() < best.get_lineno()):
                best = table
    if best is None:
        return ()
    read = (one.get_name() for one in best.get_symbols() if one.is_global() and one.is_referenced())
    return tuple(sorted(name for name in read if name not in defined and not hasattr(builtins, name)))


def _globals(program: Program, frame: int, names: tuple[str, ...]) -> Named:
    """Those that are known."""
    depth = program.walk.events[frame].depth
    found = program.look([Look(program.at, depth, name) for name in names])
    shown = ((name, evaluated(one, name)) for name, one in zip(names, found, strict=True))
    return [(name, one) for name, one in shown if one is not None and not one.value.text.startswith(DEFINITIONS)]


def _behind(state: State, arguments: Body, program: Program) -> Body:
    reference, kind = needed(arguments, "variablesReference", int), optional(arguments, "filter", str)
    start, count = natural(arguments, "start"), natural(arguments, "count")
    return {"variables": _variables(state, program).behind(reference, kind, start, count)}


def _evaluate(state: State, arguments: Body, program: Program) -> Body:
    text, frame = needed(arguments, "expression", str).strip(), optional(arguments, "frameId", int)
    index = program.at if frame is None else program.index_of(frame)
    is_console = optional(arguments, "context", str) == "repl"
    if is_console and text.startswith(":"):
        return {"result": command(state, text[1:], frame, program), "variablesReference": 0}
    if is_console and (assigned := assignment(text)) is not None:
        shown = change(state, program, index, *assigned)
        return {"result": shown.value.text, **_variables(state, program).described(index, shown)}
    found = value_at(program, index, text)
    if found is None:
        return {"result": NOT_KNOWN, "variablesReference": 0, "presentationHint": {"attributes": ["unknown"]}}
    return {"result": found.value.text, **_variables(state, program).described(index, found)}


def _completions(state: State, arguments: Body, program: Program) -> Body:
    text, column = needed(arguments, "text", str), needed(arguments, "column", int)
    frame = optional(arguments, "frameId", int)
    index = program.at if frame is None else program.index_of(frame)
    found = _TYPED.search(text[: max(0, column - state.first_column)])
    if found is None:
        return {"targets": []}
    if found["dot"]:
        start, names = found["start"], _members(program, index, found["whole"])
    else:
        start = found["name"]
        names = dict.fromkeys(program.state(index).locals, "variable")
        names |= dict.fromkeys(_globals_of(program.trace.source, *_called(program, index)), "variable")
        names |= {one: "function" for one in dir(builtins) if one.islower() and not one.startswith("_")}
        names |= dict.fromkeys(keyword.kwlist, "keyword")
    return {
        "targets": [
            {"label": name, "type": kind, "start": column - state.first_column - len(start), "length": len(start)}
            for name, kind in names.items()
            if name.startswith(start) and name.isidentifier()
        ]
    }


def _called(program: Program, index: int) -> tuple[str, int]:
    call = program.walk.events[program.walk.scope(index)]
    return call.function, call.line


def _members(program: Program, index: int, whole: str) -> dict[str, str]:
    try:
        shown = value_at(program, index, whole)
    except Refused:
        shown = None
    if shown is None:
        return {}
    names = {name: "property" for name, access, _ in shown.value.parts() if access == f".{name}"}
    names |= {name: "property" for name, _ in _attributes(program, index, shown)} if shown.is_opaque else {}
    kind = _TYPES.get(shown.value.type or "")
    return names | {name: "method" for name in dir(kind) if kind is not None and not name.startswith("_")}


def _exception_info(_state: State, arguments: Body, program: Program) -> Body:
    thread(arguments)
    walk = program.walk
    at = walk.leaving if program.at == walk.end and walk.leaving is not None else program.at
    event = walk.events[at]
    if event.kind != "exception":
        raise Refused("no exception is raised here")
    name, message = described(event.value or "")
    return {
        "exceptionId": name or "exception",
        "description": message,
        "breakMode": "unhandled" if at in (walk.uncaught, walk.leaving) else "always",
        "details": {"typeName": name, "message": message},
    }


REQUESTS: dict[str, Handler] = {
    "stackTrace": _stack_trace,
    "scopes": _scopes,
    "variables": _behind,
    "evaluate": _evaluate,
    "completions": _completions,
    "exceptionInfo": _exception_info,
}
THREADS: dict[str, Handler] = {"threads": _threads}
"""Also answered before the first stop."""
