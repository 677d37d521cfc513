"""Folders for a case's files. Where both ends of a recording are killed, the next start takes away what they left."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "cwm-lsp-case-"
_NEW_SECONDS = 60.0
"""A folder this young may be one whose owner is about to lock it."""


class Scratch:
    """A new temporary folder, locked as long as this process lives or until it is removed."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _locked(self.path)

    def remove(self) -> None:
        _remove(self.path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def reclaim() -> None:
    """Removes the folders whose owners are gone. Only where folders can be locked: not on Windows."""
    if sys.platform == "win32":
        return
    with os.scandir(tempfile.gettempdir()) as entries:
        found = [entry for entry in entries if entry.name.startswith(_PREFIX)]
    for entry in found:
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _NEW_SECONDS:
                continue
            lock = _locked(Path(entry.path))
            if lock is not None:
                _remove(Path(entry.path))
                os.close(lock)


def _remove(folder: Path) -> None:
    """Removes a folder, whatever a program has made in it or put in its place, as far as possible.

    However deep its folders are nested, and whatever their modes: each is moved to the top before it is emptied.
    """
    if sys.platform == "win32":
        with contextlib.suppress(RecursionError):
            shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
            return
        folder.chmod(0o700)
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            names = itertools.count()
            while found := os.listdir(here):  # noqa: PTH208  of what is open, whatever its name is now
                for name in found:
                    if _is_folder(name, here):
                        _empty(name, here, names)
                    else:
                        os.unlink(name, dir_fd=here)
        finally:
            os.close(here)
        folder.rmdir()


def _empty(name: str, top: int, names: Iterator[int]) -> None:
    """Removes a folder in `top`, and moves those in it there."""
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    try:
        for inner in os.listdir(folder):  # noqa: PTH208
            if _is_folder(inner, folder):
                os.rename(inner, f"{next(names)}.moved", src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _is_folder(name: str, within: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=within, follow_symlinks=False).st_mode)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another one does, or there are no such locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
