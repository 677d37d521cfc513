"""What a value was made of when it was last shown: where that is the same, so is its text, which is not made again.

A text is a function of the types, the order and the atoms inside a value. They are compared by identity, which holds
nothing of the program alive but atoms. Where a text may hang on more (a `__repr__` of the program's own, an iterator,
an exception), nothing is kept, and the text is made every time.
"""

from __future__ import annotations

from abc import ABCMeta
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import _FIELD  # type: ignore[attr-defined]
from operator import attrgetter, is_
from types import FunctionType, MemberDescriptorType
from typing import Any

MOST = 5_000
"""Values inside a value that are kept."""
DEEPEST = 8
ROWS: frozenset[type] = frozenset({list, tuple, set, frozenset, deque})
TABLES: frozenset[type] = frozenset({dict, Counter, defaultdict})
"""Not `OrderedDict`: changed as a `dict`, one may be in disorder, and not even be gone through."""
FACTORIES: tuple[Any, ...] = (None, list, dict, set, tuple, int, float, str, bool)
"""What a `defaultdict` may show as its factory for good."""


class Shape:
    """How the instances of a class show: what their `repr` reads."""

    def __init__(self, kind: Any, names: tuple[str, ...], *, bare: bool) -> None:
        self.kind = kind
        self.names = names
        self.bare = bare
        """It is `object`'s, and reads nothing."""
        self.read: Callable[[Any], Sequence[Any]] = reading(names)
        self._found = self._looked_up()
        self._checked = 0
        """The round in which that was last found to hold."""

    def _looked_up(self) -> list[Any]:
        """What `repr` and the attributes come to, by identity."""
        kind = self.kind
        found: list[Any] = [id(kind.__mro__), kind.__qualname__]
        for base in kind.__mro__[:-1]:
            get = vars(base).get
            found += [id(get(name)) for name in self.names]
            found += [id(get("__repr__")), id(get("__getattribute__")), id(get("__getattr__")), id(get("__module__"))]
        return found

    def holds(self, round_: int) -> bool:
        """Whether the class still is as it was; looked at once in a round."""
        if self._checked != round_:
            if self._looked_up() != self._found:
                return False
            self._checked = round_
        return True

    def parts(self, value: Any) -> Sequence[Any] | None:
        """The values that an instance shows; None where one is not there."""
        try:
            return self.read(value)
        except AttributeError:
            return None

    def text(self, parts: Sequence[Any]) -> str:
        """What an instance of a dataclass with these parts shows as, each by its own `repr`."""
        fields = ", ".join([f"{name}={part!r}" for name, part in zip(self.names, parts, strict=True)])
        return f"{self.kind.__qualname__}({fields})"


def reading(names: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    """What gives the attributes of those names."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: [getattr(value, name) for name in names]


def shape_of(kind: Any) -> Shape | None:
    """The shape of a class whose `__repr__` is that of `object`, or one that `dataclass` has generated and that reads
    plain attributes."""
    if type(kind) not in (type, ABCMeta):  # another one may have hooks, and would notice
        return None
    if kind.__repr__ is object.__repr__:
        return Shape(kind, (), bare=True)
    owner = next(base for base in kind.__mro__ if "__repr__" in vars(base))
    written = getattr(vars(owner)["__repr__"], "__wrapped__", None)
    fields = vars(owner).get("__dataclass_fields__")
    if fields is None or type(written) is not FunctionType or written.__code__.co_filename != "<string>":
        return None
    if kind.__getattribute__ is not object.__getattribute__ or hasattr(kind, "__getattr__"):
        return None
    names = tuple(one.name for one in fields.values() if one.repr and one._field_type is _FIELD)
    for name in names:
        found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
        if hasattr(type(found), "__get__") and type(found) is not MemberDescriptorType:
            return None
    return Shape(kind, names, bare=False)


class Kept:
    """What one value was made of."""

    __slots__ = ("flat", "inside", "kind", "parts")

    def __init__(self, kind: Any, parts: Sequence[Any], *, flat: bool) -> None:
        self.kind = kind
        self.parts = parts
        """Atoms, and what is kept of all else."""
        self.flat = flat
        """They are all atoms."""
        self.inside: Collection[int] = ()
        """The identities of the values further in that are no atoms."""

    def same(self, value: Any, round_: int) -> bool:
        """Whether a value is made of the same; in one round, classes stay what they are."""
        return type(value) is self.kind and self.has_same(value, round_)

    def has_same(self, inner: Collection[Any], round_: int) -> bool:
        """Whether these are the same parts."""
        parts = self.parts
        if len(inner) != len(parts):
            return False
        if self.flat:
            return all(map(is_, inner, parts))
        for item, part in zip(inner, parts, strict=True):
            if item is not part and not (isinstance(part, Kept) and part.same(item, round_)):
                return False
        return True


class Table(Kept):
    """What a mapping was made of."""

    __slots__ = ("keys", "more")

    def __init__(self, value: Any, parts: Sequence[Any], *, flat: bool) -> None:
        super().__init__(type(value), parts, flat=flat)
        self.keys = list(value)
        self.more = more(value)

    def same(self, value: Any, round_: int) -> bool:
        return (
            type(value) is self.kind
            and len(value) == len(self.keys)
            and all(map(is_, value, self.keys))
            and more(value) is self.more
            and self.has_same(value.values(), round_)
        )


class Instance(Kept):
    """What an instance of a class of the file was made of."""

    __slots__ = ("shape",)

    def __init__(self, shape: Shape, parts: Sequence[Any], *, flat: bool) -> None:
        super().__init__(shape.kind, parts, flat=flat)
        self.shape = shape

    def same(self, value: Any, round_: int) -> bool:
        if type(value) is not self.kind or not self.shape.holds(round_):
            return False
        try:
            return self.has_same(self.shape.read(value), round_)
        except AttributeError:
            return False


class Function(Kept):
    """What a function shows."""

    __slots__ = ()

    def same(self, value: Any, round_: int) -> bool:
        return type(value) is self.kind and value.__qualname__ is self.parts[0]


def more(value: Any) -> Any:
    """What a table shows besides its items."""
    return value.default_factory if type(value) is defaultdict else None


def keep_flat(value: Any) -> Kept:
    """What a list, tuple or dict of atoms is made of."""
    if type(value) is dict:
        return Table(value, list(value.values()), flat=True)
    return Kept(type(value), list(value), flat=True)


def keep(value: Any, atoms: frozenset[type], shape_of: Callable[[type], Shape | None]) -> Kept | None:
    """What a value is made of; None where its text may hang on something else."""
    left = MOST
    inside: list[int] = []

    def of(value: Any, depth: int) -> Kept | None:
        nonlocal left
        kind = type(value)
        shape = None
        if kind in ROWS:
            parts = list(value)
        elif kind in TABLES:
            parts = list(value.values())
            if not atoms.issuperset(map(type, value)) or not any(more(value) is one for one in FACTORIES):
                return None
        elif kind is FunctionType:
            return Function(kind, [value.__qualname__], flat=True)
        else:
            shape = shape_of(kind)
            found = shape.parts(value) if shape is not None else None
            if found is None:
                return None
            parts = list(found)
        left -= len(parts)
        if left < 0 or depth > DEEPEST:
            return None
        flat = atoms.issuperset(map(type, parts))
        if not flat:
            for position, part in enumerate(parts):
                if type(part) not in atoms:
                    inside.append(id(part))
                    inner = of(part, depth + 1)
                    if inner is None:
                        return None
                    parts[position] = inner
        if shape is not None:
            return Instance(shape, parts, flat=flat)
        return Table(value, parts, flat=flat) if kind in TABLES else Kept(kind, parts, flat=flat)

    made = of(value, 0)
    if made is not None:
        made.inside = inside
    return made
