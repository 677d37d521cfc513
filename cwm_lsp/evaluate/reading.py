"""Reading what lies in the project: `open`, `pathlib`, `os.path` and what is built on them, answered from the disk.

What is read counts among what the prediction depends on, and so does what was looked for and is not there. Nothing is
ever written; where something may have been written, what is there afterwards is not known.
"""

from __future__ import annotations

import ast
import errno
import fnmatch
import functools
import inspect
import io
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.disk import MADE, Disk, Untold
from cwm_lsp.evaluate.fresh import Fresh
from cwm_lsp.evaluate.values import Undetermined, Unknown

ConcretePath: Any = pathlib.PosixPath if os.name == "posix" else pathlib.WindowsPath
"""The class of the paths that ask the system."""
T = TypeVar("T")

_HARMLESS = library.BUILTINS.keys() - library.words("open exec eval __import__ print") | library.words(
    "get getenv join split strip lower upper format replace startswith endswith items keys values append add update "
    "extend Path resolve absolute exists read_text read_bytes loads compile match search getLogger"
)
"""Names of what writes no file, whatever it is called on."""


class Held(io.BytesIO):
    """The bytes of a file, which a program reads as if the file were open."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name

    def writable(self) -> bool:
        return False


class Files:
    """What one evaluation has seen of the disk, and what of it may have changed."""

    def __init__(self, disk: Disk | None) -> None:
        self.disk = disk
        self.asked: dict[str, None] = {}
        """Absolute paths of files and folders that were asked for, there or not."""
        self.changed: set[str] = set()
        """What the program has written to, without links."""
        self.adrift = False
        """Anything may have been written by now, or the working folder be another."""
        self.trusted = False
        """Code is being loaded that is taken to leave the project's files alone: the library's and installed code."""
        self.unordered: dict[int, tuple[Unknown, list[Any]]] = {}
        """What was listed, by the identity of what stands for it: its order is not the same everywhere."""
        self.fresh = Fresh()
        self.texts: dict[int, tuple[Unknown, str]] = {}
        """Texts of paths in fresh folders, by the identity of what stands for them."""
        self.here: str | None = None
        """The fresh folder that the program works in."""

    def text(self, text: str) -> Any:
        """A text as a program may have it: of one that says where a fresh folder is, what stands for it. Raises
        `Undetermined` where it says so otherwise than by beginning with its path."""
        if not self.fresh.marks(text):
            return text
        self.fresh.has(text)
        made = Unknown()
        self.texts[id(made)] = made, text
        return made

    def meant(self, value: Any) -> Any:
        """The path or text that a value stands for; the value itself where it stands for none."""
        return self.texts[id(value)][1] if type(value) is Unknown and id(value) in self.texts else value

    def is_fresh(self, value: Any) -> bool:
        """Whether a path, or what stands for one, is in a fresh folder. Raises `Undetermined` for one that leads past
        them."""
        if not self.fresh.roots:
            return False
        value = self.meant(value)
        if type(value) is ConcretePath or type(value) is str:
            text = os.fspath(value)
            return self.fresh.has(text if self.here is None else os.path.join(self.here, text))  # noqa: PTH118
        return False

    def drift(self) -> None:
        """Something was done of which nothing is known."""
        if not self.trusted:
            self.adrift = True

    def given_up(self, node: ast.AST | None) -> None:
        """Code was given up half-way."""
        if node is None or not leaves_files_alone(node):
            self.drift()

    def folder(self) -> str:
        """The working folder. Raises `Undetermined`."""
        if self.disk is None or self.adrift:
            raise Undetermined
        return self.disk.folder if self.here is None else self.here

    def place(self, path: Any) -> str:
        """The absolute path that is meant. Raises `Undetermined` where nothing can be said of it."""
        path = self.meant(path)
        if type(path) is ConcretePath:
            path = os.fspath(path)
        if type(path) is not str or "\0" in path:
            raise Undetermined
        return os.path.join(self.folder(), path)  # noqa: PTH118  no paths are needed

    def look(self, path: Any, ask: Callable[[Disk, str], T]) -> T:
        """What the disk says of a path. Raises `Undetermined` where nothing is known, and what `ask` raises."""
        place = self.place(path)
        assert self.disk is not None
        if self.fresh.has(place):
            return getattr(self.fresh, ask.__name__)(place)  # type: ignore[no-any-return]
        try:
            real = self.disk.real(place)
            if any(real == one or _within(real, one) or _within(one, real) for one in self.changed):
                raise Undetermined
            self.asked |= dict.fromkeys((os.path.normpath(place), real))
            return ask(self.disk, place)
        except Untold:
            raise Undetermined from None

    def write(self, path: Any) -> None:
        """A path is written to, moved or removed."""
        try:
            place = self.place(path)
            assert self.disk is not None
            if self.fresh.marks(place):
                raise Undetermined
            self.changed.add(self.disk.real(place))
        except Untold:
            pass  # it is not read either
        except Undetermined:
            self.drift()

    def names(self, path: Any, pattern: str = "*") -> list[str]:
        """The names in a folder that fit a pattern. Raises `Undetermined` also where a run could add to them."""
        if self.look(path, Disk.kind) != "folder":
            raise Undetermined
        names = self.look(path, Disk.names)
        if _fits(MADE, pattern) and any(name.endswith(".py") for name in names):
            raise Undetermined
        return [name for name in names if _fits(name, pattern)]

    def listed(self, found: list[Any]) -> Unknown:
        """Stands for what was found, in whichever order."""
        made = Unknown()
        self.unordered[id(made)] = made, found
        return made


@functools.lru_cache(maxsize=4096)
def leaves_files_alone(node: ast.AST) -> bool:
    """Whether code writes no file and goes to no other folder, as far as its text tells."""
    return not any(
        isinstance(part, ast.With | ast.AsyncWith | ast.Await)
        or (isinstance(part, ast.Call) and _last_name(part.func) not in _HARMLESS)
        or getattr(part, "decorator_list", None)
        for part in ast.walk(node)
    )


def _last_name(callee: ast.expr) -> str:
    return callee.id if isinstance(callee, ast.Name) else callee.attr if isinstance(callee, ast.Attribute) else ""


def _within(inner: str, outer: str) -> bool:
    return inner.startswith(os.path.join(outer, ""))  # noqa: PTH118


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(os.path.normcase(name), os.path.normcase(pattern))


WORKING_FOLDER = inspect.getattr_static(pathlib.Path, "cwd").__func__
"""`Path.cwd`, of whichever class it is."""


def _real(files: Files, path: Any) -> str:
    return files.look(path, Disk.real)


def _relative(files: Files, path: str, start: str) -> str:
    if files.fresh.has(path) != files.fresh.has(start):
        raise Undetermined
    return os.path.relpath(path, start)


def _matched(files: Files, path: Any, pattern: Any) -> bool:
    if files.fresh.marks(os.fspath(path)) and "/" in os.fspath(pattern):
        raise Undetermined
    return bool(path.match(pattern))


def _size(files: Files, path: Any) -> int:
    try:
        return len(files.look(path, Disk.data))
    except OSError:
        raise Undetermined from None


def _matching(files: Files, path: Any, pattern: Any) -> list[Any]:
    """What is below a path and fits a pattern without `**`, one part for each folder on the way."""
    parts = pattern.split("/") if type(pattern) is str else []
    if not parts or not all(parts) or {"**", ".", ".."} & set(parts):
        raise Undetermined
    found = [path]
    for number, part in enumerate(parts):
        if number:
            found = [one for one in found if files.look(one, Disk.kind) == "folder"]
        found = [one / name for one in found for name in files.names(one, part)]
    return found


def _below(files: Files, path: Any, pattern: Any) -> list[Any]:
    """What is anywhere below a path and fits a pattern."""
    if type(pattern) is not str or not pattern or re.search(r"/|\*\*", pattern):
        raise Undetermined
    found: list[Any] = []
    folders = [path]
    while folders:
        folder = folders.pop()
        found += [folder / name for name in files.names(folder, pattern)]
        for name in files.look(folder, Disk.names):
            if name == MADE and not pattern.endswith("c"):
                continue  # of which nothing else is known
            if files.look(folder / name, Disk.kind) == "folder":
                if files.look(folder / name, Disk.real) != os.path.join(files.look(folder, Disk.real), name):  # noqa: PTH118
                    raise Undetermined  # whether links are followed differs between versions
                folders.append(folder / name)
    return found


def _globbed(files: Files, pattern: Any) -> Any:
    """`glob.glob`."""
    if type(pattern) is not str:
        raise Undetermined
    folder, name = os.path.split(pattern)
    if not name or re.search(r"[*?\[]", folder) or "**" in name or name.startswith("."):
        raise Undetermined
    found = [one for one in files.names(folder or os.curdir, name) if not one.startswith(".")]
    return _list(files, [os.path.join(folder, one) for one in found])  # noqa: PTH118


def _drawn(files: Files, found: list[Any]) -> Any:
    return iter(found) if len(found) < 2 else files.listed(found)


def _list(files: Files, found: list[Any]) -> Any:
    return found if len(found) < 2 else files.listed(found)


NUMBERS: dict[type, int] = {
    FileNotFoundError: errno.ENOENT,
    NotADirectoryError: errno.ENOTDIR if os.name == "posix" else errno.ENOENT,
    IsADirectoryError: errno.EISDIR if os.name == "posix" else errno.EACCES,
}


def past_root(files: Files, path: Any, name: str) -> bool:
    """Whether an attribute of a path says where a fresh folder is."""
    text = os.fspath(path)
    if not files.fresh.marks(text):
        return False
    at_root = os.path.normpath(text) in files.fresh.roots
    return name in ("parts", "parents") or (at_root and name in ("parent", "name", "stem", "suffix", "suffixes"))


PATH_QUESTIONS: dict[str, Callable[..., Any]] = {
    "exists": lambda files, path: files.look(path, Disk.kind) is not None,
    "is_file": lambda files, path: files.look(path, Disk.kind) == "file",
    "is_dir": lambda files, path: files.look(path, Disk.kind) == "folder",
    "iterdir": lambda files, path: _drawn(files, [path / name for name in files.names(path)]),
    "glob": lambda files, path, pattern: _drawn(files, _matching(files, path, pattern)),
    "rglob": lambda files, path, pattern: _drawn(files, _below(files, path, pattern)),
    "resolve": lambda files, path: ConcretePath(_real(files, path)),
    "absolute": lambda files, path: path if path.is_absolute() else ConcretePath(files.folder()) / path,
    "as_posix": lambda files, path: path.as_posix(),
    "match": lambda files, path, pattern: _matched(files, path, pattern),
}
"""Methods of paths that answer a question."""
READING = library.words("open read_text read_bytes")
PATH_TEXTS = (os.path.join, os.path.basename, os.path.dirname, os.path.split, os.path.splitext, os.path.normpath)
"""Functions that make texts of paths out of such."""
MAKING = library.words("write_text write_bytes mkdir touch unlink rmdir rename replace")
"""Those that are followed in a fresh folder."""
WRITING = library.words(
    "write_text write_bytes mkdir touch unlink rmdir rename replace symlink_to hardlink_to link_to chmod lchmod"
)
"""Methods of paths that change what is there."""
QUESTIONS: dict[str, Callable[..., Any]] = {
    "exists": PATH_QUESTIONS["exists"],
    "isfile": PATH_QUESTIONS["is_file"],
    "isdir": PATH_QUESTIONS["is_dir"],
    "getsize": _size,
    "abspath": lambda files, path: os.path.normpath(files.place(path)),
    "realpath": _real,
    "relpath": lambda files, path, start=os.curdir: _relative(files, files.place(path), files.place(start)),
    "getcwd": lambda files: files.folder(),
    "listdir": lambda files, path=os.curdir: _list(files, files.names(path)),
    "glob": _globbed,
}
"""Functions that answer a question, by their names."""
