"""A debug session of the editor, held against the prediction."""

import pytest
from lsprotocol import types as lsp

from .conftest import QUICK, Editor

SOURCE = """\
def total(xs):
    result = len(xs) - len(xs)
    for x in xs:
        result += x
    return result
"""


async def test_stops_are_compared_with_the_prediction(shared: Editor, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    uri = path.as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "total", "call": "total([1, 2])"})

    async def stop(line: int, reason: str = "step", **names: str):
        shared.steps.clear()
        place = {"session": "s", "frameId": 1, "path": str(path), "line": line, "function": "total"}
        shared.protocol.notify("cwm/debugStopped", {**place, "locals": names, "reason": reason})
        await shared.until(lambda: shared.steps)
        values = await shared.text_document_inline_value_async(
            lsp.InlineValueParams(
                lsp.TextDocumentIdentifier(uri),
                lsp.Range(lsp.Position(0, 0), lsp.Position(9, 0)),
                lsp.InlineValueContext(1, lsp.Range(lsp.Position(line - 1, 0), lsp.Position(line - 1, 0))),
            )
        )
        return {value.range.start.line + 1: value.text for value in values}

    assert (await stop(2, "breakpoint", xs="[1, 2]"))[2] == "as predicted"
    hints = await shared.hints(uri)
    assert hints[2] == "x = 1 · 1/2" and hints[3] == "result = 1 · 1/2", "the first iteration is yet to come"
    shown = await stop(3, xs="[1, 2]", result="0")
    assert shown[3] == "as predicted" and shown[2] == "result = 0"
    assert (await stop(4, xs="[1, 2]", result="7", x="1"))[4] == "result ≈ 0 ≠ 7"
    shared.protocol.notify("cwm/debugContinued", {"session": "s"})
    if shared.initialization.capabilities.diagnostic_provider:
        params = lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri))
        found = (await shared.text_document_diagnostic_async(params)).items
    else:
        await shared.until(lambda: uri in shared.published and shared.published[uri].diagnostics)
        found = shared.published[uri].diagnostics
    assert [(one.range.start.line + 1, one.message) for one in found] == [(4, "result ≈ 0 ≠ 7")], "it had been computed"
    hints = await shared.hints(uri)
    assert hints[1] == "result ≈ 0 ≠ 7" and hints[2] == "x = 1 · 1/2"
    await stop(3, xs="[1, 2]", result="1", x="1")
    assert (await stop(4, xs="[1, 2]", result="1", x="2"))[4] == "as predicted"
    hints = await shared.hints(uri)
    assert hints[2] == "x = 2 · 2/2" and hints[3] == "result = 3 · 2/2"
    await stop(4, "breakpoint", xs="[5]", result="0", x="5")
    shared.protocol.notify("cwm/debugTerminated", {"session": "s"})
    if not shared.initialization.capabilities.diagnostic_provider:
        await shared.until(lambda: not shared.published[uri].diagnostics)
    shared.protocol.notify("cwm/debugStopped", {"nonsense": 1})
    shared.protocol.notify("cwm/debugContinued", {"session": "never seen"})
    assert (await shared.hints(uri))[3] == "result = 3 · 2/2"
    assert not shared.messages


@pytest.mark.parametrize("after", [3, 4])
async def test_after_the_end_of_a_prediction_nothing_is_compared_and_that_is_said_once(shared: Editor, tmp_path, after):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    uri = path.as_uri()
    await configured(shared, {"predict": {"maxEvents": 3, "trigger": "manual"}})
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "total", "call": "total([1, 2])"})
    assert (await shared.hints(uri))[2] == "⋯ known up to here: the limit of 3 events was reached"

    def stop(line: int, **names: str) -> None:
        place = {"session": "s", "frameId": 1, "path": str(path), "line": line, "function": "total"}
        shared.protocol.notify("cwm/debugStopped", {**place, "locals": names, "reason": "step"})

    shared.steps.clear()
    stop(2, xs="[1, 2]")
    stop(3, xs="[1, 2]", result="0")
    for _ in range(3):
        stop(4, xs="[1, 2]", result="77", x="88")
        stop(after, xs="[1, 2]", result="99", x="99")
    await shared.until(lambda: len(shared.steps) == 3)
    shared.protocol.notify("cwm/debugTerminated", {"session": "s"})
    await shared.hints(uri)
    assert [step.message for step in shared.steps] == [
        "as predicted",
        "as predicted",
        "predicted up to line 3: the limit of 3 events was reached",
    ]
    await configured(shared, QUICK)


async def configured(editor: Editor, settings: dict) -> None:
    """Change the editor's settings, and wait until the server has asked for them."""
    asked, editor.configuration = editor.asked, settings
    editor.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings))
    await editor.until(lambda: editor.asked > asked)


async def test_what_a_session_has_shown_is_remembered(shared: Editor, tmp_path):
    path = tmp_path / "clock.py"
    path.write_text("import time\n\n\ndef f(n):\n    now = time.time()\n    return n\n")
    uri = path.as_uri()
    shared.open(uri, path.read_text())
    target = {"uri": uri, "function": "f", "call": "f(2)"}
    await shared.command("cwm.predict", target)
    for line, names in ((5, {"n": "2"}), (6, {"n": "2", "now": "1234.5"})):
        place = {"session": "t", "frameId": 1, "path": str(path), "line": line, "function": "f"}
        shared.protocol.notify("cwm/debugStopped", {**place, "locals": names, "reason": "step"})
    line = lsp.Range(lsp.Position(5, 0), lsp.Position(6, 0))
    shared.edit(uri, 2, lsp.TextDocumentContentChangePartial(line, "    n += 1\n    return n\n"))
    await shared.command("cwm.predict", target)
    found = {line: text for line, text in (await shared.hints(uri)).items() if line > 3}
    assert found == {4: "now ↺ 1234.5", 5: "n ↺ 3", 6: "↺ 3"}
    shared.protocol.notify("cwm/debugTerminated", {"session": "t"})
