"""Our end of a case's journal: read while it is written, from a file that a hostile program may spoil."""

from __future__ import annotations

import json
import os
from typing import IO, Any

_CHUNK = 1 << 20


class DamagedError(Exception):
    """What is in the journal is not what the recorder writes."""


class Journal:
    """Reads the records in a file of a fixed size, zero where nothing has been written."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0
        self.damaged = False
        """What comes after the records that were given is not what the recorder writes."""

    def records(self) -> list[list[Any]]:
        """The records that are new; one that was being written when its writer died is none.

        Not mapped into memory: the program may cut the file off.
        """
        found: list[list[Any]] = []
        size = _CHUNK
        while True:
            self._file.seek(self._at)
            data = self._file.read(size)
            written, end, _ = data.partition(b"\0")
            whole = written.rfind(b",\n")
            if whole >= 0:
                try:
                    found += json.loads(b"[" + written[:whole] + b"]")
                except (ValueError, RecursionError):
                    self.damaged = True
                    return found + _sound(written[:whole])
                self._at += whole + 2
            if end or len(data) < size:
                break
            size = _CHUNK if whole >= 0 else size * 2
        if os.fstat(self._file.fileno()).st_size != self._size:
            self.damaged = True
        return found


def _sound(written: bytes) -> list[Any]:
    """The records before the first that is none."""
    found = []
    for line in written.split(b",\n"):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            break
    return found
