"""Operators, comparisons and conditions compiled to closures."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.layout.positions import no_branch
from cwm_lsp.evaluate.observed import ASKING
from cwm_lsp.evaluate.places import Places
from cwm_lsp.evaluate.values import Unknown

if TYPE_CHECKING:
    pass


class Conditions(Places):
    """Compiles operators, and what branches."""

    def BinOp(self, node: ast.BinOp) -> Run:  # noqa: N802
        left, right = self.expr(node.left), self.after(self.expr(node.right), node)
        apply = self.operations.binary(type(node.op).__name__)
        return lambda frame: apply(left(frame), right(frame))

    def UnaryOp(self, node: ast.UnaryOp) -> Run:  # noqa: N802
        if isinstance(node.op, ast.Not):
            test = self.after(self.expr(node.operand), node)
            truth = self.operations.truth

            def negate(frame: Frame) -> Any:
                value = test(frame)
                if value is True or value is False:
                    return not value
                value = truth(value)
                return value if type(value) is Unknown else not value

            return negate
        operand = self.after(self.expr(node.operand), node)
        apply = self.operations.unary(type(node.op).__name__)
        return lambda frame: apply(operand(frame))

    def BoolOp(self, node: ast.BoolOp) -> Run:  # noqa: N802
        if any(isinstance(value, ast.BoolOp) for value in node.values):
            short = self.short_circuit(node)
            return lambda frame: short(frame)[0]
        *first, last = node.values
        tests = [(self.expr(value), self.joint(value)) for value in first]
        otherwise = self.expr(last)
        stop_on = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> Any:
            for item, decide in tests:
                value = item(frame)
                if decide(frame, value) is stop_on:
                    return value
                del value  # which may end by that, before the next one is evaluated
            return otherwise(frame)

        return run

    def short_circuit(self, node: ast.BoolOp) -> Callable[[Frame], tuple[Any, bool | None]]:
        """The value of an `and` or `or`, and its truth where that was decisive: it is not asked for once more."""

        def part(value: ast.expr) -> Callable[[Frame], tuple[Any, bool | None]]:
            if isinstance(value, ast.BoolOp) and value.lineno == node.lineno and id(value) not in self.replaced:
                return self.short_circuit(value)
            value_of = self.expr(value)
            return lambda frame: (value_of(frame), None)

        *first, last = node.values
        tests = [(part(value), self.joint(value)) for value in first]
        otherwise = part(last)
        stop_on = isinstance(node.op, ast.Or)

        def run(frame: Frame) -> tuple[Any, bool | None]:
            for item, decide in tests:
                value, known = item(frame)
                if decide(frame, value if known is None else known) is stop_on:
                    return value, stop_on
                del value
            return otherwise(frame)

        return run

    def decide(
        self, lines: tuple[int | None, int | None], node: ast.AST, part: str = "test"
    ) -> Callable[[Frame, Any], bool]:
        """The truth of a value as a branch: asks where it is not known, and moves the frame over the branch."""
        truth, branch = self.operations.truth, self.runtime.branch
        take = self.positions.decide(node, part) if self.positions is not None else no_branch

        def decided(value: Any) -> bool:
            if value is True or value is False:
                return bool(value)
            known = truth(value)
            if type(known) is Unknown:
                return branch(lines)
            return bool(known)

        if take is no_branch:
            return lambda frame, value: decided(value)

        reach = self.mark(node, part)

        def taken(frame: Frame, value: Any) -> bool:
            if value is not True and value is not False:
                reach(frame)
            outcome = decided(value)
            take(frame, outcome)
            return outcome

        return taken

    def filtering(self, node: ast.expr, goes_on: bool = False) -> Callable[[Frame], bool | None]:
        """The condition of a comprehension where the same events come whether it holds; None where that is not known.
        `goes_on`: with which truth the next element comes."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and not isinstance(node.operand, ast.BoolOp):
            inner = self.filtering(node.operand, not goes_on)
            return lambda frame: None if (holds := inner(frame)) is None else not holds
        if isinstance(node, ast.BoolOp):
            tests, is_any = [self.filtering(value) for value in node.values], isinstance(node.op, ast.Or)

            def joined(frame: Frame) -> bool | None:
                holds: bool | None = None
                known = True
                for test in tests:
                    holds = test(frame)
                    known = known and holds is not None
                    if bool(holds) is is_any:
                        return holds
                return holds if known else None

            return joined
        if isinstance(node, ast.UnaryOp | ast.IfExp) or (isinstance(node, ast.Compare) and len(node.ops) > 1):
            return self.condition(node)
        value_of, reach, either_way = self.expr(node), self.mark(node, "test"), self.runtime.either_way
        truth, decide = self.operations.truth, self.decide((None, None), node)

        def filtered(frame: Frame) -> bool | None:
            value = value_of(frame)
            if value is not True and value is not False:
                reach(frame)
                value = truth(value)
            holds = either_way() if type(value) is Unknown else bool(value)
            decide(frame, goes_on if holds is None else holds)
            return holds

        return filtered

    def joint(self, node: ast.AST, part: str = "test") -> Callable[[Frame, Any], bool]:
        """The truth of a value as a branch within an expression, which is left in the same way whatever it is."""
        positions, self.positions = self.positions, self.positions if self.marks else None
        decided = self.decide((None, None), node, part)
        self.positions = positions
        return decided

    def condition(self, node: ast.expr, lines: tuple[int | None, int | None] = (None, None)) -> Callable[[Frame], bool]:
        """An expression as the test of a branch, evaluated for its truth alone."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand, (lines[1], lines[0]))
            return lambda frame: not inner(frame)
        if isinstance(node, ast.BoolOp):
            tests = [self.condition(value) for value in node.values]
            if isinstance(node.op, ast.And):

                def conjunction(frame: Frame) -> bool:
                    for test in tests:  # noqa: SIM110  a loop is faster than a generator
                        if not test(frame):
                            return False
                    return True

                return conjunction

            def disjunction(frame: Frame) -> bool:
                for test in tests:  # noqa: SIM110
                    if test(frame):
                        return True
                return False

            return disjunction
        if isinstance(node, ast.IfExp):
            first, then, otherwise = (self.condition(part) for part in (node.test, node.body, node.orelse))
            return lambda frame: then(frame) if first(frame) else otherwise(frame)
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            return self.chain_condition(node)
        value_of, decide = self.expr(node), self.decide(lines, node)
        return lambda frame: decide(frame, value_of(frame))

    def Compare(self, node: ast.Compare) -> Run:  # noqa: N802
        left = self.expr(node.left)
        pairs = self.comparisons(node)
        if len(pairs) == 1:
            apply, right = pairs[0]
            return lambda frame: apply(left(frame), right(frame))
        links = [self.joint(node, f"test{position}") for position in range(len(pairs) - 1)]
        first = list(zip(pairs[:-1], links, strict=True))
        apply_last, last = pairs[-1]

        def chain(frame: Frame) -> Any:
            value = left(frame)
            for (apply, right), decide in first:
                following = right(frame)
                result = apply(value, following)
                if not decide(frame, result):
                    return result
                value = following
            return apply_last(value, last(frame))

        return chain

    def comparisons(self, node: ast.Compare) -> list[tuple[Callable[[Any, Any], Any], Run]]:
        """The operators of a comparison, each with its right operand."""
        return [
            (
                self.compare(type(operator).__name__, item),
                self.after(self.expr(item), node, str(position)),
            )
            for position, (operator, item) in enumerate(zip(node.ops, node.comparators, strict=True))
        ]

    def asking(self, method: Callable[..., Any], name: str, node: ast.Call) -> Callable[..., Any]:
        """What calls the method `name` of a builtin value, in the call `node`."""
        observed = self.runtime.observed
        if observed is None or name not in ASKING or self.positions is None or self.interpreter.path is not None:
            return method
        return observed.asking(self.runtime, (node.lineno, node.col_offset), method)

    def compare(self, operator: str, node: ast.expr) -> Callable[[Any, Any], Any]:
        """The comparison with the value of `node`."""
        apply, observed = self.operations.compare(operator), self.runtime.observed
        if observed is None or self.positions is None or self.interpreter.path is not None:
            return apply
        return observed.watching(self.runtime, (node.lineno, node.col_offset), operator, apply)

    def chain_condition(self, node: ast.Compare) -> Callable[[Frame], bool]:
        """A chain of comparisons as a test: each link is a branch."""
        left = self.expr(node.left)
        pairs = self.comparisons(node)
        parts = [f"test{position}" for position in range(len(pairs) - 1)] + ["test"]
        links = [
            (apply, right, self.decide((None, None), node, part))
            for (apply, right), part in zip(pairs, parts, strict=True)
        ]

        def holds(frame: Frame) -> bool:
            value = left(frame)
            for apply, right, decide in links:
                following = right(frame)
                if not decide(frame, apply(value, following)):
                    return False
                value = following
            return True

        return holds

    def IfExp(self, node: ast.IfExp) -> Run:  # noqa: N802
        test = self.condition(node.test)
        body, orelse = self.expr(node.body), self.expr(node.orelse)
        return lambda frame: body(frame) if test(frame) else orelse(frame)
