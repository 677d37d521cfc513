"""Programs that turn on the recorder, each in another way (`hostile.txt`: its name, how the run ends, what it does)."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from cwm_lsp.record.recorder import Limits, RecorderPool

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="what these programs do is Linux's"), pytest.mark.slow]
MARK = "cwm-hostile-process"
PROGRAMS = {
    name: (end, body)
    for name, end, body in re.findall(
        r"^### (.*) \| (.*)\n((?:(?!###).*\n)+)", (Path(__file__).parent / "hostile.txt").read_text(), re.MULTILINE
    )
}
SECONDS = 2.0

HEAD = f"""
import atexit, builtins, ctypes, multiprocessing, os, resource, shutil, signal, subprocess, sys, tempfile, threading
import time

def mark():
    os.execvp("sh", ["sh", "-c", "sleep 60; exit", "{MARK}"])

def folder():
    return os.path.dirname(os.readlink("/proc/self/fd/1"))

def parents():
    pids, pid = [], os.getpid()
    for _ in range(2):
        with open(f"/proc/{{pid}}/stat") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
        pids.append(pid)
    return pids

def sockets():
    return [n for n in range(64) if os.path.exists(f"/proc/self/fd/{{n}}")
            and os.readlink(f"/proc/self/fd/{{n}}").startswith("socket")]

def over(data):
    with open(folder() + "/journal", "r+b") as file:
        file.seek(file.read().index(b"\\0"))
        file.write(data)
    time.sleep(0.3)

def act():
"""
PROGRAM = """
import acting

def f(n):
    x = 1
    acting.act()
    y = 2
    return y
"""


@pytest.fixture(scope="module")
def pool():
    with RecorderPool() as pool:
        yield pool


def left(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE and (
            MARK in (process.info["cmdline"] or []) or process.info["cwd"] == str(folder)
        ):
            found.append(process.pid)
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_ends_in_time_says_how_and_leaves_nothing(name, pool, tmp_path, monkeypatch):
    end, body = PROGRAMS[name]
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "program.py"
    path.write_text(PROGRAM)
    (tmp_path / "work" / "acting.py").write_text(HEAD + textwrap.indent(body, "    "))
    started = time.monotonic()
    trace = pool.record(path, "f", "f(0)", timeout=SECONDS, limits=Limits(events=1_000), cwd=path.parent)
    seconds = time.monotonic() - started
    assert [event.kind for event in trace.events[:2]] == ["call", "line"]
    outcome = trace.outcome
    told = f"{outcome.kind} {outcome.detail} {outcome.exception and outcome.exception.type}"
    assert end in told
    if end == "return":
        assert outcome.value == "2"
    assert path.exists()
    assert seconds < SECONDS + 5
    deadline = time.monotonic() + 3
    while left(path.parent) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(path.parent) == []
    assert os.getpid() == psutil.Process().pid
