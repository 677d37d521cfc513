"""What a model is given to read before the first frame that it writes.

A call whose arguments are all known literals is seeded: the CALL frame of the function itself carries them. Any other
call is wrapped: a `main` that makes it, and drives a generator or coroutine to its end, is appended to the program, and
the trace is read from the point at which the function is entered.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import indent

from cwm_lsp.evaluate import Around
from cwm_lsp.predict.states import NO_ARGUMENTS, Arguments, Receiver
from cwm_lsp.source.bind import bind, binds_as_written, has_plain_repr, is_in_class, takes_implicit
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.source.imported import Place, Where, nowhere
from cwm_lsp.source.prepared import read_call
from cwm_lsp.source.reached import own_lines, reached, reached_elsewhere
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import NOTHING, Event
from cwm_lsp.trace.interventions import Change, Intervention, Skip

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
    interventions: tuple[Intervention, ...] = ()
    """Made on its way. Only what the evaluator follows up to the last change can be predicted."""

    @property
    def last_change(self) -> int:
        """The step of the last change; -1 where there is none."""
        return max((one.step for one in self.interventions if isinstance(one, Change)), default=-1)

    @property
    def left_out(self) -> frozenset[int]:
        """The steps of calls that are left as soon as they have begun."""
        return frozenset(one.step for one in self.interventions if isinstance(one, Skip))


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
    elsewhere: Callable[[], Sequence[str]] = tuple
    """What the function reaches in other files, a text for each, the nearest first."""
    where: Where = nowhere
    """The function's file, for what its names stand for."""

    def contexts(self) -> Iterator[str]:
        """What the model may be shown of the program, the most first: all of the file with what the function reaches in
        others, what it reaches, only it. It is one program: what is of other files stands before what uses it."""
        others = self.elsewhere()
        everything = range(1, len(split_lines(self.source)) + 1)
        near = reached(self.source, self.function)
        for count, kept in ((len(others), everything), *((count, near) for count in range(len(others), 0, -1))):
            yield self._context(kept, others[:count])
        for kept in (everything, near) if others else (near,):
            yield self._context(kept)
        yield self._context(own_lines(self.function))

    def _context(self, kept: Collection[int], others: Sequence[str] = ()) -> str:
        lines = split_lines(self.source)
        wrapper = range(self.def_line, len(lines) + 1) if self.wrapped else range(0)
        numbers = sorted({*kept, *wrapper})
        own = "\n".join(lines[n - 1] + (wire.START_OF_TRACE if n == self.def_line else "") for n in numbers)
        text = "\n\n\n".join([*others[::-1], own])
        return f"\n{text}" if self.wrapped else text


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
    first = Event("call", def_line, 0, name)
    return Prompt(source, first, def_line, function, True, arguments, partial(elsewhere, task), partial(place, task))


def seeded(task: Task, call: Event) -> Prompt:
    """The prompt of a call whose first event is known."""
    source = "\n".join(split_lines(task.source))
    arguments = Arguments(receivers=receivers(task))
    line = task.function.def_line
    return Prompt(source, call, line, task.function, False, arguments, partial(elsewhere, task), partial(place, task))


def elsewhere(task: Task) -> Sequence[str]:
    """What the function of a call reaches in the project's other files."""
    here = place(task)
    return reached_elsewhere(here, task.function, task.call) if here is not None else ()


def place(task: Task) -> Place | None:
    """The file of a call, if it is known where that is."""
    return task.around.place(task.source) if task.around is not None else None


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
