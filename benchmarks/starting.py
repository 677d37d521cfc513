"""How long until it is there: `python benchmarks/starting.py [--runs N]`.

`cwm-lsp --help`, and the language server's answer to `initialize`, beside `python -c pass`, in alternation; the medians
in milliseconds, and as multiples of the last. Then the size of what is installed: the package, and the model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cwm_lsp

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}}


def ran(*arguments: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def ready() -> float:
    """Seconds until the server has answered `initialize`."""
    body = json.dumps(INITIALIZE).encode()
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "cwm_lsp", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        assert server.stdout.readline().startswith(b"Content-")
        seconds = time.perf_counter() - begun
        server.kill()
    return seconds


MEASURED: dict[str, Callable[[], float]] = {
    "python -c pass": lambda: ran("-c", "pass"),
    "cwm-lsp --help": lambda: ran("-m", "cwm_lsp", "--help"),
    "server ready": ready,
}


def size(folder: Path, pattern: str = "**/*") -> float:
    """Megabytes."""
    files = (path for path in folder.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="of each, after one that does not count (default 10)")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in MEASURED}
    for _ in range(runs + 1):
        for name, measure in MEASURED.items():
            times[name].append(measure())
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:<16}{1e3 * median:6.0f} ms{median / medians['python -c pass']:7.1f} ×")
    package = Path(cwm_lsp.__file__).parent
    model = size(package / "bundled")
    print(f"package {size(package) - model:.1f} MB, model {model:.1f} MB")


if __name__ == "__main__":
    main()
