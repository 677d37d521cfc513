"""The rules of what everyday code asks of the library and needs more than to be called."""

from __future__ import annotations

import _csv
import _random
import _weakref
import abc
import array
import ast
import csv
import functools
import inspect
import io
import os
import pprint
import re
import sys
import time
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.everyday import SYNTAX_CALLS, Environment, Lock, trail
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.values import Addressed, GaveUp, Undetermined, Unknown, defines, is_a, mro_of

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Calls
    from cwm_lsp.evaluate.runtime import Runtime


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
            sys.setrecursionlimit: self.limit_recursion,
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
        if type(environment) is not Environment or self.runtime.is_poisoned((environment,)):
            return self.runtime.unknown(args)
        default = args[1] if len(args) == 2 else kwargs.get("default")
        return self.calls.call(environment.get, [args[0], default], {})

    def limit_recursion(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`sys.setrecursionlimit`: calls may be nested deeper then than they are counted here."""
        if len(args) == 1 and not kwargs and type(args[0]) is int and args[0] >= self.runtime.limits.depth:
            self.runtime.deeper = True
        else:
            self.runtime.give_up("the program changes how deep calls may be nested")

    def handled(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`sys.exc_info`."""
        frame = self.runtime.frame
        error = frame.handled if frame is not None else None
        if error is None:
            return (None, None, None)
        return (type(error), error, Unknown())

    def names(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`dir` of an instance or class of the program."""
        if len(args) != 1 or not {type(args[0]), args[0] if is_a(args[0], type) else None} & self.runtime.classes:
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
        if is_a(dialect, str) and dialect not in DIALECTS:
            return self.runtime.unknown(args)
        made = self.calls.native(function, args, kwargs)
        if function is _csv.writer and args:
            self.csv_files[id(made)] = made, args[0]
        return made

    def rows(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`writerow` and `writerows`: what the file holds then is known where the texts are."""
        file = self.csv_files[id(value)][1]
        operations = self.calls.operations
        try:
            if operations.has_unknown(args):
                raise Undetermined
            if len(args) == 1:
                rows = [args[0]] if function.__name__ == "writerow" else list(iter(operations.ending(args[0])))
                rows = [
                    row if is_a(row, str) else [self.as_written(field) for field in iter(operations.ending(row))]
                    for row in rows
                ]
                args = rows if function.__name__ == "writerow" else [rows]
        except Addressed:
            self.runtime.poison((file,))
            return Unknown()
        except Undetermined:
            return self.runtime.unknown((file,))
        return self.calls.native(function, args, kwargs, (value,))

    def as_written(self, field: Any) -> Any:
        """A field of a row of `csv`, as text where it is an object of the program, which is asked for it once."""
        text = self.calls.interpreter.formats.shown(field, str)
        if type(field) not in self.runtime.classes or is_a(field, str | int | float):
            return field
        if any(defines(type(field), name) for name in ("__index__", "__int__", "__float__", "__complex__")):
            raise Undetermined  # numbers may be written without quotes
        return text

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
        made = function(*args[:1], *[None for _ in args[1:]], **kwargs)  # or raises the TypeError
        called = args[1] if len(args) > 1 else None
        body = body_of(getattr(called, "__func__", called))
        if called is not None and not (body is not None and body.code.foreign):
            self.runtime.give_up("when a weak reference calls back is not known")
        reference = Unknown()
        reference.leads_to = made
        return reference

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

    def may_write(self, form: str, *, zoned: bool = False) -> bool:
        """Whether the directives of a time's format mean the same in every run: names are English where the program
        does not choose otherwise, and the time zone is the machine's where the time is not `zoned`."""
        if ZONE.search(re.sub("%%|%Z", "", form) if zoned else form):
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
        """`seed` and `setstate` of a random generator: without a number it is another one in every run."""
        if kwargs or len(args) != 1 or args[0] is None:
            self.runtime.unseeded[id(value)] = value
            return None
        result = self.calls.native(function, args, kwargs, (value,))
        self.runtime.unseeded.pop(id(value), None)
        return result

    def drawn(self, value: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What a random generator gives."""
        if id(value) in self.runtime.unseeded:
            return self.runtime.unknown()
        return self.calls.native(function, args, kwargs, (value,))

    def syntax(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What reads program text, or goes through a tree of it."""
        for value in args:
            if is_a(value, str | bytes):
                self.runtime.allow(20 * len(value))
                if len(value) > MOST_TEXT:
                    raise GaveUp("a text is too long to be parsed here")
        if function is ast.parse or (function is ast.literal_eval and args and is_a(args[0], str)):
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
            for kind in (str, bytes, bytearray, memoryview, array.array):
                if is_a(item, kind) and not value.closed:
                    self.runtime.allow(value.tell() + kind.__len__(item))  # not what a class of the program says
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
    **dict.fromkeys(((_random.Random, "seed"), (_random.Random, "setstate")), "seeded"),
    **{(_random.Random, name): "drawn" for name in ("random", "getrandbits", "getstate")},
}
