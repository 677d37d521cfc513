"""Calls that statements prepare: found in tests with what made their objects, given on the command line; predicted and
recorded alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.callers import callers
from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.source.bind import bind
from cwm_lsp.source.calls import candidates
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import find
from cwm_lsp.source.prepared import one_line, read_call
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Trace

pytestmark = pytest.mark.slow

SHOP = """
from dataclasses import dataclass

@dataclass
class Item:
    sku: str
    price: float

class Shop:
    def __init__(self, items=()):
        self.items = list(items)
        self.log = []

    def add(self, item):
        self.items.append(item)
        return item

    def __enter__(self):
        self.log.append("opened")
        return self

    def __exit__(self, *_):
        self.log.append("closed")

def total(shop, factor=1):
    return sum(item.price for item in shop.items) * factor

def names(shop, log=None):
    return [item.sku for item in shop.items], shop.log, log

class Counter:
    def __init__(self):
        self.n = 0

    def up(self, by):
        self.n += by
        return self.n
"""

TESTS = {
    "conftest.py": """
import pytest
from shop import Item, Shop

PRICES = {"a": 1.0, "b": 2.5}

def stocked(prices):
    made = Shop()
    for sku, price in prices.items():
        made.add(Item(sku, price))
    return made

@pytest.fixture
def shop():
    made = stocked(PRICES)
    yield made
    made.items.clear()

@pytest.fixture(params=[3, 4])
def factor(request):
    return request.param
""",
    "helpers.py": "from shop import Shop, Item\n\ndef single(price):\n    return Shop([Item('one', price)])\n",
    "test_shop.py": """
import unittest
import pytest
from helpers import single
from shop import Counter, Item, Shop, names, total

CASES = [([1.0], 1.0), ([2.0, 3.0], 5.0)]

def of(prices):
    return Shop([Item("x", price) for price in prices])

def test_fixture_of_conftest(shop, factor):
    assert total(shop, factor) == 10.5

def test_changed(shop):
    shop.add(Item("c", 4.0))
    shop.items[0].price += 1
    assert total(shop) == 8.5

@pytest.mark.parametrize("prices, expected", CASES)
def test_rows_and_a_helper(prices, expected):
    shop = of(prices)
    assert total(shop, factor=2) == 2 * expected

def test_another_file():
    assert total(single(7.0)) == 7.0

def test_loop():
    shop = Shop()
    for n in range(3):
        shop.add(Item(str(n), n))
    del shop.items[0]
    one, *rest = shop.items
    assert names(Shop(rest), log=[one]) == 1

def test_inner():
    class Free(Item):
        pass
    def make(sku):
        return Free(sku, 0.0)
    shop = Shop([make("f")])
    with shop as opened:
        assert names(opened) == 1
    try:
        shop.add(Item("g", 1.0))
    except ValueError as error:
        shop.log.append(error)
    assert names(shop, [error for error in ()]) == 2

def test_raising():
    shop = Shop()
    with pytest.raises(AttributeError):
        shop.add(Item("q", 1)).nothing()
    assert total(shop) == 0

class Base(unittest.TestCase):
    start = [Item("s", 9.0)]

    def setUp(self):
        self.shop = Shop(self.start)
        self.shop.add(Item("t", 1.0))

class TestUp(Base):
    def test_up(self):
        counter = Counter()
        self.assertEqual(counter.up(1), 1)
        self.assertEqual(counter.up(by=2), 3)

    def test_total(self):
        self.assertEqual(total(self.shop), 10.0)
        self.assertEqual(total(self.made(3)), 3)

    def made(self, price):
        return Shop([Item("m", price)])
""",
}

FOUND = {
    "total": [
        "total(stocked({'a': 1.0, 'b': 2.5}), 3)",
        "shop = stocked({'a': 1.0, 'b': 2.5}); shop.add(Item('c', 4.0)); shop.items[0].price += 1; total(shop)",
        "total(of([1.0]), factor=2)", "total(of([2.0, 3.0]), factor=2)",
        "from helpers import single; total(single(7.0))",
        "total(Shop())",
        "shop = Shop([Item('s', 9.0)]); shop.add(Item('t', 1.0)); total(shop)",
        "total(made(3))",
    ],
    "names": [
        "shop = Shop(); for n in range(3): shop.add(Item(str(n), n)); del shop.items[0]; one, *rest = shop.items; "
        "names(Shop(rest), log=[one])",
    ],
    "Counter.up": ["Counter().up(1)", "counter = Counter(); counter.up(1); counter.up(by=2)"],
}  # fmt: skip
"""As they are shown, without the functions that they bring with them."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "pyproject.toml").write_text("")
    (folder / "shop.py").write_text(SHOP)
    (folder / "tests").mkdir()
    for name, text in TESTS.items():
        (folder / ("" if name == "helpers.py" else "tests") / name).write_text(text)
    return folder


def found(project: Path, name: str) -> list[str]:
    path = project / "shop.py"
    around = callers(str(path), [project])
    calls = candidates(SHOP, find(SHOP, name, "shop.py"), path=str(path), tests=around.tests, callers=around.others)
    return [call.expression for call in calls if call.origin != "defaults"]


def without_definitions(call: str) -> str:
    return "; ".join(part for part in one_line(call).split("; ") if not part.startswith(("def ", "class ")))


def computed(path: Path, name: str, call: str) -> Trace:
    source = path.read_text()
    module = layout(path, source).module
    evaluation = Evaluation(source, call, name, module=module, around=Around(str(path)))
    events = []
    for step in evaluation:
        assert not isinstance(step, Question), (call, step)
        events.append(step)
    assert evaluation.outcome is not None, (call, evaluation.gave_up)
    return Trace(name, call, str(path), "predicted", source, tuple(events), evaluation.outcome)


@pytest.mark.parametrize("name", FOUND)
def test_calls_carry_what_makes_their_objects_and_go_as_they_are_computed(project: Path, name: str) -> None:
    calls = found(project, name)
    shown = [without_definitions(call) for call in calls]
    assert [one for one in FOUND[name] if one not in shown] == [], shown
    with RecorderPool() as pool:
        for call in calls:
            recorded = pool.record(project / "shop.py", name, call)
            assert recorded.outcome.kind == "return", (call, recorded.outcome)
            assert not compare(computed(project / "shop.py", name, call), recorded), call


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("shop = Shop(); shop.add(Item('a', 2.0)); total(shop, 2)", "4.0"),
        ("total = total(Shop([Item('a', 1.0)]))\nnames(Shop(), total)", None),
        ("import json\nfor n in range(2):\n    x = json.loads('[%d]' % n)\nnames(Shop(), x)", None),
        ("def make():\n    return Shop([Item(*pair) for pair in pairs])\npairs = [('a', 1.5)]\ntotal(make())", "1.5"),
    ],
)
def test_statements_are_carried_out_as_if_they_stood_at_the_end_of_the_file(
    project: Path, call: str, value: str | None
) -> None:
    name = "total" if value else "names"
    with RecorderPool(ahead=False) as pool:
        recorded = pool.record(project / "shop.py", name, call)
    assert recorded.outcome.kind == "return" and value in (None, recorded.outcome.value)
    assert not compare(computed(project / "shop.py", name, call), recorded)


def test_what_fails_before_the_call_is_told(project: Path) -> None:
    call = "shop = Shop(); shop.nothing(); total(shop)"
    evaluation = Evaluation(SHOP, call, "total")
    assert list(evaluation) == []
    assert evaluation.gave_up is not None and "'Shop' object has no attribute 'nothing'" in evaluation.gave_up
    with RecorderPool(ahead=False) as pool:
        recorded = pool.record(project / "shop.py", "total", call)
    assert recorded.outcome.kind == "error" and "AttributeError" in str(recorded.outcome.detail)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("shop = Shop(); shop = 1", "its last statement, 'shop = 1', is no call"),
        ("shop = Shop(; total(shop)", "does not parse"),
        ("shop = Shap(); total(shop)", "name 'Shap' is not defined"),
        ("shop = Shop(); total()", "missing 1 required positional argument: 'shop'"),
        ("total(Shop()); names(Shop())", "does not call total()"),
    ],
)
def test_calls_that_do_not_fit(call: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        bind(call, find(SHOP, "total", "shop.py"), SHOP)


def test_the_command_line_takes_statements(project: Path) -> None:
    call = "shop = Shop(); shop.add(Item('a', 2.5)); total(shop)"
    command = [sys.executable, "-m", "cwm_lsp", "compare", "shop.py:total", "--call", call, "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["divergences"], told["predicted"]["outcome"]["value"]) == ([], "2.5")
    assert set(told["predicted"]["events"][-1]["provenance"].values()) == {"computed"}


def test_a_call_without_statements_is_what_it_was() -> None:
    assert read_call(" f(';')\n").before == ()
    assert one_line("f(1,\n  2)") == "f(1,   2)"


INDIRECT = """
class Machine:
    def __init__(self, parts):
        self.parts = [self._clean(part) for part in parts]

    def _clean(self, part):
        return part.strip()

    def run(self):
        return _joined(self.parts)


def _joined(parts):
    return _dash().join(parts)


def _dash():
    return "-"


def _never(parts):
    return _joined(parts)
"""


def test_what_no_test_calls_is_reached_through_what_one_calls(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "machine.py"
    path.write_text(INDIRECT)
    (tmp_path / "test_machine.py").write_text(
        "from machine import Machine\n\ndef test():\n    assert Machine(['a ', 'b']).run() == 'a-b'\n"
    )
    around = callers(str(path), [tmp_path])
    for name, value in {"Machine._clean": "'a'", "_joined": "'a-b'", "_dash": "'-'"}.items():
        call = candidates(INDIRECT, find(INDIRECT, name, "machine.py"), path=str(path), tests=around.tests)[0]
        assert (call.origin, call.indirect) == ("test", True)
        with RecorderPool(ahead=False) as pool:
            recorded = pool.record(path, name, call.expression)
        assert recorded.outcome.value == value
        assert not compare(computed(path, name, call.expression), recorded)
    calls = candidates(INDIRECT, find(INDIRECT, "_never", "machine.py"), path=str(path), tests=around.tests)
    assert all(call.origin == "defaults" for call in calls)
