"""What differs between versions of Python is told as the program's own Python tells it, or is not computed."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.versions import EVALUATE, ROOT, evaluated, judge, pythons, recorded, write_programs
from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.evaluate.library import MODULES
from cwm_lsp.evaluate.versions import FAMILIES, Dialect

pytestmark = pytest.mark.slow

OTHERS = pythons([(3, minor) for minor in range(8, 15)])
PROGRAM = """\
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    @abstractmethod
    def name(self): ...
class Slim:
    __slots__ = ()
class Only:
    @property
    def size(self): return 1
def unbound():
    print(late)
    late = 1
def nested():
    def inner():
        return late
    inner()
    late = 1
class Plain:
    def method(self, a): ...
def use(manager):
    with manager:
        pass
CALLS = [
    lambda: Shape(), lambda: max([]), lambda: min(()), lambda: Plain[1], lambda: unbound(), lambda: nested(),
    lambda: "abc"["b"], lambda: 5 % 0, lambda: 5 // 0, lambda: 5.0 % 0, lambda: setattr(Slim(), "x", 1),
    lambda: Slim().x, lambda: setattr(Only(), "size", 2), lambda: Plain().method(), lambda: Plain().method(1, 2),
    lambda: use(3), lambda: sorted([1], ke=1), lambda: int("1", 2, 3), lambda: "a".replace("b"), lambda: "a".count(1),
    lambda: "%d" % "x", lambda: int([]), lambda: float([]), lambda: isinstance(1, 2), lambda: None.x, lambda: {}["k"],
    lambda: [1][5], lambda: (1).bit_length(2), lambda: str.upper(), lambda: type("X", (object, Plain), {}),
    lambda: Plain().method(b=1), lambda: "a" + 1, lambda: [1, "a"].sort(), lambda: int("x"),
]
def f():
    for call in CALLS:
        try:
            call()
        except Exception as error:
            problem = error
    return len(CALLS)
"""
REALLY = """
import json, sys
source = sys.stdin.read()
exec(compile(source, "f", "exec"))
said = []
for call in CALLS:
    try:
        call()
    except Exception as error:
        said.append(repr(error))
print(json.dumps(said))
"""


@pytest.mark.parametrize("target", OTHERS, ids=lambda version: ".".join(map(str, version)))
def test_messages_are_those_of_the_python_that_would_run_the_program(target: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "messages.py"
    path.write_text(PROGRAM, encoding="utf-8")
    command = [OTHERS[target], "-c", REALLY]
    real = json.loads(subprocess.run(command, input=PROGRAM, capture_output=True, text=True, check=True).stdout)
    evaluation = Evaluation(PROGRAM, "f()", "f", module="messages", around=Around(str(path), str(OTHERS[target])))
    said: list[str | None] = []
    for step in evaluation:
        assert not isinstance(step, Question), step
        if step.kind == "exception" and step.depth == 0:
            said.append(None if step.provenance["value"] == "unknown" else step.value)
    assert len(said) == len(real)
    for text, expected in zip(said, real, strict=True):
        assert text is None or f", {expected}, <traceback" in text
    assert said.count(None) <= len(said) / 3


def test_a_library_error_is_known_where_the_library_is_the_same(tmp_path: Path) -> None:
    same = Dialect(sys.version_info[:2], Path(json.__file__).parents[1])
    other = Dialect((3, 99), tmp_path)
    other.own = (3, 98)
    try:
        json.loads("[1, nope]")
    except ValueError as error:
        assert same.raises_the_same(error)
        assert not other.raises_the_same(error)


PRESENT = """
import builtins, importlib, json, sys, warnings
warnings.simplefilter("ignore")
wanted = json.load(sys.stdin)
told = {}
for name in wanted:
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue  # the modules of hashes in C are others from 3.12 on: no program asks for them by name
    told[name] = [one for one in wanted[name] if hasattr(module, one)]
print(json.dumps(told))
"""
"""Which of some names of modules there are."""


@pytest.mark.parametrize("target", [version for version in OTHERS if version >= (3, 10)], ids=str)
def test_names_that_only_one_of_two_pythons_has_are_doubtful(target: tuple[int, int]) -> None:
    listed = {name: {*map(str, module.members)} for name, module in MODULES.items() if not name.startswith("_cwm")}
    listed["builtins"] = {name for name in dir(builtins) if not name.startswith("_")}
    dialect = Dialect(target, None)
    wanted = {name: sorted(names | dialect.doubtful_of(name)) for name, names in listed.items()}
    present = [
        json.loads(
            subprocess.run(
                [python, "-c", PRESENT], input=json.dumps(wanted), capture_output=True, text=True, check=True
            ).stdout
        )
        for python in (sys.executable, OTHERS[target])
    ]
    for name in present[0].keys() & present[1].keys():
        ours, theirs = (set(one[name]) for one in present)
        assert ours ^ theirs <= dialect.doubtful_of(name), name


PROBED = """\
import math
try:
    from enum import StrEnum
except ImportError:
    StrEnum = None
def f():
    known = math.floor(2.5)
    root = getattr(math, "cbrt", None)
    there = hasattr(math, "cbrt"), StrEnum is None
    return there
"""


@pytest.mark.skipif(
    sys.version_info < (3, 11) or (3, 10) not in OTHERS, reason="needs a Python 3.10 beside a newer one"
)
def test_a_name_that_the_python_may_lack_is_not_known(tmp_path: Path) -> None:
    around = Around(str(tmp_path / "probed.py"), str(OTHERS[3, 10]))
    steps = []
    with Evaluation(PROBED, "f()", "f", module="probed", around=around) as evaluation:
        for step in evaluation:
            if isinstance(step, Question):
                evaluation.answer({} if step.kind == "values" else None)
            else:
                steps.append(step)
    assert [step.locals.get("known") for step in steps if step.line == 9] == ["2"]
    sure = {name for step in steps for name, origin in step.provenance.items() if origin == "computed"}
    assert sure == {"known"}


def test_wordings_are_in_the_order_of_versions() -> None:
    for family in FAMILIES:
        versions = [wording[0] for wording in family]
        assert versions == sorted(set(versions))


@pytest.mark.parametrize("target", [version for version in OTHERS if version >= (3, 9)], ids=str)
def test_steps_are_those_that_a_run_has_or_are_not_known(target: tuple[int, int], tmp_path: Path) -> None:
    rows = write_programs(tmp_path, 0, ["versions"])
    runs = recorded(rows, OTHERS[target], tmp_path)
    said = evaluated(rows, Path(sys.executable), OTHERS[target])
    found = [judge(run, one) for run, one in zip(runs, said, strict=True)]
    assert not [what for verdict, what in found if verdict == "wrong"]
    if target >= (3, 10):
        assert [verdict for verdict, _ in found].count("whole") >= 0.7 * len(rows)


@pytest.mark.parametrize("host", [version for version in OTHERS if version >= (3, 10)], ids=str)
def test_every_python_evaluates(host: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "messages.py"
    row = {"source": PROGRAM, "call": "f()", "function": "f", "module": "messages", "path": str(path), "events": 500,
           "python": str(OTHERS[host])}  # fmt: skip
    done = subprocess.run(
        [OTHERS[host], "-c", EVALUATE], input=json.dumps(row), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert not done.returncode, done.stderr
    events, asked, outcome, gave_up = json.loads(done.stdout)
    assert (asked, gave_up) == (None, None)
    assert outcome["kind"] == "return"
    assert events


NAMES = (
    "tomllib graphlib zoneinfo distutils imp asyncore cgi binhex symbol lib2to3 wsgiref.types unittest._log "
    "concurrent.interpreters compression html.nothing json.decoder.nothing"
)
IMPORTS = """\
import importlib
def f(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        return str(error)
    return True
"""


@pytest.mark.parametrize("target", OTHERS, ids=lambda version: ".".join(map(str, version)))
def test_modules_that_some_versions_have_are_those_of_the_python_that_would_run_the_program(
    target: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "names.py"
    path.write_text(IMPORTS, encoding="utf-8")
    asked = f"{IMPORTS}\nimport json\nprint(json.dumps([f(name) for name in {NAMES.split()!r}]))"
    command = [OTHERS[target], "-W", "ignore", "-c", asked]
    real = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    around = Around(str(path), str(OTHERS[target]))
    known = 0
    for name, result in zip(NAMES.split(), real, strict=True):
        evaluation = Evaluation(IMPORTS, f"f({name!r})", "f", module="names", around=around)
        if not any(isinstance(step, Question) for step in evaluation) and evaluation.outcome is not None:
            assert evaluation.outcome.value == repr(result), name
            known += 1
    assert known > len(real) // 2
