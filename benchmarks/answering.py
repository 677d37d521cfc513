"""How long the debugger of predictions takes to answer: a step, a fork, the first stop after a launch.

Usage: python benchmarks/answering.py [--events 20000]

Steps are asked of a session in this process, on a trace of so many events: seconds of processor time. Forks and
launches are of a call of 200 events, which is evaluated in another process: seconds that pass, more on a busy machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.dap.session import Session
from cwm_lsp.debugger import Debugger
from cwm_lsp.predict.predictor import Predictor
from cwm_lsp.settings import Settings

SOURCE = """\
def part(i, seen):
    seen.append(i % 7)
    return len(seen)

def f(n):
    total = 0
    seen = []
    for i in range(n):
        total += part(i, seen)
        if i % 9 == 0:
            seen.clear()
    return total
"""
EVENTS_EACH = 7.1
"""Of one round of the loop."""
STEPS, FORKS, LAUNCHES = 3000, 40, 40
MOVES = ["next", "next", "stepIn", "stepIn", "stepOut", "stepBack"]


class Talk:
    """A session in this process."""

    def __init__(self, settings: Settings) -> None:
        self._sent: list[dict[str, Any]] = []
        predictor = Predictor.load(**settings.model.model_dump())
        self.session = Session(Debugger(settings, lambda: predictor), lambda: "a fault", self._sent.append)
        self._count = 0
        self.ask("initialize", adapterID="benchmark")

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Raises ValueError where it is refused."""
        self._count += 1
        self._sent.clear()
        self.session.handle({"seq": self._count, "type": "request", "command": command, "arguments": arguments})
        response = next(one for one in self._sent if one["type"] == "response")
        if not response["success"]:
            raise ValueError(response["message"])
        return response.get("body") or {}

    def go(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Up to the next stop."""
        self.ask(command, **arguments)
        while (stopped := next((one["body"] for one in self._sent if one.get("event") == "stopped"), None)) is None:
            time.sleep(self.session.patience or 0)
            self.session.grow()
        return stopped  # type: ignore[no-any-return]


def timed(clock: Callable[[], float], work: Callable[[], object]) -> float:
    began = clock()
    work()
    return clock() - began


def told(what: str, times: list[float]) -> None:
    times = sorted(times)
    median, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"{what}: {1000 * median:.2f} ms (median), {1000 * p99:.2f} ms (p99), of {len(times)}")


def steps(talk: Talk, path: Path, events: int) -> None:
    call = f"f({int(events / EVENTS_EACH)})"
    talk.ask("launch", program=str(path), function="f", call=call, stopOnEntry=True)
    talk.go("configurationDone")
    talk.go("continue", threadId=1)
    frame = talk.ask("stackTrace", threadId=1, levels=1)["stackFrames"][0]["id"]
    print(f"{call}: {frame:,} events")
    chance, times = random.Random(1), []
    targets = talk.ask("gotoTargets", source={"path": str(path)}, line=9)["targets"]
    for number in range(STEPS):
        if number % 50 == 0:
            talk.go("goto", threadId=1, targetId=chance.choice(targets)["id"])
        command = chance.choice(MOVES)
        times.append(timed(time.process_time, lambda command=command: talk.go(command, threadId=1)))  # type: ignore[misc]
    told("a step", times)


def forks(talk: Talk, path: Path) -> None:
    launched = {"program": str(path), "function": "f", "call": f"f({int(200 / EVENTS_EACH)})", "stopOnEntry": True}
    chance = random.Random(2)
    launches = [timed(time.perf_counter, lambda: talk.go("restart", arguments=launched)) for _ in range(LAUNCHES)]
    told("from a launch to the first stop, warm", launches)
    times = []
    for _ in range(FORKS):
        talk.go("restart", arguments=launched)
        targets = talk.ask("gotoTargets", source={"path": str(path)}, line=9)["targets"]
        talk.go("goto", threadId=1, targetId=chance.choice(targets)["id"])

        def fork() -> None:
            talk.ask("setExpression", expression="total", value=str(chance.randrange(1000)))
            talk.go("next", threadId=1)

        times.append(timed(time.perf_counter, fork))
    told("from a fork to the first new stop", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    events = parser.parse_args().events
    settings = Settings()
    # More than what settings allow.
    settings = settings.model_copy(update={"predict": settings.predict.model_copy(update={"max_events": 2 * events})})
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "answering.py"
        path.write_text(SOURCE, encoding="utf-8")
        talk = Talk(settings)
        steps(talk, path, events)
        forks(talk, path)
        talk.session.close()


if __name__ == "__main__":
    main()
