"""Calls of builtin code, within its bounds."""

from __future__ import annotations

import asyncio
import copy
import itertools
import operator
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import rendering
from cwm_lsp.evaluate.coroutines import LibraryCoroutine
from cwm_lsp.evaluate.functions import body_of
from cwm_lsp.evaluate.library import words
from cwm_lsp.evaluate.operations import Operations
from cwm_lsp.evaluate.rules import ORDER_FREE
from cwm_lsp.evaluate.runtime import SIZED, Runtime
from cwm_lsp.evaluate.states import random_generator
from cwm_lsp.evaluate.values import (
    Addressed,
    GaveUp,
    Undetermined,
    Unknown,
    guarded,
    is_a,
    unguarded,
)

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

SLOT_TYPES = (MethodWrapperType, WrapperDescriptorType)
SIMPLE: frozenset[type] = (rendering.ATOMS - {range}) | {list, tuple, dict, FunctionType}
GETTERS = (operator.attrgetter, operator.methodcaller)
NAMED = (BuiltinFunctionType, FunctionType, MethodDescriptorType, type)
ACCESSORS = words("get pop popleft popitem setdefault next min max reduce getattr")
"""What gives a value that was there before."""
TRAVERSERS = words(
    "index count remove sort sorted min max deepcopy hash set frozenset dict add discard fromkeys update encode "
    "setdefault get pop insort bisect bisect_left bisect_right heappush heapify nlargest nsmallest"
)
"""What compares, hashes or copies values through and through."""
HASHERS = words("set frozenset dict fromkeys update Counter difference intersection union symmetric_difference")
"""What puts many values into a hash table at once."""
CALLED: frozenset[Any] = frozenset(
    {BuiltinFunctionType, MethodDescriptorType, ClassMethodDescriptorType, operator.itemgetter, *GETTERS, *SLOT_TYPES}
)
"""Types of builtin callables."""
KEEPING: frozenset[Any] = frozenset({operator.is_, operator.is_not, id, setattr, getattr, next, itertools.repeat})
"""What keeps its arguments as they are or gives them back, or asks which they are."""
KEEPERS = words(
    "append appendleft insert setdefault get pop index count remove __setitem__ __setattr__ send set_result put_nowait"
)
"""Methods that do."""
KEEPER_TYPES = (list, deque, dict, GeneratorType, asyncio.Future, asyncio.Queue)
"""Those whose methods they are."""
NOT_ITERATING: frozenset[Any] = frozenset({len, isinstance, type, bool, repr, str, hash, callable, id})


def keeps(function: Any, *, named: bool) -> bool:
    """Whether builtin code does no more with an argument (one by name) than to keep it, or to look for it."""
    if isinstance(function, type):
        if issubclass(function, dict | SimpleNamespace):
            return named
        return issubclass(function, BaseException) or function in KEEPING or hasattr(function, "_fields")
    name = getattr(function, "__name__", None)
    if name not in KEEPERS:
        return function in KEEPING or (named and name == "update" and is_a(getattr(function, "__self__", None), dict))
    owner = getattr(function, "__objclass__", None) or type(getattr(function, "__self__", None))
    return name == "__setattr__" or issubclass(owner, dict if name == "__setitem__" else KEEPER_TYPES)


class Native(ABC):
    """Carries out calls of builtin code."""

    interpreter: Context
    runtime: Runtime
    operations: Operations
    made: dict[int, Any]

    @abstractmethod
    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call whatever the program calls."""

    def check_size(self, kind: type, args: Sequence[Any]) -> None:
        """Bound what `bytes` makes of a number."""
        if issubclass(kind, bytes | bytearray):
            for value in args:
                self.runtime.allow(self.operations.whole(value))

    def foreign(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call something that is not known at all."""
        self.interpreter.imports.files.drift()
        given = [*args, *kwargs.values()]
        if self.runtime.tracing:
            for value in given:
                if body_of(value.__func__ if type(value) is MethodType else value) is not None:
                    raise GaveUp(f"code that is not known may call {value.__name__}")
        else:
            self.runtime.unknowing.called_by_others(given)
            generator = random_generator(self.interpreter.imports)
            self.runtime.unseeded[id(generator)] = generator  # it may have been drawn from, or seeded
        return self.runtime.unknown(given)

    def native(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], touched: Sequence[Any] = ()) -> Any:
        """Carry out a call of builtin code, its arguments made safe."""
        runtime = self.runtime
        for value in args:
            if type(value) not in SIMPLE:
                args = [self.safe(function, item) for item in args]
                break
        if kwargs:
            kwargs = {
                name: self.callee(item) if name == "key" else self.safe(function, item, named=True)
                for name, item in kwargs.items()
            }
        if runtime.poisoned and runtime.is_poisoned([*args, *kwargs.values()]):
            runtime.unknowing.may_call([*args, *kwargs.values()])
            return runtime.unknown([*touched, *args, *kwargs.values()])
        name = function.__name__ if type(function) in NAMED else None
        if name in TRAVERSERS:
            self.check_nesting(function, args)
            if name in HASHERS:
                for value in args:
                    self.operations.check_hashes(value)
        try:
            result = function(*args, **kwargs)
            if type(result) in SIZED and name not in ACCESSORS:
                runtime.count(result)
                if (
                    type(result) is list and type(function) is FunctionType
                ):  # code of the library, which may write texts
                    for item in result:
                        runtime.count(item)
            return self.awaitable(result)
        except Addressed:
            return Unknown()
        except Undetermined:
            pass
        except Exception:
            if not self.operations.has_unknown([*args, *kwargs.values(), *touched]):
                raise
        known, named = self.operations.resolved(args), self.operations.resolved(list(kwargs.values()))
        if known is None and named is None:
            runtime.unknowing.may_call([getattr(function, "__self__", None), *args, *kwargs.values()])
            return runtime.unknown(touched)
        return self.native(function, known or args, dict(zip(kwargs, named or kwargs.values(), strict=True)), touched)

    def raw(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Carry out a call of code that hands its arguments on to functions of the file, or keeps them, as they are."""
        try:
            return function(*args, **kwargs)
        except Undetermined:
            return self.runtime.unknown([*args, *kwargs.values()])
        except Exception:
            if self.operations.has_unknown([*args, *kwargs.values()]):
                return self.runtime.unknown([*args, *kwargs.values()])
            raise

    def awaitable(self, result: Any) -> Any:
        """What library code has given, as the program may have it."""
        return LibraryCoroutine(result) if type(result) is CoroutineType else result

    def check_nesting(self, function: Any, args: Sequence[Any]) -> None:
        for value in (getattr(function, "__self__", None), *args):
            kind = type(value)
            # A container that is made from an instance only has what its methods give, which are interpreted.
            asks = function in rendering.PLAIN and kind in self.runtime.classes and not is_a(value, rendering.PLAIN)
            if kind not in rendering.ATOMS and kind is not ModuleType and not asks:
                self.operations.check_nesting(value, once=function is copy.deepcopy)

    def safe(self, function: Any, value: Any, *, named: bool = False) -> Any:
        """An argument as builtin code may have it: iterators that end, callbacks within bounds."""
        kind = type(value)
        if kind in SIMPLE:
            return value
        if keeps(function, named=named):
            return unguarded(value)
        if kind is range:
            lazy = function in NOT_ITERATING or getattr(function, "__module__", "") == "_bisect"
            return value if lazy else self.operations.iterable(value)
        if is_a(value, set | frozenset) and function not in ORDER_FREE:
            return (
                self.operations.iterable(value)
                if not isinstance(getattr(function, "__self__", None), set | frozenset)
                else value
            )
        if kind in GETTERS:
            return self.callback(value)
        if (
            is_a(value, BuiltinFunctionType)
            or kind is MethodDescriptorType
            or (kind is type and value not in self.runtime.classes)
        ):
            return self.callback(value)
        return value

    def callee(self, value: Any) -> Any:
        """What builtin code will call, again and again: all but code of the file comes back to `call`, so that each
        call is bounded like one that the program makes itself."""
        kind = type(value)
        function = value.__func__ if kind is MethodType else value
        if is_a(value, type):
            own = value in self.runtime.classes and value.__new__ is object.__new__
        elif kind in (FunctionType, MethodType):
            own = body_of(function) is not None or id(function) in self.made
        else:
            own = kind not in CALLED
        return value if own else guarded(value, self.call_guarded)

    def call_guarded(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return self.call(function, list(args), dict(kwargs))

    def callback(self, function: Any) -> Any:
        """A builtin that other builtin code will call."""
        if is_a(function, type):
            return function
        return guarded(function, self.call_guarded)
