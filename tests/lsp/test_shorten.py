"""Values made short by their structure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_lsp.lsp.views.shorten import share, shorten

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
    ],
)
def test_examples(value, width, expected):
    assert shorten(value, width) == expected


def test_the_short_do_not_pay_for_the_long():
    assert share([1, 100, 5], 20) == [1, 14, 5]
    assert share([100, 100], 20) == [10, 10]
    assert share([2, 3], 20) == [2, 3]
