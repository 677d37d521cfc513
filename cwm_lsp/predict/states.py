"""Where a call stands after the events so far, and the ways in which it may go on.

An abstract machine over the control flow of one file: a stack of activations (Python frames), each at a `Position` of
its scope. Everything is immutable, so guesses run ahead of what is known on states of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cwm_lsp.errors import UserError
from cwm_lsp.predict.reprs import is_immutable
from cwm_lsp.source.flow import Flow, Position, Scope
from cwm_lsp.trace.events import NOTHING, Event, EventKind


class Key(NamedTuple):
    """A local that a frame may list."""

    name: str
    required: bool
    text: str | None = None
    """The repr that it has, where Python's own rules leave no other."""
    certain: bool = True
    """`text` is what a run shows, and not only the type."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way in which the next frame may come."""

    kind: EventKind
    line: int
    scope: Scope
    keys: tuple[Key, ...] = ()
    """Locals in the order in which they are listed; of `call` and `line`."""
    value: str | None = None
    """That of a `return` by which an exception leaves."""
    constants: frozenset[str] | None = None
    """Values that are possible, where they are known; of any other `return`."""
    origin: Position | None = None
    """The position that it goes on from, of the top activation; of `call` and `exception`, any."""
    resumes: Activation | None = None
    """The suspended activation that this `call` goes on with."""


class Raised(NamedTuple):
    """An exception, as an activation saw it."""

    value: str
    """Repr of settrace's triple."""
    line: int
    """Line of the last event that reported it here: where a handler that re-raises it says to leave."""
    origin: int
    """Line at which it was first reported, here or further in."""


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """One Python frame."""

    positions: tuple[Position, ...]
    """Several where equal lines leave it open which of them was reached, or which function; the likeliest first."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Locals as last listed, complete."""
    listed: bool = False
    """No call or return since they were: the next frame writes `..` for those that are equal."""
    raised: Raised | None = None
    """The last exception here."""
    raising: bool = False
    """It was the last event here."""
    called: frozenset[Scope] = frozenset()
    """What it has called since its last line."""
    first: bool = False
    """It is that of the traced call."""

    @property
    def scope(self) -> Scope:
        """What it runs, most likely."""
        return self.positions[0].scope

    @property
    def line(self) -> int:
        """Line of the last event."""
        return self.positions[0].line


class Receiver(NamedTuple):
    """The first parameter of a method."""

    parameter: str
    text: str
    """`<module.C object>`, or `<C object>` where its class or repr is not known."""
    certain: bool


@dataclass(frozen=True, slots=True)
class Arguments:
    """What parameters show at calls to come, as far as the program tells."""

    line: int | None = None
    """Of the `call` event of the traced call, until it has been entered."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Its parameters, as far as they stand in the call."""
    receivers: Mapping[int, Receiver] = field(default_factory=dict)
    """Those of methods, by the line of their `call` events."""
    wrapper: int | None = None
    """Line of the function that makes the call and is not the program's: nothing else calls it."""

    def keys(self, scope: Scope) -> Iterator[Key]:
        """The parameters of a call of a scope."""
        receiver = self.receivers.get(scope.first_line) if scope.kind == "function" else None
        given = self.given if scope.kind == "function" and scope.first_line == self.line else NOTHING
        for name in scope.parameters:
            if name not in given and receiver is not None and receiver.parameter == name:
                yield Key(name, True, receiver.text, receiver.certain)
            else:
                yield Key(name, True, given.get(name))

    def after(self, scope: Scope) -> Arguments:
        """Those of calls after one of a scope."""
        return replace(self, line=None) if scope.first_line == self.line else self


NO_ARGUMENTS = Arguments()


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where the whole call stands."""

    flow: Flow
    stack: tuple[Activation, ...]
    suspended: tuple[Activation, ...] = ()
    """Generators that can be resumed, the latest last."""
    unwinding: Raised | None = None
    """The exception with which the last event left a scope."""
    arguments: Arguments = NO_ARGUMENTS
    """What is known of the parameters of calls to come."""

    @classmethod
    def entered(cls, flow: Flow, scope: Scope, values: Mapping[str, str], arguments: Arguments = NO_ARGUMENTS) -> State:
        """Just after the `call` event of a scope."""
        first = Activation((scope.entry,), values, listed=True, first=True)
        return cls(flow, (first,), arguments=arguments)

    @property
    def top(self) -> Activation:
        """The activation that is running."""
        return self.stack[-1]

    @property
    def depth(self) -> int:
        """That of the running activation, 0 for the first."""
        return len(self.stack) - 1

    @property
    def over(self) -> bool:
        """The first activation has been left for good."""
        return not self.stack and not (self.suspended and self.suspended[-1].first)

    def options(self, kind: EventKind) -> list[Option]:
        """All ways in which a frame of that kind may come next, the likeliest first."""
        return list(_OPTIONS[kind](self))

    def kinds(self) -> list[EventKind]:
        """Kinds of frames that may come next."""
        if not self.stack:
            return [] if self.over else ["call"]
        positions = self.top.positions
        kinds: list[EventKind] = []
        if any(position.lines for position in positions):
            kinds.append("line")
        if next(self._calls(), None):
            kinds.append("call")
        if any(position.may_return or position.may_yield or position.may_unwind for position in positions):
            kinds.append("return")
        if any(position.may_raise for position in positions):
            kinds.append("exception")
        return kinds

    def after(self, options: Sequence[Option], values: Mapping[str, str], value: str | None) -> State:
        """The state once a frame has come that fits `options`, the likeliest first, with these locals or this value."""
        option = options[0]
        if not self.stack:
            return self._entered(options, values)
        top, below = self.top, self.stack[:-1]
        if option.kind == "line":
            moved = (option.origin.next(option.line) for option in options if option.origin)
            positions = tuple(dict.fromkeys(filter(None, moved)))
            moved_on = replace(top, positions=positions, values=values, listed=True, raising=False, called=frozenset())
            return replace(self, stack=(*below, moved_on), unwinding=None)
        if option.kind == "call":
            caller = replace(top, listed=False, called=top.called | {option.scope})
            return replace(self, stack=(*below, caller))._entered(options, values)
        if option.kind == "exception":
            positions = tuple(dict.fromkeys(option.origin.raised() for option in options if option.origin))
            through = self.unwinding
            origin = through.origin if through and through.value == value else option.line
            raised = Raised(value or "", option.line, origin)
            return replace(self, stack=(*below, replace(top, positions=positions, raised=raised, raising=True)))
        left = tuple(dict.fromkeys(option.origin for option in options if option.origin))
        yielding = tuple(position.suspended() for position in left if position.may_yield)
        suspended = self.suspended
        if yielding and (not top.first or value != "None" or not any(position.may_return for position in left)):
            suspended = (*suspended, replace(top, positions=yielding, listed=False, raising=False))
        unwinding = top.raised if value == "None" and _unwinds(top, options) else None
        if below:
            below = (*below[:-1], replace(below[-1], listed=False))
        return replace(self, stack=below, suspended=suspended, unwinding=unwinding)

    def _entered(self, options: Sequence[Option], values: Mapping[str, str]) -> State:
        """After a call, from the caller's state as it waits."""
        resumed = options[0].resumes
        if resumed is None:
            positions = dict.fromkeys(option.scope.entry for option in options if option.resumes is None)
            entered = Activation(tuple(positions), values, listed=True)
        else:
            positions = dict.fromkeys(position.resumed() for position in resumed.positions)
            entered = replace(resumed, positions=tuple(positions), values=values, listed=True)
        suspended = tuple(one for one in self.suspended if one is not resumed)
        arguments = self.arguments.after(entered.scope)
        return replace(self, stack=(*self.stack, entered), suspended=suspended, unwinding=None, arguments=arguments)

    def left_out(self) -> State:
        """The same where the call that has just begun is left at once: it stands wherever it may return."""
        reached = dict.fromkeys(self.top.positions)
        pending = list(reached)
        while pending:
            position = pending.pop()
            further = [position.next(line) for line in position.lines]
            further += [position.raised()] if position.may_raise else []
            new = [one for one in further if one is not None and one not in reached]
            reached |= dict.fromkeys(new)
            pending += new
        ends = {position.line: position for position in reached if position.may_return}
        return replace(self, stack=(*self.stack[:-1], replace(self.top, positions=tuple(ends.values()), listed=False)))

    def follow(self, event: Event) -> State | None:
        """The state after an event that is known, or None where it cannot come."""
        options = [
            option
            for option in self.options(event.kind)
            if option.line == event.line and option.scope.name == event.function and fits(option.keys, event.locals)
        ]
        return self.after(options, event.locals, event.value) if options else None

    def _lines(self) -> Iterator[Option]:
        top = self.top
        for position in top.positions:
            for line in position.lines:
                yield Option("line", line, position.scope, _keys_of_line(top, position, line), origin=position)

    def _calls(self) -> Iterator[Option]:
        if not self.stack:  # whoever called it resumes it
            first = self.suspended[-1]
            yield Option("call", first.line, first.scope, _keys_of_resumed(first), resumes=first)
            return
        top = self.top
        seen: set[tuple[Scope, bool]] = set()
        for position in top.positions:
            if position.phase == "called":
                continue
            callees = self.flow.callees(position.scope, position.line)
            if not callees:
                continue
            for waiting in reversed(self.suspended):
                if waiting.first:  # whoever called it resumes it
                    continue
                if (waiting.scope, True) not in seen or waiting.line != waiting.scope.first_line:
                    seen.add((waiting.scope, True))
                    yield Option("call", waiting.line, waiting.scope, _keys_of_resumed(waiting), resumes=waiting)
            for scope in sorted(callees, key=lambda scope: scope in top.called and scope.kind == "comprehension"):
                if (scope, False) not in seen and scope.first_line != self.arguments.wrapper:
                    seen.add((scope, False))
                    yield Option("call", scope.first_line, scope, _keys_of_call(scope, self.arguments))

    def _returns(self) -> Iterator[Option]:
        top = self.top
        for position in top.positions:
            if position.may_return or position.may_yield:
                constants = None if position.may_yield else position.constants
                yield Option("return", position.line, position.scope, constants=constants, origin=position)
            if position.may_unwind:
                for line in dict.fromkeys((position.line, top.raised.line if top.raised else position.line)):
                    yield Option("return", line, position.scope, value="None", origin=position)

    def _exceptions(self) -> Iterator[Option]:
        top = self.top
        for position in top.positions:
            if position.may_raise:
                yield Option("exception", position.line, position.scope, origin=position)


def entered(source: str, call: Event, arguments: Arguments = NO_ARGUMENTS) -> State:
    """The state after the `call` event of a scope of a program.

    Raises:
        UserError: there is no such scope, as its text does not parse.
    """
    flow = Flow.of(source)
    for scope in flow.starting_at(call.line):
        if scope.name == call.function:
            return State.entered(flow, scope, call.locals, arguments)
    raise UserError(f"line {call.line}: the text of {call.function} does not parse; mend it first")


_OPTIONS = {"line": State._lines, "call": State._calls, "return": State._returns, "exception": State._exceptions}


def _unwinds(top: Activation, options: Sequence[Option]) -> bool:
    """Whether a return of None by one of these ways is that of an exception on its way out."""
    if all(option.value is None for option in options):
        return False
    ends_loop = top.raising and top.raised is not None and top.raised.value.startswith("(<class 'StopI")
    return all(option.value is not None for option in options) or (top.raised is not None and not ends_loop)


def fits(keys: Sequence[Key], names: Iterable[str]) -> bool:
    """Whether a frame may list just these names, in this order."""
    at = 0
    for name in names:
        while at < len(keys) and keys[at].name != name:
            if keys[at].required:
                return False
            at += 1
        if at == len(keys):
            return False
        at += 1
    return not any(key.required for key in keys[at:])


def _keys_of_line(activation: Activation, position: Position, line: int) -> tuple[Key, ...]:
    """Those listed last, without those unbound since, then the new ones in the order of the scope's names."""
    effect = position.effect(line)
    kept = _kept(activation, position, effect.may_bind)
    old = [
        Key(name, name not in effect.may_unbind, kept.get(name))
        for name in activation.values
        if name not in effect.unbinds
    ]
    if not effect.may_bind:
        return tuple(old)
    # A class body has names that its code object does not list.
    names = dict.fromkeys((*position.scope.names, *sorted(effect.may_bind)))
    new = [
        Key(name, name in effect.binds) for name in names if name in effect.may_bind and name not in activation.values
    ]
    return (*old, *new)


def _kept(activation: Activation, position: Position, may_bind: frozenset[str]) -> dict[str, str]:
    """Locals that cannot have changed since they were listed: what is not bound anew, and is immutable or was out of
    the reach of the little that has run."""
    scope = position.scope
    runs_code = position.phase != "called" and scope.line_info(position.line).runs_code
    if runs_code and scope.kind == "class":  # `exec` and `locals()` reach its names
        return {}
    return {
        name: text
        for name, text in activation.values.items()
        if name not in may_bind and (not runs_code or is_immutable(text))
    }


def _keys_of_call(scope: Scope, arguments: Arguments) -> tuple[Key, ...]:
    rest = (name for name in scope.names if name in scope.free and name not in scope.parameters)
    return (*arguments.keys(scope), *(Key(name, False) for name in rest))


def _keys_of_resumed(activation: Activation) -> tuple[Key, ...]:
    """A generator may have bound names between its last line and its `yield`."""
    bound = {name for position in activation.positions for name in position.effect_of_yield().may_bind}
    rest = (name for name in activation.scope.names if name in bound and name not in activation.values)
    kept = {name: text for name, text in activation.values.items() if name not in bound and is_immutable(text)}
    return (*(Key(name, True, kept.get(name)) for name in activation.values), *(Key(name, False) for name in rest))
