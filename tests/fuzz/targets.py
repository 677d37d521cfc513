"""What is read from elsewhere, each with a strategy for what comes and a check of what becomes of it.

A check fails by raising: whatever comes is read, or refused in the way that its reader says.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lsprotocol import types as lsp

from cwm_lsp.dap import serving
from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.framing import framed
from cwm_lsp.lsp import handshake
from cwm_lsp.lsp.connection import Connection
from cwm_lsp.lsp.outline import outline
from cwm_lsp.lsp.text import Text
from cwm_lsp.record.dap import DapClient, DapError
from cwm_lsp.record.store import TraceStore
from cwm_lsp.settings import from_client, from_environment, from_pyproject, resolve
from cwm_lsp.source.bind import bind
from cwm_lsp.source.functions import find
from cwm_lsp.source.mending import mended
from cwm_lsp.source.modules import Finder, Installation
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.wire import Decoder, encode
from tests.dap.backend import Recorded

SOURCE = '''\
import json

LIMIT = 3


class Stack:
    """Of items."""

    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item, *more, twice: bool = False, **named):
        for one in (item, *more):
            self.items.append(one)
        return len(self.items)


def total(xs, /, start=0, *, limit=LIMIT):
    """
    >>> total([1, 2])
    3
    """
    try:
        for x in xs:
            if x > limit:
                continue
            start += x
    except TypeError as error:
        raise ValueError(f"no: {error!r}") from error
    with open("x") as file:
        yield_ = [y for y in xs if y]
    return start
'''
EVENTS = (
    Event("call", 21, 0, "total", {"xs": "[1]"}),
    Event("line", 27, 0, "total", {"xs": "[1]"}),
    Event("return", 34, 0, "total", {}, "1"),
)
TRACE = Trace("total", "total([1])", "/a.py", "recorded", SOURCE, EVENTS, Outcome("return", "1"))


@dataclass(frozen=True)
class Target:
    """What is fuzzed."""

    strategy: st.SearchStrategy[Any]
    check: Callable[[Any], None]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["total", "Stack.push", "total([1])", "__proto__", "\ud800", "file:///a.py", 1 << 70, -1]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def spoiled(text: str, pieces: tuple[str, ...]) -> st.SearchStrategy[str]:
    """A text with parts removed, doubled and replaced."""

    def apply(cuts: list[tuple[int, int, str]]) -> str:
        found = text
        for at, length, new in cuts:
            start = at % (len(found) + 1)
            found = found[:start] + new + found[start + length :]
        return found

    piece = st.sampled_from(pieces) | st.text(max_size=6)
    return st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), piece), max_size=6).map(apply)


CODE = (
    "(", ")", "[", '"""', "'", "\\\n", "\n", "\n    ", "\t", "def f(x):\n", "class A:\n", "lambda: ", "yield ",
    "*", "**", ":=", "@", "#", "async ", "match x:\n    case [a, *_]:\n        pass\n", "global x\n", "del x\n", "\0",
    "\x0c", "\ufeff", "9" * 5000, "é", "\ud800", "f'{x!r:{y}}'", "try:\n", "finally:\n", "with a as b:\n",
    "(" * 150, "-" * 2000, "not " * 500, "raise\n", "return x\n", "while True:\n    pass\n", "import os as x, json\n",
    "from . import *\n", "nonlocal x\n", "print(*x, sep='')", "__import__('os')", "x.y.z = ", "[0] * 10**9",
)  # fmt: skip
PROGRAM = spoiled(SOURCE, CODE)
FRAMES = encode(TRACE)


def wire(pieces: list[str]) -> None:
    """What a model writes, cut anywhere."""
    decoder = Decoder(SOURCE, function="total")
    for piece in pieces:
        decoder.feed(piece)
    trace = decoder.finish()
    assert all(event.depth >= 0 and event.line >= 0 for event in trace.events)


REQUESTS = st.builds(
    lambda command, arguments, extra: {
        "seq": 1,
        "type": "request",
        "command": command,
        "arguments": arguments,
        **extra,
    },
    st.sampled_from(
        [
            "initialize",
            "launch",
            "configurationDone",
            "threads",
            "stackTrace",
            "scopes",
            "variables",
            "evaluate",
            "setBreakpoints",
            "next",
            "stepIn",
            "stepOut",
            "stepBack",
            "continue",
            "reverseContinue",
            "pause",
            "setVariable",
            "setExpression",
            "dataBreakpointInfo",
            "gotoTargets",
            "goto",
            "setDataBreakpoints",
            "setFunctionBreakpoints",
            "setExceptionBreakpoints",
            "exceptionInfo",
            "completions",
            "source",
            "modules",
            "loadedSources",
            "restart",
            "restartFrame",
            "disconnect",
            "terminate",
            "cancel",
            "stepInTargets",
        ]
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "mode": st.just("replay") | JSON,
            "program": st.just("a.py") | JSON,
            "function": st.just("total") | JSON,
            "call": st.just("total([1])") | JSON,
            "threadId": st.just(1) | JSON,
            "frameId": st.integers(0, 3) | JSON,
            "variablesReference": st.integers(0, 9) | JSON,
            "expression": st.sampled_from(["xs", "xs[0]", "1/0", "("]) | JSON,
            "name": st.just("xs") | JSON,
            "value": st.just("[2]") | JSON,
            "source": st.just({"path": "a.py"}) | JSON,
            "breakpoints": st.lists(st.just({"line": 27}) | JSON, max_size=3) | JSON,
            "start": JSON,
            "count": JSON,
            "line": st.just(27) | JSON,
            "filters": JSON,
            "targetId": JSON,
        },
    ),
    st.just({}) | st.dictionaries(st.sampled_from(["seq", "type", "command", "arguments"]), JSON, max_size=1),
)
BEGIN = [
    {"seq": 1, "type": "request", "command": "initialize", "arguments": {"adapterID": "x"}},
    {
        "seq": 2, "type": "request", "command": "launch",
        "arguments": {"mode": "replay", "program": "a.py", "function": "total", "stopOnEntry": True},
    },
    {"seq": 3, "type": "request", "command": "configurationDone"},
]  # fmt: skip
HEADERS = st.sampled_from(
    [
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"content-length: 2\r\n\r\n{}",
        b"\r\n\r\n",
        b"\n",
        b"x" * 70_000,
        b"Content-Length: 3\r\nContent-Length: 2\r\n\r\n[]",
    ]
)
BODIES = st.sampled_from([b"[" * 100_000, b"\xff", b"1" * 5000, b"", b"null", b'{"a": NaN}', b'"\\ud800"'])
STREAM = st.lists(
    REQUESTS.map(framed)
    | JSON.map(lambda value: framed({"seq": 1, "type": "request", "command": value}))
    | HEADERS
    | st.binary(max_size=20)
    | BODIES.map(lambda body: b"Content-Length: %d\r\n\r\n%b" % (len(body), body)),
    max_size=8,
)


def dap_server(stream: list[bytes]) -> None:
    """A client of the debug adapter, before and after a session has begun."""
    faults: list[str] = []

    def fault() -> str:
        import traceback

        faults.append(traceback.format_exc())
        return "a fault"

    for begin in ([], BEGIN):
        out = io.BytesIO()
        data = b"".join([*map(framed, begin), *stream])
        serving._converse(Recorded(TRACE), fault, io.BytesIO(data), out, None)
        assert not faults, faults[0]
        for message in serving._messages(io.BytesIO(out.getvalue())):
            assert isinstance(message, dict)


def dap_client(stream: list[bytes]) -> None:
    """What a hostile program makes its debugger say."""

    class Writer:
        def get_extra_info(self, _name: str) -> None:
            return None

        def write(self, _data: bytes) -> None: ...

        def close(self) -> None: ...

    async def talk() -> None:
        failed: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context))
        reader = asyncio.StreamReader()
        client = DapClient(reader, Writer(), lambda _name, _body: None)  # type: ignore[arg-type]
        asked = client.send("initialize")
        for data in stream:
            reader.feed_data(data)
        reader.feed_eof()
        with contextlib.suppress(DapError):
            await asyncio.wait_for(asked, 5)
        await client.close()
        assert client._task.cancelled() or client._task.exception() is None, client._task.exception()
        assert not failed

    asyncio.run(talk())


def lsp_stream(stream: list[bytes]) -> None:
    """An editor, up to where the server's own loop begins."""
    bodies = Connection(io.BytesIO(b"".join(stream)), io.BytesIO()).bodies()
    for answer, _ in handshake.answers(bodies):
        json.dumps(answer)
    for _ in bodies:
        pass


LSP_STREAM = st.lists(
    st.builds(
        lambda method, number, params: framed({"jsonrpc": "2.0", "method": method, "id": number, "params": params}),
        st.sampled_from(["initialize", "exit", "shutdown", "textDocument/didOpen"]) | JSON,
        JSON,
        JSON | st.fixed_dictionaries({"capabilities": JSON, "processId": JSON, "workspaceFolders": JSON}),
    )
    | HEADERS
    | BODIES.map(lambda body: b"Content-Length: %d\r\n\r\n%b" % (len(body), body)),
    max_size=5,
)
PLACES = st.builds(lsp.Position, st.integers(0, 12) | st.just(2**31 - 1), st.integers(0, 30) | st.just(2**31 - 1))
EDITS = st.lists(
    st.tuples(PLACES, PLACES, st.text(alphabet="a é😀\ud800\n\r\x0c\u2028(", max_size=8)) | st.text(max_size=20),
    max_size=8,
)


def documents(given: tuple[str, str, list[Any]]) -> None:
    """Edits in places that need not be there."""
    start, encoding, edits = given
    text = Text(start, encoding)  # type: ignore[arg-type]
    for edit in edits:
        if isinstance(edit, str):
            text.apply(lsp.TextDocumentContentChangeWholeDocument(edit))
        else:
            text.apply(lsp.TextDocumentContentChangePartial(lsp.Range(edit[0], edit[1]), edit[2]))
        assert len(text) == text.whole.count("\n") + 1
        for number in range(min(len(text), 5)):
            assert text.end_of(number).character >= 0
            text.word_at(lsp.Position(number, 3))


LIMITS = Limits(events=300, operations=20_000, seconds=3.0)


def evaluator(source: str) -> None:
    """A program that need not be one."""
    for call, function in (("total([1, 5])", "total"), ("Stack([1]).push(2, 3)", "Stack.push")):
        try:
            evaluation = Evaluation(source, call, function, limits=LIMITS)
        except (SyntaxError, UserError, ValueError, RecursionError):
            continue
        for step in evaluation:
            if isinstance(step, Question):
                evaluation.answer({} if step.kind == "values" else None)
        assert evaluation.outcome is not None or evaluation.gave_up


def outlines(source: str) -> None:
    """A file in the editor, at any moment of its life."""
    for entry in outline(mended(source), "/nowhere/a.py", [], {}):
        json.dumps(entry.to_json())


def calls(given: tuple[str, str]) -> None:
    """What is typed as a call."""
    call, name = given
    with contextlib.suppress(UserError):
        bind(call, find(SOURCE, name, "a.py"), SOURCE)


CALLS = st.tuples(
    spoiled("total([1, 2], start=3, limit=Stack(x for x in y).push(1, *z, **w))", CODE),
    st.sampled_from(["total", "Stack.push", "Stack.__init__"]),
)
SETTING = st.sampled_from(
    ["hints.maxLength", "hints.max_length", "predict", "model.name", "record.python", "hints", "", ".", "predict.x.y"]
)
SETTINGS = st.tuples(
    st.dictionaries(SETTING | st.text(max_size=8), JSON, max_size=4) | JSON,
    st.text(max_size=20)
    | spoiled(
        '[tool.cwm-lsp.hints]\nmax-length = 60\n[tool.cwm-lsp]\nmodel = {name = "x"}\n', ("[", "=", "\n", "[[", "\0")
    ),
    st.dictionaries(st.just("CWM_LSP_HINTS_MAX_LENGTH") | st.text(max_size=9), st.text(max_size=9), max_size=2),
)


def settings(given: tuple[Any, str, dict[str, str]]) -> None:
    """Settings from everywhere."""
    data, toml, environment = given
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyproject.toml").write_bytes(toml.encode("utf-8", "surrogatepass"))
        sources = [
            from_environment(environment),
            from_pyproject(Path(folder)),
            from_client("the editor", data),
        ]
        resolution = resolve(sources)
    resolution.settings.model_dump_json()
    assert all("\n" not in problem for problem in resolution.problems)


def _row() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = TraceStore(Path(folder), Path(folder) / "store")
        store.add(TRACE)
        return store.path.read_bytes()


ROW = _row().decode()
ROWS = st.lists(
    st.just(ROW)
    | spoiled(ROW, ("}", "{", '"', "\n", "null", "[", "\0", ", ", '"trace": {', '"events": "AAAA"', "9" * 5000))
    | JSON.map(lambda value: json.dumps({"file": value, "trace": value}) + "\n"),
    max_size=4,
)


def stores(rows: list[str]) -> None:
    """A store that anything has happened to."""
    with tempfile.TemporaryDirectory() as folder:
        store = TraceStore(Path(folder), Path(folder) / "store", rows=2, size=100_000)
        store.path.parent.mkdir()
        store.path.write_bytes("".join(rows).encode("utf-8", "surrogatepass"))
        path = TRACE.path
        for function, found in store.calls(path).items():
            for call in found:
                store.trace(path, function, call, SOURCE)
        store.latest(path, SOURCE)
        store.trace(path, "total", "total([1])", SOURCE)
        store.runs(path, "total", "total([1])")
        for _ in range(6):
            store.add(TRACE)
        assert store.trace(path, "total", "total([1])", SOURCE) is not None
        store.forget(path)
        store.forget()


NAME = st.sampled_from(
    ["a", "b", "json", "é", "__init__", "", ".", "..", "a.b", "/", "x\0", "a" * 300, "\ud800", "lib"]
)
TREES = st.tuples(
    st.lists(
        st.tuples(st.lists(NAME, min_size=1, max_size=3), st.sampled_from([".py", "", ".so", ".pth"])), max_size=6
    ),
    st.lists(NAME, min_size=1, max_size=4).map(".".join),
    st.text(max_size=30),
)


def modules(given: tuple[list[tuple[list[str], str]], str, str]) -> None:
    """Names of modules, in folders of all kinds."""
    files, name, text = given
    with tempfile.TemporaryDirectory() as folder:
        for parts, suffix in files:
            with contextlib.suppress(OSError, ValueError):
                path = Path(folder, *(part.strip("/.") or "x" for part in parts))
                path.parent.mkdir(parents=True, exist_ok=True)
                Path(f"{path}{suffix}").write_bytes(text.encode("utf-8", "surrogatepass"))
        finder = Finder([folder], Installation((3, 11), Path(folder), (folder,)))
        for wanted in (name, *name.split(".")):
            finder.find(wanted)
            finder.shadowed(wanted)


TARGETS: dict[str, Target] = {
    "wire": Target(
        st.lists(
            spoiled(FRAMES, ("<|frame_sep|>", "<|line_sep|>", "<|action_sep|>", "{", '"', "\\", "\ud800")), max_size=4
        ),
        wire,
    ),
    "dap-server": Target(STREAM, dap_server),
    "dap-client": Target(STREAM, dap_client),
    "lsp-stream": Target(LSP_STREAM, lsp_stream),
    "documents": Target(
        st.tuples(st.text(max_size=40), st.sampled_from(["utf-8", "utf-16", "utf-32"]), EDITS), documents
    ),
    "evaluator": Target(PROGRAM, evaluator),
    "outlines": Target(PROGRAM, outlines),
    "calls": Target(CALLS, calls),
    "settings": Target(SETTINGS, settings),
    "stores": Target(ROWS, stores),
    "modules": Target(TREES, modules),
}
