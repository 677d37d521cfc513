"""Generated programs, walked from one end to the other and back: the stops are the prediction's lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dap.client import Client, Stop
from tests.evaluate import class_programs, programs, suspended, wider
from tests.trace import generated

pytestmark = pytest.mark.slow

LONGEST = 1500
"""Events of a prediction that is walked event by event."""
OTHER = "def double(x):\n    y = x * 2\n    return y\n\n\ndef fail(x):\n    raise KeyError(x)\n"
ENDINGS = {
    "endless": "def f(n):\n    while n > 0:\n        n = n + 0\n",
    "cut": "def f(n):\n    total = 0\n    for i in range(100_000):\n        total += i\n    return total\n",
    "unknown": "import random\n\ndef f(n):\n    m = random.random()\n    if m > 0.5:\n        return 1\n    return m\n",
    "elsewhere": "from other import double, fail\n\ndef f(n):\n    a = double(n)\n    try:\n        fail(a)\n"
    "    except KeyError as e:\n        a += 1\n    return [double(k) for k in (a, n)]\n",
    "elsewhere, raised": "import other\n\ndef f(n):\n    return other.fail(other.double(n))\n",
    "yields": "def f(n):\n    try:\n        for i in range(n):\n            got = yield i\n"
    "    finally:\n        n = 0\n",
    "one line": "def f(n): return n and g(n - 1)\ndef g(n): return f(n)\n",
    "nothing": "def f(n): pass\n",
    "thrown": "def g(n):\n    yield from h(n)\ndef h(n):\n    try:\n        yield 1\n    except KeyError:\n"
    "        yield 2\ndef f(n):\n    it = g(n)\n    a = next(it)\n    return a + it.throw(KeyError(a))\n",
    "last raise of two": "def f(n):\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
    "        raise ValueError(n) from e\n",
    "carriage returns": "def f(n):\r\n    for i in range(n):\r\n        text = 'é😀' * i\r\n    return text\r\n",
    "byte order mark": "\ufeffdef f(n):\r\n    m = n\r\n    return m",
}
"""What a trace may come to, and a text be like."""


def texts(count: int) -> Iterator[tuple[str, str]]:
    """Programs and calls of their functions `f`."""
    for source in ENDINGS.values():
        yield source, "f(3)"
    for seed in range(count):
        yield generated.program(seed), "f(2)"
        yield programs.program(seed), "f([1, 2], 'x')"
        yield wider.program(seed), "f(3, 'x,y', 4, k=5)"
        yield class_programs.program(seed), "f()"
        yield suspended.generators(seed), "f()"


def predictions(folder: Path, count: int) -> list[dict[str, Any]]:
    """What `predict --json` says of them, without those of which no step is known and those that are too long."""
    folder = folder / "with spaces"
    folder.mkdir()
    (folder / "other.py").write_text(OTHER, encoding="utf-8")
    rows = []
    for number, (text, call) in enumerate(texts(count)):
        path = folder / f"program{number}.py"
        path.write_bytes(text.encode())
        rows.append(json.dumps({"path": str(path), "function": "f", "call": call}))
    batch = folder / "cases.jsonl"
    batch.write_text("\n".join(rows), encoding="utf-8")
    command = [sys.executable, "-m", "cwm_lsp", "predict", "--batch", str(batch), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=600)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(rows)
    told = [one.get("result", one) for one in found]
    return [one for one in told if one.get("events") and len(one["events"]) <= LONGEST]


def holds(stop: Stop, event: dict[str, Any], trace: dict[str, Any]) -> None:
    """A stop is where an event is."""
    assert stop.place == (event["line"], event["depth"], event["function"])
    assert stop.frames[0]["source"]["path"] == (event["path"] or trace["path"])


def walk(client: Client, trace: dict[str, Any], stop: Stop) -> None:
    """Both ways, to both ends."""
    lines = [event for event in trace["events"] if event["event"] == "line"]
    assert stop.reason == "entry"
    places: dict[str, set[int]] = {trace["path"]: set()}
    for event in lines:
        holds(stop, event, trace)
        assert {name: one["value"] for name, one in client.scope(stop).items()} == event["locals"]
        places.setdefault(event["path"] or trace["path"], set()).add(event["line"])
        stop = client.go("stepIn")
    stays = trace["events"][-1]
    if trace["outcome"]["kind"] == "exception" and not trace["outcome"]["cut"]:
        # It stays where the exception leaves the call, unless what that frees is ended before the call is left.
        last = max(n for n, one in enumerate(trace["events"]) if one["event"] == "exception" and not one["depth"])
        if all(event["event"] != "line" for event in trace["events"][last:]):
            stays = trace["events"][last]
        assert stop.reason == "exception"
        raised = client.request("exceptionInfo", threadId=1)["exceptionId"]
        assert raised == trace["outcome"]["exception"]["type"]
    holds(stop, stays, trace)
    for command in ("stepIn", "next", "stepOut", "continue"):
        assert client.go(command).place == stop.place
    for path, its in places.items():
        placed = client.breakpoints(Path(path), *sorted(its))
        assert [one["line"] for one in placed if one["verified"]] == sorted(its)
    for event in reversed([line for line in lines if line is not stays]):
        stop = client.go("reverseContinue")
        holds(stop, event, trace)
        assert stop.reason == "breakpoint"
    assert client.go("reverseContinue").reason == client.go("stepBack").reason == "entry"
    for path in places:
        client.breakpoints(Path(path))


def check(traces: list[dict[str, Any]], fresh: int) -> None:
    """All in one session, by restarting it, and some each in one of its own."""
    for trace in traces[:fresh]:
        with Client().launch(Path(trace["path"]), "f", trace["call"]) as client:
            walk(client, trace, client.begin())
    with Client().launch(Path(traces[0]["path"]), "f", traces[0]["call"]) as client:
        client.begin()
        for trace in traces:
            launched = {"program": trace["path"], "function": "f", "call": trace["call"], "stopOnEntry": True}
            client.request("restart", arguments={"mode": "predict", **launched})
            walk(client, trace, client.stop())


def test_every_line_is_a_stop_both_ways(tmp_path: Path) -> None:
    check(predictions(tmp_path, 4), fresh=len(ENDINGS))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_line_of_many_programs_is_a_stop_both_ways(tmp_path: Path) -> None:
    check(predictions(tmp_path, 40), fresh=60)
