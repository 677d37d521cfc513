"""What is shown of a trace."""

from dataclasses import replace

import pytest
from lsprotocol import types as lsp

from cwm_lsp.lsp.anchor import TrackedSpans
from cwm_lsp.lsp.checked import Test as CheckedTest
from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.diagnostics import Told, diagnostics
from cwm_lsp.lsp.views.document import document, ending
from cwm_lsp.lsp.views.hints import hints, inlay_hint, label_of
from cwm_lsp.lsp.views.hover import Link, bare, hover
from cwm_lsp.lsp.views.reading import ShownTrace
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.lsp.views.unreached import unreached
from cwm_lsp.lsp.views.verdicts import summaries
from cwm_lsp.settings import Diagnostics, Hints
from cwm_lsp.trace.compare import compare
from cwm_lsp.trace.events import Outcome
from cwm_lsp.verdicts.verdict import Verdict

from .tracing import reading_of, trace_of

LOOPS = """\
def double(n):
    twice = n * 2
    return twice

def f(xs):
    total = 0
    for x in xs:
        for k in range(x):
            total += double(k)
        if x == 2:
            seen = [y for y in xs]
    while total > 6: total -= 1
    return total
"""


def labels(reading: ShownTrace, selection=None, settings=None) -> dict[int, str]:
    visits = reading.visits(selection or {})
    return {
        line: label for line, visit in visits.items() if (label := label_of(visit, settings or Hints(max_length=43)))
    }


def test_each_line_shows_what_it_produced_in_the_latest_iteration():
    assert labels(reading_of(LOOPS, "f([1, 2, 3])", "f")) == {
        1: "n ≈ 2 · 6/6",
        2: "twice ≈ 4",
        3: "≈ 4",
        5: "xs ≈ [1, 2, 3]",
        7: "x ≈ 3 · 3/3",
        8: "k ≈ 2 · 3/3",
        9: "total ≈ 8 · 3/3",
        12: "total ≈ 6 · 2/2",
        13: "≈ 6",
    }


def test_iterations_and_calls_are_looked_at_one_by_one():
    reading = reading_of(LOOPS, "f([1, 2, 3])", "f")
    second = labels(reading, {7: 2})
    assert second[7] == "x ≈ 2 · 2/3"
    assert second[8] == "k ≈ 1 · 2/2"
    assert second[11] == "seen ≈ [1, 2, 3] · 2/3"
    assert labels(reading, {7: 2, 8: 1})[9] == "total ≈ 0 · 1/2"
    assert labels(reading, {1: 1})[2] == "twice ≈ 0"
    assert labels(reading, {7: 99, 8: -5})[8] == "k ≈ 0 · 1/3"
    assert [(place.line, place.number, place.count) for place in reading.path_of({7: 2}, 9)] == [(8, 2, 2), (7, 2, 3)]


def test_a_trace_is_looked_at_as_of_any_of_its_steps():
    reading = reading_of(LOOPS, "f([1, 2, 3])", "f")
    events, ends = reading.trace.events, {7: 11, 8: 9, 12: 12}
    for index, event in enumerate(events):
        is_step = event.kind in ("call", "line") and event.function != "<listcomp>"
        # The visit of a header that only ends its loop belongs to no iteration.
        if is_step and not (event.line in ends and events[index + 1].line > ends[event.line]):
            assert reading.visits(reading.as_of(index))[event.line].index == index

    adding = [index for index, event in enumerate(events) if event.line == 9]
    assert labels(reading, reading.as_of(adding[2])) == {
        1: "n ≈ 0 · 2/6",  # the last call before it
        2: "twice ≈ 0",
        3: "≈ 0",
        5: "xs ≈ [1, 2, 3]",
        7: "x ≈ 2 · 2/3",
        8: "k ≈ 1 · 2/2",
        9: "total ≈ 2 · 2/2",
        11: "seen ≈ [1, 2, 3] · 2/3",
        12: "total ≈ 7 · 1/2",  # yet to come
        13: "≈ 6",
    }


def test_recursion_is_looked_at_in_the_call_that_a_step_is_in():
    source = "def f(n):\n    if n:\n        f(n - 1)\n    return n\n"
    reading = reading_of(source, "f(2)", "f")
    returning = [index for index, event in enumerate(reading.trace.events) if event.kind == "line" and event.line == 4]
    assert [labels(reading, reading.as_of(index))[1] for index in returning] == [
        "n ≈ 0 · 3/3",
        "n ≈ 1 · 2/3",
        "n ≈ 2 · 1/3",
    ]


@pytest.mark.parametrize(
    ("body", "call", "line", "expected"),
    [
        ("for x in xs:\n        pass", "f([])", 2, None),
        ("for x in xs: y = x", "f([4, 5])", 2, "x ≈ 5, y ≈ 5 · 2/2"),
        ("for x in (\n        xs\n    ):\n        y = x", "f([4, 5])", 5, "y ≈ 5 · 2/2"),
        ("while True:\n        xs.pop()\n        if not xs: break", "f([1, 2])", 3, "xs ≈ [] · 2/2"),
        ("for x in xs:\n        if x: continue\n        y = x\n    else:\n        z = 1", "f([0, 1])", 4, None),
        (
            "for x in xs:\n        if x: continue\n        y = x\n    else:\n        z = x\n    return",
            "f([0, 1])",
            6,
            "z ≈ 1",
        ),
        ("import os", "f([])", 2, None),
        ("g = lambda: 1", "f([])", 2, None),
        ("def g(): pass", "f([])", 2, None),
        ("x = 1\n    x = abs(1)\n    return", "f([])", 3, "x ≈ 1"),
        ("x = 1\n    return", "f([])", 2, None),
        ("x: list = []  # empty\n    return", "f([])", 2, None),
        ("x = 0x10\n    return", "f([])", 2, None),
        ("return True", "f([])", 2, None),
        ("xs.append(5)\n    return", "f([1, 2])", 2, "xs ≈ [1, 2, 5]"),
        ("xs[1] = 5\n    return", "f([1, 2])", 2, "xs[1] ≈ 2 → 5"),
        ("xs['b']['c'] = 5\n    return", "f({'a': 1, 'b': {}})", 2, "xs['b']['c'] ≈ 5"),
        ("xs.append('end')\n    return", "f(list(range(100)))", 2, "xs ≈ [… 100 more, 'end']"),
        ("o = object()\n    return", "f([])", 2, None),
        ("del xs\n    return", "f([])", 2, None),
        ("return", "f([])", 2, "≈ None"),
        ("pass", "f([])", 2, None),
        ("raise ValueError('no')", "f([])", 2, "≈ raises ValueError('no')"),
        (
            "try:\n        xs[9]\n    except IndexError as e:\n        z = 1\n    return z",
            "f([])",
            3,
            "≈ raises IndexError('list index out of r…')",
        ),
        ("a = b = xs\n    return", "f([1])", 2, "a ≈ [1], b ≈ [1]"),
        ("a, b = 'x' * 99, 'y' * 99\n    return", "f([])", 2, "a ≈ 'xxxxxxxxxxxxx…', b ≈ 'yyyyyyyyyyyyyy…'"),
    ],
)
def test_lines(body, call, line, expected):
    source = f"def f(xs):\n    {body}\n"
    assert labels(reading_of(source, call, "f")).get(line) == expected


def test_a_loop_that_raises_at_its_header_shows_that():
    source = "def f():\n    for x in map(int, ['1', 'a']):\n        y = x\n"
    shown = labels(reading_of(source, "f()", "f"))
    assert shown[2].startswith("≈ raises ValueError(") and shown[2].endswith("· 2/2")


def test_recursion_shows_the_call_that_was_asked_for_first():
    source = "def fact(n):\n    if n < 2:\n        return 1\n    return n * fact(n - 1)\n"
    reading = reading_of(source, "fact(4)", "fact")
    assert labels(reading) == {1: "n ≈ 4 · 1/4", 4: "≈ 24"}
    assert labels(reading, {1: 3}) == {1: "n ≈ 2 · 3/4", 4: "≈ 2"}


def test_glyphs_tell_predicted_from_certain():
    source = "def f(a):\n    b = a + 1\n    return b\n"
    assert labels(reading_of(source, "f(1)", "f", provenance="computed", confidence=None))[2] == "b = 2"
    assert labels(reading_of(source, "f(1)", "f", origin="recorded", provenance="recorded"))[2] == "● b = 2"


def test_what_the_model_is_not_sure_of_is_not_shown():
    reading = reading_of("def f(a):\n    b = a + 1\n    return b\n", "f(1)", "f", confidence=0.4)
    assert labels(reading) == {}
    assert labels(reading, settings=Hints(min_confidence=0.4))[2] == "b ≈ 2"
    assert labels(reading, settings=Hints(min_confidence=0.4, show_confidence=True))[2] == "b ≈ 2 40 %"


@pytest.mark.parametrize("width", range(10, 80, 7))
def test_no_hint_is_longer_than_it_may_be(width):
    body = "for i in range(n):\n        a, bcd, efgh = list(range(n)), {'k' * 30: n}, 'z' * 50\n    return a"
    source = f"def f(n):\n    {body}\n"
    settings = Hints(max_length=width)
    for label in labels(reading_of(source, "f(20)", "f"), settings=settings).values():
        assert len(label) <= max(width, 30), label


def differing(source: str, wrong: str, call: str, name: str, change=lambda trace: trace, **how) -> ShownTrace:
    """A run of `source` held against the prediction that it is `wrong`."""
    predicted = change(replace(trace_of(wrong, call, name, **how), source=source))
    recorded = trace_of(source, call, name, origin="recorded", provenance="recorded", confidence=None)
    shape = Shape.of(source, {event.line for event in recorded.events})
    return ShownTrace.of(recorded, shape, compare(predicted, recorded))


def test_where_the_run_differed_both_values_are_shown():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    reading = differing(source, source.replace("+=", "-="), "f([1, 2])", "f")
    shown = labels(reading)
    assert shown[4] == "● t ≈ -3 ≠ 3 · 2/2"
    assert shown[5] == "● ≈ -3 ≠ 3"
    assert 2 not in shown, "the line says so itself"


def located(_path, line: int) -> lsp.Location:
    return lsp.Location("file:///a.py", lsp.Range(lsp.Position(line - 1, 0), lsp.Position(line - 1, 0)))


def problems(reading: ShownTrace, settings=None, **how) -> list[lsp.Diagnostic]:
    text = Text(reading.trace.source)
    return diagnostics(Told.of(reading), text, lambda line: line - 1, located, settings or Diagnostics(), {}, **how)


def test_wrong_guesses_are_one_mark_where_they_begin_and_no_problem():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    (mark,) = problems(differing(source, source.replace("+=", "-="), "f([1, 2])", "f"))
    assert mark.severity == lsp.DiagnosticSeverity.Hint
    assert mark.range.start.line == 3
    assert mark.message.startswith("the guesses differ from here: t was 1 in iteration 1, guessed -1 (and 1 more")
    assert [link.message for link in mark.related_information] == ["returned 3, guessed -3"]


def test_a_run_that_contradicts_what_was_computed_is_a_problem():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    how = {"provenance": "computed", "confidence": None}
    found = problems(differing(source, source.replace("+=", "-="), "f([1, 2])", "f", **how))
    assert [(one.range.start.line, one.code, one.message) for one in found] == [
        (3, "divergence-value", "t was 1 in iteration 1, computed -1"),
        (4, "divergence-return", "returned 3, computed -3"),
    ]
    assert found[0].severity == lsp.DiagnosticSeverity.Information


def test_the_end_of_a_prediction_that_was_cut_off_is_no_problem():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    assert problems(differing(source, source, "f([1, 2])", "f", change=lambda trace: cut(trace, 4))) == []


def test_a_computed_crash_is_told_where_it_is_raised_with_the_way_there():
    source = "def g(s):\n    return int(s)\n\ndef f(s):\n    return g(s)\n"
    reading = reading_of(source, "f('x')", "f", provenance="computed", confidence=None)
    (found,) = problems(reading)
    assert found.range == lsp.Range(lsp.Position(1, 4), lsp.Position(1, 17))
    assert found.message == "raises ValueError: invalid literal for int() with base 10: 'x' · in f('x')"
    assert [(link.location.range.start.line, link.message) for link in found.related_information] == [
        (4, "called from f"),
        (3, "in f('x')"),
    ]
    assert problems(reading, tells_crash=False) == []
    assert labels(reading)[2].startswith("✗ raises ValueError(")


def test_a_guessed_crash_is_a_problem_only_where_it_is_asked_for():
    source = "def f(s):\n    return int(s)\n"
    reading = reading_of(source, "f('x')", "f")
    assert problems(reading) == []
    (found,) = problems(reading, Diagnostics(guesses=True))
    assert found.message.startswith("likely raises ValueError: ") and "(95 %) · in f('x')" in found.message
    assert problems(reading_of(source, "f('x')", "f", confidence=0.2), Diagnostics(guesses=True)) == []
    assert labels(reading)[2].startswith("≈ raises ValueError(")


def test_the_call_comes_after_the_news_and_is_cut():
    source = "def f(xs):\n    return xs[9]\n"
    (found,) = problems(reading_of(source, f"f({list(range(9))} * 1)", "f", provenance="computed", confidence=None))
    assert found.message.startswith("raises IndexError: list index out of range · in f(")
    (found,) = problems(reading_of(source, "f(['" + "a" * 300 + "'])", "f", provenance="computed", confidence=None))
    assert len(found.message) < 120 and found.message.endswith("…'])")


def cut(trace, count: int, why: str = "what print(…, file=sys.stderr) does is not known"):
    """The trace as far as `count` events."""
    return replace(trace, events=trace.events[:count], outcome=Outcome("truncated", detail=why))


def test_a_prediction_that_ends_early_says_where_and_why():
    reading = reading_of(
        LOOPS, "f([1, 2, 3])", "f", lambda trace: cut(trace, 3), provenance="computed", confidence=None
    )
    assert (reading.end.line, reading.end.why) == (7, "what print(…, file=sys.stderr) does is not known")
    shown = {hint.line + 1: hint.label for hint in hints(reading, reading.visits().values(), lambda n: n - 1, Hints())}
    assert shown == {
        5: "xs = [1, 2, 3]",
        7: "⋯ known up to here: what print(…, file=sys.stderr) does is not known",
    }
    link = Link("Run", "cwm.predictThenRun", {})
    assert "`f([1, 2, 3])` is known up to line 7: what print(" in bare(reading, 13, [link], markdown=True)
    assert "[Run](command:" in bare(reading, 13, [link], markdown=True)
    assert "is known up to line 7" in hover(reading, reading.visits()[7], [], None, [], markdown=True)
    assert bare(reading, 4, [], markdown=True) == ""


def test_of_a_call_of_which_nothing_is_known_the_def_says_so():
    reading = replace(reading_of(LOOPS, "f([1])", "f", lambda trace: cut(trace, 0, "the file takes too long")), first=5)
    (hint,) = hints(reading, (), lambda line: line - 1, Hints())
    assert (hint.line, hint.label) == (4, "⋯ known up to here: the file takes too long")
    assert "is known up to line 5: the file takes too long" in bare(reading, 6, [], markdown=False)


def test_a_call_that_never_ends_says_so():
    def endless(trace):
        outcome = Outcome("endless", detail="never ends: the state of line 7 returns after 1 round")
        return replace(trace, events=trace.events[:4], outcome=outcome)

    reading = reading_of(LOOPS, "f([1, 2, 3])", "f", endless, provenance="computed", confidence=None)
    labels = [hint.label for hint in hints(reading, reading.visits().values(), lambda line: line - 1, Hints())]
    assert "⋯ never ends: the state of line 7 returns after 1 round" in "\n".join(labels)


def test_a_loop_that_was_cut_off_shows_the_last_iteration_that_was_finished():
    whole = trace_of(LOOPS, "f([1, 2, 3])", "f")
    adding = [index for index, event in enumerate(whole.events) if event.line == 9]
    reading = reading_of(LOOPS, "f([1, 2, 3])", "f", lambda trace: cut(trace, adding[-1] + 3))
    shown = labels(reading)
    assert shown[7] == "x ≈ 2 · 2/3"
    assert shown[9] == "total ≈ 2 · 2/2"
    assert labels(reading, {7: 3})[7] == "x ≈ 3 · 3/3", "it can be looked at all the same"


BRANCHES = """\
def f(x):
    if x > 1:
        a = 1
    else:
        a = 2
    if a > 1:
        b = 1
    else:
        b = 2
    return b
"""


def test_only_facts_dim_what_is_not_reached():
    computed = {"provenance": "computed", "confidence": None}
    whole = trace_of(BRANCHES, "f(5)", "f", **computed)
    assert unreached(whole) == [5, 7]
    assert unreached(trace_of(BRANCHES, "f(5)", "f", origin="recorded", provenance="recorded")) == [5, 7]
    assert unreached(trace_of(BRANCHES, "f(5)", "f")) == [], "all is guessed"
    guessed = trace_of(BRANCHES, "f(5)", "f")
    partly = replace(whole, events=(*whole.events[:3], *guessed.events[3:]))
    assert unreached(partly) == [5], "the second branch is taken on the word of a guess"
    assert unreached(cut(whole, 3)) == [5], "and here it may still be taken"


def test_what_a_loop_may_still_come_to_is_not_dimmed():
    source = "def f(xs):\n    for x in xs:\n        if x:\n            y = x\n        z = x\n    return z\n"
    whole = trace_of(source, "f([0, 0])", "f", provenance="computed", confidence=None)
    assert unreached(whole) == [4]
    assert unreached(cut(whole, 5)) == []
    known = replace(whole, events=whole.events[:5], outcome=replace(whole.outcome, cut="the limit was reached"))
    assert unreached(known) == [], "how the call ends is known, and not which way it goes there"


def test_the_hover_tells_all_of_a_line():
    reading = reading_of(LOOPS, "f([1, 2, 3])", "f")
    visit = reading.visits()[9]
    link = Link("Predict", "cwm.predict", {"uri": "file:///a b.py"})
    text = hover(reading, visit, reading.path_of({}, 9), "xs", [link], markdown=True)
    assert "`f([1, 2, 3])` as predicted · iteration 3/3 of line 8 · iteration 3/3 of line 7" in text
    table = [line for line in text.split("\n") if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert ["**total**", "`4`", "`8`", "guessed, 95 %"] in rows
    assert ["**x**", "`3`", "unchanged", "guessed, 95 %"] in rows
    assert len({len(line) for line in table}) == 1, "columns line up"
    assert "(command:cwm.predict?%5B%7B%22uri%22" in text
    plain = hover(reading, visit, [], None, [link], markdown=False)
    assert "command:" not in plain and "`" not in plain and "total" in plain


def test_the_hover_has_the_whole_value_under_the_cursor():
    reading = reading_of("def f():\n    long = list(range(100))\n    return long\n", "f()", "f")
    visit = reading.visits()[2]
    assert "96, 97, 98, 99]" in hover(reading, visit, [], "long", [], markdown=True)
    assert "96, 97, 98, 99]" not in hover(reading, visit, [], "other", [], markdown=True)


@pytest.mark.parametrize("value", ["a|b", "`x`", "a\nb", "``` |"])
def test_values_do_not_break_the_table(value):
    reading = reading_of("def f(v):\n    w = v\n    return w\n", f"f({value!r})", "f")
    table = [
        line for line in hover(reading, reading.visits()[2], [], None, [], markdown=True).split("\n") if line[:1] == "|"
    ]
    assert len(table) == 4
    assert all(line.replace("\\|", "").count("|") == 5 for line in table)


def test_the_document_has_a_row_a_step():
    text = document(reading_of(LOOPS, "f([2])", "f"))
    rows = text.splitlines()
    assert rows[0] == "# f([2]) as predicted"
    assert rows[-1] == "# likely returns 2"
    assert any("total += double(k)" in row and "total ≈ 2 · 2/2" in row for row in rows)
    assert any("    twice = n * 2" in row for row in rows)
    headers = [row.split("for x in xs:")[1].strip() for row in rows if "for x in xs:" in row]
    assert headers == ["x ≈ 2 · 1/2", "· 2/2"]  # the second time it ends the loop


def test_the_values_in_the_document_are_in_one_column_however_long_the_code_is():
    source = "def f(a):\n    a_name_that_is_long_enough_to_be_cut = a\n    b = a\n    return b\n"
    rows = document(reading_of(source, "f(1)", "f")).splitlines()[2:4]
    assert rows[0].index("a_name_that_is_long_enough_to_be_cut ≈ 1") == rows[1].index("b ≈ 1")
    assert "a_name_that_is_long_enough_…  " in rows[0]


def test_a_prediction_is_never_worded_as_a_fact():
    source = "def f(a):\n    return 1 // a\n"
    assert ending(trace_of(source, "f(1)", "f")) == "likely returns 1"
    assert ending(trace_of(source, "f(1)", "f", confidence=0.2)) == "perhaps returns 1"
    assert ending(trace_of(source, "f(0)", "f")).startswith("likely raises ZeroDivisionError: ")
    assert ending(trace_of(source, "f(1)", "f", origin="recorded")) == "returned 1"


def test_hints_stand_at_the_end_of_their_lines_wherever_these_are_now():
    source = "def f(a):\n    b = a  # é  \n    return b\n"
    reading = reading_of(source, "f(1)", "f")
    text = Text("\n\n" + source, "utf-8")
    told = hints(reading, reading.visits().values(), lambda line: line + 1, Hints())
    shown = [inlay_hint(hint, text, {"uri": "u"}) for hint in told]
    assert [(hint.position.line, hint.position.character) for hint in shown] == [(2, 9), (3, 15), (4, 12)]
    assert shown[1].data == {"uri": "u", "line": 2}
    assert list(hints(reading, reading.visits().values(), lambda _line: None, Hints())) == []


def test_a_long_trace_is_drawn_as_far_as_a_person_can_look():
    from cwm_lsp.lsp.views.document import ending
    from cwm_lsp.trace import side_by_side as view
    from cwm_lsp.trace.events import Event, Outcome, Trace

    events = tuple(Event("line", 2 + at % 2, 0, "f", {"n": str(at)}) for at in range(view._MOST + 5))
    trace = Trace("f", "f()", "m.py", "recorded", "def f():\n    a\n    b\n", events, Outcome("return", value="1"))
    drawn = view.side_by_side(None, trace, ending)
    assert len(drawn["recorded"]["events"]) == len(drawn["pairs"]) == view._MOST
    assert drawn["recorded"]["ending"] == "returned 1 (the first 20,000 of 20,005 steps are shown)"
    assert view.side_by_side(None, replace(trace, events=events[:50]), ending)["recorded"]["ending"] == "returned 1"


WATCHED = """\
def f(xs):  # cwm: watch t*
    total = 0
    for x in xs:
        total += x
    def inner(k):
        # cwm: watch k, twi*
        twice = k * 2
        return twice
    last = inner(total)
    return last
"""


def test_only_the_names_show_that_are_wanted():
    reading = reading_of(WATCHED, "f([1, 2])", "f")
    assert labels(reading) == {4: "total ≈ 3 · 2/2", 7: "twice ≈ 6", 8: "≈ 6", 10: "≈ 6"}
    assert labels(reading, settings=Hints(hide=("total",))) == {7: "twice ≈ 6", 8: "≈ 6", 10: "≈ 6"}
    plain = reading_of(WATCHED.replace("cwm:", ""), "f([1, 2])", "f")
    assert labels(plain, settings=Hints(only=("last",))) == {8: "≈ 6", 9: "last ≈ 6", 10: "≈ 6"}
    assert "last ≈ 6" in document(reading), "the whole trace has them all"


def test_what_was_remembered_and_comes_otherwise_does_not_look_like_a_guess():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    how = {"provenance": "remembered", "confidence": None}
    shown = labels(differing(source, source.replace("+=", "-="), "f([1])", "f", **how))
    assert shown[4] == "● t ↺ -1 ≠ 1"
    assert shown[5] == "● ↺ -1 ≠ 1"


@pytest.mark.parametrize(
    "verdicts, told",
    [
        ("pass", "✓ 1 doctest likely passes"),
        ("unknown", "? 1 doctest not known"),
        ("unknown unknown", "? 2 doctests not known"),
        ("pass unknown", "? 1 of 2 doctests likely passes, 1 not known"),
        ("pass fail unknown", "✗ 1 of 3 doctests likely passes, 1 not known"),
        ("fail pass pass", "✗ 2 of 3 doctests likely pass"),
    ],
)
def test_a_lens_says_what_is_known_of_doctests(verdicts, told):
    found = [Verdict("a.py", 2, "a.py::f::doctest:2", word) for word in verdicts.split()]
    tests = [CheckedTest(verdict, TrackedSpans([(1, 3)]), 2, is_doctest=True) for verdict in found]
    assert summaries(tests) == {"f": told}
