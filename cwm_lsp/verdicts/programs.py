"""The programs whose evaluation tells of the tests of a file: small drivers around the session's stand-in."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cwm_lsp.evaluate import Around
from cwm_lsp.source.environment import layout
from cwm_lsp.source.files import read_source
from cwm_lsp.verdicts.configuration import Configuration, patterns
from cwm_lsp.verdicts.discovery import Docstring, Outline, find
from cwm_lsp.verdicts.rewriting import rewritten

STAND_INS = Path(__file__).parent / "stand_ins"
NAMED = {path.stem: str(path) for path in STAND_INS.glob("*.py") if path.stem != "__init__"}
DRIVER = "_cwm_driver.py"
"""The file that a driver is taken for, in the folder of the tests: it is never written."""


@dataclass(frozen=True)
class Program:
    """A driver: `run()` is to be evaluated. Which of its lines is reached says what is under way; `names` are its
    variables that tell of it."""

    source: str
    around: Around


@dataclass(frozen=True)
class Conftest:
    """A `conftest.py` around a test file."""

    path: Path
    name: str
    outline: Outline


@dataclass(frozen=True)
class Subject:
    """A file and what is around it."""

    path: Path
    """Absolute."""
    text: str
    python: str | None
    configuration: Configuration
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files whose text differs from the disk's."""

    @property
    def module(self) -> str:
        return layout(self.path, self.text).module

    def conftests(self) -> list[Path]:
        """The `conftest.py` files around it, the outermost first."""
        folders = [folder for folder in reversed(self.path.parents) if folder.is_relative_to(self.configuration.root)]
        return [folder / "conftest.py" for folder in folders if (folder / "conftest.py").is_file()]

    def around(self, texts: Mapping[str, str], named: Mapping[str, str]) -> Around:
        return Around(
            str(self.path.with_name(DRIVER)), self.python, texts={**self.texts, **texts}, named={**NAMED, **named}
        )


def conftests(subject: Subject) -> list[Conftest]:
    """Those around a file, the outermost first."""
    found = []
    for path in subject.conftests():
        text = read_source(path)
        found.append(Conftest(path, layout(path, text).module, find(text).outline))
    return found


def of_tests(subject: Subject, found: Outline, outer: Sequence[Conftest], targets: Sequence[str], done: Collection[str],
             given_up: Collection[str]) -> Program:  # fmt: skip
    """The program that performs what the targets of a test file give, but for the items that are `done` and those of
    tests that are given up."""
    names, modules, loaded = {}, [], []
    for number, one in enumerate(outer):
        name = one.name
        if "." not in name:  # several of them have the same
            name = f"_cwm_conftest_{number}"
            names[name] = str(one.path)
        modules.append(_module(name, one.outline))
        loaded.append(name)
    modules.append(_module(subject.module, found))
    settings = {
        "functions": patterns(subject.configuration.functions),
        "classes": patterns(subject.configuration.classes),
        "usefixtures": list(subject.configuration.fixtures),
        "xfail_strict": subject.configuration.strict,
        "warnings": subject.configuration.warnings_are_errors,
    }
    source = f"""\
{_importing(*loaded, subject.module)}
from _cwm_session import Module, Session
session = Session([{", ".join(modules)}], {settings!r})
TARGETS = {tuple(targets)!r}
DONE = {frozenset(done)!r}
GIVEN_UP = {frozenset(given_up)!r}
def run():
    problem = session.load()
    if problem is None:
        for target in TARGETS:
            count = session.collect(target)
            for number in range(count):
                item = session.name(number)
                if item in DONE:
                    continue
                if item.partition("[")[0] in GIVEN_UP:
                    passed_over = item
                    continue
                outcome = session.perform(number)
                if outcome[1] == "fail":
                    detail = session.detail()[:2]
                    told = session.told(session.detail())
"""
    own = {str(subject.path): rewritten(subject.text)}
    return Program(source, subject.around(own, names))


def _importing(*modules: str) -> str:
    """Import modules where nothing catches what they raise: what they leave open is known to be that and no more."""
    return "\n".join(["from importlib import import_module", *(f"import_module({name!r})" for name in modules)])


def _module(name: str, found: Outline) -> str:
    return f"Module({name!r}, {found.fixtures!r}, {dict(found.classes)!r}, {found.imported!r})"


def of_docstrings(
    subject: Subject, docstrings: Mapping[int, Docstring], left_out: Collection[tuple[int, int]]
) -> Program:
    """The program that goes through the examples of docstrings, but for those that are left out."""
    names, texts = {}, {}
    plan: list[tuple[int, int]] = []
    for number, docstring in docstrings.items():
        name = f"_cwm_examples_{number}"
        file = str(subject.path.with_name(f"{name}.py"))
        names[name] = file
        texts[file] = examples_text(subject.module, docstring)
        plan += [(number, index) for index in range(len(docstring.examples)) if (number, index) not in left_out]
    source = f"""\
{_importing(subject.module)}
from _cwm_examples import load, perform
PLAN = {tuple(plan)!r}
def run():
    problem = load({subject.module!r})
    if problem is None:
        for item in PLAN:
            outcome = perform(item)
"""
    return Program(source, subject.around(texts, names))


def examples_text(module: str, docstring: Docstring) -> str:
    """The text of a module that has the examples of a docstring as functions, with the names of `module` as a doctest
    has them: a copy of its namespace."""
    parts, starred = [], []
    mentioned: set[str] = set()
    for index, example in enumerate(docstring.examples):
        try:
            tree = ast.parse(example.source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            parts.append(f"def example_{index}():\n    compile({example.source!r}, '', 'single')\n")
            continue
        mentioned |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        bound = sorted(bound_in(tree.body))
        stars = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
        starred += [ast.unparse(node) for node in stars]
        tree.body = [node for node in tree.body if node not in stars] or [ast.Pass()]
        body = "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in map(_Shown().visit, tree.body))
        declared = f"global {', '.join(bound)}\n" if bound else ""
        parts.append(f"def example_{index}():\n" + _indented(declared + body))
    known = sorted(name for name in mentioned if name not in vars(builtins) or name in ("copyright", "credits"))
    copied = [f"if hasattr(_cwm_module, {name!r}): {name} = _cwm_module.{name}" for name in known]
    head = ["import importlib", f"_cwm_module = importlib.import_module({module!r})", f"__name__ = {module!r}"]
    shown = "def _cwm_show(value):\n    if value is not None:\n        print(repr(value))"
    return "\n".join([*head, *copied, *starred, shown, *parts])


def _indented(text: str) -> str:
    """A function's body. Only docstrings have newlines inside: those of other texts are escaped by `ast.unparse`."""
    return "".join(f"    {line}\n" for line in text.split("\n"))


class _Shown(ast.NodeTransformer):
    """What is shown of an example: the value of each expression that is a statement."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = ast.Call(ast.Name("_cwm_show", ast.Load()), [node.value], [])
        return ast.copy_location(ast.Expr(call), node)

    def _left(self, node: Any) -> Any:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _left  # noqa: N815


def bound_in(body: Sequence[ast.stmt]) -> set[str]:
    """The names that statements bind in their own scope."""
    found: set[str] = set()
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
                continue
            case ast.Lambda():
                continue
            case ast.Name(ctx=ast.Store() | ast.Del()):
                found.add(node.id)
            case ast.Import() | ast.ImportFrom():
                found |= {(item.asname or item.name.partition(".")[0]) for item in node.names if item.name != "*"}
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for inner in ast.walk(node):
                    if isinstance(inner, ast.NamedExpr):
                        found.add(inner.target.id)
                continue
        pending.extend(ast.iter_child_nodes(node))
    return found
