"""What a parameter may be: shapes of values.

A shape says what the function's author says, by a type hint, or what its body and its known calls suggest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cwm_lsp.search.values import Made, Text


@dataclass(frozen=True, slots=True)
class Atom:
    """A builtin type without parts, by its name."""

    kind: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """One of some values: a `Literal`, the members of an enum, objects that are only known by how they are written."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """What fits any of several shapes."""

    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """A collection. `kind` is `list`, `tuple`, `set`, `frozenset`, or what is called on a list to make it."""

    kind: str
    element: Shape


@dataclass(frozen=True, slots=True)
class Row:
    """A tuple of so many parts."""

    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dict; `callee` makes it of one, if it is of another class."""

    key: Shape
    value: Shape
    callee: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A dict with certain keys, of which those in `optional` may be missing."""

    fields: tuple[tuple[str, Shape], ...]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Instance:
    """What a constructor makes, by the shapes of its arguments; those in `optional` have a default."""

    callee: str
    positional: tuple[Shape, ...] = ()
    named: tuple[tuple[str, Shape], ...] = ()
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Guess:
    """What nobody has said: the shape is made up from a name, or from what the body does."""

    shape: Shape


Shape: TypeAlias = Atom | Fixed | OneOf | Many | Row | Table | Record | Instance | Guess

INT, FLOAT, STR, BOOL, BYTES, NONE = (Atom(kind) for kind in ("int", "float", "str", "bool", "bytes", "None"))


def is_vouched(shape: Shape) -> bool:
    """Whether somebody has said that the function takes this, all through."""
    match shape:
        case Guess():
            return False
        case OneOf(shapes) | Row(shapes):
            return all(map(is_vouched, shapes))
        case Many(_, element):
            return is_vouched(element)
        case Table(key, value):
            return is_vouched(key) and is_vouched(value)
        case Record(fields):
            return all(is_vouched(one) for _, one in fields)
        case Instance(_, positional, named):
            return all(map(is_vouched, positional)) and all(is_vouched(one) for _, one in named)
    return True


def fits(shape: Shape, value: Any) -> bool:
    """Whether a value is of a shape."""
    match shape, value:
        case Guess(inner), _:
            return fits(inner, value)
        case OneOf(shapes), _:
            return any(fits(one, value) for one in shapes)
        case Atom("None"), _:
            return value is None
        case Atom("float"), int() | float():
            return not isinstance(value, bool)
        case Atom(kind), _:
            return type(value).__name__ == kind
        case Fixed(values), _:
            return value in values or isinstance(value, Text)
        case Many(kind, element), list() | tuple() | set() | frozenset():
            return type(value).__name__ == kind and all(fits(element, one) for one in value)
        case Many(kind, _), Made(callee):
            return callee == kind
        case Row(parts), tuple():
            return len(parts) == len(value) and all(map(fits, parts, value))
        case Table(key, inner, None), dict():
            return all(fits(key, one) for one in value) and all(fits(inner, one) for one in value.values())
        case Table(_, _, callee), Made(made):
            return callee == made
        case Record(fields, optional), dict():
            known = dict(fields)
            return known.keys() - optional <= value.keys() and all(
                name in known and fits(known[name], one) for name, one in value.items()
            )
        case Instance(), Made():
            return shape.callee == value.callee and _is_made_so(shape, value)
    return False


def _is_made_so(shape: Instance, value: Made) -> bool:
    """Whether the arguments of a constructor are as a shape says, as far as they are given in the same way."""
    named, given = dict(shape.named), dict(value.keywords)
    if not value.arguments and not shape.positional and not named.keys() - shape.optional <= given.keys():
        return False
    pairs = [(named[name], one) for name, one in given.items() if name in named]
    if len(value.arguments) <= len(shape.positional):
        pairs += zip(shape.positional, value.arguments, strict=False)
    return all(isinstance(one, Text) or fits(kind, one) for kind, one in pairs)


def shape_of(value: Any) -> Shape:
    """The shape that a known value is an example of."""
    match value:
        case None:
            return NONE
        case bool() | int() | float() | str() | bytes() | complex():
            return Atom(type(value).__name__)
        case list() | set() | frozenset():
            return Many(type(value).__name__, any_of([shape_of(one) for one in value] or [Guess(INT)]))
        case tuple():
            kinds = {shape_of(one) for one in value}
            return (
                Many("tuple", kinds.pop()) if len(kinds) == 1 and len(value) > 3 else Row(tuple(map(shape_of, value)))
            )
        case dict():
            if (
                value
                and all(isinstance(key, str) for key in value)
                and len({shape_of(one) for one in value.values()}) > 1
            ):
                return Record(
                    tuple((str(key), shape_of(one)) for key, one in value.items()), frozenset(map(str, value))
                )
            keys, values = [shape_of(one) for one in value], [shape_of(one) for one in value.values()]
            return Table(any_of(keys or [Guess(STR)]), any_of(values or [Guess(INT)]))
        case Made(callee, arguments, keywords):
            named = tuple((name, shape_of(one)) for name, one in keywords)
            return Instance(callee, tuple(map(shape_of, arguments)), named)
    return Fixed((value,))


def with_names(shape: Shape, rename: Callable[[str], str]) -> Shape:
    """The same shape for another file: `rename` gives what a name or an expression is there."""

    def value(one: Any) -> Any:
        match one:
            case Text(text):
                return Text(rename(text))
            case Made(callee, arguments, keywords):
                named = tuple((name, value(part)) for name, part in keywords)
                return Made(rename(callee), tuple(map(value, arguments)), named)
        return one

    match shape:
        case Fixed(values):
            return Fixed(tuple(map(value, values)))
        case OneOf(shapes):
            return OneOf(tuple(with_names(one, rename) for one in shapes))
        case Many(kind, element):
            called = kind in ("list", "tuple", "set", "frozenset", "iter")
            return Many(kind if called else rename(kind), with_names(element, rename))
        case Row(parts):
            return Row(tuple(with_names(one, rename) for one in parts))
        case Table(key, item, callee):
            return Table(with_names(key, rename), with_names(item, rename), callee and rename(callee))
        case Record(fields, optional):
            return Record(tuple((name, with_names(one, rename)) for name, one in fields), optional)
        case Instance(callee, positional, named, optional):
            return Instance(
                rename(callee),
                tuple(with_names(one, rename) for one in positional),
                tuple((name, with_names(one, rename)) for name, one in named),
                optional,
            )
        case Guess(inner):
            return Guess(with_names(inner, rename))
    return shape


def any_of(shapes: Sequence[Shape]) -> Shape:
    """What fits one of some shapes."""
    flat: list[Shape] = []
    for shape in shapes:
        flat += shape.shapes if isinstance(shape, OneOf) else [shape]
    once = list(dict.fromkeys(flat))
    fixed = [one for one in once if isinstance(one, Fixed)]
    if len(fixed) > 1:
        values = tuple(dict.fromkeys(value for one in fixed for value in one.values))
        once = [*(one for one in once if not isinstance(one, Fixed)), Fixed(values)]
    return once[0] if len(once) == 1 else OneOf(tuple(once))
