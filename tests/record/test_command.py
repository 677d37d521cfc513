"""`cwm-lsp record` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "rates.py").write_text("def rate():\n    return 2\n")
    (tmp_path / "shop.py").write_text(
        "import os\nfrom rates import rate\n\nSEEN = []\n\n"
        "def price(x):\n    return x * rate()\n\n"
        "def process(n):\n    SEEN.append(n)\n    return os.getppid(), len(SEEN)\n"
    )
    return tmp_path


def record(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "cwm_lsp", "record", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scope_of_the_workspace(project):
    call = ("shop.py:price", "--call", "price(3)")
    alone = json.loads(record(project, *call, "--scope", "file", "--json"))
    whole = json.loads(record(project, *call, "--json"))
    assert {event["path"] for event in alone["events"]} == {None}
    assert {event["path"] for event in whole["events"]} == {None, str(project / "rates.py")}
    assert [event for event in whole["events"] if event["path"] is None] == alone["events"]
    assert "rates.py: def rate():" in record(project, *call, "--scope", "workspace")


def test_batch_has_one_warm_process_and_no_case_sees_another(project):
    rows = [{"path": "shop.py", "function": "process", "call": f"process({n})"} for n in range(3)]
    (project / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = [json.loads(line) for line in record(project, "--batch", "cases.jsonl", "--json").splitlines()]
    assert [result["call"] for result in results] == [row["call"] for row in rows]
    (value,) = {result["outcome"]["value"] for result in results}
    assert value.endswith(", 1)")
