"""Values as trees, read off their reprs. Nothing is evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_OBJECT = re.compile(r"<(?:[\w.<>]*\.)?(\w+) object\b")
_AROUND = {"deque", "Counter", "OrderedDict", "frozenset", "mappingproxy", "dict_keys", "dict_values"}
"""Their reprs are calls with the repr of a container that has the same elements."""
_UNORDERED = {"set", "frozenset", "dict_keys", "dict_values"}
_SHORT = 40
_KINDS: dict[type[ast.expr], str] = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set", ast.Dict: "dict"}


class Part(NamedTuple):
    """An element, item or attribute of a value."""

    name: str
    access: str | None
    """What is written behind an expression for the whole to get it; None for what cannot be got by an expression."""
    value: Value


@dataclass(frozen=True, slots=True)
class Value:
    """A value, as far as its repr tells."""

    text: str
    """The repr."""
    node: ast.expr | None
    """Its syntax; None where it has none, as `<object object>`."""
    whole: str
    """The text that the node's positions are in."""

    @property
    def type(self) -> str | None:
        """The name of its type, as the text has it."""
        node = self.node.operand if isinstance(self.node, ast.UnaryOp) else self.node
        match node:
            case ast.Constant(value=value):
                return type(value).__name__
            case ast.Name(id="nan" | "inf"):
                return "float"
            case ast.Call():
                return _constructor(node)
            case None:
                found = _OBJECT.match(self.text)
                return found[1] if found else None
        return _KINDS.get(type(node))

    @property
    def is_call(self) -> bool:
        """Whether it is written as one, `Box(7)`."""
        return isinstance(self.node, ast.Call) and _inner(self.node) is self.node

    @property
    def elements(self) -> int:
        """How many parts it has that are numbered."""
        inner = _inner(self.node)
        return len(inner.elts) if isinstance(inner, ast.List | ast.Tuple | ast.Set) else 0

    @property
    def fields(self) -> int:
        """How many parts it has that are named."""
        inner = _inner(self.node)
        if isinstance(inner, ast.Dict):
            return len(inner.keys)
        return len(inner.keywords) if isinstance(inner, ast.Call) else 0

    def parts(self, start: int = 0, stop: int | None = None) -> list[Part]:
        """Its parts, or those of a range."""
        inner = _inner(self.node)
        match inner:
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                is_ordered = self.type not in _UNORDERED
                return [
                    Part(str(number), f"[{number}]" if is_ordered else None, self._part(element))
                    for number, element in enumerate(elements[start:stop], start)
                ]
            case ast.Dict(keys=keys, values=values):
                pairs = list(zip(keys, values, strict=True))[start:stop]
                named = [(self._part(key).text, self._part(value)) for key, value in pairs if key is not None]
                return [Part(name, f"[{name}]", value) for name, value in named]
            case ast.Call(keywords=keywords):
                return [
                    Part(keyword.arg, f".{keyword.arg}", self._part(keyword.value))
                    for keyword in keywords[start:stop]
                    if keyword.arg is not None
                ]
        return []

    def item(self, key: object) -> Value | None:
        """The element or item that a literal key gets; None where it is not known."""
        inner = _inner(self.node)
        if isinstance(inner, ast.Dict):
            for known, value in zip(inner.keys, inner.values, strict=True):
                if known is not None and _literal(known) == (key,):
                    return self._part(value)
        if isinstance(inner, ast.List | ast.Tuple) and self.type not in _UNORDERED:
            count = len(inner.elts)
            return self._part(inner.elts[key]) if isinstance(key, int) and -count <= key < count else None
        return None

    def attribute(self, name: str) -> Value | None:
        """An attribute that the repr tells; None where it is not known."""
        inner = _inner(self.node)
        keywords = inner.keywords if isinstance(inner, ast.Call) else []
        return next((self._part(keyword.value) for keyword in keywords if keyword.arg == name), None)

    def _part(self, node: ast.expr) -> Value:
        if self.whole.isascii() and node.lineno == node.end_lineno == 1:
            text = self.whole[node.col_offset : node.end_col_offset]
        else:
            text = ast.get_source_segment(self.whole, node) or ""
        return Value(text, node, self.whole)


def shortened(text: str) -> str:
    """A repr where there is little room."""
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


@lru_cache(maxsize=256)
def value_of(text: str) -> Value:
    """The value that a repr is of."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what looks odd as source is no fault of a repr
            return Value(text, ast.parse(text, mode="eval").body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Value(text, None, text)


def part_of(expression: ast.expr, local: dict[str, Value]) -> tuple[str, Value] | None:
    """The value of a name, or of a part of it that a literal key or an attribute gets, and the name.

    None where it is not known.
    """
    match expression:
        case ast.Name(id=name):
            return (name, local[name]) if name in local else None
        case ast.Subscript(value=whole, slice=key):
            found, literal = part_of(whole, local), _literal(key)
            part = found[1].item(*literal) if found and literal else None
        case ast.Attribute(value=whole, attr=attribute):
            found = part_of(whole, local)
            part = found[1].attribute(attribute) if found else None
        case _:
            return None
    return (found[0], part) if found and part else None


def _constructor(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _inner(node: ast.expr | None) -> ast.expr | None:
    """What has the parts of a value: its own node, or the container in a call; None where it has none."""
    match node:
        case ast.Call(args=[ast.List(elts=pairs)]) if _constructor(node) == "OrderedDict":  # before Python 3.12
            items = [pair.elts for pair in pairs if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
            return ast.Dict([key for key, _ in items], [value for _, value in items])
        case ast.Call(args=[inner, *_]) if _constructor(node) in _AROUND and type(inner) in _KINDS:
            return inner
        case ast.Call(args=[]) if _constructor(node) is not None:
            return node
    return node if type(node) in _KINDS else None


def _literal(node: ast.expr) -> tuple[object] | None:
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
