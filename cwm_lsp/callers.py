"""Where a project calls what is in a file: its tests, and other files that import the module."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

_FILES, _BYTES, _FOLDERS = 400, 2_000_000, 2_000
"""Bounds on what is read of a project."""
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"})
_TEST_NAME = re.compile(r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py")


@dataclass(frozen=True, slots=True)
class Callers:
    """Texts by path."""

    tests: dict[str, str] = field(default_factory=dict)
    """Test files that mention the module, and every `conftest.py`."""
    others: dict[str, str] = field(default_factory=dict)
    """Other files that import it, those changed last first."""


def callers(path: str, roots: Sequence[Path]) -> Callers:
    """Files in the folders `roots` that may call what is in the file at `path`. What cannot be read is left out."""
    file = Path(path)
    stem = re.escape(file.parent.name if file.stem == "__init__" else file.stem)
    package = file.parent
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    names = f"{stem}|{re.escape(package.name)}" if (package / "__init__.py").is_file() else stem
    mentions = re.compile(rf"\b{stem}\b|^\s*(?:from|import)\s[^#\n]*\b(?:{names})\b", re.MULTILINE)
    imports = re.compile(rf"^\s*(?:from|import)\s[^#\n]*\b(?:{names})\b", re.MULTILINE)
    found = Callers()
    dated: list[tuple[int, str, str]] = []
    size = 0
    for other in _files(roots):
        is_test = _TEST_NAME.fullmatch(other.name) is not None
        try:
            state = other.stat()
            text = _text(other, state.st_mtime_ns, state.st_size)
        except (OSError, UnicodeDecodeError):
            continue
        is_shared = other.name == "conftest.py"
        if str(other) == path or not (is_shared or _is_in(text, mentions if is_test else imports)):
            continue
        if is_test:
            found.tests[str(other)] = text
        else:
            dated.append((state.st_mtime_ns, str(other), text))
        size += len(text)
        if size > _BYTES:
            break
    found.others.update((name, text) for _, name, text in sorted(dated, reverse=True))
    return found


@lru_cache(maxsize=8 * _FILES)
def _is_in(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.search(text) is not None


@lru_cache(maxsize=_FILES)
def _text(file: Path, changed: int, size: int) -> str:
    """The text of a file that was last `changed` then; of one that is too large, none."""
    return file.read_text(encoding="utf-8") if size <= _BYTES else ""


def _files(roots: Sequence[Path]) -> Iterator[Path]:
    """Python files, tests before others."""
    others: list[Path] = []
    tests = folders = 0
    for root in roots:
        stack = [str(root)]
        while stack and folders < _FOLDERS and tests < _FILES:
            folder = stack.pop()
            try:
                inner, names = _listing(folder, Path(folder).stat().st_mtime_ns)
            except OSError:
                continue
            stack += reversed(inner)
            folders += 1
            for name in names:
                if _TEST_NAME.fullmatch(name):
                    tests += 1
                    yield Path(folder, name)
                else:
                    others.append(Path(folder, name))
    yield from others[: max(_FILES - tests, 0)]


@lru_cache(maxsize=2 * _FOLDERS)
def _listing(folder: str, changed: int) -> tuple[list[str], list[str]]:
    """The folders that may hold code and the names of Python files in a folder that was last `changed` then, in
    order."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    inner = [
        entry.path
        for entry in found
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.name not in _SKIPPED
    ]
    return inner, [entry.name for entry in found if entry.name.endswith(".py") and not entry.is_dir()]
