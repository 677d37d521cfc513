"""A client of the Debug Adapter Protocol, on asyncio streams.

https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from cwm_lsp.framing import content_length, framed

_LONGEST = 1 << 24
"""Bytes of the longest message that the program's end may send."""
_NONSENSE = (
    asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError, LookupError, TypeError, AttributeError,
    RecursionError,
)  # fmt: skip
"""What comes of reading what is no protocol: a hostile program may write to its debugger's connection."""


class DapError(Exception):
    """The other side refused a request, or has gone."""


class DapClient:
    """Requests out, responses and events in. `on_event` gets every event's name and body."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        connection = writer.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._task = asyncio.ensure_future(self._read())

    def send(self, command: str, arguments: dict[str, Any] | None = None) -> asyncio.Future[dict[str, Any]]:
        """Sends a request; the future is the response's body, or `DapError`.

        Requests may follow one another without waiting: the other side answers them in order.
        """
        self._sequence += 1
        message = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments or {}}
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if self._task.done():
            answer.set_exception(DapError("the connection is closed"))
            return answer
        self._waiting[self._sequence] = answer
        self._writer.write(framed(message))
        return answer

    async def request(
        self, command: str, arguments: dict[str, Any] | None = None, timeout: float = 30.0
    ) -> dict[str, Any]:
        """Sends a request and waits for the response's body. Raises `DapError` or `asyncio.TimeoutError`."""
        return await asyncio.wait_for(self.send(command, arguments), timeout)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                header = await self._reader.readuntil(b"\r\n\r\n")
                length = content_length(header, _LONGEST)
                self._dispatch(json.loads(await self._reader.readexactly(length)))
        except _NONSENSE:
            pass  # gone, or talking nonsense: the same to those who wait
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(DapError("the connection was closed"))
                    answer.exception()  # nobody need be waiting
            self._waiting.clear()

    def _dispatch(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            body = message.get("body")
            self._on_event(str(message["event"]), body if isinstance(body, dict) else {})
        elif message["type"] == "response":
            answer = self._waiting.pop(message["request_seq"], None)
            if answer is None or answer.done():
                return
            if message.get("success", True):
                body = message.get("body")
                answer.set_result(body if isinstance(body, dict) else {})
            else:
                answer.set_exception(DapError(str(message.get("message") or f"{message.get('command')} failed")))
                answer.exception()
