"""Ways through a trace: where it can be stopped at, what is before and after, and who called whom.

A debugger stops before a line runs, which is where `line` events are. A trace can also be stopped at where it ends, and
where an exception is raised. A trace that is still growing ends with a `line` event, and a way beyond that is not known
yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cwm_lsp.source.functions import functions
from cwm_lsp.trace.events import Event, Trace


@dataclass(slots=True)
class _Scope:
    """A scope as far as the events have been read; a generator that is resumed is a new one."""

    depth: int
    first: int
    """Index of its first event."""
    latest: int
    """Index of its latest event."""
    shown: int
    """Index of its latest event that has locals."""
    raised: int | None = None
    """Index of its latest exception."""


class Walk:
    """The events of a trace, of which there is at least one, by index."""

    def __init__(self, trace: Trace, is_whole: bool = True) -> None:
        self.events = trace.events
        self._callers: list[int | None] = []
        self._shown: list[int] = []
        self._before: list[int | None] = []
        self._scopes: list[int] = []
        self._origins: dict[int, int] = {}
        self._generators: set[str] = set()
        """Names of functions that are resumed."""
        self._read(trace.source)
        lines = [index for index, event in enumerate(self.events) if event.kind == "line"]
        self.end = len(self.events) - 1
        """The last place to stop at: where the call returns or raises, or where the steps end."""
        self._is_whole = is_whole
        self.leaving: int | None = None
        """The exception that leaves the call, where it does."""
        if trace.outcome.kind == "exception" and not trace.outcome.is_cut:
            own = (index for index in sorted(self._origins, reverse=True) if self.events[index].depth == 0)
            self.leaving = next(own, None)
            if self.leaving is not None and not (lines and lines[-1] > self.leaving):
                self.end = self.leaving  # all that comes after it is that the scope is left
        self.last = self.end if is_whole else self.end + 1
        """Where a way leads that finds nothing to stop at before: the end, or beyond what is known so far."""
        self.start = lines[0] if lines else self.end
        """The first place to stop at."""
        self.raised = frozenset(self._origins.values())
        """Exceptions where they come from, not where they only pass."""
        self.uncaught = None if self.leaving is None else self._origins[self.leaving]
        """The exception that leaves the call, where it comes from."""

    def _read(self, source: str) -> None:
        scopes: list[_Scope] = []
        gone: dict[int, _Scope] = {}
        found = functions(source)
        definitions = {one.first_line for one in found}
        self._may_resume = {one.name for one in found if one.is_generator or one.is_async}
        firsts: dict[tuple[str, str | None], int] = {}
        for index, event in enumerate(self.events):
            left: _Scope | None = None
            while scopes and scopes[-1].depth > event.depth:
                left = scopes.pop()
                gone[left.depth] = left
            if event.kind == "call" and scopes and scopes[-1].depth == event.depth:
                gone[event.depth] = scopes.pop()
            if event.kind == "call":
                first = firsts.setdefault((event.function, event.path), event.line)
                is_known = event.path is None and not event.function.startswith("<")
                if event.line not in definitions if is_known else event.line != first:
                    self._generators.add(event.function)
            if event.kind == "call" and scopes:
                # What is thrown into a generator goes right to the one that it delegates to: it is on the stack all the
                # same, where it was suspended.
                between = range(scopes[-1].depth + 1, event.depth)
                scopes += [replace(gone[depth]) for depth in between if depth in gone]
            if not scopes or scopes[-1].depth < event.depth:
                scopes.append(_Scope(event.depth, index, index, index))
            scope = scopes[-1]
            scope.latest = index
            self._before.append(scope.shown if scope.shown != index else None)
            if event.kind in ("call", "line"):
                scope.shown = index
            elif event.kind == "exception":
                came = left.raised if left else None
                passes = came is not None and self.events[came].value == event.value
                self._origins[index] = self._origins[came] if came is not None and passes else index
                scope.raised = index
            self._callers.append(scopes[-2].latest if len(scopes) > 1 else None)
            self._shown.append(scope.shown)
            self._scopes.append(scope.first)

    def shown(self, index: int) -> int:
        """The event that has the locals as they are known at an event."""
        return self._shown[index]

    def before(self, index: int) -> int | None:
        """The event that has the locals of the same scope as they were one of its steps before."""
        return self._before[self._shown[index]]

    def scope(self, index: int) -> int:
        """The first event of its scope; a generator that is resumed is another one."""
        return self._scopes[index]

    def stack(self, index: int) -> list[int]:
        """The events that its scope and those around it have come to, the innermost first."""
        stack: list[int] = []
        at: int | None = index
        while at is not None:
            stack.append(at)
            at = self._callers[at]
        return stack

    def into(self, index: int) -> int:
        """The next line, in whatever scope."""
        return self._forward(index, None)

    def over(self, index: int) -> int:
        """The next line of the same scope. Where it is left first, that of whatever comes next, as in debugpy; of a
        generator, where it is resumed."""
        scope = self.events[index]
        at = index + 1
        while at <= self.end:
            event = self.events[at]
            if event.depth <= scope.depth and event.kind == "line":
                return at
            if event.depth < scope.depth or (event.depth == scope.depth and event.kind == "return"):
                resumed = self._resumed(at)
                if resumed is None and not self._is_whole and self._is_suspended(event):
                    return self.last
                if resumed is None:
                    return self.into(at)
                at, scope = resumed, self.events[resumed]
            at += 1
        return self.last

    def _is_suspended(self, left: Event) -> bool:
        """Whether what has been left may still be resumed."""
        return left.path is not None or left.function in self._may_resume or left.function == "<genexpr>"

    def _resumed(self, left: int) -> int | None:
        """Where a generator that was left by a `yield` is resumed; None for any other scope."""
        event, first = self.events[left], self.events[self._scopes[left]]
        if event.function not in self._generators:
            return None
        for at in range(left + 1, self.end + 1):
            other = self.events[at]
            if other.kind == "call" and (other.line, other.function) == (event.line, first.function):
                return at
        return None

    def out(self, index: int) -> int:
        """The next line of a scope around it."""
        return self._forward(index, self.events[index].depth - 1)

    def calls(self, index: int) -> list[int]:
        """The first lines of the scopes that the line at an event calls, in order."""
        depth, found = self.events[index].depth, []
        for at in range(index + 1, self.end + 1):
            event = self.events[at]
            if event.depth <= depth:
                break
            if event.kind == "call" and event.depth == depth + 1:
                first = self.into(at)
                if first <= self.end and self._scopes[first] == at:
                    found.append(first)
        return found

    def back(self, index: int) -> int:
        """The line before of the same scope, or of the one around it where it has just been entered."""
        deepest = self.events[index].depth
        for at in range(index - 1, self.start - 1, -1):
            event = self.events[at]
            if event.depth <= deepest:
                if event.kind == "line":
                    return at
                if event.kind == "call":  # nothing is around the call itself: a generator has been resumed there
                    deepest = max(event.depth - 1, 0)
        return self.start

    def _forward(self, index: int, deepest: int | None) -> int:
        if deepest is not None and deepest < 0:  # there is nothing around the call
            return self.last
        for at in range(index + 1, self.end + 1):
            event = self.events[at]
            if deepest is None or event.depth <= deepest:
                if event.kind == "line":
                    return at
                if event.kind == "call" and deepest is not None:  # another scope of the same caller
                    deepest = event.depth - 1
        return self.last
