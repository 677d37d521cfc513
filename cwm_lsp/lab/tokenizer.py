"""The bundled model's tokenizer: whole words that programs often use, everything else spelled out.

A value must tokenise the same way wherever it stands (a literal in the source, an argument, JSON text in a frame),
because what a small model must learn first is to copy. So text is cut by a fixed pattern into words, digits, runs of
blanks and punctuation; a piece that is in the vocabulary is one token, any other is spelled in bytes. There are no
merges, hence no boundary effects.
"""

# ruff: noqa: SIM905

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import regex
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

BOS, EOS, FRAME = "<|begin_of_text|>", "<|end_of_text|>", "<|frame_sep|>"
ACTION, RETURN, CALL, LINE = "<|action_sep|>", "<|return_sep|>", "<|call_sep|>", "<|line_sep|>"
EXCEPTION, ARGUMENT, CONTEXT = "<|exception_sep|>", "<|arg_sep|>", "<|trace_context_start|>"
SPECIAL = (BOS, EOS, FRAME, ACTION, RETURN, CALL, LINE, EXCEPTION, ARGUMENT, CONTEXT)

# What joins the values of a frame. The second element of each is what a key's value can only be followed by.
STRUCTURE = ('{"', '": "..", "', '": ".."}', '": "', '", "', '"}', "{}")
JOINTS = (  # inside values and source; longest first
    ("', '", "': '", "['", "']", "('", "')", "{'", "'}", "': ", ", '", "', ", "', \"", "\\\"", "\\n")
    + ("), (", "], [", ", ", ": ", "[[", "]]", "[]", "()", "{}", "''", "[(", ")]")
    + ("):\n", "]:\n", "'):\n", ":\n", "()\n", "')\n", ")\n", "]\n", "']\n", "'\n", "\n")
)
OPERATORS = tuple(
    f" {sign} "
    for sign in "= == != < > <= >= + - * / // % ** += -= *= /= //= %= | & and or not in is if else for -> as".split()
) + (" not in ", " is not ", " is None", " in range(", " in enumerate(")
KEYWORDS = tuple(
    f"{word} "
    for word in "def return if elif for while not class import from raise assert except with lambda yield del and or".split()
) + ("else:\n", "try:\n", "finally:\n", "return\n", "break\n", "continue\n", "pass\n")
CALLS = (".append(", ".join(", ".split(", ".items()", ".get(", ".pop(", ".replace(", ".strip()", ".lower()", ".upper()")
CALLS += (".startswith(", ".count(", "len(", "range(", "str(", "int(", "list(", "sorted(", "sum(", "max(", "min(")
CALLS += (".keys()", ".values()", ".add(", ".index(", "self.", "(self", "isinstance(", "set(", "dict(", "tuple(")
MARKS = ("):  # << START_OF_TRACE\n", ":  # << START_OF_TRACE\n")
RAISED = ("(<class '", "'>, ", "), <traceback object>)", "<list_iterator object>", "Error")
INDENTS = tuple("    " * depth for depth in range(1, 7))


def pattern() -> str:
    """The pieces that text is cut into, as alternatives tried in order from left to right."""

    def any_of(pieces: Iterable[str]) -> str:
        return "|".join(regex.escape(piece) for piece in sorted(pieces, key=len, reverse=True))

    word_start = "(?<![A-Za-z0-9_])"
    return "|".join(
        [
            any_of(MARKS + RAISED[:4]),
            any_of(STRUCTURE),
            f"(?:{any_of(OPERATORS)})",
            f"{word_start}(?:{any_of(KEYWORDS)})",
            any_of(c for c in CALLS if not c[0].isalpha()),
            f"{word_start}(?:{any_of(c for c in CALLS if c[0].isalpha())})",
            any_of(JOINTS),
            "_?[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]",
            "[0-9]",
            " {24}| {20}| {16}| {12}| {8}| {4}| +",
            r"[\s\S]",
        ]
    )


def byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte, which byte-level tokenizers are written in."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` entries: bytes, fixed pieces, then the most frequent words of `texts`."""
    alphabet = byte_alphabet()

    def written(text: str) -> str:
        return "".join(alphabet[byte] for byte in text.encode())

    pieces = [*alphabet.values()]
    fixed = (*STRUCTURE, *MARKS, *RAISED, *OPERATORS, *KEYWORDS, *CALLS, *JOINTS, *INDENTS)
    pieces += [written(piece) for piece in fixed]
    counts: Counter[str] = Counter()
    words = regex.compile(pattern())
    for text in texts:
        counts.update(word for word in words.findall(text) if len(word) > 1 and word.strip("_").isalpha())
    pieces += [written(word) for word, _ in counts.most_common()]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys([*SPECIAL, *pieces]).keys()) if index < size}
    # `ignore_merges`: a piece that is in the vocabulary is that token; with no merges, any other is its bytes.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern()), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write `tokenizer.json` and what `AutoTokenizer` needs beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "additional_special_tokens": [t for t in SPECIAL if t not in (BOS, EOS)],
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def load(folder: Path) -> Tokenizer:
    """The tokenizer that `save` wrote."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
