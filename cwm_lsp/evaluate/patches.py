"""Whether code of the library that is carried out as it is, and not interpreted, would see a change that a program
makes to a module."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from cwm_lsp.evaluate import library
from cwm_lsp.evaluate.values import mro_of

REDIRECTED = frozenset({"stdin", "stdout", "stderr", "argv", "path"})
"""What `sys` is there to have changed; what is carried out as it is gets no look at it."""


OURS = ("cwm_lsp.", "asyncio.")
"""Packages whose code is that of the interpreter, or is not carried out."""


@functools.lru_cache(maxsize=256)
def seen(module: str, name: str | None) -> bool:
    """Whether such code may look up that name in that module; without `name`, any name."""
    if module == "sys" and name in REDIRECTED:
        return False
    if module == "builtins":
        return name is None or name in builtin_names()
    real = sys.modules.get(module)
    return any(
        (name is None or name in code.co_names)
        and (names is vars(real) or any(found(item, names) is real for item in code.co_names))
        for code, names in carried_out()
    ) if real is not None else False  # fmt: skip


@functools.lru_cache(maxsize=1)
def builtin_names() -> frozenset[str]:
    """The builtin names that such code reads."""
    return frozenset(
        item.argval
        for code, names in carried_out()
        for item in dis.get_instructions(code)
        if item.opname in ("LOAD_GLOBAL", "LOAD_NAME") and item.argval not in names
    )


@functools.lru_cache(maxsize=256)
def imports(module: str) -> bool:
    """Whether such code imports that module as it runs."""
    return any(module in code.co_names and module not in names for code, names in carried_out())


def found(name: str, names: dict[str, Any]) -> Any:
    """What code means by a global name, or by that of a module that it imports."""
    return names[name] if name in names else sys.modules.get(name)


@functools.lru_cache(maxsize=1)
def carried_out() -> tuple[tuple[CodeType, dict[str, Any]], ...]:
    """The code of the listed functions and classes that is written in Python, and of what that calls, with the
    namespaces of its modules."""
    reached: dict[int, tuple[CodeType, dict[str, Any]]] = {}
    pending: list[Any] = [*library.PLAIN_CALLABLES, *library.INHERITED, *library.METHODS, *library.BASES]
    classes: set[int] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, type):
            if id(value) not in classes:
                classes.add(id(value))
                pending += [*vars(value).values(), *mro_of(value)]
            continue
        for function in functions_in(value):
            for code in all_code(function.__code__):
                names = function.__globals__
                if id(code) in reached or str(names.get("__name__")).startswith(OURS):
                    continue
                reached[id(code)] = code, names
                for name in code.co_names:
                    item = found(name, names)
                    if isinstance(item, ModuleType):
                        pending += [vars(item)[other] for other in code.co_names if other in vars(item)]
                    else:
                        pending.append(item)
    return tuple(reached.values())


def functions_in(value: Any) -> Iterator[FunctionType]:
    """The functions written in Python that something in a module or a class is made of."""
    if isinstance(value, FunctionType):
        yield value
    kind = type(value)
    if kind in library.WRAPPERS or kind is FunctionType:
        for name in ("__func__", "__wrapped__", "func", "fget", "fset", "fdel"):
            inner = getattr(value, name, None)
            if isinstance(inner, FunctionType):
                yield inner


def all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from all_code(value)
