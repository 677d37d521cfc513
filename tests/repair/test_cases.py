"""Tests made of what a function does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.repair.cases import cases
from cwm_lsp.search.loop import Budget
from cwm_lsp.source.functions import find
from tests.search.trying import attempt_in

pytestmark = pytest.mark.slow

GRADE = """\
def grade(points: int) -> str:
    if points > 100:
        raise ValueError(points)
    if points >= 90:
        return "A"
    return "B"
"""


def test_rows_pass_and_tell_mutants_apart(tmp_path: Path) -> None:
    (tmp_path / "school.py").write_text(GRADE)
    command = [sys.executable, "-m", "cwm_lsp", "tests", "school.py:grade", "--seconds", "30"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Confirm each row" in done.stdout
    (tmp_path / "test_school.py").write_text(done.stdout)

    def failed() -> bool:
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_school.py"]
        return subprocess.run(pytest, cwd=tmp_path, capture_output=True, timeout=120).returncode == 1

    assert not failed()
    for old, new in ((">= 90", "> 90"), ("> 100", ">= 100"), ('"B"', '"C"'), ("ValueError", "KeyError")):
        (tmp_path / "school.py").write_text(GRADE.replace(old, new))
        assert failed(), new


ROW = """\
class Row:
    def __init__(self, cells: list[int]):
        self.cells = cells

    def first(self) -> int:
        return self.cells[0]
"""


def test_methods_of_objects_that_are_made_of_lists() -> None:
    function = find(ROW, "Row.first", "")
    found = cases(ROW, function, attempt_in(ROW, "Row.first"), ["Row([3, 4]).first()"], Budget(60, 60, 60))
    assert {one.outcome.kind for one in found} == {"return", "exception"}


SHAPES = """\
import re
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass
class Point:
    x: int


class Box:
    def __init__(self, n: int) -> None:
        self.n = n


def move(p: Point, by: int) -> Point:
    if by > 10:
        raise ValueError(by)
    return Point(p.x + by)


def boxed(n: int) -> Box:
    if n < 0:
        raise ValueError(n)
    return Box(n)


def later(day: date, n: int) -> date:
    return day + timedelta(days=n)


def pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
"""


def test_what_is_no_literal_has_rows_too(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(SHAPES)
    for name in ("move", "boxed", "later", "pattern"):
        command = [sys.executable, "-m", "cwm_lsp", "tests", f"shapes.py:{name}", "--seconds", "3"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert "returns(" in done.stdout or "shows(" in done.stdout, done.stdout
        assert "raises(" in done.stdout
        (tmp_path / f"test_{name}.py").write_text(done.stdout)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(pytest, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout
