"""What everyday code asks of the library that is written in C or of the system: text in memory, paths, locks, the
environment, the standard streams. Of each, what is the same in every run.
"""

from __future__ import annotations

import _csv
import _random
import _string  # type: ignore[import-not-found]
import _weakref
import ast
import decimal
import errno
import inspect
import io
import operator
import os
import pathlib
import pickle
import pprint
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.values import Undetermined, Unknown, undetermined

if TYPE_CHECKING:
    pass

Lock: Any = type(threading.Lock())
RLock: Any = type(threading.RLock())
PATHS: tuple[type, ...] = (
    pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath if os.name == "posix" else pathlib.WindowsPath,
)  # fmt: skip
PathParents: type = type(pathlib.PurePath().parents)
SYNTAX: tuple[Any, ...] = tuple(
    value for value in vars(ast).values() if isinstance(value, type) and issubclass(value, ast.AST)
)


_ITERABLES: tuple[Any, ...] = (
    [], (), "", b"", {}, {}.values(), {}.items(), set(), range(0), range(2**64), bytearray(), reversed([]),
    reversed({}), zip(), map(str, []), filter(str, []), enumerate([]), reversed(()),
)  # fmt: skip
ITERATORS: tuple[type, ...] = tuple(type(iter(value)) for value in _ITERABLES)
FLAVOURS: tuple[type, ...] = tuple(
    {type(kind._flavour) for kind in PATHS if hasattr(kind, "_flavour") and not isinstance(kind._flavour, ModuleType)}
)
"""What separates the parts of a path, in Pythons up to 3.11."""


def public(kind: type, *, called: bool) -> str:
    """The names that a class makes public: its methods, or its attributes."""
    return " ".join(
        name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name, None)) is called
    )


def members(module: Any, names: str) -> dict[str, Any]:
    """Members of a module, as far as this system has them."""
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


class StandIn:
    """What stands for an object of the library that is true, and has not all that this has."""

    def __getattr__(self, name: str) -> Any:
        raise Undetermined

    def __repr__(self) -> str:
        raise Undetermined

    def __bool__(self) -> bool:
        return True


for _name, _value in vars(Unknown).items():
    if _value is undetermined and _name not in ("__hash__", "__eq__", "__ne__", "__bool__"):
        setattr(StandIn, _name, undetermined)


class Hidden(StandIn):
    """An object that is there, is true, and is no number, list or tuple; no more is known of it."""


class VersionInfo(StandIn):
    """`sys.version_info` or `hexversion`, known as far as it is the same for every Python that a program may run on."""

    major = 3

    def __init__(self, lowest: Any, highest: Any) -> None:
        self.lowest, self.highest = lowest, highest

    def __getitem__(self, key: Any) -> Any:
        if isinstance(self.lowest, int) or self.lowest[key] != self.highest[key]:
            raise Undetermined
        return self.lowest[key]

    @property
    def minor(self) -> int:
        found: int = self[1]
        return found

    def compare(self, operation: Callable[[Any, Any], bool], other: Any) -> bool:
        if type(other) is not type(self.lowest) or operation(self.lowest, other) is not operation(self.highest, other):
            raise Undetermined
        return operation(self.lowest, other)

    def __lt__(self, other: Any) -> bool:
        return self.compare(operator.lt, other)

    def __le__(self, other: Any) -> bool:
        return self.compare(operator.le, other)

    def __gt__(self, other: Any) -> bool:
        return self.compare(operator.gt, other)

    def __ge__(self, other: Any) -> bool:
        return self.compare(operator.ge, other)

    __eq__ = __hash__ = undetermined


def of_version(version: tuple[int, int] | None) -> dict[str, Any]:
    """What `sys` has of a Python of that version, of which the rest of the number is not known."""
    if version is None:
        return {}
    number = version[0] << 24 | version[1] << 16
    return {
        "version_info": VersionInfo((*version, 0), (*version, 99)),
        "hexversion": VersionInfo(number, number | 0xFFFF),
    }


class Environment(MutableMapping[str, str], StandIn):
    """`os.environ`: a variable that is not set here is taken not to be set in the run; others are not known."""

    def __init__(self) -> None:
        self.own: dict[str, str | None] = {}
        """What the program has set, or deleted."""

    def __getitem__(self, key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"str expected, not {type(key).__name__}")
        if key in self.own:
            found = self.own[key]
            if found is None:
                raise KeyError(key) from None
            return found
        if key in os.environ or key.startswith(("CWM_", "PYTHON", "PYDEVD", "DEBUGPY", "LC_", "LANG")):
            raise Undetermined
        raise KeyError(key) from None

    def __setitem__(self, key: str, value: str) -> None:
        for item in (key, value):
            if not isinstance(item, str):
                raise TypeError(f"str expected, not {type(item).__name__}")
        if not key or "=" in key or "\0" in key + value:
            raise Undetermined
        self.own[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]
        self.own[key] = None

    def __iter__(self) -> Any:
        raise Undetermined

    def __len__(self) -> int:
        raise Undetermined


class Stream(StandIn):
    """A standard stream: what is written to it goes where no program looks."""

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass


Stream.__module__, Stream.__qualname__ = "_io", "TextIOWrapper"  # as its type is shown
Stream.__name__ = "_io.TextIOWrapper"  # as messages call it
Environment.__name__ = "_Environ"
OUT, ERR = Stream(), Stream()
KNOWN: dict[type, tuple[str, str]] = {
    io.StringIO: (
        "read readline readlines write writelines getvalue seek tell truncate close flush readable writable seekable",
        "closed newlines line_buffering encoding errors",
    ),
    io.BytesIO: (
        "read read1 readline readlines readinto write writelines getvalue getbuffer seek tell truncate close flush "
        "readable writable seekable", "closed",
    ),
    io.TextIOWrapper: (
        "read readline readlines seek tell truncate close flush readable writable seekable isatty write writelines",
        "closed name mode encoding errors newlines line_buffering",
    ),
    io.BufferedReader: (
        "read read1 readline readlines readinto seek tell close flush readable writable seekable isatty peek",
        "closed name mode",
    ),
    io.BufferedWriter: (
        "write writelines seek tell truncate close flush readable writable seekable isatty", "closed name mode",
    ),
    struct.Struct: (public(struct.Struct, called=True), public(struct.Struct, called=False)),
    Lock: ("acquire release locked", ""),
    RLock: ("acquire release _is_owned", ""),
    inspect.Signature: ("bind bind_partial replace", "parameters return_annotation"),
    inspect.Parameter: (
        "replace",
        "name default annotation kind empty "
        "POSITIONAL_ONLY POSITIONAL_OR_KEYWORD VAR_POSITIONAL KEYWORD_ONLY VAR_KEYWORD",
    ),
    type(inspect.Parameter.POSITIONAL_ONLY): ("", "name value description"),
    inspect.BoundArguments: ("apply_defaults", "args kwargs arguments signature"),
    time.struct_time: ("count index", public(time.struct_time, called=False)),
    type(_csv.reader(())): ("", "line_num dialect"),
    type(_csv.writer(io.StringIO())): ("writerow writerows", "dialect"),
    _random.Random: ("random seed getstate setstate getrandbits", ""),
    decimal.Context: (
        " ".join(sorted(set(public(decimal.Context, called=True).split()) - {"Etiny", "Etop"})),
        public(decimal.Context, called=False),
    ),
    **dict.fromkeys(ITERATORS, ("__next__ __iter__ __length_hint__", "")),
    os.terminal_size: ("count index", "columns lines"),
    Environment: ("get keys values items pop popitem clear update setdefault copy", ""),
    Stream: ("write writelines flush", ""),
    **{
        kind: (
            public(pathlib.PurePath, called=True),
            public(pathlib.PurePath, called=False) + " _flavour" * bool(FLAVOURS),
        )
        for kind in PATHS
    },
    **dict.fromkeys(FLAVOURS, ("", "sep altsep has_drv")),
    **{kind: ("", " ".join((*kind._fields, *kind._attributes, "_fields", "_attributes"))) for kind in SYNTAX},
}  # fmt: skip
"""Types whose instances a program may use: their methods and attributes."""
MANAGERS: frozenset[type] = frozenset({
    io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, Lock, RLock,
    type(decimal.localcontext()), memoryview,
})  # fmt: skip
BASES: frozenset[Any] = frozenset({
    io.StringIO, io.BytesIO, io.IOBase, io.RawIOBase, io.TextIOBase, io.BufferedIOBase, os.PathLike, _random.Random,
    ast.AST,
})  # fmt: skip


def get_terminal_size(fallback: tuple[int, int] = (80, 24)) -> os.terminal_size:
    """`shutil.get_terminal_size` as it is where there is no terminal: so it is for what is recorded."""
    return os.terminal_size(fallback)


get_terminal_size.__module__ = "shutil"


def print_exc(limit: Any = None, file: Any = None, chain: bool = True) -> None:
    """`traceback.print_exc`: writes where no program looks."""
    if file is not None:
        raise Undetermined


print_exc.__module__ = "traceback"


def wait(*_: Any, **__: Any) -> None:
    """Stands for `time.sleep`."""


def trail() -> list[tuple[str, str, int]]:
    """The frames that the latest exception has left, the innermost first: module, function and line."""
    raise Undetermined


MEMBERS: dict[str, dict[str, Any]] = {
    "shutil": {"get_terminal_size": get_terminal_size},
    "io": members(io, "StringIO BytesIO IOBase RawIOBase TextIOBase BufferedIOBase UnsupportedOperation SEEK_SET "
                  "SEEK_CUR SEEK_END DEFAULT_BUFFER_SIZE"),
    "pathlib": members(pathlib, "PurePath PurePosixPath PureWindowsPath Path"),
    "_thread": {"allocate_lock": threading.Lock, "RLock": threading.RLock, "TIMEOUT_MAX": threading.TIMEOUT_MAX,
                "LockType": Lock, "error": RuntimeError},
    "ast": {kind.__name__: kind for kind in SYNTAX} | members(
        ast, "literal_eval parse iter_child_nodes iter_fields walk get_docstring dump unparse copy_location "
        "fix_missing_locations increment_lineno"),
    "_csv": members(_csv, "reader writer Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONNUMERIC QUOTE_NONE QUOTE_STRINGS "
                    "QUOTE_NOTNULL Dialect"),
    "pickle": members(pickle, "dumps loads PickleError PicklingError UnpicklingError"),
    "pprint": members(pprint, "pformat pprint pp saferepr"),
    "_random": {"Random": _random.Random},
    "_string": members(_string, "formatter_parser formatter_field_name_split"),
    "_weakref": {"ref": _weakref.ref, "ReferenceType": _weakref.ref},
    "inspect": members(
        inspect, "signature Signature Parameter BoundArguments isfunction ismethod isclass isbuiltin isroutine "
        "isabstract cleandoc getdoc isgeneratorfunction iscoroutinefunction isasyncgenfunction isgenerator iscoroutine "
        "isawaitable isasyncgen isdatadescriptor unwrap"),
    "time": members(time, "gmtime strftime struct_time"),
    "traceback": members(traceback, "format_exception_only") | {"print_exc": print_exc},
    "decimal": members(decimal, "getcontext setcontext localcontext Context BasicContext ExtendedContext Clamped "
                       "Rounded Subnormal Underflow FloatOperation MAX_PREC MAX_EMAX MIN_EMIN DecimalTuple"),
    "struct": members(struct, "Struct iter_unpack"),
    "os": {"error": OSError} | members(
        os, "name sep altsep extsep pathsep linesep curdir pardir devnull fspath fsencode fsdecode getenv PathLike "
        "SEEK_SET SEEK_CUR SEEK_END O_RDONLY O_WRONLY O_RDWR O_CREAT O_EXCL F_OK R_OK W_OK X_OK"),
    "os.path": members(os.path, "altsep pathsep defpath devnull"),
    "sys": members(
        sys, "float_info int_info hash_info maxunicode exit getdefaultencoding exc_info setrecursionlimit") | {
        "stdout": OUT, "stderr": ERR, "__stdout__": OUT, "__stderr__": ERR},
    "_cwm_evaluation": {"trail": trail},
    "errno": members(errno, " ".join(errno.errorcode.values())) | {"errorcode": errno.errorcode},
}  # fmt: skip
"""What is known of a module."""
CALLABLES: frozenset[Any] = frozenset(
    value for members in MEMBERS.values() for value in members.values() if callable(value) and value is not os.getenv
)
SYNTAX_CALLS: frozenset[Any] = frozenset(
    value for value in MEMBERS["ast"].values() if callable(value) and not isinstance(value, type)
)


def fresh(name: str) -> dict[str, Any]:
    """The members of a module that no two evaluations may share."""
    if name == "os":
        return {"environ": Environment()}
    if name == "sys":
        return {"argv": Unknown(), "path": Unknown(), "stdin": Unknown()}
    return {}
