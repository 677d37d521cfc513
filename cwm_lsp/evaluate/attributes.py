"""Attribute access, on allow-listed types and on classes of the file alone."""

from __future__ import annotations

import decimal
import json
import re
from abc import ABC
from dataclasses import InitVar
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    EllipsisType,
    FunctionType,
    GeneratorType,
    GenericAlias,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    NoneType,
    NotImplementedType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import everyday, library, rendering
from cwm_lsp.evaluate.adoption import PICKLING, allowed
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.library import words
from cwm_lsp.evaluate.lifetimes import was_handled
from cwm_lsp.evaluate.reading import ConcretePath, past_root
from cwm_lsp.evaluate.telling import is_descriptor
from cwm_lsp.evaluate.unknowing import CHANGING
from cwm_lsp.evaluate.values import GaveUp, Guarded, Undetermined, Unknown, is_a, mro_of, names_of, undetermined
from cwm_lsp.evaluate.versions import CHANGED

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

HIDDEN = words(
    "__code__ __closure__ __builtins__ __reduce__ __reduce_ex__ __getstate__ __dir__ __sizeof__ __weakref__ "
    "__subclasshook__ __basicsize__ __itemsize__ __flags__ __dictoffset__ __weakrefoffset__ __text_signature__"
)
"""Attributes that have something of the interpreter in them, or differ between versions and runs."""
TYPING = words(
    "__origin__ __args__ __parameters__ __metadata__ __name__ __bound__ __constraints__ __covariant__ "
    "__contravariant__ __supertype__ __forward_arg__ __unpacked__ copy_with"
)
"""Attributes of what `typing` makes."""
BARE: frozenset[type] = frozenset({NoneType, EllipsisType, NotImplementedType, BuiltinFunctionType})
"""Types without attributes of their own; other versions of Python have no other."""
DESCRIPTORS: frozenset[type] = frozenset({
    WrapperDescriptorType, MethodDescriptorType, ClassMethodDescriptorType, GetSetDescriptorType, MemberDescriptorType,
    type(vars(ABC)["_abc_impl"]),
})  # fmt: skip
"""Types of what the classes of the library have in them, besides functions."""
CALLABLE: frozenset[type] = frozenset({FunctionType, MethodType, BuiltinFunctionType})
FIXED = BARE | rendering.ATOMS | rendering.SIZED_BUILTINS
"""Types of values that have no attribute to set."""
SPACES = words("f_globals f_locals f_builtins __globals__")
"""Attributes that are the names of a module, of what is not known."""
MADE = words("__dataclass_fields__ _fields")
"""What classes have into which the library has put more."""
DESCRIBING = words("__name__ __qualname__ __module__")
"""Attributes of a function that comes with Python."""

OWN_TO: tuple[tuple[type, frozenset[str]], ...] = (
    (StopIteration, words("value")), (SystemExit, words("code")), (OSError, words("errno strerror filename filename2")),
)  # fmt: skip
"""Attributes of exceptions that every Python gives them."""
TOLD_BY: tuple[tuple[type, frozenset[str]], ...] = (
    (UnicodeError, words("encoding object start end reason")), (ImportError, words("name path msg")),
    (re.error, words("msg pattern pos lineno colno")), (json.JSONDecodeError, words("msg doc pos lineno colno")),
)  # fmt: skip
"""Attributes of exceptions that say what went wrong, perhaps in the words of this Python."""
BUILTIN_ERRORS: frozenset[type] = frozenset({*library.EXCEPTIONS.values(), re.error, json.JSONDecodeError})
NEWER = words("name obj name_from end_lineno end_offset add_note exceptions message derive split subgroup")
"""Attributes of exceptions that not every Python gives them."""


SETTABLE = words("__cause__ __context__ __suppress_context__ args")
"""Attributes of exceptions that a program may set."""
IMMUTABLE = 1 << 8
"""Flag of a class whose attributes cannot be set."""
MOST_DIGITS = 1_000
"""Precision of decimal arithmetic."""


class Attributes:
    """Attribute access of one evaluation."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def get(self, value: Any, name: str) -> Any:
        """`value.name`; an `Unknown` where it cannot be known."""
        runtime = self.runtime
        if type(value) is Unknown:
            if name in SPACES and not runtime.tracing and not self.interpreter.here.of_library:
                runtime.unknowing.adrift = True
            if name in value.fields and value.since in (None, runtime.outside):
                return value.fields[name]
            return self.interpreter.operations.attempt(self.known, (value, name), (value,))
        if runtime.poisoned and id(value) in runtime.poisoned and type(value) in runtime.classes:
            return runtime.unknown()
        if runtime.unknowing.given_up and runtime.unknowing.may_differ(value, name):
            return runtime.unknown()
        if type(value) is everyday.Hidden and name in CHANGING:
            runtime.give_up("what the program changes may be what is builtin")
        runtime.expected = 0  # a property is called without a frame of C's
        if name == "__dict__":
            runtime.aliased = True
        try:
            return self.known(value, name)
        except Undetermined:
            return runtime.unknown((value,))
        finally:
            runtime.expected = None
            if runtime.reaching:
                runtime.acts += 1

    def known(self, value: Any, name: str) -> Any:
        """`value.name`, or `Undetermined`."""
        kind = type(value)
        if kind is Unknown:
            raise Undetermined
        runtime = self.runtime
        if runtime.dialect is not None and self.is_doubtful(value, name):
            raise Undetermined
        if kind in runtime.classes:
            if name.startswith("__") and name.endswith("__"):
                return self.special(value, name)
            found = getattr(value, name)
            if type(found) is Unknown and found.decorated and name not in (rendering.attributes_of(value) or ()):
                raise Undetermined
            return found
        if kind is library.Module:
            if name == "__dict__":
                self.interpreter.imports.disturb(value)
            return value.get(name)
        if kind is FunctionType:
            return self.of_function(value, name)
        if is_a(value, type):
            return self.of_class(value, name)
        if kind is super:
            return getattr(value, name)
        if kind is MethodType:
            if name in ("__self__", "__func__"):
                return getattr(value, name)
            return self.known(value.__func__, name)
        if kind in library.WRAPPERS:
            if name in HIDDEN:
                raise Undetermined
            found = getattr(value, name)
            return found.function if is_a(found, Guarded) else found
        table = library.METHODS.get(kind)
        if table is not None and name in table:
            return getattr(value, name)
        if name in library.MANAGERS.get(kind, ()):
            return getattr(value, name)
        if name in library.ATTRIBUTES.get(kind, ()) or (table is not None and name in library.OPERATIONS):
            if kind is ConcretePath and past_root(self.interpreter.imports.files, value, name):
                raise Undetermined
            return getattr(value, name)
        if name in library.SLOTS and kind in library.SLOTTED:
            return getattr(value, name)
        if name == "__class__" and not issubclass(kind, everyday.StandIn):
            return kind
        if kind is SimpleNamespace and not name.startswith("__"):
            if id(value) in runtime.poisoned:
                raise Undetermined
            return getattr(value, name)
        if kind is GeneratorType:
            return self.interpreter.suspension.about(value, name)
        if is_a(value, BaseException):
            return self.of_exception(value, name)
        if is_a(value, BuiltinFunctionType) and name in DESCRIBING:
            return getattr(value, name)
        typed = issubclass(kind, GenericAlias | InitVar) or kind.__module__ == "typing"
        if typed and (name in TYPING or (name == "type" and kind is InitVar) or self.is_absent(value, name)):
            return getattr(value, name)
        if issubclass(kind, tuple) and name in getattr(kind, "_fields", ()):
            return getattr(value, name)
        if getattr(value, "__origin__", None) in runtime.classes and not name.startswith("__"):
            return self.of_class(value.__origin__, name)
        if issubclass(kind, Guarded) or kind is GenericAlias or (
            name.startswith("__") and issubclass(kind, everyday.StandIn)
        ):  # fmt: skip
            raise Undetermined
        if (table is not None or kind in BARE or kind in DESCRIPTORS) and not hasattr(value, name):
            return getattr(value, name)
        raise Undetermined

    def is_doubtful(self, value: Any, name: str) -> bool:
        """Whether a value may have an attribute here and not in the Python that would run the program, or otherwise."""
        dialect = self.runtime.dialect
        if dialect is None or name not in CHANGED:
            return False
        kinds: list[Any] = [kind for kind in (type(value), value) if is_a(kind, type)]
        return any(dialect.is_doubtful(kind, name) for kind in kinds) and not any(
            self.own(kind, name) for kind in kinds
        )

    def is_otherwise(self, kind: Any) -> bool:
        """Whether a class of the program may have other names in its namespace in the Python that would run it."""
        dialect = self.runtime.dialect
        if dialect is None or not dialect.differs:
            return False
        made_by = {base.__module__ for base in mro_of(type(kind))}
        return not made_by.isdisjoint(("enum", "typing")) or not MADE.isdisjoint(names_of(kind))

    def of_exception(self, value: BaseException, name: str) -> Any:
        if name in ("args", "__cause__", "__notes__") and id(value) in self.runtime.poisoned:
            raise Undetermined
        if name in ("args", "__cause__", "__notes__", "add_note", "with_traceback"):
            if name == "args":
                self.runtime.rendering.render(value.args)  # which may have an address in it
            return getattr(value, name)
        if name == "__context__":
            return self.context_of(value)
        if name == "__suppress_context__":
            return value.__suppress_context__
        if name.startswith("__"):
            raise Undetermined
        for kind, names in OWN_TO:
            if is_a(value, kind) and name in names:
                found = getattr(value, name)
                return self.interpreter.imports.files.text(found) if type(found) is str else found
        for kind, names in TOLD_BY:
            if is_a(value, kind) and name in names:
                dialect = self.runtime.dialect
                if dialect is not None and dialect.differs:
                    raise Undetermined
                found = getattr(value, name)
                self.runtime.rendering.render(found)  # which may have an address in it
                return found
        if type(value) in BUILTIN_ERRORS and name not in NEWER and not hasattr(value, name):
            return getattr(value, name)
        raise Undetermined

    def context_of(self, error: BaseException) -> BaseException | None:
        """`error.__context__`, which may be an exception of the interpreter's own. Where there are coroutines, it hangs
        on the event loop."""
        context = error.__context__
        if self.runtime.awaits or is_a(error, GeneratorExit):
            raise Undetermined
        if context is not None and (not was_handled(context) or type(context).__module__.startswith(rendering.OURS)):
            raise Undetermined
        return context

    def special(self, value: Any, name: str) -> Any:
        """`value.__name__` of an instance of a class of the file, or of such a class."""
        kind = type(value)
        is_class = issubclass(kind, type)
        if name in HIDDEN and not self.own(kind, name) and not (is_class and self.own(value, name)):
            raise Undetermined
        if name == "__traceback__" and issubclass(kind, BaseException):
            raise Undetermined  # it is one of the interpreter
        if name == "__context__" and issubclass(kind, BaseException) and not self.own(kind, name):
            return self.context_of(value)
        if (
            name == "__dict__"
            and is_class
            and (self.is_otherwise(value) or any(key in names_of(value) for key in PICKLING))
        ):
            raise Undetermined
        return getattr(value, name)

    def own(self, kind: Any, name: str) -> bool:
        """Whether a class of the file, or one it inherits from in the file, has an attribute."""
        classes = self.runtime.classes
        return any(
            names_of(base).get(name, undetermined) is not undetermined for base in mro_of(kind) if base in classes
        )

    def of_function(self, value: FunctionType, name: str) -> Any:
        if body_of(value) is None:
            inner = id(value.__code__) in library.INNER and not name.startswith("__")
            if inner or name in DESCRIBING or name == "__wrapped__":
                return getattr(value, name)
            raise Undetermined
        if name in HIDDEN:
            raise Undetermined
        return getattr(value, name)

    def of_class(self, value: type, name: str) -> Any:
        runtime = self.runtime
        if value in runtime.classes:
            return self.special(value, name)
        if name in ("__name__", "__qualname__"):
            return getattr(value, name)
        if any(name in table.get(value, ()) for table in (library.METHODS, library.CLASS_ATTRIBUTES, library.MANAGERS)):
            return getattr(value, name)
        usable = value in library.BASES or value in library.METHODS or value in BARE
        if usable and name not in HIDDEN and name not in ("__dict__", "__class__", "__doc__", "__subclasses__"):
            return getattr(value, name)
        if name == "__class__":
            return type(value)
        if name in ("__mro__", "__bases__") and issubclass(value, BaseException):
            return getattr(value, name)
        if name == "__dict__" and value is object and not (runtime.dialect is not None and runtime.dialect.differs):
            return vars(object)
        stands_in = name.startswith("__") and issubclass(value, everyday.StandIn)
        known = value in library.METHODS or value in CALLABLE
        if known and not stands_in and not hasattr(value, name):
            return getattr(value, name)
        raise Undetermined

    def is_absent(self, value: Any, name: str) -> bool:
        """Whether a form of `typing` certainly has no such attribute, here and in the program's own Python."""
        dialect, origin = self.runtime.dialect, getattr(value, "__origin__", None)
        if (dialect is not None and dialect.differs) or origin in self.runtime.classes:
            return False
        return not hasattr(value, name)

    def set(self, value: Any, name: str, item: Any) -> None:
        """`value.name = item`."""
        runtime = self.runtime
        of_class = is_a(value, type)
        if of_class and is_descriptor(item, runtime.classes):
            runtime.reaching = True
        plain = type(value) in runtime.classes and not of_class and not runtime.reaching
        try:
            self.put(value, name, item)
        finally:
            if plain and not (name.startswith("__") and name.endswith("__")):
                runtime.touch(value)
            else:
                runtime.acts += 1
                runtime.rendering.round += 1

    def put(self, value: Any, name: str, item: Any) -> None:
        kind = type(value)
        runtime = self.runtime
        if kind is Unknown:
            if name == "cell_contents":
                runtime.give_up("the program sets a variable of a function from without")
            runtime.kept_by_others(item)
            runtime.unknown((value, item))
            return
        if kind is everyday.Hidden:
            runtime.give_up("what the program changes may be what is builtin")
        if kind in runtime.classes or (is_a(value, type) and value in runtime.classes):
            if name in PICKLING or (name == "__bases__" and not all(allowed(self.interpreter, base) for base in item)):
                raise_unsupported(name)
            if name.startswith("__") and is_a(value, type):
                item = self.interpreter.calls.safe(None, item)
            runtime.expected = 0
            try:
                self.interpreter.operations.attempt(setattr, (value, name, item), (value,))
            finally:
                runtime.expected = None
        elif body_of(value) is not None or kind in library.WRAPPERS:
            if name == "__code__":
                raise_unsupported(name)
            self.interpreter.operations.attempt(setattr, (value, name, item), (value,))
        elif kind is library.Module:
            value.ready()
            self.interpreter.imports.changed(value, name, item)
        elif kind is decimal.Context and name in ("prec", "rounding"):
            if type(item) is Unknown:
                runtime.give_up("how decimal numbers are reckoned with is not known")
            if type(item) is int and item > MOST_DIGITS:
                raise GaveUp(f"numbers of {item:,} digits are too large")
            setattr(value, name, item)
        elif (
            kind in FIXED
            or (is_a(value, BaseException) and name in SETTABLE)
            or kind is SimpleNamespace
            or (
                not name.startswith("__")
                and (kind in everyday.SYNTAX or (kind in library.METHODS and not hasattr(value, name)))
            )
        ):
            setattr(value, name, item)
        elif kind in (FunctionType, CellType):
            runtime.give_up(f"the program sets {name} of a {kind.__name__}")
        elif is_a(value, type):
            if value.__flags__ & IMMUTABLE:
                setattr(value, name, item)  # raises the TypeError
            else:
                self.changed(value)
        else:
            runtime.unknown((value,))

    def delete(self, value: Any, name: str) -> None:
        """`del value.name`."""
        kind = type(value)
        self.runtime.acts += 1
        if kind in self.runtime.classes or (is_a(value, type) and value in self.runtime.classes):
            if name in PICKLING:
                raise_unsupported(name)
            delattr(value, name)
        elif body_of(value) is not None or kind in library.WRAPPERS or kind in FIXED or kind is SimpleNamespace:
            delattr(value, name)
        elif kind is library.Module:
            self.known(value, name)
            self.interpreter.imports.patched(value, name)
            value.perhaps.add(name)
            value.members.pop(name, None)
        elif is_a(value, type):
            self.changed(value)
        else:
            self.runtime.unknown((value,))

    def changed(self, value: type) -> None:
        """A program sets or deletes an attribute of a class of the library, which is nothing to do here."""
        self.runtime.give_up(f"the program changes {value.__name__}, which is of the library")


def raise_unsupported(name: str) -> None:
    raise GaveUp(f"assignment to {name} is not interpreted")
