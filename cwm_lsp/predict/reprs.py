"""What the text of a repr tells of its value."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Literal

Kind = Literal["same", "constant", "number", "text", "container", "object"]
"""What a guessed value is: kept as it was, one of Python's constants, ..., or anything else."""

_ATOM = re.compile(
    r"-?(?:\d[\d_]*\.?\d*(?:e[+-]?\d+)?j?|inf|nan)|True|False|None|Ellipsis|NotImplemented|range\([\d, -]+\)"
)
_CONSTANTS = frozenset({"True", "False", "None", "Ellipsis", "NotImplemented"})
_QUOTED = ("'", '"', "b'", 'b"')
_TYPE = re.compile(r"(?:\w+\.)*[A-Z]\w*")
"""A class by its name, for an object whose repr is not known."""
_LONGEST = 4_000
"""Characters of a repr up to which it is parsed."""
_LITERAL = (
    ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Load,
)  # fmt: skip
_DISPLAYS: dict[type, str] = {ast.List: "list", ast.Tuple: "tuple", ast.Dict: "dict", ast.Set: "set"}
_VALUES = frozenset({*_CONSTANTS, "nan", "inf", "_"})
_OPAQUE = ast.Name("_", ast.Load())
"""Stands for what is in angle brackets."""


@lru_cache(maxsize=4096)
def is_immutable(text: str) -> bool:
    """Whether a repr is that of an immutable value: a number, a text, a constant, a tuple of such."""
    if text.startswith(_QUOTED):
        return True
    if text.startswith("("):
        tree = _parsed(text)
        mutable = (ast.List, ast.Dict, ast.Set, ast.Call)
        return isinstance(tree, ast.Tuple) and not any(
            isinstance(part, mutable) or (isinstance(part, ast.Name) and part.id == "_") for part in ast.walk(tree)
        )
    return _ATOM.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_repr(text: str) -> bool:
    """Whether a text can be the repr of a value of everyday types: literals, `Name(...)`, `<...>`; or names a class."""
    return _TYPE.fullmatch(text) is not None or _parsed(text) is not None


def kind_of(text: str) -> Kind:
    """What the value of a repr is."""
    if text in _CONSTANTS:
        return "constant"
    if text.startswith(_QUOTED):
        return "text"
    if text[:1] in "[({" or text == "set()":
        return "container"
    return "number" if _ATOM.fullmatch(text) else "object"


def type_of(text: str) -> str | None:
    """The builtin type whose repr a text is; None for others, and where it does not tell."""
    if text in _CONSTANTS:
        return {"None": "None", "True": "bool", "False": "bool"}.get(text)
    if text.startswith(_QUOTED):
        return "bytes" if text[0] == "b" else "str"
    if _ATOM.fullmatch(text):
        return (
            None
            if text[0] == "r"
            else "complex"
            if text[-1] == "j"
            else "int"
            if text.lstrip("-").isdigit()
            else "float"
        )
    for name in ("set", "frozenset", "bytearray"):
        if text.startswith(f"{name}("):
            return name
    tree = _parsed(text) if text[:1] in "[({" else None
    return _DISPLAYS.get(type(tree))


def _parsed(text: str) -> ast.expr | None:
    """The syntax tree of a repr, with `_` for what stands in angle brackets; None if it is none."""
    if len(text) > _LONGEST:
        return _OPAQUE
    plain = _without_opaque(text)
    try:
        tree = ast.parse(plain, mode="eval").body
        if all(isinstance(node, _LITERAL) for node in ast.walk(tree)):
            has_sets = any(isinstance(node, ast.Set) for node in ast.walk(tree))
            return tree if has_sets or repr(ast.literal_eval(tree)) == plain else None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return tree if _is_made_of_reprs(tree) else None


def _is_made_of_reprs(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _VALUES
        case ast.Call(func=function, args=arguments, keywords=keywords):
            while isinstance(function, ast.Attribute):
                function = function.value
            inside = [*arguments, *(keyword.value for keyword in keywords)]
            return isinstance(function, ast.Name) and all(map(_is_made_of_reprs, inside))
    return isinstance(node, _LITERAL) and all(map(_is_made_of_reprs, ast.iter_child_nodes(node)))


def _without_opaque(text: str) -> str:
    """The text with `_` for everything in angle brackets that stands outside of quotes."""
    if "<" not in text:
        return text
    kept: list[str] = []
    depth, quote, escaped = 0, "", False
    for character in text:
        if depth:
            depth += {"<": 1, ">": -1}.get(character, 0)
            if not depth:
                kept.append("_")
            continue
        if quote:
            quote, escaped = ("" if character == quote and not escaped else quote), character == "\\" and not escaped
        elif character in "'\"":
            quote = character
        elif character == "<":
            depth = 1
            continue
        kept.append(character)
    return "".join(kept)
