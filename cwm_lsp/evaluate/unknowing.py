"""Code that is given up half-way, outside of the traced call: what it might have changed is not known any more.

Before the traced call begins, modules are loaded and arguments are made, by functions of the program too. Where one of
them meets something unknown that decides how it goes on, it cannot be followed to its end; what comes after it can, if
all that it may still have done is taken as done and not done. What it may change is what it can reach.
"""

from __future__ import annotations

import ast
import decimal
import functools
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import FunctionType, GeneratorType, MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.everyday import StandIn
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.loaded import Loaded
from cwm_lsp.evaluate.mentions import Chain, Effects, bound_by, effects, is_special, may_never_end, surely_bound_by
from cwm_lsp.evaluate.states import EVERYWHERE, OBJECTS, objects_of, redirected
from cwm_lsp.evaluate.values import (
    MISSING,
    Abandoned,
    Cell,
    Left,
    Overdue,
    Undetermined,
    Unknown,
    defines,
    is_a,
    mro_of,
    names_of,
)

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Code, Frame
    from cwm_lsp.evaluate.home import Home, Imported
    from cwm_lsp.evaluate.machine import Machine

CACHE = type(functools.lru_cache(id))
CHANGING = library.words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse update setdefault add "
    "discard set reset acquire release cache_clear register put put_nowait get_nowait notify notify_all writerow "
    "writerows seed write truncate seek read readline cancel set_result set_exception clear_flags __setitem__ "
    "__delitem__"
)
"""Methods that change their object."""
HOLDERS: frozenset[Any] = frozenset(kind for kind, names in library.METHODS.items() if names & CHANGING) | {
    SimpleNamespace, *rendering.MUTABLE,
}  # fmt: skip
"""Types of the library whose objects have something in them that may be changed."""
MADE_OF = frozenset({"cell_contents", "_value_"})
"""Attributes by which a function or an object becomes another one, besides special ones."""
TOLD = library.words(
    "__name__ __qualname__ __doc__ __module__ __wrapped__ __annotations__ __dict__ __cause__ __context__ __notes__ "
    "__suppress_context__ __traceback__ __signature__ __version__ __author__ __all__ __file__ __path__"
)
"""Special attributes that are asked for by their names alone."""


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
        self.adrift = False
        """What is not known may be the names of a module."""
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
        if (runtime.entered and not runtime.loading) or may_never_end(frame.code.node, problem):
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

    def give_up_within(self, module: Home, frame: Frame, node: ast.expr | ast.stmt) -> None:
        """A statement or an expression was given up in a frame that goes on."""
        module.imports.files.given_up(node)
        found = effects(node)
        reach = Reach(self)
        reach.note(found, module)
        reach.look_up(found, module.namespace, module)
        reach.look_up(found, known_of(frame.cells), module)
        if frame.vars is not module.namespace:
            reach.look_up(found, frame.vars, module)
        reach.go()

    def give_up_statement(self, module: Home, node: ast.stmt) -> None:
        """A statement of the top level of a module was given up."""
        module.imports.files.given_up(node)
        found = effects(node)
        reach = Reach(self)
        reach.note(found, module)
        reach.look_up(found, module.namespace, module)
        reach.go()

    def may_leave_out(self, frame: Frame, node: ast.stmt, problem: BaseException) -> bool:
        """Whether what comes after a statement of a class can be known although that could not be followed."""
        runtime = self.runtime
        if runtime.tracing or not runtime.loading or isinstance(problem, Abandoned | Overdue | Left):
            return False
        if may_never_end(node, problem):
            return False
        runtime.check()
        return not runtime.is_guarded() and type(frame.vars) is dict and bound_by(node) == surely_bound_by(node)

    def give_up_part(self, module: Home, frame: Frame, node: ast.stmt) -> None:
        """A statement of a class was given up: what it binds or may change is unknown."""
        self.give_up_within(module, frame, node)
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

    def may_call(self, values: Iterable[Any]) -> None:
        """An operation that is not known may call what is among these values, or special methods of it, or go on with
        iterators among them."""
        runtime = self.runtime
        if runtime.tracing:
            return
        called = []

        def looked_at(value: Any) -> bool:
            kind = type(value)
            goes_on = defines(kind, "__next__") and not issubclass(kind, StandIn | Unknown)
            if goes_on or kind in runtime.classes or kind is MethodType or body_of(value) is not None:
                called.append(value)
            return False

        runtime.reaches(values, looked_at)
        if called:
            self.reach(called)

    def unknown_changed(self) -> None:
        """What is not known was changed, or called, or given to code that is not known."""
        if self.adrift:
            for home in self.runtime.homes.values():
                if not home.of_library:
                    home.forget_all(unbound=True)

    def called_as(self, name: str) -> None:
        """Something that is not known was called by a name."""
        if not self.runtime.tracing:
            reach = Reach(self)
            reach.words.add(name)
            reach.go()

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
        reach.changed |= {type(value).__module__ for value in reach.pending} & OBJECTS.keys()
        reach.go()

    # asking

    def may_differ(self, value: Any, name: str) -> bool:
        """Whether code that was given up may have set or deleted `value.name`."""
        if not (self.wild or name in self.attributes):
            return False
        kind = value if is_a(value, type) else type(value)
        return id(value) in self.given_up or any(id(base) in self.given_up for base in mro_of(kind))

    def may_show_otherwise(self, value: Any) -> bool:
        """Whether it may have changed what an instance shows of itself."""
        if id(value) not in self.given_up:
            return False
        if type(value) is FunctionType:
            return "__qualname__" in self.attributes
        if self.wild:
            return True
        kind = value if is_a(value, type) else type(value)
        names = rendering.attributes_of(value) or ()
        return any(name in names or any(name in names_of(base) for base in mro_of(kind)) for name in self.attributes)


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
        self.unbinds = False
        """It may unbind them."""
        self.made_of: set[str] = set()
        """Attributes that code of the program sets or deletes."""
        self.words: set[str] = set()
        """Names in its text that tell of a state of the process."""
        self.changed: set[str] = set()
        """Modules whose state it may change, of those that have one in their objects."""
        self.aside: list[tuple[str, Any]] = []
        """Objects of such modules, which may not be among them."""

    def note(self, found: Effects, home: Home | None) -> None:
        """What code says of what it may change without having it."""
        self.attributes |= found.attributes
        self.wild = self.wild or found.wild
        if home is None:
            return
        if not home.of_library:
            self.made_of |= found.attributes
        if not home.of_library or home.module_name.partition(".")[0] in OBJECTS:
            self.words |= found.words
        if found.opens:
            self.opened.append(home)
        self.unbinds = self.unbinds or found.unbinds
        self.named += home.imports.touched_by(found.imports, home.package)

    def look_up(self, found: Effects, variables: Mapping[str, Any], home: Home | None) -> None:
        """What code of a module reads of some variables."""
        for name in found.mentioned:
            value = variables.get(name)
            if type(value) is library.Module:
                self.named.append(value)
            elif value is not None:
                self.pending.append(value)
        if home is not None and home.of_library:
            return  # it changes no module but those that it is given
        for names in found.whole:
            if names[-1:] == ("register",):
                self.registered(member_of(names[:-1], variables) or variables.get(names[0]))
            value = member_of(names, variables)
            if type(value) is library.Module or type(value) is Loaded:
                self.pending.append(value)
        for names in found.stored:
            module = member_of(names[:-1], variables)
            if type(module) is library.Module:
                self.stored.append((module, names[-1]))
            elif isinstance(module, type) and module not in self.runtime.classes:
                self.runtime.give_up(f"code that is not known may change {module.__name__}, which is of the library")

    def registered(self, value: Any) -> None:
        """Something may have been registered with a generic function or an abstract class, or not."""
        if type(value) is FunctionType and body_of(value) is None:
            self.runtime.poisoned[id(value)] = value
        elif is_a(value, type):
            self.runtime.give_up(f"whether another class is registered with {value.__name__} is not known")

    def of_frame(self, frame: Frame) -> None:
        """What a frame that was left half-way can reach."""
        if frame.code.node is None:
            return
        found = effects(frame.code.node)
        self.codes.append((frame.code, frame.cells))
        self.look_up(found, frame.vars, frame.code.home)
        self.pending += [value for value in frame.vars.values() if type(value) is not library.Module]

    def go(self) -> None:
        """Follow what has been reached to its end."""
        unknowing = self.unknowing
        self.pending += redirected(unknowing.imports)
        while self.more():
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
        if self.made_of & MADE_OF or any(map(is_special, self.made_of - TOLD)):
            self.runtime.give_up("code that is not known may make something else of functions or classes")
        for state in EVERYWHERE:
            if state.words & self.words:
                self.runtime.give_up(f"code that is not known may change {state.what}")
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
            home.forget_all(unbound=self.unbinds)

    def more(self) -> bool:
        """Whether something that has been reached has not been followed yet."""
        if not (self.pending or self.codes or self.whole or self.named):
            for name in OBJECTS.keys() - self.changed:
                if OBJECTS[name] & self.words:
                    self.changed.add(name)
                    self.pending += objects_of(self.unknowing.imports, name)
            aside, self.aside = self.aside, []
            for name, value in aside:
                self.seen.discard(id(value))
                if name in self.changed:
                    self.pending.append(value)
                else:
                    self.aside.append((name, value))
        return bool(self.pending or self.codes or self.whole or self.named)

    def of_module(self, module: library.Module, *, handed: bool) -> None:
        """What a module leads to; `handed`: something may be done with it that the text of the code does not name."""
        if handed:
            self.handed[id(module)] = module
        if id(module) in self.modules or self.is_put_aside(module.name, module):
            return
        self.modules[id(module)] = module
        if module.name not in library.MODULES and module.load is None:
            for value in module.members.values():
                if type(value) is library.Module:
                    self.named.append(value)
                else:
                    self.pending.append(value)

    def is_put_aside(self, name: str, value: Any) -> bool:
        """Whether an object of the module with that name waits for something that may change its state."""
        if name not in OBJECTS or name in self.changed:
            return False
        self.aside.append((name, value))
        return True

    def of_code(self, code: Code, cells: Mapping[str, Cell]) -> None:
        """What code can reach by its variables; those that it binds outside of itself are unknown from now on."""
        if code.node is None:
            return
        found = effects(code.node)
        home: Home | None = code.home
        self.note(found, home)
        if home is not None:
            for name in found.globals_bound:
                home.forget_name(name, bound=name in home.namespace and name not in found.deleted)
            self.look_up(found, home.namespace, home)
        for name in found.shared_bound & cells.keys():
            cells[name].value = Unknown()
            if name in found.deleted:
                self.runtime.give_up(f"whether the variable {name} of a function around is deleted is not known")
        self.look_up(found, known_of(cells), home)

    def of_value(self, value: Any) -> None:
        """What a value leads to; if it can be changed, it is not known any more."""
        runtime, pending = self.runtime, self.pending
        kind = type(value)
        body = body_of(value)
        if body is not None:
            self.unknowing.given_up[id(value)] = value
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
        elif kind is FunctionType:  # that the library has made around another
            pending += [*known_of_closure(value), *vars(value).values()]
        elif is_a(value, staticmethod | classmethod):
            pending.append(value.__func__)
        elif is_a(value, functools.cached_property):
            pending.append(value.func)
            if value.attrname is not None:
                self.attributes.add(value.attrname)  # which it sets where it is read
        elif is_a(value, property):
            pending += [value.fget, value.fset, value.fdel]
        elif is_a(value, type):
            if value in runtime.classes:
                self.unknowing.given_up[id(value)] = value
                pending += [*names_of(value).values(), *mro_of(value)]
        elif kind is Unknown:
            if value.leads_to is not None:
                pending.append(value.leads_to())
        elif kind is library.Module:
            self.whole.append(value)
        elif kind is Loaded:
            value.forget()
        elif kind is decimal.Context:
            runtime.give_up("code that is not known may change a context of decimal numbers")
        elif id(value) in runtime.homes:
            self.opened.append(runtime.homes[id(value)])
        elif kind in runtime.classes and self.is_put_aside(kind.__module__, value):
            return
        else:
            if kind in runtime.classes:
                self.unknowing.given_up[id(value)] = value
                pending.append(kind)
            kinds = mro_of(kind)
            changes = any(base in HOLDERS for base in kinds) or is_a(value, BaseException)
            if changes or hasattr(kind, "__next__"):
                runtime.poisoned[id(value)] = value
            pending += runtime.inside(value)


def member_of(names: Chain, variables: Mapping[str, Any]) -> Any:
    """What a name is, or a member of a module with that name; None for anything else."""
    value = variables.get(names[0]) if names else None
    for name in names[1:]:
        value = value.members.get(name) if type(value) is library.Module else None
    return value


def known_of_closure(function: FunctionType) -> list[Any]:
    """What a function of the library has of those around it."""
    found = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # it is empty
            found.append(cell.cell_contents)
    return found


def known_of(cells: Mapping[str, Cell]) -> dict[str, Any]:
    """The variables of functions around that are bound."""
    return {name: cell.value for name, cell in cells.items() if cell.value is not MISSING}
