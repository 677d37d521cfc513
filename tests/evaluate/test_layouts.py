"""Programs on any lines step as CPython 3.11 steps through them, whichever Python the evaluator itself runs in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Limits
from tests.evaluate import layouts
from tests.evaluate.recording import clean, compare, contradictions, evaluate, only_on_the_reference, record

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EVENTS = 1500
OTHERS = [(3, minor) for minor in (10, 12, 13, 14) if (3, minor) != sys.version_info[:2]]


def check(seed: int) -> None:
    source = layouts.program(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in ("f(2)", "f(0)"):
            try:
                recorded = record(source, call, "f", events=EVENTS)
            except SyntaxError:
                return
            evaluated = evaluate(source, call, "f", limits=Limits(events=EVENTS + 500))
            wrong = contradictions(recorded, evaluated, whole=not recorded.cut)
            assert not wrong, f"{source}\n{call}\n{wrong[0]}"
            assert "order of lines" not in (evaluated.gave_up or ""), f"{source}\n{call}\n{evaluated.gave_up}"


@only_on_the_reference
@pytest.mark.parametrize("seed", range(40))
def test_a_program_on_random_lines_is_traced_as_it_runs(seed: int) -> None:
    check(seed)


@only_on_the_reference
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("start", range(100, 2100, 100))
def test_many_programs_on_random_lines_are_traced_as_they_run(start: int) -> None:
    for seed in range(start, start + 100):
        check(seed)


def steps(source: str) -> list[tuple[str, int, int]]:
    """Kind, line and depth of each step of `f(2)`."""
    evaluated = evaluate(source, "f(2)", "f", limits=Limits(events=300))
    return [(event.kind, event.line, event.depth) for event in evaluated.events]


def interpreter(version: tuple[int, int]) -> str | None:
    """A Python of that version on this machine."""
    names = [f"python{version[0]}.{version[1]}"]
    found = [Path(folder) / name for folder in os.get_exec_path() for name in names]
    found += (Path.home() / ".pyenv" / "versions").glob(f"{version[0]}.{version[1]}.*/bin/python")
    for path in found:
        if path.is_file():
            seen = subprocess.run(
                [path, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
            )
            if seen.stdout.split() == [str(part) for part in version]:
                return str(path)
    return None


STEP = """
import json, sys
from cwm_lsp.evaluate import Around, Evaluation, Limits, Question
traces = []
around = Around(*sys.argv[1:])
for source in json.load(sys.stdin):
    evaluation = Evaluation(source, "f(2)", "f", limits=Limits(events=300), module="evaluated_module", around=around)
    events = []
    for step in evaluation:
        if isinstance(step, Question):
            if not step.suggestions:
                break
            evaluation.answer(dict(step.suggestions))
        else:
            events.append((step.kind, step.line, step.depth))
    traces.append(events)
print(json.dumps(traces))
"""


@only_on_the_reference
@pytest.mark.parametrize("version", OTHERS, ids=lambda version: ".".join(map(str, version)))
def test_the_steps_are_the_same_in_another_python(version: tuple[int, int], tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip("that Python is not here")
    sources = []
    for seed in range(30):
        source = layouts.program(seed)
        try:
            compile(source, "<layout>", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        sources.append(source)
    command = [python, "-W", "ignore", "-c", STEP, tmp_path / "evaluated_module.py", sys.executable]
    done = subprocess.run(
        command, input=json.dumps(sources), capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False,
    )  # fmt: skip
    assert not done.returncode, clean(done.stderr)
    for source, trace in zip(sources, json.loads(done.stdout), strict=True):
        assert [tuple(step) for step in trace] == steps(source), source


TRUTHS = """
class Empty:
    def __len__(self):
        return 0
def f():
    a = Empty()
    b = (a and 1) or 2
    c = ((a and 1)
         or 2)
    d = not (a or a)
    e = (a and a) and a
    g = (a or
         a) and a
    h = (1 and (a or a)) or 3
    if (a and 1) or (a or 2) and 3:
        b = 1
    return b, c
"""


@only_on_the_reference
def test_the_truth_of_a_value_is_asked_for_as_often_as_compiled_code_does() -> None:
    comparison = compare(TRUTHS, "f()", "f")
    assert comparison.complete, comparison.wrong or comparison.gave_up
