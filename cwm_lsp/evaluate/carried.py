"""Exceptions of the program on their way through generators of Python's own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NoReturn

from cwm_lsp.evaluate.code import Do, Frame, Run, Steps


class Carried(BaseException):
    """A `StopIteration` of the program on its way through Python's own generators, which would replace it."""

    def __init__(self, error: StopIteration) -> None:
        super().__init__(error)
        self.error = error


def original(error: BaseException) -> BaseException:
    return error.error if type(error) is Carried else error


def carry(error: BaseException) -> BaseException:
    return Carried(error) if isinstance(error, StopIteration) else error


def carrying(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)` inside a generator."""
    try:
        return function(*args)
    except StopIteration as error:
        raise Carried(error) from None


def raise_as_is(error: BaseException) -> NoReturn:
    """Raise an exception whose context stays what it is, as instructions that raise one again do."""
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context


def steps_of(run: Run | Do) -> Steps:
    """Something that does not suspend, as if it did."""

    def steps(frame: Frame) -> Generator[Any, Any, Any]:
        return carrying(run, frame)
        yield

    return steps
