"""The rules of what makes functions and classes, or looks into them."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from keyword import iskeyword
from threading import RLock
from types import FunctionType, ModuleType, prepare_class, resolve_bases
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import hints, library
from cwm_lsp.evaluate.adoption import allowed, entries_of, is_metaclass, settle, winner
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.methods import Methods
from cwm_lsp.evaluate.values import MISSING, GaveUp, Unknown, is_a, mro_of, names_of

if TYPE_CHECKING:
    pass

MODULES = RLock()
"""Who puts a module of the program into `sys.modules` for a moment."""


class Making(Methods):
    """Rules of `functools`, `dataclasses`, `typing` and the like."""

    functions: dict[Any, Callable[[Any, list[Any], dict[str, Any]], Any]]

    def remembered(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A function that makes a callable."""
        made = self.native(function, args, kwargs)
        self.calls.made[id(made)] = made
        return made

    def class_maker(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What makes a class without a class definition."""
        args = [self.interpreter.operations.iterable(item) if type(item) in (set, frozenset) else item for item in args]
        made = self.calls.raw(function, args, kwargs)
        if is_a(made, type):
            self.calls.adopt(self.calls.named_here(made))
            dialect = self.runtime.dialect
            if dialect is not None and dialect.differs and function is dataclasses.make_dataclass:
                made.__module__ = self.interpreter.here.module_name if dialect.target >= (3, 12) else "types"
        return made

    def named_here(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.calls.named_here(self.calls.raw(function, args, kwargs))

    def not_followed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What makes code, or something else that is not interpreted."""
        return self.calls.foreign(args, kwargs)

    def new_class(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`types.new_class`."""
        named = dict(zip(("name", "bases", "kwds", "exec_body"), args, strict=False)) | kwargs
        bases, fill = named.get("bases", ()), named.get("exec_body")
        if len(args) > 4 or not is_a(named.get("name"), str) or not is_a(bases, tuple):
            return self.calls.foreign(args, kwargs)
        resolved = resolve_bases(bases)
        if not all(allowed(self.interpreter, base) for base in resolved):
            return self.runtime.unknown(args)
        chosen, namespace, rest = prepare_class(named["name"], resolved, named.get("kwds") or {})
        if not is_metaclass(self.interpreter, chosen):
            return self.calls.foreign(args, kwargs)
        if fill is not None:
            self.calls.call(fill, [namespace], {})
        if resolved is not bases:
            namespace["__orig_bases__"] = bases
        settle(self.interpreter, namespace)
        return self.calls.make_class(chosen, [named["name"], resolved, namespace], rest, function.__module__)

    def globals_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        here = self.interpreter.here
        if args or kwargs or here.open or here.perhaps or here.plan is not None:
            return self.calls.foreign(args, kwargs)
        return here.namespace

    def locals_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        frame = self.runtime.frame
        if args or kwargs or frame is None:
            return self.calls.foreign(args, kwargs)
        if not frame.code.is_function:
            return frame.vars
        found = {
            name: frame.cells[name].value if name in frame.code.shared else frame.vars.get(name, MISSING)
            for name in frame.code.variables
        }
        return {name: value for name, value in found.items() if value is not MISSING}

    def register(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`register` of a `singledispatch` function: texts in annotations are interpreted, and never run."""
        for value in args:
            wrapped = getattr(value, "__func__", value)
            annotations = getattr(wrapped, "__annotations__", {}) if type(wrapped) is FunctionType else {}
            if any(is_a(item, str) or hints.has_text(item) for item in annotations.values()):
                kinds = [*hints.of(self.interpreter, wrapped).values()][:1]
                if wrapped is not value or not kinds or not is_a(kinds[0], type):
                    raise GaveUp("what a function is registered for is not known")
                return self.calls.raw(function, [*args[:-1], kinds[0], value], kwargs)
        return self.calls.raw(function, args, kwargs)

    def type_hints(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`typing.get_type_hints`: texts in annotations are interpreted, and never run."""
        named = dict(zip(("obj", "globalns", "localns"), args, strict=False)) | kwargs
        if len(args) > 3 or "obj" not in named or not named.keys() <= {"obj", "globalns", "localns", "include_extras"}:
            return self.calls.foreign(args, kwargs)
        return self.interpreter.operations.attempt(
            lambda obj: hints.of(self.interpreter, **{**named, "obj": obj}), [named["obj"]]
        )

    def class_of_parts(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`type(name, bases, namespace)`."""
        name, bases, namespace = args
        if not (is_a(name, str) and is_a(bases, tuple) and is_a(namespace, dict)):
            return self.native(type, args, kwargs)
        if not all(allowed(self.interpreter, base) for base in bases) or id(namespace) in self.runtime.poisoned:
            return self.runtime.unknown(args)
        if not all(type(key) is str for key in dict.keys(namespace)):
            return self.runtime.unknown(args)  # looking anything up in the class may ask such a key
        settled = entries_of(namespace)
        settle(self.interpreter, settled)
        return self.calls.make_class(winner(bases), [name, bases, settled], kwargs)

    def partial(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not args:
            return self.native(function, args, kwargs)
        if type(args[0]) is Unknown:
            return self.runtime.unknown()
        if not callable(args[0]):
            return function(*args, **kwargs)
        return function(self.calls.callee(args[0]), *args[1:], **kwargs)

    def cache(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`lru_cache` and `cache`: a function with a cache, or what makes one."""
        if any(type(value) is Unknown for value in (*args, *kwargs.values())):
            return self.runtime.unknown(args)
        return self.remembered(function, args, kwargs)

    def dataclass_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not args:
            decorator = function(**kwargs)
            self.functions[decorator] = lambda _, args, named: (
                self.dataclass_(function, args, kwargs) if len(args) == 1 and not named else self.runtime.unknown(args)
            )
            return decorator
        kind = args[0]
        if not is_a(kind, type) or kind not in self.runtime.classes:
            return self.runtime.unknown()
        for base in mro_of(kind):  # dataclasses puts these names into source text
            annotations = names_of(base).get("__annotations__", {})
            fields = names_of(base).get("__dataclass_fields__", {})
            names = [*annotations, *(getattr(value, "name", None) for value in fields.values())]
            if (
                type(annotations) is not dict
                or type(fields) is not dict
                or not all(type(value) is dataclasses.Field for value in fields.values())
                or not all(type(name) is str and name.isidentifier() and not iskeyword(name) for name in names)
            ):
                raise GaveUp("the annotations of a dataclass are not names")
        annotations = names_of(kind).get("__annotations__", {}).values()
        unknown = any(type(annotation) is Unknown for annotation in annotations)
        if unknown and not kind.__doc__:
            kind.__doc__ = "?"  # would be made of what the annotations show as
        module = kind.__module__
        with self.as_module(kind):
            made = function(kind, **kwargs)
        if made.__module__ != module:
            made.__module__ = module
        if unknown and made.__doc__ == "?":
            made.__doc__ = Unknown()
        self.calls.adopt(made)
        return made

    @contextmanager
    def as_module(self, kind: Any) -> Iterator[None]:
        """Let `dataclasses` find the module of a class, where it looks for it: in `sys.modules`."""
        annotations = names_of(kind).get("__annotations__", {}).values()
        name, alias = kind.__module__, kind.__module__
        with MODULES:
            if name in sys.modules:
                if not any(is_a(annotation, str) for annotation in annotations):
                    yield
                    return
                values = names_of(kind).values()
                seen = any(body_of(getattr(type(value), "__get__", None)) is not None for value in values)
                if seen or type(kind) in self.runtime.classes:
                    raise GaveUp("a dataclass of a module with the name of another one runs code of the file")
                alias = f"{name} of evaluation {id(self)}"
                kind.__module__ = alias
            module = sys.modules[alias] = ModuleType(alias)
            for bound in re.findall(r"\w+", " ".join(filter(lambda item: is_a(item, str), annotations))):
                with suppress(Exception):
                    value = self.interpreter.here.global_value(bound)
                    vars(module)[bound] = sys.modules.get(value.name, value) if type(value) is library.Module else value
            try:
                yield
            finally:
                del sys.modules[alias]
                if alias != name:
                    kind.__module__ = name

    def total_ordering(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or not is_a(args[0], type) or args[0] not in self.runtime.classes:
            return self.runtime.unknown()
        return function(args[0])

    def contextmanager(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or body_of(args[0]) is None:
            return self.runtime.unknown()
        made = function(args[0])
        self.calls.made[id(made)] = made
        return made
