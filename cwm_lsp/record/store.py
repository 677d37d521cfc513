"""Recorded traces that are kept: a JSON Lines file per workspace, bounded, the newest at the end.

A row is appended by one write, so that a crash costs at most that row, and a row that cannot be read is passed over.
When the file has grown too large it is rewritten beside itself and put in its own place at once. A row says first what
it is of, and then has the trace, so that the calls can be told without reading the traces, and with it the file's text
and the time, so that later predictions may remember it. Secrets are left out (`privacy.py`).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs

from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.privacy import without_secrets
from cwm_lsp.source.environment import project
from cwm_lsp.trace.events import Trace

_TRACE = b', "trace": '
"""Where a row's trace begins: within a JSON string the quotes would be escaped."""
_END = b"}}}\n"
_HEAD = {"file", "function", "call", "source"}
"""What a row says first."""
_WHEN = re.compile(rb'"when": "([^"]*)"')
_TEXT = re.compile(rb'"text": "([^"]*)"')
_MANY = 1_000
"""Events of a trace beyond which they are packed."""


class TraceStore:
    """The recorded traces of one workspace.

    `folder` is where the file lies, by default in the user's state folder. When it has more than twice `rows` traces or
    more than `size` bytes, each call's latest are kept, at most `rows` and in half the space. A trace larger than an
    eighth of it is not kept.
    """

    def __init__(self, workspace: Path, folder: Path | None = None, *, rows: int = 2_000, size: int = 32 << 20) -> None:
        base = platformdirs.user_state_path("cwm-lsp") / "traces" if folder is None else folder
        absolute = str(workspace.absolute())
        name = hashlib.sha256(absolute.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = base / f"{workspace.absolute().name or 'root'}-{name}.jsonl"
        self._rows = rows
        self._size = size

    @classmethod
    def of(cls, path: str) -> TraceStore:
        """That of the project around a file."""
        return cls(project(Path(_absolute(path))))

    def add(self, trace: Trace) -> None:
        """Keeps a recorded trace; the same call's earlier one gives way when the file is next rewritten.

        One without events, whose call did not reach the function, is not kept, nor one whose call holds a secret. One
        of a call that cannot be written (an empty text) is remembered, but not offered. Raises `OSError`.
        """
        self.add_all([trace])

    def add_all(self, traces: Iterable[Trace]) -> None:
        """Keeps several, the last the latest."""
        rows = [row for row in map(_row_of, traces) if row is not None and len(row) <= self._size // 8]
        if not rows:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A crash may have left a row without its end.
        data = b"".join(rows) if self._ends_well() else b"\n" + b"".join(rows)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, data)
            size = os.fstat(file).st_size
        finally:
            os.close(file)
        if size > self._size or len(self._heads()) > 2 * self._rows:
            self._rewrite()

    def calls(self, path: str) -> dict[str, list[str]]:
        """The calls of a file's functions that were recorded: qualified name → calls, the latest first, each once."""
        file = _absolute(path)
        found: dict[str, list[str]] = {}
        for head in reversed(self._heads()):
            if head["file"] != file or not head["call"]:
                continue
            known = found.setdefault(head["function"], [])
            if head["call"] not in known:
                known.append(head["call"])
        return found

    def last_runs(self, path: str) -> dict[str, dict[str, tuple[str, str]]]:
        """The last run of each call of a file's functions: qualified name → call → its time (ISO 8601, UTC), and the
        file's text then."""
        try:
            status = self.path.stat()
        except OSError:
            return {}
        return _last_runs(self.path, _absolute(path), status.st_mtime_ns, status.st_size)

    def latest(self, path: str, source: str) -> list[tuple[str, str, str]]:
        """The functions and calls of a file that were recorded when its text was this, with the time of the last run
        (ISO 8601, UTC): the latest first, each once."""
        of = _absolute(path), _digest(source)
        found: dict[tuple[str, str], str] = {}
        for head, line in _rows(self.path):
            if (head["file"], head["source"]) == of and head["call"]:
                what = head["function"], head["call"]
                found.pop(what, None)
                when = _WHEN.search(line, line.index(_TRACE))
                found[what] = when[1].decode() if when else ""
        return [(*what, when) for what, when in reversed(found.items())]

    def trace(self, path: str, function: str, call: str, source: str) -> Trace | None:
        """The latest trace of a call, if the file's text is still what it was."""
        wanted = {"file": _absolute(path), "function": function, "call": call, "source": _digest(source)}
        lines = [line for head, line in _rows(self.path) if head == wanted]
        found = (_trace_of(line, source) for line in reversed(lines))
        return next((kept[0] for kept in found if kept is not None), None)

    def runs(self, path: str, function: str, call: str, most: int = 8) -> list[tuple[Trace, str]]:
        """Kept traces of a function, whatever the file's text was then, with their times (ISO 8601, UTC): those of the
        same call first, each group the newest first."""
        file = _absolute(path)
        if not any((head["file"], head["function"]) == (file, function) for head in self._heads()):
            return []
        rows = [(head, line) for head, line in _rows(self.path) if (head["file"], head["function"]) == (file, function)]
        rows.reverse()
        rows = sorted(rows, key=lambda row: row[0]["call"] != call)[:most]
        found = (_trace_of(line) for _, line in rows)  # a row of an earlier version has no text
        return [kept for kept in found if kept is not None]

    def forget(self, path: str | None = None) -> int:
        """Remove what is kept, all of it or that of one file; how many traces that were.

        Raises `UnavailableError` where that is not possible.
        """
        rows = list(_rows(self.path))
        file = None if path is None else _absolute(path)
        kept = [line for head, line in rows if file is not None and head["file"] != file]
        try:
            if kept:
                self._write(kept)
            elif self.path.exists():
                self.path.unlink()
        except OSError as error:
            raise UnavailableError(f"{self.path} cannot be changed: {error.strerror}; remove it by hand") from error
        return len(rows) - len(kept)

    def _heads(self) -> tuple[dict[str, str], ...]:
        try:
            status = self.path.stat()
        except OSError:
            return ()
        return _heads(self.path, status.st_mtime_ns, status.st_size)

    def _ends_well(self) -> bool:
        try:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:
            return True

    def _rewrite(self) -> None:
        """Keeps each call's latest trace, the newest first while they fit in half the space."""
        latest: dict[tuple[str, str, str], bytes] = {}
        for head, line in _rows(self.path):
            key = head["file"], head["function"], head["call"]
            latest.pop(key, None)
            latest[key] = line
        kept: list[bytes] = []
        room = self._size // 2
        for line in list(latest.values())[: -self._rows - 1 : -1]:
            room -= len(line)
            if room < 0:
                break
            kept.append(line)
        self._write(kept[::-1])

    def _write(self, rows: Sequence[bytes]) -> None:
        """Put these in place of what there is."""
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.stem)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(rows)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)  # noqa: PTH105
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise


def _row_of(trace: Trace) -> bytes | None:
    kept = without_secrets(trace)
    if not trace.events or kept is None:
        return None
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    row = {
        "file": _absolute(trace.path),
        "function": trace.function,
        "call": trace.call,
        "source": _digest(trace.source),
        "trace": {"when": when, "text": _packed(trace.source), **_shortened(kept.to_json())},
    }
    return json.dumps(row).encode() + b"\n"


def _rows(path: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    """What each row is of, and the row; torn and foreign ones are passed over."""
    try:
        with path.open("rb") as file:
            for line in file:
                head, found, _ = line.partition(_TRACE)
                if found and line.endswith(_END):
                    with contextlib.suppress(ValueError, RecursionError):
                        told = json.loads(head + b"}")
                        if told.keys() == _HEAD and all(isinstance(value, str) for value in told.values()):
                            yield told, line
    except OSError:
        return


@lru_cache(maxsize=8)
def _last_runs(path: Path, file: str, _changed: int, _size: int) -> dict[str, dict[str, tuple[str, str]]]:
    latest: dict[tuple[str, str], tuple[str, str]] = {}
    texts: dict[str, bytes] = {}
    for head, line in _rows(path):
        if head["file"] == file and head["call"]:
            time, text = (pattern.search(line, line.index(_TRACE)) for pattern in (_WHEN, _TEXT))
            if time and text:  # one of an earlier version has none
                latest[head["function"], head["call"]] = time[1].decode(), head["source"]
                texts[head["source"]] = text[1]
    unpacked: dict[str, str] = {}
    for digest in {digest for _, digest in latest.values()}:
        with contextlib.suppress(ValueError, zlib.error):
            unpacked[digest] = _unpacked(texts[digest].decode())
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for (function, call), (when, digest) in latest.items():
        found.setdefault(function, {})[call] = when, unpacked.get(digest, "")
    return found


@lru_cache(maxsize=8)
def _heads(path: Path, _changed: int, _size: int) -> tuple[dict[str, str], ...]:
    return tuple(head for head, _ in _rows(path))


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  links are kept


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"))).decode()


def _unpacked(packed: str) -> str:
    return zlib.decompress(base64.b64decode(packed)).decode("utf-8", "surrogatepass")


def _shortened(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace's JSON, with many events packed: each has all locals, so that they are full of repetitions."""
    if len(trace["events"]) <= _MANY:
        return trace
    return {**trace, "events": _packed(json.dumps(trace["events"]))}


def _trace_of(line: bytes, source: str | None = None) -> tuple[Trace, str] | None:
    """The inverse, of a row, and its time; None where it is damaged. Without `source` it has the text that was kept."""
    try:
        kept = json.loads(line)["trace"]
        text = _unpacked(kept["text"]) if source is None else source
        events = kept["events"]
        events = json.loads(_unpacked(events)) if isinstance(events, str) else events
        return Trace.from_json({**kept, "events": events}, text), str(kept.get("when", ""))
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError, zlib.error):
        return None


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
