"""What a line of compiled code can rebind, so that a recorder need not look at anything else.

Runs inside the debuggee: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Any

if "." in __name__:
    from .quiet import quiet_lines
    from .stack import hide
else:  # run by path, inside a debuggee that need not have the package
    from quiet import quiet_lines  # type: ignore[no-redef, import-not-found]
    from stack import hide  # type: ignore[no-redef, import-not-found]

_BINDS = ("STORE_FAST", "DELETE_FAST", "STORE_DEREF", "DELETE_DEREF", "LOAD_FAST_AND_CLEAR")
SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_CLASS_EXTRAS = frozenset({"__firstlineno__", "__static_attributes__", "__classdict__", "__annotate_func__"})
"""What newer Pythons put into a class body's namespace and 3.11 does not."""

passes: dict[int, tuple[types.CodeType, dict[int, int]]] = {}
"""Code (by its `id`, and itself) → offset of an instruction that begins a line → the line that 3.11 is on just before,
where it has an instruction that this version has not."""


class Reach:
    """Of one code object."""

    # fmt: off
    __slots__ = (
        "bound", "code", "hidden", "is_function", "is_suspended", "operations", "otherwise", "passes", "quiet", "told",
    )
    # fmt: on

    def __init__(self, code: types.CodeType, namespace: Mapping[str, Any]) -> None:
        """`namespace`: the code's globals."""
        self.code = code
        """Kept, so that nothing else gets its `id`."""
        self.is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
        """Otherwise the locals are a namespace that anybody may change: a class body's, for one."""
        self.is_suspended = bool(code.co_flags & SUSPENDS)
        """Whether it may be left and entered again."""
        self.told: dict[tuple[int | None, str], int] = {}
        """How often it was told what is in a local at a line."""
        self.operations = code.co_code
        self.passes = passes[id(code)][1] if id(code) in passes else None
        self.hidden = frozenset() if self.is_function else _CLASS_EXTRAS
        self.bound: dict[int | None, tuple[str, ...] | None] = {}
        """Line → names that it can bind or unbind, and those that a function inside may, in the order of `f_locals`;
        None is all names."""
        self.otherwise = () if self.is_function else None
        """What holds of lines without instructions."""
        self.quiet: dict[int, tuple[str, ...]] = {}
        """Line that changes nothing without calling Python code, but what these local names have."""
        if self.is_function:
            lines = dict(_lines(code))
            self._read(code, lines)
            self.bound[None] = None
            self.quiet = quiet_lines(code, lines, namespace)
        hide(self, self.bound, self.quiet, *filter(None, self.bound.values()), *self.quiet.values())

    def _read(self, code: types.CodeType, lines: Mapping[int, int | None]) -> None:
        names = tuple(dict.fromkeys(code.co_varnames + code.co_cellvars + code.co_freevars))
        anywhere = {*code.co_cellvars, *code.co_freevars}
        by_line: dict[int, set[str]] = {}
        for instruction in dis.get_instructions(code):
            line = lines.get(instruction.offset)
            bound = anywhere if line is None else by_line.setdefault(line, set())
            if instruction.opname.startswith(_BINDS):
                found = instruction.argval
                bound.update((found,) if isinstance(found, str) else found)
        for line, found in by_line.items():
            self.bound[line] = tuple(name for name in names if name in found or name in anywhere)


def _lines(code: types.CodeType) -> Iterator[tuple[int, int | None]]:
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            for offset in range(start, end, 2):
                yield offset, line
        return
    line = code.co_firstlineno  # up to 3.9
    starts = dict(dis.findlinestarts(code))
    for offset in range(0, len(code.co_code), 2):
        line = starts.get(offset, line)
        yield offset, line


def arguments_first(code: types.CodeType, local: Any) -> dict[str, Any]:
    """Locals at entry as 3.11 has them: up to 3.10 arguments that a closure uses come last."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    ordered = {name: local[name] for name in code.co_varnames[:count] if name in local}
    ordered.update((name, value) for name, value in local.items() if name not in ordered)
    return ordered
