"""The instructions of whole code objects."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from cwm_lsp.evaluate.layout.blocks import REFERENCE, Instruction, assemble
from cwm_lsp.evaluate.layout.doubts import is_doubtful
from cwm_lsp.evaluate.layout.statements import Statements
from cwm_lsp.evaluate.scopes import COMPREHENSIONS, Scope


def instructions(
    node: ast.AST,
    scope: Scope,
    imported: frozenset[str] = frozenset(),
    *,
    postponed: bool = False,
    target: tuple[int, int] = REFERENCE,
) -> list[Instruction]:
    """The instructions of a function, lambda, class, comprehension or module.

    They are those of CPython 3.11, but for what `target`, the version that would run them, has other steps for.
    """
    made = Objects(scope, imported, postponed=postponed, target=target)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return made.function(node)
    if isinstance(node, ast.Lambda):
        return made.of_lambda(node)
    if isinstance(node, ast.ClassDef):
        return made.of_class(node)
    if isinstance(node, COMPREHENSIONS):
        return made.of_comprehension(node)
    assert isinstance(node, ast.Module)
    return made.of_module(node)


class Objects(Statements):
    """Generates code objects."""

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Instruction]:
        first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
        self.begin(first)
        self.body(node.body[1:] if docstring(node.body) else node.body)
        return self.finish(node, first)

    def of_lambda(self, node: ast.Lambda) -> list[Instruction]:
        self.begin(node.lineno)
        with self.owned(node):
            self.visit(node.body)
        if not self.scope.yields:
            self.op("RETURN_VALUE", None, (node, "return"))
        return self.finish(node, node.lineno, gives_none=False)

    def of_class(self, node: ast.ClassDef) -> list[Instruction]:
        first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
        self.begin(first)
        self.name("__name__", "LOAD")
        self.name("__module__", "STORE", (node, "module"))
        self.op("LOAD_CONST", self.scope.qualname(REFERENCE))
        self.name("__qualname__", "STORE")
        self.statements_of(node)
        self.line = -1
        if "__class__" in self.scope.cells:
            self.op("LOAD_CLOSURE", "__class__")
            self.op("COPY", 1)
            self.name("__classcell__", "STORE")
        else:
            self.op("LOAD_CONST", None)
        self.op("RETURN_VALUE", None, (node, "return"))
        return self.finish(node, first)

    def of_module(self, node: ast.Module) -> list[Instruction]:
        self.begin(0)
        self.line = node.body[0].lineno if node.body else 1
        self.statements_of(node)
        return self.finish(node, 1)

    def statements_of(self, node: ast.ClassDef | ast.Module) -> None:
        """The body of a class or module."""
        nodes: Sequence[ast.stmt] = node.body
        if any(annotates(item) for item in nodes):
            self.op("SETUP_ANNOTATIONS")
        if docstring(nodes):
            first, *nodes = nodes
            assert isinstance(first, ast.Expr)
            self.visit(first.value)
            self.line = -1
            self.name("__doc__", "STORE", (node, "doc"))
        self.body(nodes)

    def of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> list[Instruction]:
        self.begin(node.lineno)
        generator = isinstance(node, ast.GeneratorExp)
        if not generator:
            self.op({ast.ListComp: "BUILD_LIST", ast.SetComp: "BUILD_SET"}.get(type(node), "BUILD_MAP"), 0)
        with self.owned(node), self.doubting(is_doubtful(node, self.target)):
            self.clause(node, 0, 0)
        if not generator:
            self.op("RETURN_VALUE", None, (node, "return"))
        return self.finish(node, node.lineno)

    def clause(self, node: Any, position: int, depth: int) -> None:
        """One `for` of a comprehension, and those within it."""
        clause: ast.comprehension = node.generators[position]
        start, skipped, over = self.block(), self.block(), self.block()
        loops = True
        if position == 0:
            self.op("LOAD_FAST", ".0")
        else:
            element = None if clause.is_async else inline(clause)
            if element is not None:
                self.visit(element)
                loops = False
            else:
                self.visit(clause.iter)
                self.op("GET_AITER" if clause.is_async else "GET_ITER", None, (clause, "iter"))
        if clause.is_async:
            self.use(start)
            self.jump("SETUP_FINALLY", over)
            self.op("GET_ANEXT", None, (clause, "next"))
            self.op("LOAD_CONST", None)
            self.yield_from(clause)
            self.op("POP_BLOCK")
        elif loops:
            depth += 1
            self.use(start)
            self.jump("FOR_ITER", over, (clause, "next"))
        self.visit(clause.target)
        for test in clause.ifs:
            self.jump_if(test, skipped, when=False)
        depth += clause.is_async
        if position + 1 < len(node.generators):
            self.clause(node, position + 1, depth)
        else:
            self.element(node, depth)
        self.use(skipped)
        if loops:
            self.jump("JUMP", start)
            self.use(over)
        if clause.is_async:
            self.op("END_ASYNC_FOR", None, (clause, "end"))

    def element(self, node: Any, depth: int) -> None:
        if isinstance(node, ast.DictComp):
            self.visit(node.key)
            self.visit(node.value)
            self.op("MAP_ADD", depth + 1, (node, "add"))
            return
        self.visit(node.elt)
        if isinstance(node, ast.GeneratorExp):
            self.yield_value(node)
            self.op("POP_TOP")
        else:
            self.op("SET_ADD" if isinstance(node, ast.SetComp) else "LIST_APPEND", depth + 1, (node, "add"))

    def begin(self, line: int) -> None:
        self.line = line
        self.op("RESUME", 0)

    def finish(self, node: ast.AST, first: int, *, gives_none: bool = True) -> list[Instruction]:
        if not self.current.returns:
            self.line = -1
            with self.owned(None):
                if gives_none:
                    self.op("LOAD_CONST", None)
                self.op("RETURN_VALUE", None, (node, "return"))
        return assemble(self.blocks, first, self.target)


def inline(generator: ast.comprehension) -> ast.expr | None:
    """The only element of what a clause iterates over, which is then assigned rather than iterated over."""
    if isinstance(generator.iter, ast.List | ast.Tuple) and len(generator.iter.elts) == 1:
        element = generator.iter.elts[0]
        return None if isinstance(element, ast.Starred) else element
    return None


def docstring(nodes: Sequence[ast.stmt]) -> bool:
    """Whether a body begins with a docstring."""
    first = nodes[0] if nodes else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def annotates(node: ast.AST) -> bool:
    """Whether a statement annotates a variable of its scope."""
    if isinstance(node, ast.AnnAssign):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
        return False
    return any(annotates(child) for child in ast.iter_child_nodes(node))
