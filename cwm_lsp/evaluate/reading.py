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
import json
import locale
import os
import pathlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.disk import MADE, Disk, Untold
from cwm_lsp.evaluate.values import Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.calls import Calls
    from cwm_lsp.evaluate.runtime import Runtime

ConcretePath: Any = pathlib.PosixPath if os.name == "posix" else pathlib.WindowsPath
"""The class of the paths that ask the system."""
T = TypeVar("T")
Rule = Callable[[Any, list[Any], dict[str, Any]], Any]

_READS = re.compile(r"r?t?|tr|r?b|br")
"""Modes of `open` that change nothing."""
_ENCODING = locale.getpreferredencoding(False)
"""Of texts that are read without naming one, as in a run on this machine."""
_UTF8 = _ENCODING.lower().replace("-", "") == "utf8"
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
        return self.disk.folder

    def place(self, path: Any) -> str:
        """The absolute path that is meant. Raises `Undetermined` where nothing can be said of it."""
        if type(path) is ConcretePath:
            path = os.fspath(path)
        if type(path) is not str or "\0" in path:
            raise Undetermined
        return os.path.join(self.folder(), path)  # noqa: PTH118  no paths are needed

    def look(self, path: Any, ask: Callable[[Disk, str], T]) -> T:
        """What the disk says of a path. Raises `Undetermined` where nothing is known, and what `ask` raises."""
        place = self.place(path)
        assert self.disk is not None
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


class Reading:
    """The rules of what reads files, and asks for them."""

    runtime: Runtime
    calls: Calls

    @property
    def files(self) -> Files:
        return self.calls.interpreter.imports.files

    def reading(self) -> dict[Any, Rule]:
        """The rules of functions."""
        return {
            library.open_file: self.opened,
            library.load_json: self.loaded_from,
            library.text_encoding: self.encoding_of,
            library.resources: self.resources,
            WORKING_FOLDER: self.answered(lambda files, _kind: ConcretePath(files.folder())),
            **{library.ASKING[name]: self.answered(question) for name, question in QUESTIONS.items()},
        }

    def answered(self, question: Callable[..., Any]) -> Rule:
        """The rule of a function that answers a question about files."""

        def rule(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            try:
                if kwargs:
                    raise Undetermined
                return question(self.files, *args)
            except (Undetermined, TypeError):
                return self.runtime.unknown([*args, *kwargs.values()])

        return rule

    def path_method(self, name: str) -> Callable[..., Any]:
        """The rule of a method of a path."""

        def rule(value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            if name in WRITING:
                for item in (value, *args[: name in ("rename", "replace", "symlink_to", "hardlink_to")]):
                    self.files.write(item)
                return self.runtime.unknown([*args, *kwargs.values()])
            if name in READING:
                return self.of_path(name, value, args, kwargs)
            return self.answered(PATH_QUESTIONS[name])(function, [value, *args], kwargs)

        return rule

    def of_path(self, name: str, value: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`Path.open`, `read_text` and `read_bytes`."""
        if name == "open":
            return self.opened(library.open_file, [value, *args], kwargs)
        binary = name == "read_bytes"
        given = dict(zip(("encoding", "errors"), args, strict=False)) | kwargs
        if len(args) > 2 or (binary and given):
            return self.runtime.unknown([*args, *kwargs.values()])
        opened = self.opened(library.open_file, [value, "rb" if binary else "r"], given)
        return opened if type(opened) is Unknown else self.whole_of(opened, opened.read, [], {})

    def whole_of(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`read` of a file, of which there is no more than may be read."""
        if args or kwargs:
            return self.calls.native(function, args, kwargs, (value,))
        found = function()
        self.runtime.take(len(found))
        return found

    def opened(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`open`: a file in memory, with what is on the disk."""
        names = ("file", "mode", "buffering", "encoding", "errors", "newline")
        given = dict(zip(names, args, strict=False)) | kwargs
        path, mode = given.get("file"), given.get("mode", "r")
        texts = [given.get(name) for name in names[3:]]
        try:
            if type(mode) is not str or not _READS.fullmatch(mode):
                self.files.write(path)
                raise Undetermined
            plain = all(value is None or type(value) is str for value in texts) and not ("b" in mode and any(texts))
            known = len(args) <= len(names) and not given.keys() - set(names) and given.get("buffering", -1) in (-1, 1)
            if not (plain and known):
                raise Undetermined
            name: Any = os.fspath(path) if type(path) is ConcretePath else path  # type: ignore[arg-type]
            data = self.held(name)
            raw: Any = Held(data, name)
            if "b" in mode:
                return io.BufferedReader(raw)
            encoding, errors, newline = texts
            encoding = None if encoding == "locale" else encoding
            if encoding is None and not (_UTF8 or data.isascii()):
                raise Undetermined
            made: Any = io.TextIOWrapper(raw, encoding or _ENCODING, errors, newline)
            made.mode = mode
            return made
        except Undetermined:
            return self.runtime.unknown([*args, *kwargs.values()])

    def held(self, path: Any) -> bytes:
        """What is in a file. Raises `Undetermined`, or the OSError of a run."""
        try:
            data = self.files.look(path, Disk.data)
        except OSError as error:
            number = NUMBERS[type(error)]
            raise OSError(number, os.strerror(number), path) from None
        self.runtime.take(len(data))
        return data

    def encoding_of(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`io.text_encoding`."""
        return args[0] if args and args[0] is not None else "locale"

    def loaded_from(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`json.load`."""
        if len(args) != 1:
            return self.runtime.unknown([*args, *kwargs.values()])
        read = self.calls.interpreter.attributes.get(args[0], "read")
        return self.calls.listed(json.loads, [self.calls.call(read, [], {})], kwargs)

    def resources(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`importlib.resources.files`, of a package of the program."""
        name = getattr(args[0], "name", args[0]) if len(args) == 1 and not kwargs else None
        found = self.calls.interpreter.imports.world.finder.find(name) if type(name) is str and name else None
        if found is None or found.kind != "package" or found.path is None or found.installed:
            return self.runtime.unknown(args)
        return ConcretePath(found.path.parent)


def _real(files: Files, path: Any) -> str:
    return files.look(path, Disk.real)


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


def _list(files: Files, found: list[Any]) -> Any:
    return found if len(found) < 2 else files.listed(found)


NUMBERS: dict[type, int] = {
    FileNotFoundError: errno.ENOENT,
    NotADirectoryError: errno.ENOTDIR if os.name == "posix" else errno.ENOENT,
    IsADirectoryError: errno.EISDIR if os.name == "posix" else errno.EACCES,
}
PATH_QUESTIONS: dict[str, Callable[..., Any]] = {
    "exists": lambda files, path: files.look(path, Disk.kind) is not None,
    "is_file": lambda files, path: files.look(path, Disk.kind) == "file",
    "is_dir": lambda files, path: files.look(path, Disk.kind) == "folder",
    "iterdir": lambda files, path: files.listed([path / name for name in files.names(path)]),
    "glob": lambda files, path, pattern: files.listed(_matching(files, path, pattern)),
    "rglob": lambda files, path, pattern: files.listed(_below(files, path, pattern)),
    "resolve": lambda files, path: ConcretePath(_real(files, path)),
    "absolute": lambda files, path: path if path.is_absolute() else ConcretePath(files.folder()) / path,
}
"""Methods of paths that answer a question."""
READING = library.words("open read_text read_bytes")
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
    "relpath": lambda files, path, start=os.curdir: os.path.relpath(files.place(path), files.place(start)),
    "getcwd": lambda files: files.folder(),
    "listdir": lambda files, path=os.curdir: _list(files, files.names(path)),
    "glob": _globbed,
}
"""Functions that answer a question, by their names."""
