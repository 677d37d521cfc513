"""What the repr of an exception, as `sys.settrace` reports it, tells of its type and message; how one ends a call."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Sequence

from .events import Event

_TRIPLE = re.compile(r"\(<class '(?P<type>[^']*)'>, (?P<value>.*), (?:<traceback object[^>]*>|None)\)\Z", re.DOTALL)
_LONGEST = 100_000


def described(triple: str) -> tuple[str, str]:
    """Type name and message (`str` of the exception) of the repr of settrace's triple.

    The message of an exception whose arguments are not literals is their text.
    """
    match = _TRIPLE.match(triple)
    if match is None:
        return "", triple
    name = match["type"].rpartition(".")[2]
    constructor, _, arguments = match["value"].partition("(")
    if not match["value"].endswith(")") or constructor.rpartition(".")[2] != name:
        return name, match["value"]  # a `__repr__` of its own
    arguments = arguments[:-1]
    values = _literals(arguments)
    if values is None:
        return name, arguments
    builtin = getattr(builtins, name, None) if "." not in match["type"] else None
    if not (isinstance(builtin, type) and issubclass(builtin, BaseException)):
        builtin = Exception
    try:
        return name, str(builtin(*values))
    except (TypeError, ValueError):
        return name, arguments


def exception_repr(triple: str) -> str:
    """The repr of the exception itself."""
    match = _TRIPLE.match(triple)
    return match["value"] if match else triple


def _literals(arguments: str) -> tuple[object, ...] | None:
    if len(arguments) > _LONGEST:
        return None
    try:
        value = ast.literal_eval(f"({arguments},)") if arguments.strip() else ()
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, tuple) else None


def unwinding(events: Sequence[Event]) -> list[Event]:
    """The `exception` events of the exception that ends a trace: where it is raised first, then its callers."""
    chain: list[Event] = []
    for event in reversed(events):
        if event.kind == "exception" and (not chain or event.depth == chain[-1].depth + 1):
            chain.append(event)
        elif event.kind != "return":
            break
    return chain[::-1]
