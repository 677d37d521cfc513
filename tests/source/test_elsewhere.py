"""Calls that are found in other files than the function's: with names of further modules, with objects built over
several statements. Each is run, and enters the function."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_lsp.callers import callers
from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.source.calls import Call, candidates
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import find
from cwm_lsp.target import resolve

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": "",
    "shop/__init__.py": "from .pricing import total\n",
    "shop/models.py": """
from dataclasses import dataclass, field

@dataclass
class Item:
    sku: str
    price: float

@dataclass
class Cart:
    who: str
    items: list = field(default_factory=list)

    def add(self, item):
        self.items.append(item)

    def size(self):
        return len(self.items)
""",
    "shop/pricing.py": """
def total(cart, rates, on=None):
    return sum(item.price for item in cart.items) * rates["all"]

def twice(x):
    return 2 * x

def lonely(x):
    return x
""",
    "tests/test_pricing.py": """
import datetime
from shop import total
from shop.models import Cart, Item
import pytest

@pytest.fixture
def full():
    cart = Cart("bob")
    cart.add(Item("b", 1.0))
    cart.add(Item("c", 3.0))
    return cart

def test_total():
    cart = Cart("ann")
    cart.add(Item("a", 2.5))
    rates = {"all": 2}
    assert total(cart, rates, on=datetime.date(2024, 1, 31)) == 5

def test_fixture(full):
    assert total(full, {"all": 1}) == 4

def test_not_importable():
    from helpers_that_are_nowhere import LATER
    assert total(Cart("eve"), LATER) == 0
""",
    "tests/test_models.py": """
import unittest
from shop.models import Cart, Item

class TestCart(unittest.TestCase):
    def setUp(self):
        self.cart = Cart("ann")
        self.cart.add(Item("a", 2.5))

    def test_size(self):
        self.assertEqual(self.cart.size(), 1)

    def test_adding_again(self):
        self.cart.add(Item("b", 1))
""",
    "app.py": """
from shop.pricing import twice

def main():
    print(twice(21))

if __name__ == "__main__":
    main()
""",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def found(project: Path, file: str, name: str) -> list[Call]:
    path, source = project / file, FILES[file]
    around = callers(str(path), [project])
    return candidates(source, find(source, name, file), path=str(path), tests=around.tests, callers=around.others)


def test_objects_are_built_as_in_the_test_and_modules_imported_where_the_file_has_them_not(project: Path) -> None:
    calls = [call.expression for call in found(project, "shop/pricing.py", "total") if call.origin == "test"]
    assert set(calls) == {
        "import datetime\nfrom shop.models import Cart, Item\ncart = Cart('ann')\ncart.add(Item('a', 2.5))\n"
        "total(cart, {'all': 2}, on=datetime.date(2024, 1, 31))",
        "from shop.models import Cart, Item\ncart = Cart('bob')\ncart.add(Item('b', 1.0))\ncart.add(Item('c', 3.0))\n"
        "total(cart, {'all': 1})",
    }
    assert all("nowhere" not in call for call in calls)


@pytest.mark.parametrize(
    ("file", "name", "value"), [("shop/pricing.py", "total", "4.0"), ("shop/pricing.py", "twice", "42"),
                                ("shop/models.py", "Cart.size", "1")],
)  # fmt: skip
def test_a_found_call_enters_the_function(project: Path, file: str, name: str, value: str) -> None:
    call = found(project, file, name)[0]
    assert call.origin in ("test", "caller")
    with RecorderPool(ahead=False) as pool:
        recorded = pool.record(project / file, name, call.expression)
    assert (recorded.outcome.kind, recorded.outcome.value) == ("return", value)
    source = FILES[file]
    module = layout(project / file, source).module
    evaluation = Evaluation(source, call.expression, name, module=module, around=Around(str(project / file)))
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome == recorded.outcome


def test_a_method_that_prepares_its_object_is_traced_in_the_call_alone(project: Path) -> None:
    calls = [call.expression for call in found(project, "shop/models.py", "Cart.add") if call.origin == "test"]
    again = "cart = Cart('ann')\ncart.add(Item('a', 2.5))\ncart.add(Item('b', 1))"
    assert "Cart('ann').add(Item('a', 2.5))" in calls and again in calls
    with RecorderPool(ahead=False) as pool:
        recorded = pool.record(project / "shop/models.py", "Cart.add", again)
    assert recorded.events[0].locals["item"] == "Item(sku='b', price=1)"


def test_the_command_line_reads_tests_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert resolve("shop/pricing.py", "twice", None).call.origin == "caller"
    assert resolve("shop/models.py", "Cart.size", None).call.origin == "test"


MADE_UP = {
    "pyproject.toml": "",
    "models.py": """
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

class Kind(Enum):
    BOOK = "book"
    FOOD = "food"

class Point(NamedTuple):
    x: int
    y: int

@dataclass
class Item:
    sku: str
    price: float
    kind: Kind

class Cart:
    def __init__(self, who: str, first: Item):
        self.items = [first]

class Shape(ABC):
    @abstractmethod
    def area(self): ...
""",
    "pack/__init__.py": "from .deep import Deep\n",
    "pack/deep.py": "class Deep:\n    def __init__(self, size: int):\n        self.size = size\n",
    "app.py": """
from __future__ import annotations
from typing import TYPE_CHECKING
import models
from models import Item
from pack import Deep
if TYPE_CHECKING:
    from models import Cart, Kind
    from models import Shape

def price(item: Item):
    return item.price, item.kind.value

def count(cart: Cart):
    return len(cart.items)

def kind(one: Kind):
    return one.value

def far(point: models.Point):
    return point.x + point.y

def deep(one: Deep, many: list[Item]):
    return one.size + len(many)

def shape(one: Shape):
    return one.area()

def nobody(one: Nowhere):
    return one.x
""",
}


@pytest.mark.parametrize("name", ["price", "count", "kind", "far", "deep"])
def test_objects_of_classes_of_other_files_are_made_up(name: str, tmp_path: Path) -> None:
    for file, text in MADE_UP.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    path, source = tmp_path / "app.py", MADE_UP["app.py"]
    (call,) = candidates(source, find(source, name, "app.py"), path=str(path))
    assert call.origin == "defaults"
    with RecorderPool(ahead=False) as pool:
        recorded = pool.record(path, name, call.expression)
    assert recorded.outcome.kind == "return", (call, recorded.outcome)
    evaluation = Evaluation(source, call.expression, name, module="app", around=Around(str(path)))
    assert not [step for step in evaluation if isinstance(step, Question)]
    assert evaluation.outcome == recorded.outcome


@pytest.mark.parametrize("name", ["shape", "nobody"])
def test_what_cannot_be_made_is_not_made_up(name: str, tmp_path: Path) -> None:
    for file, text in MADE_UP.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    source = MADE_UP["app.py"]
    assert candidates(source, find(source, name, "app.py"), path=str(tmp_path / "app.py")) == []
