"""The loops of a debug adapter: over stdin and stdout, and over connections to a port of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import BinaryIO

from cwm_lsp.dap.backend import Backend
from cwm_lsp.dap.session import Session
from cwm_lsp.errors import UserError
from cwm_lsp.framing import content_length, framed

_LONGEST_LINE = 4096
_LONGEST_BODY = 1 << 24
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(backend: Backend, fault: Callable[[], str]) -> None:
    """Serve one client over stdin and stdout until it has said goodbye or gone; `fault` logs a fault of ours and says
    where."""
    # Only the protocol may use the real ones: what anybody else writes goes to stderr, and nobody else reads.
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _converse(backend, fault, incoming, outgoing, None)


class Server:
    """Serves whoever connects to a port of this machine and knows the token, each in a session of its own."""

    def __init__(self, backend: Backend, fault: Callable[[], str], host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0 is a free one.

        Raises:
            UserError: the host is another machine's, or the port is taken.
        """
        if host not in _LOOPBACK:
            raise UserError(f"{host} is not this machine: a debug adapter listens on {_LOOPBACK[0]} alone")
        self._backend = backend
        self._fault = fault
        self.token = secrets.token_urlsafe(24)
        """What the `launch` request of a client must have."""
        try:
            self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            raise UserError(f"{host}:{port} cannot be listened on: {error.strerror or error}") from error
        self.host, self.port = self._socket.getsockname()[:2]

    def serve(self) -> None:
        """Serve for ever, or until it is closed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._client, args=(connection,), name="debug session", daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._socket.close()

    def _client(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as incoming, connection.makefile("wb") as outgoing:
            try:
                _converse(self._backend, self._fault, incoming, outgoing, self.token)
            finally:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # whoever still reads from it finds its end


def _converse(
    backend: Backend, fault: Callable[[], str], incoming: BinaryIO, outgoing: BinaryIO, token: str | None
) -> None:
    """One session, until the client has said goodbye or gone."""
    messages: SimpleQueue[tuple[object] | None] = SimpleQueue()
    session = Session(backend, fault, lambda message: _write(outgoing, message), token)

    def read() -> None:
        with contextlib.suppress(OSError, ValueError):
            for message in _messages(incoming):
                messages.put((message,))
                session.interrupt(message)
        session.interrupt({"command": "disconnect"})
        messages.put(None)

    threading.Thread(target=read, name="debug client", daemon=True).start()
    with contextlib.suppress(OSError):  # the client has gone
        while not session.is_over:
            try:
                message = messages.get(timeout=session.patience)
            except Empty:
                session.grow()
                continue
            if message is None:
                break
            session.handle(message[0])
    session.close()


def _write(outgoing: BinaryIO, message: dict[str, object]) -> None:
    outgoing.write(framed(message))
    outgoing.flush()


def _messages(incoming: BinaryIO) -> Iterator[object]:
    """What comes, until the client has gone; None stands for what is no message."""
    while True:
        header = b""
        while line := incoming.readline(_LONGEST_LINE):
            if line.strip():
                header = (header + line)[-_LONGEST_LINE:]
            elif header:
                break
        else:
            return
        try:
            length = content_length(header, _LONGEST_BODY)
        except ValueError:
            yield None
            continue
        body = incoming.read(length)
        if len(body) < length:
            return
        try:
            yield json.loads(body)
        except (ValueError, RecursionError):
            yield None
