"""The messages of the Debug Adapter Protocol that are sent, and the reading of those that come.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

if TYPE_CHECKING:  # Python 3.10 has none
    from typing_extensions import NotRequired

Message = dict[str, Any]
Body = Mapping[str, Any]
Reason = Literal["entry", "step", "breakpoint", "function breakpoint", "data breakpoint", "exception", "pause", "goto"]

Kind = TypeVar("Kind")

THREAD = 1
"""The number of the one thread that there is."""


class Refused(Exception):
    """A request that cannot be answered: the message is a sentence for a person."""


class Stale(Refused):
    """The same, about what was there at an earlier stop: the client asked before it knew of the next one, which is
    nothing to tell a person."""


class Source(TypedDict):
    """A file."""

    name: str
    path: str


class StackFrame(TypedDict):
    """A scope that is being run, or a note about them."""

    id: int
    name: str
    line: int
    column: int
    source: NotRequired[Source]
    presentationHint: NotRequired[str]
    canRestart: NotRequired[bool]


class Scope(TypedDict):
    """A group of variables."""

    name: str
    presentationHint: str
    variablesReference: int
    namedVariables: int
    expensive: bool


class Hint(TypedDict):
    """How something is shown. `attributes` has where a value comes from, as the command line's JSON names it, and
    `readOnly` where it cannot be set."""

    attributes: list[str]


class Described(TypedDict):
    """What is told of a value beside its text."""

    type: str
    variablesReference: int
    presentationHint: Hint
    namedVariables: NotRequired[int]
    indexedVariables: NotRequired[int]


class Variable(Described):
    """A name and its value."""

    name: str
    value: str
    evaluateName: NotRequired[str]


class Breakpoint(TypedDict):
    """A breakpoint as it was set."""

    id: NotRequired[int]
    verified: bool
    line: NotRequired[int]
    message: NotRequired[str]


class Stopped(TypedDict):
    """The body of a `stopped` event."""

    reason: Reason
    threadId: int
    allThreadsStopped: bool
    description: NotRequired[str]
    text: NotRequired[str]
    hitBreakpointIds: NotRequired[list[int]]


_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def needed(arguments: Body, name: str, kind: type[Kind]) -> Kind:
    """An argument that must be there.

    Raises:
        Refused: it is missing, or of another kind.
    """
    value = optional(arguments, name, kind)
    if value is None:
        raise Refused(f'"{name}" is missing: it is {_NAMES[kind]}')
    return value


def optional(arguments: Body, name: str, kind: type[Kind]) -> Kind | None:
    """An argument that may be missing, or null.

    Raises:
        Refused: it is of another kind.
    """
    value = arguments.get(name)
    if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return value
    raise Refused(f'"{name}" must be {_NAMES[kind]}')


def thread(arguments: Body) -> None:
    """Check which thread is meant: there is one.

    Raises:
        Refused: it is another one.
    """
    number = needed(arguments, "threadId", int)
    if number != THREAD:
        raise Refused(f"there is no thread {number}")


def natural(arguments: Body, name: str) -> int:
    """A number that may be missing, which is 0.

    Raises:
        Refused: it is negative, or no number.
    """
    number = optional(arguments, name, int) or 0
    if number < 0:
        raise Refused(f'"{name}" must not be negative')
    return number
