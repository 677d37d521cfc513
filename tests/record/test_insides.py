"""What is told of objects whose text does not tell what they hold."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

import pytest

from cwm_lsp.record.insides import LONGEST, described
from cwm_lsp.record.values import Values


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
