"""Recorded runs, from the store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.record.store import TraceStore
from cwm_lsp.trace.events import Event, Outcome, Trace
from tests.dap.client import Client, Failed

pytestmark = pytest.mark.slow

SOURCE = """\
import time

def f(n):
    t = time.time()
    later = t + n
    items = [n, n + 1]
    for item in items:
        n += item
    return n

def g(n):
    return n
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "clock.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def replayed(program: Path, **arguments: object) -> Client:
    client = Client()
    client.request("initialize", adapterID="cwm-lsp")
    client.request("launch", mode="replay", program=str(program), stopOnEntry=True, **arguments)
    client.event("initialized")
    return client


def test_a_run_is_stepped_through_both_ways(program):
    for function, call in (("f", "f(2)"), ("g", "g(1)"), ("f", "f(3)")):
        command = [sys.executable, "-m", "cwm_lsp", "compare", f"{program}:{function}", "--call", call, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
    with replayed(program) as client:
        assert client.request("threads")["threads"][0]["name"] == "f(3)"
        client.begin()
        client.request(
            "setBreakpoints", source={"path": str(program)}, breakpoints=[{"line": 8, "condition": "item == 4"}]
        )
        stop = client.go("continue")
        known = client.scope(stop)
        assert known["t"]["type"] == "float (recorded)" and float(known["later"]["value"]) > float(known["t"]["value"])
        for text, expected in [
            ("sum(items) + n", "13"),
            ("later - t > 2", "True"),
            ("[k for k in items if k < n]", "[3, 4]"),
        ]:
            assert client.request("evaluate", expression=text)["result"] == expected
        with pytest.raises(Failed, match="has happened"):
            client.request("setExpression", expression="n", value="7")
        assert "readOnly" in known["n"]["presentationHint"]["attributes"]
        end = client.go("continue")
        assert end.body["text"] == "f(3) returns 10"
        assert client.go("stepBack").line == 9
        assert client.go("reverseContinue").line == 8
        assert client.go("reverseContinue").reason == "entry"
    with replayed(program, call="f(2)") as client:
        assert client.request("threads")["threads"][0]["name"] == "f(2)"
    with replayed(program, function="g") as client:
        assert client.request("threads")["threads"][0]["name"] == "g(1)"
    program.write_text(SOURCE + "\n")
    with Client() as client:
        client.request("initialize", adapterID="cwm-lsp")
        with pytest.raises(Failed, match="run it first"):
            client.request("launch", mode="replay", program=str(program))


def test_a_long_run_is_kept_and_comes_back_the_same(tmp_path):
    events = []
    for n in range(50_000):
        texts = {"i": str(n // 2), "seen": str(list(range(n // 2 % 9))), "name": "'a name'"}
        events.append(Event("line", 2 + n % 2, 0, "f", texts, provenance=dict.fromkeys(texts, "recorded")))
    path, source = str(tmp_path / "long.py"), "def f():\n    a\n    b\n"
    trace = Trace("f", "f()", path, "recorded", source, tuple(events), Outcome("timeout", detail="x"))
    store = TraceStore(tmp_path, tmp_path)
    store.add(trace)
    assert store.trace(path, "f", "f()", trace.source) == trace
