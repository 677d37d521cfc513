"""Operators, truth, iteration and subscripts over known values, each bounded before it is carried out."""

from __future__ import annotations

import operator
import re
from array import array
from collections import ChainMap, deque
from collections.abc import Callable, Iterable, Sequence
from types import GeneratorType, GenericAlias, MappingProxyType, NoneType
from typing import Any

from cwm_lsp.evaluate import everyday, library, rendering
from cwm_lsp.evaluate.bounding import SHORT, Bounding
from cwm_lsp.evaluate.loaded import Loaded
from cwm_lsp.evaluate.machine import SMALL
from cwm_lsp.evaluate.runtime import Runtime
from cwm_lsp.evaluate.telling import ATOMIC, STILL_OPERANDS
from cwm_lsp.evaluate.values import MISSING, Addressed, TooMuch, Undetermined, Unknown, defines, is_a, unguarded

NUMBERS: frozenset[type] = frozenset({int, float, bool})
SEQUENCES: frozenset[type] = frozenset({str, list, tuple, bytes, bytearray})
SINGLETONS: tuple[Any, ...] = (None, True, False, ..., NotImplemented)

Apply = Callable[[Any, Any], Any]


class Operations(Bounding):
    """The guarded operations of one evaluation."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.checks: dict[str, Callable[[Any, Any], None]] = {
            "Mult": self.check_product,
            "Pow": self.check_power,
            "LShift": self.check_shift,
            "Mod": self.check_percent,
            "Add": self.check_sum,
            **dict.fromkeys(("Sub", "Div", "FloorDiv"), self.check_fractions),
        }

    # the one way out for what is unknown

    def attempt(self, function: Callable[..., Any], args: Sequence[Any], touched: Iterable[Any] = ()) -> Any:
        """`function(*args)`, or an `Unknown` where it depends on one; `touched` may then have been changed."""
        runtime = self.runtime
        if runtime.poisoned and runtime.is_poisoned(args):
            runtime.unknowing.may_call(args)
            return runtime.unknown(touched)
        try:
            return function(*args)
        except Addressed:
            return Unknown()
        except Undetermined:
            return self.undetermined(function, args, touched)
        except Exception:
            if self.has_unknown(args):
                return self.undetermined(function, args, touched)
            raise

    def undetermined(self, function: Callable[..., Any], args: Sequence[Any], touched: Iterable[Any] = ()) -> Any:
        """What `attempt` gives once `function(*args)` has turned out not to be known."""
        known = self.resolved(args)
        if known is not None:
            return self.attempt(function, known, touched)
        self.runtime.unknowing.may_call(args)
        return self.runtime.unknown(touched)

    @staticmethod
    def resolved(args: Sequence[Any]) -> list[Any] | None:
        """The arguments with answered unknowns replaced by what they turned out to be; None if there is none."""
        found = [item.value if type(item) is Unknown and item.value is not MISSING else item for item in args]
        return found if any(new is not old for new, old in zip(found, args, strict=True)) else None

    def has_unknown(self, values: Iterable[Any]) -> bool:
        return self.any_inside(values, lambda value: type(value) is Unknown)

    def any_inside(self, values: Iterable[Any], test: Callable[[Any], bool]) -> bool:
        """Whether the test holds for one of the values, or of what they contain, as far as one looks."""
        pending = list(values)
        seen: set[int] = set()
        while pending and len(seen) < 10_000:
            value = pending.pop()
            if test(value):
                return True
            if type(value) not in rendering.ATOMS and id(value) not in seen:
                seen.add(id(value))
                pending.extend(self.runtime.inside(value))
        return False

    def acting(self, apply: Callable[..., Any], *args: Any) -> Any:
        """`apply(*args)`, of which it is not told what it changes."""
        runtime = self.runtime
        runtime.acting += 1
        try:
            return apply(*args)
        finally:
            runtime.acting -= 1
            runtime.acts += 1

    # binary operators

    def binary(self, name: str, *, in_place: bool = False) -> Apply:
        """The operator whose syntax tree node is called `name`."""
        native = OPERATORS[name][1 if in_place else 0]
        check = self.checks.get(name)
        attempt, acting = self.attempt, self.acting
        runtime = self.runtime
        quick = (
            NUMBERS if name in ("Add", "Sub", "FloorDiv", "Mod", "Div", "BitAnd", "BitOr", "BitXor") else frozenset()
        )
        joins = name == "Add"

        def careful(a: Any, b: Any) -> Any:
            if check is not None:
                check(a, b)
            if in_place and type(a) is list:
                b = self.ending(b)
            elif in_place and is_a(a, set):
                runtime.shrunk += 1
            elif type(a) in VIEWS or type(b) in VIEWS:
                a, b = self.iterable(a), self.iterable(b)
            result = native(a, b)
            if result is not a:
                runtime.count(result)
            return result

        def apply(a: Any, b: Any) -> Any:
            kind = type(a)
            if kind in quick and type(b) in quick:
                return native(a, b)
            if kind is str and joins and type(b) is str and len(a) + len(b) < SHORT:
                try:
                    runtime.count(result := a + b)
                except Addressed:
                    return Unknown()
                return result
            if (kind in ATOMIC or (kind in STILL_OPERANDS and not in_place)) and type(b) in STILL_OPERANDS:
                return general(a, b)
            return acting(general, a, b)

        def general(a: Any, b: Any) -> Any:
            if not runtime.poisoned:
                try:
                    return careful(a, b)
                except Addressed:
                    return Unknown()
                except Undetermined:
                    return self.undetermined(careful, (a, b), (a,) if in_place else ())
                except TypeError:
                    if not self.has_unknown((a, b)):
                        raise
            return attempt(careful, (a, b), (a,) if in_place else ())

        return apply

    # other operators

    def unary(self, name: str) -> Callable[[Any], Any]:
        native = UNARY[name]
        attempt = self.attempt

        def apply(a: Any) -> Any:
            if type(a) in NUMBERS:
                return native(a)
            return self.acting(attempt, native, (a,))

        return apply

    def truth(self, value: Any) -> Any:
        """Whether a value is true; an `Unknown` if that is not known."""
        if type(value) in STILL_OPERANDS:
            return self.attempt(bool, (value,))
        if type(value) is Unknown and value.is_true:
            return True
        return self.acting(self.attempt, bool, (value,))

    def compare(self, name: str) -> Apply:
        if name in ("Is", "IsNot"):
            return self.identity(negate=name == "IsNot")
        if name in ("In", "NotIn"):
            return self.membership(negate=name == "NotIn")
        native = COMPARISONS[name]
        attempt, runtime = self.attempt, self.runtime

        def apply(a: Any, b: Any) -> Any:
            kind = type(a)
            if kind in rendering.ATOMS or type(b) in rendering.ATOMS:
                if kind in rendering.ATOMS and type(b) in rendering.ATOMS:
                    return native(a, b)
            else:
                self.check_nesting(a, b)
            if kind in STILL_OPERANDS and type(b) in STILL_OPERANDS:
                return general(a, b)
            return self.acting(general, a, b)

        def general(a: Any, b: Any) -> Any:
            if not runtime.poisoned:
                try:
                    return native(a, b)
                except Undetermined:
                    return self.undetermined(native, (a, b))
            return attempt(native, (a, b))

        return apply

    def identity(self, *, negate: bool) -> Apply:
        def same(a: Any, b: Any) -> bool:
            if type(a) is str and len(a) == 1 and type(b) is str and a == b:
                raise Undetermined  # some characters are there twice, one of them in constants
            if a is b or unguarded(a) is unguarded(b):
                return not negate
            for value, other in ((a, b), (b, a)):
                if type(value) is Unknown:
                    if value.is_object and any(other is item for item in SINGLETONS):
                        return negate
                    raise Undetermined
            if any(a is item or b is item for item in SINGLETONS) or type(a) is not type(b):
                return negate
            if type(a) in rendering.ATOMS or type(a) in (tuple, frozenset):
                if type(a) is int and -5 <= a <= 256:
                    return negate
                if a == b:
                    raise Undetermined
            return negate

        return lambda a, b: self.attempt(same, (a, b))

    def inside(self, a: Any, b: Any) -> bool:
        """`a in b`."""
        if type(b) is range and type(a) not in (int, bool):
            self.runtime.allow(len(b[: self.runtime.limits.elements + 1]))
        if type(a) not in rendering.ATOMS:
            self.check_nesting(a, b)
        return operator.contains(b, a)

    def membership(self, *, negate: bool) -> Apply:
        runtime, attempt, inside = self.runtime, self.attempt, self.inside

        def apply(a: Any, b: Any) -> Any:
            if type(b) in STILL_OPERANDS:
                return general(a, b)
            return self.acting(general, a, b)

        def general(a: Any, b: Any) -> Any:
            if not runtime.poisoned:
                try:
                    return inside(a, b) is not negate
                except Undetermined:
                    if self.resolved((a, b)) is None:
                        return runtime.unknown()
                except TypeError:
                    if not self.has_unknown((a, b)):
                        raise
            found = attempt(inside, (a, b))
            return found if type(found) is Unknown else found is not negate

        return apply

    # iteration

    def iterable(self, value: Any) -> Any:
        """The same elements, in a settled order and not without end."""
        kind: Any = type(value)
        if kind is set or kind is frozenset:
            if len(value) > 1 and rendering.unordered(value):
                self.runtime.taint()
                return rendering.ordered(value)
        elif is_a(value, set | frozenset):
            if kind.__iter__ in (set.__iter__, frozenset.__iter__) and rendering.unordered(value):
                raise Undetermined
        elif kind is range and value[self.runtime.limits.elements :]:  # which may be too long for `len`
            return self.runtime.ticker(iter(value))
        return value

    def ending(self, value: Any) -> Any:
        """The same elements, not without end: an iterator over a list goes on while the list grows."""
        value = self.iterable(value)
        kind = type(value)
        builtin = kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__")
        return self.runtime.ticker(value) if builtin and kind is not GeneratorType else value

    def iterator(self, value: Any) -> Any:
        """`iter(value)`, or an `Unknown`."""
        runtime = self.runtime
        kind = type(value)
        if (kind is list or kind is str or kind is tuple) and not runtime.poisoned:
            return iter(value)
        return self.attempt(lambda item: iter(self.iterable(item)), (value,))

    def unpack(self, value: Any, complaint: str = "Value after * must be an iterable, not {}") -> list[Any]:
        """The elements of a starred value; raises `Undetermined` where they are not known."""
        self.runtime.touchable((value,))
        if type(value) is Unknown and value.value is not MISSING:
            value = value.value
        kind: Any = type(value)
        if kind is not Unknown and not defines(kind, "__iter__") and not defines(kind, "__getitem__"):
            raise TypeError(complaint.format(kind.__name__))
        return list(self.iterable(value))

    # subscripts

    def subscript(self, value: Any, key: Any) -> Any:
        kind = type(value)
        runtime = self.runtime
        if kind in QUICK and not runtime.poisoned and type(key) in rendering.ATOMS:
            try:
                return value[key]
            except Undetermined:
                pass
            except TypeError:
                if not self.has_unknown((key,)):
                    raise
        if kind in STILL_OPERANDS:
            return self.attempt(self.get_item, (value, key), (value,))
        return self.acting(self.attempt, self.get_item, (value, key), (value,))

    def get_item(self, value: Any, key: Any) -> Any:
        if type(value) in SUBSCRIPTABLE or self.may_subscript(value):
            if type(key) is slice:
                part = value[key]
                self.runtime.count(part)
                return part
            self.check_nesting(key)
            return value[key]
        if defines(type(value), "__getitem__") or is_a(value, type):
            raise Undetermined
        return value[key]

    def may_subscript(self, value: Any) -> bool:
        classes = self.runtime.classes
        if is_a(value, type):
            return value in classes or value in GENERIC or value in library.GENERIC
        if type(value).__module__ == "typing" or is_a(value, GenericAlias):
            return True
        return type(value) in classes or is_a(value, SUBSCRIPTABLE_BASES)

    def set_item(self, value: Any, key: Any, item: Any) -> None:
        kind = type(value)
        if (kind is list or kind is dict) and type(key) in rendering.ATOMS and not self.runtime.poisoned:
            value[key] = item
            self.runtime.touch(value)
            if kind is dict and len(value) > self.runtime.limits.elements:
                raise TooMuch("a dict grows too large")
            return
        if kind is Unknown:
            self.runtime.kept_by_others(item)
        elif kind is everyday.Hidden:
            self.runtime.give_up("what the program changes may be what is builtin")
        self.acting(self.attempt, self.store_item, (value, key, item), (value, item) if kind is Unknown else (value,))

    def store_item(self, value: Any, key: Any, item: Any) -> None:
        if type(key) is slice and is_a(value, (list, bytearray, deque, array)):
            item = self.iterable(item)
            if type(item) in SEQUENCES and len(value) + len(item) > SMALL:
                self.runtime.allow(len(value) + len(item))
        else:
            self.check_nesting(key)
        value[key] = item

    def delete_item(self, value: Any, key: Any) -> None:
        self.acting(self.attempt, operator.delitem, (value, key), (value,))


VIEWS: frozenset[type] = frozenset({type({}.keys()), type({}.items())})
"""What the operators of sets take any iterable beside."""
QUICK: frozenset[type] = frozenset({list, str, tuple, dict})
SUBSCRIPTABLE: frozenset[type] = frozenset(
    {list, dict, str, tuple, bytes, bytearray, range, NoneType, int, float, bool}
)
SUBSCRIPTABLE_BASES = (
    everyday.VersionInfo, everyday.Environment, Loaded, MappingProxyType, list, dict, str, tuple, deque, ChainMap,
    re.Match, array, memoryview, everyday.PathParents,
)  # fmt: skip
GENERIC: frozenset[Any] = frozenset({list, dict, set, tuple, frozenset, type})

OPERATORS: dict[str, tuple[Apply, Apply]] = {
    "Add": (operator.add, operator.iadd),
    "Sub": (operator.sub, operator.isub),
    "Mult": (operator.mul, operator.imul),
    "Div": (operator.truediv, operator.itruediv),
    "FloorDiv": (operator.floordiv, operator.ifloordiv),
    "Mod": (operator.mod, operator.imod),
    "Pow": (operator.pow, operator.ipow),
    "LShift": (operator.lshift, operator.ilshift),
    "RShift": (operator.rshift, operator.irshift),
    "BitAnd": (operator.and_, operator.iand),
    "BitOr": (operator.or_, operator.ior),
    "BitXor": (operator.xor, operator.ixor),
    "MatMult": (operator.matmul, operator.imatmul),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "UAdd": operator.pos,
    "USub": operator.neg,
    "Invert": operator.invert,
    "Not": operator.not_,
}
COMPARISONS: dict[str, Apply] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
}
