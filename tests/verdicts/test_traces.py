"""Predictions of test functions that use pytest are held against runs of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = """\
import pytest


def total(prices):
    return sum(prices)


def test_total():
    a = total([1, 2])
    assert a == 4


@pytest.mark.parametrize("n", [1, 2])
def test_row(n):
    assert total([n]) == n


def test_raises():
    with pytest.raises(TypeError) as caught:
        total(["a"])
    assert "int" in str(caught.value)


def test_approx():
    near = pytest.approx(3.0)
    assert total([1.5, 1.5]) == near


def test_skipped():
    mark = pytest.mark.skip
    pytest.skip("not today")


def test_not_raised():
    with pytest.raises(ValueError):
        total([1])
"""


def test_what_is_known_of_tests_is_right(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TESTS)
    calls = ["test_total()", "test_row(2)", "test_raises()", "test_approx()", "test_skipped()", "test_not_raised()"]
    rows = [{"path": "test_shop.py", "function": call.partition("(")[0], "call": call} for call in calls]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "cwm_lsp", "compare", "--batch", "calls.jsonl", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["divergences"] for row in told] == [[]] * len(calls), done.stderr
    outcomes = [row["predicted"]["outcome"]["kind"] for row in told]
    assert outcomes[:-1] == ["exception", "return", "return", "return", "exception"]
    # Whether it fails is known, and in which words is not: they differ from version to version.
    assert outcomes[-1] not in ("return", "exception")
