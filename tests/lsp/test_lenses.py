"""Lenses: which there are, and which call they tell."""

import pytest
from lsprotocol import types as lsp

from cwm_lsp.lsp.views.lenses import ago

from .conftest import QUICK, Editor, capabilities

pytestmark = pytest.mark.slow

SOURCE = '''\
def helper(x: int):
    return x + 1


def main_one(xs):
    """
    >>> main_one([1, 2])
    5
    """
    return sum(helper(x) for x in xs)


def unknown(stream: str):
    return stream.upper()
'''


def at(editor: Editor, uri: str, line: int, first: int = 0, last: int = 20) -> None:
    editor.protocol.notify("cwm/cursor", {"uri": uri, "line": line, "first": first, "last": last})


async def titles(editor: Editor, uri: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for lens in await editor.lenses(uri):
        found.setdefault(lens.range.start.line, []).append(lens.command.title)
    return found


async def test_a_lens_tells_the_call_whose_values_stand_beside_the_lines(shared: Editor, tmp_path):
    uri = (tmp_path / "a.py").as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.predict", {"uri": uri, "function": "main_one"})
    shown = await titles(shared, uri)
    assert shown[0][0] == "as called in main_one([1, 2])"
    assert shown[4][0] == "main_one([1, 2]) · doctest"
    await shared.command("cwm.predict", {"uri": uri, "function": "helper", "call": "helper(7)"})
    assert (await titles(shared, uri))[0][0] == "helper(7) · given"


async def test_a_lens_tells_when_its_call_was_run_and_whether_the_code_is_as_it_was(shared: Editor, tmp_path):
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    uri = path.as_uri()

    async def is_told(title: str) -> bool:
        return any(told[0] == title for told in (await titles(shared, uri)).values())

    shared.open(uri, SOURCE)
    await shared.command("cwm.predictThenRun", {"uri": uri, "function": "helper", "call": "helper(7)"})
    assert await is_told("helper(7) · given · run just now · as now")
    await shared.command("cwm.predict", {"uri": uri, "function": "helper", "call": "helper(7)"})
    assert await is_told("helper(7) · given · run just now · as now")
    shared.insert(uri, 2, 1, 0, "    y = x\n")
    await shared.until(lambda: is_told("helper(7) · recorded · run just now · code changed"))
    shared.edit(uri, 3, lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(1, 0), lsp.Position(2, 0)), ""))
    await shared.until(lambda: is_told("helper(7) · recorded · run just now · as now"))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "just now"), (59, "just now"), (60, "1 min ago"), (3599, "59 min ago"), (7300, "2 h ago"), (2e5, "2 d ago")],
)
def test_how_long_ago_a_run_was(seconds, told):
    assert ago(seconds) == told


async def test_by_default_only_what_has_a_call_or_the_cursor_has_a_lens(shared: Editor, tmp_path):
    uri = (tmp_path / "a.py").as_uri()
    shared.open(uri, SOURCE)
    await shared.command("cwm.calls", {"uri": uri, "function": "main_one"})
    assert set(await titles(shared, uri)) == {4}
    at(shared, uri, 1)
    assert set(await titles(shared, uri)) == {0, 4}
    at(shared, uri, 13)
    assert set(await titles(shared, uri)) == {4, 12}
    at(shared, uri, 11)
    assert set(await titles(shared, uri)) == {4}
    shared.protocol.notify("cwm/cursor", {"uri": uri, "line": "x"})
    shared.protocol.notify("cwm/cursor", {"uri": "file:///other.py", "line": 1, "first": 0, "last": 1})
    assert set(await titles(shared, uri)) == {4}


@pytest.mark.parametrize(("show", "lines"), [("all", {0, 4, 12}), ("cursor", {0}), ("found", {0, 4})])
async def test_which_functions_have_lenses_is_a_setting(editor: Editor, tmp_path, show, lines):
    await editor.begin(capabilities("neovim_0.11"), tmp_path, {**QUICK, "lenses": {"show": show}})
    uri = (tmp_path / "a.py").as_uri()
    editor.open(uri, SOURCE)
    at(editor, uri, 1)
    await editor.command("cwm.calls", {"uri": uri, "function": "main_one"})
    assert set(await titles(editor, uri)) == lines


async def test_a_client_that_offers_the_rest_by_itself_gets_short_lenses(editor: Editor, tmp_path):
    able = capabilities("vscode_1.139") | {"experimental": {"cwm": {"commands": ["cwm.more", "cwm.changeCall"]}}}
    await editor.begin(able, tmp_path, QUICK)
    uri = (tmp_path / "a.py").as_uri()
    editor.open(uri, SOURCE + f"\n\nmain_one({list(range(50))})\n")
    await editor.command("cwm.predict", {"uri": uri, "function": "main_one", "call": f"main_one({list(range(50))})"})
    answer = await editor.command(
        "cwm.selectCall", {"uri": uri, "function": "main_one", "call": f"main_one({list(range(50))})"}
    )
    assert answer["state"] == "done"
    shown = await titles(editor, uri)
    assert shown[4] == ["main_one([0, 1, 2, 3, 4, 5, … 44 more]) · given", "Run", "More…"]
    assert all(len(title) < 60 for lens in shown.values() for title in lens)
