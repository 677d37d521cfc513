"""What the stops of the user's own debug session show, as traces that later predictions remember.

A stop shows the state before a line runs, and the next one what came of it, if nothing was passed in between: where the
session stepped. So each unbroken way through a call is a trace of `line` events. After a breakpoint, how often a loop
has come round by then is not known: its lines are left out until it is left, since memory counts passes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cwm_lsp.record.live import Stop
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import function_at
from cwm_lsp.trace.events import Event, Outcome, Provenance, Trace

LONGEST = 2_000
"""Events of one way that are kept."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{4,16}(?=>)")
_CUT = "..."


class _Body(NamedTuple):
    """A function as it runs."""

    entry: int
    """The line that a call of it is told to be at."""
    first: int
    """The first line that runs."""
    last: int
    loops: tuple[range, ...]
    """The lines of its outermost loops."""
    is_resumed: bool


@dataclass(slots=True)
class _Way:
    """An unbroken way through one activation."""

    path: str
    source: str
    function: str
    qualname: str
    module: str
    """The name by which the file is imported; that of a program is another one."""
    body: _Body
    frame: int
    at: int
    """The line that it is stopped at."""
    within: range | None = None
    """The loop that it began in the midst of, while it is there."""
    events: list[Event] = field(default_factory=list)
    is_told: bool = False
    """All events are in what has been taken."""

    def add(self, event: Event) -> None:
        if len(self.events) < LONGEST:
            self.events.append(event)
            self.is_told = False

    def trace(self) -> Trace:
        end = Outcome("truncated", detail="it is what a debug session has shown")
        return Trace(self.qualname, "", self.path, "recorded", self.source, tuple(self.events), end)


@dataclass(slots=True)
class _Session:
    texts: dict[str, str | None] = field(default_factory=dict)
    """Of files, as they were when the session first stopped in them."""
    stack: list[_Way] = field(default_factory=list)
    """The activations that the session is in, as far as it has stepped into them, the innermost last."""
    left: dict[int, _Way] = field(default_factory=dict)
    """Activations of generators that may be resumed, by frame."""


class Seen:
    """What debug sessions have shown so far."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        """`read` gives a file's text, None where it cannot be read."""
        self._read = read
        self._sessions: dict[str, _Session] = {}
        self._ways: list[_Way] = []

    def stopped(self, stop: Stop) -> None:
        """A session has stopped."""
        session = self._sessions.setdefault(stop.session, _Session())
        if stop.reason != "step":
            self._break(session)
        if stop.path not in session.texts:
            session.texts[stop.path] = self._read(stop.path)
        source = session.texts[stop.path]
        name = stop.function.rpartition(".")[2]
        body = None if source is None else _body_at(source, name, stop.line)
        if source is None or body is None:
            if not name.startswith("<") or name == "<module>":  # what is around a comprehension goes on after it
                self._break(session)
            return
        is_entered = stop.line == body.first
        depth = next((n for n, way in enumerate(session.stack) if _is_same(way, stop, body)), None)
        if depth is not None:
            if self._returned(session, depth, stop):
                return
        elif session.stack and (resumed := self._resumed(session, stop, body)) is not None:
            self._enter(session, resumed, resumed.at, stop)
        else:
            if not is_entered:
                self._break(session)
            found = function_at(source, stop.line)
            qualname = found.qualname if found is not None else name
            module = layout(Path(stop.path), source).module
            way = _Way(stop.path, source, name, qualname, module, body, stop.frame_id, stop.line)
            self._ways.append(way)
            if is_entered:
                self._enter(session, way, body.entry, stop)
            else:
                way.within = next((loop for loop in body.loops if stop.line in loop), None)
                session.stack.append(way)
        self._add(session, stop)

    def terminated(self, session: str) -> None:
        """A session is over."""
        self._sessions.pop(session, None)

    def take(self) -> list[Trace]:
        """The ways that have shown something since they were last taken, each as far as it has come."""
        new = [way for way in self._ways if not way.is_told and _tells(way)]
        for way in new:
            way.is_told = True
        open_ways = [way for session in self._sessions.values() for way in (*session.stack, *session.left.values())]
        self._ways = [way for way in self._ways if any(way is one for one in open_ways)]
        return [way.trace() for way in new]

    def _break(self, session: _Session) -> None:
        """What was passed before the next stop is not known."""
        session.stack.clear()
        session.left.clear()

    def _returned(self, session: _Session, depth: int, stop: Stop) -> bool:
        """Leave the activations within one that the session has come back to; whether it is in the midst of the line
        that called them, where a debugger stops once more."""
        gone = session.stack[depth + 1 :]
        del session.stack[depth + 1 :]
        session.left.update({way.frame: way for way in gone if way.body.is_resumed})
        return bool(gone) and session.stack[depth].at == stop.line

    def _resumed(self, session: _Session, stop: Stop, body: _Body) -> _Way | None:
        way = session.left.get(stop.frame_id)
        return session.left.pop(stop.frame_id) if way is not None and _is_same(way, stop, body) else None

    def _enter(self, session: _Session, way: _Way, line: int, stop: Stop) -> None:
        session.stack.append(way)
        self._tell(session, "call", line, stop)

    def _add(self, session: _Session, stop: Stop) -> None:
        way = session.stack[-1]
        way.at = stop.line
        if way.within is not None and stop.line in way.within:
            return
        way.within = None
        self._tell(session, "line", stop.line, stop)

    def _tell(self, session: _Session, kind: str, line: int, stop: Stop) -> None:
        """Add an event to each activation that it is within."""
        innermost = session.stack[-1]
        locals_, provenance = _values(stop, innermost)
        for depth, way in enumerate(reversed(session.stack)):
            path = innermost.path if innermost.path != way.path else None
            if way.within is None:
                way.add(Event("call" if kind == "call" else "line", line, depth, innermost.function, locals_,
                              provenance=provenance, path=path))  # fmt: skip


def _is_same(way: _Way, stop: Stop, body: _Body) -> bool:
    """Whether a stop is in this activation, whose frame's number another one may have got since."""
    return (way.frame, way.path, way.body) == (stop.frame_id, stop.path, body)


def _tells(way: _Way) -> bool:
    """Whether the effect of a line shows."""
    return sum(event.kind == "line" and event.depth == 0 for event in way.events) > 1


def _values(stop: Stop, way: _Way) -> tuple[Mapping[str, str], Mapping[str, Provenance]]:
    """Locals as the recorder would tell them: without addresses; what the debugger has cut is not known."""
    texts = {
        name: _ADDRESS.sub("", text).replace("<__main__.", f"<{way.module}.") for name, text in stop.locals.items()
    }
    return texts, {name: "unknown" for name, text in texts.items() if _CUT in text}


def _body_at(source: str, name: str, line: int) -> _Body | None:
    """The innermost function of that name around a line."""
    around = [body for body in _bodies(source).get(name, ()) if body.entry <= line <= body.last]
    return max(around, key=lambda body: body.entry, default=None)


@lru_cache(maxsize=8)
def _bodies(source: str) -> Mapping[str, tuple[_Body, ...]]:
    """Functions by their bare names; none where the text does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, list[_Body]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(node.name, []).append(_body_of(node))
    return {name: tuple(bodies) for name, bodies in found.items()}


def _body_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> _Body:
    has_docstring = ast.get_docstring(node, clean=False) is not None
    statements = node.body[1:] if has_docstring and len(node.body) > 1 else node.body
    first = statements[0]
    decorators = getattr(first, "decorator_list", [])
    entry = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    own = list(_own(node))
    loops = [range(one.lineno, (one.end_lineno or one.lineno) + 1) for one in own
             if isinstance(one, ast.For | ast.AsyncFor | ast.While)]  # fmt: skip
    outermost = tuple(loop for loop in loops if not any(loop != one and loop.start in one for one in loops))
    is_resumed = isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(one, ast.Yield | ast.YieldFrom) for one in own
    )
    start = min([first.lineno, *(one.lineno for one in decorators)])
    return _Body(entry, start, node.end_lineno or node.lineno, outermost, is_resumed)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is within a function, but not within another."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _own(child)
