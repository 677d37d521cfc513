"""The builtins that need more than being called: a bound on their result, a callback, a look at what is known."""

from __future__ import annotations

import ast
import collections
import contextlib
import copy
import dataclasses
import difflib
import enum
import functools
import heapq
import itertools
import json
import math
import operator
import os
import re
import shlex
import statistics
import struct
import textwrap
import typing
import unicodedata
import urllib.parse
import warnings
from abc import ABCMeta
from collections.abc import Callable
from fractions import Fraction
from types import CodeType, FunctionType, ModuleType, new_class
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, regex, rendering
from cwm_lsp.evaluate.everyday import SYNTAX, Hidden, StandIn, Stream, wait
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.iteration_rules import Iterating
from cwm_lsp.evaluate.making import Making
from cwm_lsp.evaluate.methods import METHOD_RULES
from cwm_lsp.evaluate.pickling import Pickling
from cwm_lsp.evaluate.reading import ConcretePath
from cwm_lsp.evaluate.sizes import OPERATOR_CHECKS
from cwm_lsp.evaluate.values import (
    MISSING,
    Addressed,
    GaveUp,
    Memo,
    Ticker,
    Undetermined,
    Unknown,
    is_a,
    unguarded,
)

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Calls, Context

Rule = Callable[[Any, list[Any], dict[str, Any]], Any]

ORDER_FREE: frozenset[Any] = frozenset({len, isinstance, type, callable, set, frozenset, id, any, all, bool, copy.copy,
                                        copy.deepcopy, hash, issubclass})  # fmt: skip
"""Functions for which the order of a set does not matter."""


MOST_SOURCE = 20_000
"""Characters of a program that is compiled."""


class Rules(Iterating, Pickling):
    """The special cases among the allow-listed callables."""

    def __init__(self, interpreter: Context, calls: Calls) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.calls = calls
        self.csv_files = {}
        self.pickled = set()
        self.layers = 0
        """Iterators over iterators that have been made."""
        self.functions: dict[Any, Rule] = {
            library.evaluate_text: self.eval_, library.execute_text: self.exec_, library.import_module: self.imported,
            library.compile_text: self.compile_,
            library.import_whole: self.imported, library.register_at_fork: lambda *_: None,
            print: self.print_, isinstance: self.isinstance_,
            issubclass: self.isinstance_, type: self.type_, callable: self.type_, id: self.address, hash: self.hash_,
            iter: self.iter_, next: self.next_, getattr: self.getattr_,
            setattr: self.setattr_, hasattr: self.hasattr_, delattr: self.delattr_, vars: self.vars_,
            str: self.text, repr: self.text, ascii: self.text, format: self.format_, object: self.plain,
            int: self.whole, round: self.whole, Fraction: self.whole, math.floor: self.whole, math.ceil: self.whole,
            math.trunc: self.whole, itertools.tee: self.counted, statistics.quantiles: self.counted,
            difflib.ndiff: self.compared, difflib.unified_diff: self.compared, difflib.SequenceMatcher: self.compared,
            difflib.get_close_matches: self.compared,
            pow: self.pow_, sorted: self.keyed, min: self.keyed, max: self.keyed, sum: self.sum_,
            bytes: self.sized, bytearray: self.sized, super: self.super_,
            **dict.fromkeys((map, filter, zip, enumerate, itertools.chain, itertools.islice, itertools.takewhile,
                             itertools.dropwhile, itertools.filterfalse, itertools.starmap, itertools.accumulate,
                             itertools.compress, itertools.groupby, itertools.zip_longest), self.lazy),
            math.factorial: self.factorial, math.comb: self.choose, math.perm: self.choose, math.prod: self.product,
            math.ldexp: self.plain, math.lcm: self.product,
            itertools.count: self.endless, itertools.cycle: self.endless, itertools.repeat: self.endless,
            itertools.product: self.combinations, itertools.permutations: self.combinations,
            itertools.combinations: self.combinations, itertools.combinations_with_replacement: self.combinations,
            functools.wraps: self.calls.raw, functools.update_wrapper: self.calls.raw, functools.partial: self.partial,
            functools.lru_cache: self.cache, functools.cache: self.cache, functools.cmp_to_key: self.remembered,
            functools.reduce: self.calling, heapq.nlargest: self.calling, heapq.nsmallest: self.calling,
            reversed: self.backwards,
            **dict.fromkeys((unicodedata.normalize, unicodedata.is_normalized), self.normalized),
            dataclasses.dataclass: self.dataclass_, dataclasses.field: self.plain,
            functools.total_ordering: self.total_ordering,
            enum.unique: self.plain, json.dumps: self.dumps, json.JSONEncoder: self.dumps, json.loads: self.loaded,
            copy.copy: self.copied, copy.deepcopy: self.deepcopy, shlex.split: self.texts,
            urllib.parse.urlencode: self.settled,
            **dict.fromkeys((textwrap.fill, textwrap.wrap, textwrap.indent, textwrap.shorten, textwrap.TextWrapper,
                             textwrap.dedent), self.filled),
            **dict.fromkeys((value for name, value in vars(statistics).items() if name in statistics.__all__
                             and callable(value) and value is not statistics.quantiles), self.measured),
            **dict.fromkeys((getattr(operator, name) for name in OPERATOR_CHECKS), self.operator_),
            operator.setitem: self.item, operator.getitem: self.item,
            operator.attrgetter: self.getter, operator.methodcaller: self.getter,
            collections.namedtuple: self.class_maker, contextlib.contextmanager: self.contextmanager,
            contextlib.asynccontextmanager: self.contextmanager,
            struct.pack: self.packed, struct.calcsize: self.packed, struct.Struct: self.packed, os.fspath: self.path,
            wait: self.wait,
            **dict.fromkeys((FunctionType, CodeType, ModuleType), self.not_followed),
            **dict.fromkeys((ABCMeta.__new__, enum.EnumMeta.__new__), self.calls.new_class),
            **dict.fromkeys((typing.NewType, typing.TypeVar, getattr(typing, "ParamSpec", None),
                             getattr(typing, "TypeVarTuple", None)), self.named_here),
            typing.NamedTuple: self.class_maker, typing.TypedDict: self.class_maker,
            dataclasses.make_dataclass: self.class_maker, new_class: self.new_class,
            globals: self.globals_, locals: self.locals_,
            typing.get_type_hints: self.type_hints, functools.singledispatchmethod.register: self.register,
            **dict.fromkeys(filter(is_enum, library.BASES), self.class_maker),
            property: self.plain, staticmethod: self.plain, classmethod: self.plain,
        }  # fmt: skip
        self.functions |= interpreter.asynchronous.rules | self.everyday() | self.reading() | self.pickling()
        for function in regex.FUNCTIONS:
            self.functions[function] = self.pattern
        self.class_methods: dict[str, Rule] = {
            "fromkeys": self.native, "maketrans": self.native, "from_iterable": self.chained, "from_bytes": self.read,
            "strptime": self.parsed_time, "from_float": self.native, "fromtimestamp": self.moment_there,
        }  # fmt: skip

    plain = Making.native

    def address(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        function(*args, **kwargs)
        return Unknown()

    def never(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.runtime.unknown()

    def moment_there(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`datetime.fromtimestamp`, which without a time zone is of the machine's own."""
        if [*args[1:], kwargs.get("tz")][0] is None:
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    # text

    def print_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not all(
            value is None or name in ("flush", "file") or (name in ("sep", "end") and type(value) is str)
            for name, value in kwargs.items()
        ):
            return self.calls.foreign(args, kwargs)
        target = kwargs.get("file")
        if target is None:
            target = self.interpreter.imports.find("sys").members["stdout"]
        if type(target) is Unknown:
            return self.calls.foreign(args, kwargs)
        if type(target) is not Stream:
            return self.interpreter.operations.attempt(
                functools.partial(self.print_into, target, kwargs), args, (target,)
            )
        for value in args:
            if self.runs_code(value) and not self.interpreter.operations.has_unknown((value,)):
                str(value)
        return None

    def print_into(self, target: Any, kwargs: dict[str, Any], *values: Any) -> Any:
        """`print` into a file of the program's: what it holds then is known where the texts are."""
        shown = self.interpreter.formats.shown
        try:
            texts = [value if type(value) in rendering.ATOMS else shown(value, str) for value in values]
        except Addressed:
            self.runtime.poison((target,))
            return None
        return self.calls.native(print, texts, {**kwargs, "file": target}, (target,))

    def runs_code(self, value: Any) -> bool:
        """Whether the text of a value is made by functions of the file."""
        if not self.runtime.classes or type(value) in rendering.ATOMS:
            return False
        self.interpreter.operations.check_nesting(value)
        return type(value) in self.runtime.classes or any(map(self.runs_code, self.runtime.inside(value)))

    def wait(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`time.sleep`."""
        if len(args) != 1 or kwargs or type(args[0]) not in (int, float) or not 0 <= args[0] < 10**6:
            return self.runtime.unknown()
        return None

    def text(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or kwargs:
            return self.native(function, args, kwargs)
        if function is str and self.files.fresh.roots:
            meant = self.files.meant(args[0])
            if type(meant) in (str, ConcretePath) and self.files.fresh.marks(str(meant)):
                return self.interpreter.operations.attempt(self.files.text, (str(meant),))
        return self.interpreter.operations.attempt(lambda value: self.interpreter.formats.shown(value, function), args)

    def format_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not 1 <= len(args) <= 2 or kwargs or not all(is_a(item, str) for item in args[1:]):
            return self.native(function, args, kwargs)
        return self.interpreter.operations.attempt(self.interpreter.formats.formatted, [*args, ""][:2])

    def eval_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`eval` of an expression's text, interpreted like everything else."""
        frame = self.runtime.frame
        if len(args) != 1 or kwargs or not is_a(args[0], str) or frame is None:
            return self.runtime.unknown(args)
        self.runtime.allow(len(args[0]) * 10)
        expression = ast.parse(args[0].lstrip(" \t"), "<string>", "eval").body
        variables = frame.vars
        if frame.code.is_function:
            shared = {name: cell.value for name, cell in frame.cells.items() if cell.value is not MISSING}
            variables = {**frame.vars, **shared}
        return self.interpreter.here.evaluate(expression, variables)

    # what things are

    def isinstance_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        args = [item.value if type(item) is Unknown and item.value is not MISSING else item for item in args]
        if args and function is isinstance:
            args = [self.files.meant(args[0]), *args[1:]]
        args = [unguarded(item) for item in args]
        if self.interpreter.operations.has_unknown(args[:1] if args and type(args[0]) is Unknown else args[1:]):
            return self.runtime.unknown()
        if len(args) == 2 and function is isinstance and type(args[0]) is library.Module:
            kinds = args[1] if type(args[1]) is tuple else (args[1],)
            if all(type(kind) is type and kind not in self.runtime.classes for kind in kinds):
                return any(issubclass(ModuleType, kind) for kind in kinds)
        if args and (type(args[0]) in (Ticker, library.Module) or self.stands_for(args)):
            return self.runtime.unknown()
        return self.calls.raw(function, args, kwargs)

    @staticmethod
    def stands_for(args: list[Any]) -> bool:
        """Whether what a program asks about is not an object of the type that it has here."""
        number = type(args[0]) is Hidden and len(args) == 2 and args[1] in (int, float, list, tuple)
        return is_a(args[0], StandIn) and not number

    def type_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) == 3 and function is type:
            return self.class_of_parts(args, kwargs)
        if len(args) != 1 or kwargs:
            return self.calls.foreign(args, kwargs)
        value = args[0]
        if type(value) is Unknown and value.value is not MISSING:
            value = value.value
        value = unguarded(value)
        hidden = is_a(value, StandIn) and (function is callable or type(value) is not Hidden)
        if type(value) in (Unknown, Ticker, Memo, library.Module) or hidden:
            return self.runtime.unknown()
        return function(value)

    def hash_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) == 1 and not kwargs:
            self.interpreter.operations.check_nesting(args[0])
            kind: Any = type(args[0])
            made = kind in self.runtime.classes and type(kind.__hash__) is FunctionType  # of what is inside
            if not (
                rendering.steady(args[0])
                or body_of(kind.__hash__) is not None
                or (made and all(map(rendering.steady, self.runtime.inside(args[0]))))
            ):
                return seeded(function(args[0]))
        before = self.runtime.seeded
        made_here = self.native(function, args, kwargs)
        return made_here if self.runtime.seeded == before else seeded(made_here)

    def super_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 2 or args[0] not in self.runtime.classes:
            raise GaveUp("super is called in a way that is not interpreted")
        return super(*args)

    def getattr_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not 2 <= len(args) <= 3 or not is_a(args[1], str):
            return (
                self.native(function, args, kwargs) if args and not is_a(args[0], Unknown) else self.runtime.unknown()
            )
        try:
            return self.interpreter.attributes.get(args[0], args[1])
        except AttributeError:
            if len(args) == 3:
                return args[2]
            raise

    def compile_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`compile`, of which only the errors are known."""
        if len(args) == 3 and not kwargs and all(type(item) is str for item in args[1:]) and self.compiles(*args):
            return Unknown()
        return self.runtime.unknown(args)

    def compiles(self, source: Any, filename: str, mode: str) -> bool:
        """Whether a program can be compiled; raises what CPython does where it cannot, and False is not known."""
        dialect = self.runtime.dialect
        if (dialect is not None and dialect.differs) or not (filename.startswith("<") and filename.endswith(">")):
            return False  # an error shows the line of a file with that name
        if type(source) not in SYNTAX and (type(source) is not str or len(source) > MOST_SOURCE):
            return False
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                compile(source, filename, mode, dont_inherit=True)
            except (RecursionError, MemoryError):
                return False
            except (SyntaxError, ValueError, TypeError):
                if told:
                    return False  # what the program makes of a warning is not known
                raise
        return not told

    def exec_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`exec`, which is not interpreted, and may bind and change all that its module has."""
        if args and type(args[0]) is str:
            self.compiles(args[0], "<string>", "exec")
        home = self.interpreter.here
        if not self.runtime.tracing:
            spaces = [value for value in args[1:] if value is not home.namespace]
            self.runtime.unknowing.reach([*spaces, *(() if len(spaces) == 2 else home.namespace.values())])
            if not spaces or not is_a(args[0], str) or (len(spaces) == 1 and "global" in args[0]):
                home.forget_all()
        return self.runtime.unknown(args)

    def imported(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.interpreter.imports.called(function, args, kwargs)

    def hasattr_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 2 or not is_a(args[1], str):
            return self.runtime.unknown()
        value, name = args
        if is_a(value, StandIn):
            return self.runtime.unknown()
        if self.interpreter.attributes.is_doubtful(value, name):
            return self.runtime.unknown()
        if name.startswith("__") and type(value) not in (Unknown, Ticker, library.Module):
            return hasattr(value, name)
        unknowing = self.runtime.unknowing
        if unknowing.given_up and unknowing.may_differ(value, name):
            return self.runtime.unknown()
        try:
            found = self.interpreter.attributes.known(value, name)
        except AttributeError:
            return False
        except Undetermined:
            return self.runtime.unknown()
        there = (
            type(value) is library.Module
            and not self.interpreter.imports.of_program(value.name)
            and (value.rest or (value.name == "os" and hasattr(os, name) and value.perhaps.isdisjoint({name})))
        )
        return True if type(found) is not Unknown or there else self.runtime.unknown()

    def setattr_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 3 or not is_a(args[1], str):
            self.runtime.unknowing.set_any(*args[:1])
            return self.calls.foreign(args, kwargs)
        return self.interpreter.attributes.set(*args)

    def delattr_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 2 or not is_a(args[1], str):
            self.runtime.unknowing.set_any(*args[:1])
            return self.calls.foreign(args, kwargs)
        return self.interpreter.attributes.delete(*args)

    def vars_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not args:
            return self.locals_(function, args, kwargs)
        if len(args) == 1 and type(args[0]) in rendering.ATOMS:
            return vars(args[0])
        if len(args) == 1 and type(args[0]) is not Unknown:
            try:
                return self.interpreter.attributes.get(args[0], "__dict__")
            except AttributeError:
                raise TypeError("vars() argument must have __dict__ attribute") from None
        return self.runtime.unknown(args)

    # operators and copies

    def item(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`operator.getitem` and `operator.setitem`."""
        operations = self.interpreter.operations
        rule: Callable[..., Any] = operations.subscript if function is operator.getitem else operations.set_item
        return rule(*args) if len(args) == (2 if function is operator.getitem else 3) else function(*args, **kwargs)

    def getter(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        names = args if function is operator.attrgetter else args[:1]
        if (kwargs and function is operator.attrgetter) or not all(type(name) is str for name in names):
            return self.native(function, args, kwargs)
        if any("__" in name or name.startswith(("gi_", "format")) for name in names):
            return self.runtime.unknown()
        return self.native(function, args, kwargs)

    def deepcopy(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`copy.deepcopy`: what it remembers, it remembers by addresses."""
        if "copyreg" in self.interpreter.imports.modules:
            return self.runtime.unknown(args)
        made = self.native(function, args, kwargs if len(args) != 1 else {"memo": Memo(), **kwargs})
        self.runtime.poison(value for value in (*args[1:], kwargs.get("memo")) if type(value) is dict)
        return made

    def copied(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`copy.copy`, which a program may have told how to copy."""
        if "copyreg" in self.interpreter.imports.modules:
            return self.runtime.unknown(args)
        return self.native(function, args, kwargs)

    # regular expressions

    def pattern(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self.interpreter.operations.attempt(
            lambda: regex.run(self.runtime, self.calls.safe, function, args, kwargs), ()
        )

    # methods

    def method(self, kind: type, name: str) -> Callable[..., Any] | None:
        """The rule for a method of a builtin type: takes the object, its bound method and the arguments."""
        if kind is re.Pattern and name in regex.METHODS:
            return self.pattern_method
        return getattr(self, METHOD_RULES.get((kind, name), ""), None) if (kind, name) in METHOD_RULES else None

    def pattern_method(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return regex.run(self.runtime, self.calls.safe, function, args, kwargs, value)


def seeded(number: int) -> Unknown:
    """The hash of something that has another one in every run."""
    made = Unknown()
    made.hashed = number
    return made


def is_enum(kind: Any) -> bool:
    return is_a(kind, enum.EnumMeta)
