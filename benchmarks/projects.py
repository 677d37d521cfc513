"""How far programs of several files are computed, and whether what is computed is so.

    python benchmarks/projects.py FOLDER [PACKAGE ...] [--calls N] [--json]

FOLDER holds projects with their tests, one a folder, as they lie on a disk: unpacked source distributions, small
applications; nothing is downloaded. Of each function the calls are looked for where the editor looks (doctests, tests,
other files), and those that do not get into it are left out as the editor leaves them out. The best one of at most N
functions of a project is evaluated, with the steps in all of the project's files, and recorded: the projects' code is
run here, by this Python, under the recorder's limits. Projects that the bundled model was trained on (`PACKAGES` and
`WATCHED` in `cwm_lsp/lab/corpus/collect.py`) are refused. CPython 3.11 gives the reference.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zlib import crc32

sys.path.insert(0, str(Path(__file__).parents[1]))

from packages import _NO_PART as NO_PART  # the same parts of a project are left out

from cwm_lsp.callers import callers
from cwm_lsp.errors import UserError
from cwm_lsp.evaluate import Around, Evaluation, Evaluator, Limits, Question
from cwm_lsp.lab.corpus import collect
from cwm_lsp.offering import Offering
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.source.calls import Call, candidates_of
from cwm_lsp.source.environment import layout
from cwm_lsp.source.files import read_source
from cwm_lsp.source.functions import Function, functions
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Event, Outcome, Trace

FOUND = ("doctest", "test", "main", "assertion", "caller")
COLUMNS = ("functions", "found", "made_up", "tried", "entered", "computed", "steps", "wrong")
SECONDS = 5.0
LARGEST = 300_000
"""Characters of a file that is looked at."""


@dataclass
class Row:
    """What came of one project."""

    project: str
    functions: int = 0
    found: int = 0
    """Functions with a call that was found."""
    made_up: int = 0
    """Functions with a call that was made up, and none found."""
    tried: int = 0
    """Functions of which a found call was recorded, if one may get into it."""
    entered: int = 0
    """Of those, calls that get into the function."""
    computed: int = 0
    """Of those, calls that are computed to their end, without a question."""
    steps: int = 0
    """Steps that are computed, in all files."""
    wrong: list[str] = field(default_factory=list)
    """Calls of which something computed differs from the run."""


def trained_on() -> frozenset[str]:
    """The packages that the bundled model has seen."""
    known = [*collect.PACKAGES, *collect.WATCHED]
    return frozenset(str(name).lower().replace("_", "-") for name in known)


def files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The code of a project, tests and examples left out."""
    for path in sorted(folder.rglob("*.py")):
        if not NO_PART.search(path.relative_to(folder).as_posix()):
            try:
                text = read_source(path)
            except UserError:
                continue
            if len(text) <= LARGEST:
                yield path, text


Found = tuple[Path, str, Function, list[Call]]
"""A function of a file, and the calls that were found of it, the best first."""


def found_calls(folder: Path, row: Row) -> list[Found]:
    """The functions that have any."""
    found: list[Found] = []
    for path, source in files(folder):
        wanted = functions(source)
        around = callers(str(path), [folder])
        row.functions += len(wanted)
        all_calls = candidates_of(wanted, source, path=str(path), tests=around.tests, callers=around.others)
        for function, calls in zip(wanted, all_calls, strict=True):
            those = [call for call in calls if call.origin in FOUND]
            if those:
                row.found += 1
                found.append((path, source, function, those))
            elif calls:
                row.made_up += 1
    return found


def evaluated(source: str, function: Function, call: str, module: str, around: Around) -> tuple[Trace, bool]:
    """The trace as far as it is computed, and whether that is to its end."""
    limits = Limits(seconds=SECONDS)
    evaluation = Evaluation(source, call, function.qualname, limits=limits, module=module, around=around)
    events: list[Event] = []
    asked = False
    for step in evaluation:
        if isinstance(step, Question):
            if set(step.unknown) == step.suggestions.keys() != set():  # all but the order of a set is known
                evaluation.answer(step.suggestions)
                continue
            asked = True
            break
        events.append(step)
    whole = not asked and evaluation.gave_up is None and evaluation.outcome is not None
    outcome = evaluation.outcome if whole and evaluation.outcome is not None else Outcome("truncated", detail="asked")
    guessed = any("predicted" in event.provenance.values() for event in events)
    trace = Trace(function.qualname, call, around.path, "predicted", source, tuple(events), outcome)
    return trace, whole and not guessed


def measure(folder: Path, most: int, pool: RecorderPool, evaluator: Evaluator) -> Row:
    """One project."""
    row = Row(folder.name)
    found = found_calls(folder, row)
    drawn = sorted(found, key=lambda one: crc32(f"{one[0].relative_to(folder)}:{one[2].qualname}".encode()))[:most]
    for path, source, function, calls in drawn:
        row.tried += 1
        place = layout(path, source)
        around = Around(str(path), sys.executable, str(place.root))
        try:
            call = Offering(source, function, place.module, around, evaluator).best(calls)
            recorded = pool.record(
                path,
                function.qualname,
                call.expression,
                python=Path(sys.executable),
                timeout=SECONDS,
                scope="workspace",
            )
            if not recorded.events:
                continue
            row.entered += 1
            predicted, whole = evaluated(source, function, call.expression, place.module, around)
        except (UserError, SyntaxError, ValueError, RecursionError):
            continue
        row.computed += whole
        row.steps += len(predicted.events)
        told = [one for one in compare(predicted, recorded) if one.computed]
        if told and recorded.outcome.kind in ("return", "exception"):
            where = f"{path.relative_to(folder)}:{function.qualname}"
            row.wrong.append(f"{where} {call.expression} line {told[0].line}: {told[0].predicted} / {told[0].actual}")
        print(".", end="", file=sys.stderr, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("package", nargs="*")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folders = [one for one in sorted(options.folder.resolve().iterdir()) if one.is_dir()]
    known = trained_on()
    rows: list[Row] = []
    evaluator = Evaluator()
    with RecorderPool() as pool:
        for folder in folders:
            if options.package and folder.name not in options.package:
                continue
            if folder.name.lower().replace("_", "-").rpartition("-")[0] in known or folder.name.lower() in known:
                print(f"{folder.name}: the bundled model was trained on it", file=sys.stderr)
                continue
            rows.append(measure(folder, options.calls, pool, evaluator))
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    total: Counter[str] = Counter()
    print(f"\n{'project':<24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for row in rows:
        numbers = {**asdict(row), "wrong": len(row.wrong)}
        counts = {name: numbers[name] for name in COLUMNS}
        total.update(counts)
        print(line(row.project, counts))
    print(line("all", total))
    for row in rows:
        for wrong in row.wrong:
            print(f"{row.project}: {wrong}")


def line(name: str, numbers: dict[str, int] | Counter[str]) -> str:
    """A row of the table."""
    return f"{name:<24}" + "".join(f"{numbers[column]:>10}" for column in COLUMNS)


if __name__ == "__main__":
    main()
