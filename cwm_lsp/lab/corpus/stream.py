"""The endless, reproducible stream of training documents: number `i` of a seed is always the same document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from cwm_lsp.lab.corpus import programs
from cwm_lsp.lab.corpus.tracing import TooLongError, trace_call
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.trace import wire

STAGES = ("copies", "short", "mix")


def document(seed: str, stage: str, real: Sequence[str] = ()) -> str:
    """The wire text of one trace. `stage` is one of `STAGES`; `real` holds the harvested documents to mix in."""
    r = Random(seed)
    while True:
        made = draw(r, stage, real)
        if made is not None:
            return made


def draw(r: Random, stage: str, real: Sequence[str]) -> str | None:
    """One attempt: None where the program was too long or did not compile."""
    if stage == "mix" and real and r.random() < 0.35:
        return r.choice(real)
    make: Callable[[Random], programs.Program]
    limit = 40
    if stage == "copies":
        make = programs.straight_line
    elif stage == "short":
        make = programs.straight_line if r.random() < 0.3 else lambda r: programs.program(r, r.randint(1, 3))
        limit = 24
    else:
        make = programs.straight_line if r.random() < 0.05 else lambda r: programs.program(r, r.randint(2, 6))
    return traced(make(r), limit)


def traced(program: programs.Program, limit: int) -> str | None:
    """The document of a program; None if it has more events than `limit` or is not valid."""
    try:
        events = trace_call(program.source, program.function, program.call, limit=limit)
    except (TooLongError, SyntaxError, MemoryError):
        return None
    frames = wire.encode_events(events, split_lines(program.source))
    return wire.prompt(program.source, events[0].line) + "".join(frames) + wire.END_OF_TEXT
