"""Code that is given up half-way, outside of the traced call: what it might have changed is not known any more.

Before the traced call begins, modules are loaded and arguments are made, by functions of the program too. Where one of
them meets something unknown that decides how it goes on, it cannot be followed to its end; what comes after it can, if
all that it may still have done is taken as done and not done. What it may change is what it can reach.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import GeneratorType, MethodType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.demand import bound
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.scopes import TRY
from cwm_lsp.evaluate.values import MISSING, Abandoned, Cell, Left, Overdue, Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Code, Frame
    from cwm_lsp.evaluate.interpreter import Interpreter
    from cwm_lsp.evaluate.runtime import Runtime

WILD = frozenset(
    [
        "setattr",
        "delattr",
        "exec",
        "eval",
        "globals",
        "locals",
        "vars",
        "__dict__",
        "__setattr__",
        "__delattr__",
        "update_wrapper",
        "wraps",
    ]
)
"""Names by which code may set attributes that its text does not name."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the text of some code says of what it may change."""

    mentioned: frozenset[str]
    """Names that it reads."""
    globals_bound: frozenset[str]
    shared_bound: frozenset[str]
    """Names of functions around it that it binds."""
    attributes: frozenset[str]
    """Attributes that it sets or deletes."""
    imports: frozenset[tuple[str, int, tuple[str, ...]]]
    """What it imports: a module, its level, and the names taken from it."""
    wild: bool
    """It may set others."""


@functools.lru_cache(maxsize=4096)
def effects(node: ast.AST) -> Effects:
    """What code may change, by its syntax tree."""
    mentioned, declared, shared, attributes = set(), set(), set(), set()
    imports: set[tuple[str, int, tuple[str, ...]]] = set()
    wild = False
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            mentioned.add(inner.id)
            wild = wild or inner.id in WILD
        elif isinstance(inner, ast.Attribute):
            if not isinstance(inner.ctx, ast.Load):
                attributes.add(inner.attr)
            wild = wild or inner.attr in WILD
        elif isinstance(inner, ast.Global):
            declared.update(inner.names)
        elif isinstance(inner, ast.Nonlocal):
            shared.update(inner.names)
        elif isinstance(inner, ast.Import):
            imports.update((item.name, 0, ()) for item in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            imports.add((inner.module or "", inner.level, tuple(item.name for item in inner.names)))
    return Effects(
        frozenset(mentioned), frozenset(declared), frozenset(shared), frozenset(attributes), frozenset(imports), wild
    )


@functools.lru_cache(maxsize=4096)
def bound_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement binds; `*` for those of a star import."""
    return frozenset(bound(node))


@functools.lru_cache(maxsize=4096)
def catches(node: ast.AST) -> bool:
    """Whether code may catch an exception."""
    return any(isinstance(inner, (*TRY, ast.With, ast.AsyncWith)) for inner in ast.walk(node))


class Unknowing:
    """What code that was given up may have changed, in one evaluation."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.given_up: dict[int, Any] = {}
        """Classes of the file, and their instances, whose attributes it may have set, by identity."""
        self.attributes: set[str] = set()
        """The names of those attributes."""
        self.wild = False
        """They may be any."""
        self.frames: Mapping[Any, Frame] = {}
        """Those of generators."""

    # giving up

    def may_go_on(self, frame: Frame, problem: BaseException) -> bool:
        """Whether what comes after a function can be known although the function could not be followed to its end."""
        runtime = self.runtime
        if runtime.closed or not frame.code.is_function or isinstance(problem, Abandoned | Overdue | Left):
            return False
        if runtime.tracing:
            return frame.code.foreign and type(problem) is Undetermined
        if runtime.entered and not runtime.loading:
            return False
        runtime.check()
        return not runtime.is_guarded()

    def give_up(self, frame: Frame) -> Unknown:
        """The result of a function that is given up."""
        self.lost(frame)
        return self.runtime.unknown() if self.runtime.tracing else Unknown()

    def lost(self, frame: Frame) -> None:
        """A frame was left half-way."""
        for generator, its in self.frames.items():
            if its is frame:
                self.runtime.poisoned[id(generator)] = generator
        if frame.code.home is not None:
            frame.code.home.imports.files.given_up(frame.code.node)
        self.reach([*frame.vars.values()], [(frame.code, frame.cells)])

    def give_up_statement(self, module: Interpreter, node: ast.stmt) -> None:
        """A statement of the top level of a module was given up."""
        module.imports.files.given_up(node)
        found = effects(node)
        self.note(found)
        names = found.mentioned - bound_by(node)
        reached = [module.namespace[name] for name in names if name in module.namespace]
        self.reach([*reached, *module.imports.touched_by(found.imports, module.package)], [])

    def called_by_others(self, values: Iterable[Any]) -> None:
        """Code that is not known may call these functions."""
        self.reach([value for value in values if body_of(getattr(value, "__func__", value)) is not None], [])

    def note(self, found: Effects) -> None:
        self.attributes |= found.attributes
        self.wild = self.wild or found.wild

    def reach(self, values: list[Any], codes: list[tuple[Code, dict[str, Cell]]]) -> None:
        """Take everything that code can reach, from the values and variables that it has, as changed."""
        runtime = self.runtime
        pending, seen = list(values), set()
        modules: list[library.Module] = []
        waiting = list(codes)
        while pending or waiting:
            while waiting:
                code, cells = waiting.pop()
                if id(code) in seen:
                    continue
                seen.add(id(code))
                pending += self.of_code(code, cells)
            if not pending:
                break
            value = pending.pop()
            if type(value) in rendering.ATOMS or id(value) in seen:
                continue
            seen.add(id(value))
            kind = type(value)
            body = body_of(value)
            if body is not None:
                waiting.append((body.code, body.cells))
                pending += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *vars(value).values()]
            elif kind is GeneratorType and value in self.frames:
                runtime.poisoned[id(value)] = value  # it may have been resumed
                frame = self.frames[value]
                waiting.append((frame.code, frame.cells))
                pending += frame.vars.values()
            elif kind is MethodType:
                pending += [value.__self__, value.__func__]
            elif isinstance(value, staticmethod | classmethod):
                pending.append(value.__func__)
            elif isinstance(value, property):
                pending += [value.fget, value.fset, value.fdel]
            elif isinstance(value, type):
                if value in runtime.classes:
                    self.given_up[id(value)] = value
                    pending += [*vars(value).values(), *value.__mro__]
            elif kind is library.Module:
                modules.append(value)
                self.given_up[id(value)] = value
                if value.name not in library.MODULES and value.load is None:
                    pending += value.members.values()
            else:
                if kind in runtime.classes:
                    self.given_up[id(value)] = value
                    pending.append(kind)
                changes = kind in rendering.MUTABLE or isinstance(value, list | dict | set | bytearray)
                if changes or hasattr(kind, "__next__"):
                    runtime.poisoned[id(value)] = value
                pending += runtime.inside(value)
        for module in modules:
            for name in module.members.keys() & self.attributes:
                module.members[name] = Unknown()

    def of_code(self, code: Code, cells: dict[str, Cell]) -> list[Any]:
        """What code can reach by its variables; those that it binds outside of itself are unknown from now on."""
        found = effects(code.node) if code.node is not None else None
        if found is None:
            return []
        self.note(found)
        namespace = code.home.namespace if code.home is not None else {}
        reached: list[Any] = []
        for name in found.globals_bound:
            namespace[name] = Unknown()
        reached += [namespace[name] for name in found.mentioned if name in namespace]
        if code.home is not None:
            reached += code.home.imports.touched_by(found.imports, code.home.package)
        for name, cell in cells.items():
            if name in found.shared_bound:
                cell.value = Unknown()
            elif cell.value is not MISSING:
                reached.append(cell.value)
        return reached

    # asking

    def may_differ(self, value: Any, name: str) -> bool:
        """Whether code that was given up may have set or deleted `value.name`."""
        if not (self.wild or name in self.attributes):
            return False
        kind = value if isinstance(value, type) else type(value)
        return id(value) in self.given_up or any(id(base) in self.given_up for base in kind.__mro__)

    def may_show_otherwise(self, value: Any) -> bool:
        """Whether it may have changed what an instance shows of itself."""
        if id(value) not in self.given_up:
            return False
        if self.wild:
            return True
        kind = value if isinstance(value, type) else type(value)
        names = getattr(value, "__dict__", {})
        return any(name in names or any(name in vars(base) for base in kind.__mro__) for name in self.attributes)
