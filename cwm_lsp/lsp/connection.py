"""The line to the editor: how messages come and go, over stdin and stdout or TCP; and the server's beginning and end.

pygls has such loops. They leave the end to asyncio, which waits for all that is under way: for ever, on Python 3.11, if
a process is just being started. And each line of a message takes them a change of threads.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from cwm_lsp.errors import UserError
from cwm_lsp.framing import content_length, framed
from cwm_lsp.lsp import handshake

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]

GONE = 1
"""The exit code where the editor has gone without saying so, as the protocol wants it."""
_LONGEST_LINE = 1 << 16
"""Bytes of a header that are looked at."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Both directions, in the protocol's frames."""

    incoming: BinaryIO
    outgoing: BinaryIO

    def bodies(self) -> Iterator[bytes]:
        """The messages that come, until the editor has gone. Waits for them."""
        while True:
            header = b""
            while (line := self.incoming.readline(_LONGEST_LINE)).strip():
                header = (header + line)[-_LONGEST_LINE:]
            if not line:
                return
            try:
                length = content_length(header)
            except ValueError:  # noise
                continue
            body = self.incoming.read(length)
            if len(body) < length:
                return
            if body:
                yield body

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        self.write(framed(message))

    def write(self, data: bytes) -> None:
        """Send what is framed already. Where nobody listens any more the process ends."""
        try:
            self.outgoing.write(data)
            self.outgoing.flush()
        except (OSError, ValueError):
            leave(GONE)

    def close(self) -> None:
        """pygls wants its writers to have this; the connection ends with the process."""


def serve(*, tcp: str | None = None, flags: Mapping[str, Any] | None = None) -> NoReturn:
    """Serve one editor, over stdin and stdout or on a TCP address `HOST:PORT`, until it goes; then end the process.

    `flags` are settings by dotted name, ahead of other sources.

    Raises:
        UserError: the address is malformed or cannot be listened on.
    """
    connection = _stdio() if tcp is None else _accepted(tcp)
    bodies = connection.bodies()
    for answer, params in handshake.answers(bodies):
        connection.send(answer)
        if params is not None:
            editor = _process(params.get("processId"))
            import asyncio

            from cwm_lsp.lsp import server

            asyncio.run(server.serve(connection, bodies, params, flags or {}, editor))
    leave(GONE)


def _process(number: Any) -> psutil.Process | None:
    """The editor's process; None where it says none, or is on another machine."""
    import psutil

    try:
        return psutil.Process(number) if isinstance(number, int) else None
    except (psutil.Error, ValueError):
        return None


def leave(code: int) -> NoReturn:
    """End the process here and now. Its worker processes end with it, as their stdin does."""
    with contextlib.suppress(OSError, ValueError):  # nobody need be there to read it
        sys.stderr.flush()
    os._exit(code)


def _stdio() -> Connection:
    """Only the protocol may write to the real stdout: what anybody else writes there goes to stderr."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Connection(sys.stdin.buffer, out)


def _accepted(address: str) -> Connection:
    import socket

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{address!r} is not HOST:PORT, as in 127.0.0.1:2087")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host.strip("[]"), int(port)), family=family) as listener:
            editor, _ = listener.accept()
    except (OSError, OverflowError) as error:
        raise UserError(f"cannot listen on {address}: {error}") from error
    editor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(editor.makefile("rb"), editor.makefile("wb"))
