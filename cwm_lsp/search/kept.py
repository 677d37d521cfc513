"""What searches for crashes have given, kept by what it depends on, a function each: what was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from cwm_lsp.search.crash import Crash
from cwm_lsp.search.crashes import Searched
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import Function

_OURS = Path(__file__).parents[1]


class Store:
    """The results of functions, as files in a folder."""

    def __init__(self, folder: Path, about: object) -> None:
        """`about`: all options of the search that decide on what it finds."""
        self._folder = folder
        self._about = repr((_version(), about))
        self._digests: dict[str, str | None] = {}
        self.kept = 0
        """Functions of which nothing had to be searched."""

    def key(self, path: Path, text: str, tests: Mapping[str, str]) -> str:
        """What the results of a file's functions depend on, besides the files that are read: its text, the `tests` that
        mention it, and what may be imported around it."""
        listings = [_listing(folder) for folder in layout(path, text).sys_path]
        return _hash((self._about, text, sorted(tests.items()), listings))

    def get(self, path: Path, key: str, function: Function) -> Searched | None:
        """What is kept of a function, if nothing that it depends on has changed."""
        try:
            kept = json.loads(self._place(path, function).read_text(encoding="utf-8"))
            if kept["key"] != key or any(self._digest(file) != known for file, known in kept["reads"].items()):
                return None
            found = [Crash.from_json(crash) for crash in kept["crashes"]]
            self.kept += 1
            return Searched(function, found, kept["tried"], kept["gave_up"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, path: Path, key: str, searched: Searched) -> None:
        row = {
            "key": key,
            "reads": {file: self._digest(file) for file in sorted(searched.reads)},
            "crashes": [crash.to_json() for crash in searched.crashes],
            "tried": searched.tried,
            "gave_up": searched.gave_up,
        }
        place = self._place(path, searched.function)
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            draft.write_text(json.dumps(row), encoding="utf-8")
            draft.replace(place)

    def _place(self, path: Path, function: Function) -> Path:
        return self._folder / f"{_hash((str(path), function.qualname, function.def_line))[:32]}.json"

    def _digest(self, path: str) -> str | None:
        if path not in self._digests:
            self._digests[path] = _digest(Path(path))
        return self._digests[path]


def _digest(path: Path) -> str | None:
    """Of a file's bytes, or of what a folder holds."""
    try:
        if path.is_dir():
            return _hash(sorted(os.listdir(path)))  # noqa: PTH208
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _hash(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _listing(folder: str) -> list[str]:
    """What may be imported from a folder."""
    try:
        return sorted(item for item in os.listdir(folder) if not item.startswith((".", "__")))  # noqa: PTH208
    except OSError:
        return []


def _sources() -> Iterable[Path]:
    return sorted(path for room in ("evaluate", "search", "source", "trace") for path in (_OURS / room).rglob("*.py"))


@cache
def _version() -> tuple[object, ...]:
    """What stands for the evaluator and the search as they are."""
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in _sources()]
    return (sys.version_info[:3], *files)
