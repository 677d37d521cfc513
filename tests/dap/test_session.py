"""`cwm-lsp dap` as a client has it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cwm_lsp.framing import framed
from tests.dap.client import Client, Failed

pytestmark = pytest.mark.slow

SOURCE = """\
from dataclasses import dataclass


@dataclass
class Item:
    name: str
    sizes: list


def evens(n):
    for i in range(n):
        yield i * 2


def helper(x):
    y = x + 1
    return y


def walk(n):
    total = 0
    for v in evens(n):
        total += helper(helper(v))
    squares = [k * k for k in range(2)]
    try:
        1 / (n - n)
    except ZeroDivisionError:
        total += 1
    return {"a": [1, 2], "b": (3, {4}), "t": total}


def fails(n):
    m = helper(n)
    return deeper(m)


def deeper(n):
    if n:
        raise KeyError("gone")
    return n


def shows(n):
    item = Item("tea", [n, n + 1])
    numbers = list(range(n))
    return item


def guesses():
    from random import randrange
    number = randrange(1000)
    return number


def forever():
    while True:
        pass
"""
WALK, FAILS = ("walk", "walk(2)"), ("fails", "fails(1)")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dap") / "shop.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE.splitlines(), 1) if line.strip() == text)


@cache
def predicted(program: Path, function: str, call: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cwm_lsp", "predict", f"{program}:{function}", "--call", call, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, timeout=60).stdout)


def lines(trace: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(one["line"], one["depth"], one["function"]) for one in trace["events"] if one["event"] == "line"]


@pytest.mark.parametrize(("function", "call"), [WALK, FAILS, ("forever", "forever()"), ("evens", "list(evens(2))")])
def test_stepping_in_visits_every_line_of_the_prediction_and_stays_at_its_end(program, function, call):
    trace = predicted(program, function, call)
    events = trace["events"]
    with Client().launch(program, function, call) as client:
        stop = client.begin()
        assert stop.reason == "entry"
        for place, event in zip(lines(trace), (one for one in events if one["event"] == "line"), strict=True):
            assert stop.place == place
            assert stop.frames[0]["source"]["path"] == str(program)
            assert {name: one["value"] for name, one in client.scope(stop).items()} == event["locals"]
            stop = client.go("stepIn")
        for command in ("stepIn", "next", "stepOut", "continue"):
            assert stop.depth == 0
            assert stop.reason == ("exception" if trace["outcome"]["kind"] == "exception" else "step")
            assert stop.body["description"]
            assert client.go(command).place == stop.place
        if trace["outcome"]["kind"] == "return":
            assert client.scope(stop, "Returned")["return"]["value"] == trace["outcome"]["value"]


def test_stepping_back_goes_the_same_way(program):
    """Where no function is called, over is into."""
    with Client().launch(program, "helper", "helper(1)") as client:
        client.begin()
        end = client.go("continue")
        assert [client.go("stepBack").line for _ in range(2)] == [line_of("return y"), line_of("y = x + 1")]
        assert client.go("stepBack").reason == client.go("reverseContinue").reason == "entry"
        assert client.go("continue").place == end.place


def test_over_and_out_and_back_keep_to_the_scope(program):
    trace = predicted(program, *WALK)
    own = [place for place in lines(trace) if place[1] == 0]
    with Client().launch(program, *WALK) as client:
        stop = client.begin()
        for place in own:
            assert stop.place == place
            stop = client.go("next")
        for place in reversed(own):
            stop = client.go("stepBack")
            assert stop.place == place
        while stop.function != "helper":
            stop = client.go("stepIn")
        call = line_of("total += helper(helper(v))")
        assert [frame["line"] for frame in stop.frames] == [line_of("y = x + 1"), call]
        assert client.go("stepBack").place == (call, 0, "walk")
        stop = client.go("stepIn")
        assert client.go("stepOut").place == (line_of("for v in evens(n):"), 0, "walk")
        client.go("stepBack")
        client.go("stepIn")
        # Where the first call of two on the line is left, the next line is in the second one.
        second = [client.go("next").line for _ in range(4)]
        assert second == [line_of(text) for text in ("return y", "y = x + 1", "return y", "for v in evens(n):")]


def test_breakpoints_hold_in_both_directions_and_move_to_code(program):
    body, definition = line_of("y = x + 1"), line_of("def helper(x):")
    with Client().launch(program, *WALK, stopOnEntry=False) as client:
        moved, past = client.breakpoints(program, definition, 10_000)
        assert (moved["verified"], moved["line"]) == (True, body)
        assert not past["verified"] and past["message"]
        hits = [client.begin()]
        while hits[-1].reason == "breakpoint":
            hits.append(client.go("continue"))
        expected = [one for one in lines(predicted(program, *WALK)) if one[0] == body]
        assert [hit.place for hit in hits[:-1]] == expected
        assert hits[0].body["hitBreakpointIds"] == [moved["id"]]
        back = [client.go("reverseContinue") for _ in expected]
        assert [hit.place for hit in back] == expected[::-1]
        assert client.go("reverseContinue").reason == "entry"
        assert client.go("next").reason == "step"
        client.go("next")
        assert client.go("next").reason == "breakpoint"  # inside what is stepped over
        assert client.breakpoints(program) == []
        assert client.go("continue").reason == "step"


def test_exceptions_stop_where_they_come_from(program):
    raising = line_of('raise KeyError("gone")')
    with Client().launch(program, *FAILS) as client:
        client.begin()
        client.request("setExceptionBreakpoints", filters=["uncaught"])
        stop = client.go("continue")
        assert (stop.reason, stop.line, stop.depth) == ("exception", raising, 1)
        info = client.request("exceptionInfo", threadId=1)
        assert (info["exceptionId"], info["breakMode"]) == ("KeyError", "unhandled")
        stop = client.go("continue")
        assert (stop.reason, stop.depth) == ("exception", 0)
        assert client.go("stepBack").line == raising
        client.go("continue")
        client.request("setExceptionBreakpoints", filters=[])
        assert client.go("stepBack").line == line_of("return deeper(m)")
        with pytest.raises(Failed, match="no exception"):
            client.request("exceptionInfo", threadId=1)
    with Client().launch(program, *WALK) as client:
        client.begin()
        client.request("setExceptionBreakpoints", filters=["uncaught"])
        assert client.go("continue").reason == "step"
        client.request("setExceptionBreakpoints", filters=["raised"])
        assert client.go("reverseContinue").line == line_of("1 / (n - n)")
        assert client.request("exceptionInfo", threadId=1)["breakMode"] == "always"


def test_what_is_asked_of_an_earlier_stop_is_refused_quietly_and_is_nothing_of_this_one(program):
    with Client().launch(program, "shows", "shows(200)") as client:
        first = client.begin()
        before = client.request("scopes", frameId=first.frames[0]["id"])["scopes"][0]["variablesReference"]
        assert "n" in client.variables(before)
        later = client.go("next")
        for _ in range(2):  # before and after there are variables of this stop
            with pytest.raises(Failed, match="earlier stop") as refused:
                client.variables(before)
            assert not refused.value.is_shown
            now = client.request("scopes", frameId=later.frames[0]["id"])["scopes"][0]["variablesReference"]
        assert "n" in client.variables(now)
        with pytest.raises(Failed, match="no variables") as refused:
            client.variables(now + 100)
        assert refused.value.is_shown


def test_values_are_trees_of_known_origin(program):
    with Client().launch(program, "shows", "shows(200)") as client:
        client.begin()
        stop = client.go("continue")
        shown = client.scope(stop)
        assert list(shown) == ["n", "item", "numbers"]
        assert shown["n"]["presentationHint"] == {"attributes": ["given"]}
        assert shown["n"]["type"] == "int (given)"
        assert shown["numbers"]["type"] == "list (computed)"
        item = client.variables(shown["item"]["variablesReference"])
        assert item["name"]["value"] == "'tea'"
        sizes = client.variables(item["sizes"]["variablesReference"])
        assert (sizes["1"]["value"], sizes["1"]["evaluateName"]) == ("201", "item.sizes[1]")
        assert shown["numbers"]["indexedVariables"] == 200
        reference = shown["numbers"]["variablesReference"]
        page = client.variables(reference, filter="indexed", start=50, count=3)
        assert {name: one["value"] for name, one in page.items()} == {"50": "50", "51": "51", "52": "52"}
        assert client.variables(reference, filter="named") == {}
        for expression, expected in [
            ("n", "200"),
            ("item.sizes[-1]", "201"),
            ("numbers[199]", "199"),
            ("len(numbers)", "200"),
            ("[k for k in numbers if k > n - 3]", "[198, 199]"),
            ("input()", "not known"),
        ]:
            assert client.request("evaluate", expression=expression)["result"] == expected
        for expression, sentence in [
            ("n +", "no expression"),
            ("numbers[200]", "IndexError: "),
            ("absent", "NameError: name 'absent'"),
        ]:
            with pytest.raises(Failed, match=sentence):
                client.request("evaluate", expression=expression)
        client.go("stepBack")
        with pytest.raises(Failed, match="at this stop"):
            client.variables(10_000)


def test_dicts_have_their_keys(program):
    with Client().launch(program, *WALK, stopOnEntry=False) as client:
        returned = client.scope(client.begin(), "Returned")["return"]
        assert returned["namedVariables"] == 3
        items = client.variables(returned["variablesReference"])
        assert {name: one["value"] for name, one in items.items()} == {"'a'": "[1, 2]", "'b'": "(3, {4})", "'t'": "7"}
        pair = client.variables(items["'b'"]["variablesReference"])
        assert "evaluateName" not in client.variables(pair["1"]["variablesReference"])["0"]


def test_the_end_of_what_is_known_is_told(program):
    trace = predicted(program, "guesses", "guesses()")
    with Client().launch(program, "guesses", "guesses()") as client:
        client.begin()
        end = client.go("continue")
        assert end.line == trace["events"][-1]["line"]
        if trace["outcome"]["kind"] == "truncated":
            assert end.body["text"] == trace["outcome"]["detail"]


def test_restart_begins_another_call(program):
    with Client().launch(program, *WALK) as client:
        client.breakpoints(program, line_of("y = x + 1"))
        client.begin()
        again = {"program": str(program), "function": "helper", "call": "helper(41)"}
        client.request("restart", arguments=again)
        assert client.event("breakpoint")["reason"] == "changed"
        assert client.stop().reason == "breakpoint"
        assert client.request("threads")["threads"] == [{"id": 1, "name": "helper(41)"}]
        client.request("terminate")
        client.event("terminated")
        with pytest.raises(Failed, match="launch"):
            client.request("threads")
        client.request("disconnect")
        assert client.process.wait(30) == 0


def test_lines_may_count_from_0(program):
    with Client() as client:
        client.request("initialize", adapterID="cwm-lsp", linesStartAt1=False, columnsStartAt1=False)
        client.request("launch", mode="predict", program=str(program), function="helper", call="helper(1)")
        body = line_of("y = x + 1") - 1
        assert client.breakpoints(program, body - 1)[0]["line"] == body
        client.event("initialized")
        assert client.begin().line == body
        end = client.go("continue")
        scopes = client.request("scopes", frameId=end.frames[0]["id"])["scopes"]
        assert client.go("stepBack").line == line_of("return y") - 1
        watched = client.request("cwm/watch", expression="x + 1")
        assert f"line {body + 1}: 2" in watched["text"]  # a person counts from 1
        assert watched["rows"][0]["line"] == body
        assert scopes[-1]["name"] == "Returned"


def test_a_generator_by_itself_is_gone_back_through(program):
    with Client().launch(program, "evens", "evens(2)") as client:
        client.begin()
        forward = [client.go("next").line for _ in range(3)]
        client.go("continue")
        back = []
        while not back or back[-1].reason != "entry":
            back.append(client.go("stepBack"))
        assert [stop.line for stop in back[::-1]][1:4] == forward


def test_objects_unfold_whatever_their_module_is_called(tmp_path):
    path = tmp_path / "functions.py"
    path.write_text(
        "class Box:\n    def __init__(self):\n        self.size = 3\n\n\ndef f():\n    box = Box()\n    return box\n"
    )
    with Client().launch(path, "f", "f()") as client:
        client.begin()
        box = client.scope(client.go("next"))["box"]
        assert client.variables(box["variablesReference"])["size"]["value"] == "3"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"mode": "attach"}, "predict"),
        ({"mode": "replay"}, "run it first"),
        ({"program": None}, "program"),
        ({"program": "absent.py"}, "does not exist"),
        ({"function": "absent"}, "absent"),
        ({"call": "helper(1, 2, 3)"}, "helper"),
        ({"call": 7}, "call"),
        ({"stopOnEntry": "yes"}, "stopOnEntry"),
    ],
)
def test_a_launch_that_cannot_be_done_is_refused_and_may_be_tried_again(program, arguments, sentence):
    good = {"mode": "predict", "program": str(program), "function": "helper", "call": "helper(1)"}
    with Client() as client:
        client.request("initialize", adapterID="cwm-lsp")
        with pytest.raises(Failed, match=sentence):
            client.request("launch", **{**good, **arguments})
        client.request("launch", **good)
        client.event("initialized")


MOVES = ("next", "stepIn", "stepOut", "stepBack", "continue", "reverseContinue", "pause")
QUESTIONS = ("threads", "stackTrace", "scopes", "variables", "evaluate", "exceptionInfo", "source", "goto", "cwm/watch",
             "cwm/first", "cwm/parted", "cwm/runs")  # fmt: skip
BEGINNINGS = ("initialize", "launch", "attach", "setBreakpoints", "setExceptionBreakpoints", "configurationDone")
COMMANDS = (*MOVES, *MOVES, *QUESTIONS, *BEGINNINGS, *BEGINNINGS, "terminate", "restart", "cancel")


def _odd(chance: random.Random, depth: int = 0) -> Any:
    kinds = [None, True, -1, 0, 1, 2, 10**30, 1.5, "", "x", "n[0]", "a\0b", "\ud800"]
    if depth < 2 and chance.random() < 0.4:
        names = ["threadId", "frameId", "variablesReference", "source", "path", "line", "breakpoints", "filters"]
        names += ["expression", "start", "count", "startFrame", "levels", "arguments", "condition"]
        if chance.random() < 0.3:
            return [_odd(chance, depth + 1) for _ in range(3)]
        return {name: _odd(chance, depth + 1) for name in chance.sample(names, 5)}
    return chance.choice(kinds)


def test_whatever_comes_is_answered_once(program):
    chance = random.Random(7)
    good = {"mode": "predict", "program": str(program), "function": "helper", "call": "helper(1)"}
    done = set()
    with Client() as client:
        for number in range(2000):
            message: Any = {"seq": number, "type": "request", "command": chance.choice(COMMANDS)}
            if chance.random() < 0.9:
                message["arguments"] = good if message["command"] == "launch" else _odd(chance)
            if chance.random() < 0.3 and message["command"] != "launch":
                message["arguments"] = {"threadId": 1, "frameId": 1, "variablesReference": 1, "expression": "x"}
            data = framed(message)
            match chance.randrange(12):
                case 0:
                    message = chance.choice([[], 1, None, "x", {}, {"seq": "1"}, {**message, "type": "response"}])
                    body = json.dumps(message).encode()
                    data = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                case 1:
                    data = b"Content-Length: 5\r\n\r\n{nope"
                case 2:
                    data = b"Content-Lenght: many\r\n\r\n"
                case 3:
                    data = b"content-length:  7\r\nX: y\r\n\r\n\xff\xfe\x00\x01[[["
            client.write(data)
            response = client.response()
            assert response["request_seq"] == number or (response["request_seq"] == 0 and not response["success"])
            assert response["success"] or "fault" not in response["message"], (message, response)
            client.events.clear()
            if response["success"]:
                done.add(response["command"])
        assert done >= {*MOVES, "launch", "restart", "evaluate", "terminate"}
        client.write(b"Content-Length: 10\r\n\r\nshort")  # and the client is gone


def test_what_comes_all_at_once_is_answered_in_order(program):
    chance = random.Random(3)
    launched = {"mode": "predict", "program": str(program), "function": "walk", "call": "walk(2)", "stopOnEntry": True}
    begin = ["terminate", "initialize", "launch", "configurationDone", "stackTrace", "scopes", "variables", *MOVES]
    said = {"threadId": 1, "frameId": 2, "variablesReference": 1, "expression": "n", "value": "3", "name": "total"}
    expected, data = [], b""
    for _ in range(30):
        commands = [*begin, *chance.choices([*MOVES, "evaluate", "setVariable", "setExpression", "cancel"], k=6)]
        if chance.random() < 0.4:
            chance.shuffle(commands)
        for command in commands:
            number = chance.choice([len(expected) + 1, len(expected) + 1, 1, -1])  # also the same one again
            message = {"seq": number, "type": "request", "command": command, "arguments": said}
            if command == "launch":
                message["arguments"] = launched
            if chance.random() < 0.1:
                broken = [
                    b"Content-Length: 5\r\n\r\n{nope",
                    b"Content-Length: -5\r\n\r\n",
                    framed({**message, "seq": "1"}),
                ]
                expected.append(0)
                data += chance.choice(broken)
            else:
                expected.append(number)
                data += framed(message)
    with Client() as client:
        while data:  # cut anywhere, also within a header
            size = chance.randrange(1, 4000)
            client.write(data[:size])
            data = data[size:]
        responses = [client.response() for _ in expected]
        assert [one["request_seq"] for one in responses] == expected
        assert not [one for one in responses if not one["success"] and "fault" in one["message"]]
        done = {one["command"] for one in responses if one["success"]}
        assert done >= {"launch", "configurationDone", "next", "pause", "stackTrace"}


def test_nothing_but_the_protocol_is_on_stdout_and_a_client_that_leaves_ends_it(program):
    with Client().launch(program, "helper", "helper(1)") as client:
        client.begin()
        client.process.stdin.close()
        assert client.process.stdout.read() == b""
        assert client.process.wait(30) == 0
