"""`except*`: exception groups split among clauses, and put together again from what is left and raised anew."""

from __future__ import annotations

import builtins
import ctypes
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.carried import carry, carrying, original, raise_as_is
from cwm_lsp.evaluate.code import Frame, Run, Steps
from cwm_lsp.evaluate.layout.positions import Decide, Mark
from cwm_lsp.evaluate.values import INTERNAL, GaveUp, Unknown, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

GROUP: Any = getattr(builtins, "BaseExceptionGroup", None)
"""The type of all groups; None in a Python before 3.11, which parses no `except*`."""

NOT_STARRED = "catching ExceptionGroup with except* is not allowed. Use except instead."


Catch = Callable[[Frame, BaseException], None]


@dataclass(frozen=True)
class Part:
    """One compiled `except* kind as name: block`."""

    start: Mark
    kind: Run
    match: Mark
    take: Decide
    """The branch on whether it matches."""
    store: Callable[[Frame, BaseException], None]
    forget: Run
    raised: Mark
    """Where what the block raises is put aside."""
    block: Steps


@dataclass(frozen=True)
class Ending:
    """How a `try` with such clauses goes on after the last of them."""

    rest: Mark
    take: Decide
    """The branch on whether something is left to raise."""
    reraise: Mark


class Grouping:
    """What the instructions of `except*` do, as `ceval.c` and `exceptions.c` of CPython 3.11 have them."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def handle(
        self, frame: Frame, error: BaseException, clauses: Sequence[Part], ending: Ending, caught: Catch
    ) -> Generator[Any, Any, None]:
        """Let each clause have its part of `error`; raises what is left of it and what the clauses raise."""
        rest: BaseException | None = error
        left: list[BaseException] = []
        self.runtime.tracebacks.setdefault(id(error), object())
        frame.handling.append(error)
        try:
            for clause in clauses:
                part, rest = carrying(self.part, frame, rest, clause)
                if part is None:
                    continue
                frame.handling[-1] = part
                set_handled(part)
                clause.store(frame, part)
                del part
                try:
                    yield from clause.block(frame)
                except INTERNAL:
                    raise
                except BaseException as raised:
                    problem = original(raised)
                    caught(frame, problem)
                    clause.forget(frame)
                    clause.raised(frame)
                    left.append(problem)
                    del problem
                else:
                    clause.forget(frame)
            ending.rest(frame)
            result = carrying(self.joined, error, left if rest is None else [*left, rest])
        finally:
            frame.handling.pop()
        ending.take(frame, result is not None)
        if result is None:
            frame.seen = None
            return
        ending.reraise(frame)
        frame.seen = result
        raise_as_is(carry(result))

    def part(
        self, frame: Frame, rest: BaseException | None, clause: Part
    ) -> tuple[BaseException | None, BaseException | None]:
        """What a clause has of the exceptions that are left, and what is left then."""
        clause.start(frame)
        kind = clause.kind(frame)
        clause.match(frame)
        part, others = self.split(rest, kind)
        clause.take(frame, part is not None)
        return part, (rest if part is None else others)

    def split(self, rest: BaseException | None, kind: Any) -> tuple[BaseException | None, BaseException | None]:
        """`CHECK_EG_MATCH`."""
        kinds = kind if is_a(kind, tuple) else (kind,)
        if any(type(item) is Unknown for item in kinds):
            raise GaveUp("which exceptions are caught is not known")
        check_kinds(kinds)
        if any(issubclass(item, GROUP) for item in kinds):
            raise TypeError(NOT_STARRED)
        if rest is None:
            return None, None
        if is_a(rest, tuple(kinds)):
            return (rest if is_a(rest, GROUP) else self.made((rest,))), None
        if not is_a(rest, GROUP):
            return None, rest
        pair = self.interpreter.calls.call(self.interpreter.attributes.get(rest, "split"), [kind], {})
        if type(pair) is not tuple or len(pair) != 2 or not all(item is None or is_a(item, GROUP) for item in pair):
            raise GaveUp("how a group is split is not known")
        for item in pair:
            self.runtime.tracebacks[id(item)] = self.runtime.tracebacks[id(rest)]
        return pair

    def joined(self, group: BaseException, left: list[BaseException]) -> BaseException | None:
        """`PREP_RERAISE_STAR`: what is raised in the end, of what is left of `group` and of what the clauses raised.

        What was only passed on goes back to its places within the group.
        """
        if not left or not is_a(group, GROUP):
            return left[0] if left else None
        raised = [error for error in left if not self.is_passed_on(error, group)]
        leaves = {id(leaf) for error in left if not any(error is item for item in raised) for leaf in leaves_of(error)}
        if leaves:
            kept = self.interpreter.calls.native(
                GROUP.subgroup.__get__(group), [lambda error: not is_a(error, GROUP) and id(error) in leaves], {}
            )
            if not is_a(kept, GROUP):
                raise GaveUp("what is left of a group is not known")
            raised.append(kept)
        return raised[0] if len(raised) == 1 else self.made(raised)

    def made(self, errors: Sequence[BaseException]) -> BaseException:
        """A new group. It has no traceback, by which CPython takes it for a part of any other that has none."""
        group: BaseException = GROUP("", errors)
        self.runtime.tracebacks[id(group)] = None
        return group

    def is_passed_on(self, error: BaseException, group: BaseException) -> bool:
        """Whether an exception has the traceback, cause and context of `group`: nobody has raised it anew."""
        tracebacks = self.runtime.tracebacks
        return error is group or (
            tracebacks.get(id(error), error) is tracebacks[id(group)]
            and error.__cause__ is group.__cause__
            and error.__context__ is group.__context__
        )


def check_kinds(kinds: Sequence[Any]) -> None:
    """Raise the TypeError for what an `except` clause cannot catch."""
    if not all(is_a(item, type) and issubclass(item, BaseException) for item in kinds):
        raise TypeError("catching classes that do not inherit from BaseException is not allowed")


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in a group that are none."""
    if not is_a(error, GROUP):
        yield error
        return
    for inner in GROUP.exceptions.__get__(error):
        yield from leaves_of(inner)


def set_handled(error: BaseException) -> None:
    """Make an exception the one that is handled, which is the context of what is raised next."""
    ctypes.pythonapi.PyErr_SetHandledException(ctypes.py_object(error))


def run_through(steps: Generator[Any, Any, None]) -> None:
    """Go through steps of which none suspends."""
    try:
        next(steps)
    except StopIteration:
        return
    except BaseException as error:
        if original(error) is error:
            raise
        problem = original(error)
    raise_as_is(problem)
