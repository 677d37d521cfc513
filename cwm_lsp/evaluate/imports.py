"""`import`: the modules of one evaluation, which all share its runtime.

A module is one of three things: a part of the allow-list (`library`), whose members are Python's own; the source of a
file, interpreted like the file of the call; or not known. Which file that is, `source.modules` says.
"""

from __future__ import annotations

import ast
import functools
import importlib
import itertools
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import everyday, library, patches
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.listed import compiled, listed_classes, starred
from cwm_lsp.evaluate.loaded import Loaded
from cwm_lsp.evaluate.mentions import imports_of
from cwm_lsp.evaluate.parsing import known, parsed
from cwm_lsp.evaluate.reading import Files
from cwm_lsp.evaluate.values import MISSING, GaveUp, Undetermined, Unknown
from cwm_lsp.evaluate.world import OURS, STAND_INS, World, nowhere
from cwm_lsp.source.modules import Found

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context
    from cwm_lsp.evaluate.home import Home

MOST_NESTED = 80
"""Imports within each other: each takes up to nine frames of the 1,000 that there may be."""
MOST_MODULES = 400
"""Files that one evaluation may interpret."""
MOST_BYTES = 16 << 20
"""Their text altogether."""


class Imports:
    """The imports of one evaluation: every one has modules of its own, which it may change."""

    def __init__(self, interpreter: Context, world: World | None) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.world = world or nowhere()
        self.rooted = world is not None and world.finder.complete
        """What is not found is not there."""
        self.modules: dict[str, Any] = {}
        self.main: library.Module | None = None
        """That of the call, where its packages are interpreted before it."""
        self.files = Files(self.world.disk)
        self.read: dict[Path, str] = {}
        """The files that were interpreted, with their text."""
        self.own: list[str] = []
        """Those that are not of the library."""
        self.bytes = 0
        self.lost = False
        """What a program imports from now on is not known."""
        self.loading: set[str] = set()
        """Modules whose body is under way."""
        self.builtins: dict[str, Any] = {}
        """What the program has made of builtin names."""
        self.doubtful: frozenset[str] = frozenset()
        """Builtin names that the Python that would run the program may not have, or that ours has not."""
        self.bodies: dict[str, Home] = {}
        """Those of other files."""
        self.runtime.unknowing.imports = self
        self.compiled: set[str] = set()
        """Modules that are written in C and not in the table."""
        self.put_off: list[library.Module] = []
        """Installed modules that were imported and have not been looked into, in order."""

    # the module of the call

    def begins_with_package(self, tree: ast.Module) -> bool:
        """Whether its packages are to be interpreted before it, as they are imported before it: what it imports of
        them would do so from within, and they may change it. Large ones are spared where neither can be."""
        finder = self.world.finder
        *packages, last = finder.main_name.split(".")
        if not packages or finder.main_name in library.MODULES or finder.of_library:
            return False
        if any(imports_of(node, packages[0]) for node in ast.walk(tree)):
            return True
        found = map(finder.find, itertools.accumulate(packages, "{}.{}".format))
        return any(last in (self.world.read(one.path) or "") for one in found if one is not None and one.path)

    def from_package(self, main: library.Module) -> None:
        """Interpret the packages that the call's file is in, and its body where they first import it, or then."""
        self.main = self.modules.pop(main.name)
        package = main.name.rpartition(".")[0]
        with suppress(Exception, Undetermined):  # they fail: it is not imported really, and told as if they did not
            found = self.find(package)
            if type(found) is not Unknown:
                found.ready()
        self.modules[main.name] = main
        main.ready()
        found = self.modules.get(package)
        if type(found) is library.Module:
            found.members.setdefault(main.name.rpartition(".")[2], main)

    # modules by name

    def find(self, name: str) -> Any:
        """The module called `name`, or an `Unknown`; raises ModuleNotFoundError where there certainly is none."""
        if name in self.modules:
            found = self.modules[name]
            if found is None:
                raise ModuleNotFoundError(f"import of {name} halted; None in sys.modules", name=name)
            return found if type(found) is not Unknown else self.runtime.unknown()
        parent = name.rpartition(".")[0]
        around = self.find(parent) if parent else None
        if type(around) is Unknown:
            return self.runtime.unknown()
        if name in self.modules:  # importing the package has imported it
            return self.modules[name]
        module = self.make(name, around)
        if type(module) is Unknown:
            return module
        if around is not None:
            around.members[name.rpartition(".")[2]] = module
        return module

    def make(self, name: str, around: Any) -> Any:
        finder = self.world.finder
        if self.main is not None and name == self.main.name:
            self.modules[name] = self.main
            self.main.ready()
            return self.main
        if name in self.world.named:
            path = self.world.named[name]
            ours = path.is_relative_to(OURS)
            return self.found(Found(name, "source", path, library=ours, installed=ours))
        if self.lost or finder.shadowed(name):
            return self.runtime.unknown()
        listed = library.MODULES.get(name)
        if listed is not None:
            own = everyday.fresh(name)
            if name == "sys":
                own = {**own, **everyday.of_version(finder.own.version), "modules": Loaded(self)}
            dialect = self.runtime.dialect
            perhaps = dialect.doubtful_of(name) if dialect is not None else frozenset()
            members = {one: value for one, value in {**listed.members, **own}.items() if one not in perhaps}
            module = self.modules[name] = library.Module(listed.name, members)
            module.perhaps |= perhaps
            if name not in library.WHOLE:
                module.rest = functools.partial(self.from_source, name)
            return module
        found = finder.find(name)
        if name in STAND_INS and (found is None or found.library):
            return self.found(Found(name, "source", STAND_INS[name], library=True, installed=True))
        if found is None:
            other = self.runtime.dialect is not None and self.runtime.dialect.differs  # may have it built in
            certain = self.rooted or name.partition(".")[0] in sys.stdlib_module_names
            certain = certain and not (other and name.startswith("_"))
            if not certain or (around is not None and around.name in library.MODULES):
                return self.runtime.unknown()
            more = "" if around is None or self.is_package(around) else f"; '{around.name}' is not a package"
            raise ModuleNotFoundError(f"No module named '{name}'{more}", name=name)
        return self.found(found)

    def is_package(self, module: library.Module) -> bool:
        """Whether a module may have others inside."""
        found = self.world.finder.find(module.name)
        return "__path__" in module.members or (found is not None and (found.is_package or found.kind == "namespace"))

    def found(self, found: Found) -> Any:
        """The module of a file, which is interpreted at once if it is of the user's own."""
        name = found.name
        if found.kind == "namespace":
            module = self.modules[name] = library.Module(name, {"__name__": name, "__path__": Unknown()})
            module.rest = functools.partial(self.submodule, module)
            return module
        if found.kind in ("builtin", "extension"):
            built = compiled(name) if found.library else None
            if built is None:
                return self.runtime.unknown()
            self.modules[name] = built
            self.compiled.add(name)
            return built
        module = self.modules[name] = self.of_source(found)
        if found.library:
            return module
        if found.installed:
            self.put_off.append(module)
            return module
        module.ready()
        return module

    def of_source(self, found: Found) -> library.Module:
        """A module of a source file, whose body is put off."""
        assert found.path is not None
        module = library.Module(found.name, {"__name__": found.name})
        if not found.library:
            module.shown = f"<module {found.name!r} from {str(found.path)!r}>"
        module.load = functools.partial(self.load, module, found)
        module.rest = functools.partial(self.absent, module)
        return module

    def from_source(self, name: str, wanted: str) -> Any:
        """A name of a listed module that is not listed: what the module's own source makes of it."""
        real = vars(importlib.import_module(name)).get(wanted)
        if isinstance(real, type) and (library.is_listed(real) or issubclass(real, BaseException | tuple)):
            return real if library.is_listed(real) else Unknown()  # what is listed of the module raises or gives those
        found = self.world.finder.find(name)
        if found is None or found.kind not in ("source", "package") or not found.library:
            raise Undetermined
        key = f"{name} (source)"
        if key not in self.modules:
            self.modules[key] = self.of_source(found)
        return self.modules[key].get(wanted)

    def load(self, module: library.Module, found: Found) -> None:
        """Interpret the body of a module."""
        assert found.path is not None
        if found.installed and not found.library:
            self.catch_up(module, found.name.partition(".")[0])
        text = self.world.read(found.path)
        is_own = not (found.installed or found.library)  # else the import does not fail
        if text is None or len(self.read) >= MOST_MODULES or self.bytes + len(text) > MOST_BYTES:
            if is_own:
                raise Undetermined
            module.rest = None
            return
        if is_own and len(self.loading) > MOST_NESTED:
            self.runtime.give_up("modules import each other too deeply")
        try:
            tree, scopes, groups = known(text) or self.runtime.elsewhere(lambda: parsed(text))
        except SyntaxError:
            raise Undetermined from None  # the import may fail, and its message is the version's
        except (ValueError, RecursionError, MemoryError, SystemError):
            if is_own:
                raise Undetermined from None
            module.rest = None
            return
        self.read[found.path] = text
        if not found.library:
            self.own.append(str(found.path))
        self.bytes += len(text)
        inner = self.interpreter.beside(tree, scopes, found, self.world.traced(found.path))
        inner.namespace.update(module.members)
        module.members, module.perhaps = inner.namespace, inner.perhaps
        self.bodies[found.name] = inner
        if found.library and groups is not None:
            inner.plan = groups
            module.rest = functools.partial(self.demanded, module, inner)
            return
        try:
            with self.runtime.untraced():
                inner.load()
            if found.library:
                inner.namespace |= listed_classes(inner.namespace)
        except BaseException:
            if self.modules.get(found.name) is module:
                del self.modules[found.name]
            raise
        if inner.open:
            module.rest = None

    def demanded(self, module: library.Module, inner: Home, name: str) -> Any:
        """A name that has not been asked for before."""
        if inner.demand(name):
            return module.members[name]
        if inner.open or name in inner.perhaps:
            raise Undetermined
        inner.demand("__getattr__")
        return self.absent(module, name)

    def catch_up(self, module: library.Module, package: str) -> None:
        """Interpret the modules of an installed package that were imported before this one: they may register
        something in it."""
        waiting = [item for item in self.put_off if item.name.partition(".")[0] == package]
        for item in waiting:
            self.put_off.remove(item)
        for item in waiting:
            if item is not module:
                item.ready()

    def submodule(self, module: library.Module, name: str) -> Any:
        raise AttributeError(f"module '{module.name}' has no attribute '{name}'")

    def all_of(self, module: library.Module) -> Any:
        """A module's `__all__`, or `MISSING`."""
        try:
            return module.get("__all__")
        except (AttributeError, Undetermined):
            return MISSING

    def absent(self, module: library.Module, name: str) -> Any:
        """A name that is not in a module's namespace."""
        hook = module.members.get("__getattr__")
        if hook is not None and not (name.startswith("__") and name.endswith("__")):
            if body_of(hook) is None:
                raise Undetermined
            return hook(name)
        if name == "__dict__" or (name.startswith("__") and name.endswith("__")):
            raise Undetermined
        if module.name in STAND_INS and hasattr(importlib.import_module(module.name), name):
            return Unknown()
        if module.name in self.loading:
            raise AttributeError(
                f"partially initialized module '{module.name}' has no attribute '{name}' "
                "(most likely due to a circular import)"
            )
        raise AttributeError(f"module '{module.name}' has no attribute '{name}'")

    def touched_by(self, clauses: Iterable[tuple[str, int, tuple[str, ...]]], package: str | None) -> list[Any]:
        """What imports may change that may have been carried out or not: nothing, or all modules of the program, as
        what a module does that has not been loaded may be anything. It is loaded, lest others be loaded after it."""
        touched: list[Any] = []
        for module, level, names in clauses:
            absolute = None if level and not package else self.absolute(module, level, package)
            for name in (absolute, *(f"{absolute}.{name}" for name in names)) if absolute else ():
                if name not in self.modules and self.of_program(name):
                    with suppress(Exception, Undetermined):
                        self.find(name)
                    touched = self.own_modules()
        return touched

    def of_program(self, name: str) -> bool:
        found = self.world.finder.find(name)
        return found is not None and not found.installed

    def own_modules(self) -> list[Any]:
        return [module for name, module in self.modules.items() if type(module) is library.Module
                and self.of_program(name)]  # fmt: skip

    def called(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`importlib.import_module(name, package)` and `__import__(name)`."""
        whole = function is library.import_whole
        name, package = (*args, None, kwargs.get("package"))[:2] if len(args) < 2 else args[:2]
        if type(name) is not str or not name or len(args) > 2 - whole or kwargs.keys() - {"package"} or (
            name.startswith(".") and type(package) is not str
        ):  # fmt: skip
            self.runtime.unknowing.reach(self.own_modules())
            return self.runtime.unknown(args)
        inner = name.lstrip(".")
        absolute = self.absolute(inner, len(name) - len(inner), package)
        return self.module(absolute or name, whole=whole)

    def changed(self, module: library.Module, name: str, item: Any) -> None:
        """`module.name = item`."""
        if module.members.get(name, MISSING) is not item:
            self.patched(module, name)
        if module.name == "sys" and name == "unraisablehook":
            self.runtime.give_up("the program changes what becomes of an exception that cannot be raised")
        module.members[name] = item
        if module.name == "builtins":
            self.builtins[name] = item

    def patched(self, module: library.Module, name: str) -> None:
        """A program sets or deletes a name of a module, of which code that is carried out as it is knows nothing."""
        if self.is_of_library(module) and patches.seen(module.name, name):
            self.runtime.give_up(f"the program changes {module.name}.{name}, which code of the library uses")
        if module.name in self.bodies:
            self.bodies[module.name].demand(name)  # lest what is put off undoes the change
        source = self.modules.get(f"{module.name} (source)")
        if source is not None:
            self.may_change(source, name)

    def is_of_library(self, module: library.Module) -> bool:
        """Whether code of the library may have the same module, or its original."""
        body = self.bodies.get(module.name)
        return body.of_library if body is not None else not self.of_program(module.name)

    def may_change(self, module: library.Module, name: str) -> None:
        """A name of a module may be set or deleted."""
        if module.name in self.bodies:
            self.bodies[module.name].demand(name)
        if module.name == "builtins":
            self.doubtful |= {name}
        if name in module.members:
            module.members[name] = Unknown()
        else:
            module.perhaps.add(name)

    def disturb(self, module: library.Module) -> None:
        """Any names of a module may be set or deleted."""
        with suppress(Exception, Undetermined):
            module.ready()
        if self.is_of_library(module) and patches.seen(module.name, None):
            self.runtime.give_up(f"the program may change {module.name}, which code of the library uses")
        home = self.runtime.homes.get(id(module.members))
        if home is not None:
            home.forget_all(unbound=True)
        for name in module.members:
            if not name.startswith("__"):
                module.members[name] = Unknown()
        module.rest = None
        body = self.bodies.get(module.name)
        if body is not None:
            body.plan, body.open = None, True

    # statements

    def module(self, name: str, *, whole: bool) -> Any:
        """What `import name` binds: the first package of a dotted name if `whole`."""
        found = self.find(name)
        if not whole or "." not in name or type(found) is Unknown:
            return found
        return self.find(name.split(".")[0])

    def absolute(self, module: str, level: int, package: str | None) -> str | None:
        """The dotted name that a `from` clause means in a module of `package`; None if that is not known."""
        if not level:
            return module
        if package is None:
            return None
        if not package:
            raise ImportError("attempted relative import with no known parent package")
        parts = package.split(".")
        if level > len(parts):
            raise ImportError("attempted relative import beyond top-level package")
        return ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])

    def member(self, module: str, level: int, name: str, package: str | None = None) -> Any:
        """What `from module import name` binds."""
        absolute = self.absolute(module, level, package)
        if absolute is None:
            return self.runtime.unknown()
        found = self.find(absolute)
        if type(found) is Unknown:
            return self.runtime.unknown()
        hook = body_of(found.members.get("__getattr__"))
        if hook is not None and hook.code.path and self.runtime.tracing:
            raise GaveUp(f"what importing from {absolute} asks of its `__getattr__` is not followed")
        try:
            return found.get(name)
        except Undetermined:
            if self.lacks(found, name):
                raise self.cannot_import(found, name) from None
            return self.runtime.unknown()
        except AttributeError:
            pass
        try:
            return self.find(f"{absolute}.{name}")
        except ModuleNotFoundError:
            where = found.members.get("__file__")
            if type(where) is not str:
                return self.runtime.unknown()
            if absolute in self.loading:
                raise ImportError(
                    f"cannot import name '{name}' from partially initialized module '{absolute}' "
                    f"(most likely due to a circular import) ({where})",
                    name=absolute, path=where,
                ) from None  # fmt: skip
            raise ImportError(
                f"cannot import name '{name}' from '{absolute}' ({where})", name=absolute, path=where
            ) from None

    def lacks(self, module: library.Module, name: str) -> bool:
        """Whether a module of the library that is not interpreted certainly has no such name."""
        dialect, real = self.runtime.dialect, sys.modules.get(module.name)
        if (dialect is not None and dialect.differs) or real is None or name in module.perhaps or (
            module.name not in library.MODULES and module.name not in self.compiled
        ):  # fmt: skip
            return False
        return not hasattr(real, name) and self.world.finder.find(f"{module.name}.{name}") is None

    def cannot_import(self, module: library.Module, name: str) -> ImportError:
        """The error of `from module import name`; where an extension lies, which it tells, is not known."""
        found = self.world.finder.find(module.name)
        path = str(found.path) if found is not None and found.path is not None else None
        error = ImportError(
            f"cannot import name '{name}' from '{module.name}' ({path or 'unknown location'})",
            name=module.name, path=path,
        )  # fmt: skip
        if found is None or (path is None and found.kind != "builtin"):
            self.runtime.poisoned[id(error)] = error
        return error

    def star(self, frame: Frame, module: str, level: int, package: str | None = None) -> None:
        """`from module import *`."""
        absolute = self.absolute(module, level, package)
        found: Any = self.find(absolute) if absolute is not None else Unknown()
        if type(found) is Unknown:
            raise GaveUp(f"the names in {module or 'a package'} are not known")
        found.ready()
        if found.name in library.MODULES or found.name in self.compiled:
            for name in starred(found.name):
                frame.vars[name] = self.member(found.name, 0, name)
            return
        names = self.all_of(found)
        if names is MISSING:
            if found.rest is None:
                raise GaveUp(f"the names in {module or 'a package'} are not known")
            names = [name for name in (*found.members, *found.perhaps) if not name.startswith("_")]
        self.runtime.touchable((names,))
        if type(names) not in (list, tuple) or not all(type(name) is str for name in names):
            raise GaveUp(f"the names in {module or 'a package'} are not known")
        for name in names:
            if name in found.perhaps and name not in found.members:
                home = frame.code.home
                assert home is not None
                home.forget_name(name, bound=name in home.namespace)
            else:
                frame.vars[name] = self.member(found.name, 0, name)
