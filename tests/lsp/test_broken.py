"""A function that does not parse is no trouble of the others."""

import pytest
from lsprotocol import types as lsp

from .conftest import Editor

pytestmark = pytest.mark.slow

SOURCE = """\
class Counter:
    def __init__(self):
        self.count = 0

    def add(self, n):
        self.count += n
        return self.count


def fine(n):
    counter = Counter()
    return counter.add(n)


def broken(n):
    return (n


assert fine(3) == 3
"""


async def test_others_have_calls_and_values_also_where_the_file_is_opened_so(shared: Editor, tmp_path):
    uri = (tmp_path / "a.py").as_uri()
    shared.open(uri, SOURCE)
    answer = await shared.command("cwm.predict", {"uri": uri, "function": "fine"})
    assert answer["call"] == "fine(3)" and answer["predicted"] == "returns 3"
    assert (await shared.hints(uri))[11] == "= 3"
    titles = [lens.command.title for lens in await shared.lenses(uri)]
    assert "fine(3) · assertion" in titles


async def test_a_run_that_is_refused_says_why_where_that_is(shared: Editor, tmp_path):
    uri = (tmp_path / "a.py").as_uri()
    (tmp_path / "a.py").write_text(SOURCE)
    shared.open(uri, SOURCE)
    told = "line 16: '(' was never closed"
    answer = await shared.command("cwm.predictThenRun", {"uri": uri, "function": "fine"})
    assert answer["state"] == "failed"
    assert answer["message"] == f"fine(3) is not run, as the file does not parse: {told}"
    if shared.client["textDocument"].get("diagnostic"):
        params = lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri))
        found = (await shared.text_document_diagnostic_async(params)).items
    else:
        await shared.until(lambda: uri in shared.published and shared.published[uri].diagnostics)
        found = shared.published[uri].diagnostics
    assert [(one.range.start.line, one.message) for one in found] == [(15, f"nothing of this file can be run: {told}")]
    for target in ({"function": "broken"}, {"position": {"line": 15, "character": 0}}):
        answer = await shared.command("cwm.predict", {"uri": uri, **target})
        assert answer["message"] == f"this does not parse: {told}"
    shared.insert(uri, 2, 15, len("    return (n"), ")")
    answer = await shared.command("cwm.predictThenRun", {"uri": uri, "function": "fine"})
    assert answer["recorded"] == "returned 3"
