"""Lines of compiled code that leave values alone, so that a recorder need not look whether they have changed.

Runs inside the debuggee: standard library only, Python 3.8 and newer. That a line calls Python code is seen when it
does. What is told here, from its instructions, is whether it may change an object without that: by an assignment to an
attribute or item, by an operator in place, or by a function or iterator in C. A line is quiet where all that it can
change are objects that are still in local names when it has run.
"""

from __future__ import annotations

import builtins
import dis
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

# fmt: off
_HARMLESS = (
    "LOAD_FAST", "LOAD_CONST", "LOAD_SMALL_INT", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLOSURE", "LOAD_ATTR",
    "LOAD_METHOD", "LOAD_ASSERTION_ERROR", "STORE_FAST", "STORE_DEREF", "DELETE_FAST", "DELETE_DEREF", "POP_", "JUMP",
    "COPY", "SWAP", "ROT_", "DUP_", "NOP", "RESUME", "PRECALL", "KW_NAMES", "PUSH_NULL", "BINARY_", "INPLACE_",
    "COMPARE_OP", "IS_OP", "CONTAINS_OP", "UNARY_", "TO_BOOL", "BUILD_", "FORMAT_", "CONVERT_VALUE", "RETURN_", "MAKE_",
    "NOT_TAKEN", "EXTENDED_ARG", "END_FOR", "RAISE_VARARGS",
)
_FUNCTIONS = frozenset({
    "abs", "bool", "bytes", "callable", "chr", "complex", "divmod", "float", "format", "hash", "hex", "id", "int",
    "isinstance", "issubclass", "len", "oct", "ord", "pow", "range", "repr", "round", "str", "type",
})
"""Builtins that change none of their arguments, and call nothing in C that might."""
_ASKING = frozenset({
    "count", "endswith", "find", "get", "index", "isalpha", "isdigit", "islower", "isspace", "isupper", "items", "keys",
    "lower", "lstrip", "replace", "rstrip", "split", "startswith", "strip", "title", "upper", "values",
})
_CHANGING = frozenset({
    "add", "append", "clear", "discard", "insert", "pop", "popitem", "remove", "reverse", "setdefault",
})
"""Methods of builtin types that change at most their object. Those of the program's classes are seen when called."""
# fmt: on
_INPLACE = 13
"""BINARY_OP's first argument for an operator in place."""


def quiet_lines(
    code: types.CodeType, lines: Mapping[int, int | None], namespace: Mapping[str, Any]
) -> dict[int, tuple[str, ...]]:
    """Quiet line → the local names of objects that it may change. `namespace` are the code's globals."""
    noisy: set[int | None] = {None}
    found: dict[int, set[str]] = {}
    calls: dict[int, int] = {}
    """Line → calls without a callee that is known to be harmless."""
    before: tuple[tuple[str, Any, int], tuple[str, Any, int]] = ("", None, 0), ("", None, 0)
    bound: set[tuple[int, str]] = set()
    """Lines with the local names that they bind or delete, but by an operator in place."""
    ranges: set[int] = set()
    for name, value, argument, offset in _simple(code):
        line = lines.get(offset)
        if line is None:
            continue
        names = found.setdefault(line, set())
        (name1, value1, argument1), (name2, value2, _) = before
        before = (name, value, argument), before[0]
        local = value1 if name1.startswith("LOAD_FAST") else None
        in_place = name1.startswith("INPLACE_") or _is_in_place(name1, argument1)
        if name.startswith(("STORE_FAST", "DELETE_FAST")) and not in_place:
            bound.add((line, value))
        is_method = name == "LOAD_METHOD" or (name == "LOAD_ATTR" and sys.version_info >= (3, 12) and argument & 1)
        if name == "LOAD_GLOBAL" and sys.version_info >= (3, 11) and argument & 1:
            if value in _FUNCTIONS and value not in namespace and hasattr(builtins, value):
                calls[line] = calls.get(line, 0) - 1
                if value == "range":
                    ranges.add(line)
            else:
                noisy.add(line)
        elif is_method:
            if value in _CHANGING and local is not None:
                names.add(local)
            elif value not in _ASKING or (local is None and name1 != "LOAD_CONST"):
                noisy.add(line)
            calls[line] = calls.get(line, 0) - 1
        elif name in ("CALL", "CALL_KW", "CALL_METHOD", "CALL_FUNCTION", "CALL_FUNCTION_KW"):
            calls[line] = calls.get(line, 0) + 1
        elif name == "STORE_ATTR" and local is not None:
            names.add(local)
        elif name in ("STORE_SUBSCR", "DELETE_SUBSCR") and name1 in _KEYS and name2.startswith("LOAD_FAST"):
            names.add(value2)
        elif name in ("GET_ITER", "FOR_ITER"):  # an iterator in C may call what changes something
            if line not in ranges or name1 not in ("CALL", "GET_ITER"):
                noisy.add(line)
        elif not name.startswith(_HARMLESS):
            noisy.add(line)
        elif name.startswith("STORE_FAST") and in_place:
            names.add(value)
        elif in_place:
            noisy.add(line)
    noisy.update(line for line, count in calls.items() if count)
    noisy.update(line for line, name in bound if name in found[line])  # what it changed has that name no more
    return {line: tuple(names) for line, names in found.items() if line not in noisy}


_KEYS = frozenset({"LOAD_FAST", "LOAD_CONST", "LOAD_SMALL_INT", "LOAD_FAST_BORROW"})


def _is_in_place(name: str, argument: int) -> bool:
    return name == "BINARY_OP" and argument >= _INPLACE


def _simple(code: types.CodeType) -> Iterator[tuple[str, Any, int, int]]:
    """Name, value, argument and offset of each instruction, those that are two in one taken apart."""
    for instruction in dis.get_instructions(code):
        name, value, argument = instruction.opname, instruction.argval, instruction.arg or 0
        if isinstance(value, tuple) and "_FAST_" in name:
            words = name.split("_")
            middle = next(at for at in range(1, len(words)) if words[at] in ("LOAD", "STORE"))
            yield "_".join(words[:middle]), value[0], argument, instruction.offset
            yield "_".join(words[middle:]), value[1], argument, instruction.offset
        else:
            yield name, value, argument, instruction.offset
