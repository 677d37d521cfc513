"""The body that is not written yet: found from what is known of its function."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cwm_lsp.repair.enumerating import CONSTANT, WIDEST, Ask, Bank, Made, Values, grown
from cwm_lsp.repair.templates import templates
from cwm_lsp.repair.text import Edit, FunctionText
from cwm_lsp.repair.trial import AMPLE, Trial
from cwm_lsp.source.bind import is_in_class, takes_implicit
from cwm_lsp.source.checks import Check
from cwm_lsp.source.trees import expression_of

UNUSED = 1.5
"""What a parameter costs that a body does not use."""
PROBE = "_CwmProbe"
"""What a probe raises, with what expressions show as."""
CONDITIONS = 400
"""Small conditions that branches are made of."""
_LEAVES = ("0", "1", "''", "' '", "[]", "2", "True", "False", "None", "-1", "{}", "','", "10")
_LONGEST = 40
"""Characters of a constant of the examples that is used."""


def is_unwritten(text: FunctionText) -> bool:
    """Whether the body says no more than that there is none yet."""
    body = text.statements_of(text.node.body)
    if not body:
        return True
    if len(body) != 1:
        return False
    match body[0]:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


@dataclass
class Bodies:
    """Bodies for a function that has none, each to be tried; the likeliest first."""

    text: FunctionText
    trial: Trial
    is_over: Callable[[], bool]

    def __post_init__(self) -> None:
        expected = [wanted_of(check, self.text.function.name) for check in self.trial.checks]
        self._asked = [number for number, one in enumerate(expected) if one is not None]
        self._goal: Values = tuple(one for one in expected if one is not None)
        self._bank = Bank(self._asking(self._asked), self.is_over)
        self._small: list[Made] = []
        self._pieces: list[Made] = []
        self._truths: list[Made] = []

    def small(self) -> Iterator[Edit]:
        """A `return` of one operation."""
        if self._asked:
            names = self._names()
            leaves = [(name, 1) for name in names] + [(one, CONSTANT) for one in self._constants()]
            first = list(self._bank.add(leaves))
            yield from self._returned(first)
            yield from self._returned(grown(self._bank, first, self._helpers()))

    def large(self) -> Iterator[Edit]:
        """A `return` of one of two or three things, or of more operations."""
        yield from self._branching()
        ranked = sorted(self._small, key=lambda one: one.size)
        yield from self._returned(grown(self._bank, ranked[:WIDEST], self._helpers()))
        yield from self._branching()

    def _returned(self, made: Iterable[Made]) -> Iterator[Edit]:
        """Expressions that give what is wanted; the others are kept."""
        for one in made:
            pairs = zip(one.values, self._goal, strict=True)
            hits = sum(value is not None and want is not None and same(value, want) for value, want in pairs)
            self._small.append(one)
            if hits == len(self._goal):
                yield self._body(f"return {one.text}", 1.0 + 0.1 * one.size)
            elif hits:
                self._pieces.append(one)
            if one.kind == "truth" and len(set(one.values)) > 1 and len(self._truths) < CONDITIONS:
                self._truths.append(one)

    def _branching(self) -> Iterator[Edit]:
        """One expression where a condition holds, and another one where it does not; or one of three."""
        ranked = sorted(self._pieces, key=lambda one: one.size)
        found: list[tuple[int, str]] = []
        halves: list[tuple[Made, Made, str]] = []
        for condition in self._truths:
            then = _fitting(ranked, condition.values, self._goal, "True")
            other = _fitting(ranked, condition.values, self._goal, "False")
            if then is not None and other is not None:
                size = then.size + other.size + condition.size
                found.append((size, f"if {condition.text}:\n    return {then.text}\nreturn {other.text}"))
            elif then is not None:
                halves.append((condition, then, "True"))
        for first, then, _ in halves[:CONDITIONS]:
            for second in self._truths[:60]:
                rest = tuple(
                    None if so == "True" else truth for so, truth in zip(first.values, second.values, strict=True)
                )
                one = _fitting(ranked, rest, self._goal, "True", partly=True)
                other = _fitting(ranked, rest, self._goal, "False", partly=True) if one is not None else None
                if one is not None and other is not None:
                    size = first.size + then.size + second.size + one.size + other.size + 2
                    body = f"if {first.text}:\n    return {then.text}\nif {second.text}:\n    return {one.text}\n"
                    found.append((size, f"{body}return {other.text}"))
                    break
        for size, body in sorted(found)[:40]:
            yield self._body(body, 2.0 + 0.15 * size)

    def templates(self) -> Iterator[Edit]:
        """Loops and recursions."""
        return (
            self._body(body, 3.0 + 0.01 * at)
            for at, body in enumerate(templates(self.text.function.name, self._arguments()))
        )

    def _asking(self, asked: Sequence[int]) -> Ask:
        """Asks the evaluator by a function in the body's place that tells what expressions show as."""

        def ask(texts: Sequence[str]) -> list[Values]:
            each = ", ".join(f"lambda: {text}" for text in texts)
            lines = [
                "_cwm = []", f"for _cwm_one in ({each},):", "    try:", "        _cwm.append(repr(_cwm_one()))",
                "    except Exception:", "        _cwm.append(None)", f"raise {PROBE}(_cwm)",
            ]  # fmt: skip
            source = self._body("\n".join(lines), 0.0).applied(self.text.source)
            try:
                unit = self.trial.unit(source)
            except SyntaxError:
                return (
                    [self._alone(ask, text, len(asked)) for text in texts] if len(texts) > 1 else [(None,) * len(asked)]
                )
            probe = f"    class {PROBE}(Exception):\n        pass\n"
            columns = [
                _told(called.outcome, len(texts))
                for called in self.trial.each([probe + unit], [(0, at) for at in asked])
            ]
            columns += [[None] * len(texts)] * (len(asked) - len(columns))  # there was no time for those
            return [tuple(column[at] for column in columns) for at in range(len(texts))]

        self.trial.limits = AMPLE
        return ask

    def _alone(self, ask: Ask, text: str, calls: int) -> Values:
        return ask([text])[0] if len(text) < 2_000 else (None,) * calls

    def _names(self) -> list[str]:
        """The parameters, and the attributes of the object."""
        names = self._parameters()
        if names and is_in_class(self.text.function) and takes_implicit(self.text.function):
            own = names.pop(0)
            names = [*(f"{own}.{name}" for name in self._attributes()), *names]
        return names

    def _constants(self) -> list[str]:
        """Usual constants, those of the examples' calls, and what is expected more than once."""
        constants: dict[str, None] = {}
        for check in self.trial.checks:
            for node in ast.walk(expression_of(check.expression)):
                if isinstance(node, ast.Constant) and type(node.value) in (int, str):
                    shown = repr(node.value)
                    if len(shown) <= _LONGEST and shown not in self._goal:
                        constants[shown] = None
        often = Counter(one for one in self._goal if one is not None and len(one) <= _LONGEST)
        repeated = [one for one, count in often.items() if count > 1]
        return list(dict.fromkeys([*_LEAVES, *repeated, *list(constants)[:6]]))

    def _arguments(self) -> list[str]:
        """The parameters that are passed."""
        names = self._parameters()
        skipped = bool(names) and is_in_class(self.text.function) and takes_implicit(self.text.function)
        return names[1:] if skipped else names

    def _parameters(self) -> list[str]:
        return [parameter.name for parameter in self.text.function.parameters]

    def _attributes(self) -> list[str]:
        """What methods of the class assign to their object."""
        around = self.text.function.parent
        return list(
            dict.fromkeys(
                node.attr
                for one in ast.walk(self.text.tree)
                if isinstance(one, ast.ClassDef) and one.name == around
                for node in ast.walk(one)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
            )
        )

    def _helpers(self) -> list[str]:
        """Functions of the file that take one argument."""
        return [
            node.name
            for node in self.text.tree.body
            if isinstance(node, ast.FunctionDef) and node is not self.text.node and len(node.args.args) == 1
        ]

    def _body(self, code: str, cost: float) -> Edit:
        body = self.text.statements_of(self.text.node.body)
        if body:
            start, stop = self.text.whole(body[0])[0], self.text.span(body[-1])[1]
            indent, new = self.text.indent(body[0]), ""
            if not self.text.is_alone(body[0]):  # `def f(x): ...`
                start, indent, new = self.text.span(body[0])[0], self.text.indent(self.text.node) + "    ", "\n"
        else:  # a docstring alone
            start = stop = self.text.span(self.text.node.body[-1])[1]
            indent, new = self.text.indent(self.text.node.body[-1]), "\n"
        lines = "\n".join(indent + line for line in code.split("\n"))
        shown = " ".join(code.split())
        words = set(re.findall(r"\w+", code))
        cost += UNUSED * sum(name.rpartition(".")[2] not in words for name in self._parameters() if name != "self")
        title = f"body: {shown if len(shown) <= 60 else shown[:59] + '…'}"
        return Edit(((start, stop, new + lines),), title, self.text.node.lineno, cost)


def _fitting(pieces: Sequence[Made], truth: Values, goal: Values, where: str, *, partly: bool = False) -> Made | None:
    """The smallest piece that gives what is wanted wherever a condition shows so; it is not known everywhere where it
    is looked at `partly`."""
    if where not in truth or (None in truth and not partly):
        return None
    for piece in pieces:
        if all(
            given is not None and wanted is not None and same(given, wanted)
            for given, wanted, so in zip(piece.values, goal, truth, strict=True)
            if so == where
        ):
            return piece
    return None


def same(one: str, other: str) -> bool:
    """Whether two reprs show equal values of a kind."""
    if one == other:
        return True
    try:
        first, second = ast.literal_eval(one), ast.literal_eval(other)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def wanted_of(check: Check, name: str) -> str | None:
    """What the one call in a check should give, as it shows; None where it does not say so."""
    told = check.expectation
    if told is None or check.before.count("\n") > 20:
        return None
    node = expression_of(check.expression)
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]) if told.kind == "true":
            for call, value in ((left, right), (right, left)):
                if _calls(call, name) and _is_literal(value):
                    return ast.unparse(value)
            return None
    if not _calls(node, name):
        return None
    if told.kind in ("shows", "equals"):
        return told.text
    return {"true": "True", "false": "False"}.get(told.kind)


def _calls(node: ast.expr, name: str) -> bool:
    """Whether an expression is a call of the function and nothing around it."""
    if not isinstance(node, ast.Call):
        return False
    return name in (getattr(node.func, "id", None), getattr(node.func, "attr", None))


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _told(outcome: object, many: int) -> list[str | None]:
    """What a probe told of its expressions."""
    raised = getattr(outcome, "exception", None)
    if raised is None or raised.type != PROBE:
        return [None] * many
    try:
        found = ast.literal_eval(raised.message)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [None] * many
    return list(found) if len(found) == many else [None] * many
