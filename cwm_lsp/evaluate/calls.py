"""Calls: of the file's functions and classes, and of allow-listed builtins within their bounds."""

from __future__ import annotations

import enum
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.binding import bind
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.library import words
from cwm_lsp.evaluate.rules import ORDER_FREE, Rules
from cwm_lsp.evaluate.runtime import SIZED
from cwm_lsp.evaluate.values import MISSING, Cell, Function, GaveUp, Guarded, Undetermined, Unknown

if TYPE_CHECKING:
    from cwm_lsp.evaluate.interpreter import Interpreter

SLOT_TYPES = (MethodWrapperType, WrapperDescriptorType)
SIMPLE: frozenset[type] = (rendering.ATOMS - {range}) | {list, tuple, dict, Function}
GETTERS = (operator.attrgetter, operator.methodcaller)
NAMED = (BuiltinFunctionType, FunctionType, MethodDescriptorType, type)
ACCESSORS = words("get pop popleft popitem setdefault next min max reduce getattr")
"""What gives a value that was there before."""
TRAVERSERS = words(
    "index count remove sort sorted min max deepcopy hash set frozenset dict add discard fromkeys update encode "
    "setdefault get pop insort bisect bisect_left bisect_right heappush heapify nlargest nsmallest"
)
"""What compares, hashes or copies values through and through."""

CHECKED = words(
    "__repr__ __str__ __len__ __bool__ __hash__ __format__ __iter__ __init__ __index__ __int__ __float__ "
    "__bytes__ __length_hint__ __contains__"
)
"""Special methods whose result CPython looks at."""
MUTATORS = words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate update "
    "setdefault add discard difference_update intersection_update symmetric_difference_update subtract "
    "move_to_end send throw close __setitem__ __delitem__ __next__ __init__ __setattr__"
)
"""Methods that may change their object."""


class Calls:
    """The calls of one evaluation."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.operations = interpreter.operations
        self.rules = Rules(interpreter, self)
        self.made: dict[int, Any] = {}
        """Callables that allow-listed functions have made, by identity: caches, context manager factories."""
        self.quick: dict[type, dict[str, Callable[..., Any] | None]] = {
            kind: {name: self.rules.method(kind, name) for name in names} for kind, names in library.METHODS.items()
        }
        """For each builtin type, its allowed methods and the rule for each that needs one."""

    # functions of the file

    def call_function(self, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function of the user's file."""
        code = function.code
        if code.plain and not kwargs and len(args) == len(code.positional):
            frame = Frame(code, dict(zip(code.positional, args, strict=True)), function.cells)
            if self.runtime.generators:
                hand_over(args, kwargs)
            return self.runtime.run(frame)
        variables = bind(function, args, kwargs)
        if self.runtime.generators:
            hand_over(args, kwargs)
        cells = function.cells
        if code.own_cells:
            cells = dict(cells)
            for name in code.own_cells:
                cells[name] = Cell(variables.pop(name, MISSING))
        frame = Frame(code, variables, cells)
        if code.is_generator:
            return self.interpreter.generator(frame)
        return self.runtime.run(frame)

    def from_library(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the file from library code, or as a special method."""
        value = self.call_function(function, args, kwargs)
        if type(value) is Unknown and function.code.name in CHECKED:
            raise Undetermined
        return value

    # any callable

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call whatever the program calls."""
        kind = type(function)
        if kind is Function:
            return self.call_function(function, args, kwargs)
        if kind is MethodType and type(function.__func__) is Function:
            args.insert(0, function.__self__)
            return self.call_function(function.__func__, args, kwargs)
        if kind is Unknown:
            if function.value is not MISSING:
                return self.call(function.value, args, kwargs)
            return self.foreign(args, kwargs)
        self.runtime.tick()
        if isinstance(function, BuiltinFunctionType):
            return self.call_builtin(function, args, kwargs)
        if isinstance(function, type):
            if function in self.runtime.classes:
                return self.construct(function, args, kwargs)
            return self.listed(function, args, kwargs)
        if kind is MethodDescriptorType or kind is ClassMethodDescriptorType:
            return self.call_descriptor(function, args, kwargs)
        if kind in SLOT_TYPES:
            return self.call_slot(function, args, kwargs)
        if kind is functools.partial:
            return self.call(function.func, [*function.args, *args], {**function.keywords, **kwargs})
        if kind in GETTERS:
            return self.get_parts(function, args, kwargs)
        if kind is operator.itemgetter or kind in self.runtime.classes or id(function) in self.made:
            return self.native(function, args, kwargs)
        if kind is Guarded:
            return self.call(function.function, args, kwargs)
        if kind is MethodType and (id(function.__func__) in self.made or inherited(function)):
            return self.native(function, args, kwargs)
        if callable(function):
            return self.listed(function, args, kwargs)
        return function(*args, **kwargs)

    def call_builtin(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a builtin function, or a method of a builtin type bound to its object."""
        owner = function.__self__
        name = function.__name__
        if owner is None or type(owner) is ModuleType:
            return self.listed(function, args, kwargs)
        if isinstance(owner, type):
            if name == "__new__":
                return self.new(owner, args, kwargs)
            if name in library.METHODS.get(owner, ()) or owner in self.runtime.classes:
                rule = self.rules.class_methods.get(name)
                return rule(function, args, kwargs) if rule else self.native(function, args, kwargs)
            return self.foreign(args, kwargs)
        table = self.table_of(owner, name)
        if table is not None:
            return self.method(owner, name, table[name], args, kwargs)
        if name in library.OPERATIONS and type(owner) in library.METHODS:
            return self.on_item(owner, function, args, kwargs)
        return self.foreign([owner, *args], kwargs)

    def on_item(self, owner: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a special method of a builtin value by name."""
        name = function.__name__
        if name == "__setitem__" and len(args) == 2:
            return self.operations.set_item(owner, *args)
        if name == "__getitem__" and len(args) == 1:
            return self.operations.subscript(owner, *args)
        self.check_nesting(None, [owner, *args])
        return self.native(function, args, kwargs, (owner,))

    def table_of(self, owner: Any, name: str) -> dict[str, Callable[..., Any] | None] | None:
        """The methods of the builtin type that gives `owner` its method."""
        for base in type(owner).__mro__:
            table = self.quick.get(base)
            if table is not None and name in table:
                return table
        return None

    def call_descriptor(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call `str.upper` and the like, with the object as the first argument."""
        kind, name = function.__objclass__, function.__name__
        table = self.quick.get(kind)
        if not args or not isinstance(args[0], kind):
            if args and type(args[0]) is Unknown:
                return self.runtime.unknown()
            return function(*args, **kwargs)
        if table is None or name not in table:
            return self.foreign(args, kwargs)
        return self.method(args[0], name, table[name], args[1:], kwargs)

    def call_slot(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a special method of a builtin type: `super().__init__(...)`, `int.__add__`."""
        name = function.__name__
        owner: Any = getattr(function, "__self__", args[0] if args else None)
        bound = hasattr(function, "__self__")
        if type(owner) is Unknown:
            return self.foreign(args, kwargs)
        if isinstance(owner, type) and owner not in self.runtime.classes:
            return self.foreign(args, kwargs)
        operands = [owner, *args] if bound else list(args)
        symbol = SLOT_OPERATORS.get(name)
        if symbol is not None and len(operands) == 2:
            check = self.operations.checks.get(symbol)
            if check is not None:
                check(*(reversed(operands) if name.startswith("__r") else operands))
        elif name in ("__repr__", "__str__", "__format__", "__hash__"):
            rule = {"__repr__": repr, "__str__": str}.get(name)
            if rule is not None and (type(owner) in rendering.ATOMS or isinstance(owner, BaseException)):
                return self.native(function, args, kwargs)
            if rule is not None and isinstance(owner, list | dict | tuple | str | int | float):
                self.operations.check_shown(owner)
                return self.native(function, args, kwargs)
            return self.foreign(args, kwargs)
        elif name == "__setitem__":
            for value in operands[1:]:
                if isinstance(value, list | tuple | str | bytes | bytearray):
                    self.runtime.allow(len(owner) + len(value))
        return self.native(function, args, kwargs, (owner,))

    def new(self, owner: type, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """`object.__new__(cls)` and its like."""
        if not args or not isinstance(args[0], type) or args[0] not in self.runtime.classes:
            return self.foreign(args, kwargs)
        self.check_size(args[0], args[1:])
        return self.native(owner.__new__, args, kwargs)

    def check_size(self, kind: type, args: Sequence[Any]) -> None:
        """Bound what `bytes` makes of a number."""
        if issubclass(kind, bytes | bytearray):
            for value in args:
                self.runtime.allow(self.operations.whole(value))

    def listed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function or class that is on the allow-list, by its rule."""
        rule = self.rules.functions.get(function)
        if rule is not None:
            return rule(function, args, kwargs)
        if function in library.PLAIN_CALLABLES:
            return self.native(function, args, kwargs)
        return self.foreign(args, kwargs)

    def construct(self, kind: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Make an instance of a class of the file."""
        if isinstance(kind, enum.EnumMeta) or kind.__new__ is not object.__new__:
            self.check_size(kind, args)
            return self.native(kind, args, kwargs)
        self.runtime.tick()
        return kind(*args, **kwargs)

    def adopt_named_tuple(self, made: Any) -> None:
        """What `namedtuple` gave a class may be called."""
        for function in (vars(made)["_replace"], vars(made)["_asdict"], made._make.__func__):
            self.made[id(function)] = function

    def foreign(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call something that is not known at all."""
        given = [*args, *kwargs.values()]
        if self.runtime.tracing:
            for value in given:
                if type(value) is Function or (type(value) is MethodType and type(value.__func__) is Function):
                    raise GaveUp(f"code that is not known may call {value.__name__}")
        return self.runtime.unknown(given)

    def method(
        self, value: Any, name: str, rule: Callable[..., Any] | None, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Call a method of a builtin type."""
        function = getattr(value, name)
        touched = (value, *args) if name in MUTATORS else ()
        if self.runtime.poisoned and self.runtime.is_poisoned((value,)):
            return self.runtime.unknown(touched)
        if rule is not None:
            try:
                return rule(value, function, args, kwargs)
            except Undetermined:
                known = self.operations.resolved(args)
                if known is None:
                    return self.runtime.unknown(touched)
                return self.method(value, name, rule, known, kwargs)
        return self.native(function, args, kwargs, touched)

    def native(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], touched: Sequence[Any] = ()) -> Any:
        """Carry out a call of builtin code, its arguments made safe."""
        runtime = self.runtime
        for value in args:
            if type(value) not in SIMPLE:
                args = [self.safe(function, item) for item in args]
                break
        if kwargs:
            kwargs = {name: self.safe(function, item) for name, item in kwargs.items()}
        if runtime.poisoned and runtime.is_poisoned([*args, *kwargs.values()]):
            return runtime.unknown([*touched, *args, *kwargs.values()])
        name = function.__name__ if type(function) in NAMED else None
        if name in TRAVERSERS:
            self.check_nesting(function, args)
        try:
            result = function(*args, **kwargs)
            if type(result) in SIZED and name not in ACCESSORS:
                runtime.count(result)
            return result
        except Undetermined:
            pass
        except Exception:
            if not self.operations.has_unknown([*args, *kwargs.values(), *touched]):
                raise
        known, named = self.operations.resolved(args), self.operations.resolved(list(kwargs.values()))
        if known is None and named is None:
            return runtime.unknown(touched)
        return self.native(function, known or args, dict(zip(kwargs, named or kwargs.values(), strict=True)), touched)

    def check_nesting(self, function: Any, args: Sequence[Any]) -> None:
        for value in (getattr(function, "__self__", None), *args):
            if type(value) not in rendering.ATOMS and type(value) is not ModuleType:
                self.operations.check_nesting(value)

    def get_parts(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call an `attrgetter` or `methodcaller`: what they read or call has to be allowed too."""
        if len(args) != 1 or kwargs:
            return function(*args, **kwargs)
        names, given = function.__reduce__()[1], {}
        if isinstance(function.__reduce__()[0], functools.partial):  # a method with keywords
            given = function.__reduce__()[0].keywords
            names = (*function.__reduce__()[0].args, *names)
        get = self.interpreter.attributes.get
        if type(function) is operator.methodcaller:
            return self.call(get(args[0], names[0]), list(names[1:]), dict(given))
        found = [functools.reduce(get, name.split("."), args[0]) for name in names]
        return found[0] if len(found) == 1 else tuple(found)

    def safe(self, function: Any, value: Any) -> Any:
        """An argument as builtin code may have it: iterators that end, callbacks within bounds."""
        kind = type(value)
        if kind in SIMPLE:
            return value
        if kind is range:
            lazy = function in NOT_ITERATING or getattr(function, "__module__", "") == "_bisect"
            return value if lazy else self.operations.iterable(value)
        if isinstance(value, set | frozenset) and function not in ORDER_FREE:
            return (
                self.operations.iterable(value)
                if not isinstance(getattr(function, "__self__", None), set | frozenset)
                else value
            )
        if kind in GETTERS:
            return self.callback(value)
        if (
            isinstance(value, BuiltinFunctionType)
            or kind is MethodDescriptorType
            or (kind is type and value not in self.runtime.classes)
        ):
            return self.callback(value)
        return value

    def callback(self, function: Any) -> Any:
        """A builtin that other builtin code will call."""
        if isinstance(function, type):
            return function
        return Guarded(function, lambda inner, args, kwargs: self.call(inner, list(args), dict(kwargs)))


def hand_over(args: Any, kwargs: Any) -> None:
    """Leave arguments to the function called: it alone decides how long they live."""
    if type(args) is list:
        args.clear()
        kwargs.clear()


def inherited(function: MethodType) -> bool:
    """Whether a method comes from one of the abstract or user-facing classes of the standard library."""
    inner = function.__func__
    return (
        type(inner) is FunctionType
        and inner.__module__ in ("collections.abc", "_collections_abc", "collections", "numbers", "typing")
        and not inner.__name__.startswith("_")
    )


NOT_ITERATING: frozenset[Any] = frozenset({len, isinstance, type, bool, repr, str, hash, callable, id})
SLOT_OPERATORS = {
    f"__{prefix}{name}__": symbol
    for name, symbol in {"mul": "Mult", "pow": "Pow", "lshift": "LShift", "mod": "Mod", "add": "Add"}.items()
    for prefix in ("", "r", "i")
}
