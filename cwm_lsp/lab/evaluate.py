"""How good a model is, teacher-forced: every answer is judged with the true history before it.

An answer is a *step* (the kind of the next frame, and its line), a changed *value* of a local, a *return* value, an
*exception*, or a *crash* (the step to the EXCEPTION frame that ends the call). As in the product, the grammar forces
what can be known from the program, and the kind and the line are chosen among those that it allows; a value that it
forces is not asked for. An answer is right if all that is left of it is right; its confidence is the product of the
probabilities of the tokens that are left.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer

from cwm_lsp.errors import UserError
from cwm_lsp.lab import batches, documents, legal
from cwm_lsp.lab.corpus import stream
from cwm_lsp.lab.corpus.programs import Program
from cwm_lsp.lab.documents import Encoded, Span
from cwm_lsp.lab.model import WorldModel, fast_products
from cwm_lsp.predict.confidence import Calibration, log_odds
from cwm_lsp.predict.engines import tokenizer as engine_tokenizer
from cwm_lsp.predict.engines.interface import Engine, Pass
from cwm_lsp.trace import wire

VALUES = ("value", "return", "exception")
LONGEST_WRITTEN = 32
"""Tokens of a wrong value that are written at most; its confidence is next to nothing then."""

BINS = 15
"""Of equal width, for the expected calibration error (Guo et al. 2017)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that a model had to say."""

    document: int
    what: str
    event: str
    """Of `documents.Span`, both."""
    right: bool
    confidence: float
    expected: tuple[int, ...]
    given: tuple[int, ...]
    """Most likely token at each position, with the true tokens before it."""


Asked = TypeVar("Asked", Answer, Span)


@torch.inference_mode()
def answers(model: WorldModel, encoded: Sequence[Encoded], writer: Engine | None = None) -> Iterator[Answer]:
    """All answers of a model on some documents.

    `writer`, the same model as an engine, writes out the values that it has wrong, so that they have the confidence
    that a user is told. Without it, that is the one of the likeliest tokens after the true ones: too high.
    """
    model.eval()
    numbers = {id(one): number for number, one in enumerate(encoded)}
    for batch in batches.batched(list(encoded), 8192):
        ids = batches.padded(batch)[0].to(model.device)
        with fast_products(model.device):
            hidden = model(ids)
        for row, one in enumerate(batch):
            asked = sorted({i for answer in one.answers for i in _positions(answer)})
            with fast_products(model.device):
                # Position i - 1 tells of token i.
                logits = model.logits(hidden[row, torch.tensor(asked, dtype=torch.long) - 1]).float().log_softmax(-1)
            told = dict(zip(asked, logits.cpu(), strict=True))
            for answer in one.answers:
                given, confidence = [], 0.0
                for i in _positions(answer):
                    likely = told[i]
                    if i in answer.choices:
                        likely = torch.full_like(likely, -torch.inf).index_copy(
                            0, torch.tensor(answer.choices[i]), likely[list(answer.choices[i])].log_softmax(-1)
                        )
                    given.append(int(likely.argmax()))
                    confidence += float(likely[given[-1]])
                expected = one.ids[_positions(answer)].tolist()
                right = same_value(given, expected, writer) if answer.what in VALUES else given == expected
                if writer and not right and answer.what in VALUES:
                    given, rows = written(writer, one, _positions(answer)[0])
                    # What is foretold to stay as it is, is no value that is shown.
                    told_same = ".." in writer.tokenizer.decode(given[:1])
                    confidence = -math.inf if told_same else sum(map(max, rows))
                what = numbers[id(one)], answer.what, answer.event
                yield Answer(*what, right, math.exp(confidence), tuple(expected), tuple(given))


def same_value(given: Sequence[int], expected: Sequence[int], writer: Engine | None) -> bool:
    """Whether two tokenised values are the same. The token that ends a value may also tell whether another follows."""
    if writer is None or given == expected:
        return given == expected
    return given[:-1] == expected[:-1] and len(given) > 1 and ends_value(writer, given[-1])


def ends_value(writer: Engine, token: int) -> bool:
    """Whether a token has the quote that ends a value, or stands for an unchanged one."""
    text = writer.tokenizer.decode((token,))
    return (text.startswith('"') and not text.endswith(': "')) or ".." in text


def written(writer: Engine, one: Encoded, at: int) -> tuple[list[int], list[list[float]]]:
    """The value that a model writes, greedily, from a position on, and the log-probabilities at each of its tokens."""
    prefix = writer.longest_prefix(one.ids[:at].tolist())
    unread = one.ids[len(prefix) : at].tolist()
    tokens: list[int] = []
    rows: list[list[float]] = []
    longest = min(LONGEST_WRITTEN, writer.context_length - at)
    while len(tokens) < longest and not (tokens and ends_value(writer, tokens[-1])):
        [(prefix, [distribution])] = writer.forward([Pass(prefix, unread, 1)])
        if not tokens:
            writer.remember(prefix)
        rows.append([distribution.logprob(token) for token in range(writer.tokenizer.vocabulary_size)])
        tokens.append(next(distribution.ranked())[0])
        unread = tokens[-1:]
    return tokens, rows


def _positions(answer: Span) -> list[int]:
    if answer.choices:
        return sorted(answer.choices)
    return [i for first, end in answer.spans for i in range(first, end)]


def summary(found: Sequence[Answer], threshold: float | None = None) -> dict[str, Any]:
    """Shares of right answers, and how well the confidence of changed and return values is calibrated.

    `step` is over all steps, crashes among them. With a `threshold` of confidence, also which share of the values it
    lets through, and how many of those are right.
    """
    asked: dict[str, list[Answer]] = {}
    for answer in found:
        asked.setdefault(answer.what, []).append(answer)
    steps = asked["step"] = asked.get("step", []) + asked.get("crash", [])
    out: dict[str, Any] = {}
    for what in ("step", "value", "return", "exception", "crash"):
        if asked.get(what):
            out[what] = share_right(asked[what])
            out[f"{what}s"] = len(asked[what])
    for kind, token in wire.KIND_TOKENS.items():
        if of_kind := [a for a in steps if a.event == token]:
            out[f"step to {kind}"] = share_right(of_kind)
    if values := shown_values(found):
        out["calibration_error"] = round(calibration_error(values), 4)
        out["coverage_at_95"], out["threshold_at_95"] = coverage(values, 0.95)
        if threshold is not None:
            sure = [a for a in values if a.confidence >= threshold]
            out["shown"] = round(len(sure) / len(values), 4)
            out["shown_right"] = share_right(sure) if sure else None
    return out


def share_right(found: Sequence[Answer]) -> float:
    return round(sum(a.right for a in found) / len(found), 4)


def shown_values(found: Iterable[Asked]) -> list[Asked]:
    """The answers that an editor shows as hints."""
    return [a for a in found if a.what in ("value", "return")]


def calibrate(*sets: Iterable[Answer]) -> Calibration:
    """The calibration under which the confidence of changed and return values fits best (Platt 1999).

    Each set counts as much as any other, however many answers it has.
    """
    values = [[a for a in shown_values(found) if a.confidence > 0] for found in sets]
    rows = torch.tensor(
        [[1.0, log_odds(math.log(a.confidence)), a.what == "return"] for found in values for a in found],
        dtype=torch.float64,
    )
    right = torch.tensor([float(a.right) for found in values for a in found], dtype=torch.float64)
    weight = torch.cat([torch.full((len(found),), 1 / max(len(found), 1), dtype=torch.float64) for found in values])
    fitted = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    for _ in range(20):  # of Newton's method, which needs a few
        chance = (rows @ fitted).sigmoid()
        curvature = (rows.T * (weight * chance * (1 - chance))) @ rows
        fitted += torch.linalg.lstsq(curvature, rows.T @ (weight * (right - chance))).solution
    return Calibration(*(round(value, 4) for value in fitted.tolist()))


def calibrated(found: Iterable[Answer], calibration: Calibration) -> list[Answer]:
    """The answers with the confidence of values that a user is told; `found` are those of the bare model."""
    return [
        replace(a, confidence=calibration.chance(math.log(a.confidence), returned=a.what == "return"))
        if a.what in VALUES and a.confidence > 0
        else a
        for a in found
    ]


def calibration_error(found: Sequence[Answer]) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over bins of confidence."""
    return sum(len(b) / len(found) * abs(mean - accuracy) for b, mean, accuracy in reliability(found))


def reliability(found: Sequence[Answer]) -> Iterator[tuple[list[Answer], float, float]]:
    """Bins of confidence with their mean confidence and accuracy, empty ones left out."""
    for index in range(BINS):
        inside = [a for a in found if min(int(a.confidence * BINS), BINS - 1) == index]
        if inside:
            yield inside, sum(a.confidence for a in inside) / len(inside), sum(a.right for a in inside) / len(inside)


def coverage(found: Sequence[Answer], precision: float) -> tuple[float, float]:
    """The largest share of answers, most confident first, of which that part is right, and the confidence there."""
    ranked = sorted(found, key=lambda a: -a.confidence)
    right, best, threshold = 0, 0, 1.0
    for index, answer in enumerate(ranked, 1):
        right += answer.right
        if right >= precision * index:
            best, threshold = index, answer.confidence
    return round(best / len(ranked), 4), round(threshold, 4)


def cruxeval(path: Path) -> Iterator[str]:
    """Documents of rows `{"code", "input"}`: the function `f` called with that input, unless the trace is cut."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "code" not in row or "input" not in row:
            raise UserError(f"{path}: rows need `code` and `input`")
        program = Program(row["code"].rstrip("\n") + "\n", "f", f"f({row['input']})")
        text = stream.traced(program, 256)
        if text is not None:
            yield text


def shown(answer: Answer, words: Tokenizer) -> str:
    """A wrong answer as a person reads it."""
    expected = words.decode(list(answer.expected), skip_special_tokens=False)
    given = words.decode(list(answer.given), skip_special_tokens=False)
    return f"{answer.what:9} {answer.confidence:.2f}  {expected!r}  ←  {given!r}"


def encode_all(texts: Iterable[str], words: Tokenizer, context: int, most: int = sys.maxsize) -> list[Encoded]:
    """The first `most` documents that fit the context, asked for what the decoder's grammar leaves open."""
    tokenizer = engine_tokenizer.Tokenizer(words)
    encoded = ((text, documents.encode(text, words)) for text in texts)
    fitting = ((text, one) for text, one in encoded if len(one.ids) <= context)
    return [legal.constrained(text, one, tokenizer) or one for text, one in islice(fitting, most)]
