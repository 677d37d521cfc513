"""What an evaluation asks when something cannot be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cwm_lsp.trace.events import Event

Answer = Mapping[str, str] | bool | str | None
"""By kind of question: `values` a mapping, `branch` a bool, `raises` a string or None."""


@dataclass(frozen=True, slots=True)
class Question:
    """The trace goes on in a way that only the model can say.

    `values`: `event` is the next event, known but for the reprs of the names in `unknown` (`"value"` for the value of
    a `return`); they are absent from its `locals`, whose final order is `names`. Answer: name → repr, for all of them.
    A literal is parsed and evaluation goes on from it; anything else makes an opaque object that shows so. A name left
    out stays unknown: it shows as its type, or as `...`, with the provenance `unknown`. Objects may be described as
    `record/insides.py` does, those of other names too. The completed event is the next step.

    `branch`: a truth value decides which line comes next. `lines` is (line if true, line if false), either None where
    it has no line of its own. Answer: True or False.

    `raises`: an operation at `line` could not be known. Answer: None if it returns normally, else the repr of the
    exception (`ValueError('message')`, or settrace's triple).

    Answering `branch` or `raises` with None where nobody can say is allowed: None means "goes on" for `raises`, and
    ends the evaluation for `branch`, unless that is `either_way`.

    `result`: a call has begun whose steps are left out. Answer: a mapping of `"line"` to the line that it returns from,
    and of `"value"` to the repr of what, if that is known. Without a line the evaluation ends.
    """

    kind: Literal["values", "branch", "raises", "result"]
    line: int
    depth: int
    function: str
    event: Event | None = None
    names: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    suggestions: Mapping[str, str] = field(default_factory=dict)
    """For some of `unknown`, a repr that is right but for what differs between runs: the order of a set's elements."""
    lines: tuple[int | None, int | None] = (None, None)
    leaves: bool = False
    """Of a branch: where it is false its scope is left, else some line of that comes next."""
    either_way: bool = False
    """Of a branch: the same events come whichever way it goes, what differs is asked for as a value. None will do."""
    at: tuple[str, int] | None = None
    """The file and line of the code that could not be known, which may be deeper in than the trace goes."""


def answer(question: Question, event: Event) -> Answer:
    """What the event that came next says to a question."""
    if question.kind == "values":
        known = {**event.locals, "value": event.value or "None"}
        return {name: known[name] for name in question.unknown if name in known}
    if question.kind == "result":
        known = {"line": str(event.line)} | ({"value": event.value} if event.value is not None else {})
        return known if event.kind == "return" and event.depth == question.depth else {}
    if question.kind == "raises":
        return event.value if event.kind == "exception" and event.line == question.line else None
    if question.leaves:
        return event.kind == "line" and event.depth == question.depth
    true, false = question.lines
    came = event.line if event.kind == "line" and event.depth == question.depth else None
    if came is not None and came in (true, false) and true != false:
        return came == true
    if (true is None) == (false is None):
        return None
    return true is None
