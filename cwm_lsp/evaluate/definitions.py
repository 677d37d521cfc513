"""Functions compiled to what makes them: their defaults, their annotations, and the variables around them."""

from __future__ import annotations

import ast
import re
from types import FunctionType
from typing import Any

from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.compiling import Module
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.functions import Body, make_function
from cwm_lsp.evaluate.scopes import mangled
from cwm_lsp.evaluate.values import GaveUp, Unknown

NO_FIELD = re.compile(r"\b(ClassVar|InitVar|KW_ONLY)\b")
"""In the annotation of a dataclass's variable: it is no field."""


def function_maker(module: Module, compiler: Expressions, node: Any) -> Run:
    """Compile a `def` or `lambda`: evaluates its defaults and annotations and closes over its variables."""
    arguments = node.args
    defaults = compiler.exprs(arguments.defaults)
    keyword_defaults = [
        (mangled(item.arg, compiler.scope.private), compiler.expr(default))
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    annotated = annotated_with(module, compiler, node)
    code, enter, namespace = module.code_of(node), module.enter, module.namespace
    free = code.free

    def make(frame: Frame) -> FunctionType:
        values = tuple([run(frame) for run in defaults])
        more = {name: run(frame) for name, run in keyword_defaults}
        annotations = {name: run(frame) for name, run in annotated}
        body = Body(code, {name: frame.cells[name] for name in free})
        return make_function(body, enter, namespace, values, more, annotations)

    return compiler.before(make, node, "make") if not (defaults or keyword_defaults or annotated) else make


def annotated_with(module: Module, compiler: Expressions, node: Any) -> list[tuple[str, Run]]:
    """The annotations of a function, in the order in which they are evaluated."""
    if isinstance(node, ast.Lambda):
        return []
    items = node.args
    every = [*items.args, *items.posonlyargs, items.vararg, *items.kwonlyargs, items.kwarg]
    found = [(item.arg, item.annotation) for item in every if item is not None and item.annotation is not None]
    if node.returns is not None:
        found.append(("return", node.returns))
    return [(mangled(name, compiler.scope.private), annotation(module, compiler, written)) for name, written in found]


def annotation(module: Module, compiler: Expressions, node: ast.expr) -> Run:
    """What an annotation evaluates to: unknown, at most, where it names something that is not known."""
    if module.postponed:
        text = ast.unparse(node)
        return lambda frame: text
    run, runtime = compiler.expr(node.value if isinstance(node, ast.Starred) else node), module.runtime
    starred = isinstance(node, ast.Starred)
    is_no_field = NO_FIELD.search(ast.unparse(node)) is not None

    def evaluate(frame: Frame) -> Any:
        with runtime.trusting(frame):
            value = run(frame)
        if starred and type(value) is not Unknown:
            [value] = value
        if is_no_field and type(value) is Unknown:
            raise GaveUp(f"line {node.lineno}: what the annotation means is not known")
        return value

    return evaluate
