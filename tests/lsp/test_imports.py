"""Programs of several files in the editor: what is shown of one follows edits in the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from .conftest import Editor

RATES = "RATE = 2\n\n\ndef twice(x):\n    return x * RATE\n"
PRICE = '''\
from rates import twice


def price(x):
    """
    >>> price(4)
    8
    """
    value = twice(x)
    return value + 1
'''


async def forgotten_and_told(editor: Editor, uri: str, before: str, after: str) -> None:
    """What a hint of the line that calls into the other file said is forgotten; predicted again, it says another."""
    while before in (await editor.hints(uri)).get(8, ""):
        await asyncio.sleep(0.05)
    await editor.command("cwm.predict", {"uri": uri, "function": "price"})
    assert after in (await editor.hints(uri))[8]


async def test_hints_follow_what_is_imported(shared: Editor, tmp_path):
    editor = shared
    rates, price = tmp_path / "rates.py", tmp_path / "price.py"
    rates.write_text(RATES)
    price.write_text(PRICE)
    uri = price.as_uri()
    editor.open(uri, PRICE)
    await editor.command("cwm.predict", {"uri": uri, "function": "price"})
    hints = await editor.hints(uri)
    assert "value = 8" in hints[8], hints

    # An edit that is not saved: what was known of the other file is forgotten at once, and told anew.
    editor.open(rates.as_uri(), RATES)
    editor.insert(rates.as_uri(), 2, 0, 7, "10")  # RATE = 102
    await forgotten_and_told(editor, uri, "value = 8", "value = 408")

    # A change on disk, of a file that is not open.
    editor.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(rates.as_uri())))
    rates.write_text(RATES.replace("2", "3"))
    change = lsp.FileEvent(rates.as_uri(), lsp.FileChangeType.Changed)
    editor.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([change]))
    await forgotten_and_told(editor, uri, "value = 408", "value = 12")


TAXES = """\
def tax(kind, amount):
    if kind == "book":
        rate = 0.1
    else:
        rate = 0.2
    return amount * rate
"""
BILL = '''\
from taxes import tax


def bill(amounts):
    """
    >>> bill([10, 20])
    6.0
    """
    total = 0
    for amount in amounts:
        total += tax("food", amount)
    return total
'''


@pytest.fixture
def bill(shared: Editor, tmp_path) -> Bill:
    """Two files, both open, of which one calls into the other."""
    return Bill(shared, tmp_path, BILL, TAXES)


class Bill:
    def __init__(self, editor: Editor, folder: Path, bill: str, taxes: str) -> None:
        (folder / "pyproject.toml").write_text("")
        self.editor, self.path = editor, folder / "taxes.py"
        self.path.write_text(taxes)
        (folder / "bill.py").write_text(bill)
        self.uri, self.other = (folder / "bill.py").as_uri(), self.path.as_uri()
        editor.open(self.uri, bill)
        editor.open(self.other, taxes)

    async def ask(self, method: str, **target):
        return await self.editor.protocol.send_request_async(method, target)

    async def shown(self, line: int) -> dict[int, str]:
        """Hints of the other file, as soon as there is one at a line: it has yet to be outlined."""
        while line not in (hints := await self.editor.hints(self.other)):
            await asyncio.sleep(0.05)
        return hints

    async def problems(self, uri: str) -> list[lsp.Diagnostic]:
        await self.editor.until(lambda: self.editor.problems(uri))
        return await self.editor.problems(uri)


async def test_steps_into_another_file_show_there(bill: Bill):
    editor, uri, other, ask = bill.editor, bill.uri, bill.other, bill.ask
    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "bill"})
    trace = await ask("cwm/trace", uri=uri, function="bill")
    paths = {event.path for event in trace.recorded.events}
    assert paths == {None, str(bill.path)}
    assert [pair for pair in trace.pairs if None in pair] == []
    assert trace.divergences == []
    assert [(one.path, one.uri, one.source) for one in trace.others] == [(str(bill.path), other, TAXES)]

    assert "4.0" in (await bill.shown(5))[5]
    assert "total = 6.0" in (await editor.hints(uri))[10]
    assert (await ask("cwm/unreachedLines", uri=other)).lines == [2]
    hover = await editor.hover(other, 5)
    assert hover is not None
    assert "4.0" in hover.contents.value
    assert "`bill([10, 20])` as it ran" in hover.contents.value
    assert "kind" in (await editor.hover(other, 0)).contents.value, "also in the first line of a file"
    assert await editor.hover(other, 2), "not reached, and it says so"
    titles = [lens.command.title for lens in await editor.lenses(other)]
    assert "as called in bill([10, 20]) · bill.py" in titles

    first = next(index for index, event in enumerate(trace.recorded.events) if event.path and event.line == 6)
    assert (await ask("cwm/stateAt", uri=uri, function="bill", event=first)).changed
    assert "2.0" in (await editor.hints(other))[5]
    assert "total = 2.0" in (await editor.hints(uri))[10]
    here = {"uri": other, "position": {"line": 5, "character": 0}}
    answer = await editor.command("cwm.nextIteration", here)
    assert (answer["number"], answer["count"]) == (2, 2)
    assert "4.0" in (await editor.hints(other))[5]

    status = await ask("cwm/status", uri=other, position={"line": 5, "character": 0})
    assert (status.call, status.known) == ("bill([10, 20])", 1)

    editor.insert(other, 2, 5, 0, "    # moved\n")
    assert await editor.hints(other) == {}


async def test_a_call_that_comes_from_another_file_is_shown_rather_than_one_that_is_made_up(shared: Editor, tmp_path):
    bill = Bill(shared, tmp_path, BILL, TAXES)
    await shared.command("cwm.predict", {"uri": bill.other, "function": "tax", "call": "tax('book', 1)"})
    assert "0.1" in (await bill.shown(5))[5], "a call that was asked for stays"
    await shared.command("cwm.clear", {"uri": bill.other})
    shared.protocol.notify("cwm/cursor", {"uri": bill.other, "position": {"line": 5, "character": 0}})
    await shared.command("cwm.predict", {"uri": bill.uri, "function": "bill"})
    assert "amount = 20" in (await bill.shown(5))[0]


async def test_a_crash_in_another_file_is_told_there(shared: Editor, tmp_path):
    bill = Bill(shared, tmp_path, BILL, TAXES.replace("0.2", "None"))
    await shared.command("cwm.predict", {"uri": bill.uri, "function": "bill"})
    await bill.shown(5)
    for uri, line, related in (
        (bill.other, 5, [("called from bill", bill.uri, 10), ("in bill([10, 20])", bill.uri, 3)]),
        (bill.uri, 10, [("raised in tax", bill.other, 5), ("in bill([10, 20])", bill.uri, 3)]),
    ):
        found = [one for one in await bill.problems(uri) if one.code == "computed-exception"]
        assert [(one.range.start.line, one.message.partition(":")[0]) for one in found] == [(line, "raises TypeError")]
        links = found[0].related_information or []
        assert [(one.message, one.location.uri, one.location.range.start.line) for one in links] == related


async def test_a_loop_in_another_file_that_never_ends_is_told_there(shared: Editor, tmp_path):
    taxes = "def tax(kind, amount):\n    while amount:\n        kind = kind.strip()\n    return kind\n"
    bill = Bill(shared, tmp_path, BILL, taxes)
    await shared.command("cwm.predict", {"uri": bill.uri, "function": "bill"})
    await bill.shown(1)
    places = {}
    for uri in (bill.other, bill.uri):
        found = [one for one in await bill.problems(uri) if one.code == "endless-loop"]
        places[uri] = [one.range.start.line for one in found]
        assert all("line 2 of taxes.py" in one.message for one in found)
    assert places == {bill.other: [1], bill.uri: [10]}


async def test_a_debug_session_is_followed_into_another_file(bill: Bill):
    editor = bill.editor
    await editor.command("cwm.predict", {"uri": bill.uri, "function": "bill"})
    await bill.shown(5)

    async def stop(path: str, function: str, line: int, frame: int, reason: str = "step", **names: str) -> str:
        editor.steps.clear()
        place = {"session": "s", "frameId": frame, "path": path, "line": line, "function": function}
        editor.protocol.notify("cwm/debugStopped", {**place, "locals": names, "reason": reason})
        await editor.until(lambda: editor.steps)
        return editor.steps[-1].message

    own = str(bill.path.with_name("bill.py"))
    inside = {"kind": "'food'", "amount": "10"}
    assert await stop(own, "bill", 11, 1, "breakpoint", amounts="[10, 20]", total="0", amount="10") == "as predicted"
    assert await stop(str(bill.path), "tax", 2, 2, **inside) == "as predicted"
    hints = await editor.hints(bill.other)
    assert "amount = 10" in hints[0] and "2.0" in hints[5], "as of this call"
    assert "amount = 10" in (await editor.hints(bill.uri))[9]
    await stop(str(bill.path), "tax", 5, 2, **inside)
    assert await stop(str(bill.path), "tax", 6, 2, **inside, rate="0.3") == "rate ≈ 0.2 ≠ 0.3"
    assert (await editor.hints(bill.other))[4] == "rate ≈ 0.2 ≠ 0.3"
    spot = lsp.Range(lsp.Position(5, 0), lsp.Position(5, 0))
    params = lsp.InlineValueParams(
        lsp.TextDocumentIdentifier(bill.other),
        lsp.Range(lsp.Position(0, 0), lsp.Position(9, 0)),
        lsp.InlineValueContext(1, spot),
    )
    values = {one.range.start.line: one.text for one in await editor.text_document_inline_value_async(params)}
    assert values[4] == "rate ≈ 0.2 ≠ 0.3" == values[5]
    found = [one for one in await bill.problems(bill.other) if one.code == "divergence-live"]
    assert [one.range.start.line for one in found] == [5]
    after = {"amounts": "[10, 20]", "total": "2.0", "amount": "10"}
    assert await stop(own, "bill", 10, 1, **after) == "as predicted"
    editor.protocol.notify("cwm/debugTerminated", {"session": "s"})
    assert "amount = 20" in (await editor.hints(bill.other))[0]
