"""Random programs over most of the language: classes, closures, generators, formats; most of their statements succeed.

Every value has a kind, by which operations are chosen, and now and then an operation that does not suit it.
"""

# ruff: noqa: E501

from __future__ import annotations

import random
import textwrap

KINDS = ["int", "float", "str", "list", "dict", "set", "tuple", "bool", "none", "stack"]
VARIABLES = {
    "int": ["i", "n"], "float": ["x"], "str": ["s", "t"], "list": ["a", "b"], "dict": ["d"], "set": ["u"],
    "tuple": ["p"], "bool": ["ok"], "none": ["e"], "stack": ["k"],
}  # fmt: skip
EXPRESSIONS = {
    "int": [
        "0", "1", "-3", "7", "10**20", "len({str})", "len({list})", "{int} + {int}", "{int} * {int}", "{int} - {int}",
        "{int} // ({int} or 1)", "{int} % 5", "sum({list})", "{str}.count('a')", "{str}.find({str})", "max({int}, {int})",
        "{dict}.get({str}, {int})", "{list}.index(2)", "int({float})", "-{int}", "~{int}", "{int} & 255", "{int} ^ 3",
        "{int} if {bool} else {int}", "counter()", "twice({int})", "fib(abs({int}) % 6)", "{stack}.size", "len({stack})",
        "{stack}.total()", "apply(twice, {int})", "apply(lambda q: q + {int}, 2)", "spread(*{list})", "named(1, y={int})",
        "ord({str}[0])", "abs({int})", "(w := {int})", "next(evens({int}), -1)", "hash({int})", "round({float})",
        "sum(q * q for q in {list})", "min({list}, default={int})", "Shape.sides", "Square({int}).area()", "{int} .bit_length()",
        "divmod({int}, 3)[1]", "pow({int} % 9, 2, 7)", "reduce(lambda m, q: m * q % 97, {list}, 1)", "Color.RED.value",
        "Pair({int}, 2).left", "Point({int}, 2).norm()", "{int} << 2", "int('12') + {int}", "global_bump()", "choose({int})",
        "True + {int}", "{list}[-1]", "recurse({int} % 4)", "memo(abs({int}) % 5)",
    ],
    "float": [
        "0.5", "-2.25", "1e10", "float({int})", "{float} + {int}", "{float} / 3", "{int} / 4", "abs({float})", "round({float}, 1)",
        "{float} ** 2", "float('1.5')", "sum([0.1] * 3)", "{float} // 1", "{float} % 1", "min({float}, {int})", "-{float}", "math.sqrt(abs({float}))",
        "float('inf')", "math.floor({float}) + 0.5",
    ],
    "str": [
        "''", "'abc'", "'Hello World'", "'a,b,,c'", "'ünï'", "{str} + {str}", "{str}[::-1]", "{str}[1:]", "{str}[:{int}]", "{str}.upper()",
        "{str}.replace('a', 'bb')", "{str}.strip()", "{str}.title()", "', '.join(sorted(map(str, {list})))", "str({int})", "repr({str})", "str({list})",
        "f'{{{int}:>6}}|{{{str}!r:<8}}|{{{float}:.2f}}'", "f'{{{int}=}} {{{int}:,}}'", "'%s and %d' % ({str}, {int})", "'{{:^10}}'.format({str})",
        "'{{0}}-{{1:03d}}-{{n!r}}'.format({str}, {int}, n={list})", "f'{{{float}:{{width}}.{{1}}e}}'", "{str}.center(9, '*')", "{str}.zfill(6)", "''.join(reversed({str}))",
        "chr(97 + {int} % 26)", "{str} * 2", "{str}.partition(',')[0]", "Square({int}).describe()", "str({stack})", "repr({stack})", "f'{{{stack}}}'",
        "type({list}).__name__", "hex({int})", "{str}.casefold()", "shout({str})", "tagged({str})", "'b' if {bool} else {str}", "Color(1).name", "str(Point(1, {int}))",
        "format({int}, 'x')", "format({float}, '08.3f')", "{str}.swapcase()", "{str}.lstrip('a')", "textjoin({str}, 'x', sep='-')", "{str}.format()", "{str} or {str}",
        "f\"{{{dict}.get('k', {int})!s:>4}}\"", "Square({int}).__class__.__name__", "'x'.join({str})", "re.sub('[aeiou]', '*', {str})", "{str}.expandtabs(2)", "f'{{{bool}!r}}'",
    ],
    "list": [
        "[]", "[1, 2, 3]", "[{int}, {int}]", "list(range({int} % 6))", "sorted({list})", "{list} + {list}", "{list}[::-1]", "{list}[1:3]", "[q * 2 for q in {list}]",
        "[q for q in {list} if q % 2]", "list(evens({int} % 9))", "list(map(twice, {list}))", "[*{list}, {int}]", "sorted({list}, key=lambda q: -q)", "list({tuple})",
        "list(filter(None, {list}))", "[len(q) for q in {str}.split(',')]", "[q for r in ({list}, {list}) for q in r]", "{stack}.items", "list({stack})", "list({dict}.values())",
        "list(set({list}))", "[(w, w := q)[1] for q in {list}]", "[sum(r) for r in zip({list}, {list})]", "list(chain({list}, {tuple}))", "list(reversed({list}))",
        "[f() for f in [lambda q=q: q for q in {list}]]", "list(accumulate({list}))", "{list}.copy()", "[{list}, [1]][1]", "list(delegating({list}))", "[i for i, q in enumerate({list})]",
        "copy.deepcopy({list})", "list(islice(endless({int}), 3))", "pump({list})", "[*evens(4), *{list}]", "list({list} and {list})",
    ],
    "dict": [
        "{{}}", "{{'k': {int}}}", "{{{str}: {int}, 'z': 1}}", "dict(a={int}, k=2)", "{{q: q * q for q in {list}}}", "{{**{dict}, 'm': {int}}}", "dict(zip('abk', {list}))", "{dict} | {{'p': 1}}",
        "dict.fromkeys('ab', {int})", "dict(sorted({dict}.items(), key=str))", "kwargs(**{dict})", "Counter({str})", "vars(Square({int}))", "{{str(q): r for q, r in {dict}.items()}}",
    ],
    "set": ["set()", "{{1, 2, 3}}", "{{{int}, {int}}}", "set({list})", "{set} | {set}", "{set} & {{1, 2}}", "{{q % 3 for q in {list}}}", "{set} - {{1}}", "set({tuple})", "frozenset({list}) ^ {{1}}"],
    "tuple": ["()", "(1,)", "({int}, {int})", "tuple({list})", "{tuple} + (1,)", "divmod({int}, 3)", "{tuple}[1:]", "(*{list}, 9)", "tuple(q + 1 for q in {list})", "Pair({int}, {int})", "swap({int}, {int})"],
    "bool": [
        "True", "{int} > 2", "{int} < {int} <= 10", "{str} == {str}", "not {list}", "{int} in {list}", "'k' in {dict}", "{str}.startswith('a')", "{bool} and {bool}", "{bool} or {int} == 1",
        "isinstance({list}, (list, tuple))", "any({list})", "all(q > 0 for q in {list})", "{none} is None", "{int} != {int}", "{list} == {list}", "{stack} == {stack}", "bool({stack})", "{set} <= {{1, 2, 3}}",
        "Square({int}) == Square(2)", "callable(twice)", "hasattr({stack}, 'items')", "issubclass(Square, Shape)", "{int} in {stack}", "Square(1) < Square({int})", "{str}.isdigit()", "Color.RED is Color(1)",
    ],
    "none": ["None", "print({str})", "{list}.sort()", "{stack}.push({int})", "nothing()"],
    "stack": ["Stack()", "Stack({list})", "Stack.of({int}, {int})", "{stack} + {stack}", "{stack}.push({int})", "Special({list})", "Stack.empty()"],
}  # fmt: skip
SIMPLE = [
    "{vint} = {int}", "{vstr} = {str}", "{vlist} = {list}", "{vdict} = {dict}", "{vset} = {set}", "{vtuple} = {tuple}", "{vbool} = {bool}", "{vnone} = {none}",
    "{vstack} = {stack}", "{vfloat} = {float}", "{vint} += {int}", "{vstr} += {str}", "{vlist} += {list}", "{vint} -= 1", "{vfloat} *= 2", "{vint} //= 2", "{vset} |= {set}",
    "{vlist}.append({int})", "{vlist}.extend({list})", "{vlist}.insert(0, {int})", "{vlist}.pop()", "{vlist}[0] = {int}", "{vlist}[1:2] = {list}", "{vlist}[0] += {int}",
    "{vdict}[{str}] = {int}", "{vdict}['k'] = {vdict}.get('k', 0) + 1", "{vdict}.setdefault({str}, {int})", "{vdict}.update({dict})", "del {vdict}['k']", "del {vlist}[0]", "del {vlist}[::2]",
    "{vset}.add({int})", "{vset}.discard({int})", "{vint}, {vstr} = {int}, {str}", "{vint}, *{vlist} = {list}", "({vint}, {vlist}), {vstr} = ({int}, {list}), {str}", "{vlist} = {vlist2} = {list}",
    "{vstack}.push({int}).push({int})", "{vstack}.size = {int}", "{vstack}.items += {list}", "{vstack}[0] = {int}", "{vstack}.note = {str}", "{vstr} = {vstack}.top", "del {vstack}.note",
    "assert {bool}, {str}", "assert {bool}", "raise ValueError({str})", "raise Failure({int}, {str})", "raise KeyError({int}) from ValueError('c')", "if {bool}: return {int}", "if {bool}: return {list}, {str}", "if {bool}: return",
    "{vint} = yielded({list})", "for {vint} in {list}: {vlist} = [{int}]", "if {bool}: {vint} = {int}", "pass", "{vstr} = str(error_of({int}))", "{vlist} = {list}; {vint} = {int}", "({vint}) = (\n    {int}\n    + {int}\n)",
    "{vlist} = [\n    q\n    for q in {list}\n    if q\n]", "{vstr} = textjoin(\n    {str},\n    {str},\n    sep={str},\n)", "{vbool} = (\n    {bool}\n    and {bool}\n)", "{vdict} = {{\n    'k': {int},\n    **{dict},\n}}", "print({str}, {int})",
    "x2: int = {int}", "{vint} = {float}", "{vlist} = {dict}", "{vstack} = {list}", "{vint} = {str}", "raise", "{vlist} = sorted({dict})", "{vstr} = Stack.nope", "{vint} = {vtuple}[5]", "{vint} = undefined_name",
    "{vstr} = f'''{{{int}}}\n{{{str}}}'''", "globals()", "{vnone} = lambda: {int}", "x1 = x2 = {int}", "{vstr}, = {str}", "log.append({int})",
]  # fmt: skip

PRELUDE = """
import copy
import math
import re
from collections import Counter, namedtuple
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, reduce, wraps
from itertools import accumulate, chain, islice
total = 0
log = []
width = 12
Pair = namedtuple("Pair", "left right")
class Color(Enum):
    RED = 1
    BLUE = 2
class Failure(Exception):
    def __init__(self, code, message="failed"):
        super().__init__(f"{message} ({code})")
        self.code = code
@dataclass(order=True)
class Point:
    x: int
    y: int = 0
    tags: list = field(default_factory=list, compare=False)
    def norm(self):
        return abs(self.x) + abs(self.y)
class Shape:
    sides = 0
    registry = {}
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Shape.registry[cls.__name__] = cls.sides
    def __init__(self, name):
        self.name = name
    def area(self):
        raise NotImplementedError
    def describe(self):
        return f"{self.name} of {self.area()}"
    def __lt__(self, other):
        return self.area() < other.area()
class Square(Shape):
    sides = 4
    def __init__(self, side):
        super().__init__("square")
        self.__side = side
    def area(self):
        return self.__side * self.__side
    def __eq__(self, other):
        if not isinstance(other, Square):
            return NotImplemented
        return self.area() == other.area()
    def __hash__(self):
        return hash(self.area())
    def describe(self):
        text = super().describe()
        return text.title()
class Stack:
    limit = 50
    def __init__(self, items=()):
        self.items = list(items)
        self._size = None
    @property
    def size(self):
        return len(self.items) if self._size is None else self._size
    @size.setter
    def size(self, value):
        if value < 0:
            raise ValueError("negative size")
        self._size = value
    @property
    def top(self):
        try:
            return self.items[-1]
        except IndexError:
            return None
    @classmethod
    def empty(cls):
        return cls()
    @staticmethod
    def of(*items):
        return Stack(items)
    def push(self, item, *, times=1):
        for _ in range(times):
            self.items.append(item)
        return self
    def total(self):
        return sum(self.items)
    def __len__(self):
        return len(self.items)
    def __iter__(self):
        yield from self.items
    def __getitem__(self, index):
        return self.items[index]
    def __setitem__(self, index, value):
        self.items[index] = value
    def __contains__(self, item):
        return item in self.items
    def __add__(self, other):
        if len(self.items) > self.limit:
            return self
        return type(self)(self.items + list(other))
    def __eq__(self, other):
        return isinstance(other, Stack) and self.items == other.items
    def __repr__(self):
        return f"{type(self).__name__}({self.items!r})"
    def __enter__(self):
        log.append("enter")
        return self
    def __exit__(self, kind, error, trace):
        log.append(kind and kind.__name__)
        return kind is ValueError
    def __call__(self, x):
        return x in self
class Special(Stack):
    def push(self, item, **more):
        super().push(item, **more)
        return super().push(item)
    def __getattr__(self, name):
        if name == "note":
            return "none"
        raise AttributeError(name)
    def __bool__(self):
        return len(self.items) > 1
def make_counter():
    count = 0
    def bump():
        nonlocal count
        count += 1
        return count
    return bump
counter = make_counter()
def traced(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return result
    return wrapper
def tag(name):
    def decorate(function):
        def wrapper(text):
            return f"<{name}>{function(text)}</{name}>"
        return wrapper
    return decorate
@traced
def twice(value, by=2):
    return value * by
@tag("b")
def tagged(text):
    return text.strip()
def shout(text):
    return text.upper() + "!"
def apply(function, value):
    return function(value)
def spread(first=0, *rest, last=1, **named):
    return first + len(rest) + last + len(named)
def named(x, /, *, y=1):
    return x + y
def kwargs(**given):
    return given
def textjoin(*parts, sep=" "):
    return sep.join(parts)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
@lru_cache(maxsize=None)
def memo(n):
    return n if n < 2 else memo(n - 1) + memo(n - 2)
def recurse(n):
    if n <= 0:
        return 0
    try:
        return 1 + recurse(n - 1)
    finally:
        n = None
def global_bump():
    global total
    total += 1
    return total
def nothing():
    pass
def swap(x, y):
    x, y = y, x
    return x, y
def choose(n):
    match n:
        case 0 | 1:
            return 10
        case int() if n < 0:
            return -10
        case _:
            return n
def evens(limit):
    for q in range(limit):
        if q % 2:
            continue
        yield q
def endless(start):
    while True:
        received = yield start
        start += received or 1
def delegating(values):
    try:
        result = yield from values
    finally:
        values = None
    return result
def pump(values):
    generator = endless(1)
    got = [next(generator)]
    for value in values:
        got.append(generator.send(value))
    generator.close()
    return got
def yielded(values):
    for value in delegating(values):
        if value:
            return value
    else:
        return -1
def error_of(n):
    try:
        return [1, 2, 3][n]
    except IndexError as error:
        return error
    finally:
        n = 0
@contextmanager
def managed(value):
    log.append(value)
    try:
        yield value
    except KeyError:
        log.append("key")
    finally:
        log.pop()
"""


class Maker:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def fill(self, template: str, depth: int) -> str:
        """A template with its `{kind}` and `{vkind}` filled in."""
        kinds = {kind: _Lazy(lambda kind=kind: self.expression(kind, depth - 1)) for kind in KINDS}
        variables = {"v" + kind: _Lazy(lambda kind=kind: self.random.choice(VARIABLES[kind])) for kind in KINDS}
        return template.format(**kinds, **variables, vlist2=_Lazy(lambda: self.random.choice(VARIABLES["list"])))

    def expression(self, kind: str, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.35:
            return self.random.choice(VARIABLES[kind])
        if self.random.random() < 0.01:
            kind = self.random.choice(KINDS)
        template = self.random.choice(EXPRESSIONS[kind])
        if template.startswith("f") and "{{{" in template:
            depth = min(depth, 1)  # quotes do not nest in f-strings of 3.11
        text = self.fill(template, depth)
        return text if text.isidentifier() else f"({text})"

    def block(self, depth: int, *, loop: bool = False) -> str:
        statements = [self.statement(depth, loop=loop) for _ in range(self.random.randint(1, 3))]
        return textwrap.indent("\n".join(statements), "    ")

    def statement(self, depth: int, *, loop: bool = False) -> str:
        if loop and self.random.random() < 0.1:
            return self.random.choice(["break", "continue"])
        if depth <= 0 or self.random.random() < 0.55:
            return self.fill(self.random.choice(SIMPLE), 2)
        return getattr(self, self.random.choice(COMPOUND))(depth - 1, loop)

    def if_(self, depth: int, loop: bool) -> str:
        rest = self.random.choice(
            [
                "",
                f"\nelse:\n{self.block(depth, loop=loop)}",
                f"\nelif {self.fill('{bool}', 2)}:\n{self.block(depth, loop=loop)}\nelse:\n{self.block(0, loop=loop)}",
            ]
        )
        return f"if {self.fill('{bool}', 2)}:\n{self.block(depth, loop=loop)}{rest}"

    def for_(self, depth: int, loop: bool) -> str:
        head = self.fill(
            self.random.choice(
                [
                    "for {vint} in {list}:",
                    "for {vint}, {vstr} in enumerate({str}[:4]):",
                    "for {vstr}, {vint} in {dict}.items():",
                    "for {vint} in evens({int} % 7):",
                    "for {vint} in {stack}:",
                    "for {vint} in range({int} % 4):",
                    "for {vint} in sorted({set}):",
                    "for {vint}, *{vlist} in [({int}, 1), (2, {int}, 3)]:",
                    "for {vint} in reversed({list}):",
                ]
            ),
            1,
        )
        rest = self.random.choice(["", "", f"\nelse:\n{self.block(depth, loop=loop)}"])
        return f"{head}\n    if len(log) > 40 or len(a) > 40: break\n    log.append(1)\n{self.block(depth, loop=True)}{rest}"

    def while_(self, depth: int, loop: bool) -> str:
        rest = self.random.choice(["", f"\nelse:\n{self.block(depth, loop=loop)}"])
        return f"limit = 3\nwhile limit and {self.fill('{bool}', 1)}:\n    limit -= 1\n{self.block(depth, loop=True)}{rest}"

    def try_(self, depth: int, loop: bool) -> str:
        handler = self.random.choice(
            [
                "except Exception as error:\n    e = error",
                "except (ValueError, TypeError):",
                "except Failure as failure:\n    n = failure.code",
                "except LookupError:",
                "except Exception as error:\n    s = f'{type(error).__name__}: {error}'",
                "except ZeroDivisionError:\n    i = 1\nexcept AttributeError as error:",
            ]
        )
        rest = self.random.choice(
            ["", "", f"\nelse:\n{self.block(depth, loop=loop)}", f"\nfinally:\n{self.block(depth, loop=loop)}"]
        )
        again = self.random.choice(["", "", "\n    raise", "\n    raise RuntimeError('again')"])
        return f"try:\n{self.block(depth, loop=loop)}\n{handler}\n{self.block(0, loop=loop)}{again}{rest}"

    def finally_(self, depth: int, loop: bool) -> str:
        return f"try:\n{self.block(depth, loop=loop)}\nfinally:\n{self.block(depth, loop=loop)}"

    def with_(self, depth: int, loop: bool) -> str:
        head = self.fill(
            self.random.choice(
                [
                    "with {stack} as {vstack}:",
                    "with managed({int}) as {vint}:",
                    "with managed({str}), {stack} as {vstack}:",
                    "with (\n    managed({int}) as {vint},\n    {stack},\n):",
                ]
            ),
            1,
        )
        return f"{head}\n{self.block(depth, loop=loop)}"

    def match_(self, depth: int, loop: bool) -> str:
        cases = [
            "case []:",
            "case [n, *b]:",
            "case {'k': n, **d}:",
            "case str() as s:",
            "case int(n) if n > 2:",
            "case 0 | None | True:",
            "case Point(x=n, y=0):",
            "case Point(i, n):",
            "case (n, i) | [n, i, _]:",
            "case Color.RED:",
            "case -3 | 2.5:",
            "case Stack(items=[n, *_]):",
            "case (1, [n]):",
        ]
        chosen = self.random.sample(cases, 3)
        subject = (
            self.fill("{" + self.random.choice(KINDS) + "}", 2)
            if self.random.random() < 0.7
            else self.fill("Point({int}, 0)", 1)
        )
        parts = [
            textwrap.indent(f"{case}\n{self.block(min(depth, 0), loop=loop)}", "    ") for case in [*chosen, "case _:"]
        ]
        return f"match {subject}:\n" + "\n".join(parts)

    def def_(self, depth: int, loop: bool) -> str:
        body = self.block(depth)
        shared = self.random.choice(["nonlocal i\ni = q", "nonlocal s", "r = (i, s)", "pass"])
        head = self.random.choice(
            ["def local(q, r=1, *args, **more):", "@traced\ndef local(q, r=(1, 2)):", "def local(q, *, r=None):"]
        )
        locals_ = "n, x, t, a, b, d, u, p, ok, e, k = 2, 1.5, 'tt', [q, 1], [2], {'k': 1}, {1}, (1, 2), False, None, Stack([5])"
        if "nonlocal" not in shared:
            locals_ = "i, s = 1, 'in'\n" + locals_ if shared == "pass" else locals_
        elif shared == "nonlocal s":
            locals_ = "i = 1\n" + locals_
        else:
            locals_ = "s = 'in'\n" + locals_
        return f"{head}\n{textwrap.indent(shared, '    ')}\n{textwrap.indent(locals_, '    ')}\n{body}\n{self.fill('{vnone} = local({int})', 1)}"

    def generator(self, depth: int, loop: bool) -> str:
        body = self.fill(self.random.choice([
            "for q in {list}:\n    r = yield q\n    if r:\n        yield r", "try:\n    yield 1\n    yield {int}\nexcept ValueError:\n    yield -1\nfinally:\n    log.append(1)",
            "with managed(1) as q:\n    yield q\n    yield {int}", "r = yield from {list}\nreturn 5", "while True:\n    q = yield\n    if q is None:\n        break",
        ]), 1)  # fmt: skip
        use = self.fill(self.random.choice([
            "b = list(g())", "h = g()\ni = next(h, 0)\nn = next(h, 0)", "for i in g():\n    break", "h = g()\nnext(h, None)\nh.close()", "h = g()\nnext(h, None)\ntry:\n    n = h.throw(ValueError('t'))\nexcept ValueError:\n    n = 0",
            "h = g()\nnext(h, None)\ntry:\n    n = h.send({int})\nexcept StopIteration as stop:\n    n = stop.value", "i = next(g(), 3)", "a, b = [*g()], sorted(q for q in g() if q)", "for i in g():\n    raise ValueError(i)", "del h\nh = g()\nh = None",
            "i = next(q for q in g() if q)", "h = (q for q in {list})\nok = 2 in h\nb = list(h)",
        ]), 1)  # fmt: skip
        return f"h = None\ndef g():\n{textwrap.indent(body, '    ')}\n{use}"

    def class_(self, depth: int, loop: bool) -> str:
        base = self.random.choice(["Stack", "Square", "object", "dict", "Exception"])
        method = self.random.choice(
            [
                "def total(self):\n    return 3",
                "def __len__(self):\n    return 7",
                "@property\ndef note(self):\n    return self.items",
                "def __repr__(self):\n    return 'L'",
                "value = 3\ndef get(self):\n    return self.value",
                "def __eq__(self, other):\n    return True\n__hash__ = None",
                "__slots__ = ('q',)",
            ]
        )
        use = self.fill(
            self.random.choice(
                [
                    "k = Local({list})",
                    "o = Local()",
                    "s = repr(Local(2))",
                    "i = len(Local({list}))",
                    "o = Local(1)\nok = o == {int}\no.q = {int}\nn = o.q",
                    "i = Local(3).get()",
                    "raise Local({int})",
                ]
            ),
            1,
        )
        return f"class Local({base}):\n{textwrap.indent(method, '    ')}\n{use}"


COMPOUND = ["if_", "for_", "while_", "try_", "try_", "finally_", "with_", "match_", "def_", "generator", "class_"]


class _Lazy:
    """A part of a template that is made anew wherever it stands."""

    def __init__(self, make) -> None:
        self.make = make

    def __format__(self, spec: str) -> str:
        return self.make()


def program(seed: int) -> str:
    """The program of a seed, which defines `f(i, s, *p, **d)`."""
    maker = Maker(seed)
    body = "\n".join(maker.statement(2) for _ in range(maker.random.randint(3, 8)))
    start = "n, x, t, a, b, u, ok, e, k = 2, 1.5, 'tt', [i, 2, 5], [3], {1}, True, None, Stack([4, 5])"
    return f"{PRELUDE}\ndef f(i=1, s='abc', *p, **d):\n    {start}\n{textwrap.indent(body, '    ')}\n"
