"""What the server answers beyond the protocol, over stdio."""

import asyncio
import subprocess
import sys

import pytest
import pytest_asyncio
from pygls.exceptions import JsonRpcException

from .conftest import Editor, capabilities

pytestmark = pytest.mark.slow

SOURCE = """\
def total(xs, limit=10):
    \"\"\"
    >>> total([1, 2, 3])
    6
    \"\"\"
    result = 0
    for x in xs:
        if x > limit:
            continue
        result += x
    return result
"""
QUICK = {"predict": {"trigger": "manual", "timeout": 0.3}}


async def ask(editor: Editor, method: str, **target):
    return await asyncio.wait_for(editor.protocol.send_request_async(method, target), 60)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    return path


@pytest_asyncio.fixture(loop_scope="session")
async def opened(editor: Editor, file):
    """The file's URI in an editor that has it open."""
    await editor.begin(capabilities("vscode_1.139"), file.parent, QUICK)
    editor.open(file.as_uri(), SOURCE)
    return file.as_uri()


async def test_a_run_stands_beside_its_prediction(editor: Editor, opened):
    assert await ask(editor, "cwm/trace", uri=opened, function="total") is None
    assert (await ask(editor, "cwm/unreachedLines", uri=opened)).lines == []
    await editor.command("cwm.predict", {"uri": opened, "function": "total"})
    editor.insert(opened, 2, 0, 0, "import os\n\n")  # the prediction moves with the text, and is then run
    await editor.command("cwm.predictThenRun", {"uri": opened, "function": "total"})

    answer = await ask(editor, "cwm/trace", uri=opened, position={"line": 8, "character": 0})
    assert (answer.function, answer.call) == ("total", "total([1, 2, 3])")
    assert answer.source == "import os\n\n" + SOURCE
    assert answer.predicted.events[0].line == answer.recorded.events[0].line == 3
    assert answer.recorded.ending == "returned 6"
    additions = [step for step in answer.recorded.steps if answer.recorded.events[step.index].line == 12]
    assert [(step.iteration, step.iterations, step.produced) for step in additions] == [
        (number, 3, ["result"]) for number in (1, 2, 3)
    ]
    pairs = list(answer.pairs)
    assert [index for _, index in pairs if index is not None] == list(range(len(answer.recorded.events)))
    assert [index for index, _ in pairs if index is not None] == list(range(len(answer.predicted.events)))

    # What the call passes by moves with edits elsewhere, and is not known any more after one inside.
    assert (await ask(editor, "cwm/unreachedLines", uri=opened)).lines == [10]
    editor.insert(opened, 3, 0, 0, "\n")
    assert (await ask(editor, "cwm/unreachedLines", uri=opened)).lines == [11]
    assert (await ask(editor, "cwm/unreached", uri=opened)).lines == [11]  # as clients of the last release ask
    editor.insert(opened, 4, 10, 0, "    limit = 2\n")
    assert (await ask(editor, "cwm/unreachedLines", uri=opened)).lines == []


async def test_hints_are_of_the_step_that_a_trace_is_looked_at_in(editor: Editor, opened):
    assert not (await ask(editor, "cwm/stateAt", uri=opened, function="total", event=0)).changed  # nothing is known
    await editor.command("cwm.predict", {"uri": opened, "function": "total"})
    answer = await ask(editor, "cwm/trace", uri=opened, function="total")
    adding = [index for index, event in enumerate(answer.predicted.events) if event.line == 10]

    assert (await editor.hints(opened))[9].endswith("3/3")
    assert (await ask(editor, "cwm/stateAt", uri=opened, function="total", event=adding[0])).changed
    assert (await editor.hints(opened))[9].endswith("1/3")
    assert not (await ask(editor, "cwm/stateAt", uri=opened, function="total", event=adding[0])).changed
    assert not (await ask(editor, "cwm/stateAt", uri=opened, function="total", event=10_000)).changed


def run(launch) -> str:
    """What the process that a debugger would start prints."""
    started = launch.configuration
    assert (started.type, started.request) == ("debugpy", "launch")
    command = [sys.executable, started.program, *started.args]
    return subprocess.run(command, cwd=started.cwd, capture_output=True, text=True, timeout=60, check=True).stdout


async def test_a_debugger_can_start_the_call(editor: Editor, opened, file):
    launch = await ask(editor, "cwm/debugConfiguration", uri=opened, function="total", call="total([4, 50])")
    assert (launch.firstLine, launch.bodyLine, launch.lastLine) == (0, 5, 10)
    assert run(launch) == "total([4, 50]) → 4\n"

    path = file.with_name("types.py")  # like a module that is in use by then; and a coroutine
    path.write_text("async def f(x):\n    return str(x)\n")
    editor.open(path.as_uri(), path.read_text())
    launch = await ask(editor, "cwm/debugConfiguration", uri=path.as_uri(), function="f", call="f(3)")
    assert run(launch) == "f(3) → '3'\n"

    with pytest.raises(JsonRpcException, match="functoin"):
        await ask(editor, "cwm/trace", uri=opened, functoin="total")


async def test_nothing_is_started_in_an_untrusted_workspace(editor: Editor, file):
    await editor.begin(capabilities("vscode_1.139"), file.parent, {**QUICK, "workspaceTrusted": False})
    editor.open(file.as_uri(), SOURCE)
    with pytest.raises(JsonRpcException, match="not trusted"):
        await ask(editor, "cwm/debugConfiguration", uri=file.as_uri(), function="total")


async def test_hints_come_in_parts_that_say_what_they_are(editor: Editor, opened):
    await editor.command("cwm.predict", {"uri": opened, "function": "total"})

    async def parts(line: int):
        (hint,) = [hint for hint in (await ask(editor, "cwm/hints", uri=opened)).hints if hint.line == line]
        return [(part.text, part.kind) for part in hint.parts]

    assert await parts(9) == [("result = 6", "computed"), (" · 3/3", "count")]
    assert await parts(3) == [("✓", "pass")]
    await editor.command("cwm.predictThenRun", {"uri": opened, "function": "total"})
    assert await parts(9) == [("● ", "recorded"), ("result = 6", "recorded"), (" · 3/3", "count")]
    await editor.command("cwm.predict", {"uri": opened, "function": "total", "call": "total([1, 'a'])"})
    told = "✗ raises TypeError(\"'>' not supported between instances of 'str' and 'int'\")"
    assert (await parts(7))[0][0].startswith(told[:30]) and (await parts(7))[0][1] == "crash"
    assert (await ask(editor, "cwm/hints", uri="file:///not/open.py")).hints == []


async def test_the_status_says_what_predicts_and_how_far_a_function_is_known(editor: Editor, opened):
    here = {"uri": opened, "position": {"line": 5, "character": 0}}
    await editor.command("cwm.calls", here)
    status = await ask(editor, "cwm/status", **here)
    assert (status.model, status.functions, status.known) == ("bundled", 1, 0)
    assert (status.function, status.state, status.detail) == ("total", "unknown", "it has not been predicted yet")
    await editor.command("cwm.predict", here)
    status = await ask(editor, "cwm/status", **here)
    assert (status.call, status.state, status.detail) == ("total([1, 2, 3])", "computed", "returns 6")
    assert any("predicted total([1, 2, 3]): 14 events, 100 % computed" in line for line in editor.logged)
    await editor.command("cwm.predictThenRun", here)
    status = await ask(editor, "cwm/status", **here)
    assert (status.state, status.detail, status.known) == ("ran", "returned 6", 1)
    assert (await ask(editor, "cwm/status", uri="file:///not/open.py")).functions == 0


async def test_a_call_is_checked_while_it_is_typed(editor: Editor, opened):
    async def problem(call: str):
        return (await ask(editor, "cwm/checkCall", uri=opened, function="total", call=call)).problem

    assert await problem("total([1], limit=3)") is None
    assert "missing" in await problem("total()")
    assert await problem("total([1") is not None
    assert await problem("other()") is not None
