"""A server process and its bare pipes, for tests of how it begins and ends."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psutil


class Raw:
    """Messages in and out, nothing else."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cwm_lsp", "serve", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def write(self, body: bytes) -> None:
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any = None) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def ask(self, number: int, method: str, params: Any = None) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode())

    def answer(self, number: int | None) -> Any:
        """The answer to a request; what else the server says is passed over."""
        while True:
            message = self.message()
            if "method" not in message and message["id"] == number:
                return message

    def message(self) -> Any:
        length = 0
        while header := self.process.stdout.readline().strip():
            if header.startswith(b"Content-Length:"):
                length = int(header.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def begin(self, editor: int | None = None, **options: Any) -> Any:
        """The handshake; `editor` is the process that the server is said to belong to."""
        params = {"processId": editor, "rootUri": None, "capabilities": {}, "initializationOptions": options}
        self.ask(0, "initialize", params)
        result = self.answer(0)["result"]
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def family(self) -> list[psutil.Process]:
        """The processes that the server has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def code(self) -> int:
        """The exit code, when the process has gone by itself."""
        return self.process.wait(60)
