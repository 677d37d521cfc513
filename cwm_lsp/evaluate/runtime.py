"""One evaluation at work: frames entered and left, by return or by exception."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from cwm_lsp.evaluate import lifetimes, rendering
from cwm_lsp.evaluate.answers import tell
from cwm_lsp.evaluate.code import RETURN, Frame
from cwm_lsp.evaluate.faults import is_own
from cwm_lsp.evaluate.machine import CHECK_EVERY, SMALL
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.showing import Showing
from cwm_lsp.evaluate.unknowing import Unknowing
from cwm_lsp.evaluate.values import (
    INTERNAL,
    Abandoned,
    Exhausted,
    GaveUp,
    Left,
    Undetermined,
    Unknown,
    arguments_of,
    is_a,
    too_much,
)
from cwm_lsp.trace.events import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cwm_lsp.evaluate.versions import Dialect


TABLES: frozenset[type] = frozenset({dict, set, frozenset})
SIZED: frozenset[type] = frozenset({str, bytes, bytearray, list, tuple}) | TABLES
MOST_TRAIL = 50
"""Frames that are remembered of those that an exception leaves."""
NEAR = 8
"""Frames below the limit of their depth where calls in C may fail too."""


class Runtime(Showing):
    """What compiled code works on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unknowing = Unknowing(self)
        self.rendering = rendering.Renderer(self)

    def count(self, value: Any) -> None:
        """Admit a value that has just been made; what holds objects takes several times the room of characters."""
        kind = type(value)
        if kind in SIZED:
            size = len(value)
            if size > SMALL:
                self.allow(size)
                if kind is list or kind is tuple:
                    self.allocated += 3 * size
                elif kind in TABLES:
                    self.allocated += 4 * size
            if kind is str and "0x" in value:
                self.rendering.without_address(value)
            elif (kind is bytes or kind is bytearray) and b"0x" in value:
                self.rendering.without_address(value.decode("latin-1"))

    # events

    def line(self, frame: Frame, line: int) -> None:
        """The next instruction of `frame` is on `line`."""
        frame.line = line
        self.operations += 1
        if not self.operations % CHECK_EVERY:
            self.check()
        if frame.traced and self.tracing:
            if self.muted is None:
                self.asked = False
                if frame.reference is not None:  # what its statements change is not told, where they suspend
                    self.acts += 1
                self.show(frame, "line", line)
                return
            if self.observed is not None and frame.code.path is None:
                self.observed.lines.add(line)
            if not self.operations % 8:
                self.rendering.bound(frame.vars.values())

    # frames

    def enter(self, frame: Frame) -> None:
        """Begin or resume a frame, with its `call` event."""
        self.stirred += 1
        self.depth += 1
        if self.depth + self.unseen + self.below + self.slack > self.limits.depth and not self.aside:
            self.depth -= 1
            self.too_deep()
        if self.started and not self.entered and (self.targets is None or frame.code in self.targets):
            if self.doomed is not None:
                raise GaveUp(self.doomed)
            self.entered = True
            self.tracing = True
            frame.given = True
        if frame.given or self.away:
            around = self.around()
            frame.depth = around.depth + 1 if around is not None else 0 if frame.given else 1
            self.base = self.depth - frame.depth
            self.away = self.away and not frame.given
        else:
            frame.depth = max(self.depth - self.base, 1)
        frame.traced = self.tracing
        self.frame = frame
        if self.tracing and self.muted is None:
            self.asked = False
            self.fresh = "given" if frame.given and not frame.shown else "computed"
            self.show(frame, "call", frame.line)
            self.fresh = "computed"
        if frame.given and not self.followed:
            self.taint()
        self.operations += 1
        if not self.operations % CHECK_EVERY:
            self.check()

    def around(self) -> Frame | None:
        """The innermost frame on the stack that is of the trace."""
        frame = self.frame
        while frame is not None and not frame.traced:
            frame = frame.caller
        return frame

    def too_deep(self) -> NoReturn:
        """A call is nested deeper than CPython allows, or may be."""
        frame = self.frame
        certain = self.slack == 0 and not self.deeper
        while certain and frame is not None:  # generators are resumed and class bodies run by calls in C as well
            certain = not frame.code.suspends and not isinstance(frame.code.node, ast.ClassDef)
            frame = frame.caller
        if not certain:
            raise GaveUp("calls are nested about as deep as Python allows")
        error: Any = RecursionError("maximum recursion depth exceeded")
        error.of_user = True
        raise error

    def handles(self, error: BaseException) -> None:
        """An exception has come to a block that may handle it."""
        if is_a(error, RecursionError | MemoryError) and not getattr(error, "of_user", False):
            raise too_much(error) from None
        if is_a(error, RecursionError) and self.depth + self.unseen + self.below + NEAR > self.limits.depth:
            raise GaveUp("a RecursionError is handled where hardly any depth is left")

    def raised(self, frame: Frame, error: BaseException) -> None:
        """Show the `exception` event of an exception that surfaces in `frame`, once."""
        if is_a(error, GeneratorExit) and not self.lively:
            raise Abandoned
        if id(error) not in (self.thrown, self.rising) and frame.seen is not error:
            cause = error.__cause__
            if isinstance(cause, GaveUp):
                raise cause
            if is_own(error) or isinstance(cause, Undetermined):
                raise GaveUp("an operation fails in a way that is not interpreted")
            if self.dialect is not None:
                self.translate(error, self.dialect)
        arrives, self.arriving = id(error) == self.arriving, 0
        if not arrives:
            self.correct(error)
        if not self.generators:
            self.show_exception(frame, error)
            return
        lifetimes.release(error, loops=False)
        rises = frame.seen is not error
        new = rises and id(error) != self.rising
        if self.held and not self.ending and not self.aside and rises:
            raise GaveUp("a generator ends while an exception rises")
        self.show_exception(frame, error)
        handled = frame.handled if rises else None
        if handled is not None and new and not arrives:
            lifetimes.add_context(error, handled)
        lifetimes.release(error, loops=True)

    def correct(self, error: BaseException) -> None:
        """Let an exception that surfaces tell what CPython would of how it was raised."""
        if error.__context__ is not None or error.__suppress_context__:
            lifetimes.as_raised(error)

    def translate(self, error: BaseException, dialect: Dialect) -> None:
        """Let an exception that builtin code has raised say what it says in the Python that would run the program."""
        given = arguments_of(error)
        if dialect.differs and given and (given[0] == "unhashable type: 'slice'" or type(given[0]) is slice):
            raise GaveUp("whether slices are hashable depends on the version of Python")
        if dialect.differs and (is_a(error, SyntaxError) or not dialect.raises_the_same(error)):
            self.poisoned[id(error)] = error
        elif len(given) == 1 and type(given[0]) is str and type(error) is not KeyError:
            text = dialect.message(error, given[0])
            if text is None:
                self.poisoned[id(error)] = error
            elif text != given[0]:
                error.args = (text,)

    def unwind(self, frame: Frame, error: BaseException, caller: Frame | None) -> None:
        """Leave a frame by an exception."""
        if is_a(error, RecursionError | MemoryError) and not getattr(error, "of_user", False):
            raise too_much(error) from None
        self.raised(frame, error)
        self.follow(frame, error, caller)
        if not self.ending:
            self.rising = id(error) if frame.traced and frame.code.path is None else 0
        if frame.traced and self.tracing and self.muted is None:
            self.visit(frame)
            self.emit(self.valued("return", frame, "None", self.now))
        frame.seen = None
        self.depth -= 1
        self.frame = caller
        if caller is not None and not frame.dying:  # nobody gets to see what a frame raises at its end
            caller.seen = None

    def follow(self, frame: Frame, error: BaseException, caller: Frame | None) -> None:
        """Note that an exception leaves a frame for its caller."""
        if self.trail_of != (id(error), id(frame)):
            self.trail = []
        self.trail_of = id(error), id(caller)
        if frame.code.home is not None and len(self.trail) < MOST_TRAIL:
            self.trail.append((frame.code.home.module_name, frame.code.name, frame.line))

    @property
    def now(self) -> Provenance:
        return "predicted" if self.tainted else "computed"

    def run(self, frame: Frame) -> Any:
        """Run a function's frame from `call` to `return`; gives the value."""
        code = frame.code
        if code.body is None:
            assert code.compile is not None
            code.body = code.compile()
        caller = self.frame
        if code.foreign:
            return self.run_untraced(frame, caller)
        self.enter(frame)
        frame.caller = caller
        try:
            if self.visits is not None and self.visits.is_left_out(frame):
                value = self.left_out(frame)
            else:
                value = frame.result if code.body(frame) is RETURN else None
        except INTERNAL as problem:
            self.depth -= 1
            self.frame = caller
            if not self.unknowing.may_go_on(frame, problem):
                raise
            del problem  # what it holds on to would live longer
            return self.unknowing.give_up(frame)
        except BaseException as error:
            self.unwind(frame, error, caller)
            caller = frame.caller = None  # the traceback keeps this frame of ours, and must not keep the caller's
            if frame.given:
                self.end(error)
            raise
        if frame.traced and self.tracing:
            value = self.show_return(frame, value)
        self.depth -= 1
        self.frame, frame.caller = caller, None
        if frame.given:
            self.end()
        return value

    def left_out(self, frame: Frame) -> Any:
        """What a frame returns whose steps nobody wants: it is asked for. What they may have changed is not known."""
        name = frame.code.name
        reply = self.answer(Question("result", frame.line, frame.depth, name))
        if "line" not in reply:
            raise Exhausted(f"what {name} returns is not known")
        frame.line = int(reply["line"])
        self.tainted = True
        self.poison(frame.vars.values())
        self.unknowing.lost(frame)
        value = Unknown()
        if "value" in reply:
            tell(value, reply["value"], self.outside)
        return value

    def run_apart(self, frame: Frame) -> Any:
        """`run`, called by an operation of which it is not told what it changes: until this returns, nothing."""
        acting, self.acting = self.acting, 0
        self.acts += 1
        try:
            return self.run(frame)
        finally:
            self.acting = acting

    def run_untraced(self, frame: Frame, caller: Frame | None) -> Any:
        """Run a frame that is stepped over."""
        self.frame, frame.caller = frame, caller
        self.unseen += 1
        home = frame.code.home
        if home is None or home.stepped_over:
            self.stirred += 1
        if self.depth + self.unseen + self.below + self.slack > self.limits.depth and not self.aside:
            self.unseen -= 1
            self.frame = caller
            self.too_deep()
        self.tick()
        try:
            return frame.result if frame.code.body(frame) is RETURN else None
        except INTERNAL as problem:
            self.frame = caller
            if not self.unknowing.may_go_on(frame, problem):
                raise
            del problem
            return self.unknowing.give_up(frame)
        except BaseException as error:
            self.correct(error)
            self.follow(frame, error, caller)
            raise
        finally:
            self.unseen -= 1
            self.frame, frame.caller = caller, None

    def end(self, error: BaseException | None = None) -> NoReturn:
        """The traced call is left, by `error` if it did not return: the trace is complete."""
        self.release_held()
        self.tracing = False
        if error is not None and self.raised_at is not None:
            self.raised_at = lifetimes.place(error, self.raised_at)
        self.left = Left(self.returned, error)
        raise self.left

    @contextmanager
    def trusting(self, frame: Frame) -> Iterator[None]:
        """Let a frame evaluate an annotation."""
        before, self.trusted = self.trusted, frame
        try:
            yield
        finally:
            self.trusted = before


lifetimes.FRAMES.add(Runtime.run.__code__)
