"""A long recorded run, kept, opened in a debug session and stepped through: seconds of processor time, and memory.

Usage: python benchmarks/replay.py [--events 50000]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.dap.program import Program
from cwm_lsp.dap.walk import Walk
from cwm_lsp.debugger import Debugger
from cwm_lsp.record.store import TraceStore
from cwm_lsp.settings import Settings
from cwm_lsp.trace.events import Event, Outcome, Trace

SOURCE = "def f(n):\n    for i in range(n):\n        total = i * i\n"
STEPS = 2000


def made(path: Path, count: int) -> Trace:
    """A run whose every event has five locals, some of which are new."""
    events = []
    for n in range(count):
        texts = {"n": str(count), "i": str(n), "total": str(n * n), "seen": str([*range(n % 9)]), "name": "'a name'"}
        events.append(Event("line", 2 + n % 2, 0, "f", texts, provenance=dict.fromkeys(texts, "recorded")))
    return Trace("f", f"f({count})", str(path), "recorded", SOURCE, tuple(events), Outcome("timeout", detail="cut"))


def opened(folder: Path) -> None:
    """What a session does, in a process of its own."""
    began = time.process_time()
    trace = TraceStore(folder, folder).trace(str(folder / "long.py"), "f", sys.argv[3], SOURCE)
    assert trace is not None
    program = Program(trace, Debugger(Settings(), lambda: None))  # type: ignore[arg-type, return-value]
    seconds = time.process_time() - began
    times = []
    for number in range(STEPS):
        began = time.process_time()
        program.at = Walk.over(program.walk, program.at) if number % 2 else Walk.back(program.walk, program.at)
        times.append(time.process_time() - began)
    times.sort()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{len(trace.events):,} events: opened in {seconds:.2f} s with {megabytes} MB in all, "
          f"a step {1000 * times[STEPS * 99 // 100]:.3f} ms (p99)")  # fmt: skip


def main() -> None:
    if sys.argv[1:2] == ["--opened"]:
        opened(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        TraceStore(folder, folder).add(made(folder / "long.py", count))
        subprocess.run([sys.executable, __file__, "--opened", name, f"f({count})"], check=True)


if __name__ == "__main__":
    main()
