"""Reprs that are one pair of brackets, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\[({})\]]|[,:]\ |[^'"\[({})\],:]+|.""", re.DOTALL)
PAIRS = {"[": "]", "(": ")", "{": "}"}
SCANNED = 20_000
"""Characters of a value beyond which it is cut as plain text: no editor shows that much beside a line."""


@dataclass(frozen=True, slots=True)
class Container:
    """A repr that is one pair of brackets, with what stands before it: `Point(x=1, y=2)`."""

    prefix: str
    """`Point(`."""
    items: tuple[str, ...]
    close: str

    @classmethod
    def of(cls, value: str) -> Container | None:
        """None where the value is something else, or too long to look into."""
        prefix = re.match(r"[\w.<> ]*[\[({]", value)
        if prefix is None or len(value) > SCANNED or value[-1:] != PAIRS[prefix.group()[-1]]:
            return None
        items: list[str] = []
        depth, start = 1, prefix.end()
        for match in TOKEN.finditer(value, prefix.end()):
            piece = match.group()
            depth += (piece in PAIRS) - (piece in PAIRS.values())
            if depth == 0:
                if match.end() != len(value):
                    return None
                if start < match.start():
                    items.append(value[start : match.start()].removesuffix(","))
            elif depth == 1 and piece == ", ":
                items.append(value[start : match.start()])
                start = match.end()
        return cls(prefix.group(), tuple(items), value[-1]) if depth == 0 else None


def split_entry(item: str) -> tuple[str, str, str]:
    """`'a': 1` → its key, the colon, its value; of what is no entry of a dictionary, itself and nothing else."""
    depth = position = 0
    for match in TOKEN.finditer(item):
        piece = match.group()
        depth += (piece in PAIRS) - (piece in PAIRS.values())
        position = match.end()
        if depth == 0 and piece == ": ":
            return item[: match.start()], piece, item[position:]
    return item, "", ""
