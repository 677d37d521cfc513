"""From type hints to shapes, in the namespace of one file."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cached_property
from sys import stdlib_module_names

from cwm_lsp.search.callables import callable_shape
from cwm_lsp.search.library_types import builtin_shape, library_shape
from cwm_lsp.search.shapes import (
    BOOL,
    BYTES,
    FLOAT,
    INT,
    NONE,
    STR,
    Atom,
    Fixed,
    Guess,
    Instance,
    Many,
    OneOf,
    Record,
    Row,
    Shape,
    Table,
    any_of,
    shape_of,
    with_names,
)
from cwm_lsp.search.values import Made, NotPlain, Text, read
from cwm_lsp.source.bind import dotted
from cwm_lsp.source.functions import Parameter, by_qualname
from cwm_lsp.source.imported import Definition, Where, nowhere
from cwm_lsp.source.lifting import imported
from cwm_lsp.source.names import global_names, is_builtin, is_defined
from cwm_lsp.source.recovery import module_statements
from cwm_lsp.source.samples import moved, named_here, sample_argument
from cwm_lsp.source.trees import expression_of

DEEPEST = 8
"""Types inside types."""
FARTHEST = 4
"""Files that import from each other."""

_ATOMS: Mapping[str, Shape] = {
    "int": INT, "float": FLOAT, "str": STR, "bool": BOOL, "bytes": BYTES, "None": NONE, "complex": Atom("complex"),
    "SupportsInt": INT, "SupportsIndex": INT, "SupportsFloat": FLOAT, "Number": OneOf((INT, FLOAT)), "Text": STR,
    "Real": OneOf((INT, FLOAT)), "Integral": INT, "AnyStr": STR, "LiteralString": STR, "NoneType": NONE,
    "bytearray": Many("bytearray", Fixed((0, 1, 65, 255))), "Hashable": Guess(OneOf((INT, STR))),
    "range": Fixed(tuple(Made("range", one) for one in ((0,), (1,), (3,), (2, 5), (5, 0, -2)))),
}  # fmt: skip
_LISTS = frozenset({"list", "List", "Sequence", "MutableSequence", "Collection", "Container", "Reversible", "Sized"})
_SETS = frozenset({"set", "Set", "AbstractSet", "MutableSet"})
_TABLES = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar"})
_ITERATORS = frozenset({"Iterator", "Generator"})
_OTHER_LISTS = frozenset({"frozenset", "FrozenSet", "deque", "Deque", "Counter"})
_OTHER_TABLES = {"defaultdict": None, "DefaultDict": None, "OrderedDict": "OrderedDict", "Counter": "Counter"}
_OF_RE: Mapping[str, Sequence[tuple[str, str]]] = {
    "Pattern": (("compile", "('a')"), ("compile", "('(a*)(b)?')"), ("compile", "('')")),
    "Match": (("match", "('(a)(b)?', 'abc')"), ("match", "('(.*)', '12')"), ("search", "('', '')")),
}
"""What makes objects of `re`: what is called, and with what."""
_SOMETHING = Guess(OneOf((INT, STR)))
ANYTHING = Guess(OneOf((INT, STR, NONE, Many("list", OneOf((INT, STR))), Table(STR, OneOf((INT, STR))), FLOAT, BOOL)))
"""What nothing at all is said of."""


class Hints:
    """Shapes of the types that a file can name."""

    def __init__(self, source: str, where: Where = nowhere, depth: int = 0, files: int = 0) -> None:
        """`where` the file is, for the classes that it imports; so many `files` lead to it."""
        self.source = source
        self._where = where
        self._depth = depth
        self._files = files

    @cached_property
    def _statements(self) -> Sequence[ast.stmt]:
        """Those of the top level, also inside `if` and `try`: of alternatives the first counts last."""
        found: list[ast.stmt] = []
        pending = list(reversed(module_statements(self.source)))
        while pending:
            node = pending.pop()
            if isinstance(node, ast.If | ast.Try):
                pending += [*node.body, *node.orelse]
            else:
                found.append(node)
        return found

    @cached_property
    def _classes(self) -> Mapping[str, ast.ClassDef]:
        found: dict[str, ast.ClassDef] = {}
        pending: list[tuple[str, ast.AST]] = [("", node) for node in self._statements]
        while pending:
            prefix, node = pending.pop()
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = node
                pending += [(f"{prefix}{node.name}.", inner) for inner in node.body]
        return found

    @property
    def class_names(self) -> frozenset[str]:
        """The classes of the file by qualified name."""
        return frozenset(self._classes)

    @cached_property
    def _defined(self) -> Mapping[str, ast.AST]:
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        return {node.name: node for node in self._statements if isinstance(node, functions)} | dict(self._assigned)

    def defined(self, name: str) -> ast.AST | None:
        """The function, or the value of the assignment, that a global name stands for."""
        return self._defined.get(name)

    @cached_property
    def _assigned(self) -> Mapping[str, ast.expr]:
        found: dict[str, ast.expr] = {}
        for node in self._statements:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    found[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    found[name] = value
        return found

    def shape(self, hint: str) -> Shape | None:
        """The shape of a type, given as source; None where it says nothing or no value can be made."""
        try:
            return self.of(expression_of(hint.strip()))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def of(self, node: ast.expr) -> Shape | None:
        """The shape of a type; None where it says nothing or no value can be made."""
        if self._depth >= DEEPEST:
            return None
        self._depth += 1
        try:
            return self._of(node)
        finally:
            self._depth -= 1

    def _of(self, node: ast.expr) -> Shape | None:
        match node:
            case ast.Constant(value=None):
                return NONE
            case ast.Constant(value=str(text)):
                return self.shape(text)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._any([left, right])
            case ast.Subscript(value=base, slice=inner):
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self._generic(dotted(base) or "", parts)
            case ast.Name() | ast.Attribute():
                return self._named(dotted(node) or "")
        return None

    def _any(self, nodes: Sequence[ast.expr]) -> Shape | None:
        """Of alternatives, those of which values can be made."""
        shapes = [shape for node in nodes if (shape := self.of(node)) is not None]
        return any_of(shapes) if shapes else None

    def _named(self, name: str) -> Shape | None:
        last = name.split(".")[-1]
        if name in self._classes:
            return self.objects(name)
        if name in self._assigned:
            return self._alias(self._assigned[name])
        if last in _ATOMS:
            return _ATOMS[last]
        if (full := self.origin(name)) is not None and (made := library_shape(full, self.written(name), self.naming)):
            return made
        if is_builtin(name) and (made := builtin_shape(name)) is not None:
            return made
        return self._generic(name, []) or self.imported(name)

    def origin(self, name: str) -> str | None:
        """The full name of what the file imports by a dotted name."""
        first, _, rest = name.partition(".")
        full = self._imports.get(first)
        return full and (f"{full}.{rest}" if rest else full)

    def written(self, name: str) -> str:
        """What the file writes for a class of the library by the name that a hint has for it."""
        module, _, last = (self.origin(name) or name).rpartition(".")
        return named_here(name, self.source) or self.naming(module, last)

    @cached_property
    def _imports(self) -> Mapping[str, str]:
        """The names that the file's imports bind → what they stand for, in full."""
        found: dict[str, str] = {}
        for node in self._statements:
            match node:
                case ast.Import(names=names):
                    found.update((one.asname or one.name.partition(".")[0], one.name) for one in names)
                case ast.ImportFrom(module=str(module), names=names, level=0):
                    found.update((one.asname or one.name, f"{module}.{one.name}") for one in names)
        return found

    def naming(self, module: str, name: str) -> str:
        """What the file writes for a name of a module of the library."""
        for bound, full in self._imports.items():
            if full in (module, f"{module}.{name}") and named_here(bound, self.source) is not None:
                return bound if full != module else f"{bound}.{name}"
        return ast.unparse(imported(module, name))

    def _alias(self, value: ast.expr) -> Shape | None:
        """What an alias, a `NewType` or a `TypeVar` stands for."""
        if isinstance(value, ast.Call):
            made = (dotted(value.func) or "").split(".")[-1]
            if made == "NewType" and len(value.args) == 2:
                return self.of(value.args[1])
            if made == "TypeVar":
                bound = next((one.value for one in value.keywords if one.arg == "bound"), None)
                found = self._any(value.args[1:]) if len(value.args) > 1 else self.of(bound) if bound else None
                return found or _SOMETHING
            return None
        return self.of(value)

    def _generic(self, full: str, parts: Sequence[ast.expr]) -> Shape | None:
        """`name[parts]`, or the bare name of a generic type."""
        name = full.split(".")[-1]
        if name in self._classes or full in self._classes:
            return self.objects(full)
        if name in _WRAPPERS:
            return self.of(parts[0]) if parts else None
        if name == "Optional" and parts:
            found = self.of(parts[0])
            return found and any_of([found, NONE])
        if name == "Union":
            return self._any(parts)
        if name == "Literal":
            values = [value for part in parts for value in self._literals(part)]
            return Fixed(tuple(values)) if values else None
        if name in ("type", "Type"):
            return self._class(parts)
        if name in _OF_RE and full in (name, f"re.{name}", f"typing.{name}"):
            made = Fixed(tuple(Text(f"{self.naming('re', one)}{rest}") for one, rest in _OF_RE[name]))
            return Guess(made) if name == "Match" else made  # of which pattern, nobody has said
        if name == "IO" and parts and self.origin(full) == "typing.IO":
            return library_shape(
                "typing.BinaryIO" if ast.unparse(parts[0]) == "bytes" else "typing.TextIO", "", self.naming
            )
        if name in ("Callable", "callable"):
            return callable_shape(parts)
        if name in ("tuple", "Tuple"):
            return self._tuple(parts)
        if name in _LISTS or name in _SETS or name in _ITERATORS or name in _OTHER_LISTS or name == "Iterable":
            return self._many(full, name, parts)
        if name in _TABLES or name in _OTHER_TABLES:
            key = self._element(parts[0]) if parts else Guess(STR)
            value = self._element(parts[1]) if len(parts) > 1 else ANYTHING if not parts else INT
            if key is None or value is None:
                return None
            return Table(key, value, full if name in ("OrderedDict", "Counter") else None)
        return None

    def _many(self, full: str, name: str, parts: Sequence[ast.expr]) -> Shape | None:
        element = self._element(parts[0]) if parts else _SOMETHING
        if element is None:
            return None
        if name == "Counter":
            return Table(element, INT, full)
        if name in _SETS or name in ("frozenset", "FrozenSet"):
            return Many("frozenset" if name.lower() == "frozenset" else "set", element)
        if name in ("deque", "Deque"):
            return Many("deque", element) if is_defined("deque", global_names(self.source)) else None
        if name in _ITERATORS:
            return Many("iter", element)
        if name in ("Sequence", "Collection", "Reversible"):
            return OneOf((Many("list", element), Many("tuple", element)))
        if name == "Iterable":
            return OneOf((Many("list", element), Many("iter", element)))
        return Many("list", element)

    def _element(self, node: ast.expr) -> Shape | None:
        """The shape of a part, of which nothing may be said."""
        return ANYTHING if (dotted(node) or "").split(".")[-1] in ("Any", "object") else self.of(node)

    def _literals(self, node: ast.expr) -> list[object]:
        if isinstance(node, ast.Attribute):
            return [Text(ast.unparse(node))]
        try:
            return [read(node)]
        except NotPlain:
            return []

    def _tuple(self, parts: Sequence[ast.expr]) -> Shape | None:
        if not parts:
            return Many("tuple", _SOMETHING)
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
            element = self._element(parts[0])
            return None if element is None else Many("tuple", element)
        if len(parts) == 1 and isinstance(parts[0], ast.Tuple) and not parts[0].elts:
            return Row(())
        shapes = [shape for part in parts if (shape := self._element(part)) is not None]
        return Row(tuple(shapes)) if len(shapes) == len(parts) else None

    def _class(self, parts: Sequence[ast.expr]) -> Shape:
        """A class: the one that is named, or any."""
        name = dotted(parts[0]) if parts else None
        if name is not None and name not in self._assigned and name != "Any":
            return Fixed((Text(name),))
        own = [name for name in self._classes if "." not in name][:4]
        return Guess(Fixed(tuple(map(Text, ("int", "str", "list", *own)))))

    # classes of the file

    def objects(self, name: str) -> Shape | None:
        """The objects of a class of the file and of those that inherit from it."""
        if self._depth >= DEEPEST:
            return None
        self._depth += 1
        try:
            own = [] if self._is_abstract(name) else [self._objects(name)]
            below = [
                self.objects(other)
                for other, node in self._classes.items()
                if other != name and (any(_base(base) == name for base in node.bases) or self._follows(other, name))
            ]
            shapes = [shape for shape in [*own, *below] if shape is not None]
            return any_of(shapes) if shapes else None
        finally:
            self._depth -= 1

    def _follows(self, name: str, protocol: str) -> bool:
        """Whether a class has the methods of a protocol."""
        if "Protocol" not in {_base(base).split(".")[-1] for base in self._classes[protocol].bases}:
            return False
        own, asked = (
            {part.name for part in self._classes[one].body if isinstance(part, ast.FunctionDef)}
            for one in (name, protocol)
        )
        return bool(asked) and asked <= own

    def imported(self, name: str, *, alone: bool = False) -> Shape | None:
        """The objects of a class of another file, as they are made in this one; `alone`: none of its subclasses."""
        place = self._where() if self._files < FARTHEST else None
        found = place.definition(name) if place is not None else None
        if found is None or (found.place.is_installed and found.place.module.partition(".")[0] in stdlib_module_names):
            return None
        inner, here = found.place, named_here(name, self.source)
        depth = min(self._depth, DEEPEST // 2)  # classes of other files are often parts of others
        there = Hints(inner.source, lambda: inner, depth, self._files + 1)
        made = there._objects(found.name) if alone else there.objects(found.name)
        try:
            return made and with_names(made, lambda text: _moved(text, found, here))
        except NotPlain:
            return None

    def _inherited(self, name: str) -> Shape | None:
        """What makes the objects of a base class, of this file or another."""
        return self._objects(name) if name in self._classes else self.imported(name, alone=True)

    def _is_abstract(self, name: str) -> bool:
        node = self._classes[name]
        bases = {(_base(base)).split(".")[-1] for base in node.bases}
        if "Protocol" in bases:
            return True
        return any(
            isinstance(part, ast.FunctionDef)
            and any((dotted(one) or "").split(".")[-1] == "abstractmethod" for one in part.decorator_list)
            for part in node.body
        )

    def _objects(self, name: str) -> Shape | None:
        node = self._classes[name]
        bases = [_base(base).split(".")[-1] for base in node.bases]
        if any(base.endswith("Enum") or base in ("Flag", "IntFlag") for base in bases):
            members = [one.targets[0] for one in node.body if isinstance(one, ast.Assign)]
            values = tuple(
                Text(f"{name}.{one.id}") for one in members if isinstance(one, ast.Name) and not one.id.startswith("_")
            )
            return Fixed(values) if values else None
        if f"{name}.__init__" in by_qualname(self.source):
            return self._constructed(name, by_qualname(self.source)[f"{name}.__init__"].parameters[1:])
        if f"{name}.__new__" in by_qualname(self.source):
            return self._constructed(name, by_qualname(self.source)[f"{name}.__new__"].parameters[1:])
        decorators = [ast.unparse(one).split("(")[0].split(".")[-1] for one in node.decorator_list]
        is_record = bool({"dataclass", "define", "frozen", "attrs"} & set(decorators))
        if is_record or any(base in ("NamedTuple", "TypedDict", "BaseModel", "Struct") for base in bases):
            return self._record(name, node, bases)
        for base in node.bases:
            inherited = _base(base)
            if inherited in self._classes or (
                not is_builtin(inherited) and self.imported(inherited, alone=True) is not None
            ):
                found = self._inherited(inherited)
                return (
                    Instance(name, found.positional, found.named, found.optional)
                    if isinstance(found, Instance)
                    else None
                )
            if is_builtin(inherited) and inherited not in ("object", "Exception", "ValueError"):
                return Instance(name)
        return Instance(name)

    def _constructed(self, name: str, parameters: Sequence[Parameter]) -> Shape | None:
        positional: list[Shape] = []
        named: list[tuple[str, Shape]] = []
        optional: set[str] = set()
        for parameter in parameters:
            if parameter.kind in ("var-positional", "var-keyword"):
                continue
            shape = self.shape(parameter.annotation) if parameter.annotation else self._unhinted(parameter, name)
            if parameter.default is not None:
                if shape is not None and parameter.kind != "positional-only":
                    named.append((parameter.name, shape))
                    optional.add(parameter.name)
            elif shape is None and parameter.annotation is not None:
                return None
            elif parameter.kind == "keyword-only":
                named.append((parameter.name, shape or _SOMETHING))
            else:
                positional.append(shape or _SOMETHING)
        return Instance(name, tuple(positional), tuple(named), frozenset(optional))

    def _unhinted(self, parameter: Parameter, name: str) -> Shape | None:
        """What an argument of a class's constructor may be, by its default, or by what is done with it."""
        default = parameter.default and _example(parameter.default)
        made = by_qualname(self.source).get(f"{name}.__init__")
        if default or made is None:
            return default or None
        sample = sample_argument(parameter, made, self.source)
        return None if sample is None or (found := _example(sample)) is None else Guess(found)

    def _record(self, name: str, node: ast.ClassDef, bases: Sequence[str]) -> Shape | None:
        """An object, or dict, of a class whose fields are annotated."""
        fields: list[tuple[str, Shape]] = []
        optional: set[str] = set()
        inherited = [self._inherited(_base(base)) for base in node.bases if not is_builtin(_base(base))]
        for one in inherited:
            if isinstance(one, Instance):
                fields += one.named
                optional |= one.optional
            elif isinstance(one, Record):
                fields += one.fields
                optional |= one.optional
        total = not any(one.arg == "total" and ast.unparse(one.value) == "False" for one in node.keywords)
        for part in node.body:
            if not (isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)):
                continue
            hint = ast.unparse(part.annotation)
            if "ClassVar" in hint or (isinstance(part.value, ast.Call) and "init=False" in ast.unparse(part.value)):
                continue
            shape = self.of(part.annotation)
            missing = part.value is not None and not _is_required_field(part.value)
            if "TypedDict" in bases:
                missing = not total or "NotRequired" in hint
            if shape is None and missing:
                continue
            if shape is None:
                return None
            fields.append((part.target.id, shape))
            if missing:
                optional.add(part.target.id)
        if "TypedDict" in bases:
            return Record(tuple(fields), frozenset(optional))
        return Instance(name, (), tuple(fields), frozenset(optional))


def _moved(text: str, found: Definition, here: str | None) -> str:
    """A name or expression of the file of a class, for one that has that class by the name `here`.

    Raises:
        NotPlain: it cannot be written there.
    """
    written = moved(text, found, here)
    if written is None:
        raise NotPlain
    return written


def _is_required_field(value: ast.expr) -> bool:
    """Whether `field(…)` gives no default."""
    if not isinstance(value, ast.Call) or (dotted(value.func) or "").split(".")[-1] not in ("field", "Field"):
        return False
    return not any(one.arg in ("default", "default_factory") for one in value.keywords) and not value.args


def _example(value: str) -> Shape | None:
    """The shape that a value is an example of, if it says anything."""
    try:
        found = shape_of(read(expression_of(value)))
    except (NotPlain, SyntaxError, ValueError):
        return None
    return None if found == NONE else found


def _base(node: ast.expr) -> str:
    """The name of a base class, without what is in its brackets."""
    return dotted(node.value if isinstance(node, ast.Subscript) else node) or ""
