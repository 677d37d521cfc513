"""A program with what is in brackets over as many lines as a formatter, or a spiteful author, might give it."""

from __future__ import annotations

import io
import tokenize
from typing import Literal

Style = Literal["commas", "operators", "everywhere"]
_WORDS = frozenset({"and", "or", "for", "if", "else", "in", "not", "is", "lambda"})
_NO_OPERATORS = frozenset({",", ".", ":", "=", "*", "**", ":=", *"()[]{}"})


def spread(source: str, style: Style) -> str:
    """The source with line breaks after commas, before operators, or before every token within brackets."""
    lines = source.splitlines(keepends=True)
    result = []
    depth = 0
    row, column = 1, 0
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        text, (start_row, start) = token.string, token.start
        if text in (")", "]", "}"):
            depth -= 1
        gap = lines[start_row - 1][column if start_row == row else 0 : start] if start_row <= len(lines) else ""
        breaks = {
            "commas": before == ",",
            "operators": (token.type == tokenize.OP and text not in _NO_OPERATORS)
            or (text in _WORDS and before not in ("not", "is")),
            "everywhere": True,
        }[style]
        if depth and breaks and token.type not in (tokenize.NL, tokenize.COMMENT):
            gap = "\n" + " " * (start + 1)
        result.append(gap + text)
        if text in ("(", "[", "{"):
            depth += 1
        row, column = token.end
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            row, column = start_row + 1, 0
        before = text
    return "".join(result)
