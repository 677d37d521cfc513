"""Programs to try the product on: `orders.py`, one file, which editors open; `shop`, the same as a small project."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path


@contextmanager
def copied(name: str) -> Iterator[Path]:
    """An example's folder as a user would have it, for a while: where it lies it is installed code, which is stepped
    over."""
    with tempfile.TemporaryDirectory(prefix="cwm-lsp-") as folder, as_file(files(__package__) / name) as example:
        yield Path(
            shutil.copytree(example, Path(folder).resolve() / name, ignore=shutil.ignore_patterns("__pycache__"))
        )
