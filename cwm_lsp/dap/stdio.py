"""The loop of a debug adapter over stdin and stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cwm_lsp.dap.session import Predict, Session
from cwm_lsp.framing import content_length, framed

_LONGEST_LINE = 4096
_LONGEST_BODY = 1 << 24


def serve(predict: Predict, fault: Callable[[], str]) -> None:
    """Serve one client until it has said goodbye or gone; `fault` logs a fault of ours and says where."""
    # Only the protocol may use the real ones: what anybody else writes goes to stderr, and nobody else reads.
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    session = Session(predict, fault)
    for message in _messages(incoming):
        for answer in session.handle(message):
            outgoing.write(framed(answer))
        outgoing.flush()
        if session.is_over:
            return


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
            length = content_length(header)
            if length > _LONGEST_BODY:
                raise ValueError
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
