"""Random edits and requests against a real server, with a model of the document.

Nothing fails, every hint stands at the end of its line, and none speaks of a line that has changed since.
"""

import random

import pytest
from lsprotocol import types as lsp

from .conftest import Editor

SOURCE = """\
LIMIT = 3  # é😀


def double(n):
    twice = n * 2
    return twice


def total(xs):
    result = 0
    for x in xs:
        if x > LIMIT:
            continue
        result += double(x)
    return result


class Stack:
    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item):
        self.items.append(item)
        return len(self.items)


assert total([1, 2, 5]) == 6
assert Stack([1]).push(2) == 2
assert double(4) == 8
"""
PIECES = [
    "x",
    "\n",
    "\r\n",
    "    ",
    "pass\n",
    "é😀",
    "def f(a):\n    return a\n",
    "(",
    '"""',
    "#",
    "\t",
    "result",
    "\n\n\n",
]


class Model:
    """The document as the editor has it: a plain string."""

    def __init__(self, text: str, rng: random.Random) -> None:
        self.text = text
        self.rng = rng
        self.version = 1
        self.predicted: dict[str, list[str]] = {}
        """Function → the lines of the text that it was last predicted in."""

    @property
    def lines(self) -> list[str]:
        return self.text.replace("\r\n", "\n").split("\n")

    def position(self, offset: int) -> lsp.Position:
        before = self.text[:offset].replace("\r\n", "\n")
        return lsp.Position(before.count("\n"), units(before.rpartition("\n")[2]))

    def offset(self) -> int:
        offset = self.rng.randrange(len(self.text) + 1)
        return offset - 1 if self.text[offset - 1 : offset + 1] == "\r\n" else offset

    def change(self) -> lsp.TextDocumentContentChangeEvent:
        self.version += 1
        if self.rng.random() < 0.1:  # the user starts over
            self.text = SOURCE
            return lsp.TextDocumentContentChangeWholeDocument(SOURCE)
        start = self.offset()
        end = start
        if self.rng.random() < 0.4:
            end = min(len(self.text), start + self.rng.randrange(1, 12))
            end -= self.text[end - 1 : end + 1] == "\r\n"
        start, end = min(start, end), max(start, end)
        piece = "" if start < end and self.rng.random() < 0.7 else self.rng.choice(PIECES)
        edit = lsp.TextDocumentContentChangePartial(lsp.Range(self.position(start), self.position(end)), piece)
        self.text = self.text[:start] + piece + self.text[end:]
        return edit


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


async def fuzz(editor: Editor, uri: str, seed: int, actions: int) -> int:
    """Gives how many hints were looked at."""
    rng = random.Random(seed)
    model = Model(SOURCE, rng)
    editor.open(uri, SOURCE)
    looked_at = 0
    for number in range(actions):
        action = rng.choices(
            ("edit", "hints", "hover", "lenses", "actions", "iterate", "predict"), (9, 6, 2, 1, 1, 1, 1)
        )[0]
        identifier = lsp.TextDocumentIdentifier(uri)
        spot = lsp.Position(rng.randrange(len(model.lines) + 2), rng.randrange(20))
        if action == "edit":
            editor.edit(uri, model.version, model.change())
        elif action == "hints":
            whole = lsp.Range(lsp.Position(0, 0), lsp.Position(len(model.lines), 0))
            hints = await editor.text_document_inlay_hint_async(lsp.InlayHintParams(identifier, whole))
            for hint in hints:
                looked_at += 1
                line = model.lines[hint.position.line]
                assert hint.position.character == units(line.rstrip()), (seed, number, line, hint)
                if data(hint, "line") is None:  # the mark of an expectation, which is of no line of the trace
                    assert hint.label.startswith(("✓", "✗")), (seed, number, line, hint)
                    continue
                was = model.predicted[data(hint, "function")][data(hint, "line") - 1]
                assert line == was, (seed, number, line, was, hint)
        elif action == "hover":
            hover = await editor.hover(uri, spot.line, spot.character)
            assert hover is None or hover.range.start.line == spot.line < len(model.lines)
        elif action == "lenses":
            for lens in await editor.lenses(uri):
                assert lens.range.start.line < max(len(model.lines), 1), (seed, number)
        elif action == "actions":
            await editor.text_document_code_action_async(
                lsp.CodeActionParams(identifier, lsp.Range(spot, spot), lsp.CodeActionContext([]))
            )
        elif action == "iterate":
            await editor.command("cwm.nextIteration", {"uri": uri, "position": {"line": spot.line}})
        else:
            name = rng.choice(["double", "total", "Stack.push"])
            lines = model.lines
            answer = await editor.command("cwm.predict", {"uri": uri, "function": name})
            if answer["state"] == "done":
                model.predicted[name] = lines
            else:
                assert "fault" not in answer["message"], (seed, number, answer)
    assert not [message for message in editor.messages if message.type == lsp.MessageType.Error]
    return looked_at


def data(hint: lsp.InlayHint, name: str):
    return hint.data[name] if isinstance(hint.data, dict) else getattr(hint.data, name)


async def test_random_edits_and_requests(shared: Editor, tmp_path):
    assert await fuzz(shared, (tmp_path / "fuzz.py").as_uri(), 1, 300) > 10


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2, 12))
async def test_many_random_edits_and_requests(shared: Editor, tmp_path, seed):
    assert await fuzz(shared, (tmp_path / "fuzz.py").as_uri(), seed, 500) > 10
