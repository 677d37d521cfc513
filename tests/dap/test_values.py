"""Reprs as trees."""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_lsp.dap.values import Value, part_of, value_of

KEYS = st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.binary(max_size=3), st.none())
VALUES = st.recursive(
    st.one_of(KEYS, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=15,
)


@given(VALUES)
def test_parts_are_those_of_the_value(value: Any) -> None:
    shown = value_of(repr(value))
    assert shown.type == type(value).__name__
    parts = shown.parts()
    if isinstance(value, dict):
        assert [(part.name, part.value.text) for part in parts] == [(repr(k), repr(v)) for k, v in value.items()]
    elif isinstance(value, list | tuple | set):
        assert [part.value.text for part in parts] == [repr(element) for element in value]
    else:
        assert not parts
    assert len(parts) == shown.elements + shown.fields
    assert shown.parts(1, 3) == parts[1:3]
    for part in parts:  # what is said to get a part does
        if part.access is not None:
            assert eval(f"value{part.access}", {"value": value}) == ast.literal_eval(part.value.text)
            expression = ast.parse(f"value{part.access}", mode="eval").body
            assert part_of(expression, {"value": shown}) == ("value", part.value)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (deque([1, 2], maxlen=4), ["0", "1"]),
        (Counter("aab"), ["'a'", "'b'"]),
        (OrderedDict(x=1), ["'x'"]),
        (frozenset({7}), ["0"]),
        ({}.keys(), []),
        (set(), []),
        (range(3), []),
        (ValueError("x"), []),
        (object(), []),
    ],
)
def test_what_holds_elements_has_them(value: Any, names: list[str]) -> None:
    shown = value_of(repr(value))
    assert shown.type == type(value).__name__
    assert [part.name for part in shown.parts()] == names


@pytest.mark.parametrize(
    "text", ["", "...", "<a, b>", "[" * 500, "Box(size=<object>)", "a b", "1" * 5000, "'\ud800'", "\0"]
)
def test_what_is_no_syntax_is_a_leaf(text: str) -> None:
    assert value_of(text).parts() == []


def test_attributes_are_those_of_the_repr() -> None:
    box = value_of("Box(\n size=[1,\n  2], näme='é')")
    assert [(part.name, part.access, part.value.text) for part in box.parts()] == [
        ("size", ".size", "[1,\n  2]"),
        ("näme", ".näme", "'é'"),
    ]
    size = box.attribute("size")
    assert isinstance(size, Value)
    assert [part.value.text for part in size.parts()] == ["1", "2"]
