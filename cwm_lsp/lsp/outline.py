"""What a document's text holds: its functions, and calls of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cwm_lsp.errors import UserError
from cwm_lsp.source.calls import Call, bind, candidates
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
    tests = related_tests(path, roots) if found else {}
    for function in found:
        is_callable = function.parent not in names
        known = [call for call in recorded.get(function.qualname, ()) if _fits(call, function, source)]
        again = [Call(call, "recorded") for call in known]
        calls = candidates(source, function, path=path, tests=tests, known=again)[:_CALLS] if is_callable else []
        yield Entry(
            function.name,
            function.qualname,
            function.first_line,
            function.def_line,
            function.last_line,
            is_callable,
            tuple(calls),
            dict(_expected(calls, function.name, {**tests, path: source})),
        )


def _expected(calls: Sequence[Call], name: str, texts: Mapping[str, str]) -> Iterator[tuple[str, Expectation]]:
    for call in calls:
        if call.line is not None and call.path is not None and call.path in texts and call.origin != "defaults":
            found = expected(texts[call.path], call.line, name)
            if found is not None:
                yield call.expression, found


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
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if str(file) != path and module.search(text):
            texts[str(file)] = text
            size += len(text)
            if size > _TEST_BYTES:
                break
    return texts


def _named_like_tests(roots: Sequence[Path]) -> Iterator[Path]:
    files = folders = 0
    for root in roots:
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _SKIPPED)
            folders += 1
            for name in sorted(names):
                if _TEST_NAME.fullmatch(name):
                    files += 1
                    yield Path(folder, name)
            if folders >= _FOLDERS or files >= _TEST_FILES:
                return
