"""Arguments as values that can be drawn, changed and made smaller, and as the source that makes them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """An expression that is taken as it is: `Colour.RED`, `lambda a: a`."""

    source: str


@dataclass(frozen=True, slots=True)
class Made:
    """A call that makes an object: `Point(1, y=2)`, `iter([1])`."""

    callee: str
    arguments: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()


class NotPlain(Exception):
    """An expression is no literal and makes no object of such."""


def written(value: Any) -> str:
    """The source of a value, in the namespace of the file that it is for."""
    match value:
        case Text(source):
            return source
        case Made(callee, arguments, keywords):
            named = [f"{name}={written(one)}" for name, one in keywords]
            return f"{callee}({', '.join([*map(written, arguments), *named])})"
        case list():
            return f"[{', '.join(map(written, value))}]"
        case tuple():
            return f"({', '.join(map(written, value))}{',' * (len(value) == 1)})"
        case dict():
            return "{" + ", ".join(f"{written(key)}: {written(one)}" for key, one in value.items()) + "}"
        case frozenset():
            return f"frozenset({written(set(value)) if value else ''})"
        case set():
            return "{" + ", ".join(sorted(map(written, value))) + "}" if value else "set()"
        case float() if not math.isfinite(value):
            return f"float('{value}')"
    return repr(value)


def read(node: ast.expr) -> Any:
    """The value that an expression of literals and constructors makes.

    Raises:
        NotPlain: it does more than that.
    """
    match node:
        case ast.Constant(value=value) if value is not Ellipsis:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() | complex() as value)):
            return -value
        case ast.List(elts=elements):
            return [read(element) for element in elements]
        case ast.Tuple(elts=elements):
            return tuple(read(element) for element in elements)
        case ast.Set(elts=elements):
            return set(_hashable(read(element) for element in elements))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            made = _hashable(read(key) for key in keys if key is not None)
            return dict(zip(made, map(read, values), strict=True))
        case ast.Call(
            func=ast.Name(id="float"), args=[ast.Constant(value="nan" | "inf" | "-inf" as text)], keywords=[]
        ):
            return float(text)
        case ast.Call(func=ast.Name(id="set"), args=[], keywords=[]):
            return set()
        case ast.Call(func=ast.Name() | ast.Attribute() as callee, args=arguments, keywords=keywords):
            if any(isinstance(one, ast.Starred) for one in arguments) or any(one.arg is None for one in keywords):
                raise NotPlain
            named = tuple((str(one.arg), read(one.value)) for one in keywords)
            return Made(ast.unparse(callee), tuple(map(read, arguments)), named)
        case ast.Name() | ast.Attribute() | ast.Lambda():
            return Text(ast.unparse(node))
    raise NotPlain


def _hashable(values: Iterator[Any]) -> list[Any]:
    found = list(values)
    try:
        set(found)
    except TypeError:
        raise NotPlain from None
    return found


def size(value: Any) -> tuple[int, int, int]:
    """How large a value is to a reader: parts, characters of its source, distance of its numbers from zero."""
    parts, far = 0, 0
    pending = [value]
    while pending:
        one = pending.pop()
        parts += 1
        match one:
            case Made(_, arguments, keywords):
                pending += [*arguments, *(inner for _, inner in keywords)]
            case list() | tuple() | set() | frozenset():
                pending += one
            case dict():
                pending += [*one, *one.values()]
            case bool():
                pass
            case int():
                far += min(abs(one), 1 << 40) + (one < 0)
            case float():
                far += 3 + (min(int(abs(one)), 1 << 40) if math.isfinite(one) else 1 << 41)
    return parts, len(written(value)), far


def sorted_if_set(value: Any) -> list[Any]:
    """The elements, in an order that does not differ from run to run."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
