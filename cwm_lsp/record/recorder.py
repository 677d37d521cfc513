"""One call under debugpy, in the user's interpreter → a recorded `Trace`."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from cwm_lsp.errors import Cancelled, UnavailableError, UserError
from cwm_lsp.record.case import Case
from cwm_lsp.record.decoder import RecordDecoder, many_made, outcome
from cwm_lsp.record.guardian import Guardian
from cwm_lsp.record.journal import DamagedError, Journal
from cwm_lsp.record.probe import Limits
from cwm_lsp.source.environment import interpreter, layout
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, find, namesakes, syntax_error_in
from cwm_lsp.source.prepared import read_call
from cwm_lsp.trace.events import Event, Outcome, Stats, Trace

__all__ = ["Limits", "RecorderPool", "record"]

_LOOK_SECONDS = 0.02
_MEMORY_SECONDS = 0.25
_DAMAGED = Outcome("error", detail="the program damaged its record; what came before is here")
_WHILE_RECORDING = "while recording, standard input is empty"

Scope = Literal["file", "workspace"]
OnEvent = Callable[[Event], None]
OnOutput = Callable[[str, str], None]


def record(
    path: Path,
    function: str,
    call: str,
    *,
    python: Path | None = None,
    timeout: float = 10.0,
    limits: Limits = Limits(),  # noqa: B008  immutable
    on_event: OnEvent | None = None,
    on_output: OnOutput | None = None,
    cancel: threading.Event | None = None,
    source: str | None = None,
    cwd: Path | None = None,
    scope: Scope = "file",
    sandbox: bool = False,
) -> Trace:
    """Runs `call` in the module of the file `path` and records `function`'s first activation in it; statements before
    the call's expression run first, unrecorded.

    `python` is the interpreter; without it that of the active or the project's virtual environment, else our own.
    `timeout` is in seconds, of importing the file and running the call. `source` is the file's text where the editor's
    differs from the disk's. `cwd` is the working directory, by default the project's folder. `scope` "workspace" also
    records the calls into other files of the project's folder, but not into what is installed there; such events have
    their `path`. `on_event` gets events as they happen, `on_output` once what the program printed on standard output
    and error. With `sandbox` the program can change no file but in a temporary folder of its own, and use no network.

    Whatever the program does, a `Trace` comes back, its outcome saying how it ended. Raises `UserError` where there is
    nothing to run, `UnavailableError` where the interpreter cannot, `Cancelled` after `cancel` was set.
    """
    with RecorderPool(ahead=False) as pool:
        return pool.record(
            path,
            function,
            call,
            python=python,
            timeout=timeout,
            limits=limits,
            on_event=on_event,
            on_output=on_output,
            cancel=cancel,
            source=source,
            cwd=cwd,
            scope=scope,
            sandbox=sandbox,
        )


class RecorderPool:
    """Records one call after another with one warm process per interpreter.

    Each call runs in a process of its own, forked from the warm one, so that none sees anything of another; with
    `ahead` that process is made ready when the call before has ended. One call at a time, from any thread. `close` the
    pool, or use it as a context manager.
    """

    def __init__(self, *, ahead: bool = True) -> None:
        self._ahead = ahead
        self._loop = asyncio.new_event_loop()
        self._guardians: dict[tuple[Path, bool], Guardian] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> RecorderPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the warm processes."""
        with self._lock:
            if self._loop.is_closed():
                return
            self._loop.run_until_complete(self._stop())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _stop(self) -> None:
        for guardian in self._guardians.values():
            await guardian.stop()
        self._guardians.clear()

    def record(
        self,
        path: Path,
        function: str,
        call: str,
        *,
        python: Path | None = None,
        timeout: float = 10.0,
        limits: Limits = Limits(),  # noqa: B008
        on_event: OnEvent | None = None,
        on_output: OnOutput | None = None,
        cancel: threading.Event | None = None,
        source: str | None = None,
        cwd: Path | None = None,
        scope: Scope = "file",
        sandbox: bool = False,
    ) -> Trace:
        """See `record`."""
        text = read_source(path) if source is None else source
        found = find(text, function, str(path))
        _check(text, found, call, path)
        absolute = Path(os.path.abspath(path))  # noqa: PTH100  links are kept: they are part of the module's name
        place = layout(absolute, text)
        written = read_call(call)
        job = {
            "path": str(absolute),
            "module": place.module,
            "source": text,
            "before": written.text_before(),
            "call": ast.unparse(written.expression) if written.before else call,
            "targets": [
                ["<lambda>" if one.kind == "lambda" else one.name, one.first_line] for one in namesakes(text, found)
            ],
            "cwd": str(cwd or place.root),
            "sys_path": list(place.sys_path),
            "workspace": str(place.root) if scope == "workspace" else None,
            "limits": dataclasses.asdict(limits),
            "seconds": timeout,
        }
        run = Run(job, timeout, limits, on_event, cancel)
        chosen = interpreter(absolute, python)
        started = time.perf_counter()
        with self._lock:
            task = self._loop.create_task(self._run(chosen, run, sandbox))
            try:
                end = self._loop.run_until_complete(task)
            except KeyboardInterrupt:  # it stops the loop, and leaves the task in the middle
                task.cancel()
                self._loop.run_until_complete(asyncio.wait([task], timeout=5))
                raise
            except OSError as error:  # no room for temporary files, too many that are open
                why = error.strerror or error
                raise UnavailableError(f"this machine cannot run it: {why}; free space, or set TMPDIR") from error
        if on_output is not None:
            on_output(*run.output)
        stats = Stats(events=len(run.events), seconds=time.perf_counter() - started)
        return Trace(found.qualname, call, str(path), "recorded", text, tuple(run.events), end, stats)

    async def _run(self, python: Path, run: Run, sandbox: bool) -> Outcome:
        guardian = self._guardians.get((python, sandbox))
        if guardian is not None and guardian.usable:
            try:
                return await run.under(guardian)
            except UnavailableError:  # it may have been ended since it was last used
                pass
        if guardian is not None:
            await guardian.stop()
        guardian = await Guardian.start(python, ahead=self._ahead, sandbox=sandbox)
        self._guardians[python, sandbox] = guardian
        return await run.under(guardian)


def _check(source: str, function: Function, call: str, path: Path) -> None:
    fault = syntax_error_in(source, function.qualname)
    if fault is not None:
        raise UserError(f"{path}: {fault}; mend {function.qualname} first")
    try:
        read_call(call)
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{call!r} is not a call: {reason}; write an expression such as {function.name}(1)") from None


class Run:
    """One job from its start to its outcome."""

    def __init__(
        self,
        job: dict[str, Any],
        timeout: float,
        limits: Limits,
        on_event: OnEvent | None,
        cancel: threading.Event | None,
    ) -> None:
        self.events: list[Event] = []
        self.output = ("", "")
        self._job = job
        self._timeout = timeout
        self._limits = limits
        self._on_event = on_event
        self._cancel = cancel
        self._decoder = RecordDecoder()
        self._journal: Journal | None = None
        self._end: dict[str, Any] | None = None
        self._woken = asyncio.Event()

    async def under(self, guardian: Guardian) -> Outcome:
        """Runs the job in a new case of the guardian's."""
        async with guardian.case(self._heard) as case:
            case.files["journal"].truncate(self._limits.size)
            self._journal = Journal(case.files["journal"], self._limits.size)
            case.deliver(self._job)
            stopped = await self._follow(case)
            status = await case.end()
            try:
                with many_made():
                    self._read()
            except DamagedError:
                stopped = stopped or _DAMAGED
            self.output = self._printed(case, "stdout"), self._printed(case, "stderr")
            flood = self._flood(case)
        end = self._outcome(stopped, status)
        if flood is not None and end.exception is not None and end.exception.type == "OSError":
            # It was quicker than we look: the system's limit of its files came before ours of what it prints.
            return Outcome("truncated", detail=flood + self._whereabouts())
        return end

    def _heard(self, event: str, _body: dict[str, Any]) -> None:
        if event in ("cwmRecorded", "terminated"):
            self._woken.set()

    def _printed(self, case: Case, name: str) -> str:
        file = case.files[name]
        file.seek(0)
        return file.read(self._limits.output).decode("utf-8", "replace")

    async def _follow(self, case: Case) -> Outcome | None:
        """Reads events until the end; an outcome where it had to be brought about from here."""
        deadline = time.monotonic() + self._timeout
        look_at_memory = time.monotonic() + _MEMORY_SECONDS
        while True:
            try:
                with many_made():
                    self._read()
            except DamagedError:
                return _DAMAGED
            if self._end is not None or case.ended.done():
                return None
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            now = time.monotonic()
            if now > deadline:
                return Outcome("timeout", detail=f"no end within {self._timeout:g} s{self._whereabouts()}")
            if now > look_at_memory:
                look_at_memory = now + _MEMORY_SECONDS
                fault = self._beyond_limits(case)
                if fault is not None:
                    return Outcome("truncated", detail=fault + self._whereabouts())
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(_LOOK_SECONDS, max(deadline - now, 0.001)))
            self._woken.clear()

    def _flood(self, case: Case) -> str | None:
        printed = sum(os.fstat(case.files[name].fileno()).st_size for name in ("stdout", "stderr"))
        more = printed > self._limits.output
        return f"the program printed more than {self._limits.output:,} bytes" if more else None

    def _beyond_limits(self, case: Case) -> str | None:
        if (flood := self._flood(case)) is not None:
            return flood
        if case.memory() > self._limits.memory:
            return f"the program took more than {self._limits.memory:,} bytes of memory"
        return None

    def _read(self) -> None:
        """Takes what is new in the journal. Raises `DamagedError`."""
        if self._end is not None or self._journal is None:
            return
        for record in self._journal.records():
            try:
                if record[0] == "end":
                    outcome(record[1])
                    self._end = record[1]
                    return
                event = self._decoder.event(record)
            except (LookupError, TypeError, ValueError):
                raise DamagedError from None
            if event is None:
                continue
            self.events.append(event)
            if self._on_event is not None:
                self._on_event(event)
        if self._journal.damaged:
            raise DamagedError

    def _outcome(self, stopped: Outcome | None, status: int | None) -> Outcome:
        if self._end is None:
            return stopped or Outcome("error", detail=_death(status) + self._whereabouts())
        if self._end.get("entered") is False:
            name = self._job["call"]
            cause = self._end.get("detail")
            raised = f" and raised {cause}" if cause else ""
            threads = ", ".join(self._end["threads"])
            elsewhere = f"; other threads ran meanwhile: {threads}" if threads else ""
            return Outcome("error", detail=f"{name} did not enter the function{raised}{elsewhere}")
        end = outcome(self._end)
        if end.exception is not None and end.exception.type == "EOFError" and end.detail is None:
            return dataclasses.replace(end, detail=_WHILE_RECORDING)
        return end

    def _whereabouts(self) -> str:
        if not self.events:
            return "; the function had not been entered"
        last = self.events[-1]
        where = f" in {last.path}" if last.path else ""
        return f"; it was at line {last.line} of {last.function}{where}"


def _death(status: int | None) -> str:
    if status is None:
        return "the program could not be followed"
    number = status & 0x7F
    if number:
        with contextlib.suppress(ValueError):
            return f"the program was ended by {signal.Signals(number).name}"
        return f"the program was ended by signal {number}"
    return f"the program ended its process with exit code {status >> 8 & 0xFF}"
