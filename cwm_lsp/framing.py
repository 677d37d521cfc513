"""How messages are framed that go over a byte stream: those of the Language Server and the Debug Adapter Protocol.

https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def framed(message: Mapping[str, Any]) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


LONGEST = 1 << 28
"""Bytes of the longest message that is taken."""


def content_length(header: bytes, longest: int = LONGEST) -> int:
    """How many bytes follow a header, which has all lines before the empty one.

    Raises:
        ValueError: the header does not say, or they are more than `longest`.
    """
    for line in header.splitlines():
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
            if length > longest:
                raise ValueError(f"a message of {length:,} bytes is not taken")
            return length
    raise ValueError("the header has no Content-Length")
