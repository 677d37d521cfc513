import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_lsp.source.calls import Call, bind, candidates
from cwm_lsp.source.functions import find, functions
from cwm_lsp.source.uses import text_matching


def calls(source, name="f", *, tests=None, path="shop/mod.py", known=()):
    return candidates(source, find(source, name, path), path=path, tests=tests or {}, known=known)


def expressions(source, name="f", origin=None, tests=None):
    """Those that were found, not made up."""
    found = calls(source, name, tests=tests)
    return [
        call.expression for call in found if call.origin == origin or (origin is None and call.origin != "defaults")
    ]


MODULE = '''\
"""About f.

>>> f(10)
"""

LIMITS = [4, 5]


def f(n):
    """Doc.

    >>> f(LIMITS)
    >>> f(1) + f(2)
    3
    """
    return n


def test_f():
    assert f(20) == 20


def main():
    n = 30
    print(f(n))


assert f(40) == 40
total = f(50)

if __name__ == "__main__":
    main()
    f(60)
'''


def test_order_origin_and_place():
    tests = {"tests/test_mod.py": "from shop.mod import f\n\ndef test():\n    assert f(70)\n"}
    known = [Call("f(1)", "typed"), Call("f(99)", "recorded")]
    assert calls(MODULE, tests=tests, known=known) == [
        Call("f(1)", "typed"),
        Call("f(99)", "recorded"),
        Call("f(2)", "doctest", 13, "shop/mod.py"),
        Call("f(10)", "doctest", 3, "shop/mod.py"),
        Call("f(LIMITS)", "doctest", 12, "shop/mod.py"),
        Call("f(70)", "test", 4, "tests/test_mod.py"),
        Call("f(20)", "test", 20, "shop/mod.py"),
        Call("f(60)", "main", 33, "shop/mod.py"),
        Call("f(30)", "main", 25, "shop/mod.py"),
        Call("f(40)", "assertion", 28, "shop/mod.py"),
        Call("f(50)", "assertion", 29, "shop/mod.py"),
        Call("f(3)", "defaults", 9, "shop/mod.py"),
    ]


def doctest_of(text):
    body = "\n".join(f"    {line}" for line in text.split("\n"))
    return f'import math\nclass P:\n    def __init__(self, x=0): ...\ndef f(a, b=1):\n    r"""\n{body}\n    """\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (">>> f(1)\n2", ["f(1)"]),
        (">>> print(f(1), len(str(f(2))))\n1 1", ["f(1)", "f(2)"]),
        (">>> f(\n...     1,\n...     b='x',\n... )\n...\n2\n\n>>> f(3)", ["f(1, b='x')", "f(3)"]),
        (">>> x = 4\n>>> y = [x, -x]\n>>> f(y, b=x)", ["f([4, -4], b=4)"]),
        (">>> a, b = 1, 'two'\n>>> f(a, b)", ["f(1, 'two')"]),
        (">>> x = open('f').read()\n>>> f(x)", ["f(open('f').read())"]),
        (">>> for x in [1, 2]:\n...     f(x)", ["f(1)", "f(2)"]),
        (">>> for x in range(2):\n...     f(x)", []),
        (">>> [f(i) for i in range(3)]", []),
        (">>> f([i for i in range(3)])", ["f([i for i in range(3)])"]),
        (">>> f(lambda i: i)", ["f(lambda i: i)"]),
        (">>> xs = []\n>>> xs.append(1)\n>>> f(xs)", ["xs = []\nxs.append(1)\nf(xs)"]),
        (">>> xs = [1]\n>>> xs += [2]\n>>> f(xs)", ["xs = [1]\nxs += [2]\nf(xs)"]),
        (">>> x = nobody\n>>> if x:\n...     x = 1\n>>> f(x)", []),
        (">>> xs = [1]\n>>> xs[0] = 2\n>>> f(xs)", ["xs = [1]\nxs[0] = 2\nf(xs)"]),
        (">>> with open('x') as h:\n...     f(h)", ["f(open('x'))"]),
        (">>> f(_)\n>>> f(undefined)\n>>> f(P(2))\n>>> f(math.pi)", ["f(P(2))", "f(math.pi)"]),
        (">>> from shop.mod import f as g\n>>> g(5)", ["f(5)"]),
        (">>> import shop.mod\n>>> shop.mod.f(6)", ["f(6)"]),
        (">>> f(1, 2, 3)\n>>> f()\n>>> f(1)", ["f(1)"]),
        (">>> f(1) if f(2) else f(3)", ["f(2)", "f(1)", "f(3)"]),
        (">>> f(f(1))", ["f(1)", "f(f(1))"]),
        (">>> await f(1)", ["f(1)"]),
        (">>> f(1)\n>>> f( 1 )", ["f(1)"]),
        (">>> f(1\n>>> f(2)", ["f(2)"]),
        (">>> f('>>> f(3)')", ["f('>>> f(3)')"]),
        (">>> x.f(1)\n>>> self.f(2)\n>>> g(3)", []),
        ("f(1)\n> f(2)\n>> f(3)", []),
        (">>> f(1)  # doctest: +SKIP", ["f(1)"]),
        (">>> x = [1]\n" + ">>> x = [x, x]\n" * 60 + ">>> f(x)\n>>> f(1)", ["f(1)"]),
        (">>> f(-1)\n>>> def f(a): ...\n>>> f(2)", ["f(-1)"]),
    ],
)
def test_doctests(text, found):
    assert sorted(expressions(doctest_of(text), origin="doctest")) == sorted(found)


def test_doctest_lines_survive_escapes_and_joined_strings():
    source = 'def f(s):\n    """\n\n    >>> f("a\\\\nb"); f("c")\n    1\n\n    >>> f("d")\n    """\n'
    assert [(call.expression, call.line) for call in calls(source)][:3] == [
        ("f('a\\nb')", 4),
        ("f('c')", 4),
        ("f('d')", 7),
    ]


def test_doctests_of_a_file_that_does_not_parse():
    source = 'x = (\n\ndef f(a):\n    """\n    >>> f(7)\n    """\n    return a\n'
    assert [(call.expression, call.origin, call.line) for call in calls(source)] == [
        ("f(7)", "doctest", 5),
        ("f(3)", "defaults", 3),
    ]


STACK = '''\
class Stack:
    """
    >>> s = Stack([1])
    >>> s.push(2)
    >>> s.push(3)
    >>> Stack().push(4).push(5)
    >>> Stack.of(1, 2).push(6)
    >>> [].push(7)
    >>> Sub([0]).push(8)
    """

    def __init__(self, items=()):
        self.items = list(items)

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    @classmethod
    def of(cls, *items):
        return cls(items)

    @property
    def top(self):
        return self.items[-1]

    def __call__(self, n):
        return n

class Sub(Stack):
    pass
'''


@pytest.mark.parametrize(
    ("name", "test", "found"),
    [
        (
            "push",
            "",
            [
                "Stack([1]).push(2)",
                "s = Stack([1])\ns.push(2)\ns.push(3)",
                "Stack().push(4).push(5)",
                "Stack().push(4)",
                "Stack.of(1, 2).push(6)",
                "Sub([0]).push(8)",
            ],
        ),
        ("__init__", "", ["Stack([1])", "Stack()"]),
        ("of", "", ["Stack.of(1, 2)"]),
        (
            "pop",
            "s = Stack([3])\nassert s.pop() == 3\ns.pop()",
            ["Stack([3]).pop()", "s = Stack([3])\ns.pop()\ns.pop()"],
        ),
        ("top", "s = Stack([3])\nassert s.top == 3\ns.top", ["Stack([3]).top"]),
        ("__call__", "s = Stack([3])\nassert s(4) == 4", ["Stack([3])(4)"]),
        ("pop", "x.pop()\n{}.pop(1)\n[1].pop()", []),
    ],
)
def test_methods(name, test, found):
    body = "".join(f"    {line}\n" for line in test.split("\n"))
    tests = {"test_mod.py": f"from mod import Stack\ndef test():\n    pass\n{body}"}
    assert expressions(STACK, f"Stack.{name}", tests=tests) == found


FUNCTION = "from decimal import Decimal\nclass P: ...\ndef f(a, b=1): return a\nLIMIT = 4\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from shop.mod import f\nf(1)", ["f(1)"]),
        ("from mod import f\nf(1)", ["f(1)"]),
        ("from .mod import f as g\ng(1)", ["f(1)"]),
        ("from ..shop import f\nf(1)", ["f(1)"]),
        ("from shop import f\nf(1)", ["f(1)"]),
        ("from shop import mod\nmod.f(1)", ["f(1)"]),
        ("import shop.mod\nshop.mod.f(1)", ["f(1)"]),
        ("import shop as s\ns.f(s.LIMIT, s.other)", []),
        ("import shop as s\ns.f(s.LIMIT)", ["f(LIMIT)"]),
        ("import a.shop\na.shop.f(1)", ["f(1)"]),
        ("import shop.mod as m\nm.f(m.P(), m.LIMIT)", ["f(P(), LIMIT)"]),
        ("from shop.mod import *\nf(LIMIT)", ["f(LIMIT)"]),
        ("from other import f\nf(1)", []),
        ("import other\nother.f(1)", []),
        ("def f(a): ...\nf(1)", []),
        ("import shop.mod\nf(1)", []),
        ("from shop.mod import f\nLIMIT = 5\ndef test(): f(LIMIT)", ["f(5)"]),
        ("from shop.mod import f\ndef test(LIMIT): f(LIMIT)", []),
        ("from shop.mod import f\ndef test(): f(helper())", []),
        ("from shop.mod import f\nfrom decimal import Decimal\nf(Decimal('1'))", ["f(Decimal('1'))"]),
        ("from shop.mod import f\nimport numpy\nf(numpy.zeros(3))", []),
        ("def test():\n    from shop.mod import f\n    f(1)", ["f(1)"]),
        ("from shop.mod import f\nasync def test():\n    assert await f(1) == 2", ["f(1)"]),
        ("from shop.mod import f\ndef test():\n    with raises(ValueError):\n        f(-1)", ["f(-1)"]),
        (
            "from shop.mod import f\ndef test():\n    try: f(1)\n    except E: f(2)\n    else: f(3)",
            ["f(1)", "f(2)", "f(3)"],
        ),
        ("from shop.mod import f\ndef test():\n    x = [1]\n    if x: f(x)", ["f([1])"]),
        ("from shop.mod import f\nclass T(TestCase):\n    def test(self): self.assertEqual(f('a'), 'b')", ["f('a')"]),
        (
            "from shop.mod import f\nclass T(TestCase):\n    def setUp(self): self.x = [1]\n"
            "    def test_a(self): f(self.x)\n    def test_b(self): f(self.y)",
            ["f([1])"],
        ),
        (
            "from shop.mod import f\n@pytest.fixture\ndef x(): return [1, 2]\n@fixture()\ndef y(x):\n    z = 3\n"
            "    yield z\ndef test(x, y): f(x, y)",
            ["f([1, 2], 3)"],
        ),
        (
            "from shop.mod import f\n@pytest.mark.parametrize('a, b', [(1, 2), pytest.param(3, 4, id='x'), [5, 6]])\n"
            "def test(a, b): assert f(a) == b",
            ["f(1)", "f(3)", "f(5)"],
        ),
        (
            "from shop.mod import f\n@pytest.mark.parametrize(('a', 'b'), ROWS)\ndef test(a, b): assert f(a) == b",
            [],
        ),
        (
            "from shop.mod import f\n@parametrize('a', [1, 2])\n@parametrize(['b'], [(3,), (4,)])\n"
            "def test(a, b): f(a, b)",
            ["f(1, 3)", "f(1, 4)", "f(2, 3)", "f(2, 4)"],
        ),
        ("from shop.mod import f\n@parametrize('a', [1, x, (2, 3)])\ndef test(a): f(a)", ["f(1)", "f((2, 3))"]),
        ("from shop.mod import f\nthis does not parse\nf(1)", []),
    ],
)
def test_test_files(text, found):
    assert expressions(FUNCTION, tests={"tests/test_x.py": text}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from shop.mod import mod\ndef test(): assert mod(1)", ["mod(1)"]),
        ("from shop import mod\ndef test(): assert mod(1)", ["mod(1)"]),
        ("from shop import mod\ndef test(): assert mod.mod(1)", ["mod(1)"]),
        ("from shop.mod import mod as it\ndef test(): assert it(1)", ["mod(1)"]),
        ("import shop.mod\ndef test(): assert shop.mod.mod(1)", ["mod(1)"]),
    ],
)
def test_a_function_that_has_its_modules_name(text, found):
    assert expressions("def mod(n):\n    return n\n", "mod", tests={"tests/test_x.py": text}) == found


def test_the_tests_of_the_module_come_first_and_the_file_itself_is_read_once():
    tests = {
        "tests/test_all.py": "from shop.mod import f\nf(1)",
        "tests/test_mod.py": "from shop.mod import f\nf(2)",
        "shop/mod.py": FUNCTION,
    }
    assert expressions(FUNCTION, tests=tests) == ["f(2)", "f(1)"]


def test_an_inner_function_that_is_returned_is_entered_by_a_call_of_the_result():
    source = "def outer(n):\n    def inner(text): return text.upper() * n\n    return inner\nouter(2)\nouter(3)('b')\n"
    assert [call.expression for call in calls(source, "outer.inner")] == ["outer(3)('b')", "outer(2)('abc')"]
    decorated = "def outer(f):\n    @wraps(f)\n    def inner(*args): return f(*args)\n    return inner\n"
    assert [call.expression for call in calls(decorated, "outer.inner")] == ["outer(lambda value: value)(3, 1, 2)"]


def test_an_inner_function_is_reached_by_calls_of_the_outer_one():
    source = "def outer(n):\n    def inner(x): return x\n    return inner(n)\nassert outer(2)\n"
    for name in ("outer", "outer.inner"):
        assert expressions(source, name) == ["outer(2)"]


def test_the_number_of_calls_is_bounded_and_the_made_up_one_is_among_them():
    source = "def f(n): ...\n" + "".join(f"f({i})\n" for i in range(100, 400))
    found = calls(source)
    assert len(found) == 50
    assert found[-1].origin == "defaults"


@pytest.mark.parametrize(
    ("signature", "call"),
    [
        ("", "f()"),
        ("a: int, b: str, c: float, d: bool, e: bytes", "f(3, 'abc', 1.5, True, b'abc')"),
        ("a: list[int], b: List[str], c: typing.Sequence[float]", "f([3, 1, 2], ['abc', 'b', 'ca'], [1.5, 0.5, 2.0])"),
        ("a: dict[str, int], b: set[int]", "f({'abc': 3, 'b': 1}, {3, 1, 2})"),
        ("a: tuple[int, str], b: tuple[int, ...], c: tuple", "f((3, 'abc'), (3, 1, 2), (3, 1, 2))"),
        ("a: list[tuple[int, str]]", "f([(3, 'abc'), (1, 'b'), (2, 'ca')])"),
        ("a: Optional[int], b: None | str, c: 'int | None', d: Union[str, int]", "f(3, 'abc', 3, 'abc')"),
        ("a: Literal['up', 'down'], *, b: Literal[2]", "f('up', b=2)"),
        ("a: Annotated[list[int], 1], b: object, c: None", "f([3, 1, 2], 3, None)"),
        ("a: Callable[[int, int], int], b: Callable", "f(lambda a, a1: a, lambda value: value)"),
        ("a: Iterable[list[str]]", "f([['abc', 'b', 'ca'], ['abc']])"),
        ("a: Vector, b: UserId, z: T", "f([1.5, 0.5, 2.0], 3, 3)"),
        ("p: Point, ps: list[Point]", "f(Point(3, 'abc'), [Point(3, 'abc')])"),
        ("c: Color, e: Pair, t: Options", "f(Color.RED, Pair(3), {'depth': 3})"),
        ("d: Decimal, when: datetime.date", "f(Decimal('1.5'), datetime.date(2024, 1, 31))"),
        ("n, name, items, prices, is_open, words, matrix",
         "f(3, 'abc', [3, 1, 2], [1.5, 0.5, 2.0], True, ['abc', 'b', 'ca'], [[3, 1, 2], [3]])"),
        ("user_name, row_count, n1, sep, func", "f('abc', 3, 3, 'abc', lambda value: value)"),
        ("a, b=2, *args, k, d=4, **kw", "f(3, 3, 1, 2, k=3)"),
        ("*words: str", "f('abc', 'b', 'ca')"),
        ("**scores: float", "f(a=1.5, b=0.5)"),
        ("a: Unknown", None),
        ("a: Hopeless", None),
        ("a: Path", None),
        ("a: Recursive", None),
    ],
)  # fmt: skip
def test_made_up_calls(signature, call):
    source = f"""\
import datetime
from decimal import Decimal
Vector = list[float]
UserId = NewType("UserId", int)
T = TypeVar("T")

@dataclass(frozen=True)
class Point:
    x: int
    label: str
    shown: bool = True

class Color(Enum):
    RED = 1
    BLUE = 2

class Pair(NamedTuple):
    left: int
    right: int = 2

class Options(TypedDict):
    depth: int

class Hopeless(Somewhere): ...

class Recursive:
    def __init__(self, other: "Recursive"): ...

def f({signature}): ...
"""
    found = calls(source)
    assert [one.expression for one in found] == ([call] if call else [])
    assert all(one.origin == "defaults" for one in found)


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("return datetime.fromisoformat(a)", "f('2024-01-31T12:30:00')"),
        ("return datetime.datetime.strptime(a, '%d/%m/%Y')", "f('31/01/2024')"),
        (r"return re.match(r'\w+://[^:/]+:(\d+)', a).group(1)", "f('a://a:1')"),
        ("return CODE.fullmatch(a)", "f('A1-b')"),
        ("return json.loads(io.StringIO(a).read())['id']", "f('{\"id\": 3}')"),
        ("stream = io.StringIO(a)\n    return json.loads(stream.read())", "f('{\"a\": 1}')"),
        ("return sorted(a, key=lambda r: r['score'])", "f([{'score': 3}, {'score': 2}])"),
        ("return [r['name'].strip() for r in a]", "f([{'name': 'abc'}, {'name': 'abc'}])"),
        ("for r in a:\n        for l in r['x']: print(l['n'])",
         "f([{'x': [{'n': 3}, {'n': 2}]}, {'x': [{'n': 2}, {'n': 2}]}])"),
        ("for key in list(a):\n        if a[key] is None: del a[key]", "f({'abc': 3, 'b': 1})"),
        ("for x, y in a: print(x, y)", "f([(3, 3), (3, 3)])"),
        ("return b'id=' + a", "f(b'abc')"),
        ("return struct.unpack('>HI', a)", "f(b'\\x01\\x02\\x03\\x04\\x05\\x06')"),
        ("key, value = a.split('=')", "f('a=1')"),
        ("if a == 'fast': return 1\n    raise ValueError(a)", "f('fast')"),
        ("assert a in ('add', 'sub')", "f('add')"),
        ("return ipaddress.ip_address(a)", "f('192.168.0.1')"),
    ],
)  # fmt: skip
def test_what_is_done_with_a_parameter_makes_its_argument(body, call):
    found = calls(f"import re\nCODE = re.compile(r'[A-Z]\\d+-(?:b|c)$')\n\ndef f(a):\n    {body}\n")
    assert [one.expression for one in found] == [call]


def test_arguments_of_which_a_mapping_is_made_are_pairs():
    source = "class Headers(dict):\n    def __init__(self, *pairs):\n        super().__init__(pairs)\n"
    assert [one.expression for one in calls(source, "Headers.__init__")] == ["Headers(('a', 1), ('b', 2))"]


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{3}-[A-Z]+",
        r"^(a|b)+[^x]\s?$",
        r"(?P<y>\d{4})-(?P<m>\d\d)",
        r"[\w.]+@\w+\.com",
        r"(?i:x)|y",
        r"\S\W.",
        "a{2,}?",
    ],
)
def test_a_text_that_a_pattern_matches(pattern):
    text = text_matching(pattern)
    assert text is not None and re.search(pattern, text)


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("return a.lower()", "f('abc')"),
        ("a.append(1)", "f([3, 1, 2])"),
        ("return a.items()", "f({'a': 3, 'b': 1})"),
        ("return a.isdisjoint(a)", None),
        ("for x in a: print(x)", "f([3, 1, 2])"),
        ("return sum(a) / len(a)", "f([3, 1, 2])"),
        ("return a[0]", "f([3, 1, 2])"),
        ("return a['k']", "f({'k': 3})"),
        ("return a.user.name", None),
        ("return a + 1", "f(3)"),
    ],
)
def test_uses_of_a_parameter_suggest_its_type(body, call):
    found = calls(f"def f(a):\n    {body}\n")
    if call is not None:
        assert [one.expression for one in found] == [call.replace("'a': 3", "'abc': 3")]
    elif "isdisjoint" in body:
        assert len(found) == 1
    else:
        assert found == []


@pytest.mark.parametrize(
    ("source", "name", "call"),
    [
        ("class A:\n    def f(self, n): ...", "A.f", "A().f(3)"),
        ("class A:\n    def __init__(self, name): ...\n    def f(self, other): ...", "A.f", "A('abc').f(A('abc'))"),
        ("class A:\n    def __init__(self, n): ...", "A.__init__", "A(3)"),
        ("class A:\n    @staticmethod\n    def f(n): ...", "A.f", "A.f(3)"),
        ("class A:\n    @classmethod\n    def f(cls, n): ...", "A.f", "A.f(3)"),
        ("class A:\n    @property\n    def f(self): ...", "A.f", "A().f"),
        ("class A:\n    def __call__(self, n): ...", "A.__call__", "A()(3)"),
        ("class A:\n    class B:\n        def f(self): ...", "A.B.f", "A.B().f()"),
        ("class B:\n    def __init__(self, n): ...\nclass A(B):\n    def f(self): ...", "A.f", "A(3).f()"),
        ("class A(Exception):\n    def f(self): ...", "A.f", "A().f()"),
        ("class A(Unknown):\n    def f(self): ...", "A.f", None),
        ("f = lambda n, text='a': n", "f", "f(3)"),
        ("class A:\n    f = staticmethod(1)\n    def __len__(self): ...", "A.__len__", "A().__len__()"),
    ],
)
def test_made_up_receivers(source, name, call):
    assert [one.expression for one in calls(source, name)] == ([call] if call else [])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*MODULE.split("\n"), *STACK.split("\n"), "x = (", '"""', "    pass"]), max_size=40))
def test_every_candidate_binds_and_nothing_makes_it_fail(lines):
    source = "\n".join(lines)
    for function in functions(source):
        found = candidates(source, function, path="m.py", tests={"test_m.py": "from m import *\n" + source})
        assert len({call.expression for call in found}) == len(found)
        for call in found:
            assert bind(call.expression, function, source).expression == call.expression
            assert call.path in ("m.py", "test_m.py")
            assert call.line


@pytest.mark.parametrize(
    "deep",
    [
        "a" + ".b" * 900,
        "a" + ".b" * 50_000,
        "1" + "+1" * 900,
        "1" + "\n + 1" * 5_000,
        "[" * 80 + "]" * 80,
        "-" * 900 + "1",
    ],
)
def test_deep_expressions_are_left_out(deep):
    source = (
        f"from x import *\ndef f(n: ({deep}) = ({deep})): ...\nclass C:\n  n: ({deep})\n  def g(self): ...\n"
        f"x = ({deep})\nf(({deep}))\nf(x)\nf(2)\n"
    )
    for function in functions(source):
        found = candidates(source, function, path="m.py", tests={"test_m.py": source})
        assert function.name != "f" or "f(2)" in [call.expression for call in found]
