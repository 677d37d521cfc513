"""What is known of what a function should do: expressions of its file, each with what is expected to come of it.

They come from doctests, with the examples before them that they need, and from assertions in tests, lifted out of where
they stand as calls are (see `harvest`): `assert area(shape)[0] == 3` → `area([1, 2])[0] == 3`.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import UserError
from .bind import bind, dotted
from .expectations import Expectation
from .functions import Function, functions
from .harvest import docstrings, read_main, read_own_tests, read_tests
from .home import Home
from .lifting import Lift
from .names import global_names
from .prepared import read_call
from .recovery import module_statements
from .steps import Environment, NotKnown
from .testfiles import TestReader
from .trees import expression_of, tree_of, walk

MOST = 200
"""Checks of one function."""
_LONGEST = 4_000
"""Characters of one."""
_WORD = re.compile(r"\w+")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_BINARY = {
    "assertEqual": ast.Eq, "assertEquals": ast.Eq, "assert_equal": ast.Eq, "assertListEqual": ast.Eq,
    "assertDictEqual": ast.Eq, "assertTupleEqual": ast.Eq, "assertSetEqual": ast.Eq, "assertSequenceEqual": ast.Eq,
    "assertMultiLineEqual": ast.Eq, "assertNotEqual": ast.NotEq, "assertIs": ast.Is, "assertIsNot": ast.IsNot,
    "assertIn": ast.In, "assertNotIn": ast.NotIn, "assertLess": ast.Lt, "assertLessEqual": ast.LtE,
    "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE,
}  # fmt: skip
_RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is known of a function."""

    expression: str
    """In the namespace of the function's file."""
    expectation: Expectation | None
    """What comes of it; None: anything but an exception."""
    call: str
    """As a person reads it: the call, or the assertion."""
    path: str | None = None
    """Where it is written; None if it was given."""
    line: int | None = None
    before: str = ""
    """Statements that come first."""

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        told = self.expectation
        if told is None:
            return "ends without an exception"
        words = {"shows": told.text, "equals": told.text, "raises": f"raises {told.text}"}
        return words.get(told.kind, "something true" if told.kind == "true" else "something false")


def given(call: str, expected: str | None, function: Function, source: str) -> Check:
    """What a person says of a call: that it equals an expression, or raises where that names an exception; without it,
    that it ends.

    Raises:
        UserError: one of the two does not parse, or the call does not call the function.
    """
    prepared = read_call(bind(call, function, source).expression)
    text, before = ast.unparse(prepared.expression), prepared.text_before()
    if expected is None:
        return Check(text, None, text, before=before)
    try:
        wanted = ast.unparse(expression_of(expected.strip()))
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"'{expected}' is no Python expression ({why}); give one, as in \"[1, 2]\"") from None
    if (
        kind := re.fullmatch(r"(?:\w+\.)*(\w*(?:Error|Exception|Interrupt|Iteration|Exit))(?:\(.*\))?", wanted)
    ) is not None:
        return Check(text, Expectation("raises", kind[1], 0), text, before=before)
    is_generator = function.is_generator and not function.is_async and wanted.startswith("[")
    if is_generator and isinstance(expression_of(text), ast.Call) and text.startswith(function.name):
        text = f"list({text})"
    return Check(f"({text}) == ({wanted})", Expectation("true", "", 0), f"{text} == {wanted}", before=before)


def dependents(source: str, function: Function) -> frozenset[str]:
    """The top-level functions and classes of a file through which a function is reached, its own among them."""
    own = function.qualname.split(".")[0]
    mentioned = {
        node.name: set(_WORD.findall(_written(node)))
        for node in module_statements(source)
        if isinstance(node, _Definition | ast.ClassDef)
    }
    found = {own}
    while more := {name for name, words in mentioned.items() if name not in found and not found.isdisjoint(words)}:
        found |= more
    return frozenset(found)


def _written(node: ast.AST) -> str:
    """The names in a definition, without its docstrings."""
    names = [part.id for part in walk(node) if isinstance(part, ast.Name)]
    return " ".join([*names, *(part.attr for part in walk(node) if isinstance(part, ast.Attribute))])


def known_checks(
    source: str,
    function: Function,
    *,
    path: str,
    tests: Mapping[str, str] = {},
    importable: Callable[[str], bool] = lambda module: False,
) -> list[Check]:
    """What the file and its test files (path → text) say of a function, also through others that use it."""
    through = dependents(source, function)
    wanted = [one for one in functions(source) if one.qualname.split(".")[0] in through and not _is_test(one)]
    home = Home.of(source, wanted)
    remembers = any(map(_remembers, _definitions(source, through)))
    found = list(_in_doctests(source, through, path, in_order=remembers))
    kind = InOrder if remembers else Assertions
    readers = [(one, read_tests(kind, home, path, text, importable)) for one, text in tests.items()]
    readers += [(path, read_own_tests(kind, home, source)), (path, read_main(kind, home, source))]
    for place, reader in readers:
        if reader is not None:
            found += [replace(check, path=place) for check in reader.checks]
    once = {(check.before, check.expression): check for check in reversed(found)}
    return list(reversed(once.values()))[:MOST]


def _definitions(source: str, names: frozenset[str]) -> Iterator[ast.AST]:
    """The functions in the definitions of these names at the top level."""
    for node in module_statements(source):
        if isinstance(node, _Definition | ast.ClassDef) and node.name in names:
            yield from (inner for inner in walk(node) if isinstance(inner, _Definition))


def _remembers(node: ast.AST) -> bool:
    """Whether what comes of a call may hang on earlier ones: by a default that they share, or a global name."""
    arguments = getattr(node, "args", None)
    shared = [*arguments.defaults, *arguments.kw_defaults] if isinstance(arguments, ast.arguments) else []
    if any(isinstance(one, ast.List | ast.Dict | ast.Set | ast.Call) for one in shared):
        return True
    return any(isinstance(inner, ast.Global) for inner in walk(node))


def _is_test(function: Function) -> bool:
    return function.qualname.split(".")[0].lower().startswith("test")


def _in_doctests(source: str, through: frozenset[str], path: str, *, in_order: bool) -> Iterator[Check]:
    lines = source.split("\n")
    parser = doctest.DocTestParser()
    at_home = global_names(source)
    for owner, docstring, first, last in docstrings(source):
        if owner.split(".")[0] not in through and through.isdisjoint(_WORD.findall(docstring)):
            continue
        try:
            examples = parser.get_examples(docstring)
        except ValueError:
            continue
        at = [first + index for index, line in enumerate(lines[first - 1 : last]) if re.search(r"^\W*>>>", line)]
        before: list[tuple[frozenset[str], frozenset[str], str]] = []
        for index, example in enumerate(examples):
            try:
                tree = tree_of(example.source)
            except (SyntaxError, ValueError, RecursionError):
                break
            if example.options.get(doctest.SKIP) or _imports_from_home(tree, at_home):
                continue
            used, bound = _names(tree)
            needed = [text for _, _, text in before] if in_order else _needed(before, used)
            check = _of_example(example, tree)
            before.append((used, bound, example.source))
            if check is None or not _may_tell(tree, needed, through):
                continue
            line = at[index] if index < len(at) else first
            expectation = check.expectation and replace(check.expectation, line=line)
            yield replace(check, expectation=expectation, before="".join(needed), path=path, line=line)


def _imports_from_home(tree: ast.Module, at_home: frozenset[str] | None) -> bool:
    """Whether an example does no more than to import what its file has anyway."""
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    only = all(isinstance(node, ast.ImportFrom) for node in tree.body)
    return bool(names) and only and (at_home is None or at_home.issuperset(names) or names == ["*"])


def _names(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """The names that statements read and bind."""
    found = [node for node in walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in found if not isinstance(node.ctx, ast.Load)}
    for node in tree.body:
        if isinstance(node, _Definition | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return frozenset(node.id for node in found), frozenset(bound)


def _needed(before: Sequence[tuple[frozenset[str], frozenset[str], str]], used: frozenset[str]) -> list[str]:
    """The earlier examples that what is used now hangs on: what binds a name, and whatever has to do with it since."""
    wanted, known = set(used), {name for _, bound, _ in before for name in bound}
    kept: list[str] = []
    for names, bound, text in reversed(before):
        if not wanted.isdisjoint((names | bound) & known):
            wanted |= names & known
            kept.append(text)
    return kept[::-1]


def _may_tell(tree: ast.Module, needed: Sequence[str], through: frozenset[str]) -> bool:
    words = _WORD.findall(ast.unparse(tree) + "".join(needed))
    return not through.isdisjoint(words)


def _of_example(example: doctest.Example, tree: ast.Module) -> Check | None:
    """What an example shows, None where that is not what an expression gives."""
    only = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(only, ast.Expr):
        return None
    text = ast.unparse(only.value)
    if example.exc_msg is not None:
        return Check(text, Expectation("raises", example.exc_msg.strip(), 0), text)
    wanted = example.want.rstrip("\n").replace("<BLANKLINE>", "")
    match only.value:
        case ast.Call(func=ast.Name(id="print"), args=[printed], keywords=[]):
            if isinstance(printed, ast.Starred) or "..." in wanted:
                return None
            return Check(f"str({ast.unparse(printed)})", Expectation("equals", repr(wanted), 0), text)
    return Check(text, Expectation("shows", wanted, 0), text) if wanted else None


_BEFORE = 20
"""Calls of a test that are made again before a later one."""


class Assertions(TestReader):
    """Reads tests and collects what they assert of some functions."""

    def __init__(
        self, home: Home, keeps: Callable[[str], bool], *, importable: Callable[[str], bool] = lambda module: False
    ) -> None:
        super().__init__(home, keeps, importable=importable)
        self.checks: list[Check] = []

    def statement(self, node: ast.stmt, environment: Environment) -> None:
        for expression, expectation in _stated(node):
            if len(self.checks) < MOST:
                self.note(expression, replace(expectation, line=node.lineno + self.offset), environment)
        super().statement(node, environment)

    def note(self, expression: ast.expr, expectation: Expectation, environment: Environment) -> None:
        if not any(isinstance(part, ast.Call | ast.Attribute) for part in walk(expression)):
            return
        try:
            lifted = Lift(self, environment).lifted(_without_approximation(expression))
            prepared = environment.steps.prepared(lifted, self.home.takes)
            text, before = ast.unparse(prepared.expression), prepared.text_before()
        except (NotKnown, RecursionError, ValueError):
            return
        owners = {function.qualname.split(".")[0] for function in self.home.functions}
        if len(text) + len(before) > _LONGEST or owners.isdisjoint(prepared.free_names()):
            return
        before = f"{before}\n" if before else self.earlier(environment)
        self.checks.append(Check(text, expectation, text, line=expectation.line, before=before))
        self.noted(text, expectation, environment)

    def earlier(self, environment: Environment) -> str:
        """What a test has called so far, as statements, where that matters."""
        return ""

    def noted(self, text: str, expectation: Expectation, environment: Environment) -> None:
        """That a test calls something."""


class InOrder(Assertions):
    """The same, where what comes of a call may hang on those before it."""

    def __init__(
        self, home: Home, keeps: Callable[[str], bool], *, importable: Callable[[str], bool] = lambda module: False
    ) -> None:
        super().__init__(home, keeps, importable=importable)
        self._test: Environment | None = None
        self._said: list[str] = []

    def earlier(self, environment: Environment) -> str:
        return "".join(self._said) if environment is self._test else ""

    def noted(self, text: str, expectation: Expectation, environment: Environment) -> None:
        if environment is not self._test:
            self._test, self._said = environment, []
        if expectation.kind != "raises" and len(self._said) < _BEFORE:
            self._said.append(f"{text}\n")


def _stated(node: ast.stmt) -> Iterator[tuple[ast.expr, Expectation]]:
    """What a statement asserts."""
    holds, not_so = Expectation("true", "", 0), Expectation("false", "", 0)
    match node:
        case ast.Assert(test=ast.BoolOp(op=ast.And(), values=values)):
            yield from ((value, holds) for value in values)
        case ast.Assert(test=test):
            yield test, holds
        case ast.Expr(value=ast.Call(func=function, args=arguments, keywords=keywords)):
            name = (dotted(function) or "").split(".")[-1]
            match arguments:
                case [one, other, *_] if name in _BINARY:
                    yield ast.Compare(one, [_BINARY[name]()], [other]), holds
                case [one, other, *_] if name == "assertCountEqual":
                    both = [ast.Call(ast.Name("sorted", ast.Load()), [side], []) for side in (one, other)]
                    yield ast.Compare(both[0], [ast.Eq()], [both[1]]), holds
                case [one, other, *_] if name == "assertAlmostEqual":
                    yield _near(one, other, 5e-8), holds
                case [one, *_] if name in ("assertTrue", "assertFalse"):
                    yield one, holds if name == "assertTrue" else not_so
                case [one, *_] if name in ("assertIsNone", "assertIsNotNone"):
                    operator = ast.Is() if name == "assertIsNone" else ast.IsNot()
                    yield ast.Compare(one, [operator], [ast.Constant(None)]), holds
                case [kind, callee, *rest] if name in _RAISES and (wanted := dotted(kind)):
                    call = ast.Call(callee, rest, keywords)
                    yield call, Expectation("raises", wanted.split(".")[-1], 0)
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func=function, args=[kind, *_]))], body=[only]):
            value = getattr(only, "value", None)
            wanted = dotted(kind)
            if wanted and (dotted(function) or "").split(".")[-1] in _RAISES and isinstance(value, ast.expr):
                yield value, Expectation("raises", wanted.split(".")[-1], 0)


def _without_approximation(test: ast.expr) -> ast.expr:
    """A comparison with `pytest.approx` of a number as the arithmetic that it stands for."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            for one, other in ((left, right), (right, left)):
                match other:
                    case ast.Call(
                        func=function, args=[ast.Constant() | ast.UnaryOp() | ast.BinOp() | ast.Name() as value]
                    ):
                        if (dotted(function) or "").split(".")[-1] == "approx":
                            return _near(one, value, None)
    return test


def _near(one: ast.expr, other: ast.expr, within: float | None) -> ast.expr:
    """`abs(one - other) <= within`; by default as near as `pytest.approx` wants it."""
    apart = ast.Call(ast.Name("abs", ast.Load()), [ast.BinOp(one, ast.Sub(), other)], [])
    size = ast.Call(ast.Name("abs", ast.Load()), [other], [])
    least = ast.BinOp(ast.Constant(1e-6), ast.Mult(), size)
    bound: ast.expr = ast.Call(ast.Name("max", ast.Load()), [least, ast.Constant(1e-12)], [])
    return ast.Compare(apart, [ast.LtE()], [bound if within is None else ast.Constant(within)])
