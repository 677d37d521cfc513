"""Code objects and frames of the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.values import MISSING, Cell, is_a
from cwm_lsp.trace.events import NOTHING, Provenance

if TYPE_CHECKING:
    from cwm_lsp.evaluate.home import Home

Run = Callable[["Frame"], Any]
"""A compiled expression: gives its value."""
Do = Callable[["Frame"], Any]
"""A compiled statement: gives None to go on, or one of `BREAK`, `CONTINUE`, `RETURN`."""
Steps = Callable[["Frame"], Generator[Any, Any, Any]]
"""A compiled statement of a generator: yields what the generator yields; its return value is that of a `Do`."""

NO_OPERANDS: dict[str, Any] = {}
BREAK, CONTINUE, RETURN = "break", "continue", "return"


@dataclass(eq=False, slots=True)
class Code:
    """One compiled function, lambda, comprehension or class body."""

    name: str
    qualname: str
    first_line: int
    """Line of the `call` event."""
    variables: tuple[str, ...]
    """Slots in the order of CPython's code object."""
    shared: frozenset[str]
    """Those of `variables` that live in cells."""
    free: tuple[str, ...]
    own_cells: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    """All of them, in the order of `variables`."""
    positional: tuple[str, ...] = ()
    positional_only: int = 0
    keyword_only: tuple[str, ...] = ()
    rest: str | None = None
    keywords: str | None = None
    is_generator: bool = False
    is_async: bool = False
    awaitable: bool = False
    """Its generators may be waited for: `types.coroutine` has marked them."""
    is_function: bool = True
    doc: str | None = None
    node: Any = None
    compile: Callable[[], Any] | None = None
    """Makes `body`, when the code is first run."""
    body: Any = None
    """`Do` of a function's body, or `Steps` of a generator's."""
    foreign: bool = False
    """Not of the file: part of the call, whose frames are not traced."""
    stub: CodeType | None = None
    """What its function objects run when library code calls them; see `functions`."""
    home: Home | None = None
    """The module that it is of."""
    path: str | None = None
    """The file, where that is another one than the trace's."""
    plain: bool = False
    """Takes positional parameters only and shares no variable: the fast way of calling applies."""

    sources: dict[Provenance, Mapping[str, Provenance]] = field(default_factory=dict)
    """Where the parameters' values come from, if that is the same for all."""

    def arguments_from(self, source: Provenance) -> Mapping[str, Provenance]:
        """The provenance of positional parameters whose values all come from there."""
        found = self.sources.get(source)
        if found is None:
            found = self.sources[source] = dict.fromkeys(self.positional, source)
        return found

    @property
    def suspends(self) -> bool:
        """Calling it gives a generator or a coroutine."""
        return self.is_generator or self.is_async

    def leaving(self, error: BaseException) -> BaseException:
        """What the caller sees of an exception that leaves a generator or coroutine."""
        kind = "coroutine" if not self.is_generator else "async generator" if self.is_async else "generator"
        if is_a(error, StopIteration):
            replaced = RuntimeError(f"{kind} raised StopIteration")
        elif is_a(error, StopAsyncIteration) and self.is_async and self.is_generator:
            replaced = RuntimeError(f"{kind} raised StopAsyncIteration")
        else:
            return error
        replaced.__cause__ = replaced.__context__ = error
        return replaced


MOST_HELD = 2_000
NO_HOLDERS: dict[int | None, set[str]] = {}


class Frame:
    """One activation of a `Code`."""

    __slots__ = (
        "acts", "at", "bound", "caller", "cells", "code", "delegate", "depth", "dying", "given", "handling", "holders",
        "leave", "line", "most_held", "operands", "provenance", "reference", "result", "seen", "shown", "started",
        "touched", "traced", "values", "vars",
    )  # fmt: skip

    def __init__(self, code: Code, variables: dict[str, Any], cells: dict[str, Cell]) -> None:
        self.code = code
        self.vars = variables
        self.cells = cells
        self.line = code.first_line
        self.at = 0
        """Where it is in the instructions of its code (`layout.positions`)."""
        self.caller: Frame | None = None
        """Who called it, or resumed it last, while it runs."""
        self.started = False
        """Of a generator: it has been resumed."""
        self.delegate: Any = MISSING
        """Of a suspended generator: what it yields from or waits for."""
        self.reference: Any = None
        """Of a generator: a weak reference to what runs it."""
        self.operands: dict[str, Any] = NO_OPERANDS
        """Of a generator: operands that have been set aside while another one suspends."""
        self.dying = False
        """Of a generator: it is being ended because nothing refers to it any more."""
        self.depth = 0
        self.traced = False
        self.result: Any = None
        """What a `return` statement returns."""
        self.leave: Callable[[Frame], None] | None = None
        """Moves to where that statement leaves the frame."""
        self.seen: BaseException | None = None
        """The exception whose event this frame has already shown."""
        self.handling: list[BaseException] = []
        """Exceptions whose `except` blocks are open."""
        self.values: dict[str, Any] = {}
        """Values as last shown."""
        self.holders = NO_HOLDERS
        """By the identity of an object, the variables whose values it was in when they were shown: perhaps no more. By
        None those whose values may hold any."""
        self.most_held = MOST_HELD
        """Entries of `holders` after which it is made anew."""
        self.shown: Mapping[str, str] = NOTHING
        """Reprs as last shown."""
        self.acts = -1
        """`Machine.acts` and `touched` at that time; -1 where something was under way."""
        self.touched = 0
        self.bound: set[str] = set()
        """Variables that have been bound since."""
        self.provenance: Mapping[str, Provenance] = NOTHING
        self.given = False
        """This is the traced call's own frame, whose parameters are given."""

    @property
    def handled(self) -> BaseException | None:
        """The exception that is being handled where the frame is, by itself or by those that called it."""
        frame: Frame | None = self
        while frame is not None and not frame.handling:
            frame = frame.caller
        return frame.handling[-1] if frame is not None else None

    def clear(self) -> Any:
        """Let go of the variables, although something may still refer to the frame; gives them."""
        variables = self.vars, self.cells, self.values
        self.vars, self.cells, self.values = {}, {}, {}
        return variables
