"""The calls of one function that its author allows: what each argument may be, and how the call is written."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cwm_lsp.search.callables import CALLED
from cwm_lsp.search.drawing import Pool, boundaries
from cwm_lsp.search.fields import RECORD, Reading, namespace, parsed_arguments
from cwm_lsp.search.hints import ANYTHING, Hints
from cwm_lsp.search.library_types import stream_of
from cwm_lsp.search.shapes import (
    NONE,
    Guess,
    Many,
    Shape,
    Table,
    any_of,
    fits,
    is_vouched,
    shape_of,
)
from cwm_lsp.search.values import Made, NotPlain, Text, read, written
from cwm_lsp.source.bind import dotted, find_target, is_in_class, takes_implicit
from cwm_lsp.source.functions import Function, Parameter, by_qualname
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.names import global_names
from cwm_lsp.source.recovery import module_statements, parse_lines, split_lines
from cwm_lsp.source.samples import fitting_argument, fitting_attribute, sample_argument
from cwm_lsp.source.trees import expression_of
from cwm_lsp.source.uses import text_matching

ABSENT: Any = Text("")
"""An argument that is left out."""

Arguments = tuple[Any, ...]
"""A value for each slot."""


class NoCalls(Exception):
    """No call of a function can be made up; the message says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One part of a call that can be chosen."""

    name: str
    kind: Literal["receiver", "positional", "named", "rest", "keywords"]
    shape: Shape
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Space:
    """All calls of a function."""

    function: Function
    slots: tuple[Slot, ...]
    known: tuple[Arguments, ...]
    """Calls that are written down in the file and its tests, as far as they fit."""
    pool: Pool = field(default_factory=Pool)
    """Constants of the function and of those that it calls in its file."""

    def call(self, arguments: Arguments) -> str:
        """The source of a call."""
        shown: list[str] = []
        receiver, skipped = "", False
        for slot, value in zip(self.slots, arguments, strict=True):
            if slot.kind == "receiver":
                receiver = written(value)
            elif value is ABSENT:
                skipped = True
            elif slot.kind == "rest":
                shown += [written(one) for one in value]
            elif slot.kind == "keywords":
                shown += [f"{name}={written(one)}" for name, one in value.items() if _is_name(name)]
            elif slot.kind == "named" or skipped:
                shown.append(f"{slot.name}={written(value)}")
            else:
                shown.append(written(value))
        call = self._form(receiver, ", ".join(shown))
        return f"list({call})" if self.function.is_generator and not self.function.is_async else call

    def _form(self, receiver: str, arguments: str) -> str:
        function = self.function
        if not is_in_class(function):
            return f"{function.qualname}({arguments})"
        if function.name in ("__init__", "__new__"):
            return f"{function.parent}({arguments})"
        if function.kind in ("classmethod", "staticmethod"):
            return f"{function.parent}.{function.name}({arguments})"
        if function.is_accessor:
            return f"setattr({receiver}, {function.name!r}, {arguments})"
        if function.kind == "property":
            return f"{receiver}.{function.name}"
        return f"{receiver}({arguments})" if function.name == "__call__" else f"{receiver}.{function.name}({arguments})"

    def is_vouched(self, arguments: Arguments) -> bool:
        """Whether somebody has said of every argument that it may be what it is: by a hint, a default, a known call."""
        return arguments in self.known or all(
            value is ABSENT or is_vouched(slot.shape) or (value is None and _allows_none(slot.shape))
            for slot, value in zip(self.slots, arguments, strict=True)
        )

    def starts(self) -> Iterator[Arguments]:
        """The known calls, then those at the boundaries: each slot varied alone, then all together."""
        yield from self.known
        columns = [self._column(slot) for slot in self.slots]
        if not all(columns):
            return
        first = tuple(column[0] for column in columns)
        yield first
        longest = max(map(len, columns), default=0)
        for row in range(1, longest):
            for index, column in enumerate(columns):
                if row < len(column):
                    yield (*first[:index], column[row], *first[index + 1 :])
        for row in range(1, longest):
            yield tuple(column[row % len(column)] for column in columns)
            yield tuple(column[(row * (index + 1)) % len(column)] for index, column in enumerate(columns))

    def _column(self, slot: Slot) -> list[Any]:
        if slot.kind == "rest":
            return [tuple(one) for one in boundaries(slot.shape, self.pool)]
        values = boundaries(slot.shape, self.pool)
        return [ABSENT, *values] if slot.optional else values


def _allows_none(shape: Shape) -> bool:
    return not isinstance(shape, Guess) and fits(shape, None)


def space_of(source: str, function: Function, known: Sequence[str] = (), where: Where = nowhere) -> Space:
    """The calls of a function of a file; `known` are such as are written down somewhere, as source, and `where` the
    file is, for the classes that it imports.

    Raises:
        NoCalls: it cannot be called from outside, or nothing is known of what it takes.
    """
    if function.parent is not None and not is_in_class(function):
        raise NoCalls("it stands inside another function")
    if function.parent is not None and function.parent in by_qualname(source):
        raise NoCalls("its class stands inside a function")
    if function.qualname.endswith(".deleter"):
        raise NoCalls("it deletes an attribute")
    if function.is_async and function.is_generator:
        raise NoCalls("it is an asynchronous generator")
    return _Maker(source, function, known, where).space()


@dataclass(slots=True)
class _Maker:
    source: str
    function: Function
    known: Sequence[str]
    where: Where
    hints: Hints = field(init=False)
    body: Sequence[ast.stmt] = field(init=False)

    def __post_init__(self) -> None:
        self.hints = Hints(self.source, self.where)
        lines = split_lines(self.source)
        indented = lines[self.function.def_line - 1][:1].isspace()
        own, _ = parse_lines(lines, self.function.def_line - 1, self.function.last_line, indented=indented)
        self.body = own.body if own is not None else []

    def space(self) -> Space:
        slots = list(self.slots())
        examples = [found for found in self.examples(slots) if found is not None]
        for index, slot in enumerate(slots):
            if isinstance(slot.shape, Guess):
                values = [one[index] for one in examples if one[index] is not ABSENT]
                if values:
                    expected = [] if slot.kind == "rest" else [NONE] if self.expects_none(slot.name) else []
                    slots[index] = replace(slot, shape=any_of([*_seen(slot, values), *expected]))
        known = [one for one in examples if self.is_allowed(slots, one)]
        pool = Pool()
        for value in (*self.constants(pool.keys), *self.fitting()):
            pool.add(value)
        return Space(self.function, tuple(slots), tuple({repr(one): one for one in known}.values()), pool)

    def is_allowed(self, slots: Sequence[Slot], arguments: Arguments) -> bool:
        return all(
            value is ABSENT
            or slot.kind in ("receiver", "keywords")
            or fits(slot.shape, list(value) if slot.kind == "rest" else value)
            or isinstance(value, Text)
            for slot, value in zip(slots, arguments, strict=True)
        )

    # what the function takes

    def slots(self) -> Iterator[Slot]:
        function = self.function
        parameters = list(function.parameters)
        if is_in_class(function) and takes_implicit(function):
            parameters = parameters[1:] if parameters and parameters[0].kind != "var-positional" else parameters
        made_by_class = function.name in ("__init__", "__new__")
        if is_in_class(function) and not made_by_class and function.kind in ("method", "property"):
            receiver = self.hints.objects(function.parent or "") if function.parent else None
            if receiver is None:
                raise NoCalls(f"no object of {function.parent} can be made up")
            yield Slot("self", "receiver", receiver)
        for parameter in parameters:
            slot = self.slot(parameter)
            if slot is not None:
                yield slot

    def slot(self, parameter: Parameter) -> Slot | None:
        shape = self.hinted(parameter) if parameter.annotation is not None else None
        if parameter.annotation is not None and parameter.annotation.strip("\"'").endswith("Self"):
            shape = self.hints.objects(self.function.parent or "")
        optional = parameter.default is not None
        if shape is None and parameter.annotation is not None and not _says_nothing(parameter.annotation):
            if optional or parameter.kind in ("var-positional", "var-keyword"):
                return None
            raise NoCalls(
                f"no {parameter.annotation} can be made up for {parameter.name}{self.elsewhere(parameter.annotation)}"
            )
        if parameter.kind == "var-keyword":
            return Slot(parameter.name, "keywords", Table(_NAMES, shape or ANYTHING))
        shape = shape or self.guessed(parameter)
        if shape is None:
            if optional or parameter.kind == "var-positional":
                return None
            raise NoCalls(f"nothing is known of what {parameter.name} may be")
        if parameter.kind == "var-positional":
            return Slot(
                parameter.name, "rest", Guess(Many("list", shape)) if isinstance(shape, Guess) else Many("list", shape)
            )
        named = parameter.kind == "keyword-only"
        return Slot(parameter.name, "named" if named else "positional", shape, optional)

    def hinted(self, parameter: Parameter) -> Shape | None:
        """What a parameter's hint says; where that leaves its inside open, with what the body does with it."""
        annotation = (parameter.annotation or "").strip("\"'")
        if self.hints.origin(annotation) in ("argparse.Namespace", "types.SimpleNamespace"):
            fields = self.reading(parameter).fields(parameter.name)
            if "argparse" in (self.hints.origin(annotation) or ""):
                told = parsed_arguments([node for one in module_statements(self.source) for node in ast.walk(one)])
                fields = {**{name: Guess(one) for name, one in fields.items()}, **told}
            return namespace(self.hints.written(annotation), fields)
        shape = self.hints.shape(annotation)
        if shape is None or not (re.search(r"\b(Any|object)\b", annotation) or annotation.lower() in _OPEN):
            return shape
        sample = _literal(fitting_argument(parameter, self.function, self.source))
        return any_of([Guess(shape_of(sample)), shape]) if isinstance(sample, list | dict) else shape

    def reading(self, parameter: Parameter) -> Reading:
        """What the function reads of a parameter."""

        def value(_: str, attribute: str) -> Shape | None:
            sample = _literal(fitting_attribute(parameter, attribute, self.function, self.source))
            return None if sample is None else shape_of(sample)

        return Reading(list(self.nodes()), value)

    def elsewhere(self, annotation: str) -> str:
        """That a hint names what the file only imports, in words."""
        words = re.findall(r"\w+", annotation)
        known = global_names(self.source) or frozenset()
        imported = [
            one for one in words
            if one in known and one not in self.hints.class_names and self.hints.defined(one) is None
        ]  # fmt: skip
        return f": {imported[0]} is imported, and how its objects are made is not known" if imported else ""

    def guessed(self, parameter: Parameter) -> Shape | None:
        """What a parameter without a hint may be."""
        default = _literal(parameter.default)
        if default is not None and not isinstance(default, Text):
            return Guess(shape_of(default)) if isinstance(default, bool | Made) else shape_of(default)
        reading = self.reading(parameter)
        says_any = parameter.annotation is not None
        checked = [*self.checked(parameter.name), *([ANYTHING] if says_any else [])]
        if reading.is_called(parameter.name):
            return CALLED
        if reading.is_file(parameter.name):
            is_binary = any(isinstance(node, ast.Constant) and isinstance(node.value, bytes) for node in self.nodes())
            return stream_of(b"" if is_binary else "", self.hints.naming)
        sample = _literal(sample_argument(parameter, self.function, self.source))
        if checked:
            return Guess(any_of([*checked, *([] if sample is None or says_any else [shape_of(sample)])]))
        if sample is None:
            fields = reading.fields(parameter.name)
            return Guess(any_of([namespace(RECORD, fields), NONE])) if fields else None
        shape = shape_of(sample)
        expects_none = parameter.default == "None" or self.expects_none(parameter.name)
        return Guess(any_of([shape, NONE]) if expects_none and parameter.default is None else shape)

    def checked(self, name: str) -> Iterator[Shape]:
        """What the body asks whether it is."""
        for node in self.nodes():
            match node:
                case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=checked), kinds]) if checked == name:
                    parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
                    yield from (shape for part in parts if (shape := self.hints.of(part)) is not None)

    def expects_none(self, name: str) -> bool:
        """Whether the body compares a parameter with None."""
        return any(
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Name)
            and node.left.id == name
            and any(isinstance(one, ast.Constant) and one.value is None for one in node.comparators)
            for node in self.nodes()
        )

    def nodes(self) -> Iterator[ast.AST]:
        return (node for statement in self.body for node in ast.walk(statement))

    # what is written down

    def examples(self, slots: Sequence[Slot]) -> Iterator[Arguments | None]:
        """The arguments of the calls that are found, where they can be read."""
        for call in self.known:
            yield self.example(call, slots)

    def example(self, call: str, slots: Sequence[Slot]) -> Arguments | None:
        expression = expression_of(call)
        target = find_target(expression, self.function.face, frozenset(self.hints.class_names))
        if target is None:
            return None
        node = target.node
        try:
            given = [read(one) for one in node.args] if isinstance(node, ast.Call) else []
            named = {one.arg: read(one.value) for one in node.keywords} if isinstance(node, ast.Call) else {}
            receiver = _receiver(node)
            if None in named:
                return None
            arguments: list[Any] = []
            for slot in slots:
                if slot.kind == "receiver":
                    if receiver is None or not isinstance(made := read(receiver), Made):
                        return None
                    arguments.append(made)
                elif slot.kind == "rest":
                    arguments.append(tuple(given))
                    given = []
                elif slot.kind == "keywords":
                    arguments.append(named)
                    named = {}
                elif slot.kind == "positional" and given:
                    arguments.append(given.pop(0))
                elif slot.name in named:
                    arguments.append(named.pop(slot.name))
                elif slot.optional:
                    arguments.append(ABSENT)
                else:
                    return None
        except NotPlain:
            return None
        return None if given or named else tuple(arguments)

    # constants

    def fitting(self) -> Iterator[Any]:
        """Texts that fit what the body does with parameters whose hints say no more than that they are texts: the long
        ones, short ones are come to anyway."""
        for parameter in self.function.parameters:
            sample = fitting_argument(parameter, self.function, self.source) if parameter.annotation else None
            if sample is not None and len(sample) > _LONG:
                yield _literal(sample)

    def constants(self, keys: list[str]) -> Iterator[Any]:
        """Those in the function, what the file's names that it reads are assigned, and those in what it calls; then
        texts that what is called takes. What is looked up in mappings joins the `keys`."""
        documented: set[str] = set()
        taken: list[str] = []
        numbers: list[str] = []
        for node in self.reached():
            if (key := _looked_up(node)) is not None and key not in keys:
                keys.append(key)
            match node:
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    documented.add(text)
                case ast.Call(func=ast.Attribute(attr=attribute), args=[ast.Constant(value=str(pattern)), *_]):
                    if attribute in _PATTERNS and (matched := text_matching(pattern)) is not None:
                        yield matched
                    yield pattern
                case ast.Constant(value=str(text)) if text in documented:
                    continue
                case ast.Constant(value=int() | float() | str() | bytes() as value) if not isinstance(value, bool):
                    yield value
                    numbers += [str(value), str(value + 1)] if isinstance(value, int) else []
                case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                    yield -value
            match node:
                case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in TAKEN:
                    taken += TAKEN[name]
        yield from dict.fromkeys(taken)
        if taken:
            yield from dict.fromkeys(numbers)

    def reached(self) -> Iterator[ast.AST]:
        """The nodes of the function, and of what it names in the file."""
        seen: set[str] = set()
        pending: list[tuple[Sequence[ast.AST], int]] = [(self.body, 0)]
        while pending:
            nodes, depth = pending.pop(0)
            for node in (inner for one in nodes for inner in ast.walk(one)):
                yield node
                if isinstance(node, ast.Name) and node.id not in seen and depth < 2:
                    seen.add(node.id)
                    defined = self.hints.defined(node.id)
                    if defined is not None:
                        pending.append(([defined], depth + 1))


def _looked_up(node: ast.AST) -> str | None:
    """The constant that is looked up in a mapping."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Call(func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[ast.Constant(value=str(key)), *_]):
            return key
        case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()]):
            return key
        case ast.MatchMapping(keys=[ast.Constant(value=str(key)), *_]):
            return key
    return None


TAKEN: Mapping[str, Sequence[str]] = {
    "int": ("12", "-1", "007"), "float": ("1.5", "inf", "nan", "1e400"), "complex": ("1+2j",),
    "Decimal": ("1.5", "NaN", "Infinity"), "Fraction": ("1/2", "1.5"), "isdigit": ("12", "²"), "isdecimal": ("12",),
    "isnumeric": ("12", "½"), "isalpha": ("ab",), "isalnum": ("a1",), "isupper": ("AB",), "istitle": ("Ab Ab",),
    "loads": ('{"a": 1}', "[1]", "null", '"a"'), "literal_eval": ("[1]", "{'a': 1}"), "fromhex": ("ff00",),
    "fromisoformat": ("2024-02-29", "2024-02-29T12:30:00"), "b64decode": ("YQ==",), "unquote": ("%41%ff",),
    "urlparse": ("http://a.b:80/c?d=e#f",), "urlsplit": ("http://a.b:80/c?d=e#f",), "splitlines": ("a\n\nb\n",),
    "unescape": ("&lt;&#65;",), "ip_address": ("127.0.0.1", "::1"), "name": ("a\x00",),
    "bidirectional": ("א", "ع1"), "combining": ("e\u0301",), "category": ("a1 \x00",), "normalize": ("e\u0301",),
}  # fmt: skip
"""Texts that functions and methods take, by name: what they make something of, and what they do not expect."""
_PATTERNS = frozenset({"compile", "match", "search", "fullmatch", "findall", "finditer", "split", "sub"})
_NAMES: Shape = any_of([shape_of("a"), shape_of("b")])


_LONG = 8
"""Characters of the source of a text that is hardly come to by changes of others."""
_OPEN = frozenset({"dict", "list", "mapping", "mutablemapping", "sequence", "iterable", "collection"})
"""Hints, in small letters, that say nothing of what is inside."""


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _says_nothing(annotation: str) -> bool:
    return annotation.strip("\"'").split(".")[-1] in ("Any", "object")


def _literal(text: str | None) -> Any:
    """The value of a default or sample; None where it is None or cannot be read."""
    if text is None:
        return None
    try:
        return read(expression_of(text))
    except (NotPlain, SyntaxError, ValueError, RecursionError):
        return None


def _receiver(node: ast.AST) -> ast.expr | None:
    """What a method is called on."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.value if isinstance(node, ast.Attribute) and dotted(node.value) is None else None


def _seen(slot: Slot, values: Sequence[Any]) -> list[Shape]:
    if slot.kind == "rest":
        return [Many("list", any_of([shape_of(one) for value in values for one in value] or [slot.shape]))]
    return [any_of([shape_of(value) for value in values])]
