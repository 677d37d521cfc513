"""Newer Pythons compile to other instructions and lines; recorded, a program is what it is on 3.11."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.record import inprocess
from cwm_lsp.source.functions import find

from .constructs import DIFFERENT, SAME
from .spread import spread
from .test_changes import program

pytestmark = pytest.mark.slow

NEWER = ["3.12", "3.13"]
Job = tuple[str, str, tuple[str, int]]


@pytest.fixture(scope="module")
def records(pythons):
    """Records jobs with an interpreter: each one's records."""
    folder = Path(inprocess.__file__).parent

    def run(version: str, jobs: list[Job]) -> list[list]:
        if version not in pythons:
            pytest.skip(f"needs Python {version}")
        done = subprocess.run(
            [pythons[version], Path(__file__).with_name("elsewhere.py"), folder],
            input="".join(json.dumps(job) + "\n" for job in jobs),
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": "0"},
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def job(source: str) -> Job:
    return source, "f(1, 2)", ("f", find(source, "f", "program.py").first_line)


@pytest.mark.parametrize("version", NEWER)
def test_constructs_over_several_lines_are_recorded_as_on_3_11(version, records):
    jobs = [job(source) for source in SAME.values()]
    expected, found = records("3.11", jobs), records(version, jobs)
    assert [name for name, a, b in zip(SAME, expected, found, strict=True) if a != b] == []
    assert all(end[-1][1]["kind"] == "return" for end in expected)


def test_what_is_different_is_known(pythons, records):
    """Where this fails, something has become the same: tell so in docs/recording.md."""
    jobs = [job(source) for source in DIFFERENT.values()]
    expected = records("3.11", jobs)
    newer = [records(version, jobs) for version in NEWER if version in pythons]
    if len(newer) < 2:
        pytest.skip("needs two newer Pythons")
    same = [
        name
        for name, trace, *others in zip(DIFFERENT, expected, *newer, strict=True)
        if [trace] * len(others) == others
    ]
    assert same == []


def chance(seeds: range) -> list[Job]:
    sources = [program(seed) for seed in seeds]
    return [(source, "f()", ("f", source[: source.index("def f()")].count("\n") + 1)) for source in sources]


@pytest.mark.parametrize("version", ["3.10", *NEWER])
@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 600), marks=pytest.mark.long)])
def test_programs_of_chance_are_recorded_as_on_3_11(version, seeds, records):
    jobs = chance(seeds)
    expected, found = records("3.11", jobs), records(version, jobs)
    assert [seed for seed, a, b in zip(seeds, expected, found, strict=True) if a != b] == []


RUNAWAY = {
    "through all": "def f(a, b):\n    return f(a + 1, b)\n",
    "caught outside": """
def g(n):
    return g(n + 1)

def f(a, b):
    try:
        g(a)
    except RecursionError:
        a = [i for i in range(2)]
    return a
""",
    "in attributes": """
class A:
    def __getattr__(self, name):
        return getattr(self, name + "x")

def f(a, b):
    try:
        A().a
    except RecursionError:
        a = 1
    return a
""",
}


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13"])
@pytest.mark.parametrize("name", RUNAWAY)
def test_runaway_recursion_is_recorded_to_its_end(name, version, records):
    """Only how deep it goes depends on the version."""
    (expected,), (found,) = records("3.11", [job(RUNAWAY[name])]), records(version, [job(RUNAWAY[name])])

    def outer(recorded: list) -> list:
        shallow = [record for record in recorded[:-1] if record[1] < 50]
        return [record[:3] if record[0] == "e" else record for record in shallow if "error" not in str(record[3:])]

    assert outer(found) == outer(expected)
    assert found[-1][1]["kind"] == expected[-1][1]["kind"]
    assert max(record[1] for record in found[:-1]) > 300


def cruxeval() -> Path:
    return Path(__file__).parents[2].parent / "shared" / "data" / "cruxeval.jsonl"


@pytest.mark.long
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="`spread` reads f-strings as one token")
@pytest.mark.skipif(not cruxeval().exists(), reason="the CRUXEval rows are not here")
@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize(("style", "most"), [("as they are", 0), ("commas", 0), ("operators", 0), ("everywhere", 1)])
def test_800_programs_spread_over_lines_are_recorded_as_on_3_11(style, most, version, records):
    jobs = []
    for line in cruxeval().read_text().splitlines():
        row = json.loads(line)
        source = row["code"] if style == "as they are" else spread(row["code"], style)
        function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "f")
        jobs.append((source, f"f({row['input']})", ("f", function.lineno)))
    expected, found = records("3.11", jobs), records(version, jobs)
    different = [number for number, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b]
    assert len(different) <= most, different
