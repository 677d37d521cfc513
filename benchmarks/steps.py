"""`next`, `stepIn` and `stepOut` in the debugger of predictions, against debugpy on the same calls.

Usage: python benchmarks/steps.py [--calls 200] [--data CRUXEVAL.jsonl]

Calls are those of generated programs, or of CRUXEval's rows. Both go the same random way; compared are line, function,
and the lines and functions of the stack at each stop. debugpy stops once more, at the line of the call, where `stepIn`
or `stepOut` has left a function, and where what called a generator has given it up; there it is sent on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.debuggers import Debugpy, Predicted, predicted_events, programs
from cwm_lsp.errors import UserError

STEPS = 25
COMMANDS = ("next", "stepIn", "stepIn", "stepOut")
Stack = list[tuple[str, int]]


async def real_steps(debugger: Debugpy, path: Path, first: int, way: list[str]) -> list[Stack]:
    """The stacks of a real run, from the call's first line on."""
    stack = _stack(await debugger.open(path, first))
    await debugger.set_breakpoint(path, None)
    found: list[Stack] = []
    for command in [*way, ""]:
        if not stack:
            break
        found.append(stack)
        if command:
            stack = _stack(await debugger.go(command))
            before = found[-1]
            while _has_left(before, stack):
                before = stack
                stack = _stack(await debugger.go("stepIn" if command == "stepIn" else "next"))
    return found


def _stack(frames: list[dict[str, Any]]) -> Stack:
    return [(frame["name"], frame["line"]) for frame in frames if frame["name"] != "<module>"]


def _has_left(before: Stack, now: Stack) -> bool:
    """Whether a function has just been left, for the line that called it."""
    return 0 < len(now) < len(before) and now == before[-len(now) :]


def predicted_steps(adapter: Predicted, path: Path, call: str, way: list[str]) -> list[Stack]:
    """The same of the prediction."""
    stop = adapter.open(path, call)
    found: list[Stack] = []
    for command in [*way, ""]:
        if "description" in stop:
            break
        found.append(_stack(adapter.frames()))
        if command:
            stop = adapter.go(command)
    return found


async def measure(calls: int, data: Path | None, seed: int) -> None:
    chance = random.Random(seed)
    adapter = Predicted()
    done = equal = lost = stops = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with Debugpy() as debugger:
            for source, call in programs(data, chance):
                if done >= calls:
                    break
                events = predicted_events(source, call)
                lines = [event for event in events or () if event.kind == "line"]
                if len(lines) < 2:
                    continue
                way = [chance.choice(COMMANDS) for _ in range(STEPS)]
                path = Path(folder) / f"program{done}.py"
                path.write_text(f"{source.rstrip()}\n\nif __name__ == '__main__':\n    {call}\n", encoding="utf-8")
                try:
                    ours = predicted_steps(adapter, path, call, way)
                except UserError as error:
                    print(f"refused: {call} of program {done}: {error}", file=sys.stderr)
                    continue
                real = await real_steps(debugger, path, lines[0].line, way)
                done += 1
                stops += len(ours)
                why = differ(ours, real)
                equal += why is None
                lost += why is None and len(real) < len(ours)
                if why is not None:
                    kept = Path(tempfile.gettempdir()) / f"steps-{seed}-{done}.py"
                    kept.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
                    print(f"{kept}: {call}: {way}: {why}", file=sys.stderr)
                if done % 10 == 0:
                    print(f"{time.monotonic() - began:.0f} s: {done} calls, {equal} equal", file=sys.stderr)
    adapter.close()
    print(f"{done} calls, {stops:,} stops: {equal} calls equal, {lost} of them up to where debugpy lost a step")


def differ(predicted: list[Stack], real: list[Stack]) -> str | None:
    """The first difference; none where debugpy has lost a step, and the program has run to its end."""
    for number, (ours, theirs) in enumerate(zip(predicted, real, strict=False)):
        if ours != theirs:
            return f"stop {number}: {ours}, really {theirs}"
    return None if len(predicted) >= len(real) else f"{len(predicted)} stops, really {len(real)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(measure(options.calls, options.data, options.seed))


if __name__ == "__main__":
    main()
