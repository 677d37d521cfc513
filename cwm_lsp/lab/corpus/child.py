"""Foreign packages harvested in processes of their own: `python -m cwm_lsp.lab.corpus.child FOLDER PACKAGE` is one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from cwm_lsp.lab.corpus import harvest, seen


def run_child(folder: Path, package: str, out: Path, seconds: float, what: str = "doctests") -> int:
    """Harvest one package in a child process, its `doctests` or the calls `seen` in them and its tests; the number of
    documents."""
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(Path(__file__).parents[3])}
    # Doctests write files where they run.
    with tempfile.TemporaryDirectory() as scratch, out.open("w", encoding="utf-8") as file:
        child = [sys.executable, "-m", "cwm_lsp.lab.corpus.child"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(  # noqa: S603 - our own interpreter and module
                [*child, str(folder.resolve()), package, what, str(seconds)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                cwd=scratch,
                env=environment,
                check=False,
            )
    with out.open(encoding="utf-8") as file:
        return sum(1 for _ in file)


def _child(folder: str, package: str, what: str, seconds: str) -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, folder)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for row in seen.harvest(package, float(seconds) * 0.9) if what == "seen" else harvest.harvest(package):
        out.write(json.dumps(row) + "\n")
        out.flush()


if __name__ == "__main__":
    _child(*sys.argv[1:5])
