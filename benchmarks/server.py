"""Measures the language server on this machine: `python benchmarks/server.py [--json]`.

Everything is measured from outside, over stdio, with the bundled model. Cold starts are compared with those of
jedi-language-server (`pip install jedi-language-server`) in turns, where it is installed. The fuzzer is that of
`tests/lsp`, with all its seeds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import psutil

SERVER = [sys.executable, "-m", "cwm_lsp", "serve"]
CAPABILITIES = {
    "textDocument": {"hover": {"contentFormat": ["markdown"]}, "inlayHint": {}, "publishDiagnostics": {}},
    "workspace": {"inlayHint": {"refreshSupport": True}},
}
FUNCTION = '''\
def total(xs):
    """
    >>> total([1, 2, 3, 4, 5, 6, 7, 8, 9])
    45
    """
    result = 0
    for x in xs:
        if x % 2:
            result += x
        else:
            result = result + x
    return result


'''
FILLER = """\
def filler_{0}(a, b={0}):
    c = a + b  # line of a file that is edited
    if c > {0}:
        return [c, a, b]
    return {{"a": a, "b": b}}


"""


class Client:
    """The least of an editor: sends messages, waits for answers."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._numbers = itertools.count(1)
        self._answers: dict[int, Queue[Any]] = {}
        self._version = 1
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, method: str, params: Any) -> Queue[Any]:
        """Send a request; its answer will be in the queue."""
        number = next(self._numbers)
        answer = self._answers[number] = Queue()
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return answer

    def request(self, method: str, params: Any, timeout: float = 120) -> Any:
        message = self.ask(method, params).get(timeout=timeout)
        if "error" in message:
            raise RuntimeError(message["error"]["message"])
        return message["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def command(self, name: str, **argument: Any) -> Any:
        return self.request("workspace/executeCommand", {"command": name, "arguments": [argument]})

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def hinted(self, uri: str, line: int, label: str) -> None:
        """Wait for a hint."""
        place = {"start": {"line": line, "character": 0}, "end": {"line": line + 1, "character": 0}}
        end = time.monotonic() + 120
        while time.monotonic() < end:
            hints = self.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": place})
            if any(hint["position"]["line"] == line and hint["label"].startswith(label) for hint in hints):
                return
            time.sleep(0.01)
        raise RuntimeError(f"there is no hint {label} at line {line}")

    def typed(self, uri: str, line: int, character: int, digit: int) -> float:
        """Type a digit over the one that is added to 401; gives the seconds until the hint has it."""
        self._version += 1
        spot = {"start": {"line": line, "character": character}, "end": {"line": line, "character": character + 1}}
        started = time.perf_counter()
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": self._version},
                "contentChanges": [{"range": spot, "text": str(digit)}],
            },
        )
        self.hinted(uri, line, f"c = {401 + digit}")
        return time.perf_counter() - started

    def close(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait(30)

    def _send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            if "method" not in message:
                self._answers.pop(message["id"]).put(message)
            elif "id" in message:
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})


@contextmanager
def serving(options: Any) -> Iterator[Client]:
    client = Client(SERVER)
    client.request(
        "initialize",
        {"processId": None, "rootUri": None, "capabilities": CAPABILITIES, "initializationOptions": options},
    )
    client.notify("initialized", {})
    yield client
    client.close()


def cold_start(command: list[str]) -> float:
    """Seconds from starting the process to its answer to `initialize`."""
    started = time.perf_counter()
    client = Client(command)
    client.request("initialize", {"processId": None, "rootUri": None, "capabilities": CAPABILITIES})
    seconds = time.perf_counter() - started
    client.process.kill()
    client.process.wait()
    return seconds


def cold_starts(runs: int) -> dict[str, float]:
    commands = {"cwm-lsp": SERVER}
    jedi = shutil.which("jedi-language-server", path=str(Path(sys.executable).parent))
    if jedi is not None:
        commands["jedi-language-server"] = [jedi]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            seconds[name].append(cold_start(command))
    medians = {f"initialize, {name} (s)": statistics.median(each) for name, each in seconds.items()}
    if jedi is not None:
        medians["initialize, ratio to jedi-language-server"] = statistics.median(
            ours / theirs for ours, theirs in zip(*seconds.values(), strict=True)
        )
    return medians


def latencies(
    name: str, act: Callable[[], object], count: int, between: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """Median and 99th percentile of what an act takes, in milliseconds. `between` is done before each, untimed."""
    times = []
    for _ in range(count):
        between()
        started = time.perf_counter()
        act()
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return {f"{name}, median (ms)": times[len(times) // 2], f"{name}, p99 (ms)": times[int(len(times) * 0.99)]}


def answering(folder: Path, count: int) -> Iterator[dict[str, float]]:
    """Requests about a known prediction, while nothing else is done and while the model has work; and cancelling."""
    uri, other = ((folder / name).as_uri() for name in ("known.py", "busy.py"))
    document = {"textDocument": {"uri": uri}}
    shown = {**document, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 40, "character": 0}}}
    spot = {**document, "position": {"line": 8, "character": 14}}
    with serving({"predict": {"trigger": "manual"}}) as client:
        client.open(uri, FUNCTION)
        client.open(other, FUNCTION)
        client.command("cwm.predict", uri=uri, function="total")
        assert client.request("textDocument/inlayHint", shown), "nothing is known"

        def both(state: str) -> dict[str, float]:
            hover = latencies(f"hover, {state}", lambda: client.request("textDocument/hover", spot), count)
            return hover | latencies(
                f"inlay hints, {state}", lambda: client.request("textDocument/inlayHint", shown), count
            )

        yield both("idle")
        # Without assistance the model has work for long.
        client.notify("workspace/didChangeConfiguration", {"settings": {"cwm-lsp": {"predict": {"assist": "off"}}}})
        predict = {"command": "cwm.predict", "arguments": [{"uri": other, "function": "total"}]}
        over = threading.Event()

        def work() -> None:
            for turn in itertools.count():
                answer = client.ask("workspace/executeCommand", predict)
                while not over.is_set() and answer.empty():
                    time.sleep(0.02)
                if over.is_set():
                    return
                if turn % 3 == 2:
                    client.command("cwm.restartModel")

        # A second server loads models over and over beside it.
        with serving({"predict": {"trigger": "manual"}}) as second:
            second.open(other, FUNCTION)

            def load() -> None:
                while not over.is_set():
                    second.command("cwm.restartModel")
                    second.command("cwm.predict", uri=other, function="total")

            workers = [threading.Thread(target=work), threading.Thread(target=load)]
            for worker in workers:
                worker.start()
            yield both("while a model predicts and another loads")
            over.set()
            for worker in workers:
                worker.join()
        yield cancelling(client, other, predict)


def cancelling(client: Client, uri: str, predict: Any) -> dict[str, float]:
    """From cancelling a prediction to the model's process having answered a job that costs nothing."""
    client.command("cwm.cancel")
    client.command("cwm.predict", uri=uri, function="total")
    stats = client.request("cwm/trace", {"uri": uri, "function": "total"})["predicted"]["stats"]
    times = []
    for number in range(20):
        client.ask("workspace/executeCommand", predict)
        time.sleep(0.3 + number / 50)
        started = time.perf_counter()
        client.command("cwm.cancel")
        client.command("cwm.predict", uri=uri, function="total", call="total(")
        times.append((time.perf_counter() - started) * 1000)
    return {
        "one forward pass (ms)": stats["seconds"] / stats["forward_passes"] * 1000,
        "cancel → worker idle, longest of 20 (ms)": max(times),
    }


def typing(folder: Path, count: int) -> dict[str, float]:
    """A keystroke and an answer after it, in a file of 5,000 lines, with the server's own pauses in between."""
    uri = (folder / "large.py").as_uri()
    text = FUNCTION + "".join(FILLER.format(number) for number in range(720))
    document = {"textDocument": {"uri": uri}}
    version = itertools.count(2)
    with serving({"predict": {"debounce": 200}}) as client:
        client.open(uri, text)
        client.command("cwm.predict", uri=uri, function="total")

        def keystroke() -> None:
            number = next(version)
            place = {"line": 2500, "character": 4}
            client.notify(
                "textDocument/didChange",
                {
                    "textDocument": {"uri": uri, "version": number},
                    "contentChanges": [{"range": {"start": place, "end": place}, "text": "x"}],
                },
            )
            client.request("textDocument/hover", {**document, "position": {"line": 8, "character": 14}})

        def pause() -> None:
            """Now and then long enough that the server looks at the file while the user goes on."""
            if next(turn) % 10 == 0:
                time.sleep(0.25)

        turn = itertools.count(1)
        lines = text.count("\n")
        return latencies(f"keystroke and hover, {lines} lines", keystroke, count, between=pause)


MEMBER = '''\
def member_{0}(a, b={0}):
    """
    >>> member_{0}(1)
    [{0}, 1]
    """
    c = a + b + 0
    if c > a:
        return [c, a]
    return [a, b]


'''
LONG = """\
def long(n):
    found = []
    for k in range(n):
        found.append(hash(str(k)) % 1000)
    return sorted(found)


"""


def first_hints(folder: Path, count: int) -> dict[str, float]:
    """From opening a file of 5,600 lines, all of whose functions have calls, to a hint in the one at the cursor; and
    from a keystroke in it to the hint that takes account of it. With the settings as they are by default."""
    text = "".join(MEMBER.format(number) for number in range(509))
    line = text.split("\n").index("def member_400(a, b=400):") + 5
    cold: list[float] = []
    after: list[float] = []
    for run in range(count):
        uri = (folder / f"module_{run}.py").as_uri()
        with serving({}) as client:
            started = time.perf_counter()
            client.open(uri, text)
            client.notify("cwm/cursor", {"uri": uri, "line": line, "first": line - 20, "last": line + 20})
            client.hinted(uri, line, "c = 401")
            cold.append(time.perf_counter() - started)
            after += [client.typed(uri, line, len("    c = a + b + "), digit) for digit in range(1, 6)]
    return {
        "first hint in a file of 5,600 lines, cold (s)": statistics.median(cold),
        "hint after a keystroke in a file of 5,600 lines (s)": statistics.median(after),
    }


MODULE = """\
import json
import re
from dataclasses import dataclass, field


@dataclass
class Part_{0}:
    name: str
    size: int = {0}
    tags: list[str] = field(default_factory=list)

    def larger(self, by: int) -> "Part_{0}":
        return Part_{0}(self.name, self.size + by)


WORDS = re.compile(r"[a-z]+")
TABLE = {{"name_{0}": {0}, "other": json.loads("[1, 2]")}}


def step_{0}(x: int) -> int:
    return Part_{0}("a").larger(x).size + TABLE["name_{0}"] - {0} - {0}


"""


def imports(folder: Path, count: int) -> dict[str, float]:
    """From opening a file that imports 20 modules of its project to the first hint in the function at the cursor; from
    a keystroke to the hint that takes account of it; and what the processes that predict and evaluate hold once 300
    modules are known."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    for number in range(300):
        filler = "".join(FILLER.format(index) for index in range(10))
        (folder / f"module_{number}.py").write_text(MODULE.format(number) + filler)

    def program(numbers: range) -> str:
        lines = [f"from module_{number} import step_{number}" for number in numbers]
        body = [f"    x = step_{number}(x)" for number in numbers]
        return "\n".join(
            [*lines, "", "", "def walk(x):", "    c = x + 0 + 400", *body, "    return c", "", "", "walk(1)", ""]
        )

    cold: list[float] = []
    after: list[float] = []
    text = program(range(20))
    line = text.split("\n").index("    c = x + 0 + 400")
    uri = (folder / "walk.py").as_uri()
    for _ in range(count):
        with serving({}) as client:
            started = time.perf_counter()
            client.open(uri, text)
            client.notify("cwm/cursor", {"uri": uri, "line": line, "first": 0, "last": line + 20})
            client.hinted(uri, line, "c = 401")
            cold.append(time.perf_counter() - started)
            after += [client.typed(uri, line, len("    c = x + "), digit) for digit in range(1, 6)]
    with serving({"predict": {"trigger": "manual"}}) as client:
        client.open((folder / "all.py").as_uri(), program(range(300)))
        told = client.command("cwm.predict", uri=(folder / "all.py").as_uri(), function="walk", call="walk(1)")
        assert told["predicted"] == "returns 401", told
        children = psutil.Process(client.process.pid).children(recursive=True)
        largest = max(process.memory_info().rss for process in children)
    return {
        "first hint in a file that imports 20 modules, cold (s)": statistics.median(cold),
        "hint after a keystroke in a file that imports 20 modules (s)": statistics.median(after),
        "largest worker with 300 modules known (MB)": largest / 1e6,
    }


def while_read(folder: Path, count: int) -> dict[str, float]:
    """From a keystroke to its hint, while the model reads a run of another function and while it does not."""
    uri = (folder / "read.py").as_uri()
    text = MEMBER.format(400) + LONG
    line = 5
    times: dict[bool, list[float]] = {False: [], True: []}
    with serving({"predict": {"maxFunctions": 5}}) as client:
        client.open(uri, text)
        client.hinted(uri, line, "c = 401")
        digits = itertools.cycle(range(1, 9))
        for _ in range(count):
            for reads in (False, True):
                if reads:
                    client.command("cwm.predictThenRun", uri=uri, function="long", call="long(200)")
                times[reads].append(client.typed(uri, line, len("    c = a + b + "), next(digits)))
                client.command("cwm.cancel", uri=uri)
    idle, busy = (statistics.median(times[reads]) for reads in (False, True))
    return {
        "keystroke to hint (s)": idle,
        "the same while a run is being read (s)": busy,
        "keystroke to hint while a run is being read, ratio": busy / idle,
    }


def memory(folder: Path, predictions: int) -> dict[str, float]:
    """Growth of the whole process tree, between the first tenth of the predictions and the last."""
    uri = (folder / "known.py").as_uri()
    with serving({"predict": {"trigger": "manual"}}) as client:
        client.open(uri, FUNCTION)

        def resident() -> int:
            tree = psutil.Process(client.process.pid)
            return sum(process.memory_info().rss for process in [tree, *tree.children(recursive=True)])

        early = 0
        for number in range(predictions):
            client.command("cwm.predict", uri=uri, function="total", call=f"total([{number}, 2, 3])")
            if number == predictions // 10:
                early = resident()
        late = resident()
    return {f"memory growth over {predictions} predictions (%)": (late / early - 1) * 100, "memory (MB)": late / 1e6}


def fuzzing() -> dict[str, float]:
    """Random edits and requests, each in a server of a test's own."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider", "tests/lsp/test_fuzz.py"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", told)}
    return {
        "fuzzer, documents without fault": counts.get("passed", 0),
        "fuzzer, documents with a fault": counts.get("failed", 0) + counts.get("error", 0),
    }


REQUIRED = {
    "initialize, ratio to jedi-language-server": 1.0,
    "hover, idle, p99 (ms)": 10,
    "inlay hints, idle, p99 (ms)": 10,
    "hover, while a model predicts and another loads, p99 (ms)": 25,
    "inlay hints, while a model predicts and another loads, p99 (ms)": 25,
    "keystroke and hover, 5054 lines, p99 (ms)": 10,
    "first hint in a file that imports 20 modules, cold (s)": 1.5,
    "largest worker with 300 modules known (MB)": 300,
    "first hint in a file of 5,600 lines, cold (s)": 1.5,
    "hint after a keystroke in a file of 5,600 lines (s)": 0.7,
    "keystroke to hint while a run is being read, ratio": 1.3,
    "fuzzer, documents with a fault": 0,
    "memory growth over 1000 predictions (%)": 5,
}
"""What each may be at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--starts", type=int, default=9, help="cold starts of each server")
    parser.add_argument("--requests", type=int, default=1000, help="requests for each percentile")
    parser.add_argument("--predictions", type=int, default=1000, help="predictions for the growth of memory")
    parser.add_argument("--no-fuzzer", action="store_true", help="leave the fuzzer out, which takes longest")
    given = parser.parse_args()
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for part in measurements(Path(name), given):
            results |= part
            for title, value in part.items() if not given.json else ():
                most = f"at most {REQUIRED[title]:g}" if title in REQUIRED else ""
                print(f"{title:<66}{value:10.2f}  {most}".rstrip(), flush=True)
    if given.json:
        print(json.dumps(results))


def measurements(folder: Path, given: argparse.Namespace) -> Iterator[dict[str, float]]:
    yield cold_starts(given.starts)
    yield from answering(folder, given.requests)
    yield typing(folder, given.requests)
    yield first_hints(folder, given.starts)
    yield imports(folder / "imports", given.starts)
    yield while_read(folder, given.starts)
    yield memory(folder, given.predictions)
    if not given.no_fuzzer:
        yield fuzzing()


if __name__ == "__main__":
    main()
