"""Displays and texts that are put together, compiled to closures."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.binding import Misgiven
from cwm_lsp.evaluate.code import Frame, Run
from cwm_lsp.evaluate.formats import conversion
from cwm_lsp.evaluate.layout.emitter import GUIDELINE
from cwm_lsp.evaluate.layout.positions import Mark, nothing
from cwm_lsp.evaluate.places import Places
from cwm_lsp.evaluate.values import MISSING, Undetermined, Unknown, defines

if TYPE_CHECKING:
    pass


class Displays(Places):
    """Compiles what makes containers and texts of values."""

    def elements(self, nodes: Sequence[ast.expr], *, lone: bool = False) -> Callable[[Frame], list[Any]]:
        """The elements of a display or the positional arguments of a call, stars unpacked.

        `lone`: a single starred argument is passed as it is, no list is built.
        """
        if not any(isinstance(node, ast.Starred) for node in nodes):
            runs = self.exprs(nodes)
            return lambda frame: [run(frame) for run in runs]
        unpack, allow = self.unpack_lone if lone else self.operations.unpack, self.runtime.allow
        parts = [
            (True, self.after(self.expr(node.value), node, "add"))
            if isinstance(node, ast.Starred)
            else (False, self.expr(node))
            for node in nodes
        ]

        def gather(frame: Frame) -> list[Any]:
            items: list[Any] = []
            for starred, run in parts:
                if starred:
                    more = unpack(run(frame))
                    allow(len(items) + len(more))
                    items.extend(more)
                else:
                    items.append(run(frame))
            return items

        return gather

    def unpack_lone(self, value: Any) -> list[Any]:
        """The elements of the only argument of a call, starred; the error for others names what is called."""
        kind: Any = type(value)
        if kind is not Unknown and not defines(kind, "__iter__") and not defines(kind, "__getitem__"):
            raise Misgiven(f"argument after * must be an iterable, not {kind.__name__}")
        return self.operations.unpack(value)

    def undetermined_display(self, node: ast.expr, gather: Callable[[Frame], Any]) -> Run:
        """What an expression gives; where a part of it is not known, that which comes after it may be done or not."""
        runtime, home = self.runtime, self.interpreter
        binds = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))

        def run(frame: Frame) -> Any:
            try:
                return gather(frame)
            except Undetermined:
                if not runtime.tracing:
                    if binds:
                        raise
                    runtime.unknowing.give_up_within(home, frame, node)
                return runtime.unknown()

        return run

    def List(self, node: ast.List) -> Run:  # noqa: N802
        return self.undetermined_display(node, self.elements(node.elts))

    def Tuple(self, node: ast.Tuple) -> Run:  # noqa: N802
        gather = self.elements(node.elts)
        if not any(isinstance(item, ast.Starred) for item in node.elts):
            return lambda frame: tuple(gather(frame))
        return self.undetermined_display(node, lambda frame: tuple(gather(frame)))

    def Set(self, node: ast.Set) -> Run:  # noqa: N802
        if len(node.elts) > GUIDELINE or any(isinstance(item, ast.Starred) for item in node.elts):
            return self.set_one_by_one(node)
        gather, mark = self.elements(node.elts), self.within(node)
        attempt, check = self.operations.attempt, self.operations.check_nesting

        def make(frame: Frame) -> Any:
            items = gather(frame)
            mark(frame)
            check(*items)
            return attempt(set, (items,))

        return self.undetermined_display(node, make)

    def set_one_by_one(self, node: ast.Set) -> Run:
        """A set display with stars or many elements: they are put in one after the other, the first ones at once."""
        first = next((i for i, item in enumerate(node.elts) if isinstance(item, ast.Starred)), 0)
        first = 0 if len(node.elts) > GUIDELINE else first
        at_once = self.exprs(node.elts[:first])
        build = self.within(node, "build")
        parts = [
            (
                isinstance(item, ast.Starred),
                self.after(self.expr(item.value if isinstance(item, ast.Starred) else item), item, "add"),
            )
            for item in node.elts[first:]
        ]
        attempt, check, unpack = self.operations.attempt, self.operations.check_nesting, self.operations.unpack

        def make(frame: Frame) -> Any:
            items = [run(frame) for run in at_once]
            build(frame)
            check(*items)
            made: Any = attempt(set, (items,))
            for starred, run in parts:
                value = run(frame)
                if starred and type(value) not in (set, frozenset):
                    value = unpack(value, "'{}' object is not iterable")
                attempt(made.update if starred else made.add, (value,), (made,))
            return made

        return self.undetermined_display(node, make)

    def Dict(self, node: ast.Dict) -> Run:  # noqa: N802
        parts: list[tuple[list[tuple[Run, Run]], Mark, Run | None]] = []
        """Pairs that are put in at once, or what a mapping is taken from."""
        begin = 0
        for position, key in enumerate(node.keys):
            if key is None:
                parts += self.pairs(node, begin, position)
                begin = position + 1
                value = node.values[position]
                parts.append(([], nothing, self.after(self.expr(value), value, "update")))
            elif (position - begin) * 2 > GUIDELINE:
                parts += self.pairs(node, begin, position + 1)
                begin = position + 1
        parts += self.pairs(node, begin, len(node.keys))
        unpack_mapping, put = self.unpack_mapping, self.operations.set_item

        def gather(frame: Frame) -> Any:
            made: dict[Any, Any] = {}
            for group, mark, mapping_of in parts:
                if mapping_of is not None:
                    made.update(unpack_mapping(mapping_of(frame)))
                    continue
                pairs = [(key_of(frame), value_of(frame)) for key_of, value_of in group]
                mark(frame)
                for key, value in pairs:
                    put(made, key, value)
            return made

        return self.undetermined_display(node, gather)

    def pairs(self, node: ast.Dict, begin: int, end: int) -> list[tuple[list[tuple[Run, Run]], Mark, Run | None]]:
        """Keys and values that the compiler puts into a dict at once, or one by one if there are many."""
        made = [
            (self.expr(key), self.expr(value))
            for key, value in zip(node.keys[begin:end], node.values[begin:end], strict=True)
            if key is not None
        ]
        if len(made) * 2 <= GUIDELINE:
            mark = self.within(node, f"build{begin}")
            return [(made, mark, None)] if made else []
        return [
            ([pair], self.within(value, "add"), None) for pair, value in zip(made, node.values[begin:end], strict=True)
        ]

    def unpack_mapping(self, value: Any) -> Any:
        self.runtime.touchable((value,))
        if type(value) is Unknown and value.value is not MISSING:
            value = value.value
        return value if type(value) is dict else {**value}

    def JoinedStr(self, node: ast.JoinedStr) -> Run:  # noqa: N802
        runs = [self.expr(item) for item in node.values]
        runtime = self.runtime

        def run(frame: Frame) -> Any:
            parts = [item(frame) for item in runs]
            unknown = [part for part in parts if type(part) is Unknown]
            if unknown:  # texts are joined whatever they are
                return Unknown(askable=any(part.askable for part in unknown))
            text = "".join(parts)
            if len(text) > 1000:
                runtime.allow(len(text))
            return text

        return run

    def FormattedValue(self, node: ast.FormattedValue) -> Run:  # noqa: N802
        value_of = self.expr(node.value)
        spec_of = self.expr(node.format_spec) if node.format_spec is not None else None
        convert = conversion(node.conversion)
        formats = self.interpreter.formats
        attempt = self.operations.attempt
        mark = self.within(node)

        def run(frame: Frame) -> Any:
            value = value_of(frame)
            spec = spec_of(frame) if spec_of is not None else ""
            mark(frame)
            if not spec and convert is None and type(value) is str:
                return value
            return attempt(formats.formatted, (value, spec, convert))

        return run
