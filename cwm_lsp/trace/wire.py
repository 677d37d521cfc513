"""The text of a trace, as code world models read and write it, and back.

    prompt = <|begin_of_text|> <|trace_context_start|> CONTEXT <|frame_sep|>
    frame  = (<|call_sep|> | <|line_sep|>) LOCALS <|action_sep|> SOURCE <|frame_sep|>
           | (<|return_sep|> | <|exception_sep|>) <|action_sep|> SOURCE <|arg_sep|> VALUE <|frame_sep|>

LOCALS is a JSON object of name → repr, VALUE a JSON string, SOURCE a physical line. A value that is the same as in the
frame just before, of the same Python frame and with no call or return between, is written `".."`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from cwm_lsp.trace.events import NOTHING, Event, Trace

BEGIN_OF_TEXT = "<|begin_of_text|>"
END_OF_TEXT = "<|end_of_text|>"
TRACE_CONTEXT_START = "<|trace_context_start|>"
FRAME_SEP = "<|frame_sep|>"
ACTION_SEP = "<|action_sep|>"
ARG_SEP = "<|arg_sep|>"
CALL_SEP = "<|call_sep|>"
LINE_SEP = "<|line_sep|>"
RETURN_SEP = "<|return_sep|>"
EXCEPTION_SEP = "<|exception_sep|>"

KIND_TOKENS = {"call": CALL_SEP, "line": LINE_SEP, "return": RETURN_SEP, "exception": EXCEPTION_SEP}

SAME = ".."
"""Stands for a value that has not changed."""

START_OF_TRACE = "  # << START_OF_TRACE"
"""The comment that tells the model at which `def` line the trace starts."""


def context(source: str, def_line: int) -> str:
    """`source` with its 1-based line `def_line` marked as the start of the trace."""
    lines = source.split("\n")
    lines[def_line - 1] += START_OF_TRACE
    return "\n".join(lines)


def prompt(source: str, def_line: int) -> str:
    """All that comes before the first frame."""
    return f"{BEGIN_OF_TEXT}{TRACE_CONTEXT_START}{context(source, def_line)}{FRAME_SEP}"


def encode(trace: Trace) -> str:
    """The frames of a trace, without the prompt before them and the end-of-text token after them."""
    return "".join(encode_events(trace.events, source_lines(trace.source)))


def encode_events(events: Iterable[Event], lines: Sequence[str]) -> Iterable[str]:
    """One frame per event; `lines` as `source_lines` gives them."""
    previous: Mapping[str, str] = NOTHING
    for event in events:
        source = lines[event.line - 1] if 1 <= event.line <= len(lines) else ""
        token = KIND_TOKENS[event.kind]
        if event.kind in ("call", "line"):
            if event.kind == "call":
                previous = NOTHING
            yield f"{token}{encode_locals(event.locals, previous)}{ACTION_SEP}{source}\n{FRAME_SEP}"
            previous = event.locals
        else:
            if event.kind == "return":
                previous = NOTHING
            yield f"{token}{ACTION_SEP}{source}\n{ARG_SEP}{encode_value(event.value)}{FRAME_SEP}"


def encode_locals(values: Mapping[str, str], previous: Mapping[str, str] = NOTHING) -> str:
    """LOCALS of a frame, given those of the frame that it is a difference to (empty: list all in full)."""
    return json.dumps({name: SAME if previous.get(name) == value else value for name, value in values.items()})


def encode_value(value: str | None) -> str:
    """VALUE of a frame; None, where a caller has no repr, is written as that of None."""
    return json.dumps("None" if value is None else value)


def source_lines(source: str) -> list[str]:
    """The physical lines of a file, as Python's tokenizer splits them: at newlines alone."""
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
