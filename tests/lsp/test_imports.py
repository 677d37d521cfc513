"""Programs of several files in the editor: what is shown of one follows edits in the others."""

from __future__ import annotations

import asyncio

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


async def test_steps_into_another_file_show_there(shared: Editor, tmp_path):
    editor = shared
    (tmp_path / "pyproject.toml").write_text("")
    taxes, bill = (tmp_path / name for name in ("taxes.py", "bill.py"))
    taxes.write_text(TAXES)
    bill.write_text(BILL)
    uri, other = bill.as_uri(), taxes.as_uri()
    editor.open(uri, BILL)
    editor.open(other, TAXES)

    async def ask(method: str, **target):
        return await editor.protocol.send_request_async(method, target)

    await editor.command("cwm.predictThenRun", {"uri": uri, "function": "bill"})
    trace = await ask("cwm/trace", uri=uri, function="bill")
    paths = {event.path for event in trace.recorded.events}
    assert paths == {None, str(taxes)}
    assert [pair for pair in trace.pairs if None in pair] == []
    assert trace.divergences == []
    assert [(one.path, one.uri, one.source) for one in trace.others] == [(str(taxes), other, TAXES)]

    while 5 not in (hints := await editor.hints(other)):  # it has yet to be outlined
        await asyncio.sleep(0.05)
    assert "4.0" in hints[5]
    assert "total = 6.0" in (await editor.hints(uri))[10]
    assert (await ask("cwm/unreachedLines", uri=other)).lines == [2]
    hover = await editor.hover(other, 5)
    assert hover is not None
    assert "4.0" in hover.contents.value

    first = next(index for index, event in enumerate(trace.recorded.events) if event.path and event.line == 6)
    assert (await ask("cwm/stateAt", uri=uri, function="bill", event=first)).changed
    assert "2.0" in (await editor.hints(other))[5]
    assert "total = 2.0" in (await editor.hints(uri))[10]

    editor.insert(other, 2, 5, 0, "    # moved\n")
    assert await editor.hints(other) == {}
