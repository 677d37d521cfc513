"""Keeping what models are measured on out of what they are trained on.

Two programs overlap if most of the shorter one's 8-grams of normalised tokens are in the other: comments, docstrings,
layout and string quotes do not count, so that a copied function is found under another name's docstring too.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cwm_lsp.trace import wire

SIZE = 8
MOST = 0.5
"""Share of a program's 8-grams above which it counts as copied."""

_TOKEN = re.compile(r"\w+|[^\w\s]")

Gram = tuple[str, ...]


def normalised(source: str) -> str:
    """A program's text without what does not matter: comments, docstrings, layout."""
    lines = source.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    try:
        tree = ast.parse("\n".join(line[indent:] for line in lines))
    except (SyntaxError, ValueError):
        return " ".join(source.split())
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def grams(source: str) -> frozenset[Gram]:
    """The 8-grams of a program (one shorter gram for a shorter program)."""
    tokens = _TOKEN.findall(normalised(source))
    return frozenset(tuple(tokens[i : i + SIZE]) for i in range(max(1, len(tokens) - SIZE + 1)))


class Index:
    """Programs that others must not overlap with."""

    def __init__(self, programs: Iterable[str]) -> None:
        self.grams: dict[Gram, list[int]] = {}
        self.sizes: list[int] = []
        for number, program in enumerate(programs):
            found = grams(program)
            self.sizes.append(len(found))
            for gram in found:
                self.grams.setdefault(gram, []).append(number)

    def overlap(self, program: str) -> float:
        """The largest share that a program has in common with one of the index, of the shorter of the two."""
        shared: dict[int, int] = {}
        found = grams(program)
        for gram in found:
            for number in self.grams.get(gram, ()):
                shared[number] = shared.get(number, 0) + 1
        return max((count / min(len(found), self.sizes[number]) for number, count in shared.items()), default=0.0)

    def copied(self, program: str) -> bool:
        return self.overlap(program) > MOST


def program_of(document: str) -> str:
    """The program that a document's prompt shows, without the wrapper that makes the call."""
    text = document.partition(wire.TRACE_CONTEXT_START)[2].partition(wire.FRAME_SEP)[0]
    kept = text.replace(wire.START_OF_TRACE, "")
    return re.sub(r"def _*main\(\):\n    return .*\n\Z", "", kept)


def measured(path: Path) -> Iterator[str]:
    """The programs of a file of rows with `code`, or with `context`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield str(row["code"] if "code" in row else row["context"]).replace(wire.START_OF_TRACE, "")
