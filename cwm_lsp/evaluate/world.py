"""What is around a program: the project, the interpreter that would run it, and what is read of them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.evaluate.disk import Disk
from cwm_lsp.source.environment import is_own, project
from cwm_lsp.source.files import read_source
from cwm_lsp.source.imported import Place
from cwm_lsp.source.modules import SOURCE_BYTES, Finder, Installation, installation

OURS = Path(__file__).parents[1]
"""The folder of cwm-lsp's own files."""
STAND_INS = {path.stem.replace("__", "."): path for path in (Path(__file__).parent / "stand_ins").glob("[a-z]*.py")}
"""Modules that are interpreted in place of the library's own."""


def read(path: Path) -> str | None:
    """The text of a source file; None where there is none that can be interpreted."""
    try:
        return read_source(path) if path.stat().st_size <= SOURCE_BYTES else None
    except (OSError, UserError):
        return None


@dataclass(frozen=True)
class World:
    """What is around a file: the modules that it may import."""

    finder: Finder
    read: Callable[[Path], str | None] = read
    """The text of a source file, as the editor has it or as it is on disk."""
    traced: Callable[[Path], bool] = field(default=lambda path: False)
    """Whether the steps in a file are events, each with its `path`; else it is stepped over."""
    disk: Disk | None = None
    """What a program may read."""
    named: Mapping[str, Path] = field(default_factory=dict)
    """Modules that are interpreted from these files, whatever else has their name."""


@dataclass(frozen=True)
class Around:
    """Where a file is: what it imports is found from there."""

    path: str
    """Absolute."""
    python: str | None = None
    """The interpreter that would run it, where that is not the one to be expected."""
    workspace: str | None = None
    """The folder of whose files the steps are events; None for none but the file's own."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files (absolute paths) whose text differs from the disk's."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Modules that are interpreted from these files (absolute paths), whatever else has their name: those of cwm-lsp's
    own like the library's, of which no more is interpreted than is asked for."""

    def world(self, source: str) -> World:
        """What there is, around a file with that text."""
        path, python = Path(self.path), Path(self.python) if self.python else None
        try:
            finder = Finder.around(path, source, python)
        except UnavailableError:
            finder = Finder.around(path, source)

        def traced(other: Path) -> bool:
            return self.workspace is not None and is_own(other, Path(self.workspace), finder.own.stdlib)

        named = {name: Path(file) for name, file in self.named.items()}
        return World(finder, self.text_of, traced, Disk(project(path)), named)

    def text_of(self, other: Path) -> str | None:
        """The text of a source file, as the editor has it or as it is on disk."""
        known = self.texts.get(str(other))
        return read(other) if known is None else known

    def place(self, source: str) -> Place | None:
        """The file with that text among the project's modules; None where there is no such file."""
        return Place.of(self.path, source, self.text_of)


@functools.lru_cache(maxsize=1)
def nowhere() -> World:
    """The world of a text that is not a file: the standard library alone."""
    own = installation(Path(sys.executable))
    return World(Finder((), Installation(own.version, own.stdlib, ())))
