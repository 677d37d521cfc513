"""Folders that a program is given empty and for itself alone (`tmp_path`): what it writes there is what it finds there.

They are in memory; nothing is written. Where they would be is not known: in the texts of their paths stands the address
of an object, so that such a text counts as unknown wherever it could show.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import NoReturn

from cwm_lsp.evaluate.disk import Kind
from cwm_lsp.evaluate.values import Undetermined

DEEP = 6
"""Folders that one of them lies in."""


def fail(number: int, path: str) -> NoReturn:
    raise OSError(number, os.strerror(number), path)


class Fresh:
    """The fresh folders of one evaluation, and what is in them. Paths are absolute texts."""

    def __init__(self) -> None:
        self.mark = f"fresh-0x{id(self):x}"
        self.roots: list[str] = []
        self.entries: dict[str, bytes | None] = {}
        """What there is: the content of a file, None for a folder."""
        self.open: dict[str, int] = {}
        """How many are writing to a file."""

    def folder(self) -> str:
        """A new one, which is empty."""
        root = "/" + "/".join([self.mark] * DEEP) + f"-{len(self.roots)}"
        self.roots.append(root)
        self.entries[root] = None
        return root

    def marks(self, text: str) -> bool:
        """Whether a text says where one of them is."""
        return bool(self.roots) and self.mark in text

    def has(self, path: str) -> bool:
        """Whether a path is in one of them. Raises `Undetermined` for one that only leads past them."""
        if not self.marks(path):
            return False
        path = os.path.normpath(path)
        if not any(path == root or path.startswith(f"{root}/") for root in self.roots):
            raise Undetermined
        return True

    def real(self, path: str) -> str:
        return os.path.normpath(path)

    def parent(self, path: str) -> None:
        """Raises OSError where there is no folder to make something in."""
        above = os.path.dirname(self.real(path))  # noqa: PTH120  no paths are needed
        kind = self.kind(above)
        if kind != "folder":
            fail(errno.ENOENT if kind is None and self._is_reachable(above) else errno.ENOTDIR, path)

    def _is_reachable(self, path: str) -> bool:
        """Whether nothing on the way to a path is a file."""
        while path not in self.roots:
            path = os.path.dirname(path)  # noqa: PTH120
            if self.entries.get(path) is not None:
                return False
        return True

    def kind(self, path: str) -> Kind | None:
        path = self.real(path)
        if path not in self.entries:
            return None
        return "folder" if self.entries[path] is None else "file"

    def data(self, path: str) -> bytes:
        real = self.real(path)
        if self.open.get(real):
            raise Undetermined  # what of it is written by now hangs on buffers
        held = self.entries.get(real)
        if held is None:
            if real in self.entries:
                fail(errno.EISDIR, path)
            fail(errno.ENOENT if self._is_reachable(real) else errno.ENOTDIR, path)
        return held

    def names(self, path: str) -> list[str]:
        before = self.real(path) + "/"
        inside = (one[len(before) :] for one in self.entries if one.startswith(before))
        return sorted(one for one in inside if "/" not in one)

    # changes

    def writer(self, path: str, mode: str) -> Writing:
        """What a file is written through. Raises OSError."""
        real = self.real(path)
        if self.kind(real) == "folder":
            fail(errno.EISDIR, path)
        self.parent(path)
        if mode == "x" and real in self.entries:
            fail(errno.EEXIST, path)
        if self.open.get(real):
            raise Undetermined
        before = (self.entries.get(real) or b"") if mode == "a" else b""
        self.entries[real] = before
        self.open[real] = 1

        def keep(data: bytes) -> None:
            self.open[real] = 0
            self.entries[real] = data

        return Writing(before, keep)

    def mkdir(self, path: str, *, parents: bool = False, exist_ok: bool = False) -> None:
        real = self.real(path)
        if real in self.entries:
            if not exist_ok or self.kind(real) != "folder":
                fail(errno.EEXIST, path)
            return
        if parents and self.kind(os.path.dirname(real)) is None and self._is_reachable(real):  # noqa: PTH120
            self.mkdir(os.path.dirname(real), parents=True, exist_ok=True)  # noqa: PTH120
        self.parent(path)
        self.entries[real] = None

    def touch(self, path: str, *, exist_ok: bool = True) -> None:
        real = self.real(path)
        if real in self.entries:
            if not exist_ok:
                fail(errno.EEXIST, path)
            return
        self.parent(path)
        self.entries[real] = b""

    def unlink(self, path: str, *, missing_ok: bool = False) -> None:
        real = self.real(path)
        if real not in self.entries:
            if missing_ok and self._is_reachable(real):
                return
            fail(errno.ENOENT if self._is_reachable(real) else errno.ENOTDIR, path)
        if self.entries[real] is None or self.open.get(real):
            raise Undetermined  # which error it is differs between systems
        del self.entries[real]

    def rmdir(self, path: str) -> None:
        real = self.real(path)
        kind = self.kind(real)
        if kind is None:
            fail(errno.ENOENT if self._is_reachable(real) else errno.ENOTDIR, path)
        if kind == "file":
            fail(errno.ENOTDIR, path)
        if self.names(real):
            raise Undetermined  # the number of the error differs between systems
        del self.entries[real]

    def move(self, path: str, target: str) -> None:
        """`os.replace`, of files."""
        real, onto = self.real(path), self.real(target)
        if self.kind(real) != "file" or self.kind(onto) == "folder" or self.open.get(real) or self.open.get(onto):
            raise Undetermined
        self.parent(target)
        self.entries[onto] = self.entries.pop(real)


class Writing(io.BytesIO):
    """What a program writes to a file, which is there once it is closed."""

    name: object = None

    def __init__(self, data: bytes, keep: Callable[[bytes], None]) -> None:
        super().__init__(data)
        self.seek(0, io.SEEK_END)
        self._keep = keep

    def readable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            self._keep(self.getvalue())
        super().close()
