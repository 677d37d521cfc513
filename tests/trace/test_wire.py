import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.trace.events import Event, ExceptionInfo, Outcome, Trace
from cwm_lsp.trace.wire import Decoder, context, decode, encode, prompt
from tests.trace.generated import program
from tests.trace.programs import PROGRAMS
from tests.trace.tracer import TooLong, record

DATA = Path(__file__).parents[2].parent / "shared" / "data"

as_on_3_11 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="comprehensions have no scope on this Python")

SOURCE = """\
def f(xs):
    total = 0
    for x in xs:
        if x:
            total += x
        else:
            total += x
    return total
"""
CALL = '<|call_sep|>{"xs": "[1, 0]"}<|action_sep|>def f(xs):\n<|frame_sep|>'
FIRST = '<|line_sep|>{"xs": ".."}<|action_sep|>    total = 0\n<|frame_sep|>'
HEADER = '<|line_sep|>{"xs": "..", "total": "0"}<|action_sep|>    for x in xs:\n<|frame_sep|>'


def decoded_again(trace: Trace) -> Trace:
    """What remains of a trace on the wire, with what is no part of it put back."""
    decoded = decode(
        encode(trace), trace.source, function=trace.function, call=trace.call, path=trace.path, origin=trace.origin
    )
    return replace(decoded, stats=trace.stats)


def data(name: str) -> list[dict]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_text_of_a_trace():
    source = """\
def g(y):
    return [y for y in [y]]

def f(x):
    z = 'é'
    a = g(x)
    return int(a)
"""
    if sys.version_info >= (3, 12):
        pytest.skip("comprehensions have no scope on this Python")
    frames = encode(record(source, "f(1)")).split("<|frame_sep|>")
    iterator = frames[5].split('"')[3]
    assert iterator.startswith("<tuple_iterator object at 0x")
    line = "    return [y for y in [y]]\n"
    error = "TypeError(\\\"int() argument must be a string, a bytes-like object or a real number, not 'list'\\\")"
    assert frames == [
        '<|call_sep|>{"x": "1"}<|action_sep|>def f(x):\n',
        '<|line_sep|>{"x": ".."}<|action_sep|>    z = \'é\'\n',
        '<|line_sep|>{"x": "..", "z": "\'\\u00e9\'"}<|action_sep|>    a = g(x)\n',
        '<|call_sep|>{"y": "1"}<|action_sep|>def g(y):\n',
        f'<|line_sep|>{{"y": ".."}}<|action_sep|>{line}',
        f'<|call_sep|>{{".0": "{iterator}"}}<|action_sep|>{line}',
        f'<|line_sep|>{{".0": ".."}}<|action_sep|>{line}',
        f'<|line_sep|>{{".0": "..", "y": "1"}}<|action_sep|>{line}',
        f'<|return_sep|><|action_sep|>{line}<|arg_sep|>"[1]"',
        f'<|return_sep|><|action_sep|>{line}<|arg_sep|>"[1]"',
        '<|line_sep|>{"x": "1", "z": "\'\\u00e9\'", "a": "[1]"}<|action_sep|>    return int(a)\n',
        "<|exception_sep|><|action_sep|>    return int(a)\n"
        f"<|arg_sep|>\"(<class 'TypeError'>, {error}, <traceback object>)\"",
        '<|return_sep|><|action_sep|>    return int(a)\n<|arg_sep|>"None"',
        "",
    ]


def test_an_exception_does_not_reset_the_differences_and_a_return_does():
    source = "def f(x):\n    try:\n        g()\n    except NameError:\n        return (lambda: x)() + 1\n"
    text = encode(record(source, "f(1)"))
    assert '<|line_sep|>{"x": ".."}<|action_sep|>    except NameError:' in text
    assert '<|call_sep|>{"x": "1"}<|action_sep|>        return (lambda' in text


def test_the_context_marks_where_the_trace_starts():
    assert context("a = 1\ndef f():\n    pass\n", 2) == "a = 1\ndef f():  # << START_OF_TRACE\n    pass\n"
    assert prompt("def f(): 0", 1) == (
        "<|begin_of_text|><|trace_context_start|>def f(): 0  # << START_OF_TRACE<|frame_sep|>"
    )


@as_on_3_11
@pytest.mark.parametrize("name", PROGRAMS)
def test_round_trip(name):
    trace = record(*PROGRAMS[name])
    assert decoded_again(trace) == trace


@as_on_3_11
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(60))
def test_round_trip_of_random_programs(seed):
    for argument in (0, 1, 6):
        trace = record(program(seed), f"f({argument})", limit=3_000)
        assert decoded_again(trace) == trace


@as_on_3_11
@pytest.mark.slow
def test_round_trip_of_cruxeval():
    for row in data("cruxeval.jsonl"):
        trace = record(row["code"], f"f({row['input']})")
        assert decoded_again(trace) == trace, row["id"]


@as_on_3_11
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_pieces_may_be_cut_anywhere(choices):
    name = choices.draw(st.sampled_from(["exceptions-1", "generators-0", "classes", "comprehensions-0", "texts-0"]))
    trace = record(*PROGRAMS[name])
    text = encode(trace)
    cuts = sorted(choices.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    decoder = Decoder(trace.source, function=trace.function)
    events = [e for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) for e in decoder.feed(text[a:b])]
    assert len(events) == len(trace.events)
    assert decoder.finish().events == trace.events


@as_on_3_11
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_text_is_an_error(choices):
    """Frames cut, doubled, shuffled and damaged: every complete one is an event, and what is wrong is marked."""
    source, call = PROGRAMS[choices.draw(st.sampled_from(["exceptions-1", "generators-0", "closures-0", "classes"]))]
    frames = encode(record(source, call)).split("<|frame_sep|>")[:-1]
    for _ in range(choices.draw(st.integers(1, 4))):
        at = choices.draw(st.integers(0, len(frames) - 1))
        match choices.draw(st.integers(0, 4)):
            case 0:
                frames[at] = frames[at][: choices.draw(st.integers(0, len(frames[at])))]
            case 1:
                frames.insert(at, frames[choices.draw(st.integers(0, len(frames) - 1))])
            case 2 if len(frames) > 1:
                del frames[at]
            case 3:
                frames[at] = frames[at].replace(choices.draw(st.sampled_from(['"', "{", "\n", "_sep", ": "])), "", 1)
            case 4:
                frames[at] += choices.draw(st.text(max_size=5))
    trace = decode("<|frame_sep|>".join([*frames, ""]), source)
    assert len(trace.events) == len(frames)
    for event in trace.events:
        assert event.mark or event.line


@pytest.mark.parametrize(
    ("text", "mark", "line"),
    [
        ('<|line_sep|>{"xs": "..", "total": "0"}<|action_sep|>    for y in ys:\n', "no such line", 0),
        ('<|line_sep|>{"xs": "..", "total": "0"}<|action_sep|>    return total\n', "cannot follow line 2", 8),
        ('<|line_sep|>{"xs": "..", "nope": ".."}<|action_sep|>    for x in xs:\n', "unknown .. of nope", 3),
        ('<|line_sep|>{"xs": "..", "total": 0}<|action_sep|>    for x in xs:\n', "a value is not a string", 3),
        ('<|line_sep|>{"xs": "..", "total": "0<|action_sep|>    for x in xs:\n', "invalid JSON", 3),
        ('<|line_sep|>["xs"]<|action_sep|>    for x in xs:\n', "invalid locals", 3),
        ("<|line_sep|><|action_sep|>    for x in xs:\n", "no locals", 3),
        ('<|line_sep|>{"xs": ".."}', "no line, cut off", 3),
        ('<|line_sep|>{"xs": "..", "total": "0"}<|action_sep|>    for x', "cut off", 3),
        ('{"xs": "..", "total": "0"}<|action_sep|>    for x in xs:\n', "no kind of event", 3),
        ('<|return_sep|><|action_sep|>    total = 0\n<|arg_sep|>"0"', "cannot return here", 2),
        ('<|return_sep|><|action_sep|>    return total\n<|arg_sep|>"0"', "cannot follow line 2", 8),
        ("<|return_sep|><|action_sep|>    total = 0\n", "no value, cannot return here", 2),
        ('<|exception_sep|><|action_sep|>    total = 0\n<|arg_sep|>"x"', "cannot raise", 2),
        ('<|call_sep|>{"a": "1"}<|action_sep|>def elsewhere(a):\n', "not in this file", 0),
        ('<|call_sep|>{"xs": "[]"}<|action_sep|>def f(xs):\n', "cannot be called here", 1),
        ("", "no kind of event, no locals, no line, cut off", 3),
    ],
)
def test_what_is_wrong_is_marked(text, mark, line):
    trace = decode(CALL + FIRST + text + "<|frame_sep|>", SOURCE)
    assert [event.mark for event in trace.events[:2]] == [None, None]
    assert (trace.events[2].mark, trace.events[2].line) == (mark, line)


def test_what_follows_a_wrong_line_is_not_wrong():
    wrong = '<|line_sep|>{"xs": "..", "total": "0"}<|action_sep|>    nonsense()\n<|frame_sep|>'
    marks = [event.mark for event in decode(CALL + FIRST + wrong + HEADER, SOURCE).events]
    assert marks == [None, None, "no such line", None]


def test_frames_after_the_end_are_marked():
    over = '<|return_sep|><|action_sep|>    return total\n<|arg_sep|>"0"<|frame_sep|>'
    last = '<|line_sep|>{"xs": "..", "total": ".."}<|action_sep|>    return total\n<|frame_sep|>'
    trace = decode(CALL + FIRST + HEADER + last + over + over + "<|end_of_text|>", SOURCE)
    assert [event.mark for event in trace.events] == [None] * 5 + ["after the end"]
    assert trace.outcome == Outcome("return", value="0")


def test_a_return_that_is_missing():
    source = "def g(x):\n    return x\n\ndef f(x):\n    y = g(x)\n    return y\n"
    frames = encode(record(source, "f(1)")).split("<|frame_sep|>")
    del frames[4]
    trace = decode("<|frame_sep|>".join(frames), source)
    assert [(e.kind, e.line, e.depth, e.mark) for e in trace.events[4:]] == [
        ("line", 6, 0, "no return before it"),
        ("return", 6, 0, None),
    ]
    assert trace.outcome == Outcome("return", value="1")


def test_a_trace_that_is_cut_off():
    decoder = Decoder(SOURCE)
    assert len(decoder.feed(CALL + FIRST + HEADER[:-20])) == 2
    trace = decoder.finish()
    assert trace.outcome.kind == "truncated"
    assert (trace.events[2].kind, trace.events[2].line, trace.events[2].locals, trace.events[2].mark) == (
        "line",
        3,
        {"xs": "[1, 0]", "total": "0"},
        "cut off",
    )
    assert decode("", SOURCE).events == ()


def test_equal_lines_are_told_apart_by_what_follows():
    source = """\
def f(a):
    if a:
        x = 1
        y = 2
    else:
        x = 1
        z = 3
    return x
"""
    for argument, lines in ((1, [1, 2, 3, 4, 8, 8]), (0, [1, 2, 6, 7, 8, 8])):
        trace = record(source, f"f({argument})")
        frames = encode(trace).split("<|frame_sep|>")
        decoder = Decoder(source)
        decoder.feed("<|frame_sep|>".join([*frames[:3], ""]))
        assert decoder.events[2].line == 3, "the first guess"
        decoder.feed("<|frame_sep|>".join(frames[3:]))
        assert [event.line for event in decoder.events] == lines
        assert decoder.finish().events == trace.events


def test_equal_lines_are_told_apart_by_names():
    source = """\
def f(a):
    if a:
        b = 1
        c = 2
        print()
    else:
        b = 1
        d = 2
        print()
    return a
"""
    trace = record(source, "f(0)")
    text = encode(trace).replace("        d = 2", "        c = 2")
    same = source.replace("d = 2", "c = 2")
    assert [e.line for e in decode(encode(trace), source).events] == [1, 2, 7, 8, 9, 10, 10]
    assert [e.line for e in decode(text, same).events] == [1, 2, 3, 4, 5, 10, 10], "nothing tells them apart"


def test_methods_of_the_same_name_are_told_apart_by_their_instance():
    source = """\
class A:
    def get(self, x):
        return x
class B:
    def get(self, x):
        return x
def f(n):
    return B().get(1) + A().get(2)
"""
    trace = record(source, "f(0)")
    assert decode(encode(trace), source).events == trace.events


def test_the_entry_may_be_a_wrapper_and_the_marker_repeated():
    source = "def f(x):\n    return x\n\ndef main(): # << START_OF_TRACE\n    return f([1, 0])\n"
    trace = record(source, "main()")
    text = encode(trace)
    assert "def main(): # << START_OF_TRACE" in text
    assert decode(text, source, function="main").events == trace.events
    without = text.replace(" # << START_OF_TRACE", "")
    assert decode(without, source).events == trace.events
    assert decode(text, source.replace(" # << START_OF_TRACE", "")).events == trace.events


def test_outcomes():
    source = """\
import json
class Odd(Exception):
    def __repr__(self):
        return "odd indeed"
def g(x):
    if x == 1:
        return {}["k"]
    if x == 2:
        raise OSError(2, "gone", "file")
    if x == 3:
        return b"\\xff".decode()
    if x == 4:
        raise Odd(4)
    if x == 5:
        json.loads("{")
    raise ValueError
def f(x):
    try:
        y = g(x)
    finally:
        x = 0
    return y
"""
    expected = {
        1: ("KeyError", "'k'", 7),
        2: ("FileNotFoundError", "[Errno 2] gone", 9),
        3: ("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte", 11),
        4: ("Odd", "odd indeed", 13),
        5: ("JSONDecodeError", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", 15),
        6: ("ValueError", "", 16),
    }
    for argument, raised in expected.items():
        outcome = decode(encode(record(source, f"f({argument})")), source).outcome
        assert outcome == Outcome("exception", exception=ExceptionInfo(*raised)), argument


def test_the_wire_carries_no_special_token_of_a_value_or_line():
    source = "def f(x):\n    y = '<|line_sep|>'\n    return x + y\n"
    trace = record(source, "f('<|frame_sep|><|end_of_text|>')")
    assert decoded_again(trace) == trace


def test_every_frame_of_the_real_predictions_is_placed():
    """Marks come only where the model's output was cut in a line, or left the program."""
    marked: dict[str, list[str]] = {}
    for row in data("cwm32b_mispredictions.jsonl"):
        trace = decode(row["trace"], row["context"], function="main")
        assert len(trace.events) == row["trace"].count("<|frame_sep|>"), row["id"]
        if marks := [event.mark for event in trace.events if event.mark]:
            marked[row["id"]] = marks
        if trace.outcome.kind == "truncated":
            assert row["truncated"], row["id"]
    cut = [name for name, marks in marked.items() if marks == ["cut off"]]
    left = {name: len(marks) for name, marks in marked.items() if name not in cut}
    assert len(cut) == 7
    # In one, the lines inside a comprehension in no order; in the other, the program is over and the model goes on.
    assert left == {"sample_649": 5, "HumanEval_160_tc2": 2}


@as_on_3_11
def test_lines_of_the_real_predictions_are_those_of_the_run():
    """As far as prediction and run agree on the texts of the lines, they agree on their numbers."""
    ambiguous = 0
    for row in data("cwm32b_mispredictions.jsonl"):
        lines = [line.rstrip() for line in row["context"].split("\n")]
        try:
            run = record(row["context"], "main()", limit=2_000)
        except TooLong:
            continue
        for real, event in zip(run.events, decode(row["trace"], row["context"], function="main").events, strict=False):
            if seen(real, lines) != seen(event, lines):
                break
            assert event.line == real.line, row["id"]
            ambiguous += lines.count(lines[real.line - 1]) > 1
    assert ambiguous > 50


def seen(event: Event, lines: list[str]) -> tuple[str, int, str, str]:
    return event.kind, event.depth, event.function, lines[event.line - 1]
