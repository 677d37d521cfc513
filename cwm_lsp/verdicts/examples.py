"""The examples of a docstring: the module that is evaluated in their place, and which of them hang on one another."""

from __future__ import annotations

import ast
import doctest
import re
import warnings
from collections.abc import Sequence
from typing import Any

from cwm_lsp.source.trees import tree_of
from cwm_lsp.verdicts.discovery import Docstring

EXAMPLE = "_cwm_example_"
"""The name of a function that stands for an example, before its number."""
_INSIDE = re.compile(rf"\b{EXAMPLE}\d+\.<locals>\.")
"""What the name of a lambda tells of where it is."""
_LAST = "_"
"""The name of the value that was shown last."""
_NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})
"""Called without arguments, they tell what names there are."""
_BY_NAME = _NAMESPACES | {"eval", "exec"}
"""What may use names that its text does not show."""
_OF_PYTHON = frozenset({"__import__", "__build_class__", "__debug__"})
"""Names by which Python itself goes: what rebinds them may change everything, or is no code."""
_NO_CODE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


def examples_text(module: str, text: str, docstring: Docstring) -> str:
    """The text of a module that has the examples of a docstring as functions, with the names of `module`, whose text
    is `text`, as a doctest has them: a copy of its namespace."""
    parts, starred = [], []
    mentioned: set[str] = set()
    trees = [_parsed(example.source) for example in docstring.examples]
    postponed = "annotations" in _futures(text)
    for index, (example, tree) in enumerate(zip(docstring.examples, trees, strict=True)):
        if tree is None:
            parts.append(f"def {EXAMPLE}{index}():\n    compile({example.source!r}, '', 'single')\n")
            continue
        mentioned |= _mentioned(tree)
        bound = sorted(bound_in(tree.body))
        stars = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
        starred += [ast.unparse(node) for node in stars]
        tree.body = [node for node in tree.body if node not in stars and not _is_future(node)] or [ast.Pass()]
        body = ast.unparse(ast.fix_missing_locations(_Shown(postponed).visit(tree)))
        declared = f"global {', '.join(bound)}\n" if bound else ""
        parts.append(f"def {EXAMPLE}{index}():\n" + _indented(declared + body))
    if mentioned & _BY_NAME:
        mentioned |= bound_in(tree_of(text).body)
    names = sorted(mentioned - _OF_PYTHON)
    copied = [f"if hasattr(_cwm_module, {name!r}): {name} = _cwm_module.{name}" for name in names]
    head = ["import importlib", f"_cwm_module = importlib.import_module({module!r})", f"__name__ = {module!r}"]
    if postponed:
        head.insert(0, "from __future__ import annotations")
    show = ["def _cwm_show(value):", "    if value is not None:", "        print(repr(value))"]
    if any(_uses_last(tree) for tree in trees) and not any(_LAST in _bound(tree) for tree in trees):
        show = [f"_cwm_keeps = not hasattr(_cwm_module, {_LAST!r})", *show]
        show += ["        if _cwm_keeps:", f"            globals()[{_LAST!r}] = value"]
    return "\n".join([*head, *copied, *starred, *show, *parts])


def as_told(text: str) -> str:
    """What an example shows, with names as they are where it is not in a function."""
    return _INSIDE.sub("", text)


def reflects(source: str) -> bool:
    """Whether an example asks what names there are: there are others than in a doctest."""
    tree = _parsed(source)
    return tree is not None and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMESPACES
        and not node.args and not node.keywords
        for node in ast.walk(tree)
    )  # fmt: skip


def depending(examples: Sequence[doctest.Example], first: int, variables: frozenset[str]) -> list[int]:
    """The examples after the one at `first` which may hang on what that one did.

    It may have changed each object that its names lead to. Names that have been in one example may lead to the same
    object, so that what changes by the one changes by the other, too; only what is imported ties nothing together. It
    may have changed the module's `variables` besides.
    """
    trees = [_parsed(example.source) for example in examples]
    bound = set(variables).union(*map(_bound, trees))
    imported = set().union(*map(_imported, trees)) - set().union(*(_bound(tree) - _imported(tree) for tree in trees))
    names = [bound if _mentioned(tree) & _BY_NAME else (_mentioned(tree) | _bound(tree)) & bound for tree in trees]
    if any(map(_uses_last, trees)):
        names = [each | {_LAST} for each in names]
    touched = names[first] | variables
    groups: list[set[str]] = []
    found = []
    for number, each in enumerate(names):
        tied = each - imported
        apart = [group for group in groups if not group & tied]
        groups = [*apart, tied.union(*(group for group in groups if group & tied))]
        if number > first and each & touched:
            found.append(number)
            touched |= _bound(trees[number]) | tied
        if number >= first:
            touched = touched.union(*(group for group in groups if group & touched))
    return found


def variables(text: str) -> frozenset[str]:
    """The names of a module's top level that are bound to more than functions, classes, modules and constants."""
    return frozenset(
        name
        for node in tree_of(text).body
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and not isinstance(node.value, ast.Constant)
        for name in bound_in([node])
    )


class _Shown(ast.NodeTransformer):
    """What an example does outside of functions and classes: it shows the value of each expression that is a statement,
    and evaluates the annotations of names, unless that is `postponed`."""

    def __init__(self, postponed: bool) -> None:
        self.postponed = postponed

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = ast.Call(ast.Name("_cwm_show", ast.Load()), [node.value], [])
        return ast.copy_location(ast.Expr(call), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        steps: list[ast.stmt] = [ast.Assign([node.target], node.value)] if node.value is not None else []
        steps += [ast.Expr(node.annotation)] if not self.postponed else []
        return [ast.copy_location(step, node) for step in steps or [ast.Pass()]]

    def _left(self, node: Any) -> Any:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _left  # noqa: N815


def _indented(text: str) -> str:
    """A function's body. Only docstrings have newlines inside: those of other texts are escaped by `ast.unparse`."""
    return "".join(f"    {line}\n" for line in text.split("\n"))


def _parsed(source: str) -> ast.Module | None:
    """The tree of an example that can be compiled."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "", "single", dont_inherit=True)
            return tree_of(source)
    except _NO_CODE:
        return None


def _futures(text: str) -> set[str]:
    return {name for node in tree_of(text).body if _is_future(node) for name in bound_in([node])}


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _mentioned(tree: ast.Module | None) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree is not None else set()


def _uses_last(tree: ast.Module | None) -> bool:
    return tree is not None and any(
        isinstance(node, ast.Name) and node.id == _LAST and isinstance(node.ctx, ast.Load) for node in ast.walk(tree)
    )


def _bound(tree: ast.Module | None) -> set[str]:
    return bound_in(tree.body) if tree is not None else set()


def _imported(tree: ast.Module | None) -> set[str]:
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)] if tree is not None else []
    return bound_in(imports)


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
