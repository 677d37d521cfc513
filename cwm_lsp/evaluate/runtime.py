"""One evaluation at work: frames, events, and what to do about unknowns."""

from __future__ import annotations

import ast
import functools
import gc
import sys
import time
from collections import ChainMap, deque
from collections.abc import Callable, Collection, Iterable
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import MappingProxyType, MemberDescriptorType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from cwm_lsp.evaluate import lifetimes, rendering
from cwm_lsp.evaluate.answers import exception_from, literal, same_literal
from cwm_lsp.evaluate.code import MOST_HELD, NO_HOLDERS, RETURN, Frame
from cwm_lsp.evaluate.faults import is_own
from cwm_lsp.evaluate.kept import Kept
from cwm_lsp.evaluate.machine import CHECK_EVERY, SMALL, Machine
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.unknowing import Unknowing, catches
from cwm_lsp.evaluate.values import (
    INTERNAL,
    MISSING,
    Abandoned,
    GaveUp,
    Left,
    Undetermined,
    Unknown,
    arguments_of,
    is_a,
    mro_of,
    too_much,
)
from cwm_lsp.trace.events import NOTHING, Event, EventKind, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cwm_lsp.evaluate.versions import Dialect


TABLES: frozenset[type] = frozenset({dict, set, frozenset})
SIZED: frozenset[type] = frozenset({str, bytes, bytearray, list, tuple}) | TABLES
PLACED = (3, 13)
"""From here on a class body binds names of its own, which a trace does not show."""
PLACES = frozenset({"__firstlineno__", "__static_attributes__"})
MOST_TRAIL = 50
"""Frames that are remembered of those that an exception leaves."""
NOTHING_UNKNOWN: dict[str, str | None] = {}
NEAR = 8
"""Frames below the limit of their depth where calls in C may fail too."""


class Runtime(Machine):
    """What compiled code works on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.unknowing = Unknowing(self)
        self.rendering = rendering.Renderer(self)

    def count(self, value: Any) -> None:
        """Admit a value that has just been made; what holds objects takes several times the room of characters."""
        kind = type(value)
        if kind in SIZED:
            size = len(value)
            if size > SMALL:
                self.allow(size)
                if kind is list or kind is tuple:
                    self.allocated += 3 * size
                elif kind in TABLES:
                    self.allocated += 4 * size
            if kind is str and "0x" in value:
                self.rendering.without_address(value)
            elif (kind is bytes or kind is bytearray) and b"0x" in value:
                self.rendering.without_address(value.decode("latin-1"))

    # events

    def line(self, frame: Frame, line: int) -> None:
        """The next instruction of `frame` is on `line`."""
        frame.line = line
        self.operations += 1
        if not self.operations % CHECK_EVERY:
            self.check()
        if frame.traced and self.tracing:
            if self.muted is None:
                self.asked = False
                if frame.reference is not None:  # what its statements change is not told, where they suspend
                    self.acts += 1
                self.show(frame, "line", line)
                return
            if self.observed is not None and frame.code.path is None:
                self.observed.lines.add(line)
            if not self.operations % 8:
                self.rendering.bound(frame.vars.values())

    def show(self, frame: Frame, kind: Any, line: int) -> None:
        """Emit a `line` or `call` event with the locals of `frame`."""
        if self.visits is not None:
            self.visit(frame)
        unknown = self.snapshot(frame)
        code = frame.code
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
            kind, frame.line, frame.depth, code.name, NOTHING, text, None, NOTHING, {"value": source}, None, code.path
        )  # fmt: skip

    def emit(self, event: Event) -> None:
        if self.ending:
            self.held.append(event)
            return
        if self.held:
            self.release_held()
        if self.events >= self.limits.events:
            self.muted = f"the trace is longer than {self.limits.events:,} events"
        if self.muted is None:
            self.events += 1
            self.emit_event(event)

    def release_held(self) -> None:
        if self.doomed is not None:
            raise GaveUp(self.doomed)
        held, self.held = self.held, []
        for event in held:
            self.emit(event)

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
        if told and frame.touched == touched and (not frame.bound or self.show_plain(frame)):
            return NOTHING_UNKNOWN
        if code.shared and code.is_function:
            variables = variables | {name: frame.cells[name].value for name in code.shared}
        renderer = self.rendering
        renderer.round = round_ = renderer.round + 1
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
            if self.texts > self.limits.texts and self.muted is None:
                self.muted = rendering.TOO_LONG
        return unknown

    def show_plain(self, frame: Frame) -> bool:
        """Bring `frame.shown` up to date where only one variable was bound, to a number or text; gives whether that is
        so."""
        bound = frame.bound
        if len(bound) > 1:
            return False
        (name,) = bound
        value = frame.vars.get(name, MISSING)
        if not rendering.is_plain(value):
            return False
        bound.clear()
        if value is not frame.values.get(name, MISSING):
            text = repr(value)
            self.texts += len(text)
            frame.values[name] = value
            frame.shown = {**frame.shown, name: text}
            if frame.provenance.get(name) != "computed":
                self.source_of(frame, name, "computed")
        return True

    def bound_or_touched(self, frame: Frame) -> Collection[str]:
        """The variables that were bound since they were shown last, and those of values in which something was changed,
        where all that was done since is told."""
        holders = frame.holders
        touched = {name for one in (None, *self.touched[frame.touched :]) if one in holders for name in holders[one]}
        return touched | frame.bound if frame.bound else touched

    @property
    def certain(self) -> bool:
        """Whether a value shows what it shows for its own sake alone: no code that is not known may have changed it."""
        return not (self.tainted or self.poisoned or self.unknowing.given_up)

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
            shown[name] = text
            self.source_of(frame, name, "predicted")
        frame.shown = shown

    def settle(self, frame: Frame, name: str, value: Any, text: str | None) -> None:
        """Give the unknown value of a variable the repr that the model says it has; None where it says nothing."""
        known = MISSING if text is None else literal(text)
        if type(value) is Unknown:
            value.text, value.askable = text, False
            value.value = known
            if known is not MISSING:
                self.rebind(frame, name, known)
                frame.values[name] = standing_for(known)
                hold(frame, name, frame.values[name])
            return
        if known is not MISSING and type(known) is type(value) and type(value) in (list, dict, set):
            value.clear()
            if type(value) is list:
                value.extend(known)
            else:
                value.update(known)
            self.poisoned.pop(id(value), None)
            self.disturbed.discard(id(value))
            return
        if id(value) not in self.poisoned:
            return
        if text is None:
            self.disturbed.discard(id(value))
            return
        stand_in = Unknown(text)
        self.rebind(frame, name, stand_in)
        frame.values[name] = standing_for(stand_in)
        hold(frame, name, frame.values[name])

    def answer(self, question: Question) -> dict[str, str]:
        reply = self.ask(question)
        return dict(reply) if isinstance(reply, dict) or hasattr(reply, "keys") else {}

    def ask(self, question: Question) -> Any:
        """The answer to a question; waiting for it does not count as time."""
        if self.ending or self.held:
            if self.ending:
                raise GaveUp("the end of a generator depends on something that cannot be known")
            self.release_held()
        self.check()
        self.unknowns += 1
        started = time.monotonic()
        reply = self.ask_model(replace(question, at=self.whereabouts()))
        self.deadline += time.monotonic() - started
        return reply

    def whereabouts(self) -> tuple[str, int] | None:
        """The file (or the module, where there is none) and line of the innermost frame that is not of the library."""
        frame = self.frame
        while frame is not None and (frame.code.home is None or frame.code.home.of_library or not frame.line):
            frame = frame.caller
        home = frame.code.home if frame is not None else None
        if frame is None or home is None:
            return None
        file = home.namespace.get("__file__")
        return (file if type(file) is str else home.module_name), frame.line

    # unknowns

    def unknown(self, touched: Iterable[Any] = ()) -> Unknown:
        """The result of an operation that cannot be known and may have changed what it `touched`."""
        if not self.tracing or self.trusted is self.frame:
            if self.trusted is not self.frame and self.is_guarded():
                raise Undetermined  # an exception would be caught, and what comes then is not known
            self.poison(touched)
            return Unknown()
        frame = self.shown_frame
        self.unknowns += 1
        self.tainted = True
        if not self.asked:
            self.asked = True
            reply = self.ask(Question("raises", frame.line, frame.depth, frame.code.name))
            if isinstance(reply, str):
                self.poison(touched)
                raise exception_from(reply)
        self.poison(touched)
        return Unknown(askable=True)

    def kept_by_others(self, value: Any) -> None:
        """Something that is not known keeps a value, and may call it or change it at any time from now on."""
        if not self.tracing:
            self.unknowing.called_by_others((value,))

    def is_askable(self, value: Any) -> bool:
        """Whether a value is not known because of what the traced call has done."""
        return self.reaches((value,), lambda inner: id(inner) in self.disturbed or is_open(inner))

    @property
    def shown_frame(self) -> Frame:
        """The innermost frame that is not stepped over."""
        frame = self.frame
        while frame is not None and not frame.traced and frame.caller is not None:
            frame = frame.caller
        assert frame is not None
        return frame

    def is_guarded(self) -> bool:
        """Whether an exception raised here may be caught. Outside of the traced call: what is not caught there ends the
        program, and there is no trace to be told of."""
        frame = self.frame
        while frame is not None and not self.guarded:
            if frame.code.is_generator and catches(frame.code.node):
                return True
            frame = frame.caller
        return self.guarded > 0

    def poison(self, values: Iterable[Any]) -> None:
        """Unknown code may have changed these values and what can be reached from them."""
        self.acts += 1
        pending = list(values)
        while pending:
            value = pending.pop()
            if id(value) in self.poisoned or type(value) in rendering.ATOMS:
                continue
            if type(value) in (list, set, dict) or type(value) in self.classes or type(value) in rendering.MUTABLE:
                self.poisoned[id(value)] = value
                if self.tracing:
                    self.disturbed.add(id(value))
            pending.extend(self.inside(value))

    def inside(self, value: Any) -> list[Any]:
        """The values directly inside a container or an instance of a class of the file."""
        kind: Any = type(value)
        if kind in (list, tuple, set, frozenset):
            return list(value)
        if kind is dict:
            return [*value, *value.values()]
        if kind in rendering.ATOMS:
            return []
        found: list[Any] = []
        for base in CONTAINERS:
            if is_a(value, base):
                found = list(base.__iter__(value))
                if base is dict:
                    found += dict.values(value)
                break
        if is_a(value, BaseException):
            found += arguments_of(value)
        elif issubclass(kind, functools.partial):
            found += [PARTIAL["func"](value), *PARTIAL["args"](value), *PARTIAL["keywords"](value).values()]
        elif kind in VIEWS:
            found += VIEWS[kind](value)
        if kind in self.classes and not issubclass(kind, functools.partial):
            with suppress(AttributeError):
                found += object.__getattribute__(value, "__dict__").values()
            for base in mro_of(kind):
                for member in vars(base).values() if base in self.classes else ():
                    if type(member) is MemberDescriptorType:
                        with suppress(AttributeError):
                            found.append(member.__get__(value))
        return found

    def is_poisoned(self, values: Iterable[Any], *, shown: bool = False) -> bool:
        """Whether unknown code may have changed any of the values or what can be reached from them; `shown`: where what
        an unknown shows as is known, that will do."""

        def is_lost(value: Any) -> bool:
            if type(value) is Unknown:
                return not (shown and value.text is not None)
            return id(value) in self.poisoned or self.unknowing.may_show_otherwise(value)

        return self.reaches(values, is_lost)

    def reaches(self, values: Iterable[Any], test: Callable[[Any], bool]) -> bool:
        """Whether the test holds for one of the values or for something that can be reached from them."""
        seen: set[int] = set()
        pending = list(values)
        while pending:
            value = pending.pop()
            if type(value) in rendering.ATOMS or id(value) in seen:
                continue
            if test(value):
                return True
            seen.add(id(value))
            pending.extend(self.inside(value))
        return False

    def touchable(self, values: Iterable[Any], *, shown: bool = False) -> None:
        """Raise `Undetermined` if something is poisoned among values about to be looked into, or `shown`."""
        if (self.poisoned or self.unknowing.given_up) and self.is_poisoned(values, shown=shown):
            raise Undetermined

    def branch(self, lines: tuple[int | None, int | None], *, leaves: bool = False) -> bool:
        """Which way an unknown truth value goes; as in a `Question`."""
        if not self.tracing:
            raise Undetermined
        frame = self.frame
        assert frame is not None
        if frame.code.foreign:
            raise Undetermined
        self.tainted = True
        reply = self.ask(Question("branch", frame.line, frame.depth, frame.code.name, lines=lines, leaves=leaves))
        if not isinstance(reply, bool):
            raise GaveUp(f"line {frame.line} branches on something that cannot be known")
        return reply

    # frames

    def enter(self, frame: Frame) -> None:
        """Begin or resume a frame, with its `call` event."""
        self.stirred += 1
        self.depth += 1
        if self.depth + self.unseen + self.below + self.slack > self.limits.depth and not self.aside:
            self.depth -= 1
            self.too_deep()
        if self.started and not self.entered and (self.targets is None or frame.code in self.targets):
            if self.doomed is not None:
                raise GaveUp(self.doomed)
            self.entered = True
            self.tracing = True
            frame.given = True
        if frame.given or self.away:
            around = self.around()
            frame.depth = around.depth + 1 if around is not None else 0 if frame.given else 1
            self.base = self.depth - frame.depth
            self.away = self.away and not frame.given
        else:
            frame.depth = max(self.depth - self.base, 1)
        frame.traced = self.tracing
        self.frame = frame
        if self.tracing and self.muted is None:
            self.asked = False
            self.fresh = "given" if frame.given and not frame.shown else "computed"
            self.show(frame, "call", frame.line)
            self.fresh = "computed"
        self.operations += 1
        if not self.operations % CHECK_EVERY:
            self.check()

    def around(self) -> Frame | None:
        """The innermost frame on the stack that is of the trace."""
        frame = self.frame
        while frame is not None and not frame.traced:
            frame = frame.caller
        return frame

    def too_deep(self) -> NoReturn:
        """A call is nested deeper than CPython allows, or may be."""
        frame = self.frame
        certain = self.slack == 0
        while certain and frame is not None:  # generators are resumed and class bodies run by calls in C as well
            certain = not frame.code.suspends and not isinstance(frame.code.node, ast.ClassDef)
            frame = frame.caller
        if not certain:
            raise GaveUp("calls are nested about as deep as Python allows")
        error: Any = RecursionError("maximum recursion depth exceeded")
        error.of_user = True
        raise error

    def handles(self, error: BaseException) -> None:
        """An exception has come to a block that may handle it."""
        if is_a(error, RecursionError | MemoryError) and not getattr(error, "of_user", False):
            raise too_much(error) from None
        if is_a(error, RecursionError) and self.depth + self.unseen + self.below + NEAR > self.limits.depth:
            raise GaveUp("a RecursionError is handled where hardly any depth is left")

    def show_return(self, frame: Frame, value: Any) -> Any:
        """Emit the `return` event of a frame; gives the value, which may have become known by that."""
        if self.muted is not None and not frame.given:
            return value
        self.visit(frame)
        self.asked = False
        self.rendering.round += 1
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
            value.text, value.value = text, literal(text)
        return text

    def raised(self, frame: Frame, error: BaseException) -> None:
        """Show the `exception` event of an exception that surfaces in `frame`, once."""
        if isinstance(error, GeneratorExit) and not self.lively:
            raise Abandoned
        if id(error) not in (self.thrown, self.rising) and frame.seen is not error:
            cause = error.__cause__
            if isinstance(cause, GaveUp):
                raise cause
            if is_own(error) or isinstance(cause, Undetermined):
                raise GaveUp("an operation fails in a way that is not interpreted")
            if self.dialect is not None:
                self.translate(error, self.dialect)
        if not self.generators:
            self.show_exception(frame, error)
            return
        lifetimes.release(error, loops=False)
        rises = frame.seen is not error
        new = rises and id(error) != self.rising
        if self.held and not self.ending and rises:
            raise GaveUp("a generator ends while an exception rises")
        self.show_exception(frame, error)
        holder: Frame | None = frame if rises else None
        while holder is not None and not holder.handling:
            holder = holder.caller
        if holder is not None and new:
            lifetimes.add_context(error, holder.handling[-1])
        lifetimes.release(error, loops=True)

    def translate(self, error: BaseException, dialect: Dialect) -> None:
        """Let an exception that builtin code has raised say what it says in the Python that would run the program."""
        given = arguments_of(error)
        if dialect.differs and given and (given[0] == "unhashable type: 'slice'" or type(given[0]) is slice):
            raise GaveUp("whether slices are hashable depends on the version of Python")
        if dialect.differs and (is_a(error, SyntaxError) or not dialect.raises_the_same(error)):
            self.poisoned[id(error)] = error
        elif len(given) == 1 and type(given[0]) is str and type(error) is not KeyError:
            text = dialect.message(error, given[0])
            if text is None:
                self.poisoned[id(error)] = error
            elif text != given[0]:
                error.args = (text,)

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
            self.rendering.round += 1
            source: Provenance = "predicted" if self.tainted else "computed"
            try:
                text = f"({type(error)!r}, {self.rendering.text(error)}, <traceback object>)"
            except Undetermined:
                text, source = f"({type(error)!r}, {type(error).__name__}(...), <traceback object>)", "unknown"
            self.emit(self.valued("exception", frame, text, source))

    def unwind(self, frame: Frame, error: BaseException, caller: Frame | None) -> None:
        """Leave a frame by an exception."""
        if is_a(error, RecursionError | MemoryError) and not getattr(error, "of_user", False):
            raise too_much(error) from None
        self.raised(frame, error)
        self.follow(frame, error, caller)
        if not self.ending:
            self.rising = id(error) if frame.traced and frame.code.path is None else 0
        if frame.traced and self.tracing and self.muted is None:
            self.visit(frame)
            self.emit(self.valued("return", frame, "None", self.now))
        frame.seen = None
        self.depth -= 1
        self.frame = caller
        if caller is not None and not frame.dying:  # nobody gets to see what a frame raises at its end
            caller.seen = None

    def follow(self, frame: Frame, error: BaseException, caller: Frame | None) -> None:
        """Note that an exception leaves a frame for its caller."""
        if self.trail_of != (id(error), id(frame)):
            self.trail = []
        self.trail_of = id(error), id(caller)
        if frame.code.home is not None and len(self.trail) < MOST_TRAIL:
            self.trail.append((frame.code.home.module_name, frame.code.name, frame.line))

    @property
    def now(self) -> Provenance:
        return "predicted" if self.tainted else "computed"

    def run(self, frame: Frame) -> Any:
        """Run a function's frame from `call` to `return`; gives the value."""
        code = frame.code
        if code.body is None:
            assert code.compile is not None
            code.body = code.compile()
        caller = self.frame
        if code.foreign:
            return self.run_untraced(frame, caller)
        self.enter(frame)
        frame.caller = caller
        try:
            value = frame.result if code.body(frame) is RETURN else None
        except INTERNAL as problem:
            self.depth -= 1
            self.frame = caller
            if not self.unknowing.may_go_on(frame, problem):
                raise
            del problem  # what it holds on to would live longer
            return self.unknowing.give_up(frame)
        except BaseException as error:
            self.unwind(frame, error, caller)
            caller = frame.caller = None  # the traceback keeps this frame of ours, and must not keep the caller's
            if frame.given:
                self.end(error)
            raise
        if frame.traced and self.tracing:
            value = self.show_return(frame, value)
        self.depth -= 1
        self.frame, frame.caller = caller, None
        if frame.given:
            self.end()
        return value

    def run_untraced(self, frame: Frame, caller: Frame | None) -> Any:
        """Run a frame that is stepped over."""
        self.frame, frame.caller = frame, caller
        self.unseen += 1
        home = frame.code.home
        if home is None or home.stepped_over:
            self.stirred += 1
        if self.depth + self.unseen + self.below + self.slack > self.limits.depth and not self.aside:
            self.unseen -= 1
            self.frame = caller
            self.too_deep()
        self.tick()
        try:
            return frame.result if frame.code.body(frame) is RETURN else None
        except INTERNAL as problem:
            self.frame = caller
            if not self.unknowing.may_go_on(frame, problem):
                raise
            del problem
            return self.unknowing.give_up(frame)
        except BaseException as error:
            self.follow(frame, error, caller)
            raise
        finally:
            self.unseen -= 1
            self.frame, frame.caller = caller, None

    def end(self, error: BaseException | None = None) -> NoReturn:
        """The traced call is left, by `error` if it did not return: the trace is complete."""
        self.release_held()
        self.tracing = False
        if error is not None and self.raised_at is not None:
            self.raised_at = lifetimes.place(error, self.raised_at)
        self.left = Left(self.returned, error)
        raise self.left

    @contextmanager
    def trusting(self, frame: Frame) -> Iterator[None]:
        """Let a frame evaluate an annotation."""
        before, self.trusted = self.trusted, frame
        try:
            yield
        finally:
            self.trusted = before


lifetimes.FRAMES.add(Runtime.run.__code__)


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


CONTAINERS: tuple[Any, ...] = (list, tuple, dict, set, frozenset, deque)
PARTIAL: dict[str, Any] = {name: vars(functools.partial)[name].__get__ for name in ("func", "args", "keywords")}
"""The parts of a `partial`. Its attributes are not looked at: for that, it would make a dict, which shows when another
is made of it."""
VIEWS: dict[type, Callable[[Any], Iterable[Any]]] = {
    type({}.keys()): list,
    type({}.values()): list,
    type({}.items()): list,
    MappingProxyType: gc.get_referents,
    SimpleNamespace: lambda value: vars(value).values(),
    slice: lambda value: [value.start, value.stop, value.step],
    ChainMap: lambda value: value.maps,
}
"""What other builtin types hold that their repr shows."""


def is_open(value: Any) -> bool:
    """Whether a value is an unknown of which a model may still say what it is."""
    return type(value) is Unknown and value.askable and value.value is MISSING and value.text is None
