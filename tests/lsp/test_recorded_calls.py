"""Calls that were run are offered again."""

from __future__ import annotations

import pytest_asyncio
from lsprotocol import types as lsp

from cwm_lsp.lsp.outline import outline
from cwm_lsp.lsp.workers import Worker

from .conftest import Editor

SOURCE = '''\
def f(a):
    """
    >>> f(3)
    6
    """
    return a * 2
'''


@pytest_asyncio.fixture(loop_scope="session")
async def worker():
    worker = Worker("test")
    yield worker
    worker.close()


async def test_a_run_is_offered_as_a_call_of_its_function(worker, tmp_path):
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    job = {"source": SOURCE, "path": str(path)}
    predicted = {
        "function": "f",
        "call": "f(21)",
        "path": str(path),
        "origin": "predicted",
        "events": [],
        "outcome": {"kind": "return", "value": "42", "exception": None, "detail": None},
        "stats": {},
    }
    run = {
        "function": "f",
        "call": "f(21)",
        "python": None,
        "timeout": 60,
        "remember": True,
        "sandbox": False,
        "scope": "file",
        "made_up": False,
        "sure": 0.0,
    }
    run |= {"predicted": predicted}
    answer = await worker.ask("run", **job, **run)
    assert answer["trace"]["outcome"]["value"] == "42"
    (entry,) = (await worker.ask("outline", **job, roots=[]))["entries"]
    found = [(call["expression"], call["origin"]) for call in entry["calls"]]
    assert found[:2] == [("f(21)", "recorded"), ("f(3)", "doctest")]


def test_a_recorded_call_that_no_longer_fits_is_left_out():
    (entry,) = outline(SOURCE, "a.py", recorded={"f": ["f(1, 2)", "f(5)"]})
    assert [call.expression for call in entry.calls][:2] == ["f(5)", "f(3)"]


async def test_after_an_edit_the_hints_have_what_the_run_saw(shared: Editor, tmp_path):
    path = tmp_path / "clock.py"
    path.write_text("import time\n\n\ndef f(n):\n    now = time.time()\n    return n\n")
    uri = path.as_uri()
    shared.open(uri, path.read_text())
    target = {"uri": uri, "function": "f", "call": "f(2)"}
    await shared.command("cwm.predictThenRun", target)
    value = (await shared.hints(uri))[4].removeprefix("● now = ")
    line = lsp.Range(lsp.Position(5, 0), lsp.Position(6, 0))
    shared.edit(uri, 2, lsp.TextDocumentContentChangePartial(line, "    n += 1\n    return n\n"))
    await shared.command("cwm.predict", target)
    assert {line: text for line, text in (await shared.hints(uri)).items() if line > 3} == {
        4: f"now ↺ {value}", 5: "n ↺ 3", 6: "↺ 3"
    }  # fmt: skip
    hover = (await shared.hover(uri, 4)).contents
    assert "as in the run of " in (hover.value if isinstance(hover, lsp.MarkupContent) else str(hover))
    assert (await shared.command("cwm.forget", {"uri": uri}))["count"] == 1
    await shared.command("cwm.predict", target)
    assert "↺" not in "".join((await shared.hints(uri)).values())
