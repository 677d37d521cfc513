"""What is told of objects whose text does not tell what they hold."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

import pytest

from cwm_lsp.record.insides import LONGEST, described
from cwm_lsp.record.privacy import without_secrets
from cwm_lsp.record.suite import _written_with_objects
from cwm_lsp.record.values import Values
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import Event, Outcome, Trace


class Plain:
    kind = "plain"

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.size = 3

    def grow(self) -> None:
        self.size += 1


class Slots:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Sized(Plain):
    def __len__(self) -> int:
        raise AssertionError("it is not asked")

    @property
    def size(self) -> int:
        raise AssertionError("it is not read")

    @size.setter
    def size(self, value: int) -> None:
        pass


class Hooked(Plain):
    def __getattribute__(self, name: str) -> Any:
        assert name not in ("inner", "size"), "it is not asked"
        return super().__getattribute__(name)


class Pair(NamedTuple):
    one: Any
    two: Any


def told(value: Any) -> str | None:
    values = Values()
    text = values.text(value)
    found = described(value, text, values) if values.opaque else None
    assert found is None or ast.parse(found, mode="eval")
    return found.replace(f"{__name__}.", "") if found else None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Plain(1), "object('<Plain object>', True, inner=1, size=3)"),
        (Slots(), "object('<Slots object>', True, a=1)"),
        (Sized([2]), "object('<Sized object>', inner=[2])"),
        ([Slots(), (Slots(),)], "[object('<Slots object>', True, a=1), (object('<Slots object>', True, a=1),)]"),
        ({"x": Plain({"y": None})}, "{'x': object('<Plain object>', True, inner={'y': None}, size=3)}"),
        (Plain(print), "object('<Plain object>', True, inner=object('<built-in function print>'), size=3)"),
        (Plain("x" * 300), "object('<Plain object>', True, inner=..., size=3)"),
        (Plain(range(3)), "object('<Plain object>', True, inner=range(0, 3), size=3)"),
        ([1, "a", (2, None)], None),
        (object(), None),
        (Pair(1, [2]), None),
        (Hooked(1), None),
    ],
)
def test_attributes_are_told_without_running_anything(value, text):
    assert told(value) == text


def test_what_holds_itself_or_very_much_ends():
    around = Plain(None)
    around.inner = [around]
    assert told(around) == "object('<Plain object>', True, inner=[...], size=3)"
    deep = Plain(None)
    for _ in range(20):
        deep = Plain(deep)
    assert (told(deep) or "").count("object(") < 8
    many = told(Plain([Plain([Plain(n) for n in range(20)]) for _ in range(20)]))
    assert many is None or len(many) <= LONGEST


SHOP = """\
import item


class Item:
    pass


class Cart:
    def __init__(self, items):
        self.items = items

    def cost(self, rate):
        return rate


def price(item, rate=2):
    return item.qty * rate
"""
ITEM = "object('<shop.Item object>', True, name='a', qty=3)"


@pytest.mark.parametrize(
    ("function", "shown", "held", "call"),
    [
        (
            "price",
            {"item": "<shop.Item object>", "rate": "5"},
            {"item": ITEM},
            "item_ = object.__new__(Item)\nitem_.__dict__.update({'name': 'a', 'qty': 3})\nprice(item_, 5)",
        ),
        (
            "Cart.cost",
            {"self": "<shop.Cart object>", "rate": "5"},
            {"self": f"object('<shop.Cart object>', True, items=[{ITEM}, 1])"},
            "self_items_0 = object.__new__(Item)\nself_items_0.__dict__.update({'name': 'a', 'qty': 3})\n"
            "self = object.__new__(Cart)\nself.__dict__.update({'items': [self_items_0, 1]})\nself.cost(5)",
        ),
        ("price", {"item": "<shop.Item object>", "rate": "5"}, {"item": ITEM.replace("3", "...")}, None),
        ("price", {"item": "<other.Thing object>", "rate": "5"}, {"item": ITEM.replace("Item", "Thing")}, None),
        ("price", {"item": "<shop.Item object>", "rate": "5"}, {}, None),
    ],
)
def test_a_call_is_written_with_the_objects_that_a_run_saw(function, shown, held, call):
    found = find(SHOP, function, "shop.py")
    first = Event("call", found.first_line, 0, found.name, shown, held=held)
    assert _written_with_objects(found, first, SHOP) == call


def test_a_call_that_has_a_secret_is_not_kept():
    call = "self = object.__new__(Cart)\nself.__dict__.update({'api_token': 'x1234567'})\nself.cost(5)"
    assert without_secrets(Trace("Cart.cost", call, "shop.py", "recorded", SHOP, (), Outcome("return", "5"))) is None
