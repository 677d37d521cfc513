"""Renaming the variables of real functions."""

from __future__ import annotations

from random import Random

from cwm_lsp.lab.corpus import stream
from cwm_lsp.lab.corpus.programs import Program
from cwm_lsp.lab.corpus.renaming import renameable, renamed

SOURCE = '''def join(parts, glue, width):
    """Parts with the glue between them."""
    out = ""
    for spot, part in enumerate(parts):
        out += part + glue
    other = dict(width=width)
    parts.sort()
    upper = out.upper()
    size = len(
        dict(
            size=parts,
        )
    )
    return out
'''


def test_only_what_is_surely_a_variable_is_renamed() -> None:
    text = stream.traced(Program(SOURCE, "join", "join(['spot on', 'b'], '-', 3)"), 60)
    assert text is not None
    # `glue` is in the docstring, `spot` in a value, `upper` an attribute, `width` and `size` names of arguments.
    assert set(renameable(text)) == {"out", "part", "parts", "other"}


def test_a_renamed_trace_is_that_of_the_renamed_program() -> None:
    text = stream.traced(Program(SOURCE, "join", "join(['spot on', 'b'], '-', 3)"), 60)
    assert text is not None
    seen = set()
    for seed in range(20):
        changed = renamed(text, Random(seed))
        program = changed.partition("<|trace_context_start|>")[2].partition("<|frame_sep|>")[0]
        source = program.replace("  # << START_OF_TRACE", "").rstrip("\n") + "\n"
        assert changed == stream.traced(Program(source, "join", "join(['spot on', 'b'], '-', 3)"), 60)
        seen.add(changed)
    assert len(seen) > 5


TWO = """class Two:
    def __repr__(self):
        return "one\\n, two"

def f(n, m):
    two = Two()
    return m
"""


def test_escapes_in_values_are_no_names() -> None:
    text = stream.traced(Program(TWO, "f", "f(1, 2)"), 60)
    assert text is not None
    assert r"one\n, two" in text
    assert renameable(text) == ("m",)
