"""Which scopes on the stack of a trace are of one file, where it steps into others too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cwm_lsp.trace.events import Event, Trace


class Scopes:
    """The scopes under way, by what has been followed so far.

    An event has two depths: the one in the whole trace, and the one where calls into other files are stepped over.
    """

    def __init__(self, path: str | None = None) -> None:
        """`path`: as events of the file in question have it."""
        self._path = path
        self._own: list[bool] = []

    def follow(self, event: Event) -> int:
        """The next event of a whole trace; gives its depth without the scopes of other files."""
        if event.kind == "call":
            del self._own[event.depth :]
            self._own += [True] * (event.depth - len(self._own)) + [event.path == self._path]
        return self.within(event.depth)

    def within(self, depth: int) -> int:
        """A depth of the whole trace without the scopes of other files."""
        return sum(self._own[:depth]) + max(depth - len(self._own), 0)

    def whole(self, event: Event) -> int:
        """The depth in the whole trace of an event of the own file that is known as if others were stepped over."""
        own = [index for index, is_own in enumerate(self._own) if is_own]
        if event.kind != "call":
            return own[event.depth] if event.depth < len(own) else event.depth
        return own[event.depth - 1] + 1 if 0 < event.depth <= len(own) else event.depth

    def is_own(self, depth: int) -> bool:
        """Whether the scope at a depth of the whole trace is of the own file."""
        return depth >= len(self._own) or self._own[depth]


def within_file(trace: Trace, path: str | None = None) -> tuple[Trace, Sequence[int]]:
    """A trace as it is where calls into other files are stepped over, and its events' indices in the whole one. With
    the `path` of another file: what it tells of that."""
    if path is None and all(event.path is None for event in trace.events):
        return trace, range(len(trace.events))
    events: list[Event] = []
    indices: list[int] = []
    scopes = Scopes(path)
    for index, event in enumerate(trace.events):
        depth = scopes.follow(event)
        if event.path == path:
            events.append(replace(event, depth=depth, path=None))
            indices.append(index)
    return replace(trace, events=tuple(events)), indices
