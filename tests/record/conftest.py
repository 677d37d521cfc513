from __future__ import annotations

import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cwm_lsp.record.recorder import RecorderPool


@pytest.fixture(scope="session")
def pool() -> Iterator[RecorderPool]:
    with RecorderPool() as pool:
        yield pool


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a program to a file of its own."""

    def write(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    return write


def interpreters() -> dict[str, Path]:
    """Pythons of this machine by version, `3.8` to `3.14`."""
    found = {}
    for minor in range(8, 15):
        name = f"python3.{minor}"
        places = [shutil.which(name), *sorted(map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")))]
        for place in filter(None, places):
            answer = subprocess.run(
                [place, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True
            )
            if answer.returncode == 0 and answer.stdout.strip() == f"3.{minor}":
                found[f"3.{minor}"] = Path(place)
    return found


@pytest.fixture(scope="session")
def pythons() -> dict[str, Path]:
    return interpreters()
