"""Reads files of tests: functions and classes, with fixtures (also of `conftest.py`), `setUp`, parametrised rows."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .bind import dotted
from .functions import Face
from .reader import ROWS, Definition, Reader, entered
from .recovery import Fragment, split_lines
from .steps import Environment, Known
from .trees import walk

if TYPE_CHECKING:
    from .home import Home

_WORD = re.compile(r"\w+")
_SET_UP = ("setUpClass", "setup_class", "setUp", "setup_method", "setup")
"""In this order."""
_DEEPEST = 10
"""Fixtures of fixtures, bases of bases."""


class TestReader(Reader):
    """Reads the statements of a file of tests."""

    __test__ = False  # it is no test of pytest's

    def __init__(
        self,
        home: Home,
        keeps: Callable[[str], bool],
        *,
        module_level: bool = False,
        importable: Callable[[str], bool] = lambda module: False,
    ) -> None:
        super().__init__(home, keeps, module_level=module_level, importable=importable)
        self.fixtures: dict[str, tuple[Definition, TestReader]] = {}
        """By name, each with what reads its file."""
        self.classes: dict[str, ast.ClassDef] = {}
        self.top = Environment()
        """What the file's top level has."""

    def again(self) -> TestReader:
        """One that looks for the same and has read nothing yet; to make it anew would take long where they are many."""
        fresh = copy.copy(self)
        fresh.found, fresh.wanted = {}, dict(self.wanted)
        fresh.renamed, fresh.modules, fresh.packages, fresh.foreign = {}, set(), set(), {}
        return fresh

    def keep_only(self, test: Callable[[Face], bool]) -> None:
        """Look for no other functions any more."""
        kept = [test(function) for function in self.home.functions]
        self.wanted = {
            name: chosen for name, those in self.wanted.items() if (chosen := [at for at in those if kept[at]])
        }
        self.objects = [at for at in self.objects if kept[at]]

    def is_mentioned(self, text: str) -> bool:
        """Whether there may be a call in a text: most texts are left out by this."""
        return bool(self.objects) or not self.wanted.keys().isdisjoint(_WORD.findall(text))

    def prepare(self, fragments: Sequence[Fragment], around: TestReader | None = None) -> Environment:
        """Take in what a file has for its tests, and those of the folders below it; `around` has read the one above."""
        environment = Environment()
        if around is not None:
            self.fixtures.update(around.fixtures)
            environment = Environment(steps=around.top.steps.copy())
        for node in self.each(fragments):
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            if isinstance(node, Definition) and _decorator(node, "fixture") is not None:
                self.fixtures[_name_of(node)] = node, self
            elif isinstance(node, Definition | ast.ClassDef):
                self.helpers[node.name] = node
        self.constants = environment
        for node in self.each(fragments):
            if not isinstance(node, Definition | ast.ClassDef):
                self.statement(node, environment)
        self.top = environment
        return environment

    def tests(self, fragments: Sequence[Fragment], text: str, around: TestReader | None = None) -> None:
        """Read a file's tests; `around` has read the `conftest.py` nearest to it."""
        lines = split_lines(text)

        def is_worth_reading(node: ast.stmt) -> bool:
            first, last = node.lineno - 1 + self.offset, (node.end_lineno or node.lineno) + self.offset
            return self.is_mentioned("\n".join(lines[first:last]))

        constants = self.prepare(fragments, around)
        for node in self.each(fragments):
            if isinstance(node, Definition) and is_worth_reading(node):
                self.test(node, constants, self.fixtures)
            elif isinstance(node, ast.ClassDef) and is_worth_reading(node):
                self.test_class(node, constants, text, is_worth_reading)

    def each(self, fragments: Sequence[Fragment]) -> Iterator[ast.stmt]:
        """The statements, one after the other."""
        for fragment in fragments:
            self.offset = fragment.offset
            yield from fragment.body

    def test_class(
        self, node: ast.ClassDef, constants: Environment, text: str, is_worth_reading: Callable[[ast.stmt], bool]
    ) -> None:
        """Read the methods of a class, each after what sets it up."""
        shared = constants.copy()
        fixtures = dict(self.fixtures)
        family = self.family(node)
        methods = {one.name: one for owner in family for one in owner.body if isinstance(one, Definition)}
        for owner in family:
            for one in owner.body:
                if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
                    self.attribute(one, node.name, shared)
        for method in methods.values():
            made = _decorator(method, "fixture")
            if made is not None:
                fixtures[_name_of(method)] = method, self
            elif not method.name.startswith("test") and f".{method.name}(" in text and method.name not in _SET_UP:
                self.helping_method(method, node.name, shared)
        automatic = [one.name for one in methods.values() if _is_automatic(one)]
        for name in [*_SET_UP, *automatic]:
            if name in methods:
                method = methods[name]
                memo: dict[str, Known | None] = {}
                for argument in _parameters(method)[1:]:
                    shared[argument] = self.fixture(argument, shared, fixtures, memo)
                self.result_of(method.body, shared)
                for attribute in [one for one in shared if one.startswith("cls.")]:
                    shared[f"self.{attribute[4:]}"] = shared[f"{node.name}.{attribute[4:]}"] = shared[attribute]
        for method in [one for one in node.body if isinstance(one, Definition)]:
            if method.name not in _SET_UP and _decorator(method, "fixture") is None and is_worth_reading(method):
                self.test(method, shared, fixtures, node.decorator_list)

    def family(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        """A class of the file after those that it inherits from."""
        found = [node]
        for one in found[:_DEEPEST]:
            bases = (self.classes.get(dotted(base) or "") for base in one.bases)
            found += [base for base in bases if base is not None and base not in found]
        return found[::-1]

    def attribute(self, node: ast.Assign | ast.AnnAssign, owner: str, shared: Environment) -> None:
        """Take in a variable of a class of tests."""
        self.statement(node, shared)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and target.id in shared:
                for holder in ("self", "cls", owner):
                    shared[f"{holder}.{target.id}"] = shared[target.id]

    def helping_method(self, method: Definition, owner: str, shared: Environment) -> None:
        """Take in a method that tests call, as a function, where it does nothing with its object."""
        implicit = [] if _decorator(method, "staticmethod") is not None else _parameters(method)[:1]
        if any(isinstance(part, ast.Name) and part.id in implicit for one in method.body for part in walk(one)):
            return
        arguments = ast.arguments(**{**vars(method.args), "args": method.args.args[len(implicit) :]})
        function = type(method)(**{**vars(method), "args": arguments, "decorator_list": []})
        inner = shared.beside(dict(shared))
        self.define(function, inner)
        for holder in ("self", "cls", owner):
            shared[f"{holder}.{method.name}"] = inner[method.name]

    def test(
        self,
        node: Definition,
        environment: Environment,
        fixtures: dict[str, tuple[Definition, TestReader]],
        decorators: Sequence[ast.expr] = (),
    ) -> None:
        rows: list[dict[str, Known | None]] = [{}]
        for decorator in [*decorators, *node.decorator_list]:
            if isinstance(decorator, ast.Call):
                more = list(self.rows(decorator, node, environment))
                rows = [{**one, **row} for one in rows for row in more][:ROWS] or rows
        for row in rows:
            here = environment.copy()
            memo: dict[str, Known | None] = {}
            for argument in _parameters(node):
                here[argument] = row[argument] if argument in row else self.fixture(argument, here, fixtures, memo)
            self.statements(node.body, here)

    def rows(
        self, decorator: ast.Call, test: Definition, environment: Environment
    ) -> Iterator[dict[str, Known | None]]:
        """What each row of `pytest.mark.parametrize("a, b", [(1, 2), ...])` gives its names; of `parameterized.expand`,
        those of the test's parameters."""
        callee = dotted(decorator.func) or ""
        given = {keyword.arg: keyword.value for keyword in decorator.keywords}
        arguments = [*decorator.args]
        bare = False
        if callee.endswith("parametrize"):
            arguments += [given[name] for name in ("argnames", "argvalues")[len(arguments) :] if name in given]
            if len(arguments) < 2:
                return
            match arguments[0]:
                case ast.Constant(value=str(text)):
                    names = [name.strip() for name in text.split(",") if name.strip()]
                    bare = len(names) == 1 and "," not in text
                case ast.List(elts=elements) | ast.Tuple(elts=elements):
                    names = [str(element.value) for element in elements if isinstance(element, ast.Constant)]
                case _:
                    return
            values = arguments[1]
        elif callee.endswith(("parameterized.expand", "parameterized")) and arguments:
            names = [name for name in _parameters(test) if name != "self"]
            values = arguments[0]
        else:
            return
        for row in self.rows_of(values, environment)[:ROWS]:
            if isinstance(row, ast.Call) and (dotted(row.func) or "").endswith("param"):
                parts: Sequence[ast.expr] = row.args
            elif bare:
                parts = [row]
            elif isinstance(row, ast.List | ast.Tuple):
                parts = row.elts
            else:
                continue
            if len(parts) == len(names):
                yield {name: self.known(value, environment) for name, value in zip(names, parts, strict=True)}

    def fixture(
        self,
        name: str,
        environment: Environment,
        fixtures: dict[str, tuple[Definition, TestReader]],
        memo: dict[str, Known | None],
    ) -> Known | None:
        """What a fixture stands for in a test; None where that is not known."""
        if name in memo:
            return memo[name]
        memo[name] = None
        if name not in fixtures or len(memo) > _DEEPEST:
            return None
        node, reader = fixtures[name]
        inner = environment.beside({**reader.constants, **{n: environment[n] for n in environment if "." in n}})
        made = _decorator(node, "fixture")
        for argument in _parameters(node):
            if argument == "request" and isinstance(made, ast.Call):
                rows = next((keyword.value for keyword in made.keywords if keyword.arg == "params"), None)
                first = reader.rows_of(rows, inner)[:1] if rows is not None else ()
                inner["request.param"] = reader.known(first[0], inner) if first else None
            else:
                inner[argument] = self.fixture(argument, environment, fixtures, memo)
        inner[name] = reader.result_of(node.body, inner)
        reader.make(name, inner)
        memo[name] = inner[name]
        return memo[name]

    def result_of(self, body: Sequence[ast.stmt], environment: Environment) -> Known | None:
        """Read statements up to a `return` or `yield`: what that gives, None where it is not known."""
        for node in body:
            match node:
                case ast.Return(value=value) | ast.Expr(value=ast.Yield(value=value)):
                    return self.known(value, environment) if value is not None else None
                case ast.With(items=items, body=inner) if _yields(node):
                    for item in items:
                        if item.optional_vars is not None:
                            self.assign([item.optional_vars], entered(item.context_expr), environment)
                    return self.result_of(inner, environment)
                case ast.Try(body=inner) if _yields(node):
                    return self.result_of(inner, environment)
            self.statement(node, environment)
        return None


def _yields(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Yield | ast.Return) for part in walk(node))


def _parameters(node: Definition) -> list[str]:
    return [one.arg for one in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]


def _decorator(node: Definition, last_word: str) -> ast.expr | None:
    for one in node.decorator_list:
        if (dotted(one.func if isinstance(one, ast.Call) else one) or "").split(".")[-1] == last_word:
            return one
    return None


def _given(node: Definition, keyword: str) -> ast.expr | None:
    """What the decorator of a fixture is given."""
    made = _decorator(node, "fixture")
    keywords = made.keywords if isinstance(made, ast.Call) else []
    return next((one.value for one in keywords if one.arg == keyword), None)


def _name_of(node: Definition) -> str:
    """A fixture's name."""
    given = _given(node, "name")
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else node.name


def _is_automatic(node: Definition) -> bool:
    """Whether it is a fixture of every test."""
    given = _given(node, "autouse")
    return isinstance(given, ast.Constant) and given.value is True
