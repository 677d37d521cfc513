"""What is made of the text of a module before it is interpreted, kept for the next evaluation."""

from __future__ import annotations

import ast
import threading
from types import MappingProxyType

from cwm_lsp.evaluate.demand import Plan, plan
from cwm_lsp.evaluate.layout.folding import folded
from cwm_lsp.evaluate.scopes import Scope, analyse

TREES = 64
"""Syntax trees of which what they say is kept."""
KEPT_BYTES = 8 << 20
"""Text whose syntax trees are kept for other evaluations."""
Parsed = tuple[ast.Module, MappingProxyType[ast.AST, Scope], Plan | None]
_kept: dict[str, Parsed] = {}
_keeping = threading.Lock()


def known(text: str) -> Parsed | None:
    """What `parsed` gave for a text, if that is still there."""
    return _kept.get(text)


def parsed(text: str) -> Parsed:
    """The syntax tree of a text, its scopes and the groups of its statements, kept for the next evaluation.

    They are not to be changed.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for what does not parse.
    """
    found = _kept.get(text)
    if found is None:
        tree = folded(ast.parse(text), text)
        found = tree, MappingProxyType(analyse(tree)), plan(tree)
    with _keeping:
        _kept.pop(text, None)
        _kept[text] = found  # the last is the one used last
        while len(_kept) > 1 and sum(map(len, _kept)) > KEPT_BYTES:
            del _kept[next(iter(_kept))]
    return found
