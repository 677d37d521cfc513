"""`pickle` on plain data, and back again.

What is read back is only what the program itself has written: a pickle may call anything.
"""

from __future__ import annotations

import datetime
import pickle
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import rendering
from cwm_lsp.evaluate.everyday import ITERATORS

if TYPE_CHECKING:
    from cwm_lsp.evaluate.runtime import Runtime

WITHIN: frozenset[type] = frozenset({list, tuple, deque, Counter, OrderedDict, defaultdict, dict, set, frozenset})
LEAVES: frozenset[type] = rendering.ATOMS | {
    bytearray, array, Decimal, Fraction, datetime.date, datetime.time, datetime.datetime, datetime.timedelta,
    datetime.timezone,
}  # fmt: skip
TEXTS: frozenset[type] = frozenset({str, bytes})
SHARED: frozenset[type] = TEXTS | {tuple, frozenset}
"""Types of values of which one may stand where another that is equal does, and it shows in a pickle."""
BUILTIN: frozenset[Any] = frozenset(
    {int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, bool}
)


class Pickling:
    """The rules of `pickle.dumps` and `pickle.loads`."""

    runtime: Runtime
    pickled: set[bytes]
    """What the program has pickled."""

    def pickling(self) -> dict[Any, Callable[[Any, list[Any], dict[str, Any]], Any]]:
        return {pickle.dumps: self.dumped, pickle.loads: self.restored}

    def dumped(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        dialect = self.runtime.dialect
        options = [*args[1:], *kwargs.values()]
        known = len(args) in (1, 2) and kwargs.keys() <= {"protocol"} and all(type(one) is int for one in options)
        if not known or (dialect is not None and dialect.differs) or not self.is_plain(args[0]):
            return self.runtime.unknown(args)
        data = function(*args, **kwargs)
        self.runtime.count(data)
        self.pickled.add(data)
        return data

    def restored(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if len(args) != 1 or kwargs or type(args[0]) is not bytes or args[0] not in self.pickled:
            return self.runtime.unknown(args)
        return function(*args)

    def is_plain(self, value: Any) -> bool:
        """Whether the pickle of a value is the same in every run: it is made of data, and nothing in it is twice there
        that may or may not be the same object."""
        if self.runtime.poisoned and self.runtime.is_poisoned((value,)):
            return False
        seen: set[int] = set()
        shared: dict[Any, int] = {}
        pending = [value]
        while pending:
            value = pending.pop()
            kind = type(value)
            if id(value) in seen:
                continue
            seen.add(id(value))
            if kind in (set, frozenset) and not all(map(rendering.steady, value)):
                return False
            if kind in WITHIN:
                pending += [*value.keys(), *value.values()] if isinstance(value, dict) else value
                if kind is defaultdict:
                    pending.append(value.default_factory)
            elif kind in ITERATORS:
                pending += [part for part in value.__reduce__()[1:] if part is not None]
            elif kind in (datetime.time, datetime.datetime) and value.tzinfo is not None:
                pending.append(value.tzinfo)
            elif kind not in LEAVES and not (kind in (type, BuiltinFunctionType) and value in BUILTIN):
                return False
            perhaps_shared = kind in SHARED and (kind in TEXTS or rendering.ATOMS.issuperset(map(type, value)))
            if perhaps_shared and shared.setdefault((kind, value), id(value)) != id(value):
                return False
        return True
