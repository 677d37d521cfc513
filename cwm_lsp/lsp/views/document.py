"""A whole trace as a read-only text: one row a step."""

from __future__ import annotations

from collections.abc import Iterator

from cwm_lsp.lsp.views.hints import label_of
from cwm_lsp.lsp.views.reading import Reading
from cwm_lsp.lsp.views.shorten import ELLIPSIS
from cwm_lsp.settings import Hints
from cwm_lsp.trace.effects import steps
from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.facts import is_fact

_CODE = 28
"""Characters of code in a row: the code is at hand elsewhere, and two of these texts stand side by side."""
_LIKELY = 0.5
"""The confidence from which an ending is called likely, as on the command line."""
_EFFECTS = Hints(max_length=200, min_confidence=0.0)


def document(reading: Reading) -> str:
    """`line  code  what it did`, callees indented; the traced call above, its outcome below."""
    return "\n".join(_rows(reading)) + "\n"


def _rows(reading: Reading) -> Iterator[str]:
    trace = reading.trace
    lines = trace.source.split("\n")
    yield f"# {trace.call} {told_as(trace)}"
    for step in steps(trace.events):
        event = step.event
        code = "  " * event.depth + (lines[event.line - 1].strip() if 0 < event.line <= len(lines) else "")
        if len(code) > _CODE:
            code = code[: _CODE - 1] + ELLIPSIS
        effect = label_of(reading.visit(step), _EFFECTS)
        count = f"· {step.iteration}/{step.iterations}" if step.iterations > 1 and event.kind == "line" else ""
        yield f"{event.line:5}  {code:<{_CODE}}  {f'{effect} {count}'.strip()}".rstrip()
    yield f"# {ending(trace)}"


def told_as(trace: Trace) -> str:
    """What a trace is, in words that follow its call."""
    return "as it ran" if trace.origin == "recorded" else "as computed" if is_fact(trace) else "as predicted"


def ending(trace: Trace) -> str:
    """How the call ended, in words; a guess is never worded as a fact."""
    outcome = trace.outcome
    if trace.origin == "recorded":
        verb = "returned", "raised"
    elif is_fact(trace):
        verb = "returns", "raises"
    else:
        sure = trace.events[-1].confidences.get("value", 1.0) if trace.events else 1.0
        hedge = "likely" if sure >= _LIKELY else "perhaps"
        verb = f"{hedge} returns", f"{hedge} raises"
    cut = f" ({outcome.cut})" if outcome.cut is not None else ""
    match outcome.kind:
        case "return":
            return f"{verb[0]} {outcome.value}{cut}" if outcome.value is not None else outcome.detail or verb[0]
        case "exception":
            told = f"{outcome.exception.type}: {outcome.exception.message}" if outcome.exception else "an exception"
            return f"{verb[1]} {told.removesuffix(': ')}{cut}"
        case "endless":
            return str(outcome.loop)
        case _:
            where = f"known up to line {trace.events[-1].line}: " if trace.events else ""
            return f"{where}{outcome.detail or outcome.kind}"
