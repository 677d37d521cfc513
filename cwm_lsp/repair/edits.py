"""One expression written otherwise, as an edit of its function."""

from __future__ import annotations

import ast
import re

from cwm_lsp.repair.text import Change, Edit, FunctionText

ARGUMENTS = 4
"""Arguments of a call that are looked at together."""
LONG = 60
"""Characters of a piece of the function that is put elsewhere."""


def edit(text: FunctionText, changes: Change | tuple[Change, ...], cost: float, title: str | None = None) -> Edit:
    """An edit of the statement that the first of its changes is in, titled by what stands there then."""
    several = _several(changes)
    start, stop, new = several[0]
    line = text.source.count("\n", 0, start) + 1
    if title is None:
        old = " ".join(text.source[start:stop].split())
        title = f"{short(old)} → {short(' '.join(new.split()))}" if old else f"insert {short(new.strip())}"
    return Edit(several, title, line, cost)


def _several(changes: Change | tuple[Change, ...]) -> tuple[Change, ...]:
    match changes:
        case (int(start), int(stop), str(new)):
            return ((start, stop, new),)
    return changes


def short(shown: str) -> str:
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def operator_edit(text: FunctionText, left: ast.expr, right: ast.expr, old: str, new: str) -> Change | None:
    """An operator between two expressions by another one."""
    start, stop = text.between(left, right)
    pattern = r"\s+".join(map(re.escape, old.split()))
    found = re.search(rf"(?<!\w){pattern}(?!\w)" if old[0].isalpha() else pattern, text.source[start:stop])
    return None if found is None else (start + found.start(), start + found.end(), new)


def whole(text: FunctionText, node: ast.expr, new: str, cost: float, *, loose: bool = True) -> Edit:
    change = text.replace(node, new, loose=loose)
    return edit(text, change, cost, f"{short(' '.join(text.text(node).split()))} → {short(' '.join(new.split()))}")
