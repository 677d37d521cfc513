"""Where nothing can be written, or nobody reads, commands do what they can and say so in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.record.store import TraceStore

from ..fuzz.targets import TRACE

PROGRAM = "def f(n):\n    return n + 1\n"


def command(folder: Path, *arguments: str, files: int | None = None, size: int | None = None):
    def limit() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for kind, most in ((resource.RLIMIT_NOFILE, files), (resource.RLIMIT_FSIZE, size)):
            if most is not None:
                resource.setrlimit(kind, (most, most))

    (folder / "app.py").write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, "-m", "cwm_lsp", *arguments],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=limit if files or size is not None else None,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("limits", [{"size": 0}, {"files": 9}])
def test_what_has_run_out_is_told_in_a_line(tmp_path, limits):
    done = command(tmp_path, "record", "app.py:f", "--call", "f(1)", **limits)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")


def test_a_run_that_cannot_be_kept_is_a_run(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "cwm-lsp").write_text("")
    done = command(tmp_path, "record", "app.py:f", "--call", "f(1)")
    assert done.returncode == 0
    assert "returns 2" in done.stdout
    assert "Traceback" not in done.stderr
    assert "could not be kept" in done.stderr
    assert command(tmp_path, "forget").returncode == 0


@pytest.mark.parametrize("damage", ['"events": "AAAA", "x": [', '"events": [1, ', '"events": ["l"], "y": ['])
def test_a_damaged_row_gives_way_to_the_one_before(tmp_path, damage):
    store = TraceStore(tmp_path, tmp_path / "store")
    store.add(TRACE)
    row = store.path.read_text()
    with store.path.open("a") as file:
        file.write(row.replace('"events": [', damage))
    assert len(store.runs(TRACE.path, "total", "total([1])")) == 1
    found = store.trace(TRACE.path, "total", "total([1])", TRACE.source)
    assert found is not None
    assert found.outcome == TRACE.outcome
