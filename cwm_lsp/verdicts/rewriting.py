"""A test file's assertions, written so that what they compare is told. Lines stay where they are."""

from __future__ import annotations

import ast
import re
from itertools import accumulate

from cwm_lsp.source.trees import tree_of

_OPERATION = re.compile(r"not\s+in\b|is\s+not\b|in\b|is\b|==|!=|<=|>=|<|>")
_CALL = "__import__('_cwm_asserted')"


def rewritten(text: str) -> str:
    """The text of a file that parses, with its assertions as calls of `equal`, `compare` and `true`."""
    places = _Places(text)
    edits: list[tuple[int, int, str]] = []
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.Assert):
            edits += _edits(node, places, text)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(node: ast.Assert, places: _Places, text: str) -> list[tuple[int, int, str]]:
    test, line = node.test, node.lineno
    start, end = places.start(test), places.end(test)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        low, high = places.end(test.left), places.start(test.comparators[0])
        between = text[low:high]
        found = _OPERATION.search(between)
        if found is not None and "#" not in between:
            operation = " ".join(found[0].split())
            opening = f"{_CALL}.equal({line}, " if operation == "==" else f"{_CALL}.compare({line}, {operation!r}, "
            return [(start, start, opening), (low + found.start(), low + found.end(), ","), (end, end, ")")]
    return [(start, start, f"{_CALL}.true({line}, ("), (end, end, "))")]


class _Places:
    """Offsets of nodes in a text."""

    def __init__(self, text: str) -> None:
        # As the parser counts lines: a form feed or a separator of another kind does not end one.
        self.lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
        self.begins = [0, *accumulate(map(len, self.lines))]

    def start(self, node: ast.expr) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _offset(self, line: int, column: int) -> int:
        return self.begins[line - 1] + len(self.lines[line - 1].encode()[:column].decode())
