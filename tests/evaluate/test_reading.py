"""What programs read of their project's folder is what lies there, and what may have changed since is not known."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.source.environment import layout

from .recording import clean

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": '[tool.shop]\nrate = 0.2\n',
    "data/rates.json": '{"ann": 0.5, "bob": 1}',
    "data/rows.csv": "name,price\ntea,2\ncoffee,3\n",
    "data/settings.ini": "[shop]\nopen = yes\nname = Acme\n",
    "data/words.txt": "one\ntwo\r\nthree",
    "data/umlaut.txt": "grün\n",
    "acme/__init__.py": "",
    "acme/menu.txt": "soup\n",
}  # fmt: skip
READ = r"""
import configparser, csv, glob, io, json, os
import importlib.resources
from importlib.resources import files
from os.path import dirname, exists, join
from pathlib import Path
import acme

HERE = Path(__file__).resolve().parent
RATES = json.loads((HERE / "data" / "rates.json").read_text())

def module_level(who):
    return RATES[who]

def opened(name):
    with open(join(dirname(__file__), "data", name)) as f:
        first = f.readline()
        rest = [line.strip() for line in f]
        closed = f.closed
    return first, rest, closed, f.closed

def loaded():
    with open("data/rates.json", encoding="utf-8") as f:
        return json.load(f)

def rows():
    with (HERE / "data/rows.csv").open(newline="") as f:
        return [dict(row) for row in csv.DictReader(f)]

def configured():
    parser = configparser.ConfigParser()
    found = parser.read(["data/settings.ini", "data/none.ini"])
    return found, parser["shop"].getboolean("open"), parser.items("shop")

def binary():
    data = Path("data/words.txt").read_bytes()
    with open("data/words.txt", "rb") as f:
        return data, f.read(3), f.name, f.readlines()

def text():
    path = Path("data/umlaut.txt")
    return path.read_text(encoding="utf-8"), path.read_text("latin-1"), len(path.read_bytes())

def broken():
    return Path("data/umlaut.txt").read_text(encoding="ascii")

def questions():
    path = Path("data")
    seen = [path.exists(), path.is_dir(), (path / "rows.csv").is_file(), Path("none").exists()]
    seen += [os.path.isfile("data"), os.path.getsize("data/rows.csv"), exists("data/none/x")]
    return seen, os.path.abspath("data/../data"), Path.cwd() == HERE, os.getcwd() == str(HERE)

def listed():
    found = sorted(Path("data").glob("*.txt"))
    names = sorted(os.listdir("data"))
    return [one.name for one in found], names, sorted(glob.glob("data/r*")), max(Path("data").iterdir()).name

def below():
    return [str(one) for one in sorted(Path(".").rglob("*.txt"))]

def missing(name):
    try:
        open(name)
    except FileNotFoundError as error:
        return str(error), error.errno
    return None

def folder():
    return open("data")

def not_writable():
    with open("data/rows.csv") as f:
        try:
            f.write("x")
        except io.UnsupportedOperation as error:
            return str(error), f.readable(), f.writable()

def resources():
    return files("acme").joinpath("menu.txt").read_text(), (files(acme) / "menu.txt").is_file()

def seeking():
    f = open("data/words.txt")
    a = f.read(2)
    f.seek(0)
    b = f.read()
    f.close()
    try:
        f.read()
    except ValueError as error:
        return a, b, str(error)
"""
CALLS = [
    "module_level('ann')", "opened('words.txt')", "loaded()", "rows()", "configured()", "binary()", "text()",
    "broken()", "questions()", "listed()", "below()", "missing('none.txt')", "missing('data/rows.csv/x')", "folder()",
    "not_writable()", "resources()", "seeking()",
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


def steps(path: Path, source: str, call: str) -> tuple[list[tuple[object, ...]], Evaluation, bool]:
    """The steps of a call, and whether all is known."""
    function = call.partition("(")[0]
    evaluation = Evaluation(source, call, function, module=layout(path, source).module, around=Around(str(path)))
    events: list[tuple[object, ...]] = []
    for step in evaluation:
        if isinstance(step, Question):
            return events, evaluation, False
        sources = step.provenance.values()
        events.append((step.kind, step.line, {name: clean(text) for name, text in step.locals.items()}, step.value))
        if "unknown" in sources or "predicted" in sources:
            return events, evaluation, False
    return events, evaluation, evaluation.gave_up is None


def test_what_lies_there_is_read_as_it_is(project: Path) -> None:
    path = project / "app.py"
    path.write_text(READ, encoding="utf-8")
    with RecorderPool() as pool:
        for call in CALLS:
            recorded = pool.record(path, call.partition("(")[0], call)
            events, evaluation, whole = steps(path, READ, call)
            real = [(e.kind, e.line, {name: clean(text) for name, text in e.locals.items()}, e.value)
                    for e in recorded.events]  # fmt: skip
            for expected, got in zip(real, events, strict=False):
                assert got == expected, call
            assert whole and len(events) == len(real), (call, evaluation.gave_up, events[-1:], real[-1:])


NOT_KNOWN = """
## outside: outside
def f(): return open(outside).read()
## a link out of it
def f(): return open("link.txt").read()
## a folder above: up
def f(): return Path("..").exists()
## hidden
def f(): return Path(".env").read_text()
## a pipe
def f(): return open("pipe").read()
## large
def f(): return len(open("large.txt").read())
## written before
def f():
    Path("data/rates.json").write_text("{}")
    return Path("data/rates.json").read_text()
## written through a link
def f():
    open("same.json", "w").close()
    return open("data/rates.json").read()
## a folder moved
def f():
    Path("data").rename("other")
    return Path("data/rates.json").exists()
## something unknown was called
import elsewhere
elsewhere.run()
def f(): return Path("data/rates.json").read_text()
## a function that was given up
def g():
    if os.getpid() > 1:
        os.remove("data/rates.json")
g()
def f(): return Path("data/rates.json").read_text()
## a statement that was given up
if os.getpid() > 1:
    os.remove("data/rates.json")
def f(): return Path("data/rates.json").read_text()
## another working folder
os.chdir("data")
def f(): return Path("rates.json").exists()
## another program
import subprocess
subprocess.run(["true"])
def f(): return os.getcwd()
## the order of a folder
def f(): return os.listdir("data")
## the order of what fits
def f(): return [one.name for one in Path("data").glob("*")]
## what a run makes itself
def f(): return sorted(os.listdir("package"))
## time
def f(): return os.path.getmtime("data/rates.json")
## another encoding
def f(): return open("data/rates.json", encoding="no_such_encoding_anywhere", errors="no_such").name
"""


@pytest.mark.parametrize("name", programs := dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", NOT_KNOWN, re.M)))
def test_what_may_be_otherwise_is_not_known(name: str, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.txt"
    outside.write_text("x")
    (project / "link.txt").symlink_to(outside)
    (project / "same.json").symlink_to(project / "data" / "rates.json")
    (project / ".env").write_text("TOKEN=x")
    (project / "large.txt").write_text("x" * ((1 << 20) + 1))
    (project / "package").mkdir()
    (project / "package" / "__init__.py").write_text("")
    if hasattr(os, "mkfifo"):
        os.mkfifo(project / "pipe")
    source = f"import os\nfrom pathlib import Path\noutside = {str(outside)!r}\n{programs[name]}"
    events, _, whole = steps(project / "app.py", source, "f()")
    assert events
    if name == "another encoding":
        assert whole
        assert "LookupError" in str(events[-2][3])
    else:
        assert not whole, events[-1]


def test_a_prediction_depends_on_what_was_asked_for(project: Path) -> None:
    source = """
from pathlib import Path
def f():
    if Path("local.json").exists():
        return 1
    return Path("data/rates.json").read_text(), sorted(Path("data").glob("*.csv"))
"""
    _, evaluation, whole = steps(project / "app.py", source, "f()")
    assert whole
    assert {str(project / name) for name in ("local.json", "data/rates.json", "data")} <= set(evaluation.reads)
    assert str(project / "data/words.txt") not in evaluation.reads


def test_what_a_module_of_the_program_writes_beside_is_read_as_it_was(project: Path) -> None:
    source = """
from pathlib import Path
Path("log.txt").write_text("x")
def f():
    return Path("data/rates.json").exists()
"""
    _, _, whole = steps(project / "app.py", source, "f()")
    assert whole
