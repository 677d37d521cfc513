"""Binding is checked against Python itself: the same words on a wrong call, the same locals on a right one."""

import ast
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.errors import UserError
from cwm_lsp.source.bind import Binding, bind
from cwm_lsp.source.functions import find
from cwm_lsp.source.literals import literal_repr

pytestmark = pytest.mark.slow

SOURCE = """\
import math
from collections import deque as queue

LIMIT = 3
for loop in (): pass
with open(__file__) as handle: pass
try: import nothing
except ImportError as problem: nothing = None
(walrus := 1)

def f(a, b=2): return a

def everything(a, /, b, c=[0] * 2, *rest, k, m=None, **more): ...

def reads_constant(n=LIMIT): ...

@retry(3)
def wrapped(a): ...

def outer(n):
    def inner(x): return x
    return inner(n)

triple = lambda n: 3 * n

class Stack:
    def __init__(self, items=()): self.items = list(items)
    def push(self, item, *, times=1): return self
    @classmethod
    def of(cls, *items): return cls(items)
    @staticmethod
    def check(item): ...
    @property
    def top(self): ...
    def __call__(self, x): ...
    def __add__(self, other): ...
    class Node:
        def walk(self, depth): ...

class Deep(Stack): pass

if __name__ == "__main__":
    only_when_run = 1
"""


def bound(call, name="f", source=SOURCE):
    return bind(call, find(source, name, "m.py"), source)


@pytest.mark.parametrize(
    ("name", "call", "arguments"),
    [
        ("f", "f(1)", {"a": "1", "b": "2"}),
        ("f", " f ( b = 'x',\n a = -1 ) ", {"a": "-1", "b": "'x'"}),
        ("f", "f(*[1, 2])", {"a": "1", "b": "2"}),
        ("f", "f(**{'a': 1})", {"a": "1", "b": "2"}),
        ("f", "f(LIMIT)", {"a": None, "b": "2"}),
        ("f", "f(*LIMIT)", {"a": None, "b": None}),
        ("f", "f(1, **LIMIT)", {"a": None, "b": None}),
        ("f", "f(f(1))", {"a": None, "b": "2"}),
        ("f", "print(f(7))", {"a": "7", "b": "2"}),
        ("f", "await f(7)", {"a": "7", "b": "2"}),
        ("f", "sorted([1], key=lambda x: f(x))", {"a": None, "b": "2"}),
        ("f", "[f(3) for _ in range(2)]", {"a": "3", "b": "2"}),
        ("everything", "everything(1, 2, k=3)",
         {"a": "1", "b": "2", "c": "[0, 0]", "k": "3", "m": "None", "rest": "()", "more": "{}"}),
        ("everything", "everything(1, 2, 3, 4, k=5, a=6)",
         {"a": "1", "b": "2", "c": "3", "k": "5", "m": "None", "rest": "(4,)", "more": "{'a': 6}"}),
        ("everything", "everything(1, 2, 3, LIMIT, k=5, z=LIMIT)",
         {"a": "1", "b": "2", "c": "3", "k": "5", "m": "None", "rest": None, "more": None}),
        ("reads_constant", "reads_constant()", {"n": None}),
        ("triple", "triple(4)", {"n": "4"}),
        ("Stack.push", "Stack([1]).push('x')", {"self": None, "item": "'x'", "times": "1"}),
        ("Stack.push", "Deep().push('x').push('y')", {"self": None, "item": "'y'", "times": "1"}),
        ("Stack.push", "Stack.push(Stack(), 5)", {"self": None, "item": "5", "times": "1"}),
        ("Stack.of", "Stack.of(1, 2)", {"cls": None, "items": "(1, 2)"}),
        ("Stack.check", "Stack.check(1)", {"item": "1"}),
        ("Stack.check", "Stack().check(1)", {"item": "1"}),
        ("Stack.top", "Stack([1]).top", {"self": None}),
        ("Stack.__init__", "Stack([1])", {"self": None, "items": "[1]"}),
        ("Stack.__call__", "Stack()(2)", {"self": None, "x": "2"}),
        ("Stack.__add__", "Stack() + Stack()", {"self": None, "other": None}),
        ("Stack.Node.walk", "Stack.Node().walk(2)", {"self": None, "depth": "2"}),
        ("outer.inner", "outer(3)", {"x": None}),
        ("wrapped", "wrapped(1)", {"a": "1"}),
        ("wrapped", "wrapped(1, 2, 3)", {"a": None}),
    ],
)  # fmt: skip
def test_arguments(name, call, arguments):
    binding = bound(call, name)
    assert dict(binding.arguments) == arguments
    assert list(binding.arguments) == list(arguments)
    assert binding.literal == (None not in arguments.values())


@pytest.mark.parametrize(
    ("name", "call", "expression", "is_plain"),
    [
        ("f", "  f( 'a',b = [1,2] )\n", "f('a', b=[1, 2])", True),
        ("f", "f('''a\nb''')", "f('a\\nb')", True),
        ("f", "await f(1)", "f(1)", True),
        ("f", "str(f(1))", "str(f(1))", False),
        ("triple", "triple(1)", "triple(1)", True),
        ("Stack.push", "Stack().push(1)", "Stack().push(1)", False),
        ("Stack.check", "Stack.check(1)", "Stack.check(1)", True),
        ("outer.inner", "outer(1)", "outer(1)", False),
    ],
)
def test_expression(name, call, expression, is_plain):
    binding = bound(call, name)
    assert (binding.expression, binding.is_plain) == (expression, is_plain)


@pytest.mark.parametrize(
    "name",
    ["LIMIT", "math", "queue", "loop", "handle", "problem", "nothing", "walrus", "Stack", "len", "__file__", "triple"],
)
def test_names_of_the_top_level_are_defined(name):
    assert isinstance(bound(f"f({name})"), Binding)


def test_names_that_an_expression_binds_are_defined():
    assert bound("f([x + y for x, y in zip('a', 'b')], lambda z, *w: (z, w))").arguments == {"a": None, "b": None}


@pytest.mark.parametrize("name", ["x", "a", "inner", "deque", "only_when_run", "items", "push"])
def test_other_names_are_not(name):
    message = f"^name '{name}' is not defined; pass a literal or a name that the file defines$"
    with pytest.raises(UserError, match=message):
        bound(f"f([{name}])")


def test_behind_a_star_import_anything_may_be_defined():
    source = "from math import *\ndef f(a): ..."
    assert bound("f(pi)", source=source).arguments == {"a": None}


def test_in_a_file_that_does_not_parse_every_word_of_it_may_be_defined():
    source = "value = 1\ndef f(a): ...\nx = ("
    assert bound("f(value)", source=source).arguments == {"a": None}
    with pytest.raises(UserError, match="'other' is not defined"):
        bound("f(other)", source=source)


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("", "f", "the call is empty; write f(a, b=2)"),
        ("f(1", "f", "the call 'f(1' does not parse: '(' was never closed; write f(a, b=2)"),
        ("g(1)", "f", "name 'g' is not defined; pass a literal or a name that the file defines"),
        ("math.floor(1)", "f", "'math.floor(1)' does not call f(); write f(a, b=2)"),
        ("f", "f", "'f' does not call f(); write f(a, b=2)"),
        ("Stack()", "Stack.push", "'Stack()' does not call Stack.push(); write Stack(...).push(item, *, times=1)"),
        ("Stack()", "Stack.top", "'Stack()' does not call Stack.top(); write Stack(...).top"),
        ("f(1)", "Stack.__init__", "'f(1)' does not call Stack.__init__(); write Stack(items=())"),
        ("f(a=1, a=2)", "f", "keyword argument repeated: a"),
        ("f(1, **{'a': 1})", "f", "f() got multiple values for argument 'a'; call it as f(a, b=2)"),
        ("f('\ud800')", "f", "the call has a lone surrogate; write it as an escape"),
        ("f('\0')", "f", "the call has a null byte; remove it"),
        ("f(" + "(" * 5000 + ")" * 5000 + ")", "f", "the call 'f("),
        ("f(" + "-" * 5000 + "1)", "f", "the call 'f("),
        ("x = f(1)", "f", "the call 'x = f(1)' does not parse: "),
        ("f(1); x = f(2)", "f", "the call 'f(1); x = f(2)' does not parse: its last statement, 'x = f(2)', is no call"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(call, name, message):
    with pytest.raises(UserError) as error:
        bound(call, name)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def run(source, call):
    """(locals at the `call` event as reprs, None) or (None, message) of really calling `f`."""
    seen = []

    def tracer(frame, event, _):
        if event == "call" and frame.f_code.co_name == "f":
            seen.append({name: repr(value) for name, value in frame.f_locals.items()})

    namespace = {}
    exec(source, namespace)
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        eval(call, namespace)
    except TypeError as error:
        return None, str(error)
    finally:
        sys.settrace(before)
    return seen[0], None


# fmt: off
LITERALS = st.sampled_from([
    "0", "-1", "2.5", "1e100", "'a'", "b'\\n'", "None", "(1,)", "[1, [2]]", "{'k': {1: 2}}", "{3, 1, 2}", "set()",
     "...", "1 + 2j", "'a' 'b'", "[0] * 3", "2 ** 10 - 1", "-7 // 2", "-7 % 3", "'ab' * 2", "not 1", "~5", "1_000",
     "0x1f",
     "dict()", "1 / 4", "(1, 2) + (3,)", "'\\u00e9'"
])
# fmt: on


@st.composite
def signatures(draw):
    counts = [draw(st.integers(0, 2)) for _ in range(3)]
    shown, defaulted = [], False
    for kind, count in zip("pqk", counts, strict=True):
        for index in range(count):
            defaulted = draw(st.booleans()) if kind == "k" else defaulted or draw(st.booleans())
            shown.append(f"{kind}{index}" + (f"={draw(LITERALS)}" if defaulted else ""))
        if kind == "p" and count:
            shown.append("/")
        if kind == "q":
            star = draw(st.sampled_from(["*", "*rest"] if counts[2] else ["", "*rest"]))
            shown += [star] if star else []
    return ", ".join([*shown, *draw(st.sampled_from([[], ["**more"]]))])


@st.composite
def calls(draw):
    positional = draw(st.lists(LITERALS, max_size=5))
    names = draw(st.lists(st.sampled_from(["p0", "p1", "q0", "q1", "k0", "k1", "z"]), unique=True, max_size=4))
    return f"f({', '.join([*positional, *(f'{name}={draw(LITERALS)}' for name in names)])})"


@settings(max_examples=600, deadline=None)
@given(signatures(), calls())
def test_agrees_with_python(signature, call):
    source = f"def f({signature}):\n    pass\n"
    expected, message = run(source, call)
    function = find(source, "f", "m.py")
    if message is None:
        binding = bind(call, function, source)
        assert list(binding.arguments.items()) == list(expected.items())
        assert binding.literal and binding.is_plain
    else:
        with pytest.raises(UserError) as error:
            bind(call, function, source)
        assert str(error.value).split("; call it as ")[0] == message


@pytest.mark.parametrize(
    ("call", "name"),
    [("Stack().push()", "Stack.push"), ("Stack().push(1, 2)", "Stack.push"), ("Stack.check()", "Stack.check")],
)
def test_methods_are_told_as_python_does(call, name):
    namespace = {"__file__": __file__, "__name__": "m", "retry": lambda _: lambda f: f}
    exec(SOURCE, namespace)
    with pytest.raises(TypeError) as expected:
        eval(call, namespace)
    with pytest.raises(UserError, match="^" + re.escape(str(expected.value))):
        bound(call, name)


@pytest.mark.parametrize(
    "text",
    [
        "x", "f()", "[x]", "1 / 0", "10 ** 1000", "10 ** 10 ** 10", "'a' * 10 ** 9", "[[0] * 9999] * 9999", "-'a'",
        "'%99999999d' % 1", "1 << 99", "{[]: 1}", "{**{}}", "[*[1]]", "lambda: 1", "f'{1}'", "1 if 1 else 2", "a.b",
        "'a' + 1", "2.0 ** 1e9", "(-1) ** 0.5 ** x", "list([1])", "'a' * 1.5",
    ],
)  # fmt: skip
def test_what_is_not_a_literal(text):
    assert literal_repr(ast.parse(text, mode="eval").body) is None


@pytest.mark.parametrize("text", ["{'b', 'a', 'c', 'a'}", "[{b'x', 'y'}]", "{(1, 'a'), (2, 'b')}"])
def test_sets_of_strings_have_the_order_of_the_text(text):
    written = text.replace(", 'a'}", "}") if text.startswith("{'b'") else text
    assert literal_repr(ast.parse(text, mode="eval").body) == written


@pytest.mark.long
def test_binds_the_calls_of_cruxeval():
    import json

    data = Path(__file__).parents[3] / "shared" / "data" / "cruxeval.jsonl"
    if not data.exists():
        pytest.skip("the CRUXEval rows are not there")
    for line in data.read_text().splitlines():
        row = json.loads(line)
        call = f"f({row['input']})"
        expected, message = run(row["code"], call)
        if message is None:
            arguments = bound(call, source=row["code"]).arguments
            assert list(arguments) == list(expected)
            for name, value in arguments.items():
                assert value in (None, expected[name])
