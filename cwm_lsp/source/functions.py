"""The functions of a file and their extents, also where the file does not parse."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from ..errors import UserError
from .recovery import Fragment, Scope, parse, split_lines, written

ParameterKind = Literal["positional-only", "positional-or-keyword", "var-positional", "keyword-only", "var-keyword"]
FunctionKind = Literal["function", "method", "classmethod", "staticmethod", "property", "lambda"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_PROPERTIES = frozenset({"property", "cached_property", "abstractproperty"})
_ACCESSOR = re.compile(r"\.(setter|deleter)$")
_OVERLOAD = re.compile(r"(?:^|\.)overload$")
_IMPLICIT: dict[str, FunctionKind] = {
    "__new__": "staticmethod",
    "__init_subclass__": "classmethod",
    "__class_getitem__": "classmethod",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, in the order of the signature."""

    name: str
    kind: ParameterKind
    default: str | None = None
    """Source of the default, None where there is none."""
    annotation: str | None = None
    """Source of the annotation."""


class Face(NamedTuple):
    """What of a function decides whether an expression calls it."""

    name: str
    qualname: str
    parent: str | None
    kind: FunctionKind

    @property
    def is_accessor(self) -> bool:
        """Whether it is a property's setter or deleter."""
        return self.kind == "property" and not self.qualname.endswith(self.name)


@dataclass(frozen=True, slots=True)
class Function:
    """One function, method or named lambda. Lines are 1-based."""

    name: str
    """A lambda has the name that it is assigned to."""
    qualname: str
    """`f`, `Stack.push`, `outer.inner`; `Stack.top.setter` of a property's setter."""
    first_line: int
    """The line that a settrace `call` event reports: the first decorator's, else `def_line`."""
    def_line: int
    """The line of `def`, `async def` or a lambda's assignment."""
    body_line: int
    last_line: int
    parameters: tuple[Parameter, ...]
    kind: FunctionKind
    is_async: bool
    is_generator: bool
    decorators: tuple[str, ...]
    """Sources of the decorators without `@`, in the order of the file."""
    docstring: str | None
    parent: str | None
    """Qualified name of the class or function around."""

    @property
    def face(self) -> Face:
        """What decides whether an expression calls it."""
        return Face(self.name, self.qualname, self.parent, self.kind)

    @property
    def is_accessor(self) -> bool:
        """Whether it is a property's setter or deleter."""
        return self.face.is_accessor

    @property
    def signature(self) -> str:
        """`f(a, /, b=1, *args, c, **rest)`: names and defaults, as a person would write them."""
        shown: list[str] = []
        kinds = [parameter.kind for parameter in self.parameters]
        for index, parameter in enumerate(self.parameters):
            if parameter.kind == "keyword-only" and not {"keyword-only", "var-positional"} & set(kinds[:index]):
                shown.append("*")
            prefix = {"var-positional": "*", "var-keyword": "**"}.get(parameter.kind, "")
            default = "" if parameter.default is None else f"={parameter.default}"
            shown.append(f"{prefix}{parameter.name}{default}")
            if parameter.kind == "positional-only" and kinds[index + 1 : index + 2] != ["positional-only"]:
                shown.append("/")
        return f"{self.qualname}({', '.join(shown)})"


def functions(source: str) -> list[Function]:
    """All functions in the order of the file; in a file that does not parse, those whose own text does."""
    return list(_functions(source))


@lru_cache(maxsize=16)
def by_qualname(source: str) -> Mapping[str, Function]:
    """All functions by their names; of redefinitions the last."""
    return {function.qualname: function for function in _functions(source)}


def function_at(source: str, line: int) -> Function | None:
    """The innermost function around a 1-based line, its decorators included."""
    around = [function for function in _functions(source) if function.first_line <= line <= function.last_line]
    return max(around, key=lambda function: (function.first_line, -function.last_line), default=None)


def find(source: str, name: str, path: str) -> Function:
    """The function of that qualified name, or of that bare name if only one has it; of redefinitions the last. Where
    the name is a number, the innermost function around that line.

    Raises `UserError` if there is none, if its text does not parse, or if the bare name is ambiguous.
    """
    wanted = name.replace(".<locals>", "")
    everything = _functions(source)
    if name.isdigit():
        around = function_at(source, int(name))
        if around is None:
            known = list(dict.fromkeys(function.qualname for function in everything))
            raise UserError(f"line {name} of {path} is in no function; {_it_has(known, source)}")
        return around
    found = [function for function in everything if function.qualname == wanted]
    if not found:
        found = [function for function in everything if function.name == wanted and not function.is_accessor]
    qualnames = list(dict.fromkeys(function.qualname for function in found))
    if len(qualnames) == 1:
        return _last(found)
    if qualnames:
        raise UserError(f"{path} has several functions named '{name}'; name one of {_listed(qualnames)}")
    if error := syntax_error_in(source, wanted):
        raise UserError(f"{path}: '{name}' {told_syntax_error(error)}")
    known = list(dict.fromkeys(function.qualname for function in everything))
    if methods := [qualname for qualname in known if qualname.rpartition(".")[0] == wanted]:
        raise UserError(f"'{name}' of {path} is a class; name a method of it: {_listed(methods, 'or')}")
    by_bare_name = {function.name: function.qualname for function in everything}
    close = difflib.get_close_matches(wanted, [*known, *by_bare_name], n=3)
    if close:
        meant = dict.fromkeys(match if match in known else by_bare_name[match] for match in close)
        raise UserError(f"{path} has no function '{name}'; did you mean {_listed(list(meant), 'or')}?")
    raise UserError(f"{path} has no function '{name}'; {_it_has(known, source)}")


def namesakes(source: str, function: Function) -> tuple[Function, ...]:
    """All definitions that go by the qualified name of a function: which of them a run makes may depend on it, where
    they stand in branches or register themselves. Itself is among them."""
    return tuple(other for other in _functions(source) if other.qualname == function.qualname)


def default_function(source: str, path: str) -> Function:
    """The function that is meant where only the file is named: the only one that can be called from outside.

    Raises `UserError`, which lists the functions, if there is not exactly one.
    """
    everything = _functions(source)
    inside = {function.qualname for function in everything}
    outside = [function for function in everything if function.parent not in inside]
    qualnames = list(dict.fromkeys(function.qualname for function in outside))
    if len(qualnames) == 1:
        return _last(outside)
    if qualnames:
        raise UserError(f"{path} has {_listed(qualnames)}; name one, as in {path}:{qualnames[0]}")
    raise UserError(f"{path} has no function to call; {_it_has([], source)}")


def syntax_error_in(source: str, function_name: str) -> str | None:
    """Why the own text of the named function (bare or qualified) does not parse, as `line 3: invalid syntax`."""
    return next(
        (broken.error for broken in parse(source).broken if function_name in (broken.qualname, broken.name)), None
    )


def told_syntax_error(error: str) -> str:
    """What is said of a text that does not parse: the Python that reads it may be older than the text."""
    return (
        f"has a syntax error to Python {sys.version_info[0]}.{sys.version_info[1]}, which cwm-lsp runs in ({error}); "
        "mend it, or install cwm-lsp in the newer Python that it is written for"
    )


def syntax_error(source: str) -> str | None:
    """Why the whole file does not parse, as `line 3: invalid syntax`, or None."""
    return parse(source).error


def _last(same: Sequence[Function]) -> Function:
    """The definition that counts: the last that is no overload's stub."""
    plain = [function for function in same if not any(map(_OVERLOAD.search, function.decorators))]
    return (plain or same)[-1]


def _listed(names: Sequence[str], word: str = "and") -> str:
    shown = [*names[:12], f"{len(names) - 12} more"] if len(names) > 12 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}"


def _it_has(known: Sequence[str], source: str) -> str:
    if known:
        return f"it has {_listed(known)}"
    error = syntax_error(source)
    return f"it does not parse ({error})" if error else "define one with def"


@lru_cache(maxsize=16)
def _functions(source: str) -> tuple[Function, ...]:
    lines = split_lines(source)
    found = [function for fragment in parse(source).fragments for function in _in_fragment(fragment, lines)]
    found.sort(key=lambda function: (function.first_line, -function.last_line))
    return tuple(found)


def _in_fragment(fragment: Fragment, lines: Sequence[str]) -> Iterator[Function]:
    offset = fragment.offset
    made = fragment.once(
        ("functions", fragment.scopes), lambda: tuple(_in_body(fragment.body, fragment.scopes, _Builder(lines, offset)))
    )
    for function in made:
        yield replace(
            function,
            first_line=function.first_line + offset,
            def_line=function.def_line + offset,
            body_line=function.body_line + offset,
            last_line=function.last_line + offset,
        )


def _in_body(body: Iterable[ast.AST], scopes: tuple[Scope, ...], build: _Builder) -> Iterator[Function]:
    # An explicit stack: a chain of `elif`s nests deeper than Python's recursion.
    stack: list[tuple[Iterable[ast.AST], tuple[Scope, ...]]] = [(body, scopes)]
    while stack:
        nodes, scopes = stack.pop()
        for node in nodes:
            if isinstance(node, _Definition):
                yield build.definition(node, scopes)
                stack.append((node.body, (*scopes, Scope(node.name, "function"))))
            elif isinstance(node, ast.ClassDef):
                stack.append((node.body, (*scopes, Scope(node.name, "class"))))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                if isinstance(node.value, ast.Lambda):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    for target in targets:
                        if isinstance(target, ast.Name):
                            yield build.named_lambda(target.id, node, node.value, scopes)
            elif hasattr(node, "body") or hasattr(node, "cases"):
                for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                    inner = getattr(node, field, None)
                    if isinstance(inner, list):
                        stack.append((inner, scopes))


@dataclass(frozen=True, slots=True)
class _Builder:
    """Makes `Function`s of nodes of one fragment; their lines are counted as the nodes' are."""

    lines: Sequence[str]
    """Of the file."""
    offset: int
    """What to add to a node's line for a line of the file."""

    def definition(self, node: _Definition, scopes: tuple[Scope, ...]) -> Function:
        decorators = tuple(self.text(decorator) for decorator in node.decorator_list)
        first = node.body[0]
        first_line = min([first.lineno, *(decorator.lineno for decorator in getattr(first, "decorator_list", ()))])
        last_line = node.end_lineno or node.lineno
        accessors = [found[1] for found in map(_ACCESSOR.search, decorators) if found]
        return Function(
            name=node.name,
            qualname=".".join([*(scope.name for scope in scopes), node.name, *accessors[:1]]),
            first_line=node.decorator_list[0].lineno if node.decorator_list else node.lineno,
            def_line=node.lineno,
            body_line=first_line,
            last_line=last_line,
            parameters=self.parameters(node.args),
            kind=_kind(node.name, decorators, scopes),
            is_async=isinstance(node, ast.AsyncFunctionDef),
            is_generator=self.mentions_yield(node.lineno, last_line) and _yields(node.body),
            decorators=decorators,
            docstring=ast.get_docstring(node),
            parent=".".join(scope.name for scope in scopes) or None,
        )

    def named_lambda(self, name: str, node: ast.stmt, value: ast.Lambda, scopes: tuple[Scope, ...]) -> Function:
        last_line = value.end_lineno or value.lineno
        return Function(
            name=name,
            qualname=".".join([*(scope.name for scope in scopes), name]),
            first_line=value.lineno,
            def_line=node.lineno,
            body_line=value.body.lineno,
            last_line=last_line,
            parameters=self.parameters(value.args),
            kind="lambda",
            is_async=False,
            is_generator=self.mentions_yield(value.lineno, last_line) and _yields([value.body]),
            decorators=(),
            docstring=None,
            parent=".".join(scope.name for scope in scopes) or None,
        )

    def mentions_yield(self, first_line: int, last_line: int) -> bool:
        lines = self.lines[first_line - 1 + self.offset : last_line + self.offset]
        return any("yield" in line for line in lines)

    def parameters(self, arguments: ast.arguments) -> tuple[Parameter, ...]:
        positional = [*arguments.posonlyargs, *arguments.args]
        padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        found: list[Parameter] = []

        def add(kind: ParameterKind, argument: ast.arg | None, default: ast.expr | None = None) -> None:
            if argument is not None:
                found.append(Parameter(argument.arg, kind, self.text_of(default), self.text_of(argument.annotation)))

        for index, (argument, default) in enumerate(zip(positional, [*padding, *arguments.defaults], strict=True)):
            only = index < len(arguments.posonlyargs)
            add("positional-only" if only else "positional-or-keyword", argument, default)
        add("var-positional", arguments.vararg)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            add("keyword-only", argument, default)
        add("var-keyword", arguments.kwarg)
        return tuple(found)

    def text_of(self, node: ast.expr | None) -> str | None:
        return None if node is None else self.text(node)

    def text(self, node: ast.expr) -> str:
        """The source of an expression on one line."""
        if isinstance(node, ast.Name):
            return node.id
        if node.lineno == node.end_lineno:
            line = self.lines[node.lineno - 1 + self.offset]
            start, stop = node.col_offset, node.end_col_offset
            return line[start:stop] if line.isascii() else line.encode()[start:stop].decode()  # columns count bytes
        return written(node) or "..."


def _kind(name: str, decorators: Sequence[str], scopes: Sequence[Scope]) -> FunctionKind:
    if not scopes or scopes[-1].kind == "function":
        return "function"
    for text in decorators:
        last = text.rsplit(".", 1)[-1]
        if last in ("classmethod", "staticmethod"):
            return "classmethod" if last == "classmethod" else "staticmethod"
        if last in _PROPERTIES or re.fullmatch(r"\w+\.(?:setter|getter|deleter)", text):
            return "property"
    return _IMPLICIT.get(name, "method")


def _yields(nodes: Iterable[ast.AST]) -> bool:
    """Whether there is a `yield` in the scope itself, scopes inside it left out."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, _Definition | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))
    return False
