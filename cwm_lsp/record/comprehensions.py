"""Comprehensions as functions of their own, as up to Python 3.11, on the newer Pythons that inline them.

Standard library only: runs inside the debuggee. A trace has comprehensions as scopes of their own; Python 3.12 and
newer compile list, set and dict comprehensions into the code around them, where no debugger sees their scope. So a
traced file's are compiled as `(lambda .0: [... for x in .0])(iter(xs))`, which is what 3.11 makes of them, and
the lambdas' code objects get the names that 3.11 gives, and its lines for the steps of the loop. Where that would
change a meaning (an assignment expression, `await`, `super()`, `locals()` and the like inside), a comprehension stays
inlined.
"""

# ruff: noqa: B905, RUF007  also for Pythons without `strict` and `pairwise`
from __future__ import annotations

import ast
import builtins
import dis
import inspect
import sys
import types
from typing import TYPE_CHECKING, TypeVar

if "." in __name__:
    from . import lines
else:  # run by path, inside a debuggee that need not have the package
    import lines  # type: ignore[no-redef, import-not-found]

INLINED = sys.version_info >= (3, 12)
_ITER = ".iter"
_KEEP_NAMES = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe"})
_NAMES = {"LIST_APPEND": "<listcomp>", "SET_ADD": "<setcomp>", "MAP_ADD": "<dictcomp>"}
_LOOP = frozenset(
    {"GET_ITER", "FOR_ITER", "END_FOR", "POP_ITER", "JUMP_BACKWARD", "LIST_APPEND", "SET_ADD", "MAP_ADD", "YIELD_VALUE"}
)
_AFTER = frozenset({("YIELD_VALUE", "RESUME"), ("RESUME", "POP_TOP")})
_OUTSIDE_TRY = 4
"""The bit of RESUME's argument that lets 3.13 and newer drop a suspended generator without running it to its end."""
_JUMPED_OVER = frozenset({("END_FOR", "POP_TOP"), ("END_FOR", "POP_ITER")})
_COMPARE = frozenset({"COMPARE_OP", "IS_OP", "CONTAINS_OP"})
if TYPE_CHECKING:
    _Comprehension = ast.ListComp | ast.SetComp | ast.DictComp
    _Located = TypeVar("_Located", bound=ast.AST)


def compile_module(source: str | bytes, path: str) -> types.CodeType:
    """The module's code, its comprehensions functions of their own."""
    if not INLINED:
        return compile(source, path, "exec", dont_inherit=True)
    tree = ast.parse(source, path)
    moves = lines.moves_in(tree)
    lines.before_compiling(tree)
    _Outliner().visit(tree)
    setattr(builtins, _ITER, iter)
    return _as_up_to_311(compile(tree, path, "exec", dont_inherit=True), moves)


class _Outliner(ast.NodeTransformer):
    def _outline(self, node: _Comprehension) -> ast.expr:
        keep = _stays_inlined(node)
        self.generic_visit(node)
        if keep:
            return node
        first = node.generators[0]
        iterable = _folded(first.iter)
        first.iter = _at(ast.Name(".0", ast.Load()), node)
        parameters = ast.arguments([], [_at(ast.arg(".0"), node)], None, [], [], None, [])
        function = _at(ast.Lambda(parameters, node), node)
        iterator = _at(ast.Call(_at(ast.Name(_ITER, ast.Load()), node), [iterable], []), node)
        return _at(ast.Call(function, [iterator], []), node)

    visit_ListComp = visit_SetComp = visit_DictComp = _outline  # noqa: N815


def _at(node: _Located, place: ast.AST) -> _Located:
    return ast.copy_location(node, place)


def _folded(iterable: ast.expr) -> ast.expr:
    """What the compiler makes of a literal list or set that is only iterated over."""
    if isinstance(iterable, ast.List) and not any(isinstance(item, ast.Starred) for item in iterable.elts):
        return _at(ast.Tuple(iterable.elts, ast.Load()), iterable)
    if isinstance(iterable, ast.Set) and all(isinstance(item, ast.Constant) for item in iterable.elts):
        members = frozenset(item.value for item in iterable.elts if isinstance(item, ast.Constant))
        return _at(ast.Constant(members), iterable)  # type: ignore[arg-type]  # what the compiler does itself
    return iterable


def _stays_inlined(node: _Comprehension) -> bool:
    explicit = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and part.args:
            explicit.add(part.func)  # `super(Class, self)` means the same anywhere
        if isinstance(part, (ast.NamedExpr, ast.Await)) or (isinstance(part, ast.comprehension) and part.is_async):
            return True
        name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else None
        if name in _KEEP_NAMES or (name == "super" and part not in explicit):
            return True
    return False


def _as_up_to_311(code: types.CodeType, moves: lines.Moves) -> types.CodeType:
    """The code, and all that is in it, with 3.11's lines and names of comprehensions."""
    constants: list[object] = [
        _as_up_to_311(constant, moves) if isinstance(constant, types.CodeType) else constant
        for constant in code.co_consts
    ]
    changes: dict[str, object] = {"co_consts": tuple(constants)}
    compiled = [position[0] for position in code.co_positions()]  # type: ignore[attr-defined, unused-ignore]
    before = lines.lines_of(code, moves)
    if code.co_name == "<genexpr>":
        before = _as_before(code, before)
        changes["co_code"] = _closed_by_exception(code)
    elif code.co_name == "<lambda>" and code.co_varnames[:1] == (".0",):
        name = _name(code)
        qualified: str = code.co_qualname  # type: ignore[attr-defined, unused-ignore]  # since 3.11
        changes["co_name"] = name
        changes["co_qualname"] = qualified[: -len("<lambda>")] + name
        changes["co_code"] = _without_second_iter(code)
        before = _as_before(code, before)
    elif code.co_flags & inspect.CO_GENERATOR:
        changes["co_code"] = _closed_by_exception(code)
    if before != compiled:
        changes["co_linetable"] = lines.table(before, code.co_firstlineno)
    return code.replace(**changes)  # type: ignore[arg-type]


def _name(code: types.CodeType) -> str:
    """`<listcomp>`, `<setcomp>` or `<dictcomp>`, by what the loop does last with each item."""
    operations = [instruction.opname for instruction in dis.get_instructions(code)]
    last = (before for before, name in zip(operations, operations[1:]) if name == "JUMP_BACKWARD" and before in _NAMES)
    return _NAMES[next(last, "LIST_APPEND")]


def _without_second_iter(code: types.CodeType) -> bytes:
    """`.0` is an iterator already: asking it for one again would call a user's `__iter__` twice."""
    raw = bytearray(code.co_code)
    loaded = False
    for instruction in dis.get_instructions(code):
        if instruction.opname == "GET_ITER" and loaded:
            raw[instruction.offset] = dis.opmap["NOP"]
            raw[instruction.offset + 1] = 0
            break
        if instruction.argval == ".0":
            loaded = True
    return bytes(raw)


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
    steps = {instruction.offset for instruction in instructions if instruction.opname in _LOOP}
    exhausted = max((i.offset for i in instructions if i.opname == "END_FOR"), default=-1)
    if exhausted < 0:  # `async for`: left as it is
        return result
    returns = (i.offset for i in instructions if i.offset > exhausted and i.opname.startswith("RETURN_"))
    left = next(returns, exhausted)
    before = ""
    for number, (instruction, following) in enumerate(zip(instructions, [*instructions[1:], instructions[-1]])):
        name = instruction.opname
        condition = name.startswith("POP_JUMP_IF") and bool({instruction.argval, following.offset} & steps)
        if condition and before in _COMPARE:
            own = result[instruction.offset // 2 - 1] or own
        if instruction.offset == exhausted and code.co_name == "<genexpr>":
            own = code.co_firstlineno
        if (name, following.opname) in _JUMPED_OVER or (before, name) == ("END_FOR", "POP_TOP"):
            result[instruction.offset // 2] = own + 1  # jumped over: what follows shall begin a line
        elif instruction.offset > left:
            result[instruction.offset // 2] = None  # puts things right after an exception
        elif instruction.offset in steps or condition or instruction.offset > exhausted or (before, name) in _AFTER:
            start = instruction.offset // 2
            if before == "TO_BOOL":
                start = instructions[number - 1].offset // 2
            for at in range(start, following.offset // 2):
                result[at] = own
        before = name
    return result
