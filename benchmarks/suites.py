"""What recording a project's tests costs, and how many of its functions then have a call.

    python benchmarks/suites.py PROJECT [--python PYTHON] [--rounds N] [--json] [-- ARGS OF PYTEST]

PROJECT is a folder with tests, such as an unpacked source distribution. Its tests are run here, alone and recorded in
turn, N times each (default 3): the shortest processor times of both are compared, and the functions with a recorded
call that can be written with those of which reading the tests finds one. What is recorded is kept apart from what the
user has.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from projects import FOUND, files

from cwm_lsp.callers import callers
from cwm_lsp.record.store import TraceStore
from cwm_lsp.source.calls import candidates_of
from cwm_lsp.source.functions import functions


def seconds(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Processor time of a command and what it started, and its last line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = done.stdout.strip().splitlines() or [done.stderr[-200:]]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, lines[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    project = options.project.resolve()
    with tempfile.TemporaryDirectory() as state:
        kept = Path(state, "kept")
        os.environ["XDG_STATE_HOME"] = state
        around = os.pathsep.join([str(Path(__file__).parents[1]), str(project)])
        environment = {**os.environ, "PYTHONPATH": around, "CWM_LSP_RECORDINGS": str(kept)}
        pytest = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options.arguments]
        injected = str(Path(__file__).parents[1] / "cwm_lsp/record/injected")
        recorded = {**environment, "PYTHONPATH": os.pathsep.join([injected, str(project)])}
        alone, beside = [], []
        for _ in range(options.rounds):
            kept.mkdir(exist_ok=True)
            for old in kept.iterdir():
                old.unlink()
            alone.append(seconds(pytest, project, environment))
            beside.append(seconds([*pytest, "-p", "cwm_lsp_recording"], project, recorded))
        from cwm_lsp.record.suite import keep

        result = keep(kept)
        total = found = usable = either = 0
        for path, text in files(project):
            wanted = functions(text)
            near = callers(str(path), [project])
            offered = candidates_of(wanted, text, path=str(path), tests=near.tests, callers=near.others)
            has_found = {
                one.qualname
                for one, calls in zip(wanted, offered, strict=True)
                if any(c.origin in FOUND for c in calls)
            }
            has_recorded = set(TraceStore.of(str(path)).calls(str(path)))
            names = {one.qualname for one in wanted}
            total += len(names)
            found += len(has_found & names)
            usable += len(has_recorded & names)
            either += len((has_recorded | has_found) & names)
    row = {
        "project": project.name,
        "alone": round(min(alone)[0], 2),
        "recorded": round(min(beside)[0], 2),
        "ratio": round(min(beside)[0] / min(alone)[0], 2),
        "same": alone[-1][1].split(" in ")[0] == beside[-1][1].split(" in ")[0],
        "tests": beside[-1][1],
        "functions": total,
        "found": found,
        "recorded_usable": usable,
        "either": either,
        **{f"kept_{name}": count for name, count in result.to_json().items()},
    }
    if options.json:
        print(json.dumps(row))
        return
    print(f"{row['project']}: {row['tests']} ({'the same alone' if row['same'] else alone[-1][1] + ' alone'})")
    print(f"processor time {row['alone']} s alone, {row['recorded']} s recorded: {row['ratio']} ×")
    print(f"{total} functions: {found} with a call found by reading, {usable} with a recorded one that can be written,")
    print(f"{either} with one of the two; {result.functions} were recorded at all, {result.calls} calls")


if __name__ == "__main__":
    main()
