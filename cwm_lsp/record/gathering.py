"""The compiled function of a generator expression, made to gather what it would yield: that of a comprehension.

Standard library only: runs inside the debuggee, on Python 3.12 and newer.
"""

from __future__ import annotations

import ast
import dis
import inspect
import types
from collections.abc import Iterator

if "." in __name__:
    from . import lines
else:  # run by path, inside a debuggee that need not have the package
    import lines  # type: ignore[no-redef, import-not-found]

_NOP = bytes([dis.opmap["NOP"], 0])
_STOPS = 3
"""CALL_INTRINSIC_1's argument that makes a generator's StopIteration a RuntimeError."""


def gather(code: types.CodeType, node: ast.ListComp | ast.SetComp | ast.DictComp) -> types.CodeType:
    """A function, or a coroutine function, for the comprehension that `code` was compiled for as a generator."""
    name, build, add = {
        ast.ListComp: ("<listcomp>", "BUILD_LIST", "LIST_APPEND"),
        ast.SetComp: ("<setcomp>", "BUILD_SET", "SET_ADD"),
        ast.DictComp: ("<dictcomp>", "BUILD_MAP", "MAP_ADD"),
    }[type(node)]
    waits = bool(code.co_flags & inspect.CO_ASYNC_GENERATOR)
    raw = bytearray(code.co_code)
    positions: list[lines.Position] = list(code.co_positions())  # type: ignore[attr-defined, unused-ignore]
    instructions = list(dis.get_instructions(code))
    start = next(i for i in instructions if i.opname == "RESUME").offset + 2

    def put(offset: int, operation: bytes) -> None:
        raw[offset : offset + 2] = operation

    for before, instruction, after in zip(instructions, instructions[1:], [*instructions[2:], None]):  # noqa: B905
        at = instruction.offset
        if instruction.opname == "YIELD_VALUE" and after is not None and (after.arg or 0) & 3 == 1:
            put(at, bytes([dis.opmap[add], len(node.generators) + 1]))
            put(after.offset, _NOP)
            put(after.offset + 2, _NOP)
            if waits:
                put(before.offset, _NOP)
                before = next(i for i in reversed(instructions) if i.offset < before.offset)
            if isinstance(node, ast.DictComp):
                put(before.offset, _NOP)
                positions[before.offset // 2] = positions[before.offset // 2 - 1]
        elif instruction.opname == "RETURN_CONST":
            put(at, bytes([dis.opmap["RETURN_VALUE"], 0]))
        elif instruction.opname == "RETURN_VALUE":
            put(before.offset, _NOP)
        elif before.opname == "RETURN_GENERATOR" and not waits:
            put(before.offset, _NOP)
            put(at, _NOP)
    if instructions[0].opname == "RETURN_GENERATOR" and not waits:
        put(0, _NOP)
    raw[start:start] = bytes([dis.opmap[build], 0])
    entries = []
    for first, end, target, depth, keeps in _entries(code.co_exceptiontable):  # type: ignore[attr-defined, unused-ignore]
        stops = code.co_code[target] == dis.opmap["CALL_INTRINSIC_1"] and code.co_code[target + 1] == _STOPS
        if stops and not waits:
            continue
        first, end, target = (at + 2 if at >= start else at for at in (first, end, target))
        entries.append((first, end, target, depth + (not stops), keeps))
    flags = code.co_flags & ~(inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR)
    positions.insert(start // 2, positions[start // 2 - 1])
    qualified: str = code.co_qualname  # type: ignore[attr-defined, unused-ignore]  # since 3.11
    changes: dict[str, object] = {
        "co_name": name,
        "co_qualname": qualified[: -len(code.co_name)] + name,
        "co_code": bytes(raw),
        "co_flags": flags | inspect.CO_COROUTINE if waits else flags,
        "co_stacksize": code.co_stacksize + 2,
        "co_exceptiontable": b"".join(map(_entry, entries)),
        "co_firstlineno": node.lineno,
        "co_linetable": lines.table(positions, [place[0] for place in positions], node.lineno),
    }
    return code.replace(**changes)  # type: ignore[arg-type]


def _entries(table: bytes) -> Iterator[tuple[int, int, int, int, bool]]:
    """Start, end and target (offsets), depth, and whether the instruction is kept, of each range of instructions.

    The format is in CPython's Objects/exception_handling_notes.txt.
    """
    numbers = []
    number = 0
    for byte in table:
        number = number << 6 | byte & 63
        if not byte & 64:
            numbers.append(number)
            number = 0
    for start, length, target, depth in zip(*[iter(numbers)] * 4):  # noqa: B905
        yield start * 2, (start + length) * 2, target * 2, depth >> 1, bool(depth & 1)


def _entry(entry: tuple[int, int, int, int, bool]) -> bytes:
    start, end, target, depth, keeps = entry
    numbers = [start // 2, (end - start) // 2, target // 2, depth << 1 | keeps]
    data = bytearray()
    for number in numbers:
        groups = [number & 63]
        while number > 63:
            number >>= 6
            groups.append(number & 63 | 64)
        data += bytes(reversed(groups))
    data[0] |= 128
    return bytes(data)
