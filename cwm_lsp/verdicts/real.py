"""How tests really end: pytest and doctest, run in the user's interpreter. Only on an explicit command."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from cwm_lsp.errors import Cancelled, UnavailableError
from cwm_lsp.source.environment import interpreter, layout, project
from cwm_lsp.verdicts.configuration import configuration
from cwm_lsp.verdicts.verdict import Verdict, Word
from cwm_lsp.verdicts.workspace import File

INJECTED = Path(__file__).parent / "injected"
"""What is run in the user's interpreter: standard library only."""
OUT = "CWM_LSP_OUTCOMES"
"""The variable that names the file which outcomes are written to."""
TOLD = "CWM_LSP_TOLD"
"""The variable that names the file with the tests that have been run."""
FLAGS = "CWM_LSP_DOCTEST_FLAGS"
"""The variable that names the flags of doctests, with commas between."""
_NO_PYTEST = "No module named pytest"
_USAGE = 4
"""The exit code of pytest where it is not called as it should be, by the options of a project, too."""
_LOOK = 0.05
"""Seconds between two looks at a run."""
_COLLECTING = 60.0
"""Seconds that finding the tests may take."""


def outcomes(
    found: Sequence[File],
    here: Path,
    python: str | None,
    timeout: float,
    only: Mapping[str, Sequence[str]] = {},
    cancel: threading.Event | None = None,
) -> dict[tuple[str, str], tuple[Word, str]]:
    """Of each test that was run, by its file (absolute) and the rest of its id, whether it passed, and what was told.
    One that takes more than `timeout` seconds is ended, and has not passed. `only`: by file, its tests that are
    to be run, if not all.

    Raises UnavailableError where pytest cannot be run, Cancelled soon after `cancel` was set.
    """
    result: dict[tuple[str, str], tuple[Word, str]] = {}
    by_python: dict[Path, list[File]] = {}
    for file in found:
        by_python.setdefault(interpreter(file.path, Path(python) if python else None), []).append(file)
    for program, files in by_python.items():
        tests = [file for file in files if file.is_test]
        if tests:
            arguments = ["-m", "pytest", "-q", "-p", "cwm_lsp_outcomes", "-p", "no:cacheprovider"]
            for file in tests:
                arguments += [f"{file.path}::{test}" for test in only.get(str(file.path), ())] or [str(file.path)]
            rows = _run(program, arguments, tests[0], here, timeout, cancel)
            for row in rows:  # of set-up, call and tear-down, and of subtests: one that fails is enough
                if result.get((row["path"], row["test"]), ("pass", ""))[0] == "pass":
                    result[row["path"], row["test"]] = _told(row)
        for file in files:
            if ">>>" in file.text:
                name = layout(file.path, file.text).module
                flags = {FLAGS: ",".join(configuration(project(file.path)).doctest_flags)}
                rows = _run(program, [str(INJECTED / "doctests.py"), name], file, here, timeout, cancel, flags)
                result |= {(str(file.path), row["test"]): _told(row) for row in rows}
    return result


def _told(row: dict[str, str]) -> tuple[Word, str]:
    return ("pass" if row["verdict"] == "pass" else "fail"), row["told"]


def _run(
    program: Path, arguments: list[str], about: File, here: Path, timeout: float, cancel: threading.Event | None,
    variables: Mapping[str, str] = {},
) -> list[dict[str, str]]:  # fmt: skip
    """What is told of each test: begun anew without those that have been told of, until all have had their turn."""
    around = [*layout(about.path, about.text).sys_path, str(INJECTED), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(filter(None, around))}
    told: list[dict[str, str]] = []
    while True:
        with tempfile.TemporaryDirectory(prefix="cwm-lsp-") as folder:
            out = Path(folder, "outcomes.jsonl")
            done = Path(folder, "told.json")
            done.write_text(json.dumps([row.get("node", "") for row in told]), encoding="utf-8")
            environment |= {OUT: str(out), TOLD: str(done)}
            stopped = _watched([str(program), *arguments], here, environment, out, timeout, cancel)
            lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
        rows = [json.loads(line) for line in lines]
        told += [row for row in rows if row["verdict"] not in ("begun", "over")]
        if not stopped or not rows or rows[-1]["verdict"] == "over":
            return told
        told.append({**rows[-1], "verdict": "fail", "told": f"no end within {timeout:g} s"})
        if "node" not in rows[-1]:  # an example of a doctest: those after it are not known
            return told


def _watched(
    command: list[str],
    here: Path,
    environment: dict[str, str],
    out: Path,
    timeout: float,
    cancel: threading.Event | None,
) -> bool:
    """Run a command until it ends, or nothing has been written to `out` for `timeout` seconds: then it is ended, with
    all that it has started. Whether it was."""
    with tempfile.TemporaryFile(mode="w+", errors="replace") as errors:
        process = psutil.Popen(
            command, cwd=here, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        size, since = 0, time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(_LOOK)
                if cancel is not None and cancel.is_set():
                    raise Cancelled
                now = out.stat().st_size if out.exists() else 0
                if now != size:
                    size, since = now, time.monotonic()
                # Importing and collecting take their time, too.
                elif time.monotonic() - since > (timeout if size else max(timeout, _COLLECTING)):
                    return True
        finally:
            for each in [*process.children(recursive=True), process] if process.is_running() else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
        errors.seek(0)
        said = errors.read()
        if _NO_PYTEST in said:
            raise UnavailableError(f"{command[0]} has no pytest; install it there, or name another one by --python")
        if process.returncode == _USAGE and size == 0:
            told = [line for line in said.splitlines() if "error: " in line] or ["it does not say why"]
            why = told[0].rpartition("error: ")[2]
            raise UnavailableError(f"pytest does not run with the project's options: {why}")
    return False


def held_against(verdicts: Iterable[Verdict], found: Sequence[File],
                 real: dict[tuple[str, str], tuple[Word, str]]) -> list[Verdict]:  # fmt: skip
    """The verdicts, replaced by what the run told; what was predicted stays beside it."""
    paths = {file.shown: str(file.path) for file in found}
    result = []
    for verdict in verdicts:
        told = real.get((paths[verdict.path], verdict.test.removeprefix(f"{verdict.path}::")))
        if told is None:
            result.append(verdict)
        elif told[0] == verdict.verdict:
            result.append(replace(verdict, predicted=verdict.verdict))
        else:
            result.append(replace(verdict, verdict=told[0], reason=told[1], predicted=verdict.verdict))
    return result
