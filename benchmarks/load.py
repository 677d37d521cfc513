"""A day's work in minutes: `python benchmarks/load.py [--short] [--minutes 480] [--json]`.

One server with 50 open documents: 10,000 requests of all kinds with edits between them, 20 predictions and 5 runs asked
for at once, then somebody who types. Nothing may be lost or answered twice, and the server's memory may not grow.
`--short` takes two minutes. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.server import CAPABILITIES, FILLER, FUNCTION, SERVER, Client

PATIENCE = 300.0
"""Seconds after which an answer counts as lost."""
REQUIRED = {
    "answers lost": 0,
    "answers that came twice": 0,
    "answers that are faults": 0,
    "server's memory (MB)": 150,
    "growth of the server's memory while typing (%)": 10,
    "hover while all of it goes on, p99 (ms)": 25,
}
"""What each may be at most."""


class Counting(Client):
    """An editor that counts."""

    def __init__(self) -> None:
        self.twice = 0
        self.versions: dict[str, int] = {}
        super().__init__(SERVER)
        self._answers = _Once(self)  # type: ignore[assignment]

    def edit(self, uri: str, line: int, text: str, end: int) -> None:
        """Put a text in place of the first `end` characters of a line."""
        self.versions[uri] = self.versions.get(uri, 1) + 1
        place = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": end}}
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"range": place, "text": text}]}
        )


class _Once(dict[int, "Queue[Any]"]):
    """Answers that are waited for; any other one is one too many."""

    def __init__(self, client: Counting) -> None:
        super().__init__()
        self._client = client

    def pop(self, number: int, *default: Any) -> Queue[Any]:  # type: ignore[override]
        if number not in self:
            self._client.twice += 1
            return Queue()
        return super().pop(number)


@contextmanager
def server(folder: Path) -> Iterator[Counting]:
    client = Counting()
    root = {"uri": folder.as_uri(), "name": "load"}
    client.request(
        "initialize",
        {
            "processId": None, "rootUri": folder.as_uri(), "workspaceFolders": [root], "capabilities": CAPABILITIES,
            "initializationOptions": {"predict": {"trigger": "onType"}},
        },
    )  # fmt: skip
    client.notify("initialized", {})
    yield client
    client.close()


def collected(asked: list[Queue[Any]]) -> tuple[int, list[str]]:
    """How many answers were lost, and the faults among those that came."""
    lost, faults = 0, []
    until = time.monotonic() + PATIENCE
    for answer in asked:
        try:
            message = answer.get(timeout=max(0.01, until - time.monotonic()))
        except Empty:
            lost += 1
            continue
        told = json.dumps(message.get("error") or message.get("result"))
        if "fault of cwm-lsp" in told or "Traceback" in told:
            faults.append(told)
    return lost, faults


def measured(folder: Path, options: argparse.Namespace, chance: random.Random) -> dict[str, float]:
    """All of it."""
    text = FUNCTION + "".join(FILLER.format(number) for number in range(20))
    paths = [folder / f"document_{number}.py" for number in range(options.documents)]
    for path in paths:
        path.write_text(text)
    uris = [path.as_uri() for path in paths]
    lost, faults, hovers = 0, list[str](), list[float]()
    with server(folder) as client:
        process = psutil.Process(client.process.pid)

        def ask(command: str, number: int) -> Queue[Any]:
            target = {"uri": uris[number % len(uris)], "function": "total", "call": f"total([{number}, 2, 3])"}
            return client.ask("workspace/executeCommand", {"command": command, "arguments": [target]})

        def hovered(uri: str) -> None:
            started = time.perf_counter()
            client.request(
                "textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 8, "character": 5}}
            )
            hovers.append((time.perf_counter() - started) * 1_000)

        def some() -> Queue[Any]:
            document = {"uri": chance.choice(uris)}
            whole = {"start": {"line": 0, "character": 0}, "end": {"line": 200, "character": 0}}
            method = chance.choice(("hover", "inlayHint", "codeLens", "codeAction"))
            return client.ask(
                f"textDocument/{method}",
                {
                    "textDocument": document, "position": {"line": chance.randrange(20), "character": 4},
                    "range": whole, "context": {"diagnostics": []},
                },
            )  # fmt: skip

        for uri in uris:
            client.open(uri, text)
        asked = [ask("cwm.predict", number) for number in range(options.predictions)]
        asked += [ask("cwm.predictThenRun", number) for number in range(options.recordings)]
        for number in range(options.requests):
            asked.append(some())
            if number % 20 == 0:
                client.edit(chance.choice(uris), 14, f"# {number}", 0)
            if number % 100 == 0:
                hovered(uris[0])
        missing, bad = collected(asked)
        lost, faults = lost + missing, faults + bad
        early = process.memory_info().rss
        until = time.monotonic() + 60 * options.minutes
        strokes = 0
        while time.monotonic() < until:
            strokes += 1
            uri = uris[strokes // 50 % len(uris)]
            client.edit(uri, 14, "x" if strokes % 2 else "", 0 if strokes % 2 else 1)
            if strokes % 5 == 0:
                hovered(uri)
                missing, bad = collected([some()])
                lost, faults = lost + missing, faults + bad
            time.sleep(0.05)
        late = process.memory_info().rss
        for fault in faults[:3]:
            print(fault, file=sys.stderr)
        twice = client.twice
    return {
        "documents": options.documents,
        "requests": len(asked),
        "keystrokes": strokes,
        "answers lost": lost,
        "answers that came twice": twice,
        "answers that are faults": len(faults),
        "server's memory (MB)": late / 1e6,
        "growth of the server's memory while typing (%)": (late / early - 1) * 100,
        "hover while all of it goes on, p99 (ms)": sorted(hovers)[int(len(hovers) * 0.99)] if hovers else 0.0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--predictions", type=int, default=20)
    parser.add_argument("--recordings", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=480.0, help="of typing")
    parser.add_argument("--short", action="store_true", help="a tenth of the requests, a minute of typing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.short:
        options.requests, options.minutes = options.requests // 10, 1.0
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), options, random.Random(0))
    missed = [name for name, most in REQUIRED.items() if found[name] > most]
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:50} {value:10,.1f}  {'MISSED' if name in missed else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
