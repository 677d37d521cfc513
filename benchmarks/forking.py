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
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.debuggers import EVENTS, Debugpy, Predicted, predicted_events, programs
from cwm_lsp.errors import UserError
from cwm_lsp.record.dap import DapError
from cwm_lsp.trace.events import Event

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


def shown(locals_: dict[str, str]) -> dict[str, str]:
    """Locals as both show them: debugpy groups what has two underscores, and shortens what is long."""
    return {name: ADDRESS.sub("", text) for name, text in locals_.items() if name.isidentifier() and len(text) < 200}


async def real_fork(debugger: Debugpy, path: Path, at: Event, visit: int, name: str, value: str) -> list[Stop] | None:
    """The stops of a real run, from where a local is set on; None where it cannot be set, or where the visits of the
    line cannot be counted, since it is one of a class body as well."""
    frames = await debugger.open(path, at.line)
    for _ in range(visit - 1):
        if not _is_in_call(frames):
            return None
        frames = await debugger.go("continue")
    if not _is_in_call(frames) or frames[0]["name"] != at.function:
        return None
    reference, _ = await debugger.locals(frames[0]["id"])
    await debugger.set_breakpoint(path, None)
    try:
        await debugger.client.request("setVariable", {"variablesReference": reference, "name": name, "value": value})
    except DapError:
        return None
    found: list[Stop] = []
    while len(frames) > 1 and len(found) < EVENTS:  # the last is the module's
        _, known = await debugger.locals(frames[0]["id"])
        found.append((frames[0]["line"], len(frames) - 2, frames[0]["name"], shown(known)))
        frames = await debugger.go("stepIn")
    return found


def _is_in_call(frames: list[dict[str, Any]]) -> bool:
    return any(frame["name"] == "f" for frame in frames)


def predicted_fork(
    adapter: Predicted, path: Path, call: str, line: int, visit: int, name: str, value: str
) -> tuple[list[Stop], float]:
    """The same of the prediction, and the seconds from setting to the next stop.

    Raises:
        UserError: it cannot be set.
    """
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
    found: Counter[str] = Counter()
    times: list[float] = []
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        debugger = await stack.enter_async_context(Debugpy())
        for source, call in programs(data, chance):
            if found.total() >= forks:
                break
            fork = chosen(source, call, chance)
            if fork is None:
                continue
            event, visit, name, value = fork
            path = Path(folder) / f"program{found.total()}.py"
            path.write_text(f"{source.rstrip()}\n\nif __name__ == '__main__':\n    {call}\n", encoding="utf-8")
            try:
                ours, seconds = predicted_fork(adapter, path, call, event.line, visit, name, value)
                real = await real_fork(debugger, path, event, visit, name, value)
            except UserError as error:
                found["refused"] += 1
                print(f"refused: {name} = {value} at line {event.line} of {path.name}: {error}", file=sys.stderr)
                continue
            except (asyncio.TimeoutError, DapError):  # it has no end, or ends its process
                debugger = await stack.enter_async_context(Debugpy())
                continue
            if real is None or EVENTS in (len(ours), len(real)):
                continue
            times.append(seconds)
            why = differ(ours, real)
            found["equal" if why is None else "different"] += 1
            if why is not None:
                kept = Path(tempfile.gettempdir()) / f"fork-{seed}-{found.total()}.py"
                kept.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
                print(f"{kept}: {name} = {value} at visit {visit} of line {event.line}: {why}", file=sys.stderr)
            if found.total() % 10 == 0:
                print(
                    f"{time.monotonic() - began:.0f} s: {found.total()} forks, {found['equal']} equal", file=sys.stderr
                )
    adapter.close()
    times.sort()
    middle, last = (times[int(len(times) * part)] if times else 0.0 for part in (0.5, 0.99))
    print(f"{found.total()} forks: {found['equal']} equal, {found['refused']} refused; to the next stop "
          f"{1000 * middle:.0f} ms (median), {1000 * last:.0f} ms (99th percentile)")  # fmt: skip


def chosen(source: str, call: str, chance: random.Random) -> tuple[Event, int, str, str] | None:
    """A step of a call, which visit of its line that is, a local there, and another value for it."""
    events = predicted_events(source, call)
    steps = [n for n, event in enumerate(events or ()) if event.kind == "line" and event.locals]
    if events is None or not steps:
        return None
    step = chance.choice(steps)
    event = events[step]
    names = [name for name, text in event.locals.items() if name.isidentifier() and kind_of(text) in VALUES]
    if not names or event.function.startswith("<"):
        return None
    name = chance.choice(names)
    value = re.sub(r"\bx\b", name, chance.choice(VALUES[kind_of(event.locals[name])]))
    visits = [n for n, one in enumerate(events) if one.kind == "line" and one.line == event.line]
    return event, visits.index(step) + 1, name, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forks", type=int, default=200)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(measure(options.forks, options.data, options.seed))


if __name__ == "__main__":
    main()
