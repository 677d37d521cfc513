"""Edits of the statements of a function: one is missing, too much, in the wrong place or of the wrong kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from cwm_lsp.repair.edits import edit
from cwm_lsp.repair.pieces import atoms
from cwm_lsp.repair.text import Edit, FunctionText

_SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Delete)
_BODIES = ("body", "orelse", "finalbody")
_INITIAL = ("0", "1", "None", "[]", "''", "{}", "-1", "True", "False")
_BASES = ("0", "1", "None", "[]", "''", "False", "True", "[[]]", "{}", "-1", "()", "set()")
_CAUGHT = (
    "ValueError", "KeyError", "IndexError", "TypeError", "AttributeError", "ZeroDivisionError", "StopIteration",
    "OSError", "LookupError", "ArithmeticError",
)  # fmt: skip
_LONG = 100
"""Characters of a statement that is put elsewhere."""


def statement_edits(text: FunctionText) -> Iterator[Edit]:
    """Edits of statements, in no order."""
    for make in (_gone, _kinds, _moved, _added, _pieces, _returns, _iterated, _defaults, _bases, _guards, _handlers):
        yield from make(text)


def blocks(text: FunctionText) -> Iterator[list[ast.stmt]]:
    """The lists of statements in the function, its docstring left out."""
    own = text.statements_of(text.node.body)
    if own:
        yield own
    for node in ast.walk(text.node):
        if node is text.node:
            continue
        for name in _BODIES:
            body = getattr(node, name, None)
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                yield body


def _lines(code: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in code.split("\n"))


def _gone(text: FunctionText) -> Iterator[Edit]:
    for body in blocks(text):
        for node in body:
            shown = _short(text.text(node).split("\n")[0])
            if isinstance(node, ast.Pass) or not text.is_alone(node):
                continue
            start, stop = text.whole(node)
            new = f"{text.indent(node)}pass\n" if len(body) == 1 else ""
            cost = 2.6 if isinstance(node, _SIMPLE) else 3.6
            if not _is_elif(text, node):
                yield Edit(((start, stop, new),), f"without: {shown}", node.lineno, cost)
            if isinstance(node, ast.If) and not node.orelse and text.is_alone(node.body[0]):
                inner = text.source[text.whole(node.body[0])[0] : text.whole(node.body[-1])[1]]
                yield Edit(((start, stop, _redone(inner, text.indent(node))),), f"always: {shown}", node.lineno, 2.8)
            if (
                isinstance(node, ast.If)
                and node.orelse
                and text.is_alone(node.body[0])
                and text.is_alone(node.orelse[0])
            ):
                for branch, word in ((node.body, "only"), (node.orelse, "never")):
                    if not (branch is node.orelse and _is_elif(text, branch[0])):
                        inner = text.source[text.whole(branch[0])[0] : text.whole(branch[-1])[1]]
                        if not _is_elif(text, node):
                            change = (start, stop, _redone(inner, text.indent(node)))
                            yield Edit((change,), f"{word}: {shown}", node.lineno, 3.2)


def _is_elif(text: FunctionText, node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and text.source.startswith("elif", text.span(node)[0])


def _redone(code: str, indent: str) -> str:
    """Lines with another indentation; those inside of strings may move too, which a trial tells."""
    lines = code.split("\n")
    old = re.match(r"\s*", lines[0])
    assert old is not None
    return "\n".join(indent + line[old.end() :] if line.startswith(old[0]) else line for line in lines)


def _short(shown: str) -> str:
    return shown if len(shown) <= 50 else f"{shown[:49]}…"


def _word(text: FunctionText, node: ast.stmt, old: str, new: str, cost: float) -> Edit:
    start = text.span(node)[0]
    shown = _short(text.text(node).split("\n")[0])
    return Edit(((start, start + len(old), new),), f"{shown}: {old} → {new}", node.lineno, cost)


def _kinds(text: FunctionText) -> Iterator[Edit]:
    """Words that decide which way it goes on."""
    for node in text.statements:
        match node:
            case ast.Break():
                yield _word(text, node, "break", "continue", 1.5)
                yield _word(text, node, "break", "pass", 2.2)
            case ast.Continue():
                yield _word(text, node, "continue", "break", 1.5)
                yield _word(text, node, "continue", "pass", 2.2)
            case ast.Pass():
                yield _word(text, node, "pass", "break", 2.2)
                yield _word(text, node, "pass", "continue", 2.2)
            case ast.If():
                if _is_elif(text, node):
                    yield _word(text, node, "elif", "if", 1.6)
                else:
                    if not node.orelse:
                        yield _word(text, node, "if", "while", 2.0)
                    body = next(body for body in blocks(text) if node in body)
                    at = body.index(node)
                    if at and isinstance(body[at - 1], ast.If):
                        yield _word(text, node, "if", "elif", 1.6)
                apart = node.orelse and text.is_alone(node.body[0]) and text.is_alone(node.orelse[0])
                if apart and not _is_elif(text, node.orelse[0]):
                    one = text.whole(node.body[0])[0], text.whole(node.body[-1])[1]
                    other = text.whole(node.orelse[0])[0], text.whole(node.orelse[-1])[1]
                    texts = text.source[slice(*one)], text.source[slice(*other)]
                    yield Edit(((*one, texts[1]), (*other, texts[0])), "branches swapped", node.lineno, 1.8)
            case ast.While() if not node.orelse:
                yield _word(text, node, "while", "if", 2.4)


def _moved(text: FunctionText) -> Iterator[Edit]:
    """Statements in another order, a level up or down."""
    for body in blocks(text):
        for one, other in pairwise(body):
            if text.is_alone(one) and text.is_alone(other):
                first, second = text.whole(one), text.whole(other)
                between = text.source[first[1] : second[0]]
                texts = text.source[slice(*first)], text.source[slice(*second)]
                if not texts[0].endswith("\n") or not texts[1].endswith("\n"):
                    continue
                change = (first[0], second[1], texts[1] + between + texts[0])
                shown = _short(text.text(other).split("\n")[0])
                yield Edit((change,), f"{shown} before {_short(text.text(one).splitlines()[0])}", other.lineno, 2.0)
            if isinstance(one, ast.For | ast.While | ast.If | ast.With) and text.is_alone(one.body[0]):
                last = (one.orelse or one.body)[-1] if isinstance(one, ast.For | ast.While | ast.If) else one.body[-1]
                if text.is_alone(last) and text.is_alone(other) and not _is_elif(text, last):
                    start, stop = text.whole(other)
                    inner = _redone(text.source[start:stop], text.indent(last))
                    shown = _short(text.text(other).split("\n")[0])
                    yield Edit(((start, stop, inner),), f"{shown}: one level in", other.lineno, 2.0)
        parent = text.parents.get(body[0])
        if isinstance(parent, ast.stmt) and parent is not text.node and len(body) > 1 and text.is_alone(body[-1]):
            last = body[-1]
            after = getattr(parent, "orelse", [])
            if after and body is parent.body:  # type: ignore[attr-defined]
                continue
            start, stop = text.whole(last)
            outer = _redone(text.source[start:stop], text.indent(parent))
            shown = _short(text.text(last).split("\n")[0])
            yield Edit(((start, stop, outer),), f"{shown}: one level out", last.lineno, 1.8)
            if parent in (text.parents.get(other) for other in text.statements):
                grand = text.parents.get(parent)
                if isinstance(grand, ast.stmt) and grand is not text.node:
                    outer = _redone(text.source[start:stop], text.indent(grand))
                    yield Edit(((start, stop, outer),), f"{shown}: two levels out", last.lineno, 2.2)


def places(text: FunctionText) -> Iterator[tuple[int, str, ast.stmt]]:
    """Where a statement may be put: before which character, with which indentation, next to which statement."""
    for body in blocks(text):
        for node in body:
            if text.is_alone(node) and not _is_elif(text, node):
                yield text.whole(node)[0], text.indent(node), node
        last = body[-1]
        if text.is_alone(last) and not isinstance(last, ast.Return | ast.Raise | ast.Break | ast.Continue):
            yield text.whole(last)[1], text.indent(last), last


def _put(
    text: FunctionText, at: int, indent: str, near: ast.stmt, code: str, cost: float, *, guards: bool = False
) -> Edit:
    new = _lines(code, indent)
    if at and text.source[at - 1] != "\n":
        new = "\n" + new.rstrip("\n")
    shown = _short(" ".join(code.split()))
    return Edit(((at, at, new),), f"add: {shown}", near.lineno, cost, guards)


def _added(text: FunctionText) -> Iterator[Edit]:
    """A short statement more."""
    variables = text.variables
    assigned = {
        node.id for node in ast.walk(text.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    changing = [name for name in variables if name in assigned]
    counters = {
        node.targets[0].id
        for node in text.statements
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    filled = {
        (ast.unparse(node.func.value), node.func.attr)
        for node in text.each(ast.Call)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "add")
    }
    holders = list(dict.fromkeys([*(name for name, _ in filled), *variables]))
    for at, indent, near in places(text):
        for name in changing:
            yield _put(text, at, indent, near, f"{name} += 1", 2.0 if name in counters else 2.8)
            yield _put(text, at, indent, near, f"{name} -= 1", 2.5)
            for other in variables:
                if other != name:
                    yield _put(text, at, indent, near, f"{name} = {other}", 2.8)
                    yield _put(text, at, indent, near, f"{name} += {other}", 3.1)
            for value in ("0", "[]", "''", "1", "{}"):
                yield _put(text, at, indent, near, f"{name} = {value}", 3.0)
        for name in holders:
            for other in variables:
                if other != name:
                    for method in ("append", "add"):
                        cost = 2.2 if (name, method) in filled else 2.9
                        yield _put(text, at, indent, near, f"{name}.{method}({other})", cost)
        if _in_loop(text, near):
            yield _put(text, at, indent, near, "break", 2.9)
            yield _put(text, at, indent, near, "continue", 3.0)


def _in_loop(text: FunctionText, node: ast.AST) -> bool:
    while node is not text.node:
        node = text.parents[node]
        if isinstance(node, ast.For | ast.While):
            return True
    return False


def _pieces(text: FunctionText) -> Iterator[Edit]:
    """Short statements of the function, and of the others of its file, in other places."""
    own = {text.text(node): 2.7 for node in text.statements if isinstance(node, _SIMPLE)}
    scope = {*text.variables, *(getattr(node, "name", "") for node in text.tree.body)}
    for node in ast.walk(text.tree):
        if isinstance(node, _SIMPLE) and not _is_docstring(node):
            code = text.text(node)
            names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if code not in own and len(code) <= _LONG and names and names <= scope:
                own[code] = 3.4
    for at, indent, near in places(text):
        for code, cost in own.items():
            if len(code) <= _LONG and "\n" not in code and code != text.text(near):
                yield _put(text, at, indent, near, code, cost)
    for node in text.statements:
        if isinstance(node, _SIMPLE) and text.is_alone(node):
            for code, cost in own.items():
                if "\n" not in code and code != text.text(node) and len(code) <= _LONG:
                    yield edit(text, text.replace(node, code), cost + 0.2)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _returns(text: FunctionText) -> Iterator[Edit]:
    """A `return` that is missing, or of something else."""
    for node in text.statements:
        match node:
            case ast.Expr(value=value) if not isinstance(value, ast.Yield | ast.YieldFrom):
                start = text.span(node)[0]
                yield edit(text, (start, start, "return "), 1.2, f"return {_short(text.text(node))}")
                match value:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
                        yield _put(text, text.whole(node)[1], text.indent(node), node, f"return {name}", 2.0)
            case ast.Assign(targets=[ast.Name() as target], value=value):
                start, stop = text.span(target)[0], text.span(value)[0]
                yield edit(text, (start, stop, "return "), 2.0, f"return {_short(text.text(value))}")
            case ast.Return(value=None):
                for name in text.variables:
                    stop = text.span(node)[1]
                    yield edit(text, (stop, stop, f" {name}"), 1.4, f"return {name}")
            case ast.Return(value=value) if value is not None:
                shown = text.text(value)
                yield edit(text, text.replace(value, f"not {text.operand(value)}"), 2.2)
                if text.is_alone(node):
                    for name in text.variables:
                        if name != shown:
                            yield edit(text, text.replace(node, f"{name} = {shown}"), 3.2)
                for other in (*_BASES, *text.variables):
                    if other != shown and not isinstance(value, ast.Constant | ast.Name):
                        yield edit(text, text.replace(value, other), 2.7)
    for at, indent, near in places(text):
        for name in text.variables:
            is_last = near is text.node.body[-1] and at >= text.span(near)[1]
            yield _put(text, at, indent, near, f"return {name}", 1.4 if is_last else 3.0)
        for constant in ("True", "False", "None", "0"):
            yield _put(text, at, indent, near, f"return {constant}", 2.0 if near is text.node.body[-1] else 3.3)


def _iterated(text: FunctionText) -> Iterator[Edit]:
    """What a loop goes through: a copy, a part, in order, with indices."""
    targets: list[ast.expr] = [node.iter for node in text.statements if isinstance(node, ast.For)]
    targets += [one.iter for node in text.expressions for one in getattr(node, "generators", ())]
    for iterated in targets:
        shown, operand = text.text(iterated), text.operand(iterated)
        forms = {f"list({shown})": 1.8, f"sorted({shown})": 1.9, f"{operand}[1:]": 1.8, f"{operand}[:-1]": 2.0}
        forms |= {f"reversed({shown})": 1.9, f"set({shown})": 2.2, f"enumerate({shown})": 2.2, f"range({shown})": 1.9}
        forms |= {
            f"range(len({shown}))": 1.9,
            f"{operand}.items()": 1.8,
            f"{operand}.values()": 1.9,
            f"{operand}.keys()": 2.4,
        }
        forms |= {f"{operand}[{name}:]": 2.1 for name in text.variables}
        forms |= {f"{operand}[:{name}]": 2.1 for name in text.variables}
        forms |= {f"{operand}[::2]": 2.8, f"{operand} or []": 2.6, f"sorted({shown}, reverse=True)": 2.2}
        for form, cost in forms.items():
            yield edit(text, text.replace(iterated, form), cost)


def _defaults(text: FunctionText) -> Iterator[Edit]:
    """A default that all calls share becomes one of each."""
    arguments = text.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [
        (one, default) for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default
    ]
    body = text.statements_of(text.node.body)
    for argument, default in pairs:
        shared = isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call)
        if shared and body and text.is_alone(body[0]):
            indent = text.indent(body[0])
            code = _lines(f"if {argument.arg} is None:\n    {argument.arg} = {text.text(default)}", indent)
            at = text.whole(body[0])[0]
            changes = (text.replace(default, "None"), (at, at, code))
            yield Edit(changes, f"a new {argument.arg} for each call", text.node.lineno, 1.0)
        else:
            for shown in _INITIAL:
                if shown != text.text(default):
                    yield edit(text, text.replace(default, shown), 2.2)


def _bases(text: FunctionText) -> Iterator[Edit]:
    """A base case, or another special one, at the beginning."""
    body = text.statements_of(text.node.body)
    if not body or not text.is_alone(body[0]):
        return
    recursive = any(isinstance(node, ast.Name | ast.Attribute) and text.text(node).split(".")[-1] == text.function.name
                    for node in text.expressions)  # fmt: skip
    at, indent = text.whole(body[0])[0], text.indent(body[0])
    parameters = [name for name in text.parameters if name not in ("self", "cls")]
    values = [*_BASES, *parameters, *(f"[{name}]" for name in parameters)]
    for atom in atoms(parameters):
        for value in values:
            code = f"if {atom}:\n    return {value}"
            base = _put(text, at, indent, body[0], code, 2.9 if recursive else 3.7, guards=not recursive)
            yield replace(base, ends=recursive)


def _guards(text: FunctionText) -> Iterator[Edit]:
    """What keeps a crash away and computes nothing."""
    for node in text.each(ast.Subscript):
        if isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice) and text.parents[node]:
            holder, key = text.text(node.value), text.text(node.slice)
            statement = text.statement_of(node)
            if isinstance(statement, _SIMPLE) and text.is_alone(statement):
                yield from _under(text, statement, f"{key} in {holder}")
                yield from _under(text, statement, f"{key} < len({holder})")
    for statement in text.statements:
        if isinstance(statement, _SIMPLE) and text.is_alone(statement) and not _is_docstring(statement):
            for name in text.variables:
                yield from _under(text, statement, f"{name} is not None")
                yield from _under(text, statement, name)
    for division in text.each(ast.BinOp):
        if isinstance(division.op, ast.Div | ast.FloorDiv | ast.Mod) and not isinstance(division.right, ast.Constant):
            shown, right = text.text(division), text.operand(division.right)
            change = text.replace(division, f"{shown} if {right} else 0", loose=True)
            yield Edit((change,), f"{_short(shown)}, or 0 where {right} is 0", division.lineno, 3.4, guards=True)
    for at, indent, near in places(text):
        if _in_loop(text, near):
            for name in text.variables:
                for atom in (f"not {name}", f"{name} is None"):
                    yield _put(text, at, indent, near, f"if {atom}:\n    continue", 4.0, guards=True)


def _handlers(text: FunctionText) -> Iterator[Edit]:
    """Another exception that is caught."""
    for node in ast.walk(text.node):
        if not (isinstance(node, ast.ExceptHandler) and node.type is not None):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        known = {text.text(one) for one in caught}
        for name in (one for one in _CAUGHT if one not in known):
            yield edit(text, (*text.span(node.type), name), 1.3)
            together = ", ".join([*map(text.text, caught), name])
            yield edit(text, (*text.span(node.type), f"({together})"), 1.5)


def _under(text: FunctionText, statement: ast.stmt, condition: str) -> Iterator[Edit]:
    indent, code = text.indent(statement), text.text(statement)
    step = "\t" if "\t" in indent else "    "
    new = f"if {condition}:\n{indent}{step}{code}"
    change = text.replace(statement, new)
    yield Edit((change,), f"only if {condition}: {_short(code)}", statement.lineno, 4.0, guards=True)
