"""What everyday code asks of the library that is written in C or of the system: text in memory, paths, locks, the
environment, the standard streams. Of each, what is the same in every run.
"""

from __future__ import annotations

import _csv
import _random
import _string  # type: ignore[import-not-found]
import _weakref
import abc
import ast
import csv
import decimal
import errno
import functools
import inspect
import io
import os
import pathlib
import pickle
import pprint
import re
import struct
import sys
import threading
import time
import traceback
import typing
from collections.abc import Callable, MutableMapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.values import Addressed, GaveUp, Undetermined, Unknown, is_a, mro_of, undetermined

if TYPE_CHECKING:
    from cwm_lsp.evaluate.calls import Calls
    from cwm_lsp.evaluate.runtime import Runtime

Lock: Any = type(threading.Lock())
RLock: Any = type(threading.RLock())
PATHS: tuple[type, ...] = (
    pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath if os.name == "posix" else pathlib.WindowsPath,
)  # fmt: skip
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
    "sys": members(sys, "float_info int_info hash_info maxunicode exit getdefaultencoding exc_info") | {
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


class Everyday:
    """The rules of what needs more than being called."""

    runtime: Runtime
    calls: Calls
    csv_files: dict[int, tuple[Any, Any]]
    """Writers of CSV, by their ids, and their files."""

    def everyday(self) -> dict[Any, Callable[[Any, list[Any], dict[str, Any]], Any]]:
        """The rules of functions and classes."""
        return {
            os.getenv: self.variable,
            sys.exc_info: self.handled,
            trail: lambda function, args, kwargs: list(self.runtime.trail),
            dir: self.names,
            pprint.pprint: self.printed,
            pprint.pp: self.printed,
            pprint.pformat: self.pretty,
            pprint.saferepr: self.pretty,
            _csv.reader: self.table,
            _csv.writer: self.table,
            _weakref.ref: self.reference,
            time.gmtime: self.moment,
            time.strftime: self.written_moment,
            **dict.fromkeys(FLAGS, self.suspending),
            inspect.isawaitable: self.awaitable,
            inspect.signature: self.signature,
            **dict.fromkeys(SYNTAX_CALLS, self.syntax),
        }

    def variable(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`os.getenv`."""
        if not 1 <= len(args) <= 2 or not kwargs.keys() <= {"default"}:
            return self.calls.native(function, args, kwargs)
        environment = self.calls.interpreter.imports.find("os").members["environ"]
        if type(environment) is not Environment:
            return self.runtime.unknown(args)
        default = args[1] if len(args) == 2 else kwargs.get("default")
        return self.calls.call(environment.get, [args[0], default], {})

    def handled(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`sys.exc_info`."""
        frame = self.runtime.frame
        while frame is not None and not frame.handling:
            frame = frame.caller
        if frame is None:
            return (None, None, None)
        error = frame.handling[-1]
        return (type(error), error, Unknown())

    def names(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`dir` of an instance or class of the program."""
        if len(args) != 1 or not {type(args[0]), args[0] if isinstance(args[0], type) else None} & self.runtime.classes:
            return self.runtime.unknown()
        named: list[str] = self.calls.native(function, args, kwargs)
        return named if self.are_known(args[0], named) else self.calls.runtime.unknown()

    def are_known(self, value: Any, named: Sequence[str]) -> bool:
        """Whether `dir` gives these names in the Python that would run the program, too."""
        runtime, attributes = self.calls.runtime, self.calls.interpreter.attributes
        if runtime.dialect is None or not runtime.dialect.differs:
            return True
        for kind in mro_of(value if is_a(value, type) else type(value)):
            own = kind in runtime.classes
            if attributes.is_otherwise(kind) if own else kind.__module__ != "builtins" and kind not in SAME_BASES:
                return False
        return not any(attributes.is_doubtful(value, name) for name in (*named, "__getstate__"))

    def table(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`csv.reader` and `csv.writer`; a dialect that the program has registered is not known."""
        dialect = args[1] if len(args) > 1 else kwargs.get("dialect", "excel")
        if isinstance(dialect, str) and dialect not in DIALECTS:
            return self.runtime.unknown(args)
        made = self.calls.native(function, args, kwargs)
        if function is _csv.writer and args:
            self.csv_files[id(made)] = made, args[0]
        return made

    def rows(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`writerow` and `writerows`: what the file holds then is known where the texts are."""
        file = self.csv_files[id(value)][1]
        operations, shown = self.calls.operations, self.calls.interpreter.formats.shown
        try:
            if operations.has_unknown(args):
                raise Undetermined
            if len(args) == 1:
                rows = [args[0]] if function.__name__ == "writerow" else list(operations.ending(args[0]))
                rows = [row if isinstance(row, str) else list(operations.ending(row)) for row in rows]
                for row in rows:
                    for field in row:
                        shown(field, str)
                args = rows if function.__name__ == "writerow" else [rows]
        except Addressed:
            self.runtime.poison((file,))
            return Unknown()
        except Undetermined:
            return self.runtime.unknown((file,))
        return self.calls.native(function, args, kwargs, (value,))

    def pretty(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`pprint.pformat`."""
        for value in args:
            self.calls.operations.check_shown(value)
        for value in kwargs.values():
            self.runtime.allow(self.calls.operations.whole(value))
        return self.calls.native(function, args, kwargs)

    def printed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`pprint.pprint` and `pprint.pp`."""
        if len(args) != 1:
            return self.calls.foreign(args, kwargs)
        target = {"file": kwargs.pop("stream")} if "stream" in kwargs else {}
        if function is pprint.pp:
            kwargs.setdefault("sort_dicts", False)
        return self.calls.call(print, [self.pretty(pprint.pformat, args, kwargs)], target)

    def reference(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`weakref.ref`: when its object ends is not known."""
        function(*args[:1], *[None for _ in args[1:]], **kwargs)  # raises the TypeError
        called = args[1] if len(args) > 1 else None
        body = body_of(getattr(called, "__func__", called))
        if called is not None and not (body is not None and body.code.foreign):
            self.runtime.give_up("when a weak reference calls back is not known")
        return Unknown()

    def signature(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`inspect.signature`, of what is not of the library: what is written in C says its own in each version."""
        value = args[0] if args else kwargs.get("obj")
        while type(value) is functools.partial:
            value = value.func
        if type(value) in BUILTIN or (is_a(value, type) and value not in self.runtime.classes):
            return self.runtime.unknown()
        return self.calls.native(function, args, kwargs)

    def moment(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`time.gmtime`, of a given time."""
        if len(args) != 1 or args[0] is None:
            return self.runtime.unknown()
        return self.calls.native(function, args, kwargs)

    def written_moment(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`time.strftime`, of a given time."""
        if len(args) != 2 or type(args[0]) is not str or len(args[0]) > 200 or not self.may_write(args[0]):
            return self.runtime.unknown()
        return self.calls.native(function, args, kwargs)

    def may_write(self, form: str) -> bool:
        """Whether the directives of a time's format mean the same in every run: names are English where the program
        does not choose otherwise."""
        if ZONE.search(form):
            return False
        return not NAMES.search(form) or "setlocale" not in self.runtime.program

    def suspending(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`inspect.isgeneratorfunction` and its like."""
        body = body_of(getattr(args[0], "__func__", args[0])) if len(args) == 1 and not kwargs else None
        if body is None:
            return self.runtime.unknown() if args and callable(args[0]) else False
        return (body.code.is_generator, body.code.is_async) == FLAGS[function]

    def awaitable(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`inspect.isawaitable`."""
        marked = len(args) == 1 and self.calls.interpreter.awaiting.is_marked(args[0])
        return marked or self.calls.native(function, args, kwargs)

    def seeded(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`seed` of a random generator: without a number it is another one in every run."""
        if kwargs or len(args) != 1 or args[0] is None:
            self.runtime.poison((value,))
            return None
        result = self.calls.native(function, args, kwargs, (value,))
        self.runtime.poisoned.pop(id(value), None)
        return result

    def syntax(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What reads program text, or goes through a tree of it."""
        for value in args:
            if isinstance(value, str | bytes):
                self.runtime.allow(20 * len(value))
                if len(value) > MOST_TEXT:
                    raise GaveUp("a text is too long to be parsed here")
        if function is ast.parse or (function is ast.literal_eval and args and isinstance(args[0], str)):
            return self.runtime.elsewhere(lambda: self.calls.native(function, args, kwargs))
        return self.calls.native(function, args, kwargs)

    def sought(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`seek` of bytes in memory: writing beyond the end fills what is between."""
        for item in args[:1]:
            self.runtime.allow(self.calls.operations.whole(item))
        return self.calls.native(function, args, kwargs, (value,))

    def put_into(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`write` of text or bytes in memory."""
        for item in args[:1]:
            if hasattr(type(item), "__len__") and not value.closed:
                self.runtime.allow(value.tell() + len(item))
        return self.calls.native(function, args, kwargs, (value,))

    def acquired(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`acquire` of a lock, which waits for ever where nobody else is there to release it."""
        wait = args[0] if args else kwargs.get("blocking", True)
        if type(value) is Lock and value.locked() and wait:
            if len(args) > 1 or "timeout" in kwargs:
                return self.runtime.unknown((value,))
            raise GaveUp("the program waits for a lock that only another thread could release")
        return self.calls.native(function, args, kwargs, (value,))


DIALECTS = frozenset(csv.list_dialects())
FLAGS: dict[Any, tuple[bool, bool]] = {
    inspect.isgeneratorfunction: (True, False),
    inspect.iscoroutinefunction: (False, True),
    inspect.isasyncgenfunction: (True, True),
}
"""Whether what they look for is a generator, and asynchronous."""
SAME_BASES = (abc.ABC, typing.Generic)
"""Classes of the library with the same attributes in all versions."""
ZONE = re.compile(r"%[^YmdHMSfjyIwuGVzUWaAbBpcxX%]|%$")
"""Directives that depend on the time zone or the platform; `%z` of a time without zone is empty."""
NAMES = re.compile(r"%[aAbBpcxX]")
"""Directives that depend on the locale."""
BUILTIN = frozenset(map(type, (len, str.upper, int.__add__, (1).__add__, dict.__dict__["fromkeys"])))
"""Types of what is written in C and may be called, but for classes."""
MOST_TEXT = 20_000
"""Characters of a text that is parsed."""
METHOD_RULES: dict[tuple[type, str], str] = {
    (io.BytesIO, "seek"): "sought",
    (io.TextIOWrapper, "read"): "whole_of",
    (io.BufferedReader, "read"): "whole_of",
    (io.BytesIO, "write"): "put_into",
    (io.StringIO, "write"): "put_into",
    (Lock, "acquire"): "acquired",
    (type(_csv.writer(io.StringIO())), "writerow"): "rows",
    (type(_csv.writer(io.StringIO())), "writerows"): "rows",
    (_random.Random, "seed"): "seeded",
}
