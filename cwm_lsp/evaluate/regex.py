"""Regular expressions, only where matching is sure to end soon.

CPython's matcher backtracks: nested repeats take time exponential in the text's length, repeats in a row polynomial.
Both are read off the parsed pattern before a match is tried.
"""

from __future__ import annotations

import functools
import importlib
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.sizes import deepest
from cwm_lsp.evaluate.values import MISSING, Undetermined, Unknown, is_a

if TYPE_CHECKING:
    from cwm_lsp.evaluate.runtime import Runtime

FUNCTIONS: tuple[Any, ...] = (
    re.match, re.search, re.fullmatch, re.sub, re.subn, re.split, re.findall, re.finditer, re.compile,
)  # fmt: skip
METHODS = frozenset({"match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"})
FLAGS_AT: dict[Any, int] = {
    re.compile: 1, re.match: 2, re.search: 2, re.fullmatch: 2, re.findall: 2, re.finditer: 2, re.split: 3, re.sub: 4,
    re.subn: 4,
}  # fmt: skip
"""Where the flags are among the positional arguments."""
MOST_BITS = 24
"""Logarithm of the steps that a match may take."""
SCANNING = 4
"""Logarithm of how much faster it is to run through characters than to go back to a choice."""
DEEPEST = 40
"""Parentheses inside each other in a pattern."""
TRUSTED = 2_000
"""Characters of a text that the library's own patterns may go through."""
OTHER = 128
ASCII = frozenset(range(OTHER))
EVERY = ASCII | {OTHER}
SEPARATORS = frozenset(range(0x1C, 0x20))
"""Space in text, but not in bytes."""
CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda text: text.isalnum() or text == "_",
}
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def parse(pattern: str | bytes, flags: int) -> tuple[Any, Any]:
    """The parsed pattern, and the module that has parsed it."""
    try:
        parser: Any = importlib.import_module("re._parser")
    except ImportError:  # Python 3.10
        parser = importlib.import_module("sre_parse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parser.parse(pattern, flags), parser


@functools.lru_cache(maxsize=500)
def cost(pattern: str | bytes, flags: int, length: int, *, ascii_only: bool = True) -> float:
    """Logarithm of an upper bound of the steps that matching a text of a length takes.

    A repeat multiplies the ways to match unless the next character alone tells whether it goes on: where what may
    follow begins with other characters than its body, going back into it fails at once.
    """
    parsed, _ = parse(pattern, flags)
    fold = bool((flags | parsed.state.flags) & re.IGNORECASE)
    reader = _Reader(length, fold, ASCII if ascii_only else EVERY)
    starts = math.log2(length + 2)
    return starts + max(reader.ways(parsed, frozenset()), starts - SCANNING)


@dataclass(frozen=True)
class _Reader:
    """Reads a parsed pattern."""

    length: int
    fold: bool
    """Upper and lower case are the same."""
    among: frozenset[int]
    """The characters that there are in the text; `OTHER` stands for all those outside of ASCII."""

    def ways(self, items: Any, after: frozenset[int]) -> float:
        """Logarithm of the ways in which a sequence may match, if it is followed by one of `after`."""
        total = 0.0
        follow = after
        for operation, argument in reversed(list(items)):
            name = str(operation)
            if name in REPEATS:
                least, most, body = argument
                most = min(int(most), self.length)
                first, _ = self.first(body)
                total += most * self.ways(body, follow | first if most > 1 else follow)
                if least != most and first & follow:
                    total += math.log2(most + 2)
            elif name == "BRANCH":
                total += max(self.ways(branch, follow) for branch in argument[1])
                begun = [self.first(branch) for branch in argument[1]]
                firsts = [first | follow if nullable else first for first, nullable in begun]
                several = sum(nullable for _, nullable in begun) > 1  # `(a|a)` is parsed as `a` and nothing or nothing
                if several or sum(map(len, firsts)) > len(frozenset[int]().union(*firsts)):
                    total += math.log2(len(firsts))
            else:
                total += sum(self.ways(part, follow) for part in _parts(argument))
            first, nullable = self.first([(operation, argument)])
            follow = first | follow if nullable else first
        return total

    def first(self, items: Any) -> tuple[frozenset[int], bool]:
        """The characters with which a match may begin, and whether it may be empty."""
        found: frozenset[int] = frozenset()
        for operation, argument in items:
            name = str(operation)
            nullable = False
            if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
                first = self.characters(name, argument)
            elif name in REPEATS:
                first, nullable = self.first(argument[2])
                nullable = nullable or not argument[0]
            elif name == "BRANCH":
                branches = [self.first(branch) for branch in argument[1]]
                first = frozenset[int]().union(*(one for one, _ in branches))
                nullable = any(empty for _, empty in branches)
            elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
                first, nullable = self.first(argument if name == "ATOMIC_GROUP" else argument[-1])
            elif name in ("AT", "ASSERT", "ASSERT_NOT"):
                first, nullable = frozenset(), True
            else:
                first, nullable = self.among, True
            found |= first
            if not nullable:
                return found, False
        return found, True

    def characters(self, name: str, argument: Any) -> frozenset[int]:
        """The characters that a part of a pattern for one character matches."""
        if name == "LITERAL":
            text = chr(argument)
            texts = {text, *(text.lower() + text.upper() if self.fold else "")}
            return frozenset(min(ord(one), OTHER) for one in texts) & self.among
        if name == "NOT_LITERAL":
            return self.among - {argument}
        if name == "RANGE":
            low, high = argument
            inside = {one for one in ASCII if low <= one <= high} | ({OTHER} if high >= OTHER else set())
            if self.fold:
                inside |= {min(ord(case), OTHER) for one in inside for case in chr(one).swapcase()}
            return frozenset(inside) & self.among
        if name == "CATEGORY":
            kind = str(argument).rpartition("_")[2]
            if kind not in CATEGORIES:
                return self.among
            inside = {one for one in ASCII if CATEGORIES[kind](chr(one))}
            if "_NOT_" in str(argument):
                return self.among - (inside - SEPARATORS)
            return self.among & (inside | {OTHER})
        if name == "IN":
            parts = [(str(operation), inner) for operation, inner in argument]
            chosen = frozenset[int]().union(*(self.characters(*part) for part in parts if part[0] != "NEGATE"))
            return self.among - (chosen - {OTHER}) if parts[0][0] == "NEGATE" else chosen
        return self.among


def _parts(argument: Any) -> list[Any]:
    """The patterns inside a part of a pattern."""
    if hasattr(argument, "state"):
        return [argument]
    if isinstance(argument, tuple | list):
        return [found for item in argument for found in _parts(item)]
    return []


def of_library(runtime: Runtime) -> bool:
    """Whether it is the library's own code that matches, by patterns made with care."""
    home = runtime.frame.code.home if runtime.frame is not None else None
    return home is not None and home.of_library


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
    texts = [item for item in (args if compiled is not None else args[1:]) if is_a(item, str | bytes)]
    texts += [item for item in kwargs.values() if is_a(item, str | bytes)]
    length = max((len(item) for item in texts), default=0)
    at = FLAGS_AT.get(function, len(args)) if compiled is None else len(args)
    flags = kwargs.get("flags", args[at] if at < len(args) else 0)
    if not is_a(flags, int) or flags & (re.DEBUG | re.LOCALE):
        raise Undetermined
    if is_a(source, re.Pattern):
        pattern, flags = source.pattern, source.flags & ~re.UNICODE
    elif is_a(source, str | bytes):
        pattern = source
    else:
        return function(*args, **kwargs)
    text = pattern if is_a(pattern, str) else pattern.decode("latin-1")
    runtime.allow(len(text) * 20)
    if deepest(text, "(", ")") > DEEPEST or "(?L" in text:
        raise Undetermined
    try:
        steps = cost(pattern, int(flags), length, ascii_only=all(item.isascii() for item in texts))
    except (re.error, OverflowError, RecursionError):
        steps = 0.0
    if function is not re.compile:
        if steps > MOST_BITS and not (length <= TRUSTED and of_library(runtime)):
            raise Undetermined
        runtime.allow(length)
        replacement = next((item for item in (args if compiled is not None else args[1:]) if is_a(item, str)), "")
        if "sub" in getattr(function, "__name__", ""):
            runtime.allow((length + 1) * max(1, len(replacement)) if length * len(replacement) > 10_000 else length)
    return function(*[safe(function, item) for item in args], **kwargs)
