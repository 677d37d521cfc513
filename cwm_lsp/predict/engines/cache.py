"""Prefixes kept for the next prediction of the same or of a similar program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cwm_lsp.predict.engines.interface import Prefix


class PrefixCache:
    """The latest prefixes, those used last kept longest, at most `tokens` tokens of them in all."""

    def __init__(self, tokens: int, reaches: Callable[[Prefix, int], bool] = lambda _prefix, _length: True) -> None:
        """`reaches`: whether a prefix can still be cut to a length."""
        self._room = tokens
        self._reaches = reaches
        self._prefixes: list[Prefix] = []

    def add(self, prefix: Prefix) -> None:
        """Keep a prefix, in place of those that it continues."""
        self._prefixes = [
            kept
            for kept in self._prefixes
            if self._reaches(kept, len(kept))
            and not (common_length(kept.tokens, prefix.tokens) == len(kept.tokens) and self._reaches(prefix, len(kept)))
        ]
        self._prefixes.append(prefix)
        while len(self._prefixes) > 1 and sum(map(len, self._prefixes)) > self._room:
            del self._prefixes[0]

    def find(self, tokens: Sequence[int]) -> tuple[Prefix, int]:
        """The kept prefix that shares most of the beginning of `tokens`, and how much that is."""
        best, length = Prefix(), 0
        for kept in self._prefixes:
            shared = common_length(kept.tokens, tokens)
            if shared > length and self._reaches(kept, shared):
                best, length = kept, shared
        if length:
            self._prefixes.remove(best)
            self._prefixes.append(best)
        return best, length


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    length = min(len(one), len(other))
    if tuple(one[:length]) == tuple(other[:length]):
        return length
    return next(n for n in range(length) if one[n] != other[n])
