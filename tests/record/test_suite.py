"""A project's tests are run as ever, and its functions have calls and runs afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.record.store import TraceStore

pytestmark = pytest.mark.slow

SHOP = """
import random
from dataclasses import dataclass
from enum import Enum


class Size(Enum):
    S = 1
    L = 2


@dataclass
class Item:
    sku: str
    qty: int = 1

    def cost(self, price, *more, tax=0, **rest):
        return self.qty * price + tax


class Cart:
    def __init__(self, owner):
        self.owner = owner
        self.items = []

    def add(self, item):
        self.items.append(item)
        return len(self.items)

    @classmethod
    def of(cls, *owners):
        return [cls(owner) for owner in owners]

    @property
    def empty(self):
        return not self.items


    @property
    def last(self):
        return self.items[-1]


class Shelf:
    __slots__ = ("things",)

    def __init__(self):
        self.things = []

    def put(self, thing):
        self.things.append(thing)
        return len(self.things)


def total(items, prices):
    out = 0
    for item in items:
        out += item.cost(prices[item.sku], 1, tax=2)
    return out


def dice(n):
    return [random.randint(1, 6) for _ in range(n)]


def price(size, scale=object()):
    return size.value * 2


def bad(x):
    return 1 // x


def steps(n):
    for i in range(n):
        yield half(i)


def half(i):
    return i // 2


def deep(n):
    return deep(n + 1)


def long(n):
    for i in range(n):
        half(i)
    return n
"""
TESTS = """
import sys
import pytest
import shop


def test_total():
    assert shop.total([shop.Item("a", 2)], {"a": 3}) == 8


def test_chance():
    assert len(shop.dice(3)) == 3


def test_cart():
    cart = shop.Cart("ann")
    assert cart.empty
    assert cart.add(1) == 1
    assert cart.add(2) == 2
    assert cart.last == 2
    assert shop.Shelf().put(3) == 1
    assert len(shop.Cart.of("a", "b")) == 2


def test_ends():
    with pytest.raises(ZeroDivisionError):
        shop.bad(0)
    assert list(shop.steps(4)) == [0, 0, 1, 1]
    assert shop.price(shop.Size.L) == 4


def test_many():
    assert shop.long(5_000) == 5_000
    for i in range(3_000):
        assert shop.half(i) == i // 2


def test_deep():
    with pytest.raises(RecursionError):
        shop.deep(0)


def test_that_fails(capsys):
    print("something")
    assert shop.half(3) == 2
"""


@pytest.fixture
def project(tmp_path):
    return written(tmp_path / "project")


def written(folder: Path) -> Path:
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "conftest.py").touch()
    (folder / "shop.py").write_text(SHOP)
    (folder / "tests" / "test_shop.py").write_text(TESTS)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project whose tests have been recorded, and what that printed."""
    folder = written(tmp_path_factory.mktemp("recorded") / "project")
    return folder, run(folder, "-m", "cwm_lsp", "record", "--pytest", "--json", "--", "-q", "tests")


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-P", *arguments] if sys.version_info >= (3, 11) else [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def calls_of(project: Path) -> dict[str, list[str]]:
    path = str(project / "shop.py")
    return TraceStore.of(path).calls(path)


def test_every_function_that_tests_reach_has_its_calls(recorded):
    project, done = recorded
    kept = json.loads(done.stdout)
    assert kept["exit"] == 1 == done.returncode
    assert "6 passed" in done.stderr
    assert "1 failed" in done.stderr
    calls = calls_of(project)
    assert calls["total"] == ["total([Item(sku='a', qty=2)], {'a': 3})"]
    assert calls["Item.cost"] == ["Item(sku='a', qty=2).cost(3, 1, tax=2)"]  # within that of `total`
    assert calls["dice"] == ["dice(3)"]
    assert calls["Cart.of"] == ["Cart.of('a', 'b')"]
    assert calls["Cart.empty"] == ["Cart('ann').empty"]
    changed = "self = object.__new__(Cart)\nself.__dict__.update({'owner': 'ann', 'items': [1]})\nself.add(2)"
    assert sorted(calls["Cart.add"]) == ["Cart('ann').add(1)", changed]  # then the cart is not as it was made
    assert calls["Cart.last"] == [changed.replace("[1]", "[1, 2]").replace("self.add(2)", "self.last")]
    assert "Shelf.put" not in calls, "what a slot holds is no attribute"
    assert calls["price"] == ["price(Size.L)"]
    assert calls["bad"] == ["bad(0)"]
    assert len(calls["half"]) == 3
    assert calls["long"] == ["long(5000)"]
    assert "steps" not in calls
    assert not any("test" in name for name in calls)


def test_runs_of_calls_that_cannot_be_written_are_remembered_all_the_same(recorded):
    project, _ = recorded
    path = str(project / "shop.py")
    runs = TraceStore.of(path).runs(path, "Shelf.put", "")
    assert {trace.call: trace.outcome.value for trace, _ in runs} == {"": "1"}


def test_a_call_on_an_object_that_has_changed_goes_as_it_went(recorded):
    project, _ = recorded
    path = str(project / "shop.py")
    call = next(call for call in calls_of(project)["Cart.add"] if "update" in call)
    (run_of, _), *_ = TraceStore.of(path).runs(path, "Cart.add", call)
    done = run(project, "-m", "cwm_lsp", "predict", "shop.py:Cart.add", "--call", call, "--no-memory", "--json")
    told = json.loads(done.stdout)
    assert [event["line"] for event in told["events"]] == [event.line for event in run_of.events]
    assert (told["outcome"]["value"], told["events"][-1]["provenance"]["value"]) == ("2", "computed")
    again = json.loads(run(project, "-m", "cwm_lsp", "record", "shop.py:Cart.add", "--call", call, "--json").stdout)
    assert again["outcome"]["value"] == "2"


def test_what_tests_saw_is_what_is_predicted(recorded):
    project, _ = recorded
    done = run(project, "-m", "cwm_lsp", "predict", "shop.py:dice", "--json")
    predicted = json.loads(done.stdout)
    path = str(project / "shop.py")
    [(run_of_tests, when)] = TraceStore.of(path).runs(path, "dice", "dice(3)")
    assert predicted["call"] == "dice(3)"
    assert predicted["outcome"]["value"] == run_of_tests.outcome.value
    assert predicted["runs"] == [when]


def test_ends_are_told_as_a_run_of_its_own_tells_them(recorded):
    project, _ = recorded
    path = str(project / "shop.py")
    [(bad, _)] = TraceStore.of(path).runs(path, "bad", "bad(0)")
    told = json.loads(run(project, "-m", "cwm_lsp", "record", "shop.py:bad", "--call", "bad(0)", "--json").stdout)
    assert [event.to_json() for event in bad.events] == told["events"]
    assert bad.outcome.to_json() == told["outcome"]
    deep = TraceStore.of(path).trace(path, "deep", "deep(0)", (project / "shop.py").read_text())
    assert deep is not None
    assert deep.outcome.kind in ("truncated", "exception")


def test_plugin_of_its_own(project):
    done = run(project, "-m", "pytest", "-q", "-p", "cwm_lsp.pytest_plugin")
    assert "1 failed, 6 passed" in done.stdout
    assert "dice" in calls_of(project)


def test_beside_what_traces_already(project):
    (project / "conftest.py").write_text(
        "import sys\nimport pytest\n\ndef trace(frame, event, arg):\n    return None\n\n"
        "@pytest.hookimpl(hookwrapper=True, tryfirst=True)\ndef pytest_runtestloop():\n"
        "    sys.settrace(trace)\n    yield\n    sys.settrace(None)\n"
    )
    done = run(project, "-m", "cwm_lsp", "record", "--pytest")
    assert "1 failed, 6 passed" in done.stdout
    if sys.version_info >= (3, 12):
        assert "dice" in calls_of(project)
    else:
        assert "coverage or a debugger traces already" in done.stdout
        assert calls_of(project) == {}


def test_interpreter_without_pytest(project, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    done = run(project, "-m", "cwm_lsp", "record", "--pytest", "--python", str(bare / "bin" / "python"))
    assert done.returncode == 3
    assert "has no pytest" in done.stderr
