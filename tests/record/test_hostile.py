"""Programs that turn on the recorder: the run ends in time, says what is true, and leaves nothing."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from cwm_lsp.record.recorder import Limits, RecorderPool

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="what these programs do is Linux's"), pytest.mark.slow]
MARK = "cwm-hostile-grandchild"

HEAD = """
import glob, os, signal, subprocess, sys, time

def folder():
    return os.path.dirname(os.readlink("/proc/self/fd/1"))

def parents():
    pids, pid = [], os.getpid()
    for _ in range(2):
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
        pids.append(pid)
    return pids

def grandchild():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.execvp("python3", ["python3", "-c", "import time; time.sleep(60)", "cwm-hostile-grandchild"])
        os._exit(0)
    time.sleep(0.3)

def f(n):
    x = 1
    act()
    y = 2
    return y
"""

PROGRAMS = {
    "journal cut off": """
        def act():
            time.sleep(0.2)  # what has been read by then is kept
            os.truncate(folder() + "/journal", 0)
    """,
    "journal overwritten": """
        def act():
            time.sleep(0.2)
            with open(folder() + "/journal", "r+b") as file:
                file.write(b'["x"],\\n' * 200)
            time.sleep(0.2)
    """,
    "journal replaced": """
        def act():
            os.remove(folder() + "/journal")
            os.mkfifo(folder() + "/journal")
    """,
    "FIFO for the output": """
        def act():
            print("before", flush=True)
            os.remove(folder() + "/stdout")
            os.mkfifo(folder() + "/stdout")
    """,
    "link for the output": """
        def act():
            print("before", flush=True)
            os.remove(folder() + "/stdout")
            os.symlink("/etc/passwd", folder() + "/stdout")
    """,
    "guardian killed": """
        def act():
            grandchild()
            os.kill(parents()[0], signal.SIGKILL)
            time.sleep(60)
    """,
    "guardian stopped": """
        def act():
            grandchild()
            os.kill(parents()[0], signal.SIGSTOP)
            time.sleep(60)
    """,
    "keeper stopped": """
        def act():
            os.kill(parents()[1], signal.SIGSTOP)
            os.kill(parents()[0], signal.SIGSTOP)
            time.sleep(60)
    """,
    "large file": """
        def act():
            with open("large", "wb") as file:
                try:
                    file.truncate(1 << 40)
                finally:
                    file.close()
    """,
}


@pytest.fixture
def run(tmp_path: Path):
    with RecorderPool(ahead=False) as pool:

        def record(name: str):
            path = tmp_path / "program.py"
            path.write_text(HEAD + textwrap.dedent(PROGRAMS[name]))
            printed: list[str] = []
            started = time.monotonic()
            trace = pool.record(
                path, "f", "f(0)", timeout=3, limits=Limits(events=100), on_output=lambda out, err: printed.append(out)
            )
            return trace, printed[0], time.monotonic() - started

        yield record


def left() -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if MARK in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if "stopped" in name else name for name in PROGRAMS]
)
def test_hostile_programs_end_in_time_and_leave_nothing(name, run):
    trace, printed, seconds = run(name)
    assert [event.kind for event in trace.events[:2]] == ["call", "line"]
    assert "root:" not in printed
    assert seconds < 10
    if name.startswith("journal") and name != "journal replaced":
        assert "damaged its record" in (trace.outcome.detail or "") or trace.outcome.kind == "error"
    if name in ("FIFO for the output", "link for the output"):
        assert printed == "before\n"
        assert trace.outcome.value == "2"
    deadline = time.monotonic() + 3
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []


def test_the_program_is_not_given_our_key(tmp_path, monkeypatch):
    monkeypatch.setenv("CWM_LSP_API_KEY", "secret")
    path = tmp_path / "program.py"
    path.write_text("import os\n\n\ndef f():\n    return [name for name in os.environ if 'CWM_LSP' in name]\n")
    with RecorderPool(ahead=False) as pool:
        assert pool.record(path, "f", "f()", timeout=20).outcome.value == "[]"
    assert os.environ["CWM_LSP_API_KEY"] == "secret"
