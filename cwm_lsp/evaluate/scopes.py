"""Which scope each name of a syntax tree belongs to, as CPython's symbol table decides it.

Comprehensions are scopes of their own, as on CPython 3.11. The order of a scope's names is that of its code object's
variables, which is the order in which a trace shows names that appear at the same time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
COLLECTING = (ast.ListComp, ast.SetComp, ast.DictComp)
INLINED = (3, 12)
"""From here on those that collect are no code objects of their own."""
TRY: tuple[type[ast.stmt], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
"""`try`, with `except` or, in a Python that parses it, `except*`."""
COMPREHENSION_NAMES = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
}


@dataclass(eq=False, slots=True)
class Scope:
    """One code object's names."""

    node: ast.AST
    name: str
    """As `co_name`."""
    kind: str
    """`module`, `class`, `function` or `comprehension`."""
    parent: Scope | None
    private: str | None
    """The class whose name mangles `__x`."""
    parameters: list[str] = field(default_factory=list)
    mentioned: dict[str, None] = field(default_factory=dict)
    """Every name read or bound here, in the order of compilation."""
    bound: set[str] = field(default_factory=set)
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    children: list[Scope] = field(default_factory=list)
    cells: set[str] = field(default_factory=set)
    """Names bound here that an inner scope uses."""
    free: set[str] = field(default_factory=set)
    """Names of an enclosing function that are used here or further in."""
    yields: bool = False
    is_async: bool = False

    def qualname(self, target: tuple[int, int]) -> str:
        """As `__qualname__` in that version of Python: `outer.<locals>.inner`."""
        parent = self.parent
        while target >= INLINED and parent is not None and isinstance(parent.node, COLLECTING):
            parent = parent.parent
        if parent is None or parent.kind == "module" or self.name in parent.declared_global:
            return self.name
        between = ".<locals>." if parent.kind == "function" else "."
        return parent.qualname(target) + between + self.name

    def variables(self) -> list[str]:
        """Names of the code object's slots, in order: parameters, locals, cells, free variables."""
        plain = [
            name
            for name in self.mentioned
            if name in self.bound and name not in self.cells | self.free and name not in self.parameters
        ]
        cells = sorted(self.cells - set(self.parameters))
        return [*self.parameters, *plain, *cells, *sorted(self.free)]

    def place(self, name: str) -> str:
        """Where a name mentioned here lives: `local`, `cell`, `free`, `global`, or `name` (namespace, then global)."""
        if name in self.declared_global:
            return "global"
        if self.kind == "class" and name in self.bound and name not in self.declared_nonlocal:
            return "name"
        if name in self.free:
            return "free"
        if self.kind in ("module", "class"):
            return "name"
        if name in self.cells:
            return "cell"
        return "local" if name in self.bound else "global"


def mangled(name: str, private: str | None) -> str:
    """A private name as it is stored: `__x` inside `class C` is `_C__x`."""
    if private is None or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    stripped = private.lstrip("_")
    return f"_{stripped}{name}" if stripped else name


def analyse(tree: ast.Module) -> dict[ast.AST, Scope]:
    """The scope of every node that has one: the module, functions, lambdas, classes and comprehensions."""
    finder = _Finder(postpones(tree))
    module = Scope(tree, "<module>", "module", None, None)
    finder.scopes[tree] = module
    finder.body(module, tree.body)
    _resolve(module, frozenset())
    return finder.scopes


def postpones(tree: ast.AST) -> bool:
    """Whether a module keeps annotations as text."""
    return isinstance(tree, ast.Module) and any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(item.name == "annotations" for item in node.names)
        for node in tree.body
    )


def _resolve(scope: Scope, enclosing: frozenset[str]) -> set[str]:
    """Settle cells and free variables from the inside out; returns the names wanted from around `scope`."""
    own = set() if scope.kind in ("module", "class") else scope.bound - scope.declared_nonlocal - scope.declared_global
    visible = enclosing if scope.kind == "class" else (enclosing - scope.declared_global) | own
    if scope.kind == "module":
        visible = frozenset()
    hidden = scope.declared_global if scope.kind != "class" else frozenset()
    wanted: set[str] = set()
    for name in scope.mentioned:
        if name in scope.declared_global or name in own or name not in enclosing:
            continue
        if scope.kind == "class" and name in scope.bound and name not in scope.declared_nonlocal:
            continue
        wanted.add(name)
    inner: set[str] = set()
    for child in scope.children:
        below = frozenset(visible - hidden)
        if (scope.kind == "class" and child.kind != "comprehension") or scope.kind == "class":
            below |= {"__class__"}
        inner |= _resolve(child, below)
    if scope.kind == "class":
        if "__class__" in inner:
            scope.cells.add("__class__")
            inner.discard("__class__")
        scope.free = (wanted | inner) & enclosing
        return set(scope.free)
    scope.cells |= inner & own
    scope.free = (wanted | (inner - own)) & enclosing
    return set(scope.free)


class _Finder:
    """Walks a tree in the order of compilation and notes who mentions and binds what."""

    def __init__(self, postponed: bool) -> None:
        self.scopes: dict[ast.AST, Scope] = {}
        self.postponed = postponed
        """Annotations are kept as text: what they mention is not looked up."""

    def body(self, scope: Scope, statements: Iterable[ast.AST]) -> None:
        for statement in statements:
            self.visit(scope, statement)

    def mention(self, scope: Scope, name: str, *, binds: bool = False) -> None:
        name = mangled(name, scope.private)
        scope.mentioned.setdefault(name)
        if binds:
            scope.bound.add(name)

    def visit(self, scope: Scope, node: ast.AST | None) -> None:
        if node is None:
            return
        handler = getattr(self, "on_" + type(node).__name__, None)
        if handler is not None:
            handler(scope, node)
        elif isinstance(node, COMPREHENSIONS):
            self.comprehension(scope, node)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit(scope, child)

    def on_Name(self, scope: Scope, node: ast.Name) -> None:  # noqa: N802
        self.mention(scope, node.id, binds=not isinstance(node.ctx, ast.Load))
        if node.id == "super" and isinstance(node.ctx, ast.Load) and scope.kind in ("function", "comprehension"):
            self.mention(scope, "__class__")

    def on_Global(self, scope: Scope, node: ast.Global) -> None:  # noqa: N802
        scope.declared_global.update(mangled(name, scope.private) for name in node.names)

    def on_Nonlocal(self, scope: Scope, node: ast.Nonlocal) -> None:  # noqa: N802
        names = [mangled(name, scope.private) for name in node.names]
        scope.declared_nonlocal.update(names)
        for name in names:
            scope.mentioned.setdefault(name)

    def on_Assign(self, scope: Scope, node: ast.Assign) -> None:  # noqa: N802
        self.body(scope, [node.value, *node.targets])

    def on_AnnAssign(self, scope: Scope, node: ast.AnnAssign) -> None:  # noqa: N802
        if node.value is not None or node.simple or not isinstance(node.target, ast.Name):
            self.body(scope, [item for item in (node.value, node.target) if item is not None])
        if scope.kind != "function" or not node.simple:
            self.annotation(scope, node.annotation)

    def annotation(self, scope: Scope, node: ast.expr) -> None:
        if not self.postponed:
            self.visit(scope, node)

    def on_For(self, scope: Scope, node: ast.For | ast.AsyncFor) -> None:  # noqa: N802
        self.body(scope, [node.iter, node.target, *node.body, *node.orelse])

    on_AsyncFor = on_For  # noqa: N815

    def on_NamedExpr(self, scope: Scope, node: ast.NamedExpr) -> None:  # noqa: N802
        self.visit(scope, node.value)
        target = scope
        name = mangled(node.target.id, scope.private)
        while target.kind == "comprehension" and target.parent is not None:
            target.mentioned.setdefault(name)
            target.declared_nonlocal.add(name)
            target = target.parent
        if target.kind == "module" or name in target.declared_global:
            inner = scope
            while inner is not target and inner.parent is not None:
                inner.declared_nonlocal.discard(name)
                inner.declared_global.add(name)
                inner = inner.parent
        self.mention(target, name, binds=True)

    def on_Try(self, scope: Scope, node: ast.Try) -> None:  # noqa: N802
        self.body(scope, [*node.body, *node.orelse, *node.handlers, *node.finalbody])

    on_TryStar = on_Try  # noqa: N815

    def on_ExceptHandler(self, scope: Scope, node: ast.ExceptHandler) -> None:  # noqa: N802
        self.visit(scope, node.type)
        if node.name:
            self.mention(scope, node.name, binds=True)
        self.body(scope, node.body)

    def on_alias(self, scope: Scope, node: ast.alias) -> None:
        if node.name != "*":
            self.mention(scope, (node.asname or node.name).split(".")[0], binds=True)

    def on_MatchAs(self, scope: Scope, node: ast.MatchAs) -> None:  # noqa: N802
        self.visit(scope, node.pattern)
        if node.name:
            self.mention(scope, node.name, binds=True)

    def on_MatchStar(self, scope: Scope, node: ast.MatchStar) -> None:  # noqa: N802
        if node.name:
            self.mention(scope, node.name, binds=True)

    def on_MatchMapping(self, scope: Scope, node: ast.MatchMapping) -> None:  # noqa: N802
        self.body(scope, [*node.keys, *node.patterns])
        if node.rest:
            self.mention(scope, node.rest, binds=True)

    def on_IfExp(self, scope: Scope, node: ast.IfExp) -> None:  # noqa: N802
        self.body(scope, [node.test, node.body, node.orelse])

    def on_Dict(self, scope: Scope, node: ast.Dict) -> None:  # noqa: N802
        for key, value in zip(node.keys, node.values, strict=True):
            self.visit(scope, key)
            self.visit(scope, value)

    def on_Yield(self, scope: Scope, node: ast.Yield | ast.YieldFrom) -> None:  # noqa: N802
        scope.yields = True
        self.visit(scope, node.value)

    on_YieldFrom = on_Yield  # noqa: N815

    def on_Await(self, scope: Scope, node: ast.Await) -> None:  # noqa: N802
        if scope.kind == "comprehension":
            scope.is_async = True
        self.visit(scope, node.value)

    def on_FunctionDef(self, scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # noqa: N802
        self.body(scope, node.decorator_list)
        self.defaults(scope, node.args)
        for annotation in _annotations(node):
            self.annotation(scope, annotation)
        inner = self.function(scope, node, node.name)
        inner.is_async = isinstance(node, ast.AsyncFunctionDef)
        self.mention(scope, node.name, binds=True)
        self.body(inner, node.body)

    on_AsyncFunctionDef = on_FunctionDef  # noqa: N815

    def on_Lambda(self, scope: Scope, node: ast.Lambda) -> None:  # noqa: N802
        self.defaults(scope, node.args)
        self.visit(self.function(scope, node, "<lambda>"), node.body)

    def defaults(self, scope: Scope, arguments: ast.arguments) -> None:
        self.body(scope, [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)])

    def function(self, scope: Scope, node: FunctionNode, name: str) -> Scope:
        inner = Scope(node, name, "function", scope, scope.private)
        scope.children.append(inner)
        self.scopes[node] = inner
        for parameter in parameters(node.args):
            self.mention(inner, parameter.arg, binds=True)
            inner.parameters.append(mangled(parameter.arg, scope.private))
        return inner

    def on_ClassDef(self, scope: Scope, node: ast.ClassDef) -> None:  # noqa: N802
        self.body(scope, [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)])
        inner = Scope(node, node.name, "class", scope, node.name)
        scope.children.append(inner)
        self.scopes[node] = inner
        self.mention(scope, node.name, binds=True)
        self.body(inner, node.body)

    def comprehension(self, scope: Scope, node: Comprehension) -> None:
        self.visit(scope, node.generators[0].iter)
        inner = Scope(node, COMPREHENSION_NAMES[type(node)], "comprehension", scope, scope.private)
        inner.parameters.append(".0")
        inner.mentioned[".0"] = None
        inner.bound.add(".0")
        inner.is_async = any(generator.is_async for generator in node.generators)
        scope.children.append(inner)
        self.scopes[node] = inner
        for position, generator in enumerate(node.generators):
            if position:
                self.visit(inner, generator.iter)
            self.body(inner, [generator.target, *generator.ifs])
        if isinstance(node, ast.DictComp):
            self.body(inner, [node.key, node.value])
        else:
            self.visit(inner, node.elt)
        if inner.is_async and scope.kind == "comprehension" and not isinstance(node, ast.GeneratorExp):
            scope.is_async = True


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """The parameters in the order of `co_varnames`: positional, keyword-only, `*args`, `**kwargs`."""
    rest = [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    for parameter in parameters(node.args):
        if parameter.annotation is not None:
            yield parameter.annotation
    if node.returns is not None:
        yield node.returns
