"""Arguments that fit what the body of a function does with a parameter: how it is read, indexed, iterated, compared.

The parameter is followed through assignments, loops, comprehensions and the key functions of sorting.
"""

from __future__ import annotations

import ast
import re
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .bind import dotted
from .trees import walk

try:
    from re import _parser as regex_parser  # type: ignore[attr-defined]
except ImportError:  # until 3.10
    import sre_parse as regex_parser

_DEEPEST = 4
"""Rows inside rows."""
_MOST = 8
"""Keys of a made-up row."""
_MAPPING = "{'abc': 3, 'b': 1}"
_MOMENT = time.struct_time((2024, 1, 31, 12, 30, 0, 2, 31, 0))

# What a call takes as its first argument, by the last words of its name.
_READ_BY = {
    "datetime.fromisoformat": "'2024-01-31T12:30:00'",
    "date.fromisoformat": "'2024-01-31'",
    "time.fromisoformat": "'12:30:00'",
    "datetime.fromtimestamp": "1706700600",
    "bytes.fromhex": "'616263'",
    "Decimal": "'1.5'",
    "Fraction": "'1/2'",
    "UUID": "'12345678-1234-5678-1234-567812345678'",
    "ip_address": "'192.168.0.1'",
    "ip_network": "'192.168.0.0/24'",
    "urlparse": "'https://example.com:8080/a?b=1#c'",
    "urlsplit": "'https://example.com:8080/a?b=1#c'",
    "parse_qs": "'a=1&b=2'",
    "parse_qsl": "'a=1&b=2'",
    "literal_eval": "'[1, 2]'",
    "ast.parse": "'a = 1'",
    "b64decode": "'YWJj'",
    "unhexlify": "'616263'",
    "float.fromhex": "'0x1.8p+1'",
    "os.path.join": "'a/b.txt'",
    "os.path.basename": "'a/b.txt'",
    "os.path.dirname": "'a/b.txt'",
    "os.path.splitext": "'a/b.txt'",
    "Path": "'a/b.txt'",
    "PurePath": "'a/b.txt'",
    "ord": "'a'",
    "chr": "97",
    "shlex.split": "'a b'",
    "csv.reader": "['a,b', '1,2']",
    "csv.DictReader": "['a,b', '1,2']",
}
_SAME_ELEMENTS = frozenset({"list", "tuple", "sorted", "reversed", "iter", "set", "frozenset", "deque"})
_KEYED = frozenset({"sorted", "min", "max", "sort", "groupby", "nlargest", "nsmallest"})
_OF_TEXTS = frozenset({"startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "splitlines", "title"})
_MATCHES = frozenset({"match", "search", "fullmatch", "findall", "finditer"})


class Uses:
    """What some statements do with their names; `globals_` are the assignments around them."""

    def __init__(self, body: Sequence[ast.stmt], globals_: Mapping[str, ast.expr], word: Callable[[str], str]) -> None:
        """`word` gives a value for what only has a name."""
        self._nodes = [node for statement in body for node in walk(statement)]
        self._globals = globals_
        self._word = word

    def argument(self, name: str) -> str | None:
        """A value that fits the uses of a name, as source; None where they do not tell."""
        return self._value(lambda node: isinstance(node, ast.Name) and node.id == name, 0)

    def attribute(self, name: str, attribute: str) -> str | None:
        """The same for an attribute of what a name stands for."""
        return self._value(
            lambda node: (
                isinstance(node, ast.Attribute)
                and node.attr == attribute
                and isinstance(node.value, ast.Name)
                and node.value.id == name
            ),
            0,
        )

    def makes_mapping_of(self, name: str) -> bool:
        """Whether the elements of a name are taken for the items of a mapping."""
        for node in self._nodes:
            match node:
                case ast.Call(func=function, args=[ast.Name(id=first), *_]) if first == name:
                    if _last_word(function) in ("dict", "OrderedDict") or _is_super_init(function):
                        return True
                case ast.For(target=ast.Tuple(elts=[_, _]), iter=ast.Name(id=iterated)) if iterated == name:
                    return True
        return False

    def _value(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        if depth > _DEEPEST:
            return None
        is_it = self._with_aliases(is_it)
        for told in (self._read, self._mapping, self._row, self._elements, self._operand):
            value = told(is_it, depth)
            if value is not None:
                return value
        return None

    def _with_aliases(self, is_it: Callable[[ast.AST], bool]) -> Callable[[ast.AST], bool]:
        """Also names that are bound to it, and to a stream over it or what is read from that."""
        names: set[str] = set()

        def known(node: ast.AST) -> bool:
            if is_it(node) or (isinstance(node, ast.Name) and node.id in names):
                return True
            match node:
                case ast.Call(func=ast.Attribute(value=inner, attr="read" | "getvalue")):
                    return isinstance(inner, ast.Call | ast.Name) and known(inner) and not is_it(inner)
                case ast.Call(func=function, args=[inner]):
                    return (dotted(function) or "").split(".")[-1] in ("StringIO", "BytesIO") and known(inner)
            return False

        for _ in range(3):
            for node in self._nodes:
                if isinstance(node, ast.Assign) and known(node.value):
                    names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return known

    def _read(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        """What a function of the library makes something of."""
        for node in self._nodes:
            if not isinstance(node, ast.Call):
                continue
            called = dotted(node.func) or ""
            first = bool(node.args) and is_it(node.args[0])
            tail = ".".join(called.split(".")[-2:])
            if first:
                for name, text in _READ_BY.items():
                    if tail == name or called == name or (called.split(".")[-1] == name and "." not in name):
                        return text
                if tail in ("json.loads", "loads"):
                    inside = self._value(lambda other, node=node: other is node, depth + 1)  # type: ignore[misc]
                    return repr(_as_json(inside or "{'a': 1}"))
                if called.split(".")[-1] == "strptime" and len(node.args) > 1:
                    form = node.args[1]
                    if isinstance(form, ast.Constant) and isinstance(form.value, str):
                        return repr(time.strftime(form.value, _MOMENT))
            if tail in ("struct.unpack", "unpack") and len(node.args) == 2 and is_it(node.args[1]):
                form = node.args[0]
                if isinstance(form, ast.Constant) and isinstance(form.value, str):
                    return _bytes_of(form.value)
            if pattern := self._pattern(node, is_it):
                return pattern
        return None

    def _pattern(self, node: ast.Call, is_it: Callable[[ast.AST], bool]) -> str | None:
        """A text that matches the regular expression that it is held against."""
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in _MATCHES:
            return None
        expression: ast.expr | None = None
        if dotted(function.value) == "re" and len(node.args) > 1 and is_it(node.args[1]):
            expression = node.args[0]
        elif node.args and is_it(node.args[0]):
            held = function.value
            held = self._globals.get(held.id, held) if isinstance(held, ast.Name) else held
            if isinstance(held, ast.Call) and dotted(held.func) == "re.compile" and held.args:
                expression = held.args[0]
        if isinstance(expression, ast.Name):
            expression = self._globals.get(expression.id)
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            text = text_matching(expression.value)
            return None if text is None else repr(text)
        return None

    def _mapping(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        """A mapping that is gone through."""
        keys = set()
        for node in self._nodes:
            match node:
                case ast.Attribute(value=value, attr="items" | "keys" | "setdefault" | "values") if is_it(value):
                    return self._row(is_it, depth) or _MAPPING
                case (
                    ast.For(target=ast.Name(id=key), iter=iterable)
                    | ast.comprehension(target=ast.Name(id=key), iter=iterable)
                ) if is_it(_inner(iterable)):
                    keys.add(key)
        for node in self._nodes:
            match node:
                case ast.Subscript(value=value, slice=ast.Name(id=key)) if key in keys and is_it(value):
                    return _MAPPING
        return None

    def _row(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        """A mapping of which certain keys are read."""
        found: dict[str, ast.AST] = {}
        for node in self._nodes:
            match node:
                case ast.Subscript(value=value, slice=ast.Constant(value=str(key))) if is_it(value):
                    found.setdefault(key, node)
                case ast.Call(
                    func=ast.Attribute(value=value, attr="get" | "pop"), args=[ast.Constant(value=str(key)), *_]
                ):
                    if is_it(value):
                        found.setdefault(key, node)
        if not found or len(found) > _MOST:
            return None
        values = {
            key: self._value(lambda other, key=key: _reads(other, is_it, key), depth + 1) or self._word(key)  # type: ignore[misc]
            for key in found
        }
        return "{" + ", ".join(f"{key!r}: {value}" for key, value in values.items()) + "}"

    def _elements(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        """Something of whose elements more is known."""
        names: set[str] = set()
        lambdas: list[str] = []
        for node in self._nodes:
            match node:
                case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
                    if not is_it(_inner(iterable)):
                        continue
                    if isinstance(target, ast.Name):
                        names.add(target.id)
                    elif isinstance(target, ast.Tuple) and not (
                        isinstance(iterable, ast.Call) and dotted(iterable.func) in ("enumerate", "zip")
                    ):
                        rows = [[self._word(getattr(one, "id", "")) for one in target.elts] for _ in range(2)]
                        return "[" + ", ".join(f"({', '.join(row)})" for row in rows) + "]"
                case ast.Call(func=function, args=arguments, keywords=keywords):
                    called = _last_word(function)
                    sorts_it = isinstance(function, ast.Attribute) and is_it(function.value)
                    if called in _KEYED and (sorts_it or any(is_it(_inner(one)) for one in arguments)):
                        lambdas += [
                            one.value.args.args[0].arg
                            for one in keywords
                            if one.arg == "key" and isinstance(one.value, ast.Lambda) and one.value.args.args
                        ]
        names.update(lambdas)

        def is_element(node: ast.AST) -> bool:
            match node:
                case ast.Name(id=name):
                    return name in names
                case ast.Subscript(value=value, slice=ast.Constant(value=int())):
                    return bool(names) and is_it(value)
            return False

        if not names:
            return None
        element = self._value(is_element, depth + 1)
        if element is None:
            return None
        return f"[{', '.join(_varied(element, 2))}]"

    def _operand(self, is_it: Callable[[ast.AST], bool], depth: int) -> str | None:
        """What it is held against or joined with."""
        for node in self._nodes:
            match node:
                case ast.BinOp(left=ast.Constant(value=str() | bytes() as other), op=ast.Add(), right=right):
                    if is_it(right):
                        return repr(other[:0] + (b"abc" if isinstance(other, bytes) else "abc"))  # type: ignore[operator]
                case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=str() | bytes() as other)):
                    if is_it(left):
                        return repr(b"abc" if isinstance(other, bytes) else "abc")
                case ast.Call(
                    func=ast.Attribute(value=value, attr="split" | "rsplit" | "partition" | "rpartition"),
                    args=[ast.Constant(value=str(separator)), *_],
                ) if is_it(value) and separator:
                    return repr(f"a{separator}1")
                case ast.Call(func=ast.Attribute(value=value, attr=method), args=arguments) if (
                    depth and method in _OF_TEXTS and is_it(value)
                ):
                    ending = next((str(one.value) for one in arguments if isinstance(one, ast.Constant)), "")
                    return repr(f"abc{ending}" if method == "endswith" else "abc")
                case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str() | bytes() as other)]):
                    if is_it(left) and other:
                        return repr(other)
                case ast.Compare(
                    left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.Tuple() | ast.List() | ast.Set() as among]
                ):
                    if is_it(left) and among.elts and isinstance(among.elts[0], ast.Constant):
                        return repr(among.elts[0].value)
        return None


def text_matching(pattern: str) -> str | None:
    """A text that a regular expression matches, None where it is too involved."""
    try:
        text = "".join(_matching(regex_parser.parse(pattern)))
        return text if re.search(pattern, text) else None
    except (re.error, ValueError, RecursionError, OverflowError, KeyError):
        return None


_OF_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "a",
                "CATEGORY_NOT_DIGIT": "a", "CATEGORY_NOT_WORD": "-"}  # fmt: skip


def _matching(parsed: Any) -> Iterator[str]:
    for operation, argument in parsed:
        match str(operation):
            case "LITERAL":
                yield chr(argument)
            case "NOT_LITERAL":
                yield "b" if argument == ord("a") else "a"
            case "ANY":
                yield "a"
            case "IN":
                yield _of_class(argument)
            case "CATEGORY":
                yield _OF_CATEGORY[str(argument)]
            case "BRANCH":
                yield from _matching(argument[1][0])
            case "SUBPATTERN":
                yield from _matching(argument[-1])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                once = "".join(_matching(inner))
                yield once * min(max(least, 1), most, 100)
            case "ATOMIC_GROUP":
                yield from _matching(argument)
            case "AT" | "ASSERT" | "ASSERT_NOT":
                pass
            case other:
                raise ValueError(other)


def _of_class(items: Any) -> str:
    """A character of a class."""
    negated = any(str(operation) == "NEGATE" for operation, _ in items)
    if negated:
        pattern = re.compile("|".join(map(_item, (item for item in items if str(item[0]) != "NEGATE"))))
        return next(character for character in "a1-_ A.~" if not pattern.fullmatch(character))
    return next(character for operation, argument in items for character in _first(str(operation), argument))


def _first(operation: str, argument: Any) -> str:
    match operation:
        case "LITERAL":
            return chr(argument)
        case "RANGE":
            return chr(argument[0])
    return _OF_CATEGORY[str(argument)]


def _item(item: Any) -> str:
    operation, argument = item
    match str(operation):
        case "LITERAL":
            return re.escape(chr(argument))
        case "RANGE":
            return f"[{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}]"
    letters = {"DIGIT": "d", "WORD": "w", "SPACE": "s"}
    name = str(argument).removeprefix("CATEGORY_")
    letter = letters[name.removeprefix("NOT_")]
    return f"\\{letter.upper() if name.startswith('NOT_') else letter}"


def _inner(iterable: ast.expr) -> ast.expr:
    """What is gone through, without `list(…)`, `sorted(…)`, `enumerate(…)` around it."""
    while isinstance(iterable, ast.Call) and iterable.args:
        if dotted(iterable.func) not in (*_SAME_ELEMENTS, "enumerate"):
            break
        iterable = iterable.args[0]
    return iterable


def _reads(node: ast.AST, is_it: Callable[[ast.AST], bool], key: str) -> bool:
    """Whether a node reads a key of it."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=found)):
            return found == key and is_it(value)
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop"), args=[ast.Constant(value=found), *_]):
            return found == key and is_it(value)
    return False


def _last_word(function: ast.expr) -> str:
    """`sort` of `rows.sort`, `sorted` of `sorted`; empty where there is none."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_super_init(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return True
    return False


def _varied(element: str, count: int) -> Iterator[str]:
    """An element, and others that differ from it in their numbers."""
    for number in range(count):
        yield re.sub(r"\b3\b", str(3 - number), element) if number else element


def _as_json(source: str) -> str:
    import json

    try:
        return json.dumps(ast.literal_eval(source))
    except (ValueError, SyntaxError, TypeError):
        return '{"a": 1}'


def _bytes_of(form: str) -> str | None:
    try:
        return repr(bytes(range(1, struct.calcsize(form) % 256 + 1)))
    except struct.error:
        return None
