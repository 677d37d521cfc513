"""A call as the first frame of a program, and what it gives driven to its end.

Standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

if "." in __name__:
    from .tracers import CALL_FILE
else:  # run by path, inside a debuggee that need not have the package
    from tracers import CALL_FILE  # type: ignore[no-redef, import-not-found]

__all__ = ["drive", "evaluate", "framed"]

_FRAME = """
def call(kind, error, trace, start, is_over, drive, end):
    try:
        start()
        result = ...
        if not is_over():
            step, result = drive(result)
            if step == "iterate":
                for _ in result: pass
            elif step == "enter":
                with result: pass
            elif step:
                step(result)
    finally:
        end()
"""
"""The first frame of the program. What the call gives is driven to its end as well, unless the trace is over."""
_ENCLOSED = "call.<locals>."


async def _wait(result: Any) -> Any:
    return await result


async def _drain(results: Any) -> None:
    if not inspect.isasyncgen(results):
        async with results:
            return
    async for _ in results:
        pass


def framed(call: str, namespace: dict[str, Any], *parts: Callable[..., Any]) -> Callable[..., None]:
    """`_FRAME` for a call, as a function of the namespace's module that takes `sys.excepthook`'s arguments."""
    text = call.strip()
    code = compile(text, CALL_FILE, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    tree = ast.parse(_FRAME)
    waits = code.co_flags & inspect.CO_COROUTINE
    expression = ast.parse("make()" if waits else text, mode="eval")
    for node in [*ast.walk(tree), *(ast.walk(expression) if waits else ())]:
        if isinstance(node, ast.Name):  # no name of the program's begins with a dot
            node.id = "." + node.id
        elif isinstance(node, ast.arg):
            node.arg = "." + node.arg
    function: Any = tree.body[0]
    function.args.args.append(ast.copy_location(ast.arg(".make"), function.args.args[0]))
    function.body[0].body[1].value = expression.body
    module = compile(tree, CALL_FILE, "exec", dont_inherit=True)
    framed = _unenclosed(next(constant for constant in module.co_consts if isinstance(constant, types.CodeType)))
    make = functools.partial(eval, code, namespace)
    return types.FunctionType(framed.replace(co_name="<module>"), namespace, "<module>", (*parts, make))


def _unenclosed(code: types.CodeType) -> types.CodeType:
    """The code of `_FRAME`, what is defined in the call having the names that it has in a module."""
    constants = [
        _unenclosed(constant)
        if isinstance(constant, types.CodeType)
        # Up to 3.10 a function's qualified name is a constant of the code that makes it.
        else constant[len(_ENCLOSED) :]
        if isinstance(constant, str) and constant.startswith(_ENCLOSED + "<")
        else constant
        for constant in code.co_consts
    ]
    changes: dict[str, Any] = {"co_consts": tuple(constants)}
    name = getattr(code, "co_qualname", "")
    if name.startswith(_ENCLOSED):
        changes["co_qualname"] = name[len(_ENCLOSED) :]
    return code.replace(**changes)


def evaluate(call: str, namespace: dict[str, Any]) -> Callable[[Callable[[], bool]], None]:
    """Compiles a call; the result makes it, and drives what it gives to its end unless `is_over` by then."""

    def nothing() -> None:
        pass

    return lambda is_over: framed(call, namespace, nothing, is_over, drive, nothing)(None, None, None)


def drive(result: Any) -> tuple[Any, Any]:
    """How a suspended result is run to its end, and what that is done to."""
    if inspect.isgenerator(result):
        return "iterate", result
    if isinstance(result, contextlib.AbstractContextManager) and _made_by_contextlib(result):
        return "enter", result
    is_manager = isinstance(result, contextlib.AbstractAsyncContextManager) and _made_by_contextlib(result)
    if inspect.isasyncgen(result) or is_manager:
        result = _drain(result)
    elif not inspect.isawaitable(result):
        return None, result
    import asyncio  # late: it would take a good part of the debuggee's start

    return asyncio.run, result if inspect.iscoroutine(result) else _wait(result)


def _made_by_contextlib(manager: Any) -> bool:
    return type(manager).__module__ == "contextlib" and hasattr(manager, "gen")
