"""Which interpreter a shim of pyenv starts in a folder, by pyenv's own files. Nothing is started."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SHIMS, VERSIONS = "shims", "versions"
MOST = 10_000
"""Characters of a file that names versions."""
UNFINISHED = re.compile(r"(-dev|-src|-latest|(a|b|rc)\d+|\dt)$")
"""Versions that a prefix does not mean."""


def behind(program: Path, folder: Path) -> Path:
    """The program that another one starts in a folder: itself, where it is no shim or what it starts is not there."""
    root = program.parent.parent
    if program.parent.name != SHIMS or not (root / VERSIONS).is_dir():
        return program
    for name in wanted(root, folder):
        found = in_system(root, program.name) if name == "system" else in_version(root, name, program.name)
        if found is not None:
            return found
    return in_system(root, program.name) or program


def wanted(root: Path, folder: Path) -> list[str]:
    """The versions that hold in a folder, in order: of the environment, the nearest file, or for all folders."""
    named = os.environ.get("PYENV_VERSION")
    if named:
        return named.split(":")
    nearest = next((file for one in (folder, *folder.parents) if (file := one / ".python-version").is_file()), None)
    return list(names_in(nearest or root / "version")) or ["system"]


def names_in(file: Path) -> Iterator[str]:
    """The first word of each line that is no comment."""
    with suppress(OSError), file.open(encoding="utf-8", errors="replace") as text:
        for line in text.read(MOST).splitlines():
            word = line.partition("#")[0].split()[:1]
            if word and not {"/", ".."} & {*word, *word[0]}:
                yield word[0]


def in_version(root: Path, name: str, program: str) -> Path | None:
    """A program of an installed version, or of the latest with that prefix."""
    for one in (name, name.removeprefix("python-")):
        folder = root / VERSIONS / one
        if not folder.is_dir():
            among = [item for item in (root / VERSIONS).glob("*") if re.match(re.escape(one) + r"[-.]", item.name)]
            folder = max((item for item in among if not UNFINISHED.search(item.name)), key=numbers, default=folder)
        if os.access(folder / "bin" / program, os.X_OK):
            return folder / "bin" / program
    return None


def numbers(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.name)]


def in_system(root: Path, program: str) -> Path | None:
    """A program that is found without the shims."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = shutil.which(program, path=os.pathsep.join(one for one in folders if Path(one) != root / SHIMS))
    return Path(found) if found is not None else None
