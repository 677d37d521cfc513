"""Names that may be bound or not, and what a program changes of modules and classes of the library: nothing that hangs
on it is told as a fact that plain Python contradicts."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.evaluate.patches import imports, seen
from cwm_lsp.trace.events import Event

MAYBE = r"""
## set in a function that is given up, by setattr
import math
def go():
    if os.getpid():
        setattr(math, "sqrt", len)
go()
from math import sqrt
def f():
    return sqrt([1, 2])
## the same through an alias
import shlex
m = [shlex]
def go():
    if os.getpid():
        for one in m:
            one.quote = len
go()
from shlex import quote
def f():
    return quote("a")
## through a name
import keyword
def go(k):
    if os.getpid():
        setattr(k, "iskeyword", len)
go(keyword)
from keyword import *
def f():
    return iskeyword("if")
## in a namespace
import math
math.__dict__["sqrt"] = len
def f():
    return math.sqrt([1, 2])
## in what vars gives
import math
vars(math)["sqrt"] = len
def f():
    return math.sqrt([1, 2])
## a name that is not known
import keyword
setattr(keyword, os.environ["PATH"], len)
from keyword import iskeyword
def f():
    return iskeyword("if")
## an attribute of a class, by a name that is not known
class C:
    x = 1
setattr(C, os.environ["PATH"], 2)
def f():
    return C.x
## what a function of the library calls
from textwrap import fill
import textwrap
textwrap.TextWrapper = None
def f():
    return fill("a b", 1)
## the same in the call
from textwrap import fill
import textwrap
def f():
    textwrap.TextWrapper = None
    return fill("a b", 1)
## what another module of the library calls
import datetime
from calendar import weekday
datetime.date = None
def f():
    return weekday(2023, 2, 1)
## a part of a package
import json.encoder
from json import dumps
json.encoder.c_make_encoder = None
json.encoder._make_iterencode = None
def f():
    return dumps(["a"])
## a builtin that the library calls
import builtins
from textwrap import fill
builtins.len = lambda x: 1000
def f():
    return fill("aa bb", 3)
## a method of a class of the library
from textwrap import TextWrapper, fill
TextWrapper.wrap = lambda self, t: ["x"]
def f():
    return fill("aa bb", 3)
## by its metaclass
from textwrap import TextWrapper, fill
type.__setattr__(TextWrapper, "wrap", None)
def f():
    return fill("aa bb", 3)
## a deleted method
from textwrap import TextWrapper, fill
del TextWrapper.wrap
def f():
    return fill("aa bb", 3)
## a deleted name
import keyword
del keyword.iskeyword
def f():
    return keyword.iskeyword("if")
## a name bound on one way
if os.getpid() == 0:
    x = 1
def f():
    y = x
    return 1
## in a loop
for x in os.environ:
    pass
def f():
    try:
        x
        return 1
    except NameError:
        return 2
## with a walrus
if os.getpid() == 0 and (x := 1):
    pass
def f():
    try:
        x
        return 1
    except NameError:
        return 2
## in a try
try:
    os.getcwd()
    x = 1
except OSError:
    pass
def f():
    try:
        x
        return 1
    except NameError:
        return 2
## in a function
def g():
    global x
    if os.getpid() == 0:
        x = 1
g()
def f():
    try:
        x
        return 1
    except NameError:
        return 2
## deleted in a function
x = 1
def g():
    global x
    if os.getpid():
        del x
g()
def f():
    try:
        x
        return 1
    except NameError:
        return 2
## a variable around, deleted
def make():
    x = 1
    def g():
        nonlocal x
        if os.getpid():
            del x
    def h():
        return x
    return g, h
g, h = make()
g()
def f():
    try:
        h()
        return 1
    except NameError:
        return 2
## a module that another one is put in place of
import sys
class M:
    sqrt = 5
sys.modules["math"] = M
import math
def f():
    return math.sqrt
## given up
import sys
def go():
    if os.getpid():
        sys.modules["math"] = None
go()
def f():
    import math
    return math.sqrt(4)
"""
PROGRAMS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", MAYBE, re.M))
KNOWN = {
    """
import sys
sys.modules["colorsys"] = None
try:
    import colorsys
except ImportError as e:
    x = str(e)
""": "import of colorsys halted; None in sys.modules",
    """
from sys import modules
modules.update(math=None)
try:
    from math import sqrt
except ImportError:
    sqrt = len
x = sqrt([1, 2])
""": 2,
    "import keyword, sys\nx = sys.modules['keyword'] is keyword": True,
    "import os\nif os.getpid():\n    x = 1\nx = 2": 2,
    """
import os
from keyword import iskeyword
class C:
    def go(self, name):
        if os.getpid():
            setattr(self, name, os.sep)
C().go("a")
x = iskeyword("if")
""": True,
    "import json.decoder\njson.JSONDecodeError = json.decoder.JSONDecodeError\nx = json.loads('1')": 1,
    "import random\nx = random.Random(1).randint(1, 6)": 2,
    "import textwrap\ntextwrap.mine = 3\nx = textwrap.fill('a b', 1), textwrap.mine": ("a\nb", 3),
}
"""What is known all the same: a program, and what it makes of `x`."""


def last(source: str, around: Around | None = None) -> Event | None:
    """The last step of `f()`, where nothing is asked."""
    step = None
    for step in Evaluation(source, "f()", "f", module="probe", around=around):
        if isinstance(step, Question):
            return None
    return step


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_may_be_otherwise_is_no_fact(kind: str) -> None:
    step = last(f"import os\n{PROGRAMS[kind]}")
    assert step is None or step.provenance.get("value") != "computed"


@pytest.mark.parametrize("source", KNOWN)
def test_what_cannot_be_otherwise_is_known(source: str) -> None:
    step = last(f"{source}\ndef f():\n    return x\n")
    assert step is not None
    assert (step.value, step.provenance["value"]) == (repr(KNOWN[source]), "computed")


@pytest.mark.parametrize(
    "form",
    [
        "try:\n    from settings import x",
        "try:\n    import settings\n    settings.x",
        "from settings import *\ntry:\n    x",
    ],
)
def test_a_name_of_another_module_may_be_missing(tmp_path: Path, form: str) -> None:
    source = f"""
found = []
{form}
    found.append(1)
except (ImportError, AttributeError, NameError):
    pass
def f():
    return found
"""
    files = {"pyproject.toml": "", "settings.py": "import os\nif not os.getpid():\n    x = 1\n", "app.py": source}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    step = last(source, Around(str(tmp_path / "app.py"), sys.executable))
    assert step is None or step.provenance["value"] != "computed"


def test_what_code_of_the_library_sees() -> None:
    assert seen("textwrap", "TextWrapper")
    assert seen("re", "compile")
    assert seen("builtins", "len")
    assert not seen("builtins", "input")
    assert not seen("sys", "stdout")
    assert not seen("time", "sleep")
    assert not imports("colorsys")
