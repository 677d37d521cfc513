"""When the program's generators end, and whether that shows, is as it really is."""

from __future__ import annotations

import pytest

from tests.evaluate.recording import compare, only_on_the_reference

pytestmark = only_on_the_reference

PROGRAMS = [
    """
def gen(n):
    try:
        yield n
        yield n
    finally:
        z = 1
def f():
    try:
        for x in gen(1):
            raise ValueError(1)
    except ValueError as e:
        y = 1
    return y
""",
    """
def gen(n):
    try:
        yield n
        yield n
    finally:
        z = 1
def g(it):
    next(it)
    it = None
    return 5
def h(it, k=1):
    next(it)
    del it
    return 5
def f():
    a = g(gen(1))
    b = h(gen(2), k=3)
    return a
""",
    """
def gen(n):
    try:
        yield n
        yield n
    finally:
        z = 1
def g():
    it = gen(1)
    next(it)
    raise KeyError(1)
def f():
    try:
        g()
    except KeyError as e:
        a = 1
    b = 2
    try:
        g()
    except KeyError:
        a = 1
    b = 2
    return a
""",
    """
def gen(n):
    yield n
    yield n
def f():
    x = [gen(1), gen(2)]
    next(x[0])
    y = {1: gen(3)}
    x = 3
    y[1] = 2
    try:
        z = (gen(4), 1 / 0)
    except ZeroDivisionError:
        z = 2
    try:
        z = [gen(4), gen(5)].nope
    except AttributeError:
        z = 2
    return x
""",
    """
def gen(n):
    yield n
    yield n
def f():
    z = sum(x for x in gen(1) if x / 0)
    return z
""",
    """
def gen(n):
    yield n
    yield n
def f():
    for x in gen(3):
        for y in gen(4):
            try:
                z = next(gen(5)) + [].x
            except KeyError:
                pass
            finally:
                z = 1
    return z
""",
    """
class C:
    def __enter__(self):
        return self
    def __exit__(self, *a):
        return True
def gen(n):
    with C() as c:
        yield n
        yield n
def f():
    for x in gen(3):
        with C() as c:
            for y in gen(4):
                z = next(gen(5)) + [].x
    for x in gen(3):
        break
    for x in gen(3):
        return 5
""",
    """
def gen(n):
    while True:
        n = yield n
def f():
    g = gen(3)
    next(g)
    g.send(4)
    h = g
    g = None
    h = [h]
    h.pop()
    i = gen(2)
    next(i)
    i.close()
    l = [next(gen(4)) for k in range(2)]
    next(gen(3))
    a, b = gen(3), gen(4)
    a = b
    del b
    return max(1, next(a))
""",
    """
def gen(n):
    try:
        yield n
    except GeneratorExit:
        n = 5
        raise
def f():
    try:
        try:
            for x in gen(2):
                raise ValueError
        except ValueError as e:
            for y in gen(3):
                raise KeyError from e
    except KeyError as e:
        q = e
    del q
    return 1
""",
    """
def gen(n):
    try:
        yield n
    except ValueError:
        yield 7
    finally:
        n = 3
def f():
    g = gen(3)
    next(g)
    r = g.throw(ValueError('x'))
    try:
        g.throw(KeyError('k'))
    except KeyError as e:
        t = repr(e)
    g = gen(2)
    try:
        g.throw(KeyError('never'))
    except KeyError as e:
        t = repr(e)
    return r
""",
    """
def inner():
    try:
        x = yield 1
        y = yield x
    except ValueError:
        yield 9
        return 4
    finally:
        z = 5
def outer():
    try:
        r = yield from inner()
        yield r
    finally:
        q = 1
def f():
    a = outer()
    next(a)
    a.close()
    b = outer()
    c = next(b), b.send(3)
    d = b.throw(ValueError)
    e = next(b)
    b.close()
    b.close()
    g = outer()
    g.close()
    h = outer()
    next(h)
    try:
        h.throw(KeyError('x'))
    except KeyError:
        pass
    try:
        next(h)
    except StopIteration as s:
        t = s.value
    for i in outer():
        break
    for i in outer():
        if i == 1:
            return next(outer())
""",
    """
def inner():
    yield 1
    raise KeyError(3)
def outer():
    try:
        yield from inner()
    except KeyError as e:
        yield e.args
    with open('x') if False else C() as c:
        yield 2
        raise IndexError
class C:
    def __enter__(self): return 5
    def __exit__(self, *a): return a[0] is IndexError
def f():
    k = list(outer())
    m = outer()
    next(m)
    try:
        m.throw(KeyError('a'))
    except KeyError:
        k = 2
    n = outer()
    next(n)
    try:
        n.throw(TypeError('a'))
    except TypeError:
        k = 2
    o = outer()
    next(o)
    next(o)
    next(o)
    del o
    return k
""",
]
KNOWN = 9
"""Of these at least every event is known; in the others an operand ends just when an exception rises."""


def test_the_end_of_a_generator_shows_where_it_really_does() -> None:
    complete = 0
    for program in PROGRAMS:
        found = compare(program, "f()", "f")
        assert not found.wrong, f"{program}\n{found.wrong[0]}"
        assert not found.asked, program
        complete += found.complete
    assert complete >= KNOWN


@pytest.mark.parametrize("ending", ["del g", "g = None", "g.close()", "g = [g]\n    g.clear()"])
@pytest.mark.parametrize("start", ["pass", "next(g)"])
def test_each_way_to_end_a_generator(start: str, ending: str) -> None:
    source = f"""
def gen():
    try:
        yield 1
    finally:
        done.append(1)
done = []
def f():
    g = gen()
    {start}
    {ending}
    return done
"""
    assert compare(source, "f()", "f").complete


@pytest.mark.parametrize("name", ["", " as e"])
@pytest.mark.parametrize("ask", ["it.throw(error)", "it.close()"])
def test_what_raises_out_of_a_delegate_keeps_who_has_thrown(name: str, ask: str) -> None:
    """`throw` and `close` of what a generator waits for are called by who throws, whose frame holds the generator."""
    source = f"""
class Passing:
    def __iter__(self):
        return self
    def __next__(self):
        return 1
    def throw(self, kind, value=None, trace=None):
        raise kind
    def close(self):
        error = ValueError(2)
        raise error
def inner():
    try:
        yield from Passing()
    except ValueError{name}:
        a = 2
    finally:
        a = 3
        try:
            yield 3
        except GeneratorExit:
            a = 4
def drive(it, error):
    out = [next(it)]
    try:
        out.append({ask})
    except RuntimeError:
        out.append(0)
    return out
def f():
    it = inner()
    got = drive(it, ValueError(1))
    it = None
    return got
"""
    found = compare(source, "f()", "f")
    assert found.complete, found.wrong


@pytest.mark.parametrize("error", ["StopIteration(3)", "ValueError(3)"])
def test_what_ends_a_delegate_keeps_nobody(error: str) -> None:
    """The end of what a generator waits for never gets the traceback that it had; another exception does."""
    source = f"""
class Passing:
    def __iter__(self):
        return self
    def __next__(self):
        return 1
    def throw(self, kind, value=None, trace=None):
        raise kind
def inner():
    try:
        a = yield from Passing()
        yield 2
    except ValueError:
        pass
    try:
        yield 3
    except GeneratorExit:
        a = 4
def drive(it, error):
    return [next(it), it.throw(error), next(it)]
def f():
    it = inner()
    got = drive(it, {error})
    it = None
    return got
"""
    found = compare(source, "f()", "f")
    assert not found.wrong, found.wrong[0]
    assert not found.asked
