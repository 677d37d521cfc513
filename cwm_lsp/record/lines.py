"""The lines of newer Pythons' instructions as 3.11 has them, where a statement spans several.

Standard library only: runs inside the debuggee. Python 3.12 and newer put some instructions on other lines than 3.11,
so that the same program has other `line` events. Compiled code is given 3.11's lines; `before_compiling` changes what
has no instruction of its own any more.
"""

# ruff: noqa: B905  also for Pythons without `strict`
from __future__ import annotations

import ast
import dis
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Lines = list[int | None]
    Position = tuple[int | None, int | None, int | None, int | None]
    Moves = dict[Position, int]
    """Where an expression is (first and last line, first and last column) → the line of what is done with it."""

_AFTER = frozenset({"TO_BOOL", "NOT_TAKEN", "GET_ITER", "FOR_ITER", "JUMP_BACKWARD", "JUMP_FORWARD"})
"""What is done with a test or an iterable, beside a jump on it."""
_ENTERS = frozenset({"BEFORE_WITH", "BEFORE_ASYNC_WITH", "LOAD_SPECIAL"})
"""The first of what is done with a context manager."""
_NULL_AFTER_CALLEE = sys.version_info >= (3, 13)


def before_compiling(tree: ast.AST) -> None:
    """Changes what spans lines and is compiled to other instructions, or in other places, than in 3.11.

    Slices get a step, None: without it newer Pythons have no instruction on their line. The parts of an f-string are
    where it begins, but for the expressions in it.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or node.lineno == node.end_lineno:
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.step is None:
            inner = node.slice
            inner.step = ast.copy_location(ast.Constant(None), inner)
            inner.step.end_lineno, inner.step.end_col_offset = inner.lineno, inner.col_offset
        elif isinstance(node, ast.JoinedStr):
            _gather(node, node)


def _gather(text: ast.JoinedStr, place: ast.JoinedStr) -> None:
    for part in text.values:
        ast.copy_location(part, place)
        if isinstance(part, ast.FormattedValue) and isinstance(part.format_spec, ast.JoinedStr):
            _gather(ast.copy_location(part.format_spec, place), place)


def moves_in(tree: ast.AST) -> Moves:
    """Tests, iterables and context managers after which 3.11 is on another line than their own.

    That is the line of the statement or expression that has them, or of the comparison before them in it.
    """
    found: Moves = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.While, ast.Assert, ast.IfExp)):
            _walk(node.test, node.lineno, found)
        elif isinstance(node, ast.For):
            _move(node.iter, node.lineno, found)
        elif isinstance(node, ast.GeneratorExp):
            _move(node.generators[0].iter, node.lineno, found)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                _move(item.context_expr, node.lineno, found)
    return found


def _move(node: ast.expr, line: int, found: Moves) -> None:
    if node.lineno != line:
        found[node.lineno, node.end_lineno, node.col_offset, node.end_col_offset] = line


def _walk(test: ast.expr, line: int, found: Moves) -> int:
    """Notes the tests in one expression; gives the line that the compiler is on after it."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _walk(test.operand, line, found)
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            line = _walk(value, line, found)
        return line
    if isinstance(test, ast.IfExp):
        for part in (test.test, test.body, test.orelse):
            line = _walk(part, line, found)
        return line
    if isinstance(test, ast.Compare):
        return test.lineno
    _move(test, line, found)
    return line


def lines_of(code: types.CodeType, moves: Moves) -> Lines:
    """The line of each code unit, as 3.11 has it."""
    positions: list[Position] = list(code.co_positions())  # type: ignore[attr-defined, unused-ignore]  # since 3.11
    lines: Lines = [position[0] for position in positions]
    instructions = list(dis.get_instructions(code))
    ends = [instruction.offset // 2 for instruction in instructions[1:]] + [len(lines)]
    is_lambda = code.co_name == "<lambda>"
    entered: set[Position] = set()  # of context managers
    for number, (instruction, end) in enumerate(zip(instructions, ends)):
        name, at = instruction.opname, instruction.offset // 2
        line = lines[at]
        if name in _ENTERS:
            entered.add(positions[at])
        done = name in _AFTER or name.startswith("POP_JUMP_IF") or positions[at] in entered
        if done and positions[at] in moves:
            line = moves[positions[at]]
        elif name == "PUSH_NULL" and number and _NULL_AFTER_CALLEE:
            line = lines[at - 1]
        elif name == "RETURN_VALUE" and is_lambda:
            line = code.co_firstlineno
        lines[at:end] = [line] * (end - at)
    return lines


def table(lines: Lines, line_before: int) -> bytes:
    """Encodes lines, one a code unit, as CPython's Objects/locations.md describes."""
    encoded = bytearray()
    at = 0
    while at < len(lines):
        line = lines[at]
        length = 1
        while length < 8 and at + length < len(lines) and lines[at + length] == line:
            length += 1
        at += length
        if line is None:
            encoded.append(0x80 | 15 << 3 | length - 1)
            continue
        delta = line - line_before
        encoded.append(0x80 | 13 << 3 | length - 1)
        number = -delta << 1 | 1 if delta < 0 else delta << 1
        while number >= 64:
            encoded.append(number & 63 | 64)
            number >>= 6
        encoded.append(number)
        line_before = line
    return bytes(encoded)
