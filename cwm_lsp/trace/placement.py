"""Where frames belong: scope, depth and line number, none of which the wire format tells.

A frame gives its kind, the text of its line and the locals. Equal lines are told apart by the control flow: every call
on the stack keeps the few places where it may stand, and later frames decide between them (a Viterbi search).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cwm_lsp.source.flow import Flow, Position, Scope
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace.events import NOTHING, EventKind

_SPECIAL = re.compile(r"<(?=\|[a-z_]+\|>)")
_MARKER = re.compile(r"[ \t]*# << START_OF_TRACE[ \t]*$")
_END_OF_ITERATION = ("(<class 'StopIteration'", "(<class 'StopAsyncIteration'")
_DEFINITION = re.compile(r"\s*(?:async\s+)?def\s+(\w+)")

# Costs of a place: a frame that the program forbids counts more than any names that do not fit.
_FORBIDDEN = 1000
_WRONG_NAME = 10
_ODD = 1
_MOST_PLACES = 16
_MOST_SUSPENDED = 64


class Placed(NamedTuple):
    """What is known of a frame."""

    kind: EventKind
    line: int
    depth: int
    function: str
    mark: str | None = None
    unwinds: bool = False
    """A return by which an exception leaves."""


class Revision(NamedTuple):
    """An earlier frame turns out to belong elsewhere."""

    frame: int
    """Its index."""
    line: int
    function: str


@dataclass(slots=True, eq=False)
class _Place:
    """Where a call may stand after the frame of that index."""

    position: Position
    cost: int
    index: int
    before: _Place | None = None
    line: int = 0
    """Of the frame, where that is not the position's."""
    resumes: _Activation | None = None
    """The suspended call that this one goes on with, while that is not sure."""


@dataclass(slots=True, eq=False)
class _Activation:
    """A call on the stack, or suspended."""

    depth: int
    function: str
    places: list[_Place]
    """The cheapest first. Empty for code that is not in the file."""
    locals: Mapping[str, str]
    """Of its last frame that has any."""
    raised_at: list[int] = field(default_factory=list)
    """Lines since its last exception, that of which is the first; empty: there was none."""
    ends_iteration: bool = False
    """That is one which may only end a loop or an `await`."""
    lost: bool = False
    """Its last line is not in the file: any line of the scope may follow."""

    def has_raised(self, position: Position) -> bool:
        """Of a return with None where an exception may leave: that one does."""
        if position.may_yield or position.phase == "raised":
            return position.phase == "raised" and not (self.ends_iteration and position.may_yield)
        may_give_none = position.may_return and "None" in (position.constants or ("None",))
        return bool(self.raised_at) or not may_give_none


class Placement:
    """The stack of calls, frame by frame."""

    def __init__(self, source: str, function: str | None = None) -> None:
        """`function`: qualified name of the traced one; without it, the first scope that fits the first frame."""
        self.revisions: list[Revision] = []
        """What has been found out of earlier frames; to be emptied by the reader."""
        self._flow = Flow.of(source)
        self._function = function
        self._stack: list[_Activation] = []
        self._suspended: list[_Activation] = []
        self._placed: list[tuple[int, str]] = []
        self._texts = [plain(text) for text in split_lines(source)]
        self._lines_of: dict[str, list[int]] = {}
        for number, text in enumerate(self._texts, 1):
            self._lines_of.setdefault(text, []).append(number)
        self._steps: dict[tuple[Position, str], list[Position]] = {}

    @property
    def ended(self) -> bool:
        """The traced call has been left."""
        return bool(self._placed) and not self._stack

    @property
    def top(self) -> tuple[int, str]:
        """Depth and function of the call that runs."""
        return (self._stack[-1].depth, self._stack[-1].function) if self._stack else (0, "?")

    @property
    def locals(self) -> Mapping[str, str]:
        """The last ones of the call that runs."""
        return self._stack[-1].locals if self._stack else NOTHING

    @property
    def must_unwind(self) -> bool:
        """The last frame is an exception that its scope cannot catch."""
        places = self._stack[-1].places if self._stack else []
        return bool(places) and not any(place.position.lines for place in places)

    def place(
        self, kind: EventKind, text: str, values: Mapping[str, str] = NOTHING, value: str | None = None
    ) -> Placed:
        """The place of the next frame; `text` is its SOURCE as `plain` gives it."""
        if kind == "line":
            placed = self._line(text, values)
        elif kind == "call":
            placed = self._call(text, values)
        elif kind == "return":
            placed = self._return(text, value)
        else:
            placed = self._exception(text, value)
        self._placed.append((placed.line, placed.function))
        return placed

    def completed(self, kind: EventKind, beginning: str) -> str | None:
        """The text of the likeliest line that the next frame may have and that begins so; None: there is none.

        Of lines of which nothing is known, the only one.
        """
        places = self._stack[-1].places if self._stack else []
        positions = [place.position for place in places]
        if kind == "line":
            lines = [line for position in positions for line in position.lines]
        elif kind == "call":
            callees = (self._flow.callees(position.scope, position.line) for position in positions)
            lines = [scope.def_line for scopes in callees for scope in scopes]
        else:
            lines = [position.line for position in positions]
        texts = list(dict.fromkeys(self._texts[line - 1] for line in lines))
        texts = [text for text in texts if text.startswith(beginning)]
        return texts[0] if texts and (beginning.strip() or len(texts) == 1) else None

    def knows(self, text: str) -> bool:
        """Whether the file has such a line, not blank."""
        return bool(text.strip()) and plain(text) in self._lines_of

    def settle(self) -> None:
        """Decides what is open, as nothing more is to come."""
        for activation in (*self._stack, *self._suspended):
            self._settle(activation)

    # Frames

    def _line(self, text: str, values: Mapping[str, str]) -> Placed:
        if not self._stack:
            return self._begin(text, values) if not self._placed else self._astray("line", text, "after the end")
        activation = self._stack[-1]
        steps = self._next_places(activation, text, values)
        if steps and activation.locals.keys() <= values.keys():
            return self._go("line", activation, steps, values)
        if (placed := self._written_as_line(text, values)) is not None:
            return placed
        if steps:
            return self._go("line", activation, steps, values)
        here = self._anywhere(activation, text)
        if not here or not activation.locals.keys() <= values.keys():
            for outer in reversed(self._stack[:-1]):
                steps = self._next_places(outer, text, values)
                if steps and outer.locals.keys() <= values.keys():
                    self._leave_down_to(outer)
                    return self._go("line", outer, steps, values, "no return before it")
        if here:
            mark = None if activation.lost else f"cannot follow line {activation.places[0].position.line}"
            return self._go("line", activation, here, values, mark)
        activation.lost = True
        activation.locals = values
        return self._astray("line", text, None if activation.places else "not in this file")

    def _call(self, text: str, values: Mapping[str, str]) -> Placed:
        resumable = self._resumable(text, values)
        if self.ended and not resumable:
            return self._astray("call", text, "after the end")
        options = self._entries(text, values) + resumable
        best = min(map(_cost, options), default=None)
        if best is None or best >= _FORBIDDEN:
            caller = self._stack[-1] if self._stack else None
            if caller is not None and caller.locals.keys() <= values.keys():
                steps = self._next_places(caller, text, values)
                if steps:
                    return self._go("line", caller, steps, values)
        if best is None:
            name = _DEFINITION.match(text)
            activation = _Activation(len(self._stack), name[1] if name else "?", [], values)
            self._stack.append(activation)
            return Placed("call", 0, activation.depth, activation.function, "not in this file")
        self._stack.append(activation := _Activation(len(self._stack), "", [], values))
        places = [place for place in options if place.cost < best + _WRONG_NAME]
        mark = None
        if best >= _FORBIDDEN:
            mark = "cannot be called here"
        elif best >= _WRONG_NAME:
            mark = "parameters do not fit"
        return self._go("call", activation, places, values, mark)

    def _return(self, text: str, value: str | None) -> Placed:
        if not self._stack:
            return self._astray("return", text, "after the end" if self._placed else "no call before it")
        activation = self._stack[-1]
        if not activation.places:
            self._stack.pop()
            return Placed("return", 0, activation.depth, activation.function, "not in this file")
        places, mark = self._where(activation, text)
        if mark is not None and value in (None, "None"):  # the line may be that of the exception, or of a `raise` since
            unwinding = [place for place in activation.places if place.position.may_unwind]
            line = next((line for line in reversed(activation.raised_at) if self._texts[line - 1] == text), None)
            if unwinding and line is not None:
                index = len(self._placed)
                places = [_Place(place.position, place.cost, index, place, line) for place in unwinding]
                mark = None
        if mark is not None and len(self._stack) > 1:
            outer = self._stack[-2]
            outer_places, outer_mark = self._where(outer, text)
            if outer_mark is None and any(_may_leave(place.position, value) for place in outer_places):
                self._leave_down_to(outer)
                activation, places, mark = outer, outer_places, "no return before it"
        legal = [place for place in places if _may_leave(place.position, value)]
        if not legal and mark is None and not activation.lost:
            mark = "cannot return here"
        places = legal or places
        placed = self._go("return", activation, places, activation.locals, mark)
        self._stack.pop()
        position = activation.places[0].position
        unwinds = value in (None, "None") and position.may_unwind and activation.has_raised(position)
        yielding = [place for place in activation.places if place.position.may_yield]
        if yielding and not unwinds:
            for place in yielding:
                place.position = place.position.suspended()
            activation.places = yielding
            self._suspended.append(activation)
            if len(self._suspended) > _MOST_SUSPENDED:
                self._settle(self._suspended.pop(0))
        else:
            self._settle(activation)
        return placed._replace(unwinds=unwinds)

    def _exception(self, text: str, value: str | None) -> Placed:
        if not self._stack:
            return self._astray("exception", text, "after the end" if self._placed else "no call before it")
        activation = self._stack[-1]
        if not activation.places:
            return Placed("exception", 0, activation.depth, activation.function, "not in this file")
        places, mark = self._where(activation, text)
        legal = [place for place in places if place.position.may_raise]
        if not legal and mark is None and not activation.lost:
            mark = "cannot raise"
        for place in legal or places:
            place.position = place.position.raised()
        placed = self._go("exception", activation, legal or places, activation.locals, mark)
        activation.raised_at = [placed.line]
        activation.ends_iteration = (value or "").startswith(_END_OF_ITERATION)
        return placed

    # Ways on

    def _next_places(self, activation: _Activation, text: str, values: Mapping[str, str]) -> list[_Place]:
        """Where a LINE frame may lead."""
        index = len(self._placed)
        found: list[_Place] = []
        for place in activation.places:
            steps = self._steps.get((place.position, text))
            if steps is None:
                steps = self._steps[place.position, text] = self._find_steps(place.position, text)
            found.extend(_Place(position, place.cost, index, place) for position in steps)
        if len(found) > 1:
            for step in found:
                before = step.before
                assert before is not None
                step.cost += _WRONG_NAME * _misfits(before.position, step.position.line, activation.locals, values)
        return found

    def _find_steps(self, position: Position, text: str) -> list[Position]:
        lines = self._lines_of.get(text, ())
        following = (position.next(line) for line in position.lines if line in lines)
        return [after for after in following if after is not None]

    def _entries(self, text: str, values: Mapping[str, str]) -> list[_Place]:
        """Scopes that a CALL frame may enter."""
        index = len(self._placed)
        callers = [place.position for place in self._stack[-1].places] if self._stack else []
        places: list[_Place] = []
        for line in self._lines_of.get(text, ()):
            for scope in self._flow.starting_at(line):
                cost = _WRONG_NAME * _unlike_parameters(scope, values) + _ODD * _unlike_owner(scope, values)
                if callers:
                    cost += min(self._call_cost(caller, scope) for caller in callers)
                elif not self._stack and self._function is not None and scope.qualname != self._function:
                    cost += _WRONG_NAME - 1
                places.append(_Place(scope.entry, cost, index))
        return places

    def _call_cost(self, caller: Position, scope: Scope) -> int:
        if scope not in self._flow.callees(caller.scope, caller.line):
            return _FORBIDDEN
        info = caller.scope.line_info(caller.line)
        owner = scope.parent.name if scope.parent and scope.parent.kind == "class" else None
        is_named = scope.name in info.names or owner in info.names or scope.code in info.codes
        return 0 if is_named else _ODD

    def _resumable(self, text: str, values: Mapping[str, str]) -> list[_Place]:
        """Suspended calls that a CALL frame may resume, the last one first."""
        index = len(self._placed)
        found: list[_Place] = []
        for activation in reversed(self._suspended):
            for place in activation.places:
                if self._texts[place.position.line - 1] == text:
                    effect = place.position.effect_of_yield()
                    before = activation.locals
                    cost = _WRONG_NAME * (
                        len(values.keys() - before.keys() - effect.may_bind)
                        + len(before.keys() - values.keys() - effect.may_unbind)
                    )
                    cost += _ODD * min(sum(values.get(name) != old for name, old in before.items()), _WRONG_NAME - 1)
                    resumed = place.position.resumed()
                    found.append(_Place(resumed, place.cost + cost, index, place, resumes=activation))
        return found

    def _where(self, activation: _Activation, text: str) -> tuple[list[_Place], str | None]:
        """The places of `activation` whose line is `text`, for a frame that stays on its line; else what is wrong."""
        index = len(self._placed)
        here = [place for place in activation.places if self._is_at(place.position, text)]
        if here:
            return [_Place(place.position, place.cost, index, place) for place in here], None
        elsewhere = self._anywhere(activation, text)
        if elsewhere:
            mark = None if activation.lost else f"cannot follow line {activation.places[0].position.line}"
            return elsewhere, mark
        return [_Place(place.position, place.cost, index, place) for place in activation.places], "no such line"

    def _anywhere(self, activation: _Activation, text: str) -> list[_Place]:
        """Places of the activation's scope with that text, wherever it stands."""
        index = len(self._placed)
        return [
            _Place(place.position.scope.at(line), place.cost + _FORBIDDEN, index, place)
            for place in activation.places
            for line in self._lines_of.get(text, ())
            if line in place.position.scope.lines
        ]

    def _is_at(self, position: Position, text: str) -> bool:
        return self._texts[position.line - 1] == text or (
            position.phase == "called" and self._texts[position.scope.def_line - 1] == text
        )

    def _written_as_line(self, text: str, values: Mapping[str, str]) -> Placed | None:
        """A call whose frame says LINE: one with the parameters of a scope that may be called here."""
        places = [place for place in self._entries(text, values) if place.cost < _WRONG_NAME]
        return self._call(text, values) if places and values else None

    def _begin(self, text: str, values: Mapping[str, str]) -> Placed:
        """A trace that does not begin with a CALL frame."""
        scopes = [scope for scope in self._flow.scopes if scope.lines & set(self._lines_of.get(text, ()))]
        scopes.sort(key=lambda scope: scope.qualname != self._function)
        if not scopes:
            return self._astray("line", text, "no call before it")
        places = [_Place(scopes[0].at(line), 0, 0) for line in self._lines_of[text] if line in scopes[0].lines]
        self._stack.append(activation := _Activation(0, scopes[0].name, places, values))
        return self._go("line", activation, places, values, "no call before it")

    # Bookkeeping

    def _go(
        self,
        kind: EventKind,
        activation: _Activation,
        places: list[_Place],
        values: Mapping[str, str],
        mark: str | None = None,
    ) -> Placed:
        """Makes `places` those of `activation`."""
        if len(places) > 1:
            cheapest: dict[Position, _Place] = {}
            for place in sorted(places, key=_cost):
                if place.before is not None:
                    place.resumes = place.resumes or place.before.resumes
                cheapest.setdefault(place.position, place)
            places = list(cheapest.values())[:_MOST_PLACES]
        best = places[0]
        activation.places = places
        activation.locals = values
        activation.lost = False
        activation.function = best.position.scope.name
        if activation.raised_at:
            activation.raised_at.append(best.position.line)
        if len(places) == 1:
            self._resolve(best)
        return Placed(kind, best.line or best.position.line, activation.depth, activation.function, mark)

    def _resolve(self, place: _Place) -> None:
        """Of `place` nothing is open any more, so nothing of the frames before it."""
        at: _Place | None = place
        while at is not None:
            if at.index < len(self._placed):
                found = at.line or at.position.line, at.position.scope.name
                if self._placed[at.index] != found:
                    self._placed[at.index] = found
                    self.revisions.append(Revision(at.index, *found))
            if at.resumes in self._suspended:
                self._suspended.remove(at.resumes)
            at = at.before
        place.before = None

    def _settle(self, activation: _Activation) -> None:
        if activation.places:
            del activation.places[1:]
            self._resolve(activation.places[0])

    def _leave_down_to(self, activation: _Activation) -> None:
        while self._stack[-1] is not activation:
            self._settle(self._stack.pop())

    def _astray(self, kind: EventKind, text: str, mark: str | None) -> Placed:
        """A frame that belongs nowhere."""
        line = self._lines_of.get(text, [0])[0]
        top = self._stack[-1] if self._stack else None
        if mark is None:
            mark = f"not a line of {top.function}" if line and top else "no such line"
        return Placed(kind, line, top.depth if top else 0, top.function if top else "?", mark)


def shielded(text: str) -> str:
    """Text in which nothing can be taken for a special token."""
    return _SPECIAL.sub("< ", text) if "<|" in text else text


def plain(text: str) -> str:
    """A line as it is compared: without the start marker, which a model may repeat, and trailing blanks."""
    text = shielded(text.rstrip())
    return _MARKER.sub("", text) if text.endswith("START_OF_TRACE") else text


def _cost(place: _Place) -> int:
    return place.cost


def _may_leave(position: Position, value: str | None) -> bool:
    return position.may_return or position.may_yield or (position.may_unwind and value in (None, "None"))


def _misfits(position: Position, line: int, before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Names that came or went, or did not, against what happens on the way to `line`."""
    if position.scope.kind == "class":
        return 0
    effect = position.effect(line)
    came, went = after.keys() - before.keys(), before.keys() - after.keys()
    return (
        len(came - effect.may_bind)
        + len(went - effect.may_unbind)
        + len(effect.binds - after.keys())
        + len(effect.unbinds & after.keys())
    )


def _unlike_parameters(scope: Scope, values: Mapping[str, str]) -> int:
    if scope.kind == "class":
        return 0
    missing = sum(name not in values for name in scope.parameters)
    return missing + sum(name not in scope.parameters and name not in scope.free for name in values)


def _unlike_owner(scope: Scope, values: Mapping[str, str]) -> int:
    """Whether the first parameter of a method is an instance of some other class, by a default repr."""
    if scope.parent is None or scope.parent.kind != "class" or not scope.parameters:
        return 0
    first = values.get(scope.parameters[0], "")
    names: Iterable[str] = re.findall(r"^<(?:class ')?(?:[\w.<>]*\.)?(\w+)", first)
    return int(any(name != scope.parent.name for name in names))
