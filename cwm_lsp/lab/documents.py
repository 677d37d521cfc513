"""Documents, their token ids, and how much each token matters.

A document is the wire text of one trace: prompt, frames, end. Loss goes where the grammar of the decoder cannot know
the answer: the kind of the next frame, the tokens that tell the possible next lines apart, values that change. What is
forced or copied weighs little, what is given (the prompt and the seeded CALL frame) nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cwm_lsp.lab.tokenizer import identifier
from cwm_lsp.trace import wire

GIVEN, FORCED, UNCHANGED, RELISTED, DECISIVE = 0, 1, 2, 3, 4
"""Classes of tokens, by what predicting them takes."""
CHANGED, KIND, TURN = 5, 6, 7
WEIGHTS = np.array([0.0, 0.1, 0.3, 0.3, 1.0, 1.0, 1.0, 2.0], dtype=np.float32)
"""Loss weight of each class."""

SPECIAL = re.compile(r"(<\|[a-z_]+\|>)")


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens of one answer that a model has to give."""

    what: str
    """"step", "crash", "value", "return" or "exception"."""
    event: str
    """The kind of the event that it is part of, as the token that tells it."""
    spans: tuple[tuple[int, int], ...]
    """(first, end) of its pieces."""
    choices: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Where the answer is a choice: position → the tokens to choose from. Its other tokens then do not count."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document as the network reads it: `classes[i]` tells what predicting `ids[i]` takes."""

    ids: NDArray[np.int64]
    classes: NDArray[np.uint8]
    answers: list[Span]


def encode(text: str, words: Tokenizer) -> Encoded:
    """Tokenise the wire text of a trace, prompt included."""
    out = _Writer(words)
    prompt, first, *frames = text.split(wire.FRAME_SEP)
    for piece in SPECIAL.split(prompt):
        out.write(piece, GIVEN)
    out.write(wire.FRAME_SEP, GIVEN)
    decisive = _branching(prompt, words)
    kinds = tuple(identifier(words, token) for token in (*wire.KIND_TOKENS.values(), wire.END_OF_TEXT))
    scopes: list[dict[str, str]] = []
    crash = next(
        (i for i, frame in enumerate(frames) if i + 3 == len(frames) and frame.startswith(wire.EXCEPTION_SEP)), -1
    )
    for number, frame in enumerate([first, *frames[:-1]], -1):
        _, kind, rest = SPECIAL.split(frame, 1)
        given = number < 0
        at = out.write(kind, GIVEN if given else KIND)
        if kind in (wire.CALL_SEP, wire.LINE_SEP):
            listed, _, source = rest.partition(wire.ACTION_SEP)
            if kind == wire.CALL_SEP:
                scopes.append({})
            out.write_locals(listed, scopes[-1] if scopes else {}, kind, given=given)
            value = ""
        else:
            source, _, value = rest.removeprefix(wire.ACTION_SEP).partition(wire.ARG_SEP)
        out.write(wire.ACTION_SEP, GIVEN if given else FORCED)
        start = len(out.ids)
        choices = out.write_source(source, decisive, given=given)
        if not given:
            choices[at] = kinds
            pieces = ((at, at + 1), (start, len(out.ids)))
            out.answers.append(Span("crash" if number == crash else "step", kind, pieces, choices))
        if value:
            out.write(wire.ARG_SEP, FORCED)
            first_token = out.write(value, CHANGED)
            what = "return" if kind == wire.RETURN_SEP else "exception"
            # The quote that opens the value is forced.
            out.answers.append(Span(what, kind, ((first_token + 1, len(out.ids)),)))
        if kind == wire.RETURN_SEP and scopes:
            scopes.pop()
        out.write(wire.FRAME_SEP, GIVEN if given else FORCED)
    out.write(frames[-1], FORCED)
    return Encoded(np.array(out.ids), np.array(out.classes, dtype=np.uint8), out.answers)


class _Writer:
    """Tokens written so far."""

    def __init__(self, words: Tokenizer) -> None:
        self.words = words
        self.ids: list[int] = []
        self.classes: list[int] = []
        self.answers: list[Span] = []

    def write(self, piece: str, token_class: int) -> int:
        """Write a special token or a piece of text; the position of its first token."""
        at = len(self.ids)
        if SPECIAL.fullmatch(piece):
            self.ids.append(identifier(self.words, piece))
        else:
            self.ids += self.words.encode(piece, add_special_tokens=False).ids
        self.classes += [token_class] * (len(self.ids) - at)
        return at

    def write_source(self, line: str, lines: Lines, *, given: bool) -> dict[int, tuple[int, ...]]:
        """Write a line of the program; the choices in it."""
        at = self.write(line, GIVEN if given else FORCED)
        choices = {} if given else {at + i: tokens for i, tokens in lines.get(tuple(self.ids[at:]), {}).items()}
        for position in choices:
            self.classes[position] = TURN
        return choices

    def write_locals(self, piece: str, known: dict[str, str], kind: str, *, given: bool) -> None:
        """Write a LOCALS piece of a frame of that kind; `known`, the scope's last values, is brought up to date."""
        at = len(self.ids)
        encoding = self.words.encode(piece, add_special_tokens=False)
        self.ids += encoding.ids
        marks, values = _locals(piece, encoding.offsets, known)
        self.classes += [GIVEN] * len(marks) if given else marks
        if not given:
            self.answers += [Span("value", kind, ((at + first, at + end),)) for first, end in values]


Lines = dict[tuple[int, ...], dict[int, tuple[int, ...]]]
"""The lines of a program, as tokens → index of each token at which another line goes on differently → the choices."""


def _branching(prompt: str, words: Tokenizer) -> Lines:
    text = prompt.replace(wire.START_OF_TRACE, "")
    lines = [
        tuple(words.encode(line + "\n", add_special_tokens=False).ids) for line in text.split("\n") if line.strip()
    ]
    following: dict[tuple[int, ...], set[int]] = {}
    for line in lines:
        for i in range(len(line)):
            following.setdefault(line[:i], set()).add(line[i])
    return {
        line: {i: tuple(following[line[:i]]) for i in range(len(line)) if len(following[line[:i]]) > 1}
        for line in lines
    }


def _locals(
    piece: str, offsets: list[tuple[int, int]], known: dict[str, str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Classes of the tokens of a LOCALS piece, and the token spans of its changed values.

    `known` holds the scope's last values, and is brought up to date.
    """
    marks = [FORCED] * len(offsets)
    values: list[tuple[int, int]] = []
    at = 1
    starts: dict[int, int] = {}
    for token, (first, _) in enumerate(offsets):
        starts.setdefault(first, token)
    items = json.loads(piece)
    for name, value in items.items():
        colon = at + len(json.dumps(name)) - 1  # the closing quote of the key, where the joint `": "` begins
        key = starts.get(at + 1, starts[colon])
        if name not in known:  # that a variable is born, and which
            marks[max(key - 1, 0)] = max(marks[key - 1], DECISIVE) if key > 1 else FORCED
            marks[key : starts[colon]] = [DECISIVE] * (starts[colon] - key)
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


def read(path: Path) -> Iterator[str]:
    """The documents of a corpus file, one JSON object a line with the wire text under `text`."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]
