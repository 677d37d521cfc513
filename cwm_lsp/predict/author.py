"""What goes on with a trace token by token, where the model is: the grammar of its frames, drafts, and a way back.

It is the decoding loop turned inside out. A server that computes many texts at once asks it, for each token, which may
come, and is told which will most likely; what the model then chose is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from cwm_lsp.predict.continuation import Continuation
from cwm_lsp.predict.draft import Drafter
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.foresight import Foreseen
from cwm_lsp.predict.grammar import NOTHING_KNOWN, Frame, Grammar, Known
from cwm_lsp.predict.lengths import ASSUMED, SURE, History
from cwm_lsp.predict.masks import Flags, Masks
from cwm_lsp.predict.states import State, entered
from cwm_lsp.trace.events import Event

_WORTH = 0.5
"""The chance of being right, with all before it, down to which a token is drafted: wrong ones then cost no more than
right ones save."""

_SOON = 4.0
"""Weight of what is assumed of drafts before any came: little, as a server pays for each token that is wrong."""

_BACK = 512
"""Tokens that can be taken back."""


class Disagreement(ValueError):
    """What is to be gone on with does not fit its program."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What a token changed."""

    frame: Frame
    forced: tuple[int, ...]
    event: Event | None
    """The one that it completed."""
    base: int | None
    done: bool


class Author:
    """Writes one trace on."""

    def __init__(self, told: Continuation, tokenizer: Tokenizer) -> None:
        """
        Raises:
            Disagreement: the frames do not fit the program.
            UserError: the program does not parse.
        """
        self._told = told
        self._grammar = Grammar(tokenizer, told.source, value_tokens=told.value_tokens)
        self._masks = Masks(self._grammar)
        self._frames = list(told.frames)
        self._drafter = Drafter(self._grammar, told.source, self._frames, Foretold(told.foreseen, len(self._frames)))
        self._histories = {False: History((_SOON, ASSUMED[1])), True: History((_SOON, SURE[1]))}
        self._proposed: list[tuple[int, bool]] = []
        """The last draft, and of each token whether it was a guess."""
        self._base = told.base
        self.done = False
        """All is written that was to be."""
        self._undo: deque[_Before] = deque(maxlen=_BACK)
        self.frame = self._begin(self._state(), told.known)
        """The one being written; never changed, but replaced."""
        self.forced: tuple[int, ...] = self.frame.forced()
        """Tokens that must come next."""
        for token in told.begun:
            if not self.take(token):
                raise Disagreement(f"token {token} of the frame that was begun is illegal")

    def take(self, token: int) -> bool:
        """Go on with a token. False: it may not come, nothing changed."""
        if self.done or (self.forced and token != self.forced[0]):
            return False
        frame = self.frame.copy()
        if not frame.take(token):
            return False
        before, event = _Before(self.frame, self.forced, None, self._base, self.done), None
        self.frame, self.forced = frame, self.forced[1:]
        if frame.done:
            event = frame.event()
            before = _Before(before.frame, before.forced, event, before.base, before.done)
            self._came(frame, event)
        elif self._told.until == "kind" and frame.kind is not None:
            self.done = True
        if not self.forced and not self.done:
            self.forced = self.frame.forced()
        self._undo.append(before)
        return True

    def take_back(self, count: int) -> None:
        """Undo the last `count` tokens, 512 at most."""
        for _ in range(count):
            before = self._undo.pop()
            self.frame, self.forced, self._base, self.done = before.frame, before.forced, before.base, before.done
            if before.event is not None:
                self._frames.pop()

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of some tokens may come, up to the end of what is to be written. Nothing is taken."""
        taken = 0
        for token in tokens[:_BACK]:
            if not self.take(token):
                break
            taken += 1
        self.take_back(taken)
        return taken

    def legal(self) -> Flags:
        """Of each token whether it may come next."""
        if self.forced:
            return self._masks.only(self.forced[:1])
        return self._masks.legal(self.frame)

    def draft(self, most: int) -> list[int]:
        """Up to `most` tokens that will most likely come next, all of them legal, as far as it pays."""
        guessed = [] if self.done else self._drafter.draft(self.frame, most)[:most]
        history = self._histories[self._drafter.foresees]
        drafted: list[tuple[int, bool]] = []
        chance, guesses = 1.0, 0
        while len(drafted) < most and not self.done:
            at = len(drafted)
            guess = guessed[at] if at < len(guessed) else None
            if self.forced:
                token, free = self.forced[0], False
                if guess != token:
                    guessed = guessed[:at]  # from here on they tell of something else
            elif guess is None or chance * history.chance(guesses) < _WORTH:
                break
            else:
                token, free = guess, True
                chance *= history.chance(guesses)
                guesses += 1
            if not self.take(token):
                break
            drafted.append((token, free))
        self.take_back(len(drafted))
        self._proposed = drafted
        return [token for token, _ in drafted]

    def ends_with(self, tokens: Sequence[int]) -> bool:
        """Whether all is written once some tokens are. Nothing is taken."""
        taken = 0
        for token in tokens:
            taken += self.take(token)
        done = self.done
        self.take_back(taken)
        return done

    def learn(self, tokens: Sequence[int]) -> None:
        """The model goes on with some tokens: how much of the last draft was right. Nothing is taken."""
        pairs = zip(self._proposed, tokens, strict=False)
        right = next((at for at, ((drafted, _), token) in enumerate(pairs) if drafted != token), None)
        if right is None:
            right = min(len(self._proposed), len(tokens))
        guesses = [free for _, free in self._proposed]
        if any(guesses):
            self._histories[self._drafter.foresees].learn(sum(guesses), sum(guesses[:right]))
        self._proposed = []

    def _came(self, frame: Frame, event: Event) -> None:
        """A frame is complete."""
        self._frames.append(event)
        if self._base is None and (event.line, event.function) in self._told.entries and event.kind == "call":
            self._base = event.depth
        state = frame.after(event)
        left = self._base and state.depth < self._base and not state.suspended
        written = len(self._frames) - len(self._told.frames)
        self.done = bool(self._told.until != "end" or left or state.over or written >= self._told.most)
        self.forced = ()
        if not self.done:
            self.frame = self._begin(state, self._expected(event))

    def _expected(self, last: Event) -> Known:
        """What is known of the frame after one."""
        if self._base is None and last.kind == "line" and self._told.entries:
            line, name = self._told.entries[0]
            return Known("call", frozenset((line,)), name)
        return NOTHING_KNOWN

    def _begin(self, state: State, known: Known) -> Frame:
        frame = Frame(self._grammar, state, known)
        return frame if frame.possible else Frame(self._grammar, state)

    def _state(self) -> State:
        """Where the call stands after the frames that are told."""
        first, *others = self._frames
        state = entered(self._told.source, first, self._told.arguments)
        for event in others:
            followed = state.follow(event)
            if followed is None:
                raise Disagreement(f"line {event.line}: how the program gets there is not understood")
            state = followed
        return state


class Foretold:
    """Events that should come after some frames, for as long as they do."""

    def __init__(self, foreseen: Sequence[Foreseen], start: int) -> None:
        self._foreseen = foreseen
        self._start = start
        """Frames before the first of them."""

    def events(self, frames: Sequence[Event], count: int) -> Sequence[Foreseen]:
        """Up to `count` events after all frames; none once one has come otherwise."""
        came = len(frames) - self._start
        pairs = zip(self._foreseen, frames[self._start :], strict=False)
        if any(_place(foreseen.event) != _place(event) for foreseen, event in pairs):
            self._foreseen = ()
        return self._foreseen[came : came + count]


def _place(event: Event) -> tuple[str, int, int, str]:
    return event.kind, event.line, event.depth, event.function
