"""Rewritten assertions are on the lines where they were, and hold as before."""

from __future__ import annotations

import ast
import sys
import types

import pytest

from cwm_lsp.verdicts.rewriting import rewritten

ASSERTS = [
    "assert 1 == 2",
    "assert (1) == (2), 'm'",
    "assert (1 == 2)",
    "assert (\n    1\n    ==  # why\n    2\n)",
    "assert (\n    1 +\n    1\n) == 3",
    "assert 1 not  in [1]",
    "assert 'é' == 'ü', f'{1 == 1}'",
    "assert not (1 is 1)",
    "assert 1 is \\\n    None",
    "assert 1 < 3 < 2",
    "assert (x := 1) == 2",
    "assert [y for y in (1, 2)] == [1, 2]",
    "assert all(i == 1 for i in [1, 1]) and 0",
    "assert (lambda: 1)() == (2 if 1 else 3)",
    "assert 1, (1 == 2)",
    "if 1: assert 2 != 2; z = 1",
]


@pytest.mark.parametrize("statement", ASSERTS)
def test_an_assertion_is_as_it_was(statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[int] = []

    def true(line: int, value: object) -> object:
        noted.append(line)
        return value

    def compare(line: int, operation: str, left: object, right: object) -> object:
        noted.append(line)
        return eval(f"left {operation} right", {"left": left, "right": right})

    helper = types.ModuleType("_cwm_asserted")
    vars(helper).update(true=true, compare=compare, equal=lambda line, a, b: compare(line, "==", a, b))
    monkeypatch.setitem(sys.modules, "_cwm_asserted", helper)
    text = f"before = 1\n{statement}\nafter = 2\n"
    new = rewritten(text)
    assert new.count("\n") == text.count("\n")
    [end] = [node.lineno for node in ast.walk(ast.parse(new)) if ast.unparse(node) == "after = 2"]
    assert end == text.count("\n")
    assert ends(new) == ends(text)
    assert noted == [2]


def ends(text: str) -> str:
    try:
        exec(compile(text, "test", "exec"), {})
    except AssertionError as error:
        return f"fails: {error}"
    return "holds"
