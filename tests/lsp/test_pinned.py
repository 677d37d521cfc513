"""Expressions pinned beside the lines of a function."""

from .conftest import Editor

SOURCE = '''\
def total(items):
    """
    >>> total([3, 4])
    7
    """
    result = 0
    for item in items:
        result += item
    return result
'''


async def test_a_pinned_expression_is_shown_where_it_changes_until_it_is_unpinned(shared: Editor, tmp_path):
    path = tmp_path / "sums.py"
    path.write_text(SOURCE)
    uri = path.as_uri()
    shared.open(uri, SOURCE)
    here = {"uri": uri, "position": {"line": 6}}
    await shared.command("cwm.predict", here)
    before = await shared.hints(uri)
    answer = await shared.command("cwm.pin", {**here, "expression": "result * 10 + len(items)"})
    assert answer == {"state": "done", "function": "total", "pinned": ["result * 10 + len(items)"]}
    shown = await shared.hints(uri)
    assert shown[7] == "result = 7, result * 10 + len(items) = 72 · 2/2"
    assert "result * 10 + len(items) = 2" in shown[5]
    assert "10" not in shown[6], "an expression that a line does not change is not told there"
    await shared.command("cwm.previousIteration", {**here, "position": {"line": 7}})
    assert (await shared.hints(uri))[7] == "result = 3, result * 10 + len(items) = 32 · 1/2"

    shared.insert(uri, 2, 6, 4, "result += 1\n    ")  # what is pinned stays through an edit

    async def is_new() -> bool:
        return "result * 10 + len(items) = 42" in (await shared.hints(uri)).get(8, "")

    await shared.command("cwm.predict", here)
    await shared.until(is_new)
    await shared.command("cwm.predictThenRun", here)
    assert "result * 10 + len(items) = 42" in (await shared.hints(uri))[8]

    await shared.command("cwm.pin", {**here, "expression": "items[5]"})  # not known anywhere
    await shared.command("cwm.pin", {**here, "expression": "result * 10 + len(items)"})
    assert "10" not in "".join((await shared.hints(uri)).values())
    assert (await shared.command("cwm.pin", {**here, "expression": "1 +"}))["state"] == "failed"
    assert (await shared.command("cwm.pin", here))["pinned"] == []
    assert 5 not in before, "what the line says itself is not told"
