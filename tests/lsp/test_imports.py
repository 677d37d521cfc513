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
