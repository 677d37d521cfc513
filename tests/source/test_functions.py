import argparse
import ast
import asyncio.base_events
import inspect
import sys
import textwrap
import types
import typing

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.source.functions import default_function, find, function_at, functions, syntax_error, syntax_error_in

MODULE = '''\
import functools


def plain(a, b=2):
    """Doc."""
    return a + b

# a comment that belongs to nobody


@functools.cache
@functools.wraps(
    plain
)
def decorated(
    first: "int",
    /,
    second: list[int] = [1,
                         2],
    *rest: str,
    key,
    other=None,
    **more,
) -> int:
    return first


async def waits(n): return n


def generates():
    yield 1


def holds_a_generator():
    def inner():
        yield from [1]
    return [x for x in inner()], (lambda: (yield))


double = lambda n: n * 2
typed: object = lambda *, k=1: k
one = two = lambda: 0
nameless = [lambda: 1]


class Stack:
    """A class."""

    push = lambda self, x: x

    def __new__(cls): ...

    def pop(self):
        if self:
            def helper(): return 1
            return helper()

        # trailing comment

    @classmethod
    def of(cls, *items): ...

    @staticmethod
    def version(): ...

    @property
    def top(self): ...

    @top.setter
    def top(self, value): ...

    @functools.cached_property
    def size(self): ...

    class Node:
        async def walk(self):
            yield self


try:
    import fast
except ImportError:
    def chosen(a): return "slow"
else:
    def chosen(a, b): return "fast"

match 1:
    case 1:
        def matched(): ...
    case _:
        for _ in ():
            while True:
                def deep(): ...
'''


def by_name(source):
    return {function.qualname: function for function in functions(source)}


def test_every_function_is_found_in_the_order_of_the_file():
    assert [function.qualname for function in functions(MODULE)] == [
        "plain", "decorated", "waits", "generates", "holds_a_generator", "holds_a_generator.inner", "double", "typed",
        "one", "two", "Stack.push", "Stack.__new__", "Stack.pop", "Stack.pop.helper", "Stack.of", "Stack.version",
        "Stack.top", "Stack.top.setter", "Stack.size", "Stack.Node.walk", "chosen", "chosen", "matched", "deep",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "parent"),
    [
        ("plain", "function", None),
        ("double", "lambda", None),
        ("Stack.push", "lambda", "Stack"),
        ("Stack.__new__", "staticmethod", "Stack"),
        ("Stack.pop", "method", "Stack"),
        ("Stack.pop.helper", "function", "Stack.pop"),
        ("Stack.of", "classmethod", "Stack"),
        ("Stack.version", "staticmethod", "Stack"),
        ("Stack.top", "property", "Stack"),
        ("Stack.size", "property", "Stack"),
        ("Stack.Node.walk", "method", "Stack.Node"),
        ("holds_a_generator.inner", "function", "holds_a_generator"),
    ],
)
def test_kind_and_parent(name, kind, parent):
    function = find(MODULE, name, "m.py")
    assert (function.kind, function.parent) == (kind, parent)


def test_asynchronous_and_generating():
    found = by_name(MODULE)
    assert [name for name, function in found.items() if function.is_async] == ["waits", "Stack.Node.walk"]
    generators = [name for name, function in found.items() if function.is_generator]
    assert generators == ["generates", "holds_a_generator.inner", "Stack.Node.walk"]


def test_lines_of_a_decorated_function_with_a_long_signature():
    function = by_name(MODULE)["decorated"]
    line = MODULE.split("\n").index
    assert function.first_line == line("@functools.cache") + 1
    assert function.def_line == line("def decorated(") + 1
    assert function.body_line == function.last_line == line("    return first") + 1
    assert function.decorators == ("functools.cache", "functools.wraps(plain)")


def test_parameters_carry_kind_default_and_annotation():
    function = by_name(MODULE)["decorated"]
    assert [(p.name, p.kind, p.default, p.annotation) for p in function.parameters] == [
        ("first", "positional-only", None, '"int"'),
        ("second", "positional-or-keyword", "[1, 2]", "list[int]"),
        ("rest", "var-positional", None, "str"),
        ("key", "keyword-only", None, None),
        ("other", "keyword-only", "None", None),
        ("more", "var-keyword", None, None),
    ]
    assert function.signature == "decorated(first, /, second=[1, 2], *rest, key, other=None, **more)"
    assert by_name(MODULE)["typed"].signature == "typed(*, k=1)"


def test_columns_count_bytes_but_texts_are_whole():
    function = functions('def f(ä="ü", b: "é" = "日本"): pass')[0]
    assert [(p.default, p.annotation) for p in function.parameters] == [('"ü"', None), ('"日本"', '"é"')]


def test_docstrings():
    found = by_name(MODULE)
    assert found["plain"].docstring == "Doc."
    assert found["waits"].docstring is None


@pytest.mark.parametrize("module", [typing, argparse, inspect, textwrap, asyncio.base_events, ast])
def test_agrees_with_the_compiler(module):
    """Lines, names and generators of every `def` of a real module are those of its code objects."""
    source = inspect.getsource(module)
    compiled = set()
    codes = [compile(source, "m", "exec")]
    while codes:
        for code in codes.pop().co_consts:
            if isinstance(code, types.CodeType):
                codes.append(code)
                compiled.add((code.co_firstlineno, code.co_name, bool(code.co_flags & (0x20 | 0x200))))
    found = {(f.first_line, "<lambda>" if f.kind == "lambda" else f.name, f.is_generator) for f in functions(source)}
    assert found
    assert found <= compiled
    defs = {(n.lineno, n.name) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    assert defs <= {(f.def_line, f.name) for f in functions(source)}


def test_a_class_is_not_a_generator_scope_and_redefinitions_are_all_listed():
    assert [len(f.parameters) for f in functions(MODULE) if f.name == "chosen"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def plain(a", "plain"),
        ("    return a + b", "plain"),
        ("# a comment that belongs", None),
        ("@functools.cache", "decorated"),
        ("    second: list", "decorated"),
        ("def holds_a", "holds_a_generator"),
        ("        yield from", "holds_a_generator.inner"),
        ("double =", "double"),
        ("class Stack", None),
        ("            def helper", "Stack.pop.helper"),
        ("            return helper()", "Stack.pop"),
        ("        # trailing comment", None),
        ("    @property", "Stack.top"),
        ("try:", None),
    ],
)
def test_function_at_a_line(text, expected):
    line = next(i for i, line in enumerate(MODULE.split("\n"), 1) if line.startswith(text))
    function = function_at(MODULE, line)
    assert (function and function.qualname) == expected


@pytest.mark.parametrize("line", [0, -1, 10**9])
def test_function_at_a_line_outside_the_file(line):
    assert function_at(MODULE, line) is None


def test_find_takes_the_definition_that_counts():
    assert len(find(MODULE, "chosen", "m.py").parameters) == 2
    assert find(MODULE, "Stack.top", "m.py").decorators == ("property",)
    overloaded = "@overload\ndef f(a: int): ...\ndef f(a): return a\n@typing.overload\ndef f(a: str): ...\n"
    assert find(overloaded, "f", "m.py").def_line == 3


@pytest.mark.parametrize("name", ["helper", "Stack.pop.helper", "Stack.pop.<locals>.helper"])
def test_find_by_bare_qualified_and_runtime_name(name):
    assert find(MODULE, name, "m.py").qualname == "Stack.pop.helper"


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (MODULE, "plane", "m.py has no function 'plane'; did you mean plain?"),
        (MODULE, "pops", "m.py has no function 'pops'; did you mean Stack.pop?"),
        ("def f(): ...\ndef g(): ...", "zzz", "m.py has no function 'zzz'; it has f and g"),
        ("x = 1", "f", "m.py has no function 'f'; define one with def"),
        ("x = (", "f", "m.py has no function 'f'; it does not parse (line 1: '(' was never closed)"),
        (
            "class A:\n def go(self): ...\nclass B:\n def go(self): ...",
            "go",
            "m.py has several functions named 'go'; name one of A.go and B.go",
        ),
        (
            "def f(:\n  pass\ndef g(): ...",
            "f",
            f"m.py: 'f' has a syntax error to Python {sys.version_info[0]}.{sys.version_info[1]}, which cwm-lsp runs "
            "in (line 1: invalid syntax); mend it, or install cwm-lsp in the newer Python that it is written for",
        ),
    ],
)
def test_find_says_what_to_do(source, name, message):
    with pytest.raises(UserError) as error:
        find(source, name, "m.py")
    assert str(error.value) == message


def test_default_function():
    assert default_function("def f():\n    def g(): ...\n", "m.py").qualname == "f"
    assert default_function("class A:\n    def f(self): ...\n", "m.py").qualname == "A.f"
    with pytest.raises(UserError, match=r"^m.py has f and g; name one, as in m.py:f$"):
        default_function("def f(): ...\ndef g(): ...", "m.py")
    with pytest.raises(UserError, match=r"^m.py has no function to call; define one with def$"):
        default_function("", "m.py")


def test_syntax_errors_are_told_by_line_of_the_file():
    source = (
        "def good(): ...\n\nclass A:\n    def bad(self):\n        x = [1,\n        return 2\n    def fine(self): ...\n"
    )
    assert syntax_error_in(source, "A.bad") == syntax_error_in(source, "bad") == "line 5: '[' was never closed"
    assert syntax_error_in(source, "good") is None
    assert syntax_error_in(source, "A.fine") is None
    assert syntax_error(source) == "line 5: '[' was never closed"
    assert syntax_error("x = 1") is None


def test_a_missing_body_names_the_line_of_its_own_header():
    source = "x = 1\n" * 7 + "class A:\n  def f(self):\n  def g(self): ...\n"
    assert syntax_error_in(source, "A.f") == "line 9: expected an indented block after function definition on line 9"
    assert "A.g" in by_name(source)
