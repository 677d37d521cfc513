"""Which argument goes to which parameter, and what of it is known without running code."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import MappingProxyType

from ..errors import UserError
from .functions import Face, Function, Parameter, by_qualname
from .literals import literal_repr
from .names import bound_names, free_names, global_names, is_defined
from .prepared import Prepared, read_call
from .reaching import reaching
from .recovery import parse
from .trees import expression_of, walk

# Decorators that leave the signature as it is. Behind any other one, an arity that looks wrong may be right.
_TRANSPARENT = frozenset(
    {"staticmethod", "classmethod", "property", "cached_property", "abstractmethod", "override", "final", "overload"}
    | {"cache", "lru_cache", "singledispatch", "total_ordering", "contextmanager", "no_type_check", "njit", "jit"}
)

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_WITHOUT_REPR = frozenset({"object", "ABC", "abc.ABC", "Generic", "typing.Generic", "Protocol", "typing.Protocol"})
"""Bases that leave the repr of `object` as it is."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The arguments of a call as its function's CALL event shows them."""

    expression: str
    """The call, normalised: `f([1, 2], key=3)`; with a line for each statement that prepares it."""
    arguments: Mapping[str, str | None]
    """Parameter → repr, in the order of `f_locals` (positional, keyword-only, *args, **kwargs); None where the value is
    not known without running code, as for `self`. Sets of strings have the order in which they are written."""
    literal: bool
    """Whether every argument is known."""
    is_plain: bool
    """Whether the call is `function(...)` itself, not `C(...).m(...)`, a call inside an expression, or one that
    statements prepare."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an expression calls a function."""

    node: ast.Call | ast.Attribute
    """The call; for a property, the access."""
    implicit: bool
    """Whether `self` or `cls` is passed without being written."""
    direct: bool
    """Whether the function is named by its qualified name."""


def bind(call: str, function: Function, source: str) -> Binding:
    """Bind the arguments of `call`, an expression in the namespace of the file with this source; statements may come
    before it, separated by `;` or on lines of their own.

    Static: nothing is run. A function inside another is reached by a call of the outer one; nothing is known of its
    arguments then.

    Raises `UserError`, in Python's words where it has some, if the call does not parse, does not call the function,
    passes wrong arguments, or reads names that the file does not define.
    """
    outer = outer_function(function, source)
    bound = _bind(call, _undated(function), outer and _undated(outer), global_names(source), class_names(source))
    if (
        isinstance(bound, str)
        and bound.endswith(_not_called(function))
        and _calls_one(call, tuple(one.face for one in reaching(function, source)), class_names(source))
    ):
        text = parse_call(call, function)[1]
        unknown = MappingProxyType(dict.fromkeys(_in_frame_order(function.parameters)))
        return Binding(text, unknown, literal=False, is_plain=False)
    if isinstance(bound, str):
        raise UserError(bound)
    return bound


def _undated(function: Function) -> Function:
    """A function without what has no part in binding its arguments, and changes with edits elsewhere."""
    return replace(function, first_line=0, def_line=0, body_line=0, last_line=0, docstring=None)


@lru_cache(maxsize=4096)
def _bind(
    call: str, function: Function, outer: Function | None, known: frozenset[str] | None, classes: frozenset[str]
) -> Binding | str:
    """The binding, or the words of what is wrong."""
    try:
        prepared, text = parse_call(call, function)
        here = bound_names(prepared.before)
        for name in prepared.free_names():
            if not (here is None or name in here or is_defined(name, known)):
                return f"name '{name}' is not defined; pass a literal or a name that the file defines"
        expression = prepared.expression
        root: ast.expr = expression.value if isinstance(expression, ast.Await) else expression
        target = find_target(root, function.face, classes)
        if target is None:
            if _reaches(root, function, outer, known, classes):
                unknown = MappingProxyType(dict.fromkeys(_in_frame_order(function.parameters)))
                return Binding(text, unknown, literal=False, is_plain=False)
            return f"'{ast.unparse(root)}'{_not_called(function)}"
        arguments = _bind_target(target, function)
    except UserError as error:
        return str(error)
    return Binding(
        expression=text,
        arguments=MappingProxyType(arguments),
        literal=None not in arguments.values(),
        is_plain=target.direct and target.node is root and not prepared.before,
    )


def _not_called(function: Function) -> str:
    return f" does not call {function.qualname}(); write {usage(function)}"


@lru_cache(maxsize=4096)
def _calls_one(call: str, of: tuple[Face, ...], classes: frozenset[str]) -> bool:
    """Whether a call that parses calls one of some functions."""
    expression = read_call(call).expression
    return any(find_target(expression, face, classes) is not None for face in of)


def parse_call(call: str, function: Function) -> tuple[Prepared, str]:
    """A call in parts, and in its normal form. Raises `UserError` if it does not parse."""
    text = call.strip()
    if not text:
        raise UserError(f"the call is empty; write {usage(function)}")
    if "\0" in text:
        raise UserError("the call has a null byte; remove it")
    shown = text.splitlines()[0][:80]
    try:
        return _read(text)
    except SyntaxError as error:
        raise UserError(f"the call '{shown}' does not parse: {error.msg}; write {usage(function)}") from None
    except UnicodeEncodeError:
        raise UserError("the call has a lone surrogate; write it as an escape") from None
    except (RecursionError, MemoryError, ValueError):
        raise UserError(f"the call '{shown}' is too deeply nested; pass a smaller value") from None


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Prepared, str]:
    """A call in parts, and in its normal form. Raises what `read_call` and `Prepared.text` raise."""
    prepared = read_call(text)
    if isinstance(prepared.expression, ast.Await):
        return prepared, Prepared(prepared.before, prepared.expression.value).text
    return prepared, prepared.text


def usage(function: Function) -> str:
    """How a call of the function is written, for messages: `f(a, b=2)`, `Stack(...).push(item)`."""
    if not is_in_class(function):
        return function.signature
    names = function.signature[len(function.qualname) :]
    if takes_implicit(function) and function.parameters:
        first = function.parameters[0].name
        names = names.replace(f"({first}, /, ", "(", 1).replace(f"({first}, ", "(", 1).replace(f"({first})", "()", 1)
    if function.name in ("__init__", "__new__"):
        return f"{function.parent}{names}"
    if function.is_accessor:
        return f"a call that assigns to {function.name}, as setattr({function.parent}(...), '{function.name}', ...)"
    if function.kind == "property":
        return f"{function.parent}(...).{function.name}"
    if function.kind in ("classmethod", "staticmethod"):
        return f"{function.parent}.{function.name}{names}"
    return f"{function.parent}(...).{function.name}{names}"


def is_in_class(function: Function | Face) -> bool:
    """Whether the function is defined in a class body (of a lambda there it is not known: False)."""
    return function.kind not in ("function", "lambda")


def takes_implicit(function: Function | Face) -> bool:
    """Whether a call through an instance passes `self` or `cls`."""
    return function.kind in ("method", "classmethod", "property", "lambda") or function.name == "__new__"


def binds_as_written(function: Function) -> bool:
    """Whether a call's arguments reach the function as they are: no decorator stands in between."""
    return all(_last_word(decorator) in _TRANSPARENT for decorator in function.decorators)


def has_plain_repr(class_name: str, source: str) -> bool:
    """Whether whatever shows as an object of a class at the top level of a file does so by its name and address: it
    has `object`'s repr, and no other class of the file inherits from it."""
    classes = {
        node.name: node
        for fragment in parse(source).fragments
        for node in fragment.body
        if isinstance(node, ast.ClassDef)
    }
    bases = {base for node in classes.values() for base in map(_base, node.bases)}
    todo = [class_name]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        node = classes.get(name)
        if node is None or name in seen:  # `class C(C)`: which is meant is not known here
            return False
        seen.add(name)
        defines = {getattr(part, "name", None) for part in node.body}
        assigned = {
            target.id
            for part in node.body
            if isinstance(part, ast.Assign)
            for target in part.targets
            if isinstance(target, ast.Name)
        }
        if node.decorator_list or node.keywords or "__repr__" in defines | assigned:
            return False
        todo += [base for base in map(_base, node.bases) if base not in _WITHOUT_REPR]
    return class_name not in bases


def _base(node: ast.expr) -> str:
    """The name of a base class, without what is in its brackets."""
    return dotted(node.value if isinstance(node, ast.Subscript) else node) or ""


def outer_function(function: Function, source: str) -> Function | None:
    """The outermost function around one, None if it stands in a module or in classes alone."""
    by_name = by_qualname(source)
    parts = (function.parent or "").split(".")
    names = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next((by_name[name] for name in names if name in by_name), None)


def is_returned(function: Function, outer: Function, source: str) -> bool:
    """Whether the function around a function does no more with it than to return it: only a call of that enters it."""
    for fragment in parse(source).fragments:
        line = outer.def_line - fragment.offset
        for statement in fragment.body:
            if statement.lineno <= line <= (statement.end_lineno or 0):
                is_it = partial(_is_returned, statement, line, function.name)
                found = fragment.once(("returned", id(statement), line, function.name), is_it)
                if found is not None:
                    return found
    return False


def _is_returned(statement: ast.stmt, line: int, name: str) -> bool | None:
    """Whether the function that is defined at a line, in a statement, does no more with a name than to return it; None
    where there is no function."""
    for node in walk(statement):
        if isinstance(node, _DEFINITIONS) and node.lineno == line:
            inside = [part for inner in node.body for part in walk(inner)]
            uses = [
                part
                for part in inside
                if isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Load)
            ]
            returned = {id(part.value) for part in inside if isinstance(part, ast.Return)}
            return bool(uses) and all(id(use) in returned for use in uses)
    return None


def calls_result(call: str) -> bool:
    """Whether a call's expression calls what another call returns."""
    node = read_call(call).expression
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Call)


def find_target(expression: ast.expr, function: Face, classes: frozenset[str]) -> Target | None:
    """The first node of the expression, outermost first, that calls the function; `classes` are those of its file."""
    for node in walk(expression):
        if (target := as_target(node, function, classes)) is not None:
            return target
    return None


def _reaches(
    expression: ast.expr,
    function: Function,
    outer: Function | None,
    known: frozenset[str] | None,
    classes: frozenset[str],
) -> bool:
    """Whether an expression that does not itself call the function may be meant to run it: it calls the function
    around it, calls a method of its name, or uses a class where it is a special method: one may inherit it."""
    if outer is not None:
        return find_target(expression, outer.face, classes) is not None
    if not is_in_class(function):  # it may have become a method by assignment
        return any(isinstance(node, ast.Attribute) and node.attr == function.name for node in walk(expression))
    special = function.name.startswith("__") and function.name.endswith("__")
    used = free_names(expression)
    if function.is_accessor:  # what assigns to the property is no expression: it may be in any function of the file
        return any(known is None or name in known for name in used)
    return special and function.parent is not None and not classes.isdisjoint(used)


@lru_cache(maxsize=16)
def class_names(source: str) -> frozenset[str]:
    """The classes at the top level of a file."""
    return frozenset(
        node.name for fragment in parse(source).fragments for node in fragment.body if isinstance(node, ast.ClassDef)
    )


def as_target(node: ast.AST, function: Face, classes: frozenset[str]) -> Target | None:
    """The node as a call of the function, None if it is not one. A receiver's class is not checked."""
    if function.is_accessor:
        return None
    if function.kind == "property":
        is_access = isinstance(node, ast.Attribute) and node.attr == function.name and isinstance(node.ctx, ast.Load)
        return Target(node, implicit=True, direct=False) if is_access and isinstance(node, ast.Attribute) else None
    if not isinstance(node, ast.Call):
        return None
    name = dotted(node.func)
    if name == function.qualname:
        return Target(node, implicit=function.kind == "classmethod", direct=True)
    if function.parent is None:
        return None
    if function.name in ("__init__", "__new__") and name == function.parent:
        return Target(node, implicit=True, direct=False)
    if function.name == "__call__" and isinstance(node.func, ast.Call):
        return Target(node, implicit=True, direct=False)
    if isinstance(node.func, ast.Attribute) and node.func.attr == function.name and is_in_class(function):
        through_class = dotted(node.func.value) in classes and function.kind == "method"
        return Target(node, implicit=takes_implicit(function) and not through_class, direct=False)
    return None


def dotted(node: ast.expr) -> str | None:
    """`a.b.c` of a chain of attributes on a name, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _in_frame_order(parameters: Sequence[Parameter]) -> list[str]:
    """Names in the order of `co_varnames`."""
    last = ("var-positional", "var-keyword")
    named = [parameter.name for parameter in parameters if parameter.kind not in last]
    return named + [parameter.name for kind in last for parameter in parameters if parameter.kind == kind]


def _bind_target(target: Target, function: Function) -> dict[str, str | None]:
    names = _in_frame_order(function.parameters)
    arguments = _expanded(target)
    if arguments is None:
        return dict.fromkeys(names)
    try:
        bound = _assign(function, *arguments)
    except UserError:
        if binds_as_written(function):
            raise
        return dict.fromkeys(names)
    return {name: bound[name] for name in names}


def _last_word(decorator: str) -> str:
    return decorator.split("(")[0].rsplit(".", 1)[-1]


def _expanded(target: Target) -> tuple[list[ast.expr | None], dict[str, ast.expr]] | None:
    """Positional arguments (None for an implicit one) and keywords; None if `*` or `**` unpack something unknown."""
    positional: list[ast.expr | None] = [None] if target.implicit else []
    keywords: dict[str, ast.expr] = {}
    if isinstance(target.node, ast.Attribute):
        return positional, keywords
    for argument in target.node.args:
        if not isinstance(argument, ast.Starred):
            positional.append(argument)
        elif isinstance(argument.value, ast.List | ast.Tuple):
            if any(isinstance(element, ast.Starred) for element in argument.value.elts):
                return None
            positional.extend(argument.value.elts)
        else:
            return None
    for keyword in target.node.keywords:
        if keyword.arg is not None:
            pairs = [(keyword.arg, keyword.value)]
        elif isinstance(keyword.value, ast.Dict):
            pairs = []
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                    return None
                pairs.append((key.value, value))
        else:
            return None
        for name, value in pairs:
            if name in keywords:
                raise UserError(f"keyword argument repeated: {name}; pass it once")
            keywords[name] = value
    return positional, keywords


def _assign(
    function: Function, positional: Sequence[ast.expr | None], keywords: Mapping[str, ast.expr]
) -> dict[str, str | None]:
    """Parameter → repr of its argument, by the rules and in the words of CPython's calls."""
    takes: dict[str, list[Parameter]] = {}
    for parameter in function.parameters:
        takes.setdefault(parameter.kind, []).append(parameter)
    only = takes.get("positional-only", [])
    ordered = [*only, *takes.get("positional-or-keyword", [])]
    keyword_only = takes.get("keyword-only", [])
    by_keyword = {parameter.name for parameter in [*ordered[len(only) :], *keyword_only]}
    rest = takes.get("var-positional")
    rest_keywords = takes.get("var-keyword")

    bound: dict[str, str | None] = {
        parameter.name: None if argument is None else literal_repr(argument)
        for parameter, argument in zip(ordered, positional, strict=False)
    }
    extra: dict[str, ast.expr] = {}
    for name, value in keywords.items():
        if name in by_keyword:
            if name in bound:
                raise _wrong(function, f"got multiple values for argument '{name}'")
            bound[name] = literal_repr(value)
        elif rest_keywords:
            extra[name] = value
        elif misplaced := [parameter.name for parameter in only if parameter.name in keywords]:
            listed = ", ".join(misplaced)
            raise _wrong(function, f"got some positional-only arguments passed as keyword arguments: '{listed}'")
        else:
            raise _wrong(function, f"got an unexpected keyword argument '{name}'")
    if len(positional) > len(ordered) and not rest:
        raise _wrong(function, _too_many(ordered, len(positional), sum(p.name in bound for p in keyword_only)))
    for word, parameters in (("positional", ordered), ("keyword-only", keyword_only)):
        if missing := [p.name for p in parameters if p.name not in bound and p.default is None]:
            s = "" if len(missing) == 1 else "s"
            raise _wrong(function, f"missing {len(missing)} required {word} argument{s}: {_quoted(missing)}")
        bound.update(
            (p.name, _default_repr(p.default)) for p in parameters if p.name not in bound and p.default is not None
        )
    if rest:
        surplus = [argument for argument in positional[len(ordered) :] if argument is not None]
        # An implicit `self` that went into *args is not known.
        known = len(surplus) == len(positional[len(ordered) :])
        bound[rest[0].name] = literal_repr(ast.Tuple(surplus, ast.Load())) if known else None
    if rest_keywords:
        keys: list[ast.expr | None] = [ast.Constant(name) for name in extra]
        bound[rest_keywords[0].name] = literal_repr(ast.Dict(keys, list(extra.values())))
    return bound


def _wrong(function: Function, problem: str) -> UserError:
    return UserError(f"{function.qualname}() {problem}; call it as {usage(function)}")


def _too_many(ordered: Sequence[Parameter], given: int, keyword_only: int) -> str:
    most = len(ordered)
    least = sum(parameter.default is None for parameter in ordered)
    takes, plural = (str(most), most != 1) if least == most else (f"from {least} to {most}", True)
    also = ""
    if keyword_only:
        also = (
            f" positional argument{'s' * (given != 1)} "
            f"(and {keyword_only} keyword-only argument{'s' * (keyword_only != 1)})"
        )
    verb = "was" if given == 1 and not keyword_only else "were"
    return f"takes {takes} positional argument{'s' * plural} but {given}{also} {verb} given"


def _quoted(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


@lru_cache(maxsize=1024)
def _default_repr(default: str) -> str | None:
    try:
        return literal_repr(expression_of(default))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
