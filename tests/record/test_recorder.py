"""Calls recorded under debugpy, compared with a plain `sys.settrace`."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib.util
import json
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from cwm_lsp.errors import Cancelled, UnavailableError, UserError
from cwm_lsp.record.recorder import Limits, record
from cwm_lsp.source.environment import layout
from cwm_lsp.source.functions import find

from .reference import plain, reference

pytestmark = pytest.mark.slow

PROGRAMS = {
    "loops": (
        "f",
        "f([3, 1, 2], key=2)",
        """
        def f(xs, *, key=1):
            total = 0
            for i, x in enumerate(sorted(xs)):
                if x == key:
                    continue
                total += x * i
            else:
                total += 100
            while total > 90: total -= 7
            return {"total": total, "xs": xs}
        """,
    ),
    "comprehensions": (
        "f",
        "f(3)",
        """
        def f(n):
            xs = [i * 2 for i in range(n) if i]
            ys = {
                k: [z for z in range(v)]
                for k, v in zip(xs, xs)
                if k > 2
            }
            zs = {a for a in [1, 2] for b in (3, 4)}
            total = sum(x for x in xs)
            any(x > 1 for x in xs)
            return xs, ys, zs, total, sorted(xs, key=lambda x: -x)
        """,
    ),
    "exceptions": (
        "f",
        "f([1, 0])",
        """
        class Broken(Exception):
            pass

        def g(x):
            try:
                return 1 / x
            finally:
                x = -1

        def f(xs):
            try:
                for x in xs:
                    g(x)
            except ZeroDivisionError as error:
                message = str(error)
            it = iter([1])
            try:
                [next(it) for _ in range(2)]
            except StopIteration:
                pass
            raise Broken(message, xs)
        """,
    ),
    "generators": (
        "f",
        "f(2)",
        """
        def g(n):
            for i in range(n):
                got = yield i
            return "done"

        def h(n):
            result = yield from g(n)
            yield result

        def f(n):
            xs = list(h(n))
            it = g(9)
            next(it)
            it.send(4)
            it.close()
            return xs
        """,
    ),
    "classes": (
        "Stack.push",
        "Stack([1]).push(3)",
        """
        import functools

        def twice(function):
            @functools.wraps(function)
            def wrapper(*args):
                return function(*args), function(*args)
            return wrapper

        class Base:
            def __init__(self, items):
                self.items = items

        class Stack(Base):
            limit = 3

            def __init__(self, items):
                super().__init__(items)

            @property
            def size(self):
                return len(self.items)

            @classmethod
            def empty(cls):
                return cls([])

            @staticmethod
            @twice
            def double(x):
                return x * 2

            def push(self, item):
                class Local:
                    here = item
                self.items.append(Local.here)
                inner = lambda: self.size
                return inner(), Stack.empty().items, self.double(item)

            def __repr__(self):
                return f"Stack({self.items})"
        """,
    ),
    "changes that are hard to see": (
        "f",
        "f()",
        """
        def f():
            a = [1, (2,)]
            a[0] = True
            a[0] = 1.0
            a = (1.0, (2,))
            a = 5
            a = [1.0, (2,)]
            b = [b"x", 0.0]
            b[0] = bytearray(b"x")
            b[1] = -b[1]
            c = {"k": 1, "j": 2}
            c["k"] = c.pop("k")
            d = {"k": {8}}
            d["k"].add(16)
            d["k"].discard(8)
            d["k"].add(9)
            e = [set(), frozenset(), [[]]]
            e[0].add(1)
            e[2][0].append(e)
            naïve = ["é\\ud800", "\\x00{", "b'"]
            naïve.append(naïve[0])
            del a
            a = [1.0, (2,)]
            return naïve
        """,
    ),
    "recursion": ("fib", "fib(5)", "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"),
    "closures": (
        "f",
        "f(1, 2, 3, k=4)",
        """
        def f(a, b, *rest, k, **more):
            count = 0
            def inner(step):
                nonlocal count
                count += step + a + k
                return count
            inner(1)
            del b
            b = inner(2)
            return [b, rest, more]
        """,
    ),
}


@pytest.mark.skipif(sys.version_info[:2] not in ((3, 10), (3, 11)), reason="the reference has 3.11's scopes")
@pytest.mark.parametrize("name", PROGRAMS)
def test_trace_is_that_of_settrace(name, program, pool):
    function, call, text = PROGRAMS[name]
    path = program(text)
    source = path.read_text()
    found = find(source, function, str(path))
    expected = reference(source, str(path), call, (found.name, found.first_line), path.stem)
    trace = pool.record(path, function, call)
    assert plain(trace.events) == json.loads(json.dumps(expected))
    assert trace.function == function
    assert trace.origin == "recorded"
    assert trace.stats.events == len(trace.events)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    "version", ["3.13", *(pytest.param(v, marks=pytest.mark.long) for v in ("3.8", "3.9", "3.10", "3.12", "3.14"))]
)
def test_trace_is_the_same_on_every_python(version, name, program, pool, pythons):
    ours = "3.11"
    if version not in pythons or ours not in pythons:
        pytest.skip(f"needs Python {version} and {ours}")
    if version in ("3.8", "3.9") and name in ("loops", "comprehensions", "exceptions"):
        pytest.skip("compilers before 3.10 put other lines on the ends of loops and `try` statements")
    function, call, text = PROGRAMS[name]
    path = program(text)
    traces = [pool.record(path, function, call, python=pythons[v], timeout=60) for v in (ours, version)]
    assert plain(traces[1].events) == plain(traces[0].events)
    assert traces[1].outcome == traces[0].outcome


def test_coroutines_run_under_a_loop(program, pool):
    path = program("""
        import asyncio

        async def g(n):
            await asyncio.sleep(0)
            return n + 1

        async def f(n):
            m = await g(n)
            return m * 2

        async def ticks(n):
            for i in range(n):
                yield i
    """)
    trace = pool.record(path, "f", "f(3)")
    assert trace.outcome.value == "8"
    assert [event.function for event in trace.events if event.kind == "call"] == ["f", "g", "f", "g"]
    assert pool.record(path, "f", "await f(3)").outcome.value == "8"
    drained = pool.record(path, "ticks", "ticks(2)")
    assert drained.outcome.kind == "return"
    assert [event.locals["i"] for event in drained.events if event.line == 13 and event.kind == "line"] == ["0", "1"]


def test_generator_is_run_to_its_end(program, pool):
    trace = pool.record(program("def f(n):\n    for i in range(n):\n        yield i\n"), "f", "f(2)")
    assert [event.value for event in trace.events if event.kind == "return"] == ["0", "1", "None"]
    assert trace.outcome.kind == "return"


def test_exception_outcome_names_where_it_was_raised(program, pool):
    path = program("def g(x):\n    return x['a']\n\ndef f(x):\n    return g(x)\n")
    outcome = pool.record(path, "f", "f({})").outcome
    assert outcome.kind == "exception"
    assert outcome.exception is not None
    assert (outcome.exception.type, outcome.exception.message, outcome.exception.line) == ("KeyError", "'a'", 2)


def test_main_block_does_not_run_and_packages_import_relatively(tmp_path, pool):
    (tmp_path / "pyproject.toml").write_text("")
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .prices import total\n")
    (package / "rates.py").write_text("RATE = 2\n")
    (package / "prices.py").write_text(
        "import os\nfrom .rates import RATE\n\ndef total(x):\n    where = os.getcwd(), __name__\n    return x * RATE\n"
        "if __name__ == '__main__':\n    raise SystemExit('ran')\n"
    )
    trace = pool.record(package / "prices.py", "total", "total(4)")
    assert trace.outcome.value == "8"
    assert trace.events[-2].locals["where"] == repr((str(tmp_path), "shop.prices"))


def test_namespace_package_and_neighbours(tmp_path, pool):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app").mkdir()
    (tmp_path / "helper.py").write_text("ONE = 1\n")
    (tmp_path / "app" / "other.py").write_text("TWO = 2\n")
    (tmp_path / "app" / "main.py").write_text(
        "from .other import TWO\nfrom helper import ONE\n\ndef f():\n    return ONE + TWO, __package__\n"
    )
    assert pool.record(tmp_path / "app" / "main.py", "f", "f()").outcome.value == "(3, 'app')"


def test_file_called_like_a_library_module(program, pool):
    path = program("def f():\n    return 'mine'\n", "json.py")
    assert pool.record(path, "f", "f()").outcome.value == "'mine'"


def test_text_of_the_editor_is_recorded_rather_than_the_disks(program, pool):
    path = program("def f():\n    return 1\n")
    assert pool.record(path, "f", "f()", source="def f():\n    return 2\n").outcome.value == "2"


def test_import_failure_is_an_outcome_that_names_it(program, pool):
    trace = pool.record(program("x = 1\nimport nowhere_to_be_found\n\ndef f():\n    pass\n"), "f", "f()")
    assert trace.outcome.kind == "error"
    assert "line 2" in trace.outcome.detail
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in trace.outcome.detail


def test_call_that_does_not_reach_the_function(program, pool):
    path = program("def f(x):\n    return x\n")
    assert "did not enter the function" in pool.record(path, "f", "len('')").outcome.detail
    outcome = pool.record(path, "f", "f(nope)").outcome
    assert outcome.kind == "error"
    assert "NameError: name 'nope' is not defined" in outcome.detail


def test_output_of_the_program_is_kept_apart(program, pool, capfd):
    path = program("import sys\n\ndef f():\n    print('out')\n    print('err', file=sys.stderr)\n")
    heard = []
    pool.record(path, "f", "f()", on_output=lambda out, err: heard.append((out, err)))
    assert heard == [("out\n", "err\n")]
    assert capfd.readouterr() == ("", "")


def test_cases_do_not_see_one_another(program, pool):
    path = program("""
        import builtins, os, sys

        def f(n):
            seen = getattr(builtins, "left", 0), os.environ.get("LEFT"), "left" in sys.modules
            builtins.left = n
            os.environ["LEFT"] = "x"
            sys.modules["left"] = os
            sys.stdout = None
            return seen
    """)
    assert [pool.record(path, "f", f"f({n})").outcome.value for n in (1, 2)] == ["(0, None, False)"] * 2


def test_events_are_streamed(program, pool):
    path = program("import time\n\ndef f():\n    x = 1\n    time.sleep(1)\n    return x\n")
    first = threading.Event()
    cancel = threading.Event()

    def seen(event):
        if event.line == 5:
            first.set()
            cancel.set()

    with pytest.raises(Cancelled):
        pool.record(path, "f", "f()", on_event=seen, cancel=cancel, timeout=60)
    assert first.is_set()


@pytest.mark.parametrize(
    ("function", "call", "complaint"),
    [("g", "g()", "g"), ("f", "f(", "not a call"), ("f", "x = 1", "not a call")],
)
def test_bad_input_is_told_in_one_line(function, call, complaint, program, pool):
    with pytest.raises(UserError) as raised:
        pool.record(program("def f():\n    pass\n"), function, call)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_interpreter_that_is_none(program, tmp_path):
    path = program("def f():\n    pass\n")
    with pytest.raises(UnavailableError, match="is not a Python interpreter"):
        record(path, "f", "f()", python=tmp_path / "nowhere")
    fake = tmp_path / "fake"
    fake.write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(UnavailableError, match="no such luck"):
        record(path, "f", "f()", python=fake)


def test_virtual_environment_of_the_project_is_used(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    path = tmp_path / "program.py"
    path.write_text("import sys\n\ndef f():\n    return sys.prefix\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VIRTUAL_ENV", raising=False)
        trace = record(path, "f", "f()")
    assert trace.outcome.value == repr(str(tmp_path / ".venv"))


def test_limit_of_events(program, pool):
    path = program("def f(n):\n    while True:\n        n += 1\n")
    trace = pool.record(path, "f", "f(0)", limits=Limits(events=100))
    assert len(trace.events) == 100
    assert trace.outcome.kind == "truncated"
    exact = program("def f(n):\n    return n\n", "exact.py")
    assert pool.record(exact, "f", "f(0)", limits=Limits(events=3)).outcome.kind == "return"


def test_pool_is_warm(program, pool):
    path = program("import os\n\ndef f():\n    return os.getppid()\n")
    parents = {pool.record(path, "f", "f()").outcome.value for _ in range(2)}
    assert len(parents) == 1


LIBRARY = """
    ast base64 bisect calendar collections colorsys copy csv datetime _pydecimal difflib doctest email.utils fnmatch
    fractions functools heapq html inspect ipaddress locale numbers operator pathlib pickletools posixpath pprint
    random reprlib shlex statistics string textwrap tokenize types typing urllib.parse uuid zipfile test.test_doctest
    email._header_value_parser email.header http.cookies http.cookiejar json json.encoder json.decoder turtle
"""


def doctests() -> list[tuple[Path, str, str]]:
    """Calls in the standard library's doctests that stand alone: file, function or method, call."""
    found = []
    for name in LIBRARY.split():
        spec = importlib.util.find_spec(name)
        if spec is None or not (spec.origin or "").endswith(".py"):
            continue
        path = Path(spec.origin)
        source = path.read_text()
        tree = ast.parse(source)
        known = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        methods = {
            f"{node.name}.{method.name}"
            for node in known.values()
            if isinstance(node, ast.ClassDef)
            for method in node.body
            if isinstance(method, ast.FunctionDef)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                continue
            try:
                examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
            except ValueError:
                continue
            for example in examples:
                try:
                    expression = ast.parse(example.source.strip(), mode="eval").body
                except SyntaxError:
                    continue
                names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
                if not names <= known.keys() | vars(builtins).keys():
                    continue
                for call in ast.walk(expression):
                    target = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                        target = target.partition("(")[0] + "." + call.func.attr
                    targets = (target, target + ".__new__", target + ".__init__")
                    chosen = next((t for t in targets if t in methods or isinstance(known.get(t), ast.FunctionDef)), "")
                    if chosen:
                        found.append((path, chosen, ast.unparse(expression)))
                        break
    return list(dict.fromkeys(found))


def doctest_programs() -> list[str]:
    """Each docstring's examples as the body of a function `f`."""
    programs = []
    for name in LIBRARY.split():
        spec = importlib.util.find_spec(name)
        if spec is None or not (spec.origin or "").endswith(".py"):
            continue
        for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
            if not isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                continue
            try:
                examples = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
            except ValueError:
                continue
            body = "".join(textwrap.indent(example.source, "    ") for example in examples)
            program = f"from {name} import *\n\n\ndef f():\n{body}"
            try:
                compile(program, name, "exec")
            except SyntaxError:
                continue
            if len(examples) > 1 and not re.search(r"print|help|turtle|test\(|random|input|doctest\.", program):
                programs.append(program)
    return programs


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(sys.version_info[:2] not in ((3, 10), (3, 11)), reason="the reference has 3.11's scopes")
def test_doctests_of_the_standard_library_are_recorded_exactly(tmp_path, pool):
    calls = doctests()
    for number, program in enumerate(doctest_programs()):
        path = tmp_path / f"program{number}.py"
        path.write_text(program)
        calls.append((path, "f", "f()"))
    assert len(calls) >= 200
    different = []
    for path, function, call in calls:
        source = path.read_text()
        found = find(source, function, str(path))
        trace = pool.record(path, function, call, limits=Limits(events=10**6, value=10**7, size=1 << 30), timeout=60)
        again = subprocess.run(
            [sys.executable, Path(__file__).with_name("reference.py")],
            input=json.dumps([source, str(path), call, [found.name, found.first_line], layout(path, source).module])
            + "\n",
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": "0"},
        )
        if plain(trace.events) != json.loads(again.stdout.splitlines()[-1]):
            different.append((path.name, call))
    assert different == []


def cruxeval() -> Path:
    return Path(__file__).parents[2].parent / "shared" / "data" / "cruxeval.jsonl"


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(sys.version_info[:2] not in ((3, 10), (3, 11)), reason="the reference has 3.11's scopes")
@pytest.mark.skipif(not cruxeval().exists(), reason="the CRUXEval rows are not here")
def test_cruxeval_is_recorded_exactly(tmp_path, pool):
    rows = [json.loads(line) for line in cruxeval().read_text().splitlines()]
    path = tmp_path / "program.py"
    different = []
    for row in rows:
        path.write_text(row["code"])
        call = f"f({row['input']})"
        found = find(row["code"], "f", str(path))
        trace = pool.record(path, "f", call)
        again = subprocess.run(
            [sys.executable, Path(__file__).with_name("reference.py")],
            input=json.dumps([row["code"], str(path), call, [found.name, found.first_line], path.stem]) + "\n",
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": "0"},
        )
        if plain(trace.events) != json.loads(again.stdout.splitlines()[-1]):
            different.append(row["id"])
    assert different == []
