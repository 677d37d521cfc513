"""Made-up arguments that do not fit, and what is tried in their place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwm_lsp.evaluate import Evaluation
from cwm_lsp.search.fitting import fitting, may_not_fit
from cwm_lsp.source.functions import find
from cwm_lsp.source.samples import sample_call
from cwm_lsp.trace.events import Event, Trace
from tests.search.trying import attempt_in


def trace_of(source: str, call: str) -> Trace:
    evaluation = Evaluation(source, call, "f")
    events = tuple(step for step in evaluation if isinstance(step, Event))
    assert evaluation.outcome is not None
    return Trace("f", call, "text.py", "predicted", source, events, evaluation.outcome)


def doubted(source: str, call: str) -> bool:
    return may_not_fit(source, find(source, "f", "the text"), trace_of(source, call))


MISFITS = {
    "pair": "def f(x):\n    a, b = x\n    return a + b\n",
    "helper": "def f(x):\n    return g(x)\n\n\ndef g(x):\n    return x.lower().split(',')\n",
    "callable": "def f(x):\n    return x(3) + 1\n",
    "number": "def f(s):\n    return int(s) + 1\n",
    "renamed": "def f(s):\n    text = s\n    return int(text) + 1\n",
    "second": "def f(x, s):\n    total = x + 1\n    return total + int(s)\n",
    "checked": "def f(n):\n    if not isinstance(n, str):\n        raise TypeError(n)\n    return n\n",
    "asserted": "def f(k):\n    assert isinstance(k, bytes)\n    return k.hex()\n",
    "elsewhere": "def f(k):\n    g(k)\n    return 1\n\n\ndef g(k):\n    if k == 3:\n        raise KeyError(k)\n",
    "part": "def f(text):\n    first = text.strip()\n    return int(first)\n",
}


@pytest.mark.parametrize("source", MISFITS.values(), ids=MISFITS)
def test_others_are_tried_until_one_fits(source: str) -> None:
    function = find(source, "f", "the text")
    made_up = sample_call(function, source)
    assert made_up is not None
    assert doubted(source, made_up)
    found = fitting(source, function, made_up, attempt_in(source, "f"))
    assert found != made_up
    assert trace_of(source, found).outcome.kind == "return"


FINDINGS = {
    "a name": ("def f(n):\n    m = n + 1\n    return undefined\n", "f(3)"),
    "a division": ("def f(n):\n    return 1 / (n - n)\n", "f(3)"),
    "of the hinted kind": ("def f(n: int):\n    return n.upper()\n", "f(3)"),
    "used before": ("def f(s):\n    n = len(s)\n    total = n + sum(s)\n    return [][n - total]\n", "f([3, 1, 2])"),
    "not of its arguments": ("def f(n):\n    m = n + 1\n    return [1, 2][5]\n", "f(3)"),
}


@pytest.mark.parametrize(("source", "call"), FINDINGS.values(), ids=FINDINGS)
def test_other_crashes_are_findings(source: str, call: str) -> None:
    assert trace_of(source, call).outcome.kind == "exception"
    assert not doubted(source, call)


def test_what_fits_and_what_is_not_made_up_stays() -> None:
    source = "def f(x):\n    return x + 1\n"
    function = find(source, "f", "the text")
    attempt = attempt_in(source, "f")
    assert fitting(source, function, "f(3)", attempt) == "f(3)"
    assert fitting(source, function, "f('a')", attempt) == "f('a')"
    returned = trace_of(source, "f(3)")
    assert not may_not_fit(source, function, replace(returned, call="f(4)"))


def test_the_arguments_of_the_object_are_varied_where_it_cannot_be_made() -> None:
    source = (
        "class C:\n    def __init__(self, n):\n        self.n = n.lower()\n\n    def f(self):\n        return self.n\n"
    )
    function = find(source, "C.f", "the text")
    made_up = "C(3).f()"
    source = source.replace("n.lower()", "str.lower(n)")
    assert sample_call(function, source) == made_up
    assert fitting(source, function, made_up, attempt_in(source, "C.f")) == "C('abc').f()"


def test_there_is_an_end_to_it() -> None:
    source = "def f(a, b, c):\n    raise ValueError(a, b, c)\n"
    tried: list[str] = []
    attempt = attempt_in(source, "f")
    function = find(source, "f", "the text")
    made_up = sample_call(function, source)
    assert made_up is not None
    assert fitting(source, function, made_up, lambda calls: (tried.extend(calls), attempt(calls))[1]) == made_up
    assert len(tried) < 200
