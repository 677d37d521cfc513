"""Whether a file has to do with how decimal arithmetic is done."""

from __future__ import annotations

import ast
import functools

from cwm_lsp.evaluate.parsing import TREES

CONTEXTS = frozenset({"DefaultContext"})
"""Names by which a program changes what decimal arithmetic gives."""


@functools.lru_cache(maxsize=TREES)
def sets_contexts(tree: ast.Module) -> bool:
    """Whether a file has to do with how decimal arithmetic is done."""
    return any(
        isinstance(node, ast.Name | ast.alias | ast.Attribute) and named(node) in CONTEXTS for node in ast.walk(tree)
    )


def named(node: ast.Name | ast.alias | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else node.name
