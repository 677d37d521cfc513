"""How many tokens to draft: what was right before tells what will be, and passes of a known length what it costs.

Nothing here changes what is written, only how many passes it takes.
"""

from __future__ import annotations

from cwm_lsp.predict.engines.interface import Engine, PassTimes

_FADING = 0.97
"""Weight of a draft beside the one after it."""
ASSUMED = 12.0, 0.95
"""Before anything is known: as if so many tokens had been drafted at each place, this share of them right."""
SURE = 12.0, 0.99
"""The same of tokens that are foreseen."""


class History:
    """How often drafted tokens were right, if all before them were, by their place in the draft: the first, the second,
    the third and fourth, up to the eighth, and so on."""

    def __init__(self, assumed: tuple[float, float]) -> None:
        self._weight, self._share = assumed
        self._tried: list[float] = []
        self._right: list[float] = []

    def learn(self, drafted: int, right: int) -> None:
        """Of so many drafted tokens the first `right` ones were, and the next, if there is one, was not."""
        for places in (self._tried, self._right):
            places[:] = [number * _FADING for number in places]
        for at in range(min(right + 1, drafted)):
            place = at.bit_length()
            while len(self._tried) <= place:
                self._tried.append(0.0)
                self._right.append(0.0)
            self._tried[place] += 1
            self._right[place] += at < right

    def chance(self, at: int) -> float:
        """That the token at a place, from 0 on, is right if all before it are."""
        place = at.bit_length()
        known = place < len(self._tried)
        tried, right = (self._tried[place], self._right[place]) if known else (0.0, 0.0)
        # A place of which little is known is like the others.
        anywhere = (sum(self._right) + self._weight * self._share) / (sum(self._tried) + self._weight)
        return (right + self._weight * anywhere) / (tried + self._weight)


class DraftLength:
    """How many tokens to draft next, for one writer."""

    def __init__(self, engine: Engine) -> None:
        self._most = engine.draft_tokens
        self._times: PassTimes | None = engine.pass_times
        self._guessed, self._foreseen = History(ASSUMED), History(SURE)
        self._shortest = min(self._most, max(8, self._most // 8))
        self._length = min(self._most, 4 * self._shortest)

    def next(self, unread: int, *, foreseen: bool) -> int:
        """Tokens to draft after so many that are to be read in any case; `foreseen`: they are more than guesses.

        Where it is known how long passes take: what makes for most tokens a second. Else twice what was right before.
        """
        if self._times is None:
            self._length = self._most if foreseen else self._length
            return self._length
        history = self._foreseen if foreseen else self._guessed
        best, rate = 0, 1 / self._times.seconds(unread)
        expected, all_right = 1.0, 1.0
        for length in range(1, self._most + 1):
            all_right *= history.chance(length - 1)
            expected += all_right
            if (its := expected / self._times.seconds(unread + length)) > rate:
                best, rate = length, its
        return best

    def learn(self, drafted: int, right: int, *, foreseen: bool) -> None:
        """So many tokens were drafted, and the first `right` ones were what came."""
        (self._foreseen if foreseen else self._guessed).learn(drafted, right)
        if right < drafted:
            self._length = max(self._shortest, min(self._length, 2 * right))
        elif drafted >= self._length:
            self._length = min(2 * self._length, self._most)
