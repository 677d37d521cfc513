"""Random programs: functions of nested statements over small values, which may raise but always end."""

# ruff: noqa: E501

from __future__ import annotations

import random
import textwrap

NAMES = ["a", "b", "c", "items", "text", "d"]
ATOMS = [
    "0",
    "1",
    "-2",
    "7",
    "True",
    "None",
    "2.5",
    "''",
    "'ab'",
    "'Xy z'",
    "[]",
    "[1, 2]",
    "(3, 'q')",
    "{'k': 1}",
    "{1, 2}",
]

BINARY = ["+", "-", "*", "//", "%", "/", "&", "|", "^"]
COMPARE = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"]
TEMPLATES = [
    "len({0})", "str({0})", "repr({0})", "sorted({0})", "list({0})", "{0}[{1}]", "{0}[{1}:{2}]", "{0}[::-1]",
    "{0}.upper()", "{0}.split()", "{0}.replace({1}, {2})", "{0}.get({1})", "{0}.count({1})", "{0}.index({1})",
    "{0}.find({1})", "{0}.join({1})", "{0}.items()", "{0}.keys()", "{0}.copy()", "{0}.pop()", "sum({0})", "min({0})",
    "max({0}, {1})", "tuple({0})", "abs({0})", "int({0})", "bool({0})", "range({0})", "enumerate({0})", "isinstance({0}, str)",
    "zip({0}, {1})", "dict.fromkeys({0}, {1})", "set({0}) | {{1}}", "divmod({0}, {1})", "[*{0}, {1}]", "({0}, *{1})",
    "{{'p': {0}, **{1}}}", "f'{{{0}}}-{{{1}!r:>6}}'", "'%s|%r' % ({0}, {1})", "'{{}} {{}}'.format({0}, {1})",
    "(lambda q: (q, {1}))({0})", "(lambda q, r={1}: q)({0})", "list(map(lambda q: [q], {0}))", "helper({0})", "helper({0}, k={1})",
    "[q for q in {0}]", "[q for q in {0} if q]", "{{q: {1} for q in {0}}}", "{{q for q in {0}}}", "sum(1 for q in {0})",
    "any(q for q in {0})", "list(q * 2 for q in {0})", "[(p, q) for p in {0} for q in {1}]", "list(gen({0}))", "next(gen({0}), {1})",
    "next(iter({0}))", "sorted({0}, key=lambda q: str(q))", "Point({0}, {1})", "Point({0}, {1}).x", "Point({0}, {1}) == Point({2}, {1})",
    "len(Point({0}, {1}))", "Point({0}, {1}).total()", "{0} if {1} else {2}", "({0} or {1}) if {2} else {1}", "{0} and {1} or {2}",
    "not {0}", "-{0}", "(z := {0})", "{0} < {1} < {2}", "type({0}).__name__", "hasattr({0}, 'append')", "(yielder({0})).send(None)",
    "(\n    {0},\n    {1}\n)", "helper(\n    {0},\n    k={1}\n)", "[\n    q\n    for q in {0}\n    if q != {1}\n]",
]  # fmt: skip


def expression(r: random.Random, depth: int = 2) -> str:
    if depth == 0 or r.random() < 0.25:
        return r.choice(NAMES + ATOMS)
    kind = r.randrange(5)
    if kind == 0:
        return f"({expression(r, depth - 1)} {r.choice(BINARY)} {expression(r, depth - 1)})"
    if kind == 1:
        return f"({expression(r, depth - 1)} {r.choice(COMPARE)} {expression(r, depth - 1)})"
    return r.choice(TEMPLATES).format(*(expression(r, depth - 1) for _ in range(3)))


def indented(lines: list[str]) -> str:
    return textwrap.indent("\n".join(lines), "    ")


def statement(r: random.Random, depth: int, *, loop: bool = False) -> str:
    simple = [
        "assign",
        "assign",
        "augment",
        "call",
        "unpack",
        "delete",
        "store",
        "append",
        "return",
        "raise",
        "assert",
        "pass",
    ]
    compound = ["if", "ifelse", "for", "while", "try", "finally", "with", "match", "def", "nested"] if depth else []
    kind = r.choice(simple + compound * 2 + (["break", "continue"] if loop else []))
    name = r.choice(NAMES)
    if kind == "assign":
        return f"{name} = {expression(r)}"
    if kind == "augment":
        return f"{name} {r.choice(['+', '-', '*', '|'])}= {expression(r)}"
    if kind == "call":
        return expression(r)
    if kind == "unpack":
        return f"{name}, *{r.choice(NAMES)} = {expression(r)}"
    if kind == "delete":
        return f"del {name}"
    if kind == "store":
        return f"{name}[{expression(r)}] = {expression(r)}"
    if kind == "append":
        return f"items.append({expression(r)}); b = 1"
    if kind == "return":
        return f"return {expression(r)}"
    if kind == "raise":
        return r.choice(["raise ValueError('v')", "raise KeyError(1) from None", "raise Custom('c', 2)", "raise"])
    if kind == "assert":
        return f"assert {expression(r)}, {expression(r)}"
    if kind in ("pass", "break", "continue"):
        return kind
    inside = indented(block(r, depth - 1, loop=loop))
    looped = indented(block(r, depth - 1, loop=True))
    other = indented(block(r, depth - 1, loop=loop))
    if kind == "if":
        return f"if {expression(r)}:\n{inside}"
    if kind == "ifelse":
        return f"if {expression(r)}:\n{inside}\nelif {expression(r)}:\n    pass\nelse:\n{other}"
    if kind == "for":
        enough = "    if len(items) > 9: break\n"
        return f"for {name} in {expression(r)}:\n{enough}{looped}" + r.choice(["", f"\nelse:\n{other}"])
    if kind == "while":
        limit = "limit"
        return f"{limit} = 3\nwhile {limit} and {expression(r)}:\n    {limit} -= 1\n{looped}"
    if kind == "try":
        handler = r.choice(
            [
                "except Exception as error:",
                "except (ValueError, TypeError):",
                "except KeyError:",
                "except LookupError:",
            ]
        )
        rest = r.choice(["", f"\nelse:\n{other}", f"\nfinally:\n{other}"])
        return f"try:\n{inside}\n{handler}\n{other}{rest}"
    if kind == "finally":
        return f"try:\n{inside}\nfinally:\n{other}"
    if kind == "with":
        return f"with Manager({expression(r)}) as {name}:\n{inside}"
    if kind == "match":
        return (
            f"match {expression(r)}:\n    case [first, *rest]:\n{indented(inside.splitlines())}\n"
            f"    case {{'k': value}} if value:\n        {name} = value\n    case int() | None:\n        pass\n"
            f"    case _:\n{indented(other.splitlines())}"
        )
    if kind == "def":
        return f"def local(p, q={expression(r)}):\n    nonlocal a\n    a = p\n    return q, {name}\nb = local({expression(r)})"
    return f"c = [local2() for local2 in [lambda: {name}]]"


def block(r: random.Random, depth: int, *, loop: bool = False) -> list[str]:
    return [statement(r, depth, loop=loop) for _ in range(r.randint(1, 3))]


PRELUDE = """
class Custom(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.size = len(args)
class Manager:
    def __init__(self, swallow):
        self.swallow = swallow
    def __enter__(self):
        return [self.swallow]
    def __exit__(self, kind, error, trace):
        return bool(self.swallow)
class Point:
    def __init__(self, x, y=0):
        self.x = x
        self.y = y
    def __eq__(self, other):
        return self.x == other.x
    def __len__(self):
        return 2
    def __repr__(self):
        return f"Point({self.x!r})"
    def total(self):
        return self.x + self.y
def helper(value, *, k=None):
    if value:
        return [value, k]
    return k
def gen(values):
    for value in values:
        try:
            yield value
        finally:
            done = value
    yield from [1]
def yielder(value):
    got = yield value
    return got
"""


def program(seed: int) -> str:
    """The program of a seed."""
    r = random.Random(seed)
    body = [statement(r, 2) for _ in range(r.randint(2, 6))]
    return f"{PRELUDE}\ndef f(a, b=2, *c, d='q', **items):\n    items = [a]\n    text = 'abc'\n{indented(body)}\n"
