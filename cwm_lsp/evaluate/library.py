"""The allow-list: builtin types with their methods, and the pure part of the standard library."""

from __future__ import annotations

import abc
import array
import base64
import binascii
import bisect
import builtins
import calendar
import cmath
import collections
import collections.abc
import colorsys
import contextlib
import contextvars
import copy
import dataclasses
import datetime
import decimal
import difflib
import enum
import fractions
import functools
import hashlib
import heapq
import hmac
import html
import itertools
import json
import math
import numbers
import operator
import os
import pathlib
import re
import shlex
import statistics
import string
import struct
import sys
import textwrap
import types
import typing
import unicodedata
import urllib.parse
import uuid
import zlib
from abc import ABC, ABCMeta
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, ModuleType
from typing import Any

from cwm_lsp.evaluate import async_generators, coroutines, event_loop, everyday
from cwm_lsp.evaluate.values import Undetermined, Unknown


class Module:
    """A module as the program sees it."""

    __slots__ = ("load", "members", "name", "perhaps", "rest", "shown")

    def __init__(self, name: str, members: dict[str, Any], *, shown: str | None = None) -> None:
        self.name = name
        self.members = members
        self.shown = shown
        """Its likely repr."""
        self.load: Callable[[], None] | None = None
        """Interprets its body, which is put off until something looks into it."""
        self.rest: Callable[[str], Any] | None = None
        """What a name gives that is not among `members`; without it, that is not known."""
        self.perhaps: set[str] = set()
        """Names that may be bound or not."""

    def ready(self) -> None:
        """Have its body interpreted, if that has been put off."""
        if self.load is not None:
            load, self.load = self.load, None
            load()

    def get(self, name: str) -> Any:
        self.ready()
        try:
            return self.members[name]
        except KeyError:
            if name in self.perhaps:
                raise Undetermined from None
            if self.rest is not None:
                return self.rest(name)
            if isinstance(real := sys.modules.get(self.name), ModuleType) and hasattr(real, name):
                return Unknown()
            raise Undetermined from None

    def told(self) -> str:
        """Its repr, but for where it comes from, in which interpreters differ and which is no difference of values."""
        here = sys.modules.get(self.name)
        text = self.shown or (repr(here) if here is not None else None)
        if text is None or self.members.get("__name__", self.name) != self.name:
            raise Undetermined(text)
        return text

    def __repr__(self) -> str:
        raise Undetermined(self.told())


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def _public(kind: type, *without: str) -> frozenset[str]:
    return frozenset(name for name in dir(kind) if not name.startswith("_")) - set(without)


TYPES: tuple[type, ...] = (
    str, bytes, bytearray, int, float, complex, bool, list, tuple, dict, set, frozenset, range, slice,
    collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict, collections.ChainMap,
    datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone,
    fractions.Fraction, decimal.Decimal, re.Pattern, re.Match, types.GeneratorType, array.array,
    type({}.keys()), type({}.values()), type({}.items()), types.MappingProxyType, types.SimpleNamespace,
    itertools.chain, textwrap.TextWrapper, difflib.SequenceMatcher, uuid.UUID, memoryview,
    statistics.NormalDist, json.JSONDecoder, json.JSONEncoder, enum.auto, dataclasses.Field, type(hashlib.sha1()),  # noqa: S324
)  # fmt: skip
"""Builtin and library types whose instances a program may use."""

OPERATIONS = words(
    "__getitem__ __contains__ __len__ __setitem__ __eq__ __ne__ __lt__ __gt__ __le__ __ge__ __reversed__ __missing__"
)
"""Special methods that a program may call on a builtin value by name."""
SLOTS = words("__iter__ __delitem__ __iadd__ __imul__ __neg__ __pos__ __abs__ __invert__ __bool__ __float__") | {
    f"__{prefix}{name}__"
    for name in words("add sub mul truediv floordiv divmod pow lshift rshift and or xor")
    for prefix in ("", "r")
}
"""The same for numbers and containers that come with Python (`SLOTTED`)."""
SLOTTED: frozenset[type] = frozenset({
    str, bytes, bytearray, int, float, complex, bool, list, tuple, dict, set, frozenset, range, array.array, memoryview,
    collections.deque, collections.OrderedDict, collections.defaultdict, type({}.keys()), type({}.items()),
    type({}.values()), datetime.date, datetime.time, datetime.datetime, datetime.timedelta,
})  # fmt: skip
NOT_PURE = {
    datetime.datetime: ("now", "today", "utcnow"),
    datetime.date: ("today", "fromtimestamp"),
    statistics.NormalDist: ("samples",),
    array.array: ("fromfile", "tofile", "buffer_info"),
    types.GeneratorType: ("gi_code", "gi_frame", "gi_running", "gi_suspended", "gi_yieldfrom"),
    uuid.UUID: (),
}
IMPURE: frozenset[str] = frozenset(name for names in NOT_PURE.values() for name in names)
METHODS: dict[type, frozenset[str]] = {
    kind: frozenset(name for name in _public(kind, *NOT_PURE.get(kind, ())) if callable(getattr(kind, name, None)))
    for kind in TYPES
}
ATTRIBUTES: dict[type, frozenset[str]] = {
    kind: frozenset(name for name in _public(kind, *NOT_PURE.get(kind, ())) if not callable(getattr(kind, name, None)))
    for kind in TYPES
}
ATTRIBUTES[types.SimpleNamespace] = frozenset()
ATTRIBUTES[collections.ChainMap] |= {"maps"}
METHODS[everyday.VersionInfo] = frozenset()
ATTRIBUTES[everyday.VersionInfo] = frozenset({"major", "minor"})
OBJECTS = coroutines.KNOWN | async_generators.KNOWN
METHODS |= {kind: words(methods) for kind, (methods, _) in OBJECTS.items()}
METHODS |= {kind: words(methods) for kind, methods in event_loop.METHODS.items()}
ATTRIBUTES |= {kind: words(attributes) for kind, (_, attributes) in OBJECTS.items()}
ATTRIBUTES |= dict.fromkeys(
    (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType),
    frozenset({"__get__", "__set__", "__delete__", "__name__", "__qualname__", "__objclass__"}),
)
ATTRIBUTES |= {kind: words(attributes) for kind, attributes in event_loop.ATTRIBUTES.items()}
for _name in ("BaseExceptionGroup", "ExceptionGroup"):  # which a Python before 3.11 does not have
    if hasattr(builtins, _name):
        METHODS[getattr(builtins, _name)] = words("split subgroup derive")
        ATTRIBUTES[getattr(builtins, _name)] = words("message exceptions")
METHODS[BaseException] = words("add_note")
METHODS |= {kind: words(methods) for kind, (methods, _) in everyday.KNOWN.items()}
ATTRIBUTES |= {kind: words(attributes) for kind, (_, attributes) in everyday.KNOWN.items()}
ADDRESSES: tuple[type, ...] = (
    urllib.parse.ParseResult, urllib.parse.ParseResultBytes, urllib.parse.SplitResult, urllib.parse.SplitResultBytes,
    urllib.parse.DefragResult, urllib.parse.DefragResultBytes,
)  # fmt: skip
"""Parts of addresses of the web: tuples that know more of themselves."""
METHODS |= {kind: words("geturl encode decode _replace _asdict count index") & set(dir(kind)) for kind in ADDRESSES}
ATTRIBUTES |= {kind: words("hostname port username password _fields") & set(dir(kind)) for kind in ADDRESSES}
METHODS[hmac.HMAC] = words("update digest hexdigest copy")
ATTRIBUTES[hmac.HMAC] = words("digest_size block_size name")
METHODS[property] = frozenset({"setter", "getter", "deleter"})
METHODS[type(functools.lru_cache(len))] = frozenset({"cache_info", "cache_clear", "cache_parameters"})
METHODS[functools.singledispatchmethod] = frozenset({"register"})


def _managers() -> dict[type, frozenset[str]]:
    @contextlib.contextmanager
    def plain() -> Any:
        yield

    @contextlib.asynccontextmanager
    async def waiting() -> Any:
        yield

    enter, waits = words("__enter__ __exit__"), words("__aenter__ __aexit__")
    return {
        type(plain()): enter, type(waiting()): waits, contextlib.suppress: enter, contextlib.nullcontext: enter | waits,
    }  # fmt: skip


MANAGERS = _managers()
"""Context managers that come with Python and are carried out as they are, and how they are entered and left."""
MANAGING: frozenset[Any] = frozenset(vars(kind)[name] for kind, names in MANAGERS.items() for name in names)
CLASS_ATTRIBUTES: dict[type, frozenset[str]] = {
    datetime.date: frozenset({"min", "max", "resolution"}),
    datetime.datetime: frozenset({"min", "max", "resolution"}),
    datetime.time: frozenset({"min", "max", "resolution"}),
    datetime.timedelta: frozenset({"min", "max", "resolution"}),
    datetime.timezone: frozenset({"utc", "min", "max"}),
    itertools.chain: frozenset({"from_iterable"}),
    pathlib.Path: frozenset({"cwd"}),
}

EXCEPTIONS: dict[str, type] = {
    name: value
    for name, value in vars(__import__("builtins")).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}

BASES: frozenset[Any] = frozenset({
    object, type, property, str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset, ABC, ABCMeta,
    enum.EnumMeta, *(value for value in vars(enum).values() if isinstance(value, enum.EnumMeta)),
    collections.OrderedDict, collections.defaultdict, collections.Counter, collections.deque,
    collections.UserDict, collections.UserList, collections.UserString, collections.ChainMap,
    contextlib.ContextDecorator, contextlib.AbstractContextManager, datetime.tzinfo,
    datetime.date, datetime.time, datetime.datetime, datetime.timedelta, fractions.Fraction, decimal.Decimal,
    *types.resolve_bases((typing.TypedDict,)), *types.resolve_bases((typing.NamedTuple,)),
    functools.cached_property, functools.singledispatchmethod, functools.partialmethod,
    functools.partial, types.SimpleNamespace,
    *(value for value in vars(typing).values() if isinstance(value, type) and getattr(value, "_is_protocol", False)),
    json.JSONEncoder, json.JSONDecoder, *EXCEPTIONS.values(),
    *(value for name, value in vars(collections.abc).items() if name in collections.abc.__all__),
    *(value for name, value in vars(numbers).items() if name in numbers.__all__), *everyday.BASES,
})  # fmt: skip
NAMED_TUPLES: Any = getattr(typing, "NamedTupleMeta", None)
METACLASSES: frozenset[type] = frozenset({type, ABCMeta, enum.EnumMeta, type(typing.Protocol)})
if NAMED_TUPLES is not None:
    METACLASSES |= {NAMED_TUPLES}
if hasattr(typing, "_TypedDictMeta"):
    METACLASSES |= {typing._TypedDictMeta}


GENERIC: frozenset[Any] = frozenset(
    value
    for module in (typing, collections, collections.abc, re, contextlib, dataclasses, functools, types, itertools)
    for value in vars(module).values()
    if isinstance(value, type) and hasattr(value, "__class_getitem__")
)
"""Classes of the library that may be subscripted, for an annotation or a base."""
INHERITED: frozenset[Any] = frozenset(
    value
    for kind in BASES | METACLASSES
    if kind.__module__
    in ("abc", "enum", "collections", "collections.abc", "numbers", "contextlib", "functools", "typing")
    for found in vars(kind).values()
    for value in [found.__func__ if isinstance(found, classmethod | staticmethod) else found]
    if type(value) is types.FunctionType and value.__name__ not in ("_convert_", "_create_")
)
"""Methods that classes of the file inherit from classes of the library written in Python."""


def _members(module: ModuleType, names: str | None = None, without: str = "") -> dict[str, Any]:
    chosen = names.split() if names is not None else [name for name in dir(module) if not name.startswith("_")]
    return {
        name: getattr(module, name)
        for name in chosen
        if hasattr(module, name) and name not in without.split() and type(getattr(module, name)) is not ModuleType
    }


def _inner(function: Any) -> Iterator[int]:
    """The identities of the code objects inside of a function's."""
    pending = [function.__code__]
    while pending:
        for value in pending.pop().co_consts:
            if isinstance(value, types.CodeType):
                yield id(value)
                pending.append(value)


INNER: frozenset[int] = frozenset(
    code
    for factory in (
        functools.lru_cache, functools.singledispatch, functools.partialmethod.__get__,
        vars(functools.partialmethod)["_make_unbound_method"], functools.singledispatchmethod.__get__,
        contextlib.contextmanager, contextlib.ContextDecorator.__call__, contextlib.asynccontextmanager,
    )
    for code in _inner(factory)
)  # fmt: skip
"""Code of functions that functions of the library make; they do no more than call what they were given."""
WRAPPERS: frozenset[type] = frozenset({
    property, classmethod, staticmethod, functools.partial, functools.partialmethod, functools.cached_property,
    functools.singledispatchmethod, type(functools.lru_cache(len)), typing.NewType,
    *filter(None, [getattr(enum, "verify", None)]),
})  # fmt: skip
"""Types of what stands around a function."""


class Interpreted:
    """Stands for a function that is interpreted and must not come into the hands of library code."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise Undetermined

    def __repr__(self) -> str:
        if self in PYTHON:
            raise Undetermined
        return f"<built-in function {self.__name__}>"


evaluate_text = Interpreted("eval")
execute_text = Interpreted("exec")
compile_text = Interpreted("compile")
import_whole = Interpreted("__import__")
import_module = Interpreted("import_module")
open_file = Interpreted("open")
load_json, dump_json = Interpreted("load"), Interpreted("dump")
text_encoding, resources = Interpreted("text_encoding"), Interpreted("files")
ASKING: dict[str, Interpreted] = {
    name: Interpreted(name)
    for name in ("exists", "isfile", "isdir", "getsize", "abspath", "realpath", "relpath", "getcwd", "listdir", "glob")
}
"""What asks for files: the rules are in `reading`."""
CHANGING: dict[str, Interpreted] = {
    name: Interpreted(name) for name in ("mkdir", "makedirs", "remove", "unlink", "rmdir", "rename", "replace")
}
"""What changes what lies at a path."""
fresh_folder, change_folder = Interpreted("fresh_folder"), Interpreted("chdir")
register_at_fork = Interpreted("register_at_fork")
"""What it is given is called where the program forks, which is not followed."""
PYTHON = frozenset(
    {import_module, load_json, dump_json, resources, *ASKING.values()} - {ASKING["getcwd"], ASKING["listdir"]}
)
"""Those that are written in Python, which their repr tells."""


MODULES: dict[str, Module] = {
    "math": Module("math", _members(math)),
    "cmath": Module("cmath", _members(cmath)),
    "itertools": Module("itertools", _members(itertools)),
    "functools": Module("functools", _members(
        functools, "reduce partial lru_cache cache wraps update_wrapper cmp_to_key total_ordering cached_property "
        "partialmethod singledispatch singledispatchmethod WRAPPER_ASSIGNMENTS WRAPPER_UPDATES")),
    "collections": Module("collections", _members(collections)),
    "collections.abc": Module("collections.abc", _members(collections.abc)),
    "string": Module("string", _members(
        string, "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation "
        "whitespace")),
    "re": Module("re", _members(re, without="purge template Scanner DEBUG")),
    "operator": Module("operator", _members(operator, without="call")),
    "copy": Module("copy", _members(copy, "copy deepcopy Error error")),
    "bisect": Module("bisect", _members(bisect)),
    "heapq": Module("heapq", _members(heapq)),
    "datetime": Module("datetime", _members(datetime)),
    "json": Module("json", _members(json, "dumps loads JSONDecodeError JSONEncoder JSONDecoder")),
    "textwrap": Module("textwrap", _members(textwrap)),
    "statistics": Module("statistics", _members(statistics, " ".join(statistics.__all__), without="kde kde_random")),
    "fractions": Module("fractions", _members(fractions, "Fraction gcd")),
    "decimal": Module("decimal", _members(
        decimal, "Decimal ROUND_HALF_UP ROUND_HALF_EVEN ROUND_HALF_DOWN ROUND_UP ROUND_DOWN ROUND_CEILING ROUND_FLOOR "
        "ROUND_05UP InvalidOperation DivisionByZero Overflow Inexact DecimalException")),
    "numbers": Module("numbers", _members(numbers, " ".join(numbers.__all__))),
    "enum": Module("enum", _members(
        enum, "Enum IntEnum Flag IntFlag StrEnum ReprEnum EnumMeta EnumType FlagBoundary STRICT CONFORM "
        "EJECT KEEP auto unique verify member nonmember CONTINUOUS NAMED_FLAGS UNIQUE EnumCheck property")),
    "abc": Module("abc", _members(
        abc, "ABC ABCMeta abstractmethod abstractproperty abstractclassmethod abstractstaticmethod "
        "update_abstractmethods get_cache_token")),
    "dataclasses": Module("dataclasses", _members(
        dataclasses, "dataclass field fields asdict astuple replace is_dataclass make_dataclass Field "
        "FrozenInstanceError InitVar KW_ONLY MISSING")),
    "typing": Module("typing", _members(typing, " ".join(typing.__all__) + " T KT VT T_co T_contra CT_co")),
    "types": Module("types", _members(
        types, "SimpleNamespace MappingProxyType GeneratorType NoneType EllipsisType NotImplementedType FunctionType "
        "LambdaType MethodType BuiltinFunctionType BuiltinMethodType MethodWrapperType WrapperDescriptorType "
        "MethodDescriptorType ClassMethodDescriptorType GetSetDescriptorType MemberDescriptorType GenericAlias "
        "UnionType CodeType CellType ModuleType DynamicClassAttribute resolve_bases new_class "
        "get_original_bases CoroutineType AsyncGeneratorType TracebackType FrameType")),
    "contextlib": Module("contextlib", _members(
        contextlib, "suppress nullcontext contextmanager asynccontextmanager aclosing ContextDecorator")),
    "asyncio": Module("asyncio", event_loop.MEMBERS),
    "contextvars": Module("contextvars", _members(contextvars, "ContextVar Context Token copy_context")),
    "unicodedata": Module("unicodedata", _members(unicodedata)),
    "base64": Module("base64", _members(base64, " ".join(base64.__all__), without="encode decode main")),
    "binascii": Module("binascii", _members(binascii)),
    "zlib": Module("zlib", _members(zlib, "crc32 adler32")),
    "hashlib": Module("hashlib", _members(hashlib, "md5 sha1 sha224 sha256 sha384 sha512 blake2b blake2s sha3_256")),
    "hmac": Module("hmac", _members(hmac, "compare_digest new digest HMAC")),
    **{name: Module(name, {"sha512": hashlib.sha512}) for name in ("_sha512", "_sha2")},
    "html": Module("html", _members(html, "escape unescape")),
    "shlex": Module("shlex", _members(shlex, "quote join split")),
    "difflib": Module("difflib", _members(difflib, "SequenceMatcher get_close_matches ndiff unified_diff")),
    "calendar": Module("calendar", _members(
        calendar, "isleap leapdays weekday monthrange monthlen MONDAY SUNDAY IllegalMonthError IllegalWeekdayError")),
    "colorsys": Module("colorsys", _members(colorsys)),
    "array": Module("array", {"array": array.array}),
    "uuid": Module("uuid", {"UUID": uuid.UUID}),
    "urllib.parse": Module("urllib.parse", _members(urllib.parse, " ".join(urllib.parse.__all__))),
    "time": Module("time", {"sleep": everyday.wait}),
    "importlib": Module("importlib", {"import_module": import_module}),
    "sys": Module("sys", {
        "maxsize": 2**63 - 1, "byteorder": sys.byteorder, "intern": sys.intern, "platform": sys.platform,
        "version_info": everyday.VersionInfo((3, 8), (3, 99)),
        "hexversion": everyday.VersionInfo(0x03080000, 0x03FFFFFF)}),
    "struct": Module("struct", _members(struct, "pack unpack calcsize unpack_from error")),
    "__future__": Module(
        "__future__", dict.fromkeys(words("annotations division print_function absolute_import unicode_literals"))),
}  # fmt: skip
MODULES["types"].members |= {
    "coroutine": types.coroutine,
    "CoroutineType": coroutines.Coroutine,
    "AsyncGeneratorType": async_generators.AsyncGenerator,
}
MODULES["urllib"] = Module("urllib", {"parse": MODULES["urllib.parse"]})
MODULES["collections"].members["abc"] = MODULES["collections.abc"]
MODULES["os.path"] = Module(
    os.path.__name__,
    _members(
        os.path,
        "join basename dirname split splitext splitdrive normpath normcase isabs commonprefix commonpath sep "
        "curdir pardir extsep",
    ),
)
MODULES["_collections_abc"] = MODULES["collections.abc"]
MODULES["os"] = Module("os", {"path": MODULES["os.path"], **_members(os, "fspath sep linesep curdir pardir")})

MODULES["os.path"].members |= {
    name: ASKING[name] for name in ("exists", "isfile", "isdir", "getsize", "abspath", "realpath", "relpath")
}
MODULES["os"].members |= {name: ASKING[name] for name in ("getcwd", "listdir")}
MODULES["os"].members |= CHANGING | {"chdir": change_folder}
if hasattr(os, "register_at_fork"):
    MODULES["os"].members["register_at_fork"] = register_at_fork
MODULES["glob"] = Module("glob", {"glob": ASKING["glob"]})
MODULES["json"].members |= {"load": load_json, "dump": dump_json}
MODULES["importlib.resources"] = Module("importlib.resources", {"files": resources})
MODULES["importlib"].members["resources"] = MODULES["importlib.resources"]
for _name, _more in everyday.MEMBERS.items():
    MODULES.setdefault(_name, Module(_name, {})).members.update(_more)
MODULES["_cwm_evaluation"].members["fresh_folder"] = fresh_folder
MODULES["io"].members |= {"open": open_file, "text_encoding": text_encoding}

BUILTINS: dict[str, Any] = {
    name: getattr(__import__("builtins"), name)
    for name in words(
        "abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex delattr dict dir "
        "divmod enumerate filter float format frozenset getattr hasattr hash hex id int isinstance issubclass "
        "iter globals len list locals map max memoryview min next object oct ord pow print property range repr "
        "reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip"
    )
} | {
    **EXCEPTIONS,
    "open": open_file,
    "eval": evaluate_text,
    "exec": execute_text,
    "compile": compile_text,
    "__import__": import_whole,
    "NotImplemented": NotImplemented,
    "Ellipsis": ...,
    "__debug__": True,
}

PLAIN_CALLABLES: frozenset[Any] = (
    frozenset(
        value
        for module in MODULES.values()
        for value in module.members.values()
        if callable(value) and isinstance(value, type | BuiltinFunctionType | types.FunctionType)
    )
    | frozenset(value for value in BUILTINS.values() if callable(value))
    | {str.maketrans, bytes.maketrans, bytearray.maketrans}
    | everyday.CALLABLES
    | {getattr(kind, name) for kind in (*OBJECTS, *event_loop.METHODS) for name in METHODS[kind] if hasattr(kind, name)}
)
"""What a program may call, unless `calls` has a rule of its own for it."""

WHOLE = words(
    "os os.path io errno _thread typing enum dataclasses re json datetime decimal statistics time sys abc "
    "collections.abc _collections_abc"
)
"""Modules of the table of which nothing else is known: their sources are not interpreted for the rest."""
_TYPES: frozenset[Any] = frozenset(TYPES) | BASES | everyday.KNOWN.keys()


def is_listed(value: Any) -> bool:
    """Whether a program may use a callable or a class of Python's own."""
    try:
        return value in PLAIN_CALLABLES or value in _TYPES
    except TypeError:  # it cannot be hashed
        return False
