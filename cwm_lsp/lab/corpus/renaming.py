"""Real functions with other names for their variables, so that few functions teach more."""

from __future__ import annotations

import builtins
import io
import json
import re
import tokenize
from functools import lru_cache
from random import Random

from cwm_lsp.lab.corpus import values
from cwm_lsp.trace import wire

NEW = sorted({name for names in values.NAMES.values() for name in names})
LISTED = re.compile(r"<\|(?:call|line)_sep\|>(\{.*?\})<\|action_sep\|>", re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w*")


def renamed(text: str, r: Random) -> str:
    """The document with half of its variables renamed, those whose every mention is surely the variable."""
    taken = set(WORD.findall(text))
    new = [name for name in NEW if name not in taken]
    r.shuffle(new)
    table = dict(zip((name for name in renameable(text) if r.random() < 0.5), new, strict=False))
    return WORD.sub(lambda found: table.get(found[0], found[0]), text) if table else text


@lru_cache(maxsize=20_000)
def renameable(text: str) -> tuple[str, ...]:
    """Variables that are named nowhere but as variables: not as attributes, in texts or in values."""
    prompt, _, frames = text.partition(wire.FRAME_SEP)
    source = prompt.partition(wire.TRACE_CONTEXT_START)[2].replace(wire.START_OF_TRACE, "")
    listed = [json.loads(found) for found in LISTED.findall(frames)]
    names = {name for row in listed for name in row if name.isidentifier()} - set(dir(builtins)) - {"self", "cls"}
    # As JSON, for there even a line break has a letter.
    spoilt = {word for row in listed for value in row.values() for word in WORD.findall(json.dumps(value))}
    for frame in frames.split(wire.FRAME_SEP):
        spoilt.update(WORD.findall(frame.partition(wire.ARG_SEP)[2]))
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return ()
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.type != tokenize.NAME:
            spoilt.update(WORD.findall(token.string))
        elif before.string in (".", "def", "class", "import", "from") or (
            after.string == "=" and (before.string in ("(", ",") or before.type == tokenize.NL)  # of an argument
        ):
            spoilt.add(token.string)
    return tuple(sorted(names - spoilt))
