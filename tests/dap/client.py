"""A client of `cwm-lsp dap`: the real process over stdin and stdout, every message held against the official schema."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

import debugpy
import jsonschema

from cwm_lsp.framing import content_length, framed

TIMEOUT = 60


@cache
def _validator(definition: str) -> Any:
    """Validates against a definition of the protocol's schema, which comes with debugpy."""
    found = next(Path(debugpy.__file__).parent.rglob("debugProtocol.json"))
    schema = json.loads(found.read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator({"$ref": f"#/definitions/{definition}", "definitions": schema["definitions"]})


def validate(message: dict[str, Any]) -> None:
    """Raises where a message is not as the protocol wants it."""
    if message["type"] == "event":
        name = message["event"]
        definition = f"{name[0].upper()}{name[1:]}Event"
    elif message["success"]:
        command = message["command"]
        definition = "Response" if command.startswith("cwm/") else f"{command[0].upper()}{command[1:]}Response"
    else:
        definition = "ErrorResponse"
    _validator(definition).validate(message)


class Failed(Exception):
    """A request was answered with an error."""

    def __init__(self, response: dict[str, Any]) -> None:
        super().__init__(response["message"])
        self.is_shown = response["body"]["error"]["showUser"]
        """To the user."""


class Client:
    """One session; requests wait for their response."""

    def __init__(self, *options: str, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cwm_lsp", "dap", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
        )
        self._begin(self.process.stdout, self.process.stdin)

    def _begin(self, incoming: Any, outgoing: Any) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self.events: deque[dict[str, Any]] = deque()
        self._sequence = 0
        self._received = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(TIMEOUT)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.process.stderr.close()

    def gone(self) -> str:
        """What a process that has ended had to say."""
        return self.process.stderr.read().decode()

    def write(self, data: bytes) -> None:
        self._outgoing.write(data)
        self._outgoing.flush()

    def read(self) -> dict[str, Any]:
        """The next message, checked."""
        header = b""
        while (line := self._incoming.readline()).strip():
            header += line
        assert line, f"the adapter has gone: {self.gone()}"
        message = json.loads(self._incoming.read(content_length(header)))
        self._received += 1
        assert message["seq"] == self._received
        validate(message)
        return message

    def response(self) -> dict[str, Any]:
        """The next response; events before it are kept."""
        while (message := self.read())["type"] != "response":
            self.events.append(message)
        return message

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of the response."""
        self._sequence += 1
        self.write(framed({"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}))
        response = self.response()
        assert (response["request_seq"], response["command"]) == (self._sequence, command)
        if not response["success"]:
            raise Failed(response)
        return response.get("body") or {}

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event, which is to be this one."""
        message = self.events.popleft() if self.events else self.read()
        assert message.get("event") == name, message
        return message.get("body") or {}

    def launch(self, program: Path, function: str, call: str, **more: Any) -> Client:
        """Up to where breakpoints are set."""
        self.request("initialize", adapterID="cwm-lsp", supportsVariableType=True)
        self.request(
            "launch",
            mode="predict",
            program=str(program),
            function=function,
            call=call,
            **{"stopOnEntry": True, **more},
        )
        self.event("initialized")
        return self

    def begin(self) -> Stop:
        self.request("configurationDone")
        return self.stop()

    def go(self, command: str) -> Stop:
        """Step or continue to the next stop."""
        self.request(command, threadId=1)
        return self.stop()

    def stop(self) -> Stop:
        stopped = self.event("stopped")
        return Stop(stopped, self.request("stackTrace", threadId=stopped["threadId"])["stackFrames"])

    def variables(self, reference: int, **arguments: Any) -> dict[str, dict[str, Any]]:
        found = self.request("variables", variablesReference=reference, **arguments)["variables"]
        return {variable["name"]: variable for variable in found}

    def scope(self, stop: Stop, name: str = "Locals", level: int = 0) -> dict[str, dict[str, Any]]:
        """The variables of a scope of a frame."""
        scopes = self.request("scopes", frameId=stop.frames[level]["id"])["scopes"]
        return self.variables(next(one["variablesReference"] for one in scopes if one["name"] == name))

    def breakpoints(self, path: Path, *lines: int) -> list[dict[str, Any]]:
        wanted = [{"line": line} for line in lines]
        return self.request("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)["breakpoints"]


class Connected(Client):
    """The same over a connection to a port."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), TIMEOUT)
        self._begin(self.socket.makefile("rb"), self.socket.makefile("wb"))

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def gone(self) -> str:
        return "the connection is closed"


class Stop:
    """Where the adapter has stopped."""

    def __init__(self, stopped: dict[str, Any], frames: list[dict[str, Any]]) -> None:
        self.reason = stopped["reason"]
        self.body = stopped
        self.frames = frames
        self.line = frames[0]["line"]
        self.depth = len(frames) - 1
        self.function = frames[0]["name"]

    @property
    def place(self) -> tuple[int, int, str]:
        return self.line, self.depth, self.function
