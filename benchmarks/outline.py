"""The outline of files, with the calls that lenses offer: cold, and after edits, in processor time.

    python benchmarks/outline.py FOLDER FILE [FILE ...] [--beside CHECKOUT]

FOLDER is the project, whose tests are read. Edits are made at twelve of a file's `return` statements, one after the
other: within the `line`, a `new line`, and one that leaves the file `broken`; told are the median and the longest.
`--beside` does the same with another checkout, in turns, and gives the ratios too.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_RETURN = re.compile(r"(\s+)return\b(?!.*[(\[{\\]$)")
_EDITS: dict[str, Callable[[str, str], list[str]]] = {
    "line": lambda margin, line: [f"{margin}pass; {line.strip()}"],
    "new line": lambda margin, line: [f"{margin}pass", line],
    "broken": lambda margin, line: [f"{margin}return ("],
}


def measured(folder: Path, file: Path) -> dict[str, float]:
    """Seconds; in this process, which has outlined nothing yet."""
    from cwm_lsp.lsp.outline import outline
    from cwm_lsp.source.mending import mended

    def outlined(text: str) -> float:
        started = time.process_time()
        for _ in outline(mended(text), str(file), [folder]):
            pass
        return time.process_time() - started

    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")
    result: dict[str, float] = {"lines": len(lines), "cold": outlined(text)}
    places = [at for at, line in enumerate(lines) if _RETURN.match(line)]
    places = places[:: max(1, len(places) // 12)][:12]
    for kind, edit in _EDITS.items():
        taken = []
        for at in places:
            match = _RETURN.match(lines[at])
            assert match is not None
            taken.append(outlined("\n".join([*lines[:at], *edit(match[1], lines[at]), *lines[at + 1 :]])))
        result[kind] = statistics.median(taken)
        result[f"{kind}, longest"] = max(taken)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--beside", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--here", type=Path, default=Path(__file__).parents[1], help=argparse.SUPPRESS)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        sys.path.insert(0, str(given.here))
        print(json.dumps(measured(given.folder, given.files[0])))
        return
    for file in given.files:
        checkouts = [given.here, *([given.beside] if given.beside else [])]
        rounds: list[list[dict[str, float]]] = [[] for _ in checkouts]
        for _ in range(given.rounds):
            for of, checkout in zip(rounds, checkouts, strict=True):
                command = [sys.executable, __file__, str(given.folder), str(file), "--once", "--here", str(checkout)]
                of.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        print(f"{file} ({rounds[0][0].pop('lines'):.0f} lines), s:")
        for what in list(rounds[0][0]):
            best = [min(one[what] for one in of) for of in rounds]
            ratio = f", {best[0] / best[1]:.2f} × the other" if given.beside else ""
            print(f"  {what:18} {best[0]:.3f}{ratio}")


if __name__ == "__main__":
    main()
