"""The rules of what reads files, asks for them, and makes some in a fresh folder."""

from __future__ import annotations

import io
import json
import locale
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.disk import Disk
from cwm_lsp.evaluate.reading import (
    MAKING,
    NUMBERS,
    PATH_QUESTIONS,
    PATH_TEXTS,
    QUESTIONS,
    READING,
    WORKING_FOLDER,
    WRITING,
    ConcretePath,
    Files,
    Held,
)
from cwm_lsp.evaluate.values import Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Calls
    from cwm_lsp.evaluate.runtime import Runtime

Rule = Callable[[Any, list[Any], dict[str, Any]], Any]
_READS = re.compile(r"r?t?|tr|r?b|br")
"""Modes of `open` that change nothing."""
_WRITES = re.compile(r"[wax][bt]?|[bt][wax]")
"""Those that write and do not read."""
_ENCODING = locale.getpreferredencoding(False)
"""Of texts that are read without naming one, as in a run on this machine."""
_UTF8 = _ENCODING.lower().replace("-", "") == "utf8"


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
            library.dump_json: self.dumped_to,
            library.text_encoding: self.encoding_of,
            library.resources: self.resources,
            library.fresh_folder: lambda function, args, kwargs: ConcretePath(self.files.fresh.folder()),
            library.change_folder: self.gone_to,
            **{function: self.change(name) for name, function in library.CHANGING.items()},
            **dict.fromkeys((pathlib.Path, ConcretePath, pathlib.PurePath, pathlib.PurePosixPath), self.path_of),
            **dict.fromkeys(PATH_TEXTS, self.path_text),
            **dict.fromkeys((os.path.commonpath, os.path.commonprefix), self.in_common),
            WORKING_FOLDER: self.answered(lambda files, _kind: ConcretePath(files.folder())),
            **{library.ASKING[name]: self.answered(question) for name, question in QUESTIONS.items()},
        }

    def answered(self, question: Callable[..., Any]) -> Rule:
        """The rule of a function that answers a question about files."""

        def rule(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            try:
                if kwargs:
                    raise Undetermined
                found = question(self.files, *args)
                return self.files.text(found) if type(found) is str else found
            except (Undetermined, TypeError):
                return self.runtime.unknown([*args, *kwargs.values()])

        return rule

    def gone_to(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`os.chdir`: to a fresh folder, and back."""
        files = self.files
        try:
            if len(args) != 1 or kwargs:
                raise Undetermined
            place = files.place(args[0])
            if files.look(place, Disk.kind) != "folder":
                raise Undetermined
            if files.fresh.has(place):
                files.here = files.fresh.real(place)
            elif files.disk is not None and files.disk.real(place) == files.disk.folder:
                files.here = None
            else:
                raise Undetermined
        except Undetermined:
            files.drift()
            return self.runtime.unknown(args)

    def change(self, name: str) -> Rule:
        """The rule of a function that changes what lies at a path."""

        def rule(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            try:
                if not args or not self.files.is_fresh(args[0]):
                    raise Undetermined
                if name == "makedirs":
                    given = dict(zip(("mode", "exist_ok"), args[1:], strict=False)) | kwargs
                    return self.made("mkdir", args[0], [], {**given, "parents": True})
                return self.made({"remove": "unlink", "rename": "move", "replace": "move"}.get(name, name), args[0],
                                 args[1:], kwargs)  # fmt: skip
            except Undetermined:
                for item in args[:2] if name in ("rename", "replace") else args[:1]:
                    self.files.write(item)
                return self.runtime.unknown([*args, *kwargs.values()])

        return rule

    def path(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`os.fspath`."""
        meant = self.files.meant(args[0]) if len(args) == 1 else None
        if type(meant) is ConcretePath:
            return self.calls.operations.attempt(self.files.text, (str(meant),))
        return args[0] if type(meant) in (str, bytes) else self.runtime.unknown()

    def path_of(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`Path(…)` of texts and paths."""
        return self.calls.native(function, [self.files.meant(value) for value in args], kwargs)

    def path_text(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Functions that make texts of paths out of such."""
        files = self.files
        meant = [files.meant(value) for value in args]
        texts = [os.fspath(value) if type(value) is ConcretePath else value for value in meant]
        if kwargs or not any(type(text) is str and files.fresh.marks(text) for text in texts):
            return self.calls.native(function, args, kwargs)
        if not all(type(text) is str for text in texts):
            return self.runtime.unknown(args)
        try:
            found = function(*texts)
            return files.text(found) if type(found) is str else tuple(map(files.text, found))
        except Undetermined:
            return self.runtime.unknown(args)

    def in_common(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`os.path.commonpath` and `commonprefix`: how much is in common may say where a fresh folder is."""
        if self.files.fresh.roots and not all(
            type(item) is str for value in args for item in self.runtime.inside(value)
        ):
            return self.runtime.unknown(args)
        return self.calls.native(function, args, kwargs)

    def path_method(self, name: str) -> Callable[..., Any]:
        """The rule of a method of a path."""

        def rule(value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
            if name in MAKING:
                try:
                    if self.files.is_fresh(value):
                        return self.made(name, value, args, kwargs)
                except Undetermined:
                    pass
            if name in WRITING:
                for item in (value, *args[: name in ("rename", "replace", "symlink_to", "hardlink_to")]):
                    self.files.write(item)
                return self.runtime.unknown([*args, *kwargs.values()])
            if name in READING:
                return self.of_path(name, value, args, kwargs)
            return self.answered(PATH_QUESTIONS[name])(function, [value, *args], kwargs)

        return rule

    def made(self, name: str, path: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """A change in a fresh folder. Raises `Undetermined`, or the OSError of a run."""
        files = self.files
        place = files.place(path)
        if name in ("write_text", "write_bytes"):
            return self.filled_at(path, name == "write_text", args, kwargs)
        if name in ("rename", "replace", "move"):
            if len(args) != 1 or kwargs or not files.is_fresh(args[0]):
                raise Undetermined
            files.fresh.move(place, files.place(args[0]))
            return None if name == "move" else ConcretePath(files.meant(args[0]))
        names = {"mkdir": ("mode", "parents", "exist_ok"), "touch": ("mode", "exist_ok"), "unlink": ("missing_ok",)}
        given = dict(zip(names.get(name, ()), args, strict=False)) | kwargs
        if len(args) > len(names.get(name, ())) or not all(type(value) in (bool, int) for value in given.values()):
            raise Undetermined
        mode = given.pop("mode", 0o777)
        if mode & 0o700 != 0o700 and name == "mkdir":
            raise Undetermined
        getattr(files.fresh, name)(place, **given)
        return None

    def filled_at(self, path: Any, is_text: bool, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """`Path.write_text` and `write_bytes`."""
        given = dict(zip(("data", "encoding", "errors", "newline"), args, strict=False)) | kwargs
        data = given.pop("data", None)
        if type(data) is not (str if is_text else bytes) or (given and not is_text):
            raise Undetermined
        opened = self.opened(library.open_file, [path, "w" if is_text else "wb"], given)
        if type(opened) is Unknown:
            raise Undetermined
        with opened:
            return opened.write(data)

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
            writes = type(mode) is not str or not _READS.fullmatch(mode)
            if writes and not (type(mode) is str and _WRITES.fullmatch(mode) and self.files.is_fresh(path)):
                self.files.write(path)
                raise Undetermined
            plain = all(value is None or type(value) is str for value in texts) and not ("b" in mode and any(texts))
            known = len(args) <= len(names) and not given.keys() - set(names) and given.get("buffering", -1) in (-1, 1)
            if not (plain and known):
                raise Undetermined
            name: Any = self.files.meant(path)
            name = os.fspath(name) if type(name) is ConcretePath else name
            raw: Any
            data = b""
            if writes:
                raw = self.files.fresh.writer(self.files.place(name), mode.strip("bt"))
                if "b" in mode:
                    return io.BufferedWriter(raw)
            else:
                data = self.held(name)
                raw = Held(data, name)
                if self.files.is_fresh(name):
                    raw.name = Unknown()
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
            number = error.errno or NUMBERS[type(error)]
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

    def dumped_to(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`json.dump` into a file in memory, piece by piece in a run."""
        if len(args) != 2 or type(args[1]) not in (io.TextIOWrapper, io.StringIO):
            return self.runtime.unknown([*args, *kwargs.values()])
        text = self.calls.listed(json.dumps, args[:1], kwargs)
        write = self.calls.interpreter.attributes.get(args[1], "write")
        self.calls.call(write, [text], {})
        return None

    def resources(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`importlib.resources.files`, of a package of the program."""
        name = getattr(args[0], "name", args[0]) if len(args) == 1 and not kwargs else None
        found = self.calls.interpreter.imports.world.finder.find(name) if type(name) is str and name else None
        if found is None or found.kind != "package" or found.path is None or found.installed:
            return self.runtime.unknown(args)
        return ConcretePath(found.path.parent)
