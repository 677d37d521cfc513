"""Calls of functions found in code: doctests, tests, the main guard, module-level statements.

A place is read once for all functions. A call is lifted out of where it stands into their own file: local names are
replaced by what was assigned to them (`s = Stack()`, `s.push(1)` → `Stack().push(1)`), or carried with the statements
that make and change their objects; imported names are those of the file, or imported by such a statement. A call that
still needs a name which is nowhere is left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TypeVar

from .bind import dotted
from .functions import Face, functions
from .home import Home, imported_names, the_same
from .lifting import imports_in
from .names import is_builtin, is_main_guard, names_of
from .reader import Definition, Found, Reader
from .recovery import Fragment, module_statements, parse, parse_lines, split_lines
from .steps import Environment
from .testfiles import TestReader
from .trees import walk

_STAR = re.compile(r"\bimport[ \t]*\*")
_PROMPT = re.compile(r"[ \t]*>>> ?(.*)")
_CONTINUED = re.compile(r"[ \t]*\.\.\.(?: (.*))?$")

Some = TypeVar("Some", bound=TestReader)
Importable = Callable[[str], bool]
"""Whether the functions' file could import a module (dotted)."""
Calls = Sequence[Sequence[Found]]
"""Calls by function, in the order in which the functions were given."""


def nothing_importable(module: str) -> bool:
    """Where it is not known what can be imported."""
    return False


def in_doctests(home: Home, source: str, importable: Importable = nothing_importable) -> Calls:
    """Calls in the doctests of the file, each function's own first."""
    own: list[list[Found]] = [[] for _ in home.functions]
    others: list[list[Found]] = [[] for _ in home.functions]
    fresh = TestReader(home, home.keeps, importable=importable)
    for owner, docstring, first_line, last_line in docstrings(source):
        reader = fresh.again()
        if " as " not in docstring and not reader.is_mentioned(docstring):
            continue
        environment = Environment()
        for text, line in _examples(docstring, split_lines(source)[first_line - 1 : last_line], first_line):
            example, _ = parse_lines(text.split("\n"), 0, text.count("\n") + 1, indented=False)
            if example is not None:
                reader.offset = line - 1
                reader.imports(imports_in(example.body))
                reader.statements(example.body, environment)
        for at, found in reader.found.items():
            (own if owner == home.functions[at].qualname else others)[at].extend(found.values())
    return [mine + theirs for mine, theirs in zip(own, others, strict=True)]


def in_tests(
    home: Home,
    path: str,
    text: str,
    importable: Importable = nothing_importable,
    place: str = "",
    around: Sequence[tuple[str, str]] = (),
) -> Calls:
    """Calls in a test file's text; `path` is the file of the functions, which the tests import. `place` is the test
    file; `around` has the paths and texts of the `conftest.py` of its folder and those above, outermost first."""
    context = replace(home, functions=(), names=home.names if _imports_everything(text) else None)
    known = _found_in_tests(the_same(context), path, text, tuple(around))
    new = tuple(function for function in home.functions if function not in known)
    if new:
        reader = read_tests(TestReader, replace(home, functions=new), path, text, importable, place, around)
        known.update(zip(new, reader.by_function if reader is not None else [()] * len(new), strict=True))
    return [known[function] for function in home.functions]


@lru_cache(maxsize=512)
def _imports_everything(text: str) -> bool:
    """Whether names are imported with a star."""
    return _STAR.search(text) is not None


@lru_cache(maxsize=512)
def _found_in_tests(
    home: Home, path: str, text: str, around: tuple[tuple[str, str], ...]
) -> dict[Face, Sequence[Found]]:
    """What has been found in a test file: an edit of the functions' file seldom changes what is called there."""
    return {}


def read_tests(
    kind: type[Some],
    home: Home,
    path: str,
    text: str,
    importable: Importable = nothing_importable,
    place: str = "",
    around: Sequence[tuple[str, str]] = (),
) -> Some | None:
    """A reader that has read a test file as in `in_tests`; None where nothing of it is mentioned there."""
    roots = {function.qualname.split(".")[0] for function in home.functions}
    mentioned = {root for root in roots if root in text}
    fragments = parse(text).module if mentioned else None
    if fragments is None:
        return None
    reader = _reader_of(kind, home, path, fragments, importable, place)
    if not (reader.modules or reader.packages or reader.everything):
        mentioned &= set(reader.renamed.values())
    reader.keep_only(lambda function: function.qualname.split(".")[0] in mentioned)
    if not (reader.wanted or reader.objects):
        return reader
    outer: TestReader | None = None
    for its_place, its_text in around:
        its = parse(its_text).module
        if its is not None:
            inner = _reader_of(TestReader, replace(home, functions=()), path, its, importable, its_place)
            inner.prepare(its, outer)
            outer = inner
    reader.tests(fragments, text, outer)
    return reader


def _reader_of(
    kind: type[Some], home: Home, path: str, fragments: Sequence[Fragment], importable: Importable, place: str
) -> Some:
    """What reads a file of tests, its imports taken in."""
    body = [node for fragment in fragments for node in fragment.body]
    theirs = names_of(fragments)
    shared = imported_names(body) & home.imported
    reader = kind(
        home,
        lambda name: name in shared or (is_builtin(name) and name not in (theirs or ())),
        importable=importable,
    )
    reader.imports(
        [node for one in fragments for node in one.once("imports", partial(imports_in, one.body))], path, place
    )
    return reader


def in_own_tests(home: Home, source: str, importable: Importable = nothing_importable) -> Calls:
    """Calls in tests that stand in the functions' own file."""
    return read_own_tests(TestReader, home, source, importable).by_function


def read_own_tests(kind: type[Some], home: Home, source: str, importable: Importable = nothing_importable) -> Some:
    """A reader that has read the tests in the functions' own file."""
    part = _parts(source).tests
    reader = kind(home, home.keeps, importable=importable)
    if reader.is_mentioned(part.text):
        reader.tests(part.body, source)
    return reader


def in_main(home: Home, source: str) -> Calls:
    """Calls under `if __name__ == "__main__":`, and in the functions that are called there without arguments."""
    return read_main(TestReader, home, source).by_function


def read_main(kind: type[Some], home: Home, source: str) -> Some:
    """A reader that has read what stands under `if __name__ == "__main__":`, as in `in_main`."""
    parts = _parts(source)
    reader = kind(home, home.keeps)
    if not reader.is_mentioned(parts.main.text):
        return reader
    top = _constants(home, parts.run.body)
    for fragment in parts.main.body:
        reader.offset = fragment.offset
        for node in fragment.body:
            if isinstance(node, ast.If | Definition):
                reader.within = getattr(node, "name", None)
                reader.statements(node.body, top.copy())
    return reader


def at_module_level(home: Home, source: str) -> Calls:
    """Calls in assertions and other statements that run when the file is imported."""
    part = _parts(source).run
    reader = TestReader(home, home.keeps, module_level=True)
    environment = Environment()
    if reader.is_mentioned(part.text):
        for fragment in part.body:
            reader.offset = fragment.offset
            reader.statements(fragment.body, environment)
    return reader.by_function


@dataclass(frozen=True, slots=True)
class _Part:
    """Some statements of a module, and the text in which a call must be mentioned that is found in them."""

    body: Sequence[Fragment]
    text: str

    @classmethod
    def of(cls, source: str, belongs: Callable[[ast.stmt], bool], is_read: Callable[[ast.stmt], bool]) -> _Part:
        """The statements that belong to it; `is_read`: those of them that are looked into."""
        lines = split_lines(source)
        body: list[Fragment] = []
        texts: list[str] = []
        for fragment in parse(source).module or ():
            nodes = tuple(filter(belongs, fragment.body))
            body += [Fragment(nodes, fragment.offset)] if nodes else []
            for node in filter(is_read, nodes):
                texts += lines[_first_line(node) - 1 + fragment.offset : (node.end_lineno or 0) + fragment.offset]
        return cls(body, "\n".join(texts))


@dataclass(frozen=True, slots=True)
class _Parts:
    """A module's statements by what can be found in them; none of one that does not parse."""

    tests: _Part
    main: _Part
    """The main guards, then the functions that are called there without arguments."""
    run: _Part
    """What runs when the file is imported."""


@lru_cache(maxsize=16)
def _parts(source: str) -> _Parts:
    called = {
        node.func.id
        for guard in filter(is_main_guard, module_statements(source))
        for node in walk(guard)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and not node.keywords
    }

    def is_called(node: ast.stmt) -> bool:
        return isinstance(node, Definition) and node.name in called

    guards = _Part.of(source, is_main_guard, is_main_guard)
    entered = _Part.of(source, is_called, is_called)
    return _Parts(
        _Part.of(source, _is_test, _is_test),
        _Part([*guards.body, *entered.body], f"{guards.text}\n{entered.text}"),
        _Part.of(
            source,
            lambda node: not is_main_guard(node),
            lambda node: not isinstance(node, Definition | ast.ClassDef),
        ),
    )


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _constants(home: Home, body: Sequence[Fragment]) -> Environment:
    """What a module's own constants stand for, so that calls with them become literal."""
    environment = Environment()
    reader = Reader(home, home.keeps, module_level=True)
    reader.wanted, reader.objects = {}, []
    nodes = [node for fragment in body for node in fragment.body]
    reader.statements([node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)], environment)
    return environment


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") or any((dotted(base) or "").endswith("TestCase") for base in node.bases)
    return isinstance(node, Definition) and node.name.startswith("test")


def docstrings(source: str) -> Iterator[tuple[str, str, int, int]]:
    """(qualified name of the owner, docstring, first and last line to find it in) of those that may have examples."""
    for function in functions(source):
        if function.docstring is not None and ">>>" in function.docstring:
            yield function.qualname, function.docstring, function.body_line, function.last_line
    for at, fragment in enumerate(parse(source).module or ()):
        module = [ast.Module(list(fragment.body), [])] if at == 0 else []
        for owner in [*module, *fragment.body]:
            if isinstance(owner, ast.Module | ast.ClassDef):
                docstring = ast.get_docstring(owner)
                if docstring is not None and ">>>" in docstring:
                    first = owner.body[0].lineno + fragment.offset
                    last = (owner.body[0].end_lineno or owner.body[0].lineno) + fragment.offset
                    yield getattr(owner, "name", ""), docstring, first, last


def _examples(docstring: str, lines: Sequence[str], first_line: int) -> Iterator[tuple[str, int]]:
    """(source, line in the file) of each doctest example. A docstring's own lines may differ from those of the file
    (escapes, indentation); its prompts are counted instead."""
    at = [first_line + index for index, line in enumerate(lines) if ">>>" in line]
    count = 0
    text: list[str] = []
    for line in [*docstring.split("\n"), ""]:
        if text and (match := _CONTINUED.match(line)):
            text.append(match[1] or "")
            continue
        if text:
            yield "\n".join(text), at[count - 1] if count <= len(at) else first_line
            text = []
        if match := _PROMPT.match(line):
            text = [match[1]]
        count += ">>>" in line
