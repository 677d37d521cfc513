"""What the evaluator says of Python's own tests: each test method a program of one file, evaluated, run, and compared.

    python benchmarks/conformance.py [MODULE ...] [--only PATTERN] [--limit N] [--seed N] [--results FILE] [--jobs N]

The tests are read from the `test` package of the Python that this runs in, which should be CPython 3.11; nothing of
them is kept. Of a method's module its program has what the method needs, with a plain stand-in for `unittest`. Each
program is recorded with `sys.settrace` and then evaluated, each in a process of its own with limits on time and memory,
in an empty folder. Left out is what does not get into the method, or takes too long or too many steps.

By module and in all: rows; begun: something was computed; whole: all of it was, without a question; wrong: what was
told as computed and the run contradicts. Rows are taken in random order, so that those of a run that was ended early
stand for all: with `--results` each verdict is kept at once, and a later run goes on with the rows that are missing.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import json
import multiprocessing
import os
import pickle
import random
import re
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from cwm_lsp.evaluate import Limits
from cwm_lsp.trace.events import Event
from tests.evaluate.recording import contradictions, evaluate, record

T = TypeVar("T")

MODULES = (
    "abc abstract_numbers argparse array ast asyncgen augassign base64 baseexception binascii binop bisect bool "
    "builtin bytes calendar call class cmath codecs collections colorsys compare complex configparser contains "
    "context contextlib copy copyreg coroutines csv dataclasses datetime decimal decorators defaultdict deque "
    "descr dict dictcomps dictviews difflib dynamicclassattribute enum enumerate except_star exception_group "
    "exception_variations exceptions extcall float fnmatch format fractions fstring funcattrs functools "
    "generator_stop generators genericalias genericclass genericpath genexps getopt global grammar graphlib hash "
    "hashlib heapq hmac html index inspect int int_literal ipaddress isinstance iter iterlen itertools json "
    "keyword keywordonlyarg list listcomps long longexp math memoryview metaclass module named_expressions ntpath "
    "numeric_tower opcache opcodes operator ordered_dict pathlib patma peepholer pep646_syntax "
    "positional_only_arg posixpath pow pprint print property queue quopri raise random range re reprlib richcmp "
    "sched scope secrets set setcomps shlex slice sort stat statistics string string_literals strtod struct "
    "subclassinit super syntax textwrap tokenize traceback tuple type_annotations typechecks types typing unary "
    "unicode unicode_identifiers unicodedata univnewlines unpack unpack_ex urlparse userdict userlist userstring "
    "uuid weakref weakset with yield_from zlib"
)
EVENTS = 900
SECONDS = 20
"""Of one method: evaluated and recorded."""
MEMORY = 3 * 2**30

STAND_IN = '''\
class unittest:
    """As much of unittest as its assertions need."""

    class SkipTest(Exception):
        pass

    class Refused:
        """`with self.assertRaises(...)`."""

        def __init__(self, kind, pattern):
            self.kind, self.pattern = kind, pattern

        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            if kind is None or not issubclass(kind, self.kind):
                assert kind is not None, "nothing was raised"
                return False
            self.exception = error
            if self.pattern:
                import re
                assert re.search(self.pattern, str(error)), "another message"
            return True

    class Part:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

    class TestCase:
        failureException = AssertionError
        maxDiff = None

        def setUp(self):
            pass

        def begun(self):
            self.setUp()
            return self

        def subTest(self, msg=None, **values):
            return unittest.Part()

        def skipTest(self, reason):
            raise unittest.SkipTest(reason)

        def fail(self, msg=None):
            raise AssertionError(msg)

        def addCleanup(self, function, *args, **kwargs):
            pass

        def assertRaises(self, kind, function=None, *args, **kwargs):
            if function is None:
                return unittest.Refused(kind, None)
            with unittest.Refused(kind, None):
                function(*args, **kwargs)

        def assertRaisesRegex(self, kind, pattern, function=None, *args, **kwargs):
            if function is None:
                return unittest.Refused(kind, pattern)
            with unittest.Refused(kind, pattern):
                function(*args, **kwargs)

        def assertAlmostEqual(self, a, b, places=7, msg=None, delta=None):
            assert a == b or (abs(a - b) <= delta if delta is not None else round(abs(a - b), places) == 0), msg

        def assertCountEqual(self, a, b, msg=None):
            a, b = list(a), list(b)
            assert len(a) == len(b) and all(a.count(item) == b.count(item) for item in a), msg

        def assertRegex(self, text, pattern, msg=None):
            import re
            assert re.search(pattern, text), msg
'''
COMPARING = {
    "Equal ListEqual TupleEqual DictEqual SetEqual SequenceEqual MultiLineEqual": "a == b",
    "NotEqual": "a != b", "Is": "a is b", "IsNot": "a is not b", "In": "a in b", "NotIn": "a not in b",
    "IsInstance": "isinstance(a, b)", "NotIsInstance": "not isinstance(a, b)",
    "Less": "a < b", "LessEqual": "a <= b", "Greater": "a > b", "GreaterEqual": "a >= b",
}  # fmt: skip
TESTING = {"True": "a", "False": "not a", "IsNone": "a is None", "IsNotNone": "a is not None"}


def stand_in() -> str:
    """The text of the stand-in for unittest."""
    text = STAND_IN
    for names, test in COMPARING.items():
        for name in names.split():
            text += f"\n        def assert{name}(self, a, b, msg=None, **options):\n            assert {test}, msg\n"
    for name, test in TESTING.items():
        text += f"\n        def assert{name}(self, a, msg=None):\n            assert {test}, msg\n"
    return text + "\n"


@dataclass(frozen=True)
class Row:
    """One test method."""

    tests: Source
    class_name: str
    """The class that is instantiated."""
    home: str
    """The one that has the method."""
    method: str

    @property
    def module(self) -> str:
        return self.tests.name

    @property
    def name(self) -> str:
        """What it is called among all rows."""
        return f"{self.module}/{self.tests.path.stem} {self.class_name}.{self.method}"

    @property
    def function(self) -> str:
        return f"{self.home}.{self.method}"

    @property
    def call(self) -> str:
        return f"{self.class_name}().begun().{self.method}()"

    @property
    def source(self) -> str:
        """The program."""
        return self.tests.program(self.class_name, self.method)


class Source:
    """A module of tests: its statements, and which of them bind a name."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines(keepends=True)
        self.tree = ast.parse(self.text)
        self.binding: dict[str, list[ast.stmt]] = defaultdict(list)
        self._names: dict[ast.AST, frozenset[str]] = {}
        self._deciding: dict[ast.AST, list[ast.AST]] = {}
        self.helpers: set[str] = {"unittest"}
        """Names from `unittest` and `test`, whose decorators only decide on whether a test is run."""
        for node in self.tree.body:
            for bound in names_bound(node):
                self.binding[bound].append(node)
            if isinstance(node, ast.Import | ast.ImportFrom):
                origin = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
                if origin.split(".")[0] in ("test", "unittest"):
                    self.helpers |= {alias.asname or alias.name.split(".")[0] for alias in node.names}

    def rows(self) -> Iterator[Row]:
        classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        for name in classes:
            family = lineage(name, classes)
            if not any("TestCase" in ast.unparse(base) for node in family for base in node.bases):
                continue
            methods: dict[str, str] = {}
            for node in family:
                for item in node.body:
                    if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
                        methods.setdefault(item.name, node.name)
            for method, home in methods.items():
                yield Row(self, name, home, method)

    def program(self, class_name: str, method: str) -> str:
        """A file with one test and what it needs of the module."""
        wanted: set[ast.stmt] = set()
        pending = [class_name]
        seen = set(pending)
        while pending:
            for node in self.binding.get(pending.pop(), ()):
                if node not in wanted:
                    wanted.add(node)
                    used = self.used(node, method) - seen
                    seen |= used
                    pending += used
        parts = [self.written(node, method) for node in self.tree.body if node in wanted or is_future(node)]
        future = "".join(part for part in parts if part.startswith("from __future__"))
        return future + stand_in() + "".join(part for part in parts if not part.startswith("from __future__"))

    def used(self, node: ast.stmt, method: str) -> set[str]:
        """The names that a statement mentions."""
        if not isinstance(node, ast.ClassDef):
            return set(self.names(node))
        left_out = self.left_out(node, method)
        return set().union(*(self.names(part) for part in ast.iter_child_nodes(node) if part not in left_out))

    def left_out(self, node: ast.stmt, method: str) -> set[ast.AST]:
        """The other tests of a class, and decorators that decide on whether tests are run."""
        return {*self.deciding(node), *other_tests(node, method)}

    def names(self, node: ast.AST) -> frozenset[str]:
        """The names in a node, but for those in decorators that decide on whether tests are run."""
        found = self._names.get(node)
        if found is None:
            found = self._names[node] = frozenset(self.mentioned(node))
        return found

    def mentioned(self, node: ast.AST) -> Iterator[str]:
        skipped = set(self.deciding(node))
        pending = [node]
        while pending:
            part = pending.pop()
            if part in skipped:
                continue
            if isinstance(part, ast.Name):
                yield part.id
            elif isinstance(part, ast.Global):
                yield from part.names
            pending += ast.iter_child_nodes(part)

    def deciding(self, node: ast.AST) -> list[ast.AST]:
        """The decorators in a node that decide on whether tests are run."""
        found = self._deciding.get(node)
        if found is None:
            decorators = (item for part in ast.walk(node) for item in getattr(part, "decorator_list", ()))
            found = [item for item in decorators if ast.unparse(item).split(".")[0].split("(")[0] in self.helpers]
            self._deciding[node] = found
        return found

    def written(self, node: ast.stmt, method: str) -> str:
        """The text of a statement without what is left out."""
        if isinstance(node, ast.Import) and all(alias.name == "unittest" for alias in node.names):
            return ""
        if isinstance(node, ast.ImportFrom) and node.module == "unittest":
            return "".join(f"{alias.asname or alias.name} = unittest.{alias.name}\n" for alias in node.names)
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(called, [ast.Constant(of), *_])):
                if ast.unparse(called).endswith(("import_module", "import_fresh_module")):
                    return f"import {of} as {name}\n"
        first, last = extent(node)
        kept = dict(enumerate(self.lines[first - 1 : last], first))
        for part in self.left_out(node, method):
            start, end = extent(part)
            for line in range(start, end + 1):
                kept.pop(line, None)
        if isinstance(node, ast.ClassDef) and not any(map(kept.get, range(node.body[0].lineno, last + 1))):
            kept[last + 1] = " " * node.body[0].col_offset + "pass\n"
        return "".join(kept.values()).rstrip("\n") + "\n"


def other_tests(node: ast.stmt, method: str) -> list[ast.stmt]:
    """The tests of a class but one."""
    if not isinstance(node, ast.ClassDef):
        return []
    functions = (item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
    return [item for item in functions if item.name.startswith("test") and item.name != method]


def is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def extent(node: Any) -> tuple[int, int]:
    """The first and last line of a node, its decorators included."""
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
    return first, node.end_lineno


def lineage(name: str, classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """A class and those of its bases that are in the same file, nearest first."""
    found: list[ast.ClassDef] = []
    pending = [name]
    while pending:
        node = classes.get(pending.pop(0))
        if node is not None and node not in found:
            found.append(node)
            pending += [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found


def names_bound(node: ast.AST) -> set[str]:
    """The names that a statement at the top level binds, or whose value it changes."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store | ast.Del) else set()
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
    found: set[str] = set()
    for child in ast.iter_child_nodes(node):
        found |= names_bound(child)
    return found


@cache
def installed(name: str) -> tuple[Path, ...]:
    """The files of a module of tests."""
    spec = importlib.util.find_spec("test")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder, f"test_{name}")
        if path.with_suffix(".py").is_file():
            return (path.with_suffix(".py"),)
        if path.is_dir():
            return tuple(sorted(path.glob("test_*.py")))
    return ()


def rows_of(name: str) -> list[Row]:
    """The test methods of a module."""
    return [row for path in installed(name) for row in Source(name, path).rows()]


def compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<test>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True


@dataclass
class Verdict:
    """What became of a row."""

    begun: bool = False
    whole: bool = False
    wrong: str = ""
    reason: str = ""
    """Why it is not computed whole."""


def judged(source: str, call: str, function: str) -> Verdict | None:
    """Record and evaluate a program; None if it is left out."""
    if not compiles(source):
        return None
    recorded = apart(lambda: recording(source, call, function))
    if recorded is None:
        return None
    evaluated = evaluate(source, call, function, limits=Limits(events=2 * EVENTS, seconds=SECONDS / 3))
    verdict = Verdict(begun=any("predicted" not in event.provenance.values() for event in evaluated.events))
    wrong = contradictions(recorded, evaluated)
    if wrong:
        verdict.wrong = wrong[0]
    elif evaluated.asked_at is not None:
        at = evaluated.events[-1].line if evaluated.events else 0
        verdict.reason = f"asks at: {source.splitlines()[at - 1].strip() if at else call}"
    elif evaluated.gave_up is not None:
        verdict.reason = re.sub(r"\d[\d,]*", "N", evaluated.gave_up)
    else:
        verdict.whole = all("predicted" not in event.provenance.values() for event in evaluated.events)
        verdict.reason = "" if verdict.whole else "differs between runs"
    return verdict


def recording(source: str, call: str, function: str) -> list[Event] | None:
    """The events of a run; None if it does not get into the method, or has too many."""
    recorded = record(source, call, function, events=EVENTS)
    return None if not recorded or recorded.cut else list(recorded)


def apart(work: Callable[[], T]) -> T | None:
    """The same in a process of its own, in an empty folder, within limits; None where it comes to no end."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            signal.alarm(SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("r+") as sink:
                for stream in range(3):
                    os.dup2(sink.fileno(), stream)
                os.chdir(folder)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    answer = pickle.dumps(work())
            with os.fdopen(writing, "wb") as file:
                file.write(answer)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    return pickle.loads(answer) if answer else None


def sample(modules: Iterable[str], *, only: str = "", limit: int | None = None, seed: int = 0) -> list[Row]:
    """The rows of modules whose function or module matches `only`, in random order; `limit`: so many of them."""
    rows = [row for name in modules for row in rows_of(name) if re.search(only, f"{row.module} {row.function}")]
    random.Random(seed).shuffle(rows)
    return rows[:limit]


def judged_apart(program: tuple[int, str, str, str]) -> tuple[int, Verdict | None]:
    position, *parts = program
    return position, apart(partial(judged, *parts))


def check(rows: list[Row], *, jobs: int = 1) -> Iterator[tuple[Row, Verdict | None]]:
    """Each row with its verdict, as they come; None for what is left out."""
    programs = ((position, row.source, row.call, row.function) for position, row in enumerate(rows))
    fresh = multiprocessing.get_context("spawn")  # processes without the rows are forked in a fifth of the time
    with fresh.Pool(jobs) as pool:
        for position, verdict in pool.imap_unordered(judged_apart, programs):
            yield rows[position], verdict


def kept(results: Path) -> dict[str, Verdict | None]:
    """The verdicts that a file has, by the names of their rows."""
    found = map(json.loads, results.read_text(encoding="utf-8").splitlines() if results.exists() else [])
    return {item["row"]: item["verdict"] and Verdict(**item["verdict"]) for item in found}


def counted(verdicts: Iterable[tuple[Row, Verdict]]) -> dict[str, Counter[str]]:
    """Counts by module."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row, verdict in verdicts:
        counts[row.module].update(rows=1, begun=verdict.begun, whole=verdict.whole, wrong=bool(verdict.wrong))
    return counts


COLUMNS = ("rows", "begun", "whole", "wrong")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=MODULES.split(), metavar="MODULE", help="without `test_`")
    parser.add_argument("--only", default="", metavar="PATTERN", help="rows whose module or function matches")
    parser.add_argument("--limit", type=int, metavar="N", help="so many rows of all")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the order of the rows")
    parser.add_argument(
        "--results", type=Path, default=os.devnull, metavar="FILE", help="verdicts as JSON lines; rows in it are done"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many rows at once")
    parser.add_argument("--reasons", type=int, default=10, metavar="N", help="so many reasons for not knowing")
    parser.add_argument("--show", type=int, default=5, metavar="N", help="programs of wrong rows that are printed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not any(map(installed, options.modules)):
        print("this Python has no `test` package: install it, or run with another CPython 3.11", file=sys.stderr)
        return 2
    rows = sample(options.modules, only=options.only, limit=options.limit, seed=options.seed)
    verdicts = kept(options.results)
    missing = [row for row in rows if row.name not in verdicts]
    with options.results.open("a", encoding="utf-8") as file, contextlib.suppress(KeyboardInterrupt):
        for row, verdict in check(missing, jobs=options.jobs):
            verdicts[row.name] = verdict
            print(json.dumps({"row": row.name, "verdict": verdict and asdict(verdict)}), file=file, flush=True)
    found = [(row, verdict) for row in rows if (verdict := verdicts.get(row.name)) is not None]
    counts = counted(found)
    total = sum(counts.values(), Counter[str]())
    reasons = Counter(verdict.reason for _, verdict in found if verdict.reason).most_common(options.reasons)
    wrong = [(row, verdict.wrong) for row, verdict in found if verdict.wrong]
    if options.json:
        print(json.dumps({"modules": counts, "total": total, "reasons": reasons,
                          "wrong": [{"module": row.module, "function": row.function, "what": what}
                                    for row, what in wrong]}))  # fmt: skip
        return bool(wrong)
    print(f"{len(verdicts.keys() & {row.name for row in rows})} of {len(rows)} test methods drawn")
    print(f"{'':24}" + "".join(f"{column:>8}" for column in COLUMNS))
    for name, count in [*sorted(counts.items()), ("in all", total)]:
        print(f"{name:24}" + "".join(f"{count[column]:8}" for column in COLUMNS))
    if total["rows"]:
        print(f"computed whole: {total['whole'] / total['rows']:.0%}")
    for reason, number in reasons:
        print(f"{number:6} {reason[:110]}")
    for position, (row, what) in enumerate(wrong):
        print(f"\nwrong: {row.module} {row.function}\n{what}")
        if position < options.show:
            print("\n".join(f"{n:4} {line}" for n, line in enumerate(row.source.splitlines(), 1)))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
