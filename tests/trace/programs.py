"""Programs that between them have every statement, and the calls that run them: a name, a source, a call."""

PROGRAMS: dict[str, tuple[str, str]] = {}


def program(name: str, source: str, *calls: str) -> None:
    for number, call in enumerate(calls):
        PROGRAMS[name if len(calls) == 1 else f"{name}-{number}"] = (source.lstrip("\n"), call)


program(
    "branches",
    """
def f(x):
    if x > 2: y = 1; z = 2
    elif x == 1:
        y = 2
        z = 3
    else:
        y = (x
             if x else
             -1)
        z = 4
    return y + z if y else (z or
                            0)
""",
    "f(3)",
    "f(1)",
    "f(0)",
    "f(2)",
)
program(
    "loops",
    """
def f(n):
    total = 0
    for i in range(n):
        if i == 1:
            continue
        if i == 4:
            break
        total += i
    else:
        total = -total
    while total < 20:
        total += 7
        while True:
            total += 1
            if total % 2: break
    else:
        total += 100
    for a, b in [(1, 2), (3, 4)]: total += a * b
    while n > 0: n -= 1
    return total
""",
    "f(3)",
    "f(7)",
    "f(0)",
)
program(
    "exceptions",
    """
def f(x):
    try:
        y = 10 // x
        z = [1][y]
    except ZeroDivisionError as e:
        y = str(e)
    except (IndexError,
            KeyError):
        y = -1
        raise
    else:
        y += 1
    finally:
        w = 1
        if w:
            w = 2
    return y

def g(x):
    try:
        try:
            return f(x)
        finally:
            x = None
    except IndexError as error:
        return repr(error)
    finally:
        del x

def h(x):
    for i in range(3):
        try:
            if i == x: continue
            if i == x + 1: break
            int('a')
        except ValueError:
            try:
                raise KeyError(i) from None
            except KeyError as e: pass
        finally:
            i += 10
    return i
""",
    "f(0)",
    "f(1)",
    "f(20)",
    "g(0)",
    "g(1)",
    "g(20)",
    "h(0)",
    "h(1)",
    "h(5)",
)
program(
    "raises",
    """
class Problem(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code

def check(x):
    assert x != 3, "three"
    if x > 3:
        raise Problem(x, "big")
    return x

def f(x):
    try:
        return check(x)
    except AssertionError:
        raise RuntimeError("no") from None

def g(x):
    return [check(y) for y in x]

def h(x):
    try:
        check(x)
    finally:
        x = 0
""",
    "f(1)",
    "f(3)",
    "f(4)",
    "g([1, 2])",
    "g([1, 3])",
    "h(4)",
)
program(
    "with",
    """
class Manager:
    def __init__(self, swallow):
        self.swallow = swallow

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return self.swallow

    def __repr__(self):
        return "Manager"

def f(x, swallow):
    with Manager(swallow) as a, Manager(False) as b:
        y = 1 // x
        return y
    with (Manager(swallow) as a,
          Manager(swallow) as c):
        for i in range(3):
            with a: continue
        1 // x
    return 7
""",
    "f(1, True)",
    "f(0, True)",
    "f(0, False)",
)
program(
    "comprehensions",
    """
def f(n):
    a = [i for i in range(n) if i % 2]
    b = {i: [j for j in range(i)] for i in a}
    c = {i + n for i in a for j in a if j}
    d = [
        (i,
         n)
        for i in a
        if i
    ]
    e = sum(i * n for i in a)
    g = any(i > 1 for i in a)
    h = [[x for x in (i, i)] for i in a]
    k = [y := i, y ** 2] if (i := n) else [m for m in a]
    last = [k := i for i in a]
    return len(a), k
""",
    "f(5)",
    "f(0)",
)
program(
    "generators",
    """
def numbers(n):
    for i in range(n):
        got = yield i
        if got: yield got
    return n

def outer(n):
    total = yield from numbers(n)
    yield (total,
           n)

def f(n):
    result = list(outer(n))
    g = numbers(3)
    result.append(next(g))
    result.append(g.send('x'))
    try:
        g.throw(KeyError('thrown'))
    except KeyError as e:
        result.append(str(e))
    it = numbers(2)
    for x in it:
        result.append(x)
        break
    it.close()
    a, *rest = numbers(3)
    return result

def two(n):
    def g():
        yield 1
        yield 2
    first, second = g(), g()
    return [next(first), next(second), next(first), next(second)]

def cleaning():
    try:
        yield 1
        yield 2
    finally:
        done = True

def closing():
    for x in cleaning():
        break
    g = cleaning()
    next(g)
    g = None
    return x
""",
    "f(2)",
    "two(0)",
    "closing()",
)
program(
    "coroutines",
    """
import asyncio

class Slow:
    def __init__(self, n):
        self.n = n
    def __aiter__(self):
        return self
    async def __anext__(self):
        if self.n == 0: raise StopAsyncIteration
        self.n -= 1
        await asyncio.sleep(0)
        return self.n
    async def __aenter__(self):
        return self
    async def __aexit__(self, *details):
        return False
    def __repr__(self):
        return f"Slow {self.n}"

async def double(x):
    await asyncio.sleep(0)
    return x * 2

async def main(n):
    total = 0
    async for i in Slow(n):
        total += await double(i)
    else:
        total += 1
    async with Slow(1) as s:
        total += s.n
    values = [i async for i in Slow(2)]
    more = [await double(i) for i in values]
    async def agen():
        for i in range(2):
            yield i
    async for i in agen():
        total += i
    both = await asyncio.gather(double(1), double(2))
    return total, values, more, both

def f(n):
    return asyncio.run(main(n))
""",
    "f(2)",
)
program(
    "closures",
    """
def outer(n):
    count = 0
    def step(by):
        nonlocal count, late
        count += by
        late = n
        return helper(count)
    def helper(x):
        return x + n
    late = 0
    del late
    key = lambda pair: pair[1]
    pairs = sorted([(1, step(2)), (2, step(-1))], key=key)
    pairs.sort(key=lambda p: (p[0],
                              count))
    return pairs, list(map(lambda a, b=1: a + b, [1, 2])), late

def recursive(n):
    return 1 if n < 2 else n * recursive(n - 1)

def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
""",
    "outer(3)",
    "recursive(4)",
    "fib(4)",
)
program(
    "classes",
    """
import functools

def trace(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return result
    return wrapper

class Base:
    def __init__(self, x):
        self.x = x

    def get(self):
        return self.x

    def __repr__(self):
        return f"{type(self).__name__}({self.__dict__.get('x')})"

class Other:
    def __init__(self, x):
        self.x = -x

    def get(self):
        return self.x

    @property
    def size(self):
        return abs(self.x)

    @staticmethod
    def make(x, *rest, y=2, **more):
        return Other(x)

    @classmethod
    def build(cls, x, /, y):
        return cls(x + y)

    def __add__(self, other):
        return self.x + other.x

    def __iter__(self):
        yield self.x
        yield self.get()

    def __getattr__(self, name):
        if name == 'dynamic':
            return 42
        raise AttributeError(name)

@trace
def f(x):
    a, b = Base(x), Other(x)
    c = a.get() + b.get() + b.size + Other.make(1, 2, z=3).x
    d = Other.build(1, y=2) + b
    class Local(Base):
        y = x
        def get(self):
            return super().get() + self.y
    e = Local(5).get()
    first, second = b
    return c, d, e, first, b.dynamic, hasattr(b, 'nothing')
""",
    "f(4)",
)
program(
    "match",
    """
def f(value):
    match value:
        case 0:
            kind = 'zero'
        case [x, y] if x == y:
            kind = 'twins'
        case [x, *rest]:
            kind = 'list'
        case {'a': a, **more}:
            kind = 'dict'
        case str() | bytes():
            kind = 'text'
        case complex(real=r): kind = 'complex'
        case _:
            kind = 'other'
    return kind
""",
    "f(0)",
    "f([1, 1])",
    "f([1, 2, 3])",
    "f({'a': 1, 'b': 2})",
    "f('x')",
    "f(1j)",
    "f(None)",
)
program(
    "statements",
    """
import math
counter = 0

def f(a, b=2, *args, c, d=4, **kwargs):
    global counter
    counter += 1
    import os.path as path, sys
    from math import (
        pi,
        sqrt,
    )
    x: int = 3
    y: str
    a, (b, *rest) = b, (a, 1, 2)
    z = w = [1,
             2,
             f"{a}{b!r}"]
    z[0] += 5; del w[1], rest
    pass
    'docstring?'
    lookup = {
        'a': a,
        'b': math.floor(
            pi),
    }
    value = lookup['a'] \\
        + 1
    text = '''x
y''' + str(
        value
    )
    if (n := len(text)) > 3 and \\
       value:
        return n, counter, path is not None
    try: return None
    finally: lookup.clear()
""",
    "f(1, c=3)",
    "f(1, 2, 3, c=4, e=5)",
)
program(
    "repeated-lines",
    """
def f(xs):
    total = 0
    for x in xs:
        if x > 0:
            total += x
        else:
            total -= x
            total += 0
    for x in xs:
        if x > 0:
            total += x
    for x in xs:
        total += x
    return total

def g(a, b):
    if a:
        value = a
        if b:
            value = b
        return value
    value = 0
    if b:
        value = b
    return value
""",
    "f([1, -2, 3])",
    "f([])",
    "g(1, 0)",
    "g(1, 2)",
    "g(0, 2)",
    "g(0, 0)",
)
program(
    "finally-copies",
    """
def f(how):
    log = []
    for i in range(2):
        try:
            if how == 'continue': continue
            if how == 'break': break
            if how == 'return': return log
            if how == 'raise': raise OSError(2, 'gone')
            log.append(i)
        finally:
            log.append('finally')
            if how == 'swallow':
                return 'swallowed'
    return log

def g(how):
    try:
        return f(how)
    except OSError as e:
        return e.errno
""",
    "f('continue')",
    "f('break')",
    "f('return')",
    "g('raise')",
    "f('raise')",
    "f('swallow')",
    "f('')",
)
program(
    "iterators",
    """
class Count:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
    def __len__(self):
        return self.n
    def __bool__(self):
        return self.n > 0
    def __eq__(self, other):
        return self.n == other
    def __repr__(self):
        return 'Count'

def f(n):
    out = []
    for x in Count(n):
        out.append(x)
    out.extend(Count(2))
    if Count(1): out.append('true')
    while Count(0): pass
    c = Count(3)
    if c == 3 and not Count(0): out.append('equal')
    a, b = Count(2)
    return out + [y for y in Count(2)], sum(z for z in Count(3)), 1 in Count(5)
""",
    "f(2)",
)
program(
    "texts",
    """
def f(s, 名前='é'):
    quoted = "it's \\"so\\"" + s
    weird = ' tabs and blanks '  \x20
    control = '\\x00\\x1b\\ud800'
    emoji = '😀' * 2
    return quoted + 名前 + emoji
""",
    "f('<|frame_sep|>')",
    "f('a', '..')",
)
