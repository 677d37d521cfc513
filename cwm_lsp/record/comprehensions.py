"""Comprehensions as functions of their own, as up to Python 3.11, on the newer Pythons that inline them.

Standard library only: runs inside the debuggee. A trace has comprehensions as scopes of their own; Python 3.12 and newer
compile list, set and dict comprehensions into the code around them, where no debugger sees their scope. So a traced
file's comprehensions are compiled as `(lambda .0: [... for x in .0])(iter(xs))`, which is what 3.11 makes of them, and
the lambdas' code objects get the names that 3.11 gives. Where that would change a meaning (an assignment expression,
`await`, `super()`, `locals()` and the like inside), a comprehension stays inlined.
"""

from __future__ import annotations

import ast
import builtins
import dis
import sys
import types
from typing import Dict, List, Tuple, Union

INLINED = sys.version_info >= (3, 12)
_ITER = ".iter"
_KEEP_NAMES = frozenset({"super", "__class__", "locals", "vars", "dir", "eval", "exec", "_getframe"})
_NAMES = {ast.ListComp: "<listcomp>", ast.SetComp: "<setcomp>", ast.DictComp: "<dictcomp>"}
_Comprehension = Union[ast.ListComp, ast.SetComp, ast.DictComp]


def compile_module(source: Union[str, bytes], path: str) -> types.CodeType:
    """The module's code, its comprehensions functions of their own."""
    if not INLINED:
        return compile(source, path, "exec", dont_inherit=True)
    tree = ast.parse(source, path)
    outliner = _Outliner()
    outliner.visit(tree)
    code = compile(tree, path, "exec", dont_inherit=True)
    if not outliner.found:
        return code
    setattr(builtins, _ITER, iter)
    return _renamed(code, outliner.found)


class _Outliner(ast.NodeTransformer):
    def __init__(self) -> None:
        self.found: Dict[Tuple[int, int], str] = {}

    def _outline(self, node: _Comprehension) -> ast.expr:
        keep = _stays_inlined(node)
        self.generic_visit(node)
        if keep:
            return node
        first = node.generators[0]
        iterable = first.iter
        first.iter = _at(ast.Name(".0", ast.Load()), node)
        parameters = ast.arguments([], [_at(ast.arg(".0"), node)], None, [], [], None, [])
        function = _at(ast.Lambda(parameters, node), node)
        iterator = _at(ast.Call(_at(ast.Name(_ITER, ast.Load()), iterable), [iterable], []), iterable)
        self.found[(node.lineno, node.col_offset)] = _NAMES[type(node)]
        return _at(ast.Call(function, [iterator], []), node)

    visit_ListComp = visit_SetComp = visit_DictComp = _outline  # noqa: N815


def _at(node, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return ast.copy_location(node, place)


def _stays_inlined(node: _Comprehension) -> bool:
    for part in ast.walk(node):
        if isinstance(part, (ast.NamedExpr, ast.Await)) or (isinstance(part, ast.comprehension) and part.is_async):
            return True
        name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else None
        if name in _KEEP_NAMES:
            return True
    return False


def _renamed(code: types.CodeType, found: Dict[Tuple[int, int], str]) -> types.CodeType:
    constants: List[object] = [
        _renamed(constant, found) if isinstance(constant, types.CodeType) else constant for constant in code.co_consts
    ]
    changes: Dict[str, object] = {"co_consts": tuple(constants)}
    if code.co_name == "<lambda>" and code.co_varnames[:1] == (".0",):
        position = next((p for p in code.co_positions() if p[0] is not None and p[2] is not None), None)
        line = code.co_firstlineno
        name = found.get((line, position[2])) if position else None
        if name is None:
            name = next(name for place, name in found.items() if place[0] == line)
        changes["co_name"] = name
        changes["co_qualname"] = code.co_qualname.rpartition("<lambda>")[0] + name
        changes["co_code"] = _without_second_iter(code)
    return code.replace(**changes)  # type: ignore[arg-type]


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
