"""What a text tells of the types of values, and which reprs these can have."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.predict.labels import Labels
from cwm_lsp.predict.reprs import type_of
from cwm_lsp.predict.typed import Typed, can_be, shown, type_text
from cwm_lsp.source.imported import Place, nowhere
from cwm_lsp.trace.events import Event

SOURCE = """\
from typing import List, Optional
import decimal


@decorated
def f(a: int, b: "str | None", c: Optional[float], d: List[int], e: decimal.Decimal, *, g: dict[str, int], h) -> str:
    n = len(d)
    text = f"{a}"
    both = [] if a else {}
    missing = a.b
    kept = b is not None
    less = a < n
    return text


def rows(n: int) -> list:
    yield n


def nothing() -> None:
    pass
"""


def test_parameters_and_returns_have_the_types_of_their_annotations() -> None:
    typed = Typed(SOURCE)
    found = {name: set(typed.parameter(5, name)) for name in "abcdegh"}
    assert found == {
        "a": {"int"}, "b": {"str", "None"}, "c": {"float", "None"}, "d": {"list[int]"}, "e": set(),
        "g": {"dict[str, int]"}, "h": set(),
    }  # fmt: skip
    assert [set(typed.returned(line)) for line in (5, 16, 20)] == [{"str"}, set(), {"None"}]


def test_what_is_imported_is_no_builtin_value() -> None:
    typed = Typed("from xml.parsers import expat\nimport os.path\n\n\ndef f(a, b=expat, *, c=os, d=3, e):\n    pass\n")
    can = {name: can_be("None", typed.parameter(5, name)) for name in "abcde"}
    assert can == {"a": True, "b": False, "c": False, "d": True, "e": True}
    assert can_be("<module 'xml.parsers.expat'>", typed.parameter(5, "b"))
    assert shown(typed.parameter(5, "b")) is None


def test_a_module_that_is_not_loaded_here_is_not_none() -> None:
    source = "from xml.parsers import expat\n\n\ndef f(a, b=expat):\n    return a\n"
    shown = next(iter(Evaluation(source, "f(1)", "f", around=Around("/tmp/a.py"))))
    assert not isinstance(shown, Question) or "None" not in shown.suggestions.values()
    assert isinstance(shown, Question) or shown.locals["b"] == "..."


def test_names_have_the_types_of_what_they_are_assigned() -> None:
    typed = Typed(SOURCE)
    lines = {"n": 7, "text": 8, "both": 9, "missing": 10, "kept": 11, "less": 12}
    assert {name: set(typed.assigned([line], name)) for name, line in lines.items()} == {
        "n": {"int"}, "text": {"str"}, "both": {"list", "dict"}, "missing": set(), "kept": {"bool"}, "less": set(),
    }  # fmt: skip
    assert not typed.assigned([7, 10], "n")
    assert not Typed("def len(x): ...\nn = len([])\n").assigned([2], "n")
    assert not Typed("if a and (n := len(b)):\n    pass\n").assigned([1], "n")


@pytest.mark.parametrize(
    "value",
    [0, -3, 1.5, float("inf"), 2j, True, None, "a", 'it\'s "', b"a", [1, [2]], (), (1,), {}, {"a": 1}, {1}, set(),
     frozenset(), bytearray(b"a")],
    ids=repr,
)  # fmt: skip
def test_a_repr_tells_its_type(value: object) -> None:
    name = "None" if value is None else type(value).__name__
    assert type_of(repr(value)) == name
    assert can_be(repr(value), frozenset({name}))
    assert not can_be(repr(value), frozenset({"str" if name != "str" else "list"}))


def test_a_subclass_may_show_as_it_likes() -> None:
    for text in ("<Colour.RED: 1>", "Point(x=1)", "Counter({'a': 1})", "range(3)"):
        assert can_be(text, frozenset({"int"}))
    assert can_be("True", frozenset({"int"}))
    assert can_be("3", frozenset({"float"}))
    assert not can_be("1.5", frozenset({"int"}))
    assert can_be("1.5", frozenset())


MODELS = """\
from __future__ import annotations
import enum
from dataclasses import dataclass


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Money(int):
    pass


class Loud:
    def __repr__(self):
        return "1"


@dataclass
class Item:
    name: str
    price: float

    def total(self, n: int) -> float:
        return self.price * n


class Base:
    def __init__(self) -> None:
        self.items: list[Item] = []

    def copy(self) -> Self:
        return self


class Cart(Base):
    @property
    def size(self) -> int:
        return len(self.items)


def load(name: str) -> dict[str, float]: ...
def money() -> Money: ...
def loud() -> Loud: ...
async def fetch(name: str) -> Cart | None: ...
@cached
def decorated() -> int: ...
"""
MAIN = """\
import os.path
import random
import re
import time
from datetime import datetime
from shop import models
from shop.again import Cart, Colour
from shop.models import load as read


class Shop:
    def pick(self) -> Cart: ...

    def use(self, cart: models.Cart, other):
        rates = read("x")
        rate = rates["a"]
        now = datetime.now()
        stamp = time.time()
        number = random.randint(1, 6)
        where = os.path.exists("a")
        found = re.compile("a")
        picked = self.pick()
        item = picked.items[0]
        price = item.price
        whole = item.total(3)
        size = cart.size
        copied = cart.copy()
        words = "a b".split()
        colour: Colour = other
        money, loud = models.money(), models.loud()
        made = models.money()
        said = models.loud()
        hidden = models.decorated()
        unknown = other.x
        either = 1
        either = "a"
        return price


async def wait():
    cart = await models.fetch("a")
    pending = models.fetch("a")
    return cart
"""
FOUND = {
    "self": "shop.main.Shop", "cart": "shop.models.Cart", "rates": "dict[str, float]", "rate": "float",
    "now": "datetime.datetime", "stamp": "float", "number": "int", "where": "bool", "found": "re.Pattern",
    "picked": "shop.models.Cart", "item": "shop.models.Item", "price": "float", "whole": "float", "size": "int",
    "copied": "shop.models.Base", "colour": "shop.models.Colour", "either": "int | str", "money": None, "loud": None,
    "made": None, "said": None, "hidden": None, "unknown": None, "other": None, "nowhere": None,
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Typed:
    files = {
        "models.py": MODELS,
        "main.py": MAIN,
        "again.py": "from .models import *\nfrom .models import Cart, Colour\n",
    }
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shop").mkdir()
    for name, text in {"__init__.py": "", **files}.items():
        (tmp_path / "shop" / name).write_text(text)
    path = str(tmp_path / "shop" / "main.py")
    return Typed(MAIN, partial(Place.of, path, MAIN))


def test_types_come_from_other_files_and_from_stubs_of_the_library(shop: Typed) -> None:
    line = MAIN.split("\n").index("        return price") + 1
    assert {name: type_text(shop.local(line, name)) for name in FOUND} == FOUND
    last = MAIN.split("\n").index("    return cart") + 1
    assert type_text(shop.local(last, "cart")) == "shop.models.Cart | None"
    assert type_text(shop.local(last, "pending")) is None


def test_objects_show_as_no_builtin_value_and_enumerations_as_a_member(shop: Typed) -> None:
    line = MAIN.split("\n").index("        return price") + 1
    cart, colour = shop.local(line, "cart"), shop.local(line, "colour")
    can = [shop.can_be(text, cart) for text in ("<shop.models.Cart object>", "Cart(1)", "'ann'", "None", "[1]")]
    assert can == [True, True, False, False, False]
    can = [shop.can_be(text, colour) for text in ("<Colour.RED: 1>", "<Colour.GREEN: 3>", "Colour(1)", "'red'")]
    assert can == [True, False, False, False]
    assert shop.can_be("1", shop.local(line, "loud"))


def test_what_is_not_known_is_labelled_with_its_type(tmp_path: Path) -> None:
    source = "def f(name: str) -> dict[str, float]:\n    rates: dict[str, int] = other(name)\n    return rates\n"
    labels = Labels(source, nowhere)
    told = labels.of(Event("line", 3, 0, "f", {"name": "'a'", "rates": "..."}, provenance={"rates": "unknown"}))
    assert told.locals == {"name": "'a'", "rates": "dict[str, int]"}
    assert (
        labels.of(Event("return", 3, 0, "f", value="...", provenance={"value": "unknown"})).value == "dict[str, float]"
    )
    kept = Event("line", 3, 0, "f", {"rates": "<shop.Rates object>"}, provenance={"rates": "unknown"})
    assert labels.of(kept).locals == kept.locals


def test_what_is_not_known_shows_as_its_type() -> None:
    assert shown(frozenset({"dict"})) == "<dict object>"
    assert shown(frozenset({"dict", "None"})) is None
