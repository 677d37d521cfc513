"""What a command is asked to work on: a file, a function in it and a call of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cwm_lsp.errors import UserError
from cwm_lsp.source.calls import Call, Origin, bind, candidates
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, default_function, find

# The tail of FILE:FUNCTION; a Windows drive letter (`C:\a.py`) has a path separator behind its colon, so it never matches.
_FUNCTION = re.compile(r":(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)$")


@dataclass(frozen=True, slots=True)
class Target:
    """One call of one function, checked without running anything."""

    path: str
    """The file, as the user named it."""
    source: str
    function: Function
    call: Call


def split(target: str) -> tuple[str, str | None]:
    """`FILE[:FUNCTION]` → the file and the function's name, if one is given."""
    match = _FUNCTION.search(target)
    if match is None or Path(target).is_file():
        return target, None
    return target[: match.start()], match["name"]


def resolve(path: str, name: str | None, call: str | None) -> Target:
    """Read the file, find the function (the only one, if none is named) and the call (the best candidate, if none is given).

    Raises:
        UserError: there is no such file or function, the file cannot be read, or the call does not fit the function.
    """
    source = read_source(Path(path))
    function = find(source, name, path) if name else default_function(source, path)
    if call is not None:
        bind(call, function, source)
        return Target(path, source, function, Call(call, "typed", None, None))
    found = candidates(source, function, path=path)
    if not found:
        raise UserError(f"no call of {function.qualname} is known: give one with --call '{function.name}(…)'")
    return Target(path, source, function, found[0])


def described(origin: Origin) -> str:
    """Where a call comes from, in words for a person."""
    return {
        "typed": "as given",
        "recorded": "last recorded",
        "doctest": "from its doctest",
        "test": "from a test",
        "main": 'from the file\'s "__main__" block',
        "assertion": "from an assertion",
        "defaults": "made up from defaults and type hints",
    }[origin]
