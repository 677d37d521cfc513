"""The byte code of a text as a graph: where control may go, what raises, which names are bound, where lines begin.

Holds for CPython 3.10 to 3.14. Where their compilers differ, 3.11's result is given: comprehensions have code objects.
"""

from __future__ import annotations

import ast
import dis
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import NamedTuple

from .trees import tree_of

LEAVES = -1
"""Stands for an instruction, where an exception leaves the code object."""

_UNCONDITIONAL = {"JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"}
_SETUPS = {"SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH"}  # until 3.10
_RETURNS = {"RETURN_VALUE", "RETURN_CONST"}
_ITERATES = {"FOR_ITER", "SEND", "YIELD_FROM"}
_BINDS = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST"}
_UNBINDS = {"DELETE_FAST", "DELETE_DEREF", "DELETE_NAME"}
_JUMPS = frozenset((*dis.hasjrel, *dis.hasjabs))
_LOOP_OF_COMPREHENSION = {"FOR_ITER", "END_FOR", "POP_ITER", "JUMP_BACKWARD", "RETURN_CONST", "RETURN_VALUE"}

# What can neither raise nor run Python code. What is not listed may do both: new instructions err on the safe side.
_HARMLESS = (
    _UNCONDITIONAL
    | _SETUPS
    | _RETURNS
    | set(
        """
        NOP RESUME EXTENDED_ARG PUSH_NULL COPY SWAP DUP_TOP DUP_TOP_TWO ROT_TWO ROT_THREE ROT_FOUR ROT_N POP_TOP
        POP_BLOCK POP_EXCEPT POP_ITER PUSH_EXC_INFO NOT_TAKEN KW_NAMES PRECALL MAKE_CELL COPY_FREE_VARS RETURN_GENERATOR
        GEN_START YIELD_VALUE LOAD_CONST LOAD_SMALL_INT LOAD_COMMON_CONSTANT LOAD_ASSERTION_ERROR LOAD_BUILD_CLASS
        LOAD_CLOSURE LOAD_LOCALS LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW
        LOAD_FAST_AND_CLEAR STORE_FAST STORE_DEREF STORE_NAME STORE_GLOBAL STORE_FAST_STORE_FAST STORE_FAST_LOAD_FAST
        SETUP_ANNOTATIONS BUILD_TUPLE BUILD_LIST BUILD_STRING BUILD_SLICE MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE
        LIST_APPEND LIST_TO_TUPLE IS_OP GET_LEN END_FOR END_SEND
        POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE
        POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE
        """.split()  # noqa: SIM905
    )
)
# What may raise, but runs no Python code.
_RUNS_NO_CODE = set(
    """
    LOAD_FAST LOAD_FAST_CHECK LOAD_GLOBAL LOAD_NAME LOAD_DEREF LOAD_CLASSDEREF LOAD_FROM_DICT_OR_GLOBALS RERAISE
    LOAD_FROM_DICT_OR_DEREF DELETE_FAST DELETE_DEREF DELETE_NAME DELETE_GLOBAL CHECK_EXC_MATCH JUMP_IF_NOT_EXC_MATCH
    """.split()  # noqa: SIM905
)


class Effect(NamedTuple):
    """What happens to the names of a scope on the way from one event to another: surely, or on some ways only."""

    binds: frozenset[str] = frozenset()
    may_bind: frozenset[str] = frozenset()
    unbinds: frozenset[str] = frozenset()
    may_unbind: frozenset[str] = frozenset()

    def bind(self, names: Iterable[str]) -> Effect:
        names = frozenset(names)
        return Effect(self.binds | names, self.may_bind | names, self.unbinds - names, self.may_unbind - names)

    def unbind(self, name: str) -> Effect:
        names = frozenset((name,))
        return Effect(self.binds - names, self.may_bind - names, self.unbinds | names, self.may_unbind | names)

    def merge(self, other: Effect) -> Effect:
        """Either of the two happens."""
        return Effect(
            self.binds & other.binds,
            self.may_bind | other.may_bind,
            self.unbinds & other.unbinds,
            self.may_unbind | other.may_unbind,
        )


NO_EFFECT = Effect()


class Seed(NamedTuple):
    """An instruction to go on from."""

    at: int
    previous: int | None = None
    """The instruction that ran before it; None: there is none."""
    effect: Effect = NO_EFFECT
    """What has happened since the last event that listed the locals."""
    fired: bool = False
    """Its `line` event has been."""


class Segment(NamedTuple):
    """All that may happen up to the next event. Instruction → what has happened to the names by then."""

    fires: dict[int, Effect]
    """What a `line` event comes before, the likeliest first."""
    raises: dict[int, Effect]
    """What may raise an exception, and report it."""
    suspends: dict[int, Effect]
    returns: set[str | None]
    """Reprs of what may be returned; None: not a constant."""
    unwinds: bool
    """The code may be left by an exception that has been reported before."""


@dataclass
class LineInfo:
    """What is written on one line of one scope."""

    names: set[str] = field(default_factory=set)
    """Variables and attributes that it reads."""
    codes: set[CodeType] = field(default_factory=set)
    """Code objects that it makes something of."""
    calls: bool = False
    """It calls something: by parentheses, `with`, `raise`."""
    runs_code: bool = False
    """It may run Python code, be it by an operator or an iteration."""


class Graph:
    """The instructions of a code object, by index, and the ways between them."""

    def __init__(self, code: CodeType) -> None:
        instructions = list(dis.get_instructions(code))
        offsets = [instruction.offset for instruction in instructions]
        index_of = {offset: index for index, offset in enumerate(offsets)}
        self.ops = [instruction.opname for instruction in instructions]
        self.arguments = [instruction.argval for instruction in instructions]
        self.lines = _lines(code, offsets)
        if sys.version_info >= (3, 12) and ".0" in code.co_varnames:
            self.lines = [
                code.co_firstlineno if line and op in _LOOP_OF_COMPREHENSION else line
                for op, line in zip(self.ops, self.lines, strict=True)
            ]
        self._targets = [
            index_of.get(instruction.argval) if instruction.opcode in _JUMPS else None for instruction in instructions
        ]
        if sys.version_info >= (3, 11):
            self._handlers = _handlers(code.co_exceptiontable, offsets, index_of)
            columns = [
                instruction.positions.col_offset if instruction.positions else None for instruction in instructions
            ]
            self._suspends = [
                op == "YIELD_VALUE" and not _marked(column) for op, column in zip(self.ops, columns, strict=True)
            ]
        else:
            self._handlers = _block_handlers(self.ops, self._targets)
            self._suspends = [op in ("YIELD_VALUE", "YIELD_FROM") for op in self.ops]
        deleted = {name for op, name in zip(self.ops, self.arguments, strict=True) if op in _UNBINDS}
        sure = code.co_varnames if sys.version_info >= (3, 12) else set(parameters(code)) - deleted
        self._raises = [
            op not in _HARMLESS and not (op == "LOAD_FAST" and name in sure)
            for op, name in zip(self.ops, self.arguments, strict=True)
        ]
        self.entry = Seed(self.ops.index("RESUME") + 1 if "RESUME" in self.ops else 0)

    @cached_property
    def line_info(self) -> dict[int, LineInfo]:
        table: dict[int, LineInfo] = {}
        for op, line, argument, raises in zip(self.ops, self.lines, self.arguments, self._raises, strict=True):
            if line is None:
                continue
            info = table.setdefault(line, LineInfo())
            if isinstance(argument, CodeType):
                info.codes.add(argument)
            elif op.startswith("LOAD_") and op != "LOAD_CONST":
                info.names.update(map(str, argument) if isinstance(argument, tuple) else (str(argument),))
            info.calls |= op.startswith(
                ("CALL", "BEFORE_", "SETUP_WITH", "SETUP_ASYNC", "WITH_", "RAISE_", "LOAD_SPECIAL")
            )
            info.runs_code |= raises and op not in _RUNS_NO_CODE
        return table

    def resumption(self, index: int, effect: Effect) -> Seed:
        """Where to go on from, once what `index` suspended is resumed."""
        return Seed(index if self.ops[index] == "YIELD_FROM" else index + 1, index, effect)

    def handlers(self, segment: Segment) -> Iterator[Seed]:
        """Where control may be, once an exception of `segment` has been reported."""
        for index, effect in segment.raises.items():
            yield Seed(self._handlers[index], index, effect)
            if self.ops[index] in _ITERATES:  # a StopIteration is reported, too, before it ends the loop
                target = self._targets[index]
                yield Seed(index + 1 if target is None else target, index, effect)

    def walk(self, seeds: Iterable[Seed], *, may_throw: bool) -> Segment:
        """All that may happen from `seeds` on. `may_throw`: an exception may be thrown in at them."""
        fires: dict[int, Effect] = {}
        raises: dict[int, Effect] = {}
        suspends: dict[int, Effect] = {}
        running: dict[int, Effect] = {}
        returns: set[str | None] = set()
        unwinds = False
        todo = sorted(seeds, key=lambda seed: -seed.at)
        if may_throw:
            for seed in todo:
                _learn(raises, seed.at if seed.previous is None else seed.previous, seed.effect)
        while todo:
            index, previous, effect, fired = todo.pop()
            if index == LEAVES:
                unwinds = True
                continue
            if not fired and self._fires(index, previous):
                _learn(fires, index, effect)
                continue
            if not _learn(running, index, effect):
                continue
            op, effect = self.ops[index], running[index]
            if self._raises[index]:
                _learn(raises, index, effect)
            if op in _RETURNS:
                returns.add(self._constant(index))
                continue
            if self._suspends[index]:
                _learn(suspends, index, effect)
                if op == "YIELD_VALUE":
                    continue
            if self._reraises(index):
                todo.append(Seed(self._handlers[index], index, effect))
                if self.arguments[index]:  # goes on as from where the exception was raised, on some other line
                    todo.append(Seed(self._handlers[index], None, effect))
            effect = self._apply(index, effect)
            todo.extend(Seed(successor, index, effect) for successor in self._successors(index))
        return Segment(fires, raises, suspends, returns, unwinds)

    def _fires(self, index: int, previous: int | None) -> bool:
        """The rule of CPython's `maybe_call_line_trace`."""
        line = self.lines[index]
        if line is None:
            return False
        if previous is None or self.lines[previous] != line:
            return True
        return index < previous and self.ops[index] != "SEND"

    def _reraises(self, index: int) -> bool:
        op = self.ops[index]
        return op in ("RERAISE", "END_ASYNC_FOR", "CLEANUP_THROW") or (
            op == "RAISE_VARARGS" and self.arguments[index] == 0
        )

    def _constant(self, index: int) -> str | None:
        """Repr of what a return gives, if that is a constant."""
        if self.ops[index] == "RETURN_CONST":
            return repr(self.arguments[index])
        is_constant = index > 0 and self.ops[index - 1] == "LOAD_CONST" and index not in self._targets
        return repr(self.arguments[index - 1]) if is_constant else None

    def _successors(self, index: int) -> Iterator[int]:
        """The likeliest last: loop bodies, then branches in the order in which they are written."""
        op, target = self.ops[index], self._targets[index]
        goes_on = op not in _UNCONDITIONAL and op not in ("RERAISE", "RAISE_VARARGS") and index + 1 < len(self.ops)
        jumps = target is not None and op not in _SETUPS
        if goes_on and jumps and target is not None and target <= index:
            yield index + 1
            yield target
            return
        if jumps and target is not None:
            yield target
        if goes_on:
            yield index + 1

    def _apply(self, index: int, effect: Effect) -> Effect:
        op, argument = self.ops[index], self.arguments[index]
        if op == "STORE_FAST_LOAD_FAST":
            return effect.bind(argument[:1])
        if op in _BINDS:
            return effect.bind(argument if isinstance(argument, tuple) else (argument,))
        return effect.unbind(argument) if op in _UNBINDS else effect


def _learn(table: dict[int, Effect], index: int, effect: Effect) -> bool:
    """Merges `effect` into what `table` knows of `index`; whether that is news."""
    old = table.get(index)
    new = effect if old is None else old.merge(effect)
    table[index] = new
    return new != old


def parameters(code: CodeType) -> tuple[str, ...]:
    """Names that are bound by a call, in the order of `f_locals`."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # CO_VARARGS, CO_VARKEYWORDS
    return code.co_varnames[:count]


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Code objects made directly by `code`, in the order of its constants."""
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def rebound_outside(code: CodeType) -> set[str]:
    """Names of enclosing scopes that `code`, or what is inside it, binds or unbinds."""
    names = {
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF")
    }
    for inner in inner_codes(code):
        names |= rebound_outside(inner)
    return names & set(code.co_freevars)


def _lines(code: CodeType, offsets: list[int]) -> list[int | None]:
    ranges = code.co_lines()
    _, end, line = next(ranges, (0, 0, None))
    lines: list[int | None] = []
    for offset in offsets:
        while offset >= end:
            _, end, line = next(ranges, (0, sys.maxsize, None))
        lines.append(line)
    return lines


def _handlers(table: bytes, offsets: list[int], index_of: dict[int, int]) -> list[int]:
    """Where an exception of each instruction goes. Format: CPython's Objects/exception_handling_notes.txt."""
    numbers: list[int] = []
    continued = False
    for byte in table:
        if continued:
            numbers[-1] = numbers[-1] << 6 | byte & 0x3F
        else:
            numbers.append(byte & 0x3F)
        continued = bool(byte & 0x40)
    handlers = [LEAVES] * len(offsets)
    for start, length, target in zip(numbers[::4], numbers[1::4], numbers[2::4], strict=True):
        for index, offset in enumerate(offsets):
            if start * 2 <= offset < (start + length) * 2:
                handlers[index] = index_of[target * 2]
    return handlers


def _block_handlers(ops: list[str], targets: list[int | None]) -> list[int]:
    """The same for 3.10, which keeps a stack of blocks: handlers, and None for an exception that is being handled."""
    handlers = [LEAVES] * len(ops)
    seen: set[int] = set()
    todo: list[tuple[int, tuple[int | None, ...]]] = [(0, ())]
    while todo:
        index, blocks = todo.pop()
        if index in seen or index >= len(ops):
            continue
        seen.add(index)
        op, target = ops[index], targets[index]
        depth = next((depth for depth in reversed(range(len(blocks))) if blocks[depth] is not None), None)
        if depth is not None:
            handler = blocks[depth]
            assert handler is not None
            handlers[index] = handler
        if op in _SETUPS and target is not None:
            todo.append((target, (*blocks, None)))
            todo.append((index + 1, (*blocks, target)))
            continue
        if op in ("POP_BLOCK", "POP_EXCEPT", "END_ASYNC_FOR"):
            blocks = blocks[:-1]
        if target is not None:
            todo.append((target, blocks))
        if op not in _UNCONDITIONAL and op not in _RETURNS and op not in ("RERAISE", "RAISE_VARARGS"):
            todo.append((index + 1, blocks))
    return handlers


_compiling = threading.Lock()
_MARK = 1_000_000
_COMPREHENSIONS = {ast.ListComp: "<listcomp>", ast.SetComp: "<setcomp>", ast.DictComp: "<dictcomp>"}
_NAMES = ("<genexpr>", *_COMPREHENSIONS.values())


def parse(source: str) -> tuple[ast.Module, CodeType] | None:
    """Syntax tree and code of a text; None where it has neither. Nothing of it is run."""
    source = source.removeprefix("\ufeff")
    with _compiling, warnings.catch_warnings():  # the filters belong to the process
        warnings.simplefilter("ignore")
        try:
            tree = tree_of(source)
            code_tree = tree_of(source)
            if sys.version_info >= (3, 12):
                code_tree = ast.fix_missing_locations(_KeepScopes().visit(code_tree))
            return tree, compile(code_tree, "<source>", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None


class _KeepScopes(ast.NodeTransformer):
    """Makes generator expressions of comprehensions, which have a code object whatever the version.

    Their elements are told by a column that no text has: `_MARK` times the index of what they were in `_NAMES`.
    """

    def _generator(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> ast.expr:
        self.generic_visit(node)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        element = ast.copy_location(ast.Tuple(parts, ast.Load()), node)
        element.end_lineno = node.lineno
        element.col_offset = element.end_col_offset = _MARK * _NAMES.index(_COMPREHENSIONS[type(node)])
        generator = ast.copy_location(ast.GeneratorExp(element, node.generators), node)
        awaits = any(part.is_async for part in node.generators) or any(
            isinstance(inner, ast.Await) for part in parts for inner in ast.walk(part)
        )
        return ast.copy_location(ast.Await(generator), node) if awaits else generator

    visit_ListComp = visit_SetComp = visit_DictComp = _generator  # noqa: N815


def _marked(column: int | None) -> bool:
    return column is not None and column >= _MARK


def scope_name(code: CodeType) -> str:
    """`co_name` as 3.11 has it."""
    if code.co_name == "<genexpr>" and sys.version_info >= (3, 12):
        columns = (column for *_, column, _ in code.co_positions() if _marked(column))
        return _NAMES[next(columns, 0) // _MARK]
    return code.co_name
