"""A debug adapter that listens on a port."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.dap.client import TIMEOUT, Connected, Failed

SOURCE = "def f(n):\n    m = n + 1\n    return m\n"


def listening(*options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "cwm_lsp", "dap", "--tcp", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_several_clients_each_have_a_session_and_need_the_token(tmp_path):
    path = tmp_path / "one.py"
    path.write_text(SOURCE)
    process = listening("127.0.0.1:0")
    try:
        told = json.loads(process.stdout.readline())
        assert told["host"] == "127.0.0.1"
        with Connected(told["host"], told["port"]) as one, Connected(told["host"], told["port"]) as other:
            one.launch(path, "f", "f(1)", token=told["token"])
            for token in ({}, {"token": "x"}, {"token": told["token"] + "x"}):
                client = Connected(told["host"], told["port"])
                with client, pytest.raises(Failed, match="token"):
                    client.launch(path, "f", "f(1)", **token)
            other.launch(path, "f", "f(5)", token=told["token"])
            assert (one.begin().line, other.begin().line) == (2, 2)
            one.go("next"), other.go("next")
            assert [client.request("evaluate", expression="m")["result"] for client in (one, other)] == ["2", "6"]
            one.socket.close()  # without a goodbye
            assert other.go("continue").body["text"] == "f(5) returns 6"
            other.request("disconnect")
            assert other._incoming.read() == b""
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("address", "why"), [("0.0.0.0:0", "not this machine"), ("8000", "HOST:PORT"), ("127.0.0.1:x", "HOST:PORT")]
)
def test_other_machines_are_not_served(address, why):
    process = listening(address)
    out, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2 and out == b"" and why in error.decode()
