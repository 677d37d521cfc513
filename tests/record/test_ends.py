"""However a program ends, a trace comes back that says so, and nothing of the program is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from cwm_lsp.errors import Cancelled
from cwm_lsp.record.recorder import Limits, RecorderPool
from cwm_lsp.record.scratch import Scratch, reclaim

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"), pytest.mark.slow]

MARK = "cwm_lsp_hostile_case"

ENDS = {
    "infinite loop": ("truncated", "limit of 500 events", "while True:\n        n += 1"),
    "loop in C that holds the interpreter lock": (
        "timeout",
        "line 6",
        "import re\n    x = 1\n    re.match('(a+)+$', 'a' * 60 + 'b')",
    ),
    "sleep": ("timeout", "line 5", "import time\n    time.sleep(100)"),
    "deadlock": ("timeout", "line 7", "import threading\n    a = threading.Lock()\n    a.acquire()\n    a.acquire()"),
    "os._exit": ("error", "exit code 3", "import os\n    os._exit(3)"),
    "segfault": ("error", "SIGSEGV", "import ctypes\n    ctypes.string_at(0)"),
    "abort": ("error", "SIGABRT", "import os\n    os.abort()"),
    "kills itself": ("error", "SIGKILL", "import os\n    os.kill(os.getpid(), 9)"),
    "kills its group": ("error", "SIGKILL", "import os\n    os.killpg(0, 9)"),
    "stops itself": ("timeout", "line 5", "import os, signal\n    os.kill(os.getpid(), signal.SIGSTOP)"),
    "sys.exit": ("exception", None, "import sys\n    sys.exit(4)"),
    "reads stdin": ("exception", "standard input is empty", "return input()"),
    "fork whose child returns": (
        "return",
        None,
        "import os\n    pid = os.fork()\n    if pid:\n        os.waitpid(pid, 0)\n    return 1",
    ),
    "fork whose child stays": (
        "return",
        None,
        "import os, time\n    if not os.fork():\n        time.sleep(100)\n    return 1",
    ),
    "orphan in a session of its own": (
        "return",
        None,
        """import os, time
    if not os.fork():
        os.setsid()
        if not os.fork():
            time.sleep(100)
        os._exit(0)
    time.sleep(0.1)
    return 1""",
    ),
    "daemon process": (
        "return",
        None,
        "import subprocess, sys\n    subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(100)', MARK], start_new_session=True)\n    return 1",
    ),
    "daemon thread": (
        "return",
        None,
        "import threading as t, time\n    t.Thread(target=time.sleep, args=(100,), daemon=True).start()\n    return 1",
    ),
    "thread that is waited for": (
        "return",
        None,
        "import threading, time\n    threading.Thread(target=time.sleep, args=(100,)).start()\n    return 1",
    ),
    "multiprocessing": (
        "return",
        None,
        "import multiprocessing as m\n    with m.get_context('fork').Pool(1) as p:\n        return p.map(abs, [-1])[0]",
    ),
    "takes memory": ("either", "memory", "xs = []\n    while True:\n        xs.append(bytearray(1 << 24))"),
    "prints for ever": (
        "truncated",
        "printed more than",
        "import os, itertools as i\n    all(map(os.write, i.repeat(1), i.repeat(b'x' * 65536)))",
    ),
    "swallows every exception": (
        "truncated",
        "limit of 500 events",
        "while True:\n        try:\n            n += 1\n        except BaseException:\n            pass",
    ),
    "closes every file": ("return", None, "import os\n    os.closerange(0, 1024)\n    return 1"),
    "takes the trace function away": ("either", "", "import sys\n    sys.settrace(None)\n    n += 1\n    return n"),
    "ignores signals": (
        "timeout",
        "line",
        "import signal, time\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(100)",
    ),
    "leaves work for the exit": (
        "return",
        None,
        "import atexit, time\n    atexit.register(time.sleep, 100)\n    return 1",
    ),
    "recursion without end": ("exception", None, "return f(n + 1)"),
    "replaces the streams": (
        "return",
        None,
        "import sys\n    sys.stdout = sys.stderr = sys.stdin = None\n    return 1",
    ),
    "breaks the library": ("return", None, "import json, os, builtins\n    json.dumps = os.write = None\n    return 1"),
}
LIMITS = Limits(events=500, memory=300 << 20, output=1 << 20)


def processes_with(mark: str) -> list[int]:
    """Processes whose environment or command line has the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if mark in process.environ() or mark in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def marked_pool(tmp_path_factory):
    """A pool all of whose processes and folders can be told from others, whatever becomes of their parents."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, "1")
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("folders")))
        with RecorderPool() as pool:
            yield pool
        assert list(Path(tempfile.gettempdir()).iterdir()) == []
    assert processes_with(MARK) == []


def run_case(pool: RecorderPool, folder: Path, name: str):
    kind, detail, body = ENDS[name]
    path = folder / "program.py"
    path.write_text(f"MARK = {MARK!r}\n\n\ndef f(n):\n    {body}\n".replace("\n\n\ndef", "\n\ndef"))
    limits = LIMITS if name != "recursion without end" else Limits(events=5_000)
    timeout = 1.5 if kind == "timeout" else 60
    trace = pool.record(path, "f", "f(0)", timeout=timeout, limits=limits)
    if kind != "either":
        assert trace.outcome.kind == kind, trace.outcome
    if detail:
        assert detail in (trace.outcome.detail or "") or kind == "either", trace.outcome
    if trace.outcome.kind not in ("return", "exception"):
        assert trace.outcome.detail
    return trace


def only_guardian_left(pool: RecorderPool, before: set[int]) -> bool:
    """Whether there are but the warm processes: guardians, their keepers, and one that each has for the next case."""
    left = set(processes_with(MARK))
    keepers = [psutil.Process(guardian._process.pid) for guardian in pool._guardians.values() if guardian.usable]
    guardians = [child for keeper in keepers for child in keeper.children()]
    ready = [child for guardian in guardians for child in guardian.children()]
    expected = before | {process.pid for process in keepers + guardians + ready}
    return len(ready) <= len(guardians) <= len(keepers) and left <= expected


@pytest.mark.parametrize("name", ENDS)
def test_end_is_told_and_nothing_is_left(name, marked_pool, tmp_path):
    trace = run_case(marked_pool, tmp_path, name)
    assert trace.events[0].kind == "call"
    assert trace.events[0].locals == {"n": "0"}
    assert only_guardian_left(marked_pool, {os.getpid()})


def ok(folder: Path) -> Path:
    path = folder / "ok.py"
    path.write_text("def f(x):\n    return x\n")
    return path


def test_last_event_before_death_is_kept(tmp_path, marked_pool):
    path = tmp_path / "program.py"
    path.write_text("import os\n\n\ndef f(n):\n    for i in range(n):\n        pass\n    os._exit(0)\n")
    trace = marked_pool.record(path, "f", "f(400)")
    assert [event.line for event in trace.events[-2:]] == [5, 7]
    assert trace.events[-1].locals == {"n": "400", "i": "399"}
    assert trace.outcome.kind == "error"


def test_recursion_to_the_interpreters_limit(tmp_path, marked_pool):
    path = tmp_path / "program.py"
    path.write_text("def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\n")
    trace = marked_pool.record(path, "f", "f(960)")
    assert trace.outcome.value == "960"
    assert max(event.depth for event in trace.events) == 960
    runaway = marked_pool.record(path, "f", "f(-1)")
    assert runaway.outcome.exception is not None
    assert runaway.outcome.exception.type == "RecursionError"


THREADS = """\
import threading
import time


def g():
    return 1


threading.Thread(target=time.sleep, args=(60,), name="before", daemon=True).start()


def f():
    started = [
        threading.Thread(target=g, name="ours"),
        threading.Thread(target=g, name="ours again"),
        threading.Thread(target=time.sleep, args=(0,), name="short"),
        threading.Thread(target=time.sleep, args=(60,), name="long", daemon=True),
    ]
    for thread in started:
        thread.start()
    for thread in started[:3]:
        thread.join()
    return 2


def alone():
    return 3
"""


@pytest.mark.parametrize("version", ["3.11", "3.13", pytest.param("3.8", marks=pytest.mark.long)])
def test_threads_other_than_the_recorded_are_named(version, tmp_path, marked_pool, pythons):
    if version not in pythons:
        pytest.skip(f"needs Python {version}")
    path = tmp_path / "program.py"
    path.write_text(THREADS)
    trace = marked_pool.record(path, "f", "f()", python=pythons[version], timeout=60)
    assert trace.outcome.value == "2"
    assert trace.outcome.detail.endswith("not recorded: before, long, ours, ours again, short")
    assert {event.function for event in trace.events} == {"f"}
    path.write_text(
        THREADS.replace("threading.Thread(target=time.sleep, args=(60,), name", "dict(name", 1).replace(
            "daemon=True).start()", "daemon=True)", 1
        )
    )
    assert marked_pool.record(path, "alone", "alone()", python=pythons[version], timeout=60).outcome.detail is None


def test_cancelled_case_is_ended(tmp_path, marked_pool):
    path = tmp_path / "program.py"
    path.write_text("import time\n\ndef f():\n    time.sleep(100)\n")
    cancel = threading.Event()
    threading.Timer(0.7, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        marked_pool.record(path, "f", "f()", timeout=60, cancel=cancel)
    assert time.monotonic() - started < 30
    assert only_guardian_left(marked_pool, {os.getpid()})


def test_nothing_is_left_when_the_server_is_killed(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import os, time\n\ndef f():\n    if not os.fork():\n        os.setsid()\n    open('ready', 'w').close()\n"
        "    time.sleep(300)\n"
    )
    mark = MARK + "_killed"
    code = (
        "from pathlib import Path; from cwm_lsp.record.recorder import record\n"
        f"record(Path({str(path)!r}), 'f', 'f()', timeout=200)\n"
    )
    folders = tmp_path / "folders"
    folders.mkdir()
    environment = {**os.environ, mark: "1", "TMPDIR": str(folders)}
    server = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path)
    for _ in range(600):
        if (tmp_path / "ready").exists():
            break
        time.sleep(0.05)
    assert len(processes_with(mark)) >= 3
    assert list(folders.iterdir())
    server.send_signal(signal.SIGKILL)
    server.wait()
    for _ in range(200):
        if not processes_with(mark):
            break
        time.sleep(0.05)
    assert processes_with(mark) == []
    assert list(folders.iterdir()) == []


def test_folders_of_those_that_were_killed_together_are_taken_away(tmp_path, monkeypatch):
    """Nobody is left to do it at once: the next start does, and touches no folder in use."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used = Scratch()
    code = "import os; from cwm_lsp.record.scratch import Scratch; Scratch(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)})
    other = tmp_path / "somebody-elses"
    other.mkdir()
    reclaim()
    assert len(list(tmp_path.iterdir())) == 3  # it may be one that is just being made
    for folder in tmp_path.iterdir():
        os.utime(folder, (0, 0))
    reclaim()
    assert set(tmp_path.iterdir()) == {used.path, other}
    used.remove()
    assert list(tmp_path.iterdir()) == [other]


def test_guardian_that_died_meanwhile_is_replaced(tmp_path, marked_pool):
    marked_pool.record(ok(tmp_path), "f", "f(1)")
    for guardian in marked_pool._guardians.values():
        os.kill(guardian._process.pid, signal.SIGKILL)
    time.sleep(0.1)
    assert marked_pool.record(ok(tmp_path), "f", "f(1)").outcome.value == "1"


def test_guardian_killed_by_the_program_is_replaced(tmp_path, marked_pool):
    path = tmp_path / "program.py"
    path.write_text("import os, time\n\ndef f():\n    os.kill(os.getppid(), 9)\n    time.sleep(100)\n")
    trace = marked_pool.record(path, "f", "f()", timeout=20)
    assert trace.outcome.kind == "error"
    assert marked_pool.record(ok(tmp_path), "f", "f(1)").outcome.value == "1"


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_two_hundred_hostile_cases_leave_nothing(marked_pool, tmp_path):
    marked_pool.record(ok(tmp_path), "f", "f(1)")  # the guardian has a thread that waits for its end
    threads = threading.active_count()
    names = list(ENDS)
    for number in range(200):
        run_case(marked_pool, tmp_path, names[number % len(names)])
        assert only_guardian_left(marked_pool, {os.getpid()}), names[number % len(names)]
    assert threading.active_count() <= threads
