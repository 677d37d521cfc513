"""The names that a module's top level defines."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial

from .recovery import Fragment, parse
from .trees import children, walk

_MODULE_ATTRIBUTES = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__spec__", "__package__"})
_BUILTINS = frozenset(dir(builtins)) | _MODULE_ATTRIBUTES
_WORD = re.compile(r"[^\W\d]\w*")


def is_main_guard(node: ast.AST) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(
            isinstance(side, ast.Name) and side.id == "__name__" for side in (node.test.left, *node.test.comparators)
        )
        and any(
            isinstance(side, ast.Constant) and side.value == "__main__"
            for side in (node.test.left, *node.test.comparators)
        )
    )


@lru_cache(maxsize=16)
def global_names(source: str) -> frozenset[str] | None:
    """What a module's globals hold once it is imported, builtins not counted; None where anything may be there (a star
    import). Of a file that does not parse: every word in it."""
    module = parse(source).module
    return frozenset(_WORD.findall(source)) if module is None else names_of(module)


def names_of(fragments: Sequence[Fragment]) -> frozenset[str] | None:
    """The names that the statements of a module bind, as in `bound_names`."""
    names = [fragment.once("bound names", partial(bound_names, fragment.body)) for fragment in fragments]
    return None if None in names else frozenset().union(*(some for some in names if some is not None))


def is_defined(name: str, known: frozenset[str] | None) -> bool:
    """Whether a name has a value at the top level of a module with these `global_names`."""
    return known is None or name in known or name in _BUILTINS


def is_builtin(name: str) -> bool:
    """Whether a name has a value in every module."""
    return name in _BUILTINS


def bound_names(body: Sequence[ast.stmt]) -> frozenset[str] | None:
    """The names that statements bind in their own scope, what a main guard binds left out; None with a star import."""
    names: set[str] = set()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return None
            case ast.Import() | ast.ImportFrom():
                names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
                names.update(*(part.names for part in walk(node) if isinstance(part, ast.Global)))
                continue
            case ast.ClassDef():
                names.add(node.name)
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                names.update(
                    part.target.id
                    for part in walk(node)
                    if isinstance(part, ast.NamedExpr) and isinstance(part.target, ast.Name)
                )
                continue
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
                names.add(node.name)
            case ast.MatchMapping(rest=str(rest)):
                names.add(rest)
            case ast.If() if is_main_guard(node):
                stack.extend(node.orelse)
                continue
        stack += children(node)
    return frozenset(names)


def free_names(node: ast.expr | ast.stmt) -> list[str]:
    """The names that an expression or a statement reads and does not itself bind (as a lambda or comprehension does),
    in order."""
    nodes = walk(node)
    bound = {part.arg for part in nodes if isinstance(part, ast.arg)}
    names = [part for part in nodes if isinstance(part, ast.Name)]
    bound.update(name.id for name in names if isinstance(name.ctx, ast.Store))
    return list(dict.fromkeys(name.id for name in names if isinstance(name.ctx, ast.Load) and name.id not in bound))


def bound_in(node: ast.AST) -> frozenset[str]:
    """The names that lambdas, comprehensions, definitions and walruses in a node bind."""
    return bound_by(walk(node))


def bound_by(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that some nodes bind, each by itself, as in `bound_in`."""
    names: set[str] = set()
    for part in nodes:
        if isinstance(part, ast.arg):
            names.add(part.arg)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and part.name:
            names.add(part.name)
    return frozenset(names)
