"""Arguments: those that cannot be given, and those of a function of the file bound to its parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import FunctionType, NoneType
from typing import Any

from cwm_lsp.evaluate.code import Code
from cwm_lsp.evaluate.values import GaveUp, Unknown

QUALIFIED = (3, 9)
"""From here on the error has the name of the function's class and module in it."""


class Misgiven(GaveUp):
    """What follows `*` or `**` does not fit: a TypeError that names what is called."""


def misgiven(node: ast.Call, function: Any, problem: Misgiven, target: tuple[int, ...]) -> BaseException:
    """The error of a call; `problem` itself where it is not known on which line it is raised, or of what it tells."""
    if node.lineno != node.end_lineno or type(function) is Unknown or target < QUALIFIED:
        return problem
    name, module = getattr(function, "__qualname__", None), getattr(function, "__module__", None)
    if type(name) is not str or type(module) not in (str, NoneType):
        return problem
    return TypeError(f"{name if module in (None, 'builtins') else f'{module}.{name}'}() {problem}")


def bind(function: FunctionType, code: Code, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of the parameters; None where they do not fit, which the function itself tells best."""
    positional = code.positional
    count, given = len(positional), len(args)
    if given > count and code.rest is None:
        return None
    bound: dict[str, Any] = dict(zip(positional, args, strict=False))
    spare: dict[str, Any] = {}
    by_keyword = positional[code.positional_only :]
    for key, value in kwargs.items():
        if key in by_keyword or key in code.keyword_only:
            if key in bound:
                return None
            bound[key] = value
        elif code.keywords is not None:
            spare[key] = value
        else:
            return None
    defaults = function.__defaults__ or ()
    without = count - len(defaults)
    if without < 0:
        return None
    for position, parameter in enumerate(positional):
        if parameter not in bound:
            if position < without:
                return None
            bound[parameter] = defaults[position - without]
    named = function.__kwdefaults__ or {}
    for parameter in code.keyword_only:
        if parameter not in bound:
            if parameter not in named:
                return None
            bound[parameter] = named[parameter]
    if code.rest is not None:
        bound[code.rest] = tuple(args[count:])
    if code.keywords is not None:
        bound[code.keywords] = spare
    return bound
