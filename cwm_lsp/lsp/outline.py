"""What a document's text holds: its functions, and calls of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.source.calls import Call, bind, candidates_of
from cwm_lsp.source.expectations import Expectation, expected
from cwm_lsp.source.functions import Function, functions

_CALLS = 8
"""Candidate calls that are kept of a function."""
_TEST_FILES, _TEST_BYTES, _FOLDERS = 100, 1_000_000, 2_000
"""Bounds on what is read of a workspace to find its tests."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"})
_TEST_NAME = re.compile(r"test_.*\.py|.*_test\.py")


@dataclass(frozen=True, slots=True)
class Entry:
    """One function of a document. Lines are 1-based."""

    name: str
    qualname: str
    first_line: int
    def_line: int
    last_line: int
    is_callable: bool
    """From outside: not one inside another function."""
    calls: tuple[Call, ...]
    """The best first."""
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    """By call, as source: what those who wrote it down expect of it."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        calls = tuple(Call(**call) for call in data["calls"])
        expected = {call: Expectation(**told) for call, told in data["expected"].items()}
        return cls(**{**data, "calls": calls, "expected": expected})


def outline(
    source: str, path: str, roots: Sequence[Path] = (), recorded: Mapping[str, Sequence[str]] = {}
) -> Iterator[Entry]:
    """The functions of a text, in order, with calls found in it and in the tests of the workspace folders `roots`, and
    those `recorded` before (qualified name → calls), as far as they still fit."""
    found = functions(source)
    names = {function.qualname for function in found}
    outer = [function for function in found if function.parent not in names]
    known = [
        [Call(call, "recorded") for call in recorded.get(function.qualname, ()) if _fits(call, function, source)]
        for function in outer
    ]
    tests = related_tests(path, roots) if found else {}
    calls = [few[:_CALLS] for few in candidates_of(outer, source, path=path, tests=tests, known=known)]
    told = _expected(outer, calls, {**tests, path: source})
    each = iter(zip(calls, told, strict=True))
    for function in found:
        is_callable = function.parent not in names
        its_calls, its_told = next(each) if is_callable else ((), {})
        yield Entry(
            function.name,
            function.qualname,
            function.first_line,
            function.def_line,
            function.last_line,
            is_callable,
            tuple(its_calls),
            its_told,
        )


def _expected(
    functions: Sequence[Function], calls: Sequence[Sequence[Call]], texts: Mapping[str, str]
) -> list[dict[str, Expectation]]:
    """What is expected of each function's calls where they were found; one text after the other."""
    told: list[dict[str, Expectation]] = [{} for _ in functions]
    for path, text in texts.items():
        for function, its_calls, its_told in zip(functions, calls, told, strict=True):
            for call in its_calls:
                if call.path == path and call.line is not None and call.origin != "defaults":
                    found = expected(text, call.line, function.name)
                    if found is not None:
                        its_told[call.expression] = found
    return told


def _fits(call: str, function: Function, source: str) -> bool:
    try:
        bind(call, function, source)
    except UserError:
        return False
    return True


def related_tests(path: str, roots: Sequence[Path]) -> dict[str, str]:
    """Test files of the workspace that mention the module: path → text. What cannot be read is left out."""
    module = re.compile(rf"\b{re.escape(Path(path).stem)}\b")
    texts: dict[str, str] = {}
    size = 0
    for file in _named_like_tests(roots):
        try:
            state = file.stat()
            text = _text(file, state.st_mtime_ns, state.st_size)
        except (OSError, UnicodeDecodeError):
            continue
        if str(file) != path and module.search(text):
            texts[str(file)] = text
            size += len(text)
            if size > _TEST_BYTES:
                break
    return texts


@lru_cache(maxsize=_TEST_FILES)
def _text(file: Path, changed: int, size: int) -> str:
    """The text of a file that was last `changed` then; of one that is too large, none."""
    return file.read_text(encoding="utf-8") if size <= _TEST_BYTES else ""


def _named_like_tests(roots: Sequence[Path]) -> Iterator[Path]:
    files = folders = 0
    for root in roots:
        stack = [str(root)]
        while stack:
            folder = stack.pop()
            try:
                inner, names = _listing(folder, Path(folder).stat().st_mtime_ns)
            except OSError:
                continue
            stack += reversed(inner)
            folders += 1
            for name in names:
                files += 1
                yield Path(folder, name)
            if folders >= _FOLDERS or files >= _TEST_FILES:
                return


@lru_cache(maxsize=2 * _FOLDERS)
def _listing(folder: str, changed: int) -> tuple[list[str], list[str]]:
    """The folders that may hold tests and the names of tests in a folder that was last `changed` then, in order."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    inner = [
        entry.path
        for entry in found
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.name not in _SKIPPED
    ]
    return inner, [entry.name for entry in found if _TEST_NAME.fullmatch(entry.name) and not entry.is_dir()]
