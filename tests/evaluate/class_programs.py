"""Random programs with classes: hierarchies, descriptors, metaclasses, hooks, operators, decorators of the library."""

# ruff: noqa: E501

from __future__ import annotations

import random
import textwrap

HEADER = """
import functools, dataclasses, enum, abc, collections, typing, operator, contextlib, copy
from dataclasses import dataclass, field
from enum import Enum, IntEnum, Flag, auto
from abc import ABC, abstractmethod
from typing import Generic, TypeVar, NamedTuple, Protocol
T = TypeVar("T")
LOG = []
def note(*what):
    LOG.append(what)
    return what[-1]
class Field:
    def __init__(self, low=0):
        self.low = low
    def __set_name__(self, owner, name):
        self.name = "_" + name
        note("set_name", owner.__name__, name)
    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance.__dict__.get(self.name, self.low)
    def __set__(self, instance, value):
        if isinstance(value, int) and value < self.low:
            raise ValueError(f"{self.name} < {self.low}")
        instance.__dict__[self.name] = value
    def __delete__(self, instance):
        del instance.__dict__[self.name]
class Lazy:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = instance.__dict__[self.__name__] = self.function(instance)
        return value
def traced(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        note("before", function.__name__)
        return function(*args, **kwargs)
    return inner
def shows(value):
    return type(value).__repr__ is not object.__repr__
class Meta(type):
    made = []
    def __new__(mcls, name, bases, namespace, **options):
        cls = super().__new__(mcls, name, bases, namespace)
        mcls.made.append(name)
        cls.options = options
        return cls
    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)
        note("init", name, sorted(key for key in namespace if not key.startswith("__")))
    def __call__(cls, *args, **kwargs):
        note("make", cls.__name__)
        return super().__call__(*args, **kwargs)
    def __getitem__(cls, key):
        return cls.__name__, key
    def __contains__(cls, key):
        return key in cls.__dict__
    def __iter__(cls):
        return iter(cls.made)
    def __len__(cls):
        return len(cls.made)
class Counted(Meta):
    @classmethod
    def __prepare__(mcls, name, bases, **options):
        return collections.OrderedDict(prepared=name)
    def __getattr__(cls, name):
        if name.startswith("dyn"):
            return note("meta", name)
        raise AttributeError(f"{cls.__name__} has no {name}")
"""
VALUES = ["0", "1", "-2", "3", "'a'", "'key'", "[1, 2]", "(1, 'x')", "{'k': 1}", "None", "2.5", "True"]
BINARY = [
    ("add", "+"), ("sub", "-"), ("mul", "*"), ("floordiv", "//"), ("mod", "%"), ("and", "&"), ("or", "|"),
    ("matmul", "@"), ("lshift", "<<"),
]  # fmt: skip
COMPARE = [("eq", "=="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")]
BUILTIN_BASES = ["list", "dict", "int", "str", "tuple", "Exception", "float"]


class Maker:
    """Makes one program."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.classes: list[str] = []
        self.members: list[str] = ["x", "y", "go", "size", "missing"]
        self.lines: list[str] = []

    def value(self) -> str:
        return self.r.choice(VALUES)

    def chance(self, share: float) -> bool:
        return self.r.random() < share

    # members

    def body(self, base: str, name: str) -> list[str]:
        r = self.r
        makers = [
            self.init, self.init, self.plain, self.plain, self.super_call, self.super_call, self.prop, self.static,
            self.class_method, self.binary, self.reflected, self.in_place, self.comparing, self.hashing, self.container,
            self.manager, self.calling, self.getattr, self.getattribute, self.setattr, self.representing,
            self.descriptor, self.lazy, self.cached, self.constant, self.slots, self.iterating, self.subclass_hook,
            self.class_getitem, self.partial_method, self.dispatch, self.boolean, self.nested, self.new, self.decorated,
            self.annotated, self.doc, self.class_attribute_work, self.formatting, self.converting,
        ]  # fmt: skip
        chosen = r.sample(makers, r.randint(2, 7))
        lines: list[str] = []
        for maker in chosen:
            lines += maker(name).strip("\n").split("\n")
        return lines or ["pass"]

    def init(self, name: str) -> str:
        more = "\n    super().__init__()" if self.chance(0.4) else ""
        return f"def __init__(self, x={self.value()}, *rest, y={self.value()}):{more}\n    self.x = x\n    self.y = y"

    def new(self, name: str) -> str:
        return (
            "def __new__(cls, *args, **kwargs):\n"
            f"    made = super().__new__(cls{self.r.choice(['', ', *args'])})\n"
            "    note('new', cls.__name__)\n"
            "    return made"
        )

    def plain(self, name: str) -> str:
        member = self.r.choice(["go", "size", "step"])
        body = self.r.choice(
            [
                "return note('go', a)", "self.x = a\n    return self.x", "return [a, self.x]",
                "return getattr(self, 'y', a)", "return type(self).__name__, a", "raise KeyError(a)",
                "return __class__.__name__", "return self.size(b)", "return vars(self)", "self.z = a, b",
            ]
        )  # fmt: skip
        return f"def {member}(self, a=1, b={self.value()}):\n    {body}"

    def super_call(self, name: str) -> str:
        member = self.r.choice(["go", "size", "step"])
        return f"def {member}(self, *args, **kw):\n    note({name!r}, {member!r})\n    return super().{member}(*args, **kw)"

    def prop(self, name: str) -> str:
        lines = ["@property", "def area(self):", f"    return {self.r.choice(['self.x', '(self.x, 1)', '1 // 0'])}"]
        if self.chance(0.6):
            lines += ["@area.setter", "def area(self, value):", "    self.x = note('set area', value)"]
        if self.chance(0.4):
            lines += ["@area.deleter", "def area(self):", "    note('del area', 0)"]
        return "\n".join(lines)

    def static(self, name: str) -> str:
        return "@staticmethod\ndef twice(a, b=2):\n    return a * b"

    def class_method(self, name: str) -> str:
        return "@classmethod\ndef make(cls, *args):\n    return note('made', cls.__name__), cls(*args)"

    def binary(self, name: str) -> str:
        operation, _ = self.r.choice(BINARY)
        result = self.r.choice(["NotImplemented", "(self.x, other)", "other", "type(self)(other)", "note('op', 1)"])
        return f"def __{operation}__(self, other):\n    if isinstance(other, str):\n        return NotImplemented\n    return {result}"

    def reflected(self, name: str) -> str:
        operation, _ = self.r.choice(BINARY)
        return f"def __r{operation}__(self, other):\n    return {self.r.choice(['NotImplemented', repr('r' + operation), '[other]'])}"

    def in_place(self, name: str) -> str:
        operation, _ = self.r.choice(BINARY)
        return f"def __i{operation}__(self, other):\n    self.y = other\n    return {self.r.choice(['self', 'NotImplemented', '7'])}"

    def comparing(self, name: str) -> str:
        operation, _ = self.r.choice(COMPARE)
        result = self.r.choice(["NotImplemented", "True", "False", "'yes'", "note('cmp', 0)"])
        return f"def __{operation}__(self, other):\n    return {result}"

    def hashing(self, name: str) -> str:
        return self.r.choice(
            ["__hash__ = None", "def __hash__(self):\n    return 5", "def __hash__(self):\n    return 'no'"]
        )

    def container(self, name: str) -> str:
        return self.r.choice(
            [
                "def __getitem__(self, key):\n    if key == 2:\n        raise IndexError(key)\n    return key",
                "def __setitem__(self, key, value):\n    note('set', key)",
                "def __delitem__(self, key):\n    note('del', key)",
                "def __len__(self):\n    return 2",
                "def __len__(self):\n    return -1",
                "def __contains__(self, item):\n    return item == 1",
                "def __missing__(self, key):\n    return note('missing', key)",
                "def __reversed__(self):\n    return iter([2, 1])",
            ]
        )

    def iterating(self, name: str) -> str:
        return self.r.choice(
            [
                "def __iter__(self):\n    yield 1\n    yield self.x",
                "def __iter__(self):\n    return iter([1, 2])",
                "def __iter__(self):\n    return 3",
                "__iter__ = None",
                "def __iter__(self):\n    self.n = 0\n    return self\n"
                "def __next__(self):\n    self.n += 1\n    if self.n > 2:\n        raise StopIteration\n    return self.n",
            ]
        )

    def manager(self, name: str) -> str:
        return (
            "def __enter__(self):\n    return note('enter', self.__class__.__name__)\n"
            f"def __exit__(self, kind, error, trace):\n    note('exit', kind)\n    return {self.r.choice(['True', 'None', '0'])}"
        )

    def calling(self, name: str) -> str:
        return "def __call__(self, *args, k=1):\n    return 'called', args, k"

    def getattr(self, name: str) -> str:
        return (
            "def __getattr__(self, name):\n    if name in ('x', 'dynamic', 'area'):\n        return 'got ' + name\n"
            "    raise AttributeError(name)"
        )

    def getattribute(self, name: str) -> str:
        if self.chance(0.5):
            return ""
        return (
            "def __getattribute__(self, name):\n    if name == 'special':\n        return 9\n"
            f"    return {self.r.choice(['super().__getattribute__(name)', 'object.__getattribute__(self, name)'])}"
        )

    def setattr(self, name: str) -> str:
        work = self.r.choice(
            ["super().__setattr__(name, value)", "object.__setattr__(self, name, value)", "self.__dict__[name] = value"]
        )
        return f"def __setattr__(self, name, value):\n    LOG.append(name)\n    {work}"

    def representing(self, name: str) -> str:
        return self.r.choice(
            [
                "def __repr__(self):\n    return f'<{type(self).__name__}>'",
                "def __str__(self):\n    return 'str'",
                "def __repr__(self):\n    return super().__repr__()[:3]",
            ]
        )

    def formatting(self, name: str) -> str:
        return "def __format__(self, spec):\n    return 'f' + spec"

    def converting(self, name: str) -> str:
        special, result = self.r.choice(
            [
                ("index", "3"),
                ("int", "4"),
                ("float", "1.5"),
                ("bytes", "b'x'"),
                ("complex", "1j"),
                ("int", "'x'"),
                ("round", "8"),
                ("abs", "6"),
                ("neg", "'-'"),
                ("invert", "0"),
            ]
        )
        more = ", *args" if special == "round" else ""
        return f"def __{special}__(self{more}):\n    return {result}"

    def descriptor(self, name: str) -> str:
        return f"{self.r.choice(['x', 'y', 'amount'])} = Field({self.r.choice(['', '1', '-5'])})"

    def lazy(self, name: str) -> str:
        return "@Lazy\ndef lazy(self):\n    'doc'\n    return note('lazy', 1)"

    def cached(self, name: str) -> str:
        return self.r.choice(
            [
                "@functools.cached_property\ndef slow(self):\n    return note('slow', [1])",
                "@functools.lru_cache\ndef kept(self, n):\n    return n + 1",
                "@staticmethod\n@functools.lru_cache(maxsize=2)\ndef held(n):\n    return n * 2",
                "@property\n@functools.cache\ndef once(self):\n    return note('once', 2)",
            ]
        )

    def constant(self, name: str) -> str:
        return f"{self.r.choice(['x', 'kind', 'go'])} = {self.value()}"

    def slots(self, name: str) -> str:
        return f"__slots__ = {self.r.choice(['()', repr(('p', 'q')), repr('s'), repr(['__dict__', 'p'])])}"

    def subclass_hook(self, name: str) -> str:
        return (
            "def __init_subclass__(cls, tag=None, **more):\n    super().__init_subclass__(**more)\n"
            "    note('sub', cls.__name__, tag)\n    cls.tag = tag"
        )

    def class_getitem(self, name: str) -> str:
        return "def __class_getitem__(cls, key):\n    return cls.__name__, key"

    def partial_method(self, name: str) -> str:
        return "def both(self, a, b):\n    return a, b\nhalf = functools.partialmethod(both, 1)"

    def dispatch(self, name: str) -> str:
        return (
            "@functools.singledispatchmethod\ndef kind_of(self, a):\n    return 'any'\n"
            "@kind_of.register\ndef _(self, a: int):\n    return 'int', a\n"
            "@kind_of.register(list)\n@classmethod\ndef _(cls, a):\n    return 'list'"
        )

    def boolean(self, name: str) -> str:
        return f"def __bool__(self):\n    return {self.r.choice(['False', 'True', 'None'])}"

    def nested(self, name: str) -> str:
        return f"class Inner:\n    def who(self):\n        return __class__.__qualname__\n    deep = {self.value()}"

    def decorated(self, name: str) -> str:
        return f"@traced\ndef {self.r.choice(['go', 'size', 'step'])}(self, *args):\n    return 'decorated', args"

    def annotated(self, name: str) -> str:
        return f"size_: int\nlabel: 'str' = {self.value()}\nmany: list[\n    int] = 3"

    def doc(self, name: str) -> str:
        return f"__doc__ = {self.value()}"

    def class_attribute_work(self, name: str) -> str:
        return "squares = [n * n for n in range(3)]\nif squares:\n    biggest = max(squares)\nfor index in squares:\n    pass"

    # definitions

    def definition(self, indent: str) -> None:
        r = self.r
        name = "ABCDEFGH"[len(self.classes)]
        kind = r.random()
        if kind < 0.62:
            text = self.plain_class(name)
        elif kind < 0.74:
            text = self.data_class(name)
        elif kind < 0.84:
            text = self.enumeration(name)
        elif kind < 0.9:
            text = self.abstract(name)
        elif kind < 0.95:
            text = f"class {name}(NamedTuple):\n    x: int\n    y: str = {self.value()}\n    def go(self, a=1):\n        return self.x, a"
        else:
            text = f"class {name}(Generic[T]):\n    def __init__(self, x=1):\n        self.x: T = x\n    def go(self, a: T = 2) -> 'list[T]':\n        return [a]"
        guarded = textwrap.indent(text, "    ")
        self.lines.append(
            textwrap.indent(f"try:\n{guarded}\nexcept Exception as error:\n    out.append((type(error).__name__, str(error)))\n"
                            f"    class {name}: pass", indent)
        )  # fmt: skip
        self.classes.append(name)

    def plain_class(self, name: str) -> str:
        r = self.r
        bases = r.sample(self.classes, min(len(self.classes), r.choice([0, 1, 1, 1, 2, 2, 3])))
        keywords = []
        if not bases and self.chance(0.25):
            bases = [r.choice(BUILTIN_BASES)]
        if self.chance(0.2):
            keywords.append(f"metaclass={r.choice(['Meta', 'Counted', 'abc.ABCMeta', 'type'])}")
        if self.chance(0.2):
            keywords.append(f"tag={self.value()}")
        decorator = "@functools.total_ordering\n" if self.chance(0.06) else ""
        arguments = ", ".join([*bases, *keywords])
        body = textwrap.indent("\n".join(self.body(bases[0] if bases else "", name)), "    ")
        return f"{decorator}class {name}{f'({arguments})' if arguments else ''}:\n{body}"

    def data_class(self, name: str) -> str:
        r = self.r
        options = [
            f"{option}={r.choice(['True', 'False'])}"
            for option in r.sample(
                ["order", "frozen", "eq", "repr", "unsafe_hash", "slots", "kw_only", "init", "match_args"],
                r.randint(0, 3),
            )
        ]
        bases = r.sample(self.classes, min(len(self.classes), r.choice([0, 0, 1])))
        fields = [
            "x: int", "y: int = 3", "tags: list = field(default_factory=list)", "hidden: int = field(default=2, repr=False, compare=False)",
            "kind: typing.ClassVar[int] = 4", "start: dataclasses.InitVar[int] = 5", "_: dataclasses.KW_ONLY", "late: str = 'l'", "wrong: list = []",
            "z: 'int' = 6", "amount: int = Field(1)",
        ]  # fmt: skip
        weights = [3, 3, 2, 1, 1, 1, 1, 1, 0.3, 1, 0.3]
        chosen = [f for f, w in zip(fields, weights, strict=True) if r.random() < w / 4] or ["x: int = 1"]
        extra = "\n    def __post_init__(self, *init):\n        note('post', init)" if self.chance(0.3) else ""
        extra += "\n    def go(self, a=1):\n        return self.x, a" if self.chance(0.5) else ""
        body = "\n    ".join(chosen)
        return f"@dataclass({', '.join(options)})\nclass {name}{f'({bases[0]})' if bases else ''}:\n    {body}{extra}"

    def enumeration(self, name: str) -> str:
        r = self.r
        base = r.choice(["Enum", "Enum", "IntEnum", "Flag", "str, Enum", "enum.IntFlag", "enum.StrEnum"])
        value = {
            "Enum": ["1", "'v'", "auto()", "(1, 2)", "1"],
            "str, Enum": ["'p'", "'q'", "auto()"],
            "enum.StrEnum": ["'p'", "auto()"],
        }.get(base, ["1", "2", "auto()", "4"])
        members = "\n    ".join(f"{item} = {r.choice(value)}" for item in ("RED", "GREEN", "BLUE")[: r.randint(1, 3)])
        extra = r.choice(
            [
                "", "\n    def go(self, a=1):\n        return self.name, self.value, a",
                "\n    @property\n    def x(self):\n        return self.value",
                "\n    @classmethod\n    def _missing_(cls, value):\n        note('missing', value)\n        return cls.RED if value == 77 else None",
                "\n    def __str__(self):\n        return 's' + self.name",
            ]
        )  # fmt: skip
        first = (
            "def _generate_next_value_(name, start, count, last):\n        return note('next', name + str(count))\n    "
            if base == "Enum" and self.chance(0.3)
            else ""
        )
        init = (
            "\n    def __init__(self, *args):\n        self.args_ = note('args', args)"
            if base == "Enum" and self.chance(0.3)
            else ""
        )
        return f"{'@enum.unique' + chr(10) if self.chance(0.2) else ''}class {name}({base}):\n    {first}{members}{init}{extra}"

    def abstract(self, name: str) -> str:
        return (
            f"class {name}(ABC):\n    @abstractmethod\n    def go(self, a=1):\n        return 'abstract', a\n"
            "    @property\n    @abstractmethod\n    def area(self): ...\n    def step(self):\n        return self.go(2)"
        )

    # use

    def action(self) -> str:
        r = self.r
        one, two = r.choice(self.classes), r.choice(self.classes)
        member = r.choice(["x", "y", "go", "size", "step", "area", "lazy", "slow", "amount", "missing", "dynamic", "special", "tag",
                           "half", "kind_of", "twice", "make", "kept", "held", "once", "p", "RED", "name", "value", "options", "Inner"])  # fmt: skip
        _, sign = r.choice(BINARY)
        _, test = r.choice(COMPARE)
        v, w = self.value(), self.value()
        return r.choice(
            [
                f"o = {one}()", f"o = {one}({v})", f"o = {one}({v}, {w})", f"o = {one}(x={v})", f"q = {two}()", f"q = {two}({v})",
                f"o.{member}", f"o.{member}()", f"o.{member}({v})", f"o.{member}({v}, {w})", f"o.{member} = {v}", f"del o.{member}",
                f"{one}.{member}", f"{one}.{member}({v})", f"{one}.{member}(o)", f"o {sign} {v}", f"{v} {sign} o", f"o {sign} q", f"o {sign}= {v}",
                f"o {test} q", f"o {test} {v}", f"{v} {test} o", "o == o, o != o", "hash(o) if shows(o) and not hasattr(o, 'name') else 0", "shows(o)",
                "{o: 1}[o]", f"o[{v}]", f"o[{v}] = {w}", f"del o[{v}]", f"{v} in o", "len(o)", "list(o)", "bool(o)", "not o", "reversed(o)",
                f"o({v})", f"o({v}, k={w})", "repr(o) if shows(o) else 0", "str(o) if shows(o) else 0", "f'{o}' if shows(o) else 0", "f'{o!r:>6}' if shows(o) else 0", f"isinstance(o, {two})", f"issubclass({one}, {two})",
                f"[c.__name__ for c in {one}.__mro__]", f"{one}.__name__, {one}.__qualname__, {one}.__bases__", f"type(o).__name__, type({one})",
                f"{one}[{v}]", f"{one}[0]()", f"list({one})", f"len({one})", f"{v} in {one}", f"'x' in {one}.__dict__", f"super({one}, o).go()",
                f"super({one}, o).__init__()", f"getattr(o, '{member}', 'none')", f"hasattr(o, '{member}'), hasattr({one}, '{member}')",
                f"setattr(o, '{member}', {v})", "vars(o)", f"with_it(o, {v})", "copy.copy(o)", "sorted([o, q])", "max(o, q)",
                f"{one}.go = lambda self, a=1: ('patched', a)", f"{one}.__len__ = lambda self: 5", f"{one}.extra = {v}", f"o.__class__ = {two}",
                f"{one}.go.__name__, {one}.go.__qualname__, {one}.go.__defaults__", f"o.go.__func__ is {one}.go", f"{one}.__doc__", f"{one}.__annotations__",
                f"type('Made', ({one},), {{'go': {one}.go, 'n': {v}}})().n", f"type('Made', ({one}, {two}), {{}}).__mro__",
                f"functools.partial({one}, {v})()", f"[k for k in map({one}, [1, 2])]", "dataclasses.asdict(o)", f"dataclasses.replace(o, x={v})",
                "dataclasses.fields(o)[0].name", f"{one}(1) | {one}(2)", f"{one}['RED']", f"list({one})[0].value", f"{one}.RED < {one}.GREEN", f"{one}(77)",
                f"{one}.kept.cache_info()", f"{one}.held.cache_info().hits", f"typing.get_type_hints({one})", "int(o), float(o)", "range(5)[o]", "round(o)", "abs(o), -o",
                f"{one}.__init__(o)", f"{one}.__new__({one})", "iter(o)", "next(iter(o))", "a, b = o", "a, *b = o", "*a, b = o", "[*o]", "dict(o)", "print(o)", f"o.__dict__, {one}.__slots__",
                f"{one}.__abstractmethods__", f"operator.attrgetter('{member}')(o)", f"operator.methodcaller('{member}')(o)", "sum([o, q])", "any([o, q])",
                "match_it(o)", "o.__eq__(q)", "type(o).__eq__(o, 1)", f"isinstance(o, ({two}, int))", "bytes(o)", "complex(o)", "'%s %r' % (o, o) if shows(o) else 0",
            ]
        )  # fmt: skip

    def program(self) -> str:
        r = self.r
        outside = self.chance(0.5)
        indent = "" if outside else "    "
        for _ in range(r.randint(2, 5)):
            self.definition(indent)
        helpers = """
def with_it(manager, value):
    with manager as m:
        note('inside', m)
        1 // 0
    return 'left'
def match_it(value):
    match value:
        case int() | str():
            return 'plain'
        case object(x=1):
            return 'one'
        case object(x=x, y=y):
            return x, y
        case [a, *b]:
            return a, b
        case {'k': k}:
            return k
    return 'none'
"""
        actions = []
        one, two = r.choice(self.classes), r.choice(self.classes)
        first = [f"o = {one}()", f"o = {one}({self.value()})", f"q = {two}({self.value()}, {self.value()})"]
        for action in [*first, *(self.action() for _ in range(r.randint(8, 16)))]:
            is_statement = (
                any(mark in action for mark in (" = ", "= ", "del ")) and " == " not in action and "(x=" not in action
            ) or action.startswith(("a, ", "*a", "del "))
            line = action if is_statement and "lambda" not in action.split("=")[0] else f"out.append({action})"
            actions.append(
                f"    try:\n        {line}\n    except Exception as error:\n        out.append((type(error).__name__, str(error)))"
            )
        start = "    o = q = None\n" if outside else ""
        if outside:
            return (
                f"{HEADER}{helpers}out = []\n"
                + "\n".join(self.lines)
                + "\ndef f():\n"
                + start
                + "\n".join(actions)
                + "\n    return out, LOG\n"
            )
        return (
            f"{HEADER}{helpers}def f():\n    out = []\n    o = q = None\n"
            + "\n".join(self.lines)
            + "\n"
            + "\n".join(actions)
            + "\n    return out, LOG\n"
        )


def program(seed: int) -> str:
    return Maker(seed).program()
