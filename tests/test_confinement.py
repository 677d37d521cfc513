"""What a process gives up is refused by the system, to whatever it runs; what it needs goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.evaluate.evaluator import Evaluator

PROGRAM = """
import json, os, socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[2])
import confinement

folder = sys.argv[1]
own = folder + "/own"
os.mkdir(own)
open(folder + "/file", "w").close()
open(folder + "/other", "w").close()
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
how = json.loads(sys.argv[3])
held = confinement.confine([own] if how["own"] else [], port=port if how["port"] else None, start=how["start"])
if how["port"]:
    socket.create_connection(("127.0.0.1", port)).close()
    confinement.seal(start=how["start"])

def thread():
    done = []
    one = threading.Thread(target=done.append, args=(1,))
    one.start()
    one.join()
    assert done

def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()

acts = {
    "write": lambda: open(folder + "/file", "w"),
    "append": lambda: open(folder + "/file", "a"),
    "update": lambda: open(folder + "/file", "r+b"),
    "create": lambda: open(folder + "/new", "w"),
    "mkdir": lambda: os.mkdir(folder + "/folder"),
    "remove": lambda: os.remove(folder + "/file"),
    "rename": lambda: os.rename(folder + "/other", folder + "/moved"),
    "link": lambda: os.symlink("/", folder + "/link"),
    "cut off": lambda: os.truncate(folder + "/file", 0),
    "own": lambda: open(own + "/file", "w").write("x"),
    "attributes": lambda: os.chmod(folder + "/file", 0o777),
    "socket": lambda: socket.socket(),
    "local socket": lambda: socket.socket(socket.AF_UNIX),
    "connect": lambda: socket.create_connection(("127.0.0.1", port)),
    "program": lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True),
    "fork": fork,
    "signal": lambda: os.kill(os.getppid(), 0),
    "read": lambda: open(__file__).read(),
    "list": lambda: os.listdir("/"),
    "import": lambda: __import__("sqlite3"),
    "thread": thread,
    "null": lambda: open(os.devnull, "w").write("x"),
    "pair": lambda: socket.socketpair(),
}
refused = []
for name, act in acts.items():
    try:
        act()
    except PermissionError:
        refused.append(name)
print(json.dumps([held, refused]))
"""
WRITING = ["write", "append", "update", "create", "mkdir", "remove", "rename", "link", "cut off"]
CALLING = ["socket", "local socket", "connect"]
STARTING = ["program", "fork", "signal"]


def confined(tmp_path: Path, *, own: bool, port: bool, start: bool) -> tuple[list[bool], list[str]]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    package = Path(__file__).parents[1] / "cwm_lsp"
    how = json.dumps({"own": own, "port": port, "start": start})
    command = [sys.executable, str(program), str(tmp_path), str(package), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    held, refused = json.loads(done.stdout)
    if not held[0]:
        pytest.skip("this system cannot confine processes")
    return held, refused


def test_a_process_that_gives_up_all_can_read_and_think(tmp_path: Path) -> None:
    held, refused = confined(tmp_path, own=False, port=False, start=False)
    assert held == [True, True, True]
    assert refused == [*WRITING, "own", "attributes", *CALLING, *STARTING]


def test_one_that_may_start_others_keeps_its_folder_alone(tmp_path: Path) -> None:
    held, refused = confined(tmp_path, own=True, port=False, start=True)
    assert held == [True, True, False]
    assert [name for name in refused if name != "signal"] == [*WRITING, *CALLING]


def test_a_connection_that_was_made_before_the_network_is_closed(tmp_path: Path) -> None:
    held, refused = confined(tmp_path, own=True, port=True, start=True)
    assert held == [True, False, False]  # it says so before the network is closed
    assert [name for name in refused if name != "signal"] == [*WRITING, *CALLING]


def test_the_evaluator_says_what_it_gave_up_and_evaluates() -> None:
    evaluator = Evaluator()
    try:
        held = evaluator.confinement()
        evaluating = evaluator.evaluate("import json\ndef f():\n    return json.dumps([1])\n", "f()", "f")
        assert list(evaluating)
        assert evaluating.outcome is not None
        assert evaluating.outcome.value == "'[1]'"
        if sys.platform == "linux":
            status = Path(f"/proc/{evaluator.pid}/status").read_text()
            assert f"NoNewPrivs:\t{int(any(held))}" in status
            assert f"Seccomp:\t{2 if held.connect and held.start else 0}" in status
    finally:
        evaluator.close()
