"""Functions of the file as real function objects.

Each has the name, defaults, annotations, docstring and attributes that CPython would give it, so that whatever looks
at functions or binds arguments to them (methods, `functools`, `abc`, `inspect`, messages) is CPython's own. Only what
it runs is ours: a stub with the same parameters that hands their values over to the interpreter.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any

from cwm_lsp.evaluate.code import Code
from cwm_lsp.evaluate.values import Cell

Enter = Callable[["Body", tuple[Any, ...]], Any]
"""Interprets a body, given the values of its parameters in order."""


class Body:
    """What a function of the file runs: its code and the variables that it closes over."""

    __slots__ = ("cells", "code")

    def __init__(self, code: Code, cells: dict[str, Cell]) -> None:
        self.code = code
        self.cells = cells


def make_function(
    body: Body,
    enter: CellType,
    namespace: dict[str, Any],
    defaults: tuple[Any, ...],
    keyword_defaults: dict[str, Any],
    annotations: dict[str, Any],
) -> FunctionType:
    """The function object of a `def` or `lambda`; `enter` is the cell of an `Enter`."""
    code = body.code
    stub = code.stub
    if stub is None:
        stub = code.stub = stub_of(code)
    made = FunctionType(stub, namespace, code.name, defaults or None, (CellType(body), enter))
    made.__qualname__ = code.qualname
    if keyword_defaults:
        made.__kwdefaults__ = keyword_defaults
    if annotations:
        made.__annotations__ = annotations
    if code.doc is not None:
        made.__doc__ = code.doc
    return made


def body_of(value: Any) -> Body | None:
    """What a function of the file runs; None for anything else."""
    if type(value) is FunctionType and value.__closure__ is not None:
        try:
            found = value.__closure__[0].cell_contents
        except ValueError:
            return None
        if type(found) is Body:
            return found
    return None


def stub_of(code: Code) -> CodeType:
    """A code object with the parameters of `code`."""
    form = template(
        len(code.positional), code.positional_only, len(code.keyword_only),
        rest=code.rest is not None, keywords=code.keywords is not None,
    )  # fmt: skip
    named: dict[str, Any] = {"co_name": code.name, "co_firstlineno": code.first_line, "co_varnames": code.parameters}
    if sys.version_info >= (3, 11):
        named["co_qualname"] = code.qualname
    return form.replace(**named)


@functools.lru_cache(maxsize=1000)
def template(positional: int, positional_only: int, keyword_only: int, *, rest: bool, keywords: bool) -> CodeType:
    """A stub with so many parameters, whose names are no matter to its instructions."""
    names = [f"p{number}" for number in range(positional)]
    named = [f"k{number}" for number in range(keyword_only)]
    listed = [*names[:positional_only], *(["/"] if positional_only else []), *names[positional_only:]]
    listed += ["*rest"] if rest else ["*"] if named else []
    listed += [*named, *(["**keywords"] if keywords else [])]
    values = [*names, *named, *(["rest"] if rest else []), *(["keywords"] if keywords else [])]
    text = (
        "def outer(body, enter):\n"
        f"    def stub({', '.join(listed)}):\n"
        f"        return enter(body, ({''.join(value + ', ' for value in values)}))\n"
    )
    outer = _code_in(compile(text, __file__, "exec", dont_inherit=True))
    return _code_in(outer)


def _code_in(code: CodeType) -> CodeType:
    return next(value for value in code.co_consts if isinstance(value, CodeType))
