"""What of a program a function reaches: the part of it that a model is shown where there is no room for all."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cwm_lsp.source.bind import dotted
from cwm_lsp.source.imported import Place
from cwm_lsp.source.recovery import split_lines

if TYPE_CHECKING:
    from pathlib import Path

    from cwm_lsp.source.functions import Function

MOST_FILES = 20
"""Other files that are looked into."""
MOST_CHARACTERS = 40_000
"""Text of theirs that is given."""


def own_lines(function: Function) -> range:
    """The lines of a function."""
    return range(function.first_line, function.last_line + 1)


def reached(source: str, function: Function) -> set[int]:
    """Lines of the function and of what it reaches in its file: functions, the methods of classes that are named
    somewhere, constants, imports. Lines of the function alone where the file does not parse."""
    own = set(own_lines(function))
    parts = _parts_of(source)
    return own | _lines_of(_closure(parts, [part for part in parts if own & set(part.lines)]))


def reached_elsewhere(place: Place, function: Function, call: str) -> list[str]:
    """The same of the project's other files, for a call: for each, in the order in which it comes to them, the text of
    what it reaches there. Installed files are none of the project."""
    own = set(own_lines(function))
    first = _File(place, _parts_of(place.source))
    first.kept = [part for part in first.parts if own & set(part.lines)]
    first.kept += [replace(part, lines=range(0)) for part in _parts_of(call)]
    files = {place.path: first}
    while any(_grown(file, files) for file in list(files.values())):
        pass
    room, texts = MOST_CHARACTERS, []
    for file in list(files.values())[1:]:
        lines = split_lines(file.place.source)
        text = "\n".join(lines[number - 1] for number in sorted(_lines_of(file.kept)))
        room -= len(text)
        if text and room >= 0:
            texts.append(text)
    return texts


@dataclass(slots=True)
class _File:
    """A file, and what of it is reached."""

    place: Place
    parts: Sequence[_Part]
    kept: list[_Part] = field(default_factory=list)
    entered: set[str] = field(default_factory=set)
    """The names that others have from it."""
    asked: set[str] = field(default_factory=set)
    """Dotted names of which it is known where they come from."""


def _grown(file: _File, files: dict[Path, _File]) -> bool:
    """Let what is known to be reached reach what it can; gives whether that was any more."""
    used = frozenset().union(*(part.uses for other in files.values() for part in other.kept))
    before = len(file.kept)
    file.kept = _closure(file.parts, file.kept, file.entered, used)
    has_grown = len(file.kept) > before
    for name in dict.fromkeys(name for part in file.kept for name in part.dotted):
        if name in file.asked:
            continue
        file.asked.add(name)
        origin = file.place.origin(name)
        if origin is None or origin.place.is_installed:
            continue
        path = origin.place.path
        if path not in files and len(files) <= MOST_FILES:
            files[path] = _File(origin.place, _parts_of(origin.place.source))
        if path in files:
            files[path].entered.add(origin.name.partition(".")[0])
            has_grown = True
    return has_grown


def _closure(
    parts: Sequence[_Part],
    kept: list[_Part],
    entered: Collection[str] = frozenset(),
    used: frozenset[str] = frozenset(),
) -> list[_Part]:
    """What some parts of a file, and what others have from it, reach in it; `used` are names that other files have,
    which may be of methods."""
    kept = list(kept)
    while True:
        here = {name for part in kept for name in part.uses | part.within}.union(entered)
        more = [
            part
            for part in parts
            if part not in kept
            and part.within <= here
            and (part.names & (here | used if part.within else here) or part.is_field_of(entered))
        ]
        if not more:
            return kept
        kept += more


def _lines_of(parts: Sequence[_Part]) -> set[int]:
    return set().union(*(part.lines for part in parts), *(part.header for part in parts))


@lru_cache(maxsize=32)
def _parts_of(source: str) -> Sequence[_Part]:
    """The parts of a file; none of one that does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(part for statement in tree.body for part in _parts(statement))


@dataclass(frozen=True, slots=True)
class _Part:
    """A statement of a module, or of a class in it."""

    lines: range
    names: frozenset[str]
    """What it defines; a method is also reached by its class's name if Python calls it unasked."""
    uses: frozenset[str]
    within: frozenset[str] = frozenset()
    """The class that it is part of, if any."""
    header: range = range(0)
    """Lines of that class's head."""
    dotted: tuple[str, ...] = ()
    """What it uses, with the attributes of it."""
    is_function: bool = False

    def is_field_of(self, classes: Collection[str]) -> bool:
        """Whether it is an attribute of one of some classes."""
        return not self.is_function and not self.within.isdisjoint(classes)


def _parts(statement: ast.stmt) -> Iterator[_Part]:
    if not isinstance(statement, ast.ClassDef):
        defined, used = frozenset(_defined(statement)), frozenset(_used(statement))
        yield _Part(_lines(statement), defined, used, dotted=tuple(_dotted(statement)))
        return
    header = range(_lines(statement).start, statement.body[0].lineno)
    bases = frozenset(name for base in statement.bases for name in _used(base))
    name = frozenset({statement.name})
    for part in statement.body:
        names = frozenset(_defined(part))
        unasked = all(n.startswith("__") for n in names)
        yield _Part(
            _lines(part),
            names | name if unasked else names,
            bases | frozenset(_used(part)),
            name,
            header,
            (*(name for base in statement.bases for name in _dotted(base)), *_dotted(part)),
            isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef),
        )


def _lines(statement: ast.stmt) -> range:
    first = min((node.lineno for node in getattr(statement, "decorator_list", [])), default=statement.lineno)
    return range(min(first, statement.lineno), (statement.end_lineno or statement.lineno) + 1)


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _used(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def _dotted(node: ast.AST) -> Iterator[str]:
    """The names of a statement, and those that begin with one: `utils.rates.twice`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name | ast.Attribute) and (name := dotted(part)) is not None:
            yield name
