"""Fuzzing by one command: `python -m tests.fuzz [--minutes 10] [TARGET …]`.

Each target is tried for so long. What it fails on is made small, printed and added to `cases/`, where the short pass of
the test suite tries it from then on.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from .cases import add
from .targets import TARGETS, Target

HANGS = 60
"""Seconds after which an input counts as one that hangs."""


def fuzz(name: str, seconds: float) -> tuple[int, tuple[Any, str] | None]:
    """How many inputs were tried, and one that failed, with what it failed by."""
    until, tried, number = time.monotonic() + seconds, 0, time.time_ns()
    while time.monotonic() < until:
        number += 1
        more, failure = _round(TARGETS[name], number, until)
        tried += more
        if failure is not None:
            return tried, failure
    return tried, None


def _round(target: Target, number: int, until: float) -> tuple[int, tuple[Any, str] | None]:
    tried: list[Any] = []

    @seed(number)
    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )
    @given(target.strategy)
    def once(value: Any) -> None:
        if time.monotonic() < until + 60:
            tried.append(value)
            if hasattr(signal, "SIGALRM"):
                signal.alarm(HANGS)
            target.check(value)

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _hangs)
    try:
        once()
    except Exception:
        return len(tried), (tried[-1], traceback.format_exc())
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)
    return len(tried), None


def _hangs(*_: object) -> None:
    raise TimeoutError(f"no end within {HANGS} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="what is fuzzed (default: all)")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each of them")
    options = parser.parse_args()
    failed = 0
    for name in options.targets or TARGETS:
        tried, failure = fuzz(name, 60 * options.minutes)
        print(f"{name}: {tried:,} inputs, {'one failed' if failure else 'none failed'}", flush=True)
        if failure is not None:
            failed += 1
            value, trace = failure
            print(f"{trace[-3000:]}\n{ascii(value)[:2000]}", flush=True)
            add(name, value)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
