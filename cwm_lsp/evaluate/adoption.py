"""What classes of the file may be made of, and how they become known as such."""

from __future__ import annotations

import types
import typing
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.telling import reaches
from cwm_lsp.evaluate.values import Unknown, defines, is_a, undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

PICKLING = (
    "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__",
)  # fmt: skip
"""Special methods that say what `copy` is to call, which is not safe: copies of such instances are unknown."""
GENERIC_BASES: tuple[Any, ...] = (typing.Generic, typing.Protocol, typing.NamedTuple, typing.TypedDict)
SUBCLASSED = 1 << 10
"""Flag of a class that others may inherit from."""
ADOPTION = "__adoption__"
"""Name of the first attribute of a class that is being made."""


class Adoption:
    """Makes a class known as one of the file's as soon as there is one: before any `__set_name__` or enum member."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter

    def __set_name__(self, owner: Any, name: str) -> None:
        type.__delattr__(owner, name)
        metaclass: Any = type(owner)
        if metaclass.__hash__ is not type.__hash__ or metaclass.__eq__ is not type.__eq__:
            self.interpreter.suspension.give_up("classes with a comparison of their own are not interpreted")
            return
        if issubclass(owner, BaseException) and owner.__getattribute__ is not BaseException.__getattribute__:
            self.interpreter.suspension.give_up("exceptions that look for attributes themselves are not interpreted")
            return
        runtime = self.interpreter.runtime
        runtime.classes.add(owner)
        runtime.reaching = runtime.reaching or reaches(owner, runtime.classes)
        if defines(owner, "__del__"):
            runtime.finalizing = True


def adopting(interpreter: Context, module: Any, namespace: dict[str, Any]) -> dict[str, Any]:
    """The namespace of a class about to be made, which makes the class known."""
    entries = {ADOPTION: Adoption(interpreter), **entries_of(namespace)}
    entries.setdefault("__module__", module)
    if type(namespace).__module__ != "enum":
        return entries
    dict.clear(namespace)  # an enum wants what its `__prepare__` has given
    dict.update(namespace, entries)
    return namespace


def entries_of(namespace: dict[str, Any]) -> dict[str, Any]:
    """What a namespace holds, in the order in which a class gets it."""
    return dict(namespace) if type(namespace) is OrderedDict else dict(dict.items(namespace))


def allowed(interpreter: Context, base: Any) -> bool:
    """Whether a class of the file may inherit from `base`."""
    if is_a(base, type):
        known = base in interpreter.runtime.classes or base in library.BASES or base in GENERIC_BASES
        return known or (base.__module__ == "builtins" and not base.__flags__ & SUBCLASSED)
    return (
        any(base is kind for kind in GENERIC_BASES)
        or type(base).__module__ == "typing"
        or type(base) is types.GenericAlias
        or type(base) in interpreter.runtime.classes
    )


def is_metaclass(interpreter: Context, value: Any) -> bool:
    """Whether classes may be made by `value`: a metaclass that is known, or a function of the file."""
    if type(value) is Unknown:
        return False
    if is_a(value, type):
        return value in library.METACLASSES or value in interpreter.runtime.classes
    return body_of(value) is not None


def winner(bases: Sequence[Any]) -> type:
    """The metaclass that a class with these bases gets; `type` where they are at odds, which raises the error."""
    chosen = type
    for base in bases:
        kind = type(base)
        if issubclass(kind, chosen):
            chosen = kind
        elif not issubclass(chosen, kind):
            return type
    return chosen


def settle(interpreter: Context, namespace: dict[str, Any]) -> None:
    """Make what a class body has bound safe for CPython to call on its own account."""
    if any(name in namespace for name in PICKLING):
        namespace["__reduce_ex__"] = undetermined
    for name, value in list(dict.items(namespace)):
        if name.startswith("__") and callable(value) and body_of(value) is None:
            safe = interpreter.calls.safe(None, value)
            if safe is not value:
                dict.__setitem__(namespace, name, safe)
