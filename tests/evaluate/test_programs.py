"""The annotated programs (`tests/programs/*.md`): each line does what is written beside it, and as it runs."""

from __future__ import annotations

import warnings

import pytest

from tests.annotated import Program, annotated, features, programs
from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference
PROGRAMS = {f"{feature}: {title}": one for feature in features() for title, one in programs(feature).items()}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_each_line_does_what_is_written_beside_it(program: Program) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comparison = compare(program.source, program.call, program.function, apart=True)
    assert not comparison.wrong, comparison.wrong[0]
    assert comparison.complete or not program.known, (comparison.gave_up, comparison.asked, comparison.got[-1:])
    assert annotated(program, comparison.evaluated) == program.body
