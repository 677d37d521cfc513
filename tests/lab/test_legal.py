"""What is asked of a model when it is measured: only what the decoder's grammar leaves open."""

from __future__ import annotations

from tokenizers import Tokenizer

from cwm_lsp.lab import documents, legal
from cwm_lsp.lab.corpus import stream
from cwm_lsp.lab.corpus.programs import Program
from cwm_lsp.lab.documents import Encoded
from cwm_lsp.predict.engines import tokenizer as engine_tokenizer
from cwm_lsp.trace import wire

SOURCE = "def f(a):\n    b = []\n    for x in a:\n        b.append(x)\n    return b\n"


def asked(words: Tokenizer, text: str) -> Encoded:
    found = legal.constrained(text, documents.encode(text, words), engine_tokenizer.Tokenizer(words))
    assert found is not None
    return found


def test_only_steps_with_a_choice_ask_for_something(words: Tokenizer) -> None:
    text = stream.traced(Program(SOURCE, "f", "f([7])"), 40)
    assert text is not None
    one = asked(words, text)
    steps = [answer for answer in one.answers if answer.what in ("step", "crash")]
    read = [words.decode([one.ids[at] for at in answer.choices], skip_special_tokens=False) for answer in steps]
    # To `b = []` and on to the loop nothing else can happen; a loop may go on, end or raise, and its body may raise.
    assert read[:2] == ["", ""]
    assert read[2].startswith(wire.LINE_SEP)
    assert read[3] == wire.LINE_SEP
    assert read[4].startswith(wire.LINE_SEP)
    assert read[2] != read[4]
    assert all(one.ids[at] in tokens for answer in steps for at, tokens in answer.choices.items())


def test_the_value_of_an_unwinding_is_not_asked_for(words: Tokenizer) -> None:
    text = stream.traced(Program("def f(a):\n    return a[3]\n", "f", "f([7])"), 40)
    assert text is not None
    assert '<|arg_sep|>"None"' in text
    assert [answer.what for answer in asked(words, text).answers] == ["step", "crash", "exception", "step"]


def test_a_trace_that_its_program_does_not_allow_has_no_answers(words: Tokenizer) -> None:
    text = stream.traced(Program(SOURCE, "f", "f([7])"), 40)
    assert text is not None
    frames = text.split(wire.FRAME_SEP)
    del frames[3]
    wrong = wire.FRAME_SEP.join(frames)
    found = legal.constrained(wrong, documents.encode(wrong, words), engine_tokenizer.Tokenizer(words))
    assert found is None


def test_every_generated_document_fits_its_program(words: Tokenizer) -> None:
    for number in range(40):
        asked(words, stream.document(f"legal/{number}", "mix"))
