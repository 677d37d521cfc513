"""Calls into other files of the workspace, recorded on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.trace.compare import align, compare
from cwm_lsp.trace.events import Trace
from cwm_lsp.trace.scopes import within_file

FILES = {
    "pyproject.toml": "",
    "shop/__init__.py": "",
    "shop/rates.py": """\
def rate(kind):
    return {"a": 2}[kind]


def each(function, xs):
    for x in xs:
        yield function(x)


def doubled(xs):
    return [x * 2 for x in xs if x]
""",
    "shop/orders.py": """\
import json
import installed
from shop.rates import doubled, each, rate


def price(x):
    return x * rate("a")


def total(xs):
    json.dumps(installed.twice(xs))
    found = list(each(price, xs))
    try:
        rate("b")
    except KeyError:
        found += doubled(xs)
    return sum(found)


def broken(kind):
    return rate(kind)
""",
    "vendor/site-packages/installed.py": "def twice(xs):\n    return xs + xs\n",
    ".hidden/secret.py": "def hidden(x):\n    return x\n",
}


@pytest.fixture
def orders(tmp_path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop" / "orders.py"


@pytest.fixture
def record(pool, orders, pythons):
    def run(function: str, call: str, *, scope: str = "file", version: str | None = None) -> Trace:
        # Only an installed package's folder may be called so; the interpreter finds it by its own path.
        place = orders.parents[1] / "vendor" / "site-packages"
        source = f"import sys; sys.path.append({str(place)!r}); " + orders.read_text()
        python = pythons[version] if version else None
        return pool.record(orders, function, call, scope=scope, source=source, python=python)

    return run


def test_steps_of_other_files_are_recorded_on_request(record, orders):
    trace = record("total", "total([1, 0])", scope="workspace")
    rates = str(orders.with_name("rates.py"))
    assert trace.outcome.value == "4"
    assert {event.path for event in trace.events} == {None, rates}
    called = [(event.depth, event.function, event.path) for event in trace.events if event.kind == "call"]
    assert called == [
        (0, "total", None),
        (1, "each", rates),
        (2, "price", None),
        (3, "rate", rates),
        (1, "each", rates),
        (2, "price", None),
        (3, "rate", rates),
        (1, "each", rates),
        (1, "rate", rates),
        (1, "doubled", rates),
        (2, "<listcomp>", rates),
    ]
    raised = [(event.depth, event.line, event.path) for event in trace.events if event.kind == "exception"]
    assert raised == [(1, 2, rates), (0, 14, None)]


@pytest.mark.parametrize("call", ["total([1, 0, 3])", "total([])", "broken('b')"])
def test_without_other_files_it_is_what_recording_the_file_alone_gives(record, call):
    function = call.partition("(")[0]
    alone = record(function, call)
    whole = record(function, call, scope="workspace")
    own, indices = within_file(whole)
    assert all(event.path is None for event in alone.events)
    assert len(whole.events) > len(alone.events)
    assert own.events == alone.events
    assert own.outcome == alone.outcome
    assert [whole.events[index].line for index in indices] == [event.line for event in alone.events]


@pytest.mark.parametrize(
    "version", ["3.13", *(pytest.param(v, marks=pytest.mark.long) for v in ("3.8", "3.10", "3.12"))]
)
def test_other_pythons_give_the_same(version, record, pythons):
    if version not in pythons or "3.11" not in pythons:
        pytest.skip(f"needs Python {version} and 3.11")
    traces = [record("total", "total([1, 0])", scope="workspace", version=v) for v in ("3.11", version)]
    assert traces[0].events == traces[1].events


def test_a_prediction_is_compared_with_the_files_own_steps(record):
    alone = record("total", "total([1, 0])")
    whole = record("total", "total([1, 0])", scope="workspace")
    assert compare(alone, whole) == []
    pairs = [(a, b) for a, b in align(alone, whole) if a is not None and b is not None]
    assert [a for a, _ in pairs] == list(range(len(alone.events)))
    assert all(whole.events[b].path is None for _, b in pairs)
    other = record("total", "total([2, 0])", scope="workspace")
    for divergence in compare(alone, other):
        assert other.events[divergence.event_index].path is None


def test_file_of_an_event_survives_json(record):
    trace = record("total", "total([1])", scope="workspace")
    assert Trace.from_json(trace.to_json(), trace.source).events == trace.events
