"""A whole trace as a read-only text: one row a step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cwm_lsp.lsp.views.hints import RECORDED, label_of
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shorten import ELLIPSIS
from cwm_lsp.settings import Hints
from cwm_lsp.trace.effects import steps
from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.facts import is_fact, is_remembered, run_of

if TYPE_CHECKING:
    from cwm_lsp.trace.compare import Divergence

_SIDES = ("predicted", "recorded")
_CODE = 28
"""Characters of code in a row: the code is at hand elsewhere, and two of these texts stand side by side."""
_LIKELY = 0.5
"""The confidence from which an ending is called likely, as on the command line."""
_NAME = re.compile(r"[\\/]")
_EFFECTS = Hints(max_length=200, min_confidence=0.0)


def document(reading: ShownTrace) -> str:
    """`line  code  what it did`, callees indented; the traced call above, its outcome below."""
    return "\n".join(_rows(reading)) + "\n"


def _rows(reading: ShownTrace) -> Iterator[str]:
    trace, divergences = reading.all
    drawn = reading if reading.whole is None else ShownTrace.of(trace, reading.shape, divergences)
    others = reading.whole.elsewhere if reading.whole is not None else {}
    texts = {path: other.trace.source.split("\n") for path, other in others.items()}
    own = trace.source.split("\n")
    yield f"# {trace.call} {told_as(trace)}"
    for step in steps(trace.events):
        event = step.event
        lines = own if event.path is None else texts.get(event.path, [])
        code = "  " * event.depth + (lines[event.line - 1].strip() if 0 < event.line <= len(lines) else "")
        if event.path is not None and event.kind == "call":
            code = f"{'  ' * event.depth}{_NAME.split(event.path)[-1]}: {code.strip()}"
        if len(code) > _CODE:
            code = code[: _CODE - 1] + ELLIPSIS
        effect = label_of(replace(drawn.visit(step), watched=()), _EFFECTS).removeprefix(f"{RECORDED} ")
        count = f"· {step.iteration}/{step.iterations}" if step.iterations > 1 and event.kind == "line" else ""
        yield f"{event.line:5}  {code:<{_CODE}}  {f'{effect} {count}'.strip()}".rstrip()
    yield f"# {ending(trace)}"


def differing(sides: Mapping[str, Any], divergences: Sequence[Divergence]) -> dict[str, list[int]]:
    """Which rows of the two texts differ, counted from 0. `sides` is what `side_by_side` gives."""
    events = {one.event_index for one in divergences if one.kind != "length"}
    steps = {side: {step["index"]: row for row, step in enumerate(sides[side]["steps"], 1)} for side in _SIDES}
    told = [step for step in sides["recorded"]["steps"] if {step["effect"], step["end"], step["index"]} & events]
    apart = {step["index"] for step in told}
    rows: dict[str, list[int]] = {side: [] for side in _SIDES}
    last = max((right for left, right in sides["pairs"] if left is not None and right is not None), default=-1)
    is_cut = any(one.kind == "length" for one in divergences)
    for left, right in sides["pairs"]:
        alone = (left is None and not (is_cut and right > last)) or right is None
        if alone or right in apart:
            rows["predicted"] += [steps["predicted"][left]] if left in steps["predicted"] else []
            rows["recorded"] += [steps["recorded"][right]] if right in steps["recorded"] else []
    return rows


def told_as(trace: Trace) -> str:
    """What a trace is, in words that follow its call."""
    return "as it ran" if trace.origin == "recorded" else _known_as(trace)


def _known_as(trace: Trace) -> str:
    if is_fact(trace):
        return "as computed"
    return f"as in {run_of(trace)}" if is_remembered(trace) else "as predicted"


def ending(trace: Trace) -> str:
    """How the call ended, in words; a guess is never worded as a fact."""
    outcome = trace.outcome
    if trace.origin == "recorded":
        verb = "returned", "raised"
    elif is_fact(trace) or is_remembered(trace):
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
