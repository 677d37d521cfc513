"""Comprehensions as functions of their own, as up to Python 3.11, on the newer Pythons that inline them.

Standard library only: runs inside the debuggee. A trace has comprehensions as scopes of their own; Python 3.12 and
newer compile list, set and dict comprehensions into the code around them, where no debugger sees their scope. A
generator expression is still compiled as a function, and called, as 3.11 does with all of them. So a traced file's
comprehensions are compiled as generator expressions, and these functions made to gather what they would yield
(`gathering`); they get the names that 3.11 gives, and its lines. Where a comprehension's meaning depends on its being
inlined (`super()`, `locals()` and the like inside), it stays so.
"""

# ruff: noqa: B905  also for Pythons without `strict` and `pairwise`
from __future__ import annotations

import ast
import dis
import inspect
import sys
import types
from typing import TYPE_CHECKING

if "." in __name__:
    from . import gathering, lines, reach
else:  # run by path, inside a debuggee that need not have the package
    import gathering  # type: ignore[no-redef, import-not-found]
    import lines  # type: ignore[no-redef, import-not-found]
    import reach  # type: ignore[no-redef, import-not-found]

INLINED = sys.version_info >= (3, 12)
_KEEP_NAMES = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe"})
_LOOP = frozenset(
    {"FOR_ITER", "END_FOR", "POP_ITER", "JUMP_BACKWARD", "LIST_APPEND", "SET_ADD", "MAP_ADD", "YIELD_VALUE"}
)
_AFTER = frozenset({("YIELD_VALUE", "RESUME"), ("RESUME", "POP_TOP")})
_OUTSIDE_TRY = 4
"""The bit of RESUME's argument that lets 3.13 and newer drop a suspended generator without running it to its end."""
_JUMPED_OVER = frozenset({("END_FOR", "POP_TOP"), ("END_FOR", "POP_ITER")})
_COMPARE = frozenset({"COMPARE_OP", "IS_OP", "CONTAINS_OP"})
_MARK = 1 << 24
"""Comprehensions are told apart by line numbers from here on, which no file has."""
if TYPE_CHECKING:
    from collections.abc import Mapping

    _Comprehension = ast.ListComp | ast.SetComp | ast.DictComp


def compile_module(source: str | bytes, path: str) -> types.CodeType:
    """The module's code, its comprehensions functions of their own."""
    if not INLINED:
        return compile(source, path, "exec", dont_inherit=True)
    tree = ast.parse(source, path)
    moves = lines.Moves(tree)
    lines.before_compiling(tree)
    outliner = _Outliner()
    outliner.visit(tree)
    return _as_up_to_311(compile(tree, path, "exec", dont_inherit=True), moves, outliner.found)


class _Outliner(ast.NodeTransformer):
    """Makes generator expressions of comprehensions, and marks them by their line."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[_Comprehension, lines.Position]] = {}

    def _outline(self, node: _Comprehension) -> ast.expr:
        keep = _stays_inlined(node)
        self.generic_visit(node)
        if keep:
            return node
        # Not a tuple: of constants, that would be one.
        element = (
            _at(ast.List([node.key, node.value], ast.Load()), node) if isinstance(node, ast.DictComp) else node.elt
        )
        inner = _at(ast.GeneratorExp(element, node.generators), node)
        mark = _MARK + len(self.found)
        self.found[mark] = node, (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
        inner.lineno = inner.end_lineno = mark
        inner.end_col_offset = inner.col_offset
        return _at(ast.Await(inner), node) if _waits(inner) else inner

    visit_ListComp = visit_SetComp = visit_DictComp = _outline  # noqa: N815


def _at(node: lines.Located, place: ast.AST) -> lines.Located:
    return ast.copy_location(node, place)


def _waits(node: ast.GeneratorExp) -> bool:
    """Whether the function that a comprehension is made has to be awaited."""
    own: list[ast.AST] = [node.elt, *node.generators[0].ifs, *node.generators[1:]]
    if any(comprehension.is_async for comprehension in node.generators):
        return True
    while own:
        part = own.pop()
        if isinstance(part, ast.Await) or (isinstance(part, ast.comprehension) and part.is_async):
            return True
        if isinstance(part, ast.GeneratorExp):
            own.append(part.generators[0].iter)
        elif not isinstance(part, ast.Lambda):
            own += ast.iter_child_nodes(part)
    return False


def _stays_inlined(node: _Comprehension) -> bool:
    explicit = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and part.args:
            explicit.add(part.func)  # `super(Class, self)` means the same anywhere
        name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else None
        if name in _KEEP_NAMES or (name == "super" and part not in explicit):
            return True
    return False


def _as_up_to_311(
    code: types.CodeType, moves: lines.Moves, found: Mapping[int, tuple[_Comprehension, lines.Position]]
) -> types.CodeType:
    """The code, and all that is in it, with 3.11's lines and names of comprehensions."""
    constants: list[object] = [
        _as_up_to_311(constant, moves, found) if isinstance(constant, types.CodeType) else constant
        for constant in code.co_consts
    ]
    code = code.replace(co_consts=tuple(constants))
    node = None
    if code.co_firstlineno in found:
        node, _ = found[code.co_firstlineno]
        around: str = code.co_qualname[: -len(code.co_name)]  # type: ignore[attr-defined, unused-ignore]  # since 3.11
        code = gathering.gather(_named_from(code, f"{around}{code.co_name}.", around), node)
    elif code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        code = code.replace(co_code=_closed_by_exception(code))
    compiled: list[lines.Position] = list(code.co_positions())  # type: ignore[attr-defined, unused-ignore]
    positions = [found[place[0] or 0][1] if place[0] in found else place for place in compiled]
    before = lines.lines_of(code, positions, moves)
    if node is not None or code.co_name == "<genexpr>":
        before = _as_before(code, before)
    if before != [place[0] for place in compiled]:
        code = code.replace(co_linetable=lines.table(positions, before, code.co_firstlineno))
    passed = lines.passed(code, positions, moves) if moves.callees else None
    if passed:
        reach.passes[id(code)] = code, passed
    return code


def _named_from(code: types.CodeType, inside: str, around: str) -> types.CodeType:
    """The code, with the names that what is in it has where no comprehension is a scope."""
    constants: list[object] = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            constant = _named_from(constant, inside, around)
            name: str = constant.co_qualname  # type: ignore[attr-defined, unused-ignore]
            if name.startswith(inside):
                changes: dict[str, str] = {"co_qualname": around + name[len(inside) :]}
                constant = constant.replace(**changes)  # type: ignore[arg-type, unused-ignore]
        constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def _closed_by_exception(code: types.CodeType) -> bytes:
    """A generator that is dropped gets its `GeneratorExit`, as before 3.13: those are events of the trace."""
    raw = bytearray(code.co_code)
    for instruction in dis.get_instructions(code):
        if instruction.opname == "RESUME" and instruction.arg is not None and instruction.arg & 3:
            raw[instruction.offset + 1] &= ~_OUTSIDE_TRY
    return bytes(raw)


def _as_before(code: types.CodeType, compiled: lines.Lines) -> lines.Lines:
    """The line of each code unit of a comprehension, as 3.11 has it.

    What steps the loop is on the comprehension's first line there, or on the last comparison's among its conditions.
    """
    own = code.co_firstlineno
    result = list(compiled)
    instructions = [i for i in dis.get_instructions(code) if i.opname != "NOT_TAKEN"]  # part of the jump before
    steps = {
        instruction.offset
        for instruction, after in zip(instructions, [*instructions[1:], instructions[-1]])
        if instruction.opname in _LOOP or (instruction.opname, after.opname) == ("GET_ITER", "FOR_ITER")
    }
    exhausted = max((i.offset for i in instructions if i.opname == "END_FOR"), default=-1)
    if exhausted < 0:  # `async for`: left as it is
        return result
    returns = (i.offset for i in instructions if i.offset > exhausted and i.opname.startswith("RETURN_"))
    left = next(returns, exhausted)
    before = ""
    for number, (instruction, following) in enumerate(zip(instructions, [*instructions[1:], instructions[-1]])):
        name = instruction.opname
        condition = name.startswith("POP_JUMP_IF") and bool({instruction.argval, following.offset} & steps)
        if condition and (before in _COMPARE or name.endswith("_NONE")):
            own = result[instruction.offset // 2 - 1] or own
        if instruction.offset == exhausted and code.co_name == "<genexpr>":
            own = code.co_firstlineno
        if (name, following.opname) in _JUMPED_OVER or (before, name) == ("END_FOR", "POP_TOP"):
            result[instruction.offset // 2] = own + 1  # jumped over: what follows shall begin a line
        elif instruction.offset > left:
            result[instruction.offset // 2] = None  # puts things right after an exception
        elif (
            instruction.offset in steps
            or condition
            or instruction.offset > exhausted
            or (before, name) in _AFTER
            or (name == "NOP" and result[instruction.offset // 2 - 1] == own)
        ):
            start = instruction.offset // 2
            if before == "TO_BOOL":
                start = instructions[number - 1].offset // 2
            for at in range(start, following.offset // 2):
                result[at] = own
        before = name
    return result
