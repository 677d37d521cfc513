"""Calls: of the file's functions and classes, and of allow-listed builtins within their bounds."""

from __future__ import annotations

import functools
import operator
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from cwm_lsp.evaluate import library, rendering
from cwm_lsp.evaluate.attributes import IMMUTABLE
from cwm_lsp.evaluate.binding import bind
from cwm_lsp.evaluate.class_calls import ClassCalls
from cwm_lsp.evaluate.code import Frame
from cwm_lsp.evaluate.everyday import ITERATORS
from cwm_lsp.evaluate.functions import Body, body_of
from cwm_lsp.evaluate.library import words
from cwm_lsp.evaluate.machine import SMALL
from cwm_lsp.evaluate.methods import METHOD_RULES
from cwm_lsp.evaluate.native import GETTERS, SLOT_TYPES
from cwm_lsp.evaluate.reading import PATH_QUESTIONS, READING, WRITING, ConcretePath
from cwm_lsp.evaluate.rules import Rules
from cwm_lsp.evaluate.telling import STILL_CALLS, STILL_METHODS, TOUCHING
from cwm_lsp.evaluate.values import (
    MISSING,
    Cell,
    Guarded,
    Undetermined,
    Unknown,
    is_a,
    mro_of,
)
from cwm_lsp.evaluate.versions import Dialect

if TYPE_CHECKING:
    from cwm_lsp.evaluate.context import Context

PLAINLY: dict[type, str] = {list: "append", dict: "get"}
"""Methods that are as harmless as they are frequent, where their first argument is an atom."""
PLAIN_SIZED: frozenset[type] = frozenset({str, list, tuple, dict})

CACHE = type(functools.lru_cache(len))
CHECKED = words(
    "__repr__ __str__ __len__ __bool__ __hash__ __format__ __iter__ __init__ __index__ __int__ __float__ "
    "__bytes__ __length_hint__ __contains__"
)
"""Special methods whose result CPython looks at."""
SHRINKING = words(
    "pop remove discard clear difference_update intersection_update symmetric_difference_update "
    "__iand__ __isub__ __ixor__"
)
"""Methods that take something from a set."""
AROUND: dict[str, int] = {
    **dict.fromkeys(words("__init__ __new__ __call__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__"), 1),
    **dict.fromkeys(words("__getattr__ __getattribute__ __setattr__ __delattr__ __get__ __set__ __delete__"), 0),
    **dict.fromkeys(words("__getitem__ __setitem__ __delitem__ __contains__ __enter__ __exit__ __neg__ __bool__"), 0),
    **{f"__{prefix}{name}__": 0 for name in words("add sub mul truediv floordiv mod and or xor lshift rshift matmul")
       for prefix in ("", "r", "i")},
}  # fmt: skip
"""By special method: how many calls in C around it count as frames do."""
SLACK = 5
"""How many there are at most around any other function that C calls."""
MUTATORS = words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate update "
    "setdefault add discard difference_update intersection_update symmetric_difference_update subtract "
    "move_to_end send throw close write writelines truncate seek read readline readlines acquire release "
    "__setitem__ __delitem__ __next__ __init__ __setattr__"
)
"""Methods that may change their object."""


RULED: frozenset[type] = frozenset({kind for kind, _ in METHOD_RULES} | {re.Pattern}) & library.METHODS.keys()
"""Builtin types some of whose methods have rules."""
UNRULED: dict[type, dict[str, Callable[..., Any] | None]] = {
    kind: dict.fromkeys(names) for kind, names in library.METHODS.items() if kind not in RULED
}


class Calls(ClassCalls):
    """The calls of one evaluation."""

    def __init__(self, interpreter: Context) -> None:
        self.interpreter = interpreter
        self.runtime = interpreter.runtime
        self.operations = interpreter.operations
        self.rules = Rules(interpreter, self)
        self.made: dict[int, Any] = {}
        """Callables that allow-listed functions have made, by identity: caches, context manager factories."""
        self.quick: dict[type, dict[str, Callable[..., Any] | None]] = dict(UNRULED)
        """For each builtin type, its allowed methods and the rule for each that needs one."""
        for ruled in RULED:
            self.quick[ruled] = {name: self.rules.method(ruled, name) for name in library.METHODS[ruled]}
        asking = {name: self.rules.path_method(name) for name in (*READING, *WRITING, *PATH_QUESTIONS)}
        self.quick[ConcretePath] = {**self.quick[ConcretePath], **asking}

    def leave_out(self, dialect: Dialect) -> None:
        """Have what is not a method of both Pythons looked up where it is called."""
        for kind, table in self.quick.items():
            doubtful = [name for name in table if dialect.is_doubtful(kind, name)]
            if doubtful:
                self.quick[kind] = {name: rule for name, rule in table.items() if name not in doubtful}

    # functions of the file

    def call_function(self, function: FunctionType, body: Body, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function of the user's file."""
        code = body.code
        if code.plain and not kwargs and len(args) == len(code.positional):
            frame = Frame(code, dict(zip(code.positional, args, strict=True)), body.cells)
            if self.runtime.generators or self.runtime.finalizing:
                hand_over(args, kwargs)
            return self.runtime.run_apart(frame) if self.runtime.acting else self.runtime.run(frame)
        variables = bind(function, code, args, kwargs)
        if variables is None:
            return function(*args, **kwargs)  # raises the TypeError
        if self.runtime.generators:
            hand_over(args, kwargs)
        return self.enter(body, variables)

    def enter(self, body: Body, variables: dict[str, Any]) -> Any:
        """Run a function of the file, given the values of its parameters."""
        code, cells = body.code, body.cells
        if code.own_cells:
            cells = dict(cells)
            for name in code.own_cells:
                cells[name] = Cell(variables.pop(name, MISSING))
        frame = Frame(code, variables, cells)
        if code.suspends:
            return self.interpreter.suspension.make(frame)
        return self.runtime.run_apart(frame) if self.runtime.acting else self.runtime.run(frame)

    def from_library(self, body: Body, values: tuple[Any, ...]) -> Any:
        """Run a function of the file that library code has called, or CPython as a special method."""
        code = body.code
        if code.name == "__del__" and self.runtime.entered:
            self.interpreter.suspension.give_up("an object with __del__ ends")
            return None
        runtime = self.runtime
        around, runtime.expected = runtime.expected, None
        at_most, runtime.at_most = runtime.at_most, None
        if around is None:
            around = AROUND.get(code.name)
        slack = 0 if around is not None else SLACK if at_most is None else at_most
        runtime.below += around or 0
        runtime.slack += slack
        try:
            value = self.enter(body, dict(zip(code.parameters, values, strict=True)))
        finally:
            runtime.below -= around or 0
            runtime.slack -= slack
        if type(value) is Unknown and code.name in CHECKED:
            if code.name == "__hash__" and value.hashed is not None:
                self.runtime.seeded += 1
                return value.hashed
            raise Undetermined
        return value

    # any callable

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call whatever the program calls."""
        kind = type(function)
        if kind is FunctionType:
            body = body_of(function)
            if body is not None:
                return self.call_function(function, body, args, kwargs)
        elif kind is MethodType:
            body = body_of(function.__func__)
            if body is not None:
                args.insert(0, function.__self__)
                return self.call_function(function.__func__, body, args, kwargs)
        if kind is Unknown:
            if function.value is not MISSING:
                return self.call(function.value, args, kwargs)
            self.runtime.poison((function,))
            if not self.runtime.tracing:
                self.runtime.unknowing.unknown_changed()
            return self.foreign(args, kwargs)
        self.runtime.tick()
        if len(args) == 1 and not kwargs and not self.runtime.poisoned:
            value = args[0]
            if function is len and type(value) in PLAIN_SIZED:
                return len(value)
            if function is str and type(value) is int and value.bit_length() < SMALL:
                return str(value)
        if (kind is BuiltinFunctionType or kind is type) and function in STILL_CALLS:
            return self.call_other(function, args, kwargs)
        return self.operations.acting(self.call_other, function, args, kwargs)

    def call_other(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call what is no function of the file."""
        kind = type(function)
        if self.runtime.poisoned and id(function) in self.runtime.poisoned and kind in (CACHE, FunctionType):
            return self.runtime.unknown([*args, *kwargs.values()])
        if is_a(function, BuiltinFunctionType):
            return self.call_builtin(function, args, kwargs)
        if is_a(function, type):
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
        if kind is operator.itemgetter:
            return self.native(function, args, kwargs)
        if kind is CACHE and all(type(value) in rendering.ATOMS for value in (*args, *kwargs.values())):
            self.runtime.at_most = 1
            try:
                return self.raw(function, args, kwargs)
            finally:
                self.runtime.at_most = None
        if kind in self.runtime.classes or id(function) in self.made:
            return self.raw(function, args, kwargs)
        if is_a(function, Guarded):
            return self.call(function.function, args, kwargs)
        if kind in library.WRAPPERS:
            return self.raw(function, args, kwargs)
        if kind is FunctionType and id(function.__code__) in library.INNER:
            if function.__name__ == "register":
                return self.rules.register(function, args, kwargs)
            return self.raw(function, args, kwargs)
        if kind is FunctionType and function in library.MANAGING:
            return self.awaitable(self.raw(function, args, kwargs))
        if kind is MethodType:
            if id(function.__func__) in self.made or function.__func__ in library.INHERITED:
                return self.raw(function, args, kwargs)
            if type(function.__func__) is FunctionType and body_of(function.__func__) is None:
                owner, name = function.__self__, function.__name__
                table = self.table_of(owner, name)  # of a class of the library that is written in Python
                if table is not None:
                    return self.method(owner, name, table[name], args, kwargs, function)
            return self.call(function.__func__, [function.__self__, *args], kwargs)
        if getattr(function, "__origin__", None) in self.runtime.classes:
            return self.raw(function, args, kwargs)
        if callable(function):
            return self.listed(function, args, kwargs)
        return function(*args, **kwargs)

    def call_builtin(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a builtin function, or a method of a builtin type bound to its object."""
        owner = function.__self__
        name = function.__name__
        if owner is None or type(owner) is ModuleType:
            return self.listed(function, args, kwargs)
        if is_a(owner, type):
            if name == "__new__":
                return self.new(owner, args, kwargs)
            own = owner in self.runtime.classes and name not in library.IMPURE
            if own or name in library.METHODS.get(owner, ()):
                rule = self.rules.class_methods.get(name)
                return rule(function, args, kwargs) if rule else self.native(function, args, kwargs)
            return self.foreign(args, kwargs)
        table = self.table_of(owner, name)
        if table is not None:
            return self.method(owner, name, table[name], args, kwargs, function)
        if name in library.OPERATIONS:
            if type(owner) in library.METHODS:
                return self.on_item(owner, function, args, kwargs)
            if type(owner) in self.runtime.classes:
                self.check_nesting(None, [owner, *args])
                return self.native(function, args, kwargs, (owner,))
        return self.foreign([owner, *args], kwargs)

    def on_item(self, owner: Any, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a special method of a builtin value by name."""
        name = function.__name__
        if kwargs:
            return self.native(function, args, kwargs)
        if name == "__setitem__" and len(args) == 2:
            return self.operations.set_item(owner, *args)
        if name == "__getitem__" and len(args) == 1:
            return self.operations.subscript(owner, *args)
        self.check_nesting(None, [owner, *args])
        return self.native(function, args, kwargs, (owner,))

    def table_of(self, owner: Any, name: str) -> dict[str, Callable[..., Any] | None] | None:
        """The methods of the builtin type that gives `owner` its method."""
        for base in mro_of(type(owner)):
            table = self.quick.get(base)
            if table is not None and name in table:
                return table
        return None

    def call_descriptor(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call `str.upper` and the like, with the object as the first argument."""
        kind, name = function.__objclass__, function.__name__
        table = self.quick.get(kind)
        if not args or not is_a(args[0], kind):
            if args and type(args[0]) is Unknown:
                return self.runtime.unknown()
            return function(*args, **kwargs)
        if table is None or name not in table:
            return self.foreign(args, kwargs)
        bound = function.__get__(args[0])
        return self.method(args[0], name, table[name], args[1:], kwargs, bound)

    def call_slot(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a special method of a builtin type: `super().__init__(...)`, `int.__add__`."""
        name = function.__name__
        owner: Any = getattr(function, "__self__", args[0] if args else None)
        bound = hasattr(function, "__self__")
        if type(owner) in (Unknown, super):
            return self.foreign(args, kwargs)
        if is_a(owner, type) and owner not in self.runtime.classes:
            if name in ("__setattr__", "__delattr__"):
                if owner.__flags__ & IMMUTABLE or (not bound and function.__objclass__ is not type):
                    return self.native(function, args, kwargs)  # raises the TypeError
                self.interpreter.attributes.changed(owner)
            return self.foreign(args, kwargs)
        operands = [owner, *args] if bound else list(args)
        symbol = SLOT_OPERATORS.get(name)
        if symbol is not None and len(operands) == 2:
            check = self.operations.checks.get(symbol)
            if check is not None:
                check(*(reversed(operands) if name.startswith("__r") else operands))
        elif name in ("__repr__", "__str__", "__format__", "__hash__"):
            rule = {"__repr__": repr, "__str__": str}.get(name)
            if rule is not None and (type(owner) in rendering.ATOMS or is_a(owner, BaseException)):
                return self.native(function, args, kwargs)
            if rule is not None and is_a(owner, list | dict | tuple | str | int | float):
                self.operations.check_shown(owner)
                return self.native(function, args, kwargs)
            if type(owner) not in self.runtime.classes:
                return self.foreign(args, kwargs)
            text = self.native(function, args, kwargs)
            return Unknown() if name == "__hash__" or (is_a(text, str) and rendering.ADDRESS.search(text)) else text
        elif name in ACCESS and type(owner) not in self.runtime.classes and not is_a(owner, type):
            access = getattr(self.interpreter.attributes, ACCESS[name])
            return access(*operands) if len(operands) == 3 - (name != "__setattr__") else self.foreign(args, kwargs)
        elif name == "__contains__" and type(owner) is range and len(operands) == 2:
            return self.operations.inside(operands[1], owner)
        elif name == "__iter__" and len(operands) == 1 and not kwargs and type(owner) in library.SLOTTED:
            return self.operations.iterator(owner)
        elif name == "__next__" and len(operands) == 1 and not kwargs and type(owner) in ITERATORS:
            return self.call(next, operands, {})
        elif name == "__setitem__" and len(operands) == 3 and not kwargs and type(owner) in library.METHODS:
            return self.operations.set_item(*operands)
        elif name in ("__iadd__", "__init__") and len(operands) == 2 and is_a(owner, list | bytearray | deque):
            self.operations.check_sum(*operands)
            args = [*args[:-1], self.operations.ending(operands[1])]
        elif name == "__setitem__":
            for value in operands[1:]:
                if is_a(value, list | tuple | str | bytes | bytearray):
                    self.runtime.allow(len(owner) + len(value))
        if type(owner) in library.METHODS:
            self.check_nesting(None, operands)
        return self.native(function, args, kwargs, (owner,))

    def listed(self, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function or class that is on the allow-list, by its rule."""
        rule = self.rules.functions.get(function)
        if rule is not None:
            if kwargs and function in UNNAMED:
                return function(*args, **kwargs)  # raises the TypeError, before it looks at anything
            return rule(function, args, kwargs)
        if function in library.PLAIN_CALLABLES or function in library.INHERITED:
            return self.native(function, args, kwargs)
        return self.foreign(args, kwargs)

    def method(
        self,
        value: Any,
        name: str,
        rule: Callable[..., Any] | None,
        args: list[Any],
        kwargs: dict[str, Any],
        function: Any = None,
    ) -> Any:
        """Call a method of a builtin type: `function`, where that is not the one which `value` finds by its name."""
        kind = type(value)
        if (
            name == PLAINLY.get(kind)
            and rule is None
            and function is None
            and args
            and type(args[0]) in rendering.ATOMS
            and not kwargs
            and not self.runtime.poisoned
        ):
            result = getattr(value, name)(*args)
            if kind is list:
                self.runtime.touch(value)
            return result
        if kind in STILL_METHODS and not name.startswith("__"):
            if name not in MUTATORS:
                return self.carry_out(value, name, rule, args, kwargs, function)
            if name in TOUCHING:
                try:
                    return self.carry_out(value, name, rule, args, kwargs, function)
                finally:
                    self.runtime.touch(value)
        return self.operations.acting(self.carry_out, value, name, rule, args, kwargs, function)

    def carry_out(
        self,
        value: Any,
        name: str,
        rule: Callable[..., Any] | None,
        args: list[Any],
        kwargs: dict[str, Any],
        function: Any,
    ) -> Any:
        if function is None:
            function = getattr(value, name)
        touched = (value, *args) if name in MUTATORS else ()
        if name in SHRINKING and is_a(value, set):
            self.runtime.shrunk += 1
        if self.runtime.poisoned and self.runtime.is_poisoned((value,)):
            return self.runtime.unknown(touched)
        if rule is not None:
            try:
                result = rule(value, function, args, kwargs)
                if type(result) is Unknown and touched and self.operations.has_unknown(args):
                    self.runtime.poison(touched)
                return result
            except Undetermined:
                known = self.operations.resolved(args)
                if known is None:
                    return self.runtime.unknown(touched)
                return self.carry_out(value, name, rule, known, kwargs, function)
        return self.native(function, args, kwargs, touched)

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


def hand_over(args: Any, kwargs: Any) -> None:
    """Leave arguments to the function called: it alone decides how long they live."""
    if type(args) is list:
        args.clear()
        kwargs.clear()


UNNAMED: frozenset[Any] = frozenset(
    {callable, delattr, getattr, globals, hasattr, hash, id, isinstance, issubclass, iter, locals, next, setattr, super,
     vars}
)  # fmt: skip
"""Builtins with a rule of their own that take no keywords."""
ACCESS = {"__getattribute__": "get", "__setattr__": "set", "__delattr__": "delete"}
SLOT_OPERATORS = {
    f"__{prefix}{name}__": symbol
    for name, symbol in {"mul": "Mult", "pow": "Pow", "lshift": "LShift", "mod": "Mod", "add": "Add"}.items()
    for prefix in ("", "r", "i")
}
