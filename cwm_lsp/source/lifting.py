"""Expressions lifted out of where they stand into the namespace of another file, which their calls are of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import PurePath

from .bind import dotted
from .names import bound_by, bound_in
from .steps import LARGEST, SCOPES, Environment, Known, NotKnown
from .trees import changed, walk

_CONTEXTUAL = frozenset({ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Return, ast.Global, ast.Nonlocal})
"""What means something only where it stands."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_TESTING = frozenset({"pytest", "unittest", "mock", "nose", "hypothesis", "__future__"})
"""Modules of tests: no program is called with what they have."""
_RELATIVE = 4
"""Folders that may be the package of a file which imports relatively."""


def imports_in(body: Sequence[ast.stmt]) -> list[ast.Import | ast.ImportFrom]:
    """The import statements, also those inside functions."""
    return [node for one in body for node in walk(one) if isinstance(node, (ast.Import, ast.ImportFrom))]


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
        self.packages: set[str] = set()
        """Local dotted names of the packages around it, which may re-export what it has."""
        self.everything = False
        """Whether the file's names were imported with a star."""
        self.foreign: dict[str, tuple[str, str | None]] = {}
        """Local name → the module, and the name in it, that it was imported from."""
        self.helpers: dict[str, ast.stmt] = {}
        """Functions and classes of the place that may be needed."""
        self.constants: dict[str, Known | None] = {}
        """What is assigned at the place's top level."""

    def imports(self, body: Sequence[ast.Import | ast.ImportFrom], path: str = "", place: str = "") -> None:
        """Take in what import statements (`imports_in`) of the file at `place` bind of the file at `path`, and of
        others; without one, whatever they name is taken to be it."""
        stem, parts = PurePath(path).stem, PurePath(path).parts
        if stem == "__init__":
            stem = PurePath(path).parent.name
        for node in body:
            if isinstance(node, ast.Import):
                self.modules.update(
                    alias.asname or alias.name for alias in node.names if not path or alias.name.split(".")[-1] == stem
                )
                self.packages.update(
                    alias.asname or alias.name
                    for alias in node.names
                    if (alias.asname or alias.name) not in self.modules and alias.name.split(".")[-1] in parts
                )
                for alias in node.names:
                    local = alias.asname or alias.name.split(".")[0]
                    self.come_from(local, alias.name if alias.asname else local, None)
                    self.come_from(alias.asname or alias.name, alias.name, None)
            else:
                module = (node.module or "").split(".")
                from_file = not path or module[-1] == stem
                # `from package import f`, where the package's __init__ re-exports it
                from_package = node.level > 0 or module[0] in parts
                for alias in node.names:
                    local = alias.asname or alias.name
                    if from_file and alias.name == "*":
                        self.everything = True
                    elif alias.name == stem and not (from_file and self.at_home(stem)):
                        self.modules.add(local)
                        if from_package and self.at_home(stem):  # `mod(1)` is then a function of the module `mod`
                            self.renamed[local] = stem
                    elif from_file or (from_package and self.at_home(alias.name)):
                        self.renamed[local] = alias.name
                    else:
                        self.come_from(local, self.absolute(node, place), alias.name)

    def absolute(self, node: ast.ImportFrom, place: str) -> str:
        """The module that names are imported from, in the file at `place`; empty if that is not known."""
        if not node.level:
            return node.module or ""
        folders = PurePath(place).parts[: -node.level]
        rest = [node.module] if node.module else []
        names = (".".join([*folders[-count:], *rest]) for count in range(1, min(_RELATIVE, len(folders)) + 1))
        return next((name for name in names if self.importable(name)), "")

    def come_from(self, local: str, module: str, name: str | None) -> None:
        if module and module.split(".")[0] not in _TESTING and name != "*":
            self.foreign[local] = module, name

    def variable_of(self, name: str, environment: Environment) -> str:
        """The variable that a name stands for which the file has not: imported, or a helper of the place. Raises
        `NotKnown`."""
        steps, key = environment.steps, (id(self), name)
        known = steps.shared.get(key, "")
        if known:
            return known
        helper = self.helpers.get(name)
        module, inside = self.foreign.get(name, ("", None))
        if known is None or (helper is None and not (module and self.importable(module))):
            raise NotKnown
        variable = steps.shared[key] = steps.variable(name)
        if helper is None:
            alias = ast.alias(inside or module, variable)
            steps.add(ast.ImportFrom(module, [alias], 0) if inside else ast.Import([alias]), [variable])
            return variable
        try:
            steps.add(self.definition(helper, variable, environment.beside(self.constants)), [variable])
        except NotKnown:
            steps.shared[key] = None
            raise
        return variable

    def definition(self, node: ast.stmt, variable: str, environment: Environment) -> ast.stmt:
        """A function or class for the namespace of the function's file. Raises `NotKnown`."""
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        environment[node.name] = Known(ast.Name(variable, ast.Load()), 1)
        lifted = Lift(self, environment).lifted_statement(node)
        assert isinstance(lifted, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        return type(lifted)(**{**vars(lifted), "name": variable})


def imported(module: str, name: str | None) -> ast.expr:
    """What imports a module, or a name of one, wherever it stands."""
    node: ast.expr = ast.Call(ast.Name("__import__", ast.Load()), [ast.Constant(module)], [])
    for part in [*module.split(".")[1:], *([name] if name else [])]:
        node = ast.Attribute(node, part, ast.Load())
    return node


class Lift(ast.NodeVisitor):
    """Rewrites expressions and statements for the namespace of the function's file."""

    def __init__(self, names: Names, environment: Environment, unknown: frozenset[str] = frozenset()) -> None:
        self.names, self.environment, self.unknown = names, environment, unknown
        self.bound: frozenset[str] = frozenset()
        self.size = 0

    def lifted(self, expression: ast.expr) -> ast.expr:
        """The expression, which itself stays as it is. Raises `NotKnown`."""
        nodes = walk(expression)
        result = self._lifted(nodes, bound_by(nodes))
        assert isinstance(result, ast.expr)
        return result

    def lifted_target(self, target: ast.expr) -> ast.expr:
        """What is assigned to; the names in it have to be variables. Raises `NotKnown`."""
        result = self._lifted(walk(target), frozenset())
        assert isinstance(result, ast.expr)
        return result

    def lifted_statement(self, statement: ast.stmt) -> ast.stmt:
        """The statement; what it binds has to be variables. Raises `NotKnown`."""
        nodes = walk(statement)
        inner = [part for part in nodes if isinstance(part, SCOPES)]
        bound = frozenset().union(*map(bound_in, inner)) if inner else frozenset()
        result = self._lifted(nodes, bound - {getattr(statement, "name", None)})
        assert isinstance(result, ast.stmt)
        return result

    def _lifted(self, nodes: Sequence[ast.AST], bound: frozenset[str]) -> ast.AST:
        """The first of the nodes of a tree."""
        self.bound = bound
        self.size = len(nodes)
        is_definition = isinstance(nodes[0], _SCOPES)
        if self.size > LARGEST or (not is_definition and not _CONTEXTUAL.isdisjoint(map(type, nodes))):
            raise NotKnown
        try:
            lifted: ast.AST = self.visit(nodes[0])
        except RecursionError:
            raise NotKnown from None
        return lifted

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A node with what is inside of it lifted."""
        return changed(node, self.visit)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self.generic_visit(ast.FunctionDef(**{**vars(node), "returns": None}))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        lifted = self.generic_visit(node)
        known = self.environment.get(node.name or "") if node.name not in self.bound else None
        if known is not None and isinstance(known.expression, ast.Name):
            return ast.ExceptHandler(**{**vars(lifted), "name": known.expression.id})
        return lifted

    def visit_Import(self, node: ast.Import) -> ast.AST:
        raise NotKnown

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        raise NotKnown

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if name in self.bound:
            return node
        if name in self.unknown:
            raise NotKnown
        if not isinstance(node.ctx, ast.Load):
            known = self.environment.get(name)
            if known is None or not isinstance(known.expression, ast.Name):
                raise NotKnown
            return ast.Name(known.expression.id, node.ctx)
        if name in self.environment:
            return self.replaced(name)
        if name in self.names.renamed:
            return ast.Name(self.names.renamed[name], ast.Load())
        if self.names.keeps(name) or (self.names.everything and self.names.at_home(name)):
            return node
        self.size += 1
        return ast.Name(self.names.variable_of(name, self.environment), ast.Load())

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = dotted(node)
        if name is not None and name.partition(".")[0] not in self.bound:
            if name in self.environment:
                return self.replaced(name)
            around = name.rpartition(".")[0]
            if around in self.names.modules or (around in self.names.packages and self.names.at_home(node.attr)):
                return ast.Name(node.attr, ast.Load())
            if name in self.names.foreign:
                return ast.Name(self.names.variable_of(name, self.environment), ast.Load())
        return self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """A text in place of a name: Python 3.11 has no way to write all of them within an f-string's braces."""
        lifted = self.generic_visit(node)
        match lifted:
            case ast.FormattedValue(value=ast.Constant(value=str()) as text, conversion=-1, format_spec=None):
                return text
        return lifted

    def replaced(self, name: str) -> ast.expr:
        known = self.environment[name]
        if known is None:
            raise NotKnown
        self.size += known.size
        if self.size > LARGEST:
            raise NotKnown
        return known.expression
