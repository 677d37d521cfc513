"""How the server's process begins and ends: it goes by itself, at once, with all that it has started."""

import subprocess
import sys
import time

import psutil
import pytest

from .raw import Raw

pytestmark = pytest.mark.slow

SOURCE = '''\
def f(x):
    """
    >>> f(1)
    2
    """
    return x + 1


def slow():
    import time
    time.sleep(60)
'''


def work(server: Raw, uri: str, moment: str) -> None:
    """Bring a server to a moment of its life."""
    server.begin(predict={"trigger": "auto", "debounce": 50})
    if moment == "idle":
        return
    server.open(uri, SOURCE)
    name, call = {"running": ("slow", "slow()")}.get(moment, ("f", "f(1)"))
    argument = {"uri": uri, "function": name, "call": call}
    command = "cwm.predictThenRun" if moment == "running" else "cwm.predict"
    server.ask(1, "workspace/executeCommand", {"command": command, "arguments": [argument]})
    if moment == "starting":  # its worker process is on the way
        while not server.family():
            time.sleep(0.001)
    elif moment == "predicting":
        while len(server.family()) < 2:
            time.sleep(0.01)
    elif moment == "running":  # server, two workers, the guardian and its case
        while len(server.family()) < 4:
            time.sleep(0.05)
    elif moment == "done":
        server.answer(1)


@pytest.mark.parametrize(
    "moment",
    [
        "idle",
        "starting",
        "running",
        *(pytest.param(other, marks=pytest.mark.long) for other in ("opened", "predicting", "done")),
    ],
)
@pytest.mark.parametrize("end", ["shutdown and exit", "exit", "end of input"])
def test_the_server_goes_with_all_that_it_has_started(tmp_path, moment, end):
    (tmp_path / "a.py").write_text(SOURCE)
    with Raw() as server:
        work(server, (tmp_path / "a.py").as_uri(), moment)
        family = server.family()
        if end == "shutdown and exit":
            server.ask(2, "shutdown")
            assert server.answer(2)["result"] is None
        if end != "end of input":
            server.notify("exit")
        else:
            server.process.stdin.close()
        assert server.code() == (0 if end == "shutdown and exit" else 1)
        _, left = psutil.wait_procs(family, timeout=20)
        assert not left
        rest = server.process.stdout.read()  # nobody else has the pipe open
        assert server.process.stderr.read() == b"", rest


def test_the_server_goes_when_the_editor_s_process_has_gone():
    with Raw() as server, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as editor:
        server.begin(editor.pid)
        server.ask(1, "textDocument/hover", {"textDocument": {"uri": "x"}, "position": {"line": 0, "character": 0}})
        assert server.answer(1)["result"] is None  # it has looked at who it belongs to
        editor.kill()
        editor.wait()
        assert server.code() == 1


def test_an_editor_on_another_machine_is_not_missed():
    with Raw() as server:
        server.begin(2**22 + 1)
        time.sleep(4)
        server.ask(1, "shutdown")
        assert server.answer(1)["result"] is None


def test_nothing_is_answered_before_the_handshake():
    with Raw() as server:
        server.write(b"{nonsense")
        assert server.answer(None)["error"]["code"] == -32700
        server.notify("initialized", {})
        server.ask(1, "textDocument/hover", {})
        assert server.answer(1)["error"]["code"] == -32002
        assert server.begin()["serverInfo"]["name"] == "cwm-lsp"
        server.write(b"{nonsense")
        assert server.answer(None)["error"]["code"] == -32700
        server.ask(2, "textDocument/hover", {"position": "nowhere"})
        assert server.answer(2)["error"]["code"] == -32602


def test_an_editor_of_which_no_pipe_is_left_is_left_too():
    with Raw() as server:
        server.begin()
        for pipe in (server.process.stderr, server.process.stdout, server.process.stdin):
            pipe.close()
        assert server.code() == 1


def test_an_editor_that_changes_its_mind_leaves_nothing():
    with Raw() as server:
        server.notify("exit")
        assert server.code() == 1
