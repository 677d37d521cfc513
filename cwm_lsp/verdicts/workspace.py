"""The verdicts of many files: which there are, by several evaluators at once, and what is kept of them."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cwm_lsp.errors import Cancelled, UserError
from cwm_lsp.evaluate import Evaluator
from cwm_lsp.source.environment import INSTALLED, interpreter, layout, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import syntax_error
from cwm_lsp.verdicts.configuration import Configuration, configuration
from cwm_lsp.verdicts.performing import Performer
from cwm_lsp.verdicts.programs import Subject
from cwm_lsp.verdicts.verdict import Verdict

_NOT_ENTERED = frozenset({"__pycache__", "node_modules", "build", "dist", *INSTALLED})
_OURS = Path(__file__).parents[1]


@dataclass(frozen=True)
class File:
    """A file to verify."""

    path: Path
    """Absolute."""
    shown: str
    """Relative to the working folder, where it is in there."""
    is_test: bool
    text: str


def files(paths: Iterable[Path], here: Path) -> Iterator[File]:
    """The files below some paths that may have something to verify, in order.

    One that is named and does not parse counts as a test, so that this is told of it.

    Raises UserError for a path that is not there, or a named file that is no text.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} is not there; name files or folders")
        is_named = path.is_file()
        for file in [path] if is_named else _below(path):
            absolute = file.absolute()
            options = _configuration(project(absolute))
            is_test = options.is_test_file(absolute)
            if is_test and path.is_dir() and options.paths and here == options.root:
                is_test = any(absolute.is_relative_to(options.root / part) for part in options.paths)
            try:
                text = read_source(absolute)
            except UserError:
                if is_named:
                    raise
                continue
            is_test = is_test or (is_named and syntax_error(text) is not None)
            if is_test or ">>>" in text:
                yield File(absolute, shown(absolute, here), is_test, text)


def shown(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def _below(folder: Path) -> Iterator[Path]:
    """The Python files of a folder and those in it, but for hidden and installed ones."""
    for item in sorted(folder.iterdir()):
        if item.name.startswith(".") or item.name in _NOT_ENTERED or item.name.endswith(".egg"):
            continue
        if item.is_dir():
            if not (item / "pyvenv.cfg").exists():
                yield from _below(item)
        elif item.suffix == ".py":
            yield item


def mentioning(found: Sequence[File], changed: Iterable[Path]) -> list[File]:
    """Those of some files that have changed, or that name a module which has."""
    paths = {path.absolute() for path in changed}
    names = {path.stem if path.stem != "__init__" else path.parent.name for path in paths if path.suffix == ".py"}
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b") if names else None
    conftests = [path.parent for path in paths if path.name == "conftest.py"]
    return [
        file for file in found
        if file.path in paths
        or (pattern is not None and pattern.search(file.text))
        or any(file.path.is_relative_to(folder) for folder in conftests)
    ]  # fmt: skip


@cache
def _configuration(root: Path) -> Configuration:
    return configuration(root)


class Store:
    """Verdicts of files, kept by what they depend on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, file: File, python: str | None) -> list[Verdict] | None:
        """What is kept of a file, if nothing that it depends on has changed."""
        try:
            kept = json.loads(self._place(file).read_text(encoding="utf-8"))
            if kept["key"] != _key(file, python) or any(
                _digest(path) != known for path, known in kept["reads"].items()
            ):
                return None
            return [Verdict.from_json(row) for row in kept["verdicts"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, file: File, python: str | None, reads: Iterable[str], verdicts: Sequence[Verdict]) -> None:
        kept = {
            "key": _key(file, python),
            "reads": {path: _digest(path) for path in reads},
            "verdicts": [verdict.to_json() for verdict in verdicts],
        }
        place = self._place(file)
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            draft.write_text(json.dumps(kept), encoding="utf-8")
            draft.replace(place)

    def _place(self, file: File) -> Path:
        name = hashlib.sha256(repr((str(file.path), file.shown)).encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"


def _digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return None


def _key(file: File, python: str | None) -> str:
    """What the verdicts of a file depend on, besides the files that are read."""
    root = project(file.path)
    place = layout(file.path, file.text)
    outer = [folder / "conftest.py" for folder in file.path.parents if folder.is_relative_to(root)]
    parts = (
        _version(), str(interpreter(file.path, Path(python) if python else None)), file.text, file.is_test,
        _configuration(root), [_digest(str(path)) for path in outer], [_listing(folder) for folder in place.sys_path],
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _listing(folder: str) -> list[str]:
    """What may be imported from a folder: a file that comes or goes may change what a name stands for."""
    try:
        return sorted(item for item in os.listdir(folder) if not item.startswith("__"))  # noqa: PTH208
    except OSError:
        return []


@cache
def _version() -> tuple[object, ...]:
    """What stands for the evaluator as it is."""
    sources = sorted(
        path for room in ("evaluate", "verdicts", "source", "trace") for path in (_OURS / room).rglob("*.py")
    )
    return (sys.version_info[:3], *((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sources))


class Verifier:
    """Verifies files, so many at once, each by an evaluator of its own. `close()` ends them."""

    def __init__(self, jobs: int, store: Store | None = None, python: str | None = None) -> None:
        self.store = store
        self.python = python
        self.cancel = threading.Event()
        self.kept = 0
        """Files of which nothing had to be evaluated."""
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="verify")
        self._idle: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()
        self._evaluators = [Evaluator() for _ in range(jobs)]
        for evaluator in self._evaluators:
            self._idle.put(evaluator)

    def verify(self, found: Sequence[File]) -> Iterator[tuple[File, list[Verdict]]]:
        """The verdicts of files, in their order."""
        futures: list[Future[list[Verdict]]] = [self._pool.submit(self.of_file, file) for file in found]
        try:
            for file, future in zip(found, futures, strict=True):
                yield file, future.result()
        finally:
            for future in futures:
                future.cancel()

    def of_file(self, file: File) -> list[Verdict]:
        kept = self.store.get(file, self.python) if self.store is not None else None
        if kept is not None:
            self.kept += 1
            return kept
        if self.cancel.is_set():
            raise Cancelled
        evaluator = self._idle.get()
        try:
            performer = Performer(evaluator, cancel=self.cancel)
            subject = Subject(file.path, file.text, self.python, _configuration(project(file.path)))
            verdicts = list(performer.verdicts(subject, file.shown, is_test=file.is_test))
        finally:
            self._idle.put(evaluator)
        if self.store is not None and not performer.late:
            self.store.put(file, self.python, sorted(performer.reads), verdicts)
        return verdicts

    def close(self) -> None:
        self.cancel.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for evaluator in self._evaluators:
            evaluator.close()
