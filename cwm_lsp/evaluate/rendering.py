"""What values show as: reprs, bounded, without addresses, and never in an order that differs between runs."""

from __future__ import annotations

import ctypes
import functools
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, BufferedWriter, BytesIO, StringIO, TextIOWrapper
from itertools import chain
from threading import RLock
from types import FunctionType, MethodType, NoneType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, cast

from cwm_lsp.evaluate.event_loop import CLOCKED, shows_otherwise
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.kept import Instance, Kept, Shape, keep, keep_flat, shape_of
from cwm_lsp.evaluate.library import Module
from cwm_lsp.evaluate.values import Addressed, GaveUp, Undetermined, Unknown, arguments_of, held_by, is_a, names_of

if TYPE_CHECKING:
    from cwm_lsp.evaluate.machine import Machine

ATOMS: frozenset[type] = frozenset(
    {int, str, float, bool, NoneType, bytes, complex, range, type(...), type(NotImplemented)}
)
"""Immutable types whose repr needs no look inside."""
STEADY: frozenset[type] = frozenset({int, float, bool, complex})
"""Types whose hash is the same in every run."""
MUTABLE: frozenset[type] = frozenset({
    list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter, StringIO, BytesIO, TextIOWrapper,
    BufferedReader, BufferedWriter,
})  # fmt: skip
FLAT: frozenset[type] = frozenset({list, tuple, dict})
SIZED_BUILTINS: frozenset[type] = frozenset({str, bytes, bytearray, list, tuple, dict, set, frozenset, deque})
ROWS: frozenset[type] = frozenset({list, tuple})
PLAIN: tuple[type, ...] = (list, tuple, dict, set, frozenset)
CYCLES: dict[Any, str] = {list: "[...]", dict: "{...}", tuple: "(...)"}
NODES = 20_000
"""Values inside one shown value, shared ones counted each time."""
SHORT = 1_000
"""Characters or bits of what is shown without further looks."""
UNKNOWN = "..."
ADDRESS = re.compile(r" (?:at|@) 0x([0-9a-fA-F]+)")
NUMBER = re.compile(r"0x([0-9a-fA-F]{7,16})(?![0-9a-fA-F])")
NEAR = 1 << 36
"""Bytes around an object of this process within which a number in a text counts as the address of another one."""
SET = re.compile(r"\{(?:<[^{}<>]*>(?:, <[^{}<>]*>)+|'[^'{}:]*'(?:, '[^'{}:]*')+)\}")
"""The repr of a set of objects or texts, whose order hangs on where they are or on the seed of hashes."""
OURS = f"{__package__}."
RLOCK = type(RLock())
OWNER = re.compile(r" owner=[1-9]")
"""The thread that holds a lock, by a number that differs from run to run."""
WRITTEN: dict[Any, Any] = {kind.__repr__: kind for kind in (list, tuple, dict, set, frozenset, BaseException)}
"""The `repr` of builtin containers and exceptions, which their subclasses mostly inherit."""
CUT_PLACE = re.compile(r"\.\.\.[^<]*\bfile:\d+>+$")
"""Where the code of a task is, at the end of a text that was shortened by how long the path of its file is."""
PLACE = re.compile(r"(running|defined|\)) at [^'\"]+?:\d+(?=[>,\]])")
"""Where the code of a task or callback is, which the recorder leaves out too."""


def steady(value: Any) -> bool:
    """Whether the hash of a value is the same in every run, and so its place in a set."""
    kind = type(value)
    if kind in (float, complex) and value != value:
        return False  # the hash of a NaN is its address
    return kind in STEADY or (kind in (tuple, frozenset) and all(map(steady, value)))


def unordered(value: Any) -> bool:
    """Whether the order of a set differs between runs."""
    return len(value) > 1 and not all(map(steady, value))


def is_bare(kind: Any) -> bool:
    """Whether a class has the `repr` of `object`, which says nothing of what is inside."""
    return kind.__repr__ is object.__repr__


def type_of(value: Any) -> str:
    """What a value shows as whose repr is not known: its type, if that is."""
    if str(names_of(type(value)).get("__module__")).startswith(OURS):  # it stands for something: an unknown, a module
        return UNKNOWN
    return ADDRESS.sub("", object.__repr__(value))


def is_flat(value: Any) -> bool:
    """Whether a list, tuple or dict holds a moderate number of atoms, or rows of them, and no more."""
    if len(value) > 2000:
        return False
    if type(value) is dict:
        return ATOMS.issuperset(map(type, value.values())) and ATOMS.issuperset(map(type, value))
    if ATOMS.issuperset(map(type, value)):
        return True
    return (
        ROWS.issuperset(map(type, value))
        and sum(map(len, value)) < 5000
        and ATOMS.issuperset(map(type, chain.from_iterable(value)))
    )


class Renderer:
    """Reprs of the values of one evaluation."""

    def __init__(self, runtime: Machine) -> None:
        self.runtime = runtime
        self.round = 0
        """Counts the times that values are looked at, but for those between which all changes are told."""
        self.acts = -1
        """`Machine.acts` when that was counted; -1 where something was under way."""
        self.shapes: dict[type, Shape | None] = {}
        """How instances of the file's classes show, where that is known."""
        self.refused: set[type] = set()
        """Classes whose `__repr__` changes its object."""
        self.around: list[Any] = []
        """Containers that are being written, one inside the other."""

    def look(self) -> int:
        """Values are about to be looked at. Gives the round: in one, classes stay what they are."""
        runtime = self.runtime
        if self.acts != runtime.acts or runtime.acting:
            self.round += 1
            self.acts = -1 if runtime.acting else runtime.acts
        return self.round

    def text(self, value: Any) -> str:
        """The repr of a value; raises `Undetermined` where it cannot be known, with a suggestion where it nearly is."""
        kind = type(value)
        if kind in ATOMS:
            if kind is str:
                if len(value) > self.runtime.limits.text:
                    raise GaveUp("a string is too long to show")
                self.without_address(value)
            elif kind is int and value.bit_length() > 14_000:  # CPython converts no more than 4,300 digits
                raise Undetermined
            return self.counted(repr(value))
        if kind is Module:
            return self.counted(value.told())
        runtime = self.runtime
        if kind in FLAT and not runtime.poisoned and is_flat(value):
            return self.counted(repr(value))
        if kind in self.shapes and runtime.certain and (kept := self.plain_instance(value)) is not None:
            return self.counted(kept.shape.text(kept.parts))
        self.shuffled = False
        self.measure(value, [NODES], set())
        if not (is_bare(kind) and kind in runtime.classes):
            runtime.touchable((value,))
        with runtime.untraced():
            text = self.render(value)
        if "coro=<" in text or "cb=[" in text:
            text = PLACE.sub(r"\1", text)
        if self.shuffled:
            raise Undetermined(text)
        return self.counted(text)

    def shown(self, value: Any) -> tuple[str, Kept | None]:
        """The repr of a value that is no atom, as `text` gives it, and what it is made of, if that hangs on nothing
        else."""
        kind = type(value)
        if kind in FLAT and not self.runtime.poisoned and len(value) <= 2000 and ATOMS.issuperset(map(type, value)):
            if kind is not dict:
                return self.counted(repr(value)), keep_flat(value)
            if ATOMS.issuperset(map(type, value.values())):
                return self.counted(repr(value)), keep_flat(value)
        elif kind in self.shapes and (instance := self.plain_instance(value)) is not None:
            return self.counted(instance.shape.text(instance.parts)), instance
        return self.text(value), keep(value, ATOMS, self.shape)

    def plain_instance(self, value: Any) -> Instance | None:
        """What an instance is made of, where its class shows its attributes, and they are numbers and texts as there
        are many."""
        shape = self.shape(type(value))
        parts = shape.parts(value) if shape is not None and not shape.bare else None
        if shape is None or parts is None or not all(map(is_plain, parts)):
            return None
        return Instance(shape, parts, flat=True)

    def shape(self, kind: type) -> Shape | None:
        """How the instances of a class show, if that is still known."""
        shape = self.shapes.get(kind)
        if shape is not None and not shape.holds(self.round):
            shape = None
            del self.shapes[kind]
        return shape

    def counted(self, text: str) -> str:
        size = len(text)
        if size > self.runtime.limits.text:
            raise GaveUp("a value is too long to show")
        self.runtime.has_shown(size)
        return text

    def bound(self, values: Iterable[Any]) -> None:
        """Keep values from growing beyond measure while they are not shown."""
        for value in values:
            if type(value) in PLAIN and not (type(value) in ROWS and ATOMS.issuperset(map(type, value))):
                self.measure(value, [10 * NODES], set())

    def measure(self, value: Any, left: list[int], path: set[int]) -> None:
        """Bound the size of a repr before it is made, and note sets whose order is not known."""
        kind = type(value)
        left[0] -= 1
        if left[0] < 0:
            raise GaveUp("a value is too large to show")
        if kind in ATOMS or id(value) in path:
            if kind is int and value.bit_length() > 14_000:
                raise Undetermined
            return
        if kind is set or kind is frozenset:
            if unordered(value):
                self.shuffled = True
        elif is_a(value, set | frozenset) and unordered(value):
            raise Undetermined
        is_closed = is_bare(kind) or getattr(kind, "__repr__", None) is type.__repr__
        if kind is Unknown or (is_closed and kind in self.runtime.classes):
            return
        if kind in CLOCKED or (self.runtime.dialect is not None and kind in self.runtime.dialect.otherwise):
            raise Undetermined
        inside = self.runtime.inside(value)
        if inside:
            if len(path) > 100:
                raise GaveUp("a value is nested too deeply to show")
            path.add(id(value))
            for item in inside:
                self.measure(item, left, path)
            path.discard(id(value))

    def render(self, value: Any) -> str:
        """`repr` as the recorder gives it: containers and exceptions are written item by item, an object whose own
        `__repr__` fails as its type, and the elements of sets in a settled order."""
        kind: Any = type(value)
        if kind is str:
            return repr(self.without_address(value))
        if kind is MethodType:
            function = value.__func__
            if is_ours(function):
                raise Undetermined
            name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "?")
            return f"<bound method {name if is_a(name, str) else '?'} of {self.render(value.__self__)}>"
        if is_ours(value):
            raise Undetermined
        how = kind.__repr__
        base = WRITTEN.get(how) if type(how) is WrapperDescriptorType else None
        if base is None:
            return self.own(value)
        if any(value is container for container in self.around):
            return CYCLES.get(base, f"{kind.__name__}(...)")
        self.around.append(value)
        try:
            if base is dict:
                pairs = (f"{self.render(k)}: {self.render(v)}" for k, v in dict.items(value))
                return "{" + ", ".join(pairs) + "}"
            items = [
                self.render(item) for item in (arguments_of(value) if base is BaseException else base.__iter__(value))
            ]
        finally:
            self.around.pop()
        if base is list:
            return "[" + ", ".join(items) + "]"
        if base is tuple:
            return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"
        if base is BaseException:
            return f"{kind.__name__}({', '.join(items)})"
        if not items:
            return f"{kind.__name__}()"
        if unordered(value):
            items.sort()
        inner = "{" + ", ".join(items) + "}"
        return inner if kind is set else f"{kind.__name__}({inner})"

    def own(self, value: Any) -> str:
        """What the `__repr__` of a value's class gives, without addresses. It is run for the tracer's sake alone, and
        may not change the object: what it changes is undone, and its class is not asked again."""
        kind = type(value)
        if kind in self.refused:
            return type_of(value)
        attributes = attributes_of(value) if kind in self.runtime.classes else None
        before = None if attributes is None else state_of(attributes)
        try:
            with being_written(self.around):
                text = repr(value)
        except Exception:
            text = type_of(value)
        finally:
            if attributes is not None and before is not None and state_of(attributes) != before:
                attributes.clear()
                attributes.update(before[0])
                self.runtime.acts += 1
                self.refused.add(kind)
        if kind in self.refused:
            return type_of(value)
        if attributes is not None and kind not in self.shapes:
            self.shapes[kind] = shape_of(kind)
        if self.runtime.dialect is not None and shows_otherwise(value, text, self.runtime.dialect):
            raise Undetermined
        if (kind is RLOCK and OWNER.search(text)) or ("..." in text and CUT_PLACE.search(text)):
            raise Undetermined
        return ADDRESS.sub("", text)

    def without_address(self, text: str) -> str:
        """The text, if it is the same in every run: what builtin code makes may have the address of an object in it,
        also where it is spelled otherwise than a `repr` does (`at+0x7f…` in a query string)."""
        if "0x" in text:
            for digits in ADDRESS.findall(text):
                if digits not in self.runtime.program:
                    raise Addressed
            here = id(self)
            for digits in NUMBER.findall(text):
                if abs(int(digits, 16) - here) < NEAR and digits not in self.runtime.program:
                    raise Addressed
        if ("{<" in text or "{'" in text) and any(found not in self.runtime.program for found in SET.findall(text)):
            raise Addressed
        if ("coro=<" in text or "cb=[" in text) and PLACE.search(text):
            raise Addressed  # the path of a file
        return text


@contextmanager
def being_written(containers: Sequence[Any]) -> Iterator[None]:
    """While it lasts, `repr` of one of the containers is `[...]` or the like, as inside of its own `repr`."""
    entered = [one for one in containers if not ctypes.pythonapi.Py_ReprEnter(ctypes.py_object(one))]
    try:
        yield
    finally:
        for one in entered:
            ctypes.pythonapi.Py_ReprLeave(ctypes.py_object(one))


def is_plain(value: Any) -> bool:
    """Whether a value is a number or text that shows as its own `repr` says, which is not long."""
    kind = type(value)
    if kind is str:
        return not (
            len(value) > SHORT
            or "0x" in value
            or "{<" in value
            or "{'" in value
            or "cb=[" in value
            or "coro=<" in value
        )
    return kind in STEADY and not (kind is int and value.bit_length() > SHORT)


def is_ours(value: Any) -> bool:
    """Whether a function is of the interpreter, and stands for one of CPython's in C."""
    return type(value) is FunctionType and str(value.__module__).startswith(OURS) and body_of(value) is None


def attributes_of(value: Any) -> dict[str, Any] | None:
    if is_a(value, functools.partial):  # would make a dict for them, which shows when another is made of it
        return None
    return cast("dict[str, Any] | None", held_by(value))


def state_of(attributes: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, int, int]]]:
    """What a `__repr__` could change of an object, as far as the recorder looks: its attributes, and the sizes of those
    that are containers."""
    sizes = {name: len(value) for name, value in attributes.items() if type(value) in (list, dict, set)}
    return dict(attributes), [(name, id(value), sizes.get(name, 0)) for name, value in attributes.items()]


def ordered(value: Any) -> list[Any]:
    """The elements of a set in a settled order, which is one of those that runs may see."""
    return sorted(value, key=repr)
