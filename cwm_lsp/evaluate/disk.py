"""What lies in a project's folder, for programs that ask for it: all the I/O that is done for an evaluated program.

Looked at are files and folders inside of the project's folder, wherever links lead. What is hidden or installed is left
alone, as are devices, pipes and sockets.
"""

from __future__ import annotations

import functools
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cwm_lsp.source.environment import INSTALLED

BYTES = 1 << 20
"""A larger file is not read."""
ENTRIES = 10_000
"""A folder with more is not listed."""
MADE = "__pycache__"
"""What a run itself may make in a folder of modules."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)

Kind = Literal["file", "folder"]


class Untold(Exception):
    """What is asked for is outside of the project, not to be looked at, or cannot be read."""


@dataclass(frozen=True)
class Disk:
    """The files of a project, whose folder is the working folder of its runs."""

    root: Path
    """Absolute."""

    @functools.cached_property
    def folder(self) -> str:
        """The working folder as `os.getcwd` gives it: without links."""
        return os.path.realpath(self.root)

    def real(self, path: str) -> str:
        """An absolute path without links and dots. Raises `Untold` for one that is not to be looked at."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            raise Untold from None
        folder = self.folder
        if real != folder and not real.startswith(os.path.join(folder, "")):  # noqa: PTH118  no paths are needed
            raise Untold
        inside = Path(real[len(folder) :].lstrip(os.sep)).parts
        if any(part.startswith(".") or part in INSTALLED or part == MADE for part in inside):
            raise Untold
        return real

    def kind(self, path: str) -> Kind | None:
        """What is at an absolute path; None for nothing. Raises `Untold`."""
        real = self.real(path)
        try:
            mode = os.stat(real).st_mode  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            raise Untold from None
        if stat.S_ISREG(mode):
            return "file"
        if stat.S_ISDIR(mode):
            return "folder"
        raise Untold

    def data(self, path: str) -> bytes:
        """What is in a file. Raises `Untold`, FileNotFoundError, NotADirectoryError or IsADirectoryError."""
        real = self.real(path)
        try:
            file = os.open(real, _FLAGS)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise
        except OSError:
            raise Untold from None
        try:
            mode = os.fstat(file).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError
            if not stat.S_ISREG(mode):
                raise Untold
            held = bytearray()
            while len(held) <= BYTES:
                more = os.read(file, BYTES + 1 - len(held))
                if not more:
                    return bytes(held)
                held += more
            raise Untold
        except IsADirectoryError:
            raise
        except OSError:
            raise Untold from None
        finally:
            os.close(file)

    def names(self, path: str) -> list[str]:
        """The names of what is in a folder, sorted. Raises `Untold`."""
        real = self.real(path)
        try:
            found = sorted(os.listdir(real))  # noqa: PTH208
        except OSError:
            raise Untold from None
        if len(found) > ENTRIES:
            raise Untold
        return found
