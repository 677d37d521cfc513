"""Calls of functions found in code: doctests, tests, the main guard, module-level statements.

A place is read once for all functions. A call is lifted out of where it stands into their own file: local names are
replaced by what was assigned to them (`s = Stack()`, `s.push(1)` → `Stack().push(1)`), imported names by those of the
file. A call that still needs a name which the file does not define is left out.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from .bind import as_target, dotted
from .functions import Face, Function, functions
from .lifting import Environment, Known, Lift, Names, NotKnown, bound_in, built
from .names import bound_names, global_names, is_builtin, is_defined, is_main_guard
from .recovery import FILENAME, Fragment, module_statements, parse, parse_lines, split_lines, written

_ROWS = 20  # of a parametrised test or a loop over literals
_MOST = 200  # calls taken from one place
_STAR = re.compile(r"\bimport[ \t]*\*")
_WORD = re.compile(r"\w+")
_PROMPT = re.compile(r"[ \t]*>>> ?(.*)")
_CONTINUED = re.compile(r"[ \t]*\.\.\.(?: (.*))?$")

Some = TypeVar("Some", bound="Reader")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Found:
    """A call, in the namespace of the function's own file."""

    expression: str
    line: int
    of_result: bool = False
    """It calls what a call of the function returns: `f(1)(2)`. Only functions inside the function have such calls."""


Calls = Sequence[Sequence[Found]]
"""Calls by function, in the order in which the functions were given."""


@dataclass(frozen=True, slots=True)
class Home:
    """A file and some functions in it, as far as they decide what is a call of them."""

    functions: tuple[Face, ...]
    names: frozenset[str] | None
    """What the file defines, `global_names`."""
    imported: frozenset[str]
    """Those of them that import statements bind."""
    classes: tuple[tuple[str, tuple[str, ...]], ...]
    """Its classes and the names of their bases."""

    @classmethod
    def of(cls, source: str, wanted: Sequence[Function]) -> Home:
        body = module_statements(source)
        classes = [node for node in body if isinstance(node, ast.ClassDef)]
        return _the_same(
            cls(
                tuple(function.face for function in wanted),
                global_names(source),
                _imported(body),
                tuple((node.name, tuple(dotted(base) or "" for base in node.bases)) for node in classes),
            )
        )

    def keeps(self, name: str) -> bool:
        """Whether a name has a value at the top level of the file."""
        return is_defined(name, self.names)


@lru_cache(maxsize=32)
def _the_same(home: Home) -> Home:
    """An equal one that was there before: comparing it with itself is quick."""
    return home


def in_doctests(home: Home, source: str) -> Calls:
    """Calls in the doctests of the file, each function's own first."""
    own: list[list[Found]] = [[] for _ in home.functions]
    others: list[list[Found]] = [[] for _ in home.functions]
    fresh = Reader(home, home.keeps)
    for owner, docstring, first_line, last_line in docstrings(source):
        reader = fresh.again()
        if " as " not in docstring and not reader.is_mentioned(docstring):
            continue
        environment: Environment = {}
        for text, line in _examples(docstring, split_lines(source)[first_line - 1 : last_line], first_line):
            example, _ = parse_lines(text.split("\n"), 0, text.count("\n") + 1, indented=False)
            if example is not None:
                reader.offset = line - 1
                reader.imports(example.body)
                reader.statements(example.body, environment)
        for at, found in reader.found.items():
            (own if owner == home.functions[at].qualname else others)[at].extend(found)
    return [mine + theirs for mine, theirs in zip(own, others, strict=True)]


def in_tests(home: Home, path: str, text: str, importable: Callable[[str], bool] = lambda module: False) -> Calls:
    """Calls in a test file's text; `path` is the file of the functions, which the tests import. `importable`: whether
    that file could import a module of that name."""
    context = replace(home, functions=(), names=home.names if _STAR.search(text) else None)
    known = _found_in_tests(_the_same(context), path, text)
    new = tuple(function for function in home.functions if function not in known)
    if new:
        known.update(zip(new, _read_tests(replace(home, functions=new), path, text, importable), strict=True))
    return [known[function] for function in home.functions]


@lru_cache(maxsize=128)
def _found_in_tests(home: Home, path: str, text: str) -> dict[Face, Sequence[Found]]:
    """What has been found in a test file: an edit of the functions' file seldom changes what is called there."""
    return {}


def _read_tests(home: Home, path: str, text: str, importable: Callable[[str], bool]) -> Calls:
    reader = read_tests(Reader, home, path, text, importable)
    return [()] * len(home.functions) if reader is None else reader.by_function


def read_tests(
    kind: type[Some], home: Home, path: str, text: str, importable: Callable[[str], bool] = lambda module: False
) -> Some | None:
    """A reader that has read a test file as in `in_tests`; None where nothing of it is mentioned there."""
    roots = {function.qualname.split(".")[0] for function in home.functions}
    mentioned = {root for root in roots if root in text}
    fragments = parse(text).module if mentioned else None
    if fragments is None:
        return None
    body = [node for fragment in fragments for node in fragment.body]
    theirs = bound_names(body)
    shared = _imported(body) & home.imported
    reader = kind(
        home,
        lambda name: name in shared or (is_builtin(name) and name not in (theirs or ())),
        importable=importable,
    )
    reader.imports(body, path)
    if not (reader.modules or reader.everything):
        mentioned &= set(reader.renamed.values())
    reader.keep_only(lambda function: function.qualname.split(".")[0] in mentioned)
    reader.tests(fragments, text)
    return reader


def in_own_tests(home: Home, source: str) -> Calls:
    """Calls in tests that stand in the functions' own file."""
    return read_own_tests(Reader, home, source).by_function


def read_own_tests(kind: type[Some], home: Home, source: str) -> Some:
    """A reader that has read the tests in the functions' own file."""
    part = _parts(source).tests
    reader = kind(home, home.keeps)
    if reader.is_mentioned(part.text):
        reader.tests(part.body, source)
    return reader


def in_main(home: Home, source: str) -> Calls:
    """Calls under `if __name__ == "__main__":`, and in the functions that are called there without arguments."""
    return read_main(Reader, home, source).by_function


def read_main(kind: type[Some], home: Home, source: str) -> Some:
    """A reader that has read what stands under `if __name__ == "__main__":`, as in `in_main`."""
    parts = _parts(source)
    reader = kind(home, home.keeps)
    if not reader.is_mentioned(parts.main.text):
        return reader
    top = _constants(home, parts.run.body)
    for fragment in parts.main.body:
        reader.offset = fragment.offset
        for node in fragment.body:
            if isinstance(node, ast.If | _Definition):
                reader.within = getattr(node, "name", None)
                reader.statements(node.body, dict(top))
    return reader


def at_module_level(home: Home, source: str) -> Calls:
    """Calls in assertions and other statements that run when the file is imported."""
    part = _parts(source).run
    reader = Reader(home, home.keeps, module_level=True)
    environment: Environment = {}
    if reader.is_mentioned(part.text):
        for fragment in part.body:
            reader.offset = fragment.offset
            reader.statements(fragment.body, environment)
    return reader.by_function


@dataclass(frozen=True, slots=True)
class _Part:
    """Some statements of a module, and the text in which a call must be mentioned that is found in them."""

    body: Sequence[Fragment]
    text: str

    @classmethod
    def of(cls, source: str, belongs: Callable[[ast.stmt], bool], is_read: Callable[[ast.stmt], bool]) -> _Part:
        """The statements that belong to it; `is_read`: those of them that are looked into."""
        lines = split_lines(source)
        body: list[Fragment] = []
        texts: list[str] = []
        for fragment in parse(source).module or ():
            nodes = tuple(filter(belongs, fragment.body))
            body += [Fragment(nodes, fragment.offset)] if nodes else []
            for node in filter(is_read, nodes):
                texts += lines[_first_line(node) - 1 + fragment.offset : (node.end_lineno or 0) + fragment.offset]
        return cls(body, "\n".join(texts))


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
    called = {
        node.func.id
        for guard in filter(is_main_guard, module_statements(source))
        for node in ast.walk(guard)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and not node.keywords
    }

    def is_called(node: ast.stmt) -> bool:
        return isinstance(node, _Definition) and node.name in called

    guards = _Part.of(source, is_main_guard, is_main_guard)
    entered = _Part.of(source, is_called, is_called)
    return _Parts(
        _Part.of(source, _is_test, _is_test),
        _Part([*guards.body, *entered.body], f"{guards.text}\n{entered.text}"),
        _Part.of(
            source,
            lambda node: not is_main_guard(node),
            lambda node: not isinstance(node, _Definition | ast.ClassDef),
        ),
    )


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _constants(home: Home, body: Sequence[Fragment]) -> Environment:
    """What a module's own constants stand for, so that calls with them become literal."""
    environment: Environment = {}
    reader = Reader(home, home.keeps, module_level=True)
    reader.wanted, reader.objects = {}, []
    nodes = [node for fragment in body for node in fragment.body]
    reader.statements([node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)], environment)
    return environment


def _imported(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that a module's import statements bind."""
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    return bound_names(imports) or frozenset()


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") or any((dotted(base) or "").endswith("TestCase") for base in node.bases)
    return isinstance(node, _Definition) and node.name.startswith("test")


def docstrings(source: str) -> Iterator[tuple[str, str, int, int]]:
    """(qualified name of the owner, docstring, first and last line to find it in) of those that may have examples."""
    for function in functions(source):
        if function.docstring is not None and ">>>" in function.docstring:
            yield function.qualname, function.docstring, function.body_line, function.last_line
    for at, fragment in enumerate(parse(source).module or ()):
        module = [ast.Module(list(fragment.body), [])] if at == 0 else []
        for owner in [*module, *fragment.body]:
            if isinstance(owner, ast.Module | ast.ClassDef):
                docstring = ast.get_docstring(owner)
                if docstring is not None and ">>>" in docstring:
                    first = owner.body[0].lineno + fragment.offset
                    last = (owner.body[0].end_lineno or owner.body[0].lineno) + fragment.offset
                    yield getattr(owner, "name", ""), docstring, first, last


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


class Reader(Names):
    """Reads statements in order and collects the calls of some functions."""

    def __init__(
        self,
        home: Home,
        keeps: Callable[[str], bool],
        *,
        module_level: bool = False,
        importable: Callable[[str], bool] = lambda module: False,
    ) -> None:
        """`keeps`: whether a name that is not local means the same in the functions' file. `module_level`: whether
        names that are bound here are the file's own globals."""
        super().__init__(home.keeps, keeps, importable)
        self.home = home
        self.module_level = module_level
        self.offset = 0
        """What to add to a node's line."""
        self.within: str | None = None
        """The function whose body is read: it is not called in it."""
        self.found: dict[int, list[Found]] = {}
        """Which function → its calls."""
        self.wanted: dict[str, list[int]] = {}
        """The last words of callees that may be functions → which."""
        self.objects: list[int] = []
        """Functions that are called without their names: objects are, through `__call__`."""
        for index, function in enumerate(home.functions):
            self.wanted.setdefault(function.name, []).append(index)
            if function.name in ("__init__", "__new__") and function.parent:
                self.wanted.setdefault(function.parent.split(".")[-1], []).append(index)
            if function.name == "__call__":
                self.objects.append(index)

    def again(self) -> Reader:
        """One that looks for the same and has read nothing yet; to make it anew would take long where they are many."""
        fresh = copy.copy(self)
        fresh.found, fresh.wanted = {}, dict(self.wanted)
        fresh.renamed, fresh.modules, fresh.foreign = {}, set(), {}
        return fresh

    @property
    def by_function(self) -> Calls:
        """The calls of each function."""
        return [self.found.get(at, []) for at in range(len(self.home.functions))]

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

    def imports(self, body: Sequence[ast.stmt], path: str = "") -> None:
        """Take in what import statements bind (see `Names`): functions may have other names here."""
        super().imports(body, path)
        for local, name in self.renamed.items():
            if local != name and name in self.wanted:
                known = self.wanted.get(local, [])
                self.wanted[local] = [*known, *(index for index in self.wanted[name] if index not in known)]

    def tests(self, fragments: Sequence[Fragment], text: str) -> None:
        """Read a file's test functions and classes, with fixtures, `setUp` and parametrised rows."""
        lines = split_lines(text)

        def is_worth_reading(node: ast.stmt) -> bool:
            first, last = node.lineno - 1 + self.offset, (node.end_lineno or node.lineno) + self.offset
            return self.is_mentioned("\n".join(lines[first:last]))

        constants: Environment = {}
        for node in self.each(fragments):
            if not isinstance(node, _Definition | ast.ClassDef):
                self.statement(node, constants)
        for node in self.each(fragments):
            if isinstance(node, _Definition) and _decorator(node, "fixture"):
                constants[node.name] = self.returned(node, constants)
        for node in self.each(fragments):
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

    def each(self, fragments: Sequence[Fragment]) -> Iterator[ast.stmt]:
        """The statements, one after the other."""
        for fragment in fragments:
            self.offset = fragment.offset
            yield from fragment.body

    def test(self, node: _Definition, environment: Environment) -> None:
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

    def rows(self, parametrize: ast.Call, environment: Environment) -> Iterator[Environment]:
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

    def returned(self, fixture: _Definition, environment: Environment) -> Known | None:
        """What a fixture stands for, where it ends with `return` or `yield` of a known expression."""
        local = dict(environment)
        self.statements(fixture.body[:-1], local)
        match fixture.body[-1]:
            case ast.Return(value=value) | ast.Expr(value=ast.Yield(value=value)) if value is not None:
                return self.known(value, local)
        return None

    def statements(self, body: Sequence[ast.stmt], environment: Environment) -> None:
        for node in body:
            self.statement(node, environment)

    def statement(self, node: ast.stmt, environment: Environment) -> None:
        if isinstance(node, _Definition | ast.ClassDef):
            self.forget(node.name, environment)
            return
        expressions = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        expressions += [item.context_expr for item in getattr(node, "items", ())]
        for expression in expressions:
            self.calls(expression, environment)
        if not (isinstance(node, ast.Expr) and self.builds(node.value, environment)):
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

    def assign(self, target: ast.expr, value: ast.expr, environment: Environment) -> None:
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

    def bind(self, target: ast.expr, known: Known | None, environment: Environment) -> None:
        name = dotted(target)
        if name is None:
            self.forget_in(target, environment)
        elif known is None:
            self.forget(name, environment)
        else:
            environment[name] = known

    def forget(self, name: str, environment: Environment) -> None:
        if self.module_level:
            environment.pop(name, None)
        else:
            environment[name] = None

    def forget_in(self, target: ast.expr, environment: Environment) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node)) is not None:
                self.forget(name, environment)

    def builds(self, expression: ast.expr, environment: Environment) -> bool:
        """Take in a statement that calls a method of a known object: a further step of its making."""
        callee = expression.func if isinstance(expression, ast.Call) else None
        name = dotted(callee.value) if isinstance(callee, ast.Attribute) else None
        known = environment.get(name) if name else None
        if name is None or known is None or self.module_level:
            return False
        short = name.rpartition(".")[2]
        if self.home.keeps(short):
            return False
        try:
            lift = Lift(self, {**environment, name: Known(ast.Name(short, ast.Load()), 1)}, frozenset())
            made = built(short, known, lift.lifted(expression), lift.size)
        except NotKnown:
            return False
        if made is None:
            return False
        environment[name] = made
        return True

    def touch(self, expression: ast.expr, environment: Environment) -> None:
        """Forget objects whose methods were called: they may have changed."""
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = dotted(node.func.value)
                known = environment.get(name) if name else None
                if name and known and not isinstance(known.expression, ast.Constant):
                    self.forget(name, environment)

    def known(self, expression: ast.expr, environment: Environment) -> Known | None:
        try:
            lift = Lift(self, environment, frozenset())
            return Known(lift.lifted(expression), lift.size)
        except NotKnown:
            return None

    def calls(self, expression: ast.expr, environment: Environment) -> None:
        for node in ast.walk(expression):
            if not isinstance(node, ast.Call | ast.Attribute):
                continue
            callee = _made_by(node)
            callee = callee.func if isinstance(callee, ast.Call) else callee
            name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", None)
            wanted = dict.fromkeys([*self.wanted.get(name or "", ()), *self.objects])
            others = (at for at in wanted if self.home.functions[at].name != self.within)
            open_ = [at for at in others if len(self.found.get(at, ())) < _MOST]
            if open_:
                self.calls_of(open_, node, expression, environment)

    def calls_of(
        self, wanted: list[int], node: ast.Call | ast.Attribute, expression: ast.expr, environment: Environment
    ) -> None:
        """Note which of some functions a node of an expression calls."""
        try:
            lifted = Lift(self, environment, bound_in(expression) - bound_in(node)).lifted(node)
        except NotKnown:
            return
        classes = frozenset(name for name, _ in self.home.classes)
        text: str | None = None
        calls = [part.func for part in ast.walk(lifted) if isinstance(part, ast.Call)]
        is_built = any(isinstance(part, ast.NamedExpr) for part in ast.walk(lifted))
        for at in wanted:
            function = self.home.functions[at]
            if is_built and sum(_last_name(callee) == function.name for callee in calls) > 1:
                continue  # making the object enters it first
            made_by = _made_by(lifted)
            target = as_target(lifted, function, classes) or as_target(made_by, function, classes)
            if target and (target.direct or _is_instance(target.node, _family(function.parent or "", self.home))):
                text = text or written(lifted)
                if text is None or (is_built and not _compiles(text)):
                    return
                found = Found(text, node.lineno + self.offset, of_result=target.node is not lifted)
                self.found.setdefault(at, []).append(found)


def _made_by(node: ast.expr) -> ast.expr:
    """The call whose result is called: `f(1)` of `f(1)(2)(3)`; else the node itself."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
        node = node.func
    return node


def _last_name(callee: ast.expr) -> str:
    return callee.attr if isinstance(callee, ast.Attribute) else callee.id if isinstance(callee, ast.Name) else ""


def _compiles(text: str) -> bool:
    """Whether an expression with `:=` in it may stand as it does: not everywhere in comprehensions."""
    try:
        compile(text, FILENAME, "eval", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _family(root: str, home: Home) -> frozenset[str]:
    """A class and the classes of the file that inherit from it."""
    family = {root}
    for name, bases in home.classes:
        if not family.isdisjoint(bases):
            family.add(name)
    return frozenset(family)


def _is_instance(node: ast.Call | ast.Attribute, family: frozenset[str]) -> bool:
    """Whether the receiver of a call is the class itself or starts with a call of it: `Stack([1]).push(2)`."""
    callee: ast.expr = node.func if isinstance(node, ast.Call) else node
    while dotted(callee) is None:
        if isinstance(callee, ast.Call):
            callee = callee.func
        elif isinstance(callee, ast.Attribute):
            callee = callee.value
        elif isinstance(callee, ast.Subscript) and isinstance(callee.value, ast.List):  # built step by step
            first = callee.value.elts[0] if callee.value.elts else None
            if not isinstance(first, ast.NamedExpr):
                return False
            callee = first.value
        else:
            return False
    name = dotted(callee) or ""
    return any(name == one or name.startswith(f"{one}.") for one in family)


def _decorator(node: _Definition, last_word: str) -> bool:
    return any(
        (dotted(one.func if isinstance(one, ast.Call) else one) or "").split(".")[-1] == last_word
        for one in node.decorator_list
    )
