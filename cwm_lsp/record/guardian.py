"""The server's end of a guardian: one warm process per interpreter, from which each case is forked (see `debuggee`)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.case import Case, OnEvent, family
from cwm_lsp.record.dap import DapError
from cwm_lsp.record.scratch import reclaim

_SCRIPT = Path(__file__).with_name("debuggee.py")
_START_SECONDS = 60.0
_OLDEST = (3, 8)
_SECRETS = frozenset({"CWM_LSP_API_KEY"})
"""What of our own environment the program is not given."""


class Guardian:
    """A running guardian. Use `start`; one case at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, python: Path, errors: IO[bytes], *, ahead: bool, sandbox: bool
    ) -> None:
        self.python = python
        self.forks = True
        self._process = process
        self._case: Case | None = None
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._errors = errors
        self._ahead = ahead
        self._sandbox = sandbox
        self._task = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, python: Path, *, ahead: bool = True, sandbox: bool = False) -> Guardian:
        """Starts one with the given interpreter. Raises `UnavailableError` where that cannot run debugpy.

        With `ahead` it has the next case's process ready as soon as a case has ended. With `sandbox` its cases change
        nothing and call nobody; where the system cannot see to that, it is not available.
        """
        spec = importlib.util.find_spec("debugpy")
        if spec is None or spec.origin is None:
            raise UnavailableError("debugpy is not installed beside cwm-lsp; install it with: pip install debugpy")
        environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        # The order of a set of strings is part of a trace: the same at every run, unless the user wants it otherwise.
        environment.setdefault("PYTHONHASHSEED", "0")
        errors = tempfile.TemporaryFile()  # noqa: SIM115  the guardian keeps it
        try:
            process = await asyncio.create_subprocess_exec(
                python,
                _SCRIPT,
                str(Path(spec.origin).parent),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            raise UnavailableError(f"{python} could not be started: {error.strerror}; name another --python") from None
        guardian = cls(process, python, errors, ahead=ahead, sandbox=sandbox)
        reclaim()
        try:
            hello = await asyncio.wait_for(asyncio.shield(guardian._ready), _START_SECONDS)
        except (asyncio.TimeoutError, DapError):
            errors.seek(0)
            last = errors.read()[-2_000:].decode(errors="replace").strip().rpartition("\n")[2]
            await guardian.stop()
            reason = f": {last}" if last else ""
            raise UnavailableError(
                f"{python} could not be started as a debuggee{reason}; name a CPython ≥ 3.8 with --python"
            ) from None
        except asyncio.CancelledError:
            await guardian.stop()
            raise
        version = tuple(hello["ready"])
        if version < _OLDEST or hello["implementation"] != "cpython":
            await guardian.stop()
            found = f"{hello['implementation']} {'.'.join(map(str, version))}"
            raise UnavailableError(f"{python} is {found}; name a CPython ≥ 3.8 with --python")
        if sandbox and not hello["sandbox"]:
            await guardian.stop()
            raise UnavailableError("this system has no sandbox for runs: it takes Linux 6.2; turn record.sandbox off")
        guardian.forks = hello["forks"]
        return guardian

    @property
    def usable(self) -> bool:
        """Whether it can take another case."""
        return self._process.returncode is None and not self._task.done()

    @contextlib.asynccontextmanager
    async def case(self, on_event: OnEvent) -> AsyncIterator[Case]:
        """A new process with debugpy connected and configured; at the end it and all it started are gone."""
        case = self._case or await self._fork()
        self._case = case
        try:
            await case.connect(on_event)
            yield case
        finally:
            await asyncio.shield(self._finish(case))

    async def _fork(self) -> Case:
        case = await Case.listen(self.python, self._kill_case, sandbox=self._sandbox)
        self._send(case.specification)
        return case

    async def _finish(self, case: Case) -> None:
        await case.end()
        case.close()
        self._case = None
        if not case.ended.done() or not self.forks:
            await self.stop()
        elif self._ahead and self.usable:
            self._case = await self._fork()

    def _kill_case(self) -> None:
        if self.forks and self._process.returncode is None:
            self._send({"kill": True})
        elif not self.forks:
            _kill(family(self._process.pid))

    def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                try:
                    message = json.loads(line)
                except ValueError:
                    continue  # an interpreter's start-up files may print
                if "ready" in message:
                    self._ready.set_result(message)
                elif self._case is not None and "started" in message:
                    self._case.started.set_result(message["started"])
                elif self._case is not None and "ended" in message and not self._case.ended.done():
                    self._case.ended.set_result(message["ended"])
        except (OSError, ValueError):
            pass
        finally:
            status = await self._process.wait()
            if not self._ready.done():
                self._ready.set_exception(DapError("the interpreter ended"))
            if self._case is not None and not self._case.ended.done():
                # Where there is no fork, this is the case's own status.
                self._case.ended.set_result(-status if status < 0 else status << 8)

    async def stop(self) -> None:
        """Ends the guardian and everything that descends from it."""
        assert self._process.stdin is not None
        processes = family(self._process.pid)
        self._process.stdin.close()
        if sys.platform == "win32" or not self._ready.done() or not self.forks or any(map(_is_stopped, processes)):
            _kill(processes)
        done, _ = await asyncio.wait({self._task}, timeout=8)
        if not done:
            _kill(processes + family(self._process.pid))
            await asyncio.wait({self._task}, timeout=2)
        if self._case is not None:
            self._case.close()
        self._errors.close()


def _is_stopped(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() == psutil.STATUS_STOPPED)
    return False


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
