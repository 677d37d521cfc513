"""Values of a shape: its boundaries (what breaks programs most often), random ones, and neighbours of a value."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise, zip_longest
from typing import Any

from cwm_lsp.search.shapes import Atom, Fixed, Guess, Instance, Many, OneOf, Record, Row, Shape, Table, fits
from cwm_lsp.search.values import Made, sorted_if_set

MOST = 40
"""Boundaries of one parameter."""
LONGEST = 8
"""Elements of a random collection."""
LONG = 30
"""Characters of a text that is made no longer."""

_BOUNDARIES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -1, 2, 3, 10, -2, 7, 100, 255, 2**31, -(2**63)),
    "float": (0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 100.0, 1e-9, 1e300, math.inf, math.nan, -math.inf),
    "bool": (False, True),
    "str": (
        "", "a", "abc", " ", "0", "1", "-1", "A", "a b", "é", "a,b", "\n", "ß", "aa", "a.b", "1.5", "x=1", "²", "a-b",
        "%", "{}", "\\", "(", '"', "a\nb", "  a", "a:b", "/", "Abc dEF", "12345678901",
    ),
    "bytes": (b"", b"a", b"abc", b"\x00", b"\xff", b"12"),
    "complex": (0j, 1j, 1 + 2j),
    "None": (None,),
}  # fmt: skip


_USUAL = "abcxyzABZ0123459 -_.,:\té"
_RARE = "א٣１²İß½\U0001f600\u0301\u200d\u2028\x00\x7f\xa0"
"""Letters and digits of other scripts, what changes its length with its case, what joins, what is not printed."""
_ALIKE = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", " -_.,:;/+", _RARE)
"""Characters that a text may have in place of each other, and still be of its kind."""


@dataclass(slots=True)
class Pool:
    """Values that matter in a function, by the name of their type: its constants, and what it was seen to compare."""

    values: dict[str, list[Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    """What is looked up in mappings."""
    _seen: set[Any] = field(default_factory=set)

    def add(self, value: Any) -> bool:
        """Take up an atom; whether it is new."""
        kind = type(value).__name__
        if kind not in ("int", "float", "str", "bytes") or (kind, value) in self._seen:
            return False
        if isinstance(value, str | bytes) and len(value) > 200:
            return False
        self._seen.add((kind, value))
        self.values.setdefault(kind, []).append(value)
        return True

    def of(self, kind: str) -> list[Any]:
        """Those of a type, and those that stand for one of it."""
        own = self.values.get(kind, [])
        return [*own, *map(float, self.values.get("int", []))] if kind == "float" else own

    def near(self, kind: str) -> list[Any]:
        """Those of a type, with their neighbours."""
        found: list[Any] = []
        for value in self.of(kind):
            found.append(value)
            if kind in ("int", "float"):
                found += [value + 1, value - 1]
                if value > 0:
                    found.append(-value)
        if kind == "float":
            ordered = sorted(one for one in self.of(kind) if math.isfinite(one))
            found += [(one + other) / 2 for one, other in pairwise(ordered)]
        return list(dict.fromkeys(found))

    @property
    def separators(self) -> list[str]:
        """Short texts at which a text may be taken apart."""
        return [text for text in self.of("str") if len(text) <= 3 and text and not any(map(str.isalnum, text))][:8]


def boundaries(shape: Shape, pool: Pool) -> list[Any]:
    """The values of a shape at which programs break, the plainest first; each once."""
    return list(islice(_once(_boundaries(shape, pool, 0)), MOST))


def _once(values: Iterator[Any]) -> Iterator[Any]:
    seen = set()
    for value in values:
        shown = repr(value)
        if shown not in seen:
            seen.add(shown)
            yield value


def _some(shape: Shape, pool: Pool, depth: int, most: int) -> list[Any]:
    return list(islice(_once(_boundaries(shape, pool, depth)), most))


def _boundaries(shape: Shape, pool: Pool, depth: int) -> Iterator[Any]:
    match shape:
        case Atom(kind):
            plain, special = _BOUNDARIES[kind], pool.near(kind)
            if kind == "str":
                special = [*special, *_combined(pool)]
            yield from plain[:4]
            yield from special[:24]
            yield from plain[4:]
        case Fixed(values):
            yield from values
        case Guess(inner):
            yield from _boundaries(inner, pool, depth)
        case OneOf(shapes):
            yield from _interleaved([_boundaries(one, pool, depth) for one in shapes])
        case Row(parts):
            yield from _joined([_some(one, pool, depth + 1, 6) for one in parts], tuple)
        case Record(fields, optional):
            columns = [_some(one, pool, depth + 1, 6) for _, one in fields]
            names = [name for name, _ in fields]
            for made in _joined(columns, tuple):
                yield dict(zip(names, made, strict=True))
            if optional:
                first = next(_joined(columns, tuple), ())
                whole = dict(zip(names, first, strict=True))
                for name in names:
                    if name in optional:
                        yield {key: value for key, value in whole.items() if key != name}
                yield {key: value for key, value in whole.items() if key not in optional}
        case Instance(callee, positional, named, optional):
            given = [(name, one) for name, one in named if name not in optional]
            columns = [_some(one, pool, depth + 1, 6) for one in positional]
            more = [_some(one, pool, depth + 1, 6) for _, one in given]
            ways = _joined([*columns, *more], tuple)
            first = next(ways, None)
            if first is None:
                return
            keywords = tuple(zip((name for name, _ in given), first[len(columns) :], strict=True))
            yield Made(callee, first[: len(columns)], keywords)
            if optional:  # all that it may be given
                every = {
                    **dict(keywords),
                    **{name: one[0] for name, shape in named if (one := _some(shape, pool, depth + 1, 1))},
                }
                yield Made(callee, first[: len(columns)], tuple(every.items()))
            for made in ways:
                keywords = tuple(zip((name for name, _ in given), made[len(columns) :], strict=True))
                yield Made(callee, made[: len(columns)], keywords)
        case Many(kind, element):
            yield from (collected(kind, one) for one in _collections(_some(element, pool, depth + 1, 14), pool, depth))
        case Table(key, value, callee):
            known = [one for one in pool.keys if fits(key, one)]
            for table in _tables(_some(key, pool, depth + 1, 8), _some(value, pool, depth + 1, 6), known):
                yield table if callee is None else Made(callee, (table,))


def _combined(pool: Pool) -> list[str]:
    """Texts made of the texts that a function looks for."""
    texts = [text for text in pool.of("str") if text][:8]
    found = []
    for text in texts:
        found += [f"a{text}b", f"a{text}", f"{text}a", f"1{text}2", text * 2, text.upper(), text.lower()]
    return [*found, *(one + other for one in texts for other in texts if one != other)][:40]


def _collections(parts: Sequence[Any], pool: Pool, depth: int) -> Iterator[list[Any]]:
    """Empty, one element, duplicates, sorted and unsorted, and as many as the function counts."""
    yield []
    if not parts:
        return
    for part in parts[:6]:
        yield [part]
    second = parts[1] if len(parts) > 1 else parts[0]
    yield [parts[0], parts[0]]
    yield [parts[0], second]
    yield [second, parts[0]]
    yield list(parts[:3])
    yield list(parts[2::-1])
    for part in parts[6:]:
        yield [part]
    yield [second] * 3
    if depth == 0:
        for count in [one for one in pool.near("int") if 3 < one <= 40][:6]:
            yield [parts[index % len(parts)] for index in range(count)]
        yield list(parts)


def _tables(keys: Sequence[Any], values: Sequence[Any], known: Sequence[str]) -> Iterator[dict[Any, Any]]:
    """Empty, with one key, with several, with the `known` ones."""
    yield {}
    if not keys or not values:
        return
    if known:
        yield dict.fromkeys(known, values[0])
        yield {key: values[index % len(values)] for index, key in enumerate(known, 1)}
    try:
        for value in values[:4]:
            yield {keys[0]: value}
        for key in keys[1:]:
            yield {key: values[0]}
        yield {key: values[index % len(values)] for index, key in enumerate(keys[:2])}
        yield {key: values[index % len(values)] for index, key in enumerate(keys)}
    except TypeError:  # a key that cannot be one
        return


def _joined(columns: Sequence[Sequence[Any]], make: Any) -> Iterator[Any]:
    """One part of each column: each varied with the others at their first, then all at once."""
    if not all(columns):
        return
    yield make(column[0] for column in columns)
    for index, column in enumerate(columns):
        for one in column[1:]:
            yield make(one if other == index else columns[other][0] for other in range(len(columns)))
    for number in range(1, max(map(len, columns), default=0)):
        yield make(column[number % len(column)] for column in columns)


def _interleaved(streams: Sequence[Iterator[Any]]) -> Iterator[Any]:
    nothing = object()
    for row in zip_longest(*streams, fillvalue=nothing):
        yield from (one for one in row if one is not nothing)


def collected(kind: str, elements: Sequence[Any]) -> Any:
    """A collection of that kind."""
    try:
        match kind:
            case "list":
                return list(elements)
            case "tuple":
                return tuple(elements)
            case "set":
                return set(elements)
            case "frozenset":
                return frozenset(elements)
    except TypeError:  # what cannot be hashed here may be so there, but then it is the same only by luck
        return set() if kind == "set" else frozenset()
    return Made(kind, (list(elements),))


def drawn(shape: Shape, dice: random.Random, pool: Pool, depth: int = 0) -> Any:
    """A random value of a shape."""
    match shape:
        case Atom(kind):
            return _drawn_atom(kind, dice, pool)
        case Fixed(values):
            return dice.choice(values)
        case Guess(inner):
            return drawn(inner, dice, pool, depth)
        case OneOf(shapes):
            return drawn(dice.choice(shapes), dice, pool, depth)
        case Row(parts):
            return tuple(drawn(one, dice, pool, depth + 1) for one in parts)
        case Record(fields, optional):
            return {
                name: drawn(one, dice, pool, depth + 1)
                for name, one in fields
                if name not in optional or dice.random() < 0.8
            }
        case Instance(callee, positional, named, optional):
            given = [(name, one) for name, one in named if name not in optional or dice.random() < 0.4]
            return Made(
                callee,
                tuple(drawn(one, dice, pool, depth + 1) for one in positional),
                tuple((name, drawn(one, dice, pool, depth + 1)) for name, one in given),
            )
        case Many(kind, element):
            return collected(kind, _drawn_elements(element, dice, pool, depth))
        case Table(key, value, callee):
            table = {}
            some = [one for one in pool.keys if dice.random() < 0.6 and fits(key, one)] if dice.random() < 0.5 else []
            for one in [*some, *_drawn_elements(key, dice, pool, depth)]:
                try:
                    table[one] = drawn(value, dice, pool, depth + 1)
                except TypeError:
                    continue
            return table if callee is None else Made(callee, (table,))


def _drawn_elements(element: Shape, dice: random.Random, pool: Pool, depth: int) -> list[Any]:
    count = min(int(dice.expovariate(0.4 if depth == 0 else 0.7)), LONGEST)
    if dice.random() < 0.1 and depth == 0 and (counts := [one for one in pool.near("int") if 0 < one <= 60]):
        count = dice.choice(counts)
    parts = [drawn(element, dice, pool, depth + 1) for _ in range(count)]
    if len(parts) > 1 and dice.random() < 0.3:  # duplicates
        parts[dice.randrange(len(parts))] = dice.choice(parts)
    return parts


def _drawn_atom(kind: str, dice: random.Random, pool: Pool) -> Any:
    known = pool.near(kind)
    if known and dice.random() < 0.35:
        return changed_atom(dice.choice(known), dice, pool) if dice.random() < 0.4 else dice.choice(known)
    if known and kind in ("str", "bytes") and dice.random() < 0.3:
        return known[0][:0].join(dice.choice(known) for _ in range(dice.randint(2, 5)))
    if dice.random() < 0.4 or kind in ("bool", "None", "complex"):
        return dice.choice(_BOUNDARIES[kind])
    match kind:
        case "int":
            return dice.randint(-10, 10) if dice.random() < 0.7 else dice.randint(-(10**4), 10**4)
        case "float":
            return round(dice.uniform(-10, 10), 2) if dice.random() < 0.7 else float(dice.randint(-100, 100))
        case "bytes":
            return bytes(dice.choice(b"ab01\x00\xff =") for _ in range(dice.randint(0, 6)))
    return "".join(_letter(dice, pool) for _ in range(dice.randint(0, 8)))


def _letter(dice: random.Random, pool: Pool) -> str:
    if dice.random() < 0.1:
        return dice.choice(_RARE)
    special = "".join(text for text in pool.of("str") if len(text) <= 3)
    return dice.choice(_USUAL + special * 4)


def changed_atom(value: Any, dice: random.Random, pool: Pool) -> Any:
    """A neighbour of an atom."""
    match value:
        case bool():
            return not value
        case int():
            return dice.choice([value + 1, value - 1, -value, value * 2, value // 2, value + dice.randint(-9, 9), 0])
        case float():
            other = dice.choice(pool.of("float") or [0.0])
            changes = [value + 1, value - 1, -value, value * 2, value / 2, float(round(value, 1)), 0.0, math.nan]
            return dice.choice([*changes, (value + other) / 2])
        case str():
            at = dice.randint(0, len(value))
            if value and dice.random() < 0.25:
                return _alike(value, dice)
            other = dice.choice(pool.of("str") or ["a"]) if dice.random() < 0.5 else _letter(dice, pool)
            end = min(len(value), at + dice.randint(1, 2))
            ways = [value[:at] + value[end:], value[:at] + other + value[end:], value[:at], value[at:],
                    value.swapcase(), value[::-1]]  # fmt: skip
            if len(value) < LONG:
                ways += [value[:at] + other + value[at:], value + value[at:end], value + other + value]
                ways.append(value + other + dice.choice(pool.of("str") or [value]))
            return dice.choice(ways)
        case bytes():
            at = dice.randint(0, len(value))
            return dice.choice([value[:at], value[at:], value[:at] + bytes([dice.randrange(256)]) + value[at:]])
    return value


def _alike(value: str, dice: random.Random) -> str:
    """A text with one character in place of another of its kind."""
    at = dice.randrange(len(value))
    others = next((kind for kind in _ALIKE if value[at] in kind), _RARE)
    return value[:at] + dice.choice(others) + value[at + 1 :]


def changed(shape: Shape, value: Any, dice: random.Random, pool: Pool, depth: int = 0) -> Any:
    """A neighbour of a value, within its shape; now and then another value altogether."""
    if dice.random() < (0.1 if depth == 0 else 0.2):
        return drawn(shape, dice, pool, depth)
    match shape, value:
        case Guess(inner), _:
            return changed(inner, value, dice, pool, depth)
        case OneOf(shapes), _:
            fitting = [one for one in shapes if fits(one, value)]
            return changed(dice.choice(fitting), value, dice, pool, depth) if fitting else drawn(shape, dice, pool)
        case Atom(), _ if type(value).__name__ == shape.kind:
            return changed_atom(value, dice, pool)
        case Many(kind, element), list() | tuple() | set() | frozenset():
            return collected(kind, _changed_elements(element, sorted_if_set(value), dice, pool, depth))
        case Many(kind, element), Made(callee, (list() as elements,)) if callee == kind:
            return collected(kind, _changed_elements(element, elements, dice, pool, depth))
        case Row(parts), tuple() if len(parts) == len(value) and parts:
            at = dice.randrange(len(parts))
            return (*value[:at], changed(parts[at], value[at], dice, pool, depth + 1), *value[at + 1 :])
        case Record(fields, optional), dict() if fields:
            name, inner = dice.choice(fields)
            rest = {key: one for key, one in value.items() if key != name}
            if name in optional and name in value and dice.random() < 0.4:
                return rest
            made = changed(inner, value[name], dice, pool, depth + 1) if name in value else drawn(inner, dice, pool)
            return {**value, name: made}
        case Table(key, inner, callee), dict() | Made():
            table = dict(value.arguments[0] if isinstance(value, Made) else value)
            if table and dice.random() < 0.6:
                at = dice.choice(list(table))
                one = table.pop(at)
                if dice.random() < 0.6:
                    table[at] = changed(inner, one, dice, pool, depth + 1)
            else:
                table[drawn(key, dice, pool, depth + 1)] = drawn(inner, dice, pool, depth + 1)
            return table if callee is None else Made(callee, (table,))
        case Instance(callee, positional, named), Made(made, arguments, keywords) if callee == made:
            if arguments and len(arguments) == len(positional) and (not named or dice.random() < 0.7):
                at = dice.randrange(len(arguments))
                one = changed(positional[at], arguments[at], dice, pool, depth + 1)
                return Made(callee, (*arguments[:at], one, *arguments[at + 1 :]), keywords)
            if keywords:
                at = dice.randrange(len(keywords))
                name, one = keywords[at]
                of_name = dict(named).get(name)
                if of_name is not None:
                    one = changed(of_name, one, dice, pool, depth + 1)
                    return Made(callee, arguments, (*keywords[:at], (name, one), *keywords[at + 1 :]))
    return drawn(shape, dice, pool, depth)


def _changed_elements(
    element: Shape, elements: Sequence[Any], dice: random.Random, pool: Pool, depth: int
) -> list[Any]:
    parts = list(elements)
    at = dice.randrange(len(parts)) if parts else 0
    match dice.randrange(6) if parts else 0:
        case 0:
            parts.insert(at, drawn(element, dice, pool, depth + 1))
        case 1:
            del parts[at]
        case 2:
            parts.insert(at, dice.choice(parts))
        case 3:
            dice.shuffle(parts)
        case _:
            parts[at] = changed(element, parts[at], dice, pool, depth + 1)
    return parts
