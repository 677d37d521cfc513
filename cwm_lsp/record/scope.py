"""What a recording is of: files, activations of their scopes, and how much.

Standard library only, Python 3.8 and newer.
"""

# ruff: noqa: PTH117, PTH118, PTH120, PTH206  `os` is what is loaded already
from __future__ import annotations

import os
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["USUAL", "Files", "Limits", "Scope", "Stopped"]

if TYPE_CHECKING:
    from .reach import Reach

    Record = list[Any]
    Marks = dict[str, str]

_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class Limits:
    """Where a recording ends, and how much of a value is kept."""

    events: int = 20_000
    """Most events of one trace."""
    size: int = 64 << 20
    """Most bytes of one trace."""
    value: int = 4_096
    """Most characters of one value, about."""
    insides: int = 8
    """Visits of a line at which it is told what a value holds that does not show."""
    repr_seconds: float = 0.5
    """Most time for one `__repr__` of the program's own."""
    memory: int = 4 << 30
    """Most bytes of memory that the program and the processes it starts may hold."""
    output: int = 4 << 20
    """Most bytes that the program may print."""
    file_size: int = 1 << 30
    """Most bytes of one file that it may write."""
    open_files: int = 4_096
    """Most files that one of its processes may have open."""
    processes: int = 4_096
    """Most processes and threads that the user may have while it starts one."""
    until: Sequence[Any] | None = None
    """Where the program is to end, before the line runs: line, name of the code object, file (None: the traced one),
    and at which visit."""


USUAL = Limits()
"""Where nothing else is said."""


class Files(dict):  # type: ignore[type-arg]  # in Python 3.8 it takes no parameters
    """`co_filename` → what is recorded of that code: None nothing; "" the traced file; else the path of another file.

    Other files are recorded where there is a `workspace` (a folder) and they are the user's own in it: no library, no
    hidden folder's.
    """

    def __init__(self, filename: str, workspace: str | None = None) -> None:
        super().__init__({filename: ""})
        self._workspace = os.path.join(os.path.realpath(workspace), "") if workspace else None
        self._library = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")

    def __missing__(self, filename: str) -> str | None:
        found = self[filename] = filename if self._is_in_workspace(filename) else None
        return found

    def _is_in_workspace(self, filename: str) -> bool:
        if self._workspace is None or not os.path.isabs(filename):
            return False
        path = os.path.realpath(filename)
        if not path.startswith(self._workspace) or path.startswith(self._library):
            return False
        folders = path[len(self._workspace) :].split(os.sep)
        return not any(folder.startswith(".") or folder in _INSTALLED for folder in folders)


class Until:
    """Passes records on, up to where the program is to end."""

    def __init__(self, until: Sequence[Any], emit: Callable[[list[Any]], None], end: Callable[[str], None]) -> None:
        self._line, self._name, self._path, self._left = until
        self._emit = emit
        self._end = end
        self._scopes: list[tuple[str, str | None]] = []

    def emit(self, record: list[Any]) -> None:
        self._emit(record)
        kind = record[0]
        if kind == "c" or kind == "s":
            depth = record[1]
            del self._scopes[depth:]
            self._scopes += [("", None)] * (depth - len(self._scopes))
            self._scopes.append((record[3], record[6] if len(record) > 6 else None))
        elif kind == "l" and record[2] == self._line and self._scopes[record[1]] == (self._name, self._path):
            self._left -= 1
            if not self._left:
                self._end("the run was to come so far")


class Stopped(BaseException):
    """Raised inside the recorded program when a limit is reached."""


class Scope:
    """One activation of a code object: from its entry or resumption to its return or suspension."""

    # fmt: off
    __slots__ = (
        "calls", "depth", "frame", "is_given", "is_vague", "line", "loose", "marks", "namespace", "raised_at",
        "raised_on", "reach", "texts",
    )
    # fmt: on

    def __init__(self, frame: types.FrameType, reach: Reach, depth: int, texts: dict[str, str]) -> None:
        self.frame = frame
        self.reach = reach
        self.depth = depth
        self.texts = texts
        self.loose: dict[str, bytes | None] = {}
        """Names of values that may change, and their fingerprints."""
        self.is_vague = False
        """Whether some have none, or hold what may change by itself."""
        self.marks: Marks = {}
        self.namespace: dict[str, Any] | None = None
        """What the frame's `f_locals` is, where that is kept."""
        self.is_given = False
        """Whether `locals()` has given it to the program."""
        self.calls = 0
        """Those that had been made when its locals were last looked at."""
        self.raised_at = -1
        self.raised_on = 0
        """Where, in the code and on which line, its last event is an exception."""
        self.line: int | None = None
        """That runs; None where more than one may have run."""
