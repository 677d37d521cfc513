"""A recorded program does what it does alone: what it prints is the same, byte for byte."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

from cwm_lsp.record.recorder import Limits, RecorderPool

from .looks import PROGRAMS, made_up

pytestmark = pytest.mark.slow

VERSIONS = ["3.11", "3.13", *(pytest.param(v, marks=pytest.mark.long) for v in ("3.8", "3.9", "3.10", "3.12"))]


@pytest.fixture(params=VERSIONS)
def differs(request, pythons, pool: RecorderPool, tmp_path: Path):
    """What a program prints alone and recorded, where that is not the same."""
    if request.param not in pythons:
        pytest.skip(f"needs Python {request.param}")
    python = pythons[request.param]

    def run(name: str, source: str) -> tuple[str, str] | None:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source))
        alone = subprocess.run(
            [python, "-c", "import program; program.f()"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        printed: list[str] = []
        pool.record(
            path,
            "f",
            "f()",
            python=python,
            timeout=60,
            limits=Limits(events=1_000_000),
            on_output=lambda out, err: printed.append(out),
        )
        return None if printed[0] == alone.stdout and alone.returncode == 0 else (alone.stdout, printed[0])

    run.version = request.param
    return run


SOME = [
    "depth of the stack", "tracebacks", "reference counts", "the moment of the end", "locals", "evil reprs",
    "collections by the program", "metaclasses that look",
]  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if name in SOME else pytest.param(name, marks=pytest.mark.long) for name in PROGRAMS]
)
def test_what_looks_for_a_recorder_sees_none(name, differs):
    if name == "recursion that is caught on the way" and differs.version in ("3.9", "3.10"):
        pytest.skip("a call of a function in C, from the very last frame, passes")
    if name.startswith("limits ") and differs.version in ("3.8", "3.9", "3.10"):
        pytest.skip("a comparison from the very last frame passes")
    assert differs(name, PROGRAMS[name]) is None


def test_programs_of_chance_print_the_same(differs):
    different = {}
    for seed in range(8):
        found = differs(str(seed), made_up(seed))
        if found is not None:
            different[seed] = found
    assert different == {}
