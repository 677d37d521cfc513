"""How a call ends, and where its scopes are, in the corners that a trace function alone does not tell."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.evaluate import recording as reference
from tests.evaluate.recording import only_on_the_reference

from .reference import plain

PROGRAM = """
    import contextlib
    import functools
    import heapq

    def flattened():
        inner = functools.partial(max, 1)
        outer = functools.partial(inner, key=None)
        return outer

    def innermost():
        yield

    def delegating():
        yield from innermost()

    def thrown():
        generator = delegating()
        generator.send(None)
        try:
            generator.throw(ValueError)
        except ValueError:
            return 1

    def one():
        yield 1

    def run():
        generator = one()
        try:
            1 / 0
        except ZeroDivisionError:
            return next(generator)

    def dropped():
        return run()

    def merged():
        def g():
            s = [1]
            for i in range(5):
                yield s[i]
        try:
            list(heapq.merge(g(), g()))
        except IndexError:
            return 1

    def leaky(xs):
        it = iter(xs)
        while True:
            yield next(it)

    def drained(xs):
        return list(leaky(xs))

    @contextlib.contextmanager
    def opened(log):
        log.append("open")
        yield
        log.append("close")

    async def waits():
        return 3

    def deep(n):
        return deep(n + 1)

    def caught():
        try:
            return deep(0)
        except RecursionError as error:
            return str(error)
"""


@pytest.fixture(scope="module", params=["3.11", pytest.param("3.13", marks=pytest.mark.long)])
def recorded(request, pool, pythons, tmp_path_factory):
    if request.param not in pythons:
        pytest.skip(f"needs Python {request.param}")
    path = tmp_path_factory.mktemp("outcomes") / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))

    def run(function: str, call: str | None = None, file: Path = path):
        return pool.record(file, function, call or f"{function}()", python=pythons[request.param], timeout=60)

    run.version = request.param
    return run


def test_showing_an_object_does_not_change_it(recorded):
    assert recorded("flattened").outcome.value == "functools.partial(<built-in function max>, 1, key=None)"


def test_what_is_thrown_through_yield_from_arrives_at_its_depth(recorded):
    events = recorded("thrown").events
    after = [(event.kind, event.function, event.depth) for event in events[11:16]]
    assert after == [
        ("call", "innermost", 2),
        ("exception", "innermost", 2),
        ("return", "innermost", 2),
        ("call", "delegating", 1),
        ("exception", "delegating", 1),
    ]


@only_on_the_reference
@pytest.mark.parametrize("function", ["dropped", "merged", "thrown", "drained"])
def test_nothing_is_kept_alive(recorded, function):
    """A generator that is dropped ends when it would without a recorder."""
    call = "drained([1])" if function == "drained" else f"{function}()"
    truth = reference.record(textwrap.dedent(PROGRAM), call, function)
    assert plain(recorded(function, call).events) == plain(truth)


def test_what_the_caller_gets_is_the_outcome(recorded, program):
    ended = recorded("drained", "drained([1])").outcome.exception
    assert (ended.type, ended.message) == ("RuntimeError", "generator raised StopIteration")
    alone = recorded("leaky", "leaky([1])").outcome.exception
    assert (alone.type, alone.message) == ("RuntimeError", "generator raised StopIteration")
    group = program("""
        def parts():
            try:
                raise ExceptionGroup("batch", [OSError(1), TypeError(2)])
            except* OSError:
                pass
    """)
    left = recorded("parts", file=group).outcome.exception
    assert (left.type, left.message, left.line) == ("ExceptionGroup", "batch (1 sub-exception)", 3)


def test_what_the_call_gives_is_driven_to_its_end(recorded):
    manager = recorded("opened", "opened([])")
    assert [event.kind for event in manager.events].count("return") == 2
    assert (manager.outcome.kind, manager.events[-2].locals["log"]) == ("return", "['open']")
    assert recorded("waits").outcome.value == "3"
    assert recorded("thrown", "(thrown(), leaky([]))[1]").outcome.value == "1"


def test_runaway_recursion_says_what_it_says_alone(recorded):
    trace = recorded("caught")
    assert trace.outcome.value == "'maximum recursion depth exceeded'"
    assert max(event.depth for event in trace.events) == 998
