"""What runs have taught: the evaluator's questions answered from recorded traces, as far as their reasons still hold.

An answer is kept by its reason and not by its line: the statement (its syntax, with local names by their order of
appearance, so that a renamed variable is none other), aligned with the statements of the text as it is now as a diff
would align them; what it reads, as far as that shows in the locals; and which of the passes over it with these very
inputs it is. A statement that was changed, or that reads something else, has no answer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from cwm_lsp.evaluate import Answer, Question
from cwm_lsp.evaluate.questions import answer as answer_of
from cwm_lsp.predict.statements import Table, aligned, changed_names, statements, touched_names
from cwm_lsp.trace.events import NOTHING, Event, Outcome, Provenance, Trace
from cwm_lsp.trace.scopes import within_file

LONGEST = 50_000
"""Events of one run that are looked at."""
_OPAQUE = re.compile(r" object>|0x|\.\.\.")
"""In a repr without addresses: it does not tell all of the value's state."""
_ADDRESS = re.compile(r"0x[0-9a-f]{6,16}")

Key = tuple[int, int, tuple[tuple[str, str], ...]]
"""A statement by its number, the line within it, and what it reads."""


class Nothing:
    """That no run has an answer, which None is one of."""


NO_ANSWER: Final = Nothing()


class Run(NamedTuple):
    """A recorded trace."""

    trace: Trace
    when: str
    """It was recorded (ISO 8601, UTC)."""


@dataclass(slots=True)
class _Pass:
    """A line that ran: the state before it, and what came of it in its scope up to the next line."""

    before: Event
    after: list[Event] = field(default_factory=list)
    number: int = 0
    """How many passes over the same statement that read the same came before it."""
    is_passed_on: bool = False
    """The exception that it ended by came from what it called."""

    @property
    def is_raised(self) -> bool:
        """Whether its scope was left by an exception."""
        return [event.kind for event in self.after[-2:]] == ["exception", "return"]


class _Walk:
    """The events of a trace, one after the other, as passes of their scopes."""

    def __init__(self) -> None:
        self._open: list[_Pass] = []

    def follow(self, event: Event) -> _Pass | None:
        """The pass that begins with the event."""
        if event.kind == "call":
            del self._open[event.depth :]
        elif event.depth < len(self._open):
            here, called = self._open[event.depth], self._open[event.depth + 1 : event.depth + 2]
            here.after.append(event)
            here.is_passed_on |= event.kind == "exception" and any(one.is_raised for one in called)
            del self._open[event.depth + 1 :]
        if event.kind not in ("call", "line"):
            return None
        begun = _Pass(event)
        self._open[event.depth :] = [begun]
        return begun

    def at(self, depth: int) -> _Pass | None:
        """The pass under way in a scope."""
        return self._open[depth] if depth < len(self._open) else None


class _Known:
    """One run, by its reasons."""

    def __init__(self, run: Run, source: str) -> None:
        self.run = run
        self._statements = statements(run.trace.source)
        self._aligned = aligned(run.trace.source, source)
        self._now = {number: old for old, number in self._aligned.items()}
        self._new = statements(source)
        self._changed = changed_names(run.trace.source, source)
        self._touched = touched_names(run.trace.source, source)
        self._passes: dict[Key, list[_Pass]] = defaultdict(list)
        self._calls: dict[str, list[Event]] = defaultdict(list)
        walk = _Walk()
        for event in run.trace.events[:LONGEST]:
            begun = walk.follow(event)
            if begun is not None and event.kind == "call":
                self._calls[event.function].append(event)
            key = key_of(event, self._statements) if begun is not None else None
            if begun is not None and key is not None:
                self._passes[key].append(begun)

    def passes(self, event: Event, key: Key) -> Sequence[_Pass]:
        """The passes over the statement of an event of today's text that read the same."""
        old = self._now.get(key[0])
        if old is None or self._new.all[key[0]].mentions & self._changed:
            return ()
        owned = self._new.all[key[0]].owned
        if any(owned(name) in self._touched for name, text in key[2] if _OPAQUE.search(text)):
            return ()
        new, before = self._new.all[key[0]], self._statements.all[old]
        reads = {dict(zip(new.names, before.names, strict=True)).get(name, name): text for name, text in key[2]}
        return self._passes.get((old, key[1], tuple(sorted(reads.items()))), ())

    def changed(self, before: Event, after: Event, number: int) -> Mapping[str, str]:
        """The locals that a pass over a statement of today's text bound or changed, by the names of today."""
        now = {self.name_then(name, number): name for name in self._new.all[number].names}
        return {
            now.get(name, name): text
            for name, text in after.locals.items()
            if _is_told(after, name) and text != before.locals.get(name)
        }

    def passes_whatever(self, key: Key) -> Sequence[_Pass]:
        """The passes over the statement of today's text, whatever they read."""
        old = self._now.get(key[0])
        if old is None or self._new.all[key[0]].mentions & self._changed:
            return ()
        return [one for its, found in self._passes.items() if its[:2] == (old, key[1]) for one in found]

    def calls(self, function: str) -> Sequence[Event]:
        """All entries into functions of that name."""
        return self._calls.get(function, ())

    def name_then(self, name: str, number: int) -> str:
        """What a name of today's statement was called."""
        names, old = self._new.all[number].names, self._statements.all[self._now[number]].names
        return old[names.index(name)] if name in names else name

    def line_now(self, line: int) -> int | None:
        """Where a line of the run is today."""
        number = self._statements.at.get(line)
        new = self._aligned.get(number) if number is not None else None
        if number is None or new is None:
            return None
        return self._new.all[new].first + line - self._statements.all[number].first


class Memory:
    """Recorded runs of the function that is predicted, those of the same call first, each group from the newest on."""

    def __init__(self, runs: Iterable[Run], call: str, source: str) -> None:
        self._runs = list(runs)
        self._call = call
        self._source = source
        self._indexed: list[_Known] | None = None
        self._walk = _Walk()
        self._passed: Counter[Key] = Counter()
        self._entered: Counter[str] = Counter()
        self.used: dict[str, None] = {}
        """When the runs were recorded that have answered."""

    def __bool__(self) -> bool:
        return bool(self._runs)

    def follow(self, event: Event) -> None:
        """An event has been predicted."""
        if not self._runs:
            return
        begun = self._walk.follow(event)
        if begun is not None:
            key = key_of(event, statements(self._source))
            if key is not None:
                begun.number = self._passed[key]
                self._passed[key] += 1
            self._entered[event.function] += event.kind == "call"

    def answer(self, question: Question) -> Answer | Nothing:
        """What a run says to a question of the evaluator's."""
        event = question.event
        if question.kind == "result":  # a run has the steps, which are not wanted
            return NO_ANSWER
        if event is not None and event.kind == "call":
            return self._entry(question, event)
        current = self._walk.at(question.depth)
        key = key_of(current.before, statements(self._source)) if current is not None else None
        if current is None or key is None:
            return NO_ANSWER
        for known in self._known:
            passes = known.passes(current.before, key)
            replies = [_reply(question, known, current.before, one, key[0]) for one in passes]
            found = _nth(replies, current.number)
            if not isinstance(found, Nothing):
                self.used[known.run.when] = None
                return found
        return NO_ANSWER

    def suggestions(self, depth: int) -> Mapping[str, str]:
        """What the statement that runs in a scope had in the latest run, although it read something else there: what it
        bound or changed, or `"value"`."""
        current = self._walk.at(depth)
        key = key_of(current.before, statements(self._source)) if current is not None else None
        for known in self._known if key is not None else ():
            assert key is not None
            passes = known.passes_whatever(key)
            after = next((one for one in passes[-1].after if one.kind != "exception"), None) if passes else None
            if after is None:
                continue
            had = {"value": after.value} if after.kind == "return" else known.changed(passes[-1].before, after, key[0])
            return {name: text for name, text in had.items() if text is not None and not _OPAQUE.search(text)}
        return NOTHING

    def _entry(self, question: Question, event: Event) -> Answer | Nothing:
        """Arguments that are not known."""
        for known in self._known:
            same = [call for call in known.calls(event.function) if _agree(event.locals, call.locals)]
            replies = [
                {name: call.held.get(name, call.locals[name]) for name in question.unknown if _is_told(call, name)}
                or NO_ANSWER
                for call in same
            ]
            found = _nth(replies, self._entered[event.function])
            if not isinstance(found, Nothing):
                self.used[known.run.when] = None
                return found
        return NO_ANSWER

    def rest(self, events: Sequence[Event]) -> tuple[Sequence[Event], Outcome] | None:
        """How the latest run of this very call and text went on after these events, if it began with them."""
        for trace, when in self._runs:
            if (trace.call, trace.source) == (self._call, self._source) and len(trace.events) > len(events):
                if not all(map(_same, events, trace.events)):
                    return None
                self.used[when] = None
                return [_remembered(event) for event in trace.events[len(events) :]], trace.outcome
        return None

    @property
    def _known(self) -> Iterator[_Known]:
        """The runs, each read when it is first needed."""
        if self._indexed is None:
            self._indexed = []
        yield from self._indexed
        for run in self._runs[len(self._indexed) :]:
            self._indexed.append(_Known(run._replace(trace=within_file(run.trace)[0]), self._source))
            yield self._indexed[-1]


def remembered(event: Event) -> Event:
    """An event of an evaluation that went on from what runs have answered: what hangs on the answers is remembered."""
    if "predicted" not in event.provenance.values():
        return event
    sources: dict[str, Provenance] = dict(event.provenance)
    sources.update({name: "remembered" for name, source in sources.items() if source == "predicted"})
    return replace(event, provenance=sources)


def _remembered(event: Event) -> Event:
    names = event.locals if event.kind in ("call", "line") else ("value",)
    sources: dict[str, Provenance] = dict.fromkeys(names, "remembered")
    sources.update({name: source for name, source in event.provenance.items() if source == "unknown"})
    return replace(event, provenance=sources)


def _reply(question: Question, known: _Known, now: Event, then: _Pass, number: int) -> Answer | Nothing:
    """What one pass says."""
    if question.kind == "raises":
        raises = (after.value for after in then.after if after.kind == "exception" and not then.is_passed_on)
        raised = next(raises, None)
        return raised if then.after else NO_ANSWER
    if question.kind == "branch":
        after = next(iter(then.after), None)
        if after is None or after.kind == "exception":
            return NO_ANSWER
        line = known.line_now(after.line)
        if after.kind == "line" and line is None:
            return NO_ANSWER
        reply = answer_of(question, replace(after, line=line or 0, depth=question.depth))
        return NO_ANSWER if reply is None else reply
    assert question.event is not None
    after = next((after for after in then.after if after.kind == question.event.kind), None)
    if after is None:
        return NO_ANSWER
    replies: dict[str, str] = {}
    for name in question.unknown:
        old = known.name_then(name, number)
        texts = after.locals if after.kind == "line" else {old: after.value} if after.value is not None else NOTHING
        held = after.held if after.kind == "line" else {old: after.held["value"]} if after.held else NOTHING
        changed = texts.get(old) != then.before.locals.get(old)
        if (
            texts.get(old) is not None
            and _is_told(after, old)
            and (changed or _plain(now.locals.get(name)) == _plain(then.before.locals.get(old)))
        ):
            replies[name] = held.get(old, texts[old])
    if not replies:
        return NO_ANSWER
    for name, text in question.event.locals.items():  # what other objects hold now, beside what is asked
        old = known.name_then(name, number)
        if old in held and after.locals.get(old) == text:
            replies.setdefault(name, held[old])
    return replies


def _nth(replies: Sequence[Answer | Nothing], index: int) -> Answer | Nothing:
    """The reply of that pass; of a later one than there were, what all have said, if several have."""
    if 0 <= index < len(replies):
        return replies[index]
    if len(replies) > 1 and all(reply == replies[0] for reply in replies):
        return replies[0]
    return NO_ANSWER


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(_plain(text) == _plain(other.get(name)) for name, text in one.items())


def _same(predicted: Event, recorded: Event) -> bool:
    """Whether a predicted event is a recorded one, as far as it is known."""
    if (predicted.kind, predicted.line, predicted.depth, predicted.function) != (
        recorded.kind, recorded.line, recorded.depth, recorded.function,
    ):  # fmt: skip
        return False
    told = {name: text for name, text in predicted.locals.items() if predicted.provenance.get(name) != "unknown"}
    return _agree(told, recorded.locals) and (
        predicted.provenance.get("value") == "unknown" or _plain(predicted.value) == _plain(recorded.value)
    )


def _is_told(event: Event, name: str) -> bool:
    return event.provenance.get(name if event.kind in ("call", "line") else "value") != "unknown"


def _plain(text: str | None) -> str | None:
    """A repr without addresses, which no run shares with another."""
    return None if text is None else _ADDRESS.sub("0x", text)


def key_of(event: Event, table: Table) -> Key | None:
    """What runs with an event, and what that reads there."""
    number = table.at.get(event.line)
    if number is None:
        return None
    statement = table.all[number]
    reads = ((name, _plain(event.locals[name]) or "") for name in sorted(statement.reads & event.locals.keys()))
    return number, event.line - statement.first, tuple(reads)
