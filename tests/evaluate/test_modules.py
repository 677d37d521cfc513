"""Programs of several files: the same trace as of a real run, whichever file the code is in."""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Around, Evaluation, Question
from cwm_lsp.record.recorder import RecorderPool
from cwm_lsp.source.environment import layout
from cwm_lsp.trace.events import Event, Trace

from .recording import clean

pytestmark = pytest.mark.slow

SHOP = {
    "pyproject.toml": "",
    "models.py": """
from __future__ import annotations
from dataclasses import dataclass, field
from enum import Enum

class Kind(Enum):
    BOOK = "book"
    FOOD = "food"

@dataclass
class Item:
    sku: str
    price: float = 1.0
    kind: Kind = Kind.BOOK

class Cart:
    made = 0

    def __init__(self, who: str) -> None:
        self.who = who
        self.items: list[Item] = []
        Cart.made += 1

    def add(self, item: Item) -> Cart:
        self.items.append(item)
        return self

    def __repr__(self) -> str:
        return f"Cart({self.who}, {len(self.items)})"
""",
    "rates/__init__.py": """
from .tables import RATES
from .lookup import rate as rate_of
__all__ = ['RATES', 'rate_of']
""",
    "rates/tables.py": "RATES = {'book': 0.07}\nDEFAULT = 0.19\n",
    "rates/lookup.py": """
from . import tables

def rate(kind):
    found = tables.RATES.get(kind.value)
    if found is None:
        found = tables.DEFAULT
    return found
""",
    "registry.py": """
handlers = {}
def register(name):
    def keep(function):
        handlers[name] = function
        return function
    return keep
""",
    "plugins.py": "import registry\n\n@registry.register('up')\ndef up(text):\n    return text.upper()\n",
    "pricing.py": """
import rates.tables as tables
import plugins
import registry
from models import Cart, Item, Kind
from rates import *

try:
    import no_such_module_anywhere as fast
except ImportError:
    fast = None

def total(cart, extra=0):
    result = extra
    for item in cart.items:
        tax = rate_of(item.kind)
        result += item.price * (1 + tax)
    return round(result, 2)

def patched(cart):
    tables.DEFAULT = 0.5
    return total(cart)

def handled(name, text):
    handler = registry.handlers[name]
    return handler(text), fast

def seen(cart):
    kinds = {item.kind for item in cart.items}
    first = cart.items[0]
    return len(kinds), isinstance(first, Item), Cart.made

def broken(cart):
    return cart.items[0].price + cart.owner
""",
}  # fmt: skip
IMPORTS = {
    "pyproject.toml": "",
    "log.py": "events = []\n",
    "bad.py": "import log\nlog.events.append('bad')\n1 / 0\n",
    "first.py": """
try:
    from second import late
except ImportError as error:
    late = None
""",
    "second.py": """
import log, first
try:
    from first import nothing
except ImportError as error:
    log.events.append(str(error).partition(' (/')[0])
for _ in range(2):
    try:
        import bad
    except ZeroDivisionError:
        log.events.append('failed')
late = 1
""",
    "app.py": """
import first, log
def f():
    seen = log.events
    return seen, first.late
""",
}
CALLS = [
    ("total", "total(Cart('ann').add(Item('a', 2.5)).add(Item('b', 2, Kind.FOOD)))"),
    ("patched", "patched(Cart('ann').add(Item('b', 2, Kind.FOOD)))"),
    ("handled", "handled('up', 'tea')"),
    ("seen", "seen(Cart('ann').add(Item('a', 2.5)))"),
    ("broken", "broken(Cart('ann').add(Item('a')))"),
]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def computed(path: Path, function: str, call: str, *, workspace: bool) -> tuple[list[Event], Evaluation]:
    source = path.read_text(encoding="utf-8")
    around = Around(str(path), sys.executable, str(path.parent) if workspace else None)
    evaluation = Evaluation(source, call, function, module=layout(path, source).module, around=around)
    events: list[Event] = []
    for step in evaluation:
        assert not isinstance(step, Question), step
        events.append(step)
    return events, evaluation


def shown(event: Event) -> tuple[object, ...]:
    kind, texts = event.kind, {name: clean(text) for name, text in event.locals.items()}
    return kind, event.line, event.depth, event.function, texts, clean(event.value or ""), event.path


def same(recorded: Trace, events: list[Event], evaluation: Evaluation) -> None:
    for real, event in zip(recorded.events, events, strict=False):
        assert shown(event) == shown(real)
    assert len(events) == len(recorded.events)
    assert evaluation.outcome is not None
    assert (evaluation.outcome.kind, evaluation.outcome.exception) == (
        recorded.outcome.kind, recorded.outcome.exception)  # fmt: skip


@pytest.mark.parametrize("workspace", [False, True])
def test_a_project_is_computed_as_it_runs(tmp_path: Path, workspace: bool) -> None:
    write(tmp_path, SHOP)
    path = tmp_path / "pricing.py"
    with RecorderPool() as pool:
        for function, call in CALLS:
            recorded = pool.record(path, function, call, scope="workspace" if workspace else "file")
            events, evaluation = computed(path, function, call, workspace=workspace)
            same(recorded, events, evaluation)


PACKAGE = {
    "pyproject.toml": "",
    "acme/__init__.py": """
from acme.shop import total
from acme.geo import shape
log = [total.__name__]
shape.scale = 10
""",
    "acme/shop.py": """
from .rates import rate
seen = []
def total(price):
    seen.append(price)
    return price * rate('book') + len(seen)
total(0)
""",
    "acme/rates.py": "import acme\ndef rate(kind):\n    return len(kind) if hasattr(acme, 'log') else 0\n",
    "acme/geo/__init__.py": "from .shape import Shape\nSHAPES = [Shape()]\n",
    "acme/geo/shape.py": """
scale = 1
class Shape:
    made = 0
    def __init__(self):
        Shape.made += 1
    def area(self):
        from acme.geo import SHAPES
        from acme import log
        return scale * self.made, SHAPES[0] is self, log
""",
}


@pytest.mark.parametrize(
    ("file", "function", "call"),
    [
        ("shop.py", "total", "total(2)"),
        ("geo/shape.py", "Shape.area", "Shape().area()"),
        ("rates.py", "rate", "rate('a')"),
    ],
)
def test_a_module_of_a_package_is_loaded_where_its_packages_import_it(
    tmp_path: Path, file: str, function: str, call: str
) -> None:
    write(tmp_path, PACKAGE)
    path = tmp_path / "acme" / file
    with RecorderPool() as pool:
        recorded = pool.record(path, function, call, scope="file")
    events, evaluation = computed(path, function, call, workspace=False)
    same(recorded, events, evaluation)


LATE = {
    "pyproject.toml": "",
    "app.py": "def f(x):\n    from late import double, seen\n    return double(x), seen\n",
    "late.py": """
seen = []
def double(x):
    seen.append(x)
    return 2 * x
double(1)
""",
}


@pytest.mark.parametrize("workspace", [False, True])
def test_importing_a_module_in_the_call_is_one_step(tmp_path: Path, workspace: bool) -> None:
    write(tmp_path, LATE)
    path = tmp_path / "app.py"
    with RecorderPool() as pool:
        recorded = pool.record(path, "f", "f(3)", scope="workspace" if workspace else "file")
    events, evaluation = computed(path, "f", "f(3)", workspace=workspace)
    same(recorded, events, evaluation)
    assert recorded.outcome.value == "(6, [1, 3])"
    assert {event.function for event in events} == ({"f", "double"} if workspace else {"f"})


def test_imports_that_fail_are_tried_again_and_cycles_say_so(tmp_path: Path) -> None:
    write(tmp_path, IMPORTS)
    path = tmp_path / "app.py"
    with RecorderPool() as pool:
        recorded = pool.record(path, "f", "f()", scope="file")
    events, evaluation = computed(path, "f", "f()", workspace=False)
    same(recorded, events, evaluation)


def test_of_the_library_only_what_is_asked_for_is_interpreted(tmp_path: Path) -> None:
    imports = "import textwrap, argparse, difflib\nfrom string import capwords\n"
    write(tmp_path, {"app.py": f"{imports}def f(x):\n    return capwords(x)\n"})
    _, evaluation = computed(tmp_path / "app.py", "f", "f('a b')", workspace=False)
    assert {path.name for path in evaluation.interpreter.imports.read} <= {"string.py"}


GIVEN_UP = r"""
## a method that something unknown keeps: X
from select import poll
class Seen:
    def __init__(self):
        self.items = []
    def note(self, item):
        self.items.append(item)
seen = Seen()
waiting = poll()
waiting.note = seen.note
waiting.poll(0)
X = len(seen.items)
## an object that something unknown keeps by a key: X
from select import poll
kept = []
waiting = poll()
waiting[0] = kept
waiting.poll(0)
X = len(kept)
## a function: X
import calendar, os
X = []
def go():
    if os.getpid():
        X.append(1)
go()
## a global: X
import os
X = 1
def go():
    global X
    if os.getpid():
        X = 2
go()
## a closure: X
import os
def make():
    n = 0
    def up():
        nonlocal n
        if os.getpid():
            n = 1
        return n
    def get():
        return n
    return up, get
up, get = make()
up()
X = get()
## an attribute: C.x
import os
class C:
    x = 1
    def go(self):
        if os.getpid():
            C.x = 2
C().go()
## an attribute of an instance: c.x
import os
class C:
    def __init__(self):
        self.x = 1
        self.go()
    def go(self):
        if os.getpid():
            self.x = 2
c = C()
## a caught exception: X
import os
X = []
def g():
    os.stat('/nowhere/at/all')
    X.append(1)
try:
    g()
except OSError:
    pass
## an unknown operation that may raise: X
import sys
X = None
try:
    b'\xff'.decode(sys.getfilesystemencoding())
except UnicodeDecodeError:
    X = 1
## in another function's try: X
import os
X = []
def go():
    try:
        os.stat('/nowhere')
    except OSError:
        X.append(1)
go()
## a manager that swallows: X
import os, contextlib
X = []
with contextlib.suppress(OSError):
    os.stat('/nowhere')
    X.append(1)
## a list through an alias: X
import os
X = []
Y = {'x': X}
def go(y):
    if os.getpid():
        y['x'].append(1)
go(Y)
## a generator: X
import os
def numbers():
    for number in range(3):
        if os.getpid():
            pass
        yield number
made = numbers()
next(made)
X = list(made)
## an iterator: next(X)
import os
X = iter([1, 2])
def go():
    if os.getpid():
        next(X)
go()
## text that is executed: X
X = []
exec("X.append(1)")
## a callback: X
import unknown_elsewhere
X = []
def go():
    X.append(1)
unknown_elsewhere.run(go)
"""
"""Programs by what is given up in them, and an expression that it may have changed."""
PROGRAMS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", GIVEN_UP, re.M))


@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_was_given_up_may_have_changed_is_not_known(kind: str) -> None:
    source, value = PROGRAMS[kind], kind.rpartition(": ")[2]
    evaluation = Evaluation(f"{source}\ndef f():\n    a = 1\n    return a, {value}\n", "f()", "f")
    steps = [step for _, step in zip(range(4), evaluation, strict=False)]
    sure = [step for step in steps if isinstance(step, Event) and step.kind == "return"
            and step.provenance["value"] == "computed"]  # fmt: skip
    assert len(steps) > 1
    assert not sure


@pytest.mark.parametrize(
    ("given_up", "value"),
    [
        ("def go():\n    if os.getpid():\n        import plugin\ngo()", "registry.names"),
        ("if os.getpid():\n    import plugin", "registry.names"),
        ("import importlib\nimportlib.import_module(os.environ['PATH'])", "registry.names"),
        ("def go():\n    if os.getpid():\n        registry.more = 1\ngo()", "hasattr(registry, 'more')"),
        ("if os.getpid():\n    more = 1", "hasattr(settings, 'more')"),
    ],
)  # fmt: skip
def test_what_was_given_up_may_have_changed_other_modules(tmp_path: Path, given_up: str, value: str) -> None:
    files = {
        "pyproject.toml": "",
        "registry.py": "names = []\n",
        "plugin.py": "import registry\nregistry.names.append('plugin')\n",
        "settings.py": f"import os, registry\n{given_up}\n",
        "app.py": f"import settings, registry\ndef f():\n    return {value}\n",
    }
    write(tmp_path, files)
    path = tmp_path / "app.py"
    evaluation = Evaluation(files["app.py"], "f()", "f", module="app", around=Around(str(path), sys.executable))
    events = list(takewhile(lambda step: isinstance(step, Event), evaluation))
    assert len(events) > 1
    assert events[-1].kind == "line" or events[-1].provenance["value"] != "computed"


def test_modules_that_are_imported_by_a_call_are_computed(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        "registry.py": "names = []\n",
        "plugins/__init__.py": "",
        "plugins/one.py": "import registry\nregistry.names.append(__name__)\n",
        "app.py": """
import importlib, registry
importlib.import_module(".one", "plugins")
__import__("plugins.one")
def f():
    seen = registry.names
    return seen, importlib.import_module("plugins").__name__
""",
    }
    write(tmp_path, files)
    path = tmp_path / "app.py"
    with RecorderPool() as pool:
        recorded = pool.record(path, "f", "f()", scope="file")
    same(recorded, *computed(path, "f", "f()", workspace=False))


def test_what_a_package_has_and_which_python_runs_it_is_known(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        "acme/__init__.py": """
import sys
from . import sub
from .compat import kind, loads
def names():
    return [name for name in globals() if name != "__doc__"], __package__, len(__path__)
""",
        "acme/sub/__init__.py": "from acme.compat import kind\n",
        "acme/compat.py": """
import sys
if sys.version_info >= (3, 9) and sys.version_info[:2] >= (3, 10) and sys.hexversion > 0x03090000:
    from json import loads
    kind = "new"
else:
    from ujson import loads
    kind = "old"
def f():
    import json.decoder, os, time
    from acme import sub as inner
    import acme.sub
    same = json.decoder is sys.modules["json.decoder"], inner is acme.sub
    return kind, loads("[1]"), same, os.sep, sys.version_info.minor
""",
    }
    write(tmp_path, files)
    with RecorderPool() as pool:
        for file, function in (("compat.py", "f"), ("__init__.py", "names")):
            path = tmp_path / "acme" / file
            recorded = pool.record(path, function, f"{function}()", scope="file")
            events, evaluation = computed(path, function, f"{function}()", workspace=False)
            same(recorded, events, evaluation)
            assert not {"predicted", "unknown"} & {source for event in events for source in event.provenance.values()}


HOSTILE = {
    "pyproject.toml": "",
    "large.py": "X = [\n" + "1,\n" * 600_000 + "]\nraise ValueError\n",
    **{f"chain{number}.py": f"import chain{number + 1}\nY = 1\n" for number in range(300)},
    "chain300.py": "",
    "changes.py": "import builtins\nsetattr(builtins, 'len', None)\n",
    "endless.py": "X = 1\nwhile X:\n    X += 1\n",
}


@pytest.mark.parametrize("module", ["large", "chain0", "changes", "endless"])
def test_after_an_import_in_the_call_that_is_not_followed_nothing_is_computed(tmp_path: Path, module: str) -> None:
    write(tmp_path, HOSTILE)
    path = tmp_path / "app.py"
    source = f"def f():\n    import {module}\n    return len([1])\n"
    evaluation = Evaluation(source, "f()", "f", module="app", around=Around(str(path), sys.executable))
    events = list(takewhile(lambda step: isinstance(step, Event), evaluation))
    assert [event.kind for event in events[:2]] == ["call", "line"]
    assert evaluation.outcome is None
    assert all(event.kind != "return" for event in events)


def test_what_it_cannot_reach_is_known() -> None:
    source = (
        "import os\nX = []\nY = []\ndef go():\n    if os.getpid():\n        X.append(1)\ngo()\ndef f():\n    return Y\n"
    )
    evaluation = Evaluation(source, "f()", "f")
    assert not any(isinstance(step, Question) for step in evaluation)
    assert evaluation.outcome is not None
    assert evaluation.outcome.value == "[]"
