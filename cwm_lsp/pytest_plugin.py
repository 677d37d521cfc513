"""`pytest -p cwm_lsp.pytest_plugin`: what `cwm-lsp record --pytest` does, where both are installed together."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cwm_lsp.record.injected import cwm_lsp_recording
from cwm_lsp.record.suite import FOLDER, keep

_own: list[str] = []


def pytest_configure(config: Any) -> None:
    """Have what is recorded written to a folder, also by the processes that are to run tests for this one."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="cwm-lsp-")
        _own.append(os.environ[FOLDER])
    cwm_lsp_recording.pytest_configure(config)


def pytest_unconfigure() -> None:
    """Keep what has been recorded."""
    for folder in _own:
        keep(Path(folder))
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[FOLDER]
    _own.clear()
