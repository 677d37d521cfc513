"""Documents, their token ids, and how much each token matters.

A document is the wire text of one trace: prompt, frames, end. Loss goes where the grammar of the decoder cannot know
the answer: the kind of the next frame, the tokens that tell the possible next lines apart, values that change. What is
forced or copied weighs little, what is given (the prompt and the seeded CALL frame) nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cwm_lsp.trace import wire

GIVEN, FORCED, UNCHANGED, RELISTED, DECISIVE = 0, 1, 2, 3, 4
"""Classes of tokens, by what predicting them takes."""
CHANGED, KIND = 5, 6
WEIGHTS = np.array([0.0, 0.1, 0.3, 0.3, 1.0, 1.0, 1.0], dtype=np.float32)
"""Loss weight of each class."""

SPECIAL = regex.compile(r"(<\|[a-z_]+\|>)")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document as the network reads it: `classes[i]` tells what predicting `ids[i]` takes."""

    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    spans: list[tuple[int, int, str]]
    """(first, end, class) of what evaluation counts as one answer: "value", "return", "exception", "step"."""


def encode(text: str, tokenizer: Tokenizer) -> Encoded:
    """Tokenise the wire text of a trace, prompt included."""
    ids: list[int] = []
    classes: list[int] = []
    spans: list[tuple[int, int, str]] = []
    pieces = [piece for piece in SPECIAL.split(text) if piece]
    frame_end = pieces.index(wire.FRAME_SEP)
    lines = _branching(pieces[:frame_end], tokenizer)
    frames = 0
    previous = ""
    kind = ""
    known: list[dict[str, str]] = []
    step_start = 0
    for index, piece in enumerate(pieces):
        given = index <= frame_end or frames <= 1
        if SPECIAL.fullmatch(piece):
            if piece in wire.KIND_TOKENS.values():
                kind, token_class = piece, KIND
                step_start = len(ids)
                if piece == wire.CALL_SEP:
                    known.append({})
            else:
                token_class = FORCED
            if piece == wire.FRAME_SEP:
                frames += 1
                if previous == wire.ACTION_SEP or previous == "source":
                    pass
                if kind == wire.RETURN_SEP and known:
                    known.pop()
            ids.append(tokenizer.token_to_id(piece))
            classes.append(GIVEN if given and index else token_class)
            if index == 0:
                classes[-1] = GIVEN
        elif index < frame_end:
            tokens = tokenizer.encode(piece, add_special_tokens=False).ids
            ids += tokens
            classes += [GIVEN] * len(tokens)
        elif previous in (wire.CALL_SEP, wire.LINE_SEP):
            encoding = tokenizer.encode(piece, add_special_tokens=False)
            start = len(ids)
            ids += encoding.ids
            marks, values = _locals(piece, encoding.offsets, known[-1] if known else {})
            classes += [GIVEN] * len(marks) if given else marks
            if not given:
                spans += [(start + first, start + end, "value") for first, end in values]
        elif previous == wire.ACTION_SEP:
            tokens = tokenizer.encode(piece, add_special_tokens=False).ids
            start = len(ids)
            ids += tokens
            decisive = lines.get(tuple(tokens), frozenset())
            marks = [DECISIVE if i in decisive else FORCED for i in range(len(tokens))]
            classes += [GIVEN] * len(tokens) if given else marks
            if not given:
                spans.append((step_start, step_start + 1, "kind"))
                spans.append((start, len(ids), "source"))
        else:
            tokens = tokenizer.encode(piece, add_special_tokens=False).ids
            start = len(ids)
            ids += tokens
            classes += [CHANGED] * len(tokens)
            spans.append((start, len(ids), "return" if kind == wire.RETURN_SEP else "exception"))
        previous = piece
    return Encoded(np.array(ids), np.array(classes, dtype=np.uint8), spans)


def _branching(prompt: list[str], tokenizer: Tokenizer) -> dict[tuple[int, ...], frozenset[int]]:
    """For each line of the source, the positions of its tokens at which another line of the source goes on differently."""
    text = prompt[-1].replace(wire.START_OF_TRACE, "")
    lines = {tuple(tokenizer.encode(line + "\n", add_special_tokens=False).ids) for line in text.split("\n") if line.strip()}
    following: dict[tuple[int, ...], set[int]] = {}
    for line in lines:
        for i in range(len(line)):
            following.setdefault(line[:i], set()).add(line[i])
    return {line: frozenset(i for i in range(len(line)) if len(following[line[:i]]) > 1) for line in lines}


def _locals(
    piece: str, offsets: list[tuple[int, int]], known: dict[str, str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Classes of the tokens of a LOCALS piece, and the token spans of its changed values.

    `known` holds the scope's last values, and is brought up to date.
    """
    marks = [FORCED] * len(offsets)
    values: list[tuple[int, int]] = []
    at = 1
    starts = {}
    for token, (first, _) in enumerate(offsets):
        starts.setdefault(first, token)
    items = json.loads(piece)
    for name, value in items.items():
        colon = at + len(json.dumps(name)) - 1  # the closing quote of the key, where the joint `": "` begins
        at = colon + 3
        end = at + len(json.dumps(value))  # one past the value's closing quote
        first = starts[colon]
        last = next((i for i in range(first + 1, len(offsets)) if offsets[i][1] >= end), first)
        if value == wire.SAME:
            marks[first] = UNCHANGED
        elif known.get(name) == value:
            marks[first : last + 1] = [RELISTED] * (last + 1 - first)
        else:
            marks[first : last + 1] = [CHANGED] * (last + 1 - first)
            values.append((first, last + 1))
            known[name] = value
        at = end + 2
    return marks, values


def read(path: str) -> Iterator[str]:
    """The documents of a corpus file, one JSON object a line with the wire text under `text`."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]
