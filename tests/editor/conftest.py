"""A real Neovim, headless, with the plugin and the real server."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PLUGIN = REPOSITORY / "editor-clients" / "neovim"


class Neovim:
    """One Neovim process and what it shows."""

    def __init__(self, nvim) -> None:
        self.nvim = nvim

    def lua(self, code: str, *arguments):
        return self.nvim.exec_lua(code, *arguments)

    def command(self, command: str) -> None:
        self.nvim.command(command)

    def open(self, path: Path, enable: bool = True) -> None:
        """Edit a file, with the server enabled as a user would."""
        if enable:
            self.lua("vim.lsp.enable('cwm_lsp')")
        self.command(f"edit {path}")

    def cursor(self, line: int, column: int = 1) -> None:
        """1-based."""
        self.lua("vim.api.nvim_win_set_cursor(0, {...})", line, column - 1)

    def hints(self) -> dict[int, str]:
        """1-based line → label, as Neovim shows them."""
        shown = self.lua(
            "local space = vim.api.nvim_get_namespaces()['cwm_lsp.virtual_text']"
            " return space and vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }) or {}"
        )
        return {mark[1] + 1: "".join(chunk[0] for chunk in mark[3]["virt_text"][1:]) for mark in shown}

    def diagnostics(self) -> dict[int, str]:
        """1-based line → message."""
        found = self.lua(
            "return vim.tbl_map(function(found) return { found.lnum + 1, found.message } end, vim.diagnostic.get(0))"
        )
        return dict(found)

    def screen(self) -> list[str]:
        """What is drawn, row by row. Neovim draws nothing before there is somebody to look at it."""
        if not self.nvim.api.list_uis():
            self.nvim.ui_attach(100, 40)
        self.command("redraw")
        return self.lua(
            "return vim.iter(vim.fn.range(1, vim.o.lines)):map(function(row)"
            " return vim.iter(vim.fn.range(1, vim.o.columns))"
            ":map(function(column) return vim.fn.screenstring(row, column) end):join('') end):totable()"
        )

    def messages(self) -> str:
        return self.lua("return vim.fn.execute('messages')")

    def until(self, condition, timeout: float = 60):
        """Wait for a condition; gives what it gives."""
        deadline = time.monotonic() + timeout
        while True:
            met = condition()
            if met:
                return met
            if time.monotonic() > deadline:
                log = Path(self.lua("return vim.lsp.log.get_filename()"))
                tail = log.read_text()[-3000:] if log.exists() else ""
                raise AssertionError(f"it did not happen; hints {self.hints()}, messages {self.messages()}\n{tail}")
            time.sleep(0.05)


def search_path() -> str:
    """The environment's programs first: the server, and the Neovim that comes with the tests."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def nvim_program() -> str | None:
    """The Neovim to test with: CWM_NVIM is the path of another than the one that is found."""
    return shutil.which(os.environ.get("CWM_NVIM", "nvim"), path=search_path())


@pytest.fixture
def neovim(tmp_path, monkeypatch) -> Iterator[Neovim]:
    """Neovim without any configuration but the plugin on its runtime path. Its own folders are the test's."""
    pynvim = pytest.importorskip("pynvim")
    program = nvim_program()
    if program is None:
        pytest.skip("there is no Neovim")
    monkeypatch.setenv("PATH", search_path())
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    nvim = pynvim.attach("child", argv=[program, "--embed", "--headless", "--clean"])
    if nvim.funcs.has("nvim-0.11") == 0:
        nvim.close()
        pytest.skip("Neovim is older than 0.11")
    nvim.command(f"set runtimepath^={PLUGIN}")
    nvim.command("runtime plugin/cwm_lsp.lua")
    yield Neovim(nvim)
    with contextlib.suppress(Exception):
        nvim.exec_lua("for _, client in ipairs(vim.lsp.get_clients()) do client:stop() end")
        nvim.exec_lua("vim.wait(5000, function() return #vim.lsp.get_clients() == 0 end)")
    with contextlib.suppress(Exception):
        nvim.command("qall!")
    nvim.close()
