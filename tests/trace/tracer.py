"""Real traces, recorded in this process with `sys.settrace`: what `source.flow` and `trace` are tested against."""

import ast
import sys
from types import FrameType
from typing import Any

from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome, Trace

FILE = "<traced>"


class TooLong(BaseException):
    pass


def record(source: str, call: str, limit: int = 20_000) -> Trace:
    """The trace of `call`, an expression that names one function of `source` first."""
    events: list[Event] = []
    depths: dict[FrameType, int] = {}
    lines: dict[FrameType, int] = {}
    snapshots: dict[FrameType, dict[str, str]] = {}

    def snapshot(frame: FrameType) -> dict[str, str]:
        """Reprs of the locals, older names first: as `f_locals` of 3.11 gives them, which later versions do not."""
        now = {name: safe_repr(value) for name, value in frame.f_locals.items()}
        before = snapshots.get(frame, {})
        snapshots[frame] = {
            name: now[name] for name in (*(n for n in before if n in now), *(n for n in now if n not in before))
        }
        return snapshots[frame]

    def safe_repr(value: Any) -> str:
        sys.settrace(None)
        try:
            return repr(value)
        except Exception:
            return object.__repr__(value)
        finally:
            sys.settrace(trace)

    def trace(frame: FrameType, kind: str, argument: Any) -> Any:
        code = frame.f_code
        if code.co_filename != FILE or code.co_name == "<module>":
            return None
        if len(events) >= limit:
            raise TooLong
        if kind == "call":
            outer = frame.f_back
            while outer is not None and outer not in depths:
                outer = outer.f_back
            depths[frame] = depths[outer] + 1 if outer is not None else 0
        line = lines[frame] = frame.f_lineno or lines[frame]
        if kind in ("call", "line"):
            events.append(Event(kind, line, depths[frame], code.co_name, snapshot(frame)))
        elif kind == "return":
            events.append(Event("return", line, depths[frame], code.co_name, value=safe_repr(argument)))
            del depths[frame]
        else:
            kind_of, value, _ = argument
            text = (
                f"({safe_repr(kind_of)}, {safe_repr(value if isinstance(value, BaseException) else kind_of(value))}, "
            )
            events.append(Event("exception", line, depths[frame], code.co_name, value=text + "<traceback object>)"))
        return trace

    namespace: dict[str, Any] = {"__name__": "traced"}
    exec(compile(source, FILE, "exec", dont_inherit=True), namespace)
    code = compile(call, "<call>", "eval")
    previous = sys.gettrace()
    raised: BaseException | None = None
    value = None
    sys.settrace(trace)
    try:
        value = eval(code, namespace)
    except Exception as error:
        raised = error
    finally:
        sys.settrace(previous)
    # What runs once the call has been left, such as the closing of its generators, is no part of it.
    end = next((i for i, event in enumerate(events) if event.kind == "return" and event.depth == 0), len(events) - 1)
    del events[end + 1 :]
    function = next(node.func for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call))
    if raised is None:
        outcome = Outcome("return", value=repr(value))
    else:
        line = raised_at(events)
        outcome = Outcome("exception", exception=ExceptionInfo(type(raised).__name__, str(raised), line))
    return Trace(ast.unparse(function), call, "traced.py", "recorded", source, tuple(events), outcome)


def raised_at(events: list[Event]) -> int | None:
    """Where the exception that leaves the call was raised: the first of the `exception` events that report it."""
    reported: dict[int, tuple[str | None, int]] = {}
    left = None
    for event in events:
        if event.kind == "exception":
            value, line = reported.get(event.depth + 1, (None, 0)) if left == event.depth + 1 else (None, 0)
            reported[event.depth] = event.value, line if value == event.value else event.line
        left = event.depth if event.kind == "return" and event.value == "None" else None
    return reported[0][1] if 0 in reported else None
