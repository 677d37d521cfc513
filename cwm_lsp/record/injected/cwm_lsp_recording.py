"""A plugin of pytest that records the first calls of the workspace's functions that its tests make.

Python 3.8, standard library only: it is loaded by name, from this folder, in an interpreter that need not have cwm-lsp.
What is recorded is written to a file in the folder that `CWM_LSP_RECORDINGS` names, by each process that runs tests.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest

FOLDER, WORKSPACE = "CWM_LSP_RECORDINGS", "CWM_LSP_WORKSPACE"
_PARTS = (
    "stack", "quiet", "reach", "reprs", "atoms", "values", "insides", "tracers", "framed", "scope", "recording",
    "probe", "sampling",
)  # fmt: skip
_IN_USE = "nothing recorded: coverage or a debugger traces already, and before Python 3.12 only one of them can"
_MUCH = 1 << 20


def _sampler(workspace: str) -> Any:
    """A sampler, its modules under names that no test will have."""
    here = Path(__file__).resolve().parent.parent
    loaded: dict[str, Any] = {}
    for name in _PARTS:  # each finds those before it by their plain names
        spec = importlib.util.spec_from_file_location("_cwm_" + name, str(here / (name + ".py")))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        hidden = {part: sys.modules.get(part) for part in loaded}
        sys.modules.update({"_cwm_" + name: module}, **loaded)
        try:
            spec.loader.exec_module(module)
        finally:
            for part, before in hidden.items():
                sys.modules.pop(part)
                if before is not None:
                    sys.modules[part] = before
        loaded[name] = module
    return loaded["sampling"].Sampler(workspace)


class _Recording:
    """The plugin, in one process."""

    def __init__(self, folder: str, workspace: str) -> None:
        self._out = str(Path(folder) / f"{os.getpid()}.jsonl")
        self._sampler: Optional[Any] = _sampler(workspace)
        self._pid = os.getpid()
        self._rows: List[str] = []
        self.told = ""

    def pytest_collection_finish(self, session: Any) -> None:
        """The tests themselves are not recorded."""
        if self._sampler is not None:
            self._sampler.others.update(str(getattr(item, "path", None) or item.fspath) for item in session.items)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """One test, with its set-up and tear-down."""
        if self._sampler is not None and not self._sampler.begin():
            self._sampler, self.told = None, _IN_USE
        yield
        if self._sampler is not None and os.getpid() == self._pid:
            self._sampler.pause()
            self._rows.append(self._sampler.take())
            if sum(map(len, self._rows)) > _MUCH:
                self._write()

    def pytest_sessionfinish(self) -> None:
        """The tests have ended."""
        if os.getpid() == self._pid:
            self._write()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Why nothing was recorded, if so."""
        if self.told:
            terminalreporter.write_line("cwm-lsp: " + self.told)

    def _write(self) -> None:
        with open(self._out, "a", encoding="utf-8") as out:  # noqa: PTH123
            out.writelines(self._rows)
        self._rows = []


def pytest_configure(config: Any) -> None:
    """Record, where the variables say so."""
    folder = os.environ.get(FOLDER)
    if folder:
        workspace = os.environ.get(WORKSPACE) or str(config.rootdir)
        config.pluginmanager.register(_Recording(folder, workspace), "cwm-lsp-recording")
