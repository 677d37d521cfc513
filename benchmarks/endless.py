"""What it costs to prove that loops never end, where they do end: `python benchmarks/endless.py [--rounds N]`.

The programs of `peers`, a `while` loop and a short call are evaluated with the proof and without, in turns in one
process, with events and without; the figures are the least processor time of the rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.before import SHORT
from benchmarks.peers import CALLS, PROGRAMS
from cwm_lsp.evaluate import Evaluation, Limits, Program, endless

WHILE = """\
def f(n):
    a, b, seen = 0, 1, []
    while len(seen) < n:
        a, b = b, (a * 3 + b) % 1009
        seen.append(a)
    return seen
"""
LIMITS = Limits(events=10**6, seconds=60)
NEVER = 10**12
"""Rounds of a loop after which its states are looked at, to switch that off."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    programs = {name: (PROGRAMS[name], CALLS[name]) for name in PROGRAMS}
    programs |= {"while": (WHILE, "f(1500)"), "short": (SHORT, "f(300)")}
    first = endless.FIRST
    for events in (True, False):
        for name, (source, call) in programs.items():
            calls = {proving: Program(source) for proving in (True, False)}
            taken: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(rounds):
                for proving, times in taken.items():
                    endless.FIRST = first if proving else NEVER
                    began = time.process_time()
                    if events:
                        list(Evaluation(source, call, "f", limits=LIMITS))
                    else:
                        calls[proving].call(call, "f", limits=LIMITS)
                    times.append(time.process_time() - began)
            with_it, without = min(taken[True]), min(taken[False])
            print(f"{'events' if events else 'no events':>9} {name:>9}  {1000 * with_it:7.1f} ms with the proof "
                  f"{1000 * without:7.1f} ms without  {100 * (with_it / without - 1):+.1f} %", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
