"""Evaluations in a process of their own, which may be killed at any moment: our end of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cwm_lsp
from cwm_lsp.confinement import NOTHING, Held
from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.evaluate import wire
from cwm_lsp.evaluate.limits import Limits
from cwm_lsp.evaluate.observed import Called, not_known
from cwm_lsp.evaluate.questions import Answer, Question
from cwm_lsp.trace.events import Event, Outcome
from cwm_lsp.trace.interventions import Looked

MEMORY = 200 * 2**20
"""Bytes that evaluations may take beyond what the process has when it begins."""
_BASE = 64 * 2**20
"""Bytes that the process has when it begins, and some to spare."""
_START = 60.0
"""Seconds that the process has to start."""
_PATIENCE = 1.5
"""Seconds of the processor beyond an evaluation's own limit after which its process is killed: something in it cannot
be interrupted."""
_STILL = 8.0
"""Seconds after which a process is killed that tells nothing and does nothing: it sleeps, or was stopped."""
_MOVED = 0.02
"""Seconds of the processor that are something, in that time: two of the system's ticks."""
_GRACE = 0.5
"""Seconds that an evaluation has to end after it was closed."""
_LOOK = 0.05
"""Seconds between two looks at a process that does not answer."""
Request = tuple[Any, ...]
"""What the process is asked to do, as `evaluating` has it, without the number."""
_REFUSED = 1_000
"""Calls that are remembered because the process did not survive them."""


class Fault(RuntimeError):
    """A fault of the interpreter; the message is its stack trace."""


class _Process:
    """One process, with a thread that reads what it tells and one that writes, so that nobody waits for its ear."""

    def __init__(self, memory: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CWM_LSP_")}
        try:
            self._popen = subprocess.Popen(  # noqa: S603 # our own
                [sys.executable, "-m", "cwm_lsp.evaluate.evaluating", str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                # `-m` puts the working folder on the import path: it must not be the user's.
                cwd=Path(cwm_lsp.__file__).parents[1],
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                start_new_session=True,  # Ctrl-C in a terminal is for us: it ends with its stdin
            )
        except OSError as error:
            raise UnavailableError(f"the evaluator cannot be started: {error}") from error
        self.pid = self._popen.pid
        self.memory = memory
        self.ready = threading.Event()
        """It has started, or failed to."""
        self.started = False
        self.held = NOTHING
        """What it cannot do any more."""
        self.ended = threading.Event()
        self.why: str | None = None
        """Why it was killed."""
        self._leaving = False
        """It begins nothing any more, and ends of itself."""
        self._lock = threading.Lock()
        self._heard: dict[int, queue.SimpleQueue[Any]] = {}
        self._out: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for work in (self._read, self._write):
            threading.Thread(target=work, name="evaluator", daemon=True).start()

    def wait(self) -> None:
        """Until it is ready. Raises `UnavailableError` where it does not start."""
        if not self.ready.wait(_START):
            self.kill(f"did not start within {_START:g} s")
        if not self.started:
            raise UnavailableError(f"the evaluator cannot be started: its process {self.cause()}")

    def begin(self, number: int, request: Request) -> queue.SimpleQueue[Any] | None:
        """Start an evaluation; what is told of it comes through the queue, None when there will be no more. Gives None
        where the process begins nothing any more."""
        heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self._lock:
            if self._leaving:
                return None
            self._heard[number] = heard
            if self.ended.is_set():
                heard.put(None)
        do, *rest = request
        self.send(do, number, *rest)
        return heard

    def send(self, *message: Any) -> None:
        self._out.put(message)

    @property
    def is_running(self) -> bool:
        """Whether it begins what it is asked to, as far as is known."""
        return not (self.ended.is_set() or self.why or self._leaving)

    def leave(self) -> None:
        """Have it end, if nothing has been begun in the meantime."""
        with self._lock:
            if not self._heard:
                self._leaving = True
                self._out.put(None)

    def is_under_way(self, number: int) -> bool:
        """Whether an evaluation has not ended."""
        return number in self._heard and not self.ended.is_set()

    @property
    def under_way(self) -> int:
        """Evaluations that are under way, or were when it ended."""
        return len(self._heard)

    def kill(self, why: str = "was stopped") -> None:
        self.why = self.why or why
        with contextlib.suppress(OSError):
            self._popen.kill()

    def kill_if_under_way(self, number: int) -> None:
        if self.is_under_way(number):
            self.kill()

    def outgrown(self) -> bool:
        """Whether it has more memory than it may: its own limit does not hold on every system."""
        import psutil  # type: ignore[import-untyped]

        try:
            return bool(psutil.Process(self.pid).memory_info().rss > self.memory + _BASE)
        except psutil.Error:
            return False

    def worked(self) -> float:
        """Seconds that the processor has worked for it."""
        import psutil

        try:
            return float(sum(psutil.Process(self.pid).cpu_times()[:2]))
        except psutil.Error:
            return 0.0

    def cause(self) -> str:
        """How it ended, in words."""
        code = self._popen.wait()
        megabytes = self.memory >> 20
        if self.why is not None:
            return self.why
        if code == wire.OUT_OF_MEMORY:
            return f"took more than {megabytes} MB and was ended"
        if code == -getattr(signal, "SIGXCPU", 0) != 0:
            return "took too long and was ended"
        if code == -9:
            return "was ended by the system, most likely for want of memory"
        return f"ended its process ({signal.Signals(-code).name if code < 0 else f'exit status {code}'})"

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with contextlib.suppress(EOFError, OSError, ValueError, TypeError):
            while True:
                kind, *rest = wire.read(self._popen.stdout)
                if kind == "ready":
                    self.started, self.held = True, Held(*rest[0])
                    self.ready.set()
                    continue
                if kind == "grown":
                    self.leave()
                    continue
                number, *told = rest
                heard = self._heard.get(number)
                if heard is not None:
                    heard.put((kind, *told))
                if kind in ("end", "fault"):
                    self._heard.pop(number, None)
        with contextlib.suppress(OSError):
            self._popen.kill()  # it has closed its stdout, or does not speak as it should
        with self._lock:
            self.ended.set()
            for heard in self._heard.values():
                heard.put(None)
        self._out.put(None)
        self.ready.set()

    def _write(self) -> None:
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            while (message := self._out.get()) is not None:
                self._popen.stdin.write(pickle.dumps(message))
                self._popen.stdin.flush()
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        self._popen.wait()


class _Watch:
    """A process that tells nothing, looked at again and again."""

    def __init__(self, process: _Process) -> None:
        self._process = process
        self._before = self._moved = process.worked()
        self._since = time.monotonic()

    def worked(self) -> float:
        """Seconds that the processor has worked for one of its evaluations since the look before."""
        before, self._before = self._before, self._process.worked()
        if self._before > self._moved + _MOVED:
            self._moved, self._since = self._before, time.monotonic()
        return (self._before - before) / max(self._process.under_way, 1)

    @property
    def still(self) -> float:
        """For how many seconds it has not moved."""
        return time.monotonic() - self._since


class Evaluator:
    """Evaluates calls in another process, whichever it is at the moment. Several at once if need be.

    A process that takes more memory or time than it may is killed and renewed; what it died of is not tried again.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self.memory = memory
        self._lock = threading.Lock()
        self._processes: list[_Process] = []
        """The one at the moment; none before the first evaluation and after a death."""
        self._refused: dict[bytes, str] = {}
        """Calls that a process did not survive, and why."""
        self._numbers = 0
        self._closing: list[tuple[_Process, int]] = []
        weakref.finalize(self, _end, self._processes)

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return self._processes[0].pid if self._processes else None

    def start(self) -> None:
        """Have the process started, without waiting for it."""
        with self._lock:
            self._running()

    def confinement(self) -> Held:
        """What the process cannot do any more; it is started. Raises `UnavailableError` where it cannot be."""
        with self._lock:
            process = self._running()
        process.wait()
        return process.held

    def evaluate(
        self,
        source: str,
        call: str,
        function: str | None = None,
        *,
        limits: Limits | None = None,
        cancel: threading.Event | None = None,
        **more: Any,
    ) -> Evaluating:
        """The evaluation of a call. The arguments are those of `Evaluation`, and must pickle; one that cannot begin has
        no steps, and `gave_up` says why. Iterating raises Cancelled soon after `cancel` was set."""
        limits = limits or Limits()
        arguments = {"source": source, "call": call, "function": function, "limits": limits, **more}
        return Evaluating(self, ("start", arguments), function or call, limits, cancel)

    def call_each(
        self,
        source: str,
        calls: Sequence[str],
        function: str | None = None,
        *,
        limits: Limits | None = None,
        cancel: threading.Event | None = None,
        reads: set[str] | None = None,
        **more: Any,
    ) -> Iterator[Called]:
        """What comes of each of the calls, in order, without events: `Program.call` in the other process. `more` is for
        `Program`; `reads` takes up the other files that they depend on. A call that the process does not survive is
        told as one that is not known, and the next goes on in a new one. Raises UnavailableError where the process
        cannot be started, Cancelled soon after `cancel` was set."""
        limits = limits or Limits()
        left, deaths = list(calls), 0
        while left:
            request = ("calls", {"source": source, **more}, left, function, limits)
            done = 0
            with Evaluating(self, request, left[0] if function is None else function, limits, cancel) as evaluating:
                for called in evaluating.called():
                    done += 1
                    if reads is not None:
                        reads.update(evaluating.reads)
                    yield called
            deaths = 0 if done else deaths + 1
            left = left[done:]
            if left:
                why = not_known(evaluating.gave_up or "", exhausted=evaluating.exhausted)
                for _ in left if deaths > 1 or not evaluating.exhausted else left[:1]:
                    yield why
                left = [] if deaths > 1 or not evaluating.exhausted else left[1:]

    def close(self) -> None:
        """End the process; a later evaluation starts another one."""
        with self._lock:
            _end(self._processes)

    def _begin(self, request: Request) -> tuple[_Process, int, queue.SimpleQueue[Any]]:
        with self._lock:
            self._numbers += 1
            while True:
                process = self._running()
                heard = process.begin(self._numbers, request)
                if heard is not None:
                    return process, self._numbers, heard

    def _running(self) -> _Process:
        """A process that can begin: one that does not give up what was closed is no use."""
        for process, number in self._closing:
            until = time.monotonic() + _GRACE
            while process.is_under_way(number) and time.monotonic() < until:
                time.sleep(0.002)
            process.kill_if_under_way(number)
        self._closing.clear()
        self._processes[:] = [process for process in self._processes if process.is_running]
        if not self._processes:
            self._processes.append(_Process(self.memory))
        return self._processes[0]

    def _leave(self, process: _Process, number: int) -> None:
        """An evaluation is not wanted any more."""
        process.send("close", number)
        self._closing.append((process, number))
        timer = threading.Timer(_GRACE, process.kill_if_under_way, (number,))
        timer.daemon = True
        timer.start()

    def _refuse(self, request: Request, why: str) -> None:
        if len(self._refused) >= _REFUSED:
            self._refused.clear()
        self._refused[_key(request)] = why

    def _refusal(self, request: Request) -> str | None:
        return self._refused.get(_key(request)) if self._refused else None


class Evaluating:
    """An evaluation in another process, as `Evaluation` is one in this: iterate over it once.

    Raises UnavailableError where the process cannot be started, Cancelled.
    """

    def __init__(
        self, evaluator: Evaluator, request: Request, name: str, limits: Limits, cancel: threading.Event | None = None
    ) -> None:
        self.outcome: Outcome | None = None
        """How the call ended, once the steps are through."""
        self.gave_up: str | None = None
        """Why the evaluation ended before the call did."""
        self.exhausted = False
        """What an evaluation may take of time or memory has run out: there is no use in going on by other means."""
        self.reads: tuple[str, ...] = ()
        """The other files that were interpreted, but for the library's, once it is through."""
        self.looked: list[Looked] = []
        """What came of the looks, in order, once it is through."""
        self._evaluator = evaluator
        self._cancel = cancel
        self._request = request
        self._name = name
        self._limits = limits
        self._under_way: tuple[_Process, int] | None = None
        self._worked = 0.0
        """Seconds that the processor has worked for it while steps were waited for, but for short waits."""

    def __iter__(self) -> Iterator[Event | Question]:
        for (steps,) in self._told("steps"):
            yield from map(wire.decoded, steps)

    def called(self) -> Iterator[Called]:
        """What came of each of several calls."""
        for (values,) in self._told("called"):
            self._worked = 0.0
            yield wire.decoded_call(values)

    def _told(self, wanted: str) -> Iterator[Any]:
        """What is told until the end, as far as it is `wanted`."""
        refusal = self._evaluator._refusal(self._request)
        if refusal is not None:
            self.gave_up, self.exhausted = refusal, True
            return
        process, number, heard = self._evaluator._begin(self._request)
        self._under_way = process, number
        try:
            process.wait()
            while True:
                told = self._next(process, heard)
                if told is None:
                    self._died(process)
                    return
                match told:
                    case (kind, *rest) if kind == wanted:
                        yield rest
                    case ("looked", looked):
                        self.looked = [Looked(*one) for one in looked]
                    case ("reads", reads):
                        self.reads = tuple(reads)
                    case ("end", outcome, gave_up, exhausted, reads):
                        self._under_way = None
                        self.outcome = outcome and Outcome.from_json(outcome)
                        self.gave_up, self.exhausted, self.reads = gave_up, exhausted, tuple(reads)
                        return
                    case ("fault", trace):
                        self._under_way = None
                        raise Fault(trace)
        finally:
            self.close()

    def _next(self, process: _Process, heard: queue.SimpleQueue[Any]) -> Any:
        """What is told next; None when the process has died, perhaps by our hand."""
        watch: _Watch | None = None
        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            try:
                return heard.get(timeout=_LOOK)
            except queue.Empty:
                watch = watch or _Watch(process)
                self._worked += watch.worked()
                if process.outgrown():
                    process.kill(f"took more than {process.memory >> 20} MB and was ended")
                elif self._worked > self._limits.seconds + _PATIENCE:
                    process.kill(f"took more than {self._limits.seconds:g} s and was ended")
                elif watch.still > _STILL:
                    process.kill(f"did nothing for {_STILL:g} s and was ended")

    def _died(self, process: _Process) -> None:
        """The process has ended in the middle of it."""
        self._under_way = None
        self.gave_up, self.exhausted = f"evaluating {self._name} {process.cause()}", True
        if process.under_way == 1:
            self._evaluator._refuse(self._request, self.gave_up)

    def answer(self, answer: Answer) -> None:
        """Answer the question that was the last step."""
        if self._under_way is not None:
            process, number = self._under_way
            process.send("answer", number, dict(answer) if isinstance(answer, Mapping) else answer)

    def close(self) -> None:
        """End the evaluation early."""
        if self._under_way is not None:
            self._evaluator._leave(*self._under_way)
            self._under_way = None

    def __enter__(self) -> Evaluating:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _key(request: Request) -> bytes:
    """What tells one evaluation from another."""
    return hashlib.sha256(pickle.dumps(request)).digest()


def _end(processes: list[_Process]) -> None:
    while processes:
        processes.pop().kill("was stopped")
