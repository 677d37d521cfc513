"""Real traces of small functions, made with `sys.settrace` in this process: what the views are drawn from."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome, Provenance, Trace

FILENAME = "<traced>"


def trace_of(
    source: str,
    call: str,
    function: str,
    *,
    origin: str = "predicted",
    provenance: Provenance = "predicted",
    confidence: float | None = 0.95,
) -> Trace:
    """What a model that is always right would predict of a call."""
    namespace: dict[str, object] = {"__name__": "traced"}
    exec(compile(source, FILENAME, "exec"), namespace)
    events: list[Event] = []

    def trace(frame, kind, argument):
        if frame.f_code.co_filename != FILENAME:
            return None
        depth, outer = 0, frame.f_back
        while outer is not None:
            depth += outer.f_code.co_filename == FILENAME
            outer = outer.f_back
        names = {name: repr(value) for name, value in frame.f_locals.items()} if kind in ("call", "line") else {}
        value = {"return": repr(argument), "exception": repr(argument)}.get(kind)
        told = ["value"] if value is not None else names
        confidences = {} if confidence is None else dict.fromkeys(told, confidence)
        events.append(
            Event(
                kind,
                frame.f_lineno,
                depth,
                frame.f_code.co_name,
                names,
                value,
                confidence,
                confidences,
                dict.fromkeys(told, provenance),
            )
        )
        return trace

    code = compile(call, "<call>", "eval")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        outcome = Outcome("return", repr(eval(code, namespace)))
    except Exception as error:
        outcome = Outcome("exception", None, ExceptionInfo(type(error).__name__, str(error), events[-1].line))
    finally:
        sys.settrace(before)
    return Trace(function, call, "traced.py", origin, source, tuple(events), outcome)


def reading_of(
    source: str, call: str, function: str, change: Callable[[Trace], Trace] = lambda t: t, **how
) -> ShownTrace:
    """The same, ready to be shown."""
    trace = change(trace_of(source, call, function, **how))
    return ShownTrace.of(trace, Shape.of(source, {event.line for event in trace.events}))
