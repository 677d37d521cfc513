"""Events a second of our recorder beside other ways to get them, and its wall time beside debugpy's own start.

All in one run, in turns; a ratio is the median of the rounds' own, so that it holds on a busy machine too:

    python benchmarks/recording.py [--json] [--events N] [--rounds N]

Rows: stepping through debugpy's adapter as an editor does (as shipped, and with its socket mended); our recorder, the
program's process already warm, from the job to the last event in the server (`recorder`), and what each further event
costs (`recorder, marginal`); the same probe without a debugger and without a second process (`bare`); a trace function
that does nothing (`empty settrace`, `empty monitoring`). Then the wall times of a recorded 50-event call from nothing
(`record, cold`), with a warm process (`record, warm`), and of debugpy's adapter and debuggee alone (`debugpy alone`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stepping import EditorSession
from cwm_lsp.record.decoder import RecordDecoder
from cwm_lsp.record.inprocess import load
from cwm_lsp.record.probe import Limits, trace_call
from cwm_lsp.record.recorder import RecorderPool, record

PROGRAM = """\
def f(n):
    total = 0
    items = []
    table = {"a": 1, "b": [1, 2]}
    name = "x"
    for i in range(n):
        total += i
        items = items[-8:] + [total % 7]
        table["a"] = i
        name = "x" * (i % 5)
    return total, items


if __name__ == "__main__":
    f(100000)
"""
EVENTS_A_TURN = 5
CALL_EVENTS = 8


def call_with(events: int) -> tuple[str, int]:
    """A call of about that many events, and how many it has."""
    turns = max((events - CALL_EVENTS) // EVENTS_A_TURN, 1)
    return f"f({turns})", turns * EVENTS_A_TURN + CALL_EVENTS


async def stepping(program: Path, steps: int, *, mended: bool) -> float:
    """Stops a second."""
    async with EditorSession(program, [2], mended=mended) as session:
        stop = await session.stop()
        assert stop is not None
        started = time.perf_counter()
        for _ in range(steps):
            await session.go("next", stop["threadId"])
            stop = await session.stop()
            assert stop is not None
        return steps / (time.perf_counter() - started)


async def debugpy_alone(program: Path) -> float:
    """Seconds from nothing to the program's end and debugpy's."""
    started = time.perf_counter()
    async with EditorSession(program, [], mended=False) as session:
        while await session.stop() is not None:
            pass
    return time.perf_counter() - started


def bare(program: Path, call: str) -> float:
    """Seconds of the same probe in this process, events decoded as the server decodes them."""
    namespace = load(program.read_text(), str(program))
    decoder = RecordDecoder()
    records: list[Any] = []
    started = time.perf_counter()
    trace_call(call, namespace, str(program), [("f", 1)], limits=Limits(events=10**9), emit=records.append)
    for item in records[:-1]:
        decoder.event(item)
    return time.perf_counter() - started


def empty_settrace(namespace: dict[str, Any], call: str) -> float:
    def trace(frame: Any, event: str, argument: Any) -> Any:
        return trace

    started = time.perf_counter()
    sys.settrace(trace)
    eval(call, namespace)
    sys.settrace(None)
    return time.perf_counter() - started


def empty_monitoring(namespace: dict[str, Any], call: str) -> float:
    monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    monitoring.use_tool_id(4, "benchmark")
    monitoring.register_callback(4, monitoring.events.LINE, lambda code, line: None)
    started = time.perf_counter()
    monitoring.set_events(4, monitoring.events.LINE)
    eval(call, namespace)
    monitoring.set_events(4, 0)
    seconds = time.perf_counter() - started
    monitoring.free_tool_id(4)
    return seconds


def seconds_of(pool: RecorderPool, program: Path, call: str, expected: int) -> float:
    started = time.perf_counter()
    trace = pool.record(program, "f", call, python=Path(sys.executable), timeout=300, limits=Limits(events=10**9))
    assert len(trace.events) == expected, (len(trace.events), expected, trace.outcome)
    return time.perf_counter() - started


def measure(events: int, rounds: int) -> dict[str, Any]:
    rates: dict[str, list[float]] = {}
    walls: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, RecorderPool() as pool:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM)
        nothing = Path(folder) / "nothing.py"
        nothing.write_text("pass\n")
        call, count = call_with(events)
        short, short_count = call_with(50)
        namespace = load(PROGRAM, str(program))
        seconds_of(pool, program, short, short_count)

        def note(table: dict[str, list[float]], name: str, value: float) -> None:
            table.setdefault(name, []).append(value)
            print(f"  {name}: {value:,.3f}", file=sys.stderr)

        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            note(rates, "stepping, as shipped", asyncio.run(stepping(program, 15, mended=False)))
            stepped = asyncio.run(stepping(program, 60, mended=True))
            recorded = seconds_of(pool, program, call, count)
            in_process = bare(program, call)
            warm = seconds_of(pool, program, short, short_count)
            alone = asyncio.run(debugpy_alone(nothing))
            cold = timed(lambda: record(program, "f", short, python=Path(sys.executable)))
            note(rates, "stepping, mended", stepped)
            note(rates, "recorder", count / recorded)
            note(rates, "recorder, marginal", (count - short_count) / max(recorded - warm, 1e-6))
            note(rates, "bare", count / in_process)
            note(rates, "empty settrace", count / empty_settrace(namespace, call))
            if sys.version_info >= (3, 12):
                note(rates, "empty monitoring", count / empty_monitoring(namespace, call))
            note(walls, "debugpy alone", alone)
            note(walls, "record, cold", cold)
            note(walls, "record, warm", warm)
            note(ratios, "recorder / stepping, mended", count / recorded / stepped)
            note(ratios, "recorder / bare", in_process / recorded)
            note(ratios, "recorder, marginal / bare", rates["recorder, marginal"][-1] / rates["bare"][-1])
            note(ratios, "record, cold / debugpy alone", cold / alone)
    return {
        "python": sys.version.split()[0],
        "events": count,
        "rounds": rounds,
        "events_per_second": medians(rates),
        "seconds": medians(walls),
        "ratios": medians(ratios),
    }


def medians(table: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in table.items()}


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--events", type=int, default=20_000, help="events of the long call (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many rounds (default: 5)")
    arguments = parser.parse_args()
    result = measure(arguments.events, arguments.rounds)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"Python {result['python']}, a call of {result['events']:,} events, medians of {result['rounds']} rounds")
    for name, value in result["events_per_second"].items():
        print(f"  {name:32} {value:>14,.0f} events/s")
    for name, value in result["seconds"].items():
        print(f"  {name:32} {value:>14.3f} s")
    for name, value in result["ratios"].items():
        print(f"  {name:32} {value:>14.2f} ×")


if __name__ == "__main__":
    main()
