"""What is not known in an evaluation: questions, values that may have been changed, and how they go on."""

from __future__ import annotations

import csv
import functools
import gc
import io
import itertools
from collections import ChainMap, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from types import (
    BuiltinFunctionType,
    MappingProxyType,
    MemberDescriptorType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from cwm_lsp.evaluate import everyday, rendering
from cwm_lsp.evaluate.answers import exception_from
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.machine import Machine
from cwm_lsp.evaluate.mentions import catches
from cwm_lsp.evaluate.questions import Question
from cwm_lsp.evaluate.unknowing import HOLDERS, Unknowing
from cwm_lsp.evaluate.values import (
    MISSING,
    NO_FIELDS,
    GaveUp,
    Ticker,
    Undetermined,
    Unknown,
    arguments_of,
    held_by,
    is_a,
    mro_of,
    names_of,
    unguarded,
)
from cwm_lsp.trace.events import Event

ITERATING = frozenset(everyday.ITERATORS) | {
    kind for kind in (enumerate, filter, map, reversed, zip, *vars(itertools).values()) if isinstance(kind, type)
}
"""Types of iterators in C over something else."""
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
    BuiltinFunctionType: lambda value: [] if type(value.__self__) is ModuleType else [value.__self__],
    MethodWrapperType: lambda value: [value.__self__],
    **dict.fromkeys((type(csv.reader(())), type(csv.writer(io.StringIO()))), gc.get_referents),
    memoryview: lambda value: viewed(value),
}
"""What other builtin types hold that their repr shows, or that they change when they are called."""


class Doubts(Machine):
    """The state of an evaluation, and what is not known of it."""

    unknowing: Unknowing
    rendering: rendering.Renderer

    def emit(self, event: Event) -> None:
        if self.ending:
            self.held.append(event)
            return
        if self.held or self.doomed is not None:
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

    @property
    def certain(self) -> bool:
        """Whether a value shows what it shows for its own sake alone: no code that is not known may have changed it."""
        return not (self.tainted or self.poisoned or self.unknowing.given_up)

    def answer(self, question: Question) -> dict[str, str]:
        reply = self.ask(question)
        return dict(reply) if isinstance(reply, dict) or hasattr(reply, "keys") else {}

    def ask(self, question: Question) -> Any:
        """The answer to a question."""
        if self.ending or self.held:
            if self.ending:
                raise GaveUp("the end of a generator depends on something that cannot be known")
            self.release_held()
        self.check()
        self.unknowns += 1
        return self.ask_model(replace(question, at=self.whereabouts()))

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

    def unknown(self, touched: Iterable[Any] = ()) -> Unknown:
        """The result of an operation that cannot be known and may have changed what it `touched`."""
        if not self.tracing or self.trusted is self.frame:
            if self.unknowing.adrift and not self.tracing:
                touched = list(touched)
                if any(type(value) is Unknown for value in touched):
                    self.unknowing.unknown_changed()
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
            if type(value) is Unknown and value.value is MISSING:
                self.outside += 1
                pending.extend(value.fields.values())
                value.fields = NO_FIELDS
            if type(value) is Unknown and value.leads_to is not None:
                pending.append(value.leads_to())
            home = self.homes.get(id(value))
            if home is not None:
                home.forget_all(unbound=True)
                continue
            if type(value) in (list, set, dict) or type(value) in self.classes or type(value) in HOLDERS:
                self.poisoned[id(value)] = value
                if self.tracing:
                    self.disturbed.add(id(value))
            pending.extend(self.inside(value))

    def inside(self, value: Any) -> list[Any]:
        """The values directly inside a container or an instance of a class of the file."""
        value = unguarded(value)
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
        elif kind is Ticker:
            found.append(value.iterator)
        elif kind in ITERATING:
            found += gc.get_referents(value)
        if kind in self.classes and not issubclass(kind, functools.partial):
            found += (held_by(value) or {}).values()
            for base in mro_of(kind):
                for member in names_of(base).values() if base in self.classes else ():
                    if type(member) is MemberDescriptorType:
                        with suppress(AttributeError):
                            found.append(member.__get__(value))
        return found

    def is_poisoned(self, values: Iterable[Any]) -> bool:
        """Whether unknown code may have changed any of the values or what can be reached from them. An unknown that a
        repr is known of is what it is: whatever looks further into it finds out."""

        def is_lost(value: Any) -> bool:
            if type(value) is Unknown:
                return value.text is None
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

    def touchable(self, values: Iterable[Any]) -> None:
        """Raise `Undetermined` if something is poisoned among values about to be looked into, or shown."""
        if (self.poisoned or self.unknowing.given_up) and self.is_poisoned(values):
            raise Undetermined

    def branch(self, lines: tuple[int | None, int | None], *, leaves: bool = False) -> bool:
        """Which way an unknown truth value goes; as in a `Question`."""
        reply = self._branch(lines=lines, leaves=leaves)
        if reply is None:
            raise GaveUp(f"line {self.shown_frame.line} branches on something that cannot be known")
        return reply

    def either_way(self) -> bool | None:
        """The same where the events that come are the same; None: nobody knows."""
        return self._branch(either_way=True)

    def _branch(self, **how: Any) -> bool | None:
        if not self.tracing:
            raise Undetermined
        frame = self.frame
        assert frame is not None
        if frame.code.foreign:
            raise Undetermined
        self.tainted = True
        reply = self.ask(Question("branch", frame.line, frame.depth, frame.code.name, **how))
        return reply if isinstance(reply, bool) else None


def viewed(view: memoryview) -> list[Any]:
    """What a view of memory shows: an object with such memory, or what such an object is of."""
    with suppress(ValueError):  # it was released
        return [view.obj, *gc.get_referents(view.obj)]
    return []


def is_open(value: Any) -> bool:
    """Whether a value is an unknown of which a model may still say what it is."""
    return type(value) is Unknown and value.askable and value.value is MISSING and value.text is None
