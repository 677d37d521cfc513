"""One call of generated or harvested code, traced in this process with `sys.settrace`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

from cwm_lsp.trace.events import Event

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
LONGEST_REPR = 160
FILE = "<program>"


class TooLongError(BaseException):
    """The trace has more events or a longer value than a document may have."""


def shown(value: object) -> str:
    """The repr of a value, without object addresses."""
    text = ADDRESS.sub("", repr(value))
    if len(text) > LONGEST_REPR:
        raise TooLongError
    return text


def trace_call(source: str, function: str, call: str, *, limit: int, names: Mapping[str, Any] | None = None) -> list[Event]:
    """Events of `call`, which calls `function` of `source`; `names` are globals beside those that `source` binds.

    Raises `TooLongError` beyond `limit` events, and whatever the source itself raises while it is loaded.
    """
    code = compile(source, FILE, "exec", dont_inherit=True)
    namespace: dict[str, Any] = {"__name__": "program", **(names or {})}
    exec(code, namespace)  # noqa: S102 - programs are the lab's own
    entry = compile(call, "<call>", "eval", dont_inherit=True)
    events: list[Event] = []
    depth: dict[FrameType, int] = {}
    first = entry_code(namespace, function)

    def local(frame: FrameType, kind: str, argument: Any) -> Any:
        name = frame.f_code.co_name
        if len(events) >= limit:
            raise TooLongError
        if kind == "line":
            variables = {key: shown(value) for key, value in frame.f_locals.items()}
            events.append(Event("line", frame.f_lineno, depth[frame], name, variables))
        elif kind == "return":
            events.append(Event("return", frame.f_lineno, depth[frame], name, value=shown(argument)))
        elif kind == "exception":
            if not isinstance(argument[1], TooLongError):
                events.append(Event("exception", frame.f_lineno, depth[frame], name, value=shown(argument)))
        return local

    def started(frame: FrameType, kind: str, argument: Any) -> Any:
        if frame.f_code.co_filename != FILE or (not events and frame.f_code is not first):
            return None
        if frame not in depth:
            depth[frame] = depth.get(frame.f_back, -1) + 1 if frame.f_back else 0  # type: ignore[arg-type]
        if depth[frame] > 8:
            raise TooLongError
        variables = {key: shown(value) for key, value in frame.f_locals.items()}
        events.append(Event("call", frame.f_lineno, depth[frame], frame.f_code.co_name, variables))
        return local

    previous = sys.gettrace()
    sys.settrace(started)
    try:
        eval(entry, namespace)  # noqa: S307
    except TooLongError:
        raise
    except Exception:  # noqa: S110 - how the call ended is in the events
        pass
    finally:
        sys.settrace(previous)
    end = next((i for i, event in enumerate(events) if event.kind == "return" and event.depth == 0), None)
    if end is None:
        raise TooLongError
    return events[: end + 1]


def entry_code(namespace: Mapping[str, Any], function: str) -> CodeType | None:
    """The code object of a function, given its qualified name."""
    target: Any = namespace
    for part in function.split("."):
        target = target[part] if isinstance(target, Mapping) else getattr(target, part)
    target = getattr(target, "__func__", getattr(target, "fget", target))
    return getattr(target, "__code__", None)
