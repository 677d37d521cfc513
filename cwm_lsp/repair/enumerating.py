# ruff: noqa: E501
"""Small expressions over what a function is given, from the smallest up; of those that give the same there is one.

What an expression gives in each known call is asked of the evaluator, a hundred expressions at a time: `Probe` puts them
where the function's body will stand. See https://doi.org/10.1145/2499370.2462174 for the idea.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_lsp.source.trees import expression_of

Values = tuple[str | None, ...]
"""What an expression shows as in each call; None where it raises."""
Ask = Callable[[Sequence[str]], list[Values]]
"""What expressions give in the known calls."""
AT_ONCE = 100
"""Expressions that are asked of together."""
WIDEST = 50
"""Small expressions that are put together with each other."""
CONSTANT = 2
"""The size of a constant; a variable's is 1."""
_NUMBER = (
    "{0} + 1", "{0} - 1", "{0} * 2", "{0} // 2", "{0} % 2", "{0} % 10", "{0} // 10", "{0} ** 2", "-{0}", "abs({0})",
    "str({0})", "{0} == 0", "{0} > 0", "{0} < 0", "{0} % 2 == 0", "int({0})", "round({0})", "float({0})", "range({0})",
    "list(range({0}))", "list(range(1, {0} + 1))", "{0} * 100", "{0} / 2", "{0} / 100", "bin({0})",
)  # fmt: skip
_TEXT = (
    "len({0})", "{0}.lower()", "{0}.upper()", "{0}.strip()", "{0}[::-1]", "{0}.split()", "{0}.title()",
    "{0}.capitalize()", "list({0})", "{0}[0]", "{0}[-1]", "{0}[1:]", "{0}[:-1]", "int({0})", "float({0})", "not {0}",
    "{0}.isdigit()", "{0}.isalpha()", "set({0})", "sorted({0})", "{0}.swapcase()", "''.join(sorted({0}))", "ord({0})",
    "{0} == {0}[::-1]", "{0}.splitlines()", "{0}.split(',')", "{0}.replace(' ', '')", "' '.join({0}.split())",
    "{0}.replace(' ', '_')", "{0}.replace(' ', '-')", "{0}.isupper()", "{0}.encode()", "len(set({0}))",
)  # fmt: skip
_ROW = (
    "len({0})", "sum({0})", "max({0})", "min({0})", "sorted({0})", "{0}[::-1]", "{0}[0]", "{0}[-1]", "{0}[1:]",
    "{0}[:-1]", "set({0})", "len(set({0}))", "list({0})", "tuple({0})", "dict({0})", "not {0}", "any({0})", "all({0})",
    "''.join({0})", "' '.join({0})", "', '.join({0})", "sum({0}) / len({0})", "max({0}) - min({0})",
    "sorted({0}, reverse=True)", "list(dict.fromkeys({0}))", "sorted(set({0}))", "list(enumerate({0}))", "list(zip(*{0}))",
    "[list(row) for row in zip(*{0})]", "[item for row in {0} for item in row]", "sorted({0}, key=len)",
    "max({0}, key=len)", "len({0}) // 2", "sorted({0})[len({0}) // 2]", "[x for x in {0} if x]",
    "{{x: {0}.count(x) for x in {0}}}", "max({0}, key={0}.count)", "[x for x in {0} if {0}.count(x) > 1]",
    )  # fmt: skip
_RARELY = (
    "[sum({0}[:i + 1]) for i in range(len({0}))]", "[b - a for a, b in zip({0}, {0}[1:])]", "{0} == sorted({0})",
    "len({0}) == len(set({0}))", "{0} == {0}[::-1]", "sorted({0})[-2]", "{0}.copy()", "{0}[::2]", "{0}[1::2]",
    "list(zip({0}, {0}[1:]))", "(sorted({0})[(len({0}) - 1) // 2] + sorted({0})[len({0}) // 2]) / 2",
)  # fmt: skip
_TABLE = (
    "len({0})", "list({0})", "list({0}.values())", "list({0}.items())", "sorted({0})", "sum({0}.values())",
    "{{value: key for key, value in {0}.items()}}", "max({0}, key={0}.get)", "min({0}, key={0}.get)", "not {0}",
    "sorted({0}.items())", "max({0}.values())", "{{key: value for key, value in {0}.items() if value}}", "dict({0})",
    "{{key: value for key, value in {0}.items() if value is not None}}",
)  # fmt: skip
_SET = ("len({0})", "sorted({0})", "list({0})", "not {0}", "sum({0})", "max({0})", "min({0})")
_BOTH: dict[tuple[str, str], tuple[str, ...]] = {
    ("number", "number"): (
        "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} // {1}", "{0} / {1}", "{0} % {1}", "{0} ** {1}", "min({0}, {1})",
        "max({0}, {1})", "{0} == {1}", "{0} < {1}", "{0} <= {1}", "{0} != {1}", "{0} % {1} == 0", "range({0}, {1})",
        "list(range({0}, {1}))", "list(range({0}, {1} + 1))", "abs({0} - {1})", "({0} + {1}) / 2", "round({0}, {1})",
        "({0}, {1})", "[{0}, {1}]", "divmod({0}, {1})", "{0} & {1}", "{0} | {1}", "{0} ^ {1}", "[{0}] * {1}",
    ),
    ("text", "text"): (
        "{0} + {1}", "{0} == {1}", "{0} in {1}", "{0}.split({1})", "{0}.count({1})", "{0}.startswith({1})",
        "{0}.endswith({1})", "{0}.find({1})", "{0}.replace({1}, '')", "{0}.strip({1})", "{0}.lower() == {1}.lower()",
        "{0} + ' ' + {1}", "sorted({0}) == sorted({1})", "{0}.partition({1})", "{0}.removeprefix({1})", "{0}.rstrip({1})",
        "{0}.removesuffix({1})", "{0}.join({1})", "({0}, {1})", "{0}.lstrip({1})", "{0}.index({1})", "set({0}) == set({1})",
    ),
    ("text", "number"): (
        "{0} * {1}", "{0}[{1}]", "{0}[:{1}]", "{0}[{1}:]", "{0}.zfill({1})", "{0}.center({1})", "{0}.ljust({1})",
        "{0}.rjust({1})", "{0}[{1}:] + {0}[:{1}]", "{0}[:{1}] + '...'", "len({0}) > {1}", "len({0}) == {1}", "int({0}, {1})",
        "{0} + str({1})", "str({1}) + {0}", "{0}[-{1}:]", "[{0}[i:i + {1}] for i in range(0, len({0}), {1})]",
    ),
    ("row", "number"): (
        "{0}[{1}]", "{0}[:{1}]", "{0}[{1}:]", "{0} * {1}", "{0} + [{1}]", "[{1}] + {0}", "{1} in {0}", "{0}.count({1})",
        "{0}.index({1})", "[x * {1} for x in {0}]", "[x + {1} for x in {0}]", "[x for x in {0} if x > {1}]",
        "[x for x in {0} if x < {1}]", "[x for x in {0} if x != {1}]", "[x ** {1} for x in {0}]", "len({0}) > {1}",
        "[x for x in {0} if x % {1} == 0]", "{0}[{1}:] + {0}[:{1}]", "{0}[-{1}:] + {0}[:-{1}]", "{0}[::{1}]",
        "[{0}[i:i + {1}] for i in range(0, len({0}), {1})]", "[row[{1}] for row in {0}]", "sorted({0})[:{1}]",
        "sorted({0}, reverse=True)[:{1}]", "{0}[-{1}:]", "[x - {1} for x in {0}]", "[x / {1} for x in {0}]",
    ),
    ("row", "row"): (
        "{0} + {1}", "list(zip({0}, {1}))", "dict(zip({0}, {1}))", "{0} == {1}", "[x for x in {0} if x in {1}]",
        "[x for x in {0} if x not in {1}]", "sum(a * b for a, b in zip({0}, {1}))", "[a + b for a, b in zip({0}, {1})]",
        "set({0}) & set({1})", "sorted(set({0}) | set({1}))", "sorted(set({0}) & set({1}))", "sorted({0} + {1})",
        "sorted({0}) == sorted({1})", "set({0}) <= set({1})", "[a - b for a, b in zip({0}, {1})]", "[a * b for a, b in zip({0}, {1})]",
        "sum(a != b for a, b in zip({0}, {1}))",
    ),
    ("row", "text"): (
        "{1}.join({0})", "{1}.join(map(str, {0}))", "{1} in {0}", "{0}.count({1})", "{0} + [{1}]", "{0}.index({1})",
        "[row[{1}] for row in {0}]", "[x for x in {0} if x.startswith({1})]", "[x for x in {0} if {1} in x]",
        "[{1} + x for x in {0}]", "[x + {1} for x in {0}]", "[x for x in {0} if x != {1}]",
    ),
    ("table", "text"): ("{0}[{1}]", "{0}.get({1})", "{1} in {0}", "{{key: value for key, value in {0}.items() if key != {1}}}"),
    ("table", "number"): (
        "{0}[{1}]", "{0}.get({1})", "{1} in {0}", "[key for key, value in {0}.items() if value == {1}]",
        "{{key: value * {1} for key, value in {0}.items()}}", "{{key: value for key, value in {0}.items() if value > {1}}}",
    ),
    ("table", "row"): ("[{0}[key] for key in {1}]", "{{key: {0}[key] for key in {1}}}", "{{key: value for key, value in {0}.items() if key in {1}}}"),
    ("table", "table"): ("{{**{0}, **{1}}}", "{0} == {1}", "{0} | {1}"),
    ("set", "set"): ("{0} & {1}", "{0} | {1}", "{0} - {1}", "{0} ^ {1}", "{0} <= {1}", "len({0} & {1}) / len({0} | {1})"),
    ("truth", "truth"): ("{0} and {1}", "{0} or {1}", "{0} == {1}", "{0} != {1}"),
}  # fmt: skip
_EACH = {
    "number": ("{0} ** 2", "{0} * 2", "{0} + 1", "abs({0})", "str({0})", "-{0}", "{0} / 2", "{0} // 2"),
    "text": ("len({0})", "{0}.upper()", "{0}.lower()", "{0}.strip()", "int({0})", "{0}[0]", "{0}[::-1]", "{0}.title()",
             "{0}.capitalize()", "ord({0})", "float({0})"),
    "row": ("len({0})", "sum({0})", "max({0})", "{0}[0]", "{0}[1]", "{0}[::-1]", "list({0})", "sorted({0})"),
    "table": ("len({0})",),
}  # fmt: skip
_THOSE = {
    "number": ("{0} > 0", "{0} % 2 == 0", "{0} % 2", "{0} < 0", "{0} != 0"),
    "text": ("{0}", "{0}.isalpha()", "{0}.isdigit()", "{0}.isupper()", "{0}.islower()", "{0} in 'aeiou'", "{0}.isalnum()",
             "{0}.lower() in 'aeiou'", "{0} not in 'aeiou'", "{0} == {0}[::-1]", "{0}.strip()", "{0} != ' '", "not {0}.isspace()"),
    "row": ("{0}", "len({0}) > 1"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """An expression, and what it gives in each call."""

    text: str
    values: Values
    kind: str
    size: int

    @property
    def is_constant(self) -> bool:
        """Whether it hangs on nothing."""
        return self.size >= CONSTANT and "(" not in self.text and len(set(self.values)) == 1


def kind_of(values: Values) -> str:
    """What sort of thing all values are that there are."""
    found = {_kind(value) for value in values if value is not None}
    return found.pop() if len(found) == 1 else ""


def _kind(value: str) -> str:
    if value in ("True", "False"):
        return "truth"
    if value == "None":
        return "none"
    first = value[:1]
    if first in "'\"":
        return "text"
    if first in "[(":
        return "row"
    if value.startswith("set("):
        return "set"
    if first == "{":
        return "table" if _is_table(value) else "set"
    return "number" if first.isdigit() or first == "-" else ""


def _is_table(value: str) -> bool:
    try:
        return isinstance(expression_of(value), ast.Dict)
    except (SyntaxError, RecursionError):
        return False


@dataclass
class Bank:
    """All that has been made, the smallest of what gives the same; filled until it is over."""

    ask: Ask
    is_over: Callable[[], bool]
    made: dict[Values, Made] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def add(self, texts: Iterable[tuple[str, int]]) -> Iterator[Made]:
        """Take expressions in, each with its size; gives what is new."""
        batch: list[tuple[str, int]] = []
        for text, size in texts:
            if text not in self.asked:
                self.asked.add(text)
                batch.append((text, size))
            if len(batch) == AT_ONCE:
                yield from self._taken(batch)
                batch = []
                if self.is_over():
                    return
        if batch:
            yield from self._taken(batch)

    def _taken(self, batch: Sequence[tuple[str, int]]) -> Iterator[Made]:
        for (text, size), values in zip(batch, self.ask([text for text, _ in batch]), strict=True):
            if values not in self.made and any(value is not None for value in values):
                one = self.made[values] = Made(text, values, kind_of(values), size)
                yield one


def grown(bank: Bank, small: Sequence[Made], names: Sequence[str]) -> Iterator[Made]:
    """What one operation more makes of some expressions, what gives the same as another left out; `names` are functions
    of one argument that the file has."""
    yield from bank.add((text, one.size + 1) for one in small for text in _of_one(one, names))
    yield from bank.add(_of_two(small))


def _bare(text: str) -> str:
    try:
        node = expression_of(text)
    except SyntaxError:
        return text
    loose = isinstance(node, ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.IfExp)
    return f"({text})" if loose else text


def _of_one(one: Made, names: Sequence[str]) -> Iterator[str]:
    operand = _bare(one.text)
    forms = {
        "number": _NUMBER,
        "text": _TEXT,
        "row": _ROW,
        "table": _TABLE,
        "set": _SET,
        "truth": ("not {0}", "int({0})"),
    }
    for form in forms.get(one.kind, ()):
        yield form.format(operand)
    for name in names:
        yield f"{name}({one.text})"
    if one.kind in ("row", "text", "set"):
        inner = _element(one)
        for form in _EACH.get(inner, ()):
            each = form.format("x")
            yield f"[{each} for x in {operand}]"
            yield f"sum({each} for x in {operand})"
            yield f"{{x: {each} for x in {operand}}}"
            if one.kind == "text":
                yield f"''.join({each} for x in {operand})"
            yield f"sorted({operand}, key=lambda x: {each})"
        for form in _THOSE.get(inner, ()):
            those = form.format("x")
            yield f"[x for x in {operand} if {those}]"
            yield f"len([x for x in {operand} if {those}])"
            yield f"all({those} for x in {operand})"
            yield f"any({those} for x in {operand})"
            if one.kind == "text":
                yield f"''.join(x for x in {operand} if {those})"
            else:
                yield f"sum(x for x in {operand} if {those})"

    if one.kind == "row":
        yield from (form.format(operand) for form in _RARELY)


def _element(one: Made) -> str:
    """What sort of thing is in a row."""
    if one.kind == "text":
        return "text"
    kinds = set()
    for value in one.values:
        try:
            parts: Any = list(ast.literal_eval(value)) if value is not None and value != "set()" else []
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return ""
        kinds |= {_kind(repr(part)) for part in parts}
    return kinds.pop() if len(kinds) == 1 else ""


def _of_two(small: Sequence[Made]) -> Iterator[tuple[str, int]]:
    pairs = [(one.size + other.size, one, other) for one in small for other in small if one is not other]
    for size, one, other in sorted(pairs, key=lambda pair: pair[0]):
        if not (one.is_constant and other.is_constant):
            for form in _BOTH.get((one.kind, other.kind), ()):
                yield form.format(_bare(one.text), _bare(other.text)), size + 1
