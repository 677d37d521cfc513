"""The benchmark of GPUs, on what there is: the same code with a tiny model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_all_of_it_runs_and_the_plan_holds(tmp_path):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    told = tmp_path / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--small", "--seconds", "40", "--json", str(told)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    report = json.loads(told.read_text())
    assert [one["method"] for one in report["methods"]] == ["bf16", "int8", "nf4"]
    for one in report["methods"]:
        memory = one["memory"]
        assert memory["key_values"] == memory["key_values_planned"]
        assert abs(memory["weights"] / memory["weights_planned"] - 1) < 0.05
        assert {(row["past"], row["tokens"]) for row in one["passes"]} >= {(1, 1), (1, 8)}
        assert all(row["seconds"] > 0 and row["limit_seconds"] > 0 for row in one["passes"])
        assert f"| {one['method']} |" in done.stdout
    decoding = [one["decoding"] for one in report["methods"] if "decoding" in one]
    assert decoding  # of the others, perhaps, there was no time for it
    for one in decoding:
        assert one["four_at_once"]["events"] >= one["one"]["events"] > 1
        assert one["reading"]["tokens"] > 500
