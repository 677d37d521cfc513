"""The same trace on every Python: what the evaluator says in each (the host), against runs in each (the target).

    python benchmarks/versions.py [--host X.Y ...] [--target X.Y ...] [--programs N] [--of NAME ...] [--rows FILE]

Programs: those of `tests/programs/versions.md`, which versions have other steps for (`versions`), N of the other
annotated programs (`programs`), N of each of the random generators of the tests, and the calls of FILE (JSON lines
with `path`, `function` and `call`), if there is one. Each is recorded by every target, evaluated by
every host for every target, and what was computed is compared: steps, values and how the call ends.
Hosts and targets are the Pythons at hand, on the PATH or of pyenv: 3.10 and newer evaluate, 3.8 and newer run.

Told by host and target: calls, of which computed whole, of which wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome
from tests import annotated as annotations
from tests.evaluate import class_programs, layouts, suspended, wider
from tests.evaluate.recording import clean, differences

ROOT = Path(__file__).resolve().parents[1]
HOSTS, TARGETS = [(3, minor) for minor in range(10, 15)], [(3, minor) for minor in range(8, 15)]
EVENTS = 400
GENERATORS = {
    "classes": class_programs.program, "wider": wider.program, "layouts": layouts.program,
    "generators": suspended.generators, "coroutines": suspended.coroutines, "loops": suspended.loops,
}  # fmt: skip
OF = ("versions", "programs", *GENERATORS)
EVALUATE = """
import json, sys
from cwm_lsp.evaluate import Around, Evaluation, Limits, Question

for line in sys.stdin:
    row = json.loads(line)
    events, asked, outcome, gave_up = [], None, None, None
    try:
        evaluation = Evaluation(
            row["source"], row["call"], row["function"], limits=Limits(events=row["events"], seconds=10),
            module=row["module"], around=Around(row["path"], row["python"]),
        )
        for step in evaluation:
            if not isinstance(step, Question):
                events.append(step.to_json())
            elif step.suggestions:
                evaluation.answer(dict(step.suggestions))
            else:
                asked = len(events)
                break
        outcome, gave_up = evaluation.outcome, evaluation.gave_up
        evaluation.close()
    except SyntaxError:
        gave_up = "does not parse"
    print(json.dumps([events, asked, outcome.to_json() if outcome is not None else None, gave_up]), flush=True)
"""
CLOCK = """
import asyncio, math, selectors

class Clock(selectors.DefaultSelector):
    now = 0.0
    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout is None:
            raise SystemExit
        if not ready and timeout > 0:
            Clock.now += math.ceil(timeout * 1e3) * 1e-3
        return ready

def time(loop):
    Clock.now += 1e-9
    return Clock.now

selectors.DefaultSelector = Clock
asyncio.BaseEventLoop.time = time
"""
"""What runs are given instead of the time of day, on which the order of tasks hangs where the machine is busy."""


@dataclass(frozen=True)
class Row:
    """One call of a file."""

    path: Path
    function: str
    call: str


def pythons(versions: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Path]:
    """The interpreters at hand."""
    found = {}
    for major, minor in versions:
        places = [Path(folder, f"python{major}.{minor}") for folder in os.get_exec_path()]
        places += sorted((Path.home() / ".pyenv" / "versions").glob(f"{major}.{minor}.*/bin/python"))
        for path in places:
            if path.is_file() and "shims" not in path.parts:
                found[major, minor] = path
    if sys.version_info[:2] in versions:
        found[sys.version_info[0], sys.version_info[1]] = Path(sys.executable)
    return found


def write_programs(folder: Path, number: int, wanted: Sequence[str]) -> list[Row]:
    """The programs of the repository's own tests, as files."""
    annotated: list[annotations.Program] = []
    if "versions" in wanted:
        annotated += annotations.programs("versions").values()
    if "programs" in wanted and number:
        others = [
            one for name in annotations.features() if name != "versions" for one in annotations.programs(name).values()
        ]
        annotated += others[:: max(len(others) // number, 1)][:number]
    programs = [(f"annotated_{n}", one.source, one.function, one.call) for n, one in enumerate(annotated)]
    for name in (name for name in GENERATORS if name in wanted):
        write = GENERATORS[name]
        call = "f(2)" if name == "layouts" else "f()"
        before = "import clock\n" if name == "loops" else ""
        programs += [(f"{name}_{seed}", before + write(seed), "f", call) for seed in range(number)]
    rows = []
    for name, source, function, call in programs:
        path = folder / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        rows.append(Row(path, function, call))
    return rows


def read_rows(file: Path) -> list[Row]:
    """The calls of a file of JSON lines."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [Row(file.parent / row["path"], row["function"], row["call"]) for row in rows if not row.get("endless")]


def recorded(rows: Sequence[Row], python: Path, folder: Path) -> list[dict[str, Any]]:
    """What becomes of the calls when that Python runs them."""
    batch = folder / "rows.jsonl"
    batch.write_text(
        "".join(json.dumps({"path": str(r.path), "function": r.function, "call": r.call}) + "\n" for r in rows)
    )
    command = [sys.executable, "-m", "cwm_lsp", "record", "--batch", batch, "--json", "--python", python]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CWM_LSP_RECORD_MAX_EVENTS": str(EVENTS)}
    (folder / "clock.py").write_text(f"exec(compile({CLOCK!r}, '<clock>', 'exec'))\n", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    (folder / "clock.py").write_text("", encoding="utf-8")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(rows):
        sys.exit(f"{len(rows) - len(results)} calls were not recorded: {done.stderr.strip()}")
    return results


def evaluated(rows: Sequence[Row], host: Path, target: Path) -> list[Any]:
    """What the evaluator says of the calls in one Python, for another that would run them."""
    lines = [
        json.dumps({
            "source": row.path.read_text(encoding="utf-8"), "call": row.call, "function": row.function,
            "module": row.path.stem, "path": str(row.path), "python": str(target), "events": EVENTS,
        })
        for row in rows
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [host, "-c", EVALUATE], input="\n".join(lines), capture_output=True, text=True, env=environment, check=False
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(rows):
        sys.exit(f"{host} cannot evaluate {rows[len(results)].path}: {done.stderr.strip()[-500:]}")
    return results


def cleaned(events: Iterable[dict[str, Any]]) -> list[Event]:
    """Recorded events without addresses, which no two runs share."""
    found = []
    for event in map(Event.from_json, events):
        texts = {name: clean(text) for name, text in sorted(event.locals.items())}
        value = None if event.value is None else clean(event.value)
        found.append(Event(event.kind, event.line, event.depth, event.function, texts, value))
    return found


def ordered(events: Iterable[dict[str, Any]]) -> list[Event]:
    """Predicted events with their locals in the order of names: the order of appearance is no part of a trace."""
    return [Event.from_json({**event, "locals": dict(sorted((event["locals"] or {}).items()))}) for event in events]


def judge(run: dict[str, Any], said: Any) -> tuple[str, str]:
    """`whole`, `part` or `wrong`, and what is wrong; `none` where there is nothing to compare."""
    events, asked, outcome, gave_up = said
    if run["outcome"]["kind"] not in ("return", "exception"):
        return "none", ""
    real, told = cleaned(run["events"]), ordered(events)
    found = differences(real, told, asked)
    if found:
        return "wrong", found[0]
    if gave_up is not None or asked is not None or outcome is None:
        return "part", ""
    if any("predicted" in event.provenance.values() for event in told):
        return "part", ""
    ended, said_end = Outcome.from_json(run["outcome"]), Outcome.from_json(outcome)
    if said_end.cut is None and len(told) != len(real):
        return "wrong", f"{len(told)} steps, really {len(real)}"
    if ended.kind != said_end.kind or not same_exception(said_end.exception, ended.exception):
        return "wrong", f"ends with {said_end}\n  real {ended}"
    if ended.value is not None and said_end.value is not None and clean(ended.value) != clean(said_end.value):
        return "wrong", f"returns {said_end.value}\n  real {ended.value}"
    return "whole", ""


def same_exception(said: ExceptionInfo | None, real: ExceptionInfo | None) -> bool:
    """Whether an outcome names the real exception; a message that is not known is left out."""
    if said is None or real is None:
        return said is real
    return said == replace(real, message=real.message if said.message else "")


def version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def told(number: tuple[int, int]) -> str:
    return ".".join(map(str, number))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", type=version, nargs="+", default=HOSTS, metavar="X.Y", help="evaluate in these")
    parser.add_argument("--target", type=version, nargs="+", default=TARGETS, metavar="X.Y", help="run in these")
    parser.add_argument("--programs", type=int, default=20, metavar="N", help="so many of each kind of program")
    parser.add_argument("--of", nargs="+", default=OF, choices=OF, metavar="NAME", help=f"of {', '.join(OF)}")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="calls of more files")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="what is wrong with the first N calls")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    hosts, targets = pythons(options.host), pythons(options.target)
    counts: dict[str, dict[str, Counter[str]]] = {}
    wrong: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        rows = [
            *write_programs(folder, options.programs, options.of),
            *(read_rows(options.rows.resolve()) if options.rows else ()),
        ]
        for target, python in targets.items():
            runs = recorded(rows, python, folder)
            for host, own in hosts.items():
                found = [judge(run, said) for run, said in zip(runs, evaluated(rows, own, python), strict=True)]
                count = Counter(verdict for verdict, _ in found if verdict != "none")
                counts.setdefault(told(host), {})[told(target)] = count
                for row, (verdict, what) in zip(rows, found, strict=True):
                    if verdict == "wrong":
                        where = f"{told(host)} for {told(target)}"
                        wrong.setdefault(f"{row.path.name} {row.call}\n{what}", []).append(where)
                if not options.json:
                    print(f"evaluated in {told(host)}, run in {told(target)}: {count.total():4} calls, "
                          f"{count['whole']:4} whole, {count['wrong']:4} wrong", flush=True)  # fmt: skip
    if options.json:
        print(json.dumps({"counts": counts, "wrong": wrong}))
    else:
        missing = [told(item) for item in options.target if item not in targets]
        print(f"not at hand: {', '.join(missing)}" if missing else "")
        for what, where in [*wrong.items()][: options.show]:
            print(f"\nwrong in {', '.join(where)}: {what}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
