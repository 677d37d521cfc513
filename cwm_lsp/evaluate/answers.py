"""What a model's answers mean: reprs of values and exceptions."""

from __future__ import annotations

import ast
import builtins
from typing import Any

from cwm_lsp.evaluate.values import MISSING


def literal(text: str) -> Any:
    """The value of a literal's repr, or `MISSING`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return MISSING


def same_literal(text: str, other: str) -> bool:
    """Whether two reprs differ by the order of sets at most."""
    one, two = literal(text), literal(other)
    return one is not MISSING and type(one) is type(two) and bool(one == two)


def exception_from(text: str) -> BaseException:
    """The exception that a model's repr of it describes; `Exception` where its class is not a builtin one."""
    text = text.strip()
    if text.startswith("(<class "):
        text = text.split(">, ", 1)[-1].rsplit(", <traceback", 1)[0]
    name, _, rest = text.partition("(")
    kind = getattr(builtins, name, None)
    arguments = literal("(" + rest[:-1] + ",)") if rest[:-1].strip() else ()
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        kind = Exception
    error: BaseException = kind(*(arguments if isinstance(arguments, tuple) else ()))
    return error
