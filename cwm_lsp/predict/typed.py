"""What types values are of, as far as the texts of a program tell: annotations, constructors, displays, operators, what
functions return, in whichever file they are, and stubs of the library."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from cwm_lsp.predict.guesses import Statement, Statements
from cwm_lsp.predict.meanings import Home, Meaning, Module, decorated, stub
from cwm_lsp.predict.reprs import type_of
from cwm_lsp.source.bind import dotted
from cwm_lsp.source.functions import Function, function_at, functions
from cwm_lsp.source.imported import Where, nowhere
from cwm_lsp.source.names import global_names
from cwm_lsp.source.recovery import module_statements, parse
from cwm_lsp.source.trees import expression_of
from cwm_lsp.trace.events import NOTHING

Types = frozenset[str]
"""Builtin types (`int`, `dict[str, float]`) and classes (`models.Cart`), of which a value has one."""
Scope = Mapping[str, Types]
ANY: Types = frozenset()
IMPORTED: Types = frozenset({"module", "type", "function"})
"""What a name from another file may be: nobody can say more of it, and it is mostly none of the builtin values."""

_TYPES = ("int", "float", "complex", "str", "bytes", "bool", "list", "dict", "set", "tuple", "frozenset", "bytearray")
_NAMED = {
    **{name: name for name in _TYPES}, "List": "list", "Dict": "dict", "Set": "set", "Tuple": "tuple",
    "FrozenSet": "frozenset", "None": "None", "LiteralString": "str",
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
ENUM = "enum.Enum"
_PLAIN = {
    "staticmethod": None, "classmethod": None, "overload": None, "abstractmethod": None, "override": None,
    "final": None, "cache": None, "lru_cache": None, "type_check_only": None,
}.keys()  # fmt: skip
"""Decorators after which a function returns what it says."""
_PROPERTIES = {"property": None, "cached_property": None}.keys()
_FORMS = frozenset({"Any", "Self", "Literal", "Callable", "Type", "TypeVar", "object"})
_SHOWN_OTHERWISE = frozenset(
    {"object", "type", "numbers.Number", "numbers.Complex", "numbers.Real", "numbers.Rational", "numbers.Integral"}
)
"""Classes of which values of builtin types count as instances."""
_MEMBER = re.compile(r"<(\w+)\.([\w|]+)(?:: .*)?>$", re.DOTALL)
_SEPARATED = re.compile(r",\s*")
_ALSO = {"float": ("int", "bool"), "complex": ("float", "int", "bool"), "int": ("bool",)}
"""What counts as another type."""


class Typed:
    """The types that a program tells of, for the values of one of its files."""

    def __init__(self, source: str, where: Where = nowhere) -> None:
        self._source = source
        self._home = Module(source, where)
        self._classes: dict[str, Meaning] = {}
        """Those that values have been found to be of."""

    def parameter(self, line: int, name: str) -> Types:
        """That of a parameter at the `call` event of a function on a line."""
        return self._annotations.get((line, name), ANY)

    def returned(self, line: int) -> Types:
        """What the function whose `call` event is on a line returns."""
        return self._annotations.get((line, None), ANY)

    def assigned(self, lines: Iterable[int], name: str) -> Types:
        """What a name was given by the statement on one of these lines."""
        found: list[Types] = []
        for line in lines:
            one = self._statements.at(line)
            value = one.assigns.get(name)
            said = self._said(one.node, name)
            found.append(said or (self.of(value, self._scope(line)) if value and _is_assignment(one) else ANY))
        return frozenset().union(*found) if all(found) else ANY

    def local(self, line: int, name: str) -> Types:
        """What a name is in the function that a line is in, whatever it is given there."""
        return self._scope(line).get(name, ANY)

    def can_be(self, text: str, types: Types) -> bool:
        """Whether a repr can be that of a value of one of these types, or of one of the members of an enumeration."""
        if not can_be(text, types):
            return False
        kinds = [self._classes[one] for one in types if one in self._classes]
        members = [_members(kind) for kind in kinds]
        if not kinds or len(kinds) < len(types) or not all(members):
            return True
        return any(
            (match := _MEMBER.match(text)) is not None
            and match[1] == kind.qualname
            and set(match[2].split("|")) <= set(names)
            for kind, names in zip(kinds, members, strict=True)
        )

    def of(self, expression: ast.expr, scope: Scope = NOTHING) -> Types:
        """The type of an expression's value; `scope` has the types of the names of a function."""
        match expression:
            case ast.Constant(value=value) if value is not Ellipsis:
                return frozenset({"None" if value is None else type(value).__name__})
            case ast.Name(id=name) if name in scope:
                return scope[name]
            case ast.Call(func=ast.Name(id=name)) if name in _GIVEN and name not in scope and not self._is_own(name):
                return frozenset({_GIVEN[name]})
            case ast.Call(func=func):
                return self._all(self._returning(one) for one in self._meant(func, scope))
            case ast.Await(value=ast.Call(func=func)):
                return self._all(self._returning(one, awaited=True) for one in self._meant(func, scope))
            case ast.Attribute():
                return self._all(map(self._having, self._meant(expression, scope)))
            case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                return self._all(map(_element, self.of(value, scope)))
            case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.In() | ast.NotIn()]):
                return frozenset({"bool"})
            case ast.IfExp(body=body, orelse=other):
                return self._all((self.of(body, scope), self.of(other, scope)))
        display = _DISPLAYS.get(type(expression))
        return frozenset({display}) if display else ANY

    def _all(self, found: Iterable[Types]) -> Types:
        each = list(found)
        return frozenset().union(*each) if all(each) else ANY

    def _meant(self, expression: ast.expr, scope: Scope) -> Sequence[Meaning]:
        """What a name or attribute stands for; nothing where that is not known."""
        name = dotted(expression)
        if name is not None and name.partition(".")[0] not in scope:
            return self._home.find(name)
        if not isinstance(expression, ast.Attribute):
            return ()
        kinds = self.of(expression.value, scope)
        found = [self._class(kind).member(expression.attr) for kind in kinds if self._class(kind)]  # type: ignore[union-attr]
        return [one for each in found for one in each] if found and all(found) and len(found) == len(kinds) else ()

    def _class(self, kind: str) -> Meaning | None:
        """The class of a type."""
        if kind in self._classes:
            return self._classes[kind]
        found = stub(f"builtins.{kind.partition('[')[0]}") if "." not in kind.partition("[")[0] else ()
        return found[0] if len(found) == 1 else None

    def _returning(self, meaning: Meaning, *, awaited: bool = False) -> Types:
        """What a call of it gives."""
        match meaning.node:
            case ast.ClassDef():
                return ANY if awaited else self._instance(meaning)
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                plain = isinstance(node, ast.AsyncFunctionDef) is awaited and decorated(node).keys() <= _PLAIN
                if plain and node.returns is not None and (dotted(node.returns) or "").rpartition(".")[2] == "Self":
                    return self._all(map(self._instance, meaning.home.find(meaning.qualname.rpartition(".")[0])))
                return self._annotated(node.returns, meaning.home) if plain else ANY
        return ANY

    def _having(self, meaning: Meaning) -> Types:
        """What an attribute is."""
        match meaning.node:
            case ast.AnnAssign(annotation=annotation):
                return self._annotated(annotation, meaning.home)
            case ast.FunctionDef() as node if decorated(node).keys() & _PROPERTIES:
                return self._annotated(node.returns, meaning.home)
        return ANY

    def _instance(self, meaning: Meaning) -> Types:
        """The type of a class's instances; ANY where these may show as a value of another one does."""
        name = meaning.name
        if name in _TYPES:
            return frozenset({name})
        above = meaning.above()
        if above is None or name in _SHOWN_OTHERWISE:
            return ANY
        names = {one.name for one in above}
        is_free = any(one.node.name != "object" and _has_repr(one.node) for one in above)  # type: ignore[union-attr]
        if is_free or (names & {*_TYPES, "type"} and ENUM not in names):
            return ANY
        self._classes[name] = meaning
        return frozenset({name})

    def _is_own(self, name: str) -> bool:
        names = global_names(self._source)
        return names is None or name in names

    def _said(self, node: ast.stmt | None, name: str) -> Types:
        """What the annotation of an assignment says."""
        is_said = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name
        return self._annotated(node.annotation, self._home) if is_said else ANY  # type: ignore[union-attr]

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self._source)

    @cached_property
    def _scopes(self) -> dict[str, Scope]:
        return {}

    def _scope(self, line: int) -> Scope:
        """The types of the names of the function that a line is in."""
        function = function_at(self._source, line)
        if function is None:
            return NOTHING
        if function.qualname not in self._scopes:
            self._scopes[function.qualname] = NOTHING  # where they hang on each other
            self._scopes[function.qualname] = self._names_of(function)
        return self._scopes[function.qualname]

    def _names_of(self, function: Function) -> Scope:
        line = function.first_line
        found: dict[str, Types] = {one.name: self.parameter(line, one.name) for one in function.parameters}
        if function.kind == "method" and function.parameters and function.parent is not None:
            found[function.parameters[0].name] = self._all(map(self._instance, self._home.find(function.parent)))
        given: dict[str, list[Types]] = {}
        for line in range(function.body_line, function.last_line + 1):
            one = self._statements.at(line)
            for name, value in one.assigns.items():
                types = self._said(one.node, name) or (self.of(value, found) if value and _is_assignment(one) else ANY)
                given.setdefault(name, [found[name]] if name in found else []).append(types)
                found[name] = self._all(given[name])
        return found

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
                    found[line, one.arg] = self._annotated(one.annotation, self._home)
                for name in _defaulting_to(node.args, imported):
                    found[line, name] = found[line, name] or IMPORTED
                if node.lineno + fragment.offset in returning:
                    found[line, None] = self._annotated(node.returns, self._home)
        return found

    def _annotated(self, node: ast.expr | None, home: Home) -> Types:
        match node:
            case None:
                return ANY
            case ast.Constant(value=None):
                return frozenset({"None"})
            case ast.Constant(value=str(text)):
                try:
                    return self._annotated(expression_of(text.strip()), home)
                except (SyntaxError, ValueError):
                    return ANY
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union([left, right], home)
            case ast.Subscript(value=value, slice=inner):
                match (dotted(value) or "").rpartition(".")[2]:
                    case "Optional":
                        return self._union([inner, ast.Constant(None)], home)
                    case "Union" if isinstance(inner, ast.Tuple):
                        return self._union(inner.elts, home)
                    case "Final" | "ClassVar" | "Annotated":
                        return self._annotated(inner.elts[0] if isinstance(inner, ast.Tuple) else inner, home)
                    case _:
                        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                        return self._parametrised(self._annotated(value, home), parts, home)
        name = dotted(node) or ""
        last = name.rpartition(".")[2]
        if last in _NAMED and (last[:1].isupper() or home is not self._home or not self._is_own(last)):
            return frozenset({_NAMED[last]})
        if not name or last in _FORMS:
            return ANY
        return self._all(self._instance(one) if isinstance(one.node, ast.ClassDef) else ANY for one in home.find(name))

    def _parametrised(self, types: Types, parts: Sequence[ast.expr], home: Home) -> Types:
        """`dict[str, float]`, as far as it is known of what."""
        inside = [
            "..." if isinstance(part, ast.Constant) and part.value is ... else type_text(self._annotated(part, home))
            for part in parts
        ]
        return frozenset(f"{one}[{', '.join(inside)}]" for one in types) if all(inside) else types  # type: ignore[arg-type]

    def _union(self, parts: Sequence[ast.expr], home: Home) -> Types:
        return self._all(self._annotated(part, home) for part in parts)


def _element(kind: str) -> Types:
    """What an index into a list or dict of some type gives."""
    name, _, inner = kind.removesuffix("]").partition("[")
    parts = _SEPARATED.split(inner) if inner else []
    wanted = {"list": 1, "dict": 2}.get(name)
    return frozenset(parts[-1].split(" | ")) if wanted == len(parts) and "[" not in inner else ANY


def _members(kind: Meaning) -> frozenset[str]:
    """The members of an enumeration."""
    assert isinstance(kind.node, ast.ClassDef)
    is_enum = any(one.name == ENUM for one in kind.above() or ())
    targets = [target for node in kind.node.body if isinstance(node, ast.Assign) for target in node.targets]
    return frozenset(one.id for one in targets if isinstance(one, ast.Name)) if is_enum else frozenset()


def _has_repr(node: ast.stmt) -> bool:
    body: list[ast.stmt] = getattr(node, "body", [])
    return any(isinstance(one, ast.FunctionDef | ast.Assign) and "__repr__" in _bound(one) for one in body)


def _bound(node: ast.FunctionDef | ast.Assign) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


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
    names = {one.partition("[")[0] for one in types}
    return not names or kind is None or kind in names or any(kind in _ALSO.get(one, ()) for one in names)


def shown(types: Types) -> str | None:
    """What a value of these types shows as whose repr is not known, where it can be of one type only."""
    (name,) = types if len(types) == 1 else (None,)
    return name and f"<{name.partition('[')[0]} object>"


def type_text(types: Types) -> str | None:
    """The types as an annotation says them; None where they are not known."""
    return " | ".join(sorted(types, key=lambda one: (one == "None", one))) or None


def _is_assignment(statement: Statement) -> bool:
    """Whether a statement assigns once and for all, and not in the midst of an expression."""
    return isinstance(statement.node, ast.Assign | ast.AnnAssign)
