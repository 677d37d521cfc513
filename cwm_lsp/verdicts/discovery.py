"""What a file has to verify, by its text alone: test functions and classes, fixtures, doctests."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cwm_lsp.source.trees import tree_of

NUMBER = doctest.register_optionflag("NUMBER")
"""Pytest's own flag, which is not followed; its others are for Pythons that are gone."""
for _name in ("ALLOW_UNICODE", "ALLOW_BYTES"):
    doctest.register_optionflag(_name)
Definition = ast.FunctionDef | ast.AsyncFunctionDef
_WITH_BODIES = (ast.If, ast.Try, ast.With)
HARMLESS_HOOKS = frozenset({
    "pytest_addoption", "pytest_configure", "pytest_unconfigure", "pytest_report_header", "pytest_terminal_summary",
    "pytest_sessionstart", "pytest_sessionfinish", "pytest_assertrepr_compare",
})  # fmt: skip
"""Functions of a `conftest.py` that do not change what tests there are and how they end."""


@dataclass(frozen=True)
class Outline:
    """The tests and fixtures of a test file or `conftest.py`."""

    targets: tuple[str, ...]
    """Names of the top level that may be tests, in order."""
    lines: Mapping[str, int]
    """Of functions and classes, and `Class::method` of methods."""
    fixtures: tuple[str, ...]
    """Names of the top level that are fixtures."""
    classes: Mapping[str, tuple[str, ...]]
    """Classes, by qualified name, and the names of their fixtures."""
    cases: tuple[str, ...]
    """Classes of the top level with a base that is called like one of `unittest`."""
    imported: tuple[str, ...]
    """Names that are imported from other modules."""
    hooks: tuple[str, ...]
    """What changes the collection or the outcome of tests in ways that are not followed."""


@dataclass(frozen=True)
class Docstring:
    """The examples of one docstring."""

    owner: str
    """The qualified name of what it is of; `<module>` for the module's own."""
    examples: tuple[doctest.Example, ...]
    lines: tuple[int, ...]
    """1-based lines of the examples."""


@dataclass(frozen=True)
class Found:
    """All that a file has."""

    outline: Outline
    docstrings: tuple[Docstring, ...] = ()
    problem: str | None = None
    """Why the file does not parse."""


def find(text: str) -> Found:
    """What a file's text has to verify."""
    try:
        tree = tree_of(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"{error.msg} (line {error.lineno})" if isinstance(error, SyntaxError) else str(error)
        return Found(Outline((), {}, (), {}, (), (), ()), problem=f"does not parse: {message}")
    return Found(outline(tree), tuple(_docstrings(tree)))


def outline(tree: ast.Module) -> Outline:
    targets: dict[str, None] = {}
    lines: dict[str, int] = {}
    fixtures: list[str] = []
    classes: dict[str, tuple[str, ...]] = {}
    cases: list[str] = []
    imported: list[str] = []
    hooks: list[str] = []
    for node in _top(tree.body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                targets[node.name] = None
                lines[node.name] = node.lineno
                if is_fixture(node):
                    fixtures.append(node.name)
                if node.name.startswith("pytest_") and node.name not in HARMLESS_HOOKS:
                    hooks.append(node.name)
            case ast.ClassDef():
                targets[node.name] = None
                _add_class(node, "", lines, classes)
                if any("TestCase" in ast.unparse(base) for base in node.bases):
                    cases.append(node.name)
            case ast.ImportFrom():
                names = [item.asname or item.name for item in node.names if node.module != "__future__"]
                imported += names
                targets |= dict.fromkeys(names)
            case ast.Assign(targets=[*bound]):
                names = [target.id for target in bound if isinstance(target, ast.Name)]
                targets |= dict.fromkeys(names)
                lines |= dict.fromkeys(names, node.lineno)
                fixtures += [name for name in names if "fixture" in ast.unparse(node.value)]
                hooks += [name for name in names if name == "pytest_plugins"]
    return Outline(
        tuple(targets), lines, tuple(fixtures), classes, tuple(cases), tuple(imported), tuple(hooks)
    )  # fmt: skip


def is_fixture(node: Definition) -> bool:
    return any("fixture" in ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list)


def _add_class(node: ast.ClassDef, prefix: str, lines: dict[str, int], classes: dict[str, tuple[str, ...]]) -> None:
    qualname = f"{prefix}{node.name}"
    lines[qualname.replace(".", "::")] = node.lineno
    fixtures = []
    for inner in _top(node.body):
        if isinstance(inner, Definition):
            lines[f"{qualname.replace('.', '::')}::{inner.name}"] = inner.lineno
            if is_fixture(inner):
                fixtures.append(inner.name)
        elif isinstance(inner, ast.ClassDef):
            _add_class(inner, f"{qualname}.", lines, classes)
    classes[qualname] = tuple(fixtures)


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a level, those in `if`, `try` and `with` too."""
    for node in body:
        yield node
        if isinstance(node, _WITH_BODIES):
            yield from _top(node.body)
            yield from _top(getattr(node, "orelse", []))
            for handler in getattr(node, "handlers", []):
                yield from _top(handler.body)
            yield from _top(getattr(node, "finalbody", []))


def _docstrings(tree: ast.Module) -> Iterator[Docstring]:
    """Docstrings with examples, of what `doctest` looks at: the module, its functions, classes and their methods."""
    pending: list[tuple[str, ast.Module | ast.ClassDef | Definition]] = [("", tree)]
    parser = doctest.DocTestParser()
    while pending:
        name, node = pending.pop(0)
        if not isinstance(node, Definition):
            pending += [
                (f"{name}.{inner.name}" if name else inner.name, inner)
                for inner in _top(node.body)
                if isinstance(inner, ast.ClassDef | Definition)
            ]
        first = node.body[0] if node.body else None
        text = ast.get_docstring(node, clean=False)
        if text is None or ">>>" not in text or not isinstance(first, ast.Expr):
            continue
        try:
            examples = parser.get_examples(text, name or "<module>")
        except ValueError:
            continue
        if examples:
            lines = tuple(first.lineno + example.lineno for example in examples)
            yield Docstring(name or "<module>", tuple(examples), lines)
