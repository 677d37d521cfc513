"""A debug session of the editor, held against the prediction."""

from lsprotocol import types as lsp

from .conftest import Editor

SOURCE = """\
def total(xs):
    result = 0
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
    assert [(one.range.start.line + 1, one.message) for one in found] == [(4, "result ≈ 0 ≠ 7")]
    shared.protocol.notify("cwm/debugTerminated", {"session": "s"})
    if not shared.initialization.capabilities.diagnostic_provider:
        await shared.until(lambda: not shared.published[uri].diagnostics)
    shared.protocol.notify("cwm/debugStopped", {"nonsense": 1})
    shared.protocol.notify("cwm/debugContinued", {"session": "never seen"})
    assert await shared.hints(uri)
    assert not shared.messages
