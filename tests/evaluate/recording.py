"""The truth: a call recorded by a trace function, and its comparison with what the evaluator says.

It is set in the C interface, below `sys.settrace`, which would keep a copy of the locals at every event alive.
"""

from __future__ import annotations

import asyncio
import ctypes
import dis
import os
import pickle
import re
import reprlib
import signal
import sys
import types
from _ctypes import PyObj_FromPtr
from collections.abc import Iterable
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from threading import get_ident
from typing import Any

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.record import framed
from cwm_lsp.trace.events import Event

only_on_the_reference = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the order of events is that of CPython 3.11"
)
ADDRESS = re.compile(r" (?:at|@) 0x[0-9a-fA-F]+|(?:(?<=running)|(?<=defined)|(?<=\))) at [^'\"]+?:\d+(?=[>,\]])")
ORIGIN = re.compile(r"(<module '[\w.]+') (?:from '[^']*'|\((?:built-in|frozen)\))>")
TASK = re.compile(r"Task-(\d+)\b")
before = [0]
"""Tasks that had been named before the recording."""
HOOK = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)
WHAT = ("call", "exception", "line", "return")
"""Kinds of events by the numbers that a trace function in C gets."""
YIELD = dis.opmap["YIELD_VALUE"]
KEPT_BY_FRAME = 3
"""References to the locals of a frame that nobody has asked for: the frame's, our variable, and the argument."""
FILE = "<evaluated>"
MODULE = "evaluated_module"
UNSURE = ("predicted", "unknown")
PARTED: dict[Any, tuple[str, str]] = {
    list.__repr__: ("[", "]"), tuple.__repr__: ("(", ")"), dict.__repr__: ("{", "}"), set.__repr__: ("{", "}"),
    frozenset.__repr__: ("({", "})"),
}  # fmt: skip
"""Containers whose elements are asked one by one where one of them cannot be shown, and how they begin and end."""


class TooLong(BaseException):
    """The recording is longer than wanted."""


class Recording(list[Event]):
    """Events, and whether there are more."""

    cut = False


def stop(*_: object) -> None:
    raise TooLong


def clean(text: str) -> str:
    return ADDRESS.sub("", ORIGIN.sub(r"\1>", text))


def shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
        if isinstance(value, BaseException) and type(value).__repr__ is BaseException.__repr__:
            text = f"{type(value).__name__}({', '.join(map(shown, value.args))})"
        elif type(value).__repr__ in PARTED:  # the recorder asks each element for itself
            text = parted(value)
        elif type(value) is types.MethodType:
            text = f"<bound method {value.__func__.__qualname__} of {shown(value.__self__)}>"
    return TASK.sub(lambda found: f"Task-{int(found[1]) - before[0]}", clean(text))


@reprlib.recursive_repr()
def parted(value: Any) -> str:
    """A container as its elements show."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(key)}: {shown(item)}" for key, item in value.items()) + "}"
    inside = ", ".join(map(shown, value))
    if isinstance(value, tuple):
        return f"({inside}{',' * (len(value) == 1)})"
    opening, closing = PARTED[type(value).__repr__]
    if isinstance(value, set) and type(value) is not set:
        opening, closing = "({", "})"
    named = isinstance(value, set | frozenset) and type(value) is not set
    return f"{type(value).__name__ if named else ''}{opening}{inside}{closing}"


def count_tasks() -> int:
    """How many asyncio tasks this process has named; a run's own are counted from one."""

    async def number() -> int:
        task = asyncio.current_task()
        assert task is not None
        return int(task.get_name().removeprefix("Task-"))

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(number())
    finally:
        loop.close()
        asyncio.set_event_loop_policy(None)  # as in a process that has had no loop yet


def record(source: str, call: str, function: str | None, *, events: int = 12_000, name: str = MODULE) -> Recording:
    """Every event of `call` from the moment `function` (a qualified name) is entered until it is left."""
    module = types.ModuleType(name)
    module.__file__ = FILE
    sys.modules[name] = module
    try:
        exec(compile(source, FILE, "exec", dont_inherit=True), module.__dict__)
        return record_in(module, call, function, events=events)
    finally:
        sys.modules.pop(name, None)


def record_in(module: types.ModuleType, call: str, function: str | None, *, events: int = 12_000) -> Recording:
    """The same, in a module made from a file called `FILE`."""
    before[0] = count_tasks()
    recorded = Recording()
    frames: list[types.FrameType] = []
    state: dict[str, Any] = {"done": False, "raised": None}

    def depth_of(frame: types.FrameType) -> int:
        depth, above, outermost = -1, frame, frame
        while above is not None:
            if above.f_code.co_filename == FILE and type(above.f_trace) is Names:
                depth, outermost = depth + 1, above
            above = above.f_back
        return depth + (outermost is not frames[0])  # a task of its own, or what goes on with the traced generator

    def tracer(_: object, frame: types.FrameType, what: int, address: int | None) -> int:
        if frame.f_code.co_filename != FILE or state["done"] or frame.f_code.co_name == "<module>":
            return 0
        kind, arg = WHAT[what], PyObj_FromPtr(address) if address else None
        if not frames:
            wanted = function is None or frame.f_code.co_qualname.replace(".<locals>", "") == function
            if kind != "call" or not wanted:
                return 0
            frames.append(frame)
        if kind == "call" and type(frame.f_trace) is not Names:
            frame.f_trace = Names()
        names: Any = frame.f_trace
        if type(names) is not Names:
            return 0  # it was there before
        if frame is frames[0] and kind != "return":
            state["raised"] = frame.f_lasti if kind == "exception" else None
        if kind in ("call", "line"):
            names.line = frame.f_lineno
        name, line, depth = frame.f_code.co_name, frame.f_lineno or names.line, depth_of(frame)  # cleaning up has none
        if kind in ("call", "line"):
            local = frame.f_locals
            if frame.f_code.co_flags & CO_OPTIMIZED and sys.getrefcount(local) > KEPT_BY_FRAME:
                recorded.cut = state["done"] = True  # the program has it, and would see that it is filled
                return 0
            names[:] = [key for key in names if key in local] + [key for key in local if key not in names]
            recorded.append(Event(kind, line, depth, name, {key: shown(local[key]) for key in names}))
            if frame.f_code.co_flags & CO_OPTIMIZED:
                local.clear()  # a copy, which the frame keeps, and with it what is in it
        elif kind == "return":
            recorded.append(Event("return", line, depth, name, value=shown(arg)))
            suspended = frame.f_code.co_code[frame.f_lasti] == YIELD and state["raised"] != frame.f_lasti
            if frame is frames[0] and not suspended:
                state["done"] = True
        else:
            error_type, error, _ = arg
            text = f"({error_type!r}, {shown(error)}, <traceback object>)"
            recorded.append(Event("exception", line, depth, name, value=text))
        if len(recorded) > events and not recorded.cut:
            recorded.cut = state["done"] = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(get_ident()), ctypes.py_object(TooLong))
        return 0

    hook = HOOK(tracer)
    try:
        handler = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 20, 0.05)
        run = framed.evaluate(call, module.__dict__)
        ctypes.pythonapi.PyEval_SetTrace(ctypes.cast(hook, ctypes.c_void_p), None)
        try:
            run(lambda: state["done"])
        finally:
            ctypes.pythonapi.PyEval_SetTrace(None, None)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
    except TooLong:
        recorded.cut = True
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    return recorded


class Names(list[str]):
    """The names of a frame's locals in the order of their appearance; a frame without was there before."""

    line = 0
    """The line of its last `call` or `line` event."""

    def __call__(self, *_: object) -> None:
        """A frame takes it for a trace function."""


@dataclass
class Comparison:
    """How an evaluation fares against a recording."""

    expected: list[Event]
    evaluated: Evaluated
    wrong: list[str]
    """Differences in what was called computed or given."""

    @property
    def got(self) -> list[Event]:
        return self.evaluated.events

    @property
    def gave_up(self) -> str | None:
        return self.evaluated.gave_up

    @property
    def asked(self) -> bool:
        return self.evaluated.asked_at is not None

    @property
    def complete(self) -> bool:
        return self.gave_up is None and len(self.got) == len(self.expected) and not self.wrong

    @property
    def right_value(self) -> bool:
        outcome = self.evaluated.evaluation.outcome
        if outcome is None or not self.expected:
            return False
        if outcome.kind == "exception":
            return bool(self.got) and len(self.got) == len(self.expected) and self.got[-1].kind == "return"
        return clean(outcome.value or "") == self.expected[-1].value


def describe(event: Event) -> str:
    return f"{event.kind} {event.function}:{event.line} depth {event.depth} {dict(event.locals)} {event.value}"


def differences(expected: Iterable[Event], got: Iterable[Event], asked_at: int | None = None) -> list[str]:
    """The first event that differs in what the evaluator is sure of, told in lines; empty if there is none."""
    expected, got = list(expected), list(got)
    sure = True
    for position, event in enumerate(got):
        sources = set(event.provenance.values())
        if "predicted" in sources or (asked_at is not None and position >= asked_at):
            sure = False  # control flow may depend on the answer
        if position >= len(expected):
            return [f"event {position} too many: {describe(event)}"] if sure else []
        real = expected[position]
        same_place = (event.kind, event.line, event.depth, event.function) == (
            real.kind, real.line, real.depth, real.function)  # fmt: skip
        if not same_place:
            return [f"event {position}\n  real {describe(real)}\n  got  {describe(event)}"] if sure else []
        if event.kind in ("call", "line"):
            if list(event.locals) != list(real.locals):
                return [f"event {position} names\n  real {describe(real)}\n  got  {describe(event)}"] if sure else []
            for name, text in event.locals.items():
                if event.provenance.get(name) not in UNSURE and clean(text) != real.locals[name]:
                    return [f"event {position} {name}\n  real {describe(real)}\n  got  {describe(event)}"]
        elif event.provenance.get("value") not in UNSURE and clean(event.value or "") != real.value:
            return [f"event {position} value\n  real {describe(real)}\n  got  {describe(event)}"]
    return []


@dataclass
class Evaluated:
    """What an evaluation gave."""

    events: list[Event]
    gave_up: str | None
    asked_at: int | None
    """Events before the first question that only a model could answer; None if there was none."""
    evaluation: Evaluation


def evaluate(
    source: str, call: str, function: str | None, *, limits: Limits | None = None, name: str = MODULE
) -> Evaluated:
    """Evaluate a call up to the first question that nothing but a model could answer."""
    evaluation = Evaluation(source, call, function, limits=limits or Limits(), module=name)
    events: list[Event] = []
    asked_at = None
    for step in evaluation:
        if isinstance(step, Question):
            if not step.suggestions:
                asked_at = len(events)
                break
            evaluation.answer(dict(step.suggestions))
        else:
            events.append(step)
    return Evaluated(events, evaluation.gave_up, asked_at, evaluation)


def contradictions(expected: list[Event], evaluated: Evaluated, *, whole: bool = True) -> list[str]:
    """Where an evaluation is wrong about what it is sure of; `whole`: the recording is not cut."""
    got = evaluated.events
    wrong = differences(expected, got if whole else got[: len(expected)], evaluated.asked_at)
    ended = evaluated.gave_up is None and evaluated.asked_at is None
    if whole and ended and not wrong and len(got) < len(expected):
        last = describe(got[-1]) if got else "nothing"
        wrong = [f"ends early, after {last}\n  real {describe(expected[len(got)])}"]
    return wrong


def record_apart(source: str, call: str, function: str | None) -> Recording:
    """`record` in a process of its own, whose state the program may change."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            recorded = record(source, call, function)
            with os.fdopen(writing, "wb") as file:
                pickle.dump((list(recorded), recorded.cut), file)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(child, 0)
    made = Recording()
    made[:], made.cut = pickle.loads(data)
    return made


def compare(
    source: str, call: str, function: str | None, *, limits: Limits | None = None, apart: bool = False
) -> Comparison:
    """Record a call, `apart` in a process of its own, evaluate it, and compare."""
    expected = (record_apart if apart else record)(source, call, function)
    evaluated = evaluate(source, call, function, limits=limits)
    wrong = contradictions(expected, evaluated, whole=not expected.cut)
    return Comparison(expected, evaluated, wrong)
