"""The text of a call: statements that prepare it, if there are any, and last the expression that makes it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from .names import free_names
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
