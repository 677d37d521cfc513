"""What the decoder's grammar leaves to the model, in documents whose trace is known.

The frames are walked token by token, as when a recorded trace is scored: of each answer only those tokens remain at
which the grammar allows more than one, and for the kind and line of a frame, which ones.
"""

from __future__ import annotations

from dataclasses import replace

from cwm_lsp.errors import UserError
from cwm_lsp.lab.documents import Encoded, Span
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.predict.grammar import Frame, Grammar
from cwm_lsp.predict.states import entered
from cwm_lsp.trace import wire


def constrained(text: str, encoded: Encoded, tokenizer: Tokenizer) -> Encoded | None:
    """The document with the answers that the grammar leaves open; None where the trace does not fit its program."""
    prompt, _, frames = text.partition(wire.FRAME_SEP)
    source = prompt.partition(wire.TRACE_CONTEXT_START)[2].replace(wire.START_OF_TRACE, "")
    events = wire.decode(frames, source).events
    grammar = Grammar(tokenizer, source, value_tokens=encoded.ids.size)
    try:
        state = entered(source, events[0])
    except UserError:
        return None
    separator = tokenizer.special[wire.FRAME_SEP]
    ends = [at + 1 for at, token in enumerate(encoded.ids.tolist()) if token == separator]
    free: dict[int, tuple[int, ...]] = {}
    for event, start, end in zip(events[1:], ends[1:], ends[2:], strict=False):
        frame = Frame(grammar, state)
        forced: list[int] = []
        for at, token in enumerate(encoded.ids[start:end].tolist(), start):
            forced = forced or list(frame.forced())
            if not (forced and forced.pop(0) == token):
                forced = []
                free[at] = tuple(frame.candidates() or ())
            if not frame.take(token):
                return None
        followed = state.follow(event)
        if followed is None:
            return None
        state = followed
    answers = [_left(answer, free) for answer in encoded.answers]
    return replace(encoded, answers=[answer for answer in answers if answer.what in ("step", "crash") or answer.spans])


def _left(answer: Span, free: dict[int, tuple[int, ...]]) -> Span:
    """The part of an answer that is not forced."""
    positions = [at for first, end in answer.spans for at in range(first, end) if at in free]
    choices = {at: free[at] for at in positions if free[at]}
    if answer.what in ("step", "crash"):
        positions = list(choices)
    return replace(answer, spans=tuple((at, at + 1) for at in positions), choices=choices)
