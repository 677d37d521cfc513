"""What a statement probably does to the values around it, told from its text and their reprs alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cwm_lsp.source.recovery import parse

_MUTATORS = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft"),
    *(
        "remove",
        "reverse",
        "rotate",
        "setdefault",
        "sort",
        "subtract",
        "symmetric_difference_update",
        "update",
        "write",
    ),
}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TAIL = 24
"""Characters at the end of a beginning that tell how it goes on, at most."""
_RUN = 60
"""Characters by which a value that repeats itself is continued."""
_LONGEST = 4_000
"""Characters of a value up to which it is looked into."""


@dataclass(slots=True)
class Statement:
    """What one statement assigns and mutates."""

    assigns: dict[str, ast.expr | None] = field(default_factory=dict)
    """Name → the expression that it is given, if there is one for it alone."""
    loops_over: dict[str, ast.expr] = field(default_factory=dict)
    """Target of a `for` → what is iterated over."""
    mutates: set[str] = field(default_factory=set)
    names: tuple[str, ...] = ()
    """Names that it mentions."""
    result: ast.expr | None = None
    """What it returns, yields or raises."""
    node: ast.stmt | None = None


NO_STATEMENT = Statement()


class Statements:
    """The statements of a file by their first line; of compound ones, the header."""

    def __init__(self, source: str) -> None:
        self._by_line: dict[int, Statement] = {}
        for fragment in parse(source).fragments:
            for body in fragment.body:
                for node in ast.walk(body):
                    if isinstance(node, ast.stmt):
                        self._by_line[node.lineno + fragment.offset] = _statement(node)

    def at(self, line: int) -> Statement:
        """The statement that begins on a line."""
        return self._by_line.get(line, NO_STATEMENT)


def _statement(node: ast.stmt) -> Statement:
    statement = Statement(node=node)
    parts: list[ast.AST] = [node]
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _assign(statement, target, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            statement.assigns[name] = value
        case ast.AugAssign(target=target, op=operator, value=value):
            if isinstance(target, ast.Name):
                old = ast.copy_location(ast.Name(target.id, ast.Load()), target)
                statement.assigns[target.id] = ast.copy_location(ast.BinOp(old, operator, value), value)
            else:
                _assign(statement, target, None)
        case ast.For(target=target, iter=iterable) | ast.AsyncFor(target=target, iter=iterable):
            if isinstance(target, ast.Name):
                statement.loops_over[target.id] = iterable
            _assign(statement, target, None)
            parts = [target, iterable]
        case ast.While(test=test) | ast.If(test=test):
            parts = [test]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            parts = [*items]
            for item in items:
                if item.optional_vars is not None:
                    _assign(statement, item.optional_vars, None)
        case ast.Return(value=value):
            statement.result = value
        case ast.Raise(exc=value):
            statement.result = value
        case ast.Expr(value=ast.Yield(value=value)):
            statement.result = value
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            statement.assigns[name] = None
            parts = []
        case ast.Delete(targets=targets):
            for target in targets:
                _assign(statement, target, None)
        case ast.Try() | ast.Match():
            parts = []
    statement.names = tuple(dict.fromkeys(n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)))
    for part in parts:
        for inner in ast.walk(part):
            match inner:
                case ast.Call(func=ast.Attribute(value=holder, attr=method)) if method in _MUTATORS:
                    statement.mutates.update(_root(holder))
                case ast.NamedExpr(target=ast.Name(id=name), value=value):
                    statement.assigns[name] = value
    return statement


def _assign(statement: Statement, target: ast.expr, value: ast.expr | None) -> None:
    match target:
        case ast.Name(id=name):
            statement.assigns[name] = value
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            values: Sequence[ast.expr | None] = [None] * len(targets)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(targets):
                values = value.elts
            for one, its in zip(targets, values, strict=True):
                _assign(statement, one, its)
        case ast.Starred(value=inner):
            _assign(statement, inner, None)
        case ast.Subscript(value=holder) | ast.Attribute(value=holder):
            statement.mutates.update(_root(holder))


def _root(node: ast.expr) -> Iterator[str]:
    """The variable that an expression looks into."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def copied(expression: ast.expr | None, values: Mapping[str, str]) -> str | None:
    """The repr of an expression that is a literal or a variable, or a display of those."""
    match expression:
        case None:
            return None
        case ast.Name(id=name):
            return values.get(name)
        case ast.Constant(value=value):
            return repr(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return f"-{value!r}"
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            texts = [copied(element, values) for element in elements]
            if None in texts:
                return None
            inside = ", ".join(text for text in texts if text is not None)
            if isinstance(expression, ast.List):
                return f"[{inside}]"
            return f"({inside},)" if len(texts) == 1 else f"({inside})"
        case ast.Dict(keys=[], values=[]):
            return "{}"
        case ast.Call(func=ast.Name(id="set" | "list" | "dict" | "tuple" | "str" as name), args=[], keywords=[]):
            return {"set": "set()", "list": "[]", "dict": "{}", "tuple": "()", "str": "''"}[name]
        case ast.BinOp(left=left, right=right, op=ast.Add() | ast.Sub() as operator):
            one, other = copied(left, values), copied(right, values)
            if one is None or other is None:
                return None
            return _added(one, other, subtract=isinstance(operator, ast.Sub))
    return None


def _added(one: str, other: str, *, subtract: bool) -> str | None:
    try:
        return str(int(one) - int(other) if subtract else int(one) + int(other))
    except ValueError:
        pass
    if not subtract and one[:1] == other[:1] and one[:1] in "'\"[(" and one[-1:] == other[-1:]:
        between = ", " if one[0] in "[(" and len(one) > 2 and len(other) > 2 else ""
        return f"{one[:-1]}{between}{other[1:]}"
    return None


def elements(expression: ast.expr, values: Mapping[str, str]) -> Sequence[object] | None:
    """What a loop over an expression yields, where it is a literal or a variable that shows one, or a plain `range`."""
    match expression:
        case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]) if arguments:
            bounds = [_integer(argument, values) for argument in arguments]
            numbers = [bound for bound in bounds if bound is not None]
            return range(*numbers) if len(numbers) == len(bounds) and numbers[2:] != [0] else None
        case ast.Call(func=ast.Attribute(value=ast.Name() as holder, attr="keys" | "copy"), args=[]):
            expression = holder
    text = copied(expression, values)
    if text is None or len(text) > _LONGEST:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return list(value) if isinstance(value, str | list | tuple | dict) else None


def _integer(expression: ast.expr, values: Mapping[str, str]) -> int | None:
    match expression:
        case ast.Call(func=ast.Name(id="len"), args=[argument]):
            inside = elements(argument, values)
            return None if inside is None else len(inside)
        case ast.BinOp(left=left, right=right, op=ast.Add() | ast.Sub() as operator):
            one, other = _integer(left, values), _integer(right, values)
            if one is None or other is None:
                return None
            return one - other if isinstance(operator, ast.Sub) else one + other
    text = copied(expression, values)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def finished(prefix: str, likely: Sequence[str], unlike: str | None) -> str:
    """A value of which `prefix`, JSON text, is there, and which is not `unlike`: the first of `likely` that begins so,
    or what continues its end in one of them, with all brackets and quotes closed."""
    try:
        beginning: str = json.loads(f'"{prefix}"')
    except ValueError:  # in the middle of an escape
        return ""
    for text in likely:
        if text.startswith(beginning) and text != unlike:
            return text
    for period in range(1, _TAIL // 4 + 1):  # a value that runs away
        if len(beginning) >= _TAIL and beginning[-_TAIL:-period] == beginning[period - _TAIL :]:
            return beginning + beginning[-period:] * (_RUN // period)
    for length in range(min(_TAIL, len(beginning)), 0, -1):
        tail = beginning[-length:]
        for text in dict.fromkeys(likely):
            at = _nearest(text, tail, len(beginning) - length)
            if at is not None and (length > 2 or at == 0):
                whole = beginning + text[at + length :]
                whole += closing(whole)
                if whole != unlike:
                    return whole
    return beginning + closing(beginning)


def _nearest(text: str, part: str, place: int) -> int | None:
    """Where `part` begins in `text`, as near to `place` as possible."""
    after = text.find(part, place) if place < len(text) else -1
    before = text.rfind(part, 0, place + len(part))
    if after < 0 or (before >= 0 and place - before <= after - place):
        return before if before >= 0 else None
    return after


def closing(text: str) -> str:
    """The quotes and brackets that are open at the end of a repr, closed."""
    stack: list[str] = []
    quote = ""
    skip = False
    for character in text if len(text) <= _LONGEST else "":
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        elif quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in _CLOSING:
            stack.append(_CLOSING[character])
        elif stack and character == stack[-1]:
            stack.pop()
    return quote + "".join(reversed(stack))
