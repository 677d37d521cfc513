"""One process of the user's program, from its fork to its end: the server's side of `debuggee.Case`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.dap import DapClient, DapError
from cwm_lsp.record.scratch import Scratch

_CONNECT_SECONDS = 60.0
_END_SECONDS = 2.0

OnEvent = Callable[[str, dict[str, Any]], None]


class Case:
    """A process that has been asked for; `connect`, `deliver` its job, and `end` it."""

    def __init__(self, python: Path, server: asyncio.Server, kill: Callable[[], None], *, sandbox: bool) -> None:
        loop = asyncio.get_running_loop()
        self._scratch = Scratch()
        self.folder = self._scratch.path
        """Where the program's files are."""
        self.files = {name: _new(self.folder / name) for name in ("journal", "stdout", "stderr")}
        """Those that are read here. They stay the same, whatever the program puts in their places."""
        self.started: asyncio.Future[int] = loop.create_future()
        """The process's id."""
        self.ended: asyncio.Future[int] = loop.create_future()
        """Its status (as `os.wait` has it), when it and all it started are gone."""
        self.connection: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()
        self._python = python
        self._server = server
        self._kill = kill
        self._sandbox = sandbox
        self._token = secrets.token_hex(32)
        self._client: DapClient | None = None
        self._given_up = False

    @classmethod
    async def listen(cls, python: Path, kill: Callable[[], None], *, sandbox: bool) -> Case:
        """Waits for a process to connect; `kill` asks for its end. With `sandbox` it is in one."""
        case: Case | None = None

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if case is None or case.connection.done():
                writer.close()
            else:
                case.connection.set_result((reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        case = cls(python, server, kill, sandbox=sandbox)
        return case

    @property
    def specification(self) -> dict[str, Any]:
        """What the process needs in order to connect."""
        port = self._server.sockets[0].getsockname()[1]
        return {"port": port, "token": self._token, "folder": str(self.folder), "sandbox": self._sandbox}

    async def connect(self, on_event: OnEvent) -> None:
        """Waits for the process and configures its debugpy. Raises `UnavailableError` where it does not come."""
        either: set[asyncio.Future[Any]] = {self.connection, self.ended}
        await asyncio.wait(either, timeout=_CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self.connection.done():
            raise UnavailableError(f"{self._python}: the debuggee did not connect; try again, or another --python")
        client = self._client = DapClient(*self.connection.result(), on_event)
        authorized = client.send("pydevdAuthorize", {"debugServerAccessToken": None})
        client.send("initialize", {"adapterID": "cwm-lsp", "pathFormat": "path"})
        client.send("attach", {"name": "cwm-lsp", "subProcess": False, "justMyCode": True})
        configured = client.send("configurationDone")
        try:
            if (await asyncio.wait_for(authorized, _CONNECT_SECONDS)).get("clientAccessToken") != self._token:
                raise UnavailableError("another program connected in the debuggee's place; try again")
            await asyncio.wait_for(configured, _CONNECT_SECONDS)
        except (DapError, asyncio.TimeoutError) as error:
            reason = str(error) or "no answer"
            raise UnavailableError(f"{self._python}: debugpy did not start: {reason}; try again") from None

    def deliver(self, job: dict[str, Any]) -> None:
        """Hands the job over; the debuggee's main thread takes it up.

        There need be no answer: the job may at once hold the interpreter's lock, or end the process.
        """
        assert self._client is not None
        text = json.dumps(json.dumps(job))
        expression = f"__import__('sys').modules['_cwm_case'].deliver({text})"
        self._client.send("evaluate", {"expression": expression, "context": "repl"})

    def memory(self) -> int:
        """Bytes that the process and what it started hold."""
        if not self.started.done():
            return 0
        total = 0
        for process in family(self.started.result()):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    async def end(self) -> int | None:
        """Ends the process and what it started; its status, or None where it could not be ended in time."""
        if not self.ended.done() and not self._given_up:
            self._kill()
            if self.started.done():  # whoever is asked to end it may have been stopped by the program
                for process in family(self.started.result()):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
            await asyncio.wait({self.ended}, timeout=_END_SECONDS)
            self._given_up = not self.ended.done()
        if self._client is not None:
            await self._client.close()
            self._client = None
        return self.ended.result() if self.ended.done() else None

    def close(self) -> None:
        """Gives back what the case has here."""
        self._server.close()
        if self.connection.done() and self._client is None:
            self.connection.result()[1].close()
        for file in self.files.values():
            file.close()
        self._scratch.remove()


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "r+b")


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.Error:
        return []
