"""The rules of what iterates, or makes iterators."""

from __future__ import annotations

import functools
import heapq
import itertools
import operator
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate.making import Making
from cwm_lsp.evaluate.values import (
    GaveUp,
    Unknown,
    defines,
    is_a,
)

if TYPE_CHECKING:
    pass

MOST_LAYERS = 10_000
CALLEES: dict[Any, int] = {
    **dict.fromkeys(
        (map, filter, itertools.takewhile, itertools.dropwhile, itertools.filterfalse, itertools.starmap), 0
    ),
    **dict.fromkeys((functools.reduce, iter), 0),
    **dict.fromkeys((itertools.accumulate, itertools.groupby), 1),
    **dict.fromkeys((heapq.nlargest, heapq.nsmallest), 2),
}
"""Functions that call one of their arguments, and which."""


class Iterating(Making):
    """The rules of iteration."""

    layers: int
    """Iterators over iterators that have been made."""

    def iter_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) == 2:
            return self.runtime.ticker(self.calling(function, args, kwargs))
        if len(args) == 1 and not kwargs:
            return self.interpreter.operations.iterator(args[0])
        return self.native(function, args, kwargs)

    def next_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args and type(args[0]) is Unknown:
            return self.runtime.unknown(args)
        return self.native(
            function,
            args,
            kwargs,
        )

    def lazy(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Iterators over iterators: drawing from many inside each other would need more stack than there is."""
        if function is itertools.accumulate and len(args) == 1 and kwargs.get("func") is None:
            kwargs = {**kwargs, "func": operator.add}
        args, kwargs = self.with_callee(function, args, kwargs)
        if args and type(args[0]) is Unknown and function in (map, filter):
            return self.calls.foreign(args, kwargs)
        if any(defines(type(value), "__next__") for value in args):
            self.layers += 1
            if self.layers > MOST_LAYERS:
                raise GaveUp("too many iterators over iterators")
        return self.native(function, args, kwargs)

    def with_callee(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with what the function will call made safe."""
        at = CALLEES.get(function)
        if at is not None and at < len(args):
            args = [*args[:at], self.calls.callee(args[at]), *args[at + 1 :]]
        if "func" in kwargs:
            kwargs = {**kwargs, "func": self.calls.callee(kwargs["func"])}
        return args, kwargs

    def calling(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What calls one of its arguments."""
        return self.native(function, *self.with_callee(function, args, kwargs))

    def backwards(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`reversed`."""
        if len(args) == 1 and not kwargs and type(args[0]) is range:
            return self.interpreter.operations.iterator(args[0][::-1])
        return self.native(function, args, kwargs)

    def endless(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        made = self.native(function, args, kwargs)
        if type(made) is Unknown:
            return made
        if function is itertools.repeat and len(args) + len(kwargs) > 1 and operator.length_hint(made) < 100_000:
            return made
        return self.runtime.ticker(made)

    def combinations(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        repeat = kwargs.get("repeat", 1)
        pools: list[Any] = []
        for value in args:
            if is_a(value, int):
                pools.append(value)
                if value > 10_000:
                    raise GaveUp("too many combinations")
            elif defines(type(value), "__index__"):
                raise GaveUp("how many are combined is not known")
            else:
                drawn = defines(type(value), "__iter__") and not defines(type(value), "__len__")
                pools.append(list(value) if drawn else value)
        if is_a(repeat, int) and repeat > 10_000:
            raise GaveUp("too many combinations")
        made = self.native(function, pools, kwargs)
        return made if type(made) is Unknown else self.runtime.ticker(made)

    def keyed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`sorted`, `min` and `max`, of which the order of a set with no ties is no matter."""
        if len(args) == 1 and id(args[0]) in self.files.unordered and kwargs.get("key") is None:
            args = [self.files.unordered[id(args[0])][1]]
        if len(args) == 1 and type(args[0]) in (set, frozenset) and kwargs.get("key") is None:
            kinds = {type(item) for item in args[0]}
            if len(kinds) == 1 and kinds <= {str, bytes, int, float, tuple}:
                args = [sorted(args[0], key=repr)]
        return self.native(function, args, kwargs)

    def sum_(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if args and type(args[0]) in (list, tuple) and any(type(item) in (list, tuple) for item in args[0]):
            size = sum(len(item) for item in args[0] if type(item) in (list, tuple))
            self.runtime.allow(size * min(len(args[0]), 100))
        return self.native(function, args, kwargs)
