"""What is shown of a trace."""

from dataclasses import replace

import pytest
from lsprotocol import types as lsp

from cwm_lsp.lsp.text import Text
from cwm_lsp.lsp.views.diagnostics import diagnostics
from cwm_lsp.lsp.views.document import document, ending
from cwm_lsp.lsp.views.hints import hints, label_of
from cwm_lsp.lsp.views.hover import Link, hover
from cwm_lsp.lsp.views.reading import Reading
from cwm_lsp.lsp.views.shape import Shape
from cwm_lsp.settings import Diagnostics, Hints
from cwm_lsp.trace.compare import compare

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


def labels(reading: Reading, selection=None, settings=None) -> dict[int, str]:
    visits = reading.visits(selection or {})
    return {line: label for line, visit in visits.items() if (label := label_of(visit, settings or Hints()))}


def test_each_line_shows_what_it_produced_in_the_latest_iteration():
    assert labels(reading_of(LOOPS, "f([1, 2, 3])", "f")) == {
        1: "n ≈ 2 · 6/6",
        2: "twice ≈ 4",
        3: "≈ 4",
        5: "xs ≈ [1, 2, 3]",
        6: "total ≈ 0",
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
        6: "total ≈ 0",
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
            "for x in xs:\n        if x: continue\n        y = x\n    else:\n        z = 1\n    return",
            "f([0, 1])",
            6,
            "z ≈ 1",
        ),
        ("import os", "f([])", 2, None),
        ("g = lambda: 1", "f([])", 2, None),
        ("def g(): pass", "f([])", 2, None),
        ("x = 1\n    x = 1\n    return", "f([])", 3, "x ≈ 1"),
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
    assert labels(reading, {1: 4}) == {1: "n ≈ 1 · 4/4", 3: "≈ 1"}


def test_glyphs_tell_predicted_from_certain():
    source = "def f(a):\n    b = a + 1\n    return b\n"
    assert labels(reading_of(source, "f(1)", "f", provenance="computed", confidence=None))[2] == "b = 2"
    assert labels(reading_of(source, "f(1)", "f", origin="recorded", provenance="recorded"))[2] == "b = 2"


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


def differing(source: str, wrong: str, call: str, name: str) -> Reading:
    """A run of `source` held against the prediction that it is `wrong`."""
    predicted = replace(trace_of(wrong, call, name), source=source)
    recorded = trace_of(source, call, name, origin="recorded", provenance="recorded", confidence=None)
    shape = Shape.of(source, {event.line for event in recorded.events})
    return Reading.of(recorded, shape, compare(predicted, recorded))


def test_where_the_run_differed_both_values_are_shown():
    source = "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n"
    reading = differing(source, source.replace("+=", "-="), "f([1, 2])", "f")
    shown = labels(reading)
    assert shown[4] == "t ≈ -3 ≠ 3 · 2/2"
    assert shown[5] == "≈ -3 ≠ 3"
    assert shown[2] == "t = 0"
    text = Text(source)
    found = diagnostics(reading, text, lambda line: line - 1, "file:///a.py", Diagnostics(), {"uri": "file:///a.py"})
    assert found and all(diagnostic.code.startswith("divergence-") for diagnostic in found)
    first = found[0]
    assert first.range.start.line == 3 and "t was 1" in first.message and "predicted -1" in first.message
    assert first.severity == lsp.DiagnosticSeverity.Information


def test_a_likely_crash_is_told_where_it_is_raised_with_the_way_there():
    source = "def g(s):\n    return int(s)\n\ndef f(s):\n    return g(s)\n"
    reading = reading_of(source, "f('x')", "f")
    (found,) = diagnostics(reading, Text(source), lambda line: line - 1, "file:///a.py", Diagnostics(), {})
    assert found.range == lsp.Range(lsp.Position(1, 4), lsp.Position(1, 17))
    assert found.message == "f('x') likely raises ValueError: invalid literal for int() with base 10: 'x' (95 %)"
    assert [(link.location.range.start.line, link.message) for link in found.related_information] == [
        (4, "called from f"),
        (3, "in f('x')"),
    ]
    unsure = reading_of(source, "f('x')", "f", confidence=0.2)
    assert diagnostics(unsure, Text(source), lambda line: line - 1, "file:///a.py", Diagnostics(), {}) == []


def test_the_hover_tells_all_of_a_line():
    reading = reading_of(LOOPS, "f([1, 2, 3])", "f")
    visit = reading.visits()[9]
    link = Link("Predict", "cwm.predict", {"uri": "file:///a b.py"})
    text = hover(reading, visit, reading.path_of({}, 9), "xs", [link], markdown=True)
    assert "`f([1, 2, 3])` as predicted · iteration 3/3 of line 8 · iteration 3/3 of line 7" in text
    table = [line for line in text.split("\n") if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert ["**total**", "`4`", "`8`", "likely, 95 %"] in rows
    assert ["**x**", "`3`", "unchanged", "likely, 95 %"] in rows
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
    shown = hints(reading.visits().values(), text, lambda line: line + 1, Hints(), {"uri": "u"})
    assert [(hint.position.line, hint.position.character) for hint in shown] == [(2, 9), (3, 15), (4, 12)]
    assert shown[1].data == {"uri": "u", "line": 2}
    assert hints(reading.visits().values(), text, lambda _line: None, Hints(), {}) == []
