"""Where breakpoints of every kind and filters stop, forward and backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dap.client import Client, Stop

pytestmark = pytest.mark.slow

SOURCE = """\
class Cart:
    def __init__(self, sizes):
        self.sizes = sizes
        self.count = 0

    def add(self, size):
        self.sizes.append(size)
        self.count += 1
        return self

def fact(n):
    if n < 2:
        return 1
    return n * fact(n - 1)

def shop(n):
    total = 0
    cart = Cart([])
    for i in range(n):
        total += i * i
        if i % 2:
            cart.add(i).add(total)
    return total

def safe(n):
    for i in range(n):
        try:
            1 / (i - 1)
        except ZeroDivisionError:
            n = -1
    raise KeyError(n)
"""
BODY = 20


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stops") / "shop.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def forward(client: Client) -> list[Stop]:
    """All stops up to the end, which is none of them."""
    found = []
    while True:
        stop = client.go("continue")
        if "description" in stop.body:
            return found
        found.append(stop)


def backward(client: Client) -> list[Stop]:
    """All stops back to the beginning, which is none of them."""
    found = []
    while True:
        stop = client.go("reverseContinue")
        if stop.reason == "entry":
            return found
        found.append(stop)


def value(client: Client, expression: str) -> str:
    return client.request("evaluate", expression=expression)["result"]


def both_ways(client: Client, expression: str) -> list[str]:
    """What an expression is at the stops, which are the same both ways."""
    found, back = [], []
    while "description" not in client.go("continue").body:
        found.append(value(client, expression))
    while client.go("reverseContinue").reason != "entry":
        back.append(value(client, expression))
    assert back == found[::-1]
    return found


def in_body(client: Client, program: Path, **when: str) -> dict[str, Any]:
    """A breakpoint in the body of the loop."""
    wanted = [{"line": BODY, **when}]
    return client.request("setBreakpoints", source={"path": str(program)}, breakpoints=wanted)["breakpoints"][0]


def test_conditions_hit_counts_and_both(program):
    with Client().launch(program, "shop", "shop(6)") as client:
        client.begin()
        for wanted, expected in [
            ({"condition": "i % 2"}, "135"),
            ({"condition": "total > 4 and cart.count"}, "345"),
            ({"condition": "cart.add(0).count > 2"}, "2345"),  # as if it had not been asked before
            ({"hitCondition": "3"}, "2"),
            ({"hitCondition": ">= 3"}, "2345"),
            ({"hitCondition": "< 3"}, "01"),
            ({"hitCondition": "%2"}, "135"),
            ({"hitCondition": "% 2", "condition": "i != 1"}, "24"),
        ]:
            placed = client.request(
                "setBreakpoints", source={"path": str(program)}, breakpoints=[{"line": BODY, **wanted}]
            )
            assert placed["breakpoints"][0]["verified"]
            assert both_ways(client, "i") == list(expected), wanted
        for wanted in [{"condition": "i %"}, {"hitCondition": "often"}, {"hitCondition": "% 0"}]:
            placed = client.request(
                "setBreakpoints", source={"path": str(program)}, breakpoints=[{"line": BODY, **wanted}]
            )
            assert not placed["breakpoints"][0]["verified"] and placed["breakpoints"][0]["message"]
            assert not forward(client) and not backward(client)
        for condition, text in [("nowhere", "NameError"), ("input()", "not known")]:
            in_body(client, program, condition=condition)
            stops = forward(client)
            assert len(stops) == 6 and text in stops[0].body["text"]
            backward(client)


def test_log_messages_are_told_and_do_not_stop(program):
    with Client().launch(program, "shop", "shop(3)") as client:
        client.begin()
        in_body(client, program, logMessage="{i}: {{total}} is {total}, {'x' * i}", condition="i")
        for command, order in [("continue", (1, 2)), ("reverseContinue", (2, 1))]:
            client.request(command, threadId=1)
            said = [client.event("output") for _ in order]
            totals = {1: 0, 2: 1}
            assert [one["output"] for one in said] == [f"{i}: {{total}} is {totals[i]}, {'x' * i}\n" for i in order]
            assert said[0]["line"] == BODY and said[0]["source"]["path"] == str(program)
            client.stop()


def test_functions_stop_where_they_begin(program):
    with Client().launch(program, "shop", "shop(4)") as client:
        client.begin()
        for names in (["Cart.add"], ["add"], ["Cart.__init__", "fact"]):
            wanted = [{"name": name} for name in names]
            placed = client.request("setFunctionBreakpoints", breakpoints=wanted)["breakpoints"]
            assert placed[0]["verified"] and not any(one["verified"] for one in placed[1:])
            stops = forward(client)
            assert all(stop.reason == "function breakpoint" for stop in stops)
            assert [stop.place for stop in backward(client)] == [stop.place for stop in stops][::-1]
            if names[0] != "Cart.__init__":
                assert {(stop.line, stop.function) for stop in stops} == {(7, "add")} and len(stops) == 4
        again = client.request("setFunctionBreakpoints", breakpoints=[{"name": "add", "condition": "size == 3"}])
        assert again["breakpoints"][0]["verified"]
        assert client.go("continue").depth == 1 and value(client, "size") == "3"
        [away] = client.request("setFunctionBreakpoints", breakpoints=[{"name": "elsewhere"}])["breakpoints"]
        assert not away["verified"]
    with Client().launch(program, "fact", "fact(4)", stopOnEntry=False) as client:
        client.request("setFunctionBreakpoints", breakpoints=[{"name": "fact", "hitCondition": ">= 3"}])
        assert client.begin().depth == 2
        assert client.go("continue").depth == 3


def test_what_is_watched_stops_where_it_has_changed(program):
    with Client().launch(program, "shop", "shop(4)") as client:
        stop = client.begin()
        client.breakpoints(program, BODY)
        stop = client.go("continue")
        client.breakpoints(program)
        local = client.request("dataBreakpointInfo", name="total", frameId=stop.frames[0]["id"])
        item = client.request("dataBreakpointInfo", name="cart.sizes[0]", frameId=stop.frames[0]["id"])
        attribute = client.request("dataBreakpointInfo", name="cart.count", frameId=stop.frames[0]["id"])
        scopes = client.request("scopes", frameId=stop.frames[0]["id"])["scopes"]
        cart = client.variables(scopes[0]["variablesReference"])["cart"]
        assert cart["variablesReference"]
        assert client.variables(cart["variablesReference"])["count"]["value"] == "0"
        part = client.request("dataBreakpointInfo", name="count", variablesReference=cart["variablesReference"])
        assert part["dataId"] == attribute["dataId"] and attribute["accessTypes"] == ["write"]
        assert client.go("reverseContinue").reason == "entry"
        for info, lines, texts in [
            (local, [18, 21, 21, 21], ["not there → 0", "0 → 1", "1 → 5", "5 → 14"]),
            (attribute, [4, 9, 9, 9, 9], ["0 → 1", "1 → 2", "2 → 3", "3 → 4"]),
            (item, [8], ["not there → 1"]),
        ]:
            [placed] = client.request("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"]}])["breakpoints"]
            assert placed["verified"], placed
            stops = forward(client)
            assert {stop.reason for stop in stops} == {"data breakpoint"}
            told = [stop.body["text"].partition(": ")[2] for stop in stops]
            assert [stop.line for stop in stops][-len(texts) :] == lines[-len(texts) :]
            assert told[-len(texts) :] == texts
            assert [stop.place for stop in backward(client)] == [stop.place for stop in stops][::-1]
        nothing = client.request("setDataBreakpoints", breakpoints=[{"dataId": "no id"}])
        assert not nothing["breakpoints"][0]["verified"]


def test_filters(program):
    with Client().launch(program, "safe", "safe(3)") as client:
        client.begin()
        client.request("setExceptionBreakpoints", filters=["raised"])
        assert [stop.line for stop in forward(client)] == [28]
        assert [stop.line for stop in backward(client)] == [28]
        client.request("setExceptionBreakpoints", filters=[], filterOptions=[{"filterId": "uncaught"}])
        assert not forward(client)  # the end is where it is
        options = [
            {"filterId": "unsure", "condition": "90 %"},
            {"filterId": "unsure", "condition": "many"},
            {"filterId": "x"},
        ]
        placed = client.request("setExceptionBreakpoints", filters=["guess"], filterOptions=options)["breakpoints"]
        assert [one["verified"] for one in placed] == [True, True, False, False]
        assert not backward(client)


def test_where_a_guess_begins(tmp_path):
    path = tmp_path / "guess.py"
    path.write_text("def f(n):\n    m = n + 1\n    t = id(n)\n    k = m\n    return k\n")
    with Client().launch(path, "f", "f(1)") as client:
        client.request("setExceptionBreakpoints", filters=["guess"])
        client.begin()
        stop = client.go("continue")
        assert (stop.line, stop.reason, stop.body["text"]) == (4, "exception", "guessed: t")
        assert client.go("continue").reason == "step"
        assert client.go("reverseContinue").line == 4


def test_places_to_go_to(program):
    with Client().launch(program, "shop", "shop(3)") as client:
        stop = client.begin()
        source = {"path": str(program)}
        found = client.request("breakpointLocations", source=source, line=5, endLine=10)["breakpoints"]
        assert [one["line"] for one in found] == [6, 7, 8, 9]
        targets = client.request("gotoTargets", source=source, line=BODY)["targets"]
        assert [target["label"] for target in targets][1:] == ["shop, visit 2 of 3: i = 1", "shop, visit 3 of 3: i = 2"]
        client.request("goto", threadId=1, targetId=targets[1]["id"])
        stop = client.stop()
        assert (stop.reason, stop.line, value(client, "i")) == ("goto", BODY, "1")
        client.go("next"), client.go("next")
        stop = client.go("stepBack")
        stop = client.go("next")
        targets = client.request("stepInTargets", frameId=stop.frames[0]["id"])["targets"]
        assert [target["label"] for target in targets] == [
            "add(self=<shop.Cart object>, size=1)",
            "add(self=<shop.Cart object>, size=1)",
        ]
        client.request("stepIn", threadId=1, targetId=targets[1]["id"])
        stop = client.stop()
        assert (stop.function, value(client, "self.count")) == ("add", "1")
        client.go("next"), client.go("next")
        assert value(client, "self.count") == "2"
        client.request("restartFrame", frameId=stop.frames[0]["id"])
        stop = client.stop()
        assert (stop.line, value(client, "self.count")) == (7, "1")
        client.request("restartFrame", frameId=stop.frames[1]["id"])
        assert client.stop().reason == "entry"


def test_what_is_offered_while_an_expression_is_typed(program):
    with Client().launch(program, "shop", "shop(3)") as client:
        client.begin()
        client.breakpoints(program, 23)
        client.go("continue")
        for text, expected in [
            ("to", "total"), ("cart.co", "count"), ("cart.sizes.app", "append"), ("total + ca", "cart"), ("le", "len"),
            ("cart.sizes[0].bit_l", "bit_length"),
        ]:  # fmt: skip
            targets = client.request("completions", text=text, column=len(text) + 1)["targets"]
            [target] = [one for one in targets if one["label"] == expected]
            assert text[target["start"] :] == text[target["start"] : target["start"] + target["length"]]
            assert expected.startswith(text[target["start"] :])
        assert client.request("completions", text="nix.", column=5)["targets"] == []


def test_scopes_of_what_changed_and_of_globals(tmp_path):
    path = tmp_path / "rates.py"
    path.write_text(
        "RATE = 3\nNAMES = ['a']\n\ndef g(): pass\n\ndef f(n):\n    a = n * RATE\n    b = a\n    g()\n"
        "    return b + len(NAMES)\n"
    )
    with Client().launch(path, "f", "f(1)") as client:
        client.begin()
        stop = client.go("next")
        assert {name: one["value"] for name, one in client.scope(stop, "Changed by line 7").items()} == {"a": "3"}
        assert {name: one["value"] for name, one in client.scope(stop, "Globals").items()} == {
            "NAMES": "['a']",
            "RATE": "3",
        }
