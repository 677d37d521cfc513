"""What simple statements do to values that show as literals: reckoned, not run, and never by much.

Guesses hang on it, and nothing else: what cannot be told soon is unknown. No code of the program is run, only operators
and methods of numbers, texts and containers, on copies made from reprs.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

_LONGEST = 4_000
"""Characters of a repr, and elements of a value, up to which it is reckoned with."""
_STEPS = 4_000
"""Parts of expressions that one statement may take."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(abs, all, any, bool, chr, dict, divmod, enumerate, float, frozenset, int, len, list, max, min, ord, range),
        *(repr, reversed, round, set, sorted, str, sum, tuple, zip),
    )
}
_TYPES = (str, int, float, bool, list, tuple, dict, set, frozenset, type(None))
_NOT_METHODS = {"format", "format_map", "encode", "to_bytes", "from_bytes", "translate", "maketrans", "fromkeys"}
_WIDE = {"center", "ljust", "rjust", "zfill", "expandtabs"}
_GROWING = {*_WIDE, "replace", "join"}
"""What may make a long text of short ones; `_WIDE` by a number."""


class Unknown(Exception):
    """It is not to be told so."""


def literal(text: str | None) -> Any:
    """The value that a repr shows.

    Raises:
        Unknown: it shows none that is reckoned with.
    """
    if text is None or len(text) > _LONGEST or text == "...":
        raise Unknown
    if text == "set()":
        return set()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise Unknown from None


def value_of(expression: ast.expr | None, values: Mapping[str, str]) -> Any:
    """What an expression comes to, given the reprs of variables.

    Raises:
        Unknown: it cannot be told.
    """
    if expression is None:
        return None
    return Reckoner(values).value(expression)


def shown(expression: ast.expr | None, values: Mapping[str, str]) -> str | None:
    """The repr of the same; None where it cannot be told."""
    try:
        return text_of(value_of(expression, values))
    except Unknown:
        return None


def text_of(value: Any) -> str:
    """The repr of what was reckoned.

    Raises:
        Unknown: it does not show what it is.
    """
    if not isinstance(value, _TYPES):
        raise Unknown
    return repr(value)


def effects(statement: ast.stmt | None, values: Mapping[str, str]) -> dict[str, str]:
    """The reprs of what a simple statement assigns or changes, as far as they can be told."""
    reckoner = Reckoner(values)
    changed: set[str] = set()
    try:
        match statement:
            case ast.Assign(targets=targets, value=value):
                its = reckoner.value(value)
                for target in targets:
                    changed |= reckoner.assign(target, its)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                changed |= reckoner.assign(target, reckoner.value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                its = reckoner.binary(op, reckoner.value(target), reckoner.value(value))
                changed |= reckoner.assign(target, its)
            case ast.Expr(value=value):
                reckoner.value(value)
            case ast.Delete(targets=[ast.Subscript(value=holder, slice=index)]):
                at = reckoner.value(index)
                reckoner.guarded(operator.delitem, reckoner.value(holder), at)
                changed |= _root(holder)
    except Unknown:
        return {}
    texts = {}
    for name in changed | reckoner.touched:
        try:
            texts[name] = text_of(reckoner.names[name])
        except (Unknown, KeyError):
            continue
    return texts


def bound(target: ast.expr, value: Any) -> dict[str, str]:
    """The reprs of the variables of a loop's target for one value."""
    reckoner = Reckoner({})
    try:
        return {name: text_of(reckoner.names[name]) for name in reckoner.assign(target, value)}
    except Unknown:
        return {}


class Reckoner:
    """Values of one statement."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: dict[str, Any] = {}
        """Those that were needed or assigned, as values."""
        self.touched: set[str] = set()
        """Names whose values a method may have changed."""
        self._steps = 0

    def value(self, node: ast.expr) -> Any:
        self._steps += 1
        if self._steps > _STEPS:
            raise Unknown
        value = self._value(node)
        if isinstance(value, int):
            if value.bit_length() > 256:
                raise Unknown
        elif isinstance(value, str | list | tuple | dict | set):
            self._steps += len(value) // 16
            if len(value) > _LONGEST:
                raise Unknown
        return value

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if isinstance(value, _TYPES):
                return value
            case ast.Name(id=name):
                if name not in self.names:
                    self.names[name] = literal(self._values.get(name))
                return self.names[name]
            case ast.UnaryOp(op=op, operand=operand):
                return self.guarded(_UNARY[type(op)], self.value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.value(left), self.value(right))
            case ast.BoolOp(op=op, values=parts):
                value = None
                for part in parts:
                    value = self.value(part)
                    if bool(value) is isinstance(op, ast.Or):
                        break
                return value
            case ast.Compare(left=left, ops=ops, comparators=others):
                one = self.value(left)
                for comparison, other in zip(ops, others, strict=True):
                    its = self.value(other)
                    if not self.guarded(_COMPARED[type(comparison)], one, its):
                        return False
                    one = its
                return True
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body if self.value(test) else orelse)
            case ast.List(elts=parts):
                return list(self._all(parts))
            case ast.Tuple(elts=parts):
                return tuple(self._all(parts))
            case ast.Set(elts=parts):
                return self.guarded(set, list(self._all(parts)))
            case ast.Dict(keys=keys, values=parts) if None not in keys:
                pairs = [(self.value(k), self.value(v)) for k, v in zip(keys, parts, strict=True) if k is not None]
                return self.guarded(dict, pairs)
            case ast.Subscript(value=holder, slice=index):
                return self.guarded(operator.getitem, self.value(holder), self.value(index))
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self.value(part) for part in (lower, upper, step)))
            case ast.JoinedStr(values=parts):
                return "".join(self._formatted(part) for part in parts)
            case ast.NamedExpr(target=ast.Name(id=name), value=part):
                self.names[name] = self.value(part)
                self.touched.add(name)
                return self.names[name]
            case ast.ListComp(elt=part, generators=generators):
                return [self.value(part) for _ in self._each(generators)]
            case ast.GeneratorExp(elt=part, generators=generators):
                return [self.value(part) for _ in self._each(generators)]
            case ast.SetComp(elt=part, generators=generators):
                return self.guarded(set, [self.value(part) for _ in self._each(generators)])
            case ast.DictComp(key=key, value=part, generators=generators):
                return self.guarded(dict, [(self.value(key), self.value(part)) for _ in self._each(generators)])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                if name in self._values:
                    raise Unknown
                return self._called(_FUNCTIONS[name], list(self._all(arguments)))
            case ast.Call(func=ast.Name(id="sorted"), args=[argument], keywords=[ast.keyword("reverse", reverse)]):
                down = bool(self.value(reverse))
                return self.guarded(lambda one: sorted(one, reverse=down), self.value(argument))
            case ast.Call(func=ast.Attribute(value=holder, attr=method), args=arguments, keywords=[]):
                return self._method(holder, method, list(self._all(arguments)))
        raise Unknown

    def binary(self, op: ast.operator, one: Any, other: Any) -> Any:
        """What an operator gives."""
        if type(op) not in _BINARY or (isinstance(op, ast.Mod) and isinstance(one, str)):
            raise Unknown
        if isinstance(op, ast.Mult):
            for many, times in ((one, other), (other, one)):
                if isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > _LONGEST:
                    raise Unknown
        return self.guarded(_BINARY[type(op)], one, other)

    def assign(self, target: ast.expr, value: Any) -> set[str]:
        """Bind a target; the names whose values it changed."""
        match target:
            case ast.Name(id=name):
                self.names[name] = value
                return {name}
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                parts = self.guarded(list, value)
                if len(parts) != len(targets) or any(isinstance(one, ast.Starred) for one in targets):
                    raise Unknown
                return {name for one, its in zip(targets, parts, strict=True) for name in self.assign(one, its)}
            case ast.Subscript(value=holder, slice=index):
                self.guarded(operator.setitem, self.value(holder), self.value(index), value)
                return _root(holder)
        raise Unknown

    def guarded(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives of values; raises Unknown where it raises."""
        try:
            return function(*arguments)
        except Exception:  # of the reckoned program, whatever it is
            raise Unknown from None

    def _all(self, nodes: Sequence[ast.expr]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.guarded(list, self.value(node.value))
            else:
                yield self.value(node)

    def _called(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        if function is range:
            numbers = self.guarded(range, *arguments)
            return numbers if len(numbers) <= _LONGEST else self._refuse()
        value = self.guarded(function, *arguments)
        return list(value) if isinstance(value, enumerate | zip | reversed) else value

    def _method(self, holder: ast.expr, method: str, arguments: list[Any]) -> Any:
        its = self.value(holder)
        if not isinstance(its, str | list | tuple | dict | set | int | float) or method in _NOT_METHODS:
            raise Unknown
        if method[:1] == "_" or not hasattr(its, method):
            raise Unknown
        lengths = [len(one) if isinstance(one, str | list | tuple | dict) else 1 for one in (its, *arguments)]
        lengths += [one for one in arguments if isinstance(one, int)] if method in _WIDE else []
        if method in _GROWING and lengths[0] * max(lengths[1:], default=1) > 50 * _LONGEST:
            raise Unknown
        self.touched |= _root(holder)
        value = self.guarded(getattr(its, method), *arguments)
        return value if isinstance(value, _TYPES) else self.guarded(list, value)

    def _formatted(self, part: ast.expr) -> str:
        match part:
            case ast.Constant(value=str() as text):
                return text
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return str(self.value(value))
        raise Unknown

    def _each(self, generators: Sequence[ast.comprehension]) -> Iterator[None]:
        """The turns of a comprehension, whose variables are bound meanwhile."""
        first, *others = generators
        kept = dict(self.names)
        for one in islice(self._iterated(first.iter), _LONGEST):
            self.assign(first.target, one)
            if all(self.value(test) for test in first.ifs):
                if others:
                    yield from self._each(others)
                else:
                    yield
        self.names = kept

    def _iterated(self, node: ast.expr) -> Iterable[Any]:
        value = self.value(node)
        return value if isinstance(value, range) else list(self.guarded(iter, value))

    def _refuse(self) -> Any:
        raise Unknown


def _root(node: ast.expr) -> set[str]:
    """The variable that an expression looks into."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()
