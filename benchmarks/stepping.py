"""A debug session as an editor has it: debugpy's adapter on standard input and output, stops, stack, variables."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from cwm_lsp.record.dap import DapClient, DapError

NO_DELAY = "__import__('pydevd').get_global_debugger().writer.sock.setsockopt(6, 1, 1)"
"""Mends pydevd's socket, which otherwise waits for an acknowledgement within each message."""


class EditorSession:
    """Launches a program that stops at a breakpoint; an asynchronous context manager."""

    def __init__(self, program: Path, breakpoints: list[int], *, mended: bool = True) -> None:
        self._program = program
        self._breakpoints = breakpoints
        self._mended = mended
        self._stops: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._initialized = asyncio.Event()

    async def __aenter__(self) -> EditorSession:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "debugpy.adapter",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._client = DapClient(self._process.stdout, self._process.stdin, self._heard)
        await self._client.request("initialize", {"adapterID": "debugpy", "pathFormat": "path"})
        launched = self._client.send(
            "launch",
            {
                "program": str(self._program),
                "python": [sys.executable],
                "console": "internalConsole",
                "justMyCode": True,
                "variablePresentation": {"all": "inline"},
            },
        )
        await asyncio.wait_for(self._initialized.wait(), 30)
        await self._client.request(
            "setBreakpoints",
            {"source": {"path": str(self._program)}, "breakpoints": [{"line": line} for line in self._breakpoints]},
        )
        if self._mended:
            await self._client.request("evaluate", {"expression": NO_DELAY, "context": "repl"})
        await self._client.request("configurationDone")
        await asyncio.wait_for(launched, 30)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(DapError, asyncio.TimeoutError):
            await self._client.request("disconnect", {"terminateDebuggee": True}, timeout=10)
        await self._client.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _heard(self, event: str, body: dict[str, Any]) -> None:
        if event == "initialized":
            self._initialized.set()
        elif event == "stopped":
            self._stops.put_nowait(body)
        elif event == "terminated":
            self._stops.put_nowait(None)

    async def stop(self) -> dict[str, Any] | None:
        """The next stop as `{"threadId", "frameId", "path", "line", "function", "locals", "reason"}`; None at the end.

        The requests are those that an editor makes: stack trace, scopes, variables.
        """
        body = await asyncio.wait_for(self._stops.get(), 30)
        if body is None:
            return None
        stack = await self._client.request("stackTrace", {"threadId": body["threadId"], "levels": 1})
        frame = stack["stackFrames"][0]
        scopes = await self._client.request("scopes", {"frameId": frame["id"]})
        reference = scopes["scopes"][0]["variablesReference"]
        variables = await self._client.request("variables", {"variablesReference": reference})
        return {
            "threadId": body["threadId"],
            "frameId": frame["id"],
            "path": frame["source"]["path"],
            "line": frame["line"],
            "function": frame["name"],
            "locals": {item["name"]: item["value"] for item in variables["variables"]},
            "reason": body["reason"],
        }

    async def go(self, command: str, thread: int) -> None:
        """`next`, `stepIn`, `stepOut` or `continue`."""
        await self._client.request(command, {"threadId": thread})
