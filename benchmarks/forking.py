"""Values set in the debugger of predictions, against really running with them set by debugpy at the same stop.

Usage: python benchmarks/forking.py [--forks 200] [--data CRUXEVAL.jsonl]

Calls are those of generated programs, or of CRUXEval's rows. At a random step of a call's prediction a local of the
frame is given another value, there and, through debugpy's adapter, at the same visit of the line of a real run; then
both step into everything up to the end. Compared are line, function, depth and the reprs of the locals at each stop.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.errors import UnavailableError, UserError
from cwm_lsp.evaluate import Evaluation, Limits
from cwm_lsp.framing import content_length, framed
from cwm_lsp.record.dap import DapClient, DapError
from cwm_lsp.trace.events import Event
from tests.trace import generated

EVENTS = 150
"""Of a call, at most: debugpy takes some milliseconds for each."""
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
VALUES = {"int": ["0", "-7", "12", "x + 1"], "str": ["''", "x + 'z'", "'abc'"], "list": ["[]", "x + [3]", "[1, 2, 3]"],
          "bool": ["not x"], "dict": ["{}"], "NoneType": ["0"]}  # fmt: skip
"""By type; `x` is the name."""

LEAVING = 3
"""Stops of debugpy, at most, at which scopes are left after the last line."""

Stop = tuple[int, int, str, dict[str, str]]


def kind_of(text: str) -> str:
    try:
        return type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError):
        return ""


class Debugpy:
    """debugpy's adapter; a context manager. It runs `program`, which makes the call at its last line."""

    def __init__(self, program: Path, line: int) -> None:
        self._program, self._line = program, line
        self._stops: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._initialized = asyncio.Event()

    async def __aenter__(self) -> Debugpy:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "debugpy.adapter", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self.client = DapClient(self._process.stdout, self._process.stdin, self._heard)
        await self.client.request("initialize", {"adapterID": "debugpy", "pathFormat": "path"})
        arguments = {"program": str(self._program), "python": [sys.executable], "console": "internalConsole",
                     "justMyCode": True}  # fmt: skip
        launched = self.client.send("launch", arguments)
        await asyncio.wait_for(self._initialized.wait(), 60)
        await self.client.request(
            "setBreakpoints", {"source": {"path": str(self._program)}, "breakpoints": [{"line": self._line}]}
        )
        await self.client.request("setExceptionBreakpoints", {"filters": []})
        await self.client.request("configurationDone")
        await asyncio.wait_for(launched, 60)
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(DapError, asyncio.TimeoutError, UnavailableError, ConnectionError):
            await self.client.request("disconnect", {"terminateDebuggee": True}, timeout=10)
        await self.client.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _heard(self, event: str, body: dict[str, Any]) -> None:
        if event == "initialized":
            self._initialized.set()
        elif event in ("stopped", "terminated"):
            self._stops.put_nowait(body if event == "stopped" else None)

    async def stop(self) -> dict[str, Any] | None:
        """The next stop's frames, those of the program only; None at the end."""
        body = await asyncio.wait_for(self._stops.get(), 60)
        if body is None:
            return None
        self.thread = body["threadId"]
        stack = await self.client.request("stackTrace", {"threadId": self.thread})
        return {"frames": stack["stackFrames"], "reason": body["reason"]}

    async def locals(self, frame: int) -> tuple[int, dict[str, str]]:
        scopes = (await self.client.request("scopes", {"frameId": frame}))["scopes"]
        reference = scopes[0]["variablesReference"]
        found = (await self.client.request("variables", {"variablesReference": reference}))["variables"]
        return reference, {one["name"]: one["value"] for one in found}

    async def go(self, command: str) -> dict[str, Any] | None:
        await self.client.request(command, {"threadId": self.thread})
        return await self.stop()


class Predicted:
    """`cwm-lsp dap`, one process for all calls."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cwm_lsp", "dap"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._sequence = 0
        self._events: list[dict[str, Any]] = []
        self._is_launched = False
        self.ask("initialize", adapterID="benchmark")

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        header = b""
        while (line := self._process.stdout.readline()).strip():
            header += line
        message: dict[str, Any] = json.loads(self._process.stdout.read(content_length(header)))
        return message

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Raises UserError where the adapter refuses."""
        assert self._process.stdin is not None
        self._sequence += 1
        message = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        self._process.stdin.write(framed(message))
        self._process.stdin.flush()
        while (message := self._read())["type"] != "response":
            self._events.append(message)
        if not message["success"]:
            raise UserError(message["message"])
        return message.get("body") or {}

    def open(self, path: Path, call: str) -> dict[str, Any]:
        arguments = {"mode": "predict", "program": str(path), "function": "f", "call": call, "stopOnEntry": True}
        if not self._is_launched:
            self.ask("launch", **arguments)
            self._is_launched = True
            self.ask("configurationDone")
        else:
            self.ask("restart", arguments=arguments)
        return self.stop()

    def stop(self) -> dict[str, Any]:
        while True:
            message = self._events.pop(0) if self._events else self._read()
            if message.get("event") == "stopped":
                return message["body"]  # type: ignore[no-any-return]

    def frames(self) -> list[dict[str, Any]]:
        found = self.ask("stackTrace", threadId=1)["stackFrames"]
        return [one for one in found if one.get("presentationHint") != "label"]

    def locals(self, frame: int) -> dict[str, str]:
        reference = self.ask("scopes", frameId=frame)["scopes"][0]["variablesReference"]
        found = self.ask("variables", variablesReference=reference)["variables"]
        return {one["name"]: one["value"] for one in found}

    def go(self, command: str) -> dict[str, Any]:
        self.ask(command, threadId=1)
        return self.stop()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def programs(data: Path | None, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Sources with a function `f`, and calls of it."""
    if data is not None:
        rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines() if line.strip()]
        chance.shuffle(rows)
        for row in rows:
            yield row["code"], f"f({row['input']})"
    seed = 0
    while data is None:
        yield generated.program(seed), f"f({chance.randrange(4)})"
        seed += 1


def predicted_events(source: str, call: str) -> list[Event] | None:
    """Those of a call that is computed whole."""
    try:
        evaluation = Evaluation(source, call, "f", limits=Limits(events=EVENTS, seconds=5))
    except (SyntaxError, UserError):
        return None
    found = []
    for step in evaluation:
        if not isinstance(step, Event):
            evaluation.close()
            return None
        found.append(step)
    return found if evaluation.outcome is not None and evaluation.gave_up is None else None


def shown(locals_: dict[str, str]) -> dict[str, str]:
    """Locals as both show them: debugpy groups what has two underscores, and shortens what is long."""
    return {name: ADDRESS.sub("", text) for name, text in locals_.items() if name.isidentifier() and len(text) < 200}


async def real_fork(path: Path, at: Event, visit: int, name: str, value: str) -> list[Stop] | None:
    """The stops of a real run, from where a local is set on; None where it cannot be set, or where the visits of the
    line cannot be counted, since it is one of a class body as well."""
    async with Debugpy(path, at.line) as debugger:
        stop = await debugger.stop()
        for _ in range(visit - 1):
            stop = await debugger.go("continue")
        if stop is None or stop["frames"][0]["name"] != at.function:
            return None
        reference, _ = await debugger.locals(stop["frames"][0]["id"])
        await debugger.client.request("setBreakpoints", {"source": {"path": str(path)}, "breakpoints": []})
        try:
            await debugger.client.request(
                "setVariable", {"variablesReference": reference, "name": name, "value": value}
            )
        except DapError:
            return None
        found: list[Stop] = []
        while stop is not None and len(found) < EVENTS:
            frames = stop["frames"]
            depth = sum(frame["name"] not in ("<module>",) for frame in frames) - 1
            if depth < 0:
                break
            _, known = await debugger.locals(frames[0]["id"])
            found.append((frames[0]["line"], depth, frames[0]["name"], shown(known)))
            stop = await debugger.go("stepIn")
        return found


def predicted_fork(
    adapter: Predicted, path: Path, call: str, line: int, visit: int, name: str, value: str
) -> tuple[list[Stop], float] | None:
    """The same of the prediction, and the seconds from setting to the next stop; None where it cannot be set."""
    adapter.open(path, call)
    where = {"line": line, "hitCondition": str(visit)}
    adapter.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[where])
    frames = adapter.frames()
    stop: dict[str, Any] = {}
    if not (visit == 1 and frames[0]["line"] == line):
        stop = adapter.go("continue")
    adapter.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
    frames = adapter.frames()
    began = time.perf_counter()
    adapter.ask("setExpression", expression=name, value=value, frameId=frames[0]["id"])
    found: list[Stop] = []
    seconds = 0.0
    while "description" not in stop and len(found) < EVENTS:
        frames = adapter.frames()
        known = adapter.locals(frames[0]["id"])
        found.append((frames[0]["line"], len(frames) - 1, frames[0]["name"], shown(known)))
        stop = adapter.go("stepIn")
        seconds = seconds or time.perf_counter() - began
    return found, seconds


def differ(predicted: list[Stop], real: list[Stop]) -> str | None:
    """The first difference. debugpy also stops where a scope returns, which the prediction does only at the end."""
    ours = iter(predicted)
    mine = next(ours, None)
    left = 0
    for line, depth, function, known in real:
        left = left + 1 if mine is None else 0
        if mine is not None and mine[:3] == (line, depth, function):
            names = mine[3].keys() & known.keys()
            wrong = [name for name in names if mine[3][name] != known[name]]
            if wrong:
                return f"{mine[:3]}: {wrong[0]} is {mine[3][wrong[0]]}, really {known[wrong[0]]}"
            mine = next(ours, None)
    if mine is not None:
        return f"{mine[:3]} is not come to"
    return f"it goes on for {left} stops" if left > LEAVING else None


async def measure(forks: int, data: Path | None, seed: int) -> None:
    chance = random.Random(seed)
    adapter = Predicted()
    done = equal = refused = 0
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for source, call in programs(data, chance):
            if done >= forks:
                break
            events = predicted_events(source, call)
            steps = [n for n, event in enumerate(events or ()) if event.kind == "line" and event.locals]
            if events is None or not steps:
                continue
            step = chance.choice(steps)
            event = events[step]
            names = [name for name, text in event.locals.items() if name.isidentifier() and kind_of(text) in VALUES]
            if not names or event.function.startswith("<"):
                continue
            name = chance.choice(names)
            value = re.sub(r"\bx\b", name, chance.choice(VALUES[kind_of(event.locals[name])]))
            path = Path(folder) / f"program{done}.py"
            path.write_text(f"{source.rstrip()}\n\nif __name__ == '__main__':\n    {call}\n", encoding="utf-8")
            visits = [n for n, one in enumerate(events) if one.kind == "line" and one.line == event.line]
            visit = visits.index(step) + 1
            try:
                ours = predicted_fork(adapter, path, call, event.line, visit, name, value)
            except UserError as error:
                refused += 1
                print(f"refused: {name} = {value} at line {event.line} of {path.name}: {error}", file=sys.stderr)
                done += 1
                continue
            real = await real_fork(path, event, visit, name, value)
            if ours is None or real is None or EVENTS in (len(ours[0]), len(real)):
                continue
            done += 1
            times.append(ours[1])
            why = differ(ours[0], real)
            equal += why is None
            if why is not None:
                kept = Path(tempfile.gettempdir()) / f"fork-{done}.py"
                kept.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
                print(f"{kept}: {name} = {value} at visit {visit} of line {event.line}: {why}", file=sys.stderr)
            if done % 20 == 0:
                print(f"{done} forks, {equal} equal", file=sys.stderr)
    adapter.close()
    times.sort()
    middle = times[len(times) // 2] if times else 0.0
    print(f"{done} forks: {equal} equal, {refused} refused; to the next stop {1000 * middle:.0f} ms (median)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forks", type=int, default=200)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(measure(options.forks, options.data, options.seed))


if __name__ == "__main__":
    main()
