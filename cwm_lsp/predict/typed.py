"""What types values are of, as far as the text of a file tells: annotations, constructors, displays, operators."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from cwm_lsp.predict.guesses import Statement, Statements
from cwm_lsp.predict.reprs import type_of
from cwm_lsp.source.bind import dotted
from cwm_lsp.source.functions import functions
from cwm_lsp.source.names import global_names
from cwm_lsp.source.recovery import module_statements, parse
from cwm_lsp.source.trees import expression_of

Types = frozenset[str]
"""Names of builtin types, or of classes of the file, of which a value has one."""
ANY: Types = frozenset()
IMPORTED: Types = frozenset({"module", "type", "function"})
"""What a name from another file may be: nobody can say more of it, and it is mostly none of the builtin values."""

_TYPES = ("int", "float", "complex", "str", "bytes", "bool", "list", "dict", "set", "tuple", "frozenset", "bytearray")
_NAMED = {
    **{name: name for name in _TYPES}, "List": "list", "Dict": "dict", "Set": "set", "Tuple": "tuple",
    "FrozenSet": "frozenset", "None": "None",
}  # fmt: skip
_GIVEN = {
    **{name: name for name in _TYPES}, "len": "int", "ord": "int", "hash": "int", "id": "int", "sorted": "list",
    "dir": "list", "isinstance": "bool", "issubclass": "bool", "callable": "bool", "hasattr": "bool", "any": "bool",
    "all": "bool", "repr": "str", "ascii": "str", "chr": "str", "hex": "str", "bin": "str", "oct": "str",
    "format": "str",
}  # fmt: skip
"""Builtins → what calls of them give."""
_DISPLAYS: dict[type[ast.expr], str] = {
    ast.List: "list", ast.ListComp: "list", ast.Dict: "dict", ast.DictComp: "dict", ast.Set: "set", ast.SetComp: "set",
    ast.Tuple: "tuple", ast.JoinedStr: "str",
}  # fmt: skip
_ALSO = {"float": ("int", "bool"), "complex": ("float", "int", "bool"), "int": ("bool",)}
"""What counts as another type."""


class Typed:
    """The types that a file tells of."""

    def __init__(self, source: str) -> None:
        self._source = source

    def parameter(self, line: int, name: str) -> Types:
        """That of a parameter at the `call` event of a function on a line."""
        return self._annotations.get((line, name), ANY)

    def returned(self, line: int) -> Types:
        """What the function whose `call` event is on a line returns."""
        return self._annotations.get((line, None), ANY)

    def assigned(self, lines: Iterable[int], name: str) -> Types:
        """What a name was given by the statement on one of these lines."""
        found = [self._statements.at(line) for line in lines]
        given = [self.of(value) if (value := one.assigns.get(name)) and _is_assignment(one) else ANY for one in found]
        return frozenset().union(*given) if all(given) else ANY

    def of(self, expression: ast.expr) -> Types:
        """The type of an expression's value."""
        match expression:
            case ast.Constant(value=value) if value is not Ellipsis:
                return frozenset({"None" if value is None else type(value).__name__})
            case ast.Call(func=ast.Name(id=name)) if name in _GIVEN and not self._is_own(name):
                return frozenset({_GIVEN[name]})
            case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
                return frozenset({"bool"})
            case ast.IfExp(body=body, orelse=other):
                both = self.of(body), self.of(other)
                return both[0] | both[1] if all(both) else ANY
        display = _DISPLAYS.get(type(expression))
        return frozenset({display}) if display else ANY

    def _is_own(self, name: str) -> bool:
        names = global_names(self._source)
        return names is None or name in names

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self._source)

    @cached_property
    def _annotations(self) -> dict[tuple[int, str | None], Types]:
        returning = {one.def_line for one in functions(self._source) if not (one.is_generator or one.is_async)}
        imported = {
            alias.asname or alias.name.partition(".")[0]
            for statement in module_statements(self._source)
            if isinstance(statement, ast.Import | ast.ImportFrom)
            for alias in statement.names
        }
        found: dict[tuple[int, str | None], Types] = {}
        for fragment in parse(self._source).fragments:
            for node in (inner for statement in fragment.body for inner in ast.walk(statement)):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                line = min([node.lineno, *(one.lineno for one in node.decorator_list)]) + fragment.offset
                for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                    found[line, one.arg] = self._annotated(one.annotation)
                for name in _defaulting_to(node.args, imported):
                    found[line, name] = found[line, name] or IMPORTED
                if node.lineno + fragment.offset in returning:
                    found[line, None] = self._annotated(node.returns)
        return found

    def _annotated(self, node: ast.expr | None) -> Types:
        match node:
            case None:
                return ANY
            case ast.Constant(value=None):
                return frozenset({"None"})
            case ast.Constant(value=str(text)):
                try:
                    return self._annotated(expression_of(text.strip()))
                except (SyntaxError, ValueError):
                    return ANY
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union([left, right])
            case ast.Subscript(value=value, slice=inner):
                match (dotted(value) or "").rpartition(".")[2]:
                    case "Optional":
                        return self._union([inner, ast.Constant(None)])
                    case "Union" if isinstance(inner, ast.Tuple):
                        return self._union(inner.elts)
                    case _:
                        return self._annotated(value)
        name = (dotted(node) or "").rpartition(".")[2]
        is_known = name in _NAMED and (name[:1].isupper() or not self._is_own(name))
        return frozenset({_NAMED[name]}) if is_known else ANY

    def _union(self, parts: Sequence[ast.expr]) -> Types:
        found = [self._annotated(part) for part in parts]
        return frozenset().union(*found) if all(found) else ANY


def _defaulting_to(arguments: ast.arguments, names: Collection[str]) -> list[str]:
    """The parameters whose default is one of some names."""
    positional = [*arguments.posonlyargs, *arguments.args]
    last = positional[len(positional) - len(arguments.defaults) :]
    pairs = [
        *zip(last, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return [one.arg for one, default in pairs if isinstance(default, ast.Name) and default.id in names]


def can_be(text: str, types: Types) -> bool:
    """Whether a repr can be that of a value of one of these types; a subclass may show as it likes."""
    kind = type_of(text)
    return not types or kind is None or kind in types or any(kind in _ALSO.get(one, ()) for one in types)


def shown(types: Types) -> str | None:
    """What a value of these types shows as whose repr is not known, where it can be of one type only."""
    (name,) = types if len(types) == 1 else (None,)
    return name and f"<{name} object>"


def _is_assignment(statement: Statement) -> bool:
    """Whether a statement assigns once and for all, and not in the midst of an expression."""
    return isinstance(statement.node, ast.Assign | ast.AnnAssign)
