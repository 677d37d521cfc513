"""An editor whose model is on a server that misbehaves: told in time, never kept waiting, well again by itself."""

import asyncio
import time

import pytest

from tests.lsp.conftest import Editor, capabilities, ended, started

SOURCE = "import time\n\n\ndef f(n):\n    now = time.time()\n    return now + n\n"
TIMEOUT = 10.0


@pytest.mark.parametrize("manner", ["hang", "500", "cut"])
def test_the_editor_is_told_in_time_and_never_waits(manner, server, tmp_path):
    file = tmp_path / "clock.py"
    file.write_text(SOURCE)
    uri = file.as_uri()
    target = {"uri": uri, "function": "f", "call": "f(1)"}
    settings = {"predict": {"trigger": "manual", "maxTokens": 20}, "model": {"name": server.url, "timeout": TIMEOUT}}

    async def scenario(editor: Editor):
        await editor.begin(capabilities("neovim_0.11"), tmp_path, settings)
        editor.open(uri, SOURCE)
        answer = await editor.command("cwm.predict", target)
        assert answer["state"] == "done", answer
        server.manner = manner
        asked = time.monotonic()
        failing = asyncio.ensure_future(editor.command("cwm.predict", target | {"call": "f(2)"}))
        await asyncio.wait_for(editor.lenses(uri), TIMEOUT)  # answered while the model is waited for
        answer = await failing
        assert answer["state"] == "failed"
        assert time.monotonic() - asked < TIMEOUT + 2
        assert server.url in answer["message"]
        assert any(server.url in said.message for said in editor.messages)
        server.manner = "well"
        answer = await editor.command("cwm.predict", target | {"call": "f(3)"})
        assert answer["state"] == "done", answer

    async def play():
        editor = await started()
        try:
            await scenario(editor)
        finally:
            await ended(editor)

    asyncio.run(play())
