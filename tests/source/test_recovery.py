"""Functions of files that do not parse: all but the broken ones, with the right names and lines."""

import ast
import inspect
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.source.functions import functions, syntax_error_in
from cwm_lsp.source.recovery import split_lines

pytestmark = pytest.mark.slow

CODE = '''\
"""A module.

def not_code(): the docstring says so
"""
import os

TEMPLATE = """
def in_a_string():
    pass
"""


def alpha(a, b=(1,
                2)):
    """Doc of alpha: it's fine.

    >>> alpha(1)
    """
    total = a + \\
        sum(b)
    return {
        "total": total,
    }


@decorator(
    "x"
)
class Beta(Base):
    """Doc of Beta."""

    attribute = lambda self: 1

    @property
    def first(self):
        """Doc of first."""
        return f"{self.x!r:>{10}}"

    async def second(self, *args,
                     **kwargs):
        async with self as s:
            def inner(k):
                return k
            return inner(s)

    def third(self): return [
        1,
    ]


gamma = lambda x: x + 1

if os.name == "nt":
    def delta(q):
        return q
else:
    def delta(q):
        try:
            return 1
        finally:
            def buried(): return 2


def omega(text):
    message = \'\'\'
multi
    line
\'\'\'
    return text + message
'''
NAMES = [f.qualname for f in functions(CODE)]


def lines_by_name(source):
    found = {}
    for f in functions(source):
        found.setdefault(f.qualname, []).append((f.first_line, f.def_line, f.body_line, f.last_line))
    return found


def parses(source):
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


BREAKS = [
    "x = foo(",
    "x = [1, 2",
    "x = {'a': 1,",
    'x = "abc',
    "x = 'it's'",
    'x = """abc',
    '"""',
    "'''",
    "x = ",
    "if x",
    "for",
    "def",
    "def half(",
    "class",
    "return )",
    "print('a'",
    "x = f(1))",
    "else:",
    "except:",
    "@",
    "@dec",
    "    y = 1",
    "$",
    "x = ) + \\",
    "\0",
    "import",
    "a b c",
    "lambda x:",
    "x = f'{a",
]


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("around", ["alpha", "Beta.first", "Beta.second", "Beta.second.inner", "omega"])
def test_a_broken_line_costs_only_the_functions_around_it(broken, around):
    """Each mistake, typed as the first line of a function's body: every function that is not around it is still found,
    shifted by the one line."""
    target = next(f for f in functions(CODE) if f.qualname == around)
    lines = CODE.split("\n")
    at = target.body_line - 1
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines.insert(at, indent + broken)
    source = "\n".join(lines)
    assert not parses(source)
    if (broken, around) == ("'''", "omega"):
        pytest.skip("closed by the next line's quotes, the function reads as a whole one")
    unharmed = {
        name: [tuple(line + (line > at) for line in one) for one in where]
        for name, where in lines_by_name(CODE).items()
        if not around.startswith(name)
    }
    # What follows inside the same function may be lost with it.
    unharmed = {name: where for name, where in unharmed.items() if not name.startswith(f"{around}.")}
    found = lines_by_name(source)
    assert {name: found.get(name) for name in unharmed} == unharmed
    assert around not in found
    assert syntax_error_in(source, around)


@pytest.mark.parametrize("broken", [b for b in BREAKS if b not in ("@dec",)])
@pytest.mark.parametrize("after", ["import os", "gamma = lambda x: x + 1", "    attribute = lambda self: 1"])
def test_a_broken_line_between_functions_costs_none(broken, after):
    lines = CODE.split("\n")
    at = lines.index(after) + 1
    indent = after[: len(after) - len(after.lstrip())]
    lines.insert(at, indent + broken)
    source = "\n".join(lines)
    found = lines_by_name(source)
    for name, where in lines_by_name(CODE).items():
        assert found.get(name) == [tuple(line + (line > at) for line in one) for one in where], name


PIECES = st.sampled_from(
    [
        "def f{i}(a, b=1):\n    return a\n",
        'def f{i}(a):\n    """Doc {i}.\n\n    def example(): it\'s text\n    """\n    for x in a:\n        yield x\n',
        "@deco\n@deco(1,\n      2)\nasync def f{i}(\n    a,\n    *b,\n):\n    await a\n",
        "f{i} = lambda a: (a,\n    1)\n",
        "class C{i}:\n    x = 1\n\n    def f(self):\n        return '''\n  text\n'''\n\n"
        "    @property\n    def p(self): return {{\n 1}}\n",
        "if f{i}:\n\tdef g{i}(a):\n\t\treturn a\n",
        "def f{i}(a):\n    def inner(b):\n        return b\n    return inner(\na)\n",
        "class C{i}:\n    class D:\n        def f(self): pass\n\n"
        "    def g(self):\n        x = \"a{{\"\n        return x\n",
        "def f{i}(a): return a\n",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_others_survive_a_random_edit(data):
    """Break one function of a random file anywhere; all top-level definitions but that one (and the one below it, where
    the edit ends its block or opens a string into it) keep names and lines."""
    pieces = [data.draw(PIECES).format(i=i) for i in range(data.draw(st.integers(3, 7)))]
    newline = data.draw(st.sampled_from(["\n", "\r\n", "\n\n\f\n"]))
    victim = data.draw(st.integers(0, len(pieces) - 1))
    body = pieces[victim]
    lines = body.rstrip("\n").split("\n")
    line = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(len(lines[line]) - len(lines[line].lstrip()), len(lines[line])))
    edit = data.draw(st.sampled_from(["(", "[", "{", '"', "'", "$", ")", "= = ", "\0", "def ", "import "]))
    lines[line] = lines[line][:column] + edit + lines[line][column:]
    broken = [*pieces]
    broken[victim] = "\n".join(lines) + "\n"
    whole, damaged = ("\n".join(parts).replace("\n", newline) for parts in (pieces, broken))
    if parses(damaged):
        return

    def others(source):
        return {
            name: where
            for name, where in lines_by_name(source).items()
            if name.split(".")[0] not in (f"f{victim}", f"g{victim}", f"C{victim}")
        }

    expected, found = others(whole), others(damaged)
    assert {name: found.get(name) for name in expected} == expected


TOKENS = st.sampled_from(
    [*"ab()[]{}:'\"#\\ \t\n\r\f\0@=,.\u2028é", "def ", "class ", '"""', "\n    ", "lambda ", "if ", "\ndef f():"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TOKENS, max_size=60).map("".join))
def test_no_text_makes_it_fail(source):
    for function in functions(source):
        assert 1 <= function.first_line <= function.last_line <= len(split_lines(source))
        assert function.def_line <= function.body_line <= function.last_line


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("parentheses", "x = " + "(" * 100_000 + "\n\n\ndef f(): ...\n"),
        ("closed parentheses", "x = " + "(" * 5_000 + ")" * 5_000 + "\n\n\ndef f(): ...\n"),
        ("signs", "x = " + "-" * 100_000 + "1\n\n\ndef f(): ...\n"),
        ("attributes", "x = a" + ".b" * 100_000 + "\n\n\ndef f(): ...\n"),
        ("blocks", "".join(" " * i + "if x:\n" for i in range(500)) + "\n\n\ndef f(): ...\n"),
        ("functions", "".join(" " * i + f"def g{i}():\n" for i in range(500)) + "\n\n\ndef f(): ...\n"),
        ("elifs", "if a:\n  b\n" + "elif a:\n  b\n" * 3_000 + "x = (\ndef f(): ...\n"),
        ("surrogate", "x = '\ud800'\ndef f(): ...\n"),
        ("null byte", "x = '\0'\ndef f(): ...\n"),
    ],
)
def test_absurd_texts(name, source):
    assert "f" in [function.qualname for function in functions(source)]


def test_a_byte_order_mark_is_not_a_mistake():
    assert [f.qualname for f in functions("\ufeffdef f(): ...\n")] == ["f"]
    assert [f.qualname for f in functions("\ufeffdef f(): ...\nx = (\n")] == ["f"]


def test_lines_end_as_python_says():
    source = "x = 'a\u2028b\x0bc'\r\n\f\rdef f():\n    pass\r"
    assert lines_by_name(source) == {"f": [(3, 3, 4, 4)]}
    assert lines_by_name(source + "y = (") == {"f": [(3, 3, 4, 4)]}


def test_text_in_strings_is_not_code_even_in_a_broken_file():
    assert [f.qualname for f in functions(CODE + "\nx = (\n")] == NAMES


def test_keywords_as_names_inside_brackets_do_not_end_them():
    source = "call(\n    a,\n    pass_=1,\n    async_=2,\n    import_=3,\n)\n\n"
    source += "def f(\n    assert_=1,\n    with_=2,\n): ...\n\n)\n"
    assert lines_by_name(source) == {"f": [(8, 8, 11, 11)]}


def test_many_unclosed_docstrings():
    """Two unclosed strings pair up: to the lexer the text between them is a string."""
    body = "def f{i}():\n    {quote}Doc {i}.\n    return 1\n\n\ndef g{i}():\n    '''Doc.'''\n    return 2\n\n\n"
    source = "".join(body.format(i=i, quote='"""' if i % 2 else "'''") for i in range(40))
    assert [f.qualname for f in functions(source)] == [f"g{i}" for i in range(40)]


def test_an_unexpected_indent_and_an_unfinished_last_line():
    source = "x = 1\n    def f():\n        return 1\n\ndef g():\n    return 2\n\ndef h():\n    return f("
    assert list(lines_by_name(source)) == ["f", "g"]
    assert syntax_error_in(source, "h") == "line 9: '(' was never closed"


def test_a_real_module_broken_in_the_middle():
    source = inspect.getsource(textwrap)
    before = lines_by_name(source)
    lines = source.split("\n")
    at = before["TextWrapper._wrap_chunks"][0][2] + 30
    lines.insert(at, "        chunks.append(foo['x'")
    after = lines_by_name("\n".join(lines))
    assert set(before) - set(after) == {"TextWrapper._wrap_chunks"}
    for name, where in after.items():
        assert where == [tuple(line + (line > at) for line in one) for one in before[name]]


def test_warnings_about_the_users_text_are_not_printed():
    program = (
        "from cwm_lsp.source.functions import functions\n"
        "from cwm_lsp.source.calls import bind, candidates\n"
        'source = \'def f(a: "\\\\d" = "\\\\d"):\\n  r"""\\n  >>> f("\\\\d")\\n  """\\n  1 is 1\\n\'\n'
        "function = functions(source)[0]\n"
        "print(candidates(source, function, path='m.py', tests={'test_m.py': 'from m import f\\nf(\"\\\\w\")\\n'}))\n"
        "bind('f(\"\\\\s\")', function, source)\n"
    )
    done = subprocess.run([sys.executable, "-Wdefault", "-c", program], capture_output=True, text=True, check=True)
    assert "'doctest'" in done.stdout
    assert "'test'" in done.stdout
    assert done.stderr == ""


def test_a_docstring_that_tells_of_a_definition_ends_where_it_is_closed():
    broken = '    """Doc.\n\n    def example(): it\'s text\n    """\n    (for x in a:\n        yield x\n\n'
    source = f"def f0(a):\n{broken}f1 = lambda a: (a,\n    1)\n\n\ndef f2(a):\n    return a\n"
    assert [function.qualname for function in functions(source)] == ["f1", "f2"]
