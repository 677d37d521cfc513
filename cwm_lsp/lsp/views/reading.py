"""A trace made ready for showing: what each line produced, in the iteration that the user looks at.

Hints, hover and inline values are all drawn from here.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cwm_lsp.lsp.views.shape import Loop, Shape
from cwm_lsp.source.trees import tree_of
from cwm_lsp.trace.effects import Step, steps
from cwm_lsp.trace.events import Event, Provenance, Trace
from cwm_lsp.trace.events import Loop as Endless
from cwm_lsp.trace.exceptions import exception_repr
from cwm_lsp.trace.scopes import within_file

if TYPE_CHECKING:
    from cwm_lsp.trace.compare import Divergence

Pinned = Mapping[str, Mapping[int, tuple[str, Provenance]]]
"""Expression → index of a `line` event → its value there, as far as it is known."""
Selection = Mapping[int, int]
"""Line of a loop's header, or of a function's `call` events → which iteration or call is looked at, counted from 1."""
LATEST: Selection = MappingProxyType({})
_Choose = Callable[[int, Sequence[Sequence[Step]]], int]
"""The key of a `Selection`, and the steps of each iteration or call there → the number of the one to look at."""

_INNER = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"})
"""Scopes within a line of another one: what they do is told by that line's own effect."""
_PLUMBING = ("<module ", "<function ", "<class ", "<built-in ", "<bound method ", "<method ", "<slot wrapper ")


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a line produced."""

    name: str
    """The variable; `return`, `yield` or `raise` for what left the scope there."""
    value: str
    """Its repr: the real one after a run, else the predicted one."""
    before: str | None = None
    """What the variable was before the line, None if there was none."""
    provenance: Provenance = "predicted"
    confidence: float | None = None
    predicted: str | None = None
    """After a run that differed here: what had been predicted."""
    was_remembered: bool = False
    """That was as an earlier run had it."""
    is_echo: bool = False
    """The line itself says so: `total = 0`."""
    is_mutated: bool = False
    """The line has not bound the name: it has changed the object."""
    is_pinned: bool = False
    """It is of an expression that the user wants to see, and no variable."""

    @property
    def is_plumbing(self) -> bool:
        """A module, function, class or dunder: true, and of no interest beside a line."""
        return self.value.startswith(_PLUMBING) or self.name.startswith((".", "__"))

    @property
    def is_opaque(self) -> bool:
        """An object whose repr tells nothing of its state."""
        return self.value.startswith("<") and self.value.endswith(">")


@dataclass(frozen=True, slots=True)
class Place:
    """Which iteration of which loop, or which call of which function, a line is shown in."""

    line: int
    """Of the loop's header or the function's `call` events; what a `Selection` is keyed by."""
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class End:
    """Where a trace ends early."""

    line: int
    """1-based, in the trace's text: the last one that is known."""
    why: str
    """For a person."""
    never: bool = False
    """The call does not end at all, which is known."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A line at the moment that is looked at."""

    line: int
    """1-based, in the trace's text."""
    function: str
    is_call: bool
    """The `call` event of a function, whose values are its arguments; otherwise the line has run."""
    index: int
    """Of the event in the trace."""
    values: tuple[Value, ...]
    place: Place | None
    before: Mapping[str, str]
    """Every local before the line."""
    shown_by: Event | None
    """The event that has the locals after the line; None where the trace does not show them."""
    watched: tuple[str, ...] = ()
    """The only names whose values are wanted beside the line; none: all."""
    told_by: int | None = None
    """Index of the event that tells what the line did: that one, or what left the scope."""

    def corrected(self, differences: Mapping[str, tuple[str, str]]) -> Visit:
        """The same after a debugger has seen other values: name → what was predicted, what it is."""
        values = tuple(
            replace(
                value,
                value=differences[value.name][1],
                predicted=value.value,
                was_remembered=value.provenance == "remembered",
            )
            if value.predicted is None and differences.get(value.name, ("", ""))[0] == value.value
            else value
            for value in self.values
        )
        return replace(self, values=values)


@dataclass(frozen=True, slots=True)
class Whole:
    """A trace that steps into other files."""

    trace: Trace
    divergences: tuple[Divergence, ...]
    indices: Sequence[int]
    """Of the file's own events in it."""
    elsewhere: Mapping[str, ShownTrace]
    """What it tells of the other files, by path."""

    def within(self, index: int, path: str | None = None) -> int:
        """The index of an event, or of the last one before it, among those of one file."""
        indices = self.indices if path is None else within_file(self.trace, path)[1]
        return max(bisect_right(indices, index) - 1, 0)


@dataclass(frozen=True, slots=True)
class ShownTrace:
    """A trace with all that its views need, worked out once. Calls into other files are stepped over in it."""

    trace: Trace
    divergences: tuple[Divergence, ...]
    shape: Shape
    _calls: Mapping[int, Sequence[Sequence[Step]]] = field(repr=False)
    """Line of a function's `call` events → the steps of each of its calls, in order."""
    unreached: tuple[int, ...] = ()
    """Lines that the call passes by (see `views.unreached`)."""
    first: int = 0
    """Line of the traced function's `def`, where a trace without events ends; 0 if it is not known."""
    surprise: Mapping[str, Any] | None = None
    """Of a run: how the model alone saw it, as the command line's JSON has it."""
    whole: Whole | None = None
    """With the steps in other files; None where there are none."""
    pinned: Pinned = field(default_factory=dict)
    """What the user wants to see besides the variables."""

    @classmethod
    def of(cls, trace: Trace, shape: Shape, divergences: Iterable[Divergence] = ()) -> ShownTrace:
        """Divergences point into the events of this trace, which is then the recorded one."""
        calls: dict[int, dict[int, list[Step]]] = {}
        for step in steps(trace.events):
            opened = trace.events[max(step.scope, 0)]
            if opened.function not in _INNER or opened.depth == 0:
                calls.setdefault(opened.line, {}).setdefault(step.scope, []).append(step)
        return cls(trace, tuple(divergences), shape, {line: list(scopes.values()) for line, scopes in calls.items()})

    @property
    def entry(self) -> int:
        """Line of the traced function's `call` event; 0 in another file than that function's."""
        return self.trace.events[0].line if self.trace.events and self.trace.function else 0

    @property
    def all(self) -> tuple[Trace, tuple[Divergence, ...]]:
        """The trace with its steps in other files, and its divergences, which are also there."""
        return (self.trace, self.divergences) if self.whole is None else (self.whole.trace, self.whole.divergences)

    @property
    def loop(self) -> Endless | None:
        """The loop of its own file that the call never leaves."""
        loop = self.trace.outcome.loop
        path = None if self.trace.function else self.trace.path
        return loop if loop is not None and loop.path == path else None

    @property
    def end(self) -> End | None:
        """Where and why the trace ends before the call does; None where it does not."""
        outcome = self.trace.outcome
        line = self.trace.events[-1].line if self.trace.events else self.first
        if not outcome.is_cut or not line:
            return None
        return End(line, outcome.cut or outcome.detail or outcome.kind, outcome.kind == "endless")

    def visits(self, selection: Selection = LATEST) -> dict[int, Visit]:
        """Line → what it did in the selected iterations, the latest ones by default; lines that did not run are absent.

        Of the traced function the first call is looked at by default (it is the one that was asked for, the others are
        recursion), of the functions that it calls the last one.
        """
        result: dict[int, Visit] = {}
        for step, place in self._chosen(self._selecting(selection)):
            visit = self.visit(step, place)
            earlier = result.get(visit.line)
            if earlier is None or earlier.is_call or not visit.is_call:
                result[visit.line] = visit
        return result

    def as_of(self, index: int) -> Selection:
        """Selects what an event of the trace is in, and of all else the latest at that moment, or the first to come."""
        events = self.trace.events
        calls = {event.depth: at for at, event in enumerate(events[: index + 1]) if event.kind == "call"}
        under_way = {events[at].line: at for depth, at in sorted(calls.items()) if depth <= events[index].depth}
        result: dict[int, int] = {}

        def choose(line: int, parts: Sequence[Sequence[Step]]) -> int:
            starts = [part[0].index for part in parts]
            if under_way.get(line) in starts:
                result[line] = starts.index(under_way[line]) + 1
            else:
                result[line] = max(sum(start <= index for start in starts), 1)
            return result[line]

        for _ in self._chosen(choose):
            pass
        return result

    def path_of(self, selection: Selection, line: int) -> list[Place]:
        """The loops around a line and the call it is in, innermost first, with where in them the line is looked at."""
        visits = self.visits(selection)
        around = [loop for loop in self.shape.loops if line in loop]
        places = [visits[loop.header].place for loop in reversed(around) if loop.header in visits]
        function = visits[line].function if line in visits else None
        calls = [visit.place for visit in visits.values() if visit.is_call and visit.function == function]
        return [place for place in (*places, *calls) if place is not None]

    def _selecting(self, selection: Selection) -> _Choose:
        def choose(line: int, parts: Sequence[Sequence[Step]]) -> int:
            default = 1 if line == self.entry else len(parts)
            if default > 1 and self.end is not None and _is_cut(parts[-1]):
                default -= 1  # the last one that was finished
            return max(1, min(selection.get(line, default), len(parts)))

        return choose

    def _chosen(self, choose: _Choose) -> Iterator[tuple[Step, Place | None]]:
        """The last step at each line, within the chosen call of each function and iteration of each loop."""
        for line, calls in self._calls.items():
            number = choose(line, calls)
            chosen = calls[number - 1]
            loops = [loop for loop in self.shape.loops if any(step.event.line in loop for step in chosen)]
            for step, place in self._latest(chosen, loops, choose):
                if step.event.kind == "call" and len(calls) > 1:
                    yield step, Place(line, number, len(calls))
                else:
                    yield step, place

    def _latest(
        self, chosen: Sequence[Step], loops: Sequence[Loop], choose: _Choose, place: Place | None = None
    ) -> Iterator[tuple[Step, Place | None]]:
        """The last step at each line, within the chosen iteration of each loop. `loops`: outer before inner."""
        last: dict[tuple[int, bool], Step] = {}
        inside: dict[Loop, list[Step]] = {}
        for step in chosen:
            is_call = step.event.kind == "call"
            loop = None if is_call else next((loop for loop in loops if step.event.line in loop), None)
            if loop is None:
                last[step.event.line, is_call] = step
            else:
                inside.setdefault(loop, []).append(step)
        for step in last.values():
            yield step, place
        for loop, group in inside.items():
            iterations = self._iterations(group, loop)
            inner = [other for other in loops if other is not loop and other.header in loop]
            if not iterations:
                yield from self._latest(group, inner, choose, place)
                continue
            number = choose(loop.header, iterations)
            here = Place(loop.header, number, len(iterations))
            yield from self._latest(iterations[number - 1], inner, choose, here)

    def _iterations(self, group: Sequence[Step], loop: Loop) -> list[list[Step]]:
        """The steps of a loop, cut before each visit of its header; the last visit, which only ends it, is left out."""
        result: list[list[Step]] = []
        for step in group:
            # A header of several lines is visited several times before the body is.
            in_header = bool(result) and all(earlier.event.line < loop.body for earlier in result[-1])
            if not result or (step.event.line == loop.header and not in_header):
                result.append([])
            result[-1].append(step)
        final = result[-1]
        if all(step.event.line == loop.header or step.event.line < loop.body for step in final) and not any(
            step.produced or self._raises(step) for step in final
        ):
            result.pop()
        return result

    def _raises(self, step: Step) -> bool:
        return step.end is not None and self.trace.events[step.end].kind == "exception"

    def visit(self, step: Step, place: Place | None = None) -> Visit:
        """One step of the trace as it is shown, in whatever iteration it is."""
        events = self.trace.events
        shown_by = None if step.effect is None else events[step.effect]
        values: list[Value] = []
        if shown_by is not None and step.event.kind == "call":
            values = [self._local(step, shown_by, name, None) for name in shown_by.locals]
        elif shown_by is not None:
            line = step.event.line
            left = any(loop.header == line and shown_by.line not in loop for loop in self.shape.loops)
            # A header that ends its loop assigns nothing.
            assigned = frozenset() if left else self.shape.bound.get(line, frozenset())
            names = [name for name in shown_by.locals if name in step.produced or name in assigned]
            # What a line binds is what it is about; then comes what else it changes.
            values = [
                replace(self._local(step, shown_by, name, step.event.locals.get(name)), is_mutated=name not in assigned)
                for name in sorted(names, key=lambda name: name not in assigned)
            ]
        values += self._pinned(step)
        if step.end is not None and (end := self._end(step, step.end)) is not None:
            values.append(end)
        return Visit(
            line=step.event.line,
            function=step.event.function,
            is_call=step.event.kind == "call",
            index=step.index,
            values=tuple(values),
            place=place,
            before=step.event.locals,
            shown_by=shown_by,
            watched=self.shape.watched.get(step.event.line, ()),
            told_by=step.effect if step.end is None else step.end,
        )

    def _pinned(self, step: Step) -> Iterator[Value]:
        """The pinned expressions that a step has changed."""
        is_call = step.event.kind == "call"
        effect = step.index + 1 if is_call else step.effect
        for expression, values in self.pinned.items() if effect is not None else ():
            before, after = None if is_call else values.get(step.index), values.get(effect or 0)
            if after is not None and (before is None or before[0] != after[0]):
                yield Value(expression, after[0], before[0] if before else None, after[1], is_pinned=True)

    def _local(self, step: Step, event: Event, name: str, before: str | None) -> Value:
        return Value(
            name,
            event.locals[name],
            before,
            event.provenance.get(name, self._origin),
            event.confidences.get(name),
            *self._predicted(step.effect, name),
            is_echo=_is_echo(self._code(step.event), name, event.locals[name]),
        )

    def _end(self, step: Step, index: int) -> Value | None:
        """What left the scope; None for the None of a function that just ends."""
        event = self.trace.events[index]
        code = self._code(step.event)
        name = "raise" if event.kind == "exception" else "yield" if re.search(r"\byield\b", code) else "return"
        says_so = event.function == "<lambda>" or re.search(r"\breturn\b", code)
        if name == "return" and event.value == "None" and not says_so:
            return None
        return Value(
            name,
            exception_repr(event.value or "") if name == "raise" else event.value or "None",
            None,
            event.provenance.get("value", self._origin),
            event.confidences.get("value", event.confidence),
            *self._predicted(index, None),
            is_echo=name == "return" and _is_echo(code, name, event.value or "None"),
        )

    @property
    def _origin(self) -> Provenance:
        return "recorded" if self.trace.origin == "recorded" else "predicted"

    def _predicted(self, index: int | None, name: str | None) -> tuple[str | None, bool]:
        """What had been predicted where a run differs, and whether that was remembered."""
        for divergence in self.divergences:
            if divergence.event_index == index and divergence.predicted is not None:
                if name is None and divergence.variable is None and divergence.kind in ("return", "exception"):
                    return exception_repr(divergence.predicted), divergence.remembered
                if name is not None and divergence.variable == name:
                    return divergence.predicted, divergence.remembered
        return None, False

    def _code(self, event: Event) -> str:
        lines = _lines(self.trace.source) if event.path is None else []
        return lines[event.line - 1] if 0 < event.line <= len(lines) else ""


@lru_cache(maxsize=16)
def _lines(source: str) -> list[str]:
    return source.split("\n")


def _is_cut(part: Sequence[Step]) -> bool:
    """The trace ends in the midst of it."""
    last = max(part, key=lambda step: step.index)
    return last.effect is None and last.end is None


@lru_cache(maxsize=4096)
def _is_echo(code: str, name: str, value: str) -> bool:
    """Whether a line says by itself that `name` becomes `value`: `total = 0`, `return True`."""
    text = code.strip()
    try:
        (statement,) = tree_of(text).body if text.startswith(name) else [None]
        match statement:
            case ast.Assign(targets=[ast.Name()], value=right) | ast.AnnAssign(value=ast.expr() as right):
                return repr(ast.literal_eval(right)) == value
            case ast.Return(value=ast.expr() as right) if name == "return":
                return repr(ast.literal_eval(right)) == value
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return False
    return False
