"""The server's beginning: a connection, the handshake, and only then what is dear to load."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from cwm_lsp.errors import UserError
from cwm_lsp.lsp import handshake
from cwm_lsp.lsp.connection import GONE, Connection, leave

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]


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

            from cwm_lsp.lsp.server import serve as serve_editor

            asyncio.run(serve_editor(connection, bodies, params, flags or {}, editor))
    leave(GONE)


def _process(number: Any) -> psutil.Process | None:
    """The editor's process; None where it says none, or is on another machine."""
    import psutil

    try:
        return psutil.Process(number) if isinstance(number, int) else None
    except (psutil.Error, ValueError):
        return None


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
