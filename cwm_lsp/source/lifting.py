"""Expressions lifted out of where they stand into the namespace of another file, which their calls are of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from .bind import dotted

_LARGEST = 2_000  # nodes of an expression
_CONTEXTUAL = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
"""What means something only where it stands."""
_TESTING = frozenset({"pytest", "unittest", "mock", "nose", "hypothesis", "__future__"})
"""Modules of tests: no program is called with what they have."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a local name stands for."""

    expression: ast.expr
    size: int


Environment = dict[str, "Known | None"]
"""Local name (dotted for attributes, `self.stack`) → its expression in the file; None: not known."""


class NotKnown(Exception):
    """The expression needs something that the file does not define."""


class Names:
    """What the names of a place mean in the file that calls are lifted into."""

    def __init__(
        self, at_home: Callable[[str], bool], keeps: Callable[[str], bool], importable: Callable[[str], bool]
    ) -> None:
        """`at_home`: whether that file has a value for a name; `keeps`: whether it is the same one as here;
        `importable`: whether the file could import a module (dotted)."""
        self.at_home = at_home
        self.keeps = keeps
        self.importable = importable
        self.renamed: dict[str, str] = {}
        """Local name → the file's name that it was imported from."""
        self.modules: set[str] = set()
        """Local dotted names of the file's module."""
        self.everything = False
        """Whether the file's names were imported with a star."""
        self.foreign: dict[str, tuple[str, str | None]] = {}
        """Local name → the module, and the name in it, that it was imported from."""

    def imports(self, body: Sequence[ast.stmt], path: str = "") -> None:
        """Take in what the import statements, also those inside functions, bind of the file at `path`, and of others;
        without one, whatever they name is taken to be it."""
        stem, parts = PurePath(path).stem, PurePath(path).parts
        if stem == "__init__":
            stem = PurePath(path).parent.name
        for node in (part for statement in body for part in ast.walk(statement)):
            if isinstance(node, ast.Import):
                self.modules.update(
                    alias.asname or alias.name for alias in node.names if not path or alias.name.split(".")[-1] == stem
                )
                for alias in node.names:
                    local = alias.asname or alias.name.split(".")[0]
                    self.come_from(local, alias.name if alias.asname else local, None)
            elif isinstance(node, ast.ImportFrom):
                module = (node.module or "").split(".")
                from_file = not path or module[-1] == stem
                # `from package import f`, where the package's __init__ re-exports it
                from_package = node.level > 0 or module[0] in parts
                for alias in node.names:
                    local = alias.asname or alias.name
                    if from_file and alias.name == "*":
                        self.everything = True
                    elif alias.name == stem:
                        self.modules.add(local)
                    elif from_file or (from_package and self.at_home(alias.name)):
                        self.renamed[local] = alias.name
                    elif not node.level:
                        self.come_from(local, node.module or "", alias.name)

    def come_from(self, local: str, module: str, name: str | None) -> None:
        if module.split(".")[0] not in _TESTING and name != "*":
            self.foreign[local] = module, name


def imported(module: str, name: str | None) -> ast.expr:
    """What imports a module, or a name of one, wherever it stands."""
    node: ast.expr = ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant(module)], [])
    for part in [*module.split(".")[1:], *([name] if name else [])]:
        node = ast.Attribute(node, part, ast.Load())
    return node


def built(name: str, known: Known, step: ast.expr, size: int) -> Known | None:
    """An object after a further step of its making, which calls one of its methods: `[x := X(), x.add(1), x][-1]`."""
    match known.expression:
        case ast.Subscript(value=ast.List(elts=[ast.NamedExpr(), *_] as steps)):
            pass
        case ast.Call():
            made = ast.NamedExpr(ast.Name(name, ast.Store()), known.expression)
            steps = [made, ast.Name(name, ast.Load())]
        case _:
            return None
    if known.size + size > _LARGEST:
        return None
    last = ast.UnaryOp(ast.USub(), ast.Constant(1))
    elements = ast.List([*steps[:-1], step, steps[-1]], ast.Load())
    return Known(ast.Subscript(elements, last, ast.Load()), known.size + size + 4)


class Lift(ast.NodeVisitor):
    """Rewrites an expression for the namespace of the function's file."""

    def __init__(self, names: Names, environment: Environment, unknown: frozenset[str]) -> None:
        self.names, self.environment, self.unknown = names, environment, unknown
        self.bound: frozenset[str] = frozenset()
        self.size = 0

    def lifted(self, expression: ast.expr) -> ast.expr:
        self.bound = bound_in(expression)
        parts = list(ast.walk(expression))
        self.size = len(parts)
        if self.size > _LARGEST or any(isinstance(part, _CONTEXTUAL) for part in parts):
            raise NotKnown
        try:
            result = self.visit(expression)
        except RecursionError:
            raise NotKnown from None
        assert isinstance(result, ast.expr)
        return result

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A copy of a node, with what is inside of it lifted."""
        if isinstance(node, ast.expr_context | ast.operator | ast.cmpop):
            return node
        copied = type(node)()
        for name, value in vars(node).items():
            if isinstance(value, ast.AST):
                value = self.visit(value)
            elif isinstance(value, list):
                value = [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
            setattr(copied, name, value)
        return copied

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if name in self.bound:
            return node
        if name in self.unknown:
            raise NotKnown
        if name in self.environment:
            return self.replaced(name)
        if name in self.names.renamed:
            return ast.Name(self.names.renamed[name], ast.Load())
        if self.names.keeps(name) or (self.names.everything and self.names.at_home(name)):
            return node
        module, inside = self.names.foreign.get(name, ("", None))
        if not module or not self.names.importable(module):
            raise NotKnown
        made = imported(module, inside)
        self.size += sum(1 for _ in ast.walk(made))
        return made

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = dotted(node)
        if name in self.environment:
            return self.replaced(name)
        if name is not None and name.rpartition(".")[0] in self.names.modules:
            return ast.Name(node.attr, ast.Load())
        return self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """A text in place of a name: Python 3.11 has no way to write all of them within an f-string's braces."""
        copied = self.generic_visit(node)
        match copied:
            case ast.FormattedValue(value=ast.Constant(value=str()) as text, conversion=-1, format_spec=None):
                return text
        return copied

    def replaced(self, name: str) -> ast.expr:
        known = self.environment[name]
        if known is None:
            raise NotKnown
        self.size += known.size
        if self.size > _LARGEST:
            raise NotKnown
        return known.expression


def bound_in(expression: ast.AST) -> frozenset[str]:
    """The names that lambdas, comprehensions and walruses of the expression bind."""
    return frozenset(
        part.arg if isinstance(part, ast.arg) else part.id
        for part in ast.walk(expression)
        if isinstance(part, ast.arg) or (isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    )
