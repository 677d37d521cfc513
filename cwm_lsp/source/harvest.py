"""Calls of a function found in code: doctests, tests, the main guard, module-level statements.

A call is lifted out of where it stands into the function's own file: local names are replaced by what was assigned to
them (`s = Stack()`, `s.push(1)` → `Stack().push(1)`), imported names by those of the file. A call that still needs a
name which the file does not define is left out.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePath

from .bind import as_target, class_names, dotted
from .functions import Function, functions
from .names import bound_names, global_names, is_builtin, is_defined, is_main_guard
from .recovery import FILENAME, parse, split_lines

_LARGEST = 2_000  # nodes of an expression
_ROWS = 20  # of a parametrised test or a loop over literals
_MOST = 200  # calls taken from one place
_PROMPT = re.compile(r"[ \t]*>>> ?(.*)")
_CONTINUED = re.compile(r"[ \t]*\.\.\.(?: (.*))?$")

_CONTEXTUAL = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
"""What means something only where it stands."""
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Found:
    """A call, in the namespace of the function's own file."""

    expression: str
    line: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What a local name stands for."""

    expression: ast.expr
    size: int


_Environment = dict[str, "_Known | None"]
"""Local name (dotted for attributes, `self.stack`) → its expression in the file; None: not known."""


class _NotKnown(Exception):
    """The expression needs something that the function's file does not define."""


def in_doctests(source: str, function: Function) -> list[Found]:
    """Calls in the doctests of the file, the function's own first."""
    own: list[Found] = []
    others: list[Found] = []
    for owner, docstring, first_line, last_line in _docstrings(source):
        reader = _Reader(function, source, _own_names(source))
        if " as " not in docstring and not reader.is_mentioned(docstring):
            continue
        environment: _Environment = {}
        for text, line in _examples(docstring, split_lines(source)[first_line - 1 : last_line], first_line):
            try:
                body = ast.parse(text, FILENAME).body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            reader.offset = line - 1
            reader.imports(body)
            reader.statements(body, environment)
        (own if owner == function.qualname else others).extend(reader.found)
    return own + others


def in_tests(source: str, function: Function, path: str, text: str) -> list[Found]:
    """Calls in a test file's text; `path` is the file of the function, which the tests import."""
    root = function.qualname.split(".")[0]
    body = parse(text).module
    if body is None or root not in text:
        return []
    theirs = bound_names(body)
    shared = _imported(body) & _imported(parse(source).module or [])
    reader = _Reader(function, source, lambda name: name in shared or (is_builtin(name) and name not in (theirs or ())))
    reader.imports(body, path)
    if not (reader.modules or root in reader.renamed.values() or reader.everything):
        return []
    reader.tests(body, text)
    return reader.found


def in_own_tests(source: str, function: Function) -> list[Found]:
    """Calls in tests that stand in the function's own file."""
    part = _parts(source).tests
    reader = _Reader(function, source, _own_names(source))
    if reader.is_mentioned(part.text):
        reader.tests(part.body, source)
    return reader.found


def in_main(source: str, function: Function) -> list[Found]:
    """Calls under `if __name__ == "__main__":`, and in the functions that are called there without arguments."""
    parts = _parts(source)
    reader = _Reader(function, source, _own_names(source))
    if not reader.is_mentioned(parts.main.text):
        return []
    top = _literals_of(parts.run.body, function, source)
    for node in parts.main.body:
        if isinstance(node, ast.If | _Definition) and getattr(node, "name", None) != function.name:
            reader.statements(node.body, dict(top))
    return reader.found


def at_module_level(source: str, function: Function) -> list[Found]:
    """Calls in assertions and other statements that run when the file is imported."""
    part = _parts(source).run
    reader = _Reader(function, source, _own_names(source), module_level=True)
    if reader.is_mentioned(part.text):
        reader.statements(part.body, {})
    return reader.found


@dataclass(frozen=True, slots=True)
class _Part:
    """Some statements of a module, and the text in which a call must be mentioned that is found in them."""

    body: Sequence[ast.stmt]
    text: str

    @classmethod
    def of(cls, body: Sequence[ast.stmt], read: Sequence[ast.stmt], source: str) -> _Part:
        """`read`: those of them that are looked into."""
        lines = split_lines(source)
        return cls(body, "\n".join("\n".join(lines[_first_line(node) - 1 : node.end_lineno]) for node in read))


@dataclass(frozen=True, slots=True)
class _Parts:
    """A module's statements by what can be found in them; none of one that does not parse."""

    tests: _Part
    main: _Part
    """The main guards, then the functions that are called there without arguments."""
    run: _Part
    """What runs when the file is imported."""


@lru_cache(maxsize=16)
def _parts(source: str) -> _Parts:
    body = parse(source).module or []
    tests = [node for node in body if _is_test(node)]
    guards = [node for node in body if is_main_guard(node)]
    called = {
        node.func.id
        for guard in guards
        for node in ast.walk(guard)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and not node.keywords
    }
    main = [*guards, *(node for node in body if isinstance(node, _Definition) and node.name in called)]
    run = [node for node in body if not is_main_guard(node)]
    entered = [node for node in run if not isinstance(node, _Definition | ast.ClassDef)]
    return _Parts(_Part.of(tests, tests, source), _Part.of(main, main, source), _Part.of(run, entered, source))


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _own_names(source: str) -> Callable[[str], bool]:
    names = global_names(source)
    return lambda name: is_defined(name, names)


def _literals_of(body: Sequence[ast.stmt], function: Function, source: str) -> _Environment:
    """What a module's own constants stand for, so that calls with them become literal."""
    environment: _Environment = {}
    reader = _Reader(function, source, _own_names(source), module_level=True)
    reader.statements([node for node in body if isinstance(node, ast.Assign | ast.AnnAssign)], environment)
    return environment


def _imported(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that a module's import statements bind."""
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return bound_names(imports) or frozenset()


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") or any((dotted(base) or "").endswith("TestCase") for base in node.bases)
    return isinstance(node, _Definition) and node.name.startswith("test")


def _docstrings(source: str) -> Iterator[tuple[str, str, int, int]]:
    """(qualified name of the owner, docstring, first and last line to find it in)."""
    body = parse(source).module
    for function in functions(source):
        if function.docstring is not None:
            yield function.qualname, function.docstring, function.body_line, function.last_line
    for owner in [ast.Module(list(body), []), *body] if body else []:
        if isinstance(owner, ast.Module | ast.ClassDef) and (docstring := ast.get_docstring(owner)) is not None:
            first = owner.body[0]
            yield getattr(owner, "name", ""), docstring, first.lineno, first.end_lineno or first.lineno


def _examples(docstring: str, lines: Sequence[str], first_line: int) -> Iterator[tuple[str, int]]:
    """(source, line in the file) of each doctest example. A docstring's own lines may differ from those of the file
    (escapes, indentation); its prompts are counted instead."""
    at = [first_line + index for index, line in enumerate(lines) if ">>>" in line]
    count = 0
    text: list[str] = []
    for line in [*docstring.split("\n"), ""]:
        if text and (match := _CONTINUED.match(line)):
            text.append(match[1] or "")
            continue
        if text:
            yield "\n".join(text), at[count - 1] if count <= len(at) else first_line
            text = []
        if match := _PROMPT.match(line):
            text = [match[1]]
        count += ">>>" in line


@dataclass(slots=True)
class _Reader:
    """Reads statements in order and collects the calls of one function."""

    function: Function
    source: str
    keeps: Callable[[str], bool]
    """Whether a name that is not local means the same in the function's file."""
    module_level: bool = False
    """Whether names that are bound here are the file's own globals."""
    offset: int = 0
    """What to add to a node's line."""
    found: list[Found] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    """Local name → the file's name that it was imported from."""
    modules: set[str] = field(default_factory=set)
    """Local dotted names of the file's module."""
    everything: bool = False
    """Whether the file's names were imported with a star."""
    wanted: set[str] = field(default_factory=set)
    """The last words of callees that may be the function."""

    def __post_init__(self) -> None:
        self.wanted.add(self.function.name)
        if self.function.name in ("__init__", "__new__") and self.function.parent:
            self.wanted.add(self.function.parent.split(".")[-1])

    @property
    def takes_any(self) -> bool:
        """Whether the function is called without its name: objects are, through `__call__`."""
        return self.function.name == "__call__"

    def is_mentioned(self, text: str) -> bool:
        """Whether there may be a call in a text: most texts are left out by this."""
        return self.takes_any or any(name in text for name in self.wanted)

    def imports(self, body: Sequence[ast.stmt], path: str = "") -> None:
        """Take in what the import statements, also those inside functions, bind of the function's file, which is at
        `path`; without one, whatever they name is taken to be it."""
        stem, parts = PurePath(path).stem, PurePath(path).parts
        if stem == "__init__":
            stem = PurePath(path).parent.name
        for node in (part for statement in body for part in ast.walk(statement)):
            if isinstance(node, ast.Import):
                self.modules.update(
                    alias.asname or alias.name for alias in node.names if not path or alias.name.split(".")[-1] == stem
                )
            elif isinstance(node, ast.ImportFrom):
                module = (node.module or "").split(".")
                from_file = not path or module[-1] == stem
                # `from package import f`, where the package's __init__ re-exports it
                from_package = node.level > 0 or module[0] in parts
                for alias in node.names:
                    if from_file and alias.name == "*":
                        self.everything = True
                    elif alias.name == stem:
                        self.modules.add(alias.asname or alias.name)
                    elif from_file or from_package:
                        self.renamed[alias.asname or alias.name] = alias.name
        self.wanted.update(local for local, name in self.renamed.items() if name in self.wanted)

    def tests(self, body: Sequence[ast.stmt], text: str) -> None:
        """Read a file's test functions and classes, with fixtures, `setUp` and parametrised rows."""
        lines = split_lines(text)

        def is_worth_reading(node: ast.stmt) -> bool:
            return self.is_mentioned("\n".join(lines[node.lineno - 1 : node.end_lineno]))

        constants: _Environment = {}
        self.statements([node for node in body if not isinstance(node, _Definition | ast.ClassDef)], constants)
        for node in body:
            if isinstance(node, _Definition) and _decorator(node, "fixture"):
                constants[node.name] = self.returned(node, constants)
        for node in body:
            if isinstance(node, _Definition) and is_worth_reading(node):
                self.test(node, constants)
            elif isinstance(node, ast.ClassDef) and is_worth_reading(node):
                shared = dict(constants)
                methods = [method for method in node.body if isinstance(method, _Definition)]
                for method in methods:
                    if method.name in ("setUp", "setup_method"):
                        self.statements(method.body, shared)
                for method in methods:
                    if method.name not in ("setUp", "setup_method") and is_worth_reading(method):
                        self.test(method, shared)

    def test(self, node: _Definition, environment: _Environment) -> None:
        fixtures = {
            argument.arg: environment.get(argument.arg)
            for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        }
        environments = [{**environment, **fixtures}]
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and (dotted(decorator.func) or "").endswith("parametrize"):
                rows = list(self.rows(decorator, environment))
                environments = [{**one, **row} for one in environments for row in rows][:_ROWS] or environments
        for one in environments:
            self.statements(node.body, one)

    def rows(self, parametrize: ast.Call, environment: _Environment) -> Iterator[_Environment]:
        """What each row of `pytest.mark.parametrize("a, b", [(1, 2), ...])` gives its names."""
        if len(parametrize.args) < 2 or not isinstance(parametrize.args[1], ast.List | ast.Tuple):
            return
        bare = False
        match parametrize.args[0]:
            case ast.Constant(value=str(text)):
                names = [name.strip() for name in text.split(",") if name.strip()]
                bare = len(names) == 1
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                names = [str(element.value) for element in elements if isinstance(element, ast.Constant)]
            case _:
                return
        for row in parametrize.args[1].elts[:_ROWS]:
            if isinstance(row, ast.Call) and (dotted(row.func) or "").endswith("param"):
                values = row.args
            elif bare:
                values = [row]
            elif isinstance(row, ast.List | ast.Tuple):
                values = row.elts
            else:
                continue
            if len(values) == len(names):
                yield {name: self.known(value, environment) for name, value in zip(names, values, strict=True)}

    def returned(self, fixture: _Definition, environment: _Environment) -> _Known | None:
        """What a fixture stands for, where it ends with `return` or `yield` of a known expression."""
        local = dict(environment)
        self.statements(fixture.body[:-1], local)
        match fixture.body[-1]:
            case ast.Return(value=value) | ast.Expr(value=ast.Yield(value=value)) if value is not None:
                return self.known(value, local)
        return None

    def statements(self, body: Sequence[ast.stmt], environment: _Environment) -> None:
        for node in body:
            if len(self.found) >= _MOST:
                return
            self.statement(node, environment)

    def statement(self, node: ast.stmt, environment: _Environment) -> None:
        if isinstance(node, _Definition | ast.ClassDef):
            self.forget(node.name, environment)
            return
        expressions = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        expressions += [item.context_expr for item in getattr(node, "items", ())]
        for expression in expressions:
            self.calls(expression, environment)
        for expression in expressions:
            self.touch(expression, environment)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.assign(target, value, environment)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self.assign(target, value, environment)
            case ast.AugAssign(target=target):
                self.forget_in(target, environment)
            case ast.For(target=target, iter=ast.List(elts=rows) | ast.Tuple(elts=rows)):
                for row in rows[:_ROWS]:
                    self.assign(target, row, environment)
                    self.statements(node.body, environment)
                self.forget_in(target, environment)
                return
            case ast.For(target=target) | ast.AsyncFor(target=target):
                self.forget_in(target, environment)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self.forget_in(item.optional_vars, environment)
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            for inner in getattr(node, name, ()):
                if isinstance(inner, ast.ExceptHandler | ast.match_case):
                    self.statements(inner.body, environment)
                else:
                    self.statement(inner, environment)

    def assign(self, target: ast.expr, value: ast.expr, environment: _Environment) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            if same and isinstance(value, ast.Tuple | ast.List):
                values = [self.known(element, environment) for element in value.elts]
                for element, known in zip(target.elts, values, strict=True):
                    self.bind(element, known, environment)
            else:
                self.forget_in(target, environment)
        else:
            self.bind(target, self.known(value, environment), environment)

    def bind(self, target: ast.expr, known: _Known | None, environment: _Environment) -> None:
        name = dotted(target)
        if name is None:
            self.forget_in(target, environment)
        elif known is None:
            self.forget(name, environment)
        else:
            environment[name] = known

    def forget(self, name: str, environment: _Environment) -> None:
        if self.module_level:
            environment.pop(name, None)
        else:
            environment[name] = None

    def forget_in(self, target: ast.expr, environment: _Environment) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node)) is not None:
                self.forget(name, environment)

    def touch(self, expression: ast.expr, environment: _Environment) -> None:
        """Forget objects whose methods were called: they may have changed."""
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = dotted(node.func.value)
                known = environment.get(name) if name else None
                if name and known and not isinstance(known.expression, ast.Constant):
                    self.forget(name, environment)

    def known(self, expression: ast.expr, environment: _Environment) -> _Known | None:
        try:
            lift = _Lift(self, environment, frozenset())
            return _Known(lift.lifted(expression), lift.size)
        except _NotKnown:
            return None

    def calls(self, expression: ast.expr, environment: _Environment) -> None:
        function = self.function
        for node in ast.walk(expression):
            callee = node.func if isinstance(node, ast.Call) else node
            name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", None)
            if not isinstance(node, ast.Call | ast.Attribute) or not (name in self.wanted or self.takes_any):
                continue
            try:
                lifted = _Lift(self, environment, _bound_in(expression) - _bound_in(node)).lifted(node)
            except _NotKnown:
                continue
            target = as_target(lifted, function, class_names(self.source))
            if target and (target.direct or _is_instance(target.node, function, _family(function, self.source))):
                with contextlib.suppress(RecursionError):
                    self.found.append(Found(ast.unparse(lifted), node.lineno + self.offset))


class _Lift(ast.NodeTransformer):
    """Rewrites an expression for the namespace of the function's file."""

    def __init__(self, reader: _Reader, environment: _Environment, unknown: frozenset[str]) -> None:
        self.reader, self.environment, self.unknown = reader, environment, unknown
        self.bound: frozenset[str] = frozenset()
        self.size = 0

    def lifted(self, expression: ast.expr) -> ast.expr:
        self.bound = _bound_in(expression)
        parts = list(ast.walk(expression))
        self.size = len(parts)
        if self.size > _LARGEST or any(isinstance(part, _CONTEXTUAL) for part in parts):
            raise _NotKnown
        try:
            result = self.visit(copy.deepcopy(expression))
        except RecursionError:
            raise _NotKnown from None
        assert isinstance(result, ast.expr)
        return result

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if name in self.bound:
            return node
        if name in self.unknown:
            raise _NotKnown
        if name in self.environment:
            return self.replaced(name)
        if name in self.reader.renamed:
            return ast.Name(self.reader.renamed[name], ast.Load())
        if self.reader.keeps(name) or (self.reader.everything and _own_names(self.reader.source)(name)):
            return node
        raise _NotKnown

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = dotted(node)
        if name in self.environment:
            return self.replaced(name)
        if name is not None and name.rpartition(".")[0] in self.reader.modules:
            return ast.Name(node.attr, ast.Load())
        return self.generic_visit(node)

    def replaced(self, name: str) -> ast.expr:
        known = self.environment[name]
        if known is None:
            raise _NotKnown
        self.size += known.size
        if self.size > _LARGEST:
            raise _NotKnown
        return known.expression


def _bound_in(expression: ast.AST) -> frozenset[str]:
    """The names that lambdas, comprehensions and walruses of the expression bind."""
    return frozenset(
        part.arg if isinstance(part, ast.arg) else part.id
        for part in ast.walk(expression)
        if isinstance(part, ast.arg) or (isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    )


def _family(function: Function, source: str) -> frozenset[str]:
    """The class of a method and the classes of the file that inherit from it."""
    family = {function.parent or ""}
    for node in parse(source).module or []:
        if isinstance(node, ast.ClassDef) and any(dotted(base) in family for base in node.bases):
            family.add(node.name)
    return frozenset(family)


def _is_instance(node: ast.Call | ast.Attribute, function: Function, family: frozenset[str]) -> bool:
    """Whether the receiver of a call is the class itself or starts with a call of it: `Stack([1]).push(2)`."""
    callee: ast.expr = node.func if isinstance(node, ast.Call) else node
    while dotted(callee) is None:
        if isinstance(callee, ast.Call):
            callee = callee.func
        elif isinstance(callee, ast.Attribute):
            callee = callee.value
        else:
            return False
    name = dotted(callee) or ""
    return any(name == one or name.startswith(f"{one}.") for one in family)


def _decorator(node: _Definition, last_word: str) -> bool:
    return any(
        (dotted(one.func if isinstance(one, ast.Call) else one) or "").split(".")[-1] == last_word
        for one in node.decorator_list
    )
