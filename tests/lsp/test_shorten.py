"""Values made short by their structure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_lsp.lsp.views.changes import Change, changes
from cwm_lsp.lsp.views.shorten import apart, share, shorten, shorten_call

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner) | st.just({1})
    ),
    max_leaves=40,
)


@given(VALUES, st.integers(1, 60))
def test_nothing_is_longer_than_it_may_be(value, width):
    short = shorten(repr(value), width)
    assert 1 <= len(short) <= max(width, 1)
    assert short == repr(value) or "…" in short


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [
        ("[1, 2]", 6, "[1, 2]"),
        (repr(list(range(100))), 20, "[0, 1, 2, … 97 more]"),
        (repr("a" * 50), 10, "'aaaaaaa…'"),
        ("Point(x=1, y=2, z=3, w=4)", 22, "Point(x=1, … 3 more)"),
        ("[[1, 2, 3], [4, 5, 6], [7, 8, 9]]", 24, "[[1, 2, 3], … 2 more]"),
        ("12345678901234567890", 8, "1234567…"),
        ("<C object at 0x7f0000000000>", 10, "<C object…"),
        ("{'a': 'it, is: [so'}", 12, "{'a': 'it…'}"),
        ("Inventory(items={}, journal=[])", 11, "Inventory…"),
    ],
)
def test_examples(value, width, expected):
    assert shorten(value, width) == expected


@given(VALUES, VALUES, st.integers(1, 60))
def test_what_is_seen_against_another_value_is_no_longer_either(value, other, width):
    short = shorten(repr(value), width, repr(other))
    assert 1 <= len(short) <= max(width, 1)


@given(
    st.recursive(st.integers(0, 9) | st.text("ab[", max_size=9), lambda inner: st.lists(inner), max_leaves=30),
    st.integers(6, 60),
)
def test_brackets_are_balanced(value, width):
    short = shorten(repr(value), width)
    bare = re.sub(r"'[^']*'", "", short)
    assert bare.count("[") == bare.count("]")


@pytest.mark.parametrize(
    ("value", "other", "width", "expected"),
    [
        (repr(list(range(100))), repr(list(range(99))), 20, "[… 99 more, 99]"),
        (repr(list(range(100))), repr(list(range(101))), 20, "[… 99 more, 99]"),
        (repr("a" * 50 + "b" + "c" * 40), repr("a" * 50), 20, "'…aaabcccccccccccc…'"),
        ("1234567890123", "1234567890124", 8, "…7890123"),
        ("Point(x=1, y=2, z=3, w=4)", "Point(x=1, y=2, z=9, w=4)", 22, "Point(…)"),
        (
            "P(a=1, b=2, c=3, d=4, e=5, f=6, g=7)",
            "P(a=1, b=2, c=3, d=4, e=5, f=0, g=7)",
            26,
            "P(… 5 more, f=6, g=7)",
        ),
        (
            "{'a': [1, 2, 3, 4, 5, 6], 'b': 2}",
            "{'a': [1, 2, 3, 4, 5, 7], 'b': 2}",
            31,
            "{'a': [… 5 more, 6], … 1 more}",
        ),
    ],
)
def test_what_differs_is_not_cut_out(value, other, width, expected):
    assert shorten(value, width, other) == expected


INVENTORY = "Inventory(items={{'POT': Item(sku='POT', stock={})}}, journal={})"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (INVENTORY.format(10, []), INVENTORY.format(7, []), [Change(".items['POT'].stock", "10", "7")]),
        (
            INVENTORY.format(10, []),
            INVENTORY.format(7, ["x"]),
            [Change(".items['POT'].stock", "10", "7"), Change(".journal", "[]", "['x']")],
        ),
        ("A(d={'a': 1})", "A(d={'a': 1, 'b': 2})", [Change(".d['b']", None, "2")]),
        ("[1, 2]", "[1, 3]", [Change("[1]", "2", "3")]),
        ("deque([1, 2])", "deque([1, 3])", [Change("[1]", "2", "3")]),
        ("[1, 2]", "[1, 2, 3]", []),
        ("{'a': 1}", "{'b': 1}", []),
        ("{1, 2}", "{1, 3}", []),
        ("[1, 2, 3, 4]", "[5, 6, 7, 8]", []),
        ("A(1)", "B(1)", []),
        ("1", "2", []),
    ],
)
def test_changes(before, after, expected):
    assert changes(before, after) == expected


@pytest.mark.parametrize(
    ("call", "width", "expected"),
    [
        ("f([1, 2])", 40, "f([1, 2])"),
        ("f(1,\n  2)", 40, "f(1,   2)"),
        ("f([1, 2, 3, 4, 5, 6, 7, 8])", 20, "f([1, 2, … 6 more])"),
        ("SortedList([1, 2, 3, 4, 5, 6, 7, 8]).update([3, 1, 2])", 40, "SortedList(…).update([3, 1, 2])"),
        ("SortedList([1, 2, 3]).update([3, 1, 2], [4, 5, 6])", 34, "SortedList(…).update(…)"),
    ],
)
def test_a_call_is_cut_to_a_line(call, width, expected):
    assert shorten_call(call, width) == expected


def test_the_short_do_not_pay_for_the_long():
    assert share([1, 100, 5], 20) == [1, 14, 5]
    assert share([100, 100], 20) == [10, 10]
    assert share([2, 3], 20) == [2, 3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'ann  1 EUR'", "'ann   1 EUR'"),
        ("a \nb", "a\nb"),
        (f"'{'x' * 200}a'", f"'{'x' * 200}b'"),
        ("a\n" * 80 + "y", "a\n" * 80 + "z"),
    ],
)
def test_values_that_differ_look_different_beside_each_other(one, other):
    shown = apart(one, other, 40)
    assert shown[0] != shown[1]
    assert max(map(len, shown)) <= 40
