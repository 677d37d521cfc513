"""The debug adapter of the server, in the process that has the model."""

from __future__ import annotations

import asyncio

from tests.dap.client import Connected

from .conftest import Editor

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
