import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cwm_lsp.source.flow import Flow, Scope
from tests.source.replay import objections
from tests.trace.generated import program
from tests.trace.programs import PROGRAMS
from tests.trace.tracer import record

ROOT = Path(__file__).parents[2]
CRUXEVAL = ROOT.parent / "shared" / "data" / "cruxeval.jsonl"

# Newer compilers give some lines of multi-line statements other events, and no scope to comprehensions.
as_on_3_11 = pytest.mark.skipif(sys.version_info >= (3, 12), reason="the program has other events on this Python")


def scope_of(source: str, name: str = "f") -> tuple[Flow, Scope]:
    flow = Flow.of(source)
    scope = flow.scope(name)
    assert scope is not None
    return flow, scope


def successors(source: str, name: str = "f") -> dict[int | None, set[int]]:
    flow, scope = scope_of(source, name)
    return {line: set(flow.successors(scope, line)) for line in (None, *sorted(scope.lines))}


def test_branches_and_loops_have_exactly_these_successors():
    source = """\
def f(n):
    total = 0
    for i in range(n):
        if i == 1:
            continue
        elif i == 4:
            break
        total += i
    else:
        total = -1
    while total < 9: total += 1
    return total
"""
    assert successors(source) == {
        None: {2},
        2: {3},
        3: {4, 10},
        4: {5, 6},
        5: {3},
        6: {7, 8},
        7: {11},
        8: {3},
        10: {11},
        11: {11, 12},
        12: set(),
    }


def test_try_has_exactly_these_successors():
    source = """\
def f(x):
    try:
        y = 1 // x
    except ZeroDivisionError:
        y = x.zero
    except ValueError as e:
        raise
    else:
        y = 2
    finally:
        z = y
    return z
"""
    flow, scope = scope_of(source)
    assert successors(source) == {
        None: {2},
        2: {3},
        3: {9},
        4: {5, 6},
        5: {11},
        6: {7, 11},  # no handler matches: the exception goes on, through `finally`
        7: {11},
        9: {11},
        11: {12},
        12: set(),
    }
    assert flow.after_exception(scope, 3) == {4}
    assert flow.after_exception(scope, 5) == {11}
    assert flow.after_exception(scope, 11) == frozenset()


def test_a_position_knows_which_copy_of_finally_it_is_in():
    source = """\
def f(x):
    try:
        return g(x)
    finally:
        done = True
    return 3
"""
    _, scope = scope_of(source)
    returning = scope.entry.next(2).next(3).next(5)
    assert (returning.lines, returning.may_return, returning.may_unwind) == ((), True, False)
    unwinding = scope.entry.next(2).next(3).raised().next(5)
    assert (unwinding.lines, unwinding.may_return, unwinding.may_unwind) == ((), False, True)
    assert scope.at(5).may_return
    assert scope.at(5).may_unwind


def test_with_comes_again_when_it_is_left():
    source = """\
def f(x):
    with a(x) as b:
        y = b
    return y
"""
    flow, _ = scope_of(source)
    scope = flow.scope("f")
    assert successors(source) == {None: {2}, 2: {3, 4}, 3: {2}, 4: set()}
    first = scope.entry.next(2)
    assert first.lines == (3,)
    assert first.next(3).next(2).lines == (4,)
    assert first.next(3).raised().lines == (2,)
    assert first.next(3).raised().next(2).lines == (4,), "the manager may swallow the exception"
    assert first.next(3).raised().next(2).may_unwind


def test_a_generator_is_suspended_and_resumed():
    source = """\
def f(n):
    for i in range(n):
        got = yield i
    return n
"""
    _, scope = scope_of(source)
    assert scope.is_generator
    assert scope.yield_lines == {3}
    at_yield = scope.entry.next(2).next(3)
    assert (at_yield.may_yield, at_yield.may_return, at_yield.lines) == (True, False, ())
    suspended = at_yield.suspended()
    assert (suspended.lines, suspended.may_return, suspended.may_raise) == ((), False, False)
    resumed = suspended.resumed()
    assert resumed.lines == (2,)
    assert resumed.may_raise, "close() and throw() raise at the yield"
    assert resumed.raised().may_unwind


def test_the_likeliest_line_is_first():
    source = """\
def f(n):
    for i in n:
        if i:
            x = 1
        else:
            x = 2
    while n:
        n = 0
    return n
"""
    _, scope = scope_of(source)
    assert scope.at(2).lines[0] == 3
    assert scope.at(3).lines[0] == 4
    assert scope.entry.next(2).next(7).lines[0] == 8


def test_effects_on_names():
    source = """\
def f(n, *rest, key=1, **more):
    for i, (j, k) in n:
        if j and (w := k): continue
        import os.path as path; del i
    try:
        x = y = path
    except OSError as error:
        pass
    return x
"""
    _, scope = scope_of(source)
    assert scope.parameters == ("n", "key", "rest", "more")
    into, out = scope.at(2).effect(3), scope.at(2).effect(5)
    assert into.binds == into.may_bind == {"i", "j", "k"}
    assert out.may_bind == frozenset()
    again, on = scope.at(3).effect(2), scope.at(3).effect(4)
    assert (again.binds, again.may_bind) == ({"w"}, {"w"})
    assert (on.binds, on.may_bind) == (frozenset(), {"w"})
    deleted = scope.at(4).effect(2)
    assert (deleted.binds, deleted.unbinds) == ({"path"}, {"i"})
    raised = scope.at(6).raised()
    assert raised.effect(7).binds == frozenset()
    assert raised.next(7).effect(8).binds == {"error"}
    assert raised.next(7).next(8).effect(9).unbinds == {"error"}


def test_names_that_inner_scopes_bind():
    source = """\
def f(n):
    def inner():
        nonlocal late
        late = 1
    inner()
    late = 2
    return late
"""
    _, scope = scope_of(source)
    assert scope.shared == {"late"}
    effect = scope.at(5).effect(6)
    assert (effect.binds, effect.may_bind) == (frozenset(), {"late"})
    inner = Flow.of(source).scope("f.inner")
    assert inner.free == {"late"}


def test_callees():
    source = """\
class Box:
    def __init__(self, x):
        self.x = x

    @property
    def size(self):
        return 1

    def __add__(self, other):
        return 2

def helper(x):
    return x

def unrelated():
    return 3

def f(n):
    a = n
    b = Box(n)
    c = a + b
    d = helper([x for x in n])
    e = b.size
    return sorted(n, key=lambda x: x)
"""
    flow, scope = scope_of(source)

    def names(line):
        return [callee.qualname for callee in flow.callees(scope, line)]

    assert names(19) == []
    assert names(20)[0] == "Box.__init__"
    assert "Box.__add__" in names(21)
    assert "helper" not in names(21)
    assert set(names(22)[:2]) == {"helper", "f.<listcomp>"}
    assert "f.<listcomp>" not in names(20)
    assert "Box.size" in names(23)
    assert names(24)[0] == "f.<lambda>"
    assert "unrelated" in names(24), "whatever is called may call back"


def test_what_a_line_may_do():
    source = """\
def f(n):
    x = 1
    y = n
    z = x + n
    pass
    return None
"""
    _, scope = scope_of(source)
    assert [scope.at(line).may_raise for line in (2, 3, 4, 5, 6)] == [False, False, True, False, False]
    assert [scope.at(line).may_return for line in (2, 5, 6)] == [False, False, True]
    assert scope.at(6).constants == {"None"}
    assert not any(scope.repeats(line) for line in scope.lines)


def test_scopes():
    source = """\
@decorate
def f(n):
    return [lambda: x for x in n]

class C:
    async def m(self):
        return (y for y in self)
"""
    flow = Flow.of(source)
    assert [(s.name, s.qualname, s.kind, s.first_line, s.def_line) for s in flow.scopes] == [
        ("f", "f", "function", 1, 2),
        ("<listcomp>", "f.<listcomp>", "comprehension", 3, 3),
        ("<lambda>", "f.<listcomp>.<lambda>", "lambda", 3, 3),
        ("C", "C", "class", 5, 5),
        ("m", "C.m", "function", 6, 6),
        ("<genexpr>", "C.m.<genexpr>", "genexpr", 7, 7),
    ]
    assert [s.is_generator for s in flow.scopes] == [False, False, False, False, True, True]
    assert flow.scopes[1].parameters == (".0",)
    assert flow.starting_at(1) == flow.starting_at(2) == (flow.scopes[0],)


def test_functions_that_parse_are_known_in_a_file_that_does_not():
    source = """\
def broken(:
    pass

class C:
    def f(self):
        if self:
            return 1
        return 2

x = = 3
"""
    flow = Flow.of(source)
    scope = flow.scope("C.f")
    assert scope is not None
    assert flow.successors(scope, 6) == {7, 8}
    assert Flow.of("(" * 500).scopes == ()
    assert Flow.of("\0").scopes == ()


def test_nothing_is_run_and_nobody_is_warned(recwarn):
    flow = Flow.of("import os\nos._exit(3)\ndef f():\n    return '\\d' is 1\n")
    assert flow.scope("f") is not None
    assert not recwarn.list


@as_on_3_11
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_step_of_a_real_trace_is_allowed(name):
    source, call = PROGRAMS[name]
    assert objections(record(source, call)) == []


@as_on_3_11
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(60))
def test_every_step_of_a_random_program_is_allowed(seed):
    source = program(seed)
    for argument in (0, 1, 6):
        assert objections(record(source, f"f({argument})", limit=3_000)) == []


@as_on_3_11
@pytest.mark.slow
def test_every_step_of_cruxeval_is_allowed():
    if not CRUXEVAL.exists():
        pytest.skip(f"{CRUXEVAL.name} is not there")
    for line in CRUXEVAL.read_text().splitlines():
        row = json.loads(line)
        assert objections(record(row["code"], f"f({row['input']})")) == [], row["id"]


def other_pythons() -> list[str]:
    minors = [minor for minor in range(10, 15) if minor != sys.version_info[1]]
    versions = Path.home() / ".pyenv" / "versions"
    found = [shutil.which(f"python3.{minor}") for minor in minors]
    found += [str(path) for minor in minors for path in sorted(versions.glob(f"3.{minor}.*/bin/python"))]
    return [path for path in found if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]


SCOPES = """
import json, sys
from cwm_lsp.source.flow import Flow
def known(scope, flow):
    lines = {line: sorted(flow.successors(scope, line)) for line in sorted(scope.lines)}
    return [scope.name, scope.qualname, scope.kind, scope.first_line, scope.def_line, scope.parameters,
            scope.is_generator, sorted(scope.free), lines, sorted(flow.successors(scope, None))]
for source in json.load(sys.stdin):
    flow = Flow.of(source)
    print(json.dumps([known(scope, flow) for scope in flow.scopes]))
"""


ONE_LINE_STATEMENTS = (
    """\
    def f(n):
        return [x for x in n if x], {x: [y for y in n] for x in n}, {x for x in n}
    """,
    """\
    def f(n):
        for i in n:
            try:
                g(i)
            except KeyError as e:
                continue
            finally:
                h()
        else:
            return 1
        while n: n -= 1
        return 2
    """,
    """\
    def f(n):
        with g(n) as a:
            for x in a:
                yield x
        return lambda y: y + n
    """,
    """\
    async def f(n):
        async for i in n:
            await i
        return [await i for i in n]
    """,
    """\
    def f(n):
        match n:
            case [x, *y]:
                return x
            case {'a': 1}: pass
            case _:
                raise KeyError
        return any(i for i in n)
    """,
)


@pytest.mark.long
@pytest.mark.parametrize("python", other_pythons())
def test_other_interpreters_see_the_same_flow(python, tmp_path):
    """Of programs whose statements are on one line each: the compilers differ in the lines inside longer ones."""
    sources = [textwrap.dedent(source) for source in ONE_LINE_STATEMENTS]
    metadata = Path(str(importlib.metadata.distribution("cwm-lsp")._path))
    shutil.copytree(metadata, tmp_path / metadata.name)
    path = os.pathsep.join((str(ROOT), str(tmp_path)))
    ask = {"input": json.dumps(sources), "text": True, "capture_output": True, "timeout": 60}
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    there = subprocess.run([python, "-c", SCOPES], env=environment, **ask)
    assert there.returncode == 0, there.stderr
    here = subprocess.run([sys.executable, "-c", SCOPES], env=environment, **ask)
    for source, one, other in zip(sources, there.stdout.splitlines(), here.stdout.splitlines(), strict=True):
        assert json.loads(one) == json.loads(other), source
