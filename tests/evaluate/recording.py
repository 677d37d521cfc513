"""The truth: a call recorded by `sys.settrace`, and its comparison with what the evaluator says."""

from __future__ import annotations

import asyncio
import dis
import re
import signal
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.record import probe
from cwm_lsp.trace.events import Event

only_on_the_reference = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the order of events is that of CPython 3.11"
)
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|(?:(?<=running)|(?<=defined)|(?<=\))) at [^'\"]+?:\d+(?=[>,\]])")
TASK = re.compile(r"Task-(\d+)\b")
before = [0]
"""Tasks that had been named before the recording."""
YIELD = dis.opmap["YIELD_VALUE"]
FILE = "<evaluated>"
MODULE = "evaluated_module"
UNSURE = ("predicted", "unknown")


class TooLong(BaseException):
    """The recording is longer than wanted."""


class Recording(list[Event]):
    """Events, and whether there are more."""

    cut = False


def stop(*_: object) -> None:
    raise TooLong


def clean(text: str) -> str:
    return ADDRESS.sub("", text)


def shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
        if type(value) in (list, tuple):  # the recorder asks each element for itself
            items = [shown(item) for item in value]  # type: ignore[attr-defined]
            text = f"[{', '.join(items)}]" if type(value) is list else f"({', '.join(items)}{',' * (len(items) == 1)})"
    return TASK.sub(lambda found: f"Task-{int(found[1]) - before[0]}", clean(text))


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


def record(source: str, call: str, function: str | None, *, events: int = 12_000, name: str = MODULE) -> Recording:
    """Every event of `call` from the moment `function` (a qualified name) is entered until it is left."""
    module = types.ModuleType(name)
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
    state = {"on": False, "done": False, "raised": None}

    def depth_of(frame: types.FrameType) -> int:
        depth, above = -1, frame
        while above is not None:
            if above.f_code.co_filename == FILE:
                depth += 1
            if above is frames[0]:
                return depth
            above = above.f_back
        return depth + 1  # a task of its own

    def tracer(frame: types.FrameType, kind: str, arg: object):
        if frame.f_code.co_filename != FILE or state["done"] or frame.f_code.co_name == "<module>":
            return None
        if not state["on"]:
            if kind != "call" or (
                function is not None and frame.f_code.co_qualname.replace(".<locals>", "") != function
            ):
                return None
            state["on"] = True
            frames.append(frame)
        sys.settrace(None)
        try:
            if frame is frames[0]:
                state["raised"] = (
                    frame.f_lasti if kind == "exception" else state["raised"] if kind == "return" else None
                )
            name, line, depth = frame.f_code.co_name, frame.f_lineno, depth_of(frame)
            if kind in ("call", "line"):
                locals_ = {key: shown(value) for key, value in frame.f_locals.items()}
                recorded.append(Event(kind, line, depth, name, locals_))
            elif kind == "return":
                recorded.append(Event("return", line, depth, name, value=shown(arg)))
                suspended = frame.f_code.co_code[frame.f_lasti] == YIELD and state["raised"] != frame.f_lasti
                if frame is frames[0] and not suspended:
                    state["done"] = True
            else:
                error_type, error, _ = arg
                text = f"({error_type!r}, {shown(error)}, <traceback object>)"
                recorded.append(Event("exception", line, depth, name, value=text))
            if len(recorded) > events:
                raise TooLong
        finally:
            if not state["done"]:
                sys.settrace(tracer)
        return tracer

    try:
        handler = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 5, 0.05)
        sys.settrace(tracer)
        try:
            probe.evaluate(call, module.__dict__)(lambda: state["done"])
        finally:
            sys.settrace(None)
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
    except TooLong:
        recorded.cut = True
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    return recorded


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


def compare(source: str, call: str, function: str | None, *, limits: Limits | None = None) -> Comparison:
    """Record a call, evaluate it, and compare."""
    expected = record(source, call, function)
    evaluated = evaluate(source, call, function, limits=limits)
    wrong = contradictions(expected, evaluated, whole=not expected.cut)
    return Comparison(expected, evaluated, wrong)
