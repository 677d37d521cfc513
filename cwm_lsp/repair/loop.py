"""Candidates → tried on the failing calls, then on all that is known → what is left, the best first."""

from __future__ import annotations

import ast
import difflib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from cwm_lsp.evaluate import Called
from cwm_lsp.repair.bodies import Bodies, is_unwritten
from cwm_lsp.repair.expressions import expression_edits
from cwm_lsp.repair.statements import statement_edits
from cwm_lsp.repair.suspects import suspicion
from cwm_lsp.repair.text import Edit, FunctionText
from cwm_lsp.repair.trial import AMPLE, MORE, SCANTY, Trial, Within, holds
from cwm_lsp.search.drawing import drawn
from cwm_lsp.search.goals import ending
from cwm_lsp.search.space import NoCalls, space_of
from cwm_lsp.source.checks import Check
from cwm_lsp.source.functions import Function
from cwm_lsp.source.trees import expression_of

Candidate = tuple[Edit, str, str]
"""An edit, the file after it, and of that what is tried."""
ENOUGH = 3
"""Checks that name a function, with which no others are looked at until an edit holds on them."""
BATCH = 32
"""Edits that are tried in one program."""
FURTHER = 24
"""Calls that nobody wrote, on which edits are told apart."""
PLAUSIBLE = 60
"""Edits that hold on all that is known, after which no more are looked for."""
OFFERED = 10
TELLING = 3.0
"""Seconds that telling fixes apart may take."""
PART = 0.2
"""The part of the whole time that it may take."""
Behaviour = tuple[Any, ...]
"""How calls end."""
ENDS = 2.5
"""How much sooner an end of a recursion is tried where a call goes on and on."""
AFTER = 2.0
"""Seconds that the search goes on after the first such edit, at least; else as long again as it took."""
_CRASHES = frozenset({"TypeError", "AttributeError", "NameError", "UnboundLocalError"})
"""A call that nobody wrote and that ends so was hardly meant."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a function as it is."""

    check: Check
    called: Called
    holds: bool | None

    @property
    def found(self) -> str:
        """What comes of it, in words."""
        outcome = self.called.outcome
        if outcome is None:
            return self.called.gave_up or "is not known"
        if outcome.exception is not None:
            return f"raises {outcome.exception.type}: {outcome.exception.message}".removesuffix(": ")
        return "never ends" if outcome.kind == "endless" else f"{outcome.value}"


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit, and what comes of all that is known with it."""

    edit: Edit
    text: str
    """The file after it."""
    kept: tuple[Check, ...]
    """What holds with it."""
    broken: tuple[Check, ...]
    """What held and does not with it, or is not known any more."""
    wrong: tuple[Check, ...]
    """What did not hold, and still does not."""

    @property
    def is_whole(self) -> bool:
        """Whether everything known holds with it."""
        return not self.broken and not self.wrong

    def title(self) -> str:
        """The edit and what it does, for a person."""
        many = len(self.kept) + len(self.broken) + len(self.wrong)
        told = f"{len(self.kept)} of {many} known calls as expected, computed"
        return f"{'only guards: ' if self.edit.guards else ''}line {self.edit.line}: {self.edit.title} ({told})"

    def diff(self, source: str, path: str) -> str:
        """The edit as a unified diff."""
        old, new = source.splitlines(keepends=True), self.text.splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, path, path))


@dataclass
class Repair:
    """A search for edits of one function; iterate over it once. Each fix comes when it is found; `ranked` has them in
    order in the end.

    Raises SyntaxError where the file does not parse.
    """

    source: str
    function: Function
    checks: Sequence[Check]
    within: Within
    others: Sequence[Within] = ()
    """What attempts calls at the same time."""
    seconds: float = 10.0
    """What all of it may take, from the first look at what is known."""
    seed: int = 0
    before: Callable[[], None] = lambda: None
    """Called before each batch; it may raise `Cancelled`."""
    known: list[Known] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    tried: int = 0
    """Edits that were tried."""
    took: float = 0.0

    def __post_init__(self) -> None:
        self._trial = Trial(self.source, self.function, self.checks, self.within)
        self._apart = self._trial
        """What tries edits apart from the file, by the checks that are `_near`."""
        self._near = list(range(len(self.checks)))
        self._begun = 0.0
        self._until = 0.0

    def look(self) -> list[Known]:
        """What is known of the function as it is."""
        if not self.known:
            self._begun = time.monotonic()
            self._trial.until = self._begun + self.seconds
            called = self._trial.whole(self.source)
            pairs = zip(self.checks, called, strict=True)
            self.known = [Known(check, one, holds(check, one)) for check, one in pairs]
        return self.known

    @property
    def failing(self) -> list[int]:
        """What does not hold; of what a person has said also that of which it is not known."""
        return [
            at for at, one in enumerate(self.look()) if not one.holds and (one.holds is False or one.check.path is None)
        ]

    @property
    def passing(self) -> list[int]:
        return [number for number, one in enumerate(self.look()) if one.holds]

    def __iter__(self) -> Iterator[Fix]:
        try:
            if not self.failing:
                return
            begun = time.monotonic()
            self._until = self._trial.until - min(TELLING, PART * self.seconds)
            for edit, text in self._tried():
                fix = self._checked(edit, text)
                if fix is not None:
                    now = time.monotonic()
                    if fix.is_whole and not any(one.is_whole for one in self.fixes):
                        self._until = min(self._until, now + max(AFTER, now - begun))
                    self.fixes.append(fix)
                    yield fix
                if self._is_over() or sum(one.is_whole for one in self.fixes) >= PLAUSIBLE:
                    return
        finally:
            self.took = time.monotonic() - self._begun

    def _is_over(self) -> bool:
        return time.monotonic() > self._until

    @property
    def written(self) -> bool:
        """Whether the function has a body."""
        return not is_unwritten(FunctionText(self.source, self.function))

    def _tried(self) -> Iterator[tuple[Edit, str]]:
        if self.written:
            yield from self._plausible(self.candidates())
            return
        trial = Trial(self.source, self.function, self.checks, self.within, until=self._until)
        bodies = Bodies(FunctionText(self.source, self.function), trial, self._is_over)
        yield from self._plausible(bodies.small(), 1)
        yield from self._plausible(bodies.templates())
        yield from self._plausible(bodies.large(), 1)

    def candidates(self) -> list[Edit]:
        """All edits, the likeliest first: by how usual such a fault is, and how suspicious its line."""
        known = self.look()
        suspects = suspicion([known[at].called for at in self.failing], [known[at].called for at in self.passing])
        deep = any(_is_endless(known[at].called) for at in self.failing)
        text = FunctionText(self.source, self.function)
        return sorted(
            [*expression_edits(text), *statement_edits(text)], key=lambda edit: _rank(edit, suspects, deep=deep)
        )

    def _plausible(self, edits: Iterable[Edit], at_once: int = BATCH) -> Iterator[tuple[Edit, str]]:
        """Those after which what failed is right and nothing else has become wrong, as far as that shows apart from the
        rest of the file."""
        self._near = self._nearest()
        near = [self.checks[at] for at in self._near]
        self._apart = Trial(self.source, self.function, near, self.within, until=self._until)
        order = [at for at in self._near if at in self.failing]
        order.sort(key=lambda at: (self.known[at].called.exhausted, len(self.checks[at].expression)))
        batches = self._batches(edits, at_once)
        apart = self._apart.is_apart and self._is_same_apart()
        with ThreadPoolExecutor(len(self.others) + 1) as threads:
            while not self._is_over() and (several := list(islice(batches, len(self.others) + 1 if apart else 1))):
                self.before()
                self.tried += sum(map(len, several))
                if not apart:
                    yield from self._one_by_one(several[0], order)
                    continue
                for right in list(threads.map(partial(self._right, order), several, (self.within, *self.others))):
                    yield from right

    def _nearest(self) -> list[int]:
        """Checks that name the function, where these are enough: what others need would be made for each edit."""
        word = re.compile(rf"\b{re.escape(self.function.name)}\b")
        near = [at for at, check in enumerate(self.checks) if word.search(f"{check.before}\n{check.expression}")]
        return near if len(near) >= ENOUGH and any(at in near for at in self.failing) else self._near

    def _batches(self, edits: Iterable[Edit], at_once: int) -> Iterator[list[Candidate]]:
        """Edits that parse, each text once."""
        seen = {self.source}
        batch: list[Candidate] = []
        for edit in edits:
            text = edit.applied(self.source)
            if text not in seen:
                seen.add(text)
                try:
                    batch.append((edit, text, self._apart.unit(text)))
                except (SyntaxError, ValueError):
                    continue
                if len(batch) == at_once:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _right(self, order: Sequence[int], batch: Sequence[Candidate], within: Within) -> list[tuple[Edit, str]]:
        """Those of a batch after which the first of the failing checks holds, and what held."""
        first, *others = order
        rest = [*others, *(at for at in self.passing if at in self._near)]
        place = {at: index for index, at in enumerate(self._near)}
        units = [unit for _, _, unit in batch]
        told = self._in_time(self._apart.each(units, [(unit, place[first]) for unit in range(len(units))], within))
        right = [number for number, called in enumerate(told) if holds(self.checks[first], called)]
        if right and rest:
            asked = [(unit, at) for unit in right for at in rest]
            told = self._in_time(self._apart.each(units, [(unit, place[at]) for unit, at in asked], within))
            wrong = {unit for unit, _ in asked[len(told) :]} | {
                unit
                for (unit, at), called in zip(asked, told, strict=False)
                if not holds(self.checks[at], called) and at not in others
            }
            right = [unit for unit in right if unit not in wrong]
        return [batch[number][:2] for number in right]

    def _in_time(self, told: Iterator[Called]) -> list[Called]:
        """What is told before the time is up."""
        found = []
        for called in told:
            found.append(called)
            if self._is_over():
                break
        return found

    def _one_by_one(self, batch: Sequence[Candidate], order: Sequence[int]) -> Iterator[tuple[Edit, str]]:
        for edit, text, _ in batch:
            if self._is_over():
                return
            self.before()
            first = self._trial.whole(text, order[:1])[0]
            if holds(self.checks[order[0]], first):
                yield edit, text

    def _is_same_apart(self) -> bool:
        """Whether the function apart from its file does what it does there, within the limits that are set by this."""
        known = [self.known[at] for at in self._near]
        unit = self._apart.unit(self.source)
        for limits in (*SCANTY, AMPLE):
            self._apart.limits = limits
            called = list(self._apart.each([unit], [(0, check) for check in range(len(known))]))
            if len(called) < len(known):
                return False
            now = [holds(was.check, one) for was, one in zip(known, called, strict=True)]
            cut = any(one.exhausted and not was.called.exhausted for was, one in zip(known, called, strict=True))
            if now == [was.holds for was in known] and not cut:
                if limits is not AMPLE:
                    self._apart.limits = replace(limits, operations=MORE * limits.operations)
                return True
        return False

    def _checked(self, edit: Edit, text: str) -> Fix | None:
        """The edit, tried on the whole file; None where it mends nothing or breaks something."""
        now = [holds(check, called) for check, called in zip(self.checks, self._trial.whole(text), strict=True)]
        kept = tuple(check for check, one in zip(self.checks, now, strict=True) if one)
        broken = tuple(known.check for known, one in zip(self.known, now, strict=True) if known.holds and not one)
        wrong = tuple(self.checks[at] for at in self.failing if not now[at])
        return None if broken or len(wrong) == len(self.failing) else Fix(edit, text, kept, broken, wrong)

    def ranked(self) -> list[Fix]:
        """The best fixes, the best first: what mends all before what mends some, what computes before what only guards;
        then by how much they change, and by how many others do the same on calls that nobody wrote."""
        whole = [fix for fix in self.fixes if fix.is_whole] or self.fixes
        was, *behaviours = self._behaviours(whole)
        alike = Counter(behaviours)

        def cost(pair: tuple[Fix, Behaviour]) -> tuple[bool, float]:
            fix, behaviour = pair
            changed = sum(one != other for one, other in zip(was, behaviour, strict=False))
            least = fix.edit.cost + 0.15 * fix.edit.tokens(self.source) + 0.005 * changed
            return fix.edit.guards, least - 0.3 * min(alike[behaviour], 5)

        ordered = sorted(zip(whole, behaviours, strict=True), key=cost)
        once: dict[Behaviour, Fix] = {}
        for fix, behaviour in ordered:
            once.setdefault(behaviour, fix)
        first = list(once.values())
        rest = [fix for fix, _ in ordered if fix not in first]
        return [*first, *rest][:OFFERED]

    def _behaviours(self, fixes: Sequence[Fix]) -> list[Behaviour]:
        """What comes of further calls as the function is, and with each of some fixes; of those for which there is no
        time it is not known, and they count as different from all others."""
        calls = self.further()
        if not calls or not self._trial.is_apart:
            return [(self.source,), *((fix.text,) for fix in fixes)]
        until = min(time.monotonic() + TELLING, self._trial.until)
        trial = Trial(self.source, self.function, (), self.within, more=calls, limits=SCANTY[-1], until=until)
        texts = [self.source, *(fix.text for fix in fixes)]
        units = [trial.unit(text) for text in texts]
        found: list[Behaviour] = []
        for number, text in enumerate(texts):
            called = list(trial.each(units, [(number, call) for call in range(len(calls))])) if trial.has_time else []
            told = tuple(one.outcome and ending(one.outcome) for one in called)
            found.append(told if len(told) == len(calls) else (text,))
        return found

    def further(self) -> list[str]:
        """Calls that nobody wrote."""
        known = [check.call for check in self.checks if not check.before]
        try:
            space = space_of(self.source, self.function, [_call_in(one) for one in known])
        except NoCalls:
            return []
        dice = random.Random(self.seed)  # noqa: S311 # to be repeatable
        made = list(islice(space.starts(), 3 * FURTHER))
        if space.slots:
            for _ in range(FURTHER):
                try:
                    made.append(tuple(drawn(slot.shape, dice, space.pool) for slot in space.slots))
                except (ValueError, TypeError):
                    break
        calls = list(dict.fromkeys(space.call(one) for one in made))
        dice.shuffle(calls)
        return calls[:FURTHER]


def _call_in(text: str) -> str:
    """The call in `call == value`."""
    node = expression_of(text)
    return ast.unparse(node.left) if isinstance(node, ast.Compare) else text


def _is_endless(called: Called) -> bool:
    outcome = called.outcome
    if outcome is None:
        return called.exhausted
    return outcome.kind == "endless" or (outcome.exception is not None and outcome.exception.type == "RecursionError")


def _rank(edit: Edit, suspects: Mapping[int, float], *, deep: bool) -> float:
    """When an edit is tried: `deep`, where a call goes on and on."""
    sooner = ENDS if deep and edit.ends else 0.0
    return edit.cost - 1.5 * suspects.get(edit.line, 0.0) + (1.0 if edit.guards else 0.0) - sooner
