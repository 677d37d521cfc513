"""What an editor is told before anything is loaded, and how messages are framed."""

import io
import json

import pytest

from cwm_lsp.lsp import commands, handshake
from cwm_lsp.lsp.connection import Connection

from .conftest import capabilities


def test_the_commands_that_are_announced_are_there():
    assert set(handshake.COMMANDS) == set(commands.COMMANDS)


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        (None, "utf-16"),
        ({}, "utf-16"),
        ({"general": None}, "utf-16"),
        ({"general": {"positionEncodings": "utf-8"}}, "utf-16"),
        ({"general": {"positionEncodings": []}}, "utf-16"),
        ({"general": {"positionEncodings": ["utf-7", 3, None, "utf-32", "utf-8"]}}, "utf-32"),
        (capabilities("vscode_1.139"), "utf-16"),
        (capabilities("neovim_0.11"), "utf-8"),
    ],
)
def test_positions_are_counted_as_the_editor_likes_best(said, encoding):
    assert handshake.result({"capabilities": said})["capabilities"]["positionEncoding"] == encoding


@pytest.mark.parametrize(
    ("said", "pulls"),
    [
        ({}, False),
        ({"textDocument": {"diagnostic": {}}}, False),
        ({"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": False}}}, False),
        ({"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": True}}}, True),
        ({"textDocument": {"diagnostic": None}, "workspace": {"diagnostics": {"refreshSupport": True}}}, False),
    ],
)
def test_diagnostics_are_left_to_editors_that_can_be_told_to_ask_again(said, pulls):
    assert ("diagnosticProvider" in handshake.result({"capabilities": said})["capabilities"]) == pulls


def exchange(*messages: object) -> list[tuple[handshake.Message, handshake.Message | None]]:
    return list(handshake.answers(iter([json.dumps(message).encode() for message in messages])))


def test_the_handshake_ends_with_initialize_or_with_the_editor():
    first = {"id": 1, "method": "initialize", "params": {"processId": 5}}
    ((answer, params),) = exchange({"method": "$/setTrace", "params": {"value": "off"}}, first, {"method": "exit"})
    assert (answer["id"], params) == (1, {"processId": 5})
    assert exchange({"method": "exit"}, first) == []
    assert exchange() == []
    (early, nothing), (_, params) = exchange({"id": 7, "method": "shutdown"}, {"id": "a", "method": "initialize"})
    assert (early["id"], early["error"]["code"], nothing, params) == (7, -32002, None, {})
    assert [answer["error"]["code"] for answer, _ in handshake.answers(iter([b"{", b"\xff"]))] == [-32700, -32700]


@pytest.mark.parametrize(
    ("sent", "bodies"),
    [
        (b"", []),
        (b"Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\n[1]", [b"{}", b"[1]"]),
        (b"Content-Type: x; charset=utf-8\r\ncontent-length:  2 \r\n\r\n{}", [b"{}"]),
        (b"noise\nContent-Length: many\r\n\r\nContent-Length: 2\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 9\r\n\r\n{}", []),
        (b"Content-Length: 2\r\n", []),
    ],
)
def test_messages_are_taken_out_of_their_frames(sent, bodies):
    assert list(Connection(io.BytesIO(sent), io.BytesIO()).bodies()) == bodies


def test_messages_are_framed_as_they_are_read():
    line = io.BytesIO()
    Connection(io.BytesIO(), line).send({"é": "😀"})
    (body,) = Connection(io.BytesIO(line.getvalue()), line).bodies()
    assert json.loads(body) == {"é": "😀"}
