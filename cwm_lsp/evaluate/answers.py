"""What a model's answers mean: reprs of values and exceptions."""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
from collections.abc import Sequence
from typing import Any

from cwm_lsp.evaluate.values import MISSING, Unknown

LONGEST = 20_000
"""Characters of a repr that is read for what it tells of its parts."""
TOKENS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|<(?:[^<>]|<[^<>]*>)*>", re.DOTALL)
"""Strings, and what has no syntax, `<m.Point object>`."""
STAND_IN = re.compile(r"\b_(\d+)_\b")


def literal(text: str) -> Any:
    """The value of a literal's repr, or `MISSING`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return MISSING


def described(text: str) -> Any:
    """What a repr is of, as far as it tells: a container has its elements, `Point(x=1, y=2)` is an `Unknown` of which
    attributes are known. What tells nothing is an `Unknown` that shows so."""
    found = literal(text)
    if found is not MISSING or len(text) > LONGEST or "..." in text:
        return Unknown(text) if found is MISSING else found
    opaque = [match[0] for match in TOKENS.finditer(text) if match[0][0] == "<"]
    numbers = iter(range(len(opaque)))
    plain = TOKENS.sub(lambda match: f"_{next(numbers)}_" if match[0][0] == "<" else match[0], text)
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _Described(plain, opaque).value(ast.parse(plain, mode="eval").body)
    return Unknown(text)


def tell(value: Unknown, text: str) -> None:
    """Let a value that is not known by itself be one of that repr."""
    value.text = text
    told = described(text)
    if type(told) is Unknown:
        value.fields = told.fields
    else:
        value.value = told


class _Described:
    """The values of a syntax tree in which names like `_0_` stand for what has no syntax."""

    def __init__(self, text: str, opaque: Sequence[str]) -> None:
        self._text = text
        self._opaque = opaque

    def value(self, node: ast.expr) -> Any:
        """What a node stands for; raises `ValueError` where no such value can be."""
        match node:
            case ast.List(elts=elements):
                return list(map(self.value, elements))
            case ast.Tuple(elts=elements):
                return tuple(map(self.value, elements))
            case ast.Dict(keys=keys, values=values):
                return {
                    ast.literal_eval(key): self.value(value)
                    for key, value in zip(keys, values, strict=True)
                    if key is not None
                }
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
        found = Unknown(
            STAND_IN.sub(lambda match: self._opaque[int(match[1])], ast.get_source_segment(self._text, node) or "")
        )
        if isinstance(node, ast.Call) and not node.args:
            found.fields = {one.arg: self.value(one.value) for one in node.keywords if one.arg is not None}
        return found


def same_literal(text: str, other: str) -> bool:
    """Whether two reprs differ by the order of sets at most."""
    one, two = literal(text), literal(other)
    return one is not MISSING and type(one) is type(two) and bool(one == two)


def exception_from(text: str) -> BaseException:
    """The exception that a model's repr of it describes; `Exception` where its class is not a builtin one."""
    text = text.strip()
    if text.startswith("(<class "):
        text = text.split(">, ", 1)[-1].rsplit(", <traceback", 1)[0]
    name, _, rest = text.partition("(")
    kind = getattr(builtins, name, None)
    arguments = literal("(" + rest[:-1] + ",)") if rest[:-1].strip() else ()
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        kind = Exception
    error: BaseException = kind(*(arguments if isinstance(arguments, tuple) else ()))
    return error
