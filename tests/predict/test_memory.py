"""What runs have taught: answers hold as far as their reasons do, through edits, and never further."""

from __future__ import annotations

import random
import sys
import textwrap
from dataclasses import replace

import pytest

from benchmarks.versions import pythons
from cwm_lsp.evaluate import Around
from cwm_lsp.lsp.views.hover import hover
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.predict.memory import Run
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.record.inprocess import record_in_process
from cwm_lsp.record.privacy import without_secrets
from cwm_lsp.source.functions import find
from cwm_lsp.trace.events import Trace

WHEN = "2026-01-02T03:04:05+00:00"

SOURCE = '''\
import random
import time


RATE = 3


class Shop:
    def __init__(self, name):
        self.name = name

    def price(self, item):
        return random.randint(1, 10**9) + len(item)


def fetch(key):
    return {"key": key, "n": random.randint(1, 10**9)}


def total(keys):
    """Adds up."""
    result = 0
    started = time.time()
    for key in keys:
        row = fetch(key)
        result += row["n"] * RATE
    shop = Shop("s")
    paid = shop.price("tea")
    if paid > 5 * 10**8:
        result -= 1
    try:
        broken = int(time.strftime("x%S"))
    except ValueError as error:
        broken = str(error)[:10]
    return result, started, paid, broken
'''
CALL = "total(['a', 'b', 'a'])"


OLD = [str(python) for python in pythons([(3, 8), (3, 9)]).values()]
"""Pythons whose steps are not followed."""


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load()


def predicted(predictor, source, runs, call=CALL, function="total"):
    task = Task("/w/app.py", source, find(source, function, "/w/app.py"), call, "__recorded__")
    return predictor.predict(task, budget=Budget(sure=0.94), runs=runs)


def ran(source=SOURCE, call=CALL, function="total", seed=1):
    random.seed(seed)
    line = next(n for n, text in enumerate(source.splitlines(), 1) if text.startswith(f"def {function}("))
    return record_in_process(source, function, call, target=(function, line), path="/w/app.py")


def shown(trace):
    return [(event.kind, event.line, event.depth, dict(event.locals), event.value) for event in trace.events]


@pytest.fixture(scope="module")
def run():
    return Run(ran(), WHEN)


def test_after_a_run_the_same_code_goes_as_it_went(predictor, run):
    assert predicted(predictor, SOURCE, []).outcome.kind == "truncated"
    trace = predicted(predictor, SOURCE, [run])
    assert shown(trace) == shown(run.trace)
    assert trace.outcome.value == run.trace.outcome.value
    assert trace.runs == (WHEN,)
    assert trace.stats.forward_passes == 0
    assert trace.events[-1].provenance == {"value": "remembered"}
    first = next(event for event in trace.events if "started" in event.locals)
    assert first.provenance["started"] == "remembered"
    assert first.provenance["result"] == "computed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("row", "record"),  # a variable renamed
        ("started", "when"),
        ('result += row["n"] * RATE', 'n = row["n"]\n        result += n * RATE'),
        ("    started = time.time()\n", '    print("begins")\n    started = time.time()\n'),
        ("result = 0\n    started = time.time()", "started = time.time()\n    result = 0"),
        ("result -= 1", "result -= 7"),
        ("5 * 10**8", "0"),
        ('"""Adds up."""', '"""Adds up.\n\n    And more.\n    """'),
        ("return result, started, paid, broken", "return [result, started]"),
    ],
)  # fmt: skip
def test_after_an_edit_the_run_answers_what_it_can(predictor, run, old, new):
    source = SOURCE.replace(old, new)
    assert source != SOURCE
    trace = predicted(predictor, source, [run])
    again = ran(source)
    if "time.time" in old:  # the clock of the second run is another one
        assert [event.line for event in trace.events] == [event.line for event in again.events]
    told = eval(trace.outcome.value)
    real = eval(again.outcome.value)
    assert told[0] == real[0]
    assert told[1] == eval(run.trace.outcome.value)[1]


def test_each_pass_keeps_its_answer(predictor, run):
    rows = [event.locals["row"] for event in run.trace.events if "row" in event.locals]
    trace = predicted(
        predictor, SOURCE.replace("keys:\n", "keys:\n        if key == 'b':\n            continue\n"), [run]
    )
    assert {event.locals["row"] for event in trace.events if "row" in event.locals} == {rows[0], rows[-1]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("random.randint(1, 10**9)}", "random.randint(1, 10)}"),  # the statement
        ("def fetch(key):", "def fetch(key):\n    key = key + key"),  # what it reads
        ("time.time()", "time.monotonic()"),
    ],
)
def test_what_was_changed_has_no_answer(predictor, run, old, new):
    trace = predicted(predictor, SOURCE.replace(old, new), [run])
    assert trace.outcome.kind == "truncated"
    changed = SOURCE[: SOURCE.index(old)].count("\n") + 1
    assert trace.events[-1].line <= changed + 2 or trace.events[-1].depth == 0


def test_what_a_statement_mentions_has_to_mean_the_same(predictor):
    source = textwrap.dedent(
        """\
        import time
        LIMIT = 1
        def wrap(f):
            return time.__dict__.get("none", f)
        @time.__dict__.get("none", wrap)
        def ask(n):
            return time.time() + n + LIMIT
        def f(n):
            value = ask(n)
            return value
        """
    )
    run = Run(ran(source, "f(2)", "f"), WHEN)
    kept = predicted(predictor, source.replace("return value", "return -value"), [run], "f(2)", "f")
    for old, new in (("LIMIT = 1", "LIMIT = 2"), ("+ n", "- n")):
        trace = predicted(predictor, source.replace(old, new), [run], "f(2)", "f")
        assert not any("value" in event.locals and event.provenance["value"] == "remembered" for event in trace.events)
    assert kept.outcome.kind in ("return", "truncated")


def test_an_object_that_an_edit_may_have_changed_is_another_one(predictor):
    source = (
        "import time\n\n\nclass Shop:\n    def __init__(self, rate):\n        self.rate = rate\n\n\n"
        "def f(n):\n    rate = n\n    shop = Shop(rate)\n    x = time.time() * shop.rate\n    y = x\n    return y\n"
    )
    run = Run(ran(source, "f(2)", "f"), WHEN)
    for old, new in (("rate = n\n", "rate = n + 1\n"), ("    x = ", "    shop.rate += 1\n    x = ")):
        assert predicted(predictor, source.replace(old, new), [run], "f(2)", "f").outcome.kind == "truncated"
    later = predicted(predictor, source.replace("y = x", "y = [x]"), [run], "f(2)", "f")
    assert later.outcome.value == f"[{run.trace.outcome.value}]"


def test_other_calls_of_the_function_answer_where_they_read_the_same(predictor, run):
    trace = predicted(predictor, SOURCE, [run], "total(['b'])")
    rows = [event.locals["row"] for event in run.trace.events if "row" in event.locals and "'b'" in event.locals["row"]]
    assert next(event.locals["row"] for event in trace.events if "row" in event.locals) == rows[0]
    assert predicted(predictor, SOURCE, [run], "total(['other'])").outcome.kind == "truncated"


def test_nothing_that_follows_a_guess_is_remembered(predictor, run):
    without = replace(run.trace, events=run.trace.events[:3])
    trace = predicted(predictor, SOURCE, [Run(without, WHEN)])
    assert trace.outcome.kind == "truncated"


def test_a_later_pass_than_there_was_is_not_known(predictor):
    source = (
        "import random\n\n\ndef f(n):\n    found = []\n    for _ in range(n):\n        x = random.random()\n"
        "        found.append(x)\n    return found\n"
    )
    run = Run(ran(source, "f(3)", "f"), WHEN)
    trace = predicted(predictor, source, [run], "f(2)", "f")
    assert trace.outcome.value == str(eval(run.trace.outcome.value)[:2]).replace("'", "")
    assert predicted(predictor, source, [run], "f(5)", "f").outcome.value is None


@pytest.mark.parametrize(
    "made",
    ["[row[0].upper() for row in found]", "{row[1] for row in found}", "{row[0]: row[1] for row in found}",
     "sorted(\n        row[0]\n        for row in found\n    )",
     # that a condition holds shows in no event, only in what is made
     "[row[0].upper() for row in found if row[1] > 5]", "[row[0] for row in found if not row[1] > 5]",
     "{row[1] for row in found if row[1] > 5}", "{row[0]: row[1] for row in found if row[1] > 5 or row[0] == 'tea'}",
     "{row[0]: row[1] for row in found if row[1] > 5 and row[0] == 'pot'}",
     "[(row[0], n) for row in found for n in (3, 9) if row[1] > n]"],
)  # fmt: skip
def test_comprehensions_go_on_over_what_a_run_has_seen(predictor, made):
    source = f"""\
import sqlite3


def rows():
    link = sqlite3.connect(":memory:")
    link.execute("create table items (name text, price int)")
    link.executemany("insert into items values (?, ?)", [("tea", 4), ("pot", 20)])
    found = link.execute("select name, price from items")
    made = {made}
    return made
"""
    run = Run(ran(source, "rows()", "rows"), WHEN)
    edited = source.replace("    return made", "    print('made')\n    return made")
    real, found = ran(edited, "rows()", "rows"), predicted(predictor, edited, [run], "rows()", "rows")
    assert found.outcome.kind != "truncated"
    assert replace(found.outcome, detail=None) == replace(real.outcome, detail=None)
    assert [(event.kind, event.line, event.depth) for event in found.events] == [
        (event.kind, event.line, event.depth) for event in real.events
    ]


def test_what_a_function_called_has_raised_is_raised_there(predictor):
    source = """\
import sqlite3


def number(row):
    return int(row[0])


def rows():
    link = sqlite3.connect(":memory:")
    try:
        return number(link.execute("select 'x'").fetchone())
    except ValueError:
        return None
"""
    run = Run(ran(source, "rows()", "rows"), WHEN)
    edited = source.replace("        return None", "        return 0")
    real, found = ran(edited, "rows()", "rows"), predicted(predictor, edited, [run], "rows()", "rows")
    told = [(event.kind, event.line, event.depth) for event in found.events]
    assert told == [(event.kind, event.line, event.depth) for event in real.events]
    assert found.outcome.value == "0"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("len(infos)", "2"),
        ("[one.st_size for one in infos]", "[3, 5]"),
        ("infos[1].st_size + infos[0].st_size", "8"),
        ("sum(one.st_size for one in infos if one.st_size > 3)", "5"),
        ("by['b'].st_size if infos else 0", "5"),
        ("len(entries) and bool(entries)", "True"),
    ],
)
def test_what_is_new_in_the_code_reads_fields_and_parts_of_what_a_run_saw(predictor, tmp_path, more, told):
    (tmp_path / "a").write_text("abc")
    (tmp_path / "b").write_text("abcde")
    source = """\
import os


def sizes(folder):
    infos = [os.stat(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
    by = dict(zip("ab", infos))
    entries = list(os.scandir(folder))
    return 0
"""
    call = f"sizes({str(tmp_path)!r})"
    run = Run(ran(source, call, "sizes"), WHEN)
    edited = source.replace("return 0", f"return {more}")
    trace = predicted(predictor, edited, [run], call, "sizes")
    assert trace.outcome.value == told == ran(edited, call, "sizes").outcome.value
    assert trace.events[-1].provenance == {"value": "remembered"}


def test_an_object_that_unknown_code_was_given_has_no_fields_any_more(predictor):
    source = """\
import _stat
import os
import random


def size(path):
    info = os.stat(path)
    return 0
"""
    run = Run(ran(source, "size('/')", "size"), WHEN)
    for last, is_known in (
        ("return info.st_nlink * 0", True),
        ("random.Random(info)\n    return info.st_nlink", False),
    ):
        trace = predicted(predictor, source.replace("return 0", last), [run], "size('/')", "size")
        assert (trace.events[-1].provenance == {"value": "remembered"}) is is_known


ELSEWHERE = """\
import random

class Item:
    def __init__(self, name):
        self.name = name
        self.qty = random.randint(1, 9)

class Cart:
    __slots__ = ("items", "owner", "empty")
    def __init__(self, names):
        self.items = [Item(name) for name in names]
        self.owner = {"name": "Ann"}
        self.secret_token = "s3cret-value"
    secret_token = property(lambda self: 1, lambda self, value: None)

class Answer:
    def __init__(self, code):
        self.code = code
        self.token = "s3cret-value"
    def __repr__(self):
        return f"<Answer [{self.code}]>"
    def __len__(self):
        return 0

def forget(cart):
    cart.items[0].qty = 0
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A module that is not followed."""
    (tmp_path / "cwm_elsewhere.py").write_text(ELSEWHERE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cwm_elsewhere", raising=False)


@pytest.mark.parametrize(
    ("more", "is_known"),
    [
        ("return [item.qty for item in cart.items]", True),
        ("return cart.items[-1].name + cart.owner['name']", True),
        ("return 'full' if cart else 'empty'", True),
        ("return cart is None, None is not answer", True),
        ("return len(cart.items), answer.code + 1", True),
        ("both = [answer, cart]\n    return both[1].items[0].name", True),
        ("return cart.secret_token", False),  # a property: to read it runs code
        ("return cart.empty", False),  # it was not there
        ("return 1 if answer else 0", False),  # which asks `__len__`
        ("return answer.token", False),  # not kept
        ("cwm_elsewhere.forget(cart)\n    return cart.items[0].qty", False),
        ("other = cwm_elsewhere.Answer(7)\n    return cart.items[0].qty", False),
    ],
)
def test_new_code_reads_what_is_in_objects_that_a_run_saw(predictor, elsewhere, more, is_known):
    source = "import cwm_elsewhere\n\n\ndef f(names):\n    cart = cwm_elsewhere.Cart(names)\n"
    source += "    answer = cwm_elsewhere.Answer(len(cart.items))\n    return 0\n"
    call = "f(['a', 'b'])"
    kept = without_secrets(ran(source, call, "f"))
    assert kept is not None
    assert "s3cret" not in str(kept.to_json())
    run = Run(Trace.from_json(kept.to_json(), source), WHEN)
    edited = source.replace("return 0", more)
    trace, real = predicted(predictor, edited, [run], call, "f"), ran(edited, call, "f")
    assert (trace.events[-1].provenance == {"value": "remembered"}) is is_known
    assert not is_known or trace.outcome.value == real.outcome.value
    told = next(event for event in trace.events if "cart" in event.locals)
    assert told.locals["cart"] == "<cwm_elsewhere.Cart object>"


def test_what_a_statement_had_that_read_something_else_is_a_suggestion(predictor, run):
    trace = predicted(predictor, SOURCE, [run], "total(['other'])")
    end = trace.events[-1]
    assert (end.line, end.locals) == (17, {"key": "'other'"})  # where the prediction ends
    [(name, text)] = end.suggested.items()
    assert name == "value" and text.startswith(("{'key': 'a', 'n': ", "{'key': 'b', 'n': "))
    assert Trace.from_json(trace.to_json(), SOURCE).events[-1].suggested == end.suggested
    shown = ShownTrace.of(trace, Shape.of(SOURCE, {event.line for event in trace.events}))
    assert shown is not None
    [visit] = [one for one in shown.visits().values() if one.line == 17]
    assert "in a run in which this line read something else: return = {'key'" in hover(
        shown, visit, [], None, [], markdown=False
    )
    assert not visit.values  # nothing of it shows beside the line
    changed = SOURCE.replace("random.randint(1, 10**9)}", "random.randint(1, 10**8)}")
    assert not predicted(predictor, changed, [run], "total(['other'])").events[-1].suggested


def test_moments_of_a_run_are_what_new_code_reckons_with(predictor):
    source = "import time\nfrom datetime import datetime, timedelta\n\n\n"
    source += "def f():\n    now = datetime.fromtimestamp(time.time())\n    return 0\n"
    run = Run(ran(source, "f()", "f"), WHEN)
    edited = source.replace("return 0", "return now.year > 2000, (now - timedelta(days=1)).date() < now.date()")
    trace = predicted(predictor, edited, [run], "f()", "f")
    assert (trace.outcome.value, trace.events[-1].provenance) == ("(True, True)", {"value": "remembered"})


@pytest.mark.parametrize("python", OLD)
def test_what_the_evaluator_guesses_by_itself_is_from_no_run(predictor, tmp_path, python):
    source = "def f(n):\n    more = n + 1\n    return more\n"
    path = str(tmp_path / "old.py")
    task = Task(path, source, find(source, "f", path), "f(8)", around=Around(path, python))
    trace = predictor.predict(task)
    assert not trace.runs
    assert not {"remembered", "computed"} & {one for event in trace.events for one in event.provenance.values()}
