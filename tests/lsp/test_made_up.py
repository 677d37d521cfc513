"""Functions of which no call is written anywhere: what can be computed of a made-up one shows where the user is."""

import pytest

from .conftest import Editor, capabilities

pytestmark = pytest.mark.slow

SOURCE = """\
def helper(x: int):
    y = x + 1
    return y


def other(x: int):
    return x * 2


def asks(name: str):
    return input(name)


def crashes(xs: list):
    return xs[3]
"""


def at(editor: Editor, uri: str, line: int) -> None:
    editor.protocol.notify("cwm/cursor", {"uri": uri, "line": line, "first": 0, "last": 20})


@pytest.fixture
def uri(tmp_path):
    return (tmp_path / "a.py").as_uri()


async def test_a_function_at_the_cursor_has_hints_of_a_made_up_call(editor: Editor, uri):
    await editor.begin(capabilities("vscode_1.139"), options={"predict": {"debounce": 50}})
    editor.open(uri, SOURCE)
    at(editor, uri, 1)

    async def hints_of(line: int, text: str) -> bool:
        return (await editor.hints(uri)).get(line, "").startswith(text)

    await editor.until(lambda: hints_of(1, "y = "))
    shown = await editor.hints(uri)
    assert 6 not in shown, "the one beside it, where the user is not"
    assert not editor.messages

    # What the call does shows while it is written, and nothing of a call that crashes or cannot be known.
    editor.insert(uri, 2, 1, 13, "0")
    await editor.until(lambda: hints_of(1, f"y = {int(shown[2].removeprefix('= ')) + 9}"))
    for line, name in ((10, "asks"), (14, "crashes")):
        at(editor, uri, line)

        async def is_known(name: str = name, line: int = line) -> bool:
            asked = {"uri": uri, "position": {"line": line, "character": 0}}
            status = await editor.protocol.send_request_async("cwm/status", asked)
            return status.function == name and "made up" in status.detail

        await editor.until(is_known)
        assert line not in await editor.hints(uri)
    assert uri not in editor.published


CALLED = """\
def half(x: int):
    y = x // 2
    return y


def doubled(n: int):
    \"\"\"
    >>> doubled(8)
    8
    \"\"\"
    return half(n) * 2
"""


async def test_a_made_up_call_gives_way_to_one_that_comes_to_the_function(editor: Editor, uri):
    await editor.begin(capabilities("vscode_1.139"), options={"predict": {"debounce": 50}})
    editor.open(uri, CALLED)
    at(editor, uri, 1)

    async def is_of_the_doctest() -> bool:
        return (await editor.hints(uri)).get(1) == "y = 4"

    await editor.until(is_of_the_doctest)
    titles = [lens.command.title for lens in await editor.lenses(uri)]
    assert "as called in doubled(8)" in titles


ODD = """\
def pair(x):
    a, b = x
    return a + b


def never(n):
    raise ValueError(n)
"""


async def test_arguments_that_do_not_fit_give_way_to_others(editor: Editor, uri, tmp_path):
    (tmp_path / "a.py").write_text(ODD, encoding="utf-8")
    await editor.begin(capabilities("vscode_1.139"), options={"predict": {"debounce": 50}})
    editor.open(uri, ODD)
    at(editor, uri, 1)

    async def is_known() -> bool:
        return (await editor.hints(uri)).get(1) == "a = 'abc', b = 'b'"

    await editor.until(is_known)
    assert "pair(['abc', 'b'])" in "".join(lens.command.title for lens in await editor.lenses(uri))
    answer = await editor.command("cwm.predictThenRun", {"uri": uri, "position": {"line": 6, "character": 0}})
    assert answer is not None
    assert not editor.published.get(uri), "what is made up is to blame"
