"""What a prediction of a hostile function takes of the machine: `python benchmarks/bounds.py [NAME ...] [--json]`.

Each of `tests/evaluate/hostile.txt` is predicted by `cwm-lsp predict` with the bundled model, as a person would; time
and memory are those of the command and all its processes together, the memory as of looks 20 ms apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.evaluate.hostile import CASES

MOST = 120.0
"""Seconds after which a command is ended and told as endless."""


def measured(source: str) -> dict[str, Any]:
    """One prediction: seconds, processor seconds, bytes, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "case.py")
        path.write_text(source, encoding="utf-8")
        command = [sys.executable, "-m", "cwm_lsp", "predict", f"{path}:f", "--call", "f()", "--json"]
        began = time.monotonic()
        with Path(folder, "out").open("w+") as out:
            process = psutil.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
            peak, used = 0, 0.0
            while process.poll() is None:
                memory, processor = taken(process)
                peak, used = max(peak, memory), max(used, processor)
                if time.monotonic() - began > MOST:
                    process.kill()
                time.sleep(0.02)
            seconds = time.monotonic() - began
            out.seek(0)
            text = out.read()
    outcome = json.loads(text)["outcome"] if text else {"kind": "nothing", "detail": None}
    said = outcome["detail"] or outcome["kind"]
    return {"seconds": round(seconds, 2), "processor": round(used, 2), "bytes": peak, "said": said}


def taken(process: psutil.Popen) -> tuple[int, float]:
    """Memory and processor time of a process and of those that it has started."""
    memory, processor = 0, 0.0
    try:
        for one in (process, *process.children(recursive=True)):
            memory += one.memory_info().rss
            times = one.cpu_times()
            processor += times.user + times.system
    except psutil.Error:
        pass
    return memory, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for name in options.names or CASES:
        results[name] = found = measured(CASES[name])
        if not options.json:
            megabytes = found["bytes"] / 1e6
            line = (
                f"{found['seconds']:7.2f} s {found['processor']:6.2f} s {megabytes:5.0f} MB  {name:24} {found['said']}"
            )
            print(line, flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for what, unit, scale in (("seconds", "s", 1), ("processor", "s of processor time", 1), ("bytes", "MB", 1e6)):
        worst = max(results, key=lambda name: results[name][what])
        print(f"worst of {len(results)}: {results[worst][what] / scale:.2f} {unit}, {worst}")


if __name__ == "__main__":
    main()
