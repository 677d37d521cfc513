"""What doctests and assertions expect, held against what is computed."""

from lsprotocol import types as lsp

from .conftest import Editor

SOURCE = '''\
def means(values, window):
    """
    >>> means([1, 2, 6, 7], 2)
    [1.5, 4.0]
    """
    return [sum(values[i : i + window]) / window for i in range(len(values) - window + 1)]


def double(x):
    return 2 * x


def refuse(x):
    """
    >>> refuse(1)
    Traceback (most recent call last):
    ValueError: no
    """
    raise ValueError("no")


def broken(x):
    return x.missing


assert broken(1) == 2
'''
TESTS = """\
import pytest
from sums import double, means, refuse


def test_double():
    assert double(4) == 8
"""


async def problems(editor: Editor, uri: str) -> list[tuple[int, str]]:
    return [(one.range.start.line + 1, one.message) for one in await editor.problems(uri)]


async def test_a_doctest_that_does_not_hold_is_marked_and_told_with_both_values(shared: Editor, tmp_path):
    uri = (tmp_path / "sums.py").as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "means"})
    hints = await shared.hints(uri)
    assert hints[3] == "✗ [1.5, 4.0, 6.5]"
    await shared.until(lambda: shared.client["textDocument"].get("diagnostic") or uri in shared.published)
    told = "computed [1.5, 4.0, 6.5], expected [1.5, 4.0] · means([1, 2, 6, 7], 2)"
    assert await problems(shared, uri) == [(4, told)]
    shared.insert(uri, 2, 0, 0, "import os\n")
    assert (await shared.hints(uri))[4] == "✗ [1.5, 4.0, 6.5]"
    shared.edit(
        uri,
        3,
        lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(4, 0), lsp.Position(4, 99)), "    [1.5, 4.0, 6.5]"),
    )
    await shared.command("cwm.predict", {"uri": uri, "function": "means"})
    assert (await shared.hints(uri))[4] == "✓"
    assert await problems(shared, uri) == []


async def test_a_crash_that_is_meant_is_no_problem_and_one_that_is_not_is_one(shared: Editor, tmp_path):
    uri = (tmp_path / "sums.py").as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "refuse"})
    hints = await shared.hints(uri)
    assert hints[16] == "✓" and hints[18] == "✗ raises ValueError('no')"
    assert await problems(shared, uri) == []
    await shared.command("cwm.predict", {"uri": uri, "function": "broken"})
    hints = await shared.hints(uri)
    assert hints[25] == "✗ raises AttributeError: 'int' object has no attribute 'missing'"
    told = "raises AttributeError: 'int' object has no attribute 'missing' · in broken(1)"
    await shared.until(lambda: shared.client["textDocument"].get("diagnostic") or shared.published[uri].diagnostics)
    assert await problems(shared, uri) == [(23, told)]


async def test_an_assertion_of_a_test_is_marked_where_it_stands(editor: Editor, tmp_path):
    from .conftest import QUICK, capabilities

    await editor.begin(capabilities("neovim_0.11"), tmp_path, QUICK)
    (tmp_path / "sums.py").write_text(SOURCE)
    tests = tmp_path / "test_sums.py"
    tests.write_text(TESTS)
    uri = (tmp_path / "sums.py").as_uri()
    editor.open(uri, SOURCE)
    editor.open(tests.as_uri(), TESTS)
    await editor.command("cwm.predict", {"uri": uri, "function": "double"})
    assert (await editor.hints(tests.as_uri()))[5] == "✓"
    editor.edit(uri, 2, lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(9, 11), lsp.Position(9, 12)), "3"))
    await editor.command("cwm.predict", {"uri": uri, "function": "double"})
    assert (await editor.hints(tests.as_uri()))[5] == "✗ 12"
    await editor.until(lambda: tests.as_uri() in editor.published)
    assert await problems(editor, tests.as_uri()) == [(6, "computed 12, expected 8 · double(4)")]
    assert await problems(editor, uri) == []
