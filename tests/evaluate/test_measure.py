"""Attempts to make the evaluator take much memory or time in one step, or to show what differs between runs."""

# ruff: noqa: E501

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cwm_lsp.evaluate import Evaluation, Limits, Question

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IMPORTS = (
    "import array, base64, bisect, collections, copy, datetime, decimal, difflib, fractions, functools, heapq, html, "
    "itertools, json, logging, math, operator, re, shlex, statistics, string, struct, textwrap, time, urllib.parse, uuid\n"
)
CLASSES = """
class Index:
    def __index__(self):
        return 10**10
class Text(str):
    pass
class Items(list):
    pass
class Plain:
    pass
class Bytes(bytes):
    pass
class Strings(set):
    pass
class Hidden:
    def __init__(self):
        self.text, self.items, self.number = 'ab', [1, 2], fractions.Fraction(3, 7)
@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str
def again(step):
    hidden = Hidden()
    for _ in range(200):
        step(hidden)
    return 1
def nest(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made
def double(depth):
    made = ()
    for _ in range(depth):
        made = (made, made)
    return made
""".replace("\nclass Index", "\nimport dataclasses\nclass Index", 1)
LARGE = [
    "'a' * Index()", "[0] * Index()", "'a'.center(Index())", "bytes(Index())", "bytes(source=10**10)", "Bytes(10**10)",
    "bytes.__new__(Bytes, 10**10)", "Text('a').center(10**10)", "Text('a').__mul__(10**10)", "Items([1]).__imul__(10**10)",
    "Items([1]) * 10**10", "list.__iadd__([0] * 150000, [0] * 150000)", "operator.methodcaller('zfill', 10**10)('1')",
    "list(map(operator.methodcaller('center', 10**10), ['a']))", "operator.ilshift(1, 10**10)", "operator.imul([1], 10**10)",
    "operator.imod('%1000000000d', 1)", "functools.reduce(lambda m, _: operator.iconcat(m, m), range(60), [1])",
    "again(lambda h: h.items.extend(h.items))", "again(lambda h: setattr(h, 'text', '%s%s' % (h.text, h.text)))",
    "again(lambda h: setattr(h, 'text', repr(h.text + '\\\\')))", "again(lambda h: setattr(h, 'text', json.dumps(h.text)))",
    "again(lambda h: setattr(h, 'number', h.number * h.number))", "again(lambda h: setattr(h, 'number', h.number + 1 / h.number))",
    "again(lambda h: setattr(h, 'items', [*h.items, *h.items]))", "again(lambda h: setattr(h, 'items', h.items[:] + h.items[:]))",
    "again(lambda h: h.items.__setitem__(slice(0, 0), h.items))",
    "again(lambda h: operator.setitem(h.items, slice(0, 0), h.items))",
    "(lambda i: [list.__setitem__(i, slice(0, 0), i) for _ in range(99)])(Items([1]))",
    "(lambda i: [i.__setitem__(slice(0, 0), i) for _ in range(99)])(Items([1]))", "[[0] * 1000 for _ in range(10**6)]", "['a' * 150000 + str(i) for i in range(10**5)]",
    "[[*range(1000)][:] for _ in range(10**6)]", "[set(range(1000)) for _ in range(10**6)]", "['x'.join(str(range(900))) for _ in range(10**6)]",
    "b'a'.replace(bytearray(b''), b'x' * 150000) * 10**6", "('a' * 1000).translate(['x' * 150000] * 200)", "re.match('(a+)', 'a' * 999).expand('\\\\1' * 50000)",
    "textwrap.indent('a\\n' * 9000, 'x' * 90000)", "textwrap.fill('a' * 190000, 1)", "json.JSONEncoder(indent=10**9).encode([1])",
    "struct.pack('999999999s', b'')", "format(1, '1000000000d')", "'%*d' % (10**9, 1)", "'%.*f' % (10**9, 1.0)", "'{:{}}'.format(1, 10**9)",
    "f'{1.5:.{10**9}f}'", "array.array('q', [0]) * 10**10", "'{0!r:>1000000000}'.format('a')", "string.Template('$a' * 9000).substitute(a='x' * 9000)",
    "list(itertools.chain.from_iterable(itertools.repeat('ab')))", "copy.deepcopy(itertools.count())", "itertools.combinations(range(10**10), 2)",
    "[functools.reduce(lambda m, _: map(str, m), range(10**6), [])]", "[list('a' * 150000) for _ in range(10**5)]",
]  # fmt: skip
LONG = [
    "double(60) == double(60)", "double(60) in [double(60)]", "[double(60)].index(double(59))", "{double(60)}", "{double(60): 1}", "hash(double(60))",
    "sorted([double(60), double(60)])", "copy.deepcopy(nest(5000))", "nest(5000) == nest(5000)", "json.dumps(nest(5000))", "repr(nest(5000))",
    "json.loads('[' * 100000 + ']' * 100000)", "pow(3, int('9' * 4000) ** 2, int('7' * 4000) ** 2)", "int('f' * 190000, 16)", "int.from_bytes(b'x' * 190000, 'big')",
    "range(10**12).index(5.5)", "range(10**12).count('a')", "statistics.mean([decimal.Decimal('1e99999999')])", "math.factorial(10**6)",
    "re.match('a*' * 10 + 'b', 'a' * 200)", "re.match('a?' * 30 + 'a' * 30, 'a' * 30)", "re.match('(((((a{0,9}){0,9}){0,9}){0,9}){0,9})b', 'a' * 60)", "re.search(r'(\\w+\\s?)*$', 'word ' * 20 + '!')",
    "re.match('(?i)(x+x+)+y', 'xX' * 20)",
    "re.match('(é+)+$', 'é' * 40 + '!')",
    "re.match('([à-ÿ]+)*$', 'é' * 40 + '!')", "difflib.SequenceMatcher(None, 'ab' * 3000, 'ba' * 3000).ratio()", "difflib.get_close_matches('a' * 3000, ['b' * 3000] * 9)",
    "[*itertools.permutations(range(12))]", "max(range(10**12))", "sum(itertools.count())", "any(iter(int, 1))", "'a' in itertools.repeat('b')", "dict(zip(itertools.count(), itertools.count()))",
    "shlex.split(None)", "collections.deque(itertools.cycle([1]), 1)", "fractions.Fraction('1e-999999999')", "(1).__lshift__(10**10)",
]  # fmt: skip
VARYING = [
    "hash('a')", "hash(('a', 1))", "hash(Plain())", "hash(Frozen('a'))", "hash(collections.namedtuple('P', 'x')('a'))", "hash(float('nan'))", "hash(None)", "id(1)", "str({'a', 'b', 'c', 'd'})",
    "repr(ValueError({'a', 'b', 'c', 'd'}))", "collections.namedtuple('P', 'x')({'a', 'b', 'c', 'd'})", "collections.deque([{'a', 'b', 'c', 'd'}])", "{1: {'a', 'b', 'c', 'd'}}.values()",
    "[*Strings('abcdefgh')]", "list({'a', 'b', 'c', 'd'})", "[x for x in {'a', 'b', 'c', 'd'}]", "{'a', 'b', 'c', 'd'}.pop()", "list(itertools.chain.from_iterable([{'a', 'b', 'c', 'd'}]))",
    "urllib.parse.urlencode({'k': {'a', 'b', 'c', 'd'}}, doseq=True)", "string.Template('$a').substitute(a={'a', 'b', 'c', 'd'})", "' '.join({'a', 'b', 'c', 'd'})", "'%s' % ({'a', 'b', 'c', 'd'},)",
    "f\"{({'a', 'b', 'c', 'd'},)}\"", "[list(x) for x in [{'a', 'b', 'c', 'd'}]]", "next(iter({'a', 'b', 'c', 'd'}))", "str(object())", "f'{Plain()}'", "str(Plain())", "datetime.datetime.now()", "datetime.date.today()",
    "datetime.datetime(2020, 1, 1).timestamp()", "datetime.datetime(2020, 1, 1).astimezone()", "datetime.datetime(2020, 1, 1).strftime('%s')",
    "datetime.datetime.strptime('UTC', '%Z')", "time.time()", "statistics.NormalDist().samples(2)", "uuid.uuid4()", "object.__repr__(Plain())", "sorted([Plain(), Plain()], key=id)",
    "collections.Counter({'a', 'b', 'c', 'd'})", "dict.fromkeys({'a', 'b', 'c', 'd'})", "[*{'a': 1}.keys() | {'b', 'c', 'd'}]", "min({'a', 'bb', 'c', 'dd'}, key=len)", "tuple(frozenset('abcd'))",
    "functools.partial(len, {'a', 'b', 'c', 'd'})", "list(enumerate({'a', 'b', 'c', 'd'}))", "re.compile('a', re.DEBUG)", "re.match(b'a', b'a', re.L)", "time.sleep(-1)", "operator.attrgetter('code')(again)",
    "print(file=1)", "memoryview(b'a').obj is None or id(1)",
]  # fmt: skip
IN_LITTLE_MEMORY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from cwm_lsp.evaluate import Limits, Question
from tests.evaluate.test_measure import LARGE, evaluate
for expression in LARGE:
    evaluation, _ = evaluate(expression, Limits(seconds=4))
    shown = evaluation.outcome and evaluation.outcome.value
    print(expression[:60], "->", evaluation.gave_up if shown is None else "KNOWN " + shown[:60], flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")
"""


def evaluate(expression: str, limits: Limits) -> tuple[Evaluation, list[object]]:
    """The evaluation of an expression, and its steps up to the first question that has no suggestion."""
    evaluation = Evaluation(f"{IMPORTS}{CLASSES}\ndef f():\n    return {expression}\n", "f()", "f", limits=limits)
    steps = []
    with evaluation:
        for step in evaluation:
            steps.append(step)
            if isinstance(step, Question):
                if not step.suggestions:
                    break
                evaluation.answer(dict(step.suggestions))
    return evaluation, steps


def test_no_step_takes_much_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert not [line for line in lines if "-> KNOWN" in line]
    assert not [line for line in lines if "MemoryError" in line]
    assert len(lines) == len(LARGE) + 1


@pytest.mark.parametrize("expression", LONG)
def test_no_step_takes_long(expression: str) -> None:
    evaluation, _ = evaluate(expression, Limits(operations=200_000, seconds=20))
    assert evaluation.outcome is None
    timed = {"the call takes too long to evaluate", "the call takes more than 20 s to evaluate"}
    assert evaluation.gave_up not in timed


@pytest.mark.parametrize("expression", VARYING)
def test_what_differs_between_runs_is_not_computed(expression: str) -> None:
    evaluation, steps = evaluate(expression, Limits())
    last = steps[-1]
    if evaluation.outcome is not None and evaluation.outcome.kind == "return" and not isinstance(last, Question):
        assert last.provenance["value"] in ("predicted", "unknown"), evaluation.outcome
