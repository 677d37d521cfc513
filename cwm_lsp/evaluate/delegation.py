"""`yield from` and `await`: frames that wait for what others yield, and pass on what is thrown into them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import lifetimes
from cwm_lsp.evaluate.carried import carry
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.coroutines import Coroutine, LibraryCoroutine, Wrapper
from cwm_lsp.evaluate.lifetimes import raised_deeper
from cwm_lsp.evaluate.suspension import MONITORED, Escaped, Suspension, Thrown
from cwm_lsp.evaluate.values import INTERNAL, MISSING, Abandoned, GaveUp, Undetermined, Unknown, defines, is_a

if TYPE_CHECKING:
    pass

LINKED = (GeneratorType, Coroutine, CoroutineType, LibraryCoroutine)
"""Types of what an exception is passed on to within the frame that waits."""
TELLING = frozenset({"FutureIter", "anext_awaitable"})
"""Types in C whose end always is an exception."""


class Delegation(Suspension):
    """The suspended frames of one evaluation, and what they wait for."""

    def delegating(self, frame: Frame, items: Any) -> Generator[Any, Any, Any]:
        """`yield from items`, and `await` once it is known on what."""
        if type(items) is Unknown:
            raise GaveUp(f"line {frame.line}: what is waited for is not known")
        runtime = self.runtime
        taken: list[Any] = [None]
        try:
            while True:
                sent = taken.pop()
                frame.seen = None
                try:
                    taken.append(self.advance(items, sent))
                except StopIteration as end:
                    if self.shows(frame, items, sent, end):
                        runtime.raised(frame, end)
                        frame.seen = None
                    return end.value
                except Undetermined:
                    raise GaveUp(f"line {frame.line}: what is waited for is not known") from None
                sent = None
                frame.delegate = items
                taken.append(self.suspend(frame, taken.pop()))
                while True:
                    problem: BaseException | None = None
                    try:
                        taken.append((yield taken.pop()))
                    except BaseException as error:
                        problem = error
                    if problem is None:
                        self.resume(frame)
                        break
                    try:
                        taken.append(self.passed_on(frame, items, problem))
                    except INTERNAL:
                        raise
                    except Passed as passed:
                        self.resume(frame, told=False)
                        return passed.value
                    except Failed as failed:
                        if not failed.closing:
                            frame.delegate = items = MISSING
                        self.resume(frame, dying=failed.dying)
                        self.thrown_into(frame, failed.error)
                        problem = carry(failed.error)
                    else:
                        continue
                    context = problem.__context__
                    try:
                        raise problem
                    finally:
                        problem.__context__ = context
                        del context
                frame.delegate = MISSING
        finally:
            frame.delegate = MISSING
            problem = None

    def shows(self, frame: Frame, items: Any, sent: Any, end: StopIteration) -> bool:
        """Whether the end of what is waited for is an exception to a trace: generators in C end without one."""
        if self.runtime.target >= MONITORED and is_a(items, LINKED):
            return end.value is not None or frame.code.is_async
        if end.value is not None or sent is not None or not defines(type(items), "__next__"):
            return True
        if type(items).__name__ in TELLING:
            return True
        return type(items) not in (GeneratorType, Wrapper) and raised_deeper(end, 2)

    @staticmethod
    def advance(items: Any, sent: Any) -> Any:
        """What is waited for goes on, as the instruction `SEND` has it."""
        if sent is None and defines(type(items), "__next__"):
            return next(items)
        return getattr(items, "send")(sent)  # noqa: B009, an error is the program's

    def passed_on(self, frame: Frame, items: Any, problem: BaseException) -> Any:
        """An exception comes to a frame that waits for `items`, and is passed on to them; gives what they yield.

        Raises `Passed` where they end by it, and `Failed` where the frame itself goes on with an exception.
        """
        if not self.runtime.lively:
            raise Abandoned
        if not isinstance(problem, Thrown):
            problem = Thrown((type(problem), problem, problem.__traceback__))
        arguments, closes, dying = problem.arguments, problem.closes, problem.dying
        kind = arguments[0] if is_a(arguments[0], type) else type(arguments[0])
        if closes and issubclass(kind, GeneratorExit):
            around = self.runtime.frame
            seen = around.seen if around is not None else None
            self.runtime.ending += dying
            try:
                self.close_inner(items)
            except INTERNAL as reason:
                if not dying:
                    raise
                self.give_up(str(reason))
                raise Abandoned from None
            except BaseException as error:
                raise Failed(error, closing=True, dying=dying) from None
            finally:
                self.runtime.ending -= dying
                if dying and around is not None:
                    around.seen = seen
            raise Failed(self.exception(arguments), closing=True, dying=dying)
        inner = self.body_of(items)
        if inner is not None:
            throw: Callable[[], Any] = lambda: self.throw(inner, arguments, closes=closes)  # noqa: E731
        else:
            if self.runtime.target >= MONITORED and issubclass(kind, StopIteration):
                raise GaveUp(f"line {frame.line}: newer Pythons throw this in another way")
            try:
                method = getattr(items, "throw")  # noqa: B009
            except AttributeError:
                try:
                    raise Failed(self.exception(arguments)) from None
                except TypeError as wrong:
                    return Escaped(wrong)
            except INTERNAL:
                raise
            except BaseException as wrong:
                return Escaped(wrong)
            throw = self.from_outside(method, arguments)
        given = next((one for one in arguments if is_a(one, BaseException)), None)
        trace = given.__traceback__ if given is not None else None
        try:
            if not is_a(items, LINKED):
                return throw()
            with self.linked(frame):
                return throw()
        except INTERNAL:
            raise
        except StopIteration as end:
            if inner is None and self.runtime.target >= MONITORED:
                raise GaveUp(f"line {frame.line}: newer Pythons end what is waited for in another way") from None
            lifetimes.release(end, loops=True)
            end.__traceback__ = trace if end is given else lifetimes.EMPTY  # CPython never gives it the one that it had
            raise Passed(end.value) from None
        except BaseException as error:
            raise Failed(error) from None

    def body_of(self, value: Any) -> Any:
        """The body of a generator or coroutine of the program; None for anything else."""
        if is_a(value, Coroutine):
            return value.body
        return value if type(value) is GeneratorType and value in self.frames else None

    def close_inner(self, items: Any) -> None:
        """Close what a frame waits for."""
        if is_a(items, Coroutine):
            items.close()
        elif type(items) is GeneratorType:
            self.close(items)
        else:
            method = getattr(items, "close", None)
            if method is not None:
                self.from_outside(method, ())()

    def from_outside(self, method: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[[], Any]:
        """A call that does not come from the frame that waits, but from the one which throws into it.

        What it raises keeps its frames alive, which keep that one alive, and with it what its variables hold.
        """
        around = self.runtime.frame

        def call() -> Any:
            _ = around
            return method(*arguments)

        return call

    @contextmanager
    def linked(self, frame: Frame) -> Iterator[None]:
        """While something is thrown past a frame: it is there, but not resumed."""
        runtime = self.runtime
        caller, runtime.frame = runtime.frame, frame
        frame.caller = caller
        runtime.depth += 1
        try:
            yield
        finally:
            runtime.depth -= 1
            runtime.frame, frame.caller = caller, None


class Passed(BaseException):
    """What a frame waits for has ended by what was thrown into it."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Failed(BaseException):
    """A frame goes on with an exception."""

    def __init__(self, error: BaseException, *, closing: bool = False, dying: bool = False) -> None:
        super().__init__()
        self.error = error
        self.closing = closing
        """What it has waited for was closed."""
        self.dying = dying
        """Nothing refers to it any more."""
