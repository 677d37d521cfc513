import sys
from collections import Counter

import pytest

from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.grammar import Frame, Grammar, Known, common_beginning
from cwm_lsp.predict.prediction import Control, Prediction
from cwm_lsp.predict.predictor import Budget, Predictor
from cwm_lsp.predict.states import entered
from cwm_lsp.source.flow import Flow
from cwm_lsp.trace import wire
from tests.predict import generated
from tests.predict.checkpoints import make_checkpoint
from tests.predict.tasks import recorded, replayed, tasks
from tests.source.replay import objections
from tests.trace.programs import PROGRAMS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tokenizer(checkpoint):
    return Tokenizer.from_file(checkpoint / "tokenizer.json")


def finish(work, engine):
    answer = None
    while True:
        try:
            step = work.send(answer)
        except StopIteration as stop:
            return stop.value
        (answer,) = engine.forward([step])


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the ground truth is what CPython 3.11 reports")
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_real_trace_is_legal(name, tokenizer):
    """A model that writes the real trace is never corrected, and its frames are read as the real events."""
    trace, task = recorded(name), tasks()[name]
    if trace.events[0].line != task.function.first_line:
        pytest.skip("it begins in the wrapper that a decorator put around the function")
    engine, prompt = replayed(tokenizer, task, trace.events)
    prediction = Prediction(task, prompt, lambda: engine, Control())
    predicted = finish(prediction.run(), engine)
    assert [(e.kind, e.function, e.depth, dict(e.locals), e.value) for e in predicted.events] == [
        (e.kind, e.function, e.depth, dict(e.locals), e.value) for e in trace.events
    ]
    assert predicted.stats.interventions == 0
    assert predicted.outcome == trace.outcome


def assert_legal(task, trace):
    """An independent reader finds nothing wrong with a trace's text, and the control flow allows each step."""
    lines = task.source.split("\n")
    read = wire.decode(wire.encode(trace), task.source)
    assert [(e.kind, lines[e.line - 1]) for e in read.events] == [(e.kind, lines[e.line - 1]) for e in trace.events]
    assert [dict(e.locals) for e in read.events] == [dict(e.locals) for e in trace.events]
    assert objections(trace) == []
    starts = Flow.of(task.source).starting_at
    is_left_once = not any(event.kind == "return" and not event.depth for event in trace.events[:-1])
    if is_left_once and all(starts(event.line) for event in trace.events if event.kind == "call"):
        assert [event.mark for event in read.events] == [None] * len(trace.events)
    # Else something suspended goes on, which the reader takes for a new call if all of its values have changed, and for
    # what comes after the end if others run in the meantime.


@pytest.mark.parametrize("name", sorted(PROGRAMS)[::6])
def test_whatever_the_model_is_frames_are_well_formed(name, engine):
    """Random weights under the grammar."""
    task = tasks()[name]
    assert_legal(task, Predictor.of(engine).predict(task, assist="off", budget=Budget(tokens=400)))


@pytest.fixture(scope="module")
def terse(tmp_path_factory):
    """Random weights that like to end a value: so traces have many events."""
    return LocalEngine.load(make_checkpoint(tmp_path_factory.mktemp("terse"), seed=4, terse=True))


def wander(engine, seeds):
    """Predictions of random programs by a random model; gives the kinds of events that came, and interventions."""
    kinds, interventions = Counter(), 0
    for seed in seeds:
        task = generated.task(seed)
        trace = Predictor.of(engine).predict(task, assist="off", budget=Budget(events=25, tokens=900))
        assert_legal(task, trace)
        kinds.update(event.kind for event in trace.events)
        interventions += trace.stats.interventions
    return kinds, interventions


def test_no_model_leaves_a_random_program(terse):
    kinds, interventions = wander(terse, range(10))
    assert kinds.keys() == {"call", "line", "return", "exception"}
    assert interventions > 50  # left alone it would


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_model_leaves_hundreds_of_random_programs(terse):
    wander(terse, range(1000, 1300))


SOURCE = """
def f(a, b):
    b(a)
    if a:
        c = 'one'
    else:
        c = 'other'
    return c
"""


@pytest.fixture
def grammar(tokenizer):
    return Grammar(tokenizer, SOURCE, value_tokens=40)


@pytest.fixture
def state():
    from cwm_lsp.trace.events import Event

    values = {"a": "[1]", "b": "<built-in function id>"}
    first = entered(SOURCE, Event("call", 2, 0, "f", values))
    return first.after(first.options("line"), values, None)  # what has been called may have changed a list


def take(frame, text):
    """Whether the frame takes a text, token by token."""
    return all(frame.take(token) for token in frame.grammar.tokenizer.encode(text))


def forced(frame):
    tokens = frame.forced()
    for token in tokens:
        assert frame.take(token)
    return frame.grammar.tokenizer.decode(tokens)


def test_what_must_come_is_forced(grammar, state):
    frame = Frame(grammar, state, Known("line"))
    assert forced(frame) == "<|line_sep|>"
    assert forced(frame) == '{"a":'  # how a value begins decides about the blank
    assert take(frame, ' "..')
    assert forced(frame) == '", "b":'  # `..` is complete
    assert take(frame, ' "..')
    assert forced(frame) == '"}'
    assert forced(frame) == "<|action_sep|>"
    assert forced(frame) == "    if a:\n<|frame_sep|>"
    assert frame.event().locals == {"a": "[1]", "b": "<built-in function id>"}


@pytest.mark.parametrize(
    ("line", "values", "open_names"),
    [
        ("a = b(a)", {"a": "1", "b": "[1]"}, {"a", "b"}),  # what is bound, what can be changed
        ("c = b(a)", {"a": "1", "b": "[1]"}, {"b", "c"}),
        ("b(a)", {"a": "'x'", "b": "(1, 'y', None)"}, set()),
        ("b(a)", {"a": "(1, [2])", "b": "<C object>"}, {"a", "b"}),
        ("c = a", {"a": "[1]", "b": "{}"}, {"c"}),  # nothing is run that could change them
        ("a += [1]", {"a": "[1]", "b": "{}"}, {"a", "b"}),
        ("for c in a: pass", {"a": "1.5", "b": "True"}, set()),  # which ends the loop
        ("del a", {"a": "1", "b": "2"}, set()),
        ("class c: a = b", {"a": "1", "b": "[]"}, {"b", "c"}),
        ("exec(a)", {"a": "'b = 2'", "b": "1"}, set()),  # which binds no local of a function
    ],
)
def test_only_what_a_line_can_change_is_left_to_the_model(tokenizer, line, values, open_names):
    source = f"def f(a, b):\n    {line}\n    return b\n"
    from cwm_lsp.trace.events import Event

    first = entered(source, Event("call", 1, 0, "f", values))
    (before,) = first.options("line")
    assert {key.name: key.text for key in before.keys} == values  # a parameter shows what it showed at the call
    after = first.after([before], values, None)
    option = next(option for option in after.options("line") if option.line == 3)
    assert {key.name for key in option.keys if key.text is None} == open_names


def test_what_an_inner_function_rebinds_is_left_to_the_model(tokenizer):
    source = "def f(a, b):\n    def g():\n        nonlocal a\n        a += 1\n    g()\n    return a\n"
    from cwm_lsp.trace.events import Event

    values = {"b": "2", "g": "<function f.<locals>.g>", "a": "1"}
    state = entered(source, Event("call", 1, 0, "f", {"a": "1", "b": "2"}))
    for line in (2, 5):
        state = state.after([option for option in state.options("line") if option.line == line], values, None)
    (option,) = (option for option in state.options("line") if option.line == 6)
    assert [key.name for key in option.keys if key.text is not None] == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        '{"b": "',  # a must come first
        '{"a": 1',  # a value is a string
        '{"a": "..."',  # `..` is a value of its own
        '{"a": "1", "b": "2", "c": "3"}',  # c is not bound yet
        '{"a": "1"}',  # b is missing
        '{"a": "\u00e9',  # not escaped
        '{"a": "\\x',  # no such escape
        '{"a": "\\udc00',  # half a character
        '{"a": "\\ud83d"',
        '{"a":"1',  # not as json.dumps writes it
    ],
)
def test_what_json_or_the_program_forbids_is_illegal(grammar, state, text):
    frame = Frame(grammar, state)
    assert frame.take(grammar.kind_ids["line"])
    assert not take(frame, text)


def test_an_illegal_token_changes_nothing(grammar, state):
    frame = Frame(grammar, state)
    assert frame.take(grammar.kind_ids["line"])
    assert take(frame, '{"a": "1')
    before = (frame.text, frame.value, list(frame.tokens))
    assert not any(frame.take(token) for token in grammar.tokenizer.special_ids)
    assert not frame.take(grammar.tokenizer.encode("\n")[0])
    assert (frame.text, frame.value, list(frame.tokens)) == before
    assert take(frame, '23", "b": "\\ud83d\\ude00"}')
    assert frame.values == {"a": "123", "b": "\U0001f600"}


def test_dots_stand_for_nothing_after_a_call(grammar, state):
    from dataclasses import replace

    unlisted = replace(state, stack=(replace(state.top, listed=False),))
    frame = Frame(grammar, unlisted)
    assert frame.take(grammar.kind_ids["line"])
    assert take(frame, '{"a": "..')
    assert not take(frame, '"')
    assert take(frame, 'x", "b": "')


def test_a_long_value_is_cut_and_says_so(grammar, state):
    frame = Frame(grammar, state)
    assert frame.take(grammar.kind_ids["line"])
    assert take(frame, '{"a": "')
    while frame.name == "a":
        assert take(frame, "9")
    assert forced(frame).startswith('...", "b":')
    assert take(frame, ' ".."}'[len(frame.text) - frame.text.rindex(":") - 1 :])
    while not frame.done:
        assert forced(frame)
    event = frame.event()
    assert event.mark == "too long, cut: a"
    assert event.locals["a"].startswith("9999") and event.locals["a"].endswith("9...")


def test_what_is_known_needs_no_model(grammar, state):
    known = Known("line", frozenset((4,)), "f", ("a", "b"), {"a": "[1]", "b": "2"})
    frame = Frame(grammar, state, known)
    text = ""
    while not frame.done:
        text += forced(frame)
    assert text == '<|line_sep|>{"a": "..", "b": "2"}<|action_sep|>    if a:\n<|frame_sep|>'


def test_what_is_half_known_leaves_the_rest_to_the_model(grammar, state):
    frame = Frame(grammar, state, Known("line", values={"a": "7"}))
    assert forced(frame) == "<|line_sep|>"
    assert forced(frame) == '{"a": "7", "b":'
    assert take(frame, ' "8')
    assert forced(frame) == ""
    assert take(frame, '"}')


def test_known_lines_that_cannot_come_are_noticed(grammar, state):
    assert not Frame(grammar, state, Known(lines=frozenset((8,)))).possible
    assert Frame(grammar, state, Known(lines=frozenset((4,)))).possible


def test_equal_lines_are_followed_together(tokenizer):
    source = "def f(a):\n    if a:\n        x = 1\n    else:\n        x = 1\n        y = 2\n    return a\n"
    from cwm_lsp.trace.events import Event

    grammar = Grammar(tokenizer, source, value_tokens=40)
    state = entered(source, Event("call", 1, 0, "f", {"a": "1"}))
    for _ in range(2):
        frame = Frame(grammar, state)
        assert frame.take(grammar.kind_ids["line"])
        while not frame.done:
            if not forced(frame):
                assert take(frame, '{"a": ".."}'[len(frame.text) :])
        state = frame.after(frame.event())
    assert {option.line for option in state.options("line")} == {6, 7}  # both ways are still open


def test_common_beginning():
    assert common_beginning([(1, 2, 3), (1, 2, 4), (1, 2)]) == (1, 2)
    assert common_beginning([(5,), (6, 7)]) == ()
