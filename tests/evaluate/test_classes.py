"""Classes, the machinery around them, and functions as objects: each program does what the evaluator says."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference

PROGRAMS = {
    "annotations in a signature of several lines": """
from typing import Optional
def note(x): return x
class Window:
    def __init__(
        self,
        size: Optional[int] = 3,
        marks: dict[str, list[int]] | None = None,
        *rest: tuple[int, ...],
        key: note(5) = 1,
    ) -> None:
        self.size = size
def f():
    def g(
        a: note(
            1),
        b: "text" = 2,
    ) -> list[int]:
        return a
    return Window().size, Window.__init__.__annotations__, g.__annotations__, g(1)
""",
    "annotations that are not known": """
import subprocess
class Point:
    x: subprocess.Popen
    y: subprocess.Popen[str] = 1
    def move(self, by: subprocess.CompletedProcess, *, to: subprocess.Popen[int] = None) -> "subprocess.Popen":
        return self.y
def f():
    def g(a: subprocess.Popen): return a
    return Point().move(1), g(2)
""",
    "abstract classes": """
from abc import ABC, ABCMeta, abstractmethod
class Shape(ABC):
    @property
    @abstractmethod
    def sides(self): ...
    @abstractmethod
    def area(self): ...
    def describe(self): return f"{self.sides} {self.area()}"
class Square(Shape):
    sides = property(lambda self: 4)
    def area(self): return 9
class Virtual: pass
Shape.register(Virtual)
def f():
    class Inner(metaclass=ABCMeta):
        @classmethod
        @abstractmethod
        def make(cls): ...
    try:
        Shape()
    except TypeError as error:
        told = str(error)
    return (told, Square().describe(), issubclass(Virtual, Shape), isinstance(Virtual(), Shape),
            Inner.__abstractmethods__)
""",
    "generic classes and protocols": """
from typing import Generic, TypeVar, Protocol, NamedTuple, TypedDict, NewType, runtime_checkable, get_type_hints
T = TypeVar("T")
class Stack(Generic[T]):
    def __init__(self) -> None: self.items: list[T] = []
    def push(self, item: T) -> "Stack[T]":
        self.items.append(item)
        return self
@runtime_checkable
class Sized(Protocol):
    def size(self) -> int: ...
class Named(Sized):
    def size(self) -> int: return 3
class Pair(NamedTuple):
    left: int
    right: str = "r"
    def both(self): return self.left, self.right
def f():
    UserId = NewType("UserId", int)
    Movie = TypedDict("Movie", {"name": str})
    Row = NamedTuple("Row", [("name", str)])
    class Film(TypedDict, total=False):
        year: int
    a = Stack[int]().push(1)
    hints = get_type_hints(Stack.push)
    return (Stack[int], a.items, UserId, UserId(3), Movie, Movie(name="x"), Row, Row("n"), Film.__total__, hints,
            Pair(1).both(), isinstance(Named(), Sized), isinstance(3, Sized), Pair(2)._replace(right="s"))
""",
    "metaclasses": """
class Registry(type):
    known = {}
    @classmethod
    def __prepare__(mcls, name, bases, **options):
        return {"prepared": name}
    def __new__(mcls, name, bases, namespace, **options):
        cls = super().__new__(mcls, name, bases, namespace)
        mcls.known[name] = options.get("tag", name.lower())
        return cls
    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.tag = type(cls).known[cls.__name__]
        return made
    def __getitem__(cls, key): return cls, key
    def __iter__(cls): return iter([1, 2])
    def __len__(cls): return 7
    @property
    def shown(cls): return "shown " + cls.__name__
def f():
    class Base(metaclass=Registry):
        def __init__(self, value): self.value = value
        def who(self): return __class__
    class Child(Base, tag="kid"):
        def shout(self): return f"{self.tag}: {self.value} {super().who()}"
    made = Registry("Made", (Child,), {"x": 1})
    other = type("Other", (Base,), {})
    return Child(3).shout(), Child["k"], list(Child), len(Child), Child.shown, made.x, made(1).tag, other.prepared
""",
    "hooks of class creation": """
class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name
        owner.named.append(name)
    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name)
    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(instance, self.name, value)
    def __delete__(self, instance): delattr(instance, self.name)
class Plugin:
    kinds = []
    named = []
    def __init_subclass__(cls, kind=None, **more):
        super().__init_subclass__(**more)
        cls.kinds.append(kind or cls.__name__)
        cls.start = cls().amount if kind else None
    def __class_getitem__(cls, key): return cls.__name__, key
class One(Plugin, kind="first"):
    amount = Positive()
    def __init__(self): self.amount = 4
class Two(Plugin): pass
def f():
    try:
        one = One()
        one.amount = -1
    except ValueError as error:
        told = str(error)
    del one.amount
    class Bad:
        def __init_subclass__(cls): pass
    try:
        class Worse(Bad, extra=1): pass
    except TypeError as error:
        worse = str(error)
    return Plugin.kinds, Plugin.named, One.start, told, worse, Two["k"], hasattr(one, "amount")
""",
    "attribute hooks": """
class Proxy:
    def __init__(self, target):
        object.__setattr__(self, "target", target)
    def __getattribute__(self, name):
        if name == "target":
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "target"), name)
class Lazy:
    def __getattr__(self, name):
        if name.startswith("x"):
            value = self.__dict__[name] = len(name)
            return value
        raise AttributeError(name)
    def __setattr__(self, name, value): super().__setattr__(name, (value,))
    def __delattr__(self, name): object.__delattr__(self, name)
class Slotted:
    __slots__ = ("a", "b")
    def __init__(self): self.a = 1
def f():
    lazy = Lazy()
    lazy.set = 1
    slotted = Slotted()
    told = []
    for work in (lambda: lazy.other, lambda: slotted.b, lambda: setattr(slotted, "c", 1)):
        try:
            work()
        except AttributeError as error:
            told.append(str(error))
    return Proxy("ab").upper(), lazy.xyz, lazy.__dict__, told, Slotted.a.__get__(slotted)
""",
    "functions as objects": """
import functools
class once:
    def __init__(self, function): functools.update_wrapper(self, function)
    def __get__(self, instance, owner=None): return self.__name__
class Text:
    @once
    def lines(self): ...
    def __repr__(self): return "T"
def f():
    def g(a, b=2, *, c=3, **more) -> int:
        'doc'
        return a + b + c
    g.mark = 1
    told = []
    for change in (lambda: setattr(g, "__name__", 7), lambda: setattr(g, "__dict__", None), lambda: g.missing,
                   lambda: f"{g:10}", lambda: g(), lambda: g(1, 2, 3), lambda: [*g]):
        try:
            change()
        except (TypeError, AttributeError) as error:
            told.append(str(error))
    before = g.__defaults__, g.__kwdefaults__, g.__doc__, g.__dict__, g.__module__, g.__qualname__, g(1)
    g.__defaults__ = (5, 6)
    g.__kwdefaults__ = {"c": 1}
    @functools.wraps(Text().lines)
    def h(): pass
    @functools.wraps(Text.__repr__)
    def shown(): pass
    return before, g(), told, Text().lines, shown.__qualname__, type(g), type(Text().__repr__), Text.__repr__(1), h
""",
    "functools": """
import functools
@functools.lru_cache(maxsize=2)
def square(x): return x * x
@functools.singledispatch
def show(x): return "any"
@show.register
def _(x: int): return "int"
@show.register(list)
def _(x): return "list"
@functools.total_ordering
class Version:
    def __init__(self, n): self.n = n
    def __eq__(self, other): return self.n == other.n
    def __lt__(self, other): return self.n < other.n
class Cell:
    @functools.cached_property
    def area(self): return [1]
    def set(self, a, b): return a, b
    one = functools.partialmethod(set, 1)
    @functools.singledispatchmethod
    def kind(self, x): return "any"
    @kind.register
    def _(self, x: str): return "text"
def f():
    got = [square(2), square(2), square(3), square(4), square(2)]
    info = square.cache_info()
    square.cache_clear()
    cell = Cell()
    same = cell.area is cell.area
    return (got, info, info.hits, square.cache_info(), show(1), show([]), show("x"), Version(1) >= Version(0),
            same, cell.one(2), cell.kind("s"), cell.kind(2), square.__wrapped__(5), square.__name__)
""",
    "enums": """
from enum import Enum, IntEnum, Flag, IntFlag, auto, unique
class Planet(Enum):
    def _generate_next_value_(name, start, count, last): return name.lower()
    EARTH = auto()
    MARS = auto()
class Coin(Enum):
    PENNY = 1, "p"
    DIME = 10, "d"
    def __new__(cls, value, sign):
        made = object.__new__(cls)
        made._value_ = value
        made.sign = sign
        return made
    @classmethod
    def _missing_(cls, value): return cls.DIME if value == "ten" else None
    @property
    def doubled(self): return self.value * 2
    def __str__(self): return self.sign
class Perm(Flag):
    R = auto()
    W = auto()
    RW = R | W
class Mixed(int, Enum):
    A = 1
    def __init__(self, n): self.twice = n * 2
def f():
    try:
        Coin(3)
    except ValueError as error:
        told = str(error)
    Made = Enum("Made", "x y")
    return (list(Planet), Coin("ten"), Coin.PENNY.doubled, str(Coin.DIME), Perm.RW, Perm.R in Perm.RW, ~Perm.R,
            Mixed.A.twice, Mixed.A + 1, told, list(Made), Made.x.value, Planet["EARTH"], len(Coin))
""",
    "dataclasses": """
from dataclasses import dataclass, field, InitVar, KW_ONLY, fields, asdict, astuple, replace, make_dataclass
from typing import ClassVar
class D:
    def __get__(self, instance, owner): return 100
@dataclass(order=True)
class Item:
    name: str
    price: float = field(default=1.0, compare=False)
    tags: list[str] = field(default_factory=list, repr=False)
    count: ClassVar[int] = 0
    scale: InitVar[int] = 2
    _: KW_ONLY
    note: str = "n"
    def __post_init__(self, scale): self.price *= scale
@dataclass(frozen=True, slots=True)
class Point:
    x: int = 3
    y: "int" = 4
def f():
    @dataclass
    class C:
        i: int = D()
    item = Item("a", note="x")
    try:
        Point().x = 1
    except Exception as error:
        told = type(error).__name__, str(error)
    Made = make_dataclass("Made", ["x", ("y", int, 5)])
    return (item, Item("a") < Item("b"), asdict(item), astuple(Point()), replace(item, name="z", scale=1), told, C.i,
            C(), [one.name for one in fields(Item)], Point.__doc__, Item.__match_args__, Made(1), Made,
            hash(Point()) == hash((3, 4)))
""",
    "methods of builtin types under another": """
class Twice(list):
    def append(self, x): super().append(x * 2)
    def extend(self, xs): list.extend(self, [0, *xs])
    def __getitem__(self, i): return super().__getitem__(i), "got"
class Lower(dict):
    def __setitem__(self, key, value): super().__setitem__(key.lower(), value)
    def get(self, key, default=None): return dict.get(self, key.lower(), default)
    def __missing__(self, key): return key
def f():
    twice = Twice()
    twice.append(1)
    twice.extend([2])
    lower = Lower()
    lower["A"] = 1
    return twice, twice[0], lower, lower.get("A"), lower["zz"]
""",
    "hooks that only the program asks": """
class Error(Exception):
    def __getattribute__(self, name):
        return object.__getattribute__(self, name)
class Text(str):
    def __len__(self): return 1 // 0
class Meta(type):
    def __getattr__(cls, name): return name
class Plain(metaclass=Meta): pass
class Restarts:
    def __iter__(self):
        self.at = 0
        return self
    def __next__(self):
        self.at += 1
        if self.at > 3:
            raise StopIteration
        return self.at
class Maker(Exception):
    def __new__(cls): return object()
def f():
    error = Error(1, "x")
    text = Text("ab") + "c"
    first, *rest = Restarts()
    told = []
    for work in (lambda: [*Plain()], lambda: Plain()[0], lambda: len(Plain())):
        try:
            work()
        except TypeError as problem:
            told.append(str(problem))
    try:
        with Plain():
            pass
    except TypeError as problem:
        told.append(str(problem))
    try:
        raise Maker
    except TypeError as problem:
        told.append(str(problem))
    return str(error), text, first, rest, told
""",
    "a class body that binds what its methods take from outside": """
def f():
    x = 1
    class T:
        x = 2
        def m(self): return x
        y = 3
    class Outer:
        def g(self):
            class X:
                a = __class__
                def h(): __class__
            return X.a is Outer
    return T.x, T().m(), Outer().g()
""",
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_program_with_classes_is_traced_as_it_runs(source: str) -> None:
    comparison = compare(source, "f()", "f")
    assert not comparison.wrong, comparison.wrong[0]
    assert comparison.complete, (comparison.gave_up, comparison.asked, comparison.got[-1:])
