"""Whether what is asked of a search can be met at all: a search for what cannot be ends only with its time."""

from __future__ import annotations

import difflib
import re

from cwm_lsp.errors import UserError
from cwm_lsp.search.conditions import RESULT
from cwm_lsp.source.flow import Flow, Scope
from cwm_lsp.source.functions import Function, function_at
from cwm_lsp.source.names import free_names, global_names, is_defined
from cwm_lsp.source.reached import own_lines, reached
from cwm_lsp.source.recovery import split_lines
from cwm_lsp.source.trees import expression_of

_DYNAMIC = re.compile(r"\b(getattr|globals|__getattr__|methodcaller|import_module|__subclasses__)\b")
"""What calls functions that are not mentioned."""


def check_line(line: int, function: Function, source: str, shown: str) -> None:
    """See to it that a call of a function may come to a line of its file, which is `shown` so.

    Raises:
        UserError: there is no such line, no code on it, or none that the function mentions.
    """
    lines = split_lines(source.removesuffix("\n"))
    if not 0 < line <= len(lines):
        raise UserError(f"{shown} has no line {line}: its last is line {len(lines)}")
    code = {one for scope in Flow.of(source).scopes for one in scope.lines if scope.kind != "class"}
    if line not in code:
        near = sorted(code & set(own_lines(function)), key=lambda one: (abs(one - line), one))[:2]
        told = f"; the nearest of {function.qualname} are {' and '.join(map(str, sorted(near)))}" if near else ""
        raise UserError(f"no call comes to line {line} of {shown}: it has no code that a function runs{told}")
    if line in own_lines(function) or line in reached(source, function):
        return
    other = function_at(source, line)
    if other is None or (not other.decorators and not _DYNAMIC.search(source)):
        inside = f"is in {other.qualname}, which {function.qualname} does not mention" if other else "is in no function"
        first, last = function.first_line, function.last_line
        raise UserError(f"line {line} of {shown} {inside}; {function.qualname} has the lines {first} to {last}")


def check_names(condition: str, function: Function, source: str) -> None:
    """See to it that the names of a condition have a value in a function somewhere.

    Raises:
        UserError: it is no expression, or one of its names has none.
    """
    try:
        names = free_names(expression_of(condition.strip()))
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"'{condition}' is no Python expression ({why}); give one, as in 'total > 100'") from None
    own = {name for scope in _scopes(function, source) for name in (*scope.names, *scope.free)}
    known = own | {parameter.name for parameter in function.parameters} | {RESULT}
    for name in names:
        if name not in known and not is_defined(name, global_names(source)):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"{near[0]}?" if near else f"it has {', '.join(sorted(own))}" if own else "it has no variables"
            raise UserError(f"{function.qualname} has no variable {name}: {hint}")


def check_exception(name: str, source: str) -> None:
    """See to it that a name is an exception of Python's, or stands in the file.

    Raises:
        UserError: it does not.
    """
    kinds, names = [BaseException], set[str]()
    while kinds:
        kind = kinds.pop()
        if kind.__name__ not in names:
            names.add(kind.__name__)
            kinds += kind.__subclasses__()
    names |= set(re.findall(r"[A-Z]\w*", source))
    wanted = name.rpartition(".")[2]
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, 1)
        raise UserError(f"{name} is no exception that is known here; {f'{near[0]}?' if near else 'check the name'}")


def _scopes(function: Function, source: str) -> list[Scope]:
    return [
        scope for scope in Flow.of(source).scopes if scope.def_line == function.def_line and scope.kind == "function"
    ]
