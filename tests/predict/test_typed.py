"""What a text tells of the types of values, and which reprs these can have."""

from __future__ import annotations

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.predict.reprs import type_of
from cwm_lsp.predict.typed import Typed, can_be, shown

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
        "a": {"int"}, "b": {"str", "None"}, "c": {"float", "None"}, "d": {"list"}, "e": set(), "g": {"dict"},
        "h": set(),
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


def test_what_is_not_known_shows_as_its_type() -> None:
    assert shown(frozenset({"dict"})) == "<dict object>"
    assert shown(frozenset({"dict", "None"})) is None
