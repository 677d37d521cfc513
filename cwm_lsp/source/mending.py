"""A file that does not parse, made to: what is wrong in one function shall be no trouble of the others."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Sequence

from .names import bound_names
from .recovery import Parsed, parse, split_lines

_NAME = re.compile(r"[^\W\d]\w*")
NOWHERE = "_what_does_not_parse"
"""A module that there is not: nothing is known of what comes from it."""


def mended(source: str) -> str:
    """The text without what does not parse; all else is at its line. Names that may be bound in what is left out are
    there, and nothing is known of their values. A text that parses, or cannot be mended, is given back as it is."""
    parsed = parse(source)
    if parsed.error is None:
        return source
    lines = split_lines(source)
    whole = _whole_statements(lines, parsed)
    for kept in (_without_functions(lines, parsed, whole), _without_statements(lines, parsed, whole)):
        text = "\n".join(kept)
        if parse(text).error is None:
            return text
    return source


def _whole_statements(lines: Sequence[str], parsed: Parsed) -> set[int]:
    """Indices of the lines of statements of the module that parse."""
    found: set[int] = set()
    for fragment in parsed.fragments:
        for node in fragment.body if not fragment.scopes else ():
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]) + fragment.offset
            found.update(range(first - 1, (node.end_lineno or node.lineno) + fragment.offset))
    return found


def _without_functions(lines: Sequence[str], parsed: Parsed, whole: Collection[int]) -> list[str]:
    """Only the functions that do not parse are left out, as far as they are indented."""
    kept = list(lines)
    for broken in parsed.broken:
        header = re.compile(rf"\s*(?:async\s+)?def\s+{re.escape(broken.name)}\b")
        at = next((at for at, line in enumerate(kept) if at not in whole and header.match(line)), None)
        if at is None:
            continue
        margin = _margin(kept[at])
        first = at
        while first and kept[first - 1].strip().startswith("@") and _margin(kept[first - 1]) == margin:
            first -= 1
        last = next((end for end in range(at + 1, len(kept)) if _ends(kept[end], margin)), len(kept))
        kept[first:last] = [" " * margin + f"from {NOWHERE} import {broken.name}", *[""] * (last - first - 1)]
    return kept


def _ends(line: str, margin: int) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#") and _margin(line) <= margin


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())


def _without_statements(lines: Sequence[str], parsed: Parsed, whole: Collection[int]) -> list[str]:
    """Only the statements of the module that parse are left."""
    kept = [line if at in whole else "" for at, line in enumerate(lines)]
    gone = {name for at, line in enumerate(lines) if at not in whole for name in _NAME.findall(line)}
    bound = bound_names([node for fragment in parsed.fragments if not fragment.scopes for node in fragment.body])
    unknown = gone - {*keyword.kwlist, *dir(builtins), *(bound or ())}
    empty = next((at for at, line in enumerate(lines) if at not in whole and line.strip()), None)
    if unknown and empty is not None:
        kept[empty] = f"from {NOWHERE} import {', '.join(sorted(unknown))}"
    return kept
