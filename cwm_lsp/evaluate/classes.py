"""Class definitions: real classes, made by their real metaclass, whose methods are functions of the file."""

from __future__ import annotations

import ast
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.adoption import allowed, is_metaclass, settle
from cwm_lsp.evaluate.code import RETURN, Code, Frame, Run
from cwm_lsp.evaluate.expressions import Expressions
from cwm_lsp.evaluate.places import OUTER_CLASS
from cwm_lsp.evaluate.scopes import Scope
from cwm_lsp.evaluate.showing import PLACED, PLACES
from cwm_lsp.evaluate.statements import Statements
from cwm_lsp.evaluate.values import INTERNAL, MISSING, Cell, ClassCell, GaveUp, Unknown, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.compiling import Module

TYPING_KNOWS = sys.version_info[:2] >= PLACED
"""Whether these are no members of a protocol."""
SORTED = (3, 14)
"""From here on the attributes that methods set are in order for certain."""


def class_maker(interpreter: Module, compiler: Expressions, node: ast.ClassDef) -> Run:
    """Compile a class definition to what makes the class."""
    scope = interpreter.scopes[node]
    bases_of = compiler.elements(node.bases)
    calling = compiler.within(node, "call")
    keywords = [(item.arg, compiler.expr(item.value)) for item in node.keywords]
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    runtime = interpreter.runtime
    shared = frozenset(name for name in scope.free if scope.place(name) == "free")
    code = Code(
        scope.name, scope.qualname(runtime.target), first, (), shared, tuple(sorted(scope.free)),
        tuple(sorted(scope.cells)), is_function=False, node=node,
        foreign=interpreter.stepped_over or node in interpreter.foreign, home=interpreter, path=interpreter.path,
    )  # fmt: skip
    doc = ast.get_docstring(node, clean=False)
    annotated = any(isinstance(item, ast.AnnAssign) for statement in node.body for item in own_nodes(statement))
    statements = node.body[1:] if doc is not None else node.body
    attributes = tuple(sorted(attributes_set(node)))
    unordered = len(attributes) > 1 and runtime.target < SORTED

    def compile_body() -> Any:
        inside = Statements(interpreter, scope, None if is_loaded(scope) else interpreter.positions(node, scope))
        naming, documenting = inside.mark(node, "module"), inside.mark(node, "doc")
        leave = inside.mark(node, "return")
        block = in_parts(interpreter, inside, statements)

        def body(frame: Frame) -> Any:
            naming(frame)
            frame.vars["__module__"] = interpreter.namespace.get("__name__")
            frame.vars["__qualname__"] = code.qualname
            if runtime.target >= PLACED:
                frame.vars["__firstlineno__"] = first
            if annotated:
                frame.vars.setdefault("__annotations__", {})
            if doc is not None:
                documenting(frame)
                frame.vars["__doc__"] = doc
            block(frame)
            leave(frame)
            if runtime.target >= PLACED:
                frame.vars["__static_attributes__"] = Unknown() if unordered else attributes
            cell: Any = frame.cells.get("__class__")
            if "__class__" in code.own_cells:
                frame.vars["__classcell__"] = frame.result = cell.cell
            else:
                frame.result = None
            return RETURN

        return body

    code.compile = compile_body

    def cells_of(frame: Frame) -> dict[str, Any]:
        cells: dict[str, Any] = {name: frame.cells[name] for name in code.free}
        if "__class__" in cells and "__class__" in code.own_cells:
            cells[OUTER_CLASS] = cells["__class__"]
        for name in code.own_cells:
            cells[name] = Cell() if name != "__class__" else ClassCell()
        return cells

    def make(frame: Frame) -> Any:
        bases = tuple(bases_of(frame))
        named = {name: run(frame) for name, run in keywords if name is not None}
        calling(frame)
        metaclass = named.get("metaclass", type)
        if any(name is None for name, _ in keywords):
            raise GaveUp(f"line {node.lineno}: keywords of a class that are unpacked are not interpreted")
        if len(bases) == 1 and not named and is_instance(bases[0]):
            entries: dict[str, Any] = {}
            runtime.run(Frame(code, entries, cells_of(frame)))
            return INSTANCES[type(bases[0])](node.name, bases, entries)  # raises the TypeError
        if not all(allowed(interpreter, base) for base in bases) or not is_metaclass(interpreter, metaclass):
            return runtime.unknown(bases)
        resolved = types.resolve_bases(bases)
        chosen, namespace, rest = types.prepare_class(node.name, resolved, named)
        made_by: Any = chosen
        if not is_metaclass(interpreter, chosen):
            return runtime.unknown(bases)
        if not is_a(namespace, dict):
            raise GaveUp(f"line {node.lineno}: a namespace that is no dict is not interpreted")
        cells = cells_of(frame)
        runtime.run(Frame(code, namespace, cells))
        if typing.Protocol in resolved and not TYPING_KNOWS:
            for name in PLACES & namespace.keys():
                dict.pop(namespace, name)
        settle(interpreter, namespace)
        if resolved is not bases:
            namespace["__orig_bases__"] = bases
        made = interpreter.calls.make_class(made_by, [node.name, resolved, namespace], rest)
        if is_a(made, type) and "__class__" in code.own_cells and made is not cells["__class__"].value:
            raise_unfilled(node.name, made, cells["__class__"])
        return made

    return make


INSTANCES: dict[type, Any] = {
    **{kind: kind for kind in (int, float, str, bytes, bool, type(None), list, tuple, dict, set, types.FunctionType)},
    library.Module: types.ModuleType,
}
"""Types of what is no class, and what is called with what should have been one's parts."""


def is_instance(base: Any) -> bool:
    """Whether a base is no class and stands for none."""
    return type(base) in INSTANCES and not hasattr(base, "__mro_entries__")


def is_loaded(scope: Scope) -> bool:
    """Whether the body of a class runs while its module is loaded, whose steps nobody is told."""
    parent = scope.parent
    while parent is not None and parent.kind == "class":
        parent = parent.parent
    return parent is not None and parent.kind == "module"


def in_parts(interpreter: Module, inside: Statements, nodes: Sequence[ast.stmt]) -> Run:
    """The statements of a class. While its module is loaded, one that cannot be followed costs its names alone."""
    lines = [*(node.lineno for node in nodes), None]
    steps = [(node, inside.statement(node, after)) for node, after in zip(nodes, lines[1:], strict=True)]
    unknowing = interpreter.runtime.unknowing

    def run(frame: Frame) -> None:
        for node, do in steps:
            try:
                if do is not None:
                    do(frame)
            except INTERNAL as problem:
                if not unknowing.may_leave_out(frame, node, problem):
                    raise
                unknowing.give_up_part(interpreter, frame, node)

    return run


def attributes_set(node: ast.ClassDef) -> set[str]:
    """The attributes that the methods of a class assign to on `self`, as CPython 3.13 lists them for the class."""
    found: set[str] = set()
    pending: list[ast.AST] = [*node.body]
    while pending:
        match item := pending.pop():
            case ast.Attribute(value=ast.Name("self"), attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.ClassDef():
                continue
            case ast.AugAssign() | ast.AnnAssign(value=None):
                pending += [child for child in ast.iter_child_nodes(item) if child is not item.target]
                continue
        pending += ast.iter_child_nodes(item)
    return found


def raise_unfilled(name: str, made: type, cell: ClassCell) -> None:
    """The error of a metaclass that keeps `__classcell__` to itself, or swaps the class."""
    if cell.value is MISSING:
        raise RuntimeError(
            f"__class__ not set defining {name!r} as {made!r}. Was __classcell__ propagated to type.__new__?"
        )
    raise TypeError(f"__class__ set to {cell.value!r} defining {name!r} as {made!r}")


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those below it in the same scope."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from own_nodes(child)
