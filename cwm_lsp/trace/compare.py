"""Where a recorded trace leaves the predicted one.

Traces are aligned call by call: the events of one scope's call, its inner calls as one element each, by what happens
and where. So a branch taken otherwise, or an iteration more, is one divergence and not one at every later line; and a
wrong value is told where it comes from, once, until it changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cwm_lsp.source.flow import Flow, Scope
from cwm_lsp.trace import alignment
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.exceptions import exception_repr
from cwm_lsp.trace.facts import facts
from cwm_lsp.trace.scopes import within_file
from cwm_lsp.trace.tree import EXCEPTION, Call, Item, prepared, tree
from cwm_lsp.trace.values import same_but_cut, same_but_hidden, same_value

__all__ = ["Divergence", "align", "compare", "same_value"]

DivergenceKind = Literal["control-flow", "value", "return", "exception", "length"]

_MOST_DISAGREEMENT = 15


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference between a prediction and a run."""

    kind: DivergenceKind
    line: int
    """1-based. `value`: the line that produced it; `control-flow`: the last one before the ways part."""
    event_index: int
    """Of the recorded events, the first one that differs; the last one where the recording is shorter."""
    variable: str | None = None
    predicted: str | None = None
    """Repr of a value or an exception, or where the trace goes next; None: there is nothing on this side."""
    actual: str | None = None
    iteration: int | None = None
    """How many times `line` has come by then in this call of its scope, from 1; None outside loops."""
    computed: bool = False
    """What was predicted had been computed: it is not that a model has guessed wrong, the world is another one."""
    path: str | None = None
    """The file of `line`, where that is not the traced function's."""
    remembered: bool = False
    """What was predicted was as an earlier run had it."""

    def to_json(self) -> dict[str, Any]:
        """The divergence as the command line's JSON has it."""
        return {
            "kind": self.kind,
            "line": self.line,
            "event_index": self.event_index,
            "variable": self.variable,
            "predicted": self.predicted,
            "actual": self.actual,
            "iteration": self.iteration,
            "computed": self.computed,
            "path": self.path,
            "remembered": self.remembered,
        }


def compare(predicted: Trace, recorded: Trace) -> list[Divergence]:
    """All divergences, in the order of the recording. Where only one of the traces steps into other files, its steps
    there are passed over."""
    (ours, _), (theirs, indices) = _alike(predicted, recorded)
    found = _Comparison(ours, theirs).divergences
    if not theirs.events:
        return found
    places = [indices[divergence.event_index] for divergence in found]
    return [
        replace(divergence, event_index=index, path=recorded.events[index].path)
        for divergence, index in zip(found, places, strict=True)
    ]


def align(predicted: Trace, recorded: Trace) -> list[tuple[int | None, int | None]]:
    """Indices of the events of both side by side, in order; None where one has no counterpart."""
    (ours, lefts), (theirs, rights) = _alike(predicted, recorded)
    pairs = [(lefts[a], rights[b]) for a, b in sorted(_Comparison(ours, theirs).pairs)]
    rows: list[tuple[int | None, int | None]] = []
    left = right = 0
    ends = (len(predicted.events), len(recorded.events))
    for a, b in (*pairs, ends):
        rows += ((i, None) for i in range(left, a))
        rows += ((None, j) for j in range(right, b))
        if (a, b) != ends:
            rows.append((a, b))
        left, right = a + 1, b + 1
    return rows


def _alike(one: Trace, other: Trace) -> tuple[tuple[Trace, Sequence[int]], tuple[Trace, Sequence[int]]]:
    """Both traces and their events' indices, without steps into other files where one of them has none."""
    if all(any(event.path is not None for event in trace.events) for trace in (one, other)):
        return (one, range(len(one.events))), (other, range(len(other.events)))
    return within_file(one), within_file(other)


@dataclass(slots=True)
class _Way:
    """How far the two sides of one call have been followed."""

    scope: Scope | None
    line: int
    """The last one, of the recorded side."""
    iteration: int | None
    wrong: dict[str, tuple[str | None, str | None]]
    """Names that have differing values, and which: told already."""
    known: frozenset[tuple[str | None, str | None]]
    """Differing values of the callers."""
    raises_apart: bool = False
    """An exception has been told, here or further in, that only one side has."""
    counts: Counter[int] = field(default_factory=Counter)
    left_locals: Mapping[str, str] = field(default_factory=dict)
    right_locals: Mapping[str, str] = field(default_factory=dict)

    def go(self, line: int) -> None:
        self.line = line
        self.counts[line] += 1
        repeats = self.counts[line] > 1 or (self.scope is not None and self.scope.repeats(line))
        self.iteration = self.counts[line] if repeats else None


class _Comparison:
    """Both traces, and what comes out of comparing them."""

    def __init__(self, predicted: Trace, recorded: Trace) -> None:
        self.divergences: list[Divergence] = []
        self.pairs: list[tuple[int, int]] = []
        """Indices of the events that correspond to each other."""
        self._flow = Flow.of(recorded.source)
        self._left, self._right = predicted.events, recorded.events
        self._todo: list[tuple[Call, Call, _Way]] = []
        outside = _Way(None, self._right[0].line if self._right else 0, None, {}, frozenset())
        self._follow(tree(predicted), tree(recorded), outside)
        while self._todo:
            self._call(*self._todo.pop())
        self._length(predicted, recorded)
        self.pairs.sort(key=lambda pair: pair[1])
        known = facts(predicted)
        self.divergences = sorted(
            (self._with_origin(one, known) for one in self.divergences), key=lambda divergence: divergence.event_index
        )

    def _with_origin(self, divergence: Divergence, known: int) -> Divergence:
        """The same with what was known of the prediction there, whose `known` first events are facts."""
        if divergence.kind == "length":
            return divergence
        before = bisect_right(self.pairs, divergence.event_index, key=lambda pair: pair[1]) - 1
        left, right = self.pairs[before] if before >= 0 else (-1, -1)
        at = left if right == divergence.event_index else left + 1
        if at < known:
            return replace(divergence, computed=True)
        if at >= len(self._left) or divergence.kind not in ("value", "return"):
            return divergence
        origin = self._left[at].provenance.get(divergence.variable or "value")
        # The first guess is made where the facts end, but not all that is there need be one.
        return replace(divergence, computed=at == known and origin == "computed", remembered=origin == "remembered")

    def _call(self, left: Call, right: Call, caller: _Way) -> None:
        event = self._right[right.index]
        scopes = (scope for scope in self._flow.scopes if scope.name == event.function and event.path is None)
        scope = next((scope for scope in scopes if event.line in (scope.first_line, *scope.yield_lines)), None)
        way = _Way(scope, caller.line, caller.iteration, {}, caller.known | set(caller.wrong.values()))
        if self._left[left.index].kind == event.kind == "call":
            self._values(left.index, right.index, way, silent=way.known)
            self.pairs.append((left.index, right.index))
        way.line, way.iteration = event.line, None
        self._follow(left, right, way)

    def _follow(self, left: Call, right: Call, way: _Way) -> None:
        lefts, rights = prepared(left, right, self._inlined(way.scope))
        pairs = alignment.align(
            [item.key for item in lefts],
            [item.key for item in rights],
            lambda i, j: self._disagreement(lefts[i].index, rights[j].index),
            left_is_cut=left.is_cut,
            right_is_cut=right.is_cut,
        )
        i = j = 0
        before: tuple[Item, Item] | None = None
        for a, b in (*pairs, (len(lefts), len(rights))):
            parted = (i, j) != (a, b)
            at_end = a == len(lefts) and b == len(rights)
            if parted and not (at_end and ((left.is_cut and i == a) or (right.is_cut and j == b))):
                self._part(lefts[i:a], rights[j:b], lefts[a : a + 1], rights[b : b + 1], before, way)
            for item in rights[j:b]:
                if item.key[0] == "line":
                    way.go(self._right[item.index].line)
            if not at_end:
                self._pair(lefts[a], rights[b], before, way, parted=parted)
                before = lefts[a], rights[b]
            i, j = a + 1, b + 1

    def _pair(self, left: Item, right: Item, before: tuple[Item, Item] | None, way: _Way, *, parted: bool) -> None:
        """Two items that correspond to each other."""
        if left.call is not None and right.call is not None:
            self._todo.append((left.call, right.call, _snapshot(way)))
            self._enter_comprehensions(left, right, way)
            return
        self.pairs.append((left.index, right.index))
        expected, actual = self._left[left.index], self._right[right.index]
        if right.key[0] == "line":
            self._values(left.index, right.index, way, parted=parted)
            way.go(actual.line)
            self._enter_comprehensions(left, right, way)
        elif expected.provenance.get("value") == "unknown":
            return
        elif right.key == EXCEPTION:
            both_come_from_inside = before is not None and _come_unwinding(before[0]) and _come_unwinding(before[1])
            if not both_come_from_inside and not same_value(expected.value or "", actual.value or ""):
                told = exception_repr(expected.value or ""), exception_repr(actual.value or "")
                self._tell("exception", way, right.index, None, *told)
        elif not (left.unwinds or right.unwinds) and not _same(expected.value, actual.value, actual.mark, "value"):
            self._tell("return", way, right.index, None, expected.value, actual.value)

    def _enter_comprehensions(self, left: Item, right: Item, way: _Way) -> None:
        if _names(left, self._left) == _names(right, self._right):
            for one, other in zip(left.comprehensions, right.comprehensions, strict=True):
                self._todo.append((one, other, _snapshot(way)))

    def _part(
        self,
        lefts: Sequence[Item],
        rights: Sequence[Item],
        next_left: Sequence[Item],
        next_right: Sequence[Item],
        before: tuple[Item, Item] | None,
        way: _Way,
    ) -> None:
        """What comes between two pairs: items that have no counterpart."""
        index = (*rights, *next_right)[0].index if rights or next_right else len(self._right) - 1
        left_raises = next((self._left[item.index] for item in lefts if item.key == EXCEPTION), None)
        right_raises = next((item.index for item in rights if item.key == EXCEPTION), None)
        raised_apart, way.raises_apart = (
            way.raises_apart,
            way.raises_apart or (left_raises is None) != (right_raises is None),
        )
        if raised_apart and next_left and next_right and next_left[0].unwinds != next_right[0].unwinds:
            return  # one side is being left by that exception, through `finally`
        if any(items and items[0].key == EXCEPTION for items in (lefts, rights)):
            if before is not None and _come_unwinding(before[0]) != _come_unwinding(before[1]):
                return  # told where it was raised
        else:
            expected, actual = _next((*lefts, *next_left), self._left), _next((*rights, *next_right), self._right)
            self._tell("control-flow", way, index, None, expected, actual)
            if (left_raises is None) == (right_raises is None):
                return
        if right_raises is not None:
            index = right_raises
        raised = self._right[right_raises] if right_raises is not None else None
        both = left_raises is not None and raised is not None
        line = (raised or left_raises or self._right[index]).line
        self.divergences.append(
            Divergence(
                "exception",
                line,
                index,
                None,
                _raised(left_raises, with_line=both) if left_raises else None,
                _raised(raised, with_line=both) if raised else None,
                way.iteration if way.line == line else None,
            )
        )

    def _values(
        self,
        left: int,
        right: int,
        way: _Way,
        *,
        parted: bool = False,
        silent: frozenset[tuple[str | None, str | None]] = frozenset(),
    ) -> None:
        """The locals of two events. `parted`: different ways led to them, which explains what changed on these."""
        expected, actual = self._left[left].locals, self._right[right].locals
        sources = self._left[left].provenance
        mark = self._right[right].mark
        if expected != actual or way.wrong:
            for name in (*actual, *(name for name in expected if name not in actual)):
                values = expected.get(name), actual.get(name)
                if sources.get(name) == "unknown" and name in actual:
                    continue
                if _same(*values, mark, name):
                    way.wrong.pop(name, None)
                elif way.wrong.get(name) != values:
                    way.wrong[name] = values
                    explained = parted and (
                        way.left_locals.get(name) != values[0] or way.right_locals.get(name) != values[1]
                    )
                    if not explained and values not in silent:
                        self._tell("value", way, right, name, *values)
        way.left_locals, way.right_locals = expected, actual

    def _length(self, predicted: Trace, recorded: Trace) -> None:
        """The one divergence that says that a trace was cut."""
        left_is_cut, right_is_cut = predicted.outcome.is_cut, recorded.outcome.is_cut
        if left_is_cut and predicted.outcome.kind in ("return", "exception"):
            self._ends(predicted.outcome, recorded)
            return
        if predicted.outcome.kind == "endless" and right_is_cut:
            return
        last_left, last_right = max(self.pairs, default=(-1, -1))
        left_goes_on, right_goes_on = last_left + 1 < len(self._left), last_right + 1 < len(self._right)
        both_are_cut = left_is_cut and right_is_cut
        differs = left_goes_on != right_goes_on if both_are_cut else left_is_cut or right_is_cut
        if differs:
            index = min(last_right + 1, len(self._right) - 1)
            line = self._right[max(last_right, 0)].line if self._right else 0
            self.divergences.append(
                Divergence("length", line, index, None, _length_of(predicted), _length_of(recorded), None)
            )

    def _ends(self, expected: Outcome, recorded: Trace) -> None:
        """How the call ends, where its last steps are not predicted."""
        actual = recorded.outcome
        if actual.is_cut or not self._right:
            return
        if expected.kind == actual.kind == "return":
            same = expected.value is None or actual.value is None or same_value(expected.value, actual.value)
        else:
            same = expected.kind == actual.kind and _raises(expected) == _raises(actual)
        if not same:
            kind: DivergenceKind = "return" if actual.kind == "return" else "exception"
            told = expected.value or _raises(expected), actual.value or _raises(actual)
            self.divergences.append(Divergence(kind, self._right[-1].line, len(self._right) - 1, None, *told))

    def _tell(
        self, kind: DivergenceKind, way: _Way, index: int, name: str | None, predicted: str | None, actual: str | None
    ) -> None:
        self.divergences.append(Divergence(kind, way.line, index, name, predicted, actual, way.iteration))

    def _disagreement(self, left: int, right: int) -> int:
        expected, actual = self._left[left], self._right[right]
        sources = expected.provenance
        if expected.kind in ("return", "exception"):
            return int(expected.value != actual.value and sources.get("value") != "unknown")
        if expected.locals == actual.locals:
            return 0
        others = sum(name not in actual.locals for name in expected.locals)
        differing = (name for name, value in actual.locals.items() if expected.locals.get(name) != value)
        return min(others + sum(sources.get(name) != "unknown" for name in differing), _MOST_DISAGREEMENT)

    def _inlined(self, scope: Scope | None) -> dict[int, int]:
        """Lines of comprehensions written in `scope` → the first line of theirs."""
        lines: dict[int, int] = {}
        for inner in self._flow.scopes:
            if inner.kind == "comprehension" and inner.parent is scope:
                first = lines.get(inner.first_line, inner.first_line)
                lines |= dict.fromkeys((*self._inlined(inner), *inner.lines, inner.first_line), first)
        return lines


def _names(item: Item, events: Sequence[Event]) -> list[str]:
    return [events[call.index].function for call in item.comprehensions]


def _come_unwinding(item: Item) -> bool:
    """An exception comes out of the calls that the item stands for."""
    return any(call.unwinds for call in (item.call, *item.comprehensions) if call is not None)


def _snapshot(way: _Way) -> _Way:
    return replace(way, wrong=dict(way.wrong))


def _same(predicted: str | None, actual: str | None, mark: str | None, name: str) -> bool:
    if predicted == actual:
        return True
    if predicted is None or actual is None:
        return False
    if mark is not None and f"{name}: cut" in mark:
        return same_but_cut(predicted, actual)
    if mark is not None and f"{name}: __repr__" in mark:
        return same_but_hidden(predicted, actual)
    return same_value(predicted, actual)


def _raises(outcome: Outcome) -> str | None:
    return None if outcome.exception is None else outcome.exception.type


def _next(items: Sequence[Item], events: Sequence[Event]) -> str | None:
    """Where a trace goes."""
    if not items:
        return None
    kind, where = items[0].key
    if kind == "exception":
        return _raised(events[items[0].index])
    return {"line": f"line {where}", "call": f"call of {where}", "return": "return"}[kind]


def _raised(event: Event, *, with_line: bool = False) -> str:
    text = exception_repr(event.value or "")
    return f"{text} at line {event.line}" if with_line else text


def _length_of(trace: Trace) -> str:
    return f"{len(trace.events)} events, {trace.outcome.kind}"
