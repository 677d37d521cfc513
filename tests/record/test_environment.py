"""Files are run by the interpreter, from the folder and under the name that their authors would expect."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.record.recorder import record
from cwm_lsp.source.environment import interpreter, layout


@pytest.fixture
def tree(tmp_path):
    """Makes files and folders; those that end in `/python` are programs."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            if path.name == "python":
                path.chmod(0o755)
        return tmp_path

    return make


@pytest.fixture
def outside_environments(monkeypatch):
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


LAYOUTS = {
    # files, the file, its source, working directory, module, folders in front of the path
    "a lone script": (["a/script.py"], "a/script.py", "", "a", "script", ["a"]),
    "a script in a project": (["pyproject.toml", "tools/run.py"], "tools/run.py", "", "", "run", ["tools", ""]),
    "a package": (
        ["setup.py", "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/mod.py"],
        "pkg/sub/mod.py",
        "",
        "",
        "pkg.sub.mod",
        [""],
    ),
    "a package's __init__": (["setup.cfg", "pkg/__init__.py"], "pkg/__init__.py", "", "", "pkg", [""]),
    "a src layout": (
        ["pyproject.toml", "src/pkg/__init__.py", "src/pkg/mod.py"],
        "src/pkg/mod.py",
        "",
        "",
        "pkg.mod",
        ["src", ""],
    ),
    "a test beside a src layout": (
        ["pyproject.toml", "src/pkg/__init__.py", "tests/test_mod.py"],
        "tests/test_mod.py",
        "",
        "",
        "test_mod",
        ["tests", "src", ""],
    ),
    "conftest roots": (
        ["pytest.ini", "conftest.py", "tests/conftest.py", "tests/unit/test_mod.py"],
        "tests/unit/test_mod.py",
        "",
        "",
        "test_mod",
        ["tests/unit", "tests", ""],
    ),
    "a conftest and nothing else": (
        ["work/conftest.py", "work/deep/test_mod.py"],
        "work/deep/test_mod.py",
        "",
        "work",
        "test_mod",
        ["work/deep", "work"],
    ),
    "a package that was never given a project": (
        ["lib/pkg/__init__.py", "lib/pkg/mod.py"],
        "lib/pkg/mod.py",
        "",
        "lib",
        "pkg.mod",
        ["lib"],
    ),
    "one of several projects of a repository": (
        [".git", "one/pkg/__init__.py", "one/pkg/mod.py", "one/tests/test_mod.py", "two/run.py"],
        "one/pkg/mod.py",
        "",
        "one",
        "pkg.mod",
        ["one"],
    ),
    "a folder without a package, beside its tests": (
        ["shop/order.py", "fsm/__init__.py", "tests/test_order.py"],
        "shop/order.py",
        "",
        "",
        "order",
        ["shop", ""],
    ),
    "a package with tests inside": (
        [".git", "pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/mod.py", "pkg/sub/tests/test_mod.py"],
        "pkg/sub/mod.py",
        "",
        "",
        "pkg.sub.mod",
        [""],
    ),
    "a namespace package": (
        [".git", "app/deep/mod.py"],
        "app/deep/mod.py",
        "from .other import x",
        "",
        "app.deep.mod",
        [""],
    ),
    "a namespace package under src": (
        ["pyproject.toml", "src/app/mod.py"],
        "src/app/mod.py",
        "from . import other",
        "",
        "app.mod",
        ["src", ""],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name, tree):
    files, file, source, root, module, folders = LAYOUTS[name]
    top = tree(*files)
    found = layout(top / file, source)
    assert found.root == top / root
    assert found.module == module
    assert found.sys_path == tuple(str(top / folder) for folder in folders)


ENVIRONMENTS = {
    "beside the file": (["w/.venv/bin/python", "w/a.py"], "w/a.py", "w/.venv/bin/python"),
    "above it": (["w/venv/bin/python", "w/src/pkg/a.py"], "w/src/pkg/a.py", "w/venv/bin/python"),
    "the nearest": (["venv/bin/python", "w/.venv/bin/python", "w/a/b.py"], "w/a/b.py", "w/.venv/bin/python"),
    "of Windows": (["w/.venv/Scripts/python.exe", "w/a.py"], "w/a.py", "w/.venv/Scripts/python.exe"),
}


@pytest.mark.usefixtures("outside_environments")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_virtual_environment_is_found(name, tree):
    files, file, expected = ENVIRONMENTS[name]
    top = tree(*files)
    assert interpreter(top / file) == top / expected


def test_active_environment_comes_before_the_projects(tree, monkeypatch):
    top = tree("active/bin/python", "w/.venv/bin/python", "w/a.py")
    monkeypatch.setenv("VIRTUAL_ENV", str(top / "active"))
    assert interpreter(top / "w" / "a.py") == top / "active/bin/python"


def test_interpreter_that_is_asked_for_comes_first(tree, monkeypatch):
    top = tree("active/bin/python", "mine/bin/python", "a.py")
    monkeypatch.setenv("VIRTUAL_ENV", str(top / "active"))
    assert interpreter(top / "a.py", top / "mine/bin/python") == top / "mine/bin/python"
    assert interpreter(top / "a.py", top / "mine") == top / "mine/bin/python"
    with pytest.raises(UnavailableError, match="is not a Python interpreter"):
        interpreter(top / "a.py", top / "a.py")


@pytest.mark.usefixtures("outside_environments")
def test_without_any_our_own_is_used(tree):
    top = tree("a.py")
    # The folders above may have an environment, as a checkout does whose tests write below it.
    found = interpreter(top / "a.py")
    assert found == Path(sys.executable) or found.parents[2] in top.parents


PROJECT = {
    "pyproject.toml": "",
    "conftest.py": "",
    "helpers.py": "ONE = 1\n",
    "src/shop/__init__.py": "",
    "src/shop/rates.py": "TWO = 2\n",
    "tests/test_shop.py": """\
import os
import sys

from extra import THREE
from helpers import ONE
from shop.rates import TWO


def f(name="unused"):
    return ONE + TWO + THREE, os.getcwd(), sys.argv, __name__, os.environ["OWN"]
""",
    "elsewhere/extra.py": "THREE = 3\n",
}


@pytest.mark.parametrize("version", ["3.11", "3.13", pytest.param("3.8", marks=pytest.mark.long)])
def test_a_real_project_runs_as_its_author_would_expect(version, pythons, tmp_path, monkeypatch):
    if version not in pythons:
        pytest.skip(f"needs Python {version}")
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("OWN", "kept")
    test = tmp_path / "tests" / "test_shop.py"
    trace = record(test, "f", "f()", python=pythons[version], timeout=60)
    expected = (6, str(tmp_path), [str(test)], "test_shop", "kept")
    assert trace.outcome.value == repr(expected), trace.outcome
