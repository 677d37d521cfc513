"""A run in the sandbox changes nothing and calls nobody, nor does what it starts; it reads and computes as always."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from cwm_lsp.confinement import can_sandbox
from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.recorder import RecorderPool

PROGRAM = """
import asyncio, os, socket, subprocess, sys, tempfile

def tried(act):
    try:
        act()
    except PermissionError:
        return "refused"
    except subprocess.CalledProcessError:
        return "refused"
    return "done"

def f(folder, port):
    return {
        "read": tried(lambda: open(folder + "/kept").read()),
        "create": tried(lambda: open(folder + "/new", "w")),
        "change": tried(lambda: open(folder + "/kept", "a")),
        "remove": tried(lambda: os.remove(folder + "/kept")),
        "by another program": tried(
            lambda: subprocess.run([sys.executable, "-c", f"open({folder + '/new'!r}, 'w')"], check=True, stderr=-3)
        ),
        "connect": tried(lambda: socket.create_connection(("127.0.0.1", port))),
        "local socket": tried(lambda: socket.socket(socket.AF_UNIX)),
        "temporary": tried(lambda: tempfile.NamedTemporaryFile().write(b"x")),
        "tasks": tried(lambda: asyncio.run(asyncio.sleep(0))),
    }
"""


@pytest.mark.skipif(not can_sandbox(), reason="this system has no sandbox for runs")
def test_a_run_in_the_sandbox_changes_nothing_and_calls_nobody(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    (tmp_path / "kept").write_text("kept")
    with RecorderPool() as pool, socket.create_server(("127.0.0.1", 0)) as server:
        call = f"f({str(tmp_path)!r}, {server.getsockname()[1]})"
        inside = pool.record(path, "f", call, timeout=20, sandbox=True)
        assert inside.outcome.value is not None
        told = eval(inside.outcome.value)
        assert [name for name, what in told.items() if what == "done"] == ["read", "temporary", "tasks"]
        assert (tmp_path / "kept").read_text() == "kept"
        assert not (tmp_path / "new").exists()
        outside = pool.record(path, "f", call, timeout=20)
        assert "refused" not in (outside.outcome.value or "refused")


@pytest.mark.skipif(sys.platform == "linux" and can_sandbox(), reason="this system has a sandbox for runs")
def test_where_there_is_no_sandbox_nothing_runs(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\ndef f():\n    pass\n")
    with RecorderPool() as pool, pytest.raises(UnavailableError, match="no sandbox"):
        pool.record(path, "f", "f()", sandbox=True)
    assert not (tmp_path / "mark").exists()
