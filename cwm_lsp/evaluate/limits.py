"""The bounds that make evaluation total."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Each is a bound on one evaluation; reaching one ends it with a sentence in `Evaluation.gave_up`."""

    events: int = 10_000
    operations: int = 2_000_000
    """Statements, iterations and calls."""
    seconds: float = 10.0
    """Of the processor: waiting for it, or for the answer to a question, is no work."""
    depth: int = 999
    """Nested calls. One more is a RecursionError: CPython allows 1,000 frames, of which the module has one."""
    integer_bits: int = 40_000
    elements: int = 200_000
    """Elements of one container, characters of one string, items drawn from one iterator by one operation."""
    allocated: int = 20_000_000
    """Elements and characters in all the large values that are made, kept or not."""
    text: int = 50_000
    """Characters of one shown value."""
    texts: int = 50_000_000
    """Characters of all shown values; each name among the locals of a step counts for some, however short its value."""
