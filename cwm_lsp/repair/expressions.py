"""Edits of the expressions of a function: one of them is written otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import combinations

from cwm_lsp.repair import pieces
from cwm_lsp.repair.edits import ARGUMENTS, edit, operator_edit, short, whole
from cwm_lsp.repair.pieces import conditions
from cwm_lsp.repair.text import Change, Edit, FunctionText

ORDER = {"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!="}
_COMPARISONS = {**ORDER, "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in"}
_NEAR = {
    "<": ("<=", ">", ">=", "!=", "=="), "<=": ("<", ">=", ">", "=="), ">": (">=", "<", "<=", "!=", "=="),
    ">=": (">", "<=", "<", "=="), "==": ("!=", "<=", ">=", "<", ">", "is", "in"), "!=": ("==", "<", ">", "is not"),
    "is": ("is not", "=="), "is not": ("is", "!="), "in": ("not in", "=="), "not in": ("in", "!="),
}  # fmt: skip
OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "BitAnd": "&",
    "BitOr": "|", "BitXor": "^", "LShift": "<<", "RShift": ">>",
}  # fmt: skip
_INSTEAD = {
    "+": ("-", "*", "|"), "-": ("+", "*", "/", "%"), "*": ("+", "/", "//", "**", "-"), "/": ("//", "*", "%", "-"),
    "//": ("/", "%", "*", "-", ">>"), "%": ("//", "/", "*", "-"), "**": ("*",), "&": ("|", "^", "-", "+"),
    "|": ("&", "^", "+", "-"), "^": ("&", "|", "**", "+"), "<<": (">>", "*"), ">>": ("<<", "//"),
}  # fmt: skip
_KIN = (
    ("min", "max"), ("any", "all"), ("sum", "len", "max", "min"), ("sorted", "reversed", "list", "set", "tuple"),
    ("int", "float", "round", "str", "abs"), ("floor", "ceil", "trunc", "round"), ("sin", "cos"), ("enumerate", "zip"),
    ("append", "extend", "appendleft", "insert", "add"), ("pop", "popleft", "popitem", "remove", "discard"),
    ("add", "update", "discard", "remove"), ("lower", "upper", "title", "capitalize", "swapcase", "casefold"),
    ("strip", "lstrip", "rstrip"), ("split", "rsplit", "splitlines", "partition"), ("partition", "rpartition"),
    ("find", "rfind", "index", "rindex", "count"), ("keys", "values", "items"), ("startswith", "endswith"),
    ("isalpha", "isalnum", "isdigit", "isnumeric", "isspace", "islower", "isupper"), ("ljust", "rjust", "center"),
    ("union", "intersection", "difference", "symmetric_difference"), ("issubset", "issuperset", "isdisjoint"),
    ("removeprefix", "removesuffix"), ("heappush", "heappop", "heappushpop"), ("bisect_left", "bisect_right"),
    ("chain", "from_iterable"), ("group", "groups", "groupdict"), ("match", "search", "fullmatch", "findall"),
    ("setdefault", "get"), ("copy", "deepcopy"), ("permutations", "combinations", "product"),
)  # fmt: skip
_PARTS = (
    ("name", "value", "key"), ("left", "right"), ("x", "y", "z"), ("row", "column"), ("width", "height", "depth"),
    ("start", "stop", "end", "step"), ("head", "tail"), ("first", "last"), ("prev", "next", "previous"),
    ("parent", "child"), ("year", "month", "day"), ("hour", "minute", "second"), ("real", "imag"), ("stem", "suffix"),
    ("low", "high"), ("lower", "upper"), ("min", "max"), ("numerator", "denominator"), ("source", "target"),
)  # fmt: skip
"""Attributes that objects have beside each other."""
_CONVERSIONS = ("str", "int", "list", "float", "len", "abs", "sorted", "set", "tuple", "sum", "bool", "round")


def expression_edits(text: FunctionText) -> Iterator[Edit]:
    """Edits of single expressions, in no order."""
    makers = (
        _comparisons, _arithmetic, _logic, _constants, _names, _by_one, _calls, _callees, _subscripts, pieces.branches,
        pieces.yields, pieces.pieces, pieces.displays, pieces.combined, pieces.accumulated, pieces.assigned,
    )  # fmt: skip
    for make in makers:
        yield from make(text)


def _comparisons(text: FunctionText) -> Iterator[Edit]:
    for node in text.each(ast.Compare):
        sides = [node.left, *node.comparators]
        for index, operator in enumerate(node.ops):
            old = _COMPARISONS[type(operator).__name__]
            left, right = sides[index], sides[index + 1]
            line = node.lineno
            for rank, new in enumerate(_NEAR[old]):
                change = operator_edit(text, left, right, old, new)
                if change is None:
                    continue
                shown = f"{short(text.text(node))}: {old} → {new}"
                yield Edit((change,), shown, line, 1.0 + 0.1 * rank)
                if isinstance(right, ast.Constant) and type(right.value) is int and new in ORDER.values():
                    for value in (right.value + 1, right.value - 1):
                        yield Edit(
                            (change, text.replace(right, str(value))), shown + f" {value}", line, 1.8 + 0.1 * rank
                        )
            if old in ORDER.values() and len(node.ops) == 1:
                swapped = f"{text.operand(right)} {old} {text.operand(left)}"
                if old not in ("==", "!="):
                    yield whole(text, node, swapped, 2.0)


def _arithmetic(text: FunctionText) -> Iterator[Edit]:
    for node in text.each(ast.BinOp):
        old = OPERATORS.get(type(node.op).__name__, "@")
        for rank, new in enumerate(_INSTEAD.get(old, ())):
            change = operator_edit(text, node.left, node.right, old, new)
            if change is not None:
                yield Edit((change,), f"{short(text.text(node))}: {old} → {new}", node.lineno, 1.2 + 0.1 * rank)
        left, right = text.operand(node.left), text.operand(node.right)
        if ast.dump(node.left) != ast.dump(node.right):
            yield whole(text, node, f"{right} {old} {left}", 1.6 if old not in ("*", "&", "|", "^") else 4.0)
        yield whole(text, node, text.text(node.left), 2.0)
        yield whole(text, node, text.text(node.right), 2.0)
        match node:  # a - b - c → a - (b - c); (a + b) * c ↔ a + b * c
            case ast.BinOp(left=ast.BinOp(left=first, right=second, op=inner), right=third):
                symbol = OPERATORS.get(type(inner).__name__, "@")
                parts = [text.operand(one) for one in (first, second, third)]
                yield whole(text, node, f"{parts[0]} {symbol} ({parts[1]} {old} {parts[2]})", 1.8)
            case ast.BinOp(left=first, right=ast.BinOp(left=second, right=third, op=inner)):
                symbol = OPERATORS.get(type(inner).__name__, "@")
                parts = [text.operand(one) for one in (first, second, third)]
                yield whole(text, node, f"({parts[0]} {old} {parts[1]}) {symbol} {parts[2]}", 1.8)
    for statement in text.statements:
        if isinstance(statement, ast.AugAssign):
            old = OPERATORS.get(type(statement.op).__name__, "@")
            start, stop = text.between(statement.target, statement.value)
            target, value = text.text(statement.target), text.text(statement.value)
            for rank, new in enumerate(_INSTEAD.get(old, ())):
                yield Edit(
                    ((start, stop, f" {new}= "),), f"{target} {old}= {short(value)} → {new}=", statement.lineno,
                    1.2 + 0.1 * rank,
                )  # fmt: skip
            yield Edit(((start, stop, " = "),), f"{target} = {short(value)}", statement.lineno, 1.8)
            if old == "+":
                turned = f"{target} = {text.operand(statement.value)} + {target}"
                yield edit(text, text.replace(statement, turned), 2.4)
            yield from _first_of_a_key(text, statement, old)
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            start, stop = text.between(statement.targets[0], statement.value)
            sides = short(text.text(statement.targets[0])), short(text.text(statement.value))
            for rank, symbol in enumerate(("+", "-", "*", "|")):
                if not isinstance(statement.targets[0], ast.Tuple | ast.List):
                    shown = f"{sides[0]} {symbol}= {sides[1]}"
                    yield Edit(((start, stop, f" {symbol}= "),), shown, statement.lineno, 1.7 + 0.3 * rank)


def _first_of_a_key(text: FunctionText, statement: ast.AugAssign, operator: str) -> Iterator[Edit]:
    """An entry of a dict is added to that may not be there yet."""
    match statement.target:
        case ast.Subscript(value=holder, slice=key) if not isinstance(key, ast.Slice):
            first = "[]" if isinstance(statement.value, ast.List | ast.ListComp) else "0"
            before = f"{text.text(holder)}.get({text.text(key)}, {first})"
            new = f"{text.text(statement.target)} = {before} {operator} {text.operand(statement.value)}"
            yield edit(text, text.replace(statement, new), 1.8)


def _logic(text: FunctionText) -> Iterator[Edit]:
    for node in text.each(ast.BoolOp):
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        changes = [operator_edit(text, *pair, old, new) for pair in zip(node.values, node.values[1:], strict=False)]
        if None not in changes:
            yield Edit(
                tuple(one for one in changes if one), f"{short(text.text(node))}: {old} → {new}", node.lineno, 1.1
            )
        for value in node.values:
            others = [one for one in node.values if one is not value]
            yield whole(text, node, f" {old} ".join(map(text.operand, others)), 2.2)
            yield whole(text, value, f"not {text.operand(value)}", 1.8)
    for turned in text.each(ast.UnaryOp):
        yield whole(text, turned, text.text(turned.operand), 1.4)
        if isinstance(turned.op, ast.Not) and isinstance(turned.operand, ast.BoolOp):
            first = turned.operand.values[0]
            word = " and " if isinstance(turned.operand.op, ast.And) else " or "
            rest = word.join(map(text.operand, turned.operand.values[1:]))
            yield whole(text, turned, f"not {text.operand(first)}{word}{rest}", 2.0)
    for condition in conditions(text):
        if not isinstance(condition, ast.UnaryOp):
            yield whole(text, condition, f"not {text.operand(condition)}", 1.5)


def _constants(text: FunctionText) -> Iterator[Edit]:
    values = {repr(node.value): None for node in text.each(ast.Constant) if not isinstance(node.value, bytes)}
    for node in text.each(ast.Constant):
        value = node.value
        others: dict[str, float] = {}
        match value:
            case bool():
                others = {repr(not value): 1.1}
            case int():
                others = {
                    repr(one): cost
                    for one, cost in ((value + 1, 1.2), (value - 1, 1.2), (0, 1.5), (1, 1.5), (-value, 1.6), (2, 2.2))
                }
                others |= {"0.0": 3.0, "None": 2.6, "float('inf')": 2.6, "float('-inf')": 2.6, "''": 3.0, "[]": 3.0}
                if value > 9:
                    others |= {repr(value * 10): 1.9, repr(value // 10): 1.9, repr(value - value % 10): 2.2}
            case float():
                others = {
                    repr(one): 1.8 for one in (value + 1, value - 1, -value, 1 / value if value else 1.0, 0.0, 1.0)
                }
                others |= {repr(value * 10): 1.9, repr(value / 10): 1.9, repr(value * 2): 2.0, repr(value / 2): 2.0}
            case str():
                others = {"''": 1.6, "' '": 1.6}
                others |= {
                    repr(one): 2.0 for one in (value.lower(), value.upper(), value.strip(), value + " ", value[:-1])
                }
            case None:
                others = {"0": 2.0, "[]": 2.0, "''": 2.2, "False": 2.0, "True": 2.2, "{}": 2.4, "()": 2.8}
        for one in values:
            if type(ast.literal_eval(one)) is type(value):
                others.setdefault(one, 2.0)
        if isinstance(value, int) and not isinstance(value, bool):
            others = {one: cost + 0.1 * (abs(value) > 9) for one, cost in others.items()}
        for one, cost in others.items():
            if one != repr(value):
                yield whole(text, node, one, cost)
        if value in (True, False, None) or type(value) in (int, str):
            for name in text.variables:
                yield whole(text, node, name, 2.2)
        if isinstance(value, bool):
            for name in text.variables:
                for shown in (f"not {name}", f"{name} == 0", f"len({name}) == 0", f"bool({name})"):
                    yield whole(text, node, shown, 2.6)
            for one, other in combinations(text.variables, 2):
                yield whole(text, node, f"{one} == {other}", 2.9)


def _names(text: FunctionText) -> Iterator[Edit]:
    functions = list(dict.fromkeys(node.func.id for node in text.each(ast.Call) if isinstance(node.func, ast.Name)))
    for node in text.each(ast.Name):
        parent = text.parents[node]
        if isinstance(node.ctx, ast.Load) and isinstance(parent, ast.Call) and parent.func is node:
            for name in functions:
                if name != node.id:
                    yield whole(text, node, name, 2.3)
            continue
        scope = dict.fromkeys([*text.comprehended(node), *text.variables])
        if node.id not in scope and isinstance(node.ctx, ast.Load):
            scope = scope if not node.id[:1].isupper() else {}
        cost = 1.5 if isinstance(node.ctx, ast.Load) else 2.2
        for name in scope:
            if name != node.id:
                alike = SequenceMatcher(None, name, node.id).ratio() > 0.7
                yield whole(text, node, name, cost - 0.3 * alike)
    everywhere = {node.attr for node in ast.walk(text.tree) if isinstance(node, ast.Attribute)} | _members(text.tree)
    for attribute in text.each(ast.Attribute):
        if not isinstance(attribute.ctx, ast.Load):
            continue
        receiver = ast.unparse(attribute.value)
        seen = {
            other.attr
            for other in ast.walk(text.tree)
            if isinstance(other, ast.Attribute) and ast.unparse(other.value) == receiver
        }
        parent = text.parents[attribute]
        for name in sorted(seen - {attribute.attr}):
            alike = SequenceMatcher(None, name, attribute.attr).ratio() > 0.6
            yield whole(text, attribute, f"{text.text(attribute.value)}.{name}", 1.6 - 0.3 * alike)
        for name in sorted(everywhere - seen):
            if SequenceMatcher(None, name, attribute.attr).ratio() > 0.6:
                yield whole(text, attribute, f"{text.text(attribute.value)}.{name}", 1.4)
        if not (isinstance(parent, ast.Call) and parent.func is attribute):
            yield whole(text, attribute, f"{text.text(attribute)}()", 1.8)


def _members(tree: ast.Module) -> set[str]:
    """The names in the classes of a file: methods and fields."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                match inner:
                    case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                        found.add(name)
                    case ast.Assign(targets=[ast.Name(id=name)]):
                        found.add(name)
    return found


def _by_one(text: FunctionText) -> Iterator[Edit]:
    """One more or less, where a number may stand."""
    for node in text.each(ast.expr):
        if isinstance(node, ast.Constant | ast.Slice | ast.Starred) or not isinstance(
            getattr(node, "ctx", ast.Load()), ast.Load
        ):
            continue
        match node:
            case ast.BinOp(left=inner, op=ast.Add() | ast.Sub(), right=ast.Constant(value=1)):
                yield whole(text, node, text.text(inner), 1.2)
                continue
        if not isinstance(node, ast.Name | ast.Call | ast.BinOp | ast.Subscript | ast.Attribute):
            continue
        parent = text.parents[node]
        is_likely = 1.4
        match parent:
            case ast.Call(func=func) if func is node:
                continue
            case ast.Attribute():
                continue
            case ast.Subscript(value=value) if value is node:
                continue
            case ast.For() | ast.comprehension():
                continue
            case ast.Slice() | ast.Subscript():
                is_likely = 1.3
            case ast.Call(func=ast.Name(id="range")):
                is_likely = 1.1
            case ast.Call() | ast.BinOp():
                is_likely = 1.5
            case ast.Return() | ast.Assign() | ast.Compare() | ast.Tuple():
                is_likely = 1.5
            case _:
                is_likely = 2.4
        shown = text.text(node) if isinstance(node, ast.BinOp | ast.Name) else text.operand(node)
        for sign in ("-", "+"):
            yield whole(text, node, f"{shown} {sign} 1", is_likely)


def _calls(text: FunctionText) -> Iterator[Edit]:
    own = text.function.name
    for node in text.each(ast.Call):
        arguments = node.args
        if any(isinstance(one, ast.Starred) for one in arguments):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        texts = [text.text(one) for one in arguments]
        for one, other in combinations(range(len(arguments[:ARGUMENTS])), 2):
            if texts[one] != texts[other]:
                changes = (text.replace(arguments[one], texts[other]), text.replace(arguments[other], texts[one]))
                yield Edit(changes, f"{name}(…): {short(texts[one])} ↔ {short(texts[other])}", node.lineno, 1.2)
        if not arguments:
            continue
        end = text.span(arguments[-1])[1]
        for index, argument in enumerate(arguments):
            if len(arguments) > 1:
                start = text.span(argument)[0] if index == 0 else text.span(arguments[index - 1])[1]
                stop = text.span(arguments[1])[0] if index == 0 else text.span(argument)[1]
                yield edit(text, (start, stop, ""), 2.2, f"{name}(…): without {short(texts[index])}")
        if name == "range":
            yield from _ranges(text, node, texts)
        elif len(arguments) == 1 and not node.keywords and not _is_always_true(text, node, arguments[0]):
            yield whole(text, node, texts[0], 1.8)
        if name in ("sorted", "sort", "max", "min") and not any(one.arg == "reverse" for one in node.keywords):
            stop = max([end, *(text.span(one)[1] for one in node.keywords)])
            if name.startswith("sort"):
                yield edit(text, _one_more(text, node, "reverse=True", stop), 1.6)
            yield edit(text, _one_more(text, node, "key=len", stop), 2.6)
            if name in ("max", "min") and len(arguments) == 1:
                for value in ("0", "None", "''"):
                    yield edit(text, _one_more(text, node, f"default={value}", stop), 1.4)
        if name != "range" and len(arguments) < ARGUMENTS:
            most = len(text.function.parameters) if name == own else ARGUMENTS
            if len(arguments) < most:
                for variable in (*text.variables, "1", "0"):
                    yield edit(text, _one_more(text, node, variable, end), 2.4 if name != own else 1.8)
    for node in text.each(ast.Call):
        for keyword in node.keywords:
            if keyword.arg is None:
                continue
            start, stop = text.span(keyword)
            ends = [*(text.span(one)[1] for one in node.args), *(text.span(one)[1] for one in node.keywords)]
            ahead = [end for end in ends if end <= start]
            yield edit(text, (max(ahead, default=start), stop, ""), 2.2, f"without {short(text.text(keyword))}")
    for statement in text.statements:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="sort"), args=[], keywords=[])):
                stop = text.span(statement)[1] - 1
                yield edit(text, (stop, stop, "reverse=True"), 1.8)


def _one_more(text: FunctionText, node: ast.Call, argument: str, stop: int) -> Change:
    """A call with an argument more, which comes after the character `stop`."""
    first = node.args[0]
    if isinstance(first, ast.GeneratorExp) and text.span(first)[1] == text.span(node)[1]:  # it has the call's brackets
        return *text.span(first), f"({text.text(first)}, {argument})"
    return stop, stop, f", {argument}"


def _is_always_true(text: FunctionText, node: ast.Call, argument: ast.expr) -> bool:
    """Whether a call is asked for its truth, and its argument alone would always be true."""
    asked = isinstance(text.parents[node], ast.If | ast.While | ast.Assert | ast.BoolOp | ast.UnaryOp)
    return asked and isinstance(argument, ast.GeneratorExp)


def _ranges(text: FunctionText, node: ast.Call, texts: list[str]) -> Iterator[Edit]:
    forms: list[str] = []
    match texts:
        case [stop]:
            forms = [f"1, {stop}", f"1, {stop} + 1", f"0, {stop}, 2", f"{stop} - 1, -1, -1", f"2, {stop}"]
            forms += [f"{one}, {stop}" for one in text.variables]
        case [start, stop]:
            forms = [f"{start}, {stop}, -1", f"{start}, {stop} + 1", f"{stop} - 1, {start} - 1, -1", stop]
            forms += [f"{start}, {stop}, {one}" for one in (*text.variables, 2)]
        case [start, stop, step]:
            forms = [f"{start}, {stop}", f"{start}, {stop}, -({step})", f"{start}, {stop} - 1, {step}"]
    for form in forms:
        first, last = text.span(node.args[0])[0], text.span(node.args[-1])[1]
        yield edit(text, (first, last, form), 1.9)


def _callees(text: FunctionText) -> Iterator[Edit]:
    """Another function or method that is akin, a conversion more or less."""
    for node in text.expressions:
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        for family in (*_KIN, *_PARTS) if isinstance(node, ast.Attribute) else _KIN:
            if name in family:
                for other in family:
                    if other != name:
                        stop = text.span(node)[1]
                        assert name is not None
                        yield edit(text, (stop - len(name), stop, other), 1.3, f"{short(text.text(node))} → {other}")
    for node in text.each(ast.Call):
        match node:
            case ast.Call(func=ast.Attribute(attr="pop"), args=[]):
                stop = text.span(node)[1] - 1
                yield edit(text, (stop, stop, "0"), 1.5, f"{short(text.text(node))[:-1]}0)")
            case ast.Call(func=ast.Attribute(attr="pop"), args=[argument]):
                yield edit(text, (*text.span(argument), ""), 1.6, f"{short(text.text(node))}: without an index")
            case ast.Call(func=ast.Attribute(value=value, attr="append"), args=[argument]):
                put = f"{text.text(value)}.insert(0, {text.text(argument)})"
                yield whole(text, node, put, 2.2)
            case ast.Call(func=ast.Attribute(value=value, attr=attribute), args=[], keywords=[]):
                yield whole(text, node, text.text(value), 2.0)
                if attribute in ("keys", "values", "items", "strip", "lower", "upper", "copy"):
                    yield whole(text, node, text.text(node.func), 3.5)
        for attribute in ("strip()", "lower()", "copy()"):
            if isinstance(node.func, ast.Attribute):
                yield whole(text, node, f"{text.text(node)}.{attribute}", 2.8)
        if text.function.is_async and not isinstance(text.parents[node], ast.Await):
            yield whole(text, node, f"await {text.text(node)}", 1.4)
    for node in text.expressions:
        if not isinstance(node, ast.Name | ast.Subscript | ast.Call | ast.BinOp | ast.Attribute):
            continue
        parent = text.parents[node]
        if not isinstance(node, ast.Call | ast.BinOp) and not isinstance(node.ctx, ast.Load):
            continue
        if (isinstance(parent, ast.Call) and parent.func is node) or isinstance(parent, ast.Attribute):
            continue
        for conversion in _CONVERSIONS:
            yield whole(text, node, f"{conversion}({text.text(node)})", 2.0 if conversion in _CONVERSIONS[:3] else 2.5)
        for shown, cost in (("{}[::-1]", 2.4), ("{}.copy()", 2.6), ("{}[1:]", 2.2), ("{}[:-1]", 2.4), ("{}[0]", 2.4)):
            yield whole(text, node, shown.format(text.operand(node)), cost, loose=False)
        for shown, cost in (("-{}", 2.2), ("{} ** 2", 2.2), ("{} * 2", 2.4), ("{} // 2", 2.4), ("{} / 2", 2.6)):
            yield whole(text, node, shown.format(text.operand(node)), cost)
        if isinstance(node, ast.Name):
            for attribute in ("lower()", "strip()", "items()", "upper()", "keys()", "values()"):
                yield whole(text, node, f"{node.id}.{attribute}", 2.6)
            for variable in text.variables:
                if variable != node.id:
                    for shown in ("{}[{}:]", "{}[:{}]", "{}[{}]"):
                        yield whole(text, node, shown.format(node.id, variable), 2.6)


def _subscripts(text: FunctionText) -> Iterator[Edit]:
    for node in text.each(ast.Subscript):
        value, index = text.text(node.value), node.slice
        match index:
            case ast.Slice(lower=lower, upper=upper, step=step):
                low, high = (text.text(one) if one else "" for one in (lower, upper))
                last = f":{text.text(step)}" if step else ""
                forms = {f"{low}:": 1.8, f":{high}": 1.8, f"{high}:{low}": 2.0, f"{low}:{high}:-1": 2.2, ":": 2.6}
                for shown, place in ((low, 0), (high, 1)):
                    if shown:
                        for sign in ("+", "-"):
                            parts = [low, high]
                            parts[place] = f"{shown} {sign} 1"
                            forms[f"{parts[0]}:{parts[1]}"] = 1.4
                    else:
                        for one in ("1", "-1"):
                            parts = [low, high]
                            parts[place] = one
                            forms[f"{parts[0]}:{parts[1]}"] = 1.7
                        for one in text.variables:
                            parts = [low, high]
                            parts[place] = one
                            forms[f"{parts[0]}:{parts[1]}"] = 2.1
                start, stop = text.span(index)
                for form, cost in forms.items():
                    if form + last != text.text(index):
                        yield edit(text, (start, stop, form + last), cost, f"{value}[{form}{last}]")
                yield whole(text, node, value, 2.2)
                if step is None:
                    yield edit(text, (start, stop, f"{low}:{high}:2"), 2.8)
            case ast.Tuple(elts=[one, other]):
                changes = (text.replace(one, text.text(other)), text.replace(other, text.text(one)))
                yield Edit(changes, f"{value}[{text.text(other)}, {text.text(one)}]", node.lineno, 1.4)
            case _:
                shown = text.text(index)
                for form, cost in (("-1", 1.6), ("0", 1.6), ("1", 2.0), (f"-{text.operand(index)}", 2.2),
                                   (f"-{text.operand(index)} - 1", 2.4)):  # fmt: skip
                    if form != shown:
                        yield whole(text, index, form, cost)
                if isinstance(node.ctx, ast.Load):
                    yield whole(text, node, f"{value}[{shown}:]", 2.6)
                    yield whole(text, node, f"{value}[:{shown}]", 2.6)
                    yield whole(text, node, value, 2.6)
                    for default in ("", ", 0", ", []", ", ''", ", False"):
                        yield whole(text, node, f"{value}.get({shown}{default})", 2.8)
                    match text.parents[node]:
                        case ast.Attribute(attr="append" | "extend" | "insert"):
                            yield whole(text, node, f"{value}.setdefault({shown}, [])", 1.8)
                        case ast.Attribute(attr="add"):
                            yield whole(text, node, f"{value}.setdefault({shown}, set())", 1.8)
        if isinstance(node.value, ast.Subscript) and not isinstance(index, ast.Slice):
            inner = node.value.slice
            if not isinstance(inner, ast.Slice) and text.text(inner) != text.text(index):
                changes = (text.replace(inner, text.text(index)), text.replace(index, text.text(inner)))
                yield Edit(
                    changes, f"{short(text.text(node))}: {text.text(inner)} ↔ {text.text(index)}", node.lineno, 1.4
                )
