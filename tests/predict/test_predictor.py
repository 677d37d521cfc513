import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from cwm_lsp.errors import UserError
from cwm_lsp.predict.engines.interface import Distribution
from cwm_lsp.predict.engines.local import LocalEngine
from cwm_lsp.predict.engines.replay import ReplayEngine
from cwm_lsp.predict.predictor import Budget, Predictor, Task
from cwm_lsp.predict.statements import call_on
from cwm_lsp.source.functions import find
from cwm_lsp.trace import wire
from cwm_lsp.trace.interventions import Skip
from tests.predict.tasks import replayed
from tests.trace.tracer import record

pytestmark = pytest.mark.slow


def task(source, call, name=None):
    source = textwrap.dedent(source)
    return Task("x.py", source, find(source, name or call.partition("(")[0], "x.py"), call)


@pytest.fixture
def predictor(engine):
    return Predictor.of(engine)


@pytest.fixture
def without_model():
    """A predictor that must not need its model."""

    def load():
        raise AssertionError("the model is not needed")

    return Predictor(load, "none")


COUNT = """
def count(words):
    found = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found
"""


def test_what_is_computable_needs_no_model(without_model):
    trace = without_model.predict(task(COUNT, "count(['a', 'b', 'a'])"))
    assert trace.outcome.kind == "return"
    assert trace.outcome.value == "{'a': 2, 'b': 1}"
    assert (trace.stats.forward_passes, trace.stats.tokens) == (0, 0)
    assert trace.stats.events == len(trace.events) == 11
    origins = {name: origin for event in trace.events for name, origin in event.provenance.items()}
    assert origins == {"words": "given", "found": "computed", "word": "computed", "value": "computed"}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("LIMIT = 1 / 0", "ZeroDivisionError: division by zero"),
        ("assert 1 == 2", "AssertionError"),
        ("LIMIT = dict(a=1)['b']", "KeyError: 'b'"),
        ("raise ValueError('not here')", "ValueError: not here"),
    ],
)
def test_no_function_is_called_of_a_file_that_certainly_fails(without_model, statement, told):
    trace = without_model.predict(task(f"{COUNT}\n{statement}\n", "count(['a'])", "count"))
    detail = f"the file cannot be imported: line 8 raises {told}"
    assert (trace.events, trace.outcome.kind, trace.outcome.detail) == ((), "truncated", detail)


@pytest.mark.parametrize(
    "statement",
    [
        "import nowhere",
        "LIMIT = int(open('/nowhere').read())",
        "LIMIT = {}[id(0)]",
        "import os; os.nothing",
        "count(0)",  # where a function of the file fails is what one wants to see
        "assert count([]) == {1: 2}",
    ],
)
def test_what_else_fails_ends_no_file(without_model, statement):
    trace = without_model.predict(task(f"{COUNT}\n{statement}\n", "count(['a'])", "count"))
    assert trace.outcome.value == "{'a': 1}"


def test_nothing_heavy_is_imported_where_no_model_is_needed(tmp_path):
    (tmp_path / "program.py").write_text(COUNT)
    script = """
        import sys
        from pathlib import Path
        from cwm_lsp.predict.predictor import Predictor, Task
        from cwm_lsp.source.functions import find

        source = Path("program.py").read_text()
        task = Task("program.py", source, find(source, "count", "program.py"), "count(['a'])")
        trace = Predictor.load("bundled").predict(task)
        assert trace.outcome.value == "{'a': 1}", trace.outcome
        heavy = {"torch", "transformers", "tokenizers", "numpy"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=tmp_path, timeout=60)


CLOCK = """
import time

def f(n):
    started = time.time()
    total = n + 1
    return total
"""


def answered(tokenizer, task):
    """What is predicted if the model, where it is asked, says what a real run showed."""
    recorded = record(task.source, task.call)
    engine, _ = replayed(tokenizer, task, recorded.events)
    return recorded, Predictor.of(engine).predict(task)


def test_the_model_is_asked_for_what_cannot_be_known_alone(loaded):
    recorded, trace = answered(loaded.tokenizer, task(CLOCK, "f(2)"))
    assert [dict(event.locals) for event in trace.events] == [dict(event.locals) for event in recorded.events]
    assert trace.outcome == recorded.outcome
    assert 0 < trace.stats.forward_passes <= trace.stats.tokens < 60  # one value was written
    third, fourth = trace.events[2:4]
    assert third.provenance == {"n": "given", "started": "predicted"}
    assert set(third.confidences) == {"started"}
    assert fourth.confidences["started"] == third.confidences["started"]  # nothing more was asked


class Unsure(Distribution):
    """Another distribution, with every token less likely."""

    def __init__(self, other):
        self.other = other

    def ranked(self):
        return ((token, logprob - 0.1) for token, logprob in self.other.ranked())

    def logprob(self, token_id):
        return self.other.logprob(token_id) - 0.1


class UnsureEngine(ReplayEngine):
    def forward(self, batch):
        return [(prefix, [Unsure(one) for one in distributions]) for prefix, distributions in super().forward(batch)]


GUESSED = """
import time

def f(names):
    first = time.time()
    second = time.time()
    both = [first, second]
    if len(both) > 1:
        both.append(0)
    return both
"""


def test_what_is_computed_from_guesses_is_no_surer_than_they_are(loaded):
    asked = task(GUESSED, "f(['a'])")
    script, _ = replayed(loaded.tokenizer, asked, record(GUESSED, asked.call).events)
    trace = Predictor.of(UnsureEngine(loaded.tokenizer, script.script)).predict(asked)
    for event in trace.events:
        guessed = {name for name, origin in event.provenance.items() if origin == "predicted"}
        assert set(event.confidences) - {"names"} == guessed - {"names"}
    first, second, both = (
        {event.confidences[name] for event in trace.events if name in event.confidences}
        for name in ("first", "second", "both")
    )
    assert max(both) <= min(second) < max(first) < 1
    assert trace.events[-1].confidence == trace.events[-1].confidences["value"] == min(both)


BRANCH = """
import random

def f():
    if random.random() > 0.5:
        side = 'heads'
    else:
        side = 'tails'
    return side
"""


def test_the_model_decides_a_branch_and_the_rest_is_computed(loaded):
    seen = set()
    for _ in range(12):
        recorded, trace = answered(loaded.tokenizer, task(BRANCH, "f()"))
        assert [event.line for event in trace.events] == [event.line for event in recorded.events]
        assert trace.outcome == recorded.outcome
        assert trace.events[-1].provenance["value"] in ("computed", "predicted")
        seen.add(trace.outcome.value)
    assert seen == {"'heads'", "'tails'"}


def test_what_follows_an_unsure_branch_is_unsure(loaded):
    asked = task(BRANCH, "f()")
    script, _ = replayed(loaded.tokenizer, asked, record(BRANCH, asked.call).events)
    trace = Predictor.of(UnsureEngine(loaded.tokenizer, script.script)).predict(asked)
    before, *after = (event.confidence for event in trace.events[1:])
    assert before is None
    assert all(confidence is not None and confidence < 1 for confidence in after)


OPEN = """
def f(path):
    try:
        text = open(path).read()
    except OSError as error:
        return error.errno
    return text
"""


def test_the_model_says_what_is_raised(loaded):
    recorded, trace = answered(loaded.tokenizer, task(OPEN, "f('/nowhere')"))
    assert [(event.kind, event.line) for event in trace.events] == [
        (event.kind, event.line) for event in recorded.events
    ]


def test_lock_does_not_depend_on_drafts(predictor, loaded):
    from cwm_lsp.predict.engines.local import LocalEngine

    for source, call in ((CLOCK, "f(2)"), (BRANCH, "f()")):
        plain = predictor.predict(task(source, call), drafts=False)
        fresh = Predictor.of(LocalEngine(loaded.model, loaded.tokenizer, "fresh"))
        drafted = fresh.predict(task(source, call))
        assert [(e.line, dict(e.locals), e.value) for e in plain.events] == [
            (e.line, dict(e.locals), e.value) for e in drafted.events
        ]


ASKS = """
import time

def ask(n):
    now = time.time()
    if now > n:
        return "late"
    return now

def f(n):
    first = ask(n)
    return first
"""


@pytest.mark.parametrize("assist", ["lock", "draft", "off"])
def test_of_a_call_that_is_left_out_the_model_writes_the_return_alone(predictor, assist):
    whole = predictor.predict(task(ASKS, "f(1)"), assist=assist, budget=Budget(tokens=400))
    call = next((index for index, event in enumerate(whole.events) if event.function == "ask"), None)
    if call is None:  # the model by itself does not go there
        return
    left = predictor.predict(
        replace(task(ASKS, "f(1)"), interventions=(Skip(call),)), assist=assist, budget=Budget(tokens=400)
    )
    assert [(event.kind, event.line) for event in left.events[: call + 1]] == [
        (event.kind, event.line) for event in whole.events[: call + 1]
    ]
    returned = left.events[call + 1]
    assert (returned.kind, returned.depth, returned.function) == ("return", 1, "ask")
    assert returned.line in (7, 8)
    assert returned.provenance["value"] in ("predicted", "unknown")


@pytest.mark.parametrize("call", ["f(2)", "f(n=3)"])
def test_draft_gives_what_off_gives(engine, loaded, call):
    from cwm_lsp.predict.engines.local import LocalEngine

    budget = Budget(tokens=150)
    off = Predictor.of(engine).predict(task(CLOCK, call), assist="off", budget=budget, drafts=False)
    fresh = LocalEngine(loaded.model, loaded.tokenizer, "fresh")
    draft = Predictor.of(fresh).predict(task(CLOCK, call), assist="draft", budget=budget)
    assert [(e.kind, e.line, dict(e.locals), e.value) for e in off.events] == [
        (e.kind, e.line, dict(e.locals), e.value) for e in draft.events
    ]
    assert off.outcome == draft.outcome


STACK = """
class Stack:
    def __init__(self, items):
        self.items = items

    def push(self, item):
        self.items.append(item)
        return len(self.items)
"""


def test_a_call_of_a_method_is_wrapped_and_the_wrapper_does_not_show(predictor):
    trace = predictor.predict(
        task(STACK, "Stack([1]).push(3)", "Stack.push"), assist="off", budget=Budget(events=40, tokens=3000)
    )
    assert trace.function == "Stack.push"
    assert trace.events or "does not get into Stack.push" in (trace.outcome.detail or "")
    if trace.events:
        assert trace.events[0].kind == "call" and trace.events[0].line == 6
        assert min(event.depth for event in trace.events) == 0
        assert {event.line for event in trace.events} <= set(range(3, 9))


def test_a_computed_call_of_a_method(without_model):
    trace = without_model.predict(task(STACK, "Stack([1]).push(3)", "Stack.push"))
    assert [(e.kind, e.line, e.depth) for e in trace.events] == [
        ("call", 6, 0),
        ("line", 7, 0),
        ("line", 8, 0),
        ("return", 8, 0),
    ]
    assert trace.outcome.value == "2"


def test_the_prompt_seeds_the_bound_arguments(engine):
    source = "def f(a, /, b=2, *rest, c, **more):\n    return a\n"
    read = []
    forward = engine.forward
    engine.forward = lambda batch: read.append(batch[0].tokens) or forward(batch)
    trace = Predictor.of(engine).predict(task(source, "f(1, 5, 6, c=7, d=8)"), assist="off", budget=Budget(events=3))
    expected = {"a": "1", "b": "5", "c": "7", "rest": "(6,)", "more": "{'d': 8}"}
    assert dict(trace.events[0].locals) == expected
    assert list(trace.events[0].locals) == list(expected)  # as CPython lists them
    text = engine.tokenizer.decode(read[0])
    assert text.startswith(wire.prompt(source, 1) + wire.CALL_SEP + wire.encode_locals(expected))


def test_a_long_file_is_shown_in_part(engine):
    filler = "\n".join(f"def unused_{n}(x):\n    return x * {n}\n" for n in range(200))
    source = f"LIMIT = 3\n{filler}\ndef helper(x):\n    return x + LIMIT\n\n\ndef f(x):\n    return helper(x)\n"
    read = []
    forward = engine.forward
    engine.forward = lambda batch: read.append(batch[0].tokens) or forward(batch)
    trace = Predictor.of(engine).predict(task(source, "f(1)"), assist="off", budget=Budget(events=3))
    text = engine.tokenizer.decode(read[0])
    assert "LIMIT = 3" in text and "def helper" in text and "def f(x):  # << START_OF_TRACE" in text
    assert "unused_7" not in text
    assert trace.events[0].line == source.split("\n").index("def f(x):") + 1  # lines are the file's


def test_bad_calls_are_told(predictor):
    with pytest.raises(UserError):
        predictor.predict(task(COUNT, "count(1, 2)"))
    with pytest.raises(UserError):
        predictor.predict(task(COUNT, "count("))


def test_without_the_grammar_anything_may_come_and_is_marked(engine):
    trace = Predictor.of(engine).predict(task(COUNT, "count([])"), grammar=False, budget=Budget(tokens=400))
    assert trace.events[0].locals == {"words": "[]"}
    assert trace.stats.forward_passes == trace.stats.tokens or trace.outcome.kind != "truncated"


def test_without_the_grammar_a_real_trace_is_read(loaded):
    call = task(COUNT, "count(['a', 'b'])")
    recorded = record(call.source, call.call)
    engine, _ = replayed(loaded.tokenizer, call, recorded.events)
    trace = Predictor.of(engine).predict(call, grammar=False)
    assert [(e.kind, e.line, dict(e.locals), e.value, e.mark) for e in trace.events] == [
        (e.kind, e.line, dict(e.locals), e.value, None) for e in recorded.events
    ]
    assert trace.outcome == recorded.outcome
    assert trace.stats.forward_passes == trace.stats.tokens


def counted(engine):
    """For each forward pass that the engine is going to make, the tokens of each text in it."""
    passes = []
    forward = engine.forward

    def count(batch):
        passes.append([step.tokens for step in batch])
        return forward(batch)

    engine.forward = count
    return passes


def test_several_calls_together_give_what_each_gives_alone(engine):
    calls = [task(COUNT, f"count({words!r})") for words in (["a"], ["b", "c"], [])]
    predictor, budget = Predictor.of(engine), Budget(tokens=30)
    passes = counted(engine)
    together = predictor.predict_all(calls, assist="off", budget=budget)
    assert max(map(len, passes)) == 3
    text = engine.tokenizer.decode
    (program,), *rest = passes
    assert text(program).endswith('{"words":')
    assert not any("START_OF_TRACE" in text(tokens) for batch in rest for tokens in batch)
    for call, trace in zip(calls, together, strict=True):
        alone = predictor.predict(call, assist="off", budget=budget)
        assert [(e.kind, e.line, dict(e.locals), e.value) for e in trace.events] == [
            (e.kind, e.line, dict(e.locals), e.value) for e in alone.events
        ]
        assert trace.outcome == alone.outcome


def test_several_calls_together_take_no_more_passes_than_the_longest(engine):
    calls = [task(COUNT, f"count({words!r})") for words in (["a"], ["b", "c"], [])]
    budget = Budget(tokens=30)
    passes = counted(engine)
    together = Predictor.of(engine).predict_all(calls, assist="off", budget=budget)
    assert len(passes) == 1 + max(trace.stats.forward_passes for trace in together)


TWO = """
def first(x):
    y = x + 1
    return y

def second(x):
    z = x + 2
    return z
"""


def test_after_an_edit_only_what_follows_it_is_read(loaded):
    edited = TWO.replace("x + 2", "x - 2")
    budget = Budget(events=4, tokens=100)

    def prefill(*sources):
        """The tokens that a last prediction reads before it writes, after those of other texts."""
        engine = LocalEngine(loaded.model, loaded.tokenizer, "fresh")
        passes = counted(engine)
        for source in sources:
            passes.clear()
            Predictor.of(engine).predict(task(source, "first(1)"), assist="off", budget=budget, drafts=False)
        return list(passes[0][0])

    whole = prefill(edited)
    assert prefill(TWO, edited) == whole[-len(prefill(TWO, edited)) :]
    unchanged = loaded.tokenizer.decode(whole).index("- 2")
    rest = loaded.tokenizer.decode(prefill(TWO, edited))
    assert len(rest) <= len(loaded.tokenizer.decode(whole)) - unchanged + 4  # from the token that the edit is in
    known = loaded.tokenizer.decode(whole).index("<|call_sep|>")
    for seen in ((edited,), (edited, TWO)):  # the older text is still known
        assert loaded.tokenizer.decode(whole[: -len(prefill(*seen, edited))]).startswith(
            loaded.tokenizer.decode(whole)[:known]
        )


def test_what_the_model_has_no_room_to_be_asked_stays_unknown(engine):
    """Evaluation goes on with the rest."""
    engine.context_length = 60
    filler = "".join(f"    n = n + {k}\n" for k in range(60))
    source = f"import time\n\n\ndef f(n):\n    started = time.time()\n{filler}    return n\n"
    trace = Predictor.of(engine).predict(task(source, "f(1)"))
    assert (trace.outcome.kind, trace.outcome.value) == ("return", str(1 + sum(range(60))))
    assert {event.provenance["started"] for event in trace.events if "started" in event.locals} == {"unknown"}
    assert trace.stats.forward_passes == 0


WIDE = """
def f():
    a = 'x' * 40_000
    b = 'y' * 40_000
    for i in range(90):
        pass
    return len(a)
"""


def test_the_text_of_all_values_together_is_bounded():
    def load():
        raise AssertionError("all of it is computed")

    trace = Predictor(load, "none").predict(task(WIDE, "f()"), budget=Budget(text=1_000_000))
    sizes = [sum(map(len, event.locals.values())) for event in trace.events]
    assert 900_000 < sum(sizes) < 1_100_000
    assert (trace.outcome.kind, trace.outcome.value) == ("return", "40000")
    assert trace.outcome.cut == "the values take more than 1,000,000 characters to show"


def test_past_the_limit_of_guesses_what_is_asked_stays_unknown_and_that_is_told(loaded):
    source = """
    import os

    def pids(n):
        found = []
        for k in range(n):
            pid = os.getpid()
            found.append(k)
        return len(found)

    def branches(n):
        for k in range(n):
            if os.getpid() > k:
                k += 1
        return n
    """

    def predicted(call: str, guesses: int):
        asked = task(source, call)
        engine, _ = replayed(loaded.tokenizer, asked, record(asked.source, call).events)
        return Predictor.of(engine).predict(asked, budget=Budget(guesses=guesses))

    trace = predicted("pids(5)", 3)
    assert (trace.outcome.kind, trace.outcome.value) == ("return", "5")
    assert trace.outcome.detail.startswith("the limit of 3 guesses was reached")
    pids = [event.provenance["pid"] for event in trace.events if event.kind == "line" and "pid" in event.locals]
    assert pids[0] == "predicted" and pids[-1] == "unknown"
    assert predicted("pids(1)", 9).outcome.detail is None

    trace = predicted("branches(9)", 3)
    assert trace.outcome.kind == "truncated"
    assert trace.outcome.detail.startswith("the limit of 3 guesses was reached")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("    number = randrange(1, 6)", "randrange(…)"),
        ("if self.rng.random():", "self.rng.random()"),
        ("print(len(xs))", None),
        ("total += price", None),
        ("found = [", None),
    ],
)
def test_a_call_that_is_not_known_is_named_where_it_is_alone(line, told):
    assert call_on(line) == told
