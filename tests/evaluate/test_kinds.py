"""Kinds of code that have once been told wrongly, each by a small program: `## what it is | function | call`."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

PROGRAMS = dict(
    re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", (Path(__file__).parent / "kinds.txt").read_text("utf-8"), re.M)
)
UNKNOWN = (
    "a function called by the module is given up half-way", "a method called by __init__ is given up half-way",
    "what makes the object is given up half-way", "an operation that may raise in a try of the module",
    "a keyword after a mapping that has it", "what the signature of a builtin is",
    "an argument that a rule of the interpreter does not take",
    "a call that may raise in a try of the module", "the memo of a deep copy", "where an array lies",
    "the default of anext, beside what types.coroutine has marked", "what a statement of a class may have changed",
    "what may or may not be in a class", "a pickle in which two texts may be one",
    "a pickle that the program has changed", "what a weak reference calls back",
    "names that are bound by globals in a try that is given up",
    "names that are bound by globals in a function that is given up",
    "whether what stands for something can be called", "a program that is compiled with a warning",
)  # fmt: skip
"""Those that hang on what nobody can know, or that are not interpreted."""


@only_on_the_reference
@pytest.mark.parametrize("title", PROGRAMS)
def test_it_is_computed_as_it_runs(title: str) -> None:
    name, function, call = [*title.split(" | "), "f", "f()"][:3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comparison = compare(PROGRAMS[title], call, function)
    assert not comparison.wrong, comparison.wrong[0]
    if name not in UNKNOWN:
        assert comparison.complete, (comparison.gave_up, comparison.asked, comparison.got[-1:])
