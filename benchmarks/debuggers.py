"""Two debuggers for the same calls, each started once: debugpy's, of a run, and that of predictions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stepping import NO_DELAY
from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.framing import content_length, framed
from cwm_lsp.record.dap import DapClient, DapError
from cwm_lsp.trace.events import Event
from tests.trace import generated

EVENTS = 150
"""Of a call, at most: debugpy takes some milliseconds for each."""
PATIENCE = 20.0
"""Seconds for a stop of debugpy: it may have been sent into a loop without an end."""
DRIVER = """\
def run(path):
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    try:
        exec(code, {"__name__": "__main__"})
    except BaseException:
        pass

while True:
    path = ""
    path = str(path)
    run(path)
"""
"""What debugpy debugs: it is told the next program before the line `HOME`; that makes the call at its own last line."""
HOME = 11


class Debugpy:
    """debugpy's adapter and what it debugs; an asynchronous context manager. After a timeout it must be given up."""

    async def __aenter__(self) -> Debugpy:
        self._stops: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._initialized = asyncio.Event()
        self._folder = tempfile.TemporaryDirectory()
        self._driver = Path(self._folder.name) / "driver.py"
        self._driver.write_text(DRIVER, encoding="utf-8")
        self._program: Path | None = None
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "debugpy.adapter", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self.client = DapClient(self._process.stdout, self._process.stdin, self._heard)
        await self.client.request("initialize", {"adapterID": "debugpy", "pathFormat": "path"})
        arguments = {"program": str(self._driver), "python": [sys.executable], "console": "internalConsole",
                     "justMyCode": True}  # fmt: skip
        launched = self.client.send("launch", arguments)
        await asyncio.wait_for(self._initialized.wait(), 60)
        await self.set_breakpoint(self._driver, HOME)
        await self.client.request("setExceptionBreakpoints", {"filters": []})
        await self.client.request("evaluate", {"expression": NO_DELAY, "context": "repl"})
        await self.client.request("configurationDone")
        await asyncio.wait_for(launched, 60)
        await self._stopped()
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(DapError, asyncio.TimeoutError, UnavailableError, ConnectionError):
            await self.client.request("disconnect", {"terminateDebuggee": True}, timeout=10)
        await self.client.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._folder.cleanup()

    def _heard(self, event: str, body: dict[str, Any]) -> None:
        if event == "initialized":
            self._initialized.set()
        elif event in ("stopped", "terminated"):
            self._stops.put_nowait(body if event == "stopped" else None)

    async def set_breakpoint(self, path: Path, line: int | None) -> None:
        """The only one of a file; None: none."""
        lines = [] if line is None else [{"line": line}]
        await self.client.request("setBreakpoints", {"source": {"path": str(path)}, "breakpoints": lines})

    async def open(self, program: Path, line: int) -> list[dict[str, Any]]:
        """The stack of a program when it comes to a line first, from the innermost frame; empty where it never does.

        What was debugged before goes on to its end. The breakpoint stays.
        """
        if self._program is not None:
            await self.set_breakpoint(self._program, None)
        while (self._top["source"]["path"], self._top["line"]) != (str(self._driver), HOME):
            await self.go("continue")
        told = {"expression": f"path = {str(program)!r}", "frameId": self._top["id"], "context": "repl"}
        await self.client.request("evaluate", told)
        await self.set_breakpoint(program, line)
        self._program = program
        return await self.go("continue")

    async def _stopped(self) -> list[dict[str, Any]]:
        body = await asyncio.wait_for(self._stops.get(), PATIENCE)
        if body is None:
            raise DapError("the debugged process has ended")
        self._thread = body["threadId"]
        stack = (await self.client.request("stackTrace", {"threadId": self._thread}))["stackFrames"]
        self._top = stack[0]
        return [one for one in stack if one["source"]["path"] == str(self._program)]

    async def locals(self, frame: int) -> tuple[int, dict[str, str]]:
        scopes = (await self.client.request("scopes", {"frameId": frame}))["scopes"]
        reference = scopes[0]["variablesReference"]
        found = (await self.client.request("variables", {"variablesReference": reference}))["variables"]
        return reference, {one["name"]: one["value"] for one in found}

    async def go(self, command: str) -> list[dict[str, Any]]:
        """The frames of the program at the next stop; empty once it is over."""
        await self.client.request(command, {"threadId": self._thread})
        return await self._stopped()


class Predicted:
    """`cwm-lsp dap`, one process for all calls."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cwm_lsp", "dap"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._sequence = 0
        self._events: list[dict[str, Any]] = []
        self._is_launched = False
        self.ask("initialize", adapterID="benchmark")

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        header = b""
        while (line := self._process.stdout.readline()).strip():
            header += line
        message: dict[str, Any] = json.loads(self._process.stdout.read(content_length(header)))
        return message

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Raises UserError where the adapter refuses."""
        assert self._process.stdin is not None
        self._sequence += 1
        message = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        self._process.stdin.write(framed(message))
        self._process.stdin.flush()
        while (message := self._read())["type"] != "response":
            self._events.append(message)
        if not message["success"]:
            raise UserError(message["message"])
        return message.get("body") or {}

    def open(self, path: Path, call: str) -> dict[str, Any]:
        arguments = {"mode": "predict", "program": str(path), "function": "f", "call": call, "stopOnEntry": True}
        if not self._is_launched:
            self.ask("launch", **arguments)
            self._is_launched = True
            self.ask("configurationDone")
        else:
            self.ask("restart", arguments=arguments)
        return self.stop()

    def stop(self) -> dict[str, Any]:
        while True:
            message = self._events.pop(0) if self._events else self._read()
            if message.get("event") == "stopped":
                return message["body"]  # type: ignore[no-any-return]

    def frames(self) -> list[dict[str, Any]]:
        found = self.ask("stackTrace", threadId=1)["stackFrames"]
        return [one for one in found if one.get("presentationHint") != "label"]

    def locals(self, frame: int) -> dict[str, str]:
        reference = self.ask("scopes", frameId=frame)["scopes"][0]["variablesReference"]
        found = self.ask("variables", variablesReference=reference)["variables"]
        return {one["name"]: one["value"] for one in found}

    def go(self, command: str) -> dict[str, Any]:
        self.ask(command, threadId=1)
        return self.stop()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def programs(data: Path | None, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Sources with a function `f`, and calls of it."""
    if data is not None:
        rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines() if line.strip()]
        chance.shuffle(rows)
        for row in rows:
            yield row["code"], f"f({row['input']})"
    seed = 0
    while data is None:
        yield generated.program(seed), f"f({chance.randrange(4)})"
        seed += 1


def predicted_events(source: str, call: str) -> list[Event] | None:
    """Those of a call that is computed whole."""
    try:
        evaluation = Evaluation(source, call, "f", limits=Limits(events=EVENTS, seconds=5))
    except (SyntaxError, UserError):
        return None
    found = []
    for step in evaluation:
        if not isinstance(step, Event):
            evaluation.close()
            return None
        found.append(step)
    return found if evaluation.outcome is not None and evaluation.gave_up is None else None
