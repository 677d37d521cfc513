"""Verdicts on tests and doctests are held against what pytest and doctest make of them."""

from __future__ import annotations

import doctest
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cwm_lsp.verdicts.examples import depending, variables
from cwm_lsp.verdicts.real import outcomes
from cwm_lsp.verdicts.verdict import Verdict
from cwm_lsp.verdicts.workspace import Verifier, files

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    made = Verifier(1)
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of its own, with a shop and what its tests share."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    shutil.copy(PROGRAMS / "shop.py", tmp_path)
    shutil.copy(PROGRAMS / "shared.py", tmp_path / "conftest.py")
    return tmp_path


def verdicts(verifier: Verifier, *paths: Path) -> dict[str, Verdict]:
    """By the part of their id after the file's."""
    found = list(files(paths, paths[0].parent))
    return {verdict.test.partition("::")[2]: verdict for _, rows in verifier.verify(found) for verdict in rows}


def held(verifier: Verifier, *paths: Path) -> dict[str, Verdict]:
    """The verdicts on files, none of which a run contradicts, and which are of the very tests that were run."""
    said = verdicts(verifier, *paths)
    found = list(files(paths, paths[0].parent))
    real = {test: word for (_, test), (word, _) in outcomes(found, paths[0].parent, sys.executable, 30.0).items()}
    decided = {test: verdict.verdict for test, verdict in said.items() if verdict.verdict != "unknown"}
    left_out = [test for test, verdict in said.items() if "doctest" in test and verdict.reason == "skipped"]
    assert decided == {test: "pass" if test in left_out else real.get(test) for test in decided}
    assert set(real) <= set(said)
    return said


def unknown(said: Mapping[str, Verdict]) -> set[str]:
    return {test for test, verdict in said.items() if verdict.verdict == "unknown"}


def test_files(verifier: Verifier, project: Path) -> None:
    shutil.copy(PROGRAMS / "of_files.py", project / "test_files.py")
    said = held(verifier, project / "test_files.py")
    assert unknown(said) == {test for test in said if test.endswith("not_known")}
    assert {test for test, verdict in said.items() if verdict.verdict == "fail"} == {
        test for test in said if test.endswith("_fails")
    }
    assert said["test_is_kept_fails"].actual == "{'a': 1}"


def test_mocks(verifier: Verifier, project: Path) -> None:
    shutil.copy(PROGRAMS / "of_mocks.py", project / "test_mocks.py")
    said = held(verifier, project / "test_mocks.py")
    assert {test: verdict.reason for test, verdict in said.items() if verdict.verdict == "unknown"} == {}
    assert {test for test, verdict in said.items() if verdict.verdict == "fail"} == {
        test for test in said if test.endswith("_fails")
    }
    assert said["test_called_once_fails"].reason.startswith("AssertionError: Expected 'send' to have been called once.")


def test_pytest(verifier: Verifier, project: Path) -> None:
    shutil.copy(PROGRAMS / "of_pytest.py", project / "test_shop.py")
    said = held(verifier, project / "test_shop.py")
    inner = {"TestTill::TestInner::test_inner", "TestMore::TestInner::test_inner"}
    assert unknown(said) == {"test_time", "test_not_in_the_stand_in"} | inner
    assert "time.time()" in said["test_time"].reason
    lines = (project / "test_shop.py").read_text().splitlines()
    fails = said["test_fails"]
    assert (fails.expected, fails.actual) == ("7", "6")
    assert lines[fails.line - 1] == "def test_fails(prices):"
    assert fails.at is not None
    assert lines[fails.at - 1].strip() == "assert found == 7"
    helper = said["test_helper"]
    assert helper.reason == "AssertionError: helper"
    assert helper.at is not None
    assert "helper" in lines[helper.at - 1]
    assert said["test_error"].reason == "TypeError: 'int' object is not iterable"
    assert said["test_in"].expected == "in [1, 2]"
    assert said["test_does_not_raise"].reason == "Failed: DID NOT RAISE ValueError"
    assert "def test_put" in lines[said["TestTill::test_put[-1]"].line - 1]


def test_unittest(verifier: Verifier, project: Path) -> None:
    shutil.copy(PROGRAMS / "of_unittest.py", project / "test_cases.py")
    said = held(verifier, project / "test_cases.py")
    assert unknown(said) == set()
    equal = said["CaseTest::test_equal"]
    assert (equal.expected, equal.actual) == ("2", "1")


def test_doctests(verifier: Verifier, project: Path) -> None:
    said = held(verifier, project / "shop.py")
    lines = (project / "shop.py").read_text().splitlines()
    at = {lines[verdict.line - 1].strip(): verdict for verdict in said.values()}
    assert [lines[said[test].line - 1].strip() for test in unknown(said)] == [">>> __import__('time').time() > 1"]
    assert (at[">>> total(basket)"].expected, at[">>> total(basket)"].actual) == ("2", "1")
    assert (at[">>> total([])"].expected, at[">>> total([])"].actual) == ("", "0")
    assert at[">>> 1 / 0  # doctest: +SKIP"].reason == "skipped"


def test_what_depends_on_the_unknown_is_unknown(verifier: Verifier, project: Path) -> None:
    path = project / "notes.py"
    path.write_text(
        '"""Notes.\n\n>>> text = str(__import__("os").getpid())\n>>> text\n\'x\'\n'
        '>>> copy = text * 2\n>>> 1 + 1\n2\n>>> len(copy)\n2\n"""\n'
    )
    said = verdicts(verifier, path)
    words = {test.rpartition(":")[2]: verdict.verdict for test, verdict in said.items()}
    assert words == {"3": "unknown", "4": "unknown", "6": "unknown", "7": "pass", "9": "unknown"}


def test_what_leads_to_the_same_object_is_unknown(verifier: Verifier, project: Path) -> None:
    path = project / "cache.py"
    path.write_text(
        '"""Caches.\n\n>>> kept = []\n>>> keep = lambda: kept.append(__import__("time").time())\n>>> other = 1\n'
        '>>> keep()\n>>> len(kept)\n1\n>>> other\n1\n>>> DONE\n[]\n>>> MOST\n3\n"""\n\nDONE = []\nMOST = 3\n'
    )
    said = held(verifier, path)
    lines = path.read_text().splitlines()
    assert {lines[said[test].line - 1] for test in unknown(said)} == {">>> keep()", ">>> len(kept)", ">>> DONE"}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["f()", "x = 1", "x"], []),
        (["x = f()", "y = 1", "y = x", "y"], [2, 3]),
        (["a = []", "b = [a]", "c = b", "f(a)", "c", "d = 1", "d"], [4]),
        (["a = []", "b = []", "f(a)", "b", "b = a", "b"], [4, 5]),
        (["import m", "a = m.f()", "b = m.g()", "f(a)", "b", "m.g()"], []),
        (["f()", "2", "_"], [1, 2]),
        (["x = f()", "1", "eval('x')"], [2]),
        (["f()", "seen", "LIMIT"], [1]),
    ],
)
def test_depending(sources: list[str], expected: list[int]) -> None:
    examples = [doctest.Example(source, "") for source in sources]
    first = next(number for number, source in enumerate(sources) if "f(" in source and "m." not in source)
    assert depending(examples, first, variables("seen = []\nLIMIT = 3\n")) == expected


def test_examples_are_as_at_the_top_level(verifier: Verifier, project: Path) -> None:
    shutil.copy(PROGRAMS / "top_level.py", project)
    said = held(verifier, project / "top_level.py")
    lines = (project / "top_level.py").read_text().splitlines()
    assert {lines[said[test].line - 1].strip() for test in unknown(said)} == {
        ">>> 'total' in globals()", ">>> return 5", ">>> yield 5", ">>> break"
    }  # fmt: skip


def test_flags_of_doctests(verifier: Verifier, project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\ndoctest_optionflags = ELLIPSIS NORMALIZE_WHITESPACE\n")
    path = project / "spaced.py"
    path.write_text('"""Spaces.\n\n>>> [1, 2]\n[1,   2]   \n>>> list(range(9))\n[0, ..., 8]\n"""\n')
    assert {verdict.verdict for verdict in held(verifier, path).values()} == {"pass"}


def test_state_of_a_docstring_is_its_own(verifier: Verifier, project: Path) -> None:
    path = project / "own.py"
    path.write_text(
        'def f():\n    """\n    >>> x = 1\n    >>> f = 2\n    >>> f\n    2\n    """\n    return 0\n\n\n'
        'def g():\n    """\n    >>> f()\n    0\n    >>> x\n    1\n    """\n'
    )
    said = held(verifier, path)
    assert {verdict.verdict for test, verdict in said.items() if test.startswith("f")} == {"pass"}
    assert said["g::doctest:13"].verdict == "pass"
    assert said["g::doctest:15"].verdict == "fail"


def test_module_that_fails(verifier: Verifier, project: Path) -> None:
    path = project / "test_broken.py"
    path.write_text("value = 1 / 0\n\n\ndef test_value():\n    assert value\n")
    said = verdicts(verifier, path)
    assert said["test_value"].verdict == "fail"
    assert "ZeroDivisionError" in said["test_value"].reason
    path.write_text("import not_there\n\n\ndef test_value():\n    assert not_there\n")
    assert verdicts(verifier, path)["test_value"].verdict == "unknown"


def test_endless(verifier: Verifier, project: Path) -> None:
    path = project / "test_endless.py"
    path.write_text("def test_endless():\n    while True:\n        pass\n\n\ndef test_after():\n    assert 1\n")
    said = verdicts(verifier, path)
    assert said["test_endless"].verdict in ("fail", "unknown")
    assert said["test_after"].verdict == "pass"


def test_hooks_are_not_followed(verifier: Verifier, project: Path) -> None:
    (project / "conftest.py").write_text("def pytest_collection_modifyitems(items):\n    items.clear()\n")
    path = project / "test_hooked.py"
    path.write_text("def test_hooked():\n    assert 1\n")
    said = verdicts(verifier, path)
    assert unknown(said) == {"test_hooked"}
    assert "pytest_collection_modifyitems" in said["test_hooked"].reason


def test_rows_like_the_ones_before(verifier: Verifier, project: Path) -> None:
    path = project / "test_rows.py"
    path.write_text(
        "import time\nimport pytest\n\n\n@pytest.mark.parametrize('n', range(40))\n"
        "def test_rows(n):\n    assert time.time() > n\n"
        "\n\ndef test_after():\n    assert 1\n"
    )
    said = verdicts(verifier, path)
    assert len(unknown(said)) == 40
    assert said["test_after"].verdict == "pass"


@pytest.mark.parametrize(
    ("rows", "unknowns"),
    [
        ("@pytest.mark.parametrize('x', [random.random()] * 3)\ndef test_each(x):\n    assert x < 1\n", {"test_each"}),
        (
            "class TestWords:\n    @pytest.mark.parametrize('x', WORDS)\n    def test_each(self, x):\n        pass\n"
            "    def test_all(self):\n        assert len(WORDS) == 4\n",
            {"TestWords::test_each"},
        ),
    ],
    ids=["random", "set"],
)
def test_rows_that_differ_from_run_to_run_cost_no_other_test(
    verifier: Verifier, tmp_path: Path, rows: str, unknowns: set[str]
) -> None:
    path = tmp_path / "test_rows.py"
    path.write_text(
        "import random\nimport pytest\n\nWORDS = {'b', 'a', 'c'}\n\n\ndef test_before():\n    assert 1\n\n\n"
        f"{rows}\n\ndef test_after():\n    assert len(WORDS) == 4\n"
    )
    said = verdicts(verifier, path)
    assert unknown(said) == unknowns
    assert {said[test].verdict for test in ("test_after", "TestWords::test_all") if test in said} == {"fail"}
    assert said["test_before"].verdict == "pass"


def test_relative_packages(verifier: Verifier, project: Path) -> None:
    tests = project / "pkg" / "tests"
    tests.mkdir(parents=True)
    (project / "pkg" / "__init__.py").write_text("")
    (tests / "__init__.py").write_text("")
    (project / "pkg" / "core.py").write_text("def twice(x):\n    return 2 * x\n")
    (tests / "conftest.py").write_text("import pytest\n\n\n@pytest.fixture\ndef three():\n    return 3\n")
    path = tests / "test_core.py"
    path.write_text("from ..core import twice\n\n\ndef test_twice(three, name):\n    assert twice(three) == 6\n")
    assert held(verifier, path)["test_twice"].verdict == "pass"


def test_configuration(verifier: Verifier, project: Path) -> None:
    (project / "pytest.ini").write_text(
        "[pytest]\npython_files = check_*.py\npython_functions = check\nxfail_strict = true\n"
        "filterwarnings =\n    error\nasyncio_default_fixture_loop_scope = function\n"
    )
    path = project / "check_it.py"
    path.write_text(
        "import warnings\nimport pytest\n\n\ndef check_one():\n    assert 1\n\n\n"
        "@pytest.mark.xfail\ndef check_two():\n    pass\n\n\n"
        "def test_not():\n    assert 0\n\n\ndef check_warning():\n    warnings.warn('x')\n"
    )
    said = held(verifier, path)
    assert {test: verdict.verdict for test, verdict in said.items()} == {
        "check_one": "pass", "check_two": "fail", "check_warning": "unknown"
    }  # fmt: skip
