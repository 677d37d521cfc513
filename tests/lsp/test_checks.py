"""Verdicts and crashes in an editor: found while one types, replaced by what happens when it is run."""

import ast
import subprocess
import sys

import pytest
import pytest_asyncio
from lsprotocol import types as lsp

from .conftest import Editor, capabilities, ended, started

pytestmark = pytest.mark.slow

SHOP = '''\
def total(prices, rate=0):
    """
    >>> total([1, 2])
    3
    >>> total([1])
    2
    """
    result = 0
    for price in prices:
        result += price + rate
    return result


def average(prices: list[int]) -> float:
    return sum(prices) / len(prices)
'''
TESTS = """\
import time

import pytest
from shop import total


def test_total():
    found = total([1, 2])
    assert found == 3


def test_wrong():
    found = total([20, 38])
    assert isinstance(found, int)
    assert found == 59


@pytest.mark.parametrize("price", [1, 2, 3])
def test_each(price):
    assert total([price]) < 3


def test_clock():
    assert time.time() > 1
"""


BOTH = pytest.mark.parametrize("shop", ["vscode_1.139", "neovim_0.11"], indirect=True)


@pytest_asyncio.fixture(params=["neovim_0.11"], loop_scope="session")
async def shop(request, tmp_path):
    """An editor with the shop and its tests open, and their URIs."""
    editor = await started()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(TESTS)
    editor.client = capabilities(request.param)
    await editor.begin(editor.client, tmp_path, {"record": {"python": sys.executable}})
    editor.uri, editor.tests = ((tmp_path / name).as_uri() for name in ("shop.py", "test_shop.py"))
    editor.open(editor.uri, SHOP)
    yield editor
    await ended(editor)


@BOTH
async def test_tests_are_marked_and_what_fails_is_told_with_the_way_there(shop):
    shop.open(shop.tests, TESTS)
    answer = await shop.command("cwm.verdicts", {"uri": shop.tests})
    assert {row["test"].partition("::")[2]: row["verdict"] for row in answer["verdicts"]} == {
        "test_total": "pass",
        "test_wrong": "fail",
        "test_each[1]": "pass",
        "test_each[2]": "pass",
        "test_each[3]": "fail",
        "test_clock": "unknown",
    }
    hints = await shop.hints(shop.tests)
    lines = TESTS.split("\n")
    marks = {lines[line]: label for line, label in hints.items() if label[0] in "✓✗?"}
    assert marks == {
        "def test_total():": "✓ likely passes",
        "    assert found == 3": "✓",
        "def test_wrong():": "✗ likely fails: 58 ≠ 59",
        "    assert isinstance(found, int)": "✓",
        "    assert found == 59": "✗ 58 ≠ 59",
        "def test_each(price):": "✗ 1 of 3 likely fails: 3, not < 3",
        "    assert total([price]) < 3": "✗ 3, not < 3",
        "def test_clock():": "?",
    }
    await shop.until(lambda: shop.client["textDocument"].get("diagnostic") or shop.tests in shop.published)
    told = {one.message: one for one in await shop.problems(shop.tests)}
    assert set(told) == {"likely fails: 58 ≠ 59 · test_wrong", "likely fails: 3, not < 3 · test_each[3]"}
    wrong = told["likely fails: 58 ≠ 59 · test_wrong"]
    assert wrong.range.start.line == 14
    way = [(one.location.uri, one.location.range.start.line, one.message) for one in wrong.related_information]
    assert way == [(shop.uri, 10, "total returns 58"), (shop.tests, 12, "found = 58")]
    assert "Run test_wrong" in [one.title for one in await shop.actions(shop.tests, 14)]


async def test_doctests_are_marked_and_counted_above_their_function(shop):
    await shop.command("cwm.verdicts", {"uri": shop.uri})
    hints = await shop.hints(shop.uri)
    assert (hints[3], hints[5]) == ("✓", "✗ 1")
    assert "✗ 1 of 2 doctests likely passes" in [lens.command.title for lens in await shop.lenses(shop.uri)]


async def test_an_edit_takes_away_what_it_may_change(shop):
    shop.open(shop.tests, TESTS)
    await shop.command("cwm.verdicts", {"uri": shop.tests})
    shop.insert(shop.tests, 2, 7, 4, "x = 1\n    ")
    hints = await shop.hints(shop.tests)
    assert 6 not in hints and hints[12] == "✗ likely fails: 58 ≠ 59"
    shop.insert(shop.uri, 2, 7, 13, "1 + ")

    async def anew() -> bool:
        found = await shop.hints(shop.tests)
        return found.get(12, "").startswith("✓") and found.get(6, "").startswith("✗ likely fails: 4 ≠ 3")

    await shop.until(anew)


async def test_running_replaces_the_verdict(shop):
    shop.open(shop.tests, TESTS)
    names = ["test_shop.py::test_wrong", "test_shop.py::test_clock"]
    answer = await shop.command("cwm.runTests", {"uri": shop.tests, "tests": names})
    assert {row["test"]: (row["predicted"], row["verdict"]) for row in answer["verdicts"]} == {
        names[0]: ("fail", "fail"),
        names[1]: ("unknown", "pass"),
    }
    assert answer["wrong"] == []
    hints = await shop.hints(shop.tests)
    assert (hints[11], hints[22]) == ("✗ fails: 58 ≠ 59", "✓ passes")
    assert hints[6] == "✓ likely passes"
    shop.insert(shop.tests, 2, 0, 0, "\n")
    answer = await shop.command("cwm.runTests", {"uri": shop.tests})
    assert answer["state"] == "failed" and "save it" in answer["message"]


async def crash(editor: Editor) -> lsp.Diagnostic:
    found: list[lsp.Diagnostic] = []

    async def there() -> bool:
        found[:] = [one for one in await editor.problems(editor.uri) if one.code == "crash"]
        return bool(found)

    await editor.until(there)
    return found[0]


@BOTH
async def test_a_crash_is_told_confirmed_and_ignored(shop):
    one = await crash(shop)
    assert one.message == "Likely ZeroDivisionError when called as average([]): division by zero"
    assert (one.range.start.line, one.severity) == (14, lsp.DiagnosticSeverity.Information)
    assert [step.message for step in one.related_information] == ["called as average([])"]
    found = {one.title: one for one in await shop.actions(shop.uri, 14)}
    # lsprotocol takes every code action with a command for a bare command, and that for a string.
    command = ast.literal_eval(found["Run average([]) and compare"].command)
    answer = await shop.command("cwm.confirmCrash", *command["arguments"])
    assert answer["confirmed"] is True
    # It is shown as the run that it is now.
    await shop.until(lambda: shop.client["textDocument"].get("diagnostic") or shop.published[shop.uri].diagnostics)
    codes = {one.code for one in await shop.problems(shop.uri) if one.range.start.line == 14}
    assert codes == {"exception"}
    [edit] = found["Ignore what crashes here"].edit.changes[shop.uri]
    shop.edit(shop.uri, 2, lsp.TextDocumentContentChangePartial(edit.range, edit.new_text))
    assert [one for one in await shop.problems(shop.uri) if one.code == "crash"] == []


@pytest.mark.parametrize("expect", ["raises", "xfail"])
async def test_a_crash_becomes_a_test_that_passes_as_it_says(shop, tmp_path, expect):
    edits: list[lsp.ApplyWorkspaceEditParams] = []

    @shop.feature(lsp.WORKSPACE_APPLY_EDIT)
    def _(params):
        edits.append(params)
        return lsp.ApplyWorkspaceEditResult(applied=True)

    await crash(shop)
    (tmp_path / "test_shop.py").unlink() if expect == "raises" else None
    await shop.command(
        "cwm.insertTest", {"uri": shop.uri, "function": "average", "call": "average([])", "expect": expect}
    )
    [made] = edits
    changes = made.edit.changes or {
        made.edit.document_changes[-1].text_document.uri: made.edit.document_changes[-1].edits
    }
    [(uri, parts)] = changes.items()
    assert uri == shop.tests
    text = "" if expect == "raises" else TESTS
    lines = text.split("\n")
    for part in sorted(parts, key=lambda part: part.range.start.line, reverse=True):
        assert part.range.start == part.range.end
        lines[part.range.start.line : part.range.start.line] = part.new_text.split("\n")[:-1]
    (tmp_path / "test_shop.py").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "average"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "1 " in done.stdout.splitlines()[-1], done.stdout


async def test_nothing_is_checked_where_that_is_switched_off(editor, tmp_path):
    options = {"crashes": {"enable": False}, "verdicts": {"enable": False}}
    await editor.begin(capabilities("neovim_0.11"), tmp_path, options)
    uri = (tmp_path / "shop.py").as_uri()
    editor.open(uri, SHOP)
    await editor.command("cwm.predict", {"uri": uri, "function": "total"})
    assert (await editor.hints(uri)).get(5) is None
    assert [one for one in await editor.problems(uri) if one.code in ("crash", "test")] == []
