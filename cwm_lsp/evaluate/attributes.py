"""Attribute access, on allow-listed types and on classes of the file alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import BuiltinFunctionType, GenericAlias, MethodType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.library import words
from cwm_lsp.evaluate.values import Function, Guarded, Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter

DUNDERS = words(
    "__class__ __name__ __qualname__ __doc__ __module__ __init__ __new__ __repr__ __str__ __eq__ __ne__ __lt__ "
    "__le__ __gt__ __ge__ __hash__ __len__ __iter__ __next__ __contains__ __getitem__ __setitem__ __delitem__ "
    "__add__ __radd__ __sub__ __mul__ __enter__ __exit__ __call__ __bool__ __post_init__ __setattr__ __delattr__ "
    "__getattribute__ __dict__ __init_subclass__ __format__ __slots__ __members__ __reversed__ __missing__ "
    "__and__ __or__ __xor__ __iadd__ __truediv__ __floordiv__ __mod__ __pow__ __neg__ __abs__ __int__ __float__ "
    "__index__ __cause__ __annotations__ __dataclass_fields__ __args__ __match_args__ __set_name__ __mro__ "
    "__bases__"
)
"""Special names that a program may read off an instance or class of its own file."""
FUNCTION_NAMES = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__wrapped__", "__dict__"})


class Attributes:
    """Attribute access of one evaluation."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime

    def get(self, value: Any, name: str) -> Any:
        """`value.name`; an `Unknown` where it cannot be known."""
        runtime = self.runtime
        if type(value) is Unknown:
            return self.interpreter.operations.attempt(self.known, (value, name), (value,))
        if runtime.poisoned and id(value) in runtime.poisoned and type(value) in runtime.classes:
            return runtime.unknown()
        try:
            return self.known(value, name)
        except Undetermined:
            return runtime.unknown((value,))

    def known(self, value: Any, name: str) -> Any:
        """`value.name`, or `Undetermined`."""
        kind = type(value)
        if kind is Unknown:
            raise Undetermined
        runtime = self.runtime
        if kind in runtime.classes:
            special = name.startswith("__") and name.endswith("__")
            if special and name not in DUNDERS and not defined(kind, name) and hasattr(kind, name):
                raise Undetermined
            return getattr(value, name)
        if kind is library.Module:
            return value.get(name)
        if kind is Function:
            return self.of_function(value, name)
        if isinstance(value, type):
            return self.of_class(value, name)
        if kind is super:
            return getattr(value, name)
        if kind is MethodType:
            if name == "__self__":
                return value.__self__
            if name in ("__name__", "__qualname__", "__doc__", "__func__"):
                return value.__func__ if name == "__func__" else self.known(value.__func__, name)
            raise Undetermined
        table = library.METHODS.get(kind)
        if table is not None and name in table:
            return getattr(value, name)
        if name in library.ATTRIBUTES.get(kind, ()) or (table is not None and name in library.OPERATIONS):
            return getattr(value, name)
        if name == "__class__":
            return kind
        if isinstance(value, BaseException):
            return self.of_exception(value, name)
        if isinstance(value, BuiltinFunctionType) and name == "__name__":
            return value.__name__
        if kind in (Guarded, GenericAlias) or name.startswith("__"):
            raise Undetermined
        if table is not None and not hasattr(value, name):
            return getattr(value, name)
        raise Undetermined

    def of_exception(self, value: BaseException, name: str) -> Any:
        if name in ("args", "__cause__", "add_note", "with_traceback"):
            return getattr(value, name)
        if name.startswith("__"):
            raise Undetermined
        if isinstance(value, StopIteration) and name == "value":
            return value.value
        if isinstance(value, KeyError | ValueError | TypeError | IndexError | ZeroDivisionError) and not hasattr(
            value, name
        ):
            return getattr(value, name)
        raise Undetermined

    def of_function(self, value: Function, name: str) -> Any:
        if name in value.attributes:
            return value.attributes[name]
        if name in ("__name__", "__qualname__"):
            return getattr(value, name)
        if name == "__doc__":
            return value.code.doc
        if name == "__module__":
            return self.interpreter.module_name
        if name == "__dict__":
            return value.attributes
        if name == "__defaults__":
            return value.defaults or None
        if name.startswith("__"):
            raise Undetermined
        raise AttributeError(f"'function' object has no attribute '{name}'")

    def of_class(self, value: type, name: str) -> Any:
        runtime = self.runtime
        if value in runtime.classes:
            special = name.startswith("__") and name.endswith("__")
            if special and (name == "__dict__" or (name not in DUNDERS and not defined(value, name))):
                raise Undetermined
            return getattr(value, name)
        if name in ("__name__", "__qualname__"):
            return getattr(value, name)
        if name in library.METHODS.get(value, ()) or name in library.CLASS_ATTRIBUTES.get(value, ()):
            return getattr(value, name)
        if name in DUNDERS and name not in ("__dict__", "__class__") and value in library.BASES:
            return getattr(value, name)
        if name == "__class__":
            return type(value)
        if not name.startswith("__") and value in library.METHODS and not hasattr(value, name):
            return getattr(value, name)
        raise Undetermined

    def set(self, value: Any, name: str, item: Any) -> None:
        """`value.name = item`."""
        kind = type(value)
        runtime = self.runtime
        if kind is Unknown:
            runtime.unknown((value,))
            return
        if kind in runtime.classes or (isinstance(value, type) and value in runtime.classes):
            if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__doc__", "__cause__"):
                raise_unsupported(name)
            self.interpreter.operations.attempt(lambda: setattr(value, name, item), (), (value,))
        elif kind is Function:
            value.attributes[name] = item
        elif kind is library.Module:
            value.members[name] = item
        elif kind in library.METHODS and not hasattr(value, name) and not name.startswith("__"):
            setattr(value, name, item)
        else:
            runtime.unknown((value,))

    def delete(self, value: Any, name: str) -> None:
        """`del value.name`."""
        kind = type(value)
        if kind in self.runtime.classes or (isinstance(value, type) and value in self.runtime.classes):
            if name.startswith("__") and name.endswith("__"):
                raise_unsupported(name)
            delattr(value, name)
        elif kind is Function and name in value.attributes:
            del value.attributes[name]
        else:
            self.runtime.unknown((value,))


def defined(kind: type, name: str) -> bool:
    """Whether a class of the file, or one it inherits from in the file, defines a special name."""
    return any(
        type(vars(base).get(name)) is Function or isinstance(vars(base).get(name), Mapping) for base in kind.__mro__
    )


def raise_unsupported(name: str) -> None:
    from cwm_lsp.evaluate.values import GaveUp

    raise GaveUp(f"assignment to {name} is not interpreted")
