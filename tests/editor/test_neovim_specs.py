"""The plugin's own suite, in Lua: busted, inside Neovim, with a language server that says what a spec has it say."""

import shutil
import subprocess

import pytest

from .conftest import REPOSITORY, nvim_program

pytestmark = pytest.mark.editor

LUA = "/usr/share/lua/5.1"
"""Where Debian has busted's modules."""


def test_specs(tmp_path, monkeypatch):
    program, busted = nvim_program(), shutil.which("busted")
    if program is None or busted is None:
        pytest.skip("there is no Neovim" if program is None else "there is no busted")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("LUA_PATH", f"{LUA}/?.lua;{LUA}/?/init.lua;;")
    monkeypatch.setenv("LUA_CPATH", "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;")
    result = subprocess.run(
        # Without --ignore-lua it would look for another Lua than Neovim's own.
        [program, "-l", busted, "--ignore-lua", "--output=TAP"],
        cwd=REPOSITORY / "editor-clients" / "neovim",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "ok 1 - " in output, output


def test_lint():
    luacheck = shutil.which("luacheck")
    if luacheck is None:
        pytest.skip("there is no luacheck")
    result = subprocess.run(
        [luacheck, "--no-color", "--quiet", "."],
        cwd=REPOSITORY / "editor-clients" / "neovim",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
