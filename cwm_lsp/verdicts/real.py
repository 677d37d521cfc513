"""How tests really end: pytest and doctest, run in the user's interpreter. Only on an explicit command."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from cwm_lsp.errors import UnavailableError
from cwm_lsp.source.environment import interpreter, layout
from cwm_lsp.verdicts.verdict import Verdict, Word
from cwm_lsp.verdicts.workspace import File

INJECTED = Path(__file__).parent / "injected"
"""What is run in the user's interpreter: standard library only."""
OUT = "CWM_LSP_OUTCOMES"
"""The variable that names the file which outcomes are written to."""
_NO_PYTEST = "No module named pytest"


def outcomes(found: Sequence[File], here: Path, python: str | None) -> dict[tuple[str, str], tuple[Word, str]]:
    """Of each test that was run, by its file (absolute) and the rest of its id, whether it passed, and what was told.

    Raises UnavailableError where pytest cannot be run.
    """
    result: dict[tuple[str, str], tuple[Word, str]] = {}
    by_python: dict[Path, list[File]] = {}
    for file in found:
        by_python.setdefault(interpreter(file.path, Path(python) if python else None), []).append(file)
    for program, files in by_python.items():
        tests = [file for file in files if file.is_test]
        if tests:
            arguments = ["-m", "pytest", "-q", "-p", "cwm_lsp_outcomes", "-p", "no:cacheprovider"]
            rows = _run(program, [*arguments, *(str(file.path) for file in tests)], tests[0].path, tests[0].text, here)
            for row in rows:  # of set-up, call and tear-down, and of subtests: one that fails is enough
                if result.get((row["path"], row["test"]), ("pass", ""))[0] == "pass":
                    result[row["path"], row["test"]] = _told(row)
        for file in files:
            if ">>>" in file.text:
                name = layout(file.path, file.text).module
                rows = _run(program, [str(INJECTED / "doctests.py"), name], file.path, file.text, here)
                result |= {(str(file.path), row["test"]): _told(row) for row in rows}
    return result


def _told(row: dict[str, str]) -> tuple[Word, str]:
    return ("pass" if row["verdict"] == "pass" else "fail"), row["told"]


def _run(program: Path, arguments: list[str], path: Path, text: str, here: Path) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="cwm-lsp-") as folder:
        out = Path(folder, "outcomes.jsonl")
        around = [*layout(path, text).sys_path, str(INJECTED), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, OUT: str(out), "PYTHONPATH": os.pathsep.join(filter(None, around))}
        done = subprocess.run(  # noqa: S603 # the user asked for it
            [str(program), *arguments], cwd=here, env=environment, capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if _NO_PYTEST in done.stderr:
            raise UnavailableError(f"{program} has no pytest; install it there, or name another one by --python")
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return [json.loads(line) for line in lines]


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
