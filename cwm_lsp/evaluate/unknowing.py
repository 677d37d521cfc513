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
from types import FunctionType, GeneratorType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.demand import bound
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.loaded import Loaded
from cwm_lsp.evaluate.scopes import TRY
from cwm_lsp.evaluate.values import MISSING, Abandoned, Cell, Left, Overdue, Undetermined, Unknown, mro_of

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Code, Frame
    from cwm_lsp.evaluate.home import Home, Imported
    from cwm_lsp.evaluate.machine import Machine

CACHE = type(functools.lru_cache(id))
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


LOOKS = frozenset(["hasattr", "isinstance", "callable", "type", "id", "repr", "str", "dir", "print"])
"""Builtins that do nothing to a module."""
CHANGING = library.words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse update setdefault add "
    "discard set reset acquire release cache_clear register put put_nowait get_nowait notify notify_all writerow "
    "writerows seed write truncate seek read readline cancel set_result set_exception clear_flags"
)
"""Methods that change their object."""
HOLDERS: frozenset[Any] = frozenset(kind for kind, names in library.METHODS.items() if names & CHANGING) | {
    SimpleNamespace, *rendering.MUTABLE,
}  # fmt: skip
"""Types of the library whose objects have something in them that may be changed."""
MADE_OF = frozenset({
    "__defaults__", "__kwdefaults__", "__code__", "__class__", "__bases__", "__abstractmethods__", "cell_contents",
    "_value_", "__closure__",
})  # fmt: skip
"""Attributes by which a function or class becomes another one."""
Chain = tuple[str, ...]
"""A name, and attributes after it."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the text of some code says of what it may change."""

    mentioned: frozenset[str]
    """Names that it reads."""
    whole: frozenset[Chain]
    """What it may hand on, and so anything may be done with: `os.path` in `g(os.path)`, not in `os.path.sep`."""
    stored: frozenset[Chain]
    """Attributes that it sets or deletes, with what they are of."""
    globals_bound: frozenset[str]
    shared_bound: frozenset[str]
    """Names of functions around it that it binds."""
    deleted: frozenset[str]
    attributes: frozenset[str]
    """Attributes that it sets or deletes."""
    imports: frozenset[tuple[str, int, tuple[str, ...]]]
    """What it imports: a module, its level, and the names taken from it."""
    wild: bool
    """It may set others."""
    opens: bool
    """It may bind any global name of its module."""


@functools.lru_cache(maxsize=4096)
def effects(node: ast.AST) -> Effects:
    """What code may change, by its syntax tree."""
    mentioned, declared, shared, deleted, attributes = set(), set(), set(), set(), set()
    imports: set[tuple[str, int, tuple[str, ...]]] = set()
    whole: set[Chain] = set()
    stored: set[Chain] = set()
    wild = spaces = False
    parts: set[int] = set()
    for inner in ast.walk(node):  # what is inside of another comes after it
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in LOOKS:
            parts.update(map(id, inner.args))
        spaces = spaces or _takes_namespace(inner)
        if isinstance(inner, ast.Name):
            mentioned.add(inner.id)
            wild = wild or inner.id in WILD
            if isinstance(inner.ctx, ast.Del):
                deleted.add(inner.id)
            if id(inner) not in parts:
                whole.add((inner.id,))
        elif isinstance(inner, ast.Attribute):
            parts.add(id(inner.value))
            wild = wild or inner.attr in WILD
            if not isinstance(inner.ctx, ast.Load):
                attributes.add(inner.attr)
                stored.add(chain(inner))
            elif inner.attr in WILD:
                whole.add(chain(inner.value))
            elif id(inner) not in parts:
                whole.add(chain(inner))
        elif isinstance(inner, ast.Global):
            declared.update(inner.names)
        elif isinstance(inner, ast.Nonlocal):
            shared.update(inner.names)
        elif isinstance(inner, ast.Import):
            imports.update((item.name, 0, ()) for item in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            imports.add((inner.module or "", inner.level, tuple(item.name for item in inner.names)))
    return Effects(
        frozenset(mentioned), frozenset(whole), frozenset(stored), frozenset(declared), frozenset(shared),
        frozenset(deleted), frozenset(attributes), frozenset(imports), wild,
        spaces or (wild and "__name__" in mentioned),  # by which its module is found in `sys.modules`
    )  # fmt: skip


def _takes_namespace(node: ast.AST) -> bool:
    """Whether a part of some code gets at the names of its module other than by naming them."""
    match node:
        case ast.Call(ast.Name("vars" | "locals"), args=[]) | ast.Call(ast.Name("exec" | "eval"), args=[_]):
            return True
        case ast.Name("globals") | ast.Attribute(attr="__globals__"):
            return True
    return False


def chain(node: ast.expr) -> Chain:
    """The name and attributes that an expression is; empty for another."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


@functools.lru_cache(maxsize=4096)
def bound_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement binds; `*` for those of a star import."""
    return frozenset(bound(node))


@functools.lru_cache(maxsize=4096)
def surely_bound_by(node: ast.stmt) -> frozenset[str]:
    """Those of the names that a statement binds that are bound after it, whichever way it goes."""
    match node:
        case ast.If():
            return _in_all([node.body, node.orelse])
        case _ if isinstance(node, TRY):
            ways = [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)]  # type: ignore[attr-defined]
            return _in_all(ways) | _in_all([node.finalbody])  # type: ignore[attr-defined]
        case ast.For() | ast.AsyncFor() | ast.While() | ast.Match() | ast.Delete():
            return frozenset()
        case ast.With() | ast.AsyncWith():  # what raises may be caught
            return frozenset().union(*(bound(item.optional_vars) for item in node.items if item.optional_vars))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return frozenset({node.name})
    walrus = {inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr)}
    return bound_by(node) - walrus


@functools.lru_cache(maxsize=4096)
def unbound_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement may unbind: by `del`, or as `except … as name` is left."""
    handlers = {inner.name for inner in ast.walk(node) if isinstance(inner, ast.ExceptHandler) and inner.name}
    return effects(node).deleted | handlers


def _in_all(ways: list[list[ast.stmt]]) -> frozenset[str]:
    """The names that are bound after each of some blocks that is not left."""
    found = [
        frozenset[str]().union(*map(surely_bound_by, way))
        for way in ways
        if not (way and isinstance(way[-1], ast.Raise))
    ]
    return frozenset.intersection(*found) if found else frozenset()


@functools.lru_cache(maxsize=4096)
def catches(node: ast.AST) -> bool:
    """Whether code may catch an exception."""
    return any(isinstance(inner, (*TRY, ast.With, ast.AsyncWith)) for inner in ast.walk(node))


class Unknowing:
    """What code that was given up may have changed, in one evaluation."""

    def __init__(self, runtime: Machine) -> None:
        self.runtime = runtime
        self.given_up: dict[int, Any] = {}
        """Classes of the file, and their instances, whose attributes it may have set, by identity."""
        self.attributes: set[str] = set()
        """The names of those attributes."""
        self.wild = False
        """They may be any."""
        self.frames: Mapping[Any, Frame] = {}
        """Those of generators."""
        self.imports: Imported
        """Set by those."""

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
        reach = Reach(self)
        reach.of_frame(frame)
        reach.go()

    def give_up_statement(self, module: Home, node: ast.stmt) -> None:
        """A statement of the top level of a module was given up."""
        module.imports.files.given_up(node)
        found = effects(node)
        reach = Reach(self)
        reach.note(found)
        reach.look_up(found, module.namespace, module, without=bound_by(node))
        reach.named += module.imports.touched_by(found.imports, module.package)
        reach.go()
        if found.opens:
            module.forget_all()

    def may_leave_out(self, frame: Frame, node: ast.stmt, problem: BaseException) -> bool:
        """Whether what comes after a statement of a class can be known although that could not be followed."""
        runtime = self.runtime
        if runtime.tracing or not runtime.loading or isinstance(problem, Abandoned | Overdue | Left):
            return False
        runtime.check()
        return not runtime.is_guarded() and type(frame.vars) is dict and bound_by(node) == surely_bound_by(node)

    def give_up_part(self, module: Home, frame: Frame, node: ast.stmt) -> None:
        """A statement of a class was given up: what it binds or may change is unknown."""
        module.imports.files.given_up(node)
        found = effects(node)
        reach = Reach(self)
        reach.note(found)
        reach.look_up(found, module.namespace, module)
        reach.look_up(
            found, {name: cell.value for name, cell in frame.cells.items() if cell.value is not MISSING}, module
        )
        reach.look_up(found, frame.vars, module)
        reach.named += module.imports.touched_by(found.imports, module.package)
        reach.go()
        if found.opens:
            module.forget_all()
        self.runtime.frame = frame
        for name in bound_by(node):
            frame.vars[name] = unknown = Unknown()
            unknown.decorated = True

    def called_by_others(self, values: Iterable[Any]) -> None:
        """Code that is not known may call these functions and methods of these objects, and change these modules."""
        handed = []
        for value in values:
            if type(value) is library.Module:
                self.imports.disturb(value)
            else:
                handed.append(value)
        self.reach(handed)

    def set_any(self, value: Any = None) -> None:
        """An attribute of a value was set or deleted, and which one is not known."""
        if type(value) is library.Module:
            self.imports.disturb(value)
        elif not self.runtime.tracing:
            self.wild = True
            self.given_up[id(value)] = value

    def reach(self, values: Iterable[Any]) -> None:
        """Take everything that can be reached from some values as changed."""
        reach = Reach(self)
        reach.pending += values
        reach.go()

    # asking

    def may_differ(self, value: Any, name: str) -> bool:
        """Whether code that was given up may have set or deleted `value.name`."""
        if not (self.wild or name in self.attributes):
            return False
        kind = value if isinstance(value, type) else type(value)
        return id(value) in self.given_up or any(id(base) in self.given_up for base in mro_of(kind))

    def may_show_otherwise(self, value: Any) -> bool:
        """Whether it may have changed what an instance shows of itself."""
        if id(value) not in self.given_up:
            return False
        if self.wild:
            return True
        kind = value if isinstance(value, type) else type(value)
        names = getattr(value, "__dict__", {})
        return any(name in names or any(name in vars(base) for base in mro_of(kind)) for name in self.attributes)


class Reach:
    """Everything that some code can reach, which is taken as changed."""

    def __init__(self, unknowing: Unknowing) -> None:
        self.unknowing = unknowing
        self.runtime = unknowing.runtime
        self.pending: list[Any] = []
        """Values."""
        self.codes: list[tuple[Code, Mapping[str, Cell]]] = []
        """Code, and the variables around it that it has."""
        self.seen: set[int] = set()
        self.modules: dict[int, library.Module] = {}
        self.handed: dict[int, library.Module] = {}
        self.named: list[library.Module] = []
        """Modules of which it names attributes, and can do no more with."""
        self.whole: list[library.Module] = []
        """Those with which it may do anything."""
        self.stored: list[tuple[library.Module, str]] = []
        """Their attributes that it sets or deletes."""
        self.attributes: set[str] = set()
        self.wild = False
        self.opened: list[Home] = []
        """Modules of which it may bind any name."""

    def note(self, found: Effects) -> None:
        self.attributes |= found.attributes
        self.wild = self.wild or found.wild

    def look_up(
        self, found: Effects, variables: Mapping[str, Any], home: Home | None, without: Iterable[str] = ()
    ) -> None:
        """What code of a module reads of some variables."""
        for name in found.mentioned.difference(without):
            value = variables.get(name)
            if type(value) is library.Module:
                self.named.append(value)
            elif value is not None:
                self.pending.append(value)
        if home is not None and home.of_library:
            return  # it changes no module but those that it is given
        for names in found.whole:
            if names[-1:] == ("register",):
                self.registered(variables.get(names[0]))
            value = member_of(names, variables)
            if type(value) is library.Module or type(value) is Loaded:
                self.pending.append(value)
        for names in found.stored:
            module = member_of(names[:-1], variables)
            if type(module) is library.Module:
                self.stored.append((module, names[-1]))

    def registered(self, value: Any) -> None:
        """Something may have been registered with a generic function or an abstract class, or not."""
        if type(value) is FunctionType and body_of(value) is None:
            self.runtime.poisoned[id(value)] = value
        elif isinstance(value, type):
            self.runtime.give_up(f"whether another class is registered with {value.__name__} is not known")

    def of_frame(self, frame: Frame) -> None:
        """What a frame that was left half-way can reach."""
        found = effects(frame.code.node)
        self.codes.append((frame.code, frame.cells))
        self.look_up(found, frame.vars, frame.code.home)
        self.pending += [value for value in frame.vars.values() if type(value) is not library.Module]

    def go(self) -> None:
        """Follow what has been reached to its end."""
        unknowing = self.unknowing
        while self.pending or self.codes or self.whole or self.named:
            while self.codes:
                code, cells = self.codes.pop()
                if id(code) not in self.seen:
                    self.seen.add(id(code))
                    self.of_code(code, cells)
            if self.pending:
                value = self.pending.pop()
                if type(value) not in rendering.ATOMS and id(value) not in self.seen:
                    self.seen.add(id(value))
                    self.of_value(value)
            while self.whole:
                self.of_module(self.whole.pop(), handed=True)
            while self.named:
                self.of_module(self.named.pop(), handed=False)
        if self.attributes & MADE_OF:
            self.runtime.give_up("code that is not known may make something else of functions or classes")
        unknowing.attributes |= self.attributes
        unknowing.wild = unknowing.wild or self.wild
        for module in self.modules.values():
            for name in self.attributes:
                unknowing.imports.may_change(module, name)
        for module, name in self.stored:
            unknowing.imports.patched(module, name)
        if self.wild:
            for module in self.handed.values():
                unknowing.imports.disturb(module)
        for home in self.opened:
            home.forget_all()

    def of_module(self, module: library.Module, *, handed: bool) -> None:
        """What a module leads to; `handed`: something may be done with it that the text of the code does not name."""
        if handed:
            self.handed[id(module)] = module
        if id(module) in self.modules:
            return
        self.modules[id(module)] = module
        if module.name not in library.MODULES and module.load is None:
            for value in module.members.values():
                if type(value) is library.Module:
                    self.named.append(value)
                else:
                    self.pending.append(value)

    def of_code(self, code: Code, cells: Mapping[str, Cell]) -> None:
        """What code can reach by its variables; those that it binds outside of itself are unknown from now on."""
        if code.node is None:
            return
        found = effects(code.node)
        self.note(found)
        home: Home | None = code.home
        if home is not None:
            for name in found.globals_bound:
                home.forget_name(name, bound=name in home.namespace and name not in found.deleted)
            self.look_up(found, home.namespace, home)
            if found.opens:
                self.opened.append(home)
            self.named += home.imports.touched_by(found.imports, home.package)
        for name in found.shared_bound & cells.keys():
            cells[name].value = Unknown()
            if name in found.deleted:
                self.runtime.give_up(f"whether the variable {name} of a function around is deleted is not known")
        self.look_up(found, {name: cell.value for name, cell in cells.items() if cell.value is not MISSING}, home)

    def of_value(self, value: Any) -> None:
        """What a value leads to; if it can be changed, it is not known any more."""
        runtime, pending = self.runtime, self.pending
        kind = type(value)
        body = body_of(value)
        if body is not None:
            self.codes.append((body.code, body.cells))
            pending += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *vars(value).values()]
        elif kind is GeneratorType and value in self.unknowing.frames:
            runtime.poisoned[id(value)] = value  # it may have been resumed
            self.of_frame(self.unknowing.frames[value])
        elif kind is MethodType:
            pending += [value.__self__, value.__func__]
        elif kind is CACHE:
            runtime.poisoned[id(value)] = value
            pending.append(value.__wrapped__)
        elif isinstance(value, staticmethod | classmethod):
            pending.append(value.__func__)
        elif isinstance(value, property):
            pending += [value.fget, value.fset, value.fdel]
        elif isinstance(value, type):
            if value in runtime.classes:
                self.unknowing.given_up[id(value)] = value
                pending += [*vars(value).values(), *mro_of(value)]
        elif kind is library.Module:
            self.whole.append(value)
        elif kind is Loaded:
            value.forget()
        else:
            if kind in runtime.classes:
                self.unknowing.given_up[id(value)] = value
                pending.append(kind)
            changes = kind in HOLDERS or isinstance(value, list | dict | set | bytearray | BaseException)
            if changes or hasattr(kind, "__next__"):
                runtime.poisoned[id(value)] = value
            pending += runtime.inside(value)


def member_of(names: Chain, variables: Mapping[str, Any]) -> Any:
    """What a name is, or a member of a module with that name; None for anything else."""
    value = variables.get(names[0]) if names else None
    for name in names[1:]:
        value = value.members.get(name) if type(value) is library.Module else None
    return value
