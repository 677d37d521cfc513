"""What is known of a class's `__repr__` before it is called: what it was generated from, and whether it changes things.

Runs inside the debuggee: standard library only, Python 3.8 and newer. A `__repr__` that changes its object, or anything
that outlives it, would have the recorded program be another one, so it is not called. That is told from its compiled
code, and that of what it calls as far as that can be found: its class's methods and properties, and its module's
functions. Nothing is run for it.
"""

from __future__ import annotations

import dis
import functools
import operator
import os
import types
from collections.abc import Callable, Iterator
from typing import Any

_STORE_ATTR = dis.opmap["STORE_ATTR"]
_HEAP_TYPE = 1 << 9
_MOST_ATTRIBUTES = 24
_LIBRARY = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")  # noqa: PTH118, PTH120  loaded already
_STORES = frozenset({"STORE_ATTR", "DELETE_ATTR", "STORE_GLOBAL", "DELETE_GLOBAL"})
_FREE = frozenset({"STORE_DEREF", "DELETE_DEREF"})
_ITEMS = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"})
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_LOCAL = ("LOAD_FAST", "LOAD_CONST", "BUILD_", "FORMAT_", "LIST_", "SET_", "DICT_", "MAP_")
# fmt: off
_CHANGING = frozenset({
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "remove", "reverse", "rotate", "send", "setdefault", "sort", "symmetric_difference_update", "throw", "update",
    "write", "writelines", "close", "acquire", "release", "put", "get_nowait", "random", "randint", "randrange",
    "choice", "choices", "sample", "shuffle", "uniform", "gauss", "__setattr__", "__delattr__", "__setitem__",
    "__delitem__", "__next__",
})
"""Methods that may change what they are called on."""
_HARMFUL = frozenset({
    "setattr", "delattr", "next", "input", "exec", "eval", "open", "warn", "random", "randint", "choice",
})
"""Functions that may change what they are given, or the world."""
_ITERATING = frozenset({
    "all", "any", "dict", "enumerate", "frozenset", "iter", "list", "map", "max", "min", "set", "sorted", "sum",
    "tuple", "zip",
})
_ASKED = {**dict.fromkeys(_ITERATING, "__iter__"), "len": "__len__", "bool": "__bool__", "str": "__str__",
          "format": "__format__"}
"""Functions → the special method of their argument that they call."""
# fmt: on


def changes_something(function: Any, kind: type) -> bool:
    """Whether calling the Python function, a method of `kind`, may leave something changed."""
    return _Search(kind).changes(function)


class _Search:
    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._seen: set[types.CodeType] = set()

    def changes(self, function: Any) -> bool:
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, types.FunctionType) or _in_library(function.__code__):
            return False
        return self._code(function.__code__, function.__globals__)

    def _code(self, code: types.CodeType, names: dict[str, Any]) -> bool:
        if any(code is seen for seen in self._seen):
            return False
        self._seen.add(code)
        own = set(code.co_varnames[code.co_argcount + code.co_kwonlyargcount :])
        itself = code.co_varnames[0] if code.co_argcount else None
        before: Any = None
        builds = built = False
        instructions = list(dis.get_instructions(code))
        for instruction, after in zip(instructions, [*instructions[1:], None]):  # noqa: B905  also without `strict`
            name, value = instruction.opname, instruction.argval
            if name.startswith(("BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP")) and not name.endswith("_WITH_CALL"):
                built, builds = builds, True
            elif name == "DICT_MERGE":  # what was built last are the keywords of a call
                builds = built
            if name in _STORES or (name in _ITEMS and not builds) or (name in _FREE and value in code.co_freevars):
                return True
            if name in _GLOBALS and (value in _HARMFUL or self.changes(names.get(value))):
                return True
            if name in _ATTRIBUTES:
                local = before is not None and before.opname.startswith(_LOCAL)
                if before is not None and before.opname == "LOAD_FAST" and before.argval not in own:
                    local = False
                is_shown = after is not None and after.opname.startswith(("FORMAT_", "CONVERT_VALUE"))
                if value in _CHANGING | _HARMFUL and not local and not is_shown:
                    return True
                if self._attribute(value):
                    return True
            if name.startswith("LOAD_FAST") and value == itself and before is not None and before.opname in _GLOBALS:
                if before.argval in _ASKED and self._attribute(_ASKED[before.argval]):
                    return True
            elif name == "GET_ITER" and before is not None and before.argval == itself and self._attribute("__iter__"):
                return True
            before = instruction
        return any(isinstance(inner, types.CodeType) and self._code(inner, names) for inner in code.co_consts)

    def _attribute(self, name: str) -> bool:
        found = static(self._kind, name)
        if isinstance(found, functools.cached_property):
            return True
        if isinstance(found, property):
            return self.changes(found.fget)
        return self.changes(getattr(found, "__func__", found))


flags_of: Callable[[type], int] = type.__dict__["__flags__"].__get__
module_of: Callable[[type], str] = type.__dict__["__module__"].__get__
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
qualname_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
mro_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
namespace_of: Callable[[type], types.MappingProxyType[str, Any]] = type.__dict__["__dict__"].__get__
"""What a class has, without asking it: its metaclass may have a `__getattribute__`."""


def static(kind: type, name: str) -> Any:
    """What the class has under a name, without asking it; None if nothing."""
    for base in mro_of(kind):
        namespace = namespace_of(base)
        if name in namespace:
            return namespace[name]
    return None


class Fields:
    """How a generated `__repr__` writes its object: that of a dataclass, or of a named tuple."""

    def __init__(self, names: tuple[str, ...], values: Callable[[Any], tuple[Any, ...]], *, qualified: bool) -> None:
        self.names = names
        self.values = values
        """The fields' values. Raises `AttributeError` where one is missing."""
        self._qualified = qualified

    def name(self, kind: type) -> str:
        return qualname_of(kind) if self._qualified else name_of(kind)


def fields_of(kind: type) -> Fields | None:
    """What a generated `__repr__` shows; None where it is not generated, or reading a field might run code."""
    method = static(kind, "__repr__")
    if not isinstance(method, types.FunctionType) or static(kind, "__getattribute__") is not object.__getattribute__:
        return None
    wrapped = getattr(method, "__wrapped__", None)
    if isinstance(wrapped, types.FunctionType) and wrapped.__code__.co_filename == "<string>":
        owner = next(base for base in mro_of(kind) if namespace_of(base).get("__repr__") is method)
        fields = namespace_of(owner).get("__dataclass_fields__")
        if not isinstance(fields, dict):
            return None
        names = tuple(f.name for f in fields.values() if f.repr and f._field_type.name == "_FIELD")
        return Fields(names, _getter(names), qualified=True) if all(_is_plain(kind, n) for n in names) else None
    code = method.__code__
    if issubclass(kind, tuple) and code.co_freevars == ("repr_fmt",) and _in_library(code):
        return Fields(tuple(kind._fields), _items, qualified=False)  # type: ignore[attr-defined]
    return None


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda value: ()
    get = operator.attrgetter(*names)
    return get if len(names) > 1 else lambda value: (get(value),)


def _items(value: Any) -> tuple[Any, ...]:
    return tuple.__getitem__(value, slice(None))


def _in_library(code: types.CodeType) -> bool:
    return os.path.realpath(code.co_filename).startswith(_LIBRARY)


def _is_plain(kind: type, name: str) -> bool:
    found = static(kind, name)
    return isinstance(found, types.MemberDescriptorType) or static(type(found), "__get__") is None


def attributes_of(kind: type) -> tuple[str, ...]:
    """Attributes of an object that its class's methods set and that are read without running code. The object's own
    dictionary is left alone: to ask for it may make one, which a program could notice."""
    if static(kind, "__getattribute__") is not object.__getattribute__:
        return ()
    names: dict[str, None] = {}
    for base in mro_of(kind)[::-1]:
        for name, member in namespace_of(base).items():
            function = getattr(member, "__func__", member)
            if isinstance(function, types.FunctionType):
                names.update(dict.fromkeys(_stored(function.__code__)))
            elif isinstance(member, types.MemberDescriptorType) and flags_of(base) & _HEAP_TYPE:
                names[name] = None
    return tuple(name for name in names if _is_plain(kind, name))[:_MOST_ATTRIBUTES]


def _stored(code: types.CodeType) -> Iterator[str]:
    """The names of the attributes that code sets, in order."""
    more = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2]):  # noqa: B905
        if operation == dis.EXTENDED_ARG:
            more = (more | argument) << 8
            continue
        if operation == _STORE_ATTR:
            yield code.co_names[more | argument]
        more = 0
