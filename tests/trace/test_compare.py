import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cwm_lsp.trace.compare import Divergence, align, compare, same_value
from cwm_lsp.trace.events import Event, Outcome, Trace
from cwm_lsp.trace.facts import sure_part
from cwm_lsp.trace.values import same_but_cut, same_but_hidden
from tests.trace.programs import PROGRAMS
from tests.trace.tracer import TooLong, record

DATA = Path(__file__).parents[2].parent / "shared" / "data"

as_on_3_11 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="comprehensions have no scope on this Python")

LOOP = """\
def f(xs):
    total = 0
    for x in xs:
        if x > 2:
            total += x
        total += 1
    return total
"""


def predicted(trace: Trace, **changes) -> Trace:
    return replace(trace, origin="predicted", **changes)


def with_local(trace: Trace, index: int, name: str, value: str) -> Trace:
    events = list(trace.events)
    events[index] = replace(events[index], locals={**events[index].locals, name: value})
    return predicted(trace, events=tuple(events))


def run_of(source: str, call: str, of: str) -> Trace:
    """The run of `source`, told as one of the program `of`, whose lines are the same but for what they say."""
    return predicted(record(source, call), source=of)


def short(divergence: Divergence) -> tuple:
    d = divergence
    return d.kind, d.line, d.iteration, d.variable, d.predicted, d.actual


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_trace_does_not_differ_from_itself(name):
    trace = record(*PROGRAMS[name])
    assert compare(predicted(trace), trace) == []
    assert align(predicted(trace), trace) == [(i, i) for i in range(len(trace.events))]


@pytest.mark.parametrize("name", PROGRAMS)
def test_addresses_are_no_difference(name):
    source, call = PROGRAMS[name]
    assert compare(predicted(record(source, call)), record(source, call)) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_wrong_value_is_one_divergence(name):
    trace = record(*PROGRAMS[name])
    choose = random.Random(name)
    places = [i for i, event in enumerate(trace.events) if event.kind == "line" and event.locals]
    for index in choose.sample(places, min(8, len(places))):
        variable = choose.choice(list(trace.events[index].locals))
        divergences = compare(with_local(trace, index, variable, "'wrong'"), trace)
        actual = trace.events[index].locals[variable]
        assert [(d.kind, d.event_index, d.variable, d.predicted, d.actual) for d in divergences] == [
            ("value", index, variable, "'wrong'", actual)
        ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_trace_that_is_cut_is_one_divergence(name):
    trace = record(*PROGRAMS[name])
    cut = Outcome("truncated")
    for end in random.Random(name).sample(range(1, len(trace.events)), min(8, len(trace.events) - 1)):
        shorter = replace(trace, events=trace.events[:end], outcome=cut)
        assert [(d.kind, d.event_index) for d in compare(predicted(shorter), trace)] == [("length", end)]
        assert [(d.kind, d.event_index) for d in compare(predicted(trace), shorter)] == [("length", end - 1)]
        assert compare(predicted(shorter), shorter) == []


def test_a_wrong_value_is_told_where_it_is_made_and_once_until_it_changes():
    trace = record(LOOP, "f([1, 3, 2])")
    events = list(trace.events)
    first = next(i for i, e in enumerate(events) if e.line == 5) + 1  # after `total += x` in the second iteration
    for index in range(first, len(events) - 2):
        events[index] = replace(events[index], locals={**events[index].locals, "total": "9"})
    divergences = compare(predicted(trace, events=tuple(events)), trace)
    assert [short(d) for d in divergences] == [
        ("value", 5, 1, "total", "9", "4"),
        ("value", 6, 2, "total", "9", "5"),
        ("value", 6, 3, "total", "9", "6"),
    ]
    assert divergences[0].event_index == first


def test_a_missing_and_an_invented_variable():
    trace = record(LOOP, "f([])")
    events = list(trace.events)
    events[2] = replace(events[2], locals={"xs": "[]", "totals": "0"})
    assert [short(d) for d in compare(predicted(trace, events=tuple(events)), trace)] == [
        ("value", 2, None, "total", None, "0"),
        ("value", 2, None, "totals", "0", None),
    ]


def test_a_branch_taken_otherwise_is_one_divergence():
    run = record(LOOP, "f([1, 3, 2])")
    other = run_of(LOOP.replace("x > 2", "x > 1"), "f([1, 3, 2])", LOOP)
    assert [short(d) for d in compare(other, run)] == [
        ("control-flow", 4, 3, None, "line 5", "line 6"),
        ("value", 6, 3, "total", "8", "6"),
        ("return", 7, None, None, "8", "6"),
    ]


def test_an_iteration_more_or_less_is_one_divergence():
    run = record(LOOP, "f([1, 3, 5])")
    rows = [(i, e) for i, e in enumerate(run.events) if e.line == 3]
    for iteration in range(3):
        begin, end = rows[iteration][0], rows[iteration + 1][0]
        less = predicted(run, events=run.events[:begin] + run.events[end:])
        assert [d.kind for d in compare(less, run)] == ["control-flow"]
        assert [d.kind for d in compare(predicted(run), less)] == ["control-flow"]
        assert [row for row in align(less, run) if row[0] is None] == [(None, i) for i in range(begin, end)]
    early = record(LOOP.replace("in xs", "in xs[:2]"), "f([1, 3, 5])")
    assert [short(d) for d in compare(predicted(early, source=LOOP), run)] == [
        ("control-flow", 3, 3, None, "line 7", "line 4"),
        ("return", 7, None, None, "5", "11"),
    ]


def test_a_crash_in_one_of_them_is_one_divergence():
    source = """\
def h(x):
    y = 10 // x
    return y
def g(x):
    z = h(x)
    return z + 1
def f(x):
    try:
        a = g(x)
    finally:
        b = 1
    c = a
    d = c
    return d
"""
    crash, fine = record(source, "f(0)"), record(source, "f(0 or 1)")
    fine = replace(fine, events=tuple(same_argument(event) for event in fine.events))
    error = "ZeroDivisionError('integer division or modulo by zero')"
    assert [short(d) for d in compare(predicted(fine), crash)] == [("exception", 2, None, None, None, error)]
    assert [short(d) for d in compare(predicted(crash), fine)] == [("exception", 2, None, None, error, None)]
    assert compare(predicted(fine), crash)[0].event_index == next(
        i for i, event in enumerate(crash.events) if event.kind == "exception"
    )


def same_argument(event: Event) -> Event:
    return replace(event, locals={**event.locals, "x": "0"}) if event.locals else event


def test_another_exception_and_another_line():
    source = "def f(x):\n    try:\n        y = [1][x]\n        z = 1 // y\n    except IndexError:\n        return 1\n"
    run = record(source, "f(5)")
    events = tuple(
        replace(e, value=e.value.replace("list index out of range", "no")) if e.kind == "exception" else e
        for e in run.events
    )
    assert [short(d) for d in compare(predicted(run, events=events), run)] == [
        ("exception", 3, None, None, "IndexError('no')", "IndexError('list index out of range')")
    ]
    later = list(run.events)
    crash = next(i for i, event in enumerate(later) if event.kind == "exception")
    later.insert(crash, replace(later[crash - 1], line=4))
    later[crash + 1] = replace(later[crash + 1], line=4)
    kinds = [(d.kind, d.line) for d in compare(predicted(run, events=tuple(later)), run)]
    assert kinds == [("control-flow", 3)]


def test_values_that_pass_through_calls_are_told_once():
    source = "def g(y):\n    z = y\n    return 1\ndef f(x):\n    x = x + 1\n    return g(x)\n"
    run = record(source, "f(1)")
    other = run_of(source.replace("x + 1", "x + 2"), "f(1)", source)
    assert [short(d) for d in compare(other, run)] == [
        ("value", 5, None, "x", "3", "2"),
        ("value", 2, None, "z", "3", "2"),
    ]


def test_a_call_that_only_one_of_them_makes():
    source = "def g():\n    return 0\ndef f(x):\n    y = x or g()\n    return y\n"
    run = record(source, "f(0)")
    other = run_of(source.replace("x or g()", "x and g()"), "f(0)", source)
    assert [short(d) for d in compare(other, run)] == [
        ("control-flow", 4, None, None, "line 5", "call of g"),
    ]


@as_on_3_11
def test_inlined_comprehensions_are_no_difference():
    source = """\
def g(x):
    return x * 2
def f(xs):
    ys = [g(x)
          for x in xs
          if x]
    zs = {y: [z for z in ys] for y in ys}
    return ys, zs
"""
    run = record(source, "f([1, 0, 2])")
    inlined: list[Event] = []
    inside = 0
    for event in run.events:  # as 3.12 reports it: no scopes, the loops' lines in the code around
        if event.function == "<listcomp>" or event.function == "<dictcomp>":
            inside += {"call": 1, "return": -1}.get(event.kind, 0)
            if event.kind == "line":
                names = {name: value for name, value in event.locals.items() if name != ".0"}
                around = next(e for e in reversed(inlined) if e.function == "f" and e.kind == "line")
                inlined.append(replace(event, function="f", depth=0, locals={**around.locals, **names}))
        else:
            inlined.append(replace(event, depth=event.depth - inside))
    newer = replace(run, events=tuple(inlined))
    assert compare(predicted(run), newer) == []
    assert compare(predicted(newer), run) == []
    wrong = with_local(run, len(run.events) - 2, "ys", "[]")
    assert [(d.kind, d.variable) for d in compare(wrong, newer)] == [("value", "ys")]


def test_a_wrong_value_in_a_comprehension():
    source = "def f(xs):\n    return sum([x + 1 for x in xs])\n"
    if sys.version_info >= (3, 12):
        pytest.skip("comprehensions have no scope on this Python")
    run = record(source, "f([1, 2])")
    at = max(i for i, event in enumerate(run.events) if event.function == "<listcomp>" and event.kind == "line")
    assert [short(d) for d in compare(with_local(run, at, "x", "7"), run)] == [("value", 2, 2, "x", "7", "2")]


@pytest.mark.parametrize(
    ("told", "hidden", "same"),
    [
        ("<DB tables=[]>", "<db.DB object>", True),
        ("[<DB tables=[]>, 5]", "[<db.DB object>, 5]", True),
        ("[<DB tables=[]>, 6]", "[<db.DB object>, 5]", False),
        ("{'a': Table(1, 2), 'b': Table(3, 4)}", "{'a': <db.Table object>, 'b': <db.Table object>}", True),
        ("{'a': Table(1, 2)}", "{'a': <db.Table object>, 'b': <db.Table object>}", False),
        ("5", "<db.DB object>", False),
        ("'DB'", "<db.DB object>", False),
        ("[5]", "[<db.DB object>]", False),
        ("[]", "[<db.DB object>]", False),
    ],
)
def test_a_repr_that_was_not_called_is_no_difference(told, hidden, same):
    assert same_but_hidden(told, hidden) is same
    run = record("def f(x):\n    y = x\n    return 1\n", "f(0)")
    marked = with_local(run, 2, "y", hidden)
    mark = replace(marked.events[2], mark="y: __repr__ changes the object")
    marked = replace(marked, events=(*marked.events[:2], mark, *marked.events[3:]))
    assert compare(with_local(run, 2, "y", told), marked) is not same


def test_the_recorded_value_may_be_cut():
    run = record("def f(x):\n    y = x\n    return y\n", "f([1, 2, 3])")
    cut = with_local(run, 2, "y", "[1, 2, ...]")
    cut = replace(cut, events=(*cut.events[:2], replace(cut.events[2], mark="y: cut"), *cut.events[3:]))
    assert compare(predicted(run), cut) == []
    assert [d.variable for d in compare(with_local(run, 2, "y", "[1, 3]"), cut)] == ["y"]


def test_a_divergence_is_json():
    trace = record(LOOP, "f([3])")
    divergence = compare(with_local(trace, 3, "x", "4"), trace)[0]
    assert json.loads(json.dumps(divergence.to_json())) == {
        "kind": "value",
        "line": 3,
        "event_index": 3,
        "variable": "x",
        "predicted": "4",
        "actual": "3",
        "iteration": 1,
        "computed": True,
        "path": None,
        "remembered": False,
    }


@pytest.mark.parametrize(
    ("guess", "computed"),
    [
        (None, [True, True]),
        (1, [False, False]),  # what comes after a guess may depend on it
        (4, [True, False]),
        (5, [True, True]),
    ],
)
def test_a_divergence_tells_whether_what_was_predicted_had_been_computed(guess, computed):
    run = record(LOOP, "f([1, 2])")
    told = with_local(with_local(run, 3, "x", "7"), 5, "total", "9")
    events = list(told.events)
    if guess is not None:
        events[guess] = replace(events[guess], confidence=0.9, provenance={"xs": "predicted"})
    events[5] = replace(events[5], provenance={**events[5].provenance, "total": "computed"})
    found = compare(replace(told, events=tuple(events)), run)
    assert [(one.variable, one.computed) for one in found] == list(zip(["x", "total"], computed, strict=True))


def test_nothing_recorded_and_nothing_predicted():
    run = record(LOOP, "f([])")
    nothing = replace(run, events=(), outcome=Outcome("timeout"))
    assert [d.kind for d in compare(predicted(nothing), run)] == ["length"]
    assert compare(predicted(nothing), nothing) == []
    assert align(predicted(nothing), run) == [(None, i) for i in range(len(run.events))]


def test_large_traces_that_differ_everywhere():
    run = record(LOOP, "f(range(3000))")
    assert len(run.events) > 9_000
    events = list(run.events)
    choose = random.Random(0)
    noisy = tuple(replace(e, line=6) if choose.random() < 0.05 else e for e in events if choose.random() < 0.95)
    assert len(compare(predicted(run, events=noisy), run)) > 100
    choose.shuffle(events)
    assert compare(predicted(run, events=tuple(events)), run)


def test_aligned_rows_keep_all_events_in_order():
    run = record(LOOP, "f([1, 3, 5, 2])")
    choose = random.Random(1)
    for _ in range(50):
        other = predicted(run, events=tuple(e for e in run.events if choose.random() < 0.8))
        rows = align(other, run)
        assert [a for a, _ in rows if a is not None] == list(range(len(other.events)))
        assert [b for _, b in rows if b is not None] == list(range(len(run.events)))


@as_on_3_11
@pytest.mark.long
def test_cruxeval():
    path = DATA / "cruxeval.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    for line in path.read_text().splitlines():
        row = json.loads(line)
        trace = record(row["code"], f"f({row['input']})")
        assert compare(predicted(trace), trace) == []
        end = len(trace.events) // 2
        cut = predicted(trace, events=trace.events[:end], outcome=Outcome("truncated"))
        assert [d.kind for d in compare(cut, trace)] == ["length"], row["id"]


@as_on_3_11
@pytest.mark.long
def test_the_real_mispredictions_differ_from_the_runs():
    from cwm_lsp.trace.wire import decode

    path = DATA / "cwm32b_mispredictions.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    for line in path.read_text().splitlines():
        row = json.loads(line)
        try:
            run = record(row["context"], "main()", limit=2_000)
        except TooLong:
            continue
        prediction = decode(row["trace"], row["context"], function="main")
        divergences = compare(prediction, run)
        assert all(0 <= d.event_index < len(run.events) for d in divergences)
        right = (prediction.outcome.kind, prediction.outcome.value) == (run.outcome.kind, run.outcome.value)
        assert divergences or right, row["id"]


@pytest.mark.parametrize(
    ("predicted_repr", "actual"),
    [
        ("<A object>", "<A object at 0x7f00>"),
        ("[<A object at 0x1>, 2]", "[<A object at 0x22>, 2]"),
        ("{1, 2, 3}", "{3, 1, 2}"),
        ("{'a, }', 'b'}", "{'b', 'a, }'}"),
        ("[{(1, 2), frozenset({'x', 'y'})}]", "[{frozenset({'y', 'x'}), (1, 2)}]"),
        ("{'k': {2, 1}}", "{'k': {1, 2}}"),
        ("<str_iterator object>", "<str_ascii_iterator object at 0x7f1e63a6b220>"),
        ("<module 'json' from '/a/b.py'>", "<module 'json' from '/c/b.py'>"),
        ("(<__main__.A object>, <class '__main__.A'>)", "(<shop.cart.A object at 0x7f00>, <class 'shop.cart.A'>)"),
    ],
)
def test_the_same_value(predicted_repr, actual):
    assert same_value(predicted_repr, actual)
    assert same_value(actual, predicted_repr)


@pytest.mark.parametrize(
    ("predicted_repr", "actual"),
    [
        ("1", "1.0"),
        ("0.1", "0.10000000000000001"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
        ("[1, 2]", "[2, 1]"),
        ("'{1, 2}'", "'{2, 1}'"),
        ("<A object>", "<B object>"),
        ("<a.C object>", "<b.C object>"),
        ("<__main__.A object>", "<shop.B object>"),
        ("{1, 2}", "{1, 2, 3}"),
        ("{", "}"),
        ("'a", "'b"),
    ],
)
def test_another_value(predicted_repr, actual):
    assert not same_value(predicted_repr, actual)
    assert not same_value(actual, predicted_repr)


def test_what_is_not_known_is_predicted_without_a_chance_in_json() -> None:
    event = Event("line", 2, 0, "f", {"x": "<C object>", "y": "1"}, provenance={"x": "unknown", "y": "computed"})
    data = event.to_json()
    assert data["provenance"] == {"x": "predicted", "y": "computed"}
    assert data["confidences"] == {"x": 0.0}
    assert Event.from_json(data) == event


def test_steps_in_other_files_are_compared_where_both_traces_have_them():
    own = [Event("call", 1, 0, "f"), Event("line", 2, 0, "f")]
    there = [Event("call", 1, 1, "g", {"x": "1"}, path="/g.py"), Event("return", 2, 1, "g", value="2", path="/g.py")]
    end = [Event("return", 2, 0, "f", value="2")]

    def trace(origin, events):
        return Trace("f", "f()", "f.py", origin, "def f():\n    return g(1)\n", tuple(events), Outcome("return", "2"))

    other = [there[0], replace(there[1], value="3")]
    assert compare(trace("predicted", own + end), trace("recorded", own + there + end)) == []
    assert compare(trace("predicted", own + there + end), trace("recorded", own + end)) == []
    assert compare(trace("predicted", own + there + end), trace("recorded", own + there + end)) == []
    (found,) = compare(trace("predicted", own + there + end), trace("recorded", own + other + end))
    assert (found.kind, found.path, found.event_index) == ("return", "/g.py", 3)


@pytest.mark.parametrize(
    ("predicted", "cut", "same"),
    [
        ("'1111'", "'11'...", True),
        ("['aa', 'bbbb']", "['aa', 'b'...]", True),
        ("{'a': b'xyz'}", "{'a': b'x'...}", True),
        ("'1211'", "'11'...", False),
        ("['ab', 'bbbb']", "['aa', 'b'...]", False),
        ("[1, 99999]", "[1, <int of 17 bits>...]", True),
        ("[2, 99999]", "[1, <int of 17 bits>...]", False),
    ],
)
def test_what_was_cut_is_compared_as_far_as_it_goes(predicted, cut, same):
    assert same_but_cut(predicted, cut) is same


def test_what_hangs_on_a_guess_under_the_threshold_is_no_outcome_and_no_divergence():
    run = run_of(LOOP, "f([1, 5])", "f")
    doubtful = with_local(run, 3, "total", "7")
    events = [replace(event, confidence=0.4 if at >= 3 else None) for at, event in enumerate(doubtful.events)]
    guessed = replace(doubtful, events=tuple(events))
    told = sure_part(guessed, 0.5)
    assert len(told.events) == 3
    assert told.outcome == Outcome("truncated", detail="how the call ends is not known")
    assert {divergence.kind for divergence in compare(told, run)} <= {"length"}
    assert sure_part(guessed, 0.4) is guessed
    assert "value" in {divergence.kind for divergence in compare(guessed, run)}
