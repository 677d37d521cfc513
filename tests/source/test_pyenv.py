"""A shim of pyenv stands for what pyenv starts in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.source.environment import interpreter
from cwm_lsp.source.pyenv import behind


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pyenv's folder, with some versions."""
    monkeypatch.delenv("PYENV_VERSION", raising=False)
    root = tmp_path / "pyenv"
    for version in ("3.9.18", "3.11.2", "3.11.10", "3.12-dev", "3.12.0rc1", "own"):
        program(root / "versions" / version / "bin" / "python")
    program(root / "shims" / "python")
    system = program(tmp_path / "system" / "python")
    monkeypatch.setenv("PATH", f"{root / 'shims'}:{system.parent}")
    return root


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("local", "everywhere", "environment", "started"),
    [
        ("3.11.2", "3.9.18", None, "3.11.2"),
        ("# a comment\n\n3.11\n3.9.18", "", None, "3.11.10"),
        ("python-3.9.18 and more", "", None, "3.9.18"),
        (None, "own\n", None, "own"),
        ("3.11.2", "", "3.9", "3.9.18"),
        ("3.7\n3.9.18", "", None, "3.9.18"),
        ("3.12", "", None, "system"),
        ("../../own", "own", None, "system"),
        ("system", "own", None, "system"),
        (None, "", None, "system"),
    ],
)
def test_a_shim_stands_for_what_it_starts(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: str | None, everywhere: str,
    environment: str | None, started: str,
) -> None:  # fmt: skip
    folder = tmp_path / "project" / "src"
    folder.mkdir(parents=True)
    (folder.parent / "pyproject.toml").touch()
    (root / "version").write_text(everywhere)
    if local is not None:
        (folder.parent / ".python-version").write_text(local)
    if environment is not None:
        monkeypatch.setenv("PYENV_VERSION", environment)
    expected = tmp_path / "system" if started == "system" else root / "versions" / started / "bin"
    assert interpreter(folder / "app.py", root / "shims" / "python") == expected / "python"


def test_any_other_program_stands_for_itself(root: Path) -> None:
    other = root / "versions" / "own" / "bin" / "python"
    assert behind(other, root) == other
    gone = root / "shims" / "python7"
    assert behind(gone, root) == gone
