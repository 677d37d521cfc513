"""Alignment of two sequences, against every way that there is."""

from functools import cache
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cwm_lsp.trace.alignment import align

SEQUENCES = st.lists(st.sampled_from("abc"), max_size=12)
CUT = st.booleans()


def fewest(left, right, left_is_cut, right_is_cut):
    """The fewest elements that are left over, by trying all ways."""

    @cache
    def rest(i, j):
        if (left_is_cut and i == len(left)) or (right_is_cut and j == len(right)):
            return 0
        if i == len(left) or j == len(right):
            return len(left) - i + len(right) - j
        ways = [1 + rest(i + 1, j), 1 + rest(i, j + 1)]
        return min(ways if left[i] != right[j] else [*ways, rest(i + 1, j + 1)])

    return rest(0, 0)


def left_over(pairs, left, right, left_is_cut, right_is_cut):
    """How many elements the pairs leave over, but for those after the end of a sequence that is cut."""
    last_left, last_right = pairs[-1] if pairs else (-1, -1)
    inside = last_left + 1 + last_right + 1 - 2 * len(pairs)
    after = len(left) - 1 - last_left, len(right) - 1 - last_right
    if left_is_cut and right_is_cut:
        return inside + min(after)
    if left_is_cut:
        return inside + after[0]
    if right_is_cut:
        return inside + after[1]
    return inside + sum(after)


@settings(max_examples=600, deadline=None)
@given(SEQUENCES, SEQUENCES, st.integers(0, 9), CUT, CUT)
@example(["b"] * 3, ["a", "c", "d"], 0, False, False)
def test_pairs_are_equal_in_order_and_leave_over_as_few_as_can_be(left, right, seed, left_is_cut, right_is_cut):
    pairs = align(
        left,
        right,
        lambda i, j: (i * 7 + j * 3 + seed) % 4,
        left_is_cut=left_is_cut,
        right_is_cut=right_is_cut,
    )
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(pairs))
    least = fewest(tuple(left), tuple(right), left_is_cut, right_is_cut)
    assert left_over(pairs, left, right, left_is_cut, right_is_cut) == least


@settings(max_examples=200, deadline=None)
@given(SEQUENCES, st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), max_size=3))
def test_of_ways_as_short_the_pairs_that_agree_are_taken(left, extra):
    right = list(left)
    for at, letter in extra:
        right.insert(at, letter)

    @cache
    def least(i, j, edits):
        """The least disagreement of all ways with so many differences."""
        if i == len(left) and j == len(right):
            return 0 if edits == 0 else 10**9
        ways = [10**9]
        if i < len(left) and j < len(right) and left[i] == right[j]:
            ways.append(least(i + 1, j + 1, edits) + (i * j) % 3)
        if edits and i < len(left):
            ways.append(least(i + 1, j, edits - 1))
        if edits and j < len(right):
            ways.append(least(i, j + 1, edits - 1))
        return min(ways)

    pairs = align(left, right, lambda i, j: (i * j) % 3)
    edits = len(left) + len(right) - 2 * len(pairs)
    if edits:
        assert sum((i * j) % 3 for i, j in pairs) == least(0, 0, edits)


def test_long_sequences_without_anything_in_common():
    assert align(range(2_000), range(10**6, 10**6 + 20_000), lambda i, j: 0) == []
