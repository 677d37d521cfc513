"""The server's side of a worker process: start it when it is needed, talk to it, start it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cwm_lsp
from cwm_lsp.errors import UnavailableError, UserError

log = logging.getLogger(__name__)

Message = dict[str, Any]
OnMessage = Callable[[Message], None]

_LINE = 1 << 28
"""Bytes of the longest message that a worker may send."""
_LONG = 100_000
"""Bytes of a message beyond which it is parsed off the loop."""
_BACKOFF = (0.0, 0.0, 1.0, 5.0)
"""Seconds before a start, by how often the process has died in a row; after more deaths it stays down."""
_STEADY = 120.0
"""Seconds of life after which earlier deaths are forgotten."""
_GRACE = 60.0
"""Seconds that a job has to end after it was cancelled, before its process is killed."""


class Fault(UnavailableError):
    """A fault of ours: the worker's log has its stack trace."""


class WorkerDied(UnavailableError):
    """The process ended in the middle of the job."""


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    process: Process
    answer: asyncio.Future[Message]
    on_message: OnMessage


class Worker:
    """A worker process, whichever it is at the moment.

    Jobs are done one at a time, in the order of asking. A job that the process dies of fails; those that wait for their
    turn survive, and go to the next process.
    """

    def __init__(self, name: str, on_death: Callable[[str], None] = lambda _message: None) -> None:
        """`on_death` is told in one line what happened, whenever the process ends unasked."""
        self._name = name
        self._on_death = on_death
        self._process: Process | None = None
        self._starting: asyncio.Future[None] | None = None
        self._turn = asyncio.Lock()
        self._job: _Job | None = None
        self._jobs = 0
        self._deaths = 0
        self._started = 0.0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the running process, if there is one."""
        return None if self._process is None else self._process.pid

    async def ask(self, do: str, on_message: OnMessage = lambda _message: None, **fields: Any) -> Message:
        """Have a job done; `on_message` gets what the worker tells while it is at it. Cancelling this coroutine cancels
        the job.

        Raises:
            UserError, UnavailableError: as the job did.
            WorkerDied: the process ended.
            Fault: what should not happen did.
        """
        await self._turn.acquire()
        try:
            process = await self._running()
        except BaseException:
            self._turn.release()
            raise
        loop = asyncio.get_running_loop()
        self._jobs += 1
        job = self._job = _Job(self._jobs, process, loop.create_future(), on_message)
        # The turn lasts until the worker has answered, also where nobody waits for the answer any more.
        job.answer.add_done_callback(lambda _answer: self._turn.release())
        _send(process, {"id": job.number, "do": do, **fields})
        try:
            message = await asyncio.shield(job.answer)
        except asyncio.CancelledError:
            if not job.answer.done():
                _send(process, {"do": "cancel", "id": job.number})
                loop.call_later(_GRACE, self._kill_if_at, job)
            raise
        if "result" in message:
            result: Message = message["result"]
            return result
        raise _error(message["error"])

    def restart(self) -> None:
        """End the process, and forget how often it has died. The next job starts a new one."""
        self._deaths = 0
        self._stop(f"the {self._name} process was restarted")

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._stop(f"the {self._name} process has ended")

    def _stop(self, why: str) -> None:
        """End the process; a job that is under way fails."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            self._abandon(process, why)

    async def _running(self) -> Process:
        """The process, started if need be. Its start goes on where nobody waits for it any more."""
        while (process := self._process) is None:
            if self._closed:
                raise WorkerDied(f"the {self._name} process has ended")
            if self._starting is None:
                await self._back_off()
                self._starting = asyncio.ensure_future(self._start())
            await asyncio.shield(self._starting)
        return process

    async def _back_off(self) -> None:
        if time.monotonic() - self._started > _STEADY:
            self._deaths = 0
        if self._deaths >= len(_BACKOFF):
            raise UnavailableError(
                f"the {self._name} process died {self._deaths} times in a row and stays down: see the server's log, "
                "choose another model if memory is short, then run the command cwm.restartModel"
            )
        await asyncio.sleep(_BACKOFF[self._deaths])

    async def _start(self) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cwm_lsp.lsp.worker",
                stdin=PIPE,
                stdout=PIPE,
                limit=_LINE,
                # `-m` puts the working folder on the import path: it must not be the user's.
                cwd=Path(cwm_lsp.__file__).parents[1],
            )
        except OSError as error:
            raise UnavailableError(f"the {self._name} process cannot be started: {error}") from error
        finally:
            self._starting = None
        self._process = process
        self._started = time.monotonic()
        self._listener = asyncio.ensure_future(self._listen(process))
        log.info("started the %s process, %s", self._name, process.pid)
        if self._closed:
            self._stop("")

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._hear(json.loads(line) if len(line) < _LONG else await asyncio.to_thread(json.loads, line))
        except ValueError:
            log.exception("the %s process does not speak as it should: killing it", self._name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        code = await process.wait()
        if self._process is process:
            self._process = None
            self._deaths += 1
            told = f"the {self._name} process died ({_cause(code)})"
            log.error(told)
            self._on_death(told)
            self._abandon(process, told)

    def _hear(self, message: Message) -> None:
        job = self._job
        if job is None or message["id"] != job.number:
            return
        if "result" in message or "error" in message:
            self._end(job, message)
            return
        try:
            job.on_message(message)
        except Exception:  # a fault in showing what is under way shall not end it
            log.exception("what the %s process tells cannot be shown", self._name)

    def _abandon(self, process: Process, why: str) -> None:
        """The job that the process had will not be done."""
        if self._job is not None and self._job.process is process:
            self._end(self._job, {"error": {"kind": "died", "message": why}})

    def _end(self, job: _Job, message: Message) -> None:
        self._job = None
        if not job.answer.done():
            job.answer.set_result(message)

    def _kill_if_at(self, job: _Job) -> None:
        if self._job is job:
            log.error("the %s process does not give up a cancelled job: killing it", self._name)
            with contextlib.suppress(ProcessLookupError):
                job.process.kill()


def _send(process: Process, message: Message) -> None:
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.write(json.dumps(message).encode() + b"\n")


def _error(error: Message) -> Exception:
    match error["kind"]:
        case "user":
            return UserError(error["message"])
        case "unavailable":
            return UnavailableError(error["message"])
        case "died":
            return WorkerDied(error["message"])
    return Fault(f"this is a fault of cwm-lsp, and its details are in the server's log: {error['message']}")


def _cause(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed, most likely for want of memory"
    if code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"
