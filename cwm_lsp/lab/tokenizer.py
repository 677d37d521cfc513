"""The bundled model's tokenizer: whole words that programs often use, everything else spelled out.

A value must tokenise the same way wherever it stands (a literal in the source, an argument, JSON text in a frame),
because what a small model must learn first is to copy. So text is cut by a fixed pattern into words, digits, runs of
blanks and punctuation; a piece that is in the vocabulary is one token, any other is spelled in bytes. There are no
merges, hence no boundary effects.
"""

# ruff: noqa: SIM905

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from cwm_lsp.lab.corpus import values
from cwm_lsp.trace import wire

NAMES_COUNT = 300
"""How often each name of the generated programs counts, so that it gets an entry of its own."""

SPECIAL = (
    *(wire.BEGIN_OF_TEXT, wire.END_OF_TEXT, wire.FRAME_SEP, wire.ACTION_SEP, wire.RETURN_SEP, wire.CALL_SEP),
    *(wire.LINE_SEP, wire.EXCEPTION_SEP, wire.ARG_SEP, wire.TRACE_CONTEXT_START),
)
"""Their order is that of their ids."""

# What a frame's locals are made of, beside names and values.
STRUCTURE = ('{"', '": "..", "', '": ".."}', '": "', '", "', '"}', "{}")
JOINTS = (  # inside values and source
    *("', '", "': '", "['", "']", "('", "')", "{'", "'}", "': ", ", '", "', ", "', \"", '\\"', "\\n"),
    *("), (", "], [", ", ", ": ", "[[", "]]", "[]", "()", "{}", "''", "[(", ")]"),
    *("):\n", "]:\n", "'):\n", ":\n", "()\n", "')\n", ")\n", "]\n", "']\n", "'\n", "\n"),
)
SIGNS = "= == != < > <= >= + - * / // % ** += -= *= /= //= %= | & and or not in is if else for -> as".split()
OPERATORS = (*(f" {sign} " for sign in SIGNS), " not in ", " is not ", " is None", " in range(", " in enumerate(")
HEADS = "def return if elif for while not class import from raise assert except with lambda yield del and or".split()
ALONE = "else: try: finally: return break continue pass".split()
KEYWORDS = (*(f"{word} " for word in HEADS), *(f"{word}\n" for word in ALONE))
METHODS = (
    ".append( .join( .split( .items() .get( .pop( .replace( .strip() .lower() .upper() .startswith( .count( .keys()"
)
METHODS += " .values() .add( .index( (self"
BUILTINS = "len( range( str( int( list( sorted( sum( max( min( self. isinstance( set( dict( tuple(".split()
CALLS = (*METHODS.split(), *BUILTINS)
MARKS = ("):  # << START_OF_TRACE\n", ":  # << START_OF_TRACE\n")
RAISED = ("(<class '", "'>, ", "), <traceback object>)", "<list_iterator object>", "Error")
INDENTS = tuple("    " * depth for depth in range(1, 7))


def pattern() -> str:
    """The pieces that text is cut into, as alternatives tried in order from left to right."""

    def any_of(pieces: Iterable[str]) -> str:
        return "|".join(re.escape(piece) for piece in sorted(pieces, key=len, reverse=True))

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
    words = re.compile(pattern())
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


def sources(library: Path) -> Iterator[str]:
    """What words are learnt from: a standard library's sources, and the names that generated programs use."""
    for path in [*sorted(library.glob("*.py")), *sorted(library.glob("[a-z]*/*.py"))]:
        if not re.search("test|idlelib|encodings|pydoc_data|lib2to3|site-packages", str(path)):
            yield path.read_text(encoding="utf-8", errors="replace")
    for names in (*values.NAMES.values(), values.FUNCTIONS):
        yield " ".join(names * NAMES_COUNT)


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Write `tokenizer.json` and what `AutoTokenizer` needs beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": wire.BEGIN_OF_TEXT,
        "eos_token": wire.END_OF_TEXT,
        "pad_token": wire.END_OF_TEXT,
        "additional_special_tokens": list(SPECIAL[2:]),
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def identifier(words: Tokenizer, token: str) -> int:
    """The id of a special token."""
    found = words.token_to_id(token)
    if found is None:
        raise ValueError(f"not a tokenizer of this project: {token} is missing")
    return found


def load(folder: Path) -> Tokenizer:
    """The tokenizer that `save` wrote."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
