"""Class definitions: real classes of the file's bases, with interpreted methods."""

from __future__ import annotations

import ast
import enum
import types
import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.code import RETURN, Code, Frame, Run
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.statements import Statements
from cwm_lsp.evaluate.values import Cell, Function, Unknown, undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter

IMPLICIT_CLASS_METHODS = ("__init_subclass__", "__class_getitem__")
NOT_INTERPRETED = (
    "__del__", "__getattribute__", "__set_name__", "__prepare__", "__instancecheck__", "__subclasscheck__",
)  # fmt: skip
"""Special methods that library code would act upon in ways that are not followed."""
PICKLING = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__",
)  # fmt: skip
"""Special methods that say what `copy` is to call, which is not safe: copies of such instances are unknown."""
GENERIC_BASES: tuple[Any, ...] = (typing.Generic, typing.Protocol, typing.NamedTuple, typing.TypedDict)


def class_maker(interpreter: Interpreter, compiler: Expressions, node: ast.ClassDef) -> Run:
    """Compile a class definition to what makes the class."""
    scope = interpreter.scopes[node]
    bases_of = compiler.elements(node.bases, node.lineno)
    keywords = [(item.arg, compiler.expr(item.value)) for item in node.keywords]
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    code = Code(
        scope.name, scope.qualname, first, (), frozenset(scope.free), tuple(sorted(scope.free)),
        tuple(sorted(scope.cells)), is_function=False, node=node,
    )  # fmt: skip
    runtime, mark = interpreter.runtime, interpreter.runtime.line
    doc = ast.get_docstring(node, clean=False)
    annotated = any(isinstance(item, ast.AnnAssign) for statement in node.body for item in own_nodes(statement))
    statements = node.body[1:] if doc is not None else node.body

    def compile_body() -> Any:
        block = Statements(interpreter, scope).block(statements)

        def body(frame: Frame) -> Any:
            mark(frame, first)
            frame.vars["__module__"] = interpreter.namespace.get("__name__")
            frame.vars["__qualname__"] = code.qualname
            if annotated:
                frame.vars["__annotations__"] = {}
            if doc is not None:
                mark(frame, node.body[0].lineno)
                frame.vars["__doc__"] = doc
            block(frame)
            frame.result = EmptyCell() if "__class__" in code.own_cells else None
            return RETURN

        return body

    code.compile = compile_body

    def make(frame: Frame) -> Any:
        bases = tuple(bases_of(frame))
        named = {name: run(frame) for name, run in keywords if name is not None}
        if not all(allowed(interpreter, base) for base in bases) or any(name is None for name, _ in keywords):
            return unknown_class(interpreter, bases, node)
        if any(type(value) is Unknown for value in named.values()):
            return unknown_class(interpreter, bases, node)
        metaclass = named.get("metaclass", type)
        if metaclass not in library.METACLASSES:
            return unknown_class(interpreter, bases, node)
        resolved = types.resolve_bases(bases)
        chosen, namespace, rest = types.prepare_class(node.name, resolved, named)
        make_class: Any = chosen
        if chosen not in library.METACLASSES:
            return unknown_class(interpreter, bases, node)
        cells: dict[str, Cell] = {name: frame.cells[name] for name in code.free}
        for name in code.own_cells:
            cells[name] = Cell()
        inner = Frame(code, namespace, cells)
        runtime.run(inner)
        for name in NOT_INTERPRETED:
            if name in namespace:
                return unknown_class(interpreter, bases, node)
        if any(name in namespace for name in PICKLING):
            namespace["__reduce_ex__"] = undetermined
        for name, value in list(namespace.items()):
            if name.startswith("__") and value is not undetermined and callable(value) and type(value) is not Function:
                namespace[name] = interpreter.calls.safe(None, value)
        if type(namespace.get("__new__")) is Function:
            namespace["__new__"] = staticmethod(namespace["__new__"])
        for name in IMPLICIT_CLASS_METHODS:
            if type(namespace.get(name)) is Function:
                namespace[name] = classmethod(namespace[name])
        if resolved is not bases:
            namespace["__orig_bases__"] = bases
        if issubclass(chosen, enum.EnumMeta):
            made = make_class(node.name, resolved, namespace, **rest)
        else:
            made = make_class(node.name, resolved, dict(namespace), **rest)
        if typing.NamedTuple in bases:
            interpreter.calls.adopt_named_tuple(made)
        runtime.classes.add(made)
        if "__class__" in cells:
            cells["__class__"].value = made
        return made

    return make


class EmptyCell:
    """What the body of a class with a `super()` inside returns: the cell of the class, before there is one."""

    def __repr__(self) -> str:
        return "<cell: empty>"


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those below it in the same scope."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from own_nodes(child)


def allowed(interpreter: Interpreter, base: Any) -> bool:
    """Whether a class of the file may inherit from `base`."""
    if isinstance(base, type):
        return base in interpreter.runtime.classes or base in library.BASES or base in GENERIC_BASES
    return base in GENERIC_BASES or type(base).__module__ == "typing" or type(base) is types.GenericAlias


def unknown_class(interpreter: Interpreter, bases: tuple[Any, ...], node: ast.ClassDef) -> Unknown:
    return interpreter.runtime.unknown(bases)
