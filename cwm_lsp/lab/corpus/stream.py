"""The endless, reproducible stream of training documents: number `i` of a seed is always the same document."""

# ruff: noqa: S311

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from cwm_lsp.lab.corpus import programs
from cwm_lsp.lab.corpus.idioms import idiom
from cwm_lsp.lab.corpus.renaming import renamed
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.record.probe import Limits
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import Trace

STAGES = ("copies", "short", "mix")
REAL = 0.22
"""Of the draws for the mix, the share of harvested documents. As many a generated one is thrown away, and they are
longer, they are a third of the mix and two fifths of its tokens."""
LONGEST_VALUE = 160
DEEPEST = 6


def document(seed: str, stage: str, real: Sequence[str] = ()) -> str:
    """The wire text of one trace. `stage` is one of `STAGES`; `real` holds the harvested documents to mix in."""
    r = Random(seed)
    while True:
        made = draw(r, stage, real)
        if made is not None:
            return made


def draw(r: Random, stage: str, real: Sequence[str] = ()) -> str | None:
    """One attempt: None where the program was too long or did not compile."""
    pick = r.random()
    if stage == "copies":
        return traced(programs.straight_line(r), 40)
    if stage == "short":
        simple = programs.straight_line(r) if pick < 0.3 else programs.program(r, r.randint(1, 3))
        return traced(simple, 24)
    if real and r.random() < REAL:
        return renamed(r.choice(real), r)
    if pick < 0.36:
        program = programs.straight_line(r)
    elif pick < 0.60:
        program = idiom(r)
    else:
        program = programs.program(r, r.randint(1, 6))
    # A method call, and any call whose arguments are not literals, is read through a `main` that makes it.
    wrapped = not program.call.startswith(f"{program.function}(") or r.random() < 0.1
    text = traced(wrap(program) if wrapped else program, 48)
    if text is not None and not crashes(text) and r.random() < 0.5:
        return None
    return text


def crashes(text: str) -> bool:
    """Whether the call of a document ends in an exception: the frame before its last RETURN is one."""
    return text.split(wire.FRAME_SEP)[-3].startswith(wire.EXCEPTION_SEP)


def wrap(program: programs.Program) -> programs.Program:
    """The program with a `main` at its end that makes the call."""
    return programs.Program(f"{program.source}def main():\n    return {program.call}\n", "main", "main()")


def traced(program: programs.Program, limit: int) -> str | None:
    """The document of a program; None if it has more events than `limit` or is not valid."""
    try:
        trace = record_in_process(
            program.source,
            program.function,
            program.call,
            target=(program.function, def_line(program)),
            limits=Limits(events=limit, value=LONGEST_VALUE),
        )
    except SyntaxError:
        return None
    return text_of(trace, def_line(program))


def def_line(program: programs.Program) -> int:
    """1-based line of the `def` of the traced function."""
    before, _, _ = program.source.partition(f"def {program.function}(")
    return before.count("\n") + 1


def text_of(trace: Trace, line: int) -> str | None:
    """Prompt, frames and end; None for a trace that is cut, deep, or has a value that is cut."""
    if trace.outcome.kind not in ("return", "exception") or not trace.events:
        return None
    if any(event.mark or event.depth > DEEPEST for event in trace.events):
        return None
    lead = "\n" if trace.function == "main" else ""
    prompt = wire.prompt(lead + trace.source, line + len(lead))
    text = prompt + wire.encode(trace) + wire.END_OF_TEXT
    return None if re.search(r"object at 0x|<recorded>", text) else text
