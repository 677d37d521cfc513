"""What whoever wrote a call expects of it: the output of a doctest, the other side of an assertion."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal

from .bind import dotted
from .recovery import parse, split_lines
from .trees import expression_of, walk

Kind = Literal["shows", "equals", "raises", "true", "false"]

_EQUAL = {"assertEqual", "assertEquals", "assert_equal"}
_RAISES = {"raises", "assertRaises", "assertRaisesRegex"}
_TRACEBACK = re.compile(r"Traceback \((?:most recent call last|innermost last)\):")
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a call is expected to do."""

    kind: Kind
    """`shows`: the repr of what it returns is `text`. `equals`: it returns what the literal `text` is. `raises`: an
    exception of the type that `text` begins with, of that message if it has one. `true`, `false`: so is what it
    returns."""
    text: str
    line: int
    """1-based, where that is written."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def holds(self, value: str | None, exception: tuple[str, str] | None) -> bool | None:
        """Whether it does, given the repr of what the call returns, or the type and message of what it raises. None
        where the reprs do not tell."""
        if self.kind == "raises":
            return exception is not None and self._is_meant(*exception)
        if exception is not None:
            return False
        if value is None:
            return None
        if self.kind == "shows":
            return self._shows(value)
        try:
            found = ast.literal_eval(value)
            if self.kind == "equals":
                return bool(found == ast.literal_eval(self.text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return value == self.text or None
        return bool(found) == (self.kind == "true")

    def _is_meant(self, kind: str, message: str) -> bool | None:
        """A doctest's is the very type; a test may mean a base of it, which a name does not tell."""
        wanted, colon, told = self.text.partition(": ")
        if not colon:
            return kind == wanted or None
        return kind == wanted.rpartition(".")[2] and (told == message or "..." in told or None)

    def _shows(self, value: str) -> bool | None:
        shown = "" if value == "None" else f"{value}\n"
        if doctest.OutputChecker().check_output(f"{self.text}\n" if self.text else "", shown, _FLAGS):
            return True
        # What the call prints comes before what it returns: only a value that is told by itself is told apart.
        return False if "\n" not in self.text and _is_literal(self.text) and _is_literal(value) else None


@lru_cache(maxsize=1024)
def expected(text: str, line: int, name: str) -> Expectation | None:
    """What is expected of the call of a function called `name` that stands at a 1-based line of a file; None if that is
    nothing, or not said in a way that is understood."""
    lines = split_lines(text)
    prompt = re.match(r"(\s*)>>> (.*)", lines[line - 1]) if 0 < line <= len(lines) else None
    if prompt is not None:
        return _of_example(lines, line, prompt[1], prompt[2], name)
    found = [expectation for at, expectation in _in_statement(text, line, name) if at == line]
    return found[0] if len(found) == 1 else None


def _of_example(lines: Sequence[str], line: int, margin: str, first: str, name: str) -> Expectation | None:
    """What a doctest's example shows, given the line of its prompt."""
    code, index = [first], line
    while index < len(lines) and lines[index].startswith(f"{margin}..."):
        code.append(lines[index][len(margin) + 4 :])
        index += 1
    wanted: list[str] = []
    for shown in lines[index:]:
        if not shown.strip() or shown.strip().startswith((">>>", '"""', "'''")):
            break
        wanted.append(shown[len(margin) :].rstrip())
    if "doctest: +SKIP" in first or not wanted or not _is_call(_expression("\n".join(code)), name):
        return None
    if _TRACEBACK.match(wanted[0]):
        last = next((text for text in reversed(wanted) if not text[:1].isspace()), "")
        return Expectation("raises", last, index + len(wanted))
    return Expectation("shows", "\n".join(wanted).replace("<BLANKLINE>", ""), index + 1)


def _expression(code: str) -> ast.expr | None:
    try:
        return expression_of(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _in_statement(text: str, line: int, name: str) -> Iterator[tuple[int, Expectation]]:
    """The expectations in the statement of the module around a line, each with the line of its call."""
    for fragment in parse(text).module or ():
        for statement in fragment.body:
            if statement.lineno + fragment.offset <= line <= (statement.end_lineno or 0) + fragment.offset:
                nodes = fragment.once(("expectations", id(statement)), partial(_telling, statement))
                around = [node for node in nodes if node.lineno <= line - fragment.offset <= (node.end_lineno or 0)]
                for at, expectation in _in_nodes(around, name):
                    moved = replace(expectation, line=expectation.line + fragment.offset)
                    yield at + fragment.offset, moved


def _telling(statement: ast.stmt) -> list[ast.stmt | ast.expr]:
    """The nodes in a statement that may tell what is expected of a call."""
    return [node for node in walk(statement) if isinstance(node, ast.Assert | ast.Call | ast.With)]


def _in_nodes(nodes: Iterable[ast.stmt | ast.expr], name: str) -> Iterator[tuple[int, Expectation]]:
    """What these say of calls, in lines as the nodes have them."""
    for node in nodes:
        match node:
            case ast.Assert(test=test):
                yield from _asserted(test, name, node.lineno)
            case ast.Call(func=ast.Attribute(attr=attribute), args=[one, other, *_]) if attribute in _EQUAL:
                yield from _equal(one, other, name, node.lineno)
            case ast.With(items=[ast.withitem(context_expr=ast.Call(func=function, args=[kind, *_]))], body=[only]):
                wanted = dotted(kind)
                if wanted and (dotted(function) or "").split(".")[-1] in _RAISES:
                    value = getattr(only, "value", None)
                    if value is not None and _is_call(value, name):
                        yield value.lineno, Expectation("raises", wanted.split(".")[-1], node.lineno)


def _asserted(test: ast.expr, name: str, line: int) -> Iterator[tuple[int, Expectation]]:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            yield from _equal(left, right, name, line)
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _is_call(operand, name):
            yield operand.lineno, Expectation("false", "", line)
        case _ if _is_call(test, name):
            yield test.lineno, Expectation("true", "", line)


def _equal(one: ast.expr, other: ast.expr, name: str, line: int) -> Iterator[tuple[int, Expectation]]:
    for call, literal in ((one, other), (other, one)):
        if _is_call(call, name):
            text = ast.unparse(literal)
            if _is_literal(text):
                yield call.lineno, Expectation("equals", text, line)


def _is_call(node: ast.expr | None, name: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return called == name


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True
