"""A process that evaluates, within bounds that it cannot leave. `python -m cwm_lsp.evaluate.evaluating MEMORY`.

It reads what to do from stdin, where its parent pickles it, and writes what comes of it to stdout, in `wire`'s form:

    → ("start", 1, {argument of Evaluation: value, …})     several evaluations may be under way
    → ("calls", 1, {argument of Program: value, …}, (call, …), function or None, limits)
    → ("answer", 1, answer)                                to its last question
    → ("close", 1)                                         it is not wanted any more
    ← ("ready", (bool, …))                                 everything is imported; what it gave up (`confinement`)
    ← ("began", 1)
    ← ("steps", 1, (step, …))                              as they come
    ← ("looked", 1, (what came of the next look, …))       once all steps have come
    ← ("reads", 1, (the other files that calls depend on))    when there are more
    ← ("called", 1, (what came of the next call))
    ← ("end", 1, outcome or None, why it gave up or None, whether time or memory ran out, other files it read)
    ← ("fault", 1, stack trace)                            in place of the end
    ← ("grown", 1)                                         after it: better to go on in another process

Where the system can, it limits its own memory and processor time, and dies of what no `GaveUp` reaches; before it is
ready it gives up writing files, the network and starting programs. It ends with its stdin, which its parent closes when
it has grown and nothing is under way.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import astuple
from functools import partial
from queue import SimpleQueue
from typing import Any, BinaryIO

from cwm_lsp.confinement import Held, confine
from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import wire
from cwm_lsp.evaluate.deep import STACK
from cwm_lsp.evaluate.evaluation import CHUNK, Evaluation
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.observed import not_known
from cwm_lsp.evaluate.program import Program
from cwm_lsp.evaluate.questions import Answer, Question
from cwm_lsp.evaluate.values import Overdue

try:
    import resource
except ImportError:  # Windows: the parent's watch is all there is
    resource = None  # type: ignore[assignment]

_THREADS = STACK + 16 * 2**20
"""Bytes that the stacks of an evaluation's threads count for, touched or not."""
_SPARE = 100 * 2**20
"""Bytes beyond what evaluations may have: for what is kept from one to the next, and for a stack that goes a moment
after its thread. The parent's watch is the exact one; this limit holds where nobody has the time to look."""
_PROCESSOR = 5
"""Seconds of processor time beyond what the evaluations under way may take."""

PROGRAMS = 4
"""Programs that are kept for further calls."""
CANNOT_BEGIN = (SyntaxError, UserError, ValueError, RecursionError, SystemError)


class Bounds:
    """What this process may take of the machine."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._base = _data()
        self._lock = threading.Lock()
        self._under_way: dict[int, float] = {}
        if resource is not None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def begin(self, number: int, seconds: float) -> None:
        """An evaluation begins, which may take so long."""
        with self._lock:
            self._under_way[number] = seconds
            self._set()

    def end(self, number: int) -> bool:
        """An evaluation has ended; gives whether the process had better end as well."""
        with self._lock:
            del self._under_way[number]
            grown = (_data() or 0) - STACK
            return not self._under_way and self._base is not None and grown > self._base + self._memory // 2

    def _set(self) -> None:
        if resource is None:
            return
        if self._base is not None:
            allowed = self._base + self._memory + _SPARE + len(self._under_way) * _THREADS
            _lower(resource.RLIMIT_DATA, allowed)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _lower(
            resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime + sum(self._under_way.values())) + 1 + _PROCESSOR
        )


def _lower(what: int, limit: int) -> None:
    """Set the soft limit, which may be raised again."""
    _, hard = resource.getrlimit(what)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _data() -> int | None:
    """Bytes of private writable memory that this process has mapped, where that can be limited: on Linux."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return None


class Server:
    """The evaluations under way."""

    def __init__(self, out: BinaryIO, bounds: Bounds) -> None:
        self._out = out
        self._bounds = bounds
        self._lock = threading.Lock()
        self._evaluations: dict[int, Evaluation | Program] = {}
        self._programs: dict[bytes, Program] = {}
        """Those that were called last and are not being called, by what they were made of."""
        self._answers: dict[int, SimpleQueue[Answer]] = {}
        self._closed: set[int] = set()

    def serve(self, source: BinaryIO, held: Held) -> None:
        """Do what is asked until there is no more."""
        self.tell("ready", tuple(held))
        while True:
            try:
                do, number, *rest = pickle.load(source)  # noqa: S301 # our parent's
            except EOFError:
                return
            if do in ("start", "calls"):
                self._answers[number] = SimpleQueue()
                work, seconds = (
                    (partial(self._evaluate, number, *rest), rest[0]["limits"].seconds)
                    if do == "start"
                    else (partial(self._call, number, *rest), rest[-1].seconds)
                )
                threading.Thread(target=self.evaluate, args=(number, work, seconds), daemon=True).start()
            elif number not in self._answers:
                continue  # it has ended
            elif do == "answer":
                self._answers[number].put(*rest)
            elif do == "close":
                self._closed.add(number)
                if number in self._evaluations:
                    self._evaluations[number].close()
                self._answers[number].put(None)

    def tell(self, *message: Any) -> None:
        with self._lock:
            try:
                wire.write(self._out, message)
            except BrokenPipeError:  # nobody listens any more
                os._exit(0)

    def evaluate(self, number: int, work: Callable[[], tuple[Any, ...]], seconds: float) -> None:
        """One evaluation, from its beginning to its end."""
        try:
            self._bounds.begin(number, seconds)
            self.tell("began", number)
            message = work()
            for held in (self._evaluations, self._answers):
                held.pop(number, None)
            self._closed.discard(number)
            grown = self._bounds.end(number)
            self.tell(*message)
            if grown:
                self.tell("grown", number)
        except MemoryError:
            os._exit(wire.OUT_OF_MEMORY)

    def _evaluate(self, number: int, arguments: dict[str, Any]) -> tuple[Any, ...]:
        try:
            evaluation = self._evaluations[number] = Evaluation(**arguments)
        except CANNOT_BEGIN as error:
            return "end", number, None, str(error), False, ()
        if number in self._closed:
            evaluation.close()
        steps: list[Any] = []
        try:
            for step in evaluation:
                steps.append(wire.encoded(step))
                if len(steps) == CHUNK or isinstance(step, Question):
                    self.tell("steps", number, steps)
                    steps = []
                if isinstance(step, Question):  # no time passes for the evaluation until it is answered
                    evaluation.answer(self._answers[number].get())
        except MemoryError:
            raise
        except Exception:
            return "fault", number, traceback.format_exc()
        self.tell("steps", number, steps)
        outcome = evaluation.outcome and evaluation.outcome.to_json()
        self.tell("looked", number, [astuple(one) for one in evaluation.looked])
        return "end", number, outcome, evaluation.gave_up, evaluation.exhausted, evaluation.reads

    def _call(
        self, number: int, about: dict[str, Any], calls: Sequence[str], function: str | None, limits: Limits
    ) -> tuple[Any, ...]:
        """Calls without events, in order."""
        key = pickle.dumps(about)
        program = self._programs.pop(key, None)
        try:
            program = program or Program(**about)
        except CANNOT_BEGIN as error:
            return "end", number, None, str(error), False, ()
        told = 0
        for call in calls:
            if number in self._closed:
                break
            self._bounds.begin(number, limits.seconds)
            self._evaluations[number] = program
            try:
                called = program.call(call, function, limits=limits)
            except CANNOT_BEGIN as error:
                called = not_known(str(error))
            except MemoryError:
                raise
            except Exception:
                return "fault", number, traceback.format_exc()
            if len(program.reads) > told:
                told = len(program.reads)
                self.tell("reads", number, tuple(program.reads))
            self.tell("called", number, wire.encoded_call(called))
        while len(self._programs) >= PROGRAMS:
            self._programs.popitem()
        self._programs[key] = program
        return "end", number, None, None, False, ()


def _ignored(unraisable: sys.UnraisableHookArgs) -> None:
    """An evaluation that is to end is told so wherever it is, also where that is ignored: it is told again."""
    if not isinstance(unraisable.exc_value, Overdue):
        sys.__unraisablehook__(unraisable)


def main() -> None:
    """Serve the parent process until it closes our stdin."""
    sys.unraisablehook = _ignored
    # Only messages may go to the real stdout.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    Server(out, Bounds(int(sys.argv[1]))).serve(sys.stdin.buffer, confine())
    os._exit(0)


if __name__ == "__main__":
    main()
