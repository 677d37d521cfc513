"""`repair` as it is called: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FAULTY = """\
def last(items):
    # of several
    return items[0]
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cwm_lsp", "repair", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_edits_as_json_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text(FAULTY)
    pairs = ["--call", "last([1, 2, 3])", "--expect", "3", "--call", "last([4])", "--expect", "4"]
    done = run(tmp_path, "shop.py:last", *pairs, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"edits", "tried", "seconds"}
    first = told["edits"][0]
    assert set(first) == {"diff", "text", "title", "kept", "broken", "provenance"}
    assert first["text"] == FAULTY.replace("[0]", "[-1]")
    assert first["kept"] == ["last([1, 2, 3]) == 3", "last([4]) == 4"]
    assert first["broken"] == []
    assert file.read_text() == FAULTY

    done = run(tmp_path, "shop.py:last", *pairs, "--apply")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 known calls as expected, computed" in done.stdout
    assert file.read_text() == FAULTY.replace("[0]", "[-1]")


def test_what_a_user_can_mend_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(FAULTY)
    done = run(tmp_path, "shop.py:last")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no expectation is known of last: give --call and --expect")
    done = run(tmp_path, "shop.py:last", "--call", "last([1])", "--call", "last([2])", "--expect", "1")
    assert done.returncode == 2
    assert "give one --expect for each --call" in done.stderr
