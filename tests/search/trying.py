"""Searches in this process, on texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import dedent

from cwm_lsp.evaluate import Called, Limits, Program
from cwm_lsp.search.crashes import Crash, crashes, known
from cwm_lsp.search.loop import Attempt, Budget
from cwm_lsp.source.functions import find

LIMITS = Limits(operations=200_000, seconds=5)


def attempt_in(source: str, function: str) -> Attempt:
    """Evaluates calls of a function of a text."""
    program = Program(source)

    def attempt(calls: Sequence[str]) -> Iterator[Called]:
        return (program.call(call, function, limits=LIMITS) for call in calls)

    return attempt


def crashes_of(source: str, name: str = "f", calls: int = 250, seed: int = 0, deliberate: bool = False) -> list[Crash]:
    """The crashes of a function of a text."""
    source = dedent(source)
    function = find(source, name, "the text")
    budget = Budget(calls=calls, seconds=60, stale=calls)
    facts = known(source, [function], "text.py", {})[0]
    attempt = attempt_in(source, function.qualname)
    return crashes(source, function, attempt, known=facts, budget=budget, seed=seed, deliberate=deliberate).crashes


def told(found: Sequence[Crash]) -> list[tuple[int, str, str]]:
    """Line, type and call of each."""
    return [(crash.line, crash.type, crash.call) for crash in found]
