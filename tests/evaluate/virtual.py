"""A real event loop whose clock is not real: what it waits for comes at once, and in an order that is sure."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Selector:
    """What the loop waits with."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise TimeoutError("nothing is left to wait for")
        if timeout > 0:
            self.loop.now += math.ceil(timeout * 1e3) * 1e-3
        return []


class Loop(asyncio.BaseEventLoop):
    """The library's event loop on a clock that jumps."""

    def __init__(self) -> None:
        self._selector = Selector(self)
        self.now = 0.0
        super().__init__()

    def time(self) -> float:
        self.now += 1e-9
        return self.now

    def _write_to_self(self) -> None:
        pass

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def __del__(self) -> None:
        pass


Loop.__name__ = Loop.__qualname__ = "_UnixSelectorEventLoop"  # as it is on the systems where the tests run


class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> Loop:
        return Loop()


@contextmanager
def virtual_time() -> Iterator[None]:
    """Let `asyncio.run` use such loops."""
    asyncio.set_event_loop_policy(Policy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(None)
