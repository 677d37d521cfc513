"""Random programs whose every statement a model may be led through: nothing of them is run."""

import random

from cwm_lsp.predict.predictor import Task
from cwm_lsp.source.functions import find
from tests.trace.generated import program

_MORE = '''

def logged(function):
    def wrapper(*args, **kwargs):
        count = len(args)
        return function(*args, **kwargs)
    return wrapper


class Gate:
    limit = {0}

    def __init__(self, n=0, *, wide=False):
        self.n, self.wide = n, wide

    async def __aenter__(self):
        return self

    async def __aexit__(self, *what):
        return self.n == {1}

    @property
    def size(self):
        return self.n + {2}

    @classmethod
    def of(cls, n):
        return cls(n, wide=n > {3})

    def __iter__(self):
        yield from range(self.n)


@logged
@logged
def twice(n, *rest, key=None, **more):
    """Two decorators."""
    global LAST
    LAST = n
    assert n != {0}, "odd"
    first, *others = rest or (n, {4})
    if (double := n * 2) > {5} and (
        first
        or others
    ):
        return double
    pairs = {{k: [v for v in range(k) if v != {1}] for k in (n, {2})}}
    unique = {{x
              for x in others}}
    add = lambda a, b={3}: a + b
    del first
    try:
        total = add(
            n,
            b=len(pairs),
        )
    except (ValueError, TypeError) as error:
        raise RuntimeError("no") from error
    else:
        unique |= {{total}}
    finally:
        n += 1
    return [
        total,
        n,
    ]


def counter(n):
    total = 0

    def step(by=1):
        nonlocal total
        total += by
        return total

    for i in Gate.of(n):
        step(i) if i % 2 else step()
    return step


async def ticks(n):
    for i in range(n):
        yield i
        if i == {4}:
            return


async def later(n):
    found = []
    async with Gate(n) as gate:
        async for tick in ticks(gate.size):
            found.append(await pause(tick))
    return [x async for x in ticks(n)] or found


async def pause(n):
    return n


small = lambda n: (n
                   if n
                   else -1)
'''
"""What those of `tests.trace.generated` lack: decorators, classes, closures, coroutines, expressions over lines."""

_CALLS = ("f({})", "twice({}, 4, key='k')", "counter({})", "later({})", "ticks({})", "small({})", "list(gen({}))")
_WRAPPED = ("f(int('{}'))", "Gate.of({})", "later(len('{}'))", "ticks(len('{}'))", "gen(int('{}'))")


def task(seed: int) -> Task:
    """A call of a random program."""
    choose = random.Random(seed)
    source = program(seed) + _MORE.format(*(choose.randrange(6) for _ in range(6)))
    call = choose.choice(_CALLS + _WRAPPED)
    name = call.removeprefix("list(").partition("(")[0]
    return Task("program.py", source, find(source, name, "program.py"), call.format(choose.randrange(5)))
