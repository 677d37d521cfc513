"""Variables are given other values, and what comes after is predicted anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dap.client import Client, Failed

pytestmark = pytest.mark.slow

SOURCE = """\
class Item:
    def __init__(self, qty):
        self.qty = qty

def double(x):
    y = x * 2
    return y

def order(n):
    items = [Item(n), Item(2)]
    total = 0
    for item in items:
        total += double(item.qty)
    if total > 100:
        raise ValueError(total)
    return total
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changing") / "shop.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def value(client: Client, expression: str, **more: object) -> str:
    return client.request("evaluate", expression=expression, **more)["result"]


def notes(client: Client) -> list[str]:
    frames = client.request("stackTrace", threadId=1)["stackFrames"]
    return [frame["name"] for frame in frames if frame.get("presentationHint") == "label"]


def at_line(client: Client, path: Path, line: int, hits: str = "1"):
    where = {"line": line, "hitCondition": hits}
    client.request("setBreakpoints", source={"path": str(path)}, breakpoints=[where])
    stop = client.go("continue")
    assert stop.line == line
    client.breakpoints(path)
    return stop


def test_a_value_that_is_set_is_where_the_call_goes_on_from(program):
    with Client() as client:
        client.request("initialize", adapterID="cwm-lsp", supportsInvalidatedEvent=True)
        client.request("launch", program=str(program), function="order", call="order(1)", stopOnEntry=True)
        client.event("initialized")
        client.begin()
        stop = at_line(client, program, 14)
        assert (value(client, "total"), notes(client)) == ("6", [])
        scopes = client.request("scopes", frameId=stop.frames[0]["id"])["scopes"]
        reference = scopes[0]["variablesReference"]
        done = client.request("setVariable", variablesReference=reference, name="total", value="len(items) * 100")
        assert (done["value"], done["type"]) == ("200", "int (given)")
        assert client.event("invalidated") == {"areas": ["all"]}
        assert notes(client) == ["fork 1: total = len(items) * 100 at line 14"]
        end = client.go("continue")
        assert (end.reason, end.body["text"]) == ("exception", "ValueError: 200")
        assert client.go("reverseContinue").reason == "entry" and notes(client) == []
        # A change before that one gives it up.
        stop = at_line(client, program, 12)
        done = client.request("setExpression", expression="items[1].qty", value="20", frameId=stop.frames[0]["id"])
        assert done["value"] == "20"
        assert client.event("invalidated")
        assert notes(client) == ["fork 1: items[1].qty = 20 at line 12"]
        assert client.go("continue").body["text"] == "order(1) returns 42"
        client.request("restart")
        assert client.stop().reason == "entry"
        assert client.go("continue").body["text"] == "order(1) returns 6" and notes(client) == []


def test_in_any_frame_and_by_the_console(program):
    with Client().launch(program, "order", "order(1)") as client:
        client.begin()
        stop = at_line(client, program, 7)
        caller = stop.frames[1]["id"]
        item = client.scope(stop, level=1)["item"]
        assert client.variables(item["variablesReference"])["qty"]["evaluateName"] == "item.qty"
        scopes = client.request("scopes", frameId=caller)["scopes"]
        done = client.request(
            "setVariable", variablesReference=scopes[0]["variablesReference"], name="total", value="50"
        )
        assert done["value"] == "50"
        assert client.scope(stop, level=1)["total"]["value"] == "50"
        assert client.scope(stop)["y"]["value"] == "2"
        assert value(client, "y = y + 1", context="repl") == "3"
        assert value(client, "y += 10", context="repl") == "13"
        assert value(client, "items[1].qty = 0", context="repl", frameId=caller) == "0"
        assert notes(client) == [
            "fork 1: total = 50 at line 7", "fork 2: y = y + 1 at line 7", "fork 3: y = y + 10 at line 7",
            "fork 4: items[1].qty = 0 at line 7",
        ]  # fmt: skip
        # The sum had been read before `double` was called.
        assert client.go("continue").body["text"] == "order(1) returns 13"
        with pytest.raises(Failed, match="nothing comes after"):
            value(client, "total = 1", context="repl")


@pytest.mark.parametrize(
    ("target", "text", "why"),
    [
        ("total", "1 / 0", "ZeroDivisionError"),
        ("nowhere", "1", "no variable nowhere"),
        ("total", "input()", "not known"),
        ("total", "1 +", "no expression"),
        ("total + 1", "1", "no variable, attribute or item"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(program, target, text, why):
    with Client().launch(program, "order", "order(1)") as client:
        client.begin()
        stop = at_line(client, program, 14)
        with pytest.raises(Failed, match=why):
            client.request("setExpression", expression=target, value=text, frameId=stop.frames[0]["id"])
        assert client.go("continue").body["text"] == "order(1) returns 6"


def test_what_is_asked_for_changes_nothing(program):
    with Client().launch(program, "order", "order(1)") as client:
        client.begin()
        at_line(client, program, 14)
        for text in ("items.pop().qty", "items.clear()", "double(total)", "[setattr(i, 'qty', 9) for i in items]"):
            value(client, text)
        assert value(client, "[i.qty for i in items]") == "[1, 2]"
        assert client.go("continue").body["text"] == "order(1) returns 6"
