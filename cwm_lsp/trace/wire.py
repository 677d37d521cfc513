"""The text of a trace, as code world models read and write it, and back.

    prompt = <|begin_of_text|> <|trace_context_start|> CONTEXT <|frame_sep|>
    frame  = (<|call_sep|> | <|line_sep|>) LOCALS <|action_sep|> SOURCE <|frame_sep|>
           | (<|return_sep|> | <|exception_sep|>) <|action_sep|> SOURCE <|arg_sep|> VALUE <|frame_sep|>

LOCALS is a JSON object of name → repr, VALUE a JSON string, SOURCE a physical line. A value that is the same as in the
frame just before, of the same Python frame and with no call or return between, is written `".."`. A `<` of values or
lines that would begin a special token is escaped, so that the text stays readable without a tokenizer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace.events import NOTHING, Event, EventKind, ExceptionInfo, Origin, Outcome, Stats, Trace
from cwm_lsp.trace.exceptions import described
from cwm_lsp.trace.placement import Placement, plain, shielded

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

KIND_TOKENS: Mapping[EventKind, str] = {
    "call": CALL_SEP,
    "line": LINE_SEP,
    "return": RETURN_SEP,
    "exception": EXCEPTION_SEP,
}
_KINDS = {token: kind for kind, token in KIND_TOKENS.items()}
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"')

SAME = ".."
"""Stands for a value that has not changed."""

START_OF_TRACE = "  # << START_OF_TRACE"
"""The comment that tells the model at which `def` line the trace starts."""


def context(source: str, def_line: int) -> str:
    """`source` with its 1-based line `def_line` marked as the start of the trace."""
    lines = list(split_lines(source))
    lines[def_line - 1] += START_OF_TRACE
    return "\n".join(lines)


def prompt(source: str, def_line: int) -> str:
    """All that comes before the first frame."""
    return f"{BEGIN_OF_TEXT}{TRACE_CONTEXT_START}{context(source, def_line)}{FRAME_SEP}"


def encode(trace: Trace) -> str:
    """The frames of a trace, without the prompt before them and the end-of-text token after them."""
    return "".join(encode_events(trace.events, split_lines(trace.source)))


def encode_events(events: Iterable[Event], lines: Sequence[str]) -> Iterable[str]:
    """One frame per event; `lines`: of the file."""
    previous: Mapping[str, str] = NOTHING
    for event in events:
        source = shielded(lines[event.line - 1]) if 1 <= event.line <= len(lines) else ""
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
    return _dump({name: SAME if previous.get(name) == value else value for name, value in values.items()})


def encode_value(value: str | None) -> str:
    """VALUE of a frame; None, where a caller has no repr, is written as that of None."""
    return _dump("None" if value is None else value)


def _dump(value: object) -> str:
    """JSON in which nothing can be taken for a special token."""
    text = json.dumps(value)
    return text.replace("<|", "\\u003c|") if "<|" in text else text


def decode(
    text: str,
    source: str,
    *,
    function: str | None = None,
    call: str = "",
    path: str = "",
    origin: Origin = "predicted",
) -> Trace:
    """The trace that `text`, frames only, tells of a call in `source`. Never raises: marks of events say what is wrong.

    `function` is the qualified name of the traced one; without it, it is told by the first frame.
    """
    decoder = Decoder(source, function=function)
    decoder.feed(text)
    return decoder.finish(call=call, path=path, origin=origin)


class Decoder:
    """Reads frames as they come, in pieces cut anywhere."""

    def __init__(self, source: str, *, function: str | None = None) -> None:
        self.events: list[Event] = []
        """Of all frames so far. The line of an earlier one is corrected where later ones tell better."""
        self._source = source
        self._function = function
        self._placement = Placement(source, function)
        self._rest = ""
        self._searched = 0
        self._previous: Mapping[str, str] = NOTHING
        self._outcome = _OPEN
        self._in_flight: dict[int, tuple[str | None, int]] = {}
        """Depth → the last exception there, and the line that it was raised at."""
        self._left_at: int | None = None
        """Depth of the scope that the last frame left by an exception."""

    def feed(self, text: str) -> list[Event]:
        """The events that `text` completes."""
        self._rest += text
        first, start = len(self.events), 0
        while (end := self._rest.find(FRAME_SEP, max(start, self._searched))) >= 0:
            self._read(self._rest[start:end])
            start = end + len(FRAME_SEP)
        self._rest = self._rest[start:]
        self._searched = max(0, len(self._rest) - len(FRAME_SEP))
        self._revise()
        return self.events[first:]

    def finish(self, *, call: str = "", path: str = "", origin: Origin = "predicted") -> Trace:
        """The trace, once all has been fed. What is left of a frame becomes a marked event."""
        if self._rest.replace(END_OF_TEXT, "").strip():
            self._read(self._rest, cut=True)
        self._rest = ""
        self._placement.settle()
        self._revise()
        last = self.events[-1] if self.events else None
        if last and last.kind == "exception" and last.depth == 0 and self._placement.must_unwind:
            self._end_by_exception(0)
        function = self._function or (self.events[0].function if self.events else "")
        stats = Stats(events=len(self.events))
        return Trace(function, call, path, origin, self._source, tuple(self.events), self._outcome, stats)

    def _revise(self) -> None:
        for index, line, function in self._placement.revisions:
            self.events[index] = replace(self.events[index], line=line, function=function)
        self._placement.revisions.clear()

    def _read(self, frame: str, *, cut: bool = False) -> None:
        """One frame, without its separator; `cut`: it may lack more than that."""
        if END_OF_TEXT in frame:
            frame = frame.replace(END_OF_TEXT, "")
        if frame.startswith((BEGIN_OF_TEXT, TRACE_CONTEXT_START)):
            return
        marks: list[str | None] = ["cut off"] if cut else []
        length = frame.find("|>") + 2
        kind = _KINDS.get(frame[:length])
        if kind is None:
            marks.append("no kind of event")
            kind, length = "line", 0
        head, action, tail = frame[length:].partition(ACTION_SEP)
        values: Mapping[str, str] = NOTHING
        value = None
        if kind in ("call", "line"):
            text = tail
            differences, mark = decode_locals(head)
            values, same_mark = self._resolve(kind, differences)
            marks += (mark, same_mark)
        else:
            text, argument, encoded = tail.partition(ARG_SEP)
            value, mark = decode_value(encoded)
            marks.append(mark if argument else "no value")
        if not action:
            marks.append("no line")
        first_line, newline, more = text.partition("\n")
        if more:
            marks.append("more than a line")
        line: str | None = plain(first_line)
        if not newline and not self._placement.knows(first_line):
            line = self._placement.completed(kind, first_line)
            if "cut off" not in marks:
                marks.append("cut off")
        if line is None:
            event = Event(kind, 0, *self._placement.top, values, value)
        else:
            placed = self._placement.place(kind, line, values, value)
            marks.append(placed.mark)
            event = Event(placed.kind, placed.line, placed.depth, placed.function, values, value)
            self._follow(event, unwinds=placed.unwinds)
        if mark := ", ".join(filter(None, marks)):
            event = replace(event, mark=mark)
        self.events.append(event)

    def _resolve(self, kind: EventKind, values: dict[str, str]) -> tuple[Mapping[str, str], str | None]:
        """`values` with every `..` replaced by what it stands for."""
        mark = None
        for name, value in values.items():
            if value == SAME:
                known = self._previous.get(name) if kind == "line" else None
                if known is None:
                    mark = f"unknown {SAME} of {name}"
                    known = self._placement.locals.get(name, SAME)
                values[name] = known
        self._previous = values
        return values, mark

    def _follow(self, event: Event, *, unwinds: bool) -> None:
        """Keeps the diff base, the exceptions in flight and the outcome."""
        left_at, self._left_at = self._left_at, None
        depth = event.depth
        if event.kind == "exception":
            inner = self._in_flight.get(depth + 1) if left_at == depth + 1 else None
            self._in_flight[depth] = event.value, inner[1] if inner else event.line
        elif event.kind == "return":
            self._previous = NOTHING
            if unwinds:
                self._left_at = depth
            if depth == 0 and self._placement.ended:
                if unwinds:
                    self._end_by_exception(0)
                else:
                    self._outcome = Outcome("return", value=event.value)
        elif event.kind == "call" and depth == 0:
            self._outcome = _OPEN

    def _end_by_exception(self, depth: int) -> None:
        value, line = self._in_flight.get(depth, (None, None))
        type_name, message = described(value or "")
        self._outcome = Outcome("exception", exception=ExceptionInfo(type_name, message, line))


_OPEN = Outcome("truncated", detail="The trace ends before the call does.")


def decode_locals(text: str) -> tuple[dict[str, str], str | None]:
    """LOCALS of a frame as far as they can be read, every `..` as it is, and what is wrong with them."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        pairs = {_unescaped(name): _unescaped(value) for name, value in _PAIR.findall(text)}
        return pairs, "invalid JSON" if text.strip() else "no locals"
    if not isinstance(values, dict):
        return {}, "invalid locals"
    if all(type(value) is str for value in values.values()):
        return values, None
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}, "a value is not a string"


def decode_value(text: str) -> tuple[str | None, str | None]:
    """VALUE of a frame as far as it can be read, and what is wrong with it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _unescaped(text.strip().strip('"')) or None, "invalid JSON"
    return (value, None) if isinstance(value, str) else (json.dumps(value), "the value is not a string")


def _unescaped(text: str) -> str:
    """The inside of a JSON string, which may be wrong."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
