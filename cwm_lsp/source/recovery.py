"""Syntax trees of a file, also where the file does not parse: piece by piece, block by block.

A file is cut before its definitions, and each piece is parsed alone: what an edit leaves as it was is not parsed again.
Where one does not parse, the text is cut into statements by indentation and each block is parsed alone; a block that
fails is entered, so that one broken line costs only the functions that are around it.
"""

from __future__ import annotations

import ast
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

from .patching import FEWEST, patched
from .trees import tree_of

_Made = TypeVar("_Made")

_NEWLINE = re.compile(r"\r\n|\r|\n")
_KEPT = 1_000_000  # characters of parsed text; their trees take some fifty times that in bytes
_GROWS = 4  # pieces that one is made of at most, if it is not all that follows
_CLASSES = 64  # large ones that are kept, to have only what changes in them parsed
_DEEPEST = 100  # levels of indentation, CPython's own limit
_DOUBTS = 8  # of one sequence of blocks: each costs a look at all that follows
_TEMPLATE = 3  # definitions that a string may well hold as text
_HEADER = re.compile(r"[ \t\f]*(?:(?P<kind>class)|(?:async[ \t]+)?def)[ \t]+(?P<name>\w+)")
_DECORATOR = re.compile(r"[ \t\f]*@[\w.]+[ \t]*(?:\(.*)?$")
_LAMBDA = re.compile(r"[ \t\f]*\w+[ \t]*(?::[^=]*)?=[ \t(]*lambda\b")
_MAY_DEFINE = re.compile(r"\b(?:def|lambda)\b")
# Words that begin a statement and cannot stand inside brackets: a bracket still open before them was never closed.
_STATEMENT = re.compile(
    r"[ \t\f]*(?:(?:async[ \t]+)?def|class|import|try|except|finally|while|with|return|raise|continue|break|del|pass"
    r"|global|nonlocal|assert)\b(?![ \t]*[=.,)\]}])"
)
# Compound statements whose words may also stand inside brackets; there they hardly begin a line that ends in a colon.
_COMPOUND = re.compile(r"[ \t\f]*(?:if|elif|else|for|async|match|case)\b.*:[ \t]*(?:#.*)?$")
_DEFINITIONS = (_HEADER, _DECORATOR, _COMPOUND)
_UNLIKELY_INSIDE = (_COMPOUND, _DECORATOR, _LAMBDA)
_COLON = re.compile(r":[ \t]*(?:#.*)?$")
_OPENS_BLOCK = re.compile(
    r"[ \t\f]*(?:if|elif|else|for|async|match|case|def|class|while|with|try|except|finally|@)(?:\b|(?<=@))"
)
_BEGINS = frozenset("@adc")
_DEFINES = re.compile(r"@|(?:async[ \t]+)?def[ \t]+\w+[ \t]*[(\[]|class[ \t]+\w+[ \t]*[:(\[]")
"""How a definition begins at the left margin."""
_ENDS_EARLY = re.compile("never closed|unterminated|EOF|expected an indented block|expected '(?:except|case)")
"""Only such mistakes can be mended by what follows a whole number of lines."""
_LEXEME = re.compile(r"\"\"\"|'''|\"|'|#|[\[({]|[\])}]|\\$")
_IN_STRING = {quote: re.compile(rf"\\.|\\$|{quote}") for quote in ('"""', "'''", '"', "'")}


@dataclass(frozen=True, slots=True)
class Scope:
    """A class or function around a fragment."""

    name: str
    kind: Literal["class", "function"]


@dataclass(frozen=True, slots=True)
class Fragment:
    """Statements that parse, and where they stand."""

    body: tuple[ast.stmt, ...]
    offset: int
    """What to add to a node's line number for the line in the file."""
    scopes: tuple[Scope, ...] = ()
    """The classes and functions around, outermost first, that do not parse as a whole."""
    _made: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, what: Hashable, make: Callable[[], _Made]) -> _Made:
        """What is made of the statements alone; it is made anew only when they have changed."""
        if what not in self._made:
            self._made[what] = make()
        made: _Made = self._made[what]
        return made


@dataclass(frozen=True, slots=True)
class Broken:
    """A function whose own text does not parse."""

    name: str
    qualname: str
    error: str
    """One line: `line 3: '(' was never closed`."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What is known of a file's syntax."""

    fragments: tuple[Fragment, ...]
    broken: tuple[Broken, ...]
    error: str | None
    """Why the whole does not parse, or None."""

    @property
    def module(self) -> tuple[Fragment, ...] | None:
        """The statements of the whole file, in order; None if it does not parse."""
        return self.fragments if self.error is None else None


@lru_cache(maxsize=16)
def split_lines(source: str) -> tuple[str, ...]:
    """The physical lines as Python counts them (`str.splitlines` also splits at form feeds and more)."""
    return tuple(_NEWLINE.split(source.removeprefix("\ufeff")))


@lru_cache(maxsize=16)
def parse(source: str) -> Parsed:
    """The syntax of a file; never raises."""
    lines = split_lines(source)
    fragments: list[Fragment] = []
    cuts = [*_cuts(lines), len(lines)]
    at = 0
    while at < len(cuts) - 1:
        # What comes before are whole statements. A piece that fails may have been cut amid a string or brackets: it
        # goes on for a while, then to the end of the file, where all that is wrong with it must have shown.
        ends = [*range(at + 1, min(at + _GROWS, len(cuts))), len(cuts) - 1]
        while ends:
            end = ends.pop(0)
            piece, error = parse_lines(lines, cuts[at], cuts[end], indented=False)
            if piece is not None:
                break
            if not _may_go_on(error):
                ends = ends[-1:]  # of what is wrong, the whole may tell another mistake first
        if piece is not None:
            fragments.append(piece)
        else:
            broken: list[Broken] = []
            _recover(lines, cuts[at], len(lines), (), fragments, broken)
            return Parsed(tuple(fragments), tuple(broken), error)
        at = end
    return Parsed(tuple(fragments), (), None)


def _may_go_on(error: str | None) -> bool:
    """Whether what is wrong with a piece may be that it ends too early."""
    return error is not None and _ENDS_EARLY.search(error) is not None


def module_statements(source: str) -> list[ast.stmt]:
    """The statements of a whole file, in order; none of one that does not parse. Their lines are not the file's."""
    return [node for fragment in parse(source).module or () for node in fragment.body]


def _cuts(lines: Sequence[str]) -> Iterator[int]:
    """The first line, and those where a definition at the left margin seems to begin, with its decorators."""
    yield 0
    decorated = False
    for at, line in enumerate(lines):
        if line[:1] in _BEGINS and (match := _DEFINES.match(line)):
            if at and not decorated:
                yield at
            decorated = match[0] == "@"


def written(node: ast.expr) -> str | None:
    """An expression as source on one line; None where Python has no way to write it: too deeply nested, or made by
    putting a text with a backslash in place of a name within an f-string."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return None


def parse_lines(
    lines: Sequence[str], start: int, stop: int, *, indented: bool, scopes: tuple[Scope, ...] = ()
) -> tuple[Fragment | None, str | None]:
    """The statements of `lines[start:stop]`, or why they do not parse."""
    text = "\n".join(lines[start:stop])
    offset = start - 1 if indented else start
    if "\0" in text:  # releases of Python differ in how they say so
        line = next(at for at in range(start, stop) if "\0" in lines[at]) + 1
        return None, f"line {line}: source code cannot contain null bytes"
    found = _kept.statements(text, indented=indented)
    if found.body is not None:
        return Fragment(found.body, offset, scopes, found.made), None
    message = re.sub(r"\bline (\d+)", lambda match: f"line {int(match[1]) + offset}", found.message)
    return None, f"line {max(1, found.line + offset)}: {message}"


class _Statements(NamedTuple):
    """The statements of a text, or what is wrong with it."""

    body: tuple[ast.stmt, ...] | None
    made: dict[Hashable, Any]
    line: int = 1
    """Counted from the first that is parsed."""
    message: str = ""


class _Kept:
    """The statements of the texts that were parsed last: the same objects wherever a text comes again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, bool], _Statements] = OrderedDict()
        self._size = 0
        self._classes: OrderedDict[str, tuple[str, tuple[ast.stmt, ...]]] = OrderedDict()
        """The large classes that were parsed last: their texts and statements, by their first lines."""

    def statements(self, text: str, *, indented: bool) -> _Statements:
        key = text, indented
        with self._lock:
            if (found := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return found
        parsed = self._patched(text) if not indented else None
        parsed = parsed or _statements(text, indented=indented)
        with self._lock:
            found = self._known.setdefault(key, parsed)
            if found is parsed and parsed.body is not None and (line := _class_line(text)):
                self._classes[line] = text, parsed.body
                while len(self._classes) > _CLASSES:
                    self._classes.popitem(last=False)
            if found is parsed:
                self._size += len(text)
            while self._size > _KEPT:
                self._size -= len(self._known.popitem(last=False)[0][0])
        return found

    def _patched(self, text: str) -> _Statements | None:
        """The statements of a text that differs from one parsed before in a method alone."""
        match self._classes.get(_class_line(text)):
            case before, (ast.ClassDef() as class_,):
                changed = patched(before, class_, text)
                return None if changed is None else _Statements((changed,), {})
        return None


def _class_line(text: str) -> str:
    """The line of a large class by which it is known again; empty of anything else."""
    if text.count("\n") < FEWEST:
        return ""
    return next((line for line in text.split("\n", 20)[:20] if line.startswith("class ")), "")


_kept = _Kept()


def _statements(text: str, *, indented: bool) -> _Statements:
    first_line = 2 if indented else 1
    try:
        body = tree_of(f"if 1:\n{text}" if indented else text).body
    except SyntaxError as error:
        message = re.sub(r" \(detected at line \d+\)", "", error.msg)
        return _Statements(None, {}, error.lineno or 1, message.splitlines()[0] if message else "invalid syntax")
    except UnicodeEncodeError:
        return _Statements(None, {}, first_line, "a lone surrogate is not text")
    except (RecursionError, MemoryError):
        return _Statements(None, {}, first_line, "too deeply nested to parse")
    first = body[0] if indented else None
    return _Statements(tuple(first.body if isinstance(first, ast.If) else body), {})


@dataclass(frozen=True, slots=True)
class _Logical:
    """One logical line: physical lines `start` to `stop`, exclusive, 0-based."""

    start: int
    stop: int
    indent: int
    closed: bool
    """Whether no string is left open at its end."""


def _recover(
    lines: Sequence[str],
    start: int,
    stop: int,
    scopes: tuple[Scope, ...],
    fragments: list[Fragment],
    broken: list[Broken],
) -> None:
    """Parse each block of `lines[start:stop]`, and enter those that fail."""
    doubts = _DOUBTS  # how often it may yet be asked whether the strings from here on are what they seem
    while (block := _block(lines, start, stop, loose=False)) is not None:
        fragment, error = _parse_if_defining(lines, block, scopes)
        loose = _block(lines, block[0].start, stop, loose=True) or block
        if loose[-1].stop != block[-1].stop:
            # A string holds what looks like a definition. If the block does not parse, or if the string holds many and
            # another one stays open in what follows, then an unclosed one has swallowed real code: look again with
            # strings cut at definitions. A docstring may well tell of definitions, indented as it is.
            hidden = _hidden(lines, block)
            swallowed = error is not None
            if doubts and (
                all(indent > block[0].indent for indent in hidden) if swallowed else len(hidden) >= _TEMPLATE
            ):
                swallowed = not all(line.closed for line in _logical_lines(lines, block[0].start, stop, loose=False))
                doubts = doubts - 1 if swallowed else 0
            if swallowed:
                block = loose
                fragment, error = _parse_if_defining(lines, block, scopes)
        if fragment is not None:
            fragments.append(fragment)
        if error is not None:
            inner = scopes
            header = next(line for line in block if not _DECORATOR.match(lines[line.start]) or line is block[-1])
            if match := _HEADER.match(lines[header.start]):
                name = match["name"]
                inner = (*scopes, Scope(name, "class" if match["kind"] else "function"))
                if not match["kind"]:
                    broken.append(Broken(name, ".".join(scope.name for scope in inner), error))
            if len(inner) < _DEEPEST and header.stop < block[-1].stop:
                _recover(lines, header.stop, block[-1].stop, inner, fragments, broken)
        start = block[-1].stop


def _hidden(lines: Sequence[str], block: Sequence[_Logical]) -> list[int]:
    """The indentations of lines inside a block's strings that look like definitions."""
    starts = {line.start for line in block}
    inside = (at for at in range(block[0].start, block[-1].stop) if at not in starts)
    return [_indent(lines[at]) for at in inside if _HEADER.match(lines[at])]


def _parse_if_defining(
    lines: Sequence[str], block: Sequence[_Logical], scopes: tuple[Scope, ...]
) -> tuple[Fragment | None, str | None]:
    """`parse_lines`, but blocks that hold no function at all are left alone: (None, None)."""
    start, stop = block[0].start, block[-1].stop
    if not any(_MAY_DEFINE.search(lines[i]) for i in range(start, stop)):
        return None, None
    return parse_lines(lines, start, stop, indented=block[0].indent > 0, scopes=scopes)


def _block(lines: Sequence[str], start: int, stop: int, *, loose: bool) -> list[_Logical] | None:
    """The first statement at or after `start` with everything indented below it, and the decorators above."""
    block: list[_Logical] = []
    for line in _logical_lines(lines, start, stop, loose=loose):
        if block:
            above = lines[block[-1].start]
            if line.indent > block[0].indent:
                # What is indented under a complete statement belongs to nobody.
                if len(block) == 1 and not _opens_block(lines, block[0]):
                    break
            elif not above.lstrip(" \t\f").startswith("@"):
                break
        block.append(line)
    return block or None


def _opens_block(lines: Sequence[str], header: _Logical) -> bool:
    """Whether a logical line wants an indented block below it (a broken one may)."""
    if not _OPENS_BLOCK.match(lines[header.start]):
        return False
    if _COLON.search(lines[header.stop - 1]):
        return True
    return parse_lines(lines, header.start, header.stop, indented=header.indent > 0)[0] is None


def _logical_lines(lines: Sequence[str], start: int, stop: int, *, loose: bool) -> Iterator[_Logical]:
    """Logical lines, blank ones and comments left out. Tolerant: brackets left open end at the next statement word,
    and with `loose` triple-quoted strings left open end at the next definition that is indented no deeper."""
    at = start
    while at < stop:
        line = lines[at]
        text = line.lstrip(" \t\f")
        if not text or text.startswith("#"):
            at += 1
            continue
        begin, indent = at, _indent(line)
        depth, quote = 0, ""
        while True:
            depth, quote, continued = _lex(lines[at], depth, quote)
            at += 1
            if not (depth or quote or continued) or at >= stop:
                break
            line = lines[at]
            if quote:
                if loose and any(one.match(line) for one in _DEFINITIONS) and _indent(line) <= indent:
                    break
            elif _STATEMENT.match(line) or (
                any(one.match(line) for one in _UNLIKELY_INSIDE) and _indent(line) <= indent
            ):
                break
        yield _Logical(begin, at, indent, not quote)


def _lex(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """(open brackets, the triple quote that is open, backslash continuation) after a physical line."""
    at = 0
    while True:
        if quote:
            while (match := _IN_STRING[quote].search(line, at)) and match[0] != quote:
                at = match.end()
            if match is None:
                if len(quote) == 3:
                    return depth, quote, False
                # A string that ends with its line is closed if the line is continued, else a mistake; then the
                # bracket around it is most likely closed inside it.
                continued = line.endswith("\\")
                return (depth if continued else 0), "", continued
            at, quote = match.end(), ""
        match = _LEXEME.search(line, at)
        if match is None:
            return depth, "", False
        at = match.end()
        lexeme = match[0]
        if lexeme == "#":
            return depth, "", False
        if lexeme == "\\":
            return depth, "", True
        if lexeme in "([{":
            depth += 1
        elif lexeme in ")]}":
            depth = max(0, depth - 1)
        else:
            quote = lexeme


def _indent(line: str) -> int:
    """The column of a line's first character, as the tokenizer counts it."""
    column = 0
    for character in line:
        if character == " ":
            column += 1
        elif character == "\t":
            column = column // 8 * 8 + 8
        elif character == "\f":
            column = 0
        else:
            break
    return column
