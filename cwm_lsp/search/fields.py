"""Objects of which only is known what is read of them: the fields of a `Namespace`, of a record without a class, the
methods of a file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cwm_lsp.search.shapes import BOOL, FLOAT, INT, NONE, STR, Fixed, Instance, Many, Shape, any_of, shape_of
from cwm_lsp.search.values import NotPlain, Text, read

Told = Callable[[ast.AST], bool]
"""Whether a node stands for the object."""

_DEEPEST = 3
"""Objects in objects."""
_MOST = 12
"""Fields of an object."""
_OF_FILES = frozenset(
    {"read", "readline", "readlines", "write", "writelines", "seek", "tell", "getvalue", "flush", "close", "truncate"}
)
_ANSWERS = Fixed((Text("lambda *a: 1"), Text("lambda *a: 'a'"), Text("lambda *a: None"), Text("lambda *a: []")))
"""Methods that nothing is known of."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a function reads of its parameters."""

    nodes: Sequence[ast.AST]
    value: Callable[[str, str], Shape | None]
    """The shape that the uses of a parameter's attribute suggest."""

    def fields(self, name: str) -> Mapping[str, Shape]:
        """The attributes that are read of a parameter."""
        return dict(self._fields(lambda node: isinstance(node, ast.Name) and node.id == name, (name,), 0))

    def is_file(self, name: str) -> bool:
        """Whether a parameter is read or written as a file is."""
        used = {node.attr for node in self.nodes if isinstance(node, ast.Attribute) and _is_name(node.value, name)}
        return bool(used & (_OF_FILES - {"close", "flush"})) and used <= _OF_FILES

    def is_called(self, name: str) -> bool:
        """Whether a parameter is called."""
        return any(isinstance(node, ast.Call) and _is_name(node.func, name) for node in self.nodes)

    def _fields(self, told: Told, way: tuple[str, ...], depth: int) -> Iterator[tuple[str, Shape]]:
        told = self._with_names(told)
        called = {id(node.func) for node in self.nodes if isinstance(node, ast.Call)}
        read: dict[str, bool] = {}
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and told(node.value):
                read[node.attr] = read.get(node.attr, True) and id(node) in called
        for attribute, is_method in list(read.items())[:_MOST]:
            if attribute.startswith("__"):
                continue
            yield attribute, _ANSWERS if is_method else self._field(told, (*way, attribute), depth)

    def _field(self, told: Told, way: tuple[str, ...], depth: int) -> Shape:
        attribute = way[-1]

        def inner(node: ast.AST) -> bool:
            return isinstance(node, ast.Attribute) and node.attr == attribute and told(node.value)

        if depth + 1 < _DEEPEST:
            parts = dict(self._fields(inner, way, depth + 1))
            if parts and not parts.keys() <= _OF_BUILTINS:
                return any_of([NONE, namespace(RECORD, parts)])
        known = self.value(way[0], attribute) if len(way) == 2 else None
        compared = list(self._compared(inner))
        return any_of([*compared, known or INT]) if compared or known else any_of([INT, STR, NONE])

    def _compared(self, told: Told) -> Iterator[Shape]:
        """What it is held against."""
        for node in self.nodes:
            match node:
                case ast.Compare(left=left, comparators=[ast.Constant(value=value)]) if told(left):
                    yield shape_of(value)
                case ast.Compare(left=left, comparators=[ast.Tuple() | ast.List() | ast.Set() as among]) if told(left):
                    yield from (shape_of(one.value) for one in among.elts if isinstance(one, ast.Constant))

    def _with_names(self, told: Told) -> Told:
        """Also names that are bound to it."""
        names = {
            target.id
            for node in self.nodes
            if isinstance(node, ast.Assign) and told(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        return lambda node: told(node) or (isinstance(node, ast.Name) and node.id in names)


RECORD = "__import__('types').SimpleNamespace"
_OF_BUILTINS = frozenset(name for kind in (str, list, dict, set, bytes, int, float) for name in dir(kind))


def namespace(callee: str, fields: Mapping[str, Shape]) -> Shape:
    """An object with these fields, and no others."""
    return Instance(callee, (), tuple(fields.items()))


def parsed_arguments(tree: Sequence[ast.AST]) -> dict[str, Shape]:
    """What a parser in the file gives: the name of each argument that is added to one, and what it may be."""
    found: dict[str, Shape] = {}
    for node in tree:
        match node:
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str()), *_] as names):
                options = {one.arg: one.value for one in node.keywords if one.arg is not None}
                flags = [one.value for one in names if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found.setdefault(_destination(flags, options), _argument(flags, options))
    return found


def _destination(flags: Sequence[str], options: Mapping[str, ast.expr]) -> str:
    match options.get("dest"):
        case ast.Constant(value=str(name)):
            return name
    long = next((flag for flag in flags if flag.startswith("--")), flags[0])
    return long.lstrip("-").replace("-", "_")


def _argument(flags: Sequence[str], options: Mapping[str, ast.expr]) -> Shape:
    action = getattr(options.get("action"), "value", None)
    if action in ("store_true", "store_false"):
        return BOOL
    if action == "count":
        return any_of([NONE, Fixed((1, 2, 3))])
    base: Shape = {"int": INT, "float": FLOAT}.get(getattr(options.get("type"), "id", ""), STR)
    choices = options.get("choices")
    if isinstance(choices, ast.List | ast.Tuple | ast.Set):
        values = tuple(one.value for one in choices.elts if isinstance(one, ast.Constant))
        base = Fixed(values) if len(values) == len(choices.elts) and values else base
    many = getattr(options.get("nargs"), "value", None)
    if many == "?":
        return any_of([NONE, base])
    if many is not None or action in ("append", "extend"):
        base = Many("list", base)
    default = options.get("default")
    is_option = flags[0].startswith("-") and "required" not in options
    if default is None:
        return any_of([base, NONE]) if is_option else base
    try:
        return any_of([base, shape_of(read(default))])
    except NotPlain:
        return base


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
