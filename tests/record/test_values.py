"""Texts of values: `repr` wherever that is harmless, and something honest wherever it is not."""

from __future__ import annotations

import asyncio
import collections
import enum
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_lsp.record.values import Values

atoms = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
nested = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
        | st.frozensets(atoms, max_size=4)
    ),
    max_leaves=15,
)


@given(nested)
def test_builtins_have_their_repr(value):
    assert Values().text(value) == repr(value)


@dataclass
class Point:
    x: int
    y: object = None


class Colour(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "a b")


class Words(list):
    pass


class Odd(Exception):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Point(1, [2]),
        Colour.RED,
        Pair(1, "x"),
        Words([1, 2]),
        Odd("a", 1),
        ValueError("x"),
        KeyError(),
        collections.OrderedDict(a=1),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("aab"),
        collections.deque([1, 2], maxlen=3),
        Fraction(1, 3),
        PurePosixPath("/x"),
        range(3),
        slice(1, 2),
        {}.keys(),
        {1: 2}.items(),
        b"x",
        bytearray(b"y"),
        int,
        Point,
        [Point(1), Colour.RED, {1: Pair(2, 3)}],
        (1,),
        (Point(1),),
        set(),
        {Colour.RED},
        frozenset([Colour.RED]),
        1j,
        ...,
        NotImplemented,
        10**50,
        True,
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_have_their_repr_too(value):
    values = Values()
    assert values.text(value) == repr(value)
    assert values.mark is None


def test_cycles():
    loop: list = [1]
    loop.append(loop)
    table: dict = {}
    table["self"] = table
    assert Values().text(loop) == repr(loop)
    assert Values().text(table) == repr(table)


class Node:
    def __init__(self):
        self.parts, self.seen = {}, []

    def __repr__(self):
        return f"Node({self.parts!r}, {self.seen})"


def test_an_object_and_containers_within_each_other():
    node = Node()
    node.parts["node"] = node
    node.seen.append((node, node.parts))
    for value in (node, node.parts, node.seen, [node, {1: node.seen}]):
        assert Values().text(value) == repr(value)


def test_a_task_is_shown_without_the_places_of_its_code():
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def main() -> tuple[str, str]:
        task = asyncio.create_task(answer(), name="it")
        task.add_done_callback(lambda done: None)
        before = Values().text([task])
        await task
        return before, Values().text(task)

    name = answer.__qualname__
    assert asyncio.run(main()) == (
        f"[<Task pending name='it' coro=<{name}() running> cb=[{main.__qualname__}.<locals>.<lambda>()]>]",
        f"<Task finished name='it' coro=<{name}() done, defined> result=42>",
    )


def test_addresses_are_left_out():
    class Thing:
        def method(self):
            pass

    for value in (Thing(), Thing().method, lambda: 0, iter([]), (x for x in []), [object()], print, enumerate([])):
        text = Values().text(value)
        assert "0x" not in text
        assert text.startswith(("<", "[<"))


@pytest.mark.parametrize(
    "value",
    [
        list(range(10**6)),
        "x" * 10**7,
        b"x" * 10**7,
        {n: str(n) for n in range(10**5)},
        set(range(10**5)),
        {n: n for n in range(10**6)}.keys(),
        collections.deque(range(10**6)),
        [["x" * 100] * 100] * 100,
        7 ** (10**6),
        [10 ** (10**5)],
        [object()] * 10**5,
        Odd("x" * 10**6),
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_values_are_cut_quickly_and_marked(value):
    values = Values(size=500)
    started = time.perf_counter()
    text = values.text(value)
    assert time.perf_counter() - started < 2
    assert len(text) < 2_000
    assert values.mark == "cut"


def test_deep_nesting():
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    values = Values()
    assert len(values.text(deep)) < 10_000
    assert values.mark == "cut"
    while isinstance(deep, list) and deep:  # freed by hand: the interpreter would recurse
        deep = deep.pop()


class Raises:
    def __repr__(self):
        raise SystemExit("no")


class Sleeps:
    def __repr__(self):
        time.sleep(30)
        return "slept"


class Spins:
    def __repr__(self):
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass


class Recurses:
    def __repr__(self):
        return repr([self])


class Prints:
    def __repr__(self):
        print("loud")
        return "Prints()"


class Mutates:
    def __init__(self):
        self.seen = 0
        self.log = []

    def __repr__(self):
        self.seen += 1
        return f"Mutates({self.seen})"


class NotText:
    def __repr__(self):
        return 3


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        (Raises, "__repr__ raised SystemExit"),
        (Sleeps, "__repr__ too slow"),
        (Spins, "__repr__ too slow"),
        (Recurses, "__repr__ raised RecursionError"),
        (Mutates, "__repr__ changes the object"),
        (NotText, "__repr__ raised TypeError"),
    ],
)
def test_misbehaving_repr_costs_that_value_only(kind, mark):
    values = Values(seconds=0.05)
    started = time.perf_counter()
    thing = kind()
    for _ in range(3):
        assert values.text(thing) == f"<{__name__}.{kind.__name__} object>"
        assert values.mark == mark
    assert time.perf_counter() - started < 5
    assert values.text([1, thing, 2]) == f"[1, <{__name__}.{kind.__name__} object>, 2]"
    assert values.text([1]) == "[1]"
    assert values.mark is None


def test_slow_class_is_asked_once(monkeypatch):
    asked = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (asked.append(seconds), sleep(seconds)))
    values = Values(seconds=0.05)
    for _ in range(5):
        values.text(Sleeps())
    assert asked == [30]


def test_printing_repr_prints_nowhere(capfd):
    values = Values()
    assert values.text(Prints()) == "Prints()"
    assert values.mark == "__repr__ prints"
    assert capfd.readouterr() == ("", "")


CALLS = []


class Counts:
    def __repr__(self):
        CALLS.append(self)
        return "Counts()"


class Shows:
    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"Shows({self.held!r})"


class Helped:
    @property
    def name(self):
        self.named = True
        return "n"

    def __repr__(self):
        return self.name


class Caches:
    def __init__(self):
        self.made = {}

    def make(self, name, **options):
        made = dict(name=name, **options)
        self.made[name] = made
        return made

    def __repr__(self):
        return f"Caches({self.make('x')})"


class Sorts:
    """It sorts itself when it is gone through."""

    def __init__(self):
        self.is_sorted = False

    def __iter__(self):
        self.is_sorted = True
        return iter(())

    def __repr__(self):
        return f"Sorts({list(self)})"


class Goes(Sorts):
    def __repr__(self):
        return ", ".join(str(item) for item in self)


@pytest.mark.parametrize("kind", [Mutates, Counts, Helped, Caches, Sorts, Goes])
@pytest.mark.parametrize(
    "around", [lambda x: x, lambda x: [x], Shows, lambda x: collections.deque([Shows({1: x})]), lambda x: Point(x, x)]
)
def test_a_repr_that_changes_something_is_not_called(kind, around):
    thing = kind()
    before = dict(vars(thing))
    values = Values()
    values.text(around(thing))
    assert values.mark == "__repr__ changes the object"
    assert vars(thing) == before
    assert CALLS == []


class Named:
    """Its attributes are called as methods that change something."""

    def __init__(self):
        self.choices, self.sample, self.put = [1], "s", None

    def __repr__(self):
        return f"Named({self.choices!r}, {self.sample}, {self.put})"


class Builds:
    """What it changes is its own."""

    def __init__(self):
        self.items = [2, 1]

    def __repr__(self):
        parts = []
        for item in sorted(self.items):
            parts.append(str(item))
        table = {}
        table["n"] = ", ".join(parts)
        return f"Builds({table['n']})"


def test_a_repr_may_build_what_it_says():
    values = Values()
    assert values.text(Builds()) == "Builds(1, 2)"
    assert values.mark is None
    assert values.text(Named()) == "Named([1], s, None)"


def test_an_instance_dictionary_is_not_made():
    import functools

    inner = functools.partial(max, 1)
    Values().text(inner)
    assert functools.partial(inner, key=None).func is max


def test_streams_and_timers_are_as_they_were():
    import signal

    handler = signal.getsignal(signal.SIGALRM)
    running = signal.getitimer(signal.ITIMER_REAL)[0] > 0  # pytest's own time limit
    streams = sys.stdout, sys.stderr
    Values().text(Point(1))
    Values(seconds=0.05).text(Sleeps())
    assert signal.getsignal(signal.SIGALRM) is handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == running
    assert (sys.stdout, sys.stderr) == streams


def test_a_large_array_is_told_as_it_tells_itself():
    numpy = pytest.importorskip("numpy")
    values = Values()
    for array in (numpy.zeros((500, 500)), numpy.arange(10_000), numpy.ones(3)):
        assert values.text(array) == repr(array)
        assert values.mark is None
