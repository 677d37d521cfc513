"""What events show: the variables of frames, and what is returned and raised."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import lifetimes, rendering
from cwm_lsp.evaluate.answers import described, same_literal, tell
from cwm_lsp.evaluate.answers import shown as shown_as
from cwm_lsp.evaluate.code import MOST_HELD, NO_HOLDERS, Frame
from cwm_lsp.evaluate.doubts import Doubts
from cwm_lsp.evaluate.kept import Kept
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.values import (
    MISSING,
    NO_FIELDS,
    GaveUp,
    Undetermined,
    Unknown,
)
from cwm_lsp.trace.events import NOTHING, Event, EventKind, Provenance

if TYPE_CHECKING:
    pass

PLACED = (3, 13)
"""From here on a class body binds names of its own, which a trace does not show."""
PLACES = frozenset({"__firstlineno__", "__static_attributes__"})
NOTHING_UNKNOWN: dict[str, str | None] = {}
OF_VALUE: dict[Provenance, Mapping[str, Provenance]] = {
    source: {"value": source} for source in ("given", "computed", "remembered", "predicted", "recorded", "unknown")
}
NAME = 16
"""Characters that a name among the locals of a step counts for beside its value: it takes memory at every step."""


class Showing(Doubts):
    """Makes events of frames."""

    def show(self, frame: Frame, kind: Any, line: int) -> None:
        """Emit a `line` or `call` event with the locals of `frame`."""
        if self.visits is not None:
            self.visit(frame)
        code, bound = frame.code, frame.bound
        certain = not (self.tainted or self.poisoned or self.unknowing.given_up)
        if certain and frame.acts == self.acts and frame.touched == len(self.touched) and not self.acting:
            plain = not bound or (len(bound) == 1 and self.show_plain(frame, bound))
        else:
            plain = certain and kind == "call" and code.plain and not self.acting and self.show_arguments(frame)
        unknown = NOTHING_UNKNOWN if plain else self.snapshot(frame)
        event = Event(
            kind, line, frame.depth, code.name, frame.shown, None, None, NOTHING, frame.provenance, None, code.path
        )
        if unknown:
            self.complete(frame, event, unknown)
            event = replace(event, locals=frame.shown, provenance=frame.provenance)
        if self.ending or self.held or self.events >= self.limits.events or self.muted is not None:
            self.emit(event)
        else:
            self.events += 1
            self.emit_event(event)

    @staticmethod
    def valued(kind: EventKind, frame: Frame, text: str, source: Provenance) -> Event:
        """A `return` or `exception` event."""
        code = frame.code
        return Event(
            kind, frame.line, frame.depth, code.name, NOTHING, text, None, NOTHING, OF_VALUE[source], None, code.path
        )  # fmt: skip

    def visit(self, frame: Frame) -> None:
        """The frame is about to show a step, at which something may be to be done."""
        if self.visits is not None and self.muted is None:
            self.visits.at(self.events + len(self.held), frame)

    def snapshot(self, frame: Frame) -> dict[str, str | None]:
        """Bring `frame.shown` up to date; gives the names whose repr is unknown, with what is suggested for them."""
        code, values = frame.code, frame.values
        variables = frame.vars
        certain = not (self.tainted or self.poisoned or self.unknowing.given_up)
        acts, touched, loose = self.acts, len(self.touched), False
        told = certain and frame.acts == acts and not self.acting
        if code.shared and code.is_function:
            variables = variables | {name: frame.cells[name].value for name in code.shared}
        renderer = self.rendering
        round_ = renderer.look()
        now, before_of = variables.get, values.get
        shown: dict[str, str] | None = None
        unknown: dict[str, str | None] = {}
        if told:
            names = frame.bound if frame.touched == touched else self.bound_or_touched(frame)
        else:
            names = code.variables if code.is_function else list(frame.vars)
        if len(names) > 1 and names is not code.variables:
            names = [name for name in (code.variables if code.is_function else frame.vars) if name in names]
        if not code.is_function and self.target >= PLACED:
            names = [name for name in names if name not in PLACES]
        for name in names:
            value = now(name, MISSING)
            before = before_of(name, MISSING)
            if value is before:  # nothing, or what can never show otherwise
                continue
            kind = type(value)
            same = type(before) is Shown and before.number == id(value)
            if same and certain and before.kept is not None and before.kept.same(value, round_):
                continue
            if value is MISSING:
                shown = dict(frame.shown) if shown is None else shown
                shown.pop(name, None)
                values.pop(name, None)
                self.source_of(frame, name, None)
                continue
            if type(value) is Unknown and value.value is not MISSING:
                value = value.value
                self.rebind(frame, name, value)
            source = "predicted" if self.tainted else self.fresh
            standing: Any = value
            try:
                if kind in rendering.ATOMS:
                    text = renderer.text(value)
                elif certain:
                    text, kept = renderer.shown(value)
                    standing, loose = Shown(value, kept), loose or kept is None
                    if not (same and kept and before.kept and kept.inside == before.kept.inside):
                        hold(frame, name, standing)
                else:
                    text, standing = renderer.text(value), Shown(value, None)
                    hold(frame, name, standing)
            except Undetermined as error:
                standing, loose = standing_for(value), True
                hold(frame, name, standing)
                if error.suggestion is not None or self.is_askable(value):
                    unknown[name] = error.suggestion
                    values[name] = standing
                    if name not in (frame.shown if shown is None else shown):
                        shown = dict(frame.shown) if shown is None else shown
                        shown[name] = ""
                    continue
                text, source = rendering.type_of(value), "unknown"
            values[name] = standing
            changed = (frame.shown if shown is None else shown).get(name) != text
            if changed:
                shown = dict(frame.shown) if shown is None else shown
                shown[name] = text
            if (changed or not same or self.tainted or source == "unknown") and frame.provenance.get(name) != source:
                self.source_of(frame, name, source)
        if not code.is_function:
            for name in [name for name in frame.shown if name not in frame.vars]:
                shown = dict(frame.shown) if shown is None else shown
                shown.pop(name, None)
                values.pop(name, None)
        frame.acts, frame.touched = -1 if self.acting or loose else acts, touched
        frame.bound.clear()
        if shown is not None:
            frame.shown = shown
            self.has_shown(NAME * len(shown))
        return unknown

    def show_plain(self, frame: Frame, bound: set[str]) -> bool:
        """Bring `frame.shown` up to date where only one variable was bound; gives whether it was to a number or text
        as there are many."""
        (name,) = bound
        value = frame.vars.get(name, MISSING)
        if not rendering.is_plain(value):
            return False
        bound.clear()
        if value is not frame.values.get(name, MISSING):
            text = repr(value)
            frame.values[name] = value
            frame.shown = {**frame.shown, name: text}
            self.has_shown(len(text) + NAME * len(frame.shown))
            if frame.provenance.get(name) != "computed":
                self.source_of(frame, name, "computed")
        return True

    def show_arguments(self, frame: Frame) -> bool:
        """Show a frame's variables for the first time; gives whether they all are numbers or texts as there are
        many."""
        code, given = frame.code, frame.vars
        if code.shared or frame.values or not all(map(rendering.is_plain, given.values())):
            return False
        frame.shown = shown = {name: repr(given[name]) for name in code.positional}
        frame.values = given.copy()
        frame.acts, frame.touched = self.acts, len(self.touched)
        frame.provenance = code.arguments_from(self.fresh)
        self.has_shown(NAME * len(shown) + sum(map(len, shown.values())))
        return True

    def bound_or_touched(self, frame: Frame) -> Collection[str]:
        """The variables that were bound since they were shown last, and those of values in which something was changed,
        where all that was done since is told."""
        holders = frame.holders
        touched = {name for one in (None, *self.touched[frame.touched :]) if one in holders for name in holders[one]}
        return touched | frame.bound if frame.bound else touched

    def source_of(self, frame: Frame, name: str, source: Provenance | None) -> None:
        """Note where the shown value of a name comes from."""
        if frame.provenance.get(name) == source:
            return
        changed = dict(frame.provenance)
        if source is None:
            changed.pop(name, None)
        else:
            changed[name] = source
        frame.provenance = changed

    def rebind(self, frame: Frame, name: str, value: Any) -> None:
        if name in frame.code.shared:
            frame.cells[name].value = value
        else:
            frame.vars[name] = value

    def complete(self, frame: Frame, event: Event, unknown: dict[str, str | None]) -> None:
        """Have the model fill in the unknown locals of an event; evaluation goes on from what it says."""
        suggestions = {name: text for name, text in unknown.items() if text is not None}
        wanted = []
        known = {}
        for name in unknown:
            if name in suggestions and suggestions[name] in self.order_texts:
                known[name] = self.order_texts[suggestions[name]]
            else:
                wanted.append(name)
        answers: dict[str, str] = dict(known)
        if wanted:
            partial = {name: text for name, text in event.locals.items() if name not in wanted}
            partial.update(known)
            question = Question(
                "values", event.line, event.depth, event.function,
                event=replace(event, locals=partial),
                names=tuple(event.locals), unknown=tuple(wanted),
                suggestions={name: suggestions[name] for name in wanted if name in suggestions} or NOTHING,
            )  # fmt: skip
            answers.update(self.answer(question))
            self.hold_anew(frame, {name: text for name, text in answers.items() if name not in unknown})
        shown = dict(frame.shown)
        for name in unknown:
            text = answers.get(name)
            value = frame.cells[name].value if name in frame.code.shared else frame.vars[name]
            if name in suggestions:
                text = text if text is not None and same_literal(text, suggestions[name]) else suggestions[name]
                self.order_texts[suggestions[name]] = text
            else:
                self.settle(frame, name, value, text)
                if text is None:
                    shown[name] = rendering.type_of(value)
                    self.source_of(frame, name, "unknown")
                    continue
                if not (type(value) in self.classes and id(value) not in self.poisoned):
                    self.tainted = True
            shown[name] = shown_as(text)
            self.source_of(frame, name, "predicted")
        frame.shown = shown

    def hold_anew(self, frame: Frame, told: Mapping[str, str]) -> None:
        """Objects that are not known themselves hold what a run says beside what it was asked for."""
        for name, text in told.items():
            value = frame.cells[name].value if name in frame.code.shared else frame.vars.get(name)
            if type(value) is Unknown and value.value is MISSING and value.text == shown_as(text):
                tell(value, text, self.outside)

    def settle(self, frame: Frame, name: str, value: Any, text: str | None) -> None:
        """Give the unknown value of a variable the repr that the model says it has; None where it says nothing."""
        if type(value) is Unknown:
            value.askable = False
            if text is None:
                value.text, value.fields = None, NO_FIELDS
                return
            tell(value, text, self.outside)
            if value.value is not MISSING:
                self.rebind(frame, name, value.value)
                frame.values[name] = standing_for(value.value)
                hold(frame, name, frame.values[name])
            return
        known = MISSING if text is None else described(text, self.outside)
        if self.fill(value, known):
            return
        if id(value) not in self.poisoned:
            return
        if text is None:
            self.disturbed.discard(id(value))
            return
        stand_in = Unknown()
        tell(stand_in, text, self.outside)
        stand_in.value = MISSING
        self.rebind(frame, name, stand_in)
        frame.values[name] = standing_for(stand_in)
        hold(frame, name, frame.values[name])

    def fill(self, value: Any, known: Any) -> bool:
        """Give a container the elements that the model says it has; whether it can have them."""
        kind = type(value)
        if type(known) is not kind or kind not in (list, dict, set):
            return False
        value.clear()
        if kind is list:
            value.extend(known)
        else:
            value.update(known)
        self.poisoned.pop(id(value), None)
        self.disturbed.discard(id(value))
        return True

    def show_return(self, frame: Frame, value: Any) -> Any:
        """Emit the `return` event of a frame; gives the value, which may have become known by that."""
        if self.muted is not None and not frame.given:
            return value
        self.visit(frame)
        self.asked = False
        self.rendering.look()
        if type(value) is Unknown and value.value is not MISSING:
            value = value.value
        source: Provenance = "predicted" if self.tainted else "computed"
        try:
            text = self.rendering.text(value)
        except Undetermined as error:
            known = self.return_text(frame, value, error.suggestion)
            text, source = (rendering.type_of(value), "unknown") if known is None else (known, "predicted")
        if frame.given:
            self.returned = None if source == "unknown" else text
        self.emit(self.valued("return", frame, text, source))
        if type(value) is Unknown and value.value is not MISSING:
            return value.value
        return value

    def return_text(self, frame: Frame, value: Any, suggestion: str | None) -> str | None:
        """What a return value that is not known shows as, if the model says it."""
        if suggestion is not None and suggestion in self.order_texts:
            return self.order_texts[suggestion]
        if suggestion is None and not self.is_askable(value):
            return None
        question = Question(
            "values", frame.line, frame.depth, frame.code.name,
            event=Event("return", frame.line, frame.depth, frame.code.name, path=frame.code.path),
            names=("value",), unknown=("value",),
            suggestions={"value": suggestion} if suggestion is not None else NOTHING,
        )  # fmt: skip
        text = self.answer(question).get("value")
        if suggestion is not None:
            text = text if text is not None and same_literal(text, suggestion) else suggestion
            self.order_texts[suggestion] = text
            return text
        if text is None:
            return None
        self.tainted = True
        if type(value) is Unknown:
            tell(value, text, self.outside)
        else:
            self.fill(value, described(text, self.outside))
        return shown_as(text)

    def show_exception(self, frame: Frame, error: BaseException) -> None:
        if frame.seen is error:
            return
        frame.seen = error
        if self.tracebacks:
            self.tracebacks[id(error)] = object()
        if not (frame.traced and self.tracing):
            return
        if self.mortal:
            raise GaveUp("an exception may keep an object with __del__ alive")
        if not self.ending:
            if id(error) != self.rising and frame.code.path is None:
                self.raised_at = lifetimes.place(error, frame.line)
            self.risen, self.rising = id(error), 0
        if self.muted is None:
            self.visit(frame)
            self.asked = False
            self.rendering.look()
            source: Provenance = "predicted" if self.tainted else "computed"
            try:
                text = f"({type(error)!r}, {self.rendering.text(error)}, <traceback object>)"
            except Undetermined:
                text, source = f"({type(error)!r}, {type(error).__name__}(...), <traceback object>)", "unknown"
            self.emit(self.valued("exception", frame, text, source))


class Shown:
    """Stands for a value that has been shown, without keeping it alive."""

    __slots__ = ("kept", "number")

    def __init__(self, value: Any, kept: Kept | None) -> None:
        self.number = id(value)
        self.kept = kept
        """What it was made of, if its text hangs on nothing else."""


def standing_for(value: Any) -> Any:
    """What to compare with to see whether a variable has been bound anew."""
    return value if type(value) in rendering.ATOMS else Shown(value, None)


def hold(frame: Frame, name: str, standing: Any) -> None:
    """Note which objects are in the value of a variable that is about to be shown."""
    if type(standing) is not Shown:
        return
    if frame.holders is NO_HOLDERS:
        frame.holders = {}
    holders, kept = frame.holders, standing.kept
    if len(holders) > frame.most_held:  # of most, what they were in has gone
        holders.clear()
        frame.most_held = sys.maxsize
        for other, one in frame.values.items():
            if other != name:
                hold(frame, other, one)
        frame.most_held = max(MOST_HELD, 2 * len(holders))
    for number in (None,) if kept is None else (standing.number, *kept.inside):
        names = holders.get(number)
        if names is None:
            holders[number] = {name}
        else:
            names.add(name)
