"""Requests beyond the protocol, and the console's commands for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.dap.asking import plotted
from tests.dap.client import Client, Failed

pytestmark = pytest.mark.slow

SOURCE = """\
import os

def total(xs):
    result = 0
    for x in xs:
        result += x
    return result

def where(n):
    folder = os.environ.get("CWM_TEST_FOLDER", "none")
    size = len(folder)
    if size > n:
        return "long"
    return "short"
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking")
    (folder / "pyproject.toml").write_text("")
    path = folder / "sums.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def console(client: Client, text: str) -> list[str]:
    return client.request("evaluate", expression=text, context="repl")["result"].split("\n")


def test_an_expression_is_watched_over_the_whole_trace_and_searched_for(program):
    with Client().launch(program, "total", "total([3, 4])") as client:
        first = client.begin()
        rows = client.request("cwm/watch", expression="result * 10")["rows"]
        seen = [(row["line"], row["value"], row["isChanged"]) for row in rows]
        assert seen == [
            (4, None, False), (5, "0", True), (6, "0", False), (5, "30", True), (6, "30", False), (5, "70", True),
            (7, "70", False),
        ]  # fmt: skip
        assert "result" in rows[0]["error"] and rows[0]["frameId"] == first.frames[0]["id"]
        unbound = "line 4: NameError: name 'result' is not defined"
        assert console(client, ":watch result")[1:] == [" ▁▁▄▄██", unbound, "line 5: 0", "line 5: 3", "line 5: 7"]
        assert console(client, ":first result > 2") == ["result > 2 is true for the first time at line 5"]
        stop = client.stop()
        assert (stop.reason, stop.line, client.scope(stop)["result"]["value"]) == ("goto", 5, "3")
        with pytest.raises(Failed, match="at no step"):
            client.request("cwm/first", expression="result > 100")
        with pytest.raises(Failed, match="no expression"):
            console(client, ":watch 1 +")
        with pytest.raises(Failed, match=":watch, :first, :parted"):
            console(client, ":nothing")


def test_both_futures_of_a_fork_are_there(program):
    with Client().launch(program, "total", "total([3, 4])") as client:
        client.begin()
        with pytest.raises(Failed, match="one future"):
            console(client, ":parted")
        client.breakpoints(program, 7)
        at = client.go("continue").frames[0]["id"]
        client.request("setExpression", expression="result", value="50", frameId=at)
        told = client.request("cwm/parted")
        assert [one["actual"] for one in told["divergences"]] == ["50", "50"]
        assert told["divergences"][0]["message"] == "result = 7 → result = 50"
        assert told["source"] == program.read_text() and told["before"]["steps"]
        assert told["after"]["ending"] == "returns 50"
        assert told["pairs"] == [[index, index] for index in range(len(told["after"]["events"]))]
        assert (told["before"]["outcome"]["value"], told["after"]["outcome"]["value"]) == ("7", "50")
        assert told["text"].split("\n")[0] == "result = 50 at line 7"
        assert told["text"].endswith("returns 7 → returns 50")
        with pytest.raises(Failed, match="restart first"):
            console(client, ":real")


def test_a_launch_may_go_to_a_line_and_set_a_value_there(program):
    with Client().launch(program, "total", "total([3, 4])", line=6, set="x = 30") as client:
        client.request("configurationDone")
        stop = client.stop()
        assert (stop.reason, stop.line, client.request("evaluate", expression="x")["result"]) == ("goto", 6, "30")
        told = client.event("output")["output"].split("\n")
        assert told[0] == "x = 30 at line 6" and "returns 7 → returns 34" in told
        assert client.go("continue").body["text"] == "total([3, 4]) returns 34"
        for line, text, why in ((6, "x = 1 / 0", "ZeroDivisionError"), (9, "x = 1", "does not come to line 9")):
            launched = {"program": str(program), "function": "total", "call": "total([3, 4])"}
            client.request("restart", arguments={**launched, "line": line, "set": text})
            messages = {one["event"]: one["body"] for one in (client.read(), client.read())}
            assert why in messages["output"]["output"]
            assert messages["stopped"]["reason"] == ("goto" if line == 6 else "entry")


def test_a_run_is_held_against_the_state_at_a_step(program, monkeypatch):
    monkeypatch.setenv("CWM_TEST_FOLDER", "x" * 40)
    with Client().launch(program, "total", "total([3, 4])") as client:
        client.begin()
        client.request("setBreakpoints", source={"path": str(program)}, breakpoints=[{"line": 6, "hitCondition": "2"}])
        client.go("continue")
        told = client.request("cwm/check")
        assert (told["isReached"], told["differences"], told["locals"]["result"]) == (True, [], "3")
        assert told["text"] == "the run at line 6, visit 2: as predicted"
        client.breakpoints(program)
        launched = {"mode": "run", "program": str(program), "function": "where", "call": "where(5)"}
        client.request("restart", arguments=launched)
        end = client.stop()
        assert end.body["text"] == "where(5) returns 'long'" and client.go("stepBack").line == 13
        assert client.go("stepBack").line == 12
        found = client.request("cwm/runs", program=str(program))["runs"]
        assert [(one["function"], one["call"], one["when"][:2]) for one in found] == [("where", "where(5)", "20")]


def test_a_run_to_a_line_does_nothing_of_what_comes_after(tmp_path):
    path, told = tmp_path / "writes.py", tmp_path / "told"
    path.write_text(
        "def note(path, n):\n    n += 1\n    if n == 2:\n        open(path, 'a').write('x')\n    return n\n\n\n"
        "def f(path):\n    for n in range(3):\n        note(path, n)\n    return n\n"
    )
    with Client(cwd=tmp_path).launch(path, "f", f"f({str(told)!r})") as client:
        client.begin()
        client.breakpoints(path, 3, 4)
        assert [client.go("continue").line for _ in range(3)] == [3, 3, 4]
        answer = client.request("cwm/check")
        assert (answer["isReached"], answer["differences"], answer["locals"]["n"]) == (True, [], "2")
        assert not told.exists()
        assert client.request("cwm/runs", program=str(path)) == {"runs": []}


def test_where_a_run_left_its_prediction_it_stops(program, tmp_path):
    path = tmp_path / "left.py"
    path.write_text("import time\n\ndef f(n):\n    m = n + 1\n    later = time.time() > 0\n    return m, later\n")
    with Client() as client:
        client.request("initialize", adapterID="cwm-lsp")
        client.request("launch", mode="run", program=str(path), function="f", call="f(1)", stopOnEntry=True)
        client.event("initialized")
        client.request("setExceptionBreakpoints", filters=["left"])
        client.begin()
        stop = client.go("continue")
        # What was predicted of it depends on the model, if anything was: at the end it stops in any case.
        assert stop.line == 6


def test_other_outcomes_are_those_of_samples(program):
    with Client().launch(program, "where", "where(5)") as client:
        client.begin()
        told = client.request("cwm/outcomes", count=3)
        assert sum(one["share"] for one in told["outcomes"]) == pytest.approx(1)
        assert told["text"].startswith("of 3 samples of the model, guessed from line")
        client.request("restart", arguments={"program": str(program), "function": "total", "call": "total([1])"})
        client.stop()
        with pytest.raises(Failed, match="no other outcomes"):
            console(client, ":outcomes")


@pytest.mark.parametrize(
    ("values", "plot"),
    [
        (["1", "2", "3"], "▁▅█"),
        (["-1", None, "1.5"], "▁ █"),
        (["1", "1"], None),
        (["1", "'2'"], None),
        (["1", "[2]"], None),
        (["1", "nan", "2"], None),
        ([], None),
    ],
)
def test_numbers_are_plotted(values, plot):
    assert plotted(values) == plot


def test_a_plot_of_many_numbers_is_as_wide_as_a_console():
    plot = plotted([str(number) for number in range(60 * 7)])
    assert len(plot) == 60 and list(plot) == sorted(plot) and set(plot) == set("▁▂▃▄▅▆▇█")


def test_an_event_of_the_trace_is_gone_to(program):
    with Client().launch(program, "total", "total([3, 4])") as client:
        first = client.begin()
        rows = client.request("cwm/watch", expression="result")["rows"]
        later = next(row for row in rows if row["value"] == "3")
        client.request("cwm/goTo", event=later["frameId"] - 1, line=later["line"])
        stop = client.stop()
        assert (stop.reason, stop.frames[0]["id"], stop.line) == ("goto", later["frameId"], later["line"])
        for event, line in ((later["frameId"] - 1, later["line"] + 1), (0, first.line - 1), (10**9, later["line"])):
            with pytest.raises(Failed, match="no visit"):
                client.request("cwm/goTo", event=event, line=line)
