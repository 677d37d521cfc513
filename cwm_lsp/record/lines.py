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
from typing import TYPE_CHECKING, TypeVar

Located = TypeVar("Located", bound=ast.AST)
if TYPE_CHECKING:
    Lines = list[int | None]
    Position = tuple[int | None, int | None, int | None, int | None]
_AFTER = frozenset({"TO_BOOL", "NOT_TAKEN", "GET_ITER", "FOR_ITER", "JUMP_BACKWARD", "JUMP_FORWARD", "RAISE_VARARGS"})
"""What is done with a test or an iterable, beside a jump on it."""
_ENTERS = frozenset({"BEFORE_WITH", "BEFORE_ASYNC_WITH", "LOAD_SPECIAL"})
"""The first of what is done with a context manager."""
_NULL_AFTER_CALLEE = sys.version_info >= (3, 13)
_GUIDELINE = 30
"""Arguments beyond which a call is another one (`STACK_USE_GUIDELINE`)."""
_KEYS_LAST = sys.version_info < (3, 14)
"""Whether constant keys of a dict display come after its values, in one constant."""


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


class Moves:
    """Where, in a file, 3.11 is on another line than the compiler says."""

    def __init__(self, tree: ast.AST) -> None:
        self.after: dict[Position, int] = {}
        """Tests, iterables and context managers → the line of what is done with them."""
        self.all: dict[Position, int] = {}
        """`assert` statements → the line of what they do themselves."""
        self.callees: dict[Position, int] = {}
        """What is evaluated first of a callee → the line of the callee, where 3.11 has been before."""
        self.patterns: dict[Position, _Pattern] = {}
        for node in ast.walk(tree):
            self._note(node)

    def _note(self, node: ast.AST) -> None:
        """A test is followed by the line of its statement or expression, or of the comparison before it in that."""
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            self._walk(node.test, node.lineno)
        elif isinstance(node, ast.Assert):
            line = self._walk(node.test, node.lineno)
            self.all[_position(node)] = self.after[_position(node.test)] = line
        elif isinstance(node, ast.For):
            self._move(node.iter, node.lineno)
        elif isinstance(node, ast.GeneratorExp):
            self._move(node.generators[0].iter, node.lineno)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self._move(item.context_expr, node.lineno)
        elif isinstance(node, ast.Call) and _NULL_AFTER_CALLEE and not _calls_method(node):
            first = _first(node.func)
            if first.lineno != node.func.lineno:
                self.callees[_position(first)] = node.func.lineno
        elif isinstance(node, ast.match_case):
            pattern = _Pattern(node)
            self.patterns.update((_position(part), pattern) for part in pattern.parts)
            if node.guard is not None:
                pattern.after_guard = self._walk(node.guard, pattern.parts[-1].lineno)

    def _move(self, node: ast.expr, line: int) -> None:
        if node.lineno != line:
            self.after[_position(node)] = line

    def _walk(self, test: ast.expr, line: int) -> int:
        """Notes the tests in one expression; gives the line that the compiler is on after it."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._walk(test.operand, line)
        if isinstance(test, ast.BoolOp):
            for value in test.values:
                line = self._walk(value, line)
            return line
        if isinstance(test, ast.IfExp):
            for part in (test.test, test.body, test.orelse):
                line = self._walk(part, line)
            return line
        if isinstance(test, ast.Compare):
            return test.lineno
        self._move(test, line)
        return line


def _calls_method(node: ast.Call) -> bool:
    """Whether 3.11 loads a method to call it, with nothing before it."""
    function, given = node.func, len(node.args) + len(node.keywords) + bool(node.keywords)
    unpacks = any(isinstance(item, ast.Starred) for item in node.args) or any(not item.arg for item in node.keywords)
    return isinstance(function, ast.Attribute) and not unpacks and given < _GUIDELINE


class _Pattern:
    """A case's pattern: 3.11 is on the line of the part that it came to last, also for what is done with others."""

    def __init__(self, case: ast.match_case) -> None:
        self.parts = _parts_of(case.pattern)
        self._numbers = {_position(part): number for number, part in enumerate(self.parts)}
        self._last = [number + len(_parts_of(part)) - 1 for number, part in enumerate(self.parts)]
        end = case.guard or case.pattern
        self._start = case.pattern.lineno, case.pattern.col_offset
        self._end = end.end_lineno or 0, end.end_col_offset or 0
        self._guard = (case.guard.lineno, case.guard.col_offset) if case.guard is not None else self._end
        self.after_guard = 0
        """The line after a guard."""
        self._at = 0
        self._is_guarded = False
        self._is_left = False

    def line(self, position: Position, name: str) -> int | None:
        """The line of the next instruction; None where it is as the compiler says: where the pattern does not match."""
        if self._is_left:
            return None
        if self._is_guarded:
            return self.after_guard
        number = self._numbers[position]
        if name.startswith("STORE_"):
            number = len(self.parts) - 1
        elif name == "SWAP" or (name == "POP_TOP" and not isinstance(self.parts[number], ast.MatchOr)):
            number = self._last[number]
        self._at = max(self._at, number)
        return self.parts[self._at].lineno

    def goes_on(self, position: Position) -> bool:
        """Whether what is there is part of the case's head; it is left where not."""
        line, _, column, _ = position
        if line is not None and column is not None and not self._start <= (line, column) <= self._end:
            self._is_left = True
        elif line is not None and column is not None and (line, column) >= self._guard:
            self._is_guarded = True
        return not self._is_left


def _parts_of(pattern: ast.pattern) -> list[ast.pattern]:
    return [part for part in _in_order(pattern) if isinstance(part, ast.pattern)]


def _in_order(node: ast.AST) -> list[ast.AST]:
    return [node, *(part for child in ast.iter_child_nodes(node) for part in _in_order(child))]


def _position(node: ast.stmt | ast.expr | ast.pattern) -> Position:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _first(node: ast.expr) -> ast.expr:
    """The part of an expression that is evaluated first."""
    if isinstance(node, ast.IfExp):
        return _first(node.test)
    if isinstance(node, ast.Dict) and node.keys and node.keys[0] is not None:
        constants = all(isinstance(key, ast.Constant) for key in node.keys)
        return _first(node.values[0] if constants and len(node.keys) > 1 and _KEYS_LAST else node.keys[0])
    inner: ast.AST | None = None
    if isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)):
        inner = node.value
    elif isinstance(node, ast.Call):
        inner = node.func
    elif isinstance(node, ast.BinOp):
        inner = node.left
    elif isinstance(node, ast.BoolOp):
        inner = node.values[0]
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)) and node.elts:
        inner = node.elts[0]
    return _first(inner) if isinstance(inner, ast.expr) else node


def lines_of(code: types.CodeType, positions: list[Position], moves: Moves) -> Lines:
    """The line of each code unit, as 3.11 has it; `positions` are where they are in the source."""
    lines: Lines = [position[0] for position in positions]
    instructions = list(dis.get_instructions(code))
    ends = [instruction.offset // 2 for instruction in instructions[1:]] + [len(lines)]
    is_lambda = code.co_name == "<lambda>"
    entered: set[Position] = set()  # of context managers
    pattern: _Pattern | None = None
    for instruction, end in zip(instructions, ends):
        name, at = instruction.opname, instruction.offset // 2
        place = positions[at]
        line = lines[at]
        if pattern is not None and not pattern.goes_on(place):
            pattern = None
        if name in _ENTERS:
            entered.add(place)
        done = name in _AFTER or name.startswith("POP_JUMP_IF") or place in entered
        if done and place in moves.after:
            line = moves.after[place]
        elif place in moves.all:
            line = moves.all[place]
        elif place in moves.patterns:
            pattern = moves.patterns[place]
            line = pattern.line(place, name) or line
        elif name == "RETURN_VALUE" and is_lambda:
            line = code.co_firstlineno
        lines[at:end] = [line] * (end - at)
    if _NULL_AFTER_CALLEE:  # before the callee it had no part in the steps
        for instruction in instructions:
            if instruction.opname == "PUSH_NULL":
                lines[instruction.offset // 2] = lines[instruction.offset // 2 + 1]
    return lines


def passed(code: types.CodeType, positions: list[Position], moves: Moves) -> dict[int, int]:
    """Offsets of instructions before which 3.11 has another, on a line of its own: see `reach.passes`."""
    first: dict[Position, int] = {}
    for instruction in dis.get_instructions(code):
        place = positions[instruction.offset // 2]
        if place in moves.callees:
            first.setdefault(place, instruction.offset)
    return {offset: moves.callees[place] for place, offset in first.items()}


def table(positions: list[Position], lines: Lines, line_before: int) -> bytes:
    """Encodes lines and, where they are unchanged, positions, one a code unit: see CPython's Objects/locations.md."""
    encoded = bytearray()
    at = 0
    while at < len(lines):
        line, place = lines[at], positions[at]
        length = 1
        while length < 8 and at + length < len(lines) and (lines[at + length], positions[at + length]) == (line, place):
            length += 1
        at += length
        if line is None:
            encoded.append(0x80 | 15 << 3 | length - 1)
            continue
        _, last, column, end = place
        is_whole = place[0] == line and last is not None and column is not None and end is not None
        encoded.append(0x80 | (14 if is_whole else 13) << 3 | length - 1)
        delta = line - line_before
        encoded += _number(-delta << 1 | 1 if delta < 0 else delta << 1)
        if is_whole:
            assert last is not None and column is not None and end is not None
            encoded += _number(last - line) + _number(column + 1) + _number(end + 1)
        line_before = line
    return bytes(encoded)


def _number(number: int) -> bytes:
    encoded = bytearray()
    while number >= 64:
        encoded.append(number & 63 | 64)
        number >>= 6
    encoded.append(number)
    return bytes(encoded)
