"""How fast the evaluator is beside that of another checkout: the programs of `peers`, a short call, and calls without
events.

    git worktree add ../before COMMIT
    python benchmarks/before.py ../before [--rounds N] [--json]

Each checkout is measured in a process of its own, in turns; a ratio is that of the least processor time of both. Where
the other checkout has no calls without events, its short call with events stands for them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHORT = """
def f(n):
    out, total, name, counts = [], 0, 'abc', {}
    for i in range(n):
        total += i * 2
        if total % 3 == 0:
            out.append(i)
            if len(out) > 5:
                out.pop()
        counts[i % 4] = total
        name = name[1:] + name[0]
    return total
"""
"""Fifty steps for `f(8)`."""
TIMES = 20
"""Short calls that are measured together."""


def serve(checkout: Path) -> None:
    """Measure what stdin asks for, one JSON object a line, with the package of a checkout."""
    sys.path.insert(0, str(checkout))
    for name in ("cwm_lsp.evaluate", "cwm_lsp.predict.evaluate"):
        with suppress(ImportError):
            package: Any = import_module(name)
            break
    limits, programs = package.Limits(events=10**6, seconds=60), {}
    for line in sys.stdin:
        asked = json.loads(line)
        source, call = asked["source"], asked["call"]
        without = not asked["events"] and hasattr(package, "Program")
        if without and source not in programs:
            programs[source] = package.Program(source)
        began = time.process_time()
        for _ in range(asked["times"]):
            if without:
                programs[source].call(call, "f", limits=limits)
            else:
                list(package.Evaluation(source, call, "f", limits=limits))
        print(time.process_time() - began, flush=True)


def measure(before: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Least seconds of processor time before and now, and their ratio, by program."""
    from peers import CALLS, PROGRAMS  # which imports this checkout's package

    sides = [
        subprocess.Popen(
            [sys.executable, __file__, "--serve", str(checkout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for checkout in (before, ROOT)
    ]

    def one(side: subprocess.Popen[str], source: str, call: str, times: int, events: bool) -> float:
        assert side.stdin is not None
        assert side.stdout is not None
        print(
            json.dumps({"source": source, "call": call, "times": times, "events": events}), file=side.stdin, flush=True
        )
        return float(side.stdout.readline())

    programs = {name: (PROGRAMS[name], CALLS[name], 1, True) for name in PROGRAMS}
    programs |= {"short call": (SHORT, "f(8)", TIMES, True), "without events": (SHORT, "f(8)", TIMES, False)}
    found = {}
    for name, asked in programs.items():
        taken = [[one(side, *asked) for side in sides] for _ in range(rounds)]
        least = [min(times) for times in zip(*taken, strict=True)]
        found[name] = {
            "before": least[0],
            "now": least[1],
            "ratio": least[0] / least[1],
            "median_ratio": statistics.median(first / second for first, second in taken),
        }
    for side in sides:
        side.kill()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="the other checkout of this repository")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.checkout)
        return
    found = measure(arguments.checkout.resolve(), arguments.rounds)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, times in found.items():
        print(f"{name:>15} {1000 * times['before']:8.1f} ms before {1000 * times['now']:8.1f} ms now "
              f"{times['ratio']:5.2f} × as fast (median {times['median_ratio']:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
