"""Frames that are left for a while and come back: how generators and coroutines are entered, thrown into and ended.

A frame that suspends runs as a generator of Python's own, its *body*. A `generator` of the program is that body
itself; a coroutine or an asynchronous generator has it inside (`coroutines`). Whatever is passed on from one to the
next follows `Objects/genobject.c` of CPython 3.11, as far as it shows in a trace: which frames are entered, with what,
and how deep they are.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import lifetimes
from cwm_lsp.evaluate.async_generators import AsyncGenerator
from cwm_lsp.evaluate.carried import carry, original
from cwm_lsp.evaluate.code import RETURN, Frame
from cwm_lsp.evaluate.coroutines import CodeView, Coroutine, FrameView
from cwm_lsp.evaluate.values import INTERNAL, MISSING, Abandoned, GaveUp, Left, Undetermined, Unknown, is_a
from cwm_lsp.trace.events import Event

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context


MONITORED = (3, 12)
"""From here on, a body that was never resumed is closed without being entered, and the end of a generator without a
value is an exception to a trace only where it is awaited."""
NEVER = Event("line", 0, 0, "")
"""Is held back so that no event comes any more."""


class Thrown(BaseException):
    """What the program throws into a body, on its way there.

    Where the body only passes it on, it is still the arguments of `throw`, of which no exception has been made.
    """

    def __init__(
        self,
        arguments: tuple[Any, ...],
        error: BaseException | None = None,
        *,
        closes: bool = True,
        dying: bool = False,
    ) -> None:
        super().__init__()
        self.arguments = arguments
        self.error = error
        self.closes = closes
        """A `GeneratorExit` closes what the body is waiting for, before it comes to the body itself."""
        self.dying = dying
        """Nobody has thrown it: nothing refers to the body any more."""


class Escaped:
    """What a body yields where an exception goes past it to whoever threw one in: it stays suspended."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Suspension:
    """The suspended frames of one evaluation."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.frames: weakref.WeakKeyDictionary[Any, Frame] = weakref.WeakKeyDictionary()
        """The frame of each body."""
        self.runtime.unknowing.frames = self.frames
        self.watched: set[Any] = set()
        """Weak references to generators, to tell when one goes that was never resumed."""

    def make(self, frame: Frame) -> Any:
        """What calling a generator or coroutine function gives."""
        code = frame.code
        body: Any = self.running(frame)
        self.frames[body] = frame
        self.runtime.generators = True
        self.runtime.awaits = self.runtime.awaits or code.is_async
        if code.is_async:
            kind = AsyncGenerator if code.is_generator else Coroutine
            made: Any = kind(self, frame, body)
        else:
            made = body
        made.__name__, made.__qualname__ = code.name, code.qualname
        frame.reference = weakref.ref(body)
        if code.is_generator:
            self.watched.add(weakref.ref(body, lambda reference: self.gone(reference, frame)))
        return made

    def gone(self, reference: Any, frame: Frame) -> None:
        """Nothing refers to a body any more."""
        self.watched.discard(reference)
        if not frame.started:
            self.never_started(frame)

    @property
    def hooks(self) -> tuple[Any, Any]:
        """What the event loop wants to be told of asynchronous generators: their first use, and their end."""
        hooks = sys.get_asyncgen_hooks()
        return hooks.firstiter, hooks.finalizer

    def broken(self, reason: BaseException) -> None:
        """A step of a task gives up, which the task itself takes for an exception of the program's."""
        if asyncio._get_running_loop() is not None and self.runtime.left is None:
            self.give_up(str(reason) or "a task depends on something that cannot be known")

    def give_up(self, reason: str) -> None:
        """Where nothing can be raised: the evaluation ends before the next event."""
        self.runtime.doomed = reason
        self.runtime.held.append(NEVER)

    # from outside

    def about(self, body: Any, name: str) -> Any:
        """An attribute of a generator."""
        frame = self.frames.get(body)
        if name in ("__name__", "__qualname__", "gi_running"):
            return getattr(body, name)
        if frame is None or name not in ("gi_frame", "gi_code", "gi_yieldfrom"):
            raise Undetermined
        if name == "gi_code":
            return CodeView(frame)
        if name == "gi_frame":
            return None if body.gi_frame is None else FrameView(frame)
        return None if frame.delegate is MISSING else frame.delegate

    def throw(self, body: Any, arguments: tuple[Any, ...], *, closes: bool = True) -> Any:
        """Throw into a body: `gen.throw(*arguments)`."""
        frame = self.frames.get(body)
        if frame is None or body.gi_running:
            return body.throw(*arguments)
        if frame.delegate is not MISSING:
            thrown = Thrown(arguments, closes=closes)
        else:
            error = self.exception(arguments)
            if body.gi_frame is None:
                raise error
            if not frame.started:
                self.enter_to_leave(frame, error)
                self.over(frame, error)
                body.close()
                raise frame.code.leaving(error)
            thrown = Thrown(arguments, error)
        value = body.throw(thrown)
        if type(value) is Escaped:
            raise value.error
        return value

    def close(self, body: Any, kind: str = "generator") -> None:
        """End a body, of the program's own accord: `gen.close()`."""
        frame = self.frames.get(body)
        if frame is None:
            body.close()
            return
        if body.gi_frame is None:
            return
        if not frame.started:
            if self.runtime.target < MONITORED:
                self.enter_to_leave(frame, GeneratorExit())
            self.over(frame, GeneratorExit())
            body.close()
            return
        try:
            self.throw(body, (GeneratorExit,))
        except (StopIteration, GeneratorExit):
            return
        if kind == "coroutine":  # when it ends in the end is not followed
            raise GaveUp("a coroutine goes on although it is closed")
        raise RuntimeError(f"{kind} ignored GeneratorExit")

    def exception(self, arguments: tuple[Any, ...]) -> Any:
        """The exception that arguments of `throw` mean; raises TypeError where they mean none."""
        kind, value = (*arguments, None)[:2]
        if type(kind) is Unknown or type(value) is Unknown:
            raise GaveUp("what is thrown is not known")
        if is_a(kind, type) and issubclass(kind, BaseException):
            if is_a(value, kind):
                return value
            given = [] if value is None else list(value) if is_a(value, tuple) else [value]
            try:
                made = self.interpreter.calls.call(kind, given, {})
            except INTERNAL:
                raise
            except BaseException as error:
                return error
            if is_a(made, BaseException):
                return made
            return TypeError(
                f"calling {kind!r} should have returned an instance of BaseException, not {type(made).__name__}"
            )
        if not is_a(kind, BaseException):
            raise TypeError(
                f"exceptions must be classes or instances deriving from BaseException, not {type(kind).__name__}"
            )
        if value is not None:
            raise TypeError("instance exception may not have a separate value")
        return kind

    def enter_to_leave(self, frame: Frame, error: BaseException) -> None:
        """A body that was never resumed ends by an exception: CPython 3.11 enters it for that."""
        frame.started = True
        caller = self.runtime.frame
        self.runtime.enter(frame)
        self.runtime.unwind(frame, error, caller)

    def over(self, frame: Frame, error: BaseException | None = None, *, seen: bool = True) -> None:
        """A frame is through, which may be the end of the trace; `seen` if that can be raised."""
        if frame.given:
            try:
                self.runtime.end(error)
            except Left:
                if seen:
                    raise

    def never_started(self, frame: Frame) -> None:
        """A generator goes that was never resumed."""
        runtime = self.runtime
        if not self.runtime.lively or frame.code.foreign:
            return
        runtime.ending += 1
        try:
            if runtime.target < MONITORED:
                self.enter_to_leave(frame, GeneratorExit())
        except INTERNAL as reason:
            self.give_up(str(reason))
        finally:
            runtime.ending -= 1
        self.over(frame, GeneratorExit(), seen=False)

    # from inside

    def running(self, frame: Frame) -> Generator[Any, Any, Any]:
        """The body of a frame."""
        runtime, code = self.runtime, frame.code
        if code.body is None:
            assert code.compile is not None
            code.body = code.compile()
        frame.started = True
        frame.operands = {}
        frame.caller = runtime.frame
        if code.foreign:
            runtime.frame = frame
            try:
                signal = yield from code.body(frame)
            except Undetermined:
                runtime.unknowing.lost(frame)
                raise
            finally:
                runtime.acts += 1
                runtime.frame, frame.caller = frame.caller, None
            return frame.result if signal is RETURN else None
        runtime.enter(frame)
        steps = code.body(frame)
        taken: list[Any] = [None]
        thrown: list[BaseException] = []
        try:
            while True:  # `yield from` would have Python end the steps, one by one from the inside, before this frame
                try:
                    taken.append(steps.throw(thrown.pop()) if thrown else steps.send(taken.pop()))
                except StopIteration as end:
                    signal = end.value
                    break
                try:
                    taken.append((yield taken.pop()))
                except BaseException as error:
                    if not runtime.lively:
                        raise Abandoned from None
                    if is_a(error, GeneratorExit):  # which Python would close the steps for as well
                        thrown.append(Thrown((error,), error, dying=frame.reference() is None))
                    else:
                        thrown.append(error)
        except Abandoned:
            raise
        except INTERNAL as reason:
            if frame.caller is not None:  # it is not suspended
                runtime.depth -= 1
                runtime.frame = frame.caller
            if not runtime.tracing:
                runtime.unknowing.lost(frame)
            if self.left(frame):
                self.give_up(str(reason))
                return None
            raise
        except BaseException as error:
            runtime.unwind(frame, original(error), frame.caller)
            frame.caller = None
            dying = self.left(frame)
            rising = code.leaving(original(error))
            self.over(frame, rising, seen=not dying)
            if dying:
                frame.clear()
                del rising  # a cycle would keep it alive, and with it what its frames hold
                return None  # nobody gets to see what it has raised
            _kept = frame.clear()  # for as long as the exception is there, whose traceback has this frame of ours
            if rising is error:
                del rising  # a cycle would keep it alive
                raise
        else:
            value = frame.result if signal is RETURN else None
            if frame.traced and runtime.tracing:
                value = runtime.show_return(frame, value)
            runtime.depth -= 1
            runtime.frame, frame.caller = frame.caller, None  # what has ended may be kept, and its caller must not be
            self.over(frame, seen=not self.left(frame))
            frame.clear()
            if runtime.held and not runtime.ending:
                runtime.release_held()
            return value
        context = rising.__context__
        try:
            raise rising
        finally:
            rising.__context__ = context
            del rising, context

    def suspend(self, frame: Frame, value: Any) -> Any:
        """A frame yields: it is left for now."""
        runtime = self.runtime
        runtime.acts += 1
        if frame.code.foreign:
            runtime.frame, frame.caller = frame.caller, None
            return value
        if frame.traced and runtime.tracing:
            value = runtime.show_return(frame, value)
        runtime.depth -= 1
        runtime.away = runtime.away or frame.given
        runtime.frame, frame.caller = frame.caller, None  # a cycle would put off the generator's end
        if self.left(frame):
            self.give_up("a generator goes on although nothing refers to it any more")
            raise Abandoned
        return value

    def left(self, frame: Frame) -> bool:
        """A frame is left; gives whether it was entered for its end alone."""
        self.runtime.acts += 1
        if not frame.dying:
            return False
        frame.dying = False
        self.runtime.ending -= 1
        return True

    def resume(self, frame: Frame, *, dying: bool = False, told: bool = True) -> None:
        """A frame goes on; `dying` if that is because nothing refers to it any more, `told` by a `call` event."""
        runtime = self.runtime
        runtime.acts += 1
        if not self.runtime.lively:
            raise Abandoned
        frame.caller = runtime.frame
        frame.seen = None
        if frame.code.foreign:
            runtime.frame = frame
            return
        if dying:
            frame.dying = True
            runtime.ending += 1
        if told:
            runtime.enter(frame)
            return
        with runtime.untraced():
            runtime.enter(frame)
        frame.traced = runtime.tracing

    def arrived(self, frame: Frame, error: BaseException) -> BaseException:
        """An exception comes to a frame that has yielded; gives the one to raise in it."""
        thrown = error if type(error) is Thrown else None
        found = error if thrown is None or thrown.error is None else thrown.error
        self.resume(frame, dying=thrown is not None and thrown.dying)
        self.thrown_into(frame, found)
        return carry(found)

    def thrown_into(self, frame: Frame, error: BaseException) -> None:
        """An exception is about to be raised in a frame by another one, whose own exceptions are no context of it."""
        self.runtime.arriving = id(original(error))
        if frame.handling:
            lifetimes.set_context(original(error), frame.handling[-1])

    def yielding(self, frame: Frame, value: Any) -> Generator[Any, Any, Any]:
        """`yield value`."""
        leaving = [self.suspend(frame, value)]
        value = None
        problem: BaseException | None = None
        try:
            sent = yield leaving.pop()
        except BaseException as error:
            problem = self.arrived(frame, error)
        if problem is None:
            self.resume(frame)
            return sent
        context = problem.__context__
        try:
            raise problem
        finally:
            problem.__context__ = context
            del problem, context


lifetimes.FRAMES.add(Suspension.running.__code__)
