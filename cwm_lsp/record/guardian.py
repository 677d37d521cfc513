"""The server's end of a guardian: one warm process per interpreter, from which each case is forked (see `debuggee`)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.dap import DapClient, DapError

_SCRIPT = Path(__file__).with_name("debuggee.py")
_START_SECONDS = 60.0
_OLDEST = (3, 8)


class Guardian:
    """A running guardian. Use `start`; one case at a time."""

    def __init__(self, process: asyncio.subprocess.Process, python: Path, errors: IO[bytes]) -> None:
        self.python = python
        self.forks = True
        self._process = process
        self._ended: asyncio.Future[int] | None = None
        self._started: asyncio.Future[int] | None = None
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._errors = errors
        self._task = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, python: Path) -> Guardian:
        """Starts one with the given interpreter. Raises `UnavailableError` where that cannot run debugpy."""
        spec = importlib.util.find_spec("debugpy")
        if spec is None or spec.origin is None:
            raise UnavailableError("debugpy is not installed beside cwm-lsp; install it with: pip install debugpy")
        environment = dict(os.environ)
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
        guardian = cls(process, python, errors)
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
        guardian.forks = hello["forks"]
        return guardian

    @property
    def usable(self) -> bool:
        """Whether it can take another case."""
        return self._process.returncode is None and not self._task.done() and self._ended is None

    @contextlib.asynccontextmanager
    async def case(self, folder: Path, on_event: Callable[[str, dict[str, Any]], None]) -> AsyncIterator[Case]:
        """A new process with debugpy connected and configured; at the end it and all it started are gone."""
        loop = asyncio.get_running_loop()
        connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if connected.done():
                writer.close()
            else:
                connected.set_result((reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        token = secrets.token_hex(32)
        port = server.sockets[0].getsockname()[1]
        self._started = loop.create_future()
        ended = self._ended = loop.create_future()
        self._send({"port": port, "token": token, "folder": str(folder)})
        client: DapClient | None = None
        try:
            await asyncio.wait({connected, ended}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not connected.done():
                raise UnavailableError(f"{self.python}: the debuggee did not connect; try again, or another --python")
            client = DapClient(*connected.result(), on_event)
            authorized = client.send("pydevdAuthorize", {"debugServerAccessToken": None})
            client.send("initialize", {"adapterID": "cwm-lsp", "pathFormat": "path"})
            client.send("attach", {"name": "cwm-lsp", "subProcess": False, "justMyCode": True})
            configured = client.send("configurationDone")
            if (await asyncio.wait_for(authorized, _START_SECONDS)).get("clientAccessToken") != token:
                raise UnavailableError("another program connected in the debuggee's place; try again")
            await asyncio.wait_for(configured, _START_SECONDS)
            yield Case(client, await self._started, ended)
        except (DapError, asyncio.TimeoutError) as error:
            raise UnavailableError(f"{self.python}: debugpy did not start: {error or 'no answer'}; try again") from None
        finally:
            server.close()
            await asyncio.shield(self._end(ended))
            if client is not None:
                await client.close()

    async def _end(self, ended: asyncio.Future[int]) -> None:
        if not ended.done() and self.forks and self._process.returncode is None:
            self._send({"kill": True})
            await asyncio.wait({ended}, timeout=8)
        if not ended.done() or not self.forks:
            await self.stop()
        self._ended = None

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
                elif "started" in message and self._started is not None:
                    self._started.set_result(message["started"])
                elif "ended" in message and self._ended is not None and not self._ended.done():
                    self._ended.set_result(message["ended"])
        except (OSError, ValueError):
            pass
        finally:
            status = await self._process.wait()
            if not self._ready.done():
                self._ready.set_exception(DapError("the interpreter ended"))
            if self._started is not None and not self._started.done():
                self._started.set_exception(DapError("the interpreter ended"))
                self._started.exception()
            if self._ended is not None and not self._ended.done():
                # Where there is no fork, this is the case's own status.
                self._ended.set_result(-status if status < 0 else status << 8)

    async def stop(self) -> None:
        """Ends the guardian and everything that descends from it."""
        assert self._process.stdin is not None
        family = _family(self._process.pid)
        self._process.stdin.close()
        if sys.platform == "win32" or not self._ready.done() or not self.forks:
            _kill(family)
        done, _ = await asyncio.wait({self._task}, timeout=8)
        if not done:
            _kill(family + _family(self._process.pid))
            await asyncio.wait({self._task}, timeout=2)
        self._errors.close()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.Error:
        return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


class Case:
    """A connected process, waiting for its job."""

    def __init__(self, client: DapClient, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self.ended = ended
        """The process's wait status (as `os.wait` has it), when it and all it started are gone."""
        self._client = client

    def deliver(self, job: dict[str, Any]) -> None:
        """Hands the job over; the debuggee's main thread takes it up.

        There need be no answer: the job may at once hold the interpreter's lock, or end the process.
        """
        text = json.dumps(json.dumps(job))
        expression = f"__import__('sys').modules['_cwm_case'].deliver({text})"
        self._client.send("evaluate", {"expression": expression, "context": "repl"})

    def memory(self) -> int:
        """Bytes that the process and what it started hold."""
        total = 0
        for process in _family(self.pid):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total
