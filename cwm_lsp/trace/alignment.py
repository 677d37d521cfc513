"""Aligning two sequences: the fewest differences, and among those ways the one whose pairs agree best."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

_MOST_EDITS = 128
"""Differences that are looked for at once; beyond, the way found so far is kept and the search goes on from there."""
_MOST_CELLS = 600_000
"""Pairs that are weighed against each other."""
_EDIT = 1 << 40


def align(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    disagreement: Callable[[int, int], int],
    *,
    left_is_cut: bool = False,
    right_is_cut: bool = False,
) -> list[tuple[int, int]]:
    """Indices of the pairs of equal elements, in order.

    `disagreement` of two equal elements, 0 or more, decides between ways with as few differences: which iteration of a
    loop is the missing one. What follows the end of a sequence that is cut is no difference.
    """
    start = 0
    shorter = min(len(left), len(right))
    while start < shorter and left[start] == right[start] and not disagreement(start, start):
        start += 1
    end = 0
    if not (left_is_cut or right_is_cut):
        while (
            end < shorter - start
            and left[-1 - end] == right[-1 - end]
            and not disagreement(len(left) - 1 - end, len(right) - 1 - end)
        ):
            end += 1
    pairs = [(i, i) for i in range(start)]
    middle_left, middle_right = left[start : len(left) - end], right[start : len(right) - end]
    if middle_left and middle_right:
        shifted = _shifted(disagreement, start, start)
        middle = _middle(middle_left, middle_right, shifted, left_is_cut, right_is_cut)
        pairs += ((start + i, start + j) for i, j in middle)
    pairs += ((len(left) - k, len(right) - k) for k in range(end, 0, -1))
    return pairs


def _shifted(disagreement: Callable[[int, int], int], left: int, right: int) -> Callable[[int, int], int]:
    return lambda i, j: disagreement(left + i, right + j)


def _middle(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    disagreement: Callable[[int, int], int],
    left_is_cut: bool,
    right_is_cut: bool,
) -> Iterator[tuple[int, int]]:
    offset_left = offset_right = 0
    while True:
        rest_left, rest_right = left[offset_left:], right[offset_right:]
        edits, pairs, done_left, done_right = _shortest(rest_left, rest_right, left_is_cut, right_is_cut)
        complete = done_left == len(rest_left) or done_right == len(rest_right)
        if complete and edits > 0 and len(rest_left) * (2 * edits + 1) <= _MOST_CELLS:
            shifted = _shifted(disagreement, offset_left, offset_right)
            pairs = _best(rest_left, rest_right, shifted, edits, left_is_cut, right_is_cut)
        yield from ((offset_left + i, offset_right + j) for i, j in pairs)
        if complete:
            return
        offset_left += done_left
        offset_right += done_right


def _shortest(
    left: Sequence[Hashable], right: Sequence[Hashable], left_is_cut: bool, right_is_cut: bool
) -> tuple[int, list[tuple[int, int]], int, int]:
    """E. Myers, *An O(ND) Difference Algorithm*, 1986: edits, pairs, and how far they reach in both sequences."""
    n, m = len(left), len(right)
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(min(n + m, _MOST_EDITS) + 1):
        history.append(furthest)
        now: dict[int, int] = {}
        for diagonal in range(-edits, edits + 1, 2):
            x, _ = _entered(furthest, diagonal, n, m)
            if x < 0:
                continue
            y = x - diagonal
            while x < n and y < m and left[x] == right[y]:
                x, y = x + 1, y + 1
            now[diagonal] = x
            if (x == n and (y == m or left_is_cut)) or (y == m and right_is_cut):
                return edits, _path(history, x, y, n, m), x, y
        furthest = now
    # The furthest in both together; of those as far, the one that goes on in both alike.
    diagonal, x = max(furthest.items(), key=lambda item: (2 * item[1] - item[0], -abs(item[0])))
    return len(history) - 1, _path(history, x, x - diagonal, n, m), x, x - diagonal


def _entered(furthest: dict[int, int], diagonal: int, n: int, m: int) -> tuple[int, int]:
    """Where a diagonal is entered with one more edit, and the diagonal it is entered from; (-1, 0): nowhere."""
    ways = []
    if (x := furthest.get(diagonal - 1, n)) < n:
        ways.append((x + 1, diagonal - 1))
    if 0 <= (x := furthest.get(diagonal + 1, -1)) <= m + diagonal:
        ways.append((x, diagonal + 1))
    return max(ways, default=(-1, 0))


def _path(history: list[dict[int, int]], x: int, y: int, n: int, m: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for furthest in reversed(history):
        start, before = _entered(furthest, x - y, n, m)
        while x > start:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x = furthest[before]
        y = x - before
    pairs.reverse()
    return pairs


def _best(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    disagreement: Callable[[int, int], int],
    edits: int,
    left_is_cut: bool,
    right_is_cut: bool,
) -> list[tuple[int, int]]:
    """The best of all ways with `edits` differences: dynamic programming in the band of diagonals that they stay in."""
    n, m = len(left), len(right)
    width = 2 * edits + 1
    impossible = _EDIT * (n + m + 1)
    both, skip_left, skip_right = 1, 2, 3
    moves: list[bytearray] = []
    above: list[int] = []
    ends: list[tuple[int, int, int]] = []
    for i in range(n + 1):
        row = [impossible] * width
        move = bytearray(width)
        for k in range(width):
            j = i + k - edits
            if not 0 <= j <= m:
                continue
            if i == 0 and j == 0:
                row[k] = 0
                continue
            best, how = impossible, 0
            if i and j and left[i - 1] == right[j - 1] and above[k] < impossible:
                best, how = above[k] + disagreement(i - 1, j - 1), both
            if i and k + 1 < width and above[k + 1] + _EDIT <= best:
                best, how = above[k + 1] + _EDIT, skip_left
            if j and k and row[k - 1] + _EDIT <= best:
                best, how = row[k - 1] + _EDIT, skip_right
            row[k], move[k] = best, how
            if right_is_cut and j == m:
                ends.append((best, i, j))
        moves.append(move)
        above = row
    ends += ((above[k], n, n + k - edits) for k in range(width) if left_is_cut or n + k - edits == m)
    _, i, j = min((end for end in ends if 0 <= end[2] <= m), default=(0, 0, 0))
    pairs: list[tuple[int, int]] = []
    while i or j:
        how = moves[i][j - i + edits]
        if how == both:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif how == skip_left:
            i -= 1
        elif how == skip_right:
            j -= 1
        else:
            break
    pairs.reverse()
    return pairs
