"""A condition on a function's variables, put into its text so that reaching a line tells that it holds.

Only the copy that is evaluated is changed:

    try:
        if CONDITION:
            pass            # the line that tells
    except (Exception, Exception):
        pass                # a name that is not bound yet, say
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from cwm_lsp.errors import UserError
from cwm_lsp.source.functions import Function
from cwm_lsp.source.trees import expression_of, tree_of

RESULT = "result"
"""What a condition calls the value that is returned, if the function has no such variable."""
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def watched(source: str, function: Function, condition: str, line: int | None = None) -> tuple[str, frozenset[int]]:
    """The text of a file with a condition looked at before each statement of a function and at its end, or only before
    those on a line; and the lines of that text that are reached where it holds.

    Raises:
        UserError: the condition is no expression, or there is no such statement.
    """
    try:
        test = expression_of(condition.strip())
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"'{condition}' is no Python expression ({why}); give one, as in 'total > 100'") from None
    tree = tree_of(source)
    node = next(one for one in ast.walk(tree) if isinstance(one, _Function) and one.lineno == function.def_line)
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} | {p.name for p in function.parameters}
    watcher = _Watcher(test, line, RESULT not in names)
    node.body = [*watcher.block(node.body), *watcher.at(None)]
    text = ast.unparse(ast.fix_missing_locations(tree))
    lines = frozenset(
        one.body[0].body[0].lineno
        for one in ast.walk(tree_of(text))
        if isinstance(one, ast.Try) and _is_ours(one) and isinstance(one.body[0], ast.If)
    )
    if not lines:
        raise UserError(f"line {line} has no statement of {function.qualname}; name one of its lines")
    return text, lines


def _is_ours(node: ast.Try) -> bool:
    kind = node.handlers[0].type if node.handlers else None
    return isinstance(kind, ast.Tuple) and [getattr(one, "id", "") for one in kind.elts] == ["Exception"] * 2


class _Watcher:
    def __init__(self, test: ast.expr, line: int | None, result: bool) -> None:
        self._test = test
        self._line = line
        self._result = result

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Statements, each with the condition before it."""
        found: list[ast.stmt] = []
        for index, node in enumerate(statements):
            is_docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not is_docstring:
                found += self.at(node.lineno)
            if isinstance(node, ast.Return) and node.value is not None and self._result:
                name = ast.Name(RESULT, ast.Store())
                found.append(ast.Assign([name], node.value, lineno=node.lineno))
                found += self.at(node.lineno)
                found.append(ast.Return(ast.Name(RESULT, ast.Load())))
                continue
            if not isinstance(node, (*_Function, ast.ClassDef)):
                for field in ("body", "orelse", "finalbody"):
                    inner = getattr(node, field, None)
                    if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
                        setattr(node, field, self.block(inner))
                for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                    part.body = self.block(part.body)
            found.append(node)
        return found

    def at(self, line: int | None) -> list[ast.stmt]:
        """The condition, if it is to be looked at there (None: where the function ends)."""
        if self._line is not None and line != self._line:
            return []
        kind = ast.Tuple([ast.Name("Exception", ast.Load()), ast.Name("Exception", ast.Load())], ast.Load())
        test = ast.If(self._test, [ast.Pass()], [])
        return [ast.Try([test], [ast.ExceptHandler(kind, None, [ast.Pass()])], [], [])]
