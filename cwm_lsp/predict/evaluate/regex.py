"""Regular expressions, only where matching is sure to end soon.

CPython's matcher backtracks: nested repeats take time exponential in the text's length, repeats in a row polynomial.
Both are read off the parsed pattern before a match is tried.
"""

from __future__ import annotations

import functools
import importlib
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cwm_lsp.predict.evaluate.values import MISSING, Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.predict.evaluate.runtime import Runtime

FUNCTIONS: tuple[Any, ...] = (
    re.match, re.search, re.fullmatch, re.sub, re.subn, re.split, re.findall, re.finditer, re.compile,
)  # fmt: skip
METHODS = frozenset({"match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
STEPS = 50_000_000
NESTED_LENGTH = 22
"""Longest text for a pattern with nested repeats: 2**22 steps."""


@functools.lru_cache(maxsize=500)
def shape(pattern: str | bytes, flags: int) -> tuple[int, int]:
    """(depth of nested unbounded repeats, number of unbounded repeats) of a pattern."""
    try:
        parser: Any = importlib.import_module("re._parser")
    except ImportError:  # Python 3.10
        parser = importlib.import_module("sre_parse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _measure(parser.parse(pattern, flags), parser)


def _measure(parsed: Any, parser: Any) -> tuple[int, int]:
    depth = count = 0
    for operation, argument in parsed:
        inner_depth = inner_count = 0
        for item in _subpatterns(argument, parser):
            one, two = _measure(item, parser)
            inner_depth, inner_count = max(inner_depth, one), inner_count + two
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[1] > 10:
            inner_depth += 2 if branches(argument[2], parser) else 1
            inner_count += 1
        depth, count = max(depth, inner_depth), count + inner_count
    return depth, count


def branches(parsed: Any, parser: Any) -> bool:
    """Whether there are alternatives inside, which a repeat would multiply."""
    return any(
        str(operation) == "BRANCH" or any(branches(item, parser) for item in _subpatterns(argument, parser))
        for operation, argument in parsed
    )


def _subpatterns(argument: Any, parser: Any) -> list[Any]:
    if isinstance(argument, parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [found for item in argument for found in _subpatterns(item, parser)]
    return []


def run(
    runtime: Runtime,
    safe: Callable[[Any, Any], Any],
    function: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    compiled: re.Pattern[Any] | None = None,
) -> Any:
    """Call a function of `re` or a method of a pattern within bounds."""
    args = [item.value if type(item) is Unknown and item.value is not MISSING else item for item in args]
    if any(type(item) is Unknown for item in [*args, *kwargs.values()]):
        raise Undetermined
    source: Any = compiled if compiled is not None else (args[0] if args else kwargs.get("pattern"))
    texts = [item for item in (args if compiled is not None else args[1:]) if isinstance(item, str | bytes)]
    texts += [item for item in kwargs.values() if isinstance(item, str | bytes)]
    length = max((len(item) for item in texts), default=0)
    flags = kwargs.get("flags", 0)
    if isinstance(source, re.Pattern):
        depth, count = shape(
            source.pattern, source.flags & ~re.UNICODE if isinstance(source.pattern, bytes) else source.flags
        )
    elif isinstance(source, str | bytes):
        runtime.allow(len(source) * 20)
        try:
            depth, count = shape(source, int(flags) if isinstance(flags, int) else 0)
        except (re.error, OverflowError, RecursionError):
            depth, count = 0, 0
    else:
        return function(*args, **kwargs)
    if function is not re.compile:
        if depth > 1 and length > NESTED_LENGTH:
            raise Undetermined
        if length ** min(count + 1, 4) > STEPS and length > 300:
            raise Undetermined
        runtime.allow(length)
        replacement = next((item for item in (args if compiled is not None else args[1:]) if isinstance(item, str)), "")
        if "sub" in getattr(function, "__name__", ""):
            runtime.allow((length + 1) * max(1, len(replacement)) if length * len(replacement) > 10_000 else length)
    return function(*[safe(function, item) for item in args], **kwargs)
