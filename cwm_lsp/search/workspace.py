"""Files and their functions, searched by several evaluators at once."""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Called, Evaluator, Limits
from cwm_lsp.evaluate.evaluator import Fault
from cwm_lsp.search.crash import Crash
from cwm_lsp.search.crashes import Known, Searched, crashes, each, known, wanted
from cwm_lsp.search.kept import Store
from cwm_lsp.search.loop import Budget
from cwm_lsp.search.versions import AttemptIn, Compared, Version, differences
from cwm_lsp.source.environment import layout, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, syntax_error
from cwm_lsp.source.imported import Place, Where

Made = TypeVar("Made")

LIMITS = Limits(operations=300_000, seconds=1.5)
"""Of one evaluation among many."""
SECONDS = 5.0
"""The most that is spent on one function."""
LEAST = 0.3
"""The least, whatever is left of the whole time."""
LARGEST = 500_000
"""Characters of a file that is searched."""
_TEST_FILES, _TEST_BYTES = 400, 2_000_000
_TEST_NAME = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py")
_SKIPPED = frozenset({"node_modules", "site-packages", "dist-packages", "__pycache__", "build", "dist", "venv"})


@dataclass(frozen=True, slots=True)
class File:
    """A file whose functions are searched."""

    shown: str
    """The path as the user named it."""
    path: Path
    """Absolute."""
    text: str
    python: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """Other files (absolute paths) whose text differs from the disk's."""

    @property
    def program(self) -> dict[str, Any]:
        """What an evaluator needs to know of it."""
        module = layout(self.path, self.text).module
        return {"source": self.text, "module": module, "around": Around(str(self.path), self.python, texts=self.texts)}

    def where(self, reads: set[str] | None = None) -> Where:
        """Where it is, for the classes that it imports; the files that are looked into for those join `reads`."""

        def read(path: Path) -> str | None:
            if reads is not None:
                reads.add(str(path))
            return around.text_of(path)

        around: Around = self.program["around"]
        return cache(partial(Place.of, str(self.path), self.text, read))

    @classmethod
    def read(cls, path: Path, python: str | None = None) -> File:
        """The file at a path.

        Raises:
            UserError: it cannot be read, or does not parse.
        """
        text = read_source(path)
        if len(text) > LARGEST:
            raise UserError(f"{path} has {len(text):,} characters; files of more than {LARGEST:,} are not searched")
        if error := syntax_error(text):
            raise UserError(f"{path} has a syntax error ({error}); mend it first")
        return cls(str(path), path.absolute(), text, python)


@dataclass(frozen=True, slots=True)
class Changed:
    """A function of a file, and what it was."""

    old: File
    old_function: Function
    new: File
    new_function: Function


@dataclass(slots=True)
class Result:
    """What a search of one file gave."""

    file: File
    searched: list[Searched] = field(default_factory=list)

    @property
    def crashes(self) -> list[Crash]:
        return list(each(self.searched))


class Evaluators:
    """Evaluators that are lent to threads, one for each of `jobs`."""

    def __init__(self, jobs: int) -> None:
        self._all = [Evaluator() for _ in range(jobs)]
        self._free: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()
        for one in self._all:
            self._free.put(one)

    @contextmanager
    def lent(self) -> Iterator[Evaluator]:
        evaluator = self._free.get()
        try:
            yield evaluator
        finally:
            self._free.put(evaluator)

    def close(self) -> None:
        for one in self._all:
            one.close()

    def __enter__(self) -> Evaluators:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def attempt_in(
    evaluator: Evaluator,
    file: File,
    cancel: threading.Event | None = None,
    limits: Limits = LIMITS,
    reads: set[str] | None = None,
) -> AttemptIn:
    """Evaluates calls of functions in a text that stands in a file's place. `reads` takes up the other files that they
    depend on."""

    def attempt(source: str, function: str, calls: Sequence[str]) -> Iterator[Called]:
        about = {**file.program, "source": source}
        text = about.pop("source")
        return evaluator.call_each(text, calls, function, limits=limits, cancel=cancel, reads=reads, **about)

    return attempt


def search_files(
    files: Sequence[File],
    *,
    jobs: int = 1,
    seconds: float | None = None,
    seed: int = 0,
    deliberate: bool = False,
    advance: Callable[[], None] = lambda: None,
    cancel: threading.Event | None = None,
    fault: Callable[[], str] = lambda: "a fault of the evaluator",
    store: Store | None = None,
) -> Generator[Result, None, None]:
    """The crashes of each file's functions, in order. `seconds` is what all of it may take; `fault` tells of a fault of
    ours that is being handled; what is in the `store` is not searched again.

    Raises:
        UnavailableError: an evaluator cannot be started.
        Cancelled: `cancel` was set.
    """
    work = [(file, function) for file in files for function in wanted(file.text)]
    share = _Share(seconds, len(work), jobs)
    with _at_work(jobs, cancel) as (evaluators, threads, stop):

        def search(file: File, function: Function, facts: Callable[[], Mapping[Function, Known]], key: str) -> Searched:
            kept = store.get(file.path, key, function) if store is not None else None
            if kept is not None:
                share.done()
                advance()
                return kept
            with evaluators.lent() as evaluator, share.of_one() as budget:
                reads: set[str] = set()
                trying = partial(attempt_in(evaluator, file, stop, reads=reads), file.text, function.qualname)
                try:
                    found = crashes(
                        file.text, function, trying, known=facts()[function], where=file.where(reads), budget=budget,
                        seed=seed, deliberate=deliberate,
                    )  # fmt: skip
                    found.reads = reads
                    if store is not None and (seconds is None or not found.late):
                        store.put(file.path, key, found)
                except Fault:  # one function never ends the search
                    found = Searched(function, gave_up=fault())
            advance()
            return found

        pending = []
        for file in files:
            its = [function for one, function in work if one is file]
            tests = tests_of(file.path)
            facts = _once(partial(_facts, file, its, tests))
            key = store.key(file.path, file.text, tests) if store is not None else ""
            pending.append((file, [threads.submit(search, file, function, facts, key) for function in its]))
        for file, futures in pending:
            yield Result(file, [future.result() for future in futures])


@contextmanager
def _at_work(
    jobs: int, cancel: threading.Event | None = None
) -> Iterator[tuple[Evaluators, ThreadPoolExecutor, threading.Event]]:
    """So many evaluators and threads, and what ends their work: it is set where the work is left early, as by Ctrl-C.
    `cancel` ends it, too."""
    stop = cancel or threading.Event()
    with Evaluators(jobs) as evaluators, ThreadPoolExecutor(jobs) as threads:
        try:
            yield evaluators, threads, stop
        except BaseException:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _facts(file: File, its: Sequence[Function], tests: Mapping[str, str]) -> dict[Function, Known]:
    return dict(zip(its, known(file.text, its, str(file.path), tests), strict=True))


def _once(make: Callable[[], Made]) -> Callable[[], Made]:
    """What a function makes, made when it is first wanted, by whichever thread."""
    lock = threading.Lock()
    made: list[Made] = []

    def get() -> Made:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get


def compare_all(
    changed: Sequence[Changed],
    jobs: int = 1,
    seconds: float | None = None,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Compared]:
    """A call for each of some changed functions on which it differs from what it was, in order.

    Raises:
        UnavailableError: an evaluator cannot be started.
    """
    share = _Share(seconds, len(changed), jobs)
    with _at_work(jobs) as (evaluators, threads, stop):

        def compare(one: Changed) -> Compared:
            facts = known(one.new.text, [one.new_function], str(one.new.path), tests_of(one.new.path))[0]
            with evaluators.lent() as evaluator, share.of_one() as budget:
                old = Version(one.old.text, one.old_function, attempt_in(evaluator, one.old, stop))
                new = Version(one.new.text, one.new_function, attempt_in(evaluator, one.new, stop))
                found = differences(old, new, facts.calls, budget, seed, one.new.where())
            advance()
            return found

        yield from threads.map(compare, changed)


class _Share:
    """How much time a function gets of what there is for all."""

    def __init__(self, seconds: float | None, functions: int, jobs: int) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds
        self._left = functions
        self._jobs = jobs

    @contextmanager
    def of_one(self) -> Iterator[Budget]:
        """The budget of the next function: most need less than their share, so it is twice that."""
        seconds = SECONDS
        if self._until is not None:
            share = 2 * max(self._until - time.monotonic(), 0) * self._jobs / max(self._left, 1)
            seconds = min(SECONDS, max(share, LEAST))
        try:
            yield Budget(seconds=seconds)
        finally:
            self.done()

    def done(self) -> None:
        """One less is left."""
        self._left -= 1


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are meant by files and folders: of a folder all but tests, hidden and installed ones.

    Raises:
        UserError: a path does not exist.
    """
    for path in paths:
        if path.is_dir():
            yield from (found for found in _in_folder(path) if not _TEST_NAME.fullmatch(found.name))
        elif path.exists():
            yield path
        else:
            raise UserError(f"{path} does not exist; check the path")


def _in_folder(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(".py"))


def tests_of(path: Path) -> dict[str, str]:
    """The test files of the project around a file that mention its module: path → text."""
    mentions = re.compile(rf"\b{re.escape(path.parent.name if path.stem == '__init__' else path.stem)}\b")
    return {name: text for name, text in _tests(project(path)) if mentions.search(text) and name != str(path)}


@lru_cache(maxsize=4)
def _tests(root: Path) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    size = 0
    for path in _in_folder(root):
        if _TEST_NAME.fullmatch(path.name):
            try:
                text = read_source(path)
            except UserError:
                continue
            size += len(text)
            if len(found) >= _TEST_FILES or size > _TEST_BYTES:
                break
            found.append((str(path), text))
    return tuple(found)
