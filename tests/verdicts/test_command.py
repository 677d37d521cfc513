"""`cwm-lsp verify` as it is called: what it prints, keeps and exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.slow

SHOP = "def total(prices):\n    return sum(prices)\n"
TESTS = """\
import time

from shop import total


def test_total():
    assert total([1, 2]) == 3


def test_wrong():
    assert total([1]) == 2


def test_time():
    assert time.time() > 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "shop.py").write_text(SHOP)
    (folder / "test_shop.py").write_text(TESTS)
    return folder


def verify(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(project.parent / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "cwm_lsp", "verify", "--jobs", "1", *arguments],
        cwd=project, env=environment, capture_output=True, text=True, timeout=110,
    )  # fmt: skip


def rows(output: str) -> dict[str, dict[str, object]]:
    return {row["test"]: row for row in map(json.loads, output.splitlines())}


def test_json_and_junit(project: Path) -> None:
    done = verify(project, "--json", "--junit", "result.xml")
    assert done.returncode == 1
    found = rows(done.stdout)
    assert {test: row["verdict"] for test, row in found.items()} == {
        "test_shop.py::test_total": "pass",
        "test_shop.py::test_wrong": "fail",
        "test_shop.py::test_time": "unknown",
    }
    wrong = found["test_shop.py::test_wrong"]
    assert (wrong["path"], wrong["line"], wrong["expected"], wrong["actual"]) == ("test_shop.py", 10, "2", "1")
    assert "1 not known" in done.stderr
    assert "time.time()" in done.stderr
    suite = ElementTree.parse(project / "result.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")


def test_blanks_that_make_the_difference_are_told(project: Path) -> None:
    (project / "test_shop.py").write_text("def test_row():\n    assert 'ann  7' == 'ann   7'\n")
    assert "expected 'ann   7', found 'ann  7'" in verify(project).stdout


def test_what_was_kept_holds_until_something_changes(project: Path) -> None:
    first = verify(project, "--json")
    kept = next((project.parent / "cache").rglob("*.json"))
    kept.write_text(kept.read_text().replace('"fail"', '"unknown"'))
    assert '"fail"' not in verify(project, "--json").stdout
    (project / "shop.py").write_text(SHOP.replace("sum(prices)", "sum(prices) + 1"))
    again = rows(verify(project, "--json").stdout)
    assert rows(first.stdout)["test_shop.py::test_wrong"]["verdict"] == "fail"
    assert again["test_shop.py::test_wrong"]["verdict"] == "pass"
    assert again["test_shop.py::test_total"]["verdict"] == "fail"


def test_run(project: Path) -> None:
    done = verify(project, "--run", "-v", "--python", sys.executable)
    assert done.returncode == 1
    assert "2 verdicts were held against the run: 0 wrong" in done.stdout
    assert "test_time" in done.stdout
    assert "not known" not in done.stdout.replace("0 not known", "")


def test_parts_are_joined(project: Path) -> None:
    (project / "test_more.py").write_text("def test_more():\n    pass\n")
    parts = []
    for shard in ("1/2", "2/2"):
        part = project / f"{shard[0]}.jsonl"
        part.write_text(verify(project, "--json", "--shard", shard).stdout)
        parts += ["--merge", part.name]
    assert len({line for part in project.glob("*.jsonl") for line in part.read_text().splitlines()}) == 4
    merged = verify(project, "--json", *parts)
    assert merged.returncode == 1
    assert len(rows(merged.stdout)) == 4


def test_changed(project: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)

    (project / "test_other.py").write_text("def test_other():\n    pass\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    assert verify(project, "--changed").returncode == 5
    (project / "shop.py").write_text(SHOP + "\n")
    assert {test.partition("::")[0] for test in rows(verify(project, "--changed", "--json").stdout)} == {"test_shop.py"}


def test_one_test_by_its_id(project: Path) -> None:
    done = verify(project, "--json", "test_shop.py::test_total")
    assert list(rows(done.stdout)) == ["test_shop.py::test_total"]
    assert done.returncode == 0


def test_what_cannot_be(project: Path) -> None:
    for arguments in (["absent.py"], ["--shard", "3/2"], ["--merge", "absent.jsonl"], ["--changed"]):
        done = verify(project, *arguments)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
    (project / "test_shop.py").unlink()
    assert verify(project).returncode == 5


def test_what_never_ends_is_told_and_does_not_hold_up_the_rest(project: Path) -> None:
    (project / "shop.py").write_text(
        "def spin(n):\n    while n:\n        n ^= 0\n    return n\n\n\ndef deep(n):\n    return deep(n) + 1\n"
    )
    (project / "test_shop.py").write_text(
        "from shop import deep, spin\n\n\ndef test_spin():\n    assert spin(1) == 0\n\n\n"
        "def test_deep():\n    assert deep(1) == 0\n\n\ndef test_fine():\n    assert spin(0) == 0\n"
    )
    found = rows(verify(project, "--json").stdout)
    assert [row["verdict"] for row in found.values()] == ["fail", "fail", "pass"]
    assert "never ends" in str(found["test_shop.py::test_spin"]["reason"])
    assert found["test_shop.py::test_deep"]["reason"] == "RecursionError: maximum recursion depth exceeded"
    done = verify(project, "--json", "--run", "--timeout", "3")
    assert [row["verdict"] for row in rows(done.stdout).values()] == ["fail", "fail", "pass"]
    assert "3 verdicts were held against the run: 0 wrong" in done.stderr


def test_of_a_named_file_that_cannot_be_read_is_said_why(project: Path) -> None:
    (project / "broken.py").write_text("def f(:\n")
    done = verify(project, "broken.py")
    assert (done.returncode, "1 × does not parse" in done.stdout) == (2, True)
    (project / "other.py").write_bytes(b"\xff\xfe")
    done = verify(project, "other.py")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_what_lasts_after_a_test_is_not_its_fault(project: Path) -> None:
    """A thread keeps pytest from ending."""
    (project / "test_shop.py").write_text(
        "import threading, time\n\n\ndef test_thread():\n    threading.Thread(target=time.sleep, args=(60,)).start()\n"
    )
    done = verify(project, "test_shop.py", "--run", "--timeout", "5")
    assert done.stdout.startswith("1 pass, 0 fail"), done.stdout


def test_that_the_project_s_options_do_not_fit_is_told(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    done = verify(project, "--run", "--no-cache")
    assert done.returncode == 3
    assert "--no-such-option" in done.stderr
