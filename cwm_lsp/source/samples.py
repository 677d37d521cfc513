"""A call made up from defaults, type hints, and what names and uses of parameters suggest. The last resort."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .bind import dotted, is_in_class, takes_implicit
from .functions import Function, Parameter, by_qualname
from .guessing import METHODS, WORDS, members, named_type, uses
from .imported import Definition, Where, nowhere
from .lifting import imported
from .names import bound_in, bound_names, global_names, is_builtin, is_defined
from .recovery import module_statements, parse, parse_lines, split_lines, written
from .trees import expression_of
from .uses import Uses

_DEEPEST = 8  # types inside types

# Sample values: the first is the sample, all three make a collection's elements.
_VALUES: dict[str, tuple[str, ...]] = {
    "int": ("3", "1", "2"),
    "str": ("'abc'", "'b'", "'ca'"),
    "float": ("1.5", "0.5", "2.0"),
    "bool": ("True", "False", "True"),
    "bytes": ("b'abc'", "b'b'", "b'ca'"),
    "complex": ("(1+2j)", "1j", "2j"),
    "None": ("None",),
    "object": ("3", "1", "2"),
    "Any": ("3", "1", "2"),
    "SupportsInt": ("3",),
    "SupportsFloat": ("1.5",),
    "Number": ("3", "1", "2"),
    "range": ("range(3)",),
    "Hashable": ("3", "1", "2"),
}
# Types that the file has to import, by the name that must be defined there.
_IMPORTED: dict[str, tuple[str, ...]] = {
    "Path": ("('a/b.txt')",),
    "PurePath": ("('a/b.txt')",),
    "Decimal": ("('1.5')", "('0.5')", "('2')"),
    "Fraction": ("(1, 2)", "(1, 3)", "(2, 3)"),
    "date": ("(2024, 1, 31)", "(2024, 2, 29)", "(2023, 12, 1)"),
    "datetime": ("(2024, 1, 31, 12, 30)", "(2024, 2, 29, 0, 0)", "(2023, 12, 1, 6, 0)"),
    "time": ("(12, 30)",),
    "timedelta": ("(days=1)", "(hours=2)", "(seconds=3)"),
    "StringIO": ("('abc\\nb\\n')",),
    "BytesIO": ("(b'abc')",),
}
_LISTS = frozenset({"list", "List", "Sequence", "MutableSequence", "Iterable", "Collection", "Container", "Reversible"})
_SETS = frozenset({"set", "Set", "AbstractSet", "MutableSet"})
_DICTS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar"})

_EMPTY_BASES = frozenset({"ABC", "Generic", "Protocol"})

# What a parameter without annotation is, by the last word of its name; plurals are lists of the singular.


def sample_call(
    function: Function, source: str, place: Where = nowhere, given: Mapping[tuple[str, str], str] = {}
) -> str | None:
    """A call with made-up arguments, None where no value for some parameter suggests itself. `place`: where the file
    is, so that objects of classes of other files can be made; `given`: (a function's qualified name, its parameter's) →
    what is passed."""
    return _Sampler(source, place, given=given).call(function)


def sample_call_of_result(call: str | None, function: Function, source: str, place: Where = nowhere) -> str | None:
    """A call of what another call returns, the function, with made-up arguments."""
    arguments = _Sampler(source, place).arguments(function)
    return None if call is None or arguments is None else f"{call}({arguments})"


def sample_argument(parameter: Parameter, function: Function, source: str) -> str | None:
    """A value for one parameter, None where none suggests itself."""
    return next(iter(_Sampler(source).parameter(parameter, function)), None)


def fitting_argument(parameter: Parameter, function: Function, source: str) -> str | None:
    """A value that fits what the body does with a parameter, whatever its hint says; None where that does not tell."""
    return next(iter(_Sampler(source).fitting(parameter, function)), None)


def fitting_attribute(parameter: Parameter, attribute: str, function: Function, source: str) -> str | None:
    """The same for an attribute of it."""
    return next(iter(_Sampler(source).fitting(parameter, function, attribute)), None)


@dataclass(slots=True)
class _Sampler:
    """Makes values up in the namespace of one file."""

    source: str
    place: Where = nowhere
    depth: int = 0
    given: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def call(self, function: Function) -> str | None:
        arguments = self.arguments(function)
        if arguments is None:
            return None
        if not is_in_class(function) or function.parent is None:
            return f"{function.qualname}({arguments})"
        if function.name in ("__init__", "__new__"):
            return f"{function.parent}({arguments})"
        if function.kind in ("classmethod", "staticmethod"):
            return f"{function.parent}.{function.name}({arguments})"
        receiver = self.instance(function.parent)
        if receiver is None:
            return None
        if function.is_accessor:
            if function.qualname.endswith(".deleter"):
                return f"delattr({receiver}, {function.name!r})"
            return f"setattr({receiver}, {function.name!r}, {arguments})"
        if function.kind == "property":
            return f"{receiver}.{function.name}"
        return f"{receiver}({arguments})" if function.name == "__call__" else f"{receiver}.{function.name}({arguments})"

    def arguments(self, function: Function) -> str | None:
        """The arguments that have no default, as source."""
        parameters = function.parameters
        if is_in_class(function) and takes_implicit(function):
            parameters = parameters[1:] if parameters and parameters[0].kind != "var-positional" else parameters
        shown: list[str] = []
        for parameter in parameters:
            if parameter.default is not None:
                continue
            values = self.parameter(parameter, function)
            if not values:
                return None
            if parameter.kind == "var-positional":
                shown += values
            elif parameter.kind == "var-keyword":
                if len(parameters) == 1:
                    shown += [f"{key}={value}" for key, value in zip("ab", _cycled(values, 2), strict=True)]
            elif parameter.kind == "keyword-only":
                shown.append(f"{parameter.name}={values[0]}")
            else:
                shown.append(values[0])
        return ", ".join(shown)

    def parameter(self, parameter: Parameter, function: Function) -> Sequence[str]:
        """Sample values for one parameter, best first; none if nothing suggests itself."""
        given = self.given.get((function.qualname, parameter.name))
        if given is not None:
            return (given,)
        if parameter.annotation is not None:
            if parameter.annotation.strip("\"'") in ("Self", "typing.Self") and function.parent:
                return self.instances(function.parent)
            if values := self.hint(parameter.annotation):
                fitting = self.fitting(parameter, function)
                return fitting if fitting and _is_literal_of(parameter.annotation, fitting[0]) else values
        if parameter.annotation is None and (values := self.fitting(parameter, function)):
            return values
        if parameter.kind in ("var-positional", "var-keyword"):
            return self.hint(WORDS.get(parameter.name.removesuffix("s"), "int"))
        if parameter.name == "other" and function.kind == "method" and function.parent:
            return self.instances(function.parent)
        if parameter.annotation is not None and not self.is_type_variable(parameter.annotation):
            return ()
        return self.hint(self.guessed(parameter.name, function)) or self.objects(parameter.name, function)

    def objects(self, name: str, function: Function) -> list[str]:
        """Objects of the file's classes that have the attributes which the body reads of a parameter."""
        read = uses(name, function, self.source)[0]
        fitting = [one for one, has in members(self.source).items() if read <= has] if read else []
        return [made for one in fitting if (made := self.instance(one)) is not None]

    def fitting(self, parameter: Parameter, function: Function, attribute: str | None = None) -> Sequence[str]:
        """Values that fit what the body does with a parameter, or an attribute of it; none where that does not tell."""
        lines = split_lines(self.source)
        indented = lines[function.def_line - 1][:1].isspace()
        own, _ = parse_lines(lines, function.def_line - 1, function.last_line, indented=indented)
        if own is None or parameter.kind == "var-keyword":
            return ()

        def made() -> Sequence[str]:
            uses = Uses(own.body, self.constants(), self.word)
            if parameter.kind == "var-positional":
                return ("('a', 1)", "('b', 2)") if uses.makes_mapping_of(parameter.name) else ()
            of_name = uses.argument(parameter.name) if attribute is None else uses.attribute(parameter.name, attribute)
            return () if of_name is None else (of_name,)

        return own.once(("fitting", parameter.name, attribute), made)

    def constants(self) -> dict[str, ast.expr]:
        """What the file's names are assigned."""
        return {
            target.id: node.value
            for node in module_statements(self.source)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def word(self, name: str) -> str:
        """A value for what only has a name."""
        values = self.hint(named_type(name) or "int") if name else ()
        return values[0] if values else "3"

    def is_type_variable(self, annotation: str) -> bool:
        return bool(re.search(rf"(?m)^{re.escape(annotation)}\s*=\s*(?:\w+\.)?TypeVar\b", self.source))

    def guessed(self, name: str, function: Function) -> str:
        """A type hint for a parameter without one; empty where its uses fit no built-in type."""
        methods, iterated, keys = uses(name, function, self.source)
        if methods:
            return next((hint for hint, all_methods in METHODS.items() if methods <= all_methods), "")
        named = named_type(name)
        if keys and named != "bool" and not (named or "").startswith("list"):
            return "dict[str, int]"
        if iterated and named in (None, "int", "float"):
            return "list[int]"
        return named or "int"

    def hint(self, text: str) -> Sequence[str]:
        """Sample values of a type, given as source."""
        try:
            return self.type(expression_of(text.strip()))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ()

    def type(self, node: ast.expr) -> Sequence[str]:
        if self.depth >= _DEEPEST:
            return ()
        self.depth += 1
        try:
            return self._type(node)
        finally:
            self.depth -= 1

    def _type(self, node: ast.expr) -> Sequence[str]:
        match node:
            case ast.Constant(value=None):
                return ("None",)
            case ast.Constant(value=str(text)):
                return self.hint(text)
            case ast.BinOp(op=ast.BitOr()):
                return self.first_of(_alternatives(node))
            case ast.Subscript(value=base, slice=inner):
                parameters = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self.generic((dotted(base) or "").split(".")[-1], parameters)
            case ast.Name() | ast.Attribute():
                return self.named(dotted(node) or "")
        return ()

    def first_of(self, alternatives: Sequence[ast.expr]) -> Sequence[str]:
        """The first alternative that has samples, `None` last."""
        something = [one for one in alternatives if not (isinstance(one, ast.Constant) and one.value is None)]
        return next((values for one in something if (values := self.type(one))), ("None",))

    def named(self, name: str) -> Sequence[str]:
        last = name.split(".")[-1]
        if last in _VALUES:
            return _VALUES[last]
        if last in _IMPORTED:
            known = is_defined(name.split(".")[0], global_names(self.source))
            return [f"{name}{arguments}" for arguments in _IMPORTED[last]] if known else ()
        if last in ("Callable", "callable"):
            return ("lambda value: value",)
        if values := self.generic(last, []):
            return values
        if values := self.instances(name) or self.imported(name):
            return values
        for node in module_statements(self.source):  # an alias: `Vector = list[float]`, `UserId = NewType(...)`
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    if isinstance(value, ast.Call) and (dotted(value.func) or "").endswith("NewType"):
                        return self.type(value.args[1]) if len(value.args) == 2 else ()
                    return self.type(value)
                case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name and value is not None:
                    return self.type(value)
        return ()

    def generic(self, name: str, parameters: Sequence[ast.expr]) -> Sequence[str]:
        """Samples of `name[parameters]`, or of the bare name of a generic type."""
        if name in _WRAPPERS:
            return self.type(parameters[0]) if parameters else ()
        if name == "Optional" and parameters:
            return self.type(parameters[0])
        if name == "Union" and parameters:
            return self.first_of(parameters)
        if name == "Literal":
            return [ast.unparse(parameter) for parameter in parameters]
        if name == "Callable":
            return self.callable(parameters)
        if name in _LISTS or name in _SETS or name in ("frozenset", "FrozenSet", "deque", "Deque", "Iterator"):
            elements = self.type(parameters[0]) if parameters else _VALUES["int"]
            if not elements:
                return ()
            joined = ", ".join(elements)
            if name in _LISTS:
                return (f"[{joined}]", f"[{elements[0]}]")
            if name in _SETS:
                return (f"{{{joined}}}",)
            wrapper = {"frozenset": "frozenset", "FrozenSet": "frozenset", "Iterator": "iter"}.get(name, "deque")
            return (f"{wrapper}([{joined}])",) if is_defined(wrapper, global_names(self.source)) else ()
        if name in ("tuple", "Tuple"):
            return self.tuple(parameters)
        if name in _DICTS:
            keys = self.type(parameters[0]) if parameters else _VALUES["str"]
            values = self.type(parameters[1]) if len(parameters) > 1 else _VALUES["int"]
            pairs = zip(keys[:2], _cycled(values, 2), strict=False) if keys and values else ()
            shown = ", ".join(f"{key}: {value}" for key, value in pairs)
            return (f"{{{shown}}}",) if shown else ()
        if name in ("type", "Type") and parameters:
            return (ast.unparse(parameters[0]),)
        return ()

    def tuple(self, parameters: Sequence[ast.expr]) -> Sequence[str]:
        if not parameters:
            return ("(3, 1, 2)",)
        if len(parameters) == 2 and isinstance(parameters[1], ast.Constant) and parameters[1].value is Ellipsis:
            elements = self.type(parameters[0])
            return (f"({', '.join(elements)},)",) if elements else ()
        samples = [self.type(parameter) for parameter in parameters]
        if not all(samples):
            return ()
        rows = [[_cycled(values, 3)[row] for values in samples] for row in range(3)]
        return [f"({', '.join(row)},)" for row in rows]

    def callable(self, parameters: Sequence[ast.expr]) -> Sequence[str]:
        if len(parameters) != 2 or not isinstance(parameters[0], ast.List):
            return ("lambda value: value",)
        names = [f"a{index}" if index else "a" for index in range(len(parameters[0].elts))]
        result = ast.unparse(parameters[1])
        same = [name for name, kind in zip(names, parameters[0].elts, strict=True) if ast.unparse(kind) == result]
        returned = same or self.type(parameters[1]) or names or ["None"]
        if result == "bool" and not same and names:
            returned = [f"bool({names[0]})"]
        return (f"lambda{' ' * bool(names)}{', '.join(names)}: {returned[0]}",)

    def instance(self, class_name: str) -> str | None:
        return next(iter(self.instances(class_name)), None)

    def instances(self, class_name: str) -> Sequence[str]:
        """How objects of a class of the file are made."""
        node = self.class_node(class_name)
        if node is None or self.depth >= _DEEPEST:
            return ()
        self.depth += 1
        try:
            return self._instances(class_name, node)
        finally:
            self.depth -= 1

    def imported(self, name: str) -> Sequence[str]:
        """How objects of a class of another file are made, in this one."""
        place = self.place() if self.depth < _DEEPEST else None
        found = place.definition(name) if place is not None else None
        if found is None:
            return ()
        inner = found.place
        there = _Sampler(inner.source, lambda: inner, self.depth)
        here = named_here(name, self.source)
        return [text for value in there.instances(found.name) if (text := moved(value, found, here)) is not None]

    def _instances(self, class_name: str, node: ast.ClassDef) -> Sequence[str]:
        if node in classes_of(self.source)[1]:
            return ()
        bases = [(dotted(base) or "").split(".")[-1] for base in node.bases]
        if any(base.endswith("Enum") or base in ("Flag", "IntFlag") for base in bases):
            names = [one.targets[0] for one in node.body if isinstance(one, ast.Assign)]
            return [f"{class_name}.{name.id}" for name in names if isinstance(name, ast.Name)][:3]
        own = by_qualname(self.source).get(f"{class_name}.__init__")
        if own is not None:
            arguments = self.arguments(own)
            return () if arguments is None else (f"{class_name}({arguments})",)
        decorators = [ast.unparse(decorator).split("(")[0].split(".")[-1] for decorator in node.decorator_list]
        is_record = "dataclass" in decorators or {"define", "frozen"} & set(decorators)
        if is_record or any(base in ("NamedTuple", "TypedDict", "BaseModel", "Struct") for base in bases):
            return self.record(class_name, node, as_dict="TypedDict" in bases, by_name=bool({"BaseModel"} & set(bases)))
        for base in node.bases:
            name = dotted(base) or ""
            if isinstance(base, ast.Subscript) or is_builtin(name) or name.split(".")[-1] in _EMPTY_BASES:
                continue
            made = self.instance(name)
            if made is None:
                return ()
            return (f"{class_name}{made[len(name) :]}",)
        return (f"{class_name}()",)

    def record(self, class_name: str, node: ast.ClassDef, *, as_dict: bool, by_name: bool) -> Sequence[str]:
        """An object of a class whose fields are annotated: those without default are given."""
        fields: list[tuple[str, str]] = []
        for one in node.body:
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value is None:
                if isinstance(one.annotation, ast.Subscript) and (dotted(one.annotation.value) or "").endswith(
                    "ClassVar"
                ):
                    continue
                values = self.type(one.annotation)
                if not values:
                    return ()
                fields.append((one.target.id, values[0]))
        if as_dict:
            return ("{" + ", ".join(f"'{name}': {value}" for name, value in fields) + "}",)
        shown = ", ".join(f"{name}={value}" if by_name else value for name, value in fields)
        return (f"{class_name}({shown})",)

    def class_node(self, name: str) -> ast.ClassDef | None:
        """The class of that qualified name, if it stands at the top level or in such a class."""
        return classes_of(self.source)[0].get(name)


@lru_cache(maxsize=16)
def classes_of(source: str) -> tuple[Mapping[str, ast.ClassDef], frozenset[ast.ClassDef]]:
    """The classes at the top level of a file and in such classes, by qualified name, of redefinitions the first; and
    those of them that have abstract methods."""
    found: dict[str, ast.ClassDef] = {}
    abstract: set[ast.ClassDef] = set()

    def look(body: Sequence[ast.stmt], around: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and around + node.name not in found:
                found[around + node.name] = node
                if any(isinstance(one, _FUNCTIONS) and any(map(_is_abstract, one.decorator_list)) for one in node.body):
                    abstract.add(node)
                look(node.body, f"{around}{node.name}.")

    look([node for fragment in parse(source).fragments for node in fragment.body], "")
    return found, frozenset(abstract)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _is_literal_of(annotation: str, text: str) -> bool:
    """Whether a value is a literal of a type that is given as source."""
    try:
        kind = type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError):
        return False
    name = re.split(r"[.]", annotation.strip("\"'").partition("[")[0])[-1]
    return name == kind or (kind == "dict" and name in _DICTS) or (kind == "list" and name in _LISTS)


def _is_abstract(decorator: ast.expr) -> bool:
    return (dotted(decorator) or "").split(".")[-1] == "abstractmethod"


def named_here(name: str, source: str) -> str | None:
    """A dotted name of a file, if it is there when that runs."""
    return name if is_defined(name.split(".")[0], runtime_names(source)) else None


def moved(value: str, found: Definition, name: str | None) -> str | None:
    """An expression of another file, for one that has its class by that name, or does not have it."""
    expression = expression_of(value)
    bound = bound_in(expression)
    defined = global_names(found.place.source)

    class Mover(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if name is not None and node.id == found.name:
                return expression_of(name)
            is_theirs = isinstance(node.ctx, ast.Load) and defined is not None and node.id in defined
            own = node.id in bound or is_builtin(node.id)
            return imported(found.place.module, node.id) if is_theirs and not own else node

    return written(Mover().visit(expression))


def runtime_names(source: str) -> frozenset[str] | None:
    """The names of a file that are there when it runs: not those for type checkers alone."""
    names = global_names(source)
    checked = [
        node
        for node in module_statements(source)
        if isinstance(node, ast.If) and (dotted(node.test) or "").split(".")[-1] == "TYPE_CHECKING"
    ]
    return None if names is None else names - (bound_names(checked) or frozenset())


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def _cycled(values: Sequence[str], count: int) -> list[str]:
    return [values[index % len(values)] for index in range(count)]
