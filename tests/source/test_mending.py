"""Files that do not parse, without what does not."""

import ast

import pytest

from cwm_lsp.source.mending import mended

SOURCE = """\
import math

LIMIT = 3


class Stack:
    size = 0

    def push(self, x):
        self.size += 1
        return x

    def pop(self):
        return self.size


def one(x):
    if x > LIMIT:
        return math.floor(x)
    return Stack().push(x)


def two(x):
    return one(x)
"""


def test_what_parses_stays_as_it_is():
    assert mended(SOURCE) is SOURCE


@pytest.mark.parametrize(
    ("right", "wrong", "unknown"),
    [
        ("    return one(x)", "    return one(x", "two"),
        ("        self.size += 1", "        self.size += ", "push"),
        ("        return self.size", "        return (self.size", "pop"),
        ("def one(x):", "def one(x:", "one"),
        ("        return math.floor(x)", "        return 'math.floor(x)", "one"),
    ],
)
def test_a_function_that_does_not_parse_is_unknown_and_all_else_is_at_its_line(right, wrong, unknown):
    broken = SOURCE.replace(right, wrong)
    text = mended(broken)
    ast.parse(text)
    assert f"from _what_does_not_parse import {unknown}\n" in text
    before, after = broken.split("\n"), text.split("\n")
    assert len(before) == len(after)
    same = [
        line for line, other in zip(before, after, strict=True) if line == other and line.startswith(("class", "def"))
    ]
    assert len(same) == (3 if unknown in ("push", "pop") else 2)


def test_a_statement_that_does_not_parse_leaves_its_names_unknown():
    text = mended(SOURCE.replace("LIMIT = 3", "LIMIT = ("))
    ast.parse(text)
    assert "LIMIT" in text.split("_what_does_not_parse import ")[1].split("\n")[0].split(", ")
    assert "def two(x):" in text or ", two" in text


def test_what_cannot_be_mended_is_given_back():
    assert isinstance(mended("((((\n'''"), str)
