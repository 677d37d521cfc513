"""Programs for each construct of the language, compared event by event with what `sys.settrace` reports."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference

CLASSES = """
class Stack:
    count = 0
    def __init__(self, items=()):
        self.items = list(items)
        Stack.count += 1
    def push(self, x):
        self.items.append(x)
        return self
    def __len__(self):
        return len(self.items)
    def __repr__(self):
        return f"Stack({self.items!r})"
    def __eq__(self, other):
        return self.items == other.items
    @property
    def top(self):
        return self.items[-1]
    @staticmethod
    def make(n):
        return Stack(range(n))
    @classmethod
    def empty(cls):
        return cls()
    def __iter__(self):
        for i in self.items:
            yield i
    def __getitem__(self, i):
        return self.items[i]
    def __contains__(self, x): return x in self.items
    def __enter__(self): return self
    def __exit__(self, *a):
        self.items.clear()
    def __bool__(self): return bool(self.items)
    def __lt__(self, o): return len(self) < len(o)
    def __add__(self, o): return Stack(self.items + o.items)
class Sub(Stack):
    def push(self, x):
        super().push(x * 2)
        return super().push(x)
    def __str__(self):
        return "sub" + Stack.__repr__(self)
def f():
    s = Stack([1])
    s.push(2).push(3)
    n = len(s)
    t = s.top
    m = Stack.make(3)
    e = Stack.empty()
    ok = s == m
    l = list(m)
    q = 2 in m
    with s as z:
        z.push(5)
        k = s[-1]
    if s: x = 1
    else: x = 2
    u = Sub()
    u.push(7)
    v = str(u)
    w = f"{u} {u!r}"
    b = sorted([m, e, u])
    a = m + u
    a.name = 'hi'
    del a.name
    try:
        a.nope
    except AttributeError as err:
        msg = str(err)
    return [i for i in a], isinstance(u, Stack), Stack.count
"""

GENERATORS = """
def gen(n):
    x = 0
    while x < n:
        y = yield x
        if y:
            x += y
        x += 1
    return 'done'
def outer(n):
    r = yield from gen(n)
    yield r
def f(n):
    g = gen(n)
    a = next(g, None)
    try:
        b = g.send(5)
    except StopIteration as e:
        b = e.value
    c = list(outer(n))
    t = sum(i * i for i in range(n))
    u = [x for x in gen(n) if x]
    h = any(x > 0 for x in gen(n))
    first = next(x for x in range(5) if x > 2)
    d = {k: v for k, v in zip('ab', gen(n))}
    for x in gen(1):
        pass
    else:
        z = 1
    g.close()
    return a, b, c, t
"""

EXCEPTIONS = """
class MyError(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code
def inner(x):
    if x == 0:
        raise MyError(3)
    if x == 1:
        return [][1]
    return 1 / (x - 2)
def middle(x):
    try:
        return inner(x)
    finally:
        x = -1
def f(x):
    try:
        r = middle(x)
    except MyError as e:
        r = e.code
    except (IndexError, KeyError):
        r = 'index'
    except ZeroDivisionError:
        try:
            raise
        except ArithmeticError as a:
            r = repr(a)
        else:
            r = 'no'
    else:
        r = 'else'
    finally:
        done = True
    for i in range(3):
        try:
            if i == 1: continue
            if i == 2: break
        finally:
            r = (r, i)
    try:
        raise KeyError('k') from ValueError('v')
    except KeyError as k:
        c = k.__cause__
    assert r != 0, "message"
    return r
"""

FUNCTIONS = """
def fib(n):
    if n < 2: return n
    return fib(n-1) + fib(n-2)
def make(k):
    count = 0
    def add(x):
        nonlocal count
        count += 1
        return x + k + count
    return add
TOTAL = 0
def bump():
    global TOTAL
    TOTAL += 1
    return TOTAL
def d(x=[]):
    x.append(1)
    return x
def f(n):
    a = fib(n)
    add = make(10)
    b = add(1) + add(2)
    bump(); bump()
    c = bump()
    d(); e = d()
    s = sorted([3,1,2], key=lambda v: -v)
    m = list(map(lambda v: v + b, s))
    z = [(i, j) for i in range(2) for j in range(i)]
    fs = [lambda: i for i in range(3)]
    g = [h() for h in fs]
    (x, *y), w = [1, 2, 3], 4
    k = {**{'a': 1}, 'b': 2}
    if (q := len(k)) > 1:
        q += 1
    t = 1 if n > 3 else 2
    u = 1 < n < 10
    lst = list(range(10))
    del lst[2:4]
    lst[0:2] = 'ab'
    lst[-1] += 5
    v = max([1,5,3], key=lambda p: (p % 3, p))
    return g, z, lst
"""

LIBRARY = """
from dataclasses import dataclass, field
from collections import namedtuple, defaultdict, Counter, deque, OrderedDict
from enum import Enum
import math, re, itertools, functools, string
@dataclass
class P:
    x: int
    y: int = 0
    tags: list = field(default_factory=list)
    def norm(self):
        return math.hypot(self.x, self.y)
N = namedtuple('N', 'a b')
class Color(Enum):
    RED = 1
    GREEN = 2
    def nice(self): return self.name.lower()
@functools.lru_cache(maxsize=None)
def sq(x):
    return x * x
def f(x):
    match x:
        case [a, b, *rest] if a == 1:
            r = rest
        case {'k': v, **others}:
            r = others
        case P(x=1, y=yy):
            r = yy
        case str() as s:
            r = s
        case None:
            r = 'none'
        case 1 | 5:
            r = 'five'
        case _:
            r = 'default'
    p = P(3, 4)
    n = p.norm()
    q = N(1, b=2)
    s = q.a + q.b
    q = q._replace(a=5)
    d = defaultdict(list)
    d['x'].append(1)
    c = Counter('hello')
    mc = c.most_common(1)
    e = deque([1,2], maxlen=2)
    e.append(3)
    col = Color.RED
    nm = col.nice()
    cc = Color(2)
    z = sq(3) + sq(3)
    m = re.sub(r'\\d', lambda mm: str(int(mm.group()) + 1), 'a1b2')
    pr = list(itertools.product('ab', repeat=2))
    red = functools.reduce(lambda a, b: a + b, [1,2,3])
    part = functools.partial(int, base=2)('101')
    st = "{:>5}|{!r}|{a[0]}".format(1, 'x', a=[9])
    pc = "%s %d %5.2f" % ('a', 3, 2.5)
    g = [k for k, grp in itertools.groupby([1,1,2], key=lambda v: v % 2)]
    return r
"""

PROTOCOLS = """
def deco(fn):
    def wrapper(*args, **kwargs):
        r = fn(*args, **kwargs)
        return r
    return wrapper
@deco
def add(a, b=2, *c, d=4, **e):
    return a + b + d
class CM:
    def __init__(self, n): self.n = n
    def __enter__(self):
        return self.n
    def __exit__(self, t, v, tb):
        return t is ValueError
class It:
    def __init__(self): self.i = 0
    def __iter__(self): return self
    def __next__(self):
        self.i += 1
        if self.i > 2:
            raise StopIteration
        return self.i
class Desc:
    def __get__(self, o, t): return 42
class HasDesc:
    z = Desc()
    _v = 1
    @property
    def v(self): return self._v
    @v.setter
    def v(self, x):
        self._v = x
    def __getattr__(self, n):
        if n == 'dyn': return 7
        raise AttributeError(n)
    def __call__(self, x): return x + 1
    __slots__ = ()
class HD2(HasDesc):
    pass
def f():
    a = add(1, b=3, d=5, q=1)
    with CM(1) as x, CM(2) as y:
        z = x + y
    with CM(1):
        raise ValueError("swallowed")
    try:
        with CM(2):
            raise KeyError("through")
    except KeyError:
        pass
    for i in It():
        w = i
    u = list(It())
    h = HD2()
    h.v = 5
    k = h.z + h.v + h.dyn + h(1)
    try:
        add()
    except TypeError as e:
        m1 = str(e)
    try:
        add(1, 2, b=3)
    except TypeError as e:
        m2 = str(e)
    try:
        undefined_name
    except NameError as e:
        m3 = str(e)
    try:
        print(late)
        late = 1
    except UnboundLocalError as e:
        m4 = str(e)
    try:
        a, b = 1, 2, 3
    except ValueError as e:
        m5 = str(e)
    class Local(CM):
        '''doc'''
        attr = [n for n in range(2)]
        def m(self): return self.n
    o = Local(3).m()
    def inner(): return o
    while True:
        o += 1
        if o > 5: break
    else:
        o = 0
    s = {1, 2} | {3}
    fz = frozenset([1])
    b1 = bytes([1,2])
    cp = 1j * 2
    del s
    sl = 'hello'[::-1]
    return o
"""

LINES = """
def a(k):
    rs = {
        x[0]: x[1] for x in k
    }
    return rs
def b(x, t):
    return ['p', 'q'][len(x) % 2].format(
        *t, **x
    )
def c():
    while True:
        break
    n = 0
    while True:
        n += 1
        if n > 2:
            break
    while 1:
        n += 1
        if n < 5: continue
        return n
def d():
    '''doc'''
def e():
    pass
def g(x):
    l = [
        i
        for i in x
        if i > 1
    ]
    s = sum(
        i
        for i in x
    )
    return l
def h(x):
    match x:
        case 1:
            return 'a'
        case [a, b]:
            return 'b'
        case _:
            return 'c'
def i():
    z = {
      'a': 1,
      'b': [1,
            2],
    }
    y = {
      1: 2,
    }
    w = foo(1,
      2,
      k=3)
    v = foo(
      1,
      2)
    u = (1 +
      w)
    t = ("abc"
         "def")
    q = [
      1,
      2,
      3]
    r = [
      q,
      1]
    if (q and
        r):
        pass
    p = (w.bit_length()
          .bit_length())
    return foo(
        1, 2
    )
def foo(*a, k=0):
    return k
def deco(f): return f
def j():
    class K:
        '''doc'''
        x: int = 1
        def m(self): return __class__
    @deco
    @deco
    def inner():
        return 1
    return inner()
def k(x):
    try:
        return 1
    finally:
        x = 2
def l(x):
    with open('/dev/null') as f:
        return 1
def m(x):
    for i in x:
        try:
            continue
        finally:
            y = 1
    while x: x.pop()
    assert x == [], "a"
    assert (x ==
       []), "b"
    if x: return 3
    elif not x: return 5
def n(x):
    if x:
        y = 1
    else:
        y = 2
def o(x):
    return (x
       .upper())
def p(x):
    raise ValueError(
       "a"
    )
def q(x):
    return [
      1,
      2
    ]
def r():
    x = lambda a: (
        a +
        1)
    return x(2)
def s():
    del_ = 1
    if False:
        x = 1
    if 0: pass
    y: int
    z: int = 2
    f'''{z}
    {y if False else z}'''
    return
"""

JOINS = """
import itertools
from functools import partial
import operator
def ordinal(number):
    return {
            1: "st",
            2: "nd",
            3: "rd",
        }.get(number % 10, "th")
def sl(x):
    ret = '_'.join(x) or 'b' if x else ''
    ret = ('_'.join(x) or 'b') if x else ''
    foo('_'.join(x) or 'b' if x else '', 1)
    ret = x and 3
    x or foo()
    y = (1 < 2 < 3) if x else 0
    y = x if not x else (x or 1)
    return x and 4 if x else 5
def ends(x):
    x and x
def ends2(x):
    if x:
        x and x
    else:
        x or x
def ends3(x):
    for i in x:
        i and i
        if i: i or i
        else: i and x or i
def foo(*a): pass
def interleave(seqs):
    iters = itertools.cycle(map(iter, seqs))
    while True:
        try:
            for itr in iters:
                yield next(itr)
            return
        except StopIteration:
            predicate = partial(operator.is_not, itr)
            iters = itertools.cycle(itertools.takewhile(predicate, iters))
"""

DATACLASSES = """
from __future__ import annotations
import dataclasses, typing
from dataclasses import dataclass, field
from typing import ClassVar
@dataclass
class Order:
    number: int
    seen: ClassVar[list] = []
    limit: typing.ClassVar[int] = 3
    note: str = "none"
@dataclass(order=True, frozen=True, slots=True)
class Price:
    amount: float
    currency: str = field(default="EUR", compare=False)
def f():
    order = Order(1)
    cheap, dear = Price(2.0), Price(3.0, "USD")
    less = cheap < dear
    names = [item.name for item in dataclasses.fields(order)]
    return order, cheap, less, Price.__module__, repr(Order), order.limit
"""

NAMED_TUPLE = """
from typing import NamedTuple
class Point(NamedTuple):
    x: int
    y: int = 0
    def shifted(self, dx):
        return self._replace(x=self.x + dx)
    def named(self):
        return self._asdict()
def f():
    moved = Point(1)._replace(y=4).shifted(3)
    return moved, moved.named(), Point._make([5, 6]), Point._fields
"""

LOGGING = """
import logging
log = logging.getLogger(__name__)
class Plain:
    pass
def f(n):
    log.info("counted %d", n)
    plain = Plain()
    log.debug("%s", plain)
    m = n + 1
    return m
"""

RANGES = """
def evens(limit):
    for q in range(limit):
        if not q % 2:
            yield q
def f(n):
    first = next(evens(n), -1)
    for i in range(n, n + 2):
        last = i
    pairs = list(zip(range(n), 'ab'))
    return first, last, pairs, n - 1 in range(n), list(range(n, n + 2))
"""

CASES = [
    (RANGES, "f(10**20)", "f"),
    (NAMED_TUPLE, "f()", "f"),
    (LOGGING, "f(2)", "f"),
    (DATACLASSES, "f()", "f"),
    (CLASSES, "f()", "f"),
    (GENERATORS, "f(3)", "f"),
    (GENERATORS, "f(0)", "f"),
    (EXCEPTIONS, "f(0)", "f"),
    (EXCEPTIONS, "f(1)", "f"),
    (EXCEPTIONS, "f(2)", "f"),
    (EXCEPTIONS, "f('a')", "f"),
    (FUNCTIONS, "f(5)", "f"),
    (LIBRARY, "f([1,2,3])", "f"),
    (LIBRARY, "f({'k':1,'z':2})", "f"),
    (LIBRARY, "f((1,'x'))", "f"),
    (LIBRARY, "f('s')", "f"),
    (LIBRARY, "f(None)", "f"),
    (LIBRARY, "f(P(1,2))", "f"),
    (LIBRARY, "f(5)", "f"),
    (PROTOCOLS, "f()", "f"),
    (LINES, "a([(1,2),(3,4)])", "a"),
    (LINES, "b({'l':1},[1])", "b"),
    (LINES, "c()", "c"),
    (LINES, "d()", "d"),
    (LINES, "e()", "e"),
    (LINES, "g([1,2,3])", "g"),
    (LINES, "h(3)", "h"),
    (LINES, "i()", "i"),
    (LINES, "j()", "j"),
    (LINES, "k(1)", "k"),
    (LINES, "m([1,2])", "m"),
    (LINES, "n(1)", "n"),
    (LINES, "o('a')", "o"),
    (LINES, "p(1)", "p"),
    (LINES, "q(1)", "q"),
    (LINES, "r()", "r"),
    (LINES, "s()", "s"),
    (JOINS, "ordinal(1)", "ordinal"),
    (JOINS, "sl('ab')", "sl"),
    (JOINS, "sl('')", "sl"),
    (JOINS, "ends(1)", "ends"),
    (JOINS, "ends(0)", "ends"),
    (JOINS, "ends2(1)", "ends2"),
    (JOINS, "ends3([1,0])", "ends3"),
    (JOINS, "list(interleave([[1,2],[3,4]]))", "interleave"),
]


@pytest.mark.parametrize(("source", "call", "function"), CASES, ids=[f"{case[2]}-{case[1]}" for case in CASES])
def test_a_program_is_traced_as_it_runs(source: str, call: str, function: str) -> None:
    comparison = compare(source, call, function)
    assert not comparison.wrong, comparison.wrong[0]
    assert comparison.complete, (comparison.gave_up, comparison.asked, len(comparison.got), len(comparison.expected))


def test_a_logged_object_is_shown_where_its_level_says_so() -> None:
    source = LOGGING.replace("    pass\n", "    def __str__(self):\n        return 'plain'\n")
    comparison = compare(source, "f(2)", "f")
    assert not comparison.wrong
    assert comparison.complete


LINES = [
    """
class C:
    def __init__(self, v): self.v = v
    def __enter__(self): return self
    def __exit__(self, *a): return self.v
def f():
    with C(1) as c: raise ValueError
    with C(1) as c: x = [][1]
    with C(1) as c:
        with C(0) as d, 5 as e:
            x = 1
    for i in range(2):
        with C(1) as c: x = [][1]
    try:
        with C(0): x = int('a')
    except ValueError: y = 1
    return c
""",
    """
def f(d=(1,)):
    with open('x') if not d else C() as c:
        def local(p, q=(
            (d is {1, 2}),
            len(d)
        )):
            return q
    return local
class C:
    def __enter__(self): return self
    def __exit__(self, *a): return 0
""",
    """
def f(d=(1,)):
    try:
        def local(p, q=not (
            True,
            {1, 2}
        )):
            return q
    except KeyError:
        pass
    g = lambda x=(
        d,
        d): (
            x
        )
    return g(
    )
""",
    """
def f(d=(1,)):
    @dec(
        d,
    )
    def g(a, b=[
        d,
    ], *, c={
        1: d,
        2: d
    }):
        return c
    return g(
        1,
        c=2,
    )
def dec(*a):
    def deco(f):
        return f
    return deco
""",
    """
def f():
    a = {
        1: len('a'),
        2: len('b'),
        3: len('a'),
        4: len('b'),
        5: len('a'),
        6: len('b'),
        7: len('a'),
        8: len('b'),
        9: len('a'),
        10: len('b'),
        11: len('a'),
        12: len('b'),
        13: len('a'),
        14: len('b'),
        15: len('a'),
        16: len('b'),
        17: len('a'),
        18: len('b'),
        **{19: len('a'),
           20: 2},
        21: len('b'),
        22: len('a'),
    }
    b = {
        'k': a,
        **a,
    }
    c = {
        **b,
        'k': a,
        **a,
        'u': 1,
        'v': 2,
    }
    e = [
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
        len('a'), len('a'), len('a'), len('a'), len('a'), len('a'),
    ]
    return c
""",
]


@pytest.mark.parametrize("source", LINES)
def test_lines_of_managers_defaults_and_large_displays(source: str) -> None:
    found = compare(source, "f()", "f")
    assert not found.wrong, found.wrong[0]
    assert found.complete


@pytest.mark.parametrize("context", ["{}", "x = {}", "return {}", "x = [{}]", "if {}: x = 1", "h({})"])
@pytest.mark.parametrize("body", ["a or c", "b and c", "{1, 2} or c", "(a or b) and c"])
def test_conditional_expressions_with_short_circuits(context: str, body: str) -> None:
    statement = context.replace("{}", f"(({body}) if a else c)")
    source = f"def h(x): return x\ndef f(a=1, b=0, c=3):\n    {statement}\n    y = 1\n"
    assert not compare(source, "f()", "f").wrong


def test_a_bare_raise_finds_what_a_caller_handles() -> None:
    source = """
def again():
    raise
def f():
    try:
        try:
            again()
        except RuntimeError as error:
            first = str(error)
        try:
            1 / 0
        except ZeroDivisionError:
            again()
    except ArithmeticError as error:
        second = repr(error)
    try:
        int('x')
    finally:
        again()
"""
    assert compare(source, "f()", "f").complete
