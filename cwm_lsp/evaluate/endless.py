"""Loops that never end: proved, where the whole state at a loop's head comes back.

What a loop does next is decided by what it can reach: the variables of its frame and of the functions around it, the
names of its module, and whatever these refer to. Where all of that is as it was some rounds before, the same rounds
come again, for ever. Two states are the same if one could be put for the other: same values, same types, same sharing.
What cannot be looked into (a suspended generator, a file), and anything that differs between runs, proves nothing.

Where no state comes back but the loop only reckons with integers, `drifting` may have a proof.

Variables that only add up within the loop (`count += 1`, `seen.append(x)`) decide nothing and may differ.
"""

from __future__ import annotations

import _random
import ast
import datetime
import functools
import inspect
import itertools
import operator
import struct
import sys
import threading
import traceback
import types
import unicodedata
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.drifting import drifts
from cwm_lsp.evaluate.everyday import Environment, Hidden, Stream, VersionInfo
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.loaded import Loaded
from cwm_lsp.evaluate.scopes import TRY
from cwm_lsp.evaluate.values import MISSING, Cell, ClassCell, Guarded, Ticker, Unknown, held_by, is_a, mro_of, names_of
from cwm_lsp.trace.events import Loop

if TYPE_CHECKING:
    from cwm_lsp.evaluate.code import Frame
    from cwm_lsp.evaluate.runtime import Runtime

FIRST = 16
"""Rounds before a loop is looked at: most end sooner."""
MOST = 20_000
"""Values in a state up to which it is compared."""
ADDABLE: frozenset[type] = frozenset({int, float, str, list})
"""Types of which one can have more and more without anything else happening."""
ADDING = (ast.Add, ast.Sub, ast.Mult)
CONSTANT: frozenset[type] = frozenset({
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.ClassMethodDescriptorType, types.MethodWrapperType, types.ModuleType,
    types.CodeType, types.GenericAlias, types.UnionType, Unknown, object, type(MISSING), Hidden, Stream,
    library.Interpreted, VersionInfo, type(unicodedata.ucd_3_2_0), struct.Struct, operator.itemgetter,
    operator.attrgetter, type(sys.hash_info), type(sys.int_info), type(sys.float_info),
    type(vars(datetime).get("datetime_CAPI")), type(Callable[[], None]), type(vars(namedtuple("_", "x"))["x"]),
    type(getattr(traceback, "_sentinel", None)),
})  # fmt: skip
"""Types whose values never change, and are the same only if they are one."""
IMMUTABLE: tuple[type, ...] = (
    datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, Decimal, Fraction, PurePath,
)  # fmt: skip
"""Types whose values are the same if they show the same."""
_MADE: tuple[Any, ...] = (
    iter([]), iter(()), iter(""), iter("\xff"), iter(range(0)), iter(range(1 << 70)), iter({}), iter({}.values()),
    iter({}.items()), reversed([]), iter(int, 1),
)  # fmt: skip
ITERATORS: frozenset[type] = frozenset(
    {*map(type, _MADE), enumerate, reversed, zip, map, filter}
    | {itertools.count, itertools.cycle, itertools.repeat, itertools.chain}
)
"""Types whose `__reduce__` tells how far they are."""
FINITE = ITERATORS - {type(iter(int, 1)), map, filter, zip, enumerate, itertools.count, itertools.cycle,
                      itertools.repeat, itertools.chain}  # fmt: skip
"""Iterators that come to their end, or go on only as what they iterate over grows."""


NEVER: dict[str, Any] = {"": MISSING}
"""The outline of no state."""


LOCKS: frozenset[type] = frozenset({type(threading.Lock()), rendering.RLOCK})
CACHE = type(functools.lru_cache(id))
LIBRARY = frozenset({"typing", "re", "enum", "_abc"})
"""Modules whose objects do not change once they are made."""


class Unprovable(Exception):
    """Something in the state cannot be compared."""


class Rounds:
    """The states at the head of one loop, while it runs. Brent's way: one of them is kept, twice as late each time."""

    def __init__(self, runtime: Runtime, node: ast.While | ast.For) -> None:
        self.runtime = runtime
        self.node = node
        self.count = 0
        self.adding: frozenset[str] = frozenset()
        self.outline: dict[str, Any] = {}
        """What the frame's variables were: atoms, and the types of all else."""
        self.restless: str | None = None
        """The variable that was another one when the outline was last compared: it is looked at first."""
        self.kept: list[Any] | None = None
        """The whole state, once the outline has come back."""
        self.kept_at = 0
        self.renew_at = FIRST
        self.alive: list[Any] = []
        """What the kept state names by its address."""

    def another(self, frame: Frame, items: Any = None) -> None:
        """The loop is at its head again; raises what ends the evaluation if it will never leave."""
        self.count += 1
        if self.restless is not None and self.count < self.renew_at:
            now, before = frame.vars.get(self.restless, MISSING), self.outline.get(self.restless, MISSING)
            if type(now) is type(before) and now != before and type(now) in rendering.ATOMS:
                return
        runtime = self.runtime
        if self.count < FIRST or runtime.tainted or not runtime.tracing:
            return
        if runtime.visits is not None and runtime.visits.pending:
            return
        if self.count >= self.renew_at:
            self.renew_at = 2 * self.count
            if frame.code.is_function:
                self.adding = adding(self.node) - frame.code.shared
                node, moves = self.node, self.count > FIRST
                if moves and isinstance(node, ast.While) and drifts(node, self.outline, frame.vars, self.adding):
                    runtime.never_ends(Loop(node.lineno, None, frame.code.path))
            self.outline = {
                name: value if type(value) in rendering.ATOMS else type(value)
                for name, value in frame.vars.items()
                if name not in self.adding
            }
            self.kept = None
            return
        for name, value in self.outline.items():
            now = frame.vars.get(name, MISSING)
            kind = type(now)
            if kind is not value and not (kind is type(value) and kind in rendering.ATOMS and now == value):
                if type(value) in rendering.ATOMS:
                    self.restless = name
                return
        self.compare(frame, items)

    def compare(self, frame: Frame, items: Any) -> None:
        added = [frame.vars[name] for name in self.adding if name in frame.vars]
        state = State(self.runtime, set(map(id, added)))
        tokens = state.tokens(roots(frame, self.adding, items))
        try:
            if not ADDABLE.issuperset(map(type, added)):
                raise Unprovable
            if self.kept is None:
                self.kept, self.kept_at, self.alive = list(tokens), self.count, state.alive
                return
            for before, now in itertools.zip_longest(self.kept, tokens, fillvalue=MISSING):
                if before != now:
                    return
        except Unprovable:
            self.outline, self.renew_at = NEVER, 4 * self.count
            return
        self.runtime.never_ends(Loop(self.node.lineno, self.count - self.kept_at, frame.code.path))


def roots(frame: Frame, without: frozenset[str], items: Any) -> list[Any]:
    """What a loop can reach."""
    variables = [part for name, value in frame.vars.items() if name not in without for part in (name, value)]
    home = frame.code.home
    return [items, *frame.handling, home.namespace if home is not None else None, *frame.cells.values(), *variables]


class State:
    """Everything that can be reached from some values, as a row of tokens: two states are the same if theirs are."""

    def __init__(self, runtime: Runtime, apart: set[int]) -> None:
        self.runtime = runtime
        self.apart = apart
        """Identities of what is left out, and so must not be reached."""
        self.alive: list[Any] = []

    def tokens(self, values: Iterable[Any]) -> Iterator[Any]:
        runtime = self.runtime
        yield runtime.unknowns
        seen: dict[int, int] = {}
        pending = list(values)
        while pending:
            value = pending.pop()
            kind = type(value)
            if kind in rendering.ATOMS:
                if kind is float or kind is complex:
                    if value != value:
                        raise Unprovable  # which NaN it is may matter
                    value = repr(value)
                yield id(kind), value
                continue
            number = seen.get(id(value))
            if number is not None:
                yield number
                continue
            if id(value) in self.apart or len(seen) > MOST:
                raise Unprovable
            seen[id(value)] = len(seen)
            self.alive.append(value)
            if kind in CONSTANT:
                yield id(kind), id(value)
                continue
            label, parts = self.parts(value, kind)
            yield id(kind), label
            pending.extend(parts)

    def parts(self, value: Any, kind: Any) -> tuple[Any, list[Any]]:
        """What tells a value from others of its type, and what it refers to."""
        if kind is dict or kind is types.MappingProxyType:
            return len(value), [part for pair in value.items() for part in pair]
        if kind is Cell or kind is ClassCell:
            return None, [value.value]
        if kind is types.CellType:
            return None, [value.cell_contents]
        if kind is types.FunctionType:
            return self.function(value)
        if kind is types.MethodType:
            return None, [value.__func__, value.__self__]
        if kind is library.Module:
            return value.load is None, [value.members]
        if is_a(value, type):
            return self.class_of(value)
        if kind is property:
            return None, [value.fget, value.fset, value.fdel]
        if kind in (staticmethod, classmethod):
            return None, [value.__func__]
        if kind is functools.partial:
            return None, [value.func, value.args, value.keywords]
        if kind is Guarded:
            return None, [value.function]
        if kind is Ticker:
            return None, [value.iterator]
        if kind is CACHE:
            return tuple(value.cache_info()), [value.__wrapped__]
        if kind in ITERATORS or kind is operator.methodcaller:
            return self.iterator(value)
        if kind not in self.runtime.classes:
            if is_a(value, IMMUTABLE):
                return repr(value), []
            if kind.__module__ in LIBRARY:
                return id(value), []
        if kind in LOCKS or kind is Context:
            return repr(value), []
        if kind is ContextVar:
            return None, [value.get(MISSING)]
        if kind is types.SimpleNamespace:
            return None, [vars(value)]
        if kind is bytearray:
            return bytes(value), []
        if kind is Environment or kind is Loaded:
            return None, [value.own]
        if kind is inspect.Signature:
            return None, [*value.parameters.values(), value.return_annotation]
        if kind is inspect.Parameter:
            return (value.name, value.kind), [value.default, value.annotation]
        if kind is slice:
            return None, [value.start, value.stop, value.step]
        return self.instance(value, kind)

    def function(self, value: types.FunctionType) -> tuple[Any, list[Any]]:
        body = body_of(value)
        closed: list[Any] = list(body.cells.values()) if body is not None else list(value.__closure__ or ())
        label = id(body.code if body is not None else value.__code__)
        self.alive.append(value.__code__)
        about = [value.__defaults__, value.__kwdefaults__, value.__dict__]
        return label, [*about, *closed, *([value.__globals__] if body is not None else [])]

    def class_of(self, value: type) -> tuple[Any, list[Any]]:
        if value not in self.runtime.classes:
            return id(value), []
        own = [(name, part) for name, part in names_of(value).items() if name not in ("__weakref__", "_abc_impl")]
        return id(value), [*value.__bases__, *(part for pair in own for part in pair)]

    def iterator(self, value: Any) -> tuple[Any, list[Any]]:
        reduced = value.__reduce__()
        self.alive.append(reduced)  # its parts are made anew each time, and must not share addresses
        return None, [*reduced[1], *(reduced[2:] if len(reduced) > 2 else ())]

    def instance(self, value: Any, kind: Any) -> tuple[Any, list[Any]]:
        """An instance of a class in Python, of a builtin container, or of both."""
        known = kind in self.runtime.classes or kind.__module__ in PURE
        label: Any = None
        parts: list[Any] = [kind]
        for base in (list, tuple, deque, set, frozenset, dict, str, int, bytes, float):
            if is_a(value, base):
                known = known or kind.__module__ in ("builtins", "collections")
                if base in (list, tuple, deque):
                    parts += base.__iter__(value)
                elif base is dict:
                    parts += [part for pair in dict.items(value) for part in pair]
                    parts.append(getattr(value, "default_factory", None))
                elif base in (set, frozenset):
                    # Their order depends on how large the table is, and on what was taken from it.
                    label = sys.getsizeof(value), self.runtime.shrunk if len(value) else 0
                    parts += base.__iter__(value)
                else:
                    label = repr(base(value)) if base is not str else str.__str__(value)
                break
        if is_a(value, _random.Random):
            label = hash(_random.Random.getstate(value))
        if is_a(value, property):
            parts += [value.fget, value.fset, value.fdel]
        if is_a(value, BaseException):
            known = True
            parts += [value.args, value.__cause__, value.__context__]
        if not known or not all(self.shows_all(base) for base in mro_of(kind)):
            raise Unprovable
        held = held_by(value)
        if held is not None:
            parts.append(held)
        for base in mro_of(kind):
            for member in names_of(base).values():
                if isinstance(member, types.MemberDescriptorType):
                    parts.append(MISSING)
                    with suppress(AttributeError):
                        parts[-1] = member.__get__(value)
        return label, parts

    def shows_all(self, base: Any) -> bool:
        """Whether what a class has of its own can be seen: types in C may hide a state, as a random generator does."""
        return (
            base in self.runtime.classes or base in SHOWN or base.__module__ in PURE or issubclass(base, BaseException)
        )


SHOWN: frozenset[type] = frozenset(
    {
        object,
        list,
        tuple,
        deque,
        set,
        frozenset,
        dict,
        str,
        int,
        bytes,
        float,
        bool,
        OrderedDict,
        defaultdict,
        Counter,
        property,
        datetime.tzinfo,
        _random.Random,
    }
)
PURE = frozenset({
    "abc", "typing", "enum", "collections.abc", "numbers", "contextlib", "functools", "dataclasses", "string",
    "json.encoder", "json.decoder",
})  # fmt: skip
"""Modules whose classes are written in Python."""


@functools.lru_cache(maxsize=1024)
def adding(loop: ast.While | ast.For) -> frozenset[str]:
    """Local names that a loop only adds to: what they are decides nothing in it."""
    test = loop.test if isinstance(loop, ast.While) else loop.target
    added: set[str] = set()
    used: set[str] = set()
    pending: list[tuple[ast.AST, bool]] = [(test, False), *((node, False) for node in loop.body)]
    while pending:
        node, guarded = pending.pop()
        match node:
            case ast.AugAssign(target=ast.Name(id=name), op=operator, value=value) if isinstance(operator, ADDING):
                added.add(name)
                pending.append((value, guarded))
                continue
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value])):
                added.add(name)
                pending.append((value, guarded))
                continue
            case ast.Return() if not guarded:
                continue  # if it were come to, the loop would end
            case ast.Name(id=name):
                used.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                used.update(names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                used.add(node.name)
        guarded = guarded or isinstance(node, TRY)
        pending += [(child, guarded) for child in ast.iter_child_nodes(node)]
    return frozenset(added - used)
