"""The line to the editor: how messages come and go, over stdin and stdout or TCP; and how the process ends.

pygls has such loops. They leave the end to asyncio, which waits for all that is under way: for ever, on Python 3.11, if
a process is just being started. And each line of a message takes them a change of threads.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

from cwm_lsp.framing import content_length, framed

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


def leave(code: int) -> NoReturn:
    """End the process here and now. Its worker processes end with it, as their stdin does."""
    with contextlib.suppress(OSError, ValueError):  # nobody need be there to read it
        sys.stderr.flush()
    os._exit(code)
