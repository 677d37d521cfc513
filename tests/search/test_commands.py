"""`crashes`, `find` and `diff` as they are called: what they print, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cwm_lsp.search.sarif import sarif

pytestmark = pytest.mark.slow

SHOP = """\
def average(prices: list[float]) -> float:
    return sum(prices) / len(prices)


def first(prices: list[float]) -> float:
    return prices[0]  # cwm: ignore


def grade(points: int) -> str:
    return "A" if points > 90 else "B"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cwm_lsp", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_crashes_are_told_confirmed_and_counted(shop: Path) -> None:
    done = run(shop, "crashes", "shop.py", "--json", "--verify")
    assert done.returncode == 1, done.stderr
    [row] = rows(done)
    assert row["path"] == "shop.py"
    assert (row["function"], row["line"], row["call"]) == ("average", 2, "average([])")
    assert row["exception"] == {"type": "ZeroDivisionError", "message": "division by zero"}
    assert row["provenance"] == "computed"
    assert row["confirmed"] is True
    assert "calls of 3 functions, gave up on 0" in done.stderr


def test_what_was_kept_holds_until_something_changes(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(shop / ".cache"))
    (shop / "rates.py").write_text("def rate() -> int:\n    return 1\n")
    source = "from rates import rate\n\n\ndef share(n: int) -> float:\n    return n / rate()\n"
    (shop / "share.py").write_text(source)
    first = run(shop, "crashes", "--json")
    [kept] = [path for path in (shop / ".cache").rglob("*.json") if "average" in path.read_text()]
    kept.write_text(kept.read_text().replace("division by zero", "as kept"))
    again = run(shop, "crashes", "--json")
    assert [row["exception"]["message"] for row in rows(first)] == ["division by zero"]
    assert [row["exception"]["message"] for row in rows(again)] == ["as kept"]
    assert [row["exception"]["message"] for row in rows(run(shop, "crashes", "--json", "--no-cache"))] != ["as kept"]
    (shop / "rates.py").write_text("def rate() -> int:\n    return 0\n")
    assert {row["function"] for row in rows(run(shop, "crashes", "--json"))} == {"average", "share"}


def test_parts_are_joined(shop: Path) -> None:
    (shop / "more.py").write_text("def last(xs: list[int]) -> int:\n    return xs[-1]\n")
    parts: list[str] = []
    for shard in ("1/2", "2/2"):
        done = run(shop, "crashes", "--json", "--shard", shard)
        assert len(rows(done)) == 1
        (shop / f"{shard[0]}.jsonl").write_text(done.stdout)
        parts += ["--merge", f"{shard[0]}.jsonl"]
    whole = run(shop, "crashes", "--json")
    merged = run(shop, "crashes", "--json", *parts)
    assert merged.returncode == 1
    assert sorted(rows(merged), key=str) == sorted(rows(whole), key=str)
    assert len(json.loads(run(shop, "crashes", "--sarif", *parts).stdout)["runs"][0]["results"]) == 2
    assert run(shop, "crashes", "--merge", "shop.py").returncode == 2


def test_a_folder_is_searched_by_several_at_once(shop: Path) -> None:
    (shop / "more").mkdir()
    (shop / "more" / "last.py").write_text("def last(xs: list[int]) -> int:\n    return xs[-1]\n")
    (shop / "test_shop.py").write_text("def test_first(x):\n    assert x[0]\n")
    done = run(shop, "crashes", "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert "shop.py:2: ZeroDivisionError when called as average([]): division by zero" in done.stdout
    assert "IndexError when called as last([])" in done.stdout
    assert "test_shop" not in done.stdout


def test_nothing_found(shop: Path) -> None:
    (shop / "fine.py").write_text("def f(n: int) -> int:\n    return n + 1\n")
    done = run(shop, "crashes", "fine.py")
    assert (done.returncode, done.stdout) == (0, "")


def test_files_that_are_not_there_are_no_crashes(tmp_path: Path) -> None:
    (tmp_path / "reading.py").write_text(
        "def read(path: str) -> str:\n    with open(path) as file:\n        return file.read()\n"
    )
    done = run(tmp_path, "crashes", "reading.py")
    assert (done.returncode, done.stdout) == (0, "")


def test_that_there_is_nothing_to_search_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "crashes", str(tmp_path))
    assert (done.returncode, "no function to search" in done.stderr) == (0, True)


def test_what_cannot_be_done(shop: Path) -> None:
    (shop / "broken.py").write_text("def f(:\n")
    assert run(shop, "crashes", "absent.py").returncode == 2
    done = run(shop, "crashes", "broken.py")
    assert done.returncode == 2
    assert "syntax error" in done.stderr


MODELS = """\
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    BOOK = 1
    FOOD = 2


@dataclass
class Named:
    name: str


@dataclass
class Item(Named):
    kind: Kind
    count: int = 1
"""
CARTS = """\
from . import models


class Cart(models.Named):
    pass


class Full:
    def __init__(self, items: list[models.Item], owner: models.Named) -> None:
        self.items, self.owner = items, owner
"""
PAYING = """\
from __future__ import annotations

from typing import TYPE_CHECKING

from shop.carts import Full
from shop import carts

if TYPE_CHECKING:
    from shop.models import Kind


def pay(cart: Full) -> float:
    return 10 / cart.items[0].count


def owner(cart: carts.Cart) -> str:
    return cart.name[0]


def priced(kind: Kind) -> int:
    return {"BOOK": 1}[kind.name]
"""


@pytest.mark.parametrize(
    "function, kind, call",
    [
        ("pay", "ZeroDivisionError", "pay(Full(["),
        ("owner", "IndexError", "owner(carts.Cart(name=''))"),
        ("priced", "KeyError", "from shop.models import Kind; priced(Kind.FOOD)"),
    ],
    ids=["of parts", "inherited", "not imported"],
)
def test_objects_of_classes_of_other_files_are_made_up(tmp_path: Path, function: str, kind: str, call: str) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "shop").mkdir()
    for name, text in (("__init__", ""), ("models", MODELS), ("carts", CARTS)):
        (tmp_path / "shop" / f"{name}.py").write_text(text)
    (tmp_path / "paying.py").write_text(PAYING)
    done = run(tmp_path, "find", f"paying.py:{function}", "--raises", kind)
    assert done.returncode == 0, done.stderr
    assert call in done.stdout


def test_that_an_object_cannot_be_made_up_is_said(shop: Path) -> None:
    (shop / "cart.py").write_text("class Cart:\n    def __init__(self, of: 'Unknown') -> None:\n        pass\n")
    (shop / "pay.py").write_text("from cart import Cart\n\n\ndef pay(cart: Cart) -> int:\n    return 1\n")
    done = run(shop, "find", "pay.py:pay", "--raises")
    assert done.returncode == 2
    assert "Cart is imported, and how its objects are made is not known" in done.stderr


def test_a_name_that_is_no_exception_is_refused(shop):
    done = run(shop, "find", "shop.py:grade", "--raises", "ValeuError")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ValeuError is no exception that is known here; ValueError?" in done.stderr


def test_the_log_for_other_tools() -> None:
    row = {
        "path": "src/a b.py", "function": "f", "line": 2, "call": "f([])", "provenance": "computed", "confirmed": True,
        "exception": {"type": "IndexError", "message": "list index out of range"},
        "message": "IndexError when called as f([]): list index out of range", "text": "return xs[0]",
    }  # fmt: skip
    log = sarif([row], "1.2.3", Path.cwd())
    [only] = log["runs"]
    [result] = only["results"]
    assert (log["version"], only["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]) == ("2.1.0", result["ruleId"])
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "SRCROOT"}, "region": {"startLine": 2}}
    assert only["originalUriBaseIds"]["SRCROOT"]["uri"].endswith("/")


def test_finding_a_call(shop: Path) -> None:
    done = run(shop, "find", "shop.py:grade", "--returns", "'A'")
    assert (done.returncode, done.stdout) == (0, "grade(91)  returns 'A'\n")
    done = run(shop, "find", "shop.py:grade", "--raises", "--json")
    assert done.returncode == 1
    assert rows(done)[0]["call"] is None
    assert run(shop, "find", "shop.py:grade").returncode == 2
    done = run(shop, "find", "shop.py:grade", "--line", "99")
    assert (done.returncode, done.stderr) == (2, "error: shop.py has no line 99: its last is line 10\n")


def test_what_has_changed_since_a_revision(shop: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *arguments], cwd=shop, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    done = run(shop, "diff")
    assert (done.returncode, done.stderr) == (0, "no function has changed since HEAD\n")
    (shop / "shop.py").write_text(SHOP.replace("> 90", ">= 90"))
    done = run(shop, "diff", "HEAD", "--json")
    assert done.returncode == 1, done.stderr
    [row] = rows(done)
    assert (row["path"], row["function"], row["call"]) == ("shop.py", "grade", "grade(90)")
    assert (row["old"]["value"], row["new"]["value"]) == ("'B'", "'A'")
    assert run(shop, "diff", "nosuch").returncode == 2


def test_a_reader_that_has_seen_enough_ends_it_quietly(shop: Path) -> None:
    (shop / "many.py").write_text("".join(f"def f{n}(a: int) -> int:\n    return 1 // a\n\n\n" for n in range(3)))
    command = [sys.executable, "-m", "cwm_lsp", "crashes", "many.py", "shop.py", "--no-cache"]
    process = subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


def test_what_a_program_says_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    source = 'def f(key: str) -> int:\n    return {"a": 1}[key + "\\x1b[2J"]\n'
    (tmp_path / "loud.py").write_text(source)
    done = run(tmp_path, "find", "loud.py:f", "--raises", "KeyError")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    (tmp_path / "loud.py").write_text("def f(n: int) -> float:\n    return 1 / n  # \x1b[2J\n")
    assert "\x1b" not in run(tmp_path, "crashes", "loud.py").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_an_interrupted_search_ends_at_once(tmp_path: Path) -> None:
    import signal
    import time

    import psutil

    slow = "def f(n: int) -> int:\n    t = 0\n    for i in range(100_000):\n        t += i % (n or 1)\n    return t\n"
    for name in "abcdef":
        (tmp_path / f"{name}.py").write_text(slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "cwm_lsp", "crashes", "--no-cache"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    family: list[psutil.Process] = []
    while not family and time.monotonic() < deadline:
        time.sleep(0.2)
        family = psutil.Process(process.pid).children()
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "tried" not in said  # it did not go on to the end
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (["--line", "1"], "no call comes to line 1 of shop.py: it has no code that a function runs"),
        (["--line", "2"], "line 2 of shop.py is in average, which grade does not mention"),
        (["--line", "99"], "shop.py has no line 99"),
        (["--where", "point > 3"], "grade has no variable point: points?"),
        (["--where", "points >"], "is no Python expression"),
    ],
)
def test_what_no_call_can_do_is_refused_at_once(shop: Path, goal: list[str], told: str) -> None:
    done = run(shop, "find", "shop.py:grade", *goal)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_line_of_what_is_called_is_looked_for(shop: Path) -> None:
    (shop / "pay.py").write_text(
        "def half(n: int) -> float:\n    if n == 77:\n        return 0\n    return n / 2\n\n\n"
        "def pay(n: int) -> float:\n    return half(n)\n"
    )
    done = run(shop, "find", "pay.py:pay", "--line", "3")
    assert (done.returncode, done.stdout.split("  ")[0]) == (0, "pay(77)")


def test_a_long_search_is_said_to_go_on(shop: Path) -> None:
    (shop / "pay.py").write_text("def pay(n: int) -> int:\n    if n * n == 3:\n        return 1\n    return 2\n")
    done = run(shop, "find", "pay.py:pay", "--line", "3", "--seconds", "3")
    assert done.returncode == 1
    assert "searching calls of pay for 3 s of processor time at most" in done.stderr
