"""A file is read piece by piece, and an edit has only its own piece read again."""

import ast
import copy
import json
import random
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.lsp.outline import outline
from cwm_lsp.source.calls import candidates, candidates_of
from cwm_lsp.source.functions import functions
from cwm_lsp.source.recovery import module_statements, parse

pytestmark = pytest.mark.slow

FILE = '''\
"""A module.

>>> f(1)
"""
from dataclasses import dataclass
import math as m

LIMIT = 3


def f(a, b=LIMIT):
    """
    >>> f(LIMIT, b=2)
    """
    return a + b


@dataclass(
    frozen=True,
)
@other
class Point:
    x: int = 0

    def moved(self, by: int) -> "Point":
        return Point(self.x + by)

    @property
    def far(self):
        return self.x > 10


text = """
def not_one(x):
    return x
"""


class Near(Point):
    def __init__(self, *, x):
        super().__init__(x)

    def __call__(self, n):
        def inner(k):
            return k
        return inner(n)


async def late(a):
    return a


g = lambda n: n

assert f(5)
near = Near(x=2)
near(4)


def test_f():
    point = Point(7)
    assert point.moved(3).far
    assert f(g(6)) == 9


def main():
    n = 30
    print(f(n))


if __name__ == "__main__":
    main()
    print(Point(1).moved(2))
'''
TESTS = """\
import pytest
from mod import *

@pytest.mark.parametrize("a", [1, 2])
def test_f(a):
    assert f(a) == Point(a).moved(4)
    assert zzz(a)
"""
EDITS = {
    "a body": ("return a + b", "return a - b"),
    "a new line": ("    return Point(self.x + by)", "    by += 1\n        return Point(self.x + by)"),
    "a line above": ('"""A module.', '"""A module.\n'),
    "a signature": ("def f(a, b=LIMIT)", "def f(a, b)"),
    "a new function": ("g = lambda", "def zzz(q):\n    return q\n\n\ng = lambda"),
    "a name": ("def late", "def later"),
    "a base": ("class Near(Point)", "class Near(dict)"),
    "a doctest": ("f(LIMIT, b=2)", "f(LIMIT, b=8)"),
    "a constant": ("n = 30", "n = 31"),
    "an import": ("import math as m", "import math as f"),
    "a mistake": ("def main():", "def main(:"),
    "an open string": ('    """\n    >>> f(LIMIT', '    ""\n    >>> f(LIMIT'),
    "nothing": ("", ""),
}


def edited(name):
    before, after = EDITS[name]
    return FILE.replace(before, after, 1)


@pytest.mark.parametrize("name", EDITS)
def test_all_functions_at_once_have_the_calls_that_each_has_alone(name):
    source = edited(name)
    found = functions(source)
    together = candidates_of(found, source, path="mod.py", tests={"test_mod.py": TESTS})
    alone = [candidates(source, function, path="mod.py", tests={"test_mod.py": TESTS}) for function in found]
    assert together == alone
    assert any(together)


def test_an_outline_after_edits_is_that_of_the_text_alone(tmp_path):
    """Whatever has been kept of the texts before."""
    (tmp_path / "test_mod.py").write_text(TESTS)
    path = tmp_path / "mod.py"
    program = """
        import json, sys
        from pathlib import Path
        from cwm_lsp.lsp.outline import outline
        source = sys.stdin.read()
        print(json.dumps([entry.to_json() for entry in outline(source, sys.argv[1], [Path(sys.argv[1]).parent])]))
    """
    for name in EDITS:
        source = edited(name)
        warm = [entry.to_json() for entry in outline(source, str(path), [tmp_path])]
        command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
        cold = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
        assert json.loads(json.dumps(warm)) == json.loads(cold), name


def test_what_an_edit_leaves_as_it_was_is_not_parsed_again():
    before, after = parse(FILE), parse(edited("a body"))
    kept = {id(fragment.body) for fragment in before.fragments} & {id(fragment.body) for fragment in after.fragments}
    assert len(before.fragments) > 5
    assert len(kept) == len(before.fragments) - 1


def test_tests_are_read_as_they_are_now(tmp_path):
    path = tmp_path / "mod.py"
    source = "def f(a):\n    return a\n"

    def calls():
        (entry,) = outline(source, str(path), [tmp_path])
        return [call.expression for call in entry.calls if call.origin == "test"]

    assert calls() == []
    test = tmp_path / "deeper" / "test_mod.py"
    test.parent.mkdir()
    test.write_text("from mod import f\nf(1)\n")
    assert calls() == ["f(1)"]
    test.write_text("from mod import f\nf(1)\nf(22)\n")
    assert calls() == ["f(1)", "f(22)"]
    test.unlink()
    assert calls() == []


LINES = st.lists(
    st.sampled_from([*FILE.split("\n"), '"""', "x = (", ")", "else:", "    pass", "@d", "x = 1; \\"]), max_size=30
)


@settings(max_examples=500, deadline=None)
@given(LINES)
def test_pieces_are_what_the_whole_is(lines):
    source = "\n".join(lines)
    try:
        whole = ast.parse(source)
    except SyntaxError as error:
        assert parse(source).module is None
        assert (parse(source).error or "").startswith(f"line {error.lineno}: ")
        return
    module = parse(source).module
    assert module is not None
    nodes = []
    for fragment in module:
        piece = ast.Module(list(fragment.body), [])
        copied = ast.parse(ast.unparse(piece))
        assert ast.dump(copied) == ast.dump(piece)
        nodes += [(ast.dump(node), node.lineno + fragment.offset) for node in fragment.body]
    assert nodes == [(ast.dump(node), node.lineno) for node in whole.body]


ESCAPES = """\
import re

def strip(value):
    return re.sub("\\\\033", "", value)

def width(value, by):
    return value

if __name__ == "__main__":
    red = "\\033[1m"
    print(strip(f"{red}a"))
    print(strip(f"{red!r:>5}b"))
    print(width(f"{red}c", 2))
"""


def test_an_expression_that_python_cannot_write_costs_no_function_its_calls():
    found = {entry.name: [call.expression for call in entry.calls] for entry in outline(ESCAPES, "m.py")}
    assert found["strip"][0] == "strip(f'\\x1b[1ma')"
    assert found["width"][0] == "width(f'\\x1b[1mc', 2)"


METHOD = """    @property
    def m{n}(self):
        # a comment
        x = ({n},
             2)
        return f"{{x!r}}"

"""
CLASS = "class C:\n" + "".join(METHOD.format(n=n) for n in range(40))
PARTS = ["(", ")", "'", '"""', "\\", "    ", "\t", "#", "return", ":", "]", "@d", "else:", "é", "x = 1", "pass;", "\f"]


def test_of_a_large_class_the_changed_method_alone_is_parsed():
    (before,) = module_statements(CLASS)
    changed = CLASS.replace("x = (7,", "x = (8,")
    (after,) = module_statements(changed)
    assert ast.dump(after, include_attributes=True) == ast.dump(ast.parse(changed).body[0], include_attributes=True)
    assert [one is other for one, other in zip(before.body, after.body, strict=True)].count(False) == 1


def test_a_large_class_after_any_edit_is_what_it_is_parsed_anew():
    chance = random.Random(3)
    lines = CLASS.split("\n")
    for _ in range(150):
        edited = list(lines)
        at = chance.randrange(1, len(lines))
        column = chance.randrange(len(lines[at]) + 1)
        edited[at] = lines[at][:column] + chance.choice(PARTS) + lines[at][column + chance.randrange(3) :]
        parse(CLASS)
        text = "\n".join(edited)
        try:
            expected = ast.parse(text).body
        except SyntaxError:
            assert parse(text).error is not None
            continue
        fragments = parse(text).module
        assert fragments is not None
        got = [ast.increment_lineno(copy.deepcopy(node), one.offset) for one in fragments for node in one.body]
        assert [ast.dump(node, include_attributes=True) for node in got] == [
            ast.dump(node, include_attributes=True) for node in expected
        ]
