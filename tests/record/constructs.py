"""Constructs over several lines, one program each; `f(1, 2)` is what is recorded.

`SAME` give the same traces on 3.11 and newer, `DIFFERENT` do not on all of them.
"""

SAME = {
    "displays": r"""
def f(a, b):
    x = (
        a
        +
        b
    )
    y = [
        a,
        b,
        *range(
            2
        ),
    ]
    z = {
        "a": a,
        "b":
            b,
        **{"c": 1},
    }
    return (x,
            y, z)
""",
    "with files": r"""
def f(a, b):
    with (
        open("/dev/null") as p,
        open(
            "/dev/null"
        ) as q,
    ):
        a += 1
    with open("/dev/null") as r, \
         open("/dev/null") as s:
        b += 1
    with (open("/dev/null")) as p:
        pass
    return a, b
""",
    "with managers": r"""
import contextlib
@contextlib.contextmanager
def manager(x):
    try:
        yield x
    finally:
        x = None
def f(a, b):
    with manager(a) as p, \
            manager(b):
        a = p
    try:
        with (
            manager(1),
            manager(
                2),
        ):
            raise ValueError(
                a,
                b)
    except (
        ValueError,
        KeyError,
    ) as error:
        b = error
    with contextlib.suppress(ZeroDivisionError):
        1 / 0
    with manager(3):
        return a
""",
    "f-strings": r'''
def f(a, b):
    x = f"{a}" \
        f"{b!r:>5}"
    y = (f"{a} "
         f"{b} "
         "c")
    z = f"""{a}
    {b
    }
    """
    return x, y, z
''',
    "lambdas": r"""
def f(a, b):
    g = lambda x: (
        x +
        a)
    h = (lambda x,
         y=b:
         x * y)
    m = lambda x: x if x \
        else a
    return g(1), h(2), m(0), sorted([3, 1], key=lambda x:
        -x)
""",
    "conditions": r"""
def f(a, b):
    if (a
            and b) or (
            not a
            and not b):
        c = 1
    elif a \
            == b:
        c = 2
    else:
        c = 3
    while (
        c
        < 3
        and a
    ):
        c += 1
    assert (
        c
    ), (
        "no"
    )
    return c if (
        a
    ) else b
""",
    "comparisons": r"""
def f(a, b):
    c = 0 < \
        a < \
        5
    if (0
            < a
            < b):
        c = 2
    d = (a
         or b
         or
         c)
    e = not (
        d)
    return (c, d, e) if 0 < a \
        < b else None
""",
    "assignments": r"""
def f(a, b):
    x = y = (
        a)
    (p,
     q) = (a,
           b)
    [r, *s] = [
        1,
        2, 3]
    x += (
        b)
    y, z = y, \
        x
    d = {}
    d[
        "k"
    ] = (
        a)
    d["k"] \
        += 1
    del (d
         ["k"])
    return x, y, z, p, q, r, s
""",
    "methods and slices": r"""
class A:
    x = 1
    def m(self, *a, **k):
        return self
    def __getitem__(self, i):
        return i
    @property
    def p(self):
        return 1
def f(a, b):
    o = A()
    r = (o
         .m(a,
            b)
         .m(
             k=1)
         .m())
    s = o.m(
        *[a],
        **{"k":
           b}
    )
    t = o[
        1:
        2,
        3]
    u = o \
        .p
    o.x = (
        b)
    return t, u, o.x
""",
    "exceptions": r"""
def f(a, b):
    try:
        raise ValueError(
            "x"
        ) from None
    except ValueError:
        a = 1
    try:
        int(
            "x"
        )
    except (TypeError,
            ValueError):
        a += 1
    finally:
        b = 2
    try:
        a = a
    except KeyError:
        pass
    else:
        a = 3
    finally:
        a = 4
    return a
""",
    "definitions": r"""
def f(a, b):
    def deco(x,
             y=1):
        return lambda g: g
    @deco(
        1,
        2)
    @deco(3)
    def g(
        p: int = a,
        q: str
        = b,
    ) -> (
        None
    ):
        return p, \
            q
    class C(
        object,
    ):
        x: int = (
            1)
        y = 2
        def m(self): return self
    return g(), C.x
""",
    "comprehensions": r"""
def f(a, b):
    xs = [
        x
        for x in range(
            3)
        if x
    ]
    ys = {
        k:
        v
        for k, v
        in zip(
            xs,
            xs)
        if k
        and v
    }
    zs = {
        x * y
        for x in xs
        for y in
        xs
        if x > y
    }
    gs = sum(
        x
        for x in xs
        if x
    )
    ns = [
        [
            y
            for y in range(x)
        ]
        for x in xs
    ]
    return ys, zs, gs, ns
""",
    "super in comprehensions": r"""
class B:
    def m(self):
        return [1]
class D(B):
    def m(self):
        return [super(D, self).m() for _ in range(2)]
    def n(self):
        return [super().m() for _ in range(2)] if False else 1
    def o(self):
        return [__class__.__name__ for _ in range(2)]
def f(a, b):
    d = D()
    return d.m(), d.n(), d.o()
""",
    "generators": r"""
def g(n):
    x = yield (
        n)
    y = yield from [
        1,
        2]
    try:
        yield
    finally:
        z = 1
    return x, \
        y
def f(a, b):
    i = g(1)
    next(i)
    i.send(
        5)
    for v in i:
        a += 1
    k = g(3)
    next(k)
    try:
        k.throw(
            KeyError)
    except KeyError:
        b = 3
    return a, b
""",
    "loops": r"""
def f(a, b):
    for i in [
        1,
        2,
    ]:
        if i == 1: continue
        for j in (
                3, 4
        ): break
        else: a = 9
    else:
        b = i
    for (x,
         y) in [(1, 2)]: pass
    while True:
        a += 1
        if a > 3:
            break
    return a, b, x, \
        y
""",
    "scopes and imports": r"""
def f(a, b):
    global G
    G = a
    def h():
        nonlocal a
        a += 1
        return (
            a
            if
            b
            else
            0
        )
    c = [
        h()
        if i
        else
        None
        for i in range(2)]
    import os.path as p, \
        sys as s
    from os import (
        path,
        sep)
    return c, print(
        end="")
""",
    "expressions": r'''
def f(a, b):
    """doc

    string
    """
    s = "a" \
        "b"
    t = ("a"
         "b")
    u = -(
        a)
    v = a if b else \
        b
    w = (a,
         (b,
          (a,)))
    return {**{"a":
               1},
            "b": [*w,
                  a]}
''',
    "nested calls": r"""
def f(a, b):
    x = [
        g(
            a=a,
            k=b,
        )
        for g in (
            dict,
        )
        if a
        for q in [1]
    ], any(
        i > 0
        for i in [
            a,
            b]
    )
    return x, all(i
                  for i in [1, 0, 2])
""",
    "finally": r"""
def f(a, b):
    try:
        try:
            g = 1 / (
                a - a)
        finally:
            a = 2
    except ZeroDivisionError as e: a = (
        3)
    for i in range(2):
        try:
            if i: break
            continue
        finally:
            b = i
    def h():
        try:
            return (
                1)
        finally:
            pass
    def k():
        with open("/dev/null"):
            return (
                h())
    return h(), k()
""",
    "assignment expressions": r"""
def f(a, b):
    xs = [y := a, y ** 2]
    ws = xs
    if (n := len(
            ws)) > 1:
        a = n
    while (a := a - 1) > 0: pass
    return ws, n, a
""",
    "asynchronous functions": r"""
import asyncio, contextlib
async def one(x):
    return x
async def agen(n):
    for i in range(n):
        yield i
async def g(a, b):
    xs = (await one(
        a))
    async with manager(
        b
    ) as ys:
        zs = await one(b) + \
            await one(
                1)
    async for p in agen(
        1
    ):
        pass
    return xs, ys, zs, p
@contextlib.asynccontextmanager
async def manager(x):
    yield x
def f(a, b):
    return asyncio.run(g(a, b))
""",
    "patterns": r"""
def f(a, b):
    match (a,
           b):
        case (1, 2):
            x = 1
        case [p, *q] if (
            p
            > 0
        ):
            x = p
        case {"k": v}:
            x = v
        case str() | int():
            x = 4
        case _:
            x = 5
    match a:
        case 5: y = 1
        case object(real=r): y = r
    return x, y
""",
    "generators deleted half-way": r"""
def g():
    try:
        yield 1
    finally:
        pass
def f(a, b):
    i = g()
    next(i)
    del i
    return a
""",
    "assignment expressions in comprehensions": r"""
def f(a, b):
    return [c := x for x in [a, b]], c
""",
    "await in comprehensions": r"""
import asyncio
async def one(x):
    return x
async def g(a, b):
    return [await one(x) for x in [a, b]]
def f(a, b):
    return asyncio.run(g(a, b))
""",
    "patterns over several lines": r"""
def f(a, b):
    match (a,
           b):
        case (1,
              2):
            x = 1
        case [p, *q]:
            x = 2
    return x
""",
    "walrus and names around a comprehension": r"""
def f(a, b):
    x = "outer"
    found = [x for x in (a, b) if (last := x) or True]
    more = {
        k: (n := k * 2)
        for k in range(
            2) if k is not None
    }
    return x, last, found, n, more, {y: 1 for y in "ab"}, {1: 2 for _ in "a"}
""",
    "generator expressions in comprehensions": r"""
def f(a, b):
    rows = [{"k": a}, {"k": b}]
    wanted = {"k": 1}
    return [
        row for row in rows
        if all(row[k] == v for k, v in wanted.items())
    ], [[x for x in y if x] for y in [[a, 0], [b]]]
""",
    "asynchronous comprehensions": r"""
import asyncio
async def ticks(n):
    for i in range(n):
        yield i
async def one(x):
    await asyncio.sleep(0)
    return x
async def g(a, b):
    xs = [i async for i in ticks(3) if i]
    ys = {i: await one(i) async for i in ticks(2)}
    zs = {j async for j in (await one(k) for k in (a, b))}
    return xs, ys, zs, [[y async for y in ticks(x)] for x in range(3)]
def f(a, b):
    return asyncio.run(g(a, b))
""",
    "with managers that swallow": r"""
class Quiet:
    def __init__(self, log):
        self.log = log
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        self.log.append(kind is None)
        return True
def f(a, b):
    log = []
    for x in (2, 0):
        with Quiet(log) as p, Quiet(log):
            log.append(6 // x)
        with Quiet(log): raise KeyError
    return log
""",
    "assert with a comparison": r"""
def f(a, b):
    try:
        assert (
            a > 5
        ), f"{a!r}"
    except AssertionError as error:
        b = error
    try:
        assert (
            a
            and not b
        ), (
            "no")
    except AssertionError:
        b = 1
    assert (
        a
        < 5)
    return b
""",
    "callees over several lines": r"""
def f(a, b):
    x = {
        "+": lambda p, q: p + q,
        "-": lambda p, q: p - q,
    }["+"](a, b)
    y = (
        max
        if a
        else min
    )(
        a,
        3,
    )
    return x, y, [
        abs][
        0](a)
""",
    "patterns in patterns": r"""
def f(a, b):
    found = []
    for v in ([1, [a, b], {"k": 3}], [1, 2, 3], 5, {"a": 2}, {"a": 0}, "s"):
        match v:
            case [
                1,
                [x,
                 y],
                {"k":
                   z},
            ] | (
                z, y,
                x):
                found.append(x)
            case int(
                real=q
            ) as w if (
                q
            ) and w:
                found.append(q)
            case {
                "a": x,
            } if (
                x
                > 1
            ):
                found.append(-x)
            case {
                "a": x,
            }:
                found.append(x)
            case other:
                found.append(other)
    return found
""",
}

DIFFERENT = {
    "names of the scope in comprehensions": r"""
def f(a, b):
    return [sorted(locals()) for x in [a]]
""",
    "constants alone on a lambda's line": r"""
def f(a, b):
    g = lambda: \
        1
    return g()
""",
    "conditions that are constant": r"""
def f(a, b):
    return (a if
            False else
            b)
""",
}
