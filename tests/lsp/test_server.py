"""The whole server over stdio, as two editors see it."""

import ast
import asyncio
import re
import socket
import sys

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from .conftest import QUICK, Editor, capabilities, ended, started

pytestmark = pytest.mark.slow

SOURCE = """\
LIMIT = 3


def total(xs):
    \"\"\"
    >>> total([1, 2, 3])
    6
    \"\"\"
    result = 0
    for x in xs:
        result += x
    return result


def broken(text):
    \"\"\"
    >>> broken("a,b")
    0
    \"\"\"
    left, right = text.split(",")
    return int(left)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    return path


async def test_the_server_says_what_it_can(shared: Editor):
    editor, result = shared, shared.initialization
    can = result.capabilities
    assert result.server_info.name == "cwm-lsp"
    assert can.inlay_hint_provider.resolve_provider
    assert can.hover_provider and can.code_lens_provider and can.inline_value_provider and can.code_action_provider
    assert {"cwm.predict", "cwm.predictThenRun", "cwm.showTrace"} <= set(can.execute_command_provider.commands)
    encoding = "utf-16" if editor.client["general"]["positionEncodings"] == ["utf-16"] else "utf-8"
    assert can.position_encoding == encoding


async def test_a_run_is_shown_in_hints_hover_and_lenses(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    answer = await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    assert answer["state"] == "done", answer
    assert answer["call"] == "total([1, 2, 3])"
    assert answer["recorded"] == "returned 6"
    hints = await editor.hints(uri)
    assert hints[9].endswith("· 3/3") and "3" in hints[9]
    assert "6" in hints[10] and hints[10].endswith("· 3/3")
    assert "6" in hints[11]
    hover = await editor.hover(uri, 10, 8)
    assert hover.contents.kind == "markdown"
    assert re.search(r"\| \*\*result\*\* +\| `3` +\|", hover.contents.value) and "iteration 3/3" in hover.contents.value
    titles = [(lens.range.start.line, lens.command.title) for lens in await editor.lenses(uri)]
    assert (3, "total([1, 2, 3]) · doctest · run just now · as now") in titles
    assert (3, "Predict") in titles and (14, "Predict then run") in titles


async def test_what_of_a_run_surprises_the_model_is_told(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total", "call": "total([7919, 104729])"})
    while "surprise: " not in (hover := await editor.hover(uri, 10, 8)).contents.value:
        await asyncio.sleep(0.05)  # it is read after the command has been answered
    assert " bits" in hover.contents.value


async def test_iterations_are_gone_through(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    here = {"uri": uri, "position": {"line": 10, "character": 0}}
    answer = await editor.command("cwm.nextIteration", here)
    assert (answer["number"], answer["count"]) == (1, 3)
    hints = await editor.hints(uri)
    assert "· 1/3" in hints[9] and "· 1/3" in hints[10]
    assert (await editor.command("cwm.previousIteration", here))["number"] == 3


async def test_an_iteration_that_was_gone_to_stays_through_edits_and_runs(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    target = {"uri": uri, "function": "total"}
    await editor.command("cwm.predict", target)
    here = {"uri": uri, "position": {"line": 10, "character": 0}}
    assert (await editor.command("cwm.nextIteration", here))["number"] == 1
    editor.insert(uri, 2, 8, 0, "    # above the loop\n")
    await editor.command("cwm.predict", target)
    assert "· 1/3" in (await editor.hints(uri))[11]
    await editor.command("cwm.predictThenRun", target)
    assert "· 1/3" in (await editor.hints(uri))[11]
    # The last iteration is shown by itself, however many there are.
    here["position"]["line"] = 11
    assert (await editor.command("cwm.previousIteration", here))["number"] == 3
    await editor.command("cwm.predict", {**target, "call": "total([1, 2, 3, 4])"})
    assert "· 4/4" in (await editor.hints(uri))[11]


async def test_an_edit_elsewhere_moves_and_an_edit_inside_clears(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    before = await editor.hints(uri)
    editor.insert(uri, 2, 0, 0, "import os\n\n")
    assert await editor.hints(uri) == {line + 2: label for line, label in before.items()}
    assert await editor.hover(uri, 12, 8)
    editor.insert(uri, 3, 20, 0, "    # nothing\n")
    assert await editor.hints(uri) == {line + 2: label for line, label in before.items()}
    editor.insert(uri, 4, 12, 4, "pass; ")
    assert await editor.hints(uri) == {}
    assert await editor.hover(uri, 12, 8) is None


@pytest.mark.parametrize("name", ["vscode_1.139", "neovim_0.11", "eglot_29"])
async def test_diagnostics_are_pulled_or_published_and_never_both(editor: Editor, name, file):
    result = await editor.begin(capabilities(name), file.parent, QUICK)
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    answer = await editor.command("cwm.predictThenRun", {"uri": uri, "function": "broken"})
    assert answer["recorded"] == "raised ValueError: invalid literal for int() with base 10: 'a'"
    assert (result.capabilities.diagnostic_provider is not None) == (name == "vscode_1.139")
    if name == "vscode_1.139":
        report = await editor.text_document_diagnostic_async(
            lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri))
        )
        found = report.items
        assert not editor.published
    else:
        await editor.until(lambda: uri in editor.published)
        found = editor.published[uri].diagnostics
    raised = [diagnostic for diagnostic in found if "invalid literal" in diagnostic.message]
    assert [diagnostic.range.start for diagnostic in raised] == [lsp.Position(20, 4)]
    assert raised[0].source == "cwm-lsp"


async def test_the_right_refreshes_are_asked_for(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    await editor.until(lambda: lsp.WORKSPACE_INLAY_HINT_REFRESH in editor.refreshes)
    if "codeLens" not in editor.client["workspace"]:
        assert lsp.WORKSPACE_CODE_LENS_REFRESH not in editor.refreshes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([{"uri": "file:///a.py", "nonsense": 1}], "nonsense"),
        ([{}, {}], "one object"),
        (["file:///a.py"], "object"),
        ([{"uri": 3}], "uri"),
        ([{"uri": "x", "position": {"line": -1}}], "position.line"),
    ],
)
async def test_wrong_arguments_are_a_clear_error(shared: Editor, arguments, message):
    editor = shared
    with pytest.raises(JsonRpcException, match=message) as raised:
        await editor.command("cwm.predict", *arguments)
    assert raised.value.code == -32602


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"function": "nosuch"}, "no function called nosuch"),
        ({"position": {"line": 0}}, "no function here"),
        ({"function": "total", "call": "total("}, "total"),
        ({"function": "total", "call": "total(1, 2, 3)"}, "total"),
    ],
)
async def test_what_cannot_be_done_is_told_in_one_line(shared: Editor, file, argument, message):
    editor = shared
    editor.open(file.as_uri(), SOURCE)
    answer = await editor.command("cwm.predict", {"uri": file.as_uri(), **argument})
    assert answer["state"] == "failed" and message in answer["message"] and "\n" not in answer["message"]
    await editor.until(lambda: any(message in shown.message for shown in editor.messages))


async def test_nothing_is_run_in_an_untrusted_workspace(editor: Editor, file):
    await editor.begin(able_to_debug(), file.parent, {**QUICK, "workspaceTrusted": False})
    editor.open(file.as_uri(), SOURCE)
    answer = await editor.command("cwm.predictThenRun", {"uri": file.as_uri(), "function": "total"})
    assert answer["state"] == "failed" and "not trusted" in answer["message"]
    titles = {lens.command.title for lens in await editor.lenses(file.as_uri())}
    assert "Predict" in titles and not titles & {"Predict then run", "Predict then debug"}
    await editor.command("cwm.predict", {"uri": file.as_uri(), "function": "total"})
    told = (await editor.hover(file.as_uri(), SOURCE.split("\n").index("    result = 0"))).contents.value
    assert "command:cwm.predict?" in told and "cwm.predictThenRun" not in told


async def test_lenses_have_what_the_client_carries_out_by_itself(editor: Editor, file):
    await editor.begin(able_to_debug(), file.parent, QUICK)
    editor.open(file.as_uri(), SOURCE)
    await editor.command("cwm.predict", {"uri": file.as_uri(), "function": "total"})
    titles = {lens.command.title for lens in await editor.lenses(file.as_uri())}
    assert {"Predict then run", "Predict then debug"} <= titles and "Change call…" not in titles


def able_to_debug() -> dict:
    return capabilities("vscode_1.139") | {
        "experimental": {"cwm": {"commands": ["cwm.predictThenDebug"], "commandLinks": True}}
    }


async def test_a_call_is_chosen(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE + "\nassert total([5]) == 5\n")
    editor.choice = 1
    answer = await editor.command("cwm.selectCall", {"uri": uri, "function": "total"})
    titles = [action.title for action in editor.questions[0].actions]
    assert titles[0] == "total([1, 2, 3]) · from its doctest"
    assert answer["call"] == titles[1].partition(" · ")[0]
    lenses = [lens.command.title for lens in await editor.lenses(uri)]
    assert "total([5]) · assertion" in lenses
    answer = await editor.command("cwm.selectCall", {"uri": uri, "function": "total", "call": "total([7])"})
    assert answer["call"] == "total([7])"
    assert "total([7]) · given" in [lens.command.title for lens in await editor.lenses(uri)]


async def test_a_trace_is_shown_as_a_document(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    answer = await editor.command("cwm.showTrace", {"uri": uri, "function": "total"})
    assert "result += x" in answer["recorded"] and "# returned 6" in answer["recorded"]
    assert len(editor.shown) == 1


async def test_clear_clears(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    await editor.command("cwm.clear", {"uri": uri})
    assert await editor.hints(uri) == {}


async def test_settings_change_live_and_bad_ones_are_told_once(editor: Editor, file):
    client = capabilities("vscode_1.139")
    editor.configuration = {**QUICK, "hints": {"maxLength": 3}, "color": "red"}
    await editor.begin(client, file.parent)
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.until(lambda: len(editor.messages) == 2)
    assert {"hints.maxLength", "color"} == {
        name for name in ("hints.maxLength", "color") for message in editor.messages if name in message.message
    }
    await editor.until(lambda: "workspace/didChangeConfiguration" in editor.registrations)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "total"})
    assert await editor.hints(uri)
    editor.configuration = {**QUICK, "hints": {"enable": False}, "color": "red"}
    editor.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))

    async def hidden() -> bool:
        return await editor.hints(uri) == {}

    await editor.until(hidden)
    assert len(editor.messages) == 2


async def test_what_starts_a_prediction(editor: Editor, file):
    async def trigger(name: str) -> None:
        editor.configuration = {"predict": {"trigger": name, "debounce": 50}}
        before = editor.asked
        editor.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
        await editor.until(lambda: editor.asked > before)
        await editor.hints(uri)  # by then the server has taken the answer

    async def is_outlined() -> bool:
        return len(await editor.lenses(uri)) > 1

    editor.configuration = {"predict": {"trigger": "onSave", "debounce": 50}}
    await editor.begin(capabilities("vscode_1.139"), file.parent)
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.until(is_outlined)
    await asyncio.sleep(0.5)
    assert await editor.hints(uri) == {}
    editor.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await editor.until(lambda: editor.hints(uri))

    await trigger("manual")
    editor.insert(uri, 2, 8, 0, "    pass\n")
    editor.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await asyncio.sleep(1)
    assert 10 not in await editor.hints(uri)

    await trigger("onType")
    editor.insert(uri, 3, 8, 0, "    pass\n")
    editor.insert(uri, 4, 8, 0, "    pass\n")

    async def is_shown() -> bool:
        hints = await editor.hints(uri)
        return hints.get(13, "").startswith("result") and hints.get(14, "").endswith("6")

    await editor.until(is_shown)  # of the newest text


async def test_what_is_no_python_file_is_left_alone(shared: Editor, tmp_path):
    editor = shared
    cell = "vscode-notebook-cell:/a/b.ipynb#X1"
    editor.open(cell, SOURCE)
    editor.open("file:///a.lua", "x = 1", language="lua")
    for uri in (cell, "file:///a.lua", "file:///never-opened.py"):
        assert await editor.hints(uri) == {}
        assert await editor.hover(uri, 0) is None
        assert await editor.lenses(uri) == []
    editor.insert("file:///never-opened.py", 2, 0, 0, "x")
    assert not editor.messages


async def test_an_untitled_document_is_predicted_and_run(shared: Editor, tmp_path):
    editor = shared
    editor.open("untitled:Untitled-1", SOURCE)
    answer = await editor.command("cwm.predict", {"uri": "untitled:Untitled-1", "function": "total"})
    assert answer["state"] == "done", answer


async def test_a_closed_document_leaves_nothing(editor: Editor, file):
    await editor.begin(capabilities("eglot_29"), file.parent, QUICK)
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "broken"})
    await editor.until(lambda: uri in editor.published and editor.published[uri].diagnostics)
    editor.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await editor.until(lambda: not editor.published[uri].diagnostics)
    assert await editor.hints(uri) == {}


async def test_lines_that_end_in_cr_lf_and_wide_characters_are_placed_right(shared: Editor, tmp_path):
    editor = shared
    uri = (tmp_path / "wide.py").as_uri()
    text = 'def f():\r\n\tx = "😀" + "é"  # 😀  \r\n\treturn x\r\n\r\nf()\r\n'
    (tmp_path / "wide.py").write_bytes(text.encode())
    editor.open(uri, text)
    answer = await editor.command("cwm.predictThenRun", {"uri": uri, "function": "f", "call": "f()"})
    assert answer["recorded"] == "returned '😀é'"
    hints = await editor.text_document_inlay_hint_async(
        lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), lsp.Range(lsp.Position(0, 0), lsp.Position(9, 0)))
    )
    spot = next(hint.position for hint in hints if hint.position.line == 1)
    line = '\tx = "😀" + "é"  # 😀'
    utf16 = editor.client["general"]["positionEncodings"] == ["utf-16"]
    assert spot.character == (len(line.encode("utf-16-le")) // 2 if utf16 else len(line.encode()))


async def test_a_job_is_cancelled_by_the_client_s_button(shared: Editor, file):
    editor = shared
    file.write_text("import time\n\ndef slow():\n    time.sleep(60)\n\nslow()\n")
    uri = file.as_uri()
    editor.open(uri, file.read_text())
    running = asyncio.ensure_future(
        editor.command("cwm.predictThenRun", {"uri": uri, "function": "slow", "call": "slow()"})
    )

    def is_running() -> bool:
        return any(isinstance(value, dict | object) and "Running" in str(value) for _, value in editor.progress)

    await editor.until(is_running)
    token = next(token for token, value in editor.progress if "Running" in str(value))
    editor.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token))
    assert (await asyncio.wait_for(running, 10))["state"] == "cancelled"
    await editor.until(lambda: (token, lsp.WorkDoneProgressEnd()) in editor.progress or "end" in str(editor.progress))


async def test_progress_counts_what_has_been_recorded(shared: Editor, file):
    text = "import time\n\ndef slow():\n    for n in range(1000):\n        time.sleep(0.02)\n"
    file.write_text(text)
    uri = file.as_uri()
    shared.open(uri, text)
    argument = {"uri": uri, "function": "slow", "call": "slow()"}
    running = asyncio.ensure_future(shared.command("cwm.predictThenRun", argument))
    await shared.until(lambda: any(re.search(r"running, \d+ events", str(value)) for _, value in shared.progress))
    await shared.command("cwm.cancel", {"uri": uri})
    assert (await running)["state"] == "cancelled"


async def test_code_actions_offer_what_can_be_done(shared: Editor, file):
    editor = shared
    uri = file.as_uri()
    editor.open(uri, SOURCE)
    await editor.until(lambda: editor.lenses(uri))
    actions = await editor.actions(uri, 10)
    assert "Predict total" in [action.title for action in actions]
    # lsprotocol takes every code action with a command for a bare command, and that for a string.
    command = ast.literal_eval(actions[0].command)
    answer = await editor.command(command["command"], *command["arguments"])
    assert answer["function"] == "total"


async def test_a_trace_is_sent_while_it_is_asked_for(shared: Editor, file):
    editor, uri = shared, file.as_uri()
    editor.open(uri, SOURCE)
    editor.set_trace(lsp.SetTraceParams(lsp.TraceValue.Verbose))
    await editor.command("cwm.predict", {"uri": uri, "function": "total"})
    await editor.until(lambda: any("predicted total([1, 2, 3])" in line for line in editor.traced))
    editor.set_trace(lsp.SetTraceParams(lsp.TraceValue.Off))
    editor.traced.clear()
    await editor.command("cwm.predict", {"uri": uri, "function": "total"})
    assert not editor.traced


async def test_a_cancelled_request_stops_its_job(shared: Editor, file):
    text = "import time\n\ndef slow():\n    time.sleep(60)\n"
    file.write_text(text)
    uri = file.as_uri()
    shared.open(uri, text)
    argument = {"uri": uri, "function": "slow", "call": "slow()"}
    params = lsp.ExecuteCommandParams("cwm.predictThenRun", [argument])
    request = shared.protocol.send_request("workspace/executeCommand", params, msg_id="slow-1")
    await shared.until(lambda: any("Running" in str(value) for _, value in shared.progress))
    shared.protocol.notify(lsp.CANCEL_REQUEST, lsp.CancelParams("slow-1"))
    with pytest.raises(JsonRpcException, match="canceled"):
        await asyncio.wait_for(asyncio.wrap_future(request), 10)
    # The process is free for the next run.
    shared.open((file.parent / "b.py").as_uri(), SOURCE)
    (file.parent / "b.py").write_text(SOURCE)
    target = {"uri": (file.parent / "b.py").as_uri(), "function": "total"}
    assert (await shared.command("cwm.predictThenRun", target, timeout=30))["recorded"] == "returned 6"


async def test_the_command_line_of_the_server_chooses_before_the_editor(tmp_path):
    editor = await started("--model", "no/such/folder")
    await editor.begin(capabilities("neovim_0.11"), tmp_path, {**QUICK, "model": {"name": "bundled"}})
    uri = (tmp_path / "a.py").as_uri()
    editor.open(uri, SOURCE)
    answer = await editor.command("cwm.predict", {"uri": uri, "function": "total"})
    assert answer["state"] == "failed" and "no/such/folder" in answer["message"]
    await ended(editor)


async def test_tcp(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cwm_lsp", "serve", "--tcp", f"127.0.0.1:{port}"
    )
    editor = Editor()
    for _ in range(300):
        try:
            await editor.start_tcp("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    await editor.begin(capabilities("neovim_0.11"), tmp_path)
    uri = (tmp_path / "a.py").as_uri()
    editor.open(uri, SOURCE)
    await editor.until(lambda: editor.hints(uri))
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await asyncio.wait_for(server.wait(), 20) == 0
    await editor.stop()


@pytest.mark.parametrize("address", ["8080", "localhost:", "localhost:http", ":1"])
async def test_a_malformed_address_is_bad_usage(address):
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cwm_lsp", "serve", "--tcp", address, stderr=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(server.communicate(), 60)
    assert server.returncode == 2 and b"HOST:PORT" in told


async def test_a_run_takes_the_place_of_a_prediction_that_is_under_way(editor: Editor, tmp_path):
    await editor.begin(capabilities("vscode_1.139"), tmp_path, QUICK)
    text = "from random import random\n\ndef f(n):\n    for i in range(n):\n        x = random()\n    return n\n"
    path = tmp_path / "chance.py"
    path.write_text(text)
    editor.open(path.as_uri(), text)
    target = {"uri": path.as_uri(), "function": "f", "call": "f(12)"}
    predicting = asyncio.ensure_future(editor.command("cwm.predict", target))
    await editor.until(lambda: editor.refreshes)
    answer = await editor.command("cwm.predictThenRun", target)
    assert answer["recorded"] == "returned 12"
    assert (await predicting)["state"] in ("cancelled", "done")
    assert (await editor.hints(path.as_uri()))[5] == "● = 12"
