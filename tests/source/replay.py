"""Checks a real trace against the flow of its program, step by step."""

from collections.abc import Iterator
from dataclasses import dataclass

from cwm_lsp.source.flow import Flow, Position, Scope
from cwm_lsp.trace.events import Event, Trace


@dataclass
class Running:
    """One call on the stack, or suspended."""

    position: Position
    names: list[str]
    lines: set[int]


def objections(trace: Trace) -> list[str]:
    """What in the trace the flow does not allow."""
    return list(_Replay(trace).run())


class _Replay:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.flow = Flow.of(trace.source)
        self.stack: list[Running] = []
        self.suspended: list[Running] = []

    def run(self) -> Iterator[str]:
        for index, event in enumerate(self.trace.events):
            step = {"call": self.call, "line": self.line, "return": self.leave, "exception": self.exception}[event.kind]
            where = self.stack[-1].position if self.stack else None
            for objection in step(event):
                yield f"{index} {event.kind} {event.function}:{event.line} after {where}: {objection}"

    def call(self, event: Event) -> Iterator[str]:
        caller = self.stack[-1].position if self.stack else None
        names = set(event.locals)
        for running in reversed(self.suspended):
            position = running.position
            if position.scope.name == event.function and position.line == event.line and names >= set(running.names):
                self.suspended.remove(running)
                came = names - set(running.names)
                if not came <= position.effect_of_yield().may_bind:
                    yield f"{came} bound by a yield"
                self.stack.append(Running(position.resumed(), list(event.locals), {event.line}))
                break
        else:
            scope = self.entered(event, caller)
            if (
                tuple(name for name in event.locals if name not in scope.free) != scope.parameters
                and scope.kind != "class"
            ):
                yield f"parameters {scope.parameters}, not {list(event.locals)}"
            self.stack.append(Running(scope.entry, list(event.locals), {event.line}))
        if caller is not None and self.stack[-1].position.scope not in self.flow.callees(caller.scope, caller.line):
            yield "cannot be called here"

    def entered(self, event: Event, caller: Position | None) -> Scope:
        scopes = [s for s in self.flow.scopes if (s.name, s.first_line) == (event.function, event.line)]
        if caller is not None:
            callees = self.flow.callees(caller.scope, caller.line)
            scopes = [scope for scope in scopes if scope in callees] or scopes
        fitting = [s for s in scopes if set(s.parameters) <= set(event.locals) <= {*s.parameters, *s.free}]
        return (fitting or scopes)[0]

    def line(self, event: Event) -> Iterator[str]:
        running = self.stack[-1]
        position, scope = running.position, running.position.scope
        if event.line not in scope.lines:
            yield "not a line of the scope"
        if position.phase in ("called", "line"):
            before = None if position.phase == "called" else position.line
            if event.line not in self.flow.successors(scope, before):
                yield f"successors {self.flow.successors(scope, before)}"
        elif position.phase == "raised" and event.line not in self.flow.after_exception(scope, position.line):
            yield f"after an exception {self.flow.after_exception(scope, position.line)}"
        after = position.next(event.line)
        if after is None:
            yield f"lines {position.lines}"
        elif scope.kind != "class":
            yield from self.names(event, running, after)
        running.position = after or scope.at(event.line)
        running.names = list(event.locals)
        running.lines.add(event.line)

    def names(self, event: Event, running: Running, after: Position) -> Iterator[str]:
        effect = running.position.effect(event.line)
        now, before = set(event.locals), set(running.names)
        if not now - before <= effect.may_bind:
            yield f"{now - before} bound, not {effect.may_bind}"
        if not before - now <= effect.may_unbind:
            yield f"{before - now} unbound, not {effect.may_unbind}"
        if not effect.binds <= now:
            yield f"{effect.binds} must be bound"
        if effect.unbinds & now:
            yield f"{effect.unbinds} must be unbound"
        new = [name for name in event.locals if name not in before]
        if new != [name for name in after.scope.names if name in new]:
            yield f"new names in the order {new}, not {after.scope.names}"

    def leave(self, event: Event) -> Iterator[str]:
        running = self.stack.pop()
        position = running.position
        unwinds = position.may_unwind and event.value == "None"
        if not (position.may_return or position.may_yield or unwinds):
            yield "cannot return"
        if event.line != position.line and not (unwinds and event.line in running.lines):
            yield f"returns from line {position.line}"
        only_returns = position.may_return and not position.may_yield and not unwinds
        if only_returns and position.constants is not None and event.value not in position.constants:
            yield f"returns {position.constants}, not {event.value}"
        if position.may_yield:
            self.suspended.append(Running(position.suspended(), running.names, running.lines))

    def exception(self, event: Event) -> Iterator[str]:
        running = self.stack[-1]
        if event.line != running.position.line:
            yield "on another line"
        if not running.position.may_raise:
            yield "cannot raise"
        running.position = running.position.raised()
