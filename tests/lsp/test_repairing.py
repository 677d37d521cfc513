"""The quick fix of an expectation that does not hold."""

import pytest
from lsprotocol import types as lsp

from .conftest import Editor

pytestmark = pytest.mark.slow

SOURCE = '''\
def total(prices):
    """
    >>> total([1, 2])
    3
    >>> total([])
    0
    """
    result = 1  # so far
    for price in prices:
        result += price
    return result
'''


async def actions(editor: Editor, uri: str, diagnostics: list[lsp.Diagnostic]) -> list[lsp.CodeAction]:
    found = await editor.actions(uri, 7, diagnostics)
    return [one for one in found if isinstance(one, lsp.CodeAction) and one.kind == lsp.CodeActionKind.QuickFix]


async def test_an_edit_is_looked_for_when_its_action_is_resolved(shared: Editor, tmp_path):
    uri = (tmp_path / "mended.py").as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "total"})
    place = lsp.Range(lsp.Position(3, 0), lsp.Position(3, 4))
    diagnostic = lsp.Diagnostic(place, "computed 4, expected 3", source="cwm-lsp", code="expectation")
    assert await actions(shared, uri, []) == []
    [offered] = await actions(shared, uri, [diagnostic])
    assert offered.edit is None
    assert offered.is_preferred is None
    mended = await shared.code_action_resolve_async(offered)
    assert mended.title == "line 8: 1 → 0 (2 of 2 known calls as expected, computed)"
    assert mended.is_preferred
    changes = list(mended.edit.changes[uri])
    start, end = lsp.Position(7, 0), lsp.Position(8, 0)
    assert changes == [lsp.TextEdit(lsp.Range(start, end), "    result = 0  # so far\n")]
    first, *others = await actions(shared, uri, [diagnostic])
    assert first.edit == mended.edit
    assert all(one.edit is not None for one in others)
    shared.insert(uri, 2, 0, 0, "import os\n")
    assert [one.edit for one in await actions(shared, uri, [diagnostic])] == [None]
