"""Which interpreter runs a file, from where, and under which module name: what its author would expect."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from cwm_lsp.errors import UnavailableError

from .pyenv import behind
from .trees import tree_of

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of what is installed."""
_ROOT_MARKS = (
    "pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt", "Pipfile", "manage.py",
)  # fmt: skip
_REPOSITORY = ".git"
_TESTS = ("tests", "test")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is imported."""

    root: Path
    """The project's folder, or the file's own where there is no project: the working directory."""
    module: str
    """Dotted name."""
    sys_path: tuple[str, ...]
    """Folders put in front of the interpreter's own path."""


def layout(path: Path, source: str) -> Layout:
    """The layout of the project around a file (absolute path)."""
    root = project(path)
    top = path.parent
    while (top / "__init__.py").is_file() and top != top.parent:
        top = top.parent
    if top == path.parent and root != path.parent and _imports_relatively(source):
        # A namespace package: folders without `__init__.py`, from the project's root or its `src` on.
        top = root / "src" if path.is_relative_to(root / "src") else root
    parts = [*path.parent.relative_to(top).parts, path.stem]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    folders = [top]
    # pytest puts the folders of conftest.py files on the path; a `src` folder is installed in development.
    folders += [folder for folder in path.parents if (folder / "conftest.py").is_file() and folder.is_relative_to(root)]
    folders += [root / "src"] if (root / "src").is_dir() else []
    folders.append(root)
    return Layout(root, ".".join(parts), tuple(dict.fromkeys(str(folder) for folder in folders)))


def project(path: Path) -> Path:
    """The project's folder around a file (absolute path), or the file's own where there is no project.

    It is the nearest that says so; else the nearest that has tests, as far as the repository goes, which may hold many.
    """
    folder = path.parent
    likely: Path | None = None
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _ROOT_MARKS):
            return candidate
        if likely is None and _has_tests(candidate):
            likely = candidate
        if (candidate / _REPOSITORY).exists():
            return likely or candidate
    if likely is not None:
        return likely
    found = folder
    for candidate in (folder, *folder.parents):
        if (candidate / "conftest.py").is_file():
            found = candidate
    while (found / "__init__.py").is_file() and found != found.parent:
        found = found.parent
    return found


def _has_tests(folder: Path) -> bool:
    """Whether tests lie beside the code of a folder that is no package."""
    if (folder / "__init__.py").is_file() or folder == Path.home():
        return False
    return any(True for name in _TESTS for _ in (folder / name).glob("test_*.py"))


def is_own(path: Path, workspace: Path, library: Path | None = None) -> bool:
    """Whether a file is of the user's own in a workspace: not of a `library`, installed, or in a hidden folder.

    The recorder has the same rule for itself (`record.scope.Files`).
    """
    real, root = path.resolve(), workspace.resolve()
    if not real.is_relative_to(root) or (library is not None and real.is_relative_to(library.resolve())):
        return False
    folders = real.relative_to(root).parts
    return not any(folder.startswith(".") or folder in INSTALLED for folder in folders)


def _imports_relatively(source: str) -> bool:
    try:
        tree = tree_of(source)
    except SyntaxError:
        return False
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


def interpreter(path: Path, python: Path | None = None) -> Path:
    """The interpreter for a file: the one asked for, the active or the project's virtual environment's, or our own. A
    shim of pyenv stands for what pyenv starts there.

    Raises `UnavailableError` where the one asked for is not a program.
    """
    if python is not None:
        asked = python.expanduser()
        if asked.is_dir():
            asked = _python_in(asked) or asked
        if not (asked.is_file() and os.access(asked, os.X_OK)):
            raise UnavailableError(f"{python} is not a Python interpreter; name one, such as .venv/bin/python")
        return behind(asked.absolute(), project(path))
    active = os.environ.get("VIRTUAL_ENV")
    candidates = [Path(active)] if active else []
    candidates += [folder / name for folder in path.parents for name in (".venv", "venv")]
    for candidate in candidates:
        found = _python_in(candidate)
        if found is not None:
            return found
    return Path(sys.executable)


def _python_in(environment: Path) -> Path | None:
    for place in ("bin/python", "Scripts/python.exe"):
        if (environment / place).is_file():
            return environment / place
    return None
