"""Generators, coroutines and asynchronous generators step as they really do."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference

LATER = """
class Later:
    def __init__(self, value, turns=1):
        self.value, self.turns = value, turns
    def __await__(self):
        for i in range(self.turns):
            got = yield i
        return self.value
def drive(coro, *sends):
    out = []
    try:
        out.append(coro.send(None))
        for s in sends:
            if isinstance(s, Exception):
                out.append(coro.throw(s))
            else:
                out.append(coro.send(s))
        coro.close()
    except StopIteration as e:
        out.append(("done", e.value))
    except Exception as e:
        out.append(repr(e))
    return out
"""

GENERATORS = [
    (
        """
def f():
    def h():
        x = yield 1
    def g():
        yield from h()
        yield 2
    a = g()
    next(a)
    return a.send(5)
""",
        "f()",
    ),
    (
        """
class B:
    def __iter__(self): return self
    def __next__(self): return 1
    def __getattr__(self, name):
        1 / 0
def g():
    yield from B()
def f():
    a = g()
    next(a)
    try:
        a.throw(ValueError)
    except ZeroDivisionError:
        pass
    return next(a)
""",
        "f()",
    ),
    (
        """
def h():
    try:
        yield
    except GeneratorExit:
        return
def g():
    yield from h()
def f():
    a = g()
    next(a)
    a.throw(GeneratorExit)
""",
        "f()",
    ),
    (
        """
class E(Exception):
    def __new__(cls, *args):
        return cls
def f():
    def g():
        yield
    gen = g()
    try:
        gen.throw(E)
    except TypeError as e:
        return str(e)[:12]
""",
        "f()",
    ),
    (
        """
def until_closed():
    try:
        yield 1
    except GeneratorExit:
        return
def f():
    g = until_closed()
    next(g)
    g.close()
    return 1
""",
        "f()",
    ),
    (
        """
def leaky(xs):
    it = iter(xs)
    while True:
        yield next(it)
def f(xs):
    return list(leaky(xs))
""",
        "f([1])",
    ),
    (
        """
def g(a):
    x = [1, (yield a), *range(2), (yield 3)]
    y = {"k": (yield), **{"z": 1}, (yield 4): 5}
    z = f"{(yield 5)!r:>4} {(yield a)}"
    w = (yield 6) and (yield 7) or (yield 8)
    v = (yield 1) if (yield 9) else (yield 2)
    while (yield 10):
        break
    a.append((yield 11))
    assert (yield 12), (yield 13)
    a[(yield 0)] = (yield 14)
    a[(yield 0)] += (yield 15)
    del a[(yield 0)]
    for q in (yield [1, 2]):
        print(q)
    b = [q for q in (yield (3, 4))]
    c = lambda q=(yield 16): q
    def d(q=(yield 17)): return q
    m = (lambda: (yield 5))
    r = list(m())
    t = 1 < (yield 3) < (yield 5)
    print(*(yield [1]), sep=(yield ","))
    try:
        raise (yield ValueError)
    except (yield KeyError):
        pass
    if (yield 1) or (yield 2):
        return (yield 18)
def f(a, sends):
    it = g(a)
    out = [next(it)]
    for s in sends:
        out.append(it.send(s))
    try:
        it.send(3)
    except StopIteration as e:
        return e.value
    return out
""",
        "f([1], [2,3,4,5,6,7,8,9,10,11,12,13,14])",
    ),
]
COROUTINES = [
    (
        """
async def double(x):
    await Later(0)
    return x * 2
async def total(xs):
    result = 0
    for x in xs:
        result += await double(x)
    return result
def f():
    c = double(3)
    r = drive(total([1, 2]), 5, 6)
    c.close()
    return r
""",
        "f()",
    ),
    (
        """
async def double(x):
    try:
        await Later(0)
    except ValueError as e:
        await Later(1)
        return -1
    finally:
        x = 5
    return x * 2
async def total(xs):
    result = 0
    for x in xs:
        result += await double(x)
    return result
def f():
    return drive(total([1, 2]), ValueError('x'), 6, 7), drive(total([1]), KeyError('x')), drive(total([1]))
""",
        "f()",
    ),
    (
        """
async def ticks(n):
    for i in range(n):
        yield i
        await Later(i)
async def collected(n):
    a = [i async for i in ticks(n)]
    b = {i: await Later(i) async for i in ticks(n) if i}
    c = [await Later(i, 0) for i in range(n)]
    d = {j async for i in ticks(2) for j in range(i)}
    async for x in ticks(2):
        if x: break
    else:
        x = 5
    g = (i * 2 async for i in ticks(2))
    async for y in g:
        a.append(y)
    else:
        a.append(None)
    return a, b, c, d
def f():
    return drive(collected(3), *range(20))
""",
        "f()",
    ),
    (
        """
class M:
    def __init__(self, swallow): self.swallow = swallow
    async def __aenter__(self):
        await Later(1)
        return self
    async def __aexit__(self, *a):
        await Later(2)
        return self.swallow
async def go(swallow, error):
    async with M(swallow) as m, M(False):
        await Later(3)
        if error:
            raise error
        return 5
    return 6
def f():
    a = drive(go(True, None), *range(9)), drive(go(True, KeyError(1)), *range(9))
    return a, drive(go(False, KeyError(1)), *range(9)), drive(go(True, None), 1, KeyError(2), 3)
""",
        "f()",
    ),
    (
        """
async def double(x):
    return x * 2
async def a(): return await 5
async def b():
    async for x in [1]: pass
async def c():
    async with 5: pass
async def d():
    class Q:
        def __await__(self): return 5
    await Q()
async def e():
    class Q:
        async def __await__(self): return 5
    await Q()
async def g():
    class Q:
        def __aiter__(self): return self
    async for i in Q(): pass
async def h():
    class Q:
        def __aiter__(self): return self
        def __anext__(self): return 5
    async for i in Q(): pass
async def i():
    class Q:
        def __aenter__(self): return 5
    async with Q(): pass
async def j():
    class Q:
        def __aenter__(self): return 5
        def __aexit__(self, *a): return 5
    async with Q(): pass
async def k():
    c = double(2)
    await c
    await c
async def l():
    raise StopIteration(5)
async def m():
    yield 1
    raise StopAsyncIteration
async def n():
    async for x in m(): pass
def o():
    yield from double(3)
def f():
    out = []
    for fn in (a, b, c, d, e, g, h, i, j, k, l, n):
        out.append(drive(fn()))
    try:
        list(o())
    except TypeError as e:
        out.append(str(e))
    try:
        double(1) + 1
    except TypeError as e:
        out.append(str(e))
    x = double(1)
    try:
        x.send(5)
    except TypeError as e:
        out.append(str(e))
    x.close()
    y = m()
    return out, x.__name__, x.cr_running, x.cr_await, y.ag_running
""",
        "f()",
    ),
    (
        """
async def ag():
    try:
        x = yield 1
        y = yield x
        await Later(7)
        yield y
    except ValueError:
        yield 99
    finally:
        await Later(8)
async def go():
    g = ag()
    out = [await g.asend(None), await g.asend(5)]
    out.append(await g.athrow(ValueError))
    await g.aclose()
    await g.aclose()
    h = ag()
    out.append(await h.__anext__())
    await h.aclose()
    try:
        await h.__anext__()
    except StopAsyncIteration as e:
        out.append(repr(e))
    i = ag()
    try:
        await i.athrow(KeyError(3))
    except KeyError as e:
        out.append(repr(e))
    j = ag()
    await j.asend(None)
    s = j.asend(2)
    out.append(await s)
    try:
        await s
    except RuntimeError as e:
        out.append(str(e))
    await j.aclose()
    k = ag()
    return out
def f():
    return drive(go(), *range(20))
""",
        "f()",
    ),
    (
        """
async def inner(n):
    if n:
        return await inner(n - 1) + await Later(n)
    return 0
async def go(x):
    y = [await inner(1), *[1, 2], await inner(x)]
    z = f"{await inner(1)} {x!r}"
    w = await inner(0) or await inner(1) and x
    t = await inner(1) if await inner(2) else 3
    print(await inner(1), sep=str(await inner(1)))
    y.append(await inner(2))
    y[await inner(0)] += await inner(1)
    lam = lambda q=1: q
    s = sum([await inner(i) for i in range(3)])
    n = (await inner(1)).bit_length()
    m = max(await inner(1), await inner(2), key=lambda v: -v)
    while await inner(0):
        pass
    assert await inner(1)
    match await inner(1):
        case 1:
            q = await inner(1)
        case _:
            q = 0
    with open_(await inner(1)) as h:
        await inner(1)
    try:
        await inner(1)
        raise ValueError(await inner(1))
    except ValueError as e:
        await inner(1)
    finally:
        await inner(0)
    return await inner(
        x,
    ), y
class open_:
    def __init__(self, x): pass
    def __enter__(self): return 1
    def __exit__(self, *a): pass
def f(x):
    return drive(go(x), *range(100))
""",
        "f(2)",
    ),
]


@pytest.mark.parametrize(("source", "call"), GENERATORS)
def test_a_generator(source: str, call: str) -> None:
    found = compare(source, call, "f")
    assert found.complete, found.wrong or found.gave_up


@pytest.mark.parametrize(("source", "call"), COROUTINES)
def test_a_coroutine(source: str, call: str) -> None:
    found = compare(LATER + source, call, "f")
    assert found.complete, found.wrong or found.gave_up
