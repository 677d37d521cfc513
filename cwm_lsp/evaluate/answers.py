"""What a model's answers mean: reprs of values and exceptions."""

from __future__ import annotations

import ast
import builtins
import contextlib
import datetime
import re
from collections.abc import Sequence
from typing import Any

from cwm_lsp.evaluate.values import MISSING, Unknown

LONGEST = 20_000
"""Characters of a repr that is read for what it tells of its parts."""
TOKENS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|<(?:[^<>]|<[^<>]*>)*>", re.DOTALL)
"""Strings, and what has no syntax, `<m.Point object>`."""
HELD = "object('"
"""How an object is written of which a run has kept more than its repr (`record/insides.py`)."""
MOMENTS = frozenset({"datetime", "date", "time", "timedelta", "timezone"})
STAND_IN = re.compile(r"\b_(\d+)_\b")


def literal(text: str) -> Any:
    """The value of a literal's repr, or `MISSING`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return MISSING


def described(text: str, since: int = 0) -> Any:
    """What a repr is of, as far as it tells: a container has its elements, `Point(x=1, y=2)` is an `Unknown` of which
    attributes are known, `datetime.date(2026, 1, 2)` is that date. What tells nothing is an `Unknown` that shows so.
    `since`: `Machine.outside` now."""
    found = literal(text)
    if found is not MISSING or len(text) > LONGEST or ("..." in text and HELD not in text):
        return Unknown(text) if found is MISSING else found
    opaque = [match[0] for match in TOKENS.finditer(text) if match[0][0] == "<"]
    numbers = iter(range(len(opaque)))
    plain = TOKENS.sub(lambda match: f"_{next(numbers)}_" if match[0][0] == "<" else match[0], text)
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _Described(plain, opaque, since).value(ast.parse(plain, mode="eval").body)
    return Unknown(text)


def shown(text: str) -> str:
    """The repr that an answer stands for: a run may have told more of its objects than that."""
    return repr(described(text)) if HELD in text else text


def tell(value: Unknown, text: str, since: int) -> None:
    """Let a value that is not known by itself be one of that repr."""
    value.text = shown(text)
    told = described(text, since)
    if type(told) is Unknown:
        value.fields, value.since, value.is_true = told.fields, told.since, told.is_true
    else:
        value.value = told


class _Described:
    """The values of a syntax tree in which names like `_0_` stand for what has no syntax."""

    def __init__(self, text: str, opaque: Sequence[str], since: int) -> None:
        self._text = text
        self._opaque = opaque
        self._since = since

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
            case ast.Call(ast.Name("object"), [ast.Constant(str(text)), *truth], attributes):
                found = self._with(Unknown(text), attributes)
                found.since, found.is_true = self._since, bool(truth)
                return found
            case ast.Constant(value=value) if value is ...:  # left out
                return Unknown()
        with contextlib.suppress(ValueError):
            return ast.literal_eval(node)
        text = ast.get_source_segment(self._text, node) or ""
        made = _made(node)
        if made is not MISSING and repr(made) == text:
            return made
        found = Unknown(STAND_IN.sub(lambda match: self._opaque[int(match[1])], text))
        return self._with(found, node.keywords) if isinstance(node, ast.Call) and not node.args else found

    def _with(self, found: Unknown, attributes: Sequence[ast.keyword]) -> Unknown:
        found.fields = {one.arg: self.value(one.value) for one in attributes if one.arg is not None}
        return found


def _made(node: ast.expr) -> Any:
    """The moment or duration that an expression is the repr of, or `MISSING`: of these the repr names the module too,
    and no class of the program's can have it."""
    match node:
        case ast.Attribute(ast.Attribute(ast.Name("datetime"), "timezone"), "utc"):
            return datetime.timezone.utc
        case ast.Call(ast.Attribute(ast.Name("datetime"), name), args, keywords) if name in MOMENTS:
            given = [_part(one) for one in args]
            named = {one.arg: _part(one.value) for one in keywords if one.arg is not None}
            if MISSING not in (*given, *named.values()):
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    return getattr(datetime, name)(*given, **named)
    return MISSING


def _part(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _made(node)


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
