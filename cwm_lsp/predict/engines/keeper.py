"""A process that keeps one server running for as long as anybody is connected to it: all editors of a user share it.

    python -m cwm_lsp.predict.engines.keeper STATE LOG GRACE URL COMMAND…

It starts COMMAND, writes its own port and a token to the file STATE, and what the server says to the file LOG. Who
connects and sends the token gets a line of JSON whenever something changes: `{"state": "starting", "detail": …}`,
`{"state": "ready"}` once URL answers, `{"state": "failed", "detail": …}` where the server has ended. GRACE seconds
after the last connection was closed, however that came about, it ends the server and itself. The key that the server
asks for is in the environment, as VLLM_API_KEY.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

_LOOK = 0.2
"""Seconds between two looks at the server."""


class Keeper:
    """One server and those who are connected."""

    def __init__(self, state: Path, log: Path, grace: float, url: str, command: list[str]) -> None:
        self._state, self._log, self._grace, self._url = state, log, grace, url
        self._changed = threading.Condition()
        self._told = {"state": "starting", "detail": "started"}
        self._connected = 0
        self._alone_since = time.monotonic()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._token = secrets.token_hex(16)
        with log.open("wb") as output:
            self._server = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def run(self) -> None:
        """Until nobody is connected, or the server has ended."""
        told = {"port": self._listener.getsockname()[1], "token": self._token, "pid": os.getpid()}
        fresh = self._state.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(told, file)
        fresh.replace(self._state)
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            while not self._over():
                self._look()
                time.sleep(_LOOK)
        finally:
            with contextlib.suppress(OSError):
                self._state.unlink()
            self._end()

    def _over(self) -> bool:
        with self._changed:
            return not self._connected and time.monotonic() - self._alone_since > self._grace

    def _look(self) -> None:
        """Tell what has changed."""
        if self._told["state"] == "failed":
            return
        if self._server.poll() is not None:
            self._tell("failed", self._last_words())
        elif self._told["state"] == "starting":
            request = urllib.request.Request(self._url)  # noqa: S310
            request.add_header("Authorization", f"Bearer {os.environ.get('VLLM_API_KEY', '')}")
            try:
                with urllib.request.urlopen(request, timeout=2):  # noqa: S310
                    self._tell("ready", "")
            except (OSError, urllib.error.URLError, ValueError):
                self._tell("starting", self._last_words())

    def _tell(self, state: str, detail: str) -> None:
        with self._changed:
            if self._told != (told := {"state": state, "detail": detail}):
                self._told = told
                self._changed.notify_all()

    def _last_words(self) -> str:
        """The last line of the server's log that says something; of errors, the one that says why."""
        lines = self._log.read_text(encoding="utf-8", errors="replace")[-20_000:].splitlines()
        lines = [" ".join(line.split()) for line in lines if line.strip()]
        errors = [line for line in lines if "Error" in line and not line.startswith("File ")]
        ended = self._server.poll() is not None
        return ((errors if ended and errors else lines) or [""])[-1][:300]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            if connection.recv(64).decode("ascii", "replace").strip() != self._token:
                return
            connection.settimeout(None)
            with self._changed:
                self._connected += 1
            try:
                threading.Thread(target=self._inform, args=(connection,), daemon=True).start()
                while connection.recv(64):
                    pass
            finally:
                with self._changed:
                    self._connected -= 1
                    self._alone_since = time.monotonic()

    def _inform(self, connection: socket.socket) -> None:
        """Send what is told, as it changes, for as long as somebody listens."""
        sent = None
        with contextlib.suppress(OSError):
            while True:
                with self._changed:
                    while self._told is sent:
                        self._changed.wait()
                    sent = self._told
                connection.sendall(json.dumps(sent).encode() + b"\n")

    def _end(self) -> None:
        """The server and all processes that it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(OSError):
                os.killpg(self._server.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(10)


def main() -> None:
    state, log, grace, url, *command = sys.argv[1:]
    Keeper(Path(state), Path(log), float(grace), url, command).run()


if __name__ == "__main__":
    main()
