"""What the Python that would run a program says otherwise than the one that evaluates it.

Values are made, and exceptions raised, by the Python that evaluates. The steps are the same for all, but messages and
reprs differ between versions. Those of known families are told in the words of the program's own Python; where these
words have something in them that our own do not tell, the message is unknown.
"""

from __future__ import annotations

import linecache
import re
import struct
import sys
from array import array
from asyncio import Handle, Queue, Task
from collections import ChainMap, Counter, OrderedDict, UserDict, UserString, deque
from collections.abc import Callable
from dataclasses import Field
from fractions import Fraction
from functools import lru_cache, partial, partialmethod
from inspect import Signature
from pathlib import Path, PurePath
from statistics import NormalDist
from types import FunctionType, GeneratorType, TracebackType
from typing import Any, NewType
from weakref import WeakKeyDictionary, WeakValueDictionary

from cwm_lsp.source.modules import Installation

Version = tuple[int, int]
Match = re.Match[str]
Wording = tuple[Version, str, str | Callable[[Match], str] | None]
"""From which version on a message reads so: its pattern, and how to write it given a match of another wording; None
where that does not tell enough."""

PACKAGE = str(Path(__file__).parent)


def _plural(names: list[str]) -> str:
    return "s" if len(names) > 1 else ""


def _abstract(found: Match) -> str:
    names = re.findall(r"\w+", found["names"])
    return f"Can't instantiate abstract class {found['kind']} with abstract method{_plural(names)} {', '.join(names)}"


def _abstract_8(found: Match) -> str:
    names = re.findall(r"\w+", found["names"])
    return f"Can't instantiate abstract class {found['kind']} with abstract methods {', '.join(names)}"


def _abstract_12(found: Match) -> str:
    names = re.findall(r"\w+", found["names"])
    listed = ", ".join(f"'{name}'" for name in names)
    lacking = f"without an implementation for abstract method{_plural(names)}"
    return f"Can't instantiate abstract class {found['kind']} {lacking} {listed}"


EVALUATOR: Version = (3, 11)
"""What the evaluator itself says."""
OLD: Version = (3, 0)
OBJECTS: Version = (3, 13)
"""From here on, setting an attribute that cannot be set says so in words of its own."""
FAMILIES: tuple[tuple[Wording, ...], ...] = (
    (
        (OLD, r"Can't instantiate abstract class (?P<kind>.+) with abstract methods? (?P<names>.+)", _abstract_8),
        ((3, 9), r"Can't instantiate abstract class (?P<kind>.+) with abstract methods? (?P<names>.+)", _abstract),
        ((3, 12), r"Can't instantiate abstract class (?P<kind>.+) without an implementation for abstract methods? "
                  r"(?P<names>.+)", _abstract_12),
    ),
    (
        (OLD, r"(?P<call>min|max)\(\) arg is an empty sequence", r"\g<call>() arg is an empty sequence"),
        ((3, 12), r"(?P<call>min|max)\(\) iterable argument is empty", r"\g<call>() iterable argument is empty"),
    ),
    (
        (OLD, r"'(?P<kind>type)' object is not subscriptable", "'type' object is not subscriptable"),
        ((3, 11), r"type '(?P<kind>[^']+)' is not subscriptable", None),
    ),
    (
        (OLD, r"super\(type, obj\): obj must be an instance or subtype of type",
         "super(type, obj): obj must be an instance or subtype of type"),
        ((3, 13), r"super\(type, obj\): obj \(.*", None),
    ),
    (
        (OLD, r"Cannot create a consistent method resolution\norder \(MRO\) for bases (?P<bases>.+)",
         "Cannot create a consistent method resolution\norder (MRO) for bases \\g<bases>"),
        ((3, 13), r"Cannot create a consistent method resolution order \(MRO\) for bases (?P<bases>.+)",
         r"Cannot create a consistent method resolution order (MRO) for bases \g<bases>"),
    ),
    (
        (OLD, r"(?P<all>'[^']+' object has no attribute '[^']+')", r"\g<all>"),
        (OBJECTS, r"(?P<all>'[^']+' object has no attribute '[^']+') and no __dict__ for setting new attributes", None),
    ),
    (
        (OLD, r"called match pattern must be a type", "called match pattern must be a type"),
        ((3, 12), r"called match pattern must be a class", "called match pattern must be a class"),
    ),
    (
        (OLD, r"string indices must be integers", "string indices must be integers"),
        ((3, 11), r"string indices must be integers, not '.*'", None),
    ),
    (
        (OLD, r"expected string or bytes-like object", "expected string or bytes-like object"),
        ((3, 11), r"expected string or bytes-like object, got '.*'", None),
    ),
    (
        (OLD, r"unreadable attribute", "unreadable attribute"),
        ((3, 10), r"unreadable attribute(?: '(?P<name>\w+)')", r"unreadable attribute '\g<name>'"),
        ((3, 11), r"property '(?P<name>\w+)' of '.*' object has no getter", None),
    ),
    *(
        (
            (OLD, f"can't {does} attribute", f"can't {does} attribute"),
            ((3, 10), rf"can't {does} attribute '(?P<name>\w+)'", rf"can't {does} attribute '\g<name>'"),
            ((3, 11), rf"property '(?P<name>\w+)' of '.*' object has no {part}", None),
        )
        for does, part in (("set", "setter"), ("delete", "deleter"))
    ),
    (
        (OLD, r"local variable '(?P<name>.+)' referenced before assignment",
         r"local variable '\g<name>' referenced before assignment"),
        ((3, 11), r"cannot access local variable '(?P<name>.+)' where it is not associated with a value",
         r"cannot access local variable '\g<name>' where it is not associated with a value"),
    ),
    (
        (OLD, r"free variable '(?P<name>.+)' referenced before assignment in enclosing scope",
         r"free variable '\g<name>' referenced before assignment in enclosing scope"),
        ((3, 11), r"cannot access free variable '(?P<name>.+)' where it is not associated with a value in "
                  r"enclosing scope",
         r"cannot access free variable '\g<name>' where it is not associated with a value in enclosing scope"),
    ),
    (
        (OLD, r"'(?P<name>.+)' is an invalid keyword argument for (?P<call>.+\(\))", None),
        ((3, 13), r"(?P<call>\w+\(\)) got an unexpected keyword argument '(?P<name>[^']+)'.*", None),
    ),
    (
        (OLD, r"(?P<call>.+\(\)) got an unexpected keyword argument '(?P<name>[^']+)'",
         r"\g<call> got an unexpected keyword argument '\g<name>'"),
        ((3, 13), r"(?P<call>.+\(\)) got an unexpected keyword argument '(?P<name>[^']+)'\. Did you mean .*", None),
    ),
    (
        (OLD, r"integer division or modulo by zero", "integer division or modulo by zero"),
        ((3, 11), r"integer modulo by zero", None),
    ),
    (
        (OLD, r"int\(\) takes at most 2 arguments \((?P<given>\d+) given\)",
         r"int() takes at most 2 arguments (\g<given> given)"),
        ((3, 13), r"int expected at most 2 arguments, got (?P<given>\d+)",
         r"int expected at most 2 arguments, got \g<given>"),
    ),
    (
        (OLD, r"\w+ expected at (most|least) \d+ arguments?, got \d+", None),
        ((3, 13), r"\w+\(\) takes at (most|least) \d+ (positional )?arguments? .*", None),
    ),
    (
        (OLD, r"must be str, not .+", None),
        ((3, 13), r"\w+\(\) argument \d must be str, not .+", None),
    ),
    (
        (OLD, r"str\(\) argument \d must be str, not .+", None),
        ((3, 10), r"str\(\) argument '\w+' must be str, not .+", None),
    ),
    (
        (OLD, r"descriptor '(?P<name>\w+)' of '(?P<kind>[^']+)' object needs an argument",
         r"descriptor '\g<name>' of '\g<kind>' object needs an argument"),
        ((3, 9), r"unbound method (?P<kind>[\w.]+)\.(?P<name>\w+)\(\) needs an argument",
         r"unbound method \g<kind>.\g<name>() needs an argument"),
    ),
    (
        (OLD, r"(?P<before>.*(?:format: a| or a)) number(?P<after>.*)", r"\g<before> number\g<after>"),
        ((3, 10), r"(?P<before>.*(?:format: a| or a)) real number(?P<after>.*)", r"\g<before> real number\g<after>"),
    ),
    (
        (OLD, r"reduce\(\) of empty sequence with no initial value",
         "reduce() of empty sequence with no initial value"),
        ((3, 10), r"reduce\(\) of empty iterable with no initial value",
         "reduce() of empty iterable with no initial value"),
    ),
    (
        (OLD, r"isinstance\(\) arg 2 must be a type or tuple of types",
         "isinstance() arg 2 must be a type or tuple of types"),
        ((3, 10), r"isinstance\(\) arg 2 must be a type, a tuple of types, or a union",
         "isinstance() arg 2 must be a type, a tuple of types, or a union"),
    ),
    (
        (OLD, r"(?P<call>\w+\(\) takes .*)", r"\g<call>"),
        ((3, 9), r"(?:\w+\.)(?P<call>\w+\(\) takes (?:no|exactly one) arguments?.*)", None),
    ),
    ((OLD, r"float modulo", "float modulo"), ((3, 13), r"float modulo by zero", "float modulo by zero")),
)  # fmt: skip
"""Messages that read otherwise from a version on, oldest first."""
QUALIFIED = re.compile(r"(?:[\w<>]+\.)+(\w+|<lambda>)(\(\) (?:takes (?:\d|from)|missing \d|got ))")
"""How a message names a function, from 3.10 on."""
MAPPINGS = (dict, UserDict, ChainMap, WeakValueDictionary, WeakKeyDictionary)
SHOWN: dict[Any, Version] = {
    OrderedDict: (3, 12), struct.Struct: (3, 13), partialmethod: (3, 13), Handle: (3, 13), type(iter("")): (3, 11),
    Field: (3, 10), NewType: (3, 10),
}  # fmt: skip
"""Types whose repr is another one from a version on."""

TEXTS, PATHS = (str, bytes, bytearray, UserString), (PurePath,)
CHANGED: dict[str, tuple[tuple[tuple[type, ...], Version], ...]] = {
    "__or__": ((MAPPINGS, (3, 9)), ((type,), (3, 10))),
    "__ror__": ((MAPPINGS, (3, 9)), ((type,), (3, 10))),
    "__ior__": ((MAPPINGS, (3, 9)),),
    "__ceil__": (((float,), (3, 9)),),
    "__floor__": (((float,), (3, 9)),),
    "__annotations__": (((type,), (3, 10)),),
    "__builtins__": (((FunctionType,), (3, 10)),),
    "__divmod__": (((complex,), (3, 10)),),
    "__float__": (((complex,), (3, 10)),),
    "__floordiv__": (((complex,), (3, 10)),),
    "__iter__": (((memoryview,), (3, 10)),),
    "__match_args__": (((object,), (3, 10)),),
    "__mod__": (((complex,), (3, 10)),),
    "__set_name__": (((property,), (3, 10)),),
    "__bool__": (((deque,), (3, 11)),),
    "__bytes__": (((bytes,), (3, 11)),),
    "__complex__": (((complex,), (3, 11)),),
    "__getstate__": (((object,), (3, 11)),),
    "__int__": (((complex,), (3, 10)), ((Fraction,), (3, 11))),
    "__final__": (((object,), (3, 11)),),
    "__buffer__": (((object,), (3, 12)),),
    "__class_getitem__": (((object,), (3, 9)), ((object,), (3, 12))),
    "__release_buffer__": (((object,), (3, 12)),),
    "__type_params__": (((FunctionType, type), (3, 12)),),
    "__firstlineno__": (((object,), (3, 13)),),
    "__get__": (((partial,), (3, 13)),),
    "__name__": (((property,), (3, 13)),),
    "__replace__": (((object,), (3, 13)),),
    "__static_attributes__": (((object,), (3, 13)),),
    "fromstring": (((array,), (3, 9)),),
    "is_relative_to": ((PATHS, (3, 9)),),
    "readlink": ((PATHS, (3, 9)),),
    "removeprefix": ((TEXTS, (3, 9)),),
    "removesuffix": ((TEXTS, (3, 9)),),
    "tostring": (((array,), (3, 9)),),
    "with_stem": ((PATHS, (3, 9)),),
    "zscore": (((NormalDist,), (3, 9)),),
    "bit_count": (((int,), (3, 10)),),
    "end_lineno": (((SyntaxError,), (3, 10)),),
    "end_offset": (((SyntaxError,), (3, 10)),),
    "hardlink_to": ((PATHS, (3, 10)),),
    "kw_only": (((Field,), (3, 10)),),
    "name": (((AttributeError, NameError), (3, 10)),),
    "obj": (((AttributeError,), (3, 10)),),
    "total": (((Counter,), (3, 10)),),
    "add_note": (((BaseException,), (3, 11)),),
    "cancelling": (((Task,), (3, 11)),),
    "uncancel": (((Task,), (3, 11)),),
    "get_context": (((Handle, Task), (3, 12)),),
    "gi_suspended": (((GeneratorType,), (3, 11)),),
    "is_integer": (((int, Fraction), (3, 12)),),
    "is_junction": ((PATHS, (3, 12)),),
    "link_to": ((PATHS, (3, 12)),),
    "name_from": (((ImportError,), (3, 12)),),
    "walk": ((PATHS, (3, 12)),),
    "with_segments": ((PATHS, (3, 12)),),
    "clear": (((array,), (3, 13)),),
    "format": (((Signature,), (3, 13)),),
    "from_uri": ((PATHS, (3, 13)),),
    "full_match": ((PATHS, (3, 13)),),
    "parser": ((PATHS, (3, 13)),),
    "shutdown": (((Queue,), (3, 13)),),
}
"""Attributes that objects of these types have from a version on, or have had before it."""
NAMES: dict[str, dict[Version, str]] = {
    "builtins": {(3, 11): "BaseExceptionGroup ExceptionGroup", (3, 13): "PythonFinalizationError"},
    "_thread": {(3, 12): "daemon_threads_allowed", (3, 13): "lock start_joinable_thread"},
    "ast": {(3, 11): "TryStar", (3, 12): "Bytes Ellipsis NameConstant Num ParamSpec Str TypeAlias TypeVar TypeVarTuple "
            "type_param", (3, 13): "PyCF_OPTIMIZED_AST", (3, 14): "Interpolation TemplateStr"},
    "asyncio": {(3, 11): "Barrier BrokenBarrierError Runner TaskGroup Timeout coroutine timeout timeout_at",
                (3, 12): "create_eager_task_factory eager_task_factory", (3, 13): "EventLoop QueueShutDown"},
    "base64": {(3, 12): "test", (3, 13): "z85decode z85encode"},
    "binascii": {(3, 11): "a2b_hqx b2a_hqx rlecode_hqx rledecode_hqx"},
    "calendar": {(3, 12): "APRIL AUGUST DECEMBER Day FEBRUARY JANUARY JULY JUNE MARCH MAY Month NOVEMBER OCTOBER "
                 "SEPTEMBER February January"},
    "collections.abc": {(3, 12): "Buffer", (3, 14): "ByteString"},
    "contextlib": {(3, 11): "chdir"},
    "copy": {(3, 13): "replace"},
    "datetime": {(3, 11): "UTC"},
    "enum": {(3, 11): "CONFORM CONTINUOUS EJECT EnumCheck EnumType FlagBoundary KEEP NAMED_FLAGS ReprEnum STRICT "
             "StrEnum UNIQUE global_enum global_enum_repr global_flag_repr global_str member nonmember "
             "pickle_by_enum_name pickle_by_global_name property show_flag_values verify", (3, 13): "EnumDict"},
    "functools": {(3, 14): "Placeholder"},
    "glob": {(3, 13): "translate"},
    "hashlib": {(3, 11): "file_digest"},
    "heapq": {(3, 14): "heapify_max heappop_max heappush_max heappushpop_max heapreplace_max"},
    "importlib": {(3, 12): "find_loader"},
    "inspect": {(3, 11): "ArgSpec formatargspec getargspec getmembers_static iskeyword ismethodwrapper",
                (3, 12): "AGEN_CLOSED AGEN_CREATED AGEN_RUNNING AGEN_SUSPENDED BufferFlags getasyncgenlocals "
                "getasyncgenstate markcoroutinefunction"},
    "io": {(3, 14): "Reader Writer"},
    "itertools": {(3, 12): "batched"},
    "math": {(3, 11): "cbrt exp2", (3, 12): "sumprod", (3, 13): "fma"},
    "operator": {(3, 11): "call", (3, 14): "is_none is_not_none"},
    "os.path": {(3, 12): "isjunction splitroot", (3, 13): "isdevdrive"},
    "pathlib": {(3, 13): "UnsupportedOperation"},
    "re": {(3, 11): "NOFLAG", (3, 13): "PatternError T TEMPLATE template"},
    "statistics": {(3, 13): "kde kde_random"},
    "sys": {(3, 11): "exception"},
    "types": {(3, 12): "get_original_bases", (3, 13): "CapsuleType"},
    "typing": {(3, 11): "LiteralString Never NotRequired Required Self TypeVarTuple Unpack assert_never assert_type "
               "clear_overloads dataclass_transform get_overloads reveal_type", (3, 12): "TypeAliasType override",
               (3, 13): "AsyncContextManager ContextManager Match NoDefault Pattern ReadOnly TypeIs "
               "get_protocol_members is_protocol", (3, 14): "evaluate_forward_ref"},
}  # fmt: skip
"""Names that modules have from a version on, or have had before it: those of `library.MODULES`."""


class Dialect:
    """What the Python that would run a program says, where that is not what ours says."""

    def __init__(self, target: Version, library: Path | None) -> None:
        self.target = target
        self.library = library
        self.own: Version = sys.version_info[:2]
        self.otherwise: frozenset[Any] = frozenset(kind for kind, since in SHOWN.items() if self.is_between(since))
        """Types whose reprs are not known."""

    @property
    def differs(self) -> bool:
        """Another version than ours."""
        return self.own != self.target

    def is_between(self, version: Version) -> bool:
        """Whether one of both is as new as that version, and the other is not."""
        return (self.own >= version) is not (self.target >= version)

    def is_doubtful(self, kind: type, name: str) -> bool:
        """Whether what is of this type may have that attribute in one of both versions only."""
        return name in CHANGED and any(
            self.is_between(since) and issubclass(kind, kinds) for kinds, since in CHANGED[name]
        )

    def doubtful_of(self, module: str) -> frozenset[str]:
        """The names that a module may have in one of both versions only."""
        names = NAMES.get("collections.abc" if module == "_collections_abc" else module, {})
        return frozenset(name for since, some in names.items() if self.is_between(since) for name in some.split())

    def message(self, error: BaseException, text: str) -> str | None:
        """The message of an exception of ours in the words of the target; None where these are not known."""
        if self.target < (3, 10):
            text = QUALIFIED.sub(r"\1\2", text, count=1)
        if isinstance(error, AttributeError) and error.obj is None and self.is_between((3, 11)):
            return None  # of an attribute that is deleted, nothing but its name is told up to 3.10
        for family in FAMILIES:
            for wording in reversed(family):
                found = re.fullmatch(wording[1], text, re.DOTALL)
                if found is None or wording[0] > max(self.own, EVALUATOR):
                    continue
                spoken = max(_spoken(family, self.own)[0], wording[0])
                wanted = _spoken(family, self.target)
                if wanted[0] in (spoken, wording[0]):
                    return text
                if wanted[0] == OBJECTS and getattr(error, "obj", None) is not None:
                    return text  # an attribute that was read
                return _reworded(found, wanted[2])
        return text

    def raises_the_same(self, error: BaseException) -> bool:
        """Whether what raised an exception is the same in both: not so in library code whose text is another one."""
        trace, place = error.__traceback__, None
        while trace is not None:
            if not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
                place = trace
            trace = trace.tb_next
        return not self.differs or place is None or self._is_same_file(place)

    def _is_same_file(self, place: TracebackType) -> bool:
        name = place.tb_frame.f_code.co_filename
        if self.library is None or not Path(name).is_file():
            return not name.startswith("<frozen")
        folder = Path(linecache.__file__).parent
        return not Path(name).is_relative_to(folder) or same_text(name, self.library / Path(name).relative_to(folder))


def _spoken(family: tuple[Wording, ...], version: Version) -> Wording:
    return [wording for wording in family if wording[0] <= version][-1]


def _reworded(found: Match, write: str | Callable[[Match], str] | None) -> str | None:
    if write is None or isinstance(write, str):
        return None if write is None else found.expand(write)
    return write(found)


def dialect_of(installation: Installation) -> Dialect | None:
    """What the Python of an installation says otherwise than ours; None where nothing is known to differ."""
    own = sys.version_info[:2]
    target = installation.version or own
    return None if target == own and target >= (3, 11) else Dialect(target, installation.stdlib)


@lru_cache(maxsize=1000)
def same_text(one: str, other: Path) -> bool:
    """Whether two source files are the same."""
    try:
        return Path(one).read_bytes() == other.read_bytes()
    except OSError:
        return False
