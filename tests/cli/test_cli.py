"""The command line as a user has it: real processes, the bundled model, real debugpy."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

EVENT_KEYS = {"event", "line", "depth", "function", "locals", "value", "confidence"}

SOURCE = '''\
def total(prices, discount=0):
    """Sum prices.

    >>> total([2, 3])
    5
    """
    result = 0
    for price in prices:
        result += price - discount
    return result


def first(items):
    return items[0]


class Box:
    def __init__(self, size):
        self.size = size

    def grow(self, by):
        self.size += by
        return self.size


def spin():
    while True:
        pass


def doze():
    import time
    time.sleep(60)


def talk():
    print("hello")
    return 1


def ask():
    return input("name? ")


def leave():
    import os
    os._exit(7)


def outer(items):
    return first(items)
'''


def cwm(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cwm_lsp", *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "140", **(env or {})},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON document on stdout, which holds nothing else."""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def check_trace(trace: dict[str, Any], origin: str) -> None:
    assert trace["origin"] == origin
    assert trace["events"][0]["event"] == "call"
    for event in trace["events"]:
        assert event.keys() >= EVENT_KEYS
        assert event["event"] in ("call", "line", "return", "exception")
        assert ".." not in event["locals"].values()
    assert trace["outcome"].keys() >= {"kind", "value", "exception"}
    assert trace["stats"].keys() >= {"events", "tokens", "forward_passes", "seconds"}
    assert trace["stats"]["events"] == len(trace["events"])


def test_predict_json(shop: Path) -> None:
    done = cwm("predict", f"{shop}:total", "--call", "total([2, 3])", "--json")
    assert done.returncode in (0, 1), done.stderr
    trace = document(done)
    check_trace(trace, "predicted")
    assert trace["function"] == "total"
    assert trace["call"] == "total([2, 3])"
    assert trace["path"] == str(shop)
    assert trace["events"][0]["locals"] == {"prices": "[2, 3]", "discount": "0"}


@pytest.mark.parametrize(
    ("name", "function"), [(":9", "total"), ("::Box::grow", "Box.grow"), (":Box.grow", "Box.grow")]
)
def test_a_function_is_named_in_the_ways_people_do(shop: Path, name: str, function: str) -> None:
    done = cwm("predict", f"{shop}{name}", "--json")
    assert document(done)["function"] == function


def test_predict_finds_a_call_by_itself(shop: Path) -> None:
    done = cwm("predict", f"{shop}:total", "--assist", "off")
    assert done.returncode in (0, 1), done.stderr
    assert "total([2, 3])" in done.stderr
    assert "doctest" in done.stderr
    assert "prices ≈" in done.stdout or "prices =" in done.stdout


MADE_UP = """\
def fits(x):
    a, b = x
    return a + b


def never(n):
    raise ValueError(f"{n} is no good")


def outer(n):
    def inner(m):
        return n + m
    return lambda m: inner(m) * 2
"""


def test_made_up_calls_that_may_not_fit_are_no_finding(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(MADE_UP, encoding="utf-8")
    done = cwm("predict", f"{path}:fits")
    assert done.returncode == 0, done.stderr
    assert "returns 'abcb'" in done.stdout
    done = cwm("predict", f"{path}:never", "--json")
    assert done.returncode == 0, done.stderr
    assert document(done)["outcome"]["detail"] == "the arguments are made up, and may not fit"
    assert cwm("predict", f"{path}:never", "--call", "never(3)").returncode == 1


def test_calls_that_do_not_get_into_a_function_are_not_offered(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(MADE_UP, encoding="utf-8")
    tests = tmp_path / "test_made.py"
    tests.write_text("from made import outer\n\n\ndef test_one():\n    outer(1)\n", encoding="utf-8")
    done = cwm("predict", f"{path}:outer.inner")
    assert (done.returncode, "no call that gets into outer.inner is known" in done.stderr) == (2, True)
    tests.write_text(f"{tests.read_text()}    assert outer(1)(2) == 6\n", encoding="utf-8")
    done = cwm("predict", f"{path}:outer.inner")
    assert "outer(1)(2)" in done.stderr
    assert "returns 3" in done.stdout


def test_a_variable_named_value_is_told_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text("def f(n):\n    value = n * 7919\n    return None\n")
    told = cwm("compare", f"{file}:f", "--call", "f(104729)").stdout
    assert "value = 829348951" in told.partition("would not have expected")[2]


def test_compare_tells_what_surprises_the_model(shop: Path) -> None:
    done = cwm("compare", f"{shop}:total", "--call", "total([7919, 104729])", "--json")
    result = document(done)
    surprise, events = result["surprise"], result["recorded"]["events"]
    assert [found["event_index"] for found in surprise["events"]] == list(range(1, len(events)))
    for found in surprise["events"]:
        assert found["bits"] == pytest.approx(sum(found["parts"].values()), abs=1e-3)
        assert found["probability"] == pytest.approx(2 ** -found["bits"], rel=1e-3)
        event = events[found["event_index"]]
        values = {**event["locals"], "value": event["value"]}
        assert all(values[name] != expected for name, expected in found["expected"].items())
        assert found["expected_line"] != event["line"] and found["expected_kind"] != event["event"]
    assert max(found["bits"] for found in surprise["events"]) > 1  # nobody adds these by heart
    assert 0 < surprise["passes"] <= -(-surprise["tokens"] // 512)
    assert surprise["detail"] is None
    assert result["predicted"]["stats"]["forward_passes"] == 0  # which the reading does not count
    told = cwm("demo").stdout
    assert " bits line " in told and "read by the model alone" in told


UNSURE = """\
import random

def side(text):
    if random.random() > 0.5:
        return text.missing
    return text[1:]
"""


@pytest.mark.parametrize("assist", ["lock", "off"])
def test_an_outcome_that_is_not_sure_is_none(tmp_path: Path, assist: str) -> None:
    path = tmp_path / "unsure.py"
    path.write_text(UNSURE, encoding="utf-8")
    target = (f"{path}:side", "--call", "side('abc')", "--assist", assist)
    done = cwm("predict", *target)
    assert done.returncode == 0, done.stderr
    assert "not known" in done.stdout and "raises" not in done.stdout and "returns" not in done.stdout
    assert "text = 'abc'" in done.stdout  # an argument that stands in the call is no guess
    trace = document(cwm("predict", *target, "--json"))
    assert trace["outcome"]["kind"] == "truncated"
    assert trace["events"][0]["provenance"] == {"text": "given"}
    compared = document(done := cwm("compare", *target, "--json"))
    assert compared["divergences"] == []
    assert done.returncode == (compared["recorded"]["outcome"]["kind"] == "exception")


def test_predict_never_runs_the_file(tmp_path: Path) -> None:
    path = tmp_path / "evil.py"
    path.write_text("open('ran', 'w')\ndef f(x):\n    open('ran', 'w')\n    return x\n", encoding="utf-8")
    done = cwm("predict", f"{path}:f", "--call", "f(1)", "--json", cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    assert not (tmp_path / "ran").exists()


def test_record_json(shop: Path) -> None:
    done = cwm("record", f"{shop}:total", "--call", "total([2, 3], 1)", "--json")
    assert done.returncode == 0, done.stderr
    trace = document(done)
    check_trace(trace, "recorded")
    assert (trace["outcome"]["kind"], trace["outcome"]["value"]) == ("return", "3")
    lines = [(event["event"], event["line"]) for event in trace["events"]]
    assert lines == [
        ("call", 1),
        *[("line", line) for line in (7, 8, 9, 8, 9, 8, 10)],
        ("return", 10),
    ]
    assert trace["events"][4]["locals"] == {"prices": "[2, 3]", "discount": "1", "result": "1", "price": "2"}


def test_record_of_a_method_and_of_a_crash(shop: Path) -> None:
    done = cwm("record", f"{shop}:Box.grow", "--call", "Box(1).grow(2)", "--json")
    assert done.returncode == 0, done.stderr
    assert document(done)["outcome"]["value"] == "3"

    done = cwm("record", f"{shop}:first", "--call", "first([])", "--json")
    assert done.returncode == 1
    trace = document(done)
    assert trace["outcome"]["kind"] == "exception"
    assert trace["outcome"]["exception"] == {"type": "IndexError", "message": "list index out of range", "line": 14}


def test_compare_json_and_exit_code(shop: Path) -> None:
    done = cwm("compare", f"{shop}:total", "--call", "total([2, 3])", "--json")
    result = document(done)
    check_trace(result["predicted"], "predicted")
    check_trace(result["recorded"], "recorded")
    assert done.returncode == (1 if result["divergences"] else 0)
    for divergence in result["divergences"]:
        assert divergence.keys() >= {"kind", "line", "event_index", "variable", "predicted", "actual", "iteration"}


def test_both_sides_tell_the_line_where_an_exception_was_raised(shop: Path) -> None:
    done = cwm("compare", f"{shop}:outer", "--call", "outer([])", "--json")
    result = document(done)
    assert result["divergences"] == []
    assert result["recorded"]["outcome"]["exception"]["line"] == 14
    assert result["predicted"]["outcome"] == result["recorded"]["outcome"]
    assert done.returncode == 1


def test_an_object_of_the_file_is_named_as_its_module_is_imported(tmp_path: Path) -> None:
    package = tmp_path / "goods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "box.py").write_text("class Box:\n    pass\n\n\ndef make():\n    box = Box()\n    return box\n")
    result = document(cwm("compare", f"{package / 'box.py'}:make", "--call", "make()", "--json"))
    assert result["divergences"] == []
    assert "<goods.box.Box object" in result["predicted"]["outcome"]["value"]
    assert "<goods.box.Box object" in result["recorded"]["outcome"]["value"]


def test_batch_keeps_order_and_survives_bad_rows(shop: Path, tmp_path: Path) -> None:
    rows = [
        json.dumps({"path": str(shop), "function": "total", "call": "total([1])"}),
        "not json",
        json.dumps({"path": str(shop), "function": "nothing", "call": "nothing()"}),
        json.dumps({"path": str(tmp_path / "absent.py"), "function": "f", "call": "f()"}),
        json.dumps({"path": str(shop), "function": "leave", "call": "leave()"}),
        json.dumps({"path": str(shop), "function": "total", "call": "total([4, 5])"}),
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = cwm("record", "--batch", str(tmp_path / "cases.jsonl"), "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(rows)
    assert results[0]["outcome"]["value"] == "1"
    assert [("error" in result, result.get("row")) for result in results[1:4]] == [(True, 2), (True, 3), (True, 4)]
    assert results[4]["outcome"]["kind"] == "error"
    assert results[5]["outcome"]["value"] == "9"
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["predict", "absent.py:f"], 2, ["absent.py"]),
        (["predict", "."], 2, ["directory"]),
        (["predict", "shop.py:totl", "--call", "totl()"], 2, ["totl", "total"]),
        (["predict", "shop.py:total", "--call", "total(x)"], 2, ["x"]),
        (["predict", "shop.py:total", "--call", "total()"], 2, ["prices"]),
        (["predict", "shop.py:total", "--call", "total(1, 2, 3)"], 2, ["total()"]),
        (["predict", "shop.py:total", "--call", "total(1"], 2, ["total(1"]),
        (["predict", "shop.py"], 2, ["total", "first"]),
        (["predict"], 2, ["FILE"]),
        (["record", "shop.py:total", "--call", "total(x)"], 2, ["x"]),
        (["predict", "latin.py:f", "--call", "f()"], 2, ["latin.py"]),
        (["predict", "broken.py:g", "--call", "g()"], 2, ["broken.py", "line 5"]),
        (["predict", "shop.py:total", "--call", "total([1])", "--model", "no/such/folder"], 3, ["no/such/folder"]),
        (["record", "shop.py:total", "--call", "total([1])", "--python", "no-python"], 3, ["no-python"]),
        (["predict", "shop.py:total", "--call", "total([1])", "--model", "nope"], 3, ["nope", "bundled"]),
        (["predict", "test_shop.py::test_total"], 2, ["--call", "verify test_shop.py"]),
        (["predict", "shop.py:Box"], 2, ["class", "Box.grow"]),
        (["predict", "shop.py:2000"], 2, ["line 2000", "total"]),
        (["predict", "--batch", "absent.jsonl"], 2, ["absent.jsonl"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line(shop: Path, arguments: list[str], code: int, words: list[str]) -> None:
    (shop.parent / "test_shop.py").write_text("def test_total(book):\n    assert book.prices(3)\n", encoding="utf-8")
    (shop.parent / "latin.py").write_bytes("def f():\n    return 'é'\n".encode("latin-1"))
    (shop.parent / "broken.py").write_text("def f():\n    return 1\n\ndef g():\n    return (\n\nx = 1\n")
    done = cwm(*arguments, cwd=shop.parent)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    message = [line for line in done.stderr.splitlines() if "rror:" in line]
    assert len(message) == 1, done.stderr
    for word in words:
        assert word in message[0]


def test_functions_beside_a_syntax_error_work(shop: Path) -> None:
    broken = shop.parent / "broken.py"
    broken.write_text("def f(a):\n    return a + 1\n\ndef g():\n    return (\n", encoding="utf-8")
    done = cwm("predict", f"{broken}:f", "--call", "f(1)", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert document(done)["events"][0]["locals"] == {"a": "1"}


@pytest.mark.parametrize(
    ("function", "code", "kind", "words"),
    [
        ("talk", 0, "return", ""),
        ("ask", 1, "exception", "EOFError"),
        ("spin", 3, "truncated", "events"),
        ("doze", 3, "timeout", "2"),
        ("leave", 3, "error", "7"),
    ],
)
def test_calls_that_misbehave(shop: Path, function: str, code: int, kind: str, words: str) -> None:
    done = cwm("record", f"{shop}:{function}", "--call", f"{function}()", "--timeout", "2", "--json")
    assert done.returncode == code, done.stderr
    trace = document(done)
    assert trace["outcome"]["kind"] == kind
    assert words in json.dumps(trace["outcome"])
    assert "Traceback" not in done.stderr
    assert ("error: " in done.stderr) == (code == 3)


def test_evaluate(tmp_path: Path) -> None:
    rows = [
        {"code": "def f(a, b):\n    c = a + b\n    return c", "input": "1, 2", "output": "3", "id": "one"},
        {"code": "def g(a):\n    return a[0]", "function": "g", "call": "g([])", "raises": "IndexError"},
        {"code": "def g(a):", "function": "g", "call": "g([])", "expected": "1"},
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    done = cwm("evaluate", str(data), "--json")
    assert done.returncode == 0, done.stderr
    result = document(done)
    assert result["rows"] == 2
    assert [error["row"] for error in result["errors"]] == [3]
    names = {"output_exact", "state_exact", "action_exact", "valid_format", "key_match", "value_match"}
    assert result["metrics"].keys() >= names
    assert set(result["levels"]) == {"off", "draft", "lock"}
    assert result["levels"]["lock"]["output_exact"] == 1.0
    assert all(0 <= value <= 1 for level in result["levels"].values() for value in level.values())


def test_evaluate_tells_what_it_cannot_measure(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"code": "def f(a):\\n    return a", "input": "1", "output": "1"}\nno JSON\n', encoding="utf-8")
    done = cwm("evaluate", str(data), "--assist", "lock")
    assert done.returncode == 0, done.stderr
    assert "100.0%" in done.stdout
    assert "row 2: " in done.stdout
    data.write_text('no JSON\n7\n{"code": 7}\n{"code": "def g(): pass", "function": "g"}\n', encoding="utf-8")
    done = cwm("evaluate", str(data), "--assist", "lock")
    assert done.returncode == 2
    for told in ("row 1: is not JSON", "row 2: is not an object", 'row 3: needs "code"', 'row 4: needs "call"'):
        assert told in done.stdout
    assert "error: " in done.stderr
    assert "no row that can be measured" in done.stderr


def test_doctor() -> None:
    done = cwm("doctor", "--json")
    assert done.returncode == 0, done.stdout
    findings = {found["name"]: found for found in document(done)["findings"]}
    assert findings["prediction"]["status"] == "ok"
    assert findings["recording"]["status"] == "ok"


def test_demo_shows_both_sides() -> None:
    done = cwm("demo")
    assert done.returncode == 0, done.stderr
    assert "predicted" in done.stdout
    assert "recorded" in done.stdout
    assert "as far as it was known" in done.stdout
    assert "≠" not in done.stdout, "where a prediction has ended nothing is compared"


def test_interrupting_leaves_nothing_running(shop: Path) -> None:
    import signal
    import time

    import psutil

    process = subprocess.Popen(
        [sys.executable, "-m", "cwm_lsp", "record", f"{shop}:doze", "--call", "doze()", "--timeout", "60"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests may ignore it, and a program that is started so does, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    family: list[psutil.Process] = []
    deadline = time.monotonic() + 30
    while not family and time.monotonic() < deadline:
        time.sleep(0.2)
        family = psutil.Process(process.pid).children(recursive=True)
    assert family
    errors = ""
    while process.returncode is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        # Python loses one that arrives while an object is being finalised: like a user, press again.
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, errors = process.communicate(timeout=8)
    assert process.returncode == 130
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_interrupting_in_a_terminal_shows_no_stack_trace(shop: Path) -> None:
    """Ctrl-C is for the whole process group, the one that evaluates included."""
    import signal
    import time

    import psutil

    shop.write_text(shop.read_text() + "\n\ndef count(n):\n    for i in range(n):\n        n = n + i\n    return n\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "cwm_lsp", "find", f"{shop}:count", "--returns", "'never'", "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not psutil.Process(process.pid).children() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    said = ""
    while process.returncode is None and time.monotonic() < deadline:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            said, _ = process.communicate(timeout=8)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_the_doctor_does_not_start_what_a_folder_names(tmp_path: Path) -> None:
    mark, evil = tmp_path / "mark", tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text('[tool.cwm-lsp.record]\npython = "./evil"\n')
    done = cwm("doctor", "--json", cwd=tmp_path)
    findings = {found["name"]: found for found in document(done)["findings"]}
    assert findings["recording"]["status"] == "ok"
    assert f"{evil} will run programs, and was not started" in findings["interpreter"]["detail"]
    assert not mark.exists()
    cwm("doctor", "--json", "--python", "./evil", cwd=tmp_path)
    assert mark.exists()


def test_a_folder_does_not_lend_its_modules(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('ran')\n")
    (tmp_path / "app.py").write_text("def f(n):\n    return n + 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "cwm_lsp", "predict", "app.py:f", "--call", "f(2)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "returns 3" in done.stdout, done.stderr


def test_a_terminal_obeys_nothing_of_a_program(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(
        "class A:\n    def __repr__(self):\n        return '\\x1b[2J\\x9b\\u202e'\n\n\n"
        "def f():\n    a = A()  # \x1b]0;title\x07\n    raise ValueError('\\x1b[31m')\n"
    )
    for command in ("predict", "record", "compare"):
        done = cwm(command, f"{path}:f", "--call", "f()")
        assert not set(done.stdout + done.stderr) & set("\x1b\x07\x9b\u202e")
        assert "\\x1b[31m" in done.stdout


def test_what_a_run_saw_is_remembered_until_it_is_forgotten(tmp_path: Path) -> None:
    path, env = tmp_path / "app.py", {"XDG_STATE_HOME": str(tmp_path / "state")}
    path.write_text("import time\n\n\ndef f(n):\n    now = time.time()\n    return now, n\n")
    target = ("app.py:f", "--call", "f(2)")
    assert document(cwm("predict", *target, "--json", cwd=tmp_path, env=env))["outcome"]["kind"] == "truncated"
    ran = document(cwm("record", *target, "--json", cwd=tmp_path, env=env))
    path.write_text(path.read_text().replace("    return", "    n += 1\n    return"))
    done = document(cwm("predict", *target, "--json", cwd=tmp_path, env=env))
    assert done["outcome"]["value"] == ran["outcome"]["value"].replace(", 2)", ", 3)")
    assert done["events"][-1]["provenance"] == {"value": "remembered"}
    assert len(done["runs"]) == 1
    assert "(as in the run of " in cwm("predict", *target, cwd=tmp_path, env=env).stdout
    alone = document(cwm("predict", *target, "--no-memory", "--json", cwd=tmp_path, env=env))
    assert alone["outcome"]["kind"] == "truncated"
    assert "1 run forgotten" in cwm("forget", "app.py", cwd=tmp_path, env=env).stdout
    assert document(cwm("predict", *target, "--json", cwd=tmp_path, env=env))["outcome"]["kind"] == "truncated"
