"""Recorded traces that are kept: a JSON Lines file per workspace, bounded, the newest at the end.

A row is appended by one write, so that a crash costs at most that row, and a row that cannot be read is passed over.
When the file has grown too large it is rewritten beside itself and put in its own place at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from cwm_lsp.trace.events import Trace


class TraceStore:
    """The recorded traces of one workspace.

    `folder` is where the file lies, by default in the user's state folder. At most `rows` traces are kept, and the file
    is never much larger than `size` bytes. A trace larger than an eighth of that is not kept.
    """

    def __init__(self, workspace: Path, folder: Path | None = None, *, rows: int = 500, size: int = 32 << 20) -> None:
        base = platformdirs.user_state_path("cwm-lsp") / "traces" if folder is None else folder
        absolute = str(workspace.absolute())
        name = hashlib.sha256(absolute.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = base / f"{workspace.absolute().name or 'root'}-{name}.jsonl"
        self._rows = rows
        self._size = size

    def add(self, trace: Trace) -> None:
        """Keeps a recorded trace; the same call's earlier one gives way when the file is next rewritten."""
        row = json.dumps({"file": _absolute(trace.path), "source": _digest(trace.source), "trace": trace.to_json()})
        data = row.encode() + b"\n"
        if len(data) > self._size // 8:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A crash may have left a row without its end.
        data = data if self._ends_well() else b"\n" + data
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, data)
            size = os.fstat(file).st_size
        finally:
            os.close(file)
        if size > self._size:
            self._rewrite()

    def calls(self, path: str, function: str) -> list[str]:
        """The calls of a function that were recorded, the latest first, each once."""
        found = [row["trace"]["call"] for row in self._read() if _is_of(row, path, function)]
        return list(dict.fromkeys(reversed(found)))

    def trace(self, path: str, function: str, call: str, source: str) -> Trace | None:
        """The latest trace of a call, if the file's text is still what it was."""
        digest = _digest(source)
        latest = None
        for row in self._read():
            if _is_of(row, path, function) and row["trace"]["call"] == call and row["source"] == digest:
                latest = row["trace"]
        return None if latest is None else Trace.from_json(latest, source)

    def _read(self) -> Iterator[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                for line in file:
                    try:
                        row = json.loads(line)
                        if row["file"] and row["source"] and row["trace"]["call"] and row["trace"]["function"]:
                            yield row
                    except (ValueError, KeyError, TypeError):
                        continue
        except OSError:
            return

    def _ends_well(self) -> bool:
        try:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:
            return True

    def _rewrite(self) -> None:
        """Keeps each call's latest trace, the newest first while they fit in half the space."""
        latest: dict[tuple[str, str, str], dict[str, Any]] = {}
        for row in self._read():
            key = row["file"], row["trace"]["function"], row["trace"]["call"]
            latest.pop(key, None)
            latest[key] = row
        kept: list[bytes] = []
        room = self._size // 2
        for row in list(latest.values())[: -self._rows - 1 : -1]:
            data = json.dumps(row).encode() + b"\n"
            room -= len(data)
            if room < 0:
                break
            kept.append(data)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.stem)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(reversed(kept))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)  # noqa: PTH105
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise


def _is_of(row: dict[str, Any], path: str, function: str) -> bool:
    return bool(row["file"] == _absolute(path) and row["trace"]["function"] == function)


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  links are kept


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
