"""Edits that put pieces of a function elsewhere, or together."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import combinations

from cwm_lsp.repair.edits import ARGUMENTS, LONG, edit, short, whole
from cwm_lsp.repair.text import Edit, FunctionText


def conditions(text: FunctionText) -> Iterator[ast.expr]:
    """What decides which way it goes on."""
    for statement in text.statements:
        if isinstance(statement, ast.If | ast.While | ast.Assert):
            yield statement.test
    for node in text.expressions:
        if isinstance(node, ast.IfExp):
            yield node.test
        for generator in getattr(node, "generators", ()):
            yield from generator.ifs


def branches(text: FunctionText) -> Iterator[Edit]:
    for choice in text.each(ast.IfExp):
        first, second = text.operand(choice.body), text.operand(choice.orelse)
        changes = (text.replace(choice.body, second), text.replace(choice.orelse, first))
        yield Edit(changes, f"{short(text.text(choice))}: swapped", choice.lineno, 1.5)
        yield whole(text, choice, first, 2.4)
        yield whole(text, choice, second, 2.4)
    for node in text.each(ast.expr):
        if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
            for one, other in combinations(node.elts[:ARGUMENTS], 2):
                texts = text.text(one), text.text(other)
                if texts[0] != texts[1]:
                    changes = text.replace(one, texts[1]), text.replace(other, texts[0])
                    yield Edit(changes, f"{short(texts[0])} ↔ {short(texts[1])}", node.lineno, 1.5)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
            for generator in node.generators:
                for condition in generator.ifs:
                    start = text.source.rfind("if", 0, text.span(condition)[0])
                    yield edit(
                        text, (start, text.span(condition)[1], ""), 2.2, f"without if {short(text.text(condition))}"
                    )


def yields(text: FunctionText) -> Iterator[Edit]:
    for node in text.expressions:
        match node:
            case ast.Yield(value=ast.expr() as value):
                yield whole(text, node, f"yield from {text.text(value)}", 1.4)
            case ast.YieldFrom(value=value):
                yield whole(text, node, f"yield {text.text(value)}", 1.4)


def pieces(text: FunctionText) -> Iterator[Edit]:
    """A piece of the function in place of another one."""
    pieces: dict[str, ast.expr] = {}
    for node in text.expressions:
        if not isinstance(node, ast.Constant | ast.Name | ast.Slice | ast.Starred | ast.Yield | ast.YieldFrom):
            shown = text.text(node)
            if len(shown) <= LONG and "\n" not in shown and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                pieces.setdefault(shown, node)
    for node in text.expressions:
        context = getattr(node, "ctx", ast.Load())
        parent = text.parents.get(node)
        if isinstance(node, ast.Slice | ast.Starred) or (isinstance(parent, ast.Call) and parent.func is node):
            continue
        here = text.text(node)
        bound = set(text.comprehended(node))
        if isinstance(context, ast.Store):
            if isinstance(node, ast.Subscript | ast.Attribute):
                for shown, piece in pieces.items():
                    if isinstance(piece, ast.Subscript | ast.Attribute) and shown != here:
                        yield whole(text, node, shown, 2.2)
            continue
        for shown, piece in pieces.items():
            if shown == here or (shown in here and isinstance(piece, ast.Constant)):
                continue
            if not set(text.comprehended(piece)).issubset(bound):
                continue
            akin = type(piece) is type(node)
            yield whole(text, node, shown, 2.3 if akin else 2.9)
        if not isinstance(node, ast.Name | ast.Constant):
            for name in (*text.variables, *bound):
                yield whole(text, node, name, 2.1 if isinstance(node, ast.Call | ast.Subscript) else 2.6)


def displays(text: FunctionText) -> Iterator[Edit]:
    for node in text.each(ast.expr):
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            continue
        match node:
            case ast.List(elts=[]):
                for shown in (
                    "[[]]",
                    "[0]",
                    "[1]",
                    "{}",
                    "set()",
                    "''",
                    "None",
                    *(f"[{one}]" for one in text.variables),
                ):
                    yield whole(text, node, shown, 1.7)
            case ast.List(elts=[only]):
                yield whole(text, node, "[]", 2.0)
                yield whole(text, node, text.text(only), 2.0)
            case ast.Dict(keys=[]):
                for shown in ("[]", "set()", "None"):
                    yield whole(text, node, shown, 2.4)
            case ast.Tuple(elts=[only]):
                yield whole(text, node, text.text(only), 2.2)
            case ast.Name() | ast.Call() | ast.Subscript() if isinstance(
                text.parents[node], ast.Return | ast.Call | ast.BinOp
            ):
                if not (isinstance(text.parents[node], ast.Call) and text.parents[node].func is node):  # type: ignore[attr-defined]
                    yield whole(text, node, f"[{text.text(node)}]", 2.3)


def combined(text: FunctionText) -> Iterator[Edit]:
    """A value with a variable more in it, a condition with one more."""
    for node in text.expressions:
        parent = text.parents[node]
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or isinstance(node, ast.Slice | ast.Starred):
            continue
        is_value = isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Yield)
        is_part = isinstance(parent, ast.Call | ast.BinOp | ast.Subscript | ast.Compare | ast.List | ast.Tuple)
        if isinstance(parent, ast.Call) and parent.func is node:
            continue
        if not (is_value or (is_part and isinstance(node, ast.Name | ast.Call | ast.Subscript))):
            continue
        here, own = text.operand(node), text.text(node)
        for name in (*text.comprehended(node), *text.variables):
            if name == own:
                continue
            cost = 2.4 if is_value else 1.9 if _is_recursive(text, parent) else 2.9
            for shown in (f"{here} + {name}", f"{name} + {here}", f"{here} - {name}"):
                yield whole(text, node, shown, cost)
            for shown in (f"{here} * {name}", f"{here} // {name}", f"{here} % {name}"):
                yield whole(text, node, shown, cost + 0.5)
        for name in ("0", "1", *text.variables):
            if is_value and name != own:
                for chosen in ("max", "min"):
                    yield whole(text, node, f"{chosen}({name}, {own})", 2.5)
    for node in conditions(text):
        here = text.operand(node)
        for atom in atoms([*text.comprehended(node), *text.variables]):
            for word in ("or", "and"):
                yield whole(text, node, f"{atom} {word} {here}", 3.0)
                yield whole(text, node, f"{here} {word} {atom}", 3.0)
        if isinstance(node, ast.Constant):
            for atom in atoms(text.variables):
                yield whole(text, node, atom, 2.4)


def _is_recursive(text: FunctionText, node: ast.AST) -> bool:
    """Whether a node is a call of the function itself: of what it is given, some was done already."""
    return isinstance(node, ast.Call) and text.text(node.func).rpartition(".")[2] == text.node.name


def atoms(names: Iterable[str]) -> Iterator[str]:
    """Small conditions about variables."""
    known = list(dict.fromkeys(names))
    for name in known:
        yield from (name, f"not {name}", f"{name} is None", f"{name} is not None", f"{name} == 0", f"{name} < 0")
        yield from (
            f"{name} > 0",
            f"{name} == 1",
            f"{name} <= 1",
            f"len({name}) == 0",
            f"len({name}) <= 1",
            f"{name} != 0",
        )
    for one, other in combinations(known, 2):
        yield from (
            f"{one} == {other}",
            f"{one} != {other}",
            f"{one} < {other}",
            f"{one} > {other}",
            f"{one} in {other}",
        )
        yield from (f"{other} in {one}", f"{one} not in {other}", f"{one} <= {other}", f"{one} >= {other}")


def accumulated(text: FunctionText) -> Iterator[Edit]:
    """What is assigned again is put together with what was there."""
    for statement in text.statements:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
            continue
        target, value = statement.targets[0], text.text(statement.value)
        if isinstance(target, ast.Name | ast.Subscript | ast.Attribute):
            shown = text.text(target)
            for form in ("max({0}, {1})", "min({0}, {1})"):
                yield whole(text, statement.value, form.format(shown, value), 1.9)
            for form in ("{0} or {2}", "{0} and {2}"):
                yield whole(text, statement.value, form.format(shown, value, text.operand(statement.value)), 2.8)


def assigned(text: FunctionText) -> Iterator[Edit]:
    """`a.update(b)` ↔ `a = b`, and values assigned in another order."""
    for statement in text.statements:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr="update" | "extend"), args=[argument])):
                yield edit(text, text.replace(statement, f"{text.text(value)} = {text.text(argument)}"), 2.4)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == 2:
                yield Edit(
                    (text.replace(values[0], text.text(values[1])), text.replace(values[1], text.text(values[0]))),
                    f"{text.text(statement)}: values swapped", statement.lineno, 1.5,
                )  # fmt: skip
