"""What a command is asked to work on: a file, a function in it and a call of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp.callers import callers
from cwm_lsp.errors import UserError
from cwm_lsp.source.bind import outer_function
from cwm_lsp.source.calls import Call, bind, candidates
from cwm_lsp.source.environment import layout, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, default_function, find

if TYPE_CHECKING:
    from cwm_lsp.evaluate import Evaluator

# A Windows drive letter (`C:\a.py`) has a path separator behind its colon, so it is not taken for a function.
_FUNCTION = re.compile(r"::?(?P<name>\d+|[^\W\d]\w*(?:(?:\.|::)[^\W\d]\w*)*)$")


@dataclass(frozen=True, slots=True)
class Target:
    """One call of one function, checked without running anything."""

    path: str
    """The file, as the user named it."""
    source: str
    function: Function
    call: Call


def split(target: str) -> tuple[str, str | None]:
    """`FILE[:FUNCTION]` → the file and the function's name, if one is given: also a line of it, or a pytest node id."""
    match = _FUNCTION.search(target)
    if match is None or Path(target).is_file():
        return target, None
    return target[: match.start()], match["name"].replace("::", ".")


def resolve(path: str, name: str | None, call: str | None) -> Target:
    """Read the file, find the function and the call. By default: the only function there is, the best call known of it.

    Raises:
        UserError: there is no such file or function, the file cannot be read, or the call does not fit the function.
    """
    source = read_source(Path(path))
    function = find(source, name, path) if name else default_function(source, path)
    if call is not None:
        bind(call, function, source)
        return Target(path, source, function, Call(call, "typed", None, None))
    absolute = os.path.abspath(path)  # noqa: PTH100  links are kept, as in the names of modules
    around = callers(absolute, [project(Path(absolute))])
    found = candidates(source, function, path=absolute, tests=around.tests, callers=around.others)
    if not found:
        is_test = function.name.startswith("test") and function.parameters
        instead = f"; what pytest gives it, `cwm-lsp verify {path}` knows" if is_test else ""
        raise UserError(f"no call of {function.qualname} is known: give one with --call '{function.name}(…)'{instead}")
    return Target(path, source, function, _offered(absolute, source, function, found))


def _offered(path: str, source: str, function: Function, found: Sequence[Call]) -> Call:
    """The best of the calls that are found. The evaluator is asked where it is not plain that one fits."""
    is_inside = outer_function(function, source) is not None
    if not (is_inside or found[0].indirect or found[0].origin == "defaults"):
        return found[0]
    from cwm_lsp.evaluate import Around
    from cwm_lsp.offering import Offering

    module = layout(Path(path), source).module
    return Offering(source, function, module, Around(path), _evaluator()).best(found)


@cache
def _evaluator() -> Evaluator:
    from cwm_lsp.evaluate import Evaluator

    return Evaluator()


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a batch file."""

    number: int
    """1-based line in the batch file."""
    row: Mapping[str, Any]
    """What could be read of the row."""
    problem: str | None = None
    """Why the row cannot be used."""

    def resolve(self) -> Target:
        """The row's target.

        Raises:
            UserError: the row is malformed, or what it names is.
        """
        if self.problem is not None:
            raise UserError(self.problem)
        return resolve(self.row["path"], self.row.get("function"), self.row.get("call"))


def cases(batch: Path) -> list[Case]:
    """The rows of a JSON Lines file, paths relative to the working folder; a malformed row is a case with a problem.

    Raises:
        UserError: the file cannot be read.
    """
    lines = read_lines(batch)
    return [_case(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def read_lines(path: Path) -> list[str]:
    """The lines of a JSON Lines file.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); JSON Lines files are") from error


def _case(number: int, line: str) -> Case:
    try:
        row = json.loads(line)
    except ValueError as error:
        return Case(number, {}, f"row {number} is not JSON: {error}")
    if not isinstance(row, dict):
        return Case(number, {}, f"row {number} is not an object with path, function and call")
    for name, needed in (("path", True), ("function", False), ("call", False)):
        if not isinstance(row.get(name), str) and (needed or row.get(name) is not None):
            return Case(number, row, f'row {number} needs "{name}" as a string')
    return Case(number, row)
