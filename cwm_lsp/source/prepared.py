"""The text of a call: statements that prepare it, if there are any, and last the expression that makes it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .names import free_names, is_builtin
from .trees import expression_of, tree_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call as it is written: `cart = Cart('ann'); cart.add(item); total(cart)`."""

    before: Sequence[ast.stmt]
    """They run in the module's namespace, as if they stood at its end."""
    expression: ast.expr

    @property
    def text(self) -> str:
        """The call in its normal form, a statement a line. Raises RecursionError, ValueError: it cannot be written."""
        return "\n".join(map(ast.unparse, [*self.before, self.expression]))

    def free_names(self) -> list[str]:
        """The names that it reads, but those that functions and comprehensions in a part of it bind there."""
        parts: list[ast.stmt | ast.expr] = [*self.before, self.expression]
        return list(dict.fromkeys(name for part in parts for name in free_names(part)))

    def text_before(self) -> str:
        """The statements alone, in their normal form."""
        return "\n".join(map(ast.unparse, self.before))


def read_call(text: str) -> Prepared:
    """A call in parts. Raises SyntaxError, ValueError, RecursionError, MemoryError where it does not parse."""
    text = text.strip()
    try:
        return Prepared((), expression_of(text))
    except SyntaxError:
        statements = tree_of(text).body if "\n" in text or ";" in text else []
        match statements:
            case [*before, ast.Expr(value=expression)] if before and not isinstance(expression, ast.Starred):
                return Prepared(before, expression)
            case [*_, last]:
                raise SyntaxError(f"its last statement, '{ast.unparse(last)[:60]}', is no call") from None
        raise


def lines_of_call(text: str) -> list[str]:
    """A call that parses, a line for each statement, its expression last."""
    read = read_call(text) if "\n" in text or ";" in text else None
    if read is None or not read.before:
        return [" ".join(text.split("\n"))]
    return [" ".join(ast.unparse(part).split()) for part in (*read.before, read.expression)]


def one_line(text: str) -> str:
    """A call that parses, on one line for a person to read."""
    return "; ".join(lines_of_call(text))


def is_prepared(text: str) -> bool:
    """Whether a call that parses has statements before it."""
    return bool(("\n" in text or ";" in text) and read_call(text).before)


def imports_apart(call: str, taken: Collection[str] | None) -> tuple[tuple[str, ...], str]:
    """The imports that a call makes inside of its expression as statements of their own, and the call with the names
    that they bind. Where such a name is one of the `taken`, or means something else in the call, all stays in it; so
    it does where anything may be taken (None)."""
    if "__import__" not in call or taken is None:
        return (), call
    mover = _Importing()
    moved = mover.visit(expression_of(call))
    names = list(mover.imports.values())
    if len(set(names)) < len(names) or any(name in taken or is_builtin(name) for name in names):
        return (), call
    if set(names) & set(free_names(expression_of(call))):
        return (), call
    statements = (
        f"from {module} import {name}" if name else f"import {module}" for module, name in sorted(mover.imports)
    )
    return tuple(statements), ast.unparse(moved)


def with_imports(call: str, taken: Collection[str] | None) -> str:
    """A call on one line for a person to read, with what it imports before it."""
    return "; ".join([*imports_apart(call, taken)[0], imports_apart(call, taken)[1]])


class _Importing(ast.NodeTransformer):
    """Takes `__import__('a.b').b.name` for `name`, and `__import__('a').name` of a module of Python's for `a.name`."""

    def __init__(self) -> None:
        self.imports: dict[tuple[str, str], str] = {}
        """(module, name in it, or nothing) → the name that is bound."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        parts, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            parts.insert(0, base.attr)
            base = base.value
        match base:
            case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(value=str(module))], keywords=[]):
                way = module.split(".")[1:]
                name, *rest = parts[len(way) :] or [""]
                if parts[: len(way)] == way and name:
                    bare = module in sys.stdlib_module_names
                    bound = module if bare else name
                    self.imports[module, "" if bare else name] = bound
                    result: ast.expr = ast.Name(bound, ast.Load())
                    for part in [name, *rest] if bare else rest:
                        result = ast.Attribute(result, part, ast.Load())
                    return result
        return ast.Attribute(self.visit(node.value), node.attr, node.ctx)
