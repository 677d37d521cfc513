"""Several predictions in step: their forward passes are made together, and what they all begin with is read once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from cwm_lsp.predict.decode import Answer
from cwm_lsp.predict.engines.cache import common_length
from cwm_lsp.predict.engines.interface import Engine, Pass

Result = TypeVar("Result")

_WORTH_A_PASS = 32
"""Tokens that a pass of its own is worth, for them to be read once and not several times."""


def drive(engine: Callable[[], Engine], work: Sequence[Generator[Pass, Answer, Result]]) -> list[Result]:
    """Run all work to its end, one pass of each in every forward pass of the engine, which is got when first needed."""
    results: dict[int, Result] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(work)))
    while answers:
        steps: dict[int, Pass] = {}
        for number in list(answers):
            # Nothing here holds on to a prefix that is given away, so that the engine may use its memory again.
            try:
                steps[number] = _resumed(work[number], answers.pop(number))
            except StopIteration as stop:
                results[number] = stop.value
        made = engine().forward(_shared(engine(), list(steps.values()))) if steps else []
        answers = dict(zip(steps, made, strict=True))
        del made
    return [results[number] for number in range(len(work))]


def _resumed(work: Generator[Pass, Answer, object], answer: Answer | None) -> Pass:
    """The next pass that is asked for."""
    return next(work) if answer is None else work.send(answer)


def _shared(engine: Engine, steps: list[Pass]) -> list[Pass]:
    """The same passes after what those that go on from the same text have in common has been read."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, step in enumerate(steps):
        groups.setdefault(step.prefix.tokens, []).append(number)
    for numbers in groups.values():
        group = [steps[number] for number in numbers]
        length = min(len(step.tokens) - max(step.keep, 1) for step in group)
        for step in group:
            length = common_length(group[0].tokens[:length], step.tokens)
        if len(group) > 1 and length >= _WORTH_A_PASS:
            ((prefix, _),) = engine.forward([Pass(group[0].prefix, group[0].tokens[:length], 0)])
            for number, step in zip(numbers, group, strict=True):
                steps[number] = Pass(prefix, step.tokens[length:], step.keep)
    return steps
