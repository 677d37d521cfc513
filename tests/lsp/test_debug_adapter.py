"""The debug adapter of the server, in the process that has the model."""

from __future__ import annotations

import ast
import asyncio

import pytest
from lsprotocol import types as lsp

from tests.dap.client import Connected

from .conftest import QUICK, Editor, capabilities

pytestmark = pytest.mark.slow

SOURCE = "def f(n):\n    m = n + 1\n    return m\n"


async def test_the_server_says_where_its_debug_adapter_is(shared: Editor, tmp_path):
    file = tmp_path / "one.py"
    file.write_text(SOURCE)
    told = await shared.command("cwm.debugAdapter", {})
    assert told["state"] == "done"
    again = await shared.command("cwm.debugAdapter", {})
    assert again == told

    def debug() -> str:
        with Connected(told["host"], told["port"]) as client:
            client.launch(file, "f", "f(1)", token=told["token"])
            client.begin()
            return client.go("continue").body["text"]

    assert await asyncio.to_thread(debug) == "f(1) returns 2"
    # The process is free for other work meanwhile.
    shared.open(file.as_uri(), SOURCE)
    answer = await shared.command("cwm.predict", {"uri": file.as_uri(), "function": "f", "call": "f(1)"}, timeout=30)
    assert answer["predicted"] == "returns 2" or "2" in answer["predicted"]


async def test_a_client_that_can_ask_for_a_value_is_offered_what_if(editor: Editor, tmp_path):
    able = capabilities("neovim_0.11") | {"experimental": {"cwm": {"commands": ["cwm.whatIf"]}}}
    await editor.begin(able, tmp_path, QUICK)
    uri = (tmp_path / "one.py").as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predict", {"uri": uri, "function": "f", "call": "f(1)"}, timeout=30)

    async def offered(line: int) -> list[lsp.CodeAction]:
        return [one for one in await editor.actions(uri, line) if one.title.startswith("What if")]

    assert [one.title for one in await offered(1)] == ["What if n = …"]  # `m` is not there yet
    assert [one.title for one in await offered(0)] == []
    (action,) = await offered(2)
    command = ast.literal_eval(str(action.command))
    asked = command["arguments"][0]
    assert (command["command"], asked["name"], asked["position"]["line"]) == ("cwm.whatIf", "m", 2)


async def test_the_runs_of_a_document_are_told(shared: Editor, tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    file = tmp_path / "two.py"
    file.write_text(SOURCE)
    shared.open(file.as_uri(), SOURCE)
    argument = {"uri": file.as_uri(), "function": "f"}
    for call in ("f(1)", "f(2)"):
        await shared.command("cwm.predictThenRun", {**argument, "call": call}, timeout=60)
    answer = await shared.command("cwm.runs", {"uri": file.as_uri()})
    assert [(one["function"], one["call"]) for one in answer["runs"]] == [("f", "f(2)"), ("f", "f(1)")]
