"""What a model is given to read before the first frame that it writes.

A call whose arguments are all known literals is seeded: the CALL frame of the function itself carries them. Any other
call is wrapped: a `main` that makes it, and drives a generator or coroutine to its end, is appended to the program, and
the trace is read from the point at which the function is entered.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from cwm_lsp.evaluate import Around
from cwm_lsp.predict.states import NO_ARGUMENTS, Arguments, Receiver
from cwm_lsp.source.bind import bind, binds_as_written, has_plain_repr, is_in_class, takes_implicit
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.source.prepared import read_call
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event
from cwm_lsp.trace.interventions import Change

_ORDER_OF_LOCALS = {
    "positional-only": 0,
    "positional-or-keyword": 0,
    "keyword-only": 1,
    "var-positional": 2,
    "var-keyword": 3,
}
"""CPython stores the parameters of a frame in this order."""


_DRIVERS = {
    (False, False): "def {}():\n{}    return {}",
    (False, True): "def {}():\n{}    return list({})",
    (True, False): "async def {}():\n{}    return await {}",
    (True, True): "async def {}():\n{}    return [item async for item in {}]",
}
"""Wrappers that run a call to its end: of a function that is (async, a generator)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One call to predict."""

    path: str
    source: str
    function: Function
    call: str
    module: str = "__main__"
    """The name under which a run imports the file: reprs of its classes and functions show it."""
    around: Around | None = None
    """Where the file is, for what it imports."""
    changes: tuple[Change, ...] = ()
    """Made on its way: only what the evaluator follows up to the last of them can be predicted."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The program and the first frame, which is given."""

    source: str
    """The text that lines point into: the file, with the wrapper at its end if there is one."""
    first: Event
    """The CALL of the function, or of the wrapper."""
    def_line: int
    """The `def` line that is marked as the start of the trace."""
    function: Function
    wrapped: bool
    arguments: Arguments = NO_ARGUMENTS
    """What is known of the parameters of calls to come."""

    def contexts(self) -> Iterator[str]:
        """What the model may be shown of the program, the most first: all of it, what the function reaches, only it."""
        lines = split_lines(self.source)
        everything = range(1, len(lines) + 1)
        wrapper = range(self.def_line, len(lines) + 1) if self.wrapped else range(0)
        for kept in (everything, _reached(self.source, self.function), _own_lines(self.function)):
            numbers = sorted({*kept, *wrapper})
            text = "\n".join(lines[n - 1] + (wire.START_OF_TRACE if n == self.def_line else "") for n in numbers)
            yield f"\n{text}" if self.wrapped else text


def prepare(task: Task) -> Prompt:
    """The prompt of a call.

    Raises:
        UserError: the call does not fit the function.
    """
    function = task.function
    source = "\n".join(split_lines(task.source))
    binding = bind(task.call, function, source)
    if binding.literal and binding.is_plain:
        parameters = sorted(function.parameters, key=lambda parameter: _ORDER_OF_LOCALS[parameter.kind])
        values = {parameter.name: binding.arguments[parameter.name] or "" for parameter in parameters}
        first = Event(
            "call", function.first_line, 0, function_name(function), values, provenance=dict.fromkeys(values, "given")
        )
        return seeded(task, first)
    source = source.rstrip("\n") + "\n"
    name = "main"
    while name in source:
        name = f"_{name}"
    def_line = len(split_lines(source))
    written = read_call(binding.expression)
    before = indent(written.text_before(), "    ") + "\n" * bool(written.before)
    driver = _DRIVERS[function.is_async, function.is_generator]
    source += f"{driver.format(name, before, ast.unparse(written.expression))}\n"
    given = {name: text for name, text in binding.arguments.items() if text is not None}
    arguments = Arguments(
        function.first_line, given if binds_as_written(function) else NOTHING, receivers(task), def_line
    )
    return Prompt(source, Event("call", def_line, 0, name), def_line, function, True, arguments)


def seeded(task: Task, call: Event) -> Prompt:
    """The prompt of a call whose first event is known."""
    source = "\n".join(split_lines(task.source))
    return Prompt(source, call, task.function.def_line, task.function, False, Arguments(receivers=receivers(task)))


def receivers(task: Task) -> dict[int, Receiver]:
    """What `self` and `cls` show in the methods of a file."""
    found: dict[int, Receiver] = {}
    for function in functions(task.source):
        if not function.parameters or not is_in_class(function) or not takes_implicit(function):
            continue
        name = function.parent or ""
        known = has_plain_repr(name, task.source)
        if function.kind == "classmethod" or function.name == "__new__":
            text = f"<class '{task.module}.{name}'>"
        else:
            text = f"<{task.module}.{name} object>" if known else f"<{name} object>"
        found[function.first_line] = Receiver(function.parameters[0].name, text, known)
    return found


def function_name(function: Function) -> str:
    """The name of its code object."""
    return "<lambda>" if function.kind == "lambda" else function.name


def is_entry(event: Event, function: Function) -> bool:
    """Whether an event is the `call` of the function."""
    return event.kind == "call" and (event.line, event.function) == (function.first_line, function_name(function))


def _own_lines(function: Function) -> range:
    return range(function.first_line, function.last_line + 1)


def _reached(source: str, function: Function) -> set[int]:
    """Lines of the function and of what it reaches in its file: functions, the methods of classes that are named
    somewhere, constants, imports. Lines of the function alone where the file does not parse."""
    own = set(_own_lines(function))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return own
    parts = [part for statement in tree.body for part in _parts(statement)]
    kept = [part for part in parts if own & set(part.lines)]
    while True:
        used = {name for part in kept for name in part.uses | part.within}
        more = [part for part in parts if part not in kept and part.names & used and part.within <= used]
        if not more:
            break
        kept += more
    return own.union(*(part.lines for part in kept), *(part.header for part in kept))


@dataclass(frozen=True, slots=True)
class _Part:
    """A statement of a module, or of a class in it."""

    lines: range
    names: frozenset[str]
    """What it defines; a method is also reached by its class's name if Python calls it unasked."""
    uses: frozenset[str]
    within: frozenset[str] = frozenset()
    """The class that it is part of, if any."""
    header: range = range(0)
    """Lines of that class's head."""


def _parts(statement: ast.stmt) -> Iterator[_Part]:
    if not isinstance(statement, ast.ClassDef):
        yield _Part(_lines(statement), frozenset(_defined(statement)), frozenset(_used(statement)))
        return
    header = range(_lines(statement).start, statement.body[0].lineno)
    bases = frozenset(name for base in statement.bases for name in _used(base))
    name = frozenset({statement.name})
    for part in statement.body:
        names = frozenset(_defined(part))
        unasked = all(n.startswith("__") for n in names)
        yield _Part(_lines(part), names | name if unasked else names, bases | frozenset(_used(part)), name, header)


def _lines(statement: ast.stmt) -> range:
    first = min((node.lineno for node in getattr(statement, "decorator_list", [])), default=statement.lineno)
    return range(min(first, statement.lineno), (statement.end_lineno or statement.lineno) + 1)


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _used(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
