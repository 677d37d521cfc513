"""Texts that are not made again: they are those that would be made."""

import random

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.values import MISSING, Undetermined
from tests.evaluate import changing, class_programs, programs, wider
from tests.evaluate.recording import only_on_the_reference
from tests.evaluate.test_generated import CALLS, WIDER_CALLS, check

pytestmark = pytest.mark.slow

CHANGES = """\
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field


@dataclass
class Point:
    x: int
    y: float = 1.5
    tags: list = field(default_factory=list)
    hidden: int = field(default=0, repr=False)


@dataclass
class Far(Point):
    z: object = None


@dataclass(frozen=True)
class Fixed:
    inner: tuple = ()


@dataclass
class Slotted:
    __slots__ = ("a", "b")
    a: int
    b: list


class Bare:
    pass


class Shown:
    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"<{self.value}>"


def helper():
    pass
"""
MADE = [
    "Point(1)", "Far(2, 0.5)", "Fixed((1, [2]))", "Slotted(1, [])", "Bare()", "Shown([1])", "[1, 2, 3]", "[]",
    "[[1], [2, 'a']]", "{'a': 1}", "{1: [1]}", "{1, 2}", "(1, [2])", "(1, 'a')", "deque([1], maxlen=3)",
    "defaultdict(list)", "OrderedDict(a=1)", "Counter('aab')", "bytearray(b'ab')", "frozenset({1})", "helper",
    "[Point(1), Shown(2)]", "{'p': Point(3)}", "ValueError([1])", "lambda: 1", "1", "'text'", "None", "b'x'",
]  # fmt: skip
STEPS = [
    "{a}.append({b})", "{a}.x = {b}", "{a}.tags.append(1)", "{a}.value = {b}", "{a}[0] = {b}", "{a}['a'] = {b}",
    "{a} = {b}", "{a}, a = a, {a}", "{a}.clear()", "{a}.update({b})", "{a}.pop()", "{a}.add(4)", "{a} += {b}",
    "{a}.a = {b}", "del {a}.x", "{a}.hidden = {b}", "{a} = [{b}]", "{a} = ({b}, 1)", "{a}[0] = True", "{a}[0] = 1",
    "{a}[0] = 1.0", "{a}.x = 1", "{a}.x = True", "{a}.x = -0.0", "{a}.x = 0.0", "del {a}[0]", "{a}.insert(0, {a})",
    "{a} = ({b}).copy()", "Point.y = {b}", "Point.__repr__ = lambda self: 'other'", "Point.__qualname__ = 'Other'",
    "Point.x = property(lambda self: 7)", "{a}.__class__ = Far", "{a}.args = {b}", "{a}.__dict__['x'] = {b}",
    "{a}.__qualname__ = 'renamed'", "{a}.move_to_end('a')", "{a}.sort()", "{a}.reverse()", "{a}.x += 1",
    "{a}['k'] += 1", "{a}.rotate(1)", "{a}.default_factory = int", "vars({a})['x'] = 5", "setattr({a}, 'x', {b})",
    "del {a}", "{a}.b = {b}", "{a}.tags = {b}", "{a}.inner[1].append({b})",
    "Far.__getattribute__ = lambda self, name: 3", "{a}.__dict__ = dict(x=1, y=2, tags=3)", "{a} |= {b}",
]  # fmt: skip


def changes(seed):
    """A program that binds and changes values of many kinds."""
    r = random.Random(seed)
    names = "abcdef"
    lines = [f"    {name} = {r.choice(MADE)}" for name in names]
    for _ in range(25):
        step = r.choice(STEPS).format(a=r.choice(names), b=r.choice([*names, "1", "'z'", "[9]"]))
        lines += ["    try:", f"        {step}", "    except Exception:", "        pass"]
    return f"{CHANGES}\n\ndef f():\n" + "\n".join(lines) + "\n    return 1\n"


@pytest.fixture
def made_anew(monkeypatch):
    """Every text of every event made once more; gives how many were compared."""
    compared = [0]
    kept, shown, unknown = Runtime.snapshot, Runtime.show, {}

    def snapshot(runtime, frame):
        found = kept(runtime, frame)
        unknown.update(found)
        return found

    def show(runtime, frame, kind, line):
        unknown.clear()
        shown(runtime, frame, kind, line)
        for name in frame.code.variables if frame.code.is_function else ():
            value = frame.cells[name].value if name in frame.code.shared else frame.vars.get(name, MISSING)
            if value is MISSING:
                assert name not in frame.shown
            elif name not in unknown and frame.provenance.get(name) != "unknown":
                texts, muted = runtime.texts, runtime.muted
                shapes, runtime.rendering.shapes = runtime.rendering.shapes, {}
                try:
                    text = runtime.rendering.text(value)
                except Undetermined:
                    continue
                finally:
                    runtime.texts, runtime.muted, runtime.rendering.shapes = texts, muted, shapes
                assert frame.shown[name] == text
                compared[0] += 1

    monkeypatch.setattr(Runtime, "snapshot", snapshot)
    monkeypatch.setattr(Runtime, "show", show)
    return compared


def run(source, call):
    evaluation = Evaluation(source, call, "f", limits=Limits(events=600, operations=20_000))
    for step in evaluation:
        if isinstance(step, Question):
            evaluation.answer(dict(step.suggestions) if step.suggestions else None)


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_changes_of_all_kinds_show(made_anew, start):
    for seed in range(start, start + 20):
        run(changes(seed), "f()")
    assert made_anew[0] > 2_000


@pytest.mark.parametrize(
    ("make", "calls"), [(programs.program, CALLS), (wider.program, WIDER_CALLS), (class_programs.program, ("f()",))]
)
def test_random_programs_show_what_they_would(made_anew, make, calls):
    for seed in range(1000, 1008):
        for call in calls:
            try:
                run(make(seed), call)
            except SyntaxError:
                break
    assert made_anew[0] > 300


def test_what_is_told_of_changes_is_all(made_anew):
    for seed in range(20):
        run(changing.program(seed), "f(3)")
    assert made_anew[0] > 5_000


@only_on_the_reference
def test_what_is_told_of_changes_is_as_recorded():
    for seed in range(8):
        check(changing.program(seed), ("f(2)",))


@only_on_the_reference
def test_changes_of_all_kinds_are_as_recorded():
    for seed in range(40):
        check(changes(seed), ("f()",))
